package draft

import (
	"fmt"
	"strings"

	"github.com/anchore/packageurl-go"

	"github.com/depaudit/depaudit/sbom"
)

// limitations returns what the document does not show. Those that depend on the
// format alone are always there. A document with the paths or relations of some
// components only has the limitation for the others.
func (b *builder) limitations() []sbom.Limitation {
	var out []sbom.Limitation
	add := func(name sbom.LimitationName, format string, args ...any) {
		out = append(out, sbom.Limitation{Name: name, Detail: fmt.Sprintf(format, args...)})
	}
	if !b.Ownership {
		add(sbom.LimitOwnership, "the document does not show which package owns what: a library that is bundled in a package is counted separately")
	}
	if n := b.pathless(); n > 0 {
		add(sbom.LimitPaths, "the document has no path for %d of %d packages", n, len(b.list))
	}
	add(sbom.LimitUnaccounted, "a document lists packages: it does not show programs and libraries that belong to none")
	if len(b.edges) == 0 && len(b.list) > 0 && !b.Graphed {
		add(sbom.LimitRelations, "the document does not show which package needs which")
	}
	add(sbom.LimitInstallReason, "the document does not show which packages were installed explicitly and which as dependencies")
	switch {
	case b.locked > 0:
		add(sbom.LimitInstalled, "%d of %d packages were read from lock files or manifests, which install nothing", b.locked, len(b.list))
	case !b.Installed:
		add(sbom.LimitInstalled, "the document does not show whether its packages are installed, or only declared in manifests or stored in caches")
	}
	if b.images > 0 {
		add(sbom.LimitIncomplete, "the document names %d container images and does not list their content", b.images)
	}
	for _, why := range b.Incomplete {
		add(sbom.LimitIncomplete, "%s", why)
	}
	return out
}

func (b *builder) pathless() int {
	n := 0
	for i := range b.list {
		if len(b.list[i].Paths) == 0 {
			n++
		}
	}
	return n
}

// system finds the operating system: an entry of the document, or the package
// URLs of its packages, if they agree.
func (b *builder) system() {
	if b.OS.ID != "" {
		return
	}
	var found []sbom.OS
	for i := range b.Elements {
		e := &b.Elements[i]
		if e.Role != System || e.Name == "" {
			continue
		}
		os := sbom.OS{ID: strings.ToLower(e.Name), VersionID: version(e.Version), Pretty: e.Why}
		if len(found) == 0 || found[0].ID != os.ID || found[0].VersionID != os.VersionID {
			found = append(found, os)
		}
	}
	switch {
	case len(found) == 1:
		b.OS = found[0]
		return
	case len(found) > 1:
		b.Fault(sbom.GapDatabase, "the document has more than one operating system, so that it is not one environment",
			fmt.Sprintf("%s %s and %s %s", Quote(found[0].ID), Quote(found[0].VersionID), Quote(found[1].ID), Quote(found[1].VersionID)))
		return
	}
	distro := ""
	for i := range b.list {
		c := &b.list[i]
		if c.Kind != sbom.KindOS || !strings.Contains(c.PURL, "distro=") {
			continue
		}
		u, err := packageurl.FromString(c.PURL)
		if err != nil {
			continue
		}
		d := u.Qualifiers.Map()["distro"]
		if d == "" || d == distro {
			continue
		}
		if distro != "" {
			b.Fault(sbom.GapDatabase, "the package URLs are of more than one distribution, so that it is not one environment", Quote(distro)+" and "+Quote(d))
			return
		}
		distro = d
	}
	b.OS = distroOS(distro)
}

// distroOS parses the qualifier "distro", an ID and a version joined by the last
// hyphen before a digit: "debian-12", "opensuse-leap-15.6".
func distroOS(s string) sbom.OS {
	i := strings.LastIndexByte(s, '-')
	if i > 0 && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
		return sbom.OS{ID: s[:i], VersionID: s[i+1:]}
	}
	return sbom.OS{ID: s}
}
