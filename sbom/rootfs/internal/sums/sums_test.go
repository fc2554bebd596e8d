package sums

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/zeebo/blake3"
)

func TestHasher(t *testing.T) {
	var h Hasher
	for _, set := range []Set{All, SHA256, BLAKE3 | MD5, 0, SHA1, All} {
		for _, size := range []int{0, 1, 1000, 100_000} {
			content := bytes.Repeat([]byte{byte(size), 7}, size)
			h.Reset(set)
			for part := content; len(part) > 0; part = part[min(len(part), 777):] {
				h.Write(part[:min(len(part), 777)])
			}
			var want Sums
			if set&BLAKE3 != 0 {
				want.BLAKE3 = blake3.Sum256(content)
			}
			if set&MD5 != 0 {
				want.MD5 = md5.Sum(content)
			}
			if set&SHA1 != 0 {
				want.SHA1 = sha1.Sum(content)
			}
			if set&SHA256 != 0 {
				want.SHA256 = sha256.Sum256(content)
			}
			if got := h.Sums(); got != want {
				t.Errorf("set %04b, %d bytes: %x", set, len(content), got)
			}
		}
	}
}

// TestVectors has the digests of "abc" that the authors of each function
// published.
func TestVectors(t *testing.T) {
	var h Hasher
	h.Reset(All)
	h.Write([]byte("abc"))
	s := h.Sums()
	for _, v := range []struct {
		got  []byte
		want string
	}{
		{s.BLAKE3[:], "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"},
		{s.MD5[:], "900150983cd24fb0d6963f7d28e17f72"},
		{s.SHA1[:], "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{s.SHA256[:], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	} {
		if got := hex.EncodeToString(v.got); got != v.want {
			t.Errorf("%s, want %s", got, v.want)
		}
	}
}
