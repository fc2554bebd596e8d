package lockcheck

import (
	"cmp"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/pep508"
)

// parsePixi parses pixi.lock, versions 4 to 7
// (https://pixi.sh/latest/workspace/lockfile/; rattler's crates/rattler_lock/src/parse).
// "environments" has the packages of each environment and platform by their URL or
// path, "packages" what is locked of each. A package of no environment is not
// installed. Versions before 4 have the layout of conda-lock.yml.
func (l *Lock) parsePixi(d *document) error {
	if v := d.root.get("version"); v == nil || v.kind != nodeNumber || len(v.text) != 1 || v.text < "4" || v.text > "7" {
		text := "none"
		if v != nil {
			text = quote(v.text)
		}
		d.fail(d.place(d.root, "version"), "lock again with pixi", "a pixi.lock has a version from 4 to 7, not %s", text)
		return d.err
	}
	on := pixiPlatforms(d)
	for _, p := range d.tables(d.root, "packages") {
		e, key := l.pixiPackage(d, p)
		if d.err != nil {
			return d.err
		}
		e.when.platforms = on[key]
		if subdir := condaSubdir(e.Source.URL); e.Type == "conda" && subdir != "" && e.flaw.reason == "" {
			if i := slices.IndexFunc(on[key], func(platform string) bool { return platform != subdir }); i >= 0 {
				e.flaw = flaw{OtherPackage, quote(e.Name) + " for " + quote(on[key][i]) + " is locked to the file of " + quote(subdir)}
			}
		}
		if len(on[key]) == 0 && e.flaw.reason == "" {
			e.flaw = flaw{OtherPlatform, quote(e.Name) + " is in no environment of the lock"}
		}
		l.add(e)
	}
	if d.err == nil {
		l.refuseTwins(d)
	}
	return d.failure()
}

// pixiKeys are the kinds of packages, as the keys of their references. Those from
// "source" on are built from a directory or a repository.
var pixiKeys = []string{"conda", "pypi", "source", "conda_source"}

// pixiReference returns the kind and the text of a reference.
func pixiReference(d *document, n *node) (kind, text string) {
	for _, k := range pixiKeys {
		if n.get(k) != nil {
			return k, d.text(n, k)
		}
	}
	return "", ""
}

// pixiPlatforms returns the platforms of each package that an environment has, by
// its kind and its reference.
func pixiPlatforms(d *document) map[string][]string {
	// Since version 7 a platform has a name of its own.
	subdirs := map[string]string{}
	if list := d.want(d.root, "platforms", nodeArray); list != nil {
		for _, p := range list.items {
			if subdir := d.text(p, "subdir"); p.kind == nodeObject && subdir != "" {
				subdirs[d.text(p, "name")] = subdir
			}
		}
	}
	on, seen := map[string][]string{}, map[[3]string]bool{}
	environments := d.table(d.root, "environments")
	if environments == nil {
		d.fail(d.root.offset, "lock again with pixi", "no environments")
		return nil
	}
	for _, env := range environments.members {
		packages := d.table(env.value, "packages")
		if packages == nil {
			continue
		}
		for _, list := range packages.members {
			platform := cmp.Or(subdirs[list.key], list.key)
			for _, ref := range d.tables(packages, list.key) {
				kind, text := pixiReference(d, ref)
				if kind == "" {
					d.fail(ref.offset, "lock again with pixi", "a package of a kind that is not known: none of %s", strings.Join(pixiKeys, ", "))
					return nil
				}
				if key, id := kind+" "+text, [3]string{kind, text, platform}; !seen[id] {
					on[key], seen[id] = append(on[key], platform), true
				}
			}
		}
	}
	return on
}

// pixiPackage returns the entry of a package and the key of its references.
func (l *Lock) pixiPackage(d *document, p *node) (Entry, string) {
	kind, at := pixiReference(d, p)
	line := d.at(p, kind)
	if kind == "" { // versions 4 and 5
		kind, at, line = d.text(p, "kind"), cmp.Or(d.text(p, "url"), d.text(p, "path")), d.at(p, "url")
	}
	if p.get("name") != nil {
		line = d.at(p, "name")
	}
	name, version := d.text(p, "name"), d.scalar(p, "version")
	var e Entry
	switch kind {
	case "conda":
		e = condaEntry(at, name, version, d.scalar(p, "build"))
		if _, isFile := condaStem(at); !isFile {
			e.Source = Source{Kind: KindPath, URL: strings.TrimPrefix(scrub(at), "./")} // a source, which pixi builds
			e.flaw = flaw{}
		}
	case "pypi":
		e = pypiEntry(at, name, version)
		if e.Source.Kind == KindPath {
			if d.flag(p, "editable") {
				e.Source.Kind = KindEditable
			}
			e.FirstParty = e.Source.URL == "."
		}
		if index := d.text(p, "index"); index != "" && e.Source.Kind == KindRegistry {
			addArtifact(&e, index)
		}
		// The package's own Requires-Python, which can be anything.
		if python, err := pep508.ParseSpecifiers(d.text(p, "requires_python")); err == nil {
			e.when.requires = python
		}
	case "source", "conda_source":
		before, dir, _ := strings.Cut(at, " @ ")
		name, _, _ = strings.Cut(before, "[")
		e = Entry{Type: "conda", Name: strings.Trim(name, `" `), Version: version, Source: Source{Kind: KindPath, URL: scrub(strings.TrimPrefix(dir, "./"))}}
	default:
		d.fail(d.place(p, "kind"), "lock again with pixi", "a package of a kind that is not known: none of %s", strings.Join(pixiKeys, ", "))
	}
	e.File, e.Line = d.file, line
	if e.Name == "" {
		d.fail(p.offset, "lock again with pixi", "a package without a name")
	}
	l.condaHashes(d, p, &e)
	return e, kind + " " + at
}
