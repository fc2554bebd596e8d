package rootfs

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/depaudit/depaudit/sbom"
)

// maxDepth is the maximum nesting of directories. Directories are opened by
// their path from the root, so that no more descriptors than goroutines are
// open. So the cost of a directory grows with its depth, and a tree made to be
// deep would take hours. Real trees are less than 100 deep.
const maxDepth = 5000

// minWorkers and maxWorkers bound the number of goroutines that read
// directories. It is larger than the number of processors, because with a cold
// cache they wait for the disk.
const minWorkers, maxWorkers = 4, 32

// progressStep is the number of entries between two calls of
// [Options.Progress].
const progressStep = 10_000

// walker reads all directories below a root, in parallel, into a builder.
type walker struct {
	disk   *disk
	skip   map[string]bool    // directories not to enter, by path
	mounts map[string][]mount // mounts below the root, by path

	mu       sync.Mutex // guards all fields below
	wake     sync.Cond
	queue    []directory // last in, first out, so that it stays short
	busy     int         // goroutines that are reading a directory
	stopped  bool
	err      error
	build    *builder
	gaps     []sbom.Gap
	excluded []sbom.Exclusion

	progress     func(int)
	progressNext int
}

// becameOther is the end of a gap's detail.
const becameOther = "changed its kind during the walk (scan again while nothing changes it)"

// directory is a directory that has to be read.
type directory struct {
	node  int32
	depth int32
	path  string // within the environment
}

func newWalker(d *disk, progress func(int)) *walker {
	w := &walker{disk: d, build: newBuilder(), progress: progress, progressNext: progressStep}
	w.wake.L = &w.mu
	return w
}

// walk reads everything. It returns after all of its goroutines have ended.
func (w *walker) walk(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { w.fail(ctx.Err()) })
	defer stop()
	w.queue = append(w.queue, directory{path: "/"})
	var group sync.WaitGroup
	for range min(max(runtime.GOMAXPROCS(0), minWorkers), maxWorkers) {
		group.Go(func() { w.work(ctx) })
	}
	group.Wait()
	// AfterFunc runs in its own goroutine, which may be late.
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	err := w.err
	w.mu.Unlock()
	if err == nil && w.progress != nil {
		w.progress(len(w.build.parents))
	}
	return err
}

// fail ends the walk with its first error.
func (w *walker) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.stopped = true
	w.wake.Broadcast()
}

// work reads directories until none are left.
func (w *walker) work(ctx context.Context) {
	l := newListing()
	for {
		f, ok := w.next()
		if !ok {
			return
		}
		l.reset()
		err := w.read(ctx, f, l)
		if err != nil {
			w.fail(err)
		}
		w.done(f, l)
	}
}

// next takes a directory from the queue. It waits while the queue is empty and
// other goroutines are still reading.
func (w *walker) next() (directory, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && w.busy > 0 && !w.stopped {
		w.wake.Wait()
	}
	if len(w.queue) == 0 || w.stopped {
		return directory{}, false
	}
	f := w.queue[len(w.queue)-1]
	w.queue[len(w.queue)-1] = directory{}
	w.queue = w.queue[:len(w.queue)-1]
	w.busy++
	return f, true
}

// done adds the entries of a directory to the tree, and its subdirectories to
// the queue.
func (w *walker) done(f directory, l *listing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy--
	if w.stopped {
		w.wake.Broadcast()
		return
	}
	if err := w.addAll(f, l); err != nil {
		w.err, w.stopped = err, true
	}
	switch {
	case w.stopped, w.busy == 0 && len(w.queue) == 0, len(w.queue) > 1:
		w.wake.Broadcast()
	case len(w.queue) == 1:
		w.wake.Signal()
	}
	w.report()
}

func (w *walker) addAll(f directory, l *listing) error {
	for i, e := range l.entries {
		if i > 0 && bytes.Equal(l.name(e), l.name(l.entries[i-1])) {
			// A directory that changes while it is read can return a name twice.
			continue
		}
		n, err := w.build.add(f.node, l.name(e), e.kind)
		if err != nil {
			return err
		}
		switch e.kind {
		case File:
			if e.inode != 0 {
				w.build.setInode(n, e.inode)
			}
		case Symlink:
			if err := w.build.setTarget(n, l.text[e.linkFrom:e.linkTo]); err != nil {
				return err
			}
		case Dir:
			w.queue = append(w.queue, directory{node: n, depth: f.depth + 1, path: join(f.path, l.name(e))})
		}
	}
	w.gaps = append(w.gaps, l.gaps...)
	w.excluded = append(w.excluded, l.excluded...)
	return nil
}

// report calls the caller's progress function. It is called with the lock held:
// from one goroutine at a time, with numbers that only grow.
func (w *walker) report() {
	files := len(w.build.parents)
	if w.progress == nil || files < w.progressNext {
		return
	}
	w.progressNext = files + progressStep
	w.progress(files)
}

// read lists one directory. Errors end the walk. A problem with this directory
// alone is a gap in the listing.
func (w *walker) read(ctx context.Context, f directory, l *listing) error {
	if w.skip[f.path] {
		l.exclude(f.path, w.typeOf(f.path))
		return nil
	}
	if m, ok := w.pseudoMount(f.path); ok {
		l.exclude(f.path, m.fsType)
		return nil
	}
	if f.depth > maxDepth {
		l.gap(sbom.GapLimit, f.path, fmt.Sprintf("more than %d nested directories: not read", maxDepth))
		return nil
	}
	err := w.list(ctx, f.path, l)
	switch {
	case err == nil:
		slices.SortFunc(l.entries, l.compare)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case f.path == "/":
		return err
	}
	// Entries that were read before the error are valid, and are kept.
	slices.SortFunc(l.entries, l.compare)
	switch mounted := w.mounts[f.path]; {
	case len(mounted) > 0:
		l.gap(sbom.GapMount, f.path, fmt.Sprintf("the mount of type %s could not be read: %v", mounted[len(mounted)-1].fsType, plain(err)))
	case errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENOTDIR):
		l.gap(sbom.GapUnreadable, f.path, "was a directory and "+becameOther)
	case errors.Is(err, fs.ErrPermission):
		l.gap(sbom.GapPermission, f.path, Denied)
	case errors.Is(err, fs.ErrNotExist):
		l.gap(sbom.GapUnreadable, f.path, errListed.Error())
	default:
		l.gap(sbom.GapUnreadable, f.path, plain(err).Error())
	}
	return nil
}

// maxLists is the number of times that a directory is read when it changes
// meanwhile.
const maxLists = 3

// errListed is the error of an entry that its directory lists, and that cannot
// be opened all the same.
var errListed = errors.New("its directory lists it, but it cannot be opened: no such file or directory (scan again; check the file system if this remains)")

// errEndedEarly is the error of a directory whose list is shorter than the
// directory.
var errEndedEarly = errors.New("the file system ended the list of the directory early (scan again; check the file system if this remains)")

// list reads one directory. The directory, or an entry of it, that was removed
// after it was listed does not exist, which is neither an error nor a gap. That
// it was removed is what the list shows which is read again, and not the
// missing file: a file system with a fault also reports it.
func (w *walker) list(ctx context.Context, path string, l *listing) error {
	var before []string
	for try := 1; ; try++ {
		l.reset()
		err := w.disk.list(ctx, path, l)
		switch {
		case errors.Is(err, fs.ErrNotExist) && w.disk.gone(ctx, path):
			return nil
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, errEndedEarly):
			if try == maxLists || ctx.Err() != nil {
				return err
			}
			continue
		case err != nil || len(l.vanished) == 0:
			return err
		}
		var twice []string
		for _, name := range l.vanished {
			if slices.Contains(before, name) {
				twice = append(twice, name)
			}
		}
		if try == maxLists || len(twice) == len(l.vanished) {
			for _, name := range twice {
				l.gap(sbom.GapUnreadable, join(path, []byte(name)), errListed.Error())
			}
			return nil
		}
		before = l.vanished
	}
}

// gone reports whether an entry that could not be opened was removed: the
// nearest directory above it that exists does not list it, or what is left of
// its path. A directory that cannot be read leaves it in doubt.
func (d *disk) gone(ctx context.Context, path string) bool {
	l := newListing()
	for path != "/" {
		i := strings.LastIndexByte(path, '/')
		parent, name := cmp.Or(path[:i], "/"), path[i+1:]
		l.reset()
		err := d.list(ctx, parent, l)
		if err == nil {
			return !l.lists(name)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false
		}
		path = parent
	}
	return false
}

// findings returns the gaps and exclusions in an order that does not depend on
// the walk.
func (w *walker) findings() ([]sbom.Gap, []sbom.Exclusion) {
	slices.SortFunc(w.gaps, func(a, b sbom.Gap) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Detail, b.Detail))
	})
	slices.SortFunc(w.excluded, func(a, b sbom.Exclusion) int { return cmp.Compare(a.Path, b.Path) })
	return w.gaps, w.excluded
}

// plain removes the path and the system call from an error: the gap has the
// path within the environment, and the error has one on this machine.
func plain(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func join(dir string, name []byte) string {
	if dir == "/" {
		return "/" + string(name)
	}
	return dir + "/" + string(name)
}

// listing is the result of reading one directory. A goroutine reuses its
// listing.
type listing struct {
	buffer   []byte // for the system call
	target   [maxTarget]byte
	names    []byte
	text     []byte // of symbolic links
	entries  []entry
	gaps     []sbom.Gap
	excluded []sbom.Exclusion
	// vanished are entries that were listed, and missing when they were examined.
	vanished []string
	dots     int // entries "." and ".."
}

type entry struct {
	// key is the name's first eight bytes, big endian. It decides most
	// comparisons without a comparison of names.
	key              uint64
	from, to         uint32 // of names
	linkFrom, linkTo uint32 // of text
	kind             Kind
	inode            uint64 // 0 if unknown, or not a regular file
}

// bufferSize is the size of the result of one system call for a directory: some
// 2,000 entries. The kernel fills it completely.
const bufferSize = 64 << 10

// maxTarget is the longest text of a symbolic link: PATH_MAX of Linux.
const maxTarget = 4096

func newListing() *listing { return &listing{buffer: make([]byte, bufferSize)} }

func (l *listing) reset() {
	l.names, l.text, l.entries = l.names[:0], l.text[:0], l.entries[:0]
	l.gaps, l.excluded = nil, nil
	l.vanished, l.dots = nil, 0
}

func (l *listing) vanish(name []byte) { l.vanished = append(l.vanished, string(name)) }

// lists reports whether the directory has an entry of that name.
func (l *listing) lists(name string) bool {
	return slices.Contains(l.vanished, name) ||
		slices.ContainsFunc(l.entries, func(e entry) bool { return string(l.name(e)) == name })
}

func (l *listing) add(name []byte, kind Kind) *entry {
	var head [8]byte
	copy(head[:], name)
	from := uint32(len(l.names))
	l.names = append(l.names, name...)
	l.entries = append(l.entries, entry{
		key:  binary.BigEndian.Uint64(head[:]),
		from: from, to: uint32(len(l.names)),
		kind: kind,
	})
	return &l.entries[len(l.entries)-1]
}

func (l *listing) setTarget(e *entry, target []byte) {
	e.linkFrom = uint32(len(l.text))
	l.text = append(l.text, target...)
	e.linkTo = uint32(len(l.text))
}

func (l *listing) name(e entry) []byte { return l.names[e.from:e.to] }

func (l *listing) compare(a, b entry) int {
	if a.key != b.key {
		return cmp.Compare(a.key, b.key)
	}
	return bytes.Compare(l.name(a), l.name(b))
}

func (l *listing) gap(kind sbom.GapKind, path, detail string) {
	l.gaps = append(l.gaps, sbom.Gap{Kind: kind, Path: path, Detail: detail})
}

func (l *listing) exclude(path, fsType string) {
	l.excluded = append(l.excluded, sbom.Exclusion{Path: path, Reason: sbom.ExcludedPseudo, Detail: fsType, Count: 1})
}
