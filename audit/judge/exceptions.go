package judge

import (
	"slices"

	"github.com/anchore/packageurl-go"
	"github.com/bmatcuk/doublestar/v4"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/sbom"
)

// selector matches components by a name, a package URL and a path pattern of
// the configuration.
type selector struct {
	name string
	purl *packageurl.PackageURL
	path string
}

func newSelector(name, purl, path string) selector {
	s := selector{name: name, path: path}
	if purl != "" {
		if p, err := packageurl.FromString(purl); err == nil {
			s.purl = &p
		} else {
			// The parser refuses invalid package URLs. A configuration that a
			// program made must not match everything because of one.
			s.purl = &packageurl.PackageURL{}
		}
	}
	return s
}

// matches compares name, package URL and paths, as far as each is set. A
// selector without any of them matches nothing.
func (s *selector) matches(c *sbom.Component) bool {
	if s.name == "" && s.purl == nil && s.path == "" {
		return false
	}
	return (s.name == "" || s.name == c.Name) &&
		(s.purl == nil || s.matchesPURL(c)) &&
		(s.path == "" || s.matchesPaths(c.Paths))
}

func (s *selector) matchesPURL(c *sbom.Component) bool {
	have, err := packageurl.FromString(c.PURL)
	if err != nil {
		have = packageurl.PackageURL{Type: c.Type, Namespace: c.Namespace, Name: c.Name, Version: c.Version}
	}
	want := s.purl
	if want.Type != have.Type || want.Namespace != have.Namespace || want.Name != have.Name {
		return false
	}
	if want.Version != "" && want.Version != have.Version {
		return false
	}
	if want.Subpath != "" && want.Subpath != have.Subpath {
		return false
	}
	qualifiers := have.Qualifiers.Map()
	for _, q := range want.Qualifiers {
		if qualifiers[q.Key] != q.Value {
			return false
		}
	}
	return true
}

// matchesPaths reports whether all paths match. A component that is also in
// another place is not what the pattern was written for.
func (s *selector) matchesPaths(paths []string) bool {
	return len(paths) > 0 && !slices.ContainsFunc(paths, func(p string) bool { return !s.matchesPath(p) })
}

// matchesPath reports whether the pattern matches, or is the path itself: a
// path as a report prints it may have characters that a pattern gives another
// meaning, the backslash of [sbom.Escape] among them.
func (s *selector) matchesPath(path string) bool {
	if s.path == path {
		return true
	}
	ok, err := doublestar.Match(s.path, path)
	return err == nil && ok
}

// terms are the states of the entries of a list in the configuration: live or
// expired, used or unused.
type terms struct {
	live []bool
	used []bool
}

// newTerms compares the last days of entries with today. An invalid date makes
// an entry expired, since it must not make it permanent.
func newTerms(today string, expires []string) terms {
	t := terms{live: make([]bool, len(expires)), used: make([]bool, len(expires))}
	known := config.IsDate(today)
	for i, last := range expires {
		t.live[i] = known && config.IsDate(last) && today <= last
	}
	return t
}

// first returns the index of the first live entry that matches, else that of
// the first expired one, else -1. The entry counts as used, since its deletion
// would change the report.
func (t *terms) first(matches func(int) bool) (at int, live bool) {
	at = -1
	for i := range t.live {
		if !matches(i) {
			continue
		}
		if t.live[i] {
			t.used[i] = true
			return i, true
		}
		if at < 0 {
			at = i
		}
	}
	if at >= 0 {
		t.used[at] = true
	}
	return at, false
}

// exceptions are those of a pipeline, with the day of the audit.
type exceptions struct {
	terms
	list  []config.Exception
	sel   []selector
	today string
}

func newExceptions(list []config.Exception, today string) *exceptions {
	e := &exceptions{list: list, today: today}
	var expires []string
	for _, x := range list {
		e.sel = append(e.sel, newSelector("", x.PURL, x.Path))
		expires = append(expires, x.Expires)
	}
	e.terms = newTerms(today, expires)
	return e
}

// forComponent returns the first live exception for a component, else the
// first expired one.
func (e *exceptions) forComponent(c *sbom.Component) (x *config.Exception, live bool) {
	return e.first(func(i int) bool {
		if e.list[i].PURL == "" && c.Kind != sbom.KindFiles {
			return false // a path alone is for unaccounted files
		}
		return e.sel[i].matches(c)
	})
}

// forPath returns the exception for a path that belongs to no component.
func (e *exceptions) forPath(path string) (x *config.Exception, live bool) {
	return e.first(func(i int) bool {
		return e.list[i].PURL == "" && path != "" && e.sel[i].matchesPath(path)
	})
}

func (e *exceptions) first(matches func(int) bool) (*config.Exception, bool) {
	at, live := e.terms.first(matches)
	if at < 0 {
		return nil, false
	}
	return &e.list[at], live
}

// excuse returns the exception as the report repeats it.
func excuse(x *config.Exception) *audit.ExceptionRef {
	return &audit.ExceptionRef{Reason: x.Reason, Owner: x.Owner, Expires: x.Expires}
}
