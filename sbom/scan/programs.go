package scan

import (
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Programs by their place.
//
// The first bytes of a program need not mark it: execvp(3) gives a file without
// a header to the shell, and binfmt_misc has headers of its own. So a regular
// file with an execute bit in a directory that programs are searched in is a
// program, and so is the file that a link there leads to. node_modules/.bin is
// such a directory, where npm makes only links, and needs no execute bit: npm
// and other programs read the first line themselves.

// findProgramDirs returns the directories that programs are searched in: of the
// system, of the image's and the system's PATH, of home directories and of
// virtual environments. They are sorted.
func (s *inventory) findProgramDirs() []rootfs.Node {
	t := s.tree
	var out []rootfs.Node
	add := func(n rootfs.Node) {
		if n = t.ResolveNode(n); n != rootfs.None && t.Kind(n) == rootfs.Dir {
			out = append(out, n)
		}
	}
	names := append(SearchPath(), "/usr/games", "/usr/local/games", "/snap/bin")
	for _, variable := range t.Env() {
		if list, ok := strings.CutPrefix(variable, "PATH="); ok {
			names = append(names, strings.Split(list, ":")...)
		}
	}
	for _, name := range names {
		if path.IsAbs(name) && path.Clean(name) != "/" {
			add(t.Resolve(name))
		}
	}
	for _, home := range s.homes() {
		add(t.Child(home, "bin"))
		add(t.Child(t.Child(home, ".local"), "bin"))
	}
	for n := range t.Named("pyvenv.cfg") {
		add(t.Child(t.Parent(n), "bin"))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// homes returns the home directories by their usual places.
func (s *inventory) homes() []rootfs.Node {
	t := s.tree
	var out []rootfs.Node
	if root := t.Resolve("/root"); root != rootfs.None {
		out = append(out, root)
	}
	for n := range t.Children(t.Resolve("/home")) {
		if t.Kind(n) == rootfs.Dir {
			out = append(out, n)
		}
	}
	return out
}

// placed are the programs by their place that neither the system nor a package
// accounts for, with the link by which they are found, or themselves.
type placed map[rootfs.Node]rootfs.Node

func (s *scanner) findPlaced() placed {
	t := s.tree
	out := make(placed)
	program := func(n rootfs.Node) (rootfs.Node, bool) {
		to := t.ResolveNode(n)
		if to == rootfs.None || t.Kind(to) != rootfs.File || !s.isLoose(to) || s.own[to] {
			return to, false
		}
		_, mode, err := t.Classify(to)
		return to, err == nil && mode&0o111 != 0
	}
	add := func(n, to rootfs.Node) {
		if by, known := out[to]; !known || n == to || s.owned(n) && !s.owned(by) {
			out[to] = n
		}
	}
	for _, dir := range s.programDirs {
		for n := range t.Children(dir) {
			if to, ok := program(n); ok && !(to == n && s.caches.contain(n)) {
				add(n, to)
			}
		}
	}
	for _, modules := range s.survey.nodeModules {
		bin := t.Child(modules, ".bin")
		if s.caches.contain(modules) || t.Kind(bin) != rootfs.Dir {
			continue
		}
		for n := range t.Children(bin) {
			if t.Kind(n) == rootfs.File && s.isLoose(n) && !s.isLauncher(n) {
				add(n, n)
			} else if to, ok := program(n); ok && t.Kind(n) == rootfs.Symlink {
				add(n, to)
			}
		}
	}
	return out
}
