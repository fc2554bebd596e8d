// Package definition reads the files that define the stages of a pipeline:
// workflows, Dockerfiles, compose files and the like. What they name is what a
// stage runs on and what its environment does not show afterwards: actions,
// images, the runner, tools that a command installs.
//
// # One model
//
// Each file becomes a [File] of jobs, and each thing that a job runs on a [Use]
// with its pin and its place. Reading does not judge: a use that can be another
// one tomorrow has the pin [Floating], and whether a stage may have it is for the
// caller to decide.
//
// # Functions
//
// [Find] lists the definition files of a checkout. [Read] reads one, and follows
// what it names in the same checkout: composite actions, reusable workflows,
// Dockerfiles, included files, actions.lock. [Select] resolves "FILE#JOB" to all
// that the job runs on. [Parse] reads one text and follows nothing. A checkout is
// an fs.FS: use that of an [os.Root], so that no link leads out of it.
//
// # Limits
//
// A file comes from the repository that is audited. Its size and its nesting are
// limited, and nothing in it is executed or downloaded. Conditions are not
// evaluated: a step that has an `if:` counts as one that runs.
package definition

// Kind is the format of a file.
type Kind string

const (
	Workflow     Kind = "workflow" // of GitHub Actions, also a reusable one
	Action       Kind = "action"   // action.yml
	Dockerfile   Kind = "dockerfile"
	Compose      Kind = "compose"
	Bake         Kind = "bake"
	DevContainer Kind = "devcontainer"
	GitLab       Kind = "gitlab"
)

// Position is a place in a file, from 1. Columns count characters. The zero value
// is an unknown place.
type Position struct{ Line, Column int }

// File is one file that defines jobs.
type File struct {
	// Path is the path as it was given, with slashes.
	Path string
	Kind Kind
	// Name is the title of a workflow, empty if it has none.
	Name string
	// Events are what starts a workflow ("push", "workflow_call"), sorted.
	Events []string
	// Uses are what every job of the file runs on: the frontend of a Dockerfile, an
	// included file of another repository.
	Uses []Use
	// Jobs are in the order of the file.
	Jobs []Job
	// Notes are the places that could not be read or decided.
	Notes []Note

	// includes are the files of the checkout that a compose file includes.
	includes []Note
}

// Note is a place of a file that is not understood.
type Note struct {
	Kind NoteKind
	// File has the place: the file itself, or one that it includes.
	File   string
	At     Position
	Detail string
	// Command is true for a note about a command line.
	Command bool
}

// NoteKind is why there is a note.
type NoteKind string

const (
	// Unread is a part that is not read: what it names is not in the model.
	Unread NoteKind = "unread"
	// Undecided is a value that is known only when the job runs.
	Undecided NoteKind = "undecided"
)

// Job is a unit of a file that has an environment: a job of a workflow, a stage
// of a Dockerfile, a service, a target of bake, a dev container, a job of GitLab.
type Job struct {
	// ID is the name by which "FILE#ID" selects the job; the number of a stage of
	// a Dockerfile that has no name.
	ID string
	// Name is the title of a job, as written; empty if it has none.
	Name string
	// File and At are its place: in the file itself, or in one that it includes.
	File string
	At   Position
	// If is the condition of the job as written.
	If string
	// Needs are the IDs of the jobs of the same file that come before: `needs`,
	// and the stages that FROM and COPY --from name.
	Needs []string
	// Permissions are the effective ones of the job's token ("contents": "write");
	// nil if the file does not restrict them, not nil and empty for none.
	Permissions map[string]string
	// Environment is the deployment environment that the job names, as written.
	Environment string
	// RunsOn are the labels of the runner, or of each that a matrix has.
	RunsOn []string
	// Matrix are the keys of the matrix, sorted.
	Matrix []string
	// Container is the image that the job's steps run in, as written, empty for
	// the runner itself. For a stage of a Dockerfile it is the base, with the
	// defaults of its arguments, empty if that is another stage, which is the first
	// of Needs.
	Container string
	// Uses are what the job runs on, in the order of the file.
	Uses []Use
	// Steps are its commands and actions, in the order of the file. Those of a
	// composite action of the checkout follow the step that uses it.
	Steps []Step
	// Publishes are the places that can publish something, empty for a job that cannot.
	Publishes []Publish
	// Uploads and Downloads are the artifacts that the job hands on and takes.
	Uploads, Downloads []Artifact
	// Build is what a service, a target or a dev container is built from, nil for
	// other jobs.
	Build *Build
	// Calls is the reusable workflow of the checkout that the job runs, read, or
	// nil. What it uses and publishes is also in Uses and Publishes.
	Calls *File

	// compose are the compose files of a dev container.
	compose        []string
	composeService string
	composeAt      Position
	// extends is the file and the service that a service of compose extends.
	extends [2]string
	// limited is true for a job of GitLab that names the artifacts that it takes.
	limited bool
}

// Step is a step of a job: an action or a command.
type Step struct {
	// File and At are the place of the step: the job's file, or that of an action
	// of the checkout.
	File     string
	At       Position
	ID, Name string
	// If is the condition as written.
	If string
	// Uses is the action as written, With its inputs.
	Uses string
	With map[string]string
	// Run is the text of the command, RunAt its first character.
	Run   string
	RunAt Position
	// Shell and Directory are as configured, with the defaults of the job; empty
	// without them.
	Shell, Directory string
}

// Artifact is a named result that goes from one job to another.
type Artifact struct {
	At Position
	// Name is the name or the pattern, as written. Empty is all that there are.
	Name string
}

// Build names a stage of a Dockerfile.
type Build struct {
	At Position
	// Context and Dockerfile are relative to the root of the checkout, with
	// slashes. Context is a URL for one that is not in the checkout.
	Context, Dockerfile string
	// Target is the stage, empty for the last one.
	Target string
}

// Publish is a reason why a job can publish.
type Publish struct {
	File string
	At   Position
	// By is the permission ("contents: write"), the command ("twine upload") or the
	// action ("softprops/action-gh-release").
	By string
	// Permission is true for what the token allows and no step shows.
	Permission bool
}

// UseKind is the kind of a thing that a job runs on.
type UseKind string

const (
	UseAction   UseKind = "action"
	UseWorkflow UseKind = "workflow" // a reusable workflow, or an included file of another repository
	UseImage    UseKind = "image"    // of a container, a service, FROM
	UseRunner   UseKind = "runner"   // the image of the runner
	UseTool     UseKind = "tool"     // what a setup action or a command installs
	UseFeature  UseKind = "feature"  // of a dev container
	UseDownload UseKind = "download" // a file or a repository that a command or ADD downloads
)

// Pin is what fixes a use.
type Pin string

const (
	ByCommit   Pin = "commit"
	ByDigest   Pin = "digest"
	ByLock     Pin = "lock"     // a lock file has its commit or digest
	ByCheckout Pin = "checkout" // it is a file of the same repository
	// ByVersion is the full version of a release: its name is fixed and its bytes
	// are what the publisher or a registry has under it.
	ByVersion Pin = "version"
	Floating  Pin = "floating" // it can be another one tomorrow
	Variable  Pin = "variable" // it is decided when the job runs
	Unknown   Pin = "unknown"  // the file does not show it: a self-hosted runner
)

// Fixed reports whether the bytes of a use are the same tomorrow.
func (p Pin) Fixed() bool {
	return p == ByCommit || p == ByDigest || p == ByLock || p == ByCheckout
}

// Role is where an image is used.
type Role string

const (
	RoleContainer Role = "container" // of a job; the base of a stage (FROM)
	RoleService   Role = "service"
	RoleStep      Role = "step"     // of a step, or of an action
	RoleCopy      Role = "copy"     // COPY --from, RUN --mount
	RoleFrontend  Role = "frontend" // "# syntax="
)

// Use is one thing that a job runs on.
type Use struct {
	Kind UseKind
	Role Role // of an image
	// Text is what the file has.
	Text string
	// Type, Namespace, Name and Version are the identity as in a purl. Version is
	// the commit or the digest, else empty; Spec is the tag, branch or range.
	Type, Namespace, Name, Version, Spec string
	Pin                                  Pin
	// File and At are where it is named: the job's file, or one that the job
	// includes from the same checkout.
	File string
	At   Position
	// Via is the action or workflow that uses it in turn, empty for one that the
	// job names itself.
	Via string
	// Command is true for what a command line installs, downloads or runs.
	Command bool
	// Detail is why it floats, Fix what to write instead; empty for a pinned one.
	Detail, Fix string

	look lookup
}

// lookup is a file of the checkout that decides the pin of a use.
type lookup struct {
	kind lookKind
	path string
}

type lookKind uint8

const (
	lookVersion      lookKind = iota + 1 // has the version of a tool
	lookRequirements                     // is pinned by the hashes in it
	lookProject                          // is package.json, which has the program
)

// FullName returns the namespace and the name as in a purl.
func (u *Use) FullName() string {
	if u.Namespace == "" {
		return u.Name
	}
	return u.Namespace + "/" + u.Name
}

// Job returns the job of an ID, nil if there is none. The names of stages of a
// Dockerfile have no case.
func (f *File) Job(id string) *Job {
	for i := range f.Jobs {
		if f.Jobs[i].ID == id || f.Kind == Dockerfile && lower(f.Jobs[i].ID) == lower(id) {
			return &f.Jobs[i]
		}
	}
	return nil
}
