package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// releaseFlags are the flags of depaudit release.
type releaseFlags struct {
	subjects       []string
	dir            string
	keyFile        string
	passphraseFile string
	author, date   string
}

func (c *command) releaseCommand() *cobra.Command {
	var f releaseFlags
	cmd := &cobra.Command{
		Use:   "release REPORT... -o DIR",
		Short: "Make the files that go with a release, and check them",
		Long: `Makes a directory with what goes with a release, from the reports of its
pipeline, which are merged as "depaudit report" does:

  RELEASE-STAGES.md  what each stage held, complete
  report.html        the same as a page for a browser
  report.json        the report, from which everything is made
  STAGE.cdx.json, STAGE.spdx.json
                     the SBOMs of each stage
  *.intoto.json      statements of in-toto about the subjects: test results, a
                     summary of a pass, the SBOMs
  *.dsse.json        the same, signed, with --key
  release.json       the subjects, the date and the author
  SHA256SUMS         of all files

A statement is about the artifacts of --subject, else about the images that were
audited, else about the report. The same arguments make the same bytes (ECDSA
signatures apart). The date is that of --date or SOURCE_DATE_EPOCH.

Exit codes: that of the verdict, 0, 1 or 3, and the files are written for each;
2 when a file is not a report, the reports do not belong together or the command
line is wrong, 4 when something could not be written.`,
		Example: `  depaudit release reports --subject dist/app-1.0.tar.xz -o release-stages
  depaudit release report.json --subject app.tar.gz -o stages --key cosign.key
  depaudit release verify stages --key cosign.pub --subjects dist`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(&hinted{errors.New("release takes files, reports that -o json wrote"), "make one with: depaudit audit -o json=report.json"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.release(cmd.Context(), args, f) },
	}
	listVar(cmd.Flags(), &f.subjects, "subject", "the `FILES` that the stages made")
	cmd.Flags().StringVarP(&f.dir, "output", "o", "", "`DIR` to make")
	cmd.Flags().Var((*filledValue)(&f.keyFile), "key", "sign with the private key in `FILE`: PEM, ed25519 or ECDSA, also encrypted by cosign")
	cmd.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "`FILE` with the passphrase of the key; without it the terminal is used")
	cmd.Flags().StringVar(&f.author, "author", "", "`WHO` the SBOMs are from, \"NAME <EMAIL>\"")
	cmd.Flags().StringVar(&f.date, "date", "", "`DATE` of the release, such as 2026-11-28 (default SOURCE_DATE_EPOCH)")
	cmd.AddCommand(c.releaseVerify())
	return cmd
}

// release makes the directory of a release from reports.
func (c *command) release(ctx context.Context, reports []string, f releaseFlags) error {
	if f.dir == "" {
		return usage(&hinted{errors.New("release needs a directory to make: -o DIR"), "depaudit release report.json -o release-stages"})
	}
	m := bundle.Manifest{Tool: tool().Version, Author: f.author}
	var err error
	if m.Date, err = c.created(f.date); err != nil {
		return usage(err)
	}
	if m.Date.IsZero() {
		return usage(&hinted{errors.New("a release has a date, and there is none"), "write --date 2026-11-28, or set SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)"})
	}
	if m.Subjects, err = subjectsOf(f.subjects); err != nil {
		return usage(err)
	}
	var key *bundle.Key
	if f.keyFile != "" {
		if key, err = c.readKey(f.keyFile, f.passphraseFile); err != nil {
			return usage(err)
		}
	}
	if list, err := os.ReadDir(f.dir); err == nil && len(list) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usage(&hinted{fmt.Errorf("%s exists and is not an empty directory", f.dir), "name one that does not exist"})
	}
	r, err := c.readReports(reports)
	if err != nil {
		return usage(err)
	}
	if r.Inputs == nil {
		// A scan is judged by nothing, and its verdict would be stated as a pass.
		return usage(ofNoPipeline(reports[0]))
	}
	if r, err = r.Require(r.Inputs.StageNames()); err != nil {
		return usage(hintedMerge(err))
	}
	files, err := bundle.Files(r, m)
	if err != nil {
		return usage(err)
	}
	if key != nil {
		if err := bundle.Sign(ctx, files, key); err != nil {
			return usage(fmt.Errorf("--key %s: %w", f.keyFile, err))
		}
	}
	files[bundle.SumsFile] = bundle.Sums(files)
	if err := writeDir(f.dir, files); err != nil {
		return trouble(err)
	}
	fmt.Fprintf(c.stdout, "wrote %s: %s, %s\n", terminal.Escape(f.dir), wording.Count(len(files), "file", "files"), c.about(r, m))
	c.summarize(r)
	return c.verdict(r, false)
}

// about describes what the statements are about.
func (c *command) about(r *audit.Report, m bundle.Manifest) string {
	switch {
	case len(m.Subjects) > 0:
		return "about " + wording.Count(len(m.Subjects), "artifact", "artifacts")
	case slices.ContainsFunc(r.Stages, func(s audit.Stage) bool { return s.Image.Digest != "" }):
		return "about the images that were audited"
	}
	return "about the report, as no artifact was named (--subject)"
}

// subjectsOf returns the artifacts with their digests, sorted.
func subjectsOf(paths []string) ([]bundle.Subject, error) {
	var out []bundle.Subject
	for _, path := range paths {
		sum, err := fileDigest(path)
		if err != nil {
			return nil, fmt.Errorf("--subject %s: %w", path, reasonOf(err))
		}
		name := filepath.Base(path)
		if slices.ContainsFunc(out, func(s bundle.Subject) bool { return s.Name == name }) {
			return nil, fmt.Errorf("--subject %s: another artifact has the name %s", path, name)
		}
		out = append(out, bundle.Subject{Name: name, SHA256: sum})
	}
	slices.SortFunc(out, func(a, b bundle.Subject) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// reasonOf returns the reason of an error of the file system without the path, which
// the message has.
func reasonOf(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func fileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", cmp.Or(err, errors.New("not a file"))
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readKey reads a key; an encrypted one by the passphrase in a file, or from the
// terminal.
func (c *command) readKey(path, passphraseFile string) (*bundle.Key, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--key %s: %w", path, reasonOf(err))
	}
	key, err := bundle.ParseKey(data, func() ([]byte, error) {
		if passphraseFile != "" {
			word, err := os.ReadFile(passphraseFile)
			if err != nil {
				return nil, fmt.Errorf("--passphrase-file %s: %w", passphraseFile, reasonOf(err))
			}
			return bytes.TrimRight(word, "\r\n"), nil
		}
		f, ok := c.stdin.(*os.File)
		if !ok || !term.IsTerminal(int(f.Fd())) {
			return nil, &hinted{errors.New("the key is encrypted, and there is no terminal"), "write the passphrase into a file: --passphrase-file FILE"}
		}
		fmt.Fprintf(c.stderr, "passphrase of %s: ", terminal.Escape(path))
		defer fmt.Fprintln(c.stderr)
		return term.ReadPassword(int(f.Fd()))
	})
	if err != nil {
		return nil, fmt.Errorf("--key %s: %w", path, err)
	}
	return key, nil
}

// writeDir makes a directory with the files, whole or not at all.
func writeDir(dir string, files map[string][]byte) error {
	dir = filepath.Clean(dir)
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	for name, data := range files {
		err := atomicfile.Write(filepath.Join(temp, name), func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(temp, dir)
}

// maxRelease is the size of a file of a release that is read.
const maxRelease = 1 << 30

func (c *command) releaseVerify() *cobra.Command {
	var (
		keyFile  string
		unsigned bool
		subjects string
	)
	cmd := &cobra.Command{
		Use:   "verify DIR --key PUB",
		Short: "Check the files of a release",
		Long: `Checks a directory that "depaudit release" made, without network: the digests,
that the verdict follows from the findings, that the page, the table, the SBOMs
and the statements are those that the report makes, to the byte, and that the
key signed each statement. A changed byte anywhere is found, and with --subjects
so is a file in that directory that the release does not name.

Exit codes: 0 everything holds, whatever the verdict is, which is printed; 1
something is changed, missing, or not signed by the key; 2 the command line is
wrong; 3 the check is not complete: without a key, with artifacts that the
release does not name, or the files are of another version of depaudit, which
may write other bytes; 4 could not read.`,
		Example: `  depaudit release verify release-stages --key release.pub --subjects dist
  depaudit release verify release-stages --unsigned`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("release verify takes one directory"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var key *bundle.Key
			switch {
			case keyFile != "" && unsigned:
				return usage(errors.New("--key and --unsigned contradict each other"))
			case keyFile != "":
				var err error
				if key, err = c.readKey(keyFile, ""); err != nil {
					return usage(err)
				}
			}
			files, err := readDir(args[0])
			if err != nil {
				return trouble(err)
			}
			var digestOf func(string) string
			var entries []string
			if subjects != "" {
				if entries, err = entriesOf(subjects, args[0]); err != nil {
					return trouble(err)
				}
				digestOf = func(name string) string {
					if filepath.Base(name) != name {
						return ""
					}
					sum, err := fileDigest(filepath.Join(subjects, name))
					if err != nil {
						return ""
					}
					return sum
				}
			}
			res := bundle.Verify(cmd.Context(), files, tool().Version, key, digestOf)
			return c.printVerified(args[0], &res, key != nil || unsigned, subjects, entries)
		},
	}
	cmd.Flags().Var((*filledValue)(&keyFile), "key", "public key in `FILE` that must have signed the statements")
	cmd.Flags().BoolVar(&unsigned, "unsigned", false, "check no signature: who made the files is not known")
	cmd.Flags().Var((*filledValue)(&subjects), "subjects", "`DIR` with the artifacts, whose digests are compared")
	return cmd
}

// entriesOf returns the names of what is in the directory of the artifacts, without
// the directory of the release.
func entriesOf(dir, release string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	own, err := os.Stat(release)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range list {
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && os.SameFile(info, own) {
			continue
		}
		out = append(out, e.Name())
	}
	return out, nil
}

// printVerified prints the result. subjects is the directory of the artifacts, empty
// if they were not compared, and entries is what is in it.
func (c *command) printVerified(dir string, res *bundle.Result, decided bool, subjects string, entries []string) error {
	for _, p := range res.Problems {
		fmt.Fprintf(c.stdout, "%s  %s\n", terminal.Escape(p.File), terminal.Escape(p.Detail))
	}
	if len(res.Problems) > 0 {
		fmt.Fprintf(c.stdout, "%s: %s\n", terminal.Escape(dir), wording.Count(len(res.Problems), "problem", "problems"))
		return &exitError{code: exitFail}
	}
	m := &res.Manifest
	fmt.Fprintf(c.stdout, "%s: the verdict is %s, of %s by depaudit %s\n", terminal.Escape(dir), res.Report.Verdict, m.Date.Format(time.DateOnly), terminal.Escape(m.Tool))
	if res.Signed > 0 {
		fmt.Fprintf(c.stdout, "%s by the key\n", wording.Count(res.Signed, "statement is signed", "statements are signed"))
	}
	for _, s := range m.Subjects {
		state := "as released"
		if subjects == "" {
			state = "not compared (--subjects DIR)"
		}
		fmt.Fprintf(c.stdout, "%s  sha256:%s  %s\n", terminal.Escape(s.Name), s.SHA256, state)
	}
	// What the release does not name would be published as if it did.
	others := slices.DeleteFunc(entries, func(name string) bool {
		return slices.ContainsFunc(m.Subjects, func(s bundle.Subject) bool { return s.Name == name })
	})
	for _, name := range others {
		fmt.Fprintf(c.stdout, "%s  no statement is about it\n", terminal.Escape(filepath.Join(subjects, name)))
	}
	switch {
	case len(others) > 0:
		return incomplete(&hinted{fmt.Errorf("the release does not name %s in %s", wording.Count(len(others), "file", "files"), terminal.Escape(subjects)),
			"name all artifacts when it is made (--subject), or compare a directory that has nothing else"})
	case subjects != "" && len(m.Subjects) == 0:
		return incomplete(&hinted{errors.New("the release names no artifact: nothing was compared"), "name the artifacts when it is made: --subject FILES"})
	case res.Other != "":
		return incomplete(&hinted{fmt.Errorf("the files are of depaudit %s: they were not made again", terminal.Escape(res.Other)), "run that version"})
	case !decided:
		return incomplete(&hinted{errors.New("no signature was checked"), "name the key with --key FILE, or write --unsigned"})
	}
	return nil
}

// readDir reads the files of a directory.
func readDir(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(entries))
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Lstat(path)
		switch {
		case err != nil:
			return nil, err
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s is not a file: a release has files alone", strings.TrimSpace(path))
		case info.Size() > maxRelease:
			return nil, fmt.Errorf("%s is larger than any file of a release", path)
		}
		if files[e.Name()], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return files, nil
}
