package lockcheck

import (
	"cmp"
	"context"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// The files of this group name what a stage runs on and what its environment
// does not show: actions, container images, hooks. An entry of a commit or of a
// digest is pinned. Any other can be something else tomorrow and has a note. The
// evidence is that of the version: of a commit the hash is SHA-1, and of an image
// the digest is the registry's.

// floating adds an entry that can change, and a note about it.
func (l *Lock) floating(e Entry, kind ProblemKind, detail string) {
	l.problem(kind, e.File, e.Line, e.Name, detail)
	l.machinery(e)
}

// machinery adds an entry without the notes that lock files have: that an action
// comes from version control is no weakness.
func (l *Lock) machinery(e Entry) {
	if !ecosystem.ASCII(e.fullName()) {
		l.problem(ProblemNonASCII, e.File, e.Line, e.Name, quote(e.fullName())+" is not an ASCII name: it looks like another one")
	}
	l.Entries = append(l.Entries, e)
}

// image adds a container image: [HOST/]PATH[:TAG][@DIGEST]
// (https://github.com/distribution/reference). what says where it is used. An
// image of the Docker Hub has no host in its name.
func (l *Lock) image(file string, line int, ref, what string) {
	ref = strings.TrimPrefix(ref, "docker://")
	if ref == "" || ref == "scratch" {
		return
	}
	e := Entry{Type: "docker", File: file, Line: line, Direct: true, Source: Source{Kind: KindRegistry}}
	if strings.ContainsAny(ref, "$ \t") {
		e.Name, e.Spec = ref, ref
		l.floating(e, ProblemVariable, what+" "+quote(ref)+" is decided when it runs")
		return
	}
	name, digest, pinned := strings.Cut(ref, "@")
	// A colon before the last slash is that of a port.
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	first, rest, slash := strings.Cut(name, "/")
	if slash && (first == "docker.io" || first == "index.docker.io") {
		name = strings.TrimPrefix(rest, "library/")
	} else {
		name = strings.TrimPrefix(name, "library/")
	}
	e.Namespace, e.Name = lastElement(name)
	hash, ok := colonHash(digest)
	if pinned && ok && hash.Algorithm != "md5" && hash.Algorithm != "sha1" {
		e.Version, e.Spec, e.Hashes = hash.Algorithm+":"+hash.Value, tag, []Hash{hash}
		l.machinery(e)
		return
	}
	e.Spec = cmp.Or(tag, "latest")
	if pinned {
		l.floating(e, ProblemBadHash, what+" "+quote(ref)+" has a digest of the wrong form")
		return
	}
	l.floating(e, ProblemFloating, what+" "+quote(ref)+" can change: write "+quote(ref+"@sha256:...")+", the digest that `docker buildx imagetools inspect` shows")
}

// lastElement splits a path before its last element, which is never empty.
func lastElement(name string) (dir, base string) {
	if i := strings.LastIndexByte(name, '/'); i > 0 && i+1 < len(name) {
		return name[:i], name[i+1:]
	}
	return "", cmp.Or(name, "?")
}

// action adds an action, a reusable workflow or a repository of hooks on GitHub:
// OWNER/REPOSITORY[/PATH]@REF.
func (l *Lock) action(file string, line int, uses, what string) {
	if strings.HasPrefix(uses, "docker://") {
		l.image(file, line, uses, "the image")
		return
	}
	repository, ref, hasRef := strings.Cut(uses, "@")
	owner, rest, ok := strings.Cut(repository, "/")
	name, _, _ := strings.Cut(rest, "/")
	e := Entry{Type: "github", Namespace: owner, Name: name, File: file, Line: line, Direct: true, Source: Source{Kind: KindRegistry}}
	switch {
	case !ok || name == "" || strings.Contains(uses, "${{"):
		e.Namespace, e.Name, e.Spec = "", uses, ref
		l.floating(e, ProblemVariable, what+" "+quote(uses)+" is not OWNER/REPOSITORY@COMMIT")
	case hasRef && fullCommit(ref):
		e.Version = ecosystem.Lower(ref)
		l.machinery(e)
	case !hasRef:
		l.floating(e, ProblemFloating, what+" "+quote(uses)+" has no commit")
	default:
		e.Spec = ref
		l.floating(e, ProblemFloating, what+" "+quote(uses)+" can change: "+quote(ref)+" is a tag or a branch; write the full commit")
	}
}

// parseWorkflow parses a workflow of GitHub Actions, or the metadata of an action
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax,
// .../metadata-syntax): `uses` of jobs and steps, and the images of containers,
// services and Docker actions. What is in the checkout itself ("./") has the
// commit of the checkout.
func (l *Lock) parseWorkflow(d *document) error {
	uses := func(n *node) {
		if m := n.member("uses"); m != nil {
			if text := d.text(n, "uses"); text != "" && !strings.HasPrefix(text, "./") {
				l.action(d.file, d.line(m.value.offset), text, "the action")
			}
		}
	}
	image := func(n *node, key, what string) {
		m := n.member(key)
		if m == nil || m.value.kind == nodeNull {
			return
		}
		at := m.value
		if at.kind == nodeObject {
			if at = at.get("image"); at == nil {
				return
			}
		}
		if at.kind != nodeString {
			d.fail(at.offset, "", "%q must be the name of an image, not %s", key, at.kind)
			return
		}
		l.image(d.file, d.line(at.offset), at.text, what)
	}
	if jobs := d.table(d.root, "jobs"); jobs != nil {
		for i := range jobs.members {
			job := d.table(jobs, jobs.members[i].key)
			if job == nil {
				continue
			}
			uses(job)
			image(job, "container", "the container")
			if services := d.table(job, "services"); services != nil {
				for j := range services.members {
					image(services, services.members[j].key, "the service")
				}
			}
			for _, step := range d.tables(job, "steps") {
				uses(step)
			}
		}
	}
	if runs := d.table(d.root, "runs"); runs != nil {
		for _, step := range d.tables(runs, "steps") {
			uses(step)
		}
		if text := d.text(runs, "image"); strings.HasPrefix(text, "docker://") {
			image(runs, "image", "the image")
		}
	}
	return d.failure()
}

// parseActionsLock parses actions.lock of GitHub Actions
// (https://docs.github.com/en/actions/concepts/security/workflow-dependency-lockfiles):
// the commit of each action that workflows use, also indirectly.
func (l *Lock) parseActionsLock(d *document) error {
	dependencies := d.table(d.root, "dependencies")
	if dependencies == nil {
		return d.failure()
	}
	for i := range dependencies.members {
		m := &dependencies.members[i]
		p := d.table(dependencies, m.key)
		name, ref, _ := strings.Cut(m.key, "@")
		owner, name, ok := strings.Cut(name, "/")
		if !ok || p == nil {
			d.fail(m.offset, "lock again with `gh actions-lock`", "%s is not OWNER/REPOSITORY@REF", quote(m.key))
			break
		}
		name, _, _ = strings.Cut(name, "/")
		e := Entry{Type: "github", Namespace: owner, Name: name, Spec: ref, File: d.file, Line: d.line(m.offset), Source: Source{Kind: KindRegistry}}
		commit := d.text(p, "commit")
		commit = strings.TrimPrefix(strings.TrimPrefix(commit, "sha1-"), "sha256-")
		if !fullCommit(commit) {
			d.fail(m.offset, "lock again with `gh actions-lock`", "%s has no full commit", quote(m.key))
			break
		}
		e.Version = ecosystem.Lower(commit)
		l.machinery(e)
	}
	return d.failure()
}

// parsePreCommit parses .pre-commit-config.yaml (https://pre-commit.com/#adding-pre-commit-plugins-to-your-project):
// the revision of each repository of hooks. What `additional_dependencies`
// installs has no hash.
func (l *Lock) parsePreCommit(d *document) error {
	for _, repo := range d.tables(d.root, "repos") {
		url, m := d.text(repo, "repo"), repo.member("repo")
		if m == nil || url == "" {
			continue
		}
		for _, hook := range d.tables(repo, "hooks") {
			if m := hook.member("entry"); m != nil && url == "local" && d.text(hook, "language") == "docker_image" {
				// The image and the words of its command.
				words := strings.Fields(strings.TrimPrefix(d.text(hook, "entry"), "--entrypoint "))
				if strings.HasPrefix(d.text(hook, "entry"), "--entrypoint ") && len(words) > 0 {
					words = words[1:]
				}
				if len(words) > 0 {
					l.image(d.file, d.line(m.offset), words[0], "the image")
				}
			}
			for _, dep := range d.texts(hook, "additional_dependencies") {
				l.problem(ProblemFloating, d.file, d.line(hook.get("additional_dependencies").offset), d.text(hook, "id"),
					"the hook "+quote(d.text(hook, "id"))+" installs "+quote(dep)+" without a lock")
			}
		}
		if url == "local" || url == "meta" {
			continue
		}
		place := repository(url)
		e := Entry{Type: "generic", File: d.file, Line: d.line(m.offset), Direct: true, Source: Source{Kind: KindRegistry}}
		if rest, ok := strings.CutPrefix(place, "github.com/"); ok {
			e.Type, place = "github", rest
		}
		e.Namespace, e.Name = lastElement(place)
		rev := repo.get("rev")
		switch {
		case rev == nil:
			l.floating(e, ProblemFloating, "the hooks of "+quote(url)+" have no revision")
		case fullCommit(rev.text):
			e.Version = ecosystem.Lower(rev.text)
			l.machinery(e)
		default:
			e.Spec = rev.text
			l.floating(e, ProblemFloating, "the hooks of "+quote(url)+" can change: "+quote(rev.text)+" is a tag or a branch; `pre-commit autoupdate --freeze` writes the commit")
		}
	}
	return d.failure()
}

// volumesOf returns the volumes of a service in the long form.
func volumesOf(service *node) (out []*node) {
	if list := service.get("volumes"); list != nil {
		for _, v := range list.items {
			if v.kind == nodeObject {
				out = append(out, v)
			}
		}
	}
	return out
}

// parseCompose parses a compose file
// (https://github.com/compose-spec/compose-spec/blob/main/05-services.md): the
// images of services. With `build`, the image is what the build makes.
func (l *Lock) parseCompose(d *document) error {
	services := d.table(d.root, "services")
	if services == nil {
		return d.failure()
	}
	for i := range services.members {
		service := d.table(services, services.members[i].key)
		if m := service.member("image"); m != nil && service.get("build") == nil {
			l.image(d.file, d.line(m.value.offset), d.text(service, "image"), "the image")
		}
		for _, volume := range volumesOf(service) {
			if d.text(volume, "type") == "image" && d.text(volume, "source") != "" {
				l.image(d.file, d.at(volume, "source"), d.text(volume, "source"), "the volume")
			}
		}
		build := service.get("build")
		if build == nil {
			continue
		}
		if build.kind == nodeString {
			l.buildContext(d.file, d.line(build.offset), build.text)
		}
		if m := build.member("context"); m != nil {
			l.buildContext(d.file, d.line(m.offset), m.value.text)
		}
		if m := build.member("dockerfile_inline"); m != nil {
			l.problem(ProblemPartlyRead, d.file, d.line(m.offset), services.members[i].key, "a Dockerfile within this file is not read: put it into a file, and name that among the locks")
		}
		if contexts := build.get("additional_contexts"); contexts != nil {
			for j := range contexts.members {
				l.buildContext(d.file, d.line(contexts.members[j].offset), contexts.members[j].value.text)
			}
			for _, item := range contexts.items { // NAME=CONTEXT
				_, context, _ := strings.Cut(item.text, "=")
				l.buildContext(d.file, d.line(item.offset), context)
			}
		}
	}
	return d.failure()
}

// parseDevcontainer parses devcontainer.json
// (https://containers.dev/implementors/json_reference/): the image and the
// features, which are artifacts of a registry, and which devcontainer-lock.json
// pins.
func (l *Lock) parseDevcontainer(d *document) error {
	if m := d.root.member("image"); m != nil {
		l.image(d.file, d.line(m.value.offset), d.text(d.root, "image"), "the image")
	}
	features := d.table(d.root, "features")
	if features == nil {
		return d.failure()
	}
	for i := range features.members {
		m := &features.members[i]
		if strings.HasPrefix(m.key, "./") || strings.HasPrefix(m.key, "../") {
			continue
		}
		l.feature(d, m, m.key, "")
	}
	return d.failure()
}

// parseDevcontainerLock parses devcontainer-lock.json
// (https://containers.dev/implementors/spec/#lockfile): "features" with the
// digest that each was resolved to.
func (l *Lock) parseDevcontainerLock(d *document) error {
	features := d.table(d.root, "features")
	if features == nil {
		return d.failure()
	}
	for i := range features.members {
		m := &features.members[i]
		p := d.table(features, m.key)
		if d.err != nil {
			break
		}
		l.feature(d, m, m.key, cmp.Or(d.text(p, "integrity"), afterAt(d.text(p, "resolved"))))
	}
	return d.failure()
}

// afterAt returns the digest of a reference, or "".
func afterAt(ref string) string {
	_, digest, _ := strings.Cut(ref, "@")
	return digest
}

// feature adds a feature of dev containers: HOST/PATH[:VERSION][@DIGEST].
func (l *Lock) feature(d *document, m *member, id, digest string) {
	name, inline, _ := strings.Cut(id, "@")
	digest = cmp.Or(digest, inline)
	version := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, version = name[:i], name[i+1:]
	}
	e := Entry{
		Type: "devcontainer", Spec: version, File: d.file, Line: d.line(m.offset), Direct: true, Source: Source{Kind: KindRegistry},
	}
	e.Namespace, e.Name = lastElement(name)
	if h, ok := colonHash(digest); ok && h.Algorithm != "md5" && h.Algorithm != "sha1" {
		e.Version, e.Hashes = h.Algorithm+":"+h.Value, []Hash{h}
		l.machinery(e)
		return
	}
	l.floating(e, ProblemFloating, "the feature "+quote(id)+" can change; `devcontainer upgrade` writes devcontainer-lock.json, which pins it")
}

// parseDockerfile parses a Dockerfile: the images of FROM, COPY --from and
// RUN --mount, the frontend that "# syntax=" names, and what ADD downloads.
func (l *Lock) parseDockerfile(ctx context.Context, src *source) error {
	instructions, err := readDockerfile(ctx, src)
	if err != nil {
		return err
	}
	stages, args, begun := map[string]bool{}, map[string]string{}, false
	var values map[string]string // of the arguments and variables of a stage
	use := func(line int, image string) {
		if !stages[ecosystem.Lower(expandArgs(image, args))] {
			l.baseImage(src.file, line, image, args)
		}
	}
	for _, in := range instructions {
		switch in.name {
		case "syntax":
			l.image(src.file, in.line, in.text, "the frontend")
		case "ARG":
			// Those before the first FROM are all that FROM can use.
			for _, assignment := range in.words {
				key, value, ok := strings.Cut(assignment, "=")
				switch {
				case !begun:
					args[key] = expandArgs(unquoted(value), args)
				case ok:
					values[key] = expandArgs(unquoted(value), values)
				default:
					values[key] = args[key]
				}
			}
		case "ENV":
			for _, assignment := range in.words {
				if key, value, ok := strings.Cut(assignment, "="); ok && begun {
					values[key] = expandArgs(unquoted(value), values)
				}
			}
		case "FROM":
			image, stage := in.from()
			use(in.line, image)
			values = map[string]string{}
			if begun = true; stage != "" {
				stages[ecosystem.Lower(stage)] = true
			}
		case "COPY", "RUN", "ADD":
			for _, image := range in.fromFlags() {
				if !decimal(image) { // the number of a stage
					use(in.line, image)
				}
			}
			if in.name == "ADD" {
				l.download(src.file, in, values)
			}
		}
	}
	return nil
}

// baseImage adds an image that may be named by build arguments. The default of an
// argument is what is used, unless the build is given another one, so that it
// pins nothing for certain.
func (l *Lock) baseImage(file string, line int, ref string, args map[string]string) {
	expanded := expandArgs(ref, args)
	if expanded != ref && !strings.ContainsRune(expanded, '$') {
		l.problem(ProblemVariable, file, line, "", "the image "+quote(ref)+" is "+quote(expanded)+" unless the build sets an argument")
	}
	l.image(file, line, expanded, "the image")
}

// download adds what ADD takes from a URL: with --checksum, or a commit of a
// repository, it is pinned. The URL can be that of an argument or a variable.
func (l *Lock) download(file string, in instruction, values map[string]string) {
	sum, _ := in.flag("checksum")
	words := in.words
	if len(words) > 0 {
		words = words[:len(words)-1]
	}
	for _, word := range words {
		url := expandArgs(unquoted(word), values)
		if !strings.Contains(url, "://") && !strings.HasPrefix(url, "git@") {
			continue
		}
		loc, _ := parseLocation(url)
		e := Entry{Type: "generic", File: file, Line: in.line, Direct: true, Source: Source{Kind: KindURL, URL: scrub(url)}}
		_, e.Name = lastElement(cmp.Or(strings.Trim(loc.path, "/"), scrub(url)))
		commit := gitCommit(url)
		if fullCommit(sum) {
			commit = sum
		}
		h, ok := colonHash(sum)
		switch {
		case ok && len(strong([]Hash{h})) > 0:
			e.Version, e.Hashes = h.Algorithm+":"+h.Value, []Hash{h}
			l.machinery(e)
		case isGitURL(url) && fullCommit(commit):
			e.Version = ecosystem.Lower(commit)
			l.machinery(e)
		default:
			l.floating(e, ProblemFloating, "ADD downloads "+quote(scrub(url))+", which can change: write --checksum=sha256:... or a full commit")
		}
	}
}

// gitCommit returns what fixes the content of a repository in a URL of BuildKit:
// the reference "#REF[:DIRECTORY]", or since Dockerfile 1.18 the query "checksum",
// also named "commit" (util/gitutil, ParseGitRef). Of an https URL without ".git",
// which is a file, it fixes nothing.
func gitCommit(url string) string {
	url, reference, _ := strings.Cut(url, "#")
	_, query, _ := strings.Cut(url, "?")
	for arg := range strings.SplitSeq(query, "&") {
		if key, value, _ := strings.Cut(arg, "="); key == "checksum" || key == "commit" {
			return value
		}
	}
	reference, _, _ = strings.Cut(reference, ":")
	return reference
}

// isGitURL reports whether BuildKit takes a URL for a repository: by https only with
// ".git" at its end.
func isGitURL(url string) bool {
	loc, ok := parseLocation(url)
	return !ok || loc.scheme != "http" && loc.scheme != "https" || strings.HasSuffix(loc.path, ".git")
}

// buildContext adds the repository or the archive of a build context, if it is not
// a directory. A context may be named by its repository without a scheme.
func (l *Lock) buildContext(file string, line int, url string) {
	remote := strings.Contains(url, "://") || strings.HasPrefix(url, "git@") || strings.HasPrefix(url, "github.com/")
	switch image, isImage := strings.CutPrefix(url, "docker-image://"); {
	case isImage:
		l.image(file, line, image, "the image")
	case remote:
		loc, _ := parseLocation(url)
		e := Entry{Type: "generic", File: file, Line: line, Direct: true, Source: Source{Kind: KindURL, URL: scrub(url)}}
		_, e.Name = lastElement(cmp.Or(strings.Trim(loc.path, "/"), scrub(url)))
		if commit := gitCommit(url); fullCommit(commit) && (isGitURL(url) || loc.host == "github.com") {
			e.Version = ecosystem.Lower(commit)
			l.machinery(e)
			return
		}
		l.floating(e, ProblemFloating, "the build context "+quote(scrub(url))+" can change: write a full commit after \"#\"")
	}
}
