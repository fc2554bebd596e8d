package lockcheck

import (
	"cmp"
	"context"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/pnpmkey"
)

// parsePnpm parses pnpm-lock.yaml, versions 5.0 to 9.0
// (https://github.com/pnpm/spec/tree/master/lockfile; pnpm's packages
// @pnpm/lockfile.types and @pnpm/lockfile.utils). Since version 11 pnpm writes a
// YAML document before the project's own for what it uses itself:
// configDependencies, and its own releases.
func (l *Lock) parsePnpm(ctx context.Context, src *source) error {
	docs, err := parseYAML(ctx, src)
	if err != nil {
		return err
	}
	if len(docs) > 2 || len(docs) == 2 && !isPnpmEnvironment(docs[0].root) {
		d := docs[len(docs)-1]
		return d.errorf(d.root.offset, "create the lock file again with pnpm", "a further YAML document, which pnpm does not read")
	}
	for _, d := range docs {
		if err := l.pnpmDocument(d); err != nil {
			return err
		}
	}
	return nil
}

// isPnpmEnvironment reports whether a document is that of pnpm's own
// dependencies.
func isPnpmEnvironment(root *node) bool {
	project := root.get("importers").get(".")
	return project.get("configDependencies") != nil || project.get("packageManagerDependencies") != nil
}

// pnpmReader reads one document.
type pnpmReader struct {
	*document
	lock  *Lock
	major int
	// direct has the keys that the project and its members refer to, wanted what
	// is wrong about such a reference.
	direct map[string]bool
	wanted map[string]flaw
	// names are the places by which they are required first: up to version 5 pnpm
	// wrote no other name of a repository.
	names map[string]*member
	// patches are the hashes of the patches by ID, "" for one without a hash.
	patches map[string]string
	// patchFiles are their files by the hash, made for the first patch by a range of versions.
	patchFiles map[string]string
	// required are the IDs with a snapshot that is not optional.
	required map[string]bool
	// first has the index of the entry of each ID.
	first map[string]int
}

func (l *Lock) pnpmDocument(d *document) error {
	if d.root.kind == nodeNull && len(d.data) > 0 {
		return nil
	}
	if d.root.kind != nodeObject {
		return d.errorf(d.root.offset, "", "a pnpm-lock.yaml is %s, not %s", nodeObject, d.root.kind)
	}
	r := &pnpmReader{
		document: d, lock: l, direct: map[string]bool{}, wanted: map[string]flaw{}, names: map[string]*member{}, patches: map[string]string{},
		required: map[string]bool{}, first: map[string]int{},
	}
	version := d.root.get("lockfileVersion")
	if version == nil {
		return d.errorf(d.root.offset, "create the lock file again: pnpm install --lockfile-only", "no lockfileVersion")
	}
	var ok bool
	if r.major, ok = pnpmkey.Major(version.text); !ok {
		return d.errorf(version.offset, "use pnpm 3 to 12: pnpm install --lockfile-only", "lockfileVersion %s is not supported", quote(version.text))
	}
	r.importers()
	packages := d.table(d.root, "packages")
	r.snapshots(packages)
	if packages != nil {
		for i := range packages.members {
			if r.pkg(&packages.members[i]); d.err != nil {
				break
			}
		}
	}
	return d.failure()
}

// importers reads the project and its members: the keys of "importers" are their
// directories. A lock of one project has their content at the top, up to version
// 6.
func (r *pnpmReader) importers() {
	importers := r.table(r.root, "importers")
	if importers == nil {
		r.importer(r.root)
		return
	}
	for i := range importers.members {
		m := &importers.members[i]
		if m.value.kind != nodeObject {
			r.fail(m.value.offset, "", "the importer %s must be %s, not %s", quote(m.key), nodeObject, m.value.kind)
			return
		}
		r.lock.member(r.source, m.offset, m.key, m.key, true)
		r.importer(m.value)
	}
}

func (r *pnpmReader) importer(n *node) {
	specifiers := r.table(n, "specifiers")
	for _, group := range []string{"dependencies", "devDependencies", "optionalDependencies", "configDependencies", "packageManagerDependencies"} {
		deps := r.table(n, group)
		if deps == nil {
			continue
		}
		for i := range deps.members {
			m := &deps.members[i]
			ref, spec := m.value, ""
			if m.value.kind == nodeObject {
				spec = r.scalar(m.value, "specifier")
				if ref = m.value.get("version"); ref == nil {
					r.fail(m.offset, "create the lock file again with pnpm", "%s has no version", quote(m.key))
					return
				}
			} else if specifiers != nil {
				spec = r.scalar(specifiers, m.key)
			}
			if ref.kind != nodeString && ref.kind != nodeNumber {
				r.fail(ref.offset, "", "the version of %s must be %s, not %s", quote(m.key), nodeString, ref.kind)
				return
			}
			if key := pnpmkey.Reference(r.major, m.key, ref.text); key != "" {
				k := pnpmkey.Parse(r.major, key)
				r.direct[k.ID] = true
				if _, ok := r.names[k.ID]; !ok {
					r.names[k.ID] = m
				}
				if f := r.mismatch(m.key, r.catalog(m.key, spec), &k); f.reason != "" {
					r.wanted[k.ID] = f
				}
			}
		}
	}
}

// catalog returns the specifier that "catalog:NAME" refers to
// (https://pnpm.io/catalogs).
func (r *pnpmReader) catalog(name, spec string) string {
	catalog, ok := strings.CutPrefix(spec, "catalog:")
	if !ok {
		return spec
	}
	entry := r.table(r.table(r.table(r.root, "catalogs"), cmp.Or(catalog, "default")), name)
	return r.scalar(entry, "specifier")
}

// mismatch returns the flaw of a package that is not what the project requires:
// another name, or a repository or file where a version of the registry is
// required. pnpm writes what an override requires as the specifier.
func (r *pnpmReader) mismatch(name, spec string, k *pnpmkey.Key) flaw {
	alias, isAlias := strings.CutPrefix(spec, "npm:")
	want := name
	switch {
	case isAlias:
		if at := strings.LastIndexByte(alias, '@'); at > 0 {
			alias = alias[:at]
		}
		if version, _, _ := strings.Cut(alias, " "); !strings.ContainsAny(version[:min(1, len(version))], "0123456789^~<>=*") {
			want = alias // not "npm:^1.0.0"
		}
	case spec == "" || strings.ContainsAny(spec, ":/#"):
		return flaw{} // a URL, a repository or a directory, with any package in it
	}
	switch {
	case k.Name != "" && k.Name != want:
		return flaw{OtherPackage, "the project requires " + quote(want) + " under the name of " + quote(name) + ", and the lock has " + quote(k.Name)}
	case k.Version == "" && !strings.HasPrefix(k.Place, "runtime:"):
		return flaw{OtherPackage, "the project requires " + quote(want) + " " + quote(spec) + " of a registry, and the lock takes it from another place: " + quote(scrub(cmp.Or(k.Place, k.ID)))}
	}
	return flaw{}
}

// snapshots reads what version 9 has apart from "packages": each instance of a
// package with its peers and its patch. Before, both were one.
func (r *pnpmReader) snapshots(packages *node) {
	from := packages
	if r.major == 9 {
		from = r.table(r.root, "snapshots")
	}
	if from == nil {
		return
	}
	for i := range from.members {
		m := &from.members[i]
		k := pnpmkey.Parse(r.major, m.key)
		if r.major == 9 && packages.get(k.ID) == nil {
			r.fail(m.offset, "create the lock file again with pnpm", "%s is in \"snapshots\" and not in \"packages\"", quote(k.ID))
			return
		}
		if m.value.kind != nodeObject {
			r.fail(m.value.offset, "", "the entry of %s must be %s, not %s", quote(m.key), nodeObject, m.value.kind)
			return
		}
		if k.Patch != "" || r.flag(m.value, "patched") {
			r.patches[k.ID] = k.Patch
		}
		if !r.flag(m.value, "optional") {
			r.required[k.ID] = true
		}
	}
}

// pkg adds the entry of a key of "packages".
func (r *pnpmReader) pkg(m *member) {
	p := m.value
	if p.kind != nodeObject {
		r.fail(p.offset, "", "the entry of %s must be %s, not %s", quote(m.key), nodeObject, p.kind)
		return
	}
	k := pnpmkey.Parse(r.major, m.key)
	e := Entry{
		Type: "npm", File: r.file, Line: r.line(m.offset),
		Dev: r.flag(p, "dev"), Optional: !r.required[k.ID], Direct: r.direct[k.ID],
	}
	e.when.os, e.when.cpu, e.when.libc = r.texts(p, "os"), r.texts(p, "cpu"), r.texts(p, "libc")
	name, version := r.scalar(p, "name"), r.scalar(p, "version")
	switch required := r.names[k.ID]; {
	case k.Name == "" && name != "":
		e.Line = r.at(p, "name")
	case k.Name == "" && required != nil:
		name, e.Line = required.key, r.line(required.offset)
	}
	e.Namespace, e.Name = ecosystem.Split("npm", cmp.Or(k.Name, name, repositoryName(k.ID)))
	e.Version = cmp.Or(version, k.Version)
	if v, ok := strings.CutPrefix(k.Place, "runtime:"); ok {
		e.Version = v
	}
	e.flaw = r.wanted[k.ID]
	if differs(k.Name, name) || differs(k.Version, version) {
		e.flaw = flaw{OtherPackage, "the key " + quote(k.ID) + " is locked to " + quote(cmp.Or(name, k.Name)) + " " + quote(cmp.Or(version, k.Version))}
	}
	resolution := r.table(p, "resolution")
	if resolution == nil {
		r.fail(m.offset, "create the lock file again with pnpm", "%s has no resolution", quote(m.key))
		return
	}
	r.resolve(&e, &k, resolution)
	if e.Name == "" {
		r.fail(m.offset, "", "a package without a name")
	}
	if r.err != nil {
		return
	}
	if hash, ok := r.patches[k.ID]; ok || r.isPatched(&e) {
		e.patch(r.patchFile(&e, hash))
	}
	r.addOnce(m, &k, &e)
}

// addOnce adds an entry. Up to version 6 a package has one for each set of peers,
// all from one place.
func (r *pnpmReader) addOnce(m *member, k *pnpmkey.Key, e *Entry) {
	at, ok := r.first[k.ID]
	if !ok {
		r.first[k.ID] = len(r.lock.Entries)
		r.lock.add(*e)
		return
	}
	first := &r.lock.Entries[at]
	if !sameHashes(first.Hashes, e.Hashes) || first.Source.Kind != e.Source.Kind || first.Source.URL != e.Source.URL || first.Source.Commit != e.Source.Commit {
		r.fail(m.offset, "create the lock file again with pnpm", "%s has another resolution here than on line %d", quote(k.ID), first.Line)
		return
	}
	first.Dev = first.Dev && e.Dev
}

// differs reports whether two texts are there and are not equal.
func differs(a, b string) bool { return a != "" && b != "" && a != b }

// repositoryName returns the last part of the path of a repository or file in a
// key, for the few without a name.
func repositoryName(id string) string {
	parts := strings.Split(strings.TrimPrefix(id, "file:"), "/")
	if n := len(parts); n > 1 && fullCommit(parts[n-1]) {
		return parts[n-2]
	}
	return parts[len(parts)-1]
}

// resolve sets source and hashes by "resolution".
func (r *pnpmReader) resolve(e *Entry, k *pnpmkey.Key, n *node) {
	kind := r.text(n, "type")
	r.integrity(e, n)
	switch {
	case kind == "":
		r.tarball(e, k, n)
	case kind == "directory":
		dir := r.text(n, "directory")
		e.Source = Source{Kind: KindPath, URL: dir}
	case kind == "git":
		e.Source = Source{Kind: KindVCS, URL: scrub(r.text(n, "repo")), Commit: r.text(n, "commit")}
	case kind == "binary":
		e.Source = Source{Kind: KindURL, URL: scrub(r.text(n, "url"))}
	case kind == "variations":
		r.variations(e, n)
	case strings.HasPrefix(kind, "custom:"):
		e.Source = Source{Kind: KindURL, URL: unreadableURL}
		e.flaw = flaw{OtherRegistry, quote(e.fullName()) + " is taken from a place that only a .pnpmfile of the project knows (" + quote(kind) + ")"}
	default:
		r.fail(n.get("type").offset, "use pnpm 3 to 12: pnpm install --lockfile-only", "unknown type of resolution %s", quote(kind))
	}
	// pnpm takes a key with a version for a package of a registry
	// (assertRegistryShapedResolution in @pnpm/lockfile.utils).
	if k.Version != "" && e.Source.Kind != KindRegistry {
		e.flaw = flaw{OtherPackage, quote(k.ID) + " is locked to another place than a registry: " + quote(cmp.Or(e.Source.URL, kind))}
		e.Source.Kind = KindURL
	}
}

// integrity adds the hashes of a resolution.
func (r *pnpmReader) integrity(e *Entry, n *node) {
	hashes, malformed := integrity(r.text(n, "integrity"))
	if malformed {
		r.lock.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has an integrity of the wrong form")
	}
	if twice := twoOf(hashes); twice != "" {
		r.fail(n.get("integrity").offset, "create the lock file again with pnpm", "%s has two hashes of %s, and a tarball has one", quote(e.fullName()), twice)
	}
	e.Hashes = append(e.Hashes, hashes...)
}

// tarball sets the source of an archive: of a registry, whose URL follows from
// name and version if it is not there, or by its URL.
func (r *pnpmReader) tarball(e *Entry, k *pnpmkey.Key, n *node) {
	tarball, registry := r.text(n, "tarball"), r.text(n, "registry")
	repo, commit, hosted := pnpmkey.GitHosted(tarball)
	place, absolute := parseLocation(tarball)
	switch {
	case hosted:
		e.Source = Source{Kind: KindVCS, URL: repo, Commit: commit}
	case r.flag(n, "gitHosted"):
		e.Source = Source{Kind: KindVCS, URL: scrub(tarball)}
	case strings.HasPrefix(tarball, "file:"):
		e.Source = Source{Kind: KindPath, URL: scrub(tarball)}
	case k.Version == "" && tarball == "":
		r.fail(n.offset, "create the lock file again with pnpm", "%s has no tarball", quote(k.ID))
	case k.Version == "":
		e.Source = Source{Kind: KindURL, URL: scrub(tarball)}
	case absolute || strings.Contains(tarball, ":") || strings.HasPrefix(tarball, "//") || strings.Contains(tarball, "\\"):
		if strings.HasPrefix(tarball, "//") { // the scheme is that of the registry
			tarball = "https:" + tarball
			place, _ = parseLocation(tarball)
		}
		e.Source = registrySource("npm", tarball)
		if detail := otherTarball(place, e); detail != "" {
			e.flaw = flaw{OtherPackage, detail}
		}
	default: // relative to the registry
		e.Source = registrySource("npm", registryURL(registry, k.Host))
		if detail := otherTarball(location{path: "/" + strings.TrimPrefix(tarball, "/")}, e); tarball != "" && detail != "" {
			e.flaw = flaw{OtherPackage, detail}
		}
	}
}

// registryURL returns the registry that an entry names, empty for the one that is
// configured.
func registryURL(registry, host string) string {
	if registry == "" && host != "" {
		return "https://" + strings.Replace(host, "+", ":", 1) + "/"
	}
	return registry
}

// variations sets the source of a package that has another archive for each
// platform: a runtime ("node@runtime:22.0.0").
func (r *pnpmReader) variations(e *Entry, n *node) {
	e.Source.Kind = KindURL
	for _, v := range r.tables(n, "variants") {
		archive := r.table(v, "resolution")
		url := cmp.Or(r.text(archive, "url"), r.text(archive, "tarball"))
		if url == "" {
			r.fail(v.offset, "create the lock file again with pnpm", "a variant of %s has no URL", quote(e.fullName()))
			return
		}
		r.integrity(e, archive)
		if url = scrub(url); e.Source.URL == "" {
			e.Source.URL = url
		} else {
			e.Source.Also = append(e.Source.Also, url)
		}
	}
}

// isPatched reports whether "patchedDependencies" names an entry, by name and
// version or by its name (https://pnpm.io/settings#patcheddependencies).
func (r *pnpmReader) isPatched(e *Entry) bool {
	patched := r.table(r.root, "patchedDependencies")
	return patched.get(e.fullName()+"@"+e.Version) != nil || patched.get(e.fullName()) != nil
}

// patchFile returns the file of a patch, empty where the lock has only the hash.
func (r *pnpmReader) patchFile(e *Entry, hash string) string {
	patched := r.table(r.root, "patchedDependencies")
	for _, key := range []string{e.fullName() + "@" + e.Version, e.fullName()} {
		if p := patched.get(key); p != nil && p.kind == nodeObject {
			return r.text(p, "path")
		}
	}
	if patched == nil || hash == "" {
		return ""
	}
	if r.patchFiles == nil {
		r.patchFiles = map[string]string{}
		for _, m := range patched.members {
			if h := r.text(m.value, "hash"); m.value.kind == nodeObject && r.patchFiles[h] == "" {
				r.patchFiles[h] = r.text(m.value, "path")
			}
		}
	}
	return r.patchFiles[hash]
}
