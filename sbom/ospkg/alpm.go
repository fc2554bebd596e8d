package ospkg

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/version"
)

// The paths of pacman's database (pacman(8), "Configuration").
const (
	alpmDir     = "/var/lib/pacman"
	alpmLocal   = alpmDir + "/local"
	alpmVersion = alpmLocal + "/ALPM_DB_VERSION"
	// alpmKnown is the layout that this reader supports, since pacman 4.2.
	alpmKnown = "9"
)

// alpm is the database under construction: a directory for each package with
// its description and its list of files. The slices are parallel to
// Components.
type alpm struct {
	system
	packages []*alpmRecord
	dirs     map[*alpmRecord]rootfs.Node
}

// openAlpm reads pacman's database; nil when there is none.
func openAlpm(ctx context.Context, s system) (*DB, error) {
	d := &alpm{system: s, dirs: map[*alpmRecord]rootfs.Node{}}
	d.at = alpmLocal
	if _, err := d.file(alpmDir, rootfs.Dir); err != nil {
		return nil, err
	}
	local, err := d.file(alpmLocal, rootfs.Dir)
	if local == rootfs.None || err != nil {
		return nil, err
	}
	if err := d.read(ctx, local); err != nil {
		return nil, err
	}
	d.checkFormat()
	if len(d.packages) == 0 {
		d.gap(sbom.GapDatabase, alpmLocal, "the package database lists no installed package")
	}
	d.addPackages()
	listings, err := d.collect(ctx, func(c *collector, i int, buf []byte) { d.readFiles(ctx, c, i, buf) })
	if err != nil {
		return nil, err
	}
	d.checkLists(listings)
	d.assign(listings, func(a, b int) bool {
		return d.packages[a].replacesAny(d.packages[b]) || d.packages[b].replacesAny(d.packages[a])
	})
	d.ownDirs()
	d.ownDatabase([]place{
		{"pacman", alpmDir, oneOf("local", "sync", "db.lck")},
		{"pacman", alpmLocal, oneOf("ALPM_DB_VERSION")},
		{"pacman", alpmDir + "/sync", func(name string) bool {
			return strings.HasSuffix(name, ".db") || strings.HasSuffix(name, ".files") || strings.HasSuffix(name, ".db.sig") || strings.HasSuffix(name, ".files.sig")
		}},
	})
	d.alpmRecords()
	d.relate(d.relating())
	return d.DB, nil
}

// read reads the description of every package. A directory without one is an
// error, as it is for pacman: it is the rest of a package whose name and files
// are unknown.
func (d *alpm) read(ctx context.Context, local rootfs.Node) error {
	first := map[string]*alpmRecord{}
	for n := range d.tree.Children(local) {
		name := d.tree.Name(n)
		dir := d.tree.ResolveNode(n)
		if d.tree.Kind(dir) != rootfs.Dir {
			if name != "ALPM_DB_VERSION" {
				d.gap(sbom.GapDatabase, d.tree.Path(n), "%s among the directories of packages", d.tree.Kind(n))
			}
			continue
		}
		path := alpmLocal + "/" + name + "/desc"
		desc, err := d.file(path, rootfs.File)
		if err != nil {
			return err
		}
		if desc == rootfs.None {
			return &parseError{File: path, Msg: "is missing, although the directory of the package exists", Hint: hintAlpm}
		}
		var p *alpmRecord
		err = d.open(desc, func(r io.Reader, file string) error {
			p, err = readAlpmDesc(ctx, r, file)
			return err
		})
		if err != nil {
			return err
		}
		if p.name+"-"+p.version != name {
			d.gap(sbom.GapDatabase, p.file, "describes %s %s, but is in the directory %s, whose name pacman uses", p.name, p.version, excerpt(name))
		}
		if before := first[p.name]; before != nil {
			return &parseError{File: p.file, Msg: fmt.Sprintf("package %s has a second record, the first one is %s", p.name, before.file), Hint: "remove one of them"}
		}
		first[p.name] = p
		if len(d.packages) == maxPackages {
			return &limitError{parseError{File: p.file, Msg: fmt.Sprintf("more than %d packages", maxPackages)}}
		}
		d.packages = append(d.packages, p)
		d.dirs[p] = dir
	}
	return nil
}

// checkFormat adds a gap for an unknown layout. pacman refuses to work on one.
func (d *alpm) checkFormat() {
	n := d.tree.Resolve(alpmVersion)
	if n == rootfs.None {
		if len(d.packages) > 0 {
			d.gap(sbom.GapDatabase, alpmVersion, "is missing: the layout of the package database is unknown")
		}
		return
	}
	const most = 16
	text, err := d.tree.ReadFile(n, most)
	if err != nil {
		d.gap(sbom.GapUnreadable, alpmVersion, "%v", err)
		return
	}
	if s := strings.TrimSpace(string(text)); s != alpmKnown {
		d.gap(sbom.GapDatabase, alpmVersion, "unknown layout %s of the package database", excerpt(s))
	}
}

func (d *alpm) addPackages() {
	addComponents(&d.system, d.packages, func(p *alpmRecord) sbom.Component {
		c := sbom.Component{
			PURL:          d.purl(packageurl.TypeAlpm, p.name, p.version, p.arch, p.base),
			Type:          packageurl.TypeAlpm,
			Name:          p.name,
			Version:       p.version,
			Arch:          p.arch,
			Paths:         []string{p.file},
			InstalledSize: p.size,
			Supplier:      p.packager,
			Licenses:      p.licenses,
			InstallReason: sbom.ReasonExplicit,
		}
		if p.dependency {
			c.InstallReason = sbom.ReasonDependency
		}
		if p.base != p.name {
			c.Source = p.base
		}
		return c
	})
	for i, p := range d.packages {
		d.shows[i] = d.tree.Lookup(p.file)
		d.Gaps = append(d.Gaps, p.faults...)
	}
}

// readFiles reads the list of files of one package. A directory in it ends
// with a slash.
func (d *alpm) readFiles(ctx context.Context, c *collector, component int, buf []byte) {
	c.list = d.tree.ResolveNode(d.tree.Child(d.dirs[d.packages[component]], "files"))
	if c.list == rootfs.None {
		return
	}
	c.err = d.open(c.list, func(r io.Reader, file string) error {
		l := newLines(ctx, r, file)
		l.buf = buf
		return readAlpmFiles(l, c)
	})
}

func readAlpmFiles(l *lines, c *collector) error {
	found := false
	err := readAlpmSections(l, func(name string) error {
		found = found || name == "FILES"
		return nil
	}, func(name, text string) error {
		if name != "FILES" {
			return nil
		}
		path := "/" + strings.TrimSuffix(text, "/")
		if c.take(path) {
			c.listed++
			return nil
		}
		if err := checkPath(path); err != nil {
			if c.malformed++; c.malformed == 1 {
				c.fault = l.fail("%v", err)
			}
			return nil
		}
		c.listed++
		c.absent++
		return nil
	})
	if err == nil && !found && l.number > 0 {
		return l.fail("has no section %%FILES%%")
	}
	return err
}

// checkLists adds a gap for the packages without a list of files. An empty
// list is the list of a package without files.
func (d *alpm) checkLists(listings []listing) {
	var without []string
	for i := range listings {
		if listings[i].list == rootfs.None {
			without = append(without, d.packages[i].name)
		}
	}
	d.noLists(alpmLocal, without)
}

// ownDirs makes each package the owner of its directory in the database and of
// pacman's files in it.
func (d *alpm) ownDirs() {
	mine := oneOf("desc", "files", "mtree", "install", "changelog")
	for i, p := range d.packages {
		dir := d.dirs[p]
		d.own(dir, i)
		for n := range d.tree.Children(dir) {
			if name := d.tree.Name(n); mine(name) {
				d.own(n, i)
				d.controls(i, n)
			}
		}
	}
}

func (p *alpmRecord) replacesAny(other *alpmRecord) bool {
	return slices.ContainsFunc(p.replaces, func(a alternative) bool { return a.name == other.name })
}

// relating returns the rules by which pacman's packages depend on each other.
// An installed optional dependency is a suggestion: pacman never installs one,
// but "pacman -Qdt" does not list it as unneeded.
func (d *alpm) relating() relating {
	offers := map[string][]offer{}
	for i, p := range d.packages {
		offers[p.name] = append(offers[p.name], offer{component: i, version: p.version})
	}
	needs := make([][]requires, len(d.packages))
	for i, p := range d.packages {
		for _, a := range p.provides {
			offers[a.name] = append(offers[a.name], offer{i, a.version, true})
		}
		needs[i] = []requires{{sbom.RelDepends, single(p.depends)}, {sbom.RelSuggests, single(p.optional)}}
	}
	return relating{
		offers:   offers,
		requires: func(i int) []requires { return needs[i] },
		// A name that is provided without a version satisfies no versioned
		// dependency (_alpm_depcmp_provides).
		satisfies: func(o offer, a alternative, _ int) bool {
			return a.op == "" || o.version != "" && a.accepts(o.version, version.Alpm)
		},
		write: func(r requirement) string {
			switch a := r[0]; a.op {
			case "<<", ">>":
				return a.name + a.op[1:] + a.version
			default:
				return a.name + a.op + a.version
			}
		},
	}
}
