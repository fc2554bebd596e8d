package index

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// maxFiles is the limit of files in one source. The lists of a host with some
	// dozens of archives have a few hundred; a mirror of one suite of Debian with
	// its files by hash has 20,000.
	maxFiles = 200_000
	// maxBundle is the limit of a bundle in bytes.
	maxBundle = 2 << 30
)

// environmentDirs are the directories in which package managers keep indexes,
// relative to the root of an environment.
var environmentDirs = []string{
	"var/lib/apt/lists",   // https://manpages.debian.org/apt-get.8, FILES
	"var/cache/apk",       // https://wiki.alpinelinux.org/wiki/Local_APK_cache
	"var/lib/pacman/sync", // https://man.archlinux.org/man/pacman.8, --dbpath
}

// InEnvironment reports whether a file of an environment can be an index, by its
// path: a link may lead to the directory, so only its end is compared.
func InEnvironment(name string) bool {
	return slices.ContainsFunc(environmentDirs, func(dir string) bool {
		above, base := path.Split(dir)
		return strings.Contains(name, "/"+path.Base(above)+"/"+base+"/")
	})
}

// EnvironmentSources returns the sources that an environment has. root is its
// file system.
func EnvironmentSources(root fs.FS) []Source {
	var out []Source
	for _, dir := range environmentDirs {
		if info, err := fs.Stat(root, dir); err != nil || !info.IsDir() {
			continue
		}
		if sub, err := fs.Sub(root, dir); err == nil {
			out = append(out, Source{Name: "/" + dir, Environment: true, Files: sub})
		}
	}
	return out
}

// OpenSource opens a directory, a bundle or a single index of the auditor. The
// closer must be closed when the source is not used any more. A directory has
// indexes as apt keeps them, as a mirror has them, or any mix.
func OpenSource(name string) (Source, io.Closer, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Source{}, nil, fmt.Errorf("index: file or directory does not exist: %s", name)
	case err != nil:
		return Source{}, nil, fmt.Errorf("index: %w", err)
	case info.IsDir():
		return Source{Name: name, Files: os.DirFS(name)}, io.NopCloser(nil), nil
	case !info.Mode().IsRegular():
		return Source{}, nil, fmt.Errorf("index: %s is neither a file nor a directory", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return Source{}, nil, fmt.Errorf("index: %w", err)
	}
	head := make([]byte, 4)
	if n, _ := f.ReadAt(head, 0); n < len(head) || !bytes.Equal(head, []byte("PK\x03\x04")) {
		f.Close()
		return Source{Name: filepath.Dir(name), Files: singleFile{os.DirFS(filepath.Dir(name)), filepath.Base(name)}}, io.NopCloser(nil), nil
	}
	if info.Size() > maxBundle {
		f.Close()
		return Source{}, nil, fmt.Errorf("index: %s has more than %d MiB", name, maxBundle>>20)
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		f.Close()
		return Source{}, nil, fmt.Errorf("index: %s is a damaged bundle: %w", name, err)
	}
	return Source{Name: name, Files: z}, f, nil
}

// singleFile has one file of a directory.
type singleFile struct {
	fs.FS
	name string
}

func (s singleFile) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	info, err := fs.Stat(s.FS, s.name)
	if err != nil {
		return nil, err
	}
	return []fs.DirEntry{fs.FileInfoToDirEntry(info)}, nil
}

// path returns the path of a file of the source for messages.
func (s Source) path(name string) string {
	if name == "." || name == "" {
		return s.Name
	}
	return path.Join(filepath.ToSlash(s.Name), name)
}

// names returns the files of a source, sorted. apt keeps files that it has not
// verified in directories called partial.
func (o *opener) names(ctx context.Context, s Source) ([]string, error) {
	var out []string
	err := fs.WalkDir(s.Files, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			o.problem(s, name, "directory of indexes cannot be read: "+cause(err))
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			if d.Name() == "partial" {
				return fs.SkipDir
			}
			return nil
		case len(out) == maxFiles:
			o.problem(s, ".", fmt.Sprintf("more than %d files: the rest is not read", maxFiles))
			return fs.SkipAll
		}
		out = append(out, name)
		return nil
	})
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	slices.Sort(out)
	return out, nil
}

// readLimited reads a file of at most limit bytes.
func readLimited(files fs.FS, name string, limit int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("more than %d MiB", limit>>20)
	}
	return data, nil
}

// cause returns the text of an error without the path, which the message has.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return strings.TrimPrefix(err.Error(), "index: ")
}
