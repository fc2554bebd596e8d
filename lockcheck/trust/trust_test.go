package trust

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files of testdata were made by gpg 2.2.40 with --faked-system-time: the keys
// on 2024-01-01, and signatures of one Release file on 2024-06-01, but for
// in-time.InRelease (2024-02-01) and superseded-after.InRelease (2024-09-01). The
// key "expired" expired on 2024-03-01; "superseded" and "compromised" were revoked
// with these reasons on 2024-07-01; "short" has 1,024 bits.

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func open(t testing.TB, names ...string) *Keys {
	t.Helper()
	var paths []string
	for _, n := range names {
		paths = append(paths, filepath.Join("testdata", n))
	}
	k, err := Open(paths)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestClearsigned(t *testing.T) {
	all := []string{"archive.asc", "rsa.asc", "expired.asc", "superseded.asc", "compromised.asc", "short.asc"}
	tests := []struct {
		file, keys string // a name, or all of them
		want       string // part of the problem, "" for a good signature
		unknown    bool   // no key is trusted
	}{
		{file: "archive.InRelease"},
		{file: "rsa.InRelease"},
		{file: "in-time.InRelease"},
		{file: "superseded-before.InRelease"},
		{file: "superseded-after.InRelease", want: "revoked"},
		{file: "compromised.InRelease", want: "revoked"},
		{file: "expired.InRelease", want: "when its key had expired"},
		{file: "sha1.InRelease", want: "weak hash"},
		{file: "short.InRelease", want: "weak RSA key of 1024 bits"},
		{file: "unknown.InRelease", unknown: true},
		{file: "archive.InRelease", keys: "rsa.asc", unknown: true},
		{file: "archive.InRelease", keys: "two.asc"},
		{file: "rsa.InRelease", keys: "two.asc"},
		{file: "archive.InRelease", keys: "two.gpg"},
		{file: "rsa.InRelease", keys: "two.gpg"},
	}
	for _, test := range tests {
		names := all
		if test.keys != "" {
			names = []string{test.keys}
		}
		text, signatures, err := open(t, names...).Clearsigned(file(t, test.file))
		if err != nil || len(signatures) != 1 {
			t.Errorf("%s: %d signatures, %v", test.file, len(signatures), err)
			continue
		}
		s := signatures[0]
		if s.Good() != (test.want == "" && !test.unknown) || (s.Key == nil) != test.unknown || !strings.Contains(s.Problem, test.want) || test.want == "" && s.Problem != "" {
			t.Errorf("%s with %s: %+v, want %q", test.file, test.keys, s, test.want)
		}
		if want := strings.TrimSuffix(string(file(t, "Release")), "\n"); string(text) != want {
			t.Errorf("%s: text is\n%s", test.file, text)
		}
	}
}

// TestOneGoodSignature checks a file with a signature by a trusted key and one by
// another.
func TestOneGoodSignature(t *testing.T) {
	_, signatures, err := open(t, "archive.asc").Clearsigned(file(t, "both.InRelease"))
	if err != nil || len(signatures) != 2 {
		t.Fatal(signatures, err)
	}
	if !signatures[0].Good() || signatures[1].Good() || signatures[1].Key != nil {
		t.Errorf("%+v", signatures)
	}
}

func TestDetached(t *testing.T) {
	k := open(t, "archive.asc")
	for name, want := range map[string]int{"Release.sig": 1, "Release.gpg": 2} {
		signatures, err := k.Detached(file(t, "Release"), file(t, name))
		if err != nil || len(signatures) != want || !signatures[0].Good() {
			t.Errorf("%s: %+v, %v", name, signatures, err)
		}
	}
	changed := append(file(t, "Release"), '\n')
	signatures, err := k.Detached(changed, file(t, "Release.sig"))
	if err != nil || signatures[0].Good() || !strings.Contains(signatures[0].Problem, "was changed") {
		t.Errorf("changed: %+v, %v", signatures, err)
	}
	for name, data := range map[string][]byte{
		"empty":           nil,
		"text":            []byte("good\n"),
		"truncated":       file(t, "Release.sig")[:60],
		"truncated armor": file(t, "Release.gpg")[:300],
		"a key":           file(t, "archive.asc"),
		"too large":       make([]byte, maxSignatureFile+1),
	} {
		if signatures, err := k.Detached(file(t, "Release"), data); err == nil {
			t.Errorf("%s: %+v", name, signatures)
		}
	}
}

// TestEveryByteCounts flips each byte of a signed file.
func TestEveryByteCounts(t *testing.T) {
	k := open(t, "archive.asc")
	signed := file(t, "archive.InRelease")
	want, _, err := k.Clearsigned(signed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range signed {
		for _, bit := range []byte{1, 0x20} {
			changed := append([]byte(nil), signed...)
			changed[i] ^= bit
			text, signatures, err := k.Clearsigned(changed)
			if err != nil {
				continue
			}
			for _, s := range signatures {
				// Armor is not canonical: the padding, the checksum and unhashed parts
				// of a signature can be changed. The text cannot.
				if s.Good() && string(text) != string(want) {
					t.Fatalf("byte %d: another text is signed:\n%s", i, text)
				}
			}
		}
	}
}

func TestSplitClearsigned(t *testing.T) {
	good := string(file(t, "archive.InRelease"))
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatal(old)
		}
		return strings.Replace(good, old, new, 1)
	}
	tests := map[string]struct{ data, want string }{
		"text before":       {"Origin: Debian\n" + good, "text before the signed part"},
		"empty line before": {"\n" + good, "text before the signed part"},
		"text after":        {good + "SHA256:\n", "text after the signed part"},
		"message after":     {good + good, "not a signature"},
		"key after":         {good + string(file(t, "archive.asc")), "not a signature"},
		"not signed":        {string(file(t, "Release")), "not clear-signed"},
		"empty":             {"", "not clear-signed"},
		"another header":    {replace("Hash: SHA256", "Comment: x"), "header other than Hash"},
		"no escape":         {replace("- - a line", "- a"+"\n-- line"), "dash that is not escaped"},
		"no signature":      {good[:strings.Index(good, "-----BEGIN PGP SIGNATURE")], "it has no signature"},
		"truncated":         {good[:len(good)-40], "no end"},
		"only the head":     {clearsignBegin + "\n", "truncated"},
	}
	for name, test := range tests {
		if _, _, err := SplitClearsigned([]byte(test.data)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	// Line ends and white space at them are not signed.
	k := open(t, "archive.asc")
	for name, data := range map[string]string{"CRLF": strings.ReplaceAll(good, "\n", "\r\n"), "spaces": replace("Origin: Example", "Origin: Example \t"), "end": good + "\n\n"} {
		_, signatures, err := k.Clearsigned([]byte(data))
		if err != nil || !signatures[0].Good() {
			t.Errorf("%s: %+v, %v", name, signatures, err)
		}
	}
}

func TestOpen(t *testing.T) {
	k, err := Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	table := BuiltIn()
	if len(k.OpenPGP()) != len(table) {
		t.Errorf("%d keys, the table has %d", len(k.OpenPGP()), len(table))
	}
	for _, line := range table {
		one, err := Open([]string{"0x" + strings.ToLower(line.Fingerprint[:20]) + " " + line.Fingerprint[20:]})
		if err != nil {
			t.Fatal(err)
		}
		if keys := one.OpenPGP(); len(keys) != 1 || keys[0].Fingerprint != line.Fingerprint || keys[0].Name != line.Name {
			t.Errorf("%s: %+v", line.Name, keys)
		}
	}
	k = open(t, "archive.asc", "example.rsa.pub")
	if len(k.OpenPGP()) != len(table)+1 || k.APK("example.rsa.pub") == nil || k.APK("other.rsa.pub") != nil {
		t.Error(k)
	}
}

// TestFor checks which built-in keys are trusted for which system.
func TestFor(t *testing.T) {
	const ubuntu = "F6ECB3762474EDA9D21B7022871920D1991BC93C"
	all, err := Open([]string{filepath.Join("testdata", "archive.asc")})
	if err != nil {
		t.Fatal(err)
	}
	named, err := Open([]string{ubuntu})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		keys           *Keys
		id, like       string
		debian, ubuntu int
	}{
		{all, "debian", "", 12, 0},
		{all, "ubuntu", "debian", 0, 2},
		{all, "linuxmint", "ubuntu debian", 12, 2},
		{all, "kali", "debian", 12, 0},
		{all, "alpine", "", 12, 2},
		{all, "", "", 12, 2},
		{named, "debian", "", 0, 1},
	} {
		k := test.keys.For(test.id, strings.Fields(test.like))
		debian, ubuntu, other := 0, 0, 0
		for _, key := range k.OpenPGP() {
			switch {
			case strings.HasPrefix(key.Name, "Debian"):
				debian++
			case strings.HasPrefix(key.Name, "Ubuntu"):
				ubuntu++
			default:
				other++
			}
		}
		if debian != test.debian || ubuntu != test.ubuntu || test.keys == all && other != 1 {
			t.Errorf("%+v: %d, %d, %d", test, debian, ubuntu, other)
		}
	}
	k := all.For("debian", nil)
	if name := k.Untrusted("871920D1991BC93C"); name != "Ubuntu archive 2018" {
		t.Error(name)
	}
	if name := k.Untrusted("6ED0E7B82643E131") + k.Untrusted("0000000000000000") + k.Untrusted(""); name != "" {
		t.Error(name)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "none.asc"): "does not exist",
		dir:                            "is a directory",
		write("empty", ""):             "no key",
		write("text", "hello\n"):       "no OpenPGP key can be read",
		write("cut.asc", string(file(t, "rsa.asc")[:400])):                                  "truncated",
		filepath.Join("testdata", "archive.InRelease"):                                      "",
		filepath.Join("testdata", "secret.asc"):                                             "PRIVATE KEY",
		write("cert.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"): "not a public key",
		write("bad.pub", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"):    "damaged",
		strings.Repeat("0", 40):                                                             "no built-in key has the fingerprint",
		"4CB50190207B4758A3F73A796ED0E7B82643E131":                                          "name the primary key: B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
	} {
		if _, err := Open([]string{name}); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "trust: ") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func FuzzClearsigned(f *testing.F) {
	for _, name := range []string{"archive.InRelease", "rsa.InRelease", "both.InRelease", "sha1.InRelease", "Release", "archive.asc"} {
		f.Add(file(f, name))
	}
	k := open(f, "archive.asc", "rsa.asc")
	signed := strings.TrimSuffix(string(file(f, "Release")), "\n")
	f.Fuzz(func(t *testing.T, data []byte) {
		text, signatures, err := k.Clearsigned(data)
		if err != nil && (text != nil || signatures != nil) {
			t.Fatal("an error with a result")
		}
		for _, s := range signatures {
			if s.Good() && string(text) != signed {
				t.Fatalf("signed is %q", text)
			}
		}
	})
}

func FuzzDetached(f *testing.F) {
	for _, name := range []string{"Release.sig", "Release.gpg", "archive.asc"} {
		f.Add(file(f, name))
	}
	k := open(f, "archive.asc", "rsa.asc")
	f.Fuzz(func(t *testing.T, signature []byte) {
		signatures, _ := k.Detached([]byte("another text"), signature)
		for _, s := range signatures {
			if s.Good() {
				t.Fatal("another text is signed")
			}
		}
	})
}
