package audit

import (
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// StageBase is the base of a stage.
type StageBase struct {
	// Ref is the reference as configured, or as the image claims it.
	Ref string `json:"ref"`
	// Kind is the scheme of Ref.
	Kind string `json:"kind"`
	// Digest is that of the base's manifest, or the one in Ref.
	Digest string `json:"digest,omitempty"`
	// Pinned is true when Ref names the base by its digest.
	Pinned bool `json:"pinned"`
	// Claimed is true when only the image itself names its base.
	Claimed bool `json:"claimed,omitempty"`
	// Known is false when the base could not be compared with the stage; the
	// numbers are then 0.
	Known bool `json:"known"`
	// Layers is how many of the image's lowest layers are the base's, 0 when
	// the two were compared by identity.
	Layers int `json:"layers,omitempty"`
	// Dependencies is the number of dependencies of the base. Present of them
	// are in the stage unchanged or, as packages of the system, in another
	// version. Gone are in the stage at no version, and the others were replaced.
	Dependencies int `json:"dependencies"`
	Present      int `json:"present"`
	Gone         int `json:"gone"`
	// Added is the number of dependencies of the stage that the base does not
	// have. Present and Added sum up to the stage's total.
	Added int `json:"added"`
}

// Trusted reports whether the base accounts for its dependencies. A base whose
// name can be moved does not, and neither does a base that only the image
// names: an attacker who adds something to the stage could claim that it
// belongs to the base.
func (b *StageBase) Trusted() bool {
	return b != nil && b.Known && !b.Claimed && Strength{FromImage, BaseEvidence(b.Kind, b.Pinned)}.Sound()
}

// BaseEvidence returns how well a reference of a kind identifies the base.
// pinned is whether the reference contains a digest.
func BaseEvidence(kind string, pinned bool) string {
	switch kind {
	case "snapshot":
		return EvidenceSnapshot
	case "dir", "host":
		return EvidenceDirectory
	case "sbom", "attestation":
		return EvidenceDocument
	}
	if pinned {
		return EvidenceDigest
	}
	return EvidenceTag
}

// IsDocument reports whether an environment of the kind is an SBOM, made by
// another tool, and not a root file system that was examined.
func IsDocument(kind string) bool { return kind == "sbom" || kind == "attestation" }

var scheme = lazyregexp.New(`^[A-Za-z][A-Za-z0-9+-]*:`)

// EnvironmentKind returns the scheme of a reference, "dir" for a bare path.
func EnvironmentKind(ref string) string {
	if s := scheme.FindString(ref); s != "" {
		return strings.TrimSuffix(s, ":")
	}
	return "dir"
}

var digestSuffix = lazyregexp.New(`@(sha256:[0-9a-f]{64})$`)

// ContentDigest returns the digest by which an image's reference names its
// content, or "".
func ContentDigest(ref string) string {
	if m := digestSuffix.FindStringSubmatch(ref); m != nil && (&sbom.Environment{Kind: EnvironmentKind(ref)}).IsImage() {
		return m[1]
	}
	return ""
}
