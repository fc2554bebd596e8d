// Package report renders an [audit.Report] for people and for machines.
//
// # Renderers decide nothing
//
// The verdict, the findings and the counts are in the report; every format is
// made from that one value, at once or later from a saved one. A renderer may
// leave out or shorten text, and prints how much; it never adds a judgement.
// The exit code of the command does not depend on it.
//
// # Untrusted text
//
// Almost every string in a report is untrusted: package names, versions,
// paths, error texts, the names of stages in a pull request. Each of them is
// escaped before it is written: by package terminal for terminals, logs and
// Markdown, and for the page by html/template after it. Only the words of this
// package are written as they are.
//
// # Layout
//
// Tables are laid out by package terminal, which chooses the widths of the
// columns for terminals and writes the rows of Markdown.
//
// # Same report, same bytes
//
// The output does not depend on a clock, the order of a map or the locale.
package report

import (
	"io"

	"github.com/depaudit/depaudit/audit"
)

// Options are the choices of a user. The zero value is a report for a log: 80 columns, no colour, no lists.
type Options struct {
	// Width is the number of columns of a table, 0 for 80. Less than 40 is
	// taken as 40.
	Width int
	// Color allows SGR escape sequences: see [terminal.Options].
	Color bool
	// Cut shortens what is too wide for a terminal: see [terminal.Options].
	Cut bool
	// Groups folds what does not decide a verdict, for the log of GitHub Actions: see
	// [terminal.Options].
	Groups bool
	// Show names the lists to print in full besides the summary: see
	// [Lists]. The json format always has everything.
	Show []string
	// Limit is the number of rows of each of those lists, 0 for all.
	Limit int
	// MaxBytes limits a markdown document, 0 for 1 MiB, the most that a GitHub step summary takes.
	MaxBytes int
	// Checkout is where the files are that annotations and alerts are about.
	Checkout Checkout
	// Release is the release that the report belongs to, nil if it stands alone. Only
	// the html format has it, at the top.
	Release *Release
}

// Release is what a page has about the release that its report belongs to.
type Release struct {
	// Date is its day.
	Date string
	// Artifacts are the names of what the stages made, with their digests.
	Artifacts []Artifact
}

// Artifact is a file or an image with its digest, as "sha256:" and hexadecimal digits.
type Artifact struct{ Name, Digest string }

// Format is an output format of reports.
type Format struct {
	// Name is the value of -o.
	Name string
	// Title is its purpose in one line.
	Title string
	// Beside is true for lines of a log that may follow another format in it.
	Beside bool
	// Render writes the whole report. An error is one of w, or of an unknown
	// list in Options.Show; nothing is written in that case.
	Render func(w io.Writer, r *audit.Report, o Options) error
}

// Formats returns all formats, the default one first.
func Formats() []Format {
	return []Format{
		{Name: "table", Title: "summary for a terminal or a log", Render: renderTable},
		{Name: "markdown", Title: "summary for a GitHub step summary or a comment", Render: renderMarkdown},
		{Name: "html", Title: "one page for a browser, to go with a release", Render: renderHTML},
		{Name: "json", Title: "the whole report, from which every other format can be rendered", Render: renderJSON},
		{Name: "sarif", Title: "SARIF 2.1.0, for code scanning", Render: renderSARIF},
		{Name: "junit", Title: "test results of CI systems: a suite for each stage, a case for each rule", Render: renderJUnit},
		{Name: "gitlab-codequality", Title: "GitLab's Code Quality report", Render: renderCodeQuality},
		{Name: "csv", Title: "one row for each dependency", Render: renderCSV},
		{Name: "github", Title: "annotations of GitHub Actions, beside another format in the log", Beside: true, Render: renderGitHub},
	}
}
