package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/audit/report"
)

// checkout returns where the files of the repository are: in the nearest directory that
// is a repository, below the one that the platform names, because a job can check out
// several. sudo hides the variables of the platform; without them the nearest
// repository is found as git does, and else the paths of annotations are relative to
// the working directory.
//
// GITHUB_WORKSPACE: https://docs.github.com/en/actions/reference/workflows-and-actions/variables,
// CI_PROJECT_DIR: https://docs.gitlab.com/ci/variables/predefined_variables/.
func (c *command) checkout() report.Checkout {
	dir, err := os.Getwd()
	if err != nil {
		return report.Checkout{}
	}
	dir = resolved(dir)
	root := ""
	for _, name := range []string{"GITHUB_WORKSPACE", "CI_PROJECT_DIR"} {
		if v := c.env(name); filepath.IsAbs(v) {
			root = cmp.Or(repository(dir, resolved(v)), resolved(v))
			break
		}
	}
	root = cmp.Or(root, repository(dir, filepath.VolumeName(dir)+string(filepath.Separator)), dir)
	return report.Checkout{Root: filepath.ToSlash(root), Dir: filepath.ToSlash(dir)}
}

// resolved returns a path without links, or as it is if that fails.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

func insideOf(dir, root string) bool {
	rel, err := filepath.Rel(root, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// repository returns the nearest directory at or above dir that is a repository, not
// above top; "" if there is none, or if dir is elsewhere.
func repository(dir, top string) string {
	for insideOf(dir, top) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == top {
			break
		}
		dir = filepath.Dir(dir)
	}
	return ""
}
