package scan

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// rights adds notices about programs with the rights of another user that no
// package accounts for, and about directories of the search path that everyone may
// write to. Those of packages are compared with their packages elsewhere.
func (s *scanner) rights() {
	t := s.tree
	programs := slices.Clone(s.sniffed.scripts)
	for _, e := range s.sniffed.executables {
		programs = append(programs, e.Node)
	}
	for _, n := range programs {
		if s.owned(n) || len(s.own) > 0 && s.own[n] || s.caches.contain(n) && !s.cached[n] {
			continue
		}
		meta, err := t.Meta(n)
		if err != nil {
			continue // it was read, or is a gap already
		}
		var rights []string
		if meta.Mode&0o4000 != 0 && meta.Mode&0o111 != 0 {
			rights = append(rights, "runs with the rights of its owner")
		}
		if meta.Mode&0o2000 != 0 && meta.Mode&0o010 != 0 {
			rights = append(rights, "runs with the rights of its group")
		}
		if len(meta.Capabilities) > 0 {
			rights = append(rights, "has capabilities")
		}
		if len(rights) == 0 {
			continue
		}
		sum, _, err := s.contentDigest(n)
		if err != nil {
			s.placeGap(n, err)
			continue
		}
		s.tell(sbom.Notice{Kind: sbom.NoticePrivilege, Path: t.Path(n), Detail: fmt.Sprintf("mode %04o: %s, and no package accounts for it", meta.Mode, strings.Join(rights, ", ")),
			Digest: digestOf(fmt.Sprintf("%o %d %d %x %s", meta.Mode, meta.UID, meta.GID, meta.Capabilities, sum))})
	}
	seen := make(map[rootfs.Node]bool)
	for _, dir := range SearchPath() {
		n := t.Resolve(dir)
		if n == rootfs.None || seen[n] || t.Kind(n) != rootfs.Dir {
			continue
		}
		seen[n] = true
		info, err := t.Stat(n)
		if err == nil && info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
			s.tell(sbom.Notice{Kind: sbom.NoticePrivilege, Path: t.Path(n), Detail: "every user may write programs into this directory of the search path", Digest: digestOf(info.Mode().String())})
		}
	}
}

// certificatesIn returns the certificates of a file, as DER.
func certificatesIn(data []byte) [][]byte {
	var out [][]byte
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		if _, err := x509.ParseCertificate(data); err == nil {
			return [][]byte{data}
		}
		return nil
	}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return out
		}
		if !strings.Contains(block.Type, "CERTIFICATE") || strings.Contains(block.Type, "REQUEST") {
			continue
		}
		// OpenSSL's "TRUSTED CERTIFICATE" has the purposes behind it.
		var first asn1.RawValue
		if _, err := asn1.Unmarshal(block.Bytes, &first); err == nil {
			block.Bytes = first.FullBytes
		}
		out = append(out, block.Bytes)
	}
}

// authority is the statement of one certificate.
func authority(der []byte) statement {
	name := "an authority that cannot be read"
	if c, err := x509.ParseCertificate(der); err == nil {
		name = quoted(c.Subject.String())
	}
	sum := sha256.Sum256(der)
	return statement{words: "programs believe the hosts that it certifies: " + name, text: hex.EncodeToString(sum[:])}
}

// readAnchor reads a certificate that an administrator added.
func readAnchor(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	for _, der := range certificatesIn(data) {
		out = append(out, authority(der))
	}
	return out
}

// readAuthorities reads a bundle, or a file of a directory, that programs take
// authorities from: those that are in no certificate of a package. The bundle
// is made of the packages' at installation, so that an honest one has none.
func readAuthorities(s *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	for _, der := range certificatesIn(data) {
		if s.packagedAuthorities()[sha256.Sum256(der)] {
			continue
		}
		if c, err := x509.ParseCertificate(der); err == nil && c.BasicConstraintsValid && !c.IsCA && isLocalCertificate(c) {
			continue // the certificate of this machine (make-ssl-cert(8))
		}
		out = append(out, authority(der))
	}
	return out
}

// isLocalCertificate reports whether a certificate is for no host of the
// Internet.
func isLocalCertificate(c *x509.Certificate) bool {
	for _, name := range append([]string{c.Subject.CommonName}, c.DNSNames...) {
		if strings.Contains(name, ".") && !isLocalName(name) || strings.Contains(name, "*") {
			return false
		}
	}
	return len(c.IPAddresses) == 0
}

// packagedAuthorities are the certificates in files of packages: those of Debian
// and Alpine one by one, those of Fedora, SUSE and Arch in files of p11-kit, which
// have them as PEM too.
func (s *scanner) packagedAuthorities() map[[sha256.Size]byte]bool {
	if s.unasked.authorities != nil {
		return s.unasked.authorities
	}
	known := make(map[[sha256.Size]byte]bool)
	t := s.tree
	for _, dir := range []string{"/usr/share/ca-certificates", "/usr/share/pki"} {
		root := t.Resolve(dir)
		if root == rootfs.None {
			continue
		}
		from, end := t.Subtree(root)
		for n := from; n < end; n++ {
			if t.Kind(n) != rootfs.File || !s.owned(n) {
				continue
			}
			data, err := t.ReadFile(n, maxPlace)
			if err != nil {
				s.placeGap(n, err)
				continue
			}
			for _, der := range certificatesIn(data) {
				known[sha256.Sum256(der)] = true
			}
		}
	}
	s.unasked.authorities = known
	return known
}
