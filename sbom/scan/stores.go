package scan

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// store is the directory of one package of a manager that uses one directory
// for each package: a keg of Homebrew, a path of the Nix store. All content of
// it came with the package, and is bundled (counting rule 3).
type store struct {
	root, end rootfs.Node
	unit      int
}

// need is a relation between two units.
type need struct{ from, to int }

// readStores adds the packages of Homebrew, Nix, Flatpak and snapd, and environments
// below the root, before all others, so that they own the content of their
// directories.
//
// The relations of a Nix store are in its database and in the derivations,
// which are not read: there are no relations between Nix packages, and their
// install reasons are unknown unless a profile names them.
func (s *scanner) readStores(ctx context.Context) {
	s.readEnvironments()
	s.readSnaps(ctx)
	s.readFlatpaks()
	s.readKegs()
	s.readNixStore()
}

// storeOf returns the unit of the store directory that contains a node, -1 if
// none.
func (s *inventory) storeOf(n rootfs.Node) int {
	i := sort.Search(len(s.stores), func(i int) bool { return s.stores[i].root > n }) - 1
	if i < 0 || n >= s.stores[i].end {
		return -1
	}
	return s.stores[i].unit
}

func (s *scanner) addStore(dir rootfs.Node, u unit) int {
	u.manager = true
	i := s.add(u)
	_, end := s.tree.Subtree(dir)
	at := sort.Search(len(s.stores), func(i int) bool { return s.stores[i].root > dir })
	s.stores = slices.Insert(s.stores, at, store{dir, end, i})
	s.claimTree(dir, i, nil)
	return i
}

// Homebrew's files by which a keg is recognised
// (https://docs.brew.sh/Manpage, and Library/Homebrew/tab.rb and keg.rb).
const (
	cellar      = "Cellar"
	kegReceipt  = "INSTALL_RECEIPT.json"
	kegFormulas = ".brew"
)

// maxReceipt is the size of a receipt. Real ones have some kilobytes.
const maxReceipt = 4 << 20

// receipt is the part of INSTALL_RECEIPT.json with the install reason of a keg.
type receipt struct {
	OnRequest    *bool `json:"installed_on_request"`
	AsDependency *bool `json:"installed_as_dependency"`
	// Needs are all run-time dependencies of the keg, direct and indirect.
	Needs  []kegNeed `json:"runtime_dependencies"`
	Source struct {
		Tap string `json:"tap"`
	} `json:"source"`
}

type kegNeed struct {
	FullName   string `json:"full_name"` // with the name of a third-party tap before it
	Version    string `json:"version"`
	PkgVersion string `json:"pkg_version"`
	Direct     *bool  `json:"declared_directly"`
}

func parseReceipt(data []byte) (receipt, error) {
	var r receipt
	if err := json.Unmarshal(data, &r); err != nil {
		return receipt{}, err
	}
	return r, nil
}

// direct returns the dependencies that the formula itself declares. Receipts
// from before Homebrew 4 do not distinguish them: for those it returns all.
func (r *receipt) direct() []kegNeed {
	if !slices.ContainsFunc(r.Needs, func(n kegNeed) bool { return n.Direct != nil }) {
		return r.Needs
	}
	var out []kegNeed
	for _, n := range r.Needs {
		if n.Direct != nil && *n.Direct {
			out = append(out, n)
		}
	}
	return out
}

func (r *receipt) asked() sbom.InstallReason {
	is := func(b *bool) bool { return b != nil && *b }
	switch {
	case is(r.OnRequest):
		return sbom.ReasonExplicit
	case is(r.AsDependency):
		return sbom.ReasonDependency
	}
	return sbom.ReasonUnknown
}

// readKegs adds the installed directories Cellar/NAME/VERSION with a receipt or
// a copy of the formula in them, of any prefix.
func (s *scanner) readKegs() {
	t := s.tree
	type keg struct {
		unit    int
		receipt receipt
	}
	var kegs []keg
	byName := make(map[string][]int)
	for c := range t.Named(cellar) {
		for name := range t.Children(c) {
			for dir := range t.Children(name) {
				at, ok := s.kegEvidence(dir)
				if !ok || s.storeOf(dir) >= 0 {
					continue // a keg in a keg is part of it
				}
				u := unit{node: at, inside: -1, own: true, Component: sbom.Component{
					Kind: sbom.KindPackage, Type: "brew", Name: t.Name(name), Version: t.Name(dir),
					Paths: []string{t.Path(at)}, FoundBy: "homebrew-reader",
				}}
				var r receipt
				if t.Name(at) == kegReceipt {
					s.read[at] = true
					data, err := t.ReadFile(at, maxReceipt)
					if err == nil {
						r, err = parseReceipt(data)
					}
					if err != nil {
						s.gap(sbom.GapMalformed, t.Path(at), "Homebrew's receipt cannot be read: "+reason(err))
					}
				}
				u.InstallReason = r.asked()
				if tap := r.Source.Tap; tap != "" && tap != "homebrew/core" {
					u.Detail = fmt.Sprintf("from the tap %+q", tap)
				}
				i := s.addStore(dir, u)
				kegs = append(kegs, keg{i, r})
				byName[u.Name] = append(byName[u.Name], i)
			}
		}
	}
	for _, k := range kegs {
		for _, n := range k.receipt.direct() {
			name := n.FullName[strings.LastIndexByte(n.FullName, '/')+1:]
			for _, to := range byName[name] {
				if v := s.units[to].Version; to != k.unit && (len(byName[name]) == 1 || v == n.PkgVersion || n.PkgVersion == "" && v == n.Version) {
					s.needs = append(s.needs, need{k.unit, to})
				}
			}
		}
	}
}

// kegEvidence returns the file by which a directory is recognised as a keg.
func (s *inventory) kegEvidence(dir rootfs.Node) (rootfs.Node, bool) {
	t := s.tree
	if t.Kind(dir) != rootfs.Dir || s.caches.contain(dir) || s.owned(dir) {
		return rootfs.None, false
	}
	at := t.Child(dir, kegReceipt)
	if t.Kind(at) != rootfs.File {
		formulas := t.Child(dir, kegFormulas)
		at = t.Child(formulas, t.Name(t.Parent(dir))+".rb")
	}
	return at, t.Kind(at) == rootfs.File && !s.owned(at)
}

// addBrew handles the cataloger's Homebrew packages: formulas of kegs, which
// are already known, and those of taps, which are recipes and install nothing.
func (s *scanner) addBrew(f catalogers.Found, n rootfs.Node) {
	switch {
	case s.storeOf(n) >= 0:
	case strings.Contains(f.Path, "/Library/Taps/"):
		s.doc.Excluded = append(s.doc.Excluded, sbom.Exclusion{
			Path: f.Path, PURL: f.PURL, Name: f.Name, Version: f.Version,
			Reason: sbom.ExcludedDeclared, Detail: "a formula of a tap: it installs nothing", Count: 1,
		})
	default:
		s.addPackage(f, n)
	}
}

// readNixStore adds the directories of Nix stores: those with a version in their
// name, and those that contain code. The others are links between packages,
// configuration and sources. A store is a directory nix/store, usually at the
// root; the names in it have a fixed form.
func (s *scanner) readNixStore() {
	t := s.tree
	known := make(map[rootfs.Node]catalogers.Found)
	for _, f := range s.found {
		if f.Type == "nix" {
			for _, p := range f.Paths {
				known[t.Lookup(p)] = f
			}
		}
	}
	asked := s.nixProfiles()
	for top := range t.Named("store") {
		if t.Name(t.Parent(top)) != "nix" || s.caches.contain(top) || s.storeOf(top) >= 0 {
			continue
		}
		for dir := range t.Children(top) {
			name, ok := nixName(t.Name(dir))
			if !ok || t.Kind(dir) != rootfs.Dir || s.owned(dir) {
				continue
			}
			u := unit{node: dir, inside: -1, own: true, Component: sbom.Component{
				Kind: sbom.KindPackage, Type: "nix", Name: name, Paths: []string{t.Path(dir)}, FoundBy: "nix-reader",
			}}
			if f, ok := known[dir]; ok {
				u.Name, u.Version, u.PURL = f.Name, f.Version, f.PURL
			} else if !s.holdsLooseCode(dir) {
				continue
			}
			if asked[dir] {
				u.InstallReason = sbom.ReasonExplicit
			}
			s.addStore(dir, u)
		}
	}
}

// nixHash is the length of the digest in the name of a store path, in Nix's
// base 32 (https://nix.dev/manual/nix/latest/protocols/store-path).
const nixHash = 32

// nixName returns the part after the digest in the name of a store path.
func nixName(s string) (string, bool) {
	if len(s) < nixHash+2 || s[nixHash] != '-' {
		return "", false
	}
	for _, c := range []byte(s[:nixHash]) {
		if strings.IndexByte("0123456789abcdfghijklmnpqrsvwxyz", c) < 0 {
			return "", false
		}
	}
	return s[nixHash+1:], true
}

// holdsLooseCode reports whether a directory contains programs, libraries or
// scripts.
func (s *inventory) holdsLooseCode(dir rootfs.Node) bool {
	from, to := s.tree.Subtree(dir)
	e := sort.Search(len(s.sniffed.executables), func(i int) bool { return s.sniffed.executables[i].Node >= from })
	if e < len(s.sniffed.executables) && s.sniffed.executables[e].Node < to {
		return true
	}
	for _, list := range [][]rootfs.Node{s.sniffed.scripts, s.sniffed.archives} {
		if i, _ := slices.BinarySearch(list, from); i < len(list) && list[i] < to {
			return true
		}
	}
	return false
}

// nixProfiles returns the store paths that were installed explicitly with "nix
// profile", from the manifests of the current generations
// (https://nix.dev/manual/nix/latest/command-ref/files/manifest.json). Those of
// nix-env are expressions of its language, and are not read.
func (s *scanner) nixProfiles() map[rootfs.Node]bool {
	t := s.tree
	asked := make(map[rootfs.Node]bool)
	from, to := t.Subtree(t.Lookup("/nix/var/nix/profiles"))
	for n := from; n < to; n++ {
		if t.Kind(n) != rootfs.Symlink || strings.HasSuffix(t.Name(n), "-link") { // NAME-7-link is generation 7 of NAME
			continue
		}
		file := t.ResolveNode(t.Child(t.ResolveNode(n), "manifest.json"))
		if t.Kind(file) != rootfs.File || s.read[file] {
			continue
		}
		s.read[file] = true
		data, err := t.ReadFile(file, maxReceipt)
		var paths []string
		if err == nil {
			paths, err = nixManifest(data)
		}
		if err != nil {
			s.gap(sbom.GapMalformed, t.Path(file), "the manifest of a Nix profile cannot be read: "+reason(err))
			continue
		}
		for _, p := range paths {
			asked[t.Lookup(p)] = true
		}
	}
	return asked
}

// nixManifest returns the store paths of a manifest. Its elements are a list,
// and an object by name since version 3.
func nixManifest(data []byte) ([]string, error) {
	type element struct {
		StorePaths []string `json:"storePaths"`
	}
	var m struct {
		Elements json.RawMessage `json:"elements"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	var list []element
	if err := json.Unmarshal(m.Elements, &list); err != nil {
		var named map[string]element
		if err := json.Unmarshal(m.Elements, &named); err != nil {
			return nil, err
		}
		for _, e := range named {
			list = append(list, e)
		}
	}
	var paths []string
	for _, e := range list {
		paths = append(paths, e.StorePaths...)
	}
	slices.Sort(paths)
	return paths, nil
}
