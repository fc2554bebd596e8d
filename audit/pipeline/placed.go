package pipeline

import (
	"errors"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/judge"
)

// shown names the files of a policy that is not the checkout's as the configuration
// does: what another process read has the paths of their content.
func shown(in *judge.Input, files config.Files) {
	if in.Lost != nil {
		in.Lost = errors.New(files.Shown(in.Lost.Error()))
	}
	if in.Proof == nil {
		return
	}
	proof := *in.Proof
	proof.Indexes, proof.Gaps = nil, nil
	for _, x := range in.Proof.Indexes {
		if !x.Environment {
			x.File, x.Problem = files.Shown(x.File), files.Shown(x.Problem)
		}
		proof.Indexes = append(proof.Indexes, x)
	}
	for _, g := range in.Proof.Gaps {
		g.Path, g.Detail = files.Shown(g.Path), files.Shown(g.Detail)
		proof.Gaps = append(proof.Gaps, g)
	}
	proof.Components = append([]audit.ComponentProof{}, in.Proof.Components...)
	for i := range proof.Components {
		proof.Components[i].Detail = files.Shown(proof.Components[i].Detail)
	}
	in.Proof = &proof
}
