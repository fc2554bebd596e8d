package lockcheck

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/pep508"
	"github.com/depaudit/depaudit/sbom/version"
)

// judge compares a package with one entry, which must apply in an environment.
func (s *Set) judge(p *Package, name string, c candidate, env pep508.Environment) Result {
	if c.under != "" {
		return Result{Entry: c.entry, Reason: Alias, Detail: quote(name) + " is installed as " + quote(c.under) + ", and " + place(c.entry) + " has it as " + quote(c.entry.names[0])}
	}
	r := s.compare(p, name, c.entry)
	if r.Reason == OtherVersion || r.Reason == OtherBuild || r.Reason == NotExact || r.Reason == Alias {
		return r
	}
	switch applies, where := s.applies(p, c, env); {
	case applies == pep508.True, (p.Type == "npm" || p.Type == "conda") && (applies == pep508.Unknown || r.Pinned && r.Evidence.rank() >= HashClaimed.rank()):
		return r
	case applies == pep508.False:
		return Result{Entry: c.entry, Reason: OtherPlatform, Detail: where}
	case r.Pinned:
		return Result{Entry: c.entry, Reason: UnknownMarker, Detail: where}
	}
	return r
}

// applies reports whether an entry is one that the installer takes in an
// environment. where is the reason if that is not certain.
func (s *Set) applies(p *Package, c candidate, env pep508.Environment) (applies pep508.Truth, where string) {
	applies = c.entry.when.applies(env, p.Platform)
	l := s.locks[c.lock]
	if applies != pep508.False && len(l.edges) > 0 {
		if r := s.reachOf(c.lock, env); r.applies[c.index] < applies {
			where = "what requires it is for other environments (" + place(c.entry) + ")"
			if i := r.closed[c.index]; i >= 0 {
				closed := condition{markers: []*pep508.Marker{l.edges[i].marker}}
				where = "required for " + closed.text(l.edges[i].text, c.entry, env, p.Platform)
			}
			return r.applies[c.index], where
		}
	}
	if applies != pep508.True {
		where = "locked for " + c.entry.when.text(c.entry.Marker, c.entry, env, p.Platform)
	}
	return applies, where
}

// reachOf returns the part of a lock that an environment needs, which is
// computed once for each.
func (s *Set) reachOf(lock int, env pep508.Environment) reach {
	key := itoa(lock)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		key += "\x00" + name + "\x00" + env[name]
	}
	if r, ok := s.reached.Load(key); ok {
		return r.(reach)
	}
	r := s.locks[lock].reachOf(env)
	s.reached.Store(key, r)
	return r
}

// compare compares a package with one entry.
func (s *Set) compare(p *Package, name string, e *Entry) Result {
	fail := func(reason Reason, detail string) Result { return Result{Entry: e, Reason: reason, Detail: detail} }
	q := quote(name)
	if ecosystem.Canonical(e.Type, e.fullName()) != ecosystem.Canonical(p.Type, name) {
		return fail(Alias, q+" is installed where "+place(e)+" has "+quote(e.fullName()))
	}
	switch {
	case e.flaw.reason == Replaced && p.Type == "cargo", e.flaw.reason != "" && e.Source.Kind == KindVCS && p.Type == "npm":
		return fail(e.flaw.reason, e.flaw.detail+" ("+place(e)+")")
	case p.Type == "composer" && p.Version != "" && sameLocked(e, p.Version):
		return s.judgeComposer(p, q, e)
	case p.Type != "composer" && (p.Install.Kind == KindVCS || e.Source.Kind == KindVCS):
		if p.Type == "cargo" && p.Install.Kind == KindVCS && p.Install.URL == "" && p.Install.Commit == "" && fullCommit(e.Source.Commit) {
			return s.judgeGitCrate(p, q, e)
		}
		return judgeVCS(p, q, e)
	}
	switch {
	case e.Source.Kind == KindEditable:
		return fail(Editable, place(e)+" takes "+q+" from a working copy")
	case e.Source.Kind == KindLink:
		return fail(Link, place(e)+" has "+q+" as a link to another directory")
	case e.Source.Kind == KindPath && !e.isArtifact():
		return fail(LocalPath, place(e)+" takes "+q+" from a local path")
	case e.Version == "" && !e.isArtifact():
		return fail(NotExact, place(e)+" has no exact version of "+q)
	case e.Version != "" && !sameLocked(e, p.Version):
		return fail(OtherVersion, q+" is installed at "+quote(p.Version)+" and locked at "+quote(e.Version)+" ("+place(e)+")")
	case otherBuild(p, q, e) != "":
		return fail(OtherBuild, otherBuild(p, q, e))
	case p.Install.Patch != "" && e.flaw.reason == "":
		return fail(Patched, "the patch "+quote(p.Install.Patch)+" is applied to "+q+", by the installer's record: what is installed is not what "+place(e)+" has")
	case e.flaw.reason != "":
		return fail(e.flaw.reason, e.flaw.detail+" ("+place(e)+")")
	}
	if p.Type == "cargo" && p.Install.Kind == KindRegistry && p.Install.URL == "" && e.Source.Registry == "" {
		// The list of crates in a program has no more than that.
		return fail(OtherRegistry, q+" was built from another registry than crates.io, from which "+place(e)+" takes it")
	}
	if where, ok := s.allowed(e); !ok && e.Source.Kind != KindPath {
		return fail(OtherRegistry, place(e)+" takes "+q+" from "+quote(where)+", which is not an allowed registry")
	}
	if r, other := gemVariant(q, e, p.platform); other {
		return r
	}
	r := compareHashes(p, q, e)
	url := p.Install.URL
	switch {
	case !r.Pinned:
		return r
	case p.Type == "maven" && strings.HasSuffix(e.Version, "-SNAPSHOT") && len(strong(e.Hashes)) == 0:
		return fail(NotExact, q+" "+quote(e.Version)+" can be other bytes tomorrow, and "+place(e)+" has no hash of it")
	case p.Install.Kind == KindURL && !isFileURL(url) && !comesFrom(e, url) && !s.policy.Allows(e.Type, url):
		// The recorded hash does not excuse the host: both are in the same record.
		return fail(URL, q+" was installed from "+quote(scrub(url))+", not as "+place(e)+" has it")
	case r.Evidence.rank() >= HashClaimed.rank():
		return r // equal bytes can come from any other place
	}
	switch {
	case e.Source.Kind == KindPath:
		return fail(LocalPath, place(e)+" takes "+q+" from a local path, and no record of the installer has the hash of a file there")
	case e.Version == "":
		return fail(NotExact, place(e)+" has no exact version of "+q+", and no record of the installer has its hash")
	case p.Install.Kind == KindURL && !comesFrom(e, url):
		return fail(URL, q+" was installed from "+quote(scrub(url))+", not as "+place(e)+" has it")
	case p.Install.Kind == KindRegistry && url != "" && !s.policy.Allows(e.Type, url):
		return fail(OtherRegistry, q+" was installed from "+quote(scrub(url))+", which is not an allowed registry, and no hash shows that it is what "+place(e)+" has")
	}
	return r
}

// isArtifact reports whether an entry names one file by its hash: a local
// archive, or one by URL. Its hash identifies what it installs, also without a
// version.
func (e *Entry) isArtifact() bool {
	return len(strong(e.Hashes)) > 0 && (e.Source.Kind == KindPath || e.Source.Kind == KindURL)
}

// sameLocked reports whether an installed version is the locked one. Lock files
// have versions or, as requirements.txt does, specifiers: "==1.0" ignores the
// local version of the installed one if it has none itself, and "===" compares
// text (PEP 440, "Version matching" and "Arbitrary equality").
func sameLocked(e *Entry, installed string) bool {
	if e.verbatim {
		return ecosystem.EqualFold(e.Version, installed)
	}
	if version.Same(e.Type, e.Version, installed) {
		return true
	}
	public, _, local := strings.Cut(installed, "+")
	if len(e.specifiers) == 0 || !local || strings.Contains(e.Version, "+") || !version.Same(e.Type, e.Version, public) {
		return false
	}
	admits, known := e.specifiers.Admits(installed)
	return admits && known
}

// judgeVCS pins a checkout by the same repository at the same full commit only.
// A registry's release of that version is not the checkout, and the checkout is
// not the release.
func judgeVCS(p *Package, q string, e *Entry) Result {
	r := Result{Entry: e, Reason: VCS}
	switch {
	case e.Source.Kind != KindVCS:
		r.Detail = q + " was installed from version control, not as " + place(e) + " has it"
	case p.Install.Kind != KindVCS:
		r.Detail = place(e) + " takes " + q + " from version control, and the environment has no record that it came from there"
	case !fullCommit(e.Source.Commit):
		r.Detail = place(e) + " names no full commit of " + q
	case !sameCommit(p, e):
		r.Detail = q + " was installed at commit " + quote(p.Install.Commit) + " and is locked at " + quote(e.Source.Commit) + " (" + place(e) + ")"
	case !sameRepository(p, e):
		r.Detail = q + " was installed from " + quote(cmp.Or(scrub(p.Install.URL), p.Install.File)) + " and is locked to " + quote(e.Source.URL) + " (" + place(e) + ")"
	default:
		r.Pinned, r.Evidence = true, VersionLocked
		r.Detail = q + " is pinned by its commit at " + place(e)
	}
	return r
}

// sameCommit reports whether a checkout is that of an entry. Bundler records 12
// digits of the commit, in the name of the directory.
func sameCommit(p *Package, e *Entry) bool {
	if p.Type == "gem" && len(p.Install.Commit) == shortCommit {
		return strings.HasPrefix(e.Source.Commit, p.Install.Commit)
	}
	return e.Source.Commit == p.Install.Commit
}

// sameRepository reports whether a checkout is of the repository of an entry.
// Bundler leaves no more of the URL than the last part of its path, if the copy of
// the repository that it made the checkout from was removed.
func sameRepository(p *Package, e *Entry) bool {
	if p.Type == "gem" && p.Install.URL == "" {
		return checkoutOf(p.Install.File) == checkoutName(e.Source.URL)
	}
	return repository(e.Source.URL) != "" && repository(e.Source.URL) == repository(p.Install.URL)
}

// judgeGitCrate pins a crate of a program whose list of crates has only that it
// was built from a repository (cargo-auditable). The repository in the lock must
// then be an allowed one, since nothing else shows which it was.
func (s *Set) judgeGitCrate(p *Package, q string, e *Entry) Result {
	switch {
	case !sameLocked(e, p.Version):
		return Result{Entry: e, Reason: OtherVersion, Detail: q + " is installed at " + quote(p.Version) + " and locked at " + quote(e.Version) + " (" + place(e) + ")"}
	case !s.policy.Allows(e.Type, e.Source.URL):
		return Result{Entry: e, Reason: VCS, Detail: place(e) + " takes " + q + " from the repository " + quote(e.Source.URL) +
			", which is not an allowed registry, and the program does not record the repository"}
	}
	return Result{Pinned: true, Evidence: VersionLocked, Reason: NoHash, Entry: e, Detail: q + " is pinned by its version at " + place(e) + ": the program does not record the commit"}
}

// comesFrom reports whether the entry names the artifact of a URL.
func comesFrom(e *Entry, url string) bool {
	url = scrub(url)
	return url != "" && url != unreadableURL && (e.Source.URL == url || slices.Contains(e.Source.Also, url))
}

// allowed reports whether the policy allows every place from which the
// installer may take the entry, and returns the first that it does not allow.
func (s *Set) allowed(e *Entry) (where string, ok bool) {
	if e.Source.Kind == KindReplace {
		return "", true // the proxy's, like any other module
	}
	if e.Source.Registry != "" || e.Source.Kind == KindURL || e.Source.URL != "" {
		if !s.policy.Allows(e.Type, e.Source.URL) {
			return e.Source.URL, false
		}
	}
	for _, url := range e.Source.Also {
		if !s.policy.Allows(e.Type, url) {
			return url, false
		}
	}
	return "", true
}

// compareHashes compares the hashes of a package whose name, version and origin
// agree with the entry.
func compareHashes(p *Package, q string, e *Entry) Result {
	if r, bad := contradiction(p, q, e); bad {
		return r
	}
	locked := strong(e.Hashes)
	claimed := slices.ContainsFunc(p.Digests, func(d Hash) bool {
		return slices.ContainsFunc(locked, func(h Hash) bool { return h.Algorithm == d.Algorithm && h.Value == d.Value })
	})
	r := Result{Pinned: true, Entry: e}
	switch {
	case len(e.Hashes) == 0:
		r.Evidence, r.Reason = VersionLocked, NoHash
		r.Detail = place(e) + " pins " + q + " by version, without a hash"
		if e.unhashed != "" {
			r.Detail += ": " + e.unhashed
		}
	case len(locked) == 0:
		r.Evidence, r.Reason = VersionLocked, WeakHash
		r.Detail = place(e) + " pins " + q + " with " + e.Hashes[0].Algorithm + " only, which can be forged"
	case claimed:
		r.Evidence = HashClaimed
		r.Detail = "the installer's record of " + q + " has the hash of " + place(e)
	case len(e.specifiers) > 0 && strings.Contains(p.Version, "+") && !strings.Contains(e.Version, "+"):
		r.Evidence, r.Reason = HashLocked, LocalVersion
		r.Detail = q + " is installed at the local version " + quote(p.Version) + ", and " + place(e) + " locks " + quote(e.Version) + ": its hashes may be those of other builds"
	default:
		r.Evidence = HashLocked
		r.Detail = place(e) + " pins " + q + " with a hash, and the installed files have none to compare"
	}
	return r
}

// contradiction reports whether a digest differs from the locked ones. Every
// digest of an algorithm that the entry has must be one of the entry's. Where a
// version is one artifact, two digests of one algorithm are two artifacts, and
// one of them is not the locked one. A Python release has an artifact for each
// platform.
func contradiction(p *Package, q string, e *Entry) (Result, bool) {
	first := map[string]string{}
	for _, d := range p.Digests {
		var same []string
		for _, h := range e.Hashes {
			if h.Algorithm == d.Algorithm {
				same = append(same, h.Value)
			}
		}
		if len(same) > 0 && !slices.Contains(same, d.Value) {
			return Result{Entry: e, Reason: HashMismatch, Detail: q + " has the " + d.Algorithm + " " + quote(d.Value) +
				", which is not locked: " + place(e) + " has " + quote(same[0])}, true
		}
		if have, ok := first[d.Algorithm]; ok && have != d.Value && p.Type != "pypi" && len(same) == 0 {
			return Result{Entry: e, Reason: HashMismatch, Detail: "two copies of " + q + " have different bytes: " + d.Algorithm + " " + quote(have) + " and " + quote(d.Value)}, true
		}
		first[d.Algorithm] = d.Value
	}
	return Result{}, false
}
