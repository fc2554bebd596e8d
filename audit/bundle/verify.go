package bundle

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/strictjson"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Check is one of the questions that a release is checked by.
type Check string

// The checks. Each is answered apart from the verdict of the release.
const (
	// CheckBytes is whether the files are those that were written.
	CheckBytes Check = "bytes"
	// CheckSignatures is whether the key signed each statement.
	CheckSignatures Check = "signatures"
	// CheckArtifacts is whether the artifacts are those that the statements are about.
	CheckArtifacts Check = "artifacts"
	// CheckDate is whether the release is late enough.
	CheckDate Check = "date"
)

// Problem is something wrong in a directory.
type Problem struct {
	File, Detail string
	// Check is the one that does not hold.
	Check Check
}

// Problems are the error of a directory that is not as it was written.
type Problems []Problem

func (p Problems) Error() string {
	return fmt.Sprintf("%s %s", p[0].File, p[0].Detail)
}

// Result is what [Verify] found.
type Result struct {
	Manifest Manifest
	// Report is nil if it could not be read.
	Report *audit.Report
	// Signed is the number of statements whose signature was verified, by the key of
	// the ID KeyID.
	Signed int
	KeyID  string
	// Problems are sorted by file.
	Problems Problems
	// Other is the version of depaudit that made the files when it is not this one, or
	// another build of no version: it may write other bytes. The digests of the files
	// were compared with those that the signed statement covers, unless the manifest,
	// and so Manifest, is empty: it is of a format that this version does not read.
	Other string
	// Format is the error of a report of another version whose format this one does not
	// read: nothing was compared with it.
	Format error
	// Equal is the number of files of another version that are those that this one
	// makes, to the byte.
	Equal int
	// Alike are the others, of which what they say was compared with the report, and
	// Unread those that this version does not know. Sorted.
	Alike, Unread []string
}

var sha256Form = lazyregexp.New(`^[0-9a-f]{64}$`)

// Verify checks the files of a release: that each is in [SumsFile] and nothing else
// is, that the report's verdict follows from its findings, that all files are those
// that the report and the manifest make, and with a key that each statement is
// signed by it. Files of another version, which may write other bytes, are those that
// the manifest names, and do not contradict the report. subject returns the digest of
// an artifact that is a file; nil if those are not compared.
func Verify(ctx context.Context, files map[string][]byte, tool string, key *Key, subject func(name string) (sha256 string, err error)) Result {
	c := checker{files: files, key: key}
	if key != nil {
		c.res.KeyID = key.ID()
	}
	c.run(ctx, tool)
	if subject != nil {
		c.artifacts(subject)
	}
	slices.SortStableFunc(c.res.Problems, func(a, b Problem) int { return cmp.Compare(a.File, b.File) })
	return c.res
}

// checker checks the files of a release.
type checker struct {
	files map[string][]byte
	key   *Key
	res   Result
}

func (c *checker) bad(file, format string, args ...any) {
	c.fail(CheckBytes, file, format, args...)
}

func (c *checker) fail(check Check, file, format string, args ...any) {
	c.res.Problems = append(c.res.Problems, Problem{file, fmt.Sprintf(format, args...), check})
}

func (c *checker) run(ctx context.Context, tool string) {
	if sums, ok := c.files[SumsFile]; !ok {
		c.bad(SumsFile, "is missing")
	} else if !bytes.Equal(sums, Sums(c.files)) {
		c.bad(SumsFile, "does not have the digests of the files that are there")
	}
	c.envelopes(ctx)
	c.bound(ctx)
	if !c.manifest(ctx, tool) {
		return
	}
	var err error
	c.res.Report, err = audit.Read(bytes.NewReader(c.files[ReportFile]))
	if c.res.Other != "" {
		c.digests()
		if _, ok := errors.AsType[*audit.FormatError](err); ok {
			c.res.Format = err
			return
		}
	}
	if err != nil {
		c.bad(ReportFile, "%v", err)
		return
	}
	want, err := Files(c.res.Report, c.res.Manifest)
	if err != nil {
		c.bad(ReportFile, "%v", err)
		return
	}
	// Two builds of no version have one name. Files of the other one are those that the
	// manifest names.
	if c.res.Other == "" && noVersion(tool) && !c.equal(want) {
		if twin := (checker{files: c.files, res: Result{Manifest: c.res.Manifest}}); twin.digests() {
			c.res.Other = tool
		}
	}
	if c.res.Other != "" {
		// Of files that are not those of the release, the content is of no interest.
		if len(c.res.Problems) == 0 {
			c.contents(ctx, want)
		}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		have, ok := c.files[name]
		switch {
		case !ok:
			c.bad(name, "is missing")
		case !bytes.Equal(have, want[name]):
			c.bad(name, "is not what the report says")
		}
	}
	c.others(want)
}

// noVersion reports whether a program was built from something else than a commit or a
// release, as the go command names it.
func noVersion(tool string) bool { return tool == "(devel)" || strings.HasSuffix(tool, "+dirty") }

// equal reports whether all files are those that this version makes.
func (c *checker) equal(want map[string][]byte) bool {
	for name, data := range want {
		if !bytes.Equal(c.files[name], data) {
			return false
		}
	}
	return true
}

// manifest reads the manifest, and reports whether there is more to check.
func (c *checker) manifest(ctx context.Context, tool string) bool {
	data, ok := c.files[ManifestFile]
	if !ok {
		c.bad(ManifestFile, "is missing")
		return false
	}
	m, err := ReadManifest(data)
	if err != nil {
		// Another version may write another format.
		var head struct {
			Tool string `json:"tool"`
		}
		if strictjson.Unmarshal(ctx, data, &head) == nil && head.Tool != "" && head.Tool != tool {
			c.res.Other = head.Tool
			return false
		}
		c.bad(ManifestFile, "%v", err)
		return false
	}
	c.res.Manifest = m
	for _, list := range [][]Digest{m.Subjects, m.Files} {
		for i, d := range list {
			if !sha256Form.MatchString(d.SHA256) || i > 0 && list[i-1].Name >= d.Name {
				c.bad(ManifestFile, "%s has no digest, or is not in order", wording.Quote(d.Name))
			}
		}
	}
	if m.Tool != tool {
		c.res.Other = m.Tool
	}
	return true
}

// envelopes checks the statements with their envelopes. Without a key their
// signatures are not checked, and they are all there or none is.
func (c *checker) envelopes(ctx context.Context) {
	names := statementNames(c.files)
	signed := c.key != nil || slices.ContainsFunc(names, func(name string) bool { return c.files[envelopeName(name)] != nil })
	if !signed {
		return
	}
	others := map[string][]string{} // by the key that they name
	for _, name := range names {
		data, ok := c.files[envelopeName(name)]
		if !ok {
			c.fail(CheckSignatures, name, "has no signature")
			continue
		}
		e, err := openEnvelope(ctx, data, c.files[name])
		if err == nil && c.key != nil {
			// The name of a key is not signed: it is compared to be the right one, and to
			// explain a signature that does not hold.
			if id := e.Signatures[0].KeyID; id != c.res.KeyID {
				others[id] = append(others[id], envelopeName(name))
				continue
			}
			if err = checkEnvelope(ctx, e, c.key); err == nil {
				c.res.Signed++
			}
		}
		if err != nil {
			c.fail(CheckSignatures, envelopeName(name), "%v", err)
		}
	}
	for id, envelopes := range others {
		more := ""
		if n := len(envelopes) - 1; n > 0 {
			more = ", as do " + wording.Count(n, "more envelope", "more envelopes")
		}
		c.fail(CheckSignatures, envelopes[0], "names the key %s as its signer%s, and the given key is %s", wording.Cut(terminal.Escape(cmp.Or(id, "(none)")), maxKeyID), more, c.res.KeyID)
	}
}

// maxKeyID is the length of the name of a key that is printed: it is 64 letters, and can be
// anything in an envelope that was changed.
const maxKeyID = 64

// bound compares the digests in the statement of the test results with the files. It
// holds for files of every version.
func (c *checker) bound(ctx context.Context) {
	const name = testName + statementSuffix
	data, ok := c.files[name]
	if !ok {
		c.bad(name, "is missing")
		return
	}
	var s struct {
		Type          string     `json:"_type"`
		PredicateType string     `json:"predicateType"`
		Predicate     testResult `json:"predicate"`
	}
	if err := strictjson.Unmarshal(ctx, data, &s); err != nil {
		c.bad(name, "is not a statement: %v", err)
		return
	}
	if s.Type != statementType || s.PredicateType != testPredicate {
		c.bad(name, "is %s about %s, not a statement of test results", wording.Quote(s.Type), wording.Quote(s.PredicateType))
		return
	}
	for i, file := range bound {
		if i >= len(s.Predicate.Configuration) {
			c.bad(file, "is not in the statement of the test results")
			continue
		}
		if d := s.Predicate.Configuration[i]; d.Name != file || d.Digest["sha256"] != digest(c.files[file]) {
			c.bad(file, "is not the file that the statement of the test results is about")
		}
	}
}

// artifacts compares the files that are artifacts with the digests of the manifest.
func (c *checker) artifacts(subject func(name string) (string, error)) {
	for _, s := range c.res.Manifest.Subjects {
		if s.IsImage() {
			continue
		}
		switch have, err := subject(s.Name); {
		case err != nil:
			c.fail(CheckArtifacts, s.Name, "the artifact is not there: %v", err)
		case have != s.SHA256:
			c.fail(CheckArtifacts, s.Name, "the artifact is another one: sha256:%s, and the release is of sha256:%s", have, s.SHA256)
		}
	}
}

// digests compares the files of another version with those that the manifest names, and
// reports whether they are the same.
func (c *checker) digests() bool {
	named := map[string][]byte{ManifestFile: nil, testName + statementSuffix: nil}
	for _, d := range c.res.Manifest.Files {
		data, ok := c.files[d.Name]
		switch {
		case !ok:
			c.bad(d.Name, "is missing")
		case digest(data) != d.SHA256:
			c.bad(d.Name, "is not the file that %s names", ManifestFile)
		}
		named[d.Name] = nil
	}
	c.others(named)
	return len(c.res.Problems) == 0
}

// others finds the files that do not belong to those of the release.
func (c *checker) others(files map[string][]byte) {
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		if _, known := files[name]; !known && name != SumsFile && !isEnvelopeOf(name, files) {
			c.bad(name, "does not belong to the release")
		}
	}
}

func isEnvelopeOf(name string, files map[string][]byte) bool {
	return slices.ContainsFunc(statementNames(files), func(s string) bool { return envelopeName(s) == name })
}
