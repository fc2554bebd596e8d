package trust

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
)

// apkSignatures are the names of the files that have a signature of apk, without
// the name of the key (https://wiki.alpinelinux.org/wiki/Apk_spec), with the hash.
//
// SHA-1 is accepted here: Alpine signs all its indexes with it, and names packages
// by it too, so that nothing would be left. Who signs makes the content, and a
// second file of one digest is out of reach; two files of one digest, which is
// not, would have to come from the distribution itself.
var apkSignatures = []struct {
	prefix string
	hash   crypto.Hash
}{
	{".SIGN.RSA.", crypto.SHA1},
	{".SIGN.RSA256.", crypto.SHA256},
	{".SIGN.RSA512.", crypto.SHA512},
}

// APKSignature is the signature of an index or a package of apk, judged.
type APKSignature struct {
	// Key is the name of the key that claims to have signed, as apk has it in
	// /etc/apk/keys: "alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub".
	Key string
	// Fingerprint is the SHA-256 of the trusted key, in upper-case hexadecimal;
	// empty if no trusted key has the name.
	Fingerprint string
	// Problem is why a signature by a trusted key is not good.
	Problem string
}

// Good reports whether a trusted key made the signature of these very bytes.
func (s APKSignature) Good() bool { return s.Fingerprint != "" && s.Problem == "" }

// VerifyAPK verifies a signature of apk: data follow the gzip member that has the
// signature in a file of that name. ok is false for a file that is no signature.
func (k *Keys) VerifyAPK(name string, signature, data []byte) (s APKSignature, ok bool) {
	for _, kind := range apkSignatures {
		key, found := strings.CutPrefix(name, kind.prefix)
		if !found || key == "" || strings.Contains(key, "/") {
			continue
		}
		s.Key = key
		public := k.APK(key)
		if public == nil {
			return s, true
		}
		s.Fingerprint = fingerprintRSA(public)
		h := kind.hash.New()
		h.Write(data)
		if rsa.VerifyPKCS1v15(public, kind.hash, h.Sum(nil), signature) != nil {
			s.Problem = notTheseBytes + "the file or the signature was changed"
		}
		return s, true
	}
	return APKSignature{}, false
}

func fingerprintRSA(key *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
