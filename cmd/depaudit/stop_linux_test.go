package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// stopped is the file beside the temporary directory of the parent in which a scanning
// process that stopped itself has its number.
const stopped = "stopped"

// stopIfTold stops the process that scans the directory in [hangVariable], before it
// begins: it then hangs as a dead-locked cataloger does, and only a kill ends it.
func stopIfTold(args []string) {
	dir := os.Getenv(hangVariable)
	if dir == "" || len(args) != 2 || args[0] != childCommand || !strings.Contains(args[1], strconv.Quote(dir)) {
		return
	}
	// TMPDIR is that of this process, in that of its parent.
	file := filepath.Join(filepath.Dir(filepath.Dir(os.TempDir())), stopped)
	if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		panic(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
		panic(err)
	}
}
