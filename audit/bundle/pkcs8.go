package bundle

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"hash"
)

// maxIterations is far above what programs write (openssl: 2,048, OWASP's advice of
// 2023: 600,000): a minute of work.
const maxIterations = 50_000_000

// The object identifiers of RFC 8018, appendix A and B, and of NIST for AES.
var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// errEncryption is the error for a key that is encrypted in another way.
var errEncryption = errors.New("encrypted in a form that is not read: `openssl pkcs8 -topk8 -v2 aes-256-cbc` writes one that is")

// hashOf returns the hash of a pseudorandom function of PBKDF2, nil for one that is not
// read. No identifier is HMAC with SHA-1 (RFC 8018, appendix A.2).
func hashOf(oid asn1.ObjectIdentifier) func() hash.Hash {
	switch oid.String() {
	case "", "1.2.840.113549.2.7":
		return sha1.New
	case "1.2.840.113549.2.9":
		return sha256.New
	case "1.2.840.113549.2.10":
		return sha512.New384
	case "1.2.840.113549.2.11":
		return sha512.New
	}
	return nil
}

// keyLength returns the length in bytes of the key of AES in CBC mode, 0 for another
// cipher.
func keyLength(oid asn1.ObjectIdentifier) int {
	switch oid.String() {
	case "2.16.840.1.101.3.4.1.2":
		return 16
	case "2.16.840.1.101.3.4.1.22":
		return 24
	case "2.16.840.1.101.3.4.1.42":
		return 32
	}
	return 0
}

// decryptPKCS8 returns the private key in an EncryptedPrivateKeyInfo (RFC 5958, section
// 3) as openssl writes it: PBES2 with PBKDF2 and AES in CBC mode (RFC 8018). An error of
// passphrase is returned; [ErrPassphrase] is the error for another one.
func decryptPKCS8(der []byte, passphrase func() ([]byte, error)) ([]byte, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	var scheme struct{ KDF, Cipher pkix.AlgorithmIdentifier }
	var kdf struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	var iv []byte
	if !whole(der, &info) || !info.Algorithm.Algorithm.Equal(oidPBES2) ||
		!whole(info.Algorithm.Parameters.FullBytes, &scheme) || !scheme.KDF.Algorithm.Equal(oidPBKDF2) ||
		!whole(scheme.KDF.Parameters.FullBytes, &kdf) || !whole(scheme.Cipher.Parameters.FullBytes, &iv) {
		return nil, errEncryption
	}
	newHash, length := hashOf(kdf.PRF.Algorithm), keyLength(scheme.Cipher.Algorithm)
	switch {
	case newHash == nil || length == 0 || kdf.KeyLength != 0 && kdf.KeyLength != length,
		kdf.Iterations < 1 || kdf.Iterations > maxIterations,
		len(iv) != aes.BlockSize || len(info.Data) == 0 || len(info.Data)%aes.BlockSize != 0:
		return nil, errEncryption
	case passphrase == nil:
		return nil, ErrPassphrase
	}
	word, err := passphrase()
	if err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(newHash, string(word), kdf.Salt, kdf.Iterations, length)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(info.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, info.Data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, ErrPassphrase
	}
	plain = plain[:len(plain)-pad]
	// The padding of another passphrase is right once in 256 times: the result is no
	// sequence of that length then.
	var private asn1.RawValue
	if !whole(plain, &private) || private.Tag != asn1.TagSequence || !private.IsCompound {
		return nil, ErrPassphrase
	}
	return plain, nil
}

// whole reports whether DER is one value of that type.
func whole(der []byte, value any) bool {
	rest, err := asn1.Unmarshal(der, value)
	return err == nil && len(rest) == 0
}
