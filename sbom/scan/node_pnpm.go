package scan

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/pnpmkey"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// maxPnpmRecord is the size of a record of pnpm. That of the largest public
// projects has 3 MB.
const maxPnpmRecord = 32 << 20

// pnpmRecord is lock.yaml of an installation: pnpm's own record of what it
// installed, in the format of pnpm-lock.yaml, with the integrity that it checked.
// It is in node_modules/.pnpm, or in the directory of virtualStoreDir
// (https://pnpm.io/settings#virtualstoredir).
type pnpmRecord struct {
	file    string
	project string // the directory that has node_modules
	byName  map[string][]*pnpmEntry
	byID    map[string]*pnpmEntry
	// direct are the IDs that the project and its members require.
	direct map[string]bool
	major  int
}

// pnpmEntry is a package of a record.
type pnpmEntry struct {
	id, name, version string // version is empty if the record has none
	store             string // the beginning of the name of its directory
	integrity         string
	install           *sbom.Install
	patch             string // its hash, or the ID where the record has no hash
}

// pnpmFile has the relevant fields of lock.yaml.
type pnpmFile struct {
	Version   string                  `yaml:"lockfileVersion"`
	Importers map[string]pnpmImporter `yaml:"importers"`
	Importer  pnpmImporter            `yaml:",inline"`
	Packages  map[string]struct {
		Name       string         `yaml:"name"`
		Version    string         `yaml:"version"`
		Patched    bool           `yaml:"patched"`
		Resolution pnpmResolution `yaml:"resolution"`
	} `yaml:"packages"`
	Snapshots map[string]struct{} `yaml:"snapshots"`
}

type pnpmImporter struct {
	Dependencies map[string]pnpmReference `yaml:"dependencies"`
	Dev          map[string]pnpmReference `yaml:"devDependencies"`
	Optional     map[string]pnpmReference `yaml:"optionalDependencies"`
}

// pnpmReference is the version of a dependency: a text, or in later versions of
// the format an object with it.
type pnpmReference string

func (r *pnpmReference) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*r = pnpmReference(n.Value)
		return nil
	}
	var object struct {
		Version string `yaml:"version"`
	}
	err := n.Decode(&object)
	*r = pnpmReference(object.Version)
	return err
}

type pnpmResolution struct {
	Type      string `yaml:"type"`
	Integrity string `yaml:"integrity"`
	Tarball   string `yaml:"tarball"`
	Registry  string `yaml:"registry"`
	GitHosted bool   `yaml:"gitHosted"`
	Directory string `yaml:"directory"`
	Repo      string `yaml:"repo"`
	Commit    string `yaml:"commit"`
	URL       string `yaml:"url"`
}

// pnpmState has the relevant fields of node_modules/.modules.yaml, which is JSON
// since pnpm 8.
type pnpmState struct {
	VirtualStore string              `yaml:"virtualStoreDir"`
	Hoisted      map[string][]string `yaml:"hoistedLocations"`
}

// pnpmPlaces has the records by what they are about.
type pnpmPlaces struct {
	// stores has a record by its virtual store.
	stores map[rootfs.Node]*pnpmRecord
	// shared has the records of the installations that share the global virtual
	// store (https://pnpm.io/settings#enableglobalvirtualstore).
	shared map[rootfs.Node][]*pnpmRecord
	// hoisted has the key and the record of each directory that pnpm made as npm
	// does (nodeLinker: hoisted).
	hoisted map[rootfs.Node]hoistedPackage
}

type hoistedPackage struct {
	entry  *pnpmEntry // nil if the record has none
	record *pnpmRecord
	key    string
}

// readPnpmRecords reads the records of all installations.
func (s *scanner) readPnpmRecords() {
	t := s.tree
	s.pnpm = pnpmPlaces{stores: map[rootfs.Node]*pnpmRecord{}, shared: map[rootfs.Node][]*pnpmRecord{}, hoisted: map[rootfs.Node]hoistedPackage{}}
	for _, modules := range s.byDepth(s.survey.nodeModules) {
		file := t.Child(modules, ".modules.yaml")
		if file == rootfs.None || t.Kind(file) != rootfs.File || s.owned(file) || s.caches.contain(modules) {
			continue
		}
		var state pnpmState
		if !s.readYAML(file, "the state of pnpm's installation", &state) {
			continue
		}
		own := t.Child(modules, ".pnpm")
		store := own
		if v := state.VirtualStore; v != "" {
			if !path.IsAbs(v) {
				v = path.Join(t.Path(modules), v)
			}
			if n := t.Resolve(v); n != rootfs.None && t.Kind(n) == rootfs.Dir {
				store = n
			}
		}
		record := s.readPnpmRecord(modules, own)
		if record == nil && store != own {
			record = s.readPnpmRecord(modules, store)
		}
		if record == nil {
			continue
		}
		for _, n := range []rootfs.Node{own, store} {
			switch {
			case n == rootfs.None:
			case s.caches.contain(n):
				s.pnpm.shared[n] = append(s.pnpm.shared[n], record)
			default:
				s.pnpm.stores[n] = record
			}
		}
		for _, key := range slices.Sorted(maps.Keys(state.Hoisted)) {
			for _, dir := range state.Hoisted[key] {
				if n := t.Lookup(path.Join(record.project, dir)); n != rootfs.None {
					s.pnpm.hoisted[n] = hoistedPackage{record.byKey(key), record, key}
				}
			}
		}
	}
}

// byKey returns the entry of a key in .modules.yaml, in which pnpm 8 has the keys of
// version 5 of the format beside a record of version 6.
func (r *pnpmRecord) byKey(key string) *pnpmEntry {
	id := pnpmkey.Parse(r.major, key).ID // also without peers in the form of version 6
	if e := r.byID[id]; e != nil {
		return e
	}
	k := pnpmkey.Parse(5, id)
	for _, e := range r.byName[k.Name] {
		if k.Version != "" && e.version == k.Version && e.store == pnpmStoreName(5, &k) {
			return e
		}
	}
	return r.byID[k.ID]
}

// readYAML decodes a file with one YAML document. Anything else is a gap.
func (s *scanner) readYAML(n rootfs.Node, what string, to any) bool {
	data, err := s.tree.ReadFile(n, maxPnpmRecord)
	if err != nil {
		s.gap(sbom.GapUnreadable, s.tree.Path(n), reason(err))
		return false
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err = dec.Decode(to); err == io.EOF {
		return true // an empty file
	} else if err == nil {
		if more := dec.Decode(new(yaml.Node)); more == nil {
			err = errors.New("several YAML documents")
		} else if more != io.EOF {
			err = more
		}
	}
	if err != nil {
		s.gap(sbom.GapMalformed, s.tree.Path(n), what+" cannot be read: "+firstLine(err))
		return false
	}
	return true
}

// firstLine returns the first line of an error of the YAML library, which can be a
// list, and shortens it.
func firstLine(err error) string {
	lines := strings.Split(strings.TrimSpace(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:")), "\n")
	return strings.ToValidUTF8(lines[0][:min(len(lines[0]), 200)], "")
}

func (s *scanner) readPnpmRecord(modules, store rootfs.Node) *pnpmRecord {
	t := s.tree
	if store == rootfs.None {
		return nil
	}
	n := t.Child(store, "lock.yaml")
	if n == rootfs.None || t.Kind(n) != rootfs.File || s.owned(n) {
		return nil
	}
	var f pnpmFile
	if !s.readYAML(n, "pnpm's record of this installation", &f) {
		return nil
	}
	r := &pnpmRecord{
		file: t.Path(n), project: t.Path(t.Parent(modules)),
		byName: map[string][]*pnpmEntry{}, byID: map[string]*pnpmEntry{}, direct: map[string]bool{},
	}
	var ok bool
	if r.major, ok = pnpmkey.Major(f.Version); !ok {
		s.gap(sbom.GapMalformed, r.file, fmt.Sprintf("pnpm's record of this installation has the unknown version %q", f.Version))
		return nil
	}
	names := r.required(&f)
	for _, key := range slices.Sorted(maps.Keys(f.Packages)) {
		p, k := f.Packages[key], pnpmkey.Parse(r.major, key)
		e := r.byID[k.ID]
		if e == nil {
			e = &pnpmEntry{
				id: k.ID, name: cmp.Or(k.Name, p.Name, names[k.ID]), version: cmp.Or(p.Version, k.Version), integrity: p.Resolution.Integrity,
				store: pnpmStoreName(r.major, &k), install: r.origin(&k, &p.Resolution),
			}
			r.byID[k.ID] = e
			r.byName[e.name] = append(r.byName[e.name], e)
		}
		if p.Patched || k.Patch != "" {
			e.patch = cmp.Or(k.Patch, k.ID)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.Snapshots)) {
		k := pnpmkey.Parse(r.major, key)
		if e := r.byID[k.ID]; e != nil && k.Patch != "" {
			e.patch = k.Patch
		}
	}
	return r
}

// required adds what the project and its members require, and returns the names by
// which they do, by ID: pnpm 7 writes no other name of a repository.
func (r *pnpmRecord) required(f *pnpmFile) map[string]string {
	names := map[string]string{}
	importers := append(slices.Collect(maps.Values(f.Importers)), f.Importer)
	for _, i := range importers {
		for _, deps := range []map[string]pnpmReference{i.Dependencies, i.Dev, i.Optional} {
			for name, ref := range deps {
				if key := pnpmkey.Reference(r.major, name, string(ref)); key != "" {
					id := pnpmkey.Parse(r.major, key).ID
					r.direct[id] = true
					if old, ok := names[id]; !ok || name < old {
						names[id] = name
					}
				}
			}
		}
	}
	return names
}

// pnpmSpecial are the characters that pnpm replaces in the names of directories.
var pnpmSpecial = strings.NewReplacer(`\`, "+", "/", "+", ":", "+", "*", "+", "?", "+", `"`, "+", "<", "+", ">", "+", "|", "+", "#", "+")

// pnpmStoreName returns the name of the directory of a package in a virtual store,
// without peers. Peers and patch follow after "_"; long names are shortened, with a
// hash (depPathToFilename in @pnpm/dependency-path).
func pnpmStoreName(major int, k *pnpmkey.Key) string {
	id := strings.TrimPrefix(k.ID, "/")
	if major < 9 && !strings.HasPrefix(id, "file:") {
		if at := strings.LastIndexByte(id, '/'); at >= 0 && (major == 5 || k.Version == "") {
			id = id[:at] + "@" + id[at+1:]
		}
	}
	return pnpmSpecial.Replace(id)
}

// origin returns the origin that a resolution records, nil for the registry.
func (r *pnpmRecord) origin(k *pnpmkey.Key, p *pnpmResolution) *sbom.Install {
	in := func(kind sbom.InstallKind, url string) *sbom.Install {
		return &sbom.Install{Kind: kind, URL: sbom.ScrubURL(url), File: r.file}
	}
	repository, commit, hosted := pnpmkey.GitHosted(p.Tarball)
	switch {
	case p.Type == "git":
		i := in(sbom.InstallVCS, p.Repo)
		i.Commit = p.Commit
		return i
	case hosted:
		i := in(sbom.InstallVCS, repository)
		i.Commit = commit
		return i
	case p.GitHosted:
		return in(sbom.InstallVCS, p.Tarball)
	case p.Type == "directory":
		return in(sbom.InstallURL, "file://"+path.Join(r.project, p.Directory))
	case p.Type == "variations":
		return nil // an archive for each platform
	case p.Type != "":
		return in(sbom.InstallURL, cmp.Or(p.URL, p.Type))
	case p.Tarball == "" && p.Registry == "":
		return nil
	case k.Version == "":
		return in(sbom.InstallURL, p.Tarball)
	case strings.Contains(p.Tarball, "://"):
		return in(sbom.InstallRegistry, p.Tarball)
	case p.Registry != "":
		return in(sbom.InstallRegistry, p.Registry)
	}
	return nil // relative to the registry
}

// storeOwner matches the name of a directory in a virtual store that begins with the
// name and version of its package.
var storeOwner = lazyregexp.New(`^(@[^@+]+\+)?([^@+]+)@([0-9]+\.[0-9]+\.[0-9]+[^_]*)`)

// pnpmClaims sets what pnpm recorded about the package in a directory: digests,
// origin, and whether the project requires it.
func (s *scanner) pnpmClaims(u *unit, dir rootfs.Node, m *nodeManifest) {
	t := s.tree
	modules := modulesOf(t, dir)
	if modules == rootfs.None || m.Name == "" {
		return
	}
	if h, ok := s.pnpm.hoisted[dir]; ok {
		e := h.entry
		if e == nil || e.name != m.Name || e.version != "" && e.version != m.Version {
			s.gap(sbom.GapMalformed, u.Paths[0], fmt.Sprintf("is %s %q, and pnpm's record of this installation has %q there", m.Name, m.Version, h.key))
			return
		}
		h.record.claim(u, e)
		return
	}
	at := t.Parent(modules)
	if at == rootfs.None {
		return
	}
	if r := s.pnpm.stores[t.Parent(at)]; r != nil {
		s.storeClaims(u, r, t.Name(at), m)
		return
	}
	// links/@SCOPE/NAME/VERSION/HASH/node_modules/NAME, with @ for no scope
	root := at
	for range 4 {
		if root == rootfs.None {
			return
		}
		root = t.Parent(root)
	}
	var only *pnpmEntry
	var by *pnpmRecord
	for _, r := range s.pnpm.shared[root] {
		e, ok := r.find("", m)
		if !ok || e != nil && only != nil && !e.same(only) {
			return // not known which of them it is
		}
		if e != nil && only == nil {
			only, by = e, r
		}
	}
	if only != nil {
		by.claim(u, only)
	}
}

// storeClaims sets what a record has about a package in a directory of its virtual
// store.
func (s *scanner) storeClaims(u *unit, r *pnpmRecord, at string, m *nodeManifest) {
	if o := storeOwner.FindStringSubmatch(at); o != nil {
		name := strings.TrimSuffix(o[1], "+")
		if name != "" {
			name += "/"
		}
		name += o[2]
		recorded := slices.ContainsFunc(r.byName[name], func(e *pnpmEntry) bool { return e.version == o[3] })
		if recorded && (name != m.Name || o[3] != m.Version) {
			s.gap(sbom.GapMalformed, u.Paths[0], fmt.Sprintf("is %s %q, and pnpm's record of this installation has %s %q there", m.Name, m.Version, name, o[3]))
			return
		}
	}
	e, ok := r.find(at, m)
	switch {
	case e != nil:
		r.claim(u, e)
	case ok && u.Detail == "":
		u.Detail = "not in pnpm's record of the installation"
	}
}

// find returns the entry for a package in a directory of a virtual store. ok is
// false if several are possible.
func (r *pnpmRecord) find(at string, m *nodeManifest) (e *pnpmEntry, ok bool) {
	var fit []*pnpmEntry
	exact := false
	for _, e := range r.byName[m.Name] {
		if e.version != "" && e.version != m.Version {
			continue
		}
		named := at != "" && (at == e.store || strings.HasPrefix(at, e.store+"_") || strings.HasPrefix(at, e.store+"("))
		if named && !exact {
			fit, exact = nil, true
		}
		if named == exact {
			fit = append(fit, e)
		}
	}
	for _, e := range fit {
		if !e.same(fit[0]) {
			return nil, false
		}
	}
	if len(fit) == 0 {
		return nil, true
	}
	return fit[0], true
}

// same reports whether two entries are of one artifact.
func (e *pnpmEntry) same(o *pnpmEntry) bool {
	if o == nil || e.integrity != o.integrity || e.patch != o.patch || (e.install == nil) != (o.install == nil) {
		return false
	}
	return e.install == nil || e.install.Kind == o.install.Kind && e.install.URL == o.install.URL && e.install.Commit == o.install.Commit
}

// claim sets digests and origin of a unit. A patched package is not the artifact
// whose digest the record has.
func (r *pnpmRecord) claim(u *unit, e *pnpmEntry) {
	u.Install, u.Installers = e.install, []string{"pnpm"}
	if u.InstallReason = sbom.ReasonDependency; r.direct[e.id] {
		u.InstallReason = sbom.ReasonExplicit
	}
	if e.patch != "" {
		in := sbom.Install{Kind: sbom.InstallRegistry, File: r.file}
		if e.install != nil {
			in = *e.install
		}
		in.Patch = e.patch
		u.Install, u.Digests = &in, nil
		return
	}
	u.Digests = integrityDigests(e.integrity, r.file)
}

// integrityDigests returns the digests of Subresource Integrity metadata
// (https://www.w3.org/TR/SRI/).
func integrityDigests(integrity, file string) []sbom.Digest {
	var digests []sbom.Digest
	for sri := range strings.FieldsSeq(integrity) {
		alg, value, ok := strings.Cut(sri, "-")
		value, _, _ = strings.Cut(value, "?")
		raw, err := base64.StdEncoding.DecodeString(value)
		switch alg {
		case "sha1", "sha256", "sha384", "sha512", "md5":
		default:
			continue
		}
		if ok && err == nil && len(raw) > 0 {
			digests = append(digests, sbom.Digest{Algorithm: alg, Value: hex.EncodeToString(raw), File: file})
		}
	}
	return digests
}
