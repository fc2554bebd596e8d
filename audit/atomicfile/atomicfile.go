// Package atomicfile replaces files whole or not at all.
//
// A partial report or baseline is worse than none: the next reader trusts it.
// [Write] therefore writes to a temporary file in the same directory (a rename is
// only atomic within one file system), syncs it, and renames it over the old
// file. If a step fails, for example on a full disk or in a canceled encoder, the
// old file is unchanged and the temporary one is removed. A process that is
// killed leaves its temporary file, and the next [Write] of the same file removes
// it: the living hold a lock on theirs.
package atomicfile

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// maxTries limits the search for a free temporary name. Names are only taken by
// other processes that write the same file, and by the files of processes that
// were killed.
const maxTries = 1000

// Write replaces the file at path with the output of write. The mode of an
// existing file is kept; a new one gets 0666 before umask. A symbolic link is
// followed: its target is replaced and the link stays. A file that is not
// regular (a terminal, /dev/stdout, a pipe) cannot be replaced and is written to
// directly.
func Write(path string, write func(io.Writer) error) (err error) {
	target, mode, err := resolve(path)
	if err != nil {
		return err
	}
	if mode.Type() != 0 {
		return writeThrough(target, write)
	}
	sweep(target)
	tmp, err := create(target, mode.Perm())
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if err := fill(tmp, write); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := tmp.Sync(); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := os.Rename(tmp.Name(), target); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	syncDir(filepath.Dir(target))
	return nil
}

// resolve follows symbolic links to the file to replace and returns its mode,
// 0 when the file does not exist yet.
func resolve(path string) (string, fs.FileMode, error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		// The links in /proc/self/fd, where /dev/stderr and the names that a shell
		// gives to pipes lead, have texts that are no paths ("pipe:[4711]").
		if info, statErr := os.Stat(path); statErr == nil {
			return path, info.Mode() | fs.ModeIrregular, nil
		}
		if link, lerr := os.Lstat(path); lerr == nil && link.Mode()&fs.ModeSymlink != 0 {
			return "", 0, fmt.Errorf("cannot write %s: it is a symbolic link to a file that does not exist", path)
		}
		return path, 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("cannot write %s: %w", path, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", 0, fmt.Errorf("cannot write %s: %w", path, err)
	}
	if info.IsDir() {
		return "", 0, fmt.Errorf("cannot write %s: it is a directory", path)
	}
	return target, info.Mode(), nil
}

func create(target string, perm fs.FileMode) (*os.File, error) {
	dir, base := filepath.Split(target)
	for i := range maxTries {
		name := filepath.Join(dir, prefix(base)+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(i))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !Lock(f) {
			f.Close()
			continue
		}
		if perm == 0 {
			return f, nil
		}
		if err := f.Chmod(perm); err != nil {
			f.Close()
			os.Remove(name)
			return nil, err
		}
		return f, nil
	}
	return nil, fmt.Errorf("no free temporary name beside it: remove the .%s.tmp* files there", base)
}

func prefix(base string) string { return "." + base + ".tmp" }

var suffix = lazyregexp.New(`^[0-9]+-[0-9]+$`)

// sweep removes the temporary files of processes that were killed while they
// wrote the same file. Errors are ignored: the files are only litter.
func sweep(target string) {
	dir, base := filepath.Split(target)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return
	}
	for _, e := range entries {
		if rest, ours := strings.CutPrefix(e.Name(), prefix(base)); ours && e.Type().IsRegular() && suffix.MatchString(rest) {
			name := filepath.Join(dir, e.Name())
			if release, dead := Abandoned(name); dead {
				os.Remove(name)
				release()
			}
		}
	}
}

func fill(f *os.File, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(f, 64<<10)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}

func writeThrough(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := errors.Join(fill(f, write), f.Close()); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// syncDir makes the rename durable. Not every file system can sync a directory, and
// the file is complete in any case, so an error is ignored.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}
