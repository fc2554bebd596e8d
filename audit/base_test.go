package audit

import (
	"testing"
)

func TestReferences(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for ref, want := range map[string][3]string{
		"":                                 {"dir", "", EvidenceDirectory},
		"build/x":                          {"dir", "", EvidenceDirectory},
		"./a:b":                            {"dir", "", EvidenceDirectory},
		"host:":                            {"host", "", EvidenceDirectory},
		"snapshot:x@" + digest:             {"snapshot", "", EvidenceSnapshot},
		"sbom:-":                           {"sbom", "", EvidenceDocument},
		"attestation:x#build":              {"attestation", "", EvidenceDocument},
		"registry:debian:12":               {"registry", "", EvidenceTag},
		"registry:debian:12@" + digest:     {"registry", digest, EvidenceDigest},
		"registry:debian@" + digest + "0":  {"registry", "", EvidenceTag},
		"registry:debian@" + digest + ":x": {"registry", "", EvidenceTag},
		"oci-dir:x@" + digest:              {"oci-dir", digest, EvidenceDigest},
		"docker-archive:x:y":               {"docker-archive", "", EvidenceTag},
		"dir:x@" + digest:                  {"dir", "", EvidenceDirectory},
		"new-scheme:x@" + digest:           {"new-scheme", "", EvidenceTag},
	} {
		got := [3]string{EnvironmentKind(ref), ContentDigest(ref)}
		got[2] = BaseEvidence(got[0], got[1] != "")
		if got != want {
			t.Errorf("%s: %v, want %v", ref, got, want)
		}
	}
}
