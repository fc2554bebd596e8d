package judge

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// contradiction is a dependency that two locks pin to different bytes.
type contradiction struct {
	id, text string
	paths    []string
}

// contradicts records the contradiction in a result.
func (f *footprint) contradicts(d *audit.Dependency, r lockcheck.Result) {
	if r.Contradicts == nil {
		return
	}
	f.useLock(r.Contradicts)
	h := f.except.forComponent(audit.RuleContradiction.ID, &d.Component)
	f.except.use(h, audit.RuleContradiction.ID, d.ID, "")
	if h.live {
		return
	}
	paths := []string{sbom.ValidText(r.Entry.File), sbom.ValidText(r.Contradicts.File)}
	f.contradicting = append(f.contradicting, contradiction{d.ID, sbom.ValidText(r.Contradiction), paths})
}

// findSmuggled finds the npm packages that are bundled with a locked one and that
// its lock does not have. npm lists bundled packages in package-lock.json
// ("inBundle"), since they are in the tarball that it hashes. What a package
// contains besides its node_modules is its own and in no lock.
func (f *footprint) findSmuggled() {
	for i := range f.dependencies {
		d := &f.dependencies[i]
		if d.Provenance != audit.FromBundled || d.Type != "npm" || d.Kind != sbom.KindPackage {
			continue
		}
		owner := f.byID[d.Owner]
		if owner == nil || owner.Type != "npm" || owner.Provenance != audit.FromLock || !f.listsBundled(owner) || !isBelow(&d.Component, &owner.Component) {
			continue
		}
		if r := f.match(&d.Component); !r.Pinned && (r.Reason == lockcheck.NotInAnyLock || r.Reason == lockcheck.OtherVersion || r.Reason == lockcheck.Alias) {
			h := f.except.forComponent(audit.RuleIdentity.ID, &d.Component)
			f.except.use(h, audit.RuleIdentity.ID, d.ID, "")
			if h.live {
				continue
			}
			f.smuggled = append(f.smuggled, d.ID)
		}
	}
}

// listsBundled reports whether the lock that pins a dependency lists what is
// bundled with it.
func (f *footprint) listsBundled(d *audit.Dependency) bool {
	return d.Lock != nil && slices.ContainsFunc(f.locks, func(l *lockcheck.Lock) bool {
		return l.Format == "package-lock.json" && sbom.ValidText(l.Path) == d.Lock.File
	})
}

// isBelow reports whether a package is in the node_modules of another one.
func isBelow(c, owner *sbom.Component) bool {
	for _, in := range owner.Paths {
		dir := strings.TrimSuffix(in, "/package.json")
		for _, p := range c.Paths {
			if rest, ok := strings.CutPrefix(p, dir+"/"); ok && onlyModules.MatchString(rest) {
				return true
			}
		}
	}
	return false
}

var onlyModules = lazyregexp.New(`^(node_modules/(@[^/]+/)?[^/]+/)+package\.json$`)

// contradictions reports both.
func (p *policy) contradictions() {
	if list := p.footprint.contradicting; len(list) > 0 {
		facts := audit.Facts{Count: len(list), Subject: list[0].text}
		for _, c := range list {
			facts.Dependencies = append(facts.Dependencies, c.id)
			facts.Paths = append(facts.Paths, c.paths...)
		}
		slices.Sort(facts.Dependencies)
		slices.Sort(facts.Paths)
		facts.Paths = slices.Compact(facts.Paths)
		p.add(audit.RuleContradiction, facts)
	}
	if ids := p.footprint.smuggled; len(ids) > 0 {
		f := audit.Facts{Dependencies: ids}
		for _, id := range ids {
			f.Paths = append(f.Paths, p.footprint.byID[id].Paths...)
		}
		p.add(audit.RuleIdentity, f)
	}
}
