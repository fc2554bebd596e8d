package definition

import (
	"context"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// bake reads a file of `docker buildx bake`
// (https://docs.docker.com/build/bake/reference/), JSON or HCL: a job for each
// target. Functions and other expressions than variables with a default are not
// evaluated.
func (r *reader) bake(ctx context.Context, data []byte) {
	var root *node
	if path.Ext(r.file.Path) == ".json" {
		root = r.json(ctx, data)
	} else {
		root = r.hcl(ctx, string(data))
	}
	if r.err != nil || root == nil {
		return
	}
	defaults := map[string]string{}
	if variables := root.get("variable"); variables != nil {
		for _, m := range variables.members {
			if v := m.value.get("default"); v != nil && v.kind == nodeScalar {
				defaults[m.key] = v.text
			}
		}
	}
	targets := r.object(root, "target")
	if targets == nil {
		return
	}
	for i := range targets.members {
		m := &targets.members[i]
		target := r.object(targets, m.key)
		if target == nil {
			continue
		}
		job := Job{ID: m.key, At: m.at}
		b := &jobBuilder{reader: r, job: &job}
		b.target(targets, target, defaults)
		r.file.Jobs = append(r.file.Jobs, job)
	}
}

// inherited returns the value of a key of a target, or of those that it inherits
// from: the last one is the strongest.
func inherited(targets, target *node, key string, level int) *node {
	if v := target.get(key); v != nil && v.kind != nodeNull {
		return v
	}
	if level > maxNested {
		return nil
	}
	parents := target.texts("inherits")
	for i := len(parents) - 1; i >= 0; i-- {
		if parent := targets.get(parents[i].text); parent != nil {
			if v := inherited(targets, parent, key, level+1); v != nil {
				return v
			}
		}
	}
	return nil
}

func (b *jobBuilder) target(targets, target *node, defaults map[string]string) {
	value := func(key string) string {
		v := inherited(targets, target, key, 0)
		if v == nil || v.kind != nodeScalar {
			return ""
		}
		return b.bakeText(v, defaults)
	}
	dockerfile := value("dockerfile")
	if inline := inherited(targets, target, "dockerfile-inline", 0); inline != nil {
		b.note(Unread, inline.at, "a Dockerfile within this file is not read: put it into a file, and name that")
		dockerfile = "-"
	}
	if contexts := inherited(targets, target, "contexts", 0); contexts != nil {
		for _, m := range contexts.members {
			text := b.bakeText(m.value, defaults)
			if name, ok := strings.CutPrefix(text, "target:"); ok {
				b.job.Needs = append(b.job.Needs, name)
			} else if u, ok := contextUse(text); ok {
				b.use(m.value.at, u)
			}
		}
	}
	at := b.job.At
	if c := inherited(targets, target, "context", 0); c != nil {
		at = c.at
	}
	b.built(at, value("context"), dockerfile, value("target"))
	if output := inherited(targets, target, "output", 0); output != nil {
		for _, o := range append(output.scalars(), output.items...) {
			if strings.Contains(o.text, "type=registry") || strings.Contains(o.text, "push=true") || o.textOf("type") == "registry" || o.textOf("push") == "true" {
				b.publish(o.at, "output: "+"type=registry", false)
				break
			}
		}
	}
}

var bakeVariable = lazyregexp.New(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// bakeText returns a text with the defaults of its variables, which the environment
// can replace: that is a note.
func (b *jobBuilder) bakeText(n *node, defaults map[string]string) string {
	out := bakeVariable.ReplaceAllStringFunc(n.text, func(use string) string {
		if v, ok := defaults[use[2:len(use)-1]]; ok {
			return v
		}
		return use
	})
	if out != n.text && !isVariable(out) && len(out) <= maxExpanded {
		b.note(Undecided, n.at, "%s is %s unless the build sets a variable", quote(n.text), quote(out))
		return out
	}
	return n.text
}
