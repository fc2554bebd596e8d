package layer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/sums"
)

// Cache is a directory with the files of layers that were read. The name of a
// file is made of the layer's digest, the rule's ID and the version of the
// format.
//
// Processes share it without coordination. A file is written under another name
// and then renamed, so that a process that opens it gets the whole file, and
// keeps it if it is replaced or removed. A file that is damaged in any byte, or
// that has the wrong key, is treated as missing and replaced.
//
// Goroutines or processes that need the same layer at the same time wait for
// each other with flock(2), where the system supports it. The lock only saves
// work: without it, or after a long wait, a layer is read twice.
//
// The files are trusted as much as the directory: it must belong to the current
// user, and no other user may write to it.
//
// A cache is no reason to fail: what cannot be written to it is read into a
// temporary file instead, with one warning.
type Cache struct {
	dir   string
	limit int64
	warn  func(string)
	// full is set after the first error of writing: the rest is not cached.
	full atomic.Bool
}

// maxCache is the maximum size of a cache in bytes: the contents of about fifty
// images. The least recently used files are removed first.
const maxCache = 2 << 30

// A file of at least 1/trimShare of the limit, 8 MiB, has the cache trimmed, and one in
// trimOne of the smaller ones. Trimming looks at every file: if each of the ten thousand
// small layers of a fleet did so, the cache would look at a hundred million files. The
// cache can exceed its limit by some files of less than that size.
const (
	trimShare = 256
	trimOne   = 16
)

const (
	cacheSuffix     = ".layer"
	temporaryPrefix = "writing-"
	lockPrefix      = "lock-"
	// lockFiles is the number of lock files, which layers are distributed over:
	// locking files that are removed is not safe.
	lockFiles = 64
)

// OpenCache opens the directory of a cache. It creates a missing directory. warn
// gets at most one message; it may be nil.
func OpenCache(dir string, warn func(string)) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache of layers: %w (use another directory, or none)", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("cache of layers: %w (use another directory, or none)", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("cache of layers: not a directory: %s (use another one, or none)", dir)
	}
	if owner, ok := ownerOf(info); ok && owner != os.Geteuid() {
		return nil, fmt.Errorf("cache of layers: directory %s belongs to user %d, who could replace its content (use another one, or none)", dir, owner)
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 && isUnix {
		return nil, fmt.Errorf("cache of layers: other users may write to directory %s, which has mode %04o (run chmod 700 on it, or use another one or none)", dir, perm)
	}
	return &Cache{dir: dir, limit: maxCache, warn: warn}, nil
}

// Read returns the index of a layer from the cache. If it is not there, Read
// reads the layer. For an index from the cache, Progress gets the whole size at
// once. A nil Cache always reads the layer, and so does a rule without an ID,
// because its results are not known to be the same the next time.
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
	x := c.loadAny(&blob, &opts)
	if x == nil {
		unlock, err := c.lock(ctx, key)
		if err != nil {
			return nil, err
		}
		defer unlock()
		// The previous holder of the lock may have written it.
		x = c.loadAny(&blob, &opts)
	}
	if x != nil {
		if opts.Kept != nil && opts.Kept.Add(x.Kept()) > maxKept {
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

// ruleID returns the ID of the rule, with the digests or the ordinals in Only.
func (o *Options) ruleID() string {
	if o.Sums != 0 {
		return fmt.Sprintf("%s\nsums %d", o.Rule.ID, o.Sums)
	}
	if o.Only == nil {
		return o.Rule.ID
	}
	h := sha256.New()
	for _, ordinal := range slices.Sorted(maps.Keys(o.Only)) {
		fmt.Fprintln(h, ordinal)
	}
	return o.Rule.ID + "\nonly " + hex.EncodeToString(h.Sum(nil))
}

// cacheName returns a safe name of a file: a valid digest consists of letters
// and digits.
func cacheName(id, rule string) string {
	sum := sha256.Sum256([]byte(rule))
	return strings.ReplaceAll(id, ":", "-") + "-" + hex.EncodeToString(sum[:8]) + "-" + formatVersion + cacheSuffix
}

// loadAny returns an index that has all digests of the options, and may have
// more; nil if there is none. An audit with digests and one without are common,
// and others are not.
func (c *Cache) loadAny(blob *Blob, opts *Options) *Index {
	try := []Options{*opts}
	if opts.Only == nil && opts.Sums != sums.All {
		more := *opts
		more.Sums = sums.All
		try = append(try, more)
	}
	for _, o := range try {
		rule := o.ruleID()
		if x := c.load(cacheName(blob.id(), rule), blob.id()+"\n"+rule); x != nil {
			return x
		}
	}
	return nil
}

// load returns the index of a file in the cache; nil if there is no valid one.
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
	if c.full.Load() {
		return Read(ctx, blob, opts)
	}
	file, err := c.create()
	if err != nil {
		c.give(err)
		return Read(ctx, blob, opts)
	}
	x, err := read(ctx, &blob, &opts, file, key)
	if err != nil {
		os.Remove(file.Name())
		file.Close()
		if full := (*writeError)(nil); errors.As(err, &full) && ctx.Err() == nil {
			c.give(full.err)
			opts.Progress = nil // the bytes were reported
			return Read(ctx, blob, opts)
		}
		return nil, err
	}
	// If this fails, nothing is cached, and the index is still valid.
	if err := os.Rename(file.Name(), filepath.Join(c.dir, name)); err != nil {
		os.Remove(file.Name())
	}
	unlockFile(file)
	if info, err := file.Stat(); err != nil || c.trims(name, info.Size()) {
		c.trim(name)
	}
	return x, nil
}

// give gives up writing to the cache.
func (c *Cache) give(err error) {
	if !c.full.Swap(true) && c.warn != nil {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			err = path.Err
		}
		c.warn(fmt.Sprintf("the cache of layers in %s cannot be written (%v): the scan goes on without it", c.dir, err))
	}
}

// createTries is the maximum number of attempts to create a file that is
// removed before it is locked. Where locks do not work, nothing is removed.
const createTries = 10

// create creates a file for a layer and locks it: trim does not remove locked
// files, and may have removed this one before it was locked.
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

// trims reports whether a new file has the cache trimmed.
func (c *Cache) trims(name string, size int64) bool {
	return size >= c.limit/trimShare || crc32.ChecksumIEEE([]byte(name))%trimOne == 0
}

// trim removes the least recently used files until the cache is within its
// limit, and the files of processes that were killed. It never removes keep. It
// ignores errors, because another process may have removed a file.
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

// removeAbandoned removes a temporary file that no process is writing.
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

// lock waits for other readers of a layer with the same key. The lock is held
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
