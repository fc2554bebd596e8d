package image

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// store finds documents and blobs by their descriptors. It returns them as they
// are stored: the reader verifies them.
type store interface {
	// roots returns the descriptors of the location: one, or those of one image
	// for several platforms.
	roots(ctx context.Context) ([]v1.Descriptor, error)
	// document opens a manifest or an index.
	document(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	// blob opens a configuration or a layer.
	blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	// partial reports whether documents may name blobs that are not there, and
	// looking for one is cheap.
	partial() bool
	io.Closer
}

// isDigest reports whether a tag is a digest. Tags contain no colon, except
// those of Docker archives ("debian:12").
func isDigest(tag string) bool {
	_, err := v1.NewHash(tag)
	return err == nil
}

// read reads the whole content of a descriptor and verifies it.
func read(ctx context.Context, d v1.Descriptor, limit int64, what string, open func(context.Context, v1.Descriptor) (io.ReadCloser, error)) ([]byte, error) {
	what += " " + d.Digest.String()
	if err := checkDescriptor(d); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if d.Size > limit {
		return nil, fmt.Errorf("%s has %d bytes, and more than %d are not read", what, d.Size, limit)
	}
	body, err := open(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer body.Close()
	data, err := io.ReadAll(&exactReader{body: body, size: d.Size})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	h, err := v1.Hasher(d.Digest.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	h.Write(data)
	if got := hex.EncodeToString(h.Sum(nil)); got != d.Digest.Hex {
		return nil, fmt.Errorf("%s is damaged or was replaced: its content has the digest %s:%s", what, d.Digest.Algorithm, got)
	}
	return data, nil
}

// checkDescriptor checks the requirements of the image specification for every
// descriptor.
func checkDescriptor(d v1.Descriptor) error {
	switch {
	case d.Digest.Hex == "":
		return errors.New("a descriptor has no digest")
	case d.Size < 0 || d.Size > maxBlob:
		return fmt.Errorf("a descriptor has the size %d", d.Size)
	}
	return nil
}

// exactReader reads a body that must have a certain size.
type exactReader struct {
	body io.ReadCloser
	size int64
	done int64
}

func (r *exactReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	left := r.size - r.done
	if int64(len(p)) > left+1 {
		p = p[:left+1]
	}
	n, err := r.body.Read(p)
	r.done += int64(n)
	switch {
	case r.done > r.size:
		return 0, fmt.Errorf("is longer than the %d bytes that it should have", r.size)
	case errors.Is(err, io.EOF) && r.done < r.size:
		return n, fmt.Errorf("ends after %d of %d bytes: %w", r.done, r.size, io.ErrUnexpectedEOF)
	}
	return n, err
}

func (r *exactReader) Close() error { return r.body.Close() }
