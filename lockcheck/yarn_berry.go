package lockcheck

import (
	"net/url"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// berryAlgorithm is the prefix of the algorithm of a checksum in the locks of
// Yarn 2 and later: SHA-512 of the zip file that Yarn makes of a package, which
// depends on the version and the compression that its cache key has. It is never
// that of the registry's tarball.
const berryAlgorithm = "yarn/"

// maxBerry and minBerry are the versions of the format that are read: 4 is that of
// Yarn 2, 5 and 6 of Yarn 3, 8 to 10 of Yarn 4 (LOCKFILE_VERSION in
// packages/yarnpkg-core/sources/Project.ts).
const minBerry, maxBerry = 3, 10

// berry is a lock of Yarn 2 or later while it is parsed.
type berry struct {
	*document
	cacheKey string
	// keys has the index of the entry of each descriptor, idents those of each name.
	keys   map[string]int
	idents map[string][]int
	// overridden has the names of which all entries were resolved to.
	overridden map[string]bool
	// needs are the descriptors that each entry requires.
	needs [][]berryNeed
	// bases are the locators of packages that a patch of the lock is made of.
	bases map[string]bool
	// locators are those of the entries.
	locators []string
}

type berryNeed struct {
	name, descriptor string
	optional         bool
}

// berryPatch is what a locator "patch:" has.
type berryPatch struct {
	source string // the locator that is patched
	// files are the patches of the project, without those of Yarn itself.
	files []string
}

// parseYarnBerry parses a yarn.lock of Yarn 2 and later
// (setupResolutions in packages/yarnpkg-core/sources/Project.ts). A key has all
// descriptors ("a@npm:^1.0.0") that "resolution" is the answer to.
func (l *Lock) parseYarnBerry(d *document) error {
	b := &berry{document: d, keys: map[string]int{}, idents: map[string][]int{}, overridden: map[string]bool{}, bases: map[string]bool{}}
	meta := d.table(d.root, "__metadata")
	if d.err != nil {
		return d.err
	}
	version := b.scalar(meta, "version")
	if n := len(version); n == 0 || n > 2 || strings.Trim(version, "0123456789") != "" || number(version) < minBerry || number(version) > maxBerry {
		at := meta
		if v := meta.get("version"); v != nil {
			at = v
		}
		d.fail(offsetOf(at), "create the lock file again with a Yarn whose format is read", "version %s of a yarn.lock is not supported: %d to %d are", quote(version), minBerry, maxBerry)
		return d.err
	}
	b.cacheKey = b.scalar(meta, "cacheKey")
	for i := range d.root.members {
		m := &d.root.members[i]
		if m.key == "__metadata" {
			continue
		}
		b.entry(l, m)
		if d.err != nil {
			return d.err
		}
	}
	b.finish(l)
	return d.failure()
}

func number(s string) int {
	n := 0
	for _, c := range s {
		n = 10*n + int(c-'0')
	}
	return n
}

func offsetOf(n *node) int {
	if n == nil {
		return 0
	}
	return n.offset
}

// scalar returns a member that is a string or, without quotes, looks like a
// number: a version "5", a key "10".
func (b *berry) scalar(parent *node, key string) string {
	n := parent.get(key)
	switch {
	case n == nil || n.kind == nodeNull:
		return ""
	case n.kind == nodeString || n.kind == nodeNumber || n.kind == nodeBool:
		return n.text
	}
	b.fail(n.offset, "", "%q must be %s, not %s", key, nodeString, n.kind)
	return ""
}

// entry adds an entry.
func (b *berry) entry(l *Lock, m *member) {
	p := m.value
	if p.kind != nodeObject {
		b.fail(p.offset, "", "the entry of %s must be %s, not %s", quote(m.key), nodeObject, p.kind)
		return
	}
	keys := berryKeys(m.key)
	locator, version := b.scalar(p, "resolution"), b.scalar(p, "version")
	name, reference, ok := yarnIdent(locator)
	if !ok || reference == "" || strings.ContainsAny(name, " \t\r\n") {
		b.fail(m.offset, yarnAgain, "the entry of %s has no resolution", quote(m.key))
		return
	}
	index := len(l.Entries)
	for _, key := range keys {
		if first, twice := b.keys[key]; twice {
			b.fail(m.offset, "remove one of them", "the key %s is there twice, first on line %d", quote(key), l.Entries[first].Line)
			return
		}
		b.keys[key] = index
	}
	e := Entry{Type: "npm", Version: version, File: b.file, Line: b.line(m.offset)}
	e.setName(name)
	if e.Name == "" || len(keys) == 0 {
		b.fail(m.offset, yarnAgain, "a package without a name")
		return
	}
	wanted, other, under := yarnKeys(keys, false)
	e.names = append(under, name)
	if wanted != name {
		e.Line = b.line(p.get("resolution").offset)
	}
	switch {
	case other != "":
		e.flaw = flaw{OtherPackage, "the entry of " + quote(wanted) + " is also that of " + quote(other)}
	case wanted != name:
		e.flaw = flaw{OtherPackage, "the project requires " + quote(wanted) + ", and the lock has " + quote(name)}
	case under[0] != name:
		l.problem(ProblemAlias, e.File, e.Line, e.Name, quote(name)+" is installed as "+quote(under[0]))
	}
	b.source(&e, reference)
	if e.flaw.reason == "" && elsewhere(keys, reference, &e) {
		e.Line = b.line(p.get("resolution").offset)
		e.flaw = flaw{OtherPackage, "the project requires " + quote(keys[0]) + " of a registry, and the lock takes it from another place: " + quote(scrub(reference))}
	}
	b.checksum(l, &e, p)
	if conditions := b.scalar(p, "conditions"); conditions != "" {
		berryConditions(&e, conditions)
		e.unhashed = "Yarn records none of a package with conditions (" + oneLine(conditions) + ")"
	}
	b.needs = append(b.needs, b.dependencies(p))
	b.locators = append(b.locators, locator)
	b.idents[name] = append(b.idents[name], index)
	l.add(e)
}

// elsewhere reports whether an entry is not from a registry though a key requires
// that ("npm:"). Yarn writes an override ("resolutions") into the key. It takes a
// workspace in place of a version that it satisfies (enableTransparentWorkspaces).
func elsewhere(keys []string, reference string, e *Entry) bool {
	if strings.HasPrefix(reference, "npm:") || strings.HasPrefix(reference, "workspace:") || e.Source.Kind == KindRegistry {
		return false
	}
	return slices.ContainsFunc(keys, func(key string) bool {
		_, rng, _ := yarnIdent(key)
		return strings.HasPrefix(rng, "npm:")
	})
}

// berryKeys splits a key at ", " and the like, as Yarn does. The old form of a
// key, an array in JSON, is none of Yarn's.
func berryKeys(key string) []string {
	var out []string
	for k := range strings.SplitSeq(key, ",") {
		if k = strings.Trim(k, " "); k != "" {
			out = append(out, k)
		}
	}
	return out
}

// cutParams cuts the parameters behind "::" of a reference: KEY=VALUE, encoded as
// in a URL (structUtils.parseRange).
func cutParams(reference string) (rest string, params url.Values) {
	rest, query, ok := strings.Cut(reference, "::")
	if !ok {
		return rest, nil
	}
	params, err := url.ParseQuery(query)
	if err != nil {
		return rest, url.Values{"": {query}}
	}
	return rest, params
}

// source sets the source by the reference of the locator
// (https://yarnpkg.com/protocols).
func (b *berry) source(e *Entry, reference string) {
	if rest, ok := strings.CutPrefix(reference, "virtual:"); ok {
		_, reference, _ = strings.Cut(rest, "#")
	}
	plain, params := cutParams(reference)
	protocol, rest, _ := strings.Cut(plain, ":")
	switch {
	case protocol == "patch":
		b.patch(e, reference)
	case protocol == "npm":
		b.registry(e, rest, params)
	case protocol == "workspace":
		e.Source = Source{Kind: KindPath, URL: rest}
		if inProject(rest) {
			e.FirstParty, e.Direct = true, true
		}
		if e.Version == "0.0.0-use.local" {
			e.Version = "" // of all workspaces, whatever version they have
		}
	case protocol == "link", protocol == "portal":
		e.Source = Source{Kind: KindLink, URL: scrub(rest)}
	case protocol == "file", protocol == "exec":
		file, _, _ := strings.Cut(rest, "#")
		e.Source = Source{Kind: KindPath, URL: scrub(file)}
	case strings.Contains(plain, "#commit="):
		repo, commit, _ := strings.Cut(plain, "#commit=")
		commit, _, _ = strings.Cut(commit, "&")
		e.Source = Source{Kind: KindVCS, URL: scrub(repo), Commit: commit}
	case protocol == "https", protocol == "http":
		e.Source = Source{Kind: KindURL, URL: scrub(plain)}
		if loc, ok := parseLocation(plain); ok {
			if detail := otherTarball(loc, e); detail != "" && e.flaw.reason == "" {
				e.flaw = flaw{OtherPackage, detail}
			}
		}
	default:
		e.Source = Source{Kind: KindURL, URL: scrub(plain)}
	}
}

// registry sets the source of a package of the registry. The lock has no host,
// unless the tarball is at another place than that of the registry's layout:
// __archiveUrl (packages/plugin-npm/sources/NpmSemverFetcher.ts).
func (b *berry) registry(e *Entry, version string, params url.Values) {
	e.Source = Source{Kind: KindRegistry}
	if version != e.Version && e.flaw.reason == "" {
		e.flaw = flaw{OtherPackage, quote(e.fullName()) + " " + quote(e.Version) + " is resolved to version " + quote(version)}
	}
	for key, values := range params {
		for _, value := range values {
			switch {
			case key == "__archiveUrl" && e.Source.URL == "":
				npmSource(value, e)
				if e.Source.Kind == KindPath || e.Source.Kind == KindVCS {
					e.Source = Source{Kind: KindURL, URL: scrub(value)}
				}
			case key == "__archiveUrl":
				e.Source.Also = append(e.Source.Also, scrub(value))
			}
		}
	}
	slices.Sort(e.Source.Also)
}

// berryBuiltin matches a patch of Yarn itself, which makes typescript, resolve and
// fsevents work with Plug'n'Play (packages/plugin-compat). Yarn 2 and 3 wrote
// "~builtin<compat/resolve>" or "builtin<compat/resolve>".
var berryBuiltin = lazyregexp.New(`^(?:optional!|~)*builtin<[^<>]*>$`)

// patch sets the source of a patched package: that of the package, with the
// patches behind "#", separated by "&" (packages/plugin-patch/sources/patchUtils.ts).
// A package of the registry that only Yarn itself has patched is one of the
// registry: its checksum is that of the patched package.
func (b *berry) patch(e *Entry, reference string) {
	p, ok := parsePatch(reference)
	if !ok {
		e.Source = Source{Kind: KindURL, URL: scrub(reference)}
		return
	}
	b.bases[p.source], e.Patched = true, true
	_, source, _ := yarnIdent(p.source)
	if name, _, _ := yarnIdent(p.source); name != e.fullName() && e.flaw.reason == "" {
		e.flaw = flaw{OtherPackage, quote(e.fullName()) + " is a patch of " + quote(name)}
	}
	for depth := 0; strings.HasPrefix(source, "patch:") && depth < 10; depth++ {
		inner, ok := parsePatch(source)
		if !ok {
			break
		}
		p.files = append(p.files, inner.files...)
		_, source, _ = yarnIdent(inner.source)
	}
	if strings.HasPrefix(source, "patch:") {
		e.Source = Source{Kind: KindURL, URL: scrub(reference)}
		return
	}
	b.source(e, source)
	if len(p.files) > 0 {
		e.patch(strings.Join(p.files, ", "))
	}
}

// parsePatch parses "patch:LOCATOR#PATCH&PATCH::PARAMS".
func parsePatch(reference string) (berryPatch, bool) {
	reference, _, _ = strings.Cut(reference, "::")
	source, list, ok := strings.Cut(strings.TrimPrefix(reference, "patch:"), "#")
	decoded, err := url.PathUnescape(source)
	if !ok || err != nil {
		return berryPatch{}, false
	}
	p := berryPatch{source: decoded}
	for file := range strings.SplitSeq(list, "&") {
		if !berryBuiltin.MatchString(file) {
			file = strings.TrimPrefix(strings.TrimPrefix(file, "optional!"), "~")
			p.files = append(p.files, strings.TrimPrefix(file, "/"))
		}
	}
	return p, true
}

// checksum adds the checksum: KEY/HEX since version 8, HEX before, with the key of
// the whole lock.
func (b *berry) checksum(l *Lock, e *Entry, p *node) {
	text := b.scalar(p, "checksum")
	if text == "" {
		return
	}
	key, value, ok := strings.Cut(text, "/")
	if !ok {
		key, value = b.cacheKey, text
	}
	h, ok := hexHash("sha512", value)
	if !ok || !berryKey.MatchString(key) {
		l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has a checksum of the wrong form")
		return
	}
	e.Hashes = append(e.Hashes, Hash{Algorithm: berryAlgorithm + key, Value: h.Value})
}

// berryKey matches a cache key: the version of the cache's format and the
// compression ("8", "10c0", "7cmixed"), or one of cacheKeyOverride.
var berryKey = lazyregexp.New(`^[A-Za-z0-9._-]{1,40}$`)

// berryConditions sets the platform from "os=linux & cpu=x64 & libc=glibc", where
// alternatives are in parentheses: "(os=darwin | os=linux) & cpu=x64"
// (Manifest.getConditions; parsed by @yarnpkg/parsers' tinylogic).
func berryConditions(e *Entry, text string) {
	for part := range strings.SplitSeq(text, "&") {
		for alternative := range strings.SplitSeq(strings.Trim(part, " ()"), "|") {
			field, value, ok := strings.Cut(strings.TrimSpace(alternative), "=")
			if !ok {
				continue
			}
			if rest, not := strings.CutPrefix(field, "!"); not {
				field, value = rest, "!"+value
			}
			switch field {
			case "os":
				e.when.os = append(e.when.os, value)
			case "cpu":
				e.when.cpu = append(e.when.cpu, value)
			case "libc":
				e.when.libc = append(e.when.libc, value)
			}
		}
	}
}

// dependencies returns the descriptors that an entry requires. Before version 8
// they have no protocol.
func (b *berry) dependencies(p *node) []berryNeed {
	var out []berryNeed
	deps, meta := b.table(p, "dependencies"), b.table(p, "dependenciesMeta")
	if deps == nil {
		return nil
	}
	for i := range deps.members {
		m := &deps.members[i]
		rng := m.value.text
		if !strings.Contains(rng, ":") {
			rng = "npm:" + rng
		}
		out = append(out, berryNeed{m.key, m.key + "@" + rng, b.flag(b.table(meta, m.key), "optional")})
	}
	return out
}

// finish sets what depends on all entries: which are required by the project
// itself, which are optional, and which are only there to be patched.
func (b *berry) finish(l *Lock) {
	for i := range l.Entries {
		l.Entries[i].Base = b.bases[b.locators[i]]
	}
	// What only optional requirements lead to is optional.
	required := make([]bool, len(l.Entries))
	var todo []int
	visit := func(i int) {
		if !required[i] {
			required[i] = true
			todo = append(todo, i)
		}
	}
	for i := range l.Entries {
		if _, reference, _ := yarnIdent(b.locators[i]); strings.HasPrefix(reference, "workspace:") {
			visit(i)
			for _, need := range b.needs[i] {
				for _, to := range b.resolve(need) {
					l.Entries[to].Direct = true
				}
			}
		}
	}
	rooted := len(todo) > 0
	clear(b.overridden)
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, need := range b.needs[i] {
			if !need.optional {
				for _, to := range b.resolve(need) {
					visit(to)
				}
			}
		}
	}
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Optional = rooted && !required[i]; !e.Optional {
			// Yarn installs what is required on any platform; the condition is one
			// of optional packages only.
			e.when = condition{}
		}
	}
}

// resolve returns the entries of a requirement: that of the descriptor and that of
// Yarn's own patch of it. Where the project overrides it ("resolutions"), its
// descriptor is not in the lock, and all entries of the name may be meant.
func (b *berry) resolve(n berryNeed) []int {
	var out []int
	_, rng, _ := yarnIdent(n.descriptor)
	bare := n.name + "@" + strings.TrimPrefix(rng, "npm:") // Yarn 2's, of what it patches
	for _, key := range []string{n.descriptor, bare} {
		if i, ok := b.keys[key]; ok {
			out = append(out, i)
		}
	}
	for _, prefix := range []string{"optional!", "~", ""} {
		for _, source := range []string{n.name + "@" + strings.ReplaceAll(rng, ":", "%3A"), bare} {
			if i, ok := b.keys[n.name+"@patch:"+source+"#"+prefix+"builtin<compat/"+n.name+">"]; ok {
				out = append(out, i)
			}
		}
	}
	if out == nil && !b.overridden[n.name] {
		b.overridden[n.name] = true // once for all that require it
		return b.idents[n.name]
	}
	return out
}
