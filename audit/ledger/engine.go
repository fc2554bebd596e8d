package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ospkg"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// engine is the state of one comparison. Everything by node is indexed by
// rootfs.Node, and everything by component by its index in the document.
type engine struct {
	request Request
	files   *scan.Files
	tree    *rootfs.Tree
	doc     *sbom.Document

	records *ospkg.Records
	// components have the index of each ID in the document, and packages that of
	// each component of the package database.
	components map[string]int32
	packages   []int32

	nodes []node
	state []component
	// expected are what manifests state; node.expect is an index in it, plus one.
	expected []expectation
	// recorded are the rows of RECORDs; node.row is an index in it, plus one.
	recorded []row
	absent   []absentFile
	indexes  []audit.Index
	archives []string         // the URL of each index's archive, in the order of the set
	missing  []audit.Artifact // that are nowhere
	bundled  map[string]bool  // npm's keys of packages in the tarballs of others
	// owners is set when the environment's files have the owners that they were
	// installed with: it was not unpacked by an ordinary user.
	owners bool
	rules  []Rule
	known  ruleState // by the rules

	mu   sync.Mutex // guards gaps during the examination
	gaps []sbom.Gap
}

// node is one file, link, directory or other entry.
type node struct {
	sum       [32]byte // BLAKE3, of a file
	size      int64
	since     int64 // its last change
	component int32 // index + 1
	expect    int32
	row       int32
	mode      uint32
	uid, gid  int32
	caps      bool
	summed    bool // sum is known
	command   bool // an installer made it for an entry point
	status    status
	how       how
	rule      uint8 // index in the table of rules + 1
	detail    uint8 // index in details + 1
}

// component is what is known of one component.
type component struct {
	proof audit.ComponentProof
	// manifest is set when its files were compared with an artifact.
	manifest bool
	// built is set when its installer compiled a part of it, of which no artifact is.
	built bool
	// header is set when a trusted key signed the digests of its files.
	header bool
	// bad counts the files that differ from what is expected, or are missing, and
	// unsure those that nothing was compared with.
	bad, unsure int
	files       []rootfs.Node
}

// absentFile is a file that something expects and that is not there.
type absentFile struct {
	path      string
	component int32
	rule      string
	conffile  bool
}

type status uint8

const (
	none status = iota
	proved
	consistent
	unchecked
	derived
	conffile
	changed
	missing
	unexplained
	unread
)

func (s status) word() audit.FileStatus {
	return [...]audit.FileStatus{"", audit.FileProved, audit.FileConsistent, audit.FileUnchecked, audit.FileDerived, audit.FileConffile,
		audit.FileChanged, audit.FileMissing, audit.FileUnexplained, audit.FileUnread}[s]
}

// how is a set of differences.
type how uint8

const (
	howContent how = 1 << iota
	howMode
	howOwner
	howLink
	howType
	howCapabilities
)

func (h how) words() []string {
	var out []string
	for i, w := range [...]string{"content", "mode", "owner", "link", "type", "capabilities"} {
		if h&(1<<i) != 0 {
			out = append(out, w)
		}
	}
	return out
}

// Remarks about files; node.detail is an index, plus one.
const (
	detailNoSum = iota + 1
	detailNoRow
	detailAlias
	detailExtra
	detailSpecial
	detailBytecode
	detailStale
	detailAlternative
)

var details = [...]string{
	"the list of its package has it, and the digests of that package do not: no real package has such a file",
	"RECORD lists it without a digest",
	"another name of a file of this package, which does not list it",
	"not in the artifact that this package was installed from",
	"not a regular file",
	"byte code that Python runs without a look at its source (unchecked-hash)",
	"the byte code has names that its source does not have",
	"dpkg's record of alternatives does not have this choice",
}

func newEngine(files *scan.Files, r Request) *engine {
	t, doc := files.Tree(), files.Document()
	e := &engine{request: r, files: files, tree: t, doc: doc, nodes: make([]node, t.Len()), state: make([]component, len(doc.Components)), rules: Rules(),
		bundled: map[string]bool{}, components: make(map[string]int32, len(doc.Components))}
	for i := range doc.Components {
		e.components[doc.Components[i].ID] = int32(i)
		e.state[i].proof.ID = doc.Components[i].ID
	}
	if db := files.DB(); db != nil {
		e.packages = make([]int32, len(db.Components))
		for i := range db.Components {
			at, ok := e.components[sbom.Escape(db.Components[i].ID)]
			if !ok {
				at = -1
			}
			e.packages[i] = at
		}
	}
	for n := range e.nodes {
		if id := files.Owner(rootfs.Node(n)); id != "" {
			if at, ok := e.components[id]; ok {
				e.nodes[n].component = at + 1
				e.state[at].files = append(e.state[at].files, rootfs.Node(n))
			}
		}
	}
	if m, err := t.Meta(0); err == nil {
		e.owners = m.UID == 0
	}
	return e
}

// examine reads all files.
func (e *engine) examine(ctx context.Context) error {
	nodes := make([]rootfs.Node, 0, len(e.nodes))
	for n := range e.nodes {
		if !e.files.Own(rootfs.Node(n)) {
			nodes = append(nodes, rootfs.Node(n))
		}
	}
	return e.tree.Examine(ctx, nodes, e.want, e.see)
}

// want returns the digests that a file is compared by. BLAKE3 is needed of each
// for the content of its component, and to name it.
func (e *engine) want(n rootfs.Node) rootfs.SumSet {
	if e.tree.Kind(n) != rootfs.File {
		return 0
	}
	x := &e.nodes[n]
	want := rootfs.SumBLAKE3
	switch {
	case x.expect > 0 && !e.expected[x.expect-1].conffile:
		return want // a difference needs no second opinion
	case x.row > 0:
		return want | rootfs.SumSHA256
	}
	if r, ok := e.records.Of(n); ok {
		want |= sumOf(r.Algorithm)
	}
	return want
}

func sumOf(algorithm string) rootfs.SumSet {
	switch algorithm {
	case "md5":
		return rootfs.SumMD5
	case "sha1":
		return rootfs.SumSHA1
	case "sha256":
		return rootfs.SumSHA256
	}
	return 0
}

// see compares one node. It is called from several goroutines, once for each
// node.
func (e *engine) see(x rootfs.Examined) {
	n, f := x.Node, &e.nodes[x.Node]
	kind := e.tree.Kind(n)
	if x.Err != nil {
		if kind == rootfs.Dir || errors.Is(x.Err, fs.ErrNotExist) && !e.listed(n) {
			return // the walk has the gap of a directory
		}
		f.status = unread
		e.gap(n, x.Err)
		return
	}
	f.sum, f.size, f.summed, f.since = x.Sums.BLAKE3, x.Meta.Size, kind == rootfs.File, x.Changed
	f.mode, f.uid, f.gid, f.caps = x.Meta.Mode, int32(x.Meta.UID), int32(x.Meta.GID), len(x.Meta.Capabilities) > 0
	record, recorded := e.records.Of(n)
	compared := kind != rootfs.Dir && f.component > 0 && e.state[f.component-1].manifest
	switch {
	case f.expect > 0:
		e.compareManifest(n, f, x, record)
	case compared && (recorded || f.row > 0):
		e.beside(n, f)
	case f.row > 0:
		e.compareRow(f, x)
	case recorded:
		e.compareRecord(f, kind, x, record)
	case kind == rootfs.Dir:
	case f.component == 0:
		f.status = unexplained
	case e.files.DB() != nil && e.doc.Components[f.component-1].Kind == sbom.KindOS && !e.files.DB().Owns(n):
		f.status, f.detail = unexplained, detailAlias
	case e.doc.Components[f.component-1].Kind == sbom.KindFiles:
		f.status = unexplained
	default:
		f.status = unchecked
		e.beside(n, f)
	}
	if kind == rootfs.Other && f.status == unexplained && f.detail == 0 {
		f.detail = detailSpecial
	}
}

// beside decides about a file of a component that was compared with an artifact,
// which does not have the file.
func (e *engine) beside(n rootfs.Node, f *node) {
	c := &e.state[f.component-1]
	name := e.tree.Name(n)
	switch {
	case f.command:
		f.status, f.rule = derived, ruleCommand
	case e.mergedUsr(n):
		f.status, f.rule = derived, ruleMerged
	case !c.manifest:
	case e.doc.Components[f.component-1].Type == "pypi" && isInstallers(name) && strings.HasSuffix(e.tree.Name(e.tree.Parent(n)), "-info"):
	case isBytecode(name):
	case c.built && e.doc.Components[f.component-1].Type == "gem" && e.isBuiltByGem(n):
	default:
		f.status, f.detail = unexplained, detailExtra
	}
}

// listed reports whether a file that is gone is a part of something that is
// compared.
func (e *engine) listed(n rootfs.Node) bool {
	_, recorded := e.records.Of(n)
	return e.nodes[n].component > 0 || recorded
}

func (e *engine) gap(n rootfs.Node, err error) {
	text := err.Error()
	var path *fs.PathError
	if errors.As(err, &path) {
		text = path.Err.Error()
	}
	kind := sbom.GapUnreadable
	if errors.Is(err, fs.ErrPermission) {
		kind, text = sbom.GapPermission, rootfs.Denied // as the scan has it
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gaps = append(e.gaps, sbom.Gap{Kind: kind, Path: sbom.Escape(e.tree.Path(n)), Detail: sbom.Escape(text)})
}

// proof puts the outcome together.
func (e *engine) proof() *audit.Proof {
	e.addMissing()
	p := &audit.Proof{Indexes: e.indexes, Absent: e.missing}
	p.Ledger = e.lines()
	for i := range e.state {
		c := &e.state[i]
		q := &c.proof
		if n := len(c.files); n > 0 {
			q.Proved = (c.manifest || c.header) && c.bad == 0 && c.unsure == 0
			q.Consistent = !q.Proved && c.bad == 0 && c.unsure == 0
		}
	}
	e.contents()
	for i := range e.state {
		q := &e.state[i].proof
		if q.Evidence != "" || q.Detail != "" || len(q.Artifact) > 0 || q.Content != "" {
			p.Components = append(p.Components, *q)
		}
	}
	slices.SortFunc(p.Components, func(a, b audit.ComponentProof) int { return cmp.Compare(a.ID, b.ID) })
	p.Gaps = e.mergedGaps()
	return p
}

// maxGaps is the number of gaps of one kind that are told one by one.
const maxGaps = 50

// mergedGaps returns the gaps, sorted. A file system without permission has
// hundreds of thousands.
func (e *engine) mergedGaps() []sbom.Gap {
	slices.SortFunc(e.gaps, func(a, b sbom.Gap) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Detail, b.Detail))
	})
	gaps := slices.Compact(e.gaps)
	var out []sbom.Gap
	for i := 0; i < len(gaps); {
		j := i
		for j < len(gaps) && gaps[j].Kind == gaps[i].Kind {
			j++
		}
		out = append(out, gaps[i:min(j, i+maxGaps)]...)
		if more := j - i - maxGaps; more > 0 {
			out = append(out, sbom.Gap{Kind: gaps[i].Kind, Detail: fmt.Sprintf("%d more could not be verified", more)})
		}
		i = j
	}
	slices.SortFunc(out, func(a, b sbom.Gap) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Detail, b.Detail))
	})
	return out
}
