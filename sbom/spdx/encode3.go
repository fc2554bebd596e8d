package spdx

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/license"
)

// object is an object of SPDX 3.0.1 in the canonical form
// (https://spdx.github.io/spdx-spec/v3.0.1/serializations/): each has the fields of its
// type. The library has structs for them; the package comment has the reasons for not
// using its writer.
type object struct {
	Type string `json:"type"`
	ID   string `json:"spdxId,omitempty"`
	Info string `json:"creationInfo,omitempty"`
	Name string `json:"name,omitempty"`

	// CreationInfo, the only object that is no element.
	Blank        string   `json:"@id,omitempty"`
	SpecVersion  string   `json:"specVersion,omitempty"`
	Created      string   `json:"created,omitempty"`
	CreatedBy    []string `json:"createdBy,omitempty"`
	CreatedUsing []string `json:"createdUsing,omitempty"`

	// SpdxDocument and software_Sbom.
	Profiles    []string `json:"profileConformance,omitempty"`
	DataLicense string   `json:"dataLicense,omitempty"`
	SbomTypes   []string `json:"software_sbomType,omitempty"`
	Roots       []string `json:"rootElement,omitempty"`
	Elements    []string `json:"element,omitempty"`

	// software_Package, and agents.
	Version     string       `json:"software_packageVersion,omitempty"`
	Summary     string       `json:"summary,omitempty"`
	Purpose     string       `json:"software_primaryPurpose,omitempty"`
	PURL        string       `json:"software_packageUrl,omitempty"`
	Download    string       `json:"software_downloadLocation,omitempty"`
	SuppliedBy  string       `json:"suppliedBy,omitempty"`
	Origin      []string     `json:"originatedBy,omitempty"`
	Verified    []objectHash `json:"verifiedUsing,omitempty"`
	Identifiers []objectID   `json:"externalIdentifier,omitempty"`

	// simplelicensing_LicenseExpression and simplelicensing_SimpleLicensingText.
	Expression string       `json:"simplelicensing_licenseExpression,omitempty"`
	Custom     []dictionary `json:"simplelicensing_customIdToUri,omitempty"`
	Text       *string      `json:"simplelicensing_licenseText,omitempty"` // may be empty

	// Relationship.
	From     string   `json:"from,omitempty"`
	Relation string   `json:"relationshipType,omitempty"`
	To       []string `json:"to,omitempty"`
	Comment  string   `json:"comment,omitempty"`

	// Annotation.
	Annotation string `json:"annotationType,omitempty"`
	Subject    string `json:"subject,omitempty"`
	Statement  string `json:"statement,omitempty"`
}

type objectHash struct {
	Type      string `json:"type"`
	Algorithm string `json:"algorithm"`
	Value     string `json:"hashValue"`
}

type objectID struct {
	Type  string `json:"type"`
	Kind  string `json:"externalIdentifierType"`
	Value string `json:"identifier"`
}

type dictionary struct {
	Type  string `json:"type"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

const (
	graphVersion = "3.0.1"
	contextURL   = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
	// creationInfo is the only blank node: all elements have the same.
	creationInfo = "_:creationInfo"
	// Individuals of the model for what is not known.
	unknownElement = "https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement"
	unknownLicense = "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense"
)

// EncodeGraph writes d as SPDX 3.0.1 in its canonical form of JSON-LD. Equal
// documents with equal meta have equal bytes. It calls w.Write once, or not at all if
// it returns another error.
func EncodeGraph(w io.Writer, d *sbom.Document, m sbom.Meta) error {
	short, err := newEncoder(d, m)
	if err != nil {
		return err
	}
	e := &graphEncoder{encoder: short, made: map[string]bool{}}
	if e.base, err = e.identity(); err != nil {
		return fmt.Errorf("spdx: %w", err)
	}
	e.document()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(struct {
		Context string   `json:"@context"`
		Graph   []object `json:"@graph"`
	}{contextURL, e.objects}); err != nil {
		return fmt.Errorf("spdx: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("spdx: %w", err)
	}
	return nil
}

// graphEncoder makes the objects of version 3. Facts, names and identifiers are those
// of 2.3.
type graphEncoder struct {
	*encoder
	base    string // the identifier of the document, and of its objects up to "#"
	objects []object
	made    map[string]bool // agents and licences, by identifier
	links   int
}

// identity returns the identifier of the document, made from what is encoded.
func (e *graphEncoder) identity() (string, error) {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, part := range []any{
		e.m.Title(e.d), e.tool, e.created, e.m.DocumentFacts(e.d), e.d.Environment, e.d.Relations,
	} {
		if err := enc.Encode(part); err != nil {
			return "", err
		}
	}
	for i := range e.d.Components {
		c := &e.d.Components[i]
		if err := enc.Encode(append(e.m.ComponentFacts(c), e.m.Unknown(e.d, c)...)); err != nil {
			return "", err
		}
		if err := enc.Encode(c.Owner); err != nil {
			return "", err
		}
	}
	return namespace + sbom.ContentUUID(h.Sum(nil)), nil
}

func (e *graphEncoder) id(name string) string { return e.base + "#" + name }

// add adds an element and returns its identifier.
func (e *graphEncoder) add(o object) string {
	o.Info = creationInfo
	e.objects = append(e.objects, o)
	return o.ID
}

func (e *graphEncoder) document() {
	info := object{
		Type: "CreationInfo", Blank: creationInfo, SpecVersion: graphVersion, Created: e.created,
		Comment: sbom.GenerationContext + ", by depaudit's counting rules",
	}
	title, profiles := e.m.Title(e.d), []string{"core", "software", "simpleLicensing"}
	// The three that the others are listed in or refer to come first.
	e.objects = make([]object, 3, 3+5*len(e.d.Components)+len(e.d.Relations))
	info.CreatedUsing = []string{e.add(object{Type: "Tool", ID: e.id("Tool"), Name: e.tool})}
	if e.m.Author != "" {
		info.CreatedBy = []string{e.agent(e.m.Author)}
	} else {
		info.CreatedBy = []string{e.add(object{Type: "SoftwareAgent", ID: e.id("Agent"), Name: e.tool})}
	}
	root := object{Type: "software_Package", ID: e.id(environmentID), Name: title, Purpose: "other"}
	if e.d.Environment.IsImage() {
		root.Purpose = "container"
	}
	e.add(root)
	for i := range e.d.Components {
		e.component(&e.d.Components[i])
	}
	e.relations()
	license := e.expression("CC0-1.0", nil)
	bom := object{
		Type: "software_Sbom", ID: e.id("SBOM"), Info: creationInfo, Name: title, SbomTypes: []string{"deployed"},
		Profiles: profiles, Roots: []string{root.ID},
	}
	e.annotate(bom.ID, "Facts", e.m.DocumentFacts(e.d))
	for _, o := range e.objects[3:] {
		bom.Elements = append(bom.Elements, o.ID)
	}
	e.objects[0], e.objects[2] = info, bom
	e.objects[1] = object{
		Type: "SpdxDocument", ID: e.base, Info: creationInfo, Name: title, Profiles: profiles,
		DataLicense: license, Roots: []string{bom.ID},
	}
}

func (e *graphEncoder) component(c *sbom.Component) {
	name := string(e.ids[c.ID])
	p := object{
		Type: "software_Package", ID: e.id(name), Name: sbom.Text(c.Name), Version: textOrNothing(c.Version),
		Purpose: strings.ToLower(purpose(c)),
	}
	for _, h := range e.m.Hashes(c) {
		// The names of the algorithms are those of [sbom.Digest].
		p.Verified = append(p.Verified, objectHash{"Hash", h.Algorithm, h.Value})
	}
	if c.Supplier != "" {
		p.SuppliedBy = e.agent(c.Supplier)
		p.Origin = []string{p.SuppliedBy}
	}
	if c.PURL != "" {
		p.PURL = sbom.SafePURL(c.PURL)
	}
	if uri := c.Deployable().URI; uri != "" {
		p.Download = sbom.SafePURL(uri)
	}
	e.add(p)
	declared := unknownLicense
	if len(c.Licenses) > 0 {
		d := license.Of(c)
		declared = e.expression(d.Expression, d.Refs)
	}
	e.link(p.ID, "hasDeclaredLicense", declared, nil)
	e.annotate(p.ID, "Facts-"+name, append(e.m.ComponentFacts(c, native(c)...), append(e.m.Unknown(e.d, c), e.m.UnknownOfBSI(c, "filename", "archive", "structured", "source-uri")...)...))
}

// agent returns the person or organization that a text names, one for each text.
func (e *graphEncoder) agent(text string) string {
	party := sbom.SupplierParty(text)
	a := object{Type: "Organization", ID: e.id("Agent-" + digest(text)), Name: sbom.Text(party.Name)}
	if party.Person {
		a.Type = "Person"
	}
	if party.Email != "" {
		a.Identifiers = []objectID{{"ExternalIdentifier", "email", sbom.Text(party.Email)}}
	}
	return e.once(a)
}

// once adds an element that several others refer to.
func (e *graphEncoder) once(o object) string {
	if !e.made[o.ID] {
		e.made[o.ID] = true
		e.add(o)
	}
	return o.ID
}

// digest returns what distinguishes an identifier.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// expression returns an expression with the texts that it refers to, one for each.
func (e *graphEncoder) expression(text string, refs map[string]string) string {
	x := object{Type: "simplelicensing_LicenseExpression", ID: e.id("License-" + digest(text)), Expression: text}
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		words := sbom.Text(refs[ref])
		id := e.once(object{Type: "simplelicensing_SimpleLicensingText", ID: e.id(ref), Name: words, Text: &words})
		x.Custom = append(x.Custom, dictionary{"DictionaryEntry", ref, id})
	}
	return e.once(x)
}

func (e *graphEncoder) annotate(about, name string, facts []sbom.Fact) {
	e.add(object{Type: "Annotation", ID: e.id(name), Annotation: "other", Subject: about, Statement: sbom.JoinFacts(facts)})
}

// relations adds what contains and needs what, as [encoder.relationships] does.
func (e *graphEncoder) relations() {
	root := e.id(environmentID)
	at := func(id string) string { return e.id(string(e.ids[id])) }
	if os := e.d.Environment.OS; os.ID != "" {
		e.link(root, "contains", e.add(object{
			Type: "software_Package", ID: e.id(osID), Name: sbom.Text(os.ID), Version: textOrNothing(os.VersionID),
			Summary: textOrNothing(os.Pretty), Purpose: "operatingSystem",
		}), nil)
	}
	for i := range e.d.Components {
		c := &e.d.Components[i]
		owner := root
		if c.Owner != "" {
			owner = at(c.Owner)
		}
		e.link(owner, "contains", at(c.ID), nil)
	}
	for _, r := range e.d.Relations {
		kind := "other"
		switch r.Kind {
		case sbom.RelDepends, sbom.RelPreDepends:
			kind = "dependsOn"
		case sbom.RelRecommends:
			kind = "hasOptionalDependency"
		}
		e.link(at(r.From), kind, at(r.To), relationFacts(r))
	}
	for i := range e.d.Components {
		if c := &e.d.Components[i]; !e.d.DependenciesKnown(c) {
			e.link(at(c.ID), "dependsOn", unknownElement, nil)
		}
	}
}

// link adds a relationship.
func (e *graphEncoder) link(from, kind, to string, comment []sbom.Fact) {
	e.links++
	e.add(object{
		Type: "Relationship", ID: e.id(fmt.Sprintf("Relationship-%d", e.links)),
		From: from, Relation: kind, To: []string{to}, Comment: sbom.JoinFacts(comment),
	})
}

// asTwo gives the document that readGraph made of one that EncodeGraph wrote the
// identifiers of 2.3, and leaves out the relationships that 2.3 has as fields.
func asTwo(in *document) *document {
	out := *in
	short := func(id string) string {
		if rest, ok := strings.CutPrefix(id, in.SPDXID+"#"); ok {
			return prefix + rest
		}
		return id
	}
	out.Packages = slices.Clone(in.Packages)
	for i := range out.Packages {
		out.Packages[i].SPDXID = short(out.Packages[i].SPDXID)
	}
	out.Relationships = nil
	for _, r := range in.Relationships {
		r.From, r.To = short(r.From), short(r.To)
		if r.Type != "hasDeclaredLicense" {
			out.Relationships = append(out.Relationships, r)
		}
	}
	return &out
}
