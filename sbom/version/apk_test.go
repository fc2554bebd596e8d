package version

import (
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// apkVersions has the pairs of apk-tools' own tests.
const apkVersions = "github.com/knqyf263/go-apk-version@v0.0.0-20200609155635-041fdbb8563f"

// validApk reports whether apk knows all parts of a version.
func validApk(s string) bool {
	v := apkVersion{rest: s}
	for v.first(); v.part < apkEnd; v.next() {
	}
	return v.part == apkEnd
}

// TestApk checks the pairs of two other implementations.
func TestApk(t *testing.T) {
	pairs := moduletest.File(t, apkVersions, "version.data") +
		moduletest.File(t, moduletest.Scalibr, "semantic/testdata/alpine-versions-generated.txt")
	count := 0
	for line := range strings.Lines(pairs) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) != 3 || !validApk(f[0]) || !validApk(f[2]) {
			continue
		}
		count++
		want := map[string]int{"<": -1, "=": 0, ">": 1}[f[1]]
		if got := apk(f[0], f[2]); got != want {
			t.Errorf("%s is %d, want %s", line, got, f[1])
		}
		if got := apk(f[2], f[0]); got != -want {
			t.Errorf("%s reversed is %d", line, got)
		}
	}
	if count < 700 {
		t.Errorf("only %d pairs", count)
	}
}

// TestApk3 checks pairs of apk-tools 3 (test/unit/version.data in its
// repository) where earlier releases differ or have no such part.
func TestApk3(t *testing.T) {
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
		if got, want := apk(test.a, test.b), map[string]int{"<": -1, "=": 0, ">": 1}[test.op]; got != want {
			t.Errorf("%s and %s: %d, want %s", test.a, test.b, got, test.op)
		}
	}
}

func TestApkSatisfies(t *testing.T) {
	for _, test := range []struct {
		version, op, want string
		ok                bool
	}{
		// apk-world(5): "1.6, 1.6.0_pre1, 1.6.0, 1.6.5, 1.6.9_p1" match ~1.6.
		{"1.6", "~", "1.6", true}, {"1.6.0_pre1", "~", "1.6", true}, {"1.6.5", "~", "1.6", true}, {"1.6.9_p1", "~", "1.6", true},
		{"1.60", "~", "1.6", false}, {"1.7", "~", "1.6", false}, {"1.7", ">~", "1.6", true}, {"1.5", "<~", "1.6", true}, {"1.6.1", "<~", "1.6", true}, {"1.6.1", "<", "1.6", false},
		{"1.6", "<=", "1.6", true}, {"1.6", ">", "1.6", false}, {"2", "<>=", "1", true},
	} {
		if got := ApkSatisfies(test.version, test.op, test.want); got != test.ok {
			t.Errorf("%s %s %s: %v", test.version, test.op, test.want, got)
		}
	}
}

func FuzzApk(f *testing.F) {
	f.Add("1.2.3a_rc4_p5~ab-r6", "1.2.3-r0", "1.02_alpha")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if apk(a, a) != 0 || apk(a, b) != -apk(b, a) {
			t.Errorf("%q and %q: %d, %d", a, b, apk(a, b), apk(b, a))
		}
		if _, prefix := compareApk(a+".1", a); validApk(a+".1") && validApk(a) && !prefix {
			t.Errorf("%q is not a prefix of itself with another number", a)
		}
	})
}
