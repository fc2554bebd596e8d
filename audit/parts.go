package audit

import "slices"

// moves is the difference between a baseline and a stage, with what is the
// base's told apart from what the stage adds.
//
// # Why each part is compared with its own
//
// New dependencies in the base only warn: the base is somebody else's, has
// its own release notes, and changes under every stage at once. So calling
// something the base's is what an attacker would do to bring it past the gate.
// Four things keep that from working:
//
// A base counts as one only when something the attacker does not hold says
// what it is: a digest in the configuration, a snapshot, a folder or a document
// that the configuration names ([heldBase.trusted]). Under a tag, or under a
// base that only the image claims, what is new is growth as though there were
// no base; being told to be the base's then changes the report and not the
// verdict. So nothing is gained by putting it into an unpinned base as well.
//
// Leaving the base is growth. What was accepted as the base's was accepted on
// the base's credit; a stage that has it by itself, because the base lost it
// or has it no more in this form, adds it. Otherwise a dependency could come in
// with one version of the base and stay when that is gone, without ever having
// been new.
//
// Joining the base is neither growth nor growth of the base: the identity was
// accepted before. But the place that it leaves stays empty: the parts are
// multisets of their own, so that a second copy beside the one in the base is
// not paired with what moved, and proof that gets weaker by the move is told.
//
// What stands in for a dependency of the base (an upgrade of one of its
// packages by the stage) belongs to the base's part, one for each that is not
// there any more as it was, as a version is no identity. Its provenance is
// judged like that of everything the stage adds.
type moves struct {
	// growth is new in what the stage adds, toStage among it.
	growth []Entry
	// toStage was the base's in the baseline, toBase is now.
	toStage, toBase []Entry
	baseAdded       []Entry
	// removed and changed are the stage's, the others the base's.
	removed, baseRemoved []Entry
	changed, baseChanged []pair
	// stay is everything that was accepted before, in the same part or in
	// the base now; kept has also what left the base, which is compared for
	// its proof.
	stay, kept []pair
}

// compareParts finds the difference. trusted says whether what the base
// brings may be new without being growth.
func compareParts(before, now []Entry, trusted bool) moves {
	theirsBefore, oursBefore := split(before)
	theirsNow, oursNow := split(now)
	theirs, ours := compare(theirsBefore, theirsNow), compare(oursBefore, oursNow)
	m := moves{changed: ours.changed, baseChanged: theirs.changed}
	m.stay = slices.Concat(ours.same, ours.changed, theirs.same, theirs.changed)

	joined := join(ours.removed, theirs.added)
	for _, p := range joined.pairs {
		m.toBase = append(m.toBase, p.now)
	}
	m.stay = append(m.stay, joined.pairs...)
	m.removed = joined.before
	left := join(theirs.removed, ours.added)
	for _, p := range left.pairs {
		m.toStage = append(m.toStage, p.now)
	}
	m.kept = slices.Concat(m.stay, left.pairs)
	m.baseRemoved = left.before

	m.growth = ours.added
	if trusted {
		m.baseAdded = joined.now
	} else {
		m.growth = slices.Concat(m.growth, joined.now)
	}
	slices.SortFunc(m.growth, compareEntries)
	return m
}

// split parts the base's entries from the stage's.
func split(list []Entry) (theirs, ours []Entry) {
	for _, e := range list {
		if e.ofBase() {
			theirs = append(theirs, e)
		} else {
			ours = append(ours, e)
		}
	}
	return theirs, ours
}

func (e *Entry) ofBase() bool { return e.Provenance == FromImage || e.Base }

// joining is which of two lists belong together by key.
type joining struct {
	pairs       []pair
	before, now []Entry // what is left over
}

// join pairs what is missing in one part with what is new in the other.
func join(before, now []Entry) joining {
	d := compare(before, now)
	return joining{pairs: slices.Concat(d.same, d.changed), before: d.removed, now: d.added}
}
