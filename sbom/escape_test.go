package sbom_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/exporttest"
)

func TestEscape(t *testing.T) {
	for raw, want := range map[string]string{
		"":                             "",
		"plain é \U0001f4a9\u2028\x00": "plain é \U0001f4a9\u2028\x00",
		"\ufffd":                       "\ufffd", // valid: the character, not a replacement
		"\x80":                         `\x80`,
		"a\xffb":                       `a\xffb`,
		"\xed\xa0\x80":                 `\xed\xa0\x80`, // a surrogate, which is no UTF-8
		"caf\xe9":                      `caf\xe9`,
		`\x80`:                         `\x5cx80`,
		`\x5c`:                         `\x5cx5c`,
		`\x5cx80`:                      `\x5cx5cx80`,
		`\\x80`:                        `\\x5cx80`,
		"\\\x80":                       `\\x80`,
		`\x8` + "\xff":                 `\x8\xff`,
		// These are no escapes, so that nothing has to be escaped.
		`a\b`: `a\b`, `\x2d`: `\x2d`, `\x7f`: `\x7f`, `\xFF`: `\xFF`, `\x8`: `\x8`, `\`: `\`,
		`/lib/systemd/system/system-systemd\x2dcryptsetup.slice`: `/lib/systemd/system/system-systemd\x2dcryptsetup.slice`,
	} {
		got := sbom.Escape(raw)
		if got != want {
			t.Errorf("Escape(%q) = %s, want %s", raw, got, want)
		}
		checkEscape(t, raw)
	}
}

// checkEscape checks the properties of the form for one raw string.
func checkEscape(t *testing.T, raw string) {
	t.Helper()
	form := sbom.Escape(raw)
	if !utf8.ValidString(form) {
		t.Errorf("Escape(%q) = %q is not UTF-8", raw, form)
	}
	if back := sbom.Unescape(form); back != raw {
		t.Errorf("Unescape(Escape(%q)) = %q", raw, back)
	}
	if again := sbom.EscapeInput(form); again != form {
		t.Errorf("%q: the printed form %q is read as %q", raw, form, again)
	}
	if !utf8.ValidString(raw) {
		if typed := sbom.EscapeInput(raw); typed != form {
			t.Errorf("the raw bytes %q are read as %q, want %q", raw, typed, form)
		}
	}
	if text := sbom.ValidText(raw); !utf8.ValidString(text) || sbom.ValidText(text) != text {
		t.Errorf("ValidText(%q) = %q", raw, text)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"\x80", `\x80`, `\x5c`, `\x5cx80`, "a\xff\\x", `\\x5c5cx80`, "\xc3\xa9\xc3"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		checkEscape(t, a)
		if (sbom.Escape(a) == sbom.Escape(b)) != (a == b) {
			t.Errorf("%q and %q have the form %q", a, b, sbom.Escape(a))
		}
		// An identity is made of parts, escaped or not.
		c := sbom.Component{Kind: sbom.KindOS, Type: a, Namespace: b, Name: a, Version: b, Arch: a}
		raw := sbom.Identity(&c)
		c.Type, c.Namespace, c.Name, c.Version, c.Arch = sbom.Escape(a), sbom.Escape(b), sbom.Escape(a), sbom.Escape(b), sbom.Escape(a)
		if got := sbom.Identity(&c); got != sbom.Escape(raw) {
			t.Errorf("the identity of escaped parts is %q, the escaped identity %q", got, sbom.Escape(raw))
		}
	})
}

// TestOneByteNames checks that 128 files whose names are one byte, 0x80 to
// 0xff, are 128 components also after a round trip through JSON, and 128 more
// that are literally named like their forms are others.
func TestOneByteNames(t *testing.T) {
	d := document()
	for b := 0x80; b <= 0xff; b++ {
		for _, name := range []string{string([]byte{byte(b)}), fmt.Sprintf(`\x%02x`, b)} {
			d.Components = append(d.Components, sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: name, Paths: []string{"/opt/" + name}})
		}
	}
	doc, err := sbom.New(d)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(throughJSON(t, doc).Components); n != 256 {
		t.Errorf("%d components, want 256", n)
	}
	if c := doc.Component(`generic/\xff?path=/opt/\xff`); c == nil || c.Paths[0] != `/opt/\xff` {
		t.Errorf("the file 0xff is %v", c)
	}
}

// throughJSON returns the document after encoding and decoding, and checks
// that it is the same.
func throughJSON(t testing.TB, doc *sbom.Document) *sbom.Document {
	t.Helper()
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var d sbom.Document
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	back, err := sbom.Restore(d)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(doc, back) {
		t.Errorf("after a round trip through JSON (-before +after):\n%s", cmp.Diff(doc, back))
	}
	return back
}

// TestRoundTrip checks that JSON keeps what New made, for hostile documents
// and for arbitrary ones.
func TestRoundTrip(t *testing.T) {
	hostile, _ := exporttest.Hostile()
	throughJSON(t, hostile)
	for i := range 200 {
		doc, _ := exporttest.Arbitrary([]byte{byte(i), '\n', 0x80, '\n', '\\', 'x', '8', '0'})
		throughJSON(t, doc)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("\x80\n\\x80\n\xff/\\x5c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, _ := exporttest.Arbitrary(data)
		throughJSON(t, doc)
	})
}

// TestNewEscapesEveryString sets every string of a document to bytes that are
// not UTF-8, by reflection, so that a new field cannot be forgotten.
func TestNewEscapesEveryString(t *testing.T) {
	d := document(pkg("a", "1"))
	fill(reflect.ValueOf(&d).Elem())
	doc, err := sbom.New(d)
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, reflect.ValueOf(doc).Elem(), "Document"); n < 50 {
		t.Errorf("only %d strings were checked", n)
	}
	// The caller's document stays as it is.
	if d.Components[0].Paths[0] != "\xff" || d.Components[0].Install.URL != "\xff" || d.Environment.OS.IDLike[0] != "\xff" {
		t.Errorf("New changed its argument: %+v", d.Components[0])
	}
	if _, err := sbom.Restore(d); err == nil || !strings.Contains(err.Error(), "not valid UTF-8") {
		t.Errorf("restored a document that New did not make: %v", err)
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("\xff")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "Owner" {
				continue // a component that is bundled in itself is refused
			}
			fill(v.Field(i))
		}
	}
}

func count(t *testing.T, v reflect.Value, at string) int {
	n := 0
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); s != `\xff` && !strings.HasSuffix(at, ".Owner") {
			t.Errorf("%s is %q", at, s)
		}
		return 1
	case reflect.Pointer:
		return count(t, v.Elem(), at)
	case reflect.Slice:
		for i := range v.Len() {
			n += count(t, v.Index(i), at+"[]")
		}
	case reflect.Struct:
		for i := range v.NumField() {
			n += count(t, v.Field(i), at+"."+v.Type().Field(i).Name)
		}
	}
	return n
}
