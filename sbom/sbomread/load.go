package sbomread

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
)

// load reads the whole document and decompresses gzip. It returns UTF-8 without a
// byte order mark.
func load(r io.Reader, limit int64) ([]byte, error) {
	data, err := readAll(r, limit)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("the gzip data is corrupt: %w", err)
		}
		data, err = readAll(z, limit)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("the gzip data is truncated")
		}
		if err != nil {
			return nil, fmt.Errorf("compressed with gzip: %w", err)
		}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("the document is empty (check whether the program that writes it failed)")
	}
	return data, binary(data)
}

// readAll reads pieces and joins them once. A buffer that grows by doubling would
// hold three times the document at its peak.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	const small, large = 32 << 10, 4 << 20
	var pieces [][]byte
	total := int64(0)
	b := make([]byte, 0, small)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if total += int64(n); total > limit {
			return nil, fmt.Errorf("larger than %d MiB (limit): write the document without its list of files, or for a part of the environment", limit>>20)
		}
		if errors.Is(err, io.EOF) {
			return slices.Concat(append(pieces, b)...), nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			pieces = append(pieces, b)
			b = make([]byte, 0, min(2*cap(b), large))
		}
	}
}

// binary returns an error that names the format of binary data.
func binary(data []byte) error {
	for _, f := range []struct {
		at    int
		magic string
		what  string
	}{
		{257, "ustar", "a tar archive: for an image write oci-archive:FILE or docker-archive:FILE"},
		{0, "PK\x03\x04", "a zip archive: unpack it and name the document in it"},
		{0, "\x28\xb5\x2f\xfd", "compressed with zstd: decompress it first (zstd -d)"},
		{0, "\xfd7zXZ\x00", "compressed with xz: decompress it first (xz -d)"},
		{0, "BZh", "compressed with bzip2: decompress it first (bzip2 -d)"},
		{0, "\x1f\x8b", "compressed with gzip twice: decompress it first (gzip -d)"},
		{0, "\x7fELF", "an ELF program: scan the directory that has it (dir:PATH)"},
		{0, "SQLite format 3\x00", "an SQLite database: scan the root file system that has the package database (dir:PATH)"},
		{0, "%PDF-", "a PDF file, not an SBOM"},
		{0, "\xff\xfe", "text in UTF-16: convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"},
		{0, "\xfe\xff", "text in UTF-16: convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"},
		{0, "{\x00", "text in UTF-16 or UTF-32: convert it to UTF-8 (iconv -f UTF-16LE -t UTF-8)"},
		{0, "\x00{", "text in UTF-16 or UTF-32: convert it to UTF-8 (iconv -f UTF-16BE -t UTF-8)"},
		{0, "<\x00", "text in UTF-16: convert it to UTF-8 (iconv -f UTF-16LE -t UTF-8)"},
		{0, "\x00<", "text in UTF-16: convert it to UTF-8 (iconv -f UTF-16BE -t UTF-8)"},
	} {
		if len(data) >= f.at+len(f.magic) && string(data[f.at:f.at+len(f.magic)]) == f.magic {
			return errors.New(f.what)
		}
	}
	if bytes.IndexByte(data[:min(len(data), 512)], 0) >= 0 {
		return errors.New("a binary file, not an SBOM")
	}
	return nil
}
