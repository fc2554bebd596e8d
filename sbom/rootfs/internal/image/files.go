package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// files are the files of a stored image, by their names with slashes: a
// directory, or the members of a tar file.
type files interface {
	// open returns a file and its size. A missing one is fs.ErrNotExist.
	open(name string) (io.ReadCloser, int64, error)
	io.Closer
}

// dirFiles are the files of a directory. Symbolic links are followed within it
// and not out of it: an untrusted layout must not read files of this machine.
type dirFiles struct{ root *os.Root }

func openDirFiles(path string) (*dirFiles, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("directory does not exist: %s: %w", path, fs.ErrNotExist)
		case errors.Is(err, fs.ErrPermission):
			return nil, fmt.Errorf("cannot read directory %s: %w", path, fs.ErrPermission)
		}
		if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
			return nil, fmt.Errorf("%q is a file: for a layout in a tar file write oci-archive:%s, for what docker save writes docker-archive:%s", path, path, path)
		}
		return nil, err
	}
	return &dirFiles{root}, nil
}

func (f *dirFiles) open(name string) (io.ReadCloser, int64, error) {
	// Without O_NONBLOCK, opening a FIFO blocks until a writer opens it.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (f *dirFiles) Close() error { return f.root.Close() }
