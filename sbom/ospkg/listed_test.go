package ospkg

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/depaudit/depaudit/sbom"
)

func zstdOf(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wall returns a manifest of Chisel with these lines.
func wall(lines ...string) string {
	return fmt.Sprintf(`{"jsonwall":"1.0","schema":"1.0","count":%d}`, len(lines)+1) + "\n" + strings.Join(append(lines, ""), "\n")
}

func plistOf(body string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n<plist version=\"1.0\">\n" + body + "\n</plist>\n"
}

func freeBSDFixture(t testing.TB, root string) {
	t.Helper()
	mkdir(t, filepath.Join(root, "var/db/pkg"))
	db, err := sql.Open("sqlite", filepath.Join(root, freeBSDDB))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// The columns of libpkg's schema of version 36 that are read, and some more.
	for _, q := range []string{
		`CREATE TABLE packages (id INTEGER PRIMARY KEY, origin TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, comment TEXT NOT NULL DEFAULT '', arch TEXT NOT NULL, prefix TEXT NOT NULL DEFAULT '/usr/local', flatsize INTEGER NOT NULL, automatic INTEGER NOT NULL, locked INTEGER NOT NULL DEFAULT 0)`,
		`CREATE TABLE files (path TEXT PRIMARY KEY, sha256 TEXT, package_id INTEGER)`,
		`CREATE TABLE deps (origin TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, package_id INTEGER)`,
		`INSERT INTO packages (id, origin, name, version, arch, flatsize, automatic) VALUES (1, 'ftp/curl', 'curl', '8.9.1', 'FreeBSD:14:amd64', 100, 0), (2, 'dns/libidn2', 'libidn2', '2.3.7', 'FreeBSD:14:amd64', 50, 1)`,
		`INSERT INTO files VALUES ('/usr/local/bin/curl', '1$aa', 1), ('/usr/local/lib/libidn2.so', '1$bb', 2)`,
		`INSERT INTO deps VALUES ('dns/libidn2', 'libidn2', '2.3.7', 1)`,
	} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
}

// TestListed checks the databases that are lists.
func TestListed(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	for name, test := range map[string]struct {
		f       files
		freeBSD bool
		release sbom.OS
		kind    string
		want    []string // purl, and the reason
		owners  map[string]string
		needs   int
		notices int
		gaps    []string
	}{
		"chisel": {
			f: files{chiselManifest: zstdOf(t, wall(
				`{"kind":"content","slice":"openssl_bins","path":"/usr/bin/openssl"}`,
				`{"kind":"package","name":"libc6","version":"2.39-0ubuntu8.4","sha256":"`+digest+`","arch":"amd64"}`,
				`{"kind":"package","name":"openssl","version":"3.0.13-0ubuntu3.9","sha256":"bb","arch":"amd64"}`,
				`{"kind":"path","path":"/usr/bin/","mode":"0755","slices":["openssl_bins"]}`,
				`{"kind":"path","path":"/usr/bin/openssl","mode":"0755","slices":["openssl_bins"],"sha256":"cc","size":1}`,
				`{"kind":"path","path":"/lib/libc.so.6","mode":"0644","slices":["libc6_libs","libc6_core"]}`,
				`{"kind":"slice","name":"openssl_bins"}`,
			)), "/lib": "-> usr/lib", "/usr/lib/libc.so.6": "", "/usr/bin/openssl": "", "/usr/bin/other": ""},
			release: sbom.OS{ID: "ubuntu", VersionID: "24.04", IDLike: []string{"debian"}}, kind: "chisel",
			want: []string{"pkg:deb/ubuntu/libc6@2.39-0ubuntu8.4?arch=amd64&distro=ubuntu-24.04 sha256:" + digest,
				"pkg:deb/ubuntu/openssl@3.0.13-0ubuntu3.9?arch=amd64&distro=ubuntu-24.04"},
			owners: map[string]string{"/usr/bin/openssl": "openssl", "/usr/lib/libc.so.6": "libc6", "/usr/bin/other": "", "/usr/bin": "openssl", chiselManifest: "libc6"},
		},
		"freebsd": {freeBSD: true, f: files{"/usr/local/bin/curl": "", "/usr/local/lib/libidn2.so": "", "/usr/local/bin/mine": ""},
			release: sbom.OS{ID: "freebsd", VersionID: "14.1"}, kind: "pkg",
			want: []string{"pkg:freebsd/freebsd/curl@8.9.1?arch=FreeBSD%3A14%3Aamd64&distro=freebsd-14.1 explicit",
				"pkg:freebsd/freebsd/libidn2@2.3.7?arch=FreeBSD%3A14%3Aamd64&distro=freebsd-14.1 dependency"},
			owners: map[string]string{"/usr/local/bin/curl": "curl", "/usr/local/lib/libidn2.so": "libidn2", "/usr/local/bin/mine": ""}, needs: 1,
		},
		// On another system the same database owns nothing in /usr/local.
		"freebsd's on debian": {freeBSD: true, f: files{"/usr/local/bin/curl": "", dpkgStatus: record("a"), dpkgInfo + "/a.list": "/.\n"}, release: debian, kind: "dpkg+pkg",
			want:   []string{"pkg:deb/debian/a@1?arch=amd64&distro=debian-12", "pkg:freebsd/curl@8.9.1?arch=FreeBSD%3A14%3Aamd64 explicit", "pkg:freebsd/libidn2@2.3.7?arch=FreeBSD%3A14%3Aamd64 dependency"},
			owners: map[string]string{"/usr/local/bin/curl": ""}, needs: 1, notices: 2,
		},
		"void": {
			f: files{xbpsDB: plistOf(`<dict><key>_XBPS_ALTERNATIVES_</key><dict/>
<key>bash</key><dict><key>architecture</key><string>x86_64</string><key>pkgver</key><string>bash-5.2.32_1</string><key>run_depends</key><array><string>glibc&gt;=2.39_1</string></array><key>state</key><string>installed</string></dict>
<key>glibc</key><dict><key>architecture</key><string>x86_64</string><key>automatic-install</key><true/><key>pkgver</key><string>glibc-2.39_2</string><key>state</key><string>installed</string></dict></dict>`),
				xbpsDir + "/.bash-files.plist":  plistOf(`<dict><key>files</key><array><dict><key>file</key><string>/usr/bin/bash</string><key>sha256</key><string>aa</string></dict></array><key>links</key><array><dict><key>file</key><string>/usr/bin/sh</string></dict></array></dict>`),
				xbpsDir + "/.glibc-files.plist": plistOf(`<dict><key>files</key><array><dict><key>file</key><string>/usr/lib/libc.so.6</string></dict></array></dict>`),
				"/usr/bin/bash":                 "", "/usr/bin/sh": "-> bash", "/usr/lib/libc.so.6": ""},
			release: sbom.OS{ID: "void"}, kind: "xbps",
			want:   []string{"pkg:xbps/void/bash@5.2.32_1?arch=x86_64&distro=void explicit", "pkg:xbps/void/glibc@2.39_2?arch=x86_64&distro=void dependency"},
			owners: map[string]string{"/usr/bin/bash": "bash", "/usr/bin/sh": "bash", "/usr/lib/libc.so.6": "glibc", xbpsDir + "/.glibc-files.plist": "glibc"}, needs: 1,
		},
		"slackware": {
			f: files{"/var/log/packages": "-> ../lib/pkgtools/packages", "/var/lib/pkgtools/packages/xorg-server-21.1.4-x86_64-2": "PACKAGE NAME:     xorg-server-21.1.4-x86_64-2\nPACKAGE DESCRIPTION:\nx: y\nFILE LIST:\n./\nusr/\nusr/bin/\nusr/bin/X\ninstall/\ninstall/slack-desc\nusr/../etc/passwd\n",
				"/usr/bin/X": "", "/etc/passwd": ""},
			release: sbom.OS{ID: "slackware", VersionID: "15.0"}, kind: "pkgtools",
			want:   []string{"pkg:slackware/slackware/xorg-server@21.1.4-2?arch=x86_64&distro=slackware-15.0"},
			owners: map[string]string{"/usr/bin/X": "xorg-server", "/etc/passwd": ""},
			gaps:   []string{`malformed /var/lib/pkgtools/packages/xorg-server-21.1.4-x86_64-2: line 11: path "/usr/../etc/passwd" is not a clean path: it may lead out of the package`},
		},
		"gentoo": {
			f: files{portageDir + "/x11-libs/gtk+-3.24.41-r1/CONTENTS": "dir /usr/lib\nobj /usr/lib/a b.so d41d8cd98f00b204e9800998ecf8427e 1700000000\nsym /usr/lib/l.so -> a b.so 1700000000\n",
				portageDir + "/dev-lang/python-3.12.3/CONTENTS": "obj /usr/bin/python3 d41d8cd98f00b204e9800998ecf8427e 1700000000\n",
				portageDir + "/dev-lang/python-3.13.0/CONTENTS": "x\n", portageWorld: "dev-lang/python:3.12\n",
				"/usr/lib/a b.so": "", "/usr/lib/l.so": "-> a b.so", "/usr/bin/python3": ""},
			release: sbom.OS{ID: "gentoo"}, kind: "portage",
			want: []string{"pkg:ebuild/dev-lang/python@3.12.3?distro=gentoo explicit", "pkg:ebuild/dev-lang/python@3.13.0?distro=gentoo explicit",
				"pkg:ebuild/x11-libs/gtk%2B@3.24.41-r1?distro=gentoo dependency"},
			owners: map[string]string{"/usr/lib/a b.so": "gtk+", "/usr/lib/l.so": "gtk+", "/usr/bin/python3": "python"},
			gaps:   []string{`malformed /var/db/pkg/dev-lang/python-3.13.0/CONTENTS: line 1: "x" is not a line of portage`},
		},
		"bottlerocket": {
			f:       files{bottlerocketInventory: `{"Content":[{"Name":"acpid","Publisher":"Bottlerocket","Version":"2.0.34","Release":"1.169","Epoch":"0","Architecture":"x86_64"},{"Name":"kernel","Version":"6.1","Release":"1","Epoch":"1","Architecture":"x86_64"}]}`, "/usr/sbin/acpid": ""},
			release: sbom.OS{ID: "bottlerocket", VersionID: "1.20.0"}, kind: "bottlerocket",
			want:   []string{"pkg:bottlerocket/bottlerocket/acpid@2.0.34-1.169?arch=x86_64&distro=bottlerocket-1.20.0", "pkg:bottlerocket/bottlerocket/kernel@1%3A6.1-1?arch=x86_64&distro=bottlerocket-1.20.0"},
			owners: map[string]string{"/usr/sbin/acpid": ""}, notices: 1,
		},
		"cos": {
			f:       files{cosPackages: `{"installedPackages":[{"category":"app-shells","name":"bash","version":"5.1"}],"buildTimePackages":[{"category":"x","name":"gcc","version":"13"}]}`},
			release: sbom.OS{ID: "cos", VersionID: "113"}, kind: "cos", want: []string{"pkg:cos/cos/bash@5.1?distro=cos-113"}, notices: 1,
		},
		"ipkg": {
			f:       files{ipkgDir + "/status": "Package: busybox\nVersion: 1.1\nStatus: install user installed\nArchitecture: mipsel\n\n", ipkgDir + "/info/busybox.list": "/bin/busybox\n", "/bin/busybox": ""},
			release: sbom.OS{ID: "vendor"}, kind: "opkg", want: []string{"pkg:opkg/vendor/busybox@1.1?arch=mipsel&distro=vendor explicit"},
			owners: map[string]string{"/bin/busybox": "busybox"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := test.f.plant(t)
			if test.freeBSD {
				freeBSDFixture(t, root)
			}
			tree, err := openTree(t, root)
			if err != nil {
				t.Fatal(err)
			}
			db, err := Open(t.Context(), tree, test.release)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range db.Components {
				s := c.PURL
				if c.InstallReason != "" && c.Type != "deb" {
					s += " " + string(c.InstallReason)
				}
				for _, d := range c.Digests {
					s += " " + d.Algorithm + ":" + d.Value
				}
				got = append(got, s)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || db.Kind != test.kind {
				t.Errorf("%s (-want +got)\n%s", db.Kind, diff)
			}
			for path, want := range test.owners {
				if got := owner(t, tree, db, path); got != want {
					t.Errorf("%s belongs to %q, want %q", path, got, want)
				}
			}
			if diff := cmp.Diff(test.gaps, gapDetails(db)); diff != "" {
				t.Errorf("gaps (-want +got)\n%s", diff)
			}
			if len(db.Relations) != test.needs || len(db.Notices) != test.notices {
				t.Errorf("relations %+v, notices %q", db.Relations, noticeDetails(db))
			}
			checkRepeatable2(t, tree, db, test.release)
		})
	}
}

func TestBrokenLists(t *testing.T) {
	pkg := `{"kind":"package","name":"a","version":"1","arch":"amd64"}`
	for name, test := range map[string]struct {
		f    files
		want string
	}{
		"not zstd":         {files{chiselManifest: wall(pkg)}, chiselManifest},
		"cut off":          {files{chiselManifest: zstdOf(t, strings.Replace(wall(pkg, `{"kind":"slice","name":"a_b"}`), "{\"kind\":\"slice\",\"name\":\"a_b\"}\n", "", 1))}, chiselManifest + ":2: 2 lines, and the header states 3: the file is truncated"},
		"cut zstd":         {files{chiselManifest: zstdOf(t, wall(pkg))[:40]}, chiselManifest},
		"another format":   {files{chiselManifest: zstdOf(t, `{"jsonwall":"2.0","count":1}`+"\n")}, `the format is "2.0"`},
		"no JSON":          {files{chiselManifest: zstdOf(t, wall(pkg, "x"))}, chiselManifest + ":3: not a JSON object"},
		"bad name":         {files{chiselManifest: zstdOf(t, wall(strings.Replace(pkg, `"a"`, `"../a"`, 1)))}, "is not a package name"},
		"bad version":      {files{chiselManifest: zstdOf(t, wall(strings.Replace(pkg, `"1"`, `"1 2"`, 1)))}, "is not a version"},
		"twice":            {files{chiselManifest: zstdOf(t, wall(pkg, pkg))}, "package a is listed twice"},
		"files of nothing": {files{chiselManifest: zstdOf(t, wall(pkg, `{"kind":"path","path":"/x","slices":["b_c"]}`))}, `files of a package "b" that is not listed`},
		"a directory":      {files{chiselManifest + "/": ""}, "is a directory, not a file"},
		"inventory":        {files{bottlerocketInventory: "{"}, bottlerocketInventory + ": unexpected end of JSON input"},
		"inventory's name": {files{cosPackages: `{"installedPackages":[{"name":"","version":"1"}]}`}, "without a name or a version"},
		"plist":            {files{xbpsDB: plistOf("<dict><key>a</key></array>")}, xbpsDB + ": property list: "},
		"plist twice":      {files{xbpsDB: plistOf("<dict><key>a</key><dict/><key>a</key><dict/></dict>")}, `the key "a" occurs twice`},
		"plist's version":  {files{xbpsDB: plistOf("<dict><key>a</key><dict><key>pkgver</key><string>b-1</string></dict></dict>")}, `"b-1" is not a version of package a`},
		"deep plist":       {files{xbpsDB: plistOf(strings.Repeat("<array>", 40))}, "more than 32 levels"},
		"not SQLite":       {files{freeBSDDB: "x"}, freeBSDDB},
		"a journal":        {files{freeBSDDB: "x", freeBSDDB + "-journal": "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"}, "is the journal of an unfinished change"},
	} {
		if _, db, err := test.f.open(t, sbom.OS{ID: "vendor"}); err == nil || db != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	root := files{}.plant(t)
	freeBSDFixture(t, root)
	path := filepath.Join(root, freeBSDDB)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := openTree(t, root)
	if err != nil {
		t.Fatal(err)
	}
	if db, err := Open(t.Context(), tree, sbom.OS{ID: "freebsd"}); err == nil {
		t.Errorf("half a database: %+v", db)
	}
}

func FuzzWall(f *testing.F) {
	f.Add(wall(`{"kind":"package","name":"a","version":"1","arch":"amd64"}`, `{"kind":"path","path":"/x/","slices":["a_b"]}`))
	f.Fuzz(func(t *testing.T, text string) {
		packages, err := readWall(newLines(t.Context(), strings.NewReader(text), "f"))
		if err != nil {
			return
		}
		for _, p := range packages {
			if !validPackageName(p.name) || checkVersion(p.version) != nil {
				t.Errorf("package %+v", p)
			}
		}
	})
}

func FuzzPlist(f *testing.F) {
	f.Add(plistOf("<dict><key>a</key><array><string>b</string><true/></array></dict>"))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePlist(strings.NewReader(text))
		if err == nil && p.kind == "" {
			t.Errorf("a value without a kind: %q", text)
		}
	})
}
