package ospkg

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// source is the file list of a package.
type source struct {
	node rootfs.Node // None without a list
	// digests is true for a list of digests, "d41d8... usr/bin/x", which has
	// neither directories nor links (status.d); false for a list of paths.
	digests bool
}

// readList reads the list of one package. dpkg lists the conffiles too, obsolete
// ones included; a list of digests that a builder of images made does not have
// them.
func (d *dpkg) readList(ctx context.Context, c *collector, component int, buf []byte) {
	p, s := d.packages[component], d.sources[component]
	c.list, c.implied, c.wild, c.distribution = s.node, s.digests, s.digests, p.distribution
	d.shows[component] = s.node
	if len(d.diversions) > 0 {
		c.divert = func(path string) string {
			if div, diverted := d.diversions[path]; diverted && div.by != p.name {
				return div.to
			}
			return path
		}
	}
	readPath := listedPath
	if s.digests {
		readPath = digestPath
	}
	unlisted := map[string]bool{}
	for _, f := range p.conffiles {
		unlisted[f.path] = true
	}
	if s.node != rootfs.None {
		c.err = d.open(s.node, func(r io.Reader, file string) error {
			l := newLines(ctx, r, file)
			l.buf = buf
			return c.read(l, func(line string) (string, error) {
				path, err := readPath(line)
				if len(unlisted) > 0 {
					delete(unlisted, path)
				}
				return path, err
			})
		})
	}
	for _, path := range sortedKeys(unlisted) {
		if s.node == rootfs.None || s.digests {
			c.take(path)
			continue
		}
		if n, _ := c.finder.find(path); n != rootfs.None && !isDir(d.tree, n) {
			if c.unlisted.count++; c.unlisted.count == 1 {
				c.unlisted.path = d.tree.Path(n)
			}
		}
	}
}

// listedPath parses a line of a list. It checks only that the path starts with
// a slash. "/." is dpkg's name for the root.
func listedPath(line string) (string, error) {
	switch {
	case line == "/.":
		return "/", nil
	case line == "" || line[0] != '/':
		return "", fmt.Errorf("path %s is relative", excerpt(line))
	}
	return line, nil
}

// digestPath parses a line of a list of digests: md5sum(1) writes 32 digits, a
// blank, and a blank or an asterisk before the path.
func digestPath(line string) (string, error) {
	const digest = 34
	if len(line) < digest || line[32] != ' ' {
		return "", fmt.Errorf("%s is not a digest and a path", excerpt(line))
	}
	path := strings.TrimPrefix(line[digest:], "./")
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	return listedPath(path)
}
