package definition

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
)

// isMissing reports whether an error is that there is no such file.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// message returns an error without what the operating system adds to it.
func message(err error) string {
	if isMissing(err) {
		return "there is no such file in the checkout"
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Path + ": " + e.Err.Error()
	}
	return err.Error()
}

// actionsLock is .github/workflows/actions.lock
// (https://docs.github.com/en/actions/concepts/security/workflow-dependency-lockfiles):
// the commit of each action, and what it uses in turn.
type actionsLock struct {
	file    string
	entries map[string]lockedAction // by lockKey
}

type lockedAction struct {
	key, commit string
	at          Position
	uses        []string
}

// actionsLock returns the lock beside a workflow, nil if there is none. One that is
// not understood is a note: it pins nothing.
func (c *checkout) actionsLock(ctx context.Context, f *File) *actionsLock {
	if c.lock != nil || f.Kind != Workflow {
		return c.lock
	}
	c.lock = &actionsLock{file: path.Join(path.Dir(f.Path), "actions.lock")}
	data, err := readFile(c.FS, c.lock.file)
	if isMissing(err) {
		return c.lock
	}
	if err == nil {
		c.files[c.lock.file] = nil
		r := newReader(c.lock.file, "", string(data))
		c.lock.entries = r.actionsLock(ctx, data)
		err = r.err
	}
	if err != nil {
		c.lock.entries = nil
		f.Notes = append(f.Notes, Note{Kind: Unread, File: c.lock.file, Detail: "the lock of actions is not read: " + message(err)})
	}
	return c.lock
}

func (r *reader) actionsLock(ctx context.Context, data []byte) map[string]lockedAction {
	list := r.lockedActions(ctx, data)
	out := make(map[string]lockedAction, len(list))
	for _, a := range list {
		out[lockKey(a.key)] = a
	}
	return out
}

// ParseActionsLock returns the actions of an actions.lock in the order of the file,
// each by its commit.
func ParseActionsLock(ctx context.Context, file string, data []byte) ([]Use, error) {
	r := newReader(file, "", string(data))
	var out []Use
	for _, a := range r.lockedActions(ctx, data) {
		u := action(a.key, UseAction)
		if u.Pin == Variable {
			r.fail(a.at, "lock again with `gh actions-lock`", "%s is not OWNER/REPOSITORY@REF", quote(a.key))
			break
		}
		u.File, u.At = file, a.at
		_, u.Spec, _ = strings.Cut(a.key, "@")
		u.Version, u.Pin, u.Detail, u.Fix = a.commit, ByLock, "", ""
		out = append(out, u)
	}
	if r.err != nil {
		return nil, r.err
	}
	return out, nil
}

func (r *reader) lockedActions(ctx context.Context, data []byte) (out []lockedAction) {
	docs := r.yaml(ctx, data)
	if len(docs) > 1 {
		r.fail(docs[1].at, "lock again with `gh actions-lock`", "a second YAML document begins here")
	}
	if r.err != nil || len(docs) == 0 {
		return nil
	}
	dependencies := r.object(docs[0], "dependencies")
	if dependencies == nil {
		return nil
	}
	for _, m := range dependencies.members {
		commit := m.value.textOf("commit")
		commit = strings.TrimPrefix(strings.TrimPrefix(commit, "sha1-"), "sha256-")
		if name, _, _ := strings.Cut(m.key, "@"); !strings.Contains(name, "/") {
			r.fail(m.at, "lock again with `gh actions-lock`", "%s is not OWNER/REPOSITORY@REF", quote(m.key))
			return nil
		}
		if !commitID.MatchString(commit) {
			r.fail(m.at, "lock again with `gh actions-lock`", "%s has no full commit", quote(m.key))
			return nil
		}
		a := lockedAction{key: m.key, commit: lower(commit), at: m.at}
		for _, u := range m.value.texts("uses") {
			a.uses = append(a.uses, u.text)
		}
		out = append(out, a)
	}
	return out
}

// pin returns the uses of a job with the commits of the lock, and after each what
// it uses in turn by the lock, once. An action by a commit is looked up, too: what
// it uses is the same.
func (l *actionsLock) pin(uses []Use) []Use {
	if len(l.entries) == 0 {
		return uses
	}
	var out []Use
	seen := map[string]bool{}
	var add func(via string, a lockedAction, level int)
	add = func(via string, a lockedAction, level int) {
		for _, ref := range a.uses {
			if seen[lockKey(ref)] || level > maxLevels || len(out) >= maxUses {
				continue
			}
			seen[lockKey(ref)] = true
			u := action(ref, UseAction)
			u.File, u.At, u.Via = l.file, a.at, via
			next, ok := l.entries[lockKey(ref)]
			if ok {
				l.fix(&u, next)
				u.At = next.at
			}
			out = append(out, u)
			if ok {
				add(ref, next, level+1)
			}
		}
	}
	for _, u := range uses {
		if u.Type != "github" || u.Kind != UseAction && u.Kind != UseWorkflow {
			out = append(out, u)
			continue
		}
		a, ok := l.entries[lockKey(u.Text)]
		if ok && u.Pin == Floating {
			l.fix(&u, a)
		}
		out = append(out, u)
		seen[lockKey(u.Text)] = true
		if ok {
			add(u.Text, a, 0)
		}
	}
	return out
}

// fix pins a use by the lock.
func (l *actionsLock) fix(u *Use, a lockedAction) {
	if u.Pin != Floating {
		return
	}
	u.Version, u.Pin, u.Detail, u.Fix = a.commit, ByLock, "", ""
}

// lockKey returns OWNER/REPOSITORY[/PATH]@REF as the platform compares it: the names of
// repositories have no case, and those of tags and branches do.
func lockKey(text string) string {
	name, ref, _ := strings.Cut(text, "@")
	return lower(name) + "@" + ref
}
