package ospkg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// unreadLists are the places where package managers without a reader here
// record what is installed. Each is a file or a directory with entries; a name
// with "*" is any entry of the directory whose name has that end.
var unreadLists = []struct{ manager, path string }{
	{"eopkg (Solus)", "/var/lib/eopkg/package"},
	{"pisi", "/var/lib/pisi/package"},
	{"swupd (Clear Linux)", "/usr/share/clear/bundles"},
	{"moss (AerynOS)", "/.moss/db/install"},
	{"pkgsrc (NetBSD) or pkg_add (OpenBSD)", "/var/db/pkg/*/+CONTENTS"},
	{"pkgsrc (NetBSD)", "/usr/pkg/pkgdb"},
	{"IPS (Solaris, illumos)", "/var/pkg/state/installed"},
	{"SVR4 packages (Solaris)", "/var/sadm/pkg"},
	{"Guix", "/var/guix/db/db.sqlite"},
	{"tazpkg (SliTaz)", "/var/lib/tazpkg/installed"},
	{"tce (Tiny Core)", "/usr/local/tce.installed"},
	{"kiss", "/var/db/kiss/installed"},
	{"pkgutils (CRUX)", "/var/lib/pkg/db"},
	{"paludis (Exherbo)", "/var/db/paludis/repositories/installed"},
	{"sorcery (Source Mage)", "/var/state/sorcery/packages"},
	{"lin (Lunar)", "/var/state/lunar/packages"},
	{"conary", "/var/lib/conarydb/conarydb"},
	{"entropy (Sabayon)", "/var/lib/entropy/client/database"},
	{"PETget (Puppy)", "/root/.packages/woof-installed-packages"},
	{"PETget (Puppy)", "/var/packages/woof-installed-packages"},
	{"entware's opkg", "/opt/lib/opkg/status"},
	{"hpkg (Haiku)", "/boot/system/packages"},
	{"Termux's dpkg", "/data/data/com.termux/files/usr/var/lib/dpkg/status"},
	{"xbps before 0.38", "/var/db/xbps/pkgdb.plist"},
	{"pacman in the image of SteamOS", "/usr/lib/holo/pacmandb/local"},
	{"pacman in the image of the system", "/usr/lib/sysimage/lib/pacman/local"},
	{"dpkg in the image of the system", "/usr/lib/sysimage/dpkg/status"},
	{"macOS receipts", "/Library/Receipts/InstallHistory.plist"},
}

// readPlaces are the usual places of the lists above that a link may lead to.
var readPlaces = []string{"/var/lib/pacman/local", dpkgStatus}

// Unread returns a gap for each package list in an environment that is known and
// not read. Lists that a package of the system owns came with it, as templates.
func Unread(t *rootfs.Tree, owned func(rootfs.Node) bool) []sbom.Gap {
	var gaps []sbom.Gap
	for _, list := range unreadLists {
		n := t.Resolve(list.path)
		if dir, below, ok := strings.Cut(list.path, "/*/"); ok {
			n = rootfs.None
			for c := range t.Children(t.Resolve(dir)) {
				if t.Child(c, below) != rootfs.None {
					n = t.Resolve(dir)
					break
				}
			}
		}
		if n == rootfs.None || owned(n) || slices.ContainsFunc(readPlaces, func(p string) bool { return t.Resolve(p) == n }) || t.Kind(n) == rootfs.Dir && isEmpty(t, n) {
			continue
		}
		gaps = append(gaps, sbom.Gap{Kind: sbom.GapSystem, Path: t.Path(n),
			Detail: fmt.Sprintf("a package list of %s, which is not read: its packages are unknown, and their files count as unaccounted", list.manager)})
	}
	return gaps
}

func isEmpty(t *rootfs.Tree, dir rootfs.Node) bool {
	for range t.Children(dir) {
		return false
	}
	return true
}
