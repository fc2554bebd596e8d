package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/image"
)

// OpenAttestation opens the SBOM that a reference of the scheme
// [SchemeAttestation] names: a statement of in-toto JSON with the document as
// its predicate. Path is an OCI layout, a directory or a tar file. Stage
// chooses among the SBOMs that BuildKit attached to the image, empty for the
// image's own; zero or several of that stage are an error that lists them.
// platform is that of [Options].
//
// The read that ends the statement fails if its size or digest are not those
// of its descriptor.
func OpenAttestation(ctx context.Context, ref Ref, platform string) (io.ReadCloser, error) {
	if ref.Scheme != SchemeAttestation {
		return nil, fmt.Errorf("environment %q: only a reference attestation:PATH names an SBOM that is attached to an image", ref)
	}
	scheme := SchemeOCIDir
	if info, err := os.Stat(ref.Path); err == nil && !info.IsDir() {
		scheme = SchemeOCIArchive
	}
	attached, err := image.Attestations(ctx, image.Location{Scheme: scheme, Path: ref.Path, Tag: ref.Tag}, platform)
	if err != nil {
		return nil, err
	}
	chosen, err := chooseAttestation(attached, ref.Stage)
	if err != nil {
		return nil, err
	}
	return chosen.Open(ctx)
}

// chooseAttestation returns the one attestation of a stage.
func chooseAttestation(attached []image.Attestation, stage string) (*image.Attestation, error) {
	var chosen []*image.Attestation
	var names []string
	for i, a := range attached {
		if a.Name == stage {
			chosen = append(chosen, &attached[i])
		}
		name := "the image's own"
		if a.Name != "" {
			name = "#" + a.Name
		}
		names = append(names, name)
	}
	switch len(chosen) {
	case 0:
		return nil, fmt.Errorf("no SBOM of that stage is attached (attached: %s)", strings.Join(names, ", "))
	case 1:
		return chosen[0], nil
	}
	// A scanner may write several documents for a stage. Choosing one of them
	// would hide what only the others contain.
	return nil, errors.New("several SBOMs of that stage are attached, and only one can be its environment")
}
