package audit

// Strength is a provenance with its evidence. The two tables of evidence in
// the design order strengths: first by class, then, within one provenance, by
// rank. Across provenances only classes can be compared.
type Strength struct {
	Provenance Provenance `json:"provenance"`
	Evidence   string     `json:"evidence"`
}

// Evidence of the provenance "image": how well the reference identifies the
// base.
const (
	EvidenceDigest    = "digest"    // the reference names the content
	EvidenceSnapshot  = "snapshot"  // the environment when the job began
	EvidenceDirectory = "directory" // another root file system, as it is now
	EvidenceDocument  = "document"  // an SBOM
	EvidenceTag       = "tag"       // an image by a name that can be moved
)

// Evidence of the system's packages and of locked ones, from the weakest;
// docs/evidence.md has what each of them proves.
const (
	EvidenceDBOwned      = "db-owned"
	EvidenceListed       = "archive-listed"
	EvidenceOtherVersion = "archive-other-version" // ranks with archive-listed
	EvidenceSigned       = "archive-signed"
	EvidenceHeader       = "header-signed"
	EvidenceBytes        = "bytes-proved"

	EvidenceForeign = "foreign" // beside the order, and not sound
	EvidenceLocal   = "local"

	EvidenceVersionLocked = "version-locked" // not sound
	EvidenceHashLocked    = "hash-locked"
	EvidenceHashClaimed   = "hash-claimed"
)

// osEvidence and lockEvidence are the sound evidence of system packages and of
// locked ones, from the weakest.
func osEvidence() []string {
	return []string{EvidenceDBOwned, EvidenceListed, EvidenceSigned, EvidenceHeader, EvidenceBytes}
}

func lockEvidence() []string {
	return []string{EvidenceHashLocked, EvidenceHashClaimed, EvidenceBytes}
}

// RequirableEvidence returns the evidence that a policy can require of
// dependencies from p, from the weakest; nil if it can require none.
func RequirableEvidence(p Provenance) []string {
	switch p {
	case FromOS:
		return osEvidence()
	case FromLock:
		return lockEvidence()
	}
	return nil
}

// Evidence of dependencies that nothing pins.
const (
	EvidenceNone     = "none"
	EvidenceExcepted = "excepted"
)

// class is the rough worth of a strength.
type class int

const (
	classNone   class = iota // unaccounted
	classExcuse              // excepted, or of untrusted origin
	classWeak                // a version without a hash
	classSound               // sufficient in a critical stage
)

// Sound reports whether the strength is sufficient in a critical stage.
func (s Strength) Sound() bool {
	c, _ := s.order()
	return c == classSound
}

// WeakerThan reports whether s is weaker evidence than before.
func (s Strength) WeakerThan(before Strength) bool {
	c, rank := s.order()
	wasClass, wasRank := before.order()
	if s.Provenance == before.Provenance && c == wasClass {
		return rank < wasRank
	}
	return c < wasClass
}

// Level returns the strength as a number, the weakest lowest: 0 for nothing, 10
// for an excuse or an untrusted origin, 20 for a version without a hash, and 30
// and the rank for what is sound in a critical stage. Across provenances only the
// tens can be compared.
func (s Strength) Level() int {
	c, rank := s.order()
	return 10*int(c) + rank
}

// order returns the class and the rank in it, the strongest highest. Unknown
// evidence is not trusted.
func (s Strength) order() (class, int) {
	switch s.Provenance {
	case FromOS:
		evidence := s.Evidence
		if evidence == EvidenceOtherVersion {
			evidence = EvidenceListed
		}
		if r := rank(evidence, osEvidence()...); r > 0 {
			return classSound, r
		}
		return classExcuse, 0 // EvidenceForeign, EvidenceLocal
	case FromLock:
		if r := rank(s.Evidence, lockEvidence()...); r > 0 {
			return classSound, r
		}
		return classWeak, 0 // EvidenceVersionLocked
	case FromImage:
		if r := rank(s.Evidence, EvidenceDocument, EvidenceDirectory, EvidenceSnapshot, EvidenceDigest); r > 0 {
			return classSound, r
		}
		return classWeak, 0 // "tag"
	case FromException:
		return classExcuse, 0
	}
	return classNone, 0
}

// rank returns the position, from 1, of evidence in a list from the weakest
// to the strongest, and 0 for evidence that is not in it.
func rank(evidence string, weakestFirst ...string) int {
	for i, e := range weakestFirst {
		if e == evidence {
			return i + 1
		}
	}
	return 0
}

// Strength returns the provenance with its evidence.
func (d *Dependency) Strength() Strength { return Strength{d.Provenance, d.Evidence} }
