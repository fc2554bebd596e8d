package definition

import (
	"context"
	"path"
	"strings"
)

// compose reads a compose file
// (https://github.com/compose-spec/compose-spec/blob/main/05-services.md): a job
// for each service. With `build`, its image is what the build makes.
func (r *reader) compose(ctx context.Context, data []byte) {
	for _, root := range r.yaml(ctx, data) {
		r.file.Name = root.textOf("name")
		for _, include := range root.get("include").either("path") {
			r.include(include)
		}
		services := r.object(root, "services")
		if services == nil {
			continue
		}
		for i := range services.members {
			m := &services.members[i]
			if service := r.object(services, m.key); service != nil {
				r.service(services, m, service)
			}
		}
	}
}

// either returns the scalars of a list, whose items are texts or objects with a key.
func (n *node) either(key string) (out []*node) {
	if n == nil {
		return nil
	}
	for _, item := range append([]*node{n}, n.items...) {
		switch item.kind {
		case nodeScalar:
			out = append(out, item)
		case nodeObject:
			out = append(out, item.texts(key)...)
		}
	}
	return out
}

// include adds an included file of compose: a path, or a repository.
func (r *reader) include(n *node) {
	if isRemote(n.text) || strings.HasPrefix(n.text, "oci://") {
		u, _ := contextUse(n.text)
		if u.Pin == "" {
			u = download(n.text)
			u.Pin, u.Detail, u.Fix = Floating, "the included file has no commit or digest", "write a digest or a full commit"
		}
		u.Kind, u.File, u.At = UseWorkflow, r.file.Path, n.at
		r.file.Uses = append(r.file.Uses, u)
		return
	}
	if r.checkout != nil && !isVariable(n.text) {
		r.file.includes = append(r.file.includes, Note{Kind: Unread, File: r.file.Path, At: n.at, Detail: path.Join(path.Dir(r.file.Path), n.text)})
		return
	}
	r.note(Unread, n.at, "the included file %s is not read: name its services by it", quote(n.text))
}

func (r *reader) service(services *node, m *member, service *node) {
	job := Job{ID: m.key, At: m.at}
	b := &jobBuilder{reader: r, job: &job}
	if needs := service.get("depends_on"); needs != nil {
		for _, n := range needs.scalars() {
			job.Needs = append(job.Needs, n.text)
		}
		for _, n := range needs.members {
			job.Needs = append(job.Needs, n.key)
		}
	}
	from := service
	for range maxNested {
		extends := from.get("extends")
		if extends == nil || from.get("image") != nil || from.get("build") != nil {
			break
		}
		name := extends.text
		if extends.kind == nodeObject {
			name = extends.textOf("service")
			if file := extends.textOf("file"); file != "" && r.checkout != nil && !isVariable(file) {
				job.extends = [2]string{path.Join(path.Dir(r.file.Path), file), name}
				break
			} else if file != "" {
				r.note(Unread, extends.at, "the service %s of the file %s is not read: name it by that file", quote(name), quote(file))
				break
			}
		}
		if from = services.get(name); from == nil {
			break
		}
	}
	build := from.get("build")
	if build == nil || build.kind == nodeNull {
		job.Container = b.image(from, "image", RoleContainer)
	} else {
		b.composeBuild(build)
	}
	if list := from.get("volumes"); list != nil {
		for _, v := range list.items {
			if v.textOf("type") == "image" {
				b.image(v, "source", RoleCopy)
			}
		}
	}
	r.file.Jobs = append(r.file.Jobs, job)
}

// composeBuild adds what a service is built from. Paths are relative to the file.
func (b *jobBuilder) composeBuild(build *node) {
	at, text := build.at, build.text
	dockerfile, target := "", ""
	if build.kind == nodeObject {
		text, dockerfile, target = build.textOf("context"), build.textOf("dockerfile"), build.textOf("target")
		if c := build.get("context"); c != nil {
			at = c.at
		}
		if inline := build.member("dockerfile_inline"); inline != nil {
			b.note(Unread, inline.at, "a Dockerfile within this file is not read: put it into a file, and name that")
			dockerfile = "-"
		}
		if contexts := build.get("additional_contexts"); contexts != nil {
			for _, m := range contexts.members {
				if u, ok := contextUse(m.value.text); ok {
					b.use(m.value.at, u)
				}
			}
			for _, item := range contexts.items { // NAME=CONTEXT
				_, context, _ := strings.Cut(item.text, "=")
				if u, ok := contextUse(context); ok {
					b.use(item.at, u)
				}
			}
		}
	}
	b.built(at, text, dockerfile, target)
}

// built sets what a job is built from: a context relative to the file, and a
// Dockerfile relative to the context. "-" is one that is not in a file.
func (b *jobBuilder) built(at Position, context, dockerfile, target string) {
	if u, ok := contextUse(context); ok {
		b.use(at, u)
	}
	build := &Build{At: at, Context: context, Target: target}
	if !isRemote(context) {
		build.Context = path.Join(path.Dir(b.file.Path), context)
	}
	switch {
	case dockerfile == "-":
	case dockerfile == "":
		build.Dockerfile = path.Join(build.Context, "Dockerfile")
	default:
		build.Dockerfile = path.Join(build.Context, dockerfile)
	}
	b.job.Build = build
}

// followCompose adds the services of the files that a compose file includes, and to a
// service what the one of another file has that it extends.
func (c *checkout) followCompose(ctx context.Context, f *File) {
	for _, include := range f.includes {
		other, err := c.read(ctx, include.Detail, Compose)
		if err != nil {
			include.Detail = quote(include.Detail) + " is not read: " + message(err)
			f.Notes = append(f.Notes, include)
			continue
		}
		f.Uses, f.Notes = append(f.Uses, other.Uses...), append(f.Notes, other.Notes...)
		for _, job := range other.Jobs {
			if f.Job(job.ID) == nil && len(f.Jobs) < maxJobs {
				f.Jobs = append(f.Jobs, job)
			}
		}
	}
	for i := range f.Jobs {
		job := &f.Jobs[i]
		file, name := job.extends[0], job.extends[1]
		if file == "" {
			continue
		}
		job.extends = [2]string{}
		var service *Job
		other, err := c.read(ctx, file, Compose)
		if err == nil {
			service = other.Job(name)
		}
		if service == nil {
			detail := "it has no service " + quote(name)
			if err != nil {
				detail = message(err)
			}
			f.Notes = append(f.Notes, Note{Kind: Unread, File: f.Path, At: job.At, Detail: quote(file) + " is not read: " + detail})
			continue
		}
		job.Uses = append(job.Uses, service.Uses...)
		job.Container, job.Build = service.Container, service.Build
	}
}
