package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// This file has the sentences that several formats share. What it returns is
// foreign text and own words mixed, and goes through sanitize.go afterwards.

// stage is an audit.Stage with an index.
type stage struct {
	*audit.Stage
	byID map[string]*audit.Dependency
}

func indexed(s *audit.Stage) stage {
	byID := make(map[string]*audit.Dependency, len(s.Dependencies))
	for i := range s.Dependencies {
		byID[s.Dependencies[i].ID] = &s.Dependencies[i]
	}
	return stage{Stage: s, byID: byID}
}

// clean says whether there is nothing to say about a stage but its numbers.
func (s stage) clean() bool {
	return s.Verdict == audit.Pass && !slices.ContainsFunc(s.Findings, func(f audit.Finding) bool { return !idle(f) }) && len(s.Gaps) == 0 &&
		len(s.Growth.Added) == 0 && len(s.Growth.Weaker) == 0 && s.Growth.Method == nil
}

// idle says whether a finding is good to know and leaves nothing to do.
func idle(f audit.Finding) bool {
	return f.Severity == audit.Info && f.Fix == "" && f.Accept == ""
}

// added is the number of dependencies that the baseline does not have.
func (s stage) added() int {
	n := 0
	for _, g := range s.Growth.Added {
		n += 1 + len(g.Introduces)
	}
	return n
}

// difference is "+3 -1", "-1" or "+0"; "" when there is no baseline.
func (s stage) difference() string {
	if !s.Growth.Known {
		return ""
	}
	added, removed := s.added(), len(s.Growth.Removed)
	switch {
	case removed == 0:
		return fmt.Sprintf("+%d", added)
	case added == 0:
		return fmt.Sprintf("-%d", removed)
	}
	return fmt.Sprintf("+%d -%d", added, removed)
}

// Headline is the number of a stage for a line in a log, with what it is a
// number of and what it is compared with. It is safe to print.
func Headline(s *audit.Stage) string { return stage{Stage: s}.headline(terminal.Escape) }

// headline is the number, what it is a number of, and what it is compared
// with. What the environment cannot show is part of the number. foreign makes
// words from strangers fit for the format; all others are our own.
func (s stage) headline(foreign func(string) string) string {
	total := wording.Count(s.Counts.Total, "dependency", "dependencies")
	var marks []string
	if s.FromDocument() {
		marks = append(marks, "from an SBOM")
	}
	if names := s.cannotShow(); names != "" {
		marks = append(marks, "cannot show: "+foreign(names))
	}
	if len(marks) > 0 {
		total += " (" + strings.Join(marks, "; ") + ")"
	}
	parts := []string{total}
	based := s.Base != nil && s.Base.Known
	switch {
	case based:
		parts = append(parts, fmt.Sprintf("base %d, added %d", s.Base.Present, s.Base.Added))
	case s.Base != nil && !s.Base.Claimed:
		parts = append(parts, "base not known")
	}
	if s.Limit != nil {
		parts = append(parts, fmt.Sprintf("limit %d", *s.Limit))
	}
	if g := s.Growth; g.Known {
		compared := fmt.Sprintf("baseline %d", g.Baseline)
		if based && g.Base != nil {
			compared = fmt.Sprintf("baseline %d added", g.Baseline-g.Base.Baseline)
		}
		if len(g.Added)+len(g.Removed) > 0 {
			compared += fmt.Sprintf(" (%s, allowed +%d)", s.difference(), g.Allowed)
		}
		parts = append(parts, compared)
	}
	return strings.Join(parts, ", ")
}

// cannotShow are the names of the stage's limitations.
func (s stage) cannotShow() string {
	var names []string
	for _, l := range s.Limitations {
		if name := string(l.Name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// remark is a labelled text.
type remark struct{ label, text string }

// about says what the environment is: the image that was taken, what it
// started from, who made the document, what it cannot show.
func (s stage) about() []remark {
	var out []remark
	if i := s.Image; i.Platform != "" || i.Digest != "" || len(i.Layers) > 0 {
		parts := []string{i.Platform, wording.Count(len(i.Layers), "layer", "layers")}
		out = append(out, remark{"image", strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")})
		if hex, ok := strings.CutPrefix(i.Digest, "sha256:"); ok {
			out = append(out, remark{"sha256", hex}) // in one piece on 80 columns
		} else if i.Digest != "" {
			out = append(out, remark{"digest", i.Digest})
		}
	}
	if b := s.Base; b != nil {
		parts := []string{"not known"}
		if b.Known {
			parts = []string{fmt.Sprintf("%d of its %s", b.Present, wording.Count(b.Dependencies, "dependency", "dependencies"))}
			if b.Gone > 0 {
				parts = append(parts, fmt.Sprintf("%d gone", b.Gone))
			}
			if b.Layers > 0 {
				parts = append(parts, wording.Count(b.Layers, "layer", "layers"))
			} else {
				parts = append(parts, "compared by identity")
			}
		}
		if b.Claimed {
			parts = append(parts, "claimed by the image")
		}
		out = append(out, remark{"base", b.Ref + " (" + strings.Join(parts, ", ") + ")"})
	}
	if s.FromDocument() && s.Method.Catalogers != "" {
		out = append(out, remark{"made by", s.Method.Catalogers})
	}
	for _, l := range s.Limitations {
		text := strings.TrimSuffix(string(l.Name)+": "+l.Detail, ": ")
		if l.Accepted {
			text += " (accepted)"
		}
		out = append(out, remark{"lacks", text})
	}
	return out
}

// layer is what a stage has of one layer.
type layer struct {
	number      int
	base        bool
	all         int // dependencies
	fresh       int // not in the baseline
	unaccounted int
	step        string
	digest      string
}

// layers counts the dependencies of each layer; the last one, with the number
// 0, has those of which it is not known. Nil outside of images.
func (s stage) layers() []layer {
	if len(s.Image.Layers) == 0 {
		return nil
	}
	out := make([]layer, len(s.Image.Layers)+1)
	for i, l := range s.Image.Layers {
		out[i] = layer{number: i + 1, base: s.Base != nil && i < s.Base.Layers, step: step(l), digest: cmp.Or(l.Digest, l.DiffID)}
	}
	fresh := map[string]bool{}
	for _, g := range s.Growth.Added {
		fresh[g.ID] = true
		for _, id := range g.Introduces {
			fresh[id] = true
		}
	}
	for i := range s.Dependencies {
		d := &s.Dependencies[i]
		if d.Provenance == audit.FromBundled {
			continue
		}
		at := len(s.Image.Layers)
		if d.Layer > 0 && d.Layer <= at {
			at = d.Layer - 1
		}
		out[at].all++
		if fresh[d.ID] {
			out[at].fresh++
		}
		if d.Provenance == audit.FromNowhere {
			out[at].unaccounted++
		}
	}
	if out[len(out)-1].all == 0 {
		out = out[:len(out)-1]
	}
	return out
}

// step is the build step of a layer, without what builders put around it.
func step(l sbom.Layer) string {
	const shell = "/bin/sh -c "
	s := strings.TrimSuffix(strings.TrimSpace(l.CreatedBy), " # buildkit")
	if rest, ok := strings.CutPrefix(s, shell+"#(nop)"); ok {
		return strings.TrimSpace(rest)
	}
	if rest, ok := strings.CutPrefix(strings.TrimPrefix(s, "RUN "), shell); ok {
		return "RUN " + rest
	}
	return s
}

// layerOf is the number of a dependency's layer and its step, "" where they
// are not known.
func (s stage) layerOf(id string) (number, text string) {
	d := s.byID[id]
	if d == nil || d.Layer <= 0 || d.Layer > len(s.Image.Layers) {
		return "", ""
	}
	return strconv.Itoa(d.Layer), step(s.Image.Layers[d.Layer-1])
}

// waived says by what a gap is waived.
func waived(g audit.Gap) string {
	if g.Waived == nil {
		return ""
	}
	return fmt.Sprintf("until %s by %s: %s", g.Waived.Expires, g.Waived.Owner, g.Waived.Reason)
}

// openFirst are the gaps of the stage, those that are waived last.
func (s stage) openFirst() []audit.Gap {
	gaps := slices.Clone(s.Gaps)
	slices.SortStableFunc(gaps, func(a, b audit.Gap) int {
		return cmp.Compare(min(len(waived(a)), 1), min(len(waived(b)), 1))
	})
	return gaps
}

// counts are the parts of the total, then what is not part of it.
func (s stage) counts() (total []string, beside []string) {
	c := s.Counts
	total = append(total, fmt.Sprintf("OS-provided %d", c.OS), fmt.Sprintf("lock-pinned %d", c.Lock))
	if c.Image > 0 {
		total = append(total, fmt.Sprintf("base image %d", c.Image))
	}
	if c.Exception > 0 {
		total = append(total, fmt.Sprintf("excepted %d", c.Exception))
	}
	total = append(total, fmt.Sprintf("unaccounted %d", c.Unaccounted))
	if c.Bundled > 0 {
		beside = append(beside, fmt.Sprintf("inside others %d", c.Bundled))
	}
	if c.Excluded > 0 {
		beside = append(beside, fmt.Sprintf("excluded %d", c.Excluded))
	}
	if n := len(s.Notices); n > 0 {
		beside = append(beside, fmt.Sprintf("notices %d", n))
	}
	return total, beside
}

// name is a dependency for people: its name with namespace and version, or
// the ID where the report does not have it.
func (s stage) name(id string) string {
	d := s.byID[id]
	if d == nil {
		return id
	}
	if d.Kind == sbom.KindFiles {
		return fullName(d) // its version is that of one program in it
	}
	return strings.TrimSpace(fullName(d) + " " + d.Version)
}

// short is name without the version.
func (s stage) short(id string) string {
	d := s.byID[id]
	if d == nil {
		return id
	}
	return fullName(d)
}

// provenance says why a dependency may be there and how well that is shown.
func (s stage) provenance(id string) string {
	d := s.byID[id]
	if d == nil {
		return ""
	}
	return provenance(d)
}

func provenance(d *audit.Dependency) string {
	evidence := d.Evidence
	if d.Provenance == audit.FromNowhere && d.Why != nil {
		evidence = d.Why.Code
	}
	return strength(d.Provenance, evidence)
}

func strength(p audit.Provenance, evidence string) string {
	if evidence == "" || evidence == "none" {
		return string(p)
	}
	return fmt.Sprintf("%s (%s)", p, evidence)
}

// why is what was looked for and not found, or what the thing is.
func (s stage) why(id string) string {
	d := s.byID[id]
	switch {
	case d == nil:
		return ""
	case d.Kind == sbom.KindFiles && d.Detail != "":
		return d.Detail // that no package accounts for it is said already
	case d.Why != nil && d.Why.Lock != nil:
		return strings.TrimSpace(detail(d) + " (" + entry(d.Why.Lock) + ")")
	case d.Why != nil && d.Why.Detail != "":
		return detail(d)
	}
	return d.Detail
}

// detail is why a dependency is not accounted for, without its name and
// version at the beginning: they stand beside it.
func detail(d *audit.Dependency) string {
	for _, said := range []string{"%q %q is ", "%q is installed at %q and "} {
		if rest, ok := strings.CutPrefix(d.Why.Detail, fmt.Sprintf(said, d.Name, d.Version)); ok {
			return rest
		}
	}
	return d.Why.Detail
}

// entry is the place of a lock entry.
func entry(l *audit.LockRef) string {
	if l.Line > 0 {
		return fmt.Sprintf("%s:%d", l.File, l.Line)
	}
	return l.File
}

// fullName names a dependency the way its ecosystem does: the namespace is
// part of an npm or Go name, and only the distribution's name of a deb.
// Files have no better name than their path.
func fullName(d *audit.Dependency) string {
	if d.Kind == sbom.KindFiles && len(d.Paths) > 0 {
		return d.Paths[0]
	}
	if d.Namespace == "" || d.Kind == sbom.KindOS {
		return d.Name
	}
	return d.Namespace + "/" + d.Name
}

// because says how the head of a group of new dependencies got there.
func (s stage) because(g audit.GrowthGroup) string {
	var parts []string
	switch {
	case len(g.NeededBy) > 0:
		by := s.short(g.NeededBy[0])
		if more := len(g.NeededBy) - 1; more > 0 {
			by += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, "needed by "+by)
	case g.Because == "explicit":
		parts = append(parts, "asked for")
	case g.Because == "dependency":
		parts = append(parts, "needed by what was there")
	}
	if len(g.SharedBy) > 0 {
		parts = append(parts, "shared by "+s.heads(g.SharedBy))
	}
	if n := len(g.Introduces); n > 0 {
		parts = append(parts, fmt.Sprintf("brings %d", n))
	}
	return strings.Join(parts, ", ")
}

// heads names what shares something: all of a few, or the first of many.
func (s stage) heads(ids []string) string {
	const few = 3
	names := each(ids, s.short)
	switch n := len(names); {
	case n >= audit.MaxSharedBy:
		return names[0] + " and many more"
	case n > few:
		return fmt.Sprintf("%s and %d more", names[0], n-1)
	case n > 1:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// shared is what the same heads share.
type shared struct {
	by  []string // IDs of the heads
	ids []string // the largest groups first
}

// growth takes the new dependencies apart: those with a reason of their own,
// each with what it brings, and those that several of them share. Of the
// latter there may be hundreds for a few heads, one for each library, so that
// those of the same heads go together.
func (s stage) growth() (groups []audit.GrowthGroup, common []shared) {
	at := map[string]int{}
	for _, g := range s.Growth.Added {
		if len(g.SharedBy) == 0 {
			groups = append(groups, g)
			continue
		}
		key := strings.Join(g.SharedBy, "\x00")
		i, known := at[key]
		if !known {
			i = len(common)
			at[key] = i
			common = append(common, shared{by: g.SharedBy})
		}
		common[i].ids = append(append(common[i].ids, g.ID), g.Introduces...)
	}
	slices.SortStableFunc(common, func(a, b shared) int { return cmp.Compare(len(b.ids), len(a.ids)) })
	return groups, common
}

// how is because with the layer that the head is from.
func (s stage) how(g audit.GrowthGroup) string {
	number, _ := s.layerOf(g.ID)
	how := s.because(g)
	switch {
	case number == "":
		return how
	case how == "":
		return "layer " + number
	}
	return "layer " + number + ", " + how
}

// weaker says what happened to the proof of a dependency.
func (s stage) weaker(w audit.Weaker) string {
	return fmt.Sprintf("%s %s -> %s", s.name(w.ID), strength(w.From.Provenance, w.From.Evidence), strength(w.To.Provenance, w.To.Evidence))
}

// gone names an entry of the baseline that is not there any more.
func gone(e audit.Accepted) string {
	if e.Key == "" {
		return e.ID
	}
	return strings.TrimSpace(e.Key + " " + e.Version)
}

func changed(c audit.VersionChange) string { return fmt.Sprintf("%s %s -> %s", c.Key, c.From, c.To) }

// standing says why a stage is judged as it is: "critical", "enforced" or "".
func (s stage) standing() string {
	switch {
	case s.Critical:
		return "critical"
	case s.Enforced:
		return "enforced"
	}
	return ""
}

// summary counts the stages by verdict: "1 of 3 stages failed, 1 incomplete".
func summary(r *audit.Report) string {
	n := map[audit.Verdict]int{}
	for _, s := range r.Stages {
		n[s.Verdict]++
	}
	all := wording.Count(len(r.Stages), "stage", "stages")
	switch {
	case n[audit.Fail] > 0 && n[audit.Incomplete] > 0:
		return fmt.Sprintf("%d of %s failed, %d incomplete", n[audit.Fail], all, n[audit.Incomplete])
	case n[audit.Fail] > 0:
		return fmt.Sprintf("%d of %s failed", n[audit.Fail], all)
	case n[audit.Incomplete] > 0:
		return fmt.Sprintf("%d of %s incomplete", n[audit.Incomplete], all)
	}
	return all
}

// method returns the counting method.
func method(r *audit.Report) string {
	catalogers := r.Tool.Catalogers
	if len(r.Stages) == 1 && r.Stages[0].FromDocument() {
		catalogers = r.Stages[0].Method.Catalogers // ours found nothing of it
	}
	parts := []string{fmt.Sprintf("counting rules %d", r.Rules), catalogers, strings.TrimSpace(r.Tool.Name + " " + r.Tool.Version)}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

// isScan says whether the report is of one environment without a pipeline.
func isScan(r *audit.Report) bool { return r.Pipeline == "" && len(r.Stages) == 1 }

// verdictWord is how people read a verdict. A saved report can hold anything;
// what is no verdict is not one here either.
func verdictWord(v audit.Verdict) string {
	switch v {
	case audit.Pass, audit.Fail, audit.Incomplete:
		return strings.ToUpper(string(v))
	}
	return "UNKNOWN"
}

func severityWord(s audit.Severity) string {
	switch s {
	case audit.Error, audit.Warning, audit.SeverityIncomplete, audit.Info:
		return string(s)
	}
	return "unknown"
}

// textLines are the lines of a text that its author broke into lines.
func textLines(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
}

// maxCommand is the number of characters of a command to paste, which is never
// cut: a longer one is not printed. It is the longest line that a terminal in
// canonical mode takes (termios(3)).
const maxCommand = 4096

// command is a text to copy in full, or, and then false, what stands in its
// place.
func command(text string) (string, bool) {
	if len(text) > maxCommand {
		return fmt.Sprintf("(%d bytes, too long to show here: see the json report)", len(text)), false
	}
	return terminal.EscapeTo(text, maxCommand*len(`\U0010ffff`)), true
}

func each[T any](list []T, f func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}
