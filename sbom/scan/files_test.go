package scan

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// TestUnaccounted has programs and archives that no package accounts for,
// and the directories that they are counted under.
func TestUnaccounted(t *testing.T) {
	elf := program(t)
	x := "x:" + elf
	manifest := zipped("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n\n")
	runCases(t, []scanCase{
		{"a program", files{"/usr/local/bin/tool": x}, []string{"counts " + unaccounted("/usr/local/bin/tool")}},
		{"without an execute bit", files{"/opt/x": elf}, []string{"counts " + unaccounted("/opt/x")}},
		{"a script", files{"/usr/local/bin/tool": "x:#!/bin/sh\n", "/usr/local/bin/text": "#!/bin/sh\n"}, []string{"counts " + unaccounted("/usr/local/bin/tool")}},
		{"two programs in a folder of programs", files{"/usr/local/bin/a": x, "/usr/local/bin/b": x},
			[]string{"counts " + unaccounted("/usr/local/bin/a"), "counts " + unaccounted("/usr/local/bin/b")}},
		{"a toolchain", files{"/usr/local/go/bin/tool": x, "/usr/local/go/pkg/tool/compile": x, "/usr/local/go/VERSION": "go1"},
			[]string{"counts " + unaccounted("/usr/local/go")}},
		{"of a user", files{"/root/.cargo/bin/tool": x, "/home/me/bin/b": x, "/home/me/.local/bin/c": x, "/home/me/sdk/bin/d": x},
			[]string{"counts " + unaccounted("/root/.cargo/bin/tool"), "counts " + unaccounted("/home/me/bin/b"), "counts " + unaccounted("/home/me/.local/bin/c"), "counts " + unaccounted("/home/me/sdk/bin/d")}},
		{"a toolchain with packages in it", dist("/root/.pyenv/versions/3/lib/python3.13/site-packages", "pip", "24.2").with(files{
			"/root/.pyenv/versions/3/bin/python": x, "/root/.pyenv/versions/3/lib/python3.13/os.py": "", "/root/.pyenv/bin/pyenv": "x:#!/bin/sh\n",
		}), []string{"counts " + unaccounted("/root/.pyenv/bin/pyenv"), "counts " + unaccounted("/root/.pyenv/versions/3"), "counts pypi/pip@24.2"}},
		{"the layout of the python images", dist("/usr/local/lib/python3.13/site-packages", "pip", "24.2").with(files{
			"/usr/local/bin/python3.13": x, "/usr/local/lib/libpython3.13.so.1.0": elf, "/usr/local/lib/python3.13/os.py": "", "/usr/local/lib/python3.13/lib-dynload/a.so": elf,
		}), []string{"counts " + unaccounted("/usr/local/bin/python3.13"), "counts pypi/pip@24.2"}},
		{"an application with packages in it", npm(modules+"/lodash", "lodash", "4.17.21").with(files{"/opt/app/run": x, "/opt/app/lib/x.so": elf}),
			[]string{"counts " + unaccounted("/opt/app"), "counts npm/lodash@4.17.21"}},
		{"a program of a package", npm(modules+"/esbuild", "esbuild", "0.20.0").with(files{modules + "/esbuild/bin/esbuild": x}), []string{"counts npm/esbuild@0.20.0"}},
		{"a program beside what dpkg owns", debs(map[string][]string{"coreutils": {"/usr", "/usr/bin", "/usr/bin/ls"}}).with(files{"/usr/bin/ls": x, "/usr/bin/evil": x}),
			[]string{"counts " + unaccounted("/usr/bin/evil")}},
		{"a kernel module, but no object file", files{"/lib/modules/6/x.o": "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x01\x00" + strings.Repeat("\x00", 64)}, nil},
		{"FIFOs are not opened", files{"/usr/local/bin/tool": "fifo", site + "/x.py": "fifo", site + "/x.pth": "fifo", modules + "/evil": "fifo"},
			nil},

		{"a renamed jar", files{"/opt/lib.dat": mavenJar("org.example", "evil", "6.6.6")}, []string{"counts " + unaccounted("/opt/lib.dat")}},
		{"a jar", files{"/opt/x/evil-6.6.6.jar": mavenJar("org.example", "evil", "6.6.6")}, []string{"counts maven/org.example/evil@6.6.6"}},
		{"a jar in a jar", files{"/opt/x/app-1.0.jar": mavenJar("org.example", "app", "1.0", "BOOT-INF/lib/evil-6.6.6.jar", mavenJar("org.example", "evil", "6.6.6"))},
			[]string{"counts maven/org.example/app@1.0", "inside maven/org.example/evil@6.6.6 in maven/org.example/app@1.0"}},
		{"a jar without a manifest", files{"/opt/x/evil.jar": zipped("Evil.class", "\xca\xfe\xba\xbe")}, []string{"counts " + unaccounted("/opt/x"), "notice unread-in-unaccounted /opt/x/evil.jar"}},
		{"a jar that is no zip", files{"/opt/x/evil.jar": "PK\x03\x04"}, []string{"counts " + unaccounted("/opt/x"), "notice unread-in-unaccounted /opt/x/evil.jar"}},
		{"a jar of a package", dist(site, "spark", "3.5", site+"/spark/x-1.0.jar").with(files{site + "/spark/x-1.0.jar": mavenJar("org.example", "x", "1.0")}),
			[]string{"counts pypi/spark@3.5", "inside maven/org.example/x@1.0 in pypi/spark@3.5"}},
		{"a zip with a manifest and no name", files{"/opt/y.bin": manifest}, []string{"counts " + unaccounted("/opt/y.bin")}},

		{"git's samples of hooks", files{"/src/.git/HEAD": "", "/src/.git/objects/": "", "/src/.git/refs/": "", "/src/.git/hooks/pre-push.sample": "x:#!/bin/sh\n"}, nil},
		{"git's samples of hooks, in the template", files{"/usr/local/share/git-core/templates/description": "", "/usr/local/share/git-core/templates/info/exclude": "", "/usr/local/share/git-core/templates/hooks/update.sample": "x:#!/bin/sh\n"}, nil},
		{"samples of hooks that git does not have", files{"/src/.git/HEAD": "", "/src/.git/objects/": "", "/src/.git/refs/": "", "/src/.git/hooks/evil.sample": "x:#!/bin/sh\n"}, []string{"counts " + unaccounted("/src")}},
		{"no sample of a hook", files{"/opt/hooks/evil.sample": "x:#!/bin/sh\n", "/src/.git/HEAD": "", "/src/.git/hooks/pre-push": "x:#!/bin/sh\n"},
			[]string{"counts " + unaccounted("/opt/hooks/evil.sample"), "counts " + unaccounted("/src"), "notice startup-code /src/.git/hooks/pre-push"}},
		{"a gem with its program", files{
			"/usr/local/lib/ruby/gems/3.2.0/specifications/rake-13.0.6.gemspec": gemspec("rake", "13.0.6"),
			"/usr/local/lib/ruby/gems/3.2.0/gems/rake-13.0.6/exe/rake":          "x:#!/usr/bin/env ruby\n",
			"/usr/local/lib/ruby/gems/3.2.0/gems/rake-13.0.6/Gemfile.lock":      "GEM\n",
			"/usr/local/lib/ruby/gems/3.2.0/gems/rake-13.0.6/test/package.json": `{"name": "fixture", "version": "1.0.0"}`,
			"/usr/local/bin/rake":  "x:#!/usr/bin/ruby\n#\n# This file was generated by RubyGems.\n#\nload Gem.activate_bin_path('rake', 'rake', version)\n",
			"/usr/local/bin/other": "x:#!/usr/bin/ruby\n#\n# This file was generated by RubyGems.\n#\nload Gem.activate_bin_path('evil', 'evil', version)\n",
		}, []string{"counts gem/rake@13.0.6", "counts " + unaccounted("/usr/local/bin/other"),
			"excluded lock-file /usr/local/lib/ruby/gems/3.2.0/gems/rake-13.0.6/Gemfile.lock",
			"excluded fixture /usr/local/lib/ruby/gems/3.2.0/gems/rake-13.0.6/test/package.json"}},
	})
}

func gemspec(name, version string) string {
	return fmt.Sprintf("# -*- encoding: utf-8 -*-\nGem::Specification.new do |s|\n  s.name = %q.freeze\n  s.version = %q\n  s.files = [\"lib/%s.rb\".freeze]\nend\n", name, version, name)
}

// TestLists has packages whose metadata lists what is not theirs.
func TestLists(t *testing.T) {
	x := "x:#!/bin/sh\n"
	conda := func(prefix, list string) files {
		return files{prefix + "/conda-meta/evil-6.6.6-0.json": `{"name": "evil", "version": "6.6.6", "build": "0", "files": [` + list + `]}`}
	}
	release := "JAVA_VERSION=\"21.0.4\"\nIMAGE_TYPE=\"JDK\"\nIMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_RUNTIME_VERSION=\"21.0.4+7-LTS\"\n"
	runCases(t, []scanCase{
		{"conda", conda("/opt/conda", `"bin/evil", "../../usr/local/bin/tool", "/usr/local/bin/other"`).with(files{"/opt/conda/bin/evil": x, "/usr/local/bin/tool": x, "/usr/local/bin/other": x, "/bin/evil": x}),
			[]string{"counts conda/evil@6.6.6", "counts " + unaccounted("/usr/local/bin/tool"), "counts " + unaccounted("/usr/local/bin/other"), "counts " + unaccounted("/bin/evil"),
				"notice claimed-files /opt/conda/conda-meta/evil-6.6.6-0.json"}},
		{"conda in the root", conda("", `"usr/local/bin/tool"`).with(files{"/usr/local/bin/tool": x}),
			[]string{"counts conda/evil@6.6.6", "counts " + unaccounted("/usr/local/bin/tool"), "notice claimed-files /conda-meta/evil-6.6.6-0.json"}},
		{"a Java runtime", files{"/opt/java/release": release, "/opt/java/bin/java": x}, []string{"counts generic/oracle/openjdk@21.0.4+7-LTS"}},
		{"a Java runtime that is the whole system", files{"/usr/release": release, "/usr/bin/evil": x}, []string{"counts generic/oracle/openjdk@21.0.4+7-LTS", "counts " + unaccounted("/usr/bin/evil"), "notice claimed-files /usr/release"}},
		{"a Gentoo database in a home", files{"/home/me/var/db/pkg/app-misc/evil-6.6.6/CONTENTS": "obj /usr/local/bin/tool 00000000000000000000000000000000 1\n", "/usr/local/bin/tool": x},
			[]string{"counts ebuild/app-misc/evil@6.6.6", "counts " + unaccounted("/usr/local/bin/tool"), "notice claimed-files /home/me/var/db/pkg/app-misc/evil-6.6.6/CONTENTS"}},
	})
}

// TestGoPrograms has one that was built in a working tree, and one that was
// built from a module as "go install" does it.
func TestGoPrograms(t *testing.T) {
	std := "golang/stdlib@" + strings.TrimPrefix(runtime.Version(), "go")
	d := files{"/usr/local/bin/tool": "x:" + goProgram(t), "/usr/local/bin/wiped": "x:" + program(t)}.scan(t)
	checkSummary(t, d,
		"counts "+unaccounted("/usr/local/bin/tool"), "counts "+unaccounted("/usr/local/bin/wiped"),
		"inside golang/example.org/dep@v1.2.3 in "+unaccounted("/usr/local/bin/tool"),
		"inside golang/example.org/tool in "+unaccounted("/usr/local/bin/tool"),
		"inside "+std+" in "+unaccounted("/usr/local/bin/tool"))

	// A version that only its builder states is no identity.
	named := strings.Replace(goProgram(t), "mod\texample.org/tool\t(devel)\t\n", "mod\texample.org/tool\tv1.2.34\t\n", 1)
	d = files{"/usr/local/bin/tool": "x:" + named}.scan(t)
	if c := d.Component(unaccounted("/usr/local/bin/tool")); c == nil || !c.Counts() {
		t.Errorf("a version without a digest: %q", summary(d))
	}

	file := filepath.Join(t.TempDir(), "tool")
	if err := goBuild(".", "-o", file, "github.com/rogpeppe/go-internal/cmd/txtar-x"); err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d = files{"/usr/local/bin/txtar-x": "x:" + string(data)}.scan(t)
	tool := "golang/" + info.Main.Path + "@" + info.Main.Version
	want := []string{"counts " + tool, "inside " + std + " in " + tool}
	for _, m := range info.Deps {
		want = append(want, "inside golang/"+m.Path+"@"+m.Version+" in "+tool)
	}
	checkSummary(t, d, want...)
	digest := sbom.Digest{Algorithm: "h1", Value: strings.TrimPrefix(info.Main.Sum, "h1:"), Proved: true, File: "/usr/local/bin/txtar-x"}
	if c := d.Component(tool); c == nil || !slices.Equal(c.Digests, []sbom.Digest{digest}) {
		t.Errorf("%+v, want the digest %+v", c, digest)
	}
}

// TestCaches holds that a directory is a cache by what is in it and by where it
// is, never by its name.
func TestCaches(t *testing.T) {
	x := "x:" + program(t)
	mod := "/root/go/pkg/mod"
	fakes := files{}
	var counted []string
	for _, dir := range []string{"/opt/a/pkg/mod", "/opt/b/go-build", "/opt/c/_cacache", "/opt/d/.cache/pip", "/opt/e/.cache/uv", "/opt/f/.cache/yarn",
		"/opt/g/.cargo/registry", "/opt/h/.m2/repository", "/opt/i/.gradle/caches", "/opt/j/pkgs", "/opt/k/pnpm/store"} {
		at := dir + "/site-packages"
		name := strings.Split(dir, "/")[2]
		fakes = fakes.with(dist(at, name, "6.6.6"))
		counted = append(counted, "counts pypi/"+name+"@6.6.6")
	}
	runCases(t, []scanCase{
		{"only the names", fakes, counted},
		{"pip's, in a folder of modules", dist(site+"/.cache/pip/x/site-packages", "evil", "6.6.6").with(files{site + "/.cache/pip/http/x": "", site + "/.cache/pip/evil.py": ""}),
			[]string{"counts pypi/evil@6.6.6", "counts " + unaccounted(site+"/.cache/pip/evil.py")}},
		{"npm's", npm("/root/.npm/_cacache/content-v2/node_modules/x", "x", "1.0.0").with(files{"/root/.npm/_cacache/content-v2/sha512/ab/cd/" + strings.Repeat("0", 124): "x:#!/bin/sh\n"}),
			[]string{"counts npm/x@1.0.0", "excluded cache /root/.npm/_cacache"}},
		{"Go's", files{mod + "/cache/download/x/@v/list": "", mod + "/example.org/x@v1.0.0/node_modules/y/package.json": `{"name": "y", "version": "1.0.0"}`, mod + "/example.org/x@v1.0.0/go.sum": ""},
			[]string{"excluded cache " + mod}},
		{"Go's, with a toolchain", files{mod + "/cache/download/x/@v/list": "", mod + "/golang.org/toolchain@v0.0.1-go1.30.0.linux-amd64/bin/go": x, mod + "/golang.org/toolchain@v0.0.1-go1.30.0.linux-amd64/pkg/tool/link": x, mod + "/example.org/x@v1.0.0/testdata/elf": program(t)},
			[]string{"excluded cache " + mod, "counts generic/go@" + strings.TrimPrefix(runtime.Version(), "go") + "?path=" + mod + "/golang.org/toolchain@v0.0.1-go1.30.0.linux-amd64"}},
		{"a cache in a cache is one", files{"/root/.cache/pip/http/x": "", "/root/.cache/pip/http/_cacache/index-v5/x": ""}, []string{"excluded cache /root/.cache/pip"}},
	})
}

func TestExcluded(t *testing.T) {
	runCases(t, []scanCase{
		{"archives", files{"/var/cache/apt/archives/evil_1_all.deb": "!<arch>\n", "/opt/x.rpm": "", "/opt/x.gem": "", "/opt/x.crate": "", "/opt/x.apk": ""},
			[]string{"excluded archive /var/cache/apt/archives/evil_1_all.deb", "excluded archive /opt/x.rpm", "excluded archive /opt/x.gem", "excluded archive /opt/x.crate", "excluded archive /opt/x.apk"}},
		{"images of file systems", files{"/srv/hello_42.snap": "hsqs", "/live/filesystem.squashfs": "hsqs", "/srv/x.sfs": "hsqs"},
			[]string{"excluded archive /srv/hello_42.snap", "excluded archive /live/filesystem.squashfs", "excluded archive /srv/x.sfs"}},
		{"lock files", files{"/srv/requirements-dev.txt": "evil==6.6.6\n", "/srv/package-lock.json": `{"packages": {"node_modules/evil": {"version": "6.6.6"}}}`, "/srv/go.sum": "", "/srv/Cargo.lock": "[[package]]\nname = \"evil\"\nversion = \"6.6.6\"\n"},
			[]string{"excluded lock-file /srv/requirements-dev.txt", "excluded lock-file /srv/package-lock.json", "excluded lock-file /srv/go.sum", "excluded lock-file /srv/Cargo.lock"}},
		{"a program that calls itself a lock file", files{"/srv/go.sum": "x:" + program(t), "/srv/x.deb": "x:" + program(t)},
			[]string{"excluded lock-file /srv/go.sum", "excluded archive /srv/x.deb", "counts " + unaccounted("/srv/go.sum"), "counts " + unaccounted("/srv/x.deb")}},
	})
	name := "/root/.cache/pip/http/a/b/c/d/e/" + strings.Repeat("0", 56)
	d := files{name: "", name + ".body": ""}.scan(t)
	if len(d.Excluded) != 1 || d.Excluded[0].Detail != "2 files" || d.Excluded[0].Name != "pip cache" || d.ExcludedCount() != 1 {
		t.Errorf("a cache is listed as %+v", d.Excluded)
	}
}

// TestSystem has the rows of the table about the system's own database.
func TestSystem(t *testing.T) {
	good := debs(map[string][]string{"evil": {"/usr/bin/evil"}})
	status := "Package: evil\nStatus: install ok installed\nArchitecture: amd64\nVersion: 6.6.6\nDescription: d\n\n"
	runCases(t, []scanCase{
		{"an OS without its database", files{"/etc/os-release": "ID=debian\n"}, []string{"gap system /etc/os-release"}},
		{"a database that is elsewhere", files{"/etc/os-release": "ID=debian\n", "/home/me/lib/dpkg/status": status, "/opt/var/lib/dpkg/status": status}, []string{"gap system /etc/os-release"}},
		{"another OS", good.with(files{"/etc/os-release": "ID=alpine\n"}), []string{"gap system /var/lib/dpkg"}},
		{"a database in a home beside the system's", good.with(files{"/home/me/lib/dpkg/status": status, "/home/me/lib/dpkg/info/evil.list": "/home/me/x\n", "/home/me/x": "x:#!/bin/sh\n"}),
			[]string{"counts " + unaccounted("/home/me/x")}},
		{"a package that is set to deinstall, its list is there", good.with(files{"/var/lib/dpkg/status": strings.Replace(good["/var/lib/dpkg/status"], "install ok installed", "deinstall ok config-files", 1), "/usr/bin/evil": "x:#!/bin/sh\n"}),
			[]string{"counts " + unaccounted("/usr/bin/evil"), "excluded not-installed /var/lib/dpkg/status", "notice leftover-list /var/lib/dpkg/info/evil.list"}},
		{"os-release that cannot be read", good.with(files{"/etc/os-release": "ID=\"debian\n"}), []string{"notice system /etc/os-release"}},
		{"Windows", files{"/windows/SYSTEM32/l_intl.nls": ""}, []string{"gap system /windows/SYSTEM32"}},
		{"a layer of Windows", files{"/Files/Windows/System32/l_intl.nls": "", "/Hives/Software_Base": "regf"}, []string{"gap system /Files/Windows/System32"}},
		{"macOS", files{"/System/Library/CoreServices/SystemVersion.plist": ""}, []string{"gap system /System/Library/CoreServices/SystemVersion.plist"}},
		{"Android", files{"/system/build.prop": ""}, []string{"gap system /system/build.prop"}},
		{"a Wine prefix", files{"/home/me/.wine/drive_c/Windows/System32/l_intl.nls": ""}, nil},
		{"what is inside a package", debs(map[string][]string{"python3-six": {"/usr/lib/python3/dist-packages/six.py", "/usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO"}}).with(files{
			"/usr/lib/python3/dist-packages/six.py": "", "/usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO": "Name: six\nVersion: 1.16.0\n",
		}), []string{"inside pypi/six@1.16.0 in deb/debian/python3-six@1?arch=amd64"}},
		{"broken metadata inside a package", debs(map[string][]string{"python3-six": {"/usr/lib/python3/dist-packages/six-1.egg-info"}}).with(files{"/usr/lib/python3/dist-packages/six-1.egg-info": "Version: 1\n"}), nil},
		{"pip's list names a file of the system's", debs(map[string][]string{"python3-six": {"/usr/lib/python3/dist-packages/six.py"}}).
			with(dist("/usr/lib/python3/dist-packages", "evil", "6.6.6", "six.py")).with(files{"/usr/lib/python3/dist-packages/six.py": ""}), []string{"counts pypi/evil@6.6.6"}},
		{"the system's list names files of pip's", debs(map[string][]string{"python3-six": {site + "/evil/__init__.py", site + "/evil-6.6.6.dist-info/METADATA", "/opt/run"}}).
			with(dist(site, "evil", "6.6.6")).with(files{"/opt/run": "x:#!/bin/sh\n"}),
			[]string{"counts pypi/evil@6.6.6", "notice claimed-files " + site + "/evil/__init__.py of deb/debian/python3-six@1?arch=amd64"}},
	})
	for name, f := range map[string]files{
		"a FIFO":   files{"/etc/os-release": "ID=debian\n", "/var/lib/dpkg/status": "fifo"},
		"a folder": files{"/etc/os-release": "ID=debian\n", "/var/lib/dpkg/status/": ""},
		"binary":   files{"/etc/os-release": "ID=debian\n", "/var/lib/dpkg/status": "\x00\x01"},
	} {
		d, err := Run(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: f.plant(t)}, Options{})
		if err == nil || d != nil {
			t.Errorf("the database is %s: %v, no error", name, d)
		}
	}
}

// scanVariable makes a run of this test binary print what it finds in a
// directory instead of testing.
const scanVariable = "DEPAUDIT_TEST_SCAN"

func TestMain(m *testing.M) {
	root := os.Getenv(scanVariable)
	if root == "" {
		os.Exit(m.Run())
	}
	d, err := Run(context.Background(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(d); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestUnreadable looks as a user without privileges at a directory and at files
// that it may not read.
func TestUnreadable(t *testing.T) {
	root, err := os.MkdirTemp("", "scan-test-") // TempDir is for its owner only
	if err != nil {
		t.Fatal(err)
	}
	f := dist("/srv/venv/lib/python3.11/site-packages", "evil", "6.6.6").with(dist(site, "six", "1.16.0")).with(files{
		"/usr/local/bin/tool": "#!", modules + "/x/package.json": `{"name": "x"}`, site + "/x.pth": "import x\n",
	})
	closed := []string{"/srv/venv", "/usr/local/bin/tool", modules + "/x/package.json", site + "/x.pth", site + "/six-1.16.0.dist-info/RECORD"}
	f.plantIn(t, root, sortedKeys(f))
	for _, p := range closed {
		if err := os.Chmod(filepath.Join(root, p), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, p := range closed {
			os.Chmod(filepath.Join(root, p), 0o755)
		}
		os.RemoveAll(root)
	})
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), scanVariable+"="+root, "TMPDIR=/tmp")
	cmd.Dir = "/"
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var d sbom.Document
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range closed {
		if !slices.ContainsFunc(d.Gaps, func(g sbom.Gap) bool { return g.Path == p }) {
			t.Errorf("no gap names %s: %+v", p, d.Gaps)
		}
	}
}

// TestCancelled cancels in each phase of a scan.
func TestCancelled(t *testing.T) {
	f := debs(map[string][]string{"a": {"/usr/bin/a"}})
	for i := range 50 {
		f = f.with(dist(site, fmt.Sprintf("p%d", i), "1")).with(npm(fmt.Sprintf("%s/n%d", modules, i), fmt.Sprintf("n%d", i), "1.0.0"))
	}
	root := f.plant(t)
	seen := map[string]bool{}
	for _, phase := range []string{"walking files", "reading package databases", "looking into packages"} {
		ctx, cancel := context.WithCancel(t.Context())
		d, err := Run(ctx, rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, Options{Progress: func(p Progress) {
			seen[p.Phase] = true
			if p.Phase == phase {
				cancel()
			}
		}})
		cancel()
		if seen[phase] && (!errors.Is(err, context.Canceled) || d != nil) {
			t.Errorf("cancelled while %s: %v, %v", phase, d != nil, err)
		}
	}
	if len(seen) < 2 {
		t.Errorf("only seen: %v", seen)
	}
	if _, err := Run(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root + "/none"}, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a root that is not there: %v", err)
	}
}

// TestRepeatable scans one tree that was made in two orders, with one
// processor and with four.
func TestRepeatable(t *testing.T) {
	f := debs(map[string][]string{"a": {"/usr/bin/a"}, "python3-six": {"/usr/lib/python3/dist-packages/six.egg-info"}}).with(files{
		"/usr/lib/python3/dist-packages/six.egg-info": "Name: six\nVersion: 1\n",
		"/usr/local/bin/tool":                         "x:" + goProgram(t),
		"/opt/x/app-1.0.jar":                          mavenJar("org.example", "app", "1.0", "lib/evil-6.6.6.jar", mavenJar("org.example", "evil", "6.6.6")),
		"/opt/y/app-1.0.jar":                          mavenJar("org.example", "app", "1.0", "lib/evil-6.6.6.jar", mavenJar("org.example", "evil", "6.6.6")),
		modules + "/.package-lock.json":               `{"packages": {"node_modules/n0": {"version": 1}, "node_modules/n1": {"version": 1}, "node_modules/n2": {"version": "1.0.0", "integrity": "sha512-AQI= sha1-Aw=="}}}`,
		site + "/p1-1.dist-info/direct_url.json":      `{"url": "https://example.org", "archive_info": {"hashes": {"sha256": "ab", "md5": "cd", "sha1": "ef", "sha512": "01"}}}`,
		"/root/.cache/pip/http/x":                     "",
	})
	for i := range 20 {
		at := []string{site, "/opt/v/lib/python3/site-packages"}[i%2]
		f = f.with(dist(at, fmt.Sprintf("p%d", i/2), "1", "/etc/passwd", "/etc/hosts")).with(npm(fmt.Sprintf("%s/n%d", modules, i), fmt.Sprintf("n%d", i), "1.0.0"))
	}
	order := sortedKeys(f)
	backwards := slices.Clone(order)
	slices.Reverse(backwards)
	slices.SortStableFunc(backwards, func(a, b string) int { return len(a)%7 - len(b)%7 })
	var want []byte
	for _, o := range [][]string{order, backwards} {
		root := filepath.Join(t.TempDir(), "root")
		f.plantIn(t, root, o)
		t.Chdir(filepath.Dir(root))
		for _, procs := range []int{1, 4, 1, 4} {
			old := runtime.GOMAXPROCS(procs)
			d := scanFolder(t, "root")
			d.Environment.Newest = "" // the files were made one after the other
			runtime.GOMAXPROCS(old)
			got, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
				if len(d.Components) < 35 || len(d.Gaps) == 0 || len(d.Notices) == 0 || len(d.Excluded) == 0 {
					t.Errorf("too little to compare: %s", got)
				}
			}
			if !bytes.Equal(want, got) {
				t.Fatalf("two scans differ:\n%s\n%s", want, got)
			}
		}
	}
}
