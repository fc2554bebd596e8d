package audit

import (
	"github.com/depaudit/depaudit/sbom"
)

// Document turns a stage of a report back into the document that an SBOM is
// written from, with what the audit decided about each component. SBOMs are
// always made this way, so that one from a saved report has the same bytes
// as one that was written right after the scan. The project's own packages
// are among what was excluded.
func (s *Stage) Document() (*sbom.Document, func(id string) sbom.Annotation, error) {
	d := sbom.Document{
		Environment: sbom.Environment{Ref: s.Environment, Kind: EnvironmentKind(s.Environment), OS: sbom.OS{Pretty: s.OS}, Image: s.Image},
		Rules:       s.Method.Rules,
		Catalogers:  s.Method.Catalogers,
	}
	for _, l := range s.Limitations {
		d.Limitations = append(d.Limitations, sbom.Limitation{Name: sbom.LimitationName(l.Name), Detail: l.Detail})
	}
	byID := make(map[string]*Dependency, len(s.Dependencies))
	for i := range s.Dependencies {
		dep := &s.Dependencies[i]
		byID[dep.ID] = dep
		d.Components = append(d.Components, dep.Component())
	}
	for _, r := range s.Relations {
		d.Relations = append(d.Relations, sbom.Relation{From: r.From, To: r.To, Kind: sbom.RelationKind(r.Kind), Via: r.Via, Group: r.Group, File: r.File})
	}
	for _, e := range s.Excluded {
		d.Excluded = append(d.Excluded, sbom.Exclusion{
			Path: e.Path, PURL: e.PURL, Name: e.Name, Version: e.Version,
			Reason: sbom.ExclusionReason(e.Reason), Detail: e.Detail, Count: e.Count,
		})
	}
	for _, g := range s.Gaps {
		d.Gaps = append(d.Gaps, sbom.Gap{Kind: sbom.GapKind(g.Kind), Path: g.Path, Detail: g.Detail})
	}
	for _, n := range s.Notices {
		d.Notices = append(d.Notices, sbom.Notice{Kind: sbom.NoticeKind(n.Kind), Path: n.Path, Component: n.ID, Detail: n.Detail})
	}
	doc, err := sbom.Restore(d)
	annotate := func(id string) sbom.Annotation {
		dep := byID[id]
		if dep == nil {
			return sbom.Annotation{}
		}
		a := sbom.Annotation{Provenance: string(dep.Provenance), Evidence: dep.Evidence}
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

func (d *Dependency) Component() sbom.Component {
	c := sbom.Component{
		ID: d.ID, PURL: d.PURL, Kind: d.Kind, Type: d.Type, Namespace: d.Namespace, Name: d.Name, Version: d.Version, Arch: d.Arch,
		Paths: d.Paths, Owner: d.Owner, FoundBy: d.FoundBy, InstallReason: sbom.InstallReason(d.InstallReason), Digests: d.Digests, Install: d.Install,
		Files: d.Files, Layer: d.Layer, Detail: d.Detail, Source: d.Source, InstalledSize: d.InstalledSize,
		Evidence: d.OSEvidence,
	}
	if d.Provenance == FromOS {
		c.Evidence = d.Evidence
	}
	return c
}
