package scan

import (
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// keepVersion is raised when keepContent or magic answers differently.
const keepVersion = "3"

// maxKept is the size of a file of an image whose content is still kept.
// Programs and libraries have some hundred megabytes, the largest libraries
// for machine learning 1.5 GB. A larger file that somebody opens is a gap.
const maxKept = 2 << 30

// keepRule says what is kept of an image's files while its layers are read.
//
// A layer is read before it is known which package owns what, and so before
// it is known what will be opened. What is kept is therefore everything that
// somebody could open, told by the type of the file and by its name: too much
// costs some disk, too little is a gap that names the file. TestKeptIsAsked
// holds the rule against all that scans of directories open.
func keepRule() *rootfs.Keep {
	names := catalogers.NewNames()
	return &rootfs.Keep{ID: "scan " + keepVersion + ", " + catalogers.Version, Content: func(p string, size int64, class rootfs.Class) bool {
		return keepContent(names, p, size, class)
	}}
}

// keepContent keeps executables (for build information and classifiers),
// scripts (RubyGems' stubs, and archives with a line that runs them) and zip
// files by their class, and the rest by name.
func keepContent(catalogers *catalogers.Names, p string, size int64, class rootfs.Class) bool {
	if size > maxKept {
		return false
	}
	return class != magicNone || isDatabase(p) || isMetadata(path.Base(p)) || catalogers.Match(p)
}

// isMetadata recognises what our own readers open, by the rules of each:
// python.go and startup.go (any case of a suffix, as Python), node_metadata.go,
// stores.go.
func isMetadata(name string) bool {
	switch name {
	case "METADATA", "PKG-INFO", "RECORD", "requires.txt", "installed-files.txt", "top_level.txt", "direct_url.json",
		"package.json", ".package-lock.json", "INSTALL_RECEIPT.json", "manifest.json", "ld.so.conf":
		return true
	}
	return strings.HasSuffix(name, ".pth") || isDistName(name)
}

// isDatabase recognises the files of package databases and the ones that name
// the system. Only the ends of the paths are looked at: a database may be
// reached through a link, and package osdb decides which one is the system's.
func isDatabase(p string) bool {
	dir, name := path.Split(p)
	dir = strings.TrimSuffix(dir, "/")
	parent := path.Base(dir)
	above := path.Base(path.Dir(dir))
	switch parent {
	case "dpkg", "opkg":
		return name == "status" || name == "diversions" || name == "statoverride" || name == "arch"
	case "status.d": // distroless: records, with digests beside them
		return true
	case "updates":
		return above == "dpkg"
	case "info":
		return (above == "dpkg" || above == "opkg") && (strings.HasSuffix(name, ".list") || name == "format" || above == "opkg" && strings.HasSuffix(name, ".control"))
	case "apt":
		return name == "extended_states"
	case "apk": // etc/apk
		return name == "world" || name == "repositories" || name == "arch"
	case "repositories.d", "protected_paths.d":
		return above == "apk"
	case "db": // lib/apk/db
		return above == "apk"
	case "rpm", "libdnf5": // Packages, Packages.db, rpmdb.sqlite and its log; *.toml
		return true
	case "dnf":
		return strings.HasPrefix(name, "history.sqlite")
	case "history": // of yum and of early dnf
		return above == "dnf" || above == "yum"
	case "modules.d":
		return above == "dnf"
	case "protected.d":
		return above == "dnf" || above == "yum"
	case "ld.so.conf.d": // where shared libraries are looked for
		return strings.HasSuffix(name, ".conf")
	case "zypp":
		return name == "AutoInstalled"
	}
	switch {
	case strings.Contains(p, "/pacman/local/"):
		return name != "mtree" // digests of the files, which nobody reads
	case strings.Contains(p, "/yum/yumdb/"), strings.Contains(p, "/dnf/yumdb/"):
		return true
	}
	return strings.Contains(name, "os-release") || strings.HasSuffix(name, "-release") || strings.HasSuffix(name, "-release-cpe")
}
