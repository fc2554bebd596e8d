package draft

import "github.com/depaudit/depaudit/sbom"

// owners sets, for each component, the outermost counting component that it is
// bundled in, through everything between.
func (b *builder) owners() {
	tops := b.topmost()
	for n := range b.list {
		c := &b.list[n]
		if top := tops[b.of[n]]; top >= 0 && b.id[top] != c.ID {
			c.Owner = b.id[top]
		}
	}
}

const (
	none    = -1 // bundled in nothing that counts
	unknown = -2
	onPath  = -3
)

// topmost returns, for each element, the outermost counting element that it is
// bundled in. It visits each element once, however long the chains are.
func (b *builder) topmost() []int {
	tops := make([]int, len(b.Elements))
	for i := range tops {
		tops[i] = unknown
	}
	var chain []int
	for i := range b.Elements {
		chain = chain[:0]
		at := i
		for at >= 0 && tops[at] == unknown {
			tops[at] = onPath
			chain = append(chain, at)
			at = b.outer(at)
		}
		if at >= 0 && tops[at] == onPath {
			// A cycle: every element of it counts.
			e := &b.Elements[at]
			b.Fault(sbom.GapMalformed, "an entry is bundled in itself, and is counted", Quote(e.Ref)+" ("+e.Label+")")
			for n := len(chain) - 1; n >= 0; n-- {
				last := chain[n]
				tops[last] = none
				chain = chain[:n]
				if last == at {
					break
				}
			}
		}
		for n := len(chain) - 1; n >= 0; n-- {
			e := chain[n]
			outer := b.outer(e)
			switch {
			case outer < 0:
				tops[e] = none
			case tops[outer] >= 0:
				tops[e] = tops[outer]
			case b.id[outer] != "":
				tops[e] = outer
			default:
				tops[e] = none
			}
		}
	}
	return tops
}

// outer returns the element that i is directly bundled in, or none.
func (b *builder) outer(i int) int {
	e := &b.Elements[i]
	if e.BundledIn == "" {
		return none
	}
	outer, ok := b.at[e.BundledIn]
	if !ok {
		return none
	}
	return outer
}
