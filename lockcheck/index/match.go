package index

import (
	"cmp"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/version"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Match finds the entry of an installed package: that of the same name, version
// and architecture in the index of the highest standing.
func (s *Set) Match(p Package) Result {
	if s.usable(p.Type) == 0 {
		return Result{}
	}
	named := s.entries[entryKey{p.Type, p.Name}]
	var (
		best    *entry
		differs []string
	)
	for i := range named {
		e := &named[i]
		if e.Version != p.Version || !sameArch(p, e) {
			continue
		}
		var d []string
		if s.origins[e.Index].standing == signed && otherDigest(p, e) {
			d = append(d, "Checksum")
		}
		if p.Record != nil && s.origins[e.Index].standing == signed {
			d = append(d, differences(p.Record, e)...)
		}
		if best == nil || s.better(e, best) || !s.better(best, e) && len(d) < len(differs) {
			best, differs = e, d
		}
	}
	if best == nil {
		return s.unmatched(p, named)
	}
	r := Result{Entry: &best.Entry, Differs: differs}
	x := s.Indexes[best.Index]
	switch s.origins[best.Index].standing {
	case signed:
		r.Evidence, r.Detail = Signed, "in "+x.Describe()+", signed by "+x.KeyName
		if len(best.Digests) == 0 {
			r.Evidence, r.Detail = Listed, r.Detail+", without a digest"
		}
	case unsigned:
		r.Evidence, r.Detail = Listed, "in "+x.Describe()+"; "+x.Problem
	default:
		r.Evidence, r.Detail = Foreign, "in "+x.Describe()+", "+x.Problem
	}
	return r
}

// sameArch reports whether an entry is for the architecture of a package. An index
// of apk may have its own in place of "noarch" (apk index --rewrite-arch).
func sameArch(p Package, e *entry) bool {
	return p.Arch == "" || e.Arch == p.Arch || p.Type == typeApk && (p.Arch == "noarch" || e.Arch == "noarch")
}

// otherDigest reports whether the database has the digest of another artifact than
// the entry: apk records the checksum of the package that it installed.
func otherDigest(p Package, e *entry) bool {
	if p.Type != typeApk {
		return false
	}
	sum, isSHA1 := strings.CutPrefix(p.Digest, "sha1:")
	return isSHA1 && len(e.Digests) > 0 && !slices.Contains(e.Digests, apkChecksum+sum)
}

// better reports whether the index of a is of a higher standing than that of b.
func (s *Set) better(a, b *entry) bool {
	return s.origins[a.Index].standing > s.origins[b.Index].standing
}

// unmatched is the answer for a package that no index has at its version and
// architecture.
func (s *Set) unmatched(p Package, named []entry) Result {
	var near *entry
	for i := range named {
		if e := &named[i]; sameArch(p, e) {
			if near == nil || s.nearer(p, e, near) {
				near = e
			}
		}
	}
	if near == nil {
		detail := "no index has " + p.Name
		if len(named) > 0 {
			detail += " for " + p.Arch + ", only for " + strings.Join(archs(named), ", ")
		}
		if !s.base(p.Type) {
			return Result{Detail: detail + ", and that of the base system is not there"}
		}
		return Result{Evidence: Local, Detail: detail + " (" + wording.Count(s.usable(p.Type), "index was read", "indexes were read") + ")"}
	}
	x := s.Indexes[near.Index]
	r := Result{Evidence: OtherVersion, Entry: &near.Entry, Detail: "listed at " + near.Version + " in " + x.Describe()}
	if s.origins[near.Index].standing == foreign {
		r.Evidence, r.Detail = Foreign, r.Detail+", "+x.Problem
		return r
	}
	r.Detail += "; use the index of the day of installation: " + x.ofTheDay()
	return r
}

// nearer reports whether a is a better answer than b for a package at another
// version: of a higher standing, then the lowest version above the installed one,
// then the highest below.
func (s *Set) nearer(p Package, a, b *entry) bool {
	if d := cmp.Compare(s.origins[a.Index].standing, s.origins[b.Index].standing); d != 0 {
		return d > 0
	}
	aboveA, aboveB := compareVersions(p.Type, a.Version, p.Version) > 0, compareVersions(p.Type, b.Version, p.Version) > 0
	if aboveA != aboveB {
		return aboveA
	}
	if d := compareVersions(p.Type, a.Version, b.Version); d != 0 {
		return (d < 0) == aboveA
	}
	return false
}

// compareVersions is 0 for versions that have no order.
func compareVersions(typ, a, b string) int {
	d, err := version.Compare(typ, a, b)
	if err != nil {
		return 0
	}
	return d
}

func archs(entries []entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Arch)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *Set) usable(typ string) int {
	n := 0
	for i, x := range s.Indexes {
		if x.Type == typ && s.origins[i].standing != rejected {
			n++
		}
	}
	return n
}

// base reports whether the index of the base system was read.
func (s *Set) base(typ string) bool {
	for i, at := range s.origins {
		if at.base && at.standing != rejected && s.Indexes[i].Type == typ {
			return true
		}
	}
	return false
}

// Describe names an index for people: "Debian bookworm/main of 2026-07-11".
func (x Index) Describe() string {
	name := cmp.Or(x.Origin, x.Label)
	if x.Label != "" && x.Label != name {
		name += " (" + x.Label + ")"
	}
	suite := cmp.Or(x.Codename, x.Suite)
	out := strings.TrimSpace(name + " " + suite)
	if component, _, ok := strings.Cut(x.Path, "/binary-"); ok && out != "" {
		out += "/" + component
	}
	if out == "" {
		out = x.File
	}
	if x.Date != "" {
		out += " of " + x.Date
	}
	return out
}

// ofTheDay is how to get an older index of an archive.
func (x Index) ofTheDay() string {
	const save = `or write it when the stage is built: depaudit index save -o FILE REF`
	switch x.Origin {
	case "Debian":
		return "https://snapshot.debian.org has each, " + save
	case "Ubuntu":
		return "https://snapshot.ubuntu.com has each, " + save
	}
	return strings.TrimPrefix(save, "or ")
}
