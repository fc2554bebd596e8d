package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
)

// result is one thing that one rule found, for the formats of other tools, which
// show single problems at a place: SARIF, Code Quality, annotations. A finding
// about several dependencies is one result for each.
type result struct {
	stage    string // empty for one about the pipeline
	rule     string
	severity audit.Severity
	// text is one sentence, escaped.
	text string
	// fix is how to correct it, escaped; empty if there is none.
	fix string
	// plain is text without the name of the stage, and message that of the whole
	// finding.
	plain, message string
	// strict is true for a stage whose findings fail the gate.
	strict bool
	// file and line are the place in the checkout. file is empty if no file of the
	// checkout is known to be the place; line is at least 1.
	file string
	line int
	// column is that in the line, 0 if it is not known.
	column int
	// fingerprint is the same as long as the problem is the same: it has neither
	// versions nor lines nor counts, so that an alert stays open over an upgrade
	// and closes when the problem is gone.
	fingerprint string
}

// defaultPlace is the place of a result in the formats that require one, where
// nothing in the checkout is known to be the place.
const defaultPlace = "depaudit.yaml"

// place returns the file of a result for a format that requires one.
func (x *result) place() string { return cmp.Or(x.file, defaultPlace) }

// results returns the findings of a report, those of the stages first.
func results(r *audit.Report, checkout Checkout) []result {
	m := maker{checkout: checkout, config: r.Config}
	var out []result
	for i := range r.Stages {
		s := &r.Stages[i]
		m.line, m.strict = s.Line, s.Critical || s.Enforced
		byID := make(map[string]*audit.Dependency, len(s.Dependencies))
		for j := range s.Dependencies {
			byID[s.Dependencies[j].ID] = &s.Dependencies[j]
		}
		for _, f := range s.Findings {
			out = append(out, m.stageResults(s, f, byID)...)
		}
	}
	m.line, m.strict = 0, true
	for _, f := range r.Findings {
		if f.Place != nil {
			out = append(out, m.result("", f, f.Place.Entry, f.Message, place{file: f.Place.File, line: f.Place.Line}))
			continue
		}
		out = append(out, m.result("", f, withoutNumbers(f.Message), f.Message, place{}))
	}
	// Platforms take two problems of one fingerprint for one. Dependencies are
	// sorted in a report, so that the order of the numbers does not change.
	seen := map[string]int{}
	for i := range out {
		x := &out[i]
		if seen[x.fingerprint]++; seen[x.fingerprint] > 1 {
			x.fingerprint += fmt.Sprintf("-%d", seen[x.fingerprint])
		}
	}
	return out
}

// withoutNumbers returns a message without its counts and dates, which change while
// the problem stays.
func withoutNumbers(message string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(message), func(word string) bool {
		return strings.Trim(word, "0123456789.,:;-+()") == ""
	}), " ")
}

type place struct {
	file string
	line int
	// column is that of the line, 0 if it is not known.
	column int
}

// maker makes the results of one report.
type maker struct {
	checkout Checkout
	// config is the configuration, and line that of the stage in it: the place of
	// what has no other.
	config string
	line   int
	strict bool
}

func (m *maker) stageResults(s *audit.Stage, f audit.Finding, byID map[string]*audit.Dependency) []result {
	if f.Place != nil {
		// It is about an entry of the configuration, which names them all.
		text := f.Message
		for i, subject := range slices.Concat(f.Dependencies, f.Paths) {
			if i == shownItems {
				text += fmt.Sprintf(" and %d more", len(f.Dependencies)+len(f.Paths)-i)
				break
			}
			text += []string{": ", ", "}[min(i, 1)] + subject
		}
		return []result{m.result(s.Name, f, f.Place.Entry, text, place{file: f.Place.File, line: f.Place.Line})}
	}
	if len(f.Uses) > 0 {
		return m.useResults(s, f)
	}
	var out []result
	for _, id := range causesFirst(s, f) {
		d := byID[id]
		if d == nil {
			name, _ := sbom.SplitIdentity(id)
			out = append(out, m.result(s.Name, f, cmp.Or(name, id), f.Message+": "+id, place{}))
			continue
		}
		text := strings.TrimSpace(d.Name + " " + d.Version)
		if d.Namespace != "" {
			text = d.Namespace + "/" + text
		}
		if d.Why != nil && d.Why.Detail != "" {
			text += ": " + d.Why.Detail
		} else {
			text += ": " + f.Message
		}
		if dir := directory(d); dir != "" {
			text += ", in " + dir
		}
		out = append(out, m.result(s.Name, f, cmp.Or(d.Key, id), text, cmp.Or(dependencyPlace(d), causedAt(s, d.ID))))
	}
	if len(f.Dependencies) > 0 {
		return out
	}
	for _, p := range f.Paths {
		out = append(out, m.result(s.Name, f, p, p+": "+f.Message, lockPlace(s, p)))
	}
	if len(out) == 0 {
		out = append(out, m.result(s.Name, f, "", f.Message, place{}))
	}
	return out
}

// causesFirst returns the dependencies of a finding, of growth those first that
// introduce the others.
func causesFirst(s *audit.Stage, f audit.Finding) []string {
	if f.Rule != audit.RuleGrowth.ID {
		return f.Dependencies
	}
	at := make(map[string]int, len(s.Growth.Added))
	for i, g := range s.Growth.Added {
		at[g.ID] = i - len(s.Growth.Added)
	}
	ids := slices.Clone(f.Dependencies)
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(at[a], at[b]) })
	return ids
}

// lockPlace returns the place of a finding about a path, if that is a lock file:
// its first weakness.
func lockPlace(s *audit.Stage, path string) place {
	for _, l := range s.Locks {
		switch {
		case l.Path != path:
		case len(l.Notes) > 0:
			return place{file: l.Notes[0].File, line: l.Notes[0].Line}
		default:
			return place{file: path, line: 1}
		}
	}
	return place{}
}

// dependencyPlace returns the lock entry that pins a dependency, or that comes
// closest to it.
func dependencyPlace(d *audit.Dependency) place {
	for _, l := range []*audit.LockRef{d.Lock, closest(d)} {
		if l != nil {
			return place{file: l.File, line: l.Line}
		}
	}
	return place{}
}

func closest(d *audit.Dependency) *audit.LockRef {
	if d.Why == nil {
		return nil
	}
	return d.Why.Lock
}

func (m *maker) result(stage string, f audit.Finding, subject, text string, at place) result {
	whole := text
	if stage != "" {
		whole = stage + ": " + text
	}
	if at.file = m.checkout.relative(at.file); at.file == "" {
		at = place{file: m.checkout.relative(m.config), line: m.line}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", stage, f.Rule, subject))
	return result{
		stage: terminal.Escape(stage), rule: terminal.Escape(f.Rule), severity: f.Severity, text: terminal.Escape(whole), plain: terminal.Escape(text), message: terminal.Escape(f.Message), strict: m.strict, fix: escapeLines(f.Fix),
		file: at.file, line: max(at.line, 1), column: at.column, fingerprint: hex.EncodeToString(sum[:16]),
	}
}

// escapeLines escapes a text of several lines, which stay lines.
func escapeLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = terminal.Escape(lines[i])
	}
	return strings.Join(lines, "\n")
}
