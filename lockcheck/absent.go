package lockcheck

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/pep508"
)

// Absent is a package that a lock has and that is not installed where the lock
// governs.
type Absent struct {
	Entry *Entry
	// Others are the versions of it that are installed instead, sorted.
	Others []string
	// Unknown is true where it cannot be decided whether the entry is for this
	// environment: a marker or a platform that the environment does not show.
	Unknown bool
}

// Absent returns the entries of the locks for which no package is installed, one
// for each name and version of a lock, in the order of the locks and of their
// entries. It leaves out those that are for other environments than the given
// ones, the project itself, constraints, and go.sum, which has the modules that
// were looked at and not only those that are built. Groups, extras and optional
// packages count as requested, since no environment shows whether they were.
func (s *Set) Absent(installed []Package, envs []map[string]string, on Platform) []Absent {
	byName := map[packageKey][]*Package{}
	for i := range installed {
		p := installed[i]
		if p.Type == "maven" {
			s.identifyJar(&p)
		}
		key := packageKey{p.Type, ecosystem.Canonical(p.Type, ecosystem.Join(p.Namespace, p.Name))}
		byName[key] = append(byName[key], &p)
	}
	var out []Absent
	for i, l := range s.locks {
		if l.Definition {
			continue
		}
		seen := map[[3]string]bool{}
		for j := range l.Entries {
			e := &l.Entries[j]
			id := [3]string{e.Type, ecosystem.Canonical(e.Type, e.fullName()), e.Version}
			if e.FirstParty || e.Base || e.Constraint || e.hashesOnly || e.Type == "golang" || e.Source.Kind == KindLink || seen[id] {
				continue
			}
			seen[id] = true
			a := Absent{Entry: e}
			here := false
			for _, p := range byName[packageKey{e.Type, id[1]}] {
				if !s.Governing(i, p.Type, p.Paths) {
					continue
				}
				if e.Version == "" || sameLocked(e, p.Version) {
					here = true
					break
				}
				a.Others = append(a.Others, p.Version)
			}
			applies := s.appliesAny(candidate{lock: i, index: j, entry: e}, envs, on)
			if here || applies == pep508.False {
				continue
			}
			slices.Sort(a.Others)
			a.Others, a.Unknown = slices.Compact(a.Others), applies == pep508.Unknown
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b Absent) int {
		return cmp.Or(cmp.Compare(a.Entry.File, b.Entry.File), cmp.Compare(a.Entry.Line, b.Entry.Line), cmp.Compare(a.Entry.Name, b.Entry.Name), cmp.Compare(a.Entry.Version, b.Entry.Version))
	})
	return out
}

// appliesAny reports whether an installer takes an entry in one of the Python
// environments, or on the platform.
func (s *Set) appliesAny(c candidate, envs []map[string]string, on Platform) pep508.Truth {
	p := Package{Type: c.entry.Type, Platform: on}
	if c.entry.Type != "pypi" || len(envs) == 0 {
		applies, _ := s.applies(&p, c, nil)
		return applies
	}
	best := pep508.False
	for _, env := range envs {
		applies, _ := s.applies(&p, c, env)
		best = max(best, applies)
	}
	return best
}
