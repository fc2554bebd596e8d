package scan

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// A library for a compiler is installed as several files in directories that all
// software shares: lib/libfoo.a, include/foo, lib/pkgconfig/foo.pc. They are one
// dependency when they have one name below one prefix. A program is not joined to
// them, since it is run and not linked; but headers without a library belong to
// the program of their name, as include/node to bin/node.

// libraryPart is what the name of an entry in a directory of [compiled] says: the
// name of the library, its version, and whether it is code for the linker.
type libraryPart struct {
	name, version string
	order         int // shared libraries, static libraries, the rest
}

var (
	libraryEnd     = lazyregexp.New(`\.(a|la|so(\.[0-9.]+)?)$`)
	descriptionEnd = lazyregexp.New(`\.(pc|m4|h|hh|hpp|hxx|h\+\+|cmake|mod)$`)
	versionEnd     = lazyregexp.New(`[-_.]?([0-9][0-9.]*)[a-z]?$`)
)

// libraryPartOf parses the name of an entry. ok is false for a file that is not
// part of a library.
func libraryPartOf(entry string, dir bool) (p libraryPart, ok bool) {
	name := entry
	p.order = 2
	if !dir {
		if end := libraryEnd.FindString(entry); end != "" {
			switch {
			case end == ".a":
				p.order = 1
			case end != ".la":
				p.order = 0
			}
			name = strings.TrimSuffix(entry, end)
		} else if end := descriptionEnd.FindString(entry); end != "" {
			name = strings.TrimSuffix(entry, end)
		} else {
			return p, false
		}
	}
	name = strings.ToLower(name)
	if m := versionEnd.FindStringSubmatch(name); m != nil && len(m[0]) < len(name) {
		p.version, name = m[1], strings.TrimSuffix(name, m[0])
	}
	if rest, ok := strings.CutPrefix(name, "lib"); ok && rest != "" {
		name = rest
	}
	if rest, ok := strings.CutSuffix(name, "lib"); ok && rest != "" { // zlib.h is of libz
		name = rest
	}
	p.name = name
	return p, true
}

// addPart adds a group of files to the unit of a library.
func (s *scanner) addPart(i int, part rootfs.Node) {
	u := &s.units[i]
	if p := s.tree.Path(part); p > u.Paths[0] { // which identifies the unit
		u.Paths = append(u.Paths, p)
		slices.Sort(u.Paths)
	} else {
		u.more = append(u.more, part)
	}
	u.Files += s.filesBelow(part)
	s.unitAt[part] = i
	if what := s.imports.of(part); what != nil && !strings.Contains(u.Detail, what.what) {
		u.Detail += ", " + what.what
	}
}

// joinLibraries returns for each part of a library that is installed as several
// groups of files the group that represents all.
func (s *inventory) joinLibraries(tops []rootfs.Node) map[rootfs.Node]rootfs.Node {
	t := s.tree
	type key struct {
		prefix rootfs.Node
		name   string
	}
	type group struct {
		libraryPart
		top rootfs.Node
	}
	libraries := make(map[key][]group)
	var keys []key
	groups := make(map[rootfs.Node]bool)
	headers := make(map[key]bool) // the names of directories of headers
	for _, top := range tops {
		groups[top] = true
		parent := t.Parent(top)
		prefix, ok := s.imports.libraries[parent]
		if !ok || s.structural(top) {
			continue
		}
		dir := t.Kind(t.ResolveNode(top)) == rootfs.Dir
		p, ok := libraryPartOf(t.Name(top), dir)
		if inLib := strings.HasPrefix(t.Name(parent), "lib") || multiarch.MatchString(t.Name(parent)) && t.Name(t.Parent(parent)) != "include"; !ok || dir && inLib {
			continue
		}
		k := key{prefix, p.name}
		if libraries[k] == nil {
			keys = append(keys, k)
		}
		libraries[k] = append(libraries[k], group{p, top})
		if dir && t.Name(parent) == "include" {
			headers[k] = true
		}
	}
	// libboost_system.a is of include/boost.
	for _, k := range keys {
		if i := strings.IndexAny(k.name, "_-"); i > 0 {
			if of := (key{k.prefix, k.name[:i]}); headers[of] && len(libraries[k]) > 0 {
				for _, g := range libraries[k] {
					g.version = "" // each has that of the whole, or none
					libraries[of] = append(libraries[of], g)
				}
				libraries[k] = nil
			}
		}
	}
	out := make(map[rootfs.Node]rootfs.Node)
	for _, k := range keys {
		// Several versions stay apart, and then what has no version stays alone.
		byVersion := make(map[string][]group)
		for _, g := range libraries[k] {
			byVersion[g.version] = append(byVersion[g.version], g)
		}
		if len(byVersion) == 2 && len(byVersion[""]) > 0 {
			byVersion = map[string][]group{"": libraries[k]}
		}
		for _, list := range byVersion {
			first := slices.MinFunc(list, func(a, b group) int {
				if a.order != b.order {
					return a.order - b.order
				}
				return int(a.top) - int(b.top)
			})
			to := first.top
			if program := t.Child(t.Child(k.prefix, "bin"), t.Name(to)); first.order == 2 && groups[program] {
				to = program
			}
			for _, g := range list {
				if g.top != to {
					out[g.top] = to
				}
			}
		}
	}
	return out
}
