package lazyregexp

import (
	"os"
	"testing"
)

// TestNew checks that a mistake is seen at once in a test, and otherwise when the
// expression is used.
func TestNew(t *testing.T) {
	panics := func(f func()) (did bool) {
		defer func() { did = recover() != nil }()
		f()
		return false
	}
	if !panics(func() { New("(") }) {
		t.Error("a test does not see the mistake")
	}
	before := os.Args[0]
	defer func() { os.Args[0] = before }()
	os.Args[0] = "depaudit"
	var r *Regexp
	if panics(func() { r = New("(") }) || !panics(func() { r.MatchString("") }) {
		t.Error("the expression is compiled before it is used, or never")
	}
	if r := New("^a(.)"); r.compiled != nil || r.FindStringSubmatch("abc")[1] != "b" || r.compiled == nil {
		t.Error("another result")
	}
}
