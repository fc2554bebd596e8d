// Package pep508 parses and evaluates Python dependency specifiers: a name with
// extras, version specifiers or a URL, and an environment marker
// (https://packaging.python.org/en/latest/specifications/dependency-specifiers/).
//
// # One parser for two inputs
//
// Requires-Dist headers of installed distributions and lines of requirements
// files have the same grammar. What pip accepts around it in a requirements
// file (options, bare URLs and paths, line continuations) is not part of it.
//
// Both inputs are untrusted, so length, nesting and the number of comparisons
// are limited, and versions are limited where the PEP 440 library's time is
// not linear in their length.
//
// # Malformed version specifiers
//
// Old metadata has specifiers that PEP 440 refuses ("2.*.*", ">=1.0-dev_x").
// Installers read the name of such a requirement all the same. [Parse]
// therefore returns the requirement, with the first malformed specifier in
// [Requirement.Malformed]: a reader of installed packages ignores it, and a
// reader of lock files reports it.
//
// # Evaluation
//
// A comparison with a variable that is not known has no value, and neither has
// a marker that depends on it: logic has three values ([Truth]). The two callers
// decide differently. [Marker.Holds] is for the edges between installed
// packages: following an edge that did not matter is the safer mistake.
// [Marker.Applies] is for the entries of lock files and returns all three, since
// an entry that may not apply is no evidence. Markers have no negation, so that
// knowing less never makes a marker fail. The tests compare parsing and
// evaluation with pip's own copy of the packaging library.
//
// The package imports only its siblings for names and versions.
package pep508

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// MaxLength is the length in bytes of the longest requirement that is parsed.
// The longest of real packages have some hundred bytes.
const MaxLength = 8 << 10

// Requirement is a parsed dependency specifier.
type Requirement struct {
	// Name is the name as written; see [ecosystem.Python].
	Name string
	// Extras are normalised, in the order of the text.
	Extras []string
	// Specifiers are the version specifiers. They are empty with a URL.
	Specifiers Specifiers
	// URL follows "@". It is empty for a requirement from an index.
	URL string
	// Text is the requirement as written, without its marker.
	Text string
	// Marker is nil when the requirement applies everywhere.
	Marker *Marker
	// MarkerText is the marker as written.
	MarkerText string
	// Malformed is the first version specifier that is not one, or nil.
	Malformed *Error
}

// Error is a syntax error in a requirement. It does not repeat the text, which
// may be a URL with a password.
type Error struct {
	Offset int // in bytes, from the start of the text
	Msg    string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Offset+1, e.Msg) }

// Parse parses one requirement. The error is an *[Error].
func Parse(s string) (*Requirement, error) {
	if len(s) > MaxLength {
		return nil, &Error{0, fmt.Sprintf("a requirement longer than %d bytes", MaxLength)}
	}
	p := &parser{text: s}
	r, err := p.requirement()
	if err != nil {
		return nil, err
	}
	return r, nil
}

type parser struct {
	text  string
	at    int
	terms int // comparisons in the marker
}

func (p *parser) rest() string { return p.text[p.at:] }

func (p *parser) fail(format string, args ...any) *Error {
	return &Error{p.at, fmt.Sprintf(format, args...)}
}

func (p *parser) blanks() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t') {
		p.at++
	}
}

func (p *parser) take(s string) bool {
	if !strings.HasPrefix(p.rest(), s) {
		return false
	}
	p.at += len(s)
	return true
}

// word takes a word that is not the start of a longer one.
func (p *parser) word(s string) bool {
	rest, ok := strings.CutPrefix(p.rest(), s)
	if !ok || rest != "" && isWordByte(rest[0]) {
		return false
	}
	p.at += len(s)
	return true
}

func isWordByte(c byte) bool {
	return c == '_' || c == '.' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// identifier takes a name: letters and digits, with "-", "_" and "." between
// them. It returns "" and takes nothing when there is none.
func (p *parser) identifier() string {
	rest, n := p.rest(), 0
	for n < len(rest) && isWordByte(rest[n]) {
		n++
	}
	if !ecosystem.ValidPython(rest[:n]) {
		return ""
	}
	p.at += n
	return rest[:n]
}

func (p *parser) requirement() (*Requirement, *Error) {
	p.blanks()
	begin := p.at
	r := &Requirement{Name: p.identifier()}
	if r.Name == "" {
		return nil, p.fail("a requirement must begin with a name")
	}
	p.blanks()
	if err := p.extras(r); err != nil {
		return nil, err
	}
	p.blanks()
	if err := p.source(r); err != nil {
		return nil, err
	}
	r.Text = strings.TrimRight(p.text[begin:p.at], " \t")
	p.blanks()
	if p.take(";") {
		p.blanks()
		if r.MarkerText = strings.TrimRight(p.rest(), " \t"); r.MarkerText != "" {
			m, err := p.marker(0)
			if err != nil {
				return nil, err
			}
			r.Marker = m
		}
	}
	if p.blanks(); p.rest() != "" {
		return nil, p.fail("text after the end of a requirement")
	}
	return r, nil
}

func (p *parser) extras(r *Requirement) *Error {
	if !p.take("[") {
		return nil
	}
	for {
		p.blanks()
		if p.take("]") {
			return nil
		}
		extra := p.identifier()
		if extra == "" {
			return p.fail("an extra without a name")
		}
		r.Extras = append(r.Extras, ecosystem.Python(extra))
		p.blanks()
		if !p.take(",") && !strings.HasPrefix(p.rest(), "]") {
			return p.fail("extras without a closing bracket")
		}
	}
}

// source takes a URL or version specifiers.
func (p *parser) source(r *Requirement) *Error {
	if p.take("@") {
		p.blanks()
		rest := p.rest()
		end := len(rest)
		if i := strings.IndexAny(rest, " \t"); i >= 0 {
			end = i
		}
		// A URL may contain semicolons. pip takes one at its end, before a
		// blank, for the start of the marker.
		if r.URL = strings.TrimRight(rest[:end], ";"); r.URL == "" {
			return p.fail("no URL after @")
		}
		p.at += len(r.URL)
		return nil
	}
	rest := p.rest()
	end := len(rest)
	if i := strings.IndexByte(rest, ';'); i >= 0 {
		end = i
	}
	list := strings.TrimRight(rest[:end], " \t")
	if list == "" {
		return nil
	}
	if !strings.ContainsRune("<>=!~(", rune(list[0])) {
		return p.fail("text after the name that is not a version specifier")
	}
	r.Specifiers, r.Malformed = parseSpecifiers(list, p.at)
	p.at += len(list)
	return nil
}
