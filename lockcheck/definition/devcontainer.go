package definition

import (
	"context"
	"path"
	"strings"
)

// devcontainer reads devcontainer.json
// (https://containers.dev/implementors/json_reference/): one job.
func (r *reader) devcontainer(ctx context.Context, data []byte) {
	root := r.json(ctx, data)
	if r.err != nil || root == nil {
		return
	}
	if root.kind != nodeObject {
		r.fail(root.at, "", "the file is an object, not %s", root.kind)
		return
	}
	r.file.Name = root.textOf("name")
	job := Job{ID: "devcontainer", Name: r.file.Name, At: root.at}
	b := &jobBuilder{reader: r, job: &job}
	job.Container = b.image(root, "image", RoleContainer)
	build := root.get("build")
	file := root.get("dockerFile")
	if f := build.get("dockerfile"); f != nil {
		file = f
	}
	if file != nil {
		context := build.textOf("context")
		if context == "" {
			context = root.textOf("context")
		}
		// The Dockerfile is relative to this file, and not to the context.
		b.built(file.at, context, "", build.textOf("target"))
		job.Build.Dockerfile = path.Join(path.Dir(r.file.Path), file.text)
	}
	if compose := root.get("dockerComposeFile"); compose != nil {
		for _, n := range compose.scalars() {
			job.compose = append(job.compose, path.Join(path.Dir(r.file.Path), n.text))
		}
		job.composeService, job.composeAt = root.textOf("service"), compose.at
	}
	if features := r.object(root, "features"); features != nil {
		for i := range features.members {
			m := &features.members[i]
			b.use(m.at, feature(m.key))
		}
	}
	for _, key := range []string{"initializeCommand", "onCreateCommand", "updateContentCommand", "postCreateCommand", "postStartCommand", "postAttachCommand"} {
		b.lifecycle(root.get(key))
	}
	r.file.Jobs = append(r.file.Jobs, job)
}

// lifecycle adds a command: a text for a shell, the words of one, or an object of
// those.
func (b *jobBuilder) lifecycle(n *node) {
	if n == nil {
		return
	}
	step := Step{File: b.file.Path, At: n.at, RunAt: n.at}
	switch n.kind {
	case nodeScalar:
		step.Run = n.text
		b.run(step, script{n.text, func(int) Position { return n.at }})
	case nodeArray:
		var words []string
		for _, w := range n.items {
			words = append(words, quoteWord(w.text))
		}
		step.Run = strings.Join(words, " ")
		b.run(step, script{step.Run, func(int) Position { return n.at }})
	case nodeObject:
		for _, m := range n.members {
			if m.value.kind != nodeObject {
				b.lifecycle(m.value)
			}
		}
		return
	default:
		return
	}
	b.job.Steps = append(b.job.Steps, step)
}

// feature returns the use of a feature of dev containers: HOST/PATH[:VERSION][@DIGEST],
// or a directory of the checkout.
func feature(id string) Use {
	u := Use{Kind: UseFeature, Text: id, Type: "devcontainer"}
	if strings.HasPrefix(id, "./") || strings.HasPrefix(id, "../") {
		u.Type, u.Name, u.Pin = "generic", id, ByCheckout
		return u
	}
	name, digest, _ := strings.Cut(id, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, u.Spec = name[:i], name[i+1:]
	}
	u.Namespace, u.Name = lastElement(name)
	if u.pinFeature(digest, ByDigest); u.Pin == "" {
		u.Pin, u.Detail = Floating, "the version of a feature is the newest one that matches"
		u.Fix = "write the lock: `devcontainer upgrade` makes devcontainer-lock.json"
	}
	return u
}

func (u *Use) pinFeature(digest string, by Pin) {
	if digestRef.MatchString(digest) {
		u.Version, u.Pin, u.Detail, u.Fix = lower(digest), by, "", ""
	}
}

// followDevContainer adds what the lock has for the features, and the service of a
// compose file.
func (c *checkout) followDevContainer(ctx context.Context, f *File) {
	for i := range f.Jobs {
		job := &f.Jobs[i]
		c.featureLock(ctx, f, job)
		if len(job.compose) == 0 {
			continue
		}
		unread := func(detail string) {
			f.Notes = append(f.Notes, Note{Kind: Unread, File: f.Path, At: job.composeAt, Detail: detail})
		}
		found := false
		for _, name := range job.compose {
			file, err := c.read(ctx, name, Compose)
			if err != nil {
				unread(quote(name) + " is not read: " + message(err))
				continue
			}
			if service := file.Job(job.composeService); service != nil {
				found = true
				s := &Selection{}
				c.collect(ctx, s, file, service, map[*Job]bool{})
				job.Uses = append(job.Uses, s.Uses...)
				f.Notes = append(append(f.Notes, file.Notes...), s.Notes...)
			}
		}
		if !found {
			unread("no compose file has the service " + quote(job.composeService))
		}
	}
}

// featureLock pins features by devcontainer-lock.json
// (https://containers.dev/implementors/spec/#lockfile), which is beside the file.
func (c *checkout) featureLock(ctx context.Context, f *File, job *Job) {
	name := path.Join(path.Dir(f.Path), strings.TrimSuffix(path.Base(f.Path), ".json")+"-lock.json")
	data, err := readFile(c.FS, name)
	if isMissing(err) {
		return
	}
	r := newReader(name, "", string(data))
	var root *node
	if err == nil {
		c.files[name] = nil
		root = r.json(ctx, data)
		err = r.err
	}
	if err != nil {
		f.Notes = append(f.Notes, Note{Kind: Unread, File: name, Detail: "the lock of features is not read: " + message(err)})
		return
	}
	features := root.get("features")
	for i := range job.Uses {
		u := &job.Uses[i]
		if u.Kind != UseFeature || u.Pin != Floating {
			continue
		}
		entry := features.get(u.Text)
		digest := entry.textOf("integrity")
		if digest == "" {
			_, digest, _ = strings.Cut(entry.textOf("resolved"), "@")
		}
		u.pinFeature(digest, ByLock)
	}
}
