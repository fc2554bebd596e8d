package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/depaudit/depaudit/sbom/wording"
)

// Ref is a reference to an environment.
type Ref struct {
	// Scheme is the name of one of [Schemes].
	Scheme string `json:"scheme"`
	// Path is the directory or file as it was written; "/" for a host; the name
	// of the image in a registry or an engine; "-" for an SBOM from standard
	// input.
	Path string `json:"path"`
	// Tag chooses an image of an OCI layout or of a Docker archive: the tag,
	// or the digest of its manifest ("sha256:..."). It may be empty when there
	// is only one image.
	Tag string `json:"tag,omitempty"`
	// Stage is the build stage of an attestation, empty for the image's own.
	Stage string `json:"stage,omitempty"`
}

// String returns the form that [ParseRef] parses.
func (r Ref) String() string {
	if r.Scheme == SchemeHost {
		return SchemeHost + ":"
	}
	s := r.Scheme + ":" + r.Path
	switch {
	case strings.HasPrefix(r.Tag, "sha256:"):
		s += "@" + r.Tag
	case r.Tag != "":
		s += ":" + r.Tag
	}
	if r.Stage != "" {
		s += "#" + r.Stage
	}
	return s
}

// IsImage reports whether the reference names a container image.
func (r Ref) IsImage() bool {
	s, _ := schemeOf(r.Scheme)
	return s.Image
}

// HasPath reports whether Path is a path on this machine, which may be
// relative.
func (r Ref) HasPath() bool {
	s, _ := schemeOf(r.Scheme)
	return s.Path.OnDisk() && r.Path != "-"
}

// ParseRef parses a reference of one of the forms of [Schemes], or a bare
// path, which means "dir:". Text with an unknown scheme is an error and not a
// path, unless a file of that name exists.
func ParseRef(s string) (Ref, error) { return ParseRefIn("", s) }

// ParseRefIn is [ParseRef] for a reference whose relative path starts at dir.
// The path in the result is as it was written.
func ParseRefIn(dir, s string) (Ref, error) {
	if s == "" {
		return Ref{}, errors.New("environment: the reference is empty (write host: or dir:PATH)")
	}
	name, rest, ok := strings.Cut(s, ":")
	if !ok || !isSchemeName(name) {
		name, rest = SchemeDir, s
	}
	scheme, known := schemeOf(name)
	if !known {
		if _, err := os.Lstat(filepath.Join(dir, s)); err != nil {
			hint := "schemes: " + strings.Join(schemeNames(), ", ")
			if near := wording.Nearest(name, schemeNames()); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			return Ref{}, fmt.Errorf("environment %q: unknown scheme %q (%s)", s, name, hint)
		}
		scheme, rest = Schemes()[0], s
	}
	r := Ref{Scheme: scheme.Name, Path: rest}
	if scheme.Path == PathNone {
		if rest != "" {
			return Ref{}, fmt.Errorf("environment %q: %s takes no path (write %s, or dir:%s for a directory)", s, scheme.Form, scheme.Form, rest)
		}
		r.Path = "/"
		return r, nil
	}
	if scheme.Path == PathImage {
		r.Path = strings.TrimPrefix(r.Path, "//") // other tools write "docker://REF"
	}
	if scheme.stage {
		r.Path, r.Stage, _ = strings.Cut(r.Path, "#")
	}
	if scheme.tag {
		r.Path, r.Tag = cutTag(scheme.Name, dir, r.Path)
	}
	switch {
	case r.Path == "" && scheme.Name == SchemeDir:
		return Ref{}, fmt.Errorf("environment %q: the path is missing (write dir:PATH, or dir:. for the current directory)", s)
	case r.Path == "":
		return Ref{}, fmt.Errorf("environment %q: nothing follows the scheme (write %s)", s, scheme.Form)
	case strings.ContainsRune(r.Path, 0):
		return Ref{}, fmt.Errorf("environment %q: the path contains a zero byte", s)
	}
	return r, nil
}

// cutTag splits a path from the tag or digest behind it. Both may contain
// colons, and the tag also slashes ("registry.example:5000/app:1"). So the path
// is the longest part before a colon that exists on the disk. If none exists,
// the path of a Docker archive ends at the first colon, and that of a layout at
// the last one unless a slash follows it.
func cutTag(scheme, dir, s string) (path, tag string) {
	if path, digest, ok := strings.Cut(s, "@sha256:"); ok {
		return path, "sha256:" + digest
	}
	exists := func(path string) bool {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		_, err := os.Lstat(path)
		return err == nil
	}
	if exists(s) {
		return s, ""
	}
	for i := len(s) - 1; i > 0; i-- {
		if s[i] == ':' && exists(s[:i]) {
			return s[:i], s[i+1:]
		}
	}
	i := strings.LastIndexByte(s, ':')
	if scheme == SchemeDockerArchive {
		i = strings.IndexByte(s, ':')
	} else if i >= 0 && strings.ContainsRune(s[i:], '/') {
		i = -1
	}
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// isSchemeName reports whether s has the form of a scheme: a letter followed by
// letters, digits, '+' and '-'. A dot is not allowed, although RFC 3986 allows
// it: "./x:y" and "root.old:1" are paths.
func isSchemeName(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-'):
		default:
			return false
		}
	}
	return s != ""
}
