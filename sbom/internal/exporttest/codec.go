package exporttest

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/depaudit/depaudit/sbom"
)

// Codec has the functions of an exchange format that its tests use.
type Codec struct {
	Encode func(io.Writer, *sbom.Document, sbom.Meta) error
	Decode func(data []byte) (*sbom.Document, sbom.Meta, error)
	// Read reads documents of any origin.
	Read func(data []byte) (*sbom.Document, error)
	// Valid checks an encoded document against the format's official schema.
	Valid func(data []byte) error
	// References checks two rules that the schema does not have: every
	// identifier is used once, and every reference leads to an element.
	References func(data []byte) error
	// PURLs and Footprint read an encoded document as a tool would that knows the
	// format and not depaudit: all package URLs, and the number of components
	// that count.
	PURLs     func(t testing.TB, data []byte) []string
	Footprint func(t testing.TB, data []byte) int
	// Golden is the file with the encoded [Small] document.
	Golden string
}

// Run checks every promise of an exchange format.
func Run(t *testing.T, c Codec) {
	documents := map[string]func() (*sbom.Document, sbom.Meta){
		"small": Small, "hostile": Hostile,
		"large": func() (*sbom.Document, sbom.Meta) { return Large(200) },
		"empty": func() (*sbom.Document, sbom.Meta) {
			return must(sbom.Document{Environment: sbom.Environment{Kind: "dir"}}), sbom.Meta{Created: time.Unix(0, 0)}
		},
		"container": func() (*sbom.Document, sbom.Meta) {
			return must(sbom.Document{Environment: sbom.Environment{Kind: "oci", Ref: "oci:x"}}), sbom.Meta{Created: time.Unix(0, 0)}
		},
	}
	for name, make := range documents {
		t.Run(name, func(t *testing.T) {
			d, m := make()
			c.Check(t, d, m)
		})
	}
	t.Run("arbitrary", func(t *testing.T) {
		rounds := 25 // a hundred take ten seconds
		if os.Getenv("DEPAUDIT_E2E") != "" {
			rounds = 100
		}
		for i := range rounds {
			d, m := Arbitrary([]byte{byte(i), '\n', 'a'})
			c.Check(t, d, m)
		}
	})
	t.Run("golden", c.golden)
	t.Run("order", c.order)
	t.Run("identifier", c.identifier)
	t.Run("date", c.date)
	t.Run("one write", c.oneWrite)
}

// Check checks the properties of one encoded document.
func (c Codec) Check(t testing.TB, d *sbom.Document, m sbom.Meta) {
	t.Helper()
	data := c.encode(t, d, m)
	if err := c.Valid(data); err != nil {
		t.Errorf("not valid by the schema: %v\n%.3000s", err, data)
	}
	if err := c.References(data); err != nil {
		t.Errorf("references: %v\n%.3000s", err, data)
	}
	if again := c.encode(t, d, m); !bytes.Equal(data, again) {
		t.Errorf("encoded twice, differs:\n%s", cmp.Diff(string(data), string(again)))
	}
	var want []string
	count := 0
	for _, component := range d.Components {
		if component.PURL != "" {
			want = append(want, sbom.SafePURL(component.PURL))
		}
		if component.Counts() {
			count++
		}
	}
	slices.Sort(want)
	got := c.PURLs(t, data)
	slices.Sort(got)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("package URLs (-document +encoded):\n%s", diff)
	}
	if got := c.Footprint(t, data); got != count {
		t.Errorf("a reader of the format counts %d components, the document has %d", got, count)
	}
	back, meta, err := c.Decode(data)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	if diff := cmp.Diff(d, back, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("read back, differs (-before +after):\n%s", diff)
	}
	c.checkRead(t, d, data)
	if again := c.encode(t, back, meta); !bytes.Equal(data, again) {
		t.Errorf("read back and encoded again, differs:\n%s", cmp.Diff(string(data), string(again)))
	}
}

// checkRead checks that Read returns the document that was encoded, in every
// layout, and reads it as a third-party document with a gap when one character is
// changed.
func (c Codec) checkRead(t testing.TB, d *sbom.Document, data []byte) {
	t.Helper()
	want := *d
	want.Environment.Kind = "sbom"
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		t.Fatal(err)
	}
	for _, layout := range [][]byte{data, compact.Bytes(), sorted(t, data)} {
		back, err := c.Read(layout)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if diff := cmp.Diff(&want, back, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("read, differs (-before +after):\n%s", diff)
		}
	}
	// Every document has a date, and no other field depends on it.
	date := regexp.MustCompile(`"([0-9]{4})(-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z")`)
	changed := date.ReplaceAll(data, []byte(`"1999$2`))
	if bytes.Equal(data, changed) {
		t.Fatal("no date to change")
	}
	back, err := c.Read(changed)
	if err != nil {
		return // a third-party document with such names may be refused
	}
	if !slices.ContainsFunc(back.Gaps, func(g sbom.Gap) bool { return strings.Contains(g.Detail, "was changed since") }) {
		t.Errorf("changed, and no gap: %v", back.Gaps)
	}
}

// sorted returns a JSON text with the keys of its objects in alphabetical order, as
// "jq -S" writes it.
func sorted(t testing.TB, data []byte) []byte {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(value, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (c Codec) encode(t testing.TB, d *sbom.Document, m sbom.Meta) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := c.Encode(&b, d, m); err != nil {
		t.Fatalf("encode: %v", err)
	}
	return b.Bytes()
}

func (c Codec) golden(t *testing.T) {
	d, m := Small()
	data := c.encode(t, d, m)
	path := filepath.Join("testdata", c.Golden)
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(c.goldenFile(t)), string(data)); diff != "" {
		t.Errorf("differs from %s; if that is meant, run go test with -update:\n%s", path, diff)
	}
}

// order checks that the order of findings does not change the bytes.
func (c Codec) order(t *testing.T) {
	d, m := Small()
	want := c.encode(t, d, m)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		s := *d
		s.Components = slices.Clone(d.Components)
		s.Relations = slices.Clone(d.Relations)
		rnd.Shuffle(len(s.Components), func(i, j int) { s.Components[i], s.Components[j] = s.Components[j], s.Components[i] })
		rnd.Shuffle(len(s.Relations), func(i, j int) { s.Relations[i], s.Relations[j] = s.Relations[j], s.Relations[i] })
		if got := c.encode(t, must(s), m); !bytes.Equal(want, got) {
			t.Fatalf("shuffled, differs:\n%s", cmp.Diff(string(want), string(got)))
		}
	}
}

// identifier checks that the identifier changes with the content only.
func (c Codec) identifier(t *testing.T) {
	d, m := Small()
	before := uuids(c.encode(t, d, m))
	if len(before) != 1 {
		t.Fatalf("want one UUID in the document, got %v", before)
	}
	m.Name = "other"
	if after := uuids(c.encode(t, d, m)); slices.Equal(before, after) {
		t.Errorf("another content, the same identifier %v", after)
	}
}

func (c Codec) date(t *testing.T) {
	d, m := Small()
	for _, bad := range []time.Time{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)} {
		m.Created = bad
		var b bytes.Buffer
		if err := c.Encode(&b, d, m); err == nil || b.Len() > 0 {
			t.Errorf("%v: want an error and nothing written, got %v and %d bytes", bad, err, b.Len())
		}
	}
	m.Created = time.Date(2024, 4, 29, 14, 30, 0, 999, time.FixedZone("", 2*3600))
	if data := c.encode(t, d, m); !bytes.Contains(data, []byte(`"2024-04-29T12:30:00Z"`)) {
		t.Error("the date is not in UTC without fractions")
	}
}

// oneWrite checks that an encoder calls Write once, so that an encoder that fails
// has written nothing.
func (c Codec) oneWrite(t *testing.T) {
	d, m := Small()
	w := &countingWriter{}
	if err := c.Encode(w, d, m); err != nil || w.writes != 1 {
		t.Errorf("%d writes, error %v", w.writes, err)
	}
	if err := c.Encode(fullWriter{}, d, m); err == nil {
		t.Error("a short write returns no error")
	}
}

type countingWriter struct{ writes int }

func (w *countingWriter) Write(p []byte) (int, error) { w.writes++; return len(p), nil }

type fullWriter struct{}

func (fullWriter) Write(p []byte) (int, error) { return len(p) / 2, io.ErrShortWrite }

func uuids(data []byte) []string {
	all := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`).FindAllString(string(data), -1)
	slices.Sort(all)
	return slices.Compact(all)
}
