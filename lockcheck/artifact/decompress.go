package artifact

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// decompress returns the stream in a compressed one, by its first bytes, within
// the budget. A stream of another format is returned as it is. The caller closes it.
func decompress(r io.Reader, b *budget) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	plain := io.NopCloser(br)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		if plain, err = gzip.NewReader(br); err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		z, err := xz.NewReader(br, maxMemory)
		if err != nil {
			return nil, fmt.Errorf("xz: %w", err)
		}
		plain = io.NopCloser(z)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderMaxWindow(maxMemory))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		plain = z.IOReadCloser()
	case bytes.HasPrefix(head, []byte("BZh")):
		plain = io.NopCloser(bzip2.NewReader(br))
	case bytes.HasPrefix(head, []byte{0x5d, 0, 0}):
		return nil, errors.New("the compression lzma is not supported")
	}
	return struct {
		io.Reader
		io.Closer
	}{&metered{plain, b}, plain}, nil
}
