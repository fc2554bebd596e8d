package draft

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// Format has the parts of an exchange format that [Read] puts together. T is
// the parsed document.
type Format[T any] struct {
	Parse func(ctx context.Context, data []byte) (*T, error)
	// Ours reports whether the document claims that depaudit wrote it. It is
	// nil for a form that depaudit does not write.
	Ours func(*T) bool
	// Decode is the inverse of Encode.
	Decode func(*T) (*sbom.Document, sbom.Meta, error)
	Encode func(io.Writer, *sbom.Document, sbom.Meta) error
	// Draft reads a third-party document.
	Draft func(*T) *Draft
}

// errChanged is the reason for reading a document of depaudit's as a
// third-party document.
var errChanged = errors.New("its fields and its facts differ")

// Read reads a document of any origin. A document that depaudit wrote becomes
// the document that was encoded. If it was changed since, it is read as a
// third-party document, and that is a gap.
func Read[T any](ctx context.Context, data []byte, f Format[T]) (*sbom.Document, error) {
	parsed, err := f.Parse(ctx, data)
	if err != nil {
		return nil, err
	}
	changed := ""
	if f.Ours != nil && f.Ours(parsed) {
		doc, err := unchanged(data, parsed, f)
		if err == nil {
			return doc, nil
		}
		changed = Clean(err.Error())
		// Parsing again lets the collector free the first result while the
		// documents are compared.
		if parsed, err = f.Parse(ctx, data); err != nil {
			return nil, err
		}
	}
	d := f.Draft(parsed)
	if changed != "" {
		d.Fault(sbom.GapMalformed, "the document claims to be written by depaudit, and was changed since", changed)
	}
	return d.Document(ctx)
}

// unchanged returns the document that was encoded, if data is what Encode
// writes for it. Layout has no effect: a program may have indented the
// document, or sorted its keys. The comparison checks the facts of depaudit against the fields
// that every other reader uses, and finds what another tool has added. It does
// not show who wrote the document; only a signature could.
func unchanged[T any](data []byte, parsed *T, f Format[T]) (*sbom.Document, error) {
	d, m, err := f.Decode(parsed)
	if err != nil {
		return nil, err
	}
	var again bytes.Buffer
	if err := f.Encode(&again, d, m); err != nil {
		return nil, err
	}
	if !strictjson.Same(data, again.Bytes()) {
		return nil, errChanged
	}
	d.Environment.Kind = "sbom"
	return d, nil
}
