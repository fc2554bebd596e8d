package propose

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/lockcheck/definition"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// harmless are actions that need a permission for something else than a release,
// with what it is. A job that has the permission for one of them, and runs no
// command that publishes, is no stage.
func harmless() map[string]string {
	return map[string]string{
		"ossf/scorecard-action":                    "id-token",
		"codecov/codecov-action":                   "id-token",
		"actions/deploy-pages":                     "id-token",
		"dependabot/fetch-metadata":                "contents",
		"peter-evans/create-pull-request":          "contents",
		"stefanzweifel/git-auto-commit-action":     "contents",
		"dessant/lock-threads":                     "contents",
		"actions/labeler":                          "contents",
		"benchmark-action/github-action-benchmark": "contents",
		"anthropics/claude-code-action":            "id-token",
		"codspeedhq/action":                        "id-token",
		"github/combine-prs":                       "contents",
	}
}

// jobs proposes stages for the jobs of workflows and of GitLab CI.
func (p *proposer) jobs() {
	g := p.graph
	for _, n := range g.nodes {
		if n.calls == nil {
			n.inherit()
			n.publisher = len(n.publishes()) > 0 && p.purpose(n) == "" && !onlyRequests(n)
			if n.byName = byName(n); n.byName {
				n.publisher = true
			}
		}
	}
	p.builders()
	p.Guessed = !slices.ContainsFunc(g.nodes, func(n *node) bool { return n.publisher || n.remote() })
	if p.Guessed {
		p.byHand()
	}
	released := p.releaseFiles()
	for _, f := range p.ordered() {
		p.file(f, released[f])
	}
}

// ordered returns the files with jobs: first those with a step that publishes, which
// are the releases, then those that only have the permission.
func (p *proposer) ordered() []*definition.File {
	var files []*definition.File
	rank := map[*definition.File]int{}
	for i := range p.in.Files {
		f := &p.in.Files[i]
		if f.Kind != definition.Workflow && f.Kind != definition.GitLab {
			continue
		}
		files = append(files, f)
		rank[f] = 1
		for _, n := range p.graph.byFile[f] {
			if slices.ContainsFunc(n.job.Publishes, func(x definition.Publish) bool { return !x.Permission }) {
				rank[f] = 0
			}
		}
	}
	slices.SortStableFunc(files, func(a, b *definition.File) int {
		return cmp.Or(cmp.Compare(rank[a], rank[b]), cmp.Compare(a.Path, b.Path))
	})
	return files
}

// byName reports whether a job publishes by its name and no step in sight does: a
// script with a token of its own shows neither a command nor a permission.
func byName(n *node) bool {
	if len(n.publishes()) > 0 || len(n.job.Steps) == 0 || onlyRequests(n) {
		return false
	}
	name := n.job.ID
	if len(n.file.Jobs) == 1 && n.file.Kind == definition.Workflow {
		name += " " + stem(n.file.Path)
	}
	named := releaseName.MatchString(name) || releaseEnvironment.MatchString(n.job.Environment)
	return named && !aboutRelease.MatchString(name)
}

var (
	releaseName = lazyregexp.New(`(?i)(^|[-_. /])(release|publish|deploy)(ing|ment)?([-_. /]|$)`)
	// releaseEnvironment matches deployment environments with the secrets of a release.
	releaseEnvironment = lazyregexp.New(`(?i)^(test-?)?pypi|^npm|^(prod|production|release|publish|deploy|crates-?io|rubygems|maven)`)
	// aboutRelease matches names of jobs that prepare or follow a release.
	aboutRelease = lazyregexp.New(`(?i)dry|test|check|note|valid|reproduc|report|post|cover|codecov|bench|gate|verif|lint|detect|setup-steps|notif|clean|label|milestone|prepar|plan|announce|comment|trigger|changelog|draft`)
)

// remote reports whether a job runs a workflow of another repository that may
// publish.
func (n *node) remote() bool {
	return n.calls != nil && n.calls.local == nil && len(n.job.Publishes) > 0
}

// inherit gives a job of a reusable workflow that does not restrict its token the
// permissions of its callers.
func (n *node) inherit() {
	if n.job.Permissions != nil {
		return
	}
	for _, c := range n.callers {
		for _, x := range c.job.Publishes {
			if x.Permission && x.File == c.file.Path {
				n.inherited = append(n.inherited, x)
			}
		}
	}
}

// publishes returns the reasons for which a job can publish.
func (n *node) publishes() []definition.Publish {
	return append(slices.Clone(n.job.Publishes), n.inherited...)
}

// onlyRequests reports whether a job runs for pull requests alone: what it signs or
// uploads there is a test.
func onlyRequests(n *node) bool {
	for _, e := range n.file.Events {
		switch e {
		case "pull_request", "merge_group":
		case "workflow_call":
			if len(n.callers) == 0 || slices.ContainsFunc(n.callers, func(c *node) bool { return !onlyRequests(c) }) {
				return false
			}
		default:
			return false
		}
	}
	return len(n.file.Events) > 0
}

// purpose returns the action for which a job has its permissions, "" if it
// can be a release.
func (p *proposer) purpose(n *node) string {
	all := n.publishes()
	if slices.ContainsFunc(all, func(x definition.Publish) bool { return !x.Permission }) {
		return ""
	}
	for _, s := range n.job.Steps {
		what := harmless()[actionOf(s.Uses)]
		if what != "" && slices.ContainsFunc(all, func(x definition.Publish) bool { return strings.HasPrefix(x.By, what+":") }) {
			return actionOf(s.Uses)
		}
	}
	return ""
}

// builders follows the artifacts from the jobs that publish to those that build
// them.
func (p *proposer) builders() {
	var todo []*node
	for _, n := range p.graph.nodes {
		if n.publisher {
			todo = append(todo, n)
		}
	}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		for _, up := range p.handedTo(at) {
			up.from.hands = append(up.from.hands, up.handed)
			if !up.from.builder && !up.from.publisher {
				up.from.builder = true
				todo = append(todo, up.from)
			}
		}
	}
}

type upload struct {
	from *node
	handed
}

// handedTo returns the artifacts of earlier jobs that a job downloads.
func (p *proposer) handedTo(n *node) []upload {
	if n.file.Kind == definition.GitLab {
		var out []upload
		for _, from := range n.takes {
			up := from.job.Uploads[0] // a job has one
			out = append(out, upload{from, handed{name: up.Name, line: up.At.Line, to: n}})
		}
		return out
	}
	down := n.job.Downloads
	if len(down) == 0 {
		return outOfSight(n)
	}
	before := p.graph.ancestors(n)
	var out []upload
	found := make([]bool, len(down))
	for _, from := range p.graph.nodes {
		if !before[from] {
			continue
		}
		once := false
		for _, up := range from.job.Uploads {
			for i, d := range down {
				if !sameArtifact(up, d) {
					continue
				}
				found[i] = true
				if !once {
					out = append(out, upload{from, handed{name: up.Name, line: up.At.Line, to: n}})
					once = true
				}
			}
		}
	}
	// An action of another repository can upload an artifact, too.
	for i, d := range down {
		if found[i] || n.file.Kind != definition.Workflow {
			continue
		}
		for _, from := range n.before {
			if from.calls == nil && len(from.job.Uploads) == 0 && len(from.job.Steps) > 0 {
				out = append(out, upload{from, handed{name: d.Name, to: n}})
			}
		}
	}
	return out
}

// outOfSight returns the jobs by whose name what they make is taken by a job that
// publishes and shows no download: actions of another repository can do both.
func outOfSight(n *node) []upload {
	var out []upload
	for _, from := range n.before {
		if n.publisher && n.file.Kind == definition.Workflow && from.calls == nil && len(from.job.Uploads) == 0 && builds.MatchString(from.job.ID) {
			out = append(out, upload{from, handed{to: n}})
		}
	}
	return out
}

var builds = lazyregexp.New(`(?i)build|dist|packag|wheel|compile|binar|bundle`)

// report matches the names of artifacts that are not released.
var reportName = lazyregexp.New(`(?i)coverage|\btests?\b|test-|report|\blogs?\b|results?|screenshot|sarif|benchmark|\.sarif|playwright|diff|cache|debug|codspeed|profile|event`)

// byHand marks the jobs of workflows that upload what a person may publish: those
// that a tag, a release or a person starts.
func (p *proposer) byHand() {
	for _, n := range p.graph.nodes {
		if n.calls != nil || !startsRelease(n.file) {
			continue
		}
		for _, up := range n.job.Uploads {
			if !reportName.MatchString(up.Name) {
				n.builder = true
				n.hands = append(n.hands, handed{name: up.Name, line: up.At.Line})
				break
			}
		}
	}
}

// startsRelease reports whether a workflow is started by what starts releases.
func startsRelease(f *definition.File) bool {
	if slices.ContainsFunc(f.Events, func(e string) bool {
		return e == "workflow_dispatch" || e == "release" || e == "repository_dispatch" || e == "create"
	}) {
		return true
	}
	// The model does not have the tags of a push.
	return slices.Contains(f.Events, "push") && !slices.Contains(f.Events, "pull_request") && buildsRelease.MatchString(stem(f.Path)+" "+f.Name)
}

var buildsRelease = lazyregexp.New(`(?i)release|publish|deploy|packag|dist|wheel|binar`)

// releaseFiles returns the files that have a job that publishes or builds.
func (p *proposer) releaseFiles() map[*definition.File]bool {
	out := map[*definition.File]bool{}
	for _, n := range p.graph.nodes {
		if n.publisher || n.builder || n.remote() {
			out[n.file] = true
		}
	}
	return out
}

// file proposes the stages of one file, and lists what gives none.
func (p *proposer) file(f *definition.File, released bool) {
	if !released {
		p.Left = append(p.Left, Left{f.Path, 0, p.whyNot(f)})
		return
	}
	var idle, testing []string
	line := 0
	for _, n := range p.graph.byFile[f] {
		if !n.publisher && !n.builder && p.tests(n) {
			testing = append(testing, oneLine(n.job.ID))
		}
	}
	// Many jobs that take everything are the tests of a project.
	if len(testing) > maxTests {
		p.Left = append(p.Left, Left{f.Path, 0, "jobs " + enumerate(testing) + " test what is published, and publish nothing themselves"})
	}
	for _, n := range p.graph.byFile[f] {
		switch {
		case n.calls != nil && n.calls.local == nil:
			detail := fmt.Sprintf("job %s runs %s, whose jobs are in another repository", oneLine(n.job.ID), oneLine(n.calls.text))
			if len(n.job.Publishes) > 0 {
				detail += "; it can publish (" + oneLine(n.job.Publishes[0].By) + "): gate it there"
			}
			p.Left = append(p.Left, Left{f.Path, n.calls.line, detail})
		case n.calls != nil:
			// Its jobs are stages.
		case n.publisher, n.builder:
			p.Stages = append(p.Stages, p.stage(n))
		case p.tests(n):
			if len(testing) <= maxTests {
				p.Stages = append(p.Stages, p.stage(n))
			}
		case p.excused(n) != "":
			p.Left = append(p.Left, Left{f.Path, n.job.At.Line, "job " + oneLine(n.job.ID) + " " + p.excused(n)})
		default:
			line = cmp.Or(line, n.job.At.Line)
			idle = append(idle, oneLine(n.job.ID))
		}
	}
	switch {
	case len(idle) == 1:
		p.Left = append(p.Left, Left{f.Path, line, "job " + idle[0] + " publishes nothing, and nothing that it makes is published"})
	case len(idle) > 1:
		p.Left = append(p.Left, Left{f.Path, line, "jobs " + enumerate(idle) + " publish nothing, and nothing that they make is published"})
	}
}

// maxTests is the largest number of jobs of a file that become stages because they
// test what is published.
const maxTests = 4

// enumerate joins names, the first few of many.
func enumerate(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// whyNot returns why a file gives no stage.
func (p *proposer) whyNot(f *definition.File) string {
	for _, n := range p.graph.byFile[f] {
		if why := p.excused(n); why != "" {
			return why
		}
	}
	for _, n := range p.graph.byFile[f] {
		if n.calls != nil && n.calls.local != nil {
			for _, called := range p.graph.byFile[n.calls.local] {
				if called.publisher || called.builder {
					return "what it runs is in " + oneLine(n.calls.local.Path)
				}
			}
		}
	}
	if len(f.Jobs) == 0 {
		return "has no jobs"
	}
	return "publishes nothing"
}

// excused returns why a job that could publish gives no stage, "" for one that
// cannot.
func (p *proposer) excused(n *node) string {
	all := n.publishes()
	if n.calls != nil || len(all) == 0 {
		return ""
	}
	what := fmt.Sprintf("%s, %s", oneLine(all[0].By), lineOf(n, all[0]))
	if by := p.purpose(n); by != "" {
		return fmt.Sprintf("publishes nothing (%s, is for %s)", what, by)
	}
	if onlyRequests(n) {
		return fmt.Sprintf("runs for pull requests alone (%s)", what)
	}
	return ""
}

// lineOf returns the place of a reason in the words of a comment.
func lineOf(n *node, x definition.Publish) string {
	if x.File == "" || x.File == n.file.Path {
		return fmt.Sprintf("line %d", x.At.Line)
	}
	return oneLine(place(x.File, x.At.Line))
}

// tests reports whether a job examines what is published: it downloads an artifact
// of a job that is a stage.
func (p *proposer) tests(n *node) bool {
	// GitLab gives a job all that earlier stages have made, unless it names what it takes.
	if n.file.Kind == definition.GitLab && !slices.ContainsFunc(n.job.Downloads, func(d definition.Artifact) bool { return d.At != n.job.At }) {
		return false
	}
	return slices.ContainsFunc(p.handedTo(n), func(u upload) bool { return u.from.builder })
}

// stage returns the stage of a job.
func (p *proposer) stage(n *node) Stage {
	s := Stage{Name: nameOf(n.job.ID), File: n.file.Path, Job: n.job.ID, Kind: n.file.Kind, Line: n.job.At.Line, Environment: "host:", Critical: n.publisher || n.builder, publisher: n.publisher}
	p.where(&s, n)
	// A job of a file that GitLab includes has its line there.
	if len(n.job.Steps) > 0 && n.job.Steps[0].File != "" && n.file.Kind == definition.GitLab {
		s.Origin = n.job.Steps[0].File
	}
	for _, c := range n.callers {
		s.Remarks = append(s.Remarks, fmt.Sprintf("called by %s", place(oneLine(c.file.Path), c.job.At.Line)))
	}
	switch {
	case n.byName:
		s.Reasons = append(s.Reasons, "by its name it publishes, and no step in sight does: check it")
	case n.publisher:
		s.Reasons = append(s.Reasons, publishing(n))
		if len(n.hands) == 0 && !slices.ContainsFunc(n.publishes(), func(x definition.Publish) bool { return !x.Permission }) {
			s.Reasons = append(s.Reasons, "no step in sight does: without the permission it needs no gate")
		}
	case !n.builder:
		s.Reasons = append(s.Reasons, "tests what is published, and publishes nothing itself")
	}
	for i, h := range n.hands {
		if i == maxReasons {
			break
		}
		what := "its artifact"
		if h.line == 0 && h.name == "" {
			s.Reasons = append(s.Reasons, fmt.Sprintf("job %s publishes, needs it, and shows no download: it may take what this job makes", oneLine(h.to.job.ID)))
			continue
		}
		if h.line == 0 {
			s.Reasons = append(s.Reasons, fmt.Sprintf("no step in sight uploads the artifact %s, which job %s takes: this job comes before it", quoted(cmp.Or(h.name, "*")), oneLine(h.to.job.ID)))
			continue
		}
		if h.name != "" {
			what += " " + quoted(h.name)
		}
		what += fmt.Sprintf(" (line %d)", h.line)
		switch {
		case h.to == nil:
			s.Reasons = append(s.Reasons, what+" leaves the run, and no job publishes: a person may")
		case h.to.publisher:
			s.Reasons = append(s.Reasons, what+" is published by job "+oneLine(h.to.job.ID))
		default:
			s.Reasons = append(s.Reasons, what+" is used by job "+oneLine(h.to.job.ID))
		}
	}
	p.gate(&s, n)
	s.Checkout = missingCheckout(n)
	s.Locks = p.locks(n.job, "", &s)
	if len(s.Locks) == 0 {
		p.suggest(&s, n.job)
	}
	return s
}

// maxReasons is the number of reasons of each kind in a comment.
const maxReasons = 2

// publishing returns the reasons for which a job can publish, with their lines:
// steps before permissions.
func publishing(n *node) string {
	sorted := n.publishes()
	slices.SortStableFunc(sorted, func(a, b definition.Publish) int {
		switch {
		case a.Permission == b.Permission:
			return 0
		case b.Permission:
			return -1
		}
		return 1
	})
	var parts []string
	for i, x := range sorted {
		if i == maxReasons+1 {
			parts = append(parts, fmt.Sprintf("and %d more", len(sorted)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", oneLine(x.By), lineOf(n, x)))
	}
	return "can publish: " + strings.Join(parts, ", ")
}

// gate finds the first step that publishes something or hands it on: the gate comes
// before it. What an action of the checkout does is at the step that uses it.
func (p *proposer) gate(s *Stage, n *node) {
	first := func(line int, by string) {
		// The step begins where its name does.
		own := 0
		for _, step := range n.job.Steps {
			if (step.File == "" || step.File == n.file.Path) && step.At.Line <= line {
				own = max(own, step.At.Line)
			}
		}
		if line = cmp.Or(own, line); line > 0 && (s.Before == 0 || line < s.Before) {
			s.Before, s.By = line, by
		}
	}
	for _, x := range n.publishes() {
		switch {
		case x.Permission:
		case x.File == "" || x.File == n.file.Path:
			first(x.At.Line, oneLine(x.By))
		default:
			own := 0
			for _, step := range n.job.Steps {
				if step.File == "" || step.File == n.file.Path {
					own = step.At.Line
				} else if step.File == x.File {
					break
				}
			}
			first(own, oneLine(x.By))
		}
	}
	for _, h := range n.hands {
		first(h.line, "the artifact "+quoted(h.name))
	}
}

// ownCheckout returns where a job of a workflow checks its own repository out,
// relative to its directory: "." for the directory itself. It is false for a job that
// does not, and others is true if it checks out another one
// (https://github.com/actions/checkout#usage).
func ownCheckout(job *definition.Job) (at string, own, others bool) {
	for _, s := range job.Steps {
		if actionOf(s.Uses) != "actions/checkout" {
			continue
		}
		repository := s.With["repository"]
		if repository != "" && repository != "${{ github.repository }}" {
			others = true
			continue
		}
		if dir := path.Clean(s.With["path"]); !own || dir == "." {
			at, own = dir, true
		}
	}
	return at, own, others
}

// missingCheckout returns what to do if a job of a workflow does not have the
// configuration in its directory. A checkout empties its directory, and so comes
// first.
func missingCheckout(n *node) string {
	if n.file.Kind != definition.Workflow {
		return ""
	}
	switch at, own, others := ownCheckout(n.job); {
	case own && at == ".":
		return ""
	case own:
		return "it is in " + oneLine(at) + ", and so is the configuration: give `config:` to the gate"
	case others:
		return "not of this repository, where the configuration is: add one with `path:`, and give `config:` to the gate"
	}
	return "it has none, and the gate reads the configuration: add actions/checkout first"
}

// inRepository returns a path of a job as one of the repository.
func inRepository(job *definition.Job, file string) string {
	if at, own, _ := ownCheckout(job); own && at != "." {
		if file == at {
			return "."
		}
		return strings.TrimPrefix(file, at+"/")
	}
	return file
}

// oneLine returns an untrusted text for a comment: without characters that act on a
// terminal or a log, and not longer than a line.
func oneLine(text string) string {
	return terminal.EscapeTo(strings.TrimSpace(strings.ReplaceAll(text, "\n", " ")), maxText)
}

// maxText is the length of an untrusted text in a comment.
const maxText = 70

func quoted(text string) string { return `"` + strings.ReplaceAll(oneLine(text), `"`, `'`) + `"` }

// where sets what a job runs on, with a remark on what has to be decided.
func (p *proposer) where(s *Stage, n *node) {
	s.On = few(n.job.RunsOn)
	if n.job.Container != "" {
		s.Where, s.On = InContainer, n.job.Container
		if n.file.Kind == definition.Workflow {
			s.On = "container " + s.On
		}
		if name, digest, pinned := strings.Cut(n.job.Container, "@sha256:"); pinned && digestHex.MatchString(digest) && imageName.MatchString(name) {
			s.Base = "registry:" + n.job.Container
		}
	}
	if slices.ContainsFunc(n.job.RunsOn, func(label string) bool { return strings.EqualFold(label, "self-hosted") }) && s.Where == OnRunner {
		s.Remarks = append(s.Remarks, "a self-hosted runner: what earlier jobs left on it is in its base")
	}
	if others := slices.ContainsFunc(n.job.RunsOn, notLinux.MatchString); others && s.Where == OnRunner {
		what := "the package lists of Windows and macOS are not read: the stage is incomplete until the gap of the kind system is waived"
		if !slices.ContainsFunc(n.job.RunsOn, func(label string) bool { return !notLinux.MatchString(label) && !strings.Contains(label, "$") }) {
			s.Remarks = append(s.Remarks, what)
		} else {
			s.Remarks = append(s.Remarks, "of its runs on other systems, "+what)
		}
	}
	if len(n.job.Matrix) > 0 {
		// "include" gives keys of keys, "platform.os".
		keys := slices.DeleteFunc(slices.Clone(n.job.Matrix), func(key string) bool { return strings.Contains(key, ".") })
		s.Remarks = append(s.Remarks, "a matrix of "+oneLine(few(keys))+": gate one of its runs, or name a stage for each")
	}
}

// notLinux matches labels of runners on systems whose package lists are not read
// (https://docs.github.com/en/actions/reference/runners/github-hosted-runners).
var notLinux = lazyregexp.New(`(?i)(^|[-_ ])(windows|macos|osx|darwin|win)([-_0-9. ]|$)`)

// few joins the first words of a list.
func few(words []string) string {
	const most = 3
	if len(words) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
	}
	return strings.Join(words, ", ")
}

// remaining lists the files of other kinds that gave no stage.
func (p *proposer) remaining() {
	used := p.used
	for i := range p.Stages {
		used[p.Stages[i].File] = true
	}
	for i := range p.in.Files {
		f := &p.in.Files[i]
		if used[f.Path] {
			continue
		}
		switch f.Kind {
		case definition.Dockerfile:
			p.Left = append(p.Left, Left{f.Path, 0, "no job that publishes shows that it builds it"})
		case definition.Compose:
			p.Left = append(p.Left, Left{f.Path, 0, "its services publish nothing"})
		case definition.DevContainer:
			p.Left = append(p.Left, Left{f.Path, 0, "a place to work in, not a step of a release"})
		case definition.Bake:
			p.Left = append(p.Left, Left{f.Path, 0, "no job that publishes shows that it builds its targets"})
		}
	}
}
