package ospkg

import "github.com/depaudit/depaudit/sbom/rootfs"

// placeInLayers sets the image layer of each component: the layer of the file
// that describes this component alone. Where one file describes all packages,
// its layer is that of the last change to any of them, so that the layer of
// most of the component's own regular files is used instead, and the higher
// one of a tie. A component without files, as a metapackage, has then no layer.
func (db *DB) placeInLayers(t *rootfs.Tree) {
	if len(t.Image().Layers) == 0 {
		return
	}
	// A map and not an array for each component: there may be thousands of
	// both, and nearly all files of a component are from one layer.
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
		if db.shows[i] != rootfs.None {
			db.Components[i].Layer = t.Layer(db.shows[i])
		}
	}
}
