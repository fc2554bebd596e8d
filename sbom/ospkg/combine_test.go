package ospkg

import (
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/google/go-cmp/cmp"
)

// TestSeveralDatabases checks a Debian with apk, and the other way round.
func TestSeveralDatabases(t *testing.T) {
	dpkgFiles := files{dpkgStatus: record("a"), dpkgInfo + "/a.list": "/usr/bin/a\n/usr/bin/shared\n", "/usr/bin/a": "", "/usr/bin/shared": ""}
	apkFiles := files{apkDir + apkInstalled: apkRecordText("b", "F:usr/bin", "R:b", "R:shared", "R:a") + apkRecordText("c", "D:b"), "/usr/bin/b": ""}
	both := together(dpkgFiles, apkFiles)
	second := func(kind, at, canonical, n string) string {
		return "claimed-files " + at + ": a second package database, of " + kind + ", lists " + n + " packages: they count, but may not be the distribution's, which uses " + canonical
	}
	for _, test := range []struct {
		name    string
		f       files
		release sbom.OS
		kind    string
		names   string
		owners  map[string]string
		notices []string
		gaps    []string
	}{
		{"debian with apk", both, debian, "dpkg+apk", "b c a", map[string]string{"/usr/bin/a": "a", "/usr/bin/b": "b", "/usr/bin/shared": "a"},
			[]string{second("apk", "/lib/apk/db", "dpkg", "2"), "claimed-files /usr/bin/a: b, in the database of apk, lists 2 files of packages in that of dpkg, which keep them"}, nil},
		{"alpine with dpkg", both, alpine, "apk+dpkg", "b c a", map[string]string{"/usr/bin/a": "b", "/usr/bin/b": "b", "/usr/bin/shared": "b"},
			[]string{second("dpkg", "/var/lib/dpkg", "apk", "1"), "claimed-files /usr/bin/a: a, in the database of dpkg, lists 2 files of packages in that of apk, which keep them"}, nil},
		{"no os-release", both, sbom.OS{}, "dpkg+apk", "b c a", nil,
			[]string{second("apk", "/lib/apk/db", "dpkg", "2"), "claimed-files /usr/bin/a: b, in the database of apk, lists 2 files of packages in that of dpkg, which keep them"},
			[]string{"system /var/lib/dpkg: a package database of the kind dpkg, but no os-release that names the system, nor an older file like /etc/debian_version"}},
		{"an empty second one", together(dpkgFiles, files{apkDir + apkInstalled: "", alpmVersion: "9\n"}), debian, "dpkg", "a", nil, nil, nil},
		{"an empty one that is expected", together(apkFiles, files{dpkgStatus: ""}), debian, "dpkg+apk", "b c", map[string]string{"/usr/bin/b": "b"},
			[]string{second("apk", "/lib/apk/db", "dpkg", "2")}, []string{"package-database /var/lib/dpkg/status: the package database lists no installed package"}},
		{"a broken second one", together(dpkgFiles, files{apkDir + apkInstalled: "x\n"}), debian, "dpkg", "a", nil, nil,
			[]string{"malformed /var/lib/dpkg: a second package database, of apk beside that of dpkg, cannot be read: /lib/apk/db/installed:1: \"x\" is not a field (run apk fix on the system, or restore the file from a backup)"}},
		{"three", together(both, alpmPackage("p", "")), arch, "alpm+dpkg+apk", "p b c a", nil, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree, db, err := test.f.open(t, test.release)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, c := range db.Components {
				names = append(names, c.Name)
			}
			if db.Kind != test.kind || strings.Join(names, " ") != test.names {
				t.Errorf("%s with %v, want %s with %s", db.Kind, names, test.kind, test.names)
			}
			if !slices.IsSortedFunc(db.Components, func(a, b sbom.Component) int { return strings.Compare(a.ID, b.ID) }) {
				t.Error("the components are not sorted")
			}
			for path, want := range test.owners {
				if got := owner(t, tree, db, path); got != want {
					t.Errorf("%s belongs to %q, want %q", path, got, want)
				}
			}
			if test.notices != nil {
				if diff := cmp.Diff(test.notices, noticeDetails(db)); diff != "" {
					t.Errorf("notices (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(test.gaps, gapDetails(db)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			checkRepeatable2(t, tree, db, test.release)
		})
	}
	for name, f := range map[string]files{
		"the expected one is broken":      together(apkFiles, files{dpkgStatus: "x\n"}),
		"the expected one is not there":   {apkDir + apkInstalled: "x\n"},
		"the other one is the only other": {dpkgStatus: "", apkDir + apkInstalled: "x\n"},
	} {
		if _, db, err := f.open(t, debian); err == nil {
			t.Errorf("%s: %+v", name, db)
		}
	}
}

func TestExpectByVersion(t *testing.T) {
	for version, want := range map[string]string{"23.05.5": "opkg", "24.10.0": "opkg", "25.11": "opkg", "25.12.0": "apk", "26.06": "apk", "snapshot": "apk", "": "apk"} {
		if got := Expect(sbom.OS{ID: "openwrt", VersionID: version}); got != want {
			t.Errorf("OpenWrt %s has %s, want %s", version, got, want)
		}
	}
	for id, want := range map[string]string{"gentoo": "portage", "void": "xbps", "slackware": "pkgtools", "chimera": "apk", "nilrt": "opkg", "steamos": "alpm", "sl-micro": "rpm"} {
		if got := Expect(sbom.OS{ID: id}); got != want {
			t.Errorf("%s has %s, want %s", id, got, want)
		}
	}
}
