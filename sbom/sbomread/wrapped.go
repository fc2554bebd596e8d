package sbomread

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/draft"
	"github.com/depaudit/depaudit/sbom/strictjson"
	"github.com/depaudit/depaudit/sbom/wording"
)

// unwrap reads a document that another one contains.
func (r *reader) unwrap(ctx context.Context, k kind, top map[string]json.RawMessage, depth int) (*sbom.Document, error) {
	switch k {
	case isStatement:
		return r.statement(ctx, top, depth)
	case isEnvelope:
		return r.envelope(ctx, top, depth)
	case isBundle:
		return r.inner(ctx, "dsseEnvelope", top["dsseEnvelope"], depth)
	case isWrapped:
		return r.inner(ctx, "sbom", top["sbom"], depth)
	}
	inner, err := unquote(top[""])
	if err != nil {
		return nil, err
	}
	return r.inner(ctx, "the string", inner, depth)
}

// inner reads the wrapped document. what names it in errors, whose places are
// counted from its beginning.
func (r *reader) inner(ctx context.Context, what string, data []byte, depth int) (*sbom.Document, error) {
	d, err := r.read(ctx, bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), depth+1)
	if err != nil {
		return nil, fmt.Errorf("in %s: %w", what, err)
	}
	return d, nil
}

// envelope reads a DSSE envelope
// (https://github.com/secure-systems-lab/dsse/blob/master/envelope.md).
func (r *reader) envelope(ctx context.Context, top map[string]json.RawMessage, depth int) (*sbom.Document, error) {
	if t := text(top["payloadType"]); t != "application/vnd.in-toto+json" {
		return nil, fmt.Errorf("an envelope of the unknown payload type %s (application/vnd.in-toto+json is known)", draft.Quote(t))
	}
	var encoded string
	if err := json.Unmarshal(top["payload"], &encoded); err != nil {
		return nil, errors.New("\"payload\" of the envelope is not a string")
	}
	payload, err := decode64(encoded)
	if err != nil {
		return nil, fmt.Errorf("\"payload\" of the envelope is not base64: %w", err)
	}
	var signatures []json.RawMessage
	_ = json.Unmarshal(top["signatures"], &signatures) // anything but a list has no signatures
	r.notices = append(r.notices, sbom.Notice{
		Kind:   sbom.NoticeUnverified,
		Detail: fmt.Sprintf("the envelope has %s, not verified (verify it with the tool that signed it before relying on its author)", wording.Count(len(signatures), "signature", "signatures")),
	})
	return r.inner(ctx, "the payload", payload, depth)
}

// decode64 accepts both alphabets, as the specification of DSSE requires.
func decode64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "-_") {
		s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	}
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

// statement reads an in-toto statement
// (https://github.com/in-toto/attestation/tree/main/spec).
func (r *reader) statement(ctx context.Context, top map[string]json.RawMessage, depth int) (*sbom.Document, error) {
	predicate := text(top["predicateType"])
	inner, ok := top["predicate"]
	if !ok || bytes.Equal(bytes.TrimSpace(inner), []byte("null")) {
		return nil, fmt.Errorf("a statement of predicate type %s without a predicate", draft.Quote(predicate))
	}
	want := predicates(predicate)
	if want == "" {
		return nil, fmt.Errorf("a statement of the unknown predicate type %s (https://spdx.dev/Document, https://cyclonedx.org/bom and https://syft.dev/bom are known)", draft.Quote(predicate))
	}
	inner = bytes.TrimSpace(inner)
	k, members, err := recognise(ctx, inner)
	if data, ok := members["Data"]; err != nil && ok {
		// cosign's record around a predicate that it does not know.
		inner = bytes.TrimSpace(data)
		k, members, err = recognise(ctx, inner)
	}
	if err == nil && k == isText {
		// A document as a string, as cosign writes tag-value.
		if inner, err = unquote(inner); err == nil {
			k, members, err = recognise(ctx, inner)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("in the predicate: %w", err)
	}
	if format(k) != want && want != "any" {
		r.gaps = append(r.gaps, sbom.Gap{
			Kind:   sbom.GapMalformed,
			Detail: fmt.Sprintf("the statement announces %s (%s) and contains %s", want, draft.Quote(predicate), format(k)),
		})
	}
	r.notices = append(r.notices, sbom.Notice{Kind: sbom.NoticeUnverified, Detail: "the statement is about " + subjects(top["subject"]) + ", which was not compared with anything"})
	d, err := r.decode(ctx, k, members, inner, depth+1)
	if err != nil {
		return nil, fmt.Errorf("in the predicate: %w", err)
	}
	return d, nil
}

func unquote(raw []byte) ([]byte, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, strictjson.At(raw, 0, "text of no known SBOM format")
	}
	return []byte(s), nil
}

// predicates returns the format of a predicate type, "any" for cosign's own type
// and "" for a type that is not of an SBOM. Some writers add a version.
func predicates(t string) string {
	t = strings.TrimPrefix(strings.TrimPrefix(t, "https://"), "http://")
	for _, p := range []struct{ prefix, format string }{
		{"spdx.dev/Document", "SPDX"},
		{"cyclonedx.org/bom", "CycloneDX"},
		{"cyclonedx.org/schema", "CycloneDX"},
		{"cyclonedx.org/BOM", "CycloneDX"},
		{"syft.dev/bom", "syft JSON"},
		{"anchore.com/syft", "syft JSON"},
		{"cosign.sigstore.dev/attestation", "any"},
		{"sigstore.dev/cosign/attestation", "any"},
	} {
		if rest, ok := strings.CutPrefix(t, p.prefix); ok && (rest == "" || rest[0] == '/') {
			return p.format
		}
	}
	return ""
}

func format(k kind) string {
	switch k {
	case isSPDX, isSPDX3, isTagValue:
		return "SPDX"
	case isCycloneDX, isCycloneDXML:
		return "CycloneDX"
	case isSyft:
		return "syft JSON"
	}
	return "something else"
}

// subjects returns the subjects of a statement, for messages.
func subjects(raw []byte) string {
	var list []struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	}
	if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 {
		return "nothing"
	}
	s := draft.Quote(list[0].Name)
	if d := list[0].Digest["sha256"]; d != "" {
		s += " sha256:" + draft.Clean(d)
	}
	if len(list) > 1 {
		s += fmt.Sprintf(" and %s more", wording.Count(len(list)-1, "subject", "subjects"))
	}
	return s
}
