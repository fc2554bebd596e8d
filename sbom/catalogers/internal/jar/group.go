package jar

import (
	"slices"
	"strings"
)

// findGroup is the rule of [Artifact.Group].
func (a *Artifact) findGroup() string {
	if p := a.properties; p != nil {
		if g := groupOr(p.Group, p.Artifact); g != "" {
			return g
		}
	}
	if a.pom != nil {
		group, name, _ := a.pom.ID()
		if g := groupOr(group, name); g != "" {
			return g
		}
		if g := groupOr(a.pom.ParentID()); g != "" {
			return g
		}
	}
	if g, ok := knownGroup(a.Name, a.Version); ok {
		return g
	}
	if a.manifest == nil {
		return ""
	}
	for _, fields := range [][]string{
		{"Group-Id", "Bundle-SymbolicName", "Extension-Name", "Specification-Vendor", "Implementation-Vendor",
			"Implementation-Vendor-Id", "Implementation-Title", "Bundle-Activator"},
		{"Automatic-Module-Name", "Main-Class", "Package"},
	} {
		if groups := a.manifest.groups(fields); len(groups) > 0 {
			return groups[0]
		}
	}
	return ""
}

// groupOr returns a group, or a name that has dots: some publishers write the
// group where the name belongs.
func groupOr(group, name string) string {
	if group == "" && strings.Contains(name, ".") {
		group = name
	}
	group, _, _ = strings.Cut(group, ";") // directives of OSGi
	return strings.TrimSpace(group)
}

// groups returns the values of fields that begin like the name of a domain,
// sorted.
func (m *Manifest) groups(fields []string) []string {
	var out []string
	for _, field := range fields {
		for _, s := range m.Sections {
			for _, a := range s {
				if a.Name != field {
					continue
				}
				if slices.ContainsFunc([]string{"com", "org", "net", "io", "be"}, func(d string) bool { return strings.HasPrefix(a.Value, d) }) {
					g, _, _ := strings.Cut(a.Value, ";")
					g, _, _ = strings.Cut(g, "#")
					if g = strings.TrimSpace(g); g == "org.lz4.java" {
						g = "org.lz4" // where it is published
					}
					out = append(out, g)
				}
				break
			}
		}
	}
	slices.Sort(out)
	return out
}
