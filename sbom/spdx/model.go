package spdx

// document has the parts of SPDX 2.2 and 2.3 that are read; the package comment
// has the reasons for not using the library's structs. The tag-value form and
// version 3 are converted to this form too, so that one reader interprets it.
type document struct {
	SPDXVersion   string         `json:"spdxVersion"`
	SPDXID        string         `json:"SPDXID"`
	Name          string         `json:"name"`
	CreationInfo  *creation      `json:"creationInfo"`
	Describes     []string       `json:"documentDescribes"`
	External      []externalDoc  `json:"externalDocumentRefs"`
	Packages      []pkg          `json:"packages"`
	Files         []file         `json:"files"`
	Snippets      []snippet      `json:"snippets"`
	Relationships []relationship `json:"relationships"`
	Annotations   []annotation   `json:"annotations"`

	// others are the identifiers of all other elements, in version 3.
	others []string
}

type creation struct {
	Creators []string `json:"creators"`
	Created  string   `json:"created"`
}

type externalDoc struct {
	ID string `json:"externalDocumentId"`
}

type pkg struct {
	SPDXID       string        `json:"SPDXID"`
	Name         string        `json:"name"`
	Version      string        `json:"versionInfo"`
	Purpose      string        `json:"primaryPackagePurpose"`
	Download     string        `json:"downloadLocation"`
	SourceInfo   string        `json:"sourceInfo"`
	Summary      string        `json:"summary"`
	Checksums    []checksum    `json:"checksums"`
	External     []externalRef `json:"externalRefs"`
	Annotations  []annotation  `json:"annotations"`
	Attributions []string      `json:"attributionTexts"`
	HasFiles     []string      `json:"hasFiles"`

	// line is the line of the package in a tag-value document.
	line int
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type externalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type file struct {
	SPDXID string `json:"SPDXID"`
	Name   string `json:"fileName"`
}

type snippet struct {
	SPDXID string `json:"SPDXID"`
}

type relationship struct {
	From    string `json:"spdxElementId"`
	To      string `json:"relatedSpdxElement"`
	Type    string `json:"relationshipType"`
	Comment string `json:"comment"`
}

type annotation struct {
	Annotator string `json:"annotator"`
	Type      string `json:"annotationType"`
	Comment   string `json:"comment"`
}

// purl returns the first package URL of the package, and the others.
func (p *pkg) purl() (first string, more []string) {
	for _, r := range p.External {
		// The category should be PACKAGE-MANAGER, or PACKAGE_MANAGER in JSON;
		// some writers use another one.
		if r.Type != "purl" {
			continue
		}
		switch {
		case first == "":
			first = r.Locator
		case r.Locator != first:
			more = append(more, r.Locator)
		}
	}
	return first, more
}
