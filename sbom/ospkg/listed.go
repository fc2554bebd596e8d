package ospkg

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// listedPackage is a package of a database that lists names, versions and files
// and has no further rules: no alternatives, no constraints that decide between
// packages.
type listedPackage struct {
	purlType, name, version, arch, source string
	// namespace is empty for that of the system.
	namespace string

	file    string      // shows the package
	own     rootfs.Node // the record of this package alone, None when one file has all
	size    int64       // bytes
	reason  sbom.InstallReason
	digests []sbom.Digest
	needs   []string // names of packages
	detail  string
	// supplier and licenses are those of the component.
	supplier string
	licenses []string

	files []string
	// lines, if set, reads the list of files instead.
	lines func(c *collector, buf []byte) error
}

// openListed makes the database of a list of packages. A name must not occur
// twice, unless the architecture differs.
func (s system) openListed(ctx context.Context, packages []*listedPackage, mine []place) (*DB, error) {
	if len(packages) > maxPackages {
		return nil, &limitError{parseError{File: s.at, Msg: "more packages than any system has"}}
	}
	slices.SortFunc(packages, func(a, b *listedPackage) int { return strings.Compare(a.key(), b.key()) })
	for i, p := range packages[min(1, len(packages)):] {
		if before := packages[i]; before.key() == p.key() {
			return nil, &parseError{File: p.file, Msg: "package " + excerptPlain(p.name) + " is listed twice", Hint: "remove one of them"}
		}
	}
	if len(packages) == 0 {
		s.gap(sbom.GapDatabase, s.at, "the package database lists no installed package")
	}
	addComponents(&s, packages, func(p *listedPackage) sbom.Component {
		c := sbom.Component{
			PURL: s.purlIn(cmp.Or(p.namespace, s.namespace()), p.purlType, p.name, p.version, p.arch, p.source),
			Type: p.purlType, Namespace: p.namespace, Name: p.name, Version: p.version, Arch: p.arch, Paths: []string{p.file},
			InstallReason: p.reason, Digests: p.digests, InstalledSize: p.size, Detail: p.detail, Supplier: p.supplier, Licenses: p.licenses,
		}
		if p.source != p.name {
			c.Source = p.source
		}
		return c
	})
	listings, err := s.collect(ctx, func(c *collector, i int, buf []byte) {
		p := packages[i]
		c.implied, c.list = true, p.own
		s.shows[i] = p.own
		if p.lines != nil {
			c.err = p.lines(c, buf)
		}
		for _, path := range p.files {
			if c.listed++; !c.take(path) {
				c.absent++
			}
		}
	})
	if err != nil {
		return nil, err
	}
	s.assign(listings, func(a, b int) bool { return true })
	for i, p := range packages {
		if p.own != rootfs.None {
			s.DB.own(p.own, i)
		}
	}
	s.ownDatabase(mine)
	s.needs(packages)
	return s.DB, nil
}

// key is the text that is unique among packages. Gentoo has several versions of
// a package in slots.
func (p *listedPackage) key() string {
	key := p.namespace + "/" + p.name + "\x00" + p.arch
	if p.namespace != "" {
		key += "\x00" + p.version
	}
	return key
}

// needs adds the relations of the packages by name.
func (s *system) needs(packages []*listedPackage) {
	byName := map[string][]int{}
	for i, p := range packages {
		byName[p.name] = append(byName[p.name], i)
	}
	for i, p := range packages {
		for _, name := range p.needs {
			for _, to := range byName[name] {
				if to != i {
					s.Relations = append(s.Relations, sbom.Relation{From: s.Components[i].ID, To: s.Components[to].ID, Kind: sbom.RelDepends})
				}
			}
		}
	}
}

// checkListed returns the reason for which a name or version cannot be that of a
// package.
func checkListed(name, version string) error {
	switch {
	case name == "" || version == "":
		return fmt.Errorf("a package without a name or a version: %s %s", excerpt(name), excerpt(version))
	case strings.ContainsFunc(name+version, func(r rune) bool { return r <= ' ' || r == '\x7f' || r == '/' || r == '@' || r == '?' || r == '#' }):
		return fmt.Errorf("%s %s is not the name and version of a package", excerpt(name), excerpt(version))
	}
	return nil
}
