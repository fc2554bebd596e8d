package bundle

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// sample is a report of two stages.
func sample(t *testing.T, verdict audit.Verdict) *audit.Report {
	t.Helper()
	dep := func(name string, p audit.Provenance, evidence string) audit.Dependency {
		c := sbom.Component{PURL: "pkg:deb/debian/" + name + "@1", Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: name, Version: "1", Arch: "amd64", Paths: []string{"/var/lib/dpkg/status"}}
		c.ID = sbom.Identity(&c)
		return audit.Dependency{Component: c, Key: sbom.Key(&c), Provenance: p, Evidence: evidence}
	}
	r := &audit.Report{Schema: audit.ReportSchema, Pipeline: "p", Rules: sbom.Rules, Tool: audit.Tool{Name: "depaudit", Version: "v1.0.0", Catalogers: "c"}}
	for _, name := range []string{"build", "test"} {
		s := audit.Stage{Name: name, Critical: name == "build", Environment: "dir:" + name, Method: audit.Method{Rules: sbom.Rules, Catalogers: "c"},
			Dependencies: []audit.Dependency{dep("bash", audit.FromOS, "db-owned"), dep("libc6", audit.FromOS, "db-owned")},
			Growth:       audit.Growth{Known: true, Baseline: 2, Added: []audit.GrowthGroup{}, Removed: []audit.Accepted{}, Changed: []audit.VersionChange{}},
			Findings:     []audit.Finding{}, Gaps: []audit.Gap{}}
		for i := range s.Dependencies {
			s.Counts.Count(s.Dependencies[i].Provenance)
		}
		s.Ecosystems = audit.CountEcosystems(s.Dependencies)
		if name == "build" && verdict == audit.Fail {
			s.Findings = append(s.Findings, audit.Finding{Rule: audit.RuleGrowth.ID, Severity: audit.Error, Message: "grew"})
		}
		if name == "test" && verdict != audit.Pass {
			s.Findings = append(s.Findings, audit.Finding{Rule: audit.RuleNotPinned.ID, Severity: audit.Warning, Message: "x"})
		}
		s.Verdict = s.DeriveVerdict()
		r.Stages = append(r.Stages, s)
	}
	r.Verdict = r.DeriveVerdict()
	return r
}

func manifest() Manifest {
	return Manifest{Tool: "v1.0.0", Date: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), Author: "A <a@example.org>",
		Subjects: []Subject{{"app.tar.gz", strings.Repeat("ab", 32)}}}
}

func pemOf(t *testing.T, private any) (secret, public []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(private.(crypto.Signer).Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub})
}

// TestEveryByte changes each file of a signed release in many places, also together
// with its digest: all of it is found.
func TestEveryByte(t *testing.T) {
	pair := keys(t)["ed25519"]
	secret, public := pair[0], pair[1]
	signer, err := ParseKey(secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := ParseKey(public, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := Files(sample(t, audit.Pass), manifest())
	if err != nil {
		t.Fatal(err)
	}
	if err := Sign(t.Context(), files, signer); err != nil {
		t.Fatal(err)
	}
	files[SumsFile] = Sums(files)
	artifact := func(string) string { return strings.Repeat("ab", 32) }
	if res := Verify(t.Context(), files, "v1.0.0", verifier, artifact); len(res.Problems) > 0 || res.Signed != 6 || res.Other != "" {
		t.Fatalf("%+v", res)
	}
	for name, data := range files {
		for i := 0; i < len(data); i += 1 + len(data)/12 {
			changed := maps.Clone(files)
			changed[name] = bytes.Clone(data)
			changed[name][i] ^= 1
			if name != SumsFile {
				changed[SumsFile] = Sums(changed)
			}
			if res := Verify(t.Context(), changed, "v1.0.0", verifier, artifact); len(res.Problems) == 0 {
				t.Errorf("%s: byte %d of %d was changed, and nothing is found", name, i, len(data))
			}
		}
		changed := maps.Clone(files)
		delete(changed, name)
		if name != SumsFile {
			changed[SumsFile] = Sums(changed)
		}
		if res := Verify(t.Context(), changed, "v1.0.0", verifier, artifact); len(res.Problems) == 0 {
			t.Errorf("%s was removed, and nothing is found", name)
		}
	}
	// Envelopes that mean the same and are others: a signature more, base64 for URLs.
	for what, change := range map[string]func(*dsse.Envelope){
		"a signature more":        func(e *dsse.Envelope) { e.Signatures = append(e.Signatures, dsse.Signature{KeyID: "x", Sig: "eA=="}) },
		"another name of the key": func(e *dsse.Envelope) { e.Signatures[0].KeyID = "" },
		"another base64": func(e *dsse.Envelope) {
			e.Signatures[0].Sig = strings.NewReplacer("+", "-", "/", "_").Replace(e.Signatures[0].Sig) + "\n"
		},
	} {
		name := testName + envelopeSuffix
		var e dsse.Envelope
		if err := json.Unmarshal(files[name], &e); err != nil {
			t.Fatal(err)
		}
		change(&e)
		data, err := json.MarshalIndent(e, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		changed := maps.Clone(files)
		changed[name] = append(data, '\n')
		changed[SumsFile] = Sums(changed)
		if res := Verify(t.Context(), changed, "v1.0.0", verifier, artifact); len(res.Problems) != 1 {
			t.Errorf("%s: %+v", what, res.Problems)
		}
	}
	// A digest that no file can have is none.
	m := manifest()
	m.Subjects[0].SHA256 = ""
	empty, err := Files(sample(t, audit.Pass), m)
	if err != nil {
		t.Fatal(err)
	}
	empty[SumsFile] = Sums(empty)
	if res := Verify(t.Context(), empty, "v1.0.0", nil, func(string) string { return "" }); len(res.Problems) == 0 {
		t.Error("an artifact without a digest was found")
	}
	more := maps.Clone(files)
	more["more.txt"] = []byte("x")
	more[SumsFile] = Sums(more)
	if res := Verify(t.Context(), more, "v1.0.0", verifier, artifact); len(res.Problems) != 1 {
		t.Errorf("a file more: %+v", res.Problems)
	}
	for have, want := range map[string]string{"": "is not there", strings.Repeat("cd", 32): "another one"} {
		res := Verify(t.Context(), files, "v1.0.0", verifier, func(string) string { return have })
		if len(res.Problems) != 1 || !strings.Contains(res.Problems[0].Detail, want) {
			t.Errorf("an artifact of %q: %+v", have, res.Problems)
		}
	}
	if res := Verify(t.Context(), files, "v1.0.1", verifier, nil); res.Other != "v1.0.0" {
		t.Errorf("files of another version: %+v", res)
	}
}

// TestForged makes a whole release that is consistent, of a report that was changed
// to a pass. Without the key it looks right, and no signature covers it.
func TestForged(t *testing.T) {
	pair := keys(t)["ecdsa"]
	secret, public := pair[0], pair[1]
	signer, _ := ParseKey(secret, nil)
	verifier, _ := ParseKey(public, nil)
	real, err := Files(sample(t, audit.Fail), manifest())
	if err != nil {
		t.Fatal(err)
	}
	if err := Sign(t.Context(), real, signer); err != nil {
		t.Fatal(err)
	}
	forged, err := Files(sample(t, audit.Pass), manifest())
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range real {
		if strings.HasSuffix(name, envelopeSuffix) {
			forged[name] = data
		}
	}
	forged[SumsFile] = Sums(forged)
	if res := Verify(t.Context(), forged, "v1.0.0", verifier, nil); len(res.Problems) == 0 {
		t.Error("the signatures of another report are accepted")
	}
}

// TestPredicates checks what the statements have.
func TestPredicates(t *testing.T) {
	for verdict, want := range map[audit.Verdict]string{audit.Pass: "PASSED", audit.Fail: "FAILED"} {
		files, err := Files(sample(t, verdict), manifest())
		if err != nil {
			t.Fatal(err)
		}
		var s struct {
			Type      string `json:"_type"`
			Subject   []descriptor
			Predicate testResult
		}
		if err := json.Unmarshal(files["test-result.intoto.json"], &s); err != nil {
			t.Fatal(err)
		}
		if s.Type != statementType || s.Predicate.Result != want || len(s.Subject) != 1 || s.Subject[0].Digest["sha256"] != strings.Repeat("ab", 32) {
			t.Errorf("%s: %+v", verdict, s)
		}
		if s.Predicate.Configuration[0].Digest["sha256"] != digest(files[ReportFile]) {
			t.Error("the statement is not bound to the report")
		}
		failed, warned := strings.Join(s.Predicate.Failed, " "), strings.Join(s.Predicate.Warned, " ")
		if verdict == audit.Fail && (failed != "build/growth" || warned != "test/not-pinned") || verdict == audit.Pass && failed+warned != "" {
			t.Errorf("%s: failed %q, warned %q", verdict, failed, warned)
		}
		if _, svr := files["svr.intoto.json"]; svr != (verdict == audit.Pass) {
			t.Errorf("%s: a summary of a pass: %v", verdict, svr)
		}
		var bom struct {
			Predicate struct{ BOMFormat string }
		}
		if err := json.Unmarshal(files["build.cdx.intoto.json"], &bom); err != nil || bom.Predicate.BOMFormat != "CycloneDX" {
			t.Errorf("the SBOM in a statement: %+v, %v", bom, err)
		}
	}
	// Without artifacts the statements are about the image, or the report.
	m := manifest()
	m.Subjects = nil
	r := sample(t, audit.Pass)
	files, err := Files(r, m)
	if err != nil || !bytes.Contains(files["svr.intoto.json"], []byte(ReportFile)) {
		t.Errorf("%v: %s", err, files["svr.intoto.json"])
	}
	r.Stages[0].Image.Digest = "sha256:" + strings.Repeat("ef", 32)
	if files, err = Files(r, m); err != nil || !bytes.Contains(files["svr.intoto.json"], []byte(strings.Repeat("ef", 32))) {
		t.Errorf("%v: %s", err, files["svr.intoto.json"])
	}
}

// TestHostileStage checks that the name of a stage of another origin leads to no
// other file.
func TestHostileStage(t *testing.T) {
	r := sample(t, audit.Pass)
	r.Stages[0].Name, r.Stages[1].Name = "../../etc/passwd", "..\x1b[2J"
	files, err := Files(r, manifest())
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if strings.ContainsAny(name, "/\\\x1b") || strings.HasPrefix(name, ".") {
			t.Errorf("a file %q", name)
		}
	}
	if files["stage-1.cdx.json"] == nil || files["stage-2.spdx.json"] == nil {
		t.Error("the SBOMs of the stages are missing")
	}
}

// TestKeys reads every kind of key, and refuses others with a reason.
func TestKeys(t *testing.T) {
	for kind, pair := range keys(t) {
		signer, err := ParseKey(pair[0], nil)
		if kind == "rsa" {
			if err == nil || !strings.Contains(err.Error(), "ed25519 and ECDSA") {
				t.Errorf("rsa: %v", err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		public, err := ParseKey(pair[1], nil)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		files := map[string][]byte{"a.intoto.json": []byte("{}")}
		if err := Sign(t.Context(), files, signer); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if err := checkEnvelope(t.Context(), files["a.dsse.json"], []byte("{}"), public); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if err := Sign(t.Context(), map[string][]byte{"a.intoto.json": nil}, public); err == nil {
			t.Errorf("%s: a public key signs", kind)
		}
	}
	block, _ := pem.Decode(keys(t)["ecdsa"][0])
	sealed, err := encrypted.Encrypt(block.Bytes, []byte("word"))
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: sealed})
	if _, err := ParseKey(key, func() ([]byte, error) { return []byte("word"), nil }); err != nil {
		t.Error(err)
	}
	for _, word := range []func() ([]byte, error){nil, func() ([]byte, error) { return []byte("other"), nil }} {
		if _, err := ParseKey(key, word); err != ErrPassphrase {
			t.Errorf("another passphrase, or none: %v", err)
		}
	}
	for _, bad := range []string{"", "x", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"} {
		if _, err := ParseKey([]byte(bad), nil); err == nil {
			t.Errorf("%q is a key", bad)
		}
	}
}

// keys are pairs of a private and a public key by their kind.
func keys(t *testing.T) map[string][2][]byte {
	t.Helper()
	out := map[string][2][]byte{}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for kind, k := range map[string]any{"ed25519": ed, "ecdsa": ec, "ecdsa384": ec384, "rsa": other} {
		secret, public := pemOf(t, k)
		out[kind] = [2][]byte{secret, public}
	}
	return out
}
