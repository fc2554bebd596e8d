package scan

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// claimRecord reads RECORD
// (https://packaging.python.org/en/latest/specifications/recording-installed-packages/).
func (s *scanner) claimRecord(i int, at, record rootfs.Node) {
	data, err := s.tree.ReadFile(record, maxPythonRecord)
	if err != nil {
		s.gap(sbom.GapUnreadable, s.tree.Path(record), reason(err))
		return
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	c := s.newListClaims(i, s.tree.Path(record), s.tree.Path(s.tree.Parent(at)), at)
	defer c.report()
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.gap(sbom.GapMalformed, s.tree.Path(record), err.Error())
			return
		}
		if len(row) > 0 && row[0] != "" {
			c.claim(row[0])
		}
	}
}

// listClaims claims the paths of one distribution's list. It ignores a path
// outside of the installation's prefix: a package cannot account for files
// elsewhere in the environment, nor for other distributions. Installers that
// link to a store (uv in symlink mode, virtualenv's app data) write the list as
// for a copy: a path may lead through such a link.
type listClaims struct {
	s      *scanner
	unit   int
	list   string // the path of the list
	base   string // the directory that its paths are relative to
	at     rootfs.Node
	site   rootfs.Node
	prefix string
	// refused is the first ignored path; more counts the others.
	refused string
	more    int
}

// newListClaims returns the claims of a list of the distribution whose metadata
// Python finds at a node.
func (s *scanner) newListClaims(unit int, list, base string, at rootfs.Node) *listClaims {
	site := s.tree.Parent(at)
	return &listClaims{s: s, unit: unit, list: list, base: base, at: at, site: site, prefix: s.pythonPrefix(site)}
}

func (c *listClaims) claim(rel string) {
	s, t := c.s, c.s.tree
	outside := ""
	for _, full := range c.places(rel) {
		// A parent directory may be a link that leads elsewhere. The file
		// itself may be a link: then the link was installed.
		n := t.ResolveParent(full)
		if n == rootfs.None || t.Kind(n) == rootfs.Dir {
			continue
		}
		if !c.inside(n) || c.othersMetadata(n) {
			outside = cmp.Or(outside, full)
			continue
		}
		s.claim(n, c.unit)
		if t.Kind(n) == rootfs.Symlink {
			if to := t.ResolveNode(n); to != rootfs.None && t.Kind(to) == rootfs.File && c.inside(to) && !c.othersMetadata(to) {
				s.claim(to, c.unit)
			}
		}
		return
	}
	switch {
	case outside == "":
	case c.refused == "":
		c.refused = outside
	default:
		c.more++
	}
}

// places returns where a path of the list can be, in order.
func (c *listClaims) places(rel string) []string {
	if path.IsAbs(rel) {
		return []string{path.Clean(rel)}
	}
	out := []string{path.Join(c.base, rel)}
	// pip install --target installs into a scheme of lib/python and then moves
	// what is beside it: bin/x is recorded as ../../bin/x.
	if moved, ok := strings.CutPrefix(rel, "../../"); ok && !strings.HasPrefix(moved, "../") {
		out = append(out, path.Join(c.base, moved))
	}
	return out
}

// inside reports whether a file is one that the distribution can have
// installed: in the prefix, or in a store, which is a cache of downloads or a
// directory that has the same distribution's metadata too.
func (c *listClaims) inside(n rootfs.Node) bool {
	t := c.s.tree
	if _, ok := within("/", t.Path(n), c.prefix); ok || c.s.isLinkedTo(n) {
		return true
	}
	for p := t.Parent(n); p != rootfs.None && !c.s.structural(p); p = t.Parent(p) {
		if c.s.metadataIn(t.Child(p, t.Name(c.at))) != rootfs.None {
			return true
		}
	}
	return false
}

// othersMetadata reports whether a file is the metadata of another installed
// distribution.
func (c *listClaims) othersMetadata(n rootfs.Node) bool {
	t := c.s.tree
	p := t.Parent(n)
	meta := c.s.units[c.unit].node
	own := func(d rootfs.Node) bool { return d == c.at || d == meta || d == t.Parent(meta) }
	if isDistName(t.Name(n)) { // a single file of metadata
		return !own(n) && c.beside(t.Parent(n))
	}
	if ecosystem.EqualFold(t.Name(p), "EGG-INFO") {
		return !own(p) && isSiteDir(t.Name(t.Parent(t.Parent(p))))
	}
	return isDistName(t.Name(p)) && !own(p) && c.beside(t.Parent(p))
}

// beside reports whether metadata in a directory is that of an installed
// distribution.
func (c *listClaims) beside(dir rootfs.Node) bool {
	return dir == c.site || isSiteDir(c.s.tree.Name(dir))
}

func (c *listClaims) report() {
	if c.refused == "" {
		return
	}
	detail := fmt.Sprintf("lists %+q", c.refused)
	if c.more > 0 {
		detail += fmt.Sprintf(" and %s more", wording.Count(c.more, "path", "paths"))
	}
	c.s.notice(sbom.NoticeClaim, c.list, detail+", outside of the installation's prefix or of another distribution: ignored")
}

// pythonPrefix returns the directory that an installation scheme may write to:
// the one above lib/pythonX.Y/site-packages, or the directory of modules itself
// in another layout (pip install --target).
func (s *inventory) pythonPrefix(site rootfs.Node) string {
	t := s.tree
	if !isSiteDir(t.Name(site)) {
		return t.Path(site)
	}
	lib := t.Parent(site)
	if strings.HasPrefix(t.Name(lib), "python") {
		lib = t.Parent(lib)
	}
	if lib == rootfs.None || !strings.HasPrefix(t.Name(lib), "lib") || t.Parent(lib) == rootfs.None {
		return t.Path(site)
	}
	return t.Path(t.Parent(lib))
}
