package trust

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// The policy for signatures. See the package comment.
const minRSABits = 2048

// acceptedHashes are the hashes that a signature may be made with, with their
// names.
var acceptedHashes = map[crypto.Hash]string{
	crypto.SHA256:   "SHA-256",
	crypto.SHA384:   "SHA-384",
	crypto.SHA512:   "SHA-512",
	crypto.SHA3_256: "SHA3-256",
	crypto.SHA3_512: "SHA3-512",
}

const (
	// maxSignatureFile is the limit of a file of signatures in bytes. Debian's has
	// 3 kB.
	maxSignatureFile = 1 << 20
	// maxSignatures bounds the work for one signed file, which is hashed for each.
	// Debian's have four at most.
	maxSignatures = 16
)

// Signature is one signature of a file, judged.
type Signature struct {
	// KeyID has the last 16 digits of the fingerprint of the key or subkey that
	// claims to have signed, upper-case hexadecimal; empty if the signature names
	// none.
	KeyID string
	// Key is the trusted key, nil if that key is not trusted.
	Key *Key
	// Time is when the signature was made, by its own word.
	Time time.Time
	// Problem is why a signature by a trusted key is not good, or why the
	// signature could not be read.
	Problem string
}

// Good reports whether a trusted key made the signature of these very bytes.
func (s Signature) Good() bool { return s.Key != nil && s.Problem == "" }

// notTheseBytes begins the problem of a signature of other bytes.
const notTheseBytes = "signature is not one of these bytes: "

// Forged reports whether a trusted key is said to have signed these bytes, and did
// not.
func (s Signature) Forged() bool { return s.Key != nil && strings.HasPrefix(s.Problem, notTheseBytes) }

// Clearsigned verifies a clear-signed text, such as apt's InRelease, and returns
// the part of it that is signed. The error is about the form of the file; then
// nothing in it is signed.
func (k *Keys) Clearsigned(data []byte) (text []byte, signatures []Signature, err error) {
	text, armored, err := SplitClearsigned(data)
	if err != nil {
		return nil, nil, err
	}
	packets, err := signaturePackets(armored)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range packets {
		if p.sig != nil && p.sig.SigType != packet.SigTypeText {
			p = signaturePacket{sig: p.sig, problem: "signature is not one of a text"}
		}
		signatures = append(signatures, k.judge(p, text))
	}
	return text, signatures, nil
}

// Detached verifies the signatures of data in a file of their own, armored or
// not, such as apt's Release.gpg. The error is about the form of that file.
func (k *Keys) Detached(data, signature []byte) ([]Signature, error) {
	packets, err := signaturePackets(signature)
	if err != nil {
		return nil, err
	}
	var out []Signature
	for _, p := range packets {
		out = append(out, k.judge(p, data))
	}
	return out, nil
}

// signaturePacket is a signature that was parsed, or the reason why not.
type signaturePacket struct {
	sig     *packet.Signature
	problem string
}

// signaturePackets parses a file of signatures. Packets are read one after the
// other, so that a compressed one in it is not followed.
func signaturePackets(data []byte) ([]signaturePacket, error) {
	if len(data) > maxSignatureFile {
		return nil, fmt.Errorf("signature has more than %d KiB", maxSignatureFile>>10)
	}
	blocks, err := unarmor(data, openpgp.SignatureType)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	if blocks == nil {
		blocks = [][]byte{data}
	}
	var out []signaturePacket
	for _, block := range blocks {
		r := packet.NewOpaqueReader(bytes.NewReader(block))
		for {
			p, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("signature is damaged: %w", err)
			}
			if p.Tag != packetTagSignature {
				return nil, fmt.Errorf("signature is damaged: packet of type %d in it", p.Tag)
			}
			if len(out) == maxSignatures {
				return nil, fmt.Errorf("file has more than %d signatures", maxSignatures)
			}
			out = append(out, parseSignature(p))
		}
	}
	if len(out) == 0 {
		return nil, errors.New("signature is empty")
	}
	return out, nil
}

// packetTagSignature is the type of signatures
// (https://www.rfc-editor.org/rfc/rfc9580.html#section-5.2).
const packetTagSignature = 2

func parseSignature(p *packet.OpaquePacket) signaturePacket {
	parsed, err := p.Parse()
	sig, ok := parsed.(*packet.Signature)
	var unsupported pgperrors.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		return signaturePacket{problem: "signature is of a kind that is not supported: " + string(unsupported)}
	case err != nil:
		return signaturePacket{problem: "signature is damaged: " + err.Error()}
	case !ok:
		return signaturePacket{problem: "signature is damaged"}
	}
	return signaturePacket{sig: sig}
}

// signer is a trusted key or subkey that can have made a signature.
type signer struct {
	key         *Key
	public      *packet.PublicKey
	self        *packet.Signature // binds the public key to the key
	revocations []*packet.Signature
}

// signers returns the trusted keys and subkeys with an ID.
func (k *Keys) signers(id uint64) []signer {
	var out []signer
	for _, key := range k.openpgp {
		e := key.entity
		if self, _ := e.PrimarySelfSignature(); e.PrimaryKey.KeyId == id && self != nil {
			out = append(out, signer{key, e.PrimaryKey, self, e.Revocations})
		}
		for _, sub := range e.Subkeys {
			if sub.PublicKey.KeyId == id {
				out = append(out, signer{key, sub.PublicKey, sub.Sig, append(sub.Revocations[:len(sub.Revocations):len(sub.Revocations)], e.Revocations...)})
			}
		}
	}
	return out
}

// judge verifies one signature of data.
func (k *Keys) judge(p signaturePacket, data []byte) Signature {
	s := Signature{Problem: p.problem}
	if p.sig == nil {
		return s
	}
	s.Time = p.sig.CreationTime
	if p.sig.IssuerKeyId == nil {
		s.Problem = "signature names no key"
		return s
	}
	s.KeyID = fmt.Sprintf("%016X", *p.sig.IssuerKeyId)
	for _, by := range k.signers(*p.sig.IssuerKeyId) {
		s.Key = by.key
		if p.problem == "" {
			s.Problem = by.verify(p.sig, data)
		}
		if s.Good() {
			return s
		}
	}
	return s
}

// verify returns why a signature of data is not good, or "".
func (by signer) verify(sig *packet.Signature, data []byte) string {
	if problem := by.acceptable(sig); problem != "" {
		return problem
	}
	h, err := sig.PrepareVerify()
	if err != nil {
		return err.Error()
	}
	var w io.Writer = h
	switch sig.SigType {
	case packet.SigTypeBinary:
	case packet.SigTypeText:
		w = openpgp.NewCanonicalTextHash(h)
	default:
		return "signature is not one of a file"
	}
	if _, err := w.Write(data); err != nil {
		return err.Error()
	}
	if err := by.public.VerifySignature(h, sig); err != nil {
		return notTheseBytes + "the file or the signature was changed"
	}
	return by.valid(sig.CreationTime)
}

// acceptable applies the policy for algorithms.
func (by signer) acceptable(sig *packet.Signature) string {
	if acceptedHashes[sig.Hash] == "" {
		return "signature is made with a weak hash: " + sig.Hash.String()
	}
	switch public := by.public.PublicKey.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < minRSABits {
			return fmt.Sprintf("signature is made with a weak RSA key of %d bits (%d are needed)", public.N.BitLen(), minRSABits)
		}
	default:
		if by.public.PubKeyAlgo == packet.PubKeyAlgoDSA {
			return "signature is made with a DSA key"
		}
	}
	if by.self.FlagsValid && !by.self.FlagSign {
		return "key is not one for signing"
	}
	return ""
}

// valid returns why the key was not valid at a time, or "".
func (by signer) valid(at time.Time) string {
	day := at.UTC().Format(time.DateOnly)
	primary := by.key.entity.PrimaryKey
	primarySelf, _ := by.key.entity.PrimarySelfSignature()
	switch {
	case at.Before(by.public.CreationTime) || at.Before(primary.CreationTime):
		return "signature is of " + day + ", before its key was made"
	case by.public.KeyExpired(by.self, at), primarySelf != nil && primary.KeyExpired(primarySelf, at):
		return "signature is of " + day + ", when its key had expired"
	}
	for _, r := range by.revocations {
		if revokes(r, at) {
			return "key is revoked" + reasonText(r)
		}
	}
	return ""
}

// revokes reports whether a revocation makes signatures of a time bad
// (https://www.rfc-editor.org/rfc/rfc9580.html#section-5.2.3.31).
func revokes(r *packet.Signature, at time.Time) bool {
	if r.RevocationReason != nil {
		switch *r.RevocationReason {
		case packet.KeySuperseded, packet.KeyRetired:
			return !at.Before(r.CreationTime)
		}
	}
	return true
}

func reasonText(r *packet.Signature) string {
	if text := strings.TrimSpace(r.RevocationReasonText); text != "" {
		return ": " + text
	}
	return ""
}
