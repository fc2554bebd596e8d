package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"

	"github.com/depaudit/depaudit/audit/atomicfile"
)

// Each scan has a temporary directory, which the process that started the scan
// removes. A process that is killed cannot: the next scan removes what it left.
// The sign of a living process is the lock on the marker in its directory.

// scratchMarker is the file that makes a directory one of depaudit's.
const scratchMarker = ".depaudit-scan"

// scratchName matches the names of the directories: what os.MkdirTemp makes.
var scratchName = regexp.MustCompile(`^depaudit-[0-9]+$`)

// newScratch makes the directory of a scan, and removes those of killed
// processes. remove must be called.
func newScratch() (dir string, remove func(), err error) {
	sweepScratch(os.TempDir())
	for range 10 {
		if dir, err = os.MkdirTemp("", "depaudit-"); err != nil {
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

// sweepScratch removes the directories of scans whose process has ended. Errors
// are ignored: a directory that stays is only litter.
func sweepScratch(tmp string) {
	entries, err := os.ReadDir(tmp)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !scratchName.MatchString(e.Name()) {
			continue
		}
		dir := filepath.Join(tmp, e.Name())
		if release, dead := atomicfile.Abandoned(filepath.Join(dir, scratchMarker)); dead {
			os.RemoveAll(dir)
			release()
		}
	}
}
