package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// questionFlags are shared by the questions about what needs what in one
// environment: why, top, whatif, split.
type questionFlags struct {
	subjectFlags
	listFlags
	roots []string
}

// Paragraphs that the help texts of these questions share.
const (
	packageHelp = `
PACKAGE is a name, name@version, a package URL, the ID that a report has for it,
or an absolute path, for the package that the path belongs to. When a name means
several packages they are listed, and one of them has to be named exactly.
`
	rootsHelp = `
Chains begin at what was asked for: packages that the installer recorded so, and
the system's essential ones. --root adds what the stage uses by itself; it takes
commands too. Where an installer keeps no record, what nothing else needs is
presumed to have been asked for, and the answer says so.

-o table is for people, -o json for programs. Without =FILE, or with =-, a
format goes to standard output.
`
)

func (f *questionFlags) register(cmd *cobra.Command, limit int, what string) {
	f.subjectFlags.register(cmd)
	cmd.Flags().StringArrayVar(&f.roots, "root", nil, "`NAME` of a package or command that is needed for its own sake; may be given several times")
	cmd.Flags().StringArrayVarP(&f.outputs, "output", "o", nil, "write `FORMAT[=FILE]`: table, json; may be given several times (default table)")
	cmd.Flags().IntVarP(&f.limit, "limit", "n", limit, what+", 0 for no limit")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

// asked is an environment with its graph, ready for a question.
type asked struct {
	*subject
	inquiry *query.Subject
	graph   *graph.Graph
}

// resolve finds the component that a word means.
func (a *asked) resolve(word string, command bool) (pipeline.Resolved, error) {
	r := pipeline.Resolver{Name: a.name, Graph: a.graph, Owners: a.owners}
	return r.Resolve(word, command)
}

// ask loads the environment that a question is about. Packages are words
// that will be resolved; commands may be names of commands as well.
func (c *command) ask(ctx context.Context, ref string, f *questionFlags, packages, commands []string) (*asked, error) {
	if _, err := f.parse(); err != nil {
		return nil, err
	}
	flags := f.subjectFlags
	flags.paths = pipeline.QuestionPaths(packages, slices.Concat(commands, f.roots))
	s, err := c.subject(ctx, ref, flags)
	if err != nil {
		return nil, err
	}
	a := &asked{subject: s, graph: graph.New(s.doc, graph.Options{})}
	var named []string
	if s.stage != nil {
		for _, r := range s.stage.Roots {
			if r.ID != "" {
				named = append(named, r.ID)
			}
		}
	}
	for _, word := range f.roots {
		found, err := a.resolve(word, true)
		if err != nil {
			return nil, usage(prefixed("--root", err))
		}
		named = append(named, found.ID)
	}
	if len(named) > 0 {
		a.graph = graph.New(s.doc, graph.Options{Roots: named})
	}
	a.inquiry = &query.Subject{Name: s.name, Document: s.doc, Graph: a.graph, Provenance: s.provenance()}
	return a, nil
}

// provenance says why a dependency may be there: as it was judged when the
// report was made, or, without a judgement, no more than the scan knows.
func (s *subject) provenance() func(id string) string {
	if s.stage == nil {
		return func(id string) string {
			if c := s.doc.Component(id); c != nil && c.Kind == sbom.KindOS {
				return string(audit.FromOS)
			}
			return ""
		}
	}
	byID := make(map[string]audit.Provenance, len(s.stage.Dependencies))
	for i := range s.stage.Dependencies {
		byID[s.stage.Dependencies[i].ID] = s.stage.Dependencies[i].Provenance
	}
	return func(id string) string { return string(byID[id]) }
}

// reply writes an answer down.
func (c *command) reply(f *questionFlags, a listAnswer) error {
	outputs, err := f.parse()
	if err != nil {
		return err
	}
	return c.answer(a, outputs, f.limit)
}

// prefixed puts the flag that a word was given with before an error.
func prefixed(flag string, err error) error { return fmt.Errorf("%s: %w", flag, err) }

// misnamed is the exit code of a word that is a mistake: the question was
// not answered.
func misnamed(err error) error {
	var unknowable *pipeline.UnknowableError
	if errors.As(err, &unknowable) {
		return incomplete(err)
	}
	return usage(err)
}

// unsure is the end of a question that was answered as far as could be seen.
func unsure(h *query.Head) error {
	if h.Unsure() {
		return &exitError{code: exitIncomplete}
	}
	return nil
}
