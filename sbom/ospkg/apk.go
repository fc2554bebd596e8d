package ospkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// The paths of apk's database. apk-tools opens lib/apk/db. On a system with a
// merged /usr that resolves to usr/lib/apk/db, and image builders write it
// there when the image has no /lib.
const (
	apkDir       = "/lib/apk/db"
	apkUsrDir    = "/usr/lib/apk/db"
	apkInstalled = "/installed"
	apkWorld     = "/etc/apk/world"
)

// apkElsewhere is the database of packages on separate volumes, which OpenWrt
// had for a while. Their files are outside of the root.
const apkElsewhere = "/lib/apk/db-uvol/installed"

// apk is the database under construction. The slice packages is parallel to
// Components.
type apk struct {
	system
	packages []*apkRecord
	virtuals []*apkRecord
}

// openApk reads apk's database; nil when there is none. apk-tools 3 has a
// binary format for packages and indexes, but writes this same text for the
// installed packages.
func openApk(ctx context.Context, s system) (*DB, error) {
	d := &apk{system: s}
	n, err := d.database()
	if n == rootfs.None || err != nil {
		return nil, err
	}
	if err := d.open(n, func(r io.Reader, file string) error {
		return d.read(newApkReader(ctx, r, file, n, newFinder(d.tree, d.areas)))
	}); err != nil {
		return nil, err
	}
	if len(d.packages) == 0 {
		d.gap(sbom.GapDatabase, d.tree.Path(n), "the package database lists no installed package")
	}
	d.addPackages(d.tree.Path(n))
	listings := make([]listing, len(d.packages))
	for i, p := range d.packages {
		listings[i] = p.files.listing
		p.files = collector{}
	}
	d.assign(listings, d.mayShare)
	d.ownDatabase(apkPlaces(d.at))
	d.apkRecords(n)
	d.relate(d.relating())
	if err := d.setReasons(ctx); err != nil {
		return nil, err
	}
	return d.DB, nil
}

// database returns the one database file.
func (d *apk) database() (rootfs.Node, error) {
	var found []rootfs.Node
	for _, base := range []string{apkDir, apkUsrDir} {
		if _, err := d.file(base, rootfs.Dir); err != nil {
			return rootfs.None, err
		}
		n, err := d.file(base+apkInstalled, rootfs.File)
		if err != nil {
			return rootfs.None, err
		}
		if n != rootfs.None && !slices.Contains(found, n) {
			found = append(found, n)
		}
	}
	if len(found) == 0 {
		return rootfs.None, d.checkMissing()
	}
	d.at = d.tree.Path(d.tree.Parent(found[0]))
	if len(found) > 1 {
		d.gap(sbom.GapDatabase, d.tree.Path(found[1]), "a second apk database, beside %s, which is the one that apk uses: its packages are unknown", d.tree.Path(found[0]))
	}
	if n := d.tree.Resolve(apkElsewhere); n != rootfs.None {
		d.gap(sbom.GapDatabase, d.tree.Path(n), "a database of packages on separate volumes: its packages are unknown")
	}
	return found[0], nil
}

// checkMissing distinguishes a system without apk from one whose list of
// packages was removed: the latter still has the scripts of its packages, or
// apk's world file.
func (d *apk) checkMissing() error {
	for _, path := range []string{apkDir + "/scripts.tar", apkUsrDir + "/scripts.tar", apkDir + "/scripts.tar.gz", apkUsrDir + "/scripts.tar.gz"} {
		if d.tree.Kind(d.tree.Resolve(path)) == rootfs.File {
			return &parseError{File: strings.TrimSuffix(path, path[strings.LastIndexByte(path, '/'):]) + apkInstalled,
				Msg: "is missing, although there are scripts of packages beside it in " + path, Hint: "restore it from a backup"}
		}
	}
	return nil
}

// read reads all records.
func (d *apk) read(r *apkReader) error {
	first := map[string]int{}
	for {
		p, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if before := first[p.name]; before > 0 {
			return &parseError{File: r.lines.file, Line: p.line, Hint: hintApk,
				Msg: fmt.Sprintf("package %s has a second record, the first one is in line %d", p.name, before)}
		}
		first[p.name] = p.line
		if len(first) > maxPackages {
			return &limitError{parseError{File: r.lines.file, Line: p.line, Msg: "more packages than any system has"}}
		}
		if p.virtual() {
			d.virtuals = append(d.virtuals, p)
		} else {
			d.packages = append(d.packages, p)
		}
	}
}

// addPackages makes the components. The digest is the one of the control
// segment of the installed archive. It is text in the database, and no file on
// disk is bound to it.
func (d *apk) addPackages(file string) {
	addComponents(&d.system, d.packages, func(p *apkRecord) sbom.Component {
		c := sbom.Component{
			PURL:          d.packageURL(p),
			Type:          packageurl.TypeApk,
			Name:          p.name,
			Version:       p.version,
			Arch:          p.arch,
			Paths:         []string{file},
			InstalledSize: p.size,
			Supplier:      p.maintainer,
			Licenses:      sbom.Statements(p.license),
		}
		if p.origin != p.name {
			c.Source = p.origin
		}
		if p.digest.Value != "" {
			c.Digests = []sbom.Digest{p.digest}
		}
		return c
	})
	for i, p := range d.packages {
		d.Gaps = append(d.Gaps, p.faults...)
		if strings.ContainsAny(p.broken, "fsx") {
			d.notice(sbom.NoticeHalfState, file, d.Components[i].ID, "package %s is marked %q: files, scripts or attributes of it could not be installed", p.name, p.broken)
		}
	}
	slices.SortFunc(d.virtuals, func(x, y *apkRecord) int { return strings.Compare(x.name, y.name) })
	for _, p := range d.virtuals {
		d.Gaps = append(d.Gaps, p.faults...)
		d.Excluded = append(d.Excluded, sbom.Exclusion{Path: file, PURL: d.packageURL(p), Name: p.name, Version: p.version,
			Reason: sbom.ExcludedDeclared, Detail: "a virtual package: a name for packages that were requested together", Count: 1})
	}
}

func (d *apk) packageURL(p *apkRecord) string {
	upstream := p.origin
	if upstream == p.name {
		upstream = ""
	}
	return d.purl(packageurl.TypeApk, p.name, p.version, p.arch, upstream)
}

// mayShare reports whether two packages may list the same file: one that
// replaces another, and packages of one source (apk_pkg_replaces_file).
func (d *apk) mayShare(a, b int) bool {
	x, y := d.packages[a], d.packages[b]
	return x.replacesAny(y) || y.replacesAny(x) || x.origin != "" && x.origin == y.origin
}

func (p *apkRecord) replacesAny(other *apkRecord) bool {
	return slices.ContainsFunc(p.replaces, func(a alternative) bool { return a.name == other.name })
}

// apkPlaces returns the files of the database, and the files of apk that no
// package lists.
func apkPlaces(base string) []place {
	return []place{
		{"apk-tools", base, oneOf("installed", "lock", "scripts.tar", "scripts.tar.gz", "triggers")},
		{"apk-tools", "/etc/apk", oneOf("arch", "repositories", "world")},
		{"apk-tools", "/var/cache/apk", func(name string) bool {
			return strings.HasPrefix(name, "APKINDEX.") && strings.HasSuffix(name, ".tar.gz") || name == "installed"
		}},
	}
}

// setReasons sets the install reason of each package. Explicit are the packages
// that etc/apk/world names, and those that a virtual package in it names. The
// file is not part of the database, so that a malformed one is a gap.
func (d *apk) setReasons(ctx context.Context) error {
	n, err := d.file(apkWorld, rootfs.File)
	var world []alternative
	if err == nil && n != rootfs.None {
		err = d.open(n, func(r io.Reader, file string) error {
			world, err = readApkWorld(ctx, r, file)
			return err
		})
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		d.gap(gapKind(err, sbom.GapUnreadable), apkWorld, "the explicitly installed packages are unknown: %v", err)
		return nil
	case n == rootfs.None:
		return nil
	}
	for i := range d.Components {
		d.Components[i].InstallReason = sbom.ReasonDependency
	}
	virtuals := map[string]*apkRecord{}
	for _, p := range d.virtuals {
		virtuals[p.name] = p
	}
	offers := d.offers()
	matches := 0
	for len(world) > 0 {
		a := world[0]
		world = world[1:]
		if p := virtuals[a.name]; p != nil {
			delete(virtuals, a.name)
			world = append(world, p.depends...)
		}
		if matches += len(offers[a.name]); matches > maxMatches {
			d.gap(sbom.GapLimit, apkWorld, "the explicitly installed packages after %s are unknown: more than %d candidates", excerpt(a.name), maxMatches)
			return nil
		}
		for _, o := range offers[a.name] {
			if d.satisfies(o, a) {
				d.Components[o.component].InstallReason = sbom.ReasonExplicit
			}
		}
	}
	return nil
}

// readApkWorld reads the list of explicitly installed packages. apk separates
// its items by any white space.
func readApkWorld(ctx context.Context, r io.Reader, file string) ([]alternative, error) {
	l := newLines(ctx, r, file)
	var out []alternative
	for {
		line, ok := l.next()
		if !ok {
			return out, l.err
		}
		items, err := parseApkDependencies(line, true)
		if err != nil {
			return nil, l.fail("%v", err)
		}
		out = append(out, items...)
	}
}
