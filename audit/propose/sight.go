package propose

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/lockcheck"
)

// Limits of the search for lock files.
const (
	maxSeen     = 200_000  // files and directories; a large monorepo has some 100,000
	maxDepth    = 12       // directories
	maxInSight  = 1000     // lock files that are listed
	maxOpened   = 200      // lock files that are read
	maxLockSize = 32 << 20 // bytes; those of large projects have 2 MB
)

// passedOver are directories with what is installed, generated or of another
// project.
var passedOver = []string{"node_modules", "vendor", "third_party", "testdata", "__pycache__", "site-packages", "target", "dist"}

// Sight returns the lock files of a repository, sorted by path. It follows no
// symbolic link, and reads of the files only what shows whether they pin something.
// What cannot be read is passed over, and so is what is over a limit: a lock that is
// not proposed can be added by hand, and the audit reports what no lock pins.
func Sight(ctx context.Context, dir string) []Lock {
	var out []Lock
	seen := 0
	_ = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if seen++; seen > maxSeen || len(out) == maxInSight || ctx.Err() != nil {
			return fs.SkipAll
		}
		rel, relErr := filepath.Rel(dir, file)
		if err != nil || relErr != nil {
			return nil
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && rel != "." && d.Name() != ".github"
			if hidden || slices.Contains(passedOver, d.Name()) || strings.Count(rel, "/") >= maxDepth || rel != "." && isRepository(file) {
				return fs.SkipDir
			}
			return nil
		}
		if known, ok := lockcheck.ByName(rel); ok && known.Read && d.Type().IsRegular() && printable(rel) && path.Base(rel) != "go.mod" {
			out = append(out, Lock{Path: rel, Format: known.Format})
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Lock) int {
		// Those near the root first, since only some are read.
		if d := strings.Count(a.Path, "/") - strings.Count(b.Path, "/"); d != 0 {
			return d
		}
		return strings.Compare(a.Path, b.Path)
	})
	for i := range out[:min(len(out), maxOpened)] {
		out[i].look(ctx, filepath.Join(dir, filepath.FromSlash(out[i].Path)), dir)
	}
	slices.SortFunc(out, func(a, b Lock) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// isRepository reports whether a directory is the checkout of another repository,
// such as a submodule.
func isRepository(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, ".git"))
	return err == nil
}

// look opens a lock file, to see whether it pins something.
func (l *Lock) look(ctx context.Context, file, dir string) {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxLockSize {
		return
	}
	lock, err := lockcheck.Open(ctx, file)
	if err != nil {
		l.Problem = strings.ReplaceAll(err.Error(), strings.TrimSuffix(dir, "/")+"/", "")
		return
	}
	for _, e := range lock.Entries {
		if e.Version != "" && !e.FirstParty && !e.Constraint {
			l.Pins = true
			return
		}
	}
}
