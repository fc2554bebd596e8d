package judge

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// policy applies the rules to a stage. The texts of findings are in the rules;
// the policy collects the facts.
type policy struct {
	stage     *audit.Stage
	config    *config.Stage
	footprint *footprint // nil when the scan was lost
	from      *audit.PolicyFrom
	except    *stageExceptions
	waive     *waivers
	// gated is false for a scan without configuration, which is not compared
	// with a baseline.
	gated bool
	// verified is true if the baseline has digests of the files.
	verified bool
	// coveredFiles are the paths that the baseline does not have under the wildcard
	// or the directory of an exception, by that.
	coveredFiles map[string][]string
	// coveredNotices are the places of notices that such an exception covers.
	coveredNotices []audit.AcceptedFile
}

// judge applies every rule and sorts the findings.
func (p *policy) judge(accepted *baseline.Stage) {
	p.verified = accepted != nil && accepted.Verified
	p.gaps()
	p.machinery(accepted)
	p.remembered(accepted)
	if p.footprint != nil {
		p.empty()
		p.limitations()
		p.waivers()
		p.firstParty()
		p.base()
		if !p.footprint.unjudged() {
			p.baseline()
			p.limit()
			p.provenance()
			p.contradictions()
			p.required()
		}
		p.notices()
		p.forged()
		p.files(accepted)
		p.markCovered()
		p.newlyCovered(accepted)
		p.introduced()
		p.locks()
		p.roots()
		if !p.footprint.unjudged() {
			p.expired()
		}
		p.reportUses(accepted)
	}
	audit.SortFindings(p.stage.Findings)
}

// add adds a finding of the rule, with the severity of the facts or else the
// rule's in this stage.
func (p *policy) add(r audit.Rule, f audit.Facts) {
	f.Severity = cmp.Or(f.Severity, r.Severity(p.config.Strict()))
	if f.Severity != "" {
		f.Note += p.except.note(r.ID, &f)
		p.stage.Findings = append(p.stage.Findings, r.Finding(f))
	}
}

func (p *policy) gaps() {
	n := p.stage.OpenGaps()
	if n == 0 {
		return
	}
	// Of gaps that the configuration can waive, the hint has the entry.
	f := audit.Facts{Count: n}
	var other *audit.Gap
	for i := range p.stage.Gaps {
		switch g := &p.stage.Gaps[i]; {
		case g.Waived != nil:
		case g.Kind == sbom.GapPermission:
			f.Limit++
		default:
			other = g
		}
	}
	switch {
	case f.Limit > 0:
		f.Subject = "kind: " + string(sbom.GapPermission)
	case n == 1 && other.Kind == audit.GapDefinition:
		f.Subject = "kind: " + string(audit.GapDefinition)
	case n == 1 && other.Waivable() && other.Path != "":
		f.Subject = fmt.Sprintf("kind: %s, path: %q", other.Kind, other.Path)
	}
	if f.Limit > 0 {
		f.Command = rootCommand(p.config, !p.gated)
	}
	if f.Subject != "" {
		f.Detail = waiverEnds(p.except.today)
	}
	p.add(audit.RuleGaps, f)
}

// waiverEnds returns the last day that a hint proposes for a waiver: three months
// from today.
func waiverEnds(today string) string {
	day, err := time.Parse(time.DateOnly, today)
	if err != nil {
		return "YYYY-MM-DD"
	}
	const months = 3
	return day.AddDate(0, months, 0).Format(time.DateOnly)
}

// empty checks for an environment with implausibly few dependencies.
func (p *policy) empty() {
	env := p.footprint.doc.Environment
	total := p.stage.Counts.Total
	system := env.OS.ID != "" && !p.config.Distroless
	// A document lists packages and never has the database that they are from.
	expectsDB := system && !audit.IsDocument(env.Kind) && !p.stage.FromDocument()
	least := 1
	if system {
		least = config.DefaultMinimum
	}
	if p.config.Minimum != nil {
		least = *p.config.Minimum
	}
	switch {
	case total == 0 && least > 0:
		p.add(audit.RuleEmpty, audit.Facts{Limit: least})
	case expectsDB && env.PackageDB == "":
		p.add(audit.RuleEmpty, audit.Facts{Count: total})
	case total < least:
		p.add(audit.RuleEmpty, audit.Facts{Count: total, Limit: least})
	}
}

// baseline applies the rules about the difference to the accepted state.
func (p *policy) baseline() {
	if !p.gated {
		return
	}
	g := &p.stage.Growth
	accept := updateCommand(p.config, true)
	switch {
	case !g.Known:
		p.add(audit.RuleNoBaseline, audit.Facts{Accept: updateCommand(p.config, false)})
		return
	case g.Method != nil:
		p.add(audit.RuleMethod, audit.Facts{Subject: g.Method.String(), Detail: p.stage.Method.String(), Accept: accept})
		return
	}
	added := g.IDs()
	grows := len(added) > g.Allowed
	if grows {
		f := audit.Facts{Count: len(added), Limit: g.Allowed, Detail: p.originOf(added), Dependencies: added, Accept: accept}
		if first := g.Added[0]; len(g.Added) == 1 || len(first.Introduces) > 0 {
			f.Subject, f.Line = p.footprint.byID[first.ID].Name, len(first.Introduces)
		}
		p.add(audit.RuleGrowth, f)
	}
	update := updateCommand(p.config, len(added) > 0)
	if g.Base != nil && len(g.Base.Added) > 0 {
		p.add(audit.RuleBaseGrowth, audit.Facts{Count: len(g.Base.Added), Dependencies: g.Base.Added, Accept: update})
	}
	var weaker []string
	for _, w := range g.Weaker {
		// The end of an exception has a finding of its own.
		if w.From.Provenance != audit.FromException || !p.except.hasLapsed(w.ID) {
			weaker = append(weaker, w.ID)
		}
	}
	if weaker = p.without(audit.RuleWeaker, weaker); len(weaker) > 0 {
		p.add(audit.RuleWeaker, audit.Facts{Count: len(weaker), Dependencies: weaker, Accept: accept})
	}
	p.changed(p.footprint.compared)
	p.lateSnapshot()
	removed := len(g.Removed)
	if g.Base != nil {
		removed += len(g.Base.Removed)
	}
	switch {
	case removed >= leastGone && 2*removed >= g.Baseline && p.config.Strict():
		p.add(audit.RuleShrunk, audit.Facts{Severity: audit.Error, Count: removed, Limit: g.Baseline, Accept: update})
	case removed > 0 && !grows && p.stage.OpenGaps() == 0:
		p.add(audit.RuleShrunk, audit.Facts{Count: removed, Accept: update})
	}
}

// leastGone is the number of dependencies that must be gone before it matters
// that they are most of the baseline.
const leastGone = 5

// originOf returns how many of the new dependencies belong, or belonged, to the
// base, as the end of a message.
func (p *policy) originOf(added []string) string {
	text, inBase := "", 0
	for _, id := range added {
		if p.footprint.byID[id].Provenance == audit.FromImage {
			inBase++
		}
	}
	if inBase > 0 {
		text = fmt.Sprintf("; %d of them in a base that the configuration does not pin", inBase)
	}
	if b := p.stage.Growth.Base; b != nil && len(b.ToStage) > 0 {
		text += fmt.Sprintf("; %d belonged to the base until now", len(b.ToStage))
	}
	return text
}

func (p *policy) limit() {
	limit := p.config.Limit
	f := audit.Facts{Count: p.stage.Counts.Total}
	if p.footprint.base.trusted() {
		f.Count, f.Detail = p.stage.Base.Added, " added to the base"
	}
	if limit == nil || f.Count <= *limit {
		return
	}
	f.Limit = *limit
	p.add(audit.RuleOverLimit, f)
}

// provenance reports the dependencies that nothing accounts for, in one finding
// for each rule.
func (p *policy) provenance() {
	for _, r := range audit.Rules() {
		ids := slices.DeleteFunc(slices.Clone(p.footprint.broken[r.ID]), p.footprint.acceptedLocal)
		switch {
		case len(ids) == 0:
		case r.ID == audit.RuleNotPinned.ID && !p.gated && len(p.footprint.locks) == 0:
			p.add(r, audit.Facts{Severity: audit.Info, Count: len(ids), Subject: p.footprint.foundHint(ids, false)})
		default:
			facts := audit.Facts{Count: len(ids), Dependencies: ids, Detail: p.footprint.hint(r, ids)}
			if r.ID == audit.RuleNotPinned.ID {
				facts.Subject, facts.Note = p.footprint.foundHint(ids, p.gated), p.footprint.pastLock(ids)+p.changedLocks()
			}
			p.add(r, facts)
		}
	}
}

// noticeRule returns the rule that a notice of the scan breaks.
func noticeRule(kind sbom.NoticeKind) (audit.Rule, bool) {
	switch kind {
	case sbom.NoticeClaim:
		return audit.RuleClaim, true
	case sbom.NoticeLeftover:
		return audit.RuleLeftover, true
	case sbom.NoticeNonASCII:
		return audit.RuleNonASCII, true
	case sbom.NoticeHalfState:
		return audit.RuleHalfInstalled, true
	}
	return audit.Rule{}, false
}

// notices makes one finding of all notices that break a rule at one severity.
func (p *policy) notices() {
	type group struct {
		rule     string
		severity audit.Severity
	}
	facts := map[group]*audit.Facts{}
	var order []group
	for _, n := range p.footprint.doc.Notices {
		r, ok := noticeRule(n.Kind)
		if !ok {
			continue
		}
		h := p.excusing(r.ID, n.Path, n.Component)
		p.useForNotice(h, r, &n)
		if h.live {
			continue
		}
		severity := r.Severity(p.config.Strict())
		d := p.footprint.byID[n.Component]
		key := group{r.ID, severity}
		f := facts[key]
		if f == nil {
			f = &audit.Facts{Severity: severity}
			facts[key] = f
			order = append(order, key)
		}
		if n.Path != "" {
			f.Paths = append(f.Paths, n.Path)
		}
		if d != nil && !slices.Contains(f.Dependencies, d.ID) {
			f.Dependencies = append(f.Dependencies, d.ID)
		}
	}
	for _, key := range order {
		if r, ok := audit.RuleByID(key.rule); ok {
			p.add(r, *facts[key])
		}
	}
}

// ofPython reports whether a file runs code when Python starts.
func ofPython(file string) bool {
	name := path.Base(file)
	return strings.HasSuffix(name, ".pth") || strings.HasSuffix(name, ".egg-link") || strings.HasPrefix(name, "sitecustomize") || strings.HasPrefix(name, "usercustomize")
}

// accounted reports whether a dependency, or the one that it is bundled with,
// breaks no rule of provenance.
func (p *policy) accounted(d *audit.Dependency) bool {
	for d.Provenance == audit.FromBundled {
		if d = p.footprint.byID[d.Owner]; d == nil {
			return false
		}
	}
	return d.Provenance == audit.FromException || !p.footprint.unsound[d.ID] && d.Strength().Sound()
}

// entryProblems are the problems of single lock entries. They are judged where
// such an entry is installed.
var entryProblems = map[lockcheck.ProblemKind]bool{
	lockcheck.ProblemUnpinned: true, lockcheck.ProblemNoHash: true, lockcheck.ProblemWeakHash: true,
	lockcheck.ProblemVCS: true, lockcheck.ProblemURL: true, lockcheck.ProblemPath: true,
	lockcheck.ProblemEditable: true, lockcheck.ProblemLink: true, lockcheck.ProblemEmpty: true,
	lockcheck.ProblemPatched: true,
	lockcheck.ProblemAlias:   true, // another package or the project requires it
}

func (p *policy) locks() {
	for _, l := range p.footprint.locks {
		paths := []string{sbom.ValidText(l.Path)}
		empty := p.footprint.emptyDirs(l)
		if !p.footprint.usedLocks[l] && !l.Definition && len(empty) == 0 {
			p.add(audit.RuleUnusedLock, audit.Facts{Paths: paths})
		}
		for _, dir := range empty {
			p.add(audit.RuleUnusedLock, audit.Facts{Paths: paths, Subject: sbom.ValidText(dir)})
		}
		n, first, severity := 0, lockcheck.Problem{}, audit.Severity("")
		for _, note := range l.Notes {
			if entryProblems[note.Kind] {
				continue
			}
			// The worst is shown, or else the first.
			insecure := note.Kind == lockcheck.ProblemInsecure && !p.footprint.registries.Names(note.Host)
			if n++; n == 1 || insecure && severity == "" {
				first = note
			}
			if insecure && p.config.Strict() {
				severity = audit.Error
			}
		}
		if n > 0 {
			p.add(audit.RuleWeakLock, audit.Facts{Severity: severity, Count: n, Line: first.Line, Subject: sbom.ValidText(first.Detail), Paths: paths})
		}
	}
}

func (p *policy) roots() {
	for _, r := range p.stage.Roots {
		if r.ID == "" || p.footprint.byID[r.ID] == nil {
			p.add(audit.RuleUnknownRoot, audit.Facts{Subject: r.Name})
		}
	}
}

// pipelineFindings returns the findings about no single stage, whichever stages were
// judged. [audit.Report.PartFindings] has the others.
func pipelineFindings(c *config.Config, accepted *baseline.Baseline) []audit.Finding {
	if accepted == nil {
		return nil
	}
	var findings []audit.Finding
	add := func(r audit.Rule, f audit.Facts) {
		f.Severity = cmp.Or(f.Severity, r.Strict)
		findings = append(findings, r.Finding(f))
	}
	for _, name := range slices.Sorted(maps.Keys(accepted.Stages)) {
		if s := c.Stage(name); s != nil {
			if accepted.Stages[name].Critical && !s.Strict() {
				add(audit.RuleDemoted, audit.Facts{Subject: name, Paths: []string{c.File}, Accept: updateCommand(s, true)})
			}
			continue
		}
		f := audit.Facts{Severity: audit.RuleStageGone.Severity(accepted.Stages[name].Critical), Subject: name, Paths: []string{c.Baseline}}
		add(audit.RuleStageGone, f)
	}
	return findings
}

// rootCommand returns the command that judges the stage with the rights of root. The
// search path of sudo does not have the directory that the program is in
// (secure_path in sudoers(5)), and its shell knows the way.
func rootCommand(stage *config.Stage, scan bool) string {
	s := wording.Sudo
	if scan {
		s += " scan " + wording.ShellWord(stage.Environment)
	} else {
		s += " audit"
	}
	for _, f := range stage.Flags {
		s += " " + f.Name + " " + wording.ShellWord(f.Value)
	}
	return s
}

// updateCommand returns a command that accepts the stage. It has the flags with
// which the stage was judged, so that it accepts the same state. The state of a release
// is accepted by the next release alone, and then it is empty.
func updateCommand(stage *config.Stage, reason bool) string {
	if stage.Released {
		return ""
	}
	s := "depaudit baseline update"
	for _, f := range stage.Flags {
		s += " " + f.Name + " " + wording.ShellWord(f.Value)
	}
	s += " --stage " + wording.ShellWord(stage.Name)
	if reason {
		s += ` --reason "..."`
	}
	return s
}
