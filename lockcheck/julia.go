package lockcheck

import "strings"

// parseJulia parses Manifest.toml, formats 1 and 2
// (https://pkgdocs.julialang.org/v1/toml-files/#Manifest.toml). A package has the
// SHA-1 of its tree of files as git computes it; one of the standard library has
// none and is part of Julia.
func (l *Lock) parseJulia(d *document) error {
	deps := d.root
	if v := d.text(d.root, "manifest_format"); v != "" {
		if !strings.HasPrefix(v, "1.") && !strings.HasPrefix(v, "2.") {
			d.fail(d.root.get("manifest_format").offset, "resolve with a Julia that writes format 2", "manifest_format %s is not supported", quote(v))
		}
		if strings.HasPrefix(v, "2.") {
			deps = d.table(d.root, "deps")
		}
	}
	if deps == nil || d.err != nil {
		return d.failure()
	}
	for i := range deps.members {
		m := &deps.members[i]
		if m.value.kind != nodeArray {
			continue // julia_version, project_hash
		}
		for _, p := range d.tables(deps, m.key) {
			e := Entry{Type: "julia", Name: m.key, Version: d.text(p, "version"), File: d.file, Line: d.line(p.offset), Source: Source{Kind: KindRegistry}}
			tree := d.text(p, "git-tree-sha1")
			if tree == "" && d.text(p, "path") == "" && d.text(p, "repo-url") == "" {
				continue // of the standard library
			}
			if tree != "" {
				l.addHash(&e, "sha1", tree)
			}
			switch url, dir := d.text(p, "repo-url"), d.text(p, "path"); {
			case dir != "":
				e.Source = Source{Kind: KindPath, URL: dir}
			case url != "":
				e.Source = Source{Kind: KindVCS, URL: scrub(url), Commit: tree}
			}
			if e.Name == "" {
				d.fail(m.offset, "", "a package without a name")
			}
			if d.err != nil {
				return d.err
			}
			l.add(e)
		}
	}
	l.refuseTwins(d)
	return d.failure()
}
