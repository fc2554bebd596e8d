package lockcheck

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// parseNPM parses package-lock.json and npm-shrinkwrap.json, versions 1 to 3
// (https://docs.npmjs.com/cli/configuring-npm/package-lock-json). Version 2
// has both layouts; npm 7 and later read "packages" and npm 6 reads
// "dependencies", so the two must agree.
func (l *Lock) parseNPM(d *document) error {
	if v := d.want(d.root, "lockfileVersion", nodeNumber); v != nil && !(len(v.text) == 1 && v.text >= "0" && v.text <= "3") {
		d.fail(v.offset, "use a version from 1 to 3", "lockfileVersion %s is not supported", quote(v.text))
	}
	packages, dependencies := d.table(d.root, "packages"), d.table(d.root, "dependencies")
	if packages != nil {
		project := npmProject{npmDirect(packages.get("")), npmWorkspaces(d, packages.get("")), npmAliases(packages)}
		for i := range packages.members {
			if m := &packages.members[i]; m.key != "" {
				l.npmPackage(d, m, project)
			}
			if d.err != nil {
				return d.err
			}
		}
		npmAgree(d, packages, dependencies, "", 0)
		return d.failure()
	}
	aliases := map[npmAlias]bool{}
	npmTreeAliases(dependencies, aliases, 0)
	l.npmTree(d, dependencies, aliases, "", 0)
	return d.failure()
}

// npmProject is what the lock has about the project that an entry is compared
// with.
type npmProject struct {
	direct  map[string]string
	members []string
	aliases map[npmAlias]bool
}

// npmAlias is a package under another name.
type npmAlias struct{ under, name string }

// npmAliases returns the aliases that a package of the lock requires.
func npmAliases(packages *node) map[npmAlias]bool {
	out := map[npmAlias]bool{}
	for i := range packages.members {
		for _, key := range []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"} {
			addAliases(packages.members[i].value.get(key), out)
		}
	}
	return out
}

func addAliases(deps *node, to map[npmAlias]bool) {
	if deps == nil {
		return
	}
	for i := range deps.members {
		if name := aliasedName(deps.members[i].value.text); name != "" {
			to[npmAlias{deps.members[i].key, name}] = true
		}
	}
}

// npmTreeAliases is npmAliases for the nested layout of version 1, whose
// "requires" has the requirements.
func npmTreeAliases(deps *node, to map[npmAlias]bool, depth int) {
	if deps == nil || depth > maxDepth {
		return
	}
	for i := range deps.members {
		p := deps.members[i].value
		addAliases(p.get("requires"), to)
		npmTreeAliases(p.get("dependencies"), to, depth+1)
	}
}

// aliasedName returns the name in "npm:NAME@RANGE", or "".
func aliasedName(spec string) string {
	spec, ok := strings.CutPrefix(spec, "npm:")
	if !ok || spec == "" {
		return ""
	}
	name, _, _ := strings.Cut(spec[1:], "@") // a scope begins with @
	return spec[:1] + name
}

// npmDirect returns the keys of the project's direct dependencies, and the package
// that each of them requires: its own name or, of an alias ("npm:other@1"), the other
// one. It is "" for a requirement that names no package: a URL, a repository, a
// directory. "overrides" of the project cannot change those of its own (EOVERRIDE).
func npmDirect(root *node) map[string]string {
	direct := map[string]string{}
	for _, key := range []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"} {
		if deps := root.get(key); deps != nil {
			for i := range deps.members {
				name := ""
				if v := deps.members[i].value; v.kind == nodeString {
					name = aliasedName(v.text)
					switch {
					case name != "":
					case !strings.ContainsAny(v.text, ":/\\"):
						name = deps.members[i].key
					}
				}
				direct["node_modules/"+deps.members[i].key] = name
			}
		}
	}
	return direct
}

// npmWorkspaces returns the patterns of the project's workspaces, from an array
// or from "packages" of an object (npm's @npmcli/map-workspaces).
func npmWorkspaces(d *document, root *node) []string {
	if w := root.get("workspaces"); w != nil && w.kind == nodeObject {
		return d.texts(w, "packages")
	}
	return d.texts(root, "workspaces")
}

// npmMember reports whether a directory is a member of the workspace: the last
// pattern that matches decides, and "!" excludes. A directory that is linked for
// another reason ("file:../lib") is no member. Neither is one outside of the
// project.
func npmMember(patterns []string, dir string) bool {
	if !inProject(dir) {
		return false
	}
	member := false
	for _, p := range patterns {
		p, not := strings.CutPrefix(p, "!")
		if ok, err := doublestar.Match(path.Clean(strings.TrimPrefix(p, "/")), dir); err == nil && ok {
			member = !not
		}
	}
	return member
}

// npmName returns the name under which a key of "packages" is installed. It is
// empty for a directory of a workspace.
func npmName(key string) string {
	const modules = "node_modules/"
	if i := strings.LastIndex("/"+key, "/"+modules); i >= 0 {
		return key[i+len(modules):]
	}
	return ""
}

func (l *Lock) npmPackage(d *document, m *member, project npmProject) {
	p := m.value
	if p.kind != nodeObject {
		d.fail(p.offset, "", "the entry of %s must be %s, not %s", quote(m.key), nodeObject, p.kind)
		return
	}
	under := npmName(m.key)
	name := d.text(p, "name")
	if name == "" {
		name = under
	}
	if name == "" {
		name = path.Base(m.key)
	}
	e := Entry{
		Type: "npm", Version: d.text(p, "version"), File: d.file, Line: d.line(m.offset), Install: m.key,
		Dev: d.flag(p, "dev") || d.flag(p, "devOptional"), Optional: d.flag(p, "optional") || d.flag(p, "devOptional"),
		Bundled: d.flag(p, "inBundle"),
	}
	alias, isDirect := project.direct[m.key]
	e.Direct = isDirect
	e.Namespace, e.Name = ecosystem.Split("npm", name)
	e.when.os, e.when.cpu, e.when.libc = d.texts(p, "os"), d.texts(p, "cpu"), d.texts(p, "libc")
	resolved := d.text(p, "resolved")
	switch {
	case d.flag(p, "link"):
		e.Source = Source{Kind: KindLink, URL: scrub(resolved)}
	case under == "":
		e.Source = Source{Kind: KindPath, URL: m.key}
		e.FirstParty = npmMember(project.members, m.key)
	default:
		npmSource(resolved, &e)
	}
	l.npmFinish(d, p, m, under, alias, project.aliases, &e)
}

// npmFinish adds the entry, with its integrity and a note about an alias.
func (l *Lock) npmFinish(d *document, p *node, m *member, under, alias string, aliases map[npmAlias]bool, e *Entry) {
	hashes, malformed := integrity(d.text(p, "integrity"))
	if d.err != nil {
		return
	}
	if e.Name == "" {
		d.fail(m.offset, "", "a package without a name")
		return
	}
	if twice := twoOf(hashes); twice != "" {
		d.fail(p.get("integrity").offset, "create the lock file again with npm", "%s has two hashes of %s, and a tarball has one", quote(e.fullName()), twice)
		return
	}
	e.Hashes = hashes
	if alias != "" && alias != e.fullName() && under != "" {
		e.flaw = flaw{OtherPackage, "the project requires " + quote(alias) + " under the name of " + quote(under) + ", and the lock has " + quote(e.fullName())}
	}
	if malformed {
		l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has an integrity of the wrong form")
	}
	switch {
	case under == "" || under == e.fullName():
	case aliases[npmAlias{under, e.fullName()}]:
		l.problem(ProblemAlias, e.File, e.Line, e.Name, quote(e.fullName())+" is installed as "+quote(under))
	default: // or "overrides" of the project, which the lock does not have
		l.problem(ProblemOther, e.File, e.Line, e.Name, quote(e.fullName())+" is installed as "+quote(under)+", and nothing in the lock requires that")
	}
	l.add(*e)
}

// npmSource sets the source from "resolved" (or, in version 1, from a version
// that is a specifier): a tarball of a registry, a git URL, a file or another
// URL.
func npmSource(resolved string, e *Entry) {
	l, ok := parseLocation(resolved)
	switch {
	case resolved == "":
		e.Source = Source{Kind: KindRegistry}
	case strings.HasPrefix(l.scheme, "git"), npmGitHost(resolved):
		_, commit, _ := strings.Cut(resolved, "#")
		e.Source = Source{Kind: KindVCS, URL: scrub(resolved), Commit: commit}
	case strings.HasPrefix(resolved, "file:"), !ok && !hasScheme(resolved):
		e.Source = Source{Kind: KindPath, URL: scrub(resolved)}
	default:
		e.Source = registrySource("npm", resolved)
		if detail := otherTarball(l, e); detail != "" {
			e.flaw = flaw{OtherPackage, detail}
		}
	}
}

// hasScheme reports whether a text begins like a URL: "https:", "data:". The drive of
// a path of Windows is one letter.
func hasScheme(s string) bool {
	scheme, _, ok := strings.Cut(s, ":")
	return ok && len(scheme) > 1 && plainScheme(scheme)
}

// npmGitHost reports whether s is one of npm's short forms of a repository
// (hosted-git-info).
func npmGitHost(s string) bool {
	for _, prefix := range []string{"github:", "gitlab:", "bitbucket:", "gist:", "git@"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

// otherTarball returns a sentence when a registry's tarball is that of another
// package or version, and "" otherwise. Registries with npm's layout have
// NAME/-/FILE-VERSION.tgz, in a directory of theirs or, the default ones, at the top;
// in other layouts the package is unknown.
func otherTarball(l location, e *Entry) string {
	full := e.fullName()
	p := unescape(l.path)
	before, file, ok := strings.Cut(p, "/-/")
	top := isDefault("npm", "https://"+l.host)
	switch {
	case strings.Contains(p+"/", "/../"), strings.Contains(p+"/", "/./"), !ok && top:
		return quote(full) + " is locked to " + quote(p) + ", which is no tarball of it"
	case !ok:
		return ""
	}
	if before != "/"+full && (top || !strings.HasSuffix(before, "/"+full)) ||
		e.Namespace == "" && strings.HasPrefix(path.Base(path.Dir(before)), "@") {
		return quote(full) + " is locked to the tarball of " + quote(strings.TrimPrefix(before, "/"))
	}
	if e.Version == "" {
		return ""
	}
	if e.Namespace != "" {
		file = strings.TrimPrefix(file, e.Namespace+"/")
	}
	if file != e.Name+"-"+e.Version+".tgz" && file != e.Name+"-"+withoutBuild(e.Version)+".tgz" {
		return quote(full) + " " + quote(e.Version) + " is locked to the tarball " + quote(file)
	}
	return ""
}

func withoutBuild(version string) string {
	version, _, _ = strings.Cut(version, "+")
	return version
}

// npmTree adds the entries of the nested layout of version 1.
func (l *Lock) npmTree(d *document, deps *node, aliases map[npmAlias]bool, parent string, depth int) {
	if deps == nil {
		return
	}
	for i := range deps.members {
		m := &deps.members[i]
		if d.err != nil {
			return
		}
		if m.value.kind != nodeObject {
			d.fail(m.value.offset, "", "the entry of %s must be %s, not %s", quote(m.key), nodeObject, m.value.kind)
			return
		}
		key := parent + "node_modules/" + m.key
		l.npmDependency(d, m, aliases, key)
		l.npmTree(d, d.table(m.value, "dependencies"), aliases, key+"/", depth+1)
	}
}

func (l *Lock) npmDependency(d *document, m *member, aliases map[npmAlias]bool, key string) {
	p := m.value
	version := d.text(p, "version")
	e := Entry{
		Type: "npm", File: d.file, Line: d.line(m.offset), Install: key,
		Dev: d.flag(p, "dev"), Optional: d.flag(p, "optional"), Bundled: d.flag(p, "bundled"),
	}
	name := m.key
	if alias, ok := strings.CutPrefix(version, "npm:"); ok {
		if i := strings.LastIndexByte(alias, '@'); i > 0 {
			name, version = alias[:i], alias[i+1:]
		}
	}
	e.Namespace, e.Name = ecosystem.Split("npm", name)
	if strings.ContainsAny(version, ":/") {
		npmSource(version, &e) // a URL or a path instead of a version
		if e.Source.Kind == KindRegistry {
			e.Source.Kind = KindURL
		}
	} else {
		e.Version = version
		npmSource(d.text(p, "resolved"), &e)
	}
	l.npmFinish(d, p, m, m.key, "", aliases, &e)
}

// npmAgree records an error for a version 2 lock whose two layouts name
// different artifacts: npm 6 and npm 7 would install different ones.
func npmAgree(d *document, packages, deps *node, parent string, depth int) {
	if deps == nil || d.err != nil {
		return
	}
	for i := range deps.members {
		m := &deps.members[i]
		key := parent + "node_modules/" + m.key
		p := packages.get(key)
		if p == nil || m.value.kind != nodeObject {
			continue
		}
		for _, field := range []string{"integrity", "resolved"} {
			a, b := d.text(p, field), d.text(m.value, field)
			if a != "" && b != "" && a != b {
				d.fail(m.value.get(field).offset, "create the lock file again with npm", "%s has another %s here than on line %d", quote(key), field, d.line(p.get(field).offset))
				return
			}
		}
		npmAgree(d, packages, d.table(m.value, "dependencies"), key+"/", depth+1)
	}
}
