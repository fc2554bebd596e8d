package audit

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// Policy is the part of a stage's configuration that decides what passes, beside
// critical and enforce. A baseline records it, so that a gate that is made weaker
// is a finding until it is accepted, like a dependency that is added.
type Policy struct {
	// Limit and BaseLimit are the largest numbers of dependencies, nil without one.
	Limit     *int `json:"limit,omitempty"`
	BaseLimit *int `json:"base-limit,omitempty"`
	// Growth is the number of new dependencies that are allowed, nil for 0.
	Growth *int `json:"growth,omitempty"`
	// Minimum is the number of dependencies below which the environment is taken for
	// broken, nil for the default.
	Minimum    *int `json:"minimum,omitempty"`
	Distroless bool `json:"distroless,omitempty"`
	// Base is the base without what changes with each release, see [BaseName]; empty
	// without one.
	Base string `json:"base,omitempty"`
	// Verify is whether files are verified, as configured; empty for the default.
	Verify string `json:"verify,omitempty"`
	// RequireOS and RequireLock are the required evidence, empty for any that is sound.
	RequireOS   string `json:"require-os,omitempty"`
	RequireLock string `json:"require-lock,omitempty"`
	// FirstParty, Registries, Accept and Waive are the entries of these lists, sorted.
	// Those of the whole pipeline are included.
	FirstParty []string `json:"first-party,omitempty"`
	Registries []string `json:"registries,omitempty"`
	Accept     []string `json:"accept,omitempty"`
	Waive      []string `json:"waive,omitempty"`
}

// PolicySetting is a key of a [Policy] with a pointer to its value: a **int, *bool,
// *string or *[]string.
type PolicySetting struct {
	Key   string
	Value any
	// weaker reports whether the value of now lets more pass than that of before.
	weaker func(before, now *Policy, strict bool) bool
}

// Settings returns all keys of the policy, in the order in which they are written.
func (p *Policy) Settings() []PolicySetting {
	maximum := func(of func(*Policy) *int) func(before, now *Policy, _ bool) bool {
		return func(before, now *Policy, _ bool) bool {
			b, n := of(before), of(now)
			return b != nil && (n == nil || *n > *b)
		}
	}
	atLeast := func(of func(*Policy) *int, missing int) func(before, now *Policy, _ bool) bool {
		value := func(p *Policy) int {
			if v := of(p); v != nil {
				return *v
			}
			return missing
		}
		return func(before, now *Policy, _ bool) bool { return value(now) < value(before) }
	}
	level := func(of func(*Policy) string, order []string) func(before, now *Policy, _ bool) bool {
		return func(before, now *Policy, _ bool) bool {
			return slices.Index(order, of(now)) < slices.Index(order, of(before))
		}
	}
	gains := func(of func(*Policy) []string) func(before, now *Policy, _ bool) bool {
		return func(before, now *Policy, _ bool) bool {
			return slices.ContainsFunc(of(now), func(s string) bool { return !slices.Contains(of(before), s) })
		}
	}
	return []PolicySetting{
		{"limit", &p.Limit, maximum(func(p *Policy) *int { return p.Limit })},
		{"base-limit", &p.BaseLimit, maximum(func(p *Policy) *int { return p.BaseLimit })},
		{"growth", &p.Growth, func(before, now *Policy, _ bool) bool { return now.growth() > before.growth() }},
		{"minimum", &p.Minimum, atLeast(func(p *Policy) *int { return p.Minimum }, usualMinimum)},
		{"distroless", &p.Distroless, func(before, now *Policy, _ bool) bool { return now.Distroless && !before.Distroless }},
		{"base", &p.Base, func(before, now *Policy, _ bool) bool { return before.Base != now.Base }},
		{"verify", &p.Verify, func(before, now *Policy, strict bool) bool {
			return verifyLevel(now.Verify, strict) < verifyLevel(before.Verify, strict)
		}},
		{"require-os", &p.RequireOS, level(func(p *Policy) string { return p.RequireOS }, osEvidence())},
		{"require-lock", &p.RequireLock, level(func(p *Policy) string { return p.RequireLock }, lockEvidence())},
		{"first-party", &p.FirstParty, gains(func(p *Policy) []string { return p.FirstParty })},
		{"registries", &p.Registries, gains(func(p *Policy) []string { return p.Registries })},
		{"accept", &p.Accept, gains(func(p *Policy) []string { return p.Accept })},
		{"waive", &p.Waive, gains(func(p *Policy) []string { return p.Waive })},
	}
}

// usualMinimum is the least number of dependencies of an environment with an
// operating system, where the configuration has none.
const usualMinimum = 10

func (p *Policy) growth() int {
	if p.Growth == nil {
		return 0
	}
	return *p.Growth
}

// verifyLevel orders the values of verify. The default depends on whether the stage
// is critical: that it is no longer so has a finding of its own.
func verifyLevel(verify string, strict bool) int {
	switch verify {
	case "sealed":
		return 2
	case "true":
		return 1
	case "":
		if strict {
			return 1
		}
	}
	return 0
}

// PolicyChange is a key of a policy with its values before and now, "" for none.
type PolicyChange struct {
	Key, Before, Now string
	// Weaker is true if a critical stage lets more pass now.
	Weaker bool
}

// String returns the change for people: "limit: 160 -> none".
func (c PolicyChange) String() string {
	return fmt.Sprintf("%s: %s -> %s", c.Key, orNone(c.Before), orNone(c.Now))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// Loosened returns the keys by which now lets more pass than p, which may be nil for
// one that is not known. strict is whether findings failed the stage.
func (p *Policy) Loosened(now *Policy, strict bool) []PolicyChange {
	return p.changes(now, func(s PolicySetting) bool { return s.weaker(p, now, strict) })
}

// Changes returns all keys whose values differ. Neither policy may be nil.
func (p *Policy) Changes(now *Policy) []PolicyChange {
	return p.changes(now, func(PolicySetting) bool { return true })
}

func (p *Policy) changes(now *Policy, chosen func(PolicySetting) bool) []PolicyChange {
	if p == nil || now == nil {
		return nil
	}
	var out []PolicyChange
	before := p.Settings()
	for i, s := range now.Settings() {
		a, b := before[i].lines(), s.lines()
		if !chosen(s) || slices.Equal(a, b) {
			continue
		}
		if _, list := s.Value.(*[]string); list {
			// Of lists, what both have is left out.
			a, b = without(a, b), without(b, a)
		}
		out = append(out, PolicyChange{s.Key, strings.Join(a, ", "), strings.Join(b, ", "), s.weaker(p, now, true)})
	}
	return out
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// lines returns the value as text, one for each entry of a list.
func (s PolicySetting) lines() []string {
	switch v := s.Value.(type) {
	case **int:
		if *v != nil {
			return []string{strconv.Itoa(**v)}
		}
	case *bool:
		if *v {
			return []string{"true"}
		}
	case *string:
		if *v != "" {
			return []string{*v}
		}
	case *[]string:
		return *v
	}
	return nil
}

// String returns the key with its value for people: "limit: 160".
func (s PolicySetting) String() string { return s.Key + ": " + strings.Join(s.lines(), ", ") }

// Empty reports whether the key has no value.
func (s PolicySetting) Empty() bool { return len(s.lines()) == 0 }

// BaseName returns a reference to a base without what legitimately changes with each
// release: of an image in a registry or an engine the tag and the digest, of others
// the digest, and of a snapshot the path, which is that of one job.
func BaseName(ref string) string {
	kind := EnvironmentKind(ref)
	name, _, _ := strings.Cut(ref, "@sha256:")
	switch kind {
	case "snapshot":
		return kind
	case "registry", "docker":
		// A colon after the last slash begins a tag; one before it, a port.
		if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') && i > len(kind) {
			name = name[:i]
		}
	}
	return sbom.ValidText(name)
}

// validate checks the policy of a report against the fields that repeat it.
func (p *Policy) validate(s *Stage) error {
	if p == nil {
		return nil
	}
	same := func(a, b *int) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
	switch {
	case !same(p.Limit, s.Limit):
		return errors.New("the limit of the policy contradicts that of the stage")
	case p.growth() != s.Growth.Allowed:
		return errors.New("the growth of the policy contradicts that of the stage")
	case (p.Verify == "sealed") != s.Sealed && s.Verified:
		return errors.New("verify of the policy contradicts that of the stage")
	}
	return nil
}
