package ospkg

import (
	"errors"
	"fmt"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// listing is what one list says, in terms of the tree.
type listing struct {
	list           rootfs.Node   // the file that lists, None when there is none
	nodes          []rootfs.Node // what is there, without what is only claimed
	claims         map[int]claim // area -> what is claimed in it
	listed, absent int
	malformed      int // lines
	fault          *ParseError
	err            error // the list could not be read to its end
}

// collector turns the paths that one package lists into nodes. Callers count
// in its listing what they read.
type collector struct {
	finder *finder
	// divert says where the file of a listed path is; nil when it is there.
	divert func(path string) string
	// implied is true when the list does not have the folders above its
	// files, although the package does.
	implied bool
	folder  string // the last one that was implied
	// wild accepts a last line without an end.
	wild bool
	listing
}

// read reads a list. Lines that are no paths of a package are counted, the
// first one is kept, and none of them is believed.
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
			err = errors.New("the last line has no end: the file is truncated")
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

// take finds one path of the package and says whether it is there.
func (c *collector) take(path string) bool {
	if c.divert != nil {
		path = c.divert(path)
	}
	n, area := c.finder.find(path)
	if n == rootfs.None {
		return false
	}
	if area != noArea && !isFolder(c.finder.tree, n) {
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
		c.takeFolders()
	}
	return true
}

// takeFolders adds the folders above the path that was found last, unless
// they are those of the path before.
func (c *collector) takeFolders() {
	stack := c.finder.stack
	if top := stack[len(stack)-1].path; top != c.folder {
		c.folder = top
		for _, dir := range stack[1:] {
			if dir.node != rootfs.None {
				c.nodes = append(c.nodes, dir.node)
			}
		}
	}
}

// checkPath says what is wrong with a path that was not found. Those that
// were found are in order: no folder has an entry named "..".
func checkPath(path string) error {
	if cleanPath(path) {
		return nil
	}
	return fmt.Errorf("path %s is not a plain path: it may lead out of the package", excerpt(path))
}
