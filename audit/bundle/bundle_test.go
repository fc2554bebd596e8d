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
	"os"
	"slices"
	"strings"
	"testing"
	"time"

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
		Subjects: []Digest{{"app.tar.gz", strings.Repeat("ab", 32)}}}
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

// TestForged makes a whole release that is consistent, of a report that was changed
// to a pass. Without the key it looks right, and no signature covers it.
func TestForged(t *testing.T) {
	signer, verifier := signer(t, "ecdsa")
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
		// A rule is one of the pipeline or of its stages, and no name passes that does not exist.
		for _, name := range []string{"stage-not-reported", "stage-gone", "build/gaps"} {
			if !slices.Contains(s.Predicate.Passed, name) {
				t.Errorf("%s: %s did not pass: %q", verdict, name, s.Predicate.Passed)
			}
		}
		for _, name := range []string{"build/stage-not-reported", "build/stage-gone", "gaps"} {
			if slices.Contains(s.Predicate.Passed, name) {
				t.Errorf("%s: %s passed, which is no rule", verdict, name)
			}
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
	for i := range r.Stages {
		r.Stages[i].Environment, r.Stages[i].Image.Digest = "image", "sha256:"+strings.Repeat("ef", 32)
	}
	if files, err = Files(r, m); err != nil || bytes.Count(files["svr.intoto.json"], []byte(strings.Repeat("ef", 32))) != 1 {
		t.Errorf("%v: %s", err, files["svr.intoto.json"])
	}
	// Also with artifacts, the results name the image that was judged.
	if files, err = Files(r, manifest()); err != nil || bytes.Count(files["test-result.intoto.json"], []byte(strings.Repeat("ef", 32))) != 1 {
		t.Errorf("%v: %s", err, files["test-result.intoto.json"])
	}
	// An SBOM that is an environment is an input, by its digest, and on the page.
	r = sample(t, audit.Pass)
	r.Stages[0].Environment, r.Stages[0].Digest = "sbom:vendor.json", "sha256:"+strings.Repeat("ab", 32)
	if files, err = Files(r, m); err != nil || !bytes.Contains(files["test-result.intoto.json"], []byte(strings.Repeat("ab", 32))) || !bytes.Contains(files["report.html"], []byte(strings.Repeat("ab", 32))) {
		t.Errorf("%v: %s", err, files["test-result.intoto.json"])
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
	if files["_stage-1.cdx.json"] == nil || files["_stage-2.spdx.json"] == nil {
		t.Error("the SBOMs of the stages are missing")
	}
}

// TestReadManifest checks that a manifest is one object.
func TestReadManifest(t *testing.T) {
	const one = `{"release": 1, "tool": "v1", "date": "2026-11-28T00:00:00Z"}`
	for text, ok := range map[string]bool{one: true, one + "\n": true, one + "}": false, one + "]": false, one + one: false, one + "x": false, "": false} {
		if _, err := ReadManifest([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestFileNames checks that no two stages have one file, on any file system.
func TestFileNames(t *testing.T) {
	for names, want := range map[string]string{
		"build test":                      "build test",
		"Build build test":                "_stage-1 _stage-2 test",
		"a.b A-B a_b":                     "a.b A-B a_b",
		"con aux.x com1 lpt9 conx":        "_stage-1 _stage-2 _stage-3 _stage-4 conx",
		"stage-2 .. stage-1":              "stage-2 _stage-2 stage-1",
		"_stage-2 a/b":                    "_stage-1 _stage-2",
		"-x ä " + strings.Repeat("x", 65): "_stage-1 _stage-2 _stage-3",
	} {
		var stages []audit.Stage
		for _, name := range strings.Fields(names) {
			stages = append(stages, audit.Stage{Name: name})
		}
		if got := strings.Join(fileNames(stages), " "); got != want {
			t.Errorf("%s: %s, want %s", names, got, want)
		}
	}
}

// TestKeys reads every kind of key, and refuses others with a reason.
func TestKeys(t *testing.T) {
	for _, kind := range []string{"ed25519", "ecdsa", "ecdsa384", "ecdsa521", "rsa"} {
		secret, open := keyPair(t, kind)
		signer, err := ParseKey(secret, nil)
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
		public, err := ParseKey(open, nil)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		files := map[string][]byte{"a.intoto.json": []byte("{}")}
		if err := Sign(t.Context(), files, signer); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		e, err := openEnvelope(t.Context(), files["a.dsse.json"], []byte("{}"))
		if err == nil {
			err = checkEnvelope(t.Context(), e, public)
		}
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if err := Sign(t.Context(), map[string][]byte{"a.intoto.json": nil}, public); err == nil {
			t.Errorf("%s: a public key signs", kind)
		}
	}
	secret, _ := keyPair(t, "ecdsa")
	block, _ := pem.Decode(secret)
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
	for _, name := range []string{"cosign.key", "cosign-1.key"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ParseKey(data, func() ([]byte, error) { return []byte("hello"), nil })
		if err == nil {
			err = Sign(t.Context(), map[string][]byte{"a.intoto.json": []byte("{}")}, key)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ParsePublicKey(data); err == nil || !strings.Contains(err.Error(), "cosign public-key") {
			t.Errorf("%s: %v", name, err)
		}
	}
	block224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, _ := pemOf(t, block224)
	pemText := func(kind string) string { return "-----BEGIN " + kind + "-----\nAA==\n-----END " + kind + "-----\n" }
	for bad, want := range map[string]string{
		"":                               "not a key in PEM",
		"x":                              "not a key in PEM",
		"ssh-ed25519 AAAA x":             "ssh-keygen",
		pemText("OPENSSH PRIVATE KEY"):   "ssh-keygen",
		pemText("CERTIFICATE"):           "openssl x509",
		pemText("ENCRYPTED PRIVATE KEY"): "encrypted in a form",
		pemText("PRIVATE KEY"):           "no key that is read",
		pemText("EC PARAMETERS"):         "not a key in PEM",
		string(weak):                     "too weak",
	} {
		if _, err := ParseKey([]byte(bad), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// keyPair makes a private and a public key of a kind.
func keyPair(t *testing.T, kind string) (secret, public []byte) {
	t.Helper()
	var key any
	var err error
	switch kind {
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		curve := map[string]elliptic.Curve{"ecdsa": elliptic.P256(), "ecdsa384": elliptic.P384(), "ecdsa521": elliptic.P521()}[kind]
		key, err = ecdsa.GenerateKey(curve, rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, key)
}

// TestPage reads what the release is about at the top of its page.
func TestPage(t *testing.T) {
	m := manifest()
	m.Subjects = append(m.Subjects, Digest{"<script>\u202e.tar", strings.Repeat("cd", 32)})
	files, err := Files(sample(t, audit.Pass), m)
	if err != nil {
		t.Fatal(err)
	}
	top, _, _ := strings.Cut(string(files[PageFile]), "</header>")
	for _, want := range []string{
		"<dt>Release of</dt><dd>2026-11-28</dd>",
		"<dt>app.tar.gz</dt><dd>sha256:" + strings.Repeat("ab", 32) + "</dd>",
		`<dt>&lt;script&gt;\u202e.tar</dt>`,
	} {
		if !strings.Contains(top, want) {
			t.Errorf("no %s in\n%s", want, top)
		}
	}
}
