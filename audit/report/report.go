// Package report renders an [audit.Report] for people and for machines.
//
// # Renderers decide nothing
//
// The verdict, the findings and the counts are in the report; every format is
// made from that one value, at once or later from a saved one. A renderer may
// leave out or shorten, and then says how much; it never adds a judgement.
// The exit code of the command does not pass through here.
//
// # Names from strangers
//
// Almost every string in a report was written by somebody else: package
// names, versions, paths, error texts, the names of stages in a pull request.
// None of them reaches an output but through sanitize.go, which has one
// function for terminals and logs ([Terminal]) and two on top of it for
// Markdown. Words of this package's own are the only ones that are written
// as they are.
//
// # Same report, same bytes
//
// No clock, no map order, no locale. Widths are counted in terminal cells
// with ambiguous characters as one cell, whatever the environment says.
package report

import (
	"io"
	"slices"

	"github.com/depaudit/depaudit/audit"
)

// Options is what a user may choose about a rendering. The zero value is a
// report for a log: 80 columns, no colour, no lists.
type Options struct {
	// Width is the number of columns of a table, 0 for 80. Less than 40 is
	// taken as 40.
	Width int
	// Color allows SGR escape sequences. They are the only escape sequences
	// in any output, and nothing is said by colour alone.
	Color bool
	// Show names the lists to print in full besides the summary: see
	// [Lists]. The json format has everything anyway.
	Show []string
	// MaxBytes limits a markdown document, 0 for [StepSummaryBytes].
	MaxBytes int
}

// Format is a way to write a report down.
type Format struct {
	// Name is what -o takes.
	Name string
	// Title says in one line what it is for.
	Title string
	// Render writes the whole report. An error is one of w, or of an option
	// that the format does not know; nothing is written in that case.
	Render func(w io.Writer, r *audit.Report, o Options) error
}

// Formats returns all formats, the default one first.
func Formats() []Format {
	return []Format{
		{Name: "table", Title: "summary for a terminal or a log", Render: renderTable},
		{Name: "markdown", Title: "summary for a GitHub step summary or a comment", Render: renderMarkdown},
		{Name: "json", Title: "the whole report, from which every other format can be rendered", Render: renderJSON},
	}
}

// ByName returns the format of that name.
func ByName(name string) (Format, bool) {
	all := Formats()
	i := slices.IndexFunc(all, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, false
	}
	return all[i], true
}
