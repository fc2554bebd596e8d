package audit

import "slices"

// Rule is a check with all of its texts. `depaudit explain`, docs/rules.md, the
// rules in SARIF and the messages of findings are made from it.
type Rule struct {
	// ID is the name of the rule in findings and on the command line.
	ID    string
	Title string
	// Strict is the severity in a critical or enforced stage, Other that in
	// the others; empty where the rule is not applied.
	Strict, Other Severity
	// What describes the check, Why its reason, Fix how to correct the stage,
	// and Accept how to accept the present state.
	What, Why, Fix, Accept string
	// message and hint return the texts of one finding. hint may be nil.
	message, hint func(Facts) string
}

// Facts are what a check found. Each rule uses those that its message needs.
type Facts struct {
	// Severity is that of the finding.
	Severity Severity
	// Count is a number of things, Limit the number that is allowed or
	// expected, Line a line of a file.
	Count, Limit, Line int
	// Subject names one thing; Detail adds to it.
	Subject, Detail string
	// Command is what to run instead.
	Command string
	// Advice is the hint, where it depends on what was found.
	Advice string
	// Note is the end of the message.
	Note string
	// Snapshot are the commands that make a snapshot and use it.
	Snapshot string
	// Place is that of the entry of the configuration that the finding is about.
	Place *Place
	// Dependencies, Paths, Uses and Accept become those of the finding.
	Dependencies, Paths, Uses []string
	Accept                    string
}

// Finding returns the finding of the rule with f's severity.
func (r Rule) Finding(f Facts) Finding {
	out := Finding{
		Rule: r.ID, Severity: f.Severity, Message: r.message(f) + f.Note,
		Dependencies: f.Dependencies, Paths: f.Paths, Uses: f.Uses, Accept: f.Accept, Place: f.Place,
	}
	if r.hint != nil {
		out.Fix = r.hint(f)
	}
	return out
}

// Severity returns the severity of a finding, "" where the rule is not
// applied. strict is whether the stage is critical or enforced.
func (r Rule) Severity(strict bool) Severity {
	if strict {
		return r.Strict
	}
	return r.Other
}

// OfPipeline reports whether the findings of the rule are about the pipeline as a whole,
// and so in [Report.Findings].
func (r Rule) OfPipeline() bool {
	return partRule(r.ID) || r.ID == RuleDemoted.ID || r.ID == RuleStageGone.ID
}

// Explanation returns the rule as text of a few paragraphs.
func (r Rule) Explanation() string {
	return r.What + "\n\nWhy: " + r.Why + "\n\nFix: " + r.Fix + "\n\nAccept: " + r.Accept + "\n\nExcept: " + r.Except()
}

// Rules returns all rules, the most important first. Findings of one severity
// have the same order.
func Rules() []Rule {
	return []Rule{
		RuleGaps, RuleNotReported, RuleLimitation, RuleEmpty, RuleMethod, RuleNoBaseline, RuleBaseDiffers, RuleLateSnapshot,
		RuleGrowth, RuleOverLimit, RuleModified, RuleContent, RuleCopy, RuleDowngraded, RuleLockChanged, RuleWeaker, RuleRequired, RuleUnverified,
		RuleHashMismatch, RuleOtherRegistry, RuleDirectInstall, RuleNotPinned, RuleNoHash, RuleContradiction, RuleFiles, RuleOrigin, RuleForged, RuleExpired, RuleExceptionGrowth, RuleIntroduces,
		RuleNewUse, RuleWeakerPin, RuleFloatingUse, RuleUnlockedInstall, RuleDefinitionGone, RuleFloatingRunner,
		RuleBasePinned, RuleBaseChanged, RuleBaseLimit, RuleBaseClaimed, RuleBaseGrowth, RuleBaseCompared,
		RuleClaim, RuleStartup, RulePrivilege, RuleCode, RuleBytecode, RuleRedirect, RuleConffile, RuleUnsealed, RuleLeftover, RuleIdentity, RuleName, RuleNonASCII, RuleHalfInstalled,
		RuleWeakLock, RuleUnusedLock, RuleUnknownRoot, RuleUnusedFirstParty, RuleUnusedException, RuleExpiring, RuleExcepted, RuleExpiredWaiver, RuleUnusedWaiver, RuleUnusedAccept,
		RulePolicySelf, RuleStageNotInPolicy, RulePolicyChanged, RuleDemoted, RuleLoosened, RuleStageGone, RuleNotJudged, RuleShrunk,
	}
}

// RuleByID returns the rule of an ID.
func RuleByID(id string) (Rule, bool) {
	rules := Rules()
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}
