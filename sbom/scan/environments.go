package scan

import (
	"fmt"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Environments in the environment: a root file system below the root (of a
// chroot, a container, another deployment), and the storage of a container
// engine. Programs in one are started in it, with its libraries and its package
// database; its packages are not those of the system around it. An environment
// is therefore one unaccounted dependency, and the content is not examined: it
// is a stage of its own, with its own reference.
//
// An environment is recognised by its structure and never by its name: a package
// database or an os-release at its place, and a directory of programs. It counts,
// so that nothing is hidden by making one. A directory of the system's layout is
// never an environment: an os-release in /opt does not make one of everything
// that is installed there.

// rootEvidence are files of a root file system by their base names, with the
// directories above them.
var rootEvidence = []struct{ name, above, what string }{
	{"status", "var/lib/dpkg", "dpkg"},
	{"status.d", "var/lib/dpkg", "dpkg"},
	{"installed", "lib/apk/db", "apk"},
	{"installed", "usr/lib/apk/db", "apk"},
	{"rpmdb.sqlite", "var/lib/rpm", "rpm"},
	{"rpmdb.sqlite", "usr/lib/sysimage/rpm", "rpm"},
	{"rpmdb.sqlite", "usr/share/rpm", "rpm"},
	{"Packages.db", "var/lib/rpm", "rpm"},
	{"Packages.db", "usr/lib/sysimage/rpm", "rpm"},
	{"Packages", "var/lib/rpm", "rpm"},
	{"local", "var/lib/pacman", "pacman"},
	{"status", "usr/lib/opkg", "opkg"},
	{"os-release", "etc", ""},
	{"os-release", "usr/lib", ""},
}

// findEnvironments returns the environments, as caches that do not overlap.
func (s *inventory) findEnvironments() []cache {
	t := s.tree
	found := make(map[rootfs.Node]string)
	for _, e := range rootEvidence {
		for n := range t.Named(e.name) {
			r := climb(t, n, e.above)
			if r <= 0 || s.db != nil && s.db.Owns(n) || !s.mayBeEnvironment(r) || !holdsPrograms(t, r) {
				continue
			}
			if what, ok := found[r]; !ok || what == "" {
				found[r] = e.what
			}
		}
	}
	var out []cache
	for r, database := range found {
		what := "a root file system of its own"
		if database != "" {
			what += ", with a database of " + database
		}
		_, end := t.Subtree(r)
		out = append(out, cache{root: r, from: r, end: end, what: what, opaque: true, environment: true})
	}
	for r, what := range s.engineStorage() {
		_, end := t.Subtree(r)
		out = append(out, cache{root: r, from: r, end: end, what: what, opaque: true, environment: true})
	}
	return out
}

// climb returns the directory that a path leads to from, given its last node and
// the directories above that node; None if those have other names.
func climb(t *rootfs.Tree, n rootfs.Node, above string) rootfs.Node {
	n = t.Parent(n)
	for above != "" && n != rootfs.None {
		dir, name := splitLast(above)
		if t.Name(n) != name {
			return rootfs.None
		}
		n, above = t.Parent(n), dir
	}
	return n
}

func splitLast(p string) (dir, name string) {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] == '/' {
			return p[:i], p[i+1:]
		}
	}
	return "", p
}

// mayBeEnvironment reports whether a directory is at a place where a root file
// system can be. The content of an application's image is part of that.
func (s *inventory) mayBeEnvironment(r rootfs.Node) bool {
	t := s.tree
	for n := r; n > 0; n = t.Parent(n) {
		switch up := t.Parent(n); t.Name(up) {
		case cellar, "gems":
			return false // in a package, which contains it
		case "store":
			if t.Name(t.Parent(up)) == "nix" {
				return false
			}
		}
	}
	return t.Kind(r) == rootfs.Dir && !s.structural(r) && !isImported(t, r) && t.Child(r, "meta") == rootfs.None &&
		!s.isFlatpak(r) && !s.isFlatpak(t.Parent(r))
}

// holdsPrograms reports whether a directory of programs of a root has a file.
func holdsPrograms(t *rootfs.Tree, r rootfs.Node) bool {
	for _, dir := range []rootfs.Node{t.Child(r, "bin"), t.Child(t.Child(r, "usr"), "bin")} {
		for c := range t.Children(dir) {
			if t.Kind(c) != rootfs.Dir {
				return true
			}
		}
	}
	return false
}

// engineStorage returns the directories in which container engines store the
// layers of images and containers, by their documented layout: overlay2 of Docker
// (https://docs.docker.com/engine/storage/drivers/overlayfs-driver/), overlay of
// containers/storage, the snapshots of containerd.
func (s *inventory) engineStorage() map[rootfs.Node]string {
	t := s.tree
	out := make(map[rootfs.Node]string)
	add := func(n rootfs.Node, is bool) {
		if is && t.Kind(n) == rootfs.Dir && !s.structural(n) && !isImported(t, n) {
			out[n] = "images and containers of a container engine"
		}
	}
	layers := func(n rootfs.Node) bool {
		for c := range t.Children(n) {
			if t.Kind(t.Child(c, "diff")) == rootfs.Dir && t.Kind(t.Child(c, "link")) == rootfs.File {
				return t.Kind(t.Child(n, "l")) == rootfs.Dir
			}
		}
		return false
	}
	for _, name := range []string{"overlay2", "overlay"} {
		for n := range t.Named(name) {
			add(n, layers(n))
		}
	}
	for n := range t.Named("snapshots") {
		add(n, t.Kind(t.Child(t.Parent(n), "metadata.db")) == rootfs.File)
	}
	return out
}

// isSameRoot reports whether every file of an environment is a file of the rest
// of the tree under another name: OSTree mounts a deployment as the root, and
// has it below /ostree/deploy too.
func (s *inventory) isSameRoot(c *cache) bool {
	t := s.tree
	files := false
	for n := c.from; n < c.end; n++ {
		if t.Kind(n) != rootfs.File {
			continue
		}
		if !slices.ContainsFunc(t.Links(n), func(m rootfs.Node) bool { return !s.caches.contain(m) }) {
			return false
		}
		files = true
	}
	return files
}

// readEnvironments counts the environments.
func (s *scanner) readEnvironments() {
	t := s.tree
	for i := range s.caches {
		c := &s.caches[i]
		if !c.environment || i > 0 && s.caches[i-1].root == c.root {
			continue // or another range of it
		}
		if s.isSameRoot(c) {
			s.doc.Excluded = append(s.doc.Excluded, sbom.Exclusion{
				Path: t.Path(c.root), Name: t.Name(c.root), Reason: sbom.ExcludedNames, Detail: "each of its files is a file of this environment under another name", Count: 1,
			})
			continue
		}
		u := s.groupUnit(c.root, nil, nil, nil, nil)
		u.Version = ""
		u.Name = s.environmentName(c.root)
		u.PURL = filesPURL(&u.Component)
		u.FoundBy = "environment-reader"
		u.Detail = fmt.Sprintf("%s, %s that were not examined: scan %s by itself", c.what, wording.Count(u.Files, "file", "files"), s.reference(c.root))
		unit := s.add(u)
		for _, part := range s.caches[i:] {
			if part.root != c.root {
				break
			}
			for n := part.from; n < part.end; n++ {
				s.claim(n, unit)
			}
		}
	}
}

// environmentName returns the name of the nearest directory that is not named by
// its purpose: LXC has NAME/rootfs, mock NAME/root.
func (s *inventory) environmentName(r rootfs.Node) string {
	t := s.tree
	for n := r; n > 0 && !s.structural(n); n = t.Parent(n) {
		switch t.Name(n) {
		case "rootfs", "root", "fs", "merged", "diff", "overlay", "overlay2", "snapshots":
		default:
			return t.Name(n)
		}
	}
	return t.Name(r)
}

// reference returns the reference by which a directory is scanned, as far as it
// can be told without the place of this environment.
func (s *inventory) reference(n rootfs.Node) string {
	switch p := s.tree.Path(n); s.tree.Ref().Scheme {
	case rootfs.SchemeHost:
		return "dir:" + p
	case rootfs.SchemeDir:
		return "dir:ROOT" + p
	default:
		return "a copy of " + p
	}
}
