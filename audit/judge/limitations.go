package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// limitations returns the limitations of the environment, with those that the
// configuration accepts marked.
func limitations(list []sbom.Limitation, accept []sbom.LimitationName) []audit.Limitation {
	var out []audit.Limitation
	for _, l := range list {
		out = append(out, audit.Limitation{Limitation: l, Accepted: slices.Contains(accept, l.Name)})
	}
	return out
}

// limitationNames returns the names, each once.
func limitationNames(list []sbom.Limitation) []string {
	var names []string
	for _, l := range list {
		if name := string(l.Name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// limitations tells what the environment cannot show and nobody accepted, and
// what was accepted for nothing.
func (p *policy) limitations() {
	var open, acceptable []string
	for _, l := range p.stage.Limitations {
		name := string(l.Name)
		if l.Accepted || slices.Contains(open, name) {
			continue
		}
		open = append(open, name)
		if slices.Contains(sbom.LimitationNames(), l.Name) {
			acceptable = append(acceptable, name)
		}
	}
	if len(open) > 0 {
		fix := "audit the environment itself"
		if len(acceptable) > 0 {
			fix += fmt.Sprintf(", or accept a count without it: `accept: [%s]` in the stage", strings.Join(acceptable, ", "))
		}
		f := audit.Finding{Message: "the environment cannot show: " + strings.Join(open, ", "), Fix: fix}
		if p.gated {
			p.finding(audit.RuleLimitation, f)
		} else {
			// A look at one environment, which has no configuration to accept
			// anything in: the number says it already.
			p.add(ruleFor(audit.RuleLimitation), audit.Info, audit.Finding{Message: f.Message})
		}
	}
	var idle []string
	for _, name := range p.config.Accept {
		if !slices.ContainsFunc(p.stage.Limitations, func(l audit.Limitation) bool { return l.Name == name }) {
			idle = append(idle, string(name))
		}
	}
	if len(idle) > 0 {
		p.finding(audit.RuleUnusedAccept, audit.Finding{Message: "the environment does not have what is accepted: " + strings.Join(idle, ", "), Fix: "remove it from `accept:` of the stage"})
	}
}
