package scan

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// corepackRecord is the name of the file that Corepack writes into a package
// manager that it unpacked, and maxCorepackRecord the size of one, which has some
// hundred bytes (sources/corepackUtils.ts of Corepack).
const (
	corepackRecord    = ".corepack"
	maxCorepackRecord = 64 << 10
)

// readCorepack adds the package managers that Corepack unpacked, before the
// packages in them: COREPACK_HOME/v1/NAME/VERSION is one archive, with a
// node_modules directory of its own in it, or one script. A record in another
// place is not Corepack's, and bundles nothing.
func (s *scanner) readCorepack() {
	t := s.tree
	for record := range t.Named(corepackRecord) {
		dir := t.Parent(record)
		name := t.Parent(dir)
		if t.Kind(record) != rootfs.File || name == rootfs.None || t.Name(t.Parent(name)) != "v1" || s.owned(record) || s.caches.contain(record) || s.claims[record] != 0 {
			continue
		}
		u, err := s.corepackUnit(record)
		if err != nil {
			s.gap(sbom.GapMalformed, t.Path(record), "Corepack's record cannot be used: "+reason(err))
			continue
		}
		// Packages directly in node_modules are bundled when the manifest names
		// them, as for any package.
		s.claimTree(dir, s.add(u), func(n rootfs.Node) bool { return t.Parent(n) == dir && s.isNodeModules(n) })
	}
}

// corepackUnit returns the package manager of a record, which must have the name
// and the version of the directory and of the manifest beside it.
func (s *scanner) corepackUnit(record rootfs.Node) (unit, error) {
	t := s.tree
	dir := t.Parent(record)
	var u unit
	data, err := t.ReadFile(record, maxCorepackRecord)
	if err != nil {
		return u, err
	}
	r, err := parseCorepackRecord(data)
	if err != nil {
		return u, err
	}
	// The reference has the hash of packageManager, if that has one: "9.8.0+sha512.…".
	version, _, _ := strings.Cut(r.Locator.Reference, "+")
	if r.Locator.Name != t.Name(t.Parent(dir)) || version != t.Name(dir) {
		return u, fmt.Errorf("it is of %s %s", r.Locator.Name, r.Locator.Reference)
	}
	u = unit{node: record, inside: -1, own: true, Component: sbom.Component{
		Kind: sbom.KindPackage, Type: "npm", Name: r.Locator.Name, Version: version,
		Paths: []string{t.Path(record)}, FoundBy: "node-reader", Detail: "unpacked by Corepack",
	}}
	if alg, value, ok := strings.Cut(r.Hash, "."); ok {
		if _, err := hex.DecodeString(value); err == nil && value != "" {
			u.Digests = []sbom.Digest{{Algorithm: alg, Value: strings.ToLower(value), File: t.Path(record)}}
		}
	}
	manifest := s.manifestOf(dir)
	if manifest == rootfs.None {
		return u, nil // Yarn since 2 is one script
	}
	m, err := s.packageJSON(manifest)
	if err != nil {
		return u, err
	}
	if m.Name != u.Name || m.Version != u.Version {
		return u, fmt.Errorf("its package.json is of %s %s", m.Name, m.Version)
	}
	s.read[manifest] = true
	u.node, u.Paths = manifest, []string{t.Path(manifest), t.Path(record)}
	return u, nil
}

type corepackInfo struct {
	Locator struct {
		Name      string `json:"name"`
		Reference string `json:"reference"`
	} `json:"locator"`
	Hash string `json:"hash"` // ALGORITHM.HEX of the archive
}

func parseCorepackRecord(data []byte) (corepackInfo, error) {
	var r corepackInfo
	if _, err := strictjson.Members(data); err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return corepackInfo{}, err
	}
	return r, nil
}
