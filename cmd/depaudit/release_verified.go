package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// verificationSchema is the version of the format of [verification].
const verificationSchema = 1

// verification is the answer of release verify. As JSON it is the document of
// docs/verification.schema.json.
type verification struct {
	// Schema is its version. The key is not that of a report, which is found in a
	// directory by it.
	Schema int `json:"verification"`
	// Release is the directory or the reference as it was given.
	Release string `json:"release"`
	Holds   holds  `json:"holds"`
	// Verdict is that of the release: pass, fail, incomplete, or unknown if its report
	// could not be read or something does not hold.
	Verdict  string `json:"verdict"`
	ExitCode int    `json:"exitCode"`
	// Tool is the version of depaudit that made the files, Date that of the release,
	// empty if the manifest could not be read.
	Tool string `json:"tool,omitempty"`
	Date string `json:"date,omitempty"`
	// Key is the name of the key that was given, and Signed the number of statements
	// that it signed.
	Key    string          `json:"key,omitempty"`
	Signed int             `json:"signedStatements"`
	Stages []verifiedStage `json:"stages,omitempty"`
	// Subjects are those of the release if there is no problem, and Unnamed the files
	// beside the artifacts that the release does not name.
	Subjects []verifiedSubject `json:"subjects,omitempty"`
	Unnamed  []string          `json:"unnamed,omitempty"`
	// Image is the digest of the image that the release is attached to.
	Image    string            `json:"image,omitempty"`
	Other    *otherVersion     `json:"otherVersion,omitempty"`
	Problems []verifiedProblem `json:"problems,omitempty"`
	// Incomplete is why the check is not complete, nil if it is.
	Incomplete *notComplete `json:"incomplete,omitempty"`

	date      time.Time
	flags     releaseVerifyFlags
	problems  []bundle.Problem
	unchecked error // Incomplete as an error
}

// holds are the answers to the single checks.
type holds struct {
	Bytes      held `json:"bytes"`
	Signatures held `json:"signatures"`
	Artifacts  held `json:"artifacts"`
	Image      held `json:"image"`
	Date       held `json:"date"`
}

// held is the answer to one of the checks.
type held string

const (
	holdsYes    held = "yes"
	holdsNo     held = "no"
	holdsPartly held = "partly" // what was compared holds, and not everything was
	notChecked  held = "unchecked"
)

type verifiedStage struct {
	Name         string `json:"name"`
	Dependencies int    `json:"dependencies"`
	Verdict      string `json:"verdict"`
}

// verifiedSubject is an artifact or an image that the statements are about.
type verifiedSubject struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	// Compared is yes, unchecked, or no for an image that does not have this release.
	Compared held `json:"compared"`
	note     string
}

type verifiedProblem struct {
	File   string       `json:"file"`
	Check  bundle.Check `json:"check"`
	Reason string       `json:"reason"`
}

// otherVersion are the files of another version: how many are those that this one makes,
// those of which the content was compared with the report, and those of which the digest
// alone was.
type otherVersion struct {
	Tool        string   `json:"tool"`
	Equal       int      `json:"equal"`
	Alike       []string `json:"alike,omitempty"`
	DigestAlone []string `json:"digestAlone,omitempty"`
	unread      bool     // nothing was compared with the report
}

type notComplete struct {
	Reason string `json:"reason"`
	Hint   string `json:"hint"`
}

// newVerification draws the conclusions of a check. entries is what is in the directory
// of the artifacts, pushed the release in a registry, nil for a directory.
func newVerification(name string, f releaseVerifyFlags, res *bundle.Result, entries []string, pushed *pushedRelease) *verification {
	m := &res.Manifest
	v := &verification{
		Schema: verificationSchema, Release: name, Verdict: "unknown", Tool: m.Tool, Key: res.KeyID, Signed: res.Signed,
		date: m.Date, flags: f, problems: res.Problems,
	}
	if m.Tool != "" {
		v.Date = m.Date.UTC().Format(time.RFC3339)
	}
	for _, p := range res.Problems {
		v.Problems = append(v.Problems, verifiedProblem{p.File, p.Check, p.Detail})
	}
	if res.Report != nil && len(res.Problems) == 0 {
		v.Verdict = string(res.Report.Verdict)
		for i := range res.Report.Stages {
			s := &res.Report.Stages[i]
			v.Stages = append(v.Stages, verifiedStage{s.Name, s.Counts.Total, string(s.Verdict)})
		}
	}
	if res.Other != "" {
		v.Other = &otherVersion{Tool: res.Other, Equal: res.Equal, Alike: res.Alike, DigestAlone: res.Unread, unread: res.Format != nil}
	}
	if len(res.Problems) == 0 {
		for _, s := range m.Subjects {
			v.Subjects = append(v.Subjects, compared(s, f, pushed))
		}
		// What the release does not name would be published as if it did.
		for _, entry := range entries {
			if m.Tool != "" && !slices.ContainsFunc(m.Subjects, func(s bundle.Digest) bool { return s.Name == entry }) {
				v.Unnamed = append(v.Unnamed, entry)
			}
		}
	}
	v.hold(res, pushed)
	v.conclude(res)
	return v
}

// compared returns a subject with how it was compared.
func compared(s bundle.Digest, f releaseVerifyFlags, pushed *pushedRelease) verifiedSubject {
	out := verifiedSubject{Name: s.Name, SHA256: s.SHA256, Compared: holdsYes, note: "as released"}
	switch {
	case s.IsImage() && pushed == nil:
		out.Compared, out.note = notChecked, "an image: not compared (release verify release:IMAGE)"
	case s.IsImage() && !slices.Contains(pushed.images, "sha256:"+s.SHA256):
		out.Compared, out.note = holdsNo, "an image: not the one that has this release"
	case !s.IsImage() && f.subjects == "":
		out.Compared, out.note = notChecked, "not compared (--subjects DIR)"
	}
	return out
}

// hold sets the answers to the single checks.
func (v *verification) hold(res *bundle.Result, pushed *pushedRelease) {
	failed := func(c bundle.Check) bool {
		return slices.ContainsFunc(res.Problems, func(p bundle.Problem) bool { return p.Check == c })
	}
	v.Holds = holds{Bytes: holdsYes, Signatures: notChecked, Artifacts: notChecked, Image: notChecked, Date: notChecked}
	switch {
	case failed(bundle.CheckBytes):
		v.Holds.Bytes = holdsNo
	case res.Manifest.Tool == "", res.Format != nil, res.Signed == 0 && len(res.Alike)+len(res.Unread) > 0:
		v.Holds.Bytes = holdsPartly
	}
	switch {
	case failed(bundle.CheckSignatures):
		v.Holds.Signatures = holdsNo
	case v.flags.keyFile == "":
	case res.Signed > 0:
		v.Holds.Signatures = holdsYes
	default: // what could be signed was not read, or is not there
		v.Holds.Signatures = holdsNo
	}
	switch ofFile := func(s bundle.Digest) bool { return !s.IsImage() }; {
	case failed(bundle.CheckArtifacts):
		v.Holds.Artifacts = holdsNo
	case v.flags.subjects == "" || !slices.ContainsFunc(res.Manifest.Subjects, ofFile):
	case len(v.Unnamed) > 0:
		v.Holds.Artifacts = holdsPartly
	default:
		v.Holds.Artifacts = holdsYes
	}
	// Who can write to a registry can attach a release to any image.
	if pushed != nil && pushed.Subject != "" {
		v.Image, v.Holds.Image = pushed.Subject, holdsNo
		if names(pushed.images, res.Manifest.Subjects, res.Report) {
			v.Holds.Image = holdsYes
		}
	}
	switch {
	case failed(bundle.CheckDate):
		v.Holds.Date = holdsNo
	case v.flags.newerThan != "" && res.Manifest.Tool != "":
		v.Holds.Date = holdsYes
	}
}

// conclude sets why the check is not complete, and the exit code.
func (v *verification) conclude(res *bundle.Result) {
	if len(res.Problems) > 0 {
		v.ExitCode = exitFail
		return
	}
	other, unread := terminal.Escape(res.Other), len(res.Alike)+len(res.Unread)
	var why error
	var hint string
	switch {
	case v.Tool == "":
		why = fmt.Errorf("%s: the release is of depaudit %s, in a format that this version does not read: its files were not compared", terminal.Escape(v.Release), other)
		hint = "run that version"
	case v.Holds.Image == holdsNo:
		why = errors.New("the release does not name the image that it is attached to: it can be that of another one")
		hint = "name the image when the release is made: --subject registry:HOST/NAME@" + v.Image
	case len(v.Unnamed) > 0:
		why = fmt.Errorf("the release does not name %s in %s", wording.Count(len(v.Unnamed), "file", "files"), terminal.Escape(v.flags.subjects))
		hint = "name all artifacts when it is made (--subject), or compare a directory that has nothing else"
	case v.flags.subjects != "" && v.Holds.Artifacts == notChecked:
		why = errors.New("the release names no file: nothing was compared")
		hint = "name the artifacts when it is made: --subject FILES"
	case res.Format != nil:
		why = fmt.Errorf("the report of depaudit %s is in a format that this version does not read, so that only digests were compared: %w", other, res.Format)
		hint = "run that version"
	case res.Signed == 0 && unread > 0:
		why = fmt.Errorf("no signature was checked, and %s of depaudit %s with other bytes than this version writes: who wrote them is not known", wording.Count(unread, "file is", "files are"), other)
		hint = "name the key with --key FILE, or run that version"
	case v.flags.keyFile == "" && !v.flags.unsigned:
		why = errors.New("no signature was checked")
		hint = "name the key with --key FILE, or write --unsigned"
	case v.flags.anyVerdict:
		return
	default:
		v.ExitCode = res.Report.ExitCode()
		return
	}
	v.ExitCode, v.Incomplete, v.unchecked = exitIncomplete, &notComplete{why.Error(), hint}, &hinted{why, hint}
}

// concluded returns the exit code of a check, and prints what decides it and is not in
// the answer for people.
func (c *command) concluded(v *verification) error {
	switch {
	case v.unchecked != nil:
		return incomplete(v.unchecked)
	case v.ExitCode == exitPass:
		return nil
	case len(v.problems) == 0:
		fmt.Fprintf(c.stderr, "depaudit: all files hold, and the verdict of the release is %s; --any-verdict does not count it\n", v.Verdict)
	}
	return &exitError{code: v.ExitCode}
}

// verifyFormats are the formats of the answer.
func verifyFormats() []outputFormat[listEncoder] {
	return slices.DeleteFunc(listFormats(), func(f outputFormat[listEncoder]) bool { return f.name == "markdown" })
}

func problemsText(dir string, problems []bundle.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s  %s\n", terminal.Escape(p.File), terminal.Escape(p.Detail))
	}
	fmt.Fprintf(&b, "%s: %s\n", terminal.Escape(dir), wording.Count(len(problems), "problem", "problems"))
	return b.String()
}

// Text writes what was checked, and what was not. Digests are there to be copied, so that
// nothing is cut or wrapped.
func (v *verification) Text(w io.Writer, _ terminal.Options, _ int) error {
	if len(v.problems) > 0 {
		_, err := io.WriteString(w, problemsText(v.Release, v.problems))
		return err
	}
	if v.Tool == "" {
		return nil // its error is all that there is
	}
	var b strings.Builder
	verdict := v.Verdict
	if verdict == "unknown" {
		verdict = "not known"
	}
	fmt.Fprintf(&b, "%s: the verdict is %s, of %s by depaudit %s\n", terminal.Escape(v.Release), verdict, dateText(v.date), terminal.Escape(v.Tool))
	for _, s := range v.Stages {
		fmt.Fprintf(&b, "%s  %s, %s\n", terminal.Escape(s.Name), wording.Count(s.Dependencies, "dependency", "dependencies"), s.Verdict)
	}
	for _, s := range v.Subjects {
		fmt.Fprintf(&b, "%s  sha256:%s  %s\n", terminal.Escape(s.Name), s.SHA256, s.note)
	}
	for _, name := range v.Unnamed {
		fmt.Fprintf(&b, "%s  no statement is about it\n", terminal.Escape(filepath.Join(v.flags.subjects, name)))
	}
	if v.Signed > 0 {
		fmt.Fprintf(&b, "%s by the key %s\n", wording.Count(v.Signed, "statement is signed", "statements are signed"), v.Key)
	}
	b.WriteString(v.Other.text())
	var unknown []string
	if v.Signed == 0 {
		unknown = append(unknown, "who made it (--key)")
	}
	if v.flags.subjects == "" && v.flags.newerThan == "" {
		unknown = append(unknown, "whether a later release exists (--subjects or --newer-than)")
	}
	if len(unknown) > 0 {
		fmt.Fprintf(&b, "not checked: %s\n", strings.Join(unknown, ", "))
	}
	switch v.Holds.Image {
	case holdsYes:
		fmt.Fprintf(&b, "%s  the image, which the release names\n", v.Image)
	case holdsNo:
		fmt.Fprintf(&b, "%s  the image, and no statement is about it\n", v.Image)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text describes how the files of another version were compared.
func (o *otherVersion) text() string {
	if o == nil {
		return ""
	}
	var b strings.Builder
	by := "another version"
	if o.Tool == tool().Version {
		by = "another build without a version"
	}
	fmt.Fprintf(&b, "made by %s, and each has the digest that %s has", by, bundle.ManifestFile)
	switch {
	case o.unread:
		return b.String() + "\n"
	case len(o.Alike)+len(o.DigestAlone) == 0:
		return b.String() + "; all are those that this version makes\n"
	}
	fmt.Fprintf(&b, "; %d are those that this version makes\n", o.Equal)
	for _, list := range []struct {
		names []string
		what  string
	}{{o.Alike, "written in another way, and what is compared of it is as in the report"}, {o.DigestAlone, "written in a way that this version does not read, so that its digest alone was compared"}} {
		for _, name := range list.names {
			fmt.Fprintf(&b, "%s  %s\n", terminal.Escape(name), list.what)
		}
	}
	return b.String()
}
