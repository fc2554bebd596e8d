package jar

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// Manifest is a parsed META-INF/MANIFEST.MF: the main section first.
type Manifest struct{ Sections [][]Attribute }

// Attribute is one line of a manifest, with what continues it.
type Attribute struct{ Name, Value string }

const (
	// maxAttributes is the number of attributes that are kept. Main sections
	// have some dozens.
	maxAttributes = 1 << 16
	// maxValue is the length of a value that is kept. The values that are used
	// are names and versions; the lists of packages of large bundles have more.
	maxValue = 64 << 10
)

// sectionKeys are the attributes that are used of sections other than the main
// one. Signed archives have a section for each class.
var sectionKeys = map[string]bool{
	"Implementation-Version": true, "Specification-Version": true, "Plugin-Version": true, "Bundle-Version": true,
	"Group-Id": true, "Bundle-SymbolicName": true, "Extension-Name": true, "Specification-Vendor": true, "Implementation-Vendor": true,
	"Implementation-Vendor-Id": true, "Implementation-Title": true, "Bundle-Activator": true,
	"Automatic-Module-Name": true, "Main-Class": true, "Package": true,
}

// ParseManifest parses a manifest: the main section, and the other sections
// that have attributes of [sectionKeys]. Lines that are no attributes are
// skipped, as class loaders do. Too many attributes are an error.
func ParseManifest(data []byte) (*Manifest, error) {
	m := &Manifest{}
	count := 0
	open := false    // within a section that is kept
	main := true     // in the main section, or before it
	var value []byte // of the attribute that may be continued
	var last *Attribute
	end := func() {
		if last != nil {
			last.Value = string(value)
		}
		last = nil
	}
	for line := range bytes.Lines(data) {
		line := bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0:
			end()
			open, main = false, main && len(m.Sections) == 0
			continue
		case line[0] == ' ':
			if last != nil {
				more := bytes.TrimSpace(line)
				value = append(value, more[:min(len(more), maxValue-len(value))]...)
			}
			continue
		}
		key, text, ok := bytes.Cut(line, []byte(":"))
		if key = bytes.TrimSpace(key); !ok || len(key) == 0 {
			continue
		}
		end()
		if !main && !sectionKeys[string(key)] {
			continue
		}
		if count++; count > maxAttributes {
			return nil, fmt.Errorf("a manifest with more than the limit of %d attributes", maxAttributes)
		}
		if !open {
			m.Sections = append(m.Sections, nil)
			open = true
		}
		text = bytes.TrimSpace(text)
		value = append(value[:0], text[:min(len(text), maxValue)]...)
		at := &m.Sections[len(m.Sections)-1]
		*at = append(*at, Attribute{Name: string(key[:min(len(key), maxValue)])})
		last = &(*at)[len(*at)-1]
	}
	end()
	return m, nil
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
	nameAndVersion = lazyregexp.New(`(?Ui)^(?P<name>(?:[[:alpha:]][[:word:].]*(?:\.[[:alpha:]][[:word:].]*)*-?)+)(?:-(?P<version>(\d.*|(build\d+.*)|(rc?\d+(?:^[[:alpha:]].*)?))))?$`)
	versionAtEnd   = lazyregexp.New(`(?:[._-](?P<version>(\d.*|(build\d+.*)|(rc?\d+(?:^[[:alpha:]].*)?))))?$`)
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
