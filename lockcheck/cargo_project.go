package lockcheck

import (
	"context"
	"path"
	"path/filepath"
	"strings"
)

// Limits of the manifests that are read beside a Cargo.lock. The largest public
// workspaces have some 600 members.
const (
	maxManifests = 4096
	maxMembers   = 4 * maxManifests // directories that patterns match
)

// cargoProject is what Cargo.lock does not have: which packages without a source
// are members of the workspace and which are other directories, and which crates
// the project replaces. Cargo.lock has no source for all of those
// (https://doc.rust-lang.org/cargo/reference/overriding-dependencies.html).
type cargoProject struct {
	ctx context.Context
	dir string // of Cargo.lock
	// members has the directory, relative to dir, of each package in it.
	members map[string]string
	// patched has the crates that [patch] and [replace] name, with the place.
	patched map[string]cargoPatch
	// queue has the directories whose manifest is not read yet.
	queue []string
	seen  map[string]bool
}

type cargoPatch struct{ by, place string }

// readCargoProject reads the Cargo.toml beside a Cargo.lock, those of the members
// of its workspace, and .cargo/config.toml. It returns nil when there is none.
func (l *Lock) readCargoProject(ctx context.Context, dir string) (*cargoProject, error) {
	root, err := l.readManifest(ctx, filepath.Join(dir, "Cargo.toml"))
	if root == nil || err != nil {
		return nil, err
	}
	p := &cargoProject{ctx: ctx, dir: dir, members: map[string]string{}, patched: map[string]cargoPatch{}, seen: map[string]bool{".": true}}
	p.addPatches(root)
	for _, name := range []string{"config.toml", "config"} {
		config, err := l.readManifest(ctx, filepath.Join(dir, ".cargo", name))
		if err != nil {
			return nil, err
		}
		if config != nil {
			p.addPatches(config)
		}
	}
	p.addManifest(".", root)
	p.addMembers(root)
	for len(p.queue) > 0 {
		at := p.queue[0]
		p.queue = p.queue[1:]
		manifest, err := l.readManifest(ctx, filepath.Join(dir, filepath.FromSlash(at), "Cargo.toml"))
		if err != nil {
			return nil, err
		}
		if manifest != nil {
			p.addManifest(at, manifest)
			if err := manifest.failure(); err != nil {
				return nil, err
			}
		}
	}
	return p, root.failure()
}

func (l *Lock) readManifest(ctx context.Context, file string) (*document, error) {
	src, err := l.readBeside(ctx, filepath.Dir(file), filepath.Base(file))
	if src == nil || err != nil {
		return nil, err
	}
	return parseTOML(src)
}

// addManifest records the package of a manifest, and the directories that its
// dependencies are in, which are members too ("All path dependencies residing in
// the workspace directory automatically become members").
func (p *cargoProject) addManifest(at string, d *document) {
	if name := d.text(d.table(d.root, "package"), "name"); name != "" {
		p.members[name] = at
	}
	tables := []*node{d.root, d.table(d.root, "workspace")}
	if targets := d.table(d.root, "target"); targets != nil {
		for _, m := range targets.members {
			tables = append(tables, m.value)
		}
	}
	for _, table := range tables {
		for _, key := range []string{"dependencies", "dev-dependencies", "build-dependencies"} {
			list := table.get(key)
			if list == nil || list.kind != nodeObject {
				continue
			}
			for _, m := range list.members {
				if dir := m.value.get("path"); dir != nil && dir.kind == nodeString {
					p.add(path.Join(at, filepath.ToSlash(dir.text)))
				}
			}
		}
	}
}

// addMembers adds the directories of [workspace]. A pattern has the wildcards of
// path.Match; "**" matches one level only here.
func (p *cargoProject) addMembers(root *document) {
	workspace := root.table(root.root, "workspace")
	excluded, matched := map[string]bool{}, 0
	for _, dir := range root.texts(workspace, "exclude") {
		excluded[dir] = true
	}
	for _, pattern := range root.texts(workspace, "members") {
		if pattern = path.Clean(filepath.ToSlash(pattern)); !inProject(pattern) {
			continue
		}
		dirs, err := filepath.Glob(filepath.Join(p.dir, filepath.FromSlash(pattern)))
		if err != nil {
			continue
		}
		if matched += len(dirs); matched > maxMembers {
			return
		}
		for _, dir := range dirs {
			if rel, err := filepath.Rel(p.dir, dir); err == nil && !excluded[filepath.ToSlash(rel)] {
				p.add(filepath.ToSlash(rel))
			}
		}
	}
}

// add adds a directory of the project whose manifest is to be read.
func (p *cargoProject) add(dir string) {
	if dir = path.Clean(dir); inProject(dir) && !p.seen[dir] && len(p.seen) < maxManifests {
		p.seen[dir] = true
		p.queue = append(p.queue, dir)
	}
}

// addPatches adds the tables [patch.SOURCE] and [replace] of a manifest, or of
// Cargo's configuration. A patch under another name has the name in "package".
func (p *cargoProject) addPatches(d *document) {
	add := func(key string, by *node) {
		name, _, _ := strings.Cut(key, ":")
		if real := by.get("package"); real != nil && real.kind == nodeString {
			name = real.text
		}
		to := ""
		for _, key := range []string{"path", "git", "registry", "registry-index", "version"} {
			if n := by.get(key); n != nil && n.kind == nodeString && to == "" {
				to = scrub(n.text)
			}
		}
		if _, again := p.patched[name]; !again {
			p.patched[name] = cargoPatch{to, d.file + ":" + itoa(d.line(by.offset))}
		}
	}
	if sources := d.table(d.root, "patch"); sources != nil {
		for _, source := range sources.members {
			for _, m := range source.value.members {
				add(m.key, m.value)
			}
		}
	}
	if list := d.table(d.root, "replace"); list != nil {
		for _, m := range list.members {
			add(m.key, m.value)
		}
	}
}

// judge marks an entry of Cargo.lock by what the manifests have about it.
func (p *cargoProject) judge(e *Entry) {
	patch, patched := p.patched[e.Name]
	dir, member := p.members[e.Name]
	switch {
	case e.Source.Kind == KindPath && patched:
		e.FirstParty = false
		e.flaw = flaw{Replaced, quote(e.Name) + " is replaced by " + quote(patch.by) + " in " + patch.place}
	case e.Source.Kind == KindPath:
		e.FirstParty = member
		e.Source.URL = dir
	case e.Source.Kind == KindVCS && patched:
		e.flaw = flaw{Replaced, quote(e.Name) + " is replaced by " + quote(patch.by) + " in " + patch.place}
	}
}
