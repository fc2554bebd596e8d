package lockcheck

import (
	"cmp"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// A node_modules directory is one project's, and a project has one lock: npm, Yarn,
// pnpm and Bun remove what another lock installed there, or install into their
// own directory. So where a stage has the locks of several projects, a package that
// only another project's lock has is not from a lock, although its version is in
// one.

// AssignTrees finds the lock of each project among several, by the npm packages
// that are installed: that which pins most of the packages of the project's
// node_modules, where none pins all that any of them pins. The other locks then
// pin nothing there. A directory of which two locks pin equally many, the one of
// global packages, and those that a lock is for (see [Lock.For]) are left as they
// are. It must be called before the set is used.
func (s *Set) AssignTrees(installed []Package) {
	var trees, others []int
	for i, l := range s.locks {
		switch {
		case len(l.For) > 0 || !l.types()["npm"]:
		case l.Format == formatCorepack:
			others = append(others, i)
		default:
			trees = append(trees, i)
		}
	}
	if len(trees) < 2 {
		return
	}
	type project struct {
		pinned map[int]int // by lock
		any    int
	}
	projects := map[string]*project{}
	for _, p := range installed {
		if p.Type != "npm" || p.Install.Kind == KindLink {
			continue
		}
		for _, at := range p.Paths {
			dir, ok := projectOf(at)
			if !ok {
				continue
			}
			if projects[dir] == nil {
				projects[dir] = &project{pinned: map[int]int{}}
			}
			one := p
			one.Paths, one.Digests = []string{at}, nil // other copies have other records
			found := false
			for _, i := range s.pinning(one, trees) {
				projects[dir].pinned[i]++
				found = true
			}
			if found {
				projects[dir].any++
			}
		}
	}
	own := map[string]*group{}
	for dir, p := range projects {
		slices.SortFunc(trees, func(a, b int) int { return cmp.Or(p.pinned[b]-p.pinned[a], a-b) })
		first, second := trees[0], trees[1]
		if p.pinned[first] == p.any || p.pinned[first] == p.pinned[second] {
			continue
		}
		g := &group{locks: map[int]bool{first: true}, dir: dir + "/node_modules"}
		g.why = s.locks[first].Path + " has " + itoa(p.pinned[first]) + " of the locked packages there, and a directory has one lock (name both with `for:` if it has two)"
		for _, i := range others {
			g.locks[i] = true
		}
		own[dir] = g
	}
	s.own = own
}

// pinning returns those of some locks that pin a package by themselves.
func (s *Set) pinning(p Package, locks []int) []int {
	name := ecosystem.Join(p.Namespace, p.Name)
	if _, no := unpinnable(&p, name); no || !ecosystem.ASCII(name) {
		return nil
	}
	named := s.named(&p, name)
	var out []int
	for _, i := range locks {
		at := p // a copy, which is changed
		if Weakest(s.matchAt(&at, name, &group{locks: map[int]bool{i: true}}, named)).Pinned {
			out = append(out, i)
		}
	}
	return out
}

// projectOf returns the directory of the project in whose node_modules a path is. It
// returns false for none, and for npm's global packages, in PREFIX/lib/node_modules.
func projectOf(at string) (dir string, ok bool) {
	dir, _, ok = strings.Cut(at+"/", "/node_modules/")
	return dir, ok && !strings.HasSuffix(dir, "/lib")
}
