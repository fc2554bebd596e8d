package ospkg

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/moduletest"
)

var openwrt = sbom.OS{ID: "openwrt", IDLike: []string{"lede", "openwrt"}, VersionID: "23.05.5"}

// opkgText returns an installed package with more fields.
func opkgText(name string, fields ...string) string {
	return "Package: " + name + "\nVersion: 1-r1\nStatus: install ok installed\nArchitecture: x86_64\n" + strings.Join(append(fields, ""), "\n") + "\n"
}

// TestOpkgFixtures reads the status files in syft and scalibr, and compares
// with their lines.
func TestOpkgFixtures(t *testing.T) {
	for name, text := range map[string]string{
		"syft":            readFile(t, syft(t), "debian/testdata/var/lib/opkg/status"),
		"openwrt":         moduletest.File(t, moduletest.Scalibr, "extractor/filesystem/os/dpkg/testdata/opkg/valid"),
		"many empty ones": moduletest.File(t, moduletest.Scalibr, "extractor/filesystem/os/dpkg/testdata/opkg/trailingnewlines"),
	} {
		t.Run(name, func(t *testing.T) {
			var want, got []string
			for line := range strings.Lines(text) {
				if p, found := strings.CutPrefix(line, "Package: "); found {
					want = append(want, strings.TrimSpace(p))
				}
				if v, found := strings.CutPrefix(line, "Version: "); found {
					want[len(want)-1] += " " + strings.TrimSpace(v)
				}
			}
			_, db, err := files{opkgVarDir + "/status": text}.open(t, openwrt)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range db.Components {
				got = append(got, c.Name+" "+c.Version)
				if c.Type != "opkg" || c.Arch != "x86_64" || c.Namespace != "openwrt" || c.InstallReason == sbom.ReasonUnknown {
					t.Errorf("component %+v", c)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOpkgSystem(t *testing.T) {
	info := opkgDir + "/info/"
	tree, db, err := files{
		opkgDir + "/status": opkgText("libc", "Essential: yes", "Installed-Size: 4096") +
			strings.Replace(opkgText("dropbear", "Depends: libc, libz", "Conffiles:", " /etc/dropbear.conf 00"), "ok", "user,hold", 1) +
			opkgText("zlib", "Provides: libz (= 2), libz.so", "Depends: libc (>= 1-r0)", "Auto-Installed: yes") +
			opkgText("opkg", "Depends: libz (>= 3), libz.so") +
			strings.Replace(opkgText("gone"), "install ok installed", "deinstall ok not-installed", 1) +
			strings.Replace(opkgText("half"), "ok installed", "ok unpacked", 1),
		info + "libc.list":     "/lib/libc.so\t0100755\t\n/lib/ld.so\t0120777\tlibc.so\n",
		info + "dropbear.list": "/usr/sbin/dropbear\n/bin/dropbear\n", info + "dropbear.postinst": "", info + "dropbear.evil": "",
		info + "zlib.list": "", info + "opkg.list": "", info + "half.list": "", info + "unknown.list": "/x\n",
		"/lib/libc.so": "", "/lib/ld.so": "-> libc.so", "/usr/sbin/dropbear": "", "/bin": "-> usr/bin", "/usr/bin/dropbear": "", "/etc/dropbear.conf": "",
	}.open(t, openwrt)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range db.Components {
		got = append(got, c.PURL+" "+string(c.InstallReason))
	}
	if diff := cmp.Diff([]string{
		"pkg:opkg/openwrt/dropbear@1-r1?arch=x86_64&distro=openwrt-23.05.5 explicit", "pkg:opkg/openwrt/half@1-r1?arch=x86_64&distro=openwrt-23.05.5 explicit",
		"pkg:opkg/openwrt/libc@1-r1?arch=x86_64&distro=openwrt-23.05.5 essential", "pkg:opkg/openwrt/opkg@1-r1?arch=x86_64&distro=openwrt-23.05.5 explicit",
		"pkg:opkg/openwrt/zlib@1-r1?arch=x86_64&distro=openwrt-23.05.5 dependency",
	}, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	if db.Components[2].InstalledSize != 4096 {
		t.Errorf("size %d", db.Components[2].InstalledSize)
	}
	var relations []string
	for _, r := range db.Relations {
		name := func(id string) string {
			return strings.TrimSuffix(strings.TrimPrefix(id, "opkg/openwrt/"), "@1-r1?arch=x86_64")
		}
		relations = append(relations, name(r.From)+" "+name(r.To)+" "+r.Via)
	}
	if diff := cmp.Diff([]string{"dropbear libc ", "dropbear zlib libz", "opkg zlib libz.so", "zlib libc "}, relations); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
	for path, want := range map[string]string{"/lib/libc.so": "libc", "/lib/ld.so": "libc", "/lib": "libc", "/bin/dropbear": "dropbear", "/usr/sbin": "dropbear", "/etc/dropbear.conf": "dropbear",
		info + "dropbear.postinst": "dropbear", info + "dropbear.evil": "", opkgDir + "/status": "opkg"} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	if diff := cmp.Diff([]string{
		`half-installed /usr/lib/opkg/status: package half is in state "install ok unpacked": its installation did not finish`,
		`leftover-list /usr/lib/opkg/info/unknown.list: no record of a package "unknown", but its file list exists`,
	}, noticeDetails(db)); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if len(db.Gaps) > 0 || len(db.Excluded) != 1 || db.Excluded[0].Name != "gone" {
		t.Errorf("gaps %v, excluded %v", gapDetails(db), db.Excluded)
	}
	checkRepeatable2(t, tree, db, openwrt)
}

func TestBrokenOpkgDatabasesAreErrors(t *testing.T) {
	status := opkgDir + "/status"
	for _, test := range []struct {
		name string
		f    files
		want string
	}{
		{"garbage", files{status: "asdf\n\nyolo\n"}, status + `:1: "asdf" is not a field`},
		{"no name", files{status: "Version: 1\nStatus: install ok installed\n"}, status + ":1: record has no Package field"},
		{"no version", files{status: "Package: a\nStatus: install ok installed\n"}, status + `:1: package a is in state "installed" and has no Version field`},
		{"no state", files{status: "Package: a\nVersion: 1\n"}, status + ":1: no Status field of package a"},
		{"bad flag", files{status: "Package: a\nVersion: 1\nStatus: install hidden installed\n"}, status + `:3: unknown flag "hidden" of package a`},
		{"bad state", files{status: "Package: a\nVersion: 1\nStatus: install user,hold there\n"}, status + `:3: unknown state "there" of package a`},
		{"twice", files{status: opkgText("a") + opkgText("a")}, status + ":6: package a has a second record, the first one is in line 1"},
		{"truncated", files{status: strings.TrimRight(opkgText("a"), "\n")}, "the last line has no newline: the file is truncated"},
		{"lists only", files{opkgDir + "/info/a.list": ""}, status + ": is missing, although file lists of packages exist"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, db, err := test.f.open(t, openwrt)
			if err == nil || db != nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Open: %+v\n%v\nwant\n%s", db, err, test.want)
			}
		})
	}
	_, db, err := files{status: opkgText("a"), opkgVarDir + "/status": opkgText("b"), opkgDir + "/info/a.list": "x\n"}.open(t, openwrt)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"package-database /var/lib/opkg/status: a second opkg database, beside /usr/lib/opkg/status: its packages are unknown",
		`malformed /usr/lib/opkg/info/a.list: line 1: path "x" is relative`,
	}, gapDetails(db)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

func FuzzOpkg(f *testing.F) {
	f.Add(opkgText("a", "Depends: b (>= 1), c", "Auto-Installed: yes") + strings.Replace(opkgText("b"), "ok", "user,hold", 1))
	f.Fuzz(func(t *testing.T, text string) {
		d := &opkg{system: system{DB: &DB{}}}
		if err := d.read(context.Background(), strings.NewReader(text), "f"); err != nil {
			var parse *parseError
			if !errors.As(err, &parse) || parse.Line < 1 {
				t.Fatalf("error without a position: %v", err)
			}
			return
		}
		if got := len(d.packages) + len(d.others); got > strings.Count(strings.ToLower(text), "package") {
			t.Errorf("%d records in %q", got, text)
		}
		for _, p := range d.packages {
			if !validPackageName(p.name) || checkVersion(p.version) != nil {
				t.Errorf("record %+v", p)
			}
		}
	})
}
