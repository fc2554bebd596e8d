package scan

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// The records of "cargo install", beside the directory bin of the programs
// (https://doc.rust-lang.org/cargo/commands/cargo-install.html, and
// ops/common_for_install_and_uninstall.rs in cargo). The second one has more
// about each crate; a crate that the first one does not have is not installed.
const (
	cratesRecord  = ".crates.toml"
	cratesRecord2 = ".crates2.json"
)

// maxCrates is the size of a record. An entry of one has 500 bytes.
const maxCrates = 16 << 20

// crateID matches the key of a crate: its name, its version and where its source
// is from.
var crateID = lazyregexp.New(`^([A-Za-z0-9_-]+) ([0-9A-Za-z.+-]+)(?: \((.*)\))?$`)

// readCargo adds the crates that "cargo install" installed. A crate claims the
// programs that the record lists for it; programs in bin that no record lists
// are unaccounted.
func (s *scanner) readCargo() {
	t := s.tree
	roots := make(map[rootfs.Node]rootfs.Node) // the record of each root
	for _, name := range []string{cratesRecord2, cratesRecord} {
		for n := range t.Named(name) {
			if t.Kind(n) == rootfs.File && !s.caches.contain(n) {
				roots[t.Parent(n)] = n
			}
		}
	}
	for _, root := range slices.Sorted(maps.Keys(roots)) {
		record := roots[root]
		data, err := t.ReadFile(record, maxCrates)
		var crates map[string][]string
		if err == nil {
			crates, err = parseCrates(t.Name(record), data)
		}
		if err != nil {
			s.gap(sbom.GapMalformed, t.Path(record), "cargo's record of installed programs cannot be read: "+reason(err))
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(crates)) {
			s.addCrate(root, record, id, crates[id])
		}
	}
}

// parseCrates returns the programs of each crate.
func parseCrates(name string, data []byte) (map[string][]string, error) {
	if name == cratesRecord {
		var v1 struct {
			Crates map[string][]string `toml:"v1"`
		}
		err := toml.Unmarshal(data, &v1)
		return v1.Crates, err
	}
	var v2 struct {
		Installs map[string]struct {
			Bins []string `json:"bins"`
		} `json:"installs"`
	}
	if err := json.Unmarshal(data, &v2); err != nil {
		return nil, err
	}
	out := make(map[string][]string)
	for id, crate := range v2.Installs {
		out[id] = crate.Bins
	}
	return out, nil
}

func (s *scanner) addCrate(root, record rootfs.Node, id string, programs []string) {
	t := s.tree
	m := crateID.FindStringSubmatch(id)
	if m == nil {
		s.gap(sbom.GapMalformed, t.Path(record), fmt.Sprintf("cargo's record has an entry that names no crate: %+q", sbom.ScrubURL(id)))
		return
	}
	bin := t.ResolveNode(t.Child(root, "bin"))
	var files []rootfs.Node
	for _, name := range programs {
		if n := t.Child(bin, name); name == path.Base(name) && t.Kind(n) == rootfs.File {
			files = append(files, n)
		}
	}
	u := unit{node: record, inside: -1, Component: sbom.Component{
		Kind: sbom.KindPackage, Type: "cargo", Name: m[1], Version: m[2], Paths: []string{t.Path(record)}, FoundBy: "cargo-reader",
		Install: crateSource(m[3], t.Path(record)), InstallReason: sbom.ReasonExplicit,
	}}
	if len(files) == 0 {
		s.doc.Excluded = append(s.doc.Excluded, sbom.Exclusion{Path: t.Path(record), Name: m[1], Version: m[2], Reason: sbom.ExcludedDeclared,
			Detail: "in cargo's record, and none of its programs is there", Count: 1})
		return
	}
	for _, n := range files {
		u.Paths = append(u.Paths, t.Path(n))
	}
	i := s.add(u)
	for _, n := range files {
		s.claim(n, i)
	}
}

// crateSource returns the origin of a crate: "registry+URL", "sparse+URL",
// "git+URL#COMMIT" or "path+file:///DIR" (cargo's SourceId).
func crateSource(source, record string) *sbom.Install {
	kind, url, ok := strings.Cut(source, "+")
	if !ok {
		return nil
	}
	in := &sbom.Install{Kind: sbom.InstallURL, File: record}
	switch kind {
	case "registry", "sparse":
		in.Kind = sbom.InstallRegistry
	case "git":
		in.Kind = sbom.InstallVCS
		url, in.Commit, _ = strings.Cut(url, "#")
	}
	in.URL = sbom.ScrubURL(url)
	return in
}
