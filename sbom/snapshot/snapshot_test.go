package snapshot

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

func example(t testing.TB) *Snapshot {
	t.Helper()
	d, err := sbom.New(sbom.Document{
		Environment: sbom.Environment{Ref: "host:", Kind: "host", OS: sbom.OS{ID: "debian"}, PackageDB: "dpkg", Files: 7},
		Catalogers:  "syft v1.54.1",
		Components: []sbom.Component{
			{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: "bash", Version: "5.2-1", Arch: "amd64", PURL: "pkg:deb/debian/bash@5.2-1"},
			{Kind: sbom.KindFiles, Type: "generic", Name: "go & <co>", Paths: []string{"/usr/local/go"}, Files: 3, Fingerprint: "sha256:00"},
		},
		Gaps: []sbom.Gap{{Kind: sbom.GapUnreadable, Path: "/root/\x1b[2J\u202e", Detail: "permission denied"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Snapshot{Document: d, Fingerprints: &Fingerprints{Binding: "host; rules 1", Fingerprints: rootfs.Fingerprints{
		Root: "12", Mounts: "34", Names: [32]byte{1, 2, 3},
		Files: []rootfs.FileFingerprint{
			{Node: 0, Parent: rootfs.None, Dir: true, Fingerprint: rootfs.Fingerprint{1}},
			{Node: 3, Name: "bin", Dir: true, Read: rootfs.ReadInfo, Fingerprint: rootfs.Fingerprint{3}},
			{Node: 4, Parent: 3, Name: "\xff\n", Read: rootfs.ReadClass, Class: 5, Perm: 0o755, Fingerprint: rootfs.Fingerprint{2}},
			{Node: 1 << 20, Parent: 7, Name: "x", Read: rootfs.ReadClass | rootfs.ReadContent, Class: 255, Perm: fs.ModePerm},
			{Node: 1<<31 - 1, Parent: 0, Name: "y", Read: rootfs.ReadContent | rootfs.ReadFailed},
		},
	}}}
}

func written(t testing.TB, s *Snapshot) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRoundTrip(t *testing.T) {
	whole := example(t)
	for name, s := range map[string]*Snapshot{
		"whole": whole, "no fingerprints": {Document: whole.Document}, "no files": {Document: whole.Document, Fingerprints: &Fingerprints{Binding: "x"}},
		"with a proof": {Document: whole.Document, Proof: json.RawMessage(`{"detail":"\u003ca\u003e"}`)},
	} {
		text := written(t, s)
		if text != written(t, s) {
			t.Errorf("%s: written twice, it differs", name)
		}
		got, err := Read(iotest.OneByteReader(strings.NewReader(text)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(s, got); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
	}
}

// The version of the counting rules of an old snapshot is not ours.
func TestRulesStay(t *testing.T) {
	s := example(t)
	s.Document.Rules = sbom.Rules + 6
	got, err := Read(strings.NewReader(written(t, s)))
	if err != nil || got.Document.Rules != sbom.Rules+6 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBadFiles(t *testing.T) {
	good := written(t, example(t))
	swap := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("there is no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "empty or cut off after 0 bytes"},
		{"spaces", "  \n", "empty or cut off"},
		{"text", "hello", "not a snapshot"},
		{"a list", "[1]", "not a snapshot"},
		{"another object", `{"bomFormat": "CycloneDX"}`, "not a snapshot"},
		{"a version that is none", `{"snapshot": "1"}`, "not a snapshot"},
		{"version 0", `{"snapshot": 0}`, "not a snapshot"},
		{"a fraction", `{"snapshot": 1.5}`, "not a snapshot"},
		{"newer", `{"snapshot": 2, "layers": {}}`, "of format 2, and this depaudit reads 1: it was made by a newer one"},
		{"newer by far", `{"snapshot": 99999999999999999999}`, "not a snapshot"},
		{"half", good[:len(good)/2], fmt.Sprintf("cut off after %d bytes", len(good)/2)},
		{"nothing but the version", `{"snapshot":1}`, "does not match its digest"},
		{"an edited name", swap("bash", "dash"), "does not match its digest"},
		{"an edited binding", swap("host; rules 1", "host; rules 2"), "does not match its digest"},
		{"an unknown key", swap(`"document"`, `"more":1,"document"`), "unknown field"},
		{"more after it", good + "{}", "after top-level value"},
	} {
		_, err := Read(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	broken := errors.New("the disk is gone")
	if _, err := Read(io.MultiReader(strings.NewReader(good[:10]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("an error of the disk: %v", err)
	}
}

// A truncated file is an error, wherever it ends.
func TestCutAnywhere(t *testing.T) {
	good := written(t, example(t))
	for i := range len(good) - 1 { // without the last line feed it is whole
		_, err := Read(strings.NewReader(good[:i]))
		if err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Fatalf("after %d bytes, %q: %v", i, good[max(0, i-20):i], err)
		}
	}
}

func TestBadMarks(t *testing.T) {
	state := strings.Repeat("s", 16)
	for _, c := range []struct{ name, packed, want string }{
		{"no parent", "\x01", "ends within"},
		{"no name", "\x01\x01", "ends within"},
		{"no flags", "\x01\x01\x00", "ends within"},
		{"no question", "\x01\x01\x00\x00", "flags"},
		{"unknown flags", "\x01\x01\x00\x22", "flags"},
		{"half a state", "\x01\x01\x00\x82" + state[:15], "ends within"},
		{"an empty state", "\x01\x01\x00\x82" + strings.Repeat("\x00", 16), "state that is none"},
		{"the same node", "\x01\x01\x00\x02\x00\x01\x00\x02", "not in order"},
		{"its own parent", "\x02\x00\x00\x02", "without a parent"},
		{"a parent before all", "\x02\x03\x00\x02", "without a parent"},
		{"half a name", "\x01\x01\x04name", "ends within"},
		{"a name without end", "\x01\x01\xff\x7f", "name of 16383 bytes"},
		{"no class", "\x01\x01\x00\x01", "ends within"},
		{"no permissions", "\x01\x01\x00\x01\x05", "ends within"},
		{"too many permissions", "\x01\x01\x00\x01\x05\xff\x7f", "permissions"},
		{"a long number", "\x81\x00\x01\x00\x02", "ends within"},
		{"a node past the end", "\xff\xff\xff\xff\x0f\x01\x00\x02", "not in order"},
		{"two nodes past the end", "\xff\xff\xff\xff\x07\x01\x00\x02\xff\xff\xff\xff\x07\x01\x00\x02", "not in order"},
	} {
		_, err := unpack([]byte(c.packed))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for _, fingerprints := range [][]rootfs.FileFingerprint{
		{{Node: 1, Read: rootfs.ReadInfo}, {Node: 1, Read: rootfs.ReadInfo}}, {{Node: -1, Parent: -2, Read: rootfs.ReadInfo}}, {{Node: 1}},
		{{Node: 1, Read: 1 << 5}}, {{Node: 1, Parent: 1, Dir: true}}, {{Node: 1, Name: strings.Repeat("x", maxName+1), Dir: true}},
	} {
		if _, err := pack(fingerprints); err == nil {
			t.Errorf("%+v is packed", fingerprints)
		}
	}
}

func TestWriteFails(t *testing.T) {
	if err := Write(io.Discard, &Snapshot{}); err == nil {
		t.Error("a snapshot without a document is written")
	}
	r, w := io.Pipe()
	r.CloseWithError(errors.New("full"))
	if err := Write(w, example(t)); err == nil {
		t.Error("a full disk is no error")
	}
}

// FuzzFingerprints: what is read as fingerprints is written as the same bytes.
func FuzzFingerprints(f *testing.F) {
	packed, err := pack(example(f).Fingerprints.Files)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add([]byte{1, 1, 0, 0x42, 1, 1, 1, 'x', 1, 7, 0o100})
	f.Fuzz(func(t *testing.T, b []byte) {
		fingerprints, err := unpack(b)
		if err != nil {
			return
		}
		again, err := pack(fingerprints)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is %+v and then %x, %v", b, fingerprints, again, err)
		}
	})
}

// FuzzRead: what is read is written as something that reads the same. Errors
// do not repeat a file.
func FuzzRead(f *testing.F) {
	good := written(f, example(f))
	f.Add(good)
	f.Add(strings.Replace(good, base64.StdEncoding.EncodeToString([]byte{1})[:2], "AA", 1))
	f.Add(`{"snapshot":1,"document":{},"sha256":""}`)
	f.Add(`{"snapshot":2}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Read(strings.NewReader(text))
		if err != nil {
			if len(err.Error()) > 500+len(text)/2 && len(err.Error()) > 2000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		once := written(t, s)
		again, err := Read(strings.NewReader(once))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	s := example(b)
	r := rand.New(rand.NewPCG(1, 1))
	s.Fingerprints.Files = nil
	for i := range 100_000 {
		m := rootfs.FileFingerprint{Node: rootfs.Node(2 * i), Parent: rootfs.Node(2*i - 1), Name: "name.txt", Read: rootfs.ReadClass, Perm: 0o644}
		for j := range m.Fingerprint {
			m.Fingerprint[j] = byte(r.Uint32()) | 1
		}
		s.Fingerprints.Files = append(s.Fingerprints.Files, m)
	}
	text := written(b, s)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSums writes and reads digests of files.
func TestSums(t *testing.T) {
	s := &Snapshot{Document: example(t).Document}
	packed := append(bytes.Repeat([]byte{7}, 16), append([]byte{byte(rootfs.SumMD5)}, bytes.Repeat([]byte{9}, 16)...)...)
	var err error
	if s.Sums, err = rootfs.ParseKnownSums(packed); err != nil {
		t.Fatal(err)
	}
	text := written(t, s)
	got, err := Read(strings.NewReader(text))
	if err != nil || got.Sums.Len() != 1 || !bytes.Equal(got.Sums.Bytes(), packed) {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := Read(strings.NewReader(strings.Replace(text, `"sums":"B`, `"sums":"C`, 1))); err == nil {
		t.Error("edited digests are read")
	}
}
