// Package audit is the report of an audit: its model, its rules and its
// verdict. Package judge makes reports, this package reads saved ones.
//
// # The report is the decision
//
// The verdict, the findings and their texts are in the report, and renderers
// only show them. A report from a file has the same value as a new one: [Read]
// checks that the verdict follows from the findings, and the counts from the
// dependencies.
//
// # Three outcomes
//
// A finding of severity [Error] means that something is wrong, one of severity
// [SeverityIncomplete] that something could not be judged. A stage with the
// first fails. A stage with only the second is incomplete, which is never a
// pass. If it has both it fails, because the failure holds whatever the rest
// would have shown. The verdict of the report follows in the same way: fail,
// else incomplete, else pass.
//
// # One model of a component
//
// A [Dependency] embeds the component of package sbom and adds the outcome of
// the audit. Relations, exclusions, notices, gaps and limitations are those of
// package sbom too. Growth and findings refer to dependencies by ID.
//
// # Rules
//
// A [Rule] is one value with everything that is written about it: the pages of
// the documentation and the messages of findings are made from it.
package audit

// ExitCode returns the exit code for the verdict: 0 pass, 1 fail, 3 incomplete.
func (r *Report) ExitCode() int {
	switch r.Verdict {
	case Pass:
		return 0
	case Fail:
		return 1
	}
	return 3
}

// DeriveVerdict returns the verdict that follows from the stages and from the
// findings about no single stage.
func (r *Report) DeriveVerdict() Verdict {
	v := verdictOf(r.Findings, Pass)
	for i := range r.Stages {
		switch r.Stages[i].DeriveVerdict() {
		case Fail:
			return Fail
		case Incomplete:
			v = worse(v, Incomplete)
		}
	}
	if len(r.Stages) == 0 {
		return Incomplete
	}
	return v
}

// DeriveVerdict returns the verdict that follows from the findings, the gaps
// that are not waived and the limitations that are not accepted.
func (s *Stage) DeriveVerdict() Verdict {
	v := Pass
	if s.OpenGaps() > 0 || s.Limited() {
		v = Incomplete
	}
	return verdictOf(s.Findings, v)
}

// verdictOf returns the worst of a verdict and those of findings.
func verdictOf(findings []Finding, v Verdict) Verdict {
	for _, f := range findings {
		switch f.Severity {
		case Error:
			return Fail
		case SeverityIncomplete:
			v = worse(v, Incomplete)
		}
	}
	return v
}

// worse returns the worse of two verdicts.
func worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{Fail, Incomplete} {
		if a == v || b == v {
			return v
		}
	}
	return Pass
}
