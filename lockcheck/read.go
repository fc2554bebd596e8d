package lockcheck

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// maxFile is the size of the largest lock file that is read. The largest public
// ones, package-lock.json of monorepos, have 20 MB.
const maxFile = 64 << 20

// maxLines bounds the memory for the places of lines, and the time for formats of
// which a line is an entry. The largest lock has less than a million.
const maxLines = 4 << 20

// readFile reads a file that the lock consists of.
func (l *Lock) readFile(ctx context.Context, path string) (*source, error) {
	src, err := readFile(ctx, path, l.place)
	if err == nil {
		// Without the carriage returns a checkout on Windows has the same digest.
		sum := sha256.Sum256(bytes.ReplaceAll(src.data, []byte("\r\n"), []byte("\n")))
		l.digests = append(l.digests, hex.EncodeToString(sum[:]))
	}
	return src, err
}

// digest returns the digest of all files that were read.
func (l *Lock) digest() string {
	if len(l.digests) == 1 {
		return "sha256:" + l.digests[0]
	}
	sum := sha256.Sum256([]byte(strings.Join(l.digests, "\n") + "\n"))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// readFile reads a whole regular file. It does not block on opening, since a
// FIFO would hang the audit, and refuses devices.
func readFile(ctx context.Context, path string, place func(string) (string, error)) (*source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	at := path
	if place != nil {
		var err error
		if at, err = place(path); err != nil {
			return nil, openError(path, err)
		}
	}
	f, err := os.OpenFile(at, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, openError(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, openError(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is %s, not a lock file; give the path of a regular file", path, fileKind(info.Mode()))
	}
	if info.Size() > maxFile {
		return nil, tooLarge(path)
	}
	data, err := readAll(ctx, f, int(info.Size()))
	if err != nil {
		return nil, openError(path, err)
	}
	if len(data) > maxFile {
		return nil, tooLarge(path)
	}
	if bytes.Count(data, []byte("\n")) > maxLines {
		return nil, fmt.Errorf("%s: more than %d lines, the limit for a lock file; split it", path, maxLines)
	}
	src := newSource(path, data)
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, src.errorf(i, "save it as UTF-8 text", "a NUL byte: the file is binary or UTF-16")
	}
	if i := invalidUTF8(data); i >= 0 {
		return nil, src.errorf(i, "save the file as UTF-8", "invalid UTF-8")
	}
	return src, nil
}

// openError returns an error that names the file once: the system's errors also
// contain it.
func openError(path string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w; correct the path, or create the lock file", path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

func tooLarge(path string) error {
	return fmt.Errorf("%s: larger than %d MiB, the limit for a lock file; split it", path, maxFile>>20)
}

func fileKind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// readAll reads up to one byte more than the limit. It returns between two
// blocks when the context is done.
func readAll(ctx context.Context, r io.Reader, size int) ([]byte, error) {
	const block = 1 << 20
	var b bytes.Buffer
	b.Grow(size + 1)
	for b.Len() <= maxFile {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := io.CopyN(&b, r, min(block, int64(maxFile+1-b.Len())))
		if err == io.EOF {
			return b.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
	}
	return b.Bytes(), nil
}

// conflictMark matches the lines that git writes around the two sides of a merge
// conflict (https://git-scm.com/docs/git-merge#_how_conflicts_are_presented). No
// format has a line that begins so.
var conflictMark = lazyregexp.New(`(?m)^(<{7}|>{7}|\|{7})( |\r?$)`)

// conflict returns an error at the first mark of a merge conflict. Some formats
// are read line by line, and a mark would be one more line, with the entries of
// both sides after it.
func (s *source) conflict() error {
	if at := conflictMark.FindIndex(s.data); at != nil {
		return s.errorf(at[0], "resolve the merge conflict", "a merge conflict is in the file")
	}
	return nil
}

// maxTextLine bounds a line of a lock that is read by lines, in bytes. The longest in use
// are keys of Yarn 1 with some hundred ranges.
const maxTextLine = 1 << 20

// eachLine calls a function for each line, without its end, and with its offset.
func (s *source) eachLine(ctx context.Context, f func(start int, line string) error) error {
	for i, start := range s.lines {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		end := len(s.data)
		if i+1 < len(s.lines) {
			end = s.lines[i+1] - 1
		}
		if end-start > maxTextLine {
			return s.errorf(start, "write the lock again with its tool", "a line longer than %d bytes", maxTextLine)
		}
		if err := f(start, strings.TrimSuffix(string(s.data[start:end]), "\r")); err != nil {
			return err
		}
	}
	return nil
}
