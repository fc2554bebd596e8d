package image

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The media type and the annotation of an attestation manifest
// (moby/buildkit, docs/attestations/attestation-storage.md).
const (
	mediaTypeInToto         = "application/vnd.in-toto+json"
	annotationPredicateType = "in-toto.io/predicate-type"
)

// The predicates that are SBOMs. BuildKit writes the first; other tools store
// the second, and versions of both, in the same way.
const (
	predicateSPDX      = "https://spdx.dev/Document"
	predicateCycloneDX = "https://cyclonedx.org/bom"
)

// Attestation is an SBOM that BuildKit attached to an image.
type Attestation struct {
	// Name is the build stage, "context" for the build's context, or "" for
	// the image's own. Names may be equal: a scanner may write several
	// documents for a stage.
	Name string
	// PredicateType is "https://spdx.dev/Document" for what BuildKit writes.
	PredicateType string
	// MediaType is "application/vnd.in-toto+json".
	MediaType string
	// Digest and Size are those of the statement.
	Digest string
	Size   int64
	// Open opens the statement: in-toto JSON, with the document as its
	// predicate. The read at its end fails if size or digest are not those of
	// the descriptor.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// Attestations returns the SBOMs of an image, in the order of the attestation
// manifest: BuildKit puts the image's own first. An image without one is an
// error. Statements are read and verified, because only the document in them
// contains the name of its stage.
func Attestations(ctx context.Context, loc Location, platform string) ([]Attestation, error) {
	return attestations(ctx, loc, platform, system())
}

func attestations(ctx context.Context, loc Location, platform string, out outside) ([]Attestation, error) {
	found, err := attestationsOf(ctx, loc, platform, out)
	if err != nil {
		return nil, explain(ctx, loc, err)
	}
	return found, nil
}

func attestationsOf(ctx context.Context, loc Location, platform string, out outside) ([]Attestation, error) {
	want, err := parsePlatform(platform)
	if err != nil {
		return nil, err
	}
	switch loc.Scheme {
	case schemeDocker, schemeDockerArchive:
		return nil, errors.New("attestations are kept in a registry and in OCI layouts: build with docker buildx build --sbom=true --output type=oci,dest=FILE and read oci-archive:FILE")
	}
	s, err := openStore(ctx, loc, out)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	image, manifests, err := attestationManifests(ctx, s, want)
	if err != nil {
		return nil, err
	}
	var found []Attestation
	var others []string
	for _, d := range manifests {
		some, rest, err := statements(ctx, s, d, image)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
		others = append(others, rest...)
	}
	switch {
	case len(found) > maxAttestations:
		return nil, fmt.Errorf("has more than %d SBOMs attached", maxAttestations)
	case len(found) == 0 && len(others) > 0:
		return nil, fmt.Errorf("no SBOM is attached to %s, only %s: build with docker buildx build --sbom=true", image, list(others))
	case len(found) == 0:
		return nil, fmt.Errorf("no SBOM is attached to %s: build with docker buildx build --sbom=true", image)
	}
	for i := range found {
		found[i].Open = openStatement(loc, out, found[i].Digest, found[i].Size)
	}
	return found, nil
}

// attestationManifests returns the image and the manifests attached to it.
func attestationManifests(ctx context.Context, s store, want request) (v1.Hash, []v1.Descriptor, error) {
	roots, err := s.roots(ctx)
	if err != nil {
		return v1.Hash{}, nil, err
	}
	found, err := chooseFrom(ctx, s, roots, want)
	if err != nil {
		return v1.Hash{}, nil, err
	}
	if found.alone {
		if err := checkAlone(ctx, s, found, want); err != nil {
			return v1.Hash{}, nil, err
		}
		// Attestations are next to the image in an index. Of a layout all
		// indexes are available, of a registry none.
		l, ok := s.(*layout)
		if !ok {
			return v1.Hash{}, nil, fmt.Errorf("%s is an image outside of an index, and attestations are in an index next to the image: name the tag, or the digest of the index", found.desc.Digest)
		}
		roots = l.index.Manifests
	}
	t, err := collect(ctx, s, roots)
	if err != nil {
		return v1.Hash{}, nil, err
	}
	var out []v1.Descriptor
	for _, d := range t.attestations {
		if d.Annotations[annotationRefDigest] == found.desc.Digest.String() {
			out = append(out, d)
		}
	}
	return found.desc.Digest, out, nil
}

// checkAlone checks an image outside of an index against a platform that the
// user requested.
func checkAlone(ctx context.Context, s store, found candidate, want request) error {
	if !want.named {
		return nil
	}
	m, err := readManifest(ctx, s, found.desc)
	if err != nil {
		return err
	}
	c, err := readConfig(ctx, s, m.Config)
	if err != nil {
		return err
	}
	_, err = decidePlatform(found, configPlatform(c), want)
	return err
}

// statements returns the SBOMs of one attestation manifest, and the predicates
// of its other statements.
func statements(ctx context.Context, s store, d v1.Descriptor, image v1.Hash) ([]Attestation, []string, error) {
	m, err := readManifest(ctx, s, d)
	if err != nil {
		return nil, nil, err
	}
	if m.Subject != nil && m.Subject.Digest != image {
		return nil, nil, fmt.Errorf("the attestation manifest %s is about %s, and the index says %s", d.Digest, m.Subject.Digest, image)
	}
	if len(m.Layers) > maxAttestations {
		return nil, nil, fmt.Errorf("the attestation manifest %s has %d statements, and more than %d are not read", d.Digest, len(m.Layers), maxAttestations)
	}
	var found []Attestation
	var others []string
	for _, l := range m.Layers {
		said := l.Annotations[annotationPredicateType]
		if string(l.MediaType) != mediaTypeInToto || said != "" && !isSBOM(said) {
			if said == "" {
				said = string(l.MediaType)
			}
			others = append(others, said)
			continue
		}
		data, err := read(ctx, l, maxStatement, "attestation", s.blob)
		if err != nil {
			return nil, nil, err
		}
		st, err := parseStatement(data)
		if err != nil {
			return nil, nil, fmt.Errorf("attestation %s %w", l.Digest, err)
		}
		switch {
		case said != "" && said != st.predicateType:
			return nil, nil, fmt.Errorf("attestation %s has the predicate type %s, and its descriptor has %s", l.Digest, quote(st.predicateType), quote(said))
		case !isSBOM(st.predicateType):
			others = append(others, st.predicateType)
			continue
		}
		found = append(found, Attestation{
			Name:          st.name,
			PredicateType: st.predicateType,
			MediaType:     string(l.MediaType),
			Digest:        l.Digest.String(),
			Size:          l.Size,
		})
	}
	nameTargets(found)
	return found, others, nil
}

func isSBOM(predicate string) bool {
	for _, known := range []string{predicateSPDX, predicateCycloneDX} {
		if predicate == known || strings.HasPrefix(predicate, known+"/") {
			return true
		}
	}
	return false
}

// statement are the relevant parts of an in-toto statement
// (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md).
type statement struct {
	predicateType string
	name          string // of the document in it
}

func parseStatement(data []byte) (statement, error) {
	fields, err := object(data)
	if err != nil {
		return statement{}, err
	}
	var kind string
	var st statement
	if err := text(fields, "_type", &kind); err != nil {
		return statement{}, err
	}
	if !strings.HasPrefix(kind, "https://in-toto.io/Statement/") {
		return statement{}, fmt.Errorf("is not an in-toto statement: its type is %s", quote(kind))
	}
	if err := text(fields, "predicateType", &st.predicateType); err != nil {
		return statement{}, err
	}
	if strings.HasPrefix(st.predicateType, predicateSPDX) {
		document, err := object(fields["predicate"])
		if err != nil {
			return statement{}, fmt.Errorf("has a predicate that %w", err)
		}
		if err := text(document, "name", &st.name); err != nil {
			return statement{}, err
		}
		if len(st.name) > maxText {
			return statement{}, fmt.Errorf("has a document with a name of %d bytes", len(st.name))
		}
	}
	return st, nil
}

// object splits a JSON object into its fields without parsing them: a document
// has up to 40 MiB.
func object(data []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		if err == nil {
			err = errors.New("something other than an object")
		}
		return nil, broken(d, err)
	}
	fields := map[string]json.RawMessage{}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, broken(d, err)
		}
		key, ok := t.(string)
		if !ok {
			return nil, broken(d, errors.New("a key that is not a string"))
		}
		if seen[fold(key)] {
			return nil, fmt.Errorf("has the key %s twice in one object: it is ambiguous", quote(key))
		}
		seen[fold(key)] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, broken(d, err)
		}
		fields[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, broken(d, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("has text after the end of the JSON document, at byte %d", d.InputOffset())
	}
	return fields, nil
}

// text decodes a field that must be a string; a missing one is empty.
func text(fields map[string]json.RawMessage, key string, into *string) error {
	value, ok := fields[key]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("has a %q that is not a string", key)
	}
	return nil
}

// nameTargets derives names of stages from the names of documents.
//
// BuildKit mounts the root file system of the build's result at
// /run/src/core/sbom, those of stages at /run/src/extras/sbom-STAGE, and that of
// the build's context at /run/src/extras/sbom-context
// (frontend/attestations/sbom/sbom.go: CoreSBOMName, ExtraSBOMPrefix). The
// scanner names its file after the directory, and that name is lost when the
// file becomes a blob. The default scanner gives the document the same name
// (docker/buildkit-syft-scanner, internal/target.go: source.Alias), and its
// older versions give it the whole path. The name of another scanner is kept.
func nameTargets(found []Attestation) {
	for i := range found {
		base := path.Base(found[i].Name)
		stage, isExtra := strings.CutPrefix(base, "sbom-")
		switch {
		case isExtra && stage != "":
			found[i].Name = stage
		case base == "sbom", found[i].Name == "/run/src/core":
			found[i].Name = ""
		case len(found) == 1:
			// Its name is not that of a stage, and no other document could be
			// the image's own.
			found[i].Name = ""
		}
	}
}

// openStatement returns a function that opens a statement again. Finding and
// reading attestations are two calls, and nothing stays open between them.
func openStatement(loc Location, out outside, digest string, size int64) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		body, err := reopen(ctx, loc, out, digest, size)
		if err != nil {
			return nil, explain(ctx, loc, fmt.Errorf("attestation %s: %w", digest, err))
		}
		return body, nil
	}
}

func reopen(ctx context.Context, loc Location, out outside, digest string, size int64) (io.ReadCloser, error) {
	id, err := v1.NewHash(digest)
	if err != nil {
		return nil, err
	}
	h, err := v1.Hasher(id.Algorithm)
	if err != nil {
		return nil, err
	}
	s, err := openStore(ctx, loc, out)
	if err != nil {
		return nil, err
	}
	body, err := s.blob(ctx, v1.Descriptor{Digest: id, Size: size, MediaType: mediaTypeInToto})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &verified{exactReader{body: body, size: size}, h, id, s}, nil
}

// verified is a blob that ends in an error if it has another digest.
type verified struct {
	exactReader
	hash  hash.Hash
	want  v1.Hash
	store store
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.exactReader.Read(p)
	v.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(v.hash.Sum(nil)) != v.want.Hex {
		err = fmt.Errorf("%s is damaged or was replaced", v.want)
	}
	return n, err
}

func (v *verified) Close() error {
	return errors.Join(v.exactReader.Close(), v.store.Close())
}
