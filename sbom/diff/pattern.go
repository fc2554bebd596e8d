package diff

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/bmatcuk/doublestar/v4"

	"github.com/depaudit/depaudit/sbom/version"
)

// maxPattern is the longest pattern, in bytes: more than any name or path
// that a system allows (PATH_MAX). Matching a glob takes time that is not
// linear in it.
const maxPattern = 4096

// Pattern selects components. Make it with [ParsePattern].
//
// The grammar:
//
//	PATTERN  = PATH | NAME [ "@" VERSIONS ] [ "?" QUALIFIERS ] | VERS
//	PATH     = "/" ...                     an absolute path, or a glob of paths
//	NAME     = [ "pkg:" ] [ TYPE "/" ] [ NAMESPACE "/" ] name
//	           | NAME CONSTRAINT { "," CONSTRAINT }    with an operator, blanks allowed
//	VERSIONS = VERS | CONSTRAINT { "," CONSTRAINT }    all of them must hold
//	CONSTRAINT = ( ">=" | ">" | "<=" | "<" | "=" | "!=" ) version | version | glob
//	VERS     = "vers:" TYPE "/" ...        as the purl specification has it
//
// NAME, and version, may be globs: "*" is anything but a slash, "**" anything,
// "?" one character, "[a-c]" one of them, "{a,b}" either. A "pkg:" in front
// makes NAME a package URL, with its type and its escapes; without a version, a
// qualifier or a namespace it matches all of them.
//
// A partial version matches every version that begins with it: one without a
// revision (the part behind the last hyphen) is compared with versions
// without theirs, so that <=5.6.1 holds for 5.6.1-1. So are = and !=, and they
// leave out the epoch too. Whether another operator without an epoch holds for a
// version with one is not known, unless it does either way. A vers: range is compared to
// the letter.
type Pattern struct {
	text       string
	path       string // for a PATH
	typ        string // empty for any
	namespace  string // a glob, with hasSpace
	hasSpace   bool
	name       string // a glob; empty for any, for a VERS
	glob       bool   // name or namespace is one
	typed      bool   // name is as it was typed, and may have a type and a namespace
	qualifiers [][2]string
	versions   *versions
}

// PatternError is the error for an invalid pattern.
type PatternError struct {
	Pattern string
	// Column is the position of the error, in bytes from 1.
	Column int
	Msg    string
	Hint   string
}

func (e *PatternError) Error() string {
	s := fmt.Sprintf("pattern %s:%d: %s", quote(e.Pattern), e.Column, e.Msg)
	if e.Hint != "" {
		s += "\n  " + e.Hint
	}
	return s
}

// String returns the pattern as it was written.
func (p *Pattern) String() string { return p.text }

// Path returns the absolute path of the pattern, empty for a name or a glob of
// paths. A package database lists paths that no document has; a caller that has
// one can look up the owner.
func (p *Pattern) Path() string {
	if p.glob {
		return ""
	}
	return p.path
}

// ParsePattern parses a pattern. Its error is a *[PatternError].
func ParsePattern(s string) (*Pattern, error) {
	r := patternReader{text: s}
	switch {
	case s == "":
		return nil, r.fail(0, "the pattern is empty", "name a package (liblzma5), a purl (pkg:deb/debian/liblzma5), a path, or a glob (liblzma*)")
	case len(s) > maxPattern:
		return nil, r.fail(maxPattern, fmt.Sprintf("longer than %d bytes", maxPattern), "")
	}
	if i := strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f || c == 0xfffd }); i >= 0 {
		return nil, r.fail(i, "a control character, or a byte that is not UTF-8", "")
	}
	var p *Pattern
	var err error
	switch {
	case s[0] == '/':
		p, err = r.pathPattern()
	case strings.HasPrefix(s, "vers:"):
		p = &Pattern{}
		p.versions, err = r.vers(0, s, "")
		if err == nil {
			p.typ = p.versions.typ
		}
	case strings.HasPrefix(s, "pkg:"):
		p, err = r.purlPattern()
	default:
		p, err = r.namePattern()
	}
	if err != nil {
		return nil, err
	}
	p.text = s
	return p, nil
}

// patternReader is the state of the parser; offsets are those in text.
type patternReader struct{ text string }

func (r patternReader) fail(offset int, msg, hint string) error {
	return &PatternError{Pattern: r.text, Column: offset + 1, Msg: msg, Hint: hint}
}

func (r patternReader) pathPattern() (*Pattern, error) {
	p := &Pattern{path: r.text, glob: hasMeta(r.text)}
	if p.glob {
		return p, r.checkGlob(0, r.text)
	}
	p.path = "/" + strings.Trim(p.path, "/")
	if strings.Contains(p.path+"/", "/../") || strings.Contains(p.path+"/", "/./") || strings.Contains(p.path, "//") {
		return nil, r.fail(0, "a path with . or .. or // in it", "write the path as the environment has it, from its root")
	}
	return p, nil
}

func (r patternReader) namePattern() (*Pattern, error) {
	name, versions, qualifiers := cut(r.text)
	spaced := 0
	i := operatorAt(name)
	if i == 0 {
		return nil, r.fail(0, "the name is missing", "write NAME < VERSION, or vers:TYPE/RANGE for every package of a type")
	}
	if i > 0 && versions == "" {
		// NAME < VERSION, as people and package managers write it.
		name, versions = strings.TrimRight(name[:i], " "), "@"+name[i:]
		spaced = i - len(name) - 1
	}
	p := &Pattern{name: name, typed: true, glob: hasMeta(name)}
	if name == "" {
		return nil, r.fail(0, "the name is missing", "write NAME@VERSION, or vers:TYPE/RANGE for every package of a type")
	}
	if i := strings.IndexAny(name, "~^"); i > 0 && !hasMeta(name) {
		return nil, r.fail(i, fmt.Sprintf("%c is not an operator", name[i]), fmt.Sprintf("the operators are < <= = >= > !=, as in '%s >= 1.2, < 1.3'", strings.TrimRight(name[:i], " ")))
	}
	if strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		return nil, r.fail(0, "a path that is not absolute", "paths start at the root of the environment: /usr/local/go")
	}
	if i := strings.IndexByte(name, ' '); i >= 0 {
		return nil, r.fail(i, "a blank in a name", "")
	}
	if err := r.checkGlob(0, name); err != nil {
		return nil, err
	}
	return p, r.rest(p, len(name)+spaced, versions, qualifiers)
}

// operatorAt returns the position of the first operator of a range outside of
// brackets, or -1.
func operatorAt(s string) int {
	depth := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case depth > 0:
		case c == '?':
			return -1 // a glob, or qualifiers
		case c == '<' || c == '>' || c == '=' || c == '!' && strings.HasPrefix(s[i:], "!="):
			return i
		}
	}
	return -1
}

// rest parses the text after a name. Both parts have their first character.
func (r patternReader) rest(p *Pattern, offset int, versions, qualifiers string) error {
	var err error
	if versions != "" {
		p.versions, err = r.versions(offset+1, versions[1:], p.typ)
		if err != nil {
			return err
		}
		if p.typ == "" {
			p.typ = p.versions.typ
		}
	}
	if qualifiers == "" {
		return nil
	}
	at := offset + len(versions) + 1
	for pair := range strings.SplitSeq(qualifiers[1:], "&") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" || value == "" {
			return r.fail(at, fmt.Sprintf("invalid qualifier %s", quote(pair)), "qualifiers are ?arch=amd64&distro=debian-12")
		}
		if unescaped, err := url.PathUnescape(value); err == nil {
			value = unescaped
		}
		p.qualifiers = append(p.qualifiers, [2]string{strings.ToLower(key), value})
		at += len(pair) + 1
	}
	return nil
}

func (r patternReader) purlPattern() (*Pattern, error) {
	const hint = "a package URL is pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS"
	head, versions, qualifiers := cut(r.text)
	body := strings.TrimLeft(strings.TrimPrefix(head, "pkg:"), "/")
	at := len(head) - len(body)
	typ, rest, ok := strings.Cut(body, "/")
	if !ok || typ == "" || strings.Trim(rest, "/") == "" {
		return nil, r.fail(at, "a package URL without a type and a name", hint)
	}
	if i := strings.IndexByte(r.text, '#'); i >= 0 {
		return nil, r.fail(i, "a subpath, which no component has", hint)
	}
	typ = strings.ToLower(typ)
	if strings.Trim(typ, "abcdefghijklmnopqrstuvwxyz0123456789.-+") != "" {
		return nil, r.fail(at, fmt.Sprintf("invalid package URL type %s", quote(typ)), hint)
	}
	rest = strings.Trim(rest, "/")
	full, err := url.PathUnescape(rest)
	if err != nil {
		return nil, r.fail(at+len(typ)+1+max(0, strings.IndexByte(rest, '%')), "a percent sign that begins no escape", hint)
	}
	p := &Pattern{typ: typ, name: full, glob: hasMeta(full)}
	if i := strings.LastIndexByte(full, '/'); i >= 0 {
		p.namespace, p.name, p.hasSpace = full[:i], full[i+1:], true
	}
	if !p.glob {
		// Some types fold their names.
		u := packageurl.PackageURL{Type: typ, Namespace: p.namespace, Name: p.name}
		if err := u.Normalize(); err == nil {
			p.namespace, p.name = u.Namespace, u.Name
		}
	}
	if err := r.checkGlob(at+len(typ)+1, full); err != nil {
		return nil, err
	}
	if versions != "" {
		plain, err := url.PathUnescape(versions)
		if err != nil {
			return nil, r.fail(len(head)+max(0, strings.IndexByte(versions, '%')), "a percent sign that begins no escape", hint)
		}
		if plain != versions {
			// Offsets in the unescaped text are not those of the pattern.
			inner := patternReader{text: plain[1:]}
			p.versions, err = inner.versions(0, plain[1:], typ)
			if err != nil {
				return nil, r.fail(len(head)+1, message(err), "")
			}
			return p, r.rest(p, len(head)+len(versions), "", qualifiers)
		}
	}
	return p, r.rest(p, len(head), versions, qualifiers)
}

func message(err error) string {
	var p *PatternError
	if errors.As(err, &p) {
		return p.Msg
	}
	return err.Error()
}

// cut takes a pattern apart. The @ of a scope, at the beginning of a name or
// behind a slash, belongs to the name; a ? belongs to a glob unless what
// follows is a list of qualifiers.
func cut(s string) (name, versions, qualifiers string) {
	if i := strings.LastIndexByte(s, '?'); i >= 0 && isQualifiers(s[i+1:]) {
		s, qualifiers = s[:i], s[i:]
	}
	if i := strings.Index(s, "@vers:"); i > 0 {
		return s[:i], s[i:], qualifiers
	}
	for i := 1; i < len(s); i++ {
		if s[i] == '@' && s[i-1] != '/' {
			return s[:i], s[i:], qualifiers
		}
	}
	return s, "", qualifiers
}

func isQualifiers(s string) bool {
	key, value, ok := strings.Cut(s, "=")
	return ok && key != "" && value != "" && strings.Trim(strings.ToLower(key), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

func hasMeta(s string) bool { return strings.ContainsAny(s, `*?[{\`) }

// checkGlob rejects an invalid glob.
func (r patternReader) checkGlob(offset int, s string) error {
	if doublestar.ValidatePattern(s) {
		return nil
	}
	at, what := 0, "not a glob"
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i == len(s)-1 {
				at, what = i, `a \ at the end`
			}
			i++
		case '[', '{':
			close := byte(']')
			if s[i] == '{' {
				close = '}'
			}
			if strings.IndexByte(s[i:], close) <= 1 {
				return r.fail(offset+i, fmt.Sprintf("%c without its %c", s[i], close), `for the character itself write \`+string(s[i]))
			}
		case '}':
			at, what = i, "} without its {"
		}
	}
	return r.fail(offset+at, what, "")
}

// versions are the constraints of a version: all of them must hold, or one of
// the alternatives of a vers: range.
type versions struct {
	typ         string // of a vers: range, which is compared to the letter; else empty
	constraints []constraint
}

type constraint struct {
	op      string // "", "=", "!=", "<", "<=", ">", ">="; "" with glob
	version string
	glob    bool
}

// operators, the longer ones first.
func operators() []string { return []string{">=", "<=", "!=", "==", ">", "<", "="} }

func (r patternReader) versions(offset int, s, typ string) (*versions, error) {
	if strings.HasPrefix(s, "vers:") {
		return r.vers(offset, s, typ)
	}
	v := &versions{}
	at := offset
	for _, part := range splitConstraints(s) {
		it, err := r.constraint(at, part)
		if err != nil {
			return nil, err
		}
		if typ != "" && !it.glob {
			if _, err := version.Compare(typ, it.version, it.version); err != nil && version.Ordered(typ) {
				return nil, r.fail(at, err.Error(), "")
			}
		}
		v.constraints = append(v.constraints, it)
		at += len(part) + 1
	}
	return v, nil
}

// splitConstraints splits at commas outside of braces.
func splitConstraints(s string) []string {
	var out []string
	depth, start := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth <= 0 {
				out = append(out, s[start:i])
				start = i + 1
			}
		}
	}
	return append(out, s[start:])
}

func (r patternReader) constraint(offset int, s string) (constraint, error) {
	text := strings.TrimSpace(s)
	offset += strings.Index(s, text)
	it := constraint{version: text}
	for _, op := range operators() {
		if rest, ok := strings.CutPrefix(text, op); ok {
			it = constraint{op: strings.Replace(op, "==", "=", 1), version: strings.TrimSpace(rest)}
			break
		}
	}
	at := offset + len(text) - len(it.version)
	switch {
	case it.version == "":
		return it, r.fail(at, "a version is missing", "write NAME@1.2, NAME@1.*, or NAME@>=1.2,<1.4")
	case strings.ContainsAny(it.version, " <>=!|"):
		return it, r.fail(at+strings.IndexAny(it.version, " <>=!|"), "unexpected text in a version", "a range is one or more of >=1.2, >1.2, <=1.2, <1.2, =1.2, !=1.2, with commas between them")
	case hasMeta(it.version):
		it.glob = true
		if it.op != "" && it.op != "=" && it.op != "!=" {
			return it, r.fail(at+strings.IndexAny(it.version, `*?[{\`), fmt.Sprintf("%s takes a version, and this is a glob", it.op), "")
		}
		return it, r.checkGlob(at, it.version)
	}
	return it, nil
}

// vers parses a range of the purl specification (VERSION-RANGE-SPEC). typ is
// that of the package URL that it belongs to, empty for none.
func (r patternReader) vers(offset int, s, typ string) (*versions, error) {
	const hint = "a range is vers:TYPE/CONSTRAINT|CONSTRAINT..., as in vers:deb/>=5.6|<5.6.2"
	body := strings.TrimPrefix(s, "vers:")
	at := offset + len(s) - len(body)
	scheme, list, ok := strings.Cut(body, "/")
	if !ok || scheme == "" || list == "" {
		return nil, r.fail(at, "a vers: range without a type and a constraint", hint)
	}
	v := &versions{typ: versType(scheme)}
	if typ != "" && typ != v.typ {
		return nil, r.fail(at, fmt.Sprintf("a range of %s for a package of %s", scheme, typ), "")
	}
	at += len(scheme) + 1
	seen := map[string]bool{}
	for part := range strings.SplitSeq(list, "|") {
		if strings.TrimSpace(part) == "*" {
			if strings.Contains(list, "|") {
				return nil, r.fail(at, "a * beside other constraints", hint)
			}
			v.constraints = append(v.constraints, constraint{version: "*", glob: true})
			return v, nil
		}
		it, err := r.constraint(at, part)
		if err != nil {
			return nil, err
		}
		if it.glob {
			return nil, r.fail(at, "a vers: range has no globs", hint)
		}
		if unescaped, err := url.PathUnescape(it.version); err == nil {
			it.version = unescaped
		}
		if it.op == "" {
			it.op = "="
		}
		if seen[it.version] {
			return nil, r.fail(at, fmt.Sprintf("version %s twice", quote(it.version)), hint)
		}
		seen[it.version] = true
		if version.Ordered(v.typ) {
			if _, err := version.Compare(v.typ, it.version, it.version); err != nil {
				return nil, r.fail(at, err.Error(), "")
			}
		}
		v.constraints = append(v.constraints, it)
		at += len(part) + 1
	}
	if version.Ordered(v.typ) {
		sortConstraints(v.typ, v.constraints)
	}
	return v, nil
}

func sortConstraints(typ string, list []constraint) {
	slices.SortStableFunc(list, func(a, b constraint) int {
		c, _ := version.Compare(typ, a.version, b.version)
		return c
	})
}

// versType returns the purl type of a versioning scheme.
func versType(scheme string) string {
	switch scheme = strings.ToLower(scheme); scheme {
	case "alpine":
		return "apk"
	case "arch", "archlinux":
		return "alpm"
	}
	return scheme
}
