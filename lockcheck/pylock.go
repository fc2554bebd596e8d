package lockcheck

import (
	"cmp"
	"slices"
)

// parsePylock parses the format of PEP 751
// (https://packaging.python.org/en/latest/specifications/pylock-toml/).
func (l *Lock) parsePylock(d *document) error {
	if v := d.text(d.root, "lock-version"); v != "1.0" && d.err == nil {
		d.fail(0, "create it again with a tool that writes version 1.0", "lock-version is %s, not \"1.0\"", quote(v))
	}
	requires, environments := d.specifiers(d.root, "requires-python"), d.environments("environments")
	for _, p := range d.tables(d.root, "packages") {
		e := Entry{
			Type: "pypi", Name: d.text(p, "name"), Version: d.text(p, "version"),
			File: d.file, Line: d.at(p, "name"), Source: registrySource("pypi", d.text(p, "index")),
		}
		if e.Name == "" {
			d.fail(p.offset, "", "a package without a name")
		}
		e.when.lock = environments
		d.condition(&e, p, "marker", d.text(p, "marker"))
		e.when.requires = slices.Concat(requires, d.specifiers(p, "requires-python"))
		vcs, directory, archive := d.table(p, "vcs"), d.table(p, "directory"), d.table(p, "archive")
		switch {
		case vcs != nil:
			e.Source = Source{Kind: KindVCS, URL: scrub(cmp.Or(d.text(vcs, "url"), d.text(vcs, "path"))), Commit: d.text(vcs, "commit-id")}
		case directory != nil:
			e.Source = Source{Kind: KindPath, URL: d.text(directory, "path")}
			e.FirstParty = e.Source.URL == "." // the project
			if d.flag(directory, "editable") {
				e.Source.Kind = KindEditable
			}
		case archive != nil:
			e.Source = Source{Kind: KindURL, URL: scrub(d.text(archive, "url"))}
			if e.Source.URL == "" {
				e.Source = Source{Kind: KindPath, URL: d.text(archive, "path")}
			}
			l.pylockHashes(d, archive, &e)
		default:
			if sdist := d.table(p, "sdist"); sdist != nil {
				l.pylockFile(d, sdist, &e)
			}
			for _, wheel := range d.tables(p, "wheels") {
				l.pylockFile(d, wheel, &e)
			}
		}
		if d.err != nil {
			return d.err
		}
		l.add(e)
	}
	return d.failure()
}

// pylockFile adds the hashes and the URL of one wheel or source distribution.
func (l *Lock) pylockFile(d *document, file *node, e *Entry) {
	l.pylockHashes(d, file, e)
	url := d.text(file, "url")
	addArtifact(e, url)
	name := d.text(file, "name")
	if name == "" {
		if u, ok := parseLocation(url); ok {
			name = u.base()
		}
	}
	checkArchive(e, name)
}

func (l *Lock) pylockHashes(d *document, file *node, e *Entry) {
	hashes := d.table(file, "hashes")
	if hashes == nil {
		return
	}
	for _, m := range hashes.members {
		if m.value.kind != nodeString {
			d.fail(m.value.offset, "", "a hash must be a string, not %s", m.value.kind)
			return
		}
		l.addHash(e, m.key, m.value.text)
	}
}

// addHash adds a hash, or a note if it has the wrong form. Algorithms that no
// environment records are ignored: hashlib has more.
func (l *Lock) addHash(e *Entry, algorithm, value string) {
	if h, ok := hexHash(algorithm, value); ok {
		e.Hashes = append(e.Hashes, h)
	} else if hexLength(algorithm) > 0 {
		l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has a "+algorithm+" hash of the wrong form")
	}
}

func (l *Lock) addColonHash(e *Entry, s string) {
	if h, ok := colonHash(s); ok {
		e.Hashes = append(e.Hashes, h)
		return
	}
	l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has a hash of the wrong form")
}

// addArtifact records the URL of a single file of a release, unless it is at one
// of the ecosystem's default hosts.
func addArtifact(e *Entry, url string) {
	if url == "" || isDefault(e.Type, url) {
		return
	}
	url = scrub(url)
	if n := len(e.Source.Also); n == 0 || e.Source.Also[n-1] != url {
		e.Source.Also = append(e.Source.Also, url)
	}
}

// checkArchive records a flaw of an entry whose file is of another project.
func checkArchive(e *Entry, file string) {
	if file == "" || archiveOf(file, e.Name, e.Version) || e.flaw.reason != "" {
		return
	}
	e.flaw = flaw{OtherPackage, quote(e.fullName()) + " " + e.Version + " is locked to the file " + quote(file)}
}
