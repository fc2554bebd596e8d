package baseline

import (
	"fmt"
	"strings"

	"github.com/anchore/packageurl-go"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// Document returns the accepted state as a document for comparison with
// another one. It has identities only: no paths, no relations, nothing that is
// bundled, no artifacts. The map has the accepted dependencies by ID.
func (s *Stage) Document() (*sbom.Document, map[string]*audit.Accepted, error) {
	d := sbom.Document{Environment: sbom.Environment{Kind: "baseline"}, Rules: s.Rules, Catalogers: s.Catalogers}
	byID := make(map[string]*audit.Accepted, len(s.Dependencies))
	for i := range s.Dependencies {
		a := &s.Dependencies[i]
		c := component(a)
		if id := sbom.Identity(&c); id != a.ID {
			return nil, nil, fmt.Errorf("the baseline has %q, which is parsed as %q", a.ID, id)
		}
		byID[a.ID] = a
		d.Components = append(d.Components, c)
	}
	doc, err := sbom.Restore(d)
	return doc, byID, err
}

// component splits a key as [sbom.Key] composes it.
func component(a *audit.Accepted) sbom.Component {
	c := sbom.Component{PURL: a.PURL, Version: a.Version, Kind: sbom.KindPackage}
	name, qualifier := splitKey(a.Key)
	if arch, ok := strings.CutPrefix(qualifier, "?arch="); ok {
		c.Kind, c.Arch = sbom.KindOS, arch
	} else if path, ok := strings.CutPrefix(qualifier, "?path="); ok {
		c.Kind, c.Paths = sbom.KindFiles, []string{path}
	}
	c.Type, c.Namespace, c.Name = splitName(name)
	return c
}

// newAccepted derives the ID and the package URL of a line of the file.
func newAccepted(key, version string, p audit.Provenance, evidence, reason string) audit.Accepted {
	name, qualifier := splitKey(key)
	id := name
	if version != "" {
		id += "@" + version
	}
	var qualifiers packageurl.Qualifiers
	if arch, ok := strings.CutPrefix(qualifier, "?arch="); ok {
		qualifiers = packageurl.Qualifiers{{Key: "arch", Value: arch}}
	}
	typ, namespace, last := splitName(name)
	return audit.Accepted{
		Key: key, Version: version, ID: id + qualifier, Provenance: p, Evidence: evidence, Reason: reason,
		PURL: packageurl.NewPackageURL(typ, namespace, last, version, qualifiers, "").ToString(),
	}
}

// splitKey separates the qualifier of a key, "?arch=..." or "?path=...", from
// the name.
func splitKey(key string) (name, qualifier string) {
	for i := range key {
		if strings.HasPrefix(key[i:], "?arch=") || strings.HasPrefix(key[i:], "?path=") {
			return key[:i], key[i:]
		}
	}
	return key, ""
}

// splitName splits "type/namespace/name"; the namespace may contain slashes
// and may be missing.
func splitName(name string) (typ, namespace, last string) {
	typ, last, _ = strings.Cut(name, "/")
	if i := strings.LastIndexByte(last, '/'); i >= 0 {
		namespace, last = last[:i], last[i+1:]
	}
	return typ, namespace, last
}
