package ospkg

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/moduletest"
)

var fedora35 = sbom.OS{ID: "fedora", VersionID: "35"}

// rpmFixture returns a database in the module go-rpmdb.
func rpmFixture(tb testing.TB, path string) string {
	tb.Helper()
	return moduletest.File(tb, "github.com/anchore/go-rpmdb", "pkg/testdata", path)
}

// fedoraFiles returns a root with the database of an image of Fedora 35 and a
// few of its files.
func fedoraFiles(tb testing.TB) files {
	return files{
		"/var/lib/rpm/rpmdb.sqlite": rpmFixture(tb, "fedora35/rpmdb.sqlite"),
		"/var/lib/rpm/.rpm.lock":    "",
		"/bin":                      "-> usr/bin",
		"/usr/bin/bash":             "ELF", "/usr/bin/sh": "-> bash", "/usr/bin/rpm": "ELF",
		"/usr/bin/planted":            "ELF",
		"/usr/share/doc/bash/FAQ":     "left out by the image, put there by somebody",
		"/root/.bashrc":               "",
		"/etc/dnf/protected.d/a.conf": "# comment\nsetup\n\n",
	}
}

func component(tb testing.TB, db *DB, name string) sbom.Component {
	tb.Helper()
	for _, c := range db.Components {
		if c.Name == name {
			return c
		}
	}
	tb.Fatalf("no component %s", name)
	return sbom.Component{}
}

func TestRPM(t *testing.T) {
	f := fedoraFiles(t)
	tree, db, err := f.open(t, fedora35)
	if err != nil {
		t.Fatal(err)
	}
	// 138 headers, one of them a key: the module's own list.
	if db.Kind != "rpm" || len(db.Components) != 137 || len(db.Excluded) != 1 {
		t.Errorf("%s with %d components, %d excluded", db.Kind, len(db.Components), len(db.Excluded))
	}
	for _, e := range db.Excluded {
		if e.Name != "gpg-pubkey" || e.Reason != sbom.ExcludedKey || e.Count != 1 || e.Version != "9867c58f-601c49ca" {
			t.Errorf("excluded %+v", e)
		}
	}
	if len(db.Gaps) > 0 || len(db.Notices) > 0 {
		t.Errorf("gaps %q, notices %q", gapDetails(db), noticeDetails(db))
	}
	bash := component(t, db, "bash")
	want := sbom.Component{
		ID:   "rpm/fedora/bash@5.1.8-2.fc35?arch=x86_64",
		PURL: "pkg:rpm/fedora/bash@5.1.8-2.fc35?arch=x86_64&distro=fedora-35&upstream=bash-5.1.8-2.fc35.src.rpm",
		Kind: sbom.KindOS, Type: "rpm", Namespace: "fedora", Name: "bash", Version: "5.1.8-2.fc35", Arch: "x86_64",
		Paths: []string{"/var/lib/rpm/rpmdb.sqlite"}, Evidence: "db-owned", FoundBy: "rpm", InstalledSize: 7739604, Supplier: "Fedora Project", Licenses: []string{"GPLv3+"},
		Detail: "names the signing key db4639719867c58f",
	}
	if diff := cmp.Diff(want, bash); diff != "" {
		t.Errorf("bash (-want +got):\n%s", diff)
	}
	// With an epoch, and another source package.
	shadow := component(t, db, "shadow-utils")
	if want := "pkg:rpm/fedora/shadow-utils@4.9-7.fc35?arch=x86_64&distro=fedora-35&epoch=2&upstream=shadow-utils-4.9-7.fc35.src.rpm"; shadow.PURL != want || shadow.Version != "2:4.9-7.fc35" {
		t.Errorf("shadow-utils is %s, %s", shadow.Version, shadow.PURL)
	}
	if c := component(t, db, "glibc-common"); c.Source != "glibc" {
		t.Errorf("glibc-common is from %q", c.Source)
	}
	for path, want := range map[string]string{
		"/usr/bin/bash": "bash", "/bin/sh": "bash", "/usr/bin/rpm": "rpm", "/var/lib/rpm/rpmdb.sqlite": "rpm", "/var/lib/rpm/.rpm.lock": "rpm",
		"/usr/bin/planted": "", "/usr/share/doc/bash/FAQ": "", "/root/.bashrc": "",
	} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	if c := component(t, db, "setup"); c.InstallReason != sbom.ReasonEssential {
		t.Errorf("setup is %q", c.InstallReason)
	}
	if bash.InstallReason != sbom.ReasonUnknown {
		t.Errorf("bash is %q without any record", bash.InstallReason)
	}
	for _, want := range []sbom.Relation{
		{From: bash.ID, To: component(t, db, "filesystem").ID, Kind: sbom.RelDepends},
		{From: bash.ID, To: component(t, db, "glibc").ID, Kind: sbom.RelDepends, Via: "libc.so.6()(64bit)"},
		// A path, whose owner is found through the link /bin.
		{From: component(t, db, "alternatives").ID, To: component(t, db, "glibc").ID, Kind: sbom.RelDepends, Via: "rtld(GNU_HASH)"},
	} {
		found := slices.ContainsFunc(db.Relations, func(r sbom.Relation) bool { return r.From == want.From && r.To == want.To && r.Kind == want.Kind })
		if !found {
			t.Errorf("no relation %+v", want)
		}
	}
	if len(db.Relations) < 300 {
		t.Errorf("%d relations", len(db.Relations))
	}
	if _, err := sbom.New(sbom.Document{Environment: sbom.Environment{Kind: "dir"}, Components: db.Components, Relations: db.Relations}); err != nil {
		t.Error(err)
	}
}

// TestRPMPlaces checks the directories of the database, and the errors of two
// databases.
func TestRPMPlaces(t *testing.T) {
	small, other := rpmFixture(t, "libuuid/Packages"), rpmFixture(t, "cbl-mariner-2.0/rpmdb.sqlite")
	for _, test := range []struct {
		name  string
		files files
		gaps  []string
		count int
		path  string
		err   string
	}{
		{name: "the new place with a link", files: files{"/usr/lib/sysimage/rpm/Packages": small, "/var/lib/rpm": "-> ../../usr/lib/sysimage/rpm"},
			count: 1, path: "/usr/lib/sysimage/rpm/Packages"},
		{name: "the old place with a link", files: files{"/var/lib/rpm/Packages": small, "/usr/lib/sysimage/rpm": "-> /var/lib/rpm"},
			count: 1, path: "/var/lib/rpm/Packages"},
		{name: "rpm-ostree", files: files{"/usr/share/rpm/Packages": small, "/var/lib/rpm": "-> ../../usr/share/rpm"},
			count: 1, path: "/usr/share/rpm/Packages"},
		{name: "somebody's own", files: files{"/home/x/.rpmdb/Packages": small, "/opt/var/lib/rpm/Packages": small}},
		{name: "two that agree", files: files{"/var/lib/rpm/Packages": small, "/usr/lib/sysimage/rpm/Packages": small},
			count: 1, path: "/usr/lib/sysimage/rpm/Packages"},
		{name: "two that do not", files: files{"/var/lib/rpm/Packages": small, "/var/lib/rpm/rpmdb.sqlite": other}, count: 129, path: "/var/lib/rpm/rpmdb.sqlite",
			gaps: []string{"package-database /var/lib/rpm/Packages: two rpm databases disagree: this one lists 1 packages and /var/lib/rpm/rpmdb.sqlite lists 129; the latter was read"}},
		{name: "one that is broken beside", files: files{"/var/lib/rpm/Packages": small[:5000], "/var/lib/rpm/rpmdb.sqlite": other}, count: 129, path: "/var/lib/rpm/rpmdb.sqlite",
			gaps: []string{"malformed /var/lib/rpm/Packages: a second rpm database, beside /var/lib/rpm/rpmdb.sqlite, cannot be read"}},
		{name: "an empty file beside", files: files{"/var/lib/rpm/Packages": small, "/var/lib/rpm/rpmdb.sqlite": ""}, count: 1, path: "/var/lib/rpm/Packages"},
		{name: "an empty file", files: files{"/var/lib/rpm/rpmdb.sqlite": ""}, err: "/var/lib/rpm/rpmdb.sqlite: the rpm database is empty"},
		{name: "a truncated one", files: files{"/var/lib/rpm/rpmdb.sqlite": other[:100_000]}, err: "/var/lib/rpm/rpmdb.sqlite: SQLite"},
		{name: "a text", files: files{"/var/lib/rpm/Packages.db": "hello, this is no database of any kind"}, err: "/var/lib/rpm/Packages.db: is not an rpm database"},
		{name: "a directory", files: files{"/var/lib/rpm/Packages/": ""}, err: "is a directory, not a file"},
		{name: "a file for a directory", files: files{"/var/lib/rpm": "x"}, err: "/var/lib/rpm: is a file, not a directory"},
		{name: "a link to nothing", files: files{"/var/lib/rpm/rpmdb.sqlite": "-> gone"}, err: "dangling"},
		{name: "a change that was not finished", files: files{"/var/lib/rpm/rpmdb.sqlite": other, "/var/lib/rpm/rpmdb.sqlite-journal": "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7...."},
			err: "unfinished change"},
		{name: "an old journal", files: files{"/var/lib/rpm/rpmdb.sqlite": other, "/var/lib/rpm/rpmdb.sqlite-journal": "\x00\x00\x00\x00\x00\x00\x00\x00...."},
			count: 129, path: "/var/lib/rpm/rpmdb.sqlite"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, db, err := test.files.open(t, sbom.OS{ID: "mariner", VersionID: "2.0"})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if test.count == 0 {
				if db != nil {
					t.Errorf("a database of %d packages", len(db.Components))
				}
				return
			}
			if len(db.Components) != test.count || db.Components[0].Paths[0] != test.path {
				t.Errorf("%d packages of %s", len(db.Components), db.Components[0].Paths[0])
			}
			got := gapDetails(db)
			if len(got) != len(test.gaps) {
				t.Fatalf("gaps %q", got)
			}
			for i, want := range test.gaps {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("gap %q, want %q", got[i], want)
				}
			}
		})
	}
}

// TestRPMReasons checks each program's records, and which of them is used.
func TestRPMReasons(t *testing.T) {
	dnf5 := "version = \"1.0\"\n[packages]\n\"bash.x86_64\" = {reason = \"Dependency\"}\n\"rpm.x86_64\" = {reason = \"User\"}\n\"pcre.x86_64\" = {reason = \"Weak Dependency\"}\n\"sed.x86_64\" = {reason = \"Dependency\"}\n"
	for _, test := range []struct {
		name  string
		files files
		want  map[string]sbom.InstallReason
		gap   string
	}{
		{name: "dnf5", files: files{
			"/usr/lib/sysimage/libdnf5/packages.toml": dnf5,
			"/usr/lib/sysimage/libdnf5/groups.toml":   "version = \"1.0\"\n[groups]\ncore = {packages = [\"sed\"], userinstalled = true, package_types = [\"mandatory\"]}\n",
			"/var/lib/zypp/AutoInstalled":             "rpm\n",
		}, want: map[string]sbom.InstallReason{"bash": sbom.ReasonDependency, "rpm": sbom.ReasonExplicit, "pcre": sbom.ReasonDependency, "sed": sbom.ReasonExplicit, "zlib": sbom.ReasonExplicit, "setup": sbom.ReasonEssential}},
		{name: "zypper", files: files{"/var/lib/zypp/AutoInstalled": "# AutoInstalled generated\n#\nbash\nsetup\n#\n"},
			want: map[string]sbom.InstallReason{"bash": sbom.ReasonDependency, "rpm": sbom.ReasonExplicit, "setup": sbom.ReasonEssential}},
		{name: "yum", files: files{
			"/var/lib/yum/yumdb/b/0123-bash-5.1.8-2.fc35-x86_64/reason": "dep",
			"/var/lib/yum/yumdb/b/0123-bash-1-1-x86_64/reason":          "user",
			"/var/lib/yum/yumdb/s/0123-sed-4.8-8.fc35-x86_64/reason":    "user",
		}, want: map[string]sbom.InstallReason{"bash": sbom.ReasonDependency, "sed": sbom.ReasonExplicit}},
		{name: "no record", files: files{"/var/lib/yum/yumdb/": ""}, want: map[string]sbom.InstallReason{"bash": sbom.ReasonUnknown, "setup": sbom.ReasonEssential}},
		{name: "broken TOML", files: files{"/usr/lib/sysimage/libdnf5/packages.toml": "version = \"1.0\"\n[packages\n", "/var/lib/zypp/AutoInstalled": "rpm\n"},
			want: map[string]sbom.InstallReason{"bash": sbom.ReasonUnknown}, gap: "the explicitly installed packages are unknown: /usr/lib/sysimage/libdnf5/packages.toml:2"},
		{name: "another version", files: files{"/usr/lib/sysimage/libdnf5/packages.toml": "version = \"2.0\"\n"},
			want: map[string]sbom.InstallReason{"bash": sbom.ReasonUnknown}, gap: "unknown version"},
		{name: "another reason", files: files{"/usr/lib/sysimage/libdnf5/packages.toml": "version = \"1.0\"\n[packages]\n\"a.b\" = {reason = \"why\"}\n"},
			want: map[string]sbom.InstallReason{"bash": sbom.ReasonUnknown}, gap: "unknown reason"},
		{name: "a history that is none", files: files{"/var/lib/dnf/history.sqlite": "SQLite format 3\x00 and no more"},
			want: map[string]sbom.InstallReason{"bash": sbom.ReasonUnknown}, gap: "the explicitly installed packages are unknown: /var/lib/dnf/history.sqlite"},
		{name: "an empty history", files: files{"/var/lib/dnf/history.sqlite": ""}, want: map[string]sbom.InstallReason{"bash": sbom.ReasonUnknown}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := fedoraFiles(t)
			for path, text := range test.files {
				f[path] = text
			}
			_, db, err := f.open(t, fedora35)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range test.want {
				if got := component(t, db, name).InstallReason; got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			switch got := gapDetails(db); {
			case test.gap == "" && len(got) > 0:
				t.Errorf("gaps %q", got)
			case test.gap != "" && (len(got) != 1 || !strings.Contains(got[0], test.gap)):
				t.Errorf("gaps %q, want %q", got, test.gap)
			}
		})
	}
}
