package ospkg

import (
	"context"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ospkg/internal/rpmdb"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// freeBSDDB is the database of FreeBSD's pkg. Packages are installed below
// /usr/local; since FreeBSD 14 the base system may be packages too.
const freeBSDDB = "/var/db/pkg/local.sqlite"

// openFreeBSD reads the database of pkg; nil when there is none.
func openFreeBSD(ctx context.Context, s system) (*DB, error) {
	n, err := s.file(freeBSDDB, rootfs.File)
	if n == rootfs.None || err != nil {
		return nil, err
	}
	file := s.tree.Path(n)
	s.at = s.tree.Path(s.tree.Parent(n))
	if Expect(s.release) == s.Kind {
		s.areas = areasOf(s.tree, "/home", "/root", "/tmp", "/var/tmp")
	}
	found, err := s.readFreeBSD(ctx, n)
	if err != nil {
		return nil, rpmError(file, err)
	}
	var packages []*listedPackage
	for _, p := range found {
		if err := checkListed(p.Name, p.Version); err != nil {
			return nil, &parseError{File: file, Msg: err.Error()}
		}
		q := &listedPackage{purlType: "freebsd", name: p.Name, version: p.Version, arch: p.Arch, file: file, own: rootfs.None,
			size: p.Size, reason: sbom.ReasonExplicit, files: p.Files, needs: p.Needs}
		if p.Automatic {
			q.reason = sbom.ReasonDependency
		}
		if p.Origin != "" && !strings.HasSuffix(p.Origin, "/"+p.Name) {
			q.detail = "of the port " + excerptPlain(p.Origin)
		}
		packages = append(packages, q)
	}
	return s.openListed(ctx, packages, []place{{"pkg", s.at, func(name string) bool {
		return strings.HasPrefix(name, "local.sqlite") || strings.HasPrefix(name, "repo")
	}}})
}

func (s *system) readFreeBSD(ctx context.Context, n rootfs.Node) ([]*rpmdb.FreeBSDPackage, error) {
	main, err := s.tree.OpenFile(n)
	if err != nil {
		return nil, err
	}
	defer main.Close()
	in, err := contentInput(main)
	if err != nil {
		return nil, err
	}
	var wal rpmdb.Input
	log, err := s.besides(n, &wal)
	if err != nil {
		return nil, err
	}
	if log != nil {
		defer log.Close()
	}
	return rpmdb.ReadFreeBSD(ctx, in, wal)
}
