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
// the lock has for the member. For npm both ends of the link are compared, and
// the package must be nowhere else.
func (s *Set) FirstParty(p Package) *Entry {
	name := ecosystem.Join(p.Namespace, p.Name)
	for _, c := range s.byName[packageKey{p.Type, ecosystem.Canonical(p.Type, name)}] {
		m := c.entry
		if !m.FirstParty || m.Version != "" && p.Version != "" && !sameLocked(m, p.Version) {
			continue
		}
		switch p.Type {
		case "npm":
			if s.linksToMember(&p, c) {
				return m
			}
		case "pypi":
			if installedFrom(&p, m.Source.URL) {
				return m
			}
		}
	}
	return nil
}

// linksToMember reports whether a package is a link of npm's lock to a member:
// "ROOT/node_modules/a" leads to "ROOT/packages/a".
func (s *Set) linksToMember(p *Package, member candidate) bool {
	if p.Install.Kind != KindLink {
		return false
	}
	dir := member.entry.Source.URL
	for _, l := range s.locks[member.lock].Entries {
		if l.Source.Kind != KindLink || l.Source.URL != dir {
			continue
		}
		root, ok := strings.CutSuffix(p.Install.File, "/"+l.Install)
		if !ok || p.Install.URL != root+"/"+dir {
			continue
		}
		elsewhere := func(at string) bool { return at != p.Install.File && !strings.HasPrefix(at, p.Install.URL+"/") }
		return !slices.ContainsFunc(p.Paths, elsewhere)
	}
	return false
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
