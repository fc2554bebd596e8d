package lockcheck

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// Set is the entries of some locks, ready to be asked. It does not change and
// may be used from several goroutines.
type Set struct {
	policy Policy
	// byName has the entries of each ecosystem and canonical name, sorted.
	byName map[packageKey][]candidate
	// byFolder has npm's entries by the folder that they install into.
	byFolder map[string][]candidate
	// types are the ecosystems that any lock covers.
	types map[string]bool
}

type packageKey struct{ typ, name string }

type candidate struct {
	lock  int
	entry *Entry
}

// NewSet indexes the locks. Their order does not influence any answer.
func NewSet(locks []*Lock, policy Policy) *Set {
	s := &Set{policy: policy, byName: map[packageKey][]candidate{}, byFolder: map[string][]candidate{}, types: map[string]bool{}}
	for i, l := range locks {
		for j := range l.Entries {
			e := &l.Entries[j]
			key := packageKey{e.Type, ecosystem.Canonical(e.Type, e.fullName())}
			s.byName[key] = append(s.byName[key], candidate{i, e})
			s.types[e.Type] = true
			if e.Install != "" {
				s.byFolder[e.Install] = append(s.byFolder[e.Install], candidate{i, e})
			}
		}
	}
	for _, list := range s.byName {
		slices.SortStableFunc(list, compareCandidates)
	}
	for _, list := range s.byFolder {
		slices.SortStableFunc(list, compareCandidates)
	}
	return s
}

func compareCandidates(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.entry.File, b.entry.File), cmp.Compare(a.entry.Line, b.entry.Line), cmp.Compare(a.entry.Install, b.entry.Install),
		cmp.Compare(a.entry.Version, b.entry.Version))
}

// Match says whether a lock pins the package, and how strongly. Of several
// entries the strongest answer counts, with two exceptions: bytes that differ
// from a locked hash are never excused by another entry that has no hash to
// compare, and an npm package that lies in several folders is judged in each
// and is as weak as the weakest.
func (s *Set) Match(p Package) Result {
	name := ecosystem.Join(p.Namespace, p.Name)
	if !ecosystem.ASCII(name) {
		return Result{Reason: NonASCII, Detail: quote(name) + " is not an ASCII name: no registry has such a package, so it only looks like another one"}
	}
	if r, ok := unpinnable(&p, name); ok {
		return r
	}
	named := s.byName[packageKey{p.Type, ecosystem.Canonical(p.Type, name)}]
	if p.Type != "npm" || len(p.Paths) == 0 {
		return s.best(&p, name, named)
	}
	worst := Result{}
	for i, dir := range slices.Sorted(slices.Values(p.Paths)) {
		r := s.best(&p, name, s.inFolder(named, dir))
		if i == 0 || stronger(worst, r) {
			worst = r
		}
	}
	return worst
}

// unpinnable are the packages that no lock entry could pin.
func unpinnable(p *Package, name string) (Result, bool) {
	q := quote(name)
	switch {
	case p.Install.Kind == KindEditable:
		return Result{Reason: Editable, Detail: q + " is a working copy: what runs is whatever lies in that folder"}, true
	case p.Install.Kind == KindLink:
		return Result{Reason: Link, Detail: q + " is a link to another folder"}, true
	case p.Version == "" || p.Version == "UNKNOWN" || p.Version == "(devel)":
		return Result{Reason: NoVersion, Detail: "the environment does not say which version of " + q + " is installed"}, true
	}
	return Result{}, false
}

// inFolder narrows candidates down by the folder that an npm package lies in:
// a lock that has an entry for that very folder is judged by it alone, also
// when it is another package's.
func (s *Set) inFolder(named []candidate, dir string) []candidate {
	decided := map[int]bool{}
	var out []candidate
	for _, key := range npmKeys(dir) {
		for _, c := range s.byFolder[key] {
			if !decided[c.lock] {
				out = append(out, c)
			}
		}
		for _, c := range s.byFolder[key] {
			decided[c.lock] = true
		}
	}
	for _, c := range named {
		if !decided[c.lock] {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, compareCandidates)
	return out
}

// npmKeys are the keys that a lock could have for a folder, most specific
// first: from its first node_modules on, with and without the workspace
// folders before it. Never from a later node_modules on, which is another
// place in the tree.
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

// best judges every candidate and picks the answer.
func (s *Set) best(p *Package, name string, candidates []candidate) Result {
	if len(candidates) == 0 {
		return s.notFound(p, name)
	}
	best := Result{}
	var mismatch *Result
	for i, c := range candidates {
		r := s.judge(p, name, c.entry)
		if r.Reason == HashMismatch && mismatch == nil {
			mismatch = &r
		}
		if i == 0 || stronger(r, best) {
			best = r
		}
	}
	if mismatch != nil && best.Evidence.rank() < HashClaimed.rank() {
		return *mismatch
	}
	if best.Reason == OtherVersion || best.Reason == NotExact {
		best.Detail = nearMiss(p, name, candidates)
	}
	return best
}

// stronger says whether a says more than b: pinned before not, by evidence,
// then by how near the miss is. Equals stay in the order of the entries.
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
		if !s.types[p.Type] {
			r.Detail += ": none of them covers " + quote(p.Type)
		}
	}
	return r
}

// maxShown is how many locked versions a near miss shows.
const maxShown = 3

// nearMiss shows what the locks have instead.
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
