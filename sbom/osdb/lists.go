package osdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom/environ"
)

// source is where the files of a package are listed.
type source struct {
	node environ.Node // None when there is no list
	// digests is true for a list of digests, "d41d8... usr/bin/x", which has
	// neither folders nor links (status.d); false for a list of paths.
	digests bool
}

// readList reads the list and the conffiles of one package.
func (d *dpkg) readList(ctx context.Context, c *collector, component int, buf []byte) {
	p, s := d.packages[component], d.sources[component]
	c.list, c.implied = s.node, s.digests
	d.shows[component] = s.node
	if len(d.diversions) > 0 {
		c.divert = func(path string) string {
			if div, diverted := d.diversions[path]; diverted && div.by != p.name {
				return div.to
			}
			return path
		}
	}
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
