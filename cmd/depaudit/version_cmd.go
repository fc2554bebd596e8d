package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
)

// versionInfo is what `depaudit version --json` prints.
type versionInfo struct {
	Version string `json:"version"`
	// Commit is the revision that the program was built from, and Modified whether
	// the checkout had changes; empty and false where Go recorded none.
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	// Rules and Catalogers decide whether two counts can be compared.
	Rules      int      `json:"rules"`
	Catalogers string   `json:"catalogers"`
	Modules    []string `json:"modules"`
}

func (c *command) versionCommand() *cobra.Command {
	var modules, asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the counting rules and the linked modules",
		Long: `Prints the version, the versions of the counting rules and of the catalogers
(only counts with the same of both can be compared), and the number of Go
modules that are linked into this program.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := thisVersion()
			if asJSON {
				encoder := json.NewEncoder(c.stdout)
				encoder.SetIndent("", "  ")
				return encoder.Encode(v)
			}
			fmt.Fprintln(c.stdout, v)
			fmt.Fprintf(c.stdout, "counting rules %d, %s\n", v.Rules, v.Catalogers)
			fmt.Fprintf(c.stdout, "%d Go modules are linked into it", len(v.Modules))
			if !modules {
				fmt.Fprintln(c.stdout, ": list them with --modules")
				return nil
			}
			fmt.Fprintln(c.stdout)
			for _, m := range v.Modules {
				fmt.Fprintln(c.stdout, m)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&modules, "modules", false, "list the linked modules with their versions")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print all of it as JSON")
	return cmd
}

// String is the line that `depaudit --version` prints.
func (v versionInfo) String() string {
	return fmt.Sprintf("depaudit %s (%s, %s/%s)", v.Version, v.Go, v.OS, v.Arch)
}

// thisVersion returns what the go command recorded in this program.
func thisVersion() versionInfo {
	v := versionInfo{
		Version: version(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Rules: sbom.Rules, Catalogers: catalogers.Version, Modules: linkedModules(),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Commit = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	return v
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
