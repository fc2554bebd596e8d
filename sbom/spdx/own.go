package spdx

import (
	"bytes"
	"errors"
	"slices"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// errChanged says that a document of ours is not what we wrote.
var errChanged = errors.New("it is not what depaudit writes for what it says")

// claimsOurs says whether the document says that depaudit wrote it.
func claimsOurs(doc *document) bool {
	return slices.ContainsFunc(doc.Annotations, func(a annotation) bool {
		return slices.ContainsFunc(facts(a), func(f sbom.Fact) bool { return f.Key == "environment" })
	})
}

// unchanged is the document that was encoded, if data is what [Encode] makes
// of it. Layout does not matter: a program may have indented it anew. That
// holds what the facts say against what the fields say that everybody else
// reads, and finds what another tool has added. It does not show who wrote
// it; only a signature could.
func unchanged(data []byte, doc *document) (*sbom.Document, error) {
	d, m, err := decode(doc)
	if err != nil {
		return nil, err
	}
	var again bytes.Buffer
	if err := Encode(&again, d, m); err != nil {
		return nil, err
	}
	if !strictjson.SameTokens(data, again.Bytes()) {
		return nil, errChanged
	}
	d.Environment.Kind = "sbom"
	return d, nil
}
