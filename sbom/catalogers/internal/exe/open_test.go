package exe

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
)

// hollow is a large file of zeros with a head.
type hollow struct {
	head []byte
	size int64
}

func (h hollow) ReadAt(b []byte, at int64) (int, error) {
	n := int(min(int64(len(b)), max(h.size-at, 0)))
	clear(b[:n])
	if at < int64(len(h.head)) {
		copy(b[:n], h.head[at:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

const hollowSize = 700 << 20

func pack(t *testing.T, values ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, v := range values {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// elfWith makes the head of an ELF file with the sections; the first is the table
// of names.
func elfWith(t *testing.T, sections ...elf.Section64) hollow {
	t.Helper()
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: 64, Ehsize: 64, Shentsize: 64,
		Shnum: uint16(len(sections) + 1), Shstrndx: 1}
	copy(h.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	return hollow{pack(t, h, elf.Section64{}, sections), hollowSize + 1<<20}
}

// TestLargeTables opens files whose headers declare large tables, which are
// there. No reader may take memory for them.
func TestLargeTables(t *testing.T) {
	names := elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: 4096, Size: hollowSize}
	macho := func(symbols, strings uint32) hollow {
		return hollow{pack(t, []uint32{0xfeedfacf, 0x01000007, 3, 2, 1, 24, 0, 0, 2, 24, 4096, symbols, 4096, strings}), hollowSize + 8192}
	}
	pe := make([]byte, 64)
	copy(pe, "MZ")
	pe[60] = 64
	pe = append(pe, pack(t, []byte("PE\x00\x00"), uint16(0x8664), uint16(0), uint32(0), uint32(4096), uint32(hollowSize/18), uint16(240), uint16(0x22), uint16(0x20b), make([]byte, 238))...)
	for name, file := range map[string]hollow{
		"names of ELF sections":  elfWith(t, names),
		"symbols of Mach-O":      macho(hollowSize/16, 16),
		"symbol names of Mach-O": macho(1, hollowSize),
		"symbols of PE":          {pe, hollowSize + 8192},
		"writable data":          elfWith(t, elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: 4096, Size: 1}),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, goErr := GoBuilds(file)
			_, rustErr := Crates(file)
			_, _ = ReadPackageNote(file)
			_, _ = NativeImage(file)
			if name == "writable data" { // a search of the whole file
				_, _ = BundledDeps(file)
			}
			Imports(file)
			runtime.ReadMemStats(&after)
			if large := name != "writable data"; errors.Is(goErr, errTooLarge) != large || errors.Is(rustErr, errTooLarge) != large {
				t.Errorf("errors: %v, %v", goErr, rustErr)
			}
			// Each of the readers opens the file again.
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 2500 {
				t.Errorf("%d MB were allocated", mb)
			}
		})
	}
}

// TestLargeSymbols has a native image's symbols be too many.
func TestLargeSymbols(t *testing.T) {
	names := "\x00.dynstr\x00\x00__svm_version_info\x00"
	file := elfWith(t, elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: 4096, Size: uint64(len(names))},
		elf.Section64{Name: 1, Type: uint32(elf.SHT_STRTAB), Off: 4096, Size: uint64(len(names))},
		elf.Section64{Type: uint32(elf.SHT_DYNSYM), Off: 8192, Size: hollowSize, Link: 2, Entsize: 24})
	file.head = append(file.head, make([]byte, 4096-len(file.head))...)
	file.head = append(file.head, names...)
	if _, err := NativeImage(file); !errors.Is(err, errTooLarge) {
		t.Error(err)
	}
}
