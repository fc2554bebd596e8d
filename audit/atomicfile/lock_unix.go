//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// Lock marks a new file as one of a living process, until it is closed. It
// returns false if another process took the file for an abandoned one before it
// was locked, and removed it. On a file system without locks it does nothing.
func Lock(f *os.File) bool {
	if flock(f, syscall.LOCK_EX) != nil {
		return true
	}
	mine, err := f.Stat()
	if err != nil {
		return true
	}
	now, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(mine, now)
}

// TryLock locks a file until it is closed, unless another process has locked it. On
// a file system without locks it returns an error.
func TryLock(f *os.File) (locked bool, err error) {
	err = flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// Abandoned reports whether the process that made and locked a file has ended.
// Then release must be called after the file was removed. It returns false if
// that is unknown, and for the files of other users.
func Abandoned(name string) (release func(), dead bool) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, false
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) == os.Getuid() && flock(f, syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return func() { f.Close() }, true
		}
	}
	f.Close()
	return nil, false
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
