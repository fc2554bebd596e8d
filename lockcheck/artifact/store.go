package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Store finds artifacts and makes manifests of them. It is safe for several
// goroutines.
type Store struct {
	shelves []*shelf
	sources []Source
	cache   *cache
}

// Options are the places of a [Store].
type Options struct {
	// Directories have artifacts, in any layout. One may also be a single file.
	Directories []string
	// Sources are file systems in which the caches of package managers are looked
	// for at their usual places.
	Sources []Source
	// Cache is the directory for manifests, empty for none.
	Cache string
	// Warn gets at most one message, about the cache; it may be nil.
	Warn func(string)
}

// Source is a file system with caches of package managers: a scanned
// environment, or the auditor's machine.
type Source struct {
	// FS is the whole system: its root is "/". Names of links must be resolved
	// within it. Files should implement [io.ReaderAt].
	FS fs.FS
	// Homes are the home directories of users, without a leading slash; nil for
	// root and every directory in home.
	Homes []string
	// Caches are directories in use beside .cache in those (XDG_CACHE_HOME).
	Caches []string
	// Yarn are the caches of projects of Yarn 2 and later, .yarn/cache.
	Yarn []string
}

// NewStore returns a store. Directories are listed when they are needed.
func NewStore(o Options) *Store {
	s := &Store{sources: o.Sources, cache: openCache(o.Cache, o.Warn)}
	for _, dir := range o.Directories {
		root := "."
		parent := dir
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			parent, root = filepath.Dir(dir), filepath.Base(dir)
		}
		s.shelves = append(s.shelves, &shelf{name: dir, fsys: os.DirFS(parent), roots: []string{root}, deep: true})
	}
	for _, source := range o.Sources {
		s.shelves = append(s.shelves, source.shelves()...)
	}
	return s
}

// Manifest returns the manifest of an artifact and the digest by which it was
// accepted. It is the first one that fits; when none does, the first one. The
// error is [ErrNone] when the artifact is nowhere; any other error is about bytes
// that were found and are damaged or refused, or about the context.
func (s *Store) Manifest(ctx context.Context, w Want) (*Manifest, string, error) {
	digests := accepted(w)
	if len(digests) == 0 {
		return nil, "", fmt.Errorf("%w: the entry has no digest of SHA-256 or stronger", ErrNone)
	}
	var first *Manifest
	var firstDigest string
	var damaged error
	missing := digests[:0:0]
	for _, d := range digests {
		switch m := s.cache.load(w.Kind, d); {
		case m == nil:
			missing = append(missing, d)
		case w.Fits == nil || w.Fits(m):
			return m, d, nil
		case first == nil:
			first, firstDigest = m, d
		}
	}
	for _, d := range missing {
		m, err := s.read(ctx, w, d)
		switch {
		case ctx.Err() != nil:
			return nil, "", ctx.Err()
		case err != nil:
			if damaged == nil || errors.Is(damaged, ErrNone) {
				damaged = err
			}
		case w.Fits == nil || w.Fits(m):
			return m, d, nil
		case first == nil:
			first, firstDigest = m, d
		}
	}
	if first != nil {
		return first, firstDigest, nil
	}
	return nil, "", damaged
}

// read finds the artifact with a digest and reads it.
func (s *Store) read(ctx context.Context, w Want, d string) (*Manifest, error) {
	it, err := s.find(ctx, w, d)
	if err != nil {
		return nil, err
	}
	m, err := it.manifest(ctx, w.Kind, d)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", it.where(), err)
	}
	s.cache.save(w.Kind, d, m)
	return m, nil
}

// find finds the file with a digest.
func (s *Store) find(ctx context.Context, w Want, d string) (*item, error) {
	algorithm, _, _ := strings.Cut(d, ":")
	match := func(it *item) (bool, error) {
		if w.Size > 0 && it.size != w.Size {
			return false, ctx.Err()
		}
		have, err := it.sum(ctx, w.Kind, algorithm)
		return err == nil && have == d, ctx.Err()
	}
	for _, source := range s.sources {
		for _, it := range source.direct(w, d) {
			if ok, err := match(it); ok || err != nil {
				return it, err
			}
		}
	}
	var other *item
	keys := names(w, d)
	for _, shelf := range s.shelves {
		if !shelf.has(w.Kind) {
			continue
		}
		shelf.list(ctx)
		for _, key := range keys {
			for _, it := range shelf.byName[key] {
				if !w.prefers(it.path) {
					continue
				}
				if ok, err := match(it); ok || err != nil {
					return it, err
				}
				if other == nil {
					other = it
				}
			}
		}
	}
	for _, shelf := range s.shelves {
		if shelf.deep && shelf.has(w.Kind) {
			if it, err := shelf.findDigest(ctx, w.Kind, d); it != nil || err != nil {
				return it, err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if other != nil {
		return nil, fmt.Errorf("%w: %s has another digest", ErrNone, other.where())
	}
	return nil, ErrNone
}

// prefers reports whether a file at a path may be the artifact: the zip files of
// Go modules are all named by the version, in the directory of the module.
func (w Want) prefers(p string) bool {
	return w.Kind != GoZip || !strings.HasSuffix(path.Dir(p), "/@v") || strings.HasSuffix(path.Dir(p), escapeModule(w.Name)+"/@v")
}

// escapeModule escapes a module path as the module cache does: upper-case letters
// become an exclamation mark and the lower-case letter
// (https://go.dev/ref/mod#goproxy-protocol).
func escapeModule(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			b.WriteByte('!')
			b.WriteByte(c - 'A' + 'a')
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// manifest reads a file of which the digest was found to be d. The bytes may
// have changed since, in a directory that others write to: so the digest is that
// of the copy in memory that is read, or is checked again.
func (it *item) manifest(ctx context.Context, k Kind, d string) (*Manifest, error) {
	r, c, err := it.open()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	algorithm, _, _ := strings.Cut(d, ":")
	check := func() error {
		have, err := digest(newBudget(ctx, r.Size()), r, algorithm)
		if err == nil && have != d {
			err = errors.New("the file was changed while it was read")
		}
		return err
	}
	if r.Size() <= maxLoaded {
		data, err := io.ReadAll(stream(r))
		if err != nil {
			return nil, err
		}
		r = bytes.NewReader(data)
		if err := check(); err != nil {
			return nil, err
		}
		return Read(ctx, k, r)
	}
	m, err := Read(ctx, k, r)
	if err != nil {
		return nil, err
	}
	return m, check()
}

// where is the place of a file in a message.
func (it *item) where() string {
	if it.shelf.name != "" {
		if it.shelf.roots[0] != "." {
			return it.shelf.name
		}
		return filepath.Join(it.shelf.name, filepath.FromSlash(it.path))
	}
	return "/" + it.path
}

// Problems returns the errors of directories that could not be listed whole, in
// the order of [Options]: an artifact that was not found may be there. A cache of
// a package manager promises nothing, and is no problem.
func (s *Store) Problems() []error {
	var out []error
	for _, shelf := range s.shelves {
		shelf.mu.Lock()
		if shelf.err != nil && shelf.name != "" {
			out = append(out, fmt.Errorf("directory of artifacts: %w", shelf.err))
		}
		shelf.mu.Unlock()
	}
	return out
}
