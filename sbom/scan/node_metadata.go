package scan

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// Limits of the records of one Node package. A package.json is a few kilobytes,
// the hidden lockfile of a large installation some megabytes.
const (
	maxPackageJSON = 4 << 20
	maxHiddenLock  = 128 << 20
)

// nodeManifest has the relevant fields of package.json
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
// allowed. It refuses a repeated key, of which Node takes the last and other
// programs the first.
func (s *inventory) packageJSON(n rootfs.Node) (*nodeManifest, error) {
	data, err := s.tree.ReadFile(n, maxPackageJSON)
	if err != nil {
		return nil, err
	}
	return parsePackageJSON(data)
}

func parsePackageJSON(data []byte) (*nodeManifest, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	fields, err := strictjson.Members(data)
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

// hiddenLock is node_modules/.package-lock.json: npm's own record of its
// installation, with the digests that it checked
// (https://docs.npmjs.com/cli/configuring-npm/package-lock-json#hidden-lockfiles).
type hiddenLock struct {
	file     string
	project  rootfs.Node // the parent directory of the top node_modules
	packages map[string]hiddenEntry
	// root is the project's own manifest, nil without one.
	root *nodeManifest
}

type hiddenEntry struct {
	Version   string `json:"version"`
	Resolved  string `json:"resolved"`
	Integrity string `json:"integrity"`
	Link      bool   `json:"link"`
	InBundle  bool   `json:"inBundle"`
}

// hiddenLockFor returns the record of a node_modules directory: its own, or that
// of the outermost installation around it.
func (s *scanner) hiddenLockFor(dir rootfs.Node, known map[rootfs.Node]*hiddenLock) *hiddenLock {
	for n := dir; n != rootfs.None; n = s.tree.Parent(n) {
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
	lock := &hiddenLock{file: s.tree.Path(n), project: s.tree.Parent(modules), packages: make(map[string]hiddenEntry, len(packages))}
	for key, raw := range packages {
		var e hiddenEntry
		if err := json.Unmarshal(raw, &e); err != nil {
			s.gap(sbom.GapMalformed, lock.file, fmt.Sprintf("the entry %q cannot be read: %v", key, err))
			continue
		}
		lock.packages[key] = e
	}
	if m := s.tree.Child(lock.project, "package.json"); m != rootfs.None && s.tree.Kind(m) == rootfs.File {
		if root, err := s.packageJSON(m); err == nil {
			lock.root = root
		}
	}
	return lock
}

// key returns the path of a package directory in the form of the record.
func (l *hiddenLock) key(t *rootfs.Tree, dir rootfs.Node) string {
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
