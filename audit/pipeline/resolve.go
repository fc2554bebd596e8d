package pipeline

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/graph"
	"github.com/depaudit/depaudit/sbom/scan"
)

// Resolver finds the components that words of a user mean in one environment: a
// name, name@version, a package URL, an ID, an absolute path, or a command.
//
// The owner of a path is computed during a scan and not stored: a Debian root
// has 100,000 paths, and a question concerns a few. So the paths of the words
// ([QuestionPaths]) go with the scan, and their owners come back with it.
type Resolver struct {
	// Name is the environment's, for errors.
	Name  string
	Graph *graph.Graph
	// Owners are those of [QuestionPaths]; nil if nothing was scanned.
	Owners []scan.Owner
}

// Resolved is the component that a word means.
type Resolved struct {
	ID string
	// Path is set if the word is a path or a command: the path that has the
	// owner ID.
	Path string
	// Script is the first line of that file when it is a script, Interpreter
	// the ID of its interpreter's component, as [scan.Owner] has them.
	Script, Interpreter string
}

// AbsentError means that a package is not in the environment.
type AbsentError struct {
	text string
	near []string
}

func (e *AbsentError) Error() string {
	if len(e.near) == 0 {
		return e.text
	}
	names := e.near[0]
	if last := len(e.near) - 1; last > 0 {
		names = strings.Join(e.near[:last], ", ") + " or " + e.near[last]
	}
	return e.text + "\n  did you mean " + names + "?"
}

// AmbiguousError means that a word matches several packages.
type AmbiguousError struct {
	word string
	ids  []string
}

// maxListed bounds the packages in an AmbiguousError.
const maxListed = 12

func (e *AmbiguousError) Error() string {
	lines := []string{fmt.Sprintf("%q means %d packages; name one of them exactly:", e.word, len(e.ids))}
	for _, id := range e.ids[:min(len(e.ids), maxListed)] {
		lines = append(lines, "  "+id)
	}
	if more := len(e.ids) - maxListed; more > 0 {
		lines = append(lines, fmt.Sprintf("  ... and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// UnknowableError means that the subject has no owners of paths: it is a saved
// report or an SBOM.
type UnknowableError struct{ text, hint string }

func (e *UnknowableError) Error() string { return e.text + "\n  " + e.hint }

// Resolve returns the one component that a word means: for an absolute path its
// owner; with command, also the owner of a command in the usual directories.
// Its error is an [*AbsentError], [*AmbiguousError] or [*UnknowableError], or
// one about the word itself.
func (r *Resolver) Resolve(word string, command bool) (Resolved, error) {
	if word == "" {
		return Resolved{}, errors.New("the name of the package is empty")
	}
	word = sbom.EscapeInput(word)
	if strings.HasPrefix(word, "/") {
		return r.resolvePath(word)
	}
	ids, err := r.Graph.Find(word)
	var unknown *graph.UnknownError
	switch {
	case errors.As(err, &unknown):
		if command {
			if found, ok := r.resolveCommand(word); ok {
				return found, nil
			}
		}
		return Resolved{}, r.absent(word, command, unknown.Near)
	case err != nil:
		return Resolved{}, err
	case len(ids) > 1:
		return Resolved{}, &AmbiguousError{word, ids}
	}
	if found, ok := r.resolveCommand(word); command && ok && found.ID == ids[0] && found.Interpreter != "" {
		return found, nil // the package's command of that name is a script
	}
	return Resolved{ID: ids[0]}, nil
}

func (r *Resolver) absent(word string, command bool, near []string) error {
	text := fmt.Sprintf("%q is not in %s", word, r.Name)
	if command && r.Owners == nil {
		text += "; commands can only be found while an environment is scanned"
	}
	e := &AbsentError{text: text}
	for _, id := range near {
		c := r.Graph.Component(id)
		name := c.Name
		if ids, err := r.Graph.Find(name); err != nil || len(ids) > 1 {
			name = id // the name would not be exact
		}
		if name = fmt.Sprintf("%q", name); !slices.Contains(e.near, name) {
			e.near = append(e.near, name)
		}
	}
	return e
}

func (r *Resolver) resolvePath(word string) (Resolved, error) {
	for _, o := range r.Owners {
		switch {
		case o.Path != word:
		case o.ID != "":
			return Resolved{o.ID, word, o.Script, o.Interpreter}, nil
		case o.Real == "":
			return Resolved{}, &AbsentError{text: fmt.Sprintf("path does not exist in %s: %s", r.Name, word)}
		case o.Dir:
			return Resolved{}, &AbsentError{text: fmt.Sprintf("%s is a directory in %s that several packages share; name a file in it", word, r.Name)}
		default:
			return Resolved{}, &AbsentError{text: fmt.Sprintf("%s is in %s, and no package accounts for it", word, r.Name)}
		}
	}
	ids, err := r.Graph.Find(word)
	switch {
	case err == nil && len(ids) == 1:
		return Resolved{ID: ids[0], Path: word}, nil
	case err == nil:
		return Resolved{}, &AmbiguousError{word, ids}
	}
	return Resolved{}, &UnknowableError{
		fmt.Sprintf("%s: %s does not record the owners of paths; only a scan finds them", word, r.Name),
		"name the package, or scan the environment itself: dir:ROOT, host:, an image",
	}
}

func (r *Resolver) resolveCommand(word string) (Resolved, bool) {
	for _, p := range commandPaths(word) {
		for _, o := range r.Owners {
			if o.Path == p && o.ID != "" {
				return Resolved{o.ID, p, o.Script, o.Interpreter}, true
			}
		}
	}
	return Resolved{}, false
}

func commandPaths(word string) []string {
	if word == "" || word == "." || word == ".." || strings.ContainsAny(word, "/@\x00") {
		return nil
	}
	var out []string
	for _, dir := range scan.SearchPath() {
		out = append(out, path.Join(dir, word))
	}
	return out
}

// QuestionPaths returns the paths whose owners a [Resolver] needs for some
// words; commands are words that may also be names of commands.
func QuestionPaths(packages, commands []string) []string {
	var out []string
	for _, word := range slices.Concat(packages, commands) {
		word = sbom.EscapeInput(word)
		if strings.HasPrefix(word, "/") && !strings.Contains(word, "\x00") {
			out = append(out, word)
		}
	}
	for _, word := range commands {
		out = append(out, commandPaths(sbom.EscapeInput(word))...)
	}
	return out
}
