package exe

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// bundleMarker is in every .NET application host: the SHA-256 sum of ".net
// core bundle". The eight bytes before it are the offset of the bundle's
// header, 0 when nothing is bundled
// (https://github.com/dotnet/runtime/blob/main/src/native/corehost/apphost/bundle_marker.cpp).
var bundleMarker = []byte{
	0x8b, 0x12, 0x02, 0xb9, 0x6a, 0x61, 0x20, 0x38, 0x72, 0x7b, 0x93, 0x02, 0x14, 0xd7, 0xa0, 0x32,
	0x13, 0xf5, 0xb9, 0xe6, 0xef, 0xae, 0x33, 0x18, 0xee, 0x3b, 0x2d, 0xce, 0x24, 0xb3, 0x6a, 0xae,
}

const (
	// maxBundleSearch is the number of bytes that are searched for the marker.
	// The segments of a host with the runtime linked in have 70 MB.
	maxBundleSearch = 512 << 20
	// maxDepsJSON is the size of a bundled deps.json. Large applications have
	// some hundred kilobytes.
	maxDepsJSON = 3 << 20
	// maxBundled is the number of files that are skipped in a manifest.
	maxBundled = 1 << 16
)

// BundledDeps returns the deps.json of a .NET application that is published as
// a single ELF file, nil when the file is none.
//
// The marker is an initialised variable, so only the segments that are mapped
// writable are searched: in most files that is a hundredth of the content. A
// file without program headers is searched as a whole.
func BundledDeps(r io.ReaderAt) ([]byte, error) {
	f, err := OpenELF(r)
	if err != nil || f == nil {
		return nil, err
	}
	type span struct{ at, size int64 }
	var spans []span
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_W != 0 && p.Filesz > 0 {
			spans = append(spans, span{int64(p.Off), int64(min(p.Filesz, maxBundleSearch))})
		}
	}
	if len(f.Progs) == 0 {
		spans = []span{{0, maxBundleSearch}}
	}
	for _, s := range spans {
		deps, err := bundled(r, s.at, s.size)
		if err != nil || deps != nil {
			return deps, err
		}
	}
	return nil, nil
}

// PEBundledDeps is [BundledDeps] for a portable executable, whose sections end
// at an offset.
func PEBundledDeps(r io.ReaderAt, end int64) ([]byte, error) {
	if end <= 0 {
		end = maxBundleSearch
	}
	return bundled(r, 0, min(end, maxBundleSearch))
}

// bundled searches a part of a file for the marker and follows it.
func bundled(r io.ReaderAt, at, size int64) ([]byte, error) {
	i, ok := find(io.NewSectionReader(r, at, size), bundleMarker, size)
	if !ok || at+i < 8 {
		return nil, nil
	}
	var offset [8]byte
	if _, err := r.ReadAt(offset[:], at+i-8); err != nil {
		return nil, err
	}
	header := int64(binary.LittleEndian.Uint64(offset[:]))
	if header == 0 {
		return nil, nil // a host beside its assemblies
	}
	if header < 0 {
		return nil, errors.New("the header of a .NET bundle is outside of the file")
	}
	return depsOfBundle(r, header)
}

// depsOfBundle reads the header of a bundle
// (https://github.com/dotnet/designs/blob/main/accepted/2020/single-file/bundler.md).
func depsOfBundle(r io.ReaderAt, at int64) ([]byte, error) {
	b := &bundleReader{r: r, at: at}
	major := b.u32()
	b.u32() // minor version
	count := b.u32()
	b.skipString() // an identifier
	if major >= 2 {
		offset, size := b.i64(), b.i64()
		b.i64() // offset and size of runtimeconfig.json, and flags
		b.i64()
		b.i64()
		if b.err == nil && offset > 0 && size > 0 {
			return b.file(offset, size)
		}
	}
	if count > maxBundled {
		return nil, fmt.Errorf("a .NET bundle with %d files, more than the limit of %d", count, maxBundled)
	}
	deps := byte(3)
	if major < 2 {
		deps = 2 // the first version has no "unknown" before the other types
	}
	for range count {
		offset, size := b.i64(), b.i64()
		if major >= 6 {
			b.i64() // compressed size
		}
		kind := b.byte()
		b.skipString()
		if b.err != nil {
			break
		}
		if kind == deps && size > 0 {
			return b.file(offset, size)
		}
	}
	if b.err != nil {
		return nil, fmt.Errorf("the header of a .NET bundle: %w", b.err)
	}
	return nil, nil
}

// bundleReader reads what .NET's BinaryWriter writes. After an error it
// returns zeros.
type bundleReader struct {
	r   io.ReaderAt
	at  int64
	err error
}

func (b *bundleReader) next(n int64) []byte {
	buf := make([]byte, n)
	if b.err != nil {
		return buf
	}
	if got, err := b.r.ReadAt(buf, b.at); int64(got) < n {
		b.err = err
		return make([]byte, n)
	}
	b.at += n
	return buf
}

func (b *bundleReader) byte() byte  { return b.next(1)[0] }
func (b *bundleReader) u32() uint32 { return binary.LittleEndian.Uint32(b.next(4)) }
func (b *bundleReader) i64() int64  { return int64(binary.LittleEndian.Uint64(b.next(8))) }

// skipString skips a string with its length before it, in groups of 7 bits.
func (b *bundleReader) skipString() {
	var length int64
	for shift := 0; shift < 35; shift += 7 {
		c := b.byte()
		length |= int64(c&0x7f) << shift
		if c&0x80 == 0 {
			b.at += length
			return
		}
	}
	if b.err == nil {
		b.err = errors.New("a string with a malformed length")
	}
}

func (b *bundleReader) file(at, size int64) ([]byte, error) {
	if size > maxDepsJSON {
		return nil, fmt.Errorf("a bundled deps.json: %w of %d bytes", errTooLarge, maxDepsJSON)
	}
	b.at = at
	data := b.next(size)
	if b.err != nil {
		return nil, fmt.Errorf("a bundled deps.json: %w", b.err)
	}
	return slices.Clip(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))), nil
}
