package growth

import (
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// TestWeaker: the archive that lists another version by now does not make the
// accepted files worse, and everything else does: an installer's record that does not
// have the hash any more was edited, or is stale.
func TestWeaker(t *testing.T) {
	signed := audit.Accepted{Key: "deb/debian/x", Version: "1", ID: "deb/debian/x@1", Provenance: audit.FromOS, Evidence: audit.EvidenceSigned, Content: "aa"}
	for name, c := range map[string]struct {
		now  func(*audit.Accepted)
		want bool
	}{
		"the archive moved on":                {func(a *audit.Accepted) { a.Evidence = audit.EvidenceOtherVersion }, false},
		"the archive moved on, other files":   {func(a *audit.Accepted) { a.Evidence, a.Content = audit.EvidenceOtherVersion, "bb" }, true},
		"the archive moved on, other version": {func(a *audit.Accepted) { a.Evidence, a.Version = audit.EvidenceOtherVersion, "2" }, true},
		"the archive moved on, not verified":  {func(a *audit.Accepted) { a.Evidence, a.Content = audit.EvidenceOtherVersion, "" }, true},
		"no index at hand":                    {func(a *audit.Accepted) { a.Evidence = audit.EvidenceDBOwned }, true},
		"the index has no signature":          {func(a *audit.Accepted) { a.Evidence = audit.EvidenceListed }, true},
	} {
		now := signed
		c.now(&now)
		if got := len(Weaker([]Pair{{signed, now}})) > 0; got != c.want {
			t.Errorf("%s: weaker is %v", name, got)
		}
	}
	claimed := audit.Accepted{Key: "npm/x", Version: "1", ID: "npm/x@1", Provenance: audit.FromLock, Evidence: audit.EvidenceHashClaimed, Content: "aa"}
	for name, c := range map[string]struct {
		now  func(*audit.Accepted)
		want bool
	}{
		"a stale record":              {func(a *audit.Accepted) { a.Evidence = audit.EvidenceHashLocked }, true},
		"a stale record, other files": {func(a *audit.Accepted) { a.Evidence, a.Content = audit.EvidenceHashLocked, "bb" }, true},
		"a lock without hashes":       {func(a *audit.Accepted) { a.Evidence = audit.EvidenceVersionLocked }, true},
		"no lock":                     {func(a *audit.Accepted) { a.Provenance, a.Evidence = audit.FromNowhere, audit.EvidenceNone }, true},
	} {
		now := claimed
		c.now(&now)
		if got := len(Weaker([]Pair{{claimed, now}})) > 0; got != c.want {
			t.Errorf("%s: weaker is %v", name, got)
		}
	}
}
