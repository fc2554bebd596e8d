package lockcheck

import (
	"errors"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/pep508"
	"github.com/depaudit/depaudit/sbom/version"
)

// requirement parses one requirement: a PEP 508 specifier, a URL or a path.
func (r *requirements) requirement(words segment, opts []option, constraint bool) error {
	e := Entry{Type: "pypi", File: words.line.src.file, Line: words.line.number(), Constraint: constraint, Direct: true,
		Source: Source{Kind: KindRegistry}}
	for _, o := range opts {
		if o.name != "--hash" {
			continue
		}
		h, ok := colonHash(o.value)
		if !ok {
			return words.line.errorf(o.offset, "write --hash=sha256: and 64 hexadecimal digits", "malformed hash")
		}
		e.Hashes = append(e.Hashes, h)
	}
	text, marker := cutMarker(words.text)
	if isPathOrURL(text) {
		m, err := pep508.ParseMarker(marker)
		if syntax, ok := errors.AsType[*pep508.Error](err); ok {
			return words.errorf(0, "write the marker after a semicolon", "not an environment marker: %s", syntax.Msg)
		}
		if m != nil {
			e.Marker, e.when.markers = marker, []*pep508.Marker{m}
		}
		return r.unnamed(words, text, e)
	}
	return r.named(words, e)
}

// cutMarker splits off the marker of a bare URL or path. After a URL the
// semicolon needs white space, since a URL can contain one (PEP 508).
func cutMarker(text string) (requirement, marker string) {
	separator := ";"
	if strings.Contains(text, "://") {
		separator = " ;"
		if !strings.Contains(text, separator) {
			separator = "; "
		}
	}
	requirement, marker, _ = strings.Cut(text, separator)
	return strings.TrimSpace(requirement), strings.TrimSpace(marker)
}

// named parses a requirement of PEP 508.
func (r *requirements) named(words segment, e Entry) error {
	req, err := pep508.Parse(words.text)
	if err == nil && req.Malformed != nil {
		err = req.Malformed
	}
	if syntax, ok := errors.AsType[*pep508.Error](err); ok {
		if at := syntax.Offset; at < len(words.text) && words.text[at] >= utf8.RuneSelf {
			return words.errorf(at, "type the name in plain letters", "a character outside ASCII in a requirement: a look-alike, or a typing error")
		}
		return words.errorf(syntax.Offset, "write name==version", "%s", syntax.Msg)
	}
	e.Name, e.Marker = req.Name, req.MarkerText
	if req.Marker != nil {
		e.when.markers = []*pep508.Marker{req.Marker}
	}
	if req.URL != "" {
		setDirect(&e, req.URL)
	} else {
		setVersion(&e, req)
	}
	r.lock.add(e)
	return nil
}

// setVersion sets the version that the specifiers pin. A version from an
// environment variable is not pinned.
func setVersion(e *Entry, req *pep508.Requirement) {
	var list []string
	for _, s := range req.Specifiers {
		list = append(list, s.Operator+s.Version)
	}
	text := strings.Join(list, ",")
	if !strings.Contains(text, "${") {
		e.Version, e.verbatim = req.Specifiers.Exact()
		e.specifiers = req.Specifiers
	}
	if e.Version == "" {
		e.Spec = text
	}
}

// setDirect sets the source of a requirement by URL: a VCS checkout, a local
// path, or an archive whose fragment can contain a hash.
func setDirect(e *Entry, url string) {
	l, ok := parseLocation(url)
	switch {
	case isVCS(url):
		e.Source = Source{Kind: KindVCS, URL: scrub(url), Commit: vcsCommit(url)}
		return
	case !ok && !strings.Contains(url, "://"), l.scheme == "file":
		e.Source = Source{Kind: KindPath, URL: scrub(url)}
	default:
		e.Source = Source{Kind: KindURL, URL: scrub(url)}
	}
	for part := range strings.SplitSeq(l.anchor, "&") {
		algorithm, value, _ := strings.Cut(part, "=")
		if h, ok := hexHash(algorithm, value); ok {
			e.Hashes = append(e.Hashes, h)
		}
	}
	if !ok {
		l.path = url
	}
	name, release := wheelName(l.base())
	if e.Version == "" {
		e.Version = release
	}
	if name != "" && ecosystem.Canonical("pypi", name) != ecosystem.Canonical("pypi", e.Name) {
		e.flaw = flaw{OtherPackage, quote(e.Name) + " is locked to the file " + quote(l.base())}
	}
}

// isVCS reports whether a URL has one of pip's VCS schemes.
func isVCS(url string) bool {
	scheme, _, ok := strings.Cut(url, "+")
	return ok && (scheme == "git" || scheme == "hg" || scheme == "svn" || scheme == "bzr")
}

// vcsCommit returns the revision after the last "@" of a pip VCS URL.
func vcsCommit(url string) string {
	url, _, _ = strings.Cut(url, "#")
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	_, rest, _ = strings.Cut(rest, "/")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		return rest[i+1:]
	}
	return ""
}

// wheelName parses the name and the version of a wheel's file name (PEP 427).
// Both are empty for another file.
func wheelName(file string) (name, release string) {
	stem, ok := strings.CutSuffix(file, ".whl")
	if !ok {
		return "", ""
	}
	parts := strings.Split(stem, "-")
	if len(parts) < 5 || !ecosystem.ValidPython(parts[0]) || !version.Python(parts[1]) {
		return "", ""
	}
	return parts[0], parts[1]
}

// isPathOrURL reports whether pip takes a text for a path or a URL: it has a
// scheme or a slash, begins with a dot, or is the name of an archive.
// "name @ url" is neither.
func isPathOrURL(text string) bool {
	if name, _, ok := strings.Cut(text, "@"); ok && ecosystem.ValidPython(strings.TrimSpace(cutExtras(name))) {
		return false
	}
	if strings.Contains(text, "://") || strings.HasPrefix(text, ".") || strings.ContainsAny(text, "/\\") ||
		strings.HasPrefix(ecosystem.Lower(text), "file:") {
		return true
	}
	for _, suffix := range pythonArchives() {
		if strings.HasSuffix(ecosystem.Lower(text), suffix) && !strings.ContainsAny(text, "=<>~!") {
			return true
		}
	}
	return false
}

func cutExtras(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return name
}

// unnamed adds a bare URL or path. Its name is in "#egg=" or in a wheel's file
// name; without a name it is a note only.
func (r *requirements) unnamed(words segment, text string, e Entry) error {
	l, ok := parseLocation(text)
	if !ok {
		l.path = text
	}
	for part := range strings.SplitSeq(l.anchor, "&") {
		if egg, found := strings.CutPrefix(part, "egg="); found {
			e.Name = strings.TrimSpace(cutExtras(unescape(egg)))
		}
	}
	if e.Name == "" {
		e.Name, _ = wheelName(path.Base(l.path))
	}
	if ecosystem.ValidPython(e.Name) {
		setDirect(&e, text)
		r.lock.add(e)
		return nil
	}
	kind := ProblemURL
	switch {
	case isVCS(text):
		kind = ProblemVCS
	case !ok || l.scheme == "file":
		kind = ProblemPath
	}
	r.lock.problem(kind, e.File, e.Line, "", "a requirement without a name, from "+quote(scrub(text))+": it pins nothing")
	return nil
}

// editable adds the working copy of -e.
func (r *requirements) editable(line *logicalLine, o option, constraint bool) error {
	e := Entry{Type: "pypi", File: line.src.file, Line: line.number(), Constraint: constraint, Direct: true,
		Source: Source{Kind: KindEditable, URL: scrub(o.value), Commit: vcsCommit(o.value)}}
	_, anchor, _ := strings.Cut(o.value, "#")
	for part := range strings.SplitSeq(anchor, "&") {
		if egg, found := strings.CutPrefix(part, "egg="); found {
			e.Name = strings.TrimSpace(cutExtras(unescape(egg)))
		}
	}
	if name, _, ok := strings.Cut(o.value, "@"); ok && ecosystem.ValidPython(strings.TrimSpace(cutExtras(name))) {
		e.Name = strings.TrimSpace(cutExtras(name))
	}
	if ecosystem.ValidPython(e.Name) {
		r.lock.add(e)
		return nil
	}
	r.lock.problem(ProblemEditable, e.File, e.Line, "", "a working copy, from "+quote(scrub(o.value))+": it pins nothing")
	return nil
}
