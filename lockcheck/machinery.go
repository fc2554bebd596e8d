package lockcheck

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/lockcheck/definition"
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

// fromDefinition returns the parser of a kind of file that defines what a stage runs
// on. Package definition reads it; here are its images, actions, features and
// downloads, and what can change of them. What a command installs is no entry: the
// environment has it.
func fromDefinition(kind definition.Kind) func(*Lock, context.Context, *source) error {
	return func(l *Lock, ctx context.Context, src *source) error {
		own := kind
		if k := definition.KindOf(src.file); kind == definition.Workflow && k == definition.Action {
			own = k
		}
		f, err := definition.ParseAs(ctx, own, src.file, src.data)
		if err != nil {
			return definitionError(src, err)
		}
		notes := f.Notes
		l.uses(f.Uses, &notes)
		for i := range f.Jobs {
			l.uses(f.Jobs[i].Uses, &notes)
		}
		for _, n := range notes {
			l.note(n)
		}
		return nil
	}
}

// uses adds entries, each after the notes about its place.
func (l *Lock) uses(uses []definition.Use, notes *[]definition.Note) {
	for _, u := range uses {
		*notes = slices.DeleteFunc(*notes, func(n definition.Note) bool {
			if n.At == u.At {
				l.note(n)
			}
			return n.At == u.At
		})
		l.definitionUse(u)
	}
}

func (l *Lock) note(n definition.Note) {
	kind := ProblemPartlyRead
	if n.Kind == definition.Undecided {
		kind = ProblemVariable
	}
	if !n.Command {
		l.problem(kind, n.File, n.At.Line, "", n.Detail)
	}
}

// definitionUse adds what a definition uses, if the file itself has to pin it.
func (l *Lock) definitionUse(u definition.Use) {
	if u.Command || u.Pin == definition.ByCheckout || u.Pin == definition.Unknown {
		return
	}
	e := Entry{Type: u.Type, Namespace: u.Namespace, Name: u.Name, Version: u.Version, Spec: u.Spec, File: u.File, Line: u.At.Line, Direct: true, Source: Source{Kind: KindRegistry}}
	what := "the action "
	switch u.Kind {
	case definition.UseImage:
		what = "the image "
	case definition.UseFeature:
		what = "the feature "
	case definition.UseDownload, definition.UseWorkflow:
		if u.Type == "generic" {
			what = "the download "
			e.Namespace, e.Source = "", Source{Kind: KindURL, URL: u.Text}
		}
	case definition.UseAction:
	default:
		return
	}
	if h, ok := colonHash(u.Version); ok {
		e.Hashes = []Hash{h}
	}
	detail := what + quote(u.Text) + ": " + u.Detail
	if u.Fix != "" {
		detail += "; " + u.Fix
	}
	switch {
	case u.Pin.Fixed():
		l.machinery(e)
	case u.Pin == definition.Variable:
		l.floating(e, ProblemVariable, detail)
	case u.Kind == definition.UseImage && strings.Contains(u.Text, "@"):
		l.floating(e, ProblemBadHash, detail)
	default:
		l.floating(e, ProblemFloating, detail)
	}
}

// image adds a container image of another file.
func (l *Lock) image(file string, line int, ref string) {
	if u, ok := definition.ParseImage(ref, definition.RoleContainer); ok {
		u.File, u.At.Line = file, line
		l.definitionUse(u)
	}
}

// lastElement splits a path before its last element, which is never empty.
func lastElement(name string) (dir, base string) {
	if i := strings.LastIndexByte(name, '/'); i > 0 && i+1 < len(name) {
		return name[:i], name[i+1:]
	}
	return "", cmp.Or(name, "?")
}

// parseActionsLock parses actions.lock of GitHub Actions: the commit of each action
// that workflows use, also indirectly.
func (l *Lock) parseActionsLock(ctx context.Context, src *source) error {
	uses, err := definition.ParseActionsLock(ctx, src.file, src.data)
	if err != nil {
		return definitionError(src, err)
	}
	for _, u := range uses {
		l.machinery(Entry{Type: u.Type, Namespace: u.Namespace, Name: u.Name, Version: u.Version, Spec: u.Spec, File: u.File, Line: u.At.Line, Source: Source{Kind: KindRegistry}})
	}
	return nil
}

// definitionError gives an error of package definition the form of this one.
func definitionError(src *source, err error) error {
	if e, ok := errors.AsType[*definition.Error](err); ok {
		return &SyntaxError{File: src.file, Line: max(1, e.At.Line), Column: e.At.Column, Msg: e.Msg, Hint: e.Hint}
	}
	return err
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
					l.image(d.file, d.line(m.offset), words[0])
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
