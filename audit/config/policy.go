package config

import (
	"slices"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// Policy returns what decides whether the stage passes, as baselines record it.
// registries are those of the pipeline.
func (s *Stage) Policy(registries []string) *audit.Policy {
	p := &audit.Policy{
		Limit: s.Limit, BaseLimit: s.BaseLimit, Minimum: s.Minimum, Distroless: s.Distroless,
		Verify: string(s.Verify), RequireOS: s.Require.OS, RequireLock: s.Require.Lock,
	}
	if s.Growth > 0 {
		p.Growth = &s.Growth
	}
	if s.Base != "" {
		p.Base = audit.BaseName(s.Base)
	}
	for _, f := range s.FirstParty {
		p.FirstParty = append(p.FirstParty, f.String())
	}
	for _, name := range s.Accept {
		p.Accept = append(p.Accept, string(name))
	}
	for i := range s.Waive {
		p.Waive = append(p.Waive, s.Waive[i].String())
	}
	p.Registries = slices.Concat(registries, s.Registries)
	for _, list := range []*[]string{&p.FirstParty, &p.Accept, &p.Waive, &p.Registries} {
		for i, entry := range *list {
			(*list)[i] = sbom.ValidText(entry)
		}
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return p
}
