package draft

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/anchore/packageurl-go"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// osTypes are the purl types of packages that an operating system's package
// database lists.
var osTypes = map[string]bool{"deb": true, "rpm": true, "apk": true, "alpm": true, "opkg": true}

// component returns the component of an element. It returns false for an element
// without a name, which is a gap.
func (b *builder) component(e *Element) (sbom.Component, bool) {
	c := sbom.Component{
		Kind: sbom.KindPackage, Type: cmp.Or(e.Type, packageurl.TypeGeneric), Namespace: e.Group, Name: e.Name, Version: version(e.Version),
		Layer: e.Layer, Install: e.Install, Digests: e.Digests, FoundBy: Clean(e.FoundBy), Source: e.Source, InstalledSize: max(e.Size, 0),
	}
	u, err := packageurl.FromString(e.PURL)
	switch {
	case e.PURL == "":
	case err != nil:
		b.Fault(sbom.GapMalformed, "a package URL does not parse, so that the entry is identified by its name only",
			fmt.Sprintf("%s (%s): %s", Quote(e.PURL), e.Label, Clean(err.Error())))
	default:
		b.identify(&c, e, &u)
	}
	if c.Name == "" {
		b.Fault(sbom.GapMalformed, "an entry has neither a name nor a package URL", e.Label)
		return c, false
	}
	if osTypes[c.Type] {
		c.Kind = sbom.KindOS
		// The document repeats a package database; no archive index confirms
		// it.
		c.Evidence = "db-owned"
		c.Arch = cmp.Or(c.Arch, e.Arch)
	}
	if c.PURL == "" {
		c.PURL = packageurl.NewPackageURL(c.Type, c.Namespace, c.Name, c.Version, nil, "").ToString()
	}
	if c.Type == packageurl.TypePyPi {
		c.Name = ecosystem.Python(c.Name)
	}
	if c.Source == c.Name {
		c.Source = "" // scanners repeat the name
	}
	for _, p := range e.Paths {
		if p = absolute(p); p != "" {
			c.Paths = append(c.Paths, p)
		}
	}
	b.characters(&c, e)
	return c, true
}

// identify takes the identity from the package URL and compares it with the name
// and the version, which people see.
func (b *builder) identify(c *sbom.Component, e *Element, u *packageurl.PackageURL) {
	c.PURL = scrubPURL(strings.TrimSpace(e.PURL))
	shown, shownVersion := spellings(e.Group, e.Name), c.Version
	c.Type, c.Namespace, c.Name = u.Type, u.Namespace, u.Name
	if u.Type == packageurl.TypeGolang || u.Type == packageurl.TypeNPM {
		c.Namespace, c.Name = caseOf(e, u)
	}
	if u.Version != "" {
		c.Version = u.Version
	}
	q := u.Qualifiers.Map()
	if osTypes[u.Type] {
		c.Arch = q["arch"]
		if epoch := q["epoch"]; epoch != "" && epoch != "0" && !strings.Contains(c.Version, ":") && u.Version != "" {
			c.Version = epoch + ":" + c.Version
		}
	}
	if image := u.Type == packageurl.TypeOCI || u.Type == packageurl.TypeDocker; image {
		return // tools differ in which part of a reference is the name
	}
	if e.Name != "" && !agree(u.Type, shown, spellings(u.Namespace, u.Name)) {
		b.Fault(sbom.GapMalformed, "name and package URL name different packages, and the package URL counts",
			fmt.Sprintf("%s has the name %s (%s)", Quote(e.PURL), Quote(strings.Join(nonEmpty(e.Group, e.Name), "/")), e.Label))
	}
	if shownVersion != "" && u.Version != "" && !sameVersion(u, shownVersion) {
		b.Fault(sbom.GapMalformed, "version and package URL name different versions, and the package URL counts",
			fmt.Sprintf("%s has version %s (%s)", Quote(e.PURL), Quote(shownVersion), e.Label))
	}
}

// caseOf returns the namespace and the name as the document spells them. The
// rules of the purl types lower the case, which makes one name of two packages
// that their ecosystem distinguishes.
func caseOf(e *Element, u *packageurl.PackageURL) (namespace, name string) {
	full := u.Name
	if u.Namespace != "" {
		full = u.Namespace + "/" + u.Name
	}
	for _, shown := range spellings(e.Group, e.Name) {
		if ecosystem.EqualFold(shown, full) {
			i := strings.LastIndexByte(shown, '/')
			return shown[:max(i, 0)], shown[i+1:]
		}
	}
	return u.Namespace, u.Name
}

// characters reports names that people cannot distinguish from others.
func (b *builder) characters(c *sbom.Component, e *Element) {
	for _, s := range []string{c.Name, c.Namespace, c.Version, c.PURL} {
		if strings.ContainsRune(s, utf8.RuneError) {
			b.Fault(sbom.GapMalformed, "a name has replacement characters (U+FFFD), so that it is not the whole name", Quote(s)+" ("+e.Label+")")
		}
	}
	for _, s := range []string{c.Name, c.Namespace} {
		if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf || r < ' ' || r == 0x7f }) {
			b.Notices = append(b.Notices, sbom.Notice{
				Kind: sbom.NoticeNonASCII, Component: c.ID,
				Detail: fmt.Sprintf("the name %s of a package of type %s has characters that are outside ASCII or do not print", Quote(s), Quote(c.Type)),
			})
			return
		}
	}
}

// version returns the version that a document states, empty for the words that
// tools write for an unknown one.
func version(s string) string {
	switch s {
	case "UNKNOWN", "unknown", "NOASSERTION", "NONE", "null":
		return ""
	}
	return s
}

// spellings returns the ways in which tools write the name of one package: with
// the namespace before it, joined by a slash, a colon or a dot, or without.
func spellings(namespace, name string) []string {
	if prefix, rest, ok := strings.Cut(name, ":"); ok && namespace == "" && gitHubNames[prefix] {
		name = rest
	}
	out := []string{name}
	if namespace != "" {
		out = append(out, namespace+"/"+name, namespace+":"+name, namespace+"."+name)
	}
	return out
}

// gitHubNames are the ecosystems that GitHub's dependency graph writes before a
// name.
var gitHubNames = map[string]bool{
	"actions": true, "cargo": true, "composer": true, "go": true, "maven": true, "npm": true, "nuget": true, "pip": true,
	"pub": true, "pypi": true, "rubygems": true, "rust": true, "swift": true,
}

// agree reports whether two sets of spellings name one package. Case and
// separators count, except in ecosystems that do not distinguish them.
func agree(typ string, a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool {
		return slices.ContainsFunc(b, func(t string) bool { return ecosystem.FitsURL(typ, s, t) })
	})
}

// sameVersion reports whether a version is that of a package URL. The epoch of an
// OS package may be in either, or in a qualifier; some tools omit the release of
// a package, or the "v" of a Go module.
func sameVersion(u *packageurl.PackageURL, shown string) bool {
	a, b := plainVersion(u.Type, u.Version), plainVersion(u.Type, shown)
	if a == b {
		return true
	}
	epoch := u.Qualifiers.Map()["epoch"]
	if !osTypes[u.Type] && epoch == "" {
		return false
	}
	epochA, restA := cutEpoch(a)
	epochB, restB := cutEpoch(b)
	if epochA == "" {
		epochA = epoch
	}
	return (restA == restB || strings.HasPrefix(restA, restB+"-")) && (epochA == "" || epochB == "" || epochA == epochB)
}

func cutEpoch(v string) (epoch, rest string) {
	if epoch, rest, ok := strings.Cut(v, ":"); ok {
		return epoch, rest
	}
	return "", v
}

func plainVersion(typ, v string) string {
	if typ == packageurl.TypeGolang || typ == packageurl.TypeGithub || typ == packageurl.TypeComposer || typ == packageurl.TypeSwift {
		v = strings.TrimPrefix(v, "v")
	}
	if typ == packageurl.TypeGolang {
		v = strings.TrimPrefix(v, "go") // of the standard library
	}
	if typ == packageurl.TypePyPi || typ == packageurl.TypeNuget {
		v = ecosystem.Lower(v)
	}
	return v
}

// scrubPURL removes secrets from the URLs in qualifiers.
func scrubPURL(purl string) string {
	if !strings.Contains(purl, "url=") {
		return purl
	}
	u, err := packageurl.FromString(purl)
	if err != nil {
		base, _, _ := strings.Cut(purl, "?")
		return base
	}
	changed := false
	for i, q := range u.Qualifiers {
		if !strings.HasSuffix(q.Key, "url") {
			continue
		}
		if clean := sbom.ScrubURL(q.Value); clean != q.Value {
			u.Qualifiers[i].Value = clean
			changed = true
		}
	}
	if !changed {
		return purl
	}
	return u.ToString()
}

func nonEmpty(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// installable reports whether the package URL is of a type whose packages are
// installed: not an image, and not "generic".
func installable(purl string) bool {
	u, err := packageurl.FromString(purl)
	if err != nil {
		return strings.HasPrefix(purl, "pkg:")
	}
	switch u.Type {
	case packageurl.TypeGeneric, packageurl.TypeOCI, packageurl.TypeDocker:
		return false
	}
	return true
}
