package judge

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
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

// stageBase is a Base held against the environment of its stage.
type stageBase struct {
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

func compareBase(in Input) *stageBase {
	if in.Base == nil {
		return nil
	}
	b := &stageBase{Base: in.Base, kind: audit.EnvironmentKind(in.Base.Ref)}
	b.evidence = audit.BaseEvidence(b.kind, audit.ContentDigest(b.Ref) != "")
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
func (b *stageBase) compare(in Input) string {
	switch {
	case b.Lost != nil:
		return "could not be examined: " + b.Lost.Error()
	case b.Document == nil:
		return "was not examined"
	case in.Document == nil:
		return "" // there is nothing to hold against it, and that is said
	case isImage(b.kind, b.Document) && isImage(audit.EnvironmentKind(in.Stage.Environment), in.Document):
		return b.compareLayers(in.Document.Environment.Image.Layers)
	case b.kind == "snapshot" && (b.Document.Rules != in.Document.Rules || b.Document.Catalogers != in.Document.Catalogers):
		// What one ruler finds and the other does not would be taken for
		// what the job added.
		return fmt.Sprintf("was made with %s, and this count with %s; make it anew",
			methodOf(b.Document), methodOf(in.Document))
	}
	return ""
}

// compareLayers holds that the base's layers are the lowest of the image.
func (b *stageBase) compareLayers(layers []sbom.Layer) string {
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
func (b *stageBase) has(c *sbom.Component) bool {
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
func (b *stageBase) trusted() bool {
	return b != nil && b.problem == "" && !b.Claimed && audit.Strength{Provenance: audit.FromImage, Evidence: b.evidence}.Sound()
}

// info is what the report says of the base.
func (b *stageBase) info() *audit.StageBase {
	if b == nil {
		return nil
	}
	s := &audit.StageBase{Ref: sbom.ValidText(b.Ref), Kind: sbom.ValidText(b.kind), Digest: audit.ContentDigest(b.Ref), Pinned: audit.ContentDigest(b.Ref) != "", Claimed: b.Claimed}
	if b.problem != "" || b.Document == nil {
		return s
	}
	s.Known, s.Dependencies = true, len(b.components)
	image := &b.Document.Environment.Image
	s.Digest = sbom.ValidText(cmp.Or(image.Digest, s.Digest))
	s.Layers = b.layers
	return s
}

// isImage says whether both the reference and the document say that the
// environment is an image. A document alone may be a stranger's.
func isImage(kind string, d *sbom.Document) bool {
	return (&sbom.Environment{Kind: kind}).IsImage() && d.Environment.IsImage()
}

// gaps adds the gaps that are due to the base.
func (b *stageBase) gaps(s *audit.Stage, waive *waivers) {
	if b.problem != "" {
		s.Gaps = append(s.Gaps, audit.Gap{Kind: audit.GapBase, Detail: "the base " + sbom.ValidText(b.Ref) + " " + sbom.ValidText(b.problem)})
		return
	}
	for _, g := range b.Document.Gaps {
		gap := audit.Gap{Kind: audit.GapBase, Path: sbom.ValidText(g.Path), Detail: fmt.Sprintf("in the base %s: %s: %s", sbom.ValidText(b.Ref), sbom.ValidText(string(g.Kind)), sbom.ValidText(g.Detail))}
		if slices.Contains(audit.UnwaivableGaps(), string(g.Kind)) && gap.Path != "" {
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
			p.add(ruleFor(audit.RuleBaseLimit), audit.Warning, audit.Finding{
				Message: "there is no base that could be held against `base-limit:`",
				Fix:     "name it under `base:` of the stage, or remove the limit",
			})
		}
		return
	}
	ref := sbom.ValidText(b.Ref)
	switch {
	case b.Claimed && b.problem != "":
		p.finding(audit.RuleBaseClaimed, audit.Finding{
			Message: fmt.Sprintf("only the image itself says that it is built on %s, which %s", ref, sbom.ValidText(b.problem)),
			Fix:     "name what it is built on under `base:` of the stage",
		})
		return
	case b.problem != "":
		return // a gap
	case b.Claimed:
		p.finding(audit.RuleBaseClaimed, audit.Finding{
			Message: fmt.Sprintf("only the image itself says that it is built on %s", ref),
			Fix:     "if that is what you build on, name it with its digest under `base:` of the stage",
		})
	case b.evidence == audit.EvidenceTag:
		p.finding(audit.RuleBasePinned, audit.Finding{
			Message: fmt.Sprintf("the base %s is not pinned, and %s on it", ref, wording.Count(s.Present, "dependency rests", "dependencies rest")),
			Fix:     fixPin(b),
		})
	case b.layers == 0 && b.evidence != audit.EvidenceSnapshot:
		p.finding(audit.RuleBaseCompared, audit.Finding{Message: fmt.Sprintf("what is the base's was found by comparison with %s%s", ref, restsOn(b))})
	}
	if limit := p.config.BaseLimit; limit != nil && s.Dependencies > *limit {
		p.finding(audit.RuleBaseLimit, audit.Finding{
			Message: fmt.Sprintf("the base has %s, and the limit is %d", wording.Count(s.Dependencies, "dependency", "dependencies"), *limit),
			Fix:     "build on a smaller base, or raise `base-limit:` of the stage",
		})
	}
}

// fixPin says how to write the digest, which the scan found out. It is only
// written out where it has the form of one and the reference can take it.
func fixPin(b *stageBase) string {
	digest := b.Document.Environment.Image.Digest
	pinned := audit.EnvironmentKind(b.Ref) + ":...@sha256:..."
	switch {
	case !digestForm.MatchString(digest):
		return "name an image that has a digest, such as `registry:NAME@sha256:...`"
	case b.kind == "registry" || b.kind == "docker":
		pinned = b.Ref + "@" + digest
	default:
		return fmt.Sprintf("write the digest %s in place of the tag: `base: %s`", digest, pinned)
	}
	return fmt.Sprintf("write the digest: `base: %s`", sbom.ValidText(pinned))
}

// restsOn says what a comparison that is not one of layers is worth.
func restsOn(b *stageBase) string {
	switch b.evidence {
	case audit.EvidenceDirectory:
		return ", a folder: it is what that has now"
	case audit.EvidenceDocument:
		text := ", a document"
		if by := b.Document.Catalogers; by != "" {
			text += " by " + sbom.ValidText(by)
		}
		if names := limitationNames(b.Document.Limitations); len(names) > 0 {
			text += " that cannot show: " + strings.Join(names, ", ")
		}
		return text
	}
	return ", by name and version, as its layers are not in the environment"
}

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func methodOf(d *sbom.Document) audit.Method {
	return audit.Method{Rules: d.Rules, Catalogers: d.Catalogers}
}
