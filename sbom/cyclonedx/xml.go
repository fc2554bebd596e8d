package cyclonedx

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom/internal/draft"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

const (
	// maxXMLDepth is the depth of components in components, two levels each.
	maxXMLDepth = 400
	// maxXMLElements bounds the memory of decoding; an image has some 50 elements
	// for each of its packages.
	maxXMLElements = 5_000_000

	// maxXMLAttributes is the number of attributes of one element; the format has
	// four, and the first element declares the name spaces.
	maxXMLAttributes = 100

	xmlNamespace = "http://cyclonedx.org/schema/bom/"
)

// readXML decodes XML that every reader reads alike. encoding/xml takes the last
// of two equal elements or attributes and ignores namespaces; [xmlGuard] checks
// both.
func readXML(ctx context.Context, data []byte) (*bom, error) {
	g := xmlGuard{ctx: ctx, data: data}
	if err := g.walk(); err != nil {
		return nil, err
	}
	b := new(bom)
	d := xml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(b); err != nil {
		return nil, place(data, d, err)
	}
	b.SpecVersion = g.version
	if b.Metadata != nil && b.Metadata.Component != nil {
		trim(b.Metadata.Component)
	}
	for i := range b.Components {
		trim(&b.Components[i])
	}
	if err := checkVersion(b); err != nil {
		return nil, err
	}
	return b, ctx.Err()
}

// trim removes the white space of pretty-printers.
func trim(c *component) {
	for _, s := range []*string{&c.Group, &c.Name, &c.Version, &c.Scope, &c.PURL} {
		*s = strings.TrimSpace(*s)
	}
	for i := range c.Properties {
		c.Properties[i].Value = strings.TrimSpace(c.Properties[i].Value)
	}
	for i := range c.Components {
		trim(&c.Components[i])
	}
}

func place(data []byte, d *xml.Decoder, err error) error {
	detail := strings.TrimPrefix(err.Error(), "XML syntax error on line ")
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF"):
		return strictjson.At(data, int64(len(data)), "the document is truncated")
	case errors.As(err, &syntax):
		detail = syntax.Msg
	case strings.Contains(detail, "CharsetReader"):
		return strictjson.At(data, 0, "the document is not UTF-8: convert it (iconv -t UTF-8) and change the encoding in its first line")
	}
	return strictjson.At(data, d.InputOffset(), "not XML: %s", draft.Clean(detail))
}

// single are the elements that are read and that occur once in their parent.
var single = map[string]bool{
	"metadata": true, "components": true, "services": true, "dependencies": true, "compositions": true, "formulation": true,
	"tools": true, "group": true, "name": true, "version": true, "scope": true, "purl": true,
	"hashes": true, "externalReferences": true, "properties": true, "evidence": true, "occurrences": true,
	"aggregate": true, "location": true, "url": true, "phase": true, "lifecycles": true, "timestamp": true,
}

// several are the other elements that are read.
var several = map[string]bool{
	"component": true, "service": true, "dependency": true, "composition": true, "formula": true, "tool": true, "hash": true,
	"reference": true, "property": true, "occurrence": true, "lifecycle": true,
}

// attributes are the attributes that are read.
var attributes = map[string]bool{"type": true, "bom-ref": true, "ref": true, "alg": true, "name": true}

// parent reports whether elements are read in an element of that name.
func parent(name string) bool { return name == "bom" || single[name] || several[name] }

// xmlGuard walks over a document before it is decoded.
type xmlGuard struct {
	ctx     context.Context
	data    []byte
	d       *xml.Decoder
	at      int64 // offset of the current token
	stack   []open
	version string
	count   int
	parts   int // components and services
}

type open struct {
	name  xml.Name
	ours  bool // in the namespace of CycloneDX, as are all its parents
	names map[string]bool
}

func (g *xmlGuard) walk() error {
	if err := strictjson.UTF8(g.data); err != nil {
		return err
	}
	g.d = xml.NewDecoder(bytes.NewReader(g.data))
	roots := 0
	for {
		g.at = g.d.InputOffset()
		token, err := g.d.Token()
		if errors.Is(err, io.EOF) && len(g.stack) == 0 && roots == 1 {
			return nil
		}
		if err != nil {
			return place(g.data, g.d, err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return g.fail("a document type declaration, which a CycloneDX document does not have")
		case xml.StartElement:
			if len(g.stack) == 0 {
				if roots++; roots > 1 {
					return g.fail("a second document in the same file")
				}
			}
			if err := g.start(t); err != nil {
				return err
			}
		case xml.EndElement:
			g.stack = g.stack[:len(g.stack)-1]
		}
	}
}

func (g *xmlGuard) fail(format string, args ...any) error {
	return strictjson.At(g.data, g.at, format, args...)
}

func (g *xmlGuard) start(t xml.StartElement) error {
	if g.count++; g.count > maxXMLElements {
		return g.fail("%v", draft.ErrTooMany("elements", maxXMLElements))
	}
	if g.count%(1<<14) == 0 && g.ctx.Err() != nil {
		return g.ctx.Err()
	}
	if len(g.stack) >= maxXMLDepth {
		return g.fail("nested more than %d deep (limit)", maxXMLDepth)
	}
	if len(t.Attr) > maxXMLAttributes {
		return g.fail("an element with more than %d attributes (limit)", maxXMLAttributes)
	}
	for i, a := range t.Attr {
		for _, b := range t.Attr[:i] {
			if a.Name == b.Name {
				return g.fail("the attribute %s is in <%s> twice", draft.Quote(a.Name.Local), draft.Clean(t.Name.Local))
			}
		}
		if attributes[a.Name.Local] && a.Name.Space != "" && a.Name.Space != "xmlns" {
			return g.fail("the attribute %s of <%s> is of another namespace, but some programs take it for that of CycloneDX", draft.Quote(a.Name.Local), draft.Clean(t.Name.Local))
		}
	}
	next := open{name: t.Name}
	switch n := len(g.stack); {
	case n == 0:
		version, ok := strings.CutPrefix(t.Name.Space, xmlNamespace)
		if t.Name.Local != "bom" || !ok {
			return g.fail("the first element is <%s xmlns=%s>, not that of a CycloneDX document", draft.Clean(t.Name.Local), draft.Quote(t.Name.Space))
		}
		g.version, next.ours = version, true
	default:
		outer := &g.stack[n-1]
		next.ours = outer.ours && t.Name.Space == g.stack[0].name.Space
		if outer.ours && parent(outer.name.Local) {
			if err := g.child(outer, t, next.ours); err != nil {
				return err
			}
		}
	}
	g.stack = append(g.stack, next)
	return nil
}

func (g *xmlGuard) child(outer *open, t xml.StartElement, ours bool) error {
	name := t.Name.Local
	if !single[name] && !several[name] {
		return nil
	}
	if !ours {
		return g.fail("<%s> is of another namespace, %s, but some programs take it for that of CycloneDX", draft.Clean(name), draft.Quote(t.Name.Space))
	}
	if name == "component" || name == "service" {
		if g.parts++; g.parts > draft.MaxElements {
			return g.fail("%v", draft.ErrTooMany("components", draft.MaxElements))
		}
	}
	if !single[name] {
		// The subject occurs once; lists have many.
		if name != "component" || outer.name.Local != "metadata" {
			return nil
		}
	}
	if outer.names[name] {
		return g.fail("<%s> is in one <%s> twice: programs differ in which one they take", draft.Clean(name), draft.Clean(outer.name.Local))
	}
	if outer.names == nil {
		outer.names = map[string]bool{}
	}
	outer.names[name] = true
	return nil
}
