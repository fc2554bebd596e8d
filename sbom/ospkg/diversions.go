package ospkg

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// diversion is one record of dpkg-divert(1): the file that packages list at a
// path is elsewhere, except for the package that made the diversion.
type diversion struct {
	to string
	by string // the package, ":" for the administrator
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
