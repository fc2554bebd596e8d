package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/judge"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/lockcheck/definition"
	"github.com/depaudit/depaudit/sbom/wording"
)

// checkoutOf returns the root of the checkout around a directory, relative to the
// working directory if dir is: the nearest directory that is a repository, as in
// what GitHub and GitLab check out, or else dir itself. inside is the path of dir in
// it.
func checkoutOf(dir string) (root, inside string) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return dir, "."
	}
	up, names := "", "."
	for at := abs; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return filepath.Join(dir, up), names
		}
		if filepath.Dir(at) == at {
			return filepath.Clean(dir), "."
		}
		up, names = filepath.Join(up, ".."), path.Join(filepath.Base(at), names)
	}
}

// definitions reads what defines the stages of a configuration, a file that many of
// them name once. Its files are those of the checkout around the configuration's
// directory, also if the configuration itself is of another one: they are what runs.
type definitions struct {
	file          string // the configuration
	place, inside string // as of checkoutOf
	root          *os.Root
	selector      *definition.Selector
}

// open opens the checkout, for the first stage that has a definition.
func (r *definitions) open() error {
	if r.root != nil {
		return nil
	}
	r.place, r.inside = checkoutOf(filepath.Dir(r.file))
	root, err := os.OpenRoot(r.place)
	if err != nil {
		return &InputError{Err: err}
	}
	r.root, r.selector = root, definition.NewSelector(root.FS())
	return nil
}

func (r *definitions) Close() error {
	if r.root == nil {
		return nil
	}
	return r.root.Close()
}

// of reads what defines a stage, nil for one without a definition.
func (r *definitions) of(ctx context.Context, stage config.Stage) (*judge.Definition, error) {
	if len(stage.Definitions) == 0 {
		return nil, nil
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	file, place, inside, root := r.file, r.place, r.inside, r.root
	shown := func(name string) string { return filepath.ToSlash(filepath.Join(place, filepath.FromSlash(name))) }
	out := &judge.Definition{}
	for _, d := range stage.Definitions {
		fail := func(hint, format string, args ...any) error {
			return &InputError{Err: &textfile.Error{File: file, Line: d.Place.Line, Column: d.Place.Column, Msg: fmt.Sprintf(format, args...), Hint: hint}}
		}
		name := path.Join(inside, d.File())
		if !fs.ValidPath(name) || name == "." {
			return nil, fail("paths are relative to the directory of this file", "definition %s is not in the checkout (%s)", textfile.Quote(d.Ref), filepath.ToSlash(place))
		}
		ref := name
		if d.Name() != "" {
			ref += "#" + d.Name()
		}
		s, err := r.selector.Select(ctx, ref)
		var unknown *definition.UnknownJobError
		var broken *definition.Error
		switch {
		case err == nil:
		case errors.As(err, &unknown):
			return nil, fail(jobHint(d, unknown.Have), "definition %s: there is no such job", textfile.Quote(d.Ref))
		case errors.Is(err, fs.ErrNotExist):
			return nil, fail(fileHint(ctx, root.FS(), name, inside), "definition %s: the file does not exist", textfile.Quote(d.Ref))
		case errors.As(err, &broken) && broken.At.Line > 0:
			at := *broken
			at.File = shown(broken.File)
			return nil, &InputError{Err: &at}
		case errors.As(err, &broken):
			return nil, fail(broken.Hint, "definition %s: %s", textfile.Quote(d.Ref), broken.Msg)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		default:
			return nil, fail("name a file of the checkout, and no link out of it", "definition %s: %v", textfile.Quote(d.Ref), err)
		}
		out.Refs = append(out.Refs, d.Ref)
		for _, u := range s.Uses {
			u.File = shown(u.File)
			if u.Kind == definition.UseRunner && s.Job.Container == "" {
				out.Bare = append(out.Bare, u.Name)
			}
			out.Uses = append(out.Uses, u)
		}
		for _, n := range s.Notes {
			n.File = shown(n.File)
			out.Notes = append(out.Notes, n)
		}
		for _, f := range s.Files {
			out.Files = append(out.Files, shown(f))
		}
	}
	return out, nil
}

// jobHint names the job that was probably meant, or those that there are.
func jobHint(d config.Definition, have []string) string {
	if len(have) == 0 {
		return "the file defines no job; name another file"
	}
	if near := wording.Nearest(d.Name(), have); near != "" {
		return "did you mean " + strconv.Quote(d.File()+"#"+near) + "?"
	}
	const most = 12
	var list []string
	for _, id := range have[:min(len(have), most)] {
		list = append(list, strconv.Quote(d.File()+"#"+id))
	}
	if len(have) > most {
		list = append(list, fmt.Sprintf("%d more", len(have)-most))
	}
	if len(list) == 1 {
		return "write " + list[0]
	}
	return "name one of " + strings.Join(list, ", ")
}

// fileHint names the definition file that was probably meant.
func fileHint(ctx context.Context, checkout fs.FS, name, inside string) string {
	found, err := definition.Find(ctx, checkout)
	if err != nil {
		found = nil
	}
	if near := wording.Nearest(name, found); near != "" {
		if rel, err := filepath.Rel(filepath.FromSlash(inside), filepath.FromSlash(near)); err == nil {
			return "did you mean " + strconv.Quote(filepath.ToSlash(rel)) + "?"
		}
	}
	return "paths are relative to the directory of this file"
}
