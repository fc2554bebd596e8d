package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
)

// readProof indexes what was verified.
func (f *footprint) readProof(p *audit.Proof) {
	if f.proof = p; p == nil {
		return
	}
	f.proofs, f.differing = proofsByID(p), map[string][]string{}
	for i := range p.Ledger.Lines {
		l := &p.Ledger.Lines[i]
		switch l.Status {
		case audit.FileChanged, audit.FileMissing, audit.FileUnexplained:
			f.differing[l.Component] = append(f.differing[l.Component], l.Path)
		}
	}
}

// osEvidence returns the evidence of a package of the system, of what the scan
// and the verification found. Indexes without a trusted signature do not make
// the scan's doubts about a package go away.
func (f *footprint) osEvidence(c *sbom.Component, d *audit.Dependency) string {
	q := f.proofs[c.ID]
	byScan := audit.Strength{Provenance: audit.FromOS, Evidence: c.Evidence}
	switch {
	case q == nil || q.Evidence == "":
		return c.Evidence
	case q.Evidence == audit.EvidenceSigned || q.Evidence == audit.EvidenceHeader:
		if q.Proved {
			return audit.EvidenceBytes
		}
		return q.Evidence
	case c.Evidence != "" && !byScan.Sound():
		return c.Evidence
	}
	if byIndex := (audit.Strength{Provenance: audit.FromOS, Evidence: q.Evidence}); !byIndex.Sound() && q.Detail != "" {
		d.Why = &audit.Reason{Code: q.Evidence, Detail: q.Detail}
	}
	return q.Evidence
}

// provedByLock reports whether every file of a component is that of an artifact
// of which the entry has the digest.
func (f *footprint) provedByLock(c *sbom.Component, e *lockcheck.Entry) bool {
	q := f.proofs[c.ID]
	return q != nil && q.Proved && slices.ContainsFunc(e.Hashes, func(h lockcheck.Hash) bool {
		return slices.Contains(q.Artifact, h.Algorithm+":"+h.Value)
	})
}

// locked identifies what an entry pins: its digests and where the package is
// from. linked are the entries of what is linked into it.
func locked(e *lockcheck.Entry, linked []*lockcheck.Entry) string {
	h := sha256.New()
	for _, e := range append([]*lockcheck.Entry{e}, linked...) {
		var lines []string
		for _, d := range e.Hashes {
			lines = append(lines, d.Algorithm+":"+d.Value)
		}
		slices.Sort(lines)
		fmt.Fprintf(h, "%q %q %q\n", e.Name, slices.Compact(lines), e.Host())
	}
	return audit.ShortDigest("sha256:" + hex.EncodeToString(h.Sum(nil)))
}

// forged reports the packages whose record is not that of the signed index.
func (p *policy) forged() {
	var f audit.Facts
	for i := range p.footprint.dependencies {
		d := &p.footprint.dependencies[i]
		q := p.footprint.proofs[d.ID]
		if q == nil || len(q.Differs) == 0 {
			continue
		}
		if p.excepted(audit.RuleForged, d.ID) {
			continue
		}
		if f.Count++; f.Count == 1 {
			f.Subject, f.Detail = d.Label(), strings.Join(q.Differs, ", ")
		}
		f.Dependencies = append(f.Dependencies, d.ID)
	}
	if f.Count > 0 {
		p.add(audit.RuleForged, f)
	}
}

// required reports the dependencies with weaker evidence than the configuration
// requires. Those without sound evidence break other rules.
func (p *policy) required() {
	want := map[audit.Provenance]string{audit.FromOS: p.config.Require.OS, audit.FromLock: p.config.Require.Lock}
	var f audit.Facts
	for i := range p.stage.Dependencies {
		d := &p.stage.Dependencies[i]
		level := want[d.Provenance]
		weak := level != "" && d.Strength().Sound() && d.Strength().WeakerThan(audit.Strength{Provenance: d.Provenance, Evidence: level})
		if !weak || p.excepted(audit.RuleRequired, d.ID) {
			continue
		}
		if f.Count++; f.Count == 1 {
			f.Subject, f.Detail = d.Label(), d.Evidence+", and "+level+" is required"
		}
		f.Dependencies = append(f.Dependencies, d.ID)
	}
	if f.Count > 0 {
		p.add(audit.RuleRequired, f)
	}
}
