package ospkg

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/version"
)

func TestRequirementsAreRead(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"libc6", "libc6"},
		{"libc6 (>= 2.36), passwd", "libc6 (>= 2.36), passwd"},
		{"libc6(>=2.36)", "libc6 (>= 2.36)"},
		{"debconf (>= 0.5) | debconf-2.0", "debconf (>= 0.5) | debconf-2.0"},
		{"python3:any (>> 3.11~), libc6:amd64", "python3:any (>> 3.11~), libc6:amd64"},
		{"a (< 1), b (> 1), c (1)", "a (<= 1), b (>= 1), c (= 1)"},
		{"a\n (= 2:1.0-1)\n,\n b", "a (= 2:1.0-1), b"},
		{"a [amd64 !i386], b (>= 1) [linux-any] <!nocheck> <cross>", "a, b (>= 1)"},
		{"a,,b,", "a, b"},
	} {
		got, err := parseRequirements(test.in)
		if err != nil {
			t.Errorf("%q: %v", test.in, err)
		} else if diff := cmp.Diff(test.want, printRequirements(got)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.in, diff)
		}
	}
}

func TestMalformedRequirementsAreRefused(t *testing.T) {
	for in, want := range map[string]string{
		"a b":                    `unexpected "b" after package "a"`,
		"a |":                    `"" is not a package name`,
		"| a":                    `"" is not a package name`,
		"a (>= 1":                `version of "a" has no closing parenthesis`,
		"a (>= )":                `version is empty`,
		"a (=> 1)":               `unknown version operator "=>"`,
		"a (>= 1 2)":             `"1 2" is not a version`,
		"a:":                     `"a:" is not a package name`,
		"a [amd64":               `"[amd64" after package "a" is not closed`,
		"../etc":                 `"../etc" is not a package name`,
		"a\x1b[31m":              `"a\x1b" is not a package name`,
		"é":                      `"é" is not a package name`,
		"a (= x:1)":              `"x:1" is not a version: the epoch before the colon is not a number`,
		"a (= 1-)":               `"1-" is not a version: nothing follows the last hyphen`,
		"a (= -1)":               `"-1" is not a version: only an epoch or a revision`,
		strings.Repeat("é", 100): `"` + strings.Repeat("é", 30) + `"... is not a package name`,
	} {
		if got, err := parseRequirements(in); err == nil {
			t.Errorf("%q was read as %v", in, got)
		} else if err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestVersionsAreAccepted(t *testing.T) {
	for _, test := range []struct {
		requirement, version string
		want                 bool
	}{
		{"a", "1", true},
		{"a (= 1.0)", "1.0-0", true},
		{"a (= 1.0)", "1.0-1", false},
		{"a (>= 1.0)", "1.0~rc1", false},
		{"a (>= 1.0)", "1.0", true},
		{"a (>> 1.0)", "1.0", false},
		{"a (>> 1.0)", "1.0-1", true},
		{"a (<< 2)", "1:1", false},
		{"a (<= 2)", "2", true},
		{"a (<= 2)", "2.0", false},
		{"a (<< 2)", "2~", true},
	} {
		r, err := parseRequirements(test.requirement)
		if err != nil {
			t.Fatal(err)
		}
		if got := r[0][0].accepts(test.version, version.Deb); got != test.want {
			t.Errorf("%s accepts %s: %v", test.requirement, test.version, got)
		}
	}
}

// FuzzParseRequirements checks that parsing, printing and parsing again gives
// the same requirements.
func FuzzParseRequirements(f *testing.F) {
	f.Add("debconf (>= 0.5) | debconf-2.0, python3:any (<< 3.12), a [amd64] <!x>")
	f.Add("a (1), b (< 2),,c\n(> 3)")
	f.Fuzz(func(t *testing.T, in string) {
		first, err := parseRequirements(in)
		if err != nil {
			return
		}
		text := printRequirements(first)
		second, err := parseRequirements(text)
		if err != nil {
			t.Fatalf("%q was read, but what it prints, %q, is not: %v", in, text, err)
		}
		if a, b := fmt.Sprintf("%#v", first), fmt.Sprintf("%#v", second); a != b {
			t.Errorf("%q became\n%s, and that\n%s", in, a, b)
		}
	})
}

func printRequirements(rs []requirement) string {
	parts := make([]string, len(rs))
	for i, r := range rs {
		parts[i] = r.String()
	}
	return strings.Join(parts, ", ")
}
