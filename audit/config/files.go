package config

import (
	"github.com/depaudit/depaudit/audit"
)

// Files is where a configuration, and the files that it names and that decide, are
// read from, if that is not where they are: a commit that reviewers have accepted,
// or another checkout. Environments, artifacts and definitions are what is judged,
// and are always read where they are.
type Files interface {
	// Place returns the path of the content of a file or directory. The error for one
	// that is not there matches fs.ErrNotExist.
	Place(path string) (string, error)
	// Glob returns the files below a directory that a pattern matches, as paths below
	// dir, sorted.
	Glob(dir, pattern string) ([]string, error)
	// Missed notes a file that may be missing and is: that the checkout has it is a
	// change.
	Missed(path string)
	// Shown returns a text with the paths that Place was given in the place of those
	// that it returned.
	Shown(text string) string
	// From returns what the files are, and how those of which the content was used
	// differ from those that are where they are.
	From() *audit.PolicyFrom
}

// placed returns the path of the content of a file that the configuration names.
func (c *Config) placed(path string) (string, error) {
	if c.Files == nil {
		return path, nil
	}
	return c.Files.Place(path)
}

// Placed is placed for a path that has been read before.
func (c *Config) Placed(path string) string {
	if place, err := c.placed(path); err == nil {
		return place
	}
	return path
}
