package report

import (
	"path"
	"strings"
)

// Checkout is where the files of a repository are, for the formats that name them
// to a platform: a platform has paths from the root of its repository, and a
// report has those of the command line, which can be in a subdirectory.
//
// The zero value takes relative paths as they are.
type Checkout struct {
	// Root is the absolute path of the repository, and Dir that of the directory
	// which the relative paths of the report are relative to. Both have slashes.
	Root, Dir string
}

// relative returns a path from the root of the repository, "" for one outside.
func (c Checkout) relative(file string) string {
	file = strings.ReplaceAll(file, "\\", "/")
	if file == "" {
		return ""
	}
	if !absolute(file) {
		file = path.Join(c.Dir, file)
	}
	file = path.Clean(file)
	if c.Root != "" {
		rest, inside := strings.CutPrefix(file, strings.TrimSuffix(path.Clean(c.Root), "/")+"/")
		if !inside {
			return ""
		}
		file = rest
	}
	if absolute(file) || file == ".." || strings.HasPrefix(file, "../") || strings.Contains(file, ":") {
		return ""
	}
	return file
}

// absolute reports whether a path is one, of Windows too.
func absolute(file string) bool {
	return strings.HasPrefix(file, "/") || len(file) > 2 && file[1] == ':' && file[2] == '/'
}
