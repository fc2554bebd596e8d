package lockcheck

import (
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// location is a URL in the parts that a policy needs. It is not a net/url.URL,
// whose parser refuses URLs that installers accept (${TOKEN} as a password) and
// accepts URLs that they interpret differently (a backslash before the host).
type location struct {
	scheme string // lower case, without "git+" and the like
	host   string // lower case, with a port that is not the scheme's default
	path   string // from the first slash, without query and fragment
	query  string
	anchor string // the fragment
}

// parseLocation parses a URL. ok is false for a text without a scheme and a
// plain host, which no policy can allow.
func parseLocation(raw string) (l location, ok bool) {
	raw, l.anchor, _ = strings.Cut(raw, "#")
	raw, l.query, _ = strings.Cut(raw, "?")
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		return l, false
	}
	l.scheme = ecosystem.Lower(scheme)
	authority := rest
	if i := strings.IndexAny(rest, "/\\"); i >= 0 {
		authority, l.path = rest[:i], rest[i:]
	}
	if strings.Contains(rest, "\\") {
		return l, false // browsers and Node take it for a slash, other programs do not
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	l.host = ecosystem.Lower(authority)
	bare := l.scheme[strings.LastIndexByte(l.scheme, '+')+1:]
	switch bare {
	case "https":
		l.host = strings.TrimSuffix(l.host, ":443")
	case "http":
		l.host = strings.TrimSuffix(l.host, ":80")
	case "file":
		return l, true
	}
	return l, plainHost(l.host) && plainScheme(l.scheme)
}

func plainHost(s string) bool {
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && !strings.ContainsRune(".-:[]_", rune(c)) {
			return false
		}
	}
	return s != ""
}

func plainScheme(s string) bool {
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return s != ""
}

// unreadableURL replaces a URL that does not parse, since any part of it may be
// a password.
const unreadableURL = "(unreadable URL)"

// scrub removes the parts of a URL that can contain secrets: user information,
// query and fragment. It also removes them from a text that is not a URL.
func scrub(raw string) string {
	if raw == "" {
		return ""
	}
	l, ok := parseLocation(raw)
	if ok {
		return l.scheme + "://" + l.host + l.path
	}
	if strings.Contains(raw, "://") {
		return unreadableURL
	}
	raw, _, _ = strings.Cut(raw, "#")
	raw, _, _ = strings.Cut(raw, "?")
	if i := strings.LastIndexByte(raw, '@'); i > 0 && strings.Contains(raw[i:], ":") && !strings.Contains(raw[:i], "/") {
		raw = raw[i+1:] // git@host:owner/repository
	}
	return raw
}

// base returns the last element of a URL's path, unescaped.
func (l location) base() string { return unescape(path.Base(l.path)) }

// unescape decodes percent escapes. It leaves malformed ones as they are.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// repository returns the part of a VCS URL that identifies the repository. It
// is the same for a clone by ssh and one by https.
func repository(raw string) string {
	raw, _, _ = strings.Cut(raw, "#")
	raw, _, _ = strings.Cut(raw, "?")
	if !strings.Contains(raw, "://") {
		// git@github.com:owner/name, github:owner/name
		host, p, ok := strings.Cut(raw, ":")
		if !ok || strings.Contains(host, "/") {
			return raw
		}
		host = host[strings.LastIndexByte(host, '@')+1:]
		switch host {
		case "github":
			host = "github.com"
		case "gitlab":
			host = "gitlab.com"
		case "bitbucket":
			host = "bitbucket.org"
		}
		raw = "ssh://" + host + "/" + strings.TrimPrefix(p, "/")
	}
	l, ok := parseLocation(raw)
	if !ok {
		return ""
	}
	p := l.path
	if i := strings.IndexByte(p, '@'); i >= 0 {
		p = p[:i] // pip's revision
	}
	return l.host + strings.TrimSuffix(strings.TrimSuffix(p, "/"), ".git")
}

// fullCommit reports whether s is a complete SHA-1 or SHA-256 object name. The
// commit of a shorter one, of a branch or of a tag can change.
func fullCommit(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if unhex(s[i]) < 0 {
			return false
		}
	}
	return true
}

// isFileURL reports whether a URL is of a local file: "file:///deps/a.tgz", or
// npm's "file:deps/a.tgz".
func isFileURL(url string) bool {
	scheme, _, ok := strings.Cut(url, ":")
	return ok && ecosystem.EqualFold(scheme, "file")
}
