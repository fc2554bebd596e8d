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

// system is the part of a package database under construction that all kinds
// share. A kind embeds it, and takes these steps in this order: find and read
// the records ([system.file], [system.open]), [addComponents], assign the
// listed paths to their packages ([system.collect], [system.assign]) and the
// database to its package manager ([system.ownDatabase]), then add the
// relations ([system.relate]) and the install reasons.
type system struct {
	*DB
	tree    *rootfs.Tree
	release sbom.OS
	areas   *areas // where no package of a distribution has files
	// anyMode is set when the files of the database are executable.
	anyMode bool
}

// file returns the node of a file of the database, with links followed. It
// returns None when there is no such file, and an error when the path has
// another kind.
func (s *system) file(path string, want rootfs.Kind) (rootfs.Node, error) {
	n := s.tree.Resolve(path)
	if n == rootfs.None {
		if s.tree.ResolveParent(path) != rootfs.None {
			return n, &parseError{File: path, Msg: "is a dangling symbolic link in this environment"}
		}
		return n, nil
	}
	if kind := s.tree.Kind(n); kind != want {
		return rootfs.None, &parseError{File: path, Msg: "is a " + kind.String() + ", not a " + want.String()}
	}
	return n, nil
}

// open opens a file of the database and calls read with it.
func (s *system) open(n rootfs.Node, read func(r io.Reader, file string) error) error {
	file, err := s.tree.OpenFile(n)
	if err != nil {
		return err
	}
	defer file.Close()
	return read(file, s.tree.Path(n))
}

// namespace returns the distribution, unless it is one that uses another kind
// of database.
func (s *system) namespace() string {
	if kind := required(s.release); kind != "" && !fits(s.Kind, kind) {
		return ""
	}
	return s.release.ID
}

// purl returns the package URL in syft's form (PURLQualifiers in its package
// pkg), so that results can be compared. Upstream is the source package. Empty
// parts are left out.
func (s *system) purl(kind, name, version, arch, upstream string) string {
	return s.purlIn(s.namespace(), kind, name, version, arch, upstream)
}

// purlIn is purl with the namespace of the package.
func (s *system) purlIn(namespace, kind, name, version, arch, upstream string) string {
	var q packageurl.Qualifiers
	add := func(key, value string) {
		if value != "" {
			q = append(q, packageurl.Qualifier{Key: key, Value: value})
		}
	}
	add("arch", arch)
	add("upstream", upstream)
	if distro := s.namespace(); distro != "" {
		if s.release.VersionID != "" {
			distro += "-" + s.release.VersionID
		}
		add("distro", distro)
	}
	return packageurl.NewPackageURL(kind, namespace, name, version, q, "").ToString()
}

// addComponents makes the components, in the order of their IDs, and sorts the
// packages in the same order. Component returns the fields that depend on the
// kind; the others are the same for all kinds.
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

// maxReaders is the number of lists that are read in parallel. The lookups take
// the time and not the reading, and the rest of the scan needs processors too.
const maxReaders = 4

// collect calls read once for each component, for several in parallel, with a
// collector that takes its paths. The results are in the order of the
// components. Read may use buf, which the next call overwrites.
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

// assign makes the components the owners of their listed nodes, in order.
// MayShare reports whether two components may list the same file.
func (s *system) assign(listings []listing, mayShare func(a, b int) bool) {
	disputed := contested{}
	for i := range listings {
		l := &listings[i]
		s.Listed += l.listed
		s.Absent += l.absent
		for _, n := range l.nodes {
			if before := s.own(n, i); before >= 0 && before != i && !isDir(s.tree, n) {
				disputed.add(n, before, i)
			}
		}
		s.listGaps(i, l)
		s.areaClaims(i, l)
		l.nodes = nil
	}
	s.conflicts(disputed, mayShare)
}

// listGaps adds the gaps of a list.
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

// ownerOf returns the component that owns the file of a path, with links
// followed in all but the last component, or -1.
func (s *system) ownerOf(path string) int {
	if n := s.tree.ResolveParent(path); n != rootfs.None {
		return int(s.owner[n]) - 1
	}
	return -1
}

// noLists adds a gap for the packages without a list of files.
func (s *system) noLists(dir string, names []string) {
	if len(names) == 0 {
		return
	}
	const most = 10
	list := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		list += ", ..."
	}
	s.gap(sbom.GapDatabase, dir, "installed packages have no file list, so that their files count as unaccounted; %d without one: %s",
		len(names), list)
}

// place is a directory with files of a database, by their names.
type place struct {
	owner, dir string
	mine       func(name string) bool
}

// ownDatabase makes the package manager the owner of the files of its
// database, by their names: another program beside them is not owned, and none is
// by the name of a record, since records are text or data and never run. They
// have no owner where the environment does not have the manager as a package.
func (s *system) ownDatabase(places []place) {
	first := map[string]int{}
	for _, p := range places {
		first[p.owner] = -1
	}
	if len(s.Components) > 0 && len(s.Components[0].Paths) > 0 {
		if n := s.tree.Lookup(s.Components[0].Paths[0]); s.tree.Kind(n) == rootfs.File {
			_, mode, err := s.tree.Classify(n)
			s.anyMode = err == nil && mode&0o111 != 0
		}
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
		for n := range s.tree.Children(s.tree.Resolve(p.dir)) {
			if p.mine(s.tree.Name(n)) && !s.isProgram(n) {
				s.own(n, first[p.owner])
			}
		}
	}
}

// isProgram reports whether a file is a program by its first bytes
// ([rootfs.Options.Classify]), or can be executed although the database itself
// cannot: in a file system without rights, everything can.
func (s *system) isProgram(n rootfs.Node) bool {
	if s.tree.Kind(n) != rootfs.File {
		return false
	}
	class, mode, err := s.tree.Classify(n)
	if err != nil {
		return false // the reader of it has the gap
	}
	const execute = 0o111
	if mode&execute != 0 && !s.anyMode {
		return true
	}
	return class != 0
}
