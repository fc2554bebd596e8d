// Package timetest has the waits and the limits of time of tests. They hold on a machine
// that is slow, or busy with other work: a test does not fail because another process has
// the processors. Only tests import it.
//
// A test that waits for something polls until it is there ([Until], [Ends]), and gives up
// after [Patience], which no working program needs. A test that limits the work of a
// function counts processor time ([Work]), not the time of a clock.
package timetest

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Patience is the time after which a test gives up. It is less than the ten minutes after
// which go test ends all tests of a package.
const Patience = 4 * time.Minute

// Until waits until a condition holds, and ends the test if it does not within
// [Patience]. what completes the sentence "the test waited in vain until ...".
func Until(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	for end := time.Now().Add(Patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("the test waited in vain until %s", what)
		}
	}
}

// Ends calls a function that could block for ever, as the opening of a FIFO, and ends the
// test if it has not returned within [Patience]. tb.FailNow ends only the function.
func Ends(tb testing.TB, f func()) {
	tb.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(Patience):
		tb.Fatalf("still blocked after %v", Patience)
	}
}

// Work calls a function, and reports an error if this process needed more processor time
// than limit meanwhile. Other tests must not run at the same time. Processor time is up to
// three times as much on a machine that does other work, so that a limit is at least ten
// times what is needed. It returns the time.
func Work(tb testing.TB, limit time.Duration, f func()) time.Duration {
	tb.Helper()
	before := spent()
	f()
	took := spent() - before
	if took > limit {
		tb.Errorf("it took %v of processor time, more than %v", took, limit)
	}
	return took
}

// Tick waits until the clock of a file system has gone on: of two changes of a file within
// one tick, which is 1 ms to 2 s, the second does not show in its times. dir is a directory
// on it; no file remains.
func Tick(tb testing.TB, dir string) {
	tb.Helper()
	probe := filepath.Join(dir, ".tick")
	written := func() time.Time {
		if err := os.WriteFile(probe, nil, 0o600); err != nil {
			tb.Fatal(err)
		}
		info, err := os.Stat(probe)
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.Remove(probe); err != nil {
			tb.Fatal(err)
		}
		return info.ModTime()
	}
	first := written()
	Until(tb, "the clock of the file system goes on", func() bool { return written().After(first) })
}
