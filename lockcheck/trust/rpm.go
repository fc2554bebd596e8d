package trust

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/depaudit/depaudit/sbom/rpmheader"
)

// VerifyRPM verifies the signature of the header of an installed rpm package, as
// a database of rpm stores it or a package file has it. The header has the
// digest of every file of the package, so that a good signature vouches for each
// of them, without an index and without the package file.
//
// The signature covers the region of the header that was made with the package.
// A tag outside of it is not signed: rpm writes there what it knows when it
// installs the package, and a header that has any other tag there, such as a
// file, is an error. So is a damaged header.
//
// Of several signatures a good one counts. Without any, and without a region
// (before rpm 4), the problem of the result is that the package is not signed.
func (k *Keys) VerifyRPM(header []byte) (Signature, error) {
	h, err := rpmheader.Parse(header, func(uint32) bool { return true })
	if err != nil {
		return Signature{}, err
	}
	var signed []byte
	if !h.Immutable(func(b []byte) { signed = append(signed, b...) }) {
		return Signature{Problem: "package is not signed"}, nil
	}
	for _, tag := range h.Added() {
		if !isInstalled(tag) {
			return Signature{}, fmt.Errorf("header has a tag outside of its signed part that rpm does not write there: %d", tag)
		}
	}
	packets, err := rpmSignatures(h)
	if err != nil {
		return Signature{}, err
	}
	if len(packets) == 0 {
		return Signature{Problem: "package is not signed"}, nil
	}
	var best Signature
	for _, p := range packets {
		s := k.judgeRPM(p, signed)
		if s.Good() {
			return s, nil
		}
		if best.Problem == "" || best.Key == nil && s.Key != nil {
			best = s
		}
	}
	return best, nil
}

// isInstalled reports whether rpm adds a tag when it installs a package: those of
// the signature header of the package file, which have numbers below 1000
// (headerMergeLegacySigs in lib/package.cc), and those of the installation (dbAdd
// in lib/psm.cc).
func isInstalled(tag uint32) bool {
	const firstOfPackage = 1000
	switch tag {
	case 1008, // INSTALLTIME
		1046,       // ARCHIVESIZE
		1099,       // INSTPREFIXES
		1127, 1128, // INSTALLCOLOR, INSTALLTID
		5090, 5091, // FILESIGNATURES and their length, for the kernel's IMA
		5118, 5119, // PACKAGEDIGESTS and their algorithms
		rpmheader.TagFileStates:
		return true
	}
	return tag < firstOfPackage
}

// rpmSignatures returns the signatures of the header alone, and not those of
// header and payload, which nothing in a database can verify. The tag for DSA
// has everything but RSA.
func rpmSignatures(h rpmheader.Header) (out [][]byte, err error) {
	for _, tag := range []uint32{rpmheader.TagRSAHeader, rpmheader.TagDSAHeader} {
		b, err := h.Bytes(tag)
		if err != nil {
			return nil, err
		}
		if len(b) > 0 {
			out = append(out, b)
		}
	}
	texts, err := h.Texts(rpmheader.TagOpenPGP)
	if err != nil {
		return nil, err
	}
	for _, text := range texts[:min(len(texts), maxSignatures)] {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("signature is damaged: %w", err)
		}
		out = append(out, b)
	}
	return out, nil
}

// judgeRPM verifies one signature of data, which may be of version 3.
func (k *Keys) judgeRPM(block, data []byte) Signature {
	if len(block) > maxSignatureFile {
		return Signature{Problem: fmt.Sprintf("signature has more than %d KiB", maxSignatureFile>>10)}
	}
	r := packet.NewOpaqueReader(bytes.NewReader(block))
	p, err := r.Next()
	if err != nil || p.Tag != packetTagSignature {
		return Signature{Problem: "signature is damaged"}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		return Signature{Problem: "signature is damaged: more than one packet"}
	}
	if len(p.Contents) > 0 && p.Contents[0] == 3 {
		return k.judgeVersion3(p.Contents, data)
	}
	return k.judge(parseSignature(p), data)
}

// version3 is a signature of version 3 by an RSA key
// (https://www.rfc-editor.org/rfc/rfc4880.html#section-5.2.2). rpm made them by
// default until 2016 and vendors for years after; RFC 9580 has dropped them, and
// go-crypto refuses them.
type version3 struct {
	kind  byte
	at    time.Time
	keyID uint64
	hash  crypto.Hash
	check [2]byte // the first bytes of the digest
	value []byte
}

// trailer is what is hashed after the data.
func (v *version3) trailer() []byte {
	return binary.BigEndian.AppendUint32([]byte{v.kind}, uint32(v.at.Unix()))
}

// hashNumbers are OpenPGP's numbers of the hashes that are judged by name.
var hashNumbers = map[byte]crypto.Hash{
	1: crypto.MD5, 2: crypto.SHA1, 3: crypto.RIPEMD160,
	8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512, 11: crypto.SHA224,
}

// parseVersion3 parses a packet. The problem is set for one that is complete and
// not supported.
func parseVersion3(b []byte) (v version3, problem string, err error) {
	const fixed = 19
	if len(b) < fixed+2 || b[1] != 5 {
		return v, "", errors.New("signature is damaged")
	}
	v = version3{kind: b[2], at: time.Unix(int64(binary.BigEndian.Uint32(b[3:])), 0), keyID: binary.BigEndian.Uint64(b[7:]), check: [2]byte(b[17:19])}
	var known bool
	if v.hash, known = hashNumbers[b[16]]; !known {
		return v, fmt.Sprintf("signature is made with the unknown hash %d", b[16]), nil
	}
	switch b[15] {
	case 1, 3: // RSA, RSA for signatures only
	case 17:
		return v, "signature is made with a DSA key", nil
	default:
		return v, fmt.Sprintf("signature of version 3 is made with the algorithm %d", b[15]), nil
	}
	bits := int(binary.BigEndian.Uint16(b[fixed:]))
	v.value = b[fixed+2:]
	if len(v.value) != (bits+7)/8 || len(v.value) == 0 {
		return v, "", errors.New("signature is damaged")
	}
	return v, "", nil
}

func (k *Keys) judgeVersion3(contents, data []byte) Signature {
	v, problem, err := parseVersion3(contents)
	if err != nil {
		return Signature{Problem: err.Error()}
	}
	s := Signature{KeyID: fmt.Sprintf("%016X", v.keyID), Time: v.at, Problem: problem}
	for _, by := range k.signers(v.keyID) {
		s.Key = by.key
		if problem == "" {
			s.Problem = by.verifyVersion3(v, data)
		}
		if s.Good() {
			return s
		}
	}
	return s
}

// verifyVersion3 is verify for a signature of version 3.
func (by signer) verifyVersion3(v version3, data []byte) string {
	if v.kind != byte(packet.SigTypeBinary) {
		return "signature is not one of a file"
	}
	if problem := by.acceptable(&packet.Signature{Hash: v.hash}); problem != "" {
		return problem
	}
	public, ok := by.public.PublicKey.(*rsa.PublicKey)
	if !ok {
		return "signature by RSA names a key that is not an RSA key"
	}
	// The integer has no leading zeros, the signature as many as the key needs.
	value := v.value
	if size := public.Size(); len(value) < size {
		value = append(make([]byte, size-len(value)), value...)
	}
	sum := v.hash.New()
	sum.Write(data)
	sum.Write(v.trailer())
	digest := sum.Sum(nil)
	if [2]byte(digest) != v.check || rsa.VerifyPKCS1v15(public, v.hash, digest, value) != nil {
		return notTheseBytes + "the header or the signature was changed"
	}
	return by.valid(v.at)
}
