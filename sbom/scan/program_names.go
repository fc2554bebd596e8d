package scan

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Names of programs that no package lists.
//
// A link, or a hard link, in a directory that programs are searched in gives a
// program another name: "gpgv" for /bin/true, "git" for a tool of the project.
// It adds no code, and so it does not count. But it decides what a stage runs:
// such a name is a notice with the digest of what it leads to, which a baseline
// accepts. Most environments have few: links that alternatives make are in their
// records, and a link to a program of the same name changes nothing.

// maxAlternative is the size of a record of update-alternatives, in bytes: some
// lines for each candidate.
const maxAlternative = 1 << 20

// multiCall are programs that are many programs by the name that they are called
// by, for which an installation makes links (busybox --install).
var multiCall = []string{"busybox", "toybox", "coreutils", "sbase-box", "crunchgen"}

// programNames adds a notice for each name of a program that no package lists.
func (s *scanner) programNames() {
	s.nodeCommands()
	t := s.tree
	if s.db == nil {
		return
	}
	owned := make(map[string]bool) // the names of programs of packages
	for _, dir := range s.programDirs {
		for n := range t.Children(dir) {
			if s.db.Owns(n) && t.Kind(n) != rootfs.Dir {
				owned[t.Name(n)] = true
			}
		}
	}
	alternatives := s.alternatives()
	for _, dir := range s.programDirs {
		if t.Child(t.Parent(dir), "pyvenv.cfg") != rootfs.None {
			continue // a virtual environment has names of its own for its Python
		}
		for n := range t.Children(dir) {
			name := t.Name(n)
			to, target := rootfs.None, ""
			switch {
			case s.db.Owns(n) || s.caches.contain(n):
				continue
			case t.Kind(n) == rootfs.Symlink:
				to, target = t.ResolveNode(n), t.Target(n)
			case s.alias[n] != 0:
				to = s.alias[n]
			case s.shared[n]:
				to = s.countedName(n)
			}
			if target == "" {
				target = t.Path(to)
			}
			if to == rootfs.None || t.Kind(to) != rootfs.File || alternatives[t.Path(n)] {
				continue
			}
			base := path.Base(t.Path(to))
			switch {
			case base == name, slices.Contains(multiCall, base) && !owned[name]:
				continue
			case !s.owned(to) && !owned[name]:
				continue // a program of another package, or one that counts by itself
			}
			detail := fmt.Sprintf("runs %s, and no package lists this name", t.Path(to))
			if owned[name] {
				detail = fmt.Sprintf("runs %s in place of the %s of a package", t.Path(to), name)
			}
			sum := sha256.Sum256([]byte(target))
			s.doc.Notices = append(s.doc.Notices, sbom.Notice{Kind: sbom.NoticeName, Path: t.Path(n), Detail: detail, Digest: "sha256:" + hex.EncodeToString(sum[:])})
		}
	}
}

// alternatives returns the links that update-alternatives(1) records: in a file
// for each group the status, the link of the master, pairs of names and links of
// its slaves, an empty line, and the candidates.
func (s *scanner) alternatives() map[string]bool {
	t := s.tree
	links := make(map[string]bool)
	for _, dir := range []string{"/var/lib/dpkg/alternatives", "/var/lib/alternatives", "/var/lib/rpm/alternatives"} {
		for n := range t.Children(t.Resolve(dir)) {
			if t.Kind(n) != rootfs.File {
				continue
			}
			data, err := t.ReadFile(n, maxAlternative)
			if err != nil {
				s.gap(sbom.GapUnreadable, t.Path(n), reason(err))
				continue
			}
			lines := bufio.NewScanner(bytes.NewReader(data))
			for i := 0; lines.Scan() && lines.Text() != ""; i++ {
				if line := lines.Text(); i > 0 && strings.HasPrefix(line, "/") {
					if real := t.ResolveParent(line); real != rootfs.None {
						links[t.Path(real)] = true
					}
				}
			}
		}
	}
	return links
}

// nodeCommands adds a notice for each link in node_modules/.bin that is not the
// command of a package: installers make one for each name in "bin" of a
// package.json, or file in its "directories.bin"
// (https://docs.npmjs.com/cli/configuring-npm/package-json#bin).
func (s *scanner) nodeCommands() {
	t := s.tree
	for dir := range t.Named(".bin") {
		if t.Kind(dir) != rootfs.Dir || t.Name(t.Parent(dir)) != "node_modules" || s.caches.contain(dir) {
			continue
		}
		for n := range t.Children(dir) {
			if t.Kind(n) != rootfs.Symlink || s.owned(n) {
				continue
			}
			to := t.ResolveNode(n)
			if to == rootfs.None || t.Kind(to) != rootfs.File || s.isNodeCommand(t.Name(n), to) {
				continue
			}
			s.doc.Notices = append(s.doc.Notices, sbom.Notice{Kind: sbom.NoticeName, Path: t.Path(n), Digest: digestOf(t.Target(n)),
				Detail: fmt.Sprintf("runs %s, which no package has as its command of this name", t.Path(to))})
		}
	}
}

// isNodeCommand reports whether a package that a file is in has it as the command
// of a name.
func (s *scanner) isNodeCommand(name string, file rootfs.Node) bool {
	t := s.tree
	for dir := t.Parent(file); dir != rootfs.None && t.Name(dir) != "node_modules"; dir = t.Parent(dir) {
		manifest := t.ResolveNode(t.Child(dir, "package.json"))
		if manifest == rootfs.None || t.Kind(manifest) != rootfs.File {
			continue
		}
		data, err := t.ReadFile(manifest, maxPackageJSON)
		if err != nil {
			return true // the reader of packages has the gap
		}
		if slices.ContainsFunc(nodeBins(data, name), func(to string) bool { return t.ResolveNode(t.Resolve(path.Join(t.Path(dir), to))) == file }) {
			return true
		}
	}
	return false
}

// nodeBins returns the files, relative to the package, that a command of a name
// may be, by its package.json.
func nodeBins(data []byte, name string) []string {
	var m struct {
		Name        string
		Bin         json.RawMessage
		Directories struct{ Bin string }
	}
	if json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &m) != nil {
		return nil
	}
	var out []string
	var one string
	var list map[string]string
	switch {
	case json.Unmarshal(m.Bin, &one) == nil:
		if path.Base(m.Name) == name {
			out = append(out, one)
		}
	case json.Unmarshal(m.Bin, &list) == nil:
		for key, to := range list {
			if path.Base(key) == name {
				out = append(out, to)
			}
		}
	}
	if m.Directories.Bin != "" {
		out = append(out, path.Join(m.Directories.Bin, name))
	}
	return out
}
