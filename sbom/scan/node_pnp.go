package scan

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
	"github.com/depaudit/depaudit/sbom/zipfile"
)

// Limits of Plug'n'Play. The list of 1,500 packages has a megabyte. An archive
// has a package, and the few that are bundled in it.
const (
	maxPnP          = 64 << 20
	maxPnPManifests = 64 << 20 // of all package.json of one archive
)

// pnpInstall is an installation without node_modules: a file that Node loads
// first, with the list of all packages and their places
// (https://yarnpkg.com/advanced/pnp-spec). The places are archives in Yarn's
// cache, which are not unpacked, and directories.
type pnpInstall struct {
	file     rootfs.Node
	packages []pnpPackage
	err      error // when the list cannot be read
}

// findPnP reads the lists of all Plug'n'Play installations.
func findPnP(t *rootfs.Tree, skip func(rootfs.Node) bool) []pnpInstall {
	var out []pnpInstall
	for _, name := range []string{".pnp.cjs", ".pnp.js"} {
		for n := range t.Named(name) {
			if t.Kind(n) != rootfs.File || skip(n) {
				continue
			}
			in := pnpInstall{file: n}
			data, err := t.ReadFile(n, maxPnP)
			if err == nil {
				in.packages, err = parsePnP(data)
				if errors.Is(err, errNoPnPList) { // pnpEnableInlining: false
					if list := t.Child(t.Parent(n), ".pnp.data.json"); list != rootfs.None {
						in.file = list
						if data, err = t.ReadFile(list, maxPnP); err == nil {
							in.packages, err = parsePnPList(data)
						}
					}
				}
			}
			in.err = err
			for i := range in.packages {
				p := &in.packages[i]
				p.own = filepath.IsLocal(p.location)
				p.location = pnpPath(pnpPlace(t.Path(t.Parent(n)), p.location))
			}
			out = append(out, in)
		}
	}
	return out
}

// pnpPlace returns the absolute path of a location relative to a directory, ""
// for one above the root of the environment.
func pnpPlace(dir, location string) string {
	if path.IsAbs(location) {
		return path.Clean(location)
	}
	p := path.Join("."+dir, location)
	if !filepath.IsLocal(p) {
		return ""
	}
	return path.Join("/", p)
}

// places returns the directories of an installation's packages.
func (in *pnpInstall) places(t *rootfs.Tree) []rootfs.Node {
	var out []rootfs.Node
	for _, p := range in.packages {
		if _, _, archived := cutArchive(p.location); !archived && !p.soft && p.location != "" {
			if n := t.Resolve(p.location); n != rootfs.None && t.Kind(n) == rootfs.Dir {
				out = append(out, n)
			}
		}
	}
	return out
}

// pnpVirtual matches the path of an instance of a package with other peers, which
// has no files: BASE/__virtual__/KEY/N/REST is REST below the N-th parent of BASE
// (https://yarnpkg.com/advanced/lexicon#virtual-package).
var pnpVirtual = lazyregexp.New(`^(.*?)/(?:__virtual__|\$\$virtual)/[^/]+/([0-9]{1,3})/(.*)$`)

func pnpPath(p string) string {
	if m := pnpVirtual.FindStringSubmatch(p); m != nil {
		up, _ := strconv.Atoi(m[2])
		return path.Join("/", m[1], strings.Repeat("../", up), m[3])
	}
	return p
}

// cutArchive splits a location into the archive and the directory in it.
func cutArchive(location string) (archive, dir string, ok bool) {
	archive, dir, ok = strings.Cut(location, ".zip/")
	return archive + ".zip", dir, ok
}

// readPnP adds the packages of Plug'n'Play installations. Packages in
// directories named node_modules are known already.
func (s *scanner) readPnP() {
	t := s.tree
	for i := range s.pnp {
		in := &s.pnp[i]
		switch {
		case s.claims[in.file] != 0: // a fixture of another package
		case in.err != nil:
			s.gap(sbom.GapMalformed, t.Path(in.file), "the packages that Plug'n'Play loads cannot be listed: "+reason(in.err))
		default:
			s.readPnPInstall(in)
		}
	}
	s.excludeArchives()
}

func (s *scanner) readPnPInstall(in *pnpInstall) {
	t := s.tree
	unitOf := make(map[pnpLocator]int)
	explicit := make(map[pnpLocator]bool)
	var absent, unpacked []string
	for _, p := range in.packages {
		at := pnpLocator{p.name, p.reference}
		if p.member {
			for _, to := range p.needs {
				explicit[to] = true
			}
			continue // what the project builds
		}
		if p.location == "" {
			absent = append(absent, p.name)
			continue
		}
		archive, dir, archived := cutArchive(p.location)
		unit := -1
		switch n := t.Resolve(archive); {
		case archived && (n == rootfs.None || t.Kind(n) != rootfs.File):
			absent = append(absent, p.name)
			continue
		case archived:
			unit = s.readPnPArchive(in, &p, n, dir)
		default:
			n := t.Resolve(p.location)
			if n == rootfs.None || t.Kind(n) != rootfs.Dir {
				if p.own {
					unpacked = append(unpacked, p.name)
				} else {
					absent = append(absent, p.name)
				}
				continue
			}
			unit = s.readPnPDir(in, &p, n)
		}
		if unit >= 0 {
			unitOf[at] = unit
		}
	}
	for _, p := range in.packages {
		from, ok := unitOf[pnpLocator{p.name, p.reference}]
		if !ok {
			continue
		}
		for _, to := range p.needs {
			if to, ok := unitOf[to]; ok && to != from {
				s.needs = append(s.needs, need{from, to})
			}
		}
		u := &s.units[from]
		if explicit[pnpLocator{p.name, p.reference}] {
			u.InstallReason = sbom.ReasonExplicit
		} else if u.InstallReason == sbom.ReasonUnknown {
			u.InstallReason = sbom.ReasonDependency
		}
	}
	file := t.Path(in.file)
	if len(absent) > 0 {
		s.gap(sbom.GapUnreported, file, fmt.Sprintf("%s that it loads %s not in the environment (%s): scan one that has Yarn's cache, or set enableGlobalCache: false and install again",
			wording.Count(len(absent), "package", "packages"), wording.Form(len(absent), "is", "are"), someOf(absent)))
	}
	if len(unpacked) > 0 {
		s.doc.Excluded = append(s.doc.Excluded, sbom.Exclusion{
			Path: file, Name: "packages that are not unpacked", Reason: sbom.ExcludedNotInstall,
			Detail: "registered, for other platforms as a rule: " + someOf(unpacked), Count: len(unpacked),
		})
	}
}

// someOf returns the first names of a list and the number of the others.
func someOf(names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	return strings.Join(names, ", ")
}

// readPnPDir returns the unit of a package in a directory: one that had to be
// unpacked, that is linked, or all of them with pnpm and Yarn 1.
func (s *scanner) readPnPDir(in *pnpInstall, p *pnpPackage, dir rootfs.Node) int {
	manifest := s.manifestOf(dir)
	if manifest == rootfs.None || s.owned(manifest) {
		return -1 // the rest of a directory without a name is read by what is in it
	}
	if _, known := s.unitAt[manifest]; !known {
		if p.soft {
			s.addWorkingCopy(in.file, dir, manifest)
		} else {
			s.readNodePackage(rootfs.None, dir, nil)
		}
	}
	i, ok := s.unitAt[manifest]
	if !ok {
		return -1
	}
	return i
}

// pnpVersion matches the reference of a package from the registry.
var pnpVersion = lazyregexp.New(`^(?:virtual:[0-9a-f]+#)?npm:([^:#]+)(?:::.*)?$`)

// readPnPArchive returns the unit of a package in an archive of Yarn's cache, and
// adds it and what is bundled in it when it is not known yet: the instances of a
// package for different peers are one.
func (s *scanner) readPnPArchive(in *pnpInstall, p *pnpPackage, archive rootfs.Node, dir string) int {
	t := s.tree
	if i, known := s.unitAt[archive]; known {
		return i
	}
	if s.read[archive] {
		return -1
	}
	s.read[archive] = true
	manifests, err := s.archivedManifests(archive, path.Clean(dir))
	if err != nil {
		s.gap(sbom.GapMalformed, t.Path(archive), "a package that Plug'n'Play loads cannot be read: "+reason(err))
		return -1
	}
	add := func(m *nodeManifest, inside int) int {
		u := unit{node: archive, inside: inside, own: inside < 0, Component: sbom.Component{
			Kind: sbom.KindPackage, Type: "npm", Name: m.Name, Version: m.Version,
			Paths: []string{t.Path(archive)}, FoundBy: "node-reader", Supplier: m.author, Licenses: m.licenses,
		}}
		if scope, name, ok := strings.Cut(m.Name, "/"); ok && strings.HasPrefix(scope, "@") {
			u.Namespace, u.Name = scope, name
		}
		if !ecosystem.ASCII(m.Name) {
			s.notice(sbom.NoticeNonASCII, t.Path(archive), fmt.Sprintf("the npm package %+q has a name outside ASCII, which the registry does not accept", m.Name))
		}
		if inside < 0 {
			u.Install = pnpOrigin(p.reference, t.Path(in.file))
			if m.Name != p.name {
				u.Detail = fmt.Sprintf("installed as %s", p.name)
			}
		}
		return s.add(u)
	}
	i := add(manifests[0], -1)
	s.claim(archive, i)
	if m := pnpVersion.FindStringSubmatch(p.reference); m != nil && m[1] != manifests[0].Version {
		s.gap(sbom.GapMalformed, t.Path(archive), fmt.Sprintf("has version %q, and %s registers %q", manifests[0].Version, t.Name(in.file), m[1]))
	}
	for _, m := range manifests[1:] {
		add(m, i)
	}
	return i
}

// archivedManifests returns the manifest of the package in a directory of an
// archive, and those of the packages that are bundled in it. It refuses two
// entries of one name, of which readers may take different ones.
func (s *inventory) archivedManifests(archive rootfs.Node, dir string) ([]*nodeManifest, error) {
	f, err := s.tree.OpenFile(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	z, _, err := zipfile.Open(f, info.Size(), maxArchiveDirectory)
	if err != nil {
		return nil, err
	}
	var files []*zip.File
	for _, e := range z.File {
		if path.Base(e.Name) != "package.json" || path.Clean(e.Name) != e.Name {
			continue
		}
		switch at := path.Dir(e.Name); {
		case at == dir:
			files = slices.Insert(files, 0, e)
		case strings.HasPrefix(at, dir+"/") && bundledPlace.MatchString(at[len(dir):]):
			files = append(files, e)
		}
	}
	if len(files) == 0 || path.Dir(files[0].Name) != dir {
		return nil, errors.New("no package.json in " + dir)
	}
	var out []*nodeManifest
	left, seen := int64(maxPnPManifests), make(map[string]bool)
	for _, e := range files {
		if seen[e.Name] {
			return nil, fmt.Errorf("two entries %+q", e.Name)
		}
		seen[e.Name] = true
		r, err := e.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(r, min(left, maxPackageJSON)+1))
		r.Close()
		if err != nil {
			return nil, err
		}
		if left -= int64(len(data)); left < 0 || len(data) > maxPackageJSON {
			return nil, fmt.Errorf("%+q is larger than the limit", e.Name)
		}
		m, err := parsePackageJSON(data)
		if err == nil && m.Name == "" {
			err = errors.New("no name")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// bundledPlace matches the directory of a bundled package in its owner's.
var bundledPlace = lazyregexp.New(`/node_modules/(@[^/]+/)?[^/@.][^/]*$`)

// pnpOrigin returns the origin in a reference, nil for the registry
// (https://yarnpkg.com/protocols).
func pnpOrigin(reference, file string) *sbom.Install {
	if _, rest, ok := strings.Cut(reference, "#"); ok && strings.HasPrefix(reference, "virtual:") {
		reference = rest
	}
	switch {
	case strings.Contains(reference, "#commit="):
		url, commit, _ := strings.Cut(reference, "#commit=")
		commit, _, _ = strings.Cut(commit, "&")
		return &sbom.Install{Kind: sbom.InstallVCS, URL: sbom.ScrubURL(url), Commit: commit, File: file}
	case strings.HasPrefix(reference, "http:"), strings.HasPrefix(reference, "https:"), strings.HasPrefix(reference, "file:"):
		url, _, _ := strings.Cut(reference, "::")
		return &sbom.Install{Kind: sbom.InstallURL, URL: sbom.ScrubURL(url), File: file}
	}
	return nil
}

// excludeArchives lists Yarn's caches with archives that no installation loads.
func (s *scanner) excludeArchives() {
	t := s.tree
	for dir := range t.Named("cache") {
		if p := t.Name(t.Parent(dir)); p != ".yarn" && p != "berry" || s.caches.contain(dir) {
			continue
		}
		rest := 0
		for n := range t.Children(dir) {
			if path.Ext(t.Name(n)) == ".zip" && t.Kind(n) == rootfs.File && s.claims[n] == 0 && !s.read[n] {
				rest++
			}
		}
		if rest > 0 {
			s.doc.Excluded = append(s.doc.Excluded, sbom.Exclusion{
				Path: t.Path(dir), Name: "Yarn cache", Reason: sbom.ExcludedCache, Detail: wording.Count(rest, "archive", "archives"), Count: rest,
			})
		}
	}
}
