package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/query"
	"github.com/depaudit/depaudit/audit/terminal"
)

// listFlags are the output flags of an answer with long lists.
type listFlags struct {
	outputs []string
	limit   int
}

// defaultLimit is the number of lines of each list that fit on a screen.
const defaultLimit = 20

func (f *listFlags) register(cmd *cobra.Command) { f.registerFormats(cmd, listFormats()) }

// registerFormats is register for an answer with formats of its own.
func (f *listFlags) registerFormats(cmd *cobra.Command, formats []outputFormat[listEncoder]) {
	registerOutput(cmd, &f.outputs, formats)
	limitVar(cmd, &f.limit, defaultLimit, "lines of each list (json always has all)")
}

// listAnswer is an answer with lists.
type listAnswer interface {
	Text(w io.Writer, o terminal.Options, limit int) error
}

// notesAnswer is an answer with a document of its own as Markdown, which is not cut to
// what fits on a screen.
type notesAnswer interface {
	Notes(w io.Writer, maxBytes int) error
}

// listEncoder writes an answer. A limit is the number of lines of each list, 0
// for all.
type listEncoder func(w io.Writer, a listAnswer, o terminal.Options, limit int) error

func listFormats() []outputFormat[listEncoder] {
	return []outputFormat[listEncoder]{
		{name: "table", encoder: func(w io.Writer, a listAnswer, o terminal.Options, limit int) error {
			return a.Text(w, o, limit)
		}},
		{name: "markdown", encoder: func(w io.Writer, a listAnswer, o terminal.Options, limit int) error {
			if n, ok := a.(notesAnswer); ok {
				return n.Notes(w, o.MaxBytes)
			}
			o.Markdown = true
			return a.Text(w, o, limit)
		}},
		{name: "json", encoder: func(w io.Writer, a listAnswer, _ terminal.Options, _ int) error {
			return query.WriteJSON(w, a)
		}},
	}
}

// parse checks the flags before the first scan.
func (f *listFlags) parse() ([]output[listEncoder], error) {
	return parseOutputs(f.outputs, listFormats())
}

// answer writes an answer in all chosen formats.
func (c *command) answer(a listAnswer, outputs []output[listEncoder], limit int) error {
	for _, o := range outputs {
		options := terminal.Options{MaxBytes: maxSummary}
		if o.add {
			options.MaxBytes = spaceIn(o.file)
		}
		if o.file == "" {
			chosen, err := c.options(nil)
			if err != nil {
				return err
			}
			options.Width, options.Color, options.Cut = chosen.Width, chosen.Color, chosen.Cut
		}
		err := o.writeTo(o.file, c.stdout, func(w io.Writer) error { return o.encoder(w, a, options, limit) })
		var exit *exitError
		if errors.As(err, &exit) {
			return err
		}
		if err != nil {
			return trouble(err)
		}
	}
	return nil
}
