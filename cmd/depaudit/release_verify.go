package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// releaseVerifyFlags are the flags of depaudit release verify.
type releaseVerifyFlags struct {
	keyFile    string
	unsigned   bool
	subjects   string
	newerThan  string
	anyVerdict bool
	outputs    []string
}

func (c *command) releaseVerify() *cobra.Command {
	var f releaseVerifyFlags
	cmd := &cobra.Command{
		Use:   "verify DIR|release:IMAGE --key PUB",
		Short: "Check the files of a release",
		Long: `Checks a directory that "depaudit release" made, without network: the digests,
that the verdict follows from the findings, that the page, the table, the SBOMs
and the statements are those that the report makes, to the byte, and that the
key signed each statement. A changed byte anywhere is found, and with --subjects
so is a file in that directory that the release does not name.

Another version of depaudit may write other bytes from the same report. Of its
files the digests are compared, which one signature covers, and with the report:
the components of the SBOMs with their versions, purls and digests, and of the
page and the tables the verdict and each stage with its number, names and
versions. Licences, relations and remarks are not compared, nor what a page
hides by its style. A page or table that says two things is named as not read.

For release:IMAGE it is the release that is attached to an image in a registry,
which the release must name (--subject registry:IMAGE, or an audited image).

An older release of the same signer in the place of this one is found by the
artifacts (--subjects), or by its date (--newer-than).

-o json is for programs: what holds, apart from the verdict, and each problem
with its file and reason. It is written for the exit codes 0 and 1, and for 3
if the release could be read.

Exit codes: if everything holds, that of the verdict: 0 pass, 1 fail, 3
incomplete, and with --any-verdict 0 for each. Else 1: something is changed,
missing, too old, or not signed by the key; 2: the command line is wrong, or the
directory has no release; 3: the check is not complete: without a key, with
artifacts that the release does not name, or of a report in a format that this
version does not read; 4: could not read.`,
		Example: `  depaudit release verify release-stages --key release.pub --subjects dist
  depaudit release verify stages --key release.pub --newer-than 2026-11-28
  depaudit release verify release-stages --unsigned`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(&hinted{errors.New("release verify takes one directory"), "depaudit release verify release-stages --key release.pub"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := parseOutputs(f.outputs, verifyFormats())
			if err != nil {
				return err
			}
			v, err := c.verifyRelease(cmd.Context(), args[0], f)
			if err != nil {
				return err
			}
			if err := c.answer(v, outputs, 0); err != nil {
				return err
			}
			return c.concluded(v)
		},
	}
	registerOutput(cmd, &f.outputs, verifyFormats())
	cmd.Flags().Var((*filledValue)(&f.keyFile), "key", "public key in `FILE` that must have signed the statements")
	cmd.Flags().BoolVar(&f.unsigned, "unsigned", false, "check no signature: who made the files is not known")
	cmd.Flags().Var((*filledValue)(&f.subjects), "subjects", "`DIR` with the artifacts, whose digests are compared")
	cmd.Flags().Var((*filledValue)(&f.newerThan), "newer-than", "`DATE` of the last release, or its commit: this one must be later")
	cmd.Flags().BoolVar(&f.anyVerdict, "any-verdict", false, "exit with 0 also for a verdict that is not pass, if everything holds")
	return cmd
}

// verifyRelease checks a release. What it found is in the result, in the problems too;
// the error is that nothing could be checked.
func (c *command) verifyRelease(ctx context.Context, dir string, f releaseVerifyFlags) (*verification, error) {
	var key *bundle.Key
	var err error
	switch {
	case f.keyFile != "" && f.unsigned:
		return nil, usage(errors.New("--key and --unsigned contradict each other"))
	case f.keyFile != "":
		if key, err = readPublicKey("--key", f.keyFile); err != nil {
			return nil, err
		}
	}
	var last time.Time
	if f.newerThan != "" {
		if last, err = dateOfFlag(ctx, "--newer-than", f.newerThan); err != nil {
			return nil, usage(err)
		}
	}
	files, pushed, err := c.releaseFiles(ctx, dir)
	if problems, ok := errors.AsType[bundle.Problems](err); ok {
		res := bundle.Result{Problems: problems}
		if key != nil {
			res.KeyID = key.ID()
		}
		return newVerification(dir, f, &res, nil, nil), nil
	}
	if err != nil {
		return nil, err
	}
	var digestOf func(string) (string, error)
	var entries []string
	if f.subjects != "" {
		if entries, err = artifactsIn(f.subjects, dir); err != nil {
			return nil, err
		}
		digestOf = func(name string) (string, error) {
			if filepath.Base(name) != name {
				return "", errors.New("its name is not that of a file")
			}
			sum, err := fileDigest(ctx, filepath.Join(f.subjects, name))
			return sum, reasonOf(err)
		}
	}
	res := bundle.Verify(ctx, files, tool().Version, key, digestOf)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if f.newerThan != "" && res.Manifest.Tool != "" && !res.Manifest.Date.After(last) {
		res.Problems = append(res.Problems, bundle.Problem{File: bundle.ManifestFile, Check: bundle.CheckDate,
			Detail: fmt.Sprintf("the release is of %s, which is not later than %s", dateText(res.Manifest.Date), dateText(last))})
	}
	return newVerification(dir, f, &res, entries, pushed), nil
}

// artifactsIn returns the names of what is in the directory of the artifacts.
func artifactsIn(dir, release string) ([]string, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, usage(&hinted{fmt.Errorf("--subjects %s: %w", terminal.Escape(dir), cmp.Or(reasonOf(err), errors.New("not a directory"))), "name the directory of the artifacts"})
	}
	entries, err := entriesOf(dir, release)
	if err != nil {
		return nil, trouble(err)
	}
	return entries, nil
}

// dateText is a date, with the time if that is not midnight.
func dateText(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

// printProblems prints the problems of a directory that is not pushed.
func (c *command) printProblems(dir string, problems []bundle.Problem) error {
	fmt.Fprint(c.stdout, problemsText(dir, problems))
	return &exitError{code: exitFail}
}

// maxRelease is the maximum size of all files of a release, which are read into
// memory. The report has at most a quarter of it (audit.MaxSize).
const maxRelease = 1 << 30

// readDir reads the files of a release. What is no file is one of [bundle.Problems];
// a directory without a release is a mistake on the command line.
func readDir(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	switch info, statErr := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist) && likelyImage(dir):
		return nil, usage(&hinted{fmt.Errorf("%s: the directory does not exist", terminal.Escape(dir)), "for the release of an image write " + schemeRelease + ":" + terminal.Escape(dir)})
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage(&hinted{fmt.Errorf("%s: the directory does not exist", terminal.Escape(dir)), "name the directory that depaudit release made"})
	case statErr == nil && !info.IsDir() && strings.Contains(filepath.Base(dir), ".tar"):
		return nil, usage(&hinted{fmt.Errorf("%s is an archive, and a release is a directory", terminal.Escape(dir)), "extract it first: tar -xf " + wording.ShellWord(dir)})
	case statErr == nil && !info.IsDir():
		return nil, usage(&hinted{fmt.Errorf("%s is a file, and a release is a directory", terminal.Escape(dir)), "name the directory that depaudit release made: " + terminal.Escape(filepath.Dir(dir))})
	case err != nil:
		return nil, trouble(err)
	}
	if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == bundle.ManifestFile || e.Name() == bundle.SumsFile }) {
		hint := "name the directory that depaudit release made"
		for _, e := range entries {
			if _, ok := savedRelease(filepath.Join(dir, e.Name())); ok {
				hint = "name one of those that are in it: " + terminal.Escape(filepath.Join(dir, e.Name()))
				break
			}
		}
		return nil, usage(&hinted{fmt.Errorf("%s: no release is in the directory: it has neither %s nor %s", terminal.Escape(dir), bundle.ManifestFile, bundle.SumsFile), hint})
	}
	files := make(map[string][]byte, len(entries))
	var problems bundle.Problems
	total := int64(0)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Lstat(path)
		switch {
		case err != nil:
			return nil, trouble(err)
		case !info.Mode().IsRegular():
			problems = append(problems, bundle.Problem{File: e.Name(), Check: bundle.CheckBytes, Detail: "is " + typeText(info.Mode()) + ": a release has files alone"})
			continue
		}
		if total += info.Size(); total > maxRelease {
			problems = append(problems, bundle.Problem{File: e.Name(), Check: bundle.CheckBytes, Detail: fmt.Sprintf("makes it more than %s, which no release is", terminal.Bytes(maxRelease))})
			break
		}
		if files[e.Name()], err = os.ReadFile(path); err != nil {
			return nil, trouble(err)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return files, nil
}

func typeText(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	}
	return "not a file"
}
