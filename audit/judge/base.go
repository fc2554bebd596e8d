package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Base is what a stage's environment started from: the image that it is built
// on, the machine before the job began, a directory or an SBOM. Dependencies of
// the base have the provenance "image" and are counted and judged separately.
type Base struct {
	// Ref is the reference as configured, or as the image claims it.
	Ref string
	// Document is the result of the scan, nil when there is none.
	Document *sbom.Document
	// Proof is what was verified about its files, nil for nothing.
	Proof *audit.Proof
	// Lost is why the scan has no result.
	Lost error
	// Claimed is true when the image's own annotation names the base, and not
	// the configuration. The author of the image wrote the annotation, so it
	// explains dependencies and excuses none.
	Claimed bool
}

// stageBase is a Base that was compared with the environment of its stage.
type stageBase struct {
	*Base
	kind     string
	evidence string
	// layers is how many of the lowest layers of the stage's image are the
	// base's, 0 when the two are compared by identity.
	layers int
	// problem is why the base cannot be compared, as a predicate whose subject
	// is the base, or "".
	problem string
	// components are the counted components of the base, by identity.
	components map[string]*sbom.Component
	// files and stageFiles are what was verified about the files of each component
	// of the base and of the stage, by ID.
	files, stageFiles map[string]*audit.ComponentProof
	// upgraded are the IDs of the stage's packages of the system that are another
	// version of one of the base's.
	upgraded map[string]bool
}

// compareBase compares the base of a stage with its environment. It returns nil
// for a stage without a base.
func compareBase(in Input) *stageBase {
	if in.Base == nil {
		return nil
	}
	b := &stageBase{Base: in.Base, kind: audit.EnvironmentKind(in.Base.Ref)}
	b.evidence = audit.BaseEvidence(b.kind, audit.ContentDigest(b.Ref) != "")
	b.problem = sbom.ValidText(b.compare(in))
	if b.problem != "" {
		return b
	}
	b.components = make(map[string]*sbom.Component, len(b.Document.Components))
	for i := range b.Document.Components {
		if c := &b.Document.Components[i]; c.Counts() {
			b.components[sbom.Identity(c)] = c
		}
	}
	b.files, b.stageFiles = proofsByID(b.Proof), proofsByID(in.Proof)
	b.upgraded = upgradedPackages(b.Document, in.Document)
	return b
}

func proofsByID(p *audit.Proof) map[string]*audit.ComponentProof {
	if p == nil {
		return nil
	}
	byID := make(map[string]*audit.ComponentProof, len(p.Components))
	for i := range p.Components {
		byID[p.Components[i].ID] = &p.Components[i]
	}
	return byID
}

// upgradedPackages returns the packages of the system in the stage that replace
// another version of the base's: as many of each name as the stage lacks. A
// second version beside the base's, as of a kernel, is not one of them.
func upgradedPackages(base, stage *sbom.Document) map[string]bool {
	if stage == nil {
		return nil
	}
	packages := func(d *sbom.Document, visit func(*sbom.Component)) {
		for i := range d.Components {
			if c := &d.Components[i]; c.Kind == sbom.KindOS && c.Counts() {
				visit(c)
			}
		}
	}
	lacking := map[string]int{} // key -> versions of the base that the stage lacks
	theirs := map[string]bool{}
	packages(base, func(c *sbom.Component) {
		theirs[c.ID] = true
		lacking[sbom.Key(c)]++
	})
	var others []*sbom.Component
	packages(stage, func(c *sbom.Component) {
		if theirs[c.ID] {
			lacking[sbom.Key(c)]--
			return
		}
		others = append(others, c)
	})
	upgraded := map[string]bool{}
	for _, c := range others {
		if key := sbom.Key(c); lacking[key] > 0 {
			lacking[key]--
			upgraded[c.ID] = true
		}
	}
	return upgraded
}

// compare returns why the base cannot be compared with the stage, or "".
func (b *stageBase) compare(in Input) string {
	switch {
	case b.Lost != nil:
		return "could not be examined: " + b.Lost.Error()
	case b.Document == nil:
		return "was not examined"
	case in.Document == nil:
		return "" // the stage has a gap already
	case isImage(b.kind, b.Document) && isImage(audit.EnvironmentKind(in.Stage.Environment), in.Document):
		return b.compareLayers(in.Document.Environment.Image.Layers)
	case b.kind == "snapshot" && methodOf(b.Document) != methodOf(in.Document):
		// Whatever one method finds and the other does not would be taken for
		// an addition of the job.
		return fmt.Sprintf("was made with %s, and this count with %s (make a new snapshot)", methodOf(b.Document), methodOf(in.Document))
	}
	return ""
}

// compareLayers checks that the base's layers are the lowest of the image.
func (b *stageBase) compareLayers(layers []sbom.Layer) string {
	lowest := b.Document.Environment.Image.Layers
	if len(lowest) == 0 {
		return "has no known layers"
	}
	for i, l := range lowest {
		if i >= len(layers) {
			return fmt.Sprintf("is not the base of this image: it has %s, and the image %d", wording.Count(len(lowest), "layer", "layers"), len(layers))
		}
		if !sameLayer(l, layers[i]) {
			return fmt.Sprintf("is not the base of this image: layer %d differs", i+1)
		}
	}
	b.layers = len(lowest)
	return ""
}

// sameLayer compares the digests of the content if both are known, otherwise
// those of the blobs: one content has many compressed forms. Layers without
// either are different.
func sameLayer(a, b sbom.Layer) bool {
	if a.DiffID != "" && b.DiffID != "" {
		return a.DiffID == b.DiffID
	}
	return a.Digest != "" && a.Digest == b.Digest
}

// has reports whether a counted component of the stage belongs to the base.
func (b *stageBase) has(c *sbom.Component) bool {
	if b == nil || b.problem != "" {
		return false
	}
	inBase := b.components[sbom.Identity(c)]
	switch {
	case inBase == nil, b.changed(c, inBase) != "":
		return false
	case b.layers > 0 && c.Layer == 0:
		// A package of the system without files is in no layer: it is what the
		// base's database has too.
		return c.Kind == sbom.KindOS
	case b.layers > 0:
		// The component is from a layer that is one of the base's, bit by bit.
		return c.Layer > 0 && c.Layer <= b.layers
	case c.Kind == sbom.KindFiles:
		// A path does not identify the content.
		return c.Fingerprint != "" && c.Fingerprint == inBase.Fingerprint
	case c.Kind == sbom.KindPackage:
		now, then := provedDigests(c), provedDigests(inBase)
		return len(now) == 0 || len(then) == 0 || slices.Equal(now, then)
	}
	return true
}

// changed returns what shows that the stage changed files of a component that
// the base has too, as a clause, or "". What a layer of the stage writes is never
// the base's, unless it is what the base's own artifact installs.
func (b *stageBase) changed(c, inBase *sbom.Component) string {
	now, then := b.stageFiles[c.ID], b.files[inBase.ID]
	switch {
	case now == nil:
		return ""
	case b.layers > 0:
		if now.Layer <= b.layers {
			return ""
		}
		return fmt.Sprintf("layer %d of the stage changes %s", now.Layer, now.LayerFile)
	case then == nil || now.Content == "" || then.Content == "" || now.Content == then.Content:
		return ""
	}
	return fmt.Sprintf("its files are not those of the base (%s, and %s there)", shortDigest(now.Content), shortDigest(then.Content))
}

// shortDigest returns enough of a digest to tell it from another one.
func shortDigest(digest string) string {
	const digits = 12
	algorithm, value, _ := strings.Cut(digest, ":")
	return algorithm + ":" + value[:min(len(value), digits)]
}

// provedDigests returns the digests that are bound to the installed files.
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

// trusted reports whether the base accounts for its dependencies: see
// [audit.StageBase.Trusted].
func (b *stageBase) trusted() bool { return b != nil && b.problem == "" && b.info().Trusted() }

// info returns the base as the report lists it.
func (b *stageBase) info() *audit.StageBase {
	if b == nil {
		return nil
	}
	digest := audit.ContentDigest(b.Ref)
	s := &audit.StageBase{Ref: sbom.ValidText(b.Ref), Kind: sbom.ValidText(b.kind), Digest: digest, Pinned: digest != "", Claimed: b.Claimed}
	if b.problem != "" || b.Document == nil {
		return s
	}
	s.Known, s.Dependencies, s.Layers = true, len(b.components), b.layers
	s.Digest = cmp.Or(b.Document.Environment.Image.Digest, digest)
	return s
}

// isImage reports whether both the reference and the document are of an image.
// A document alone may be made by a third party.
func isImage(kind string, d *sbom.Document) bool {
	return (&sbom.Environment{Kind: kind}).IsImage() && d.Environment.IsImage()
}

func methodOf(d *sbom.Document) audit.Method {
	return audit.Method{Rules: d.Rules, Catalogers: d.Catalogers}
}

// gaps adds the gaps in the examination of the base to the stage.
func (b *stageBase) gaps(s *audit.Stage, waive *waivers) {
	ref := sbom.ValidText(b.Ref)
	if b.problem != "" {
		s.Gaps = append(s.Gaps, audit.Gap{Gap: sbom.Gap{Kind: audit.GapBase, Detail: "the base " + ref + " " + b.problem}})
		return
	}
	own := map[sbom.Gap]bool{}
	for _, g := range s.Gaps {
		own[g.Gap] = true
	}
	for _, g := range b.Document.Gaps {
		if g.Path != "" && own[g] {
			continue // the same place, which the stage lists already
		}
		gap := audit.Gap{Gap: sbom.Gap{Kind: audit.GapBase, Path: g.Path, Detail: fmt.Sprintf("in the base %s: %s: %s", ref, g.Kind, g.Detail)}}
		if g.Kind == sbom.GapPermission {
			gap.Kind = g.Kind // one line and one waiver for the stage and its base
		}
		if slices.Contains(audit.UnwaivableGaps(), g.Kind) && gap.Path != "" {
			// A gap of the base without a path cannot be waived.
			gap.Detail, gap.Path = gap.Detail+" ("+gap.Path+")", ""
		}
		waive.apply(&gap)
		s.Gaps = append(s.Gaps, gap)
	}
}

// base applies the rules about the base itself. Its growth is judged with the
// baseline.
func (p *policy) base() {
	b, s := p.footprint.base, p.stage.Base
	if b == nil {
		if p.config.BaseLimit != nil && p.gated {
			p.add(audit.RuleBaseLimit, audit.Facts{Severity: audit.Warning})
		}
		return
	}
	p.changedFiles()
	ref := sbom.ValidText(b.Ref)
	if b.Claimed {
		p.add(audit.RuleBaseClaimed, audit.Facts{Subject: ref, Detail: b.problem})
	}
	switch {
	case b.problem != "":
		return // a gap, or a claim that does not hold
	case b.Claimed:
	case b.evidence == audit.EvidenceTag:
		p.add(audit.RuleBasePinned, audit.Facts{Subject: ref, Count: s.Present, Detail: pinHint(b)})
	case b.layers == 0 && b.evidence != audit.EvidenceSnapshot:
		p.add(audit.RuleBaseCompared, audit.Facts{Subject: ref, Detail: comparedWith(b)})
	}
	if limit := p.config.BaseLimit; limit != nil && s.Dependencies > *limit {
		p.add(audit.RuleBaseLimit, audit.Facts{Subject: ref, Count: s.Dependencies, Limit: *limit})
	}
}

// changedFiles reports the dependencies of the base of which the stage changes
// files.
func (p *policy) changedFiles() {
	b := p.footprint.base
	if b.Claimed || b.problem != "" {
		return
	}
	var f audit.Facts
	for i := range p.footprint.dependencies {
		d := &p.footprint.dependencies[i]
		inBase := b.components[sbom.Identity(&d.Component)]
		if d.Owner != "" || inBase == nil {
			continue
		}
		detail := b.changed(&d.Component, inBase)
		if detail == "" {
			continue
		}
		if f.Count++; f.Count == 1 {
			f.Subject, f.Detail = d.Label(), sbom.ValidText(detail)
		}
		f.Dependencies = append(f.Dependencies, d.ID)
		if path := b.stageFiles[d.ID].LayerFile; b.layers > 0 && path != "" {
			f.Paths = append(f.Paths, path)
		}
	}
	if f.Count > 0 {
		p.add(audit.RuleBaseChanged, f)
	}
}

// pinHint returns how to write the digest that the scan found. The digest is
// part of the hint only if it has the form of one and the reference can have
// it.
func pinHint(b *stageBase) string {
	digest := b.Document.Environment.Image.Digest
	switch {
	case !digestForm.MatchString(digest):
		return "name an image that has a digest, such as `registry:NAME@sha256:...`"
	case b.kind == "registry" || b.kind == "docker":
		return fmt.Sprintf("write the digest: `base: %s`", sbom.ValidText(b.Ref)+"@"+digest)
	}
	return fmt.Sprintf("write the digest %s in place of the tag: `base: %s:...@sha256:...`", digest, b.kind)
}

var digestForm = lazyregexp.New(`^sha256:[0-9a-f]{64}$`)

// comparedWith returns what a comparison without layers rests on, as the end
// of a message.
func comparedWith(b *stageBase) string {
	switch b.evidence {
	case audit.EvidenceDirectory:
		return ", a directory with its present content"
	case audit.EvidenceDocument:
		text := ", a document"
		if by := b.Document.Catalogers; by != "" {
			text += " by " + by
		}
		if names := limitationNames(b.Document.Limitations); len(names) > 0 {
			text += " that cannot show: " + strings.Join(names, ", ")
		}
		return text
	}
	return ", by name and version, as its layers are not in the environment"
}
