package jar

import (
	// The package with the list is internal to syft; this one links it.
	_ "github.com/anchore/syft/syft/pkg/cataloger/common/cpe"
	_ "unsafe" // for go:linkname
)

// knownGroup looks an artifact up in syft's list of 2,000 artifacts and their
// groups, for archives that name no group themselves. The list has no public
// function, hence the link name.
//
//go:linkname knownGroup github.com/anchore/syft/syft/pkg/cataloger/internal/cpegenerate.ArtifactIDToGroupID
func knownGroup(artifact, version string) (group string, ok bool)
