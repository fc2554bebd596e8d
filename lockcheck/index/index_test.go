package index

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/depaudit/depaudit/lockcheck/trust"
)

// The keys are those of package trust's test data: "archive" is trusted, and
// "unknown" is not.
const trustData = "../trust/testdata/"

func trusted(t testing.TB) *trust.Keys {
	t.Helper()
	k, err := trust.Open([]string{trustData + "archive.asc"})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// packages is an index.
const packages = `Package: acme
Version: 1.2-1
Architecture: amd64
Maintainer: Example <a@example.org>
Installed-Size: 40
Depends: libc6 (>= 2.36), libacme1 (= 1.2-1) | other
Multi-Arch: no
Description: tool of Acme
Description-md5: 8a8a2c6a5fc5e5ec6c5dc5d1e6dbb4b5
Section: utils
Filename: pool/a/acme_1.2-1_amd64.deb
Size: 4000
SHA256: 1111111111111111111111111111111111111111111111111111111111111111

Package: acme
Version: 1.1-1
Architecture: amd64
Filename: pool/a/acme_1.1-1_amd64.deb
Size: 3900
SHA256: 2222222222222222222222222222222222222222222222222222222222222222

Package: acme-data
Version: 1.2-1
Architecture: all
Source: acme
Filename: pool/a/acme-data_1.2-1_all.deb
Size: 100
SHA512: ` + sha512Of3 + `
SHA256: 3333333333333333333333333333333333333333333333333333333333333333

Package: libarm
Version: 1.0
Architecture: arm64
SHA256: 4444444444444444444444444444444444444444444444444444444444444444

Package: no-digest
Version: 1.0
Architecture: amd64
MD5sum: 00000000000000000000000000000000

Package: base-files
Version: 1
Architecture: amd64
`

const sha512Of3 = "33333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333"

// releaseOf is a Release file that lists indexes.
func releaseOf(indexes map[string]string) string {
	var b strings.Builder
	b.WriteString("Origin: Example\nLabel: Tools\nSuite: stable\nCodename: one\nDate: Sat, 01 Jun 2024 10:00:00 UTC\nValid-Until: Sat, 08 Jun 2024 10:00:00 UTC\nMD5Sum:\n 00000000000000000000000000000000 1 main/binary-amd64/Packages\nSHA256:\n")
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range indexes {
			if !yield(n) {
				return
			}
		}
	}) {
		fmt.Fprintf(&b, " %x %d %s\n", sha256.Sum256([]byte(indexes[name])), len(indexes[name]), name)
	}
	return b.String()
}

// signer is the secret key of package trust's test data, or a new key that is not
// trusted.
func signer(t testing.TB, known bool) (*openpgp.Entity, *packet.Config) {
	t.Helper()
	at := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return time.Date(2024, 6, 1, 10, 0, 0, 0, time.UTC) }}
	if !known {
		key, err := openpgp.NewEntity("other", "", "other@example.org", at)
		if err != nil {
			t.Fatal(err)
		}
		return key, at
	}
	list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(read(t, trustData+"secret.asc")))
	if err != nil {
		t.Fatal(err)
	}
	return list[0], at
}

// sign makes a clear-signed file.
func sign(t testing.TB, text string, known bool) string {
	t.Helper()
	key, at := signer(t, known)
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, key.PrivateKey, at)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}

// signature makes a detached signature.
func signature(t testing.TB, text string, known bool) string {
	t.Helper()
	key, at := signer(t, known)
	var b bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&b, key, strings.NewReader(text), at); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const listsPrefix = "deb.example.org_debian_dists_one_"

// lists are apt's lists of one archive.
func lists(t testing.TB, index string) fstest.MapFS {
	return files(map[string]string{
		listsPrefix + "InRelease":                  sign(t, releaseOf(map[string]string{"main/binary-amd64/Packages": index}), true),
		listsPrefix + "main_binary-amd64_Packages": index,
		"lock":                                 "",
		"partial/" + listsPrefix + "InRelease": "half",
	})
}

func files(contents map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range contents {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func openFS(t testing.TB, sources ...fs.FS) *Set {
	t.Helper()
	var list []Source
	for i, s := range sources {
		list = append(list, Source{Name: fmt.Sprintf("source%d", i+1), Files: s})
	}
	set, err := Open(t.Context(), list, trusted(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func deb(name, version, arch string) Package {
	return Package{Type: "deb", Name: name, Version: version, Arch: arch}
}

func TestMatch(t *testing.T) {
	set := openFS(t, lists(t, packages))
	if len(set.Problems) != 0 || len(set.Indexes) != 1 {
		t.Fatalf("%+v", set)
	}
	x := set.Indexes[0]
	if x.Origin != "Example" || x.Codename != "one" || x.Date != "2024-06-01" || x.ValidUntil != "2024-06-08" || x.KeyName != "archive" || x.Problem != "" || x.Path != "main/binary-amd64/Packages" {
		t.Errorf("%+v", x)
	}
	tests := []struct {
		p                      Package
		evidence, detail, file string
	}{
		{deb("acme", "1.2-1", "amd64"), Signed, "Example (Tools) one/main of 2024-06-01, signed by archive", "acme_1.2-1"},
		{deb("acme", "1.1-1", "amd64"), Signed, "", "acme_1.1-1"},
		{deb("acme-data", "1.2-1", "all"), Signed, "", "acme-data"},
		{deb("acme", "1.0", "amd64"), OtherVersion, "listed at 1.1-1", "acme_1.1-1"},
		{deb("acme", "2.0", "amd64"), OtherVersion, "listed at 1.2-1", "acme_1.2-1"},
		{deb("acme", "1.2-1", "arm64"), Local, "no index has acme for arm64, only for amd64", ""},
		{deb("acme-data", "1.2-1", "amd64"), Local, "only for all", ""},
		{deb("libarm", "1.0", "amd64"), Local, "only for arm64", ""},
		{deb("libarm", "1.0", "arm64"), Signed, "", ""},
		{deb("evil", "6.6.6", "amd64"), Local, "no index has evil (1 index was read)", ""},
		{deb("no-digest", "1.0", "amd64"), Listed, "without a digest", ""},
		{Package{Type: "apk", Name: "acme", Version: "1.2-1"}, "", "", ""},
	}
	for _, test := range tests {
		r := set.Match(test.p)
		if r.Evidence != test.evidence || !strings.Contains(r.Detail, test.detail) || r.Entry == nil != (test.evidence == Local || test.evidence == "") {
			t.Errorf("%v: %+v, want %s, %q", test.p, r, test.evidence, test.detail)
		}
		if r.Entry != nil && !strings.Contains(r.Entry.File, test.file) {
			t.Errorf("%v: %+v", test.p, r.Entry)
		}
	}
	want := []string{"sha512:" + sha512Of3, "sha256:" + sha512Of3[:64]}
	if got := set.Match(deb("acme-data", "1.2-1", "all")).Entry.Digests; !slices.Equal(got, want) {
		t.Error(got)
	}
}

// TestAttacks changes one thing of signed lists.
func TestAttacks(t *testing.T) {
	acme := deb("acme", "1.2-1", "amd64")
	release := releaseOf(map[string]string{"main/binary-amd64/Packages": packages})
	inRelease, index := listsPrefix+"InRelease", listsPrefix+"main_binary-amd64_Packages"
	edited := strings.Replace(packages, "1111", "6666", 1)
	tests := map[string]struct {
		change   func(f fstest.MapFS)
		evidence string
		problem  string // of the set, "" for none
		why      string // the index's problem
	}{
		"an edited entry": {func(f fstest.MapFS) { f[index].Data = []byte(edited) }, "", "not the one that", "not the one that"},
		"an added entry": {func(f fstest.MapFS) {
			f[index].Data = append(f[index].Data, "\nPackage: evil\nVersion: 6\nArchitecture: amd64\n"...)
		}, "", "not the one that", "not the one that"},
		"a truncated index":          {func(f fstest.MapFS) { f[index].Data = f[index].Data[:300] }, "", "not the one that", "not the one that"},
		"another index in its place": {func(f fstest.MapFS) { f[index].Data = nil }, "", "not the one that", "not the one that"},
		"an edited entry and Release": {func(f fstest.MapFS) {
			f[index].Data = []byte(edited)
			f[inRelease].Data = []byte(strings.Replace(string(f[inRelease].Data), release[strings.Index(release, "SHA256"):], releaseOf(map[string]string{"main/binary-amd64/Packages": edited})[strings.Index(release, "SHA256"):], 1))
		}, Listed, "was changed", "was changed"},
		"text before the signature": {func(f fstest.MapFS) {
			f[index].Data = []byte(edited)
			f[inRelease].Data = append([]byte(releaseOf(map[string]string{"main/binary-amd64/Packages": edited})+"\n"), f[inRelease].Data...)
		}, Listed, "text before", "text before"},
		"text after the signature": {func(f fstest.MapFS) {
			f[inRelease].Data = append(f[inRelease].Data, releaseOf(map[string]string{"main/binary-amd64/Packages": edited})...)
		}, Listed, "text after", "text after"},
		"a stripped signature": {func(f fstest.MapFS) { f[inRelease].Data = []byte(release) }, Listed, "signature was removed", "signature was removed"},
		"a stripped signature, renamed": {func(f fstest.MapFS) {
			delete(f, inRelease)
			f[listsPrefix+"Release"] = &fstest.MapFile{Data: []byte(release)}
		}, Listed, "", "no key signs it"},
		"a truncated signature": {func(f fstest.MapFS) { f[inRelease].Data = f[inRelease].Data[:len(f[inRelease].Data)-60] }, Listed, "truncated", "truncated"},
		"no Release file":       {func(f fstest.MapFS) { delete(f, inRelease) }, Listed, "", "no Release file lists it"},
		"an unknown key":        {func(f fstest.MapFS) { f[inRelease].Data = []byte(sign(t, release, false)) }, Foreign, "", "which is not trusted"},
		"an unknown key, edited": {func(f fstest.MapFS) {
			f[index].Data = []byte(edited)
			f[inRelease].Data = []byte(sign(t, release, false))
		}, "", "not the one that", "not the one that"},
		"no SHA-256": {func(f fstest.MapFS) {
			f[inRelease].Data = []byte(sign(t, release[:strings.Index(release, "SHA256")], true))
		}, Listed, "no SHA-256 digests", "no SHA-256 digests"},
		"two digests": {func(f fstest.MapFS) {
			f[inRelease].Data = []byte(sign(t, release+" "+strings.Repeat("a", 64)+" 1 main/binary-amd64/Packages\n", true))
		}, Listed, "listed twice", "listed twice"},
		"a foreign archive beside it": {func(f fstest.MapFS) {
			f["ppa.example.org_dists_x_InRelease"] = &fstest.MapFile{Data: []byte(sign(t, releaseOf(map[string]string{"main/binary-amd64/Packages": edited}), false))}
			f["ppa.example.org_dists_x_main_binary-amd64_Packages"] = &fstest.MapFile{Data: []byte(edited)}
		}, Signed, "", ""},
	}
	for name, test := range tests {
		f := lists(t, packages)
		test.change(f)
		set := openFS(t, f)
		r := set.Match(acme)
		if r.Evidence != test.evidence {
			t.Errorf("%s: %+v, want %q", name, r, test.evidence)
		}
		if r.Evidence == Signed && r.Entry.Digests[0][7:11] != "1111" {
			t.Errorf("%s: the entry is not the trusted one: %+v", name, r.Entry)
		}
		problems := fmt.Sprint(set.Problems)
		if (len(set.Problems) > 0) != (test.problem != "") || !strings.Contains(problems, test.problem) {
			t.Errorf("%s: problems are %s", name, problems)
		}
		i := slices.IndexFunc(set.Indexes, func(x Index) bool { return strings.HasSuffix(x.File, index) })
		if i < 0 || !strings.Contains(set.Indexes[i].Problem, test.why) || (set.Indexes[i].Key != "") != (test.why == "") {
			t.Errorf("%s: %+v", name, set.Indexes)
		}
	}
}

// TestOnlyForeign checks a package that only an archive without trust has.
func TestOnlyForeign(t *testing.T) {
	const other = "Package: vendor\nVersion: 3\nArchitecture: amd64\nSHA256: 5555555555555555555555555555555555555555555555555555555555555555\n"
	f := lists(t, packages)
	f["v_InRelease"] = &fstest.MapFile{Data: []byte(sign(t, releaseOf(map[string]string{"main/binary-amd64/Packages": other}), false))}
	f["v_main_binary-amd64_Packages"] = &fstest.MapFile{Data: []byte(other)}
	set := openFS(t, f)
	for version, want := range map[string]string{"3": "in Example (Tools) one/main of 2024-06-01, signed by ", "2": "listed at 3 in"} {
		if r := set.Match(deb("vendor", version, "amd64")); r.Evidence != Foreign || !strings.HasPrefix(r.Detail, want) || !strings.HasSuffix(r.Detail, "which is not trusted") {
			t.Errorf("%s: %+v", version, r)
		}
	}
}

// TestLayouts checks that one index is found in every form and place.
func TestLayouts(t *testing.T) {
	compressed := map[string]string{"": packages, ".gz": gz(t, packages), ".lz4": lz4ed(t, packages), ".zst": zst(t, packages)}
	inRelease := sign(t, releaseOf(map[string]string{"main/binary-amd64/Packages": packages, "main/binary-amd64/Packages.gz": compressed[".gz"]}), true)
	detached := func() map[string]string {
		release := releaseOf(map[string]string{"main/binary-amd64/Packages": ""})
		return map[string]string{"dists/x/Release": release, "dists/x/Release.gpg": signature(t, release, true), "dists/x/main/binary-amd64/Packages": ""}
	}
	layouts := map[string]map[string]string{
		"side by side":     {"InRelease": inRelease, "Packages": packages},
		"flat":             {"deb.example.org_._InRelease": sign(t, releaseOf(map[string]string{"Packages": packages}), true), "deb.example.org_._Packages": packages},
		"by hash":          {"dists/one/InRelease": inRelease, fmt.Sprintf("dists/one/main/binary-amd64/by-hash/SHA256/%x", sha256.Sum256([]byte(compressed[".gz"]))): compressed[".gz"]},
		"another place":    {"a/InRelease": inRelease, "b/c/Packages": packages},
		"name of a module": {"dists/one/InRelease": inRelease, "dists/one/main/binary-amd64/Release": "Archive: one\nComponent: main\n", "dists/one/main/binary-amd64/Packages": packages},
	}
	if path, err := exec.LookPath("xz"); err == nil { // no module that is linked writes xz
		cmd := exec.Command(path, "-9e", "-c")
		cmd.Stdin = strings.NewReader(packages)
		data, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		compressed[".xz"] = string(data)
	}
	for e, data := range compressed {
		layouts["lists"+e] = map[string]string{listsPrefix + "InRelease": inRelease, listsPrefix + "main_binary-amd64_Packages" + e: data}
		layouts["mirror"+e] = map[string]string{"dists/one/InRelease": inRelease, "dists/one/main/binary-amd64/Packages" + e: data}
	}
	for name, contents := range layouts {
		set := openFS(t, files(contents))
		if r := set.Match(deb("acme", "1.2-1", "amd64")); r.Evidence != Signed || len(set.Problems) != 0 {
			t.Errorf("%s: %+v, %+v", name, r, set)
		}
	}
	// A mirror has an index in several forms and by its digests. One is read.
	forms := map[string]string{"dists/one/InRelease": inRelease}
	for e, data := range compressed {
		forms["dists/one/main/binary-amd64/Packages"+e] = data
	}
	for _, data := range []string{packages, compressed[".gz"]} {
		forms[fmt.Sprintf("dists/one/main/binary-amd64/by-hash/SHA256/%x", sha256.Sum256([]byte(data)))] = data
	}
	set := openFS(t, files(forms))
	if len(set.Indexes) != 1 || set.Indexes[0].File != "source1/dists/one/main/binary-amd64/Packages" {
		t.Errorf("forms: %+v", set.Indexes)
	}
	set = openFS(t, files(detached()))
	if len(set.Indexes) != 1 || set.Indexes[0].Key == "" || len(set.Problems) != 0 {
		t.Errorf("detached: %+v", set)
	}
	// The Release file of one source vouches for an index of another.
	set = openFS(t, files(map[string]string{"InRelease": inRelease}), files(map[string]string{"x_Packages": packages}))
	if r := set.Match(deb("acme", "1.2-1", "amd64")); r.Evidence != Signed {
		t.Errorf("two sources: %+v", r)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func gz(t testing.TB, s string) string {
	return squeeze(t, s, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
}

func lz4ed(t testing.TB, s string) string {
	return squeeze(t, s, func(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) })
}

func zst(t testing.TB, s string) string {
	return squeeze(t, s, func(w io.Writer) io.WriteCloser {
		z, err := zstd.NewWriter(w)
		if err != nil {
			t.Fatal(err)
		}
		return z
	})
}

func squeeze(t testing.TB, s string, writer func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := writer(&b)
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestNoBase checks that a package is not called local where only the lists of
// another archive were kept.
func TestNoBase(t *testing.T) {
	set := openFS(t, lists(t, strings.Replace(packages, "base-files", "another", 1)))
	if r := set.Match(deb("evil", "1", "amd64")); r.Evidence != "" || r.Detail != "no index has evil, and that of the base system is not there" {
		t.Errorf("%+v", r)
	}
	if r := set.Match(deb("acme", "1.2-1", "amd64")); r.Evidence != Signed {
		t.Errorf("%+v", r)
	}
}

// TestHostileRelease checks values of a Release file that messages and bundles
// have, of an archive that is not trusted.
func TestHostileRelease(t *testing.T) {
	release := releaseOf(map[string]string{"../../main/binary-amd64/Packages": packages, "/abs/Packages": packages, "x/Packages": packages})
	release = strings.Replace(release, "Origin: Example", "Origin: "+strings.Repeat("é", 5000), 1)
	f := files(map[string]string{"Release": release, "Packages": packages})
	set := openFS(t, f)
	if len(set.Indexes) != 1 || set.Indexes[0].Path != "x/Packages" || len(set.Indexes[0].Origin) > 2*maxField {
		t.Errorf("%+v", set.Indexes)
	}
	var b bytes.Buffer
	if _, err := Save(t.Context(), &b, []Source{{Name: "x", Files: f}}, trusted(t), nil); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range z.File {
		if !fs.ValidPath(member.Name) || !strings.HasPrefix(member.Name, "01-") || len(member.Name) > 200 {
			t.Errorf("%q", member.Name)
		}
	}
}

func TestRecord(t *testing.T) {
	set := openFS(t, lists(t, packages))
	record := func(change map[string]string) map[string]string {
		out := map[string]string{
			"Package": "acme", "Maintainer": "Example <a@example.org>", "Installed-Size": "40",
			"Depends": "libc6 (>= 2.36),\n libacme1 (=1.2-1)|other", "Description": "tool of Acme\n A longer text.",
			"Section": "misc", "Priority": "extra", "Status": "install ok installed", "Conffiles": " /etc/x 0",
		}
		for name, value := range change {
			out[name] = value
		}
		return out
	}
	for want, change := range map[string]map[string]string{
		"":                               nil,
		"Maintainer":                     {"Maintainer": "Evil <e@example.org>"},
		"Depends Installed-Size":         {"Depends": "libc6 (>= 2.36)", "Installed-Size": "41"},
		"Provides":                       {"Provides": "bash"},
		"Essential":                      {"Essential": "yes"},
		"Multi-Arch":                     {"Multi-Arch": "same"},
		"Description":                    {"Description": "tool of Acme,\n A longer text."},
		"Source":                         {"Source": "other"},
		"Homepage Pre-Depends":           {"Homepage": "https://example.org", "pre-depends": "x"},
		"Built-Using Static-Built-Using": {"Built-Using": "x (= 1)", "Static-Built-Using": "y (= 1)"},
	} {
		p := deb("acme", "1.2-1", "amd64")
		p.Record = record(change)
		if r := set.Match(p); strings.Join(r.Differs, " ") != want || r.Evidence != Signed {
			t.Errorf("%v: %q, want %q", change, r.Differs, want)
		}
	}
}

func TestBadInput(t *testing.T) {
	huge := "Package: other\n" + strings.Repeat("X-Filler: "+strings.Repeat("x", 1000)+"\n", 1000) + "\n"
	for name, test := range map[string]struct {
		data io.Reader
		want string
	}{
		"a bomb":                {bomb(t, huge, 20<<20), "more than 16 MiB"},
		"one endless entry":     {bomb(t, "Package: other\nX: "+strings.Repeat("x", 1<<20), 8<<20), "entry 1 has more than 4 MiB"},
		"a damaged gzip":        {strings.NewReader(gz(t, packages)[:200]), "unexpected EOF"},
		"a damaged lz4":         {strings.NewReader(lz4ed(t, packages)[:200]), "unexpected EOF"},
		"a damaged zstd":        {strings.NewReader(zst(t, packages)[:200]), "unexpected EOF"},
		"an xz of a large size": {strings.NewReader("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x28\x00\x00\x00\x00"), "damaged"},
		"too many entries":      {bomb(t, "Package: acme\nVersion: 1\n\n", 1<<20), "have more than 4 MiB"},
		"a binary":              {strings.NewReader("\x00\x01\x02\nPackage\n"), "no field"},
		"a continuation":        {strings.NewReader(" x\nPackage: acme\n"), "continuation"},
		"a long version":        {strings.NewReader("Package: acme\nVersion: " + strings.Repeat("1", 600) + "\n"), "has more than 512 bytes"},
		"no version":            {strings.NewReader("Package: acme\n"), "has no version"},
	} {
		data, err := io.ReadAll(test.data)
		if err != nil {
			t.Fatal(err)
		}
		only := func(_, name string) bool { return name == "acme" }
		small := limits{index: 16 << 20, total: 20 << 20, retained: 4 << 20}
		set, err := open(t.Context(), []Source{{Name: "x", Files: files(map[string]string{"Packages": string(data)})}}, trusted(t), only, small)
		if err != nil {
			t.Fatal(err)
		}
		if len(set.Problems) != 1 || !strings.Contains(set.Problems[0].Detail, test.want) || len(set.entries) != 0 {
			t.Errorf("%s: %+v, want %q", name, set.Problems, test.want)
		}
	}
}

// bomb returns gzip data of at least size bytes.
func bomb(t testing.TB, part string, size int) io.Reader {
	return strings.NewReader(squeeze(t, "", func(w io.Writer) io.WriteCloser {
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < size; n += len(part) {
			io.WriteString(z, part)
		}
		return z
	}))
}

// TestTotal checks the limit of all indexes together.
func TestTotal(t *testing.T) {
	contents := map[string]string{}
	for _, dir := range []string{"a", "b", "c", "d"} {
		contents[dir+"/Packages"] = packages
	}
	set, err := open(t.Context(), []Source{{Name: "x", Files: files(contents)}}, trusted(t), nil, limits{index: 1 << 20, total: int64(2 * len(packages)), retained: 1 << 20})
	if err != nil || len(set.Problems) != 2 || !strings.Contains(set.Problems[0].Detail, "all indexes together have more than") || set.Problems[0].File != "x/c/Packages" {
		t.Errorf("%+v, %v", set.Problems, err)
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if set, err := Open(ctx, []Source{{Name: "x", Files: lists(t, packages)}}, trusted(t), nil); !errors.Is(err, context.Canceled) || set != nil {
		t.Error(set, err)
	}
}

func TestBundle(t *testing.T) {
	const other = "Package: vendor\nVersion: 3\nArchitecture: amd64\nSHA256: 5555555555555555555555555555555555555555555555555555555555555555\n"
	f := lists(t, packages)
	f["v_InRelease"] = &fstest.MapFile{Data: []byte(sign(t, releaseOf(map[string]string{"main/binary-amd64/Packages": other}), false))}
	f["v_main_binary-amd64_Packages"] = &fstest.MapFile{Data: []byte(other)}
	f["plain_Packages"] = &fstest.MapFile{Data: []byte("Package: plain\nVersion: 1\nArchitecture: all\n")}
	empty := releaseOf(map[string]string{"main/binary-amd64/Packages": ""})
	f["x/Release"] = &fstest.MapFile{Data: []byte(empty)}
	f["x/Release.gpg"] = &fstest.MapFile{Data: []byte(signature(t, empty, true))}
	f["x/main/binary-amd64/Packages"] = &fstest.MapFile{}
	source := []Source{{Name: "lists", Environment: true, Files: f}}
	write := func(s []Source, packages []Package) ([]byte, *Saved) {
		var b bytes.Buffer
		saved, err := Save(t.Context(), &b, s, trusted(t), packages)
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes(), saved
	}
	open := func(data []byte) Source {
		name := filepath.Join(t.TempDir(), "b.zip")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, closer, err := OpenSource(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closer.Close() })
		return s
	}
	installed := []Package{deb("acme", "1.2-1", "amd64"), deb("vendor", "2", "amd64"), deb("evil", "1", "amd64")}
	data, saved := write(source, installed)
	if len(saved.Indexes) != 1 || !reflect.DeepEqual(saved.Packages, map[string]int{Signed: 1, Foreign: 1, Local: 1}) {
		t.Errorf("%+v", saved)
	}
	if again, _ := write(source, installed); !bytes.Equal(data, again) {
		t.Error("two bundles of one source differ")
	}
	if again, _ := write([]Source{open(data)}, installed); !bytes.Equal(data, again) {
		t.Error("the bundle of a bundle differs")
	}
	if again, _ := write(append(source, open(data)), installed); !bytes.Equal(data, again) {
		t.Error("an index is kept twice")
	}
	if r := openFS(t, open(data).Files).Match(installed[0]); r.Evidence != Signed {
		t.Errorf("%+v", r)
	}
	// All of them, of every standing.
	all, saved := write(source, nil)
	if len(saved.Indexes) != 4 {
		t.Errorf("%+v", saved)
	}
	set := openFS(t, open(all).Files)
	signatures := 0
	for _, x := range set.Indexes {
		if x.KeyName == "archive" {
			signatures++
		}
	}
	if len(set.Problems) != 0 || signatures != 2 {
		t.Errorf("%+v", set)
	}
	for p, want := range map[[3]string]string{{"acme", "1.2-1", "amd64"}: Signed, {"vendor", "3", "amd64"}: Foreign, {"plain", "1", "all"}: Listed} {
		if r := set.Match(deb(p[0], p[1], p[2])); r.Evidence != want {
			t.Errorf("%v: %+v", p, r)
		}
	}
}

func TestOpenSource(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"Packages.gz": gz(t, packages), "broken.zip": "PK\x03\x04 and nothing", "sub/Packages": "Package: x\nVersion: 1\nArchitecture: all\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"none": "does not exist", "broken.zip": "damaged bundle"} {
		if _, _, err := OpenSource(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, closer, err := OpenSource(filepath.Join(dir, "Packages.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	set := openFS(t, s.Files)
	if len(set.Indexes) != 1 || set.Match(deb("acme", "1.2-1", "amd64")).Evidence != Listed {
		t.Errorf("%+v", set)
	}
}

func FuzzRelease(f *testing.F) {
	f.Add([]byte(releaseOf(map[string]string{"main/binary-amd64/Packages": packages})))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRelease(data)
		if err != nil {
			return
		}
		for name, sum := range r.packages {
			if len(sum) != 64 || r.pathOf(t, sum) == "" || !isPackages(name[strings.LastIndex(name, "/")+1:]) {
				t.Fatalf("%q: %q", name, sum)
			}
		}
	})
}

func (r releaseFields) pathOf(t *testing.T, sum string) string { return r.paths[sum] }

func FuzzPackages(f *testing.F) {
	f.Add([]byte(packages), 7)
	f.Add([]byte("Package: a\nVersion: 1\n\n\n\nPackage: b\r\nVersion: 2\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, data []byte, chunk int) {
		all := func(string) bool { return true }
		parse := func(r io.Reader, wanted func(string) bool) (out []entry, err error) {
			err = parsePackages(t.Context(), r, wanted, func(e entry) error { out = append(out, e); return nil })
			return out, err
		}
		got, err := parse(bytes.NewReader(data), all)
		again, errAgain := parse(&chunks{data, max(1, chunk%64)}, all)
		if !reflect.DeepEqual(got, again) || (err == nil) != (errAgain == nil) {
			t.Fatalf("%v, %v; in parts %v, %v", got, err, again, errAgain)
		}
		for _, e := range got {
			if e.Name == "" || e.Version == "" {
				t.Fatalf("%+v", e)
			}
			one, err := parse(bytes.NewReader(data), func(name string) bool { return name == e.Name })
			if err == nil && len(one) == 0 {
				t.Fatalf("%q is not found by its name", e.Name)
			}
		}
	})
}

// chunks is a reader of small parts.
type chunks struct {
	data []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size)], c.data)
	c.data = c.data[n:]
	return n, nil
}
