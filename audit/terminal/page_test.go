package terminal

import (
	"strings"
	"testing"
)

// TestPage: nothing that is put into a sheet gets out of its width, its line
// or its cell.
func TestPage(t *testing.T) {
	hostile := []string{
		"", "a", "plain words", "\x1b[31mred", "a\n::error::b", "::error::c", "x \u202e y", "##[error]", strings.Repeat("long", 5000),
		strings.Repeat("日本", 300), "e" + strings.Repeat("\u0301", 50), "\xff", strings.Repeat("word ", 150), strings.Repeat(":", 300),
	}
	for _, width := range []int{0, 1, 40, 80, 200} {
		for _, mode := range []Options{{}, {Color: true}, {Cut: true}, {Cut: true, Color: true}} {
			mode.Width = width
			color := mode.Color
			s := NewPage(mode)
			for _, h := range hostile {
				s.Line("  ", h, Bold)
				s.Prose("- ", "  ", h, Faint)
				s.Pair("  ", h, h, false)
				s.Pair("  ", "short", h, true)
				s.List("    ", append(hostile, h))
				s.Table("  ", Table{Columns: []Column{{Title: "Name"}, {Title: "N", Right: true}, {Title: "Path", Path: true}, {Title: "More", Spare: 1}}, Rows: [][]string{{h, "1", h, h}, {"b", "22", "/x", ""}}})
				s.Blank()
			}
			var b strings.Builder
			if _, err := s.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				line = strings.TrimSuffix(line, "\n")
				bare := strings.NewReplacer("\x1b[1m", "", "\x1b[2m", "", "\x1b[0m", "").Replace(line)
				switch {
				case !mode.Cut && strings.Contains(line, "…") && Width(line) < maxText:
					t.Fatalf("cut in a log: %.100q", line)
				case Width(line) > s.Width() && len(strings.Fields(bare)) > 2:
					t.Fatalf("width %d: %d cells: %.200q", s.Width(), Width(line), line)
				case strings.HasPrefix(strings.TrimSpace(bare), "::"), strings.Contains(bare, "##["):
					t.Fatalf("a command to a CI system: %q", line)
				case strings.ContainsAny(bare, "\x1b\u202e") || strings.Contains(bare, "\xff"), !color && bare != line:
					t.Fatalf("not neutralised: %q", line)
				}
			}
		}
	}
}

// TestMarkdownPage checks that no text is more than text in a Markdown document, that
// all of it is there, and that a limit is kept and told.
func TestMarkdownPage(t *testing.T) {
	fill := func(s *Page, h string) {
		s.Line("", h, Bold)
		s.Line("  ", h, Plain)
		s.Prose("", "  ", h, Plain)
		s.Prose("  unsure: ", "  ", h, Plain)
		s.Pair("", h, h, false)
		s.List("  ", []string{h, "b"})
		s.Blank()
		s.Table("  ", Table{Columns: []Column{{Title: "Name"}, {Title: "N", Right: true}, {Title: "More", Spare: 1}}, Rows: [][]string{{h, h, h}, {"b", "22", ""}}})
	}
	for _, h := range append([]string{"plain", "a|b`c", "<b>", "[x](y)", "# h", "- i", "| a |", "~~~", "::error::x", "a\n\n# b", "@octocat #123", "***", "1. x", "&amp;", "\\", "---", "(", ":smile:", "(@a", "x:"}, naughty...) {
		for _, limit := range []int{0, 400} {
			s := NewPage(Options{Markdown: true, MaxBytes: limit})
			fill(s, h)
			var b strings.Builder
			if _, err := s.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			if limit > 0 && len(got) > limit {
				t.Errorf("%d bytes of %d for %q", len(got), limit, h)
			}
			if limit > 0 && len(h) > 200 && !strings.Contains(got, "more lines do not fit") {
				t.Errorf("cut without a word for %.20q:\n%s", h, got)
			}
			for line := range strings.Lines(got) {
				line = strings.TrimSuffix(line, "\n")
				if err := unsafeLine(line); err != "" {
					t.Errorf("%s in %q", err, line)
				}
				text := strings.TrimPrefix(strings.TrimPrefix(strings.TrimLeft(line, " "), "- "), "## ")
				if strings.HasPrefix(text, "|") {
					text = strings.NewReplacer("|", " ", ":--", "", "--:", "").Replace(text)
				}
				for i, piece := range strings.Split(text, "`") {
					if j := strings.IndexAny(piece, "<>&@#*_~[]$\\|{}=\"^%"); i%2 == 0 && j >= 0 {
						t.Errorf("%q outside of code in %q", piece[j], line)
					}
				}
				if strings.Count(text, "`")%2 != 0 {
					t.Errorf("backquotes that do not pair: %q", line)
				}
			}
		}
	}
}

// TestLayout is what a sheet looks like on a terminal and in a log.
func TestLayout(t *testing.T) {
	for _, test := range []struct {
		options Options
		want    string
	}{{Options{Width: 40, Cut: true}, onTerminal}, {Options{Width: 40}, inLog}} {
		got := layoutOf(t, test.options)
		if got != test.want {
			t.Errorf("got\n%s\nwant\n%s", got, test.want)
		}
	}
}

func layoutOf(t *testing.T, o Options) string {
	s := NewPage(o)
	s.Line("", "A line that is cut because it is too long for it", Plain)
	s.Prose("* ", "  ", "A paragraph that is broken into several lines.", Plain)
	s.Pair("  ", "left", "right", false)
	s.Pair("  ", "left of a remark", "/a/path/that/is/too/long/to/be/shown", true)
	s.Pair("  ", strings.Repeat("full ", 7), "gives way", false)
	s.List("  ", []string{"words", "beside", "each", "other", "until", "the", "line", "ends"})
	s.Table("  ", Table{Columns: []Column{{Title: "Name"}, {Title: "Empty"}, {Title: "Count", Right: true}}, Rows: [][]string{{"x", "", "1"}, {"yy", "", "10"}}})
	s.Table("  ", Table{Columns: []Column{{Title: "Name"}, {Title: "Count", Right: true}, {Title: "Reason"}, {Title: "Where", Path: true, Spare: 1}}, Rows: [][]string{
		{"x", "1", "a reason of several words", "/usr/lib/x"},
		{"a-name-that-is-longer", "22", "short", "/usr/lib/python3/dist-packages/a-name-that-is-longer"},
	}})
	var b strings.Builder
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const onTerminal = `A line that is cut because it is too lo…
* A paragraph that is broken into
  several lines.
  left                             right
  left of a remark  /a/path/t…o/be/shown
  full full full full full full full
  words  beside  each  other  until  the
  line  ends
  NAME  COUNT
  ────  ─────
  x         1
  yy       10
  NAME           COUNT  REASON
  ─────────────  ─────  ──────────────
  x                  1  a reason of s…
  a-name-that-…     22  short
`

const inLog = `A line that is cut because it is too
  long for it
* A paragraph that is broken into
  several lines.
  left                             right
  left of a remark
      /a/path/that/is/too/long/to/be/shown
  full full full full full full full
      gives way
  words  beside  each  other  until  the
  line  ends
  NAME  COUNT
  ────  ─────
  x         1
  yy       10
  NAME                   COUNT
  ─────────────────────  ─────
  x                          1
      where /usr/lib/x
      reason a reason of several words
  a-name-that-is-longer     22
      reason short
      /usr/lib/python3/dist-packages/a-name-that-is-longer
`
