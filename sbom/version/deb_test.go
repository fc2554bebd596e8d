package version

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// debVersions are in ascending order; those in one row are equal to dpkg.
var debVersions = [][]string{
	{"~"},
	{"1.0~~"},
	{"1.0~~a"},
	{"1.0~"},
	{"1.0~rc1-1"},
	{"1.0", "1.0-0", "0:1.0", "00:1.00", "1.0-"},
	{"1.0-1~deb12u1"},
	{"1.0-1", "1.0-01"},
	{"1.0-1+b1"},
	{"1.0-1.1"},
	{"1.0a"},
	{"1.0+dfsg-1"},
	{"1.0-1-1"},
	{"1.0.1"},
	{"1.2.3"},
	{"1.10"},
	{"2024"},
	{"20000000000000000000000000"},
	{"20000000000000000000000001"},
	{"1:0"},
	{"2:0.1-1"},
	{"10:0"},
}

func TestDeb(t *testing.T) {
	for i, row := range debVersions {
		for j, other := range debVersions {
			for _, a := range row {
				for _, b := range other {
					want := sign(i - j)
					if got := sign(Deb(a, b)); got != want {
						t.Errorf("Deb(%q, %q) = %d, want %d", a, b, got, want)
					}
				}
			}
		}
	}
}

// TestDebAgainstDpkg checks random pairs against dpkg where it is installed.
func TestDebAgainstDpkg(t *testing.T) {
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Log("no dpkg here")
		return
	}
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"0", "1", "9", "10", "01", ".", "+", "~", "-", "a", "Z", "rc", "b1", "dfsg", "deb12u1", "~~", "+-"}
	version := func() string {
		var b strings.Builder
		if random.IntN(4) == 0 {
			b.WriteString([]string{"0:", "1:", "00:", "12:"}[random.IntN(4)])
		}
		b.WriteString("1")
		for range random.IntN(6) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return strings.TrimRight(b.String(), "-")
	}
	const pairs = 150
	different := 0
	for range pairs {
		a, b := version(), version()
		if random.IntN(2) == 0 {
			b = a + pieces[random.IntN(len(pieces)-1)]
			b = strings.TrimRight(b, "-")
		}
		got := sign(Deb(a, b))
		if got != 0 {
			different++
		}
		op := map[int]string{-1: "lt-nl", 0: "eq", 1: "gt-nl"}[got]
		if out, err := exec.Command("dpkg", "--compare-versions", a, op, b).CombinedOutput(); err != nil {
			t.Errorf("Deb(%q, %q) = %d, dpkg disagrees with %s: %v %s", a, b, got, op, err, out)
		}
	}
	if different < pairs/2 {
		t.Errorf("only %d of %d pairs differ", different, pairs)
	}
}

func FuzzDeb(f *testing.F) {
	for i := range debVersions {
		f.Add(debVersions[i][0], debVersions[(i+1)%len(debVersions)][0], debVersions[(i+5)%len(debVersions)][0])
	}
	f.Add("1\x00", "\xff", "a:b-")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if Deb(a, a) != 0 {
			t.Errorf("%q differs from itself", a)
		}
		ab, bc, ac := sign(Deb(a, b)), sign(Deb(b, c)), sign(Deb(a, c))
		if ab != -sign(Deb(b, a)) {
			t.Errorf("%q and %q have no order", a, b)
		}
		// From a <= b and b <= c follows a <= c, and a < c when one of them is.
		if ab <= 0 && bc <= 0 && ac != min(ab, bc) {
			t.Errorf("%q, %q, %q: %d, %d, but %d", a, b, c, ab, bc, ac)
		}
	})
}
