package ospkg

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// diversion is one record of dpkg-divert(1): the file that packages list at a
// path is elsewhere, except for the package that made the diversion.
type diversion struct {
	to string
	by string // the package, ":" for the administrator
}

// checkDiversions ignores the diversions by which a list claims a file of no
// package: from a path of a package to an unrelated one. A real one renames a
// file beside where it was ("sh.distrib"), or moves it, with its name, to a
// directory of the package that diverts it.
func (d *dpkg) checkDiversions() {
	for _, from := range sortedKeys(d.diversions) {
		div := d.diversions[from]
		if div.ordinary(from) || path.Base(from) == path.Base(div.to) && len(d.byName[div.by]) > 0 {
			continue
		}
		delete(d.diversions, from)
		if n := d.tree.ResolveParent(div.to); n != rootfs.None && !isDir(d.tree, n) {
			d.notice(sbom.NoticeClaim, d.tree.Path(n), "", "a diversion leads from %s to this path, which is not beside it: the file belongs to no package (%s)",
				from, dpkgDiversions)
		}
	}
}

// ordinary reports whether a diversion is of the kind that dpkg-divert makes
// without a target of its own: another suffix of the name in its directory.
func (d diversion) ordinary(from string) bool {
	name, to := path.Base(from), path.Base(d.to)
	if path.Dir(from) != path.Dir(d.to) {
		return false
	}
	stem := name
	if i := strings.IndexByte(name[1:], '.'); i >= 0 {
		stem = name[:i+1]
	}
	rest, found := strings.CutPrefix(to, stem)
	return found && (rest == "" || strings.IndexByte(".-_", rest[0]) >= 0)
}

// readDiversions reads records of three lines: from, to, package. It returns
// them by from.
func readDiversions(ctx context.Context, r io.Reader, file string) (map[string]diversion, error) {
	l := newLines(ctx, r, file)
	out := map[string]diversion{}
	for {
		from, ok := l.next()
		if !ok {
			return out, l.err
		}
		if !cleanPath(from) {
			return nil, l.fail("%s cannot be diverted: not an absolute, clean path", excerpt(from))
		}
		from = strings.Clone(from)
		at := l.number
		to, ok := l.next()
		if ok && !cleanPath(to) {
			return nil, l.fail("cannot divert to %s: not an absolute, clean path", excerpt(to))
		}
		to = strings.Clone(to)
		by, more := l.next()
		if l.err != nil {
			return nil, l.err
		}
		if !ok || !more {
			return nil, &parseError{File: file, Line: at, Msg: "incomplete diversion: want a path, a path and a package"}
		}
		by, _, _ = strings.Cut(by, ":")
		if by == "" {
			by = ":"
		} else if !validPackageName(by) {
			return nil, l.fail("%s is not a package name", excerpt(by))
		}
		if _, twice := out[from]; twice {
			return nil, &parseError{File: file, Line: at, Msg: fmt.Sprintf("%s is diverted twice", excerpt(from))}
		}
		out[from] = diversion{to: to, by: strings.Clone(by)}
	}
}
