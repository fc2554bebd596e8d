package jar

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// Pom is the part of a pom.xml that names an artifact
// (https://maven.apache.org/pom.html).
type Pom struct {
	Group      string     `xml:"groupId"`
	Artifact   string     `xml:"artifactId"`
	Version    string     `xml:"version"`
	Name       string     `xml:"name"`
	Parent     *Pom       `xml:"parent"`
	Properties properties `xml:"properties"`

	id identity
}

type properties map[string]string

// maxProperties is the number of properties that are kept. Spring Boot's pom
// has 400.
const maxProperties = 1 << 14

// identity is what a pom says about itself, with properties replaced.
type identity struct{ group, name, version, parentGroup, parentName string }

func (p *properties) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	*p = make(properties)
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			var value string
			if err := d.DecodeElement(&value, &t); err != nil {
				return err
			}
			if len(*p) < maxProperties {
				(*p)[t.Name.Local] = strings.TrimSpace(value)
			}
		case xml.EndElement:
			return nil
		}
	}
}

// ParsePom parses a pom.xml. Text that is not UTF-8 is read as Latin-1, which
// is what poms of before 2010 are written in.
func ParsePom(data []byte) (*Pom, error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		raw, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		var out strings.Builder
		for _, b := range raw {
			out.WriteRune(rune(b))
		}
		return strings.NewReader(out.String()), nil
	}
	p := &Pom{}
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("pom.xml: %w", err)
	}
	p.id.group, p.id.name, p.id.version = p.findID()
	if p.Parent != nil {
		p.id.parentGroup, p.id.parentName = p.resolve(p.Parent.Group, nil), p.resolve(p.Parent.Artifact, nil)
	}
	// The rest is not used, and many times larger: an archive can have 500 poms.
	return &Pom{id: p.id}, nil
}

// ID returns the group, the name and the version, with properties replaced. A
// value with a property that is not in the pom is empty. Group and version are
// inherited from the parent, the name is not.
func (p *Pom) ID() (group, name, version string) { return p.id.group, p.id.name, p.id.version }

// ParentID returns the group and the name of the parent.
func (p *Pom) ParentID() (group, name string) { return p.id.parentGroup, p.id.parentName }

func (p *Pom) findID() (group, name, version string) {
	group, name, version = p.resolve(p.Group, nil), p.resolve(p.Artifact, nil), p.resolve(p.Version, nil)
	if p.Parent != nil {
		if p.Group == "" {
			group = p.resolve(p.Parent.Group, nil)
		}
		if p.Version == "" {
			version = p.resolve(p.Parent.Version, nil)
		}
	}
	return group, name, version
}

var reference = lazyregexp.New(`\$\{[^}]+}`)

// maxResolved is the length of a value with its properties replaced: values
// that refer to each other grow without bound.
const maxResolved = 4 << 10

// maxTemplate is the length of a value before its properties are replaced.
const maxTemplate = 64 << 10

func (p *Pom) resolve(value string, open []string) string {
	if len(value) > maxTemplate {
		return ""
	}
	ok := true
	length := 0
	out := reference.ReplaceAllStringFunc(value, func(m string) string {
		name := strings.TrimSpace(m[2 : len(m)-1])
		for _, o := range open {
			ok = ok && o != name
		}
		v, known := p.property(name)
		if ok = ok && known && len(open) < 16; !ok {
			return ""
		}
		v = p.resolve(v, append(open, name))
		length += len(v)
		ok = ok && v != "" && length <= maxResolved
		return v
	})
	if !ok || len(out) > maxResolved {
		return ""
	}
	return strings.TrimSpace(out)
}

func (p *Pom) property(name string) (string, bool) {
	switch name {
	case "project.groupId":
		if p.Group != "" {
			return p.Group, true
		}
	case "project.artifactId":
		if p.Artifact != "" {
			return p.Artifact, true
		}
	case "project.version":
		if p.Version == "" && p.Parent != nil {
			return p.Parent.Version, true
		}
		if p.Version != "" {
			return p.Version, true
		}
	case "project.name":
		if p.Name != "" {
			return p.Name, true
		}
	case "project.parent.groupId", "project.parent.artifactId", "project.parent.version":
		if p.Parent == nil {
			return "", false
		}
		return map[string]string{"groupId": p.Parent.Group, "artifactId": p.Parent.Artifact, "version": p.Parent.Version}[name[len("project.parent."):]], true
	}
	v, ok := p.Properties[name]
	return v, ok
}
