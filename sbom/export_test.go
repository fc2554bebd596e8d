package sbom_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/exporttest"
)

// throughComment returns facts as a reader gets them back from a comment that
// people have added lines to.
func throughComment(t *testing.T, facts []sbom.Fact) []sbom.Fact {
	t.Helper()
	comment := sbom.JoinFacts(facts)
	if n := strings.Count(comment, "\n") + 1; len(facts) > 0 && n != len(facts) {
		t.Fatalf("%d facts take %d lines", len(facts), n)
	}
	return sbom.ParseFacts("reviewed by hand: x=y\n" + comment + "\ndepaudit: no equals sign")
}

// TestFacts checks that a document is the same after its facts were written into
// comments and read again, whatever its strings.
func TestFacts(t *testing.T) {
	small, smallMeta := exporttest.Small()
	hostile, hostileMeta := exporttest.Hostile()
	for _, tt := range []struct {
		name string
		doc  *sbom.Document
		meta sbom.Meta
	}{{"small", small, smallMeta}, {"hostile", hostile, hostileMeta}} {
		t.Run(tt.name, func(t *testing.T) {
			var back sbom.Document
			for _, f := range throughComment(t, tt.meta.DocumentFacts(tt.doc)) {
				if err := sbom.SetDocumentFact(&back, new(sbom.Meta), f); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.doc, &back, cmpopts.IgnoreFields(sbom.Document{}, "Components", "Relations"), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			for i := range tt.doc.Components {
				want := &tt.doc.Components[i]
				var c sbom.Component
				var a sbom.Annotation
				for _, f := range throughComment(t, tt.meta.ComponentFacts(want)) {
					if err := sbom.SetComponentFact(&c, &a, f); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(want, &c, cmpopts.EquateEmpty()); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(tt.meta.Provenance(want.ID), a); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// TestDocumentFacts checks the numbers that people and jq read.
func TestDocumentFacts(t *testing.T) {
	doc, meta := exporttest.Small()
	var got []string
	for _, f := range meta.DocumentFacts(doc) {
		if strings.HasPrefix(f.Key, "count:") {
			got = append(got, f.Key+"="+f.Value)
		}
	}
	want := []string{
		"count:total=7", "count:provenance:lock=2", "count:provenance:os=3", "count:provenance:unaccounted=2",
		"count:bundled=2", "count:excluded=613", "count:gaps=1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestNativeFacts checks that a format with a field of its own does not repeat it,
// and that a scan without an audit states no result of one.
func TestNativeFacts(t *testing.T) {
	c := pkg("x", "1", "/x")
	keys := func(m sbom.Meta, native ...string) []string {
		var out []string
		for _, f := range m.ComponentFacts(&c, native...) {
			out = append(out, f.Key)
		}
		return out
	}
	audited := sbom.Meta{Provenance: func(string) sbom.Annotation { return sbom.Annotation{Provenance: "lock", LockFile: "a:b", LockLine: 3} }}
	for _, tt := range []struct{ got, want []string }{
		{keys(sbom.Meta{}), []string{"purl", "kind", "type", "name", "version", "path"}},
		{keys(sbom.Meta{}, "name", "version"), []string{"purl", "kind", "type", "path"}},
		{keys(audited, "purl", "kind", "type", "name", "version"), []string{"path", "provenance", "lock"}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFactErrors(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"files", "many", "depaudit:files: "},
		{"name", `"half`, "begins like a quoted text"},
		{"digest", "[]", "not a record"},
		{"digest", `{"alg":"\"half"}`, "begins like a quoted text"},
		{"install", "x", "not a record"},
		{"lock", "go.sum", "want FILE:LINE"},
		{"lock", "go.sum:x", "depaudit:lock: "},
		{"lock", `"half`, "begins like a quoted text"},
	} {
		var c sbom.Component
		var a sbom.Annotation
		if err := sbom.SetComponentFact(&c, &a, sbom.Fact{Key: tt.key, Value: tt.value}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%s: %v, want %q", tt.key, tt.value, err, tt.want)
		}
	}
	var c sbom.Component
	var a sbom.Annotation
	if err := sbom.SetComponentFact(&c, &a, sbom.Fact{Key: "of-a-later-version", Value: "x"}); err != nil {
		t.Errorf("an unknown key: %v", err)
	}
}

// TestRecordLeavesTheDocument checks that encoding does not change what it encodes.
func TestRecordLeavesTheDocument(t *testing.T) {
	os := sbom.OS{ID: "debian", IDLike: []string{"a\nb", "c"}}
	record := sbom.NewRecord(os)
	if strings.Contains(record, "\n") {
		t.Errorf("a record of several lines: %s", record)
	}
	if want := []string{"a\nb", "c"}; !slices.Equal(os.IDLike, want) {
		t.Errorf("the list became %q", os.IDLike)
	}
	var back sbom.OS
	if err := sbom.ParseRecord(record, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(os, back); diff != "" {
		t.Error(diff)
	}
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""}, {"libc6", "libc6"}, {"é", "é"}, {`back\slash`, `back\slash`}, {`in "quotes"`, `in "quotes"`},
		{`"quoted"`, `"\"quoted\""`}, {"a\nb", `"a\nb"`}, {"\x7f", `"\x7f"`}, {"a\u202eb", `"a\u202eb"`}, {"\xe9", `"\xe9"`}, {"\ufffd", "\ufffd"},
	} {
		got := sbom.Text(tt.in)
		if got != tt.want {
			t.Errorf("%q: %s, want %s", tt.in, got, tt.want)
		}
		if back, err := sbom.ParseText(got); err != nil || back != tt.in {
			t.Errorf("%q came back as %q, %v", tt.in, back, err)
		}
	}
	if _, err := sbom.ParseText(`"half`); err == nil {
		t.Error("half a literal was accepted")
	}
}

func TestSafePURL(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"pkg:npm/%40babel/core@7.26.0", "pkg:npm/%40babel/core@7.26.0"},
		{"pkg:deb/debian/a@1?arch=amd64&distro=debian-12", "pkg:deb/debian/a@1?arch=amd64&distro=debian-12"},
		{"pkg:generic/a b\n\x7fé", "pkg:generic/a%20b%0A%7F%C3%A9"},
	} {
		if got := sbom.SafePURL(tt.in); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestContentUUID(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`) // RFC 9562, section 4
	seen := map[string]bool{}
	for i := range 300 {
		content := []byte(strings.Repeat("x", i))
		id := sbom.ContentUUID(content)
		if !form.MatchString(id) || seen[id] || id != sbom.ContentUUID(content) {
			t.Fatalf("%d: %s", i, id)
		}
		seen[id] = true
	}
	// The first 128 bits of the SHA-256 of nothing, e3b0c442 98fc1c14 9afbf4c8 996fb924,
	// with the bits of version and variant.
	if got, want := sbom.ContentUUID(nil), "e3b0c442-98fc-8c14-9afb-f4c8996fb924"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestMeta(t *testing.T) {
	at := func(y int) *sbom.Meta {
		return &sbom.Meta{Created: time.Date(y, 4, 29, 13, 0, 0, 5, time.FixedZone("", 3600))}
	}
	if s, err := at(2024).Timestamp(); err != nil || s != "2024-04-29T12:00:00Z" {
		t.Error(s, err)
	}
	for _, y := range []int{-1, 0, 10_000} {
		if s, err := at(y).Timestamp(); err == nil {
			t.Errorf("year %d became %s", y, s)
		}
	}
	doc := &sbom.Document{Environment: sbom.Environment{Ref: "dir:\x1b"}}
	for _, tt := range []struct {
		meta sbom.Meta
		doc  *sbom.Document
		want string
	}{
		{sbom.Meta{Name: "build"}, doc, "build"},
		{sbom.Meta{}, doc, `"dir:\x1b"`},
		{sbom.Meta{}, &sbom.Document{}, "environment"},
	} {
		if got := tt.meta.Title(tt.doc); got != tt.want {
			t.Errorf("title %s, want %s", got, tt.want)
		}
	}
	for version, want := range map[string]string{
		"": "devel", "1.2.3-rc.1+dirty~x_y": "1.2.3-rc.1+dirty~x_y", "1 (evil)\nTool: x": "1--evil--Tool--x",
		strings.Repeat("1", 1000): strings.Repeat("1", 128),
	} {
		if got := (&sbom.Meta{ToolVersion: version}).Version(); got != want {
			t.Errorf("%.40q: %q, want %q", version, got, want)
		}
	}
}

func TestPlainDigests(t *testing.T) {
	sha1, sha256 := strings.Repeat("01", 20), strings.Repeat("ab", 32)
	d := func(algorithm, value, file string) sbom.Digest {
		return sbom.Digest{Algorithm: algorithm, Value: value, File: file, Proved: true}
	}
	got := sbom.PlainDigests([]sbom.Digest{
		d("sha256", sha256, "/a"), d("sha256", sha256, "/b"), // two records agree
		d("sha1", sha1, "/a"), d("sha1", strings.Repeat("02", 20), "/b"), // and two do not
		d("md5", sha1, "/a"), d("sha512", strings.Repeat("AB", 64), "/a"), // another length, another alphabet
		d("h1", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "/a"),
	})
	if diff := cmp.Diff([]sbom.Digest{{Algorithm: "sha256", Value: sha256}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestHashesOfParts: what apk and JSR record is the digest of a part of the artifact.
func TestHashesOfParts(t *testing.T) {
	sum := strings.Repeat("a", 64)
	for kind, want := range map[string]int{"apk": 0, "jsr": 0, "npm": 1} {
		c := &sbom.Component{ID: "x", Type: kind, Digests: []sbom.Digest{{Algorithm: "sha256", Value: sum}}}
		m := sbom.Meta{}
		if got := m.Hashes(c); len(got) != want {
			t.Errorf("%s: %v", kind, got)
		}
		if unknown := fmt.Sprint(m.Unknown(&sbom.Document{}, c)); strings.Contains(unknown, "hash") != (want == 0) {
			t.Errorf("%s: unknown %s", kind, unknown)
		}
	}
}

// TestHashes: the artifact that proves every file is the component's hash, before
// another value that the environment claims for the same algorithm.
func TestHashes(t *testing.T) {
	sha := func(c string) string { return strings.Repeat(c, 64) }
	c := &sbom.Component{ID: "x", Digests: []sbom.Digest{{Algorithm: "sha256", Value: sha("a"), File: "/record"}, {Algorithm: "sha1", Value: strings.Repeat("c", 40), File: "/record"}}}
	for artifact, want := range map[string]string{
		"":                   "sha256:" + sha("a") + " sha1:" + strings.Repeat("c", 40),
		"sha256:" + sha("b"): "sha256:" + sha("b") + " sha1:" + strings.Repeat("c", 40),
		"sha256:" + sha("b") + " sha256:" + sha("d"): "sha1:" + strings.Repeat("c", 40),
		"sha256:short h1:x":                          "sha256:" + sha("a") + " sha1:" + strings.Repeat("c", 40),
	} {
		m := sbom.Meta{Provenance: func(string) sbom.Annotation { return sbom.Annotation{Artifact: artifact} }}
		var got []string
		for _, d := range m.Hashes(c) {
			got = append(got, d.Algorithm+":"+d.Value)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("artifact %q: %q, want %q", artifact, got, want)
		}
	}
}
