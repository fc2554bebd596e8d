package definition

import (
	"cmp"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

func lower(s string) string { return strings.ToLower(s) }

var (
	commitID  = lazyregexp.New(`^(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`)
	digestRef = lazyregexp.New(`^(?:sha256:[0-9a-fA-F]{64}|sha384:[0-9a-fA-F]{96}|sha512:[0-9a-fA-F]{128})$`)
	// fullVersion is a version of three numbers, which names one release.
	fullVersion = lazyregexp.New(`^v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+.][0-9A-Za-z.+-]+)?$`)
)

// isVariable reports whether a value is decided when the job runs: an expression of
// GitHub, a variable of a shell, of compose or of GitLab.
func isVariable(s string) bool { return strings.Contains(s, "$") }

// ParseImage returns the use of a container image by its reference:
// [HOST/]PATH[:TAG][@DIGEST]. It reports false for "scratch" and for no image.
func ParseImage(ref string, role Role) (Use, bool) { return image(ref, role) }

// image returns the use of a container image: [HOST/]PATH[:TAG][@DIGEST]
// (https://github.com/distribution/reference). An image of the Docker Hub has no
// host in its name. The second result is false for "scratch" and for no image.
func image(ref string, role Role) (Use, bool) {
	u := Use{Kind: UseImage, Role: role, Text: ref, Type: "docker"}
	ref = strings.TrimPrefix(ref, "docker://")
	if ref == "" || ref == "scratch" {
		return u, false
	}
	if strings.ContainsAny(ref, "$ \t\n") {
		u.Name, u.Spec, u.Pin = ref, ref, Variable
		u.Detail, u.Fix = "the image is decided when it runs", "write the image with its digest"
		return u, true
	}
	name, digest, pinned := strings.Cut(ref, "@")
	// A colon before the last slash is that of a port.
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	first, rest, slash := strings.Cut(name, "/")
	if slash && (first == "docker.io" || first == "index.docker.io") {
		name = strings.TrimPrefix(rest, "library/")
	} else {
		name = strings.TrimPrefix(name, "library/")
	}
	u.Namespace, u.Name = lastElement(name)
	if pinned && digestRef.MatchString(digest) {
		u.Version, u.Spec, u.Pin = lower(digest), tag, ByDigest
		return u, true
	}
	u.Spec, u.Pin = cmp.Or(tag, "latest"), Floating
	bare, _, _ := strings.Cut(ref, "@")
	u.Fix = "write " + quote(bare+"@sha256:...") + ", with the digest that `docker buildx imagetools inspect " + wording.ShellWord(bare) + "` prints"
	if pinned {
		u.Detail = "the digest has the wrong form"
	} else if tag == "" {
		u.Detail = "no tag and no digest: the image is the newest one"
	} else {
		u.Detail = quote(tag) + " is a tag, and the registry can give it to another image"
	}
	return u, true
}

// lastElement splits a path before its last element, which is never empty.
func lastElement(name string) (dir, base string) {
	if i := strings.LastIndexByte(name, '/'); i > 0 && i+1 < len(name) {
		return name[:i], name[i+1:]
	}
	return "", cmp.Or(name, "?")
}

// action returns the use of an action or a reusable workflow:
// OWNER/REPOSITORY[/PATH]@REF, ./PATH, $/PATH or docker://IMAGE
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsuses).
func action(uses string, kind UseKind) Use {
	u := Use{Kind: kind, Text: uses, Type: "github"}
	if strings.HasPrefix(uses, "docker://") {
		if i, ok := image(uses, RoleStep); ok {
			return i
		}
	}
	if own, ok := ownPath(uses); ok {
		u.Type, u.Name, u.Pin = "generic", own, ByCheckout
		return u
	}
	repository, ref, hasRef := strings.Cut(uses, "@")
	owner, rest, ok := strings.Cut(repository, "/")
	name, _, _ := strings.Cut(rest, "/")
	u.Namespace, u.Name = owner, name
	switch {
	case !ok || owner == "" || name == "" || isVariable(uses):
		u.Namespace, u.Name, u.Spec, u.Pin = "", cmp.Or(uses, "?"), ref, Variable
		u.Detail, u.Fix = "it is not OWNER/REPOSITORY@COMMIT", "write OWNER/REPOSITORY@ and the full commit"
	case hasRef && commitID.MatchString(ref):
		u.Version, u.Pin = lower(ref), ByCommit
	case !hasRef || ref == "":
		u.Pin = Floating
		u.Detail, u.Fix = "no commit", commitFix(repository, "HEAD")
	default:
		u.Spec, u.Pin = ref, Floating
		u.Detail, u.Fix = quote(ref)+" is a tag, a branch or a short commit, and can be moved", commitFix(repository, ref)
	}
	return u
}

// ownPath returns the path of an action or a workflow of the same repository, as
// "./PATH". "$/PATH" is the repository of the file itself, at the same commit
// (https://github.blog/changelog/2026-07-30-reference-same-repository-actions-with-self-repository-syntax/).
func ownPath(uses string) (string, bool) {
	if rest, ok := strings.CutPrefix(uses, "$/"); ok {
		return "./" + strings.TrimPrefix(rest, "./"), true
	}
	return uses, strings.HasPrefix(uses, "./") || uses == "."
}

func commitFix(repository, ref string) string {
	parts := strings.SplitN(repository, "/", 3)
	if len(parts) < 2 {
		return "write the full commit"
	}
	url := "https://github.com/" + parts[0] + "/" + parts[1]
	return "write the full commit: " + quote(repository+"@...") + ", with the last line that `git ls-remote " + wording.ShellWord(url) + " " + wording.ShellWord(ref) + " " + wording.ShellWord(ref+"^{}") + "` prints"
}

// hostedRunner matches the labels of the runners that GitHub provides
// (https://docs.github.com/en/actions/reference/runners/github-hosted-runners).
var hostedRunner = lazyregexp.New(`^(?:ubuntu-(?:latest|slim|[0-9]{2}\.[0-9]{2})(?:-arm|-[0-9]+-?cores?)?|windows-(?:latest|20[0-9]{2}|[0-9]+)(?:-arm|-vs[0-9]+|-[0-9]+-?cores?)?|macos-(?:latest|[0-9]+)(?:-large|-xlarge|-intel|-arm64)?)$`)

// runner returns the use of a runner by its label. The image of a hosted one is
// replaced every week, also under a label with a version
// (https://github.com/actions/runner-images#image-releases).
func runner(label string) Use {
	u := Use{Kind: UseRunner, Text: label, Type: "generic", Namespace: "runner", Name: label}
	switch {
	case isVariable(label):
		u.Pin, u.Detail = Variable, "the runner is decided when the job runs"
		u.Fix = "write the label of a runner"
	case hostedRunner.MatchString(lower(label)):
		u.Pin, u.Detail = Floating, "the image of a hosted runner is replaced every week, also under a label with a version"
		u.Fix = "run the job in a `container:` with a digest"
	default:
		u.Pin, u.Detail = Unknown, "the file does not show what a runner of one's own has"
	}
	return u
}
