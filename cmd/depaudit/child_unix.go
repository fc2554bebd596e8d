//go:build unix

package main

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitMemory bounds the private writable memory of this process. It is the
// data limit and not the address space, of which the Go runtime reserves
// more than it uses.
func limitMemory(bytes int64) error {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &old); err != nil {
		return err
	}
	limit := min(uint64(bytes), uint64(old.Max))
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit})
}

// noCoreDump keeps a crash from writing the memory of the process to disk.
func noCoreDump() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}

// peakMemory returns the largest resident size of an ended process in bytes.
func peakMemory(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(usage.Maxrss) // getrusage(2) of macOS has bytes
	}
	return int64(usage.Maxrss) << 10
}

// dieWithParent ends the process when the pipe is closed, by the parent or by
// its death.
func dieWithParent(r io.Reader) {
	_, _ = io.Copy(io.Discard, r)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// detach puts the child in a process group of its own, so that an interrupt
// at the terminal reaches the parent, which kills the whole group.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
