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
// # Limits
//
// A file comes from the repository that is audited. Its size and its nesting are
// limited, and nothing in it is executed or downloaded.
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

// Position is a place in a file, from 1.
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
	// Jobs are in the order of the file.
	Jobs []Job
	// Notes are the places that could not be read or decided.
	Notes []Note
}

// Note is a place of a file that is not understood.
type Note struct {
	At     Position
	Detail string
}

// Job is a unit of a file that has an environment: a job of a workflow, a stage
// of a Dockerfile, a service, a target of bake, a dev container, a job of GitLab.
type Job struct {
	// ID is the name by which "FILE#ID" selects the job; the number of a stage of
	// a Dockerfile that has no name.
	ID string
	At Position
	// Needs are the IDs of the jobs of the same file that come before: `needs`,
	// and the stages that FROM and COPY --from name.
	Needs []string
	// Permissions are the effective ones of the job's token ("contents": "write");
	// nil if the file does not restrict them.
	Permissions map[string]string
	// Uses are what the job runs on, in the order of the file.
	Uses []Use
	// Steps are its commands and actions, in the order of the file.
	Steps []Step
	// Publishes are the places that can publish something, empty for a job that cannot.
	Publishes []Publish
	// Build is what a service, a target or a dev container is built from, nil for
	// other jobs.
	Build *Build
}

// Step is a step of a job: an action or a command.
type Step struct {
	At Position
	// Uses is the action as written, With its inputs.
	Uses string
	With map[string]string
	// Run is the text of the command, RunAt its first line.
	Run   string
	RunAt Position
	// Shell and Directory are as configured, with the defaults of the job.
	Shell, Directory string
}

// Build names a stage of a Dockerfile.
type Build struct {
	// Context and Dockerfile are relative to the file.
	Context, Dockerfile string
	// Target is the stage, empty for the last one.
	Target string
}

// Publish is a reason why a job can publish.
type Publish struct {
	At Position
	// By is the permission ("contents: write") or the command ("twine upload").
	By string
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
	UseDownload UseKind = "download" // a file that a command or ADD downloads
)

// Pin is what fixes a use.
type Pin string

const (
	ByCommit   Pin = "commit"
	ByDigest   Pin = "digest"
	ByLock     Pin = "lock"     // a lock file has its commit or digest
	ByCheckout Pin = "checkout" // it is a file of the same repository
	Floating   Pin = "floating" // it can be another one tomorrow
	Variable   Pin = "variable" // it is decided when the job runs
)

// Use is one thing that a job runs on.
type Use struct {
	Kind UseKind
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
	// Detail is why it floats, Fix what to write instead; empty for a pinned one.
	Detail, Fix string
}
