package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// memFiles is a layout in memory.
type memFiles kept

func (m memFiles) open(name string) (io.ReadCloser, int64, error) {
	data, ok := m[path.Clean(name)]
	if !ok {
		return nil, 0, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(data)), int64(len(data)), nil
}

func (m memFiles) Close() error { return nil }

// FuzzLayout reads untrusted documents, all of them with the right digest. An image
// that opens must be consistent, and an error must be on one line.
func FuzzLayout(f *testing.F) {
	k := newLayout()
	d := k.image(linuxAMD64, nil)
	blob := func(d v1.Descriptor) string { return string(k["blobs/sha256/"+d.Digest.Hex]) }
	m, err := parseManifest([]byte(blob(d)), "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(k.roots(d)[indexFile]), blob(d), blob(m.Config), "", "")
	f.Add(string(k.roots(tagged(k.index(d), "v1"))[indexFile]), blob(d), blob(m.Config), "v1", "linux/amd64")
	f.Add(`{"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","size":2,"digest":"@"}]}`, `{"manifests":[]}`, `{}`, "", "linux/arm/v7")
	f.Add(`{"manifests":[null,{}]}`, `{"layers":[null],"config":null}`, `{"rootfs":{"diff_ids":[null]},"history":[{}]}`, "a", "")
	f.Fuzz(func(t *testing.T, index, manifest, config, tag, platform string) {
		// Descriptors are corrected, so that the fuzzer gets past the digests.
		k := newLayout()
		c := k.add(types.OCIConfigJSON, []byte(config))
		manifest = withDescriptor(manifest, m.Config, c)
		md := k.add(types.OCIManifestSchema1, []byte(manifest))
		k[indexFile] = []byte(withDescriptor(strings.ReplaceAll(index, `"@"`, `"`+md.Digest.String()+`"`), d, md))
		loc := Location{schemeOCIDir, "x", tag}
		img, err := openMemory(memFiles(k), loc, platform)
		if err != nil {
			if text := err.Error(); strings.ContainsAny(text, "\n\x1b") || len(text) > 8<<10 || !utf8.ValidString(text) {
				t.Errorf("the error is %q", text)
			}
			return
		}
		if len(img.Layers) != len(img.Meta.Layers) || len(img.Layers) > maxLayers {
			t.Errorf("%d layers, and %d", len(img.Layers), len(img.Meta.Layers))
		}
		if !isDigest(img.Meta.Digest) || img.Meta.BaseDigest != "" && !isDigest(img.Meta.BaseDigest) {
			t.Errorf("digests %q %q", img.Meta.Digest, img.Meta.BaseDigest)
		}
		for _, l := range img.Layers {
			if !isDigest(l.Digest) || !isDigest(l.DiffID) || l.Size < 0 || len(l.CreatedBy) > maxText+len("…") {
				t.Errorf("layer %+v", l)
			}
			if _, known := layerTypes[l.MediaType]; !known {
				t.Errorf("layer of type %q", l.MediaType)
			}
		}
		again, err := openMemory(memFiles(k), loc, platform)
		if err != nil || again.Meta.Digest != img.Meta.Digest {
			t.Errorf("a second look sees something else: %v", err)
		}
	})
}

func withDescriptor(text string, old, new v1.Descriptor) string {
	form := `"size":%d,"digest":"%s"`
	return strings.ReplaceAll(text, fmt.Sprintf(form, old.Size, old.Digest), fmt.Sprintf(form, new.Size, new.Digest))
}

func openMemory(f files, loc Location, platform string) (*Image, error) {
	want, err := parsePlatform(platform)
	if err != nil {
		return nil, err
	}
	s, err := openLayout(f, loc)
	if err != nil {
		return nil, err
	}
	found, err := choose(context.Background(), s, want)
	if err != nil {
		return nil, err
	}
	return assemble(context.Background(), s, found, want)
}

// FuzzDocument checks that all readers decode an accepted document equally, whether
// they require exact names or take the first of two.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"annotations":{"a":"b","A":"c"}}]}`))
	f.Add([]byte(`{"layers":[],"LAYERS":[]}`))
	f.Add([]byte(`{"a":{"b":[1,2.5e300,null,true,"\u0000"]}} `))
	f.Fuzz(func(t *testing.T, data []byte) {
		if unambiguous(data) != nil {
			return
		}
		var s shape
		if err := decode(data, &s); err != nil {
			return
		}
		fields, err := object(data)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%q ends early for one reader", data)
		}
		for key := range fields {
			for other := range fields {
				if key != other && strings.EqualFold(key, other) {
					t.Errorf("the keys %q and %q are one", key, other)
				}
			}
		}
	})
}

// FuzzStatement reads an untrusted attestation.
func FuzzStatement(f *testing.F) {
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://spdx.dev/Document","predicate":{"name":"sbom-x"}}`))
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://cyclonedx.org/bom","predicate":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		st, err := parseStatement(data)
		if err == nil && len(st.name) > maxText {
			t.Errorf("a name of %d bytes", len(st.name))
		}
	})
}
