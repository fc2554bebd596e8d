package judge

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/sbom"
)

// fileFact is a file that a rule is about.
type fileFact struct {
	audit.AcceptedFile
	// component is the ID of the dependency that it belongs to, if any.
	component string
	// detail is a remark.
	detail string
	// since is set if only a new or changed file breaks the rule: without a
	// baseline that records files, there is nothing to compare with.
	since bool
	// ledger is set for a file that only verification finds.
	ledger bool
}

// missingFile is the digest of a file that is not there.
const missingFile = "missing"

// fileFacts returns the files that break a rule if nothing accepts them, by path.
// First-party files are not among them.
func (p *policy) fileFacts() []fileFact {
	f := p.footprint
	var own []selector
	for _, o := range p.config.FirstParty {
		if o.Path != "" {
			own = append(own, newSelector("", "", o.Path))
		}
	}
	var out []fileFact
	add := func(x fileFact) {
		ofOS := false
		if c := f.doc.Component(x.component); c != nil {
			ofOS = c.Kind == sbom.KindOS
		}
		firstParty := f.firstParty[x.component] || slices.ContainsFunc(own, func(s selector) bool { return s.matchesPath(x.Path) })
		if x.Path == "" || firstParty && !ofOS {
			return
		}
		out = append(out, x)
	}
	names := map[string]bool{}   // of programs: the ledger finds them too, and knows less
	startup := map[string]bool{} // likewise
	for i := range f.doc.Notices {
		if x, ok := noticeFact(&f.doc.Notices[i]); ok {
			add(x)
			names[x.Path] = names[x.Path] || x.Rule == audit.RuleName.ID
			startup[x.Path] = startup[x.Path] || x.Rule == audit.RuleStartup.ID && x.component == "" && x.Digest != ""
		}
	}
	if f.proof != nil {
		for i := range f.proof.Ledger.Lines {
			l := &f.proof.Ledger.Lines[i]
			if x, ok := p.lineFact(l); ok && !(names[l.Path] && l.Status == audit.FileUnexplained) && !(startup[l.Path] && x.Rule == audit.RuleStartup.ID) {
				x.ledger = true
				add(x)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b fileFact) int { return a.Compare(b.AcceptedFile) })
	return slices.CompactFunc(out, func(a, b fileFact) bool { return a.AcceptedFile == b.AcceptedFile })
}

// noticeFact returns the file of a notice that is accepted by its content.
// Startup code is judged by the dependency that it belongs to as well.
func noticeFact(n *sbom.Notice) (fileFact, bool) {
	x := fileFact{component: n.Component, detail: n.Detail, since: true}
	x.Path, x.Digest = n.Path, audit.ShortDigest(n.Digest)
	switch n.Kind {
	case sbom.NoticeStartup:
		x.Rule, x.since = audit.RuleStartup.ID, n.Digest != "" && n.Component == "" && !ofPython(n.Path)
	case sbom.NoticeRedirect:
		x.Rule = audit.RuleRedirect.ID
	case sbom.NoticePrivilege:
		x.Rule = audit.RulePrivilege.ID
	case sbom.NoticeIdentity:
		x.Rule, x.since = audit.RuleIdentity.ID, false
	case sbom.NoticeName:
		x.Rule = audit.RuleName.ID
	default:
		return x, false
	}
	return x, true
}

// lineFact returns the file of a line of the ledger, and whether a rule is about
// it.
func (p *policy) lineFact(l *audit.FileLine) (fileFact, bool) {
	x := fileFact{component: l.Component, detail: l.Detail}
	x.Path, x.Digest = l.Path, lineDigest(l.Digest)
	rights := slices.ContainsFunc(l.How, func(h string) bool { return h == "mode" || h == "owner" || h == "capabilities" })
	if rights || l.Runs == "set-id" {
		x.Mode = l.Mode
	}
	if x.detail == "" {
		x.detail = strings.Join(l.How, ", ")
	}
	c := p.footprint.doc.Component(l.Component)
	switch l.Status {
	case audit.FileMissing:
		x.Rule, x.Digest = audit.RuleModified.ID, missingFile
		return x, true
	case audit.FileChanged:
		x.Rule = audit.RuleModified.ID
		if l.Runs == "set-id" && rights {
			x.Rule = audit.RulePrivilege.ID
		}
		return x, true
	case audit.FileConsistent, audit.FileUnchecked, audit.FileDerived:
		// The content of the package is in the digest of its dependency.
		x.since = true
		switch l.Runs {
		case "set-id":
			x.Rule, x.Digest = audit.RulePrivilege.ID, ""
			return x, true
		case "startup":
			x.Rule = audit.RuleStartup.ID
			return x, true
		}
		return x, false
	case audit.FileConffile:
		x.Rule, x.since = audit.RuleConffile.ID, true
		if l.Runs == "startup" {
			x.Rule = audit.RuleStartup.ID
		}
		return x, true
	case audit.FileUnexplained:
		return p.unexplained(x, l, c)
	}
	return x, false
}

func (p *policy) unexplained(x fileFact, l *audit.FileLine, c *sbom.Component) (fileFact, bool) {
	sealed := p.stage.Sealed
	switch {
	case l.Runs == "set-id":
		x.Rule = audit.RulePrivilege.ID
	case strings.HasSuffix(l.Path, ".pyc") && (l.Flaw || strings.Contains(l.Detail, "byte code")):
		x.Rule = audit.RuleBytecode.ID
	case c != nil && c.Kind != sbom.KindFiles:
		// A file beside those of the package, in its directories.
		x.Rule, x.since = audit.RuleModified.ID, !l.Flaw && l.Runs == ""
	case c != nil:
		// It counts as a dependency that no package accounts for, and the content
		// of that is compared.
		return x, false
	case l.Runs == "startup":
		x.Rule, x.since = audit.RuleStartup.ID, !l.Flaw
	case l.Runs != "" || l.Flaw:
		x.Rule, x.since = audit.RuleCode.ID, !l.Flaw
	case sealed:
		x.Rule, x.since = audit.RuleUnsealed.ID, true
	default:
		return x, false
	}
	return x, true
}

// lineDigest returns the digest of a line as a baseline has it.
func lineDigest(digest string) string {
	if strings.HasPrefix(digest, "link:") {
		return digest
	}
	return audit.ShortDigest(digest)
}

// accountedStartup reports whether a file runs code at the start of an interpreter
// and belongs to a dependency that something accounts for, and with that for the
// file.
func (p *policy) accountedStartup(x fileFact) bool {
	d := p.footprint.byID[x.component]
	return x.Rule == audit.RuleStartup.ID && !x.ledger && d != nil && p.accounted(d)
}

// exceptFiles returns the files without those that a live exception names. What a
// wildcard or a directory of one covers has the exception. have are the files of the
// baseline, which need no exception, and compared reports whether a file would
// break its rule.
func (p *policy) exceptFiles(facts []fileFact, have map[audit.AcceptedFile]bool, compared func(*fileFact) bool) []fileFact {
	var out []fileFact
	for _, x := range facts {
		if have[x.AcceptedFile] {
			out = append(out, x)
			continue
		}
		h := p.excusing(x.Rule, x.Path, x.component)
		if h.live || compared(&x) && !p.accountedStartup(x) {
			p.except.use(h, x.Rule, "", x.Path)
		}
		if h.live && !h.wide {
			continue
		}
		if x.Exception = h.covers(); x.Exception != "" && compared(&x) && !have[x.AcceptedFile] {
			p.coveredFiles[x.Exception] = append(p.coveredFiles[x.Exception], x.Path)
		}
		out = append(out, x)
	}
	return out
}

// files reports the files that break a rule and are not accepted, one finding for
// each rule and severity.
func (p *policy) files(accepted *baseline.Stage) {
	known := accepted != nil && accepted.Files != nil
	have := map[audit.AcceptedFile]bool{}
	if known {
		for _, a := range accepted.Files {
			have[a.Same()] = true
		}
	}
	compared := func(x *fileFact) bool { return !x.since || known && (!x.ledger || accepted.Verified) }
	facts := p.exceptFiles(p.fileFacts(), have, compared)
	for _, x := range facts {
		if !p.accountedStartup(x) {
			p.stage.Files = append(p.stage.Files, x.AcceptedFile)
		}
	}
	for _, f := range p.coveredNotices {
		p.stage.Files = append(p.stage.Files, f)
		if !have[f] {
			p.coveredFiles[f.Exception] = append(p.coveredFiles[f.Exception], f.Path)
		}
	}
	slices.SortFunc(p.stage.Files, audit.AcceptedFile.Compare)
	p.stage.Files = slices.Compact(p.stage.Files)
	type group struct {
		rule     string
		severity audit.Severity
	}
	found := map[group]*audit.Facts{}
	var order []group
	for _, x := range facts {
		r, _ := audit.RuleByID(x.Rule)
		severity := r.Severity(p.config.Strict())
		switch {
		case x.Exception != "" || have[x.AcceptedFile] || !compared(&x):
			continue
		case x.Rule == audit.RuleStartup.ID && !x.ledger && p.footprint.unjudged():
			continue // it is unknown whether something accounts for its package
		case p.accountedStartup(x):
			severity = audit.Info
		}
		key := group{r.ID, severity}
		f := found[key]
		if f == nil {
			f = &audit.Facts{Severity: severity}
			if p.gated && severity != audit.Info {
				f.Accept = updateCommand(p.config, true)
			}
			found[key] = f
			order = append(order, key)
		}
		if n := len(f.Paths); n == 0 || f.Paths[n-1] != x.Path {
			f.Count++
			f.Paths = append(f.Paths, x.Path)
		}
		if f.Detail == "" && f.Count == 1 {
			f.Detail = x.detail
		}
		if d := p.footprint.byID[x.component]; d != nil && !slices.Contains(f.Dependencies, d.ID) {
			f.Dependencies = append(f.Dependencies, d.ID)
		}
	}
	for _, key := range order {
		if r, ok := audit.RuleByID(key.rule); ok {
			p.add(r, *found[key])
		}
	}
	if accepted != nil && accepted.Verified && p.footprint.proof == nil && p.footprint.doc != nil {
		p.add(audit.RuleUnverified, audit.Facts{Accept: updateCommand(p.config, true)})
	}
	if accepted != nil && p.stage.Verified && !(known && accepted.Verified) {
		p.add(audit.RuleUnverified, audit.Facts{Subject: "baseline", Accept: updateCommand(p.config, true)})
	}
}
