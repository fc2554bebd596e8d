package definition

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// KindOf returns the kind of a file by its name, "" for another file. path has
// slashes.
func KindOf(file string) Kind {
	base, dir := path.Base(file), path.Dir(file)
	switch ext := path.Ext(base); {
	case (ext == ".yml" || ext == ".yaml") && (dir == ".github/workflows" || strings.HasSuffix(dir, "/.github/workflows")):
		return Workflow
	case base == "action.yml" || base == "action.yaml":
		return Action
	case dockerfileName.MatchString(base) && !besideDockerfile.MatchString(base):
		return Dockerfile
	case composeName.MatchString(base):
		return Compose
	case bakeName.MatchString(base):
		return Bake
	case base == "devcontainer.json" || base == ".devcontainer.json":
		return DevContainer
	case base == ".gitlab-ci.yml" || base == ".gitlab-ci.yaml" || strings.HasSuffix(base, ".gitlab-ci.yml"):
		return GitLab
	}
	return ""
}

var (
	dockerfileName = lazyregexp.New(`^(?:(?:Docker|Container)file(?:[.-][A-Za-z0-9_.-]+)?|[A-Za-z0-9_.-]+\.(?:[Dd]ocker|[Cc]ontainer)file)$`)
	// besideDockerfile matches files about a Dockerfile, and templates of one.
	besideDockerfile = lazyregexp.New(`(?i)\.(?:dockerignore|containerignore|md|rst|orig|rej|bak|swp|j2|jinja|jinja2|tmpl|tpl|gotmpl|template|in|erb|mustache)$`)
	composeName      = lazyregexp.New(`^(?:docker-)?compose(?:[.-][A-Za-z0-9_.-]+)?\.ya?ml$`)
	bakeName         = lazyregexp.New(`^docker-bake(?:\.override)?\.(?:hcl|json)$`)
)

// maxFound bounds the files of a checkout that Find looks at and returns.
const (
	maxLooked = 1_000_000
	maxFound  = 10_000
)

// notLooked are directories whose definitions are those of other projects.
var notLooked = []string{"node_modules", "vendor", ".git", ".venv", "venv", "__pycache__", "third_party", "target", ".tox"}

// Find returns the definition files of a checkout, sorted. It does not look into
// repositories in it (submodules), into what package managers unpack, or
// behind links. A directory that cannot be read, and more files than a limit, are
// an error; what was found is returned with it.
func Find(ctx context.Context, checkout fs.FS) ([]string, error) {
	var out []string
	var bad error
	looked := 0
	err := fs.WalkDir(checkout, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			bad = errors.Join(bad, err)
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if looked++; looked%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if looked > maxLooked || len(out) >= maxFound {
			bad = errors.Join(bad, errors.New("the checkout has too many files: not all were looked at"))
			return fs.SkipAll
		}
		if d.IsDir() {
			if name == "." {
				return nil
			}
			if slices.Contains(notLooked, d.Name()) {
				return fs.SkipDir
			}
			// A repository in the checkout is another one's project.
			if _, err := fs.Lstat(checkout, path.Join(name, ".git")); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && KindOf(name) != "" {
			out = append(out, name)
		}
		return nil
	})
	slices.Sort(out)
	return out, errors.Join(bad, err)
}

// readFile reads a regular file of the checkout, up to the limit.
func readFile(checkout fs.FS, name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &Error{File: name, Msg: "the file is not in the checkout"}
	}
	info, err := fs.Stat(checkout, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{File: name, Msg: "not a regular file"}
	}
	f, err := checkout.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, &Error{File: name, Msg: "larger than 4 MiB, the limit for a definition", Hint: "split the file"}
	}
	return data, nil
}

// Parse reads one text, the kind of which its name gives, and follows nothing.
func Parse(ctx context.Context, file string, data []byte) (*File, error) {
	kind := KindOf(file)
	if kind == "" {
		return nil, &Error{File: file, Msg: "not a definition", Hint: "name a workflow, an action.yml, a Dockerfile, a compose or bake file, a devcontainer.json or a .gitlab-ci.yml"}
	}
	return ParseAs(ctx, kind, file, data)
}

// ParseAs reads one text of a kind, and follows nothing.
func ParseAs(ctx context.Context, kind Kind, file string, data []byte) (*File, error) {
	return parseAs(ctx, nil, kind, file, data)
}

func parseAs(ctx context.Context, c *checkout, kind Kind, file string, data []byte) (*File, error) {
	if len(data) > maxFile {
		return nil, &Error{File: file, Msg: "larger than 4 MiB, the limit for a definition", Hint: "split the file"}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := newReader(file, kind, string(data))
	r.checkout = c
	switch kind {
	case Workflow, Action:
		r.github(ctx, data)
	case Dockerfile:
		r.dockerfile(ctx)
	case Compose:
		r.compose(ctx, data)
	case Bake:
		r.bake(ctx, data)
	case DevContainer:
		r.devcontainer(ctx, data)
	case GitLab:
		r.gitlab(ctx, data)
	default:
		r.fail(Position{}, "", "files of the kind %q are not read", string(kind))
	}
	if len(r.file.Jobs) > maxJobs {
		r.fail(r.file.Jobs[maxJobs].At, "split the file", "more than %d jobs", maxJobs)
	}
	if r.err != nil {
		return nil, r.err
	}
	for i := range r.file.Jobs {
		if r.file.Jobs[i].File == "" {
			r.file.Jobs[i].File = file
		}
	}
	return r.file, nil
}

// Read reads a file of a checkout, and what it names there.
func Read(ctx context.Context, checkout fs.FS, file string) (*File, error) {
	return newCheckout(checkout).read(ctx, file, KindOf(file))
}

// Selection is what a reference "FILE#JOB" selects.
type Selection struct {
	File *File
	Job  *Job
	// Uses are all that the job runs on: its own, those of what it is built from,
	// and those of what it calls.
	Uses []Use
	// Notes are the notes of the files in the selection.
	Notes []Note
	// Files are the files that were read, sorted.
	Files []string
}

// Select reads the file of a reference FILE[#JOB] and returns all that the job
// runs on. A file of one job needs no name, and of a Dockerfile without one it is
// the last stage, as for `docker build`. An unknown job is an [UnknownJobError],
// a missing file an [fs.ErrNotExist].
func Select(ctx context.Context, checkout fs.FS, ref string) (*Selection, error) {
	return NewSelector(checkout).Select(ctx, ref)
}

// Selector selects several jobs of a checkout, and reads a file that is named several
// times once. The files must not change meanwhile. It is not for concurrent use.
type Selector struct {
	checkout fs.FS
	read     readFiles
}

// NewSelector returns a selector for a checkout.
func NewSelector(checkout fs.FS) *Selector {
	return &Selector{checkout, readFiles{}}
}

// Select is as the function [Select].
func (s *Selector) Select(ctx context.Context, ref string) (*Selection, error) {
	c := newCheckout(s.checkout)
	c.before = s.read
	return c.selected(ctx, ref)
}

// readFiles are the files that selections have named, by path and kind, each with
// what it includes.
type readFiles map[readKey]wasRead

type readKey struct {
	file string
	kind Kind
}

type wasRead struct {
	file *File
	with map[string]*File
}

func (c *checkout) selected(ctx context.Context, ref string) (*Selection, error) {
	name, id, _ := strings.Cut(ref, "#")
	kind := KindOf(name)
	if kind == "" {
		return nil, &Error{File: name, Msg: "not a definition", Hint: "name a workflow, an action.yml, a Dockerfile, a compose or bake file, a devcontainer.json or a .gitlab-ci.yml"}
	}
	f, err := c.named(ctx, name, kind)
	if err != nil {
		return nil, err
	}
	job := f.Job(id)
	if id == "" && len(f.Jobs) > 0 && (len(f.Jobs) == 1 || f.Kind == Dockerfile) {
		job = &f.Jobs[len(f.Jobs)-1]
	}
	if job == nil {
		e := &UnknownJobError{File: name, Job: id}
		for i := range f.Jobs {
			e.Have = append(e.Have, f.Jobs[i].ID)
		}
		return nil, e
	}
	s := &Selection{File: f, Job: job}
	c.collect(ctx, s, f, job, map[*Job]bool{})
	s.Notes = append(s.Notes, f.Notes...)
	for file := range c.files {
		s.Files = append(s.Files, file)
	}
	slices.Sort(s.Files)
	s.Uses = distinct(s.Uses)
	return s, nil
}

// distinct removes the uses that are there twice at one place: of a thing that floats
// at several lines, each of them has to be changed.
func distinct(uses []Use) []Use {
	seen := map[Use]bool{}
	return slices.DeleteFunc(uses, func(u Use) bool {
		was := seen[u]
		seen[u] = true
		return was
	})
}

// checkout reads files and keeps what it has read.
type checkout struct {
	fs.FS
	files  map[string]*File  // nil while the file is read, and for one that was not
	looked map[string][]byte // the files that decide pins
	lock   *actionsLock
	depth  int
	before readFiles // of other selections; nil without them
}

func newCheckout(fsys fs.FS) *checkout {
	return &checkout{FS: fsys, files: map[string]*File{}, looked: map[string][]byte{}}
}

// maxFollowed bounds the files of one selection and how deep they include each
// other. GitHub takes ten levels of composite actions and of workflows.
const (
	maxFollowed = 200
	maxLevels   = 20
)

func (c *checkout) read(ctx context.Context, file string, kind Kind) (*File, error) {
	if f := c.files[file]; f != nil {
		return f, nil
	}
	if len(c.files) >= maxFollowed || c.depth >= maxLevels {
		return nil, &Error{File: file, Msg: "too many files include each other"}
	}
	if _, busy := c.files[file]; busy {
		return nil, &Error{File: file, Msg: "the file includes itself"}
	}
	data, err := readFile(c.FS, file)
	if err != nil {
		return nil, err
	}
	if kind == "" {
		return nil, &Error{File: file, Msg: "not a definition", Hint: "name a workflow, an action.yml, a Dockerfile, a compose or bake file, a devcontainer.json or a .gitlab-ci.yml"}
	}
	c.files[file] = nil
	c.depth++
	defer func() { c.depth-- }()
	f, err := parseAs(ctx, c, kind, file, data)
	if err != nil {
		return nil, err
	}
	c.follow(ctx, f)
	c.files[file] = f
	return f, nil
}

// named reads a file that no other one includes, or returns what an earlier
// selection has read of it.
func (c *checkout) named(ctx context.Context, file string, kind Kind) (*File, error) {
	if f := c.files[file]; f != nil {
		return f, nil
	}
	key := readKey{file, kind}
	if was, ok := c.before[key]; ok && len(c.files)+len(was.with) <= maxFollowed {
		maps.Copy(c.files, was.with)
		return was.file, nil
	}
	had := maps.Clone(c.files)
	f, err := c.read(ctx, file, kind)
	if err != nil || c.before == nil {
		return f, err
	}
	with := maps.Clone(c.files)
	maps.DeleteFunc(with, func(name string, _ *File) bool { _, ok := had[name]; return ok })
	c.before[key] = wasRead{f, with}
	return f, nil
}

// follow adds what the files that a file names in the checkout contain.
func (c *checkout) follow(ctx context.Context, f *File) {
	for i := range f.Jobs {
		for j := range f.Jobs[i].Uses {
			c.lookUp(&f.Jobs[i].Uses[j])
		}
	}
	switch f.Kind {
	case Workflow, Action:
		c.followActions(ctx, f)
	case DevContainer:
		c.followDevContainer(ctx, f)
	case Compose:
		c.followCompose(ctx, f)
	}
}

// collect adds what a job runs on, and what that is built from.
func (c *checkout) collect(ctx context.Context, s *Selection, f *File, job *Job, done map[*Job]bool) {
	if done[job] {
		return
	}
	done[job] = true
	if len(done) == 1 || s.File != f {
		s.Uses = append(s.Uses, f.Uses...)
	}
	s.Uses = append(s.Uses, job.Uses...)
	if f.Kind == Dockerfile || f.Kind == Bake {
		for _, need := range job.Needs {
			if stage := f.Job(need); stage != nil {
				c.collect(ctx, s, f, stage, done)
			}
		}
	}
	if job.Build != nil {
		c.built(ctx, s, f, job, done)
	}
}

// built adds what the stage of a Dockerfile runs on that a job is built from.
func (c *checkout) built(ctx context.Context, s *Selection, f *File, job *Job, done map[*Job]bool) {
	b := job.Build
	if isRemote(b.Context) || b.Dockerfile == "" {
		return
	}
	unread := func(detail string) {
		s.Notes = append(s.Notes, Note{Kind: Unread, File: f.Path, At: b.At, Detail: detail})
	}
	if isVariable(b.Dockerfile) || isVariable(b.Context) || isVariable(b.Target) {
		unread("what is built is decided when it runs: " + quote(b.Dockerfile))
		return
	}
	d, err := c.named(ctx, b.Dockerfile, Dockerfile)
	if err != nil {
		unread(quote(b.Dockerfile) + " is not read: " + message(err))
		return
	}
	var stage *Job
	if b.Target != "" {
		stage = d.Job(b.Target)
	} else if len(d.Jobs) > 0 {
		stage = &d.Jobs[len(d.Jobs)-1]
	}
	if stage == nil {
		unread(quote(b.Dockerfile) + " has no stage " + quote(b.Target))
		return
	}
	s.Notes = append(s.Notes, d.Notes...)
	c.collect(ctx, s, d, stage, done)
}
