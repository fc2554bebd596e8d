package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// SelectionError is the error of a reference that does not lead to one of the
// images that are there: a mistake of the user, who has not named one, or one
// that is not there.
type SelectionError struct{ Err error }

func (e *SelectionError) Error() string { return e.Err.Error() }
func (e *SelectionError) Unwrap() error { return e.Err }

func selection(format string, args ...any) error {
	return &SelectionError{fmt.Errorf(format, args...)}
}

// inspection is what a layout has of an image.
type inspection struct {
	platform platform
	// size is that of the layers as they are stored, in bytes.
	size int64
	// images is the number of entries of an index, 0 for an image.
	images int
	// fault is the reason for which it is no image that can be scanned: it is an
	// artifact, or a part of it is not in the layout. Indexes may list images
	// that are not stored (docker save and ctr export write all platforms of an
	// index, and the blobs of those that were pulled). Damaged images have no
	// fault here: choosing one is an error with the reason.
	fault error
}

// maxInspected is the number of images of a layout that are inspected. The
// others are candidates.
const maxInspected = 256

// inspect reads the documents of an image in a layout.
func inspect(ctx context.Context, s store, d v1.Descriptor) inspection {
	out := inspection{platform: fromPlatform(d.Platform)}
	absent := func(err error) bool {
		if errors.Is(err, fs.ErrNotExist) {
			out.fault = err
		}
		return err != nil
	}
	if d.MediaType.IsIndex() {
		index, err := readIndex(ctx, s, d)
		if !absent(err) {
			out.images = len(index.Manifests)
		}
		return out
	}
	m, err := readManifest(ctx, s, d)
	if absent(err) {
		return out
	}
	if !m.Config.MediaType.IsConfig() {
		out.fault = fmt.Errorf("is not a container image: its configuration has the media type %s", quote(string(m.Config.MediaType)))
		return out
	}
	if len(m.Layers) > 0 && !slices.ContainsFunc(m.Layers, func(l v1.Descriptor) bool { return strings.Contains(string(l.MediaType), "tar") }) {
		out.fault = fmt.Errorf("is not a container image: its layers have the media type %s", quote(string(m.Layers[0].MediaType)))
		return out
	}
	c, err := readConfig(ctx, s, m.Config)
	if absent(err) {
		return out
	}
	if err == nil && out.platform == (platform{}) {
		out.platform = configPlatform(c)
	}
	for _, l := range m.Layers {
		out.size += l.Size
		body, err := s.blob(ctx, l)
		if err == nil {
			err = body.Close()
		}
		if err != nil && absent(fmt.Errorf("layer %s: %w", l.Digest, err)) {
			return out
		}
	}
	return out
}

// text describes a candidate in a list of those to choose from.
func (i inspection) text() string {
	if i.images > 0 {
		return "an index of " + strconv.Itoa(i.images)
	}
	var parts []string
	if p := i.platform.String(); p != "" {
		parts = append(parts, printable(p, 100))
	}
	if i.size > 0 {
		parts = append(parts, sizeText(i.size))
	}
	return strings.Join(parts, ", ")
}

func sizeText(n int64) string {
	const kilo = 1000
	units := []string{"B", "kB", "MB", "GB", "TB"}
	for n >= 10*kilo && len(units) > 1 {
		n, units = n/kilo, units[1:]
	}
	return strconv.FormatInt(n, 10) + " " + units[0]
}

// choices lists images by their names for an error message, each with what it
// is.
func choices(ctx context.Context, s store, images []v1.Descriptor) string {
	var names []string
	about := map[string]string{}
	for i, d := range images {
		tags := tagsOf(d)
		if len(tags) == 0 {
			tags = []string{d.Digest.String()}
		}
		names = append(names, tags...)
		if !s.partial() || i >= maxListed {
			continue
		}
		if text := inspect(ctx, s, d).text(); text != "" {
			for _, tag := range tags {
				about[tag] = " (" + text + ")"
			}
		}
	}
	return listAbout(names, about)
}
