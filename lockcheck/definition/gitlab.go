package definition

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// gitlabKeys are the keys of a configuration that are no jobs
// (https://docs.gitlab.com/ci/yaml/#global-keywords).
var gitlabKeys = []string{"default", "include", "stages", "variables", "workflow", "spec", "image", "services", "before_script", "after_script", "cache", "types"}

// gitlab reads a configuration of GitLab CI (https://docs.gitlab.com/ci/yaml/): a
// job for each that is not hidden, with what `extends`, `default` and `!reference`
// give it. Files of the checkout that are included are read as GitLab reads them: a
// key of the including file is stronger.
func (r *reader) gitlab(ctx context.Context, data []byte) {
	g := &gitlabReader{reader: r, root: &node{kind: nodeObject}, seen: map[string]bool{r.file.Path: true}, done: map[*node]*node{}}
	g.load(ctx, r, data, 0)
	if r.err != nil {
		return
	}
	g.stages = []string{".pre"}
	if stages := g.root.texts("stages"); len(stages) > 0 {
		for _, s := range stages {
			g.stages = append(g.stages, s.text)
		}
	} else {
		g.stages = append(g.stages, "build", "test", "deploy")
	}
	g.stages = append(g.stages, ".post")
	for i := range g.root.members {
		m := &g.root.members[i]
		if slices.Contains(gitlabKeys, m.key) || strings.HasPrefix(m.key, ".") || m.value.kind != nodeObject {
			continue
		}
		g.job(m)
	}
	g.flow()
}

type gitlabReader struct {
	*reader
	root   *node // all files merged
	stages []string
	seen   map[string]bool
	of     []string // the stage of each job
	// done are the jobs with what they extend.
	done   map[*node]*node
	merges int
}

// maxMerged bounds the members that are merged for all jobs.
const maxMerged = 2_000_000

// load merges a file, and before it the files that it includes.
func (g *gitlabReader) load(ctx context.Context, r *reader, data []byte, level int) {
	docs := r.yaml(ctx, data)
	if r.err != nil {
		g.err = r.err
		return
	}
	if len(docs) == 0 {
		return
	}
	// The first of two documents is the header with the inputs.
	root := docs[len(docs)-1]
	if root.kind == nodeNull {
		return
	}
	if include := root.get("include"); include != nil {
		items := []*node{include}
		if include.kind == nodeArray {
			items = include.items
		}
		for _, item := range items {
			g.include(ctx, r, item, level)
		}
	}
	for _, m := range root.members {
		if old := g.root.get(m.key); old != nil {
			m.value = g.merged(old, m.value, 0)
		}
		g.root.put(m)
	}
}

// merged returns an object with the members of two, of which the second is stronger.
// Lists are replaced.
func (g *gitlabReader) merged(weak, strong *node, level int) *node {
	if g.merges += len(weak.members) + len(strong.members); g.merges > maxMerged {
		g.fail(strong.at, "split the file", "too many jobs extend each other")
		return strong
	}
	if weak.kind != nodeObject || strong.kind != nodeObject || level > maxDepth {
		return strong
	}
	out := &node{kind: nodeObject, at: strong.at, from: strong.from}
	index := map[string]int{}
	for _, m := range weak.members {
		index[m.key] = len(out.members)
		out.members = append(out.members, m)
	}
	for _, m := range strong.members {
		if i, ok := index[m.key]; ok {
			m.value = g.merged(out.members[i].value, m.value, level+1)
			out.members[i] = m
			continue
		}
		out.members = append(out.members, m)
	}
	return out
}

// include adds an included file: one of the checkout is read, and any other is
// something that every job runs on.
func (g *gitlabReader) include(ctx context.Context, r *reader, n *node, level int) {
	add := func(at Position, u Use) {
		u.Kind, u.File, u.At = UseWorkflow, r.file.Path, at
		g.file.Uses = append(g.file.Uses, u)
	}
	local := n
	if n.kind == nodeObject {
		local = n.get("local")
	}
	switch {
	case n.kind == nodeScalar && strings.Contains(n.text, "://"), n.get("remote") != nil:
		url := n
		if n.kind == nodeObject {
			url = n.get("remote")
		}
		u := download(url.text)
		u.Pin, u.Detail, u.Fix = Floating, "the included file has no digest", "write `integrity: sha256-...`"
		if sum, ok := strings.CutPrefix(n.textOf("integrity"), "sha256-"); ok && sum != "" {
			u.Pin, u.Detail, u.Fix = ByDigest, "", ""
		}
		add(url.at, u)
	case local != nil && local.kind == nodeScalar:
		g.local(ctx, r, local, level)
	case n.get("project") != nil:
		project, ref := n.get("project"), n.textOf("ref")
		for _, file := range n.texts("file") {
			u := Use{Text: project.text + ":" + file.text, Type: "gitlab"}
			u.Namespace, u.Name = lastElement(strings.Trim(project.text, "/"))
			switch {
			case commitID.MatchString(ref):
				u.Version, u.Pin = lower(ref), ByCommit
			case isVariable(project.text + ref):
				u.Pin, u.Detail, u.Fix = Variable, "the reference is decided when the pipeline is made", "write `ref:` with the full commit"
			default:
				u.Spec, u.Pin = ref, Floating
				u.Detail, u.Fix = "a file of another project without a commit", "write `ref:` with the full commit"
			}
			add(file.at, u)
		}
	case n.get("component") != nil:
		c := n.get("component")
		name, version, _ := strings.Cut(c.text, "@")
		u := Use{Text: c.text, Type: "gitlab"}
		u.Namespace, u.Name = lastElement(name)
		switch {
		case commitID.MatchString(version):
			u.Version, u.Pin = lower(version), ByCommit
		case strings.Contains(name, "$CI_SERVER_FQDN/$CI_PROJECT_PATH") && strings.Contains(version, "$CI_COMMIT_SHA"):
			u.Pin = ByCheckout
		case isVariable(version):
			u.Spec, u.Pin, u.Detail, u.Fix = version, Variable, "the version is decided when the pipeline is made", "write the full commit after \"@\""
		default:
			u.Spec, u.Pin = version, Floating
			u.Detail, u.Fix = quote(version)+" is a tag, a branch or a range, and can be moved", "write the full commit after \"@\""
		}
		add(c.at, u)
	case n.get("template") != nil:
		t := n.get("template")
		u := Use{Text: t.text, Type: "generic", Namespace: "gitlab-template", Name: t.text, Pin: Floating}
		u.Detail, u.Fix = "a template changes with the version of GitLab", "copy the template into the repository"
		add(t.at, u)
	}
}

// local reads an included file of the checkout. "*" is that of file names, "**" of
// directories too.
func (g *gitlabReader) local(ctx context.Context, r *reader, n *node, level int) {
	pattern := strings.TrimPrefix(path.Clean("/"+n.text), "/")
	if isVariable(pattern) {
		r.note(Undecided, n.at, "the included file %s is decided when the pipeline is made", quote(n.text))
		g.notes(r)
		return
	}
	if g.checkout == nil {
		u := Use{Kind: UseWorkflow, Text: n.text, Type: "generic", Name: n.text, Pin: ByCheckout, File: r.file.Path, At: n.at}
		g.file.Uses = append(g.file.Uses, u)
		return
	}
	names := []string{pattern}
	if strings.Contains(pattern, "*") {
		names = nil
		for _, p := range []string{strings.ReplaceAll(pattern, "**/", ""), strings.ReplaceAll(pattern, "**", "*"), strings.ReplaceAll(pattern, "**/", "*/*/")} {
			found, err := fs.Glob(g.checkout.FS, p)
			if err == nil {
				names = append(names, found...)
			}
		}
		slices.Sort(names)
		names = slices.Compact(names)
	}
	for _, name := range names {
		if g.seen[name] {
			continue
		}
		g.seen[name] = true
		if level > maxLevels || len(g.seen) > maxFollowed {
			r.note(Unread, n.at, "too many files include each other")
			break
		}
		data, err := readFile(g.checkout.FS, name)
		if err != nil {
			r.note(Unread, n.at, "the included file %s is not read: %s", quote(name), message(err))
			continue
		}
		g.checkout.files[name] = nil
		inner := newReader(name, GitLab, string(data))
		inner.checkout = g.checkout
		g.load(ctx, inner, data, level+1)
		g.notes(inner)
	}
	g.notes(r)
}

// notes moves the notes of an included file.
func (g *gitlabReader) notes(r *reader) {
	if r.file != g.file {
		g.file.Notes = append(g.file.Notes, r.file.Notes...)
		r.file.Notes = nil
	}
}

// unread records a place of one of the files.
func (g *gitlabReader) unread(n *node, format string, args ...any) {
	before := len(g.file.Notes)
	if g.note(Unread, n.at, format, args...); n.from != nil && len(g.file.Notes) > before {
		g.file.Notes[before].File = n.from.file.Path
	}
}

// extended returns a job with what it extends.
func (g *gitlabReader) extended(job *node, level int) *node {
	bases := job.texts("extends")
	if len(bases) == 0 || level > maxLevels || g.err != nil {
		return job
	}
	if done := g.done[job]; done != nil {
		return done
	}
	g.done[job] = job // for one that extends itself
	out := &node{kind: nodeObject}
	for _, base := range bases {
		if b := g.root.get(base.text); b != nil && b.kind == nodeObject {
			out = g.merged(out, g.extended(b, level+1), 0)
		} else {
			g.unread(base, "the job extends %s, which is not in the files that were read", quote(base.text))
		}
	}
	out = g.merged(out, job, 0)
	g.done[job] = out
	return out
}

// deref returns a value with what "!reference [JOB, KEY...]" names.
func (g *gitlabReader) deref(n *node, level int) *node {
	if n == nil || n.tag != "!reference" || level > maxNested {
		return n
	}
	to := g.root
	for i, key := range n.items {
		if to = to.get(key.text); to != nil && i == 0 && to.kind == nodeObject {
			to = g.extended(to, level+1)
		}
	}
	if to == nil {
		g.unread(n, "a reference to what is not in the files that were read")
	}
	return g.deref(to, level+1)
}

// setting returns a keyword of a job, else the default of the file.
func (g *gitlabReader) setting(job *node, key string) *node {
	if v := g.deref(job.get(key), 0); v != nil {
		return v
	}
	if inherit := job.get("inherit").get("default"); inherit != nil && (inherit.text == "false" || inherit.kind == nodeArray && !slices.ContainsFunc(inherit.items, func(n *node) bool { return n.text == key })) {
		return nil
	}
	if v := g.deref(g.root.get("default").get(key), 0); v != nil {
		return v
	}
	return g.deref(g.root.get(key), 0)
}

var gitlabVariable = lazyregexp.New(`\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})`)

func (g *gitlabReader) job(m *member) {
	n := g.extended(m.value, 0)
	job := Job{ID: m.key, At: m.at}
	if m.value.from != nil && m.value.from != g.reader {
		job.File = m.value.from.file.Path
	}
	b := &jobBuilder{reader: g.reader, job: &job, env: map[string]string{}}
	for _, variables := range []*node{g.root.get("variables"), n.get("variables")} {
		if variables == nil {
			continue
		}
		for _, v := range variables.members {
			value := v.value
			if value.kind == nodeObject {
				value = value.get("value")
			}
			if value != nil && value.kind == nodeScalar && len(b.env) < maxVariables && len(value.text) <= maxValue {
				b.env[v.key] = value.text
			}
		}
	}
	job.If = cmp.Or(n.get("rules").firstText("if"), n.textOf("only"))
	if e := n.get("environment"); e != nil {
		if job.Environment = e.text; e.kind == nodeObject {
			job.Environment = e.textOf("name")
		}
	}
	g.runner(b, n, m)
	if trigger := n.get("trigger"); trigger != nil {
		g.trigger(b, trigger)
		g.of = append(g.of, n.textOf("stage"))
		g.file.Jobs = append(g.file.Jobs, job)
		return
	}
	if im := g.setting(n, "image"); im != nil {
		job.Container = g.image(b, im, RoleContainer)
	} else {
		u := Use{Kind: UseImage, Role: RoleContainer, Text: "", Type: "docker", Name: "default", Pin: Unknown, Detail: "no image: it is the default one of the runner", Fix: "write `image:` with a digest"}
		b.use(m.at, u)
	}
	if services := g.setting(n, "services"); services != nil {
		for _, s := range services.items {
			g.image(b, g.deref(s, 0), RoleService)
		}
	}
	if tokens := n.get("id_tokens"); tokens != nil {
		for _, t := range tokens.members {
			b.on(tokens).publish(t.at, "id_tokens: "+t.key, true)
		}
	}
	if release := n.member("release"); release != nil {
		b.on(release.value).publish(release.at, "release", false)
	}
	if m.key == "pages" || n.get("pages") != nil && n.textOf("pages") != "false" {
		b.publish(m.at, "pages", false)
	}
	g.scripts(b, n)
	g.needs(&job, n)
	g.of = append(g.of, cmp.Or(n.textOf("stage"), "test"))
	g.file.Jobs = append(g.file.Jobs, job)
}

// firstText returns the text of a key in the first object of a list that has it.
func (n *node) firstText(key string) string {
	if n == nil {
		return ""
	}
	for _, item := range n.items {
		if t := item.textOf(key); t != "" {
			return t
		}
	}
	return ""
}

// on returns the builder for the file in which a value is.
func (b *jobBuilder) on(n *node) *jobBuilder {
	if n == nil || n.from == nil || n.from == b.reader {
		return b
	}
	other := *b
	other.reader = n.from
	return &other
}

func (g *gitlabReader) runner(b *jobBuilder, n *node, m *member) {
	at, label := m.at, "shared"
	tags := g.setting(n, "tags")
	if tags != nil && len(tags.scalars()) > 0 {
		at = tags.at
		var texts []string
		for _, t := range tags.scalars() {
			texts = append(texts, t.text)
		}
		label = strings.Join(texts, " ")
		b.job.RunsOn = []string{label}
	}
	u := Use{Kind: UseRunner, Text: label, Type: "generic", Namespace: "runner", Name: label, Pin: Unknown, Detail: "the file does not show what the runner has"}
	if strings.HasPrefix(label, "saas-") {
		u.Pin, u.Detail = Floating, "the image of a hosted runner is replaced by GitLab"
	} else if isVariable(label) {
		u.Pin, u.Detail = Variable, "the runner is decided when the job runs"
	}
	b.on(tags).use(at, u)
}

// image adds an image, with the variables that the files have.
func (g *gitlabReader) image(b *jobBuilder, n *node, role Role) string {
	if n != nil && n.kind == nodeObject {
		n = n.get("name")
	}
	if n == nil || n.kind != nodeScalar {
		return ""
	}
	b = b.on(n)
	text := gitlabVariable.ReplaceAllStringFunc(n.text, func(use string) string {
		if v, ok := b.env[strings.Trim(use, "${}")]; ok && !isVariable(v) {
			return v
		}
		return use
	})
	if len(text) > maxExpanded {
		text = n.text
	}
	if text != n.text && !isVariable(text) {
		b.note(Undecided, n.at, "the image %s is %s unless the pipeline sets a variable", quote(n.text), quote(text))
	}
	if u, ok := image(text, role); ok {
		u.Text = n.text
		b.use(n.at, u)
	}
	return text
}

// trigger adds the pipeline that a job starts.
func (g *gitlabReader) trigger(b *jobBuilder, n *node) {
	b = b.on(n)
	for _, item := range append([]*node{n.get("include")}, n.get("include").elements()...) {
		if item == nil || item.kind == nodeArray {
			continue
		}
		if local := item.textOf("local") + item.text; local != "" && !strings.Contains(local, "://") {
			b.use(item.at, Use{Kind: UseWorkflow, Text: local, Type: "generic", Name: local, Pin: ByCheckout})
			b.note(Unread, item.at, "the pipeline %s that the job starts is a definition of its own", quote(local))
		}
	}
	if project := cmp.Or(n.textOf("project"), n.text); project != "" {
		u := Use{Kind: UseWorkflow, Text: project, Type: "gitlab", Spec: n.textOf("branch"), Pin: Floating, Detail: "a pipeline of another project", Fix: "run it in this one"}
		u.Namespace, u.Name = lastElement(strings.Trim(project, "/"))
		b.use(n.at, u)
	}
}

func (n *node) elements() []*node {
	if n == nil {
		return nil
	}
	return n.items
}

// scripts adds the commands of a job, which run in one shell: the lists of
// before_script, script and after_script.
func (g *gitlabReader) scripts(b *jobBuilder, n *node) {
	var parts []*node
	for _, key := range []string{"before_script", "script", "after_script"} {
		parts = append(parts, g.commands(g.setting(n, key), 0)...)
	}
	if len(parts) == 0 {
		return
	}
	var text strings.Builder
	type part struct {
		begin int
		s     script
	}
	var all []part
	// One file at a time: a place is that of the file that has the command.
	flush := func(owner *node) {
		if len(all) == 0 {
			return
		}
		own, whole := all, text.String()
		s := script{whole, func(offset int) Position {
			i := len(own) - 1
			for i > 0 && own[i].begin > offset {
				i--
			}
			return own[i].s.at(offset - own[i].begin)
		}}
		builder := b.on(owner)
		step := Step{File: builder.file.Path, At: s.at(0), RunAt: s.at(0), Run: whole}
		builder.run(step, s)
		b.job.Steps = append(b.job.Steps, step)
		text.Reset()
		all = nil
	}
	var owner *node
	for _, p := range parts {
		if owner != nil && p.from != owner.from {
			flush(owner)
		}
		owner = p
		r := g.reader
		if p.from != nil {
			r = p.from
		}
		all = append(all, part{text.Len(), r.scriptOf(p)})
		text.WriteString(p.text + "\n")
	}
	flush(owner)
}

// commands returns the commands of a list, with those of lists and references in it.
func (g *gitlabReader) commands(n *node, level int) (out []*node) {
	n = g.deref(n, 0)
	switch {
	case n == nil || level > maxNested*2:
	case n.kind == nodeScalar:
		out = append(out, n)
	case n.kind == nodeArray:
		for _, item := range n.items {
			if out = append(out, g.commands(item, level+1)...); len(out) > maxCommands {
				break
			}
		}
	}
	return out
}

// needs adds the jobs that come before, and the artifacts that a job hands on. What
// it takes is decided when all jobs are known.
func (g *gitlabReader) needs(job *Job, n *node) {
	if a := g.setting(n, "artifacts"); a != nil && (a.get("paths") != nil || a.get("untracked") != nil || a.get("reports").get("dotenv") != nil) {
		job.Uploads = append(job.Uploads, Artifact{a.at, job.ID})
	}
	needs := n.get("needs")
	for _, item := range needs.elements() {
		name := item.text
		if item.kind == nodeObject {
			name = item.textOf("job")
		}
		if name == "" || item.get("pipeline") != nil || item.get("project") != nil {
			continue
		}
		job.Needs = append(job.Needs, name)
		if item.textOf("artifacts") != "false" && n.get("dependencies") == nil {
			job.Downloads = append(job.Downloads, Artifact{item.at, name})
		}
	}
	for _, d := range n.texts("dependencies") {
		job.Downloads = append(job.Downloads, Artifact{d.at, d.text})
	}
	job.limited = needs != nil || n.get("dependencies") != nil
}

// flow adds the artifacts of all earlier stages to the jobs that do not limit them,
// as GitLab does.
func (g *gitlabReader) flow() {
	index := map[string]int{}
	for i, s := range g.stages {
		index[s] = i
	}
	var from []int // the jobs that hand something on
	for i := range g.file.Jobs {
		if len(g.file.Jobs[i].Uploads) > 0 {
			from = append(from, i)
		}
	}
	for i := range g.file.Jobs {
		job := &g.file.Jobs[i]
		if job.limited {
			continue
		}
		if len(from) > maxMatrix {
			job.Downloads = append(job.Downloads, Artifact{job.At, ""})
			continue
		}
		for _, j := range from {
			if index[g.of[j]] < index[g.of[i]] {
				job.Downloads = append(job.Downloads, Artifact{job.At, g.file.Jobs[j].ID})
			}
		}
	}
}
