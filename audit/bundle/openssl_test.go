package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/depaudit/depaudit/audit"
)

// program returns the output of a program in a directory.
func program(t *testing.T, dir, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestOpenSSL has the keys made and the signatures checked by openssl, over the bytes
// that the specification of DSSE describes
// (https://github.com/secure-systems-lab/dsse/blob/master/protocol.md).
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl")
	}
	for kind, digest := range map[string]string{"P-256": "sha256", "P-384": "sha384", "P-521": "sha512", "ed25519": ""} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run := func(args ...string) string {
				out, err := program(t, dir, "openssl", args...)
				if err != nil {
					t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
				}
				return out
			}
			if kind == "ed25519" {
				run("genpkey", "-algorithm", kind, "-out", "key.pem")
			} else {
				// Its parameters are in a block of their own before the key.
				run("ecparam", "-name", kind, "-genkey", "-out", "key.pem")
			}
			run("pkey", "-in", "key.pem", "-pubout", "-out", "key.pub")
			key := func(name string) *Key {
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				k, err := ParseKey(data, nil)
				if err != nil {
					t.Fatal(err)
				}
				return k
			}
			files := released(t, sample(t, audit.Pass), manifest(), key("key.pem"))
			if res := Verify(t.Context(), files, testTool, key("key.pub"), nil); len(res.Problems) > 0 || res.Signed != 6 {
				t.Errorf("%+v", res.Problems)
			}
			var e dsse.Envelope
			if err := json.Unmarshal(files[testEnvelope], &e); err != nil {
				t.Fatal(err)
			}
			payload := decode(t, e.Payload)
			signed := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(payload), payload)
			for name, data := range map[string][]byte{"sig": decode(t, e.Signatures[0].Sig), "signed": signed, "changed": append(signed, ' ')} {
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			verify := func(name string) (string, error) {
				if kind == "ed25519" {
					return program(t, dir, "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin", "-in", name, "-sigfile", "sig")
				}
				return program(t, dir, "openssl", "dgst", "-"+digest, "-verify", "key.pub", "-signature", "sig", name)
			}
			if out, err := verify("signed"); err != nil {
				t.Errorf("openssl: %v\n%s", err, out)
			}
			if out, err := verify("changed"); err == nil {
				t.Errorf("openssl verifies another content: %s", out)
			}
		})
	}
}

// TestPython checks signatures, and the names of keys, by the library of the same
// specification in Python (Debian: python3-securesystemslib).
func TestPython(t *testing.T) {
	const python = "/usr/bin/python3"
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("set DEPAUDIT_E2E=1")
	}
	if out, err := program(t, ".", python, "-c", "import securesystemslib.keys, cryptography"); err != nil {
		t.Skipf("no securesystemslib: %s", out)
	}
	const script = `
import base64, json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key, Encoding, PublicFormat
from securesystemslib import keys
kind, scheme, envelope, public = sys.argv[1:]
e = json.load(open(envelope))
body = base64.b64decode(e["payload"], validate=True)
of = e["payloadType"].encode()
pae = b"DSSEv1 %d %s %d %s" % (len(of), of, len(body), body)
value = open(public).read().strip()
if kind == "ed25519":
    value = load_pem_public_key(value.encode()).public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
value = {"public": value, "private": ""}
key = {"keyid": keys._get_keyid(kind, scheme, value, "sha256"), "keytype": kind, "scheme": scheme, "keyval": value}
[s] = e["signatures"]
sig = {"keyid": s["keyid"], "sig": base64.b64decode(s["sig"], validate=True).hex()}
print(s["keyid"] == key["keyid"], keys.verify_signature(key, sig, pae), keys.verify_signature(key, sig, pae + b"x"))
`
	for kind, scheme := range map[string]string{"ed25519": "ed25519", "ecdsa": "ecdsa-sha2-nistp256"} {
		secret, public := keyPair(t, kind)
		key, err := ParseKey(secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		files := released(t, sample(t, audit.Pass), manifest(), key)
		dir := t.TempDir()
		for name, data := range map[string][]byte{"envelope": files[testEnvelope], "public": public} {
			if err := os.WriteFile(filepath.Join(dir, name), bytes.Clone(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := program(t, dir, python, "-c", script, kind, scheme, "envelope", "public")
		if err != nil || strings.TrimSpace(out) != "True True False" {
			t.Errorf("%s: %v\n%s", kind, err, out)
		}
	}
}
