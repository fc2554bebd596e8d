// Package rpmheader reads the header of an rpm package, as it is in a package
// file and in a database of installed packages: a table of tags. It checks a
// header as rpm itself does, so that no two tags share data.
//
// The part of a header that a signature covers is its region ([Header.Immutable]).
// Tags outside of it were added when the package was installed, or by an attacker
// who wrote the database.
package rpmheader

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
)

// A header is a table of tags and a store of their values
// (https://rpm-software-management.github.io/rpm/manual/format_header.html):
// two counts, the entries of 16 bytes, the data. In a database the entries of
// the package as it was built come first, as a "region" that ends with a
// trailer in the data, and those that rpm added when it installed the package
// ("dribbles") follow; they replace entries of the region. All numbers are
// big-endian.
const (
	IntroSize = 8
	EntrySize = 16
	// maxEntries is rpm's own bound (HEADER_TAGS_MAX in lib/header.cc).
	maxEntries = 0xffff
	// MaxArray is rpm's own bound on the number of values of a tag
	// (HEADER_ARRAY_MAX).
	MaxArray = 0xfffff
)

// The types of values.
const (
	TypeChar        = 1
	TypeInt8        = 2
	TypeInt16       = 3
	TypeInt32       = 4
	TypeInt64       = 5
	TypeString      = 6
	TypeBin         = 7
	TypeStringArray = 8
	TypeI18NString  = 9
)

// The tags below 100 mark regions.
const (
	TagHeaderImage      = 61
	TagHeaderSignatures = 62
	TagHeaderImmutable  = 63
	firstTag            = 100
)

// entry is one tag and its values, which are a part of the header's data.
type entry struct {
	kind  uint32
	count uint32
	data  []byte // exactly its values
	fixed bool   // in the region
}

// Header has the wanted tags of a header. It shares the bytes of the blob that
// it was made of.
type Header struct {
	tags     map[uint32]entry
	replaced map[uint32]entry // those of the region that others replace
	reader   *headerReader
}

// Parse parses a blob that consists of one header, and keeps the tags that
// want accepts. The error is an [*Error].
func Parse(blob []byte, want func(tag uint32) bool) (Header, error) {
	h, err := parse(blob, want)
	if err == nil {
		err = h.checkDigest()
	}
	if err != nil {
		return Header{}, err
	}
	return h, nil
}

func parse(blob []byte, want func(tag uint32) bool) (h Header, err error) {
	if len(blob) < IntroSize+EntrySize {
		return h, damaged("", "%d bytes are too short for a header", len(blob))
	}
	entries, size := int64(binary.BigEndian.Uint32(blob)), int64(binary.BigEndian.Uint32(blob[4:]))
	if entries < 1 || entries > maxEntries {
		return h, damaged("", "a header of %d tags", entries)
	}
	// Nothing may follow: a different size means that blob and container
	// contradict each other.
	if IntroSize+EntrySize*entries+size != int64(len(blob)) {
		return h, damaged("", "the header states %d tags and %d bytes of data, but has %d bytes in total", entries, size, len(blob))
	}
	r := &headerReader{table: blob[IntroSize : IntroSize+EntrySize*entries], data: blob[IntroSize+EntrySize*entries:]}
	if err := r.readRegion(); err != nil {
		return h, err
	}
	return r.read(want)
}

type headerReader struct {
	table, data []byte
	region      int // entries in the region, the region's own included; 0 without a region
	regionEnd   int // of the region's data, with its trailer
}

func (h *headerReader) len() int { return len(h.table) / EntrySize }

func (h *headerReader) at(i int) (tag, kind, offset, count uint32) {
	b := h.table[i*EntrySize:]
	return binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
}

// readRegion checks the entry of a region and the trailer that it points to
// (hdrblobVerifyRegion in lib/header.cc).
func (h *headerReader) readRegion() error {
	tag, kind, offset, count := h.at(0)
	switch tag {
	case TagHeaderImage, TagHeaderSignatures, TagHeaderImmutable:
	default:
		return nil // a header of rpm 3, without regions
	}
	if kind != TypeBin || count != EntrySize {
		return damaged("", "the region has type %d and %d bytes", kind, count)
	}
	if uint64(offset)+EntrySize > uint64(len(h.data)) {
		return damaged("", "the region ends at byte %d of %d", offset, len(h.data))
	}
	trailer := headerReader{table: h.data[offset : offset+EntrySize]}
	endTag, endKind, back, endCount := trailer.at(0)
	// The trailer points back over the entries, as a negative number.
	length := -int64(int32(back))
	if endTag != tag || endKind != TypeBin || endCount != EntrySize {
		return damaged("", "the trailer of the region has tag %d, type %d and %d bytes", endTag, endKind, endCount)
	}
	if length <= 0 || length%EntrySize != 0 || length > int64(len(h.table)) {
		return damaged("", "the region has %d bytes of tags, the header %d", length, len(h.table))
	}
	h.region, h.regionEnd = int(length/EntrySize), int(offset)+EntrySize
	return nil
}

// read checks all entries as rpm does (hdrblobVerifyInfo), so that no two
// share data, and keeps the wanted ones.
func (h *headerReader) read(want func(tag uint32) bool) (Header, error) {
	out := Header{tags: map[uint32]entry{}, reader: h}
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
			return Header{}, fail("is not a tag of a package")
		case kind < TypeChar || kind > TypeI18NString:
			return Header{}, fail("has the unknown type %d", kind)
		case count < 1 || (kind != TypeBin && count > MaxArray):
			return Header{}, fail("has %d values", count)
		case uint64(offset) >= uint64(len(h.data)):
			return Header{}, fail("points to byte %d of %d", offset, len(h.data))
		case int(offset)%alignment(kind) != 0:
			return Header{}, fail("is not aligned")
		case int(offset) < end:
			return Header{}, fail("overlaps the data of another tag")
		}
		size, ok := valueSize(h.data[offset:], kind, count)
		if !ok {
			return Header{}, fail("%d values of type %d do not fit into the rest of the header", count, kind)
		}
		end = int(offset) + size
		if (int(offset) < h.regionEnd || i < h.region) && end > h.regionEnd-EntrySize {
			return Header{}, fail("overlaps the trailer of the region")
		}
		if !want(tag) {
			continue
		}
		before, twice := out.tags[tag]
		if twice && (h.region == 0 || i < h.region) {
			return Header{}, fail("occurs twice")
		}
		if twice {
			out.replace(tag, before)
		}
		out.tags[tag] = entry{kind, count, h.data[offset:end], i < h.region}
		if old, found := out.tags[TagOldFileNames]; found && tag == TagBaseNames && i >= h.region {
			out.replace(TagOldFileNames, old)
			delete(out.tags, TagOldFileNames)
		}
	}
	return out, nil
}

func alignment(kind uint32) int {
	switch kind {
	case TypeInt16:
		return 2
	case TypeInt32:
		return 4
	case TypeInt64:
		return 8
	}
	return 1
}

// valueSize returns the size of that many values in bytes.
func valueSize(data []byte, kind, count uint32) (int, bool) {
	switch kind {
	case TypeString, TypeStringArray, TypeI18NString:
		if kind == TypeString && count != 1 {
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

// Magic precedes a header in a package file, and in its digest.
var Magic = [8]byte{0x8e, 0xad, 0xe8, 0x01}

// replace records that a tag after the region replaces one in it.
func (h *Header) replace(tag uint32, e entry) {
	if !e.fixed {
		return
	}
	if h.replaced == nil {
		h.replaced = map[uint32]entry{}
	}
	h.replaced[tag] = e
}

// Added returns the wanted tags that are outside of the region, some of which may
// replace one in it.
func (h Header) Added() []uint32 {
	var out []uint32
	for tag, e := range h.tags {
		if !e.fixed {
			out = append(out, tag)
		}
	}
	slices.Sort(out)
	return out
}

// Region returns the header without the tags that are outside of its region.
func (h Header) Region() Header {
	out := Header{tags: map[uint32]entry{}, reader: h.reader}
	for tag, e := range h.tags {
		if e.fixed {
			out.tags[tag] = e
		}
	}
	maps.Copy(out.tags, h.replaced)
	return out
}

// Immutable calls write with the bytes that the digests and the signatures of
// the header cover, in pieces: the magic number, and the region as it was in the
// package file (hdrblobDigestUpdate in lib/header.cc). It returns false for a
// header without a region that was made with the package.
func (h Header) Immutable(write func([]byte)) bool {
	r := h.reader
	if tag, _, _, _ := r.at(0); r.region == 0 || tag != TagHeaderImmutable {
		return false
	}
	r.digested(write)
	return true
}

func (h *headerReader) digested(write func([]byte)) {
	write(Magic[:])
	var counts [IntroSize]byte
	binary.BigEndian.PutUint32(counts[:], uint32(h.region))
	binary.BigEndian.PutUint32(counts[4:], uint32(h.regionEnd))
	write(counts[:])
	write(h.table[:h.region*EntrySize])
	write(h.data[:h.regionEnd])
}

// checkDigest compares the region with the digest that rpm stored beside it.
// Packages from before rpm 4 have none.
func (h Header) checkDigest() error {
	if h.reader.region == 0 {
		return nil
	}
	for _, d := range []struct {
		tag  uint32
		make func() hash.Hash
	}{{TagSHA256Header, sha256.New}, {TagSHA1Header, sha1.New}} {
		if !h.Has(d.tag) {
			continue
		}
		want, err := h.Text(d.tag)
		if err != nil {
			return err
		}
		sum := d.make()
		h.reader.digested(func(b []byte) { sum.Write(b) })
		if got := hex.EncodeToString(sum.Sum(nil)); got != want {
			return damaged("", "the header does not match its digest (%.64q)", want)
		}
	}
	return nil
}

// Has reports whether a tag is there.
func (h Header) Has(tag uint32) bool { _, found := h.tags[tag]; return found }

// Text returns the value of a tag that has one string, "" for a missing tag.
func (h Header) Text(tag uint32) (string, error) {
	e, found := h.tags[tag]
	if !found {
		return "", nil
	}
	// Some tags are strings in one package and translated strings in another.
	// The first translation is the one without a language.
	if e.kind != TypeString && e.kind != TypeI18NString && e.kind != TypeStringArray {
		return "", damaged(fmt.Sprintf("tag %d", tag), "has type %d, want a string", e.kind)
	}
	return string(e.data[:bytes.IndexByte(e.data, 0)]), nil
}

// Texts returns the values of a tag that has strings.
func (h Header) Texts(tag uint32) ([]string, error) {
	e, found := h.tags[tag]
	if !found {
		return nil, nil
	}
	if e.kind != TypeStringArray && e.kind != TypeString && e.kind != TypeI18NString {
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

// Numbers returns the values of a tag that has 32-bit numbers.
func (h Header) Numbers(tag uint32) ([]uint32, error) {
	e, found := h.tags[tag]
	if !found {
		return nil, nil
	}
	if e.kind != TypeInt32 {
		return nil, damaged(fmt.Sprintf("tag %d", tag), "has type %d, want 32-bit numbers", e.kind)
	}
	out := make([]uint32, e.count)
	for i := range out {
		out[i] = binary.BigEndian.Uint32(e.data[i*4:])
	}
	return out, nil
}

// Longs returns the values of a tag that has 64-bit numbers.
func (h Header) Longs(tag uint32) ([]uint64, error) {
	e, found := h.tags[tag]
	if !found {
		return nil, nil
	}
	if e.kind != TypeInt64 {
		return nil, damaged(fmt.Sprintf("tag %d", tag), "has type %d, want 64-bit numbers", e.kind)
	}
	out := make([]uint64, e.count)
	for i := range out {
		out[i] = binary.BigEndian.Uint64(e.data[i*8:])
	}
	return out, nil
}

// Shorts returns the values of a tag that has 16-bit numbers.
func (h Header) Shorts(tag uint32) ([]uint16, error) {
	e, found := h.tags[tag]
	if !found {
		return nil, nil
	}
	if e.kind != TypeInt16 {
		return nil, damaged(fmt.Sprintf("tag %d", tag), "has type %d, want 16-bit numbers", e.kind)
	}
	out := make([]uint16, e.count)
	for i := range out {
		out[i] = binary.BigEndian.Uint16(e.data[i*2:])
	}
	return out, nil
}

// Number returns the value of a tag that has one number, of 32 or 64 bits.
func (h Header) Number(tag uint32) (value uint64, found bool, err error) {
	e, found := h.tags[tag]
	switch {
	case !found:
		return 0, false, nil
	case e.count != 1:
		return 0, false, damaged(fmt.Sprintf("tag %d", tag), "has %d values, not one", e.count)
	case e.kind == TypeInt32:
		return uint64(binary.BigEndian.Uint32(e.data)), true, nil
	case e.kind == TypeInt64:
		return binary.BigEndian.Uint64(e.data), true, nil
	}
	return 0, false, damaged(fmt.Sprintf("tag %d", tag), "has type %d, want a number", e.kind)
}

// Bytes returns the value of a binary tag.
func (h Header) Bytes(tag uint32) ([]byte, error) {
	e, found := h.tags[tag]
	if !found {
		return nil, nil
	}
	switch e.kind {
	case TypeChar, TypeInt8, TypeBin:
		return e.data, nil
	}
	return nil, damaged(fmt.Sprintf("tag %d", tag), "has type %d, want bytes", e.kind)
}
