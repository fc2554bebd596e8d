package growth

import (
	"slices"

	"github.com/depaudit/depaudit/audit"
)

// Parts is the difference between a baseline and a stage, with the base apart
// from what the stage adds to it.
//
// # Why the base and the stage are compared separately
//
// New dependencies in the base only warn: the base is maintained by another
// team, has its own release notes, and changes under every stage at once. An
// attacker would therefore try to make a dependency look like one of the base.
// Four rules prevent that.
//
// A base is trusted only when something outside the attacker's control
// identifies it: a digest in the configuration, a snapshot, a directory or a
// document that the configuration names ([audit.StageBase.Trusted]). With a
// tag, or with a base that only the image claims, everything new is growth as
// if there were no base, and attribution to the base changes the report but
// not the verdict. An attacker gains nothing from a change of an unpinned base
// either.
//
// A move from the base to the stage is growth. The dependency was accepted
// because the base was trusted. Once the base no longer has it, or no longer
// in this form, the stage adds it. Otherwise a dependency could enter with one
// version of the base and stay after the base dropped it, without ever having
// been new.
//
// A move from the stage to the base is neither growth nor growth of the base,
// because the identity was accepted before. The place in the stage stays
// empty: both parts are separate multisets, so that a second copy beside the
// one in the base is not paired with the one that moved. Evidence that gets
// weaker by the move is reported.
//
// A replacement of a dependency of the base (the stage upgrades one of its
// packages) belongs to the base's part, one for each dependency that the stage
// no longer has unchanged, as the version is not part of the identity. Its
// provenance is judged like that of everything the stage adds.
type Parts struct {
	// Added are the new dependencies of the stage, ToStage among them.
	Added []audit.Accepted
	// ToStage belonged to the base in the baseline, ToBase does now.
	ToStage, ToBase []audit.Accepted
	BaseAdded       []audit.Accepted
	// Removed and Changed are the stage's, the others the base's.
	Removed, BaseRemoved []audit.Accepted
	Changed, BaseChanged []Pair
	// Remaining has every dependency that was accepted before and is still in
	// the same part, or is in the base now. Compared has also those that moved
	// to the stage; their evidence is compared.
	Remaining, Compared []Pair
}

// Compare returns the difference. trusted is whether the base accounts for its
// dependencies, so that a new one in the base is not growth.
func Compare(before, now []audit.Accepted, trusted bool) Parts {
	baseBefore, stageBefore := split(before)
	baseNow, stageNow := split(now)
	base, stage := Difference(baseBefore, baseNow), Difference(stageBefore, stageNow)
	p := Parts{Changed: stage.Changed, BaseChanged: base.Changed}
	p.Remaining = slices.Concat(stage.Same, stage.Changed, base.Same, base.Changed)

	toBase := Difference(stage.Removed, base.Added)
	for _, pair := range toBase.pairs() {
		p.ToBase = append(p.ToBase, pair.Now)
	}
	p.Remaining = append(p.Remaining, toBase.pairs()...)
	p.Removed = toBase.Removed

	toStage := Difference(base.Removed, stage.Added)
	for _, pair := range toStage.pairs() {
		p.ToStage = append(p.ToStage, pair.Now)
	}
	p.Compared = slices.Concat(p.Remaining, toStage.pairs())
	p.BaseRemoved = toStage.Removed

	p.Added = stage.Added
	if trusted {
		p.BaseAdded = toBase.Added
	} else {
		p.Added = slices.Concat(p.Added, toBase.Added)
	}
	slices.SortFunc(p.Added, audit.Accepted.Compare)
	return p
}

// split separates the dependencies of the base from those of the stage.
func split(list []audit.Accepted) (base, stage []audit.Accepted) {
	for _, d := range list {
		if d.OfBase() {
			base = append(base, d)
		} else {
			stage = append(stage, d)
		}
	}
	return base, stage
}
