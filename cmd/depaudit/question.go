package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
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

// ask loads the environment that a question is about. Packages are words
// that will be resolved; commands may be names of commands as well.
func (c *command) ask(ctx context.Context, ref string, f *questionFlags, packages, commands []string) (*asked, error) {
	if _, err := f.parse(); err != nil {
		return nil, err
	}
	flags := f.subjectFlags
	flags.paths = questionPaths(packages, slices.Concat(commands, f.roots))
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
		named = append(named, found.id)
	}
	if len(named) > 0 {
		a.graph = graph.New(s.doc, graph.Options{Roots: named})
	}
	a.inquiry = &query.Subject{Name: s.name, Document: s.doc, Graph: a.graph, Provenance: s.provenance()}
	return a, nil
}

// rootsOf finds what a stage's roots mean in what was scanned of it. One that
// means nothing, or several packages, keeps its name alone.
func rootsOf(stage config.Stage, o outcome) []audit.Root {
	if len(stage.Roots) == 0 || o.doc == nil {
		return nil
	}
	a := &asked{subject: &subject{name: stage.Name, doc: o.doc, owners: o.owners}, graph: graph.New(o.doc, graph.Options{})}
	var roots []audit.Root
	for _, name := range stage.Roots {
		r := audit.Root{Name: name}
		if found, err := a.resolve(name, true); err == nil {
			r.ID = found.id
		}
		roots = append(roots, r)
	}
	return roots
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

// resolved is the component that a word means.
type resolved struct {
	id string
	// path is set when it was found by one: as it was asked for, or that of
	// the command.
	path string
}

// absentError says that a package is not there.
type absentError struct {
	text string
	near []string
}

func (e *absentError) Error() string {
	if len(e.near) == 0 {
		return e.text
	}
	names := e.near[0]
	if last := len(e.near) - 1; last > 0 {
		names = strings.Join(e.near[:last], ", ") + " or " + e.near[last]
	}
	return e.text + "\n  did you mean " + names + "?"
}

// ambiguousError says that a word means several packages.
type ambiguousError struct {
	word string
	ids  []string
}

func (e *ambiguousError) Error() string {
	lines := []string{fmt.Sprintf("%q means %d packages; name one of them exactly:", e.word, len(e.ids))}
	for _, id := range e.ids[:min(len(e.ids), maxNames)] {
		lines = append(lines, "  "+id)
	}
	if more := len(e.ids) - maxNames; more > 0 {
		lines = append(lines, fmt.Sprintf("  ... and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// unknowableError says that what was scanned cannot show what was asked.
type unknowableError struct{ text, hint string }

func (e *unknowableError) Error() string { return e.text + "\n  " + e.hint }

// resolve finds the one component that a word means: an absolute path what
// it belongs to, with command also the name of a command in the folders where
// those are.
func (a *asked) resolve(word string, command bool) (resolved, error) {
	word = sbom.EscapeInput(word)
	if strings.HasPrefix(word, "/") {
		return a.resolvePath(word)
	}
	ids, err := a.graph.Find(word)
	var unknown *graph.UnknownError
	switch {
	case errors.As(err, &unknown):
		if command {
			if found, ok := a.resolveCommand(word); ok {
				return found, nil
			}
		}
		return resolved{}, a.absent(word, command, unknown.Near)
	case err != nil:
		return resolved{}, err
	case len(ids) > 1:
		return resolved{}, &ambiguousError{word, ids}
	}
	return resolved{id: ids[0]}, nil
}

func (a *asked) absent(word string, command bool, near []string) error {
	text := fmt.Sprintf("%q is not in %s", word, a.name)
	if word == "" {
		return errors.New("the name of the package is empty")
	}
	if command && a.owners == nil {
		text += ", and whose command that could be is only known while an environment is scanned"
	}
	e := &absentError{text: text}
	for _, id := range near {
		c := a.graph.Component(id)
		name := c.Name
		if ids, err := a.graph.Find(name); err != nil || len(ids) > 1 {
			name = id // the name would not be exact
		}
		if name = fmt.Sprintf("%q", name); !slices.Contains(e.near, name) {
			e.near = append(e.near, name)
		}
	}
	return e
}

func (a *asked) resolvePath(word string) (resolved, error) {
	for _, o := range a.owners {
		switch {
		case o.Path != word:
		case o.ID != "":
			return resolved{o.ID, word}, nil
		case o.Real == "":
			return resolved{}, &absentError{text: fmt.Sprintf("there is no %s in %s", word, a.name)}
		case o.Folder:
			return resolved{}, &absentError{text: fmt.Sprintf("%s is a folder in %s, and belongs to no single package; name a file in it", word, a.name)}
		default:
			return resolved{}, &absentError{text: fmt.Sprintf("%s is in %s, and no package accounts for it", word, a.name)}
		}
	}
	ids, err := a.graph.Find(word)
	switch {
	case err == nil && len(ids) == 1:
		return resolved{ids[0], word}, nil
	case err == nil:
		return resolved{}, &ambiguousError{word, ids}
	}
	return resolved{}, &unknowableError{
		fmt.Sprintf("%s: %s does not have which package a path belongs to, only a scan does", word, a.name),
		"name the package, or ask the environment itself: dir:ROOT, host:, an image",
	}
}

// commandFolders are where commands are looked for, in the order of Debian's
// default PATH for root.
func commandFolders() []string {
	return []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
}

func (a *asked) resolveCommand(word string) (resolved, bool) {
	for _, p := range commandPaths(word) {
		for _, o := range a.owners {
			if o.Path == p && o.ID != "" {
				return resolved{o.ID, p}, true
			}
		}
	}
	return resolved{}, false
}

func commandPaths(word string) []string {
	if word == "" || word == "." || word == ".." || strings.ContainsAny(word, "/@\x00") {
		return nil
	}
	var out []string
	for _, dir := range commandFolders() {
		out = append(out, path.Join(dir, word))
	}
	return out
}

// questionPaths are the paths whose owners some words may need.
func questionPaths(packages, commands []string) []string {
	var out []string
	for _, word := range slices.Concat(packages, commands) {
		word = sbom.EscapeInput(word)
		if strings.HasPrefix(word, "/") && !strings.Contains(word, pathSeparator) {
			out = append(out, word)
		}
	}
	for _, word := range commands {
		out = append(out, commandPaths(sbom.EscapeInput(word))...)
	}
	return out
}

// prefixed puts the flag that a word was given with before an error.
func prefixed(flag string, err error) error { return fmt.Errorf("%s: %w", flag, err) }

// misnamed is the exit code of a word that is a mistake: the question was
// not answered.
func misnamed(err error) error {
	var unknowable *unknowableError
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
