package lockcheck

import "github.com/depaudit/depaudit/sbom/pep508"

// parsePoetry parses poetry.lock. Since lock version 2.0 (Poetry 1.3) each
// package has its files with hashes; before, [metadata.files] had them under
// the package's name, and before that [metadata.hashes] (Poetry before 1.0).
// See src/poetry/packages/locker.py.
func (l *Lock) parsePoetry(d *document) error {
	metadata := d.table(d.root, "metadata")
	oldFiles, oldHashes := d.table(metadata, "files"), d.table(metadata, "hashes")
	for _, p := range d.tables(d.root, "package") {
		e := Entry{
			Type: "pypi", Name: d.text(p, "name"), Version: d.text(p, "version"), File: d.file, Line: d.at(p, "name"),
			Optional: d.flag(p, "optional"), Dev: d.text(p, "category") == "dev",
		}
		poetryMarkers(d, p, &e)
		// The package's own Requires-Python. Poetry also writes its other syntax
		// of ranges there ("*", "^3.8", "<3 || >=3.4"), which is no condition here.
		if python, err := pep508.ParseSpecifiers(d.text(p, "python-versions")); err == nil {
			e.when.requires = python
		}
		if e.Name == "" {
			d.fail(p.offset, "", "a package without a name")
		}
		poetrySource(d, p, &e)
		l.poetryFiles(d, d.tables(p, "files"), &e, true)
		l.poetryFiles(d, d.tables(oldFiles, e.Name), &e, false)
		if hashes := d.want(oldHashes, e.Name, nodeArray); hashes != nil {
			for _, h := range hashes.items {
				l.addHash(&e, "sha256", h.text)
			}
		}
		if d.err != nil {
			return d.err
		}
		l.add(e)
	}
	if d.err == nil {
		l.refuseTwins(d)
	}
	return d.failure()
}

// poetryMarkers adds the condition of a package: since Poetry 2.0 one marker, or
// one for each group that has the package; before Poetry 1.0 "marker". An empty
// one of a group has no condition. The versions in between have none, and
// resolve the markers of pyproject.toml again.
func poetryMarkers(d *document, p *node, e *Entry) {
	d.condition(e, p, "marker", d.text(p, "marker"))
	groups := p.get("markers")
	if groups == nil || groups.kind != nodeObject {
		d.condition(e, p, "markers", d.text(p, "markers"))
		return
	}
	named := 0
	for _, group := range groups.members {
		named++
		d.condition(e, groups, group.key, d.text(groups, group.key))
	}
	if len(e.when.markers) < max(named, len(d.texts(p, "groups"))) {
		e.Marker, e.when.markers = "", nil // one group has it everywhere
	}
}

// poetryFiles adds the hashes of a package's files. In the old layout all
// versions of a name share one list; single is true for a list of one version.
func (l *Lock) poetryFiles(d *document, files []*node, e *Entry, single bool) {
	for _, f := range files {
		name, hash := d.text(f, "file"), d.text(f, "hash")
		if !single && !archiveOf(name, e.Name, e.Version) {
			continue
		}
		if e.Source.Kind == KindRegistry {
			checkArchive(e, name)
		}
		if hash != "" {
			l.addColonHash(e, hash)
		}
	}
}

func poetrySource(d *document, p *node, e *Entry) {
	source := d.table(p, "source")
	e.Source = Source{Kind: KindRegistry}
	if source == nil {
		return
	}
	url := d.text(source, "url")
	switch kind := d.text(source, "type"); kind {
	case "git", "hg":
		e.Source = Source{Kind: KindVCS, URL: scrub(url), Commit: d.text(source, "resolved_reference")}
		if e.Source.Commit == "" {
			e.Source.Commit = d.text(source, "reference")
		}
	case "url":
		e.Source = Source{Kind: KindURL, URL: scrub(url)}
	case "file", "directory":
		e.Source = Source{Kind: KindPath, URL: scrub(url)}
		if d.flag(p, "develop") {
			e.Source.Kind = KindEditable
		}
	default: // "legacy" is a PEP 503 index, and so are the newer kinds
		e.Source = registrySource("pypi", url)
	}
}
