package lockcheck

import (
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

const bunHint = "write the lock again with `bun install`"

// bunBinary is the name of Bun's lock before version 1.2, a memory image whose
// layout is that of one version of Bun.
const bunBinary = "bun.lockb"

// bunParser is the state of parsing a bun.lock.
type bunParser struct {
	*Lock
	*document
	// version is that of the format: 0 to 3.
	version int
	// workspaces are the directories of the members by name.
	workspaces map[string]string
	// links are the directories of the keys that are links to members.
	links map[string]string
	// aliases are the names and the packages that something requires under them
	// ("npm:PACKAGE@1"): any package, an override or a catalog. The package is empty
	// for a specifier that does not name it, such as a URL.
	aliases map[[2]string]bool
	// direct are the names that the project or a member requires.
	direct map[string]bool
	// patched are the patches by "name@version".
	patched map[string]string
}

// parseBun parses bun.lock, the text format that Bun has written since 1.2
// (https://bun.com/docs/pm/lockfile; src/install/lockfile/bun.lock.rs and
// bun.lock.zig of github.com/oven-sh/bun). It is JSON with trailing commas.
// Version 1 has the dependencies of members in "workspaces" only, version 2
// demands hashes of Bun, and version 3 has overrides for parts of the tree.
//
// A key of "packages" is a path of names: "a/@s/b" is installed at
// node_modules/a/node_modules/@s/b, where "a" can be a member of the workspace.
// The isolated linker (https://bun.com/docs/pm/isolated-installs) has the same
// packages in node_modules/.bun, so that its directories are not those of the
// keys. The first element of the value names the package, its version or its
// origin; the number and meaning of the others depends on the origin.
//
// An empty registry is the one that Bun is configured to use for the name.
func (l *Lock) parseBun(d *document) error {
	b := &bunParser{Lock: l, document: d, workspaces: map[string]string{}, links: map[string]string{}, aliases: map[[2]string]bool{}, direct: map[string]bool{}, patched: map[string]string{}}
	b.head()
	packages := d.table(d.root, "packages")
	if d.err == nil && packages != nil {
		for i := range packages.members {
			b.requirements(&packages.members[i])
		}
		for i := range packages.members {
			if b.pkg(&packages.members[i]); d.err != nil {
				break
			}
		}
	}
	return d.failure()
}

// head reads what is not in "packages".
func (b *bunParser) head() {
	v := b.want(b.root, "lockfileVersion", nodeNumber)
	switch {
	case b.err != nil:
	case v == nil:
		b.fail(b.root.offset, bunHint, `"lockfileVersion" is missing`)
	case len(v.text) != 1 || v.text < "0" || v.text > "3":
		b.fail(v.offset, "use a version from 0 to 3", "lockfileVersion %s is not supported", quote(v.text))
	default:
		b.version = int(v.text[0] - '0')
	}
	workspaces := b.table(b.root, "workspaces")
	if b.err == nil && workspaces == nil {
		b.fail(b.root.offset, bunHint, `"workspaces" is missing`)
	}
	if b.err != nil {
		return
	}
	for i := range workspaces.members {
		b.workspace(&workspaces.members[i])
	}
	b.require(b.table(b.root, "catalog"), false)
	if catalogs := b.table(b.root, "catalogs"); catalogs != nil {
		for i := range catalogs.members {
			b.require(b.table(catalogs, catalogs.members[i].key), false)
		}
	}
	b.override(b.table(b.root, "overrides"))
	if patches := b.table(b.root, "patchedDependencies"); patches != nil {
		for i := range patches.members {
			key := patches.members[i].key
			b.patched[key] = b.text(patches, key)
		}
	}
}

// workspace adds a member of the workspace. The key of the project itself is
// empty.
func (b *bunParser) workspace(m *member) {
	if m.value.kind != nodeObject {
		b.fail(m.value.offset, bunHint, "the workspace %s must be %s, not %s", quote(m.key), nodeObject, m.value.kind)
		return
	}
	for _, group := range []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"} {
		b.require(b.table(m.value, group), true)
	}
	name := b.text(m.value, "name")
	if m.key == "" || b.err != nil {
		return
	}
	if name == "" {
		b.fail(m.value.offset, bunHint, "the workspace %s has no name", quote(m.key))
		return
	}
	if other, ok := b.workspaces[name]; ok {
		b.fail(m.offset, bunHint, "the workspaces %s and %s have the name %s", quote(other), quote(m.key), quote(name))
		return
	}
	b.workspaces[name], b.links[name] = m.key, m.key
	b.member(b.source, m.value.member("name").offset, name, m.key, false)
}

// require adds the requirements of a table of names and their specifiers.
func (b *bunParser) require(deps *node, direct bool) {
	if deps == nil {
		return
	}
	for i := range deps.members {
		name := deps.members[i].key
		b.alias(name, b.text(deps, name))
		b.direct[name] = b.direct[name] || direct
	}
}

// override adds the requirements of "overrides": a specifier, or an object with
// the overrides below a package, of which "." is its own.
func (b *bunParser) override(rules *node) {
	if rules == nil {
		return
	}
	for i := range rules.members {
		m := &rules.members[i]
		name := m.key
		if at := strings.LastIndexByte(name, '@'); at > 0 {
			name = name[:at]
		}
		switch m.value.kind {
		case nodeString:
			b.alias(name, m.value.text)
		case nodeObject:
			b.alias(name, b.text(m.value, "."))
			b.override(m.value)
		default:
			b.fail(m.value.offset, bunHint, "an override must be a string or an object, not %s", m.value.kind)
		}
	}
}

// requirements adds those of a package.
func (b *bunParser) requirements(m *member) {
	if m.value.kind != nodeArray {
		return
	}
	for _, item := range m.value.items {
		if item.kind == nodeObject {
			for _, group := range []string{"dependencies", "optionalDependencies", "peerDependencies", "devDependencies"} {
				b.require(b.table(item, group), false)
			}
		}
	}
}

// pkg adds a package.
func (b *bunParser) pkg(m *member) {
	if m.value.kind != nodeArray || len(m.value.items) == 0 {
		b.fail(m.value.offset, bunHint, "the package %s must be a list of its name, its origin and its hash, not %s", quote(m.key), m.value.kind)
		return
	}
	row := &bunRow{bunParser: b, member: m, items: m.value.items}
	id := row.next(nodeString, "a name with a version")
	if id == nil {
		return
	}
	name, origin, ok := cutID(id.text)
	if !ok {
		b.fail(id.offset, bunHint, "%s is not a name with a version", quote(id.text))
		return
	}
	dir, under, ok := b.place(m.key)
	if !ok {
		b.fail(m.offset, bunHint, "%s is not a path of names", quote(m.key))
		return
	}
	e := Entry{Type: "npm", File: b.file, Line: b.line(m.offset), Install: dir, Direct: b.direct[under] && !strings.Contains(strings.TrimPrefix(dir, "node_modules/"), "/node_modules/")}
	e.Namespace, e.Name = ecosystem.Split("npm", name)
	switch scheme, rest, _ := strings.Cut(origin, ":"); {
	case strings.HasPrefix(id.text, "@root:") || scheme == "root":
		return // the project, required by a member
	case name == "":
		b.fail(id.offset, bunHint, "a package without a name")
		return
	case scheme == "workspace":
		if b.workspaces[name] != rest {
			b.fail(id.offset, bunHint, "%s is not in the workspaces of the lock", quote(id.text))
		}
		b.links[m.key] = rest
		return
	case scheme == "link":
		e.Source = Source{Kind: KindLink, URL: scrub(rest)}
		row.info(&e)
	case scheme == "file":
		e.Source = Source{Kind: KindPath, URL: scrub(rest)}
		row.info(&e)
	case strings.HasPrefix(scheme, "git"), npmGitHost(origin):
		row.checkout(origin, &e)
	case releaseVersion(origin):
		e.Version = origin
		row.registry(&e)
	case strings.Contains(origin, "://"), strings.ContainsAny(origin, "/\\"), strings.HasSuffix(origin, ".tgz"), strings.HasSuffix(origin, ".tar.gz"):
		row.tarball(origin, &e)
	default:
		b.fail(id.offset, bunHint, "%s has no exact version, and no origin that is known", quote(id.text))
		return
	}
	if b.err == nil {
		b.finish(row, id.text, under, &e)
	}
}

// finish adds the entry with its flaws and notes.
func (b *bunParser) finish(row *bunRow, id, under string, e *Entry) {
	if len(row.items) > 0 {
		b.fail(row.items[0].offset, bunHint, "the package %s has more elements than are known", quote(row.key))
		return
	}
	if patch, ok := b.patched[id]; ok {
		e.patch(patch)
	}
	if under == e.fullName() && e.flaw.reason == "" && (e.Source.Kind == KindURL || e.Source.Kind == KindPath) && !b.aliases[[2]string{under, ""}] {
		e.flaw = flaw{OtherPackage, "the lock takes " + quote(under) + " from " + quote(e.Source.URL) + ", and nothing in it requires another place than a registry"}
	}
	if under != e.fullName() {
		if e.Source.Kind == KindRegistry && !b.aliased(under, e.fullName()) {
			e.flaw = flaw{OtherPackage, "the lock has " + quote(e.fullName()) + " under the name of " + quote(under) + ", and nothing in it requires that"}
		}
		b.problem(ProblemAlias, e.File, e.Line, e.Name, quote(e.fullName())+" is installed as "+quote(under))
	}
	b.add(*e)
}

// alias records what a requirement admits under a name besides the package of that
// name.
func (b *bunParser) alias(under, spec string) {
	if id, ok := strings.CutPrefix(spec, "npm:"); ok {
		if name, _, ok := cutID(id); ok {
			id = name
		}
		b.aliases[[2]string{under, id}] = true
		return
	}
	scheme, _, ok := strings.Cut(spec, ":")
	if ok && scheme != "workspace" && scheme != "catalog" || !ok && (strings.ContainsAny(spec, "/\\") || strings.HasSuffix(spec, ".tgz") || strings.HasSuffix(spec, ".tar.gz")) {
		b.aliases[[2]string{under, ""}] = true
	}
}

// aliased reports whether something requires a package under another name.
func (b *bunParser) aliased(under, name string) bool {
	return b.aliases[[2]string{under, name}] || b.aliases[[2]string{under, ""}]
}

// maxBunKey bounds a key of "packages" in bytes. The longest in use have some ten
// names.
const maxBunKey = 16 << 10

// place returns the directory of a key, and the name that the package has there.
// The names before the last are those of packages, or first of all that of a
// member.
func (b *bunParser) place(key string) (dir, name string, ok bool) {
	if len(key) > maxBunKey {
		return "", "", false
	}
	rest := key
	for at := 0; rest != ""; {
		name, rest = cutName(rest)
		if name == "" || name == "." || name == ".." || strings.HasPrefix(name, "@") != strings.Contains(name, "/") || strings.HasPrefix(name, "@/") || strings.HasSuffix(name, "/") {
			return "", "", false
		}
		at += len(name)
		dir = path.Join(dir, "node_modules", name)
		if member, found := b.links[key[:at]]; found && rest != "" {
			dir = member
		}
		at++ // the slash
	}
	return dir, name, name != "" && !strings.HasSuffix(key, "/")
}

// cutName cuts the first name of a path of names: "@scope/name" or "name".
func cutName(s string) (name, rest string) {
	first, rest, _ := strings.Cut(s, "/")
	if !strings.HasPrefix(first, "@") {
		return first, rest
	}
	second, rest, _ := strings.Cut(rest, "/")
	return first + "/" + second, rest
}

// cutID cuts the name from "name@version"; a scope begins with @.
func cutID(id string) (name, rest string, ok bool) {
	if id == "" {
		return "", "", false
	}
	at := strings.IndexByte(id[1:], '@') + 1
	if at == 0 {
		if strings.HasPrefix(id, "@root:") {
			return "", id[1:], true
		}
		return "", "", false
	}
	return id[:at], id[at+1:], true
}

// releaseVersion reports whether a version is exact, with or without build
// metadata.
func releaseVersion(version string) bool { return exactVersion(withoutBuild(version)) }

// bunRow is the value of one package, of which items are the elements that have
// not been read.
type bunRow struct {
	*bunParser
	*member
	items []*node
}

// next returns the next element, nil after an error.
func (r *bunRow) next(kind nodeKind, what string) *node {
	if len(r.items) == 0 {
		r.fail(r.value.offset, bunHint, "the package %s has no element with %s", quote(r.key), what)
		return nil
	}
	n := r.items[0]
	if n.kind != kind {
		r.fail(n.offset, bunHint, "the package %s needs %s here: %s, not %s", quote(r.key), what, kind, n.kind)
		return nil
	}
	r.items = r.items[1:]
	return n
}

// info reads the element with the requirements and the platforms.
func (r *bunRow) info(e *Entry) {
	if n := r.next(nodeObject, "its requirements"); n != nil {
		e.when.os, e.when.cpu, e.when.libc = r.texts(n, "os"), r.texts(n, "cpu"), r.texts(n, "libc")
		e.Bundled = r.flag(n, "bundled")
	}
}

// registry reads a package of a registry.
func (r *bunRow) registry(e *Entry) {
	url := r.next(nodeString, "its registry")
	if url == nil {
		return
	}
	npmSource(url.text, e)
	if e.Source.Kind != KindRegistry {
		r.fail(url.offset, bunHint, "%s is not the URL of a registry", quote(url.text))
		return
	}
	r.info(e)
	r.hash(e)
}

// tarball reads a package whose archive is local or by URL. Of one that a registry
// has under its own name the version is in the URL: it is what the requirement of
// the version would install.
func (r *bunRow) tarball(origin string, e *Entry) {
	l, ok := parseLocation(origin)
	switch {
	case !ok && strings.Contains(origin, "://"):
		e.Source = Source{Kind: KindURL, URL: unreadableURL}
	case !ok, l.scheme == "file":
		e.Source = Source{Kind: KindPath, URL: scrub(origin)}
	default:
		e.Source = Source{Kind: KindURL, URL: scrub(origin)}
		if before, file, ok := strings.Cut(unescape(l.path), "/-/"); ok && isDefault("npm", origin) && before == "/"+e.fullName() {
			version := strings.TrimSuffix(strings.TrimPrefix(file, e.Name+"-"), ".tgz")
			if releaseVersion(version) && file == e.Name+"-"+version+".tgz" {
				e.Version, e.Source = version, registrySource("npm", origin)
			}
		}
	}
	r.info(e)
	if len(r.items) > 0 {
		r.hash(e)
	}
}

// checkout reads a package of a repository. Bun has the commit after "#", and
// after the requirements the name under which it keeps the checkout.
func (r *bunRow) checkout(origin string, e *Entry) {
	_, commit, _ := strings.Cut(origin, "#")
	e.Source = Source{Kind: KindVCS, URL: scrub(origin), Commit: commit}
	r.info(e)
	r.next(nodeString, "its commit")
	if len(r.items) > 0 {
		r.hash(e)
	}
}

// hash reads the hashes of an entry.
func (r *bunRow) hash(e *Entry) {
	sum := r.next(nodeString, "its hash")
	if sum == nil {
		return
	}
	hashes, malformed := integrity(sum.text)
	if malformed {
		r.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has an integrity of the wrong form")
	}
	if twice := twoOf(hashes); twice != "" {
		r.fail(sum.offset, bunHint, "%s has two hashes of %s, and a tarball has one", quote(e.fullName()), twice)
	}
	e.Hashes = hashes
}
