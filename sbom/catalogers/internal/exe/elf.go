// Package exe reads what programs and libraries record about their own
// content: Go's build information, the dependency lists of cargo-auditable,
// package notes, the SBOM of GraalVM native images, the modinfo section of
// kernel modules and the bundle of a .NET application.
//
// Every function works on an [io.ReaderAt] and reads only the headers and the
// sections that it needs. The files are untrusted: each size that a header
// declares is compared with a limit before memory is allocated for it.
package exe

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxSection is the number of bytes of one section that are read,
// decompressed. The largest section read here is the data section of a native
// image; the largest in Debian 12 has 40 MB.
const MaxSection = 128 << 20

// errTooLarge is the error for a section over its limit.
var errTooLarge = errors.New("larger than its limit")

// OpenELF reads the headers of an ELF file. It returns nil and no error for a
// file that is not one, since the file's class was decided by its first bytes
// only.
func OpenELF(r io.ReaderAt) (*elf.File, error) {
	if err := checkNameTable(r); err != nil {
		return nil, err
	}
	f, err := open(r, elf.NewFile)
	if f == nil || err != nil {
		return nil, err // nil: not an ELF file that the standard library reads
	}
	for _, s := range f.Sections {
		// debug/elf expands these as a whole. Linkers compress the sections of a
		// debugger only.
		switch s.Type {
		case elf.SHT_SYMTAB, elf.SHT_DYNSYM, elf.SHT_STRTAB, elf.SHT_DYNAMIC:
			if s.Flags&elf.SHF_COMPRESSED != 0 {
				return nil, fmt.Errorf("section %s is compressed", s.Name)
			}
		}
	}
	return f, nil
}

// maxSymbols is the size of a table of symbols that is read. debug/elf takes four
// times as much, and the names of the symbols.
const maxSymbols = 64 << 20

// small reports whether all sections of a type are within a limit.
func small(f *elf.File, typ elf.SectionType, limit uint64) bool {
	for _, s := range f.Sections {
		if s.Type == typ && s.Size > limit {
			return false
		}
	}
	return true
}

// maxImports is the number of libraries of one file that are returned.
const maxImports = 1000

// Imports returns the shared libraries that an executable links. An executable
// that cannot be read links none.
func Imports(r io.ReaderAt) (libraries []string) {
	defer func() {
		if p := recover(); p != nil { // debug/macho and debug/pe, on malformed files
			libraries = nil
		}
	}()
	f, err := OpenELF(r)
	if err != nil {
		return nil
	}
	var list []string
	if f != nil {
		if small(f, elf.SHT_DYNAMIC, maxSymbols) && small(f, elf.SHT_STRTAB, MaxSection) {
			list, _ = f.ImportedLibraries()
		}
	} else if f, _ := openMachO(r); f != nil {
		list, _ = f.ImportedLibraries()
	} else if f, _ := openPE(r); f != nil {
		list, _ = f.ImportedLibraries()
	}
	return list[:min(len(list), maxImports)]
}

// checkNameTable returns an error when the table of section names, which
// [elf.NewFile] expands while it opens a file, is compressed. Linkers do not
// compress it; 260 KB of a compressed one are enough for 1.3 GB of memory.
func checkNameTable(r io.ReaderAt) error {
	var ident [64]byte
	n, _ := r.ReadAt(ident[:], 0)
	if n < 52 || !bytes.HasPrefix(ident[:], []byte(elf.ELFMAG)) {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if ident[elf.EI_DATA] == byte(elf.ELFDATA2MSB) {
		order = binary.BigEndian
	}
	// Offsets of e_shoff, e_shentsize and e_shstrndx, and of sh_flags within a
	// section header: https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
	var table, size, index, flags int64
	switch elf.Class(ident[elf.EI_CLASS]) {
	case elf.ELFCLASS32:
		table, size, index = int64(order.Uint32(ident[32:])), int64(order.Uint16(ident[46:])), int64(order.Uint16(ident[50:]))
	case elf.ELFCLASS64:
		if n < 64 {
			return nil
		}
		table, size, index = int64(order.Uint64(ident[40:])), int64(order.Uint16(ident[58:])), int64(order.Uint16(ident[62:]))
	default:
		return nil
	}
	// Large files have the index in the first section header.
	if index == int64(elf.SHN_XINDEX) {
		var first [64]byte
		if n, _ := r.ReadAt(first[:min(size, 64)], table); int64(n) < min(size, 64) {
			return nil
		}
		if elf.Class(ident[elf.EI_CLASS]) == elf.ELFCLASS32 {
			index = int64(order.Uint32(first[24:]))
		} else {
			index = int64(order.Uint32(first[40:]))
		}
	}
	var head [16]byte
	if n, _ := r.ReadAt(head[:], table+size*index); n < len(head) {
		return nil
	}
	if elf.Class(ident[elf.EI_CLASS]) == elf.ELFCLASS32 {
		flags = int64(order.Uint32(head[8:]))
	} else {
		flags = int64(order.Uint64(head[8:]))
	}
	if flags&int64(elf.SHF_COMPRESSED) != 0 {
		return errors.New("the table of section names is compressed")
	}
	return nil
}

// sectionData reads a section of at most limit bytes.
func sectionData(s *elf.Section, limit int64) ([]byte, error) {
	if s.Type == elf.SHT_NOBITS {
		return nil, nil
	}
	// Size is the decompressed size, which the file declares.
	if s.Size > uint64(limit) {
		return nil, fmt.Errorf("section %s: %w of %d bytes", s.Name, errTooLarge, limit)
	}
	data, err := io.ReadAll(io.LimitReader(s.Open(), limit+1))
	if err != nil {
		return nil, fmt.Errorf("section %s: %w", s.Name, err)
	}
	return data, nil
}

// slicesOf returns the parts of a universal Mach-O file, one for each
// architecture, or the whole of any other file
// (https://developer.apple.com/documentation/kernel/fat_header).
func slicesOf(r io.ReaderAt) []io.ReaderAt {
	const (
		fatMagic = 0xcafebabe // also that of a Java class, whose version stands where the count does
		maxParts = 20         // Java's class versions begin at 45
	)
	var head [8]byte
	if _, err := r.ReadAt(head[:], 0); err != nil || binary.BigEndian.Uint32(head[:]) != fatMagic {
		return []io.ReaderAt{r}
	}
	count := binary.BigEndian.Uint32(head[4:])
	if count == 0 || count > maxParts {
		return []io.ReaderAt{r}
	}
	var out []io.ReaderAt
	for i := range int64(count) {
		var part [20]byte
		if _, err := r.ReadAt(part[:], 8+20*i); err != nil {
			break
		}
		out = append(out, io.NewSectionReader(r, int64(binary.BigEndian.Uint32(part[8:])), int64(binary.BigEndian.Uint32(part[12:]))))
	}
	return out
}
