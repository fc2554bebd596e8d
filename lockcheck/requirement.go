package lockcheck

import (
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/version"
)

// requirement reads one requirement: a PEP 508 specifier, a URL or a path.
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
	e.Marker = marker
	if isPathOrURL(text) {
		return r.unnamed(words, text, e)
	}
	return r.named(words, text, e)
}

// cutMarker splits off "; marker". Before a URL's end it needs white space,
// since a URL may hold a semicolon (PEP 508).
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

// named reads "name[extras] specifiers" and "name[extras] @ url".
func (r *requirements) named(words segment, text string, e Entry) error {
	n := 0
	for n < len(text) && (alphanumeric(text[n]) || strings.IndexByte("-_.", text[n]) >= 0) {
		n++
	}
	e.Name = text[:n]
	rest := strings.TrimSpace(text[n:])
	if n < len(text) && text[n] >= 0x80 {
		return words.errorf(n, "type the name in plain letters", "a character outside ASCII in a package name: a look-alike, or a typing error")
	}
	if !ecosystem.ValidPython(e.Name) {
		return words.errorf(0, "write name==version", "not a requirement: a package name must begin here")
	}
	if strings.HasPrefix(rest, "[") {
		_, after, ok := strings.Cut(rest, "]")
		if !ok {
			return words.errorf(n, "close it with ]", "extras that do not end")
		}
		rest = strings.TrimSpace(after)
	}
	if url, ok := strings.CutPrefix(rest, "@"); ok {
		return r.direct(words, strings.TrimSpace(url), e)
	}
	if inner, ok := strings.CutPrefix(rest, "("); ok {
		inner, ok = strings.CutSuffix(inner, ")")
		if !ok {
			return words.errorf(n, "close it with )", "version specifiers that do not end")
		}
		rest = strings.TrimSpace(inner)
	}
	if err := specifiers(words, n, rest, &e); err != nil {
		return err
	}
	r.lock.add(e)
	return nil
}

// specifiers reads PEP 440 version specifiers. Only == and === with one whole
// version are exact; the rest of the clauses may limit it further.
func specifiers(words segment, at int, text string, e *Entry) error {
	if text == "" {
		return nil
	}
	exact := 0
	for clause := range strings.SplitSeq(text, ",") {
		operator, release, ok := cutOperator(strings.TrimSpace(clause))
		if !ok {
			// The clause is not repeated: it may be a URL with a password.
			return words.errorf(at, "write name==version", "not a version specifier after the name")
		}
		switch {
		case operator == "===":
			e.Version, e.verbatim = release, true
			exact++
		case operator == "==" && version.Python(release):
			e.Version = release
			exact++
		}
	}
	if exact != 1 || strings.Contains(text, "${") {
		e.Version, e.verbatim = "", false
	}
	if e.Version == "" {
		e.Spec = text
	}
	return nil
}

func cutOperator(clause string) (operator, version string, ok bool) {
	for _, op := range []string{"===", "==", "~=", "!=", "<=", ">=", "<", ">"} {
		if v, found := strings.CutPrefix(clause, op); found {
			v = strings.TrimSpace(v)
			return op, v, v != "" && !strings.ContainsAny(v, " \t<>=!~@#;\"'()[]\\")
		}
	}
	return "", "", false
}

// direct reads what follows "name @".
func (r *requirements) direct(words segment, url string, e Entry) error {
	if url == "" {
		return words.errorf(0, "write the URL after @", "no URL")
	}
	setDirect(&e, url)
	r.lock.add(e)
	return nil
}

// setDirect makes the source of a requirement by URL: a VCS checkout, a local
// path, or an archive whose fragment may carry a hash.
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
	if e.Version == "" {
		if !ok {
			l.path = url
		}
		_, e.Version = wheelName(l.base())
	}
}

// isVCS knows the schemes of pip's VCS support.
func isVCS(url string) bool {
	scheme, _, ok := strings.Cut(url, "+")
	return ok && (scheme == "git" || scheme == "hg" || scheme == "svn" || scheme == "bzr")
}

// vcsCommit is the revision after the last @ of a pip VCS URL.
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

// isPathOrURL follows pip: a URL, something that begins with a dot or holds a
// slash, or an archive. "name @ url" is neither.
func isPathOrURL(text string) bool {
	if name, _, ok := strings.Cut(text, "@"); ok && ecosystem.ValidPython(strings.TrimSpace(cutExtras(name))) {
		return false
	}
	if strings.Contains(text, "://") || strings.HasPrefix(text, ".") || strings.ContainsAny(text, "/\\") ||
		strings.HasPrefix(strings.ToLower(text), "file:") {
		return true
	}
	for _, suffix := range pythonArchives() {
		if strings.HasSuffix(strings.ToLower(text), suffix) && !strings.ContainsAny(text, "=<>~!") {
			return true
		}
	}
	return false
}

func cutExtras(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return name
}

// unnamed takes a bare URL or path. Its name is in #egg= or in a wheel's file
// name; without one it can only be noted.
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
		return r.direct(words, text, e)
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

// editable takes -e.
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
