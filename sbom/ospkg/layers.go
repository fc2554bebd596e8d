package ospkg

import "github.com/depaudit/depaudit/sbom/rootfs"

// placeInLayers gives each component the layer of the image that it is from:
// that of the file that shows it and nothing else; and where one file shows
// all packages, so that its layer is that of the last change to any of them,
// the one that most of the component's own regular files are from, the higher
// one of two with as many. A component without files has the layer of what
// lists it.
func (db *DB) placeInLayers(t *rootfs.Tree) {
	if len(t.Image().Layers) == 0 {
		return
	}
	// A map, and not an array for each component: there may be thousands of
	// both, and nearly all components are from one layer.
	type place struct{ owner, layer int32 }
	files := map[place]int{}
	for n, owner := range db.owner {
		if owner == 0 || db.shows[owner-1] != rootfs.None || t.Kind(rootfs.Node(n)) != rootfs.File {
			continue
		}
		if layer := t.Layer(rootfs.Node(n)); layer > 0 {
			files[place{owner, int32(layer)}]++
		}
	}
	most := make([]int, len(db.Components))
	for p, count := range files {
		c := &db.Components[p.owner-1]
		if before := most[p.owner-1]; count > before || count == before && int(p.layer) > c.Layer {
			most[p.owner-1], c.Layer = count, int(p.layer)
		}
	}
	for i := range db.Components {
		c := &db.Components[i]
		switch {
		case db.shows[i] != rootfs.None:
			c.Layer = t.Layer(db.shows[i])
		case c.Layer == 0 && len(c.Paths) > 0:
			c.Layer = t.Layer(t.Lookup(c.Paths[0]))
		}
	}
}
