package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

func (c *command) explainCommand() *cobra.Command {
	var ids []string
	for _, r := range audit.Rules() {
		ids = append(ids, r.ID)
	}
	return &cobra.Command{
		Use:   "explain [RULE]",
		Short: "Explain a rule; without one, list them all",
		Long: `Prints what a rule checks, its reason, how to fix its findings and how to accept
them. Without a rule, lists all rules with their severity in critical stages and
in others.`,
		Example:   "  depaudit explain\n  depaudit explain growth",
		ValidArgs: ids,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(&hinted{errors.New("explain takes one rule"), "list them all with: depaudit explain"})
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				p := terminal.NewPage(terminal.Options{Width: c.width(), Color: c.colored(), Cut: c.onTerminal()})
				t := terminal.Table{Columns: []terminal.Column{{Title: "Rule", Whole: true}, {Title: "Critical", Whole: true}, {Title: "Other", Whole: true}, {Title: "Title"}}}
				for _, r := range audit.Rules() {
					t.Rows = append(t.Rows, []string{r.ID, cmp.Or(string(r.Strict), "-"), cmp.Or(string(r.Other), "-"), r.Title})
				}
				p.Table("", t)
				p.Blank()
				p.Prose("", "", "An error fails the stage, incomplete leaves it unjudged, a warning does neither.", terminal.Plain)
				if _, err := p.WriteTo(c.stdout); err != nil {
					return trouble(err)
				}
				return nil
			}
			r, ok := audit.RuleByID(args[0])
			if !ok {
				err := fmt.Errorf("unknown rule %q", args[0])
				if near := wording.Nearest(args[0], ids); near != "" {
					return usage(&hinted{err, fmt.Sprintf("did you mean %q?", near)})
				}
				return usage(&hinted{err, "list them with: depaudit explain"})
			}
			fmt.Fprintf(c.stdout, "%s: %s\n\n", r.ID, r.Title)
			fmt.Fprintf(c.stdout, "In a critical stage: %s. In others: %s.\n\n", cmp.Or(string(r.Strict), "not applied"), cmp.Or(string(r.Other), "not applied"))
			fmt.Fprintln(c.stdout, wrap(r.Explanation(), cmp.Or(c.width(), terminal.DefaultWidth)-1))
			return nil
		},
	}
}

// wrap breaks paragraphs into lines of at most width columns, except for what is
// quoted.
func wrap(text string, width int) string {
	var out []string
	for _, paragraph := range strings.Split(text, "\n") {
		out = append(out, strings.ReplaceAll(strings.Join(terminal.Wrap(together(paragraph, false), width), "\n"), unbroken, " "))
	}
	return strings.Join(out, "\n")
}
