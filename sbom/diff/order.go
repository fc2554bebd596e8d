package diff

import (
	"cmp"
	"fmt"
	goversion "go/version"
	"slices"
	"strings"

	pep440 "github.com/aquasecurity/go-pep440-version"
	"golang.org/x/mod/semver"

	"github.com/depaudit/depaudit/sbom/ospkg"
)

// maxVersion is the longest version, in bytes, that is compared other than as
// the same text: pep440 and Ruby's rules take time that is not linear in it.
const maxVersion = 256

// An OrderError says why two versions cannot be compared.
type OrderError struct {
	// Type is the purl type.
	Type string
	// Version is the one that is no version of that type, empty when there is
	// no order for the type at all.
	Version string
	// Missing says that there is no version.
	Missing bool
}

func (e *OrderError) Error() string {
	switch {
	case e.Missing:
		return "it has no version"
	case e.Version == "":
		return fmt.Sprintf("no order known for %s: only equal versions match", quote(e.Type))
	}
	return fmt.Sprintf("%s is no version of %s", quote(e.Version), quote(e.Type))
}

// CompareVersions compares two versions as the ecosystem of the purl type
// does: negative when a is earlier than b. The error is an *[OrderError]. There
// is no order for a type that is not known: versions that are compared as text
// are compared wrongly.
//
// The orders are those of deb-version(7), rpmvercmp, apk-tools 3, vercmp(8),
// PEP 440, Semantic Versioning 2.0 (npm, cargo), golang.org/ref/mod#versions,
// and Ruby's Gem::Version.
func CompareVersions(typ, a, b string) (int, error) {
	if a == "" || b == "" {
		return 0, &OrderError{Type: typ, Missing: true}
	}
	if order := ospkg.Order(typ); order != nil {
		return order(a, b), nil
	}
	x, err := parseVersion(typ, a)
	if err != nil {
		return 0, err
	}
	y, err := parseVersion(typ, b)
	if err != nil {
		return 0, err
	}
	return x.compare(y), nil
}

// KnownOrder says whether versions of a purl type can be compared.
func KnownOrder(typ string) bool {
	if ospkg.Order(typ) != nil {
		return true
	}
	switch typ {
	case "pypi", "npm", "cargo", "golang", "gem":
		return true
	}
	return false
}

// parsed is a version of a type whose versions must be read first. Only one
// field is set.
type parsed struct {
	python *pep440.Version
	semver *semanticVersion
	golang string // for golang.org/x/mod/semver
	tool   string // of Go itself, for go/version
	gem    []string
}

func parseVersion(typ, s string) (parsed, error) {
	bad := &OrderError{Type: typ, Version: s}
	if !KnownOrder(typ) {
		return parsed{}, &OrderError{Type: typ}
	}
	if len(s) > maxVersion {
		return parsed{}, bad
	}
	var p parsed
	ok := false
	switch typ {
	case "pypi":
		public, local, has := strings.Cut(strings.TrimSpace(s), "+")
		if has {
			// The separators of a local version are equal (PEP 440, "Local
			// version segments"); the library compares them as text.
			public += "+" + strings.NewReplacer("-", ".", "_", ".").Replace(local)
		}
		v, err := pep440.Parse(public)
		p.python, ok = &v, err == nil
	case "npm", "cargo":
		p.semver, ok = parseSemantic(s)
	case "golang":
		p.golang, p.tool = "v"+strings.TrimPrefix(s, "v"), "go"+strings.TrimPrefix(s, "go")
		if strings.HasPrefix(s, "go") || !semver.IsValid(p.golang) {
			p.golang = ""
		}
		if strings.HasPrefix(s, "v") || !goversion.IsValid(p.tool) {
			p.tool = ""
		}
		ok = p.golang != "" || p.tool != ""
	case "gem":
		p.gem, ok = parseGem(s)
	}
	if !ok {
		return parsed{}, bad
	}
	return p, nil
}

func (p parsed) compare(q parsed) int {
	switch {
	case p.python != nil:
		return p.python.Compare(*q.python)
	case p.semver != nil:
		return p.semver.compare(q.semver)
	case p.gem != nil:
		return compareGem(p.gem, q.gem)
	case p.golang != "" && q.golang != "":
		return semver.Compare(p.golang, q.golang)
	case p.tool != "" && q.tool != "":
		return goversion.Compare(p.tool, q.tool)
	}
	// A module against a release of Go itself, v1.2.3 and go1.22: both as
	// text, so that it is an order at all. No package has both.
	return cmp.Compare(p.tool+p.golang, q.tool+q.golang)
}

// semanticVersion is one of https://semver.org/spec/v2.0.0.html. Numbers are
// text, as they may be longer than any integer type.
type semanticVersion struct {
	numbers [3]string
	pre     []string
}

// parseSemantic reads a version, also with a "v" in front and without its
// minor or patch number, which people leave out.
func parseSemantic(s string) (*semanticVersion, bool) {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "="), "v")
	s, build, hasBuild := strings.Cut(s, "+")
	if hasBuild && !identifiers(build, false) {
		return nil, false
	}
	s, pre, hasPre := strings.Cut(s, "-")
	v := &semanticVersion{}
	if hasPre {
		if !identifiers(pre, true) {
			return nil, false
		}
		v.pre = strings.Split(pre, ".")
	}
	parts := strings.Split(s, ".")
	if len(parts) > len(v.numbers) {
		return nil, false
	}
	for i := range v.numbers {
		v.numbers[i] = "0"
		if i < len(parts) {
			if !isNumber(parts[i]) {
				return nil, false
			}
			v.numbers[i] = parts[i]
		}
	}
	return v, true
}

// identifiers says whether s is a list of identifiers with dots between them;
// without leading zeros in numbers when strict.
func identifiers(s string, strict bool) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.Trim(part, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") != "" {
			return false
		}
		if strict && allDigits(part) && !isNumber(part) {
			return false
		}
	}
	return true
}

// isNumber says whether s is a number without leading zeros.
func isNumber(s string) bool { return allDigits(s) && (s == "0" || s[0] != '0') }

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func (v *semanticVersion) compare(w *semanticVersion) int {
	for i := range v.numbers {
		if c := compareNumbers(v.numbers[i], w.numbers[i]); c != 0 {
			return c
		}
	}
	switch {
	case len(v.pre) == 0 || len(w.pre) == 0:
		return cmp.Compare(len(w.pre), len(v.pre)) // without is later
	}
	return slices.CompareFunc(v.pre, w.pre, func(a, b string) int {
		switch x, y := allDigits(a), allDigits(b); {
		case x && y:
			return compareNumbers(a, b)
		case x:
			return -1
		case y:
			return 1
		}
		return strings.Compare(a, b)
	})
}

// parseGem cuts a version as Gem::Version does (lib/rubygems/version.rb): runs
// of digits and runs of letters, without zeros at the end of the part before
// the first letters and at the end of the rest.
func parseGem(s string) ([]string, bool) {
	s = strings.TrimSpace(s)
	if s == "" || !isDigit(s[0]) {
		return nil, false
	}
	version, pre, has := strings.Cut(s, "-")
	if has {
		if pre == "" || !gemParts(strings.ReplaceAll(pre, "-", "")) {
			return nil, false
		}
		s = version + ".pre." + strings.ReplaceAll(pre, "-", ".pre.")
	}
	if !gemParts(version) {
		return nil, false
	}
	var out []string
	kept, letters := 0, false // zeros are taken away down to kept
	for s != "" {
		n := 0
		switch {
		case isDigit(s[0]):
			for n < len(s) && isDigit(s[n]) {
				n++
			}
		case isLetter(s[0]):
			for n < len(s) && isLetter(s[n]) {
				n++
			}
			if !letters {
				out = withoutZeros(out, 0)
				kept, letters = len(out), true
			}
		default:
			s = s[1:]
			continue
		}
		out = append(out, s[:n])
		s = s[n:]
	}
	out = withoutZeros(out, kept)
	if len(out) == 0 {
		out = []string{"0"}
	}
	return out, true
}

func gemParts(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i := range len(part) {
			if !isDigit(part[i]) && !isLetter(part[i]) {
				return false
			}
		}
	}
	return true
}

func withoutZeros(parts []string, from int) []string {
	for len(parts) > from && strings.Trim(parts[len(parts)-1], "0") == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

func compareGem(a, b []string) int {
	at := func(list []string, i int) string {
		if i < len(list) {
			return list[i]
		}
		return "0"
	}
	for i := range max(len(a), len(b)) {
		x, y := at(a, i), at(b, i)
		var c int
		switch nx, ny := isDigit(x[0]), isDigit(y[0]); {
		case nx && ny:
			c = compareNumbers(x, y)
		case nx:
			c = 1
		case ny:
			c = -1
		default:
			c = strings.Compare(x, y)
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
