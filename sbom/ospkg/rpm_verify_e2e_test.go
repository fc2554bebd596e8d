package ospkg

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/lockcheck/trust"
	"github.com/google/go-cmp/cmp"
)

// verifySpec has a file for each thing that a header states about files.
const verifySpec = `Name: verify
Version: 1
Release: 1
Summary: x
License: MIT
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/var/lib/verify %{buildroot}/usr/share/doc/verify
for i in a b c suid caps changes; do echo $i >%{buildroot}/usr/bin/$i; done
ln -s a %{buildroot}/usr/bin/link
ln -s a %{buildroot}/usr/bin/relinked
echo x >%{buildroot}/etc/kept.conf
echo x >%{buildroot}/etc/edited.conf
echo x >%{buildroot}/usr/share/doc/verify/README
: >%{buildroot}/usr/bin/empty
%files
%attr(755,root,root) /usr/bin/a
%attr(755,root,root) /usr/bin/b
/usr/bin/c
/usr/bin/empty
%attr(4755,root,root) /usr/bin/suid
%attr(755,root,root) %caps(cap_net_raw=ep) /usr/bin/caps
%verify(not md5 size mtime) /usr/bin/changes
/usr/bin/link
/usr/bin/relinked
%config(noreplace) /etc/kept.conf
%config /etc/edited.conf
%dir %attr(1777,root,root) /var/lib/verify
%ghost /var/lib/verify/log
%doc /usr/share/doc/verify/README
`

// TestRecordsAgreeWithRPM compares a root that rpm made with its records, before
// and after changes, and the changes with what "rpm --verify" prints. Its package
// is signed.
func TestRecordsAgreeWithRPM(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	m := &machine{tb: t, dir: t.TempDir(), root: t.TempDir()}
	m.build()
	m.write("verify.spec", verifySpec)
	m.run("rpmbuild", "-bb", "verify.spec")
	m.run("rpmsign", "--addsign", m.rpmFile("verify"))
	m.rpm("-i", "--nodeps", m.rpmFile("verify"), m.rpmFile("tool"))

	tree, db := openRoot(t, m.root)
	checkRecords(t, tree, m.root, recordsOf(t, db), nil)
	for path, want := range map[string]string{
		"/usr/bin/caps":     "verify file sha256:",
		"/var/lib/verify":   "verify directory 1777 0:0",
		"/usr/bin/changes":  "verify file mutable 644 0:0 caps \"\"",
		"/usr/bin/relinked": "verify symbolic link 0:0 -> a",
		"/etc/edited.conf":  "verify file conffile sha256:",
		"/usr/bin/suid":     "verify file sha256:",
	} {
		if got := describe(t, tree, db, recordsOf(t, db), path); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := describe(t, tree, db, recordsOf(t, db), "/usr/bin/caps"); !strings.HasSuffix(got, `caps "cap_net_raw=ep"`) {
		t.Errorf("/usr/bin/caps: %s", got)
	}

	keys, err := trust.Open([]string{filepath.Join(m.dir, "key.asc")})
	if err != nil {
		t.Fatal(err)
	}
	signed := map[string]string{}
	err = db.Headers(context.Background(), func(i int, header []byte) error {
		s, err := keys.VerifyRPM(header)
		if s.Good() {
			s.Problem = "good, by " + s.Key.Name
		}
		signed[db.Components[i].Name] = s.Problem
		return err
	})
	if diff := cmp.Diff(map[string]string{"verify": "good, by depaudit", "tool": "package is not signed"}, signed); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}

	at := func(path string) string { return filepath.Join(m.root, path) }
	for _, path := range []string{"usr/bin/b", "usr/bin/changes", "etc/edited.conf", "var/lib/verify/log"} {
		if err := os.WriteFile(at(path), []byte("other"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.Chmod(at("usr/bin/c"), 0o4755), os.Remove(at("usr/bin/relinked")), os.Symlink("b", at("usr/bin/relinked")), os.Remove(at("usr/bin/link"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	tree, db = openRoot(t, m.root)
	want := []string{"/etc/edited.conf: content", "/usr/bin/b: content", "/usr/bin/c: mode", "/usr/bin/link: absent", "/usr/bin/relinked: link"}
	checkRecords(t, tree, m.root, recordsOf(t, db), want)

	out, _ := m.try("rpm", "--root", m.root, "--verify", "-a", "--nodeps", "--nomtime")
	var got []string
	for line := range strings.Lines(out) {
		flags, path, found := strings.Cut(line, " ")
		if strings.Contains(path, " g /") {
			continue // rpm compares the mode of a ghost with that of the build; a program made the file
		}
		path = strings.TrimSpace(path[strings.IndexByte(path, '/'):])
		what := ""
		switch {
		case !found:
		case flags == "missing":
			what = "absent"
		case strings.Contains(flags, "5"):
			what = "content"
		case strings.Contains(flags, "L"):
			what = "link"
		case strings.Contains(flags, "M"):
			what = "mode"
		}
		got = append(got, path+": "+what)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rpm --verify (-ours +rpm):\n%s\n%s", diff, out)
	}
}
