package ospkg

import (
	"fmt"
	"strings"
)

// requirement is one item of a Depends field: any one of its alternatives
// satisfies it (Debian Policy, section 7.1).
type requirement []alternative

// alternative is a package name with its constraints.
type alternative struct {
	name    string
	arch    string // after the colon: "any", an architecture, or ""
	op      string // "<<", "<=", "=", ">=", ">>", or "" for any version
	version string
}

func (a alternative) String() string {
	s := a.name
	if a.arch != "" {
		s += ":" + a.arch
	}
	if a.op != "" {
		s += " (" + a.op + " " + a.version + ")"
	}
	return s
}

func (r requirement) String() string {
	parts := make([]string, len(r))
	for i, a := range r {
		parts[i] = a.String()
	}
	return strings.Join(parts, " | ")
}

// single returns requirements without alternatives.
func single(all []alternative) []requirement {
	out := make([]requirement, len(all))
	for i, a := range all {
		out[i] = requirement{a}
	}
	return out
}

// accepts reports whether a version satisfies the constraint, in the order of
// the kind of database.
func (a alternative) accepts(version string, compare func(a, b string) int) bool {
	if a.op == "" {
		return true
	}
	c := compare(version, a.version)
	switch a.op {
	case "<<":
		return c < 0
	case "<=":
		return c <= 0
	case "=":
		return c == 0
	case ">=":
		return c >= 0
	case ">>":
		return c > 0
	}
	return false
}

// parseRequirements parses the value of Depends, Recommends, Provides and the
// like. It skips empty items. Restrictions to architectures and build profiles
// ("[amd64]", "<!nocheck>") belong to source packages; a status file does not
// have them, and they are dropped.
func parseRequirements(s string) ([]requirement, error) {
	var out []requirement
	for item := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		var r requirement
		for text := range strings.SplitSeq(item, "|") {
			a, err := parseAlternative(strings.TrimSpace(text))
			if err != nil {
				return nil, err
			}
			r = append(r, a)
		}
		out = append(out, r)
	}
	return out, nil
}

func parseAlternative(s string) (alternative, error) {
	end := strings.IndexAny(s, " \t\r\n([<")
	if end < 0 {
		end = len(s)
	}
	var a alternative
	name, arch, qualified := strings.Cut(s[:end], ":")
	if !validPackageName(name) || (qualified && !validArch(arch)) {
		return a, fmt.Errorf("%s is not a package name", excerpt(s[:end]))
	}
	a.name, a.arch = strings.Clone(name), strings.Clone(arch)
	rest := strings.TrimSpace(s[end:])
	if strings.HasPrefix(rest, "(") {
		inside, after, closed := strings.Cut(rest[1:], ")")
		if !closed {
			return a, fmt.Errorf("version of %s has no closing parenthesis", excerpt(name))
		}
		if err := a.constrain(strings.TrimSpace(inside)); err != nil {
			return a, err
		}
		rest = strings.TrimSpace(after)
	}
	for rest != "" {
		var closing string
		switch rest[0] {
		case '[':
			closing = "]"
		case '<':
			closing = ">"
		default:
			return a, fmt.Errorf("unexpected %s after package %s", excerpt(rest), excerpt(name))
		}
		_, after, closed := strings.Cut(rest, closing)
		if !closed {
			return a, fmt.Errorf("%s after package %s is not closed", excerpt(rest), excerpt(name))
		}
		rest = strings.TrimSpace(after)
	}
	return a, nil
}

// constrain parses ">= 1.2". A version alone means "=", and the old "<" and
// ">" mean "<=" and ">=", as for dpkg.
func (a *alternative) constrain(s string) error {
	end := 0
	for end < len(s) && strings.IndexByte("<>=", s[end]) >= 0 {
		end++
	}
	op := s[:end]
	switch op {
	case "":
		op = "="
	case "<", ">":
		op += "="
	case "<<", "<=", "=", ">=", ">>":
	default:
		return fmt.Errorf("unknown version operator %s", excerpt(op))
	}
	version := strings.TrimSpace(s[end:])
	if err := checkVersion(version); err != nil {
		return err
	}
	a.op, a.version = strings.Clone(op), strings.Clone(version)
	return nil
}

// validPackageName follows dpkg's pkg_name_is_illegal: a letter or digit
// first, then also "-+._".
func validPackageName(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && (i == 0 || strings.IndexByte("-+._", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}

// validArch follows dpkg's dpkg_arch_name_is_illegal.
func validArch(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && (i == 0 || s[i] != '-') {
			return false
		}
	}
	return s != ""
}

// checkVersion refuses the versions that dpkg refuses in a status file
// (parseversion in lib/dpkg/parsehelp.c). dpkg warns of others, such as a
// version that starts with a letter or has a character outside of ASCII, and
// accepts them. Control characters are refused as well, since a version becomes
// part of an identity.
func checkVersion(v string) error {
	if v == "" {
		return fmt.Errorf("version is empty")
	}
	for i := range len(v) {
		if v[i] <= ' ' || v[i] == 0x7f {
			return fmt.Errorf("%s is not a version", excerpt(v))
		}
	}
	rest := v
	if epoch, after, found := strings.Cut(v, ":"); found {
		const most = 10 // digits: dpkg keeps the epoch in an int
		if epoch == "" || !allDigits(epoch) || len(epoch) > most {
			return fmt.Errorf("%s is not a version: the epoch before the colon is not a number", excerpt(v))
		}
		rest = after
	}
	if i := strings.LastIndexByte(rest, '-'); i >= 0 {
		if i == len(rest)-1 {
			return fmt.Errorf("%s is not a version: nothing follows the last hyphen", excerpt(v))
		}
		rest = rest[:i]
	}
	if rest == "" {
		return fmt.Errorf("%s is not a version: only an epoch or a revision", excerpt(v))
	}
	return nil
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || (c|0x20 >= 'a' && c|0x20 <= 'z')
}

// allDigits reports whether s has no character but decimal digits.
func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }
