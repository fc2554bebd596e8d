package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/depaudit/depaudit/audit"
)

// Problem is something wrong in a directory.
type Problem struct {
	File, Detail string
}

// Result is what [Verify] found.
type Result struct {
	Manifest Manifest
	Report   *audit.Report
	// Signed is the number of statements whose signature was verified.
	Signed int
	// Problems are sorted by file.
	Problems []Problem
	// Other is the version of depaudit that made the files when it is not this one:
	// the files could not be made again, and only digests and signatures were
	// compared.
	Other string
}

var sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Verify checks the files of a release: that each is in [SumsFile] and nothing else
// is, that the report's verdict follows from its findings, that all files are those
// that the report and the manifest make, and with a key that each statement is
// signed by it. subject returns the digest of an artifact, "" for one that is not
// to be had; nil if none is.
func Verify(ctx context.Context, files map[string][]byte, tool string, key *Key, subject func(name string) string) Result {
	var res Result
	bad := func(file, format string, args ...any) {
		res.Problems = append(res.Problems, Problem{file, fmt.Sprintf(format, args...)})
	}
	defer func() {
		slices.SortStableFunc(res.Problems, func(a, b Problem) int { return bytes.Compare([]byte(a.File), []byte(b.File)) })
	}()
	if sums, ok := files[SumsFile]; !ok {
		bad(SumsFile, "is missing")
	} else if !bytes.Equal(sums, Sums(files)) {
		bad(SumsFile, "does not have the digests of the files that are there")
	}
	dec := json.NewDecoder(bytes.NewReader(files[ManifestFile]))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&res.Manifest); err != nil || res.Manifest.Schema != manifestSchema {
		bad(ManifestFile, "is missing, or not a manifest that this version knows (%v)", err)
		return res
	}
	for i, s := range res.Manifest.Subjects {
		if !sha256Form.MatchString(s.SHA256) || i > 0 && res.Manifest.Subjects[i-1].Name >= s.Name {
			bad(ManifestFile, "subject %q has no digest, or is not in order", s.Name)
		}
	}
	r, err := audit.Read(bytes.NewReader(files[ReportFile]))
	if err != nil {
		bad(ReportFile, "%v", err)
		return res
	}
	res.Report = r
	res.statements(ctx, files, key, bad)
	checkBound(files, bad)
	for _, s := range res.Manifest.Subjects {
		if subject == nil {
			break
		}
		switch have := subject(s.Name); have {
		case s.SHA256:
		case "":
			bad(s.Name, "the artifact is not there")
		default:
			bad(s.Name, "the artifact is another one: sha256:%s, and the release is of sha256:%s", have, s.SHA256)
		}
	}
	if res.Manifest.Tool != tool {
		res.Other = res.Manifest.Tool
		return res
	}
	want, err := Files(r, res.Manifest)
	if err != nil {
		bad(ReportFile, "%v", err)
		return res
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		have, ok := files[name]
		switch {
		case !ok:
			bad(name, "is missing")
		case !bytes.Equal(have, want[name]):
			bad(name, "is not what the report says")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if _, known := want[name]; !known && name != SumsFile && !isEnvelopeOf(name, want) {
			bad(name, "does not belong to the release")
		}
	}
	return res
}

// statements checks the signatures.
func (res *Result) statements(ctx context.Context, files map[string][]byte, key *Key, bad func(file, format string, args ...any)) {
	if key == nil {
		return
	}
	for _, name := range statementNames(files) {
		e, ok := files[envelopeName(name)]
		if !ok {
			bad(name, "has no signature")
			continue
		}
		if err := checkEnvelope(ctx, e, files[name], key); err != nil {
			bad(envelopeName(name), "%v", err)
			continue
		}
		res.Signed++
	}
	if len(statementNames(files)) == 0 {
		bad(testName+statementSuffix, "is missing")
	}
}

// checkBound compares the digests in the statement of the test results with the
// files. It holds for files of every version.
func checkBound(files map[string][]byte, bad func(file, format string, args ...any)) {
	var s struct{ Predicate testResult }
	if err := json.Unmarshal(files[testName+statementSuffix], &s); err != nil {
		bad(testName+statementSuffix, "is missing, or not a statement")
		return
	}
	for _, name := range bound {
		i := slices.IndexFunc(s.Predicate.Configuration, func(d descriptor) bool { return d.Name == name })
		if i < 0 || s.Predicate.Configuration[i].Digest["sha256"] != digest(files[name]) {
			bad(name, "is not the file that the statement is about")
		}
	}
}

func isEnvelopeOf(name string, files map[string][]byte) bool {
	return slices.ContainsFunc(statementNames(files), func(s string) bool { return envelopeName(s) == name })
}
