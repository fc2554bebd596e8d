package jar

import (
	"bytes"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// Manifest is a parsed META-INF/MANIFEST.MF: the main section first.
type Manifest struct{ Sections [][]Attribute }

// Attribute is one line of a manifest, with what continues it.
type Attribute struct{ Name, Value string }

// ParseManifest parses a manifest. Lines that are no attributes are skipped,
// as class loaders do.
func ParseManifest(data []byte) *Manifest {
	m := &Manifest{}
	open := false // within a section
	for line := range bytes.Lines(data) {
		line := strings.TrimRight(string(line), "\r\n")
		switch {
		case line == "":
			open = false
			continue
		case line[0] == ' ':
			if open {
				s := m.Sections[len(m.Sections)-1]
				s[len(s)-1].Value += strings.TrimSpace(line)
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			continue
		}
		if !open {
			m.Sections = append(m.Sections, nil)
			open = true
		}
		last := &m.Sections[len(m.Sections)-1]
		*last = append(*last, Attribute{name, strings.TrimSpace(value)})
	}
	return m
}

func (m *Manifest) value(name string) (string, bool) {
	if len(m.Sections) > 0 {
		for _, a := range m.Sections[0] {
			if a.Name == name {
				return a.Value, true
			}
		}
	}
	return "", false
}

// Get returns an attribute of the main section, empty when it has none.
func (m *Manifest) Get(name string) string {
	v, _ := m.value(name)
	return v
}

// name chooses the name of an archive that no pom names.
func (m *Manifest) name(file fileName) string {
	if n := m.bundleName(); n != "" {
		return n
	}
	if n := file.artifact(); n != "" {
		return n
	}
	for _, key := range []string{"Name", "Bundle-Name", "Short-Name", "Extension-Name", "Implementation-Title"} {
		if v := m.Get(key); v != "" {
			return v
		}
	}
	return ""
}

// bundleName returns the artifact in the symbolic name of an OSGi bundle that
// Maven's plugin built: "groupId.artifactId"
// (https://felix.apache.org/documentation/subprojects/apache-felix-maven-bundle-plugin-bnd.html).
func (m *Manifest) bundleName() string {
	if !strings.Contains(m.Get("Created-By"), "Apache Maven Bundle Plugin") {
		return ""
	}
	name := m.Get("Bundle-SymbolicName")
	if name == m.Get("Implementation-Vendor-Id") {
		return "" // the group only
	}
	return name[strings.LastIndexByte(name, '.')+1:]
}

// version chooses the version of an archive that no pom names.
func (m *Manifest) version(file fileName) string {
	if file.version != "" {
		return file.version
	}
	for _, key := range []string{"Implementation-Version", "Specification-Version", "Plugin-Version", "Bundle-Version"} {
		for _, s := range m.Sections {
			for _, a := range s {
				if a.Name == key && a.Value != "" {
					return a.Value
				}
			}
		}
	}
	return ""
}

// fileName is the name of an archive, without its extension: "guava-33.0-jre".
type fileName struct{ name, version string }

// The version begins at the first part that starts with a digit, with "build"
// and a digit, or with "r" or "rc" and a digit: "ironman-r4-2009". The flags
// are those of an ungreedy match that ignores case. Expressions of syft's
// archive cataloger (Apache License 2.0).
var (
	nameAndVersion = regexp.MustCompile(`(?Ui)^(?P<name>(?:[[:alpha:]][[:word:].]*(?:\.[[:alpha:]][[:word:].]*)*-?)+)(?:-(?P<version>(\d.*|(build\d+.*)|(rc?\d+(?:^[[:alpha:]].*)?))))?$`)
	versionAtEnd   = regexp.MustCompile(`(?:[._-](?P<version>(\d.*|(build\d+.*)|(rc?\d+(?:^[[:alpha:]].*)?))))?$`)
)

func parseFileName(p string) fileName {
	base := strings.TrimSuffix(path.Base(p), path.Ext(p))
	var f fileName
	if m := nameAndVersion.FindStringSubmatch(base); m != nil {
		f.name, f.version = m[nameAndVersion.SubexpIndex("name")], m[nameAndVersion.SubexpIndex("version")]
	}
	if f.version == "" {
		if m := versionAtEnd.FindStringSubmatch(f.name); m != nil {
			if f.version = m[versionAtEnd.SubexpIndex("version")]; f.version != "" {
				f.name = f.name[:len(f.name)-len(f.version)-1]
			}
		}
	}
	return f
}

// artifact returns the name without a group before it: artifacts have no dots
// in their names, but for Eclipse's.
func (f fileName) artifact() string {
	if strings.HasPrefix(f.name, "org.eclipse.") || !strings.Contains(f.name, ".") {
		return f.name
	}
	parts := strings.Split(f.name, ".")
	for _, p := range parts {
		first := []rune(p)
		if len(first) == 0 || !unicode.In(first[0], unicode.Lu, unicode.Ll, unicode.Lt, unicode.Lm, unicode.Lo, unicode.Nl, unicode.Sc, unicode.Pc) {
			return f.name
		}
	}
	return parts[len(parts)-1]
}
