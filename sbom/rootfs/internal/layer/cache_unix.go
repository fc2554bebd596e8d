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

// isUnix says that files have owners and can be locked.
const isUnix = true

// ownerOf is the number of the user whom a file belongs to.
func ownerOf(info fs.FileInfo) (int, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// openPlain opens a file, but nothing that a link leads to, and does not wait
// for a FIFO.
func openPlain(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

// markUsed sets the time of modification to now: the times of access are not
// kept on most file systems.
func markUsed(file *os.File) {
	// A nil pointer means now, by the clock of the file system.
	unix.Futimes(int(file.Fd()), nil)
}

// lockFile takes a lock if nobody has it.
func lockFile(file *os.File) bool {
	return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

func unlockFile(file *os.File) { unix.Flock(int(file.Fd()), unix.LOCK_UN) }

// lockPoll is the time between two looks at a lock that somebody has. flock
// cannot wait for a context as well.
const lockPoll = 50 * time.Millisecond

// maxLockWait is how long another one's reading of a layer is waited for: who
// needs longer may hang. What happens then is that the layer is read twice.
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
