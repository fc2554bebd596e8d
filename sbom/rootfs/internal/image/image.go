// Package image opens container images where they are kept: an OCI layout in
// a directory or a tar file, a Docker archive, a registry, a running engine. It
// reads what describes an image and hands out its layers as streams; what is
// in the layers is package environ's affair.
//
// # What is checked
//
// [Open] reads the documents of an image from the top: index, manifest,
// configuration. Each is read through a limit, compared with the size and the
// digest that the document above gives for it, and refused if another reader
// could see something else in it: a key that stands twice in an object (or
// once as "layers" and once as "Layers", which encoding/json takes for one),
// a document that is a manifest and an index at once, a media type that its
// descriptor contradicts. A document on top of a chain has no digest unless
// the user named one.
//
// Layers are not read. A [Layer] opens to the blob as it is stored, with no
// more checked than that it has the size that the manifest says; the digest
// is checked by who reads it to its end anyway.
//
// # Which image
//
// A reference must lead to exactly one image. Of several tags the user names
// one; of several platforms the one that was asked for, or the one of this
// machine, is taken, and if it is not there that is an error with a list of
// what is. What carries the type or platform of an attestation is no image.
// An image outside of an index is taken whatever its platform, unless one was
// asked for, and Meta.Platform says what it is.
//
// # What of go-containerregistry is used
//
// Its types for the wire formats (pkg/v1), names (pkg/name), the user's
// credentials (pkg/authn) and the handshake with a registry
// (pkg/v1/remote/transport): all of it links no module that depaudit does not
// link anyway. Its readers (remote, layout, tarball) are not: they bring
// along what changes and writes images, limit a manifest to 100 MiB, parse
// leniently, and verify layers that environ verifies again. Its daemon
// package links Docker's client, where one GET on a socket is needed.
//
// # The network
//
// Only the schemes registry and docker leave the file system, and docker only
// through a local socket. A registry speaks https, unless it is on this
// machine; see guard.
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

// Location names an image.
type Location struct {
	// Scheme is "oci-dir", "oci-archive", "docker-archive", "registry" or
	// "docker".
	Scheme string
	// Path is a directory or file, or the image's name for a registry or an
	// engine.
	Path string
	// Tag is a tag, or the digest of a manifest ("sha256:..."). Empty when
	// there must be only one image.
	Tag string
}

// String is the reference as a user writes it.
func (r Location) String() string {
	switch {
	case r.Tag == "":
		return r.Scheme + ":" + r.Path
	case isDigest(r.Tag):
		return r.Scheme + ":" + r.Path + "@" + r.Tag
	}
	return r.Scheme + ":" + r.Path + ":" + r.Tag
}

// Image is an image that was opened. Its layers can be opened until
// [Image.Close].
type Image struct {
	// Meta is what the image says of itself.
	Meta sbom.Image
	// Layers are in the order in which they are applied, the lowest first.
	Layers []Layer
	// BaseFrom says where Meta.BaseName and Meta.BaseDigest were found:
	// "manifest" or "index" for an annotation, "labels" for the labels of the
	// configuration. A label is inherited by images that are built on the one
	// that it was made for, and so may tell of a base further down.
	BaseFrom string
	// Notes are remarks for a reviewer: something the image says that could
	// not be used.
	Notes []string

	closer io.Closer
}

// Layer is one layer of an image.
type Layer struct {
	sbom.Layer
	// MediaType is that of the manifest. In a Docker archive, which has none,
	// it follows from the blob's first bytes. See [Layer.Compression].
	MediaType string
	// Open gives the blob as it is stored: compressed as the media type says,
	// and not verified. It ends in an error if it is shorter or longer than
	// Size. Several may be open at once.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// Compression of a layer's blob by its media type: "gzip", "zstd", or "" for
// none.
func (l *Layer) Compression() string { return layerTypes[l.MediaType].compression }

// Open opens the image that a reference names: manifest and configuration are
// read and checked, layers are not. platform is "os/architecture" or
// "os/architecture/variant", empty for the one of this machine, which does
// not have to be the one of an image that stands alone.
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

// openStore opens what has descriptors all the way down.
func openStore(ctx context.Context, loc Location, out outside) (store, error) {
	switch loc.Scheme {
	case schemeOCIDir:
		return openLayoutDir(loc)
	case schemeOCIArchive:
		return openLayoutTar(ctx, loc)
	case schemeRegistry:
		return openRegistry(ctx, out, loc)
	}
	return nil, fmt.Errorf("%q is no place for images: there are %s", loc.Scheme,
		strings.Join([]string{schemeOCIDir, schemeOCIArchive, schemeDockerArchive, schemeRegistry, schemeDocker}, ", "))
}

// Close gives back what the image's layers are read from.
func (i *Image) Close() error {
	if i.closer == nil {
		return nil
	}
	return i.closer.Close()
}

// explain says which image an error is about. A cancelled context is the
// cause of whatever else went wrong.
func explain(ctx context.Context, loc Location, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = cause
	}
	return fmt.Errorf("image %s: %w", loc, err)
}
