package license

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/github/go-spdx/v2/spdxexp/spdxlicenses"
)

// canonical returns an expression of SPDX 2.3 with single spaces and the identifiers in
// the spelling of the list of licences, and reports whether s is one that needs no other
// document. Identifiers are compared without regard to case, operators are upper case
// (annex D, section D.2, of the specification).
//
// The validator of go-spdx is not used: it accepts "Apache-2.0-only", "MIT OROFL-1.1" and
// "with", and panics at "(MIT".
func canonical(s string) (string, bool) {
	if strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		return "", false // the upper case of "ſ" is "S"
	}
	var out []string
	depth := 0
	operand := true // the next word is a licence, or begins a group
	simple := false // the last word is a licence that can have an exception
	words := words(s)
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case operand && w == "(":
			depth++
		case operand:
			id, ok := identifier(w)
			if !ok {
				return "", false
			}
			w, operand, simple = id, false, true
		case w == ")" && depth > 0:
			depth--
			simple = false
		case w == "AND" || w == "OR":
			operand, simple = true, false
		case w == "WITH" && simple && i+1 < len(words):
			i++
			known, id := spdxlicenses.IsException(words[i])
			if !known {
				return "", false
			}
			w, simple = "WITH "+id, false
		default:
			return "", false
		}
		out = append(out, w)
	}
	if operand || depth > 0 {
		return "", false
	}
	return strings.NewReplacer("( ", "(", " )", ")").Replace(strings.Join(out, " ")), true
}

// words splits an expression at spaces and around parentheses.
func words(s string) []string {
	return strings.FieldsFunc(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(s), func(r rune) bool { return r == ' ' })
}

// identifier returns the identifier of a licence in the spelling of the list, with the
// "+" of later versions if it has one.
func identifier(s string) (string, bool) {
	for _, list := range []func(string) (bool, string){spdxlicenses.IsActiveLicense, spdxlicenses.IsDeprecatedLicense} {
		if known, id := list(s); known {
			return id, true // some that are deprecated end in "+"
		}
	}
	base, later := strings.CutSuffix(s, "+")
	if !later {
		return "", false
	}
	id, ok := identifier(base)
	if !ok || strings.HasSuffix(id, "+") || strings.HasSuffix(id, "-only") || strings.HasSuffix(id, "-or-later") {
		return "", false
	}
	return id + "+", true
}

// exact reports whether a name is an identifier of SPDX as it is.
func exact(name string) bool {
	id, ok := identifier(name)
	return ok && id == name && !strings.HasSuffix(name, "+") ||
		slices.Contains(spdxlicenses.GetDeprecated(), name)
}
