package lockcheck

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/pep508"
)

// parsePDM parses pdm.lock, lock versions 2 to 4 (pdm-project/pdm,
// src/pdm/project/lockfile/pdmlock.py and src/pdm/models/candidates.py). Since
// version 4.3 each package has its files with hashes, by name or, with the
// strategy static_urls, by URL. Before, [metadata.files] had them under "NAME
// VERSION". The indexes are in pyproject.toml and not in the lock.
//
// With the strategy inherit_metadata, which is the default since 4.4.1, each
// package has the marker under which it is needed. Older locks have markers on
// the requirements between packages only, and their roots in pyproject.toml.
func (l *Lock) parsePDM(d *document) error {
	metadata := d.table(d.root, "metadata")
	if v := d.text(metadata, "lock_version"); v != "" {
		if major, _, _ := strings.Cut(v, "."); !slices.Contains([]string{"2", "3", "4"}, major) {
			d.fail(metadata.get("lock_version").offset, "lock with a PDM that writes version 4", "pdm.lock version %s is not supported", quote(v))
		}
	}
	targets := pdmTargets(d, metadata)
	old := d.table(metadata, "files")
	first := map[string]int{}
	for _, p := range d.tables(d.root, "package") {
		e := Entry{Type: "pypi", Name: d.text(p, "name"), Version: d.text(p, "version"), File: d.file, Line: d.at(p, "name")}
		if e.Name == "" {
			d.fail(p.offset, "", "a package without a name")
		}
		groups := d.texts(p, "groups")
		e.Dev = len(groups) > 0 && !slices.Contains(groups, "default")
		e.when.lock = targets
		e.when.requires = d.specifiers(p, "requires_python")
		d.condition(&e, p, "marker", d.text(p, "marker"))
		pdmSource(d, p, &e)
		l.pdmFiles(d, d.tables(p, "files"), &e, true)
		l.pdmFiles(d, d.tables(old, e.Name+" "+e.Version), &e, false)
		if d.err != nil {
			return d.err
		}
		// A package with extras has an entry of its own, with the same files.
		key := ecosystem.Python(e.Name) + "\x00" + e.Version + "\x00" + e.Source.Kind + "\x00" + e.Source.URL
		if i, again := first[key]; again && sameHashes(l.Entries[i].Hashes, e.Hashes) {
			l.Entries[i].addAlternative(&e)
			continue
		}
		first[key] = len(l.Entries)
		l.add(e)
	}
	if d.err == nil {
		l.refuseTwins(d)
	}
	return d.failure()
}

// addAlternative extends an entry by the conditions of a second entry of the
// same package.
func (e *Entry) addAlternative(other *Entry) {
	e.Dev = e.Dev && other.Dev
	if len(e.when.markers) == 0 || len(other.when.markers) == 0 {
		e.Marker, e.when.markers = "", nil // one of them applies everywhere
		return
	}
	if e.Marker != other.Marker {
		if len(e.Marker) < maxQuoted { // no message shows more
			e.Marker += " or " + other.Marker
		}
		e.when.markers = append(e.when.markers, other.when.markers...)
	}
}

// pdmFiles adds the hashes and the URLs of a package's files. An old lock can
// have files of other releases in the list of one; single is false for that.
func (l *Lock) pdmFiles(d *document, files []*node, e *Entry, single bool) {
	for _, f := range files {
		url, name := d.text(f, "url"), d.text(f, "file")
		if u, ok := parseLocation(url); ok {
			name = u.base()
		}
		if !single && !archiveOf(name, e.Name, e.Version) {
			continue
		}
		if e.Source.Kind == KindRegistry {
			addArtifact(e, url)
			checkArchive(e, name)
		}
		if hash := d.text(f, "hash"); hash != "" {
			l.addColonHash(e, hash)
		}
	}
}

func pdmSource(d *document, p *node, e *Entry) {
	e.Source = Source{Kind: KindRegistry}
	editable := d.flag(p, "editable")
	for _, vcs := range []string{"git", "hg", "svn", "bzr"} {
		if url := d.text(p, vcs); url != "" {
			e.Source = Source{Kind: KindVCS, URL: scrub(url), Commit: d.text(p, "revision")}
		}
	}
	if url := d.text(p, "url"); url != "" && e.Source.Kind == KindRegistry {
		e.Source = Source{Kind: KindURL, URL: scrub(url)}
		if isFileURL(url) {
			e.Source.Kind = KindPath
		}
	}
	if path := d.text(p, "path"); path != "" && e.Source.Kind == KindRegistry {
		e.Source = Source{Kind: KindPath, URL: path}
		e.FirstParty = path == "." || path == "./"
	}
	if editable {
		e.Source.Kind = KindEditable
	}
}

// pdmTargets returns the environments that a lock was made for, one of which the
// installing one must be (since lock version 4.5). A platform that is not known
// here gives no condition.
func pdmTargets(d *document, metadata *node) []*pep508.Marker {
	var out []*pep508.Marker
	for _, target := range d.tables(metadata, "targets") {
		var parts []string
		for _, s := range d.specifiers(target, "requires_python") {
			if s.Operator != "===" {
				parts = append(parts, `python_full_version `+s.Operator+` "`+s.Version+`"`)
			}
		}
		platform := d.text(target, "platform")
		for _, os := range []struct{ prefixes, value string }{{"linux manylinux musllinux alpine", "linux"}, {"windows", "win32"}, {"macos", "darwin"}} {
			name, _, _ := strings.Cut(platform, "_")
			if slices.Contains(strings.Fields(os.prefixes), name) {
				parts = append(parts, `sys_platform == "`+os.value+`"`)
			}
		}
		for _, arch := range []string{"x86_64", "aarch64", "armv7l", "ppc64le", "s390x", "i686", "riscv64"} {
			if strings.HasSuffix(platform, "_"+arch) && !strings.HasPrefix(platform, "macos") {
				parts = append(parts, `platform_machine == "`+arch+`"`)
			}
		}
		if implementation := d.text(target, "implementation"); implementation == "cpython" || implementation == "pypy" {
			parts = append(parts, `implementation_name == "`+implementation+`"`)
		}
		if len(parts) == 0 {
			return nil // made for any environment
		}
		if m := d.marker(target, "requires_python", strings.Join(parts, " and ")); m != nil {
			out = append(out, m)
		}
	}
	return out
}
