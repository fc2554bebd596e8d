package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadingLog records files as a scan opens and closes them.
func TestReadingLog(t *testing.T) {
	dir := t.TempDir()
	if got := lastRead(dir); got != nil {
		t.Errorf("without a log: %q", got)
	}
	l := newReadingLog(dir)
	l.opened("/closed")()
	first := l.opened("/first")
	long := "/" + strings.Repeat("x", 2*readingSlot)
	closeLong := l.opened(long)
	if got := lastRead(dir); len(got) != 2 || !strings.HasPrefix(long, got[0]) || got[1] != "/first" {
		t.Errorf("%.100q", got)
	}
	closeLong()
	if got := l.longest(0); got != "/first" {
		t.Errorf("longest: %q", got)
	}
	first()
	if got := l.longest(0); got != "" || lastRead(dir) != nil {
		t.Errorf("all are closed: %q, %q", got, lastRead(dir))
	}
	for i := range 2 * readingSlots { // more than the log has room for
		defer l.opened(fmt.Sprintf("/%d", i))()
	}
	want := []string{fmt.Sprintf("/%d", readingSlots-1), fmt.Sprintf("/%d", readingSlots-2)}
	if diff := cmp.Diff(want, lastRead(dir)); diff != "" {
		t.Error(diff)
	}
}
