package audit

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/depaudit/depaudit/sbom"
)

// roll is what the checks of a stage need of its dependencies. They are added one by
// one and not kept, so that a stage with a million of them can be checked in the memory
// that their digests take.
type roll struct {
	seeds   [2]maphash.Seed
	ids     map[idDigest]struct{}
	owners  map[idDigest]string
	names   map[string]string // of owners, each once
	counts  Counts
	types   map[string]int
	layer   int    // the highest one
	layerOf string // the ID of the first dependency with it
}

// idDigest represents an ID: of a million of them, two are equal by chance in less than
// one of 10^26 reports, and an attacker cannot make such, since the seeds are secret.
type idDigest [2]uint64

func newRoll() *roll {
	return &roll{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		ids:   map[idDigest]struct{}{}, owners: map[idDigest]string{}, names: map[string]string{}, types: map[string]int{},
	}
}

func (l *roll) digest(id string) idDigest {
	return idDigest{maphash.String(l.seeds[0], id), maphash.String(l.seeds[1], id)}
}

// has reports whether there is a dependency with the ID.
func (l *roll) has(id string) bool {
	_, ok := l.ids[l.digest(id)]
	return ok
}

// add checks a dependency by itself and against those before it.
func (l *roll) add(d *Dependency) error {
	digest := l.digest(d.ID)
	_, twice := l.ids[digest]
	switch {
	case d.ID == "":
		return errors.New("a dependency without an ID")
	case twice:
		return fmt.Errorf("dependency %q is listed twice", d.ID)
	case d.Provenance != FromBundled && !d.Provenance.Counted():
		return fmt.Errorf("dependency %q has the unknown provenance %q", d.ID, d.Provenance)
	case (d.Provenance == FromBundled) != (d.Owner != ""):
		return fmt.Errorf("dependency %q: owner %q contradicts provenance %q", d.ID, d.Owner, d.Provenance)
	case d.Layer < 0:
		return fmt.Errorf("dependency %q is from layer %d", d.ID, d.Layer)
	}
	if d.Layer > l.layer {
		l.layer, l.layerOf = d.Layer, d.ID
	}
	l.ids[digest] = struct{}{}
	if d.Owner != "" {
		owner, ok := l.names[d.Owner]
		if !ok {
			owner = d.Owner
			l.names[owner] = owner
		}
		l.owners[digest] = owner
	}
	l.counts.Count(d.Provenance)
	if d.Provenance.Counted() {
		l.types[ecosystemOf(d)]++
	}
	return nil
}

// ecosystems returns the counted dependencies by type, the largest number first.
func (l *roll) ecosystems() []EcosystemCount {
	var out []EcosystemCount
	for name, n := range l.types {
		out = append(out, EcosystemCount{name, n})
	}
	slices.SortFunc(out, func(a, b EcosystemCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Type, b.Type))
	})
	return out
}

// relation checks that a relation refers to dependencies.
func (l *roll) relation(r *sbom.Relation) error { return l.refers(r.From, r.To) }

// refers checks that IDs are those of dependencies.
func (l *roll) refers(ids ...string) error {
	for _, id := range ids {
		if !l.has(id) {
			return fmt.Errorf("%q refers to no dependency", id)
		}
	}
	return nil
}

// validOwners checks that each owner is a dependency, and that no component is bundled
// with itself: following such a cycle of owners would never end. Each chain is followed
// once.
func (l *roll) validOwners() error {
	for _, name := range l.sortedOwners() {
		if err := l.refers(name); err != nil {
			return err
		}
	}
	sound := make(map[string]bool, len(l.names))
	for _, name := range l.sortedOwners() {
		var chain []string
		onChain := map[string]bool{}
		for o := name; o != "" && !sound[o]; o = l.owners[l.digest(o)] {
			if onChain[o] {
				return fmt.Errorf("%q is bundled with itself", o)
			}
			onChain[o] = true
			chain = append(chain, o)
		}
		for _, o := range chain {
			sound[o] = true
		}
	}
	return nil
}

func (l *roll) sortedOwners() []string {
	names := make([]string, 0, len(l.names))
	for name := range l.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
