package judge

import (
	"slices"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/growth"
	"github.com/depaudit/depaudit/sbom/version"
)

// changed reports what differs of dependencies that the baseline has: the files
// or the lock entry of the same version, an older version, another copy. One
// whose evidence is weaker, or that is new, breaks other rules.
func (p *policy) changed(pairs []growth.Pair) {
	var content, locks, older, copies audit.Facts
	one := func(r audit.Rule, f *audit.Facts, d *audit.Dependency, detail string, paths ...string) {
		if p.excepted(r, d.ID) {
			return
		}
		if f.Count++; f.Count == 1 {
			f.Subject, f.Detail = d.Label(), detail
		}
		f.Dependencies = append(f.Dependencies, d.ID)
		f.Paths = append(f.Paths, paths...)
	}
	slices.SortFunc(pairs, func(a, b growth.Pair) int { return a.Now.Compare(b.Now) })
	for _, pair := range pairs {
		before, now := pair.Before, pair.Now
		d := p.footprint.byID[now.ID]
		if d == nil {
			continue
		}
		added := newPaths(before, now)
		if len(added) > 0 {
			one(audit.RuleCopy, &copies, d, added[0], added...)
		}
		if before.Version != now.Version {
			if order, err := version.Compare(d.Type, now.Version, before.Version); err == nil && order < 0 {
				one(audit.RuleDowngraded, &older, d, "it was "+before.Version)
			}
			continue
		}
		// A verified baseline has a digest of each dependency that has files.
		if (before.Content != "" || p.verified) && now.Content != "" && before.Content != now.Content && len(added) == 0 {
			paths := p.footprint.differing[d.ID]
			switch q := p.footprint.proofs[d.ID]; {
			case len(paths) > 0:
			case q != nil && q.LayerFile != "":
				paths = []string{q.LayerFile}
			case q != nil && q.Latest != "":
				paths = []string{q.Latest} // most likely the one that changed
			default:
				paths = d.Paths[:min(1, len(d.Paths))]
			}
			one(audit.RuleContent, &content, d, "", paths...)
		}
		hadLock := before.Locked != "" || p.verified && before.Provenance == audit.FromLock
		if hadLock && now.Locked != "" && before.Locked != now.Locked {
			detail := ""
			if d.Lock != nil {
				detail = d.Lock.File
			}
			one(audit.RuleLockChanged, &locks, d, detail)
		}
	}
	for _, x := range []struct {
		rule  audit.Rule
		facts audit.Facts
	}{{audit.RuleContent, content}, {audit.RuleCopy, copies}, {audit.RuleDowngraded, older}, {audit.RuleLockChanged, locks}} {
		if x.facts.Count > 0 {
			x.facts.Accept = updateCommand(p.config, true)
			p.add(x.rule, x.facts)
		}
	}
}

// newPaths returns the places of a dependency at which it was not accepted. Of
// another version the places have other names, so that their number decides.
func newPaths(before, now audit.Accepted) []string {
	if len(before.Paths) == 0 || before.Version != now.Version && len(now.Paths) <= len(before.Paths) {
		return nil
	}
	var out []string
	for _, path := range now.Paths {
		if !slices.Contains(before.Paths, path) {
			out = append(out, path)
		}
	}
	return out
}
