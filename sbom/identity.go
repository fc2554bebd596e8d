package sbom

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Identity returns the identity of a component. Two findings of one identity are
// one dependency (counting rule 2). It has the package type, namespace, name and
// version, and for OS packages the architecture, in the form of a package URL
// without descriptive qualifiers and without percent-encoding: it is a key, not a
// URL.
//
// Files that no package accounts for are identified by their path, since they
// have no other reliable name.
func Identity(c *Component) string {
	return identity(c, c.Version)
}

// Key returns the identity without the version, which an update of a dependency
// does not change. Growth is judged by it.
func Key(c *Component) string {
	return identity(c, "")
}

func identity(c *Component, version string) string {
	var b strings.Builder
	b.WriteString(c.Type)
	b.WriteByte('/')
	if c.Namespace != "" {
		b.WriteString(c.Namespace)
		b.WriteByte('/')
	}
	b.WriteString(c.Name)
	if version != "" {
		b.WriteByte('@')
		b.WriteString(version)
	}
	switch {
	case c.Kind == KindOS && c.Arch != "":
		b.WriteString("?arch=")
		b.WriteString(c.Arch)
	case c.Kind == KindFiles && len(c.Paths) > 0:
		b.WriteString("?path=")
		b.WriteString(c.Paths[0])
	}
	return b.String()
}

// mergeComponents sets the ID of each component and merges those of one identity:
// many paths, one dependency. A component with a copy that counts does count,
// even if another copy of it is bundled.
func mergeComponents(in []Component) ([]Component, error) {
	out := make([]Component, 0, len(in))
	for _, c := range in {
		if c.Name == "" || c.Type == "" {
			return nil, fmt.Errorf("sbom: component %q at %v has no name or no type", c.PURL, c.Paths)
		}
		c.Paths = slices.Compact(slices.Sorted(slices.Values(c.Paths)))
		c.Digests = slices.Clone(c.Digests)
		if c.ID == "" {
			c.ID = Identity(&c)
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, compareComponents)
	merged := out[:0]
	for _, c := range out {
		if n := len(merged); n > 0 && merged[n-1].ID == c.ID {
			mergeInto(&merged[n-1], c)
			continue
		}
		merged = append(merged, c)
	}
	for i := range merged {
		c := &merged[i]
		c.Digests = sortUnique(c.Digests, compareDigests)
	}
	return slices.Clip(merged), nil
}

// compareComponents orders components of one identity next to each other, those
// that count first, so that the result of a merge does not depend on the order in
// which they were found.
func compareComponents(a, b Component) int {
	return cmp.Or(
		cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.Owner, b.Owner),
		slices.Compare(a.Paths, b.Paths),
		cmp.Compare(a.PURL, b.PURL),
		cmp.Compare(a.FoundBy, b.FoundBy),
	)
}

func compareDigests(a, b Digest) int {
	proved := func(d Digest) int {
		if d.Proved {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Value, b.Value), cmp.Compare(a.File, b.File), cmp.Compare(proved(a), proved(b)))
}

// mergeInto merges c into first, which sorts before it. The installer's record of
// a bundled copy does not describe the installation of the counted one, so it is
// dropped. A digest that is bound to the bytes of a copy is retained: one name and
// version with two contents must be visible.
func mergeInto(first *Component, c Component) {
	first.Paths = slices.Compact(slices.Sorted(slices.Values(append(first.Paths, c.Paths...))))
	if first.Owner == "" && c.Owner != "" {
		for _, d := range c.Digests {
			if d.Proved {
				first.Digests = append(first.Digests, d)
			}
		}
		return
	}
	first.Digests = append(first.Digests, c.Digests...)
	switch {
	case c.Install == nil:
	case first.Install == nil:
		first.Install = c.Install
	case c.Install.Kind != InstallRegistry && first.Install.Kind == InstallRegistry:
		// The weaker origin wins: if one copy is from a working tree, the version
		// may not be the one that the index has under that name.
		first.Install = bothOrigins(c.Install, first.Install)
	default:
		first.Install = bothOrigins(first.Install, c.Install)
	}
	if first.InstallReason == ReasonUnknown {
		first.InstallReason = c.InstallReason
	}
	first.Installers = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(first.Installers), c.Installers...))))
	first.Files = max(first.Files, c.Files)
	first.Layer = max(first.Layer, c.Layer)
	first.Supplier = cmp.Or(first.Supplier, c.Supplier)
	first.Licenses = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(first.Licenses), c.Licenses...))))
}

// bothOrigins returns the origin of two copies of a package. Two commits are both in
// it, so that neither is taken for that of all copies, and so is a patch of one.
func bothOrigins(a, b *Install) *Install {
	both := *a
	if b.Commit != "" && a.Commit != "" && !slices.Contains(strings.Split(a.Commit, " and "), b.Commit) {
		both.Commit = strings.Join(slices.Sorted(slices.Values(append(strings.Split(a.Commit, " and "), b.Commit))), " and ")
	}
	both.Patch = cmp.Or(a.Patch, b.Patch)
	return &both
}
