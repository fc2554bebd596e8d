// Package textfile is what the readers of files that a team writes and reviews
// have in common: the configuration, the baseline and saved reports. Such a
// file is read completely and up to a limit, and an [Error] has the position
// and a hint.
package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"unicode/utf8"
)

// ErrTooLarge is the error for a file above the limit.
var ErrTooLarge = errors.New("file is too large")

// Read reads a regular file of at most limit bytes, without a byte order mark.
// Pipes and devices are refused, as reading one may never end.
func Read(path string, limit int64) ([]byte, error) { return ReadAt(path, path, limit) }

// ReadAt is [Read] of the file at place, which errors name path.
func ReadAt(path, place string, limit int64) ([]byte, error) {
	info, err := os.Stat(place)
	if err != nil {
		return nil, PathError(path, err)
	}
	switch {
	case info.IsDir():
		return nil, fmt.Errorf("%s: is a directory, not a file", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: is not a regular file", path)
	case info.Size() > limit:
		return nil, fmt.Errorf("%s: %w: it has %d bytes, and at most %d are read", path, ErrTooLarge, info.Size(), limit)
	}
	f, err := os.Open(place)
	if err != nil {
		return nil, PathError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: %w: it grew beyond %d bytes while it was read", path, ErrTooLarge, limit)
	}
	return bytes.TrimPrefix(data, []byte("\ufeff")), nil
}

// PathError returns an error of the system with the path in front, as in all
// other errors about files, and without the name of the system call.
func PathError(path string, err error) error {
	var plain *fs.PathError
	if errors.As(err, &plain) {
		return fmt.Errorf("%s: %w", path, plain.Err)
	}
	return err
}

// Quote returns an untrusted string for an error: escaped and shortened.
func Quote(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return strconv.Quote(s)
}
