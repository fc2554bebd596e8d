package query

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestCompareReleases has names in their order. Each is compared with all others.
func TestCompareReleases(t *testing.T) {
	for _, list := range [][]string{
		{"v1.0-alpha.2", "v1.0-alpha.10", "v1.0-beta", "v1.0-rc1", "v1.0-rc.2", "v1.0-rc10", "v1.0", "v1.0-post1", "v1.0.1", "v1.2", "v1.9", "v1.10-rc1", "v1.10", "v2.0-rc1", "v2.0"},
		{"3.13.0.dev1", "3.13.0a1", "3.13.0b2", "3.13.0rc1", "3.13.0", "3.13.1", "3.14.0a1"},
		{"6.1-M1", "6.1-M2", "6.1-RC1", "6.1"},
		{"openssl-1.0.2", "openssl-1.0.2a", "openssl-1.0.2b", "openssl-1.0.2m", "openssl-1.1.0-pre1", "openssl-1.1.0", "openssl-1.1.0a"},
		{"2026-01-02", "2026-01-10", "2026-11-01", "20260101"},
		{"1-SNAPSHOT", "1", "2-nightly.20260101", "2"},
		{"r9", "r10", "r99999999999999999998", "r99999999999999999999", "r100000000000000000000"},
		{"app/v1.9", "app/v1.10", "lib/v1.1"},
	} {
		for i, a := range list {
			for j, b := range list {
				if got := compareReleases(a, b); cmp.Compare(got, 0) != cmp.Compare(i, j) {
					t.Errorf("%s and %s: %d", a, b, got)
				}
			}
		}
	}
}

// TestReleaseOrder checks that the order is total: a list has one order, whatever it was
// before.
func TestReleaseOrder(t *testing.T) {
	parts := []string{"1", "2", "0", "10", "01", ".", "-", "rc", "a", "b", "alpha", "x", "v", "V", "_", "~", "+", "final", "é", "RC", "snapshot", ""}
	random := rand.New(rand.NewPCG(1, 2))
	type release struct {
		name string
		date time.Time
	}
	for range 500 {
		names := map[string]bool{}
		for range 12 {
			name := ""
			for range 1 + random.IntN(5) {
				name += parts[random.IntN(len(parts))]
			}
			names[name] = true
		}
		var list []release
		for name := range names {
			r := release{name: name}
			if random.IntN(2) == 0 {
				r.date = time.Unix(int64(random.IntN(3))*86400, 0)
			}
			list = append(list, r)
		}
		sorted := func() []release {
			out := slices.Clone(list)
			random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
			SortReleases(out, func(r release) time.Time { return r.date }, func(r release) string { return r.name })
			return out
		}
		first := sorted()
		for range 5 {
			if got := sorted(); !slices.Equal(got, first) {
				t.Fatalf("two orders:\n%v\n%v", first, got)
			}
		}
	}
}
