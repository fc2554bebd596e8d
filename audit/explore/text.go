package explore

import (
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
)

// wrap breaks a line at its spaces into lines of at most n cells. The lines
// after the first one are indented by four more cells than it is.
func wrap(s string, n int) []string {
	n = max(n, leastWidth) // nothing is shown below
	if terminal.Width(s) <= n {
		return []string{s}
	}
	words := strings.TrimLeft(s, " ")
	indent := s[:min(len(s)-len(words), n/2)]
	hanging := indent + "    "
	lines := terminal.WrapScreen(words, n-len(indent), n-len(hanging))
	for i := range lines {
		if i == 0 {
			lines[i] = indent + lines[i]
		} else {
			lines[i] = hanging + lines[i]
		}
	}
	return lines
}

// paint adds attributes, and colours if the terminal has them.
func (m *model) paint(s string, st terminal.Style) string {
	if (st == terminal.Red || st == terminal.Yellow) && !m.color {
		return s
	}
	return terminal.Paint(s, st)
}
