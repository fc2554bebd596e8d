package ospkg

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/google/go-cmp/cmp"
)

func TestDiversions(t *testing.T) {
	tree, db := files{
		dpkgStatus: record("a") + record("b") + record("divert"),
		dpkgDiversions: "/usr/bin/tool\n/usr/bin/tool.a\ndivert\n" +
			"/usr/bin/local\n/usr/bin/local.dist\n:\n",
		dpkgInfo + "/a.list":      "/.\n/usr/bin/tool\n/usr/bin/local\n",
		dpkgInfo + "/b.list":      "/.\n",
		dpkgInfo + "/divert.list": "/.\n/usr/bin/tool\n",
		"/usr/bin/tool":           "divert's",
		"/usr/bin/tool.a":         "a's",
		"/usr/bin/local":          "the administrator's",
		"/usr/bin/local.dist":     "a's",
	}.mustOpen(t)
	for path, want := range map[string]string{
		"/usr/bin/tool": "divert", "/usr/bin/tool.a": "a", "/usr/bin/local": "", "/usr/bin/local.dist": "a",
	} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	if len(db.Notices) > 0 {
		t.Errorf("notices %v", noticeDetails(db))
	}
}

func TestMultiArch(t *testing.T) {
	i386 := func(s string) string { return strings.Replace(s, "amd64", "i386", 1) }
	tree, db := files{
		dpkgStatus:                   record("lib", "Multi-Arch: same") + i386(record("lib", "Multi-Arch: same")) + record("app", "Depends: lib") + i386(record("old", "Depends: lib, app")),
		dpkgInfo + "/lib:amd64.list": "/.\n/usr/lib/x86/lib\n/usr/share/doc/lib\n",
		dpkgInfo + "/lib:i386.list":  "/.\n/usr/lib/i386/lib\n/usr/share/doc/lib\n",
		dpkgInfo + "/app.list":       "/.\n",
		dpkgInfo + "/old.list":       "/.\n",
		"/usr/lib/x86/lib":           "",
		"/usr/lib/i386/lib":          "",
		"/usr/share/doc/lib":         "",
	}.mustOpen(t)
	if len(db.Gaps) > 0 || len(db.Notices) > 0 {
		t.Errorf("gaps %v, notices %v", gapDetails(db), noticeDetails(db))
	}
	for path, want := range map[string]string{
		"/usr/lib/x86/lib": "deb/debian/lib@1?arch=amd64", "/usr/lib/i386/lib": "deb/debian/lib@1?arch=i386", "/usr/share/doc/lib": "deb/debian/lib@1?arch=amd64",
	} {
		if got := db.Owner(tree.Lookup(path)); got != want {
			t.Errorf("%s belongs to %s, want %s", path, got, want)
		}
	}
	// A requirement is satisfied by the same architecture only.
	want := []sbom.Relation{
		{From: "deb/debian/app@1?arch=amd64", To: "deb/debian/lib@1?arch=amd64", Kind: sbom.RelDepends},
		{From: "deb/debian/old@1?arch=i386", To: "deb/debian/lib@1?arch=i386", Kind: sbom.RelDepends},
	}
	if diff := cmp.Diff(want, db.Relations); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
}

func TestClaimsWherePackagesHaveNoFiles(t *testing.T) {
	tree, db := files{
		dpkgStatus: record("evil", "Conffiles:", " /root/.profile 00") + record("vendor"),
		dpkgInfo + "/evil.list": "/.\n/home\n/home/x\n/home/x/a\n/home/x/b\n/usr/local/lib\n/usr/local/lib/l\n/tmp/t\n/srv/venv\n/srv/venv/lib\n/srv/venv/lib/m.py\n" +
			"/opt/jump/lib/n.py\n/srv/link\n/usr/bin/evil\n/root/.profile\n",
		dpkgInfo + "/vendor.list": "/.\n/opt/vendor/bin/tool\n",
		"/home/x/a":               "", "/home/x/b": "",
		"/usr/local/lib/l":     "",
		"/tmp/t":               "",
		"/root/.profile":       "",
		"/srv/venv/pyvenv.cfg": "",
		"/srv/venv/lib/m.py":   "",
		"/srv/venv/lib/n.py":   "",
		"/opt/jump":            "-> ../srv/venv",
		"/srv/link":            "-> venv",
		"/usr/bin/evil":        "",
		"/opt/vendor/bin/tool": "",
	}.mustOpen(t)
	for path, want := range map[string]string{
		"/home/x/a": "", "/home/x/b": "", "/usr/local/lib/l": "", "/tmp/t": "", "/root/.profile": "",
		"/srv/venv/lib/m.py": "", "/srv/venv/lib/n.py": "", "/opt/vendor/bin/tool": "vendor", "/usr/bin/evil": "evil",
		// Directories may be there, and a package owns its links.
		"/home/x": "evil", "/usr/local/lib": "evil", "/srv/venv/lib": "evil", "/srv/link": "evil",
	} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	claim := func(path, files, area string) string {
		return "claimed-files " + path + ": evil lists " + files + " in " + area + ", where packages of a distribution have none; the package does not own them (/var/lib/dpkg/info/evil.list)"
	}
	want := []string{
		claim("/home/x/a", "2 files", "/home"),
		claim("/root/.profile", "a file", "/root"),
		claim("/usr/local/lib/l", "a file", "/usr/local"),
		claim("/tmp/t", "a file", "/tmp"),
		claim("/srv/venv/lib/m.py", "2 files", "the virtual environment /srv/venv"),
	}
	if diff := cmp.Diff(want, noticeDetails(db)); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

func TestClaimsOfFilesOfOthers(t *testing.T) {
	tree, db := files{
		dpkgStatus:                 record("bash") + record("evil") + record("newbash", "Replaces: bash (<< 9), evil") + record("third"),
		dpkgInfo + "/bash.list":    "/.\n/bin\n/bin/bash\n/bin/rbash\n/etc/x\n",
		dpkgInfo + "/evil.list":    "/.\n/usr/bin\n/usr/bin/bash\n/bin/rbash\n/etc\n",
		dpkgInfo + "/newbash.list": "/.\n/bin/bash\n",
		dpkgInfo + "/third.list":   "/.\n/etc/x\n",
		"/bin":                     "-> usr/bin",
		"/usr/bin/bash":            "",
		"/usr/bin/rbash":           "",
		"/etc/x":                   "",
	}.mustOpen(t)
	want := []string{
		"claimed-files /usr/bin/bash: bash and evil both list 2 files; neither replaces the other",
		"claimed-files /etc/x: bash and third both list a file; neither replaces the other",
	}
	if diff := cmp.Diff(want, noticeDetails(db)); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if got := owner(t, tree, db, "/bin/bash"); got != "bash" {
		t.Errorf("/bin/bash belongs to %q", got)
	}
}

func TestLeftoverLists(t *testing.T) {
	removed := strings.Replace(record("removed", "Conffiles:", " /opt/removed/conf 00"), "install ok installed", "deinstall ok config-files", 1)
	hidden := strings.Replace(record("hidden"), "install ok installed", "deinstall ok config-files", 1)
	tree, db := files{
		dpkgStatus:                    record("dpkg") + removed + hidden,
		dpkgInfo + "/dpkg.list":       "/.\n/usr/bin/dpkg\n",
		dpkgInfo + "/dpkg:i386.list":  "/.\n",
		dpkgInfo + "/removed.list":    "/.\n/etc\n/etc/removed\n/etc/removed/x\n/opt/removed/conf\n/usr/bin\n/usr/bin/dpkg\n/usr/bin/gone\n",
		dpkgInfo + "/hidden.list":     "/.\n/usr/bin\n/usr/bin/hidden\n/usr/lib/hidden.so\n/etc/hidden\n",
		dpkgInfo + "/unknown.list":    "/.\n/usr/bin/unknown\n",
		dpkgInfo + "/broken.list":     "/../x\n",
		dpkgInfo + "/hidden.postinst": "#!/bin/sh\n",
		"/usr/bin/dpkg":               "", "/usr/bin/hidden": "", "/usr/lib/hidden.so": "", "/usr/bin/unknown": "",
		"/etc/removed/x": "", "/opt/removed/conf": "", "/etc/hidden": "",
	}.mustOpen(t)
	want := []string{
		`leftover-list /var/lib/dpkg/info/dpkg:i386.list: package dpkg has a second file list`,
		`leftover-list /var/lib/dpkg/info/hidden.list: package hidden is "deinstall ok config-files", but its file list exists, and 2 files of it that no package owns (/usr/bin/hidden)`,
		`leftover-list /var/lib/dpkg/info/unknown.list: no record of a package "unknown", but its file list exists, and a file of it that no package owns (/usr/bin/unknown)`,
	}
	if diff := cmp.Diff(want, noticeDetails(db)); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`malformed /var/lib/dpkg/info/broken.list: file list: /var/lib/dpkg/info/broken.list:1: path "/../x" is not a clean path: it may lead out of the package`}, gapDetails(db)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	for _, path := range []string{"/usr/bin/hidden", "/usr/bin/unknown", dpkgInfo + "/hidden.postinst", dpkgInfo + "/hidden.list"} {
		if got := owner(t, tree, db, path); got != "" {
			t.Errorf("%s belongs to %q", path, got)
		}
	}
}

func TestFilesOfTheDatabaseAreOwned(t *testing.T) {
	f := files{
		dpkgStatus:               record("a", "Conffiles:", " /etc/a 00", " /etc/a b 00 obsolete") + record("apt") + record("dpkg"),
		dpkgInfo + "/a.list":     "/.\n/etc/a\n/etc/a b\n",
		dpkgInfo + "/apt.list":   "/.\n",
		dpkgInfo + "/dpkg.list":  "/.\n",
		dpkgInfo + "/a.postinst": "#!/bin/sh\n",
		dpkgInfo + "/a.evil":     "",
		dpkgInfo + "/b.postinst": "",
		dpkgDir + "/status-old":  "",
		dpkgDir + "/evil":        "",
		"/etc/a":                 "", "/etc/a b": "",
		"/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_InRelease":                      "",
		"/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages.lz4": "",
		"/var/lib/apt/lists/evil":       "",
		"/var/cache/apt/pkgcache.bin":   "",
		"/var/cache/apt/archives/a.deb": "",
	}
	tree, db := f.mustOpen(t)
	for path, want := range map[string]string{
		dpkgStatus: "dpkg", dpkgDir + "/status-old": "dpkg", dpkgDir + "/evil": "",
		dpkgInfo + "/a.list": "a", dpkgInfo + "/a.postinst": "a", dpkgInfo + "/a.evil": "", dpkgInfo + "/b.postinst": "",
		"/etc/a": "a", "/etc/a b": "a",
		"/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_InRelease":                      "apt",
		"/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages.lz4": "apt",
		"/var/lib/apt/lists/evil": "", "/var/cache/apt/pkgcache.bin": "apt", "/var/cache/apt/archives/a.deb": "",
	} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
}

func TestRelations(t *testing.T) {
	f := files{dpkgStatus: record("app",
		"Depends: lib (>= 1), lib (<< 2), mta | exim (>= 5), editor (>= 2), new (>= 9), python3:any, self",
		"Pre-Depends: lib", "Recommends: missing, exim, exim | nano", "Suggests: nano, app-doc", "Provides: self") +
		record("exim", "Depends: mta (>= 3) | mta, mta:any, mta | cron", "Provides: mta") +
		record("postfix", "Provides: mta (= 3)") +
		record("lib") +
		record("new") +
		record("vim", "Provides: editor (= 2)") +
		record("nano", "Provides: editor") +
		strings.Replace(record("python3", "Multi-Arch: allowed"), "amd64", "armhf", 1)}
	for name := range strings.FieldsSeq("app exim postfix lib new vim nano python3") {
		f[dpkgInfo+"/"+name+".list"] = "/.\n"
	}
	_, db := f.mustOpen(t)
	var got []string
	for _, r := range db.Relations {
		name := func(id string) string { return strings.TrimPrefix(id[:strings.IndexByte(id, '@')], "deb/debian/") }
		got = append(got, fmt.Sprintf("%s %s %s %q %d", name(r.From), r.Kind, name(r.To), r.Via, r.Group))
	}
	slices.Sort(got)
	want := []string{
		`app depends exim "mta | exim (>= 5)" 1`,
		`app depends lib "" 0`,
		`app depends postfix "mta | exim (>= 5)" 1`,
		`app depends python3 "" 0`,
		`app depends vim "editor (>= 2)" 0`,
		`app pre-depends lib "" 0`,
		`app recommends exim "" 0`,
		`app recommends exim "exim | nano" 2`,
		`app recommends nano "exim | nano" 2`,
		`app suggests nano "" 0`,
		// Three requirements of the same two, of which it is one itself.
		`exim depends exim "mta:any" 1`,
		`exim depends postfix "mta:any" 1`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
}

// TestManyRelations checks that records in which every package provides what
// every package needs end at a limit and add a gap.
func TestManyRelations(t *testing.T) {
	var status strings.Builder
	for i := range 1100 {
		status.WriteString(record(fmt.Sprintf("p%d", i), "Provides: x", "Depends: x"))
	}
	_, db := files{dpkgStatus: status.String()}.mustOpen(t)
	if len(db.Relations) > maxRelations || len(db.Relations) < maxRelations/2 {
		t.Errorf("%d relations", len(db.Relations))
	}
	if !slices.ContainsFunc(db.Gaps, func(g sbom.Gap) bool { return g.Kind == sbom.GapLimit }) {
		t.Errorf("no gap for the limit: %v", gapDetails(db))
	}
}

func TestInstallReasons(t *testing.T) {
	f := files{
		dpkgStatus: record("dpkg", "Essential: yes") + record("auto") + record("chosen") +
			strings.Replace(record("anywhere"), "amd64", "all", 1) + strings.Replace(record("auto"), "amd64", "i386", 1),
		dpkgInfo + "/dpkg.list": "", dpkgInfo + "/auto.list": "", dpkgInfo + "/auto:i386.list": "", dpkgInfo + "/chosen.list": "", dpkgInfo + "/anywhere.list": "",
	}
	reasons := func() string {
		_, db := f.mustOpen(t)
		var out []string
		for _, c := range db.Components {
			out = append(out, c.Name+":"+c.Arch+"="+string(c.InstallReason))
		}
		return strings.Join(out, " ")
	}
	if got, want := reasons(), "anywhere:all= auto:amd64= auto:i386= chosen:amd64= dpkg:amd64=essential"; got != want {
		t.Errorf("without apt's notes: %s, want %s", got, want)
	}
	for _, field := range []string{"Essential: yes", "Protected: yes", "Important: yes", "Priority: required"} {
		one := files{dpkgStatus: record("one", field) + record("two", "Priority: important", "Essential: no"), dpkgInfo + "/one.list": "", dpkgInfo + "/two.list": ""}
		if _, db := one.mustOpen(t); db.Components[0].InstallReason != sbom.ReasonEssential || db.Components[1].InstallReason != sbom.ReasonUnknown {
			t.Errorf("%s: %q and %q", field, db.Components[0].InstallReason, db.Components[1].InstallReason)
		}
	}
	f[aptStates] = "Package: auto\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: chosen\nArchitecture: amd64\nAuto-Installed: 0\n\nPackage: anywhere\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: dpkg\nArchitecture: amd64\nAuto-Installed: 1\n\n"
	if got, want := reasons(), "anywhere:all=dependency auto:amd64=dependency auto:i386=explicit chosen:amd64=explicit dpkg:amd64=essential"; got != want {
		t.Errorf("with apt's notes: %s, want %s", got, want)
	}
}

// TestOneLineOwnsNothing has the lines of the database by which a file would
// come with the operating system that no package has.
func TestOneLineOwnsNothing(t *testing.T) {
	program := "\x7fELF" + strings.Repeat("\x00", 60)
	for _, test := range []struct {
		name   string
		files  files
		path   string
		notice string // "" for none
	}{
		{"a conffile of the record only", files{
			dpkgStatus: record("bash", "Conffiles:", " /usr/bin/evil "+md5Of(program)), dpkgInfo + "/bash.list": "/.\n", "/usr/bin/evil": program,
		}, "/usr/bin/evil", "claimed-files /usr/bin/evil: the record of bash has a file as conffiles that its list does not have, unlike dpkg; the package does not own them"},
		{"a diversion to another name", files{
			dpkgStatus: record("bash"), dpkgInfo + "/bash.list": "/.\n/usr/bin/x\n", dpkgDiversions: "/usr/bin/x\n/usr/bin/evil\n:\n", "/usr/bin/evil": program,
		}, "/usr/bin/evil", "claimed-files /usr/bin/evil: a diversion leads from /usr/bin/x to this path, which is not beside it: the file belongs to no package (/var/lib/dpkg/diversions)"},
		{"a diversion to another directory", files{
			dpkgStatus: record("bash"), dpkgInfo + "/bash.list": "/.\n/usr/bin/x\n", dpkgDiversions: "/usr/bin/x\n/usr/lib/x\n:\n", "/usr/lib/x": program,
		}, "/usr/lib/x", "claimed-files /usr/lib/x: a diversion leads from /usr/bin/x to this path, which is not beside it: the file belongs to no package (/var/lib/dpkg/diversions)"},
		{"a package of the distribution in /opt", files{
			dpkgStatus: record("bash", "Priority: required"), dpkgInfo + "/bash.list": "/.\n/opt\n/opt/v\n/opt/v/x\n", "/opt/v/x": program,
		}, "/opt/v/x", "claimed-files /opt/v/x: bash lists a file in /opt, where packages of a distribution have none; the package does not own them (/var/lib/dpkg/info/bash.list)"},
		{"a package of the distribution in /srv", files{
			dpkgStatus: record("git", "Maintainer: A Person <person@debian.org>"), dpkgInfo + "/git.list": "/.\n/srv/v/x\n", "/srv/v/x": program,
		}, "/srv/v/x", "claimed-files /srv/v/x: git lists a file in /srv, where packages of a distribution have none; the package does not own them (/var/lib/dpkg/info/git.list)"},
		{"a program among the alternatives", files{dpkgDir + "/alternatives/x": program}, dpkgDir + "/alternatives/x", ""},
		{"a program among the triggers", files{dpkgDir + "/triggers/x": program}, dpkgDir + "/triggers/x", ""},
		{"a program as an index", files{"/var/lib/apt/lists/x_Packages": program}, "/var/lib/apt/lists/x_Packages", ""},
		{"a program as a cache", files{"/var/cache/apt/pkgcache.bin": program}, "/var/cache/apt/pkgcache.bin", ""},
		{"a program as symbols", files{dpkgInfo + "/dpkg.symbols": program}, dpkgInfo + "/dpkg.symbols", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := maps.Clone(test.files)
			f[dpkgStatus] += record("dpkg") + record("apt")
			f[dpkgInfo+"/dpkg.list"], f[dpkgInfo+"/apt.list"] = "/.\n", "/.\n"
			tree, err := rootfs.Open(context.Background(), rootfs.Ref{Scheme: "dir", Path: f.plant(t)}, rootfs.Options{Classify: func(head []byte) rootfs.Class {
				if strings.HasPrefix(string(head), "\x7fELF") {
					return 1
				}
				return 0
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			db, err := Open(context.Background(), tree, debian)
			if err != nil {
				t.Fatal(err)
			}
			if got := owner(t, tree, db, test.path); got != "" {
				t.Errorf("%s belongs to %s", test.path, got)
			}
			var want []string
			if test.notice != "" {
				want = []string{test.notice}
			}
			if diff := cmp.Diff(want, noticeDetails(db)); diff != "" {
				t.Errorf("notices (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDiversionsOfRealPackages has those of a Debian system, and of NVIDIA's
// packages.
func TestDiversionsOfRealPackages(t *testing.T) {
	f := files{dpkgStatus: record("glx-diversions")}
	f[dpkgInfo+"/glx-diversions.list"] = "/.\n"
	text := ""
	for from, to := range map[string]string{
		"/bin/sh": "/bin/sh.distrib", "/usr/share/man/man1/sh.1.gz": "/usr/share/man/man1/sh.distrib.1.gz", "/usr/bin/pg_config": "/usr/bin/pg_config.libpq-dev",
		"/usr/share/vim/vim90/doc/help.txt": "/usr/share/vim/vim90/doc/help.txt.vim-tiny", "/usr/bin/perf": "/usr/bin/perf.wrapper", "/lib/udev/x.rules": "/lib/udev/x.rules.usr-is-merged",
		"/usr/lib/x86_64-linux-gnu/libGL.so.1": "/usr/lib/mesa-diverted/x86_64-linux-gnu/libGL.so.1", "/etc/.x": "/etc/.x.distrib",
	} {
		text += from + "\n" + to + "\nglx-diversions\n"
		f[to] = ""
	}
	f[dpkgDiversions] = text
	_, db := f.mustOpen(t)
	if len(db.Notices) > 0 {
		t.Errorf("notices %v", noticeDetails(db))
	}
}

func TestRecordsOfAnInterruptedDpkg(t *testing.T) {
	_, db := files{
		dpkgStatus: record("bash"), dpkgInfo + "/bash.list": "/.\n",
		dpkgUpdates + "/0001": strings.Replace(record("bash"), "Version: 1", "Version: 6", 1),
		dpkgUpdates + "/0002": strings.Replace(record("gone"), "install ok installed", "deinstall ok config-files", 1),
	}.mustOpen(t)
	if diff := cmp.Diff([]string{
		`package-database /var/lib/dpkg/updates/0001: dpkg was interrupted: its record of package bash 6, "install ok installed", is not in the status file yet (run dpkg --configure -a there)`,
		`package-database /var/lib/dpkg/updates/0002: dpkg was interrupted: its record of package gone 1, "deinstall ok config-files", is not in the status file yet (run dpkg --configure -a there)`,
	}, gapDetails(db)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}
