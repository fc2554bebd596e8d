package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Limits of one artifact. The largest of Debian 12 (0ad-data, texlive-fonts-extra,
// llvm and kernel debugging symbols) are within a tenth of them.
const (
	// maxArtifact is the size of an artifact in bytes.
	maxArtifact = 8 << 30
	// maxUnpacked is the size of all contents in bytes, and maxRatio the largest
	// ratio to the packed size beyond the first freeUnpacked bytes. Real archives
	// of text have up to 60; an xz bomb has 7,000.
	maxUnpacked  = 64 << 30
	maxRatio     = 300
	freeUnpacked = 256 << 20
	// maxFiles is the number of files. texlive-fonts-extra has 95,000.
	maxFiles = 1_000_000
	// maxNames is the size of all paths and link targets in bytes.
	maxNames = 128 << 20
	// maxPath is the length of one path in bytes, as Linux limits it.
	maxPath = 4096
	// maxControl is the size of the control part of a .deb, unpacked: most of it
	// is md5sums with a line for each file.
	maxControl = 64 << 20
	// maxText is the size of a file of metadata that is read into memory.
	maxText = 16 << 20
	// maxMemory is the window or dictionary that decompression may require.
	maxMemory = 128 << 20
	// maxDirectory is the size of the central directory of a zip file.
	maxDirectory = 64 << 20
)

var errDuplicate = errors.New("twice in the archive, which programs read in different ways")

// limitError is the error of something that is larger than a limit.
func limitError(what string, limit int64) error {
	return fmt.Errorf("%s is larger than the limit of %d bytes", what, limit)
}

// budget counts what is unpacked from one artifact.
type budget struct {
	ctx  context.Context
	left int64
}

func newBudget(ctx context.Context, packed int64) *budget {
	return &budget{ctx, min(maxUnpacked, freeUnpacked+maxRatio*packed)}
}

func (b *budget) take(n int64) error {
	if n < 0 || n > b.left {
		b.left = 0
		return errors.New("unpacks to more than the limit: it is a decompression bomb, or too large")
	}
	b.left -= n
	return b.ctx.Err()
}

// metered is a decompressed stream within a budget.
type metered struct {
	r io.Reader
	b *budget
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if over := m.b.take(int64(n)); over != nil {
		return 0, over
	}
	return n, err
}

// readText reads a file of metadata.
func readText(what string, r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err == nil && len(b) > maxText {
		err = limitError(what, maxText)
	}
	return b, err
}
