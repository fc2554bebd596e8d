package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// tarFiles are the members of a tar file, read in place: the archive is read once
// for the offsets, and nothing is extracted.
type tarFiles struct {
	file    *os.File
	temp    string // removed with the file, if it could not be unlinked at once
	members map[string]member
}

// member is the place of a file in the archive, or the target of a link.
type member struct {
	offset, size int64
	link         string
	// twice is set if the archive has two members of that name. Readers
	// differ in which one they use.
	twice bool
}

// openTar indexes a tar file, plain or compressed by gzip.
func openTar(ctx context.Context, name string) (*tarFiles, error) {
	file, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	kind, err := sniff(file)
	if err != nil {
		file.Close()
		return nil, err
	}
	switch kind {
	case "":
		return indexTar(ctx, file, "")
	case "gzip":
		// An archive is read at offsets, which gzip does not support.
		defer file.Close()
		plain, temp, err := spillGzip(ctx, file)
		if err != nil {
			return nil, err
		}
		return indexTar(ctx, plain, temp)
	}
	file.Close()
	return nil, fmt.Errorf("%q is compressed by %s, and only gzip is read: decompress it first: %s", name, kind, decompressors[kind])
}

// decompressors are the commands that decompress a format.
var decompressors = map[string]string{"zstd": "zstd -d", "xz": "xz -d", "bzip2": "bzip2 -d"}

// magics are the first bytes of other formats that are given as tar files.
var magics = []struct{ magic, kind string }{
	{"\x1f\x8b", "gzip"},
	{"\x28\xb5\x2f\xfd", "zstd"},
	{"\xfd7zXZ\x00", "xz"},
}

// sniff returns the compression of a file by its first bytes.
func sniff(r io.ReaderAt) (string, error) {
	head := make([]byte, 10)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	for _, m := range magics {
		if strings.HasPrefix(string(head[:n]), m.magic) {
			return m.kind, nil
		}
	}
	// "BZh", a digit for the size of a block, and the first block's pi.
	if n == len(head) && string(head[:3]) == "BZh" && string(head[4:]) == "1AY&SY" {
		return "bzip2", nil
	}
	return "", nil
}

// openRegular opens a regular file, and does not block on any other.
func openRegular(name string) (*os.File, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("file does not exist: %s: %w", name, fs.ErrNotExist)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%q is a directory: for a layout in a directory write oci-dir:%s", name, name)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%q is not a regular file: the archive is read from the middle, so store it in one", name)
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("cannot read file %s: %w", name, fs.ErrPermission)
	}
	return file, err
}

// indexTar records the places of the members. It owns the file.
func indexTar(ctx context.Context, file *os.File, temp string) (*tarFiles, error) {
	t := &tarFiles{file: file, temp: temp, members: map[string]member{}}
	if err := t.scan(ctx); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *tarFiles) scan(ctx context.Context) error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	at := &position{file: t.file}
	r := tar.NewReader(at)
	for count := 0; ; count++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("is not a complete tar file, at byte %d: %w", at.offset, err)
		}
		if count == maxMembers {
			return fmt.Errorf("has more than %d members: it is not an archive of an image", maxMembers)
		}
		if len(h.Name) > maxMemberName || len(h.Linkname) > maxMemberName {
			return fmt.Errorf("has a member with a name of more than %d bytes, at byte %d: it is not an archive of an image", maxMemberName, at.offset)
		}
		m := member{offset: at.offset, size: h.Size}
		switch h.Typeflag {
		case tar.TypeReg:
			if isSparse(h) {
				return fmt.Errorf("has the sparse member %s, whose content is not contiguous: pack the archive without --sparse", quote(h.Name))
			}
			if m.offset+m.size > info.Size() || m.size < 0 {
				return fmt.Errorf("ends within the member %s: the archive is truncated", quote(h.Name))
			}
		case tar.TypeSymlink:
			// Links are relative to their directory, and cannot lead outside.
			m.link = clean(path.Join(path.Dir(h.Name), h.Linkname))
		case tar.TypeLink:
			m.link = clean(h.Linkname)
		default:
			continue
		}
		name := clean(h.Name)
		_, m.twice = t.members[name]
		t.members[name] = m
	}
	if len(t.members) == 0 {
		return errors.New("is not a tar file, or an empty one")
	}
	return nil
}

// isSparse reports whether a member's content has holes, in one of the formats
// that package tar supports.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// clean removes "./" and "/" from the start of a member's name. ".." stops there.
func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// position is a file that records how far package tar has read it. The package
// reads whole blocks and seeks over contents, so that after a header this is the
// start of the content.
type position struct {
	file   *os.File
	offset int64
}

func (p *position) Read(b []byte) (int, error) {
	n, err := p.file.ReadAt(b, p.offset)
	p.offset += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (p *position) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += p.offset
	default:
		return 0, errors.ErrUnsupported
	}
	if offset < 0 {
		return 0, errors.ErrUnsupported
	}
	p.offset = offset
	return offset, nil
}

func (t *tarFiles) open(name string) (io.ReadCloser, int64, error) {
	m, err := t.find(name)
	if err != nil {
		return nil, 0, err
	}
	return io.NopCloser(io.NewSectionReader(t.file, m.offset, m.size)), m.size, nil
}

// find follows links to the place of a file's content.
func (t *tarFiles) find(name string) (member, error) {
	at := clean(name)
	for range maxLinks {
		m, ok := t.members[at]
		switch {
		case !ok:
			return member{}, fs.ErrNotExist
		case m.twice:
			return member{}, fmt.Errorf("the archive has %s twice: it is ambiguous", quote(at))
		case m.link == "":
			return m, nil
		}
		at = m.link
	}
	return member{}, fmt.Errorf("%s is a link to a link, and so on more than %d times", quote(name), maxLinks)
}

func (t *tarFiles) Close() error {
	err := t.file.Close()
	if t.temp != "" {
		err = errors.Join(err, os.Remove(t.temp))
	}
	return err
}
