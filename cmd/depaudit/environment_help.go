package main

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/spf13/cobra"
)

// environmentHelp is the paragraph of help texts about references.
func environmentHelp() string {
	var b strings.Builder
	b.WriteString("\nREF names an environment. Nothing in it is executed or changed.\n")
	for _, s := range rootfs.Schemes() {
		line := fmt.Sprintf("  %-26s %s\n", s.Form, s.Text)
		if len(line) > helpWidth+1 || len(s.Form) > 26 {
			line = fmt.Sprintf("  %s\n%29s%s\n", s.Form, "", s.Text)
		}
		b.WriteString(line)
	}
	return b.String()
}

// completeEnvironment completes the schemes of a reference. The rest is for the
// shell, which completes files.
func completeEnvironment(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, s := range rootfs.Schemes() {
		if !s.BaseOnly {
			out = append(out, cobra.CompletionWithDesc(s.Name+":", s.Text))
		}
	}
	return out, cobra.ShellCompDirectiveNoSpace
}
