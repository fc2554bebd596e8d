// Package audit decides: it combines what a scan saw (package sbom), what
// lock files pin (package lockcheck), what the team configured and what it
// accepted before (the baseline) into a [Report].
//
// # The report is the decision
//
// [Run] is a pure function of values. It reads no file, no clock and no
// environment: the day that exceptions are held against is handed in. The
// verdict, the findings and their texts are in the report; renderers only
// show them, and a report read back from disk is worth the same ([ReadReport]
// checks that its verdict follows from its findings).
//
// # Three outcomes
//
// A finding of severity [Error] says that something is wrong, one of severity
// [SeverityIncomplete] that something could not be judged. A stage with the first fails; a
// stage with only the second is incomplete, which is never a pass. Where both
// are true the failure is told, because it stands whatever the rest would
// have shown. The same holds for the report: fail, else incomplete, else
// pass.
//
// # What counts
//
// footprint.go gives each component its provenance by the counting rules,
// growth.go compares identities with the baseline, grouping.go says what
// brought what, policy.go turns both into findings by the rules in rules.go,
// which are values that document themselves.
//
// # Names are foreign
//
// Names, paths and details come from the environment and from lock files, and
// every string of a report may hold them as they are. Neutralising them is up
// to each renderer, since each has its own ways of being attacked. The one
// exception is Finding.Accept: it is made to be pasted into a shell, holds
// nothing but the name of the stage, and is quoted for that.
package audit

// ExitCode is the exit code of the design: 0 pass, 1 fail, 3 incomplete.
func (r *Report) ExitCode() int {
	switch r.Verdict {
	case Pass:
		return 0
	case Fail:
		return 1
	}
	return 3
}

// verdict follows from the stages, and from nothing else.
func (r *Report) DeriveVerdict() Verdict {
	v := Pass
	for i := range r.Stages {
		switch r.Stages[i].DeriveVerdict() {
		case Fail:
			return Fail
		case Incomplete:
			v = Incomplete
		}
	}
	if len(r.Stages) == 0 {
		return Incomplete
	}
	return v
}

// verdict follows from the findings, the gaps that are not waived and the
// limitations that are not accepted of the stage.
func (s *Stage) DeriveVerdict() Verdict {
	v := Pass
	if s.OpenGaps() > 0 || s.Limited() {
		v = Incomplete
	}
	for _, f := range s.Findings {
		switch f.Severity {
		case Error:
			return Fail
		case SeverityIncomplete:
			v = Incomplete
		}
	}
	return v
}
