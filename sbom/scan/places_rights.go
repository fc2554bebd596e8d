package scan

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
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
	s.openFiles()
}

// openFiles adds notices about what others than the user of the root may write to:
// directories of the system, programs of packages, and the files of the system that
// are read unasked. dpkg's database has no modes that this could be compared with.
func (s *scanner) openFiles() {
	t := s.tree
	search := make(map[rootfs.Node]bool)
	for _, dir := range SearchPath() {
		if n := t.Resolve(dir); n != rootfs.None {
			search[n] = true
		}
	}
	nodes := []rootfs.Node{t.Resolve("/")}
	for n := range search {
		nodes = append(nodes, n)
	}
	owned := make(map[rootfs.Node]bool) // programs and libraries of packages
	for _, top := range []string{"/etc", "/usr"} {
		root := t.Resolve(top)
		if root == rootfs.None || t.Kind(root) != rootfs.Dir {
			continue
		}
		from, end := t.Subtree(root)
		for n := from; n < end; n++ {
			_, unasked := s.unasked.kinds[n]
			if t.Kind(n) == rootfs.File && s.owned(n) && (search[t.Parent(n)] || strings.Contains(t.Name(n), ".so")) {
				owned[n] = true
				nodes = append(nodes, n)
			}
			if unasked && t.Kind(n) == rootfs.File || t.Kind(n) == rootfs.Dir && !s.isPackaged(n) && !s.caches.contain(n) {
				nodes = append(nodes, n)
			}
		}
	}
	slices.Sort(nodes)
	nodes = slices.Compact(nodes)
	metas := make([]rootfs.Meta, len(nodes))
	// A file that cannot be examined was read before, or is a gap already.
	_ = t.Examine(context.Background(), nodes, func(rootfs.Node) rootfs.SumSet { return 0 }, func(x rootfs.Examined) {
		if i, ok := slices.BinarySearch(nodes, x.Node); ok && x.Err == nil {
			metas[i] = x.Meta // one goroutine for each node
		}
	})
	asRoot := metas[0].UID == 0 // a copy of a root that a user made belongs to that user
	for i, n := range nodes {
		meta, what := metas[i], ""
		open, theirs := meta.Mode&0o002 != 0, asRoot && meta.UID > 0
		switch {
		case t.Kind(n) == rootfs.Dir:
			switch {
			case !open || meta.Mode&0o1000 != 0: // in a sticky one, only files of one's own can be changed
			case search[n]:
				what = "every user may write programs into this directory of the search path"
			default:
				what = "every user may write into this directory of the system"
			}
		case owned[n] && open:
			what = "every user may change this program of a package"
		case owned[n] && theirs && meta.Mode&0o6000 == 0:
			what = fmt.Sprintf("user %d may change this program of a package", meta.UID)
		case owned[n]:
		case open:
			what = "every user may change this file, which is read unasked"
		case theirs:
			// Not the settings of a service in the directory of its user.
			if at, ok := slices.BinarySearch(nodes, t.Parent(n)); ok && metas[at].UID == meta.UID {
				continue
			}
			what = fmt.Sprintf("user %d may change this file, which is read unasked", meta.UID)
		}
		if what != "" {
			s.tell(sbom.Notice{Kind: sbom.NoticePrivilege, Path: t.Path(n), Detail: fmt.Sprintf("mode %04o: %s", meta.Mode, what), Digest: digestOf(fmt.Sprintf("%o %d", meta.Mode, meta.UID))})
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
