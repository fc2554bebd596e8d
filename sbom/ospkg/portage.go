package ospkg

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// portage is Gentoo's: CATEGORY/NAME-VERSION is a directory for each package,
// with its files in CONTENTS (https://wiki.gentoo.org/wiki/Portage_variables and
// package(5), vardb). The explicit packages are in the world file.
const (
	portageDir   = "/var/db/pkg"
	portageWorld = "/var/lib/portage/world"
	portageFiles = "CONTENTS"
)

// openPortage reads Gentoo's database; nil when there is none.
func openPortage(ctx context.Context, s system) (*DB, error) {
	top := s.tree.Resolve(portageDir)
	var packages []*listedPackage
	for category := range s.tree.Children(top) {
		for dir := range s.tree.Children(category) {
			list := s.tree.Child(dir, portageFiles)
			if s.tree.Kind(list) != rootfs.File {
				continue
			}
			name, version, ok := splitEbuild(s.tree.Name(dir))
			if strings.HasPrefix(s.tree.Name(dir), "-MERGING-") {
				s.notice(sbom.NoticeHalfState, s.tree.Path(dir), "", "the installation of %s did not finish", excerpt(s.tree.Name(dir)))
				continue
			}
			if err := checkListed(name, version); !ok || err != nil {
				s.gap(sbom.GapMalformed, s.tree.Path(dir), "%s is not NAME-VERSION, as portage names its records", excerpt(s.tree.Name(dir)))
				continue
			}
			packages = append(packages, &listedPackage{
				purlType: "ebuild", namespace: s.tree.Name(category), name: name, version: version, file: s.tree.Path(list), own: list,
				lines: func(c *collector, buf []byte) error {
					return s.open(list, func(r io.Reader, file string) error {
						l := newLines(ctx, r, file)
						l.buf = buf
						return c.read(l, portagePath)
					})
				},
			})
		}
	}
	if len(packages) == 0 {
		return nil, nil
	}
	s.at = s.tree.Path(top)
	if err := s.portageReasons(ctx, packages); err != nil {
		return nil, err
	}
	return s.openListed(ctx, packages, nil)
}

// splitEbuild splits at the first hyphen before a digit whose rest is a version:
// "gtk+-3.24.41-r1". A part of a name may begin with a digit only if a
// letter or nothing else follows that is a version (PMS, section 3.1.2).
func splitEbuild(s string) (name, version string, ok bool) {
	for i := strings.LastIndexByte(s, '-'); i > 0; i = strings.LastIndexByte(s[:i], '-') {
		rest := s[i+1:]
		if rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			return s[:i], rest, true
		}
	}
	return "", "", false
}

// portagePath parses a line of CONTENTS: "obj PATH DIGEST TIME", "sym PATH ->
// TARGET TIME", and "dir PATH". Paths may have blanks.
func portagePath(line string) (string, error) {
	kind, path, _ := strings.Cut(line, " ")
	cut := func(fields int) {
		for range fields {
			if i := strings.LastIndexByte(path, ' '); i >= 0 {
				path = path[:i]
			}
		}
	}
	switch kind {
	case "dir", "fif", "dev":
	case "obj":
		cut(2)
	case "sym":
		path, _, _ = strings.Cut(path, " -> ")
	default:
		return "", fmt.Errorf("%s is not a line of portage", excerpt(line))
	}
	return listedPath(path)
}

// portageReasons sets the reasons: the packages in the world file are explicit,
// with or without a slot, and the others are not when there is such a file.
func (s *system) portageReasons(ctx context.Context, packages []*listedPackage) error {
	n := s.tree.Resolve(portageWorld)
	if s.tree.Kind(n) != rootfs.File {
		return nil
	}
	world := map[string]bool{}
	err := s.open(n, func(r io.Reader, file string) error {
		l := newLines(ctx, r, file)
		for {
			line, ok := l.next()
			if !ok {
				return l.err
			}
			atom, _, _ := strings.Cut(strings.TrimSpace(line), ":")
			world[strings.Clone(atom)] = true
		}
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		s.gap(gapKind(err, sbom.GapUnreadable), s.tree.Path(n), "the explicitly installed packages are unknown: %v", err)
		return nil
	}
	for _, p := range packages {
		p.reason = sbom.ReasonDependency
		if world[p.namespace+"/"+p.name] {
			p.reason = sbom.ReasonExplicit
		}
	}
	return nil
}
