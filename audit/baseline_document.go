package audit

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// Document is the accepted set as a document, to be compared with another
// one. It has identities and nothing else: no paths, no relations, nothing
// that lies inside others, no artifacts. The entries by ID say what each was
// accepted with.
func (s *StageBaseline) Document() (*sbom.Document, map[string]*Entry, error) {
	d := sbom.Document{Environment: sbom.Environment{Kind: "baseline"}, Rules: s.Rules, Catalogers: s.Catalogers}
	byID := make(map[string]*Entry, len(s.Dependencies))
	for i := range s.Dependencies {
		e := &s.Dependencies[i]
		c := e.component()
		if id := sbom.Identity(&c); id != e.ID {
			return nil, nil, fmt.Errorf("the baseline has %q, which reads back as %q", e.ID, id)
		}
		byID[e.ID] = e
		d.Components = append(d.Components, c)
	}
	doc, err := sbom.Restore(d)
	return doc, byID, err
}

// component takes a key apart as [sbom.Key] puts it together.
func (e *Entry) component() sbom.Component {
	c := sbom.Component{PURL: e.PURL, Version: e.Version, Kind: sbom.KindPackage}
	name := e.Key
	if i := strings.IndexByte(name, '?'); i >= 0 {
		if arch, ok := strings.CutPrefix(name[i:], "?arch="); ok {
			c.Kind, c.Arch, name = sbom.KindOS, arch, name[:i]
		} else if path, ok := strings.CutPrefix(name[i:], "?path="); ok {
			c.Kind, c.Paths, name = sbom.KindFiles, []string{path}, name[:i]
		}
	}
	c.Type, c.Name, _ = strings.Cut(name, "/")
	if i := strings.LastIndexByte(c.Name, '/'); i >= 0 {
		c.Namespace, c.Name = c.Name[:i], c.Name[i+1:]
	}
	return c
}
