package judge

import (
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

// limitations reports the limitations that the configuration does not accept,
// and the accepted ones that the environment does not have.
func (p *policy) limitations() {
	var open, acceptable, unused []string
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
		f := audit.Facts{Subject: strings.Join(open, ", "), Detail: strings.Join(acceptable, ", ")}
		if !p.gated {
			// Without a configuration nothing can be accepted.
			f.Severity = audit.Info
		}
		p.add(audit.RuleLimitation, f)
	}
	for _, name := range p.config.Accept {
		if !slices.ContainsFunc(p.stage.Limitations, func(l audit.Limitation) bool { return l.Name == name }) {
			unused = append(unused, string(name))
		}
	}
	if len(unused) > 0 {
		p.add(audit.RuleUnusedAccept, audit.Facts{Subject: strings.Join(unused, ", ")})
	}
}
