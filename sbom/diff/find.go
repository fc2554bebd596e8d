package diff

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/bmatcuk/doublestar/v4"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/version"
)

// Found is the result of a pattern for one document.
type Found struct {
	// Hits match; sorted by identity.
	Hits []Hit `json:"hits"`
	// Doubts have the name, and a version that cannot be compared.
	Doubts []Doubt `json:"doubts,omitempty"`
	// AnyCase is set when no name matches exactly, and these do in another case.
	AnyCase bool `json:"anyCase,omitempty"`
	// Unseen are the parts that could not be examined and might contain a match.
	Unseen []Unseen `json:"unseen,omitempty"`
}

// Hit is a component that matches.
type Hit struct {
	Component
	// Paths are those that match, for a pattern of paths; else those that show
	// the component.
	Paths []string `json:"paths,omitempty"`
	// Note is a remark about the match.
	Note string `json:"note,omitempty"`
}

// Doubt is a component whose version could not be compared.
type Doubt struct {
	Component
	Why string `json:"why"`
}

// Unseen is a part of an environment that could not be examined.
type Unseen struct {
	// What is one of the Unseen constants.
	What   string `json:"what"`
	Detail string `json:"detail"`
}

// The values of [Unseen.What].
const (
	UnseenGap        = "gap"        // could not be examined
	UnseenLimitation = "limitation" // the document cannot show it
	UnseenFiles      = "files"      // which files packages have
)

// Find looks for the pattern in a document. Names are first looked for as
// they are, and only if no component has one so in any case; names of Python
// projects are compared by PEP 503.
func (p *Pattern) Find(doc *sbom.Document) Found {
	found := Found{Hits: []Hit{}}
	s := &side{Side: Side{Document: doc}}
	if p.path != "" {
		p.findPath(s, &found)
	} else {
		p.findNames(s, &found, false)
		if len(found.Hits)+len(found.Doubts) == 0 && !p.named(doc) {
			p.findNames(s, &found, true)
			found.AnyCase = len(found.Hits)+len(found.Doubts) > 0
		}
	}
	if len(found.Hits) == 0 {
		found.Unseen = p.unseen(doc)
	}
	return found
}

// named reports whether any component has the exact name, at any version.
func (p *Pattern) named(doc *sbom.Document) bool {
	return slices.ContainsFunc(doc.Components, func(c sbom.Component) bool { return p.matchesName(&c, false) })
}

func (p *Pattern) findNames(s *side, found *Found, anyCase bool) {
	for i := range s.Document.Components {
		c := &s.Document.Components[i]
		if !p.matchesName(c, anyCase) {
			continue
		}
		ok, why := p.versions.holds(c)
		switch {
		case ok:
			found.Hits = append(found.Hits, Hit{Component: s.component(c), Paths: c.Paths})
		case why != "":
			found.Doubts = append(found.Doubts, Doubt{Component: s.component(c), Why: why})
		}
	}
}

// matchesName compares everything but the version.
func (p *Pattern) matchesName(c *sbom.Component, anyCase bool) bool {
	if p.typ != "" && p.typ != c.Type {
		return false
	}
	for _, q := range p.qualifiers {
		if !hasQualifier(c, q[0], q[1]) {
			return false
		}
	}
	if p.name == "" {
		return true
	}
	fold := func(s string) string { return s }
	if anyCase {
		fold = ecosystem.Lower
	}
	if c.Type == "pypi" {
		fold = ecosystem.Python
		if p.glob {
			fold = ecosystem.Lower // the characters of a glob are not those of a name
		}
	}
	match := func(pattern, name string) bool {
		if !p.glob {
			return fold(pattern) == fold(name)
		}
		ok, err := doublestar.Match(fold(pattern), fold(name))
		return err == nil && ok
	}
	if p.hasSpace && !match(p.namespace, c.Namespace) {
		return false
	}
	if match(p.name, c.Name) {
		return true
	}
	if !p.typed {
		return false
	}
	// As it was typed: with the namespace, the type or both in front.
	full := c.Name
	if c.Namespace != "" {
		full = c.Namespace + "/" + c.Name
	}
	return strings.ContainsAny(p.name, "/*") && (match(p.name, full) || match(p.name, c.Type+"/"+full) || match(p.name, c.Type+"/"+c.Name))
}

func hasQualifier(c *sbom.Component, key, value string) bool {
	switch key {
	case "arch":
		if c.Arch != "" {
			return c.Arch == value
		}
	case "path":
		if c.Kind == sbom.KindFiles {
			return slices.Contains(c.Paths, value)
		}
	}
	u, err := packageurl.FromString(c.PURL)
	return err == nil && u.Qualifiers.Map()[key] == value
}

// findPath finds the components of a path, or for files that no package accounts
// for, the component that contains them.
func (p *Pattern) findPath(s *side, found *Found) {
	for i := range s.Document.Components {
		c := &s.Document.Components[i]
		var paths []string
		note := ""
		for _, path := range c.Paths {
			switch {
			case p.matchesPath(path):
				paths = append(paths, path)
			case !p.glob && c.Kind == sbom.KindFiles && strings.HasPrefix(p.path, path+"/"):
				paths = append(paths, path)
				note = "an unaccounted directory; the document does not contain the paths in it"
			}
		}
		switch {
		case len(paths) == 0:
		case note != "":
			found.Doubts = append(found.Doubts, Doubt{Component: s.component(c), Why: note})
		default:
			found.Hits = append(found.Hits, Hit{Component: s.component(c), Paths: paths})
		}
	}
}

// matchesPath reports whether the pattern is the path or matches it. A path as
// a report prints it may have the backslash of [sbom.Escape], which makes it a
// glob.
func (p *Pattern) matchesPath(path string) bool {
	if !p.glob || p.path == path {
		return p.path == path
	}
	ok, err := doublestar.Match(p.path, path)
	return err == nil && ok
}

// blind is what of a document could hide a match.
func (p *Pattern) unseen(doc *sbom.Document) []Unseen {
	var out []Unseen
	for _, g := range doc.Gaps {
		detail := g.Detail
		if g.Path != "" {
			detail = g.Path + ": " + detail
		}
		out = append(out, Unseen{What: UnseenGap, Detail: detail})
	}
	for _, l := range doc.Limitations {
		hides := false
		switch l.Name {
		case sbom.LimitIncomplete:
			hides = true
		case sbom.LimitPaths:
			hides = p.path != ""
		case sbom.LimitUnaccounted:
			// Unaccounted files have no version, and no type of an ecosystem.
			hides = p.path != "" || p.versions == nil && (p.typ == "" || p.typ == "generic")
		}
		if hides {
			out = append(out, Unseen{What: UnseenLimitation, Detail: string(l.Name) + ": " + l.Detail})
		}
	}
	if p.path != "" {
		n := 0
		for i := range doc.Components {
			if doc.Components[i].Kind == sbom.KindOS {
				n++
			}
		}
		if n > 0 {
			out = append(out, Unseen{What: UnseenFiles, Detail: fmt.Sprintf("the document does not list the files of its %d OS packages", n)})
		}
	}
	return out
}

// holds reports whether the version of a component is one of those. When it
// cannot be compared, why is not empty.
//
// A range without epochs may be meant for versions with one, or not: what it holds for
// in only one of these readings is not known. [Pattern.SQL] is the same for the rows of
// a table, and both compare versions by [version.Key].
func (v *versions) holds(c *sbom.Component) (ok bool, why string) {
	switch {
	case v == nil:
		return true, ""
	case v.any():
		return true, ""
	case c.Version == "":
		return false, (&version.OrderError{Missing: true}).Error()
	case v.typ != "":
		return v.inRange(c)
	}
	asItIs, without := true, true
	for _, it := range v.constraints {
		fits, fitsWithout, reason := it.holds(c)
		switch {
		case reason != "":
			why = reason
			continue
		case fits != fitsWithout && why == "":
			epoch, _ := version.Key(c.Type, c.Version)
			why = fmt.Sprintf("it has the epoch %d, and the range has none: write %s%d:%s, or %s0:%s", epoch, it.op, epoch, it.version, it.op, it.version)
		}
		asItIs, without = asItIs && fits, without && fitsWithout
	}
	if !asItIs && !without {
		return false, "" // whatever is not known
	}
	return why == "", why
}

// holds reports whether a version satisfies the constraint, with its epoch and without
// it, which differ only if the constraint is an order and has none.
func (it constraint) holds(c *sbom.Component) (ok, withoutEpoch bool, why string) {
	if it.glob {
		ok, _ = doublestar.Match(it.version, c.Version)
		if plain, has := version.WithoutEpoch(c.Type, c.Version); !ok && has {
			ok, _ = doublestar.Match(it.version, plain)
		}
		ok = ok != (it.op == "!=")
		return ok, ok, ""
	}
	if it.version == c.Version {
		ok = fits(it.op, 0)
		return ok, ok, ""
	}
	epoch, key := version.Key(c.Type, c.Version)
	want, from, before := version.KeyRange(c.Type, it.version)
	if key == "" || from == "" {
		_, err := version.Compare(c.Type, c.Version, it.version)
		var bad *version.OrderError
		if it.equality() && errors.As(err, &bad) && bad.Version == "" {
			ok = it.op == "!="
			return ok, ok, "" // the texts differ, and the order of the type is unknown
		}
		return false, false, err.Error()
	}
	order := 0
	switch {
	case key < from:
		order = -1
	case key >= before:
		order = 1
	}
	withoutEpoch = fits(it.op, order)
	if it.anyEpoch(c.Type) {
		if it.equality() {
			return withoutEpoch, withoutEpoch, ""
		}
		return fits(it.op, cmp.Or(cmp.Compare(epoch, want), order)), withoutEpoch, ""
	}
	ok = fits(it.op, cmp.Or(cmp.Compare(epoch, want), order))
	return ok, ok, ""
}

// equality reports whether the constraint is = or !=, and not an order.
func (it constraint) equality() bool { return it.op == "" || it.op == "=" || it.op == "!=" }

// anyEpoch reports whether the constraint has no epoch, in a type with epochs.
func (it constraint) anyEpoch(typ string) bool {
	_, has := version.WithoutEpoch(typ, it.version)
	return version.HasEpochs(typ) && !has
}

// fits reports whether an order satisfies an operator.
func fits(op string, order int) bool {
	switch op {
	case "", "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// any reports whether the versions are all of a type, which is "vers:TYPE/*".
func (v *versions) any() bool { return v.typ != "" && v.constraints[0].glob }

// inRange follows the specification of vers: what is equal is decided first,
// then each pair of bounds is a range.
func (v *versions) inRange(c *sbom.Component) (ok bool, why string) {
	holds := func(it constraint) bool {
		order, err := version.Compare(v.typ, c.Version, it.version)
		return err == nil && fits(it.op, order)
	}
	onlyNot := true
	for _, it := range v.constraints {
		order, err := version.Compare(v.typ, c.Version, it.version)
		switch {
		case c.Version == it.version || err == nil && order == 0:
			if it.equality() || len(it.op) == 2 {
				return it.op != "!=", ""
			}
		case err != nil && (!it.equality() || version.Ordered(v.typ)):
			return false, err.Error()
		}
		onlyNot = onlyNot && it.op == "!="
	}
	if onlyNot {
		return true, ""
	}
	for _, bounds := range v.intervals() {
		if holds(bounds[0]) && holds(bounds[len(bounds)-1]) {
			return true, ""
		}
	}
	return false, ""
}

// intervals returns the pairs of bounds, and a single one for a range without an end.
func (v *versions) intervals() [][]constraint {
	bounds := slices.DeleteFunc(slices.Clone(v.constraints), constraint.equality)
	var out [][]constraint
	for i, it := range bounds {
		switch last := i == len(bounds)-1; {
		case it.upper() && i == 0, !it.upper() && last:
			out = append(out, bounds[i:i+1])
		case !it.upper() && bounds[i+1].upper():
			out = append(out, bounds[i:i+2])
		}
	}
	return out
}

func (it constraint) upper() bool { return it.op == "<" || it.op == "<=" }

// Place is one path in an environment. A document does not have the file lists
// of packages, so the caller looks the path up.
type Place struct {
	// Path is the path with links followed; empty when it does not exist.
	Path string
	// ID is that of the component that it is part of, empty for none.
	ID string
}

// FindPlace is [Pattern.Find] for a pattern with a [Pattern.Path], and the place
// of that path.
func (p *Pattern) FindPlace(doc *sbom.Document, place Place) Found {
	found := p.Find(doc)
	found.Doubts = nil
	found.Unseen = slices.DeleteFunc(found.Unseen, func(b Unseen) bool { return b.What == UnseenFiles })
	if place.Path == "" {
		return found
	}
	found.Unseen = nil
	hit := Hit{Component: Component{Component: sbom.Component{Name: place.Path}}, Paths: []string{place.Path}, Note: "the path exists, and no package accounts for it alone"}
	if c := doc.Component(place.ID); c != nil {
		s := &side{Side: Side{Document: doc}}
		hit = Hit{Component: s.component(c), Paths: []string{place.Path}, Note: "the path is part of it"}
	}
	if !slices.ContainsFunc(found.Hits, func(h Hit) bool { return h.ID == hit.ID }) {
		found.Hits = append(found.Hits, hit)
	}
	return found
}
