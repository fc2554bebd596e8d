package timetest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Serve starts a server that listens on a port of its choice, and returns its address on
// 127.0.0.1. stop ends it, and may be called again. A port that a test chose could be
// another program's when the server starts. It needs /proc of Linux.
func Serve(server *exec.Cmd) (address string, stop func(), err error) {
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	ended := make(chan struct{})
	go func() { defer close(ended); server.Wait() }()
	stop = func() {
		server.Process.Kill()
		<-ended
	}
	patience := time.After(Patience)
	for {
		if address := listening(server.Process.Pid); address != "" {
			return address, stop, nil
		}
		select {
		case <-ended:
			return "", nil, fmt.Errorf("%s: %v: %s", server, server.ProcessState, &log)
		case <-patience:
			stop()
			return "", nil, fmt.Errorf("%s does not listen: %s", server, &log)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// listening returns the address on 127.0.0.1 on which a process of Linux listens
// (https://man7.org/linux/man-pages/man5/proc_pid_net.5.html), empty for none.
func listening(pid int) string {
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		return ""
	}
	open := map[string]bool{}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil {
			open[target] = true
		}
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != "0A" || !open["socket:["+f[9]+"]"] {
			continue
		}
		if hex, ok := strings.CutPrefix(f[1], "0100007F:"); ok {
			if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
				return fmt.Sprintf("127.0.0.1:%d", port)
			}
		}
	}
	return ""
}
