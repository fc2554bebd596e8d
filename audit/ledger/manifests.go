package ledger

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/zeebo/blake3"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/lockcheck/artifact"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/ospkg"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// expectation is what a manifest states about a file that is there.
type expectation struct {
	digest    [32]byte // of the content, or of what follows the first line
	component int32
	uid, gid  int32 // -1 for any
	mode      uint16
	kind      rootfs.Kind
	// exact is set when the installer sets mode and owner as the artifact has
	// them, and does not when they follow from the umask.
	exact    bool
	conffile bool
	shebang  bool // the installer replaces the first line
	caps     bool
	link     bool // the target is that of the manifest
	prefix   *prefixed
}

// want is an artifact that an entry names.
type want struct {
	component int32
	artifact.Want
	url string
	// platform is that of a gem.
	platform string
}

// found is what an artifact states about the files of its component.
type found struct {
	err      error
	digest   string
	at       []rootfs.Node
	expected []expectation
	absent   []absentFile
	scripts  []rootfs.Node // commands that the installer makes
	built    bool          // the installer compiles a part of it
}

// readManifests finds the artifacts of components, and what they state.
func (e *engine) readManifests(ctx context.Context) error {
	wants, err := e.wants(ctx)
	if err != nil {
		return err
	}
	store := artifact.NewStore(artifact.Options{Directories: e.directories(), Sources: e.sources(), Cache: e.request.Cache})
	p := e.newPlacer()
	out := make([]found, len(wants))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(wants)) {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(wants) {
					return
				}
				m, digest, err := store.Manifest(ctx, wants[i].Want)
				if err != nil {
					out[i].err = err
					continue
				}
				out[i].digest = digest
				p.place(&wants[i], m, &out[i])
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, err := range store.Problems() {
		e.gaps = append(e.gaps, sbom.Gap{Kind: sbom.GapUnreadable, Detail: sbom.Escape(err.Error())})
	}
	for i := range wants {
		e.take(&wants[i], &out[i])
		out[i] = found{}
	}
	return nil
}

func (e *engine) directories() []string {
	return slices.DeleteFunc(slices.Clone(e.request.Artifacts), func(s string) bool { return s == "" })
}

// sources are the file systems with caches of package managers.
func (e *engine) sources() []artifact.Source {
	homes := []string{"root"}
	for n := range e.tree.Children(e.tree.Resolve("/home")) {
		if e.tree.Kind(n) == rootfs.Dir {
			homes = append(homes, "home/"+e.tree.Name(n))
		}
	}
	var yarn []string
	for n := range e.tree.Named("cache") {
		if e.tree.Kind(n) == rootfs.Dir && e.tree.Name(e.tree.Parent(n)) == ".yarn" {
			yarn = append(yarn, strings.TrimPrefix(e.tree.Path(n), "/"))
		}
	}
	out := []artifact.Source{{FS: e.tree.FS("/"), Homes: homes, Yarn: yarn}}
	if e.request.Own {
		s := artifact.Source{FS: os.DirFS("/")}
		if home, err := os.UserHomeDir(); err == nil {
			s.Homes = append(s.Homes, strings.TrimPrefix(filepath.ToSlash(home), "/"))
		}
		if cache := os.Getenv("XDG_CACHE_HOME"); path.IsAbs(cache) {
			s.Caches = append(s.Caches, strings.TrimPrefix(path.Clean(cache), "/"))
		}
		out = append(out, s)
	}
	return out
}

// kinds are the kinds of artifacts by type of package URL.
var kinds = map[string]artifact.Kind{"deb": artifact.Deb, "rpm": artifact.RPM, "apk": artifact.APK, "alpm": artifact.ALPM, "pypi": artifact.Wheel, "npm": artifact.NPM, "gem": artifact.Gem, "conda": artifact.Conda, "maven": artifact.Jar}

// wants are the artifacts that trusted entries name.
func (e *engine) wants(ctx context.Context) ([]want, error) {
	entries, err := e.readIndexes(ctx)
	if err != nil {
		return nil, err
	}
	locked, locks, err := e.locked(ctx)
	if err != nil {
		return nil, err
	}
	var out []want
	for i := range e.doc.Components {
		c := &e.doc.Components[i]
		w := want{component: int32(i), Want: artifact.Want{Kind: kinds[c.Type], Name: c.Name, Version: c.Version, Arch: c.Arch}}
		if w.Kind == "" {
			continue
		}
		if entry := entries[int32(i)]; entry != nil {
			w.Digests, w.File, w.Size = entry.Digests, entry.File, entry.Size
			if base := e.archives[entry.Index]; base != "" {
				w.url = base + "/" + entry.File
			}
			out = append(out, w)
			continue
		}
		if c.Kind != sbom.KindPackage {
			continue
		}
		name := ecosystem.Join(c.Namespace, c.Name)
		w.Name = name
		patched := false
		governing := slices.DeleteFunc(slices.Clone(locked[lockKey{c.Type, ecosystem.Canonical(c.Type, name), c.Version}]), func(l lockedEntry) bool {
			return !locks.Governing(l.lock, c.Type, c.Paths)
		})
		if w.Kind == artifact.Gem {
			out = append(out, e.gemWants(w, c, governing)...)
			continue
		}
		if w.Kind == artifact.Jar {
			if !c.Counts() {
				continue // in another archive
			}
			e.wantJar(&w, c, locked, locks)
		}
		for _, l := range governing {
			for _, h := range l.Hashes {
				w.Digests = append(w.Digests, h.Algorithm+":"+h.Value)
			}
			if w.url == "" {
				w.url = l.Source.URL
			}
			patched = patched || l.Patched
		}
		slices.Sort(w.Digests)
		w.Digests = slices.Compact(w.Digests)
		w.File = w.url
		if c.Type == "npm" && slices.ContainsFunc(w.Digests, isYarn) && !slices.ContainsFunc(w.Digests, func(d string) bool { return !isYarn(d) && !strings.HasPrefix(d, "sha1:") }) {
			if w.Kind = artifact.Yarn; patched {
				w.url, w.File = "", artifact.YarnPatch(w.Name)
			}
		}
		if w.Kind == artifact.Conda {
			w.Fits = func(m *artifact.Manifest) bool { return len(e.condaRecords(c, m)) > 0 }
		}
		if w.Kind == artifact.Wheel && len(w.Digests) > 1 {
			w.Fits = e.wheelFits(c)
		}
		if len(w.Digests) > 0 {
			out = append(out, w)
		}
	}
	return out, nil
}

// isYarn reports whether a digest is a checksum of Yarn 2 or later.
func isYarn(digest string) bool { return strings.HasPrefix(digest, "yarn/") }

type lockKey struct{ typ, name, version string }

type lockedEntry struct {
	*lockcheck.Entry
	lock int // the index of its lock
}

// locked has the entries of the locks, and the locks. An entry of the project
// itself has no artifact.
func (e *engine) locked(ctx context.Context) (map[lockKey][]lockedEntry, *lockcheck.Set, error) {
	out := map[lockKey][]lockedEntry{}
	var locks []*lockcheck.Lock
	for at, file := range e.request.Locks {
		l, err := lockcheck.Open(ctx, file)
		if err != nil {
			return nil, nil, err
		}
		if at < len(e.request.For) {
			l = l.Governing(e.request.For[at])
		}
		locks = append(locks, l)
		for i := range l.Entries {
			x := &l.Entries[i]
			if x.Bundled && x.Install != "" {
				e.bundled[x.Install] = true
			}
			if x.FirstParty || x.Constraint || x.Base || len(x.Hashes) == 0 {
				continue
			}
			k := lockKey{x.Type, ecosystem.Canonical(x.Type, ecosystem.Join(x.Namespace, x.Name)), x.Version}
			out[k] = append(out[k], lockedEntry{x, at})
			if x.Type == "maven" {
				for _, h := range x.Hashes {
					k := lockKey{"maven", h.Algorithm + ":" + h.Value, ""} // see wantJar
					out[k] = append(out[k], lockedEntry{x, at})
				}
			}
		}
	}
	return out, lockcheck.NewSet(locks, lockcheck.Policy{}), nil
}

// take adds what was found of one artifact.
func (e *engine) take(w *want, f *found) {
	c := &e.state[w.component]
	switch {
	case errors.Is(f.err, artifact.ErrNone):
		if e.doc.Components[w.component].Counts() {
			a := audit.Artifact{Component: c.proof.ID, Kind: string(w.Kind), Name: sbom.Escape(w.Name), Version: sbom.Escape(w.Version), Digests: w.Digests, Size: w.Size, URL: sbom.Escape(w.url)}
			if w.File != "" {
				a.File = sbom.Escape(w.File)
			}
			e.missing = append(e.missing, a)
		}
		return
	case f.err != nil:
		e.gaps = append(e.gaps, sbom.Gap{Kind: sbom.GapMalformed, Detail: sbom.Escape("the artifact of " + w.Name + " " + w.Version + " cannot be read: " + f.err.Error())})
		return
	}
	c.manifest, c.built = true, c.built || f.built
	c.proof.Artifact = append(c.proof.Artifact, f.digest)
	for i, n := range f.at {
		e.expected = append(e.expected, f.expected[i])
		e.nodes[n].expect = int32(len(e.expected))
	}
	for _, n := range f.scripts {
		e.nodes[n].command = true
	}
	e.absent = append(e.absent, f.absent...)
}

// placer finds the files of manifests in the environment. It does not change, and
// is used by several goroutines.
type placer struct {
	*engine
	users, groups map[string]int32
	diverted      map[string]diversion
	records       map[absentKey]ospkg.FileFlags
}

type diversion struct{ to, by string }

type absentKey struct {
	component int32
	path      string
}

func (e *engine) newPlacer() *placer {
	p := &placer{engine: e, users: e.accounts("/etc/passwd"), groups: e.accounts("/etc/group"), diverted: e.diversions(), records: map[absentKey]ospkg.FileFlags{}}
	if e.records != nil {
		for _, a := range e.records.Absent {
			if a.Component >= 0 && a.Component < len(e.packages) {
				p.records[absentKey{e.packages[a.Component], a.Path}] |= a.Flags
			}
		}
	}
	return p
}

const maxSmall = 16 << 20

// accounts reads the numbers of users or groups.
func (e *engine) accounts(file string) map[string]int32 {
	out := map[string]int32{"root": 0}
	data, err := e.tree.ReadFile(e.tree.Resolve(file), maxSmall)
	if err != nil {
		return out
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) > 2 {
			if id, err := strconv.ParseInt(f[2], 10, 32); err == nil {
				if _, known := out[f[0]]; !known {
					out[f[0]] = int32(id)
				}
			}
		}
	}
	return out
}

// diversions reads dpkg's: three lines each, from, to and the package that is
// spared (dpkg-divert(1)).
func (e *engine) diversions() map[string]diversion {
	out := map[string]diversion{}
	data, err := e.tree.ReadFile(e.tree.Resolve("/var/lib/dpkg/diversions"), maxSmall)
	if err != nil {
		return out
	}
	lines := strings.Split(string(data), "\n")
	for i := 0; i+2 < len(lines); i += 3 {
		out[lines[i]] = diversion{lines[i+1], lines[i+2]}
	}
	return out
}

func (p *placer) place(w *want, m *artifact.Manifest, out *found) {
	switch w.Kind {
	case artifact.Deb, artifact.RPM, artifact.APK, artifact.ALPM:
		p.placeSystem(w, m, out)
	case artifact.Wheel:
		p.placeWheel(w, m, out)
	case artifact.Gem:
		p.placeGem(w, m, out)
	case artifact.NPM, artifact.Yarn:
		p.placeNPM(w, m, out)
	case artifact.Conda:
		p.placeConda(w, m, out)
	case artifact.Jar:
		p.placeJar(w, m, out)
	}
}

func (p *placer) expect(w *want, f *artifact.File, exact bool) expectation {
	x := expectation{digest: f.Digest, component: w.component, uid: -1, gid: -1, mode: uint16(f.Mode & 0o7777), exact: exact, caps: len(f.Capabilities) > 0}
	switch f.Type {
	case 'f', 'h':
		x.kind = rootfs.File
	case 'd':
		x.kind = rootfs.Dir
	case 'l':
		x.kind = rootfs.Symlink
	default:
		x.kind = rootfs.Other
	}
	if exact {
		if id, ok := account(p.users, f.User); ok {
			x.uid = id
		}
		if id, ok := account(p.groups, f.Group); ok {
			x.gid = id
		}
	}
	if f.Rewrite == artifact.RewriteShebang {
		x.shebang, x.digest = true, f.Rest
	}
	return x
}

func account(table map[string]int32, name string) (int32, bool) {
	if id, ok := table[name]; ok {
		return id, true
	}
	id, err := strconv.ParseInt(name, 10, 32)
	return int32(id), err == nil
}

// placeSystem places the files of a package of the system.
func (p *placer) placeSystem(w *want, m *artifact.Manifest, out *found) {
	conffiles := map[string]bool{}
	for _, c := range m.Conffiles {
		conffiles[strings.TrimPrefix(c, "/")] = true
	}
	t := p.tree
	for i := range m.Files {
		f := &m.Files[i]
		full := "/" + f.Path
		if d, ok := p.diverted[full]; ok && d.by != w.Name {
			full = d.to
		}
		n := t.ResolveParent(full)
		x := p.expect(w, f, true)
		x.conffile = conffiles[f.Path]
		if n == rootfs.None {
			if f.Type == 'd' {
				continue
			}
			flags := p.records[absentKey{w.component, full}]
			if flags&(ospkg.Excluded|ospkg.Ghost|ospkg.MissingOK) != 0 {
				continue
			}
			a := absentFile{path: full, component: w.component, conffile: x.conffile}
			if isDocumentation(full) {
				a.rule = ruleDocumentation
			}
			out.absent = append(out.absent, a)
			continue
		}
		if owner := p.nodes[n].component; f.Type != 'd' && owner > 0 && owner != w.component+1 && p.doc.Components[owner-1].Kind == sbom.KindOS {
			continue // replaced by a file of that package: Replaces, or the same file
		}
		if f.Type == 'd' {
			// Directories are shared, and a link may be in place of one: merged /usr.
			n = t.ResolveNode(n)
			if n == rootfs.None || p.nodes[n].component > 0 && p.nodes[n].component != w.component+1 {
				continue
			}
			if p.files.DB() == nil || p.files.DB().Owner(n) != sbom.Unescape(p.doc.Components[w.component].ID) || p.sharedDir(f.Path) {
				continue
			}
		}
		x.link = f.Type == 'l' && t.Target(n) == f.Target
		out.at, out.expected = append(out.at, n), append(out.expected, x)
	}
	p.placeScripts(w, m, out)
}

// sharedDir reports whether the mode of a directory is the administrator's.
func (p *placer) sharedDir(name string) bool { return !strings.Contains(name, "/") }

// placeScripts places what dpkg keeps of the control part of a package:
// info/NAME.postinst, or NAME:ARCH.postinst.
func (p *placer) placeScripts(w *want, m *artifact.Manifest, out *found) {
	db := p.files.DB()
	if db == nil || w.Kind != artifact.Deb {
		return
	}
	for i, at := range p.packages {
		if at != w.component {
			continue
		}
		for _, n := range db.Control(i) {
			base := p.tree.Name(n)
			ext := strings.TrimPrefix(path.Ext(base), ".")
			if ext == "list" {
				continue
			}
			for j := range m.Scripts {
				if s := &m.Scripts[j]; s.Path == ext {
					x := p.expect(w, s, false)
					x.kind, x.mode = rootfs.File, x.mode&0o777
					out.at, out.expected = append(out.at, n), append(out.expected, x)
				}
			}
		}
	}
}

// placeWheel places the files of a wheel wherever the distribution is installed.
func (p *placer) placeWheel(w *want, m *artifact.Manifest, out *found) {
	t := p.tree
	for _, file := range p.doc.Components[w.component].Paths {
		meta := t.Lookup(sbom.Unescape(file))
		if meta == rootfs.None || p.nodes[meta].component != w.component+1 {
			continue
		}
		info := t.Parent(meta)
		site := t.Path(t.Parent(info))
		prefix := pythonPrefix(site)
		for i := range m.Files {
			f := &m.Files[i]
			if isInstallers(path.Base(f.Path)) && path.Dir(f.Path) == t.Name(info) {
				continue
			}
			full := ""
			switch f.Place {
			case "":
				full = path.Join(site, f.Path)
			case "scripts":
				full = path.Join(prefix, "bin", f.Path)
			case "data":
				full = path.Join(prefix, f.Path)
			default: // headers are at a place that depends on the interpreter
				continue
			}
			p.placeFile(w, f, full, out)
		}
		for _, program := range m.Programs {
			n := t.ResolveParent(path.Join(prefix, "bin", program.Name))
			if n != rootfs.None && p.nodes[n].component == w.component+1 && p.isConsoleScript(n, program.Target) {
				out.scripts = append(out.scripts, n)
			}
		}
	}
}

// placeFile places a file of which the installer chooses rights by the umask.
func (p *placer) placeFile(w *want, f *artifact.File, full string, out *found) {
	if f.Type == 'd' {
		return
	}
	n := p.tree.ResolveParent(full)
	if n == rootfs.None {
		if !isBytecode(full) {
			out.absent = append(out.absent, absentFile{path: full, component: w.component})
		}
		return
	}
	x := p.expect(w, f, false)
	if p.tree.Kind(n) == rootfs.Symlink && x.kind == rootfs.File {
		// A link to the store of uv or pnpm is compared by what it leads to.
		if to := p.tree.ResolveNode(n); to != rootfs.None && p.nodes[to].component == w.component+1 {
			n = to
		}
	}
	x.link = f.Type == 'l' && p.tree.Target(n) == f.Target
	out.at, out.expected = append(out.at, n), append(out.expected, x)
}

// pythonPrefix is the directory above lib/pythonX.Y/site-packages, or the
// directory of modules itself.
func pythonPrefix(site string) string {
	lib := path.Dir(site)
	if strings.HasPrefix(path.Base(lib), "python") {
		lib = path.Dir(lib)
	}
	base := path.Base(site)
	if base != "site-packages" && base != "dist-packages" || !strings.HasPrefix(path.Base(lib), "lib") {
		return site
	}
	return path.Dir(lib)
}

// isBundled reports whether the lock has a directory as one in the tarball of the
// package around it. Authors leave out files there, so the package's own tarball is
// not what it is compared with, even if the same version is elsewhere too.
func (p *placer) isBundled(dir string) bool {
	for dir != "" {
		if p.bundled[dir] {
			return true
		}
		_, dir, _ = strings.Cut(dir, "/")
	}
	return false
}

// placeNPM places the files of an npm package in each of its directories. With
// Plug'n'Play the zip file of Yarn is installed as it is.
func (p *placer) placeNPM(w *want, m *artifact.Manifest, out *found) {
	t := p.tree
	ignore := w.Kind == artifact.Yarn || slices.ContainsFunc(m.Files, func(f artifact.File) bool { return f.Path == ".npmignore" })
	for _, file := range p.doc.Components[w.component].Paths {
		dir := t.Lookup(sbom.Unescape(file))
		if dir != rootfs.None && t.Kind(dir) == rootfs.File {
			if w.Kind == artifact.Yarn && strings.HasSuffix(t.Name(dir), ".zip") {
				p.placeFile(w, &m.Scripts[0], t.Path(dir), out)
				continue
			}
			dir = t.Parent(dir)
		}
		if dir = t.ResolveNode(dir); dir == rootfs.None || p.isBundled(t.Path(dir)) {
			continue
		}
		for i := range m.Files {
			f := &m.Files[i]
			name := f.Path
			if path.Base(name) == ".gitignore" && !ignore {
				name = path.Join(path.Dir(name), ".npmignore")
			}
			p.placeFile(w, f, path.Join(t.Path(dir), name), out)
		}
	}
}

// compareManifest compares a node with the artifact of its component.
func (e *engine) compareManifest(n rootfs.Node, f *node, x rootfs.Examined, r ospkg.FileRecord) {
	w := &e.expected[f.expect-1]
	kind := e.tree.Kind(n)
	var d how
	switch {
	case kind != w.kind:
		d = howType
	case kind == rootfs.File:
		if w.shebang {
			if !e.sameRest(n, w.digest) {
				d |= howContent
			}
		} else if w.prefix != nil {
			same, known := e.samePrefixed(n, w)
			if !known {
				return // not checked
			}
			if !same {
				d |= howContent
			}
		} else if x.Sums.BLAKE3 != w.digest {
			d |= howContent
		}
	case kind == rootfs.Symlink && !w.link:
		d |= howLink
	}
	if kind != rootfs.Symlink && d&howType == 0 {
		d |= e.compareRights(w, x.Meta, r.Flags&ospkg.Override != 0)
	}
	switch {
	case kind == rootfs.Dir && (d == 0 || aptPartial(e.tree.Path(n))):
		return
	case d == 0:
		f.status = proved
	case w.conffile && d&^(howContent|howMode|howOwner) == 0 && f.mode&setID == 0:
		f.status, f.how = conffile, d
	default:
		f.status, f.how = changed, d
	}
}

// compareRights compares mode, owner and capabilities.
func (e *engine) compareRights(w *expectation, m rootfs.Meta, override bool) how {
	var d how
	if len(m.Capabilities) > 0 && !w.caps {
		d |= howCapabilities
	}
	if override {
		return d
	}
	if !w.exact {
		// The umask decides about the rest. Deno applies none: where the artifact
		// lets all users write, so does the file.
		if m.Mode&(setID|0o002)&^uint32(w.mode) != 0 {
			d |= howMode
		}
		return d
	}
	if m.Mode&0o7777 != uint32(w.mode) {
		d |= howMode
	}
	if e.owners && (w.uid >= 0 && m.UID >= 0 && int(w.uid) != m.UID || w.gid >= 0 && m.GID >= 0 && int(w.gid) != m.GID) {
		d |= howOwner
	}
	return d
}

// sameRest reports whether a script has the content of an artifact after its
// first line, and a Python beside it in that line.
func (e *engine) sameRest(n rootfs.Node, want [32]byte) bool {
	f, err := e.tree.OpenFile(n)
	if err != nil {
		return false
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 4096)
	line, err := r.ReadSlice('\n')
	if err != nil || !e.isPythonLine(n, string(line)) {
		return false
	}
	h := blake3.New()
	if _, err := io.Copy(h, io.LimitReader(r, maxRecord)); err != nil {
		return false
	}
	return bytes.Equal(h.Sum(nil), want[:])
}
