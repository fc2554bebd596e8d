package main

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
)

// printError writes an error to stderr. Its text may contain untrusted names and is
// escaped line by line. Where the width is known, lines are wrapped, except for what
// is in quotes and for commands, which are copied.
func (c *command) printError(err error) {
	for i, line := range strings.Split(strings.TrimRight(err.Error(), "\n"), "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		text := terminal.Escape(line[len(indent):])
		if i == 0 {
			text = "depaudit: " + text
		}
		for _, l := range c.wrapped(indent, text) {
			fmt.Fprintln(c.stderr, l)
		}
	}
}

// wrapped wraps an escaped text for stderr.
func (c *command) wrapped(indent, text string) []string {
	width := c.widthOf(c.stderr)
	if width == 0 || terminal.Width(indent+text) <= width {
		return []string{indent + text}
	}
	const further = "  "
	lines := terminal.WrapHanging(together(text, true), width-len(indent), width-len(indent+further))
	for i := range lines {
		lines[i] = indent + strings.ReplaceAll(lines[i], unbroken, " ")
		if i > 0 {
			lines[i] = further + lines[i]
		}
	}
	return lines
}

// unbroken is a blank at which no line is wrapped: a character for private use, which
// no escaped text has.
const unbroken = "\ue000"

// together marks the blanks in quoted texts and, if wanted, in commands. A command
// goes to the end of the line, or to what introduces another one.
func together(text string, commands bool) string {
	var b strings.Builder
	quote := rune(0)
	for i, r := range text {
		begins := i == 0 || strings.ContainsRune(" (:", rune(text[i-1]))
		switch {
		case commands && quote == 0 && begins && (strings.HasPrefix(text[i:], "depaudit ") || strings.HasPrefix(text[i:], "sudo ")):
			command, rest := text[i:], ""
			for _, end := range []string{", or: ", "; ", ") ", ": "} {
				if at := strings.Index(command, end); at >= 0 {
					command, rest = command[:at], command[at:]+rest
				}
			}
			return b.String() + strings.ReplaceAll(command, " ", unbroken) + together(rest, true)
		case quote == r:
			quote = 0
		case quote == 0 && begins && (r == '"' || r == '`' || r == '\'') && strings.ContainsRune(text[i+1:], r):
			quote = r
		case quote != 0 && r == ' ':
			b.WriteString(unbroken)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
