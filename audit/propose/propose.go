// Package propose writes a first configuration for a repository: from the files
// that define its pipeline to stages, with the reason for each line.
//
// # What a stage is
//
// A release manager wants few stages and the right ones. A stage is proposed for
// each job that can publish, by a permission of its token or by a command, and for
// each job that builds what such a job publishes, by the artifacts that the one
// uploads and the other downloads; both are critical. The other jobs of such a
// pipeline that hand something on, and those that test what is published, become
// stages that are not critical. A workflow that publishes nothing has none: a gate
// on a job that cannot change a release guards nothing, and costs two steps in
// each run.
//
// If no job publishes, the artifacts of a workflow that is started by hand, by a
// tag or by a release are taken for what a person publishes. If there are no
// workflows, the image of a Dockerfile is.
//
// # Reasons
//
// The proposal is read by a person who has never seen the configuration. Each
// stage therefore has a comment with the file and the line that it was made from,
// and each file that was read and gave no stage is listed with the reason.
//
// # Trust
//
// All names are those of the repository. They are quoted where they become YAML,
// without control characters where they become comments, and nothing is executed.
package propose

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/lockcheck/definition"
	"github.com/depaudit/depaudit/sbom/wording"
)

// maxStages is the largest number of stages that are proposed. The pipelines that
// were looked at have one to twelve; a file with thousands of jobs is generated, and
// its proposal would not be read.
const maxStages = 40

// Input is what a repository has.
type Input struct {
	// Name is that of the pipeline, such as the name of the directory.
	Name string
	// Files are the definitions, with paths relative to the repository.
	Files []definition.File
	// Broken are the definitions that could not be read, with the reason.
	Broken []Left
	// Locks are the lock files in sight.
	Locks []Lock
}

// Lock is a lock file of the repository.
type Lock struct {
	// Path is relative to the repository, with slashes.
	Path string
	// Format is that of lockcheck.Known.
	Format string
	// Pins reports whether it has an entry with an exact version.
	Pins bool
	// Problem is why it cannot be read, "" if it can.
	Problem string
}

// Proposal is a configuration with what else is to be done.
type Proposal struct {
	Pipeline string
	// Stages are in the order of the release: files by path, jobs by line.
	Stages []Stage
	// Left are the files and jobs that gave no stage.
	Left []Left
	// Unread are the places that could not be read. A proposal with some is not
	// complete.
	Unread []Left
	// Guessed is true if no job publishes, and the stages are those of the artifacts
	// or images that a person may publish.
	Guessed bool
}

// Left is a place without a stage.
type Left struct {
	File   string
	Line   int // 0 for the whole file
	Detail string
}

// String returns the place and the reason. It has untrusted names.
func (l Left) String() string { return place(l.File, l.Line) + ": " + l.Detail }

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// Where is the kind of environment of a stage.
type Where uint8

const (
	OnRunner    Where = iota // a job on a machine of the platform
	InContainer              // a job in a container
	InImage                  // a stage of a Dockerfile, an image of a service
)

// Stage is a proposed stage.
type Stage struct {
	Name string
	// File, Job and Line are what it was made from.
	File, Job string
	Kind      definition.Kind
	Line      int
	// Origin is the file that Line is in, if that is an included one.
	Origin string
	Where  Where
	// On is the runner or the image, as the file names it.
	On string
	// Environment and Base are references of the configuration; Base can be empty.
	Environment, Base string
	// Build is the command that makes the environment, "" for a job.
	Build string
	// before and after are the words of Build around the tag.
	before, after []string
	Critical      bool
	// publisher is true for a job that can publish.
	publisher bool
	// Reasons are why it is critical, or why it is a stage.
	Reasons []string
	// Remarks are what the user has to decide or to know.
	Remarks []string
	// Locks are paths, relative to the repository.
	Locks []string
	// Checkout is what to do so that the job has the configuration in its
	// directory, "" if it has.
	Checkout string
	// Before is the line of the first step that publishes, 0 if none does: the gate
	// must come before it. By is that step.
	Before int
	By     string
}

// at returns the place of the stage.
func (s *Stage) at() string { return place(cmp.Or(s.Origin, s.File), s.Line) }

// Definition is the value of the key "definition", "" if the file or the job has a
// name that the key cannot have.
func (s *Stage) Definition() string {
	if strings.Contains(s.File, "#") || !printable(s.File) || !printable(s.Job) {
		return ""
	}
	if s.Job == "" {
		return s.File
	}
	return s.File + "#" + s.Job
}

// New returns the proposal for a repository. It is a function of its argument.
func New(in Input) *Proposal {
	p := &proposer{Proposal: &Proposal{Pipeline: cmp.Or(nameOf(in.Name), "release")}, in: in, used: map[string]bool{}}
	p.Unread = slices.Clone(in.Broken)
	for _, f := range in.Files {
		for _, n := range f.Notes {
			if n.Kind == definition.Unread {
				p.Unread = append(p.Unread, Left{cmp.Or(n.File, f.Path), n.At.Line, n.Detail})
			}
		}
	}
	p.graph = newGraph(in.Files)
	if p.graph.over > 0 {
		p.Unread = append(p.Unread, Left{p.graph.overFile, 0, fmt.Sprintf("%s beyond the first %d", wording.Count(p.graph.over, "job", "jobs"), maxJobs)})
	}
	p.jobs()
	p.images()
	p.remaining()
	p.limit()
	p.names()
	p.tags()
	for _, left := range []*[]Left{&p.Left, &p.Unread} {
		slices.SortStableFunc(*left, func(a, b Left) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
		*left = slices.Compact(*left) // an action has its notes in each job that uses it
	}
	return p.Proposal
}

type proposer struct {
	*Proposal
	in    Input
	graph *graph
	// used are the files of which a stage was made.
	used map[string]bool
}

// limit removes stages beyond the limit, those that are not critical first.
func (p *proposer) limit() {
	if len(p.Stages) <= maxStages {
		return
	}
	over := len(p.Stages) - maxStages
	slices.SortStableFunc(p.Stages, func(a, b Stage) int {
		switch {
		case a.Critical == b.Critical:
			return 0
		case a.Critical:
			return -1
		}
		return 1
	})
	first := p.Stages[maxStages]
	p.Left = append(p.Left, Left{first.File, first.Line, fmt.Sprintf("%s more, and at most %d stages are proposed", wording.Count(over, "stage is", "stages are"), maxStages)})
	p.Stages = p.Stages[:maxStages]
}

// names gives each stage a name of its own: that of the job, and where several
// have it, with what it is or with the name of the file.
func (p *proposer) names() {
	same := func(name string) (n int) {
		for i := range p.Stages {
			if p.Stages[i].Name == name {
				n++
			}
		}
		return n
	}
	for i := range p.Stages {
		if s := &p.Stages[i]; s.Where == InImage && same(s.Name) > 1 {
			s.Name = nameOf(s.Name + "-image")
		}
	}
	longer := make([]string, len(p.Stages))
	for i := range p.Stages {
		s := &p.Stages[i]
		longer[i] = s.Name
		if file := stem(s.File); s.Name == "" || same(s.Name) > 1 && file != s.Name {
			longer[i] = nameOf(file + "-" + s.Name)
		}
	}
	used := map[string]bool{}
	for i, name := range longer {
		name = cmp.Or(name, "stage")
		for n, base := 2, name; used[name]; n++ {
			suffix := fmt.Sprintf("-%d", n)
			name = base[:min(len(base), maxName-len(suffix))] + suffix
		}
		used[name] = true
		p.Stages[i].Name = name
	}
}

// maxName is the length of a name in the configuration.
const maxName = 64

// nameOf makes a name of a stage of any text: letters, digits, '.', '_' and '-'.
func nameOf(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.':
			b.WriteRune(r)
		default:
			if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
				b.WriteByte('-')
			}
		}
	}
	name := strings.TrimLeft(b.String(), "-._")
	return strings.TrimRight(name[:min(len(name), maxName)], "-.")
}

// stem is the short name of a definition: "release" of .github/workflows/release.yml,
// "web" of web/Dockerfile.
func stem(file string) string {
	base := path.Base(file)
	switch {
	case strings.EqualFold(base, "Dockerfile") || strings.EqualFold(base, "Containerfile"):
		if dir := path.Base(path.Dir(file)); dir != "." && dir != "/" {
			return dir
		}
		return "image"
	case strings.HasPrefix(strings.ToLower(base), "dockerfile."):
		return base[len("dockerfile."):]
	}
	base = strings.TrimPrefix(base, ".")
	return strings.TrimSuffix(base, path.Ext(base))
}

// printable reports whether a text can be shown as it is, and so be a value that a
// person reviews.
func printable(text string) bool { return terminal.EscapeTo(text, len(text)+1) == text }

// Critical returns the number of stages that are critical.
func (p *Proposal) Critical() int {
	n := 0
	for i := range p.Stages {
		if p.Stages[i].Critical {
			n++
		}
	}
	return n
}
