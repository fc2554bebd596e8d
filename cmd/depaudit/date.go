package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// The date of an SBOM and of a release is that of the source, and never the clock:
// the one that --date states, or that of the commit that it names, else
// SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/), else
// that of the newest file that shows a dependency. Without all of them it is not
// known, which the document states.

// firstRealDate is the first date of files that is not the mark of none, as a scan has
// it: reproducible builds use 1970-01-01, Nix a second more, and zip has 1980-01-01.
var firstRealDate = time.Date(1980, 1, 3, 0, 0, 0, 0, time.UTC)

// newestFile is what a date is of that is not stated.
const newestFile = "the newest file that shows a dependency"

func dateUsage(of string) string {
	return "`DATE` of " + of + ": 2026-11-28, or a commit such as HEAD, whose date it is (default SOURCE_DATE_EPOCH, else the newest file)"
}

// likeDate matches what was meant as a date, if no tag or branch has that name, such as
// 2026.11.
var likeDate = lazyregexp.New(`^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([T ].*)?$`)

// created returns the date that --date or the environment states; the zero time if
// neither does. One that builds use as the mark of no date is used with a warning.
func (c *command) created(ctx context.Context, date string) (at time.Time, err error) {
	defer func() {
		if err != nil || at.IsZero() || !at.Before(firstRealDate) {
			return
		}
		by := "SOURCE_DATE_EPOCH"
		if date != "" {
			by = "--date"
		}
		fmt.Fprintf(c.stderr, "depaudit: the date is %s, as stated by %s; builds use such a date as the mark of none\n", at.Format(time.DateOnly), by)
	}()
	if date != "" {
		return dateOfFlag(ctx, "--date", date)
	}
	s := c.env("SOURCE_DATE_EPOCH")
	if s == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || !isDate(n) {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is not a number of seconds: %s", s)
	}
	return time.Unix(n, 0).UTC(), nil
}

// dateOfFlag returns the date that the value of a flag states, or that of the commit
// that it names.
func dateOfFlag(ctx context.Context, flag, date string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		t, err := time.Parse(layout, date)
		switch {
		case err != nil:
		case !isDate(t.Unix()):
			return time.Time{}, fmt.Errorf("%s %s: before 1970", flag, date)
		default:
			return t.UTC(), nil
		}
	}
	t, err := dateOfCommit(ctx, date)
	switch {
	case err == nil || ctx.Err() != nil:
		return t, err
	case likeDate.MatchString(date):
		err = errors.New("neither a commit nor a date such as 2026-11-28 or 2026-11-28T12:00:00Z")
	}
	return time.Time{}, fmt.Errorf("%s %s: %w", flag, textfile.Quote(date), err)
}

// isDate reports whether seconds since 1970 are a date that SBOMs can have: their
// years have four digits, and nothing was installed before.
func isDate(seconds int64) bool { return seconds >= 0 && seconds < 253402300800 }

// dateOf returns the stated date, or that of the newest file of the stages, and in
// that case what it is the date of.
func dateOf(stated time.Time, stages ...audit.Stage) (at time.Time, from string) {
	if !stated.IsZero() {
		return stated, ""
	}
	for i := range stages {
		// A saved report can have any text there: of another form it is no date.
		if t, err := time.Parse(time.RFC3339, stages[i].Newest); err == nil && t.After(at) {
			at, from = t.UTC(), newestFile
		}
	}
	return at, from
}

// maxCommit bounds a commit, of which only the header is used.
const maxCommit = 16 << 20

// dateOfCommit returns when a commit of the repository around the current directory
// was made: the date of its committer, as "git log -1 --format=%ct" prints it.
func dateOfCommit(ctx context.Context, ref string) (time.Time, error) {
	hint := "write a date such as 2026-11-28"
	root, err := checkoutRoot(".")
	if err != nil {
		return time.Time{}, err
	}
	if _, err := os.Lstat(filepath.Join(root, ".git")); err != nil {
		return time.Time{}, &hinted{errors.New("neither a date nor in a git repository, whose commit it could name"), hint}
	}
	r, err := openRepo(ctx, root)
	if err != nil {
		return time.Time{}, err
	}
	commit, err := r.resolve(ctx, ref)
	if err != nil {
		return time.Time{}, fmt.Errorf("neither a date nor a commit: %w", err)
	}
	var text strings.Builder
	if _, err := r.run(ctx, &text, maxCommit, "cat-file", "commit", commit); err != nil {
		return time.Time{}, err
	}
	return committed(text.String())
}

// committed returns the date of the committer in the content of a commit
// (git-commit-tree(1), "committer NAME <EMAIL> SECONDS ZONE"). A blank line ends the
// header; what follows is the message, which could have such a line.
func committed(commit string) (time.Time, error) {
	for line := range strings.Lines(commit) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			break
		}
		rest, ok := strings.CutPrefix(line, "committer ")
		if !ok {
			continue
		}
		fields := strings.Fields(rest[strings.LastIndexByte(rest, '>')+1:])
		if len(fields) != 2 {
			break
		}
		n, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil || !isDate(n) {
			break
		}
		return time.Unix(n, 0).UTC(), nil
	}
	return time.Time{}, errors.New("the commit has no date")
}
