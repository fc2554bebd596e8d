package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// What a baseline does not accept. Without these lines, a team that has just accepted
// its stages would learn from the next audit that they fail.

const (
	// proposedDays is the span of a proposed exception.
	proposedDays = 90
	// maxProposed is the largest number of exceptions that are printed.
	maxProposed = 20
)

// printRemaining prints the findings of a report's stages that remain when the
// baseline has them as they are, and exceptions for them.
func (c *command) printRemaining(j *job, r *audit.Report) {
	for i := range r.Stages {
		s := &r.Stages[i]
		for _, f := range s.AfterUpdate() {
			n := len(f.Dependencies)
			if n == 0 || byPath(f) {
				n = len(f.Paths)
			}
			n = max(n, len(f.Uses))
			verb, subject := "fail", fmt.Sprintf("%d ", n)
			switch n {
			case 0:
				verb, subject = "fails", ""
			case 1:
				verb = "fails"
			}
			fmt.Fprintf(c.stdout, "%s  %s%s %s all the same: %s\n", s.Name, subject, verb, terminal.Escape(f.Rule), terminal.Escape(f.Message))
			if n > maxProposed {
				// So many want a lock, which the hint may have found, and not exceptions.
				for line := range strings.Lines(f.Fix) {
					fmt.Fprintf(c.stdout, "  %s\n", terminal.Escape(strings.TrimRight(line, "\n")))
				}
			}
		}
	}
	list := c.proposed(j.config, r)
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(c.stdout, "correct these, or except them for a time: fill in and add to %s\n", terminal.Escape(j.config.ExceptionsPath()))
	if len(j.config.Exceptions) == 0 {
		fmt.Fprintln(c.stdout, "exceptions:")
	}
	for i := range list {
		if i == maxProposed {
			fmt.Fprintf(c.stdout, "  # and %s more\n", wording.Count(len(list)-i, "exception", "exceptions"))
			break
		}
		for line := range strings.Lines(list[i].YAML("  ")) {
			fmt.Fprintf(c.stdout, "%s\n", "  "+terminal.Escape(strings.TrimRight(line, "\n")[2:]))
		}
	}
}

// byPath reports whether a finding is about files rather than dependencies.
func byPath(f audit.Finding) bool {
	ofDependencies := []string{
		audit.RuleHashMismatch.ID, audit.RuleOtherRegistry.ID, audit.RuleDirectInstall.ID, audit.RuleNotPinned.ID, audit.RuleNoHash.ID,
		audit.RuleContradiction.ID, audit.RuleFiles.ID, audit.RuleOrigin.ID, audit.RuleForged.ID, audit.RuleRequired.ID,
	}
	return len(f.Paths) > 0 && !slices.Contains(ofDependencies, f.Rule)
}

// proposed returns exceptions for the findings that fail a stage, one for each
// dependency or path of a stage. Reason and owner are placeholders that no
// configuration may have.
func (c *command) proposed(cfg *config.Config, r *audit.Report) []config.Exception {
	today := c.today()
	day, err := time.Parse(time.DateOnly, today)
	if err != nil {
		return nil
	}
	days := proposedDays
	if cfg.ExceptionDays != nil {
		days = min(days, *cfg.ExceptionDays)
	}
	var list []config.Exception
	for i := range r.Stages {
		s := &r.Stages[i]
		at := map[string]int{} // of the exception for a subject of this stage
		add := func(rule, purl, path string) {
			k, known := at[purl+" "+path]
			if !known {
				k = len(list)
				at[purl+" "+path] = k
				list = append(list, config.Exception{
					PURL: purl, Path: path, Stages: []string{s.Name}, Reason: "TODO", Owner: "TODO", Added: today, Expires: day.AddDate(0, 0, days).Format(time.DateOnly),
				})
			}
			if !slices.Contains(list[k].Rules, rule) {
				list[k].Rules = append(list[k].Rules, rule)
			}
		}
		byID := make(map[string]*audit.Dependency, len(s.Dependencies))
		for k := range s.Dependencies {
			byID[s.Dependencies[k].ID] = &s.Dependencies[k]
		}
		for _, f := range s.AfterUpdate() {
			if f.Severity != audit.Error || !slices.Contains(audit.ExcusableRules(), f.Rule) {
				continue
			}
			if byPath(f) {
				for _, path := range f.Paths {
					add(f.Rule, "", path)
				}
				continue
			}
			uses := s.Definition.ByID()
			for _, id := range f.Uses {
				if u := uses[id]; u != nil && u.PURL != "" {
					add(f.Rule, u.PURL, "")
				}
			}
			for _, id := range f.Dependencies {
				switch d := byID[id]; {
				case d == nil:
				case d.Kind == sbom.KindFiles && len(d.Paths) > 0:
					add(f.Rule, "", d.Paths[0])
				default:
					add(f.Rule, d.PURL, "")
				}
			}
		}
	}
	// What the configuration would refuse, such as a path that is no pattern, is not
	// proposed.
	return slices.DeleteFunc(list, func(x config.Exception) bool {
		x.Reason, x.Owner = "r", "o"
		_, err := cfg.ParseException(x, today)
		return err != nil
	})
}
