package version

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRPM checks rpm's own cases (tests/rpmvercmp.at).
func TestRPM(t *testing.T) {
	for _, text := range []string{
		"1.0 = 1.0", "1.0 < 2.0", "2.0.1 = 2.0.1", "2.0 < 2.0.1", "2.0.1a = 2.0.1a", "2.0.1a > 2.0.1", "5.5p1 = 5.5p1", "5.5p1 < 5.5p2",
		"5.5p10 = 5.5p10", "5.5p1 < 5.5p10", "10xyz < 10.1xyz", "xyz10 = xyz10", "xyz10 < xyz10.1", "xyz.4 = xyz.4", "xyz.4 < 8", "xyz.4 < 2",
		"5.5p2 < 5.6p1", "5.6p1 < 6.5p1", "6.0.rc1 > 6.0", "10b2 > 10a1", "10a2 < 10b2", "1.0aa = 1.0aa", "1.0a < 1.0aa", "10.0001 = 10.0001",
		"10.0001 = 10.1", "10.0001 < 10.0039", "4.999.9 < 5.0", "20101121 = 20101121", "20101121 < 20101122", "2_0 = 2_0", "2.0 = 2_0",
		"a = a", "a+ = a+", "a+ = a_", "+a = +a", "+a = _a", "+_ = _+", "+ = _", "1.0~rc1 = 1.0~rc1", "1.0~rc1 < 1.0", "1.0~rc1 < 1.0~rc2",
		"1.0~rc1~git123 = 1.0~rc1~git123", "1.0~rc1~git123 < 1.0~rc1", "1.0^ = 1.0^", "1.0^ > 1.0", "1.0^git1 = 1.0^git1", "1.0^git1 > 1.0",
		"1.0^git1 < 1.0^git2", "1.0^git1 < 1.01", "1.0^20160101 = 1.0^20160101", "1.0^20160101 < 1.0.1", "1.0^20160101^git1 = 1.0^20160101^git1",
		"1.0^20160102 > 1.0^20160101^git1", "1.0~rc1^git1 = 1.0~rc1^git1", "1.0~rc1^git1 > 1.0~rc1", "1.0^git1~pre = 1.0^git1~pre", "1.0^git1 > 1.0^git1~pre",
		"0:1.0 = 1.0", "1:1.0 > 2.0", "1.0-1 > 1.0", "1.0-1 < 1.0-2", "1:1.0-1 < 1:1.0-1.1",
	} {
		f := strings.Fields(text)
		want := map[string]int{"<": -1, "=": 0, ">": 1}[f[1]]
		if got := sign(rpm(f[0], f[2])); got != want {
			t.Errorf("%s: %d", text, got)
		}
		if got := sign(rpm(f[2], f[0])); got != -want {
			t.Errorf("%s: the other way round %d", text, got)
		}
	}
}

// TestRPMAgainstRPM checks random pairs against rpm.
func TestRPMAgainstRPM(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	r := rand.New(rand.NewPCG(7, 8))
	const alphabet = "0019aAbz.~^-_+"
	random := func() string {
		var b strings.Builder
		for range 1 + r.IntN(8) {
			b.WriteByte(alphabet[r.IntN(len(alphabet))])
		}
		return b.String()
	}
	var pairs [][2]string
	var script strings.Builder
	for range 20_000 {
		a := random()
		b := random()
		if r.IntN(2) == 0 { // often nearly the same
			b = a[:r.IntN(len(a)+1)] + b
		}
		pairs = append(pairs, [2]string{a, b})
		fmt.Fprintf(&script, "print(rpm.vercmp('%s','%s')..' ')\n", a, b)
	}
	path := filepath.Join(t.TempDir(), "pairs.lua")
	if err := os.WriteFile(path, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("rpm", "--eval", "%{lua: dofile('"+path+"')}").Output()
	if err != nil {
		t.Fatalf("rpm: %v", err)
	}
	answers := strings.Fields(string(out))
	if len(answers) != len(pairs) {
		t.Fatalf("%d answers to %d questions", len(answers), len(pairs))
	}
	for i, p := range pairs {
		if got := fmt.Sprint(sign(rpm(p[0], p[1]))); got != answers[i] {
			t.Errorf("%q against %q: %s, rpm says %s", p[0], p[1], got, answers[i])
		}
	}
}

// FuzzRPM checks that each version equals itself and that swapping two versions
// reverses the order.
func FuzzRPM(f *testing.F) {
	f.Add("1.0~rc1", "1.0^git1")
	f.Add("1:2-3", "1a^")
	f.Fuzz(func(t *testing.T, a, b string) {
		if rpm(a, a) != 0 {
			t.Errorf("%q differs from itself", a)
		}
		if x, y := sign(rpm(a, b)), sign(rpm(b, a)); x != -y {
			t.Errorf("%q against %q: %d and %d", a, b, x, y)
		}
		if RPMOverlap(">=", a, ">=", b) != true || RPMOverlap("=", a, "=", a) != true || (a != "" && RPMOverlap("<", a, ">", a)) {
			t.Errorf("ranges of %q and %q", a, b)
		}
	})
}
