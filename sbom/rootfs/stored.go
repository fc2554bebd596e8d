package rootfs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// imageFiles are the metadata of the files of an image by node: 31 bytes for
// each, with the layer. Contents are in the files of the layers, on disk.
type imageFiles struct {
	// indexes are those of layer 1 and so on; several may be the same.
	indexes  []*layer.Index
	sizes    []int64
	times    []int64
	contents []int64 // see fileMeta
	sources  []uint16
	modes    []uint16
	classes  []Class
	moved    []Node // until linked is set: files without content that have another path than in their layer
	linked   *linked
	sums     SumSet
	extras   []fileExtra // nil if no sums were requested
	extra    []int32     // node -> extras
	changed  []uint16    // node -> the layer that last changed it, nil as extras
}

// hardLinks returns the files that several entries are. Contents of different
// entries are at different places, except for empty ones.
func (s *imageFiles) hardLinks(t *Tree) hardLinks {
	var nodes []Node
	for n := range Node(t.Len()) {
		if t.Kind(n) == File && s.sizes[n] > 0 {
			nodes = append(nodes, n)
		}
	}
	type id struct {
		source  uint16
		content int64
	}
	of := func(n Node) id { return id{s.sources[n], s.contents[n]} }
	slices.SortFunc(nodes, func(a, b Node) int {
		x, y := of(a), of(b)
		return cmp.Or(cmp.Compare(x.source, y.source), cmp.Compare(x.content, y.content), cmp.Compare(a, b))
	})
	several := nodes[:0]
	for i, n := range nodes {
		next := i+1 < len(nodes) && of(nodes[i+1]) == of(n)
		if next || len(several) > 0 && of(several[len(several)-1]) == of(n) {
			several = append(several, n)
		}
	}
	return newHardLinks(several, func(i int) (id, bool) { return of(several[i]), true })
}

// NotKeptError is the error of opening a content of an image that was not kept
// when its layer was read.
type NotKeptError struct {
	Path string // within the environment
	// TooLarge reports whether the content was selected but is larger than
	// layer.MaxKeptFile.
	TooLarge bool
}

func (e *NotKeptError) Error() string {
	if e.TooLarge {
		return fmt.Sprintf("%s: the content was not kept: more than %d bytes", e.Path, int64(layer.MaxKeptFile))
	}
	return e.Path + ": the content was not kept when the layer was read"
}

func (s *imageFiles) stat(t *Tree, n Node) fs.FileInfo {
	mode := fs.FileMode(s.modes[n] & 0o777)
	for bit, flag := range map[uint16]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if s.modes[n]&bit != 0 {
			mode |= flag
		}
	}
	size := s.sizes[n]
	switch t.Kind(n) {
	case Dir:
		mode |= fs.ModeDir
	case Symlink:
		mode |= fs.ModeSymlink
		size = int64(len(t.Target(n)))
	case Other:
		mode |= fs.ModeIrregular
	}
	return fileInfo{t.Name(n), size, mode, s.times[n]}
}

var (
	errNoSums  = errors.New("the digests of this environment were not requested")
	errSparse  = errors.New("no digest was computed: the holes of sparse files in this layer are too large")
	errSumKind = errors.New("this digest was not requested when the layers were read")
)

// examine returns the metadata of a node, and digests of a file.
func (s *imageFiles) examine(n Node, file bool, found *Examined, want SumSet) error {
	if s.extra == nil {
		return errNoSums
	}
	x := &s.extras[s.extra[n]]
	found.Meta = Meta{Mode: uint32(s.modes[n]), UID: int(x.uid), GID: int(x.gid)}
	if file {
		found.Meta.Size = s.sizes[n]
		if x.capabilities != "" && s.modes[n]&0o111 != 0 {
			found.Meta.Capabilities = []byte(x.capabilities)
		}
	}
	switch {
	case want == 0:
		return nil
	case want&^s.sums != 0:
		return errSumKind
	case x.sums == 0:
		return errSparse
	}
	all, err := s.indexes[s.sources[n]-1].SumsOf(x.sums)
	found.Sums = all.Only(want)
	return err
}

// open opens the content of a regular file.
func (s *imageFiles) open(t *Tree, n Node) (Content, error) {
	index, at := s.indexes[s.sources[n]-1], s.contents[n]
	if at < 0 {
		var found bool
		var err error
		if index, at, found, err = s.linked.content(index, -1-at); err != nil {
			return nil, &fs.PathError{Op: "open", Path: t.Path(n), Err: err}
		} else if !found {
			return nil, &NotKeptError{t.Path(n), s.sizes[n] > layer.MaxKeptFile}
		}
	}
	content, err := index.Content(at, s.sizes[n])
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: t.Path(n), Err: err}
	}
	return &storedFile{SectionReader: content, path: t.Path(n), info: s.stat(t, n)}, nil
}

// storedFile is a content in the file of a layer.
type storedFile struct {
	*io.SectionReader
	path   string
	info   fs.FileInfo
	closed atomic.Bool
}

func (f *storedFile) Name() string { return f.path }

func (f *storedFile) Stat() (fs.FileInfo, error) { return f.info, f.open("stat") }

func (f *storedFile) Close() error {
	if f.closed.Swap(true) {
		return &fs.PathError{Op: "close", Path: f.path, Err: fs.ErrClosed}
	}
	return nil
}

func (f *storedFile) Read(b []byte) (int, error) {
	if err := f.open("read"); err != nil {
		return 0, err
	}
	return f.SectionReader.Read(b)
}

func (f *storedFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.open("read"); err != nil {
		return 0, err
	}
	return f.SectionReader.ReadAt(b, at)
}

func (f *storedFile) Seek(offset int64, whence int) (int64, error) {
	if err := f.open("seek"); err != nil {
		return 0, err
	}
	return f.SectionReader.Seek(offset, whence)
}

func (f *storedFile) open(op string) error {
	if f.closed.Load() {
		return &fs.PathError{Op: op, Path: f.path, Err: fs.ErrClosed}
	}
	return nil
}

// fileInfo are the metadata of a file in a layer.
type fileInfo struct {
	name string
	size int64
	mode fs.FileMode
	time int64
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return time.Unix(i.time, 0) }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }
