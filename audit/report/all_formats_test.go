package report

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestEveryFormatIsInert checks of every format that no line of it is a command to a
// CI system or acts on a terminal, whatever the names in the report are. GitLab's
// section markers need an escape character.
func TestEveryFormatIsInert(t *testing.T) {
	names := []string{
		nasty, "::error::x", " ::stop-commands::y", "a\n::set-env name=X::y", "a\r::add-mask::z", "##[group]g", "x##vso[task.complete]", "##teamcity[a]",
		"\x1b[0Ksection_start:1600000000:evil[collapsed=true]\r\x1b[0Ktitle", "\x1b]8;;http://x\x07y\x1b]8;;\x07", "\u009b31m", "\u202eexe.png", "a\u2028::error::b",
	}
	for _, f := range Formats() {
		for _, name := range names {
			for _, o := range []Options{{}, {Width: 40, Cut: true}, {Width: 40, Show: []string{"all"}}} {
				text := string(render(t, f.Name, hostile(name), o))
				if !utf8.ValidString(text) {
					t.Errorf("%s: not UTF-8 for %q", f.Name, name)
				}
				for line := range strings.Lines(text) {
					line = strings.TrimSuffix(line, "\n")
					if f.Name == "github" {
						_, line, _ = strings.Cut(strings.TrimPrefix(line, "::"), "::")
					}
					start := strings.TrimSpace(line)
					if strings.HasPrefix(start, "::") && f.Name != "github" || strings.ContainsAny(line, "\x1b\r\u009b\u202e\u2028") || strings.Contains(line, "##[") || strings.Contains(line, "##vso[") {
						t.Errorf("%s: %q has %.200q", f.Name, name, line)
					}
				}
			}
		}
	}
}
