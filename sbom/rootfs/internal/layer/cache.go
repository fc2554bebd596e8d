package layer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Cache is a directory with the files of layers that were read, each under a
// name made of the layer's digest, the rule's ID and the version of the
// format.
//
// Processes share it without asking each other. A file is written under
// another name and then renamed, so that whoever opens it has the whole of
// it; who has it open keeps it when it is replaced or removed. A file that is
// damaged in any byte, or does not belong to its name, is taken for absent
// and replaced.
//
// Two that want the same layer at the same time wait for each other with
// flock(2), whether they are goroutines or processes, where the system has
// it. The lock saves work and nothing depends on it: where there is none, and
// for who has waited for long, a layer is read twice.
//
// The files are trusted as far as the directory is: it belongs to the user who
// scans, and nobody else may write to it.
type Cache struct {
	dir   string
	limit int64
}

// MaxCache is what a cache may hold in bytes: what is kept of some fifty
// images. The files that were not used for the longest time are removed
// first.
const MaxCache = 2 << 30

const (
	cacheSuffix     = ".layer"
	temporaryPrefix = "writing-"
	lockPrefix      = "lock-"
	// lockFiles is the number of files to lock, among which layers are spread:
	// files that are removed cannot be locked safely.
	lockFiles = 64
)

// OpenCache opens the directory of a cache, and makes it if there is none.
func OpenCache(dir string) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache of layers: %w: name another directory, or use none", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("cache of layers: %w: name another directory, or use none", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("cache of layers: %q is not a directory: name another one, or use none", dir)
	}
	if owner, ok := ownerOf(info); ok && owner != os.Geteuid() {
		return nil, fmt.Errorf("cache of layers: the directory %q belongs to the user with the number %d, who could put anything into it: name another one, or use none", dir, owner)
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 && isUnix {
		return nil, fmt.Errorf("cache of layers: others may write to the directory %q (its mode is %04o): run chmod 700 on it, name another one, or use none", dir, perm)
	}
	return &Cache{dir, MaxCache}, nil
}

// Read gives the index of a layer from the cache, and reads the layer when it
// is not there. Progress tells the whole size of what needs no reading. A nil
// Cache reads, and so does a rule without an ID: nobody knows what it would
// answer the next time.
func (c *Cache) Read(ctx context.Context, blob Blob, opts Options) (*Index, error) {
	if c == nil || opts.Rule.ID == "" {
		return Read(ctx, blob, opts)
	}
	rule := opts.ruleID()
	key := blob.id() + "\n" + rule
	if _, err := newHash(blob.id()); err != nil {
		return nil, &Error{blob.Number, blob.id(), err}
	}
	name := cacheName(blob.id(), rule)
	x := c.load(name, key)
	if x == nil {
		unlock, err := c.lock(ctx, key)
		if err != nil {
			return nil, err
		}
		defer unlock()
		// Whoever had the lock may have been here for the same.
		x = c.load(name, key)
	}
	if x != nil {
		if opts.Kept != nil && opts.Kept.Add(x.Kept()) > MaxKept {
			x.Close()
			return nil, &Error{blob.Number, blob.id(), errKept}
		}
		if opts.Progress != nil {
			opts.Progress(blob.Size, x.Len())
		}
		return x, nil
	}
	return c.add(ctx, name, key, blob, opts)
}

// ruleID identifies what is kept of a layer.
func (o *Options) ruleID() string {
	if o.Only == nil {
		return o.Rule.ID
	}
	h := sha256.New()
	for _, ordinal := range slices.Sorted(maps.Keys(o.Only)) {
		fmt.Fprintln(h, ordinal)
	}
	return o.Rule.ID + "\nonly " + hex.EncodeToString(h.Sum(nil))
}

// cacheName is safe as a name of a file: a digest that was checked is of
// letters and digits.
func cacheName(id, rule string) string {
	sum := sha256.Sum256([]byte(rule))
	return strings.ReplaceAll(id, ":", "-") + "-" + hex.EncodeToString(sum[:8]) + "-" + formatVersion + cacheSuffix
}

// load gives the index of a file in the cache; nil when there is none that
// can be believed.
func (c *Cache) load(name, key string) *Index {
	path := filepath.Join(c.dir, name)
	file, err := openPlain(path)
	if err != nil {
		return nil
	}
	x, err := openIndex(file, key)
	if err != nil {
		file.Close()
		return nil
	}
	markUsed(file)
	return x
}

// add reads a layer into the cache.
func (c *Cache) add(ctx context.Context, name, key string, blob Blob, opts Options) (*Index, error) {
	file, err := c.create()
	if err != nil {
		return nil, &Error{blob.Number, blob.id(), fmt.Errorf("cache of layers: %w", err)}
	}
	x, err := read(ctx, &blob, &opts, file, key)
	if err != nil {
		os.Remove(file.Name())
		file.Close()
		return nil, err
	}
	// If this fails, nothing is cached, and the index is as good as ever.
	if err := os.Rename(file.Name(), filepath.Join(c.dir, name)); err != nil {
		os.Remove(file.Name())
	}
	unlockFile(file)
	c.trim(name)
	return x, nil
}

// createTries is how often a file is made again that was cleaned away before
// it could be locked. Where locks do not work, nothing is cleaned away.
const createTries = 10

// create makes a file to write a layer to. It is locked: who cleans up leaves
// alone what is locked, and may have been faster than we.
func (c *Cache) create() (*os.File, error) {
	for try := 1; ; try++ {
		file, err := os.CreateTemp(c.dir, temporaryPrefix+"*")
		if err != nil {
			return nil, err
		}
		locked := lockFile(file)
		if _, err := os.Lstat(file.Name()); locked && err == nil || try == createTries {
			return file, nil
		}
		os.Remove(file.Name())
		file.Close()
	}
}

// trim removes what was not used for the longest time until the cache is
// within its limit, and what was left by processes that were killed. keep is
// never removed. Errors do not matter: another process may have been faster.
func (c *Cache) trim(keep string) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		switch {
		case strings.HasPrefix(e.Name(), temporaryPrefix):
			c.removeAbandoned(e.Name())
		case strings.HasSuffix(e.Name(), cacheSuffix):
			files = append(files, info)
			total += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		if order := a.ModTime().Compare(b.ModTime()); order != 0 {
			return order
		}
		return strings.Compare(a.Name(), b.Name())
	})
	for _, info := range files {
		if total <= c.limit {
			return
		}
		if info.Name() != keep && os.Remove(filepath.Join(c.dir, info.Name())) == nil {
			total -= info.Size()
		}
	}
}

// removeAbandoned removes a file that nobody is writing.
func (c *Cache) removeAbandoned(name string) {
	path := filepath.Join(c.dir, name)
	file, err := openPlain(path)
	if err != nil {
		return
	}
	defer file.Close()
	if lockFile(file) {
		os.Remove(path)
	}
}

// lock waits for others that want a layer of the same key. The lock is kept
// until unlock is called.
func (c *Cache) lock(ctx context.Context, key string) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(key))
	path := filepath.Join(c.dir, fmt.Sprintf("%s%02d", lockPrefix, int(sum[0])%lockFiles))
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return func() {}, nil
	}
	if err := waitLock(ctx, file); err != nil {
		file.Close()
		return nil, err
	}
	return func() { file.Close() }, nil
}
