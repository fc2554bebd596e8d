package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/sums"
)

// Options are options of [Read].
type Options struct {
	Rule Rule
	// Progress, if set, gets the numbers of bytes of the blob and of entries
	// since its last call. It is called from several goroutines.
	Progress func(bytes, entries int64)
	// Kept, if set, is the size of the contents kept of several layers, so that
	// maxKept applies to all of them together.
	Kept *atomic.Int64
	// Sums are the digests that are computed of regular files. It is part of the
	// key in a [Cache].
	Sums sums.Set
	// Only, if set, has the ordinals of the entries whose content is kept,
	// instead of those that the rule selects. It is part of the key in a [Cache].
	// Sums must be 0 then.
	Only map[int64]bool

	floor int64 // instead of expansionFloor, in tests
}

// Read reads a layer into a temporary file, which is removed when the index is
// closed. The blob is read once. Errors are of type [*Error], except for the
// error of a context.
func Read(ctx context.Context, blob Blob, opts Options) (*Index, error) {
	file, remove, err := temporary()
	if err != nil {
		return nil, &Error{blob.Number, blob.id(), err}
	}
	x, err := read(ctx, &blob, &opts, file, "")
	if err != nil {
		file.Close()
		if remove != "" {
			os.Remove(remove)
		}
		return nil, err
	}
	x.remove = remove
	return x, nil
}

// temporary creates a file that no other process sees, and that disappears with
// the process where the system supports it.
func temporary() (file *os.File, remove string, err error) {
	if file, err = os.CreateTemp("", "depaudit-layer-*"); err != nil {
		return nil, "", err
	}
	if os.Remove(file.Name()) != nil {
		remove = file.Name()
	}
	return file, remove, nil
}

// read reads a layer into a file.
func read(ctx context.Context, blob *Blob, opts *Options, file *os.File, key string) (*Index, error) {
	x, err := readInto(ctx, blob, opts, file, key)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &Error{blob.Number, blob.id(), err}
	}
	return x, nil
}

func readInto(ctx context.Context, blob *Blob, opts *Options, file *os.File, key string) (_ *Index, err error) {
	var progress func(int64)
	if opts.Progress != nil {
		progress = func(n int64) { opts.Progress(n, 0) }
	}
	floor := opts.floor
	if floor == 0 {
		floor = expansionFloor
	}
	s, err := openStream(ctx, blob, floor, progress)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r := reader{opts: opts, stream: s, tar: tar.NewReader(s), out: newWriter(file, opts.Sums)}
	defer func() {
		if err == nil {
			return
		}
		if r.out.failed != nil {
			err = r.out.failed // the tar reader passes it on as if the archive ended
		}
		if opts.Kept != nil {
			opts.Kept.Add(-r.kept)
		}
	}()
	if err := r.entries(ctx); err != nil {
		return nil, err
	}
	if err := s.finish(); err != nil {
		return nil, err
	}
	if err := r.out.finish(key); err != nil {
		return nil, err
	}
	w := r.out
	return &Index{file: file, size: w.end, places: w.places, totals: w.totals, sums: w.sums}, nil
}

// reader converts an archive to entries.
type reader struct {
	opts   *Options
	stream *stream
	tar    *tar.Reader
	out    *writer
	head   [HeadSize]byte
	hasher sums.Hasher
	chunk  []byte
	hashed int64 // bytes of contents that the hasher got
	path   []byte
	target []byte
	kept   int64 // bytes that were added to Options.Kept
	seen   int64 // entries since the last report of progress
}

// progressStep is the number of entries between two reports.
const progressStep = 1000

func (r *reader) entries(ctx context.Context) error {
	report := func() {
		if r.opts.Progress != nil && r.seen > 0 {
			r.opts.Progress(0, r.seen)
		}
		r.seen = 0
	}
	defer report()
	for {
		h, err := r.tar.Next()
		switch {
		case err == io.EOF:
			return r.trailing()
		case errors.Is(err, tar.ErrInsecurePath): // cleanPath checks it
		case err != nil:
			return fmt.Errorf("archive, near byte %d: %w", r.stream.pos, err)
		}
		if r.seen++; r.seen >= progressStep {
			report()
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := r.entry(h); err != nil {
			return err
		}
		if r.out.totals.entries >= MaxEntries {
			return fmt.Errorf("more than %d entries", MaxEntries)
		}
	}
}

// trailing checks that only zeros follow the end of the archive. Runtimes stop
// at the end; programs that read concatenated archives (tar -i) do not, and would
// unpack another file system than the one that is examined.
func (r *reader) trailing() error {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.stream.Read(buf)
		if slices.ContainsFunc(buf[:n], func(b byte) bool { return b != 0 }) {
			r.out.problem(Problem{Detail: "more data is after the end of its archive, which some programs unpack"})
			return nil
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

func (r *reader) entry(h *tar.Header) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		// It would apply to all entries that follow. No runtime does so; git
		// writes one with the name of a commit.
		return nil
	}
	problem := func(err error) error {
		r.out.problem(Problem{Path: h.Name, Detail: "the entry was not applied: " + err.Error(), Limit: errors.Is(err, errLongName)})
		return nil
	}
	var err error
	if r.path, err = cleanPath(r.path[:0], h.Name); err != nil {
		return problem(err)
	}
	if leftover(r.path) {
		return nil
	}
	e := Entry{Path: r.path, Mode: uint16(h.Mode & 0o7777), Time: h.ModTime.Unix(), UID: owner(h.Uid), GID: owner(h.Gid)}
	if e.Type, e.Path, err = whiteout(r.path); err != nil {
		return problem(err)
	}
	if e.Type != 0 {
		return r.out.add(&e)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		e.Type = Dir
	case tar.TypeReg, 0, tar.TypeCont, tar.TypeGNUSparse:
		e.Type = File
		if err := r.file(&e, h); err != nil {
			return err
		}
	case tar.TypeSymlink:
		e.Type = Symlink
		switch {
		case h.Linkname == "":
			return problem(errors.New("a symbolic link without a target"))
		case len(h.Linkname) > MaxPath:
			return problem(fmt.Errorf("its target: %w", errLongName))
		}
		r.target = append(r.target[:0], h.Linkname...)
		e.Target = r.target
	case tar.TypeLink:
		e.Type = HardLink
		if r.target, err = cleanPath(r.target[:0], h.Linkname); err != nil {
			return problem(fmt.Errorf("the target of its hard link %q: %w", quote(h.Linkname), err))
		}
		e.Target = r.target
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		e.Type = Other
	default:
		return problem(fmt.Errorf("its type %q is one that no runtime unpacks", h.Typeflag))
	}
	return r.out.add(&e)
}

// owner converts a number of a user or group.
func owner(n int) uint32 {
	if n < 0 || int64(n) > math.MaxUint32 {
		return math.MaxUint32
	}
	return uint32(n)
}

// capabilityRecord is the record of an extended header that runtimes apply.
const capabilityRecord = "SCHILY.xattr.security.capability"

// file classifies a regular file, computes its digests and keeps its content.
func (r *reader) file(e *Entry, h *tar.Header) error {
	e.Size = h.Size
	if c := h.PAXRecords[capabilityRecord]; c != "" {
		e.Capabilities = []byte(c[:min(len(c), maxCapabilities)])
	}
	first := r.head[:min(int64(len(r.head)), e.Size)]
	hashing := r.hashes(e, h)
	if hashing {
		if r.chunk == nil {
			r.chunk = make([]byte, bufferSize)
		}
		first = r.chunk[:min(int64(len(r.chunk)), e.Size)]
		r.hasher.Reset(r.opts.Sums)
		r.hashed += e.Size
	}
	if err := r.fill(first); err != nil {
		return err
	}
	head := first[:min(len(first), HeadSize)]
	if classify := r.opts.Rule.Classify; classify != nil {
		e.Class = classify(head)
	}
	switch {
	case e.Size == 0:
		e.Kept = Whole
	case !r.wants(e):
	case e.Size > MaxKeptFile:
		e.Kept = TooLarge
	default:
		e.Kept = Whole
	}
	if e.Kept == Whole {
		e.Content = r.out.at
		if err := r.account(e); err != nil {
			return err
		}
	}
	switch {
	case hashing:
		return r.hash(e, first)
	case e.Kept == Whole:
		return r.keep(e, first)
	}
	return nil
}

// fill reads bytes of a content.
func (r *reader) fill(b []byte) error {
	if _, err := io.ReadFull(r.tar, b); err != nil {
		return fmt.Errorf("archive, near byte %d: %w", r.stream.pos, unexpected(err))
	}
	return nil
}

// hashes reports whether the digests of a file are computed. The holes of sparse
// files take no bytes in the stream, so that a small layer could have terabytes
// of them: those beyond a limit have no digests.
func (r *reader) hashes(e *Entry, h *tar.Header) bool {
	if r.opts.Sums == 0 {
		return false
	}
	sparse := h.Typeflag == tar.TypeGNUSparse
	for key := range h.PAXRecords {
		sparse = sparse || strings.HasPrefix(key, "GNU.sparse.")
	}
	return !sparse || e.Size <= r.stream.pos+r.stream.floor-r.hashed
}

// hash computes the digests of a file whose first bytes were read, and keeps
// its content if it is to be kept.
func (r *reader) hash(e *Entry, first []byte) error {
	for left := e.Size; ; {
		r.hasher.Write(first)
		if e.Kept == Whole {
			if _, err := r.out.Write(first); err != nil {
				return err
			}
		}
		if left -= int64(len(first)); left <= 0 {
			break
		}
		first = r.chunk[:min(int64(len(r.chunk)), left)]
		if err := r.fill(first); err != nil {
			return err
		}
	}
	e.Summed, e.Sums = true, r.hasher.Sums()
	return nil
}

// account counts a content that will be kept.
func (r *reader) account(e *Entry) error {
	// The stream itself is bounded, and contents are part of it, except for the
	// holes of sparse files, which take no bytes there.
	if r.out.totals.kept += e.Size; r.out.totals.kept > r.stream.pos+r.stream.floor {
		return fmt.Errorf("its sparse files expand to more than %d bytes", r.stream.floor)
	}
	r.kept += e.Size
	if r.opts.Kept != nil && r.opts.Kept.Add(e.Size) > maxKept || r.out.totals.kept > maxKept {
		return errKept
	}
	return nil
}

// keep keeps the content of a file whose first bytes were read.
func (r *reader) keep(e *Entry, first []byte) error {
	if _, err := r.out.Write(first); err != nil {
		return err
	}
	n, err := r.out.ReadFrom(r.tar)
	if err != nil {
		return fmt.Errorf("archive, near byte %d: %w", r.stream.pos, unexpected(err))
	}
	if n += int64(len(first)); n != e.Size {
		return fmt.Errorf("archive, near byte %d: a file of %d bytes has %d", r.stream.pos, e.Size, n)
	}
	return nil
}

// wants reports whether the content of a file is kept.
func (r *reader) wants(e *Entry) bool {
	if r.opts.Only != nil {
		return r.opts.Only[r.out.totals.entries] // its ordinal, which add will set
	}
	keep := r.opts.Rule.Keep
	return keep != nil && keep("/"+string(e.Path), e.Size, e.Class)
}
