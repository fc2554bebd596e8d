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

// Read says what was asked of a file, and so what an answer depended on.
type Read uint8

const (
	ReadClass   Read = 1 << iota // [Tree.Classify]: its first bytes and its permissions
	ReadInfo                     // [Tree.Stat]: all that lstat(2) tells
	ReadContent                  // [Tree.OpenFile] and [Tree.ReadFile]: any of its bytes
	ReadFailed                   // there was an error instead of an answer, or two answers
)

// Fingerprint names the state of one file at one path: a digest over the path,
// device, inode, mode, size, and the times of modification and of change in
// nanoseconds. The zero Fingerprint is no state. The time of change cannot be set by
// whoever may write to a file, so that equal states mean equal content, but
// for files that changed just now: see [Tree.Fingerprints].
type Fingerprint [16]byte

// FileFingerprint is what was asked of a file, and the state that it was in. Class and
// Perm are what Classify answered, for ReadClass.
//
// A directory that was walked has a mark as well, whether or not something was
// asked of it: as long as its state is the same, so are the names in it.
type FileFingerprint struct {
	Node        Node
	Parent      Node   // None for the root
	Name        string // base name
	Dir         bool   // was walked
	Read        Read
	Class       Class
	Perm        fs.FileMode
	Fingerprint Fingerprint // zero when the state identifies nothing
}

// Fingerprints are what an environment was like when something was asked of it, for
// a comparison at a later time: [Same] before it is walked, [Tree.Unchanged]
// after.
type Fingerprints struct {
	// Root identifies the root directory.
	Root string
	// Mounts identifies what is mounted in it; empty when the states of
	// directories do not tell the names in them.
	Mounts string
	// Names is the digest of [Tree.Names].
	Names [sha256.Size]byte
	// Files are in node order.
	Files []FileFingerprint
}

// racy is how long a file must have been left alone before its state
// identifies its content: within one tick of the file system's clock it can
// be written twice with the same times. Two seconds is the tick of FAT, the
// coarsest in use; that of Linux' own file systems is some milliseconds.
const racy = 2 * time.Second

// record is what was asked of a tree's files.
type record struct {
	// answers are by node, and used atomically: Read, the class from bit 8,
	// the permissions from bit 16.
	answers []uint32
	// recalled are answers of an earlier time that still hold; 0 for none.
	recalled []uint32
}

// Record makes the tree remember what is asked of its files from now on. It
// costs 4 bytes a node. Call it before anything is asked.
func (t *Tree) Record() {
	if t.record == nil {
		t.record = new(record)
	}
	t.record.answers = make([]uint32, t.Len())
}

// asked remembers a question and whether it was answered.
func (t *Tree) asked(n Node, what Read, err error) {
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

// classified remembers an answer of Classify.
func (t *Tree) classified(n Node, class Class, perm fs.FileMode, err error) {
	if err != nil || t.record == nil || t.record.answers == nil {
		t.asked(n, ReadClass, err)
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

// recall is what Classify answered at an earlier time, when that still holds.
func (t *Tree) recall(n Node) (Class, fs.FileMode, bool) {
	if t.record == nil || !t.has(n) || int(n) >= len(t.record.recalled) {
		return 0, 0, false
	}
	a := t.record.recalled[n]
	return Class(a >> 8), fs.FileMode(a >> 16), a != 0
}

// Recall lets Classify answer from marks of an earlier time for those files
// that are in the same state still. want says for which files that is worth
// a look at the disk, which is cheaper than reading the file.
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

// Fingerprints are the marks of all files that something was asked of since
// [Tree.Record]; nil when the system does not tell enough of its files.
//
// now is a time before Open was called. A file that changed after it, or
// shortly before, could have changed unseen while it was read, or can do so
// again without a change of its times: its mark has no state. With a zero now
// the latest change of any marked file is taken for it.
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
	mounts, posix, err := t.disk.mountsOf()
	var directories map[Node]bool
	if err == nil && posix && len(t.gaps) == 0 { // else only a walk tells
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

// walked are the directories that were read.
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

// Unchanged says whether the tree would give the same answers as when the
// marks were made. A file in another state of which only the class was asked is
// classified anew: a log that grows changes nothing. Whatever is doubtful is
// a change.
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

// Names is a digest of all that a walk knows: the names and kinds of
// everything, the targets of links, what could not be read and what was left
// out. It costs no system call. Trees of equal digests have equal node
// numbers.
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
	h.Write(b)
	return [sha256.Size]byte(h.Sum(nil))
}

// currentFingerprint is a state, and the time of the last change by which a state is
// told from the next.
type currentFingerprint struct {
	fingerprint Fingerprint
	changed     time.Time
}

// fingerprintNumbers are the numbers that go into a state after the path.
const fingerprintNumbers = 8

// newFingerprint makes the state of a path from its numbers.
func newFingerprint(scratch []byte, path string, numbers [fingerprintNumbers]uint64) (Fingerprint, []byte) {
	b := append(scratch[:0], path...)
	b = append(b, 0)
	for _, x := range numbers {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	sum := sha256.Sum256(b)
	return Fingerprint(sum[:]), b
}

// fingerprints looks at the files, which are in node order, several at a time, and
// calls see with the state of each, in any order and from several goroutines.
// It ends early when see returns false. A file that cannot be looked at has
// the zero state.
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
