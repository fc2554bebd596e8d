package scan

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// TestNamesOfOneFile has hard links, of what is accounted for and of what is not.
func TestNamesOfOneFile(t *testing.T) {
	x := "x:" + program(t)
	tool := debs(map[string][]string{"tool": {"/usr/bin/tool"}}).with(files{"/usr/bin/tool": x})
	repo := "/sysroot/ostree/repo/objects/ab/cdef0123456789.file"
	runCases(t, []scanCase{
		{"a file of the system", tool.with(files{"/usr/local/bin/again": "=> /usr/bin/tool", repo: "=> /usr/bin/tool", "/sysroot/ostree/repo/config": ""}), []string{"excluded cache /sysroot/ostree/repo", "notice program-name /usr/local/bin/again"}},
		{"an object that is not checked out", tool.with(files{repo: x, "/sysroot/ostree/repo/config": ""}), []string{"excluded cache /sysroot/ostree/repo", "counts " + unaccounted("/sysroot/ostree/repo")}},
		{"other files among the objects", tool.with(files{repo: "=> /usr/bin/tool", "/sysroot/ostree/repo/config": ""}).with(dist("/sysroot/ostree/repo/objects/site-packages", "evil", "6.6.6")), []string{"counts pypi/evil@6.6.6"}},
		{"a copy of a file of the system", tool.with(files{"/usr/local/bin/again": x}), []string{"counts " + unaccounted("/usr/local/bin/again")}},
		{"a symbolic link is no other name", tool.with(files{"/usr/local/bin/evil": x, "/usr/local/bin/to": "-> evil"}), []string{"counts " + unaccounted("/usr/local/bin/evil")}},
		{"a file of a package", dist(site, "six", "1.16.0", "six/run").with(files{site + "/six/run": x, "/opt/run": "=> " + site + "/six/run"}), []string{"counts pypi/six@1.16.0"}},
		{"a file of nothing", files{"/usr/local/bin/busybox": x, "/usr/local/bin/ls": "=> /usr/local/bin/busybox", "/usr/local/bin/cat": "=> /usr/local/bin/busybox"}, []string{"counts " + unaccounted("/usr/local/bin/busybox")}},
		{"a file of an installation", files{"/opt/tool/bin/tool": x, "/opt/tool/lib/x.so": program(t), "/usr/local/bin/alias": "=> /opt/tool/bin/tool"}, []string{"counts " + unaccounted("/opt/tool")}},
		{"a copied tree", files{"/opt/a/bin/a": x, "/opt/a/lib/a.so": program(t), "/opt/b/bin/a": "=> /opt/a/bin/a", "/opt/b/lib/a.so": "=> /opt/a/lib/a.so"}, []string{"counts " + unaccounted("/opt/a")}},
		{"a copied tree with more in it", files{"/opt/a/bin/a": x, "/opt/a/lib/a.so": program(t), "/opt/b/bin/a": "=> /opt/a/bin/a", "/opt/b/lib/a.so": "=> /opt/a/lib/a.so", "/opt/b/bin/b": x},
			[]string{"counts " + unaccounted("/opt/a"), "counts " + unaccounted("/opt/b")}},
	})
	d := files{"/usr/local/bin/b": x, "/usr/local/bin/a": "=> /usr/local/bin/b", "/srv/c": "=> /usr/local/bin/b"}.scan(t)
	if len(d.Components) != 1 || !slices.Equal(d.Components[0].Paths, []string{"/usr/local/bin/a", "/usr/local/bin/b"}) || !strings.HasSuffix(d.Components[0].Detail, "; hard links at /srv/c") {
		t.Errorf("%+v, want one component with two paths, and the third in its remark", d.Components)
	}
	// Each of two installations has a program of the other, and code of its own: the
	// program counts in one of them and names both.
	python := elfFile(elf.EM_X86_64, "") + "\x003.12.1\x00"
	d = files{"/opt/a/bin/python3.12": "x:" + python, "/opt/a/lib/a.so": program(t), "/opt/b/bin/python3.12": "=> /opt/a/bin/python3.12", "/opt/b/lib/b.so": program(t)}.scan(t)
	var got []string
	for _, c := range d.Components {
		got = append(got, c.ID+": "+c.Detail)
	}
	if diff := cmp.Diff([]string{
		"generic/python@3.12.1?path=/opt/a: python 3.12.1, 2 files: bin/python3.12, lib/a.so; hard links at /opt/b/bin/python3.12",
		"generic/python@3.12.1?path=/opt/b: python 3.12.1, 2 files: bin/python3.12, lib/b.so; hard links at /opt/a/bin/python3.12",
	}, got); diff != "" {
		t.Error(diff)
	}
	// A program that was built in a working tree, with modules in it.
	d = files{"/opt/tool/bin/tool": "x:" + goProgram(t), "/opt/tool/lib/x": "", "/usr/local/bin/tool": "=> /opt/tool/bin/tool"}.scan(t)
	for _, c := range d.Components {
		if c.Counts() != (c.ID == unaccounted("/opt/tool")) {
			t.Errorf("%s counts: %t", c.ID, c.Counts())
		}
	}
}

// TestHardLinkedCopies adds copies of hard links to roots: they are the same
// files, so that the same dependencies count, with the same names, versions,
// paths, sizes and fingerprints.
func TestHardLinkedCopies(t *testing.T) {
	lib := elfFile(elf.EM_X86_64, "")
	x, python := "x:"+lib, "x:"+lib+"\x003.12.1\x00"
	roots := map[string]files{
		"an installation":          {"/usr/local/go/bin/go": x, "/usr/local/go/bin/gofmt": x, "/usr/local/go/pkg/tool/asm": x, "/usr/local/go/VERSION": "go1.26.1\n"},
		"with a version":           {"/opt/py/bin/python3.12": python, "/opt/py/bin/2to3": x, "/opt/py/lib/a.so": lib},
		"one program":              {"/usr/local/bin/kubectl": x, "/opt/jq/bin/jq": x},
		"with what cannot be read": {"/opt/app/bin/app": x, "/opt/app/lib/x.jar": "PK\x03\x04"},
		"in a home directory":      {"/home/u/sdk/bin/tool": x, "/home/u/sdk/lib/libtool.so.1": lib, "/home/u/bin/run": x},
		"prefixes in prefixes":     {"/opt/app/bin/app": x, "/opt/app/lib/a.so": lib, "/opt/app/vendor/b/bin/b": x, "/opt/app/vendor/b/lib/b.so": lib},
		"Python in /usr/local": files{
			"/usr/local/bin/python3.12": python, "/usr/local/bin/python3": "=> /usr/local/bin/python3.12", "/usr/local/lib/python3.12/os.py": "", "/usr/local/lib/python3.12/idlelib/pyshell.py": "",
			"/usr/local/lib/python3.12/lib-dynload/_ssl.so": lib, "/usr/local/lib/libpython3.12.so.1.0": lib, "/usr/local/lib/libpython3.12.a": "!<arch>\n", "/usr/local/include/python3.12/Python.h": "",
			"/usr/local/lib/libpython3.so": elfFile(elf.EM_X86_64, "", "libpython3.12.so.1.0"),
			"/usr/local/bin/idle3.12":      "x:#!/usr/local/bin/python3\n\nfrom idlelib.pyshell import main\nmain()\n",
			"/usr/local/bin/other":         x,
		}.with(dist("/usr/local/lib/python3.12/site-packages", "six", "1.16.0")),
		"git and Perl": {
			"/usr/local/bin/git": x, "/usr/local/bin/git-shell": x, "/usr/local/libexec/git-core/git": "=> /usr/local/bin/git", "/usr/local/libexec/git-core/git-shell": "=> /usr/local/bin/git-shell",
			"/usr/local/libexec/git-core/git-remote-http": x,
			"/usr/local/bin/perl":                         x, "/usr/local/bin/perl5.38.2": "=> /usr/local/bin/perl", "/usr/local/lib/perl5/5.38.2/x86_64-linux/CORE/libperl.so": lib,
		},
		"libraries": {
			"/usr/local/lib/libfoo.a": "!<arch>\n", "/usr/local/lib/libfoo.so.1": lib, "/usr/local/include/foo/foo.h": "", "/usr/local/lib/pkgconfig/foo.pc": "",
			"/usr/local/bin/openssl": "x:" + elfFile(elf.EM_X86_64, "", "libssl.so.3"), "/usr/local/lib/libssl.so.3": lib, "/usr/local/lib/libssl.so": "=> /usr/local/lib/libssl.so.3",
		},
		"a Go program": {"/opt/tool/bin/tool": "x:" + goProgram(t), "/opt/tool/lib/x": ""},
	}
	for name, f := range roots {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := f.plant(t)
			dir := rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}
			want := without(t, dir)
			check := func(ref rootfs.Ref) {
				if diff := cmp.Diff(want, without(t, ref)); diff != "" {
					t.Fatalf("%s: -without copies +with:\n%s", ref.Scheme, diff)
				}
			}
			for _, copies := range []func(*testing.T, string){profiled, backup("/backup/1"), backup("/mnt/b/2"), backup("/home/u/3")} {
				copies(t, root)
				check(dir)
			}
			check(rootfs.Ref{Scheme: rootfs.SchemeOCIDir, Path: imageOf(t, root, 1)})
		})
	}
}

// without returns what the copies of a root must not change.
func without(t *testing.T, ref rootfs.Ref) []sbom.Component {
	t.Helper()
	d, err := Run(t.Context(), ref, Options{Fingerprints: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Gaps) > 0 {
		t.Fatalf("%+v", d.Gaps)
	}
	var out []sbom.Component
	for _, c := range d.Components {
		c.Detail, _, _ = strings.Cut(c.Detail, "; hard links at ")
		c.Layer = 0
		if c.Kind != sbom.KindFiles {
			c.Paths, c.Files = nil, 0 // another place of a package
		}
		out = append(out, c)
	}
	return out
}

// profiled links each program and library to where perf keeps those that it saw
// (~/.debug/PATH/BUILD-ID/elf).
func profiled(t *testing.T, root string) {
	t.Helper()
	n := 0
	eachFile(t, root, func(p string, info fs.FileInfo) {
		if info.Mode()&0o111 == 0 && !strings.Contains(p, ".so") {
			return
		}
		n++
		dir := filepath.Join(root, "root/.debug", p, fmt.Sprintf("%040x", n))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(root, p), filepath.Join(dir, "elf")); err != nil {
			t.Fatal(err)
		}
	})
}

// backup copies what a system has installed, as "cp -al" does.
func backup(to string) func(*testing.T, string) {
	return func(t *testing.T, root string) {
		t.Helper()
		eachFile(t, root, func(p string, _ fs.FileInfo) {
			full := filepath.Join(root, to, p)
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(filepath.Join(root, p), full); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// eachFile calls f for the files below /usr, /opt and the home directory's sdk.
func eachFile(t *testing.T, root string, f func(p string, info fs.FileInfo)) {
	t.Helper()
	for _, top := range []string{"usr", "opt", "home/u/sdk", "home/u/bin"} {
		if _, err := os.Lstat(filepath.Join(root, top)); err != nil {
			continue
		}
		err := filepath.WalkDir(filepath.Join(root, top), func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			f(rel, info)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
