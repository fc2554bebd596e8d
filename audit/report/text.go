package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
)

// textLines returns the lines of a text that has line breaks.
func textLines(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
}

// maxCommand is the number of characters of a command to paste, which is never
// cut: a longer one is not printed. It is the longest line that a terminal in
// canonical mode takes (termios(3)).
const maxCommand = 4096

// command returns a text to copy in full, or a note and false when it is too
// long.
func command(text string) (string, bool) {
	if len(text) > maxCommand {
		return fmt.Sprintf("(%d bytes, too long to show here: see the json report)", len(text)), false
	}
	return terminal.EscapeTo(text, maxCommand*len(`\U0010ffff`)), true
}

// each applies f to a list.
func each[T any](list []T, f func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}
