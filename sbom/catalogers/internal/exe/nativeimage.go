package exe

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxNativeSBOM is the size of the SBOM in a native image, decompressed. One
// with 20,000 components has less than 10 MB.
const maxNativeSBOM = 16 << 20

// NativeComponent is one component of the SBOM that GraalVM puts into a native
// image (https://www.graalvm.org/latest/security-guide/native-image/sbom/).
type NativeComponent struct {
	Type       string            `json:"type"`
	Group      string            `json:"group"`
	Name       string            `json:"name"`
	Version    string            `json:"version"`
	PURL       string            `json:"purl"`
	Components []NativeComponent `json:"components"`
}

// NativeImage reads the SBOM of a native image. It returns nil when the file
// is another program.
func NativeImage(r io.ReaderAt) ([]NativeComponent, error) {
	var out []NativeComponent
	for _, part := range slicesOf(r) {
		f, err := OpenELF(part)
		if err != nil {
			return nil, err
		}
		var list []NativeComponent
		if f != nil {
			list, err = nativeELF(f)
		} else {
			list, err = nativeMachO(part)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// Native Image exports these symbols: the compressed SBOM, its length, and the
// version of the virtual machine.
var nativeSymbols = [3]string{"sbom", "sbom_length", "__svm_version_info"}

func nativeELF(f *elf.File) ([]NativeComponent, error) {
	// The names are looked for in the string tables first: to read all symbols
	// of every program takes ten times as long.
	if !names(f, ".dynstr") && !names(f, ".strtab") {
		return nil, nil
	}
	if !small(f, elf.SHT_SYMTAB, maxSymbols) || !small(f, elf.SHT_DYNSYM, maxSymbols) || !small(f, elf.SHT_STRTAB, MaxSection) {
		return nil, fmt.Errorf("the symbols of a native image: %w of %d bytes", errTooLarge, maxSymbols)
	}
	var at [3]uint64
	for _, read := range []func() ([]elf.Symbol, error){f.Symbols, f.DynamicSymbols} {
		symbols, err := read()
		if err != nil {
			continue // no such table
		}
		for _, s := range symbols {
			for i, name := range nativeSymbols {
				if s.Name == name {
					at[i] = s.Value
				}
			}
		}
	}
	if at[0] == 0 || at[1] == 0 || at[2] == 0 {
		return nil, nil
	}
	s := f.Section(".data")
	if s == nil {
		return nil, errors.New("a native image without a section .data")
	}
	data, err := sectionData(s, MaxSection)
	if err != nil {
		return nil, err
	}
	return nativeSBOM(data, at[0]-s.Addr, at[1]-s.Addr)
}

// names reports whether a string table has the name that only native images
// have.
func names(f *elf.File, table string) bool {
	s := f.Section(table)
	if s == nil || s.Type == elf.SHT_NOBITS {
		return false
	}
	_, found := find(s.Open(), []byte("\x00"+nativeSymbols[2]+"\x00"), int64(min(s.Size, MaxSection)))
	return found
}

func nativeMachO(r io.ReaderAt) (list []NativeComponent, err error) {
	defer func() {
		if p := recover(); p != nil { // debug/macho, on malformed files
			list, err = nil, nil
		}
	}()
	f, err := openMachO(r)
	if err != nil || f == nil || f.Symtab == nil {
		return nil, err // nil: not a Mach-O file that the standard library reads
	}
	var at [3]uint64
	for _, s := range f.Symtab.Syms {
		for i, name := range nativeSymbols {
			if s.Name == "_"+name {
				at[i] = s.Value
			}
		}
	}
	s := f.Segment("__DATA")
	if at[0] == 0 || at[1] == 0 || at[2] == 0 || s == nil {
		return nil, nil
	}
	if s.Filesz > MaxSection {
		return nil, fmt.Errorf("segment __DATA: %w of %d bytes", errTooLarge, MaxSection)
	}
	data, err := s.Data()
	if err != nil {
		return nil, err
	}
	return nativeSBOM(data, at[0]-s.Addr, at[1]-s.Addr)
}

// nativeSBOM decompresses and parses the SBOM at an offset of a data section.
// Offsets below the section are huge, since they are unsigned.
func nativeSBOM(data []byte, at, lengthAt uint64) ([]NativeComponent, error) {
	size := uint64(len(data))
	if lengthAt > size || size-lengthAt < 8 {
		return nil, errors.New("the length of a native image's SBOM is outside of its section")
	}
	length := binary.LittleEndian.Uint64(data[lengthAt:])
	if at > size || length > size-at {
		return nil, errors.New("a native image's SBOM is outside of its section")
	}
	z, err := gzip.NewReader(bytes.NewReader(data[at : at+length]))
	if err != nil {
		return nil, fmt.Errorf("the SBOM of a native image: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxNativeSBOM+1))
	if err != nil {
		return nil, fmt.Errorf("the SBOM of a native image: %w", err)
	}
	if len(text) > maxNativeSBOM {
		return nil, fmt.Errorf("the SBOM of a native image: %w of %d bytes", errTooLarge, maxNativeSBOM)
	}
	return parseNativeSBOM(text)
}

func parseNativeSBOM(text []byte) ([]NativeComponent, error) {
	var bom struct {
		Components []NativeComponent `json:"components"`
		Metadata   struct {
			Component *NativeComponent `json:"component"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		return nil, fmt.Errorf("the SBOM of a native image: %w", err)
	}
	if bom.Metadata.Component != nil {
		bom.Components = append(bom.Components, *bom.Metadata.Component)
	}
	var out []NativeComponent
	var add func([]NativeComponent)
	add = func(list []NativeComponent) {
		for _, c := range list {
			switch c.Type {
			case "application", "framework", "library", "machine-learning-model", "firmware":
				below := c.Components
				c.Components = nil
				out = append(out, c)
				add(below)
			default:
				add(c.Components)
			}
		}
	}
	add(bom.Components)
	return out, nil
}
