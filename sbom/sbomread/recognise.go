package sbomread

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom/internal/draft"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// kind is the format of a document.
type kind int

const (
	isSPDX kind = iota
	isSPDX3
	isTagValue
	isCycloneDX
	isCycloneDXML
	isSyft
	// These wrap a document of another kind.
	isStatement
	isEnvelope
	isBundle
	isWrapped // GitHub's {"sbom": ...}
	isText    // a JSON string that holds a document
)

// recognise returns the kind of a document. For a JSON object it also returns the
// members, as parts of data.
func recognise(ctx context.Context, data []byte) (kind, map[string]json.RawMessage, error) {
	text := bytes.TrimLeft(data, " \t\r\n")
	if len(text) == 0 {
		return 0, nil, errors.New("the document is empty")
	}
	switch text[0] {
	case '{':
		top, err := strictjson.Top(ctx, data)
		if err != nil {
			return 0, nil, err
		}
		k, err := recogniseJSON(top)
		return k, top, err
	case '[':
		return 0, nil, errors.New("a JSON list, not an SBOM" + listHint(text))
	case '<':
		k, err := recogniseXML(data)
		return k, nil, err
	case '"':
		return isText, map[string]json.RawMessage{"": data}, nil
	}
	k, err := recogniseText(text)
	return k, nil, err
}

// text returns the value of a member of a JSON object that is a string, or "".
func text(raw []byte) string {
	var s string
	if len(raw) > 64<<10 || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func has(top map[string]json.RawMessage, keys ...string) bool {
	for _, k := range keys {
		if _, ok := top[k]; !ok {
			return false
		}
	}
	return true
}

func recogniseJSON(top map[string]json.RawMessage) (kind, error) {
	var found []kind
	add := func(k kind, is bool) {
		if is {
			found = append(found, k)
		}
	}
	add(isCycloneDX, has(top, "bomFormat"))
	add(isSPDX, has(top, "spdxVersion"))
	add(isSPDX3, bytes.Contains(top["@context"], []byte("spdx.org/rdf/")))
	add(isSyft, has(top, "artifacts", "artifactRelationships") || has(top, "artifacts", "descriptor", "source"))
	add(isStatement, strings.HasPrefix(text(top["_type"]), "https://in-toto.io/Statement/"))
	add(isEnvelope, has(top, "payloadType", "payload"))
	add(isBundle, has(top, "dsseEnvelope"))
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return 0, errors.New("the document has the keys of two formats: programs differ in which one they read")
	case bytes.HasPrefix(bytes.TrimSpace(top["sbom"]), []byte("{")) && len(top) == 1:
		return isWrapped, nil
	}
	if what := otherJSON(top); what != "" {
		return 0, errors.New(what)
	}
	return 0, errors.New("JSON of no known SBOM format (known: " + strings.Join(Formats(), "; ") + ")")
}

// otherJSON returns the name of a document that is often mistaken for an SBOM.
func otherJSON(top map[string]json.RawMessage) string {
	schema := text(top["$schema"])
	switch {
	case has(top, "verdict", "stages", "tool"):
		return "a report of depaudit and not an SBOM: render it with depaudit report, or write the stage's document with -o spdx-json=FILE"
	case has(top, "rules", "stages"):
		return "a baseline of depaudit and not an SBOM: name it with baseline: in depaudit.yaml"
	case has(top, "snapshot", "document", "sha256"):
		return "a snapshot and not an SBOM: a snapshot can only be used as a base"
	case has(top, "SchemaVersion", "Results") || has(top, "SchemaVersion", "ArtifactName"):
		return "a report of Trivy and not an SBOM: write one with trivy --format cyclonedx or --format spdx-json"
	case has(top, "matches", "descriptor"):
		return "a report of Grype and not an SBOM: name the SBOM that Grype read"
	case has(top, "runs") && strings.Contains(schema, "sarif"):
		return "a SARIF report and not an SBOM"
	case has(top, "lockfileVersion"):
		return "a lock file of npm and not an SBOM: name it under locks: in depaudit.yaml"
	case has(top, "name", "version") && (has(top, "dependencies") || has(top, "scripts") || has(top, "devDependencies") || has(top, "main") || has(top, "license")):
		return "a package.json and not an SBOM: it declares packages and lists none that are installed"
	case has(top, "schemaVersion", "manifests") || has(top, "schemaVersion", "layers") || has(top, "rootfs", "config"):
		return "a part of a container image and not an SBOM: write oci-dir:PATH or oci-archive:FILE"
	case has(top, "layouts") || has(top, "imageLayoutVersion"):
		return "a part of an OCI image layout and not an SBOM: write oci-dir:PATH"
	case strings.Contains(string(top["@context"]), "openvex"), has(top, "document", "product_tree"), has(top, "statements", "author"):
		return "a VEX or CSAF document and not an SBOM: it rates vulnerabilities and lists no packages"
	case has(top, "results") && has(top, "experimental_config"):
		return "a report of osv-scanner and not an SBOM"
	case has(top, "signatures", "signed"):
		return "an in-toto link or layout and not an SBOM"
	case has(top, "$schema", "definitions") || has(top, "$schema", "properties") || has(top, "$schema", "$defs"):
		return "a JSON schema and not an SBOM"
	case has(top, "message") && (has(top, "documentation_url") || has(top, "status")) || has(top, "error") || has(top, "errors"):
		return "an error message of a server and not an SBOM: the download failed"
	case has(top, "artifacts"):
		return "a list of artifacts without \"artifactRelationships\": if syft wrote it, it is not the whole document"
	}
	return ""
}

func listHint(text []byte) string {
	if bytes.Contains(text[:min(len(text), 4096)], []byte(`"RepoTags"`)) {
		return ": it is the manifest of a Docker archive; write docker-archive:FILE"
	}
	return ": if it has several documents, write each into its own file"
}

func recogniseXML(data []byte) (kind, error) {
	lower := bytes.ToLower(data[:min(len(data), 4096)])
	if bytes.Contains(lower, []byte("<!doctype html")) || bytes.Contains(lower, []byte("<html")) {
		return 0, errors.New("a web page and not an SBOM: the download failed, or needs a login")
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		t, err := d.Token()
		if err != nil {
			if strings.Contains(err.Error(), "CharsetReader") {
				return 0, strictjson.At(data, 0, "the document is not UTF-8: convert it (iconv -t UTF-8) and change the encoding in its first line")
			}
			return 0, strictjson.At(data, d.InputOffset(), "neither XML nor a known SBOM format: %s", draft.Clean(err.Error()))
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		switch {
		case start.Name.Local == "bom" && strings.Contains(start.Name.Space, "cyclonedx.org"):
			return isCycloneDXML, nil
		case start.Name.Local == "RDF":
			return 0, errors.New("SPDX in RDF/XML, which is not supported: convert it to JSON with the SPDX tools (java -jar tools-java.jar Convert in.rdf out.json)")
		case start.Name.Local == "Document" && bytes.Contains(lower, []byte("spdx")):
			return 0, errors.New("SPDX in XML, which is not supported: convert it to JSON with the SPDX tools (java -jar tools-java.jar Convert in.xml out.json)")
		case start.Name.Local == "SoftwareIdentity":
			return 0, errors.New("a SWID tag, which is not supported: it describes one product, not what is installed")
		case start.Name.Local == "project":
			return 0, errors.New("a pom.xml and not an SBOM: it declares packages and lists none that are installed")
		}
		return 0, fmt.Errorf("XML with the first element <%s>, not an SBOM", draft.Clean(start.Name.Local))
	}
}

// headLines is the number of lines in which the first tag of a tag-value document
// is looked for: licence texts in comments have some 50.
const headLines = 500

func recogniseText(data []byte) (kind, error) {
	n := 0
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if n++; n > headLines {
			break
		}
		switch {
		case len(line) == 0 || line[0] == '#':
			continue
		case bytes.HasPrefix(line, []byte("SPDXVersion:")):
			return isTagValue, nil
		case bytes.HasPrefix(line, []byte("spdxVersion:")), bytes.HasPrefix(line, []byte("SPDXID:")):
			return yamlOrTags(data)
		case bytes.HasPrefix(line, []byte("@prefix")), bytes.HasPrefix(line, []byte("<http")):
			return 0, errors.New("RDF as Turtle or N-Triples, which is not supported: convert it to JSON with the SPDX tools")
		case bytes.HasPrefix(line, []byte("bomFormat:")):
			return 0, errors.New("CycloneDX in YAML, which the standard does not define: write JSON or XML")
		}
	}
	if bytes.Contains(data[:min(len(data), 64<<10)], []byte("\nSPDXVersion:")) {
		return isTagValue, nil
	}
	if bytes.Contains(data[:min(len(data), 64<<10)], []byte("\nspdxVersion:")) {
		return yamlOrTags(data)
	}
	return 0, errors.New("text of no known SBOM format (known: " + strings.Join(Formats(), "; ") + ")")
}

// yamlOrTags distinguishes the YAML form of SPDX from a tag-value document that
// does not begin with its version.
func yamlOrTags(data []byte) (kind, error) {
	if bytes.HasPrefix(data, []byte("SPDXVersion:")) || bytes.Contains(data, []byte("\nSPDXVersion:")) {
		return isTagValue, nil
	}
	return 0, errors.New("SPDX in YAML, which is not supported: convert it to JSON (yq -o json . FILE)")
}
