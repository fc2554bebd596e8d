package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/propose"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

func (c *command) initCommand() *cobra.Command {
	var (
		file   string
		dryRun bool
	)
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Propose a configuration for a repository",
		Long: `Reads the files that define the pipeline of a repository (the working directory
by default): workflows and reusable workflows, Dockerfiles, compose, bake and
dev container files, GitLab CI. It proposes a stage for each job that can
publish and for each that builds what is published, with environment, base and
the lock files in sight, and writes depaudit.yaml. Each stage has a comment with
the line that it was made from. Then it prints the lines for the workflow and
the next command.

Nothing is executed or downloaded, and no question is asked. A file that exists
is never replaced.

Exit codes: 0 proposed, 2 the file exists, or the command line is wrong, 3 there
is nothing to read, or a part could not be read, 4 could not write.`,
		Example: `  depaudit init --dry-run
  depaudit init
  depaudit init ../project -c ../project/ci/depaudit.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(errors.New("init takes one directory"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if !cmd.Flags().Changed("config") {
				file = filepath.Join(dir, defaultConfig)
			}
			return c.init(cmd.Context(), dir, file, dryRun)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", defaultConfig, "`FILE` to write; its paths are relative to its directory")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print the file and write nothing")
	return cmd
}

func (c *command) init(ctx context.Context, dir, file string, dryRun bool) error {
	if info, err := os.Stat(dir); err != nil {
		return usage(readable(dir, err))
	} else if !info.IsDir() {
		return usage(fmt.Errorf("%s: not a directory", dir))
	}
	prefix, err := prefixOf(dir, file)
	if err != nil {
		return usage(err)
	}
	if strings.HasPrefix(prefix, "..") {
		// An audit reads the definitions of the checkout around the configuration.
		if rel, err := prefixOf(file, filepath.Join(dir, "x")); err != nil || strings.HasPrefix(rel, "..") {
			return usage(fmt.Errorf("--config %s: it is not in %s, whose pipeline it describes", file, dir))
		}
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil && repositoryOf(dir) == "" {
			return usage(&hinted{fmt.Errorf("--config %s: %s is no Git repository, so that an audit finds its workflows from its own directory alone", file, dir), "leave --config out"})
		}
	}
	if _, err := os.Lstat(file); err == nil && !dryRun {
		return usage(&hinted{fmt.Errorf("%s exists, and init never replaces a file", file), "print a proposal to compare with it: depaudit init --dry-run"})
	}
	in, err := c.sight(ctx, dir)
	if err != nil {
		return err
	}
	p := propose.New(in)
	if len(p.Stages) == 0 {
		return c.nothingProposed(p, in, dir, file)
	}
	text := p.YAML(prefix)
	flag, err := prefixOf(file, filepath.Join(dir, "x")) // as commands in the checkout name it
	if err != nil {
		return usage(err)
	}
	if flag == defaultConfig {
		flag = ""
	}
	if _, err := config.Parse(file, []byte(text)); err != nil {
		return trouble(fmt.Errorf("the proposal is not a valid configuration, which is a mistake in depaudit: %w", err))
	}
	if dryRun {
		fmt.Fprint(c.stdout, escapeLines(text))
	} else {
		if err := writeNew(file, text); err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "wrote %s: %s, %d critical\n", terminal.Escape(file), wording.Count(len(p.Stages), "stage", "stages"), p.Critical())
	}
	fmt.Fprint(c.stdout, escapeLines("\n"+p.Advice(flag)))
	if len(p.Unread) > 0 {
		return incomplete(unread(p))
	}
	return nil
}

// sight reads what a proposal is made from.
func (c *command) sight(ctx context.Context, dir string) (propose.Input, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return propose.Input{}, trouble(err)
	}
	in := propose.Input{Name: filepath.Base(abs), Locks: propose.Sight(ctx, dir)}
	if in.Files, in.Broken, err = propose.Definitions(ctx, dir); err != nil {
		return propose.Input{}, trouble(err)
	}
	return in, ctx.Err()
}

// nothingProposed prints the smallest configuration. Nothing is written: a file with
// a placeholder is not a proposal.
func (c *command) nothingProposed(p *propose.Proposal, in propose.Input, dir, file string) error {
	fmt.Fprint(c.stdout, escapeLines(propose.Smallest(in.Name)))
	err := errors.New("no file in sight defines a pipeline: nothing was written")
	hint := fmt.Sprintf("save the lines above as %s and change them; environments: depaudit scan --help", file)
	if root := repositoryOf(dir); root != "" {
		hint = "it is a directory of a repository: depaudit init " + root + "\n  or " + hint
	}
	if len(p.Left)+len(p.Unread) > 0 {
		err = errors.New("no job in sight publishes or builds something: nothing was written")
	}
	if len(p.Unread) > 0 {
		err = fmt.Errorf("%s could not be read, and no job in the others publishes: nothing was written", wording.Count(len(p.Unread), "place", "places"))
	}
	for _, left := range append(p.Left, p.Unread...) {
		fmt.Fprintf(c.stderr, "  %s\n", terminal.Escape(left.String()))
	}
	return incomplete(&hinted{err, hint})
}

// repositoryOf returns the root of the repository that a directory is below, relative
// to it, "" if it is the root or there is none.
func repositoryOf(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for up := abs; ; up = filepath.Dir(up) {
		if _, err := os.Lstat(filepath.Join(up, ".git")); err == nil {
			if rel, err := filepath.Rel(abs, up); err == nil && rel != "." {
				return filepath.Join(dir, rel)
			}
			return ""
		}
		if up == filepath.Dir(up) {
			return ""
		}
	}
}

// unread is the error for a proposal that is not complete.
func unread(p *propose.Proposal) error {
	lines := []string{fmt.Sprintf("the proposal is not complete: %s could not be read", wording.Count(len(p.Unread), "place", "places"))}
	const most = 20
	for i, u := range p.Unread {
		if i == most {
			lines = append(lines, fmt.Sprintf("  and %d more", len(p.Unread)-most))
			break
		}
		lines = append(lines, "  "+terminal.Escape(u.String()))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// prefixOf returns the path of a directory as seen from that of a file, "" if they
// are the same.
func prefixOf(dir, file string) (string, error) {
	absDir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	absFile, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(filepath.Dir(absFile), absDir)
	if err != nil {
		return "", err
	}
	if rel == "." {
		return "", nil
	}
	return filepath.ToSlash(rel), nil
}

// writeNew writes a file that did not exist, whole or not at all.
func writeNew(file, text string) error {
	err := atomicfile.Write(file, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return trouble(fmt.Errorf("directory does not exist: %s", filepath.Dir(file)))
	}
	if err != nil {
		return trouble(err)
	}
	return nil
}

// escapeLines escapes a text line by line, with its ends of lines.
func escapeLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		lines[i] = indent + terminal.Escape(line[len(indent):])
	}
	return strings.Join(lines, "\n")
}

// noConfig is the error of commands that need a configuration where there is none.
func noConfig() error {
	hint := []string{"write one from the workflows here: depaudit init, or name it: --config FILE; the smallest one:", ""}
	for line := range strings.Lines(propose.Smallest("")) {
		hint = append(hint, "    "+strings.TrimRight(line, "\n"))
	}
	return &hinted{fmt.Errorf("no %s in the working directory", defaultConfig), strings.Join(hint, "\n")}
}
