//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package atomicfile

import "os"

// Lock does nothing where there are no locks.
func Lock(*os.File) bool { return true }

// Abandoned is unknown where there are no locks.
func Abandoned(string) (release func(), dead bool) { return nil, false }
