package license

import (
	"slices"
	"strings"
)

// The names and the syntax of the field License of debian/copyright, version 1.0
// (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/, section 7).
// Standard short names have one meaning in all files. Any other name is defined by the
// file that it is in: it is a reference, unless it is exactly an identifier of SPDX.

// family is a licence, or several of which the version follows the name.
type family struct {
	name string // of SPDX, without a version; empty for one without an equal there
	// lowest is the version that a name without one means; empty for a licence
	// without versions.
	lowest string
	// gnu licences have the suffixes -only and -or-later.
	gnu bool
}

// families are the standard short names, which are compared without regard to case.
func families() map[string]family {
	return map[string]family{
		"apache": {name: "Apache", lowest: "1.0"}, "artistic": {name: "Artistic", lowest: "1.0"},
		"bsd-2-clause": {name: "BSD-2-Clause"}, "bsd-3-clause": {name: "BSD-3-Clause"}, "bsd-4-clause": {name: "BSD-4-Clause"},
		"isc": {name: "ISC"}, "expat": {name: "MIT"}, "w3c": {name: "W3C"}, "zlib": {name: "Zlib"},
		"cc-by": {name: "CC-BY", lowest: "1.0"}, "cc-by-sa": {name: "CC-BY-SA", lowest: "1.0"}, "cc-by-nd": {name: "CC-BY-ND", lowest: "1.0"},
		"cc-by-nc": {name: "CC-BY-NC", lowest: "1.0"}, "cc-by-nc-sa": {name: "CC-BY-NC-SA", lowest: "1.0"}, "cc-by-nc-nd": {name: "CC-BY-NC-ND", lowest: "1.0"},
		"cc0": {name: "CC0", lowest: "1.0"}, "cddl": {name: "CDDL", lowest: "1.0"}, "cpl": {name: "CPL", lowest: "1.0"}, "efl": {name: "EFL", lowest: "1.0"},
		"gpl": {name: "GPL", lowest: "1.0", gnu: true}, "lgpl": {name: "LGPL", lowest: "2.0", gnu: true},
		"gfdl": {name: "GFDL", lowest: "1.0", gnu: true}, "gfdl-niv": {name: "GFDL", lowest: "1.0", gnu: true},
		"lppl": {name: "LPPL", lowest: "1.0"}, "mpl": {name: "MPL", lowest: "1.1"}, "python": {name: "Python", lowest: "2.0"},
		"qpl": {name: "QPL", lowest: "1.0"}, "zope": {name: "ZPL", lowest: "1.0"},
		"public-domain": {}, "perl": {name: "Artistic-1.0-Perl OR GPL-1.0-or-later"},
		// "There are many versions of the MIT license."
		"mit": {},
	}
}

// short returns the identifier of a short name in SPDX, and whether there is one.
func short(name string) (string, bool) {
	lower := strings.ToLower(name)
	base, later := strings.CutSuffix(lower, "+")
	known := families()
	f, found := known[base]
	version := f.lowest
	if !found {
		// The family is everything before the version, which begins with a digit.
		i := strings.LastIndexByte(base, '-')
		if i < 0 || i+1 == len(base) || base[i+1] < '0' || base[i+1] > '9' {
			return name, exact(name)
		}
		if f, found = known[base[:i]]; !found || f.lowest == "" {
			return name, exact(name)
		}
		version = dotted(base[i+1:])
		base = base[:i]
	}
	id := f.name
	switch {
	case id == "":
		return "", false
	case version != "":
		id += "-" + version
	}
	if base == "gfdl-niv" {
		id += "-no-invariants"
	}
	switch {
	case f.gnu && later:
		id += "-or-later"
	case f.gnu:
		id += "-only"
	case later:
		id += "+"
	}
	return canonical(id)
}

// dotted returns a version as SPDX has it: "2", "2.0" and "2.0.0" are equal here, and
// "2.0" there.
func dotted(version string) string {
	for strings.HasSuffix(version, ".0") {
		version = strings.TrimSuffix(version, ".0")
	}
	if !strings.Contains(version, ".") {
		version += ".0"
	}
	return version
}

// Debian returns the expression of the statements of debian/copyright. scope names the
// file: a name that is not standard has another meaning in another one, and so another
// reference.
func Debian(statements []string, scope string) Declared {
	d := Declared{Refs: map[string]string{}}
	var parts []string
	for _, s := range statements {
		p := debianParser{words: debianWords(s), scope: scope, refs: map[string]string{}}
		part, level, ok := p.all()
		if !ok {
			p.refs = map[string]string{}
			part, level = p.reference(s), 2
		}
		for ref, text := range p.refs {
			d.Refs[ref] = text
		}
		if level == 0 && len(statements) > 1 {
			part = "(" + part + ")"
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	d.Expression = strings.Join(parts, " AND ")
	return d
}

func debianWords(s string) []string {
	return strings.Fields(strings.ReplaceAll(s, ",", " , "))
}

// debianParser parses "A or B and C", in which "and" binds stronger than "or" unless a
// comma is before it. The level of an expression is 0 for alternatives, 1 for terms that
// hold together and 2 for one name.
type debianParser struct {
	words []string
	at    int
	scope string
	refs  map[string]string
}

func (p *debianParser) next(word string) bool {
	if p.at < len(p.words) && strings.EqualFold(p.words[p.at], word) {
		p.at++
		return true
	}
	return false
}

func (p *debianParser) all() (string, int, bool) {
	out, level, ok := p.alternatives()
	for ok && p.next(",") {
		and := p.next("and")
		if !and && !p.next("or") {
			return "", 0, false
		}
		more, under, fine := p.alternatives()
		if ok = fine; and {
			out, level = grouped(out, level, 1)+" AND "+grouped(more, under, 1), 1
		} else {
			out, level = out+" OR "+more, 0
		}
	}
	return out, level, ok && p.at == len(p.words)
}

// grouped puts an expression in parentheses that binds less than what is around it.
func grouped(s string, level, around int) string {
	if level < around {
		return "(" + s + ")"
	}
	return s
}

func (p *debianParser) alternatives() (string, int, bool) {
	out, level, ok := p.terms()
	for ok && p.next("or") {
		more, _, fine := p.terms()
		out, level, ok = out+" OR "+more, 0, fine
	}
	return out, level, ok
}

func (p *debianParser) terms() (string, int, bool) {
	out, level, ok := p.name()
	for ok && p.next("and") {
		more, under, fine := p.name()
		out, level, ok = grouped(out, level, 1)+" AND "+grouped(more, under, 1), 1, fine
	}
	return out, level, ok
}

// name parses a short name, with an exception if there is one.
func (p *debianParser) name() (string, int, bool) {
	if p.at == len(p.words) {
		return "", 0, false
	}
	name := p.words[p.at]
	switch strings.ToLower(name) {
	case ",", "and", "or", "with", "and/or":
		return "", 0, false
	}
	p.at++
	if !p.next("with") {
		id, ok := short(name)
		switch {
		case !ok:
			return p.reference(name), 2, true
		case strings.Contains(id, " OR "):
			return id, 0, true
		}
		return id, 2, true
	}
	start := p.at
	for p.at < len(p.words) && !strings.EqualFold(p.words[p.at], "exception") {
		p.at++
	}
	if p.at == start || p.at == len(p.words) {
		return "", 0, false
	}
	keyword := strings.Join(p.words[start:p.at], " ")
	p.at++
	if id, ok := short(name); ok && !strings.Contains(id, " ") {
		if strings.EqualFold(keyword, "font") {
			keyword = "Font-exception-2.0" // the text is the same
		}
		if with, ok := canonical(id + " WITH " + keyword); ok {
			return with, 2, true
		}
	}
	return p.reference(name + " with " + keyword + " exception"), 2, true
}

func (p *debianParser) reference(text string) string {
	ref := reference(p.scope + "\x00" + text)
	p.refs[ref] = text
	return ref
}
