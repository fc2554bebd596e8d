package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// A process that is killed does not report what it was reading. So a scanning process
// writes the paths of its open files into a file in its temporary directory,
// where its parent reads them when it is lost.

const (
	readingName  = "reading"
	readingSlots = 16      // files that are open at the same time, at most
	readingSlot  = 4 << 10 // bytes of a slot: its number, then a path; 0 when it was closed
	maxBlamed    = 2       // files in a message
)

// readingLog has the files that are open. Its zero value keeps no file.
type readingLog struct {
	mu    sync.Mutex
	file  *os.File
	count uint64 // of files, so that the order is known
	open  [readingSlots]struct {
		path  string // empty for a free slot
		since time.Time
	}
}

// newReadingLog makes the file of the log. Without it, only the progress knows
// the files.
func newReadingLog(dir string) *readingLog {
	f, _ := os.Create(filepath.Join(dir, readingName))
	return &readingLog{file: f}
}

// opened records a file until closed is called.
func (l *readingLog) opened(path string) (closed func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot := slices.IndexFunc(l.open[:], func(s struct {
		path  string
		since time.Time
	}) bool {
		return s.path == ""
	})
	if slot < 0 {
		return func() {}
	}
	l.count++
	l.open[slot].path, l.open[slot].since = path, time.Now()
	l.write(slot, l.count, path)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.open[slot].path = ""
		l.write(slot, 0, "")
	}
}

// write writes a slot. Errors are ignored: a full disk is no reason to end.
func (l *readingLog) write(slot int, number uint64, path string) {
	if l.file == nil {
		return
	}
	b := binary.BigEndian.AppendUint64(nil, number)
	if number > 0 {
		b = append(b, path[:min(len(path), readingSlot-9)]...)
		b = append(b, 0)
	}
	_, _ = l.file.WriteAt(b, int64(slot)*readingSlot)
}

// longest returns the file that has been open for the longest time, if that is
// at least d.
func (l *readingLog) longest(d time.Duration) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	path, since := "", time.Now().Add(-d)
	for _, s := range l.open {
		if s.path != "" && !s.since.After(since) {
			path, since = s.path, s.since
		}
	}
	return path
}

// lastRead returns the files that a lost process had open, those that were
// opened last.
func lastRead(dir string) []string {
	b, err := os.ReadFile(filepath.Join(dir, readingName))
	if err != nil {
		return nil
	}
	type open struct {
		number uint64
		path   string
	}
	var all []open
	for ; len(b) >= 8; b = b[min(len(b), readingSlot):] {
		slot := b[:min(len(b), readingSlot)]
		if n := binary.BigEndian.Uint64(slot); n > 0 {
			path, _, _ := strings.Cut(string(slot[8:]), "\x00")
			all = append(all, open{n, path})
		}
	}
	slices.SortFunc(all, func(a, b open) int { return int(b.number) - int(a.number) })
	var paths []string
	for _, o := range all[:min(len(all), maxBlamed)] {
		paths = append(paths, o.path)
	}
	return paths
}
