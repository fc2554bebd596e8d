package ospkg

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/google/go-cmp/cmp"
)

func TestOnlyTheCanonicalDatabaseCounts(t *testing.T) {
	_, db, err := files{
		"/home/x/lib/dpkg/status":     record("evil"),
		"/home/x/var/lib/dpkg/status": record("evil"),
		"/usr/lib/dpkg/status.d/evil": record("evil"),
		"/var/lib/dpkg/":              "",
	}.open(t, debian)
	if db != nil || err != nil {
		t.Errorf("Open: %+v, %v", db, err)
	}
}

func TestLinksAreFollowedInside(t *testing.T) {
	tree, db := files{
		"/var/lib/dpkg":       "-> /srv/db",
		"/srv/db/status":      "-> ../status",
		"/srv/status":         record("a"),
		"/srv/db/info/a.list": "/.\n/bin\n/bin/a\n/lib/l\n",
		"/bin":                "-> usr/bin",
		"/lib":                "-> /usr/lib",
		"/usr/bin/a":          "",
		"/usr/lib/l":          "-> /usr/lib/target",
		"/usr/lib/target":     "",
	}.mustOpen(t)
	if len(db.Components) != 1 || !slices.Equal(db.Components[0].Paths, []string{"/srv/status"}) {
		t.Errorf("components %+v", db.Components)
	}
	for path, want := range map[string]string{"/usr/bin/a": "a", "/bin": "a", "/usr/lib/l": "a", "/usr/lib/target": "", "/usr/bin": ""} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	if db.Listed != 4 || db.Absent != 0 {
		t.Errorf("%d listed, %d absent", db.Listed, db.Absent)
	}
}

func TestStatesAreToldApart(t *testing.T) {
	status := ""
	for _, p := range []struct{ name, state string }{
		{"p-installed", "install ok installed"},
		{"p-held", "hold ok installed"},
		{"p-leaving", "deinstall ok installed"},
		{"p-awaited", "install ok triggers-awaited"},
		{"p-pending", "install ok triggers-pending"},
		{"p-unpacked", "install ok unpacked"},
		{"p-configured", "install ok half-configured"},
		{"p-half", "install ok half-installed"},
		{"p-reinst", "install reinstreq installed"},
		{"p-removed", "deinstall ok config-files"},
		{"p-never", "purge ok not-installed"},
	} {
		status += "Package: " + p.name + "\nStatus: " + p.state + "\nArchitecture: all\nVersion: 1\n\n"
	}
	f := files{dpkgStatus: status + "Package: p-bare\nVersion: 1\n"}
	for _, line := range strings.Split(f[dpkgStatus], "\n") {
		if name, found := strings.CutPrefix(line, "Package: "); found {
			f[dpkgInfo+"/"+name+".list"] = "/.\n"
		}
	}
	_, db := f.mustOpen(t)
	var installed, half, excluded []string
	for _, c := range db.Components {
		installed = append(installed, c.Name)
	}
	for _, n := range db.Notices {
		if n.Kind == sbom.NoticeHalfState {
			half = append(half, n.Component)
		}
	}
	for _, e := range db.Excluded {
		excluded = append(excluded, e.Name+" "+string(e.Reason)+" "+e.Detail+" "+e.PURL)
	}
	if diff := cmp.Diff([]string{"p-awaited", "p-bare", "p-configured", "p-half", "p-held", "p-installed", "p-leaving", "p-pending", "p-reinst", "p-unpacked"}, installed); diff != "" {
		t.Errorf("installed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"deb/debian/p-configured@1?arch=all", "deb/debian/p-half@1?arch=all", "deb/debian/p-reinst@1?arch=all", "deb/debian/p-unpacked@1?arch=all"}, half); diff != "" {
		t.Errorf("half-installed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"p-never not-installed purge ok not-installed pkg:deb/debian/p-never@1?arch=all&distro=debian-12",
		"p-removed not-installed deinstall ok config-files pkg:deb/debian/p-removed@1?arch=all&distro=debian-12",
	}, excluded); diff != "" {
		t.Errorf("excluded (-want +got):\n%s", diff)
	}
}

func TestBrokenDatabasesAreErrors(t *testing.T) {
	real, _, _ := bookworm(t)
	status := real[dpkgStatus]
	for _, test := range []struct {
		name string
		f    files
		want string
	}{
		{"truncated", files{dpkgStatus: status[:len(status)/2]}, "the last line has no newline: the file is truncated (restore it from a backup, such as /var/lib/dpkg/status-old)"},
		{"binary", files{dpkgStatus: "\x7fELF\x02\x01\x01\x00\x00\n"}, "/var/lib/dpkg/status:1: zero byte: this is not a text file (the file is damaged; restore it from a backup)"},
		{"UTF-16", files{dpkgStatus: "\xff\xfeP\x00a\x00\n\x00"}, "/var/lib/dpkg/status:1: zero byte"},
		{"no package", files{dpkgStatus: "Version: 1\nStatus: install ok installed\n"}, "/var/lib/dpkg/status:1: record has no Package field"},
		{"no version", files{dpkgStatus: record("a") + "Package: b\nStatus: install ok installed\n"}, `/var/lib/dpkg/status:6: package b is in state "installed" and has no Version field`},
		{"empty version", files{dpkgStatus: "Package: b\nVersion:\n"}, `/var/lib/dpkg/status:2: package b is in state "installed" and has no Version field`},
		{"bad version", files{dpkgStatus: "Package: b\nVersion: 1 2\n"}, `/var/lib/dpkg/status:2: "1 2" is not a version of package b`},
		{"escape in version", files{dpkgStatus: "Package: b\nVersion: 1\x1b[2J\n"}, `/var/lib/dpkg/status:2: "1\x1b[2J" is not a version of package b`},
		{"bad name", files{dpkgStatus: "Package: ../b\nVersion: 1\n"}, `/var/lib/dpkg/status:1: "../b" is not a package name`},
		{"look-alike name", files{dpkgStatus: "Package: b\u0430sh\nVersion: 1\n"}, `is not a package name`},
		{"bad architecture", files{dpkgStatus: "Package: b\nVersion: 1\nArchitecture: x y\n"}, `/var/lib/dpkg/status:3: "x y" is not an architecture`},
		{"bad state", files{dpkgStatus: "Package: b\nVersion: 1\nStatus: install ok hidden\n"}, `/var/lib/dpkg/status:3: unknown state "hidden" of package b`},
		{"short state", files{dpkgStatus: "Package: b\nVersion: 1\nStatus: installed\n"}, `/var/lib/dpkg/status:3: malformed status "installed" of package b`},
		{"twice", files{dpkgStatus: record("a") + record("b") + record("a")}, "/var/lib/dpkg/status:11: package a:amd64 has a second record, the first one is at /var/lib/dpkg/status:1 (remove one of them)"},
		{"twice in two places", files{dpkgStatus: record("a"), dpkgStatusD + "/x": record("a")}, "/var/lib/dpkg/status.d/x:1: package a:amd64 has a second record, the first one is at /var/lib/dpkg/status:1 (remove one of them)"},
		{"twice a field", files{dpkgStatus: "Package: a\nPackage: b\nVersion: 1\n"}, `/var/lib/dpkg/status:2: field "Package" appears twice in one record, first in line 1`},
		{"a directory", files{dpkgStatus + "/": ""}, "/var/lib/dpkg/status: is a directory, not a file"},
		{"a dead link", files{dpkgStatus: "-> /proc/1/root/status"}, "/var/lib/dpkg/status: is a dangling symbolic link in this environment"},
		{"a link in circles", files{dpkgDir: "-> dpkg"}, "/var/lib/dpkg: is a dangling symbolic link in this environment"},
		{"directory is a file", files{dpkgDir: "x"}, "/var/lib/dpkg: is a file, not a directory"},
		{"status.d is a file", files{dpkgStatusD: "x"}, "/var/lib/dpkg/status.d: is a file, not a directory"},
		{"lists without status", files{dpkgInfo + "/a.list": "/.\n"}, "/var/lib/dpkg/status: is missing, although file lists of packages exist in /var/lib/dpkg/info (restore it, for instance from /var/lib/dpkg/status-old)"},
		{"broken update", files{dpkgStatus: record("a"), dpkgUpdates + "/0001": "Package: a\n"}, `/var/lib/dpkg/updates/0001:1: package a is in state "installed" and has no Version field`},
		{"half a diversion", files{dpkgStatus: record("a"), dpkgDiversions: "/a\n/b\nx\n/c\n"}, "/var/lib/dpkg/diversions:4: incomplete diversion: want a path, a path and a package"},
		{"climbing diversion", files{dpkgStatus: record("a"), dpkgDiversions: "/a\n/../b\nx\n"}, `/var/lib/dpkg/diversions:2: cannot divert to "/../b": not an absolute, clean path`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, db, err := test.f.open(t, debian)
			if err == nil || db != nil {
				t.Fatalf("Open: %+v, %v", db, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error\n%v\nwant\n%s", err, test.want)
			}
			var parse *parseError
			if !errors.As(err, &parse) || !strings.HasPrefix(parse.File, dpkgDir) {
				t.Errorf("%#v is no parseError of the database", err)
			}
		})
	}
}

func TestVanishedStatusIsAnError(t *testing.T) {
	root := files{dpkgStatus: record("a")}.plant(t)
	tree, err := openTree(t, root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, dpkgStatus)); err != nil {
		t.Fatal(err)
	}
	if db, err := Open(t.Context(), tree, debian); db != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open: %+v, %v", db, err)
	}
}

func TestGaps(t *testing.T) {
	a := files{dpkgStatus: record("a"), dpkgInfo + "/a.list": "/.\n"}
	with := func(more files) files {
		f := files{}
		for _, part := range []files{a, more} {
			for path, text := range part {
				f[path] = text
			}
		}
		return f
	}
	for _, test := range []struct {
		name    string
		f       files
		release sbom.OS
		want    []string
	}{
		{"in order", a, debian, nil},
		{"derivative", a, sbom.OS{ID: "mydistro", IDLike: []string{"ubuntu", "debian"}}, nil},
		{"in no list", a, sbom.OS{ID: "vendor"}, nil},
		{"in no list, like another family", a, sbom.OS{ID: "vendor", IDLike: []string{"rhel"}}, nil},
		{"no os-release", a, sbom.OS{}, []string{"system /var/lib/dpkg: a package database of the kind dpkg, but no os-release that names the system, nor an older file like /etc/debian_version"}},
		{"another system", a, sbom.OS{ID: "alpine"}, []string{`system /var/lib/dpkg: os-release names the system "alpine", which uses apk and not dpkg, but its database is of the kind dpkg`}},
		{"no packages", files{dpkgStatus: ""}, debian, []string{"package-database /var/lib/dpkg/status: the package database lists no installed package"}},
		{"no list", files{dpkgStatus: record("a") + record("b")}, debian, []string{"package-database /var/lib/dpkg/info: installed packages have no file list, so that their files count as unaccounted; 2 without one: a:amd64, b:amd64"}},
		{"list is a directory", files{dpkgStatus: record("a"), dpkgInfo + "/a.list/": ""}, debian, []string{"package-database /var/lib/dpkg/info: installed packages have no file list, so that their files count as unaccounted; 1 without one: a:amd64",
			"unreadable /var/lib/dpkg/info/a.list: file list: open /var/lib/dpkg/info/a.list: not a regular file but a directory"}},
		{"climbing list", with(files{dpkgInfo + "/a.list": "/.\n/usr/../../etc/passwd\netc/passwd\n//x\n/x/\n", "/etc/passwd": "", "/x": ""}), debian,
			[]string{`malformed /var/lib/dpkg/info/a.list: line 2: path "/usr/../../etc/passwd" is not a clean path: it may lead out of the package; 4 lines like this are ignored`}},
		{"truncated list", with(files{dpkgInfo + "/a.list": "/.\n/usr/bin/te"}), debian, []string{"malformed /var/lib/dpkg/info/a.list: line 2: the last line has no newline: the file is truncated"}},
		{"long line", with(files{dpkgInfo + "/a.list": "/" + strings.Repeat("x", maxLine) + "\n"}), debian,
			[]string{"limit /var/lib/dpkg/info/a.list: file list of package a: /var/lib/dpkg/info/a.list:1: line is longer than 1048576 bytes"}},
		{"broken dependency", files{dpkgStatus: record("a", "Depends: b c"), dpkgInfo + "/a.list": ""}, debian, []string{`malformed /var/lib/dpkg/status: line 5: Depends of package a: unexpected "c" after package "b"`}},
		{"broken conffile", files{dpkgStatus: record("a", "Conffiles:", " /etc/ok 00", " /etc/../x 00"), dpkgInfo + "/a.list": ""}, debian, []string{`malformed /var/lib/dpkg/status: line 7: Conffiles of package a: "/etc/../x 00" is not a path and a digest`}},
		{"unknown format", with(files{dpkgInfo + "/format": "2\n"}), debian, []string{`package-database /var/lib/dpkg/info/format: unknown layout "2" of the file lists`}},
		{"broken extended_states", with(files{aptStates: "Package: a\nx\n"}), debian, []string{`malformed /var/lib/apt/extended_states: the explicitly installed packages are unknown: /var/lib/apt/extended_states:2: "x" is not a field`}},
		{"directory in status.d", files{dpkgStatusD + "/a": record("a"), dpkgStatusD + "/b/": ""}, debian, []string{"package-database /var/lib/dpkg/status.d/b: directory among the records of packages"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, db, err := test.f.open(t, test.release)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, gapDetails(db)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnbelievedPathsOwnNothing(t *testing.T) {
	tree, db := files{
		dpkgStatus:           record("a"),
		dpkgInfo + "/a.list": "/usr/../etc/passwd\netc/passwd\n/usr/./x\n/usr/x\n",
		"/etc/passwd":        "",
		"/usr/x":             "",
	}.mustOpen(t)
	for path, want := range map[string]string{"/etc/passwd": "", "/usr/x": "a"} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
}

// TestDistroless checks the layout of images without a shell. The names of the
// records are encoded as some tools encode them.
func TestDistroless(t *testing.T) {
	tree, db := files{
		dpkgStatusD + "/libsqlite3-0":         "Package: libsqlite3-0\nSource: sqlite3\nVersion: 3.34.1-3\nArchitecture: arm64\nInstalled-Size: 1490\nDepends: libc6 (>= 2.29)",
		dpkgStatusD + "/libsqlite3-0.md5sums": "e11d70c96979a1328ae4e7e50542782b  usr/lib/libsqlite3.so.0\n8d9faa5dc2fa9d2df52f1c7cb4e5fa47  ./usr/share/doc/absent",
		dpkgStatusD + "/libsqlite3-0.preinst": "# a script",
		dpkgStatusD + "/bGliYzY":              "Package: libc6\nVersion: 2.31\nArchitecture: arm64\n",
		dpkgStatusD + "/bGliYzY.md5sums":      "e11d70c96979a1328ae4e7e50542782b  lib/libc.so.6\nnot a digest\n",
		dpkgStatusD + "/app.config":           "Package: app\nVersion: 1\n",
		"/usr/lib/libsqlite3.so.0":            "",
		"/lib":                                "-> usr/lib",
		"/usr/lib/libc.so.6":                  "",
		"/usr/lib/other":                      "",
	}.mustOpen(t)
	var got []string
	for _, c := range db.Components {
		got = append(got, c.PURL+" "+c.Paths[0])
	}
	if diff := cmp.Diff([]string{
		"pkg:deb/debian/app@1?distro=debian-12 /var/lib/dpkg/status.d/app.config",
		"pkg:deb/debian/libc6@2.31?arch=arm64&distro=debian-12 /var/lib/dpkg/status.d/bGliYzY",
		"pkg:deb/debian/libsqlite3-0@3.34.1-3?arch=arm64&distro=debian-12&upstream=sqlite3 /var/lib/dpkg/status.d/libsqlite3-0",
	}, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`malformed /var/lib/dpkg/status.d/bGliYzY.md5sums: line 2: "not a digest" is not a digest and a path`}, gapDetails(db)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	for path, want := range map[string]string{
		"/usr/lib/libsqlite3.so.0": "libsqlite3-0", "/usr/lib/libc.so.6": "libc6", "/usr/lib/other": "",
		"/usr/lib": "libc6", dpkgStatusD + "/libsqlite3-0.preinst": "libsqlite3-0", dpkgStatusD + "/bGliYzY": "libc6",
	} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	if len(db.Relations) != 1 || db.Relations[0].To != "deb/debian/libc6@2.31?arch=arm64" {
		t.Errorf("relations %+v", db.Relations)
	}
	if db.Listed != 3 || db.Absent != 1 {
		t.Errorf("%d listed, %d absent", db.Listed, db.Absent)
	}
}

// TestMixedDistroless checks records in status.d with lists in dpkg's directory,
// and digests without a list.
func TestMixedDistroless(t *testing.T) {
	const digest = "e11d70c96979a1328ae4e7e50542782b  "
	tree, db := files{
		dpkgStatusD + "/a":         "Package: a\nVersion: 1\nArchitecture: amd64\n",
		dpkgStatusD + "/b":         "Package: b\nVersion: 1\nArchitecture: amd64\n",
		dpkgStatusD + "/c":         "Package: c\nVersion: 1\nArchitecture: amd64\nMulti-Arch: same\n",
		dpkgStatus:                 record("d"),
		dpkgInfo + "/a.list":       "/.\n/usr\n/usr/bin\n/usr/bin/a\n",
		dpkgInfo + "/b.md5sums":    digest + "usr/bin/b\n",
		dpkgInfo + "/c:amd64.list": "/usr/lib/c\n",
		dpkgInfo + "/d.md5sums":    digest + "usr/bin/d\n",
		dpkgInfo + "/b.postinst":   "",
		"/usr/bin/a":               "", "/usr/bin/b": "", "/usr/lib/c": "", "/usr/bin/d": "",
	}.mustOpen(t)
	for path, want := range map[string]string{"/usr/bin/a": "a", "/usr/bin/b": "b", "/usr/lib/c": "c", "/usr/bin/d": "d",
		dpkgInfo + "/a.list": "a", dpkgInfo + "/b.postinst": "b", dpkgStatusD + "/c": "c"} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	if len(db.Components) != 4 || len(db.Gaps) > 0 || len(db.Notices) > 0 {
		t.Errorf("%d packages, gaps %q, notices %q", len(db.Components), gapDetails(db), noticeDetails(db))
	}
}

// TestOddVersions has versions that dpkg reads with a warning (checked with
// dpkg-query 1.22).
func TestOddVersions(t *testing.T) {
	for _, v := range []string{"1.0\u00fc", "1:\u00e9", "1-\u00e9", "1\xff", "1|2", "1(2)", "1,2", "abc", "1:2:3", "1/2"} {
		_, db := files{dpkgStatus: strings.Replace(record("a"), "Version: 1", "Version: "+v, 1), dpkgInfo + "/a.list": "/.\n"}.mustOpen(t)
		if len(db.Components) != 1 || db.Components[0].Version != v {
			t.Errorf("%q: %+v", v, db.Components)
		}
	}
	for _, v := range []string{"1 2", "\u00e9:1", "1-", "-1", "x:1", "99999999999:1"} {
		if err := checkVersion(v); err == nil {
			t.Errorf("%q is accepted, and dpkg refuses it", v)
		}
	}
}

// TestUnread checks the gaps of lists that are not read.
func TestUnread(t *testing.T) {
	f := files{
		"/var/lib/eopkg/package/a/metadata.xml": "", "/usr/share/clear/bundles/os-core": "", "/var/db/pkg/bash-5.2/+CONTENTS": "", "/var/lib/tazpkg/installed/": "",
		"/var/db/paludis/repositories/installed": "-> /nowhere", "/opt/lib/opkg/status": "x",
		"/usr/lib/sysimage/lib/pacman/local/a/desc": "", "/var/lib/pacman": "-> /usr/lib/sysimage/lib/pacman",
	}
	tree, err := openTree(t, f.plant(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range Unread(tree, func(n rootfs.Node) bool { return tree.Path(n) == "/opt/lib/opkg/status" }) {
		got = append(got, string(g.Kind)+" "+g.Path)
	}
	if diff := cmp.Diff([]string{"system /var/lib/eopkg/package", "system /usr/share/clear/bundles", "system /var/db/pkg"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestInterruptedDpkg(t *testing.T) {
	_, db := files{
		dpkgStatus:             record("a") + record("b"),
		dpkgUpdates + "/0000":  strings.Replace(record("a"), "Version: 1", "Version: 2", 1),
		dpkgUpdates + "/0001":  strings.Replace(record("a"), "Version: 1", "Version: 3", 1) + strings.Replace(record("b"), "install ok installed", "deinstall ok config-files", 1),
		dpkgUpdates + "/tmp.i": "unfinished",
		dpkgInfo + "/a.list":   "/.\n",
	}.mustOpen(t)
	if len(db.Components) != 1 || db.Components[0].Version != "3" || len(db.Excluded) != 1 {
		t.Errorf("components %+v, excluded %+v", db.Components, db.Excluded)
	}
}

func TestExpect(t *testing.T) {
	for _, test := range []struct {
		release sbom.OS
		want    string
	}{
		{debian, "dpkg"},
		{sbom.OS{ID: "ubuntu"}, "dpkg"},
		{sbom.OS{ID: "new", IDLike: []string{"ubuntu", "debian"}}, "dpkg"},
		{sbom.OS{ID: "alpine"}, "apk"},
		{sbom.OS{ID: "rocky", IDLike: []string{"rhel", "centos", "fedora"}}, "rpm"},
		{sbom.OS{ID: "sled", IDLike: []string{"suse"}}, "rpm"},
		{sbom.OS{ID: "manjaro", IDLike: []string{"arch"}}, "alpm"},
		{sbom.OS{ID: "unheard-of"}, ""},
		{sbom.OS{}, ""},
	} {
		if got := Expect(test.release); got != test.want {
			t.Errorf("Expect(%+v) = %q, want %q", test.release, got, test.want)
		}
	}
}

// TestPURLs are the expectations of syft 1.54.1 for its own purls.
func TestPURLs(t *testing.T) {
	for _, test := range []struct {
		release sbom.OS
		p       dpkgRecord
		want    string
	}{
		{sbom.OS{ID: "debian", VersionID: "11", IDLike: []string{"debian"}}, dpkgRecord{name: "p", version: "v"}, "pkg:deb/debian/p@v?distro=debian-11"},
		{sbom.OS{ID: "ubuntu", VersionID: "16.04", IDLike: []string{"debian"}}, dpkgRecord{name: "p", version: "v", arch: "a"}, "pkg:deb/ubuntu/p@v?arch=a&distro=ubuntu-16.04"},
		{sbom.OS{ID: "debian", VersionID: "11"}, dpkgRecord{name: "p", version: "v", source: "s"}, "pkg:deb/debian/p@v?distro=debian-11&upstream=s"},
		{sbom.OS{ID: "debian", VersionID: "11"}, dpkgRecord{name: "p", version: "v", source: "s", sourceVer: "2.3"}, "pkg:deb/debian/p@v?distro=debian-11&upstream=s%402.3"},
		{sbom.OS{ID: "debian"}, dpkgRecord{name: "libstdc++6", version: "1:2+b1~x"}, "pkg:deb/debian/libstdc%2B%2B6@1%3A2%2Bb1~x?distro=debian"},
		// syft has no purl for a package without a distribution.
		{sbom.OS{ID: "alpine"}, dpkgRecord{name: "p", version: "v", arch: "a"}, "pkg:deb/p@v?arch=a"},
		{sbom.OS{ID: "vendor", VersionID: "5"}, dpkgRecord{name: "p", version: "v", arch: "a"}, "pkg:deb/vendor/p@v?arch=a&distro=vendor-5"},
	} {
		d := &dpkg{system: system{DB: &DB{Kind: "dpkg"}, release: test.release}}
		if got := d.packageURL(&test.p); got != test.want {
			t.Errorf("purl %s, want %s", got, test.want)
		}
	}
}
