package layer

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"slices"
	"sync/atomic"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/sums"
)

// Index is the result of reading a layer. Its methods may be called from several
// goroutines.
type Index struct {
	file   *os.File
	remove string // a file to remove when it is closed
	size   int64  // of contents and blocks in the file
	places []place
	totals totals
	sums   sums.Set
	closed atomic.Bool
}

// Len returns the number of entries.
func (x *Index) Len() int64 { return x.totals.entries }

// Whiteouts returns the number of entries of type [Whiteout] or [Opaque].
func (x *Index) Whiteouts() int64 { return x.totals.whiteouts }

// Kept returns the size of the contents that were kept, in bytes.
func (x *Index) Kept() int64 { return x.totals.kept }

// Problems returns the entries that could not be read, in the order of the
// layer, and the number of further ones.
func (x *Index) Problems() (named []Problem, more int64) {
	return slices.Clone(x.totals.problems), x.totals.more
}

// Close closes the file. Reading contents afterwards returns an error.
func (x *Index) Close() error {
	x.closed.Store(true)
	err := x.file.Close()
	if x.remove != "" {
		err = errors.Join(err, os.Remove(x.remove))
	}
	return err
}

// Content returns the content of an entry that was kept.
func (x *Index) Content(at, size int64) (*io.SectionReader, error) {
	if x.closed.Load() {
		return nil, fs.ErrClosed
	}
	return io.NewSectionReader(x.file, at, size), nil
}

// Sums returns the digests that the files have.
func (x *Index) Sums() sums.Set { return x.sums }

// SumsOf returns the digests at [Entry].SumsAt.
func (x *Index) SumsOf(at int64) (sums.Sums, error) {
	if x.closed.Load() {
		return sums.Sums{}, fs.ErrClosed
	}
	var b [32 + 32 + 20 + 16]byte
	if _, err := x.file.ReadAt(b[:x.sums.Size()], at); err != nil {
		return sums.Sums{}, unexpected(err)
	}
	return sums.Parse(b[:], x.sums), nil
}

var errDamaged = errors.New("the index of the layer is damaged")

// Entries yields the entries in the order of the layer. An entry is valid until
// the next one. An error is the last result.
func (x *Index) Entries() iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		var (
			e      Entry
			buffer []byte
		)
		ordinal := int64(0)
		for _, p := range x.places {
			buffer = slices.Grow(buffer[:0], int(p.size))[:p.size]
			if _, err := x.file.ReadAt(buffer, p.at); err != nil {
				yield(nil, err)
				return
			}
			d := decoder{b: buffer, at: p.at + p.size, sums: x.sums.Size()}
			e.Path = e.Path[:0]
			for len(d.b) > 0 {
				if d.entry(&e); d.bad || e.Type == File && e.Kept == Whole && (e.Size > x.size || e.Content > x.size-e.Size) {
					yield(nil, errDamaged)
					return
				}
				e.Ordinal = ordinal
				ordinal++
				if !yield(&e, nil) {
					return
				}
			}
		}
		if ordinal != x.totals.entries {
			yield(nil, errDamaged)
		}
	}
}

// decoder decodes the result of a writer, and validates all of it.
type decoder struct {
	b    []byte
	bad  bool
	at   int64 // offset in the file of the end of b
	sums int   // length of the digests of a file
}

func (d *decoder) uvarint() int64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > math.MaxInt64 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return int64(v)
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > int64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) owner() uint32 {
	n := d.uvarint()
	if n > math.MaxUint32 {
		d.bad = true
		return 0
	}
	return uint32(n)
}

func (d *decoder) entry(e *Entry) {
	shared := d.uvarint()
	if shared > int64(len(e.Path)) {
		d.bad = true
		return
	}
	e.Path = append(e.Path[:shared], d.bytes()...)
	e.Type = Type(d.byte())
	e.Target, e.Mode, e.Time, e.Size, e.Class, e.Kept, e.Content = nil, 0, 0, 0, 0, 0, 0
	e.UID, e.GID, e.Capabilities, e.Summed, e.SumsAt = 0, 0, nil, false, 0
	switch e.Type {
	case Whiteout, Opaque:
		return
	case Dir, File, Symlink, HardLink, Other:
		e.Mode = uint16(d.uvarint())
		e.Time = d.varint()
		e.UID, e.GID = d.owner(), d.owner()
	default:
		d.bad = true
	}
	switch e.Type {
	case File:
		e.Size = d.uvarint()
		e.Class, e.Kept = d.byte(), Kept(d.byte())
		switch e.Kept {
		case notWanted, TooLarge:
		case Whole:
			e.Content = d.uvarint()
		default:
			d.bad = true
		}
		e.Capabilities = d.bytes()
		switch d.byte() {
		case 0:
		case 1:
			if d.bad || len(d.b) < d.sums {
				d.bad, d.b = true, nil
				return
			}
			e.Summed, e.SumsAt = true, d.at-int64(len(d.b))
			d.b = d.b[d.sums:]
		default:
			d.bad = true
		}
	case Symlink, HardLink:
		e.Target = d.bytes()
	}
}

// openIndex reads the directory of a file that was written for key. An error
// means that the file is not such an index.
func openIndex(file *os.File, key string) (*Index, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	footer := make([]byte, footerSize)
	if size < int64(len(fileMagic))+footerSize || !info.Mode().IsRegular() {
		return nil, errDamaged
	}
	if _, err := file.ReadAt(footer, size-footerSize); err != nil {
		return nil, err
	}
	start, length := binary.BigEndian.Uint64(footer), binary.BigEndian.Uint64(footer[8:])
	if string(footer[20:]) != fileMagic || length > maxDirectory || start > uint64(size) || start+length != uint64(size-footerSize) {
		return nil, errDamaged
	}
	if err := checkSum(file, size-4-int64(len(fileMagic)), binary.BigEndian.Uint32(footer[16:])); err != nil {
		return nil, err
	}
	b := make([]byte, length)
	if _, err := file.ReadAt(b, int64(start)); err != nil {
		return nil, err
	}
	x := &Index{file: file, size: int64(start)}
	d := decoder{b: b}
	if string(d.bytes()) != key {
		return nil, errDamaged
	}
	t := &x.totals
	t.entries, t.whiteouts, t.kept = d.uvarint(), d.uvarint(), d.uvarint()
	set := d.uvarint()
	x.sums = sums.Set(set) & sums.All
	d.bad = d.bad || set != int64(x.sums)
	t.more = d.uvarint()
	for range min(d.uvarint(), maxProblems+1) {
		t.problems = append(t.problems, Problem{string(d.bytes()), string(d.bytes()), d.byte() == 1})
	}
	blocks := d.uvarint()
	if d.bad || len(t.problems) > maxProblems || t.entries > MaxEntries || t.kept > x.size || blocks > int64(len(d.b)) {
		return nil, errDamaged
	}
	for range blocks {
		p := place{d.uvarint(), d.uvarint()}
		if p.size == 0 || p.size > maxBlock || p.at > x.size-p.size {
			return nil, errDamaged
		}
		x.places = append(x.places, p)
	}
	if d.bad || len(d.b) > 0 {
		return nil, errDamaged
	}
	return x, nil
}

// checkSum reads the whole file once: damage anywhere must be found before any
// part of it is used.
func checkSum(file *os.File, size int64, want uint32) error {
	buffer := make([]byte, bufferSize)
	var sum uint32
	for at := int64(0); at < size; {
		n, err := file.ReadAt(buffer[:min(int64(len(buffer)), size-at)], at)
		if n == 0 && err != nil {
			return unexpected(err)
		}
		sum = crc32.Update(sum, castagnoli, buffer[:n])
		at += int64(n)
	}
	if sum != want {
		return errDamaged
	}
	return nil
}
