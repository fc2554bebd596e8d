package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestErrorWidth checks that errors are wrapped where the width is known, and that
// what is copied stays in one piece.
func TestErrorWidth(t *testing.T) {
	for _, test := range []struct{ columns, in, want string }{
		{"", "a long error that would not fit into forty columns of a log", "depaudit: a long error that would not fit into forty columns of a log\n"},
		{"40", "a long error that would not fit into forty columns of a log", "depaudit: a long error that would not\n  fit into forty columns of a log\n"},
		{"40", "x\n  create it first with: depaudit baseline update --stage build --reason \"w x\"", "depaudit: x\n  create it first with:\n    depaudit baseline update --stage build --reason \"w x\"\n"},
		{"40", "x\n  depaudit scan dir:ROOT --show lock, or: depaudit scan host: --show lock", "depaudit: x\n  depaudit scan dir:ROOT --show lock,\n    or: depaudit scan host: --show lock\n"},
		{"40", "x\n  sudo \"$(command -v depaudit)\" snapshot -o before.json", "depaudit: x\n  sudo \"$(command -v depaudit)\" snapshot -o before.json\n"},
		{"40", "the file \"a name with blanks in it\" does not exist", "depaudit: the file\n  \"a name with blanks in it\" does not\n  exist\n"},
		{"40", "x\n::error::y \x1b[31m", "depaudit: x\n\\x3a:error::y \\x1b[31m\n"},
		{"40", strings.Repeat("d", 64) + " is no digest", "depaudit:\n  " + strings.Repeat("d", 64) + "\n  is no digest\n"},
	} {
		var b bytes.Buffer
		c := command{stderr: &b, env: func(name string) string {
			if name == "COLUMNS" {
				return test.columns
			}
			return ""
		}}
		c.printError(errors.New(test.in))
		if b.String() != test.want {
			t.Errorf("%q in %s columns:\n%s\nwant\n%s", test.in, test.columns, b.String(), test.want)
		}
	}
}
