package audit

import "slices"

// Rules of which an exception can excuse a finding.
//
// An exception is about something that is in a stage. Findings about the
// judgement itself (a gap, a missing baseline, a stage that is gone) are about
// no dependency, and growth is accepted in the baseline, where it is recorded:
// Rule.Accept of those has the way.

// excusedByDefault are the rules that an exception without `rule:` covers: what
// nothing accounts for, and files that no package explains.
func excusedByDefault() []Rule {
	return []Rule{
		RuleHashMismatch, RuleOtherRegistry, RuleDirectInstall, RuleNotPinned, RuleNoHash, RuleContradiction, RuleFiles, RuleOrigin, RuleForged,
		RuleModified, RuleClaim, RuleStartup, RulePrivilege, RuleCode, RuleBytecode, RuleRedirect, RuleConffile, RuleUnsealed, RuleLeftover, RuleIdentity, RuleName,
		RuleNonASCII, RuleHalfInstalled, RuleFloatingUse, RuleUnlockedInstall, RuleFloatingRunner,
	}
}

// excusedByName are the rules that an exception covers only if it names them. They
// compare with what was accepted or required, and an exception for a package
// that no lock pins is not one for whatever the package becomes.
func excusedByName() []Rule {
	return []Rule{RuleContent, RuleCopy, RuleDowngraded, RuleLockChanged, RuleWeaker, RuleRequired}
}

// ExcusableRules returns the IDs of the rules that `rule:` of an exception can
// name, sorted.
func ExcusableRules() []string {
	var ids []string
	for _, r := range slices.Concat(excusedByDefault(), excusedByName()) {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return ids
}

// ExcusedByDefault reports whether an exception that names no rule covers this
// one.
func (r Rule) ExcusedByDefault() bool {
	return slices.ContainsFunc(excusedByDefault(), func(d Rule) bool { return d.ID == r.ID })
}

// Except returns which exceptions excuse a finding of the rule, as a sentence.
func (r Rule) Except() string {
	switch {
	case r.ExcusedByDefault():
		return "an exception for the dependency or the file excuses it, unless it names other rules."
	case slices.Contains(ExcusableRules(), r.ID):
		return "only an exception that names this rule excuses it."
	}
	return "no exception excuses it."
}

// ComparesAccepted reports whether the rule compares a dependency with the
// baseline: what a wildcard covers there is what changed since.
func (r Rule) ComparesAccepted() bool {
	return r.ID != RuleRequired.ID && slices.ContainsFunc(excusedByName(), func(d Rule) bool { return d.ID == r.ID })
}
