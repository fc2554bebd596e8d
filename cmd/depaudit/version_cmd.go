package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
)

func (c *command) versionCommand() *cobra.Command {
	var modules bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the counting rules and the linked modules",
		Long: `Prints the version, the versions of the counting rules and of the catalogers
(only counts with the same of both can be compared), and the number of Go
modules that are linked into this program.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			linked := linkedModules()
			fmt.Fprintf(c.stdout, "depaudit %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			fmt.Fprintf(c.stdout, "counting rules %d, %s\n", sbom.Rules, catalogers.Version)
			fmt.Fprintf(c.stdout, "%d Go modules are linked into it", len(linked))
			if !modules {
				fmt.Fprintln(c.stdout, ": list them with --modules")
				return nil
			}
			fmt.Fprintln(c.stdout)
			for _, m := range linked {
				fmt.Fprintln(c.stdout, m)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&modules, "modules", false, "list the linked modules with their versions")
	return cmd
}

// linkedModules returns the modules that the go command recorded in this binary.
func linkedModules() []string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	var out []string
	for _, m := range info.Deps {
		out = append(out, strings.TrimSpace(m.Path+" "+m.Version))
	}
	slices.Sort(out)
	return out
}
