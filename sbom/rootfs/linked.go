package rootfs

import (
	"context"
	"errors"
	"sync"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// linked are the files whose content was dropped by its name in the layer, and
// that [Options.Keep] selects by another name.
//
// A layer is read before its links are known: the content of /opt/x is not
// kept, although a hard link or symbolic link with the name METADATA leads to it
// from a later entry or from another layer. After the layers are merged, the
// rule is applied to these other names as well. Such files are common, and most
// are never opened. Debian's python3-dev, for example, has a manual page
// python3.11-config.1.gz, which has the name of a program and is a link to a
// page that has not; an OS package owns both, so that a scan opens neither. In
// stores that name files by their digest (pnpm, Nix with an optimised store,
// OSTree) many files have hard links elsewhere, and some of these are opened.
//
// So nothing is read until the first of these files is opened. Then the layer
// with its content is read a second time, for all linked files of that layer at
// once and through the cache of layers. No layer is read more than twice.
type linked struct {
	// read reads the dropped contents of a layer, with the context of Open.
	read func(first *layer.Index, only map[int64]bool) (*layer.Index, error)
	// close closes the image, which must stay open for that.
	close func() error

	mu      sync.Mutex
	layers  map[*layer.Index]*linkedLayer
	closed  bool
	indexes []*layer.Index // of second passes
}

// linkedLayer are the linked files of one layer.
type linkedLayer struct {
	only map[int64]bool // ordinals of their entries
	done bool
	// index and contents are the result of the second pass, contents by the
	// ordinals of entries.
	index    *layer.Index
	contents map[int64]int64
	err      error
}

var errTreeClosed = errors.New("the tree was closed")

// content returns the place of a content that was dropped in the first pass.
// found is false for an entry that the rule does not select by any name.
func (l *linked) content(first *layer.Index, ordinal int64) (index *layer.Index, at int64, found bool, err error) {
	if l == nil {
		return nil, 0, false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	files := l.layers[first]
	if files == nil || !files.only[ordinal] {
		return nil, 0, false, nil
	}
	if l.closed {
		return nil, 0, false, errTreeClosed
	}
	if !files.done {
		files.done = true
		if files.index, files.err = l.read(first, files.only); files.err == nil {
			l.indexes = append(l.indexes, files.index)
			files.contents, files.err = contentsOf(files.index, files.only)
		}
	}
	at, found = files.contents[ordinal]
	return files.index, at, found, files.err
}

// contentsOf returns the offsets of the contents of a second pass.
func contentsOf(x *layer.Index, only map[int64]bool) (map[int64]int64, error) {
	contents := make(map[int64]int64, len(only))
	for e, err := range x.Entries() {
		if err != nil {
			return nil, err
		}
		if e.Type == layer.File && e.Kept == layer.Whole && only[e.Ordinal] {
			contents[e.Ordinal] = e.Content
		}
	}
	return contents, nil
}

// end closes the image and the indexes of second passes.
func (l *linked) end() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return errors.Join(closeAll(l.indexes), l.close())
}

// linkedFiles returns the linked files of an image, nil when there are none.
func (t *Tree) linkedFiles(ctx context.Context, rule layer.Rule) (map[*layer.Index]*linkedLayer, error) {
	if rule.Keep == nil {
		return nil, nil
	}
	var layers map[*layer.Index]*linkedLayer
	s := t.stored
	add := func(name, file Node) {
		if t.Kind(file) != File || s.contents[file] >= 0 || s.sizes[file] > layer.MaxKeptFile {
			return
		}
		first, ordinal := s.indexes[s.sources[file]-1], -1-s.contents[file]
		files := layers[first]
		if files != nil && files.only[ordinal] || !rule.Keep(t.Path(name), s.sizes[file], uint8(s.classes[file])) {
			return
		}
		if files == nil {
			files = &linkedLayer{only: make(map[int64]bool)}
			if layers == nil {
				layers = make(map[*layer.Index]*linkedLayer)
			}
			layers[first] = files
		}
		files.only[ordinal] = true
	}
	for _, n := range s.moved {
		add(n, n)
	}
	s.moved = nil
	for i, n := range t.linkNodes {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		add(Node(n), t.ResolveNode(Node(n)))
	}
	return layers, nil
}
