package ospkg

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// controlFiles are the kinds of files of a package's control archive that are
// kept in the info directory (deb-control(5) and the manual pages it names).
// Files of other kinds in it have no owner.
const controlFiles = "list md5sums conffiles preinst postinst prerm postrm config templates triggers shlibs symbols"

// isScript reports whether the control file is a program, usually a script.
func isScript(kind string) bool {
	switch kind {
	case "preinst", "postinst", "prerm", "postrm", "config":
		return true
	}
	return false
}

// controlFile splits the name of a control file into package and kind, and
// returns the package.
func controlFile(name string) (stem string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 {
		return "", false
	}
	for kind := range strings.FieldsSeq(controlFiles) {
		if name[i+1:] == kind {
			return name[:i], true
		}
	}
	return "", false
}

// findLists finds the list of each package. The name of the list has the
// architecture for a package that may be installed for several (info/format
// 1). It returns the lists that belong to no installed package, in the order
// of their names.
func (d *dpkg) findLists() (unused []rootfs.Node) {
	d.checkFormat()
	info := d.tree.Resolve(dpkgInfo)
	d.sources = make([]source, len(d.packages))
	taken := map[rootfs.Node]bool{}
	var without []string
	for i, p := range d.packages {
		d.sources[i] = d.findList(p, info)
		s := d.sources[i]
		switch {
		case s.node == rootfs.None && (p.single || p.state == "half-installed"):
		case s.node == rootfs.None:
			without = append(without, p.key())
		case taken[s.node]:
			d.sources[i].node = rootfs.None
			d.gap(sbom.GapDatabase, d.tree.Path(s.node), "file list belongs to two packages, one of them %s", p.key())
		}
		taken[s.node] = true
	}
	d.noLists(dpkgInfo, without)
	d.ownControlFiles(info)
	for n := range d.tree.Children(info) {
		if strings.HasSuffix(d.tree.Name(n), ".list") && !taken[n] {
			unused = append(unused, n)
		}
	}
	return unused
}

func (d *dpkg) findList(p *dpkgRecord, info rootfs.Node) source {
	if p.single {
		n := d.tree.Lookup(p.file)
		dir := d.tree.Parent(n)
		for _, stem := range []string{d.tree.Name(n), p.name, p.key()} {
			if list := d.tree.Child(dir, stem+".md5sums"); d.tree.Kind(list) == rootfs.File {
				return source{node: list, digests: true}
			}
		}
	}
	stems := []string{p.name, p.key()}
	if p.multiArch == "same" {
		stems = []string{p.key(), p.name}
	}
	for _, stem := range stems {
		if list := d.tree.Child(info, stem+".list"); d.tree.Kind(list) == rootfs.File {
			return source{node: list}
		}
	}
	// Builders of small images keep the digests and not the list, which dpkg
	// writes itself.
	for _, stem := range stems {
		if list := d.tree.Child(info, stem+".md5sums"); d.tree.Kind(list) == rootfs.File {
			return source{node: list, digests: true}
		}
	}
	return source{node: rootfs.None}
}

// checkFormat adds a gap for an unknown layout of the info directory. Without
// a format file it is the layout from before Multi-Arch, which has no
// architectures in names.
func (d *dpkg) checkFormat() {
	n := d.tree.Resolve(dpkgInfo + "/format")
	if n == rootfs.None {
		return
	}
	const most = 16
	text, err := d.tree.ReadFile(n, most)
	if err != nil {
		d.gap(sbom.GapUnreadable, d.tree.Path(n), "%v", err)
		return
	}
	if s := strings.TrimSpace(string(text)); s != "0" && s != "1" {
		d.gap(sbom.GapDatabase, d.tree.Path(n), "unknown layout %s of the file lists", excerpt(s))
	}
}

// ownControlFiles makes each package the owner of its scripts and lists. A
// file that belongs to no installed package has no owner.
func (d *dpkg) ownControlFiles(info rootfs.Node) {
	for i, p := range d.packages {
		stem := p.name
		if s := d.sources[i]; s.node != rootfs.None && !s.digests {
			stem, _ = controlFile(d.tree.Name(s.node))
		}
		if p.single {
			n := d.tree.Lookup(p.file)
			d.own(n, i)
			d.ownSuffixes(d.tree.Parent(n), d.tree.Name(n), i)
		}
		d.ownSuffixes(info, stem, i)
	}
}

func (d *dpkg) ownSuffixes(dir rootfs.Node, stem string, component int) {
	for kind := range strings.FieldsSeq(controlFiles) {
		n := d.tree.Child(dir, stem+"."+kind)
		if n == rootfs.None || !isScript(kind) && d.isProgram(n) {
			continue
		}
		d.own(n, component)
		d.controls(component, n)
	}
}

// dpkgPlaces returns the files of the databases of dpkg and apt.
func dpkgPlaces() []place {
	return []place{
		{"dpkg", dpkgDir, oneOf("status", "status-old", "available", "available-old", "diversions", "diversions-old",
			"statoverride", "statoverride-old", "arch", "arch-old", "cmethopt", "lock", "lock-frontend",
			"alternatives", "info", "parts", "triggers", "updates")},
		{"dpkg", dpkgInfo, oneOf("format")},
		{"dpkg", dpkgDir + "/triggers", anyName},
		{"dpkg", dpkgDir + "/alternatives", anyName},
		{"dpkg", dpkgUpdates, func(name string) bool { return allDigits(name) }},
		{"apt", "/var/lib/apt", oneOf("extended_states", "cdroms.list", "daily_lock", "listchanges.db", "lists", "periodic")},
		{"apt", "/var/lib/apt/lists", isIndex},
		{"apt", "/var/cache/apt", oneOf("pkgcache.bin", "srcpkgcache.bin", "archives")},
	}
}

func anyName(string) bool { return true }

func oneOf(names ...string) func(string) bool {
	return func(name string) bool {
		for _, n := range names {
			if n == name {
				return true
			}
		}
		return false
	}
}

// isIndex reports whether apt downloads files of that name from an archive.
func isIndex(name string) bool {
	switch name {
	case "lock", "partial", "auxfiles":
		return true
	}
	for _, suffix := range []string{".lz4", ".gz", ".xz", ".bz2", ".zst"} {
		name = strings.TrimSuffix(name, suffix)
	}
	i := strings.LastIndexByte(name, '_')
	if i < 0 {
		return false
	}
	switch name = name[i+1:]; name {
	case "InRelease", "Release", "Release.gpg", "Packages", "Sources":
		return true
	}
	return strings.HasPrefix(name, "Translation-") || strings.HasPrefix(name, "Contents-")
}

// leftovers examines the lists that belong to no installed package. After a
// removal dpkg keeps a list of the conffiles and their directories. A list
// with other existing files that no other package owns belongs to a package
// whose state was edited or whose record was lost.
func (d *dpkg) leftovers(ctx context.Context, lists []rootfs.Node) error {
	removed := map[string]*dpkgRecord{}
	for _, p := range d.others {
		removed[p.name] = p
		removed[p.key()] = p
	}
	f := newFinder(d.tree, &areas{})
	for _, n := range lists {
		stem, _ := controlFile(d.tree.Name(n))
		p := removed[stem]
		conffiles := map[string]bool{}
		if p != nil {
			for _, f := range p.conffiles {
				conffiles[f.path] = true
			}
		}
		files := claim{}
		c := &leftover{dpkg: d, finder: f, conffiles: conffiles, files: &files}
		err := d.open(n, func(r io.Reader, file string) error { return c.read(newLines(ctx, r, file)) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			d.gap(gapKind(err, sbom.GapUnreadable), d.tree.Path(n), "file list: %v", err)
			continue
		}
		name, _, _ := strings.Cut(stem, ":")
		what := ""
		if files.count > 0 {
			what = fmt.Sprintf(", and %s of it that no package owns (%s)", files, files.path)
		}
		switch {
		case p != nil && files.count == 0:
		case p != nil:
			d.notice(sbom.NoticeLeftover, d.tree.Path(n), "", "package %s is %q, but its file list exists%s", name, p.status(), what)
		case len(d.byName[name]) > 0:
			d.notice(sbom.NoticeLeftover, d.tree.Path(n), "", "package %s has a second file list%s", name, what)
		default:
			d.notice(sbom.NoticeLeftover, d.tree.Path(n), "", "no record of a package %s, but its file list exists%s", excerpt(name), what)
		}
	}
	return nil
}

// leftover counts the files of a list that have no owner and that dpkg does
// not keep after a removal.
type leftover struct {
	dpkg      *dpkg
	finder    *finder
	conffiles map[string]bool
	files     *claim
}

func (c *leftover) read(l *lines) error {
	for {
		line, ok := l.next()
		if !ok {
			return l.err
		}
		path, err := listedPath(line)
		if err != nil {
			return l.fail("%v", err)
		}
		if c.conffiles[path] || isInside(path, "/etc") {
			continue
		}
		n, _ := c.finder.find(path)
		if n == rootfs.None {
			if err := checkPath(path); err != nil {
				return l.fail("%v", err)
			}
		}
		if n == rootfs.None || c.dpkg.Owns(n) || isDir(c.dpkg.tree, n) {
			continue
		}
		if c.files.count++; c.files.count == 1 {
			c.files.path = c.dpkg.tree.Path(n)
		}
	}
}
