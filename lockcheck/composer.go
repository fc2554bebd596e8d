package lockcheck

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// parseComposer parses composer.lock of Composer 1 and 2
// (https://getcomposer.org/doc/01-basic-usage.md, src/Composer/Package/Locker.php).
//
// # Two places for each package
//
// "dist" is an archive and "source" is a repository, and Composer takes either, or
// the second if it cannot download the first. The entry has the URL of the archive;
// a repository at another host is a further URL that the policy must allow. Without
// an archive the entry is a checkout. "path" is a directory of the project, which
// is first-party, or one outside of it. A package with neither is a metapackage: it
// has requirements and no files.
//
// An archive by the interfaces of GitHub, GitLab and Bitbucket names a repository
// and a commit in its URL. They must be those of "source" and of "reference":
// an entry of which only the archive was changed pins nothing.
//
// # Evidence
//
// "reference" is the commit, which vendor/composer/installed.json repeats. It names
// the content, by a SHA-1, but Composer does not compare the archive of a server
// with it, and cannot. "shasum" is the SHA-1 of the archive, and mostly empty. So a
// package is pinned by its version and its commit, and not by a hash.
//
// # Patches
//
// cweagans/composer-patches 2 records what it applies in patches.lock.json beside
// the lock. Version 1 records it in installed.json, which is the scan's to read.
func (l *Lock) parseComposer(ctx context.Context, src *source) error {
	d, err := parseJSON(ctx, src)
	if err != nil {
		return err
	}
	patches, err := l.readPatches(ctx, filepath.Join(filepath.Dir(src.file), "patches.lock.json"))
	if err != nil {
		return err
	}
	return d.walk(l, func(l *Lock, d *document) error { return l.composerPackages(d, patches) })
}

func (l *Lock) composerPackages(d *document, patches map[string]string) error {
	if d.want(d.root, "packages", nodeArray) == nil {
		d.fail(d.root.offset, composerHint, "no list \"packages\"")
	}
	first := map[string]int{}
	for _, list := range []string{"packages", "packages-dev"} {
		for _, p := range d.tables(d.root, list) {
			e := d.composerEntry(p)
			e.Dev = list == "packages-dev"
			if d.err != nil {
				return d.err
			}
			key := ecosystem.Canonical(e.Type, e.fullName())
			if line, twice := first[key]; twice {
				d.fail(p.offset, "resolve a merge, or "+composerHint, "%s has two entries, the first on line %d", quote(e.fullName()), line)
				return d.err
			}
			first[key] = e.Line
			if file, ok := patches[key]; ok {
				e.patch(file)
			}
			l.add(e)
		}
	}
	return d.failure()
}

const composerHint = "write the lock again with `composer update --lock`"

func (d *document) composerEntry(p *node) Entry {
	full := d.text(p, "name")
	e := Entry{Type: "composer", Name: full, Version: d.text(p, "version"), File: d.file, Line: d.at(p, "name")}
	if vendor, name, ok := strings.Cut(full, "/"); ok {
		e.Namespace, e.Name = vendor, name
	}
	if e.Name == "" || e.Version == "" {
		d.fail(p.offset, composerHint, "a package without a name or a version")
		return e
	}
	source, dist := d.composerPlace(p, "source"), d.composerPlace(p, "dist")
	switch {
	case dist.kind == "path":
		e.Source = Source{Kind: KindPath, URL: dist.url, Commit: dist.reference}
		e.FirstParty = inProject(dist.url)
	case dist.kind != "" && !strings.Contains(dist.url, "://"):
		e.Source = Source{Kind: KindPath, URL: scrub(dist.url), Commit: dist.reference}
	case dist.kind != "":
		e.Source = registrySource("composer", dist.url)
		e.Source.Commit = dist.reference
		for _, m := range dist.mirrors {
			e.Source.Also = append(e.Source.Also, scrub(m))
		}
		if source.kind != "" && !sameProject(repository(source.url), dist.repository()) {
			e.Source.Also = append(e.Source.Also, scrub(sshURL(source.url)))
		}
	case source.kind != "":
		e.Source = Source{Kind: KindVCS, URL: scrub(sshURL(source.url)), Commit: source.reference}
	default:
		e.Source = Source{Kind: KindRegistry}
	}
	if dist.shasum != "" {
		if h, ok := hexHash("sha1", dist.shasum); ok {
			e.Hashes = append(e.Hashes, h)
		} else {
			d.fail(p.get("dist").offset, composerHint, "the shasum of %s is no SHA-1", quote(full))
		}
	}
	e.flaw = composerFlaw(&e, source, dist)
	return e
}

// readPatches reads the lock of cweagans/composer-patches 2 (src/Locker.php and
// src/PatchCollection.php there): the first patch of each package. It returns none
// if there is no such file.
func (l *Lock) readPatches(ctx context.Context, file string) (map[string]string, error) {
	src, err := l.readFile(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := parseJSON(ctx, src)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	if list := d.table(d.root, "patches"); list != nil {
		for _, m := range list.members {
			for _, p := range d.tables(list, m.key) {
				if key := ecosystem.Canonical("composer", m.key); out[key] == "" {
					out[key] = cmp.Or(scrub(d.text(p, "url")), d.text(p, "description"), "?")
				}
			}
		}
	}
	return out, d.failure()
}

// composerPlace is "source" or "dist" of a package, empty if there is none.
type composerPlace struct {
	kind, url, reference, shasum string
	mirrors                      []string
}

func (d *document) composerPlace(p *node, key string) composerPlace {
	n := d.table(p, key)
	if n == nil {
		return composerPlace{}
	}
	c := composerPlace{kind: d.text(n, "type"), url: d.text(n, "url"), reference: d.text(n, "reference"), shasum: d.text(n, "shasum")}
	for _, m := range d.tables(n, "mirrors") {
		// The other parts of the template are those of the package.
		if url, _, _ := strings.Cut(d.text(m, "url"), "%"); url != "" {
			c.mirrors = append(c.mirrors, url)
		}
	}
	if c.kind == "" || c.url == "" {
		d.fail(n.offset, composerHint, "%q without a type or a URL", key)
	}
	return c
}

// composerFlaw returns the reason why the places of an entry cannot be those of one
// package.
func composerFlaw(e *Entry, source, dist composerPlace) flaw {
	name := quote(e.fullName())
	from, commit := dist.repository(), dist.commit()
	switch {
	case dist.kind == "path":
	case from != "" && source.kind == "git" && namesProject(repository(source.url)) && !sameProject(repository(source.url), from):
		return flaw{OtherPackage, "the archive of " + name + " is of " + quote(from) + ", and its source is " + quote(repository(source.url))}
	case fullCommit(commit) && dist.reference != commit:
		return flaw{OtherPackage, "the archive of " + name + " is of the commit " + quote(commit) + ", and its reference is " + quote(dist.reference)}
	case fullCommit(source.reference) && fullCommit(dist.reference) && source.reference != dist.reference:
		return flaw{OtherPackage, "the archive of " + name + " is of the commit " + quote(dist.reference) + ", and its source of " + quote(source.reference)}
	case isBranch(e.Version) && e.Source.Kind != KindPath && !fullCommit(e.Source.Commit):
		return flaw{NotExact, name + " is the branch " + quote(e.Version) + " without a full commit"}
	case e.Source.Kind == KindVCS && !fullCommit(source.reference) && !subversionRevision.MatchString(source.reference):
		return flaw{NotExact, name + " is checked out at " + quote(source.reference) + ", which is no full commit"}
	case commit != "" && !fullCommit(commit) && !isTagOf(commit, e.Version):
		return flaw{NotExact, "the archive of " + name + " is that of " + quote(commit) + ", which is neither a full commit nor a tag of the version " + quote(e.Version)}
	}
	return flaw{}
}

// subversionRevision matches the reference of a checkout of Subversion, PATH@REVISION.
var subversionRevision = lazyregexp.New(`@[0-9]+$`)

// isTagOf reports whether a reference of git can be the tag of a version: it ends in
// the version, as in "refs/tags/v1.0.0" and "release-1.0.0". A branch is one by its
// name in "refs/heads/".
func isTagOf(reference, version string) bool {
	version = strings.TrimLeft(version, "vV")
	before, ok := strings.CutSuffix(strings.TrimPrefix(reference, "refs/tags/"), version)
	return ok && version != "" && !strings.HasPrefix(before, "refs/") && (before == "" || !alphanumeric(before[len(before)-1]) || before == "v" || before == "V")
}

// isBranch reports whether a version is that of a branch, whose content changes
// (https://getcomposer.org/doc/articles/versions.md#branches).
func isBranch(version string) bool {
	return strings.HasPrefix(version, "dev-") || strings.HasSuffix(version, "-dev")
}

// namesProject reports whether a repository is at a host whose archives name it in their
// URL.
func namesProject(repository string) bool {
	host, _, _ := strings.Cut(repository, "/")
	return host == "github.com" || host == "gitlab.com" || host == "bitbucket.org"
}

// sameProject reports whether two repositories are one. The hosts fold case.
func sameProject(a, b string) bool { return a != "" && ecosystem.EqualFold(a, b) }

// sshURL returns the URL of a repository in the form "git@host:path".
func sshURL(raw string) string {
	if strings.Contains(raw, "://") {
		return raw
	}
	if r := repository(raw); r != raw && r != "" {
		return "ssh://" + r
	}
	return raw
}

// archive splits the URL of an archive that a host makes of a repository, into both
// and the commit, as the drivers of Composer write it (getDist in
// src/Composer/Repository/Vcs). All are empty for another URL.
func (c composerPlace) archive() (repository, commit string) {
	l, ok := parseLocation(c.url)
	if !ok {
		return "", ""
	}
	part := strings.Split(strings.TrimPrefix(l.path, "/"), "/")
	has := func(at int, words ...string) bool {
		if len(part) <= at {
			return false
		}
		for _, w := range words {
			if part[at] == w {
				return true
			}
		}
		return false
	}
	trim := func(file string) string {
		for _, suffix := range []string{".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar"} {
			file = strings.TrimSuffix(file, suffix)
		}
		return file
	}
	switch {
	case l.host == "api.github.com" && has(0, "repos") && has(3, "zipball", "tarball") && len(part) >= 5:
		return "github.com/" + part[1] + "/" + part[2], path.Join(part[4:]...)
	case l.host == "codeload.github.com" && has(2, "zip", "tar.gz", "legacy.zip", "legacy.tar.gz") && len(part) >= 4:
		return "github.com/" + part[0] + "/" + part[1], path.Join(part[3:]...)
	case l.host == "github.com" && has(2, "archive", "zipball", "tarball") && len(part) >= 4:
		return "github.com/" + part[0] + "/" + part[1], trim(path.Join(part[3:]...))
	case l.host == "github.com" && len(part) >= 3: // a file of a release
		return "github.com/" + part[0] + "/" + part[1], ""
	case l.host == "gitlab.com" && strings.HasPrefix(l.path, "/api/v4/projects/"):
		project, _, _ := strings.Cut(strings.TrimPrefix(l.path, "/api/v4/projects/"), "/repository/archive.")
		for arg := range strings.SplitSeq(l.query, "&") {
			if sha, ok := strings.CutPrefix(arg, "sha="); ok {
				commit = sha
			}
		}
		return "gitlab.com/" + unescape(project), commit
	case l.host == "bitbucket.org" && has(2, "get") && len(part) == 4:
		return "bitbucket.org/" + part[0] + "/" + part[1], trim(part[3])
	}
	return "", ""
}

func (c composerPlace) repository() string {
	r, _ := c.archive()
	return r
}

func (c composerPlace) commit() string {
	_, commit := c.archive()
	return commit
}

// judgeComposer compares a package with an entry whose name and version are its
// own. The record of the installer must have the same commit and the same place.
func (s *Set) judgeComposer(p *Package, q string, e *Entry) Result {
	fail := func(reason Reason, detail string) Result { return Result{Entry: e, Reason: reason, Detail: detail} }
	url := p.Install.URL
	switch {
	case e.flaw.reason != "":
		return fail(e.flaw.reason, e.flaw.detail+" ("+place(e)+")")
	case p.Install.Patch != "":
		return fail(Patched, "the patch "+quote(p.Install.Patch)+" is applied to "+q+": what is installed is not what "+place(e)+" has")
	case e.Source.Kind == KindPath:
		return fail(LocalPath, place(e)+" takes "+q+" from a local path")
	}
	if where, ok := s.allowed(e); !ok {
		return fail(OtherRegistry, place(e)+" takes "+q+" from "+quote(where)+", which is not an allowed registry")
	}
	r := compareHashes(p, q, e)
	switch {
	case !r.Pinned:
		return r
	case p.Install.Commit != "" && e.Source.Commit != p.Install.Commit:
		return fail(HashMismatch, q+" is installed at the commit "+quote(p.Install.Commit)+", and "+place(e)+" has "+quote(e.Source.Commit))
	case p.Install.Commit == "" && isBranch(e.Version):
		return fail(NotExact, "the environment has no record of the commit of "+q+", and "+place(e)+" locks the branch "+quote(e.Version))
	case e.Source.Kind == KindVCS && p.Install.Kind != "" && p.Install.Kind != KindVCS:
		return fail(VCS, place(e)+" takes "+q+" from version control, and it was installed from "+quote(scrub(url)))
	case url != "" && !comesFrom(e, url) && !sameProject(repository(url), e.project()):
		return fail(URL, q+" was installed from "+quote(scrub(url))+", not as "+place(e)+" has it")
	case fullCommit(p.Install.Commit) && len(e.Hashes) == 0:
		r.Reason, r.Detail = WeakHash, place(e)+" pins "+q+" by its version and its commit, a SHA-1 that Composer does not compare with the archive"
	}
	return r
}

// project returns the repository of an entry of Composer, of which the archive and
// the checkout are.
func (e *Entry) project() string {
	if e.Source.Kind == KindVCS {
		return repository(e.Source.URL)
	}
	return composerPlace{url: e.Source.URL}.repository()
}

// isComposerMember reports whether Composer installed a package from a directory of
// the project: a link, or a copy (the option "symlink": false).
func isComposerMember(p *Package, dir string) bool {
	switch p.Install.Kind {
	case KindLink:
		root, ok := strings.CutSuffix(p.Install.URL, "/"+dir)
		return ok && strings.HasPrefix(p.Install.File, root+"/") && !strings.HasPrefix(p.Install.File, p.Install.URL+"/")
	case KindURL:
		at, ok := strings.CutPrefix(p.Install.URL, "file://")
		return ok && strings.HasPrefix(at, "/") && strings.HasSuffix(path.Clean(at), "/"+dir)
	}
	return false
}
