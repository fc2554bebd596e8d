package definition

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// github reads a workflow of GitHub Actions, or the metadata of an action
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax,
// .../metadata-syntax).
func (r *reader) github(ctx context.Context, data []byte) {
	docs := r.yaml(ctx, data)
	if r.err != nil || len(docs) == 0 {
		return
	}
	if len(docs) > 1 {
		r.fail(docs[1].at, "", "more than one document in the file")
		return
	}
	root := docs[0]
	r.file.Name = r.text(root, "name")
	if r.file.Kind == Action {
		r.actionFile(root)
		return
	}
	r.file.Events = events(root)
	w := &workflow{reader: r, permissions: permissions(root.get("permissions")), env: environ(nil, root)}
	w.shell, w.directory = runDefaults(root, "", "")
	jobs := r.object(root, "jobs")
	if jobs == nil {
		return
	}
	for i := range jobs.members {
		m := &jobs.members[i]
		if m.value.kind == nodeNull {
			continue
		}
		if job := r.object(jobs, m.key); job != nil {
			r.file.Jobs = append(r.file.Jobs, w.job(m, job))
		}
	}
}

// events returns what starts a workflow, sorted. YAML 1.1 takes a bare "on" for
// true, and the library for the text that it is.
func events(root *node) (out []string) {
	on := root.get("on")
	if on != nil && on.kind == nodeObject {
		for _, m := range on.members {
			out = append(out, m.key)
		}
	} else {
		for _, n := range on.scalars() {
			out = append(out, n.text)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// scopes are the permissions that a token can have
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions).
var scopes = []string{
	"actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions", "id-token", "issues", "models",
	"packages", "pages", "pull-requests", "repository-projects", "security-events", "statuses",
}

// permissions returns what `permissions:` has, nil without it.
func permissions(n *node) map[string]string {
	if n == nil {
		return nil
	}
	out := map[string]string{}
	switch n.kind {
	case nodeScalar:
		if level, ok := strings.CutSuffix(n.text, "-all"); ok {
			for _, s := range scopes {
				out[s] = level
			}
		}
	case nodeObject:
		for _, m := range n.members {
			out[m.key] = m.value.text
		}
	}
	return out
}

// environ returns the variables of a level with those of its `env:`, if they are
// written out.
func environ(outer map[string]string, n *node) map[string]string {
	env := n.get("env")
	if env == nil || env.kind != nodeObject {
		return outer
	}
	out := maps.Clone(outer)
	if out == nil {
		out = map[string]string{}
	}
	for _, m := range env.members {
		if len(out) < maxVariables && len(m.value.text) <= maxValue {
			out[m.key] = m.value.text
		}
	}
	return out
}

// Limits of the variables that are known, which each step gets a copy of.
const (
	maxVariables = 1000
	maxValue     = 4096 // bytes
)

func runDefaults(n *node, shell, directory string) (string, string) {
	if run := n.get("defaults").get("run"); run != nil {
		if s := run.textOf("shell"); s != "" {
			shell = s
		}
		if d := run.textOf("working-directory"); d != "" {
			directory = d
		}
	}
	return shell, directory
}

// workflow has the defaults of the jobs of a workflow.
type workflow struct {
	*reader
	permissions      map[string]string
	env              map[string]string
	shell, directory string
}

func (w *workflow) job(m *member, n *node) Job {
	job := Job{
		ID: m.key, At: m.at, Name: n.textOf("name"), If: n.textOf("if"),
		Permissions: w.permissions,
	}
	if p := n.get("permissions"); p != nil {
		job.Permissions = permissions(p)
	}
	for _, need := range n.texts("needs") {
		job.Needs = append(job.Needs, need.text)
	}
	if e := n.get("environment"); e != nil {
		if job.Environment = e.text; e.kind == nodeObject {
			job.Environment = e.textOf("name")
		}
	}
	matrix := readMatrix(n.get("strategy").get("matrix"))
	job.Matrix = matrix.keys()

	b := &jobBuilder{reader: w.reader, job: &job, matrix: matrix, env: environ(w.env, n)}
	b.permissions(n.get("permissions"))
	if uses := n.member("uses"); uses != nil {
		if text := w.text(n, "uses"); text != "" {
			b.use(uses.value.at, action(text, UseWorkflow))
			b.callPublishes(uses.value.at, text, n.get("with"))
		}
		return job
	}
	b.runsOn(n.get("runs-on"))
	job.Container = b.image(n, "container", RoleContainer)
	if services := w.object(n, "services"); services != nil {
		for i := range services.members {
			b.image(services, services.members[i].key, RoleService)
		}
	}
	b.shell, b.directory = runDefaults(n, w.shell, w.directory)
	b.hosted = job.Container == ""
	b.steps(n)
	return job
}

// jobBuilder adds to a job.
type jobBuilder struct {
	*reader
	job              *Job
	matrix           matrix
	env              map[string]string
	shell, directory string
	// hosted is true for a job that runs on the runner itself.
	hosted bool
	// tags are the images that commands of the job have built.
	tags map[string]bool
}

func (b *jobBuilder) use(at Position, u Use) {
	u.File, u.At = b.file.Path, at
	if len(b.job.Uses) < maxUses {
		b.job.Uses = append(b.job.Uses, u)
		return
	}
	b.fail(at, "split the file", "a job that runs on more than %d things", maxUses)
}

// maxUses bounds what a job runs on.
const maxUses = 10_000

func (b *jobBuilder) publish(at Position, by string, permission bool) {
	b.job.Publishes = append(b.job.Publishes, Publish{File: b.file.Path, At: at, By: by, Permission: permission})
}

// runsOn adds the runner: a label, a list of labels, or a group with labels.
func (b *jobBuilder) runsOn(n *node) {
	if n == nil {
		return
	}
	at := n.at
	if n.kind == nodeObject {
		group, labels := n.textOf("group"), n.texts("labels")
		if group != "" {
			b.job.RunsOn = append(b.job.RunsOn, "group:"+group)
			u := runner("group:" + group)
			u.Text, u.Pin, u.Fix = group, Unknown, ""
			u.Detail = "the file does not show what the runners of a group have"
			b.use(at, u)
			return
		}
		b.labels(at, labels)
		return
	}
	if n.kind == nodeScalar {
		for _, label := range b.expand(n.text) {
			b.label(at, label)
		}
		return
	}
	b.labels(at, n.scalars())
}

// labels adds a runner that has all labels of a list.
func (b *jobBuilder) labels(at Position, labels []*node) {
	var texts []string
	for _, n := range labels {
		texts = append(texts, n.text)
	}
	switch {
	case len(texts) == 1:
		for _, label := range b.expand(texts[0]) {
			b.label(labels[0].at, label)
		}
	case len(texts) > 1:
		b.label(at, strings.Join(texts, " "))
	}
}

func (b *jobBuilder) label(at Position, label string) {
	b.job.RunsOn = append(b.job.RunsOn, label)
	b.use(at, runner(label))
}

// image adds the image of a container or a service, and returns its text.
func (b *jobBuilder) image(n *node, key string, role Role) string {
	v := n.get(key)
	if v == nil || v.kind == nodeNull {
		return ""
	}
	if v.kind == nodeObject {
		if v = v.get("image"); v == nil {
			return ""
		}
	}
	if v.kind == nodeNull {
		return ""
	}
	if v.kind != nodeScalar {
		b.fail(v.at, "", "%q must be the name of an image, not %s", key, v.kind)
		return ""
	}
	for _, ref := range b.expand(v.text) {
		if u, ok := image(ref, role); ok {
			b.use(v.at, u)
		}
	}
	return v.text
}

// permissions adds what the token may publish.
func (b *jobBuilder) permissions(n *node) {
	for _, scope := range []string{"attestations", "contents", "id-token", "packages", "pages"} {
		if b.job.Permissions[scope] != "write" {
			continue
		}
		at := b.job.At
		if m := n.member(scope); m != nil {
			at = m.at
		} else if n != nil {
			at = n.at
		}
		b.publish(at, scope+": write", true)
	}
}

func (b *jobBuilder) steps(n *node) {
	for _, s := range b.objects(n, "steps") {
		b.step(s)
	}
}

func (b *jobBuilder) step(n *node) {
	step := Step{
		File: b.file.Path, At: n.at, ID: n.textOf("id"), Name: n.textOf("name"), If: n.textOf("if"),
		Shell: b.shell, Directory: b.directory,
	}
	if s := n.textOf("shell"); s != "" {
		step.Shell = s
	}
	if d := n.textOf("working-directory"); d != "" {
		step.Directory = d
	}
	if with := b.object(n, "with"); with != nil {
		step.With = map[string]string{}
		for _, m := range with.members {
			step.With[m.key] = m.value.text
		}
	}
	if uses := n.member("uses"); uses != nil {
		step.Uses = b.text(n, "uses")
		if step.Uses != "" {
			u := action(step.Uses, UseAction)
			b.use(uses.value.at, u)
			outer := b.env
			b.env = environ(outer, n)
			b.setup(u, n.get("with"), uses.value.at)
			b.env = outer
			b.artifacts(u, step.With, n.at)
			b.actionPublishes(u, step.With, uses.value.at)
		}
	}
	if run := n.get("run"); run != nil {
		step.Run = b.text(n, "run")
		s := b.scriptOf(run)
		step.RunAt = s.at(0)
		outer := b.env
		b.env = environ(outer, n)
		b.run(step, s)
		b.env = outer
	}
	b.job.Steps = append(b.job.Steps, step)
}

// artifacts adds what the actions of the platform upload and download. Without a
// name an upload is called "artifact", and a download takes all.
func (b *jobBuilder) artifacts(u Use, with map[string]string, at Position) {
	switch lower(u.FullName()) {
	case "actions/upload-artifact":
		name := with["name"]
		if name == "" {
			name = "artifact"
		}
		b.job.Uploads = append(b.job.Uploads, Artifact{at, name})
	case "actions/download-artifact":
		// One of another run is not of this workflow.
		if with["run-id"] != "" {
			return
		}
		name := with["name"]
		if name == "" {
			name = with["pattern"]
		}
		b.job.Downloads = append(b.job.Downloads, Artifact{at, name})
	case "actions/upload-pages-artifact":
		b.job.Uploads = append(b.job.Uploads, Artifact{at, "github-pages"})
	case "actions/deploy-pages":
		b.job.Downloads = append(b.job.Downloads, Artifact{at, "github-pages"})
	}
}

var environUse = lazyregexp.New(`\$\{\{\s*env\.([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}`)

// expand returns a text for each value of the key of the matrix that it names, with
// the variables that are written out in the file.
func (b *jobBuilder) expand(text string) []string {
	text = environUse.ReplaceAllStringFunc(text, func(use string) string {
		if v, ok := b.env[environUse.FindStringSubmatch(use)[1]]; ok && v != "" {
			return v
		}
		return use
	})
	if len(text) > maxExpanded {
		return []string{text[:maxQuoted]}
	}
	return b.matrix.expand(text)
}

// matrix has the values of each key of a matrix, nil for one that is decided when
// the workflow runs.
type matrix map[string][]string

func (m matrix) keys() []string {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}

// readMatrix reads `strategy.matrix`: lists, and the objects of `include`. The
// members of an object that is a value are "key.member".
func readMatrix(n *node) matrix {
	if n == nil || n.kind != nodeObject {
		return nil
	}
	out := matrix{}
	add := func(key string, v *node) {
		if len(out[key]) < maxMatrix && v.kind == nodeScalar && !slices.Contains(out[key], v.text) {
			out[key] = append(out[key], v.text)
		} else if v.kind == nodeObject {
			for _, m := range v.members {
				if m.value.kind == nodeScalar && len(out[key+"."+m.key]) < maxMatrix && !slices.Contains(out[key+"."+m.key], m.value.text) {
					out[key+"."+m.key] = append(out[key+"."+m.key], m.value.text)
				}
			}
		}
	}
	for _, m := range n.members {
		switch {
		case m.key == "exclude":
		case m.key == "include":
			for _, item := range m.value.items {
				for _, i := range item.members {
					add(i.key, i.value)
				}
			}
		case m.value.kind == nodeArray:
			if _, ok := out[m.key]; !ok {
				out[m.key] = nil
			}
			for _, item := range m.value.items {
				add(m.key, item)
			}
		default:
			out[m.key] = nil
		}
	}
	return out
}

// maxMatrix bounds the values of a key. The platform runs at most 256 jobs of one.
const maxMatrix = 256

var matrixUse = lazyregexp.New(`\$\{\{\s*matrix\.([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}`)

// expand returns a text for each value of the key that it names. A text that names
// several keys, or another expression, is returned as it is.
func (m matrix) expand(text string) []string {
	found := matrixUse.FindAllStringSubmatch(text, 2)
	if len(found) == 0 {
		return []string{text}
	}
	if len(found) == 2 && found[0][1] != found[1][1] {
		return []string{text}
	}
	values := m[found[0][1]]
	if len(values) == 0 {
		return []string{text}
	}
	out := make([]string, 0, len(values))
	for _, v := range values {
		if t := matrixUse.ReplaceAllLiteralString(text, v); t != "" {
			out = append(out, t)
		}
	}
	return out
}
