package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// selection is what an entry of the configuration's first-party matches.
type selection struct {
	matched int
	// below is the number of third-party packages below its path.
	below int
}

// findFirstParty finds the components that the project builds (counting rule
// 4): those that the configuration names, and those that a lock marks as a part
// of the project itself.
func (f *footprint) findFirstParty() {
	sel := make([]selector, len(f.config.FirstParty))
	for i, p := range f.config.FirstParty {
		sel[i] = newSelector(p.Name, p.PURL, p.Path)
	}
	f.selected = make([]selection, len(sel))
	for i := range f.doc.Components {
		c := &f.doc.Components[i]
		for j := range sel {
			switch {
			case !sel[j].matches(c):
			case sel[j].path != "" && f.isThirdParty(c, sel[j].path):
				f.selected[j].below++
			default:
				f.selected[j].matched++
				f.firstParty[c.ID] = true
			}
		}
		// A member of a workspace can be linked into a program of it.
		linked := c.Owner != "" && (c.Install == nil || c.Install.Kind != sbom.InstallPath)
		if c.Kind != sbom.KindPackage || linked || f.firstParty[c.ID] {
			continue
		}
		if e := f.set.FirstParty(installed(c)); e != nil {
			f.firstParty[c.ID] = true
			f.members[c.ID] = e
			f.useLock(e)
		}
	}
}

// isThirdParty reports whether a component that a pattern of paths matches is
// not the project's: it is in a directory of installed packages that the pattern
// does not name, a lock pins it, it has the hash of a published Go module, or it
// was built from a directory in the place of what a lock has.
func (f *footprint) isThirdParty(c *sbom.Component, pattern string) bool {
	named := territories(pattern, c.Type)
	if slices.ContainsFunc(c.Paths, func(p string) bool { return territories(p, c.Type) > named }) {
		return true
	}
	if c.Kind != sbom.KindPackage {
		return false
	}
	published := func(d sbom.Digest) bool { return d.Algorithm == "h1" }
	if slices.ContainsFunc(c.Digests, published) {
		return true
	}
	if c.Install != nil && c.Install.Kind == sbom.InstallPath && f.set.Elsewhere(installed(c)) != nil {
		return true
	}
	r := f.match(c)
	return r.Pinned && !r.Entry.FirstParty
}

// territory matches the directories that installers put packages of others in.
var territory = lazyregexp.New(`^(node_modules|bower_components|\.pnpm|\.yarn|site-packages|dist-packages|.*\.dist-info|specifications|perl5|luarocks|rocks-[0-9.]+|conda-meta|\.crates\.toml|\.crates2\.json)$`)

// territories returns the number of directories of installed packages in a
// path. "vendor" is one for Bundler and Composer, which install there, and
// "library" for R.
func territories(at, typ string) int {
	n := 0
	for dir := range strings.SplitSeq(at, "/") {
		if territory.MatchString(dir) || dir == "vendor" && (typ == "gem" || typ == "composer") || dir == "library" && typ == "cran" {
			n++
		}
	}
	return n
}

// firstParty reports the entries of the configuration that match nothing.
func (p *policy) firstParty() {
	for i, s := range p.footprint.selected {
		if s.matched > 0 {
			continue
		}
		x := &p.config.FirstParty[i]
		detail := ""
		if s.below > 0 {
			detail = " but " + wording.Count(s.below, "third-party package", "third-party packages") + ", which the project did not make"
		}
		p.add(audit.RuleUnusedFirstParty, audit.Facts{Subject: x.String(), Line: x.Line, Detail: detail})
	}
}

// hint returns the end of the hint of a rule of provenance, which names the
// dependencies that break it.
func (f *footprint) hint(r audit.Rule, ids []string) string {
	switch r.ID {
	case audit.RuleDirectInstall.ID, audit.RuleFiles.ID:
		return f.firstPartyHint(ids)
	case audit.RuleNotPinned.ID:
		return f.seededHint(ids)
	}
	return ""
}

// maxHinted is the number of dependencies that a hint names.
const maxHinted = 3

// pasted matches what can be pasted into YAML between single quotes and is not a
// pattern.
var pasted = lazyregexp.New(`^[A-Za-z0-9/._@:+%=,~ -]+$`)

// firstPartyHint returns the entries that make dependencies first-party, as YAML.
func (f *footprint) firstPartyHint(ids []string) string {
	var entries []string
	for _, id := range ids {
		c := f.doc.Component(id)
		if c == nil || len(entries) == maxHinted {
			continue
		}
		key, value := "purl", withoutVersion(c.PURL)
		if c.Kind == sbom.KindFiles && len(c.Paths) > 0 {
			key, value = "path", c.Paths[0]
		}
		if pasted.MatchString(value) {
			entries = append(entries, fmt.Sprintf("{%s: '%s'}", key, value))
		}
	}
	if len(entries) == 0 {
		return ""
	}
	more := ""
	if n := len(ids) - len(entries); n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return "; if the project builds it, write `first-party: [" + strings.Join(entries, ", ") + "]` in the stage" + more
}

// withoutVersion returns a package URL without version, qualifiers and subpath.
func withoutVersion(purl string) string {
	purl, _, _ = strings.Cut(purl, "#")
	purl, _, _ = strings.Cut(purl, "?")
	if i := strings.LastIndexByte(purl, '@'); i > strings.LastIndexByte(purl, '/') {
		purl = purl[:i]
	}
	return purl
}
