// Package layer reads the layers of container images, each once and as a
// stream. Of each it keeps an index and the contents that a rule selects. It
// unpacks nothing, needs no privileges, and is independent of the source of
// images and of how layers are merged.
//
// # One file a layer
//
// [Read] writes one file. Contents are appended while the stream is read, with
// blocks of the index between them. The directory of these blocks comes last,
// with a checksum of everything. So neither the contents nor the index of a
// large layer are ever in memory, and a truncated file has no directory. The
// same file serves the scan that wrote it, which no other process sees, and
// later scans, if it is in a [Cache].
//
// # The tar reader
//
// The tar reader is that of Go's library, because containerd, Docker and umoci
// unpack with it, and Podman's is a copy of it. If two readers interpreted a
// header differently, a package could be installed and not be found. An archive
// that it rejects is rejected by them as well.
//
// # A pipeline
//
// Inflating one gzip stream occupies one processor, and must not wait for other
// work. One goroutine reads and hashes the blob, one decompresses, and the
// caller's parses the archive, classifies files and writes. They pass a fixed
// number of buffers.
//
// # Verification
//
// The digest of the blob is verified over all of its bytes, including those
// after the end of the archive or of the compressed stream. For an archive
// without that digest it is the digest of the uncompressed layer. The size is
// verified if it is known. Nothing of a layer is used before.
package layer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs/internal/sums"
)

// HeadSize is the number of bytes that [Rule.Classify] gets.
const HeadSize = 64

// Blob is the stored form of a layer.
type Blob struct {
	sbom.Layer
	// Number is the number of the layer in the image, from 1 for the lowest,
	// for messages.
	Number int
	// Open opens the blob as it is stored: plain, gzip or zstd, unverified.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// id returns the digest of the blob, or that of its uncompressed content if the
// former is not known.
func (s *Blob) id() string {
	if s.Digest != "" {
		return s.Digest
	}
	return s.DiffID
}

// Error is an error of one layer.
type Error struct {
	Number int    // from 1 for the lowest
	Digest string // of the blob, or of its content if that of the blob is not known
	Err    error
}

func (e *Error) Error() string { return fmt.Sprintf("layer %d (%s): %v", e.Number, e.Digest, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// DigestError is the error of a layer with another digest than in its image.
type DigestError struct {
	Of, Expected, Found string
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("the %s has the digest %s, not %s: the image is damaged or was changed (fetch it again)", e.Of, e.Found, e.Expected)
}

// Rule selects the contents of a layer's files that are kept.
type Rule struct {
	// ID identifies the rule in a cache: rules with the same ID share indexes.
	ID string
	// Classify returns the class of a regular file for its first bytes:
	// [HeadSize] of them, or the whole file if it is shorter. nil makes every
	// class 0.
	Classify func(head []byte) uint8
	// Keep reports whether the content of a regular file is kept. path is
	// absolute. nil keeps nothing. Empty files are always kept.
	Keep func(path string, size int64, class uint8) bool
}

// Type is the type of an entry of a layer.
type Type uint8

const (
	Dir      Type = iota + 1
	File          // a regular file
	Symlink       // Target is its text
	HardLink      // Target is the path of an entry of this layer or of a lower one
	Other         // a FIFO or a device
	Whiteout      // removes Path of lower layers
	Opaque        // removes the content of the directory Path of lower layers
)

// Entry is one entry of a layer. Path and Target are valid until the next entry
// is read.
type Entry struct {
	// Ordinal is the index of the entry in the layer, from 0.
	Ordinal int64
	Type    Type
	// Path has no leading slash, no "." and no ".."; it is empty for the root.
	// It may lead through symbolic links.
	Path []byte
	// Target of a hard link is a path like Path. Target of a symbolic link is
	// its text.
	Target []byte
	Mode   uint16 // the twelve permission bits of chmod(2)
	Time   int64  // seconds of modification, since 1970
	Size   int64  // of a File
	Class  uint8  // of a File
	Kept   Kept   // of a File
	// Content is the offset of the content in the file of the index, if it was
	// kept.
	Content int64
	// UID and GID are the owner of anything but a whiteout; math.MaxUint32 for a
	// number that no system has.
	UID, GID uint32
	// Capabilities is the extended attribute security.capability of a File, as
	// archives of layers have it, empty for none.
	Capabilities []byte
	// Summed reports whether a File has the digests of [Options].Sums. SumsAt is
	// their offset in the file of the index; they are in Sums while it is written.
	Summed bool
	SumsAt int64
	Sums   sums.Sums
}

// Kept reports whether the content of a file was kept.
type Kept uint8

const (
	notWanted Kept = iota // the rule did not select it
	Whole
	TooLarge // larger than MaxKeptFile
)

// Problem is an entry that cannot be part of a file tree.
type Problem struct {
	// Path is as it was written, shortened if it is long.
	Path   string
	Detail string
	// Limit reports whether the entry is beyond a limit, and not invalid.
	Limit bool
}

// The limits. A layer beyond one of them is an error, unless the comment says
// otherwise.
const (
	// MaxEntries is the maximum number of entries of a layer, and of all layers
	// of an image. The largest images in use have about two million.
	MaxEntries = 10_000_000
	// MaxPath is the maximum length of a path and of the text of a symbolic
	// link: PATH_MAX of Linux, beyond which no runtime unpacks anything. A
	// longer one is a Problem.
	MaxPath = 4096
	// MaxKeptFile is the maximum size of a content that is kept. The largest
	// programs and archives that are scanned have about one gigabyte. A larger
	// file is not kept, and opening it is an error.
	MaxKeptFile = 4 << 30
	// maxKept is the maximum size of the contents that are kept of all layers
	// of an image. They take disk space of the machine that scans.
	maxKept = 32 << 30
	// maxExpansion is the maximum ratio of the size of a layer to that of its
	// blob, for layers larger than expansionFloor. gzip reaches 1,032; images
	// reach 2 or 3, and 100 with an empty disk image in them.
	maxExpansion = 1000
	// expansionFloor is a size that any blob may expand to: reading it takes
	// about a second.
	expansionFloor = 1 << 30
	// maxUncompressed is the maximum size of an uncompressed layer: ten times
	// the largest that registries accept.
	maxUncompressed = 256 << 30
	// maxWindow is the maximum memory of a zstd stream: the default of
	// zstd(1).
	maxWindow = 128 << 20
	// maxProblems is the maximum number of problems of a layer that are listed;
	// the others are counted. Only a layer made for it has more.
	maxProblems = 100
	// maxCapabilities is the length of an attribute that is kept. The kernel
	// accepts 20 and 24 bytes; more differ from any right value as well when they
	// are cut.
	maxCapabilities = 64
	// maxQuoted is the maximum length of a hostile path in a problem.
	maxQuoted = 200
)

var errKept = fmt.Errorf("the image has more than %d bytes of contents that would have to be kept", int64(maxKept))

var errNoDigest = errors.New("the image contains neither the digest of the layer nor that of its content, so that it cannot be verified")
