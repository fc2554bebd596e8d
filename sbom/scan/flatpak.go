package scan

import (
	"fmt"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Images of applications that are unpacked in a directory: everything in one was
// made with it, and is bundled.
//
// Flatpak deploys a commit of a reference in KIND/ID/ARCH/BRANCH/COMMIT, with
// the key file metadata and the content in files
// (https://docs.flatpak.org/en/latest/under-the-hood.html). The reference is
// the identity, as "flatpak list" shows it, together with the path: nothing but
// the directory's name proves it. An update changes the commit only. An
// AppImage is unpacked to a directory with AppRun and the desktop entry
// (https://docs.appimage.org/reference/appdir.html), which say nothing about
// its version.

// readFlatpaks adds the deployed references of Flatpak, and unpacked AppImages.
func (s *scanner) readFlatpaks() {
	t := s.tree
	for n := range t.Named("metadata") {
		dir := t.Parent(n)
		if !s.isFlatpak(dir) || s.caches.contain(dir) || s.storeOf(dir) >= 0 || s.owned(n) {
			continue
		}
		branch := t.Parent(dir)
		arch := t.Parent(branch)
		id := t.Parent(arch)
		u := unit{node: dir, inside: -1, own: true, Component: sbom.Component{
			Kind: sbom.KindFiles, Type: "generic", Namespace: "flatpak", Name: t.Name(id), Version: t.Name(branch), Paths: []string{t.Path(branch)},
			FoundBy: "flatpak-reader", Files: s.filesBelow(dir), Detail: fmt.Sprintf("Flatpak %s for %s, %s", t.Name(t.Parent(id)), t.Name(arch), wording.Count(s.filesBelow(dir), "file", "files")),
		}}
		u.PURL = filesPURL(&u.Component)
		s.addStore(dir, u)
	}
	for n := range t.Named("AppRun") {
		dir := t.Parent(n)
		if dir <= 0 || t.Kind(n) == rootfs.Dir || s.structural(dir) || s.caches.contain(dir) || s.storeOf(dir) >= 0 || isImported(t, dir) || !s.hasDesktopEntry(dir) {
			continue
		}
		u := s.groupUnit(dir, nil, nil, nil, nil)
		u.FoundBy, u.Detail = "appimage-reader", "an unpacked AppImage"
		s.addStore(dir, u)
	}
}

// isFlatpak reports whether a directory is a deployed commit.
func (s *inventory) isFlatpak(dir rootfs.Node) bool {
	t := s.tree
	if t.Kind(t.Child(dir, "metadata")) != rootfs.File || t.Kind(t.Child(dir, "files")) != rootfs.Dir {
		return false
	}
	kind := dir
	for range 4 {
		kind = t.Parent(kind)
	}
	return t.Name(kind) == "app" || t.Name(kind) == "runtime"
}

// hasDesktopEntry reports whether the entry of an application is directly in a
// directory.
func (s *inventory) hasDesktopEntry(dir rootfs.Node) bool {
	return slices.ContainsFunc(slices.Collect(s.tree.Children(dir)), func(n rootfs.Node) bool {
		name := s.tree.Name(n)
		return len(name) > len(".desktop") && name[len(name)-len(".desktop"):] == ".desktop"
	})
}
