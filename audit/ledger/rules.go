package ledger

import (
	"context"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Rule explains files that are in no artifact.
type Rule struct {
	// Name is the name in the ledger.
	Name string
	// Files are the files that it is about, and Checked is what is checked of them.
	Files, Checked string
	// Source is the document that describes them.
	Source string

	explain func(*engine, rootfs.Node) bool
}

// rulePackage is the number of the rule for files that a package owns and whose
// content it does not state.
const rulePackage = 1

// Rules returns the table of rules. The first that explains a file counts.
func Rules() []Rule {
	return []Rule{
		rulePackage - 1: {Name: "package-owned", Files: "files that a package owns and whose content it does not state (%ghost and %verify of rpm)", Checked: "nothing",
			Source: "https://rpm-software-management.github.io/rpm/manual/spec.html"},
	}
}

// ruleState has what several calls of rules need.
type ruleState struct{}

// explain applies the rules to all files that nothing accounts for.
func (e *engine) explain(ctx context.Context) error {
	for n := range e.nodes {
		f := &e.nodes[n]
		if f.status != unexplained && f.status != unchecked || f.detail != 0 {
			continue
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range e.rules {
			if r := &e.rules[i]; r.explain != nil && r.explain(e, rootfs.Node(n)) {
				if f.detail == 0 {
					f.status, f.rule = derived, uint8(i)+1
				}
				break
			}
		}
	}
	return ctx.Err()
}
