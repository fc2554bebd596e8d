package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/depaudit/depaudit/audit/textfile"
)

// maxLockFiles is the largest number of files that the patterns of one stage
// match. A monorepo has some hundred lock files; more are a pattern that matches
// in node_modules.
const maxLockFiles = 1000

// resolveLocks sets LockFiles of each stage. A pattern without a match is an
// error: the file was moved or renamed, and every package of the stage would be
// reported as not pinned, without the reason.
func resolveLocks(c *Config, places lockPlaces) textfile.Errors {
	d := &decoder{file: c.File}
	for i := range c.Stages {
		s := &c.Stages[i]
		var found []foundLock
		for j, lock := range s.Locks {
			at, pattern := places[i][j], lock.Path
			files, err := c.lockFiles(pattern)
			switch {
			case err != nil:
				d.fail(at, "", "lock %s: %v", textfile.Quote(pattern), err)
			case len(files) == 0:
				d.fail(at, "paths are relative to the directory of this file", "lock %s matches no file", textfile.Quote(pattern))
			}
			for _, file := range files {
				found = append(found, foundLock{LockFile{file, lock.For}, pattern, at})
			}
		}
		s.LockFiles = d.merge(found)
		if len(s.LockFiles) > maxLockFiles {
			d.fail(places[i][0], "narrow the patterns down", "the locks of stage %q are %d files, and at most %d are read", s.Name, len(s.LockFiles), maxLockFiles)
		}
	}
	return d.errs
}

// foundLock is a file that an entry of locks names.
type foundLock struct {
	LockFile
	written string // path or pattern of the entry
	at      position
}

// merge returns each file once, for the directories of all entries that name it.
// A pattern without directories does not name the files that other entries name
// with some. A path does, which is a mistake.
func (d *decoder) merge(found []foundLock) []LockFile {
	files := map[string]*LockFile{}
	for _, f := range found {
		if len(f.For) > 0 {
			have := files[f.Path]
			if have == nil {
				have = &LockFile{Path: f.Path}
				files[f.Path] = have
			}
			have.For = append(have.For, f.For...)
		}
	}
	for _, f := range found {
		switch {
		case len(f.For) > 0:
		case files[f.Path] == nil:
			files[f.Path] = &LockFile{Path: f.Path}
		case len(files[f.Path].For) > 0 && !isPattern(f.written):
			d.fail(f.at, "remove one of the two entries", "lock %s is named with `for:` and without", textfile.Quote(f.written))
		}
	}
	var out []LockFile
	for _, path := range slices.Sorted(maps.Keys(files)) {
		f := files[path]
		slices.Sort(f.For)
		f.For = slices.Compact(f.For)
		out = append(out, *f)
	}
	return out
}

func isPattern(path string) bool { return strings.ContainsAny(path, `*?[{\`) }

func (c *Config) lockFiles(pattern string) ([]string, error) {
	if !isPattern(pattern) {
		path := c.path(pattern)
		place, err := c.placed(path)
		var info fs.FileInfo
		if err == nil {
			info, err = os.Stat(place)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, errors.New("is a directory; name the file in it")
		}
		return []string{path}, nil
	}
	// The part before the first wildcard is a path and may contain "..", which
	// is not allowed in an fs.FS.
	base, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
	base = c.path(base)
	if c.Files != nil {
		return c.Files.Glob(base, rest)
	}
	matches, err := doublestar.Glob(os.DirFS(base), rest, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
	if err != nil {
		return nil, err
	}
	for i, m := range matches {
		matches[i] = filepath.Join(base, filepath.FromSlash(m))
	}
	return matches, nil
}
