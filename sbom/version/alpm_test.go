package version

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestAlpm(t *testing.T) {
	for _, test := range []struct {
		a    string
		want int
		b    string
	}{
		// vercmp(8).
		{"1.0a", -1, "1.0b"}, {"1.0b", -1, "1.0beta"}, {"1.0beta", -1, "1.0p"}, {"1.0p", -1, "1.0pre"}, {"1.0pre", -1, "1.0rc"}, {"1.0rc", -1, "1.0"}, {"1.0", -1, "1.0.a"}, {"1.0.a", -1, "1.0.1"},
		{"1", -1, "1.0"}, {"1.0", -1, "1.1"}, {"1.1", -1, "1.1.1"}, {"1.1.1", -1, "1.2"}, {"1.2", -1, "2.0"}, {"2.0", -1, "3.0.0"},
		{"1.0", 0, "1.0-1"}, {"1.0-2", 0, "1.0"}, {"1.0-1", -1, "1.0-2"}, {"1:1", 1, "2"}, {"0:1", 0, "1"}, {"1.5-1", 0, "1.5"}, {"1.001", 0, "1.1"}, {"1..0", 1, "1.0"}, {"99999999999999999999999", 1, "9999999999"},
	} {
		if got := Alpm(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

// FuzzAlpm checks that swapping two versions reverses the order.
func FuzzAlpm(f *testing.F) {
	f.Add("1:1.0-1", "1.0a")
	f.Add("1..0", ":-")
	f.Fuzz(func(t *testing.T, a, b string) {
		if Alpm(a, a) != 0 || sign(Alpm(a, b)) != -sign(Alpm(b, a)) {
			t.Errorf("%q and %q: %d, %d", a, b, Alpm(a, b), Alpm(b, a))
		}
	})
}

// TestAlpmAgainstVercmp checks random versions, made of the pieces that matter,
// against pacman's own tool.
func TestAlpmAgainstVercmp(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	r := rand.New(rand.NewPCG(1, 2))
	pieces := strings.Fields("0 1 2 10 01 9 a b rc alpha r g . . . _ + ~ .. - : 1: 0: -1 -2")
	version := func() string {
		s := ""
		for range 1 + r.IntN(6) {
			s += pieces[r.IntN(len(pieces))]
		}
		return s
	}
	for range 3000 {
		a, b := version(), version()
		if strings.HasPrefix(a, "-") || strings.HasPrefix(b, "-") {
			continue
		}
		out, err := exec.Command("vercmp", a, b).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(sign(Alpm(a, b))), strings.TrimSpace(string(out)); got != want {
			t.Errorf("%q and %q: %s, vercmp returns %s", a, b, got, want)
		}
	}
}
