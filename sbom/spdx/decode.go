package spdx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/depaudit/depaudit/sbom"
)

// ErrForeign is returned by [Decode] for an SPDX document that depaudit did
// not write. It does not hold what a footprint needs.
var ErrForeign = errors.New("spdx: not a document of depaudit's")

// maxBytes is the size up to which a document is read: 10,000 components take
// 19 MB, and the library holds a document several times while it reads.
const maxBytes = 256 << 20

// Decode reads what [Encode] wrote. The document equals the encoded one, and
// encoding both results again gives the same bytes. Its Rules are those that
// it was counted by, not those of this program.
func Decode(r io.Reader) (*sbom.Document, sbom.Meta, error) {
	var m sbom.Meta
	in, err := read(r, maxBytes)
	if err != nil {
		return nil, m, err
	}
	dec := decoder{byID: map[common.ElementID]int{}, decided: map[string]sbom.Annotation{}}
	if err := dec.document(in); err != nil {
		return nil, m, err
	}
	rules := dec.d.Rules
	d, err := sbom.New(dec.d)
	if err != nil {
		return nil, m, fmt.Errorf("spdx: %w", err)
	}
	d.Rules = rules
	return d, dec.m, nil
}

func read(r io.Reader, limit int64) (*v2_3.Document, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("spdx: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("spdx: the document is larger than %d MiB", limit>>20)
	}
	var doc v2_3.Document
	if err := spdxjson.ReadInto(bytes.NewReader(data), &doc); err != nil {
		return nil, fmt.Errorf("spdx: %w", err)
	}
	return &doc, nil
}

type decoder struct {
	d       sbom.Document
	m       sbom.Meta
	byID    map[common.ElementID]int // index into d.Components
	decided map[string]sbom.Annotation
}

func (dec *decoder) document(in *v2_3.Document) error {
	for _, a := range in.Annotations {
		if a == nil {
			continue
		}
		for _, f := range facts(*a) {
			if err := sbom.SetDocumentFact(&dec.d, f); err != nil {
				return fmt.Errorf("spdx: %w", err)
			}
		}
	}
	if dec.d.Rules == 0 || dec.d.Environment.Kind == "" {
		return ErrForeign
	}
	if err := dec.meta(in); err != nil {
		return err
	}
	for _, p := range in.Packages {
		if p == nil || p.PackageSPDXIdentifier == environmentID || p.PackageSPDXIdentifier == osID {
			continue
		}
		if err := dec.component(p); err != nil {
			return fmt.Errorf("spdx: package SPDXRef-%s: %w", p.PackageSPDXIdentifier, err)
		}
	}
	for _, r := range in.Relationships {
		if err := dec.relationship(r); err != nil {
			return fmt.Errorf("spdx: relationship %s %s %s: %w",
				common.RenderDocElementID(r.RefA), r.Relationship, common.RenderDocElementID(r.RefB), err)
		}
	}
	return nil
}

func (dec *decoder) meta(in *v2_3.Document) error {
	var err error
	if dec.m.Name, err = sbom.ParseText(in.DocumentName); err != nil {
		return fmt.Errorf("spdx: name: %w", err)
	}
	if in.CreationInfo == nil {
		return ErrForeign
	}
	for _, c := range in.CreationInfo.Creators {
		if version, ok := strings.CutPrefix(c.Creator, toolPrefix); ok && c.CreatorType == "Tool" {
			dec.m.ToolVersion = version
		}
	}
	if dec.m.Created, err = time.Parse(time.RFC3339, in.CreationInfo.Created); err != nil {
		return fmt.Errorf("spdx: creationInfo.created: %w", err)
	}
	dec.m.Created = dec.m.Created.UTC()
	return nil
}

// facts are the facts in an annotation, if depaudit made it.
func facts(a v2_3.Annotation) []sbom.Fact {
	if a.Annotator.AnnotatorType != "Tool" || !strings.HasPrefix(a.Annotator.Annotator, toolPrefix) {
		return nil
	}
	return sbom.ParseFacts(a.AnnotationComment)
}

func (dec *decoder) component(p *v2_3.Package) error {
	var c sbom.Component
	var err error
	if c.Name, err = sbom.ParseText(p.PackageName); err != nil {
		return err
	}
	if c.Version, err = sbom.ParseText(p.PackageVersion); err != nil {
		return err
	}
	for _, ref := range p.PackageExternalReferences {
		if ref != nil && ref.Category == common.CategoryPackageManager && ref.RefType == common.TypePackageManagerPURL {
			c.PURL = ref.Locator
		}
	}
	var decided sbom.Annotation
	for _, a := range p.Annotations {
		for _, f := range facts(a) {
			if err := sbom.SetComponentFact(&c, &decided, f); err != nil {
				return err
			}
		}
	}
	if c.ID == "" {
		return errors.New("no fact depaudit:id: not a component of depaudit's")
	}
	if _, twice := dec.byID[p.PackageSPDXIdentifier]; twice {
		return errors.New("the identifier is used twice")
	}
	dec.byID[p.PackageSPDXIdentifier] = len(dec.d.Components)
	dec.d.Components = append(dec.d.Components, c)
	if decided != (sbom.Annotation{}) {
		dec.decided[c.ID] = decided
		dec.m.Provenance = func(id string) sbom.Annotation { return dec.decided[id] }
	}
	return nil
}

func (dec *decoder) relationship(r *v2_3.Relationship) error {
	if r.RefA.ElementRefID == documentID || r.RefA.ElementRefID == environmentID {
		return nil // what the document describes, and what counts
	}
	from, err := dec.at(r.RefA)
	if err != nil {
		return err
	}
	to, err := dec.at(r.RefB)
	if err != nil {
		return err
	}
	out := sbom.Relation{From: from.ID, To: to.ID}
	switch r.Relationship {
	case common.TypeRelationshipContains:
		if to.Owner != "" {
			return errors.New("it has an owner already")
		}
		to.Owner = from.ID
		return nil
	case common.TypeRelationshipDependsOn:
		out.Kind = sbom.RelDepends
	case common.TypeRelationshipOptionalDependencyOf:
		out.Kind = sbom.RelRecommends
		out.From, out.To = to.ID, from.ID
	}
	for _, f := range sbom.ParseFacts(r.RelationshipComment) {
		value, err := sbom.ParseText(f.Value)
		if err != nil {
			return err
		}
		switch f.Key {
		case keyKind:
			out.Kind = sbom.RelationKind(value)
		case keyVia:
			out.Via = value
		}
	}
	dec.d.Relations = append(dec.d.Relations, out)
	return nil
}

func (dec *decoder) at(ref common.DocElementID) (*sbom.Component, error) {
	i, ok := dec.byID[ref.ElementRefID]
	if !ok {
		return nil, fmt.Errorf("%s is no component", common.RenderDocElementID(ref))
	}
	return &dec.d.Components[i], nil
}
