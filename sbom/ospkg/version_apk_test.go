package ospkg

import (
	"strings"
	"testing"
)

// TestApkVersions takes the pairs of two other implementations. The first one
// has them from apk-tools' own tests.
func TestApkVersions(t *testing.T) {
	pairs := readFile(t, module(t, apkVersions), "version.data") +
		readFile(t, module(t, scalibr), "semantic/testdata/alpine-versions-generated.txt")
	count := 0
	for line := range strings.Lines(pairs) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) != 3 || !validApkVersion(f[0]) || !validApkVersion(f[2]) {
			continue
		}
		count++
		want := map[string]int{"<": -1, "=": 0, ">": 1}[f[1]]
		if got := compareApk(f[0], f[2]); got != want {
			t.Errorf("%s is %d, want %s", line, got, f[1])
		}
		if got := compareApk(f[2], f[0]); got != -want {
			t.Errorf("%s backwards is %d", line, got)
		}
	}
	if count < 700 {
		t.Errorf("only %d pairs", count)
	}
}

// What apk-tools 3 says (test/unit/version.data in its repository), where
// versions before it differed or had no such part.
func TestApkVersionsOfToday(t *testing.T) {
	for _, test := range []struct {
		a, op, b string
	}{
		{"1.0~1234", "=", "1.0~1234"},
		{"1.0~1234", "<", "1.0~1235"},
		{"1.0~1234-r1", "<", "1.0~1234-r2"},
		{"1.0", "<", "1.0.1"}, {"1.0_rc1", "<", "1.0"}, {"1.0_p1", ">", "1.0"}, {"1.0a", ">", "1.0"}, {"1.0_alpha", "<", "1.0_beta"},
		{"1.1", "<", "1.1-r1"}, {"1.10", ">", "1.9"}, {"1.01", "<", "1.1"}, {"01.1", "=", "1.1"}, {"1.2.3_git20230717-r4", ">", "1.2.3-r5"},
		{"99999999999999999999999", ">", "9999999999999999999999"},
	} {
		if got, want := compareApk(test.a, test.b), map[string]int{"<": -1, "=": 0, ">": 1}[test.op]; got != want {
			t.Errorf("%s and %s: %d, want %s", test.a, test.b, got, test.op)
		}
	}
}

func TestApkFuzzyMatch(t *testing.T) {
	d := &apk{packages: []*apkRecord{{identity: "Q1a="}}}
	for _, test := range []struct {
		version, op, want string
		ok                bool
	}{
		// apk-world(5): "1.6, 1.6.0_pre1, 1.6.0, 1.6.5, 1.6.9_p1" match ~1.6.
		{"1.6", "~", "1.6", true}, {"1.6.0_pre1", "~", "1.6", true}, {"1.6.5", "~", "1.6", true}, {"1.6.9_p1", "~", "1.6", true},
		{"1.60", "~", "1.6", false}, {"1.7", "~", "1.6", false}, {"1.7", ">~", "1.6", true}, {"1.5", "<~", "1.6", true}, {"1.6.1", "<~", "1.6", true}, {"1.6.1", "<", "1.6", false},
		{"1.6", "<=", "1.6", true}, {"1.6", ">", "1.6", false}, {"", ">=", "2", true}, {"1", "><", "Q1a=", true}, {"1", "><", "Q1b=", false}, {"2", "<>=", "1", true},
	} {
		if got := d.satisfies(offer{version: test.version}, alternative{name: "x", op: test.op, version: test.want}); got != test.ok {
			t.Errorf("%s %s %s: %v", test.version, test.op, test.want, got)
		}
	}
}

func FuzzApkVersions(f *testing.F) {
	f.Add("1.2.3a_rc4_p5~ab-r6", "1.2.3-r0", "1.02_alpha")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if compareApk(a, a) != 0 || compareApk(a, b) != -compareApk(b, a) {
			t.Errorf("%q and %q: %d, %d", a, b, compareApk(a, b), compareApk(b, a))
		}
		if _, prefix := compareApkParts(a+".1", a); validApkVersion(a+".1") && validApkVersion(a) && !prefix {
			t.Errorf("%q is no prefix of itself with another number", a)
		}
	})
}
