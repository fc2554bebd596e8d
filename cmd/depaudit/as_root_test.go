package main

import (
	"bytes"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

// TestAsRoot checks the command of a run for another user: its own arguments, each one
// word of a shell, and the way to the program.
func TestAsRoot(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"snapshot", "-o", "before.json"}, `sudo "$(command -v depaudit)" snapshot -o before.json`},
		{[]string{"audit", "--since", "a b.json", "-n5"}, `sudo "$(command -v depaudit)" audit --since 'a b.json' -n5`},
		{[]string{"scan", "$(rm -rf /)", "--locks=a;b", "--"}, `sudo "$(command -v depaudit)" scan '$(rm -rf /)' '--locks=a;b' '--'`},
		{[]string{"scan", "it's", "\x1b[2J"}, `sudo "$(command -v depaudit)" scan 'it'\''s' '\x1b[2J'`},
	} {
		var b bytes.Buffer
		c := command{args: test.args, stderr: &b}
		c.hintRoot([]sbom.Gap{{Kind: sbom.GapPermission}})
		if got := b.String(); got != "depaudit: to read them: "+test.want+"\n" {
			t.Errorf("%q is %s", test.args, got)
		}
		b.Reset()
		c.hintRoot([]sbom.Gap{{Kind: sbom.GapUnreadable}})
		if b.Len() > 0 {
			t.Errorf("a command for a gap that root has too: %s", b.String())
		}
	}
}
