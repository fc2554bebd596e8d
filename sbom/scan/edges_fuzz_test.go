package scan

import (
	"slices"
	"strings"
	"testing"
)

// FuzzGemDependencies: every result is text of the file, each
// once, and on a line of the form that RubyGems writes.
func FuzzGemDependencies(f *testing.F) {
	for _, s := range []string{
		"  s.add_runtime_dependency(%q<racc>.freeze, [\"~> 1.4\"])\n", "s.add_dependency(%q<a>, [\">= 0\".freeze, \"< 2\"])\r\n", "s.add_dependency(%q<a>, [])", "# s.add_dependency(%q<a>, [])", "s.add_dependency(%q<a>, [\"#{`id`}\"])",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		all := gemDependencies(s)
		for i, d := range all {
			if !strings.Contains(s, "dependency(%q<"+d.name+">") || !strings.HasPrefix(d.text, d.name) || slices.Contains(all[:i], d) || strings.ContainsAny(d.text, "\n#`") {
				t.Errorf("%q: %+v", s, d)
			}
		}
	})
}

// FuzzParseNeeds: every name is text of the file, with its end.
func FuzzParseNeeds(f *testing.F) {
	f.Add([]byte(elfFile(62, "$ORIGIN", "libc.so.6", "liba.so")))
	f.Add([]byte("\x7fELF\x01\x01\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		needs, err := parseNeeds(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		for _, s := range append(needs.needed, needs.rpath, needs.runpath) {
			if s != "" && !strings.Contains(string(data), s+"\x00") {
				t.Errorf("%q is not in the file", s)
			}
		}
		if len(needs.needed) > maxNeeded {
			t.Errorf("%d names", len(needs.needed))
		}
	})
}

// FuzzInterpreterOf: an interpreter is a path or a name without a slash, and
// is text of the first line.
func FuzzInterpreterOf(f *testing.F) {
	for _, s := range []string{"#!/bin/sh -e\n", "#! /usr/bin/env -S python3 -u\n", "#!/usr/bin/env\n", "#!sh", "#!\x00", "#!/bin/env a/b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		program, line := interpreterOf(data)
		if program == "" {
			return
		}
		first, _, _ := strings.Cut(string(data), "\n")
		if !strings.Contains(first, line) || !strings.Contains(line, program) {
			t.Errorf("%q: %q in %q", data, program, line)
		}
	})
}
