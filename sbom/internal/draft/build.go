package draft

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/depaudit/depaudit/sbom"
)

// Document applies the counting rules. It returns an error for a document that
// cannot be read at all; every other fault is a gap.
func (d *Draft) Document(ctx context.Context) (*sbom.Document, error) {
	if err := d.checkBounds(); err != nil {
		return nil, err
	}
	b := builder{Draft: d, at: make(map[string]int, len(d.Elements)), id: make([]string, len(d.Elements))}
	b.refs()
	b.components()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.owners()
	b.relations()
	b.system()
	out := sbom.Document{
		Environment: sbom.Environment{Kind: "sbom", OS: d.OS, Image: d.Image, Newest: date(d.Created)},
		Catalogers:  strings.Join(d.tools(), ", "),
		Components:  b.list,
		Relations:   b.edges,
		Excluded:    b.excluded(),
		Limitations: b.limitations(),
		Notices:     d.Notices,
	}
	// Last, since every step above may find faults.
	out.Gaps = d.allGaps()
	return sbom.New(out)
}

// date returns the date of a document in the form of [sbom.Environment.Newest], empty
// if it is none. The first day of 1970 is what documents without a date have.
func date(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Unix() < 24*60*60 || t.UTC().Year() > 9999 {
		return ""
	}
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}

// maxTools is the number of tools that a document is attributed to.
const maxTools = 10

func (d *Draft) tools() []string {
	var out []string
	for _, t := range d.Tools {
		if t = Clean(t); t != "" && !slices.Contains(out, t) && len(out) < maxTools {
			out = append(out, t)
		}
	}
	return out
}

// builder turns a draft into the parts of a document.
type builder struct {
	*Draft
	at    map[string]int // index of the element by Ref
	id    []string       // identity of each element that is a component, else ""
	list  []sbom.Component
	of    []int // index of the element of each component
	edges []sbom.Relation
	// excludedAs counts the elements of each exclusion.
	excludedAs map[sbom.Exclusion]int
	images     int // container images without a list of their content
	locked     int
}

func (b *builder) known(ref string) bool { return b.Known != nil && b.Known(ref) }

// refs indexes the elements by Ref and checks the references between them.
func (b *builder) refs() {
	for i := range b.Elements {
		e := &b.Elements[i]
		if e.Ref == "" {
			continue
		}
		if first, twice := b.at[e.Ref]; twice {
			if f := &b.Elements[first]; f.PURL == e.PURL && f.Name == e.Name && f.Version == e.Version && f.Group == e.Group {
				continue // the same entry, listed twice
			}
			b.Fault(sbom.GapMalformed, "an identifier is used twice, so that relations may mean either", Quote(e.Ref)+" ("+e.Label+")")
			continue
		}
		b.at[e.Ref] = i
	}
	for i := range b.Elements {
		e := &b.Elements[i]
		if _, ok := b.at[e.BundledIn]; e.BundledIn != "" && !ok && !b.known(e.BundledIn) {
			b.Fault(sbom.GapMalformed, "an entry is bundled in an entry that does not exist, and is counted", Quote(e.BundledIn)+" ("+e.Label+")")
		}
	}
}

// components sorts the elements into components and exclusions.
func (b *builder) components() {
	b.excludedAs = map[sbom.Exclusion]int{}
	for i := range b.Elements {
		e := &b.Elements[i]
		if roleOfType(e.Role) && installable(e.PURL) {
			e.Role = Package // by its package URL, whatever its type
		}
		if e.Role == System {
			b.exclude(e, sbom.ExcludedDescribed, "the operating system itself; its packages count")
			continue
		}
		if reason, why, excluded := exclusion(e); excluded {
			if e.Image {
				b.images++
			}
			b.exclude(e, reason, cmp.Or(e.Why, why))
			continue
		}
		c, ok := b.component(e)
		if !ok {
			continue
		}
		b.id[i] = sbom.Identity(&c)
		c.ID = b.id[i]
		if e.Locked {
			b.locked++
		}
		b.list = append(b.list, c)
		b.of = append(b.of, i)
	}
}

func (b *builder) relations() {
	for _, e := range b.Edges {
		from, okFrom := b.end(e.From, e)
		to, okTo := b.end(e.To, e)
		// An edge with an end that is not a component is no relation between
		// components: a lock file "depends on" everything in it.
		if okFrom && okTo && from != to {
			b.edges = append(b.edges, sbom.Relation{From: from, To: to, Kind: e.Kind})
		}
	}
}

// end returns the ID of the component at one end of an edge.
func (b *builder) end(ref string, e Edge) (string, bool) {
	i, ok := b.at[ref]
	if !ok {
		if !b.known(ref) {
			b.Fault(sbom.GapMalformed, DanglingRelation, fmt.Sprintf("%s, from %s to %s", Quote(ref), Quote(e.From), Quote(e.To)))
		}
		return "", false
	}
	return b.id[i], b.id[i] != ""
}
