//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package atomicfile

import (
	"errors"
	"os"
)

// Lock does nothing where there are no locks.
func Lock(*os.File) bool { return true }

// TryLock has no locks to try.
func TryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

// Abandoned is unknown where there are no locks.
func Abandoned(string) (release func(), dead bool) { return nil, false }
