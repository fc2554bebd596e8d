package lockcheck

import (
	"cmp"
	"strings"

	"github.com/depaudit/depaudit/sbom/pep508"
)

// parsePipfile parses Pipfile.lock, specification 6
// (https://github.com/pypa/pipfile, pipenv/utils/locking.py).
func (l *Lock) parsePipfile(d *document) error {
	sources := map[string]string{}
	first := ""
	for i, s := range d.tables(d.table(d.root, "_meta"), "sources") {
		url := d.text(s, "url")
		sources[d.text(s, "name")] = url
		if i == 0 {
			first = url
		}
		if !isDefault("pypi", url) {
			l.problem(ProblemRegistry, d.file, d.at(s, "url"), "", "a source takes packages from "+quote(scrub(url)))
		}
		if v := s.get("verify_ssl"); v != nil && v.text == "false" {
			l.problem(ProblemInsecure, d.file, d.at(s, "verify_ssl"), "", "the connection to "+quote(scrub(url))+" is not verified")
		}
	}
	for _, section := range d.root.members {
		if section.key == "_meta" || d.err != nil {
			continue
		}
		packages := d.table(d.root, section.key)
		if packages == nil {
			continue
		}
		for i := range packages.members {
			l.pipfileEntry(d, section.key, &packages.members[i], sources, first)
		}
	}
	return d.failure()
}

func (l *Lock) pipfileEntry(d *document, section string, m *member, sources map[string]string, first string) {
	p := m.value
	if p.kind != nodeObject {
		d.fail(p.offset, "", "the entry of %s must be %s, not %s", quote(m.key), nodeObject, p.kind)
		return
	}
	if m.key == "" {
		d.fail(m.offset, "", "a package without a name")
		return
	}
	e := Entry{Type: "pypi", Name: m.key, File: d.file, Line: d.line(m.offset), Dev: section == "develop"}
	d.condition(&e, p, "markers", d.text(p, "markers"))
	spec := d.text(p, "version")
	// "*" is any version, and what does not parse pins none either.
	if list, err := pep508.ParseSpecifiers(spec); err == nil {
		e.Version, e.verbatim = list.Exact()
		e.specifiers = list
	}
	if e.Version == "" {
		e.Spec = spec
	}
	l.pipfileSource(d, p, &e, sources, first)
	if hashes := d.want(p, "hashes", nodeArray); hashes != nil {
		for _, h := range hashes.items {
			l.addColonHash(&e, h.text)
		}
	}
	if d.err == nil {
		l.add(e)
	}
}

func (l *Lock) pipfileSource(d *document, p *node, e *Entry, sources map[string]string, first string) {
	for _, vcs := range []string{"git", "hg", "svn", "bzr"} {
		if url := d.text(p, vcs); url != "" {
			e.Source = Source{Kind: KindVCS, URL: scrub(url), Commit: d.text(p, "ref")}
			if d.flag(p, "editable") {
				e.Source.Kind = KindEditable
			}
			return
		}
	}
	file, path := d.text(p, "file"), d.text(p, "path")
	switch {
	case d.flag(p, "editable"):
		e.Source = Source{Kind: KindEditable, URL: scrub(cmp.Or(path, file))}
	case strings.Contains(file, "://") && !strings.HasPrefix(file, "file:"):
		e.Source = Source{Kind: KindURL, URL: scrub(file)}
	case file != "" || path != "":
		e.Source = Source{Kind: KindPath, URL: scrub(cmp.Or(path, file))}
	default:
		// A package without an index comes from the first source
		// (Pipenv since 2022.3.23).
		url, index := first, d.text(p, "index")
		if index != "" {
			named, ok := sources[index]
			if !ok {
				e.flaw = flaw{OtherRegistry, quote(e.Name) + " comes from the index " + quote(index) + ", which is not among the sources"}
			}
			url = named
		}
		e.Source = registrySource("pypi", url)
	}
}
