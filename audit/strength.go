package audit

// class says roughly what a provenance with its evidence is worth. Across
// different provenances only classes can be compared.
type class int

const (
	classNone   class = iota // nothing accounts for it
	classExcuse              // excused, or from an origin that is not trusted
	classWeak                // a version without a hash
	classSound               // what a critical stage asks for
)

// strength orders evidence: by class, and within one provenance by rank.
type strength struct {
	class class
	rank  int
}

// strengthOf follows the two tables of evidence in the design, strongest
// highest. Evidence that is not in them is not trusted.
func strengthOf(p Provenance, evidence string) strength {
	switch p {
	case FromOS:
		switch evidence {
		case "archive-signed":
			return strength{classSound, 3}
		case "archive-listed":
			return strength{classSound, 2}
		case "db-owned":
			return strength{classSound, 1}
		}
		return strength{classExcuse, 0} // "foreign", "local"
	case FromLock:
		switch evidence {
		case "hash-proved":
			return strength{classSound, 3}
		case "hash-claimed":
			return strength{classSound, 2}
		case "hash-locked":
			return strength{classSound, 1}
		}
		return strength{classWeak, 0} // "version-locked"
	case FromImage:
		switch evidence {
		case baseDigest:
			return strength{classSound, 4}
		case baseSnapshot:
			return strength{classSound, 3}
		case baseFolder:
			return strength{classSound, 2}
		case baseDocument:
			return strength{classSound, 1}
		}
		return strength{classWeak, 0} // "tag"
	case FromException:
		return strength{classExcuse, 0}
	}
	return strength{classNone, 0}
}

// weaker says whether a dependency is shown less well now than before.
func weaker(before, now Strength) bool {
	b := strengthOf(before.Provenance, before.Evidence)
	n := strengthOf(now.Provenance, now.Evidence)
	if before.Provenance == now.Provenance {
		return n.class < b.class || n.class == b.class && n.rank < b.rank
	}
	return n.class < b.class
}
