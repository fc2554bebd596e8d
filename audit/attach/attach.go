// Package attach stores the files of a release in a registry, and reads them back.
//
// # What is stored
//
// A release is an artifact of OCI 1.1
// (https://github.com/opencontainers/image-spec/blob/main/manifest.md): a manifest
// whose artifactType is [ArtifactType], with a layer for each file, whose title
// (org.opencontainers.image.title) is the name of the file. Its subject is the image
// that the release is of: the registry lists it among the referrers of that image.
// For an image of several platforms the subject is the index. Who releases no image
// stores the artifact under a tag of its own; other releases can be attached to it as
// to an image. The same files are the same bytes, so the same digest.
//
// # Registries without the API
//
// A registry that does not list referrers has them in an index under the tag
// sha256-DIGEST, which the client keeps
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema).
// Two clients that write it at once can lose the entry of one. [Repository.Push]
// makes the write conditional where the registry has conditions, reads the index
// again after a pause, and adds its entry again if it is gone. It cannot exclude a
// writer who read the index before and writes it later than that. The same push once
// more repairs it. Registries with the API can have the same fault inside, so that a
// release is looked up in their list too, and stored again if it is gone.
//
// # Trust
//
// Neither the registry nor a writer of it is trusted. Every manifest and file is
// compared with its digest, a manifest must be about the requested subject,
// names are those of files without directory, everything has a limit. What that
// proves is that the files are those that were pushed, not who pushed them: who can
// write to the repository can attach a release, also that of another image, and who
// runs the registry can leave the newest out. Signatures are checked by
// [bundle.Verify]; that the release names the image by the caller, with
// [Repository.Images].
package attach

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/registry"
	"github.com/depaudit/depaudit/sbom/wording"
)

// ArtifactType is the type of a release in a registry.
const ArtifactType = "application/vnd.depaudit.release.v1+json"

// Limits of a release in a registry.
const (
	// maxFiles is the maximum number of files. A stage has six at most, and a manifest
	// of 4 MiB names 14,000.
	maxFiles = 10_000
	// maxFile is the maximum size of one file, and of all together. The page and the
	// report of a hundred stages have 20 MB.
	maxFile = 1 << 30
	// maxReferrers is the maximum number of referrers of one image that are looked at.
	// A nightly release of ten years has 3,650.
	maxReferrers = 10_000
	// maxTags is the maximum number of tags of a repository.
	maxTags = 200_000
	// maxPages is the maximum number of pages of a list.
	maxPages = 2_000
	// parallel is the number of requests at the same time. Registries slow down
	// clients with more than a dozen.
	parallel = 6
)

// maxSizes are the limits of files that are read of many releases at once.
var maxSizes = map[string]int64{bundle.ManifestFile: bundle.MaxManifest, bundle.ReportFile: bundle.MaxReport}

// Repository is a repository of a registry, or one image in it.
type Repository struct {
	client *registry.Client
	ref    name.Reference
	// whole is set for a reference without a tag and digest.
	whole bool
	// noAPI is set when the registry answered that it has no lists of referrers.
	noAPI atomic.Bool
	// pause is the unit of the waits for other writers and for a busy registry.
	pause time.Duration
	// sleep waits for a time, or until the context ends.
	sleep func(context.Context, time.Duration) error
}

// Open connects to the registry of a reference, HOST/NAME[:TAG] or
// HOST/NAME@sha256:DIGEST, with the credentials of Docker and Podman.
func Open(ctx context.Context, ref string, access registry.Access) (*Repository, error) {
	return open(ctx, ref, access, registry.System(), pause)
}

// pause is long enough that another writer's request is over.
const pause = 250 * time.Millisecond

func open(ctx context.Context, ref string, access registry.Access, set registry.Settings, pause time.Duration) (*Repository, error) {
	parsed, err := registry.ParseName(ref)
	if err != nil {
		return nil, err
	}
	if digest, ok := parsed.(name.Digest); ok && !digestForm.MatchString(digest.DigestStr()) {
		return nil, fmt.Errorf("%s: a digest is sha256: and 64 hexadecimal digits", wording.Quote(ref))
	}
	c, err := registry.Open(ctx, set, parsed, access)
	if err != nil {
		return nil, err
	}
	last := ref[strings.LastIndexByte(ref, '/')+1:]
	return &Repository{client: c, ref: parsed, whole: !strings.ContainsAny(last, ":@"), pause: pause, sleep: registry.Sleep}, nil
}

// Close closes the connections.
func (r *Repository) Close() { r.client.Close() }

// Name is the reference as it was understood, complete.
func (r *Repository) Name() string {
	if r.whole {
		return r.ref.Context().Name()
	}
	return r.ref.Name()
}

// Repository is HOST/NAME.
func (r *Repository) Repository() string { return r.ref.Context().Name() }

// Whole reports whether the reference names a repository, and no image in it.
func (r *Repository) Whole() bool { return r.whole }

// Release is a release in a repository.
type Release struct {
	// Reference is HOST/NAME@DIGEST.
	Reference string
	// Digest is that of its manifest.
	Digest string
	// Subject is the digest of the image that it is attached to, empty for one that
	// has a tag of its own.
	Subject string
	// Tags lead to it or to its subject, sorted. They are known only if the reference
	// has a tag or names the repository.
	Tags []string
	// Date, Verdict and Tool are what its annotations say: the date of the release,
	// the verdict of the report, the version of depaudit.
	Date          time.Time
	Verdict, Tool string
	// Superseded is set if a later release has the same subject.
	Superseded bool
	// Err is the reason why it cannot be read; the other fields may be empty then.
	Err error

	files []descriptor
}

// Name is how messages name a release: by its tag if it has one.
func (r *Release) Name(repository string) string {
	if len(r.Tags) == 0 || r.Superseded {
		return r.Reference
	}
	return repository + ":" + r.Tags[0]
}

// Label is a short name of a release in its repository: its tag, or its digest where a
// later release has the tag.
func (r *Release) Label() string {
	short := r.Digest[:min(len(r.Digest), len("sha256:")+12)]
	switch {
	case len(r.Tags) == 0:
		return short
	case r.Superseded:
		return r.Tags[0] + "@" + short
	}
	return r.Tags[0]
}

// before orders releases: by date, then digest. Those that cannot be read come last.
func before(a, b Release) int {
	if (a.Err == nil) != (b.Err == nil) {
		if a.Err == nil {
			return -1
		}
		return 1
	}
	if c := a.Date.Compare(b.Date); c != 0 {
		return c
	}
	if c := strings.Compare(a.Digest, b.Digest); c != 0 {
		return c
	}
	return slices.Compare(a.Tags, b.Tags)
}

var (
	// fileForm is the form of the names of files, which lead to no other directory on
	// any system.
	fileForm   = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$`)
	digestForm = lazyregexp.New(`^sha256:[0-9a-f]{64}$`)
	// tagForm is that of the distribution specification.
	tagForm = lazyregexp.New(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	// referrerTag is the form of the tags that hold referrers, also those of cosign.
	referrerTag = lazyregexp.New(`^sha256-[0-9a-f]{64}(\..+)?$`)
)

// ErrNoImage is the error of a push to a reference that does not exist.
var ErrNoImage = errors.New("the image does not exist")

// ErrTaken is the error of a push under a tag that is something else.
var ErrTaken = errors.New("the tag exists and is something else")
