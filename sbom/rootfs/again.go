package rootfs

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// readAgain keeps what a rule wants by the names that files have in the whole
// image. A layer is read when only its own names are known: the content of
// /opt/x is not kept then, although a hard link or symbolic link that is
// called METADATA leads to it from a later entry or from another layer. So
// the rule is asked once more for such names, and the layers that have the
// missing contents are read a second time, without the cache. That is rare,
// and somebody hides something.
func (t *Tree) readAgain(ctx context.Context, sources []layer.Blob, opts layer.Options, p *imageProgress) error {
	wanted := make(map[uint16][]Node) // by the layer that has the content
	unkept, err := t.unkept(ctx, opts.Rule)
	if err != nil {
		return err
	}
	for n := range unkept {
		source := t.stored.sources[n]
		wanted[source] = append(wanted[source], n)
	}
	for _, number := range slices.Sorted(maps.Keys(wanted)) {
		source := sources[number-1]
		if len(t.stored.indexes) == maxLayers {
			return errors.New("the image has too many layers")
		}
		opts.Only = make(map[int64]bool)
		for _, n := range wanted[number] {
			opts.Only[-1-t.stored.contents[n]] = true
		}
		p.more(source.Size)
		x, err := layer.Read(ctx, source, opts)
		if err != nil {
			return err
		}
		t.stored.indexes = append(t.stored.indexes, x)
		found := make(map[int64]int64) // ordinal -> content
		for e, err := range x.Entries() {
			if err != nil {
				return err
			}
			if e.Type == layer.File && e.Kept == layer.Whole && opts.Only[e.Ordinal] {
				found[e.Ordinal] = e.Content
			}
		}
		for _, n := range wanted[number] {
			if content, ok := found[-1-t.stored.contents[n]]; ok {
				t.stored.contents[n], t.stored.sources[n] = content, uint16(len(t.stored.indexes))
			}
		}
	}
	return nil
}

// unkept are the files whose content is missing and wanted under another name
// than the one in their layer.
func (t *Tree) unkept(ctx context.Context, rule layer.Rule) (map[Node]bool, error) {
	files := make(map[Node]bool)
	if rule.Keep == nil {
		return files, nil
	}
	ask := func(name, file Node) {
		s := t.stored
		if t.Kind(file) == File && s.contents[file] < 0 && s.sizes[file] <= layer.MaxKeptFile && !files[file] &&
			rule.Keep(t.Path(name), s.sizes[file], uint8(s.classes[file])) {
			files[file] = true
		}
	}
	for _, n := range t.stored.moved {
		ask(n, n)
	}
	for i, n := range t.linkNodes {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		ask(Node(n), t.ResolveNode(Node(n)))
	}
	return files, nil
}
