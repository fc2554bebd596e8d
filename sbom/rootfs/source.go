package rootfs

import (
	"context"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/image"
	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// SelectionError is the error of a reference to an image that is not there, or
// to several: the user has to name another one.
type SelectionError = image.SelectionError

// ImageDigest returns the digest of the manifest that the reference to an image leads
// to now, as [sbom.Image] has it, and empty for an archive that has none. It reads no
// layer. platform is that of [Options].
func ImageDigest(ctx context.Context, ref Ref, platform string) (string, error) {
	img, err := image.Open(ctx, locationOf(ref), platform)
	if err != nil {
		return "", err
	}
	return img.Meta.Digest, img.Close()
}

func locationOf(ref Ref) image.Location {
	return image.Location{Scheme: ref.Scheme, Path: ref.Path, Tag: ref.Tag}
}

// openImage opens the image of a reference.
func openImage(ctx context.Context, ref Ref, opts Options) (*Tree, error) {
	img, err := image.Open(ctx, locationOf(ref), opts.Platform)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err // it starts with the image
	}
	source := openedImage{meta: img.Meta, notes: img.Notes, env: img.Env, close: img.Close}
	for i, l := range img.Layers {
		source.layers = append(source.layers, layer.Blob{Layer: l.Layer, Number: i + 1, Open: l.Open})
	}
	return openLayers(ctx, ref, opts, source)
}
