package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/rootfs/image"
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
	scheme := rootfs.SchemeOCIDir
	if info, err := os.Stat(ref.Path); err == nil && !info.IsDir() {
		scheme = rootfs.SchemeOCIArchive
	}
	list, err := image.Attestations(ctx, image.Ref{Scheme: scheme, Path: ref.Path, Tag: ref.Tag}, platform)
	if err != nil {
		return nil, err
	}
	var chosen []image.Attestation
	var names []string
	for _, a := range list {
		if a.Name == ref.Stage {
			chosen = append(chosen, a)
		}
		if a.Name == "" {
			names = append(names, "the image's own")
		} else {
			names = append(names, "#"+a.Name)
		}
	}
	switch len(chosen) {
	case 0:
		return nil, fmt.Errorf("no SBOM of that stage is attached: there are %s", strings.Join(names, ", "))
	case 1:
	default:
		// Which one is meant is not for us to say.
		return nil, fmt.Errorf("%d SBOMs of that stage are attached, and only one can be its environment", len(chosen))
	}
	r, err := chosen[0].Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return sbomread.Read(ctx, r, ref.String())
}
