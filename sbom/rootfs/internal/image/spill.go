package image

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
)

// openTemp opens a temporary file and unlinks it at once, so that it disappears
// however the process ends. Where the system does not support that, it returns
// the name, for the caller to remove after closing the file.
func openTemp() (*os.File, string, error) {
	file, err := os.CreateTemp("", "depaudit-image-*")
	if err != nil {
		return nil, "", fmt.Errorf("no temporary file for the archive: set TMPDIR to a directory with room: %w", err)
	}
	if os.Remove(file.Name()) == nil {
		return file, "", nil
	}
	return file, file.Name(), nil
}

// spill stores a stream in a temporary file.
func spill(ctx context.Context, from io.Reader, check func(written int64) error) (*os.File, string, error) {
	file, temp, err := openTemp()
	if err != nil {
		return nil, "", err
	}
	if err := fill(ctx, file, from, check); err != nil {
		err = errors.Join(err, file.Close())
		if temp != "" {
			err = errors.Join(err, os.Remove(temp))
		}
		return nil, "", err
	}
	return file, temp, nil
}

func fill(ctx context.Context, file *os.File, from io.Reader, check func(int64) error) error {
	buf := make([]byte, 256<<10)
	var written int64
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := file.Write(buf[:n]); err != nil {
				return fmt.Errorf("storing the archive: set TMPDIR to a directory with room: %w", err)
			}
			written += int64(n)
			if err := check(written); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// spillGzip stores the content of a compressed archive.
func spillGzip(ctx context.Context, file *os.File) (*os.File, string, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, "", err
	}
	r, err := gzip.NewReader(bufio.NewReaderSize(file, 256<<10))
	if err != nil {
		return nil, "", fmt.Errorf("is not a gzip file: %w", err)
	}
	defer r.Close()
	plain, temp, err := spill(ctx, r, func(written int64) error { return checkExpansion(written, info.Size()) })
	if err != nil && ctx.Err() == nil {
		return nil, "", fmt.Errorf("decompressing the archive: %w", err)
	}
	return plain, temp, err
}

// checkExpansion returns an error for an archive that would fill the disk.
func checkExpansion(written, compressed int64) error {
	switch {
	case written > maxSpill:
		return fmt.Errorf("it expands to more than %d bytes", int64(maxSpill))
	case written > spillGrace && written/maxExpansion > compressed:
		return fmt.Errorf("it expands to more than %d times its size: if that is right, decompress it first: gzip -d", maxExpansion)
	}
	return nil
}
