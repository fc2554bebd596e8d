package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// MaxSize is the largest report that is read back, in bytes. The
// largest machines that were measured have some 31,000 dependencies, at about
// a kilobyte each.
const MaxSize = 256 << 20

// maxObjects is the largest number of JSON objects of a report that is read back. One of
// [MaxSize] with real dependencies has some 700,000, which are 1 GB of memory; a report
// could have eighty million empty ones, and end every program that reads many reports.
const maxObjects = 1_000_000

// FormatError is the error for a report in a format that this version does not read:
// another version of depaudit wrote it. Nothing is known to be wrong with it.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return e.Err.Error() }
func (e *FormatError) Unwrap() error { return e.Err }

// Read reads a saved report. It returns an error for a report of another
// format or with unknown fields, which is a [FormatError], and for numbers or a
// verdict that do not follow from the lists.
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
	return Parse(name, data)
}

// Parse reads a saved report like [Read]. Errors begin with the name.
func Parse(name string, data []byte) (*Report, error) {
	if n := bytes.Count(data, []byte{'{'}); n > maxObjects {
		return nil, fmt.Errorf("%s: more than %d objects: %d", name, maxObjects, n)
	}
	ctx, r := context.Background(), new(Report)
	err := strictjson.UnmarshalKnown(ctx, data, r)
	if err == nil && r.Schema == ReportSchema {
		if err := r.Validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return r, nil
	}
	// Reports are parsed once. Only for one that is wrong, a second pass finds whether
	// it is a report at all, and of which version.
	var head struct {
		Schema *int `json:"schema"`
	}
	if err := cmp.Or(strictjson.Check(ctx, data), strictjson.Unmarshal(ctx, data, &head)); err != nil {
		if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
			return nil, placed(name, err, "not a report of depaudit audit -o json: ")
		}
		return nil, placed(name, err, "")
	}
	switch {
	case head.Schema == nil:
		return nil, fmt.Errorf("%s: not a report of depaudit audit -o json: there is no schema version", name)
	case *head.Schema > ReportSchema:
		return nil, &FormatError{fmt.Errorf("%s: it has schema version %d, and this depaudit reads up to %d", name, *head.Schema, ReportSchema)}
	case errors.Is(err, strictjson.ErrUnknownField):
		return nil, &FormatError{placed(name, err, "")}
	case err != nil:
		return nil, placed(name, err, "")
	}
	return nil, &FormatError{fmt.Errorf("%s: schema version %d is not %d", name, *head.Schema, ReportSchema)}
}

// placed returns an error about the JSON with name, line and column in front.
func placed(name string, err error, what string) error {
	if at, ok := errors.AsType[*strictjson.Error](err); ok {
		return fmt.Errorf("%s:%d:%d: %s%s", name, at.Line, at.Column, what, at.Detail)
	}
	return fmt.Errorf("%s: %s%w", name, what, err)
}

// Validate checks the report: the verdicts follow from the findings, the counts
// from the dependencies, and every ID refers to a dependency. Reports of package
// judge are valid.
func (r *Report) Validate() error {
	if r.Schema != ReportSchema {
		return fmt.Errorf("schema version %d is not %d", r.Schema, ReportSchema)
	}
	if err := r.validateHead(); err != nil {
		return err
	}
	for i := range r.Stages {
		if err := r.Stages[i].validate(); err != nil {
			return fmt.Errorf("stage %q: %w", r.Stages[i].Name, err)
		}
	}
	return r.validateVerdict()
}

// validateHead checks what does not depend on the content of stages.
func (r *Report) validateHead() error {
	if err := r.validateInputs(); err != nil {
		return err
	}
	if err := r.PolicyFrom.validate(); err != nil {
		return err
	}
	names := map[string]bool{}
	for i := range r.Stages {
		name := r.Stages[i].Name
		if names[name] {
			return fmt.Errorf("two stages have the name %q", name)
		}
		names[name] = true
	}
	return nil
}

// validateVerdict checks the findings of the report and what follows from all findings.
func (r *Report) validateVerdict() error {
	if err := validFindings(r.Findings); err != nil {
		return err
	}
	if v := r.DeriveVerdict(); v != r.Verdict {
		return fmt.Errorf("the verdict is %q, and %q follows from the findings", r.Verdict, v)
	}
	return nil
}

func (s *Stage) validate() error {
	l := newRoll()
	for i := range s.Dependencies {
		if err := l.add(&s.Dependencies[i]); err != nil {
			return err
		}
	}
	return s.validateBy(l)
}

// validateBy checks everything but the dependencies themselves.
func (s *Stage) validateBy(l *roll) error {
	if err := s.Policy.validate(s); err != nil {
		return err
	}
	if s.Limit != nil && *s.Limit < 0 {
		return fmt.Errorf("the limit is %d", *s.Limit)
	}
	if l.layer > len(s.Image.Layers) {
		return fmt.Errorf("dependency %q is from layer %d, and the image has %d", l.layerOf, l.layer, len(s.Image.Layers))
	}
	counts := l.counts
	counts.Excluded = s.Counts.Excluded
	if all := l.ecosystems(); !slices.Equal(all, s.Ecosystems) {
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
	if err := s.validateReferences(l); err != nil {
		return err
	}
	if err := s.Definition.validate(l); err != nil {
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

// validateReferences checks that every other ID refers to a dependency.
func (s *Stage) validateReferences(l *roll) error {
	for i := range s.Relations {
		if err := l.relation(&s.Relations[i]); err != nil {
			return err
		}
	}
	var ids []string
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
	if err := l.refers(ids...); err != nil {
		return err
	}
	return l.validOwners()
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
