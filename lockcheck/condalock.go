package lockcheck

import "strings"

// parseCondaLock parses conda-lock.yml, version 1
// (https://github.com/conda/conda-lock, conda_lock/lockfile/v1/models.py). It has
// one entry for each package, platform and category.
func (l *Lock) parseCondaLock(d *document) error {
	if v := d.root.get("version"); v == nil || v.kind != nodeNumber || v.text != "1" {
		text, offset := "none", d.root.offset
		if v != nil {
			text, offset = quote(v.text), v.offset
		}
		d.fail(offset, "lock again with conda-lock 1.0 or later", "the version of a conda-lock.yml is 1, not %s", text)
	}
	at := map[string]int{}
	for _, p := range d.tables(d.root, "package") {
		name, version, platform := d.text(p, "name"), d.scalar(p, "version"), d.text(p, "platform")
		var e Entry
		switch manager := d.text(p, "manager"); manager {
		case "conda":
			e = condaEntry(d.text(p, "url"), name, version, d.scalar(p, "build"))
			if subdir := condaSubdir(e.Source.URL); subdir != "" && subdir != platform && e.flaw.reason == "" {
				e.flaw = flaw{OtherPackage, quote(name) + " for " + quote(platform) + " is locked to the file of " + quote(subdir)}
			}
		case "pip":
			e = pypiEntry(d.text(p, "url"), name, version)
			if source := d.table(p, "source"); source != nil && e.Source.Kind == KindRegistry {
				e.Source = Source{Kind: KindURL, URL: scrub(d.text(source, "url"))}
			}
		default:
			d.fail(d.place(p, "manager"), "use conda or pip", "the manager %s of %s is not known", quote(manager), quote(name))
		}
		e.File, e.Line = d.file, d.at(p, "name")
		if name == "" || platform == "" {
			d.fail(p.offset, "lock again with conda-lock", "a package without a name or a platform")
		}
		l.condaHashes(d, d.table(p, "hash"), &e)
		category := d.text(p, "category")
		e.Dev, e.Optional = category == "dev" || category == "test", d.flag(p, "optional")
		if d.err != nil {
			return d.err
		}
		l.addOnce(at, e, platform)
	}
	if d.err == nil {
		l.refuseTwins(d)
	}
	return d.failure()
}

// condaHashes adds the members "sha256" and "md5" of a table.
func (l *Lock) condaHashes(d *document, table *node, e *Entry) {
	for _, algorithm := range []string{"sha256", "md5"} {
		if value := d.scalar(table, algorithm); value != "" {
			l.addHash(e, algorithm, value)
		}
	}
}

// pypiEntry returns the entry of a Python package in a lock of conda's tools: the
// URL of a file on an index, of a repository or of a directory.
func pypiEntry(url, name, version string) Entry {
	e := Entry{Type: "pypi", Name: name, Version: version}
	if repo, ok := strings.CutPrefix(url, "git+"); ok {
		_, commit, _ := strings.Cut(repo, "#")
		if before, rev, ok := strings.Cut(repo, "@"); ok && commit == "" && !strings.Contains(rev, "/") {
			repo, commit = before, rev // pip's form
		}
		e.Source = Source{Kind: KindVCS, URL: scrub(repo), Commit: commit}
		return e
	}
	l, ok := parseLocation(url)
	if !ok && !strings.Contains(url, "://") || l.scheme == "file" {
		e.Source = Source{Kind: KindPath, URL: strings.TrimPrefix(scrub(url), "./")}
		if e.Source.URL == "" && url != "" {
			e.Source.URL = "."
		}
		return e
	}
	e.Source = registrySource("pypi", url)
	checkArchive(&e, l.base())
	return e
}
