package cyclonedx

import (
	"bytes"
	"errors"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// claimsOurs says whether the document says that depaudit wrote it.
func claimsOurs(b *bom) bool {
	return b.Metadata != nil && b.Metadata.Component != nil && b.Metadata.Component.Ref == environmentRef
}

// errChanged says that a document of ours is not what we wrote.
var errChanged = errors.New("it is not what depaudit writes for what it says")

// unchanged is the document that was encoded, if data is what [Encode] makes
// of it. Layout does not matter: a program may have indented it anew. That
// holds what the properties say against what the fields say that everybody
// else reads, and finds what another tool has added. It does not show who
// wrote it; only a signature could.
func unchanged(data []byte, b *bom) (*sbom.Document, error) {
	d, m, err := decode(b)
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
