package scan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// maxPackageJSON is the size of a package.json, which usually has a few
// kilobytes.
const maxPackageJSON = 4 << 20

// nodeManifest has the relevant fields of package.json
// (https://docs.npmjs.com/cli/configuring-npm/package-json).
type nodeManifest struct {
	Name, Version                     string
	bundle                            json.RawMessage
	dependencies, dev, optional, peer map[string]bool
	// mocked is set in the manifest that Yarn writes in place of a package for
	// another platform, of a name and "mocked" only.
	mocked bool
	// specs are the requirements of the names that are no range of versions.
	specs map[string]string
	// author and licenses are those of the component.
	author   string
	licenses []string
}

// bundled returns the names in bundleDependencies: of a list, of an object, or
// all dependencies for true.
func (m *nodeManifest) bundled() []string {
	var list []string
	if json.Unmarshal(m.bundle, &list) == nil {
		return list
	}
	var all bool
	if json.Unmarshal(m.bundle, &all) == nil && all {
		return slices.Sorted(maps.Keys(m.dependencies))
	}
	return slices.Sorted(maps.Keys(keysOf(m.bundle)))
}

// needs returns the names that the package loads when it runs.
func (m *nodeManifest) needs() []string {
	all := make(map[string]bool)
	for _, names := range []map[string]bool{m.dependencies, m.optional, m.peer} {
		maps.Copy(all, names)
	}
	return slices.Sorted(maps.Keys(all))
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
	m.mocked = len(fields) == 2 && m.Name != "" && string(bytes.TrimSpace(fields["mocked"])) == "true"
	m.bundle = fields["bundleDependencies"]
	if m.bundle == nil {
		m.bundle = fields["bundledDependencies"]
	}
	m.dependencies, m.dev = keysOf(fields["dependencies"]), keysOf(fields["devDependencies"])
	m.optional, m.peer = keysOf(fields["optionalDependencies"]), keysOf(fields["peerDependencies"])
	m.specs = make(map[string]string)
	for _, key := range []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "resolutions", "overrides", "pnpm"} {
		if bytes.ContainsRune(fields[key], ':') {
			collectSpecs("", fields[key], m.specs)
		}
	}
	m.author, m.licenses = authorOf(fields["author"]), licensesOf(fields["license"], fields["licenses"])
	return &m, nil
}

// authorOf returns the author of a package, a text or an object
// (https://docs.npmjs.com/cli/configuring-npm/package-json#people-fields-author-contributors).
func authorOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return sbom.Statement(text)
	}
	var person struct{ Name, Email string }
	if json.Unmarshal(raw, &person) != nil || person.Name == "" {
		return ""
	}
	if person.Email != "" {
		person.Name += " <" + person.Email + ">"
	}
	return sbom.Statement(person.Name)
}

// licensesOf returns the licence of a package, an expression or, in old packages,
// objects with the name as "type", in a list if there is a choice
// (https://docs.npmjs.com/cli/configuring-npm/package-json#license).
func licensesOf(fields ...json.RawMessage) []string {
	for _, raw := range fields {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			list = []json.RawMessage{raw}
		}
		var names []string
		for _, raw := range list {
			var name string
			var object struct{ Type string }
			switch {
			case json.Unmarshal(raw, &name) == nil:
				names = append(names, name)
			case json.Unmarshal(raw, &object) == nil:
				names = append(names, object.Type)
			}
		}
		if out := sbom.Choice(names); out != nil {
			return out
		}
	}
	return nil
}

// collectSpecs adds the names in an object of dependencies, or of replacements of
// such ("a/**/b@^1": "npm:c@2", https://docs.npmjs.com/cli/configuring-npm/package-json#overrides).
func collectSpecs(name string, raw json.RawMessage, out map[string]string) {
	var spec string
	if json.Unmarshal(raw, &spec) == nil {
		if strings.ContainsAny(spec, ":/") && name != "" {
			out[name] = spec
		}
		return
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return
	}
	for key, value := range m {
		if key == "." {
			key = name
		}
		parts := strings.Split(key, ">")
		key = parts[len(parts)-1]
		if at := strings.LastIndexByte(key, '@'); at > 0 && key[at-1] != '/' {
			key = key[:at]
		}
		if parts = strings.Split(key, "/"); len(parts) > 1 {
			key = parts[len(parts)-1]
			if scope := parts[len(parts)-2]; strings.HasPrefix(scope, "@") {
				key = scope + "/" + key
			}
		}
		collectSpecs(key, value, out)
	}
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
