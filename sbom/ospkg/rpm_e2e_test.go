package ospkg

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/google/go-cmp/cmp"
)

// rpmSpec makes small packages with all features of packages: an epoch, a path
// as a requirement, boolean dependencies, scriptlets, ghosts, a file that two
// packages share, and a module.
const rpmSpec = `Name: app
Epoch: 1
Version: 2.0~rc1
Release: 3
Summary: x
License: MIT
Vendor: Nobody
BuildArch: noarch
Requires: lib >= 1.0
Requires: /bin/sh
Requires: /usr/bin/plug
Requires: (plug if lib)
Requires: (nothing if missing else extra)
Requires: (virtual(lib) with lib)
Requires(post): tool
Recommends: weak
%%description
x
%%package -n lib
Summary: x
Epoch: 0
Version: 1.5
Release: 1
Provides: virtual(lib) = 2
%%description -n lib
x
%%package -n plug
Summary: x
Requires: virtual(lib) >= 1
%%description -n plug
x
%%package -n extra
Summary: x
%%description -n extra
x
%%package -n weak
Summary: x
%%description -n weak
x
%%package -n tool
Summary: x
%%description -n tool
x
%%package -n shell
Summary: x
Provides: /bin/sh
%%description -n shell
x
%%package -n filesystem
Summary: x
%%description -n filesystem
x
%%package -n modular
Summary: x
ModularityLabel: mod:1:2:3
%%description -n modular
x
%%package -n differs
Summary: x
%%description -n differs
x
%%install
mkdir -p %%{buildroot}/usr/bin %%{buildroot}/etc %%{buildroot}/var/log %%{buildroot}/usr/share/doc/app %%{buildroot}/usr/share/common
ln -s usr/bin %%{buildroot}/bin
for i in app lib plug extra weak tool sh modular; do echo $i > %%{buildroot}/usr/bin/$i; done
echo x > %%{buildroot}/etc/app.conf
echo doc > %%{buildroot}/usr/share/doc/app/README
echo same > %%{buildroot}/usr/share/common/shared
%%post
true
%%files
/usr/bin/app
%%config(noreplace) /etc/app.conf
%%ghost /var/log/app.log
%%doc /usr/share/doc/app/README
/usr/share/common/shared
%%files -n lib
/usr/bin/lib
/usr/share/common/shared
%%files -n plug
/usr/bin/plug
%%files -n extra
/usr/bin/extra
%%files -n weak
/usr/bin/weak
%%files -n tool
/usr/bin/tool
%%files -n shell
/usr/bin/sh
%%files -n modular
/usr/bin/modular
%%files -n differs
%%ghost /var/log/app.log
%%files -n filesystem
/bin
%%dir /usr
%%dir /usr/bin
%%dir /etc
%%dir /var/log
`

// machine makes a root with real tools.
type machine struct {
	tb        testing.TB
	dir, root string
}

func (m *machine) run(name string, args ...string) string {
	m.tb.Helper()
	out, err := m.try(name, args...)
	if err != nil {
		m.tb.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

func (m *machine) try(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "HOME="+m.dir, "GNUPGHOME="+m.dir+"/gpg", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (m *machine) rpm(args ...string) string {
	m.tb.Helper()
	return m.run("rpm", append([]string{"--root", m.root}, args...)...)
}

func (m *machine) dnf(args ...string) string {
	m.tb.Helper()
	return m.run("dnf", append([]string{"-q", "-y", "--installroot=" + m.root, "--config=" + m.dir + "/dnf.conf", "--setopt=reposdir=/dev/null",
		"--releasever=1", "--setopt=tsflags=noscripts,nodocs", "--setopt=installonlypkgs=multi", "--setopt=installonly_limit=5", "--setopt=cachedir=/var/cache/dnf"}, args...)...)
}

func (m *machine) write(name, text string) {
	m.tb.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.tb.Fatal(err)
	}
}

func (m *machine) build() {
	m.tb.Helper()
	m.write(".rpmmacros", "%_dbpath /var/lib/rpm\n%_topdir "+m.dir+"/rb\n%_rpmdir "+m.dir+"/repo\n%_gpg_name depaudit\n%__gpg "+m.run("sh", "-c", "command -v gpg"))
	m.write("all.spec", strings.ReplaceAll(rpmSpec, "%%", "%"))
	m.run("rpmbuild", "-bb", "all.spec")
	for _, v := range []string{"1", "2"} {
		m.write("multi.spec", "Name: multi\nVersion: "+v+"\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n%install\n"+
			"mkdir -p %{buildroot}/usr/lib/multi/"+v+"\n%files\n/usr/lib/multi/"+v+"\n")
		m.run("rpmbuild", "-bb", "multi.spec")
	}
	if err := os.Mkdir(filepath.Join(m.dir, "gpg"), 0o700); err != nil {
		m.tb.Fatal(err)
	}
	m.run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "depaudit", "rsa2048", "sign", "never")
	m.run("rpmsign", "--addsign", m.rpmFile("app"))
	m.run("sh", "-c", "gpg --armor --export depaudit > key.asc")
	m.run("createrepo_c", "-q", "repo")
	m.write("dnf.conf", "[main]\ngpgcheck=0\n[r]\nname=r\nbaseurl=file://"+m.dir+"/repo\n")
}

func (m *machine) rpmFile(name string) string {
	m.tb.Helper()
	found, err := filepath.Glob(filepath.Join(m.dir, "repo/noarch", name+"-*.rpm"))
	if err != nil || len(found) != 1 {
		m.tb.Fatalf("packages %q: %v", found, err)
	}
	return found[0]
}

// TestRPMEndToEnd builds packages, installs them with dnf and rpm, and compares
// the result with their queries.
func TestRPMEndToEnd(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	m := &machine{tb: t, dir: t.TempDir(), root: t.TempDir()}
	m.build()
	m.dnf("install", "filesystem", "shell", "app", "multi-1")
	m.dnf("install", "multi-2")
	m.dnf("mark", "install", "plug")
	m.rpm("-i", "--nodeps", m.rpmFile("modular"), m.rpmFile("differs"))
	m.rpm("--import", m.dir+"/key.asc")
	if err := os.WriteFile(filepath.Join(m.root, "usr/bin/planted"), []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.root, "var/log/app.log"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.compare(t, "/var/lib/rpm/rpmdb.sqlite")
}

// compare compares a database with rpm's queries. Debian's rpm writes SQLite
// only; package rpmdb compares the other formats with it.
func (m *machine) compare(t *testing.T, database string) {
	t.Helper()
	tree, err := openTree(t, m.root)
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(context.Background(), tree, fedora35)
	if err != nil {
		t.Fatal(err)
	}
	if len(db.Gaps) > 0 || len(db.Notices) > 0 {
		t.Errorf("gaps %q, notices %q", gapDetails(db), noticeDetails(db))
	}

	// Packages, keys, modules, signatures.
	var got, want []string
	for _, c := range db.Components {
		got = append(got, fmt.Sprintf("%s %s %s %d %s", c.Name, c.Version, c.Arch, c.InstalledSize, c.Paths[0]))
	}
	keys := 0
	for _, line := range strings.Split(strings.TrimSpace(m.rpm("-qa", "--qf", `%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH} %{SIZE} `+database+`\n`)), "\n") {
		if strings.HasPrefix(line, "gpg-pubkey ") {
			keys++
			continue
		}
		want = append(want, line)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 11 {
		t.Errorf("packages (-rpm +ours):\n%s", diff)
	}
	if keys != 1 || len(db.Excluded) != keys {
		t.Errorf("%d keys, excluded %+v", keys, db.Excluded)
	}
	signature := m.rpm("-q", "app", "--qf", "%{RSAHEADER:pgpsig}")
	id := signature[strings.LastIndexByte(signature, ' ')+1:]
	if c := component(t, db, "app"); c.Detail != "names the signing key "+id {
		t.Errorf("app: %q, rpm says %q", c.Detail, signature)
	}
	if c := component(t, db, "modular"); c.Detail != "module mod:1:2:3" {
		t.Errorf("modular: %q", c.Detail)
	}
	if c := component(t, db, "lib"); c.Source != "app" {
		t.Errorf("lib is from %q", c.Source)
	}

	// Owners.
	paths := 0
	err = filepath.WalkDir(m.root, func(path string, _ fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(m.root, path)
		if err != nil || rel == "." {
			return err
		}
		paths++
		// rpm searches for a file without an owner outside of the root as well.
		out, _ := m.try("rpm", "--root", m.root, "-qf", "--qf", "%{NAME}\n", "/"+rel)
		got := owner(t, tree, db, "/"+rel)
		owners := strings.Fields(out)
		switch {
		case strings.Contains(out, "is not owned"), strings.Contains(out, "No such file"):
			if got != "" {
				t.Errorf("/%s belongs to %s, rpm says: %s", rel, got, out)
			}
		case !slices.Contains(owners, got):
			t.Errorf("/%s belongs to %q, rpm says: %s", rel, got, out)
		}
		return nil
	})
	if err != nil || paths < 30 {
		t.Errorf("%d paths: %v", paths, err)
	}

	// Dependencies: plain ones as rpm resolves them, expressions by hand.
	for _, c := range db.Components {
		var to []string
		for _, line := range strings.Split(m.rpm("-q", "--requires", fmt.Sprintf("%s-%s", c.Name, c.Version[strings.IndexByte(c.Version, ':')+1:])), "\n") {
			if line == "" || line[0] == '(' || strings.HasPrefix(line, "rpmlib(") {
				continue
			}
			name, _, _ := strings.Cut(line, " ")
			to = append(to, strings.Fields(m.rpm("-q", "--whatprovides", "--qf", "%{NAME}\n", name))...)
		}
		if c.Name == "app" {
			to = append(to, "plug", "extra", "lib", "weak")
		}
		to = slices.DeleteFunc(to, func(name string) bool { return name == c.Name })
		slices.Sort(to)
		var got []string
		for _, r := range db.Relations {
			if r.From == c.ID {
				name, _, _ := strings.Cut(strings.TrimPrefix(r.To, "rpm/fedora/"), "@")
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(slices.Compact(to), slices.Compact(got)); diff != "" {
			t.Errorf("%s needs (-rpm +ours):\n%s", c.Name, diff)
		}
	}
	app := component(t, db, "app").ID
	for _, want := range []sbom.Relation{
		{From: app, To: component(t, db, "tool").ID, Kind: sbom.RelPreDepends},
		{From: app, To: component(t, db, "weak").ID, Kind: sbom.RelRecommends},
		{From: app, To: component(t, db, "extra").ID, Kind: sbom.RelDepends, Via: "(nothing if missing else extra)"},
		{From: app, To: component(t, db, "plug").ID, Kind: sbom.RelDepends, Via: "(plug if lib)"},
		{From: app, To: component(t, db, "lib").ID, Kind: sbom.RelDepends},
		{From: app, To: component(t, db, "shell").ID, Kind: sbom.RelPreDepends, Via: "/bin/sh"},
		{From: component(t, db, "plug").ID, To: component(t, db, "lib").ID, Kind: sbom.RelDepends, Via: "virtual(lib) >= 1"},
	} {
		if !slices.Contains(db.Relations, want) {
			t.Errorf("no relation %+v", want)
		}
	}

	// The explicitly installed packages.
	var explicit []string
	for _, c := range db.Components {
		if c.InstallReason == sbom.ReasonExplicit {
			explicit = append(explicit, fmt.Sprintf("%s-%s", c.Name, c.Version))
		} else if c.InstallReason != sbom.ReasonDependency {
			t.Errorf("%s is %q", c.Name, c.InstallReason)
		}
	}
	userInstalled := strings.Fields(m.dnf("repoquery", "--userinstalled", "--qf", "%{name} %{epoch}:%{version}-%{release}"))
	var theirs []string
	for i := 0; i+1 < len(userInstalled); i += 2 {
		// dnf prints an epoch of 0 and none alike.
		evr := userInstalled[i+1]
		if userInstalled[i] != "lib" {
			evr = strings.TrimPrefix(evr, "0:")
		}
		theirs = append(theirs, userInstalled[i]+"-"+evr)
	}
	slices.Sort(theirs)
	slices.Sort(explicit)
	if diff := cmp.Diff(theirs, explicit); diff != "" || len(explicit) < 5 {
		t.Errorf("explicit for (-dnf +ours):\n%s", diff)
	}
}
