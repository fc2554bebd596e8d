package lockcheck

import (
	"cmp"
	"strings"
)

// parseSwift parses Package.resolved, versions 1 to 3 (swiftlang/swift-package-manager,
// Sources/PackageGraph/ResolvedPackagesStore.swift). A package is named by its
// repository, as in its package URL: the name has the host, and a pin to another
// host is of another package. The commit is that of a tag with the version; a pin
// without a version is a checkout.
func (l *Lock) parseSwift(d *document) error {
	if v := d.want(d.root, "version", nodeNumber); v == nil || v.text != "1" && v.text != "2" && v.text != "3" {
		d.fail(d.root.offset, "resolve with a Swift that writes version 1, 2 or 3", "a Package.resolved of a version that is not supported")
		return d.failure()
	}
	pins := d.root
	if object := d.table(d.root, "object"); object != nil {
		pins = object // version 1
	}
	for _, p := range d.tables(pins, "pins") {
		state := d.table(p, "state")
		url, key := d.text(p, "location"), "location"
		if url == "" {
			url, key = d.text(p, "repositoryURL"), "repositoryURL"
		}
		identity := cmp.Or(d.text(p, "identity"), d.text(p, "package"))
		e := Entry{Type: "swift", Version: d.text(state, "version"), File: d.file, Line: d.at(p, key)}
		e.Source = Source{Kind: KindRegistry, Commit: d.text(state, "revision")}
		switch kind := d.text(p, "kind"); {
		case kind == "registry":
			e.Name = identity
			e.Line = d.at(p, "identity")
		case kind == "localSourceControl" || !strings.Contains(url, "://") && !strings.Contains(url, "@"):
			e.Name = identity
			e.Source = Source{Kind: KindPath, URL: url}
		default:
			at := repository(url)
			slash := strings.LastIndexByte(at, '/')
			e.Namespace, e.Name = at[:max(slash, 0)], at[slash+1:]
			if e.Version == "" {
				e.Source.Kind = KindVCS
				e.Source.URL = scrub(url)
			}
			if e.Version != "" && !fullCommit(e.Source.Commit) {
				e.flaw = flaw{NotExact, quote(identity) + " is checked out at " + quote(e.Source.Commit) + ", which is no full commit"}
			}
			if u, ok := parseLocation(url); ok && u.scheme == "http" {
				l.insecure(&e, u.host)
			}
		}
		if e.Name == "" {
			d.fail(p.offset, "create it again with swift package resolve", "a pin without a repository")
		}
		if d.err != nil {
			break
		}
		l.add(e)
	}
	if d.err != nil {
		return d.err
	}
	return l.refuseSeveral(d.source)
}

// parsePods parses Podfile.lock (CocoaPods/Core, lib/cocoapods-core/lockfile.rb).
// SPEC CHECKSUMS has the SHA-1 of the specification of each pod, not of its
// code; subspecs ("Texture/Core") have none of their own.
func (l *Lock) parsePods(d *document) error {
	checksums, external, checkout := d.table(d.root, "SPEC CHECKSUMS"), d.table(d.root, "EXTERNAL SOURCES"), d.table(d.root, "CHECKOUT OPTIONS")
	repos := map[string]string{}
	if table := d.table(d.root, "SPEC REPOS"); table != nil {
		for _, m := range table.members {
			for _, name := range d.texts(table, m.key) {
				repos[name] = m.key
			}
		}
	}
	list := d.want(d.root, "PODS", nodeArray)
	if list == nil {
		return d.failure()
	}
	for _, item := range list.items {
		text := item.text
		if item.kind == nodeObject && len(item.members) == 1 {
			text = item.members[0].key // with its requirements
		}
		name, version, ok := strings.Cut(text, " (")
		version, end := strings.CutSuffix(version, ")")
		if !ok || !end || name == "" || version == "" {
			d.fail(item.offset, "create it again with pod install", "a pod is NAME (VERSION), not %s", quote(text))
			break
		}
		e := Entry{Type: "cocoapods", Name: name, Version: strings.TrimPrefix(version, "= "), File: d.file, Line: d.line(item.offset)}
		root, _, _ := strings.Cut(name, "/")
		podSource(d, external.get(root), checkout.get(root), &e)
		if repo := repos[root]; e.Source.Kind == KindRegistry && repo != "" && repo != "trunk" {
			e.Source = registrySource("cocoapods", repo)
		}
		if sum := d.scalar(checksums, root); sum != "" {
			l.addHash(&e, "sha1", sum)
		}
		if d.err != nil {
			break
		}
		l.add(e)
	}
	if d.err != nil {
		return d.err
	}
	return l.refuseSeveral(d.source)
}

// podSource sets the source of a pod that is from no repository of
// specifications. CHECKOUT OPTIONS has the commit that was checked out.
func podSource(d *document, external, checkout *node, e *Entry) {
	e.Source = Source{Kind: KindRegistry}
	at := func(from *node, key string) string { return cmp.Or(d.scalar(from, ":"+key), d.scalar(from, key)) }
	switch {
	case external == nil || external.kind != nodeObject:
	case at(external, "git") != "":
		e.Source = Source{Kind: KindVCS, URL: scrub(at(external, "git"))}
		if checkout != nil && checkout.kind == nodeObject {
			e.Source.Commit = at(checkout, "commit")
		}
	case at(external, "path") != "":
		e.Source = Source{Kind: KindPath, URL: at(external, "path")}
	case at(external, "podspec") != "":
		e.Source = Source{Kind: KindURL, URL: scrub(at(external, "podspec"))}
		if !strings.Contains(e.Source.URL, "://") {
			e.Source.Kind = KindPath
		}
	case at(external, "http") != "":
		e.Source = Source{Kind: KindURL, URL: scrub(at(external, "http"))}
	}
}
