package growth

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit"
)

// TestPartsHideNothing checks two properties on random baselines and stages. A
// dependency that is there more often than before is growth, or growth of the
// base. What the stage adds more of than before is always growth.
func TestPartsHideNothing(t *testing.T) {
	random := func(rng *rand.Rand) []audit.Accepted {
		var out []audit.Accepted
		for k := range 4 {
			for v := range 4 {
				if rng.IntN(3) > 0 {
					continue
				}
				key, version := fmt.Sprint("pypi/k", k), fmt.Sprint(v)
				e := audit.Accepted{Key: key, Version: version, ID: key + "@" + version, Provenance: audit.FromOS, Evidence: "db-owned"}
				switch rng.IntN(4) {
				case 0, 1:
					e.Provenance, e.Evidence = audit.FromImage, audit.EvidenceDigest
				case 2:
					e.Base = true
				}
				out = append(out, e)
			}
		}
		return out
	}
	count := func(list []audit.Accepted, key string, which func(*audit.Accepted) bool) int {
		n := 0
		for i := range list {
			if list[i].Key == key && which(&list[i]) {
				n++
			}
		}
		return n
	}
	any := func(*audit.Accepted) bool { return true }
	ours := func(e *audit.Accepted) bool { return !e.OfBase() }
	for seed := range uint64(5000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		before, now := random(rng), random(rng)
		for _, trusted := range []bool{true, false} {
			m := Compare(before, now, trusted)
			if !trusted && len(m.BaseAdded) > 0 {
				t.Fatalf("seed %d: new under an untrusted base, and not growth: %v", seed, m.BaseAdded)
			}
			for k := range 4 {
				key := fmt.Sprint("pypi/k", k)
				growth, based := count(m.Added, key, any), count(m.BaseAdded, key, any)
				if more := count(now, key, any) - count(before, key, any); growth+based < more {
					t.Fatalf("seed %d, trusted %t: %d more of %s, %d of growth and %d of the base", seed, trusted, more, key, growth, based)
				}
				if more := count(now, key, ours) - count(before, key, ours); growth < more {
					t.Fatalf("seed %d, trusted %t: the stage adds %d more of %s, %d of growth", seed, trusted, more, key, growth)
				}
			}
			var there, was []audit.Accepted
			for _, p := range m.Remaining {
				there, was = append(there, p.Now), append(was, p.Before)
			}
			there = slices.Concat(there, m.Added, m.BaseAdded)
			left := len(m.Compared) - len(m.Remaining)
			if len(there) != len(now) || len(was)+left+len(m.Removed)+len(m.BaseRemoved) != len(before) || left != len(m.ToStage) {
				t.Fatalf("seed %d: dependencies were lost or duplicated: %+v", seed, m)
			}
			slices.SortFunc(there, audit.Accepted.Compare)
			if want := slices.SortedFunc(slices.Values(now), audit.Accepted.Compare); !cmp.Equal(want, there) {
				t.Fatalf("seed %d: %s", seed, cmp.Diff(want, there))
			}
			plain := slices.DeleteFunc(slices.Clone(before), func(e audit.Accepted) bool { return e.OfBase() })
			if same := Compare(plain, plain, trusted); len(same.Added)+len(same.Removed)+len(same.Changed) > 0 {
				t.Fatalf("seed %d: a stage differs from itself: %+v", seed, same)
			}
		}
	}
}
