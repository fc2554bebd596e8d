package judge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// policy turns what was found in a stage into findings.
type policy struct {
	stage     *audit.Stage
	config    *config.Stage
	footprint *footprint // nil when the scan was lost
	except    *exceptions
	waive     *waivers
	// gated is false for a scan without configuration, in which nothing is
	// compared with a baseline.
	gated bool
}

// judge applies every rule and sorts what they found.
func (p *policy) judge() {
	p.gaps()
	if p.footprint != nil {
		p.empty()
		p.limitations()
		p.waivers()
		p.base()
		if !p.footprint.unjudged() {
			p.baseline()
			p.limit()
			p.provenance()
			p.expired()
		}
		p.notices()
		p.locks()
		p.roots()
	}
	sortFindings(p.stage.Findings)
}

// finding is what a rule has to say; the severity is the rule's.
func (p *policy) finding(rule string, f audit.Finding) {
	r := ruleFor(rule)
	p.add(r, r.Severity(p.config.Strict()), f)
}

func (p *policy) add(r audit.Rule, severity audit.Severity, f audit.Finding) {
	if severity == "" {
		return
	}
	f.Rule, f.Severity = r.ID, severity
	p.stage.Findings = append(p.stage.Findings, f)
}

// sortFindings puts the weightiest first: by severity, then in the order of
// the rules.
func sortFindings(findings []audit.Finding) {
	severities := []audit.Severity{audit.SeverityIncomplete, audit.Error, audit.Warning, audit.Info}
	rules := audit.Rules()
	place := func(id string) int { return slices.IndexFunc(rules, func(r audit.Rule) bool { return r.ID == id }) }
	slices.SortStableFunc(findings, func(a, b audit.Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity)),
			cmp.Compare(place(a.Rule), place(b.Rule)),
			slices.Compare(a.Paths, b.Paths), cmp.Compare(a.Message, b.Message),
		)
	})
}

func (p *policy) gaps() {
	n := p.stage.OpenGaps()
	if n == 0 {
		return
	}
	p.finding(audit.RuleGaps, audit.Finding{
		Message: wording.Count(n, "thing", "things") + " could not be examined",
		Fix:     "see the gaps of the stage: give the scan the rights it needs, or repair what could not be read",
	})
}

func (p *policy) empty() {
	env := p.footprint.doc.Environment
	total := p.stage.Counts.Total
	system := env.OS.ID != "" && !p.config.Distroless
	// A document lists packages; it never has the database that they are from.
	expectsDB := system && !audit.IsDocument(env.Kind) && !audit.IsDocument(audit.EnvironmentKind(p.config.Environment))
	least := 1
	if system {
		least = config.DefaultMinimum
	}
	if p.config.Minimum != nil {
		least = *p.config.Minimum
	}
	const fix = "check that the environment's reference names the root that the stage really uses"
	switch {
	case total == 0 && least > 0:
		p.finding(audit.RuleEmpty, audit.Finding{Message: "nothing was found in the environment", Fix: fix + "; if it is meant to be empty, set `minimum: 0`"})
	case expectsDB && env.PackageDB == "":
		p.finding(audit.RuleEmpty, audit.Finding{
			Message: "the environment names an operating system but has no package database",
			Fix:     fix + "; if it is meant to have none, set `distroless: true`",
		})
	case total < least:
		p.finding(audit.RuleEmpty, audit.Finding{
			Message: fmt.Sprintf("%s, where at least %d are expected", wording.Count(total, "dependency was found", "dependencies were found"), least),
			Fix:     fix + "; if it is meant to be that lean, set `minimum:`",
		})
	}
}

// baseline compares with what was accepted.
func (p *policy) baseline() {
	if !p.gated {
		return
	}
	g := &p.stage.Growth
	accept := updateCommand(p.config, true)
	if !g.Known {
		p.finding(audit.RuleNoBaseline, audit.Finding{Message: "there is no baseline for this stage", Fix: "make one, look through it, and commit it", Accept: updateCommand(p.config, false)})
		return
	}
	if g.Method != nil {
		p.finding(audit.RuleMethod, audit.Finding{
			Message: fmt.Sprintf("the baseline was made with %s, this count with %s", *g.Method, p.stage.Method),
			Fix:     "count the unchanged environment again, and accept what the new ruler says of it",
			Accept:  accept,
		})
		return
	}
	added := g.IDs()
	if len(added) > g.Allowed {
		p.finding(audit.RuleGrowth, audit.Finding{
			Message:      fmt.Sprintf("%s, and %d allowed", wording.Count(len(added), "new dependency", "new dependencies"), g.Allowed) + p.ofBase(added),
			Dependencies: added, Fix: fixGrowth(g, p.footprint), Accept: accept,
		})
	}
	if g.Base != nil && len(g.Base.Added) > 0 {
		p.finding(audit.RuleBaseGrowth, audit.Finding{
			Message:      "the base has " + wording.Count(len(g.Base.Added), "new dependency", "new dependencies"),
			Dependencies: g.Base.Added, Fix: "see what the base changed, and record it", Accept: updateCommand(p.config, len(added) > 0),
		})
	}
	if n := len(g.Weaker); n > 0 {
		ids := make([]string, n)
		for i, w := range g.Weaker {
			ids[i] = w.ID
		}
		p.finding(audit.RuleWeaker, audit.Finding{
			Message:      wording.Count(n, "dependency is", "dependencies are") + " shown less well than in the baseline",
			Dependencies: ids, Fix: "install it again from where the baseline has it", Accept: accept,
		})
	}
	gone := len(g.Removed)
	if g.Base != nil {
		gone += len(g.Base.Removed)
	}
	if gone > 0 && len(added) <= g.Allowed && p.stage.OpenGaps() == 0 {
		p.finding(audit.RuleShrunk, audit.Finding{
			Message: wording.Count(gone, "dependency", "dependencies") + " of the baseline left the stage",
			Fix:     "lower the baseline, so that they cannot come back unnoticed", Accept: updateCommand(p.config, len(added) > 0),
		})
	}
}

// ofBase says which of the new dependencies have to do with the base and are
// growth all the same.
func (p *policy) ofBase(added []string) string {
	text, theirs := "", 0
	for _, id := range added {
		if p.footprint.byID[id].Provenance == audit.FromImage {
			theirs++
		}
	}
	if theirs > 0 {
		text = fmt.Sprintf("; %d of them in a base that the configuration does not pin", theirs)
	}
	if b := p.stage.Growth.Base; b != nil && len(b.ToStage) > 0 {
		text += fmt.Sprintf("; %s the base's until now", wording.Count(len(b.ToStage), "was", "were"))
	}
	return text
}

func fixGrowth(g *audit.Growth, f *footprint) string {
	head := f.byID[g.Added[0].ID]
	if len(g.Added) == 1 {
		return fmt.Sprintf("remove %s from the stage, or install it in a stage that is not critical", head.Name)
	}
	if n := len(g.Added[0].Introduces); n > 0 {
		return fmt.Sprintf("remove the packages that introduce them, %s first (it introduces %d), or install it in a stage that is not critical", head.Name, n)
	}
	return "remove them from the stage, or install them in a stage that is not critical"
}

func (p *policy) limit() {
	limit := p.config.Limit
	n, what := p.stage.Counts.Total, ""
	if p.footprint.base.trusted() {
		n, what = p.stage.Base.Added, " added to the base"
	}
	if limit == nil || n <= *limit {
		return
	}
	p.finding(audit.RuleOverLimit, audit.Finding{
		Message: fmt.Sprintf("%s%s, and the limit is %d", wording.Count(n, "dependency", "dependencies"), what, *limit),
		Fix:     "remove dependencies, or raise `limit:` of the stage",
	})
}

// provenance reports what nothing accounts for, one finding a rule.
func (p *policy) provenance() {
	texts := map[string]struct{ one, many, fix string }{
		audit.RuleHashMismatch:  {"package is", "packages are", "find out where the installed artifact came from, then install from the lock"},
		audit.RuleOtherRegistry: {"package comes", "packages come", "lock it from its own registry, or list the host under `registries:`"},
		audit.RuleDirectInstall: {"package was", "packages were", "install a released version from a registry and lock it with its hash, or except it under `exceptions:`"},
		audit.RuleNotPinned:     {"package is", "packages are", "add it with its hash to a lock file of the stage and install from that, or except it under `exceptions:`"},
		audit.RuleNoHash:        {"package is", "packages are", "write the lock with hashes, or except it under `exceptions:`"},
		audit.RuleFiles:         {"folder or file is", "folders and files are", "install it as a package or from a lock, or except it under `exceptions:`"},
		audit.RuleOrigin:        {"OS package is", "OS packages are", "install the distribution's own package, or except it under `exceptions:`"},
	}
	tails := map[string]string{
		audit.RuleHashMismatch:  "not what the lock file has the hash of",
		audit.RuleOtherRegistry: "from a registry that is not allowed",
		audit.RuleDirectInstall: "installed from a URL, a repository or a working copy",
		audit.RuleNotPinned:     "not pinned by any lock file",
		audit.RuleNoHash:        "locked without a hash",
		audit.RuleFiles:         "not accounted for by any package",
		audit.RuleOrigin:        "of untrusted or unknown origin",
	}
	for _, rule := range slices.Sorted(maps.Keys(p.footprint.broken)) {
		ids, text := p.footprint.broken[rule], texts[rule]
		if rule == audit.RuleNotPinned && !p.gated && len(p.footprint.locks) == 0 {
			// A look at one environment: nobody said that there is a lock, and
			// one line about each package would be about nothing else.
			r := ruleFor(rule)
			p.add(r, audit.Info, audit.Finding{
				Message: wording.Count(len(ids), "package was", "packages were") + " held against no lock file, as none was given",
				Fix:     "name the lock files that they should come from, with `--locks FILE`",
			})
			continue
		}
		p.finding(rule, audit.Finding{
			Message:      wording.Count(len(ids), text.one, text.many) + " " + tails[rule],
			Dependencies: ids, Fix: text.fix,
		})
	}
}

func (p *policy) expired() {
	for i := range p.except.list {
		x := &p.except.list[i]
		ids := p.footprint.expired[x]
		if len(ids) == 0 {
			continue
		}
		slices.Sort(ids)
		p.finding(audit.RuleExpired, audit.Finding{
			Message:      fmt.Sprintf("the exception for %s (%s) ended on %s", x.String(), x.Owner, x.Expires),
			Dependencies: ids, Fix: "do what the exception was waiting for, or renew it with a reason that still holds",
		})
	}
}

// noticeRules are the rules that remarks of the scan break.
var noticeRules = map[sbom.NoticeKind]struct{ rule, message, fix string }{
	sbom.NoticeClaim:     {audit.RuleClaim, "a package claims files where it has no business", "see where the package is from, and remove it"},
	sbom.NoticeStartup:   {audit.RuleStartup, "code runs at every start of an interpreter", "remove the file, or install the package that it belongs to from a lock"},
	sbom.NoticeLeftover:  {audit.RuleLeftover, "a package that is not installed has a list of files", "purge the package, or install it properly"},
	sbom.NoticeNonASCII:  {audit.RuleNonASCII, "a package has letters outside ASCII in its name", "find out what installed it, and remove it"},
	sbom.NoticeHalfState: {audit.RuleHalfInstalled, "a package is not completely installed", "let the package manager finish its work"},
}

// notices makes one finding of all remarks that break a rule at one
// severity, however many places they name.
func (p *policy) notices() {
	type about struct {
		rule     string
		severity audit.Severity
	}
	findings := map[about]*audit.Finding{}
	var order []about
	for _, n := range p.footprint.doc.Notices {
		text, ok := noticeRules[n.Kind]
		if !ok || p.excused(n) {
			continue
		}
		if n.Kind == sbom.NoticeStartup && p.footprint.unjudged() {
			continue // whether it belongs to something that is accounted for is not known
		}
		r := ruleFor(text.rule)
		severity := r.Severity(p.config.Strict())
		d := p.footprint.byID[sbom.ValidText(n.Component)]
		if n.Kind == sbom.NoticeStartup && (p.footprint.firstParty[n.Component] || d != nil && p.accounted(d)) {
			severity = audit.Info
		}
		key := about{text.rule, severity}
		f := findings[key]
		if f == nil {
			f = &audit.Finding{Message: text.message, Fix: text.fix}
			if severity == audit.Info {
				// Good to know, and nothing to do about it.
				f = &audit.Finding{Message: "code of what is accounted for runs at every start of an interpreter"}
			}
			findings[key] = f
			order = append(order, key)
		}
		if n.Path != "" {
			f.Paths = append(f.Paths, sbom.ValidText(n.Path))
		}
		if d != nil && !slices.Contains(f.Dependencies, d.ID) {
			f.Dependencies = append(f.Dependencies, d.ID)
		}
	}
	for _, key := range order {
		r := ruleFor(key.rule)
		p.add(r, key.severity, *findings[key])
	}
}

// excused says whether a live exception covers what a notice is about. One
// that has expired does not, and the finding then says what it says.
func (p *policy) excused(n sbom.Notice) bool {
	if _, live := p.except.forPath(n.Path); live {
		return true
	}
	c := p.footprint.doc.Component(n.Component)
	if c == nil {
		return false
	}
	_, live := p.except.forComponent(c)
	return live
}

// accounted says whether a dependency, or what it lies inside of, is sound.
func (p *policy) accounted(d *audit.Dependency) bool {
	for d.Provenance == audit.FromBundled {
		if d = p.footprint.byID[d.Owner]; d == nil {
			return false
		}
	}
	return d.Provenance == audit.FromException || !p.footprint.unsound[d.ID] && d.Strength().Sound()
}

// quietNotes are the remarks on a lock that are judged where it matters: when
// the entry that they are about is what is installed.
var quietNotes = map[lockcheck.ProblemKind]bool{
	lockcheck.ProblemUnpinned: true, lockcheck.ProblemNoHash: true, lockcheck.ProblemWeakHash: true,
	lockcheck.ProblemVCS: true, lockcheck.ProblemURL: true, lockcheck.ProblemPath: true,
	lockcheck.ProblemEditable: true, lockcheck.ProblemLink: true, lockcheck.ProblemEmpty: true,
}

func (p *policy) locks() {
	for _, l := range p.footprint.locks {
		if !p.footprint.usedLocks[l] {
			p.finding(audit.RuleUnusedLock, audit.Finding{Message: "nothing of this lock file is installed", Paths: []string{sbom.ValidText(l.Path)}, Fix: "remove it from `locks:` of the stage, or correct the path"})
		}
		n, first := 0, 0
		for _, note := range l.Notes {
			if quietNotes[note.Kind] {
				continue
			}
			if n++; n == 1 {
				first = note.Line
			}
		}
		if n > 0 {
			p.finding(audit.RuleWeakLock, audit.Finding{
				Message: fmt.Sprintf("the lock file pins less than it seems to in %s, first in line %d", wording.Count(n, "place", "places"), first),
				Paths:   []string{sbom.ValidText(l.Path)}, Fix: "write the lock again with the tool that it is from",
			})
		}
	}
}

func (p *policy) roots() {
	for _, r := range p.stage.Roots {
		if r.ID == "" || p.footprint.byID[r.ID] == nil {
			p.finding(audit.RuleUnknownRoot, audit.Finding{
				Message: fmt.Sprintf("the root %q means no package of the stage, or several", r.Name),
				Fix:     "name a package, a command or an absolute path that the stage has",
			})
		}
	}
}

// pipelineFindings are those about no single stage.
func pipelineFindings(c *config.Config, inputs []Input, lost bool, except *exceptions, base *baseline.Baseline) []audit.Finding {
	var findings []audit.Finding
	add := func(rule string, f audit.Finding) {
		r := ruleFor(rule)
		f.Rule, f.Severity = r.ID, r.Strict
		findings = append(findings, f)
	}
	all := !slices.ContainsFunc(c.Stages, func(s config.Stage) bool {
		return !slices.ContainsFunc(inputs, func(in Input) bool { return in.Stage.Name == s.Name })
	})
	// What a stage that was not looked at needs is not known.
	if all && !lost {
		for i, used := range except.used {
			if !used {
				x := &except.list[i]
				add(audit.RuleUnusedExcept, audit.Finding{
					Message: fmt.Sprintf("the exception for %s (%s, until %s) excuses nothing", x.String(), x.Owner, x.Expires),
					Paths:   []string{c.File}, Fix: fmt.Sprintf("delete it (line %d)", x.Line),
				})
			}
		}
	}
	if base != nil {
		for _, name := range slices.Sorted(maps.Keys(base.Stages)) {
			if c.Stage(name) == nil {
				add(audit.RuleStageGone, audit.Finding{
					Message: fmt.Sprintf("the baseline has a stage %q that the configuration has not", name),
					Paths:   []string{c.Baseline}, Fix: "name the stage in the configuration as the baseline does, or delete it from the baseline",
				})
			}
		}
	}
	sortFindings(findings)
	return findings
}

// updateCommand is a command to paste. It has the flags with which the stage
// was judged, so that it accepts what was seen and not something else.
func updateCommand(stage *config.Stage, reason bool) string {
	s := "depaudit baseline update"
	for _, f := range stage.Flags {
		s += " " + f.Name + " " + shellQuote(f.Value)
	}
	s += " --stage " + shellQuote(stage.Name)
	if reason {
		s += ` --reason "..."`
	}
	return s
}

// shellQuote makes s one word of a POSIX shell.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/:@%+=,", r)
	}
	if s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// ruleFor returns the rule of a finding. An ID without a rule would be a
// finding without a severity, which is not reported: it is an error instead.
func ruleFor(id string) audit.Rule {
	if r, ok := audit.RuleByID(id); ok {
		return r
	}
	return audit.Rule{ID: id, Strict: audit.Error, Other: audit.Error}
}
