package layer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Sizes and numbers of the buffers between the goroutines of a layer: a few
// megabytes together, and enough that a pause of one does not stop another.
const (
	blobBuffer, blobBuffers = 128 << 10, 8
	tarBuffer, tarBuffers   = 256 << 10, 8
)

// stream is the uncompressed archive of a layer. Its Read and Seek are those of
// the last stage.
type stream struct {
	*ahead
	blob     *Blob
	floor    int64 // size that it may expand to in any case
	body     io.ReadCloser
	end      func() // stops reading the blob
	raw      *ahead // the blob
	plain    io.Closer
	count    int64        // bytes of the blob, for its own goroutine
	consumed atomic.Int64 // the same, for other goroutines
	sum      hash.Hash    // of the blob or of the archive
	ofBlob   bool
	stop     func() // stops watching the context
}

// openStream opens a layer. progress is called from another goroutine with the
// number of bytes of the blob.
func openStream(ctx context.Context, blob *Blob, floor int64, progress func(int64)) (*stream, error) {
	s := &stream{blob: blob, floor: floor, ofBlob: blob.Digest != ""}
	var err error
	if s.sum, err = newHash(blob.id()); err != nil {
		return nil, err
	}
	if s.body, err = blob.Open(ctx); err != nil {
		return nil, err
	}
	s.raw = newAhead(&blobReader{s, progress}, blobBuffer, blobBuffers)
	// Closing the blob ends a read that hangs, for example in a network.
	s.end = sync.OnceFunc(func() {
		s.raw.close()
		s.body.Close()
	})
	stopBlob := context.AfterFunc(ctx, s.end)
	plain, err := s.decompress()
	if err != nil {
		s.end()
		s.raw.wait()
		stopBlob()
		return nil, err
	}
	s.ahead = newAhead(&bounded{s: s, r: plain}, tarBuffer, tarBuffers)
	if !s.ofBlob {
		s.ahead.seen = func(b []byte) error {
			s.sum.Write(b)
			return nil
		}
	}
	stopTar := context.AfterFunc(ctx, s.ahead.close)
	s.stop = func() {
		stopBlob()
		stopTar()
	}
	return s, nil
}

// Close ends the goroutines and waits for them.
func (s *stream) Close() {
	s.ahead.close()
	s.end()
	s.ahead.wait()
	s.raw.wait()
	s.plain.Close()
	s.stop()
}

// finish reads the rest after the archive and verifies the digest.
func (s *stream) finish() error {
	if err := s.ahead.drain(); err != nil {
		return err
	}
	s.ahead.wait()
	if err := s.raw.drain(); err != nil {
		return err
	}
	s.raw.wait()
	if s.blob.Size > 0 && s.count != s.blob.Size {
		return fmt.Errorf("the blob has %d bytes, not %d: the image is damaged (fetch it again)", s.count, s.blob.Size)
	}
	expected := s.blob.id()
	algorithm, _, _ := strings.Cut(expected, ":")
	if found := algorithm + ":" + hex.EncodeToString(s.sum.Sum(nil)); found != expected {
		of := "uncompressed layer"
		if s.ofBlob {
			of = "blob"
		}
		return &DigestError{of, expected, found}
	}
	return nil
}

// newHash returns the hash for a digest ("sha256:..."), which it validates.
func newHash(digest string) (hash.Hash, error) {
	algorithm, value, _ := strings.Cut(digest, ":")
	var h hash.Hash
	switch algorithm {
	case "":
		return nil, errNoDigest
	case "sha256":
		h = sha256.New()
	case "sha512":
		h = sha512.New()
	default:
		return nil, fmt.Errorf("unknown algorithm of the digest %.40q", algorithm)
	}
	if b, err := hex.DecodeString(value); err != nil || len(b) != h.Size() || strings.ToLower(value) != value {
		return nil, fmt.Errorf("invalid digest %.200q", digest)
	}
	return h, nil
}

// blobReader counts and hashes the blob, in the goroutine that reads it.
type blobReader struct {
	s        *stream
	progress func(int64)
}

func (r *blobReader) Read(b []byte) (int, error) {
	s := r.s
	n, err := s.body.Read(b)
	if s.ofBlob {
		s.sum.Write(b[:n])
	}
	s.count += int64(n)
	s.consumed.Store(s.count)
	if n > 0 && r.progress != nil {
		r.progress(int64(n))
	}
	if s.blob.Size > 0 && s.count > s.blob.Size {
		return n, fmt.Errorf("the blob is larger than %d bytes, its size in the image: it is damaged or was changed (fetch it again)", s.blob.Size)
	}
	return n, err
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
	// zstdSkippable is the magic of a skippable frame without its first half
	// byte; zstd:chunked blobs may begin with one.
	zstdSkippable = []byte{0x2a, 0x4d, 0x18}
	xzMagic       = []byte{0xfd, '7', 'z', 'X', 'Z', 0}
	bzip2Magic    = []byte("BZh")
)

// decompress recognizes the compression by its magic and not by the media type,
// as all runtimes do.
func (s *stream) decompress() (io.Reader, error) {
	// The decompressor has a faster path for a bufio.Reader.
	b := bufio.NewReaderSize(s.raw, 64<<10)
	head, err := b.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	s.plain = io.NopCloser(nil)
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", unexpected(err))
		}
		s.plain = z
		return &named{"gzip", z}, nil
	case bytes.HasPrefix(head, zstdMagic), len(head) > 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], zstdSkippable):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", unexpected(err))
		}
		s.plain = z.IOReadCloser()
		return &named{"zstd", z}, nil
	case bytes.HasPrefix(head, xzMagic), bytes.HasPrefix(head, bzip2Magic):
		return nil, errors.New("compressed with xz or bzip2, which no image format allows")
	}
	return b, nil
}

// named adds the name of the decompressor to errors.
type named struct {
	name string
	r    io.Reader
}

func (n *named) Read(b []byte) (int, error) {
	got, err := n.r.Read(b)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", n.name, err)
	}
	return got, err
}

// unexpected converts io.EOF to io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// bounded limits the expansion of a stream.
type bounded struct {
	s *stream
	r io.Reader
	n int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.n > maxUncompressed {
		return n, fmt.Errorf("expands to more than %d bytes", int64(maxUncompressed))
	}
	if b.n > b.s.floor && b.n/maxExpansion > b.s.consumed.Load() {
		return n, fmt.Errorf("expands more than %d times, and to more than %d bytes", maxExpansion, b.s.floor)
	}
	return n, err
}
