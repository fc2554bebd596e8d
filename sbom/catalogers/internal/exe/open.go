package exe

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"fmt"
	"io"
	"sync/atomic"
)

// maxTables is the number of bytes that are read to open a file. The standard
// library reads the headers and the names of sections of an ELF file then, and
// all symbols and their names of the others, and takes some three times as much
// memory. Programs with the symbols of a debugger reach it.
const maxTables = 48 << 20

// meter counts what is read until a file is open.
type meter struct {
	r      io.ReaderAt
	left   atomic.Int64
	opened atomic.Bool
}

func newMeter(r io.ReaderAt) *meter {
	m := &meter{r: r}
	m.left.Store(maxTables)
	return m
}

func (m *meter) ReadAt(b []byte, at int64) (int, error) {
	if !m.opened.Load() && m.left.Add(-int64(len(b))) < 0 {
		return 0, m.limit()
	}
	return m.r.ReadAt(b, at)
}

func (m *meter) limit() error {
	return fmt.Errorf("the tables of a program: %w of %d bytes", errTooLarge, maxTables)
}

// open opens a file within the limit. It returns the zero value and no error for
// a file that the standard library does not read. What it panics with on
// malformed files is such an error.
func open[F any](r io.ReaderAt, read func(io.ReaderAt) (F, error)) (f F, err error) {
	m := newMeter(r)
	defer func() {
		if recover() != nil {
			f, err = *new(F), nil
		}
		if m.left.Load() < 0 {
			f, err = *new(F), m.limit()
		}
		m.opened.Store(true)
	}()
	if f, err = read(m); err != nil {
		return *new(F), nil
	}
	return f, nil
}

func openMachO(r io.ReaderAt) (*macho.File, error) { return open(r, macho.NewFile) }

func openPE(r io.ReaderAt) (*pe.File, error) { return open(r, pe.NewFile) }

// checkTables returns an error when a file cannot be opened within the limit.
// It is for readers that open the file themselves.
func checkTables(r io.ReaderAt) error {
	var magic [4]byte
	if _, err := r.ReadAt(magic[:], 0); err != nil {
		return nil
	}
	var err error
	switch {
	case string(magic[:]) == elf.ELFMAG:
		_, err = OpenELF(r)
	case bytes.HasPrefix(magic[:], []byte("MZ")):
		_, err = openPE(r)
	default:
		_, err = openMachO(r)
	}
	return err
}
