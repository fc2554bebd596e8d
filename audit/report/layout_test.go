package report

import (
	"strings"
	"testing"
)

func TestCut(t *testing.T) {
	for _, test := range []struct {
		in          string
		n           int
		want, front string
	}{
		{"abcdef", 6, "abcdef", "abcdef"},
		{"abcdef", 5, "abcd…", "…cdef"},
		{"abcdef", 1, "…", "…"},
		{"abcdef", 0, "", ""},
		{"世界世界", 8, "世界世界", "世界世界"},
		{"世界世界", 7, "世界世…", "…界世界"},
		{"世界世界", 6, "世界…", "…世界"},
		{"ae\u0301io\u0301u", 4, "ae\u0301i…", "…io\u0301u"},
		{"ae\u0301io\u0301u", 3, "ae\u0301…", "…o\u0301u"},
	} {
		if got := cut(test.in, test.n); got != test.want {
			t.Errorf("cut(%q, %d) = %q, want %q", test.in, test.n, got, test.want)
		}
		if got := cutFront(test.in, test.n); got != test.front {
			t.Errorf("cutFront(%q, %d) = %q, want %q", test.in, test.n, got, test.front)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		in    string
		width int
		want  []string
	}{
		{"", 10, nil},
		{"one two three four", 9, []string{"one two", "three", "four"}},
		{"one two three four", 100, []string{"one two three four"}},
		{"a 0123456789abcdef b", 8, []string{"a", "01234567", "89abcdef", "b"}},
		{"世界世界世界", 5, []string{"世界", "世界", "世界"}},
		// Not in front of what a CI system might obey, or of a lonely mark.
		{"01234567::error::x", 8, []string{"0123456", "7::erro", "r::x"}},
		{"0123456e\u0903abc", 8, []string{"0123456", "e\u0903abc"}},
	} {
		got := wrap(test.in, test.width)
		if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("wrap(%q, %d) = %q, want %q", test.in, test.width, got, test.want)
		}
	}
}

func FuzzWrap(f *testing.F) {
	for _, s := range naughty {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = max(width%200, minWidth-len(indent)-label)
		text := Terminal(s)
		lines := wrap(text, width)
		for _, l := range lines {
			if err := unsafeLine(l); err != "" {
				t.Errorf("%s in %+q", err, l)
			}
			if n := cells(l); n > width {
				t.Errorf("%d cells in %+q, %d wanted", n, l, width)
			}
		}
		if strip(strings.Join(lines, "")) != strip(text) {
			t.Errorf("%+q was wrapped into %+q", text, lines)
		}
		if got := cut(text, width); cells(got) > width || unsafeLine(got) != "" {
			t.Errorf("cut to %d: %+q", width, got)
		}
		if got := cutFront(text, width); cells(got) > width || unsafeLine(got) != "" {
			t.Errorf("cutFront to %d: %+q", width, got)
		}
	})
}

func strip(s string) string { return strings.ReplaceAll(s, " ", "") }
