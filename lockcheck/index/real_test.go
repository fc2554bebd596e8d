package index

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/lockcheck/trust"
)

// TestRealRoots checks Debian root file systems that apt made, with its lists:
// every package is in a signed index, and no record differs from its entry. The
// same from a bundle, after one byte of an index was changed, and by gpgv.
func TestRealRoots(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	found, err := filepath.Glob(filepath.Join(os.Getenv("DEPAUDIT_E2E_ROOTS"), "*", "var/lib/apt/lists/*InRelease"))
	if err != nil || len(found) == 0 {
		t.Fatalf("DEPAUDIT_E2E_ROOTS names no directory with Debian root file systems that apt made (%v)", err)
	}
	keys, err := trust.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, inRelease := range found {
		root := strings.TrimSuffix(filepath.Dir(inRelease), "/var/lib/apt/lists")
		t.Run(filepath.Base(root), func(t *testing.T) {
			installed := statusOf(t, root)
			sources := EnvironmentSources(os.DirFS(root))
			allSigned(t, sources, keys, installed)
			compareGPG(t, keys, inRelease)

			var b bytes.Buffer
			if _, err := Save(t.Context(), &b, sources, keys, installed); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(t.TempDir(), "bundle.zip")
			if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			s, closer, err := OpenSource(name)
			if err != nil {
				t.Fatal(err)
			}
			defer closer.Close()
			allSigned(t, []Source{s}, keys, installed)
		})
	}
}

func allSigned(t *testing.T, sources []Source, keys *trust.Keys, installed []Package) {
	t.Helper()
	names := make(map[string]bool)
	for _, p := range installed {
		names[p.Name] = true
	}
	set, err := Open(t.Context(), sources, keys, func(_, name string) bool { return names[name] })
	if err != nil || len(set.Problems) > 0 {
		t.Fatal(err, set.Problems)
	}
	for _, p := range installed {
		if r := set.Match(p); r.Evidence != Signed || len(r.Differs) > 0 || len(r.Entry.Digests) == 0 {
			t.Errorf("%s %s: %+v", p.Name, p.Version, r)
		}
	}
	t.Logf("%d packages of %d indexes", len(installed), len(set.Indexes))
}

// statusOf returns the packages of dpkg's status file with their records.
func statusOf(t *testing.T, root string) []Package {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil {
		t.Fatal(err)
	}
	var out []Package
	for stanza := range strings.SplitSeq(string(data), "\n\n") {
		if strings.TrimSpace(stanza) == "" {
			continue
		}
		f, err := parseFields([]byte(stanza))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Package{Type: "deb", Name: f["package"], Version: f["version"], Arch: f["architecture"], Record: f})
	}
	return out
}

// compareGPG checks that gpgv accepts a file, and rejects it with a byte changed,
// as we do.
func compareGPG(t *testing.T, keys *trust.Keys, inRelease string) {
	t.Helper()
	gpgv, err := exec.LookPath("gpgv")
	const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
	if _, statErr := os.Stat(keyring); err != nil || statErr != nil {
		t.Log("no gpgv, or no keyring of Debian")
		return
	}
	data, err := os.ReadFile(inRelease)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, len(data) / 2, len(data) / 4} {
		changed := bytes.Clone(data)
		if at > 0 {
			changed[at] ^= 1
		}
		_, signatures, err := keys.Clearsigned(changed)
		ours := err == nil && len(signatures) > 0 && signatures[0].Good()
		name := filepath.Join(t.TempDir(), "InRelease")
		if err := os.WriteFile(name, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		theirs := exec.Command(gpgv, "--keyring", keyring, name).Run() == nil
		if ours != theirs || ours != (at == 0) {
			t.Errorf("byte %d changed: %v, gpgv %v", at, ours, theirs)
		}
	}
}
