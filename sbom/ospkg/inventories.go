package ospkg

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Systems for containers have no package manager and a list of what they were
// built from, without files.
const (
	// bottlerocketInventory is in the format of the AWS inventory
	// (https://github.com/bottlerocket-os/bottlerocket, packages/os).
	bottlerocketInventory = "/usr/share/bottlerocket/application-inventory.json"
	// cosPackages is that of Google's Container-Optimized OS
	// (https://cloud.google.com/container-optimized-os/docs/concepts/sbom).
	cosPackages = "/etc/cos-package-info.json"
)

// openBottlerocket reads Bottlerocket's inventory; nil when there is none.
func openBottlerocket(ctx context.Context, s system) (*DB, error) {
	var list struct {
		Content []struct {
			Name, Version, Release, Architecture string
			Epoch                                any
		}
	}
	return s.openInventory(ctx, bottlerocketInventory, &list, func(file string) (out []*listedPackage) {
		for _, p := range list.Content {
			version := p.Version
			if p.Release != "" {
				version += "-" + p.Release
			}
			if epoch := fmt.Sprint(p.Epoch); p.Epoch != nil && epoch != "0" && epoch != "" && allDigits(epoch) {
				version = epoch + ":" + version
			}
			out = append(out, &listedPackage{purlType: "bottlerocket", name: p.Name, version: version, arch: p.Architecture, file: file, own: rootfs.None})
		}
		return out
	})
}

// openCOS reads the list of Container-Optimized OS; nil when there is none. The
// packages that were only used to build the system are not installed.
func openCOS(ctx context.Context, s system) (*DB, error) {
	var list struct {
		Installed []struct{ Category, Name, Version string } `json:"installedPackages"`
	}
	return s.openInventory(ctx, cosPackages, &list, func(file string) (out []*listedPackage) {
		for _, p := range list.Installed {
			q := &listedPackage{purlType: "cos", name: p.Name, version: p.Version, file: file, own: rootfs.None}
			if p.Category != "" {
				q.detail = "of the category " + excerptPlain(p.Category)
			}
			out = append(out, q)
		}
		return out
	})
}

// openInventory reads a JSON document without files. A package that it lists
// twice in one version is one.
func (s system) openInventory(ctx context.Context, path string, into any, packages func(file string) []*listedPackage) (*DB, error) {
	n, err := s.file(path, rootfs.File)
	if n == rootfs.None || err != nil {
		return nil, err
	}
	data, err := s.tree.ReadFile(n, maxFile)
	if err != nil {
		return nil, err
	}
	s.at = s.tree.Path(n)
	if err := json.Unmarshal(data, into); err != nil {
		return nil, &parseError{File: s.at, Msg: err.Error()}
	}
	var list []*listedPackage
	known := map[string]bool{}
	for _, p := range packages(s.at) {
		if err := checkListed(p.name, p.version); err != nil {
			return nil, &parseError{File: s.at, Msg: err.Error()}
		}
		if id := p.key() + "\x00" + p.version; !known[id] {
			known[id] = true
			list = append(list, p)
		}
	}
	db, err := s.openListed(ctx, list, nil)
	if err == nil && len(list) > 0 {
		db.own(n, 0)
		db.notice(sbom.NoticeSystem, s.at, "", "the list of the system's packages has no files: those of its packages count as unaccounted beside them")
	}
	return db, err
}

// pkgtools is Slackware's: one file for each package, named NAME-VERSION-ARCH-BUILD,
// with its files after a line "FILE LIST:".
var pkgtoolsDirs = []string{"/var/lib/pkgtools/packages", "/var/log/packages"}

// openPkgtools reads Slackware's records; nil when there are none.
func openPkgtools(ctx context.Context, s system) (*DB, error) {
	dir := rootfs.None
	for _, path := range pkgtoolsDirs {
		n := s.tree.Resolve(path)
		for c := range s.tree.Children(n) {
			if s.tree.Kind(c) == rootfs.File {
				dir = n
			}
		}
		if dir != rootfs.None {
			break
		}
	}
	if dir == rootfs.None {
		return nil, nil
	}
	s.at = s.tree.Path(dir)
	var packages []*listedPackage
	for n := range s.tree.Children(dir) {
		if s.tree.Kind(n) != rootfs.File {
			continue
		}
		p, err := pkgtoolsRecord(s.tree.Name(n))
		if err != nil {
			s.gap(sbom.GapMalformed, s.tree.Path(n), "%v", err)
			continue
		}
		p.file, p.own = s.tree.Path(n), n
		p.lines = func(c *collector, buf []byte) error { return s.pkgtoolsFiles(ctx, c, n, buf) }
		packages = append(packages, p)
	}
	return s.openListed(ctx, packages, nil)
}

// pkgtoolsRecord splits the name of a record. The name of a package may contain
// hyphens, the other three parts do not.
func pkgtoolsRecord(record string) (*listedPackage, error) {
	parts := strings.Split(record, "-")
	const fixed = 3
	at := len(parts) - fixed
	if at < 1 {
		return nil, fmt.Errorf("%s is not NAME-VERSION-ARCH-BUILD, as Slackware names its records", excerpt(record))
	}
	p := &listedPackage{purlType: "slackware", name: strings.Join(parts[:at], "-"), version: parts[at] + "-" + parts[at+2], arch: parts[at+1]}
	return p, checkListed(p.name, p.version)
}

func (s *system) pkgtoolsFiles(ctx context.Context, c *collector, n rootfs.Node, buf []byte) error {
	file, err := s.tree.OpenFile(n)
	if err != nil {
		return err
	}
	defer file.Close()
	l := newLines(ctx, file, s.tree.Path(n))
	l.buf = buf
	listed := false
	for {
		line, ok := l.next()
		switch {
		case !ok && l.err == nil && !listed:
			return fmt.Errorf("has no line %q", "FILE LIST:")
		case !ok:
			return l.err
		case !listed:
			listed = line == "FILE LIST:"
			continue
		case line == "" || line == "./" || strings.HasPrefix(line, "install/"):
			continue
		}
		path := "/" + strings.TrimSuffix(strings.TrimPrefix(line, "./"), "/")
		if c.listed++; !c.take(path) {
			if err := checkPath(path); err != nil {
				c.listed--
				if c.malformed++; c.malformed == 1 {
					c.fault = l.fail("%v", err)
				}
				continue
			}
			c.absent++
		}
	}
}
