package scan

import (
	"testing"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// TestSearchedModules has modules that Python finds without a package: each is
// counted, and what a package accounts for is not.
func TestSearchedModules(t *testing.T) {
	const pypy, gdb = "/usr/lib/pypy3/lib-python/3", "/usr/share/gdb/python/gdb"
	pth := site + "/x.pth"
	startup := "notice startup-code " + pth
	library := func(dir string) map[string][]string {
		return map[string][]string{"python": {dir + "/os.py", dir + "/site.py", dir + "/abc.py", dir + "/json/__init__.py"}}
	}
	system := func(owns map[string][]string) files {
		f := debs(owns)
		for _, list := range owns {
			for _, p := range list {
				f[p] = ""
			}
		}
		return f
	}
	counts := func(paths ...string) []string {
		var out []string
		for _, p := range paths {
			out = append(out, "counts "+unaccounted(p))
		}
		return out
	}
	runCases(t, []scanCase{
		{"PyPy", system(library(pypy)).with(files{pypy + "/evil.py": "", "/usr/lib/pypy3/lib_pypy/evil2.py": "", "/usr/lib/pypy3/lib_pypy/__pycache__/x.pyc": ""}),
			counts(pypy+"/evil.py", "/usr/lib/pypy3/lib_pypy")},
		{"PyPy, started with it", system(library(pypy)).with(files{pypy + "/sitecustomize.py": ""}),
			append(counts(pypy+"/sitecustomize.py"), "notice startup-code "+pypy+"/sitecustomize.py of "+unaccounted(pypy+"/sitecustomize.py"))},
		{"Jython", system(library("/usr/share/jython/Lib")).with(files{"/usr/share/jython/Lib/evil.py": ""}), counts("/usr/share/jython/Lib/evil.py")},
		{"MicroPython", files{"/usr/lib/micropython/evil.py": "", "/root/.micropython/lib/evil2.py": ""}, counts("/usr/lib/micropython", "/root/.micropython/lib")},
		{"beside a program's modules", system(map[string][]string{"gdb": {gdb + "/__init__.py", gdb + "/command/pretty.py"}}).with(files{gdb + "/command/evil.py": "", "/usr/share/gdb/python/evil2.py": "", "/usr/share/gdb/python/evil3/__init__.py": ""}),
			counts(gdb+"/command/evil.py", "/usr/share/gdb/python/evil2.py", "/usr/share/gdb/python/evil3")},
		{"beside no module of the system", system(map[string][]string{"gdb": {"/usr/share/gdb/syscalls/amd64.xml"}}).with(files{"/usr/share/gdb/syscalls/x.py": "", "/srv/app/x.py": "", "/srv/app/y.py": ""}), nil},
		{"compiled by Python 2", system(map[string][]string{"python2.7": {"/usr/lib/python2.7/os.py"}}).with(files{"/usr/lib/python2.7/os.pyc": "", "/usr/lib/python2.7/evil.pyc": ""}),
			counts("/usr/lib/python2.7/evil.pyc")},
		{"a directory of a .pth file", files{pth: "../../../../../opt/code\n", "/opt/code/evil.py": "", "/opt/code/doc/x.txt": ""}, append(counts("/opt/code"), startup)},
		{"a zip file of a .pth file", files{pth: "/opt/code.dat\n", "/opt/code.dat": zipped("evil.py", "")}, append(counts("/opt/code.dat"), startup)},
		{"a .pth file of a package", dist(site, "six", "1.16.0", pth).with(files{pth: "/srv/src\n", "/srv/src/mod.py": ""}), []string{"counts pypi/six@1.16.0", startup + " of pypi/six@1.16.0"}},
		{"a .pth file and a working tree", files{pth: "/srv/src\n", "/srv/src/setup.py": "", "/srv/src/conftest.py": "", "/srv/src/tiny/__init__.py": "", "/srv/src/tiny.egg-info/PKG-INFO": "Name: tiny\nVersion: 1\n", "/srv/src/tiny.egg-info/top_level.txt": "tiny\n"},
			[]string{"counts pypi/tiny@1", startup}},
		{"a .pth file and an installation", dist("/opt/deps", "six", "1.16.0").with(files{pth: "/opt/deps\n", "/opt/deps/evil.py": ""}),
			append(counts("/opt/deps/evil.py"), "counts pypi/six@1.16.0", startup)},
		{"a .pth file that leads nowhere", files{pth: "/\n/none\n"}, []string{startup}},
		{"PYTHONPATH", files{"/etc/environment": "PATH=/bin\nexport PYTHONPATH=\"/opt/code:/srv/app\"\n", "/opt/code/evil.py": "", "/opt/code/data/x.txt": "", "/srv/app/pkg/__init__.py": "", "/srv/app/pkg/a.py": ""},
			append(counts("/opt/code", "/srv/app/pkg"), "notice startup-code /etc/environment")},
		{"an environment in uv's cache", dist("/root/.cache/uv/archive-v0/E/lib/python3.11/site-packages", "ruff", "1").with(files{
			"/root/.cache/uv/CACHEDIR.TAG": "", "/root/.cache/uv/archive-v0/E/pyvenv.cfg": "home = /usr/bin\n", "/root/.cache/uv/archive-v0/E/lib/python3.11/site-packages/evil.py": "",
		}).with(dist("/root/.cache/uv/archive-v0/W", "black", "2")),
			[]string{"counts pypi/ruff@1", "counts " + unaccounted("/root/.cache/uv/archive-v0/E/lib/python3.11/site-packages/evil.py"), "excluded cache /root/.cache/uv"}},
		{"PYTHONPATH in a comment", files{"/etc/environment": "#PYTHONPATH=/opt/code\n", "/opt/code/evil.py": ""}, nil},
	})
}

func TestImagePythonPath(t *testing.T) {
	root := files{"/opt/code/evil.py": "", "/srv/other/x.py": ""}.plant(t)
	ref := rootfs.Ref{Scheme: rootfs.SchemeOCIDir, Path: imageOf(t, root, 1, "PATH=/bin", "PYTHONPATH=relative::/opt/code")}
	d, err := Run(t.Context(), ref, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c := d.Component(unaccounted("/opt/code")); c == nil || len(d.Components) != 1 {
		t.Errorf("%+v", d.Components)
	}
}
