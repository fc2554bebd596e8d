package scan

import (
	"slices"
	"testing"
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
	if len(d.Components) != 1 || !slices.Equal(d.Components[0].Paths, []string{"/srv/c", "/usr/local/bin/a", "/usr/local/bin/b"}) {
		t.Errorf("%+v, want one component with three paths", d.Components)
	}
	// A program that was built in a working tree, with modules in it.
	d = files{"/opt/tool/bin/tool": "x:" + goProgram(t), "/opt/tool/lib/x": "", "/usr/local/bin/tool": "=> /opt/tool/bin/tool"}.scan(t)
	for _, c := range d.Components {
		if c.Counts() != (c.ID == unaccounted("/opt/tool")) {
			t.Errorf("%s counts: %t", c.ID, c.Counts())
		}
	}
}
