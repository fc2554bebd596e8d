package definition

import (
	"cmp"
	"context"
	"errors"
	"path"
	"strings"
)

// actionFile reads the metadata of an action: one job, which is the action. The
// file of a Docker action is in the directory of the action.
func (r *reader) actionFile(root *node) {
	runs := r.object(root, "runs")
	if runs == nil {
		return
	}
	m := root.member("runs")
	job := Job{ID: "runs", Name: r.file.Name, At: m.at}
	b := &jobBuilder{reader: r, job: &job}
	switch using := r.text(runs, "using"); {
	case using == "composite" || using == "":
		b.steps(runs)
	case using == "docker":
		image := r.text(runs, "image")
		if strings.HasPrefix(image, "docker://") {
			job.Container = b.image(runs, "image", RoleStep)
		} else if image != "" {
			dir := path.Dir(r.file.Path)
			job.Build = &Build{At: runs.get("image").at, Context: dir, Dockerfile: path.Join(dir, image)}
		}
	}
	r.file.Jobs = append(r.file.Jobs, job)
}

// followActions adds to the jobs of a workflow, or to an action, what the actions
// and the workflows of the checkout contain that they use, and what actions.lock
// has for the others.
func (c *checkout) followActions(ctx context.Context, f *File) {
	lock := c.actionsLock(ctx, f)
	for i := range f.Jobs {
		job := &f.Jobs[i]
		c.followLocal(ctx, f, job)
		if lock != nil && f.Kind == Workflow {
			job.Uses = lock.pin(job.Uses)
		}
	}
}

func (c *checkout) followLocal(ctx context.Context, f *File, job *Job) {
	uses := job.Uses
	job.Uses = nil
	steps := job.Steps
	job.Steps = nil
	out := checkouts(steps)
	done := map[string]bool{}
	for _, u := range uses {
		job.Uses = append(job.Uses, u)
		if u.Pin != ByCheckout || u.Via != "" || u.Kind != UseAction && u.Kind != UseWorkflow || done[u.Text] {
			continue
		}
		done[u.Text] = true
		local, err := c.local(ctx, out, u)
		if err != nil {
			if _, other := errors.AsType[otherRepositoryError](err); other {
				job.Uses[len(job.Uses)-1].Pin = Unknown
			}
			f.Notes = append(f.Notes, Note{Kind: Unread, File: u.File, At: u.At, Detail: quote(u.Text) + " is not read: " + message(err)})
			continue
		}
		f.Notes = append(f.Notes, local.Notes...)
		if local.Kind == Workflow {
			job.Calls = local
		}
		for j := range local.Jobs {
			inner := &local.Jobs[j]
			s := &Selection{}
			c.collect(ctx, s, local, inner, map[*Job]bool{})
			f.Notes = append(f.Notes, s.Notes...)
			for _, used := range s.Uses {
				used.Via = cmp.Or(used.Via, u.Text)
				job.Uses = append(job.Uses, used)
			}
			for _, p := range inner.Publishes {
				// The caller's permissions are the limit of those of the called.
				if !p.Permission || job.Permissions == nil || job.Permissions[strings.TrimSuffix(p.By, ": write")] == "write" {
					job.Publishes = append(job.Publishes, p)
				}
			}
			job.Uploads = append(job.Uploads, inner.Uploads...)
			job.Downloads = append(job.Downloads, inner.Downloads...)
		}
	}
	for _, s := range steps {
		job.Steps = append(job.Steps, s)
		if _, own := ownPath(s.Uses); !own {
			continue
		}
		if local, err := c.local(ctx, out, stepUse(s)); err == nil && len(local.Jobs) == 1 {
			for _, inner := range local.Jobs[0].Steps {
				if len(job.Steps) < maxUses {
					job.Steps = append(job.Steps, inner)
				}
			}
		}
	}
	if len(job.Uses) > maxUses {
		job.Uses = job.Uses[:maxUses]
		f.Notes = append(f.Notes, Note{Kind: Unread, File: f.Path, At: job.At, Detail: "the job runs on too many things: not all are counted"})
	}
}

// stepUse returns the action that a step names, at its place.
func stepUse(s Step) Use {
	u := action(s.Uses, UseAction)
	u.File, u.At = s.File, s.At
	return u
}

// checkedOut is a directory of the workspace that a step checks a repository out
// into.
type checkedOut struct {
	at         Position
	file       string
	dir        string // cleaned, "." is the workspace
	repository string // empty for the workflow's own
}

// checkouts returns what the steps of a job check out
// (https://github.com/actions/checkout#usage).
func checkouts(steps []Step) (out []checkedOut) {
	for _, s := range steps {
		if name, _, _ := strings.Cut(s.Uses, "@"); lower(name) != "actions/checkout" {
			continue
		}
		d := checkedOut{at: s.At, file: s.File, dir: path.Clean(s.With["path"])}
		if r := s.With["repository"]; strings.Join(strings.Fields(r), "") != "${{github.repository}}" {
			d.repository = r
		}
		out = append(out, d)
	}
	return out
}

// otherRepositoryError is for an action that is not of this repository.
type otherRepositoryError string

func (e otherRepositoryError) Error() string {
	return "it is of the repository " + quote(string(e)) + ", which an earlier step checks out"
}

// inCheckout returns the path in the repository that a path of the workspace is
// at a step: within the innermost directory that an earlier step checks one out into,
// of several the last.
func inCheckout(out []checkedOut, u Use, name string) (in, repository string) {
	in, within := name, -1
	for _, d := range out {
		if d.file != u.File || d.at.Line > u.At.Line || d.at.Line == u.At.Line && d.at.Column > u.At.Column {
			continue
		}
		rest, size := name, 0
		if d.dir != "." {
			var ok bool
			if rest, ok = strings.CutPrefix(name+"/", d.dir+"/"); !ok {
				continue
			}
			rest, size = path.Clean(rest), len(d.dir)
		}
		if size >= within {
			in, repository, within = rest, d.repository, size
		}
	}
	return in, repository
}

// local reads the action or the workflow of the checkout that a use names. The path
// of an action is one of the workspace, and "$/" and that of a workflow relative to the
// root of the repository.
func (c *checkout) local(ctx context.Context, out []checkedOut, u Use) (*File, error) {
	own, _ := ownPath(u.Text)
	name := path.Clean(own)
	if u.Kind == UseWorkflow {
		return c.read(ctx, name, Workflow)
	}
	if own == u.Text {
		in, repository := inCheckout(out, u, name)
		if repository != "" {
			return nil, otherRepositoryError(repository)
		}
		name = in
	}
	f, err := c.read(ctx, path.Join(name, "action.yml"), Action)
	if err != nil && isMissing(err) {
		f2, err2 := c.read(ctx, path.Join(name, "action.yaml"), Action)
		if err2 == nil || !isMissing(err2) {
			return f2, err2
		}
		// A directory with a Dockerfile is an action, too.
		if d, err := c.read(ctx, path.Join(name, "Dockerfile"), Dockerfile); err == nil {
			return d, nil
		}
	}
	return f, err
}
