package lockcheck

import (
	"strings"
	"testing"
)

// TestNoLock checks that the reason distinguishes no lock file from lock files without
// packages of the type.
func TestNoLock(t *testing.T) {
	p := Package{Type: "pypi", Name: "six", Version: "1.16.0"}
	for _, c := range []struct {
		locks []*Lock
		want  string
	}{
		{nil, `"six" "1.16.0" is in no lock file: none is configured`},
		{[]*Lock{{}}, `"six" "1.16.0" is in no lock file: none of them has packages of type "pypi"`},
	} {
		if r := NewSet(c.locks, Policy{}).Match(p); r.Pinned || r.Reason != NotInAnyLock || !strings.HasPrefix(r.Detail, c.want) {
			t.Errorf("%d locks: %+v, want %s", len(c.locks), r, c.want)
		}
	}
}
