package config

import (
	"testing"

	goccy "github.com/goccy/go-yaml"
	"go.yaml.in/yaml/v3"
)

// TestScalar reads what was written with two parsers, in a block and in brackets.
func TestScalar(t *testing.T) {
	for _, s := range []string{
		"", " ", "a", "requirements.txt", "yes", "NULL", "~", "1.10", "0x1f", "1_000", "1e3", "12:30", ".inf", "-", "- a", "?", "a: b", "a:", "a #b", "#a",
		"a, b", "a]b", "[a]", "{a}", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a`", "it's", `"a"`, `a\b`, "a\nb", "a\tb", "a\x00b", "a\u0085b", "a\u2028b",
		"\ufeffa", "café", "日本", "<<", "=", "2026-11-28T10:00:00Z", "pkg:npm/%40a/b@1", "https://example.org/a?b=c#d", "a ", " a", "y", "Off",
	} {
		for _, text := range []string{"k: " + Scalar(s, false) + "\n", "k: [" + Scalar(s, true) + "]\n", "k:\n- " + Scalar(s, false) + "\n"} {
			for name, unmarshal := range map[string]func([]byte, any) error{
				"goccy": func(b []byte, v any) error { return goccy.Unmarshal(b, v) },
				"yaml":  func(b []byte, v any) error { return yaml.Unmarshal(b, v) },
			} {
				var doc map[string]any
				if err := unmarshal([]byte(text), &doc); err != nil {
					t.Errorf("%s: %q: %v", name, text, err)
					continue
				}
				got := doc["k"]
				if list, ok := got.([]any); ok && len(list) == 1 {
					got = list[0]
				}
				if got != s {
					t.Errorf("%s: %q is read as %#v, not %q", name, text, got, s)
				}
			}
		}
	}
}
