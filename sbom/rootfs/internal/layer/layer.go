// Package layer reads the layers of container images, each as a stream and
// once, and keeps of each an index and the contents that somebody said would
// be asked for. It unpacks nothing, needs no privileges, and knows neither
// where images come from nor how layers are put together.
//
// # One file a layer
//
// What [Read] leaves is one file. Contents are appended to it while the
// stream goes by, with blocks of the index between them, and the directory of
// these blocks with a checksum over everything comes last. So neither the
// contents nor the index of a large layer are ever in memory, a file that was
// cut off has no directory, and the same file serves the scan that made it,
// where nobody else sees it, and the next one, where it lies in a [Cache].
//
// # Who reads what
//
// The tar reader is the one of Go's library, because it is the one that
// containerd, Docker and umoci unpack with, and Podman's is a copy of it:
// a header that two readers understand differently would let a package be
// installed and not be seen. What it refuses, they refuse.
//
// # A pipeline
//
// Inflating one gzip stream is work for one processor, and everything else
// must not be in its way. One goroutine reads the blob and hashes it, one
// decompresses, and the caller's parses the archive, looks at the first bytes
// of files and writes. They hand each other buffers from a fixed number.
//
// # What is checked
//
// The digest of the blob, over all of its bytes, also those that follow the
// end of the archive or of the compressed stream; or, for an archive that has
// none, the digest of the uncompressed layer. The size, when it is known.
// Nothing of a layer is used before that.
package layer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/depaudit/depaudit/sbom"
)

// HeadSize is the number of bytes that a file is classified by.
const HeadSize = 64

// Blob is a layer that is to be read.
type Blob struct {
	sbom.Layer
	// Number is its place in the image, from 1 for the lowest; for messages.
	Number int
	// Open gives the blob as it is stored: plain, gzip or zstd, unverified.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// id is what a layer is known by: the digest of its blob, or the one of its
// uncompressed content.
func (s *Blob) id() string {
	if s.Digest != "" {
		return s.Digest
	}
	return s.DiffID
}

// Error says which layer something is wrong with.
type Error struct {
	Number int    // from 1 for the lowest
	Digest string // of the blob, or of its content when that is not known
	Err    error
}

func (e *Error) Error() string { return fmt.Sprintf("layer %d (%s): %v", e.Number, e.Digest, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// DigestError says that a layer is not what its image says it is.
type DigestError struct {
	Of, Expected, Found string
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("the %s has the digest %s and not %s: the image is damaged or was changed: fetch it again", e.Of, e.Found, e.Expected)
}

// Rule says what is kept of a layer's files.
type Rule struct {
	// ID names the rule in a cache: indexes that were made by rules of one ID
	// are taken for the same.
	ID string
	// Classify gets the first bytes of each regular file, [HeadSize] of them
	// or as many as it has. nil makes every class 0.
	Classify func(head []byte) uint8
	// Keep says whether the content of a regular file is kept. path is
	// absolute. nil keeps nothing. Empty files are always kept.
	Keep func(path string, size int64, class uint8) bool
}

// Type is what an entry of a layer is.
type Type uint8

const (
	Dir      Type = iota + 1
	File          // a regular file
	Symlink       // Target is its text
	HardLink      // Target is the path of an entry of this layer or of one below
	Other         // a FIFO or a device
	Whiteout      // what lower layers have at Path is not there
	Opaque        // what lower layers have in the directory Path is not there
)

// Entry is one entry of a layer. Path and Target are only good until the next
// one is read.
type Entry struct {
	// Ordinal is its place among the entries of the layer, from 0.
	Ordinal int64
	Type    Type
	// Path has no slash in front, no "." and no ".."; it is empty for the root.
	// It may lead through symbolic links.
	Path []byte
	// Target of a hard link is a path like Path; that of a symbolic link is as
	// it was written.
	Target []byte
	Mode   uint16 // the twelve permission bits of chmod(2)
	Time   int64  // seconds of modification, since 1970
	Size   int64  // of a File
	Class  uint8  // of a File
	Kept   Kept   // of a File
	// Content is where the content begins in the file of the index, when it
	// was kept.
	Content int64
}

// Kept says whether there is a content.
type Kept uint8

const (
	NotWanted Kept = iota // the rule did not want it
	Whole
	TooLarge // more than MaxKeptFile
)

// Problem is an entry that cannot be part of a file tree.
type Problem struct {
	// Path is as it was written, but cut when it is long.
	Path   string
	Detail string
	// Limit says that a limit was reached, and not that something is wrong.
	Limit bool
}

// The limits. A layer that goes beyond one of them is an error, unless the
// comment says something else.
const (
	// MaxEntries is the number of entries of a layer, and of all layers of an
	// image. The largest images in use have about two million.
	MaxEntries = 10_000_000
	// MaxPath is the length of a path and of the text of a symbolic link:
	// PATH_MAX of Linux, beyond which no runtime unpacks anything. A longer one
	// is a Problem.
	MaxPath = 4096
	// MaxKeptFile is the largest content that is kept. The largest programs
	// and archives that are scanned have about one gigabyte. A larger file is
	// not kept, and says so when it is asked for.
	MaxKeptFile = 4 << 30
	// MaxKept is the number of bytes of contents that are kept of all layers
	// of an image: it is disk space of the machine that scans.
	MaxKept = 32 << 30
	// maxExpansion is how often a layer may be larger than its blob, once it
	// is larger than expansionFloor. gzip ends at 1,032; images come to 2 or
	// 3, and to 100 when they hold an empty disk image.
	maxExpansion = 1000
	// expansionFloor is what any blob may expand to: the second that it takes
	// to read harms nobody.
	expansionFloor = 1 << 30
	// maxUncompressed is the size of an uncompressed layer: ten times the
	// largest that registries accept.
	maxUncompressed = 256 << 30
	// maxWindow is the memory that a zstd stream may ask for: what zstd(1)
	// grants without being told otherwise.
	maxWindow = 128 << 20
	// maxProblems is the number of problems of a layer that are named; the
	// others are counted. A layer with more was made to have them.
	maxProblems = 100
	// maxQuoted is how much of a hostile path a problem repeats.
	maxQuoted = 200
)

var errKept = fmt.Errorf("the image has more than %d bytes of contents that would have to be kept", int64(MaxKept))

var errNoDigest = errors.New("the image says neither the digest of the layer nor the one of its content: it cannot be checked")
