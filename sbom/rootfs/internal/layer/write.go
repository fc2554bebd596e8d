package layer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/sums"
)

// The file of a layer:
//
//	magic
//	contents and blocks of the index, in the order of the stream
//	directory: key, numbers, problems, places of the blocks
//	footer: offset and length of the directory, checksum of all before, magic
//
// A block is a sequence of entries. The path of an entry is stored as the number
// of bytes that it shares with the previous path in the block, and the rest.
// Numbers are varints of encoding/binary.

// formatVersion is part of the magic: files of other versions are not
// recognized.
const formatVersion = "2"

const (
	fileMagic  = "depaudit layer " + formatVersion + "\n"
	footerSize = int64(8 + 8 + 4 + len(fileMagic))
)

const (
	// blockSize is the size at which a block ends. Reading an index needs this
	// much memory.
	blockSize = 64 << 10
	// maxBlock is the size of a block with one more entry of the longest paths.
	maxBlock = blockSize + 2*MaxPath + maxCapabilities + 256
	// maxDirectory is larger than the directory of MaxEntries with the longest
	// paths.
	maxDirectory = 64 << 20
)

// castagnoli is the polynomial that processors have an instruction for. The
// checksum detects accidents: a process that can write to the cache could as
// well write a whole layer.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writer writes the file of a layer.
type writer struct {
	file   *os.File
	buffer []byte
	at     int64 // offset of the end of the file, including buffer
	sum    uint32

	block  []byte
	last   []byte // path of the previous entry
	places []place
	totals totals
	sums   sums.Set
	end    int64 // of contents and blocks, once finished
	failed error // the first error of writing, a *writeError
}

// writeError is an error of writing the file of a layer, which is not an error
// of the layer.
type writeError struct{ err error }

func (e *writeError) Error() string {
	return fmt.Sprintf("the temporary file for its index cannot be written: %v (set TMPDIR to a directory with more space)", e.err)
}

func (e *writeError) Unwrap() error { return e.err }

// put writes to the file.
func (w *writer) put(b []byte) error {
	if _, err := w.file.Write(b); err != nil {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			err = path.Err // the path is a temporary one
		}
		if w.failed == nil {
			w.failed = &writeError{err}
		}
		return w.failed
	}
	return nil
}

type place struct{ at, size int64 }

// totals are the counts in a directory.
type totals struct {
	entries   int64
	whiteouts int64 // entries of type Whiteout or Opaque
	kept      int64 // bytes of contents
	problems  []Problem
	more      int64 // problems that are not listed
}

// bufferSize is the size of a write.
const bufferSize = 256 << 10

func newWriter(file *os.File, set sums.Set) *writer {
	w := &writer{file: file, sums: set, buffer: make([]byte, 0, bufferSize)}
	w.buffer = append(w.buffer, fileMagic...)
	w.at = int64(len(w.buffer))
	return w
}

func (w *writer) Write(b []byte) (int, error) {
	n := len(b)
	w.at += int64(n)
	for len(b) > 0 {
		if len(w.buffer) == cap(w.buffer) {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
		room := min(cap(w.buffer)-len(w.buffer), len(b))
		w.buffer = append(w.buffer, b[:room]...)
		b = b[room:]
	}
	return n, nil
}

// ReadFrom lets io.Copy read into the buffer of the writer.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	for {
		if len(w.buffer) == cap(w.buffer) {
			if err := w.flush(); err != nil {
				return total, err
			}
		}
		n, err := r.Read(w.buffer[len(w.buffer):cap(w.buffer)])
		w.buffer = w.buffer[:len(w.buffer)+n]
		w.at += int64(n)
		total += int64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func (w *writer) flush() error {
	w.sum = crc32.Update(w.sum, castagnoli, w.buffer)
	if err := w.put(w.buffer); err != nil {
		return err
	}
	w.buffer = w.buffer[:0]
	return nil
}

// add adds an entry to the index, and counts its ordinal.
func (w *writer) add(e *Entry) error {
	shared := 0
	for shared < len(w.last) && shared < len(e.Path) && w.last[shared] == e.Path[shared] {
		shared++
	}
	b := binary.AppendUvarint(w.block, uint64(shared))
	b = appendBytes(b, e.Path[shared:])
	b = append(b, byte(e.Type))
	switch e.Type {
	case Whiteout, Opaque:
		w.totals.whiteouts++
	default:
		b = binary.AppendUvarint(b, uint64(e.Mode))
		b = binary.AppendVarint(b, e.Time)
		b = binary.AppendUvarint(b, uint64(e.UID))
		b = binary.AppendUvarint(b, uint64(e.GID))
	}
	switch e.Type {
	case File:
		b = binary.AppendUvarint(b, uint64(e.Size))
		b = append(b, e.Class, byte(e.Kept))
		if e.Kept == Whole {
			b = binary.AppendUvarint(b, uint64(e.Content))
		}
		b = appendBytes(b, e.Capabilities)
		if e.Summed {
			b = e.Sums.Append(append(b, 1), w.sums)
		} else {
			b = append(b, 0)
		}
	case Symlink, HardLink:
		b = appendBytes(b, e.Target)
	}
	w.block = b
	w.last = append(w.last[:0], e.Path...)
	w.totals.entries++
	if len(w.block) >= blockSize {
		return w.endBlock()
	}
	return nil
}

func (w *writer) endBlock() error {
	if len(w.block) == 0 {
		return nil
	}
	w.places = append(w.places, place{w.at, int64(len(w.block))})
	_, err := w.Write(w.block)
	w.block, w.last = w.block[:0], w.last[:0]
	return err
}

func (w *writer) problem(p Problem) {
	if len(w.totals.problems) >= maxProblems {
		w.totals.more++
		return
	}
	p.Path = quote(p.Path)
	w.totals.problems = append(w.totals.problems, p)
}

// finish writes the directory and the footer.
func (w *writer) finish(key string) error {
	if err := w.endBlock(); err != nil {
		return err
	}
	w.end = w.at
	t := &w.totals
	b := appendBytes(nil, []byte(key))
	for _, n := range []int64{t.entries, t.whiteouts, t.kept, int64(w.sums), t.more, int64(len(t.problems))} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	for _, p := range t.problems {
		b = appendBytes(b, []byte(p.Path))
		b = appendBytes(b, []byte(p.Detail))
		limit := byte(0)
		if p.Limit {
			limit = 1
		}
		b = append(b, limit)
	}
	b = binary.AppendUvarint(b, uint64(len(w.places)))
	for _, p := range w.places {
		b = binary.AppendUvarint(b, uint64(p.at))
		b = binary.AppendUvarint(b, uint64(p.size))
	}
	size := len(b)
	b = binary.BigEndian.AppendUint64(b, uint64(w.end))
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	if _, err := w.Write(b); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	b = binary.BigEndian.AppendUint32(nil, w.sum)
	b = append(b, fileMagic...)
	return w.put(b)
}

func appendBytes(b, s []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
