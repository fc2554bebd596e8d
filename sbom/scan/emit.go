package scan

import (
	"path"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// emit converts units into components of the document. Owners are identities, so
// that the owner of a unit is the identity of the unit that it is bundled in.
func (s *scanner) emit() {
	for i := range s.units {
		s.units[i].ID = sbom.Identity(&s.units[i].Component)
	}
	for i := range s.units {
		u := &s.units[i]
		c := u.Component
		if u.inside >= 0 {
			c.Owner = s.ownerID(u.inside)
		}
		if c.Owner == c.ID {
			// Another copy of itself: one dependency by counting rule 2.
			c.Owner = ""
		}
		c.Layer = s.layerOf(u)
		if s.fingerprints && c.Kind == sbom.KindFiles {
			c.Fingerprint = s.fingerprint(u)
		}
		s.doc.Components = append(s.doc.Components, c)
	}
	for _, n := range s.needs {
		if from, to := s.units[n.from].ID, s.units[n.to].ID; from != to {
			s.doc.Relations = append(s.doc.Relations, sbom.Relation{From: from, To: to, Kind: sbom.RelDepends})
		}
	}
}

// ownerID returns the owner of a bundled unit: the unit that contains it, or the
// system package that contains that one.
func (s *inventory) ownerID(i int) string {
	for hops := 0; hops <= len(s.units); hops++ {
		u := &s.units[i]
		if u.Owner != "" {
			return u.Owner
		}
		if u.inside < 0 {
			return u.ID
		}
		i = u.inside
	}
	return s.units[i].ID
}

// exclude lists the files that were found and do not count: caches, package
// archives, lockfiles.
func (s *scanner) exclude() {
	t := s.tree
	files := make(map[rootfs.Node]int)
	for _, c := range s.caches {
		files[c.root] += s.filesIn(c.from, c.end)
	}
	for i, c := range s.caches {
		if c.environment || i > 0 && s.caches[i-1].root == c.root {
			continue // counted, or another range of it
		}
		s.doc.Excluded = append(s.doc.Excluded, sbom.Exclusion{
			Path: t.Path(c.root), Name: c.what, Reason: sbom.ExcludedCache, Detail: wording.Count(files[c.root], "file", "files"), Count: 1,
		})
	}
	list := func(nodes []rootfs.Node, reason sbom.ExclusionReason) {
		for _, n := range nodes {
			if s.caches.contain(n) {
				continue
			}
			s.doc.Excluded = append(s.doc.Excluded, sbom.Exclusion{Path: t.Path(n), Name: path.Base(t.Path(n)), Reason: reason, Count: 1})
		}
	}
	list(s.survey.archives, sbom.ExcludedArchive)
	list(s.survey.locks, sbom.ExcludedLock)
}
