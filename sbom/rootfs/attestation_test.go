package rootfs

import (
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/rootfs/internal/image"
)

// TestChooseAttestation checks that a stage must name exactly one SBOM: of two
// documents about one stage none is the whole environment.
func TestChooseAttestation(t *testing.T) {
	attached := []image.Attestation{{Digest: "sha256:1"}, {Name: "build", Digest: "sha256:2"}, {Name: "twice"}, {Name: "twice"}}
	for _, tt := range []struct{ stage, digest, err string }{
		{"", "sha256:1", ""},
		{"build", "sha256:2", ""},
		{"twice", "", "several SBOMs of that stage"},
		{"nowhere", "", "attached: the image's own, #build, #twice, #twice"},
	} {
		got, err := chooseAttestation(attached, tt.stage)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("stage %q: error %v, want one with %q", tt.stage, err, tt.err)
			}
			continue
		}
		if err != nil || got.Digest != tt.digest {
			t.Errorf("stage %q: %v, %v, want digest %s", tt.stage, got, err, tt.digest)
		}
	}
}
