package spdx

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/depaudit/depaudit/sbom"
)

// errThirdParty is returned for a document without the facts of depaudit.
var errThirdParty = errors.New("the document has no facts of depaudit")

// decode is the inverse of [Encode]. The document equals the encoded one, and
// encoding both results again gives the same bytes. Its Rules are those that
// it was counted by, not those of this program.
func decode(in *document) (*sbom.Document, sbom.Meta, error) {
	dec := decoder{byID: map[string]int{}, decided: map[string]sbom.Annotation{}}
	if err := dec.document(in); err != nil {
		return nil, sbom.Meta{}, err
	}
	d, err := sbom.Restore(dec.d)
	if err != nil {
		return nil, sbom.Meta{}, err
	}
	return d, dec.m, nil
}

type decoder struct {
	d       sbom.Document
	m       sbom.Meta
	byID    map[string]int // index into d.Components
	decided map[string]sbom.Annotation
}

func (dec *decoder) document(in *document) error {
	if err := dec.meta(in); err != nil {
		return err
	}
	for _, a := range in.Annotations {
		for _, f := range facts(a) {
			if err := sbom.SetDocumentFact(&dec.d, &dec.m, f); err != nil {
				return err
			}
		}
	}
	if dec.d.Rules == 0 || dec.d.Environment.Kind == "" {
		return errThirdParty
	}
	for i := range in.Packages {
		p := &in.Packages[i]
		if p.SPDXID == prefix+environmentID || p.SPDXID == prefix+osID {
			continue
		}
		if err := dec.component(p); err != nil {
			return fmt.Errorf("package %.200q: %w", p.SPDXID, err)
		}
	}
	for i := range in.Relationships {
		r := &in.Relationships[i]
		if r.From == "" && r.To == "" {
			continue // null
		}
		if err := dec.relationship(r); err != nil {
			return fmt.Errorf("relationship %.200q %.50q %.200q: %w", r.From, r.Type, r.To, err)
		}
	}
	return nil
}

// prefix begins the identifiers of elements; the library adds it when it writes.
const prefix = "SPDXRef-"

func (dec *decoder) meta(in *document) error {
	var err error
	if dec.m.Name, err = sbom.ParseText(in.Name); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if in.CreationInfo == nil {
		return errThirdParty
	}
	for _, c := range in.CreationInfo.Creators {
		if version, ok := strings.CutPrefix(c, "Tool: "+toolPrefix); ok {
			dec.m.ToolVersion = version
		}
	}
	if dec.m.Created, err = time.Parse(time.RFC3339, in.CreationInfo.Created); err != nil {
		return fmt.Errorf("creationInfo.created: %w", err)
	}
	dec.m.Created = dec.m.Created.UTC()
	return nil
}

// facts returns the facts of an annotation that depaudit wrote.
func facts(a annotation) []sbom.Fact {
	if !strings.HasPrefix(a.Annotator, "Tool: "+toolPrefix) {
		return nil
	}
	return sbom.ParseFacts(a.Comment)
}

func (dec *decoder) component(p *pkg) error {
	var c sbom.Component
	var err error
	if c.Name, err = sbom.ParseText(p.Name); err != nil {
		return err
	}
	if c.Version, err = sbom.ParseText(p.Version); err != nil {
		return err
	}
	c.PURL, _ = p.purl()
	var decided sbom.Annotation
	for _, a := range p.Annotations {
		for _, f := range facts(a) {
			if err := sbom.SetComponentFact(&c, &decided, f); err != nil {
				return err
			}
		}
	}
	if c.ID == "" {
		return errors.New("no fact depaudit:id: not a component that depaudit wrote")
	}
	if _, twice := dec.byID[p.SPDXID]; twice {
		return errors.New("the identifier is used twice")
	}
	dec.byID[p.SPDXID] = len(dec.d.Components)
	dec.d.Components = append(dec.d.Components, c)
	if decided != (sbom.Annotation{}) {
		dec.decided[c.ID] = decided
		dec.m.Provenance = func(id string) sbom.Annotation { return dec.decided[id] }
	}
	return nil
}

func (dec *decoder) relationship(r *relationship) error {
	if r.From == prefix+documentID || r.From == prefix+environmentID {
		return nil // the root of the document, and the components that count
	}
	if r.To == noAssertion && r.Type == "DEPENDS_ON" {
		return nil // what the component depends on is not known
	}
	from, err := dec.at(r.From)
	if err != nil {
		return err
	}
	to, err := dec.at(r.To)
	if err != nil {
		return err
	}
	out := sbom.Relation{From: from.ID, To: to.ID}
	switch r.Type {
	case "CONTAINS":
		if to.Owner != "" {
			return errors.New("it has an owner already")
		}
		to.Owner = from.ID
		return nil
	case "DEPENDS_ON":
		out.Kind = sbom.RelDepends
	case "OPTIONAL_DEPENDENCY_OF":
		out.Kind = sbom.RelRecommends
		out.From, out.To = to.ID, from.ID
	}
	for _, f := range sbom.ParseFacts(r.Comment) {
		value, err := sbom.ParseText(f.Value)
		if err != nil {
			return err
		}
		switch f.Key {
		case keyKind:
			out.Kind = sbom.RelationKind(value)
		case keyVia:
			out.Via = value
		case keyFile:
			out.File = value
		case keyGroup:
			if out.Group, err = strconv.Atoi(value); err != nil {
				return fmt.Errorf("%s%s: %w", sbom.FactPrefix, keyGroup, err)
			}
		}
	}
	dec.d.Relations = append(dec.d.Relations, out)
	return nil
}

func (dec *decoder) at(ref string) (*sbom.Component, error) {
	i, ok := dec.byID[ref]
	if !ok {
		return nil, fmt.Errorf("%.200s is not a component", ref)
	}
	return &dec.d.Components[i], nil
}
