package audit

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/depaudit/depaudit/sbom"
)

func compileSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(abs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func validate(t *testing.T, s *jsonschema.Schema, data []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("not valid by the published schema: %v", err)
	}
}

// TestReportSchemaCovers fills every field of a report by hand, so that one
// that the schema does not know is seen even when no case has it.
func TestReportSchemaCovers(t *testing.T) {
	limit := 3
	gap := sbom.Gap{Kind: "k", Path: "p", Detail: "d"}
	ref := &LockRef{File: "f", Line: 1}
	entry := Accepted{Key: "k", Version: "1", ID: "k@1", PURL: "pkg:k", Provenance: FromOS, Evidence: "db-owned", Base: true, Content: "c", Locked: "l", Paths: []string{"p"}, Exception: "x", Reason: "r"}
	except := ConfiguredException{"pkg:a/b", "/p", []string{"s"}, []string{"not-pinned"}, "r", "o", "2026-01-01", "2026-02-01", "f", 1}
	finding := Finding{Rule: RuleGaps.ID, Severity: SeverityIncomplete, Message: "m", Dependencies: []string{"a"}, Paths: []string{"p"}, Fix: "f", Accept: "a", Place: &Place{"f", 1, "e"}}
	ofUse := finding
	ofUse.Uses = []string{"action a/b@1"}
	one := 1
	r := &Report{
		Schema: ReportSchema, Verdict: Incomplete, Pipeline: "p", Rules: 1, Baseline: "b", Tool: Tool{"n", "v", "c"}, Config: "c",
		Inputs:     &Inputs{[]InputFile{{InputConfiguration, "c", "sha256:00", nil}, {InputBaseline, "b", "sha256:00", &ReleaseInput{"2026-01-01T00:00:00Z", "sha256:" + strings.Repeat("a", 64), strings.Repeat("b", 64)}}}, []ConfiguredStage{{"s", 1, true, true, []string{"f#j"}}, {"t", 2, false, true, nil}}, []ConfiguredException{except}, 30},
		PolicyFrom: &PolicyFrom{"r", strings.Repeat("a", 40), "", true, []PolicyFile{{"p", PolicyChanged}}, []string{"s"}},
		Findings:   []Finding{finding},
		Stages: []Stage{{
			Name: "s", Line: 1, Critical: true, Enforced: true, Environment: "e", OS: "o", Method: Method{1, "c"}, Verdict: Incomplete,
			Image:       sbom.Image{Digest: "d", Platform: "p", BaseName: "n", BaseDigest: "d", Layers: []sbom.Layer{{Digest: "d", DiffID: "i", Size: 1, CreatedBy: "RUN"}}},
			Base:        &StageBase{Ref: "r", Kind: "registry", Digest: "d", Pinned: true, Claimed: true, Known: true, Layers: 1, Dependencies: 2, Present: 1, Gone: 1},
			Limitations: []Limitation{{sbom.Limitation{Name: "paths", Detail: "d"}, true}},
			Counts:      Counts{Total: 1, Unaccounted: 1, Bundled: 1, Excluded: 2}, Ecosystems: []EcosystemCount{{"t", 1}}, Limit: &limit, Message: "m",
			Policy: &Policy{Limit: &limit, BaseLimit: &limit, Growth: &one, Minimum: &limit, Distroless: true, Base: "snapshot", Verify: "sealed", RequireOS: "o", RequireLock: "l",
				FirstParty: []string{"f"}, Registries: []string{"r"}, Accept: []string{"a"}, Waive: []string{"w"}},
			Dependencies: []Dependency{
				{Key: "a", Provenance: FromNowhere, Evidence: "none",
					Lock: ref, Why: &Reason{"c", "d", ref}, Exception: &ExceptionRef{"r", "o", "2026-01-01"}, OSEvidence: "db-owned", Replaces: "z", Content: "c", Locked: "l", Covered: "x",
					Component: sbom.Component{ID: "a", PURL: "p", Name: "n", Namespace: "ns", Version: "v", Arch: "x", Type: "t",
						Paths: []string{"/"}, InstallReason: "dependency", Files: 1, Detail: "d", Layer: 1,
						Kind: sbom.KindPackage, FoundBy: "f", Installers: []string{"pip"}, Source: "s", InstalledSize: 1, Digests: []sbom.Digest{{Algorithm: "sha256", Value: "v", Proved: true, File: "f"}},
						Install: &sbom.Install{Kind: sbom.InstallVCS, URL: "u", Commit: "c", File: "f"}}},
				{Component: sbom.Component{ID: "b", Kind: sbom.KindPackage, Owner: "a"}, Key: "b", Provenance: FromBundled},
			},
			Relations: []sbom.Relation{{From: "a", To: "b", Kind: "depends", Via: "v", Group: 1, File: "f"}},
			Excluded:  []sbom.Exclusion{{Path: "p", Name: "n", Version: "v", PURL: "u", Reason: "first-party", Detail: "d", Count: 2}},
			Growth: Growth{Known: true, Accepted: "sha256:00", Baseline: 1, Allowed: 1, Added: []GrowthGroup{{"a", "explicit", []string{"b"}, []string{"b"}, []string{"a"}, &Mention{"a", "recommends", "b"}}},
				Removed: []Accepted{entry}, Changed: []VersionChange{{"k", "1", "2"}}, Weaker: []Weaker{{"a", Strength{FromLock, "hash-locked"}, Strength{FromNowhere, "none"}}}, Method: &Method{1, "c"},
				Base: &BaseGrowth{1, []string{"a"}, []Accepted{entry}, []VersionChange{{"k", "1", "2"}}, []string{"a"}, []string{"a"}}},
			Findings: []Finding{finding, ofUse}, Remaining: &Remaining{[]Finding{finding}}, Gaps: []Gap{{gap, nil}, {gap, &ExceptionRef{"r", "o", "2026-01-01"}}}, Notices: []sbom.Notice{{Kind: "k", Path: "p", Component: "a", Detail: "d", Digest: "sha256:00"}},
			Locks:  []LockFile{{"p", "f", 1, "sha256:00", []string{"/opt"}, []LockNote{{"k", "f", 1, "n", "d"}}}},
			Absent: []Absent{{"pypi", "n", "1", LockRef{"f", 1}, true, true, true, []string{"2"}}}, MoreAbsent: 1,
			Definition: &Definition{
				Refs: []string{"f#j"}, Files: []string{"f"}, Counts: UseCounts{Total: 1, Kinds: []UseCount{{"action", 1}}, Floating: 1},
				Uses: []Use{{ID: "action a/b@1", Key: "action a/b", Kind: "action", Name: "b", PURL: "pkg:a/b@1", Version: "1", Pin: "floating", Text: "b@1", Places: []UsePlace{{"f", 1, 2}},
					Via: "v", Detail: "d", Fix: "f", Contained: true, Dependency: "a", Exception: &ExceptionRef{"r", "o", "2026-01-01"}}},
				Undecided: []UndecidedPlace{{UsePlace{"f", 1, 2}, "d"}},
				Known:     true, Added: []string{"action a/b@1"}, Removed: []AcceptedUse{{"action c", "1", "commit", "r"}}, Changed: []VersionChange{{"k", "1", "2"}}, Weaker: []WeakerPin{{"action a/b@1", "commit", "floating"}},
			},
			Verified: true, Sealed: true, Files: []AcceptedFile{{"r", "p", "d", "4755", "x", "r"}},
			Exceptions: []ExceptionUse{{except, "2026-01-01", 3, 2, true, []string{"not-pinned"}, []string{"a"}, []string{"/x"}}},
			Indexes:    []Index{{"f", true, "o", "l", "s", "c", "2026-01-01", "K", "n", "p", 1}},
			Ledger:     &Ledger{Counts: []FileCount{{FileProved, 1, 1}}, Lines: []FileLine{{"p", FileChanged, []string{"mode"}, "a", "r", "d", true, "blake3:00", 1, "755", "program"}}},
		}},
	}
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	validate(t, compileSchema(t, "report.schema.json"), marshal(t, r))
}
