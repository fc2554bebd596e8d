package rootfs

import (
	"context"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/image"
	"github.com/depaudit/depaudit/sbom/rootfs/internal/layer"
)

// SelectionError is the error of a reference to an image that is not there, or
// to several: the user has to name another one.
type SelectionError = image.SelectionError

// openImage opens the image of a reference.
func openImage(ctx context.Context, ref Ref, opts Options) (*Tree, error) {
	img, err := image.Open(ctx, image.Location{Scheme: ref.Scheme, Path: ref.Path, Tag: ref.Tag}, opts.Platform)
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
