package cyclonedx

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/license"
)

// Encode writes d as CycloneDX 1.6 JSON. Equal documents with equal meta have
// equal bytes. It calls w.Write once, or not at all if it returns another error.
func Encode(w io.Writer, d *sbom.Document, m sbom.Meta) error {
	created, err := m.Timestamp()
	if err != nil {
		return err
	}
	e := &encoder{d: d, m: m, tops: map[string]string{}}
	var b bytes.Buffer
	// EncodeVersion would copy the whole document through gob first.
	if err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).Encode(e.bom(created)); err != nil {
		return fmt.Errorf("cyclonedx: %w", err)
	}
	if _, err := w.Write(identify(b.Bytes())); err != nil {
		return fmt.Errorf("cyclonedx: %w", err)
	}
	return nil
}

// serialPrefix is the serial number before its UUID is known.
const serialPrefix = "urn:uuid:"

// identify completes the serial number, which is made from the document without
// it. Encoding the document a second time would take as long as the first. The
// field is unambiguous: in a string its quotes would be escaped.
func identify(data []byte) []byte {
	const field = `"serialNumber": "` + serialPrefix
	return bytes.Replace(data, []byte(field+`"`), []byte(field+sbom.ContentUUID(data)+`"`), 1)
}

type encoder struct {
	d *sbom.Document
	m sbom.Meta
	// tops caches the topmost owner of components.
	tops map[string]string
}

func (e *encoder) bom(created string) *cdx.BOM {
	bom := cdx.NewBOM()
	bom.JSONSchema = schemaURL
	bom.SpecVersion = cdx.SpecVersion1_6
	bom.SerialNumber = serialPrefix
	bom.Metadata = &cdx.Metadata{
		Timestamp: created,
		Lifecycles: &[]cdx.Lifecycle{{
			Name:        "installed",
			Description: sbom.GenerationContext,
		}, {Phase: cdx.LifecyclePhaseDiscovery}},
		Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{{
			Type:    cdx.ComponentTypeApplication,
			Name:    toolName,
			Version: e.m.Version(),
		}}},
		Authors: author(e.m.Author),
		// Who made the document, by BSI TR-03183-2.
		Manufacturer: supplier(e.m.Author),
		Component:    e.environment(),
		Properties:   properties(e.m.DocumentFacts(e.d)),
	}
	bom.Components = e.components()
	bom.Dependencies = e.dependencies()
	aggregate := cdx.CompositionAggregateComplete
	switch {
	case !e.d.Complete():
		aggregate = cdx.CompositionAggregateIncomplete
	case len(e.d.Components) == 0:
		// The wrong directory looks like this too.
		aggregate = cdx.CompositionAggregateUnknown
	}
	compositions := []cdx.Composition{{
		Aggregate:  aggregate,
		Assemblies: &[]cdx.BOMReference{environmentRef},
	}}
	var unknown []cdx.BOMReference
	for i := range e.d.Components {
		if c := &e.d.Components[i]; !e.d.DependenciesKnown(c) {
			unknown = append(unknown, cdx.BOMReference(ref(c.ID)))
		}
	}
	if unknown != nil {
		compositions = append(compositions, cdx.Composition{Aggregate: cdx.CompositionAggregateUnknown, Dependencies: &unknown})
	}
	bom.Compositions = &compositions
	return bom
}

func (e *encoder) environment() *cdx.Component {
	c := &cdx.Component{
		BOMRef: environmentRef,
		Type:   cdx.ComponentTypePlatform,
		Name:   e.m.Title(e.d),
	}
	if e.d.Environment.IsImage() {
		c.Type = cdx.ComponentTypeContainer
	}
	return c
}

// components returns the operating system and the components that count, in the
// order of the document, each with those that are bundled in it.
func (e *encoder) components() *[]cdx.Component {
	bundled := map[string][]cdx.Component{} // by ID of the topmost owner
	for i := range e.d.Components {
		c := &e.d.Components[i]
		if !c.Counts() {
			top := e.topmost(c)
			bundled[top] = append(bundled[top], e.component(c))
		}
	}
	out := make([]cdx.Component, 0, len(e.d.Components)+1)
	if os := e.d.Environment.OS; os.ID != "" {
		out = append(out, operatingSystem(os))
	}
	for i := range e.d.Components {
		c := &e.d.Components[i]
		if !c.Counts() {
			continue
		}
		component := e.component(c)
		if nested := bundled[c.ID]; nested != nil {
			component.Components = &nested
		}
		out = append(out, component)
	}
	return &out
}

func operatingSystem(os sbom.OS) cdx.Component {
	c := cdx.Component{
		BOMRef: osRef,
		Type:   cdx.ComponentTypeOS,
		Name:   sbom.Text(os.ID),
	}
	c.Version = version(os.VersionID)
	if os.Pretty != "" {
		c.Description = sbom.Text(os.Pretty)
	}
	return c
}

func (e *encoder) component(c *sbom.Component) cdx.Component {
	out := cdx.Component{
		BOMRef:     ref(c.ID),
		Type:       componentType(c),
		Group:      textOrNothing(c.Namespace),
		Name:       sbom.Text(c.Name),
		Version:    version(c.Version),
		PackageURL: sbom.SafePURL(c.PURL),
		Properties: properties(append(e.m.ComponentFacts(c, native(c)...), slices.Concat(e.m.Unknown(e.d, c), e.m.UnknownOfBSI(c), e.relationFacts(c.ID))...)),
		Supplier:   supplier(c.Supplier),
		Licenses:   licenses(c),
	}
	var hashes []cdx.Hash
	for _, d := range e.m.Hashes(c) {
		hashes = append(hashes, cdx.Hash{Algorithm: algorithm(d.Algorithm), Value: d.Value})
	}
	if hashes != nil {
		out.Hashes = &hashes
	}
	deployable(&out, c.Deployable())
	var places []cdx.EvidenceOccurrence
	for _, p := range c.Paths {
		places = append(places, cdx.EvidenceOccurrence{Location: textOrQuotes(p)})
	}
	if places != nil {
		out.Evidence = &cdx.Evidence{Occurrences: &places}
	}
	return out
}

// deployable adds the fields of BSI TR-03183-2: those that CycloneDX has no field for
// are properties of BSI's namespace, and the hash of the deployable form is that of
// its reference.
func deployable(out *cdx.Component, d sbom.Deployable) {
	if out.Supplier != nil && out.Supplier.Contact != nil {
		out.Manufacturer = out.Supplier
	}
	for _, p := range []cdx.Property{
		{Name: "bsi:component:filename", Value: textOrNothing(d.Filename)},
		{Name: "bsi:component:archive", Value: d.Archive},
		{Name: "bsi:component:structured", Value: d.Structured},
	} {
		if p.Value != "" {
			*out.Properties = append(*out.Properties, p)
		}
	}
	var refs []cdx.ExternalReference
	if d.URI != "" {
		refs = append(refs, cdx.ExternalReference{Type: cdx.ERTypeDistribution, URL: sbom.SafePURL(d.URI), Hashes: out.Hashes})
	}
	if d.SourceURI != "" {
		refs = append(refs, cdx.ExternalReference{Type: cdx.ERTypeVCS, URL: sbom.SafePURL(d.SourceURI)})
	}
	if refs != nil {
		out.ExternalReferences = &refs
	}
}

// author returns nil for a document whose author is not known.
func author(text string) *[]cdx.OrganizationalContact {
	if text == "" {
		return nil
	}
	p := sbom.SupplierParty(text)
	return &[]cdx.OrganizationalContact{{Name: sbom.Text(p.Name), Email: textOrNothing(p.Email)}}
}

// supplier returns nil for a component without one.
func supplier(text string) *cdx.OrganizationalEntity {
	if text == "" {
		return nil
	}
	p := sbom.SupplierParty(text)
	out := &cdx.OrganizationalEntity{Name: sbom.Text(p.Name)}
	if p.Email != "" {
		out.Contact = &[]cdx.OrganizationalContact{{Email: sbom.Text(p.Email)}}
	}
	return out
}

// licenses returns what a package states about its licences: one expression, or a list
// if one of the statements is no expression.
func licenses(c *sbom.Component) *cdx.Licenses {
	d := license.Of(c)
	switch {
	case len(c.Licenses) == 0:
		return nil
	case d.Plain():
		acknowledged := cdx.LicenseAcknowledgementDeclared
		return &cdx.Licenses{{Expression: d.Expression, Acknowledgement: &acknowledged}}
	}
	var out cdx.Licenses
	for _, s := range c.Licenses {
		stated := cdx.License{Name: textOrQuotes(s), Acknowledgement: cdx.LicenseAcknowledgementDeclared}
		if id, ok := license.ID(c, s); ok {
			stated.Name, stated.ID = "", id
		} else if one := license.Of(&sbom.Component{Type: c.Type, Name: c.Name, Licenses: []string{s}}); one.Plain() {
			stated.Name = one.Expression // a list can have no expression
		}
		out = append(out, cdx.LicenseChoice{License: &stated})
	}
	return &out
}

// componentType returns library for packages: "if the type is unknown, then
// specifying library is recommended" (the schema).
func componentType(c *sbom.Component) cdx.ComponentType {
	switch {
	case c.Kind == sbom.KindFiles && c.Files == 1:
		return cdx.ComponentTypeFile
	case c.Kind == sbom.KindFiles:
		return cdx.ComponentTypeApplication
	}
	return cdx.ComponentTypeLibrary
}

// algorithm returns the CycloneDX name of the algorithm of a plain digest.
func algorithm(name string) cdx.HashAlgorithm {
	switch name {
	case "sha1":
		return cdx.HashAlgoSHA1
	case "sha256":
		return cdx.HashAlgoSHA256
	case "sha384":
		return cdx.HashAlgoSHA384
	case "sha512":
		return cdx.HashAlgoSHA512
	}
	return cdx.HashAlgoMD5
}

// version returns nothing for a version that is too long: half of one would be
// wrong. The property has all of it.
func version(s string) string {
	if !fits(s) {
		return ""
	}
	return textOrNothing(s)
}

func textOrNothing(s string) string {
	if s == "" {
		return ""
	}
	return sbom.Text(s)
}

// textOrQuotes is for fields that the format requires.
func textOrQuotes(s string) string {
	if s == "" {
		return quote(s)
	}
	return sbom.Text(s)
}

func quote(s string) string { return strconv.QuoteToASCII(s) }

func properties(facts []sbom.Fact) *[]cdx.Property {
	out := make([]cdx.Property, 0, len(facts))
	for _, f := range facts {
		out = append(out, property(f))
	}
	return &out
}

// topmost returns the ID of the counting component that c is bundled in.
func (e *encoder) topmost(c *sbom.Component) string {
	var passed []string
	id := c.ID
	for {
		if top, known := e.tops[id]; known {
			id = top
			break
		}
		owner := e.d.Component(id).Owner
		if owner == "" {
			break
		}
		passed = append(passed, id)
		id = owner
	}
	for _, p := range passed {
		e.tops[p] = id
	}
	return id
}

// relationsFrom returns the relations that leave the component, in the order of
// the document, one list for each component that they lead to.
func (e *encoder) relationsFrom(id string) [][]sbom.Relation {
	all := e.d.Relations
	i, _ := slices.BinarySearchFunc(all, id, func(r sbom.Relation, id string) int { return cmp.Compare(r.From, id) })
	var pairs [][]sbom.Relation
	for i < len(all) && all[i].From == id {
		end := i
		for end < len(all) && all[end].From == id && all[end].To == all[i].To {
			end++
		}
		pairs = append(pairs, all[i:end])
		i = end
	}
	return pairs
}

func (e *encoder) relationFacts(id string) []sbom.Fact {
	var facts []sbom.Fact
	for _, pair := range e.relationsFrom(id) {
		if plain(pair) {
			continue
		}
		for _, r := range pair {
			facts = append(facts, sbom.Fact{Key: keyRelation, Value: sbom.NewRecord(relation{r.To, r.Kind, r.Via, r.Group, r.File})})
		}
	}
	return facts
}

func (e *encoder) dependencies() *[]cdx.Dependency {
	root := make([]string, 0, len(e.d.Components))
	out := []cdx.Dependency{{Ref: environmentRef}}
	for i := range e.d.Components {
		c := &e.d.Components[i]
		if c.Counts() {
			root = append(root, ref(c.ID))
		}
		var needs []string
		for _, pair := range e.relationsFrom(c.ID) {
			if slices.ContainsFunc(pair, hard) {
				needs = append(needs, ref(pair[0].To))
			}
		}
		switch {
		case needs != nil:
			out = append(out, cdx.Dependency{Ref: ref(c.ID), Dependencies: &needs})
		case c.Kind == sbom.KindOS:
			out = append(out, cdx.Dependency{Ref: ref(c.ID)})
		}
	}
	out[0].Dependencies = &root
	return &out
}

// hard reports whether the relation is part of the graph.
func hard(r sbom.Relation) bool {
	return r.Kind == sbom.RelDepends || r.Kind == sbom.RelPreDepends
}
