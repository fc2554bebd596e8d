package rpmdb

import (
	"bytes"
	"encoding/binary"
	"hash/adler32"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/rpmheader"
)

// The smallest databases that have every structure, as seeds of a fuzzer:
// almost every change in a database of a megabyte hits irrelevant bytes.

type tinyHeader struct{ table, data []byte }

func (h *tinyHeader) add(tag, kind, count uint32, value string) {
	for len(h.data)%max(1, map[uint32]int{rpmheader.TypeInt16: 2, rpmheader.TypeInt32: 4, rpmheader.TypeInt64: 8}[kind]) != 0 {
		h.data = append(h.data, 0)
	}
	for _, n := range []uint32{tag, kind, uint32(len(h.data)), count} {
		h.table = binary.BigEndian.AppendUint32(h.table, n)
	}
	h.data = append(h.data, value...)
}

func (h *tinyHeader) blob() []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(h.table)/rpmheader.EntrySize))
	out = binary.BigEndian.AppendUint32(out, uint32(len(h.data)))
	return append(append(out, h.table...), h.data...)
}

// tinyBlob returns a header with a region of some tags, and some after it.
func tinyBlob() []byte {
	h := &tinyHeader{}
	h.add(rpmheader.TagHeaderImmutable, rpmheader.TypeBin, rpmheader.EntrySize, "")
	h.add(rpmheader.TagName, rpmheader.TypeString, 1, "tiny\x00")
	h.add(rpmheader.TagVersion, rpmheader.TypeString, 1, "1\x00")
	h.add(rpmheader.TagRelease, rpmheader.TypeString, 1, "2\x00")
	h.add(rpmheader.TagEpoch, rpmheader.TypeInt32, 1, "\x00\x00\x00\x07")
	h.add(tagSize, rpmheader.TypeInt32, 1, "\x00\x00\x01\x00")
	h.add(rpmheader.TagFileModes, rpmheader.TypeInt16, 2, "\x81\xa4\xa1\xff")
	h.add(rpmheader.TagFileDigests, rpmheader.TypeStringArray, 2, "0123\x00\x00")
	h.add(rpmheader.TagFileLinks, rpmheader.TypeStringArray, 2, "\x00x\x00")
	h.add(rpmheader.TagFileFlags, rpmheader.TypeInt32, 2, "\x00\x00\x00\x40\x00\x00\x00\x01")
	h.add(tagRequireFlags, rpmheader.TypeInt32, 1, "\x00\x00\x02\x0c")
	h.add(tagRequireName, rpmheader.TypeStringArray, 1, "/bin/sh\x00")
	h.add(tagRequireVersion, rpmheader.TypeStringArray, 1, "1:2-3\x00")
	h.add(rpmheader.TagDirIndexes, rpmheader.TypeInt32, 2, "\x00\x00\x00\x00\x00\x00\x00\x01")
	h.add(rpmheader.TagBaseNames, rpmheader.TypeStringArray, 2, "a\x00b\x00")
	h.add(rpmheader.TagDirNames, rpmheader.TypeStringArray, 2, "/usr/\x00/etc/\x00")
	region := len(h.table)
	trailer := len(h.data)
	for _, n := range []uint32{rpmheader.TagHeaderImmutable, rpmheader.TypeBin, uint32(-int32(region)), rpmheader.EntrySize} {
		h.data = binary.BigEndian.AppendUint32(h.data, n)
	}
	binary.BigEndian.PutUint32(h.table[8:], uint32(trailer))
	h.add(rpmheader.TagFileStates, rpmheader.TypeChar, 2, "\x00\x02")
	h.add(tagInstallTime, rpmheader.TypeInt32, 1, "\x60\x00\x00\x00")
	h.add(rpmheader.TagRSAHeader, rpmheader.TypeBin, 20, "\x89\x00\x1e\x03\x05\x00\x01\x02\x03\x04\x01\x02\x03\x04\x05\x06\x07\x08\x01\x08")
	return h.blob()
}

// tinyNDB returns a database with that header.
func tinyNDB() []byte {
	blob := tinyBlob()
	le := binary.LittleEndian
	out := []byte(ndbMagic)
	for _, n := range []uint32{0, 1, 1, 2, 0, 0, 0} {
		out = le.AppendUint32(out, n)
	}
	blocks := uint32(ndbBlock+len(blob)+ndbTailSize+ndbBlock-1) / ndbBlock
	for i := 2; i < ndbPage/ndbBlock; i++ {
		out = append(out, ndbSlot...)
		slot := [3]uint32{}
		if i == 2 {
			slot = [3]uint32{1, ndbPage / ndbBlock, blocks}
		}
		for _, n := range slot {
			out = le.AppendUint32(out, n)
		}
	}
	body := []byte(ndbHead)
	for _, n := range []uint32{1, 0, uint32(len(blob))} {
		body = le.AppendUint32(body, n)
	}
	body = append(body, blob...)
	body = append(body, make([]byte, int(blocks)*ndbBlock-len(body)-ndbTailSize)...)
	sum := adler32.Checksum(body)
	body = le.AppendUint32(body, sum)
	body = le.AppendUint32(body, uint32(len(blob)))
	return append(append(out, body...), ndbTail...)
}

// tinyBDB returns a hash of one bucket on pages of 512 bytes, with that header
// on overflow pages.
func tinyBDB() []byte {
	const size = 512
	blob := tinyBlob()
	le := binary.LittleEndian
	page := func(number, next uint32, items, free uint16, kind byte) []byte {
		p := make([]byte, size)
		le.PutUint32(p[8:], number)
		le.PutUint32(p[16:], next)
		le.PutUint16(p[20:], items)
		le.PutUint16(p[22:], free)
		p[25] = kind
		return p
	}
	const room = size - bdbHeadSize
	over := (len(blob) + room - 1) / room
	meta := page(0, 9, 0, 0, bdbPageMeta)
	le.PutUint32(meta[12:], bdbHashMagic)
	le.PutUint32(meta[16:], 9)
	le.PutUint32(meta[20:], size)
	meta[24] = 0
	le.PutUint32(meta[32:], uint32(1+over))
	le.PutUint32(meta[96:], 1)
	bucket := page(1, 0, 2, 0, bdbPageHash)
	le.PutUint16(bucket[bdbHeadSize:], size-5)
	copy(bucket[size-5:], "\x01\x01\x00\x00\x00")
	le.PutUint16(bucket[bdbHeadSize+2:], size-5-12)
	item := bucket[size-5-12:]
	item[0] = bdbItemOffPage
	le.PutUint32(item[4:], 2)
	le.PutUint32(item[8:], uint32(len(blob)))
	out := append(meta, bucket...)
	for i := range over {
		part := blob[i*room : min(len(blob), (i+1)*room)]
		next := uint32(i + 3)
		if i == over-1 {
			next = 0
		}
		p := page(uint32(i+2), next, 1, uint16(len(part)), bdbPageOverflow)
		copy(p[bdbHeadSize:], part)
		out = append(out, p...)
	}
	return out
}

// TestTiny checks that they are valid databases.
func TestTiny(t *testing.T) {
	for backend, data := range map[Backend][]byte{NDB: tinyNDB(), BerkeleyDB: tinyBDB()} {
		packages, err := readAll(backend, data)
		if err != nil || len(packages) != 1 {
			t.Fatalf("%s: %d packages, %v", backend, len(packages), err)
		}
		p := packages[0]
		var list []string
		for f := range p.Files.All() {
			if f.Installed {
				list = append(list, f.Dir+f.Base)
			}
		}
		if row(p) != "tiny|7|1|2|||256||" || strings.Join(list, " ") != "/usr/a" || p.Requires[0].String() != "/bin/sh >= 1:2-3" ||
			p.Requires[0].Flags&ScriptPre == 0 || p.Signers[0] != "0102030405060708" || p.Number != 1 {
			t.Errorf("%s: %s, files %q, %+v", backend, row(p), list, p)
		}
	}
}

// TestHeaders checks that each kind of malformed header is detected.
func TestHeaders(t *testing.T) {
	good := tinyBlob()
	entry := func(i int) int { return rpmheader.IntroSize + i*rpmheader.EntrySize }
	set := func(at int, v uint32) []byte {
		b := bytes.Clone(good)
		binary.BigEndian.PutUint32(b[at:], v)
		return b
	}
	for _, test := range []struct {
		name string
		blob []byte
		want string
	}{
		{"nothing", nil, "too short for a header"},
		{"2^32 tags", set(0, 1<<32-1), "a header of"},
		{"no tags", set(0, 0), "a header of"},
		{"more data than there is", set(4, 1<<31), "bytes in total"},
		{"less data than there is", set(4, 8), "bytes in total"},
		{"a byte more", append(bytes.Clone(good), 0), "bytes in total"},
		{"a region that ends elsewhere", set(entry(0)+8, 0), "trailer"},
		{"a region beyond the end", set(entry(0)+8, 1<<31), "region ends at"},
		{"a region of another type", set(entry(0)+4, rpmheader.TypeInt32), "region has type"},
		{"a tag of regions among tags", set(entry(1), 62), "not a tag of a package"},
		{"an unknown type", set(entry(1)+4, 10), "unknown type"},
		{"type 0", set(entry(1)+4, 0), "unknown type"},
		{"data beyond the end", set(entry(3)+8, 1<<30), "points to byte"},
		{"data of another tag", set(entry(3)+8, 0), "overlaps the data"},
		{"2^32 numbers", set(entry(4)+12, 1<<32-1), "values"},
		{"a million numbers", set(entry(4)+12, rpmheader.MaxArray), "do not fit"},
		{"2 strings in one", set(entry(1)+12, 2), "do not fit"},
		{"no values", set(entry(4)+12, 0), "0 values"},
		{"not aligned", set(entry(4)+8, 11), "not aligned"},
		{"a tag twice", set(entry(2), rpmheader.TagName), "twice"},
		{"no name", set(entry(1), 900_000), "no name"},
		{"a name that is a number", set(entry(4), rpmheader.TagVersion), "twice"},
		{"an epoch of text", set(entry(1), rpmheader.TagEpoch), "twice"},
		{"fewer folders than files", set(entry(13)+12, 1), "directory indexes"},
	} {
		_, err := readPackage(1, test.blob)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}
