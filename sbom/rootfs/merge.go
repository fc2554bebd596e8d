package rootfs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// merge applies the layers of an image, the lowest first, as specified by
// https://github.com/opencontainers/image-spec/blob/main/layer.md. Where the
// specification leaves a choice, it does what containerd does without overlayfs
// (pkg/archive/tar.go, applyNaive):
//
//   - An entry replaces the node at its path, with everything below. Only a
//     directory over a directory keeps the content. The last of several entries
//     of one path wins.
//   - A missing directory above an entry is created, with mode 0755.
//   - If a component above an entry is a symbolic link, from whatever layer,
//     the entry is created where that link leads inside of the image.
//   - A hard link is the file that its target is at that moment, also if
//     the target is from a lower layer, or is a symbolic link.
//     containerd and Docker then apply the mode of the entry to that file, and
//     umoci does not, since some archives leave it 0. It is applied if it makes
//     the file set-id.
//   - Whiteouts remove entries of lower layers, and none of their own layer,
//     in whatever order they are in it. Their order still matters: a path
//     behind a link leads elsewhere after a whiteout removed the link.
//
// In two cases it is stricter than containerd and adds a gap, because other
// runtimes see another tree (overlayfs replaces the link by a directory): a
// whiteout whose parent is a symbolic link hides nothing, and an entry that
// replaces a file through such a parent is reported. Otherwise an image could
// hide a package that way.
//
// An entry becomes a node by its path, and keeps that node while it is removed;
// its kind is 0 then. Only nodes that exist are in the lists of children, so
// that removing a tree costs as much as creating it.
type merge struct {
	build *builder
	meta  []fileMeta
	lists []siblings
	// extras are those of entries, if sums are requested; 0 is root's without
	// more, as directories without an entry have it.
	extras []fileExtra
	sums   SumSet
	table  []int32 // hash of (parent, name) -> node, 0 for an empty slot
	live   int

	layer    uint16 // the layer that is being applied
	indexes  []*layer.Index
	entries  int64
	steps    int64 // components of paths that were followed, and nodes that were hidden or removed
	gaps     []sbom.Gap
	gapsMore int
	scratch  []int32
}

// fileMeta are the metadata of a node of an image besides its name and kind.
type fileMeta struct {
	size int64
	time int64
	// content of a file is the offset of its content in the file of its layer,
	// or -1 minus the ordinal of its entry if the content was not kept. For a
	// symbolic link it is the number of its text.
	content int64
	source  uint16 // layer whose entry has the content
	layer   uint16 // layer that last wrote the node
	mode    uint16
	class   Class
	// moved reports whether a file has another path than in its layer: it is a
	// hard link, or is behind a symbolic link.
	moved bool
	// changed is the layer that last changed the node: layer, unless that wrote
	// again what was there.
	changed uint16
	extra   int32 // index of extras, 0 for none
}

// fileExtra are the metadata of a node for [Tree.Meta] and [Tree.Sum].
type fileExtra struct {
	uid, gid     uint32
	sums         int64  // offset of the digests in the file of the layer, 0 for none
	capabilities string // empty for none
}

// siblings are the list of a directory's children, and its place in the list of
// its parent. 0 ends a list, because the root is no child.
type siblings struct {
	first, next, previous int32
	// hidden is the last layer that removed the entries of lower layers here.
	hidden uint16
}

// maxGaps is the maximum number of gaps of an image. One more gap counts the
// others.
const maxGaps = 200

// dirMode is the mode of a directory without an entry.
const dirMode = 0o755

func newMerge() *merge {
	m := &merge{build: newBuilder(), table: make([]int32, 1<<10), live: 1, extras: make([]fileExtra, 1)}
	m.meta = append(m.meta, fileMeta{mode: dirMode})
	m.lists = append(m.lists, siblings{})
	return m
}

// apply applies a layer on top.
func (m *merge) apply(ctx context.Context, number uint16, x *layer.Index) error {
	m.layer = number
	m.indexes = append(m.indexes, x)
	if m.entries += x.Len(); m.entries > layer.MaxEntries {
		return fmt.Errorf("layer %d: the image has more than %d entries", number, layer.MaxEntries)
	}
	problems, more := x.Problems()
	for _, p := range problems {
		kind := sbom.GapUnreadable
		if p.Limit {
			kind = sbom.GapLimit
		}
		m.gap(kind, p.Path, p.Detail)
	}
	m.gapsMore += int(more)
	for e, err := range x.Entries() {
		if err != nil {
			return fmt.Errorf("layer %d: %w", number, err)
		}
		if e.Type == layer.Whiteout || e.Type == layer.Opaque {
			m.whiteout(e)
		} else if err := m.entry(e); err != nil {
			return err
		}
		if err := m.checkBudget(ctx, e.Ordinal); err != nil {
			return err
		}
	}
	return nil
}

// maxSteps is the maximum number of components of paths that are followed, with
// those of symbolic links: ten for each entry of the largest image, or half a
// minute. Paths through forty long links each would take days.
const maxSteps = 100 * layer.MaxEntries

// checkBudget returns an error if the context is canceled or the merge takes
// too long.
func (m *merge) checkBudget(ctx context.Context, ordinal int64) error {
	if m.steps > maxSteps {
		return fmt.Errorf("layer %d: its paths lead through too many symbolic links: %d steps for %d entries", m.layer, m.steps, m.entries)
	}
	if ordinal%1024 == 0 {
		return ctx.Err()
	}
	return nil
}

// gap adds a gap for an entry that could not be applied.
func (m *merge) gap(kind sbom.GapKind, path, detail string) {
	if len(m.gaps) >= maxGaps {
		m.gapsMore++
		return
	}
	if len(path) > maxGapPath {
		path = path[:maxGapPath] + "..."
	}
	m.gaps = append(m.gaps, sbom.Gap{Kind: kind, Path: path, Detail: fmt.Sprintf("layer %d: %s", m.layer, detail)})
}

// maxGapPath is the maximum length of a hostile path in a gap.
const maxGapPath = 300

// refuse adds the gap of an entry that was not applied.
func (m *merge) refuse(path []byte, err error) {
	m.gap(sbom.GapUnreadable, "/"+string(path), "the entry was not applied: "+err.Error())
}

// entry applies one entry other than a whiteout. Errors end the scan; a problem
// with the entry alone is a gap.
func (m *merge) entry(e *layer.Entry) error {
	if len(e.Path) == 0 {
		if e.Type != layer.Dir {
			m.refuse(e.Path, errors.New("it would replace the root, and is not a directory"))
			return nil
		}
		m.meta[0] = fileMeta{mode: e.Mode, time: e.Time, layer: m.layer, extra: m.extra(e)}
		return nil
	}
	parents, base := cutBase(e.Path)
	place, err := m.walk(parents)
	if err != nil {
		m.refuse(e.Path, err)
		return nil
	}
	var file int32
	if e.Type == layer.HardLink {
		if file, err = m.linkTarget(e.Target); err != nil {
			m.refuse(e.Path, fmt.Errorf("the hard link to %q: %w", shorten(e.Target), err))
			return nil
		}
	}
	parent, err := m.make(place)
	if err != nil {
		return err
	}
	n, err := m.child(parent, base)
	if err != nil {
		return err
	}
	old := m.build.kinds[n]
	if e.Type == layer.HardLink && file == n {
		m.refuse(e.Path, errors.New("a hard link to itself"))
		return nil
	}
	if old != 0 && place.linked && m.meta[n].layer != m.layer && (old != Dir || e.Type != layer.Dir) {
		m.gap(sbom.GapUnreadable, "/"+string(e.Path), "the entry replaces a file through a symbolic link to a directory, where other runtimes would replace the link by a directory (use the real path in the layer)")
	}
	if e.Type == layer.Dir && old == Dir {
		m.meta[n] = fileMeta{mode: e.Mode, time: e.Time, layer: m.layer, extra: m.extra(e)}
		return nil
	}
	if e.Type == layer.HardLink {
		// The target may be below the node that is replaced.
		meta, kind := m.meta[file], m.build.kinds[file]
		meta.layer, meta.moved = m.layer, true
		if setID := e.Mode & 0o6000; setID&^meta.mode != 0 {
			meta.mode, meta.changed = e.Mode, m.layer
			m.meta[file].mode, m.meta[file].changed = e.Mode, m.layer
		}
		m.remove(n)
		m.put(n, kind, meta)
		return nil
	}
	meta := fileMeta{mode: e.Mode, time: e.Time, layer: m.layer, source: m.layer, moved: place.linked, changed: m.layer, extra: m.extra(e)}
	kind := Other
	switch e.Type {
	case layer.Dir:
		kind = Dir
	case layer.File:
		kind = File
		meta.size, meta.class = e.Size, Class(e.Class)
		if meta.content = e.Content; e.Kept != layer.Whole {
			meta.content = -1 - e.Ordinal
		}
	case layer.Symlink:
		kind = Symlink
		meta.content = int64(len(m.build.links))
		if err := m.build.setTarget(n, e.Target); err != nil {
			return err
		}
	}
	if m.sums != 0 && old == kind {
		same, err := m.same(&m.meta[n], &meta, kind)
		if err != nil {
			return err
		}
		if same {
			meta.changed = m.meta[n].changed
		}
	}
	m.remove(n)
	m.put(n, kind, meta)
	return nil
}

// same reports whether a layer writes again what a lower one wrote: the same
// content with the same owner, mode and capabilities. The time may differ.
func (m *merge) same(old, now *fileMeta, kind Kind) (bool, error) {
	a, b := m.extras[old.extra], m.extras[now.extra]
	if old.mode != now.mode || a.uid != b.uid || a.gid != b.gid || a.capabilities != b.capabilities {
		return false, nil
	}
	switch kind {
	case Symlink:
		return bytes.Equal(m.target(old), m.target(now)), nil
	case File:
		if old.size != now.size || a.sums == 0 || b.sums == 0 {
			return false, nil
		}
		before, err := m.indexes[old.source-1].SumsOf(a.sums)
		if err != nil {
			return false, err
		}
		after, err := m.indexes[now.source-1].SumsOf(b.sums)
		return before == after, err
	}
	return true, nil
}

// target returns the text of a symbolic link.
func (m *merge) target(link *fileMeta) []byte {
	l := m.build.links[link.content]
	return m.build.text[l.from:l.to]
}

// extra returns the index of the extras of an entry.
func (m *merge) extra(e *layer.Entry) int32 {
	x := fileExtra{uid: e.UID, gid: e.GID, sums: e.SumsAt, capabilities: string(e.Capabilities)}
	switch {
	case m.sums == 0, x == fileExtra{}:
		return 0
	case x == m.extras[len(m.extras)-1]:
	default:
		m.extras = append(room(m.extras, 1), x)
	}
	return int32(len(m.extras) - 1)
}

// linkTarget returns the file that a hard link leads to.
func (m *merge) linkTarget(target []byte) (int32, error) {
	if len(target) == 0 {
		return 0, errors.New("the target is the root")
	}
	parents, base := cutBase(target)
	place, err := m.walk(parents)
	if err != nil {
		return 0, err
	}
	n := m.find(place.node, base)
	switch {
	case len(place.missing) > 0 || n <= 0 || m.build.kinds[n] == 0:
		return 0, errors.New("the target does not exist")
	case m.build.kinds[n] == Dir:
		return 0, errors.New("the target is a directory")
	}
	return n, nil
}

// place is the result of following a path: the last directory that exists, and
// the names of those that do not.
type place struct {
	node    int32
	missing [][]byte
	linked  bool // the path leads through a symbolic link
}

var (
	errNotDir = errors.New("a component of its path is a file")
	errLinks  = fmt.Errorf("its path leads through more than %d symbolic links, or in circles", maxLinks)
)

// walk follows a path with the symbolic links in all of its components. Missing
// components are kept, because they may be created; ".." removes the last.
func (m *merge) walk(path []byte) (place, error) {
	var p place
	links := 0
	for len(path) > 0 {
		var name []byte
		name, path, _ = bytes.Cut(path, []byte("/"))
		m.steps++
		switch {
		case len(name) == 0 || string(name) == ".":
			continue
		case string(name) == "..":
			if k := len(p.missing); k > 0 {
				p.missing = p.missing[:k-1]
			} else {
				p.node = max(m.build.parents[p.node], 0)
			}
			continue
		case len(p.missing) > 0:
			p.missing = append(p.missing, name)
			continue
		}
		n := m.find(p.node, name)
		if n < 0 {
			p.missing = append(p.missing, name)
			continue
		}
		switch m.build.kinds[n] {
		case 0:
			p.missing = append(p.missing, name)
		case Dir:
			p.node = n
		case Symlink:
			if links++; links > maxLinks {
				return p, errLinks
			}
			p.linked = true
			target := m.target(&m.meta[n])
			if len(target) > 0 && target[0] == '/' {
				p.node = 0
			}
			path = slices.Concat(target, []byte("/"), path)
		default:
			return p, errNotDir
		}
	}
	return p, nil
}

// make creates the missing directories of a place.
func (m *merge) make(p place) (int32, error) {
	at := p.node
	for _, name := range p.missing {
		n, err := m.child(at, name)
		if err != nil {
			return 0, err
		}
		m.put(n, Dir, fileMeta{mode: dirMode, layer: m.layer})
		at = n
	}
	return at, nil
}

// whiteout removes entries of lower layers.
func (m *merge) whiteout(e *layer.Entry) {
	parents, base := cutBase(e.Path)
	if e.Type == layer.Opaque {
		parents = e.Path
	}
	p, err := m.walk(parents)
	if err != nil || len(p.missing) > 0 {
		return // the path does not exist
	}
	n := p.node
	if e.Type == layer.Whiteout {
		if n = m.find(n, base); n < 0 || m.build.kinds[n] == 0 {
			return
		}
	}
	if p.linked {
		m.gap(sbom.GapUnreadable, "/"+string(e.Path), "a whiteout was not applied, because its directory is a symbolic link, which other runtimes would replace (use the real path in the layer)")
		return
	}
	m.hide(n, e.Type == layer.Whiteout)
}

// hide removes the entries of lower layers below a node, and the node itself
// too if self is set. Entries of this layer stay, with the directories above
// them. A directory is visited once a layer, however many whiteouts name it.
func (m *merge) hide(top int32, self bool) {
	nodes := append(m.scratch[:0], top)
	for i := 0; i < len(nodes); i++ {
		m.steps++
		list := &m.lists[nodes[i]]
		if list.hidden == m.layer {
			continue
		}
		list.hidden = m.layer
		for c := list.first; c != 0; c = m.lists[c].next {
			nodes = append(nodes, c)
		}
	}
	m.scratch = nodes
	// Children come after their parents, so that a directory without remaining
	// entries is empty when it is visited.
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		switch {
		case i == 0 && !self, m.meta[n].layer == m.layer:
		case m.lists[n].first != 0:
			m.meta[n] = fileMeta{mode: dirMode, layer: m.layer}
		default:
			m.remove(n)
		}
	}
}

// find returns the node of a name in a directory, whether it exists now or was
// removed; -1 if there never was one.
func (m *merge) find(parent int32, name []byte) int32 {
	id := m.build.names.lookup(name)
	if id < 0 {
		return -1
	}
	for i := spread(edgeHash(parent, id), len(m.table)); m.table[i] != 0; {
		if n := m.table[i]; m.build.parents[n] == parent && m.build.nameIDs[n] == id {
			return n
		}
		if i++; i == len(m.table) {
			i = 0
		}
	}
	return -1
}

// child does the work of find, and adds a removed node if there never was one.
func (m *merge) child(parent int32, name []byte) (int32, error) {
	if n := m.find(parent, name); n >= 0 {
		return n, nil
	}
	n, err := m.build.add(parent, name, 0)
	if err != nil {
		return 0, err
	}
	m.meta = append(room(m.meta, 1), fileMeta{})
	m.lists = append(room(m.lists, 1), siblings{})
	if len(m.meta)*loadDen > len(m.table)*loadNum {
		m.table = make([]int32, 2*len(m.table))
		for i := int32(1); i < n; i++ {
			put(m.table, edgeHash(m.build.parents[i], m.build.nameIDs[i]), i)
		}
	}
	put(m.table, edgeHash(parent, m.build.nameIDs[n]), n)
	return n, nil
}

// put makes a removed node exist.
func (m *merge) put(n int32, kind Kind, meta fileMeta) {
	if m.build.kinds[n] == 0 {
		m.live++
		list := &m.lists[m.build.parents[n]]
		if list.first != 0 {
			m.lists[list.first].previous = n
		}
		m.lists[n].next, m.lists[n].previous = list.first, 0
		list.first = n
	}
	m.build.kinds[n], m.meta[n] = kind, meta
}

// remove removes a node with everything below it.
func (m *merge) remove(n int32) {
	if m.build.kinds[n] == 0 {
		return
	}
	own := m.lists[n]
	if own.next != 0 {
		m.lists[own.next].previous = own.previous
	}
	if own.previous != 0 {
		m.lists[own.previous].next = own.next
	} else {
		m.lists[m.build.parents[n]].first = own.next
	}
	gone := []int32{n}
	for len(gone) > 0 {
		n := gone[len(gone)-1]
		gone = gone[:len(gone)-1]
		m.steps++
		for c := m.lists[n].first; c != 0; c = m.lists[c].next {
			gone = append(gone, c)
		}
		m.build.kinds[n], m.lists[n].first = 0, 0
		m.live--
	}
}

// tree builds a Tree of the nodes that exist. The merge must not be used
// afterwards.
func (m *merge) tree() *Tree {
	m.lists, m.table, m.scratch = nil, nil, nil
	b := m.build
	// Close the gaps of removed nodes.
	moved := make([]int32, len(b.parents))
	kept := int32(0)
	for n := range b.parents {
		moved[n] = kept
		if b.kinds[n] != 0 {
			kept++
		}
	}
	var links []buildLink
	for n, kind := range b.kinds {
		if kind == Symlink { // hard links to one symbolic link share its text
			l := b.links[m.meta[n].content]
			links = append(links, buildLink{moved[n], l.from, l.to})
		}
	}
	b.links = links
	for n, kind := range b.kinds {
		if kind == 0 {
			continue
		}
		to := moved[n]
		if n > 0 {
			b.parents[to] = moved[b.parents[n]]
		}
		b.nameIDs[to], b.kinds[to], m.meta[to] = b.nameIDs[n], kind, m.meta[n]
	}
	b.parents, b.nameIDs, b.kinds, m.meta = b.parents[:kept], b.nameIDs[:kept], b.kinds[:kept], m.meta[:kept]

	t, numbers := b.number()
	t.layers = make([]uint16, kept)
	s := &imageFiles{
		sizes: make([]int64, kept), times: make([]int64, kept), contents: make([]int64, kept),
		sources: make([]uint16, kept), modes: make([]uint16, kept), classes: make([]Class, kept),
		sums: m.sums,
	}
	if m.sums != 0 {
		s.extras, s.extra = m.extras, make([]int32, kept)
		s.changed = make([]uint16, kept)
	}
	for n, meta := range m.meta {
		to := numbers[n]
		t.layers[to] = meta.layer
		s.sizes[to], s.times[to], s.contents[to] = meta.size, meta.time, meta.content
		s.sources[to], s.modes[to], s.classes[to] = meta.source, meta.mode, meta.class
		if s.extra != nil {
			s.extra[to] = meta.extra
			s.changed[to] = cmp.Or(meta.changed, meta.layer)
		}
		if meta.moved && meta.content < 0 {
			s.moved = append(s.moved, Node(to))
		}
	}
	t.stored = s
	t.hard = s.hardLinks(t)
	if m.gapsMore > 0 {
		m.gaps = append(m.gaps, sbom.Gap{Kind: sbom.GapLimit, Detail: fmt.Sprintf("%d more entries of the image were not applied", m.gapsMore)})
	}
	slices.SortFunc(m.gaps, func(a, b sbom.Gap) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Detail, b.Detail))
	})
	t.gaps = m.gaps
	return t
}

func cutBase(path []byte) (parents, base []byte) {
	i := bytes.LastIndexByte(path, '/')
	if i < 0 {
		return nil, path
	}
	return path[:i], path[i+1:]
}

// shorten shortens a hostile path for a message.
func shorten(path []byte) []byte { return path[:min(len(path), maxGapPath)] }
