package artifact

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/depaudit/depaudit/sbom/zipfile"
)

// Reader is an artifact: a file, or bytes in memory.
type Reader interface {
	io.ReaderAt
	Size() int64
}

// builder makes one manifest.
type builder struct {
	*budget
	m     Manifest
	at    map[place]int // places of m.Files
	names int           // bytes of paths and targets
	hash  *blake3.Hasher
	buf   []byte
}

type place struct{ place, path string }

func newBuilder(ctx context.Context, k Kind, size int64) *builder {
	return &builder{budget: newBudget(ctx, size), m: Manifest{Kind: k}, at: map[place]int{}, hash: blake3.New(), buf: make([]byte, 128<<10)}
}

// clean returns the canonical form of the path of an entry, empty for the root
// itself. A path that is absolute or climbs is an error.
func clean(name string) (string, error) {
	if strings.HasPrefix(name, "/") {
		return "", fmt.Errorf("absolute path %.200q", name)
	}
	if len(name) > maxPath {
		return "", fmt.Errorf("path of %d bytes", len(name))
	}
	if strings.Contains(name, "\x00") {
		return "", fmt.Errorf("NUL byte in the path %.200q", name)
	}
	parts := strings.Split(name, "/")
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" || s == "." })
	if slices.Contains(parts, "..") {
		return "", fmt.Errorf("path %.200q climbs out of the installation", name)
	}
	return strings.Join(parts, "/"), nil
}

// add adds a file. A second one with the same path replaces the first, as when an
// archive is unpacked.
func (b *builder) add(f File) error {
	b.names += len(f.Path) + len(f.Target)
	if len(b.m.Files) >= maxFiles {
		return fmt.Errorf("more than %d files", maxFiles)
	}
	if b.names > maxNames {
		return limitError("the list of files", maxNames)
	}
	key := place{f.Place, f.Path}
	if i, ok := b.at[key]; ok {
		b.m.Files[i] = f
		return nil
	}
	b.at[key] = len(b.m.Files)
	b.m.Files = append(b.m.Files, f)
	return nil
}

// finish returns the manifest in its canonical order.
func (b *builder) finish() *Manifest {
	byPath := func(a, b File) int {
		return cmp.Or(strings.Compare(a.Place, b.Place), strings.Compare(a.Path, b.Path))
	}
	slices.SortFunc(b.m.Files, byPath)
	slices.SortFunc(b.m.Scripts, byPath)
	slices.Sort(b.m.Conffiles)
	b.m.Conffiles = slices.Compact(b.m.Conffiles)
	slices.SortFunc(b.m.Programs, func(a, b Program) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Target, b.Target))
	})
	b.m.Programs = slices.Compact(b.m.Programs)
	return &b.m
}

// digest sets size and digest of a file to those of a content.
func (b *builder) digest(f *File, r io.Reader) error {
	b.hash.Reset()
	n, err := b.copy(b.hash, r)
	b.hash.Sum(f.Digest[:0])
	f.Size = n
	return err
}

// copy is io.Copy with the buffer of the builder, until the context is done.
func (b *builder) copy(w io.Writer, r io.Reader) (int64, error) {
	var total int64
	for {
		n, err := r.Read(b.buf)
		w.Write(b.buf[:n]) // hashes and buffers do not fail
		total += int64(n)
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err == nil {
			err = b.ctx.Err()
		}
		if err != nil {
			return total, err
		}
	}
}

// entry is what a reader decides about a member of an archive.
type entry struct {
	path  string
	place string
	skip  bool
	// text gets the content, which is limited.
	text *[]byte
	// check gets the whole content too, which is not limited.
	check io.Writer
	// done may complete the file after its content was read.
	done func(*File)
}

// tar adds the members of a tar archive. where decides about each by its header
// and canonical path; nil takes them as they are.
func (b *builder) tar(r io.Reader, where func(*tar.Header, *entry) error) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			// What follows the end of the archive is padding; it is read, so that
			// the checksum of the compressed stream is checked.
			_, err := b.copy(io.Discard, r)
			return err
		}
		if err != nil {
			return fmt.Errorf("tar: %w", err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		e := entry{}
		if e.path, err = clean(h.Name); err != nil {
			return err
		}
		if where != nil {
			if err := where(h, &e); err != nil {
				return err
			}
		}
		if e.skip || e.path == "" {
			continue
		}
		f := File{Path: e.path, Place: e.place, Mode: uint32(h.Mode) & 0o7777, User: owner(h.Uname, h.Uid), Group: owner(h.Gname, h.Gid)}
		if c := h.PAXRecords["SCHILY.xattr.security.capability"]; c != "" {
			f.Capabilities = []byte(c)
		}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
			f.Type = 'f'
			// A sparse file is larger than its archive.
			if h.Size > b.left {
				return b.take(h.Size)
			}
			if err := b.content(&f, t, &e); err != nil {
				return err
			}
		case tar.TypeDir:
			f.Type = 'd'
		case tar.TypeSymlink:
			f.Type, f.Target, f.Mode = 'l', h.Linkname, 0
		case tar.TypeLink:
			if err := b.link(&f, h, where); err != nil {
				return err
			}
		default:
			f.Type = 'o'
		}
		if err := b.add(f); err != nil {
			return err
		}
	}
}

// content reads the content of a file.
func (b *builder) content(f *File, r io.Reader, e *entry) error {
	if e.check != nil {
		r = io.TeeReader(r, e.check)
	}
	if e.text != nil {
		text, err := readText(f.Path, r)
		if err != nil {
			return err
		}
		*e.text = text
		r = bytes.NewReader(text)
	}
	if err := b.digest(f, r); err != nil {
		return err
	}
	if e.done != nil {
		e.done(f)
	}
	return nil
}

// link resolves a hard link, of which the target is an earlier member.
func (b *builder) link(f *File, h *tar.Header, where func(*tar.Header, *entry) error) error {
	name, err := clean(h.Linkname)
	if err != nil {
		return fmt.Errorf("hard link %.200q: %w", f.Path, err)
	}
	target := entry{path: name}
	if where != nil {
		if err := where(&tar.Header{Typeflag: tar.TypeReg, Name: h.Linkname}, &target); err != nil {
			return err
		}
	}
	i, ok := b.at[place{target.place, target.path}]
	if !ok || target.skip || b.m.Files[i].Type != 'f' && b.m.Files[i].Type != 'h' {
		return fmt.Errorf("hard link %.200q to %.200q, which is no earlier file of the archive", f.Path, h.Linkname)
	}
	to := b.m.Files[i]
	f.Type, f.Target, f.Size, f.Digest = 'h', to.Path, to.Size, to.Digest
	f.Mode, f.User, f.Group, f.Capabilities = to.Mode, to.User, to.Group, to.Capabilities
	return nil
}

// owner is the name of a user or group, or the number if there is no name.
func owner(name string, id int) string {
	switch {
	case name != "":
		return name
	case id == 0:
		return "root"
	}
	return strconv.Itoa(id)
}

// zip adds the files of a zip archive. where decides about each by its canonical
// path. A path that occurs twice is an error: installers choose different ones.
func (b *builder) zip(r Reader, where func(*zip.File, *entry) error) error {
	z, _, err := zipfile.Open(r, r.Size(), maxDirectory)
	if err != nil {
		return fmt.Errorf("zip: %w", err)
	}
	for _, zf := range z.File {
		if strings.HasSuffix(zf.Name, "/") {
			continue
		}
		e := entry{}
		if e.path, err = clean(zf.Name); err != nil {
			return err
		}
		if err := where(zf, &e); err != nil {
			return err
		}
		if e.skip || e.path == "" {
			continue
		}
		if _, ok := b.at[place{e.place, e.path}]; ok {
			return fmt.Errorf("%.200q: %w", e.path, errDuplicate)
		}
		f := File{Path: e.path, Place: e.place, Type: 'f'}
		if zf.CreatorVersion>>8 == creatorUnix {
			f.Mode = zf.ExternalAttrs >> 16 & 0o7777
		}
		if err := b.zipContent(zf, &f, &e); err != nil {
			return fmt.Errorf("%.200q: %w", e.path, err)
		}
		if err := b.add(f); err != nil {
			return err
		}
	}
	return nil
}

// creatorUnix is the system whose modes a zip entry has (APPNOTE.TXT, 4.4.2).
const creatorUnix = 3

func (b *builder) zipContent(zf *zip.File, f *File, e *entry) error {
	r, err := zf.Open()
	if err != nil {
		return fmt.Errorf("zip: %w", err)
	}
	defer r.Close()
	return b.content(f, &metered{r, b.budget}, e)
}
