package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// The places of what decides.
//
// The configuration, the baseline, the locks and the base decide about an
// environment. One that is in the environment was written by the author of the
// environment, and would excuse anything. So is one that a link in the
// environment leads to. An environment whose own path is a link can be another
// one tomorrow, without any change in the configuration that reviewers see.
//
// The host is the exception: its configuration is always in it.

// checkPlaces returns an [*InputError] for a file that is in an environment that
// it decides about.
func checkPlaces(cfg *config.Config, stages []stageScan, o Options) error {
	for i := range stages {
		s := &stages[i]
		if s.env.Ref.Scheme != rootfs.SchemeDir {
			continue
		}
		root, err := os.Stat(s.env.Ref.Path)
		if err != nil {
			continue // the scan reports it
		}
		if top, err := os.Stat("/"); err == nil && os.SameFile(root, top) {
			continue // the host by another name
		}
		in := func(what, path string) error {
			if path == "" || !leadsThrough(path, root) {
				return nil
			}
			return &InputError{
				Err:  fmt.Errorf("stage %s: %s is inside the environment that it decides about: %s is in %s", s.input.Stage.Name, what, path, s.env.Raw),
				Hint: "keep it in a directory that reviewers control, outside of every scanned root",
			}
		}
		if err := errors.Join(in("the configuration", cfg.Placed(cfg.File)), in("the file of exceptions", cfg.Placed(cfg.ExceptionsPath())), in("the baseline", cfg.Placed(o.BaselineFile))); err != nil {
			return first(err)
		}
		for _, l := range s.input.Locks {
			for _, file := range lockFiles(l) {
				if err := in("the lock file", cfg.Placed(file)); err != nil {
					return err
				}
			}
		}
		if err := checkBase(s, root, in); err != nil {
			return err
		}
	}
	return nil
}

// first returns the first of joined errors.
func first(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()[0]
	}
	return err
}

// lockFiles returns the path of a lock and those of the files that it includes.
func lockFiles(l *lockcheck.Lock) []string {
	files := []string{l.Path}
	seen := map[string]bool{l.Path: true}
	for i := range l.Entries {
		if f := l.Entries[i].File; f != "" && !seen[f] {
			seen[f] = true
			files = append(files, f)
		}
	}
	return files
}

// checkBase returns an error for a base that is the stage's own environment, or
// in it: everything would be there already.
func checkBase(s *stageScan, root fs.FileInfo, in func(what, path string) error) error {
	if s.base == nil || !s.base.Ref.HasPath() {
		return nil
	}
	if info, err := os.Stat(s.base.Ref.Path); err == nil && os.SameFile(info, root) {
		return &InputError{
			Err:  fmt.Errorf("stage %s: the base is the environment itself: %s is %s", s.input.Stage.Name, s.base.Raw, s.env.Raw),
			Hint: "name what the environment was made from; everything in it would count as the base's",
		}
	}
	return in("the base", s.base.Ref.Path)
}

// maxLinks is the number of links that are followed, that of Linux.
const maxLinks = 40

// leadsThrough reports whether a path, or a link on the way to the file that it
// names, is in a directory. A file that does not exist is where it would be
// written.
func leadsThrough(path string, dir fs.FileInfo) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	todo := strings.Split(filepath.ToSlash(path), "/")
	at := filepath.VolumeName(path) + string(filepath.Separator)
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			if isWithin(at, dir) {
				return true
			}
			target, err := os.Readlink(next)
			if links++; err != nil || links > maxLinks {
				return false
			}
			if filepath.IsAbs(target) {
				at = filepath.VolumeName(target) + string(filepath.Separator)
			}
			todo = append(strings.Split(filepath.ToSlash(target), "/"), todo...)
			continue
		}
		at = next
	}
	return isWithin(at, dir)
}

// isWithin reports whether a path without links is that of a directory or of
// something in it, also where the directory is mounted at another place.
func isWithin(path string, dir fs.FileInfo) bool {
	for {
		if info, err := os.Stat(path); err == nil && os.SameFile(info, dir) {
			return true
		}
		up := filepath.Dir(path)
		if up == path {
			return false
		}
		path = up
	}
}

// checkLinks returns an [*InputError] for the path of a directory in which a part
// is a symbolic link: every part of a path that is relative to the configuration,
// the last one of another. A slash at its end follows links, as for the programs
// of POSIX, since the reviewers of the configuration see it there.
func checkLinks(name, what string, e *Environment, dir string) error {
	if e.Ref.Scheme != rootfs.SchemeDir && e.Ref.Scheme != rootfs.SchemeOCIDir {
		return nil
	}
	path := e.written.Path
	if strings.HasSuffix(path, "/") {
		return nil
	}
	var parts []string // of the path, each with those before it
	if path = filepath.Clean(filepath.FromSlash(path)); filepath.IsAbs(path) {
		parts = []string{path}
	} else {
		at := dir
		for _, p := range strings.Split(path, string(filepath.Separator)) {
			if at = filepath.Join(at, p); p != ".." && p != "." {
				parts = append(parts, at)
			}
		}
	}
	for _, p := range parts {
		info, err := os.Lstat(p)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		target, err := filepath.EvalSymlinks(e.Ref.Path)
		if err != nil {
			target = e.Ref.Path
		}
		return &InputError{
			Err:  fmt.Errorf("stage %s: the %s %s leads through the link %s to %s", name, what, e.Raw, p, target),
			Hint: fmt.Sprintf("name the directory itself, or write %s/ if the link is meant", e.Raw),
		}
	}
	return nil
}
