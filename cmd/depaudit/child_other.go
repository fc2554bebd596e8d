//go:build !unix

package main

import (
	"io"
	"os"
	"os/exec"
)

// limitMemory does nothing: there is only the soft limit on this system.
func limitMemory(int64) error { return nil }

// peakMemory is unknown on this system.
func peakMemory(*os.ProcessState) int64 { return 0 }

// dieWithParent ends the process when the parent closes the pipe.
func dieWithParent(r io.Reader) {
	_, _ = io.Copy(io.Discard, r)
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill()
	}
}

func noCoreDump() {}

func detach(*exec.Cmd) {}
