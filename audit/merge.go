package audit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/wording"
)

// Part is a report of some stages of a pipeline.
type Part struct {
	// Name is that of its file, for errors.
	Name   string
	Report *Report
}

// MergeError is the error for reports that are not of one pipeline at one commit.
type MergeError struct {
	Msg string
	// Hint is how to get reports that are.
	Hint string
}

func (e *MergeError) Error() string { return e.Msg }

// Merge returns the report of all stages of the parts, in the order of the
// configuration. The order of the parts does not matter. The result equals the
// report of one audit of these stages, as far as that would find the same on the
// machines of the jobs.
//
// The parts must be judged by equal inputs, and by the same depaudit. A stage that
// two parts have must be equal in both: neither is taken for the right one. The
// error is a [*MergeError].
func Merge(parts []Part) (*Report, error) {
	if len(parts) == 0 {
		return nil, &MergeError{"there is no report to merge", ""}
	}
	parts = slices.SortedStableFunc(slices.Values(parts), func(a, b Part) int { return cmp.Compare(a.Name, b.Name) })
	first := parts[0]
	for _, p := range parts {
		if p.Report.Inputs == nil {
			return nil, &MergeError{p.Name + ": is the report of one environment, which belongs to no pipeline", "merge reports of depaudit audit -o json"}
		}
		if err := sameOrigin(first, p); err != nil {
			return nil, err
		}
	}
	out := *first.Report
	out.Stages = []Stage{}
	stages := map[string]partStage{}
	var findings []Finding
	for _, p := range parts {
		for i := range p.Report.Stages {
			s := partStage{p.Name, &p.Report.Stages[i]}
			if other, twice := stages[s.stage.Name]; twice {
				if err := other.equal(s); err != nil {
					return nil, err
				}
				continue
			}
			stages[s.stage.Name] = s
			out.Stages = append(out.Stages, *s.stage)
		}
		findings = append(findings, p.Report.Findings...)
	}
	if err := sameLocks(stages, out.Stages); err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.Stages, func(a, b Stage) int {
		return cmp.Compare(out.Inputs.place(a.Name), out.Inputs.place(b.Name))
	})
	for _, p := range parts {
		out.PolicyFrom = out.PolicyFrom.union(p.Report.PolicyFrom)
	}
	out.Findings = findings
	out.Conclude(nil)
	return &out, out.Validate()
}

// Require returns the report with a finding for each stage of the names that it
// does not have. The findings of an earlier Require are replaced. The error is a
// [*MergeError] for a name that the configuration does not have.
func (r *Report) Require(names []string) (*Report, error) {
	if r.Inputs == nil {
		if len(names) == 0 {
			return r, nil
		}
		return nil, &MergeError{"stages are required of the report of one environment, which has none of a pipeline", ""}
	}
	for _, name := range names {
		if r.Inputs.Stage(name) == nil {
			known := r.Inputs.StageNames()
			err := &MergeError{fmt.Sprintf("%s has no stage %q", r.Config, name), "stages: " + strings.Join(known, ", ")}
			if near := wording.Nearest(name, known); near != "" {
				err.Hint = fmt.Sprintf("did you mean %q?", near)
			}
			return nil, err
		}
	}
	out := *r
	out.Conclude(names)
	return &out, nil
}

// Conclude makes the findings of [Report.PartFindings] anew, sorts all findings
// about no single stage, and sets the verdict that follows. required are the names
// of the stages that the report must have.
func (r *Report) Conclude(required []string) {
	seen := map[string]bool{}
	var findings []Finding
	for _, f := range r.Findings {
		if key := string(encoded(f)); !partRule(f.Rule) && !seen[key] {
			seen[key] = true
			findings = append(findings, f)
		}
	}
	r.Findings = append(findings, r.PartFindings(required)...)
	// Those that are equal for the order of findings are in that of their bytes.
	slices.SortFunc(r.Findings, func(a, b Finding) int { return bytes.Compare(encoded(a), encoded(b)) })
	SortFindings(r.Findings)
	r.Verdict = r.DeriveVerdict()
}

// partRule reports whether a finding of the rule is one of [Report.PartFindings].
func partRule(id string) bool {
	return slices.ContainsFunc([]Rule{RuleNotReported, RuleNotJudged, RuleUnusedException, RuleExpiring, RulePolicySelf, RulePolicyChanged, RuleStageNotInPolicy}, func(r Rule) bool { return r.ID == id })
}

// partStage is a stage with the name of the report that it is from.
type partStage struct {
	from  string
	stage *Stage
}

// equal returns an error if the stage of another report is not the same.
func (p partStage) equal(q partStage) error {
	if bytes.Equal(encoded(p.stage), encoded(q.stage)) {
		return nil
	}
	describe := func(s partStage) string {
		return fmt.Sprintf("%s in %s (%s in %s)", s.stage.Verdict, s.from, wording.Count(s.stage.Counts.Total, "dependency", "dependencies"), s.stage.Environment)
	}
	return &MergeError{
		fmt.Sprintf("stage %q has two results that differ: %s, %s", p.stage.Name, describe(p), describe(q)),
		"give the report of one of the jobs only, or audit the stage in one of them (--stage)",
	}
}

// sameLocks returns an error for a lock file that was not the same for two stages.
func sameLocks(parts map[string]partStage, stages []Stage) error {
	type read struct{ from, digest string }
	locks := map[string]read{}
	for i := range stages {
		from := parts[stages[i].Name].from
		for _, l := range stages[i].Locks {
			other, known := locks[l.Path]
			if !known {
				locks[l.Path] = read{from, l.Digest}
				continue
			}
			if other.digest != l.Digest {
				return differ("the lock file "+l.Path, Part{Name: other.from}, Part{Name: from}, other.digest, l.Digest)
			}
		}
	}
	return nil
}

// sameOrigin returns an error for two reports with different inputs, naming the
// first thing that differs.
func sameOrigin(a, b Part) error {
	x, y := a.Report, b.Report
	for _, v := range []struct{ what, a, b string }{
		{"the pipeline", x.Pipeline, y.Pipeline},
		{"the path of the configuration", x.Config, y.Config},
		{"the path of the baseline", x.Baseline, y.Baseline},
		{"the version of depaudit", x.Tool.Name + " " + x.Tool.Version, y.Tool.Name + " " + y.Tool.Version},
		{"the catalogers", x.Tool.Catalogers, y.Tool.Catalogers},
		{"the version of the counting rules", fmt.Sprint(x.Rules), fmt.Sprint(y.Rules)},
	} {
		if v.a != v.b {
			return differ(v.what, a, b, v.a, v.b)
		}
	}
	for _, kind := range []string{InputConfiguration, InputExceptions, InputBaseline} {
		path, values := "", [2]string{"none", "none"}
		for i, in := range []*Inputs{x.Inputs, y.Inputs} {
			if f := in.File(kind); f != nil {
				path, values[i] = f.Path, f.Digest
				if other := []*Inputs{y.Inputs, x.Inputs}[i].File(kind); other != nil && other.Path != f.Path {
					values[i] = f.Path + " " + f.Digest
				}
			}
		}
		if values[0] != values[1] {
			return differ("the "+kind+" "+path, a, b, values[0], values[1])
		}
	}
	// What has no words of its own, so that nothing that a report gains later is
	// merged unseen.
	if what, v, w := firstDifference("", generic(header(x)), generic(header(y))); what != "" {
		return differ(what, a, b, v, w)
	}
	return nil
}

func differ(what string, a, b Part, x, y string) error {
	return &MergeError{
		fmt.Sprintf("%s is not the same in all reports: %s in %s, %s in %s", what, cmp.Or(x, "none"), a.Name, cmp.Or(y, "none"), b.Name),
		"run the jobs at one commit, with the same depaudit and the same flags for configuration and baseline",
	}
}

// header returns the report without what merging adds up.
func header(r *Report) *Report {
	out := *r
	out.Stages, out.Findings, out.Verdict = nil, nil, ""
	if out.PolicyFrom != nil {
		// Each job has read the files of its stages.
		from := *out.PolicyFrom
		from.Files = nil
		out.PolicyFrom = &from
	}
	return &out
}

// encoded returns a part of a report as JSON. Its types cannot fail.
func encoded(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error())
	}
	return data
}

// generic returns a value as encoding/json decodes it without a type.
func generic(v any) any {
	var out any
	if err := json.Unmarshal(encoded(v), &out); err != nil {
		return err.Error()
	}
	return out
}

// firstDifference returns the place of the first value that differs, in the order
// of the keys, and both values. The place is empty for equal values.
func firstDifference(at string, a, b any) (place, x, y string) {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			break
		}
		keys := map[string]bool{}
		for k := range a {
			keys[k] = true
		}
		for k := range b {
			keys[k] = true
		}
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			if place, x, y = firstDifference(strings.TrimPrefix(at+"."+k, "."), a[k], b[k]); place != "" {
				return place, x, y
			}
		}
		return "", "", ""
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			break
		}
		for i := range a {
			if place, x, y = firstDifference(fmt.Sprintf("%s[%d]", at, i), a[i], b[i]); place != "" {
				return place, x, y
			}
		}
		return "", "", ""
	}
	if v, w := string(encoded(a)), string(encoded(b)); v != w {
		return at, v, w
	}
	return "", "", ""
}
