// Package sbomread reads third-party SBOMs: SPDX, CycloneDX and syft JSON, plain
// or in an attestation.
//
// # Formats
//
// The content decides the format, never the name of the file. A document of no
// known format is refused with an error that names what it is, where that can
// be seen: a manifest, a scanner's report, a web page that was saved in place
// of a download.
//
// # Counting
//
// The counting rules are applied as far as a document allows. Each thing that
// it cannot show is a named limitation, so that the count of a document is
// never mistaken for the count of an environment. Package sbom/internal/draft
// has the rules; sbom/spdx, sbom/cyclonedx and this package translate the terms
// of each format. A document that depaudit wrote becomes the document that was
// encoded, and has no limitations of its own.
//
// # Trust
//
// A document is a claim of its author. The signatures of an envelope are not
// verified, which is a notice: verify them first, with the tool that has the
// keys. Two things are checked: that every reader of the document reads the
// same (package sbom/strictjson), and that the names and versions that people
// read are those that programs compare.
//
// # Limits
//
// A document is read whole, up to [MaxBytes], uncompressed. At that size
// reading took at most 1.4 GiB of memory, for a document of depaudit's own,
// which is encoded again to compare it, and less than 1 GiB for every other
// document in memory_test.go.
package sbomread

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/cyclonedx"
	"github.com/depaudit/depaudit/sbom/spdx"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// MaxBytes is the size of the largest document that is read. An image with every
// file listed makes some 100 MB; a document must fit several times into the
// 2 GiB of a scanning process.
const MaxBytes = 128 << 20

// Formats returns the known formats, for help texts.
func Formats() []string {
	return []string{
		"SPDX 2.2 and 2.3: JSON, tag-value",
		"SPDX 3.0: JSON-LD",
		"CycloneDX 1.2 to 1.7: JSON, XML",
		"syft JSON",
		"in-toto statements and DSSE envelopes of one of these",
	}
}

// Read reads one document of any known format. name is for messages and for the
// reference of the environment, whose kind is "sbom".
//
// An error has the place in the document, the fault and a hint. A fault of a
// single entry that leaves the rest readable is a gap of the document.
func Read(ctx context.Context, r io.Reader, name string) (*sbom.Document, error) {
	return read(ctx, r, name, MaxBytes)
}

func read(ctx context.Context, r io.Reader, name string, limit int64) (*sbom.Document, error) {
	sum := sha256.New()
	data, err := load(io.TeeReader(r, sum), limit)
	if err == nil {
		var d *sbom.Document
		if d, err = (&reader{name: name}).read(ctx, data, 0); err == nil {
			d.Environment.Ref, d.Environment.Digest = name, "sha256:"+hex.EncodeToString(sum.Sum(nil))
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

// detail is an error without its place, which the caller writes.
type detail struct{ at *strictjson.Error }

func (d detail) Error() string { return d.at.Detail }
func (d detail) Unwrap() error { return d.at }

// reader reads a document through its wrapping.
type reader struct {
	name    string
	notices []sbom.Notice
	gaps    []sbom.Gap
}

// maxWrapping is the depth of wrapping: a bundle has an envelope, the envelope a
// statement, the statement cosign's own record, the record the document.
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

// decode reads a document of a recognised kind.
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
