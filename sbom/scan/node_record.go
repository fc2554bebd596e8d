package scan

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// maxHiddenLock is the size of a hidden lockfile. That of a large installation
// has some megabytes.
const maxHiddenLock = 32 << 20

// hiddenLock is node_modules/.package-lock.json: npm's own record of its
// installation, with the digests that it checked
// (https://docs.npmjs.com/cli/configuring-npm/package-lock-json#hidden-lockfiles).
type hiddenLock struct {
	file     string
	project  rootfs.Node // the parent directory of the top node_modules
	packages map[string]hiddenEntry
	// modules are the node_modules directories that the record lists packages
	// in, relative to the project: its own, and those of workspace members.
	modules map[string]bool
	// stale is set when npm would not use the record.
	stale bool
	// written is the time after which npm would not use the record.
	written time.Time
	// root is the project's own manifest, nil without one.
	root *nodeManifest
}

type hiddenEntry struct {
	// Name is that of the package if the directory has another one.
	Name      string `json:"name"`
	Version   string `json:"version"`
	Resolved  string `json:"resolved"`
	Integrity string `json:"integrity"`
	Link      bool   `json:"link"`
	InBundle  bool   `json:"inBundle"`
}

// hiddenLockFor returns the record of a node_modules directory: the nearest one
// of a directory around it, or of a project of which it is a workspace member's.
func (s *scanner) hiddenLockFor(dir rootfs.Node, known map[rootfs.Node]*hiddenLock) *hiddenLock {
	t := s.tree
	inside := true // dir is in the node_modules directory of p
	for p := t.Parent(dir); p != rootfs.None; p = t.Parent(p) {
		if s.isNodeModules(p) {
			inside = true
			continue // its parent has it as a child
		}
		modules := t.Child(p, "node_modules")
		if modules == rootfs.None || t.Kind(modules) != rootfs.Dir {
			inside = false
			continue
		}
		lock, ok := known[modules]
		if !ok {
			lock = s.readHiddenLock(modules)
			known[modules] = lock
		}
		if lock != nil && (inside || lock.modules[lock.key(t, dir)]) {
			return lock
		}
		inside = false
	}
	return nil
}

func (s *scanner) readHiddenLock(modules rootfs.Node) *hiddenLock {
	n := s.tree.Child(modules, ".package-lock.json")
	if n == rootfs.None || s.tree.Kind(n) != rootfs.File || s.owned(n) {
		return nil
	}
	data, err := s.tree.ReadFile(n, maxHiddenLock)
	if err != nil {
		s.gap(sbom.GapUnreadable, s.tree.Path(n), reason(err))
		return nil
	}
	fields, err := strictjson.Members(data)
	var packages map[string]json.RawMessage
	if err == nil {
		packages, err = strictjson.Members(fields["packages"])
	}
	if err != nil {
		s.gap(sbom.GapMalformed, s.tree.Path(n), "npm's record of this installation cannot be read: "+err.Error())
		return nil
	}
	lock := &hiddenLock{
		file: s.tree.Path(n), project: s.tree.Parent(modules),
		packages: make(map[string]hiddenEntry, len(packages)), modules: make(map[string]bool),
	}
	for key, raw := range packages {
		var e hiddenEntry
		if err := json.Unmarshal(raw, &e); err != nil {
			s.gap(sbom.GapMalformed, lock.file, fmt.Sprintf("the entry %q cannot be read: %v", key, err))
		}
		lock.packages[key] = e
		if i := strings.LastIndex("/"+key, "/node_modules/"); i >= 0 {
			lock.modules[key[:i]+"node_modules"] = true
		}
	}
	if why := s.outOfDate(lock, n); why != "" {
		lock.stale = true
		s.notice(sbom.NoticeStale, lock.file, why+": npm does not use this record, and no digest is taken from it (install again with npm ci)")
	}
	if m := s.tree.Child(lock.project, "package.json"); m != rootfs.None && s.tree.Kind(m) == rootfs.File {
		if root, err := s.packageJSON(m); err == nil {
			lock.root = root
		}
	}
	return lock
}

// recordJitter is the time by which a directory may be newer than npm's record.
const recordJitter = 10 * time.Millisecond

// outOfDate returns the reason for which npm ignores its record, empty if there
// is none: the directory of packages, a scope or a package is newer than it, or
// is not in it, or an entry has no package. It repeats assertNoNewer of
// lib/shrinkwrap.js in @npmcli/arborist, in the order of the tree. Equal times
// are no reason: layers of images and archives have whole seconds, or one time
// for all files.
func (s *scanner) outOfDate(l *hiddenLock, record rootfs.Node) string {
	t := s.tree
	info, err := t.Stat(record)
	if err != nil {
		return reason(err)
	}
	limit := info.ModTime().Add(recordJitter)
	l.written = limit
	seen := map[string]bool{"": true}
	var check func(dir rootfs.Node) string
	children := func(dir rootfs.Node) string {
		for c := range t.Children(dir) {
			switch t.Kind(c) {
			case rootfs.Dir:
				if !strings.HasPrefix(t.Name(c), ".") {
					if why := check(c); why != "" {
						return why
					}
				}
			case rootfs.Symlink:
				seen[l.key(t, c)] = true
				if to := t.ResolveNode(c); to != rootfs.None && t.Kind(to) == rootfs.Dir && !seen[l.key(t, to)] {
					if why := check(to); why != "" {
						return why
					}
				}
			}
		}
		return ""
	}
	check = func(dir rootfs.Node) string {
		key := l.key(t, dir)
		seen[key] = true
		info, err := t.Stat(dir)
		switch {
		case err != nil:
			return fmt.Sprintf("%s cannot be examined: %s", key, reason(err))
		case info.ModTime().After(limit) && !(s.isNodeModules(dir) && s.hasNewCache(dir, limit)):
			return key + " was changed after it was written"
		}
		group := s.isNodeModules(dir) || strings.HasPrefix(t.Name(dir), "@")
		if _, listed := l.packages[key]; !group && !listed {
			return key + " is not in it"
		}
		if !group {
			dir = t.Child(dir, "node_modules")
			if dir == rootfs.None || t.Kind(dir) != rootfs.Dir {
				return ""
			}
		}
		return children(dir)
	}
	if why := check(t.Parent(record)); why != "" {
		return why
	}
	// Neither the packages of npm's linked layout (node_modules/.store) nor those
	// of members that no link leads to are below a directory that was checked.
	keys := slices.Sorted(maps.Keys(l.packages))
	linked := make(map[string]bool) // a link that no longer leads there is a difference
	for _, e := range l.packages {
		if e.Link {
			linked[e.Resolved] = true
		}
	}
	for _, key := range keys {
		dir := ""
		if store := linkedStore.FindString(key); store != "" {
			store = strings.TrimSuffix(store, "/node_modules/")
			seen[store], dir = true, store+"/node_modules"
		} else if !strings.HasPrefix(key, "node_modules/") {
			dir, _, _ = strings.Cut(key, "/node_modules/")
		}
		if dir == "" || seen[dir] || linked[dir] {
			continue
		}
		if n := t.Lookup(path.Join(t.Path(l.project), dir)); n != rootfs.None && t.Kind(n) == rootfs.Dir {
			if why := check(n); why != "" {
				return why
			}
		}
	}
	for _, key := range keys {
		if !seen[key] {
			return key + " is in it and not installed"
		}
	}
	return ""
}

// hasNewCache reports whether a tool made a directory of its own in node_modules
// after the record was written (.cache of Babel, .vite), which is what changed the
// time of node_modules. npm would not use its record then, but writes it again
// from the packages, each of which is compared with it here.
func (s *inventory) hasNewCache(modules rootfs.Node, limit time.Time) bool {
	t := s.tree
	for c := range t.Children(modules) {
		switch name := t.Name(c); {
		case t.Kind(c) != rootfs.Dir, name == ".bin", !strings.HasPrefix(name, ".cache") && !strings.HasPrefix(name, ".vite"):
		default:
			if info, err := t.Stat(c); err == nil && info.ModTime().After(limit) {
				return true
			}
		}
	}
	return false
}

// newer returns the first file of a package that is newer than the record, None if
// there is none: what made the record stale is often there.
func (s *inventory) newer(l *hiddenLock, dir rootfs.Node) rootfs.Node {
	t := s.tree
	from, end := t.Subtree(dir)
	for n := from; n < end; n++ {
		if n != dir && s.isNodeModules(n) {
			_, past := t.Subtree(n)
			n = past - 1
			continue
		}
		if t.Kind(n) != rootfs.File {
			continue
		}
		if info, err := t.Stat(n); err == nil && info.ModTime().After(l.written) {
			return n
		}
	}
	return rootfs.None
}

// linkedStore matches the directory of one package of npm's linked layout, which
// has no entry itself.
var linkedStore = lazyregexp.New(`^(.*/)?\.store/.+?/node_modules/`)

// key returns the path of a directory in the form of the record: relative to the
// project.
func (l *hiddenLock) key(t *rootfs.Tree, dir rootfs.Node) string {
	if l == nil {
		return ""
	}
	from, to := strings.Split(t.Path(l.project), "/"), strings.Split(t.Path(dir), "/")
	if t.Parent(l.project) == rootfs.None {
		from = from[:1]
	}
	same := 0
	for same < len(from) && same < len(to) && from[same] == to[same] {
		same++
	}
	return strings.Repeat("../", len(from)-same) + strings.Join(to[same:], "/")
}

func (l *hiddenLock) entry(key string) (hiddenEntry, bool) {
	if l == nil {
		return hiddenEntry{}, false
	}
	e, ok := l.packages[key]
	return e, ok
}

// reason returns explicit for a package that the project's manifest names. Only
// a directory at the top can be that package.
func (l *hiddenLock) reason(key, name string) sbom.InstallReason {
	if l.root == nil {
		return sbom.ReasonUnknown
	}
	if key == "node_modules/"+name && (l.root.dependencies[name] || l.root.dev[name] || l.root.optional[name]) {
		return sbom.ReasonExplicit
	}
	return sbom.ReasonDependency
}

// claims returns the digests by Subresource Integrity
// (https://www.w3.org/TR/SRI/) and the origin that npm recorded. Of a record
// that is out of date only those origins remain that speak against a package: a
// package that came from a repository does not come from the registry because
// something beside it was changed.
func (l *hiddenLock) claims(e hiddenEntry) ([]sbom.Digest, *sbom.Install) {
	digests, in := e.claims(l.file)
	if !l.stale {
		return digests, in
	}
	if in != nil && in.Kind == sbom.InstallRegistry {
		in = nil
	}
	return nil, in
}

func (e hiddenEntry) claims(file string) ([]sbom.Digest, *sbom.Install) {
	digests := integrityDigests(e.Integrity, file)
	in := &sbom.Install{Kind: sbom.InstallRegistry, URL: sbom.ScrubURL(e.Resolved), File: file}
	switch {
	case e.Link:
		in.Kind = sbom.InstallLink
	case strings.HasPrefix(e.Resolved, "git"):
		in.Kind = sbom.InstallVCS
		if _, commit, ok := strings.Cut(e.Resolved, "#"); ok {
			in.Commit = commit
		}
	case strings.HasPrefix(e.Resolved, "file:"):
		in.Kind = sbom.InstallURL
	case e.Resolved == "":
		in = nil
	}
	return digests, in
}
