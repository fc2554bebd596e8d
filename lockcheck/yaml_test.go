package lockcheck

import (
	"strings"
	"testing"
)

func yamlDocs(t *testing.T, text string) ([]*document, error) {
	t.Helper()
	return parseYAML(t.Context(), newSource("a.yaml", []byte(text)))
}

// TestYAML checks that scalars keep their text, that aliases and merged keys are
// resolved, and that values have their place.
func TestYAML(t *testing.T) {
	docs, err := yamlDocs(t, "é: x\nv: 1.10\nq: '1.10'\nb: true\nn: ~\nbase: &b {k: 1, l: 2}\nm:\n  <<: *b\n  k: 3\nl: [*b, x]\n---\nsecond: 1\n")
	if err != nil || len(docs) != 2 {
		t.Fatal(len(docs), err)
	}
	d := docs[0]
	for key, want := range map[string]struct {
		kind nodeKind
		text string
	}{"v": {nodeNumber, "1.10"}, "q": {nodeString, "1.10"}, "b": {nodeBool, "true"}, "n": {nodeNull, "~"}} {
		if n := d.root.get(key); n.kind != want.kind || n.text != want.text {
			t.Errorf("%s is %v %q", key, n.kind, n.text)
		}
	}
	if m := d.root.get("m"); m.get("k").text != "3" || m.get("l").text != "2" {
		t.Errorf("merged %+v", m)
	}
	if l := d.root.get("l"); l.items[0].get("k").text != "1" {
		t.Errorf("alias %+v", l)
	}
	if at := d.root.get("é").offset; d.data[at] != 'x' {
		t.Errorf("é is at %d", at)
	}
	if line := docs[1].line(docs[1].root.get("second").offset); line != 12 {
		t.Errorf("second is on line %d", line)
	}
}

// TestYAMLRefused checks the errors and the limits.
// TestYAMLBreaks puts a line break that readers disagree about into a comment.
func TestYAMLBreaks(t *testing.T) {
	for _, br := range []string{"\r", "\u0085", "\u2028", "\u2029"} {
		if _, err := yamlDocs(t, "a: 1\n# x"+br+"b: 2\n"); err == nil || !strings.HasPrefix(err.Error(), "a.yaml:2:4: a character that some readers") {
			t.Errorf("%q: %v", br, err)
		}
	}
	if docs, err := yamlDocs(t, "a: 1\r\nb: \u00e9\u2014\r\n"); err != nil || docs[0].root.get("b") == nil {
		t.Error(err)
	}
}

func TestYAMLRefused(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 8 {
		from, to := string(rune('a'+i)), string(rune('b'+i))
		bomb += to + ": &" + to + " [" + strings.Repeat("*"+from+", ", 9) + "*" + from + "]\n"
	}
	for text, want := range map[string]string{
		"a: 1\nb: 2\na: 3\n":     "a.yaml:3:1: the key \"a\" is there twice",
		"a: [1\nb: 2\n":          "a.yaml:1: malformed YAML: ",
		"? [a]\n: 1\n":           "a key that is no text",
		"a: &a [*a]\n":           "a.yaml:1",
		bomb:                     "more than 2000000 values",
		strings.Repeat("[", 300): "a.yaml:1",
		"a:\n" + strings.Repeat("- ", 300) + "x\n": "nested deeper than 200 levels",
	} {
		if _, err := yamlDocs(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
}

// TestPlainJSON checks that JSON with comments and commas keeps the places of its
// values, and that deep nesting is refused without recursion.
func TestPlainJSON(t *testing.T) {
	src := newSource("a", []byte("{ // it's \"open\n  \"a\": [1, /* x */ 2,],\n}\n"))
	doc, err := parseJSON(t.Context(), plainJSON(src))
	if err != nil {
		t.Fatal(err)
	}
	if a := doc.root.get("a"); len(a.items) != 2 || doc.line(a.offset) != 2 {
		t.Errorf("%+v", a)
	}
	deep := newSource("a", []byte(strings.Repeat("[", 1<<20)))
	if _, err := parseJSON(t.Context(), plainJSON(deep)); err == nil || !strings.Contains(err.Error(), "nested more than 200 deep") {
		t.Error(err)
	}
	quoted := newSource("a", []byte(`{"a": "`+strings.Repeat(`[\"`, 500)+`",}`))
	if _, err := parseJSON(t.Context(), plainJSON(quoted)); err != nil {
		t.Error(err)
	}
}
