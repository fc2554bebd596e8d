package dotnet

import (
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"

	"github.com/depaudit/depaudit/sbom/catalogers/internal/exe"
)

// File is what a portable executable says about itself
// (https://learn.microsoft.com/en-us/windows/win32/debug/pe-format).
type File struct {
	Path    string
	Managed bool              // it has a header for the .NET runtime
	Fields  map[string]string // of its version resources
	Deps    []byte            // the deps.json of a single-file application
	// Partial is an error for what could not be read, nil when nothing was lost.
	Partial error
}

const (
	maxSections  = 1 << 10
	maxEntries   = 1 << 12 // of one directory of resources
	maxResources = 1 << 16 // entries of a whole tree: each can be named many times
	maxDepth     = 8       // directories of types, names and languages make 3
	maxVersion   = 1 << 20 // bytes of one version resource; real ones have 2 KB
)

// ReadPE reads the headers, the version resources and the bundle of a
// portable executable.
func ReadPE(r io.ReaderAt) (*File, error) {
	h, err := readHeaders(r)
	if err != nil {
		return nil, err
	}
	f := &File{Fields: make(map[string]string)}
	var lost []error
	debugInfo := false
	if res := h.directories[pe.IMAGE_DIRECTORY_ENTRY_RESOURCE]; res.Size > 0 {
		w := &walk{fields: f.Fields, base: res.VirtualAddress, size: res.Size}
		if w.r, err = h.at(r, res); err == nil {
			err = w.directory(0, 0)
		}
		debugInfo = w.debugInfo
		if err != nil {
			lost = append(lost, fmt.Errorf("the resources of a portable executable: %w", err))
		}
	}
	f.Managed = debugInfo
	if clr := h.directories[pe.IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR]; clr.Size > 0 {
		header, err := h.at(r, clr)
		var head [8]byte // its size, and the version of the runtime
		if err == nil {
			_, err = io.ReadFull(header, head[:])
		}
		if err != nil {
			lost = append(lost, fmt.Errorf("the .NET header of a portable executable: %w", err))
		}
		f.Managed = f.Managed || binary.LittleEndian.Uint16(head[4:]) != 0 && binary.LittleEndian.Uint16(head[6:]) != 0
	}
	if f.Deps, err = exe.PEBundledDeps(r, h.end()); err != nil {
		lost = append(lost, err)
	}
	f.Partial = errors.Join(lost...)
	return f, nil
}

type headers struct {
	directories [16]pe.DataDirectory
	sections    []pe.SectionHeader32
}

func readHeaders(r io.ReaderAt) (*headers, error) {
	var dos [64]byte
	if _, err := r.ReadAt(dos[:], 0); err != nil || string(dos[:2]) != "MZ" {
		return nil, errors.New("not a portable executable: no DOS header")
	}
	s := io.NewSectionReader(r, int64(binary.LittleEndian.Uint32(dos[60:])), 1<<20)
	var start struct {
		Signature [4]byte
		Header    pe.FileHeader
		Magic     uint16
	}
	if err := binary.Read(s, binary.LittleEndian, &start); err != nil || string(start.Signature[:]) != "PE\x00\x00" {
		return nil, errors.New("not a portable executable: no PE header")
	}
	h := &headers{}
	var err error
	if _, err := s.Seek(-2, io.SeekCurrent); err != nil {
		return nil, err
	}
	switch start.Magic {
	case 0x10b:
		var o pe.OptionalHeader32
		err = binary.Read(s, binary.LittleEndian, &o)
		h.directories = o.DataDirectory
	case 0x20b:
		var o pe.OptionalHeader64
		err = binary.Read(s, binary.LittleEndian, &o)
		h.directories = o.DataDirectory
	default:
		err = fmt.Errorf("unknown magic number 0x%x", start.Magic)
	}
	if err != nil {
		return nil, fmt.Errorf("the optional header of a portable executable: %w", err)
	}
	if start.Header.NumberOfSections > maxSections {
		return nil, fmt.Errorf("a portable executable with %d sections, more than the limit of %d", start.Header.NumberOfSections, maxSections)
	}
	h.sections = make([]pe.SectionHeader32, start.Header.NumberOfSections)
	if err := binary.Read(s, binary.LittleEndian, h.sections); err != nil {
		return nil, fmt.Errorf("the section headers of a portable executable: %w", err)
	}
	return h, nil
}

// end is where the last section ends, with the padding after it.
func (h *headers) end() int64 {
	var end int64
	for _, s := range h.sections {
		end = max(end, int64(s.PointerToRawData)+int64(s.SizeOfRawData))
	}
	return end + 4096
}

// at returns the content of a directory.
func (h *headers) at(r io.ReaderAt, d pe.DataDirectory) (*io.SectionReader, error) {
	for _, s := range h.sections {
		if d.VirtualAddress >= s.VirtualAddress && uint64(d.VirtualAddress) < uint64(s.VirtualAddress)+uint64(s.VirtualSize) {
			return io.NewSectionReader(r, int64(s.PointerToRawData)+int64(d.VirtualAddress-s.VirtualAddress), int64(d.Size)), nil
		}
	}
	return nil, fmt.Errorf("no section has the address 0x%x", d.VirtualAddress)
}

// walk collects the version resources of a tree of resources.
type walk struct {
	r          *io.SectionReader
	base, size uint32
	entries    int
	fields     map[string]string
	debugInfo  bool
}

var errResources = errors.New("more entries or levels than the limit")

// directory reads a directory of resources at an offset. An entry that cannot
// be read is skipped: its neighbours can.
func (w *walk) directory(at uint32, depth int) error {
	if depth > maxDepth {
		return errResources
	}
	var head [16]byte
	if _, err := w.r.ReadAt(head[:], int64(at)); err != nil {
		return fmt.Errorf("a directory at 0x%x: %w", at, err)
	}
	count := int(binary.LittleEndian.Uint16(head[12:])) + int(binary.LittleEndian.Uint16(head[14:]))
	if count == 0 || count > maxEntries {
		return fmt.Errorf("a directory with %d entries", count)
	}
	for i := range count {
		if w.entries++; w.entries > maxResources {
			return errResources
		}
		var entry [8]byte
		if _, err := w.r.ReadAt(entry[:], int64(at)+16+8*int64(i)); err != nil {
			return nil // the directory is cut off
		}
		name, to := binary.LittleEndian.Uint32(entry[:]), binary.LittleEndian.Uint32(entry[4:])
		const isHigh = 1 << 31 // a name is text, an entry is a directory
		if name&isHigh != 0 && w.name(name&^isHigh) == "CLRDEBUGINFO" {
			w.debugInfo = true
		}
		if to&isHigh == 0 {
			w.data(to)
			continue
		}
		if err := w.directory(to&^isHigh, depth+1); errors.Is(err, errResources) {
			return err
		}
	}
	return nil
}

// name reads the name of an entry, if it can be the one that matters.
func (w *walk) name(at uint32) string {
	const length = len("CLRDEBUGINFO")
	var text [2 + 2*length]byte
	if _, err := w.r.ReadAt(text[:], int64(at)); err != nil || int(binary.LittleEndian.Uint16(text[:])) != length {
		return ""
	}
	return decodeUTF16(text[2:])
}

// data reads a resource, and its fields when it is a version resource.
func (w *walk) data(at uint32) {
	var entry [8]byte
	if _, err := w.r.ReadAt(entry[:], int64(at)); err != nil {
		return
	}
	address, size := binary.LittleEndian.Uint32(entry[:]), binary.LittleEndian.Uint32(entry[4:])
	if address < w.base || size > maxVersion || uint64(address-w.base)+uint64(size) > uint64(w.size) {
		return
	}
	const key = "VS_VERSION_INFO"
	var head [6 + 2*len(key)]byte
	if _, err := w.r.ReadAt(head[:], int64(address-w.base)); err != nil || decodeUTF16(head[6:]) != key {
		return
	}
	data := make([]byte, size)
	if n, err := w.r.ReadAt(data, int64(address-w.base)); err != nil && n < len(data) {
		return
	}
	versionFields(data, w.fields)
}

// block is one structure of a version resource: three lengths, a key, a value
// and other blocks (https://learn.microsoft.com/en-us/windows/win32/menurc/vs-versioninfo).
type block struct {
	key  string
	data []byte // from the value on
	size int    // of the value, in its own unit
	next int    // where the block after this one begins
}

func readBlock(data []byte) (block, bool) {
	if len(data) < 6 {
		return block{}, false
	}
	length := int(binary.LittleEndian.Uint16(data))
	if length < 6 {
		return block{}, false
	}
	b := block{size: int(binary.LittleEndian.Uint16(data[2:])), next: align(length)}
	body := data[:min(length, len(data))]
	end := 6
	for end+1 < len(body) && (body[end] != 0 || body[end+1] != 0) {
		end += 2
	}
	b.key = decodeUTF16(body[6:min(end, len(body))])
	b.data = body[min(align(end+2), len(body)):]
	return b, true
}

func align(n int) int { return (n + 3) &^ 3 }

// versionFields adds the strings of a version resource: those of its first
// language.
func versionFields(data []byte, fields map[string]string) {
	const fixed = 52 // bytes of VS_FIXEDFILEINFO
	root, ok := readBlock(data)
	if !ok || len(root.data) < fixed {
		return
	}
	rest := root.data[min(align(fixed), len(root.data)):]
	for {
		info, ok := readBlock(rest)
		if !ok {
			break
		}
		if info.key == "StringFileInfo" {
			if language, ok := readBlock(info.data); ok {
				stringFields(language.data, fields)
			}
		}
		rest = rest[min(info.next, len(rest)):]
	}
	if fields["FileVersion"] == "" {
		ms, ls := binary.LittleEndian.Uint32(root.data[8:]), binary.LittleEndian.Uint32(root.data[12:])
		fields["FileVersion"] = fmt.Sprintf("%d.%d.%d.%d", ms>>16, ms&0xffff, ls>>16, ls&0xffff)
	}
}

func stringFields(data []byte, fields map[string]string) {
	for {
		s, ok := readBlock(data)
		if !ok {
			return
		}
		value := ""
		if s.size > 0 { // in characters, or in bytes by some tools: it ends at a zero
			end := 0
			for end+1 < len(s.data) && (s.data[end] != 0 || s.data[end+1] != 0) {
				end += 2
			}
			value = decodeUTF16(s.data[:end])
		}
		fields[s.key] = value
		data = data[min(s.next, len(data)):]
	}
}

func decodeUTF16(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}
