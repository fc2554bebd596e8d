package attach

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// bundleType is the type of a signature with what it takes to check it, by which
// cosign and the policy controllers of clusters find attestations
// (https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md).
const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// The annotations of an attestation, by which it is listed without being read.
const (
	annotationContent   = "dev.sigstore.bundle.content"
	annotationPredicate = "dev.sigstore.bundle.predicateType"
)

// ErrOtherImage is the error for statements that are not about the image.
var ErrOtherImage = errors.New("the statements of the release are not about this image")

// ErrUnsigned is the error for a release whose statements have no signature.
var ErrUnsigned = errors.New("the statements of the release are not signed")

// attachment is the manifest of an artifact that is attached, with its one file if it is
// an attestation.
type attachment struct {
	manifest
	raw, content []byte
}

// entry is the attachment in a list.
func (a *attachment) entry() descriptor {
	d := describe(a.MediaType, a.raw)
	d.ArtifactType, d.Annotations = a.ArtifactType, a.Annotations
	return d
}

// attestations returns each signed statement of a release, which is checked already, as
// an attestation of the image. Programs without a reader for releases check them: the
// envelope is that of the release. The same statements have the same manifests.
func attestations(files map[string][]byte, image descriptor, date time.Time) ([]attachment, error) {
	var out []attachment
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if mediaTypeOf(file) != envelopeType {
			continue
		}
		content, predicate, err := attestation(files[file], image.Digest)
		if errors.Is(err, ErrOtherImage) {
			return nil, err
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		a := attachment{content: content, manifest: manifest{
			SchemaVersion: 2, MediaType: string(types.OCIManifestSchema1), ArtifactType: bundleType,
			Config: describe(emptyType, []byte(emptyConfig)), Layers: []descriptor{describe(bundleType, content)}, Subject: &image,
			Annotations: map[string]string{
				annotationCreated:   date.UTC().Format(time.RFC3339),
				annotationContent:   "dsse-envelope",
				annotationPredicate: predicate,
			},
		}}
		if a.raw, err = json.Marshal(a.manifest); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	if out == nil {
		return nil, ErrUnsigned
	}
	return out, nil
}

// attestation returns the bundle of an envelope, and the type of the predicate.
func attestation(envelope []byte, image string) ([]byte, string, error) {
	type signature struct {
		Sig []byte `json:"sig"`
		// KeyID is not in the bundle: sigstore has names of keys of its own, and refuses
		// others, though they are not signed. As a hint it is accepted.
		KeyID string `json:"keyid,omitempty"`
	}
	type key struct {
		Hint string `json:"hint"`
	}
	type material struct {
		PublicKey key `json:"publicKey"`
	}
	var b struct {
		MediaType string   `json:"mediaType"`
		Material  material `json:"verificationMaterial"`
		Envelope  struct {
			Payload     []byte      `json:"payload"`
			PayloadType string      `json:"payloadType"`
			Signatures  []signature `json:"signatures"`
		} `json:"dsseEnvelope"`
	}
	if err := json.Unmarshal(envelope, &b.Envelope); err != nil {
		return nil, "", err
	}
	type subject struct {
		Digest map[string]string `json:"digest"`
	}
	var s struct {
		Subject       []subject `json:"subject"`
		PredicateType string    `json:"predicateType"`
	}
	if err := json.Unmarshal(b.Envelope.Payload, &s); err != nil {
		return nil, "", err
	}
	algorithm, value, _ := strings.Cut(image, ":")
	if !slices.ContainsFunc(s.Subject, func(d subject) bool { return d.Digest[algorithm] == value }) {
		return nil, "", ErrOtherImage
	}
	b.MediaType = bundleType
	for i := range b.Envelope.Signatures { // one, as was checked
		b.Material.PublicKey.Hint, b.Envelope.Signatures[i].KeyID = b.Envelope.Signatures[i].KeyID, ""
	}
	out, err := json.Marshal(b)
	return out, s.PredicateType, err
}
