package fleet

import (
	"cmp"
	"slices"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/version"
)

// stageNight returns the row of a stage.
func stageNight(r *audit.Report, s *audit.Stage, o Origin) *StageNight {
	c := s.Counts
	row := &StageNight{
		Date: o.Date, Pipeline: r.Pipeline, Stage: s.Name, Source: o.Source, Release: known(&o.Release), ReportSHA256: o.SHA256,
		Critical: s.Critical, Enforced: s.Enforced, Verdict: string(s.Verdict), PipelineVerdict: string(r.Verdict),
		Total: c.Total, OS: c.OS, Lock: c.Lock, Image: c.Image, Exception: c.Exception, Unaccounted: c.Unaccounted, Bundled: c.Bundled, Excluded: c.Excluded,
		Limit: s.Limit, Gaps: s.OpenGaps(), Waived: len(s.Gaps) - s.OpenGaps(), Limitations: []string{}, Failing: []string{}, Findings: []string{}, Exceptions: []Exception{},
		Rules: s.Method.Rules, Catalogers: s.Method.Catalogers, Tool: r.Tool.Version,
		Distribution: known(&s.OS), Environment: s.Environment, Kind: audit.EnvironmentKind(s.Environment),
		Platform: known(&s.Image.Platform), ImageDigest: known(&s.Image.Digest), Verified: s.Verified,
	}
	if g := &s.Growth; g.Known {
		added, removed, changed := 0, len(g.Removed), len(g.Changed)
		for _, group := range g.Added {
			added += 1 + len(group.Introduces)
		}
		if b := g.Base; b != nil {
			added, removed, changed = added+len(b.Added), removed+len(b.Removed), changed+len(b.Changed)
		}
		accepted := g.Baseline
		row.Baseline, row.Added, row.Removed, row.Changed = &accepted, &added, &removed, &changed
	}
	for _, l := range s.Limitations {
		row.Limitations = append(row.Limitations, string(l.Name))
	}
	for _, f := range s.Findings {
		row.Findings = append(row.Findings, f.Rule)
		if f.Severity == audit.Error || f.Severity == audit.SeverityIncomplete {
			row.Failing = append(row.Failing, f.Rule)
		}
	}
	for _, list := range []*[]string{&row.Limitations, &row.Findings, &row.Failing} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	for i := range s.Exceptions {
		x := &s.Exceptions[i]
		row.Exceptions = append(row.Exceptions, Exception{
			Subject: x.Subject(), Rules: append([]string{}, x.Excuses...), Owner: x.Owner, Reason: x.Reason, Since: x.Since, Expires: x.Expires, Expired: x.Expired,
			Dependencies: len(x.Dependencies), Files: len(x.Paths),
		})
	}
	if b := s.Base; b != nil {
		row.Base, row.BaseDigest = known(&b.Ref), known(&b.Digest)
	}
	if in := r.Inputs; in != nil {
		if f := in.File(audit.InputConfiguration); f != nil {
			row.ConfigDigest = known(&f.Digest)
		}
		if f := in.File(audit.InputBaseline); f != nil {
			row.BaselineDigest = known(&f.Digest)
		}
	}
	if s.Ledger != nil {
		row.FilesChanged, row.FilesMissing, row.Unexplained = new(int), new(int), new(int)
		for _, n := range s.Ledger.Counts {
			switch n.Status {
			case audit.FileChanged:
				*row.FilesChanged = n.Files
			case audit.FileMissing:
				*row.FilesMissing = n.Files
			case audit.FileUnexplained:
				*row.Unexplained = n.Files
			}
		}
	}
	return row
}

// change is the key of a dependency with its present version.
type change struct{ key, to string }

// dependencyRows makes the rows of the dependencies of one stage, one at a time.
type dependencyRows struct {
	known bool // the baseline
	// What the comparison with the baseline states of each dependency, by ID or by key
	// and version.
	added        map[string]bool
	introducedBy map[string]string
	changedFrom  map[change]string
	// row is used again for each, with what its pointers refer to.
	row                    Dependency
	origin                 Origin
	epoch                  int64
	versionKey, from, head string
	explicit, new          bool
}

func newDependencyRows(r *audit.Report, s *audit.Stage, o Origin) *dependencyRows {
	rows := &dependencyRows{known: s.Growth.Known, added: map[string]bool{}, introducedBy: map[string]string{}, changedFrom: map[change]string{}, origin: o}
	rows.row = Dependency{Date: o.Date, Pipeline: r.Pipeline, Stage: s.Name, Source: o.Source, Release: known(&rows.origin.Release), ReportSHA256: o.SHA256}
	changes := s.Growth.Changed
	for _, group := range s.Growth.Added {
		rows.added[group.ID] = true
		if len(group.SharedBy) > 0 {
			rows.introducedBy[group.ID] = group.SharedBy[0]
		}
		for _, id := range group.Introduces {
			rows.added[id] = true
			rows.introducedBy[id] = group.ID
		}
	}
	if b := s.Growth.Base; b != nil {
		for _, id := range b.Added {
			rows.added[id] = true
		}
		changes = slices.Concat(changes, b.Changed)
	}
	for _, c := range changes {
		rows.changedFrom[change{c.Key, c.To}] = c.From
	}
	return rows
}

// of returns the row of a counted dependency, until the next call.
func (r *dependencyRows) of(d *audit.Dependency) *Dependency {
	r.epoch, r.versionKey = version.Key(d.Type, d.Version)
	r.from, r.head = r.changedFrom[change{d.Key, d.Version}], r.introducedBy[d.ID]
	r.explicit, r.new = d.InstallReason == sbom.ReasonExplicit, r.added[d.ID]
	row := &r.row
	*row = Dependency{
		Date: row.Date, Pipeline: row.Pipeline, Stage: row.Stage, Source: row.Source, Release: row.Release, ReportSHA256: row.ReportSHA256,
		ID: d.ID, Key: d.Key, Kind: string(d.Kind), Type: d.Type, Namespace: known(&d.Namespace), Name: d.Name, Version: known(&d.Version), VersionKey: known(&r.versionKey), Arch: known(&d.Arch),
		PURL: known(&d.PURL), Provenance: string(d.Provenance), Evidence: d.Evidence, Strength: d.Strength().Level(),
		Supplier: known(&d.Supplier), Artifact: d.Artifact, Content: known(&d.Content),
		IntroducedBy: known(&r.head), ChangedFrom: known(&r.from),
	}
	if row.Artifact == nil {
		row.Artifact = []string{}
	}
	if row.VersionKey != nil && version.HasEpochs(d.Type) {
		row.VersionEpoch = &r.epoch
	}
	for _, evidence := range []string{d.Evidence, d.OSEvidence} {
		row.Foreign = row.Foreign || evidence == audit.EvidenceForeign || evidence == audit.EvidenceLocal
	}
	if d.Kind == sbom.KindOS {
		row.SourceName = cmp.Or(known(&d.Source), known(&d.Name))
	}
	if len(d.Paths) > 0 {
		row.Path = &d.Paths[0]
	}
	if in := d.Install; in != nil {
		row.InstallKind, row.InstallURL = known((*string)(&in.Kind)), known(&in.URL)
	}
	if d.Why != nil {
		row.Why, row.WhyDetail = known(&d.Why.Code), known(&d.Why.Detail)
	}
	if d.Lock != nil {
		row.LockFile, row.LockLine = &d.Lock.File, &d.Lock.Line
	}
	if d.Layer > 0 {
		row.Layer = &d.Layer
	}
	if d.InstallReason != "" {
		row.Explicit = &r.explicit
	}
	if r.known {
		row.Added = &r.new
	}
	if x := d.Exception; x != nil {
		row.ExceptionReason, row.ExceptionOwner, row.ExceptionExpires = known(&x.Reason), known(&x.Owner), known(&x.Expires)
	}
	return row
}

// known returns nil for the empty string, by which reports mean that something is
// not known.
func known(s *string) *string {
	if *s == "" {
		return nil
	}
	return s
}
