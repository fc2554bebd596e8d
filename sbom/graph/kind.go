package graph

import "github.com/depaudit/depaudit/sbom"

// Kinds of edges that are derived from the owners of components.
const (
	// KindContains leads from a component to its bundled components.
	KindContains = "contains"
	// KindBundled leads back: a bundled component does not exist without its
	// owner.
	KindBundled = "bundled"
)

// class orders edges by how much From loses without To.
type class uint8

const (
	needs      class = iota // From does not work without
	recommends              // From works, but was installed together with it
	suggests                // From can use it
)

// classOf treats an unknown kind as a need: following an irrelevant edge is the
// safer mistake.
func classOf(kind string) class {
	switch kind {
	case string(sbom.RelRecommends):
		return recommends
	case string(sbom.RelSuggests):
		return suggests
	}
	return needs
}

// weightBundled is the weight of edges that come from owners, and only theirs.
const weightBundled = 3

// weight orders kinds by strength, the strongest first.
func weight(kind string) int32 {
	switch kind {
	case string(sbom.RelPreDepends):
		return 0
	case string(sbom.RelDepends):
		return 1
	case KindContains, KindBundled:
		return weightBundled
	case string(sbom.RelRecommends):
		return 4
	case string(sbom.RelSuggests):
		return 5
	}
	return 2
}

// structural reports whether an edge is derived from an owner.
func structural(kind string) bool { return kind == KindContains || kind == KindBundled }
