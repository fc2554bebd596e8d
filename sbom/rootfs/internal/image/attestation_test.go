package image

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// attached is what BuildKit puts beside an image, assembled as its source
// does it at commit 73ed6825c4b7 (2026-08-21): one in-toto statement a
// document, wrapped by exporter/attestation/make.go, stored as a layer of a
// manifest by commitAttestationsManifest in exporter/containerimage/writer.go,
// with the image's digest in the annotations of its descriptor. Since
// 9a16a73a4 (2026-06-30) the manifest is an OCI artifact with a subject; before
// that it had a configuration like an image.
type attached struct {
	artifact bool
	// names are the names of the SPDX documents. The default scanner
	// (docker/buildkit-syft-scanner, internal/target.go) takes the directory's.
	names []string
}

func (k kept) attach(image v1.Descriptor, a attached, more ...v1.Descriptor) v1.Descriptor {
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	var ids []v1.Hash
	for _, name := range a.names {
		m.Layers = append(m.Layers, k.statement(image, predicateSPDX, map[string]any{
			"SPDXID": "SPDXRef-DOCUMENT", "spdxVersion": "SPDX-2.3", "name": name, "dataLicense": "CC0-1.0",
			"documentNamespace": "https://anchore.com/syft/dir/" + name,
			"packages":          []map[string]any{{"SPDXID": "SPDXRef-P", "name": "busybox", "versionInfo": "1.35.0-r17"}},
		}))
	}
	m.Layers = append(m.Layers, more...)
	for _, l := range m.Layers {
		ids = append(ids, l.Digest)
	}
	if a.artifact {
		m.ArtifactType = "application/vnd.docker.attestation.manifest.v1+json"
		m.Config = k.add(types.OCIEmptyJSON, []byte("{}"))
		m.Subject = &v1.Descriptor{MediaType: image.MediaType, Size: image.Size, Digest: image.Digest}
	} else {
		m.Config = k.json(types.OCIConfigJSON, v1.ConfigFile{OS: "unknown", Architecture: "unknown", RootFS: v1.RootFS{Type: "layers", DiffIDs: ids}})
	}
	d := k.json(types.OCIManifestSchema1, m)
	d.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	d.Annotations = map[string]string{annotationRefType: attestationManifest, annotationRefDigest: image.Digest.String()}
	return d
}

func (k kept) statement(image v1.Descriptor, predicateType string, predicate any) v1.Descriptor {
	d := k.json(mediaTypeInToto, map[string]any{
		"_type": "https://in-toto.io/Statement/v1", "predicateType": predicateType,
		"subject":   []map[string]any{{"name": "_", "digest": map[string]string{"sha256": image.Digest.Hex}}},
		"predicate": predicate,
	})
	d.Annotations = map[string]string{annotationPredicateType: predicateType}
	return d
}

func TestAttestations(t *testing.T) {
	for name, tt := range map[string]struct{ names, want []string }{
		"the image":       {[]string{"sbom"}, []string{""}},
		"stages":          {[]string{"sbom", "sbom-build-docs", "sbom-context"}, []string{"", "build-docs", "context"}},
		"older scanner":   {[]string{"/run/src/core/sbom", "/run/src/extras/sbom-build"}, []string{"", "build"}},
		"oldest scanner":  {[]string{"/run/src/core"}, []string{""}},
		"other scanner":   {[]string{"core", "extra", "extra"}, []string{"core", "extra", "extra"}},
		"alone":           {[]string{"whatever"}, []string{""}},
		"a stage alone":   {[]string{"sbom-build"}, []string{"build"}},
		"a strange stage": {[]string{"sbom", "sbom-"}, []string{"", "sbom-"}},
	} {
		for _, artifact := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", artifact), func(t *testing.T) {
				k := newLayout()
				image, other := k.image(linuxAMD64, nil), k.image(linuxARM64, nil)
				provenance := k.statement(image, "https://slsa.dev/provenance/v1", map[string]any{"name": "sbom"})
				dir := k.roots(tagged(k.index(image, other,
					k.attach(image, attached{artifact, tt.names}, provenance),
					k.attach(other, attached{artifact, []string{"other"}})), "v1")).dir(t)
				archive := write(t, filepath.Join(t.TempDir(), "a.tar"), tarOf(k))
				out := quick(t)
				host := startPlain(t, serve(k.roots(k.index(image, k.attach(image, attached{artifact, tt.names}, provenance))), nil))
				for _, loc := range []Location{{schemeOCIDir, dir, "v1"}, {schemeOCIArchive, archive, ""}, {schemeRegistry, host + "/app:v1", ""}, {schemeOCIDir, dir, image.Digest.String()}} {
					found, err := attestations(context.Background(), loc, "linux/amd64", out)
					if err != nil {
						t.Fatal(err)
					}
					var names []string
					for i, a := range found {
						names = append(names, a.Name)
						if a.PredicateType != predicateSPDX || a.MediaType != mediaTypeInToto {
							t.Errorf("%+v", a)
						}
						body, err := a.Open(context.Background())
						if err != nil {
							t.Fatal(err)
						}
						data, err := io.ReadAll(body)
						if err := body.Close(); err != nil {
							t.Error(err)
						}
						if err != nil || digestOf(data) != a.Digest || int64(len(data)) != a.Size {
							t.Errorf("%d bytes, error %v", len(data), err)
						}
						var st struct{ Predicate struct{ Name string } }
						if err := json.Unmarshal(data, &st); err != nil || st.Predicate.Name != tt.names[i] {
							t.Errorf("the document is %q, error %v", st.Predicate.Name, err)
						}
					}
					if diff := cmp.Diff(tt.want, names); diff != "" {
						t.Errorf("%s: names (-want +got)\n%s", loc.Scheme, diff)
					}
				}
			})
		}
	}
}

// TestSiblings: a layout may hold image and attestation side by side, without
// an index of their own.
func TestSiblings(t *testing.T) {
	k := newLayout()
	image := k.image(linuxAMD64, nil)
	dir := k.roots(tagged(image, "v1"), k.attach(image, attached{names: []string{"sbom"}})).dir(t)
	found, err := Attestations(context.Background(), Location{schemeOCIDir, dir, ""}, "linux/amd64")
	if err != nil || len(found) != 1 {
		t.Errorf("found %v, error %v", found, err)
	}
	if _, err := Attestations(context.Background(), Location{schemeOCIDir, dir, ""}, "linux/arm64"); err == nil || !strings.Contains(err.Error(), "is for linux/amd64 and not for linux/arm64") {
		t.Errorf("another platform: %v", err)
	}
}

func TestBrokenAttestations(t *testing.T) {
	plain := func(k kept, image v1.Descriptor, text string) []v1.Descriptor {
		d := k.add(mediaTypeInToto, []byte(text))
		d.Annotations = map[string]string{annotationPredicateType: predicateSPDX}
		return []v1.Descriptor{image, k.attach(image, attached{artifact: true}, d)}
	}
	const head = `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://spdx.dev/Document",`
	for name, tt := range map[string]struct {
		make func(kept, v1.Descriptor) []v1.Descriptor
		want string
	}{
		"none": {func(k kept, d v1.Descriptor) []v1.Descriptor { return []v1.Descriptor{d} }, "no SBOM is attached to sha256:"},
		"of another image": {func(k kept, d v1.Descriptor) []v1.Descriptor {
			return []v1.Descriptor{d, k.attach(k.image(linuxARM64, nil), attached{names: []string{"sbom"}})}
		}, "no SBOM is attached"},
		"provenance only": {func(k kept, d v1.Descriptor) []v1.Descriptor {
			return []v1.Descriptor{d, k.attach(d, attached{}, k.statement(d, "https://slsa.dev/provenance/v1", 1))}
		}, `only "https://slsa.dev/provenance/v1"`},
		"subject is another": {func(k kept, d v1.Descriptor) []v1.Descriptor {
			a := k.attach(k.image(linuxARM64, nil), attached{true, []string{"sbom"}})
			a.Annotations[annotationRefDigest] = d.Digest.String()
			return []v1.Descriptor{d, a}
		}, "and the index says"},
		"announced as another": {func(k kept, d v1.Descriptor) []v1.Descriptor {
			s := k.statement(d, "https://slsa.dev/provenance/v1", 1)
			s.Annotations[annotationPredicateType] = predicateSPDX
			return []v1.Descriptor{d, k.attach(d, attached{}, s)}
		}, "and its descriptor has"},
		"too large": {func(k kept, d v1.Descriptor) []v1.Descriptor {
			s := k.statement(d, predicateSPDX, 1)
			s.Size = maxStatement + 1
			return []v1.Descriptor{d, k.attach(d, attached{}, s)}
		}, "more than 134217728 are not read"},
		"blob missing": {func(k kept, d v1.Descriptor) []v1.Descriptor {
			s := k.statement(d, predicateSPDX, map[string]string{"name": "gone"})
			delete(k, "blobs/sha256/"+s.Digest.Hex)
			return []v1.Descriptor{d, k.attach(d, attached{}, s)}
		}, "it is not in the layout"},
		"no JSON":      {func(k kept, d v1.Descriptor) []v1.Descriptor { return plain(k, d, "x") }, "is not JSON"},
		"half":         {func(k kept, d v1.Descriptor) []v1.Descriptor { return plain(k, d, head+`"predicate":{"name":`) }, "is not JSON"},
		"no object":    {func(k kept, d v1.Descriptor) []v1.Descriptor { return plain(k, d, "[]") }, "something other than an object"},
		"no statement": {func(k kept, d v1.Descriptor) []v1.Descriptor { return plain(k, d, `{"_type":"x"}`) }, `is not an in-toto statement: its type is "x"`},
		"no predicate": {func(k kept, d v1.Descriptor) []v1.Descriptor { return plain(k, d, head+`"subject":[]}`) }, "has a predicate that is not JSON"},
		"two predicates": {func(k kept, d v1.Descriptor) []v1.Descriptor {
			return plain(k, d, head+`"predicate":{},"Predicate":{}}`)
		}, `has the key "Predicate" twice`},
		"two names": {func(k kept, d v1.Descriptor) []v1.Descriptor {
			return plain(k, d, head+`"predicate":{"name":"a","name":"b"}}`)
		}, `has the key "name" twice`},
		"name is a list": {func(k kept, d v1.Descriptor) []v1.Descriptor { return plain(k, d, head+`"predicate":{"name":[]}}`) }, "that is not a string"},
		"name is endless": {func(k kept, d v1.Descriptor) []v1.Descriptor {
			return plain(k, d, head+`"predicate":{"name":"`+strings.Repeat("n", maxText+1)+`"}}`)
		}, "a name of 1025 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newLayout()
			image := k.image(linuxAMD64, nil)
			dir := k.roots(k.index(tt.make(k, image)...)).dir(t)
			_, err := Attestations(context.Background(), Location{schemeOCIDir, dir, ""}, "linux/amd64")
			if err == nil || !strings.HasPrefix(err.Error(), "image oci-dir:") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is\n\t%v\nand not\n\t%s", err, tt.want)
			}
		})
	}
	if _, err := Attestations(context.Background(), Location{schemeDocker, "debian", ""}, ""); err == nil || !strings.Contains(err.Error(), "--output type=oci") {
		t.Errorf("of an engine: %v", err)
	}
}

// TestAttestationSwapped: what is read later is held to its digest.
func TestAttestationSwapped(t *testing.T) {
	k := newLayout()
	image := k.image(linuxAMD64, nil)
	dir := k.roots(k.index(image, k.attach(image, attached{names: []string{"sbom"}}))).dir(t)
	found, err := Attestations(context.Background(), Location{schemeOCIDir, dir, ""}, "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join(dir, "blobs", strings.Replace(found[0].Digest, ":", "/", 1))
	data, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-10] ^= 1
	write(t, blob, data)
	body, err := found[0].Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadAll(body); err == nil || !strings.Contains(err.Error(), "is damaged or was replaced") {
		t.Errorf("a statement that was replaced: %v", err)
	}
}
