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

	"github.com/depaudit/depaudit/sbom/strictjson"
	"github.com/depaudit/depaudit/sbom/wording"
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

// ID returns the name of the key in envelopes: a digest of its public part.
func (k *Key) ID() string {
	id, err := k.KeyID()
	if err != nil {
		return "" // which the libraries do not return for a key that was parsed
	}
	return id
}

// ErrPassphrase is the error for an encrypted key without a passphrase, or with
// another one.
var ErrPassphrase = errors.New("the key is encrypted, and the passphrase is missing or wrong")

// ParseKey parses a key in PEM: a public or private one (SPKI, PKCS #8, SEC 1), or
// one that cosign or openssl encrypted. passphrase is called for an encrypted one; nil
// is an error then.
func ParseKey(data []byte, passphrase func() ([]byte, error)) (*Key, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("not a key in PEM: the file is empty")
	}
	block, rest := pem.Decode(data)
	for block != nil && block.Type == "EC PARAMETERS" { // what openssl ecparam writes before its key
		data = rest
		block, rest = pem.Decode(data)
	}
	switch {
	case block == nil && bytes.HasPrefix(data, []byte("ssh-")), block == nil && bytes.HasPrefix(data, []byte("ecdsa-sha2-")):
		return nil, errors.New("a key in the form of OpenSSH, not in PEM: `ssh-keygen -e -m PKCS8` converts those of ECDSA")
	case block == nil && bytes.HasPrefix(data, []byte("\x30")): // a SEQUENCE of ASN.1
		return nil, errors.New("a key in DER, not in PEM: `openssl pkey -inform DER -in FILE` converts a private one, with -pubin -pubout a public one")
	case block == nil && bytes.Contains(data, []byte("-----BEGIN ")):
		return nil, errors.New("the key is damaged: what is between its lines BEGIN and END is not PEM")
	case block == nil:
		return nil, errors.New("not a key in PEM, which has a line -----BEGIN ... KEY-----")
	case block.Type == "OPENSSH PRIVATE KEY":
		return nil, errors.New("a key in the form of OpenSSH: `ssh-keygen -p -m PKCS8` converts those of ECDSA, and `openssl genpkey -algorithm ed25519` makes one")
	case block.Type == "CERTIFICATE":
		return nil, errors.New("a certificate: `openssl x509 -noout -pubkey` prints its key")
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
	case block.Type == "ENCRYPTED PRIVATE KEY":
		der, err := decryptPKCS8(block.Bytes, passphrase)
		if err != nil {
			return nil, err
		}
		data = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	case strings.Contains(block.Type, "ENCRYPTED") || block.Headers["Proc-Type"] != "":
		return nil, errEncryption
	}
	key, err := signerverifier.LoadKey(data)
	if errors.Is(err, signerverifier.ErrFailedPEMParsing) || errors.Is(err, signerverifier.ErrUnknownKeyType) {
		return nil, fmt.Errorf("%s in PEM is no key that is read; "+usable, wording.Quote(block.Type))
	}
	if err != nil {
		return nil, err
	}
	switch key.KeyType {
	case signerverifier.ED25519KeyType:
		sv, err := signerverifier.NewED25519SignerVerifierFromSSLibKey(key)
		return &Key{sv}, err
	case signerverifier.ECDSAKeyType:
		sv, err := signerverifier.NewECDSASignerVerifierFromSSLibKey(key)
		if err != nil {
			return nil, err
		}
		ec, err := newECDSA(sv, key)
		return &Key{ec}, err
	}
	return nil, fmt.Errorf("a key of the type %s is not read; "+usable, wording.Quote(key.KeyType))
}

// usable ends the error for a key of another kind.
const usable = "ed25519 and ECDSA with P-256, P-384 or P-521 are: `openssl genpkey -algorithm ed25519` makes one"

// ParsePublicKey parses a key that verifies. A private key is refused: it makes
// signatures that hold, so that it does not belong where releases are checked.
func ParsePublicKey(data []byte) (*Key, error) {
	for rest := data; ; {
		var block *pem.Block
		switch block, rest = pem.Decode(rest); {
		case block == nil:
			return ParseKey(data, nil)
		case strings.HasPrefix(block.Type, "ENCRYPTED SIGSTORE"), strings.HasPrefix(block.Type, "ENCRYPTED COSIGN"):
			return nil, errors.New("a private key, and the public one verifies: `cosign public-key --key FILE` prints it")
		case strings.HasSuffix(block.Type, "PRIVATE KEY") && block.Type != "OPENSSH PRIVATE KEY":
			return nil, errors.New("a private key, and the public one verifies: `openssl pkey -pubout -in FILE` prints it")
		}
	}
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
			return errors.New("it is a public key: a private one signs, from which the public one was made")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if files[envelopeName(name)], err = encodeEnvelope(e); err != nil {
			return err
		}
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

// openEnvelope returns the envelope of a statement, and an error for one that is not
// as [Sign] writes it. A signature more, another encoding in base64, a field more, and
// whatever follows would be believed without it.
func openEnvelope(ctx context.Context, data, statement []byte) (*dsse.Envelope, error) {
	var e dsse.Envelope
	if err := strictjson.UnmarshalKnown(ctx, data, &e); err != nil {
		return nil, fmt.Errorf("is not an envelope: %w", err)
	}
	if e.PayloadType != payloadType {
		return nil, fmt.Errorf("the payload is %s, not a statement of in-toto", wording.Quote(e.PayloadType))
	}
	if len(e.Signatures) != 1 {
		return nil, fmt.Errorf("has %s instead of one", wording.Count(len(e.Signatures), "signature", "signatures"))
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("is not an envelope: the payload: %w", err)
	}
	if !bytes.Equal(payload, statement) {
		return nil, errors.New("it signs another statement than the one beside it")
	}
	again, err := encodeEnvelope(&e)
	if err == nil && (!bytes.Equal(again, data) || !canonical(e.Payload) || !canonical(e.Signatures[0].Sig)) {
		err = errors.New("it is not as it was written")
	}
	return &e, err
}

// checkEnvelope returns an error for an envelope of the statement that the key does
// not verify.
func checkEnvelope(ctx context.Context, e *dsse.Envelope, key *Key) error {
	v, err := dsse.NewEnvelopeVerifier(key)
	if err != nil {
		return err
	}
	if _, err := v.Verify(ctx, e); err != nil {
		return fmt.Errorf("the key does not verify it: %w", err)
	}
	return nil
}

func encodeEnvelope(e *dsse.Envelope) ([]byte, error) {
	data, err := json.MarshalIndent(e, "", "  ")
	return append(data, '\n'), err
}

// canonical reports whether a text is base64 as it is written, in which no other text
// has the same meaning.
func canonical(text string) bool {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	return err == nil && base64.StdEncoding.EncodeToString(data) == text
}
