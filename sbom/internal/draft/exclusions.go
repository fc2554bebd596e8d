package draft

import (
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// roleOfType reports whether an entry has that role for its type alone.
func roleOfType(r Role) bool {
	return r == System || r == File || r == NotSoftware || r == Group
}

// exclusion returns the reason for which an element of that role does not
// count.
func exclusion(e *Element) (sbom.ExclusionReason, string, bool) {
	switch e.Role {
	case Subject:
		return sbom.ExcludedDescribed, "the subject of the document", true
	case Group:
		return sbom.ExcludedDescribed, "holds packages together and is not a package", true
	case File:
		return sbom.ExcludedFile, "", true
	case NotSoftware:
		return sbom.ExcludedNotSoftware, "", true
	case NotInstalled:
		return sbom.ExcludedNotInstall, "according to the document", true
	case Archive:
		return sbom.ExcludedArchive, "", true
	case Source:
		return sbom.ExcludedDeclared, "the source of another entry", true
	}
	return "", "", false
}

// exclude records an element that does not count. Files are counted and not
// listed: there are as many of them as an image has.
func (b *builder) exclude(e *Element, reason sbom.ExclusionReason, why string) {
	if reason == sbom.ExcludedFile {
		b.Files++
		return
	}
	x := sbom.Exclusion{PURL: scrubPURL(e.PURL), Name: e.Name, Version: e.Version, Reason: reason, Detail: Clean(why)}
	if e.Group != "" && e.PURL == "" {
		x.Name = e.Group + "/" + e.Name
	}
	if len(e.Paths) > 0 && reason != sbom.ExcludedDescribed {
		x.Path = absolute(e.Paths[0])
	}
	b.excludedAs[x]++
}

func (b *builder) excluded() []sbom.Exclusion {
	out := b.Excluded
	for x, n := range b.excludedAs {
		x.Count = n
		out = append(out, x)
	}
	if b.Files > 0 {
		out = append(out, sbom.Exclusion{Reason: sbom.ExcludedFile, Detail: "files that are parts of packages or belong to none", Count: b.Files})
	}
	return out // sbom.New sorts
}

// absolute returns a path within the environment as an absolute one.
func absolute(p string) string {
	if p == "" {
		return ""
	}
	if strings.HasPrefix(p, "/") && path.Clean(p) == p {
		return p
	}
	return path.Clean("/" + p)
}
