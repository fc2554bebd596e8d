package bundle

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"
)

const (
	// payloadType is that of statements in envelopes
	// (https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md).
	payloadType = "application/vnd.in-toto+json"
	// envelopeSuffix ends the names of signed statements.
	envelopeSuffix = ".dsse.json"
)

// Key signs or verifies statements: ed25519, or ECDSA with SHA-2.
type Key struct{ dsse.SignerVerifier }

// ErrPassphrase is the error for an encrypted key without a passphrase, or with
// another one.
var ErrPassphrase = errors.New("the key is encrypted, and the passphrase is missing or wrong")

// ParseKey parses a key in PEM: a public or private one (SPKI, PKCS #8, SEC 1), or
// one that cosign encrypted. passphrase is called for an encrypted one; nil is an
// error then.
func ParseKey(data []byte, passphrase func() ([]byte, error)) (*Key, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("not a key in PEM")
	}
	switch {
	case strings.HasPrefix(block.Type, "ENCRYPTED SIGSTORE") || strings.HasPrefix(block.Type, "ENCRYPTED COSIGN"):
		if passphrase == nil {
			return nil, ErrPassphrase
		}
		word, err := passphrase()
		if err != nil {
			return nil, err
		}
		der, err := encrypted.Decrypt(block.Bytes, word)
		if err != nil {
			return nil, ErrPassphrase
		}
		data = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	case strings.Contains(block.Type, "ENCRYPTED") || block.Headers["Proc-Type"] != "":
		return nil, errors.New("encrypted in a form that is not read: encrypt it with cosign, or remove the passphrase with `openssl pkey`")
	}
	key, err := signerverifier.LoadKey(data)
	if err != nil {
		return nil, err
	}
	switch key.KeyType {
	case signerverifier.ED25519KeyType:
		sv, err := signerverifier.NewED25519SignerVerifierFromSSLibKey(key)
		return &Key{sv}, err
	case signerverifier.ECDSAKeyType:
		sv, err := signerverifier.NewECDSASignerVerifierFromSSLibKey(key)
		return &Key{sv}, err
	}
	return nil, fmt.Errorf("a key of the type %q: ed25519 and ECDSA are used", key.KeyType)
}

// Sign adds a signed envelope for each statement.
func Sign(ctx context.Context, files map[string][]byte, key *Key) error {
	signer, err := dsse.NewEnvelopeSigner(key)
	if err != nil {
		return err
	}
	for _, name := range statementNames(files) {
		e, err := signer.SignPayload(ctx, payloadType, files[name])
		if errors.Is(err, signerverifier.ErrNotPrivateKey) {
			return errors.New("it is a public key: a private one signs")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		data, err := json.MarshalIndent(e, "", "  ")
		if err != nil {
			return err
		}
		files[envelopeName(name)] = append(data, '\n')
	}
	return nil
}

// statementNames are those of the statements, sorted.
func statementNames(files map[string][]byte) []string {
	var out []string
	for name := range files {
		if strings.HasSuffix(name, statementSuffix) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func envelopeName(statement string) string {
	return strings.TrimSuffix(statement, statementSuffix) + envelopeSuffix
}

// checkEnvelope returns an error for an envelope that the key does not verify, or
// that is not of the statement.
func checkEnvelope(ctx context.Context, data, statement []byte, key *Key) error {
	var e dsse.Envelope
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return fmt.Errorf("not an envelope: %w", err)
	}
	if e.PayloadType != payloadType {
		return fmt.Errorf("the payload is %q, not a statement of in-toto", e.PayloadType)
	}
	v, err := dsse.NewEnvelopeVerifier(key)
	if err != nil {
		return err
	}
	_, payload, err := v.VerifyAndDecode(ctx, &e)
	if err != nil {
		return fmt.Errorf("the key does not verify it: %w", err)
	}
	// A signature more, another encoding in base64, and another name of the key would
	// be believed.
	id, err := key.KeyID()
	if err != nil {
		return err
	}
	if len(e.Signatures) != 1 || e.Signatures[0].KeyID != id || !canonical(e.Payload) || !canonical(e.Signatures[0].Sig) {
		return errors.New("it is not as it was written")
	}
	if !bytes.Equal(payload, statement) {
		return errors.New("it signs another statement than the one beside it")
	}
	// Another encoding of the same envelope is another file.
	again, err := json.MarshalIndent(e, "", "  ")
	if err == nil && !bytes.Equal(append(again, '\n'), data) {
		return errors.New("it is not as it was written")
	}
	return err
}

// canonical reports whether a text is base64 as it is written, in which no other text
// has the same meaning.
func canonical(text string) bool {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	return err == nil && base64.StdEncoding.EncodeToString(data) == text
}
