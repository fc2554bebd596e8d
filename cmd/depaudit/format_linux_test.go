package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNotForTerminal checks that a page and a picture do not go to a terminal, and that
// the error comes before anything is read: neither input exists.
func TestNotForTerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal: ", err)
	}
	defer terminal.Close()
	missing := filepath.Join(t.TempDir(), "missing")
	for _, args := range [][]string{
		{"report", missing, "-o", "html"},
		{"scan", "dir:" + missing, "-o", "html=-"},
		{"audit", "-c", missing, "-o", "json=" + missing, "-o", "html"},
		{"history", missing, "-o", "svg"},
	} {
		var errs bytes.Buffer
		c := command{stdin: strings.NewReader(""), stdout: terminal, stderr: &errs, env: func(string) string { return "" }}
		if code := c.main(args); code != exitUsage || !strings.Contains(errs.String(), "a terminal does not show the format") || !strings.Contains(errs.String(), "=depaudit.") {
			t.Errorf("%q: exit code %d: %s", args, code, errs.String())
		}
	}
}
