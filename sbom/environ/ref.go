package environ

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// The schemes of a [Ref].
const (
	SchemeDir  = "dir"  // a root file system in a folder
	SchemeHost = "host" // the machine that we run on
)

// schemes is how an error message names what ParseRef knows.
const schemes = `"dir:PATH" and "host:"`

// Ref says where an environment is.
type Ref struct {
	Scheme string // SchemeDir or SchemeHost
	// Path is the folder, as it was written; "/" for a host.
	Path string
}

// String is the form that [ParseRef] reads: "dir:PATH" or "host:".
func (r Ref) String() string {
	if r.Scheme == SchemeHost {
		return SchemeHost + ":"
	}
	return r.Scheme + ":" + r.Path
}

// ParseRef reads "dir:PATH", "host:" or a bare path, which means "dir:". What
// looks like another scheme is refused rather than taken for a path, unless
// there is a file of that name.
func ParseRef(s string) (Ref, error) {
	if s == "" {
		return Ref{}, errors.New("environment: the reference is empty: write host: or dir:PATH")
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) {
		return dirRef(s, s)
	}
	switch scheme {
	case SchemeDir:
		return dirRef(s, rest)
	case SchemeHost:
		if rest != "" {
			return Ref{}, fmt.Errorf("environment %q: host: takes no path: write host: for this machine, or dir:%s for a folder", s, rest)
		}
		return Ref{Scheme: SchemeHost, Path: "/"}, nil
	}
	if _, err := os.Lstat(s); err == nil {
		return dirRef(s, s)
	}
	return Ref{}, fmt.Errorf("environment %q: unknown scheme %q: known are %s (for a folder of that name write dir:%s)", s, scheme, schemes, s)
}

func dirRef(s, path string) (Ref, error) {
	if path == "" {
		return Ref{}, fmt.Errorf("environment %q: no path: write dir:PATH, dir:. for the current folder", s)
	}
	if strings.ContainsRune(path, 0) {
		return Ref{}, fmt.Errorf("environment %q: the path has a zero byte", s)
	}
	return Ref{Scheme: SchemeDir, Path: path}, nil
}

// isScheme is a letter followed by letters, digits, '+' and '-'. A dot is
// not part of it, although RFC 3986 allows it: "./x:y" and "root.old:1" are
// paths.
func isScheme(s string) bool {
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
