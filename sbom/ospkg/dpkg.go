package ospkg

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// The paths of dpkg's database (dpkg(1), "Files"). Images without a shell
// ("distroless") have one file for each package in status.d instead of one
// status file.
const (
	dpkgDir        = "/var/lib/dpkg"
	dpkgStatus     = dpkgDir + "/status"
	dpkgStatusD    = dpkgDir + "/status.d"
	dpkgUpdates    = dpkgDir + "/updates"
	dpkgInfo       = dpkgDir + "/info"
	dpkgDiversions = dpkgDir + "/diversions"
)

// dpkg is the database under construction. The slices packages and sources are
// parallel to Components.
type dpkg struct {
	system
	diversions map[string]diversion
	native     string // the architecture of packages of "all"

	packages []*dpkgRecord // installed
	others   []*dpkgRecord // listed, not installed
	sources  []source

	byName  map[string][]int // name -> packages
	pending []*dpkgRecord    // from updates
}

// openDpkg reads dpkg's database; nil when there is none.
func openDpkg(ctx context.Context, s system) (*DB, error) {
	d := &dpkg{system: s}
	found, err := d.readRecords(ctx)
	if !found || err != nil {
		return nil, err
	}
	d.at = dpkgDir
	d.addPackages()
	if d.diversions, err = d.loadDiversions(ctx); err != nil {
		return nil, err
	}
	d.checkDiversions()
	unused := d.findLists()
	listings, err := d.collect(ctx, func(c *collector, i int, buf []byte) { d.readList(ctx, c, i, buf) })
	if err != nil {
		return nil, err
	}
	d.assign(listings, d.mayShare)
	for i, l := range listings {
		if c := l.unlisted; c.count > 0 {
			d.notice(sbom.NoticeClaim, c.path, d.Components[i].ID, "the record of %s has %s as conffiles that its list does not have, unlike dpkg; the package does not own them", d.Components[i].Name, c)
		}
	}
	d.ownDatabase(dpkgPlaces())
	if err := d.addLicenses(ctx); err != nil {
		return nil, err
	}
	d.dpkgRecords()
	if err := d.leftovers(ctx, unused); err != nil {
		return nil, err
	}
	d.relate(d.relating())
	if err := d.setReasons(ctx); err != nil {
		return nil, err
	}
	d.Apt = d.aptSettings()
	return d.DB, nil
}

// readRecords reads all records of the database, and reports whether it
// exists.
func (d *dpkg) readRecords(ctx context.Context) (bool, error) {
	if _, err := d.file(dpkgDir, rootfs.Dir); err != nil {
		return false, err
	}
	status, err := d.file(dpkgStatus, rootfs.File)
	if err != nil {
		return false, err
	}
	statusD, err := d.file(dpkgStatusD, rootfs.Dir)
	if err != nil {
		return false, err
	}
	if status == rootfs.None && statusD == rootfs.None {
		return false, d.checkMissing()
	}
	records := map[string]*dpkgRecord{}
	add := func(p *dpkgRecord) error {
		if before := records[p.key()]; before != nil {
			return &parseError{File: p.file, Line: p.line,
				Msg:  "package " + p.key() + " has a second record, the first one is at " + position(before.file, before.line),
				Hint: "remove one of them"}
		}
		if len(records) == maxPackages {
			return &limitError{parseError{File: p.file, Line: p.line, Msg: "more packages than any system has"}}
		}
		records[p.key()] = p
		return nil
	}
	if status != rootfs.None {
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

// checkMissing distinguishes a system without dpkg from one whose status file
// was removed: the latter still has file lists.
func (d *dpkg) checkMissing() error {
	for n := range d.tree.Children(d.tree.Resolve(dpkgInfo)) {
		if strings.HasSuffix(d.tree.Name(n), ".list") {
			return &parseError{File: dpkgStatus, Msg: "is missing, although file lists of packages exist in " + dpkgInfo,
				Hint: "restore it, for instance from /var/lib/dpkg/status-old"}
		}
	}
	return nil
}

// readStatusD reads the records of a distroless image. The names of the files
// are not package names (some tools encode them). The digests and scripts of a
// package are beside its record, under the record's name and a suffix.
func (d *dpkg) readStatusD(ctx context.Context, dir rootfs.Node, add func(*dpkgRecord) error) error {
	for n := range d.tree.Children(dir) {
		if stem, control := controlFile(d.tree.Name(n)); control && d.tree.Child(dir, stem) != rootfs.None {
			continue
		}
		n = d.tree.ResolveNode(n)
		if kind := d.tree.Kind(n); kind != rootfs.File {
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

// readUpdates reads the records that dpkg wrote after the status file, when it
// was interrupted before it merged them. They replace those of the status
// file, as for dpkg itself (lib/dpkg/dbmodify.c). A sound system has none.
func (d *dpkg) readUpdates(ctx context.Context, records map[string]*dpkgRecord) error {
	for n := range d.tree.Children(d.tree.Resolve(dpkgUpdates)) {
		name := d.tree.Name(n)
		if !allDigits(name) || d.tree.Kind(n) != rootfs.File {
			continue
		}
		err := d.open(n, func(r io.Reader, file string) error {
			return readStatus(ctx, r, file, false, func(p *dpkgRecord) error {
				records[p.key()] = p
				d.pending = append(d.pending, p)
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// addPackages makes the components.
func (d *dpkg) addPackages() {
	addComponents(&d.system, d.packages, func(p *dpkgRecord) sbom.Component {
		c := sbom.Component{
			PURL:          d.packageURL(p),
			Type:          packageurl.TypeDebian,
			Name:          p.name,
			Version:       p.version,
			Arch:          p.arch,
			Paths:         []string{p.file},
			InstalledSize: p.size,
			Supplier:      p.maintainer,
			Licenses:      p.licenses,
		}
		if p.source != p.name {
			c.Source = p.source
		}
		return c
	})
	d.byName = map[string][]int{}
	for i, p := range d.packages {
		d.byName[p.name] = append(d.byName[p.name], i)
		d.addConffiles(p.conffiles)
		d.Gaps = append(d.Gaps, p.faults...)
		if p.half() {
			d.notice(sbom.NoticeHalfState, p.file, d.Components[i].ID, "package %s is in state %q: its installation did not finish", p.name, p.status())
		}
	}
	for _, p := range d.pending {
		d.gap(sbom.GapDatabase, p.file, "dpkg was interrupted: its record of package %s %s, %q, is not in the status file yet (run dpkg --configure -a there)", p.name, p.version, p.status())
	}
	slices.SortFunc(d.others, func(x, y *dpkgRecord) int { return cmp.Compare(x.key(), y.key()) })
	for _, p := range d.others {
		d.Excluded = append(d.Excluded, sbom.Exclusion{Path: p.file, PURL: d.packageURL(p), Name: p.name, Version: p.version,
			Reason: sbom.ExcludedNotInstall, Detail: p.status(), Count: 1})
	}
	d.native = d.nativeArch()
}

func (d *dpkg) packageURL(p *dpkgRecord) string {
	upstream := p.source
	if p.sourceVer != "" {
		upstream += "@" + p.sourceVer
	}
	return d.purl(packageurl.TypeDebian, p.name, p.version, p.arch, upstream)
}

// nativeArch returns the architecture of dpkg itself, or else the one that
// most packages have.
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
	n, err := d.file(dpkgDiversions, rootfs.File)
	if n == rootfs.None || err != nil {
		return nil, err
	}
	err = d.open(n, func(r io.Reader, file string) error {
		out, err = readDiversions(ctx, r, file)
		return err
	})
	return out, err
}

// gapKind returns the kind of gap for an error.
func gapKind(err error, otherwise sbom.GapKind) sbom.GapKind {
	var limit *limitError
	var parse *parseError
	switch {
	case errors.As(err, &limit):
		return sbom.GapLimit
	case errors.As(err, &parse):
		return sbom.GapMalformed
	}
	return otherwise
}
