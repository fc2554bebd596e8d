package ledger

import (
	"net/url"
	"path"
	"strings"

	"github.com/depaudit/depaudit/lockcheck/index"
)

// archiveURL returns the URL of the archive that an apt index is of, empty when it
// is not known. apt names a list by the URL that it is from, with "_" for each
// "/" and without the scheme (apt-pkg/contrib/strutl.cc, URItoFileName). In any
// other place the origin decides: a mirror has the same files.
func archiveURL(x index.Index) string {
	if base, _, ok := strings.Cut(path.Base(x.File), "_dists_"); ok {
		host, dir, _ := strings.Cut(base, "_")
		if dir, err := url.PathUnescape(strings.ReplaceAll(dir, "_", "/")); err == nil && strings.Contains(host, ".") {
			// Plain http, which every archive has: the digest decides.
			return (&url.URL{Scheme: "http", Host: host, Path: "/" + dir}).String()
		}
	}
	switch {
	case x.Origin == "Debian" && x.Label == "Debian-Security":
		return "http://security.debian.org/debian-security"
	case x.Origin == "Debian":
		return "http://deb.debian.org/debian"
	case x.Origin == "Ubuntu" && (strings.HasSuffix(path.Dir(x.Path), "-amd64") || strings.HasSuffix(path.Dir(x.Path), "-i386")):
		return "http://archive.ubuntu.com/ubuntu"
	case x.Origin == "Ubuntu":
		return "http://ports.ubuntu.com/ubuntu-ports"
	}
	return ""
}
