package scan

import (
	"time"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// The dates that archivers and builders write instead of one that they know are not
// later than this day: 1970-01-01 of images that are built reproducibly, one second
// more of Nix, 1980-01-01 of zip, which cannot have less.
var firstRealDate = time.Date(1980, 1, 3, 0, 0, 0, 0, time.UTC)

// newest returns the time of modification of the newest file that shows a component:
// package databases, metadata of packages, programs that no package has. Logs,
// caches and documents of the environment are newer and are no input of a document.
// It is in RFC 3339, in UTC and whole seconds as archives store it, and empty if no
// such file has a real date.
func (s *scanner) newest() string {
	var newest time.Time
	seen := make(map[string]bool)
	for i := range s.doc.Components {
		for _, p := range s.doc.Components[i].Paths {
			if seen[p] {
				continue
			}
			seen[p] = true
			n := s.tree.ResolveNode(s.tree.Lookup(p))
			if n == rootfs.None || s.tree.Kind(n) != rootfs.File {
				continue
			}
			info, err := s.tree.Stat(n)
			if err != nil {
				continue // removed during the scan
			}
			if at := info.ModTime().UTC(); at.After(newest) && at.Year() <= 9999 {
				newest = at
			}
		}
	}
	if newest.Before(firstRealDate) {
		return ""
	}
	return newest.Truncate(time.Second).Format(time.RFC3339)
}
