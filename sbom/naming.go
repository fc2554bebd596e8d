package sbom

import "strings"

// FullName returns the name of a component for people, as its ecosystem writes
// it: the namespace is part of an npm or Go name, but for a package of the
// system it is only the distribution's name. Files are named by their path.
func (c *Component) FullName() string {
	switch {
	case c.Kind == KindFiles && len(c.Paths) > 0:
		return c.Paths[0]
	case c.Namespace == "" || c.Kind == KindOS || c.Kind == KindFiles:
		return c.Name
	}
	return c.Namespace + "/" + c.Name
}

// Label returns the full name with the version. That of files is the version of
// one program in them and left out.
func (c *Component) Label() string {
	if c.Kind == KindFiles || c.Version == "" {
		return c.FullName()
	}
	return c.FullName() + " " + c.Version
}

// SplitIdentity returns the full name and the version in an [Identity] or a
// [Key], for a component that is not at hand.
func SplitIdentity(id string) (name, version string) {
	name, qualifier, _ := strings.Cut(id, "?")
	if path, ok := strings.CutPrefix(qualifier, "path="); ok {
		return path, ""
	}
	if i := strings.LastIndexByte(name, '@'); i > 0 && name[i-1] != '/' {
		name, version = name[:i], name[i+1:]
	}
	_, rest, ok := strings.Cut(name, "/")
	if !ok {
		return name, version
	}
	if strings.HasPrefix(qualifier, "arch=") {
		rest = rest[strings.LastIndexByte(rest, '/')+1:]
	}
	return rest, version
}
