package propose

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/lockcheck/definition"
)

// notOurs are directories with definitions that are data of tests and examples, or
// that a build writes.
var notOurs = []string{"testdata", "fixtures", "__fixtures__", "node_modules", "dist", "site-packages"}

// Definitions reads the files of a repository that define its pipeline. It follows
// no link out of it. Files that cannot be read are returned with the reason.
func Definitions(ctx context.Context, dir string) ([]definition.File, []Left, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	var files []definition.File
	var broken []Left
	names, err := definition.Find(ctx, root.FS())
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err != nil {
		broken = append(broken, Left{".", 0, err.Error()})
	}
	for _, name := range names {
		if !runs(name) {
			continue
		}
		if !printable(name) {
			broken = append(broken, Left{name, 0, "its name has characters that do not print, or act on a log: rename it"})
			continue
		}
		f, err := definition.Read(ctx, root.FS(), name)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			broken = append(broken, leftOf(name, err))
			continue
		}
		files = append(files, *f)
	}
	return files, broken, nil
}

// runs reports whether a file takes part in the pipeline of the repository that it
// is in: GitHub and GitLab read theirs at the root alone.
func runs(name string) bool {
	if slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(dir string) bool { return slices.Contains(notOurs, dir) }) {
		return false
	}
	switch definition.KindOf(name) {
	case definition.Workflow:
		return path.Dir(name) == ".github/workflows"
	case definition.GitLab:
		return !strings.Contains(name, "/")
	case definition.Action:
		return false // it is read with the job that uses it
	}
	return true
}

// leftOf takes an error apart into its place and its text.
func leftOf(name string, err error) Left {
	var at *definition.Error
	if errors.As(err, &at) {
		detail := at.Msg
		if at.Hint != "" {
			detail += " (" + at.Hint + ")"
		}
		return Left{at.File, at.At.Line, detail}
	}
	return Left{name, 0, strings.TrimPrefix(err.Error(), name+": ")}
}
