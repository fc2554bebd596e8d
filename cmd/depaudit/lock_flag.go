package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/depaudit/depaudit/audit/config"
)

// parseLocks parses the values of --locks, each a path, or [DIR=]FILE with a
// directory of the environment. A file can be named for several directories. One
// whose name contains "=" is named by a path that exists.
func parseLocks(values []string) ([]config.LockFile, error) {
	var out []config.LockFile
	for _, value := range values {
		dir, file, scoped := strings.Cut(value, "=")
		if _, err := os.Lstat(value); err == nil {
			scoped = false
		}
		if !scoped {
			dir, file = "", value
		}
		switch {
		case file == "":
			return nil, usage(&hinted{fmt.Errorf("--locks %s: no file", value), "--locks FILE, or --locks DIR=FILE"})
		case scoped && !path.IsAbs(dir):
			return nil, usage(&hinted{fmt.Errorf("--locks %s: %q is no absolute path within the environment", value, dir), fmt.Sprintf("--locks /%s", value)})
		case scoped && !doublestar.ValidatePattern(dir):
			return nil, usage(&hinted{fmt.Errorf("--locks %s: %q is no pattern of directories", value, dir), "write a backslash before a bracket that is part of a name"})
		case scoped && strings.Trim(path.Clean(dir), "/*") == "":
			return nil, usage(&hinted{fmt.Errorf("--locks %s: %q is all of the environment", value, dir), "--locks " + file})
		}
		i := slices.IndexFunc(out, func(l config.LockFile) bool { return l.Path == file })
		switch {
		case i < 0 && !scoped:
			out = append(out, config.LockFile{Path: file})
		case i < 0:
			out = append(out, config.LockFile{Path: file, For: []string{dir}})
		case scoped != (len(out[i].For) > 0):
			return nil, usage(&hinted{errors.New("--locks names " + file + " with a directory and without"), "remove one of them"})
		case scoped:
			out[i].For = append(out[i].For, dir)
		}
	}
	return out, nil
}
