package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/audit/atomicfile"
)

// A scan has a temporary directory, and so has a release while it is made. The process
// that made one removes it. A process that is killed cannot: the next one that makes
// such a directory removes what it left. The sign of a living process is the lock on the
// marker in its directory.

// scratchMarker is the file that makes a directory one of depaudit's.
const scratchMarker = ".depaudit-temporary"

// newScratch makes the directory of a scan, and removes those of killed
// processes. remove must be called.
func newScratch() (dir string, remove func(), err error) {
	return newTemporary(os.TempDir(), "depaudit-")
}

// newTemporary makes a directory whose name is the prefix and digits, and removes those
// of killed processes. remove must be called.
func newTemporary(parent, prefix string) (dir string, remove func(), err error) {
	sweepTemporary(parent, prefix)
	for range 10 {
		if dir, err = os.MkdirTemp(parent, prefix+"*"); err != nil { // a prefix can have a *
			return "", nil, err
		}
		marker, err := os.OpenFile(filepath.Join(dir, scratchMarker), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			os.RemoveAll(dir)
			return "", nil, err
		}
		if atomicfile.Lock(marker) {
			return dir, func() { os.RemoveAll(dir); marker.Close() }, nil
		}
		marker.Close() // another process took it for an abandoned one
	}
	return "", nil, errors.New("no temporary directory could be locked")
}

// temporaries returns the directories in parent that are called as those of
// [newTemporary] are, of the living and of the dead.
func temporaries(parent, prefix string) []string {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil
	}
	var dirs []string
	for _, e := range entries {
		digits, ours := strings.CutPrefix(e.Name(), prefix)
		if ours && e.IsDir() && digits != "" && strings.Trim(digits, "0123456789") == "" {
			dirs = append(dirs, filepath.Join(parent, e.Name()))
		}
	}
	return dirs
}

// sweepTemporary removes the directories whose process has ended. Errors are ignored: a
// directory that stays is only litter.
func sweepTemporary(parent, prefix string) {
	for _, dir := range temporaries(parent, prefix) {
		if release, dead := atomicfile.Abandoned(filepath.Join(dir, scratchMarker)); dead {
			os.RemoveAll(dir)
			release()
		}
	}
}
