package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/terminal"
)

// exceptionTable is the answer of `except list`.
type exceptionTable struct {
	Exceptions []exceptionRow `json:"exceptions"`
}

// exceptionRow is one exception. Age is missing if it is not recorded, Covers
// without a report.
type exceptionRow struct {
	PURL       string            `json:"purl,omitempty"`
	Path       string            `json:"path,omitempty"`
	Stages     []string          `json:"stages,omitempty"`
	Rules      []string          `json:"rules,omitempty"`
	Introduces any               `json:"introduces,omitempty"`
	Reason     string            `json:"reason"`
	Owner      string            `json:"owner"`
	Since      string            `json:"since,omitempty"`
	Age        *int              `json:"age,omitempty"`
	Expires    string            `json:"expires"`
	Left       int               `json:"left"`
	State      string            `json:"state"`
	Covers     *exceptionCovered `json:"covers,omitempty"`
	File       string            `json:"file"`
	Line       int               `json:"line"`
	subject    string
}

// exceptionCovered is how much an exception covers by a report.
type exceptionCovered struct {
	Dependencies int `json:"dependencies"`
	Paths        int `json:"paths"`
}

// newExceptionTable lists the exceptions. accepted and r may be nil.
func newExceptionTable(cfg *config.Config, accepted *baseline.Baseline, r *audit.Report, today string) *exceptionTable {
	t := &exceptionTable{Exceptions: []exceptionRow{}}
	for i := range cfg.Exceptions {
		x := &cfg.Exceptions[i]
		row := exceptionRow{
			PURL: x.PURL, Path: x.Path, Stages: x.Stages, Rules: x.Rules, Reason: x.Reason, Owner: x.Owner, Since: since(x, accepted),
			Expires: x.Expires, Left: daysBetween(today, x.Expires), State: "live", File: x.File, Line: x.Line, subject: x.String(),
		}
		switch {
		case row.Left < 0:
			row.State = "expired"
		case row.Left <= cfg.Notice():
			row.State = "ends soon"
		}
		if in := x.Introduces; in != nil && len(in.PURLs) > 0 {
			row.Introduces = in.PURLs
		} else if in != nil {
			row.Introduces = in.Most
		}
		if row.Since != "" {
			age := max(0, daysBetween(row.Since, today))
			row.Age = &age
		}
		if r != nil {
			n, paths := covered(r, x)
			row.Covers = &exceptionCovered{n, paths}
		}
		t.Exceptions = append(t.Exceptions, row)
	}
	return t
}

// daysBetween returns the number of days from one day to another, both YYYY-MM-DD.
func daysBetween(from, to string) int {
	a, errA := time.Parse(time.DateOnly, from)
	b, errB := time.Parse(time.DateOnly, to)
	if errA != nil || errB != nil {
		return 0
	}
	const day = 24 * time.Hour
	return int(b.Sub(a) / day)
}

// Text writes the list as a table.
func (t *exceptionTable) Text(w io.Writer, o terminal.Options, limit int) error {
	p := terminal.NewPage(o)
	if len(t.Exceptions) == 0 {
		p.Line("", "no exceptions", terminal.Plain)
	}
	table := terminal.Table{Columns: []terminal.Column{
		{Title: "Exception", Whole: true}, {Title: "Stages", Spare: 1}, {Title: "Rules", Spare: 1}, {Title: "State", Whole: true}, {Title: "Expires", Whole: true}, {Title: "Left", Right: true},
		{Title: "Age", Right: true}, {Title: "Covers", Right: true}, {Title: "Owner"}, {Title: "Reason", Spare: 1}, {Title: "Place", Path: true, Spare: 1},
	}}
	for i := range t.Exceptions {
		if limit > 0 && i == limit {
			break
		}
		x := &t.Exceptions[i]
		age, covers := "", ""
		if x.Age != nil {
			age = strconv.Itoa(*x.Age)
		}
		if x.Covers != nil {
			covers = strconv.Itoa(x.Covers.Dependencies + x.Covers.Paths)
		}
		table.Rows = append(table.Rows, []string{
			x.subject, strings.Join(x.Stages, ", "), strings.Join(x.Rules, ", "), x.State, x.Expires, strconv.Itoa(x.Left), age, covers, x.Owner,
			strings.Join(strings.Fields(x.Reason), " "), fmt.Sprintf("%s:%d", x.File, x.Line),
		})
	}
	p.Table("", table)
	if n := len(t.Exceptions) - len(table.Rows); n > 0 {
		p.Line("", fmt.Sprintf("and %d more: see --limit 0", n), terminal.Plain)
	}
	_, err := p.WriteTo(w)
	return err
}
