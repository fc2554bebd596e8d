package scan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Gems that have no specification in a gem home: those that Bundler checks out
// of git repositories into GEM_HOME/bundler/gems/NAME-COMMIT, and those that
// "bundle cache" copies into a project, each with a file .bundlecache in it
// (bundler/source/git.rb and source/path.rb). Bundler loads the gemspecs in such
// a directory, and has replaced each one of them by its evaluated form.

// bundleCache marks a directory of "bundle cache".
const bundleCache = ".bundlecache"

var (
	checkoutName = lazyregexp.New(`^(.+)-([0-9a-f]{12})$`)
	specStub     = lazyregexp.New(`(?m)^# stub: [^ \n]+ [^ \n]+ `)
	specName     = lazyregexp.New(`(?m)^\s*\w+\.name\s*=\s*["']([A-Za-z0-9._-]+)["']`)
	specVersion  = lazyregexp.New(`(?m)^\s*\w+\.version\s*=\s*(?:Gem::Version\.new\()?["']([0-9A-Za-z.-]+)["']`)
)

// readBundler adds the gems of Bundler's checkouts.
func (s *scanner) readBundler() {
	t := s.tree
	var checkouts []rootfs.Node
	for n := range t.Named("gems") {
		if t.Name(t.Parent(n)) != "bundler" {
			continue
		}
		for c := range t.Children(n) {
			if t.Kind(c) == rootfs.Dir {
				checkouts = append(checkouts, c)
			}
		}
	}
	for n := range t.Named(bundleCache) {
		checkouts = append(checkouts, t.Parent(n))
	}
	slices.Sort(checkouts)
	for _, c := range slices.Compact(checkouts) {
		if !s.caches.contain(c) {
			s.readCheckout(c)
		}
	}
}

// checkedOut is a gem of a checkout.
type checkedOut struct {
	node          rootfs.Node
	depth         int // of its directory below the checkout
	name, version string
	evaluated     bool
}

// readCheckout adds the gems of one checkout, and claims it for them: each gem
// its directory, and the gem with the name of the repository the rest.
func (s *scanner) readCheckout(dir rootfs.Node) {
	t := s.tree
	specs := s.gemspecsOf(dir)
	if len(specs) == 0 {
		if s.holdsFiles(dir) && !s.owned(dir) && s.claimant(dir) < 0 {
			s.gap(sbom.GapUnreported, t.Path(dir), "a gem of Bundler without a gemspec: its name is unknown")
		}
		return
	}
	repository, install := t.Name(dir), (*sbom.Install)(nil)
	if m := checkoutName.FindStringSubmatch(repository); m != nil {
		repository = m[1]
		install = s.checkoutOrigin(dir, m[2])
	}
	main := -1
	dirs := make(map[rootfs.Node]bool)
	for _, g := range specs {
		dirs[t.Parent(g.node)] = true
	}
	// The gem directories within another are claimed first.
	slices.SortStableFunc(specs, func(a, b checkedOut) int { return b.depth - a.depth })
	for _, g := range specs {
		u := unit{node: g.node, inside: -1, Component: sbom.Component{
			Kind: sbom.KindPackage, Type: "gem", Name: g.name, Version: g.version, Paths: []string{t.Path(g.node)}, FoundBy: "bundler-reader", Install: install,
		}}
		if g.version == "" {
			u.Detail = "the gemspec has no version that can be read"
		}
		s.read[g.node] = true
		i := s.add(u)
		if s.owned(g.node) || s.claimant(g.node) >= 0 {
			continue
		}
		if main < 0 || g.name == repository {
			main = i
		}
		s.claimTree(t.Parent(g.node), i, func(n rootfs.Node) bool { return dirs[n] })
	}
	if main < 0 {
		return
	}
	s.claimTree(dir, main, nil)
	// GEM_HOME/extensions/*/*/NAME-COMMIT
	home := t.Parent(t.Parent(t.Parent(dir)))
	from, to := t.Subtree(t.Child(home, "extensions"))
	for n := range t.Named(t.Name(dir)) {
		if from <= n && n < to && t.Kind(n) == rootfs.Dir {
			s.claimTree(n, main, nil)
		}
	}
}

// gemspecsOf returns the gemspecs that Bundler loads: those that it evaluated, or
// in a checkout without one those that it searches by default, in the directory
// and in those directly in it.
func (s *scanner) gemspecsOf(dir rootfs.Node) []checkedOut {
	t := s.tree
	var all []checkedOut
	from, to := t.Subtree(dir)
	evaluated := false
	for n := from; n < to; n++ {
		name, ok := strings.CutSuffix(t.Name(n), ".gemspec")
		if !ok || t.Kind(n) != rootfs.File {
			continue
		}
		g := checkedOut{node: n, name: name}
		for p := t.Parent(n); p != dir; p = t.Parent(p) {
			g.depth++
		}
		data, err := t.ReadFile(n, maxGemspec)
		if err != nil {
			s.gap(sbom.GapUnreadable, t.Path(n), reason(err))
			continue
		}
		if m := specName.FindSubmatch(data); m != nil {
			g.name = string(m[1])
		}
		if m := specVersion.FindSubmatch(data); m != nil {
			g.version = string(m[1])
		}
		g.evaluated = specStub.Match(data)
		evaluated = evaluated || g.evaluated
		if g.name == "" {
			s.gap(sbom.GapMalformed, t.Path(n), fmt.Sprintf("a gemspec without a name in Bundler's %+q", t.Name(dir)))
			continue
		}
		all = append(all, g)
	}
	return slices.DeleteFunc(all, func(g checkedOut) bool { return evaluated && !g.evaluated || !evaluated && g.depth > 1 })
}
