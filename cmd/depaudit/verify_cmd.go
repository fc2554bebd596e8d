package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/ledger"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/sbom/wording"
)

// verifyFlags are what an environment is verified with.
type verifyFlags struct {
	locks, indexes, artifacts, trust []string
}

func (f *verifyFlags) register(cmd *cobra.Command) {
	listVar(cmd.Flags(), &f.locks, "locks", "lock `[DIR=]FILE` that names artifacts by digest, with DIR= of what is installed there")
	listVar(cmd.Flags(), &f.indexes, "index", "directory or `FILE` with package indexes")
	listVar(cmd.Flags(), &f.artifacts, "artifacts", "`DIR` with artifacts: .deb, .rpm, wheels, npm's tarballs")
	listVar(cmd.Flags(), &f.trust, "trust", "`FILE` with keys that are trusted, or the fingerprint of a built-in key, which excludes the other built-in ones")
}

func (f *verifyFlags) request(limits limitFlags) (ledger.Request, error) {
	r := ledger.Request{Indexes: f.indexes, Artifacts: slices.Concat(f.artifacts, limits.fetched()), Trust: f.trust, Own: true}
	r.Cache = limits.cacheOf(cacheManifests)
	locks, err := parseLocks(f.locks)
	if err != nil {
		return r, err
	}
	for _, l := range locks {
		r.Locks, r.For = append(r.Locks, l.Path), append(r.For, l.For)
	}
	return r, nil
}

func (c *command) verifyCommand() *cobra.Command {
	var (
		out      listFlags
		limits   limitFlags
		flags    verifyFlags
		show     []string
		platform string
	)
	cmd := &cobra.Command{
		Use:   "verify REF",
		Short: "Compare every file of an environment with what vouches for it",
		Long: `Reads every file of an environment and compares it with the artifact that a
signed package index or a lock file names by digest. Artifacts are taken from
the caches of package managers, in the environment and on this machine, and from
--artifacts; indexes from the environment and from --index.

Without an artifact a file is compared with the environment's own records (the
checksums of dpkg, the headers of rpm, RECORD of Python). Such a file is
"consistent", which is no proof: an attacker who changes a file can change its
record. What a rule explains is "derived". What is left is "unexplained": a
critical stage has those that run code in its baseline.
` + environmentHelp() + `
The exit code is 0 when no file is changed, missing or in contradiction to
something, 1 when one is or a record was forged, 2 for a mistake on the command
line, 3 when something could not be verified, 4 when it could not run.`,
		Example: `  depaudit verify dir:/srv/chroot/build --locks requirements.txt
  depaudit verify oci-dir:build/image --index indexes.zip --artifacts debs
  depaudit verify rootfs --show changed --limit 0
  depaudit verify rootfs -o json=ledger.json`,
		ValidArgsFunction: completeEnvironment,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 1:
				return nil
			case 0:
				return usage(&hinted{errors.New("verify needs a reference"), "depaudit verify dir:ROOT, or: depaudit verify host:"})
			}
			return usage(errors.New("verify takes one reference; the stages of depaudit.yaml are verified by depaudit audit"))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			statuses, err := shownStatuses(show)
			if err != nil {
				return err
			}
			if err := limits.check(); err != nil {
				return err
			}
			raw, err := reference(args[0])
			if err != nil {
				return err
			}
			e, err := pipeline.ParseEnvironment(args[0], raw, "")
			if err != nil {
				return usage(err)
			}
			e.Platform = platform
			request, err := flags.request(limits)
			if err != nil {
				return err
			}
			request.Sealed = slices.Contains(statuses, audit.FileDerived) || slices.ContainsFunc(outputs, func(o output[listEncoder]) bool { return o.name == "json" })
			if e.Verify, err = pipeline.CheckVerify(cmd.Context(), request); err != nil {
				return scanExit(err)
			}
			found, err := c.inventories(cmd.Context(), []pipeline.Environment{e}, limits)
			if err != nil {
				return err
			}
			switch {
			case found[0].Lost != nil:
				return incomplete(found[0].Lost)
			case found[0].Proof == nil:
				return usage(&hinted{fmt.Errorf("%s has no files that could be verified", args[0]), "verify a directory, an image or host:"})
			}
			answer := query.NewVerify(raw, found[0].Document, found[0].Proof, statuses)
			if err := c.answer(answer, outputs, out.limit); err != nil {
				return err
			}
			c.hintRoot(slices.Concat(found[0].Document.Gaps, found[0].Proof.Gaps))
			switch {
			case answer.Wrong():
				return &exitError{code: exitFail}
			case answer.Incomplete():
				return &exitError{code: exitIncomplete}
			}
			return nil
		},
	}
	out.register(cmd)
	limits.register(cmd)
	flags.register(cmd)
	listVar(cmd.Flags(), &show, "show", "list the files of these `STATUSES`: "+strings.Join(shownNames(), ", ")+" (default: all but derived)")
	cmd.Flags().StringVar(&platform, "platform", "", "`OS/ARCH[/VARIANT]` of a multi-platform image (default: this machine's)")
	_ = cmd.RegisterFlagCompletionFunc("show", cobra.FixedCompletions(shownNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// shownNames are the values of --show: the statuses whose files have lines.
func shownNames() []string {
	var out []string
	for _, s := range query.VerifyDefault() {
		out = append(out, string(s))
	}
	return append(out, string(audit.FileDerived), "all")
}

func shownStatuses(show []string) ([]audit.FileStatus, error) {
	if len(show) == 0 {
		return query.VerifyDefault(), nil
	}
	var out []audit.FileStatus
	for _, s := range show {
		switch {
		case s == "all":
			return append(query.VerifyDefault(), audit.FileDerived), nil
		case !slices.Contains(shownNames(), s):
			err := fmt.Errorf("--show: unknown status %q", s)
			if near := wording.Nearest(s, shownNames()); near != "" {
				return nil, usage(&hinted{err, fmt.Sprintf("did you mean %q?", near)})
			}
			return nil, usage(&hinted{err, "statuses: " + strings.Join(shownNames(), ", ")})
		default:
			out = append(out, audit.FileStatus(s))
		}
	}
	return out, nil
}
