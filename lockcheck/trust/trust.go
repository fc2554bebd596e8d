// Package trust verifies signatures by the keys that the auditor trusts. A key
// that an environment has is its own word, and is never trusted by itself.
package trust

// Keys is a set of trusted public keys: OpenPGP, and RSA keys of apk.
type Keys struct{}

// Open returns the built-in keys, and those that names add or restrict: a name is
// the path of a file with keys, or the fingerprint of a built-in key. With a
// fingerprint, only the named ones of the built-in keys are trusted.
func Open(names []string) (*Keys, error) { return new(Keys), nil }
