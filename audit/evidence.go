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

// order returns the class and the rank in it, the strongest highest. Unknown
// evidence is not trusted.
func (s Strength) order() (class, int) {
	switch s.Provenance {
	case FromOS:
		if r := rank(s.Evidence, "db-owned", "archive-listed", "archive-signed"); r > 0 {
			return classSound, r
		}
		return classExcuse, 0 // "foreign", "local"
	case FromLock:
		if r := rank(s.Evidence, "hash-locked", "hash-claimed", "hash-proved"); r > 0 {
			return classSound, r
		}
		return classWeak, 0 // "version-locked"
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
