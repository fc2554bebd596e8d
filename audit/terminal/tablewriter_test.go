package terminal

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwarp"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// TestTablewriter shows what tablewriter does with tables of this program when
// it is left to do it alone, and so why this package does it. When a part of
// it fails after an upgrade, that part of this package can go.
func TestTablewriter(t *testing.T) {
	draw := func(row []string, opts ...tablewriter.Option) string {
		t.Helper()
		var out bytes.Buffer
		table := tablewriter.NewTable(&out, append([]tablewriter.Option{
			tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithRowAutoWrap(tw.WrapTruncate), tablewriter.WithPadding(tw.PaddingNone),
			tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{Borders: tw.BorderNone, Symbols: tw.NewSymbolCustom("").WithColumn(Gap)})),
		}, opts...)...)
		if err := table.Append(row); err != nil {
			t.Fatal(err)
		}
		if err := table.Render(); err != nil {
			t.Fatal(err)
		}
		return strings.TrimRight(out.String(), "\n ")
	}
	const path = "/usr/lib/python3/dist-packages/six.py"
	t.Run("width is divided evenly", func(t *testing.T) {
		// 37 cells and five numbers need 52 of 60.
		got := draw([]string{path, "1", "2", "3", "4", "5"}, tablewriter.WithMaxWidth(60))
		if strings.Contains(got, path) {
			t.Errorf("the path is whole now: %q", got)
		}
	})
	t.Run("cut at the end", func(t *testing.T) {
		got := draw([]string{path}, tablewriter.WithMaxWidth(20))
		if strings.HasSuffix(got, "six.py") {
			t.Errorf("the end of the path is there now: %q", got)
		}
	})
	t.Run("a hidden column takes the gap with it", func(t *testing.T) {
		got := draw([]string{"a", "", "b"}, tablewriter.WithAutoHide(tw.On))
		if got != "ab" {
			t.Errorf("the gap stays now: %q", got)
		}
	})
	t.Run("a long word is wider than the line", func(t *testing.T) {
		if lines, _ := twwarp.WrapString(path, 20); !slices.Contains(lines, path) {
			t.Errorf("it is broken now: %q", lines)
		}
	})
}
