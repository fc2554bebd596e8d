// Package version orders package versions as the package managers do, one
// order for each purl type.
//
// The orders are those of deb-version(7) (deb, opkg), rpmvercmp (rpm),
// apk-tools 3 (apk), vercmp(8) (alpm), PEP 440 (pypi), Semantic Versioning 2.0
// (npm, cargo), https://go.dev/ref/mod#versions (golang) and Ruby's
// Gem::Version (gem). The tests check them against the tools themselves and
// against the pairs of osv-scalibr and apk-tools.
//
// A type without an order here has none at all: comparing its versions as text
// would give a wrong answer, and an error is the better one.
//
// [Key] is the same order as a number and a text, for databases. It is part of the
// tables that depaudit exports, so that another form of a key is another version of them.
//
// Of this module the package imports the names of ecosystems only. It has its own
// directory so that a comparison of versions does not link the readers of package
// databases.
package version

import (
	"fmt"
	goversion "go/version"
	"math"
	"strconv"
	"strings"

	pep440 "github.com/aquasecurity/go-pep440-version"
	"golang.org/x/mod/semver"
)

// maxLength is the longest version, in bytes, that is compared other than as
// the same text: pep440 and Ruby's rules take time that is not linear in it.
// The longest in use are Go's pseudo-versions, around 60 bytes.
const maxLength = 256

// OrderError is the reason why two versions cannot be compared.
type OrderError struct {
	// Type is the purl type.
	Type string
	// Version is the one that is not valid for that type. It is empty when
	// the type has no order.
	Version string
	// Missing is true when one of the versions is empty.
	Missing bool
}

func (e *OrderError) Error() string {
	switch {
	case e.Missing:
		return "it has no version"
	case e.Version == "":
		return fmt.Sprintf("no order known for %s: only equal versions match", quote(e.Type))
	}
	return fmt.Sprintf("%s is not a version of %s", quote(e.Version), quote(e.Type))
}

// quote quotes untrusted text for an error and shortens it.
func quote(s string) string {
	const longest = 200 // enough for any name or version
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return strconv.Quote(s)
}

// Compare compares two versions by the order of the purl type. The result is
// negative when a is earlier than b. The error is an *[OrderError].
func Compare(typ, a, b string) (int, error) {
	if a == "" || b == "" {
		return 0, &OrderError{Type: typ, Missing: true}
	}
	if order := system(typ); order != nil {
		for _, v := range []string{a, b} {
			if _, ok := parseEpoch(epochOf(typ, v)); !ok {
				return 0, &OrderError{Type: typ, Version: v}
			}
		}
		return order(a, b), nil
	}
	x, err := parse(typ, a)
	if err != nil {
		return 0, err
	}
	y, err := parse(typ, b)
	if err != nil {
		return 0, err
	}
	return x.compare(y), nil
}

// Ordered reports whether versions of a purl type can be compared.
func Ordered(typ string) bool {
	switch typ {
	case "pypi", "npm", "cargo", "golang", "gem":
		return true
	}
	return system(typ) != nil
}

// system returns the order of an operating system's package manager, which
// orders any two strings. It returns nil for other types.
func system(typ string) func(a, b string) int {
	switch typ {
	case "deb", "opkg":
		return Deb
	case "rpm":
		return rpm
	case "apk":
		return apk
	case "alpm":
		return alpm
	}
	return nil
}

// maxEpoch is the largest epoch that a package database has: rpm's header has 32 bits,
// dpkg one less.
const maxEpoch = math.MaxUint32

func parseEpoch(digits string) (epoch int64, ok bool) {
	if digits == "" {
		return 0, true
	}
	epoch, err := strconv.ParseInt(digits, 10, 64)
	return epoch, err == nil && epoch <= maxEpoch
}

// HasEpochs reports whether versions of a type may have an epoch in front, and a colon.
func HasEpochs(typ string) bool { return system(typ) != nil && typ != "apk" }

// WithoutEpoch returns a version without its epoch, and whether it has one.
func WithoutEpoch(typ, v string) (rest string, has bool) {
	if epoch := epochOf(typ, v); epoch != "" {
		return v[len(epoch)+1:], true
	}
	return v, false
}

// epochOf returns the digits before the colon.
func epochOf(typ, v string) string {
	if n := digits(v); HasEpochs(typ) && n > 0 && n < len(v) && v[n] == ':' {
		return v[:n]
	}
	return ""
}

// Same reports whether two spellings are one release to an installer that
// resolves a lock file: by PEP 440 for pypi, where 1.0 is 1.0.0 and a local
// version is another version; by the normalized version for nuget; byte for byte
// elsewhere, but for the epoch 0 of rpm, which can be left out (rpm-version(7)).
func Same(typ, a, b string) bool {
	if a == b {
		return true
	}
	switch typ {
	case "nuget":
		return nuget(a) == nuget(b)
	case "rpm":
		return strings.TrimPrefix(a, "0:") == strings.TrimPrefix(b, "0:")
	}
	if typ != "pypi" {
		return false
	}
	x, okX := python(a)
	y, okY := python(b)
	return okX && okY && x.Equal(y)
}

// Python reports whether s is one exact version by PEP 440.
func Python(s string) bool {
	_, ok := python(s)
	return ok
}

func python(s string) (pep440.Version, bool) {
	if len(s) > maxLength || strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) >= 0 {
		return pep440.Version{}, false // the library takes letters that fold to ASCII
	}
	public, local, ok := strings.Cut(strings.TrimSpace(s), "+")
	if ok {
		// The separators of a local version are equal (PEP 440, "Local
		// version segments"); the library compares them as text.
		public += "+" + strings.NewReplacer("-", ".", "_", ".").Replace(local)
	}
	v, err := pep440.Parse(public)
	return v, err == nil
}

// parsed is a version of a type whose versions are parsed before they are
// compared. Only one field is set.
type parsed struct {
	python *pep440.Version
	semver *semantic
	tool   string // of Go itself, for go/version
	gem    []string
}

func parse(typ, s string) (parsed, error) {
	bad := &OrderError{Type: typ, Version: s}
	if !Ordered(typ) {
		return parsed{}, &OrderError{Type: typ}
	}
	if len(s) > maxLength {
		return parsed{}, bad
	}
	var p parsed
	ok := false
	switch typ {
	case "pypi":
		var v pep440.Version
		v, ok = python(s)
		p.python = &v
	case "npm", "cargo":
		p.semver, ok = parseSemantic(s)
	case "golang":
		// Without the letter it is the version of a module if it can be.
		if module := "v" + strings.TrimPrefix(s, "v"); semver.IsValid(module) {
			p.semver, ok = parseSemantic(module)
		} else {
			p.tool = "go" + strings.TrimPrefix(s, "go")
			ok = !strings.HasPrefix(s, "v") && goversion.IsValid(p.tool)
		}
	case "gem":
		p.gem, ok = parseGem(s)
	}
	if !ok {
		return parsed{}, bad
	}
	return p, nil
}

func (p parsed) compare(q parsed) int {
	switch {
	case p.python != nil:
		return p.python.Compare(*q.python)
	case p.semver != nil && q.semver != nil:
		return p.semver.compare(q.semver)
	case p.gem != nil:
		return compareGem(p.gem, q.gem)
	case p.tool != "" && q.tool != "":
		return goversion.Compare(p.tool, q.tool)
	}
	// A module against a release of Go itself, 1.22.5 and go1.22: by the numbers, as
	// the standard library is written in both ways.
	var x, y keyWriter
	x.parsed(p)
	y.parsed(q)
	return strings.Compare(string(x), string(y))
}
