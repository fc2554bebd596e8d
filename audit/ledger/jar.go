package ledger

import (
	"strings"

	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/lockcheck/artifact"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// wantJar adds the digests of entries that have one of a Java archive's, by
// whatever name, and the places of the archive: it is the artifact itself.
func (e *engine) wantJar(w *want, c *sbom.Component, locked map[lockKey][]lockedEntry, locks *lockcheck.Set) {
	for _, d := range c.Digests {
		for _, l := range locked[lockKey{"maven", d.Algorithm + ":" + d.Value, ""}] {
			if !locks.Governing(l.lock, c.Type, c.Paths) {
				continue
			}
			for _, h := range l.Hashes {
				w.Digests = append(w.Digests, h.Algorithm+":"+h.Value)
			}
		}
	}
	for _, file := range c.Paths {
		w.Installed = append(w.Installed, strings.TrimPrefix(sbom.Unescape(file), "/"))
	}
}

// placeJar compares each copy of a Java archive with the one of the entry.
func (p *placer) placeJar(w *want, m *artifact.Manifest, out *found) {
	t := p.tree
	for _, file := range p.doc.Components[w.component].Paths {
		n := t.ResolveNode(t.Lookup(sbom.Unescape(file)))
		if n == rootfs.None || p.nodes[n].component != w.component+1 {
			continue
		}
		for i := range m.Files {
			out.at, out.expected = append(out.at, n), append(out.expected, p.expect(w, &m.Files[i], false))
		}
	}
}
