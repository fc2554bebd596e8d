package cyclonedx

import (
	"encoding/json"
	"encoding/xml"
)

// bom has the parts of CycloneDX that are read, in JSON and in XML; the package
// comment has the reasons for not using the library's structs.
type bom struct {
	XMLName xml.Name `json:"-" xml:"bom"`

	Format       string       `json:"bomFormat" xml:"-"`
	SpecVersion  string       `json:"specVersion" xml:"-"`
	Metadata     *metadata    `json:"metadata" xml:"metadata"`
	Components   []component  `json:"components" xml:"components>component"`
	Services     []service    `json:"services" xml:"services>service"`
	Dependencies []dependency `json:"dependencies" xml:"dependencies>dependency"`
	Compositions []composed   `json:"compositions" xml:"compositions>composition"`
	Formulation  []formula    `json:"formulation" xml:"formulation>formula"`
}

type metadata struct {
	Timestamp  string      `json:"timestamp" xml:"timestamp"`
	Lifecycles []lifecycle `json:"lifecycles" xml:"lifecycles>lifecycle"`
	Tools      *tools      `json:"tools" xml:"tools"`
	Component  *component  `json:"component" xml:"component"`
	Properties []prop      `json:"properties" xml:"properties>property"`
}

type lifecycle struct {
	Phase string `json:"phase" xml:"phase"`
}

type component struct {
	Type        string      `json:"type" xml:"type,attr"`
	Ref         string      `json:"bom-ref" xml:"bom-ref,attr"`
	Group       string      `json:"group" xml:"group"`
	Name        string      `json:"name" xml:"name"`
	Version     string      `json:"version" xml:"version"`
	Description string      `json:"description" xml:"description"`
	Scope       string      `json:"scope" xml:"scope"`
	PURL        string      `json:"purl" xml:"purl"`
	Hashes      []hash      `json:"hashes" xml:"hashes>hash"`
	References  []reference `json:"externalReferences" xml:"externalReferences>reference"`
	Properties  []prop      `json:"properties" xml:"properties>property"`
	Evidence    *evidence   `json:"evidence" xml:"evidence"`
	Components  []component `json:"components" xml:"components>component"`
}

type hash struct {
	Algorithm string `json:"alg" xml:"alg,attr"`
	Content   string `json:"content" xml:",chardata"`
}

type reference struct {
	Type string `json:"type" xml:"type,attr"`
	URL  string `json:"url" xml:"url"`
}

type prop struct {
	Name  string `json:"name" xml:"name,attr"`
	Value string `json:"value" xml:",chardata"`
}

type evidence struct {
	Occurrences []occurrence `json:"occurrences" xml:"occurrences>occurrence"`
}

type occurrence struct {
	Location string `json:"location" xml:"location"`
}

type service struct {
	Ref      string    `json:"bom-ref" xml:"bom-ref,attr"`
	Group    string    `json:"group" xml:"group"`
	Name     string    `json:"name" xml:"name"`
	Version  string    `json:"version" xml:"version"`
	Services []service `json:"services" xml:"services>service"`
}

type dependency struct {
	Ref       string   `json:"ref" xml:"ref,attr"`
	DependsOn []string `json:"dependsOn" xml:"-"`
	Nested    []refTo  `json:"-" xml:"dependency"` // the form in XML
}

type composed struct {
	Aggregate string `json:"aggregate" xml:"aggregate"`
}

type formula struct {
	Components []component `json:"components" xml:"components>component"`
}

type refTo struct {
	Ref string `xml:"ref,attr"`
}

// tools are the programs that made the document: a list up to 1.4, components in
// later versions.
type tools struct {
	List       []tool      `json:"-" xml:"tool"`
	Components []component `json:"components" xml:"components>component"`
}

type tool struct {
	Name    string `json:"name" xml:"name"`
	Version string `json:"version" xml:"version"`
}

func (t *tools) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &t.List); err == nil {
		return nil
	}
	type plain tools
	return json.Unmarshal(data, (*plain)(t))
}
