package index

import (
	"slices"
	"strings"
)

// relationFields are fields of which dpkg writes the white space anew.
var relationFields = []string{"depends", "pre-depends", "recommends", "suggests", "enhances", "breaks", "conflicts", "replaces", "provides", "built-using", "static-built-using"}

// flagFields are fields in which "no" and absence are the same.
var flagFields = []string{"essential", "important", "protected", "multi-arch"}

// textFields are the other fields of the same text in a package, in the index of
// its archive and in the database of an installation. Section and Priority are
// not among them: an archive overrides them
// (https://manpages.debian.org/deb-override.5).
var textFields = []string{"installed-size", "source", "maintainer", "homepage", "description"}

// compared returns the fields that a record is compared in, in one form.
func compared(fields map[string]string) map[string]string {
	out := make(map[string]string)
	keep := func(name, value string) {
		if value != "" {
			out[name] = value
		}
	}
	for _, name := range relationFields {
		keep(name, strings.Join(strings.Fields(fields[name]), ""))
	}
	for _, name := range flagFields {
		if value := fields[name]; value != "no" {
			keep(name, value)
		}
	}
	for _, name := range textFields {
		// An index has the short description only.
		first, _, _ := strings.Cut(fields[name], "\n")
		keep(name, strings.Join(strings.Fields(first), " "))
	}
	return out
}

// differences returns the names of fields in which a record differs from an
// entry, sorted, as dpkg spells them.
func differences(record map[string]string, e *entry) []string {
	lower := make(map[string]string, len(record))
	for name, value := range record {
		lower[strings.ToLower(name)] = value
	}
	installed := compared(lower)
	var out []string
	for _, names := range [][]string{relationFields, flagFields, textFields} {
		for _, name := range names {
			if installed[name] != e.fields[name] {
				out = append(out, spelling(name))
			}
		}
	}
	slices.Sort(out)
	return out
}

// spelling returns a field's name with capitals: "Pre-Depends".
func spelling(name string) string {
	parts := strings.Split(name, "-")
	for i, p := range parts {
		parts[i] = strings.ToUpper(p[:1]) + p[1:]
	}
	return strings.Join(parts, "-")
}
