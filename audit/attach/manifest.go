package attach

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/sbom/registry"
	"github.com/depaudit/depaudit/sbom/strictjson"
	"github.com/depaudit/depaudit/sbom/wording"
)

// The annotations of a release. Those that begin with org.opencontainers are
// pre-defined
// (https://github.com/opencontainers/image-spec/blob/main/annotations.md).
const (
	annotationTitle   = "org.opencontainers.image.title"
	annotationCreated = "org.opencontainers.image.created"
	annotationVerdict = "io.github.depaudit.verdict"
	annotationTool    = "io.github.depaudit.tool"
)

// emptyType and emptyConfig are the configuration of an artifact that has none
// (https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidance-for-an-empty-descriptor).
const (
	emptyType   = "application/vnd.oci.empty.v1+json"
	emptyConfig = "{}"
)

// descriptor names a content
// (https://github.com/opencontainers/image-spec/blob/main/descriptor.md).
type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// manifest is that of an artifact.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Subject       *descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func describe(mediaType string, data []byte) descriptor {
	return descriptor{MediaType: mediaType, Digest: digestOf(data), Size: int64(len(data))}
}

// mediaTypes are those of the files by the end of their names.
// Registrations: https://www.iana.org/assignments/media-types, and for statements
// and envelopes https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md
// and https://github.com/secure-systems-lab/dsse/blob/master/envelope.md.
var mediaTypes = []struct{ suffix, mediaType string }{
	{".intoto.json", "application/vnd.in-toto+json"},
	{".dsse.json", envelopeType},
	{".cdx.json", "application/vnd.cyclonedx+json"},
	{".spdx.json", "application/spdx+json"},
	{".json", "application/json"},
	{".html", "text/html"},
	{".md", "text/markdown"},
}

// envelopeType is that of a signed statement.
const envelopeType = "application/vnd.dsse.envelope.v1+json"

func mediaTypeOf(file string) string {
	for _, t := range mediaTypes {
		if strings.HasSuffix(file, t.suffix) {
			return t.mediaType
		}
	}
	return "text/plain"
}

// release returns the manifest of a release.
func release(files map[string][]byte, subject *descriptor, about *bundle.Result) (manifest, []byte, error) {
	m := manifest{
		SchemaVersion: 2, MediaType: string(types.OCIManifestSchema1), ArtifactType: ArtifactType,
		Config: describe(emptyType, []byte(emptyConfig)), Subject: subject,
		Annotations: map[string]string{
			annotationCreated: about.Manifest.Date.UTC().Format(time.RFC3339),
			annotationVerdict: string(about.Report.Verdict),
			annotationTool:    about.Manifest.Tool,
		},
	}
	total := 0
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if !fileForm.MatchString(file) {
			return m, nil, fmt.Errorf("%s is no name of a file in a release", wording.Quote(file))
		}
		total += len(files[file])
		d := describe(mediaTypeOf(file), files[file])
		d.Annotations = map[string]string{annotationTitle: file}
		m.Layers = append(m.Layers, d)
	}
	if len(files) > maxFiles || total > maxFile {
		return m, nil, fmt.Errorf("%s of %d bytes are more than a release in a registry may have (%d, %d bytes)", wording.Count(len(files), "file", "files"), total, maxFiles, maxFile)
	}
	data, err := json.Marshal(m)
	if err == nil && len(data) > registry.MaxManifest {
		err = fmt.Errorf("the manifest would have %d bytes, and registries refuse more than %d", len(data), registry.MaxManifest)
	}
	return m, data, err
}

// parseRelease parses a manifest. It returns false for one that is no release.
func parseRelease(ctx context.Context, data []byte) (manifest, bool, error) {
	var kind struct {
		ArtifactType string `json:"artifactType"`
	}
	if err := json.Unmarshal(data, &kind); err != nil || kind.ArtifactType != ArtifactType {
		return manifest{}, false, nil
	}
	var m manifest
	if err := strictjson.Unmarshal(ctx, data, &m); err != nil {
		return m, true, fmt.Errorf("its manifest: %w", err)
	}
	return m, true, m.check()
}

// check returns an error for a manifest that is not of a release.
func (m *manifest) check() error {
	seen, total := map[string]bool{}, int64(0)
	for _, d := range m.Layers {
		file := d.Annotations[annotationTitle]
		switch {
		case !fileForm.MatchString(file):
			return fmt.Errorf("a file has the name %s, which is none of a release", wording.Quote(file))
		case seen[file]:
			return fmt.Errorf("two files have the name %s", wording.Quote(file))
		case !digestForm.MatchString(d.Digest):
			return fmt.Errorf("%s has no digest that can be checked: %s", file, wording.Quote(d.Digest))
		case d.Size < 0 || d.Size > maxFile || total+d.Size > maxFile:
			return fmt.Errorf("%s has %d bytes: a release has %d at most", file, d.Size, maxFile)
		}
		seen[file] = true
		total += d.Size
	}
	if len(m.Layers) > maxFiles {
		return fmt.Errorf("%d files: a release has %d at most", len(m.Layers), maxFiles)
	}
	for _, file := range []string{bundle.ManifestFile, bundle.ReportFile, bundle.SumsFile} {
		if !seen[file] {
			return fmt.Errorf("it has no %s", file)
		}
	}
	if _, err := m.date(); err != nil {
		return err
	}
	return nil
}

func (m *manifest) date() (time.Time, error) {
	date, err := time.Parse(time.RFC3339, m.Annotations[annotationCreated])
	if err != nil {
		return date, errors.New("it has no date in " + annotationCreated)
	}
	return date.UTC(), nil
}
