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
		strings.Repeat("日本", 300), "e" + strings.Repeat("\u0301", 50), "\xff", strings.Repeat("word ", 5000), strings.Repeat(":", 300),
	}
	for _, width := range []int{0, 1, 40, 80, 200} {
		for _, color := range []bool{false, true} {
			s := NewPage(Options{Width: width, Color: color})
			for _, h := range hostile {
				s.Line("  ", h, Bold)
				s.Prose("- ", "  ", h, Faint)
				s.Pair("  ", h, h, false)
				s.Pair("  ", "short", h, true)
				s.List("    ", append(hostile, h))
				s.Table("  ", Table{Columns: []Column{{Title: "Name"}, {Title: "N", Right: true}, {Title: "Path", Path: true}, {Title: "More", Spare: true}}, Rows: [][]string{{h, "1", h, h}, {"b", "22", "/x", ""}}})
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
				case Width(line) > s.Width():
					t.Fatalf("width %d: %d cells: %q", s.Width(), Width(line), line)
				case strings.HasPrefix(strings.TrimSpace(bare), "::"), strings.Contains(bare, "##["):
					t.Fatalf("a command to a CI system: %q", line)
				case strings.ContainsAny(bare, "\x1b\u202e") || strings.Contains(bare, "\xff"), !color && bare != line:
					t.Fatalf("not neutralised: %q", line)
				}
			}
		}
	}
}

// TestLayout is what a sheet looks like.
func TestLayout(t *testing.T) {
	s := NewPage(Options{Width: 40})
	s.Line("", "A line that is cut because it is too long for it", Plain)
	s.Prose("* ", "  ", "A paragraph that is broken into several lines.", Plain)
	s.Pair("  ", "left", "right", false)
	s.Pair("  ", "left of a remark", "/a/path/that/is/too/long/to/be/shown", true)
	s.Pair("  ", strings.Repeat("full ", 7), "gives way", false)
	s.List("  ", []string{"words", "beside", "each", "other", "until", "the", "line", "ends"})
	s.Table("  ", Table{Columns: []Column{{Title: "Name"}, {Title: "Empty"}, {Title: "Count", Right: true}}, Rows: [][]string{{"x", "", "1"}, {"yy", "", "10"}}})
	var b strings.Builder
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	const want = `A line that is cut because it is too lo…
* A paragraph that is broken into
  several lines.
  left                             right
  left of a remark  …oo/long/to/be/shown
  full full full full full full full
  words  beside  each  other  until  the
  line  ends
  NAME  COUNT
  ────  ─────
  x         1
  yy       10
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
