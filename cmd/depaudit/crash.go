package main

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"syscall"
)

// Go ends a process with code 2 when it crashes, which is exitUsage here: "the
// configuration is wrong". A crash of the main goroutine is caught, every other
// one ends the process by SIGABRT: out of memory, a panic of another goroutine,
// no descriptor for the poller. A process with less memory than the runtime
// needs to start ends before any of this, still with 2.

// crashBySignal makes a crash end the process by a signal, without a core dump,
// which would have the size of the memory.
func crashBySignal() {
	debug.SetTraceback("crash")
	noCoreDump()
}

// caught prints a panic and returns the exit code of the program.
func caught(p any, stderr io.Writer) int {
	fmt.Fprintf(stderr, "depaudit: internal error: %v\n  please report it with the lines below, and with the command\n%s", p, debug.Stack())
	return exitTrouble
}

// isClosedPipe reports whether an error is that the reader of an output has
// ended, as head(1) does when it has enough. Where SIGPIPE is ignored, the
// signal does not end the process.
func isClosedPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
