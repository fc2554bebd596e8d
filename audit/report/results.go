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
	// file and line are the place in the checkout. line is at least 1.
	file string
	line int
	// fingerprint is the same as long as the problem is the same: it has neither
	// versions nor lines nor counts, so that an alert stays open over an upgrade
	// and closes when the problem is gone.
	fingerprint string
}

// defaultPlace is the place of findings about a stage or the pipeline, where the
// report does not have a better one.
const defaultPlace = "depaudit.yaml"

// results returns the findings of a report, those of the stages first.
func results(r *audit.Report) []result {
	var out []result
	for i := range r.Stages {
		s := &r.Stages[i]
		byID := make(map[string]*audit.Dependency, len(s.Dependencies))
		for j := range s.Dependencies {
			byID[s.Dependencies[j].ID] = &s.Dependencies[j]
		}
		for _, f := range s.Findings {
			out = append(out, stageResults(s, f, byID)...)
		}
	}
	for _, f := range r.Findings {
		if f.Place != nil {
			out = append(out, newResult("", f, f.Place.Entry, f.Message, place{f.Place.File, f.Place.Line}))
			continue
		}
		out = append(out, newResult("", f, f.Message, f.Message, place{}))
	}
	// Platforms take two problems of one fingerprint for one.
	seen := map[string]int{}
	for i := range out {
		x := &out[i]
		if seen[x.fingerprint]++; seen[x.fingerprint] > 1 {
			x.fingerprint += fmt.Sprintf("-%d", seen[x.fingerprint])
		}
	}
	return out
}

type place struct {
	file string
	line int
}

func stageResults(s *audit.Stage, f audit.Finding, byID map[string]*audit.Dependency) []result {
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
		return []result{newResult(s.Name, f, f.Place.Entry, text, place{f.Place.File, f.Place.Line})}
	}
	var out []result
	for _, id := range f.Dependencies {
		d := byID[id]
		if d == nil {
			out = append(out, newResult(s.Name, f, id, f.Message+": "+id, place{}))
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
		out = append(out, newResult(s.Name, f, cmp.Or(d.Key, id), text, dependencyPlace(d)))
	}
	if len(f.Dependencies) > 0 {
		return out
	}
	for _, p := range f.Paths {
		out = append(out, newResult(s.Name, f, p, p+": "+f.Message, lockPlace(s, p)))
	}
	if len(out) == 0 {
		out = append(out, newResult(s.Name, f, "", f.Message, place{}))
	}
	return out
}

// lockPlace returns the place of a finding about a path, if that is a lock file:
// its first weakness.
func lockPlace(s *audit.Stage, path string) place {
	for _, l := range s.Locks {
		switch {
		case l.Path != path:
		case len(l.Notes) > 0:
			return place{l.Notes[0].File, l.Notes[0].Line}
		default:
			return place{path, 1}
		}
	}
	return place{}
}

// dependencyPlace returns the lock entry that pins a dependency, or that comes
// closest to it.
func dependencyPlace(d *audit.Dependency) place {
	for _, l := range []*audit.LockRef{d.Lock, closest(d)} {
		if l != nil {
			return place{l.File, l.Line}
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

func newResult(stage string, f audit.Finding, subject, text string, at place) result {
	if stage != "" {
		text = stage + ": " + text
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", stage, f.Rule, subject))
	return result{
		stage: terminal.Escape(stage), rule: terminal.Escape(f.Rule), severity: f.Severity, text: terminal.Escape(text), fix: escapeLines(f.Fix),
		file: cmp.Or(relativePlace(at.file), defaultPlace), line: max(at.line, 1), fingerprint: hex.EncodeToString(sum[:16]),
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

// relativePlace returns a path as platforms want it, relative to the checkout and
// with slashes. One outside of it has no place there: "".
func relativePlace(file string) string {
	file = strings.TrimPrefix(file, "./")
	if file == "" || strings.HasPrefix(file, "/") || strings.HasPrefix(file, "../") || strings.ContainsAny(file, "\\:") {
		return ""
	}
	return file
}
