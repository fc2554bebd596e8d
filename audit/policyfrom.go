package audit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// PolicyFrom is where the policy was read from that stages were judged by, if that is
// not the checkout: configuration, baseline, exceptions, locks, indexes and keys.
type PolicyFrom struct {
	// Ref is the name of the commit as it was given, and Commit its full digest in
	// hexadecimal; empty for a directory, Dir as it was given.
	Ref    string `json:"ref,omitempty"`
	Commit string `json:"commit,omitempty"`
	Dir    string `json:"dir,omitempty"`
	// Self is true if that is the commit, or the directory, that is checked out.
	Self bool `json:"self,omitempty"`
	// Files are the files of the policy that differ in the checkout, sorted by path.
	Files []PolicyFile `json:"files,omitempty"`
	// Stages are those that only the configuration of the checkout has, in its order.
	Stages []string `json:"stages,omitempty"`
}

// PolicyFile is a file of the policy that is another one in the checkout.
type PolicyFile struct {
	// Path is relative to the working directory, with slashes.
	Path string `json:"path"`
	// Change is one of PolicyChanged, PolicyAdded and PolicyRemoved.
	Change string `json:"change"`
}

// The changes of a [PolicyFile], from the policy to the checkout.
const (
	PolicyChanged = "changed"
	PolicyAdded   = "added"
	PolicyRemoved = "removed"
)

// Name returns the policy's name for people: "origin/main (0123456789ab)".
func (p *PolicyFrom) Name() string {
	if p.Commit == "" {
		return p.Dir
	}
	const digits = 12
	short := p.Commit[:min(len(p.Commit), digits)]
	if strings.HasPrefix(p.Commit, p.Ref) && p.Ref != "" {
		return short
	}
	return p.Ref + " (" + short + ")"
}

// Differs reports whether a file differs in the checkout.
func (p *PolicyFrom) Differs(path string) bool {
	return p != nil && slices.ContainsFunc(p.Files, func(f PolicyFile) bool { return f.Path == path })
}

// Summary returns what the checkout changes, by change: "changes a and b, adds c".
// It is empty if it changes nothing. Names are passed through untrusted.
func (p *PolicyFrom) Summary(untrusted func(string) string) string {
	const most = 5
	var parts []string
	for _, c := range []struct{ change, verb string }{{PolicyChanged, "changes "}, {PolicyAdded, "adds "}, {PolicyRemoved, "removes "}} {
		var paths []string
		for _, f := range p.Files {
			if f.Change == c.change {
				paths = append(paths, untrusted(f.Path))
			}
		}
		if more := len(paths) - most; more > 0 {
			paths = append(paths[:most], wording.Count(more, "other file", "other files"))
		}
		if len(paths) > 0 {
			parts = append(parts, c.verb+strings.Join(paths, ", "))
		}
	}
	if len(p.Stages) > 0 {
		parts = append(parts, "adds the "+wording.Form(len(p.Stages), "stage ", "stages ")+untrusted(strings.Join(p.Stages, ", ")))
	}
	return strings.Join(parts, "; ")
}

// maxPolicyFindings is the number of files with a finding of their own. A branch
// that changes more of what decides is a new one.
const maxPolicyFindings = 20

// findings returns what a reader must know about the policy.
func (p *PolicyFrom) findings() []Finding {
	if p == nil {
		return nil
	}
	var out []Finding
	add := func(r Rule, f Facts) {
		if f.Severity == "" {
			f.Severity = r.Strict
		}
		out = append(out, r.Finding(f))
	}
	name := p.Name()
	if p.Self {
		f := Facts{Subject: name}
		if p.Ref == "HEAD" || p.Ref == "@" {
			f.Severity = Warning // it is so in every job, and not only on the trusted branch
		}
		add(RulePolicySelf, f)
	}
	for i, file := range p.Files {
		if i == maxPolicyFindings {
			add(RulePolicyChanged, Facts{Count: len(p.Files) - i, Subject: name})
			break
		}
		add(RulePolicyChanged, Facts{Detail: file.Change, Subject: name, Paths: []string{file.Path}})
	}
	for _, stage := range p.Stages {
		add(RuleStageNotInPolicy, Facts{Subject: stage, Detail: name})
	}
	return out
}

// union returns the policy with the files of both, which are of one commit.
func (p *PolicyFrom) union(q *PolicyFrom) *PolicyFrom {
	if p == nil || q == nil {
		return p
	}
	out := *p
	out.Files = slices.Concat(p.Files, q.Files)
	slices.SortFunc(out.Files, func(a, b PolicyFile) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Change, b.Change))
	})
	out.Files = slices.CompactFunc(out.Files, func(a, b PolicyFile) bool { return a.Path == b.Path })
	return &out
}

var commitForm = lazyregexp.New(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

func (p *PolicyFrom) validate() error {
	if p == nil {
		return nil
	}
	switch {
	case (p.Commit == "") == (p.Dir == "") || (p.Commit == "") != (p.Ref == ""):
		return errors.New("the policy is from a commit or a directory, and not from both or neither")
	case p.Commit != "" && !commitForm.MatchString(p.Commit):
		return fmt.Errorf("the policy is from %q, which is not a commit", p.Commit)
	}
	for i, f := range p.Files {
		if !slices.Contains([]string{PolicyChanged, PolicyAdded, PolicyRemoved}, f.Change) {
			return fmt.Errorf("file %q of the policy has the unknown change %q", f.Path, f.Change)
		}
		if i > 0 && p.Files[i-1].Path >= f.Path {
			return fmt.Errorf("file %q of the policy is not in order", f.Path)
		}
	}
	return nil
}
