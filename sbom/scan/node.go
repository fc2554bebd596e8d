package scan

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/environ"
)

// Limits of what is read of one Node package. A package.json is a few
// kilobytes, the hidden lock file of a large installation some megabytes.
const (
	maxPackageJSON = 4 << 20
	maxHiddenLock  = 128 << 20
)

// readNode reports the packages that Node would load: every folder of a
// node_modules folder, and of a scope in it, whatever its package.json says.
// The folder is the unit: one without a name is unaccounted, and so is a file
// that a module name leads to
// (https://nodejs.org/api/modules.html#all-together).
func (s *scanner) readNode() {
	hidden := make(map[environ.Node]*hiddenLock)
	for _, dir := range s.byDepth(s.survey.nodeModules) {
		if s.caches.contain(dir) {
			continue
		}
		lock := s.hiddenLockFor(dir, hidden)
		for c := range s.tree.Children(dir) {
			name := s.tree.Name(c)
			switch {
			case strings.HasPrefix(name, "."):
				s.readNodeHidden(c, name)
			case strings.HasPrefix(name, "@") && s.tree.Kind(c) == environ.Dir:
				for scoped := range s.tree.Children(c) {
					s.readNodePackage(dir, scoped, lock)
				}
			default:
				s.readNodePackage(dir, c, lock)
			}
		}
	}
}

// readNodePackage reads one folder of a node_modules folder.
func (s *scanner) readNodePackage(modules, dir environ.Node, lock *hiddenLock) {
	t := s.tree
	if t.Kind(dir) == environ.Symlink {
		s.readNodeLink(modules, dir, lock)
		return
	}
	if t.Kind(dir) != environ.Dir {
		if t.Kind(dir) == environ.File && path.Ext(t.Name(dir)) != ".json" {
			s.modules = append(s.modules, dir)
		}
		return
	}
	manifest := s.manifestOf(dir)
	if manifest == environ.None {
		if !s.owned(dir) && s.holdsFiles(dir) && !s.insideAnother(dir) {
			s.addNodeFolder(dir, dir, "a folder in node_modules without package.json")
		}
		return
	}
	carrier := s.carrierOf(manifest)
	m, err := s.packageJSON(manifest)
	if err != nil {
		switch {
		case s.owned(manifest): // inside a package of the system, whatever it is
		case carrier >= 0:
			return // a fixture: what the cataloger says about it is excluded
		default:
			s.gap(sbom.GapMalformed, t.Path(manifest), err.Error())
		}
		s.read[manifest] = true
		return
	}
	s.read[manifest] = true
	key := lock.key(t, dir)
	entry, inLock := lock.entry(key)
	u := unit{node: manifest, inside: -1}
	u.Component = sbom.Component{
		Kind: sbom.KindPackage, Type: "npm", Name: m.Name, Version: m.Version,
		Paths: []string{t.Path(manifest)}, FoundBy: "node-reader",
	}
	if m.Name == "" {
		u.Kind, u.Type, u.Name, u.Paths = sbom.KindFiles, "generic", t.Name(dir), []string{t.Path(dir)}
		u.Detail = "a package.json in node_modules without a name"
		u.Files = s.filesBelow(dir)
	} else if scope, name, ok := strings.Cut(m.Name, "/"); ok && strings.HasPrefix(scope, "@") {
		u.Namespace, u.Name = scope, name
	}
	if folder := nodeFolderName(t, dir); m.Name != "" && folder != m.Name {
		u.Detail = fmt.Sprintf("installed as %s", folder)
	}
	if !isASCII(m.Name) {
		s.notice(sbom.NoticeNonASCII, t.Path(manifest), fmt.Sprintf("the npm package %+q has a name outside ASCII, which the registry does not accept", m.Name))
	}
	if inLock && entry.Version != "" && entry.Version != m.Version {
		s.gap(sbom.GapMalformed, t.Path(manifest), fmt.Sprintf("says version %q, and %q by npm's record of what it installed here", m.Version, entry.Version))
	} else if inLock {
		u.Digests, u.Install = entry.claims(lock.file)
		u.Asked = lock.asked(key, nodeFolderName(t, dir))
	}
	owner := carrier
	if owner < 0 {
		owner = s.bundledIn(modules, entry, inLock)
	}
	if owner >= 0 {
		u.inside = owner
	}
	u.own = owner < 0
	i := s.add(u)
	if !s.owned(manifest) {
		// npm installs a package's own dependencies directly below it. What
		// lies in a node_modules further down came with the package.
		s.claimTree(dir, i, func(n environ.Node) bool { return t.Parent(n) == dir && s.isNodeModules(n) })
	}
}

// manifestOf is the package.json of a folder, None when there is none.
func (s *scanner) manifestOf(dir environ.Node) environ.Node {
	return s.tree.ResolveNode(s.tree.Child(dir, "package.json"))
}

// addNodeFolder adds a folder that Node loads from and that does not say what
// it is; at is where it was found, which may be a link to it.
func (s *scanner) addNodeFolder(at, dir environ.Node, detail string) {
	t := s.tree
	i := s.add(unit{node: at, inside: -1, own: true, Component: sbom.Component{
		Kind: sbom.KindFiles, Type: "generic", Name: t.Name(at), Paths: []string{t.Path(at)},
		FoundBy: "node-reader", Files: s.filesBelow(dir), Detail: detail,
	}})
	s.claim(at, i)
	s.claimTree(dir, i, s.isNodeModules)
}

// readNodeHidden looks at an entry of node_modules whose name starts with a
// dot. No package can have such a name, but code can ask for it.
func (s *scanner) readNodeHidden(n environ.Node, name string) {
	t := s.tree
	switch name {
	case ".bin", ".cache": // links to programs, and what programs remember
		return
	case ".pnpm", ".store", ".bun", ".deno", ".aspect_rules_js": // hold folders named node_modules, which are read by themselves
		return
	}
	switch t.Kind(n) {
	case environ.File, environ.Symlink:
		if isNodeCode(name) {
			s.modules = append(s.modules, n)
		}
	case environ.Dir:
		from, to := t.Subtree(n)
		for c := from; c < to; c++ {
			if t.Kind(c) == environ.File && isNodeCode(t.Name(c)) && s.claims[c] == 0 && !s.owned(c) {
				s.addNodeFolder(n, n, "a hidden folder in node_modules with code in it")
				return
			}
		}
	}
}

func isNodeCode(name string) bool {
	switch path.Ext(name) {
	case ".js", ".cjs", ".mjs", ".node":
		return true
	}
	return false
}

// carrierOf is the package that has a manifest within its own files, -1 if
// none: an npm package with fixtures, a Python one with a front end. The
// list of a Python package that reaches out of the folder of modules
// carries nothing.
func (s *scanner) carrierOf(manifest environ.Node) int {
	c := s.claimant(manifest)
	if c < 0 || s.units[c].Type != "npm" && !isInSiteDir(s.tree, manifest) {
		return -1
	}
	return c
}

// readNodeLink handles a package folder that is a link: a workspace of the
// project, "npm link", or the layout of pnpm, whose targets lie in another
// node_modules and are read there.
func (s *scanner) readNodeLink(modules, link environ.Node, lock *hiddenLock) {
	t := s.tree
	target := t.ResolveNode(link)
	if target == environ.None {
		s.gap(sbom.GapUnreported, t.Path(link), fmt.Sprintf("links to %q, which is not in the environment", t.Target(link)))
		return
	}
	if s.owned(target) || s.owned(link) {
		return
	}
	if t.Kind(target) != environ.Dir {
		if path.Ext(t.Name(link)) != ".json" && s.claims[target] == 0 {
			s.modules = append(s.modules, link)
		}
		return
	}
	if !s.caches.contain(target) && (s.isNodeModules(t.Parent(target)) ||
		strings.HasPrefix(t.Name(t.Parent(target)), "@") && s.isNodeModules(t.Parent(t.Parent(target)))) {
		return // read there
	}
	manifest := s.manifestOf(target)
	if manifest == environ.None {
		if s.holdsFiles(target) && !s.insideAnother(target) {
			s.addNodeFolder(link, target, "a link in node_modules to a folder without package.json")
		}
		return
	}
	if s.owned(manifest) {
		return
	}
	if _, known := s.unitAt[manifest]; known {
		return // a second link to it
	}
	s.read[manifest] = true
	m, err := s.packageJSON(manifest)
	if err != nil || m.Name == "" {
		s.gap(sbom.GapMalformed, t.Path(manifest), "a linked package that does not say its name")
		return
	}
	u := unit{node: manifest, inside: -1, own: true, Component: sbom.Component{
		Kind: sbom.KindPackage, Type: "npm", Name: m.Name, Version: m.Version,
		Paths: []string{t.Path(link), t.Path(manifest)}, FoundBy: "node-reader",
		Install: &sbom.Install{Kind: sbom.InstallLink, URL: t.Path(target), File: t.Path(link)},
	}}
	if scope, name, ok := strings.Cut(m.Name, "/"); ok && strings.HasPrefix(scope, "@") {
		u.Namespace, u.Name = scope, name
	}
	s.claimTree(target, s.add(u), s.isNodeModules)
}

func (s *scanner) isNodeModules(n environ.Node) bool { return s.tree.Name(n) == "node_modules" }

func (s *scanner) filesBelow(dir environ.Node) int {
	from, to := s.tree.Subtree(dir)
	files := 0
	for ; from < to; from++ {
		if s.tree.Kind(from) == environ.File {
			files++
		}
	}
	return files
}

// insideAnother says whether a folder lies in the claimed files of a package.
func (s *scanner) insideAnother(dir environ.Node) bool {
	from, to := s.tree.Subtree(dir)
	for ; from < to; from++ {
		if s.tree.Kind(from) == environ.File {
			return s.claims[from] != 0
		}
	}
	return false
}

// nodeFolderName is the name that code imports: "lodash", "@types/node".
func nodeFolderName(t *environ.Tree, dir environ.Node) string {
	if p := t.Parent(dir); strings.HasPrefix(t.Name(p), "@") {
		return t.Name(p) + "/" + t.Name(dir)
	}
	return t.Name(dir)
}

// bundledIn finds the package that ships the one in modules within its own
// files (npm's bundleDependencies). npm's own record says so where there is
// one; for a global installation the owner's package.json does.
func (s *scanner) bundledIn(modules environ.Node, entry hiddenEntry, inLock bool) int {
	t := s.tree
	if inLock && !entry.InBundle {
		return -1
	}
	for dir := t.Parent(modules); dir != environ.None && t.Parent(dir) != environ.None; dir = t.Parent(dir) {
		manifest := t.Child(dir, "package.json")
		if manifest == environ.None {
			continue
		}
		owner, ok := s.unitAt[manifest]
		if !ok {
			continue
		}
		if s.units[owner].inside >= 0 {
			return s.units[owner].inside
		}
		if inLock {
			return owner
		}
		if m, err := s.packageJSON(manifest); err == nil && m.bundles() {
			return owner
		}
		return -1
	}
	return -1
}

// nodeManifest is what a footprint needs of package.json
// (https://docs.npmjs.com/cli/configuring-npm/package-json).
type nodeManifest struct {
	Name, Version     string
	bundle            json.RawMessage
	dependencies, dev map[string]bool
	optional          map[string]bool
}

func (m *nodeManifest) bundles() bool {
	b := bytes.TrimSpace(m.bundle)
	return len(b) > 0 && !bytes.Equal(b, []byte("false")) && !bytes.Equal(b, []byte("[]")) && !bytes.Equal(b, []byte("null"))
}

// packageJSON reads a manifest as Node does: keys by case, a byte order mark
// allowed. Of a key that stands twice Node takes the last, others the first,
// so it is refused.
func (s *scanner) packageJSON(n environ.Node) (*nodeManifest, error) {
	data, err := s.tree.ReadFile(n, maxPackageJSON)
	if err != nil {
		return nil, err
	}
	return parsePackageJSON(data)
}

func parsePackageJSON(data []byte) (*nodeManifest, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	fields, err := topLevel(data)
	if err != nil {
		return nil, err
	}
	var m nodeManifest
	for _, f := range []struct {
		key string
		to  *string
	}{{"name", &m.Name}, {"version", &m.Version}} {
		raw, ok := fields[f.key]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, f.to); err != nil {
			return nil, fmt.Errorf("%q is not a string", f.key)
		}
	}
	m.bundle = fields["bundleDependencies"]
	if m.bundle == nil {
		m.bundle = fields["bundledDependencies"]
	}
	m.dependencies, m.dev, m.optional = keysOf(fields["dependencies"]), keysOf(fields["devDependencies"]), keysOf(fields["optionalDependencies"])
	return &m, nil
}

func keysOf(raw json.RawMessage) map[string]bool {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	out := make(map[string]bool, len(m))
	for k := range m {
		out[k] = true
	}
	return out
}

// topLevel splits a JSON object into its fields, by case, and refuses a key
// that stands twice.
func topLevel(data []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	t, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	fields := make(map[string]json.RawMessage)
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
		key, ok := t.(string)
		if !ok {
			return nil, errors.New("not a JSON object")
		}
		if _, twice := fields[key]; twice {
			return nil, fmt.Errorf("the key %q stands twice: programs disagree which one counts", key)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
		fields[key] = raw
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return fields, nil
}

// hiddenLock is node_modules/.package-lock.json: npm's own record of what it
// installed here, with the digests that it checked
// (https://docs.npmjs.com/cli/configuring-npm/package-lock-json#hidden-lockfiles).
type hiddenLock struct {
	file     string
	project  environ.Node // the folder that holds the top node_modules
	packages map[string]hiddenEntry
	// root is the project's own manifest, nil when there is none.
	root *nodeManifest
}

type hiddenEntry struct {
	Version   string `json:"version"`
	Resolved  string `json:"resolved"`
	Integrity string `json:"integrity"`
	Link      bool   `json:"link"`
	InBundle  bool   `json:"inBundle"`
}

// hiddenLockFor finds the record that covers a node_modules folder: its own,
// or the one of the outermost installation that it is nested in.
func (s *scanner) hiddenLockFor(dir environ.Node, known map[environ.Node]*hiddenLock) *hiddenLock {
	for n := dir; n != environ.None; n = s.tree.Parent(n) {
		if !s.isNodeModules(n) {
			continue
		}
		lock, ok := known[n]
		if !ok {
			lock = s.readHiddenLock(n)
			known[n] = lock
		}
		if lock != nil {
			return lock
		}
	}
	return nil
}

func (s *scanner) readHiddenLock(modules environ.Node) *hiddenLock {
	n := s.tree.Child(modules, ".package-lock.json")
	if n == environ.None || s.tree.Kind(n) != environ.File || s.owned(n) {
		return nil
	}
	data, err := s.tree.ReadFile(n, maxHiddenLock)
	if err != nil {
		s.gap(sbom.GapUnreadable, s.tree.Path(n), reason(err))
		return nil
	}
	fields, err := topLevel(data)
	var packages map[string]json.RawMessage
	if err == nil {
		packages, err = topLevel(fields["packages"])
	}
	if err != nil {
		s.gap(sbom.GapMalformed, s.tree.Path(n), "npm's record of this installation cannot be read: "+err.Error())
		return nil
	}
	lock := &hiddenLock{file: s.tree.Path(n), project: s.tree.Parent(modules), packages: make(map[string]hiddenEntry, len(packages))}
	for key, raw := range packages {
		var e hiddenEntry
		if err := json.Unmarshal(raw, &e); err != nil {
			s.gap(sbom.GapMalformed, lock.file, fmt.Sprintf("the entry %q cannot be read: %v", key, err))
			continue
		}
		lock.packages[key] = e
	}
	if m := s.tree.Child(lock.project, "package.json"); m != environ.None && s.tree.Kind(m) == environ.File {
		if root, err := s.packageJSON(m); err == nil {
			lock.root = root
		}
	}
	return lock
}

// key is the path of a package folder as the record spells it.
func (l *hiddenLock) key(t *environ.Tree, dir environ.Node) string {
	if l == nil {
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(t.Path(dir), t.Path(l.project)), "/")
}

func (l *hiddenLock) entry(key string) (hiddenEntry, bool) {
	if l == nil {
		return hiddenEntry{}, false
	}
	e, ok := l.packages[key]
	return e, ok
}

// asked says whether the project's manifest names a package itself. Only a
// folder at the top can be what it names.
func (l *hiddenLock) asked(key, name string) sbom.Asked {
	if l.root == nil {
		return sbom.AskedUnknown
	}
	if key == "node_modules/"+name && (l.root.dependencies[name] || l.root.dev[name] || l.root.optional[name]) {
		return sbom.AskedYes
	}
	return sbom.AskedAuto
}

// claims are the digests by Subresource Integrity
// (https://www.w3.org/TR/SRI/) and the origin that npm recorded.
func (e hiddenEntry) claims(file string) ([]sbom.Digest, *sbom.Install) {
	var digests []sbom.Digest
	for _, sri := range strings.Fields(e.Integrity) {
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
