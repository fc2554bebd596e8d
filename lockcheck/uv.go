package lockcheck

import (
	"cmp"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// parseUV parses uv.lock. Its format is versioned but not specified
// (https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile). This is
// version 1, as uv's crates/uv-resolver/src/lock writes it.
func (l *Lock) parseUV(d *document) error {
	if v := d.want(d.root, "version", nodeNumber); v != nil && v.text != "1" {
		d.fail(v.offset, "lock with a uv that writes version 1", "uv.lock version %s is not supported", quote(v.text))
	}
	requires, environments := d.specifiers(d.root, "requires-python"), d.environments("supported-markers")
	members := d.texts(d.table(d.root, "manifest"), "members")
	for _, p := range d.tables(d.root, "package") {
		e := Entry{Type: "pypi", Name: d.text(p, "name"), Version: d.text(p, "version"), File: d.file, Line: d.at(p, "name")}
		if e.Name == "" {
			d.fail(p.offset, "", "a package without a name")
		}
		uvSource(d, p, &e, members)
		e.when.requires, e.when.lock = requires, environments
		for _, marker := range d.texts(p, "resolution-markers") {
			d.condition(&e, p, "resolution-markers", marker)
		}
		if sdist := d.table(p, "sdist"); sdist != nil {
			l.uvFile(d, sdist, &e)
		}
		for _, wheel := range d.tables(p, "wheels") {
			l.uvFile(d, wheel, &e)
		}
		if d.err != nil {
			return d.err
		}
		l.add(e)
	}
	if d.err == nil {
		l.uvEdges(d)
		l.refuseTwins(d)
	}
	return d.failure()
}

// uvEdges adds the requirements between packages, with their markers: those of
// each package, its extras and its groups, and those of the manifest, which a
// workspace without a project and a script have.
func (l *Lock) uvEdges(d *document) {
	byName := map[string][]int{}
	for i := range l.Entries {
		name := ecosystem.Python(l.Entries[i].Name)
		byName[name] = append(byName[name], i)
	}
	add := func(from int, list []*node) {
		for _, n := range list {
			text := d.text(n, "marker")
			m := d.marker(n, "marker", text)
			version := d.text(n, "version")
			for _, to := range byName[ecosystem.Python(d.text(n, "name"))] {
				if version == "" || l.Entries[to].Version == version {
					l.edges = append(l.edges, edge{from, to, m, text})
				}
			}
		}
	}
	groups := func(from int, table *node) {
		if table == nil {
			return
		}
		for _, m := range table.members {
			add(from, d.tables(table, m.key))
		}
	}
	for i, p := range d.tables(d.root, "package") {
		add(i, d.tables(p, "dependencies"))
		groups(i, d.table(p, "optional-dependencies"))
		groups(i, d.table(p, "dev-dependencies"))
		groups(i, d.table(p, "dependency-groups"))
	}
	if manifest := d.table(d.root, "manifest"); manifest != nil {
		add(-1, d.tables(manifest, "requirements"))
		groups(-1, d.table(manifest, "dependency-groups"))
	}
}

// uvSource sets the source. The project and the members of its workspace are
// first-party: [manifest] lists them, unless the project is the only one. Other
// directories are dependencies.
func uvSource(d *document, p *node, e *Entry, members []string) {
	source := d.table(p, "source")
	e.Source = Source{Kind: KindRegistry}
	switch {
	case source == nil:
	case source.get("registry") != nil:
		e.Source = registrySource("pypi", d.text(source, "registry"))
	case source.get("git") != nil:
		url := d.text(source, "git")
		_, commit, _ := strings.Cut(url, "#")
		e.Source = Source{Kind: KindVCS, URL: scrub(url), Commit: commit}
	case source.get("url") != nil:
		e.Source = Source{Kind: KindURL, URL: scrub(d.text(source, "url"))}
	case source.get("editable") != nil:
		e.Source = Source{Kind: KindEditable, URL: d.text(source, "editable")}
		e.FirstParty = uvMember(e, members)
	case source.get("virtual") != nil:
		e.Source = Source{Kind: KindPath, URL: d.text(source, "virtual")}
		e.FirstParty = uvMember(e, members)
	default:
		e.Source = Source{Kind: KindPath, URL: cmp.Or(d.text(source, "path"), d.text(source, "directory"))}
	}
}

func uvMember(e *Entry, members []string) bool {
	return e.Source.URL == "." || inProject(e.Source.URL) && slices.Contains(members, e.Name)
}

func (l *Lock) uvFile(d *document, file *node, e *Entry) {
	if h := d.text(file, "hash"); h != "" {
		l.addColonHash(e, h)
	}
	if e.Source.Kind != KindRegistry {
		return
	}
	url := d.text(file, "url")
	addArtifact(e, url)
	name := cmp.Or(d.text(file, "filename"), d.text(file, "path"))
	if u, ok := parseLocation(url); ok {
		name = u.base()
	}
	checkArchive(e, name[strings.LastIndexByte(name, '/')+1:])
}

// refuseSeveral records an error for two entries of one name that differ, in the
// formats of tools that install one version of a package.
func (l *Lock) refuseSeveral(src *source) error {
	first := map[string]*Entry{}
	for i := range l.Entries {
		e := &l.Entries[i]
		key := ecosystem.Canonical(e.Type, e.fullName())
		f := first[key]
		if f == nil {
			first[key] = e
			continue
		}
		if f.Version != e.Version || f.Spec != e.Spec || f.Source.Kind != e.Source.Kind || f.Source.URL != e.Source.URL || f.Source.Commit != e.Source.Commit || !sameHashes(f.Hashes, e.Hashes) {
			return src.errorf(src.lines[e.Line-1], "resolve a merge, or create the lock file again", "%s has two entries that differ, the first on line %d", quote(e.fullName()), f.Line)
		}
	}
	return nil
}

// refuseTwins records an error for two entries with one name, version and source
// and different hashes. No tool writes them, and a reader would have to choose.
func (l *Lock) refuseTwins(d *document) {
	first := map[string]*Entry{}
	for i := range l.Entries {
		e := &l.Entries[i]
		key := ecosystem.Canonical(e.Type, e.fullName()) + "\x00" + e.Version + "\x00" + e.Source.Kind + "\x00" + e.Source.URL + "\x00" + e.Source.Commit + "\x00" + e.Marker
		f := first[key]
		if f == nil {
			first[key] = e
			continue
		}
		if !sameHashes(f.Hashes, e.Hashes) {
			d.fail(d.lines[e.Line-1], "create the lock file again", "%s %s has two entries with different hashes, the first on line %d", quote(e.fullName()), quote(e.Version), f.Line)
			return
		}
		l.problem(ProblemContradicts, e.File, e.Line, e.Name, quote(e.fullName())+" "+quote(e.Version)+" has two entries, the first at "+place(f))
	}
}
