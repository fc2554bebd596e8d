package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/ledger"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

func (c *command) snapshotCommand() *cobra.Command {
	var (
		limits limitFlags
		file   string
	)
	cmd := &cobra.Command{
		Use:   "snapshot [REF]",
		Short: "Record an environment before a job begins",
		Long: `Scans an environment (the machine itself by default) and writes its dependencies
to a file. At the end of the job "depaudit audit --since FILE" uses the file as
the stage's base: its dependencies have the provenance "image", and those that
the job added are counted and judged apart, and so are those whose files the job
changed. The second scan reads only files that have changed since.

Keep the file where the job cannot write: a job that changes it changes the
base.

Some files of a machine only root can read: run the snapshot and the audit with
sudo, which has another search path than the shell that finds the program. What
could not be examined is a warning here: the file has it, and the audit that
uses the file decides.`,
		Example: `  depaudit snapshot -o before.json
  depaudit audit --since before.json
  sudo "$(command -v depaudit)" snapshot -o before.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(errors.New("snapshot takes one reference"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := limits.check(); err != nil {
				return err
			}
			if file == "" {
				return usage(&hinted{errors.New("snapshot needs a file to write: -o FILE"), "depaudit snapshot -o before.json"})
			}
			if err := placeFor(file); err != nil {
				return err
			}
			raw := rootfs.SchemeHost + ":"
			if len(args) == 1 {
				raw = args[0]
			}
			e, err := pipeline.ParseEnvironment(raw, raw, "")
			if err != nil {
				return usage(err)
			}
			if e.Ref.Scheme != rootfs.SchemeHost && e.Ref.Scheme != rootfs.SchemeDir {
				return usage(&hinted{fmt.Errorf("%s: a snapshot is made of host: or a directory", raw), "an image or an SBOM does not change: name it as the base itself"})
			}
			e.Snapshot, e.Verify = true, new(ledger.Request)
			inventories, err := c.inventories(cmd.Context(), []pipeline.Environment{e}, limits)
			if err != nil {
				return err
			}
			found := inventories[0]
			if found.Lost != nil {
				return incomplete(found.Lost)
			}
			err = atomicfile.Write(file, func(w io.Writer) error {
				_, err := w.Write(found.Snapshot)
				return err
			})
			if err != nil {
				return trouble(err)
			}
			total := 0
			for i := range found.Document.Components {
				if found.Document.Components[i].Counts() {
					total++
				}
			}
			fmt.Fprintf(c.stdout, "wrote %s: %d dependencies, %d files\n", terminal.Escape(file), total, found.Document.Environment.Files)
			for _, g := range mergedGaps(found.Document) {
				fmt.Fprintf(c.stderr, "warning: %s\n", terminal.Escape(strings.TrimPrefix(g.Path+": "+g.Detail, ": ")))
			}
			c.hintRoot(found.Document.Gaps)
			return nil
		},
	}
	limits.register(cmd)
	cmd.Flags().StringVarP(&file, "output", "o", "", "`FILE` to write")
	return cmd
}

// mergedGaps returns the gaps of a document for people.
func mergedGaps(d *sbom.Document) []audit.Gap {
	var gaps []audit.Gap
	for _, g := range d.Gaps {
		gaps = append(gaps, audit.Gap{Gap: g})
	}
	return audit.MergeGaps(gaps)
}
