package lockcheck

import (
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// FirstParty returns the entry by which a lock names an installed package as a
// part of the project itself: the project, or a member of its workspace, that is
// installed as a link to its directory or from it. It returns nil for any other
// package.
//
// A name decides nothing: the installer's record must lead to the directory that
// the lock has for the member. Of a link both ends are compared, and the package
// must be nowhere else. The list of crates in a program only has that a crate is
// of a local directory: there the manifests beside Cargo.lock decide.
func (s *Set) FirstParty(p Package) *Entry {
	if k := p.Install.Kind; k != KindLink && k != KindEditable && k != KindURL && k != KindPath {
		return nil
	}
	name := ecosystem.Canonical(p.Type, ecosystem.Join(p.Namespace, p.Name))
	for _, c := range s.members {
		m := c.entry
		if !s.Governing(c.lock, p.Type, p.Paths) {
			continue
		}
		if m.Type != p.Type || !m.unnamed && ecosystem.Canonical(m.Type, m.fullName()) != name ||
			m.Version != "" && p.Version != "" && !sameLocked(m, p.Version) {
			continue
		}
		if p.Type == "npm" && (s.linksToMember(&p, c) || s.copiesMember(&p, c)) || p.Type == "pypi" && installedFrom(&p, m.Source.URL) ||
			p.Type == "composer" && isComposerMember(&p, m.Source.URL) || p.Type == "cargo" && p.Install.Kind == KindPath && m.Source.URL != "" {
			return m
		}
	}
	return nil
}

// Elsewhere returns the entry by which a lock takes the package of a name from
// somewhere else than a directory of the project, at any version, nil if there is
// none. A directory of that name, from which the package was built, is then not the
// project's: it is what replaced the locked package.
func (s *Set) Elsewhere(p Package) *Entry {
	for _, c := range s.byName[packageKey{p.Type, ecosystem.Canonical(p.Type, ecosystem.Join(p.Namespace, p.Name))}] {
		switch e := c.entry; {
		case e.FirstParty:
		case e.flaw.reason == Replaced:
			if p.Type != "golang" { // where go.mod says by what
				return e
			}
		case e.Source.Kind != KindPath:
			return e
		}
	}
	return nil
}

// linksToMember reports whether a package is a link to a member in a node_modules
// of the project: "ROOT/node_modules/a" leads to "ROOT/packages/a". npm's lock
// has a link too, which need not be this one: with the strategy "linked" each
// member has its own.
func (s *Set) linksToMember(p *Package, member candidate) bool {
	dir, link := member.entry.Source.URL, p.Install.File
	root, ok := strings.CutSuffix(p.Install.URL, "/"+dir)
	if len(member.entry.members) > 0 {
		root, ok = rootOf(link, p.Install.URL, member.entry.members)
	}
	below, inRoot := strings.CutPrefix(link, root+"/")
	name := "node_modules/" + ecosystem.Join(p.Namespace, p.Name)
	if p.Install.Kind != KindLink || !ok || !inRoot || below != name && !strings.HasSuffix(below, "/"+name) {
		return false
	}
	l := s.locks[member.lock]
	if owner, _, _ := strings.Cut("/"+below, "/node_modules/"); owner != "" && !s.isMember(member, owner[1:]) {
		return false // neither the project's node_modules nor a member's
	}
	locked := func(e Entry) bool { return e.Source.Kind == KindLink && e.Source.URL == dir }
	if l.Format == formatNPM && !slices.ContainsFunc(l.Entries, locked) {
		return false
	}
	return !slices.ContainsFunc(p.Paths, func(at string) bool { return at != link && !strings.HasPrefix(at, p.Install.URL+"/") })
}

// copiesMember reports whether a package is the copy of a member that pnpm makes of
// "injected" dependencies: the lock takes this name from the member's directory,
// and pnpm's record of the installation in the same project repeats that.
func (s *Set) copiesMember(p *Package, member candidate) bool {
	dir := member.entry.Source.URL
	at, ok := strings.CutPrefix(p.Install.URL, "file://")
	root, ok2 := strings.CutSuffix(at, "/"+dir)
	if p.Install.Kind != KindURL || !ok || !ok2 || !strings.HasPrefix(p.Install.File, root+"/node_modules/") {
		return false
	}
	return slices.ContainsFunc(s.locks[member.lock].Entries, func(e Entry) bool {
		return e.Source.Kind == KindPath && !e.FirstParty && e.Source.URL == dir && e.fullName() == ecosystem.Join(p.Namespace, p.Name)
	})
}

// isMember reports whether a directory is one of the lock of a member.
func (s *Set) isMember(of candidate, dir string) bool {
	if len(of.entry.members) > 0 {
		return npmMember(of.entry.members, dir)
	}
	return slices.ContainsFunc(s.members, func(c candidate) bool { return c.lock == of.lock && c.entry.Source.URL == dir })
}

// rootOf returns the directory of a project that has both ends of a link, if the
// link leads to a directory that the project's patterns match.
func rootOf(link, target string, patterns []string) (root string, ok bool) {
	for i := range link {
		if link[i] != '/' {
			continue
		}
		if dir, below := strings.CutPrefix(target, link[:i+1]); below && npmMember(patterns, dir) {
			return link[:i], true
		}
	}
	return "", false
}

// installedFrom reports whether pip or uv installed a package from a directory
// of the project: as a working copy, or as a copy of it. The project's own
// directory is ".", of which the environment shows the path only.
func installedFrom(p *Package, dir string) bool {
	if p.Install.Kind != KindEditable && p.Install.Kind != KindURL {
		return false
	}
	at, ok := strings.CutPrefix(p.Install.URL, "file://")
	if !ok || !strings.HasPrefix(at, "/") || len(p.Digests) > 0 {
		return false
	}
	at = path.Clean(unescape(at))
	for _, suffix := range pythonArchives() {
		if strings.HasSuffix(at, suffix) {
			return false
		}
	}
	return dir == "." || strings.HasSuffix(at, "/"+dir)
}
