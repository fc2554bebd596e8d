package audit

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestCompareUses compares random definitions: nothing is lost, equal ones do not
// differ, and another version of the same thing is no new one.
func TestCompareUses(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	definition := func() []AcceptedUse {
		seen := map[string]bool{}
		out := []AcceptedUse{}
		for range random.IntN(8) {
			u := AcceptedUse{Key: "action github/a/" + strconv.Itoa(random.IntN(3)), Version: strconv.Itoa(random.IntN(3)), Pin: Pins()[random.IntN(len(Pins()))]}
			if !seen[u.String()] {
				seen[u.String()] = true
				out = append(out, u)
			}
		}
		slices.SortFunc(out, AcceptedUse.Compare)
		return out
	}
	number := func(list []AcceptedUse) map[string]int {
		n := map[string]int{}
		for _, u := range list {
			n[u.Key]++
		}
		return n
	}
	for range 2000 {
		before, now := definition(), definition()
		if pairs, added, removed := CompareUses(before, before); len(pairs) != len(before) || len(added)+len(removed) > 0 {
			t.Fatalf("%v differs from itself: +%v -%v", before, added, removed)
		}
		pairs, added, removed := CompareUses(before, now)
		if len(pairs)+len(added) != len(now) || len(pairs)+len(removed) != len(before) {
			t.Fatalf("%v to %v: %d pairs, +%v, -%v", before, now, len(pairs), added, removed)
		}
		was, is, more := number(before), number(now), number(added)
		for key := range is {
			if more[key] != max(0, is[key]-was[key]) {
				t.Fatalf("%v to %v: %s has grown by %d", before, now, key, more[key])
			}
		}
		for _, p := range pairs {
			if p.Before.Key != p.Now.Key {
				t.Fatalf("%v is not %v", p.Before, p.Now)
			}
		}
		again, _, _ := CompareUses(before, now)
		if !slices.Equal(pairs, again) {
			t.Fatal("the order of pairs is not the same")
		}
	}
}

func TestUseWords(t *testing.T) {
	digits := "0123456789abcdef0123456789abcdef01234567"
	for version, want := range map[string]string{
		"": "a/b", "v4": "a/b@v4", digits: "a/b@0123456789ab", "sha256:" + digits + digits[:24]: "a/b@sha256:0123456789ab", digits[:20]: "a/b@" + digits[:20], digits + "-x": "a/b@" + digits + "-x",
	} {
		if u := (Use{Name: "a/b", Version: version}); u.Label() != want {
			t.Errorf("%q is shown as %s, want %s", version, u.Label(), want)
		}
	}
	c := CountUses([]Use{{Kind: "action", Pin: "commit"}, {Kind: "action", Pin: "lock"}, {Kind: "runner", Pin: "floating"}, {Kind: "workflow", Pin: "version"}, {Kind: "tool", Pin: "variable"}})
	if got, want := c.String(), "5: 2 actions, 1 reusable workflow, 1 runner, 1 tool; 2 pinned, 1 by version alone, 2 floating"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
