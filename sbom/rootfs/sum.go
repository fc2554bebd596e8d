package rootfs

import (
	"errors"
)

// SumSet is a set of digests.
type SumSet uint8

const (
	SumBLAKE3 SumSet = 1 << iota
	SumMD5
	SumSHA1
	SumSHA256
)

// Sums are digests of the content of a regular file; those that were not
// requested are zero.
type Sums struct {
	BLAKE3 [32]byte
	SHA256 [32]byte
	SHA1   [20]byte
	MD5    [16]byte
}

// Meta is the metadata of a node that installers set.
type Meta struct {
	// Mode has the permission bits with set-id and sticky bits, as in chmod(2).
	Mode     uint32
	UID, GID int
	// Size in bytes of a regular file.
	Size int64
	// Capabilities is the extended attribute security.capability, nil for none.
	Capabilities []byte
}

var errNoSums = errors.New("the digests of this environment were not requested")

// Sum returns digests of a regular file. It rejects everything that
// [Tree.OpenFile] rejects. Of a file of an image it returns what was computed
// when the layer was read ([Options.Sums]), and an error for another digest.
func (t *Tree) Sum(n Node, want SumSet) (Sums, error) { return Sums{}, errNoSums }

// Meta returns the metadata of a node.
func (t *Tree) Meta(n Node) (Meta, error) { return Meta{}, errNoSums }
