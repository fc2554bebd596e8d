package scan

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Packages that came with their interpreter (counting rule 3): the default gems
// of Ruby, and what "make install" of Python installs from the wheels in its own
// library. They are bundled in whatever accounts for the interpreter: an OS
// package, or the prefix that nothing accounts for.

// ensured are the packages that ensurepip installs, by their names: setuptools
// up to Python 3.11. A wheel of another package beside theirs hides nothing.
var ensured = []string{"pip", "setuptools"}

// findEnsured finds the distributions that Python's ensurepip installed: those
// that are beside its library, with the name and the version of a wheel in it
// (https://docs.python.org/3/library/ensurepip.html). One with another version
// was installed later.
func (s *scanner) findEnsured() {
	t := s.tree
	type wheel struct {
		site          rootfs.Node
		name, version string
	}
	programs := make(map[wheel]rootfs.Node)
	for bundled := range t.Named("_bundled") {
		ensurepip := t.Parent(bundled)
		library := t.Parent(ensurepip)
		if t.Name(ensurepip) != "ensurepip" || t.Kind(t.Child(library, "os.py")) != rootfs.File || !pythonLibrary.MatchString(t.Name(library)) {
			continue
		}
		program := t.ResolveNode(t.Child(t.Child(t.Parent(t.Parent(library)), "bin"), t.Name(library)))
		site := t.Child(library, "site-packages")
		if t.Kind(program) != rootfs.File || site == rootfs.None {
			continue
		}
		for n := range t.Children(bundled) {
			if part := strings.SplitN(t.Name(n), "-", 3); len(part) == 3 && strings.HasSuffix(part[2], ".whl") && slices.Contains(ensured, part[0]) {
				programs[wheel{site, part[0], part[1]}] = program
			}
		}
	}
	for i := range s.units {
		u := &s.units[i]
		if u.Type != "pypi" || u.node <= 0 || u.Install != nil {
			continue
		}
		if program, ok := programs[wheel{t.Parent(t.Parent(u.node)), u.Name, u.Version}]; ok {
			u.with = program
		}
	}
}

// settleWith bundles packages in the interpreter that they came with.
func (s *scanner) settleWith() {
	s.findEnsured()
	for i := range s.units {
		u := &s.units[i]
		if u.with == 0 || u.inside >= 0 || u.Owner != "" {
			continue
		}
		if s.owned(u.with) {
			u.Owner = s.osOwner(u.with)
		} else if c := s.accountedBy(u.with); c >= 0 && !s.leadsTo(c, i) {
			u.inside = c
		}
	}
}
