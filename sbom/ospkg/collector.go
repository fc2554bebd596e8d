package ospkg

import (
	"errors"
	"fmt"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// listing is one file list, resolved to nodes of the tree.
type listing struct {
	list           rootfs.Node   // the file that lists, None when there is none
	nodes          []rootfs.Node // the listed nodes that exist, without those in areas
	claims         map[int]claim // area -> the files that are claimed in it
	unlisted       claim         // existing conffiles of the record that the list does not have
	listed, absent int
	malformed      int // lines
	fault          *parseError
	err            error // the list could not be read to its end
}

// collector turns the paths that one package lists into nodes. Callers count
// in its listing what they read.
type collector struct {
	finder *finder
	// divert returns the path of the file for a listed path; nil when they are
	// the same.
	divert func(path string) string
	// implied is true when the list does not contain the parent directories of
	// its files, although the package does.
	implied bool
	dir     string // the last implied directory
	// distribution is true for a package that certainly is a distribution's: it
	// has no files where only vendors' packages have.
	distribution bool
	// wild accepts a last line without a newline.
	wild bool
	listing
}

// read reads a list. It counts the lines that are not valid paths, keeps the
// first of them for the gap, and ignores them otherwise.
func (c *collector) read(l *lines, readPath func(line string) (string, error)) error {
	for {
		line, ok := l.next()
		if !ok {
			return l.err
		}
		path, err := readPath(line)
		switch {
		case err != nil:
		case l.unterminated && !c.wild:
			err = errors.New("the last line has no newline: the file is truncated")
		case !c.take(path):
			if err = checkPath(path); err == nil {
				c.absent++
			}
		}
		if err != nil {
			if c.malformed++; c.malformed == 1 {
				c.fault = l.fail("%v", err)
			}
			continue
		}
		c.listed++
	}
}

// take finds one path of the package and reports whether it exists.
func (c *collector) take(path string) bool {
	if c.divert != nil {
		path = c.divert(path)
	}
	n, area := c.finder.find(path)
	if n == rootfs.None {
		return false
	}
	if area != noArea && (c.distribution || !c.finder.areas.vendors[area]) && !isDir(c.finder.tree, n) {
		if c.claims == nil {
			c.claims = map[int]claim{}
		}
		first := c.claims[area]
		if first.count == 0 {
			first.path = c.finder.tree.Path(n)
		}
		first.count++
		c.claims[area] = first
		return true
	}
	c.nodes = append(c.nodes, n)
	if c.implied {
		c.takeDirs()
	}
	return true
}

// takeDirs adds the parent directories of the path that was found last, unless
// they are those of the path before.
func (c *collector) takeDirs() {
	stack := c.finder.stack
	if top := stack[len(stack)-1].path; top != c.dir {
		c.dir = top
		for _, dir := range stack[1:] {
			if dir.node != rootfs.None {
				c.nodes = append(c.nodes, dir.node)
			}
		}
	}
}

// checkPath returns an error for a malformed path among those that were not
// found. A path that was found is valid: no directory has an entry named "..".
func checkPath(path string) error {
	if cleanPath(path) {
		return nil
	}
	return fmt.Errorf("path %s is not a clean path: it may lead out of the package", excerpt(path))
}
