package cyclonedx

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/depaudit/depaudit/sbom"
)

// errThirdParty is returned for a document without the facts of depaudit.
var errThirdParty = errors.New("the document has no facts of depaudit")

// decode is the inverse of [Encode]. The document equals the encoded one, and
// encoding both results again gives the same bytes. Its Rules are those that
// it was counted by, not those of this program.
func decode(b *bom) (*sbom.Document, sbom.Meta, error) {
	dec := decoder{known: map[string]bool{}, related: map[[2]string]bool{}, decided: map[string]sbom.Annotation{}}
	if err := dec.document(b); err != nil {
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
	known   map[string]bool    // component IDs
	related map[[2]string]bool // pairs whose relations are properties
	decided map[string]sbom.Annotation
}

func (dec *decoder) document(bom *bom) error {
	if !ours(bom) {
		return errThirdParty
	}
	if err := dec.meta(bom.Metadata); err != nil {
		return err
	}
	for f := range facts(bom.Metadata.Properties) {
		if err := sbom.SetDocumentFact(&dec.d, &dec.m, f); err != nil {
			return err
		}
	}
	if dec.d.Rules == 0 || dec.d.Environment.Kind == "" {
		return errThirdParty
	}
	if err := dec.components(bom.Components); err != nil {
		return err
	}
	return dec.dependencies(bom.Dependencies)
}

func (dec *decoder) meta(m *metadata) error {
	var err error
	if dec.m.Name, err = sbom.ParseText(m.Component.Name); err != nil {
		return fmt.Errorf("metadata.component.name: %w", err)
	}
	if m.Tools != nil {
		for _, c := range m.Tools.Components {
			if c.Name == toolName {
				dec.m.ToolVersion = c.Version
			}
		}
	}
	if dec.m.Created, err = time.Parse(time.RFC3339, m.Timestamp); err != nil {
		return fmt.Errorf("metadata.timestamp: %w", err)
	}
	dec.m.Created = dec.m.Created.UTC()
	return nil
}

func (dec *decoder) components(in []component) error {
	for i := range in {
		c := &in[i]
		if c.Ref == osRef {
			continue
		}
		if err := dec.component(c); err != nil {
			return fmt.Errorf("component %.200q: %w", c.Ref, err)
		}
		// strictjson has limited the depth.
		if err := dec.components(c.Components); err != nil {
			return err
		}
	}
	return nil
}

func (dec *decoder) component(in *component) error {
	c := sbom.Component{PURL: in.PURL}
	for _, f := range []struct {
		text string
		to   *string
	}{{in.Ref, &c.ID}, {in.Group, &c.Namespace}, {in.Name, &c.Name}, {in.Version, &c.Version}} {
		s, err := sbom.ParseText(f.text)
		if err != nil {
			return err
		}
		*f.to = s
	}
	if c.ID == "" || dec.known[c.ID] {
		return errors.New("the bom-ref is missing or used twice")
	}
	dec.known[c.ID] = true
	if in.Evidence != nil {
		for _, o := range in.Evidence.Occurrences {
			path, err := sbom.ParseText(o.Location)
			if err != nil {
				return err
			}
			c.Paths = append(c.Paths, path)
		}
	}
	var decided sbom.Annotation
	for f := range facts(in.Properties) {
		if f.Key == keyRelation {
			var r relation
			if err := sbom.ParseRecord(f.Value, &r); err != nil {
				return err
			}
			dec.related[[2]string{c.ID, r.To}] = true
			dec.d.Relations = append(dec.d.Relations, sbom.Relation{From: c.ID, To: r.To, Kind: r.Kind, Via: r.Via, Group: r.Group, File: r.File})
			continue
		}
		if err := sbom.SetComponentFact(&c, &decided, f); err != nil {
			return err
		}
	}
	if decided != (sbom.Annotation{}) {
		dec.decided[c.ID] = decided
		dec.m.Provenance = func(id string) sbom.Annotation { return dec.decided[id] }
	}
	dec.d.Components = append(dec.d.Components, c)
	return nil
}

// dependencies adds the edges that are not in the properties of components.
func (dec *decoder) dependencies(in []dependency) error {
	for _, d := range in {
		if d.Ref == environmentRef {
			continue
		}
		from, err := sbom.ParseText(d.Ref)
		if err != nil {
			return fmt.Errorf("dependencies: %w", err)
		}
		for _, ref := range d.DependsOn {
			to, err := sbom.ParseText(ref)
			if err != nil {
				return fmt.Errorf("dependencies of %.200q: %w", from, err)
			}
			if !dec.related[[2]string{from, to}] {
				dec.d.Relations = append(dec.d.Relations, sbom.Relation{From: from, To: to, Kind: sbom.RelDepends})
			}
		}
	}
	return nil
}

// facts returns the properties that are facts of depaudit.
func facts(properties []prop) iter.Seq[sbom.Fact] {
	return func(yield func(sbom.Fact) bool) {
		for _, p := range properties {
			key, ours := strings.CutPrefix(p.Name, sbom.FactPrefix)
			if ours && !yield(sbom.Fact{Key: key, Value: p.Value}) {
				return
			}
		}
	}
}
