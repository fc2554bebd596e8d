package ospkg

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// pathFilter are the settings path-exclude and path-include of dpkg(1): the last
// one that matches a path decides.
type pathFilter []pathRule

type pathRule struct {
	pattern string
	include bool
}

func (f pathFilter) excludes(path string) bool {
	for _, rule := range slices.Backward(f) {
		if fnmatch(rule.pattern, path) {
			return !rule.include
		}
	}
	return false
}

// dpkgFilter reads the settings in the order of dpkg: the files of dpkg.cfg.d by
// name, then dpkg.cfg (dpkg_options_load in lib/dpkg/options.c).
func (s *system) dpkgFilter(ctx context.Context) (pathFilter, []sbom.Gap) {
	var files []rootfs.Node
	for n := range s.tree.Children(s.tree.Resolve("/etc/dpkg/dpkg.cfg.d")) {
		if !strings.ContainsFunc(s.tree.Name(n), func(r rune) bool { return r > 0x7f || !isAlphanumeric(byte(r)) && r != '_' && r != '-' }) {
			files = append(files, s.tree.ResolveNode(n))
		}
	}
	files = append(files, s.tree.Resolve("/etc/dpkg/dpkg.cfg"))
	var out pathFilter
	var gaps []sbom.Gap
	for _, n := range files {
		if s.tree.Kind(n) != rootfs.File {
			continue
		}
		err := s.open(n, func(r io.Reader, file string) error {
			l := newLines(ctx, r, file)
			for {
				line, ok := l.next()
				if !ok {
					return l.err
				}
				// A value follows the name after blanks, an equals sign, or both.
				line = strings.TrimRight(strings.TrimLeft(line, " \t"), " \t\r")
				i := strings.IndexAny(line, "= \t")
				if i < 0 {
					continue
				}
				name, value := line[:i], strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(line[i:], " \t"), "="), " \t")
				if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
					value = value[1 : len(value)-1]
				}
				if name == "path-exclude" || name == "path-include" {
					out = append(out, pathRule{strings.Clone(value), name == "path-include"})
				}
			}
		})
		if err != nil {
			gaps = append(gaps, sbom.Gap{Kind: gapKind(err, sbom.GapUnreadable), Path: s.tree.Path(n), Detail: "settings of dpkg: " + err.Error()})
		}
	}
	return out, gaps
}

// fnmatch is fnmatch(3) without flags: "*" matches slashes, too.
func fnmatch(pattern, s string) bool {
	// Backtracking to the last star is enough, since a star matches everything.
	p, i := 0, 0
	star, retry := -1, 0
	for {
		if p < len(pattern) && pattern[p] == '*' {
			star, retry = p, i
			p++
			continue
		}
		if i == len(s) {
			if p == len(pattern) {
				return true
			}
		} else if p < len(pattern) {
			if next, ok := matchOne(pattern, p, s[i]); ok {
				p = next
				i++
				continue
			}
		}
		if star < 0 || retry >= len(s) {
			return false
		}
		retry++
		p, i = star+1, retry
	}
}

// matchOne matches one byte with the element of the pattern at p, and returns
// the position after it.
func matchOne(pattern string, p int, b byte) (next int, ok bool) {
	switch c := pattern[p]; {
	case c == '?':
		return p + 1, true
	case c == '\\' && p+1 < len(pattern):
		return p + 2, pattern[p+1] == b
	case c == '[':
		at := p + 1
		negated := at < len(pattern) && (pattern[at] == '!' || pattern[at] == '^')
		if negated {
			at++
		}
		found := false
		for first := true; at < len(pattern); first = false {
			if pattern[at] == ']' && !first {
				return at + 1, found != negated
			}
			low, high := pattern[at], pattern[at]
			if at+2 < len(pattern) && pattern[at+1] == '-' && pattern[at+2] != ']' {
				high = pattern[at+2]
				at += 2
			}
			at++
			found = found || low <= b && b <= high
		}
		return p + 1, b == '[' // no closing bracket: an ordinary character
	default:
		return p + 1, c == b
	}
}
