package rootfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// Content is an open regular file of an environment, wherever its content is
// stored. Name returns its path within the environment.
type Content interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
	Stat() (fs.FileInfo, error)
	Name() string
}

// Class is a classification of a file by its first bytes. The caller of [Open]
// defines the classes ([Options.Classify]). 0 is a file of no interest.
type Class uint8

// HeadSize is the number of bytes that [Options.Classify] gets.
const HeadSize = layer.HeadSize

var errNotRegular = errors.New("not a regular file")

// errShort is the error of a file whose content ends before its size.
var errShort = errors.New("its content ends before its size (scan again; check the file system if this remains)")

// LimitError is the error of a file that is larger than the caller's limit.
type LimitError struct {
	Path  string // within the environment
	Limit int64  // in bytes
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: larger than the limit of %d bytes", e.Path, e.Limit)
}

// Stat is lstat(2): it describes a symbolic link itself. It queries the disk,
// because the walk did not. For a file of an image it returns the metadata of
// the layer.
func (t *Tree) Stat(n Node) (info fs.FileInfo, err error) {
	defer func() { t.recordRead(n, ReadInfo, err); t.fault(n, err) }()
	path := t.Path(n)
	if err := t.onDisk(n); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if t.stored != nil {
		return t.stored.stat(t, n), nil
	}
	info, err = t.disk.lstat(path)
	if t.listed(path, err) {
		info, err = t.disk.lstat(path)
		err = stillListed(err)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: plain(err)}
	}
	return info, nil
}

// OpenFile opens a regular file for reading. Any other kind is an error, also if
// it replaced a regular file since the walk. Changes on the disk cannot make it
// follow a symbolic link, open anything outside of the root, or block on a FIFO.
// Errors and the name of the file have the path within the environment. A
// content of an image that [Options.Keep] did not select is a [*NotKeptError].
func (t *Tree) OpenFile(n Node) (content Content, err error) {
	defer func() { t.recordRead(n, ReadContent, err); t.fault(n, err) }()
	path := t.Path(n)
	if t.reading != nil {
		closed := t.reading(path)
		defer func() {
			if err != nil {
				closed()
			} else {
				content = &watchedFile{Content: content, closed: sync.OnceFunc(closed)}
			}
		}()
	}
	if err := t.onDisk(n); err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if kind := t.Kind(n); kind != File {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("%w but a %s", errNotRegular, kind)}
	}
	if t.stored != nil {
		return t.stored.open(t, n)
	}
	f, err := t.disk.openFile(path)
	if t.listed(path, err) {
		f, err = t.disk.openFile(path)
		err = stillListed(err)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: plain(err)}
	}
	return &diskFile{file: f, tree: t, node: n}, nil
}

// watchedFile calls a function when it is closed.
type watchedFile struct {
	Content
	closed func()
}

func (f *watchedFile) Close() error {
	f.closed()
	return f.Content.Close()
}

// listed reports whether the error is that a file does not exist, although its
// directory still lists it. Then the file is opened once more: it may have been
// replaced.
func (t *Tree) listed(path string, err error) bool {
	return errors.Is(err, fs.ErrNotExist) && !t.disk.gone(context.Background(), path)
}

// stillListed is the error of the second attempt: the file exists, so that
// [fs.ErrNotExist] would be wrong.
func stillListed(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errListed
	}
	return err
}

// Classify returns the result of [Options.Classify] for the first bytes of a
// regular file, and the permission bits of the file. It rejects everything that
// [Tree.OpenFile] rejects, and costs half as much. For a file of an image it
// costs nothing, because the class was computed when the layer was read.
func (t *Tree) Classify(n Node) (Class, fs.FileMode, error) {
	class, mode, ok := t.recall(n)
	var err error
	if !ok {
		class, mode, err = t.classifyFile(n)
	}
	t.recordClass(n, class, mode, err)
	t.fault(n, err)
	return class, mode, err
}

func (t *Tree) classifyFile(n Node) (Class, fs.FileMode, error) {
	path := t.Path(n)
	if err := t.onDisk(n); err != nil {
		return 0, 0, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if kind := t.Kind(n); kind != File {
		return 0, 0, &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("%w but a %s", errNotRegular, kind)}
	}
	if t.stored != nil {
		return t.stored.classes[n], fs.FileMode(t.stored.modes[n]) & fs.ModePerm, nil
	}
	var head [HeadSize]byte
	got, mode, err := t.disk.head(path, head[:])
	if t.listed(path, err) {
		got, mode, err = t.disk.head(path, head[:])
		err = stillListed(err)
	}
	if err != nil {
		return 0, mode, &fs.PathError{Op: "read", Path: path, Err: plain(err)}
	}
	return t.classify(head[:got]), mode, nil
}

// ReadFile reads a whole regular file. It returns a [*LimitError] if the file
// is larger than limit bytes.
func (t *Tree) ReadFile(n Node, limit int64) ([]byte, error) {
	f, err := t.OpenFile(n)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: f.Name(), Err: plain(err)}
	}
	if info.Size() > limit {
		return nil, &LimitError{f.Name(), limit}
	}
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	// The file may grow while it is read. The limit holds nevertheless.
	size, err := io.Copy(&b, io.LimitReader(f, limit+1))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: plain(err)}
	}
	if size > limit {
		return nil, &LimitError{f.Name(), limit}
	}
	if size < info.Size() {
		if info, err = f.Stat(); err == nil && size < info.Size() {
			err = errShort
		}
		if err != nil {
			return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: plain(err)}
		}
	}
	return b.Bytes(), nil
}

// onDisk returns an error if a node has no file that could be opened.
func (t *Tree) onDisk(n Node) error {
	switch {
	case !t.has(n):
		return fs.ErrNotExist
	case t.disk == nil && t.stored == nil:
		return errors.New("the tree was not opened from a directory or an image")
	}
	return nil
}
