package lockcheck

import "strings"

// parseConan parses conan.lock of Conan 2, with lists of references
// (https://docs.conan.io/2/tutorial/versioning/lockfiles.html), and of Conan 1,
// with a graph (conans/model/graph_lock.py, versions 0.1 to 0.4). A reference is
// NAME/VERSION[@USER/CHANNEL][#RECIPE_REVISION[:PACKAGE_ID[#PACKAGE_REVISION]]][%TIME].
// The revision of a recipe is an MD5 of its files, or the commit of its
// repository. No lock has a remote.
func (l *Lock) parseConan(d *document) error {
	for _, list := range []string{"requires", "build_requires", "python_requires", "config_requires"} {
		refs := d.want(d.root, list, nodeArray)
		if refs == nil {
			continue
		}
		for _, ref := range refs.items {
			if ref.kind != nodeString {
				d.fail(ref.offset, "", "an element of %q must be %s, not %s", list, nodeString, ref.kind)
				return d.failure()
			}
			l.conanRef(d, ref, ref.text, list == "build_requires")
		}
	}
	if nodes := d.table(d.table(d.root, "graph_lock"), "nodes"); nodes != nil {
		for _, m := range nodes.members {
			before := len(l.Entries)
			if ref := d.want(m.value, "ref", nodeString); ref != nil && ref.text != "" {
				l.conanRef(d, ref, ref.text, d.text(m.value, "context") == "build")
			} else if ref := d.want(m.value, "pref", nodeString); ref != nil { // versions 0.0 to 0.3
				l.conanRef(d, ref, ref.text, false)
			}
			// The conanfile that the lock was made for.
			if len(l.Entries) > before && d.text(m.value, "path") != "" {
				l.Entries[before].FirstParty, l.Entries[before].Source = true, Source{Kind: KindPath, URL: "."}
			}
		}
	}
	return d.failure()
}

func (l *Lock) conanRef(d *document, at *node, ref string, dev bool) {
	text, _, _ := strings.Cut(ref, "%")
	text, _, _ = strings.Cut(text, ":")
	text, revision, _ := strings.Cut(text, "#")
	text, origin, _ := strings.Cut(text, "@")
	e := Entry{Type: "conan", Dev: dev, File: d.file, Line: d.line(at.offset), Source: Source{Kind: KindRegistry}}
	e.Name, e.Version, _ = strings.Cut(text, "/")
	if e.Version == "" {
		return // the project's own conanfile: a version, or nothing
	}
	if user, _, ok := strings.Cut(origin, "/"); ok && user != "_" {
		e.Namespace = user
	}
	if e.Name == "" {
		d.fail(at.offset, "create it again with conan lock create", "%s is no reference of a package", quote(ref))
		return
	}
	if len(revision) == hexLength("md5") {
		l.addHash(&e, "md5", revision)
	}
	l.add(e)
}
