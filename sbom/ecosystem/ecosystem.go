// Package ecosystem has the name rules of the packaging ecosystems, one for
// each purl type.
//
// Every comparison of two package names goes through this package: the
// installed name against a lock entry, the name in a document against its
// package URL, the name that a user searches for.
//
// # ASCII only
//
// Letters are folded within ASCII only. Unicode case folding maps U+212A
// (KELVIN SIGN) to "k" and U+017F (LATIN SMALL LETTER LONG S) to "s", so that
// a look-alike of "kiwi" would count as the locked package "kiwi". No registry
// that is read here accepts a name outside ASCII, so such a name never equals
// any other name.
//
// # No imports
//
// The package imports nothing of this module. Both sbom and lockcheck use it.
package ecosystem

import (
	"strings"
	"unicode/utf8"
)

// rule is how an ecosystem compares names.
type rule uint8

const (
	exact     rule = iota // byte for byte
	caseless              // ASCII case does not matter
	separated             // PEP 503: neither case nor the kind of separator matters
)

// rules has the types whose names are not compared byte for byte.
//
//   - pypi: https://peps.python.org/pep-0503/#normalized-names.
//   - nuget: "Package IDs are case-insensitive"
//     (https://learn.microsoft.com/nuget/reference/nuspec#id).
//   - swift: the identity of a package is its repository in lower case
//     (swiftlang/swift-package-manager, Sources/PackageModel/PackageIdentity.swift).
//   - composer: Packagist and Composer compare names in lower case
//     (https://getcomposer.org/doc/04-schema.md#name).
//
// Go module paths are case-sensitive (https://go.dev/ref/mod#module-path), and
// so are npm's older names (JSONStream and jsonstream are two packages), gems,
// Maven coordinates and the names of Debian, RPM, Alpine and Arch packages.
// crates.io refuses a crate whose name differs from another one's only by case
// or by "-" and "_", but Cargo.lock and the index use one spelling, and Cargo
// compares it exactly.
var rules = map[string]rule{"pypi": separated, "nuget": caseless, "composer": caseless, "swift": caseless}

// Canonical returns the form of a name under which two spellings of one
// package of a purl type are equal. The name may include its namespace. A name
// of a type without a rule of its own is returned as it is.
func Canonical(typ, name string) string {
	switch rules[typ] {
	case separated:
		return Python(name)
	case caseless:
		return Lower(name)
	}
	return name
}

// Python returns the name of a Python project, or of an extra, normalised by
// PEP 503: runs of "-", "_" and "." become one "-", and letters become lower
// case. Unlike the regular expression in the PEP it folds only ASCII letters.
func Python(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	run := false
	for i := range len(name) {
		c := name[i]
		if c == '-' || c == '_' || c == '.' {
			run = true
			continue
		}
		if run {
			b.WriteByte('-')
			run = false
		}
		b.WriteByte(lower(c))
	}
	if run {
		b.WriteByte('-')
	}
	return b.String()
}

// ValidPython reports whether s is a name by PEP 508: ASCII letters and
// digits, with "-", "_" and "." between them
// (https://packaging.python.org/en/latest/specifications/name-normalization/).
func ValidPython(s string) bool {
	if s == "" || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// urlLowers has the purl types whose package URLs are in lower case whatever
// the name (https://github.com/package-url/purl-spec, types), and those whose
// tools write them so. Names of these packages differ in case from their URL.
var urlLowers = map[string]bool{
	"npm": true, "alpm": true, "apk": true, "bitbucket": true, "composer": true, "deb": true, "github": true, "golang": true, "hex": true,
	"huggingface": true, "luarocks": true, "nuget": true, "pub": true, "pypi": true, "rpm": true, "bitnami": true, "generic": true,
}

// FitsURL reports whether a name that a document shows can be the one in the
// package URL of that type. Case and separators do not matter for the types
// whose package URLs do not keep them.
func FitsURL(typ, shown, inURL string) bool {
	return shown == inURL || urlLowers[typ] && Python(shown) == Python(inURL)
}

// Join joins a namespace and a name as the ecosystem writes them. A name that
// already begins with its namespace is returned as it is.
func Join(namespace, name string) string {
	if namespace == "" || strings.HasPrefix(name, namespace+"/") {
		return name
	}
	return namespace + "/" + name
}

// Split splits a full name into the namespace and the name of its package URL:
// "@scope/name" of npm and "example.org/path/name" of Go. Names of other types
// have no namespace.
func Split(typ, full string) (namespace, name string) {
	if typ != "npm" && typ != "golang" {
		return "", full
	}
	i := strings.LastIndexByte(full, '/')
	if i <= 0 || i == len(full)-1 {
		return "", full
	}
	return full[:i], full[i+1:]
}

// Lower returns s with its ASCII letters in lower case.
func Lower(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lower(b[j])
			}
			return string(b)
		}
	}
	return s
}

// EqualFold reports whether a and b are equal but for the case of ASCII
// letters. It is for names of fields and files, which tools written in C and
// Python compare so; strings.EqualFold equates U+017F and "s".
func EqualFold(a, b string) bool { return len(a) == len(b) && Lower(a) == Lower(b) }

// ASCII reports whether s has no byte outside ASCII.
func ASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
