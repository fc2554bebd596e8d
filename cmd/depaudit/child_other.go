//go:build !unix

package main

import (
	"io"
	"os"
	"os/exec"
)

// limitMemory has no hard limit to set here; the soft one stands.
func limitMemory(int64) error { return nil }

// dieWithParent ends the process when the parent closes the pipe.
func dieWithParent(r io.Reader) {
	_, _ = io.Copy(io.Discard, r)
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill()
	}
}

func detach(*exec.Cmd) {}
