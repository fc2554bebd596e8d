package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/depaudit/depaudit/audit/textfile"
)

// MaxSize is the largest report that is read back, in bytes. The
// largest machines that were measured have some 31,000 dependencies, at about
// a kilobyte each.
const MaxSize = 256 << 20

// Read reads a saved report. It returns an error for a report of a newer
// format, for unknown fields, and for numbers or a verdict that do not follow
// from the lists.
func Read(r io.Reader) (*Report, error) { return readReport("report", r) }

// Load reads the report in a file. Its errors begin with the path, those about
// the JSON with path, line and column.
func Load(path string) (*Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, textfile.PathError(path, err)
	}
	defer f.Close()
	return readReport(path, f)
}

func readReport(name string, in io.Reader) (*Report, error) {
	data, err := io.ReadAll(io.LimitReader(in, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%s: more than %d bytes", name, MaxSize)
	}
	var head struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
			err = fmt.Errorf("not a report of depaudit audit -o json: %w", err)
		}
		return nil, fmt.Errorf("%s:%w", name, placed(data, err))
	}
	switch {
	case head.Schema == nil:
		return nil, fmt.Errorf("%s: not a report of depaudit audit -o json: there is no schema version", name)
	case *head.Schema > ReportSchema:
		return nil, fmt.Errorf("%s: it has schema version %d, and this depaudit reads up to %d; use a newer one", name, *head.Schema, ReportSchema)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var r Report
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("%s:%w", name, placed(data, err))
	}
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &r, nil
}

// placed returns an error of encoding/json with line and column in front if it
// has an offset, and with a space in front otherwise. The caller writes a colon
// before it.
func placed(data []byte, err error) error {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	var offset int64
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &typed):
		offset = typed.Offset
	default:
		return fmt.Errorf(" %w", err)
	}
	before := data[:min(max(offset-1, 0), int64(len(data)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	return fmt.Errorf("%d:%d: %w", line, len(before)-bytes.LastIndexByte(before, '\n'), err)
}

// Validate checks the report: the verdicts follow from the findings, the counts
// from the dependencies, and every ID refers to a dependency. Reports of package
// judge are valid.
func (r *Report) Validate() error {
	if r.Schema != ReportSchema {
		return fmt.Errorf("schema version %d is not %d", r.Schema, ReportSchema)
	}
	if err := r.validateInputs(); err != nil {
		return err
	}
	if err := r.PolicyFrom.validate(); err != nil {
		return err
	}
	names := map[string]bool{}
	for i := range r.Stages {
		s := &r.Stages[i]
		if names[s.Name] {
			return fmt.Errorf("two stages have the name %q", s.Name)
		}
		names[s.Name] = true
		if err := s.validate(); err != nil {
			return fmt.Errorf("stage %q: %w", s.Name, err)
		}
	}
	if err := validFindings(r.Findings); err != nil {
		return err
	}
	if v := r.DeriveVerdict(); v != r.Verdict {
		return fmt.Errorf("the verdict is %q, and %q follows from the findings", r.Verdict, v)
	}
	return nil
}

func (s *Stage) validate() error {
	if err := s.Policy.validate(s); err != nil {
		return err
	}
	known := make(map[string]*Dependency, len(s.Dependencies))
	counts := Counts{Excluded: s.Counts.Excluded}
	for i := range s.Dependencies {
		d := &s.Dependencies[i]
		switch {
		case d.ID == "":
			return errors.New("a dependency without an ID")
		case known[d.ID] != nil:
			return fmt.Errorf("dependency %q is listed twice", d.ID)
		case d.Provenance != FromBundled && !d.Provenance.Counted():
			return fmt.Errorf("dependency %q has the unknown provenance %q", d.ID, d.Provenance)
		case (d.Provenance == FromBundled) != (d.Owner != ""):
			return fmt.Errorf("dependency %q: owner %q contradicts provenance %q", d.ID, d.Owner, d.Provenance)
		}
		if d.Layer < 0 || d.Layer > len(s.Image.Layers) {
			return fmt.Errorf("dependency %q is from layer %d, and the image has %d", d.ID, d.Layer, len(s.Image.Layers))
		}
		known[d.ID] = d
		counts.Count(d.Provenance)
	}
	if all := CountEcosystems(s.Dependencies); !slices.Equal(all, s.Ecosystems) {
		return fmt.Errorf("the counts by ecosystem are %v, and %v follows from the dependencies", s.Ecosystems, all)
	}
	if counts != s.Counts {
		return fmt.Errorf("the counts are %+v, and %+v follows from the dependencies", s.Counts, counts)
	}
	excluded := 0
	for _, e := range s.Excluded {
		excluded += e.Count
	}
	if excluded != s.Counts.Excluded {
		return fmt.Errorf("the count of exclusions is %d, and %d are listed", s.Counts.Excluded, excluded)
	}
	if err := s.validateBase(); err != nil {
		return err
	}
	for i := range s.Gaps {
		if g := &s.Gaps[i]; g.Waived != nil && !g.Waivable() {
			return fmt.Errorf("a gap of the kind %q cannot be waived", g.Kind)
		}
	}
	if err := s.validateReferences(known); err != nil {
		return err
	}
	if err := s.Definition.validate(known); err != nil {
		return err
	}
	uses := s.Definition.ByID()
	for _, f := range s.Findings {
		for _, id := range f.Uses {
			if uses[id] == nil {
				return fmt.Errorf("%q refers to no use of the definition", id)
			}
		}
	}
	if err := validFindings(s.Findings); err != nil {
		return err
	}
	if s.Remaining != nil {
		if err := validFindings(s.Remaining.Findings); err != nil {
			return err
		}
	}
	if v := s.DeriveVerdict(); v != s.Verdict {
		return fmt.Errorf("the verdict is %q, and %q follows from the findings", s.Verdict, v)
	}
	return nil
}

// validateBase checks the numbers of the base.
func (s *Stage) validateBase() error {
	b := s.Base
	switch {
	case b == nil && s.Counts.Image > 0, b != nil && !b.Known && s.Counts.Image > 0:
		return fmt.Errorf("%d dependencies belong to an unknown base", s.Counts.Image)
	case b == nil:
		return nil
	case !b.Known && (b.Present != 0 || b.Gone != 0 || b.Added != 0 || b.Dependencies != 0 || b.Layers != 0):
		return errors.New("the base is unknown and has numbers")
	case !b.Known:
		return nil
	case b.Present < s.Counts.Image || b.Present+b.Added != s.Counts.Total || b.Added < 0:
		return fmt.Errorf("%d dependencies of the base and %d added ones contradict %+v", b.Present, b.Added, s.Counts)
	case b.Gone < 0 || b.Present+b.Gone > b.Dependencies:
		return fmt.Errorf("the base has %d dependencies, of which %d are present and %d are gone", b.Dependencies, b.Present, b.Gone)
	case b.Layers < 0 || b.Layers > len(s.Image.Layers):
		return fmt.Errorf("the base has %d layers, and the image %d", b.Layers, len(s.Image.Layers))
	}
	return nil
}

// validateReferences checks that every ID refers to a dependency.
func (s *Stage) validateReferences(known map[string]*Dependency) error {
	var ids []string
	for _, d := range s.Dependencies {
		if d.Owner != "" {
			ids = append(ids, d.Owner)
		}
	}
	for _, r := range s.Relations {
		ids = append(ids, r.From, r.To)
	}
	for _, f := range s.Findings {
		ids = append(ids, f.Dependencies...)
	}
	if s.Remaining != nil {
		for _, f := range s.Remaining.Findings {
			ids = append(ids, f.Dependencies...)
		}
	}
	for _, g := range s.Growth.Added {
		ids = append(ids, g.ID)
		ids = append(ids, g.Introduces...)
		ids = append(ids, g.SharedBy...)
		ids = append(ids, g.NeededBy...)
		if m := g.Mention; m != nil {
			ids = append(ids, m.From)
			if m.Instead != "" {
				ids = append(ids, m.Instead)
			}
		}
	}
	for _, w := range s.Growth.Weaker {
		ids = append(ids, w.ID)
	}
	for _, x := range s.Exceptions {
		ids = append(ids, x.Dependencies...)
	}
	if b := s.Growth.Base; b != nil {
		ids = slices.Concat(ids, b.Added, b.ToStage, b.ToBase)
	}
	for _, id := range ids {
		if known[id] == nil {
			return fmt.Errorf("%q refers to no dependency", id)
		}
	}
	return validOwners(known)
}

// validOwners checks that no component is bundled with itself: following such a
// cycle of owners would never end. Each chain is followed once.
func validOwners(known map[string]*Dependency) error {
	sound := make(map[string]bool, len(known))
	for id := range known {
		var chain []string
		onChain := map[string]bool{}
		for o := id; o != "" && !sound[o]; o = known[o].Owner {
			if onChain[o] {
				return fmt.Errorf("%q is bundled with itself", o)
			}
			onChain[o] = true
			chain = append(chain, o)
		}
		for _, o := range chain {
			sound[o] = true
		}
	}
	return nil
}

func validFindings(findings []Finding) error {
	for _, f := range findings {
		if !slices.Contains([]Severity{SeverityIncomplete, Error, Warning, Info}, f.Severity) {
			return fmt.Errorf("finding %q has the unknown severity %q", f.Rule, f.Severity)
		}
		if f.Rule == "" {
			return errors.New("a finding without a rule")
		}
	}
	return nil
}
