package lockcheck

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// hexLength returns the length of a digest in hexadecimal digits, or 0 for an
// unknown algorithm.
func hexLength(algorithm string) int {
	switch algorithm {
	case "md5":
		return 32
	case "sha1":
		return 40
	case "sha224": // Corepack's, for Yarn
		return 56
	case "sha256":
		return 64
	case "sha384":
		return 96
	case "sha512":
		return 128
	}
	return 0
}

// hexHash returns the hash with an algorithm and hexadecimal digits. It returns
// false when the digits are not a digest of the algorithm.
func hexHash(algorithm, value string) (Hash, bool) {
	h := Hash{Algorithm: ecosystem.Lower(algorithm), Value: ecosystem.Lower(value)}
	if n := hexLength(h.Algorithm); n == 0 || len(h.Value) != n {
		return Hash{}, false
	}
	if _, err := hex.DecodeString(h.Value); err != nil {
		return Hash{}, false
	}
	return h, true
}

// colonHash parses "sha256:0123...", the form in Python's lock files.
func colonHash(s string) (Hash, bool) {
	algorithm, value, ok := strings.Cut(s, ":")
	if !ok {
		return Hash{}, false
	}
	return hexHash(algorithm, value)
}

// integrity parses Subresource Integrity metadata
// (https://www.w3.org/TR/sri-2/): expressions of algorithm and base64,
// separated by white space, each with options after a question mark. Those
// of an unknown algorithm are ignored, as the specification demands.
// malformed is true when a known algorithm has no digest of its length.
func integrity(s string) (hashes []Hash, malformed bool) {
	for expression := range strings.FieldsSeq(s) {
		expression, _, _ = strings.Cut(expression, "?")
		algorithm, value, ok := strings.Cut(expression, "-")
		if !ok {
			malformed = true
			continue
		}
		if hexLength(algorithm) == 0 {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			raw, err = base64.RawStdEncoding.DecodeString(value)
		}
		h, ok := hexHash(algorithm, hex.EncodeToString(raw))
		if err != nil || !ok {
			malformed = true
			continue
		}
		hashes = append(hashes, h)
	}
	return hashes, malformed
}

// twoOf returns an algorithm of which a list has two hashes, "" without one. The
// specification takes them for alternatives: the second would admit another tarball.
func twoOf(hashes []Hash) string {
	first := map[string]string{}
	for _, h := range hashes {
		if value, ok := first[h.Algorithm]; ok && value != h.Value {
			return h.Algorithm
		}
		first[h.Algorithm] = h.Value
	}
	return ""
}

// strong returns the hashes of algorithms without known collisions.
func strong(hashes []Hash) []Hash {
	var out []Hash
	for _, h := range hashes {
		if h.Algorithm != "md5" && h.Algorithm != "sha1" {
			out = append(out, h)
		}
	}
	return out
}

// sameHashes reports whether two lists have the same hashes, in any order.
func sameHashes(a, b []Hash) bool {
	set := func(hashes []Hash) map[Hash]bool {
		m := make(map[Hash]bool, len(hashes))
		for _, h := range hashes {
			m[h] = true
		}
		return m
	}
	return maps.Equal(set(a), set(b))
}
