package judge

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
)

// proofStage is a critical stage with a package of the system, one from a lock and
// files that nothing accounts for, which change makes another one.
func proofStage(t *testing.T, change func(*Input, *audit.Proof)) Input {
	t.Helper()
	sum := strings.Repeat("a", 64)
	doc := sbom.Document{Environment: sbom.Environment{Ref: "dir:root", Kind: "dir"}, Components: []sbom.Component{
		{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: "bash", Version: "5.2-1", Arch: "amd64", PURL: "pkg:deb/debian/bash@5.2-1?arch=amd64", Evidence: "db-owned"},
		{Kind: sbom.KindPackage, Type: "pypi", Name: "six", Version: "1.16.0", PURL: "pkg:pypi/six@1.16.0", Paths: []string{"/venv/six-1.16.0.dist-info"}},
	}}
	in := Input{Stage: config.Stage{Name: "s", Environment: "dir:root", Critical: true, Minimum: new(int)}, Document: mustNew(t, doc),
		Locks: []*lockcheck.Lock{{Path: "l", Format: "requirements", Entries: []lockcheck.Entry{{Type: "pypi", Name: "six", Version: "1.16.0", File: "l", Line: 1,
			Hashes: []lockcheck.Hash{{Algorithm: "sha256", Value: sum}}, Source: lockcheck.Source{Kind: lockcheck.KindRegistry}}}}}}
	proof := &audit.Proof{
		Components: []audit.ComponentProof{
			{ID: "deb/debian/bash@5.2-1?arch=amd64", Evidence: audit.EvidenceSigned, Proved: true, Content: "blake3:" + strings.Repeat("1", 64), Files: 3},
			{ID: "pypi/six@1.16.0", Artifact: []string{"sha256:" + sum}, Proved: true, Content: "blake3:" + strings.Repeat("2", 64), Files: 2},
		},
		Ledger: audit.Ledger{Counts: []audit.FileCount{{Status: audit.FileProved, Files: 5, Bytes: 9}}, Lines: []audit.FileLine{
			{Path: "/etc/profile.d/a.sh", Status: audit.FileUnexplained, Digest: "blake3:" + strings.Repeat("3", 64), Runs: "startup"},
			{Path: "/etc/plain", Status: audit.FileUnexplained, Digest: "blake3:" + strings.Repeat("4", 64)},
			{Path: "/usr/bin/su", Status: audit.FileConsistent, Component: "deb/debian/bash@5.2-1?arch=amd64", Digest: "blake3:" + strings.Repeat("5", 64), Mode: "4755", Runs: "set-id"},
		}},
	}
	in.Proof = proof
	if change != nil {
		change(&in, proof)
	}
	return in
}

// TestFiles accepts a stage, changes it, and compares the findings.
func TestFiles(t *testing.T) {
	c := &config.Config{File: "f"}
	run := func(in Input, accepted *baseline.Baseline) audit.Stage {
		c.Stages = []config.Stage{in.Stage}
		r := Pipeline(c, []Input{in}, accepted, audit.Tool{}, today)
		sameUpdate(t, c, []Input{in}, accepted, r, marshal(t, r))
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
		return r.Stages[0]
	}
	line := func(l audit.FileLine) func(*Input, *audit.Proof) {
		return func(_ *Input, p *audit.Proof) { p.Ledger.Lines = append(p.Ledger.Lines, l) }
	}
	const bash, six = "deb/debian/bash@5.2-1?arch=amd64", "pypi/six@1.16.0"
	first := run(proofStage(t, nil), nil)
	for i, want := range []string{audit.EvidenceBytes, audit.EvidenceBytes} {
		if got := first.Dependencies[i].Evidence; got != want {
			t.Errorf("%s is %s, want %s", first.Dependencies[i].ID, got, want)
		}
	}
	if first.Verdict != audit.Incomplete || len(first.Findings) != 1 {
		t.Errorf("without a baseline: %s %v", first.Verdict, first.Findings)
	}
	var none *baseline.Baseline
	written, err := none.With(first, "first")
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := baseline.Parse("b", written.Encode())
	if err != nil {
		t.Fatal(err)
	}
	old := &baseline.Baseline{Stages: map[string]*baseline.Stage{"s": {Method: first.Method, Critical: true}}}
	for _, d := range accepted.Stages["s"].Dependencies {
		d.Content, d.Locked, d.Paths = "", "", nil
		old.Stages["s"].Dependencies = append(old.Stages["s"].Dependencies, d)
	}
	without, err := baseline.Parse("b", written.Encode())
	if err != nil {
		t.Fatal(err)
	}
	without.Stages["s"].Dependencies[1].Content, without.Stages["s"].Dependencies[1].Locked = "", ""
	for name, test := range map[string]struct {
		before *baseline.Baseline
		change func(*Input, *audit.Proof)
		want   string
	}{
		"the same":      {accepted, nil, ""},
		"an old one":    {old, nil, "error unverified []"},
		"a new startup": {accepted, line(audit.FileLine{Path: "/etc/profile.d/b.sh", Status: audit.FileUnexplained, Runs: "startup", Digest: "blake3:ff"}), "error startup-code [/etc/profile.d/b.sh]"},
		"another startup": {accepted, func(_ *Input, p *audit.Proof) { p.Ledger.Lines[0].Digest = "blake3:" + strings.Repeat("9", 64) },
			"error startup-code [/etc/profile.d/a.sh]"},
		"a plain file":     {accepted, line(audit.FileLine{Path: "/x", Status: audit.FileUnexplained}), ""},
		"a changed file":   {old, line(audit.FileLine{Path: "/bin/bash", Status: audit.FileChanged, How: []string{"content"}, Component: bash}), "error modified-package [/bin/bash]; error unverified []"},
		"a missing file":   {accepted, line(audit.FileLine{Path: "/bin/bash", Status: audit.FileMissing, Component: bash}), "error modified-package [/bin/bash]"},
		"an extra file":    {accepted, line(audit.FileLine{Path: "/venv/six/x.so", Status: audit.FileUnexplained, Runs: "library", Component: six}), "error modified-package [/venv/six/x.so]"},
		"byte code":        {accepted, line(audit.FileLine{Path: "/venv/six/x.pyc", Status: audit.FileUnexplained, Flaw: true, Component: six}), "error stale-bytecode [/venv/six/x.pyc]"},
		"a set-id program": {accepted, line(audit.FileLine{Path: "/x", Status: audit.FileUnexplained, Runs: "set-id", Mode: "4755"}), "error privilege [/x]"},
		"other rights":     {accepted, func(_ *Input, p *audit.Proof) { p.Ledger.Lines[2].Mode = "6755" }, "error privilege [/usr/bin/su]"},
		"a conffile":       {accepted, line(audit.FileLine{Path: "/etc/c", Status: audit.FileConffile, Component: bash}), "error changed-conffile [/etc/c]"},
		"a program": {accepted, line(audit.FileLine{Path: "/srv/run", Status: audit.FileUnexplained, Runs: "program"}),
			"error unexplained-code [/srv/run]"},
		"a program of the project": {accepted, func(in *Input, p *audit.Proof) {
			p.Ledger.Lines = append(p.Ledger.Lines, audit.FileLine{Path: "/srv/run", Status: audit.FileUnexplained, Runs: "program"})
			in.Stage.FirstParty = []config.FirstParty{{Path: "/srv/**", Line: 1}}
		}, "error policy-loosened []; warning unused-first-party []"},
		"sealed": {accepted, func(in *Input, p *audit.Proof) { in.Stage.Verify = config.VerifySealed }, "error unsealed [/etc/plain]"},
		"other content": {accepted, func(_ *Input, p *audit.Proof) { p.Components[1].Content = "blake3:" + strings.Repeat("8", 64) },
			"error changed-content [/venv/six-1.16.0.dist-info]"},
		"not proved again": {accepted, func(_ *Input, p *audit.Proof) { p.Components[1].Proved = false }, ""},
		"not proved, and not the same": {accepted, func(_ *Input, p *audit.Proof) {
			p.Components[1].Proved, p.Components[1].Content = false, "blake3:"+strings.Repeat("8", 64)
		}, "error changed-content [/venv/six-1.16.0.dist-info]; error weaker-evidence []"},
		"more hashes": {accepted, func(in *Input, _ *audit.Proof) {
			e := &in.Locks[0].Entries[0]
			e.Hashes = append(e.Hashes, lockcheck.Hash{Algorithm: "sha256", Value: strings.Repeat("b", 64)})
		}, "error changed-lock []"},
		"a forged record": {accepted, func(_ *Input, p *audit.Proof) { p.Components[0].Differs = []string{"Depends"} }, "error forged-record []"},
		"a gap": {accepted, func(_ *Input, p *audit.Proof) {
			p.Gaps = []sbom.Gap{{Kind: sbom.GapUnreadable, Path: "/x", Detail: "d"}}
		}, "incomplete gaps []"},
		"no digest in the baseline": {without, nil, "error changed-content [/venv/six-1.16.0.dist-info]; error changed-lock []"},
		"not verified": {accepted, func(in *Input, _ *audit.Proof) { in.Proof = nil },
			"error weaker-evidence []; error unverified []"},
		"required": {accepted, func(in *Input, p *audit.Proof) {
			in.Stage.Require = config.Require{OS: audit.EvidenceBytes}
			p.Components[0].Proved = false
		}, "error required-evidence []"},
		"another copy": {accepted, func(in *Input, _ *audit.Proof) {
			in.Document.Components[1].Paths = append(in.Document.Components[1].Paths, "/x/six-1.16.0.dist-info")
		}, "error new-copy [/x/six-1.16.0.dist-info]"},
		"an older version": {accepted, func(in *Input, p *audit.Proof) {
			doc := *in.Document
			doc.Components = slices.Clone(doc.Components)
			b := &doc.Components[0]
			b.ID, b.Version, b.PURL = "", "5.1-9", "pkg:deb/debian/bash@5.1-9?arch=amd64"
			in.Document, p.Components[0].ID = mustNew(t, doc), "deb/debian/bash@5.1-9?arch=amd64"
			p.Ledger.Lines[2].Component = p.Components[0].ID
		}, "error downgraded []"},
	} {
		t.Run(name, func(t *testing.T) {
			s := run(proofStage(t, test.change), test.before)
			var got []string
			for _, f := range s.Findings {
				got = append(got, fmt.Sprintf("%s %s %v", f.Severity, f.Rule, f.Paths))
			}
			if text := strings.Join(got, "; "); text != test.want {
				t.Errorf("findings %s\nwant %s", text, test.want)
			}
			// Whatever it is, accepting it makes it pass, gaps and requirements aside.
			if name == "a gap" || name == "required" || name == "a forged record" {
				return
			}
			next, err := test.before.With(s, "a reason")
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range run(proofStage(t, test.change), next).Findings {
				if f.Severity == audit.Error {
					t.Errorf("after it was accepted: %s %s %v", f.Rule, f.Message, f.Paths)
				}
			}
		})
	}
}
