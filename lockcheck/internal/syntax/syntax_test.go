package syntax

import (
	"errors"
	"strings"
	"testing"
)

// TestNesting has texts whose depth a reader of the library would follow: brackets
// in strings and comments open nothing, and close nothing.
func TestNesting(t *testing.T) {
	for text, want := range map[string]int{
		"":                                0,
		"[[]]":                            2,
		`{"[[[[": ["]]", "\"[["]}`:        2,
		"/* \" */ [[[":                    3,
		"// \"\n[[[":                      3,
		"// [[[[\n[":                      1,
		"/* [[[[ */ [":                    1,
		"/* // */ [[":                     2,
		"// /*\n[[ // */":                 2,
		`["//", "/*", [`:                  2,
		`[" // ", ["]]]]", ["]]]]", [`:    4,
		strings.Repeat(`["]]]]",`, 1000):  1000,
		strings.Repeat("/* \" */[", 1000): 1000,
		strings.Repeat("[//\"\n", 1000):   1000,
		"/* unfinished [[[":               0,
		`"unfinished [[[`:                 0,
		`"a` + "\n" + `[[[`:               3, // no string has a line break
	} {
		if got := nesting([]byte(text)); got != want {
			t.Errorf("%.40q: %d, want %d", text, got, want)
		}
	}
}

func TestPlainJSON(t *testing.T) {
	for text, want := range map[string]string{
		"{\"a\": 1, // one\n}": "{\"a\": 1        \n}",
		`{"a": "// no"}`:       `{"a": "// no"}`,
		"no JSON":              "no JSON",
		"[[[[[1,]]]]]":         "[[[[[1,]]]]]", // deeper than allowed
	} {
		if got := string(PlainJSON([]byte(text), 4)); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestYAMLError(t *testing.T) {
	long := strings.Repeat("é", MaxQuoted)
	for text, want := range map[string]struct {
		line int
		msg  string
	}{
		"yaml: line 3: bad":     {3, "bad"},
		"yaml: line 900: bad":   {9, "bad"},
		"yaml: bad":             {1, "bad"},
		"yaml: line 2: " + long: {2, long[:MaxQuoted] + "…"},
	} {
		if line, msg := YAMLError(errors.New(text), 9); line != want.line || msg != want.msg {
			t.Errorf("%q: %d, %q", text, line, msg)
		}
	}
}
