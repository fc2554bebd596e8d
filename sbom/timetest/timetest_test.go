package timetest

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// recorder is a test that only notes that it failed.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

// TestWork: waiting is no work, and work is.
func TestWork(t *testing.T) {
	var r recorder
	Work(&r, 100*time.Millisecond, func() { time.Sleep(200 * time.Millisecond) })
	if r.failed && runtime.GOOS == "linux" {
		t.Error("a wait is counted as work")
	}
	Work(&r, 50*time.Millisecond, func() {
		for before := spent(); spent()-before < 60*time.Millisecond; {
		}
	})
	if !r.failed {
		t.Error("too much work is not noticed")
	}
}

// TestTick: what is written after a tick has a later time.
func TestTick(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		var times []time.Time
		for range 2 {
			name := dir + "/file"
			if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			times = append(times, info.ModTime())
			Tick(t, dir)
		}
		if !times[1].After(times[0]) {
			t.Errorf("%v, then %v", times[0], times[1])
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestEnds returns when the function does.
func TestEnds(t *testing.T) {
	called := false
	Ends(t, func() { called = true })
	calls := 0
	Until(t, "the third call", func() bool { calls++; return calls == 3 })
	if !called || calls != 3 {
		t.Errorf("%v, %d calls", called, calls)
	}
}
