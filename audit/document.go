package audit

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// Document returns the stage as the document that an SBOM is encoded from, and
// a function that returns the outcome of the audit for the component of an ID.
// Every SBOM is made from it, so that one from a saved report has the same
// bytes as one that was written right after the scan. First-party packages are
// among the exclusions.
func (s *Stage) Document() (*sbom.Document, func(id string) sbom.Annotation, error) {
	d := sbom.Document{
		Environment: sbom.Environment{Ref: s.Environment, Kind: EnvironmentKind(s.Environment), Digest: s.Digest, OS: sbom.OS{Pretty: s.OS}, Image: s.Image, Apt: s.Apt, Newest: s.Newest},
		Rules:       s.Method.Rules,
		Catalogers:  s.Method.Catalogers,
		Components:  s.Components(),
		Relations:   slices.Clone(s.Relations),
		Excluded:    slices.Clone(s.Excluded),
		Notices:     slices.Clone(s.Notices),
	}
	for _, l := range s.Limitations {
		d.Limitations = append(d.Limitations, l.Limitation)
	}
	for _, g := range s.Gaps {
		d.Gaps = append(d.Gaps, g.Gap)
	}
	byID := make(map[string]*Dependency, len(s.Dependencies))
	for i := range s.Dependencies {
		byID[s.Dependencies[i].ID] = &s.Dependencies[i]
	}
	doc, err := sbom.Restore(d)
	annotate := func(id string) sbom.Annotation {
		dep := byID[id]
		if dep == nil {
			return sbom.Annotation{}
		}
		a := sbom.Annotation{Provenance: string(dep.Provenance), Evidence: dep.Evidence, Artifact: strings.Join(dep.Artifact, " ")}
		if dep.Lock != nil {
			a.LockFile, a.LockLine = dep.Lock.File, dep.Lock.Line
		}
		if dep.Why != nil {
			a.Why = dep.Why.Code + ": " + dep.Why.Detail
		}
		return a
	}
	return doc, annotate, err
}

// Components returns the components of the stage's dependencies.
func (s *Stage) Components() []sbom.Component {
	out := make([]sbom.Component, len(s.Dependencies))
	for i := range s.Dependencies {
		d := &s.Dependencies[i]
		out[i] = d.Component
		out[i].Evidence = d.OSEvidence
		if d.Provenance == FromOS {
			out[i].Evidence = d.Evidence
		}
	}
	return out
}
