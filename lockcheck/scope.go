package lockcheck

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
)

// Which lock governs what.
//
// A lock that is not for certain directories pins packages everywhere in the
// environment. A lock with [Lock.For] pins only what is installed in or below
// one of those directories, and no other lock pins packages of its ecosystems
// there: two services that are installed side by side do not excuse each other.
// Of directories within each other the innermost counts, of a directory and a
// pattern that matches it the directory.

// Governing returns a copy of the lock that governs the directories only: absolute
// paths within the environment, or patterns of them. None is the lock itself.
func (l *Lock) Governing(dirs []string) *Lock {
	if len(dirs) == 0 {
		return l
	}
	out := *l
	out.For = slices.Clone(dirs)
	return &out
}

// In returns a function that reports whether something of a package URL type that
// is installed at a path is one of the packages that the lock governs in one of
// the directories that it is for.
func (l *Lock) In(dir string) func(typ, at string) bool {
	types := l.types()
	return func(typ, at string) bool { return types[typ] && below(dir, at) }
}

// types returns the package URL types of the packages that the lock can have.
func (l *Lock) types() map[string]bool {
	out := map[string]bool{}
	for _, f := range formats() {
		if f.Name == l.Format {
			for _, typ := range f.Types {
				out[typ] = true
			}
		}
	}
	for i := range l.Entries {
		out[l.Entries[i].Type] = true
	}
	return out
}

// below reports whether a path is a directory, or one that a pattern matches, or
// below it.
func below(dir, at string) bool {
	dir = cleanFor(dir)
	pattern := isPattern(dir)
	for at = path.Clean(at); ; at = path.Dir(at) {
		if at == dir || pattern && matchesDir(dir, at) {
			return true
		}
		if at == "/" || at == "." {
			return false
		}
	}
}

// cleanFor returns the directory of "/opt/venv/" and of "/opt/venv/**".
func cleanFor(dir string) string {
	return path.Clean(strings.TrimSuffix(strings.TrimSuffix(dir, "/"), "/**"))
}

func isPattern(dir string) bool { return strings.ContainsAny(dir, `*?[{\`) }

func matchesDir(pattern, dir string) bool {
	ok, err := doublestar.Match(pattern, dir)
	return ok && err == nil
}

// group is a set of locks that govern one place together.
type group struct {
	locks map[int]bool // by their index in the set
	// dir is the directory that they are for, as it is written; empty for the
	// locks that are for none.
	dir string
	// why is the reason for a group that the packages decide; see AssignTrees.
	why string
}

// has reports whether a lock is of the group. A nil group has all locks.
func (g *group) has(lock int) bool { return g == nil || g.locks[lock] }

// scopes are the directories that the locks of one package URL type are for.
type scopes struct {
	dirs     map[string]*group
	patterns []*group // by their dir, sorted
	rest     *group   // everywhere else
	// unions has the groups of several patterns, by their directories.
	unions sync.Map
}

// newScopes returns the scopes by type, without the types of which no lock is for
// certain directories.
func newScopes(locks []*Lock) map[string]*scopes {
	out := map[string]*scopes{}
	for i, l := range locks {
		for typ := range l.types() {
			sc := out[typ]
			if sc == nil {
				sc = &scopes{dirs: map[string]*group{}, rest: &group{locks: map[int]bool{}}}
				out[typ] = sc
			}
			if len(l.For) == 0 {
				sc.rest.locks[i] = true
			}
			for _, dir := range l.For {
				dir = cleanFor(dir)
				if sc.dirs[dir] == nil {
					sc.dirs[dir] = &group{locks: map[int]bool{}, dir: dir}
				}
				sc.dirs[dir].locks[i] = true
			}
		}
	}
	maps.DeleteFunc(out, func(_ string, sc *scopes) bool { return len(sc.dirs) == 0 })
	for _, sc := range out {
		for dir, g := range sc.dirs {
			if isPattern(dir) {
				sc.patterns = append(sc.patterns, g)
			}
		}
		slices.SortFunc(sc.patterns, func(a, b *group) int { return cmp.Compare(a.dir, b.dir) })
	}
	return out
}

// at returns the group of locks that govern a path.
func (sc *scopes) at(at string) *group {
	for dir := path.Clean(at); ; dir = path.Dir(dir) {
		if g := sc.dirs[dir]; g != nil {
			return g
		}
		if g := sc.matching(dir); g != nil {
			return g
		}
		if dir == "/" || dir == "." {
			return sc.rest
		}
	}
}

// matching returns the group of the patterns that match a directory, nil for none.
func (sc *scopes) matching(dir string) *group {
	var found []*group
	key := ""
	for _, g := range sc.patterns {
		if matchesDir(g.dir, dir) {
			found = append(found, g)
			key += g.dir + "\x00"
		}
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
		return found[0]
	}
	union := &group{locks: map[int]bool{}, dir: found[0].dir}
	for _, g := range found {
		maps.Copy(union.locks, g.locks)
	}
	g, _ := sc.unions.LoadOrStore(key, union)
	return g.(*group)
}

// site is a part of a package's paths that the same locks govern.
type site struct {
	group *group // nil for all locks
	paths []string
}

// sites splits the paths of a package by the locks that govern them, in the order
// of the paths. A package without paths is governed by the locks that are for no
// directory.
func (s *Set) sites(typ string, paths []string) []site {
	sc := s.scopes[typ]
	own := s.own
	if typ != "npm" {
		own = nil
	}
	switch {
	case sc == nil && (len(own) == 0 || len(paths) == 0):
		return []site{{paths: paths}}
	case len(paths) == 0:
		return []site{{group: sc.rest}}
	}
	var out []site
	for _, at := range slices.Sorted(slices.Values(paths)) {
		var g *group
		if sc != nil {
			g = sc.at(at)
		}
		if g == nil || g == sc.rest {
			if dir, ok := projectOf(at); ok && own[dir] != nil {
				g = own[dir]
			}
		}
		i := slices.IndexFunc(out, func(x site) bool { return x.group == g })
		if i < 0 {
			i = len(out)
			out = append(out, site{group: g})
		}
		out[i].paths = append(out[i].paths, at)
	}
	return out
}

// Split splits the paths of a package into those that the same locks govern. A
// package is judged in each part, and [Weakest] is the result.
func (s *Set) Split(typ string, paths []string) [][]string {
	var out [][]string
	for _, x := range s.sites(typ, paths) {
		out = append(out, x.paths)
	}
	return out
}

// Governing reports whether the lock of an index in the list of [NewSet] is among
// those that govern one of the paths of a package.
func (s *Set) Governing(lock int, typ string, paths []string) bool {
	return slices.ContainsFunc(s.sites(typ, paths), func(x site) bool { return x.group.has(lock) })
}

// governed returns the candidates of the locks of a group.
func governed(g *group, list []candidate) []candidate {
	if g == nil {
		return list
	}
	var out []candidate
	for _, c := range list {
		if g.locks[c.lock] {
			out = append(out, c)
		}
	}
	return out
}

// elsewhere adds to the result of a package that no lock at its place pins where it
// would be pinned, and why not here.
func (s *Set) elsewhere(p *Package, g *group, named []candidate, r Result) Result {
	if g == nil || r.Pinned || r.Reason != NotInAnyLock && (g.why == "" || r.Reason != OtherVersion) {
		return r
	}
	if g.dir != "" && r.Reason == NotInAnyLock {
		r.Detail += " for " + quote(g.dir)
	}
	i := slices.IndexFunc(named, func(c candidate) bool { return !g.locks[c.lock] && sameLocked(c.entry, p.Version) })
	if i < 0 {
		return r
	}
	switch l := s.locks[named[i].lock]; {
	case g.why != "":
		r.Detail += "; " + place(named[i].entry) + " has it, but " + g.why
	case len(l.For) > 0:
		r.Detail += "; " + place(named[i].entry) + " has it, for " + quote(l.For[0])
	default:
		r.Detail += "; " + place(named[i].entry) + " has it, and is not for that directory"
	}
	return r
}

// Weakest returns the weakest of the results of one package in several places:
// the first that is not pinned, or the one with the weakest evidence. It has the
// first contradiction of any.
func Weakest(results []Result) Result {
	worst := results[0]
	for _, r := range results[1:] {
		contradicts, text, others := worst.Contradicts, worst.Contradiction, worst.Others
		other := r.Entry
		if stronger(worst, r) {
			worst, other = r, worst.Entry
		}
		worst.Others = append(others, r.Others...)
		if other != nil && other != worst.Entry && !slices.Contains(worst.Others, other) {
			worst.Others = append(worst.Others, other)
		}
		if worst.Contradicts == nil {
			worst.Contradicts, worst.Contradiction = contradicts, text
		}
	}
	return worst
}
