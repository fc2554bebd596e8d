// Package sums computes several digests of a content in one pass.
//
// The set depends on what there is to compare with: BLAKE3 for the manifests of
// artifacts, MD5 for dpkg, SHA-1 for apk, SHA-256 for rpm and for the records of
// Python packages. MD5 and SHA-1 are here because those databases have nothing
// else. BLAKE3 takes a quarter of the time of the others.
package sums

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"hash"

	"github.com/zeebo/blake3"
)

// Set is a set of digests.
type Set uint8

const (
	BLAKE3 Set = 1 << iota
	MD5
	SHA1
	SHA256

	All = BLAKE3 | MD5 | SHA1 | SHA256
)

// Sums are digests of a content; those that were not requested are zero.
type Sums struct {
	BLAKE3 [32]byte
	SHA256 [32]byte
	SHA1   [20]byte
	MD5    [16]byte
}

// parts returns the digests of a set in the order of its bits.
func (s *Sums) parts(set Set) [][]byte {
	var parts [][]byte
	for i, b := range [4][]byte{s.BLAKE3[:], s.MD5[:], s.SHA1[:], s.SHA256[:]} {
		if set&(1<<i) != 0 {
			parts = append(parts, b)
		}
	}
	return parts
}

// Only returns the digests of a set; the others are zero.
func (s Sums) Only(set Set) Sums {
	for _, b := range s.parts(All &^ set) {
		clear(b)
	}
	return s
}

// Size is the length of what Append appends.
func (set Set) Size() int {
	size := 0
	for _, b := range new(Sums).parts(set) {
		size += len(b)
	}
	return size
}

// Append appends the digests of a set.
func (s *Sums) Append(b []byte, set Set) []byte {
	for _, part := range s.parts(set) {
		b = append(b, part...)
	}
	return b
}

// Parse returns what Append appended, [Set.Size] bytes.
func Parse(b []byte, set Set) Sums {
	var s Sums
	for _, part := range s.parts(set) {
		b = b[copy(part, b):]
	}
	return s
}

// Hasher computes the digests of one content after the other. It is not safe for
// concurrent use. The zero Hasher has to be reset first.
type Hasher struct {
	set    Set
	hashes [4]hash.Hash // by the number of the bit, nil until it is needed
}

// Reset begins a content.
func (h *Hasher) Reset(set Set) {
	h.set = set & All
	for i := range h.hashes {
		switch {
		case h.set&(1<<i) == 0:
		case h.hashes[i] != nil:
			h.hashes[i].Reset()
		default:
			h.hashes[i] = newHash(1 << i)
		}
	}
}

func newHash(one Set) hash.Hash {
	switch one {
	case BLAKE3:
		return blake3.New()
	case MD5:
		return md5.New()
	case SHA1:
		return sha1.New()
	}
	return sha256.New()
}

// Write adds bytes to the content. It never returns an error.
func (h *Hasher) Write(b []byte) (int, error) {
	for i, x := range h.hashes {
		if h.set&(1<<i) != 0 {
			x.Write(b)
		}
	}
	return len(b), nil
}

// Sums returns the digests of what was written since Reset.
func (h *Hasher) Sums() Sums {
	var s Sums
	for i, out := range [4][]byte{s.BLAKE3[:0], s.MD5[:0], s.SHA1[:0], s.SHA256[:0]} {
		if h.set&(1<<i) != 0 {
			h.hashes[i].Sum(out)
		}
	}
	return s
}
