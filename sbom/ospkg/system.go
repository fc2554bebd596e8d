package ospkg

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/anchore/packageurl-go"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// system is a package database while it is read, as far as all kinds are
// alike. A kind embeds it, and goes through these steps in this order: find
// and read the records ([system.file], [system.open]), [addComponents], give
// the listed paths to their packages ([system.collect], [system.assign]) and
// the database to its package manager ([system.ownDatabase]), then what
// depends on what ([system.relate]) and what was asked for.
type system struct {
	*DB
	tree    *rootfs.Tree
	release sbom.OS
	areas   *areas // where no package of a distribution has files
}

// file returns the node of a file of the database, links followed. It is None
// when there is no such file, and an error when there is something else.
func (s *system) file(path string, want rootfs.Kind) (rootfs.Node, error) {
	n := s.tree.Resolve(path)
	if n == rootfs.None {
		if s.tree.ResolveParent(path) != rootfs.None {
			return n, &ParseError{File: path, Msg: "is a symbolic link that leads nowhere in this environment"}
		}
		return n, nil
	}
	if kind := s.tree.Kind(n); kind != want {
		return rootfs.None, &ParseError{File: path, Msg: "is a " + kind.String() + ", not a " + want.String()}
	}
	return n, nil
}

// open opens a file of the database and hands it to read.
func (s *system) open(n rootfs.Node, read func(r io.Reader, file string) error) error {
	file, err := s.tree.OpenFile(n)
	if err != nil {
		return err
	}
	defer file.Close()
	return read(file, s.tree.Path(n))
}

// namespace is the distribution, when it is one that uses this kind of
// database.
func (s *system) namespace() string {
	if Expect(s.release) != s.Kind {
		return ""
	}
	return s.release.ID
}

// purl is the package URL as syft makes it, so that results can be compared
// (PURLQualifiers in its package pkg). Upstream is the source package; what
// is empty is left out.
func (s *system) purl(kind, name, version, arch, upstream string) string {
	var q packageurl.Qualifiers
	add := func(key, value string) {
		if value != "" {
			q = append(q, packageurl.Qualifier{Key: key, Value: value})
		}
	}
	add("arch", arch)
	add("upstream", upstream)
	namespace := s.namespace()
	if namespace != "" {
		distro := namespace
		if s.release.VersionID != "" {
			distro += "-" + s.release.VersionID
		}
		add("distro", distro)
	}
	return packageurl.NewPackageURL(kind, namespace, name, version, q, "").ToString()
}

// addComponents makes the components, in the order of their IDs, and puts the
// packages in the same order. Component fills in what the kind knows; the
// rest is the same for all.
func addComponents[P any](s *system, packages []P, component func(P) sbom.Component) {
	type pair struct {
		p P
		c sbom.Component
	}
	pairs := make([]pair, len(packages))
	for i, p := range packages {
		c := component(p)
		c.Kind = sbom.KindOS
		c.Namespace = cmp.Or(c.Namespace, s.namespace())
		c.Evidence = "db-owned"
		c.FoundBy = s.Kind
		c.ID = sbom.Identity(&c)
		pairs[i] = pair{p, c}
	}
	slices.SortStableFunc(pairs, func(x, y pair) int { return cmp.Compare(x.c.ID, y.c.ID) })
	s.owner = make([]int32, s.tree.Len())
	s.Components = make([]sbom.Component, len(pairs))
	s.shows = make([]rootfs.Node, len(pairs))
	for i, x := range pairs {
		packages[i], s.Components[i], s.shows[i] = x.p, x.c, rootfs.None
	}
}

// maxReaders is the number of lists that are read side by side. It is the
// lookups that take the time, not the reading, and the rest of the scan wants
// processors too.
const maxReaders = 4

// collect calls read once for each component, for several at the same time,
// with a collector that takes its paths. The results are in the order of the
// components. Buf may be read into; whoever reads next overwrites it.
func (s *system) collect(ctx context.Context, read func(c *collector, component int, buf []byte)) ([]listing, error) {
	out := make([]listing, len(s.Components))
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(maxReaders, len(out)) {
		readers.Go(func() {
			f := newFinder(s.tree, s.areas)
			buf := make([]byte, chunk)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(out) {
					return
				}
				c := &collector{finder: f, listing: listing{list: rootfs.None}}
				read(c, i, buf)
				out[i] = c.listing
			}
		})
	}
	readers.Wait()
	return out, ctx.Err()
}

// assign gives the listed nodes to their components, in their order.
// MayShare says whether two components may list the same file.
func (s *system) assign(listings []listing, mayShare func(a, b int) bool) {
	disputed := contested{}
	for i := range listings {
		l := &listings[i]
		s.Listed += l.listed
		s.Absent += l.absent
		for _, n := range l.nodes {
			if before := s.own(n, i); before >= 0 && before != i && !isFolder(s.tree, n) {
				disputed.add(n, before, i)
			}
		}
		s.listGaps(i, l)
		s.areaClaims(i, l)
		l.nodes = nil
	}
	s.conflicts(disputed, mayShare)
}

// listGaps says what is wrong with a list.
func (s *system) listGaps(component int, l *listing) {
	if l.fault != nil {
		more := ""
		if l.malformed > 1 {
			more = fmt.Sprintf("; %d lines like this are ignored", l.malformed)
		}
		s.gap(sbom.GapMalformed, l.fault.File, "line %d: %s%s", l.fault.Line, l.fault.Msg, more)
	}
	if l.err != nil {
		s.gap(gapKind(l.err, sbom.GapUnreadable), s.tree.Path(l.list), "file list of package %s: %v", s.Components[component].Name, l.err)
	}
}

// ownerOf is the component that owns what a path leads to, links followed in
// all but the last component, or -1.
func (s *system) ownerOf(path string) int {
	if n := s.tree.ResolveParent(path); n != rootfs.None {
		return int(s.owner[n]) - 1
	}
	return -1
}

// noLists notes the packages without a list of files.
func (s *system) noLists(folder string, names []string) {
	if len(names) == 0 {
		return
	}
	const most = 10
	list := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		list += ", ..."
	}
	s.gap(sbom.GapDatabase, folder, "no file list for installed packages, so that their files cannot be told from others; %d without one: %s",
		len(names), list)
}

// place is a folder with files of a database, by their names.
type place struct {
	owner, folder string
	mine          func(name string) bool
}

// ownDatabase gives the files of a database itself to the package manager, by
// their names: a program that somebody puts beside them is not theirs. Where
// the manager is no package of the environment, they are nobody's.
func (s *system) ownDatabase(places []place) {
	first := map[string]int{}
	for _, p := range places {
		first[p.owner] = -1
	}
	for i := len(s.Components) - 1; i >= 0; i-- {
		if _, wanted := first[s.Components[i].Name]; wanted {
			first[s.Components[i].Name] = i
		}
	}
	for _, p := range places {
		if first[p.owner] < 0 {
			continue
		}
		for n := range s.tree.Children(s.tree.Resolve(p.folder)) {
			if p.mine(s.tree.Name(n)) {
				s.own(n, first[p.owner])
			}
		}
	}
}
