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
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/rootfs"
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
audited, else about the report. The same arguments make the same bytes,
signatures included. The date is that of --date or SOURCE_DATE_EPOCH, else that
of the newest file that shows a dependency of a stage.

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
			return likelyCommand("release", args[0], "list", "pull", "push", "verify")
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.release(cmd.Context(), args, f) },
	}
	listVar(cmd.Flags(), &f.subjects, "subject", "the `FILES` that the stages made, their directory, or registry:IMAGE")
	cmd.Flags().StringVarP(&f.dir, "output", "o", "", "`DIR` to make")
	cmd.Flags().Var((*filledValue)(&f.keyFile), "key", "sign with the private key in `FILE`: PEM, ed25519 or ECDSA, also encrypted by cosign or openssl")
	cmd.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "`FILE` with the passphrase of the key; without it the terminal is used")
	cmd.Flags().StringVar(&f.author, "author", "", "`WHO` the SBOMs are from, \"NAME <EMAIL>\"")
	cmd.Flags().Var((*filledValue)(&f.date), "date", dateUsage("the release"))
	cmd.AddCommand(c.releaseVerify(), c.releasePush(), c.releasePull(), c.releaseList())
	return cmd
}

// release makes the directory of a release from reports.
func (c *command) release(ctx context.Context, reports []string, f releaseFlags) error {
	if err := newDir("release", f.dir); err != nil {
		return err
	}
	m := bundle.Manifest{Tool: tool().Version, Author: f.author}
	var err error
	if m.Date, err = c.created(ctx, f.date); err != nil {
		return usage(err)
	}
	if m.Subjects, err = subjectsOf(ctx, f.subjects, f.dir); err != nil {
		return coded(err)
	}
	var key *bundle.Key
	if f.keyFile == "" && f.passphraseFile != "" {
		return usage(&hinted{errors.New("--passphrase-file is for a key, and none is named: nothing would be signed"), "name the key: --key FILE"})
	}
	if f.keyFile != "" {
		if key, err = c.readKey(f.keyFile, f.passphraseFile); err != nil {
			return usage(err)
		}
	}
	r, err := c.readReports(ctx, reports)
	if err != nil {
		return err
	}
	if r.Inputs == nil {
		// A scan is judged by nothing, and its verdict would be stated as a pass.
		return usage(ofNoPipeline(reports[0]))
	}
	if r, err = r.Require(r.Inputs.StageNames()); err != nil {
		return usage(hintedMerge(err))
	}
	if m.Date, m.DateOf = dateOf(m.Date, r.Stages...); m.Date.IsZero() {
		return usage(&hinted{errors.New("a release has a date, and no file of its stages has one"), "write --date HEAD for that of the commit, or --date 2026-11-28"})
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
	c.noteLeft(f.dir)
	signed := "signed"
	if key == nil {
		signed = "not signed (--key)"
	}
	fmt.Fprintf(c.stdout, "wrote %s: %s, %s; %s\n", terminal.Escape(f.dir), wording.Count(len(files), "file", "files"), c.about(r, m), signed)
	if !c.quiet {
		fmt.Fprint(c.stdout, nextOf(f))
	}
	c.summarize(r)
	return c.verdict(r, false)
}

// nextOf returns what is done with the directory of a release next, a line each: to sign
// it, to attach it to the image that it is about, and to check it.
func nextOf(f releaseFlags) string {
	var images, dirs []string
	for _, s := range f.subjects {
		if ref, ok := strings.CutPrefix(s, rootfs.SchemeRegistry+":"); ok {
			images = append(images, ref)
		} else if info, err := os.Stat(s); err == nil && info.IsDir() {
			dirs = append(dirs, s)
		}
	}
	dir := wording.ShellWord(f.dir)
	var b strings.Builder
	check := "--key PUB"
	if f.keyFile == "" {
		check = "--unsigned"
		fmt.Fprintf(&b, "sign it: make it with --key FILE, or sign %s (cosign attest-blob)\n", wording.ShellWord(filepath.Join(f.dir, bundle.ResultFile)))
	}
	if len(images) == 1 {
		fmt.Fprintf(&b, "attach it with: depaudit release push %s:%s %s\n", rootfs.SchemeRegistry, wording.ShellWord(images[0]), dir)
	}
	if len(dirs) == 1 && len(f.subjects) == len(images)+1 {
		check += " --subjects " + wording.ShellWord(dirs[0])
	}
	fmt.Fprintf(&b, "check it with: depaudit release verify %s %s\n", dir, check)
	return b.String()
}

// likelyCommand returns an error for a first argument that is no file, and the name of
// a command below or nearly so.
func likelyCommand(command, arg string, names ...string) error {
	near := wording.Nearest(arg, names)
	if _, err := os.Stat(arg); err == nil || near == "" {
		return nil
	}
	return usage(&hinted{fmt.Errorf("unknown command %q for depaudit %s", arg, command), fmt.Sprintf("did you mean \"depaudit %s %s\"?", command, near)})
}

// newDir checks the directory of -o, which is made whole or not at all.
func newDir(command, dir string) error {
	// The value of -o in other commands.
	if format, name, ok := strings.Cut(dir, "="); ok && slices.Contains([]string{"json", "markdown", "html", "table"}, format) {
		return usage(&hinted{fmt.Errorf("-o %s: %s writes a directory, and no format", dir, command), "write -o " + wording.ShellWord(name)})
	}
	if dir == "" {
		return usage(&hinted{fmt.Errorf("%s needs a directory to make: -o DIR", command), "such as -o release-stages"})
	}
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usage(&hinted{fmt.Errorf("%s exists and is not an empty directory", dir), "name one that does not exist"})
	}
	return nil
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

// subjectsOf returns the artifacts with their digests, sorted: files, all files of a
// directory, images in a registry. out is the directory of the release, which can be in it.
func subjectsOf(ctx context.Context, paths []string, out string) ([]bundle.Digest, error) {
	var all []bundle.Digest
	add := func(path string, d bundle.Digest) error {
		if slices.ContainsFunc(all, func(s bundle.Digest) bool { return s.Name == d.Name }) {
			return &hinted{fmt.Errorf("--subject %s: another artifact has the name %s", path, d.Name), "a statement has names without directories and tags: rename one, or make a release for each"}
		}
		all = append(all, d)
		return nil
	}
	for _, path := range paths {
		if ref, ok := strings.CutPrefix(path, rootfs.SchemeRegistry+":"); ok {
			d, err := subjectImage(ctx, ref)
			if err == nil {
				err = add(path, d)
			}
			if err != nil {
				return nil, err
			}
			continue
		}
		files, err := filesAt(path, out)
		if err != nil {
			return nil, fmt.Errorf("--subject %s: %w", path, err)
		}
		for _, file := range files {
			name := filepath.Base(file)
			sum, err := fileDigest(ctx, file)
			switch {
			case err != nil:
				return nil, fmt.Errorf("--subject %s: %w", file, reasonOf(err))
			case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
				return nil, &hinted{fmt.Errorf("--subject %s: the name has characters that do not print", terminal.Escape(file)), "statements are about names that other programs read: rename the file"}
			}
			if err := add(file, bundle.Digest{Name: name, SHA256: sum}); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(all, func(a, b bundle.Digest) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// filesAt returns a file, or what is in a directory.
func filesAt(path, out string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?["):
		return nil, &hinted{errors.New("the pattern matches no file"), "check that the artifacts were built, and name their directory for all of its files"}
	case err != nil && likelyImage(path):
		return nil, &hinted{reasonOf(err), "for an image write --subject " + rootfs.SchemeRegistry + ":" + path}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &hinted{reasonOf(err), "name a file that was built, or their directory for all of its files"}
	case err != nil:
		return nil, reasonOf(err)
	case !info.IsDir():
		return []string{path}, nil
	}
	list, err := entriesOf(path, out)
	if err != nil {
		return nil, reasonOf(err)
	}
	if len(list) == 0 {
		return nil, errors.New("the directory is empty")
	}
	for i, name := range list {
		list[i] = filepath.Join(path, name)
	}
	return list, nil
}

// entriesOf returns the names of what is in the directory of the artifacts, without
// the directory of the release.
func entriesOf(dir, release string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	own, ownErr := os.Stat(release)
	var out []string
	for _, e := range list {
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && ownErr == nil && os.SameFile(info, own) {
			continue
		}
		out = append(out, e.Name())
	}
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

// fileDigest returns the digest of a file, which can be larger than the memory.
func fileDigest(ctx context.Context, path string) (string, error) {
	// A pipe waits for its other end when it is opened.
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", cmp.Or(err, errors.New("not a file"))
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	read := readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return f.Read(p)
	})
	if _, err := io.Copy(h, read); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readerFunc is a reader that is a function.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// readKey reads a key; an encrypted one by the passphrase in a file, or from the
// terminal.
func (c *command) readKey(path, passphraseFile string) (*bundle.Key, error) {
	data, err := readKeyFile("--key", path, path, "make one with: openssl genpkey -algorithm ed25519 -out "+wording.ShellWord(path))
	if err != nil {
		return nil, err
	}
	var ofPassphrase error
	key, err := bundle.ParseKey(data, func() ([]byte, error) {
		if passphraseFile != "" {
			word, err := os.ReadFile(passphraseFile)
			if err != nil {
				ofPassphrase = &hinted{fmt.Errorf("--passphrase-file %s: %w", terminal.Escape(passphraseFile), reasonOf(err)), "name a file that has the passphrase and nothing else"}
				return nil, ofPassphrase
			}
			return bytes.TrimRight(word, "\r\n"), nil
		}
		f, ok := c.stdin.(*os.File)
		if !ok || !term.IsTerminal(int(f.Fd())) {
			return nil, &hinted{errors.New("the key is encrypted, and there is no terminal"),
				"write the passphrase into a file: --passphrase-file FILE; in bash, for that of cosign: --passphrase-file <(printf %s \"$COSIGN_PASSWORD\")"}
		}
		fmt.Fprintf(c.stderr, "passphrase of %s: ", terminal.Escape(path))
		defer fmt.Fprintln(c.stderr)
		return term.ReadPassword(int(f.Fd()))
	})
	switch {
	case ofPassphrase != nil:
		return nil, ofPassphrase
	case errors.Is(err, bundle.ErrPassphrase) && passphraseFile != "":
		return nil, &hinted{fmt.Errorf("--key %s: the passphrase in %s is not that of the key", path, terminal.Escape(passphraseFile)), "the file has the passphrase and nothing else; a line end after it does not count"}
	case err != nil:
		return nil, fmt.Errorf("--key %s: %w", path, err)
	}
	return key, nil
}

// readKeyFile reads the file of a key at its place. hint is what to do if it does not
// exist.
func readKeyFile(flag, path, place, hint string) ([]byte, error) {
	data, err := os.ReadFile(place)
	info, statErr := os.Stat(place)
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, &hinted{fmt.Errorf("%s %s: %w", flag, terminal.Escape(path), reasonOf(err)), hint}
	case statErr == nil && info.IsDir():
		return nil, &hinted{fmt.Errorf("%s %s: is a directory", flag, terminal.Escape(path)), "name the file of the key"}
	}
	return nil, fmt.Errorf("%s %s: %w", flag, terminal.Escape(path), reasonOf(err))
}

// realDir returns where a directory is made: "." and links have another name there.
func realDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return dir, nil
}

// unfinished begins the name of a directory that is not finished, beside its place.
func unfinished(dir string) string { return "." + filepath.Base(dir) + ".tmp" }

// noteLeft names what is left of other runs that made the directory: those that are
// certainly dead were removed before it was made.
func (c *command) noteLeft(dir string) {
	real, err := realDir(dir)
	if err != nil {
		return
	}
	for _, left := range temporaries(filepath.Dir(real), unfinished(real)) {
		fmt.Fprintf(c.stderr, "depaudit: %s is not finished: remove it, unless another run is making %s\n", terminal.Escape(filepath.Join(filepath.Dir(dir), filepath.Base(left))), terminal.Escape(dir))
	}
}

// writeDir makes a directory with the files, whole or not at all, and removes what
// killed processes left that made the same one.
func writeDir(dir string, files map[string][]byte) error {
	dir, err := realDir(dir)
	if err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	temp, remove, err := newTemporary(parent, unfinished(dir))
	if err != nil {
		return err
	}
	defer remove()
	// The temporary directory is for this user alone. The one in it has the mode that
	// the umask leaves.
	made := filepath.Join(temp, filepath.Base(dir))
	if err := os.Mkdir(made, 0o777); err != nil {
		return err
	}
	for name, data := range files {
		err := atomicfile.Write(filepath.Join(made, name), func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(made, dir)
}
