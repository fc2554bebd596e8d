package lockcheck

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/pep508"
)

// Set is an index over the entries of locks. It does not change, but by
// [Set.AssignTrees], and is safe for concurrent use.
type Set struct {
	policy Policy
	// byName has the entries of each type and canonical name, sorted.
	byName map[packageKey][]candidate
	// byDir has npm's entries by the directory that they are installed in.
	byDir map[string][]candidate
	// byHash has Maven's entries by their digests.
	byHash map[Hash][]candidate
	locks  []*Lock
	// members are the entries of the projects themselves.
	members []candidate
	// reached has the parts of locks by lock and environment; see reachOf.
	reached sync.Map
	// types are the package URL types that the locks have entries of.
	types map[string]bool
	// scopes has the directories that locks are for, by package URL type.
	scopes map[string]*scopes
	// own has the locks of projects with packages of npm; see AssignTrees.
	own map[string]*group
}

type packageKey struct{ typ, name string }

type candidate struct {
	lock, index int // of the lock, and of the entry in it
	entry       *Entry
	// under is a directory's name that the lock does not have for the package, in
	// which it was found.
	under string
}

// NewSet returns an index over locks. Their order does not affect any result.
func NewSet(locks []*Lock, policy Policy) *Set {
	s := &Set{policy: policy, byName: map[packageKey][]candidate{}, byDir: map[string][]candidate{}, byHash: map[Hash][]candidate{}, types: map[string]bool{}, locks: locks, scopes: newScopes(locks)}
	for i, l := range locks {
		for j := range l.Entries {
			e := &l.Entries[j]
			if e.Base {
				continue // never installed
			}
			key := packageKey{e.Type, ecosystem.Canonical(e.Type, e.fullName())}
			s.byName[key] = append(s.byName[key], candidate{lock: i, index: j, entry: e})
			if e.Type == "maven" && e.Namespace != "" {
				key.name = e.Name // see identifyJar
				s.byName[key] = append(s.byName[key], candidate{lock: i, index: j, entry: e})
				for _, h := range strong(e.Hashes) {
					s.byHash[h] = append(s.byHash[h], candidate{lock: i, index: j, entry: e})
				}
			}
			if e.FirstParty {
				s.members = append(s.members, candidate{lock: i, index: j, entry: e})
			}
			s.types[e.Type] = s.types[e.Type] || !e.FirstParty
			if e.Install != "" {
				s.byDir[e.Install] = append(s.byDir[e.Install], candidate{lock: i, index: j, entry: e})
			}
		}
	}
	slices.SortStableFunc(s.members, compareCandidates)
	for _, list := range s.byName {
		slices.SortStableFunc(list, compareCandidates)
	}
	for _, list := range s.byDir {
		slices.SortStableFunc(list, compareCandidates)
	}
	for _, list := range s.byHash {
		slices.SortStableFunc(list, compareCandidates)
	}
	return s
}

func compareCandidates(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.entry.File, b.entry.File), cmp.Compare(a.entry.Line, b.entry.Line), cmp.Compare(a.entry.Install, b.entry.Install),
		cmp.Compare(a.entry.Version, b.entry.Version))
}

// Match reports whether a lock pins the package, and with which evidence. Of
// several entries the one with the strongest evidence counts, with three
// exceptions. Bytes that differ from a locked hash are not excused by another
// entry without a hash to compare. An entry to which a patch is applied is not
// excused by the entry of the package that is patched, which locks have beside
// it. An npm package in several directories, and a
// Python package in several environments, is judged in each, and its evidence is
// the weakest of them.
func (s *Set) Match(p Package) Result {
	if p.Type == "maven" {
		s.identifyJar(&p)
	}
	name := ecosystem.Join(p.Namespace, p.Name)
	if !ecosystem.ASCII(name) {
		return Result{Reason: NonASCII, Detail: quote(name) + " is not an ASCII name: no registry has such a package, it only looks like another one"}
	}
	if r, ok := unpinnable(&p, name); ok {
		return r
	}
	named := s.named(&p, name)
	var results []Result
	for _, x := range s.sites(p.Type, p.Paths) {
		p.Paths = x.paths
		results = append(results, s.matchAt(&p, name, x.group, named)...)
	}
	return Weakest(results)
}

// named returns the candidates of a package's name.
func (s *Set) named(p *Package, name string) []candidate {
	return s.byName[packageKey{p.Type, ecosystem.Canonical(p.Type, name)}]
}

// matchAt returns the results of a package in each of its directories or
// environments at one site.
func (s *Set) matchAt(p *Package, name string, g *group, named []candidate) (results []Result) {
	here := governed(g, named)
	best := func(candidates []candidate, env pep508.Environment) {
		results = append(results, s.elsewhere(p, g, named, s.best(p, name, candidates, env)))
	}
	switch {
	case p.Type == "gem" && len(p.Paths) > 0:
		all := *p
		for _, spec := range slices.Sorted(slices.Values(p.Paths)) {
			p.platform, _ = GemPlatform(spec, p.Name, p.Version)
			if all.Copies != nil {
				p.Digests = all.Copies[gemArchive(spec)]
			}
			best(here, nil)
		}
		*p = all
	case p.Copies != nil && len(p.Paths) > 1: // also one whose record has no digest
		all := *p
		for _, record := range slices.Sorted(slices.Values(p.Paths)) {
			p.Digests, p.Install.URL = all.Copies[record], ""
			best(here, nil)
		}
		*p = all
	case p.Type == "npm" && len(p.Paths) > 0:
		for _, dir := range slices.Sorted(slices.Values(p.Paths)) {
			best(s.inDir(g, here, dir), nil)
		}
	case len(p.Markers) > 0:
		for _, env := range p.Markers {
			best(here, env)
		}
	default:
		best(here, nil)
	}
	return results
}

// linked returns the directory that a link leads to.
func linked(p *Package) string {
	if !path.IsAbs(p.Install.URL) {
		return ""
	}
	return quote(scrub(p.Install.URL))
}

// unpinnable returns the result for a package that no lock entry can pin.
func unpinnable(p *Package, name string) (Result, bool) {
	q := quote(name)
	switch {
	case p.Install.Kind == KindEditable:
		return Result{Reason: Editable, Detail: q + " is a working copy: its files can change without a new installation"}, true
	case p.Install.Kind == KindLink:
		return Result{Reason: Link, Detail: q + " is a link to " + cmp.Or(linked(p), "another directory")}, true
	case p.Install.Kind == KindPath:
		return Result{Reason: LocalPath, Detail: q + " was built from a local directory, not from what a lock names"}, true
	case p.Version == "" || p.Version == "UNKNOWN" || p.Version == "(devel)":
		return Result{Reason: NoVersion, Detail: "the environment does not record the version of " + q}, true
	}
	return Result{}, false
}

// inDir selects candidates by the directory of an npm package. In a lock that
// has an entry for this directory, only that entry counts, even if it is
// another package's.
func (s *Set) inDir(g *group, named []candidate, dir string) []candidate {
	decided := map[int]bool{}
	var out []candidate
	for _, key := range npmKeys(dir) {
		for _, c := range s.byDir[key] {
			if !decided[c.lock] && g.has(c.lock) {
				out = append(out, c)
			}
		}
		for _, c := range s.byDir[key] {
			decided[c.lock] = true
		}
	}
	under := installedName(dir)
	for _, c := range named {
		if decided[c.lock] {
			continue
		}
		if c.entry.names != nil && under != "" && !slices.Contains(c.entry.names, under) {
			c.under = under
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, compareCandidates)
	return out
}

// installedName returns the name under which Node loads a package of a directory,
// "" for one in a store or an archive.
func installedName(dir string) string {
	dir = strings.TrimSuffix(dir, "/package.json")
	i := strings.LastIndex(dir, "/node_modules/")
	if i < 0 {
		return ""
	}
	name := dir[i+len("/node_modules/"):]
	if n := strings.Count(name, "/"); strings.HasPrefix(name, ".") || strings.HasPrefix(name, "@") != (n == 1) || n > 1 {
		return ""
	}
	return name
}

// npmKeys returns the keys that a lock can have for a directory, the longest
// first: from its first node_modules on, with and without the workspace
// directories before it. A key does not begin at a later node_modules, which is
// another place in the tree.
func npmKeys(dir string) []string {
	dir = strings.Trim(path.Clean(strings.TrimSuffix("/"+dir, "/package.json")), "/")
	at := strings.Index("/"+dir+"/", "/node_modules/")
	if at < 0 {
		return nil
	}
	keys := []string{dir}
	for i := 0; i < at; i++ {
		if dir[i] == '/' {
			keys = append(keys, dir[i+1:])
		}
	}
	return keys
}

// best judges every candidate and returns the result that counts.
func (s *Set) best(p *Package, name string, candidates []candidate, env pep508.Environment) Result {
	if len(candidates) == 0 {
		return s.notFound(p, name)
	}
	if p.Type == "maven" {
		candidates = lockedModules(candidates)
	}
	best := Result{}
	var mismatch, patched *Result
	for i, c := range candidates {
		r := s.judge(p, name, c, env)
		if r.Reason == Patched && patched == nil {
			patched = &r
		}
		if r.Reason == HashMismatch && mismatch == nil {
			mismatch = &r
		}
		if i == 0 || stronger(r, best) {
			best = r
		}
	}
	if patched != nil && best.Pinned {
		return *patched
	}
	if mismatch != nil && best.Evidence.rank() < HashClaimed.rank() {
		return *mismatch
	}
	if best.Pinned && best.Entry.hashesOnly {
		for _, c := range candidates {
			if !c.entry.hashesOnly && c.entry.Version == best.Entry.Version {
				best.Named = c.entry
				break
			}
		}
	}
	if best.Pinned {
		if best.Contradicts = s.contradicting(p, best.Entry, candidates, env); best.Contradicts != nil {
			best.Contradiction = contradictionText(name, best.Entry, best.Contradicts)
		}
	}
	switch best.Reason {
	case OtherVersion, NotExact:
		best.Detail = nearMiss(p, name, s.applicable(p, candidates, env))
	case OtherPlatform, UnknownMarker:
		same := func(c candidate) bool { return sameLocked(c.entry, p.Version) }
		if list := slices.DeleteFunc(s.applicable(p, candidates, env), same); len(list) > 0 {
			best.Detail += "; " + nearMiss(p, name, list)
		}
	}
	return best
}

// applicable returns the candidates that may apply in an environment, or all if
// none does.
func (s *Set) applicable(p *Package, candidates []candidate, env pep508.Environment) []candidate {
	var out []candidate
	for _, c := range candidates {
		if applies, _ := s.applies(p, c, env); applies != pep508.False {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return slices.Clone(candidates)
	}
	return out
}

// stronger reports whether result a comes before b: pinned before not pinned,
// then by evidence, then by the nearness of the miss. Equal results stay in the
// order of the entries.
func stronger(a, b Result) bool {
	if a.Pinned != b.Pinned {
		return a.Pinned
	}
	if a.Pinned {
		return a.Evidence.rank() > b.Evidence.rank()
	}
	return a.Reason.nearness() > b.Reason.nearness()
}

func (s *Set) notFound(p *Package, name string) Result {
	r := Result{Reason: NotInAnyLock, Detail: quote(name) + " " + quote(p.Version) + " is in no lock file"}
	switch p.Install.Kind {
	case KindVCS:
		r.Reason = VCS
		r.Detail = quote(name) + " comes from version control at " + quote(scrub(p.Install.URL)) + ", and no lock file has it"
	case KindURL:
		r.Reason = URL
		r.Detail = quote(name) + " comes from " + quote(scrub(p.Install.URL)) + ", and no lock file has it"
	default:
		switch {
		case len(s.locks) == 0:
			r.Detail += ": none is configured"
		case !s.types[p.Type]:
			r.Detail += ": none of them has packages of type " + quote(p.Type)
		}
	}
	return r
}

// maxShown is the number of locked versions that a near miss shows.
const maxShown = 3

// nearMiss returns a sentence with the versions that are locked instead.
func nearMiss(p *Package, name string, candidates []candidate) string {
	var shown []string
	seen := map[string]bool{}
	for _, c := range candidates {
		e := c.entry
		if ecosystem.Canonical(e.Type, e.fullName()) != ecosystem.Canonical(p.Type, name) {
			continue
		}
		version := quote(e.Version)
		if e.Version == "" {
			version = "any version"
			if e.Spec != "" {
				version = quote(e.Spec)
			}
		}
		if seen[version] {
			continue
		}
		seen[version] = true
		shown = append(shown, version+" ("+place(e)+")")
	}
	more := ""
	if n := len(shown) - maxShown; n > 0 {
		shown = shown[:maxShown]
		more = " and " + itoa(n) + " more"
	}
	return quote(name) + " is installed at " + quote(p.Version) + " and locked at " + strings.Join(shown, ", ") + more
}
