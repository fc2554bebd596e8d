package query

import (
	"cmp"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/growth"
	"github.com/depaudit/depaudit/sbom/diff"
)

// Record is what a report or a baseline has of a stage beside its components: by
// which policy it is judged, what it runs on, and what is excused.
type Record struct {
	state *baseline.Stage
	// verdict is empty for a baseline.
	verdict    audit.Verdict
	exceptions []Exception
}

// RecordOf returns the record of a stage of a report, nil for the scan of one
// environment, which no policy judged.
func RecordOf(s *audit.Stage) *Record {
	if s.Policy == nil {
		return nil
	}
	r := &Record{state: baseline.State(s), verdict: s.Verdict}
	for i := range s.Exceptions {
		if x := &s.Exceptions[i]; !x.Expired {
			r.exceptions = append(r.exceptions, Exception{Subject: x.Subject(), Rules: x.Rules, Since: x.Since, Expires: x.Expires, Owner: x.Owner, Reason: x.Reason})
		}
	}
	slices.SortStableFunc(r.exceptions, Exception.compare)
	return r
}

// RecordOfBaseline returns the record of a stage of a baseline.
func RecordOfBaseline(s *baseline.Stage) *Record {
	r := &Record{state: s}
	for subject, since := range s.Exceptions {
		r.exceptions = append(r.exceptions, Exception{Subject: subject, Since: since})
	}
	slices.SortFunc(r.exceptions, Exception.compare)
	return r
}

// Exception is an exception that a stage needs and that is not expired.
type Exception struct {
	// Subject is its package URL and path.
	Subject string   `json:"subject"`
	Rules   []string `json:"rules,omitempty"`
	// Since and Expires are days, YYYY-MM-DD. A baseline has only the first.
	Since   string `json:"since,omitempty"`
	Expires string `json:"expires,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

func (x Exception) compare(y Exception) int {
	return cmp.Or(cmp.Compare(x.Subject, y.Subject), slices.Compare(x.Rules, y.Rules), cmp.Compare(x.Expires, y.Expires))
}

// RecordDiff is the difference of two records.
type RecordDiff struct {
	// Verdicts are set if both sides were judged, and differ.
	Verdicts *[2]audit.Verdict `json:"verdicts,omitempty"`
	// Policy are the keys that decide what passes, critical among them.
	Policy     []PolicyChange `json:"policy,omitempty"`
	Definition *UseDiff       `json:"definition,omitempty"`
	Exceptions *ExceptionDiff `json:"exceptions,omitempty"`
	Files      *FilesDiff     `json:"files,omitempty"`
	// Content are the IDs of dependencies at one version with other files, at another
	// place, or with another lock entry; without those of Difference.Artifacts.
	Content []string `json:"content,omitempty"`
	// Covered are the IDs of those that an exception covers by a wildcard or by a
	// directory, and did not cover before.
	Covered []string `json:"covered,omitempty"`
	// Weaker and Stronger are the IDs after of Difference.Judgements, those whose
	// evidence can be compared and is not equal.
	Weaker   []string `json:"weaker,omitempty"`
	Stronger []string `json:"stronger,omitempty"`
	// NotCompared is what only one of the two sides records.
	NotCompared []string `json:"notCompared,omitempty"`
}

// PolicyChange is a key of a policy with its values, empty for none.
type PolicyChange struct {
	Key    string `json:"key"`
	Before string `json:"before"`
	After  string `json:"after"`
	// Weaker is true if a critical stage lets more pass after the change.
	Weaker bool `json:"weaker,omitempty"`
}

// UseDiff is the difference of two definitions.
type UseDiff struct {
	// Before and After are the numbers of uses, nil for a side without a definition.
	Before  *audit.UseCounts    `json:"before"`
	After   *audit.UseCounts    `json:"after"`
	Added   []audit.AcceptedUse `json:"added,omitempty"`
	Removed []audit.AcceptedUse `json:"removed,omitempty"`
	Changed []UseChange         `json:"changed,omitempty"`
}

// UseChange is a use with another version or pin.
type UseChange struct {
	Before audit.AcceptedUse `json:"before"`
	After  audit.AcceptedUse `json:"after"`
	// Weaker is true if the pin fixes less after the change.
	Weaker bool `json:"weaker,omitempty"`
}

// ExceptionDiff is the difference of the exceptions that a stage needs.
type ExceptionDiff struct {
	Added   []Exception `json:"added,omitempty"`
	Removed []Exception `json:"removed,omitempty"`
	// Changed has pairs with another last day.
	Changed [][2]Exception `json:"changed,omitempty"`
}

// FilesDiff is the difference of the files that no archive accounts for and that
// were accepted by their content.
type FilesDiff struct {
	Added   []audit.AcceptedFile `json:"added,omitempty"`
	Removed []audit.AcceptedFile `json:"removed,omitempty"`
}

// Empty reports whether the records are equal, as far as they were compared.
func (d *RecordDiff) Empty() bool {
	return d == nil || d.Verdicts == nil && d.Definition == nil && d.Exceptions == nil && d.Files == nil && len(d.Policy)+len(d.Content)+len(d.Covered) == 0
}

// compareRecords returns the difference of the records of two sides, nil if neither
// has one.
func compareRecords(before, after *DiffSide, difference *diff.Difference) *RecordDiff {
	a, b := before.record, after.record
	switch {
	case a == nil && b == nil:
		return nil
	case a == nil || b == nil:
		return &RecordDiff{NotCompared: []string{"policy", "definition", "exceptions"}}
	}
	d := &RecordDiff{}
	if a.verdict != b.verdict && a.verdict != "" && b.verdict != "" {
		d.Verdicts = &[2]audit.Verdict{a.verdict, b.verdict}
	}
	state := a.state.Compare(after.Stage, b.state)
	if (a.state.Policy == nil) != (b.state.Policy == nil) {
		d.NotCompared = append(d.NotCompared, "policy")
	} else {
		for _, c := range state.Policy {
			d.Policy = append(d.Policy, PolicyChange{Key: c.Key, Before: c.Before, After: c.Now, Weaker: c.Weaker})
		}
	}
	d.Definition = compareUses(a.state.Definition, b.state.Definition, &state)
	d.Exceptions = compareExceptions(a.exceptions, b.exceptions, a.verdict == "" || b.verdict == "")
	switch {
	case a.state.Verified != b.state.Verified:
		// A list of files that were not looked at is not one of files that are gone.
		d.NotCompared = append(d.NotCompared, "accepted files, which were verified on one side only")
	case len(state.FilesAdded)+len(state.FilesRemoved) > 0:
		d.Files = &FilesDiff{Added: state.FilesAdded, Removed: state.FilesRemoved}
	}
	for _, id := range state.Content {
		if !slices.ContainsFunc(difference.Artifacts, func(c diff.ArtifactChange) bool { return c.ID == id }) {
			d.Content = append(d.Content, id)
		}
	}
	for _, c := range state.Covered {
		d.Covered = append(d.Covered, c.ID)
	}
	d.Weaker, d.Stronger = directions(a.state, b.state, difference)
	return d
}

func compareUses(before, after []audit.AcceptedUse, state *baseline.StageDiff) *UseDiff {
	d := &UseDiff{Before: countUses(before), After: countUses(after)}
	switch {
	case before == nil && after == nil:
		return nil
	case before == nil || after == nil:
		return d // what was never read is not new, and not gone
	}
	d.Added, d.Removed = state.UsesAdded, state.UsesRemoved
	for _, p := range state.UsesChanged {
		d.Changed = append(d.Changed, UseChange{Before: p.Before, After: p.Now, Weaker: p.Weaker()})
	}
	if len(d.Added)+len(d.Removed)+len(d.Changed) == 0 {
		return nil
	}
	return d
}

// countUses returns the numbers of a definition, nil without one.
func countUses(list []audit.AcceptedUse) *audit.UseCounts {
	if list == nil {
		return nil
	}
	uses := make([]audit.Use, len(list))
	for i, u := range list {
		kind, _, _ := strings.Cut(u.Key, " ")
		uses[i] = audit.Use{Key: u.Key, Kind: kind, Pin: u.Pin}
	}
	counts := audit.CountUses(uses)
	return &counts
}

// compareExceptions pairs exceptions by what they are about and by their rules. A
// baseline has one entry for each subject: with bySubject, so have both sides.
func compareExceptions(before, after []Exception, bySubject bool) *ExceptionDiff {
	same := func(x, y Exception) bool {
		return x.Subject == y.Subject && (bySubject || slices.Equal(x.Rules, y.Rules))
	}
	if bySubject {
		before, after = slices.CompactFunc(slices.Clone(before), same), slices.CompactFunc(slices.Clone(after), same)
	}
	d := &ExceptionDiff{Added: slices.Clone(after)}
	for _, was := range before {
		i := slices.IndexFunc(d.Added, func(x Exception) bool { return same(x, was) })
		if i < 0 {
			d.Removed = append(d.Removed, was)
			continue
		}
		if is := d.Added[i]; !bySubject && is.Expires != was.Expires {
			d.Changed = append(d.Changed, [2]Exception{was, is})
		}
		d.Added = slices.Delete(d.Added, i, i+1)
	}
	if len(d.Added)+len(d.Removed)+len(d.Changed) == 0 {
		return nil
	}
	return d
}

// directions returns the IDs after of dependencies with weaker evidence, and of those
// with stronger evidence. As in an audit, evidence is not weaker if it is the same
// files that the archive listed then.
func directions(before, after *baseline.Stage, difference *diff.Difference) (weaker, stronger []string) {
	index := func(s *baseline.Stage) map[string]audit.Accepted {
		out := make(map[string]audit.Accepted, len(s.Dependencies))
		for _, a := range s.Dependencies {
			out[a.ID] = a
		}
		return out
	}
	was, is := index(before), index(after)
	for _, c := range difference.Judgements {
		from, to := strength(c.From), strength(c.To)
		a, knownBefore := was[c.Before]
		b, knownAfter := is[c.After]
		switch {
		case to.WeakerThan(from) && knownBefore && knownAfter && (growth.Pair{Before: a, Now: b}).Proved():
		case to.WeakerThan(from):
			weaker = append(weaker, c.After)
		case from.WeakerThan(to):
			stronger = append(stronger, c.After)
		}
	}
	return weaker, stronger
}

func strength(j diff.Judgement) audit.Strength {
	return audit.Strength{Provenance: audit.Provenance(j.Provenance), Evidence: j.Evidence}
}
