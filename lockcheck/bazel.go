package lockcheck

import (
	"cmp"
	"slices"
	"strings"
)

// parseBazel parses MODULE.bazel.lock (https://bazel.build/external/lockfile;
// bazelbuild/bazel, BazelLockFileValue.java). registryFileHashes has the SHA-256
// of each file that a registry answered. Of a selected module that is
// modules/NAME/VERSION/source.json, which has the integrity of its archive. Before
// version 10 moduleDepGraph has the modules, with the integrity itself.
//
// The modules are sources of the build. No installed package is one of them.
func (l *Lock) parseBazel(d *document) error {
	if d.want(d.root, "lockFileVersion", nodeNumber) == nil {
		d.fail(d.root.offset, "create it again with bazel mod deps", "a MODULE.bazel.lock without lockFileVersion")
		return d.failure()
	}
	if files := d.table(d.root, "registryFileHashes"); files != nil {
		for _, m := range files.members {
			parts := strings.Split(m.key, "/")
			n := len(parts)
			if n < 5 || parts[n-1] != "source.json" || parts[n-4] != "modules" {
				continue
			}
			e := Entry{Type: "bazel", Name: parts[n-3], Version: parts[n-2], File: d.file, Line: d.line(m.offset),
				Source: registrySource("bazel", strings.Join(parts[:n-4], "/"))}
			if e.Name == "" || e.Version == "" {
				d.fail(m.offset, "create it again with bazel mod deps", "%s names no module", quote(m.key))
				break
			}
			if m.value.kind == nodeString {
				l.addHash(&e, "sha256", m.value.text)
			}
			l.add(e)
		}
	}
	if graph := d.table(d.root, "moduleDepGraph"); graph != nil {
		for i := range graph.members {
			m := &graph.members[i]
			e := Entry{Type: "bazel", Name: d.text(m.value, "name"), Version: d.text(m.value, "version"), File: d.file, Line: d.at(m.value, "name")}
			if m.key == "<root>" || e.Version == "" || e.Name == "" {
				continue // the project, a module of Bazel itself, or an override
			}
			attributes := d.table(d.table(m.value, "repoSpec"), "attributes")
			hashes, malformed := integrity(d.text(attributes, "integrity"))
			e.Hashes = hashes
			if malformed {
				l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.Name)+" has a hash of the wrong form")
			}
			e.Source = Source{Kind: KindRegistry}
			if commit := d.text(attributes, "commit"); commit != "" {
				e.Source = Source{Kind: KindVCS, URL: scrub(d.text(attributes, "remote")), Commit: commit}
			}
			l.add(e)
		}
	}
	return d.failure()
}

// parseVcpkgLock parses vcpkg-lock.json, which vcpkg writes into its installation
// directory (microsoft/vcpkg-tool, src/vcpkg/registries.cpp, LockFile): the
// commit of each registry by its repository and reference. The versions of the
// packages follow from the commits.
func (l *Lock) parseVcpkgLock(d *document) error {
	for i := range d.root.members {
		m := &d.root.members[i]
		references := d.table(d.root, m.key)
		if references == nil {
			break
		}
		for _, r := range references.members {
			l.vcpkgRegistry(d, m.key, d.text(references, r.key), d.line(m.offset))
		}
	}
	return d.failure()
}

// parseVcpkgConfiguration parses vcpkg-configuration.json
// (https://learn.microsoft.com/vcpkg/reference/vcpkg-configuration-json). The
// baseline of a registry is a commit; a file system registry has a name instead.
func (l *Lock) parseVcpkgConfiguration(d *document) error {
	registries := slices.Clone(d.tables(d.root, "registries"))
	if first := d.table(d.root, "default-registry"); first != nil {
		registries = append([]*node{first}, registries...)
	}
	for _, r := range registries {
		switch kind := d.text(r, "kind"); kind {
		case "git", "builtin":
			if kind == "git" && d.text(r, "repository") == "" {
				d.fail(r.offset, "give the URL of the repository", "a registry of the kind git without a repository")
				return d.failure()
			}
			l.vcpkgRegistry(d, cmp.Or(d.text(r, "repository"), "https://github.com/microsoft/vcpkg"), d.text(r, "baseline"), d.at(r, "repository"))
		case "filesystem":
			name := cmp.Or(d.text(r, "path"), "?")
			l.add(Entry{Type: "vcpkg", Name: name, File: d.file, Line: d.at(r, "path"), Source: Source{Kind: KindPath, URL: name}})
		case "artifact":
			l.problem(ProblemFloating, d.file, d.at(r, "location"), d.text(r, "name"), "the registry "+quote(scrub(d.text(r, "location")))+" of artifacts has no baseline: it can change")
		}
	}
	return d.failure()
}

func (l *Lock) vcpkgRegistry(d *document, repo, commit string, line int) {
	name := repository(repo)
	if name == "" {
		d.fail(d.lines[line-1], "give the URL of the repository", "%s is no repository", quote(scrub(repo)))
		return
	}
	l.add(Entry{Type: "vcpkg", Name: name[strings.LastIndexByte(name, '/')+1:], Version: commit, File: d.file, Line: line, Source: Source{Kind: KindVCS, URL: scrub(repo), Commit: commit}})
	if !fullCommit(commit) {
		l.problem(ProblemFloating, d.file, line, "", "the registry "+quote(scrub(repo))+" has no full commit as its baseline")
	}
}
