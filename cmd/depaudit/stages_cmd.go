package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// stageRow is a stage as `depaudit stages --json` prints it.
type stageRow struct {
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Base        string `json:"base,omitempty"`
	Critical    bool   `json:"critical"`
}

func (c *command) stagesCommand() *cobra.Command {
	var (
		which               pipelineFlags
		kind                string
		names, bare, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "stages",
		Short: "List the stages of a configuration",
		Long: `Lists the stages of depaudit.yaml with their environments and bases. Nothing is
scanned. For scripts: --names prints a name on each line, --json an array, as
the matrix of a workflow takes it.

Exit codes: 0 listed, also if there is none of that kind; 2 the configuration or
the command line is wrong.`,
		Example: `  depaudit stages
  depaudit stages --kind host --without-base --names
  echo "stages=$(depaudit stages --json)" >>"$GITHUB_OUTPUT"`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if names && asJSON {
				return usage(errors.New("--names and --json exclude each other"))
			}
			if err := checkKind(kind); err != nil {
				return usage(err)
			}
			j, err := which.load(cmd.Context())
			if err != nil {
				return err
			}
			defer j.close()
			rows := j.stageRows(kind, bare)
			switch {
			case asJSON:
				return json.NewEncoder(c.stdout).Encode(rows)
			case names:
				for _, r := range rows {
					fmt.Fprintln(c.stdout, r.Name)
				}
				return nil
			}
			for _, r := range rows {
				line := terminal.Escape(r.Name) + "  " + terminal.Escape(r.Environment)
				if r.Base != "" {
					line += "  base " + terminal.Escape(r.Base)
				}
				if r.Critical {
					line += "  critical"
				}
				fmt.Fprintln(c.stdout, line)
			}
			return nil
		},
	}
	which.register(cmd)
	which.registerPolicy(cmd)
	cmd.Flags().StringVar(&kind, "kind", "", "only those whose environment is of this `SCHEME`, such as host")
	cmd.Flags().BoolVar(&bare, "without-base", false, "only those without a base, in the configuration or by --since")
	cmd.Flags().BoolVar(&names, "names", false, "print the names alone")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of JSON, on one line")
	return cmd
}

// checkKind refuses a word that no environment begins with.
func checkKind(kind string) error {
	if kind == "" {
		return nil
	}
	var schemes []string
	for _, s := range rootfs.Schemes() {
		if s.Name == kind {
			return nil
		}
		schemes = append(schemes, s.Name)
	}
	err := fmt.Errorf("--kind %s: no environment is of this kind", kind)
	if near := wording.Nearest(kind, schemes); near != "" {
		return &hinted{err, fmt.Sprintf("did you mean %q?", near)}
	}
	return &hinted{err, "kinds: " + strings.Join(schemes, ", ")}
}

// stageRows are the chosen stages of a kind, in the configuration's order, with
// the environments and bases that the command line gives them.
func (j *job) stageRows(kind string, bare bool) []stageRow {
	rows := []stageRow{}
	for _, name := range j.stages {
		s := j.config.Stage(name)
		r := stageRow{Name: s.Name, Environment: s.Environment, Base: s.Base, Critical: s.Critical}
		if env, ok := j.environments[name]; ok {
			r.Environment = env
		}
		host := r.Environment == rootfs.SchemeHost+":"
		for _, since := range j.since {
			if since.Stage == name || since.Stage == "" && host {
				r.Base = rootfs.SchemeSnapshot + ":" + since.File
			}
		}
		scheme, _, _ := strings.Cut(r.Environment, ":")
		if kind != "" && scheme != kind || bare && r.Base != "" {
			continue
		}
		rows = append(rows, r)
	}
	return rows
}
