package graph

import "github.com/depaudit/depaudit/sbom"

// Kinds of edges that come from the owners of components.
const (
	// KindContains leads from a component to what lies inside it.
	KindContains = "contains"
	// KindBundled leads from there back: what lies inside is not there
	// without its owner.
	KindBundled = "bundled"
)

// class orders edges by how much is lost without what they point to.
type class uint8

const (
	needs      class = iota // From does not work without
	recommends              // From works, but was installed together with it
	suggests                // From may make use of it
)

// classOf takes a kind that it does not know for a need: to follow an edge
// that did not matter is the safer mistake.
func classOf(kind string) class {
	switch kind {
	case string(sbom.RelRecommends):
		return recommends
	case string(sbom.RelSuggests):
		return suggests
	}
	return needs
}

// weightInside is the weight of edges that come from owners, and only theirs.
const weightInside = 3

// weight orders kinds by strength, the strongest first.
func weight(kind string) int32 {
	switch kind {
	case string(sbom.RelPreDepends):
		return 0
	case string(sbom.RelDepends):
		return 1
	case KindContains, KindBundled:
		return weightInside
	case string(sbom.RelRecommends):
		return 4
	case string(sbom.RelSuggests):
		return 5
	}
	return 2
}

// structural says whether an edge comes from an owner.
func structural(kind string) bool { return kind == KindContains || kind == KindBundled }
