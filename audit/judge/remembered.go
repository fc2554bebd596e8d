package judge

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// The baseline remembers by which policy a stage was accepted. That a stage is no
// longer critical, or is gone, is about no single stage ([pipelineFindings]): it must
// be seen when the stage is not judged.

// acceptedBase returns the base that an accepted stage had, "" for none. known is
// false if the baseline does not show it.
func acceptedBase(s *baseline.Stage) (base string, known bool) {
	if s.Policy != nil {
		return s.Policy.Base, true
	}
	for i := range s.Dependencies {
		if d := &s.Dependencies[i]; d.Provenance == audit.FromImage && d.Evidence == audit.EvidenceSnapshot {
			return audit.EvidenceSnapshot, true
		}
	}
	return "", false
}

// lostBase reports whether an accepted stage, which may be nil, had a base and has
// none any more.
func lostBase(before *baseline.Stage, now *config.Stage) bool {
	if before == nil || now.Base != "" {
		return false
	}
	base, _ := acceptedBase(before)
	return base != ""
}

// remembered applies the rules about what the baseline records of the policy.
func (p *policy) remembered(before *baseline.Stage) {
	if before == nil || p.stage.Policy == nil {
		return
	}
	strict := p.config.Strict() || before.Critical
	add := func(r audit.Rule, f audit.Facts) {
		f.Severity, f.Accept = r.Severity(strict), updateCommand(p.config, true)
		p.add(r, f)
	}
	if base, known := acceptedBase(before); known && base != p.stage.Policy.Base {
		add(audit.RuleBaseDiffers, audit.Facts{Subject: base, Detail: p.stage.Policy.Base, Snapshot: snapshotCommands(p.config)})
	}
	var weaker []string
	for _, c := range before.Policy.Loosened(p.stage.Policy, strict) {
		if c.Key != "base" {
			weaker = append(weaker, c.String())
		}
	}
	if len(weaker) > 0 {
		add(audit.RuleLoosened, audit.Facts{Subject: strings.Join(weaker, "; ")})
	}
}

// snapshotCommands returns the commands that make a snapshot of the stage's
// environment and audit it with that. Only host: and directories have one.
func snapshotCommands(s *config.Stage) string {
	const file = "before.json"
	environment := ""
	if s.Environment != "host:" {
		environment = " " + wording.ShellWord(s.Environment)
	}
	command := "depaudit audit"
	for _, f := range s.Flags {
		command += " " + f.Name + " " + wording.ShellWord(f.Value)
	}
	return "`depaudit snapshot" + environment + " -o " + file + "`, `" + command + " --since " + s.Name + "=" + file + "`"
}

// changedLocks returns which locks of the stage the branch changes, as the end of a
// message about packages that the trusted ones do not have.
func (p *policy) changedLocks() string {
	var changed []string
	for _, l := range p.footprint.locks {
		if path := sbom.ValidText(filepath.ToSlash(l.Path)); p.from.Differs(path) {
			changed = append(changed, path)
		}
	}
	if len(changed) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s %s changed by this branch, and judged as in %s", strings.Join(changed, ", "), wording.Form(len(changed), "is", "are"), p.from.Name())
}

// lateSnapshot reports a snapshot that has what the stage added when it was
// accepted.
func (p *policy) lateSnapshot() {
	b, g := p.stage.Base, p.stage.Growth.Base
	if b == nil || g == nil || !b.Known || b.Kind != "snapshot" || g.Baseline == 0 {
		return // a base that is new has a finding of its own
	}
	added := p.stage.Growth.Baseline - g.Baseline
	moved := len(g.ToBase)
	if moved > 0 && (b.Added == 0 || moved >= leastGone && 2*moved >= added) {
		p.add(audit.RuleLateSnapshot, audit.Facts{Count: moved, Limit: added, Accept: updateCommand(p.config, true)})
	}
}
