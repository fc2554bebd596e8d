package ospkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/version"
)

// The paths of opkg's database: that of OpenWrt, and that of Yocto and most
// others. Entware's, in /opt, is not one of them: it is beside the database of
// the system. ipkg, from which opkg was derived, has the same files.
const (
	opkgDir    = "/usr/lib/opkg"
	opkgVarDir = "/var/lib/opkg"
	ipkgDir    = "/usr/lib/ipkg"
	ipkgVarDir = "/var/lib/ipkg"
)

// hintOpkg is the hint for a record that opkg did not write.
const hintOpkg = "reinstall the package, or restore the file from a backup"

// opkgRecord is a record of opkg's status file. Its format is the one that
// dpkg had when opkg was derived from it, with different states and flags, and
// with the install reason in the same record.
type opkgRecord struct {
	dpkgRecord
	auto bool
}

// opkg is the database under construction. The slice packages is parallel to
// Components.
type opkg struct {
	system
	packages []*opkgRecord // installed
	others   []*opkgRecord // listed, not installed
}

// openOpkg reads opkg's database; nil when there is none.
func openOpkg(ctx context.Context, s system) (*DB, error) {
	d := &opkg{system: s}
	status, err := d.database()
	if status == rootfs.None || err != nil {
		return nil, err
	}
	if err := d.open(status, func(r io.Reader, file string) error { return d.read(ctx, r, file) }); err != nil {
		return nil, err
	}
	if len(d.packages) == 0 {
		d.gap(sbom.GapDatabase, d.tree.Path(status), "the package database lists no installed package")
	}
	d.addPackages()
	lists := d.findLists()
	listings, err := d.collect(ctx, func(c *collector, i int, buf []byte) { d.readList(ctx, c, lists[i], i, buf) })
	if err != nil {
		return nil, err
	}
	d.assign(listings, func(a, b int) bool {
		x, y := &d.packages[a].dpkgRecord, &d.packages[b].dpkgRecord
		return x.replacesAny(y) || y.replacesAny(x)
	})
	d.ownDatabase([]place{
		{"opkg", d.at, oneOf("status", "lock", "info", "lists", "alternatives")},
		{"opkg", d.at + "/lists", anyName},
	})
	d.relate(d.relating())
	return d.DB, nil
}

// database finds the status file.
func (d *opkg) database() (rootfs.Node, error) {
	found := rootfs.None
	for _, root := range []string{opkgDir, opkgVarDir, ipkgDir, ipkgVarDir} {
		if _, err := d.file(root, rootfs.Dir); err != nil {
			return rootfs.None, err
		}
		path := root + "/status"
		n, err := d.file(path, rootfs.File)
		if err != nil {
			return rootfs.None, err
		}
		switch {
		case n == rootfs.None:
			for list := range d.tree.Children(d.tree.Resolve(root + "/info")) {
				if strings.HasSuffix(d.tree.Name(list), ".list") {
					return rootfs.None, &parseError{File: path, Msg: "is missing, although file lists of packages exist in " + root + "/info", Hint: hintOpkg}
				}
			}
		case found == rootfs.None:
			found = n
			d.at = d.tree.Path(d.tree.Parent(n))
		case found != n:
			d.gap(sbom.GapDatabase, d.tree.Path(n), "a second opkg database, beside %s: its packages are unknown", d.tree.Path(found))
		}
	}
	return found, nil
}

// read reads all records.
func (d *opkg) read(ctx context.Context, r io.Reader, file string) error {
	stanzas := &stanzaReader{lines: newLines(ctx, r, file), keep: isOpkgField}
	first := map[string]int{}
	for {
		s, err := stanzas.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		p, err := parseOpkgRecord(s, file)
		if err != nil {
			return err
		}
		if len(d.packages)+len(d.others) == maxPackages {
			return &limitError{parseError{File: file, Line: p.line, Msg: "more packages than any system has"}}
		}
		if !p.installed() {
			d.others = append(d.others, p)
			continue
		}
		if before := first[p.name]; before > 0 {
			return &parseError{File: file, Line: p.line, Hint: "remove one of them",
				Msg: fmt.Sprintf("package %s has a second record, the first one is in line %d", p.name, before)}
		}
		first[p.name] = p.line
		d.addConffiles(p.conffiles)
		d.packages = append(d.packages, p)
	}
}

func isOpkgField(name string) bool {
	return isStatusField(name) || ecosystem.EqualFold(name, "Auto-Installed")
}

func opkgRules() recordRules {
	return recordRules{
		hint: hintOpkg, validArch: validApkArch, parseState: (*dpkgRecord).parseOpkgState,
		unversioned: []string{"not-installed"}, sizeUnit: 1,
	}
}

// parseOpkgRecord parses one stanza of the status file.
func parseOpkgRecord(s *stanza, file string) (*opkgRecord, error) {
	p, err := opkgRules().parse(s, file)
	if err != nil {
		return nil, err
	}
	yes := func(name string) bool { return ecosystem.EqualFold(s.value(name), "yes") }
	p.essential = yes("Essential")
	return &opkgRecord{dpkgRecord: *p, auto: yes("Auto-Installed")}, nil
}

// parseOpkgState parses the Status field: the desired state, flags with commas
// between them, the state (libopkg/pkg.c).
func (p *dpkgRecord) parseOpkgState(s *stanza) error {
	f, found := s.get("Status")
	if !found {
		return fmt.Errorf("no Status field")
	}
	words := strings.Fields(ecosystem.Lower(f.value))
	if len(words) != 3 {
		return fmt.Errorf("malformed status %s", excerpt(f.value))
	}
	p.want, p.flag, p.state = words[0], words[1], words[2]
	switch p.want {
	case "unknown", "install", "deinstall", "purge":
	default:
		return fmt.Errorf("unknown desired state %s", excerpt(p.want))
	}
	for flag := range strings.SplitSeq(p.flag, ",") {
		switch flag {
		case "ok", "reinstreq", "hold", "replace", "noprune", "prefer", "obsolete", "user":
		default:
			return fmt.Errorf("unknown flag %s", excerpt(flag))
		}
	}
	switch p.state {
	case "not-installed", "unpacked", "half-configured", "installed", "half-installed", "config-files",
		"post-inst-failed", "removal-failed":
	default:
		return fmt.Errorf("unknown state %s", excerpt(p.state))
	}
	return nil
}

func (d *opkg) addPackages() {
	addComponents(&d.system, d.packages, func(p *opkgRecord) sbom.Component {
		c := sbom.Component{
			PURL:          d.packageURL(p),
			Type:          "opkg",
			Name:          p.name,
			Version:       p.version,
			Arch:          p.arch,
			Paths:         []string{p.file},
			InstalledSize: p.size,
			Supplier:      p.maintainer,
			Licenses:      p.licenses,
		}
		switch {
		case p.essential:
			c.InstallReason = sbom.ReasonEssential
		case p.auto:
			c.InstallReason = sbom.ReasonDependency
		default:
			c.InstallReason = sbom.ReasonExplicit
		}
		if p.source != p.name {
			c.Source = p.source
		}
		return c
	})
	for i, p := range d.packages {
		d.Gaps = append(d.Gaps, p.faults...)
		if p.state != "installed" {
			d.notice(sbom.NoticeHalfState, p.file, d.Components[i].ID, "package %s is in state %q: its installation did not finish", p.name, p.status())
		}
	}
	slices.SortStableFunc(d.others, func(x, y *opkgRecord) int { return strings.Compare(x.key(), y.key()) })
	for _, p := range d.others {
		d.Excluded = append(d.Excluded, sbom.Exclusion{Path: p.file, PURL: d.packageURL(p), Name: p.name, Version: p.version,
			Reason: sbom.ExcludedNotInstall, Detail: p.status(), Count: 1})
	}
}

func (d *opkg) packageURL(p *opkgRecord) string {
	upstream := p.source
	if p.source == p.name {
		upstream = ""
	}
	return d.purl("opkg", p.name, p.version, p.arch, upstream)
}

// opkgControl are the kinds of files that opkg keeps for a package.
const opkgControl = "list control conffiles preinst postinst prerm postrm postinst-pkg prerm-pkg md5sums files-md5sums"

// findLists finds the list of each package, makes the package the owner of its
// files in the info directory, and adds notices for the lists of packages that
// are not installed.
func (d *opkg) findLists() []rootfs.Node {
	byName := map[string]int{}
	for i, p := range d.packages {
		byName[p.name] = i
	}
	notInstalled := map[string]bool{}
	for _, p := range d.others {
		notInstalled[p.name] = true
	}
	lists := make([]rootfs.Node, len(d.packages))
	for i := range lists {
		lists[i] = rootfs.None
	}
	for n := range d.tree.Children(d.tree.Resolve(d.at + "/info")) {
		name := d.tree.Name(n)
		dot := strings.LastIndexByte(name, '.')
		if dot <= 0 || !slices.Contains(strings.Fields(opkgControl), name[dot+1:]) {
			continue
		}
		i, known := byName[name[:dot]]
		switch {
		case known:
			d.own(n, i)
			if name[dot+1:] == "list" {
				lists[i] = n
			}
		case name[dot+1:] == "list" && !notInstalled[name[:dot]]:
			d.notice(sbom.NoticeLeftover, d.tree.Path(n), "", "no record of a package %s, but its file list exists", excerpt(name[:dot]))
		}
	}
	var without []string
	for i, n := range lists {
		if n == rootfs.None {
			without = append(without, d.packages[i].name)
		}
	}
	d.noLists(d.at+"/info", without)
	return lists
}

// readList reads the list and the conffiles of one package. A line has the
// path, and in newer versions its mode and the target of a link, separated by
// tabs. Directories are not listed.
func (d *opkg) readList(ctx context.Context, c *collector, list rootfs.Node, component int, buf []byte) {
	c.list, c.implied = list, true
	if list != rootfs.None {
		c.err = d.open(list, func(r io.Reader, file string) error {
			l := newLines(ctx, r, file)
			l.buf = buf
			return c.read(l, opkgPath)
		})
	}
	for _, f := range d.packages[component].conffiles {
		c.take(f.path)
	}
}

func opkgPath(line string) (string, error) {
	path, _, _ := strings.Cut(line, "\t")
	return listedPath(path)
}

// relating returns the rules by which opkg's packages depend on each other:
// dpkg's rules with one architecture.
func (d *opkg) relating() relating {
	offers := map[string][]offer{}
	for i, p := range d.packages {
		offers[p.name] = append(offers[p.name], offer{component: i, version: p.version})
	}
	for i, p := range d.packages {
		for _, a := range p.provides {
			if a.op == "=" || a.op == "" {
				offers[a.name] = append(offers[a.name], offer{i, a.version, true})
			}
		}
	}
	return relating{
		offers:   offers,
		requires: func(i int) []requires { return d.packages[i].requires },
		satisfies: func(o offer, a alternative, _ int) bool {
			return a.op == "" || o.version != "" && a.accepts(o.version, version.Deb)
		},
		write: requirement.String,
	}
}
