//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package layer

import (
	"context"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// isUnix reports whether files have owners and can be locked.
const isUnix = true

// ownerOf returns the id of the user who owns a file.
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

// markUsed sets the time of modification to now: most file systems do not
// maintain times of access.
func markUsed(file *os.File) {
	// A nil pointer means now, by the clock of the file system.
	unix.Futimes(int(file.Fd()), nil)
}

// lockFile takes a lock that is free.
func lockFile(file *os.File) bool {
	return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

func unlockFile(file *os.File) { unix.Flock(int(file.Fd()), unix.LOCK_UN) }

// lockPoll is the time between two attempts to take a lock. flock cannot wait
// for a context as well.
const lockPoll = 50 * time.Millisecond

// maxLockWait is the maximum time to wait for another reader of a layer, which
// may hang. After that the layer is read twice.
const maxLockWait = 10 * time.Minute

// waitLock waits for a lock.
func waitLock(ctx context.Context, file *os.File) error {
	ticks := time.NewTicker(lockPoll)
	defer ticks.Stop()
	for range maxLockWait / lockPoll {
		if lockFile(file) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
	}
	return nil
}
