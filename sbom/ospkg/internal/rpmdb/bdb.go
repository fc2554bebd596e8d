package rpmdb

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The layout of a Berkeley DB hash (lib/backend/bdb_ro.cc of rpm;
// src/dbinc/db_page.h of Berkeley DB): pages of equal size, the first of
// which describes the file. Each bucket is a chain of pages with items, of
// which every second one is a key; an item that is too long for a page is a
// chain of overflow pages. The numbers are in the byte order of the machine
// that wrote them.
const (
	bdbHashMagic = 0x00061561
	bdbMetaSize  = 512
	bdbHeadSize  = 26
	bdbMinPage   = 512
	bdbMaxPage   = 64 << 10

	bdbPageUnsorted = 2 // before Berkeley DB 4.6
	bdbPageOverflow = 7
	bdbPageMeta     = 8
	bdbPageHash     = 13

	bdbItemOnPage  = 1
	bdbItemOffPage = 3

	bdbSpares = 32
)

type bdbReader struct {
	in        Input
	order     binary.ByteOrder
	pageSize  uint32
	last      uint32 // page
	maxBucket uint32
	spares    [bdbSpares]uint32

	used []uint64 // one bit for each page that was read; none is read twice
	page []byte   // of items
	over []byte   // of an item that is too long
}

func readBDB(ctx context.Context, in Input, yield func(uint32, []byte) error) error {
	r := &bdbReader{in: in}
	if err := r.readMeta(); err != nil {
		return err
	}
	for bucket := uint32(0); ; bucket++ {
		at := uint64(bucket) + uint64(r.spares[bits.Len32(bucket)])
		if at > uint64(r.last) {
			return damaged(fmt.Sprintf("bucket %d", bucket), "is on page %d of %d", at, r.last)
		}
		for page := uint32(at); page != 0; {
			if err := ctx.Err(); err != nil {
				return err
			}
			next, err := r.readItems(page, yield)
			if err != nil {
				return err
			}
			page = next
		}
		if bucket == r.maxBucket {
			break
		}
	}
	return r.checkUnused(ctx)
}

func (r *bdbReader) readMeta() error {
	var meta [bdbMetaSize]byte
	if err := readFull(r.in, meta[:], 0, "the first page"); err != nil {
		return err
	}
	switch {
	case binary.LittleEndian.Uint32(meta[12:]) == bdbHashMagic:
		r.order = binary.LittleEndian
	case binary.BigEndian.Uint32(meta[12:]) == bdbHashMagic:
		r.order = binary.BigEndian
	default:
		return damaged("", "is not a hash of Berkeley DB: its magic number is %#x", meta[12:16])
	}
	u32 := func(at int) uint32 { return r.order.Uint32(meta[at:]) }
	if v := u32(16); v < 8 || v > 10 {
		return damaged("", "unknown version %d of the hash", v)
	}
	const checksummed = 1
	if meta[24] != 0 || meta[26]&checksummed != 0 {
		return damaged("", "is encrypted or has checksums, unlike any database of rpm")
	}
	if meta[25] != bdbPageMeta {
		return damaged("", "the first page has type %d", meta[25])
	}
	r.pageSize, r.last, r.maxBucket = u32(20), u32(32), u32(72)
	if r.pageSize < bdbMinPage || r.pageSize > bdbMaxPage || r.pageSize&(r.pageSize-1) != 0 {
		return damaged("", "pages of %d bytes", r.pageSize)
	}
	if pages := r.in.Size / int64(r.pageSize); int64(r.last) >= pages {
		return damaged("", "the file is truncated: it has %d pages, the last one should be number %d", pages, r.last)
	}
	if r.maxBucket >= r.last {
		return damaged("", "%d buckets on %d pages", int64(r.maxBucket)+1, r.last)
	}
	for i := range r.spares {
		r.spares[i] = u32(96 + 4*i)
	}
	r.used = make([]uint64, r.last/64+1)
	r.page, r.over = make([]byte, r.pageSize), make([]byte, r.pageSize)
	return nil
}

// read reads a page, once.
func (r *bdbReader) read(page uint32, into []byte) error {
	where := pageName(page)
	if page == 0 || page > r.last {
		return damaged(where, "does not exist, the last one is %d", r.last)
	}
	if r.used[page/64]&(1<<(page%64)) != 0 {
		return damaged(where, "is used twice")
	}
	r.used[page/64] |= 1 << (page % 64)
	if err := readFull(r.in, into, int64(page)*int64(r.pageSize), where); err != nil {
		return err
	}
	if own := r.order.Uint32(into[8:]); own != page {
		return damaged(where, "contains the page number %d", own)
	}
	return nil
}

// readItems yields what is on one page of a bucket, and returns the next page.
func (r *bdbReader) readItems(page uint32, yield func(uint32, []byte) error) (next uint32, err error) {
	if err := r.read(page, r.page); err != nil {
		return 0, err
	}
	where := pageName(page)
	if kind := r.page[25]; kind != bdbPageHash && kind != bdbPageUnsorted {
		return 0, damaged(where, "has type %d, not that of a bucket", kind)
	}
	count := int(r.order.Uint16(r.page[20:]))
	if count%2 != 0 {
		return 0, damaged(where, "has %d items, an odd number", count)
	}
	if bdbHeadSize+2*count > len(r.page) {
		return 0, damaged(where, "has %d items, more than fit", count)
	}
	// The items are laid out from the end of the page.
	end := len(r.page)
	items := make([][]byte, count)
	for i := range items {
		at := int(r.order.Uint16(r.page[bdbHeadSize+2*i:]))
		if at < bdbHeadSize+2*count || at >= end {
			return 0, damaged(where, "item %d starts at byte %d, and the one before it at %d", i, at, end)
		}
		items[i], end = r.page[at:end], at
	}
	for i := 0; i < count; i += 2 {
		key, value := items[i], items[i+1]
		if key[0] != bdbItemOnPage || len(key) != 5 {
			return 0, damaged(where, "item %d is not a header number", i)
		}
		number := r.order.Uint32(key[1:])
		if number == 0 {
			continue // rpm's record of the highest number
		}
		blob, err := r.value(value, fmt.Sprintf("%s, header %d", where, number))
		if err != nil {
			return 0, err
		}
		if err := yield(number, blob); err != nil {
			return 0, err
		}
	}
	return r.order.Uint32(r.page[16:]), nil
}

func (r *bdbReader) value(item []byte, where string) ([]byte, error) {
	switch item[0] {
	case bdbItemOnPage:
		return item[1:], nil
	case bdbItemOffPage:
		if len(item) != 12 {
			return nil, damaged(where, "has a reference of %d bytes", len(item))
		}
		return r.chain(r.order.Uint32(item[4:]), r.order.Uint32(item[8:]), where)
	}
	return nil, damaged(where, "is an item of type %d", item[0])
}

// chain reads an item from overflow pages.
func (r *bdbReader) chain(page, length uint32, where string) ([]byte, error) {
	if length > maxHeader {
		return nil, beyond(where, "has %d bytes, more than %d", length, maxHeader)
	}
	if int64(length) > r.in.Size {
		return nil, damaged(where, "has %d bytes, more than the file", length)
	}
	out := make([]byte, 0, length)
	for page != 0 {
		if err := r.read(page, r.over); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		if kind := r.over[25]; kind != bdbPageOverflow {
			return nil, damaged(where, "continues on page %d, which has type %d", page, kind)
		}
		size := int(r.order.Uint16(r.over[22:]))
		if size > len(r.over)-bdbHeadSize || size > int(length)-len(out) {
			return nil, damaged(where, "has more on page %d than fits", page)
		}
		out = append(out, r.over[bdbHeadSize:bdbHeadSize+size]...)
		page = r.order.Uint32(r.over[16:])
	}
	if len(out) != int(length) {
		return nil, damaged(where, "has %d bytes of %d", len(out), length)
	}
	return out, nil
}

// checkUnused returns an error for items on pages that no bucket refers to. An
// unused page has another type, or no items.
func (r *bdbReader) checkUnused(ctx context.Context) error {
	var head [bdbHeadSize]byte
	for page := uint32(1); page <= r.last; page++ {
		if r.used[page/64]&(1<<(page%64)) != 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := readFull(r.in, head[:], int64(page)*int64(r.pageSize), pageName(page)); err != nil {
			return err
		}
		switch head[25] {
		case bdbPageHash, bdbPageUnsorted:
			if count := r.order.Uint16(head[20:]); count > 0 {
				return damaged(pageName(page), "has %d items, but is in no bucket", count)
			}
		case bdbPageOverflow:
			return damaged(pageName(page), "has a part of a header, but belongs to none")
		}
	}
	return nil
}

func pageName(page uint32) string { return fmt.Sprintf("page %d", page) }
