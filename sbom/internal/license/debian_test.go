package license

import (
	"strings"
	"testing"
)

func TestDebian(t *testing.T) {
	for _, test := range []struct {
		statements []string
		want       string // "?" for a reference
		texts      []string
	}{
		{nil, "", nil},
		{[]string{"GPL-2+"}, "GPL-2.0-or-later", nil},
		{[]string{"GPL-2"}, "GPL-2.0-only", nil},
		{[]string{"gpl-2.0.0+"}, "GPL-2.0-or-later", nil},
		{[]string{"GPL"}, "GPL-1.0-only", nil},
		{[]string{"LGPL-2.1+"}, "LGPL-2.1-or-later", nil},
		{[]string{"GFDL-1.3"}, "GFDL-1.3-only", nil},
		{[]string{"GFDL-NIV-1.3+"}, "GFDL-1.3-no-invariants-or-later", nil},
		{[]string{"Expat"}, "MIT", nil},
		{[]string{"MIT"}, "?", []string{"MIT"}},
		{[]string{"BSD-3-clause"}, "BSD-3-Clause", nil},
		{[]string{"BSD-3"}, "?", []string{"BSD-3"}},
		{[]string{"Apache-2"}, "Apache-2.0", nil},
		{[]string{"Apache"}, "Apache-1.0", nil},
		{[]string{"LPPL-1.3c"}, "LPPL-1.3c", nil},
		{[]string{"CC-BY-SA-3.0"}, "CC-BY-SA-3.0", nil},
		{[]string{"CC0"}, "CC0-1.0", nil},
		{[]string{"MPL-2.0"}, "MPL-2.0", nil},
		{[]string{"Zope-2.1"}, "ZPL-2.1", nil},
		{[]string{"FSFAP"}, "FSFAP", nil},
		{[]string{"fsfap"}, "?", []string{"fsfap"}},
		{[]string{"public-domain"}, "?", []string{"public-domain"}},
		{[]string{"GPL-9+"}, "?", []string{"GPL-9+"}},
		{[]string{"GFDL"}, "?", []string{"GFDL"}}, // 1.0, which SPDX does not have
		{[]string{"GPL-1+ or Artistic"}, "GPL-1.0-or-later OR Artistic-1.0", nil},
		{[]string{"A or B and C"}, "? OR ? AND ?", []string{"A", "B", "C"}},
		{[]string{"A or B, and C"}, "(? OR ?) AND ?", []string{"A", "B", "C"}},
		{[]string{"GPL-2+ or Artistic-2.0, and BSD-3-clause"}, "(GPL-2.0-or-later OR Artistic-2.0) AND BSD-3-Clause", nil},
		{[]string{"Perl and ISC"}, "(Artistic-1.0-Perl OR GPL-1.0-or-later) AND ISC", nil},
		{[]string{"GPL-3+ with Font exception"}, "GPL-3.0-or-later WITH Font-exception-2.0", nil},
		{[]string{"GPL-2 with Linux-syscall-note exception"}, "GPL-2.0-only WITH Linux-syscall-note", nil},
		{[]string{"GPL-2+ with OpenSSL exception"}, "?", []string{"GPL-2+ with OpenSSL exception"}},
		{[]string{"GPL-3+ with Bison 2.2 exception or ISC"}, "? OR ISC", []string{"GPL-3+ with Bison 2.2 exception"}},
		{[]string{"GPL-2+", "Expat or ISC", "GPL-2.0+"}, "GPL-2.0-or-later AND (MIT OR ISC)", nil},
		// What is not of the syntax is one name.
		{[]string{"see the file"}, "?", []string{"see the file"}},
		{[]string{"ISC and/or LGPL-2.1+"}, "?", []string{"ISC and/or LGPL-2.1+"}},
		{[]string{"ISC and", "or ISC", "ISC,", "GPL with exception", "GPL with x"}, "? AND ? AND ? AND ? AND ?", []string{"ISC and", "or ISC", "ISC,", "GPL with exception", "GPL with x"}},
		{[]string{"a, b and c"}, "?", []string{"a, b and c"}},
		{[]string{"(GPL-2+)"}, "?", []string{"(GPL-2+)"}},
		{[]string{"GPL-2.0-only OR LicenseRef-x"}, "GPL-2.0-only OR ?", []string{"LicenseRef-x"}},
		{[]string{"\x1b[31m"}, "?", []string{"\x1b[31m"}},
	} {
		d := Debian(test.statements, "bash")
		got := d.Expression
		texts := map[string]bool{}
		for ref, text := range d.Refs {
			got = strings.ReplaceAll(got, ref, "?")
			texts[text] = true
		}
		if got != test.want || len(texts) != len(test.texts) {
			t.Errorf("%q: %s with %q, want %s", test.statements, got, d.Refs, test.want)
		}
		for _, text := range test.texts {
			if !texts[text] {
				t.Errorf("%q: no reference for %q: %q", test.statements, text, d.Refs)
			}
		}
	}
	// A name has the meaning that its file gives it.
	if a, b := Debian([]string{"permissive"}, "a").Expression, Debian([]string{"permissive"}, "b").Expression; a == b {
		t.Errorf("one reference for two licences: %s", a)
	}
}

func FuzzDebian(f *testing.F) {
	f.Add("GPL-2+ with x exception, and A or B")
	f.Fuzz(func(t *testing.T, s string) {
		if d := Debian([]string{s}, ""); d.Expression == "" || strings.ContainsAny(d.Expression, "\n\x1b") || !balanced(d) {
			t.Errorf("%q: %q", s, d.Expression)
		}
	})
}

// balanced reports whether an expression is valid, with a known name for each
// reference.
func balanced(d Declared) bool {
	e := d.Expression
	for ref := range d.Refs {
		e = strings.ReplaceAll(e, ref, "MIT")
	}
	_, ok := canonical(e)
	return ok
}
