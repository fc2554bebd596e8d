package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
	// wild is set if namespace, name or version of purl have wildcards.
	wild bool
	path string
	// tree is set if a path covers what is below the directory that it matches.
	tree bool
}

func newSelector(name, purl, path string) selector {
	s := selector{name: name, path: path}
	if purl != "" {
		if p, err := packageurl.FromString(purl); err == nil {
			s.purl, s.wild = &p, strings.Contains(p.Namespace+p.Name+p.Version, "*")
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
func (s *selector) matches(c *sbom.Component) bool { return s.matchesAs(c, nil) }

// matchesAs is matches for a component whose package URL was parsed already, nil
// for one that was not.
func (s *selector) matchesAs(c *sbom.Component, purl *packageurl.PackageURL) bool {
	if s.name == "" && s.purl == nil && s.path == "" {
		return false
	}
	return (s.name == "" || s.name == c.Name) &&
		(s.purl == nil || s.matchesPURL(c, purl)) &&
		(s.path == "" || s.matchesPaths(c.Paths))
}

// parsedPURL returns the package URL of a component.
func parsedPURL(c *sbom.Component) *packageurl.PackageURL {
	have, err := packageurl.FromString(c.PURL)
	if err != nil {
		have = packageurl.PackageURL{Type: c.Type, Namespace: c.Namespace, Name: c.Name, Version: c.Version}
	}
	return &have
}

func (s *selector) matchesPURL(c *sbom.Component, have *packageurl.PackageURL) bool {
	if have == nil {
		have = parsedPURL(c)
	}
	want := s.purl
	if want.Type != have.Type || !s.matchesName(have) {
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

// matchesName compares namespace, name and version.
func (s *selector) matchesName(have *packageurl.PackageURL) bool {
	want := s.purl
	if !s.wild {
		return want.Namespace == have.Namespace && want.Name == have.Name && (want.Version == "" || want.Version == have.Version)
	}
	return matchesStars(fullName(want), fullName(have)) && (want.Version == "" || matchesStars(want.Version, have.Version))
}

func fullName(p *packageurl.PackageURL) string {
	return strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")
}

// notStars escapes what doublestar gives a meaning besides the asterisk.
var notStars = strings.NewReplacer(`\`, `\\`, "?", `\?`, "[", `\[`, "{", `\{`, "}", `\}`)

// matchesStars matches a pattern in which only asterisks have a meaning: one for
// any characters but a slash, two as a part for any number of parts.
func matchesStars(pattern, s string) bool {
	ok, err := doublestar.Match(notStars.Replace(pattern), s)
	return err == nil && ok
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
	if s.isPath(path) {
		return true
	}
	pattern := s.path
	if s.tree {
		dir := strings.TrimRight(s.path, "/") + "/"
		if strings.HasPrefix(path, dir) {
			return true
		}
		pattern = dir + "**" // which matches the directory itself, too
	}
	ok, err := doublestar.Match(pattern, path)
	return err == nil && ok
}

// isPath reports whether the pattern is the path itself.
func (s *selector) isPath(path string) bool {
	return s.path == path || s.tree && strings.TrimRight(s.path, "/") == path
}

// one reports whether the selector names one thing: a package without wildcards,
// and paths that are the pattern itself.
func (s *selector) one(paths []string) bool {
	wild := s.purl != nil && strings.Contains(s.purl.Namespace+s.purl.Name, "*")
	return !wild && (s.path == "" || !slices.ContainsFunc(paths, func(p string) bool { return !s.isPath(p) }))
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
		s := newSelector("", x.PURL, x.Path)
		s.tree = true
		e.sel = append(e.sel, s)
		expires = append(expires, x.Expires)
	}
	e.terms = newTerms(today, expires)
	return e
}

// inStage returns the exceptions as they apply to a stage.
func (e *exceptions) inStage(name string) *stageExceptions {
	return &stageExceptions{exceptions: e, stage: name, uses: map[int]*exceptionUse{}, byDefault: map[string]bool{}, lapsed: map[string][]lapse{}, covered: map[string]map[audit.Coverage]bool{}}
}

// stageExceptions are the exceptions of one stage, with what they excuse in it.
type stageExceptions struct {
	*exceptions
	stage string
	// uses are by the index of the exception; of an expired one, what it no longer
	// excuses.
	uses map[int]*exceptionUse
	// byDefault has, for each rule that was asked about, whether an exception covers
	// it without naming it.
	byDefault map[string]bool
	// lapsed are the expired exceptions of what breaks a rule, by its ID.
	lapsed map[string][]lapse
	// covered has the exceptions that cover a dependency by a wildcard or by its
	// directory, by its ID.
	covered map[string]map[audit.Coverage]bool
}

// exceptionUse is what one exception excuses in a stage.
type exceptionUse struct {
	rules, dependencies, paths map[string]bool
}

// lapse is something that an expired exception covers.
type lapse struct {
	at       int
	id, path string
}

// hit is the exception for something; x is nil without one.
type hit struct {
	x    *config.Exception
	at   int
	live bool
	// wide is set if the exception has a wildcard, or names a directory around it.
	wide bool
}

// anything reports whether the exception covers whatever is put where it applies:
// its path is a directory, or its purl has a wildcard.
func (h hit) anything() bool {
	return h.x != nil && h.wide && (h.x.PURL == "" || config.HasWildcard(h.x.PURL))
}

// covers returns what a baseline records of a live exception that may cover more
// later, else "".
func (h hit) covers() string {
	if h.x == nil || !h.live || !h.wide {
		return ""
	}
	return h.x.String()
}

// find returns the first live exception that matches, or else the first expired
// one. One that names the thing comes before a wildcard, so that what it covers is
// not the wildcard's.
func (e *stageExceptions) find(rule string, paths []string, matches func(int) bool) hit {
	byDefault, known := e.byDefault[rule]
	if !known {
		r, ok := audit.RuleByID(rule)
		byDefault = ok && r.ExcusedByDefault()
		e.byDefault[rule] = byDefault
	}
	var found [4]*hit
	for i := range e.list {
		x := &e.list[i]
		covers := byDefault
		if len(x.Rules) > 0 {
			covers = slices.Contains(x.Rules, rule)
		}
		if !covers || !x.ForStage(e.stage) || !matches(i) {
			continue
		}
		h := &hit{x: x, at: i, live: e.live[i], wide: !e.sel[i].one(paths)}
		place := 0
		if !h.live {
			place = 2
		}
		if h.wide {
			place++
		}
		if found[place] == nil {
			found[place] = h
		}
	}
	for _, h := range found {
		if h != nil {
			return *h
		}
	}
	return hit{}
}

// forComponent returns the exception for a component that breaks a rule.
func (e *stageExceptions) forComponent(rule string, c *sbom.Component) hit {
	var purl *packageurl.PackageURL
	return e.find(rule, c.Paths, func(i int) bool {
		x := &e.list[i]
		if x.PURL == "" && c.Kind != sbom.KindFiles && len(x.Rules) == 0 {
			return false // a path alone is for unaccounted files
		}
		if purl == nil && x.PURL != "" {
			purl = parsedPURL(c)
		}
		return e.sel[i].matchesAs(c, purl)
	})
}

// forPath returns the exception for a path that breaks a rule and belongs to no
// component.
func (e *stageExceptions) forPath(rule, path string) hit {
	return e.find(rule, []string{path}, func(i int) bool {
		return e.list[i].PURL == "" && path != "" && e.sel[i].matchesPath(path)
	})
}

// use records that an exception is needed for a rule that a dependency or a path
// breaks, either of which may be empty. Of an expired one it records that the rule
// applies again.
func (e *stageExceptions) use(h hit, rule, id, path string) {
	if h.x == nil {
		return
	}
	u := e.uses[h.at]
	if u == nil {
		u = &exceptionUse{rules: map[string]bool{}, dependencies: map[string]bool{}, paths: map[string]bool{}}
		e.uses[h.at] = u
	}
	u.rules[rule] = true
	if id != "" {
		u.dependencies[id] = true
	}
	if path != "" {
		u.paths[path] = true
	}
	switch {
	case !h.live:
		e.lapsed[rule] = append(e.lapsed[rule], lapse{h.at, id, path})
	case h.wide && id != "":
		if e.covered[id] == nil {
			e.covered[id] = map[audit.Coverage]bool{}
		}
		e.covered[id][audit.Coverage{Exception: h.x.String(), Rule: rule}] = true
	}
}

// hasLapsed reports whether a dependency breaks a rule for which it has an expired
// exception.
func (e *stageExceptions) hasLapsed(id string) bool {
	for i, u := range e.uses {
		if !e.live[i] && u.dependencies[id] {
			return true
		}
	}
	return false
}

// note returns the end of a message about dependencies and paths that break a rule
// for which they had exceptions.
func (e *stageExceptions) note(rule string, f *audit.Facts) string {
	if len(e.lapsed[rule]) == 0 {
		return ""
	}
	ids, paths := setOf(f.Dependencies), setOf(f.Paths)
	ended := map[int]bool{}
	last := -1
	for _, l := range e.lapsed[rule] {
		if ids[l.id] || paths[l.path] {
			ended[l.at] = true
			if last < 0 || e.list[l.at].Expires > e.list[last].Expires {
				last = l.at
			}
		}
	}
	switch len(ended) {
	case 0:
		return ""
	case 1:
		x := &e.list[last]
		return fmt.Sprintf("; the exception for %s (%s) ended on %s", x, x.Owner, x.Expires)
	}
	return fmt.Sprintf("; %d exceptions have ended, the last one on %s", len(ended), e.list[last].Expires)
}

// excuse returns the exception as the report repeats it.
func excuse(x *config.Exception) *audit.ExceptionRef {
	return &audit.ExceptionRef{Reason: x.Reason, Owner: x.Owner, Expires: x.Expires}
}

// days returns the number of days from one day to another, 0 if one of them is
// none.
func days(from, to string) int {
	a, errA := time.Parse(time.DateOnly, from)
	b, errB := time.Parse(time.DateOnly, to)
	if errA != nil || errB != nil {
		return 0
	}
	const day = 24 * 60 * 60 // a time.Duration ends after 292 years
	return int((b.Unix() - a.Unix()) / day)
}

// excepted reports whether a live exception covers a component that breaks a rule,
// and records its use.
func (p *policy) excepted(r audit.Rule, id string) bool {
	c := p.footprint.doc.Component(id)
	if c == nil {
		return false
	}
	h := p.except.forComponent(r.ID, c)
	if h.anything() && r.ComparesAccepted() {
		return false // it would cover every later change, see config.checkException
	}
	p.except.use(h, r.ID, id, "")
	return h.live
}

// without returns the IDs of components that no live exception covers.
func (p *policy) without(r audit.Rule, ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return p.excepted(r, id) })
}

// excusing returns the exception for a notice or a file that breaks a rule: one for
// its path, or else one for its component.
func (p *policy) excusing(rule, path, component string) hit {
	byPath := p.except.forPath(rule, path)
	if byPath.live {
		return byPath
	}
	if c := p.footprint.doc.Component(component); c != nil {
		if h := p.except.forComponent(rule, c); h.x != nil && (h.live || byPath.x == nil) {
			return h
		}
	}
	return byPath
}
