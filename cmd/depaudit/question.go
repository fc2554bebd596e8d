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

// questionFlags are the flags of the questions about one environment: why, top,
// whatif, split, explore, graph.
type questionFlags struct {
	subjectFlags
	listFlags
	roots []string
}

// Paragraphs of the help texts of these questions.
const (
	packageHelp = `
PACKAGE is a name, name@version, a package URL, an ID as in a report, or an
absolute path of a file, which selects the package that owns it. If a name
matches several packages they are listed, and you have to name one exactly.
`
	rootsHelp = `
Chains begin at explicit packages, which the installer recorded as requested,
and at the system's essential ones. --root adds packages and commands that the
stage uses itself. If an installer keeps no record, packages that nothing else
needs are presumed explicit, and the answer notes it.

-o table and -o markdown are for people, -o json for programs. Without =FILE, or
with =-, a format goes to standard output.
`
)

func (f *questionFlags) register(cmd *cobra.Command, limit int, what string) {
	f.registerSubject(cmd)
	registerOutput(cmd, &f.outputs, listFormats())
	limitVar(cmd, &f.limit, limit, what)
}

// asked is the subject of a question, with its graph.
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

// ask loads the subject of a question. Packages are words that will be resolved;
// commands are words that may also be names of commands.
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

// provenance returns the provenance of a dependency: that of the saved report,
// or for a scan only "os" or "".
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

// reply writes an answer.
func (c *command) reply(f *questionFlags, a listAnswer) error {
	outputs, err := f.parse()
	if err != nil {
		return err
	}
	return c.answer(a, outputs, f.limit)
}

// prefixed returns an error that begins with the flag of the word.
func prefixed(flag string, err error) error { return fmt.Errorf("%s: %w", flag, err) }

// misnamed gives an error of resolving a word its exit code.
func misnamed(err error) error {
	var unknowable *pipeline.UnknowableError
	if errors.As(err, &unknowable) {
		return incomplete(err)
	}
	return usage(err)
}

// unsure returns an error without a text if something could not be examined.
func unsure(h *query.Head) error {
	if h.Unsure() {
		return &exitError{code: exitIncomplete}
	}
	return nil
}
