package judge

import (
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
)

// TestSystemByLock checks what a lock of packages of the system adds to the evidence
// of the system itself.
func TestSystemByLock(t *testing.T) {
	sha1, sum := strings.Repeat("b", 40), strings.Repeat("a", 64)
	for _, tt := range []struct {
		name     string
		evidence string
		digest   string
		version  string
		lock     func(*lockcheck.Entry)
		want     string // provenance, evidence, rule
	}{
		{"locked", "db-owned", sha1, "1.36.1-r2", nil, "lock hash-locked "},
		{"signed", audit.EvidenceSigned, sha1, "1.36.1-r2", nil, "os archive-signed "},
		{"other bytes", "db-owned", strings.Repeat("c", 40), "1.36.1-r2", nil, "unaccounted none " + audit.RuleHashMismatch.ID},
		{"other bytes, signed", audit.EvidenceSigned, strings.Repeat("c", 40), "1.36.1-r2", nil, "unaccounted none " + audit.RuleHashMismatch.ID},
		{"another version", "db-owned", sha1, "1.36.1-r3", nil, "unaccounted none " + audit.RuleNotPinned.ID},
		{"another version, signed", audit.EvidenceSigned, sha1, "1.36.1-r3", nil, "os archive-signed "},
		{"another host", "db-owned", sha1, "1.36.1-r2", func(e *lockcheck.Entry) {
			e.Source.URL, e.Source.Registry = "https://apk.example/busybox.apk", "apk.example"
		}, "unaccounted none " + audit.RuleOtherRegistry.ID},
		{"without a hash", "db-owned", sha1, "1.36.1-r2", func(e *lockcheck.Entry) { e.Hashes = nil }, "os db-owned "},
		{"of another name", "db-owned", sha1, "1.36.1-r2", func(e *lockcheck.Entry) { e.Name = "musl" }, "os db-owned "},
	} {
		doc := mustNew(t, sbom.Document{Environment: sbom.Environment{Ref: "dir:root", Kind: "dir"}, Components: []sbom.Component{
			{Kind: sbom.KindOS, Type: "apk", Namespace: "alpine", Name: "busybox", Version: tt.version, Arch: "x86_64", PURL: "pkg:apk/alpine/busybox@" + tt.version + "?arch=x86_64",
				Evidence: tt.evidence, Digests: []sbom.Digest{{Algorithm: "sha1", Value: tt.digest}}}}})
		e := lockcheck.Entry{Type: "apk", Name: "busybox", Version: "1.36.1-r2", File: "apko.lock.json", Line: 1, Source: lockcheck.Source{Kind: lockcheck.KindRegistry},
			Hashes: []lockcheck.Hash{{Algorithm: "sha1", Value: sha1}, {Algorithm: "sha256", Value: sum}}}
		if tt.lock != nil {
			tt.lock(&e)
		}
		in := Input{Stage: config.Stage{Name: "s", Environment: "dir:root", Critical: true}, Document: doc,
			Locks: []*lockcheck.Lock{{Path: "apko.lock.json", Format: "apko.lock.json", Entries: []lockcheck.Entry{e}}}}
		r := Pipeline(&config.Config{File: "f", Stages: []config.Stage{in.Stage}}, []Input{in}, nil, audit.Tool{}, today)
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		d := r.Stages[0].Dependencies[0]
		rule := ""
		for _, f := range r.Stages[0].Findings {
			if len(f.Dependencies) > 0 {
				rule = f.Rule
			}
		}
		if got := string(d.Provenance) + " " + d.Evidence + " " + rule; got != tt.want {
			t.Errorf("%s: %s, want %s (%+v)", tt.name, got, tt.want, d.Why)
		}
	}
}
