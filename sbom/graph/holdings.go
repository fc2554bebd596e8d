package graph

// Retentions returns what each component that counts keeps, sorted by ID: for a
// list of all of them. What is shared is left out, since to count it for all
// takes a traversal for every 64 of them; [Graph.Retained] has it for one.
func (g *Graph) Retentions() []Retention {
	out := make([]Retention, 0, len(g.nodes))
	for i := range int32(len(g.nodes)) {
		if !g.counts(i) {
			continue
		}
		h := g.retention(i)
		if g.roots.orphan[i] {
			h.Reason = Orphan
		}
		out = append(out, h)
	}
	return out
}
