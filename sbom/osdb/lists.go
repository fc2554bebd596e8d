package osdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/environ"
)

// maxReaders is the number of lists that are read side by side. It is the
// lookups that take the time, not the reading, and the rest of the scan wants
// processors too.
const maxReaders = 4

// source is where the files of a package are listed.
type source struct {
	node environ.Node // None when there is no list
	// digests is true for a list of digests, "d41d8... usr/bin/x", which has
	// neither folders nor links (status.d); false for a list of paths.
	digests bool
}

// listing is what one list says, in terms of the tree.
type listing struct {
	nodes          []environ.Node // what is there, without what is only claimed
	claims         map[int]claim  // area -> what is claimed in it
	listed, absent int
	malformed      int // lines
	fault          *ParseError
	err            error // the list could not be read to its end
}

// readLists reads the lists of all packages. The results are in their order.
func (d *dpkg) readLists(ctx context.Context) ([]listing, error) {
	out := make([]listing, len(d.packages))
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(maxReaders, len(d.packages)) {
		readers.Go(func() {
			f := newFinder(d.tree, d.areas)
			buf := make([]byte, chunk)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(d.packages) {
					return
				}
				out[i] = d.readList(ctx, f, buf, d.packages[i], d.sources[i])
			}
		})
	}
	readers.Wait()
	return out, ctx.Err()
}

// readList reads the list and the conffiles of one package.
func (d *dpkg) readList(ctx context.Context, f *finder, buf []byte, p *dpkgRecord, s source) listing {
	c := &collector{dpkg: d, finder: f, packageName: p.name, implied: s.digests}
	if s.node != environ.None {
		c.err = d.open(s.node, func(r io.Reader, file string) error {
			l := newLines(ctx, r, file)
			l.buf = buf
			return c.read(l, s.digests)
		})
	}
	for _, path := range p.conffiles {
		c.take(path)
	}
	return c.listing
}

// open opens a file of the database and hands it to read.
func (d *dpkg) open(n environ.Node, read func(r io.Reader, file string) error) error {
	file, err := d.tree.OpenFile(n)
	if err != nil {
		return err
	}
	defer file.Close()
	return read(file, d.tree.Path(n))
}

// collector turns paths into nodes.
type collector struct {
	dpkg        *dpkg
	finder      *finder
	packageName string
	// implied is true when the list does not have the folders above its
	// files, although the package does.
	implied bool
	folder  string // the last one that was implied
	listing
}

// read reads a list. Lines that are no paths of a package are counted, the
// first one is kept, and none of them is believed.
func (c *collector) read(l *lines, digests bool) error {
	for {
		line, ok := l.next()
		if !ok {
			return l.err
		}
		path, err := listedPath(line, digests)
		switch {
		case err != nil:
		case l.unterminated && !digests:
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

// listedPath reads a line of a list. The path starts with a slash, no more is
// known of it. "/." is dpkg's name for the root.
func listedPath(line string, digests bool) (string, error) {
	path := line
	if digests {
		// md5sum(1) has 32 digits, a blank, and a blank or an asterisk.
		const digest = 34
		if len(line) < digest || line[32] != ' ' {
			return "", fmt.Errorf("%s is not a digest and a path", excerpt(line))
		}
		path = strings.TrimPrefix(line[digest:], "./")
		if path == "" || path[0] != '/' {
			path = "/" + path
		}
	}
	switch {
	case path == "/.":
		return "/", nil
	case path == "" || path[0] != '/':
		return "", fmt.Errorf("path %s is relative", excerpt(path))
	}
	return path, nil
}

// checkPath says what is wrong with a path that was not found. Those that
// were found are in order: no folder has an entry named "..".
func checkPath(path string) error {
	if cleanPath(path) {
		return nil
	}
	return fmt.Errorf("path %s is not a plain path: it may lead out of the package", excerpt(path))
}

// take finds one path of the package and says whether it is there.
func (c *collector) take(path string) bool {
	if len(c.dpkg.diversions) > 0 {
		if div, diverted := c.dpkg.diversions[path]; diverted && div.by != c.packageName {
			path = div.to
		}
	}
	n, area := c.finder.find(path)
	if n == environ.None {
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
			if dir.node != environ.None {
				c.nodes = append(c.nodes, dir.node)
			}
		}
	}
}

// gaps says what is wrong with a list.
func (l *listing) gaps(d *dpkg, p *dpkgRecord, s source) {
	if l.fault != nil {
		more := ""
		if l.malformed > 1 {
			more = fmt.Sprintf("; %d lines like this are ignored", l.malformed)
		}
		d.gap(sbom.GapMalformed, l.fault.File, "line %d: %s%s", l.fault.Line, l.fault.Msg, more)
	}
	if l.err != nil {
		d.gap(gapKind(l.err, sbom.GapUnreadable), d.tree.Path(s.node), "file list of package %s: %v", p.name, l.err)
	}
}
