package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
)

// files returns how many of the stage's files are proved, and how many are not
// explained; "" if none was verified.
func (s stage) files() string {
	if s.Ledger == nil {
		return ""
	}
	total := 0
	count := map[audit.FileStatus]int{}
	for _, c := range s.Ledger.Counts {
		count[c.Status] = c.Files
		if c.Status != audit.FileMissing {
			total += c.Files
		}
	}
	text := fmt.Sprintf("files: %s of %s proved", grouped(count[audit.FileProved]), grouped(total))
	for _, status := range audit.FileStatuses() {
		if n := count[status]; n > 0 && status != audit.FileProved {
			text += fmt.Sprintf(", %s %s", grouped(n), status)
		}
	}
	return text
}

// statusMeaning returns what a status of files says, for a reader who has nothing but
// the page.
func statusMeaning(s audit.FileStatus) string {
	switch s {
	case audit.FileConsistent:
		return "equal to what the environment itself records"
	case audit.FileUnchecked:
		return "of a package, and there is nothing to compare them with"
	case audit.FileDerived:
		return "explained by a rule, such as caches and links that a package makes when it is installed"
	case audit.FileConffile:
		return "configuration files of packages that were changed"
	case audit.FileChanged:
		return "other content than the artifact or the record has"
	case audit.FileMissing:
		return "of a package, and not there"
	case audit.FileUnexplained:
		return "nothing accounts for them"
	case audit.FileUnread:
		return "could not be read"
	}
	return ""
}

// grouped returns a number with a comma before each three digits.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// fileList returns the lines of the ledger with one of the statuses.
func fileList(statuses ...audit.FileStatus) func(stage) terminal.Table {
	return func(s stage) terminal.Table {
		l := terminal.Table{Columns: []terminal.Column{
			{Title: "Path", Path: true, Code: true}, {Title: "Status"}, {Title: "Differs"}, {Title: "Runs"}, {Title: "Mode"},
			{Title: "Dependency", Code: true}, {Title: "Detail"},
		}}
		if s.Ledger == nil {
			return l
		}
		for _, f := range s.Ledger.Lines {
			if !slices.Contains(statuses, f.Status) {
				continue
			}
			about, detail := "", f.Detail
			if f.Component != "" {
				about = s.name(f.Component)
			}
			if f.Rule != "" {
				detail = strings.TrimSpace(f.Rule + " " + detail)
			}
			l.Rows = append(l.Rows, []string{f.Path, string(f.Status), strings.Join(f.How, ", "), f.Runs, f.Mode, about, detail})
		}
		slices.SortStableFunc(l.Rows, func(a, b []string) int {
			return cmp.Compare(slices.Index(statuses, audit.FileStatus(a[1])), slices.Index(statuses, audit.FileStatus(b[1])))
		})
		return l
	}
}

func indexList(s stage) terminal.Table {
	l := terminal.Table{Columns: []terminal.Column{
		{Title: "File", Path: true, Code: true}, {Title: "Origin"}, {Title: "Suite"}, {Title: "Date"}, {Title: "Packages", Right: true}, {Title: "Signed by"},
	}}
	for _, x := range s.Indexes {
		by := x.KeyName
		if x.Problem != "" {
			by = "not trusted: " + x.Problem
		}
		l.Rows = append(l.Rows, []string{x.File, x.Origin, x.Suite, x.Date, grouped(x.Packages), by})
	}
	return l
}
