package lockcheck

import (
	"cmp"
	"strings"
)

// parseMaven parses the lockfile.json of maven-lockfile
// (https://github.com/chains-project/maven-lockfile, data/LockFile.java and
// graph/DependencyNode.java): a tree of dependencies, in which a version that
// another one replaced is not included, and the plugins and extensions of the
// build with theirs.
func (l *Lock) parseMaven(d *document) error {
	if v := d.root.get("lockFileVersion"); v == nil || v.text != "1" {
		text := "none"
		if v != nil {
			text = quote(v.text)
		}
		d.fail(d.place(d.root, "lockFileVersion"), "lock again with maven-lockfile 5", "the lockFileVersion is 1, not %s", text)
		return d.err
	}
	at := map[string]int{}
	l.mavenTree(d, d.tables(d.root, "dependencies"), at, false)
	for _, key := range []string{"mavenPlugins", "mavenExtensions"} {
		l.mavenTree(d, d.tables(d.root, key), at, true)
	}
	if d.err == nil {
		l.refuseTwins(d)
	}
	return d.failure()
}

// mavenTree adds the modules of a list and of the lists below.
func (l *Lock) mavenTree(d *document, list []*node, at map[string]int, build bool) {
	for _, n := range list {
		if d.err != nil {
			return
		}
		version, selected := d.text(n, "version"), d.text(n, "selectedVersion")
		included := n.get("included") == nil || d.flag(n, "included")
		if included || selected == version {
			l.mavenModule(d, n, at, build)
		}
		l.mavenTree(d, d.tables(n, "children"), at, build)
		l.mavenTree(d, d.tables(n, "dependencies"), at, build)
	}
}

func (l *Lock) mavenModule(d *document, n *node, at map[string]int, build bool) {
	e := Entry{Type: "maven", Namespace: cmp.Or(d.text(n, "groupId"), d.text(n, "groupID")), Name: cmp.Or(d.text(n, "artifactId"), d.text(n, "artifactID")),
		Version: d.text(n, "version"), File: d.file, Line: d.at(n, "artifactId")}
	if n.get("artifactId") == nil {
		e.Line = d.at(n, "artifactID")
	}
	if e.Namespace == "" || e.Name == "" {
		d.fail(n.offset, "lock again with maven-lockfile", "a dependency without a groupId or an artifactId")
		return
	}
	resolved := d.text(n, "resolved")
	e.Source = registrySource("maven", resolved)
	scope := d.text(n, "scope")
	e.Dev = build || scope == "test"
	if detail := otherModule(resolved, &e); detail != "" {
		e.flaw = flaw{OtherPackage, detail}
	}
	checksum := d.text(n, "checksum")
	if checksum != "" {
		l.addHash(&e, strings.ReplaceAll(strings.ToLower(d.text(n, "checksumAlgorithm")), "-", ""), checksum)
	} else if resolved == "" {
		e.Source = Source{Kind: KindPath} // a module of the same build
	}
	l.addOnce(at, e, "")
}

// otherModule returns a sentence when the URL of an artifact is that of another
// module: repositories have GROUP/NAME/VERSION/NAME-VERSION.jar, with the group as
// directories (https://maven.apache.org/repository/layout.html).
func otherModule(resolved string, e *Entry) string {
	l, ok := parseLocation(resolved)
	if !ok || l.path == "" {
		return ""
	}
	p := unescape(l.path)
	dir := "/" + strings.ReplaceAll(e.Namespace, ".", "/") + "/" + e.Name + "/"
	i := strings.LastIndex(p, dir)
	if i < 0 {
		return quote(e.fullName()) + " is locked to the file " + quote(strings.TrimPrefix(p, "/"))
	}
	version, file, _ := strings.Cut(p[i+len(dir):], "/")
	if version != e.Version && !strings.HasSuffix(version, "-SNAPSHOT") || !strings.HasPrefix(file, e.Name+"-") {
		return quote(e.fullName()) + " " + quote(e.Version) + " is locked to the file " + quote(version+"/"+file)
	}
	return ""
}
