package spdx

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/depaudit/depaudit/sbom/internal/draft"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// graph is a document of SPDX 3.0 in its canonical form: one list of objects
// under "@graph", each with short names for its type and its properties
// (annex "RDF serialization" of SPDX 3.0.1). JSON-LD allows other spellings, by
// full names or by another context. A document that has them is refused, because
// a package could be in them.
type graph struct {
	Context any    `json:"@context"`
	Graph   []node `json:"@graph"`
}

type node struct {
	Type    string             `json:"type"`
	AtType  string             `json:"@type"`
	ID      string             `json:"spdxId"`
	AtID    string             `json:"@id"`
	Name    string             `json:"name"`
	Summary string             `json:"summary"`
	Roots   strictjson.Strings `json:"rootElement"`
	Using   strictjson.Strings `json:"createdUsing"`
	Created string             `json:"created"`
	Imports []extern           `json:"import"`

	Version     string       `json:"software_packageVersion"`
	PURL        string       `json:"software_packageUrl"`
	Download    string       `json:"software_downloadLocation"`
	SourceInfo  string       `json:"software_sourceInfo"`
	Purpose     string       `json:"software_primaryPurpose"`
	Identifiers []identifier `json:"externalIdentifier"`
	Verified    []hash       `json:"verifiedUsing"`

	From         string             `json:"from"`
	To           strictjson.Strings `json:"to"`
	Relation     string             `json:"relationshipType"`
	Completeness string             `json:"completeness"`
	Comment      string             `json:"comment"`

	Subject   string `json:"subject"`
	Statement string `json:"statement"`
}

type extern struct {
	ID string `json:"externalSpdxId"`
}

type identifier struct {
	Type  string `json:"externalIdentifierType"`
	Value string `json:"identifier"`
}

type hash struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"hashValue"`
}

var (
	graphContext = lazyregexp.New(`^https?://spdx\.org/rdf/3\.0(\.[01])?/spdx-context\.jsonld$`)
	fullName     = lazyregexp.New(`"https?://spdx\.org/rdf/[^"]*/terms/[A-Za-z]+/(Package|Relationship|packageUrl|packageVersion|relationshipType|from|to|name|primaryPurpose|rootElement)"\s*[:,}\]]`)
)

// readGraph converts version 3.0 to the form of 2.3.
func readGraph(ctx context.Context, data []byte) (*document, error) {
	var g graph
	if err := strictjson.Unmarshal(ctx, data, &g); err != nil {
		return nil, err
	}
	if s, ok := g.Context.(string); !ok || !graphContext.MatchString(s) {
		return nil, fmt.Errorf("the @context is not exactly that of SPDX 3.0, so that names are ambiguous (write the canonical form, with \"@context\": \"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\")")
	}
	if at := fullName.FindIndex(data); at != nil {
		return nil, strictjson.At(data, int64(at[0]), "a full name where the canonical form of SPDX 3.0 has a short one: %s", draft.Quote(string(bytes.TrimRight(data[at[0]:at[1]], " \t\r\n:,}]"))))
	}
	doc := &document{SPDXVersion: "SPDX-2.3", CreationInfo: new(creation)}
	c := converter{doc: doc, tools: map[string]string{}, roots: map[string][]string{}, external: map[string]bool{}, statements: map[string][]string{}}
	for i := range g.Graph {
		n := &g.Graph[i]
		n.Type, n.ID = cmp.Or(n.Type, n.AtType), cmp.Or(n.ID, n.AtID)
		if n.AtType != "" && n.AtType != n.Type || n.AtID != "" && n.AtID != n.ID {
			return nil, fmt.Errorf("@graph[%d]: \"@type\" or \"@id\" differs from \"type\" or \"spdxId\"", i)
		}
		if err := c.node(n); err != nil {
			return nil, fmt.Errorf("@graph[%d]: %w", i, err)
		}
	}
	c.finish()
	return doc, nil
}

type converter struct {
	doc      *document
	using    []string
	tools    map[string]string   // names of tools by identifier
	roots    map[string][]string // of documents and collections
	others   []string
	external map[string]bool
	// statements are those of annotations, by the identifier of their subject.
	statements map[string][]string
}

func (c *converter) node(n *node) error {
	switch n.Type {
	case "software_Package", "ai_AIPackage", "dataset_DatasetPackage":
		c.doc.Packages = append(c.doc.Packages, c.pkg(n))
	case "software_File":
		c.doc.Files = append(c.doc.Files, file{n.ID, n.Name})
	case "software_Snippet":
		c.doc.Snippets = append(c.doc.Snippets, snippet{n.ID})
	case "Relationship", "LifecycleScopedRelationship":
		return c.relationship(n)
	case "SpdxDocument", "software_Sbom", "Bom", "Bundle":
		for _, e := range n.Imports {
			c.external[e.ID] = true
		}
		if n.Type == "SpdxDocument" {
			c.doc.SPDXID, c.doc.Name = n.ID, n.Name
		}
		c.roots[n.ID] = n.Roots
		c.others = append(c.others, n.ID)
	case "CreationInfo":
		c.using = append(c.using, n.Using...)
		// The newest, as elements of several documents can be in one.
		c.doc.CreationInfo.Created = max(c.doc.CreationInfo.Created, n.Created)
	case "Annotation":
		if n.Statement != "" {
			c.statements[n.Subject] = append(c.statements[n.Subject], n.Statement)
		}
		c.others = append(c.others, n.ID)
	case "Tool", "SoftwareAgent":
		c.tools[n.ID] = n.Name
		c.others = append(c.others, n.ID)
	default:
		if n.Type == "" || strings.ContainsAny(n.Type, ":/") {
			return fmt.Errorf("the type %s is not one of the canonical form", draft.Quote(n.Type))
		}
		c.others = append(c.others, n.ID)
	}
	return nil
}

func (c *converter) pkg(n *node) pkg {
	p := pkg{
		SPDXID: n.ID, Name: n.Name, Version: n.Version, Purpose: upper(n.Purpose),
		Download: n.Download, SourceInfo: n.SourceInfo, Summary: n.Summary,
	}
	if n.Type == "dataset_DatasetPackage" {
		p.Purpose = "DATA"
	}
	if n.PURL != "" {
		p.External = append(p.External, externalRef{"PACKAGE-MANAGER", "purl", n.PURL})
	}
	for _, x := range n.Identifiers {
		if x.Type == "packageUrl" || x.Type == "packageURL" {
			p.External = append(p.External, externalRef{"PACKAGE-MANAGER", "purl", x.Value})
		}
	}
	for _, h := range n.Verified {
		p.Checksums = append(p.Checksums, checksum(h))
	}
	return p
}

// upper returns "OPERATING_SYSTEM" for "operatingSystem".
func upper(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// turned has the names in 2.3 of the relationships of 3.0; reverse is set when the
// ends change places.
var turned = map[string]struct {
	name    string
	reverse bool
}{
	"contains":              {"CONTAINS", false},
	"describes":             {"DESCRIBES", false},
	"dependsOn":             {"DEPENDS_ON", false},
	"hasPrerequisite":       {"HAS_PREREQUISITE", false},
	"hasRequirement":        {"DEPENDS_ON", false},
	"hasDynamicLink":        {"DYNAMIC_LINK", false},
	"hasStaticLink":         {"STATIC_LINK", false},
	"hasProvidedDependency": {"PROVIDED_DEPENDENCY_OF", true},
	"hasOptionalDependency": {"OPTIONAL_DEPENDENCY_OF", true},
	"hasOptionalComponent":  {"OPTIONAL_COMPONENT_OF", true},
	"usesTool":              {"BUILD_TOOL_OF", true},
	"generates":             {"GENERATES", false},
}

func (c *converter) relationship(n *node) error {
	name, reverse := n.Relation, false
	if t, ok := turned[n.Relation]; ok {
		name, reverse = t.name, t.reverse
	}
	if name == "other" {
		name = "OTHER"
	}
	if len(c.doc.Relationships)+len(n.To) > draft.MaxEdges {
		return draft.ErrTooMany("relations", draft.MaxEdges)
	}
	add := func(from, to string) {
		if reverse {
			from, to = to, from
		}
		c.doc.Relationships = append(c.doc.Relationships, relationship{From: from, To: to, Type: name, Comment: n.Comment})
	}
	for _, to := range n.To {
		// Individuals of the model are the keywords of 2.3.
		switch {
		case strings.HasSuffix(to, "NoneElement"):
			to = none
		case strings.HasSuffix(to, "NoAssertionElement"):
			to = noAssertion
		}
		add(n.From, to)
	}
	if n.Completeness == "incomplete" {
		add(n.From, noAssertion)
	}
	return nil
}

// finish resolves the names of tools and the roots of documents, and converts
// references to imported elements to those of 2.3.
func (c *converter) finish() {
	for _, id := range c.using {
		if name := c.tools[id]; name != "" {
			c.doc.CreationInfo.Creators = append(c.doc.CreationInfo.Creators, "Tool: "+name)
		}
	}
	annotator := ""
	if len(c.using) == 1 {
		annotator = "Tool: " + c.tools[c.using[0]]
	}
	note := func(id string) (out []annotation) {
		for _, s := range c.statements[id] {
			out = append(out, annotation{Annotator: annotator, Type: "OTHER", Comment: s})
		}
		return out
	}
	for i := range c.doc.Packages {
		c.doc.Packages[i].Annotations = note(c.doc.Packages[i].SPDXID)
	}
	for _, of := range slices.Sorted(maps.Keys(c.roots)) {
		c.doc.Annotations = append(c.doc.Annotations, note(of)...)
	}
	for _, of := range slices.Sorted(maps.Keys(c.roots)) {
		for _, id := range c.roots[of] {
			if _, collection := c.roots[id]; !collection {
				c.doc.Describes = append(c.doc.Describes, id)
			}
		}
	}
	for i := range c.doc.Relationships {
		r := &c.doc.Relationships[i]
		for _, end := range []*string{&r.From, &r.To} {
			if c.external[*end] {
				*end = documentPart + *end
			}
		}
	}
	for i, id := range c.doc.Describes {
		if c.external[id] {
			c.doc.Describes[i] = documentPart + id
		}
	}
	// Agents, licences and the like may be ends of relations.
	c.doc.others = c.others
}
