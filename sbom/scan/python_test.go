package scan

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/depaudit/depaudit/sbom"
)

// misnamedAs is the notice of evilInfo for the metadata of another distribution.
func misnamedAs(id string) string {
	return "notice duplicate-identity " + site + "/evil-6.6.6.dist-info of " + id
}

func evilInfo(metadata string) files {
	return files{
		site + "/evil/__init__.py":                 "x = 1\n",
		site + "/evil-6.6.6.dist-info/METADATA":    metadata,
		site + "/evil-6.6.6.dist-info/RECORD":      "evil/__init__.py,,\nevil-6.6.6.dist-info/METADATA,,\nevil-6.6.6.dist-info/RECORD,,\n",
		site + "/evil/__pycache__/x.cpython-3.pyc": "",
	}
}

func asUTF16(s string) string {
	out := "\xff\xfe"
	for _, u := range utf16.Encode([]rune(s)) {
		out += string([]byte{byte(u), byte(u >> 8)})
	}
	return out
}

// TestHiddenPython has the rows of the table "Hiding a package" that are
// about Python, and more of their kind: each comes out as something.
func TestHiddenPython(t *testing.T) {
	evilCode := "counts " + unaccounted(site+"/evil")
	malformed := "gap malformed " + site + "/evil-6.6.6.dist-info/METADATA"
	six := dist(site, "six", "1.16.0")
	runCases(t, []scanCase{
		{"as it should be", dist(site, "six", "1.16.0"), []string{"counts pypi/six@1.16.0"}},
		{"dist-info removed, the code stays", files{site + "/evil/__init__.py": "", site + "/evil/sub/a.py": "", site + "/mod.py": ""},
			[]string{evilCode, "counts " + unaccounted(site+"/mod.py")}},
		{"METADATA removed", files{site + "/evil-1.dist-info/RECORD": "evil.py,,\n", site + "/evil.py": ""},
			[]string{"gap unreported " + site + "/evil-1.dist-info", "counts " + unaccounted(site+"/evil.py")}},
		{"only a FIFO in a dist-info", files{site + "/evil-1.dist-info/METADATA": "fifo"},
			[]string{"gap unreported " + site + "/evil-1.dist-info"}},
		{"what pip leaves behind", files{site + "/evil-1.dist-info/": ""}, nil},
		{"METADATA without Name", evilInfo("Metadata-Version: 2.1\nVersion: 6.6.6\n"), []string{malformed, evilCode}},
		{"METADATA in UTF-16", evilInfo(asUTF16("Name: evil\nVersion: 6.6.6\n")), []string{malformed, evilCode}},
		{"METADATA with a zero byte", evilInfo("Name: evil\x00\nVersion: 6.6.6\n"), []string{malformed, evilCode}},
		{"a header of 2 MB first", evilInfo("Description: " + strings.Repeat("x", 2<<20) + "\nName: evil\nVersion: 6.6.6\n"), []string{"counts pypi/evil@6.6.6"}},
		{"a header of 9 MB first", evilInfo("Description: " + strings.Repeat("x", 9<<20) + "\nName: evil\nVersion: 6.6.6\n"), []string{malformed, evilCode}},
		{"METADATA without Version", evilInfo("Name: evil\n"), []string{"counts pypi/evil"}},
		{"Name: Python", evilInfo("Name: Python\nVersion: 6.6.6\n"), []string{"counts pypi/python@6.6.6", misnamedAs("pypi/python@6.6.6")}},
		{"any case of the suffix", files{site + "/Evil-6.6.6.Dist-Info/METADATA": "Name: Evil\nVersion: 6.6.6\n"}, []string{"counts pypi/evil@6.6.6"}},
		{"two names", evilInfo("Name: evil\nName: six\nVersion: 6.6.6\n"), []string{malformed, evilCode}},
		{"the same name twice", evilInfo("Name: evil\nName: evil\nVersion: 6.6.6\n"), []string{"counts pypi/evil@6.6.6"}},
		{"a Name behind a carriage return", evilInfo("Summary: x\rName: evil\nName: six\nVersion: 6.6.6\n"), []string{malformed, evilCode}},
		{"a Name in the text", evilInfo("Version: 6.6.6\n\nName: six\n"), []string{malformed, evilCode}},
		{"a byte order mark", evilInfo("\ufeffName: evil\nVersion: 6.6.6\n"), []string{"counts pypi/evil@6.6.6"}},
		{"Cyrillic letters", evilInfo("Name: \u0435vil\nVersion: 6.6.6\n"),
			[]string{"counts pypi/\u0435vil@6.6.6", "notice non-ascii-name " + site + "/evil-6.6.6.dist-info/METADATA", misnamedAs("pypi/\u0435vil@6.6.6")}},
		{"a Kelvin sign", evilInfo("Name: \u212aiwi\nVersion: 6.6.6\n"),
			[]string{"counts pypi/\u212aiwi@6.6.6", malformed, "notice non-ascii-name " + site + "/evil-6.6.6.dist-info/METADATA", misnamedAs("pypi/\u212aiwi@6.6.6")}},
		{"a field name with a long s", evilInfo("Name: evil\nVer\u017fion: 1.0.0\nVersion: 6.6.6\n"), []string{"counts pypi/evil@6.6.6"}},
		{"names are normalised", evilInfo("Name: Evil_.Package\nVersion: 6.6.6\n"), []string{"counts pypi/evil-package@6.6.6", misnamedAs("pypi/evil-package@6.6.6")}},

		{"a module dropped into a package", six.with(files{site + "/six/evil.py": ""}),
			[]string{"counts pypi/six@1.16.0", "counts " + unaccounted(site+"/six/evil.py")}},
		{"a compiled module without its source", six.with(files{site + "/evil.pyc": "", site + "/six/__pycache__/evil.cpython-311.pyc": ""}),
			[]string{"counts pypi/six@1.16.0", "counts " + unaccounted(site+"/evil.pyc")}},
		{"a module that is a link", six.with(files{site + "/evil.py": "-> /opt/code.txt", "/opt/code.txt": "import os\n"}),
			[]string{"counts pypi/six@1.16.0", "counts " + unaccounted(site+"/evil.py")}},
		{"a package folder that is a link", six.with(files{site + "/evil": "-> /opt/lib", "/opt/lib/__init__.py": ""}),
			[]string{"counts pypi/six@1.16.0", "counts " + unaccounted(site+"/evil")}},
		{"a link to what is accounted for", six.with(files{site + "/seven": "-> six", site + "/eight.py": "-> six/__init__.py", site + "/nowhere": "-> /none", site + "/data": "-> /opt/data", "/opt/data/x.txt": ""}),
			[]string{"counts pypi/six@1.16.0", "gap unreported " + site + "/nowhere"}},

		{"a list with the metadata of another one", dist(site, "requests", "2.31.0", site+"/evil-6.6.6.dist-info/METADATA", site+"/evil/__init__.py").with(evilInfo("Name: evil\nVersion: 6.6.6\n")),
			[]string{"counts pypi/requests@2.31.0", "counts pypi/evil@6.6.6",
				"notice claimed-files " + site + "/requests-2.31.0.dist-info/RECORD"}},
		{"the same, in a folder of another name", dist("/opt/lib", "aaa", "1", "/opt/lib/evil-6.6.6.dist-info/METADATA").with(dist("/opt/lib", "evil", "6.6.6")),
			[]string{"counts pypi/aaa@1", "counts pypi/evil@6.6.6", "notice claimed-files /opt/lib/aaa-1.dist-info/RECORD"}},
		{"a list that climbs", dist(site, "six", "1.16.0", site+"/../../../../../../opt/evil/run", "/opt/evil/run", site+"/../../../../../usr/bin/x").with(files{"/opt/evil/run": "x:#!/bin/sh\n", "/usr/bin/x": "x:#!/bin/sh\n"}),
			[]string{"counts pypi/six@1.16.0", "counts " + unaccounted("/opt/evil/run"), "counts " + unaccounted("/usr/bin/x"),
				"notice claimed-files " + site + "/six-1.16.0.dist-info/RECORD"}},
		{"a list with a program of its prefix", dist(site, "six", "1.16.0", site+"/../../../bin/six").with(files{"/usr/local/bin/six": "x:#!/bin/sh\n"}),
			[]string{"counts pypi/six@1.16.0"}},
		{"a list through a link out of the prefix", dist(site, "six", "1.16.0", site+"/six/out/run").with(files{site + "/six/out": "-> /opt/evil", "/opt/evil/run": "x:#!/bin/sh\n"}),
			[]string{"counts pypi/six@1.16.0", "counts " + unaccounted("/opt/evil/run"), "notice claimed-files " + site + "/six-1.16.0.dist-info/RECORD"}},
		{"a list that is none", dist(site, "six", "1.16.0").with(files{site + "/six-1.16.0.dist-info/RECORD": "\"six/__init__.py,,\n"}),
			[]string{"counts pypi/six@1.16.0", "counts " + unaccounted(site+"/six"), "gap malformed " + site + "/six-1.16.0.dist-info/RECORD"}},

		{"vendored, and listed", dist(site, "setuptools", "70.0", site+"/setuptools/_vendor/wheel-0.43.dist-info/METADATA", site+"/setuptools/_vendor/wheel/__init__.py").
			with(files{site + "/setuptools/_vendor/wheel-0.43.dist-info/METADATA": "Name: wheel\nVersion: 0.43\n", site + "/setuptools/_vendor/wheel/__init__.py": ""}),
			[]string{"counts pypi/setuptools@70.0", "inside pypi/wheel@0.43 in pypi/setuptools@70.0"}},
		{"not listed, so not vendored", dist(site, "setuptools", "70.0").
			with(files{site + "/setuptools/_vendor/wheel-0.43.dist-info/METADATA": "Name: wheel\nVersion: 0.43\n"}),
			[]string{"counts pypi/setuptools@70.0", "counts pypi/wheel@0.43"}},

		{"in folders with names of pseudo file systems", dist("/srv/proc/sys/dev/.git/site-packages", "evil", "6.6.6"), []string{"counts pypi/evil@6.6.6"}},
		{"METADATA that is a hard link", files{"/opt/text": "Name: evil\nVersion: 6.6.6\n", site + "/evil-6.6.6.dist-info/METADATA": "=> /opt/text"},
			[]string{"counts pypi/evil@6.6.6"}},
		{"METADATA that is a link", files{"/opt/text": "Name: evil\nVersion: 6.6.6\n", site + "/evil-6.6.6.dist-info/METADATA": "-> /opt/text"},
			[]string{"counts pypi/evil@6.6.6"}},
		{"a dist-info that is a link", files{"/opt/text/METADATA": "Name: evil\nVersion: 6.6.6\n", site + "/evil-6.6.6.dist-info": "-> /opt/text"},
			[]string{"counts pypi/evil@6.6.6"}},

		{"an egg", files{site + "/evil-1-py3.egg/EGG-INFO/PKG-INFO": "Name: evil\nVersion: 1\n", site + "/evil-1-py3.egg/evil.py": ""},
			[]string{"counts pypi/evil@1"}},
		{"a zipped egg", files{site + "/evil-1-py3.egg": zipped("evil.py", "", "EGG-INFO/PKG-INFO", "Name: evil\nVersion: 1\n")},
			[]string{"counts pypi/evil@1"}},
		{"a zip file with the name of an egg", files{site + "/evil-1-py3.egg": zipped("evil.py", "")}, []string{"counts " + unaccounted(site+"/evil-1-py3.egg")}},
		{"a zipped egg without a name", files{site + "/evil-1-py3.egg": zipped("EGG-INFO/PKG-INFO", "Version: 1\n")},
			[]string{"counts " + unaccounted(site+"/evil-1-py3.egg"), "gap malformed " + site + "/evil-1-py3.egg"}},
		{"a zipped egg where Python does not look", files{"/opt/x/example-1-py3.egg": zipped("EGG-INFO/PKG-INFO", "Name: example\nVersion: 1\n")}, []string{"counts " + unaccounted("/opt/x")}},
		{"EGG-INFO in a directory that is no egg", files{"/usr/local/EGG-INFO/PKG-INFO": "Name: evil\nVersion: 1\n", "/usr/local/bin/tool": "x:#!/bin/sh\n"},
			[]string{"counts pypi/evil@1", "counts " + unaccounted("/usr/local/bin/tool")}},
		{"a dist-info that is a link to a directory of programs", files{site + "/evil-1.dist-info": "-> /opt/evil", "/opt/evil/METADATA": "Name: evil\nVersion: 1\n", "/opt/evil/bin/run": "x:#!/bin/sh\n"},
			[]string{"counts pypi/evil@1", "counts " + unaccounted("/opt/evil")}},
		{"a single egg-info", files{site + "/evil-1.egg-info": "Name: evil\nVersion: 1\n", site + "/evil.py": ""}, []string{"counts pypi/evil@1"}},
		{"an egg-info that another one lists", dist(site, "six", "1.16.0", site+"/evil-1.egg-info").with(files{site + "/evil-1.egg-info": "Name: evil\nVersion: 1\n"}),
			[]string{"counts pypi/six@1.16.0", "counts pypi/evil@1", "notice claimed-files " + site + "/six-1.16.0.dist-info/RECORD"}},
		{"an egg that another one lists", dist(site, "six", "1.16.0", site+"/evil.egg/EGG-INFO/PKG-INFO").with(files{site + "/evil.egg/EGG-INFO/PKG-INFO": "Name: evil\nVersion: 1\n"}),
			[]string{"counts pypi/six@1.16.0", "counts pypi/evil@1", "notice claimed-files " + site + "/six-1.16.0.dist-info/RECORD"}},
		{"a zip application", files{"/opt/a/tool.pyz": zipped("__main__.py", ""), "/opt/b/tool": "#!/usr/bin/env python3\n" + zipped("__main__.py", ""), "/opt/c/tool.pyz": "x:#!/usr/bin/env python3\n" + zipped("__main__.py", "")},
			[]string{"counts " + unaccounted("/opt/a"), "counts " + unaccounted("/opt/b"), "counts " + unaccounted("/opt/c/tool.pyz")}},
		{"zips that Python imports from", files{site + "/x.dat": zipped("evil.py", ""), "/usr/local/lib/python311.zip": zipped("evil.py", "")},
			[]string{"counts " + unaccounted(site+"/x.dat"), "counts " + unaccounted("/usr/local/lib/python311.zip")}},
		{"a zip with data", files{"/opt/data.zip": zipped("data.txt", "")}, nil},
		{"a wheel", files{"/opt/evil-1-py3-none-any.whl": zipped("evil.py", "", "evil-1.dist-info/METADATA", "Name: evil\n")},
			[]string{"excluded archive /opt/evil-1-py3-none-any.whl"}},
	})
}

// TestStdlib looks at modules beside Python's own: nothing needs a package
// there to be imported.
func TestStdlib(t *testing.T) {
	lib := "/usr/lib/python3.11"
	owned := debs(map[string][]string{"libpython3.11-stdlib": {"/usr", "/usr/lib", lib, lib + "/os.py", lib + "/json", lib + "/json/__init__.py"}}).
		with(files{lib + "/os.py": "", lib + "/json/__init__.py": "", lib + "/__pycache__/os.cpython-311.pyc": ""})
	runCases(t, []scanCase{
		{"only what dpkg owns", owned, nil},
		{"a module more", owned.with(files{lib + "/evil.py": "", lib + "/json/evil.py": ""}),
			[]string{"counts " + unaccounted(lib+"/evil.py"), "counts " + unaccounted(lib+"/json/evil.py")}},
		{"no Python in it", files{"/opt/python3/readme.py": ""}, nil},
	})
}

func TestStartupCode(t *testing.T) {
	pth := site + "/x.pth"
	python := "/usr/local/lib/python3.11"
	home := "/root/.local/lib/python3.11/site-packages/usercustomize.py"
	startup := func(p string) []string { return []string{"notice startup-code " + p} }
	runCases(t, []scanCase{
		{"an import line", files{pth: "import evil\n"}, startup(pth)},
		{"an import line after a tab", files{pth: "# x\nimport\tevil\n"}, startup(pth)},
		{"a folder", files{pth: "\n/opt/evil\n"}, startup(pth)},
		{"easy_install's", files{site + "/easy-install.pth": "./evil-1-py3.egg\n"}, startup(site + "/easy-install.pth")},
		{"comments only", files{pth: "# import evil\n\n   \n"}, nil},
		// Python splits lines as str.splitlines does.
		{"behind a carriage return", files{pth: "# x\rimport evil\n"}, startup(pth)},
		{"behind a form feed", files{pth: "# x\fimport evil\n"}, startup(pth)},
		{"behind a line separator", files{pth: "# x\u2028import evil\n"}, startup(pth)},
		{"behind a byte order mark", files{pth: "\ufeffimport evil\n"}, startup(pth)},
		{"a link", files{pth: "-> /opt/p", "/opt/p": "import evil\n"}, startup(pth)},
		{"not where Python looks", files{"/opt/x.pth": "import evil\n"}, nil},
		{"egg-link", files{site + "/evil.egg-link": "/home/me/evil\n."}, startup(site + "/evil.egg-link")},
		{"sitecustomize", files{python + "/sitecustomize.py": ""}, startup(python + "/sitecustomize.py")},
		{"usercustomize, in a home", files{home: ""},
			[]string{"counts " + unaccounted(home), "notice startup-code " + home + " of " + unaccounted(home)}},
		{"sitecustomize as a directory", files{site + "/sitecustomize/__init__.py": ""},
			[]string{"counts " + unaccounted(site+"/sitecustomize"), "notice startup-code " + site + "/sitecustomize of " + unaccounted(site+"/sitecustomize")}},
		{"sitecustomize as a link", files{python + "/sitecustomize.py": "-> /opt/x", "/opt/x": ""}, startup(python + "/sitecustomize.py")},
		{"sitecustomize compiled", files{python + "/sitecustomize.pyc": ""}, startup(python + "/sitecustomize.pyc")},
		{"sitecustomize elsewhere", files{"/opt/x/sitecustomize.py": ""}, nil},
		{"of a package", dist(site, "six", "1.16.0", pth).with(files{pth: "import six\n"}),
			[]string{"counts pypi/six@1.16.0", "notice startup-code " + pth + " of pypi/six@1.16.0"}},
		{"of the system", debs(map[string][]string{"python3": {"/usr/lib/python3/dist-packages/x.pth"}}).with(files{"/usr/lib/python3/dist-packages/x.pth": "import x\n"}),
			[]string{"notice startup-code /usr/lib/python3/dist-packages/x.pth of deb/debian/python3@1?arch=amd64"}},
	})
	d := files{pth: "/opt\nimport evil\n"}.scan(t)
	if len(d.Notices) != 1 || !strings.Contains(d.Notices[0].Detail, "Python runs a line") {
		t.Errorf("a line that is run after a line with a directory: %+v", d.Notices)
	}
}

func TestPythonOrigins(t *testing.T) {
	info := site + "/six-1.16.0.dist-info"
	for name, c := range map[string]struct {
		more    files
		install *sbom.Install
		digest  string
		asked   sbom.InstallReason
	}{
		"by name":      {files{}, nil, "", sbom.ReasonUnknown},
		"asked for":    {files{info + "/REQUESTED": ""}, nil, "", sbom.ReasonExplicit},
		"from a VCS":   {files{info + "/direct_url.json": `{"url": "https://u:p@example.org/x.git?t=1", "vcs_info": {"vcs": "git", "commit_id": "abc"}}`}, &sbom.Install{Kind: sbom.InstallVCS, URL: "https://example.org/x.git", Commit: "abc", File: info + "/direct_url.json"}, "", sbom.ReasonUnknown},
		"editable":     {files{info + "/direct_url.json": `{"url": "file:///src", "dir_info": {"editable": true}}`}, &sbom.Install{Kind: sbom.InstallEditable, URL: "file:///src", File: info + "/direct_url.json"}, "", sbom.ReasonUnknown},
		"from archive": {files{info + "/direct_url.json": `{"url": "https://example.org/six.whl", "archive_info": {"hash": "sha256=AB"}}`}, &sbom.Install{Kind: sbom.InstallURL, URL: "https://example.org/six.whl", File: info + "/direct_url.json"}, "sha256:ab", sbom.ReasonUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dist(site, "six", "1.16.0").with(c.more).scan(t)
			checkSummary(t, d, "counts pypi/six@1.16.0")
			six := d.Component("pypi/six@1.16.0")
			if six == nil {
				return
			}
			if (six.Install == nil) != (c.install == nil) || six.Install != nil && *six.Install != *c.install {
				t.Errorf("install %+v, want %+v", six.Install, c.install)
			}
			digest := ""
			for _, g := range six.Digests {
				digest += g.Algorithm + ":" + g.Value
			}
			if digest != c.digest || six.InstallReason != c.asked {
				t.Errorf("digests %q, asked %q", digest, six.InstallReason)
			}
		})
	}
	broken := dist(site, "six", "1.16.0").with(files{info + "/direct_url.json": `{`})
	d := broken.scan(t)
	checkSummary(t, d, "counts pypi/six@1.16.0", "gap malformed "+info+"/direct_url.json")
	if six := d.Component("pypi/six@1.16.0"); six == nil || six.Install == nil || six.Install.Kind != sbom.InstallURL {
		t.Errorf("an unreadable origin is taken for the index: %+v", six)
	}
}

// TestPythonStores has distributions whose files are links into a store, as uv
// makes them in symlink mode, and virtualenv of its app data. "pip list" has
// each of them once in each environment.
func TestPythonStores(t *testing.T) {
	const name = "six-1.16.0.dist-info"
	script := "x:#!/opt/v/bin/python\n"
	store := func(cache string) (files, string) {
		at := cache + "/archive-v0/Xyz9"
		return dist(at, "six", "1.16.0", at+"/../../../bin/six").with(files{cache + "/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55"}), at
	}
	uv, at := store("/root/.cache/uv")
	other, otherAt := store("/srv/uv-cache")
	// linked is what uv puts into an environment: RECORD and INSTALLER are files.
	linked := func(store files, at, v string) files {
		into := v + "/lib/python3.11/site-packages"
		return store.with(files{
			into + "/six": "-> " + at + "/six", into + "/" + name + "/METADATA": "-> " + at + "/" + name + "/METADATA",
			into + "/" + name + "/RECORD": store[at+"/"+name+"/RECORD"] + "../../../bin/six,,\n", into + "/" + name + "/INSTALLER": "uv", v + "/bin/six": script,
		})
	}
	image := "/root/.local/share/virtualenv/wheel/3.11/image/1/SymlinkPipInstall/six-1.16.0-py3-none-any"
	into := "/opt/v/lib/python3.11/site-packages"
	counts := "counts pypi/six@1.16.0"
	runCases(t, []scanCase{
		{"a directory is one link", linked(uv, at, "/opt/v"), []string{counts, "excluded cache /root/.cache/uv"}},
		{"a link for each file", uv.with(files{
			into + "/six/__init__.py": "-> " + at + "/six/__init__.py", into + "/" + name + "/METADATA": "-> " + at + "/" + name + "/METADATA",
			into + "/" + name + "/RECORD": uv[at+"/"+name+"/RECORD"],
		}), []string{counts, "excluded cache /root/.cache/uv"}},
		{"two environments", linked(linked(uv, at, "/opt/v"), at, "/opt/w"), []string{counts, "excluded cache /root/.cache/uv"}},
		{"a cache that is elsewhere", linked(other, otherAt, "/opt/v"), []string{counts, "excluded cache /srv/uv-cache"}},
		{"not in the list", linked(uv, at, "/opt/v").with(files{at + "/six/evil.py": ""}),
			[]string{counts, "counts " + unaccounted(into+"/six"), "excluded cache /root/.cache/uv"}},
		{"a link to another directory", linked(uv, at, "/opt/v").with(files{into + "/evil": "-> /opt/evil", "/opt/evil/__init__.py": ""}),
			[]string{counts, "counts " + unaccounted(into+"/evil"), "excluded cache /root/.cache/uv"}},
		{"a link into another cache", dist(into, "six", "1.16.0", into+"/six/go/bin/tool").with(files{
			into + "/six/go": "-> /root/go/pkg/mod/example.org/x@v1.0.0", "/root/go/pkg/mod/cache/download/x": "",
			"/root/go/pkg/mod/example.org/x@v1.0.0/bin/tool": "x:" + program(t)}),
			[]string{counts, "counts " + unaccounted("/root/go/pkg/mod/example.org/x@v1.0.0"), "excluded cache /root/go/pkg/mod", "notice claimed-files " + into + "/" + name + "/RECORD"}},
		{"a directory of the system is no store", dist(into, "six", "1.16.0", into+"/six/out/run").with(files{
			into + "/six/out": "-> /opt/evil", "/opt/evil/run": "x:#!/bin/sh\n", "/opt/" + name + "/METADATA": "Name: six\nVersion: 1.16.0\n"}),
			[]string{counts, "counts " + unaccounted("/opt/evil/run"), "notice claimed-files " + into + "/" + name + "/RECORD"}},
		{"virtualenv's app data", dist(image, "six", "1.16.0", image+"/../../../bin/six").with(files{
			into + "/six": "-> " + image + "/six", into + "/" + name: "-> " + image + "/" + name, "/opt/v/bin/six": script,
		}), []string{counts}},
	})
	d := linked(linked(uv, at, "/opt/v"), at, "/opt/w").scan(t)
	want := []string{into + "/" + name + "/METADATA", "/opt/w/lib/python3.11/site-packages/" + name + "/METADATA"}
	if c := d.Component("pypi/six@1.16.0"); c == nil || !slices.Equal(c.Paths, want) {
		t.Errorf("%+v, want the paths %q", c, want)
	}
}

// TestTarget has what pip install --target leaves: RECORD names the programs
// where they were before pip moved them.
func TestTarget(t *testing.T) {
	script := "x:#!/usr/bin/python3\n"
	counts := "counts pypi/six@1.16.0"
	target := func(at string) files {
		return dist(at, "six", "1.16.0", "../../bin/six", "../../share/six/run").with(files{at + "/bin/six": script, at + "/share/six/run": script})
	}
	runCases(t, []scanCase{
		{"beside the modules", target("/srv/app/deps"), []string{counts}},
		{"below site-packages", target("/opt/layer/python/lib/python3.11/site-packages"), []string{counts}},
		{"a program that was there", target("/srv/app/deps").with(files{"/srv/bin/six": script}), []string{counts, "counts " + unaccounted("/srv/bin/six")}},
		{"removed afterwards", dist("/srv/app/deps", "six", "1.16.0", "../../bin/six"), []string{counts}},
		{"in no list", target("/srv/app/deps").with(files{"/srv/app/deps/bin/evil": script}), []string{counts, "counts " + unaccounted("/srv/app/deps")}},
		{"one more directory up", dist("/srv/app/deps", "six", "1.16.0", "../../../bin/six").with(files{"/bin/six": script, "/srv/app/deps/bin/six": script}),
			[]string{counts, "counts " + unaccounted("/bin/six"), "counts " + unaccounted("/srv/app/deps/bin/six"), "notice claimed-files /srv/app/deps/six-1.16.0.dist-info/RECORD"}},
	})
}

// TestListless has what old installers leave: no list of files. The names are
// those that setuptools 66 and distutils write.
func TestListless(t *testing.T) {
	const bin = "/usr/local/bin/"
	python := "x:#!/usr/bin/python3\n"
	meta := "Metadata-Version: 1.0\nName: tiny\nVersion: 0.3\n"
	counts := []string{"counts pypi/tiny@0.3"}
	entries := "[console_scripts]\ntiny-cli = tiny.cli:main\n\n[other]\nevil = x\n"
	file := files{site + "/tiny-0.3.egg-info": meta, site + "/tiny/__init__.py": "", site + "/tinymod.py": "", site + "/_tiny.cpython-311-x86_64-linux-gnu.so": "", bin + "tinycmd": python}
	dir := files{
		site + "/tiny-0.3.egg-info/PKG-INFO": meta, site + "/tiny-0.3.egg-info/top_level.txt": "_ext\ntiny\nmod\n", site + "/tiny-0.3.egg-info/entry_points.txt": entries,
		site + "/tiny-0.3.egg-info/SOURCES.txt": "setup.py\nmod.py\nscripts/run-it\ntiny/__init__.py\n",
		site + "/tiny/__init__.py":              "", site + "/mod.py": "", site + "/_ext.cpython-311-x86_64-linux-gnu.so": "", bin + "run-it": python, bin + "tiny-cli": python,
	}
	egg := site + "/tiny-0.3-py3.11.egg"
	with := func(more string) []string { return append([]string{"counts " + unaccounted(more)}, counts...) }
	source := "/srv/src"
	develop := files{
		site + "/tiny.egg-link": source + "\n.", bin + "tiny-cli": python, bin + "run-it": python,
		source + "/tiny.egg-info/PKG-INFO": meta, source + "/tiny.egg-info/top_level.txt": "tiny\n", source + "/tiny.egg-info/entry_points.txt": entries,
		source + "/tiny.egg-info/SOURCES.txt": "setup.py\nscripts/run-it\n../../opt/evil/run\n", source + "/tiny/__init__.py": "", source + "/scripts/run-it": python, source + "/setup.py": python,
	}
	started := "notice startup-code " + site + "/tiny.egg-link of pypi/tiny@0.3"
	runCases(t, []scanCase{
		{"distutils", file, counts},
		{"distutils, a script that imports it", file.with(files{bin + "run-it": python + "import os\nfrom tinymod import x\n"}), counts},
		{"distutils, a script of another name", file.with(files{bin + "other": python + "import os\n"}), with(bin + "other")},
		{"distutils, a program of its name", file.with(files{bin + "tinyrun": "x:" + program(t), bin + "tinysh": "x:#!/bin/sh\n"}),
			append([]string{"counts " + unaccounted(bin+"tinysh")}, with(bin+"tinyrun")...)},
		{"distutils, a module of another name", file.with(files{site + "/evil.py": ""}), with(site + "/evil.py")},
		{"distutils, two distributions", file.with(files{site + "/PyFoo-1.egg-info": "Name: PyFoo\nVersion: 1\n", site + "/foo.py": "", bin + "foo": python}),
			append([]string{"counts pypi/pyfoo@1"}, counts...)},
		{"distutils, what another one lists", file.with(dist(site, "tinycss", "1")), append([]string{"counts pypi/tinycss@1"}, counts...)},
		{"setuptools", dir, counts},
		{"setuptools, in no list", dir.with(files{bin + "evil": python, site + "/evil.py": ""}), append([]string{"counts " + unaccounted(bin+"evil")}, with(site+"/evil.py")...)},
		{"an egg", files{egg + "/EGG-INFO/PKG-INFO": meta, egg + "/EGG-INFO/entry_points.txt": entries, egg + "/EGG-INFO/scripts/run-it": "#!python\n", egg + "/tiny.py": "", bin + "run-it": python, bin + "tiny-cli": python}, counts},
		{"a zipped egg", files{egg: zipped("EGG-INFO/PKG-INFO", meta, "EGG-INFO/entry_points.txt", entries, "EGG-INFO/scripts/run-it", "#!python\n", "tiny.py", ""), bin + "run-it": python, bin + "tiny-cli": python}, counts},
		{"develop", develop, append([]string{started}, counts...)},
		{"develop, in no list", develop.with(files{source + "/scripts/evil": python, "/opt/evil/run": python}),
			append([]string{started, "counts " + unaccounted(source+"/scripts/evil"), "counts " + unaccounted("/opt/evil/run")}, counts...)},
		{"develop, another tree", files{site + "/evil.egg-link": source + "\n."}.with(files{source + "/tiny.egg-info/PKG-INFO": meta}), append([]string{"notice startup-code " + site + "/evil.egg-link"}, counts...)},
	})
	tree := files{
		source + "/pyproject.toml": "", source + "/src/tiny.egg-info/PKG-INFO": meta, source + "/src/tiny.egg-info/SOURCES.txt": "pyproject.toml\nscripts/run-it\n../evil\n", source + "/src/tiny/__init__.py": "",
		source + "/scripts/run-it": python, source + "/build/scripts-3.11/run-it": python,
	}
	runCases(t, []scanCase{
		{"a working tree", tree, counts},
		{"a working tree, in no list", tree.with(files{source + "/scripts/evil": python, "/srv/evil": python}), append([]string{"counts " + unaccounted(source+"/scripts/evil")}, with("/srv/evil")...)},
		{"a directory of the system", files{"/usr/local/setup.py": "", "/usr/local/tiny.egg-info/PKG-INFO": meta, "/usr/local/tiny.egg-info/SOURCES.txt": "bin/evil\n", bin + "evil": python}, with(bin + "evil")},
	})
	if c := develop.scan(t).Component("pypi/tiny@0.3"); c == nil || c.Install == nil || *c.Install != (sbom.Install{Kind: sbom.InstallEditable, URL: "file://" + source, File: site + "/tiny.egg-link"}) {
		t.Errorf("%+v", c)
	}
}

// TestParts has distributions that are parts of an interpreter or an application.
// pip does not list the former (pip._internal.utils.compat.stdlib_pkgs).
func TestParts(t *testing.T) {
	x := "x:" + program(t)
	lib := func(prefix string) files {
		at := prefix + "/lib/python2.7"
		return files{prefix + "/bin/python2.7": x, prefix + "/lib/libpython2.7.so.1.0": program(t), at + "/os.py": "", at + "/site.py": "", at + "/abc.py": "", at + "/wsgiref.egg-info": "Name: wsgiref\nVersion: 0.1.2\n",
			at + "/lib-dynload/Python-2.7.18-py2.7.egg-info": "Name: Python\nVersion: 2.7.18\n", at + "/lib-dynload/_csv.so": program(t)}
	}
	opt := "generic/python?path=/opt/python"
	app := "generic/app?path=/opt/app"
	frozen := files{"/opt/app/app": x, "/opt/app/base_library.zip": zipped("os.pyc", ""), "/opt/app/libpython3.11.so.1.0": program(t),
		"/opt/app/six-1.16.0.dist-info/METADATA": "Name: six\nVersion: 1.16.0\n"}
	runCases(t, []scanCase{
		{"of CPython", lib("/opt/python").with(dist("/opt/python/lib/python2.7/site-packages", "six", "1.16.0")),
			[]string{"counts " + opt, "counts pypi/six@1.16.0", "inside pypi/python@2.7.18 in " + opt, "inside pypi/wsgiref@0.1.2 in " + opt}},
		{"of a frozen application", frozen, []string{"counts " + app, "inside pypi/six@1.16.0 in " + app}},
		{"of no application", files{"/opt/app/base_library.zip": zipped("os.pyc", ""), "/opt/app/six-1.16.0.dist-info/METADATA": "Name: six\nVersion: 1.16.0\n"}, []string{"counts pypi/six@1.16.0"}},
		{"beside the system's library", debs(map[string][]string{"python": {"/usr/lib/python3.11/os.py", "/usr/lib/python3.11/site.py", "/usr/lib/python3.11/abc.py"}}).with(files{
			"/usr/lib/python3.11/os.py": "", "/usr/lib/python3.11/site.py": "", "/usr/lib/python3.11/abc.py": "", "/usr/lib/python3.11/evil.egg-info": "Name: evil\nVersion: 1\n", "/usr/lib/python3.11/evil.py": ""}),
			[]string{"counts pypi/evil@1"}},
	})
}

// TestCoreMetadataAbout reads who a distribution is from and its licence.
func TestCoreMetadataAbout(t *testing.T) {
	for _, tt := range []struct{ headers, supplier, license string }{
		{"Author: Jane Doe\nAuthor-email: jane@example.org\nLicense: MIT", "Jane Doe <jane@example.org>", "MIT"},
		{"Author-email: \"Doe, Jane\" <jane@example.org>, Joe <joe@example.org>\nLicense-Expression: Apache-2.0 OR MIT\nLicense: MIT", `"Doe, Jane" <jane@example.org>, Joe <joe@example.org>`, "Apache-2.0 OR MIT"},
		{"Author: UNKNOWN\nAuthor-email: UNKNOWN\nLicense: UNKNOWN\nMaintainer: The team", "The team", ""},
		{"LICENSE: Copyright (c) 2020\n " + strings.Repeat("Permission is hereby granted ", 40), "", ""},
		{"License: The Foo License\n  Permission is granted", "", ""},
		{"License: MIT\n        \nClassifier: License :: OSI Approved :: BSD License", "", "MIT"},
		{"License: Copyright (c)\n 2020\nClassifier: Topic :: X\nClassifier: License :: OSI Approved :: MIT License", "", "MIT License"},
		{"Classifier: License :: OSI Approved\nclassifier: License :: OSI Approved :: BSD License\nClassifier: License :: Public Domain\nClassifier: License :: Public Domain", "", "BSD License, Public Domain"},
		{"License: UNKNOWN\nClassifier: License :: OSI Approved\nClassifier: License", "", ""},
		{strings.Repeat("Classifier: License :: OSI Approved :: "+strings.Repeat("x", 600)+"\n", 2) + "Summary: x", "", ""},
		{"Author: A\n folded name\nAuthor: B", "A folded name", ""},
		{"Summary: x", "", ""},
	} {
		m, err := parseCoreMetadata(strings.NewReader("Name: x\nVersion: 1\n" + tt.headers + "\n\nAuthor: text\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(m.licenses(), "|"); m.supplier() != tt.supplier || got != tt.license {
			t.Errorf("%q: supplier %q, licence %q; want %q, %q", tt.headers, m.supplier(), got, tt.supplier, tt.license)
		}
	}
}

// TestPackageJSONAbout does the same for npm packages.
func TestPackageJSONAbout(t *testing.T) {
	for _, tt := range []struct{ fields, author, license string }{
		{`"author":"Jane <jane@example.org> (https://x)","license":"MIT"`, "Jane <jane@example.org> (https://x)", "MIT"},
		{`"author":{"name":"Jane","email":"jane@example.org"},"license":{"type":"ISC","url":"x"}`, "Jane <jane@example.org>", "ISC"},
		{`"licenses":[{"type":"MIT"},{"type":"GPL-2.0"}]`, "", "MIT OR GPL-2.0"},
		{`"licenses":[{"type":"AFLv2.1"},{"type":"BSD AND ISC"},{"url":"x"},{"type":"AFLv2.1"}]`, "", "AFLv2.1 OR (BSD AND ISC)"},
		{`"author":1,"license":[],"licenses":"MIT"`, "", "MIT"},
		{`"license":["MIT","ISC"],"licenses":[{"type":"BSD"}]`, "", "MIT OR ISC"},
		{`"license":{},"licenses":7`, "", ""},
		{`"author":null,"license":"SEE LICENSE IN LICENSE.md"`, "", "SEE LICENSE IN LICENSE.md"},
	} {
		m, err := parsePackageJSON([]byte(`{"name":"x",` + tt.fields + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(m.licenses, "|"); m.author != tt.author || got != tt.license {
			t.Errorf("%s: author %q, licence %q; want %q, %q", tt.fields, m.author, got, tt.author, tt.license)
		}
	}
}
