package terminal

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
		if got := Cut(test.in, test.n); got != test.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", test.in, test.n, got, test.want)
		}
		if got := CutFront(test.in, test.n); got != test.front {
			t.Errorf("CutFront(%q, %d) = %q, want %q", test.in, test.n, got, test.front)
		}
	}
}

func TestCutMiddle(t *testing.T) {
	const path = "/usr/lib/python3/dist-packages/six.py"
	for n, want := range map[int]string{37: path, 20: "/usr/lib/…ges/six.py", 7: "/us….py", 3: "/…y", 2: "/…", 1: "…", 0: ""} {
		if got := CutMiddle(path, n); got != want || Width(got) > n {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for n := range 20 {
		if got := CutMiddle("世界/世e\u0301界/世界", n); Width(got) > n {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		in     string
		width  int
		want   []string
		screen []string
	}{
		{"", 10, nil, nil},
		{"one two three four", 9, []string{"one two", "three", "four"}, nil},
		{"one two three four", 100, []string{"one two three four"}, nil},
		// A digest is whole, except on a screen.
		{"a 0123456789abcdef b", 8, []string{"a", "0123456789abcdef", "b"}, []string{"a", "01234567", "89abcdef", "b"}},
		{"世界世界世界", 5, []string{"世界", "世界", "世界"}, nil},
		{"世界sha256:0123456789世界", 5, []string{"世界", "sha256:0123456789世界"}, []string{"世界s", "ha256", ":0123", "45678", "9世界"}},
		// Not in front of what a CI system might obey, or of a lonely mark.
		{"01234567::error::x", 8, []string{"01234567::error::x"}, []string{"0123456", "7::erro", "r::x"}},
		{"0123456e\u0903abc", 8, []string{"0123456e\u0903abc"}, []string{"0123456", "e\u0903abc"}},
		{"世界::error", 4, []string{"世", "界::error"}, []string{"世", "界::", "erro", "r"}},
	} {
		if test.screen == nil {
			test.screen = test.want
		}
		if got := Wrap(test.in, test.width); strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("Wrap(%q, %d) = %q, want %q", test.in, test.width, got, test.want)
		}
		if got := WrapScreen(test.in, test.width, test.width); strings.Join(got, "\n") != strings.Join(test.screen, "\n") {
			t.Errorf("WrapScreen(%q, %d) = %q, want %q", test.in, test.width, got, test.screen)
		}
	}
}

func FuzzWrap(f *testing.F) {
	for _, s := range naughty {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = max(width%200, MinWidth-len("  ")-len("unsure   "))
		text := Escape(s)
		for _, l := range Wrap(text, width) {
			if err := unsafeLine(l); err != "" {
				t.Errorf("%s in %+q", err, l)
			}
			if Width(l) > width && strings.Contains(l, " ") {
				t.Errorf("%d cells in %+q, %d wanted", Width(l), l, width)
			}
		}
		lines := WrapScreen(text, width, width)
		for _, l := range lines {
			if err := unsafeLine(l); err != "" {
				t.Errorf("%s in %+q", err, l)
			}
			if n := Width(l); n > width {
				t.Errorf("%d cells in %+q, %d wanted", n, l, width)
			}
		}
		if strip(strings.Join(lines, "")) != strip(text) {
			t.Errorf("%+q was wrapped into %+q", text, lines)
		}
		if got := Cut(text, width); Width(got) > width || unsafeLine(got) != "" {
			t.Errorf("cut to %d: %+q", width, got)
		}
		if got := CutMiddle(text, width); Width(got) > width || unsafeLine(got) != "" {
			t.Errorf("CutMiddle to %d: %+q", width, got)
		}
		if got := CutFront(text, width); Width(got) > width || unsafeLine(got) != "" {
			t.Errorf("cutFront to %d: %+q", width, got)
		}
	})
}

func strip(s string) string { return strings.ReplaceAll(s, " ", "") }

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "", 0: "", 1: "1 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB", 1_500_000_000: "1.5 GB", 1 << 62: "4.6 EB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
