package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/atomicfile"
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

func (f *listFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.outputs, "output", "o", nil, "write `FORMAT[=FILE]`: table, json; repeatable (default table)")
	cmd.Flags().IntVar(&f.limit, "limit", defaultLimit, "at most `N` lines of each list, 0 for all; json always has all")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

// listOutput is one -o flag.
type listOutput struct{ format, file string }

// parse checks the flags before the first scan.
func (f *listFlags) parse() ([]listOutput, error) {
	if f.limit < 0 {
		return nil, usage(fmt.Errorf("--limit %d: the minimum is 0, for no limit", f.limit))
	}
	flags := f.outputs
	if len(flags) == 0 {
		flags = []string{"table"}
	}
	var out []listOutput
	for _, flag := range flags {
		format, file, named := strings.Cut(flag, "=")
		if format != "table" && format != "json" {
			return nil, usage(&hinted{fmt.Errorf("-o %s: unknown format %q", flag, format), "formats: table, json"})
		}
		if named && file == "" {
			return nil, usage(fmt.Errorf("-o %s: the file name is missing", flag))
		}
		if file == "-" {
			file = ""
		}
		for _, other := range out {
			if other.file == file {
				return nil, usage(&hinted{fmt.Errorf("-o %s and -o %s write to the same place", other.format, format), "give each a file of its own: -o " + format + "=FILE"})
			}
		}
		out = append(out, listOutput{format, file})
	}
	return out, nil
}

// listAnswer is an answer with lists.
type listAnswer interface {
	Text(w io.Writer, o terminal.Options, limit int) error
}

// answer writes files first: if one fails, nothing was printed.
func (c *command) answer(a listAnswer, outputs []listOutput, limit int) error {
	for _, toFile := range []bool{true, false} {
		for _, o := range outputs {
			if (o.file != "") != toFile {
				continue
			}
			options := terminal.Options{}
			if !toFile {
				chosen, err := c.options(nil)
				if err != nil {
					return err
				}
				options = terminal.Options{Width: chosen.Width, Color: chosen.Color}
			}
			write := func(w io.Writer) error {
				if o.format == "json" {
					return query.WriteJSON(w, a)
				}
				return a.Text(w, options, limit)
			}
			var err error
			if toFile {
				err = atomicfile.Write(o.file, write)
			} else {
				err = write(c.stdout)
			}
			var exit *exitError
			if errors.As(err, &exit) {
				return err
			}
			if err != nil {
				return trouble(err)
			}
		}
	}
	return nil
}
