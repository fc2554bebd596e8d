//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package artifact

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// isUnix reports whether files have owners and can be locked.
const isUnix = true

// ownerOf returns the ID of the user that a file belongs to.
func ownerOf(info fs.FileInfo) (int, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// openPlain opens a file. It does not follow a symbolic link, and does not block
// on a FIFO.
func openPlain(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

// markUsed sets the time of modification to now, by the clock of the file system.
func markUsed(file *os.File) { _ = unix.Futimes(int(file.Fd()), nil) }

// lockFile takes a lock that is free. It is released when the file is closed.
func lockFile(file *os.File) bool {
	return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}
