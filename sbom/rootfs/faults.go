package rootfs

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/depaudit/depaudit/sbom"
)

// faults are the files of a directory that exist and could not be read, by
// node, with the text of the error.
type faults struct {
	mu sync.Mutex
	of map[Node]string
	// denied are those that this user may not read.
	denied map[Node]bool
}

// Denied is the text of a gap of the kind [sbom.GapPermission].
const Denied = "only root can read it (run with sudo, or waive it)"

// Permission returns the gap of a file that could not be read, because this
// user may not; false for any other.
func (t *Tree) Permission(n Node) (sbom.Gap, bool) {
	t.faults.mu.Lock()
	defer t.faults.mu.Unlock()
	if !t.faults.denied[n] {
		return sbom.Gap{}, false
	}
	return sbom.Gap{Kind: sbom.GapPermission, Path: t.Path(n), Detail: Denied}, true
}

// Faults returns a gap for every file that could not be opened or read so far,
// although its directory lists it: faults of the file system or of the disk,
// too many open files, a file that was replaced by something else. Callers see
// these errors too. Faults has them all, so that none is lost where an error only
// means that there is nothing to find. Missing permissions are not faults. Sorted by
// path.
func (t *Tree) Faults() []sbom.Gap {
	t.faults.mu.Lock()
	defer t.faults.mu.Unlock()
	var gaps []sbom.Gap
	for n, text := range t.faults.of {
		gaps = append(gaps, sbom.Gap{Kind: sbom.GapUnreadable, Path: t.Path(n), Detail: text})
	}
	slices.SortFunc(gaps, func(a, b sbom.Gap) int { return cmp.Compare(a.Path, b.Path) })
	return gaps
}

// Faulty reports whether [Tree.Faults] has a gap for a file.
func (t *Tree) Faulty(n Node) bool {
	t.faults.mu.Lock()
	defer t.faults.mu.Unlock()
	_, ok := t.faults.of[n]
	return ok
}

// fault records an error of reading a file of a directory. Of several, the
// first in the order of their texts remains: goroutines have no order.
func (t *Tree) fault(n Node, err error) {
	if err == nil || t.disk == nil || !t.has(n) || t.Kind(n) != File {
		return
	}
	if errors.Is(err, fs.ErrPermission) {
		t.faults.mu.Lock()
		defer t.faults.mu.Unlock()
		if t.faults.denied == nil {
			t.faults.denied = make(map[Node]bool)
		}
		t.faults.denied[n] = true
		return
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrClosed) || errors.Is(err, fs.ErrInvalid) {
		return
	}
	text := err.Error()
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		text = path.Op + ": " + plain(path.Err).Error()
	}
	t.faults.mu.Lock()
	defer t.faults.mu.Unlock()
	if old, ok := t.faults.of[n]; ok && old <= text {
		return
	}
	if t.faults.of == nil {
		t.faults.of = make(map[Node]string)
	}
	t.faults.of[n] = text
}

// diskFile is an open file of a directory. It records the errors of reading it.
type diskFile struct {
	file *os.File
	tree *Tree
	node Node
}

// see records the error of a system call, except for those that an offset in a
// malformed file causes.
func (f *diskFile) see(err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) && errno != syscall.EINVAL && errno != syscall.EOVERFLOW {
		f.tree.fault(f.node, err)
	}
	return err
}

func (f *diskFile) Name() string { return f.tree.Path(f.node) }

func (f *diskFile) Stat() (fs.FileInfo, error) {
	info, err := f.file.Stat()
	return info, f.see(err)
}

func (f *diskFile) Read(b []byte) (int, error) {
	n, err := f.file.Read(b)
	return n, f.see(err)
}

func (f *diskFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.file.ReadAt(b, at)
	return n, f.see(err)
}

func (f *diskFile) Seek(offset int64, whence int) (int64, error) {
	return f.file.Seek(offset, whence)
}

func (f *diskFile) Close() error { return f.file.Close() }
