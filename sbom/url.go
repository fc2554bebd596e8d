package sbom

import (
	"net/url"
	"strings"
)

// ScrubURL removes the parts of a URL that may be secret: user information, query
// and fragment. Text that is not a URL is cut at the first of '?', '#'.
func ScrubURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		if i := strings.IndexAny(s, "?#"); i >= 0 {
			s = s[:i]
		}
		if i := strings.LastIndexByte(s, '@'); i >= 0 {
			s = s[i+1:]
		}
		return s
	}
	if u.User != nil && !(u.Scheme == "git+ssh" || u.Scheme == "ssh") {
		u.User = nil
	} else if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery, u.Fragment, u.ForceQuery = "", "", false
	return u.String()
}
