package cyclonedx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/depaudit/depaudit/sbom"
)

// ErrForeign is returned by [Decode] for a CycloneDX document that depaudit
// did not write. It does not hold what a footprint needs.
var ErrForeign = errors.New("cyclonedx: not a document of depaudit's")

// maxBytes is the size up to which a document is read: 10,000 components take
// 15 MB, and the library holds a document several times while it reads.
const maxBytes = 256 << 20

// Decode reads what [Encode] wrote. The document equals the encoded one, and
// encoding both results again gives the same bytes. Its Rules are those that
// it was counted by, not those of this program.
func Decode(r io.Reader) (*sbom.Document, sbom.Meta, error) {
	var m sbom.Meta
	bom, err := read(r, maxBytes)
	if err != nil {
		return nil, m, err
	}
	dec := decoder{known: map[string]bool{}, related: map[[2]string]bool{}, decided: map[string]sbom.Annotation{}}
	if err := dec.document(bom); err != nil {
		return nil, m, err
	}
	rules := dec.d.Rules
	d, err := sbom.New(dec.d)
	if err != nil {
		return nil, m, fmt.Errorf("cyclonedx: %w", err)
	}
	d.Rules = rules
	return d, dec.m, nil
}

func read(r io.Reader, limit int64) (*cdx.BOM, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("cyclonedx: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("cyclonedx: the document is larger than %d MiB", limit>>20)
	}
	bom := new(cdx.BOM)
	if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		return nil, fmt.Errorf("cyclonedx: %w", err)
	}
	return bom, nil
}

type decoder struct {
	d       sbom.Document
	m       sbom.Meta
	known   map[string]bool    // component IDs
	related map[[2]string]bool // pairs whose relations are properties
	decided map[string]sbom.Annotation
}

func (dec *decoder) document(bom *cdx.BOM) error {
	if bom.Metadata == nil || bom.Metadata.Component == nil || bom.Metadata.Component.BOMRef != environmentRef {
		return ErrForeign
	}
	for f := range facts(bom.Metadata.Properties) {
		if err := sbom.SetDocumentFact(&dec.d, f); err != nil {
			return fmt.Errorf("cyclonedx: %w", err)
		}
	}
	if dec.d.Rules == 0 || dec.d.Environment.Kind == "" {
		return ErrForeign
	}
	if err := dec.meta(bom.Metadata); err != nil {
		return err
	}
	if err := dec.components(bom.Components); err != nil {
		return err
	}
	return dec.dependencies(bom.Dependencies)
}

func (dec *decoder) meta(m *cdx.Metadata) error {
	var err error
	if dec.m.Name, err = sbom.ParseText(m.Component.Name); err != nil {
		return fmt.Errorf("cyclonedx: metadata.component.name: %w", err)
	}
	if m.Tools != nil {
		for _, c := range list(m.Tools.Components) {
			if c.Name == toolName {
				dec.m.ToolVersion = c.Version
			}
		}
	}
	if dec.m.Created, err = time.Parse(time.RFC3339, m.Timestamp); err != nil {
		return fmt.Errorf("cyclonedx: metadata.timestamp: %w", err)
	}
	dec.m.Created = dec.m.Created.UTC()
	return nil
}

func (dec *decoder) components(in *[]cdx.Component) error {
	for _, c := range list(in) {
		if c.BOMRef == osRef {
			continue
		}
		if err := dec.component(&c); err != nil {
			return fmt.Errorf("cyclonedx: component %.200q: %w", c.BOMRef, err)
		}
		// The reader of JSON has limited the depth.
		if err := dec.components(c.Components); err != nil {
			return err
		}
	}
	return nil
}

func (dec *decoder) component(in *cdx.Component) error {
	c := sbom.Component{PURL: in.PackageURL}
	for _, f := range []struct {
		text string
		to   *string
	}{{in.BOMRef, &c.ID}, {in.Group, &c.Namespace}, {in.Name, &c.Name}, {in.Version, &c.Version}} {
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
		for _, o := range list(in.Evidence.Occurrences) {
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
			dec.d.Relations = append(dec.d.Relations, sbom.Relation{From: c.ID, To: r.To, Kind: r.Kind, Via: r.Via})
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

// dependencies adds the edges that the components' properties do not have.
func (dec *decoder) dependencies(in *[]cdx.Dependency) error {
	for _, d := range list(in) {
		if d.Ref == environmentRef {
			continue
		}
		from, err := sbom.ParseText(d.Ref)
		if err != nil {
			return fmt.Errorf("cyclonedx: dependencies: %w", err)
		}
		for _, ref := range list(d.Dependencies) {
			to, err := sbom.ParseText(ref)
			if err != nil {
				return fmt.Errorf("cyclonedx: dependencies of %.200q: %w", from, err)
			}
			if !dec.related[[2]string{from, to}] {
				dec.d.Relations = append(dec.d.Relations, sbom.Relation{From: from, To: to, Kind: sbom.RelDepends})
			}
		}
	}
	return nil
}

// facts are those properties that are facts of depaudit's.
func facts(properties *[]cdx.Property) iter.Seq[sbom.Fact] {
	return func(yield func(sbom.Fact) bool) {
		for _, p := range list(properties) {
			key, ours := strings.CutPrefix(p.Name, sbom.FactPrefix)
			if ours && !yield(sbom.Fact{Key: key, Value: p.Value}) {
				return
			}
		}
	}
}

// list reads the library's pointers to slices, which may be nil.
func list[T any](p *[]T) []T {
	if p == nil {
		return nil
	}
	return *p
}
