package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/sums"
)

// SumSet is a set of digests.
type SumSet = sums.Set

const (
	SumBLAKE3 = sums.BLAKE3
	SumMD5    = sums.MD5
	SumSHA1   = sums.SHA1
	SumSHA256 = sums.SHA256
)

// Sums are digests of the content of a regular file; those that were not
// requested are zero.
type Sums = sums.Sums

// Meta is the metadata of a node that installers set.
type Meta struct {
	// Mode has the permission bits with set-id and sticky bits, as in chmod(2).
	Mode uint32
	// UID and GID are -1 where the system has none.
	UID, GID int
	// Size in bytes of a regular file.
	Size int64
	// Capabilities is the extended attribute security.capability, nil for none. It
	// is read of files that may be executed: others have no use for it.
	Capabilities []byte
}

// Examined is the result for one node of [Tree.Examine].
type Examined struct {
	Node Node
	Sums Sums
	Meta Meta
	// Changed is the time of the last change of content or metadata (st_ctime) in
	// nanoseconds since 1970, 0 where it is unknown. Programs cannot set it.
	Changed int64
	Err     error
}

// Sum returns digests of a regular file. It rejects everything that
// [Tree.OpenFile] rejects. Of a file of an image it returns what was computed
// when the layer was read ([Options.Sums]), and an error for another digest.
// Its errors are not among [Tree.Faults].
func (t *Tree) Sum(n Node, want SumSet) (Sums, error) {
	x, err := t.examineOne(n, want)
	return x.Sums, err
}

// Meta returns the metadata of a node.
func (t *Tree) Meta(n Node) (Meta, error) {
	x, err := t.examineOne(n, 0)
	return x.Meta, err
}

func (t *Tree) examineOne(n Node, want SumSet) (Examined, error) {
	var found Examined
	err := t.Examine(context.Background(), []Node{n}, func(Node) SumSet { return want }, func(x Examined) { found = x })
	return found, errors.Join(err, found.Err)
}

// Examine returns metadata and digests of many nodes, in any order: see is called
// once for each, from several goroutines. It opens a file once and a directory
// once for all of its entries, so that it costs half as much as single calls.
// nodes are in node order. want returns the digests of a node that are needed, 0
// for none, which leaves the file closed. The error is that of the context; the
// error of a node is in its result.
func (t *Tree) Examine(ctx context.Context, nodes []Node, want func(Node) SumSet, see func(Examined)) error {
	const chunk = 64 // files differ in size
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(nodes)+chunk-1)/chunk) {
		group.Go(func() {
			x := newExaminer(t)
			defer x.close()
			for {
				from := int(next.Add(chunk)) - chunk
				if from >= len(nodes) {
					return
				}
				for _, n := range nodes[from:min(from+chunk, len(nodes))] {
					if ctx.Err() != nil {
						return
					}
					found := Examined{Node: n}
					found.Err = x.examine(ctx, &found, want(n))
					if ctx.Err() != nil {
						return
					}
					see(found)
				}
			}
		})
	}
	group.Wait()
	return ctx.Err()
}

// examiner examines nodes in one goroutine. Neighbours share their directory.
type examiner struct {
	tree   *Tree
	hasher sums.Hasher
	buffer []byte
	in     Node // the directory that is open
	path   string
	print  []byte // scratch of fingerprints
	at     heldDir
}

// sumBuffer is the size of a read. Most files are smaller, and are read with one
// system call.
const sumBuffer = 256 << 10

func newExaminer(t *Tree) *examiner { return &examiner{tree: t, in: None} }

func (x *examiner) close() {
	if x.in != None {
		x.at.close()
		x.in = None
	}
}

func (x *examiner) examine(ctx context.Context, found *Examined, want SumSet) (err error) {
	t, n := x.tree, found.Node
	op := "stat"
	if want != 0 {
		op = "read"
	}
	fail := func(err error) error { return &fs.PathError{Op: op, Path: t.Path(n), Err: plain(err)} }
	if err := t.onDisk(n); err != nil {
		return fail(err)
	}
	if kind := t.Kind(n); want != 0 && kind != File {
		return fail(fmt.Errorf("%w but a %s", errNotRegular, kind))
	}
	if t.stored != nil {
		if err := t.stored.examine(n, t.Kind(n) == File, found, want); err != nil {
			return fail(err)
		}
		return nil
	}
	if want != 0 && x.buffer == nil {
		x.buffer = make([]byte, sumBuffer)
	}
	if t.reading != nil && want != 0 {
		defer t.reading(t.Path(n))()
	}
	err = x.onDisk(ctx, found, want)
	if err == nil {
		return nil
	}
	if t.listed(t.Path(n), err) {
		if err = stillListed(x.onDisk(ctx, found, want)); err == nil {
			return nil
		}
	}
	return fail(err)
}
