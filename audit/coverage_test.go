package audit

import (
	"slices"
	"testing"
)

// TestCoversMore checks that another rule or another text of an exception is more,
// and that a rule which is no longer needed is not.
func TestCoversMore(t *testing.T) {
	a, b := Coverage{"pkg:npm/*", "not-pinned"}, Coverage{"pkg:npm/*", "hash-mismatch"}
	c := Coverage{"/opt/a (b)", "not-pinned"}
	for _, tt := range []struct {
		before, now []Coverage
		want        []string
	}{
		{nil, nil, nil},
		{nil, []Coverage{a}, []string{"pkg:npm/*"}},
		{[]Coverage{a}, []Coverage{a}, nil},
		{[]Coverage{a}, []Coverage{b}, []string{"pkg:npm/*"}},
		{[]Coverage{a}, []Coverage{a, b}, []string{"pkg:npm/*"}},
		{[]Coverage{b, a}, []Coverage{a}, nil},
		{[]Coverage{a}, []Coverage{c, a}, []string{"/opt/a (b)"}},
		{[]Coverage{a}, nil, nil},
	} {
		if got := CoversMore(CoverLabel(tt.before), CoverLabel(tt.now)); !slices.Equal(got, tt.want) {
			t.Errorf("%v after %v: %v, want %v", tt.now, tt.before, got, tt.want)
		}
	}
}
