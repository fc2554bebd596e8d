package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/sbom/wording"
)

// outputFormat is one of a command's output formats. Encoder is what the
// command needs to write it. The first format of a list is the default.
type outputFormat[Encoder any] struct {
	name    string
	encoder Encoder
	// perStage marks a format that has one document for each stage.
	perStage bool
	// whole marks a format of which a file has one document, so that nothing can be
	// added to it and a terminal does not show it.
	whole bool
	// beside marks a format of a few lines for the log of a CI system, which may
	// stand on standard output beside another one.
	beside bool
}

// output is one -o flag.
type output[Encoder any] struct {
	outputFormat[Encoder]
	file string // empty for standard output
	// add is true if the document is added to what the file has: -o FORMAT=+FILE.
	add bool
}

// stagePlaceholder is replaced by the name of the stage in the file of a format
// that has one document for each stage.
const stagePlaceholder = "{stage}"

// stdoutNames are the names of standard output in the file system. Opened by
// name, a file behind it would be overwritten from its start, and a pipe has no
// file that could be replaced.
var stdoutNames = []string{"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}

// formatNames returns the values of -o.
func formatNames[E any](formats []outputFormat[E]) []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// registerOutput adds the flag -o, its help and its completion.
func registerOutput[E any](cmd *cobra.Command, flags *[]string, formats []outputFormat[E]) {
	names := formatNames(formats)
	listVarP(cmd.Flags(), flags, "output", "o",
		fmt.Sprintf("write `FORMAT[=FILE]`, or FORMAT=+FILE to add to a file: %s (default %s)", strings.Join(names, ", "), names[0]))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// parseOutputs parses the values of -o, NAME[=FILE]. The result begins with the
// outputs to files: a command that writes them in this order has printed
// nothing if a file fails.
func parseOutputs[E any](flags []string, formats []outputFormat[E]) ([]output[E], error) {
	if len(flags) == 0 {
		return []output[E]{{outputFormat: formats[0]}}, nil
	}
	names := formatNames(formats)
	places := make(map[string]string)
	var toFiles, toStdout []output[E]
	for _, flag := range flags {
		name, file, hasFile := strings.Cut(flag, "=")
		at := slices.Index(names, name)
		if at < 0 {
			err := fmt.Errorf("-o %s: unknown format %q", flag, name)
			if near := wording.Nearest(name, names); near != "" {
				return nil, usage(&hinted{err, fmt.Sprintf("did you mean %q?", near)})
			}
			if ext := strings.TrimPrefix(filepath.Ext(name), "."); !hasFile && ext != "" && slices.Contains(names, ext) {
				return nil, usage(&hinted{err, fmt.Sprintf("for the file write -o %s=%s", ext, wording.ShellWord(name))})
			}
			return nil, usage(&hinted{err, "formats: " + strings.Join(names, ", ")})
		}
		file, add := strings.CutPrefix(file, "+")
		o := output[E]{outputFormat: formats[at], file: file, add: add}
		place := "standard output"
		switch {
		case hasFile && file == "":
			return nil, usage(fmt.Errorf("-o %s: the file name is missing", flag))
		case add && o.whole:
			return nil, usage(&hinted{fmt.Errorf("-o %s: a file has only one document of the format", flag), "write -o " + name + "=" + file})
		case strings.Contains(file, stagePlaceholder) && !o.perStage:
			return nil, usage(fmt.Errorf("-o %s: the format has only one document; remove %s", flag, stagePlaceholder))
		case !hasFile || file == "-" || slices.Contains(stdoutNames, file):
			o.file, o.add = "", false
			if o.beside {
				place += " as " + name
			}
			toStdout = append(toStdout, o)
		default:
			place = filepath.Clean(file)
			toFiles = append(toFiles, o)
		}
		if other, taken := places[place]; taken {
			return nil, usage(samePlace(other, name, place))
		}
		places[place] = name
	}
	return append(toFiles, toStdout...), nil
}

// notForTerminal returns an error for a document that no terminal shows: a page or a
// picture that would go to one. Other programs can read it from standard output.
func notForTerminal[E any](c *command, outputs []output[E]) error {
	for _, o := range outputs {
		if o.whole && o.file == "" && c.onTerminal() {
			return usage(&hinted{fmt.Errorf("-o %s: a terminal does not show the format", o.name), fmt.Sprintf("write -o %s=depaudit.%[1]s", o.name)})
		}
	}
	return nil
}

// samePlace is the error of two outputs of which one would replace the other.
func samePlace(one, other, place string) error {
	return &hinted{
		fmt.Errorf("-o %s and -o %s both write to %s", one, other, place),
		"give each a file of its own: -o " + other + "=FILE",
	}
}

// writeTo calls write with the file of an output, which it replaces whole or not
// at all, or with stdout if there is none.
func (o output[E]) writeTo(file string, stdout io.Writer, write func(io.Writer) error) error {
	switch {
	case file == "":
		return write(stdout)
	case o.add:
		return addTo(file, write)
	}
	return atomicfile.Write(file, write)
}

// addTo adds a document to the end of a file in one write, so that another
// program that adds to it does not break into the document. The file is created
// if there is none.
func addTo(file string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	return errors.Join(err, f.Close())
}
