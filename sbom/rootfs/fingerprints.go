package rootfs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Read is a set of the reads of a file on which a scan depended.
type Read uint8

const (
	ReadClass   Read = 1 << iota // [Tree.Classify]: its first bytes and its permissions
	ReadInfo                     // [Tree.Stat]: everything that lstat(2) returns
	ReadContent                  // [Tree.OpenFile] and [Tree.ReadFile]: any of its bytes
	ReadFailed                   // a read returned an error, or two reads differed
)

// Fingerprint identifies the content of one file at one path: it is a digest
// of the path, device, inode, mode, size, and the times of modification and of
// change in nanoseconds. The zero Fingerprint identifies nothing. A process that
// can write to a file cannot set its time of change, so that equal fingerprints
// mean equal content, except for files that have just changed; see
// [Tree.Fingerprints].
type Fingerprint [16]byte

// FileFingerprint is the fingerprint of a file with the reads that were
// recorded. Class and Perm are the results of Classify, for ReadClass.
//
// A directory that was walked has one as well, whether or not it was read: while
// its fingerprint is the same, so are the names in it.
type FileFingerprint struct {
	Node        Node
	Parent      Node   // None for the root
	Name        string // base name
	Dir         bool   // was walked
	Read        Read
	Class       Class
	Perm        fs.FileMode
	Fingerprint Fingerprint // zero if the file had just changed
}

// Fingerprints are the fingerprints of an environment, for a later comparison:
// with [Same] before it is walked, with [Tree.Unchanged] afterwards.
type Fingerprints struct {
	// Root identifies the root directory.
	Root string
	// Mounts identifies the mounts in it; empty if the fingerprints of
	// directories do not depend on the names in them.
	Mounts string
	// Names is the result of [Tree.Names].
	Names [sha256.Size]byte
	// Files are in node order.
	Files []FileFingerprint
}

// racy is the time without changes after which a fingerprint identifies a
// content: within one tick of the file system's clock a file can be written
// twice with the same times. Two seconds is the tick of FAT, the coarsest in
// use; that of Linux' own file systems is some milliseconds.
const racy = 2 * time.Second

// fileTimes are the changes that the times of a file system show.
type fileTimes struct {
	// posix is set if they are maintained as POSIX specifies, those of directories
	// included.
	posix bool
	// mapped is set if a write to a mapping of a file sets them, too.
	mapped bool
}

// record records the reads of a tree's files.
type record struct {
	// answers are by node, and accessed atomically: Read, the class from bit 8,
	// the permissions from bit 16.
	answers []uint32
	// recalled are earlier answers that are still valid; 0 for none.
	recalled []uint32
	sums     recordedSums
}

// Record starts recording the reads of the tree's files. It takes 4 bytes a
// node. Call it before any read.
func (t *Tree) Record() {
	if t.record == nil {
		t.record = new(record)
	}
	t.record.answers = make([]uint32, t.Len())
}

// recordRead records a read and whether it succeeded.
func (t *Tree) recordRead(n Node, what Read, err error) {
	if t.record == nil || t.record.answers == nil || !t.has(n) {
		return
	}
	if err != nil {
		what |= ReadFailed
	}
	atomic.OrUint32(&t.record.answers[n], uint32(what))
}

func packAnswer(class Class, perm fs.FileMode) uint32 {
	return uint32(ReadClass) | uint32(class)<<8 | uint32(perm.Perm())<<16
}

// recordClass records a result of Classify.
func (t *Tree) recordClass(n Node, class Class, perm fs.FileMode, err error) {
	if err != nil || t.record == nil || t.record.answers == nil {
		t.recordRead(n, ReadClass, err)
		return
	}
	answer := packAnswer(class, perm)
	at := &t.record.answers[n]
	for {
		before := atomic.LoadUint32(at)
		after := before | answer
		if Read(before)&ReadClass != 0 && before>>8 != answer>>8 {
			after = before | uint32(ReadFailed)
		}
		if atomic.CompareAndSwapUint32(at, before, after) {
			return
		}
	}
}

// recall returns an earlier result of Classify that is still valid.
func (t *Tree) recall(n Node) (Class, fs.FileMode, bool) {
	if t.record == nil || !t.has(n) || int(n) >= len(t.record.recalled) {
		return 0, 0, false
	}
	a := t.record.recalled[n]
	return Class(a >> 8), fs.FileMode(a >> 16), a != 0
}

// Recall makes Classify return the results of earlier fingerprints for files
// with the same fingerprint. want reports whether a file is worth one lstat(2),
// which is cheaper than reading it.
func (t *Tree) Recall(ctx context.Context, known map[Fingerprint]FileFingerprint, want func(Node) bool) error {
	recalled := make([]uint32, t.Len())
	var nodes []Node
	for n := range Node(t.Len()) {
		if t.Kind(n) == File && want(n) {
			nodes = append(nodes, n)
		}
	}
	err := t.fingerprints(ctx, nodes, func(n Node, s currentFingerprint) bool {
		if m, ok := known[s.fingerprint]; ok && s.fingerprint != (Fingerprint{}) && m.Read&ReadClass != 0 && m.Read&ReadFailed == 0 {
			recalled[n] = packAnswer(m.Class, m.Perm)
		}
		return true
	})
	if err != nil {
		return err
	}
	if t.record == nil {
		t.record = new(record)
	}
	t.record.recalled = recalled
	return nil
}

// Fingerprints returns the fingerprints of all files that were read since
// [Tree.Record]; nil if the system does not have the metadata for them.
//
// now is a time before the call of Open. A file that changed after it, or
// shortly before, may have changed while it was read, or may change again
// without a change of its times. Such a file has no fingerprint. If now is zero,
// the latest change of any of the files is used instead.
func (t *Tree) Fingerprints(ctx context.Context, now time.Time) (*Fingerprints, error) {
	if t.record == nil || t.record.answers == nil {
		return nil, errors.New("fingerprints of a tree that was not recorded")
	}
	if t.disk == nil {
		return nil, nil
	}
	out := &Fingerprints{Names: t.Names()}
	var err error
	if out.Root, err = t.disk.identity(); errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	mounts, times, err := t.disk.mountsOf()
	var directories map[Node]bool
	if err == nil && times.posix && len(t.gaps) == 0 { // otherwise only a walk finds changes
		out.Mounts, directories = mounts, t.walked()
	}
	var nodes []Node
	for n := range t.record.answers {
		if directories[Node(n)] || atomic.LoadUint32(&t.record.answers[n]) != 0 {
			nodes = append(nodes, Node(n))
		}
	}
	fingerprints := make([]FileFingerprint, len(nodes))
	changed := make([]time.Time, len(nodes))
	err = t.fingerprints(ctx, nodes, func(n Node, s currentFingerprint) bool {
		i, _ := slices.BinarySearch(nodes, n)
		fingerprints[i].Fingerprint, changed[i] = s.fingerprint, s.changed
		return true
	})
	if err != nil {
		return nil, err
	}
	if now.IsZero() {
		for _, c := range changed {
			if c.After(now) {
				now = c
			}
		}
	}
	limit := now.Add(-racy)
	for i, n := range nodes {
		a := atomic.LoadUint32(&t.record.answers[n])
		m := &fingerprints[i]
		m.Node, m.Parent, m.Name, m.Dir = n, t.Parent(n), t.Name(n), directories[n]
		m.Read = Read(a) & (ReadClass | ReadInfo | ReadContent | ReadFailed)
		m.Class, m.Perm = Class(a>>8), fs.FileMode(a>>16)
		if !changed[i].Before(limit) {
			m.Fingerprint = Fingerprint{}
		}
	}
	out.Files = fingerprints
	return out, nil
}

// walked returns the directories that were read.
func (t *Tree) walked() map[Node]bool {
	directories := make(map[Node]bool)
	for n := range Node(t.Len()) {
		if t.Kind(n) == Dir {
			directories[n] = true
		}
	}
	for _, e := range t.excluded {
		delete(directories, t.Lookup(e.Path))
	}
	return directories
}

// Unchanged reports whether a scan of the tree would read the same as when the
// fingerprints were taken. A file with another fingerprint of which only the
// class was read is classified again: a log that grows is not a change. Every
// doubtful case is a change.
func (t *Tree) Unchanged(ctx context.Context, m *Fingerprints) (bool, error) {
	if t.disk == nil || t.Names() != m.Names {
		return false, nil
	}
	if root, err := t.disk.identity(); err != nil || root != m.Root {
		return false, nil
	}
	fingerprints := slices.DeleteFunc(slices.Clone(m.Files), func(m FileFingerprint) bool { return m.Read == 0 })
	nodes := make([]Node, len(fingerprints))
	for i, m := range fingerprints {
		if !t.has(m.Node) || i > 0 && m.Node <= fingerprints[i-1].Node || m.Read&ReadFailed != 0 {
			return false, nil
		}
		nodes[i] = m.Node
	}
	var changed atomic.Bool
	err := t.fingerprints(ctx, nodes, func(n Node, s currentFingerprint) bool {
		i, _ := slices.BinarySearch(nodes, n)
		m := fingerprints[i]
		if s.fingerprint == m.Fingerprint && m.Fingerprint != (Fingerprint{}) {
			return true
		}
		if m.Read == ReadClass {
			class, perm, err := t.classifyFile(n)
			if err == nil && class == m.Class && perm.Perm() == m.Perm.Perm() {
				return true
			}
		}
		changed.Store(true)
		return false
	})
	if errors.Is(err, errors.ErrUnsupported) {
		return false, nil
	}
	return err == nil && !changed.Load(), err
}

// Names returns a digest of all results of a walk: the names and kinds of all
// nodes, the targets of links, the files with several names, the gaps and the
// exclusions. It needs no system
// call. Trees with equal digests have equal node numbers.
func (t *Tree) Names() [sha256.Size]byte {
	h := sha256.New()
	b := make([]byte, 0, 64<<10)
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	link := 0
	for n := range t.parents {
		if len(b) > cap(b)/2 {
			h.Write(b)
			b = b[:0]
		}
		b = append(b, byte(t.kinds[n]))
		b = binary.AppendUvarint(b, uint64(t.ends[n]-int32(n)))
		text(t.names.text(t.nameIDs[n]))
		if link < len(t.linkNodes) && int(t.linkNodes[link]) == n {
			text(t.linkText[t.linkEnds[link]:t.linkEnds[link+1]])
			link++
		}
	}
	b = binary.AppendUvarint(b, uint64(len(t.gaps)))
	for _, g := range t.gaps {
		text(string(g.Kind))
		text(g.Path)
		text(g.Detail)
	}
	b = binary.AppendUvarint(b, uint64(len(t.excluded)))
	for _, e := range t.excluded {
		text(string(e.Reason))
		text(e.Path)
		text(e.Detail)
	}
	for _, names := range t.hard.names {
		b = binary.AppendUvarint(b, uint64(len(names)))
		for _, n := range names {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	h.Write(b)
	return [sha256.Size]byte(h.Sum(nil))
}

// currentFingerprint is a fingerprint with the time of the last change.
type currentFingerprint struct {
	fingerprint Fingerprint
	changed     time.Time
	id          fileID
}

// fingerprintNumbers is the number of values in a fingerprint besides the path.
const fingerprintNumbers = 8

// newFingerprint returns the fingerprint of a path with the given values.
func newFingerprint(scratch []byte, path string, numbers [fingerprintNumbers]uint64) (Fingerprint, []byte) {
	b := append(scratch[:0], path...)
	b = append(b, 0)
	for _, x := range numbers {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	sum := sha256.Sum256(b)
	return Fingerprint(sum[:]), b
}

// fingerprints calls see with the fingerprint of each node. nodes are in node
// order; see is called in any order and from several goroutines. It stops when
// see returns false. A file whose metadata cannot be read has the zero
// fingerprint.
func (t *Tree) fingerprints(ctx context.Context, nodes []Node, see func(Node, currentFingerprint) bool) error {
	if t.disk == nil {
		return errors.ErrUnsupported
	}
	// Neighbours share their directory, which is opened once a chunk.
	const chunk = 512
	var next atomic.Int64
	var stopped atomic.Bool
	errs := make([]error, min(max(runtime.GOMAXPROCS(0), minWorkers), maxWorkers))
	var group sync.WaitGroup
	for w := range errs {
		group.Go(func() {
			for !stopped.Load() && ctx.Err() == nil {
				from := int(next.Add(chunk)) - chunk
				if from >= len(nodes) {
					return
				}
				if errs[w] = t.disk.fingerprints(t, nodes[from:min(from+chunk, len(nodes))], func(n Node, s currentFingerprint) bool {
					if !see(n, s) {
						stopped.Store(true)
					}
					return !stopped.Load()
				}); errs[w] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}
