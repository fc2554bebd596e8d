package trust

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/rpmheader"
)

// rpmHeader makes a header: tags of the region, then tags outside of it, each
// with a string.
func rpmHeader(region, added map[uint32]string) []byte {
	var table, data []byte
	put := func(tag, kind, offset, count uint32) {
		for _, n := range []uint32{tag, kind, offset, count} {
			table = binary.BigEndian.AppendUint32(table, n)
		}
	}
	add := func(tags map[uint32]string) {
		var order []uint32
		for tag := range tags {
			order = append(order, tag)
		}
		slices.Sort(order)
		for _, tag := range order {
			put(tag, rpmheader.TypeString, uint32(len(data)), 1)
			data = append(append(data, tags[tag]...), 0)
		}
	}
	put(rpmheader.TagHeaderImmutable, rpmheader.TypeBin, 0, rpmheader.EntrySize)
	add(region)
	binary.BigEndian.PutUint32(table[8:], uint32(len(data)))
	for _, n := range []uint32{rpmheader.TagHeaderImmutable, rpmheader.TypeBin, uint32(-int32(len(table))), rpmheader.EntrySize} {
		data = binary.BigEndian.AppendUint32(data, n)
	}
	add(added)
	out := binary.BigEndian.AppendUint32(nil, uint32(len(table)/rpmheader.EntrySize))
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	return append(append(out, table...), data...)
}

// TestTagsOutsideOfTheSignedPart has what an attacker adds to a header whose
// signature stays good.
func TestTagsOutsideOfTheSignedPart(t *testing.T) {
	keys, err := Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	name := map[uint32]string{rpmheader.TagName: "bash", rpmheader.TagVersion: "5"}
	for _, tag := range []uint32{rpmheader.TagName, rpmheader.TagBaseNames, rpmheader.TagFileDigests, rpmheader.TagFileCaps, rpmheader.TagEpoch, 5999} {
		if s, err := keys.VerifyRPM(rpmHeader(name, map[uint32]string{tag: "x"})); err == nil || !strings.Contains(err.Error(), "outside of its signed part") {
			t.Errorf("tag %d: %+v, %v", tag, s, err)
		}
	}
	if s, err := keys.VerifyRPM(rpmHeader(name, map[uint32]string{1008: "x"})); err != nil || s.Good() || s.Problem != "package is not signed" {
		t.Errorf("a package without a signature: %+v, %v", s, err)
	}
	for _, bad := range [][]byte{nil, {1, 2, 3}, make([]byte, 64)} {
		if s, err := keys.VerifyRPM(bad); err == nil || s.Good() {
			t.Errorf("%x: %+v, %v", bad, s, err)
		}
	}
}

func TestVersion3Packets(t *testing.T) {
	valid := []byte{3, 5, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 1, 8, 0xab, 0xcd, 0, 9, 1, 0xff}
	v, problem, err := parseVersion3(valid)
	if err != nil || problem != "" || v.keyID != 0x0102030405060708 || len(v.value) != 2 || v.at.Unix() != 0x01020304 {
		t.Errorf("%+v, %q, %v", v, problem, err)
	}
	for i := range valid {
		if _, _, err := parseVersion3(valid[:i]); err == nil {
			t.Errorf("%d bytes are a packet", i)
		}
	}
	change := func(at int, b byte) []byte { out := slices.Clone(valid); out[at] = b; return out }
	for want, packet := range map[string][]byte{"DSA": change(15, 17), "algorithm 22": change(15, 22), "unknown hash 99": change(16, 99)} {
		if _, problem, err := parseVersion3(packet); err != nil || !strings.Contains(problem, want) {
			t.Errorf("%s: %q, %v", want, problem, err)
		}
	}
	if _, _, err := parseVersion3(append(valid, 1)); err == nil {
		t.Error("a byte after the packet is accepted")
	}
}

func FuzzVerifyRPM(f *testing.F) {
	f.Add(rpmHeader(map[uint32]string{rpmheader.TagName: "bash"}, map[uint32]string{rpmheader.TagOpenPGP: "iHUEABEI"}))
	keys, err := Open(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := keys.VerifyRPM(b); err == nil && s.Good() {
			t.Errorf("good: %x", b)
		}
	})
}
