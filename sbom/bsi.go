package sbom

import (
	"path"
	"slices"
	"strings"
)

// Deployable has the data fields of BSI TR-03183-2 v2.1.0 (section 5.2.2,
// https://www.bsi.bund.de/dok/TR-03183-en) about the form in which a component is
// delivered, as far as the environment shows it. What it does not show is empty: the
// guideline allows no guess.
type Deployable struct {
	// Filename is the name of the one file that the component is, without its path.
	Filename string
	// Archive is "archive" or "no archive", Structured is "structured" if the metadata
	// of the content is there. The words are those of BSI's taxonomy of properties
	// (https://github.com/BSI-Bund/tr-03183-cyclonedx-property-taxonomy).
	Archive, Structured string
	// URI is where the installer got the artifact, SourceURI the repository of the
	// source and the commit.
	URI, SourceURI string
}

// archives are the endings of files that are packages as they are.
var archives = []string{".jar", ".war", ".ear", ".whl", ".egg", ".zip", ".phar"}

// inDirectory reports whether a file is the metadata of a package that is unpacked.
func inDirectory(p string) bool {
	switch base := path.Base(p); base {
	case "METADATA", "PKG-INFO", "package.json", "DESCRIPTION":
		return true
	default:
		return path.Ext(base) == ".gemspec"
	}
}

// Deployable returns what is known about the form of the component.
func (c *Component) Deployable() Deployable {
	var d Deployable
	switch one := len(c.Paths) == 1; {
	case c.Kind == KindOS:
		// The package is unpacked, and its database has its files.
		d.Archive, d.Structured = "no archive", "structured"
	case one && c.Kind == KindFiles && c.Files == 1:
		d.Filename = path.Base(c.Paths[0])
	case one && c.Kind == KindPackage && slices.Contains(archives, strings.ToLower(path.Ext(c.Paths[0]))):
		d.Filename, d.Archive, d.Structured = path.Base(c.Paths[0]), "archive", "structured"
	case c.Kind == KindPackage && len(c.Paths) > 0 && !slices.ContainsFunc(c.Paths, func(p string) bool { return !inDirectory(p) }):
		// A directory, with the file that shows the package.
		d.Archive, d.Structured = "no archive", "structured"
	}
	if c.Install == nil || !strings.HasPrefix(c.Install.URL, "https://") && !strings.HasPrefix(c.Install.URL, "http://") {
		return d
	}
	switch c.Install.Kind {
	case InstallRegistry, InstallURL:
		d.URI = c.Install.URL
	case InstallVCS:
		d.SourceURI = c.Install.URL
	}
	return d
}

// UnknownOfBSI returns the fact with the data fields that BSI TR-03183-2 requires of a
// component and that the environment does not show. Whether a component can be
// executed, and under which licence it is distributed with the stage, no environment
// shows. The format has no place for the fields in absent, so that the
// document does not have them either.
func (m *Meta) UnknownOfBSI(c *Component, absent ...string) []Fact {
	d := c.Deployable()
	var fields []string
	for _, f := range []struct {
		name  string
		known bool
	}{
		{"creator", SupplierParty(c.Supplier).Email != ""},
		{"filename", d.Filename != ""},
		{"distribution-licence", false},
		{"sha-512", slices.ContainsFunc(m.Hashes(c), func(h Digest) bool { return h.Algorithm == "sha512" })},
		{"executable", false},
		{"archive", d.Archive != ""},
		{"structured", d.Structured != ""},
		{"source-uri", d.SourceURI != ""},
		{"deployable-uri", d.URI != ""},
	} {
		if !f.known || slices.Contains(absent, f.name) {
			fields = append(fields, f.name)
		}
	}
	return []Fact{{Key: factBSI, Value: strings.Join(fields, ",")}}
}
