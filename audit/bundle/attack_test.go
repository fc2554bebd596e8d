package bundle

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/depaudit/depaudit/audit"
)

const (
	testTool     = "v1.0.0"
	testResults  = testName + statementSuffix
	testEnvelope = testName + envelopeSuffix
)

// signer returns a key of a kind with its public part.
func signer(t *testing.T, kind string) (private, public *Key) {
	t.Helper()
	secret, open := keyPair(t, kind)
	private, err := ParseKey(secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	if public, err = ParseKey(open, nil); err != nil {
		t.Fatal(err)
	}
	return private, public
}

// released returns the files of a release, signed if there is a key.
func released(t *testing.T, r *audit.Report, m Manifest, key *Key) map[string][]byte {
	t.Helper()
	files, err := Files(r, m)
	if err != nil {
		t.Fatal(err)
	}
	if key != nil {
		if err := Sign(t.Context(), files, key); err != nil {
			t.Fatal(err)
		}
	}
	files[SumsFile] = Sums(files)
	return files
}

// TestEveryByte changes bytes of a signed release, and corrects the digests that need
// no key. All of it is found, by the version that made the files and by another one.
// With DEPAUDIT_E2E it is each byte of the files that others are compared with, and
// 1,000 of each other file; else a sample.
func TestEveryByte(t *testing.T) {
	private, public := signer(t, "ed25519")
	files := released(t, sample(t, audit.Pass), manifest(), private)
	for _, tool := range []string{testTool, "v2.0.0"} {
		res := Verify(t.Context(), files, tool, public, nil)
		if len(res.Problems) > 0 || res.Signed != 6 || (res.Other == "") != (tool == testTool) {
			t.Fatalf("%+v", res)
		}
	}
	sampled := 16
	if os.Getenv("DEPAUDIT_E2E") != "" {
		sampled = 1000
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := 1 + len(data)/sampled
			if sampled > 16 && slices.Contains([]string{ReportFile, ManifestFile, testResults, testEnvelope, SumsFile}, name) {
				step = 1
			}
			for i, n := 0, 0; i < len(data); i, n = i+step, n+1 {
				changed := maps.Clone(files)
				changed[name] = bytes.Clone(data)
				changed[name][i] ^= byte(1 + i%255)
				if name != SumsFile {
					changed[SumsFile] = Sums(changed)
				}
				// Another version has the digests alone. This one makes all files
				// again for each check, and does so for a sample.
				tools := []string{"v2.0.0"}
				if n%64 == 0 {
					tools = append(tools, testTool)
				}
				for _, tool := range tools {
					if res := Verify(t.Context(), changed, tool, public, nil); len(res.Problems) == 0 {
						t.Errorf("byte %d of %d was changed, and %s finds nothing", i, len(data), tool)
					}
				}
			}
		})
	}
}

// TestAttacks changes a release as one can who writes to its directory and has no key,
// or with another key. The digests of SHA256SUMS are corrected each time. Each
// change is found and named, also by another version of depaudit.
func TestAttacks(t *testing.T) {
	private, public := signer(t, "ed25519")
	other, _ := signer(t, "ed25519")
	elliptic, _ := signer(t, "ecdsa")
	good := sample(t, audit.Pass)
	files := released(t, good, manifest(), private)
	older := manifest()
	older.Date = older.Date.AddDate(0, -1, 0)
	last := released(t, sample(t, audit.Pass), older, private)
	failed := released(t, sample(t, audit.Fail), manifest(), private)

	envelope := func(change func(*dsse.Envelope)) func(map[string][]byte) {
		return func(f map[string][]byte) {
			var e dsse.Envelope
			if err := json.Unmarshal(f[testEnvelope], &e); err != nil {
				t.Fatal(err)
			}
			change(&e)
			data, err := encodeEnvelope(&e)
			if err != nil {
				t.Fatal(err)
			}
			f[testEnvelope] = data
		}
	}
	text := func(name, old, new string) func(map[string][]byte) {
		return func(f map[string][]byte) {
			if !bytes.Contains(f[name], []byte(old)) {
				t.Fatalf("%s has no %q", name, old)
			}
			f[name] = bytes.Replace(f[name], []byte(old), []byte(new), 1)
		}
	}
	rename := func(old, new string) func(map[string][]byte) {
		return func(f map[string][]byte) { f[new] = f[old]; delete(f, old) }
	}
	resigned := func(r *audit.Report, m Manifest, key *Key) func(map[string][]byte) {
		return func(f map[string][]byte) {
			clear(f)
			maps.Copy(f, released(t, r, m, key))
		}
	}
	take := func(from map[string][]byte, names ...string) func(map[string][]byte) {
		return func(f map[string][]byte) {
			for _, name := range names {
				f[name] = from[name]
			}
		}
	}
	for what, attack := range map[string]struct {
		change func(map[string][]byte)
		file   string // of which a problem is printed
	}{
		// Files.
		"a file more":                       {func(f map[string][]byte) { f["install.sh"] = []byte("x") }, "install.sh"},
		"a hidden file":                     {func(f map[string][]byte) { f[".htaccess"] = []byte("x") }, ".htaccess"},
		"an empty file":                     {func(f map[string][]byte) { f["x"] = nil }, "x"},
		"a name in upper case":              {rename(PageFile, "REPORT.HTML"), PageFile},
		"a name in upper case, beside it":   {func(f map[string][]byte) { f["Report.html"] = f[PageFile] }, "Report.html"},
		"a name with a blank":               {func(f map[string][]byte) { f["report.html "] = f[PageFile] }, "report.html "},
		"a name with a line break":          {func(f map[string][]byte) { f["x\n00  report.html"] = nil }, "x\n00  report.html"},
		"a statement under another name":    {rename("build.cdx.intoto.json", "bom.intoto.json"), "build.cdx.intoto.json"},
		"a statement more":                  {func(f map[string][]byte) { f["x.intoto.json"] = f[testResults] }, "x.intoto.json"},
		"a statement more, with envelope":   {func(f map[string][]byte) { f["x.intoto.json"], f["x.dsse.json"] = f[testResults], f[testEnvelope] }, "x.intoto.json"},
		"an envelope without a statement":   {func(f map[string][]byte) { f["x.dsse.json"] = f[testEnvelope] }, "x.dsse.json"},
		"no test results":                   {func(f map[string][]byte) { delete(f, testResults); delete(f, testEnvelope) }, testResults},
		"no summary of a pass":              {func(f map[string][]byte) { delete(f, "svr.intoto.json"); delete(f, "svr.dsse.json") }, "svr.intoto.json"},
		"no envelope":                       {func(f map[string][]byte) { delete(f, testEnvelope) }, testResults},
		"no statement, and its envelope":    {func(f map[string][]byte) { delete(f, testResults) }, testResults},
		"no manifest":                       {func(f map[string][]byte) { delete(f, ManifestFile) }, ManifestFile},
		"no report":                         {func(f map[string][]byte) { delete(f, ReportFile) }, ReportFile},
		"no page":                           {func(f map[string][]byte) { delete(f, PageFile) }, PageFile},
		"an SBOM of the other stage":        {func(f map[string][]byte) { f["build.cdx.json"] = f["test.cdx.json"] }, "build.cdx.json"},
		"the page of a release that failed": {take(failed, PageFile), PageFile},
		"the tables of one that failed":     {take(failed, TableFile), TableFile},
		// Other releases of the same signer.
		"the report of another release":            {take(failed, ReportFile), ReportFile},
		"the manifest of another release":          {take(last, ManifestFile), ManifestFile},
		"the test results of another release":      {take(last, testResults, testEnvelope), ManifestFile},
		"test results and manifest of another one": {take(last, testResults, testEnvelope, ManifestFile), "svr.intoto.json"},
		"the summary of another release":           {take(last, "svr.intoto.json", "svr.dsse.json"), "svr.intoto.json"},
		"an SBOM statement of another release":     {take(last, "build.cdx.intoto.json", "build.cdx.dsse.json"), "build.cdx.intoto.json"},
		"an SBOM of another release":               {take(last, "build.cdx.json", "build.cdx.intoto.json", "build.cdx.dsse.json"), "build.cdx.json"},
		"a summary where it failed": {func(f map[string][]byte) {
			clear(f)
			maps.Copy(f, failed)
			take(files, "svr.intoto.json", "svr.dsse.json")(f)
		}, "svr.intoto.json"},
		// Statements.
		"the other verdict":                  {text(testResults, "PASSED", "FAILED"), testEnvelope},
		"a subject more":                     {text(testResults, `"subject": [`, `"subject": [{"name":"x","digest":{"sha256":"00"}},`), testEnvelope},
		"an unknown field":                   {text(testResults, `"predicateType"`, `"x": 1, "predicateType"`), testEnvelope},
		"a key twice":                        {text(testResults, `"predicateType"`, `"_type": "https://in-toto.io/Statement/v1", "predicateType"`), testEnvelope},
		"the statement of another predicate": {func(f map[string][]byte) { f[testResults], f[testEnvelope] = f["svr.intoto.json"], f["svr.dsse.json"] }, testResults},
		"the envelope of another statement":  {func(f map[string][]byte) { f[testEnvelope] = f["svr.dsse.json"] }, testEnvelope},
		"a statement that is no JSON":        {func(f map[string][]byte) { f[testResults] = []byte("x") }, testResults},
		"something follows the manifest":     {func(f map[string][]byte) { f[ManifestFile] = append(bytes.Clone(f[ManifestFile]), "{}"...) }, ManifestFile},
		"something follows the report":       {func(f map[string][]byte) { f[ReportFile] = append(bytes.Clone(f[ReportFile]), "{}"...) }, ReportFile},
		"a blank more in the report":         {text(ReportFile, `": `, `":  `), ReportFile},
		"a key of the report in upper case":  {text(ReportFile, `"schema"`, `"Schema"`), ReportFile},
		"a key of the report twice":          {text(ReportFile, `"verdict"`, `"pipeline": "p", "verdict"`), ReportFile},
		"a field of the report more":         {text(ReportFile, `"verdict"`, `"x": 1, "verdict"`), ReportFile},
		"a field of the manifest more":       {text(ManifestFile, `"date"`, `"x": 1, "date"`), ManifestFile},
		"another version in the manifest":    {text(ManifestFile, testTool, "v9.9.9"), ManifestFile},
		"another format of the manifest":     {text(ManifestFile, `"release": 1`, `"release": 2`), ManifestFile},
		"both, and another report":           {func(f map[string][]byte) { text(ManifestFile, testTool, "v9.9.9")(f); take(failed, ReportFile)(f) }, ReportFile},
		"another artifact in the manifest":   {text(ManifestFile, "abab", "cdcd"), ManifestFile},
		"another name of the artifact":       {text(ManifestFile, "app.tar.gz", "app.tar.xz"), ManifestFile},
		"the digest of the page and the page": {func(f map[string][]byte) {
			text(ManifestFile, digest(f[PageFile]), digest([]byte("x")))(f)
			f[PageFile] = []byte("x")
		}, ManifestFile},
		// Envelopes.
		"a signature more":                 {envelope(func(e *dsse.Envelope) { e.Signatures = append(e.Signatures, dsse.Signature{KeyID: "x", Sig: "eA=="}) }), testEnvelope},
		"the signature twice":              {envelope(func(e *dsse.Envelope) { e.Signatures = append(e.Signatures, e.Signatures[0]) }), testEnvelope},
		"no signature":                     {envelope(func(e *dsse.Envelope) { e.Signatures = nil }), testEnvelope},
		"an empty list of signatures":      {envelope(func(e *dsse.Envelope) { e.Signatures = []dsse.Signature{} }), testEnvelope},
		"an empty signature":               {envelope(func(e *dsse.Envelope) { e.Signatures[0].Sig = "" }), testEnvelope},
		"no name of the key":               {envelope(func(e *dsse.Envelope) { e.Signatures[0].KeyID = "" }), testEnvelope},
		"another name of the key":          {envelope(func(e *dsse.Envelope) { e.Signatures[0].KeyID = strings.Repeat("0", 64) }), testEnvelope},
		"another type of the payload":      {envelope(func(e *dsse.Envelope) { e.PayloadType = "text/plain" }), testEnvelope},
		"no type of the payload":           {envelope(func(e *dsse.Envelope) { e.PayloadType = "" }), testEnvelope},
		"base64 for URLs":                  {envelope(func(e *dsse.Envelope) { e.Signatures[0].Sig = urlBase64(t, e.Signatures[0].Sig) }), testEnvelope},
		"base64 with a line break":         {envelope(func(e *dsse.Envelope) { e.Payload += "\n" }), testEnvelope},
		"base64 without padding":           {envelope(func(e *dsse.Envelope) { e.Signatures[0].Sig = strings.TrimRight(e.Signatures[0].Sig, "=") }), testEnvelope},
		"a bit of base64 that is not used": {envelope(func(e *dsse.Envelope) { e.Signatures[0].Sig = otherBits(t, e.Signatures[0].Sig) }), testEnvelope},
		"no payload":                       {envelope(func(e *dsse.Envelope) { e.Payload = "" }), testEnvelope},
		"another payload": {envelope(func(e *dsse.Envelope) {
			e.Payload = base64.StdEncoding.EncodeToString(failed[testResults])
		}), testEnvelope},
		"the test results of one that failed": {take(failed, testResults, testEnvelope), ReportFile},
		"an envelope in one line": {func(f map[string][]byte) {
			var b bytes.Buffer
			if err := json.Compact(&b, f[testEnvelope]); err != nil {
				t.Fatal(err)
			}
			f[testEnvelope] = b.Bytes()
		}, testEnvelope},
		"a key of the envelope twice":         {text(testEnvelope, `"payloadType"`, `"payload": "eA==", "payloadType"`), testEnvelope},
		"a key of the envelope in upper case": {text(testEnvelope, `"payload"`, `"Payload"`), testEnvelope},
		"a field of the envelope more":        {text(testEnvelope, `"payloadType"`, `"x": 1, "payloadType"`), testEnvelope},
		"something follows the envelope":      {func(f map[string][]byte) { f[testEnvelope] = append(bytes.Clone(f[testEnvelope]), "{}"...) }, testEnvelope},
		"a line break follows the envelope":   {func(f map[string][]byte) { f[testEnvelope] = append(bytes.Clone(f[testEnvelope]), '\n') }, testEnvelope},
		"a signature with a byte more": {envelope(func(e *dsse.Envelope) {
			e.Signatures[0].Sig = base64.StdEncoding.EncodeToString(append(decode(t, e.Signatures[0].Sig), 0))
		}), testEnvelope},
		"s of the signature and the order": {envelope(func(e *dsse.Envelope) { e.Signatures[0].Sig = addOrder(t, e.Signatures[0].Sig) }), testEnvelope},
		// Another signer.
		"signed by another key":           {resigned(good, manifest(), other), "build.cdx.dsse.json"}, // and the others
		"signed by a key of another kind": {resigned(good, manifest(), elliptic), "build.cdx.dsse.json"},
		"not signed":                      {resigned(good, manifest(), nil), testResults},
		"another signer names the key":    {func(f map[string][]byte) { resigned(good, manifest(), other)(f); lie(t, f, public) }, testEnvelope},
		"a pass of another key over a failure": {func(f map[string][]byte) {
			clear(f)
			maps.Copy(f, failed)
			take(released(t, good, manifest(), other), testResults, testEnvelope, ReportFile)(f)
		}, testEnvelope},
	} {
		changed := maps.Clone(files)
		attack.change(changed)
		changed[SumsFile] = Sums(changed)
		for _, tool := range []string{testTool, "v2.0.0"} {
			res := Verify(t.Context(), changed, tool, public, nil)
			if !slices.ContainsFunc(res.Problems, func(p Problem) bool { return p.File == attack.file }) {
				t.Errorf("%s, by %s: %+v", what, tool, res.Problems)
			}
		}
	}
	// Each change of the sums, which no key covers, is found because they have one form.
	for what, change := range map[string]func(string) string{
		"in another order": func(s string) string {
			lines := strings.SplitAfter(s, "\n")
			return lines[1] + lines[0] + strings.Join(lines[2:], "")
		},
		"a line twice":             func(s string) string { return s + strings.SplitAfter(s, "\n")[0] },
		"a line less":              func(s string) string { return strings.Join(strings.SplitAfter(s, "\n")[1:], "") },
		"line ends of Windows":     func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"upper case":               strings.ToUpper,
		"marks of binary files":    func(s string) string { return strings.ReplaceAll(s, "  ", " *") },
		"an escaped name":          func(s string) string { return `\` + s },
		"directories":              func(s string) string { return strings.ReplaceAll(s, "  ", "  ./") },
		"no line break at the end": func(s string) string { return strings.TrimSuffix(s, "\n") },
		"a comment":                func(s string) string { return "# x\n" + s },
		"nothing":                  func(string) string { return "" },
	} {
		changed := maps.Clone(files)
		changed[SumsFile] = []byte(change(string(files[SumsFile])))
		if res := Verify(t.Context(), changed, testTool, public, nil); len(res.Problems) != 1 || res.Problems[0].File != SumsFile {
			t.Errorf("sums with %s: %+v", what, res.Problems)
		}
	}
}

// TestUnsigned changes envelopes and checks without a key: their signatures say
// nothing, and the rest is found.
func TestUnsigned(t *testing.T) {
	private, _ := signer(t, "ed25519")
	files := released(t, sample(t, audit.Pass), manifest(), private)
	for what, change := range map[string]func(map[string][]byte){
		"of another type of payload": func(f map[string][]byte) {
			f[testEnvelope] = bytes.Replace(f[testEnvelope], []byte(payloadType), []byte("text/plain"), 1)
		},
		"no JSON":                     func(f map[string][]byte) { f[testEnvelope] = []byte("x") },
		"of another statement":        func(f map[string][]byte) { f[testEnvelope] = f["svr.dsse.json"] },
		"missing, and others are not": func(f map[string][]byte) { delete(f, testEnvelope) },
		"there, and the others are missing": func(f map[string][]byte) {
			maps.DeleteFunc(f, func(n string, _ []byte) bool { return strings.HasSuffix(n, envelopeSuffix) && n != testEnvelope })
		},
	} {
		changed := maps.Clone(files)
		change(changed)
		changed[SumsFile] = Sums(changed)
		if res := Verify(t.Context(), changed, testTool, nil, nil); len(res.Problems) == 0 {
			t.Errorf("an envelope that is %s is accepted", what)
		}
	}
	if res := Verify(t.Context(), files, testTool, nil, nil); len(res.Problems) > 0 || res.Signed != 0 {
		t.Errorf("%+v", res)
	}
}

// TestArtifacts compares the artifacts.
func TestArtifacts(t *testing.T) {
	files := released(t, sample(t, audit.Pass), manifest(), nil)
	for what, test := range map[string]struct {
		digest string
		err    error
		want   string
	}{
		"the same":  {strings.Repeat("ab", 32), nil, ""},
		"another":   {strings.Repeat("cd", 32), nil, "is another one: sha256:cdcd"},
		"not there": {"", errors.New("no such file"), "is not there: no such file"},
		"no digest": {"", nil, "is another one"},
	} {
		res := Verify(t.Context(), files, testTool, nil, func(string) (string, error) { return test.digest, test.err })
		if (len(res.Problems) == 1) != (test.want != "") || len(res.Problems) == 1 && !strings.Contains(res.Problems[0].Detail, test.want) {
			t.Errorf("%s: %+v", what, res.Problems)
		}
	}
	// One name has one digest.
	for _, names := range [][2]string{{"a", "a"}, {"b", "a"}} {
		m := manifest()
		m.Subjects = []Digest{{names[0], strings.Repeat("ab", 32)}, {names[1], strings.Repeat("cd", 32)}}
		if res := Verify(t.Context(), released(t, sample(t, audit.Pass), m, nil), testTool, nil, nil); len(res.Problems) == 0 {
			t.Errorf("artifacts %q are accepted", names)
		}
	}
	// A digest that no file can have is none.
	for _, bad := range []string{"", "00", strings.Repeat("AB", 32)} {
		m := manifest()
		m.Subjects[0].SHA256 = bad
		res := Verify(t.Context(), released(t, sample(t, audit.Pass), m, nil), testTool, nil, func(string) (string, error) { return bad, nil })
		if len(res.Problems) == 0 {
			t.Errorf("an artifact of the digest %q is accepted", bad)
		}
	}
}

// TestECDSA checks that a signature has one form, and that the library accepts it.
func TestECDSA(t *testing.T) {
	for _, kind := range []string{"ecdsa", "ecdsa384", "ecdsa521"} {
		private, public := signer(t, kind)
		for i := range 8 {
			data := []byte{byte(i)}
			sig, err := private.Sign(t.Context(), data)
			if err != nil {
				t.Fatal(err)
			}
			again, err := private.Sign(t.Context(), data)
			if err != nil || !bytes.Equal(sig, again) {
				t.Errorf("%s: the same content has two signatures", kind)
			}
			if err := public.Verify(t.Context(), data, sig); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			library := public.SignerVerifier.(*ecdsaKey).ECDSASignerVerifier
			if err := library.Verify(t.Context(), data, sig); err != nil {
				t.Errorf("%s: by the library: %v", kind, err)
			}
			var pair signature
			if _, err := asn1.Unmarshal(sig, &pair); err != nil {
				t.Fatal(err)
			}
			pair.S.Sub(public.Public().(*ecdsa.PublicKey).Params().N, pair.S)
			twin, err := asn1.Marshal(pair)
			if err != nil {
				t.Fatal(err)
			}
			if err := library.Verify(t.Context(), data, twin); err != nil {
				t.Errorf("%s: the other form is not what the test means: %v", kind, err)
			}
			if err := public.Verify(t.Context(), data, twin); err == nil {
				t.Errorf("%s: the other form of a signature is accepted", kind)
			}
		}
	}
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// urlBase64 writes a signature in the alphabet for URLs, which differs from the other
// one in any signature that has a + or a /: others get a line break.
func urlBase64(t *testing.T, text string) string {
	if out := base64.URLEncoding.EncodeToString(decode(t, text)); out != text {
		return out
	}
	return text + "\n"
}

// otherBits sets the bits that padding leaves unused.
func otherBits(t *testing.T, text string) string {
	t.Helper()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	body := strings.TrimRight(text, "=")
	if body == text {
		t.Fatal("no padding")
	}
	i := strings.IndexByte(alphabet, body[len(body)-1])
	out := body[:len(body)-1] + alphabet[i+1:i+2] + text[len(body):]
	if !bytes.Equal(decode(t, out), decode(t, text)) {
		t.Fatal("another content")
	}
	return out
}

// addOrder adds the order of the group to the second half of a signature by ed25519,
// which is the same number modulo it (RFC 8032, section 8.4).
func addOrder(t *testing.T, text string) string {
	t.Helper()
	sig := decode(t, text)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	half := bytes.Clone(sig[32:])
	slices.Reverse(half)
	sum := new(big.Int).Add(new(big.Int).SetBytes(half), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return base64.StdEncoding.EncodeToString(append(sig[:32:32], sum...))
}

// lie names a key in all envelopes that did not sign them.
func lie(t *testing.T, files map[string][]byte, key *Key) {
	t.Helper()
	id, err := key.KeyID()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if !strings.HasSuffix(name, envelopeSuffix) {
			continue
		}
		var e dsse.Envelope
		if err := json.Unmarshal(data, &e); err != nil {
			t.Fatal(err)
		}
		e.Signatures[0].KeyID = id
		if files[name], err = encodeEnvelope(&e); err != nil {
			t.Fatal(err)
		}
	}
}
