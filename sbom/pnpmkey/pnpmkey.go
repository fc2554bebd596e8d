// Package pnpmkey parses the keys of pnpm's lock files: of pnpm-lock.yaml, and of
// the copy of it that pnpm writes beside what it installed. It has no other part
// of the format, so that the reader of locks and the reader of environments agree
// about the keys and about nothing else.
//
// The keys ("dependency paths") changed with each major version of the format
// (https://github.com/pnpm/spec/tree/master/lockfile, and pnpm's own package
// @pnpm/dependency-path):
//
//	5  /foo/1.0.0   /@s/foo/1.0.0_peer@2.0.0   registry.example/foo/1.0.0
//	6  /foo@1.0.0   /@s/foo@1.0.0(peer@2.0.0)  registry.example/foo@1.0.0
//	9  foo@1.0.0    @s/foo@1.0.0(peer@2.0.0)   foo@https://example.org/foo.tgz
//
// Packages that are from no registry have the place in their key: "file:dir",
// "@codeload.github.com/o/r/tar.gz/COMMIT", "github.com/o/r/COMMIT" up to version
// 6, and the place after the name in version 9.
package pnpmkey

import (
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// Key is a parsed key.
type Key struct {
	// ID is the key without peers and patch: what version 9 has as the key of
	// "packages".
	ID string
	// Name is the name of the package. It is empty up to version 6 for a package
	// that is from no registry.
	Name string
	// Version is the version of a package from a registry, empty for another.
	Version string
	// Host is the registry in the key, up to version 6, as pnpm encodes it:
	// "localhost+4873" for a port.
	Host string
	// Place is what version 9 has in place of a version: "https://…", "file:dir",
	// "runtime:22.0.0".
	Place string
	// Patch is the hash of the patch that is applied, from version 6 on.
	Patch string
}

// Major returns the major version of a format by the text of "lockfileVersion":
// 5, 6 or 9.
func Major(version string) (major int, ok bool) {
	version = strings.TrimSuffix(version, "-inlineSpecifiers") // pnpm 7.24
	first, minor, _ := strings.Cut(version, ".")
	if len(minor) > 2 || strings.Trim(minor, "0123456789") != "" {
		return 0, false
	}
	switch first {
	case "5":
		return 5, true
	case "6":
		return 6, true
	case "9":
		return 9, true
	}
	return 0, false
}

// version matches a semantic version (https://semver.org).
var version = lazyregexp.New(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// Parse parses a key of a major version. Each key has an ID; one that is not of
// the form for a package of a registry has no more than that, up to version 6.
func Parse(major int, key string) Key {
	switch major {
	case 9:
		return parse9(key)
	case 6:
		return parse6(key)
	}
	return parse5(key)
}

func parse9(key string) Key {
	id, patch := cutSuffix(key)
	k := Key{ID: id, Patch: patch}
	at := 0
	if len(id) > 1 {
		at = strings.IndexByte(id[1:], '@') + 1
	}
	if at == 0 {
		k.Name = id
		return k
	}
	k.Name = id[:at]
	if rest := id[at+1:]; version.MatchString(rest) {
		k.Version = rest
	} else {
		k.Place = rest
	}
	return k
}

func parse6(key string) Key {
	id, patch := cutSuffix(key)
	k := Key{ID: id, Patch: patch}
	rest := k.cutHost()
	at := strings.LastIndexByte(rest, '@')
	if at <= 0 || strings.HasPrefix(key, "file:") {
		k.Host = ""
		return k
	}
	k.take(rest[:at], rest[at+1:])
	return k
}

func parse5(key string) Key {
	id := key
	if !strings.HasPrefix(key, "file:") {
		// The peers are after the version, which has no such character. Slashes
		// in them are replaced.
		last := strings.LastIndexByte(key, '/') + 1
		if i := strings.IndexByte(key[last:], '_'); i >= 0 && version.MatchString(key[last:last+i]) {
			id = key[:last+i]
		}
	}
	k := Key{ID: id}
	rest := k.cutHost()
	slash := strings.LastIndexByte(rest, '/')
	if slash <= 0 || strings.HasPrefix(key, "file:") {
		k.Host = ""
		return k
	}
	k.take(rest[:slash], rest[slash+1:])
	return k
}

// cutHost sets the registry of a key up to version 6, and returns the rest.
func (k *Key) cutHost() (rest string) {
	host, rest, _ := strings.Cut(k.ID, "/")
	k.Host = host
	return rest
}

// take sets name and version if they are those of a package of a registry.
func (k *Key) take(name, v string) {
	slashes := strings.Count(name, "/")
	if !version.MatchString(v) || name == "" || slashes > 1 || (slashes == 1) != (name[0] == '@') {
		k.Host = ""
		return
	}
	k.Name, k.Version = name, v
}

// cutSuffix cuts off the groups in parentheses at the end of a key, and returns
// the hash of the patch, which is the first of them. Paths may have parentheses
// too, so that only whole groups at the end count.
func cutSuffix(key string) (id, patch string) {
	end := len(key)
	for end > 0 && key[end-1] == ')' {
		depth, i := 0, end-1
		for ; i >= 0; i-- {
			if key[i] == ')' {
				depth++
			} else if key[i] == '(' {
				if depth--; depth == 0 {
					break
				}
			}
		}
		if i <= 0 {
			break
		}
		end = i
	}
	if rest, ok := strings.CutPrefix(key[end:], "(patch_hash="); ok {
		patch, _, _ = strings.Cut(rest, ")")
	}
	return key[:end], patch
}

// Reference returns the key that a dependency of an importer or of a package
// refers to: name is the name that the package is required by, reference what the
// lock has for it. It is empty for a link to a directory.
func Reference(major int, name, reference string) string {
	switch {
	case strings.HasPrefix(reference, "link:"):
		return ""
	case major == 9:
		return reference9(name, reference)
	case strings.HasPrefix(reference, "file:"):
		return reference
	}
	before, _, _ := strings.Cut(reference, "(") // peers have slashes in their names
	switch {
	case strings.Contains(before, "/"):
		return reference
	case major == 6:
		return "/" + name + "@" + reference
	}
	return "/" + name + "/" + reference
}

// reference9 tells a key ("lodash@4.17.20") from a version or a place, which may
// have such a character further on.
func reference9(name, reference string) string {
	if strings.HasPrefix(reference, "@") {
		return reference
	}
	before, _, _ := strings.Cut(reference, "(")
	before, _, _ = strings.Cut(before, ":")
	if strings.Contains(before, "@") {
		return reference
	}
	return name + "@" + reference
}

// gitHosts are the forms in which GitHub, GitLab and Bitbucket serve an archive of
// a commit, with the parts of the repository and of the commit.
var gitHosts = []struct {
	host    string
	pattern *lazyregexp.Regexp
}{
	{"github.com", lazyregexp.New(`^https://codeload\.github\.com/([^/?#]+/[^/?#]+)/tar\.gz/(?:refs/[^?#]+/)?([^/?#]+)$`)},
	{"bitbucket.org", lazyregexp.New(`^https://bitbucket\.org/([^/?#]+/[^/?#]+)/get/([^/?#]+)\.tar\.gz$`)},
	{"gitlab.com", lazyregexp.New(`^https://gitlab\.com/api/v4/projects/([^/?#]+)/repository/archive\.tar\.gz\?(?:ref|sha)=([^&#]+)$`)},
	{"gitlab.com", lazyregexp.New(`^https://gitlab\.com/([^?#]+)/-/archive/([^/?#]+)/[^/?#]+\.tar\.gz$`)},
	{"gitlab.com", lazyregexp.New(`^https://gitlab\.com/([^/?#]+/[^/?#]+)/repository/archive\.tar\.gz\?ref=([^&#]+)$`)},
}

// GitHosted returns the repository and the commit of a tarball that a host of
// repositories makes of a commit. pnpm takes such a package for one from version
// control.
func GitHosted(tarball string) (repository, commit string, ok bool) {
	for _, g := range gitHosts {
		if m := g.pattern.FindStringSubmatch(tarball); m != nil {
			name := strings.NewReplacer("%2F", "/", "%2f", "/").Replace(m[1])
			return "https://" + g.host + "/" + name, m[2], true
		}
	}
	return "", "", false
}
