package spdx

import (
	"strings"

	"github.com/anchore/packageurl-go"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/draft"
)

const (
	documentRef  = "SPDXRef-DOCUMENT"
	documentPart = "DocumentRef-" // begins references into other documents
	none         = "NONE"
)

// need is the dependency that a relationship represents.
type need struct {
	kind sbom.RelationKind
	// reverse is set when the second package needs the first.
	reverse bool
}

// needs are the relationships by which one package needs another one
// (section 11.1 of SPDX 2.3). A package needs what it is built, tested or
// developed with, even if that is not used when it runs.
var needs = map[string]need{
	"DEPENDS_ON":             {sbom.RelDepends, false},
	"HAS_PREREQUISITE":       {sbom.RelDepends, false},
	"DYNAMIC_LINK":           {sbom.RelDepends, false},
	"STATIC_LINK":            {sbom.RelDepends, false},
	"DEPENDENCY_OF":          {sbom.RelDepends, true},
	"RUNTIME_DEPENDENCY_OF":  {sbom.RelDepends, true},
	"BUILD_DEPENDENCY_OF":    {sbom.RelDepends, true},
	"BUILD_TOOL_OF":          {sbom.RelDepends, true},
	"DEV_DEPENDENCY_OF":      {sbom.RelDepends, true},
	"DEV_TOOL_OF":            {sbom.RelDepends, true},
	"TEST_DEPENDENCY_OF":     {sbom.RelDepends, true},
	"TEST_TOOL_OF":           {sbom.RelDepends, true},
	"PROVIDED_DEPENDENCY_OF": {sbom.RelDepends, true},
	"PREREQUISITE_FOR":       {sbom.RelDepends, true},
	"OPTIONAL_DEPENDENCY_OF": {sbom.RelRecommends, true},
	"OPTIONAL_COMPONENT_OF":  {sbom.RelRecommends, true},
}

// related sorts the relationships into those that describe, contain and need.
// The other kinds (licences, patches, copies, variants) have no effect on what is
// installed, but both their ends must exist.
func (r *reader) related() {
	for _, id := range r.doc.Describes {
		r.describe(id)
	}
	for i := range r.doc.Packages {
		p := &r.doc.Packages[i]
		for _, f := range p.HasFiles {
			r.evident(p.SPDXID, f)
		}
	}
	for i := range r.doc.Relationships {
		rel := &r.doc.Relationships[i]
		if rel.From == "" && rel.To == "" {
			continue // null, as the library writes it
		}
		r.relationship(rel)
	}
}

func (r *reader) relationship(rel *relationship) {
	kind := strings.ToUpper(rel.Type)
	from, to := rel.From, rel.To
	if to == none || from == none {
		return
	}
	if to == noAssertion || from == noAssertion {
		_, package1 := r.index[from]
		_, package2 := r.index[to]
		// More files or licences have no effect.
		if _, isNeed := needs[kind]; (isNeed || kind == "CONTAINS" || kind == "CONTAINED_BY" || kind == "DESCRIBES") && (package1 || package2 || from == r.doc.SPDXID) {
			r.unknowns++
		}
		return
	}
	if outside(from) || outside(to) {
		if _, isNeed := needs[kind]; isNeed || kind == "CONTAINS" || kind == "CONTAINED_BY" || kind == "DESCRIBES" {
			for _, end := range []string{from, to} {
				if outside(end) {
					r.external[end] = true
				}
			}
		}
		return
	}
	switch kind {
	case "DESCRIBES", "DESCRIBE":
		r.describe(to)
	case "DESCRIBED_BY":
		r.describe(from)
	case "CONTAINS":
		r.contain(from, to)
	case "CONTAINED_BY":
		r.contain(to, from)
	case "GENERATED_FROM":
		r.source(to)
		r.ends(from, to)
	case "GENERATES":
		r.source(from)
		r.ends(from, to)
	case "OTHER":
		r.other(rel)
	default:
		n, ok := needs[kind]
		if !ok {
			r.ends(from, to)
			return
		}
		if n.reverse {
			from, to = to, from
		}
		r.need(from, to, n.kind)
	}
}

func (r *reader) need(from, to string, kind sbom.RelationKind) {
	r.needers[from] = true
	r.d.Edges = append(r.d.Edges, draft.Edge{From: from, To: to, Kind: kind})
}

// ends reports a fault for an end of a relationship that does not exist.
func (r *reader) ends(from, to string) {
	for _, id := range []string{from, to} {
		if _, ok := r.index[id]; !ok && !r.known(id) && id != "" {
			r.d.Fault(sbom.GapMalformed, draft.DanglingRelation, draft.Quote(id))
		}
	}
}

func outside(id string) bool { return strings.HasPrefix(id, documentPart) }

func (r *reader) describe(id string) {
	if outside(id) {
		r.external[id] = true
		return
	}
	r.ends(id, "")
	if _, ok := r.index[id]; ok {
		r.roots[id] = true
	}
}

// contain records that a package contains another one, or a file.
func (r *reader) contain(outer, inner string) {
	_, isPackage := r.index[inner]
	_, inPackage := r.index[outer]
	switch {
	case isPackage && inPackage:
		r.containers[outer] = true
		r.held = append(r.held, [2]int{r.index[outer], r.index[inner]})
	case inPackage:
		r.evident(outer, inner)
	default:
		r.ends(outer, inner)
	}
}

// evident records a file that shows a package.
func (r *reader) evident(id, file string) {
	name, ok := r.files[file]
	if !ok {
		r.ends(id, file)
		return
	}
	e := &r.d.Elements[r.index[id]]
	if len(e.Paths) < maxEvidence && name != "" {
		e.Paths = append(e.Paths, name)
	}
}

// maxEvidence is the number of files that are recorded for a package. Some tools
// list all its files; a few are enough to find it.
const maxEvidence = 16

// other reads the relationships of syft that SPDX has no kind for.
func (r *reader) other(rel *relationship) {
	word, _, _ := strings.Cut(rel.Comment, ":")
	switch word {
	case "ownership-by-file-overlap":
		_, ok1 := r.index[rel.From]
		i, ok2 := r.index[rel.To]
		if ok1 && ok2 {
			r.d.Ownership = true
			r.d.Elements[i].BundledIn = rel.From
			return
		}
	case "evident-by":
		if _, ok := r.index[rel.From]; ok {
			r.evident(rel.From, rel.To)
			return
		}
	}
	r.ends(rel.From, rel.To)
}

// source records a package that another one was built from. It counts unless its
// purpose is SOURCE: a relation alone must not hide a package.
func (r *reader) source(id string) {
	if i, ok := r.index[id]; ok && strings.EqualFold(r.doc.Packages[i].Purpose, "SOURCE") {
		r.d.Elements[i].Role = draft.Source
	}
}

// described excludes the subject of the document. If the document describes one
// package, that is the subject. Some tools describe every package; of several,
// the subjects are those that contain or need others and that nothing needs.
func (r *reader) described() {
	needed := map[string]bool{}
	if len(r.roots) > 1 {
		for _, e := range r.d.Edges {
			needed[e.To] = true
		}
		for _, h := range r.held {
			needed[r.d.Elements[h[1]].Ref] = true
		}
	}
	for id := range r.roots {
		e := &r.d.Elements[r.index[id]]
		heads := (r.containers[id] || r.needers[id]) && !needed[id]
		if e.Role == draft.Package && (len(r.roots) == 1 || heads) {
			e.Role, e.Why = draft.Subject, ""
		}
		if e.Role == draft.Group {
			e.Role, e.Why = draft.Subject, ""
		}
	}
}

// grouped finds the entries that group packages: layers of images, lock files,
// images in an index of images. They have neither package URL nor version, and
// contain others.
func (r *reader) grouped() {
	for i := range r.d.Elements {
		e := &r.d.Elements[i]
		if e.Role == draft.Group {
			e.Image = !r.containers[e.Ref] && !r.needers[e.Ref]
		}
		if e.Role != draft.Package {
			continue
		}
		lists := r.containers[e.Ref] || strings.EqualFold(r.doc.Packages[i].Purpose, "APPLICATION") && r.needers[e.Ref]
		switch {
		case e.PURL == "" && e.Version == "" && lists:
			e.Role, e.Why = draft.Group, "has neither version nor package URL, and contains packages"
		case image(e.PURL):
			e.Role, e.Why = draft.Group, "a container image: its content counts"
			e.Image = !r.containers[e.Ref] && !r.needers[e.Ref]
		}
	}
}

func image(purl string) bool {
	return strings.HasPrefix(purl, "pkg:oci/") || strings.HasPrefix(purl, "pkg:docker/")
}

// contained sets the owners of bundled packages. Scanners write CONTAINS between
// their root and every package, so only a package with a package URL of an
// ecosystem contains packages in the sense of counting rule 3. The packages in
// every other one count.
func (r *reader) contained() {
	for _, h := range r.held {
		outer, inner := &r.d.Elements[h[0]], &r.d.Elements[h[1]]
		if h[0] == h[1] || outer.Role != draft.Package || inner.BundledIn != "" {
			continue
		}
		u, err := packageurl.FromString(outer.PURL)
		if err != nil || u.Type == packageurl.TypeGeneric || u.Type == packageurl.TypeOCI || u.Type == packageurl.TypeDocker || u.Type == packageurl.TypeGithub {
			continue
		}
		inner.BundledIn = outer.Ref
	}
}
