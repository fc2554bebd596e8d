package ospkg

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// failure is a database that could not be read.
type failure struct {
	kind string
	err  error
}

// combine merges the databases of an environment into one. Two databases occur
// on real systems: rpm is a package of Debian, and apk and pacman are packages
// of other systems too.
//
// The canonical database is the one that the ID of the system requires or its
// ID_LIKE expects, or else the first that lists a package. Another one that lists no package is ignored: it came
// with the package of its manager. One that lists packages is read in full,
// and its packages count, because they are installed. Ignoring it, or adding
// only a gap, would let an attacker who plants a database hide packages behind
// it or block every audit. It never takes a file from the canonical database,
// and a notice names it, since no distribution is made like that. A second
// database that cannot be read is a gap. An unreadable canonical one is an
// error, and so is an unreadable one where no other exists.
func combine(t *rootfs.Tree, release sbom.OS, opened []*DB, failed []failure) (*DB, error) {
	kind := Expect(release)
	slices.SortStableFunc(opened, func(a, b *DB) int {
		rank := func(db *DB) int {
			switch {
			case fits(db.Kind, kind):
				return 0
			case len(db.Components) > 0:
				return 1
			}
			return 2
		}
		return cmp.Compare(rank(a), rank(b))
	})
	canonical := len(opened) > 0 && (required(release) == "" || fits(opened[0].Kind, kind))
	for _, f := range failed {
		if f.kind == kind || !canonical || len(opened[0].Components) == 0 {
			return nil, f.err
		}
	}
	if len(opened) == 0 {
		return nil, nil
	}
	db := opened[0]
	db.checkRelease(release)
	for _, other := range opened[1:] {
		if len(other.Components) > 0 {
			db = db.with(other, t)
		}
	}
	for _, f := range failed {
		db.gap(gapKind(f.err, sbom.GapUnreadable), db.at, "a second package database, of %s beside that of %s, cannot be read: %v", f.kind, db.Kind, f.err)
	}
	return db, nil
}

// with returns the database with another one added to it.
func (db *DB) with(other *DB, t *rootfs.Tree) *DB {
	out := &DB{
		Kind:      db.Kind + "+" + other.Kind,
		Relations: append(db.Relations, other.Relations...),
		Gaps:      append(db.Gaps, other.Gaps...),
		Notices:   append(db.Notices, other.Notices...),
		Excluded:  append(db.Excluded, other.Excluded...),
		Listed:    db.Listed + other.Listed,
		Absent:    db.Absent + other.Absent,
		owner:     make([]int32, len(db.owner)),
		at:        db.at,
	}
	out.notice(sbom.NoticeClaim, other.at, "", "a second package database, of %s, lists %d packages: they count, but may not be the distribution's, which uses %s",
		other.Kind, len(other.Components), db.Kind)
	type origin struct {
		db    *DB
		index int
	}
	var order []origin
	for _, x := range []*DB{db, other} {
		for i := range x.Components {
			order = append(order, origin{x, i})
		}
	}
	slices.SortFunc(order, func(a, b origin) int {
		return cmp.Compare(a.db.Components[a.index].ID, b.db.Components[b.index].ID)
	})
	moved := map[*DB][]int32{db: make([]int32, len(db.Components)), other: make([]int32, len(other.Components))}
	for i, o := range order {
		out.Components = append(out.Components, o.db.Components[o.index])
		out.shows = append(out.shows, o.db.shows[o.index])
		moved[o.db][o.index] = int32(i) + 1
	}
	for _, x := range []*DB{db, other} {
		for _, part := range x.parts {
			out.parts = append(out.parts, recordPart{part.read, part.headers, compose(part.moved, moved[x])})
		}
		for i, nodes := range x.control {
			if out.control == nil {
				out.control = map[int][]rootfs.Node{}
			}
			out.control[int(moved[x][i])-1] = nodes
		}
	}
	for _, x := range []*DB{other, db} {
		for path, sum := range x.conffiles {
			if out.conffiles == nil {
				out.conffiles = map[string]string{}
			}
			out.conffiles[path] = sum
		}
	}
	disputed := map[int32]claim{} // package of the other database -> claim
	for n := range out.owner {
		mine, theirs := db.owner[n], other.owner[n]
		switch {
		case mine > 0:
			out.owner[n] = moved[db][mine-1]
			if theirs > 0 && !isDir(t, rootfs.Node(n)) {
				c := disputed[theirs]
				if c.count++; c.count == 1 {
					c.path = t.Path(rootfs.Node(n))
				}
				disputed[theirs] = c
			}
		case theirs > 0:
			out.owner[n] = moved[other][theirs-1]
		}
	}
	for _, i := range sortedKeys(disputed) {
		c := &other.Components[i-1]
		out.notice(sbom.NoticeClaim, disputed[i].path, c.ID, "%s, in the database of %s, lists %s of packages in that of %s, which keep them",
			c.Name, other.Kind, disputed[i], db.Kind)
	}
	return out
}

// compose returns the indexes, + 1, after two combinations of databases.
func compose(first, second []int32) []int32 {
	if first == nil {
		return second
	}
	out := make([]int32, len(first))
	for i, at := range first {
		out[i] = second[at-1]
	}
	return out
}

// checkRelease adds a gap when the database contradicts the name of the system.
func (db *DB) checkRelease(release sbom.OS) {
	kind := required(release)
	switch {
	case release.ID == "" && len(release.IDLike) == 0:
		db.gap(sbom.GapSystem, db.at, "a package database of the kind %s, but no os-release that names the system, nor an older file like /etc/debian_version", db.Kind)
	case kind != "" && !fits(db.Kind, kind):
		db.gap(sbom.GapSystem, db.at, "os-release names the system %q, which uses %s and not %s, but its database is of the kind %s", release.ID, kind, db.Kind, db.Kind)
	}
}
