//go:build !linux

package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/depaudit/depaudit/sbom"
)

// disk opens files below a root directory, and no others.
type disk struct {
	name string // as the caller wrote it
	root *os.Root
}

func openDisk(path string) (*disk, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &disk{path, root}, nil
}

func (d *disk) close() error { return d.root.Close() }

// batch is the number of entries of one read.
const batch = 1000

func (d *disk) list(ctx context.Context, path string, l *listing) error {
	f, err := d.root.Open(inside(path))
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(batch)
		for _, e := range entries {
			d.add(path, e, l)
		}
		switch {
		case err != nil && len(entries) == 0 && err == io.EOF:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

func (d *disk) add(path string, e fs.DirEntry, l *listing) {
	name := []byte(e.Name())
	switch e.Type() {
	case 0:
		l.add(name, File)
	case fs.ModeDir:
		l.add(name, Dir)
	case fs.ModeSymlink:
		target, err := d.root.Readlink(inside(join(path, name)))
		if errors.Is(err, fs.ErrNotExist) {
			l.vanish(name)
			return
		}
		if err != nil {
			l.gap(sbom.GapUnreadable, join(path, name), fmt.Sprintf("the symbolic link could not be read: %v", plain(err)))
		}
		l.setTarget(l.add(name, Symlink), []byte(target))
	default:
		l.add(name, Other)
	}
}

// device is not available: only the mount table decides.
func (d *disk) device(string) (uint64, error) { return 0, errors.ErrUnsupported }

func makeDevice(int, int) uint64 { return 0 }

func (d *disk) lstat(path string) (fs.FileInfo, error) { return d.root.Lstat(inside(path)) }

func (d *disk) openFile(path string) (*os.File, error) {
	info, err := d.lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := d.root.OpenFile(inside(path), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err != nil || !os.SameFile(info, opened) {
		f.Close()
		return nil, errNotRegular
	}
	return f, nil
}

// head reads the first bytes of a file, and returns its permissions.
func (d *disk) head(path string, b []byte) (int, fs.FileMode, error) {
	f, err := d.openFile(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	n, err := io.ReadFull(f, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
		if info, err = f.Stat(); err == nil && info.Size() > int64(n) {
			err = errShort
		}
	}
	if err != nil {
		return n, 0, err
	}
	return n, info.Mode().Perm(), nil
}

// inside converts a path of the environment to one relative to its root.
func inside(path string) string {
	if path == "/" {
		return "."
	}
	return path[1:]
}
