package bundle

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"

	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"
)

// ecdsaKey makes signatures by ECDSA unique. As they come from the library they have
// a random part, so that the same release would have other bytes each time; and for
// each signature (r, s) also (r, n-s) is valid, which needs no key to compute. So
// signatures are made as RFC 6979 describes, without randomness, and of both numbers
// the lower one is the only one that is accepted.
type ecdsaKey struct {
	*signerverifier.ECDSASignerVerifier
	public  *ecdsa.PublicKey
	private *ecdsa.PrivateKey // nil in a public key
}

func newECDSA(sv *signerverifier.ECDSASignerVerifier, key *signerverifier.SSLibKey) (*ecdsaKey, error) {
	public, ok := sv.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, signerverifier.ErrInvalidKey
	}
	if bits := public.Params().BitSize; bits < 256 {
		return nil, fmt.Errorf("a curve of %d bits is too weak: P-256, P-384 and P-521 are used", bits)
	}
	k := &ecdsaKey{ECDSASignerVerifier: sv, public: public}
	if key.KeyVal.Private == "" {
		return k, nil
	}
	block, _ := pem.Decode([]byte(key.KeyVal.Private))
	if block == nil {
		return nil, signerverifier.ErrInvalidKey
	}
	if private, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		k.private = private
		return k, nil
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	if k.private, ok = private.(*ecdsa.PrivateKey); !ok {
		return nil, signerverifier.ErrInvalidKey
	}
	return k, nil
}

// hash is the one that the library verifies with.
func (k *ecdsaKey) hash() crypto.Hash {
	switch bits := k.public.Params().BitSize; {
	case bits <= 256:
		return crypto.SHA256
	case bits <= 384:
		return crypto.SHA384
	}
	return crypto.SHA512
}

// signature is that of ECDSA in ASN.1.
type signature struct{ R, S *big.Int }

// Sign makes the signature of data.
func (k *ecdsaKey) Sign(_ context.Context, data []byte) ([]byte, error) {
	if k.private == nil {
		return nil, signerverifier.ErrNotPrivateKey
	}
	h := k.hash().New()
	h.Write(data)
	der, err := k.private.Sign(nil, h.Sum(nil), k.hash())
	if err != nil {
		return nil, err
	}
	var sig signature
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		return nil, err
	}
	if k.high(sig.S) {
		sig.S.Sub(k.public.Params().N, sig.S)
	}
	return asn1.Marshal(sig)
}

// Verify returns an error for a signature that [ecdsaKey.Sign] does not make.
func (k *ecdsaKey) Verify(ctx context.Context, data, der []byte) error {
	if err := k.ECDSASignerVerifier.Verify(ctx, data, der); err != nil {
		return err
	}
	var sig signature
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		return err
	}
	if k.high(sig.S) {
		return errors.New("the signature was changed to its other form")
	}
	return nil
}

func (k *ecdsaKey) high(s *big.Int) bool {
	return new(big.Int).Lsh(s, 1).Cmp(k.public.Params().N) > 0
}
