package rootfs

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
)

// Glob is a compiled pattern over the paths of a [Tree], with the syntax and
// meaning of github.com/bmatcuk/doublestar: "**/name", "**/*.{jar,war}",
// "/etc/apt/sources.list.d/*", "opt/tool/**". A pattern without a leading slash
// starts at the root as well, so that "**/x" matches "/x".
//
// doublestar decides whether a path matches. Most paths are excluded before by
// their base name, with comparisons that need neither the path nor a matcher.
type Glob struct {
	source  string
	pattern string // absolute
	// anchor is the literal start of the pattern: every match is this
	// directory or below it. "/" if the pattern has none.
	anchor string
	// literal reports whether the pattern is a path.
	literal bool
	// anyDir reports whether the pattern is "/**/" and a base name. A node
	// with an exact base name then matches.
	anyDir bool
	// bases are the forms of base names that can match; at least one.
	bases []basePattern
	// pivot, if bases exclude nothing ("**/ibm/**"), are the forms of the name
	// of a directory: every match is such a directory or below one.
	pivot []basePattern
}

// basePattern excludes base names.
type basePattern struct {
	prefix, infix, suffix string
	// exact reports whether the name must equal prefix; the others are empty.
	exact bool
	// enough reports whether a name that is allowed matches the last segment
	// of the pattern: there is a single "*" between prefix and suffix.
	enough bool
}

func (b *basePattern) allows(name string) bool {
	if b.exact {
		return name == b.prefix
	}
	return len(name) >= len(b.prefix)+len(b.suffix) && strings.HasPrefix(name, b.prefix) && strings.HasSuffix(name, b.suffix) &&
		strings.Contains(name, b.infix)
}

// weak reports whether the pattern excludes nothing.
func (b *basePattern) weak() bool {
	return !b.exact && b.prefix == "" && b.infix == "" && b.suffix == ""
}

// maxPattern is the maximum length of a pattern, and maxAlternatives the maximum
// number of exact base names that braces are expanded to. Patterns come from
// catalogers, not from environments; the longest of syft's has 50 bytes and two
// alternatives.
const maxPattern, maxAlternatives = 4096, 64

// meta are the characters that a pattern does not match literally.
const meta = `*?[]{}\`

// CompileGlob checks a pattern and prepares the tests that exclude paths.
func CompileGlob(pattern string) (*Glob, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("glob of %d bytes: longer than %d", len(pattern), maxPattern)
	}
	if pattern == "" || !doublestar.ValidatePattern(pattern) {
		return nil, fmt.Errorf("glob %q: not a valid pattern", pattern)
	}
	if strings.ContainsRune(pattern, utf8.RuneError) {
		// doublestar treats all bytes that are not UTF-8 as one character, which
		// also equals U+FFFD.
		return nil, fmt.Errorf("glob %q: not valid UTF-8", pattern)
	}
	g := &Glob{source: pattern, pattern: pattern}
	if pattern[0] != '/' {
		g.pattern = "/" + pattern
	}
	first := strings.IndexAny(g.pattern, meta)
	if first < 0 {
		g.literal = true
		first = len(g.pattern)
	}
	g.anchor = "/"
	if i := strings.LastIndexByte(g.pattern[:first], '/'); i > 0 {
		g.anchor = g.pattern[:i]
	}
	segment := lastSegment(g.pattern)
	g.anyDir = g.pattern == "/**/"+segment
	g.bases = basePatterns(segment)
	if g.bases[0].weak() {
		g.pivot = pivot(g.pattern)
	}
	return g, nil
}

// pivot returns the last segment of a pattern that excludes names, nil if there
// is none. A segment without "**" matches exactly one component of a path, which
// is then the name of the node or of a directory above it.
func pivot(pattern string) []basePattern {
	segments := strings.Split(pattern, "/")
	if slices.ContainsFunc(segments, func(s string) bool { return !balanced(s) }) {
		// If braces contain a slash, only the text before them certainly
		// consists of segments: "/lib/dpkg/{status,status.d/*}".
		segments = strings.Split(pattern[:strings.IndexAny(pattern, `[]{}\`)], "/")
		segments = segments[:len(segments)-1]
	}
	for i := len(segments) - 1; i > 0; i-- {
		if bases := basePatterns(lastSegment("/" + segments[i])); !bases[0].weak() {
			return bases
		}
	}
	return nil
}

// String returns the pattern as it was given.
func (g *Glob) String() string { return g.source }

// Match reports whether the path of a node matches.
func (g *Glob) Match(t *Tree, n Node) bool {
	return t.has(n) && g.matchNamed(t, n, t.Name(n))
}

func (g *Glob) matchNamed(t *Tree, n Node, name string) bool {
	for i := range g.bases {
		b := &g.bases[i]
		if !b.allows(name) {
			continue
		}
		if g.anyDir && (b.exact || b.enough) && n != 0 {
			return true
		}
		// The pattern was validated, so that there cannot be an error.
		matched, _ := doublestar.Match(g.pattern, t.Path(n))
		return matched
	}
	return false
}

// lastSegment returns the part of a pattern that the base name has to match, or
// "" if that is not just the text after the last slash.
func lastSegment(pattern string) string {
	segment := pattern[strings.LastIndexByte(pattern, '/')+1:]
	// "dir/**" also matches "dir", and "dir/" is too rare to be handled.
	if strings.Contains(segment, "**") || !balanced(segment) {
		return ""
	}
	return segment
}

// balanced reports whether all braces and classes of a segment are closed in it.
// A slash within them leaves unbalanced segments: "/{a/b,c}".
func balanced(segment string) bool {
	depth := 0
	for _, c := range []byte(segment) {
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return false
			}
		}
	}
	return depth == 0
}

// basePatterns returns the forms of base names that can match a segment. They
// may allow more than the segment, never less.
func basePatterns(segment string) []basePattern {
	if segment == "" {
		return []basePattern{{}}
	}
	first := strings.IndexAny(segment, meta)
	if first < 0 {
		return []basePattern{{prefix: segment, exact: true}}
	}
	if names, ok := alternatives(segment); ok {
		bases := make([]basePattern, len(names))
		for i, name := range names {
			bases[i] = basePattern{prefix: name, exact: true}
		}
		return bases
	}
	last := strings.LastIndexAny(segment, meta)
	suffix := segment[last+1:]
	if segment[last] == '\\' {
		suffix = segment[min(last+2, len(segment)):]
	}
	return []basePattern{{
		prefix: segment[:first],
		infix:  infix(segment[first : last+1]),
		suffix: suffix,
		enough: first == last && segment[first] == '*',
	}}
}

// infix returns the longest text between the "*" and "?" of a segment; "" if it
// contains any other special character.
func infix(middle string) string {
	if strings.ContainsAny(middle, `[]{}\`) {
		return ""
	}
	longest := ""
	for part := range strings.FieldsFuncSeq(middle, func(r rune) bool { return r == '*' || r == '?' }) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

// alternatives expands a segment whose only special characters are one pair of
// braces: "{go,go.exe}".
func alternatives(segment string) ([]string, bool) {
	before, rest, ok := strings.Cut(segment, "{")
	inner, after, closed := strings.Cut(rest, "}")
	if !ok || !closed || strings.ContainsAny(before+inner+after, meta) {
		return nil, false
	}
	parts := strings.Split(inner, ",")
	if len(parts) > maxAlternatives {
		return nil, false
	}
	for i, part := range parts {
		parts[i] = before + part + after
	}
	return parts, true
}

// Glob yields the visible nodes whose path matches, in node order, until yield
// returns false. They may be of any kind. A nil visible makes all nodes visible.
// The cost depends on the number of candidates by base name, or by the name of a
// directory if the pattern allows any base name. Exact names and extensions have
// an index; other patterns are compared with every distinct name once.
func (t *Tree) Glob(g *Glob, visible func(Node) bool, yield func(Node) bool) {
	anchor := t.Lookup(g.anchor)
	if anchor == None {
		return
	}
	if g.literal {
		n := t.Lookup(g.pattern)
		// Lookup cleans paths, and a pattern is not cleaned: "/a//b" matches nothing.
		if n != None && t.Path(n) == g.pattern && (visible == nil || visible(n)) {
			yield(n)
		}
		return
	}
	from, to := t.Subtree(anchor)
	try := func(n Node) bool {
		if visible != nil && !visible(n) || !g.matchNamed(t, n, t.Name(n)) {
			return true
		}
		return yield(n)
	}
	if g.bases[0].weak() {
		t.globBelow(g, from, to, try)
		return
	}
	for _, n := range t.nodesNamed(g.bases, from, to) {
		if !try(n) {
			return
		}
	}
}

// globBelow tries all nodes of a range, or all below the pivots.
func (t *Tree) globBelow(g *Glob, from, to Node, try func(Node) bool) {
	if g.pivot == nil {
		for n := from; n < to; n++ {
			if !try(n) {
				return
			}
		}
		return
	}
	// A pivot can be above the anchor: "/opt/x/**" starts at /opt/x.
	next := from
	for _, p := range t.nodesNamed(g.pivot, 0, to) {
		// Pivots contain or follow each other.
		for next = max(next, p); next < min(Node(t.ends[p]), to); next++ {
			if !try(next) {
				return
			}
		}
	}
}

// nodesNamed returns the nodes of a range whose name one of the patterns allows,
// in node order.
func (t *Tree) nodesNamed(bases []basePattern, from, to Node) []Node {
	var nodes []Node
	ids := t.namesLike(bases)
	for _, id := range ids {
		for n := t.heads[id]; n >= 0; n = t.nexts[n] {
			if Node(n) >= from && Node(n) < to {
				nodes = append(nodes, Node(n))
			}
		}
	}
	if len(ids) > 1 {
		slices.Sort(nodes)
	}
	return nodes
}

// namesLike returns the ids of the names that one of the patterns allows. If
// there are several patterns, all are exact.
func (t *Tree) namesLike(bases []basePattern) []int32 {
	var ids []int32
	if bases[0].exact {
		for _, b := range bases {
			if id := t.names.find(b.prefix); id >= 0 && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	b := &bases[0]
	if dot := strings.LastIndexByte(b.suffix, '.'); dot >= 0 {
		t.exts.once.Do(func() { t.exts.extensions = newExtensions(&t.names) })
		t.exts.with(&t.names, b.suffix[dot:], func(id int32) {
			if b.allows(t.names.text(id)) {
				ids = append(ids, id)
			}
		})
		return ids
	}
	for id := range int32(t.names.len()) {
		if b.allows(t.names.text(id)) {
			ids = append(ids, id)
		}
	}
	return ids
}

// extensions finds names by the text after their last dot. A chain also contains
// names of other extensions with the same hash, so that a caller must compare.
type extensions struct {
	heads []int32 // hash of an extension -> first name
	nexts []int32 // name -> next name of the chain
}

// namesPerExtension is the expected number of names for an extension. A tree
// with more of them is slower, not wrong.
const namesPerExtension = 16

func newExtensions(s *names) extensions {
	e := extensions{heads: make([]int32, s.len()/namesPerExtension+1), nexts: make([]int32, s.len())}
	for i := range e.heads {
		e.heads[i] = -1
	}
	for id := int32(s.len()) - 1; id >= 0; id-- {
		name := s.text(id)
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			i := e.slot(s, name[dot:])
			e.nexts[id] = e.heads[i]
			e.heads[i] = id
		}
	}
	return e
}

func (e *extensions) slot(s *names, ext string) int {
	return spread(uint32(maphash.String(s.seed, ext)), len(e.heads))
}

// with calls f for all names with the extension, and possibly for others.
func (e *extensions) with(s *names, ext string, f func(id int32)) {
	for id := e.heads[e.slot(s, ext)]; id >= 0; id = e.nexts[id] {
		f(id)
	}
}
