package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// asRoot is the command of this run with the rights of root, to paste.
func (c *command) asRoot() string {
	s := wording.Sudo
	for _, arg := range c.args {
		word := wording.ShellWord(arg)
		if flag := strings.TrimLeft(arg, "-"); flag != "" && wording.ShellWord(flag) == flag {
			word = arg // a flag needs no quotes for its hyphen
		}
		s += " " + word
	}
	return s
}

// denied reports whether a gap is one that root would not have.
func denied(gaps []sbom.Gap) bool {
	return slices.ContainsFunc(gaps, func(g sbom.Gap) bool { return g.Kind == sbom.GapPermission })
}

// hintRoot prints the command that has no such gaps, if there are any.
func (c *command) hintRoot(gaps []sbom.Gap) {
	if denied(gaps) {
		fmt.Fprintf(c.stderr, "depaudit: to read them: %s\n", terminal.EscapeTo(c.asRoot(), maxCommand))
	}
}

// maxCommand is the number of characters of a command, as of a line that a terminal in
// canonical mode takes (termios(3)).
const maxCommand = 4096
