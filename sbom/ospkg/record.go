package ospkg

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// FileFlags is a set of remarks about a file in a database.
type FileFlags uint16

const (
	// Conffile is a configuration file: that it was edited or deleted is the
	// administrator's decision.
	Conffile FileFlags = 1 << iota
	// Ghost is a file that the package owns and does not contain.
	Ghost
	// MissingOK is a file that may be deleted.
	MissingOK
	// Mutable is a file whose content the package does not state, because a
	// program changes it after the installation (%verify of rpm).
	Mutable
	// Doc is documentation.
	Doc
	// Excluded is a file that the settings of the package manager leave out of an
	// installation (dpkg's path-exclude).
	Excluded
	// Override is a file whose mode and owner are the administrator's
	// (dpkg-statoverride).
	Override
	// NoSum is a regular file that a list claims for a package of whose regular
	// files all others have digests. No package has such a file: of 1,387
	// packages in four Debian systems none does.
	NoSum
)

// FileRecord is what a database states about one file. It is the environment's
// own word.
type FileRecord struct {
	// Component is the index in [DB.Components].
	Component int
	// Kind is 0 when the database does not state it.
	Kind  rootfs.Kind
	Flags FileFlags
	// Algorithm is "md5", "sha1", "sha224", "sha256", "sha384" or "sha512", empty
	// without a digest. Digest is that of the content; of a symbolic link it is
	// the digest of its target. It may be the first bytes only (sha256-160 of apk
	// has 20). Do not change it.
	Algorithm string
	Digest    []byte
	// Mode has the permission bits with set-id and sticky bits as in chmod(2);
	// HasMode reports whether the database states them.
	Mode    uint32
	HasMode bool
	// UID and GID are -1 when the database does not state them, or names a user or
	// group that the environment does not have.
	UID, GID int
	// Size in bytes, -1 when it is not stated.
	Size int64
	// Link is the target of a symbolic link, empty when it is not stated.
	Link string
	// Capabilities is the text of them, as rpm states it; HasCapabilities reports
	// whether the database states them, or that there are none.
	Capabilities    string
	HasCapabilities bool
}

// Strong reports whether the digest resists an attacker who makes another content
// for it: MD5 and SHA-1 do not.
func (f FileRecord) Strong() bool {
	return strings.HasPrefix(f.Algorithm, "sha") && f.Algorithm != "sha1"
}

// AbsentFile is a path that a database lists and the environment does not have.
type AbsentFile struct {
	Path string // as the database lists it, or where a diversion leads
	FileRecord
}

// Records are the statements of a database about its files.
type Records struct {
	// Absent are sorted by path and component.
	Absent []AbsentFile
	// Gaps are records that could not be read, and malformed ones.
	Gaps []sbom.Gap

	index []int32 // node -> entry + 1
	all   stated
}

// Of returns the record of a file, a link or a directory. Of several packages
// that list it, that is the record of its owner.
func (r *Records) Of(n rootfs.Node) (FileRecord, bool) {
	if r == nil || n < 0 || int(n) >= len(r.index) || r.index[n] == 0 {
		return FileRecord{}, false
	}
	return r.all.record(&r.all.entries[r.index[n]-1]), true
}

// Records reads what the database states about the files of its packages. It
// reads the file lists again, so that a scan that does not compare files does
// not keep them.
//
// The error is the context's. A record that cannot be read is a gap.
func (db *DB) Records(ctx context.Context) (*Records, error) {
	r := &Records{index: make([]int32, len(db.owner))}
	for _, part := range db.parts {
		if err := part.read(ctx, r, part.moved); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.place(db)
	slices.SortFunc(r.Absent, func(a, b AbsentFile) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Component, b.Component))
	})
	return r, nil
}

// Control returns the files in which the package manager keeps the scripts and
// lists of a component, without other files of its database: dpkg's
// info/NAME.postinst, and pacman's install script.
func (db *DB) Control(component int) []rootfs.Node { return db.control[component] }

func (db *DB) controls(component int, n rootfs.Node) {
	if db.control == nil {
		db.control = map[int][]rootfs.Node{}
	}
	db.control[component] = append(db.control[component], n)
}

// recordPart reads the records of one database. Moved has the index of each of
// its components in a combined one, nil when it is the same.
type recordPart struct {
	read    func(ctx context.Context, r *Records, moved []int32) error
	headers func(ctx context.Context, yield func(component int, header []byte) error) error // of rpm, or nil
	moved   []int32                                                                         // + 1
}

// recordsFrom sets the reader of records: read is called once for each
// component, for several in parallel.
func (s *system) recordsFrom(prepare func(ctx context.Context) (read func(c *recorder), gaps []sbom.Gap)) {
	finder, count := s.newFinder(), len(s.Components)
	s.parts = []recordPart{{read: func(ctx context.Context, r *Records, moved []int32) error {
		read, gaps := prepare(ctx)
		r.Gaps = append(r.Gaps, gaps...)
		if read == nil {
			return ctx.Err()
		}
		out := make([]*recorder, count)
		var next atomic.Int64
		var readers sync.WaitGroup
		for range min(maxReaders, count) {
			readers.Go(func() {
				f := finder()
				for ctx.Err() == nil {
					i := int(next.Add(1)) - 1
					if i >= count {
						return
					}
					out[i] = newRecorder(ctx, f, i, moved)
					read(out[i])
					out[i].intern = nil
				}
			})
		}
		readers.Wait()
		if err := ctx.Err(); err != nil {
			return err
		}
		for i, c := range out {
			r.join(c)
			out[i] = nil
		}
		return nil
	}}}
}

func (s *system) newFinder() func() *finder {
	tree, places := s.tree, s.areas
	return func() *finder { return newFinder(tree, places) }
}

// recordsOnce sets the reader of records of a database that is one file: read
// gets a recorder for each component.
func (s *system) recordsOnce(read func(ctx context.Context, of func(component int) *recorder) []sbom.Gap) {
	finder, count := s.newFinder(), len(s.Components)
	s.parts = []recordPart{{read: func(ctx context.Context, r *Records, moved []int32) error {
		f := finder()
		out := make([]*recorder, count)
		r.Gaps = append(r.Gaps, read(ctx, func(i int) *recorder {
			if out[i] == nil {
				out[i] = newRecorder(ctx, f, i, moved)
			}
			return out[i]
		})...)
		for _, c := range out {
			if c != nil {
				r.join(c)
			}
		}
		return ctx.Err()
	}}}
}

func newRecorder(ctx context.Context, f *finder, component int, moved []int32) *recorder {
	c := &recorder{ctx: ctx, finder: f, component: component, shown: component}
	if moved != nil {
		c.shown = int(moved[component]) - 1
	}
	return c
}

func (r *Records) join(c *recorder) {
	r.Absent = append(r.Absent, c.absent...)
	r.Gaps = append(r.Gaps, c.gaps...)
	r.all.append(&c.stated)
}

// recorder takes the records of one component.
type recorder struct {
	ctx       context.Context
	finder    *finder
	component int // in its own database
	shown     int // in the combined one

	stated
	absent []AbsentFile
	gaps   []sbom.Gap
}

// take adds the record of a path, which exists or not.
func (c *recorder) take(path string, f FileRecord) {
	if !cleanPath(path) {
		return // the list of files has the gap
	}
	f.Component = c.shown
	switch path {
	case "/proc", "/sys", "/dev", "/run":
		f.HasMode, f.UID, f.GID = false, -1, -1 // a file system is mounted there
	}
	// The record of a file counts only if the package is its owner: see place.
	if n, _ := c.finder.find(path); n != rootfs.None {
		c.add(n, f)
	} else {
		c.absent = append(c.absent, AbsentFile{path, f})
	}
}

func (c *recorder) gap(kind sbom.GapKind, path, format string, args ...any) {
	c.gaps = append(c.gaps, sbom.Gap{Kind: kind, Path: path, Detail: fmt.Sprintf(format, args...)})
}

// place makes the index. The record of the owner counts. Packages share
// directories, with different modes in the worst case, so that such a directory
// keeps none.
func (r *Records) place(db *DB) {
	for i := range r.all.entries {
		e := &r.all.entries[i]
		if int(db.owner[e.node])-1 == int(e.component) {
			r.index[e.node] = int32(i) + 1
		}
	}
	for i := range r.all.entries {
		e := &r.all.entries[i]
		at := r.index[e.node]
		if at == 0 || int(at)-1 == i {
			continue
		}
		if o := &r.all.entries[at-1]; o.kind == rootfs.Dir && (o.mode != e.mode || o.uid != e.uid || o.gid != e.gid) {
			o.mode, o.uid, o.gid = 0, -1, -1
		}
	}
}

// stated is a compact list of records: a stage has 160,000 files.
type stated struct {
	entries []stateEntry
	digests []byte
	texts   []string
	intern  map[string]uint32
}

type stateEntry struct {
	size      int64
	node      rootfs.Node
	component int32
	digest    uint32 // its start
	mode      uint32 // and hasMode
	uid, gid  int32
	link      uint32 // in texts, + 1
	caps      uint32 // in texts, + 1
	flags     FileFlags
	kind      rootfs.Kind
	algorithm uint8 // in sumNames
}

const hasMode = 1 << 31

// sumNames and sumSizes are the digests that databases have.
var (
	sumNames = [...]string{"", "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha256"}
	sumSizes = [...]int{0, 16, 20, 28, 32, 48, 64, 20}
)

func (s *stated) add(n rootfs.Node, f FileRecord) {
	e := stateEntry{size: f.Size, node: n, component: int32(f.Component), digest: uint32(len(s.digests)),
		uid: int32(f.UID), gid: int32(f.GID), flags: f.Flags, kind: f.Kind}
	if f.HasMode {
		e.mode = f.Mode | hasMode
	}
	for i, name := range sumNames {
		if i > 0 && name == f.Algorithm && sumSizes[i] == len(f.Digest) {
			e.algorithm = uint8(i)
			s.digests = append(s.digests, f.Digest...)
		}
	}
	if f.Link != "" {
		e.link = s.text(f.Link)
	}
	if f.HasCapabilities {
		e.caps = s.text(f.Capabilities)
	}
	s.entries = append(s.entries, e)
}

func (s *stated) text(t string) uint32 {
	i, known := s.intern[t]
	if !known {
		if s.intern == nil {
			s.intern = map[string]uint32{}
		}
		s.texts = append(s.texts, t)
		i = uint32(len(s.texts))
		s.intern[t] = i
	}
	return i
}

func (s *stated) append(other *stated) {
	digests, texts := uint32(len(s.digests)), uint32(len(s.texts))
	s.digests = append(s.digests, other.digests...)
	s.texts = append(s.texts, other.texts...)
	for _, e := range other.entries {
		e.digest += digests
		if e.link > 0 {
			e.link += texts
		}
		if e.caps > 0 {
			e.caps += texts
		}
		s.entries = append(s.entries, e)
	}
}

func (s *stated) record(e *stateEntry) FileRecord {
	f := FileRecord{Component: int(e.component), Kind: e.kind, Flags: e.flags, Algorithm: sumNames[e.algorithm],
		Mode: e.mode &^ hasMode, HasMode: e.mode&hasMode != 0, UID: int(e.uid), GID: int(e.gid), Size: e.size}
	if size := sumSizes[e.algorithm]; size > 0 {
		f.Digest = s.digests[e.digest : int(e.digest)+size : int(e.digest)+size]
	}
	if e.link > 0 {
		f.Link = s.texts[e.link-1]
	}
	if e.caps > 0 {
		f.Capabilities, f.HasCapabilities = s.texts[e.caps-1], true
	}
	return f
}

// unstated is a record that states nothing.
func unstated() FileRecord { return FileRecord{UID: -1, GID: -1, Size: -1} }
