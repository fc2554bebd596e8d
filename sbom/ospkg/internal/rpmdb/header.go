package rpmdb

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
)

// A header is a table of tags and a store of their values
// (https://rpm-software-management.github.io/rpm/manual/format_header.html):
// two counts, the entries of 16 bytes, the data. In a database the entries of
// the package as it was built come first, as a "region" that ends with a
// trailer in the data, and those that rpm added when it installed the package
// ("dribbles") follow; they replace entries of the region. All numbers are
// big-endian.
const (
	introSize = 8
	entrySize = 16
	// maxEntries is rpm's own bound (HEADER_TAGS_MAX in lib/header.cc).
	maxEntries = 0xffff
	// maxArray is rpm's own bound on the number of values of a tag
	// (HEADER_ARRAY_MAX).
	maxArray = 0xfffff
)

// The types of values.
const (
	typeChar        = 1
	typeInt8        = 2
	typeInt16       = 3
	typeInt32       = 4
	typeInt64       = 5
	typeString      = 6
	typeBin         = 7
	typeStringArray = 8
	typeI18NString  = 9
)

// The tags below 100 mark regions.
const (
	tagHeaderImage      = 61
	tagHeaderSignatures = 62
	tagHeaderImmutable  = 63
	firstTag            = 100
)

// entry is one tag and its values, which are a part of the header's data.
type entry struct {
	kind  uint32
	count uint32
	data  []byte // exactly its values
}

// header has the entries of the wanted tags.
type header map[uint32]entry

// readHeader parses a blob that consists of one header, and keeps the tags that
// want accepts. Strings share the blob's bytes.
func readHeader(blob []byte, want func(tag uint32) bool) (header, error) {
	if len(blob) < introSize+entrySize {
		return nil, damaged("", "%d bytes are too short for a header", len(blob))
	}
	entries, size := int64(binary.BigEndian.Uint32(blob)), int64(binary.BigEndian.Uint32(blob[4:]))
	if entries < 1 || entries > maxEntries {
		return nil, damaged("", "a header of %d tags", entries)
	}
	// Nothing may follow: a different size means that blob and container
	// contradict each other.
	if introSize+entrySize*entries+size != int64(len(blob)) {
		return nil, damaged("", "the header states %d tags and %d bytes of data, but has %d bytes in total", entries, size, len(blob))
	}
	h := &headerReader{table: blob[introSize : introSize+entrySize*entries], data: blob[introSize+entrySize*entries:]}
	if err := h.readRegion(); err != nil {
		return nil, err
	}
	return h.read(want)
}

type headerReader struct {
	table, data []byte
	region      int // entries in the region, the region's own included; 0 without a region
	regionEnd   int // of the region's data, with its trailer
}

func (h *headerReader) len() int { return len(h.table) / entrySize }

func (h *headerReader) at(i int) (tag, kind, offset, count uint32) {
	b := h.table[i*entrySize:]
	return binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
}

// readRegion checks the entry of a region and the trailer that it points to
// (hdrblobVerifyRegion in lib/header.cc).
func (h *headerReader) readRegion() error {
	tag, kind, offset, count := h.at(0)
	switch tag {
	case tagHeaderImage, tagHeaderSignatures, tagHeaderImmutable:
	default:
		return nil // a header of rpm 3, without regions
	}
	if kind != typeBin || count != entrySize {
		return damaged("", "the region has type %d and %d bytes", kind, count)
	}
	if uint64(offset)+entrySize > uint64(len(h.data)) {
		return damaged("", "the region ends at byte %d of %d", offset, len(h.data))
	}
	trailer := headerReader{table: h.data[offset : offset+entrySize]}
	endTag, endKind, back, endCount := trailer.at(0)
	// The trailer points back over the entries, as a negative number.
	length := -int64(int32(back))
	if endTag != tag || endKind != typeBin || endCount != entrySize {
		return damaged("", "the trailer of the region has tag %d, type %d and %d bytes", endTag, endKind, endCount)
	}
	if length <= 0 || length%entrySize != 0 || length > int64(len(h.table)) {
		return damaged("", "the region has %d bytes of tags, the header %d", length, len(h.table))
	}
	h.region, h.regionEnd = int(length/entrySize), int(offset)+entrySize
	return nil
}

// read checks all entries as rpm does (hdrblobVerifyInfo), so that no two
// share data, and keeps the wanted ones.
func (h *headerReader) read(want func(tag uint32) bool) (header, error) {
	out := header{}
	first := 0
	if h.region > 0 {
		first = 1
	}
	end := 0
	for i := first; i < h.len(); i++ {
		tag, kind, offset, count := h.at(i)
		fail := func(format string, args ...any) error {
			return damaged(fmt.Sprintf("tag %d", tag), format, args...)
		}
		switch {
		case int32(tag) < firstTag:
			return nil, fail("is not a tag of a package")
		case kind < typeChar || kind > typeI18NString:
			return nil, fail("has the unknown type %d", kind)
		case count < 1 || (kind != typeBin && count > maxArray):
			return nil, fail("has %d values", count)
		case uint64(offset) >= uint64(len(h.data)):
			return nil, fail("points to byte %d of %d", offset, len(h.data))
		case int(offset)%alignment(kind) != 0:
			return nil, fail("is not aligned")
		case int(offset) < end:
			return nil, fail("overlaps the data of another tag")
		}
		size, ok := valueSize(h.data[offset:], kind, count)
		if !ok {
			return nil, fail("%d values of type %d do not fit into the rest of the header", count, kind)
		}
		end = int(offset) + size
		if int(offset) < h.regionEnd && end > h.regionEnd-entrySize {
			return nil, fail("overlaps the trailer of the region")
		}
		if !want(tag) {
			continue
		}
		if _, twice := out[tag]; twice && (h.region == 0 || i < h.region) {
			return nil, fail("occurs twice")
		}
		out[tag] = entry{kind, count, h.data[offset:end]}
		if tag == tagBaseNames && i >= h.region {
			delete(out, tagOldFileNames)
		}
	}
	return out, h.checkDigest(out)
}

func alignment(kind uint32) int {
	switch kind {
	case typeInt16:
		return 2
	case typeInt32:
		return 4
	case typeInt64:
		return 8
	}
	return 1
}

// valueSize returns the size of that many values in bytes.
func valueSize(data []byte, kind, count uint32) (int, bool) {
	switch kind {
	case typeString, typeStringArray, typeI18NString:
		if kind == typeString && count != 1 {
			return 0, false
		}
		size := 0
		for range count {
			i := bytes.IndexByte(data[size:], 0)
			if i < 0 {
				return 0, false
			}
			size += i + 1
		}
		return size, true
	}
	size := uint64(count) * uint64(alignment(kind))
	return int(size), size <= uint64(len(data))
}

// headerMagic precedes a header in a package file, and in its digest.
var headerMagic = [8]byte{0x8e, 0xad, 0xe8, 0x01}

// checkDigest compares the region with the digest that rpm stored beside it
// (hdrblobDigestUpdate). Packages from before rpm 4 have none.
func (h *headerReader) checkDigest(entries header) error {
	if h.region == 0 {
		return nil
	}
	var sum hash.Hash
	var want string
	for _, d := range []struct {
		tag  uint32
		make func() hash.Hash
	}{{tagSHA256Header, sha256.New}, {tagSHA1Header, sha1.New}} {
		if _, found := entries[d.tag]; found {
			text, err := entries.text(d.tag)
			if err != nil {
				return err
			}
			sum, want = d.make(), text
			break
		}
	}
	if sum == nil {
		return nil
	}
	sum.Write(headerMagic[:])
	var counts [introSize]byte
	binary.BigEndian.PutUint32(counts[:], uint32(h.region))
	binary.BigEndian.PutUint32(counts[4:], uint32(h.regionEnd))
	sum.Write(counts[:])
	sum.Write(h.table[:h.region*entrySize])
	sum.Write(h.data[:h.regionEnd])
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return damaged("", "the header does not match its digest (%.64q)", want)
	}
	return nil
}

// text returns the value of a tag that has one string, "" for a missing tag.
func (h header) text(tag uint32) (string, error) {
	e, found := h[tag]
	if !found {
		return "", nil
	}
	// Some tags are strings in one package and translated strings in another.
	// The first translation is the one without a language.
	if e.kind != typeString && e.kind != typeI18NString && e.kind != typeStringArray {
		return "", damaged(fmt.Sprintf("tag %d", tag), "has type %d, want a string", e.kind)
	}
	return string(e.data[:bytes.IndexByte(e.data, 0)]), nil
}

// texts returns the values of a tag that has strings.
func (h header) texts(tag uint32) ([]string, error) {
	e, found := h[tag]
	if !found {
		return nil, nil
	}
	if e.kind != typeStringArray && e.kind != typeString && e.kind != typeI18NString {
		return nil, damaged(fmt.Sprintf("tag %d", tag), "has type %d, want strings", e.kind)
	}
	// One copy for all of them.
	all := string(e.data)
	out := make([]string, 0, e.count)
	for start, i := 0, 0; i < len(all); i++ {
		if all[i] == 0 {
			out = append(out, all[start:i])
			start = i + 1
		}
	}
	return out, nil
}

// numbers returns the values of a tag that has 32-bit numbers.
func (h header) numbers(tag uint32) ([]uint32, error) {
	e, found := h[tag]
	if !found {
		return nil, nil
	}
	if e.kind != typeInt32 {
		return nil, damaged(fmt.Sprintf("tag %d", tag), "has type %d, want 32-bit numbers", e.kind)
	}
	out := make([]uint32, e.count)
	for i := range out {
		out[i] = binary.BigEndian.Uint32(e.data[i*4:])
	}
	return out, nil
}

// shorts returns the values of a tag that has 16-bit numbers.
func (h header) shorts(tag uint32) ([]uint16, error) {
	e, found := h[tag]
	if !found {
		return nil, nil
	}
	if e.kind != typeInt16 {
		return nil, damaged(fmt.Sprintf("tag %d", tag), "has type %d, want 16-bit numbers", e.kind)
	}
	out := make([]uint16, e.count)
	for i := range out {
		out[i] = binary.BigEndian.Uint16(e.data[i*2:])
	}
	return out, nil
}

// number returns the value of a tag that has one number, of 32 or 64 bits.
func (h header) number(tag uint32) (value uint64, found bool, err error) {
	e, found := h[tag]
	switch {
	case !found:
		return 0, false, nil
	case e.count != 1:
		return 0, false, damaged(fmt.Sprintf("tag %d", tag), "has %d values, not one", e.count)
	case e.kind == typeInt32:
		return uint64(binary.BigEndian.Uint32(e.data)), true, nil
	case e.kind == typeInt64:
		return binary.BigEndian.Uint64(e.data), true, nil
	}
	return 0, false, damaged(fmt.Sprintf("tag %d", tag), "has type %d, want a number", e.kind)
}

// bytes returns the value of a binary tag.
func (h header) bytes(tag uint32) ([]byte, error) {
	e, found := h[tag]
	if !found {
		return nil, nil
	}
	switch e.kind {
	case typeChar, typeInt8, typeBin:
		return e.data, nil
	}
	return nil, damaged(fmt.Sprintf("tag %d", tag), "has type %d, want bytes", e.kind)
}
