// Package trust verifies signatures by the keys that the auditor trusts. A key
// that an environment has is its own word, and is never trusted by itself.
//
// # Which keys
//
// The archive keys of Debian and Ubuntu are built in ([BuiltIn] is the table of
// them). The auditor adds keys by the paths of files, and restricts the built-in
// ones by fingerprints. A built-in key that was not named vouches for packages of
// its own distribution and of its derivatives only ([Keys.For]): a package of
// Ubuntu is not one of a Debian system.
//
// # When a signature is good
//
// A signature is judged at its own time: a key that expired since then was valid
// when it signed, and an index must be as old as the installation that it
// explains. The clock is not used, so a wrong one changes nothing. The price is
// that the thief of an expired key can date a signature back; restrict the keys
// to those in use.
//
// A key that was revoked because it was superseded or retired is good for
// signatures before the revocation. With any other reason, or none, it may have
// been stolen long before, and no signature by it is good.
//
// The weakest hash is SHA-256 and the shortest RSA key has 2048 bits; DSA is
// refused. apt asks for the same of RSA keys (its APT::Key::Assert-Pubkey-Algo)
// and of hashes, but for SHA-224.
package trust

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/depaudit/depaudit/sbom/wording"
)

// Keys is a set of trusted public keys: OpenPGP, and RSA keys of apk.
type Keys struct {
	openpgp []*Key
	apk     map[string]*rsa.PublicKey
	unused  []*Key // built-in keys that are not trusted, for messages
}

// Key is a trusted OpenPGP key.
type Key struct {
	// Fingerprint of the primary key in upper-case hexadecimal.
	Fingerprint string
	// Name is that of the table of built-in keys, or the key's first user ID.
	Name string
	// Source is the package that a built-in key is from, or the path of a file.
	Source string

	entity *openpgp.Entity
	// system is the ID in os-release of the distribution of a built-in key, empty
	// for a key that the auditor named.
	system string
}

// maxKeyFile is the limit of a file with keys in bytes. The keyring of all of
// Debian's developers has 34 MB; that of its archive 56 kB.
const maxKeyFile = 64 << 20

// Open returns the built-in keys, and those that names add or restrict: a name is
// the path of a file with keys, or the fingerprint of a built-in key. With a
// fingerprint, only the named ones of the built-in keys are trusted. A file has
// OpenPGP keys, armored or not, or an RSA key of apk in PEM.
func Open(names []string) (*Keys, error) {
	k := &Keys{apk: make(map[string]*rsa.PublicKey)}
	builtin, err := builtIn()
	if err != nil {
		return nil, err
	}
	var named []string
	for _, name := range names {
		if fingerprint := asFingerprint(name); fingerprint != "" {
			if err := isBuiltIn(builtin, fingerprint); err != nil {
				return nil, err
			}
			named = append(named, fingerprint)
			continue
		}
		if err := k.addFile(name); err != nil {
			return nil, err
		}
	}
	for _, key := range builtin {
		switch {
		case len(named) == 0:
			k.add(key)
		case slices.Contains(named, key.Fingerprint):
			key.system = ""
			k.add(key)
		default:
			k.unused = append(k.unused, key)
		}
	}
	return k, nil
}

// For returns the keys that are trusted for an operating system: without the
// built-in ones of others, unless the auditor named them. id and like are ID and
// ID_LIKE of its os-release: a system with keys of its own does not have those of
// its relatives (Ubuntu is like Debian), and a derivative has those of all that it
// is like. Of a system that is like none all keys are trusted.
func (k *Keys) For(id string, like []string) *Keys {
	var systems []string
	for _, key := range k.openpgp {
		if key.system == id && id != "" {
			systems = []string{id}
			break
		}
		if key.system != "" && slices.Contains(like, key.system) {
			systems = append(systems, key.system)
		}
	}
	out := &Keys{apk: k.apk, unused: k.unused[:len(k.unused):len(k.unused)]}
	for _, key := range k.openpgp {
		if key.system == "" || len(systems) == 0 || slices.Contains(systems, key.system) {
			out.openpgp = append(out.openpgp, key)
		} else {
			out.unused = append(out.unused, key)
		}
	}
	return out
}

// Untrusted returns the name of a built-in key that is not trusted here, by its
// ID, or "".
func (k *Keys) Untrusted(keyID string) string {
	other := &Keys{openpgp: k.unused}
	id, err := strconv.ParseUint(keyID, 16, 64)
	if err != nil {
		return ""
	}
	for _, by := range other.signers(id) {
		return by.key.Name
	}
	return ""
}

// OpenPGP returns the OpenPGP keys, sorted by fingerprint.
func (k *Keys) OpenPGP() []Key {
	var out []Key
	for _, key := range k.openpgp {
		out = append(out, *key)
	}
	slices.SortFunc(out, func(a, b Key) int { return strings.Compare(a.Fingerprint, b.Fingerprint) })
	return out
}

// APK returns the RSA key of a name, as a signature of apk names it
// ("alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub"), nil without one.
func (k *Keys) APK(name string) *rsa.PublicKey { return k.apk[name] }

// APKNames returns the names of the RSA keys, sorted.
func (k *Keys) APKNames() []string { return slices.Sorted(maps.Keys(k.apk)) }

func (k *Keys) add(key *Key) {
	if !slices.ContainsFunc(k.openpgp, func(other *Key) bool { return other.Fingerprint == key.Fingerprint }) {
		k.openpgp = append(k.openpgp, key)
	}
}

// asFingerprint returns the fingerprint that a name is, in the form of
// [Key].Fingerprint, or "" for the path of a file. A fingerprint has 40 digits
// (version 4 of OpenPGP) or 64, in groups or not.
func asFingerprint(name string) string {
	s := strings.ToUpper(strings.NewReplacer(" ", "", ":", "").Replace(strings.TrimSpace(name)))
	s = strings.TrimPrefix(s, "0X")
	if len(s) != 40 && len(s) != 64 || strings.Trim(s, "0123456789ABCDEF") != "" {
		return ""
	}
	return s
}

func isBuiltIn(keys []*Key, fingerprint string) error {
	for _, key := range keys {
		if key.Fingerprint == fingerprint {
			return nil
		}
		for _, sub := range key.entity.Subkeys {
			if fingerprintOf(sub.PublicKey) == fingerprint {
				return fmt.Errorf("trust: %s is a subkey of %s (name the primary key: %s)", fingerprint, key.Name, key.Fingerprint)
			}
		}
	}
	return fmt.Errorf("trust: no built-in key has the fingerprint %s (name the file that has the key)", fingerprint)
}

func fingerprintOf(p *packet.PublicKey) string {
	return strings.ToUpper(hex.EncodeToString(p.Fingerprint))
}

// addFile adds the keys of a file.
func (k *Keys) addFile(path string) error {
	data, err := readFile(path)
	if err != nil {
		return fmt.Errorf("trust: %w", err)
	}
	if key, ok, err := parsePEM(data); ok {
		if err != nil {
			return fmt.Errorf("trust: %s: %w", path, err)
		}
		k.apk[filepath.Base(path)] = key
		return nil
	}
	entities, err := parseKeyring(data)
	if err != nil {
		return fmt.Errorf("trust: %s: %w", path, err)
	}
	for _, e := range entities {
		k.add(&Key{Fingerprint: fingerprintOf(e.PrimaryKey), Name: userID(e), Source: path, entity: e})
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("file of keys does not exist: %s (a fingerprint has 40 or 64 hexadecimal digits)", path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if info.IsDir() {
		return nil, fmt.Errorf("%s is a directory (name the files in it that have keys)", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("%s has more than %d MiB and is no file of keys", path, maxKeyFile>>20)
	}
	return data, nil
}

// parsePEM parses an RSA key as apk has it. ok reports whether the file is PEM
// of another kind than OpenPGP's armor.
func parsePEM(data []byte) (key *rsa.PublicKey, ok bool, err error) {
	block, _ := pem.Decode(data)
	if block == nil || strings.HasPrefix(block.Type, "PGP ") {
		return nil, false, nil
	}
	if block.Type != "PUBLIC KEY" {
		return nil, true, fmt.Errorf("PEM block %q is not a public key", block.Type)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, true, fmt.Errorf("public key is damaged: %w", err)
	}
	key, isRSA := parsed.(*rsa.PublicKey)
	if !isRSA {
		return nil, true, errors.New("public key is not an RSA key, and apk has no other")
	}
	if key.N.BitLen() < minRSABits {
		return nil, true, fmt.Errorf("RSA key of %d bits is weak (%d are needed)", key.N.BitLen(), minRSABits)
	}
	return key, true, nil
}

// parseKeyring parses OpenPGP keys: packets, or any number of armored blocks.
func parseKeyring(data []byte) (openpgp.EntityList, error) {
	blocks, err := unarmor(data, openpgp.PublicKeyType)
	if err != nil {
		return nil, err
	}
	if blocks == nil {
		blocks = [][]byte{data}
	}
	var out openpgp.EntityList
	for _, b := range blocks {
		list, err := openpgp.ReadKeyRing(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("no OpenPGP key can be read from it: %w", err)
		}
		out = append(out, list...)
	}
	if len(out) == 0 {
		return nil, errors.New("file has no key")
	}
	for _, e := range out {
		if e.PrivateKey != nil {
			return nil, errors.New("file has a private key (export the public key instead: gpg --export)")
		}
	}
	return out, nil
}

// armorBegin begins an armored block.
const armorBegin = "-----BEGIN PGP "

// unarmor returns the contents of all armored blocks of a type, nil if there is
// no armor.
func unarmor(data []byte, blockType string) ([][]byte, error) {
	var out [][]byte
	for {
		i := bytes.Index(data, []byte(armorBegin))
		if i < 0 || i > 0 && data[i-1] != '\n' {
			return out, nil
		}
		data = data[i:]
		end := len(data)
		if next := bytes.Index(data[1:], []byte("\n"+armorBegin)); next >= 0 {
			end = next + 2
		}
		block, err := armor.Decode(bytes.NewReader(data[:end]))
		if err != nil {
			return nil, fmt.Errorf("armor is damaged: %w", err)
		}
		if block.Type != blockType {
			return nil, fmt.Errorf("armored block is %q and not %q", block.Type, blockType)
		}
		if !bytes.Contains(data[:end], []byte("\n-----END "+blockType+"-----")) {
			return nil, errors.New("armor is truncated")
		}
		content, err := io.ReadAll(block.Body)
		if err != nil {
			return nil, fmt.Errorf("armor is damaged: %w", err)
		}
		out = append(out, content)
		data = data[end:]
	}
}

// userID returns the first user ID by name, without its address.
func userID(e *openpgp.Entity) string {
	ids := slices.Sorted(maps.Keys(e.Identities))
	if len(ids) == 0 {
		return ""
	}
	if name, _, ok := strings.Cut(ids[0], " <"); ok && name != "" {
		return name
	}
	return ids[0]
}

// String returns the number of keys, for messages.
func (k *Keys) String() string {
	return wording.Count(len(k.openpgp)+len(k.apk), "trusted key", "trusted keys")
}
