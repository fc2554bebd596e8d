package report

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Exceptions that a stage needs are in every report, also in one of a stage that
// passes: nothing else accounts for what they cover.

// exceptions writes each exception that the stage needs.
func (p *page) exceptions(s stage) {
	for i := range s.Exceptions {
		if i == shownItems {
			p.field("", "", fmt.Sprintf("and %d more exceptions: see --show exceptions", len(s.Exceptions)-i))
			return
		}
		x := &s.Exceptions[i]
		color := terminal.Plain
		if x.Expired {
			color = terminal.Red
		}
		p.field("exception", color, fmt.Sprintf("%s for %s, %s, %s; %s: %s", x.Subject(), coverage(x), age(x), left(x), x.Owner, oneLine(x.Reason)))
	}
}

// excusing returns the live exceptions by the ID of each dependency that they
// excuse, the first one of several.
func excusing(s *audit.Stage) map[string]*audit.ExceptionUse {
	out := map[string]*audit.ExceptionUse{}
	for i := range s.Exceptions {
		x := &s.Exceptions[i]
		for _, id := range x.Dependencies {
			if out[id] == nil && !x.Expired {
				out[id] = x
			}
		}
	}
	return out
}

// oneLine returns a text without its line breaks.
func oneLine(s string) string { return strings.Join(textLines(s), " ") }

// coverage returns how much an exception covers in the stage.
func coverage(x *audit.ExceptionUse) string {
	var parts []string
	if n := len(x.Dependencies); n > 0 {
		parts = append(parts, wording.Count(n, "dependency", "dependencies"))
	}
	if n := len(x.Paths); n > 0 {
		parts = append(parts, wording.Count(n, "path", "paths"))
	}
	if len(parts) == 0 {
		return "something that is not counted"
	}
	return strings.Join(parts, " and ")
}

// age returns how old an exception is.
func age(x *audit.ExceptionUse) string {
	if x.Age == 0 {
		return "new"
	}
	return wording.Count(x.Age, "day", "days") + " old"
}

// left returns how long an exception still holds.
func left(x *audit.ExceptionUse) string {
	switch {
	case x.Expired:
		return "ended on " + x.Expires
	case x.Left == 0:
		return "ends today"
	}
	return wording.Count(x.Left, "day", "days") + " left"
}

func exceptionUseList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "Exception", Code: true}, {Title: "Covers"}, {Title: "Rules", Spare: 1}, {Title: "Age"}, {Title: "Left"}, {Title: "Expires"},
		{Title: "Responsible", Code: true}, {Title: "Reason"}, {Title: "Place", Path: true, Code: true, Spare: 1},
	}}
	for i := range s.Exceptions {
		x := &s.Exceptions[i]
		l.Rows = append(l.Rows, []string{
			x.Subject(), coverage(x), strings.Join(x.Excuses, ", "), age(x), left(x), x.Expires, x.Owner, oneLine(x.Reason), fmt.Sprintf("%s:%d", x.File, x.Line),
		})
	}
	return l
}

// markdownExceptions has the exceptions that a stage needs, nothing without any.
func markdownExceptions(s stage) ([]block, error) {
	if len(s.Exceptions) == 0 {
		return nil, nil
	}
	b, err := markdownTable(exceptionUseList(s), block{
		rank: rankCause, what: "exceptions", open: "**Exceptions of " + terminal.CodeSpan(terminal.EscapeTo(s.Name, maxCell)) + "**\n\n",
	})
	return []block{b}, err
}
