package pep508

import (
	"strings"

	pep440 "github.com/aquasecurity/go-pep440-version"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/version"
)

// Specifier is one version specifier of PEP 440.
type Specifier struct {
	// Operator is one of operators().
	Operator string
	// Version is the text after the operator. It is a valid version unless
	// the operator is "===", or has "*" at its end.
	Version string
}

// Specifiers is a list that a version must satisfy as a whole.
type Specifiers []Specifier

// operators returns the operators of PEP 440, longer ones first.
func operators() []string { return []string{"===", "==", "~=", "!=", "<=", ">=", "<", ">"} }

// ParseSpecifiers parses a list of version specifiers with commas between
// them, in parentheses or not. The error is an *[Error].
func ParseSpecifiers(s string) (Specifiers, error) {
	list, err := parseSpecifiers(s, 0)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// parseSpecifiers parses a list that begins at an offset of a requirement. It
// returns the well-formed ones and the first error.
func parseSpecifiers(s string, offset int) (list Specifiers, first *Error) {
	fail := func(msg string) {
		if first == nil {
			first = &Error{offset, msg}
		}
	}
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	if inner, ok := strings.CutPrefix(s, "("); ok {
		if s, ok = strings.CutSuffix(inner, ")"); !ok {
			fail("version specifiers without a closing parenthesis")
		}
		offset++
	}
	clauses := strings.Split(s, ",")
	for i, clause := range clauses {
		switch spec, ok := parseSpecifier(strings.TrimSpace(clause)); {
		case ok:
			list = append(list, spec)
		case strings.TrimSpace(clause) != "" || i < len(clauses)-1: // a comma may be the last character
			fail("not a version specifier")
		}
		offset += len(clause) + 1
	}
	return list, first
}

func parseSpecifier(clause string) (Specifier, bool) {
	for _, op := range operators() {
		if v, found := strings.CutPrefix(clause, op); found {
			v = strings.TrimSpace(v)
			return Specifier{op, v}, v != "" && !strings.ContainsAny(v, " \t<>=~@#;\"'()[]\\")
		}
	}
	return Specifier{}, false
}

// Exact returns the version that the list pins. Only "==" with a whole version
// and "===" pin one, and only one such specifier in a list does; the others
// can limit it further. Verbatim is true for "===", which compares text and
// not versions.
func (s Specifiers) Exact() (pinned string, verbatim bool) {
	exact := 0
	for _, spec := range s {
		switch {
		case spec.Operator == "===":
			pinned, verbatim = spec.Version, true
			exact++
		case spec.Operator == "==" && version.Python(spec.Version):
			pinned, verbatim = spec.Version, false
			exact++
		}
	}
	if exact != 1 {
		return "", false
	}
	return pinned, verbatim
}

// Admits reports whether a version satisfies all specifiers. Pre-releases are
// versions like any other: the question is about one that is installed, not
// about one to choose. ok is false when a version is not one of PEP 440 or is
// too long to compare, and no answer is possible.
func (s Specifiers) Admits(installed string) (admits, ok bool) {
	admits = true
	for _, spec := range s {
		holds, ok := compareVersions(installed, spec.Operator, spec.Version)
		if !ok {
			return false, false
		}
		admits = admits && holds
	}
	return admits, true
}

// maxNumber bounds the length of a version in a comparison: the library's time
// is not linear in it.
const maxNumber = 64

var number = lazyregexp.New(`^\s*[0-9A-Za-z.!+_*-]+\s*$`)

// compareVersions compares by PEP 440. ok is false where that is impossible.
func compareVersions(left, op, right string) (holds, ok bool) {
	if op == "in" || op == "not in" || len(left) > maxNumber || len(right) > maxNumber || !number.MatchString(right) {
		return false, false
	}
	v, err := pep440.Parse(left)
	if err != nil {
		return false, false
	}
	// Not WithPreRelease: that option takes a pre-release for a final release,
	// so that "<2" would admit 2.0a1, which PEP 440 excludes.
	spec, err := pep440.NewSpecifiers(op + right)
	if err != nil {
		return false, false
	}
	return spec.Check(v), true
}
