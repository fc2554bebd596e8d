// Package image opens container images in an OCI layout (a directory or a tar
// file), a Docker archive, a registry or a running engine. It reads the metadata
// of an image and returns its layers as streams. Package rootfs reads the
// content of the layers.
//
// # Verification
//
// [Open] reads the documents of an image from the top: index, manifest,
// configuration. It reads each through a limit, and compares it with the size
// and the digest in the document above. It rejects a document in which another
// reader could see something else: a key that occurs twice in an object (or once
// as "layers" and once as "Layers", which encoding/json does not distinguish), a
// document that is both a manifest and an index, a media type that differs from
// that of its descriptor. The document at the top of a chain has no digest
// unless the user gave one.
//
// Layers are not read. A [Layer] opens to the blob as it is stored, and verifies
// only that it has the size in the manifest; the caller, who reads the blob to
// its end, verifies the digest.
//
// # Selection
//
// A reference must lead to exactly one image. If there are several tags, the
// user gives one. If there are several platforms, Open selects the requested
// one, or that of this machine; if it is missing, the error lists the others. A
// manifest with the type or platform of an attestation is not an image. An image
// outside of an index is opened whatever its platform is, unless one was
// requested, and Meta.Platform reports it.
//
// # Use of go-containerregistry
//
// The package uses its types of the wire formats (pkg/v1) and names (pkg/name), and
// package registry its credentials and its handshake. They link no module that
// depaudit does not link anyway. It does not use its readers (layout, tarball): they
// include code that changes and writes images, parse leniently, and verify layers
// that package rootfs verifies again. Its daemon package links Docker's client, where
// one GET on a socket is enough.
//
// # The network
//
// Only the schemes registry and docker leave the file system, and docker uses
// only a local socket. A registry must use https, unless it is on this machine;
// see package registry.
package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// The schemes of a [Location].
const (
	schemeOCIDir        = "oci-dir"
	schemeOCIArchive    = "oci-archive"
	schemeDockerArchive = "docker-archive"
	schemeRegistry      = "registry"
	schemeDocker        = "docker"
)

// Location is where an image is stored.
type Location struct {
	// Scheme is "oci-dir", "oci-archive", "docker-archive", "registry" or
	// "docker".
	Scheme string
	// Path is a directory or file, or the image's name in a registry or an
	// engine.
	Path string
	// Tag is a tag, or the digest of a manifest ("sha256:..."). It may be empty
	// if there is only one image.
	Tag string
}

// String returns the reference as a user writes it.
func (r Location) String() string {
	switch {
	case r.Tag == "":
		return r.Scheme + ":" + r.Path
	case isDigest(r.Tag):
		return r.Scheme + ":" + r.Path + "@" + r.Tag
	}
	return r.Scheme + ":" + r.Path + ":" + r.Tag
}

// Image is an open image. Its layers can be opened until [Image.Close].
type Image struct {
	// Meta are the metadata of the image.
	Meta sbom.Image
	// Layers are in the order of application, the lowest first.
	Layers []Layer
	// BaseFrom is the source of Meta.BaseName and Meta.BaseDigest: "manifest"
	// or "index" for an annotation, "labels" for the labels of the
	// configuration. Images inherit the labels of their base, so that these may
	// describe a base further down.
	BaseFrom string
	// Notes are remarks for a reviewer about metadata of the image that could
	// not be used.
	Notes []string
	// Env are the environment variables of the configuration.
	Env []string

	closer io.Closer
}

// Layer is one layer of an image.
type Layer struct {
	sbom.Layer
	// MediaType is that of the manifest. In a Docker archive, which has none,
	// it follows from the blob's first bytes. See [Layer.Compression].
	MediaType string
	// Open opens the blob as it is stored: compressed according to the media
	// type, and not verified. The blob ends in an error if it is shorter or
	// longer than Size. Several may be open at once.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// Compression returns the compression of a layer's blob by its media type:
// "gzip", "zstd", or "" for none.
func (l *Layer) Compression() string { return layerTypes[l.MediaType].compression }

// Open opens the image of a location. It reads and verifies the manifest and the
// configuration, but no layers. platform is "os/architecture" or
// "os/architecture/variant". Empty is the platform of this machine, which an
// image outside of an index need not have.
func Open(ctx context.Context, loc Location, platform string) (*Image, error) {
	return open(ctx, loc, platform, system())
}

func open(ctx context.Context, loc Location, platform string, out outside) (*Image, error) {
	img, err := openAt(ctx, loc, platform, out)
	if err != nil {
		return nil, explain(ctx, loc, err)
	}
	return img, nil
}

func openAt(ctx context.Context, loc Location, platform string, out outside) (*Image, error) {
	want, err := parsePlatform(platform)
	if err != nil {
		return nil, err
	}
	var img *Image
	var s io.Closer
	switch loc.Scheme {
	case schemeDockerArchive:
		var f *tarFiles
		if f, loc, err = openDockerTar(ctx, loc); err != nil {
			return nil, err
		}
		s = f
		img, err = readDockerArchive(ctx, f, loc, want)
	case schemeDocker:
		var f *tarFiles
		if f, err = exportFromEngine(ctx, out, loc, want); err != nil {
			return nil, err
		}
		s = f
		img, err = readDockerArchive(ctx, f, Location{Scheme: loc.Scheme, Path: loc.Path}, want)
	default:
		var src store
		if src, err = openStore(ctx, loc, out); err != nil {
			return nil, err
		}
		s = src
		var found candidate
		if found, err = choose(ctx, src, want); err == nil {
			img, err = assemble(ctx, src, found, want)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	img.closer = s
	return img, nil
}

// openStore opens a location whose documents all have descriptors.
func openStore(ctx context.Context, loc Location, out outside) (store, error) {
	switch loc.Scheme {
	case schemeOCIDir:
		return openLayoutDir(loc)
	case schemeOCIArchive:
		return openLayoutTar(ctx, loc)
	case schemeRegistry:
		return openRegistry(ctx, out, loc)
	}
	return nil, fmt.Errorf("%q is not a scheme of images (known are %s)", loc.Scheme,
		strings.Join([]string{schemeOCIDir, schemeOCIArchive, schemeDockerArchive, schemeRegistry, schemeDocker}, ", "))
}

// Close closes the source of the image's layers.
func (i *Image) Close() error {
	if i.closer == nil {
		return nil
	}
	return i.closer.Close()
}

// explain adds the image to an error. A canceled context replaces any other
// error.
func explain(ctx context.Context, loc Location, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = cause
	}
	return fmt.Errorf("image %s: %w", loc, err)
}
