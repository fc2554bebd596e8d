package lockcheck

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/pep508"
)

// Host returns the host that the installer takes the entry from, empty for the
// registries that the ecosystem's tools use by themselves: a lock that names them
// pins what one without hosts does.
func (e *Entry) Host() string {
	if e.Source.URL != "" && isDefault(e.Type, e.Source.URL) {
		return ""
	}
	if l, ok := parseLocation(e.Source.URL); ok && l.host != "" {
		return l.host
	}
	return e.Source.Registry
}

// contradicting returns another entry for the version of a package that pins it
// to other bytes than an entry does: both have strong hashes of one algorithm,
// and none in common. Nil if there is none. Only entries that apply in the
// environment are compared, and only such as come from a registry: a repository
// or a file is another origin and has its own rules. Within one lock only Python
// packages are compared, and only where both entries apply for certain: locks of
// other ecosystems have one version from several registries or in several
// directories.
func (s *Set) contradicting(p *Package, of *Entry, candidates []candidate, env pep508.Environment) *Entry {
	at := slices.IndexFunc(candidates, func(c candidate) bool { return c.entry == of })
	if at < 0 {
		return nil
	}
	for _, c := range candidates {
		e := c.entry
		same := c.lock == candidates[at].lock
		if same && (e == of || p.Type != "pypi") || !sameLocked(e, p.Version) || e.Source.Kind != of.Source.Kind || !disjoint(strong(of.Hashes), strong(e.Hashes)) {
			continue
		}
		if ecosystem.Canonical(e.Type, e.fullName()) != ecosystem.Canonical(of.Type, of.fullName()) {
			continue
		}
		if applies, _ := s.applies(p, c, env); applies == pep508.True || applies != pep508.False && !same {
			return e
		}
	}
	return nil
}

// disjoint reports whether two lists have hashes of one algorithm, and none in
// common.
func disjoint(a, b []Hash) bool {
	have, algorithms := map[Hash]bool{}, map[string]bool{}
	for _, x := range a {
		have[x], algorithms[x.Algorithm] = true, true
	}
	comparable := false
	for _, y := range b {
		if have[y] {
			return false
		}
		comparable = comparable || algorithms[y.Algorithm]
	}
	return comparable
}

// contradictionText is a contradiction of two entries as one sentence.
func contradictionText(name string, a, b *Entry) string {
	hosts := ""
	if x, y := cmp.Or(a.Host(), "the default registry"), cmp.Or(b.Host(), "the default registry"); x != y {
		hosts = ", from " + quote(x) + " and " + quote(y)
	}
	return place(a) + " and " + place(b) + " lock " + quote(name) + " with different hashes" + hosts
}
