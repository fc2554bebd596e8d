package report

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
)

// renderJSON writes the whole report: every other format can be rendered from
// it later. The bytes are canonical: fields in the order of the
// types, two spaces of indent, empty lists as [], a newline at the end.
//
// Unlike the others, this format keeps every untrusted string whole. Characters
// that would act on a terminal or in a CI log are written as JSON escapes,
// which a parser decodes; invalid UTF-8, which JSON cannot hold, becomes
// U+FFFD, always written as \ufffd.
func renderJSON(w io.Writer, r *audit.Report, _ Options) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(withLists(r)); err != nil {
		return err
	}
	_, err := w.Write(terminal.EscapeJSON(b.Bytes()))
	return err
}

// withLists returns the report with [] for lists that are nil, for readers that
// distinguish the two.
func withLists(r *audit.Report) *audit.Report {
	out := *r
	out.Stages = append([]audit.Stage{}, r.Stages...)
	for i := range out.Stages {
		s := &out.Stages[i]
		s.Dependencies = present(s.Dependencies)
		s.Findings = present(s.Findings)
		s.Gaps = present(s.Gaps)
		s.Growth.Added = present(s.Growth.Added)
		s.Growth.Removed = present(s.Growth.Removed)
		s.Growth.Changed = present(s.Growth.Changed)
	}
	return &out
}

func present[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
