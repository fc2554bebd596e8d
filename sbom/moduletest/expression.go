package moduletest

import (
	"regexp"
	"strings"
)

// notBlank is the only part of the expressions in the schema of SPDX 3 that Go does not
// have: what does not begin with "_:".
const notBlank = "(?!_:)"

// Expression is an expression of a JSON schema, which are those of ECMAScript.
type Expression struct {
	*regexp.Regexp
	notBlank bool
}

// Compile compiles an expression of a JSON schema.
func Compile(s string) (*Expression, error) {
	re, err := regexp.Compile(strings.ReplaceAll(s, "^"+notBlank, "^"))
	return &Expression{re, strings.Contains(s, "^"+notBlank)}, err
}

// MatchString reports whether a string has what the expression describes.
func (e *Expression) MatchString(s string) bool {
	return e.Regexp.MatchString(s) && !(e.notBlank && strings.HasPrefix(s, "_:"))
}
