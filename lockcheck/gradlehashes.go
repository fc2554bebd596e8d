package lockcheck

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
)

// parseGradleHashes parses verification-metadata.xml
// (https://docs.gradle.org/current/userguide/dependency_verification.html;
// https://schema.gradle.org/dependency-verification/dependency-verification-1.3.xsd):
// the digests of each artifact of a module. Those of metadata (.pom, .module) are
// not of anything that is installed. Artifacts that a rule trusts have no digest
// and are a note.
func (l *Lock) parseGradleHashes(ctx context.Context, src *source) error {
	x := &verification{Lock: l, source: src, dec: xml.NewDecoder(bytes.NewReader(src.data))}
	x.dec.Entity = map[string]string{} // only XML's own
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := int(x.dec.InputOffset())
		token, err := x.dec.Token()
		switch {
		case err == io.EOF:
			if !x.seen {
				return src.errorf(0, "create it again with gradle --write-verification-metadata sha256", "not a verification-metadata.xml")
			}
			d := &document{source: src}
			l.refuseTwins(d)
			return d.failure()
		case err != nil:
			return x.syntaxError(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			err = x.begin(at, t)
		case xml.EndElement:
			err = x.end()
		case xml.Directive:
			err = src.errorf(at, "remove it", "a document type, which Gradle does not write")
		}
		if err != nil {
			return err
		}
	}
}

// maxXMLDepth bounds nesting; the format has six levels.
const maxXMLDepth = 32

// verification is the state of the parser.
type verification struct {
	*Lock
	*source
	dec  *xml.Decoder
	open []string // the elements that have not ended
	seen bool
	// entry is the component, artifact the file in it.
	entry     *Entry
	artifact  string
	artifacts map[string]bool // of the component
	installed bool            // it has an artifact other than metadata
	elements  int
}

func (x *verification) syntaxError(err error) error {
	at := int(x.dec.InputOffset())
	msg := err.Error()
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		msg = syntax.Msg
	}
	if len(msg) > maxQuoted {
		msg = strings.ToValidUTF8(msg[:maxQuoted], "") + "…"
	}
	return x.errorf(at, "create it again with gradle --write-verification-metadata sha256", "malformed XML: %s", msg)
}

func (x *verification) begin(at int, t xml.StartElement) error {
	name := t.Name.Local
	attributes := map[string]string{}
	for _, a := range t.Attr {
		if _, twice := attributes[a.Name.Local]; twice && a.Name.Space != "xmlns" {
			return x.errorf(at, "remove one of them", "the attribute %s is there twice", quote(a.Name.Local))
		}
		attributes[a.Name.Local] = a.Value
	}
	if x.elements++; x.elements > maxValues || len(x.open) >= maxXMLDepth {
		return x.errorf(at, "split the file", "more than %d elements, or nested deeper than %d levels", maxValues, maxXMLDepth)
	}
	parent := strings.Join(x.open, "/")
	x.open = append(x.open, name)
	switch {
	case parent == "" && name != "verification-metadata":
		return x.errorf(at, "give the path of gradle/verification-metadata.xml", "the root element is %s, not verification-metadata", quote(name))
	case parent == "":
		x.seen = true
	case parent == "verification-metadata/configuration/trusted-artifacts" && name == "trust":
		x.trust(at, attributes)
	case parent == "verification-metadata/components" && name == "component":
		return x.component(at, attributes)
	case parent == "verification-metadata/components/component" && name == "artifact":
		if x.artifact = attributes["name"]; x.artifacts[x.artifact] {
			return x.errorf(at, "create it again with gradle --write-verification-metadata sha256", "the artifact %s is there twice", quote(x.artifact))
		}
		x.artifacts[x.artifact] = true
		x.installed = x.installed || isInstalledArtifact(x.artifact)
	case strings.HasPrefix(parent, "verification-metadata/components/component/artifact"):
		algorithm := name
		if name == "also-trust" {
			algorithm = path.Base(parent)
		}
		if value := attributes["value"]; hexLength(algorithm) > 0 && isInstalledArtifact(x.artifact) {
			x.addHash(x.entry, algorithm, value)
		}
	}
	return nil
}

func (x *verification) component(at int, attributes map[string]string) error {
	e := Entry{Type: "maven", Namespace: attributes["group"], Name: attributes["name"], Version: attributes["version"],
		File: x.file, Source: Source{Kind: KindRegistry}, hashesOnly: true}
	tag := x.data[at:x.dec.InputOffset()]
	in := bytes.Index(tag, []byte(e.Name))
	if e.Namespace == "" || e.Name == "" || e.Version == "" || in < 0 {
		return x.errorf(at, "create it again with gradle --write-verification-metadata sha256", "a component without a group, a name or a version in plain text")
	}
	e.Line = x.line(at + in)
	x.entry, x.artifacts, x.installed = &e, map[string]bool{}, false
	return nil
}

func (x *verification) end() error {
	last := x.open[len(x.open)-1]
	x.open = x.open[:len(x.open)-1]
	if last == "component" && len(x.open) == 2 && x.entry != nil {
		if x.installed {
			x.entry.Hashes = slices.Compact(x.entry.Hashes)
			x.add(*x.entry)
		}
		x.entry = nil
	}
	return nil
}

// trust notes the artifacts that Gradle does not verify.
func (x *verification) trust(at int, attributes map[string]string) {
	var of []string
	for _, key := range []string{"group", "name", "version", "file"} {
		if v := attributes[key]; v != "" {
			of = append(of, key+" "+quote(v))
		}
	}
	what := "all artifacts are"
	if len(of) > 0 {
		what = "artifacts of " + strings.Join(of, ", ") + " are"
	}
	x.problem(ProblemNoHash, x.file, x.line(at), "", what+" trusted without a hash")
}

// isInstalledArtifact reports whether an artifact of a module is more than a
// description of it.
func isInstalledArtifact(file string) bool {
	switch path.Ext(file) {
	case ".pom", ".module", ".xml", ".asc":
		return false
	}
	return !strings.HasSuffix(file, "-sources.jar") && !strings.HasSuffix(file, "-javadoc.jar")
}
