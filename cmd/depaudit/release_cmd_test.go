package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestInterruptedSubject interrupts release while it reads an artifact of 8 TiB.
func TestInterruptedSubject(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(8 << 40); err != nil {
		t.Skip(err) // a file system without such files
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := subjectsOf(ctx, []string{path}, "")
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
