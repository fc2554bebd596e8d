package audit

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Base is what a stage's environment started from: the image that it is built
// on, the machine before the job began, a folder or an SBOM. What the stage
// has of it has the provenance "image" and is counted and judged apart.
type Base struct {
	// Ref is the reference as configured, or as the image claims it.
	Ref string
	// Document is the result of the scan, nil when there is none.
	Document *sbom.Document
	// Lost is why the scan has no result.
	Lost error
	// Claimed says that the image's own annotation names the base, and not
	// the configuration. Who made the image wrote that, so that it explains
	// what is there and excuses nothing.
	Claimed bool
}

// Evidence of the provenance "image".
const (
	baseDigest   = "digest"   // the reference names the content
	baseSnapshot = "snapshot" // what was there when the job began
	baseFolder   = "folder"   // what another root file system has
	baseDocument = "document" // what an SBOM says
	baseTag      = "tag"      // whatever the name stands for today
)

// heldBase is a Base held against the environment of its stage.
type heldBase struct {
	*Base
	kind     string
	evidence string
	// layers is how many of the lowest layers of the stage's image are the
	// base's, 0 when the two are compared by identity.
	layers int
	// problem is why the base shows nothing, as words that follow its name, ""
	// when it can be compared.
	problem string
	// components are those of the base that count, by identity.
	components map[string]*sbom.Component
}

func holdBase(in Input) *heldBase {
	if in.Base == nil {
		return nil
	}
	b := &heldBase{Base: in.Base, kind: refKind(in.Base.Ref)}
	b.evidence = baseEvidence(b.kind, refDigest(b.Ref) != "")
	b.problem = b.compare(in)
	if b.problem != "" {
		return b
	}
	b.components = make(map[string]*sbom.Component, len(b.Document.Components))
	for i := range b.Document.Components {
		if c := &b.Document.Components[i]; c.Counts() {
			b.components[sbom.Identity(c)] = c
		}
	}
	return b
}

// compare says why the base cannot be held against the stage, or "".
func (b *heldBase) compare(in Input) string {
	switch {
	case b.Lost != nil:
		return "could not be examined: " + b.Lost.Error()
	case b.Document == nil:
		return "was not examined"
	case in.Document == nil:
		return "" // there is nothing to hold against it, and that is said
	case isImage(b.kind, b.Document) && isImage(refKind(in.Stage.Environment), in.Document):
		return b.compareLayers(in.Document.Environment.Image.Layers)
	case b.kind == "snapshot" && (b.Document.Rules != in.Document.Rules || b.Document.Catalogers != in.Document.Catalogers):
		// What one ruler finds and the other does not would be taken for
		// what the job added.
		return fmt.Sprintf("was made with %s, and this count with %s; make it anew",
			Method{b.Document.Rules, b.Document.Catalogers}, Method{in.Document.Rules, in.Document.Catalogers})
	}
	return ""
}

// compareLayers holds that the base's layers are the lowest of the image.
func (b *heldBase) compareLayers(layers []sbom.Layer) string {
	own := b.Document.Environment.Image.Layers
	if len(own) == 0 {
		return "has no layers that are known"
	}
	for i, l := range own {
		if i >= len(layers) {
			return fmt.Sprintf("is not the base of this image: it has %s, and the image %d", wording.Count(len(own), "layer", "layers"), len(layers))
		}
		if !sameLayer(l, layers[i]) {
			return fmt.Sprintf("is not the base of this image: layer %d differs", i+1)
		}
	}
	b.layers = len(own)
	return ""
}

// sameLayer compares the content where both say what it is, else the blobs:
// one content has many compressed forms. Layers that say neither are not the
// same.
func sameLayer(a, b sbom.Layer) bool {
	if a.DiffID != "" && b.DiffID != "" {
		return a.DiffID == b.DiffID
	}
	return a.Digest != "" && a.Digest == b.Digest
}

// has says whether a component of the stage that counts is the base's.
func (b *heldBase) has(c *sbom.Component) bool {
	if b == nil || b.problem != "" {
		return false
	}
	theirs := b.components[sbom.Identity(c)]
	switch {
	case theirs == nil:
		return false
	case b.layers > 0:
		// The layer that it is from is one of the base's, bit by bit.
		return c.Layer > 0 && c.Layer <= b.layers
	case c.Kind == sbom.KindFiles:
		// A path is no identity of what lies there.
		return c.Fingerprint != "" && c.Fingerprint == theirs.Fingerprint
	case c.Kind == sbom.KindPackage:
		ours, others := provedDigests(c), provedDigests(theirs)
		return len(ours) == 0 || len(others) == 0 || slices.Equal(ours, others)
	}
	return true
}

// provedDigests are the digests that are bound to what is installed.
func provedDigests(c *sbom.Component) []string {
	var out []string
	for _, d := range c.Digests {
		if d.Proved {
			out = append(out, d.Algorithm+":"+d.Value)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// trusted says whether the base stands for what it has. One whose name can be
// given to something else tomorrow does not, and neither does one that only
// the image itself names: whoever brings something new into the stage could
// call it the base's.
func (b *heldBase) trusted() bool {
	return b != nil && b.problem == "" && !b.Claimed && strengthOf(FromImage, b.evidence).class == classSound
}

// info is what the report says of the base.
func (b *heldBase) info() *StageBase {
	if b == nil {
		return nil
	}
	s := &StageBase{Ref: clean(b.Ref), Kind: clean(b.kind), Digest: refDigest(b.Ref), Pinned: refDigest(b.Ref) != "", Claimed: b.Claimed}
	if b.problem != "" || b.Document == nil {
		return s
	}
	s.Known, s.Dependencies = true, len(b.components)
	image := &b.Document.Environment.Image
	s.Digest = clean(cmp.Or(image.Digest, s.Digest))
	s.Layers = b.layers
	return s
}

// trusted is what the same method of heldBase says, from what the report has.
func (b *StageBase) trusted() bool {
	return b != nil && b.Known && !b.Claimed && strengthOf(FromImage, baseEvidence(b.Kind, b.Pinned)).class == classSound
}

// baseEvidence is how well a reference of that kind shows what the base is.
func baseEvidence(kind string, pinned bool) string {
	switch kind {
	case "snapshot":
		return baseSnapshot
	case "dir", "host":
		return baseFolder
	case "sbom", "attestation":
		return baseDocument
	}
	if pinned {
		return baseDigest
	}
	return baseTag
}

// isImage says whether both the reference and the document say that the
// environment is an image. A document alone may be a stranger's.
func isImage(kind string, d *sbom.Document) bool {
	return (&sbom.Environment{Kind: kind}).IsImage() && d.Environment.IsImage()
}

// isDocument says whether an environment is a document that somebody else
// made and not something that was examined.
func isDocument(kind string) bool { return kind == "sbom" || kind == "attestation" }

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+-]*:`)

// refKind is the scheme of a reference, "dir" for a bare path.
func refKind(ref string) string {
	if s := scheme.FindString(ref); s != "" {
		return strings.TrimSuffix(s, ":")
	}
	return "dir"
}

// contentDigest is a digest at the end of a reference.
var contentDigest = regexp.MustCompile(`@(sha256:[0-9a-f]{64})$`)

// refDigest is the digest by which an image's reference names its content,
// or "".
func refDigest(ref string) string {
	if m := contentDigest.FindStringSubmatch(ref); m != nil && (&sbom.Environment{Kind: refKind(ref)}).IsImage() {
		return m[1]
	}
	return ""
}

// gaps adds the gaps that are due to the base.
func (b *heldBase) gaps(s *Stage, waive *waivers) {
	if b.problem != "" {
		s.Gaps = append(s.Gaps, Gap{Kind: GapBase, Detail: "the base " + clean(b.Ref) + " " + clean(b.problem)})
		return
	}
	for _, g := range b.Document.Gaps {
		gap := Gap{Kind: GapBase, Path: clean(g.Path), Detail: fmt.Sprintf("in the base %s: %s: %s", clean(b.Ref), clean(string(g.Kind)), clean(g.Detail))}
		if slices.Contains(unwaivableKinds(), string(g.Kind)) && gap.Path != "" {
			// Without a path it cannot be waived.
			gap.Detail, gap.Path = gap.Detail+" ("+gap.Path+")", ""
		}
		waive.apply(&gap, g.Path)
		s.Gaps = append(s.Gaps, gap)
	}
}

// base applies the rules about the base itself. What it has that the
// baseline has not is in growth.go.
func (p *policy) base() {
	b, s := p.footprint.base, p.stage.Base
	if b == nil {
		if p.config.BaseLimit != nil && p.gated {
			p.add(ruleFor(RuleBaseLimit), Warning, Finding{
				Message: "there is no base that could be held against `base-limit:`",
				Fix:     "name it under `base:` of the stage, or remove the limit",
			})
		}
		return
	}
	ref := clean(b.Ref)
	switch {
	case b.Claimed && b.problem != "":
		p.finding(RuleBaseClaimed, Finding{
			Message: fmt.Sprintf("only the image itself says that it is built on %s, which %s", ref, clean(b.problem)),
			Fix:     "name what it is built on under `base:` of the stage",
		})
		return
	case b.problem != "":
		return // a gap
	case b.Claimed:
		p.finding(RuleBaseClaimed, Finding{
			Message: fmt.Sprintf("only the image itself says that it is built on %s", ref),
			Fix:     "if that is what you build on, name it with its digest under `base:` of the stage",
		})
	case b.evidence == baseTag:
		p.finding(RuleBasePinned, Finding{
			Message: fmt.Sprintf("the base %s is not pinned, and %s on it", ref, wording.Count(s.Present, "dependency rests", "dependencies rest")),
			Fix:     fixPin(b),
		})
	case b.layers == 0 && b.evidence != baseSnapshot:
		p.finding(RuleBaseCompared, Finding{Message: fmt.Sprintf("what is the base's was found by comparison with %s%s", ref, restsOn(b))})
	}
	if limit := p.config.BaseLimit; limit != nil && s.Dependencies > *limit {
		p.finding(RuleBaseLimit, Finding{
			Message: fmt.Sprintf("the base has %s, and the limit is %d", wording.Count(s.Dependencies, "dependency", "dependencies"), *limit),
			Fix:     "build on a smaller base, or raise `base-limit:` of the stage",
		})
	}
}

// fixPin says how to write the digest, which the scan found out. It is only
// written out where it has the form of one and the reference can take it.
func fixPin(b *heldBase) string {
	digest := b.Document.Environment.Image.Digest
	pinned := refKind(b.Ref) + ":...@sha256:..."
	switch {
	case !contentDigest.MatchString("@" + digest):
		return "name an image that has a digest, such as `registry:NAME@sha256:...`"
	case b.kind == "registry" || b.kind == "docker":
		pinned = b.Ref + "@" + digest
	default:
		return fmt.Sprintf("write the digest %s in place of the tag: `base: %s`", digest, pinned)
	}
	return fmt.Sprintf("write the digest: `base: %s`", clean(pinned))
}

// restsOn says what a comparison that is not one of layers is worth.
func restsOn(b *heldBase) string {
	switch b.evidence {
	case baseFolder:
		return ", a folder: it is what that has now"
	case baseDocument:
		text := ", a document"
		if by := b.Document.Catalogers; by != "" {
			text += " by " + clean(by)
		}
		if names := limitationNames(b.Document.Limitations); len(names) > 0 {
			text += " that cannot show: " + strings.Join(names, ", ")
		}
		return text
	}
	return ", by name and version, as its layers are not in the environment"
}
