package bundle

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom/strictjson"
	"github.com/depaudit/depaudit/sbom/wording"
)

// contents compares the files of another version with the report. Those of want, which
// this version makes, are compared byte by byte. Others are read, and what they say is
// compared: that is less, since a page can say more than what is looked for.
func (c *checker) contents(ctx context.Context, want map[string][]byte) {
	const results = testName + statementSuffix
	for _, name := range bound { // their digests hold
		want[results] = bytes.ReplaceAll(want[results], []byte(digest(want[name])), []byte(digest(c.files[name])))
	}
	m := &c.res.Manifest
	names := []string{results}
	for _, d := range m.Files {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	for _, name := range names {
		have := c.files[name]
		made, known := want[name]
		switch {
		case known && bytes.Equal(have, made):
			c.res.Equal++
		case name == ReportFile: // it was read, and is what the others are compared with
			c.res.Alike = append(c.res.Alike, name)
		case !known:
			c.res.Unread = append(c.res.Unread, name)
		default:
			c.content(ctx, name, have, made)
		}
	}
	if _, ok := c.files["svr"+statementSuffix]; ok != (c.res.Report.Verdict == audit.Pass) {
		c.bad("svr"+statementSuffix, "does not follow from the verdict, which is %s", c.res.Report.Verdict)
	}
}

// content compares the statements of a file with those of the one that this version
// makes.
func (c *checker) content(ctx context.Context, name string, have, want []byte) {
	read, problem := true, ""
	switch {
	case name == PageFile:
		read, problem = saysAll(pageText(have), c.res.Report)
	case name == TableFile:
		read, problem = saysAll(tableText(have), c.res.Report)
	case strings.HasSuffix(name, statementSuffix):
		problem = c.sameStatement(ctx, name, have, want)
	default:
		problem = sameBOM(ctx, name, have, want)
	}
	switch {
	case problem != "":
		c.bad(name, "%s", problem)
	case read:
		c.res.Alike = append(c.res.Alike, name)
	default:
		c.res.Unread = append(c.res.Unread, name)
	}
}

// sameStatement compares a statement with the one that this version makes. Which
// rules hold differs between versions, as they have other rules; which do not hold
// follows from the findings. An SBOM in a statement is the one in the file.
func (c *checker) sameStatement(ctx context.Context, name string, have, want []byte) string {
	type parts struct {
		Type          string          `json:"_type"`
		Subject       []descriptor    `json:"subject"`
		PredicateType string          `json:"predicateType"`
		Predicate     json.RawMessage `json:"predicate"`
	}
	var a, b parts
	if err := strictjson.Unmarshal(ctx, have, &a); err != nil {
		return fmt.Sprintf("is not a statement: %v", err)
	}
	if err := json.Unmarshal(want, &b); err != nil {
		return err.Error()
	}
	switch {
	case a.Type != b.Type || a.PredicateType != b.PredicateType:
		return fmt.Sprintf("is a statement of %s, not of %s", wording.Quote(a.PredicateType), wording.Quote(b.PredicateType))
	case !equalJSON(a.Subject, b.Subject):
		return "is about other subjects than the release"
	}
	switch a.PredicateType {
	case testPredicate:
		var x, y testResult
		if err := cmp.Or(strictjson.Unmarshal(ctx, a.Predicate, &x), json.Unmarshal(b.Predicate, &y)); err != nil {
			return fmt.Sprintf("is not a statement of test results: %v", err)
		}
		x.Passed = y.Passed
		if !equalJSON(x, y) {
			return "has other results, or other inputs, than the report"
		}
	case resultPredicate:
		var x, y summary
		if err := cmp.Or(strictjson.Unmarshal(ctx, a.Predicate, &x), json.Unmarshal(b.Predicate, &y)); err != nil {
			return fmt.Sprintf("is not a summary: %v", err)
		}
		if !equalJSON(x, y) {
			return "summarises something else than the report"
		}
	default:
		file := strings.TrimSuffix(name, statementSuffix) + ".json"
		if !bytes.Equal(compact(a.Predicate), compact(c.files[file])) {
			return "does not have the SBOM that is in " + file
		}
	}
	return ""
}

func equalJSON(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

func compact(data []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		return nil
	}
	return b.Bytes()
}
