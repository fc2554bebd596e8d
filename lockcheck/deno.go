package lockcheck

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

const denoHint = "write the lock again with `deno install`"

// typeModule is the package URL type of a module that Deno loads by its URL. Its name
// is the URL, and its version the digest of the content.
const typeModule = "generic"

// parseDeno parses deno.lock, versions 3 to 5 (libs/lockfile of
// github.com/denoland/deno, and before that github.com/denoland/deno_lockfile).
// Version 3 has its packages below "packages", and version 5 the platforms and
// places of npm's packages, which the earlier ones do not have.
//
//   - "npm" has the integrity of npm's tarballs. A key is NAME@VERSION, with the
//     peers of that installation after the first "_".
//   - "jsr" has the SHA-256 of the manifest of a version on https://jsr.io, which
//     has those of its files.
//   - "remote" has the SHA-256 of the module at each URL. The URL is the name of
//     the module, so that its host is no choice of the lock.
//
// "specifiers" and "redirects" lead to those, and "workspace" repeats what the
// configuration requires. A package in "links" is a local directory.
func (l *Lock) parseDeno(d *document) error {
	packages := d.root
	switch v := d.want(d.root, "version", nodeString); {
	case d.err != nil:
	case v == nil || v.text == "2" || v.text == "1":
		d.fail(d.root.offset, "write the lock again with Deno 2: `deno install`", "a deno.lock of version 1 or 2 is not supported")
	case v.text == "3":
		packages = d.table(d.root, "packages")
	case v.text != "4" && v.text != "5":
		d.fail(v.offset, "use a version from 3 to 5", "version %s is not supported", quote(v.text))
	}
	p := &denoParser{Lock: l, document: d, links: map[string]bool{}, required: map[string]bool{}}
	p.head(packages)
	for _, section := range []struct {
		of  *node
		key string
		add func(*member)
	}{{packages, "npm", p.npm}, {packages, "jsr", p.jsr}, {d.root, "remote", p.remote}} {
		if section.of == nil || d.err != nil {
			continue
		}
		table := d.table(section.of, section.key)
		if table == nil {
			continue
		}
		for i := range table.members {
			if section.add(&table.members[i]); d.err != nil {
				return d.failure()
			}
		}
	}
	if d.err == nil {
		l.refuseTwins(d)
	}
	return d.failure()
}

// denoParser is the state of parsing a deno.lock.
type denoParser struct {
	*Lock
	*document
	// links are the packages "npm:NAME" and "jsr:NAME" that are local directories.
	links map[string]bool
	// required are the versions "npm:NAME@VERSION" that the project requires.
	required map[string]bool
	// npmIDs has the integrity of npm's packages, of which several entries differ
	// in their peers only.
	npmIDs map[string]string
}

// head reads the requirements and the links.
func (p *denoParser) head(packages *node) {
	if p.err != nil {
		return
	}
	if specifiers := p.table(packages, "specifiers"); specifiers != nil {
		for i := range specifiers.members {
			key := specifiers.members[i].key
			version := p.text(specifiers, key)
			if _, id, ok := cutScheme(version); ok { // version 3 repeats the name
				_, version, _ = cutID(id)
			}
			if scheme, id, ok := cutScheme(key); ok {
				if name, _, ok := cutID(id); ok {
					id = name
				}
				p.required[scheme+":"+id+"@"+withoutPeers(version)] = true
			}
		}
	}
	workspace := p.table(p.root, "workspace")
	for _, key := range []string{"links", "patches"} {
		links := p.table(workspace, key)
		if links == nil {
			continue
		}
		for i := range links.members {
			scheme, id, ok := cutScheme(links.members[i].key)
			if !ok {
				continue
			}
			if name, _, found := cutID(id); found {
				id = name
			}
			p.links[scheme+":"+id] = true
		}
	}
}

// cutScheme cuts "npm:" or "jsr:" from a specifier.
func cutScheme(s string) (scheme, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(s, ":")
	return scheme, strings.TrimPrefix(rest, "/"), ok && (scheme == "npm" || scheme == "jsr")
}

// withoutPeers cuts the peers from a version: "18.3.1_react@18.3.1".
func withoutPeers(version string) string {
	version, _, _ = strings.Cut(version, "_")
	return version
}

// pkg returns the entry of a key NAME@VERSION, false after an error.
func (p *denoParser) pkg(m *member, typ string) (Entry, bool) {
	e := Entry{Type: typ, File: p.file, Line: p.line(m.offset), Source: Source{Kind: KindRegistry}}
	if m.value.kind != nodeObject {
		p.fail(m.value.offset, denoHint, "the entry of %s must be %s, not %s", quote(m.key), nodeObject, m.value.kind)
		return e, false
	}
	name, version, ok := cutID(m.key)
	version = withoutPeers(version)
	if !ok || name == "" || !releaseVersion(version) {
		p.fail(m.offset, denoHint, "%s is not a name with a version", quote(m.key))
		return e, false
	}
	e.Version = version
	e.Namespace, e.Name = ecosystem.Split(typ, name)
	e.Direct = p.required[typ+":"+name+"@"+version]
	if p.links[typ+":"+name] {
		e.Source = Source{Kind: KindLink}
	}
	return e, true
}

// npm adds a package of npm.
func (p *denoParser) npm(m *member) {
	e, ok := p.pkg(m, "npm")
	if !ok {
		return
	}
	sum := p.text(m.value, "integrity")
	if p.npmIDs == nil {
		p.npmIDs = map[string]string{}
	}
	id := e.fullName() + "@" + e.Version
	if before, twice := p.npmIDs[id]; twice && p.err == nil {
		if before != sum {
			p.fail(m.offset, denoHint, "%s has another integrity in an entry before", quote(id))
		}
		return // the same package for other peers
	}
	p.npmIDs[id] = sum
	e.when.os, e.when.cpu = p.texts(m.value, "os"), p.texts(m.value, "cpu")
	if tarball := p.text(m.value, "tarball"); tarball != "" && e.Source.Kind == KindRegistry {
		npmSource(tarball, &e)
	}
	hashes, malformed := integrity(sum)
	if p.err != nil {
		return
	}
	if twice := twoOf(hashes); twice != "" {
		p.fail(m.offset, denoHint, "%s has two hashes of %s, and a tarball has one", quote(e.fullName()), twice)
		return
	}
	e.Hashes = hashes
	if malformed {
		p.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has an integrity of the wrong form")
	}
	p.add(e)
}

// jsr adds a package of JSR.
func (p *denoParser) jsr(m *member) {
	if e, ok := p.pkg(m, "jsr"); ok {
		p.digest(&e, p.text(m.value, "integrity"))
	}
}

// remote adds a module by its URL.
func (p *denoParser) remote(m *member) {
	if m.value.kind != nodeString {
		p.fail(m.value.offset, denoHint, "the digest of %s must be %s, not %s", quote(m.key), nodeString, m.value.kind)
		return
	}
	if l, ok := parseLocation(m.key); !ok || !slices.Contains([]string{"https", "http"}, l.scheme) {
		p.fail(m.offset, denoHint, "%s is not the URL of a module", quote(m.key))
		return
	}
	sum := ecosystem.Lower(m.value.text)
	e := Entry{Type: typeModule, Name: m.key, Version: "sha256:" + sum, File: p.file, Line: p.line(m.offset), Source: Source{Kind: KindRegistry}}
	p.digest(&e, sum)
}

// digest adds an entry with its SHA-256 in hexadecimal.
func (p *denoParser) digest(e *Entry, sum string) {
	if p.err != nil {
		return
	}
	if h, ok := hexHash("sha256", sum); ok {
		e.Hashes = []Hash{h}
	} else if sum != "" || e.Type == typeModule {
		p.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has a SHA-256 of the wrong form")
		if e.Type == typeModule {
			e.Version = ""
		}
	}
	p.add(*e)
}
