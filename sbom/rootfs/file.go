package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// Content is an open regular file of an environment, wherever its content is.
// Name is its path within the environment.
type Content interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
	Stat() (fs.FileInfo, error)
	Name() string
}

// Class is what the first bytes of a file say it is, in the words of whoever
// opened the tree ([Options.Classify]). 0 is a file of no interest.
type Class uint8

// HeadSize is the number of bytes that a class is decided by.
const HeadSize = layer.HeadSize

var errNotRegular = errors.New("not a regular file")

// LimitError says that a file is larger than a caller was ready to read.
type LimitError struct {
	Path  string // within the environment
	Limit int64  // in bytes
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: larger than the limit of %d bytes", e.Path, e.Limit)
}

// Stat is lstat(2): it describes a symbolic link itself. It asks the disk,
// since the walk did not; of an image's files it tells what the layer says.
func (t *Tree) Stat(n Node) (info fs.FileInfo, err error) {
	defer func() { t.asked(n, ReadInfo, err) }()
	path := t.Path(n)
	if err := t.onDisk(n); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if t.stored != nil {
		return t.stored.stat(t, n), nil
	}
	info, err = t.disk.lstat(path)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: plain(err)}
	}
	return info, nil
}

// OpenFile opens a regular file for reading; anything else is an error, also
// when it took the place of a regular file since the walk. Whatever happens
// on the disk meanwhile, no symbolic link is followed, nothing outside the
// root is opened, and nothing waits on a FIFO. Paths in errors and the name of
// the file are those within the environment. Of an image, content that
// [Options.Keep] did not want is a [*NotKeptError].
func (t *Tree) OpenFile(n Node) (content Content, err error) {
	defer func() { t.asked(n, ReadContent, err) }()
	path := t.Path(n)
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
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: plain(err)}
	}
	return f, nil
}

// Classify asks [Options.Classify] about the first bytes of a regular file,
// and returns the permission bits of the file as well. It refuses what
// [Tree.OpenFile] refuses, and costs half as much; for a file of an image it
// costs nothing, since the layer was read with that question in mind.
func (t *Tree) Classify(n Node) (Class, fs.FileMode, error) {
	class, mode, ok := t.recall(n)
	var err error
	if !ok {
		class, mode, err = t.classifyFile(n)
	}
	t.classified(n, class, mode, err)
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
	if err != nil {
		return 0, mode, &fs.PathError{Op: "read", Path: path, Err: plain(err)}
	}
	return t.classify(head[:got]), mode, nil
}

// ReadFile reads a regular file as a whole, and gives a [*LimitError] when it
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
	// The file may grow while it is read; the limit holds all the same.
	size, err := io.Copy(&b, io.LimitReader(f, limit+1))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: plain(err)}
	}
	if size > limit {
		return nil, &LimitError{f.Name(), limit}
	}
	return b.Bytes(), nil
}

// onDisk says why a node has nothing behind it.
func (t *Tree) onDisk(n Node) error {
	switch {
	case !t.has(n):
		return fs.ErrNotExist
	case t.disk == nil && t.stored == nil:
		return errors.New("the tree was not opened from a directory or an image")
	}
	return nil
}
