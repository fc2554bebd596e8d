package cyclonedx

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/draft"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// Form is a serialization of CycloneDX.
type Form int

const (
	JSON Form = iota
	XML
)

// Read reads a document of any origin by the rules of the package comment. name
// is the document's name in what is recorded.
//
// A document that [Encode] wrote becomes the document that was encoded. If it
// was changed since, it is read as a third-party document, and that is a gap.
func Read(ctx context.Context, data []byte, form Form, name string) (*sbom.Document, error) {
	f := draft.Format[bom]{Parse: readJSON, Ours: ours, Decode: decode, Encode: Encode, Draft: func(b *bom) *draft.Draft {
		r := reader{bom: b, name: name}
		return r.read()
	}}
	if form == XML {
		f.Parse, f.Ours = readXML, nil
	}
	return draft.Read(ctx, data, f)
}

func readJSON(ctx context.Context, data []byte) (*bom, error) {
	b := new(bom)
	if err := strictjson.Unmarshal(ctx, data, b); err != nil {
		return nil, err
	}
	if b.Format != "CycloneDX" {
		return nil, fmt.Errorf("\"bomFormat\" is %s and not \"CycloneDX\"", draft.Quote(b.Format))
	}
	return b, checkVersion(b)
}

// versions that are read. There is no JSON before 1.2.
var versions = []string{"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}

func checkVersion(b *bom) error {
	if !slices.Contains(versions, b.SpecVersion) {
		return fmt.Errorf("unknown CycloneDX version %s (%s are known)", draft.Quote(b.SpecVersion), strings.Join(versions, ", "))
	}
	return nil
}

// ours reports whether the document claims that depaudit wrote it.
func ours(b *bom) bool {
	return b.Metadata != nil && b.Metadata.Component != nil && b.Metadata.Component.Ref == environmentRef
}

// reader translates a document into a draft.
type reader struct {
	bom  *bom
	name string
	d    draft.Draft
	// needers are the references with dependencies in the graph.
	needers map[string]bool
	// others are the references to components that are not part of the subject.
	others  map[string]bool
	unnamed int
}

func (r *reader) read() *draft.Draft {
	r.others, r.needers = map[string]bool{}, map[string]bool{}
	r.d.Known = func(ref string) bool { return r.others[ref] }
	for _, dep := range r.bom.Dependencies {
		if len(dep.DependsOn)+len(dep.Nested) > 0 {
			r.needers[dep.Ref] = true
		}
	}
	if m := r.bom.Metadata; m != nil {
		r.tools(m)
		if c := m.Component; c != nil {
			ref := r.add(c, "", "metadata.component")
			root := &r.d.Elements[0]
			root.Role, root.Why, root.Image = draft.Subject, "", false
			r.components(c.Components, ref, "metadata.component.components")
		}
		r.installed(m)
	}
	r.components(r.bom.Components, "", "components")
	r.services(r.bom.Services, "services")
	r.formulation()
	r.dependencies()
	r.compositions()
	return &r.d
}

func (r *reader) components(list []component, inside, label string) {
	for i := range list {
		c := &list[i]
		here := label + "[" + strconv.Itoa(i) + "]"
		ref := r.add(c, inside, here)
		// The parsers of JSON and XML have limited the depth.
		if len(c.Components) > 0 {
			r.components(c.Components, ref, here+".components")
		}
	}
}

// add makes an element of a component and returns its reference.
func (r *reader) add(c *component, inside, label string) string {
	e := draft.Element{
		Ref: c.Ref, Label: label, BundledIn: inside,
		PURL: c.PURL, Group: c.Group, Name: c.Name, Version: c.Version,
	}
	if e.Ref == "" {
		// Its bundled components need a reference that no document can have.
		r.unnamed++
		e.Ref = "\x00" + strconv.Itoa(r.unnamed)
	} else {
		e.Label += " " + draft.Quote(c.Ref)
	}
	e.Role, e.Why = r.role(c)
	e.Image = c.Type == "container" && len(c.Components) == 0 && !r.needers[c.Ref]
	for _, h := range c.Hashes {
		if d, ok := draft.Digest(h.Algorithm, h.Content, r.name); ok {
			e.Digests = append(e.Digests, d)
		}
	}
	for _, x := range c.References {
		if x.Type == "distribution" && e.Install == nil {
			e.Install = draft.Origin(x.URL, r.name)
		}
	}
	if c.Evidence != nil {
		for _, o := range c.Evidence.Occurrences {
			place, _, _ := strings.Cut(o.Location, "#") // without the line that cdxgen writes
			e.Paths = append(e.Paths, place)
		}
	}
	r.properties(c, &e)
	e.Locked = len(e.Paths) > 0 && !slices.ContainsFunc(e.Paths, func(p string) bool { return !draft.IsLock(path.Base(p)) })
	if draft.IsArchiveCataloger(e.FoundBy) && e.Role == draft.Package {
		e.Role, e.Why = draft.Archive, "found by "+e.FoundBy
	}
	r.d.Elements = append(r.d.Elements, e)
	return e.Ref
}

// properties reads the properties of well-known scanners.
func (r *reader) properties(c *component, e *draft.Element) {
	for _, p := range c.Properties {
		switch {
		case strings.HasPrefix(p.Name, "syft:location:") && strings.HasSuffix(p.Name, ":path"),
			p.Name == "aquasecurity:trivy:FilePath", p.Name == "SrcFile":
			e.Paths = append(e.Paths, p.Value)
		case p.Name == "syft:package:foundBy":
			e.FoundBy = p.Value
		case p.Name == "aquasecurity:trivy:SrcName", p.Name == "syft:metadata:source":
			if p.Value != c.Name {
				e.Source = p.Value
			}
		case p.Name == "syft:metadata:installedSize":
			n, err := strconv.ParseInt(p.Value, 10, 40)
			if err == nil && strings.HasPrefix(c.PURL, "pkg:deb/") {
				n *= 1024 // dpkg's unit
			}
			if err == nil {
				e.Size = n
			}
		}
	}
	slices.Sort(e.Paths)
	e.Paths = slices.Compact(e.Paths)
}

// role returns the role for the type of a component. In doubt it counts.
func (r *reader) role(c *component) (draft.Role, string) {
	if c.Scope == "excluded" {
		return draft.NotInstalled, "its scope is \"excluded\": not present at run time, according to the document"
	}
	switch c.Type {
	case "operating-system":
		return draft.System, c.Description
	case "container":
		return draft.Group, "a container image: its content counts"
	case "file":
		return draft.File, ""
	case "data":
		return draft.NotSoftware, "data"
	case "cryptographic-asset":
		return draft.NotSoftware, "an algorithm, a key or a protocol"
	case "device":
		return draft.NotSoftware, "a device"
	case "application":
		// A lock file or a manifest that packages were read from.
		if c.PURL == "" && c.Version == "" && (len(c.Components) > 0 || r.needers[c.Ref] || has(c.Properties, "aquasecurity:trivy:Class")) {
			return draft.Group, "has neither version nor package URL, and contains packages"
		}
	case "library", "framework", "platform", "device-driver", "firmware", "machine-learning-model":
		// A platform is the interpreter of other components; firmware, drivers
		// and models run too.
	case "":
		if c == r.subject() {
			break
		}
		r.d.Fault(sbom.GapMalformed, "a component has no type, and is counted", draft.Quote(c.Name))
	default:
		r.d.Fault(sbom.GapMalformed, "a component has an unknown type, and is counted", draft.Quote(c.Type)+" of "+draft.Quote(c.Name))
	}
	return draft.Package, ""
}

func (r *reader) subject() *component {
	if r.bom.Metadata == nil {
		return nil
	}
	return r.bom.Metadata.Component
}

func has(properties []prop, name string) bool {
	return slices.ContainsFunc(properties, func(p prop) bool { return p.Name == name })
}

func (r *reader) tools(m *metadata) {
	r.d.Created = m.Timestamp
	if m.Tools == nil {
		return
	}
	for _, t := range m.Tools.List {
		r.d.Tools = append(r.d.Tools, t.Name+" "+t.Version)
	}
	for _, c := range m.Tools.Components {
		r.d.Tools = append(r.d.Tools, c.Name+" "+c.Version)
	}
}

// installed sets Installed for a scan of an image, in which scanners list the
// installed packages (in a directory they list those that manifests declare too),
// and for a document whose lifecycle is after the build.
func (r *reader) installed(m *metadata) {
	image := m.Component != nil && m.Component.Type == "container"
	for _, t := range r.d.Tools {
		name, _, _ := strings.Cut(t, " ")
		if image && (name == "syft" || name == "trivy") {
			r.d.Installed = true
		}
	}
	late := func(l lifecycle) bool {
		return l.Phase == "operations" || l.Phase == "discovery" || l.Phase == "post-build"
	}
	if len(m.Lifecycles) > 0 && !slices.ContainsFunc(m.Lifecycles, func(l lifecycle) bool { return !late(l) }) {
		r.d.Installed = true
	}
}

func (r *reader) services(list []service, label string) {
	for i := range list {
		s := &list[i]
		here := label + "[" + strconv.Itoa(i) + "]"
		r.d.Elements = append(r.d.Elements, draft.Element{
			Ref: s.Ref, Label: here, Role: draft.NotSoftware, Why: "a service", Group: s.Group, Name: s.Name, Version: s.Version,
		})
		r.services(s.Services, here+".services")
	}
}

// formulation excludes the components that the subject was built with, elsewhere
// and before.
func (r *reader) formulation() {
	n := 0
	var count func([]component)
	count = func(list []component) {
		for i := range list {
			n++
			r.others[list[i].Ref] = true
			count(list[i].Components)
		}
	}
	for _, f := range r.bom.Formulation {
		count(f.Components)
	}
	if n > 0 {
		r.d.Excluded = append(r.d.Excluded, sbom.Exclusion{
			Reason: sbom.ExcludedDescribed, Name: "formulation", Detail: "components that the subject was built with, and does not contain", Count: n,
		})
	}
}

func (r *reader) dependencies() {
	links := 0
	graphed := make(map[string]bool, len(r.bom.Dependencies))
	for _, dep := range r.bom.Dependencies {
		graphed[dep.Ref] = true
		needs := dep.DependsOn
		for _, n := range dep.Nested {
			needs = append(needs, n.Ref)
		}
		for _, to := range needs {
			if strings.HasPrefix(to, bomLink) {
				links++
				continue
			}
			if len(r.d.Edges) > draft.MaxEdges {
				return // over the bound, which is an error later
			}
			r.d.Edges = append(r.d.Edges, draft.Edge{From: dep.Ref, To: to, Kind: sbom.RelDepends})
		}
	}
	r.d.Graphed = !slices.ContainsFunc(r.d.Elements, func(e draft.Element) bool { return e.Role == draft.Package && !graphed[e.Ref] })
	if links > 0 {
		r.d.Incomplete = append(r.d.Incomplete, fmt.Sprintf("the document refers %d times to other documents, which were not read", links))
	}
}

// compositions records the gaps that the document states itself.
func (r *reader) compositions() {
	counts := map[string]int{}
	for _, c := range r.bom.Compositions {
		switch c.Aggregate {
		case "complete", "not_specified", "":
		default:
			counts[c.Aggregate]++
		}
	}
	var said []string
	for what := range counts {
		said = append(said, draft.Quote(what))
	}
	if len(said) > 0 {
		slices.Sort(said)
		r.d.Incomplete = append(r.d.Incomplete, "the document states that its list is "+strings.Join(said[:min(len(said), 5)], ", ")+" (compositions)")
	}
}
