package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
)

// drawing writes a part of the graph.
type drawing struct {
	write func(*graph.View, io.Writer) error
	// nodes and edges are the default limits, from the programs that draw the
	// format; 0 for no limit.
	nodes, edges int
}

// Mermaid refuses more than 500 edges (maxEdges) or 50,000 characters
// (maxTextSize), unless the page that draws it is configured otherwise. A
// component is a line of some 40 characters, and an edge one of some 20.
const (
	mermaidNodes = 400
	mermaidEdges = 500
)

func drawingFormats() []outputFormat[drawing] {
	return []outputFormat[drawing]{
		{name: "dot", encoder: drawing{(*graph.View).WriteDOT, graph.DefaultNodes, graph.DefaultEdges}},
		{name: "mermaid", encoder: drawing{(*graph.View).WriteMermaid, mermaidNodes, mermaidEdges}},
		{name: "graphml", encoder: drawing{(*graph.View).WriteGraphML, 0, 0}},
		{name: "json", encoder: drawing{writeViewJSON, 0, 0}},
	}
}

// writeViewJSON escapes the control sequences of terminals.
func writeViewJSON(v *graph.View, w io.Writer) error {
	var b bytes.Buffer
	if err := v.WriteJSON(&b); err != nil {
		return err
	}
	_, err := w.Write(terminal.EscapeJSON(b.Bytes()))
	return err
}

func (c *command) graphCommand() *cobra.Command {
	var (
		f       questionFlags
		outputs []string
		around  string
		depth   int
		bundled bool
		most    int
	)
	cmd := &cobra.Command{
		Use:   "graph REF",
		Short: "Draw what needs what, of a whole environment or around a package",
		Long: `Writes the dependency graph of one environment for programs that draw or read
graphs. An edge leads from a package to one that it needs; a broken line is a
recommendation or a suggestion. Explicit packages are blue, packages that
nothing needs any more are grey.

--around PACKAGE writes only the package, its needs and its users, up to --depth
edges away. -n N writes the N nearest to that package, or to the explicit
packages, and prints how many are omitted.

dot is for Graphviz, mermaid for Markdown pages, graphml for yEd, Gephi and
Cytoscape, json for other programs. dot is limited to ` + fmt.Sprintf("%d packages", graph.DefaultNodes) + `, mermaid to
` + fmt.Sprintf("%d packages and %d edges", mermaidNodes, mermaidEdges) + `, which is what the programs that draw them accept.
Without =FILE, or with =-, a format goes to standard output.
` + subjectHelp + `
The exit code is 0, 2 for a mistake on the command line (a missing package too),
3 when something could not be examined or the environment records no relations,
4 when it could not run or could not write.`,
		Example: `  depaudit graph dir:/srv/chroot/build -o dot | dot -Tsvg -o build.svg
  depaudit graph report.json --stage docs --around python3 -o dot=python3.dot
  depaudit graph report.json --stage build -o mermaid -n 50`,
		Args: oneReference("graph"),
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen, err := parseOutputs(outputs, drawingFormats())
			if err != nil {
				return err
			}
			switch {
			case depth < 0:
				return usage(fmt.Errorf("--depth %d: the minimum is 0, the package alone", depth))
			case cmd.Flags().Changed("depth") && around == "":
				return usage(&hinted{errors.New("--depth needs a package to measure from"), "add --around PACKAGE"})
			}
			var words []string
			if around != "" {
				words = append(words, around)
			}
			a, err := c.ask(cmd.Context(), args[0], &f, words, nil)
			if err != nil {
				return err
			}
			focus, err := a.resolveAll("--around", words)
			if err != nil {
				return err
			}
			draw := func(d drawing) (*graph.View, error) {
				opts := graph.ViewOptions{Nodes: limitOf(d.nodes), Edges: limitOf(d.edges), NoBundled: !bundled}
				if cmd.Flags().Changed("limit") {
					opts.Nodes = limitOf(most)
				}
				if len(focus) == 0 {
					return a.graph.All(opts), nil
				}
				if a.graph.Component(focus[0]).Owner != "" {
					opts.NoBundled = false // it is bundled itself
				}
				return a.graph.Around(focus[0], depth, opts)
			}
			if err := c.writeDrawings(chosen, draw); err != nil {
				return err
			}
			return c.caveats(a.subject)
		},
	}
	f.registerSubject(cmd)
	registerOutput(cmd, &outputs, drawingFormats())
	cmd.Flags().StringVar(&around, "around", "", "only the neighbors of this `PACKAGE`: a name, name@version, a package URL, an ID or a path")
	cmd.Flags().IntVar(&depth, "depth", 1, "with --around, the distance in edges")
	cmd.Flags().BoolVar(&bundled, "bundled", false, "also bundled packages, which do not count")
	limitVar(cmd, &most, graph.DefaultNodes, "packages, the nearest first (mermaid: "+strconv.Itoa(mermaidNodes)+"; graphml, json: all)")
	return cmd
}

// limitOf converts a limit, 0 for none, to one of [graph.ViewOptions].
func limitOf(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// writeDrawings writes the graph in all chosen formats.
func (c *command) writeDrawings(chosen []output[drawing], draw func(drawing) (*graph.View, error)) error {
	for _, o := range chosen {
		v, err := draw(o.encoder)
		if err != nil {
			return err
		}
		if err := o.writeTo(o.file, c.stdout, func(w io.Writer) error { return o.encoder.write(v, w) }); err != nil {
			return trouble(err)
		}
		if v.CutNodes > 0 || v.CutEdges > 0 {
			fmt.Fprintf(c.stderr, "depaudit: %s: %d packages and %d edges are omitted\n", o.name, v.CutNodes, v.CutEdges)
		}
	}
	return nil
}

// registerSubject registers the flags that choose the subject, without those of
// the output.
func (f *questionFlags) registerSubject(cmd *cobra.Command) {
	f.subjectFlags.register(cmd)
	listVar(cmd.Flags(), &f.roots, "root", "`NAME` of a package or command that the stage uses itself")
}

// caveats prints on stderr why a graph may be incomplete. It returns an error
// without a text if relations or whole places could not be examined.
func (c *command) caveats(s *subject) error {
	unsure := false
	for _, l := range s.doc.Limitations {
		switch l.Name {
		case sbom.LimitRelations:
			unsure = true
		case sbom.LimitInstallReason, sbom.LimitIncomplete:
		default:
			continue
		}
		fmt.Fprintf(c.stderr, "depaudit: %s: %s\n", terminal.Escape(s.name), terminal.Escape(l.Detail))
	}
	if n := len(s.doc.Gaps); n > 0 {
		unsure = true
		g := s.doc.Gaps[0]
		text := fmt.Sprintf("%s: something could not be examined and may be missing: %s", s.name, strings.TrimSpace(g.Path+" "+g.Detail))
		if n > 1 {
			text += fmt.Sprintf(" (and %d more)", n-1)
		}
		fmt.Fprintf(c.stderr, "depaudit: %s\n", terminal.Escape(text))
	}
	if unsure {
		return &exitError{code: exitIncomplete}
	}
	return nil
}

// oneReference accepts exactly one argument.
func oneReference(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 1:
			return nil
		case 0:
			return usage(&hinted{fmt.Errorf("%s needs a reference", name), fmt.Sprintf("depaudit %s dir:ROOT, or: depaudit %s report.json", name, name)})
		}
		return usage(fmt.Errorf("%s takes one reference, not %d", name, len(args)))
	}
}
