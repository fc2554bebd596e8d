package scan

import (
	"fmt"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/version"
)

// Identities that places contradict.
//
// A package is what its metadata names, and an attacker can write the name of a
// locked package into the metadata of another one. But installers name the place
// of the metadata too, by rules of each ecosystem:
//
//   - Python: NAME-VERSION.dist-info
//     (https://packaging.python.org/en/latest/specifications/recording-installed-packages/),
//     NAME[-VERSION[-pyX.Y]].egg-info, and one distribution of a name in a
//     directory of modules, since importlib.metadata finds no other.
//   - Node: the directory has the name, unless a manifest, or npm's record, names
//     an alias (https://docs.npmjs.com/cli/commands/npm-install).
//   - RubyGems: specifications/NAME-VERSION[-PLATFORM].gemspec (Gem::Specification#spec_file).
//   - R: library/NAME/DESCRIPTION. conda: conda-meta/NAME-VERSION-BUILD.json.
//
// The package is counted by its metadata, and the contradiction is a notice.

// misnamed is a unit whose place contradicts its metadata.
type misnamed struct {
	unit         int
	path, detail string
}

func (s *scanner) misname(unit int, at rootfs.Node, format string, args ...any) {
	s.misnamed = append(s.misnamed, misnamed{unit, s.tree.Path(at), fmt.Sprintf(format, args...)})
}

// identities adds a notice for each. Bundled units are part of another package,
// which may contain anything.
func (s *scanner) identities() {
	for _, m := range s.misnamed {
		u := &s.units[m.unit]
		if u.inside >= 0 || u.Owner != "" {
			continue
		}
		s.doc.Notices = append(s.doc.Notices, sbom.Notice{Kind: sbom.NoticeIdentity, Path: m.path, Component: u.ID, Detail: m.detail})
	}
}

// checkDistribution compares the name of a distribution's metadata directory, or
// file, with the metadata in it, and looks for another distribution of the name.
func (s *scanner) checkDistribution(i int, at rootfs.Node) {
	u := &s.units[i]
	stem := s.tree.Name(at)
	if !isDistName(stem) {
		return // EGG-INFO, whose directory is named by a file name of an archive
	}
	stem = strings.TrimSuffix(stem, path.Ext(stem))
	if !namesDistribution(stem, u.Name, u.Version) {
		s.misname(i, at, "its name is %+q, and the metadata in it is that of %s %s", s.tree.Name(at), u.Name, u.Version)
	}
	key := distribution{s.tree.Parent(at), u.Name}
	if other, ok := s.distributions[key]; ok {
		s.misname(i, at, "is a second distribution %s beside %s", u.Name, path.Base(path.Dir(s.units[other].Paths[0])))
		return
	}
	s.distributions[key] = i
}

// distribution is a name in a directory of modules.
type distribution struct {
	site rootfs.Node
	name string
}

// namesDistribution reports whether a stem is the name of the metadata of a
// distribution. Installers have replaced different characters by "_" and "-" over
// the years, and some leave the version out.
func namesDistribution(stem, name, ver string) bool {
	name = plainName(name)
	if plainName(stem) == name {
		return true
	}
	if i := strings.LastIndex(stem, "-py"); i > 0 && !namesVersion(stem[i+1:], ver) { // "-py3.11", "-py3.11-linux-x86_64"
		if namesDistribution(stem[:i], name, ver) {
			return true
		}
	}
	for i := range len(stem) {
		if stem[i] == '-' && plainName(stem[:i]) == name && namesVersion(stem[i+1:], ver) {
			return true
		}
	}
	return false
}

// namesVersion reports whether a part of a file name is a version of Python. A
// version that the standard does not have is compared as text.
func namesVersion(part, ver string) bool {
	if ver == "" || plainName(part) == plainName(ver) {
		return true
	}
	return version.Same("pypi", strings.ReplaceAll(part, "_", "-"), ver)
}

// plainName is a name in lower case with one "-" for each run of other
// characters than letters and digits.
func plainName(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range ecosystem.Lower(s) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
			continue
		}
		gap = true
	}
	return b.String()
}

// alias is a package in a directory of another name.
type alias struct {
	unit     int
	dir      rootfs.Node
	as, name string
}

// declareAliases remembers the other names by which a manifest requires packages
// ("lodash-old": "npm:lodash@3"). self is the name of the directory that it is
// in.
func (s *scanner) declareAliases(m *nodeManifest, self string) {
	for as, spec := range m.specs {
		if as == self {
			continue // a package does not name itself
		}
		name, ok := strings.CutPrefix(spec, "npm:")
		if !ok {
			if strings.ContainsAny(spec, ":/") {
				s.npmAliases[aliasKey{as, ""}] = true // a URL, a repository or a file: the package has any name
			}
			continue
		}
		if at := strings.LastIndexByte(name, '@'); at > 0 {
			name = name[:at]
		}
		s.npmAliases[aliasKey{as, name}] = true
	}
}

// aliasKey is the name of a directory with the name of the package in it, empty
// for any.
type aliasKey struct{ as, name string }

// checkAliases reports the packages of Node in a directory of another name that
// no manifest requires by that name.
func (s *scanner) checkAliases() {
	for _, a := range s.misplaced {
		if !s.npmAliases[aliasKey{a.as, a.name}] && !s.npmAliases[aliasKey{a.as, ""}] {
			s.misname(a.unit, a.dir, "its name is %+q, the package.json in it is that of %+q, and nothing requires that package by this name", a.as, a.name)
		}
	}
}

// checkPlace compares the place of a package's metadata with the metadata, for
// the packages of catalogers.
func (s *scanner) checkPlace(i int, f catalogers.Found, n rootfs.Node) {
	t := s.tree
	u := &s.units[i]
	base := t.Name(n)
	switch {
	case f.Type == "gem" && strings.HasSuffix(base, ".gemspec") && isSpecifications(t, n):
		full := strings.TrimSuffix(base, ".gemspec")
		if want := u.Name + "-" + u.Version; full != want && !strings.HasPrefix(full, want+"-") && u.Version != "" {
			s.misname(i, n, "its name is %+q, and it is the specification of %s %s", base, u.Name, u.Version)
		}
	case f.Type == "cran" && base == "DESCRIPTION" && t.Name(t.Parent(n)) != u.Name:
		s.misname(i, n, "its directory is %+q, and it describes %s %s", t.Name(t.Parent(n)), u.Name, u.Version)
	case f.Cataloger == "conda-meta-cataloger" && !strings.HasPrefix(base, u.Name+"-"+u.Version+"-"):
		s.misname(i, n, "its name is %+q, and it is the record of %s %s", base, u.Name, u.Version)
	}
}

// isSpecifications reports whether a file is in a directory of specifications of
// installed gems.
func isSpecifications(t *rootfs.Tree, n rootfs.Node) bool {
	up := t.Parent(n)
	if t.Name(up) == "default" {
		up = t.Parent(up)
	}
	return t.Name(up) == "specifications"
}
