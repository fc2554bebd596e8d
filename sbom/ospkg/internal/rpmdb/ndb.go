package rpmdb

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"slices"
)

// The layout of rpm's own database, little-endian (lib/backend/ndb/rpmpkg.c):
// pages of slots, the first two of which are the header of the file, and then
// blocks of 16 bytes. A slot points to the blocks of one package: a head, the
// header, zeros up to the end of the last block, and a tail that is aligned
// with that end.
const (
	ndbMagic   = "RpmP"
	ndbSlot    = "Slot"
	ndbHead    = "BlbS"
	ndbTail    = "BlbE"
	ndbVersion = 0

	ndbPage     = 4096
	ndbBlock    = 16 // also the size of a slot and of a head
	ndbIntro    = 2  // slots that are the header
	ndbTailSize = 12
)

type ndbEntry struct {
	number        uint32
	offset, count uint32 // in blocks
}

func readNDB(ctx context.Context, in Input, yield func(uint32, []byte) error) error {
	slots, err := readNDBSlots(ctx, in)
	if err != nil {
		return err
	}
	// By offset, so that the blocks between them can be checked, and so that
	// two never share a block.
	slices.SortFunc(slots.entries, func(a, b ndbEntry) int { return cmp.Compare(a.offset, b.offset) })
	free := slots.end
	for _, e := range slots.entries {
		if e.offset < free {
			return damaged(fmt.Sprintf("block %d", e.offset), "belongs to two packages, or to a package and to the list of packages")
		}
		if err := checkNDBFree(ctx, in, free, e.offset); err != nil {
			return err
		}
		blob, err := readNDBBlob(in, e)
		if err != nil {
			return err
		}
		if err := yield(e.number, blob); err != nil {
			return err
		}
		free = e.offset + e.count
	}
	return checkNDBFree(ctx, in, free, uint32(in.Size/ndbBlock))
}

type ndbSlots struct {
	entries []ndbEntry
	end     uint32 // the first block after the slots
}

func readNDBSlots(ctx context.Context, in Input) (s ndbSlots, err error) {
	var intro [ndbBlock * ndbIntro]byte
	if err := readFull(in, intro[:], 0, "the head of the file"); err != nil {
		return s, err
	}
	if string(intro[:4]) != ndbMagic {
		return s, damaged("", "is not an rpm database: it starts with %q", intro[:4])
	}
	if v := binary.LittleEndian.Uint32(intro[4:]); v != ndbVersion {
		return s, damaged("", "unknown version %d of the format", v)
	}
	if in.Size%ndbBlock != 0 {
		return s, damaged("", "the file is truncated: its size %d is not a multiple of %d", in.Size, ndbBlock)
	}
	pages, next := binary.LittleEndian.Uint32(intro[12:]), binary.LittleEndian.Uint32(intro[16:])
	if pages == 0 || int64(pages) > in.Size/ndbPage {
		return s, damaged("", "states %d pages of slots, but has %d bytes", pages, in.Size)
	}
	s.end = pages * (ndbPage / ndbBlock)
	page := make([]byte, ndbPage)
	for p := range pages {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if err := readFull(in, page, int64(p)*ndbPage, fmt.Sprintf("page %d", p)); err != nil {
			return s, err
		}
		slots := page
		if p == 0 {
			slots = page[ndbBlock*ndbIntro:]
		}
		for i := 0; i < len(slots); i += ndbBlock {
			slot := slots[i : i+ndbBlock]
			where := fmt.Sprintf("page %d, slot at byte %d", p, ndbPage-len(slots)+i)
			if string(slot[:4]) != ndbSlot {
				return s, damaged(where, "starts with %q", slot[:4])
			}
			e := ndbEntry{binary.LittleEndian.Uint32(slot[4:]), binary.LittleEndian.Uint32(slot[8:]), binary.LittleEndian.Uint32(slot[12:])}
			if e.offset == 0 {
				continue // free
			}
			if int64(e.offset)+int64(e.count) > in.Size/ndbBlock {
				return s, damaged(where, "points to blocks %d to %d of %d", e.offset, int64(e.offset)+int64(e.count), in.Size/ndbBlock)
			}
			if e.number == 0 || e.number >= next {
				return s, damaged(where, "is of package %d, the next new package has number %d", e.number, next)
			}
			s.entries = append(s.entries, e)
		}
	}
	return s, nil
}

// readNDBBlob reads the header of one package, and checks the head, the
// padding and the tail around it.
func readNDBBlob(in Input, e ndbEntry) ([]byte, error) {
	where := fmt.Sprintf("header %d at block %d", e.number, e.offset)
	size := int64(e.count) * ndbBlock
	if size < ndbBlock+ndbTailSize {
		return nil, damaged(where, "has %d blocks", e.count)
	}
	if size > maxHeader {
		return nil, beyond(where, "has %d bytes, more than %d", size, maxHeader)
	}
	all := make([]byte, size)
	if err := readFull(in, all, int64(e.offset)*ndbBlock, where); err != nil {
		return nil, err
	}
	head, tail := all[:ndbBlock], all[len(all)-ndbTailSize:]
	length := binary.LittleEndian.Uint32(head[12:])
	switch {
	case string(head[:4]) != ndbHead || string(tail[8:]) != ndbTail:
		return nil, damaged(where, "is not a package: it is between %q and %q", head[:4], tail[8:])
	case binary.LittleEndian.Uint32(head[4:]) != e.number:
		return nil, damaged(where, "contains package %d", binary.LittleEndian.Uint32(head[4:]))
	case (ndbBlock+int64(length)+ndbTailSize+ndbBlock-1)/ndbBlock != int64(e.count):
		return nil, damaged(where, "%d bytes of a header are in %d blocks", length, e.count)
	case binary.LittleEndian.Uint32(tail[4:]) != length:
		return nil, damaged(where, "the header has %d bytes at its head and %d at its tail", length, binary.LittleEndian.Uint32(tail[4:]))
	case binary.LittleEndian.Uint32(tail) != adler32.Checksum(all[:len(all)-ndbTailSize]):
		return nil, damaged(where, "the checksum is wrong")
	}
	return all[ndbBlock : ndbBlock+length], nil
}

// checkNDBFree returns an error for a package in blocks that no slot names.
// rpm fills them with zeros.
func checkNDBFree(ctx context.Context, in Input, from, to uint32) error {
	const most = 64 << 10 / ndbBlock // blocks at once
	var buf []byte
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(to-from, most)
		if buf == nil {
			buf = make([]byte, n*ndbBlock)
		}
		part := buf[:n*ndbBlock]
		if err := readFull(in, part, int64(from)*ndbBlock, fmt.Sprintf("block %d", from)); err != nil {
			return err
		}
		for i := 0; i < len(part); i += ndbBlock {
			if bytes.HasPrefix(part[i:], []byte(ndbHead)) {
				return damaged(fmt.Sprintf("block %d", from+uint32(i/ndbBlock)), "contains a package that no slot names")
			}
		}
		from += n
	}
	return nil
}
