package artifact

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/zeebo/blake3"
)

// cache is a directory with manifests. The name of a file is made of the kind and
// digest of the artifact and the version of the readers.
//
// Processes share it without coordination: a file is written under another name
// and then renamed. A file that is damaged in any byte, or has the manifest of
// another artifact, is treated as missing and replaced.
//
// A manifest in the cache is believed without the artifact. So the directory must
// belong to the current user, and no other user may write to it, as that of the
// layers of images.
//
// A cache is no reason to fail: without it the artifact is read again.
type cache struct {
	dir  string
	warn func(string)
	// off is set after the first error of writing.
	off     atomic.Bool
	written atomic.Int64 // since the last time that the size was checked
}

const (
	// maxCache is the size of a cache in bytes: the manifests of some 40,000
	// packages of Debian. The least recently used files are removed first.
	maxCache = 1 << 30
	// trimEvery is how many bytes are written between two checks of the size.
	trimEvery       = 32 << 20
	manifestSuffix  = ".manifest"
	temporaryPrefix = "writing-"
	// maxManifest is the size of a file that is read.
	maxManifest = 512 << 20
)

// openCache opens a cache, nil for an empty name or a directory that cannot be
// used, of which warn gets the reason.
func openCache(dir string, warn func(string)) *cache {
	if dir == "" {
		return nil
	}
	c := &cache{dir: dir, warn: warn}
	if err := checkDirectory(dir); err != nil {
		c.give(err)
		return nil
	}
	return c
}

func checkDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("not a directory")
	}
	if owner, ok := ownerOf(info); ok && owner != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, who could replace its content", owner)
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 && isUnix {
		return fmt.Errorf("other users may write to it: it has mode %04o (run chmod 700 on it)", perm)
	}
	return nil
}

// name returns the name of a file, which is safe for any key.
func (c *cache) name(key string) string {
	sum := blake3.Sum256([]byte(key))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:20])+"-"+strconv.Itoa(version)+manifestSuffix)
}

func cacheKey(k Kind, digest string) string {
	return string(k) + " " + digest + " " + strconv.Itoa(version)
}

// load returns a manifest, or nil if there is no valid one.
func (c *cache) load(k Kind, digest string) *Manifest {
	if c == nil {
		return nil
	}
	key := cacheKey(k, digest)
	name := c.name(key)
	f, err := openPlain(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxManifest {
		return nil
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil
	}
	m, err := decode(key, data)
	if err != nil {
		return nil
	}
	markUsed(f)
	return m
}

// save writes a manifest.
func (c *cache) save(k Kind, digest string, m *Manifest) {
	if c == nil || c.off.Load() {
		return
	}
	key := cacheKey(k, digest)
	data, err := encode(key, m)
	if err == nil {
		err = c.write(c.name(key), data)
	}
	if err != nil {
		c.give(err)
		return
	}
	if before := c.written.Add(int64(len(data))) - int64(len(data)); before == 0 || before/trimEvery != (before+int64(len(data)))/trimEvery {
		c.trim()
	}
}

func (c *cache) write(name string, data []byte) error {
	f, err := os.CreateTemp(c.dir, temporaryPrefix+"*")
	if err != nil {
		return err
	}
	defer f.Close()
	lockFile(f)
	if _, err = f.Write(data); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process took it for abandoned, before it was locked
	}
	return err
}

// removeAbandoned removes a temporary file that no process is writing.
func (c *cache) removeAbandoned(name string) {
	f, err := openPlain(name)
	if err != nil {
		return
	}
	defer f.Close()
	if lockFile(f) {
		_ = os.Remove(name)
	}
}

// give gives up the cache, with one warning.
func (c *cache) give(err error) {
	if !c.off.Swap(true) && c.warn != nil {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			err = path.Err
		}
		c.warn(fmt.Sprintf("the cache of manifests in %s cannot be used (%v): artifacts are read again", c.dir, err))
	}
}

// trim removes the least recently used files until the cache is within its limit,
// and files of processes that were killed. It ignores errors, because another
// process may have removed a file.
func (c *cache) trim() {
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
			c.removeAbandoned(filepath.Join(c.dir, e.Name()))
		case strings.HasSuffix(e.Name(), manifestSuffix):
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
		if total <= maxCache {
			return
		}
		if os.Remove(filepath.Join(c.dir, info.Name())) == nil {
			total -= info.Size()
		}
	}
}
