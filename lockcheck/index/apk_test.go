package index

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/depaudit/depaudit/lockcheck/trust"
)

// apkMaker makes indexes as "apk index" and abuild-sign do.
type apkMaker struct {
	t    *testing.T
	key  *rsa.PrivateKey
	keys *trust.Keys // that trust it
}

const apkKey = "maker@example.org-1.rsa.pub"

func newApkMaker(t *testing.T) *apkMaker {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), apkKey)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := trust.Open([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	return &apkMaker{t, key, keys}
}

// member is a gzip member with a tar file, which has no end when it continues.
func (m *apkMaker) member(end bool, files ...[2]string) []byte {
	m.t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1])), ModTime: time.Unix(1700000000, 0)}); err != nil {
			m.t.Fatal(err)
		}
		if _, err := w.Write([]byte(f[1])); err != nil {
			m.t.Fatal(err)
		}
	}
	if end {
		w.Close()
	} else {
		w.Flush()
	}
	if err := z.Close(); err != nil {
		m.t.Fatal(err)
	}
	return b.Bytes()
}

func (m *apkMaker) sign(name string, data []byte) []byte {
	m.t.Helper()
	h, sum := crypto.SHA1, []byte(nil)
	if strings.HasPrefix(name, ".SIGN.RSA256.") {
		s := sha256.Sum256(data)
		h, sum = crypto.SHA256, s[:]
	} else {
		s := sha1.Sum(data)
		sum = s[:]
	}
	signature, err := rsa.SignPKCS1v15(nil, m.key, h, sum)
	if err != nil {
		m.t.Fatal(err)
	}
	return append(m.member(false, [2]string{name, string(signature)}), data...)
}

const apkText = "C:Q1aGVsbG8gd29ybGQgdGhpcyBpcyA=\nP:musl\nV:1.2.5-r0\nA:x86_64\nS:400\nI:800\nT:the c library\n\n" +
	"C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:apk-tools\nV:2.14\nA:x86_64\n\n"

// muslSum is the checksum of musl in apkText, in hexadecimal.
const muslSum = "68656c6c6f20776f726c64207468697320697320"

func (m *apkMaker) open(t *testing.T, data []byte, keys *trust.Keys) *Set {
	t.Helper()
	set, err := Open(context.Background(), []Source{{Name: "d", Files: fstest.MapFS{"x86_64/APKINDEX.tar.gz": {Data: data}}}}, keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestApkIndex(t *testing.T) {
	m := newApkMaker(t)
	other, err := trust.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	index := m.member(true, [2]string{"DESCRIPTION", "v3.20.3"}, [2]string{"APKINDEX", apkText})
	musl := Package{Type: "apk", Name: "musl", Version: "1.2.5-r0", Arch: "x86_64", Digest: "sha1:" + muslSum}
	with := func(change func(*Package)) Package { p := musl; change(&p); return p }
	flipped := m.sign(".SIGN.RSA."+apkKey, index)
	flipped[len(flipped)-10] ^= 1
	swapped := append(m.sign(".SIGN.RSA."+apkKey, index)[:len(m.sign(".SIGN.RSA."+apkKey, index))-len(index)],
		m.member(true, [2]string{"APKINDEX", strings.Replace(apkText, "1.2.5-r0", "6.6.6-r0", 1)})...)
	for _, test := range []struct {
		name     string
		data     []byte
		keys     *trust.Keys
		p        Package
		evidence string
		problem  string // of the index
		differs  string
	}{
		{"signed", m.sign(".SIGN.RSA."+apkKey, index), m.keys, musl, Signed, "", ""},
		{"signed with SHA-256", m.sign(".SIGN.RSA256."+apkKey, index), m.keys, musl, Signed, "", ""},
		{"of noarch", m.sign(".SIGN.RSA."+apkKey, index), m.keys, with(func(p *Package) { p.Arch = "noarch" }), Signed, "", ""},
		{"another checksum", m.sign(".SIGN.RSA."+apkKey, index), m.keys, with(func(p *Package) { p.Digest = "sha1:" + strings.Repeat("00", 20) }), Signed, "", "Checksum"},
		{"another version", m.sign(".SIGN.RSA."+apkKey, index), m.keys, with(func(p *Package) { p.Version = "1.2.4-r0" }), OtherVersion, "", ""},
		{"not listed", m.sign(".SIGN.RSA."+apkKey, index), m.keys, with(func(p *Package) { p.Name = "evil" }), Local, "", ""},
		{"without the key", m.sign(".SIGN.RSA."+apkKey, index), other, musl, Foreign, "is not trusted", ""},
		{"unsigned", index, m.keys, musl, Listed, "not signed", ""},
		{"another index behind the signature", swapped, m.keys, with(func(p *Package) { p.Version = "6.6.6-r0" }), Listed, "not one of these bytes", ""},
		{"a flipped bit", flipped, m.keys, musl, Listed, "not one of these bytes", ""},
		{"truncated", m.sign(".SIGN.RSA."+apkKey, index[:len(index)-20]), m.keys, musl, "", "damaged", ""},
		{"two indexes in one", m.sign(".SIGN.RSA."+apkKey, m.member(true, [2]string{"APKINDEX", apkText}, [2]string{"APKINDEX", apkText})), m.keys, musl, "", "two files", ""},
		{"no index in it", m.sign(".SIGN.RSA."+apkKey, m.member(true, [2]string{"x", ""})), m.keys, musl, "", "no file APKINDEX", ""},
		{"the entry beside the signature", append(m.member(false, [2]string{".SIGN.RSA." + apkKey, "x"}, [2]string{"APKINDEX", apkText}), index...), m.keys, musl, Listed, "not one of these bytes", ""},
		{"a record without a name", m.member(true, [2]string{"APKINDEX", "V:1\n\n"}), m.keys, musl, "", "no name", ""},
		{"a wrong checksum", m.member(true, [2]string{"APKINDEX", "P:musl\nV:1\nC:Q1xx\n\n"}), m.keys, musl, "", "not a checksum", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := m.open(t, test.data, test.keys)
			r := set.Match(test.p)
			if r.Evidence != test.evidence || strings.Join(r.Differs, " ") != test.differs {
				t.Errorf("%+v", r)
			}
			if len(set.Indexes) != 1 || !strings.Contains(set.Indexes[0].Problem, test.problem) || test.problem == "" && set.Indexes[0].Problem != "" {
				t.Fatalf("%+v", set.Indexes)
			}
			if test.evidence == Signed && (set.Indexes[0].KeyName != apkKey || set.Indexes[0].Date != "2023-11-14" || set.Indexes[0].Suite != "v3.20.3" ||
				r.Entry.Digests[0] != "apk:"+muslSum || r.Entry.File != "musl-1.2.5-r0.apk" || r.Entry.Size != 400) {
				t.Errorf("%+v %+v", set.Indexes[0], r.Entry)
			}
		})
	}
}

// TestBundleOfApk saves an index in a bundle, which is as good.
func TestBundleOfApk(t *testing.T) {
	m := newApkMaker(t)
	data := m.sign(".SIGN.RSA."+apkKey, m.member(true, [2]string{"DESCRIPTION", "v3.20.3"}, [2]string{"APKINDEX", apkText}))
	sources := []Source{{Name: "d", Files: fstest.MapFS{"main/APKINDEX.tar.gz": {Data: data}, "core.db": {Data: alpmDatabase(t, alpmDesc+strings.Repeat("ab", 32)+"\n\n")}}}}
	file := filepath.Join(t.TempDir(), "b.zip")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Save(context.Background(), out, sources, m.keys, nil); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	s, closer, err := OpenSource(file)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	set, err := Open(context.Background(), []Source{s}, m.keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := set.Match(Package{Type: "apk", Name: "musl", Version: "1.2.5-r0", Arch: "x86_64"}); r.Evidence != Signed {
		t.Errorf("%+v %+v", r, set)
	}
	if r := set.Match(Package{Type: "alpm", Name: "bash", Version: "5.2-1", Arch: "x86_64"}); r.Evidence != Listed {
		t.Errorf("%+v %+v", r, set)
	}
}

func FuzzApkIndex(f *testing.F) {
	f.Add([]byte(apkText))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = parseApkIndex(bytes.NewReader(b), func(string) bool { return true }, func(e entry) error {
			if e.Name == "" || e.Version == "" {
				t.Errorf("entry %+v", e)
			}
			return nil
		})
		_, _ = parseAlpmEntry(bytes.NewReader(b))
	})
}
