package definition

import (
	"strings"
)

// urlParts are the parts of a URL that are of use here. It is not a net/url.URL,
// whose parser refuses URLs that installers accept.
type urlParts struct{ scheme, host, path, query, fragment string }

func splitURL(raw string) (u urlParts, ok bool) {
	raw, u.fragment, _ = strings.Cut(raw, "#")
	raw, u.query, _ = strings.Cut(raw, "?")
	scheme, rest, found := strings.Cut(raw, "://")
	if !found || strings.Contains(rest, `\`) {
		return u, false
	}
	u.scheme = lower(scheme)
	authority := rest
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, u.path = rest[:i], rest[i:]
	}
	u.host = lower(authority[strings.LastIndexByte(authority, '@')+1:])
	return u, u.host != "" || u.scheme == "file"
}

// scrub removes the parts of a URL that can contain secrets: user information,
// query and fragment.
func scrub(raw string) string {
	if u, ok := splitURL(raw); ok {
		return u.scheme + "://" + u.host + u.path
	}
	if strings.Contains(raw, "://") {
		return "(unreadable URL)"
	}
	raw, _, _ = strings.Cut(raw, "#")
	raw, _, _ = strings.Cut(raw, "?")
	if i := strings.LastIndexByte(raw, '@'); i > 0 && strings.Contains(raw[i:], ":") && !strings.Contains(raw[:i], "/") {
		raw = raw[i+1:] // git@host:owner/repository
	}
	return raw
}

// download returns the use of a file or a repository at a URL, without a pin.
func download(url string) Use {
	shown := scrub(url)
	u := Use{Kind: UseDownload, Text: shown, Type: "generic"}
	parts, ok := splitURL(url)
	if !ok {
		_, u.Name = lastElement(shown)
		return u
	}
	u.Namespace, u.Name = lastElement(strings.Trim(parts.host+"/"+strings.Trim(parts.path, "/"), "/"))
	return u
}

// repositoryUse returns the use of a git repository at a URL, without a pin.
func repositoryUse(url string) Use {
	u := download(url)
	place := strings.TrimSuffix(u.FullName(), ".git")
	if rest, ok := strings.CutPrefix(strings.Replace(place, "github.com:", "github.com/", 1), "github.com/"); ok {
		rest, _, _ = strings.Cut(rest, "@")
		u.Type, place = "github", strings.TrimSuffix(rest, ".git")
	}
	u.Namespace, u.Name = lastElement(place)
	return u
}

// gitCommit returns what fixes the content of a repository in a URL of BuildKit:
// the reference "#REF[:DIRECTORY]", or since Dockerfile 1.18 the query "checksum",
// also named "commit" (util/gitutil, ParseGitRef). Of an https URL without ".git",
// which is a file, it fixes nothing.
func gitCommit(url string) string {
	url, reference, _ := strings.Cut(url, "#")
	_, query, _ := strings.Cut(url, "?")
	for arg := range strings.SplitSeq(query, "&") {
		if key, value, _ := strings.Cut(arg, "="); key == "checksum" || key == "commit" {
			return value
		}
	}
	reference, _, _ = strings.Cut(reference, ":")
	return reference
}

// isGitURL reports whether BuildKit takes a URL for a repository: by https only with
// ".git" at its end.
func isGitURL(url string) bool {
	u, ok := splitURL(url)
	return !ok || u.scheme != "http" && u.scheme != "https" || strings.HasSuffix(u.path, ".git")
}

// isRemote reports whether a build context is a URL. A context may be named by its
// repository without a scheme.
func isRemote(context string) bool {
	return strings.Contains(context, "://") || strings.HasPrefix(context, "git@") || strings.HasPrefix(context, "github.com/")
}

// context returns the use of a build context that is not a directory of the
// checkout: an image, or a repository or an archive at a URL.
func contextUse(url string) (Use, bool) {
	if ref, ok := strings.CutPrefix(url, "docker-image://"); ok {
		return image(ref, RoleContainer)
	}
	if !isRemote(url) {
		return Use{}, false
	}
	u := download(url)
	parts, _ := splitURL(url)
	if commit := gitCommit(url); commitID.MatchString(commit) && (isGitURL(url) || parts.host == "github.com") {
		u.Version, u.Pin = lower(commit), ByCommit
		return u, true
	}
	u.Pin, u.Detail, u.Fix = Floating, "the build context is downloaded without a commit", `write a full commit after "#"`
	return u, true
}
