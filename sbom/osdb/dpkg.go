package osdb

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/environ"
)

// The places of dpkg's database (dpkg(1), "Files"). Images without a shell
// ("distroless") have one file for each package in status.d instead of the
// one status file.
const (
	dpkgFolder     = "/var/lib/dpkg"
	dpkgStatus     = dpkgFolder + "/status"
	dpkgStatusD    = dpkgFolder + "/status.d"
	dpkgUpdates    = dpkgFolder + "/updates"
	dpkgInfo       = dpkgFolder + "/info"
	dpkgDiversions = dpkgFolder + "/diversions"
)

// dpkg is the database while it is read. The slices packages and sources go
// with Components.
type dpkg struct {
	*DB
	tree       *environ.Tree
	release    sbom.OS
	areas      *areas
	diversions map[string]diversion
	native     string // the architecture that "all" stands for

	packages []*dpkgRecord // installed
	others   []*dpkgRecord // known, not installed
	sources  []source

	byKey  map[string]int   // "name:arch" -> package
	byName map[string][]int // name -> packages
}

// openDpkg reads dpkg's database; nil when there is none.
func openDpkg(ctx context.Context, t *environ.Tree, release sbom.OS) (*DB, error) {
	d := &dpkg{DB: &DB{Kind: "dpkg"}, tree: t, release: release}
	found, err := d.readRecords(ctx)
	if !found || err != nil {
		return nil, err
	}
	d.checkRelease()
	d.addComponents()
	d.areas = findAreas(t)
	if d.diversions, err = d.loadDiversions(ctx); err != nil {
		return nil, err
	}
	unused := d.findLists()
	listings, err := d.readLists(ctx)
	if err != nil {
		return nil, err
	}
	d.assign(listings)
	d.ownDatabase()
	if err := d.leftovers(ctx, unused); err != nil {
		return nil, err
	}
	d.relate()
	if err := d.askedFor(ctx); err != nil {
		return nil, err
	}
	return d.DB, nil
}

// file returns the node of a file of the database, links followed. It is None
// when there is no such file, and an error when there is something else.
func (d *dpkg) file(path string, want environ.Kind) (environ.Node, error) {
	n := d.tree.Resolve(path)
	if n == environ.None {
		if d.tree.ResolveParent(path) != environ.None {
			return n, &ParseError{File: path, Msg: "is a symbolic link that leads nowhere in this environment"}
		}
		return n, nil
	}
	if kind := d.tree.Kind(n); kind != want {
		return environ.None, &ParseError{File: path, Msg: "is a " + kind.String() + ", not a " + want.String()}
	}
	return n, nil
}

// readRecords reads all records of the database, and says whether there is
// one.
func (d *dpkg) readRecords(ctx context.Context) (bool, error) {
	if _, err := d.file(dpkgFolder, environ.Dir); err != nil {
		return false, err
	}
	status, err := d.file(dpkgStatus, environ.File)
	if err != nil {
		return false, err
	}
	statusD, err := d.file(dpkgStatusD, environ.Dir)
	if err != nil {
		return false, err
	}
	if status == environ.None && statusD == environ.None {
		return false, d.checkMissing()
	}
	records := map[string]*dpkgRecord{}
	add := func(p *dpkgRecord) error {
		if before := records[p.key()]; before != nil {
			return &ParseError{File: p.file, Line: p.line,
				Msg:  "package " + p.key() + " has a second record, the first one is at " + position(before.file, before.line),
				Hint: "remove one of them"}
		}
		if len(records) == maxPackages {
			return &limitError{ParseError{File: p.file, Line: p.line, Msg: "more packages than any system has"}}
		}
		records[p.key()] = p
		return nil
	}
	if status != environ.None {
		err := d.open(status, func(r io.Reader, file string) error { return readStatus(ctx, r, file, false, add) })
		if err != nil {
			return true, err
		}
	}
	if err := d.readStatusD(ctx, statusD, add); err != nil {
		return true, err
	}
	if err := d.readUpdates(ctx, records); err != nil {
		return true, err
	}
	for _, p := range records {
		if p.installed() {
			d.packages = append(d.packages, p)
		} else {
			d.others = append(d.others, p)
		}
	}
	if len(d.packages) == 0 {
		d.gap(sbom.GapDatabase, dpkgStatus, "the package database lists no installed package")
	}
	return true, nil
}

// checkMissing tells a system without dpkg from one whose status file was
// taken away: that one still has file lists.
func (d *dpkg) checkMissing() error {
	for n := range d.tree.Children(d.tree.Resolve(dpkgInfo)) {
		if strings.HasSuffix(d.tree.Name(n), ".list") {
			return &ParseError{File: dpkgStatus, Msg: "is missing, although there are file lists of packages in " + dpkgInfo,
				Hint: "restore it, for instance from /var/lib/dpkg/status-old"}
		}
	}
	return nil
}

// readStatusD reads the records of a distroless image. The names of the files
// say nothing (some tools encode them), except that the digests and scripts
// of a package are beside its record, under the record's name and a suffix.
func (d *dpkg) readStatusD(ctx context.Context, dir environ.Node, add func(*dpkgRecord) error) error {
	for n := range d.tree.Children(dir) {
		if stem, control := controlFile(d.tree.Name(n)); control && d.tree.Child(dir, stem) != environ.None {
			continue
		}
		n = d.tree.ResolveNode(n)
		if kind := d.tree.Kind(n); kind != environ.File {
			d.gap(sbom.GapDatabase, d.tree.Path(n), "%s among the records of packages", kind)
			continue
		}
		err := d.open(n, func(r io.Reader, file string) error { return readStatus(ctx, r, file, true, add) })
		if err != nil {
			return err
		}
	}
	return nil
}

// readUpdates reads the records that dpkg wrote after the status file, when
// it was stopped before it could put them in there. They replace those of the
// status file, as for dpkg itself (lib/dpkg/dbmodify.c).
func (d *dpkg) readUpdates(ctx context.Context, records map[string]*dpkgRecord) error {
	for n := range d.tree.Children(d.tree.Resolve(dpkgUpdates)) {
		name := d.tree.Name(n)
		if digits(name) != len(name) || d.tree.Kind(n) != environ.File {
			continue
		}
		err := d.open(n, func(r io.Reader, file string) error {
			return readStatus(ctx, r, file, false, func(p *dpkgRecord) error {
				records[p.key()] = p
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkRelease notes when database and os-release do not belong together.
func (d *dpkg) checkRelease() {
	switch {
	case d.release.ID == "" && len(d.release.IDLike) == 0:
		d.gap(sbom.GapDatabase, dpkgFolder, "there is a dpkg database, but no os-release that names the system")
	case Expect(d.release) != d.Kind:
		d.gap(sbom.GapDatabase, dpkgFolder, "os-release names the system %q, which does not use dpkg, but there is a dpkg database", d.release.ID)
	}
}

// addComponents makes the components, in the order of their IDs.
func (d *dpkg) addComponents() {
	d.owner = make([]int32, d.tree.Len())
	type pair struct {
		*dpkgRecord
		sbom.Component
	}
	pairs := make([]pair, len(d.packages))
	for i, p := range d.packages {
		c := sbom.Component{
			PURL:          d.purl(p),
			Kind:          sbom.KindOS,
			Type:          packageurl.TypeDebian,
			Namespace:     d.namespace(),
			Name:          p.name,
			Version:       p.version,
			Arch:          p.arch,
			Paths:         []string{p.file},
			Evidence:      "db-owned",
			FoundBy:       d.Kind,
			InstalledSize: p.size,
		}
		if p.source != p.name {
			c.Source = p.source
		}
		c.ID = sbom.Identity(&c)
		pairs[i] = pair{p, c}
	}
	slices.SortFunc(pairs, func(x, y pair) int { return cmp.Compare(x.ID, y.ID) })
	d.Components = make([]sbom.Component, len(pairs))
	d.byKey, d.byName = map[string]int{}, map[string][]int{}
	for i, x := range pairs {
		d.packages[i], d.Components[i] = x.dpkgRecord, x.Component
		d.byKey[x.key()] = i
		d.byName[x.name] = append(d.byName[x.name], i)
		d.Gaps = append(d.Gaps, x.faults...)
		if x.half() {
			d.notice(sbom.NoticeHalfState, x.file, x.ID, "package %s is in state %q: its installation did not finish", x.name, x.status())
		}
	}
	slices.SortFunc(d.others, func(x, y *dpkgRecord) int { return cmp.Compare(x.key(), y.key()) })
	for _, p := range d.others {
		d.Excluded = append(d.Excluded, sbom.Exclusion{Path: p.file, PURL: d.purl(p), Name: p.name, Version: p.version,
			Reason: sbom.ExcludedNotInstall, Detail: p.status(), Count: 1})
	}
	d.native = d.nativeArch()
}

// namespace is the distribution, when it is one that uses dpkg.
func (d *dpkg) namespace() string {
	if Expect(d.release) != d.Kind {
		return ""
	}
	return d.release.ID
}

// purl is the package URL as syft makes it, so that results can be compared
// (packageURL in its debian cataloger, PURLQualifiers in its package pkg).
func (d *dpkg) purl(p *dpkgRecord) string {
	var q packageurl.Qualifiers
	add := func(key, value string) {
		if value != "" {
			q = append(q, packageurl.Qualifier{Key: key, Value: value})
		}
	}
	add("arch", p.arch)
	upstream := p.source
	if p.sourceVer != "" {
		upstream += "@" + p.sourceVer
	}
	add("upstream", upstream)
	namespace := d.namespace()
	if namespace != "" {
		distro := namespace
		if d.release.VersionID != "" {
			distro += "-" + d.release.VersionID
		}
		add("distro", distro)
	}
	return packageurl.NewPackageURL(packageurl.TypeDebian, namespace, p.name, p.version, q, "").ToString()
}

// nativeArch is the architecture of dpkg itself, or else the one that most
// packages have.
func (d *dpkg) nativeArch() string {
	count := map[string]int{}
	for _, p := range d.packages {
		if p.name == "dpkg" && p.arch != "all" {
			return p.arch
		}
		if p.arch != "all" {
			count[p.arch]++
		}
	}
	best := ""
	for _, arch := range sortedKeys(count) {
		if best == "" || count[arch] > count[best] {
			best = arch
		}
	}
	return best
}

func (d *dpkg) loadDiversions(ctx context.Context) (out map[string]diversion, err error) {
	n, err := d.file(dpkgDiversions, environ.File)
	if n == environ.None || err != nil {
		return nil, err
	}
	err = d.open(n, func(r io.Reader, file string) error {
		out, err = readDiversions(ctx, r, file)
		return err
	})
	return out, err
}

// assign gives the listed nodes to their packages, in the order of the
// packages.
func (d *dpkg) assign(listings []listing) {
	disputed := contested{}
	for i := range listings {
		l := &listings[i]
		d.Listed += l.listed
		d.Absent += l.absent
		for _, n := range l.nodes {
			if before := d.own(n, i); before >= 0 && before != i && !isFolder(d.tree, n) {
				disputed.add(n, before, i)
			}
		}
		l.report(d, i)
		l.nodes = nil
	}
	d.conflicts(disputed)
}

// gapKind is the kind of gap that an error makes.
func gapKind(err error, otherwise sbom.GapKind) sbom.GapKind {
	var limit *limitError
	var parse *ParseError
	switch {
	case errors.As(err, &limit):
		return sbom.GapLimit
	case errors.As(err, &parse):
		return sbom.GapMalformed
	}
	return otherwise
}
