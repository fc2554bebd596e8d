package spdx

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/license"
)

// Encode writes d as SPDX 2.3 JSON. Equal documents with equal meta have equal
// bytes. It calls w.Write once, or not at all if it returns another error.
func Encode(w io.Writer, d *sbom.Document, m sbom.Meta) error {
	e, err := newEncoder(d, m)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := spdxjson.Write(e.document(), &b, spdxjson.Indent(" "), spdxjson.EscapeHTML(false)); err != nil {
		return fmt.Errorf("spdx: %w", err)
	}
	if _, err := w.Write(identify(b.Bytes())); err != nil {
		return fmt.Errorf("spdx: %w", err)
	}
	return nil
}

// identify inserts the namespace, which is made from the document without it.
// Encoding the document a second time would take as long as the first. The empty
// field is unambiguous: in a string its quotes would be escaped.
func identify(data []byte) []byte {
	const field = `"documentNamespace": "`
	return bytes.Replace(data, []byte(field+`"`), []byte(field+namespace+sbom.ContentUUID(data)+`"`), 1)
}

type encoder struct {
	d       *sbom.Document
	m       sbom.Meta
	created string
	tool    string
	ids     map[string]common.ElementID // by component ID
	texts   map[string]string           // of licences, by reference
}

func newEncoder(d *sbom.Document, m sbom.Meta) (*encoder, error) {
	created, err := m.Timestamp()
	if err != nil {
		return nil, err
	}
	e := &encoder{d: d, m: m, created: created, tool: toolPrefix + m.Version(), texts: map[string]string{}}
	e.ids = make(map[string]common.ElementID, len(d.Components))
	used := make(map[common.ElementID]bool, len(d.Components))
	for i := range d.Components {
		c := &d.Components[i]
		short, full := elementIDs(c)
		id := short
		if used[id] {
			id = full
		}
		used[id] = true
		e.ids[c.ID] = id
	}
	return e, nil
}

func (e *encoder) document() *v2_3.Document {
	facts := e.annotation(e.m.DocumentFacts(e.d))
	packages := e.packages()
	return &v2_3.Document{
		SPDXVersion:    v2_3.Version,
		DataLicense:    v2_3.DataLicense,
		SPDXIdentifier: documentID,
		DocumentName:   e.m.Title(e.d),
		CreationInfo: &v2_3.CreationInfo{
			Creators:       e.creators(),
			Created:        e.created,
			CreatorComment: sbom.GenerationContext + ", by depaudit's counting rules",
		},
		Packages:      packages,
		OtherLicenses: e.otherLicenses(),
		Relationships: e.relationships(),
		Annotations:   []*v2_3.Annotation{&facts},
	}
}

func (e *encoder) packages() []*v2_3.Package {
	out := make([]*v2_3.Package, 0, len(e.d.Components)+2)
	root := newPackage(environmentID, e.m.Title(e.d))
	root.PrimaryPackagePurpose = purposeOther
	if e.d.Environment.IsImage() {
		root.PrimaryPackagePurpose = purposeContainer
	}
	out = append(out, root)
	if os := e.d.Environment.OS; os.ID != "" {
		p := newPackage(osID, sbom.Text(os.ID))
		p.PackageVersion = textOrNothing(os.VersionID)
		p.PackageSummary = textOrNothing(os.Pretty)
		p.PrimaryPackagePurpose = purposeOS
		out = append(out, p)
	}
	for i := range e.d.Components {
		out = append(out, e.component(&e.d.Components[i]))
	}
	return out
}

func newPackage(id common.ElementID, name string) *v2_3.Package {
	return &v2_3.Package{
		PackageName:             name,
		PackageSPDXIdentifier:   id,
		PackageDownloadLocation: noAssertion,
		PackageSupplier:         &common.Supplier{Supplier: noAssertion},
		PackageLicenseConcluded: noAssertion,
		PackageLicenseDeclared:  noAssertion,
		PackageCopyrightText:    noAssertion,
	}
}

func (e *encoder) component(c *sbom.Component) *v2_3.Package {
	p := newPackage(e.ids[c.ID], sbom.Text(c.Name))
	p.PackageVersion = textOrNothing(c.Version)
	p.PrimaryPackagePurpose = purpose(c)
	p.PackageChecksums = checksums(e.m.Hashes(c))
	if c.Supplier != "" {
		p.PackageSupplier = supplier(c.Supplier)
	}
	p.PackageLicenseDeclared = e.declared(c)
	if c.PURL != "" {
		p.PackageExternalReferences = []*v2_3.PackageExternalReference{{
			Category: common.CategoryPackageManager,
			RefType:  common.TypePackageManagerPURL,
			Locator:  sbom.SafePURL(c.PURL),
		}}
	}
	p.Annotations = []v2_3.Annotation{e.annotation(append(e.m.ComponentFacts(c, native(c)...), e.m.Unknown(e.d, c)...))}
	return p
}

func (e *encoder) creators() []common.Creator {
	out := []common.Creator{{CreatorType: "Tool", Creator: e.tool}}
	if e.m.Author != "" {
		author := supplier(e.m.Author)
		out = append(out, common.Creator{CreatorType: author.SupplierType, Creator: author.Supplier})
	}
	return out
}

// supplier returns the supplier of a package (section 7.5), or another party.
func supplier(text string) *common.Supplier {
	p := sbom.SupplierParty(text)
	name := sbom.Text(p.Name)
	if p.Email != "" && p.Email != p.Name {
		name += " (" + sbom.Text(p.Email) + ")"
	}
	if p.Person {
		return &common.Supplier{SupplierType: "Person", Supplier: name}
	}
	return &common.Supplier{SupplierType: "Organization", Supplier: name}
}

// declared returns what the package states about its licences (section 7.15).
// What is no expression becomes a text of the document (section 10).
func (e *encoder) declared(c *sbom.Component) string {
	if len(c.Licenses) == 0 {
		return noAssertion
	}
	d := license.Of(c)
	maps.Copy(e.texts, d.Refs)
	return d.Expression
}

func (e *encoder) otherLicenses() []*v2_3.OtherLicense {
	var out []*v2_3.OtherLicense
	for _, ref := range slices.Sorted(maps.Keys(e.texts)) {
		out = append(out, &v2_3.OtherLicense{LicenseIdentifier: ref, LicenseName: sbom.Text(e.texts[ref]), ExtractedText: sbom.Text(e.texts[ref])})
	}
	return out
}

// purpose returns the purpose of a component; an OS package may have any.
func purpose(c *sbom.Component) string {
	switch {
	case c.Kind == sbom.KindPackage:
		return purposeLibrary
	case c.Kind == sbom.KindFiles && c.Files == 1:
		return purposeFile
	case c.Kind == sbom.KindFiles:
		return purposeOther
	}
	return ""
}

func (e *encoder) annotation(facts []sbom.Fact) v2_3.Annotation {
	return v2_3.Annotation{
		Annotator:         common.Annotator{AnnotatorType: "Tool", Annotator: e.tool},
		AnnotationDate:    e.created,
		AnnotationType:    "OTHER",
		AnnotationComment: sbom.JoinFacts(facts),
	}
}

func (e *encoder) relationships() []*v2_3.Relationship {
	out := []*v2_3.Relationship{relation(documentID, common.TypeRelationshipDescribe, environmentID)}
	if e.d.Environment.OS.ID != "" {
		out = append(out, relation(environmentID, common.TypeRelationshipContains, osID))
	}
	for i := range e.d.Components {
		c := &e.d.Components[i]
		owner := common.ElementID(environmentID)
		if c.Owner != "" {
			owner = e.ids[c.Owner]
		}
		out = append(out, relation(owner, common.TypeRelationshipContains, e.ids[c.ID]))
	}
	for _, r := range e.d.Relations {
		out = append(out, e.dependency(r))
	}
	for i := range e.d.Components {
		if c := &e.d.Components[i]; !e.d.DependenciesKnown(c) {
			unknown := relation(e.ids[c.ID], common.TypeRelationshipDependsOn, "")
			unknown.RefB = common.DocElementID{SpecialID: noAssertion}
			out = append(out, unknown)
		}
	}
	return out
}

func (e *encoder) dependency(r sbom.Relation) *v2_3.Relationship {
	from, to := e.ids[r.From], e.ids[r.To]
	var out *v2_3.Relationship
	switch r.Kind {
	case sbom.RelDepends, sbom.RelPreDepends:
		out = relation(from, common.TypeRelationshipDependsOn, to)
	case sbom.RelRecommends:
		out = relation(to, common.TypeRelationshipOptionalDependencyOf, from)
	default:
		out = relation(from, common.TypeRelationshipOther, to)
	}
	out.RelationshipComment = sbom.JoinFacts(relationFacts(r))
	return out
}

// relationFacts returns what the type of a relationship does not say.
func relationFacts(r sbom.Relation) []sbom.Fact {
	var comment []sbom.Fact
	if r.Kind != sbom.RelDepends && r.Kind != sbom.RelRecommends {
		comment = append(comment, sbom.Fact{Key: keyKind, Value: sbom.Text(string(r.Kind))})
	}
	if r.Via != "" {
		comment = append(comment, sbom.Fact{Key: keyVia, Value: sbom.Text(r.Via)})
	}
	if r.Group != 0 {
		comment = append(comment, sbom.Fact{Key: keyGroup, Value: strconv.Itoa(r.Group)})
	}
	if r.File != "" {
		comment = append(comment, sbom.Fact{Key: keyFile, Value: sbom.Text(r.File)})
	}
	return comment
}

func relation(a common.ElementID, kind string, b common.ElementID) *v2_3.Relationship {
	return &v2_3.Relationship{
		RefA:         common.DocElementID{ElementRefID: a},
		Relationship: kind,
		RefB:         common.DocElementID{ElementRefID: b},
	}
}

// readableID is the number of bytes of the component's ID that an identifier
// repeats: enough for people, and a bound for untrusted names.
const readableID = 64

// elementIDs returns the two identifiers that a component may get: the short one
// has 64 bits of the hash of its ID, the full one all of it, for two names that
// were made to collide in 64 bits.
func elementIDs(c *sbom.Component) (short, full common.ElementID) {
	var b strings.Builder
	b.WriteString("Package-")
	for _, r := range c.ID {
		if b.Len() == readableID {
			break
		}
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			b.WriteRune(r)
		default:
			b.WriteByte('-')
		}
	}
	sum := sha256.Sum256([]byte(c.ID))
	digits := hex.EncodeToString(sum[:])
	return common.ElementID(b.String() + "-" + digits[:16]), common.ElementID(b.String() + "-" + digits)
}

func checksums(digests []sbom.Digest) []common.Checksum {
	var out []common.Checksum
	for _, d := range digests {
		out = append(out, common.Checksum{Algorithm: algorithm(d.Algorithm), Value: d.Value})
	}
	return out
}

// algorithm returns the SPDX name of the algorithm of a plain digest.
func algorithm(name string) common.ChecksumAlgorithm {
	return common.ChecksumAlgorithm(strings.ToUpper(name))
}

func textOrNothing(s string) string {
	if s == "" {
		return ""
	}
	return sbom.Text(s)
}
