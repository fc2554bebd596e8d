package license

import (
	"strings"
	"testing"
)

func TestNew(t *testing.T) {
	for _, test := range []struct {
		statements []string
		want       string
		refs       int
	}{
		{nil, "", 0},
		{[]string{"MIT"}, "MIT", 0},
		{[]string{"Apache-2.0 OR MIT"}, "Apache-2.0 OR MIT", 0},
		{[]string{"Apache-2.0 OR MIT", "ISC"}, "(Apache-2.0 OR MIT) AND ISC", 0},
		{[]string{"GPL-2.0-or-later WITH Classpath-exception-2.0"}, "GPL-2.0-or-later WITH Classpath-exception-2.0", 0},
		{[]string{"MIT", "mit"}, "MIT", 0},
		{[]string{"GPLv3+"}, "LicenseRef-depaudit-", 1},
		{[]string{"LicenseRef-other"}, "LicenseRef-depaudit-", 1},
		{[]string{"MIT\x1b[31m"}, "LicenseRef-depaudit-", 1},
		{[]string{strings.Repeat("(", 500)}, "LicenseRef-depaudit-", 1},
		{[]string{"BSD", "MIT"}, "LicenseRef-depaudit-", 1},
	} {
		d := New(test.statements)
		if len(d.Refs) != test.refs || !strings.HasPrefix(d.Expression, test.want) || test.refs == 0 && d.Expression != test.want {
			t.Errorf("%q: %q, %d references; want %q, %d", test.statements, d.Expression, len(d.Refs), test.want, test.refs)
		}
		if d.Plain() != (test.refs == 0) {
			t.Errorf("%q: Plain is %v", test.statements, d.Plain())
		}
	}
}

func FuzzNew(f *testing.F) {
	f.Add("MIT AND (Apache-2.0 OR ISC)")
	f.Add("GPL-2.0+ WITH")
	f.Fuzz(func(t *testing.T, s string) {
		d := New([]string{s})
		if d.Expression == "" || strings.ContainsAny(d.Expression, "\n\x1b") {
			t.Errorf("%q: %q", s, d.Expression)
		}
	})
}
