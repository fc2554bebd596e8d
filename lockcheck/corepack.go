package lockcheck

import "strings"

// parseCorepack parses "packageManager" of package.json, with which Corepack
// pins the package manager of a project: NAME@VERSION+ALGORITHM.HASH, the hash in
// hexadecimal (https://nodejs.org/api/packages.html#packagemanager, and
// corepack's sources/specUtils.ts). "devEngines.packageManager" can hold the same
// version (https://github.com/openjs-foundation/package-metadata-interoperability-collab-space).
// Nothing else of a package.json locks anything: its dependencies are ranges.
//
// "workspaces" are the directories of the project's members. The locks of Yarn 1
// and of other tools do not have them.
func (l *Lock) parseCorepack(d *document) error {
	if m := d.root.member("packageManager"); m != nil {
		name, version, ok := strings.Cut(d.text(d.root, "packageManager"), "@")
		if !ok && d.err == nil {
			d.fail(m.value.offset, "write NAME@VERSION+sha512.HASH, as `corepack use` does", "packageManager has no version")
		}
		l.packageManager(d, m, name, version)
	}
	if m := d.root.member("workspaces"); m != nil {
		if patterns := npmWorkspaces(d, d.root); len(patterns) > 0 {
			l.add(Entry{
				Type: "npm", Name: "workspaces", unnamed: true, members: patterns, FirstParty: true, File: d.file, Line: d.line(m.offset),
				Source: Source{Kind: KindPath, URL: strings.Join(patterns, " ")},
			})
		}
	}
	if engines := d.root.get("devEngines"); engines != nil && engines.kind == nodeObject {
		list := []*node{engines.get("packageManager")}
		if list[0] != nil && list[0].kind == nodeArray {
			list = list[0].items
		}
		for _, manager := range list {
			if m := manager.member("version"); m != nil {
				l.packageManager(d, m, d.text(manager, "name"), d.text(manager, "version"))
			}
		}
	}
	return d.failure()
}

func (l *Lock) packageManager(d *document, m *member, name, version string) {
	e := Entry{Type: "npm", Name: name, File: d.file, Line: d.line(m.offset), Direct: true, Source: Source{Kind: KindRegistry}}
	version, hash, hashed := strings.Cut(version, "+")
	switch {
	case d.err != nil || name == "":
		return
	case strings.Contains(version, "://"):
		e.Source = Source{Kind: KindURL, URL: scrub(version)}
	case exactVersion(version):
		e.Version = version
	default:
		e.Spec = version
	}
	if algorithm, value, ok := strings.Cut(hash, "."); ok {
		l.addHash(&e, algorithm, value)
	} else if hashed {
		l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.Name)+" has a hash of the wrong form")
	}
	l.add(e)
}

// exactVersion reports whether a version is three numbers, with or without a
// pre-release, and not a range.
func exactVersion(version string) bool {
	release, _, _ := strings.Cut(version, "-")
	parts := strings.Split(release, ".")
	for _, p := range parts {
		if p == "" || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return len(parts) == 3 && !strings.ContainsAny(version, " |*^~<>=")
}
