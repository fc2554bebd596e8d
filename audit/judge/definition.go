package judge

import (
	"cmp"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/lockcheck/definition"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// What the definition of a stage names.
//
// An action, an image or a runner is not in the environment after the job. They are
// counted beside its dependencies: the number of dependencies stays comparable with
// a stage that has no definition, and with every earlier report.

// Definition is what was read of the definitions of a stage.
type Definition struct {
	// Refs are the references as configured.
	Refs []string
	// Uses, Notes and Files are those of all of them. Paths are as the report has
	// them.
	Uses  []definition.Use
	Notes []definition.Note
	Files []string
	// Bare are the names of the runners whose own image runs the steps of a job, and
	// not only its container.
	Bare []string
}

// report returns the definition as a report has it, without what depends on the
// environment or the baseline.
func (d *Definition) report() *audit.Definition {
	if d == nil {
		return nil
	}
	out := &audit.Definition{Uses: []audit.Use{}}
	for _, ref := range d.Refs {
		out.Refs = append(out.Refs, sbom.ValidText(ref))
	}
	for _, f := range d.Files {
		out.Files = append(out.Files, sbom.ValidText(f))
	}
	slices.Sort(out.Files)
	out.Files = slices.Compact(out.Files)
	at := map[string]int{}
	type named struct {
		id string
		at audit.UsePlace
	}
	seen := map[named]bool{}
	for i := range d.Uses {
		if d.Uses[i].Pin == definition.ByCheckout {
			continue // it is a part of the project; what it uses in turn is in the list
		}
		u := use(&d.Uses[i])
		u.Contained = d.Uses[i].Kind == definition.UseRunner && !slices.Contains(d.Bare, d.Uses[i].Name)
		again := seen[named{u.ID, u.Places[0]}]
		seen[named{u.ID, u.Places[0]}] = true
		j, known := at[u.ID]
		if !known {
			at[u.ID] = len(out.Uses)
			out.Uses = append(out.Uses, u)
			continue
		}
		if again {
			u.Places = nil
		}
		out.Uses[j] = mergeUses(out.Uses[j], u)
	}
	slices.SortFunc(out.Uses, func(a, b audit.Use) int { return a.Compare(&b) })
	out.Counts = audit.CountUses(out.Uses)
	return out
}

// lockedRequirements returns the uses without the files of requirements that a lock
// of the stage is and that have hashes: pip requires a hash of everything as soon as
// one requirement has it (https://pip.pypa.io/en/stable/topics/secure-installs/).
// What is left is the backend of a source distribution, which has none.
func (d *Definition) lockedRequirements(locks []*lockcheck.Lock) {
	for i := range d.Uses {
		u := &d.Uses[i]
		file, is := strings.CutPrefix(u.Spec, "-r ")
		if u.Kind != definition.UseTool || u.Type != "generic" || !is {
			continue
		}
		u.Namespace, u.Name, u.Spec = "", path.Clean("/" + file)[1:], ""
		for _, l := range locks {
			if !strings.HasSuffix("/"+filepath.ToSlash(l.Path), "/"+u.Name) || !slices.ContainsFunc(l.Entries, func(e lockcheck.Entry) bool { return len(e.Hashes) > 0 }) {
				continue
			}
			u.Name, u.Pin, u.Detail = "build-backend", definition.Floating, "pip installs the build backend of a source distribution without a hash"
			u.Fix = "write --only-binary :all:, or --no-build-isolation with the backend in the lock"
			break
		}
	}
}

// use returns a use as a report has it.
func use(u *definition.Use) audit.Use {
	out := audit.Use{
		Kind: string(u.Kind), Name: sbom.ValidText(u.FullName()), Version: sbom.ValidText(cmp.Or(u.Version, u.Spec)), Pin: string(u.Pin), Text: sbom.ValidText(u.Text),
		Via: sbom.ValidText(u.Via), Detail: sbom.ValidText(u.Detail), Fix: sbom.ValidText(u.Fix),
		Places: []audit.UsePlace{{File: sbom.ValidText(u.File), Line: max(u.At.Line, 1), Column: u.At.Column}},
	}
	out.Key = out.Kind + " " + out.Name
	if u.Type != "" {
		out.Key = out.Kind + " " + sbom.ValidText(ecosystem.Canonical(u.Type, u.Type+"/"+u.FullName()))
		out.PURL = packageurl.NewPackageURL(u.Type, sbom.ValidText(u.Namespace), sbom.ValidText(u.Name), out.Version, nil, "").ToString()
	}
	if u.Kind == definition.UseRunner {
		out.Name = sbom.ValidText(u.Name)
	}
	out.ID = audit.UseID(out.Key, out.Version)
	return out
}

// mergeUses returns one use for two of one identity: with all places, and with the
// weaker pin.
func mergeUses(a, b audit.Use) audit.Use {
	if audit.WeakerPinThan(b.Pin, a.Pin) {
		b.Places, a.Places = a.Places, b.Places
		a, b = b, a
	}
	a.Places = append(a.Places, b.Places...)
	if b.Via == "" {
		a.Via = ""
	}
	return a
}

// definition reads the definition into the report, before anything is judged.
func (p *policy) definition(in *Definition, locks []*lockcheck.Lock, accepted *baseline.Stage) {
	if in != nil {
		in = &Definition{Refs: in.Refs, Uses: slices.Clone(in.Uses), Notes: in.Notes, Files: in.Files, Bare: in.Bare}
		in.lockedRequirements(locks)
	}
	d := in.report()
	p.stage.Definition = d
	if d == nil {
		return
	}
	for _, n := range in.Notes {
		at := audit.UsePlace{File: sbom.ValidText(n.File), Line: n.At.Line, Column: n.At.Column}
		if n.Kind != definition.Unread {
			at.Line = max(at.Line, 1)
			note := audit.UndecidedPlace{UsePlace: at, Detail: sbom.ValidText(n.Detail)}
			if !slices.Contains(d.Undecided, note) {
				d.Undecided = append(d.Undecided, note)
			}
			continue
		}
		gap := audit.Gap{Gap: sbom.Gap{Kind: audit.GapDefinition, Detail: at.String() + ": " + sbom.ValidText(n.Detail)}}
		p.waive.apply(&gap)
		if !slices.Contains(p.stage.Gaps, gap) {
			p.stage.Gaps = append(p.stage.Gaps, gap)
		}
	}
	if accepted == nil || accepted.Definition == nil {
		return
	}
	d.Known = true
	pairs, added, removed := audit.CompareUses(accepted.Definition, d.Accepted())
	d.Removed = removed
	for _, a := range added {
		d.Added = append(d.Added, a.String())
	}
	for _, pair := range pairs {
		if pair.Weaker() {
			d.Weaker = append(d.Weaker, audit.WeakerPin{ID: pair.Now.String(), From: pair.Before.Pin, To: pair.Now.Pin})
		}
		if pair.Before.Version != pair.Now.Version {
			d.Changed = append(d.Changed, audit.VersionChange{Key: pair.Now.Key, From: pair.Before.Version, To: pair.Now.Version})
		}
	}
}

// installed sets the dependency of the environment that each tool of the definition
// installs, and names the line in the reason of one that no lock pins.
func (p *policy) installed() {
	if p.stage.Definition == nil {
		return
	}
	byName := map[string][]*audit.Dependency{}
	for i := range p.stage.Dependencies {
		if d := &p.stage.Dependencies[i]; d.Kind == sbom.KindPackage && d.Provenance.Counted() {
			key := d.Type + "/" + ecosystem.Canonical(d.Type, ecosystem.Join(d.Namespace, d.Name))
			byName[key] = append(byName[key], d)
		}
	}
	for i := range p.stage.Definition.Uses {
		u := &p.stage.Definition.Uses[i]
		if u.Kind != string(definition.UseTool) || u.PURL == "" {
			continue
		}
		purl, err := packageurl.FromString(u.PURL)
		if err != nil {
			continue
		}
		found := byName[purl.Type+"/"+ecosystem.Canonical(purl.Type, ecosystem.Join(purl.Namespace, purl.Name))]
		for _, d := range found {
			if u.Dependency == "" || d.Version == u.Version {
				u.Dependency = d.ID
			}
			if d.Why != nil && !strings.Contains(d.Why.Detail, "; installed at ") {
				d.Why.Detail += "; installed at " + u.Places[0].String()
			}
		}
	}
}

// machinery applies the rules about the definition.
func (p *policy) machinery(accepted *baseline.Stage) {
	d := p.stage.Definition
	if d == nil {
		if accepted != nil && accepted.Definition != nil {
			p.add(audit.RuleDefinitionGone, audit.Facts{Count: len(accepted.Definition), Accept: updateCommand(p.config, true)})
		}
		return
	}
	p.installed()
	type group struct {
		rule     string
		severity audit.Severity
	}
	found := map[group]*audit.Facts{}
	for i := range d.Uses {
		u := &d.Uses[i]
		r, severity := useRule(u, p.config.Strict())
		if r.ID == "" {
			continue
		}
		h := p.except.forUse(r.ID, u)
		p.except.use(h, r.ID, "", u.ID)
		if h.live {
			u.Exception = excuse(h.x)
			continue
		}
		g := group{r.ID, severity}
		if found[g] == nil {
			found[g] = &audit.Facts{Severity: severity}
		}
		if severity == audit.Warning && u.Pin == string(definition.ByVersion) {
			found[g].Limit++
		}
		found[g].Uses = append(found[g].Uses, u.ID)
	}
	groups := slices.SortedFunc(maps.Keys(found), func(a, b group) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.severity, b.severity))
	})
	for _, g := range groups {
		r, _ := audit.RuleByID(g.rule)
		f := found[g]
		if f.Limit != len(f.Uses) {
			f.Limit = 0 // not by version alone
		}
		p.addUses(r, *f)
	}
	if !p.gated || accepted == nil {
		return
	}
	if !d.Known {
		p.add(audit.RuleNewUse, audit.Facts{Count: len(d.Uses), Subject: ": it has no definition of the stage yet", Advice: "record it", Accept: updateCommand(p.config, false)})
		return
	}
	if len(d.Added) > 0 {
		p.addUses(audit.RuleNewUse, audit.Facts{Uses: d.Added, Accept: updateCommand(p.config, true)})
	}
	var weaker []string
	for _, w := range d.Weaker {
		weaker = append(weaker, w.ID)
	}
	if len(weaker) > 0 {
		p.addUses(audit.RuleWeakerPin, audit.Facts{Uses: weaker, Detail: ": " + d.Weaker[0].From + " became " + d.Weaker[0].To, Accept: updateCommand(p.config, true)})
	}
}

// addUses adds a finding about uses.
func (p *policy) addUses(r audit.Rule, f audit.Facts) {
	var names, advice []string
	uses := p.stage.Definition.ByID()
	for _, id := range f.Uses {
		u := uses[id]
		if u == nil {
			continue
		}
		names = append(names, u.Label())
		if u.Fix != "" && !slices.Contains(advice, u.Fix) && len(advice) < mostAdvice {
			advice = append(advice, u.Fix)
		}
	}
	f.Count, f.Subject = len(f.Uses), audit.Among(names)
	if r.ID != audit.RuleNewUse.ID {
		f.Advice = strings.Join(advice, "\n")
	}
	p.add(r, f)
}

// mostAdvice bounds the hints of one finding; the others are of the same kind.
const mostAdvice = 3

// useRule returns the rule that a use breaks, with the severity in the stage; none
// for one that is fixed, or that nothing could fix better.
func useRule(u *audit.Use, strict bool) (audit.Rule, audit.Severity) {
	if u.Fixed() {
		return audit.Rule{}, ""
	}
	version := u.Pin == string(definition.ByVersion)
	switch definition.UseKind(u.Kind) {
	case definition.UseRunner:
		if u.Contained {
			return audit.Rule{}, "" // what runs is the image of the container
		}
		return audit.RuleFloatingRunner, audit.RuleFloatingRunner.Severity(strict)
	case definition.UseTool, definition.UseDownload:
		r := audit.RuleUnlockedInstall
		switch {
		case version && (strings.HasPrefix(u.PURL, "pkg:generic/") || !strict):
			return audit.Rule{}, "" // a release of a tool has no digest that a setup action could check
		case version, u.Dependency != "":
			return r, audit.Warning
		}
		return r, r.Severity(strict)
	}
	if version {
		return audit.Rule{}, ""
	}
	return audit.RuleFloatingUse, audit.RuleFloatingUse.Severity(strict)
}

// forUse returns the exception for a use that breaks a rule.
func (e *stageExceptions) forUse(rule string, u *audit.Use) hit {
	if u.PURL == "" {
		return hit{}
	}
	purl, err := packageurl.FromString(u.PURL)
	if err != nil {
		return hit{}
	}
	return e.find(rule, nil, func(i int) bool {
		x := &e.list[i]
		return x.PURL != "" && x.Path == "" && e.sel[i].matchesPURL(nil, &purl)
	})
}
