package scan

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// checkSystem adds a gap for an environment of another operating system than
// those whose package databases are read. Its files would be counted, but its
// software is listed where no reader looks: the registry of Windows, the
// receipts of macOS.
//
// Names are compared in ASCII without case, as those systems do. Only the top
// of the environment counts: a Windows directory further down is a Wine prefix
// or a backup.
func (s *scanner) checkSystem() {
	platform, _, _ := strings.Cut(s.tree.Image().Platform, "/")
	for _, other := range []struct{ os, name, path string }{
		{"windows", "Windows", "Windows/System32"},
		{"windows", "Windows", "Files/Windows/System32"}, // a layer of a Windows image
		{"windows", "Windows", "UtilityVM/Files/Windows"},
		{"darwin", "macOS", "System/Library/CoreServices/SystemVersion.plist"},
		{"android", "Android", "system/build.prop"},
		{"android", "Android", "system/system/build.prop"},
		{"solaris", "Solaris", "var/sadm/system/admin/INST_RELEASE"},
		{"illumos", "illumos", "lib/svc/manifest/system"},
		{"haiku", "Haiku", "boot/system/packages"},
	} {
		if n := s.anyCase(other.path); n != rootfs.None && !s.owned(n) {
			s.systemGap(s.tree.Path(n), other.name)
			return
		}
	}
	switch platform = ecosystem.Lower(platform); platform {
	case "", "linux", "freebsd":
	default:
		s.systemGap("/", platform)
	}
}

func (s *scanner) systemGap(path, name string) {
	s.gap(sbom.GapSystem, path, fmt.Sprintf("the system is %s: its installed software is not read, and only files of known kinds are counted", name))
}

// anyCase returns the node of a path below the root whose names are equal in
// ASCII without case.
func (s *inventory) anyCase(path string) rootfs.Node {
	at := s.tree.Resolve("/")
	for name := range strings.SplitSeq(path, "/") {
		next := rootfs.None
		for n := range s.tree.Children(at) {
			if ecosystem.EqualFold(s.tree.Name(n), name) {
				next = n
				break
			}
		}
		if at = next; at == rootfs.None {
			return at
		}
	}
	return at
}
