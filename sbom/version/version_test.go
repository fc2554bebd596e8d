package version

import (
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// TestOrdersOfOthers checks each order against pairs of other authors. Versions
// that are refused as invalid are counted: they must stay rare.
func TestOrdersOfOthers(t *testing.T) {
	for _, test := range []struct {
		typ, file string
		least     int // pairs
		refused   int // at most
	}{
		{"deb", "debian-versions-generated.txt", 14000, 0},
		{"deb", "debian-versions.txt", 30, 0},
		{"rpm", "redhat-versions.txt", 150, 0},
		{"pypi", "pypi-versions-generated.txt", 12000, 300},
		{"npm", "semver-versions.txt", 60, 1},
		{"cargo", "semver-versions.txt", 60, 1},
		{"golang", "semver-versions.txt", 60, 1},
		{"gem", "rubygems-versions-generated.txt", 4000, 0},
		{"gem", "rubygems-versions.txt", 25, 0},
	} {
		t.Run(test.typ+" "+test.file, func(t *testing.T) {
			pairs, refused, wrong := 0, 0, 0
			for line := range strings.Lines(moduletest.File(t, moduletest.Scalibr, "semantic/testdata", test.file)) {
				f := strings.Fields(line)
				if len(f) != 3 || strings.HasPrefix(line, "#") {
					continue
				}
				pairs++
				want := map[string]int{"<": -1, "=": 0, ">": 1}[f[1]]
				got, err := Compare(test.typ, f[0], f[2])
				if err != nil {
					if refused++; refused <= 5 {
						t.Logf("refused: %v", err)
					}
					continue
				}
				back, _ := Compare(test.typ, f[2], f[0])
				if sign(got) != want || sign(back) != -want {
					if wrong++; wrong <= 10 {
						t.Errorf("%s: %d, and %d reversed", strings.TrimSpace(line), got, back)
					}
				}
			}
			if pairs < test.least || refused > test.refused || wrong > 0 {
				t.Errorf("%d pairs, %d refused, %d wrong", pairs, refused, wrong)
			}
		})
	}
}

func sign(n int) int { return max(-1, min(1, n)) }

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		typ, a, op, b string // op "!" for an error
	}{
		{"npm", "1.0.0-rc.1", "<", "1.0.0"}, {"npm", "1.0.0-2", "<", "1.0.0-10"}, {"npm", "1.0.0-1", "<", "1.0.0-a"},
		{"npm", "1.0.0+a", "=", "1.0.0+b"}, {"npm", "v1.2", "=", "1.2.0"}, {"npm", "1.2.x", "!", "1"}, {"npm", "1.0.0-01", "!", "1.0.0"},
		{"npm", "99999999999999999999999.0.0", ">", "9999999999999999999999.0.0"}, {"npm", "1.2.3.4", "!", "1.2.3"},
		{"golang", "v0.0.0-20230101000000-abcdefabcdef", "<", "v0.0.1"}, {"golang", "v2.0.0+incompatible", "=", "v2.0.0"},
		{"golang", "go1.22.3", "<", "go1.22.10"}, {"golang", "go1.22rc1", "<", "go1.22.0"}, {"golang", "go1.22.3", "<", "1.22.4"}, {"golang", "1.22.3", "<", "1.22.10"}, {"golang", "(devel)", "!", "v1.0.0"},
		{"pypi", "1.0.0", "=", "1"}, {"pypi", "1.0a1", "<", "1.0"}, {"pypi", "1.0.post1", ">", "1.0"}, {"pypi", "1!0.1", ">", "9"}, {"pypi", "1.0+a.1", "=", "1.0+a-1"}, {"pypi", "unknown", "!", "1"},
		{"gem", "1.0.0", "=", "1"}, {"gem", "1.0.a", "<", "1.0"}, {"gem", "1.0-1", "<", "1.0"}, {"gem", "x", "!", "1"}, {"gem", "0.a.0.b", "=", "0.a.0.b.0"},
		{"deb", "1:1", ">", "2"}, {"deb", "1.0~rc1", "<", "1.0"}, {"rpm", "1.0^git1", ">", "1.0"}, {"apk", "1.0_rc1", "<", "1.0"}, {"alpm", "1.0-1", "<", "1.0-2"},
		{"maven", "1.0", "!", "1.0"}, {"deb", "", "!", "1"}, {"pypi", strings.Repeat("1", 300), "!", "1"},
		{"golang", "go1.22.3", "<", "v1.22.4"}, {"golang", "go1.22.3", "=", "1.22.3"}, {"golang", "go1.22rc1", "<", "1.22"}, {"golang", "go1.22", "<", "1.22"}, {"golang", "go1.20", "=", "1.20"},
		{"alpm", "1.0", "<", "1.0-1"}, {"deb", "4294967296:1", "!", "1"}, {"rpm", "4294967295:1", ">", "4294967294:2"}, {"apk", "4294967296:1", "=", "4294967296:2"},
	} {
		got, err := Compare(test.typ, test.a, test.b)
		if test.op == "!" {
			if err == nil {
				t.Errorf("%s %s %s: %d, want an error", test.typ, test.a, test.b, got)
			}
			continue
		}
		if want := map[string]int{"<": -1, "=": 0, ">": 1}[test.op]; err != nil || sign(got) != want {
			t.Errorf("%s: %s %s %s: %d, %v", test.typ, test.a, test.op, test.b, got, err)
		}
	}
}

// FuzzOrder checks that each order is one: swapping two versions reverses the
// sign, a version equals itself, and of three in a row the ends are in order.
func FuzzOrder(f *testing.F) {
	f.Add("1.0-1", "1.0", "1.0.0")
	f.Add("go1.22", "v1.22.0", "1.22rc1")
	f.Add("1.a.0", "1-b", "0.0.a")
	f.Add("1.0_rc1", "1:1.0", "1.0~x")
	types := []string{"deb", "rpm", "apk", "alpm", "pypi", "npm", "cargo", "golang", "gem", "maven"}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, typ := range types {
			ab, err1 := Compare(typ, a, b)
			ba, err2 := Compare(typ, b, a)
			if (err1 == nil) != (err2 == nil) || sign(ab) != -sign(ba) {
				t.Errorf("%s: %q and %q: %d, %d", typ, a, b, ab, ba)
			}
			if aa, err := Compare(typ, a, a); err == nil && aa != 0 {
				t.Errorf("%s: %q differs from itself", typ, a)
			}
			bc, err3 := Compare(typ, b, c)
			ac, err4 := Compare(typ, a, c)
			if err1 == nil && err3 == nil && err4 == nil && ab <= 0 && bc <= 0 && ac > 0 {
				t.Errorf("%s: %q, %q, %q are in a cycle", typ, a, b, c)
			}
		}
	})
}
