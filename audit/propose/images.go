package propose

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/lockcheck/definition"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// build is an image that something builds from a Dockerfile.
type build struct {
	// file is the Dockerfile, context its directory of sources, target the stage,
	// "" for the last one; paths are relative to the repository.
	file, context, target string
	// why is the reason for a comment, critical whether the image is published.
	why      string
	critical bool
	// name is that of the service or target, "" without one.
	name string
	// from is the file of the service or the target.
	from string
	// alone is true if no other Dockerfile is built.
	alone bool
}

var (
	// buildCommand matches a command that builds an image, with its arguments.
	buildCommand = lazyregexp.New(`(?m)(?:docker\s+(?:buildx\s+|image\s+)?build|podman\s+(?:image\s+)?build|buildah\s+(?:bud|build)|nerdctl\s+build)\s([^;&|\n]*)`)
	kaniko       = lazyregexp.New(`(?m)/kaniko/executor\s([^;&|\n]*)`)
	bakeCommand  = lazyregexp.New(`(?m)docker\s+buildx\s+bake\b([^;&|\n]*)`)
	compose      = lazyregexp.New(`(?m)docker[ -]compose\s+(?:[^;&|\n]*\s)?(?:build|push)\b`)
	arguments    = lazyregexp.New(`"[^"]*"|'[^']*'|\S+`)
)

// images proposes stages for the images that are built by jobs that are critical
// stages; without any job that can publish, for those of all Dockerfiles.
func (p *proposer) images() {
	var builds []build
	for _, n := range p.graph.nodes {
		if n.publisher || n.builder {
			builds = append(builds, p.buildsOf(n)...)
		}
	}
	if len(p.Stages) == 0 && len(builds) == 0 {
		builds = p.allBuilds()
		p.Guessed = len(builds) > 0
	}
	done := map[string]bool{}
	if len(p.Stages) == 0 && len(builds) == 0 {
		p.deployed()
	}
	for _, b := range builds {
		b.alone = !slices.ContainsFunc(builds, func(other build) bool { return other.file != b.file })
		p.image(b, done)
	}
}

// buildsOf returns the images that a job builds from Dockerfiles of the repository.
func (p *proposer) buildsOf(n *node) []build {
	var out []build
	add := func(b build, line int) {
		b.file, b.context = inRepository(n.job, path.Clean(b.file)), inRepository(n.job, path.Clean(b.context))
		if strings.Contains(b.file, "${{") || strings.Contains(b.file, "$") || p.fileAt(b.file) == nil {
			return
		}
		b.why = fmt.Sprintf("built by job %s (%s)", oneLine(n.job.ID), oneLine(place(n.file.Path, line)))
		b.critical = true
		out = append(out, b)
	}
	for _, s := range n.job.Steps {
		switch actionOf(s.Uses) {
		case "docker/build-push-action", "redhat-actions/buildah-build", "depot/build-push-action", "mr-smithers-excellent/docker-build-push":
			context := localContext(s.With["context"])
			file := cmp.Or(s.With["file"], s.With["containerfiles"], s.With["dockerfile"], path.Join(context, "Dockerfile"))
			add(build{file: path.Clean(file), context: context, target: s.With["target"]}, s.At.Line)
		case "docker/bake-action", "depot/bake-action":
			if strings.Contains(s.With["targets"], "${{") {
				s.With = nil // any of them
			}
			for _, b := range p.baked(strings.FieldsFunc(s.With["targets"], isSeparator)) {
				add(b, s.At.Line)
			}
		}
		text := continued.ReplaceAllString(s.Run, " ")
		dir := directories("", s, "")[0]
		for _, m := range buildCommand.FindAllStringSubmatch(text, -1) {
			b := parseBuild(m[1], dir)
			add(b, s.RunAt.Line)
		}
		for _, m := range kaniko.FindAllStringSubmatch(text, -1) {
			add(parseBuild(m[1], dir), s.RunAt.Line)
		}
		for _, m := range bakeCommand.FindAllStringSubmatch(text, -1) {
			var targets []string
			for _, w := range strings.Fields(m[1]) {
				if !strings.HasPrefix(w, "-") {
					targets = append(targets, w)
				}
			}
			for _, b := range p.baked(targets) {
				add(b, s.RunAt.Line)
			}
		}
		if compose.MatchString(text) {
			for _, b := range p.services() {
				add(b, s.RunAt.Line)
			}
		}
	}
	return out
}

func isSeparator(r rune) bool { return r == ',' || r == '\n' || r == ' ' || r == '\r' }

// localContext returns a build context of the repository, "." for the Git context
// that actions use by default.
func localContext(context string) string {
	if strings.Contains(context, "${{") || strings.Contains(context, "://") {
		return "."
	}
	return path.Clean(cmp.Or(context, "."))
}

// parseBuild reads the arguments of "docker build"
// (https://docs.docker.com/reference/cli/docker/buildx/build/) or of Kaniko.
func parseBuild(args, dir string) build {
	b := build{context: dir}
	file := ""
	list := arguments.FindAllString(args, -1)
	for i := 0; i < len(list); i++ {
		word := strings.Trim(list[i], `"'`)
		flag, value, inline := strings.Cut(word, "=")
		if !strings.HasPrefix(word, "-") || word == "-" {
			if !strings.Contains(word, "://") && !strings.Contains(word, "$") && word != "-" {
				b.context = path.Join(dir, word)
			}
			continue
		}
		take := func() string {
			if inline {
				return value
			}
			if i++; i < len(list) {
				return strings.Trim(list[i], `"'`)
			}
			return ""
		}
		switch flag {
		case "-f", "--file", "--dockerfile":
			file = take()
		case "--target":
			b.target = take()
		case "--context":
			if c := strings.TrimPrefix(take(), "dir://"); !strings.Contains(c, "$") && c != "" {
				b.context = path.Join(dir, c)
			}
		case "-t", "--tag", "--build-arg", "--platform", "--label", "--cache-from", "--cache-to", "--output", "-o", "--secret", "--ssh", "--progress", "--builder", "--network", "--build-context", "--iidfile", "--metadata-file", "--provenance", "--sbom", "--attest", "--annotation", "--add-host", "--allow", "-m", "--memory", "--shm-size", "--ulimit", "--cgroup-parent", "--destination", "--no-cache-filter", "--call", "--format", "--isolation", "--arch", "--os", "--authfile", "--volume", "-v":
			take()
		}
	}
	file = strings.TrimPrefix(strings.NewReplacer("${CI_PROJECT_DIR}/", "", "$CI_PROJECT_DIR/", "", "${GITHUB_WORKSPACE}/", "", "$GITHUB_WORKSPACE/", "").Replace(file), "./")
	if file == "" {
		b.file = path.Join(b.context, "Dockerfile")
	} else {
		b.file = path.Join(dir, file)
	}
	return b
}

// fileAt returns the Dockerfile at a path, nil if there is none.
func (p *proposer) fileAt(file string) *definition.File {
	file = path.Clean(file)
	i := slices.IndexFunc(p.in.Files, func(f definition.File) bool { return f.Kind == definition.Dockerfile && f.Path == file })
	if i < 0 {
		return nil
	}
	return &p.in.Files[i]
}

// baked returns the images of targets of bake files, of all of them without names.
func (p *proposer) baked(targets []string) []build {
	return p.built(definition.Bake, func(id string) bool { return len(targets) == 0 || slices.Contains(targets, id) })
}

// services returns the images of the services of compose files.
func (p *proposer) services() []build {
	return p.built(definition.Compose, func(string) bool { return true })
}

func (p *proposer) built(kind definition.Kind, which func(id string) bool) []build {
	var out []build
	for i := range p.in.Files {
		f := &p.in.Files[i]
		if f.Kind != kind || kind == definition.Compose && notDeployed.MatchString(f.Path) {
			continue
		}
		for j := range f.Jobs {
			if job := &f.Jobs[j]; job.Build != nil && which(job.ID) {
				b := build{file: job.Build.Dockerfile, context: localContext(job.Build.Context), target: job.Build.Target, name: job.ID, from: f.Path}
				if b.file == "" {
					b.file = path.Join(b.context, "Dockerfile")
				}
				b.why = fmt.Sprintf("%s %s (%s)", kindName(kind), oneLine(job.ID), oneLine(place(f.Path, job.At.Line)))
				out = append(out, b)
			}
		}
	}
	return out
}

// notDeployed matches compose files for another purpose than to run the product.
var notDeployed = lazyregexp.New(`(?i)(^|[-_./])(tests?|e2e|integration[a-z-]*|dev|devcontainer|development|override|local|examples?|ci|docs?|hack|demo[a-z-]*)([-_./]|$)`)

// notImage matches names of targets of bake that check or write something.
var notImage = lazyregexp.New(`(?i)^_|test|lint|valid|bench|vendor|check|dev|govuln|authors|generat|docs?$|update|format|fmt`)

func kindName(kind definition.Kind) string {
	switch kind {
	case definition.Bake:
		return "target"
	case definition.Compose:
		return "service"
	}
	return "built by"
}

// allBuilds returns what a repository without a job that publishes can publish: the
// images of its bake targets and services, and of the other Dockerfiles.
func (p *proposer) allBuilds() []build {
	out := slices.DeleteFunc(p.baked(nil), func(b build) bool { return notImage.MatchString(b.name) })
	out = append(out, p.services()...)
	out = slices.DeleteFunc(out, func(b build) bool { return p.fileAt(b.file) == nil })
	mentioned := append(p.baked(nil), p.services()...)
	for i := range p.in.Files {
		f := &p.in.Files[i]
		known := slices.ContainsFunc(mentioned, func(b build) bool { return path.Clean(b.file) == f.Path })
		if f.Kind == definition.Dockerfile && !known && !notDeployed.MatchString(f.Path) {
			out = append(out, build{file: f.Path, context: path.Dir(f.Path), why: "no job in sight builds it"})
		}
	}
	for i := range out {
		out[i].critical = true
	}
	return out
}

// deployed proposes the images that services of compose files run, in a repository
// that builds none: they are what it is for.
func (p *proposer) deployed() {
	seen := map[string]bool{}
	for i := range p.in.Files {
		f := &p.in.Files[i]
		if f.Kind != definition.Compose || notDeployed.MatchString(f.Path) {
			continue
		}
		for j := range f.Jobs {
			job := &f.Jobs[j]
			ref := job.Container
			if job.Build != nil || ref == "" || seen[ref] {
				continue
			}
			seen[ref] = true
			s := Stage{Name: nameOf(job.ID), File: f.Path, Job: job.ID, Kind: f.Kind, Line: job.At.Line, Where: InImage, On: ref, Critical: true,
				Reasons: []string{"the image of a service"}}
			name, digest, pinned := strings.Cut(ref, "@sha256:")
			switch {
			case !imageName.MatchString(name) || pinned && !digestHex.MatchString(digest):
				p.Left = append(p.Left, Left{f.Path, job.At.Line, "the image of service " + oneLine(job.ID) + " is decided when it runs"})
				continue
			case pinned:
				s.Environment = "registry:" + ref
			default:
				s.Environment = "docker:" + ref
				s.Remarks = append(s.Remarks, "the image floats: name it by digest, and it can be read from the registry (registry:NAME@sha256:...)")
			}
			p.Guessed = true
			p.Stages = append(p.Stages, s)
		}
	}
}

// image proposes the stages of a Dockerfile that make an image: its own, and those
// that it copies from. A stage that another one continues is part of that one's
// environment.
func (p *proposer) image(b build, done map[string]bool) {
	f := p.fileAt(b.file)
	if f == nil || len(f.Jobs) == 0 {
		return
	}
	target := len(f.Jobs) - 1
	if b.target != "" {
		target = slices.IndexFunc(f.Jobs, func(j definition.Job) bool { return strings.EqualFold(j.ID, b.target) })
		if target < 0 {
			p.Unread = append(p.Unread, Left{f.Path, 0, fmt.Sprintf("has no stage %q, which is %s", oneLine(b.target), b.why)})
			return
		}
	}
	reached := reach(f, target)
	for i := range f.Jobs {
		job := &f.Jobs[i]
		key := f.Path + "#" + job.ID
		if !printable(job.ID) || !printable(b.context) || !reached[i] || done[key] || i != target && isContinued(f, reached, i) {
			continue
		}
		done[key] = true
		p.used[b.from] = true
		p.Stages = append(p.Stages, p.imageStage(b, f, job, i == target))
	}
}

// reach returns the stages of a Dockerfile that one needs, with itself.
func reach(f *definition.File, target int) map[int]bool {
	found := map[int]bool{}
	todo := []int{target}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if found[at] {
			continue
		}
		found[at] = true
		for _, id := range f.Jobs[at].Needs {
			if i := stageOf(f, id, at); i >= 0 {
				todo = append(todo, i)
			}
		}
	}
	return found
}

// stageOf returns the index of a stage before another one, -1 if there is none.
func stageOf(f *definition.File, id string, before int) int {
	for i := before - 1; i >= 0; i-- {
		if strings.EqualFold(f.Jobs[i].ID, id) {
			return i
		}
	}
	return -1
}

// isContinued reports whether a stage that is reached begins with another one.
func isContinued(f *definition.File, reached map[int]bool, stage int) bool {
	for i := stage + 1; i < len(f.Jobs); i++ {
		if reached[i] && stageOf(f, parent(&f.Jobs[i]), i) == stage {
			return true
		}
	}
	return false
}

// parent returns the stage that a stage of a Dockerfile continues, "" if it begins
// with an image.
func parent(job *definition.Job) string {
	if job.Container != "" || len(job.Needs) == 0 {
		return ""
	}
	return job.Needs[0]
}

// imageStage returns the stage of a stage of a Dockerfile. last is true for the one
// that is the image.
func (p *proposer) imageStage(b build, f *definition.File, job *definition.Job, last bool) Stage {
	s := Stage{File: f.Path, Job: job.ID, Kind: f.Kind, Line: job.At.Line, Where: InImage, Critical: b.critical}
	isNamed := strings.Trim(job.ID, "0123456789") != ""
	short := nameOf(cmp.Or(b.name, stem(f.Path)))
	switch {
	case b.alone && isNamed:
		s.Name = nameOf(job.ID)
	case last:
		s.Name = short
	default:
		s.Name = nameOf(short + "-" + job.ID)
	}
	from := p.base(&s, f, job)
	s.On = from
	if last {
		s.Reasons = append(s.Reasons, "the image; "+b.why)
	} else {
		s.Reasons = append(s.Reasons, "the image copies from it; "+b.why)
	}
	s.before = []string{"docker buildx build --load"}
	if isNamed || !last {
		s.before = append(s.before, "--target", wording.ShellWord(job.ID))
	}
	if path.Clean(b.file) != path.Join(b.context, "Dockerfile") {
		s.after = append(s.after, "--file", wording.ShellWord(path.Clean(b.file)))
	}
	s.after = append(s.after, wording.ShellWord(path.Clean(b.context)))
	// What it continues is part of its environment.
	with := *job
	for at := slices.IndexFunc(f.Jobs, func(j definition.Job) bool { return j.At == job.At && j.ID == job.ID }); ; {
		if at = stageOf(f, parent(&f.Jobs[at]), at); at < 0 {
			break
		}
		with.Steps = append(slices.Clone(f.Jobs[at].Steps), with.Steps...)
	}
	s.Locks = p.locks(&with, path.Clean(b.context), &s)
	return s
}

// tags names the images after their stages, which have names of their own by now.
func (p *proposer) tags() {
	used := map[string]bool{}
	for i := range p.Stages {
		s := &p.Stages[i]
		if len(s.before) == 0 {
			continue
		}
		tag := strings.Trim(notTag.ReplaceAllString(strings.ToLower(p.Pipeline+"-"+s.Name), "-"), "-")
		for n, base := 2, tag; used[tag]; n++ {
			tag = fmt.Sprintf("%s-%d", base, n)
		}
		used[tag] = true
		s.Environment = "docker:" + tag
		s.Build = strings.Join(slices.Concat(s.before, []string{"--tag", tag}, s.after), " ")
	}
}

// notTag matches what is not in every name of an image
// (https://github.com/distribution/reference).
var notTag = lazyregexp.New(`[^a-z0-9]+`)

// base sets the base of a stage of a Dockerfile: the image at the bottom of what it
// begins with, if the file names it by digest. It returns the image as written.
func (p *proposer) base(s *Stage, f *definition.File, job *definition.Job) string {
	at := slices.IndexFunc(f.Jobs, func(j definition.Job) bool { return j.At == job.At && j.ID == job.ID })
	for range f.Jobs {
		i := stageOf(f, parent(&f.Jobs[at]), at)
		if i < 0 {
			break
		}
		at = i
	}
	from := f.Jobs[at].Container
	switch name, digest, pinned := strings.Cut(from, "@sha256:"); {
	case from == "scratch" || from == "":
	case pinned && digestHex.MatchString(digest) && imageName.MatchString(name):
		s.Base = "registry:" + from
	case strings.Contains(from, "$"):
		s.Remarks = append(s.Remarks, "no base: what it begins with is decided when it is built")
	default:
		s.Remarks = append(s.Remarks, "no base: FROM needs a digest to be one (base: registry:NAME@sha256:...)")
	}
	return "FROM " + from
}

var (
	digestHex = lazyregexp.New(`^[0-9a-f]{64}$`)
	imageName = lazyregexp.New(`^[a-z0-9][a-zA-Z0-9._/:-]*$`)
)
