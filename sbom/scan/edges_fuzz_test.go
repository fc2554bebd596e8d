package scan

import (
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// FuzzParseRequirement: what is accepted has a normalised name and reads the
// same without its marker; no marker that is accepted holds under less than
// nothing known.
func FuzzParseRequirement(f *testing.F) {
	for _, s := range []string{
		"requests", "requests[security,tests] >=2.8.1,==2.8.* ; python_version < '2.7'", "pip @ https://example.org/pip.zip#sha1=da ; os_name == 'a'", "A.B-C_d (>=1,<2)",
		"a;python_version>'3' and (os_name=='x' or extra == 'y')", "a ; '3.8' <= python_version", "a ; sys_platform not in 'win32,cygwin'", "a ; python_full_version ~= '3.11.2'",
		"a ; python_full_version == '3.11.*'", "a[]", "a[x", "a;", "a ; ((((((os_name == 'x'))))))", "a ; implementation_version === '3.11.0'", "a ; python_version == '1!3.11+x.y'", "a ; \"'\" == os.name",
	} {
		f.Add(s)
	}
	known := map[string]string{"os_name": "posix", "python_version": "3.11", "sys_platform": "linux", "implementation_name": "cpython"}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseRequirement(s)
		if err != nil {
			return
		}
		if r.Name == "" || r.Name != ecosystem.Python(r.Name) || r.Text != strings.TrimSpace(r.Text) || !strings.Contains(s, r.Text) {
			t.Errorf("%q: name %q, text %q", s, r.Name, r.Text)
		}
		again, err := parseRequirement(r.Text)
		if err != nil || again.marker != nil || again.Name != r.Name || !slices.Equal(again.Extras, r.Extras) {
			t.Errorf("%q: %q reads as %+v, %v", s, r.Text, again, err)
		}
		if r.marker == nil {
			return
		}
		for _, extra := range append(r.marker.extras(nil), "") {
			if r.marker.holds(known, extra) && !r.marker.holds(nil, extra) {
				t.Errorf("%q holds with extra %q, and not when nothing is known", s, extra)
			}
		}
	})
}

// FuzzGemDependencies: nothing is found that does not stand in the file, each
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

// FuzzParseNeeds: what is named stands in the file as it is, with its end.
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
// stands in the first line.
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
