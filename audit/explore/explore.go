// Package explore shows the dependencies of one environment in a terminal. They
// can be sorted and filtered, and it answers which components introduce which,
// why one is installed, and what a removal takes with it.
//
// # Structure
//
// A model has the whole state. It takes keys and sizes, and draws a screen as
// lines of text: a pure function of its input, tested without a terminal. Run
// connects it with a terminal, by a library that is not part of the interface
// of this package. The package does not scan, decide or change anything; all
// answers come from sbom/graph.
//
// # Terminals
//
// The view works over SSH, on a serial line, in 80 columns and 24 lines, and
// without colours: every function has a key, its own words are ASCII, and
// colours and attributes never carry information alone. Lines are cut by cells,
// never wrapped, and never more than fit.
//
// Names are untrusted. All of them pass through [terminal.Escape] before they
// reach a line, and therefore the library.
//
// # Cost
//
// Only visible lines are drawn. A filter matches each name once, an answer
// costs what it costs in sbom/graph, and the tree is made where it is opened.
package explore

import (
	"context"
	"errors"
	"fmt"
	"os"

	tea "charm.land/bubbletea/v2"

	"github.com/depaudit/depaudit/sbom/graph"
)

// Stage is the environment that is shown.
type Stage struct {
	// Name is the reference or the name of the stage.
	Name  string
	Graph *graph.Graph
	// Provenance returns the provenance of a component ("os", "lock"), "" when
	// it is unknown. It may be nil.
	Provenance func(id string) string
	// Notes are the limitations and gaps of the environment.
	Notes []string
}

// Terminal is the terminal that shows the view.
type Terminal struct {
	In, Out *os.File
	Color   bool
}

// Run shows a stage until the user quits or the context ends, which is an
// error. It restores the terminal, also after a panic.
func Run(ctx context.Context, s Stage, t Terminal) error {
	return run(ctx, newModel(s, t.Color), t)
}

func run(ctx context.Context, m *model, t Terminal) error {
	// The library's own handlers are off: the context ends with a signal.
	_, err := tea.NewProgram(program{m}, tea.WithContext(ctx), tea.WithInput(t.In), tea.WithOutput(t.Out), tea.WithoutSignalHandler()).Run()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, tea.ErrProgramPanic):
		return errors.New("internal error in the view (the terminal was restored; the stack trace is above)")
	case err != nil:
		return fmt.Errorf("terminal: %w", err)
	}
	return nil
}

// program adapts the model to the interface of the library.
type program struct{ *model }

func (p program) Init() tea.Cmd { return nil }

func (p program) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		p.resize(msg.Width, msg.Height)
	case tea.PasteMsg:
		p.paste(msg.Content)
	case tea.KeyPressMsg:
		switch p.press(msg.String(), msg.Key().Text) {
		case quit:
			return p, tea.Quit
		case suspend:
			return p, tea.Suspend
		}
	}
	return p, nil
}

func (p program) View() tea.View {
	text, column := p.screen()
	v := tea.NewView(text)
	v.AltScreen = true
	if column >= 0 {
		v.Cursor = tea.NewCursor(column, max(0, p.height-2))
	}
	return v
}
