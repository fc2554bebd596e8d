package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"time"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/sbomread"
	"github.com/depaudit/depaudit/sbom/scan"
	"github.com/depaudit/depaudit/sbom/snapshot"
)

// inventory is what a child does: it makes the document of an environment,
// by scanning it or, for one that somebody else looked at, by reading what
// they wrote.
func inventory(ctx context.Context, request childRequest, progress func(scan.Progress)) (*result, error) {
	ref := request.Ref
	switch ref.Scheme {
	case rootfs.SchemeSBOM:
		path := ref.Path
		if request.File != "" {
			path = request.File
		}
		doc, err := readFile(path, func(f io.Reader) (*sbom.Document, error) { return sbomread.Read(ctx, f, ref.Path) })
		if err != nil {
			return nil, err
		}
		return &result{doc: doc}, nil
	case rootfs.SchemeAttestation:
		doc, err := readAttestation(ctx, ref, request.Platform)
		if err != nil {
			return nil, err
		}
		return &result{doc: doc}, nil
	case rootfs.SchemeSnapshot:
		doc, err := readFile(ref.Path, func(f io.Reader) (*sbom.Document, error) {
			s, err := snapshot.Read(f)
			if err != nil {
				return nil, err
			}
			return s.Document, nil
		})
		if err != nil {
			return nil, err
		}
		return &result{doc: doc}, nil
	}
	opts := scan.Options{Progress: progress, Platform: request.Platform, Cache: request.Cache, Fingerprints: true, Now: time.Now()}
	if request.Since != "" {
		// What is wrong with the file is told by whoever reads it as the base.
		_, _ = readFile(request.Since, func(f io.Reader) (*sbom.Document, error) {
			var err error
			opts.Since, err = snapshot.Read(f)
			return nil, err
		})
	}
	if !request.Snapshot {
		doc, owners, err := scanOwners(ctx, ref, opts, request.Paths)
		if err != nil {
			return nil, err
		}
		return &result{doc: doc, owners: owners}, nil
	}
	s, err := scan.Snapshot(ctx, ref, opts)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := snapshot.Write(&b, s); err != nil {
		return nil, err
	}
	return &result{doc: s.Document, snapshot: b.Bytes()}, nil
}

func readFile(path string, read func(io.Reader) (*sbom.Document, error)) (*sbom.Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f)
}

// readAttestation reads the SBOM that BuildKit attached for a build stage.
func readAttestation(ctx context.Context, ref rootfs.Ref, platform string) (*sbom.Document, error) {
	r, err := rootfs.OpenAttestation(ctx, ref, platform)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return sbomread.Read(ctx, r, ref.String())
}
