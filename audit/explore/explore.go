// Package explore shows one environment's dependencies in a terminal, to be
// sorted, filtered and asked about: what keeps what, why is this here, what
// would leave with these.
//
// # How it is put together
//
// A model has the whole state. It takes keys and sizes, and draws a screen as
// lines of text: a pure function of what went in, tested without a terminal.
// Run connects it with one, by a library that this package hides. Nothing here
// scans, decides or changes anything; all answers are those of sbom/graph.
//
// # Terminals
//
// It has to work over SSH, on a serial line, in 80 columns and 24 lines, and
// without colours. So the keyboard does everything, its own words are ASCII,
// and what colours and attributes say is said by a character too. Lines are
// cut by cells, never wrapped, and there are never more of them than fit.
//
// Names come from strangers. All of them go through [terminal.Escape] before
// they reach a line, and so before the library sees them.
//
// # Cost
//
// Only what is on the screen is drawn. A filter looks at each name once, an
// answer takes what it takes in sbom/graph, and the tree is made where it is
// opened.
package explore

import (
	"context"
	"errors"
	"fmt"
	"os"

	tea "charm.land/bubbletea/v2"

	"github.com/depaudit/depaudit/sbom/graph"
)

// Stage is what is looked at.
type Stage struct {
	// Name is the reference or the stage's name.
	Name  string
	Graph *graph.Graph
	// Provenance says what accounts for a component ("os", "lock"), "" when
	// that is not known. It may be nil.
	Provenance func(id string) string
	// Notes are what somebody who looks at the numbers has to know: what the
	// environment cannot show, and what could not be examined.
	Notes []string
}

// Terminal is what it is shown on.
type Terminal struct {
	In, Out *os.File
	Color   bool
}

// Run shows a stage until the user quits or the context ends, which is an
// error. The terminal is as it was then, also after a panic.
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
		return errors.New("a defect in the view; the terminal was restored, and what is above says where")
	case err != nil:
		return fmt.Errorf("terminal: %w", err)
	}
	return nil
}

// program is the model as the library wants it.
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
