// Package sbomread reads SBOMs that somebody else made: SPDX, CycloneDX and
// syft's own form, as they are or within an attestation.
//
// # What a document is, it says itself
//
// Formats are told apart by what stands in them and never by the name of a
// file. What is none of them is refused by the name of what it is, where that
// can be seen: a manifest, a scanner's report, a web page that was saved in
// the place of a download.
//
// # Counting
//
// The counting rules are applied as far as a document allows; what it cannot
// show is a named limitation, so that a count of a document is never taken
// for a count of an environment. Package sbom/internal/draft has the rules;
// sbom/spdx, sbom/cyclonedx and this package say what the words of each format
// mean. A document that depaudit wrote is read back as what was written, and
// has no limitations of its own.
//
// # Trust
//
// A document is the word of whoever made it. Signatures of an envelope are
// not verified, which is a notice: who needs that verifies it first, with the
// tool that knows the keys. What is checked is that the document means the
// same to us as to everybody else who reads it (package sbom/strictjson),
// and that what people read in it, names and versions, is what programs
// compare.
//
// # Limits
//
// A document is read whole, up to [MaxBytes], uncompressed. At that size
// reading took at most 1.4 GiB of memory, for one of depaudit's own, which is
// written anew to compare, and less
// than 1 GiB for everything else that we could think of (memory_test.go).
package sbomread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/cyclonedx"
	"github.com/depaudit/depaudit/sbom/spdx"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// MaxBytes is the largest document that is read. Images with every file
// listed make some 100 MB; what is read must fit several times into the 2 GiB
// that a scanning process has.
const MaxBytes = 128 << 20

// Formats lists what is known, for help texts.
func Formats() []string {
	return []string{
		"SPDX 2.2 and 2.3: JSON, tag-value",
		"SPDX 3.0: JSON-LD",
		"CycloneDX 1.2 to 1.7: JSON, XML",
		"syft JSON",
		"in-toto statements and DSSE envelopes of one of these",
	}
}

// Read reads one document of any known format; name is for messages, and for
// the reference of the environment. Kind is "sbom" whatever the document
// says of itself.
//
// An error says where in the document, what, and what to do. What is wrong
// with single entries, but leaves the rest readable, is a gap of the
// document.
func Read(ctx context.Context, r io.Reader, name string) (*sbom.Document, error) {
	return read(ctx, r, name, MaxBytes)
}

func read(ctx context.Context, r io.Reader, name string, limit int64) (*sbom.Document, error) {
	data, err := load(r, limit)
	if err == nil {
		var d *sbom.Document
		if d, err = (&reader{name: name}).read(ctx, data, 0); err == nil {
			d.Environment.Ref = name
			return d, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var at *strictjson.Error
	if errors.As(err, &at) && err == error(at) {
		return nil, fmt.Errorf("%s:%d:%d: %w", name, at.Line, at.Column, detail{at})
	}
	return nil, fmt.Errorf("%s: %w", name, err)
}

// detail is an error without the place that is written before it.
type detail struct{ at *strictjson.Error }

func (d detail) Error() string { return d.at.Detail }
func (d detail) Unwrap() error { return d.at }

// reader reads a document and what it may be wrapped in.
type reader struct {
	name    string
	notices []sbom.Notice
	gaps    []sbom.Gap
}

// maxWrapping is how often a document may be wrapped: a bundle has an
// envelope, that a statement, that cosign's own record, that the document.
const maxWrapping = 6

func (r *reader) read(ctx context.Context, data []byte, depth int) (*sbom.Document, error) {
	if depth > maxWrapping {
		return nil, fmt.Errorf("wrapped more than %d times (limit)", maxWrapping)
	}
	kind, top, err := recognise(ctx, data)
	if err != nil {
		return nil, err
	}
	return r.decode(ctx, kind, top, data, depth)
}

// decode reads a document that has been recognised.
func (r *reader) decode(ctx context.Context, kind kind, top map[string]json.RawMessage, data []byte, depth int) (*sbom.Document, error) {
	var d *sbom.Document
	var err error
	switch kind {
	case isSPDX:
		d, err = spdx.Read(ctx, data, spdx.JSON, r.name)
	case isSPDX3:
		d, err = spdx.Read(ctx, data, spdx.Graph, r.name)
	case isTagValue:
		d, err = spdx.Read(ctx, data, spdx.TagValue, r.name)
	case isCycloneDX:
		d, err = cyclonedx.Read(ctx, data, cyclonedx.JSON, r.name)
	case isCycloneDXML:
		d, err = cyclonedx.Read(ctx, data, cyclonedx.XML, r.name)
	case isSyft:
		d, err = readSyft(ctx, data, r.name)
	default:
		return r.unwrap(ctx, kind, top, depth)
	}
	if err != nil || len(r.notices)+len(r.gaps) == 0 {
		return d, err
	}
	d.Notices = append(d.Notices, r.notices...)
	d.Gaps = append(d.Gaps, r.gaps...)
	return sbom.Restore(*d)
}
