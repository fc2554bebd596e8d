package propose

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/lockcheck/definition"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// maxJobs is the largest number of jobs of which the order is followed, which takes
// quadratic time. The largest repositories that were looked at have some 300.
const maxJobs = 1000

// node is a job with its file.
type node struct {
	file *definition.File
	job  *definition.Job
	// before are the jobs that come before it in a run, directly.
	before []*node
	// takes are the jobs of GitLab whose artifacts it takes, by their names.
	takes []*node
	// callers are the jobs that run it, of a reusable workflow.
	callers []*node
	// calls is the reusable workflow that the job runs; such a job has no
	// environment.
	calls *call
	// publisher is true for a job that can publish, builder for one whose artifact
	// reaches one that can.
	// byName is true for a publisher that only its name shows.
	publisher, builder, byName bool
	// inherited are the permissions of the callers that the job has.
	inherited []definition.Publish
	// hands are the artifacts that another job downloads.
	hands []handed
}

// call is a reusable workflow.
type call struct {
	text  string
	line  int
	local *definition.File // nil for one of another repository
}

// handed is an artifact on its way from one job to another.
type handed struct {
	name string // "" for one without a name
	line int    // of the upload
	to   *node
}

// graph has the jobs of workflows and of GitLab CI in the order of the files.
type graph struct {
	nodes  []*node
	byFile map[*definition.File][]*node
	// over is the number of jobs beyond the limit, of which the first is in overFile.
	over     int
	overFile string
}

func newGraph(files []definition.File) *graph {
	g := &graph{byFile: map[*definition.File][]*node{}}
	byPath := map[string]*definition.File{}
	for i := range files {
		byPath[files[i].Path] = &files[i]
	}
	for i := range files {
		f := &files[i]
		if f.Kind != definition.Workflow && f.Kind != definition.GitLab {
			continue
		}
		for j := range f.Jobs {
			if len(g.nodes) == maxJobs {
				g.over++
				g.overFile = cmp.Or(g.overFile, f.Path)
				continue
			}
			n := &node{file: f, job: &f.Jobs[j], calls: callOf(&f.Jobs[j], byPath)}
			g.nodes = append(g.nodes, n)
			g.byFile[f] = append(g.byFile[f], n)
		}
	}
	g.connect()
	return g
}

// callOf returns the reusable workflow of a job, nil for a job with steps.
func callOf(job *definition.Job, byPath map[string]*definition.File) *call {
	if len(job.Steps) > 0 {
		return nil
	}
	for _, u := range job.Uses {
		if u.Kind != definition.UseWorkflow || u.Via != "" {
			continue
		}
		c := &call{text: u.Text, line: u.At.Line}
		// "$/" is the repository itself, since July 2026
		// (https://github.blog/changelog/2026-07-30-reference-same-repository-actions-with-self-repository-syntax/).
		if own := strings.TrimPrefix(strings.TrimPrefix(u.Text, "$/"), "./"); own != u.Text {
			c.local = byPath[path.Clean(own)]
		}
		return c
	}
	return nil
}

// connect sets what comes before each job: what it needs, and for a job of a
// reusable workflow what its callers need. A job that needs a call comes after all
// jobs of what is called.
func (g *graph) connect() {
	for _, n := range g.nodes {
		if n.calls != nil && n.calls.local != nil {
			for _, called := range g.byFile[n.calls.local] {
				called.callers = append(called.callers, n)
			}
		}
	}
	for _, nodes := range g.byFile {
		byID := map[string]*node{}
		for _, n := range nodes {
			byID[n.job.ID] = n
		}
		for _, n := range nodes {
			for _, id := range n.job.Needs {
				if needed := byID[id]; needed != nil && needed != n {
					n.before = append(n.before, needed)
				}
			}
			if n.file.Kind == definition.GitLab {
				n.takes = takenFrom(n, nodes, byID)
			}
		}
	}
}

// takenFrom returns the jobs of GitLab whose artifacts a job takes. It comes after them
// by `dependencies` and by its stage, also without `needs`.
func takenFrom(n *node, nodes []*node, byID map[string]*node) (out []*node) {
	for _, d := range n.job.Downloads {
		if from := byID[d.Name]; from != nil && from != n && len(from.job.Uploads) > 0 {
			out = append(out, from)
		}
		if d.Name != "" {
			continue
		}
		for _, from := range nodes {
			if len(from.job.Uploads) > 0 && from != n {
				out = append(out, from)
			}
		}
	}
	return out
}

// ancestors returns the jobs that come before a job in a run, in the order of the
// files. Jobs that call a workflow are replaced by its jobs.
func (g *graph) ancestors(n *node) map[*node]bool {
	found := map[*node]bool{}
	todo := append(slices.Clone(n.before), n.callers...)
	seen := map[*node]bool{}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		if at != n && at.calls == nil {
			found[at] = true
		}
		if at.calls != nil && at.calls.local != nil && !slices.Contains(n.callers, at) {
			todo = append(todo, g.byFile[at.calls.local]...)
		}
		todo = append(todo, at.before...)
		todo = append(todo, at.callers...)
	}
	return found
}

// actionOf returns the name of an action without its version, in lower case.
func actionOf(uses string) string {
	name, _, _ := strings.Cut(uses, "@")
	return strings.ToLower(name)
}

// sameArtifact reports whether a download can be of an upload. Expressions can have
// any value, and a download without a name is of all artifacts.
func sameArtifact(up, down definition.Artifact) bool {
	return down.Name == "" || up.Name == "" || overlap(wild(up.Name), wild(down.Name))
}

// wild replaces what can have several values in a name by "*": expressions, and
// the other wildcards of a pattern.
func wild(name string) string { return anyText.ReplaceAllString(name, "*") }

var anyText = lazyregexp.New(`\$\{\{.*?\}\}|\?|\[[^\]]*\]|\{[^}]*\}`)

// maxPattern limits the time of a comparison, which is the product of the lengths.
const maxPattern = 200

// overlap reports whether two patterns of "*" can match one text.
func overlap(a, b string) bool {
	if len(a) > maxPattern || len(b) > maxPattern {
		return true // a job too many is better than one that is overlooked
	}
	// can[j] reports whether what was read of a, and b[:j], can match one text.
	can := make([]bool, len(b)+1)
	can[0] = true
	for j := range b {
		can[j+1] = can[j] && b[j] == '*'
	}
	for i := range a {
		next := make([]bool, len(b)+1)
		next[0] = can[0] && a[i] == '*'
		for j := range b {
			if a[i] == '*' || b[j] == '*' {
				next[j+1] = can[j+1] || next[j]
			} else {
				next[j+1] = can[j] && a[i] == b[j]
			}
		}
		can = next
	}
	return can[len(b)]
}
