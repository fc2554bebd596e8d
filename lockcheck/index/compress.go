package index

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
)

const (
	// maxIndex is the limit of one uncompressed index in bytes. Debian's main has
	// 50 MB, Ubuntu's universe 80 MB.
	maxIndex = 256 << 20
	// maxTotal is the limit of all indexes together. A host of Ubuntu with two
	// architectures has 700 MB. Their digests take 3 s a GB, and xz 50 s.
	maxTotal = 2 << 30
	// maxDictionary is the limit of memory for decompression. xz -9 needs 64 MiB,
	// zstd --ultra 128.
	maxDictionary = 128 << 20
)

// decompress returns the uncompressed content, by the first bytes. close must be
// called.
func decompress(r io.Reader) (content io.Reader, close func(), err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	close, err = func() {}, nil
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		content, err = gzip.NewReader(in)
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		content, err = xz.NewReader(in, maxDictionary)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		var d *zstd.Decoder
		if d, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDictionary)); err == nil {
			content, close = d, d.Close
		}
	case bytes.HasPrefix(head, []byte{0x04, 0x22, 0x4d, 0x18}):
		content = lz4.NewReader(in)
	case bytes.HasPrefix(head, []byte("BZh")):
		content = bzip2.NewReader(in)
	default:
		content = in
	}
	if err != nil {
		return nil, nil, err
	}
	return content, close, nil
}

// limited is a reader that fails after a number of bytes, and counts.
type limited struct {
	r    io.Reader
	left int64
	n    int64 // bytes that were read
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		var one [1]byte
		if n, err := l.r.Read(one[:]); n == 0 && err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("more than %d MiB", l.n>>20)
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	l.n += int64(n)
	return n, err
}
