package pipeline

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck"
)

// Limits of what is read for a suggestion. A project has a few locks in its
// directory.
const (
	maxSight     = 20
	maxSightSize = 32 << 20
	maxInSight   = 10_000 // entries of the directory
)

// sight has the locks that were opened to suggest them, by path, with nil for one
// that cannot be read.
type sight map[string]*lockcheck.Lock

// in opens the lock files of a directory that are not among those of a
// stage, to suggest them where packages are not pinned. They decide nothing: one
// that cannot be read is passed over.
func (s sight) in(ctx context.Context, dir string, named []config.LockFile) []*lockcheck.Lock {
	d, err := os.Open(cmp.Or(dir, "."))
	if err != nil {
		return nil
	}
	defer d.Close()
	entries, _ := d.ReadDir(maxInSight) // as far as it can be read
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	var out []*lockcheck.Lock
	for _, e := range entries {
		known, ok := lockcheck.ByName(e.Name())
		if !ok || !known.Read || len(out) == maxSight {
			continue
		}
		file := filepath.Join(dir, e.Name())
		info, err := os.Stat(file)
		isNamed := func(l config.LockFile) bool {
			other, err := os.Stat(l.Path)
			return err == nil && os.SameFile(info, other)
		}
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxSightSize || slices.ContainsFunc(named, isNamed) {
			continue
		}
		if _, tried := s[file]; !tried {
			s[file], _ = lockcheck.Open(ctx, file)
		}
		if s[file] != nil {
			out = append(out, s[file])
		}
	}
	return out
}
