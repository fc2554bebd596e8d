// Package zipfile opens zip files whose central directory is within a limit.
//
// archive/zip reads the whole directory when it opens a file, and keeps some 300
// bytes for each entry, which takes 46 bytes in the file, or one byte when the
// file is compressed in another one. The number of entries that the end of the
// directory declares proves nothing: archive/zip compares its lowest 16 bits
// only. So the bytes are counted that it reads.
package zipfile

import (
	"archive/zip"
	"errors"
	"io"
	"sync/atomic"
)

// ErrLimit is the error of a directory that is larger than the limit.
var ErrLimit = errors.New("the directory of a zip file is larger than the limit")

// end is the number of bytes that archive/zip reads to find the directory: its
// end with the longest comment, and what its buffer reads too much.
const end = 1<<10 + 1<<16 + 22 + 20 + 56 + 4<<10

// Open is [zip.NewReader] for a directory of at most limit bytes. It returns the
// number of bytes of the directory too, about.
func Open(r io.ReaderAt, size, limit int64) (*zip.Reader, int64, error) {
	m := &meter{r: r}
	m.left.Store(max(limit, 0) + end)
	z, err := zip.NewReader(m, size)
	if m.left.Load() < 0 {
		return nil, 0, ErrLimit
	}
	if err != nil {
		return nil, 0, err
	}
	read := max(limit, 0) + end - m.left.Load()
	m.opened.Store(true)
	return z, read, nil
}

// meter counts what is read until the file is open.
type meter struct {
	r      io.ReaderAt
	left   atomic.Int64
	opened atomic.Bool
}

func (m *meter) ReadAt(b []byte, at int64) (int, error) {
	if !m.opened.Load() && m.left.Add(-int64(len(b))) < 0 {
		return 0, ErrLimit
	}
	return m.r.ReadAt(b, at)
}
