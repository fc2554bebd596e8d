package wording

import (
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 files", 1: "1 file", 2: "2 files", 999: "999 files", 1000: "1,000 files", 13214: "13,214 files", 1234567: "1,234,567 files", -1: "-1 files", -100: "-100 files", -1000: "-1,000 files"} {
		if got := Count(n, "file", "files"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"table", "markdown", "json", "environment", "locks", "x"}
	for word, want := range map[string]string{
		"tabel": "table", "jsno": "json", "jso": "json", "mardown": "markdown", "enviroment": "environment", "lcoks": "locks",
		"Environment": "environment", "mark-down": "markdown", "xml": "", "": "", "y": "", "t": "", strings.Repeat("table", 1000): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abc", "acb", 1}, {"ca", "abc", 3}, {"same", "same", 0}} {
		if got := Distance(test.a, test.b); got != test.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

// FuzzDistance checks that the distance is 0 for equal strings only, is the
// same in both directions, and is within the bounds that the lengths give.
func FuzzDistance(f *testing.F) {
	f.Add("kitten", "sitting")
	f.Add("", "\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > maxWord || len(b) > maxWord {
			return
		}
		d := Distance(a, b)
		if (d == 0) != (a == b) || d != Distance(b, a) || d > max(len(a), len(b)) || d < max(len(a), len(b))-min(len(a), len(b)) {
			t.Errorf("Distance(%q, %q) = %d", a, b, d)
		}
	})
}
