package scan

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/pep508"
	"github.com/depaudit/depaudit/sbom/timetest"
)

// arrows are the relations of what is no package of the system, as text.
func arrows(d *sbom.Document) []string {
	out := []string{}
	for _, r := range d.Relations {
		if from := d.Component(r.From); from.Kind == sbom.KindOS {
			continue
		}
		line := fmt.Sprintf("%s %s %s", r.From, r.Kind, r.To)
		if r.Via != "" {
			line += " (" + r.Via + ")"
		}
		if r.Group != 0 {
			line += fmt.Sprintf(" #%d", r.Group)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// edgeCase is a root and the relations of what is in it.
type edgeCase struct {
	name  string
	files files
	want  []string
}

func runEdgeCases(t *testing.T, cases []edgeCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			slices.Sort(c.want)
			if diff := cmp.Diff(append([]string{}, c.want...), arrows(c.files.scan(t))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// needing is a distribution with requirements.
func needing(at, name, version string, requires ...string) files {
	f := dist(at, name, version)
	meta := at + "/" + name + "-" + version + ".dist-info/METADATA"
	head := "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n"
	for _, r := range requires {
		head += "Requires-Dist: " + r + "\n"
	}
	f[meta] = head + "\nRequires-Dist: not-a-header\n"
	return f
}

// elfFile is a small ELF file of 64 bits with a dynamic section, and nothing
// in its section headers but what would lead a reader astray.
func elfFile(machine elf.Machine, runpath string, needed ...string) string {
	const base, headers = 0x1000, 64 + 2*56
	names := "\x00"
	type dyn struct{ Tag, Value uint64 }
	var entries []dyn
	add := func(tag elf.DynTag, s string) {
		entries = append(entries, dyn{uint64(tag), uint64(len(names))})
		names += s + "\x00"
	}
	for _, n := range needed {
		add(elf.DT_NEEDED, n)
	}
	if runpath != "" {
		add(elf.DT_RUNPATH, runpath)
	}
	size := uint64(len(entries)+2) * 16
	entries = append(entries, dyn{uint64(elf.DT_STRTAB), base + headers + size}, dyn{})
	var b bytes.Buffer
	write := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	var ident [elf.EI_NIDENT]byte
	copy(ident[:], "\x7fELF\x02\x01\x01")
	write(elf.Header64{
		Ident: ident, Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2,
		Shoff: 1 << 40, Shentsize: 64, Shnum: 9, Shstrndx: 8,
	})
	total := headers + size + uint64(len(names))
	write(elf.Prog64{Type: uint32(elf.PT_LOAD), Vaddr: base, Filesz: total, Memsz: total})
	write(elf.Prog64{Type: uint32(elf.PT_DYNAMIC), Off: headers, Vaddr: base + headers, Filesz: size, Memsz: size})
	write(entries)
	return b.String() + names
}

// debianPython is what Debian's packages of Python bring.
func debianPython(more map[string][]string) files {
	owns := map[string][]string{
		"python3-minimal":    {"/usr/bin/python3"},
		"python3.11-minimal": {"/usr/bin/python3.11"},
		"python3.11-stdlib":  {"/usr/lib/python3.11/os.py"},
	}
	for k, v := range more {
		owns[k] = v
	}
	return debs(owns).with(files{
		"/usr/bin/python3": "-> python3.11", "/usr/bin/python3.11": "x:" + elfFile(elf.EM_X86_64, ""), "/usr/lib/python3.11/os.py": "",
	})
}

const dists = "/usr/local/lib/python3.11/dist-packages"

func interpreterEdges(id string) []string {
	return []string{
		id + " interpreter deb/debian/python3.11-minimal@1?arch=amd64 (/usr/bin/python3.11)",
		id + " interpreter deb/debian/python3.11-stdlib@1?arch=amd64 (/usr/lib/python3.11/os.py)",
	}
}

// TestPythonEdges resolves requirements as import does.
func TestPythonEdges(t *testing.T) {
	b := dist(site, "b", "2")
	runEdgeCases(t, []edgeCase{
		{"one of another", needing(site, "a", "1", "b>=1").with(b), []string{"pypi/a@1 depends pypi/b@2 (b>=1)"}},
		{"what is not met is needed all the same", needing(site, "a", "1", "b (<2,>=1)").with(b), []string{"pypi/a@1 depends pypi/b@2 (b (<2,>=1))"}},
		{"a URL", needing(site, "a", "1", "b @ https://example.org/b;x.whl ; os_name == 'posix'").with(b), []string{"pypi/a@1 depends pypi/b@2 (b @ https://example.org/b;x.whl)"}},
		{"not installed", needing(site, "a", "1", "c"), nil},
		{"names are normalised", needing(site, "a", "1", "Z..B").with(dist(site, "z_b", "1")), []string{"pypi/a@1 depends pypi/z-b@1 (Z..B)"}},
		{"itself", needing(site, "a", "1", "a"), nil},
		{"a ring", needing(site, "a", "1", "b").with(needing(site, "b", "2", "a")), []string{"pypi/a@1 depends pypi/b@2 (b)", "pypi/b@2 depends pypi/a@1 (a)"}},
		{"markers", needing(site, "a", "1", `b; python_version >= "3.8"`, `c; python_version < "3.11"`, `d; sys_platform == "win32"`, `e; sys_platform == "win32" or (os_name == "posix" and python_version not in "2.7, 3.10")`).
			with(b).with(dist(site, "c", "1")).with(dist(site, "d", "1")).with(dist(site, "e", "1")),
			[]string{"pypi/a@1 depends pypi/b@2 (b)", "pypi/a@1 depends pypi/e@1 (e)"}},
		{"an extra that nobody asks for", needing(site, "a", "1", `b; extra == "x"`).with(b), nil},
		{"an extra of an extra", needing(site, "a", "1", "m[One]").with(needing(site, "m", "1", `m[two]; extra == "one"`, `b; extra == "TWO"`, `c; extra == "three"`)).with(b).with(dist(site, "c", "1")),
			[]string{"pypi/a@1 depends pypi/m@1 (m[One])", "pypi/m@1 depends pypi/b@2 (b)"}},
		{"itself with an extra that nobody asks for", needing(site, "m", "1", `m[two]; extra == "all"`, `b; extra == "two"`).with(b), nil},
		{"a line that is continued", needing(site, "a", "1", "b;\n  os_name == 'posix'\n  and extra == 'x'", "c\n  >=1").with(b).with(dist(site, "c", "1")), []string{"pypi/a@1 depends pypi/c@1 (c >=1)"}},
		{"the other folders of an interpreter are not another's", needing(site, "a", "1", "b").with(dist("/opt/v/lib/python3.11/site-packages", "b", "1")), nil},
		{"pip install --target", needing("/srv/deps", "a", "1", "b").with(dist("/srv/deps", "b", "1")), []string{"pypi/a@1 depends pypi/b@1 (b)"}},
		{"Debian's own Python", debianPython(nil).with(needing(dists, "a", "1", `b; platform_machine == "x86_64"`, `b; platform_machine == "aarch64"`)).with(dist(dists, "b", "2")),
			append(append([]string{"pypi/a@1 depends pypi/b@2 (b)"}, interpreterEdges("pypi/a@1")...), interpreterEdges("pypi/b@2")...)},
		{"inside a package of the system", debianPython(map[string][]string{"python3-six": {"/usr/lib/python3/dist-packages/six-1.dist-info/METADATA"}}).
			with(files{"/usr/lib/python3/dist-packages/six-1.dist-info/METADATA": "Name: six\nVersion: 1\nRequires-Dist: a\n"}).with(needing(dists, "a", "1", "six")),
			append([]string{"pypi/a@1 depends pypi/six@1 (six)"}, interpreterEdges("pypi/a@1")...)},
		{"a virtual environment", venv("false").with(needing(venvSite, "a", "1", "b", "six")).with(dist(venvSite, "b", "2")),
			append(append([]string{"pypi/a@1 depends pypi/b@2 (b)"}, viaVenv("pypi/a@1")...), viaVenv("pypi/b@2")...)},
		{"a virtual environment that reads the system's", venv("true").with(needing(venvSite, "a", "1", "six")),
			append([]string{"pypi/a@1 depends pypi/six@1 (six)"}, viaVenv("pypi/a@1")...)},
		{"the same in two environments", needing("/opt/1/lib/python3.11/site-packages", "a", "1", "b").with(dist("/opt/1/lib/python3.11/site-packages", "b", "1")).
			with(needing("/opt/2/lib/python3.11/site-packages", "a", "1", "b")).with(dist("/opt/2/lib/python3.11/site-packages", "b", "2")),
			[]string{"pypi/a@1 depends pypi/b@1 (b) #1", "pypi/a@1 depends pypi/b@2 (b) #2"}},
		{"a megabyte of requirements", needing(site, "a", "1", strings.Repeat("none; extra == 'x'\nRequires-Dist: ", 40_000)+"b").with(b), nil},
	})
}

const venvSite = "/opt/venv/lib/python3.11/site-packages"

func venv(system string) files {
	return debianPython(map[string][]string{"python3-six": {"/usr/lib/python3/dist-packages/six-1.dist-info/METADATA"}}).with(files{
		"/usr/lib/python3/dist-packages/six-1.dist-info/METADATA": "Name: six\nVersion: 1\n",
		"/opt/venv/pyvenv.cfg":   "home = /usr/bin\ninclude-system-site-packages = " + system + "\nversion = 3.11.2\n",
		"/opt/venv/bin/python":   "-> /usr/bin/python3",
		"/opt/venv/bin/python3":  "-> python",
		"/opt/venv/lib64":        "-> lib",
		"/opt/venv/bin/activate": "",
	})
}

func viaVenv(id string) []string {
	all := interpreterEdges(id)
	all[0] = strings.Replace(all[0], "(/usr/bin/python3.11)", "(/opt/venv/bin/python3)", 1)
	return all
}

// TestUnreadRequirement: what cannot be read is said, and the rest is not
// lost.
func TestUnreadRequirement(t *testing.T) {
	for _, bad := range []string{
		"= nothing", "b; python_version", `b; ` + strings.Repeat("(", 5000) + "os_name == 'x'", "b " + strings.Repeat("x", pep508.MaxLength), "b[", "b; os_name == 'posix",
	} {
		d := needing(site, "a", "1", bad, "c").with(dist(site, "b", "1")).with(dist(site, "c", "1")).scan(t)
		if diff := cmp.Diff([]string{"pypi/a@1 depends pypi/c@1 (c)"}, arrows(d)); diff != "" {
			t.Errorf("%.40q (-want +got):\n%s", bad, diff)
		}
		if !slices.ContainsFunc(d.Notices, func(n sbom.Notice) bool { return n.Kind == sbom.NoticeRequirement }) {
			t.Errorf("%.40q: no notice", bad)
		}
		if len(d.Gaps) > 0 {
			t.Errorf("%.40q: %v", bad, d.Gaps)
		}
	}
}

// TestManyMarkers: a requirement is not evaluated again and again.
func TestManyMarkers(t *testing.T) {
	var asked, terms []string
	for i := range 32 {
		asked = append(asked, fmt.Sprintf("x%d", i))
		terms = append(terms, fmt.Sprintf("python_version != '3.%d' and extra == 'x%d'", i+20, i))
	}
	bomb := "none; " + strings.Join(terms, " or ")
	root := needing(site, "a", "1", "m["+strings.Join(asked, ",")+"]").with(needing(site, "m", "1", append(slices.Repeat([]string{bomb}, 300), "b; extra == 'x1'")...)).with(dist(site, "b", "1"))
	var d *sbom.Document
	timetest.Work(t, 20*time.Second, func() { d = root.scan(t) })
	if !slices.Contains(arrows(d), "pypi/m@1 depends pypi/b@1 (b)") {
		t.Errorf("%q", arrows(d))
	}
}

// manifest is an npm package with more fields.
func manifest(at, name, version, more string) files {
	f := npm(at, name, version)
	f[at+"/package.json"] = fmt.Sprintf(`{"name": %q, "version": %q, %s}`, name, version, more)
	return f
}

// TestNodeEdges resolves dependencies as Node does.
func TestNodeEdges(t *testing.T) {
	b := npm(modules+"/b", "b", "1.0.0")
	a := func(more string) files { return manifest(modules+"/a", "a", "1.0.0", more) }
	pnpm := modules + "/.pnpm"
	runEdgeCases(t, []edgeCase{
		{"beside it", a(`"dependencies": {"b": "^1"}, "devDependencies": {"c": "1"}`).with(b).with(npm(modules+"/c", "c", "1.0.0")), []string{"npm/a@1.0.0 depends npm/b@1.0.0 (b@^1)"}},
		{"below it", a(`"dependencies": {"b": "^2"}`).with(b).with(npm(modules+"/a/node_modules/b", "b", "2.0.0")), []string{"npm/a@1.0.0 depends npm/b@2.0.0 (b@^2)"}},
		{"above it", b.with(manifest("/opt/app/x/node_modules/a", "a", "1.0.0", `"dependencies": {"b": "1"}`)), []string{"npm/a@1.0.0 depends npm/b@1.0.0 (b@1)"}},
		{"optional", a(`"dependencies": {"b": "1"}, "optionalDependencies": {"b": "1"}`).with(b), []string{"npm/a@1.0.0 recommends npm/b@1.0.0 (b@1)"}},
		{"a peer", a(`"peerDependencies": {"b": ">=1"}`).with(b), []string{"npm/a@1.0.0 depends npm/b@1.0.0 (b@>=1)"}},
		{"an optional peer", a(`"peerDependencies": {"b": ">=1"}, "peerDependenciesMeta": {"b": {"optional": true}}`).with(b), []string{"npm/a@1.0.0 recommends npm/b@1.0.0 (b@>=1)"}},
		{"a scope", a(`"dependencies": {"@s/b": "1"}`).with(npm(modules+"/@s/b", "@s/b", "1.0.0")), []string{"npm/a@1.0.0 depends npm/@s/b@1.0.0 (@s/b@1)"}},
		{"an alias", a(`"dependencies": {"c": "npm:b@1"}`).with(npm(modules+"/c", "b", "1.0.0")), []string{"npm/a@1.0.0 depends npm/b@1.0.0 (c@npm:b@1)"}},
		{"what pnpm makes", files{modules + "/a": "-> .pnpm/a@1.0.0/node_modules/a", pnpm + "/a@1.0.0/node_modules/b": "-> ../../b@2.0.0/node_modules/b"}.
			with(manifest(pnpm+"/a@1.0.0/node_modules/a", "a", "1.0.0", `"dependencies": {"b": "2"}`)).with(npm(pnpm+"/b@2.0.0/node_modules/b", "b", "2.0.0")), []string{"npm/a@1.0.0 depends npm/b@2.0.0 (b@2)"}},
		{"a ring", a(`"dependencies": {"b": "1", "a": "1"}`).with(manifest(modules+"/b", "b", "1.0.0", `"dependencies": {"a": "1"}`)), []string{"npm/a@1.0.0 depends npm/b@1.0.0 (b@1)", "npm/b@1.0.0 depends npm/a@1.0.0 (a@1)"}},
		{"hostile names", a(`"dependencies": {"../b": "1", "@s/../b": "1", ".": "1", "": "1", "b/c": "1", "/opt/app/node_modules/b": "1", "@/b": "1"}`).with(b), nil},
		{"dependencies that are none", a(`"dependencies": ["b"], "peerDependencies": 1, "optionalDependencies": {"b": 1}`).with(b), []string{"npm/a@1.0.0 recommends npm/b@1.0.0 (b)"}},
		{"the system's Node", debs(map[string][]string{"nodejs": {"/usr/bin/node"}}).with(b).with(files{"/usr/bin/node": "x:" + elfFile(elf.EM_X86_64, "")}), []string{"npm/b@1.0.0 interpreter deb/debian/nodejs@1?arch=amd64 (/usr/bin/node)"}},
	})
}

// TestGemEdges reads the form that RubyGems writes, and no other.
func TestGemEdges(t *testing.T) {
	const home = "/var/lib/gems/3.1.0/specifications/"
	spec := func(name, version string, lines ...string) files {
		text := strings.TrimSuffix(gemspec(name, version), "end\n") + strings.Join(lines, "\n") + "\nend\n"
		return files{home + name + "-" + version + ".gemspec": text}
	}
	b := spec("b", "1.0")
	runEdgeCases(t, []edgeCase{
		{"of today", spec("a", "1", `  s.add_runtime_dependency(%q<b>.freeze, ["~> 1.0".freeze, ">= 1.0.1"])`).with(b), []string{"gem/a@1 depends gem/b@1.0 (b ~> 1.0, >= 1.0.1)"}},
		{"of old", spec("a", "1", `    s.add_dependency(%q<b>, ["> 0"])`).with(b), []string{"gem/a@1 depends gem/b@1.0 (b > 0)"}},
		{"for its developers", spec("a", "1", `  s.add_development_dependency(%q<b>.freeze, ["> 0"])`).with(b), nil},
		{"another program", spec("a", "1", `  # s.add_dependency(%q<b>, ["> 0"])`, `  s.add_dependency("b" + "c", [])`).with(b), nil},
		{"two versions", spec("a", "1", `  s.add_dependency(%q<b>, ["> 0"])`).with(b).with(spec("b", "2.0")), []string{"gem/a@1 depends gem/b@1.0 (b > 0) #1", "gem/a@1 depends gem/b@2.0 (b > 0) #1"}},
		{"the system's Ruby", debs(map[string][]string{"ruby": {"/usr/bin/ruby"}}).with(b).with(files{"/usr/bin/ruby": "x:" + elfFile(elf.EM_X86_64, "")}), []string{"gem/b@1.0 interpreter deb/debian/ruby@1?arch=amd64 (/usr/bin/ruby)"}},
	})
}

// TestLibraryEdges resolves libraries as the dynamic linker does.
func TestLibraryEdges(t *testing.T) {
	const lib = "/usr/lib/x86_64-linux-gnu"
	amd64, arm64 := elfFile(elf.EM_X86_64, ""), elfFile(elf.EM_AARCH64, "")
	system := debs(map[string][]string{"libc6": {lib + "/libc.so.6"}, "libx": {lib + "/libx.so.1.2", lib + "/libx.so.1"}, "other": {"/usr/lib/libx.so.1", "/usr/lib/liby.so"}}).with(files{
		lib + "/libc.so.6": amd64, lib + "/libx.so.1.2": amd64, lib + "/libx.so.1": "-> libx.so.1.2", "/usr/lib/libx.so.1": amd64, "/usr/lib/liby.so": arm64, "/lib": "-> usr/lib",
	})
	tool := unaccounted("/usr/local/bin/tool")
	at := func(path, content string) files { return system.with(files{path: "x:" + content}) }
	from := func(runpath string, needed ...string) files {
		return at("/usr/local/bin/tool", elfFile(elf.EM_X86_64, runpath, needed...))
	}
	runEdgeCases(t, []edgeCase{
		{"the system's, once for each package", from("", "libx.so.1", "libc.so.6", "libc.so.6"), []string{tool + " library deb/debian/libc6@1?arch=amd64 (libc.so.6)", tool + " library deb/debian/libx@1?arch=amd64 (libx.so.1)"}},
		{"of another machine", from("", "liby.so"), nil},
		{"not there", from("", "libnone.so"), nil},
		{"by a path", from("", "/usr/lib/libx.so.1", "../lib/liby.so"), []string{tool + " library deb/debian/other@1?arch=amd64 (/usr/lib/libx.so.1)"}},
		{"a folder of its own first", from("/nowhere::rel:$ORIGIN/../lib", "libx.so.1").with(files{"/usr/local/lib/libx.so.1": amd64}),
			[]string{tool + " library " + unaccounted("/usr/local/lib/libx.so.1") + " (libx.so.1)"}},
		{"its own library", at("/opt/t/bin/tool", elfFile(elf.EM_X86_64, "${ORIGIN}/../lib", "libt.so")).with(files{"/opt/t/lib/libt.so": amd64}), nil},
		{"a module of a wheel", system.with(dist(venvSite, "w", "1", venvSite+"/w/x.so")).with(files{venvSite + "/w/x.so": elfFile(elf.EM_X86_64, "", "libc.so.6")}), []string{"pypi/w@1 library deb/debian/libc6@1?arch=amd64 (libc.so.6)"}},
		{"no sound file", at("/usr/local/bin/tool", elfFile(elf.EM_X86_64, "", "libc.so.6")[:100]), nil},
		{"a cut string table", at("/usr/local/bin/tool", strings.TrimSuffix(elfFile(elf.EM_X86_64, "", "libx.so.1", "libc.so.6"), "\x00")), []string{tool + " library deb/debian/libx@1?arch=amd64 (libx.so.1)"}},
		{"the system's own files need nothing of us", at("/usr/lib/liby.so", elfFile(elf.EM_X86_64, "", "libc.so.6")), nil},
	})
}

// TestLinkConfig reads the linker's configuration with what it includes.
func TestLinkConfig(t *testing.T) {
	s, _ := scanned(t, files{
		"/etc/ld.so.conf":          "include ld.so.conf.d/*.conf\n/opt/last # a remark\nhwcap 1 nosegneg\nrelative\n",
		"/etc/ld.so.conf.d/b.conf": "/opt/b:/opt/c\n",
		"/etc/ld.so.conf.d/a.conf": "/opt/a/\ninclude /etc/ld.so.conf\n",
		"/etc/ld.so.conf.d/a.txt":  "/opt/no\n",
	}.plant(t))
	e := newEdges(&s.inventory, s.doc.Components)
	e.kept = s.isFile
	left := 3
	want := []string{"/opt/a", "/opt/last", "/opt/last"}
	if diff := cmp.Diff(want, e.linkConfig("/etc/ld.so.conf", &left)); diff != "" {
		t.Errorf("in a ring (-want +got):\n%s", diff)
	}
}

// TestScriptEdges finds what runs a script.
func TestScriptEdges(t *testing.T) {
	system := debs(map[string][]string{"dash": {"/usr/bin/dash", "/usr/bin/sh"}, "perl": {"/usr/bin/perl"}, "coreutils": {"/usr/bin/env"}}).with(files{
		"/usr/bin/dash": "x:" + elfFile(elf.EM_X86_64, ""), "/usr/bin/sh": "-> dash", "/bin": "-> usr/bin", "/usr/bin/perl": "x:" + elfFile(elf.EM_X86_64, ""), "/usr/bin/env": "x:" + elfFile(elf.EM_X86_64, ""),
	})
	run := unaccounted("/usr/local/bin/run")
	script := func(text string) files { return system.with(files{"/usr/local/bin/run": "x:" + text}) }
	perl := run + " interpreter deb/debian/perl@1?arch=amd64 "
	runEdgeCases(t, []edgeCase{
		{"a path", script("#! /bin/sh -e\necho\n"), []string{run + " interpreter deb/debian/dash@1?arch=amd64 (/bin/sh -e)"}},
		{"by env", script("#!/usr/bin/env perl\n"), []string{perl + "(/usr/bin/env perl)"}},
		{"by env with options", script("#!/usr/bin/env -S -i A=b perl -w\n"), []string{perl + "(/usr/bin/env -S -i A=b perl -w)"}},
		{"env alone", script("#!/usr/bin/env\n"), []string{run + " interpreter deb/debian/coreutils@1?arch=amd64 (/usr/bin/env)"}},
		{"not there", script("#!/usr/bin/none\n"), nil},
		{"a relative one", script("#!sh\n"), nil},
		{"nothing", script("#!"), nil},
		{"a folder", script("#!/usr/bin\n"), nil},
		{"a line that the kernel cuts", script("#!/" + strings.Repeat("/", 300) + "usr/bin/perl\n"), nil},
	})
}

// TestEdgesMoveNoCount: components, gaps and exclusions are the same with
// relations and without.
func TestEdgesMoveNoCount(t *testing.T) {
	made := whatever(t).with(needing(site, "a", "1", "six", "old")).with(manifest(modules+"/a", "a", "1.0.0", `"dependencies": {"b": "1"}`)).with(npm(modules+"/b", "b", "1.0.0")).plant(t)
	for _, root := range append(realRoots(t), made) {
		s, before := scanned(t, root)
		relations, notices := s.relations(t.Context(), s.doc.Components)
		s.doc.Relations = append(s.doc.Relations, relations...)
		s.doc.Notices = append(s.doc.Notices, notices...)
		after, err := sbom.New(s.doc)
		if err != nil {
			t.Fatal(err)
		}
		if root == made && len(after.Relations) == len(before.Relations) {
			t.Errorf("%s: no relations came along: this test says nothing", root)
		}
		if diff := cmp.Diff(before.Components, after.Components); diff != "" {
			t.Errorf("%s: components (-without +with):\n%s", root, diff)
		}
		if diff := cmp.Diff(before.Gaps, after.Gaps); diff != "" {
			t.Errorf("%s: gaps (-without +with):\n%s", root, diff)
		}
		if diff := cmp.Diff(before.Excluded, after.Excluded); diff != "" {
			t.Errorf("%s: excluded (-without +with):\n%s", root, diff)
		}
	}
}

// TestInstallReasons checks the recorded install reasons.
func TestInstallReasons(t *testing.T) {
	project := files{"/opt/app/package.json": `{"dependencies": {"a": "1"}, "devDependencies": {"@s/d": "1"}}`}
	a, b := npm(modules+"/a", "a", "1.0.0"), npm(modules+"/b", "b", "1.0.0")
	const global = "/usr/local/lib/node_modules"
	for _, c := range []struct {
		name  string
		files files
		want  map[string]sbom.InstallReason
	}{
		{"pip's record", dist(site, "x", "1").with(dist(site, "y", "1")).with(files{site + "/x-1.dist-info/REQUESTED": ""}), map[string]sbom.InstallReason{"pypi/x@1": sbom.ReasonExplicit, "pypi/y@1": sbom.ReasonDependency}},
		{"an installer without a record", dist(site, "x", "1"), map[string]sbom.InstallReason{"pypi/x@1": sbom.ReasonUnknown}},
		{"another folder's record", dist(site, "x", "1").with(dist(venvSite, "y", "1")).with(files{venvSite + "/y-1.dist-info/REQUESTED": ""}), map[string]sbom.InstallReason{"pypi/x@1": sbom.ReasonUnknown, "pypi/y@1": sbom.ReasonExplicit}},
		{"a project", project.with(a).with(b).with(npm(modules+"/@s/d", "@s/d", "1.0.0")), map[string]sbom.InstallReason{"npm/a@1.0.0": sbom.ReasonExplicit, "npm/b@1.0.0": sbom.ReasonDependency, "npm/@s/d@1.0.0": sbom.ReasonExplicit}},
		{"pnpm", project.with(files{modules + "/a": "-> .pnpm/a@1/node_modules/a"}).with(npm(modules+"/.pnpm/a@1/node_modules/a", "a", "1.0.0")).with(npm(modules+"/.pnpm/b@1/node_modules/b", "b", "1.0.0")),
			map[string]sbom.InstallReason{"npm/a@1.0.0": sbom.ReasonExplicit, "npm/b@1.0.0": sbom.ReasonDependency}},
		{"npm's own record", project.with(a).with(files{modules + "/.package-lock.json": `{"packages": {}}`}), map[string]sbom.InstallReason{"npm/a@1.0.0": sbom.ReasonUnknown}},
		{"no project", a, map[string]sbom.InstallReason{"npm/a@1.0.0": sbom.ReasonUnknown}},
		{"global", npm(global+"/a", "a", "1.0.0").with(npm(global+"/a/node_modules/b", "b", "1.0.0")).with(npm(global+"/@s/d", "@s/d", "1.0.0")), map[string]sbom.InstallReason{"npm/a@1.0.0": sbom.ReasonExplicit, "npm/b@1.0.0": sbom.ReasonDependency, "npm/@s/d@1.0.0": sbom.ReasonExplicit}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make(map[string]sbom.InstallReason)
			for _, c := range c.files.scan(t).Components {
				got[c.ID] = c.InstallReason
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
