package scan

import (
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// keepVersion must be raised when the results of keepContent or magic change.
const keepVersion = "20"

// maxKept is the maximum size of a file of an image whose content is kept.
// Programs and libraries have some hundred megabytes, the largest libraries for
// machine learning 1.5 GB. Opening a larger file is a gap.
const maxKept = 2 << 30

// keepRule returns the rule for the contents of an image that are kept.
//
// A layer is read before the owners of its files are known, and so before it is
// known which files will be opened. The rule therefore selects every content
// that may be opened, by the type of the file and by its name: too many cost
// some disk, a missing one is a gap with the path of the file. TestKeptIsOpened
// checks the rule against all files that scans of directories open.
func keepRule() *rootfs.Keep {
	names, places := catalogers.NewNames(), newPlaceNames()
	return &rootfs.Keep{ID: "scan " + keepVersion + ", " + catalogers.Version, Content: func(p string, size int64, class rootfs.Class) bool {
		return keepContent(names, p, size, class) || size <= maxKept && places.match(p)
	}}
}

// keepForUse is keepRule for a scan whose files are used by the caller
// ([Options].Use), which may also open generated files, and the templates that
// they are compared with.
func keepForUse() *rootfs.Keep {
	rule := keepRule()
	names := catalogers.NewNames()
	return &rootfs.Keep{ID: rule.ID + ", for use", Content: func(p string, size int64, class rootfs.Class) bool {
		return keepContent(names, p, size, class) || size <= maxGenerated && isGenerated(p)
	}}
}

// maxGenerated is the maximum size of a generated file that is kept. The largest
// are lists of certificates and old databases of dpkg, of some megabytes.
const maxGenerated = 16 << 20

// generatedPlaces are the directories of generated files and of their templates.
var generatedPlaces = []string{
	"/etc/", "/var/lib/dpkg/", "/usr/share/base-passwd/", "/usr/share/base-files/", "/usr/share/pam/", "/usr/share/pam-configs/",
	"/usr/share/ca-certificates/", "/usr/share/libc-bin/", "/usr/share/readline/", "/usr/share/libpaper/", "/usr/share/python3/",
}

// isGenerated recognizes the files that triggers, installers and the system make
// on the machine, by their places and names.
func isGenerated(p string) bool {
	for _, place := range generatedPlaces {
		if strings.HasPrefix(p, place) {
			return true
		}
	}
	dir, name := path.Split(p)
	switch name {
	case "pyvenv.cfg", "machine-id", "shells.state", "loaders.cache", "immodules.cache", "gconv-modules.cache":
		return true
	}
	switch {
	case strings.HasSuffix(dir, "/__pycache__/"):
		return strings.HasSuffix(name, ".pyc") // its header
	case strings.HasSuffix(dir, "/bin/"), strings.Contains(dir, "/venv/scripts/"):
		return strings.HasPrefix(name, "activate") || strings.HasPrefix(name, "Activate")
	}
	// Copies of /etc/skel.
	return strings.HasPrefix(name, ".") && (dir == "/root/" || strings.HasPrefix(dir, "/home/"))
}

// keepContent selects executables (for build information and classifiers),
// scripts (RubyGems' stubs, and archives with a line that runs them) and zip
// files by their class, and other files by their name.
func keepContent(catalogers *catalogers.Names, p string, size int64, class rootfs.Class) bool {
	if size > maxKept {
		return false
	}
	return class != magicNone && class != magicClass && class != magicCode || isDatabase(p) || isDenoFile(p) || isMetadata(path.Base(p)) || isGemOrigin(path.Split(p)) || isCustomize(path.Base(p)) || catalogers.Match(p)
}

// isDenoFile recognizes the modules in Deno's directory, their records, and those of
// npm's registry (node_deno_modules.go).
func isDenoFile(p string) bool {
	dir, name := path.Split(p)
	if name == "registry.json" {
		return strings.Contains(dir, "/npm/")
	}
	return denoModule.MatchString(strings.TrimSuffix(name, ".metadata.json")) && (strings.Contains(dir, "/remote/") || strings.Contains(dir, "/deps/"))
}

// isMetadata recognizes the files that the readers of this package open, by the
// rules of each: python.go and startup.go (any case of a suffix, as Python),
// node_metadata.go, node_record.go, node_pnpm.go, node_pnp.go, node_corepack.go, stores.go, snaps.go.
func isMetadata(name string) bool {
	switch name {
	case "METADATA", "PKG-INFO", "RECORD", "requires.txt", "installed-files.txt", "top_level.txt", "direct_url.json", "INSTALLER", "entry_points.txt", "SOURCES.txt",
		"package.json", ".package-lock.json", ".modules.yaml", "lock.yaml", ".pnp.cjs", ".pnp.js", ".pnp.data.json", ".corepack", "INSTALL_RECEIPT.json", "snap.yaml", "manifest.json", "ld.so.conf", ".packlist", cratesRecord, cratesRecord2, rockManifest, toolSettings, nugetMetadata:
		return true
	}
	return strings.HasSuffix(name, ".gemspec") || strings.HasSuffix(name, ".nuspec") || strings.HasSuffix(name, ".snap") || strings.HasSuffix(name, ".pth") || strings.HasSuffix(name, ".egg-link") || isDistName(name)
}

// isDatabase recognizes the files of package databases and those that identify
// the system. It compares only the ends of paths: a link may lead to a database,
// and package ospkg decides which one is the system's.
func isDatabase(p string) bool {
	dir, name := path.Split(p)
	dir = strings.TrimSuffix(dir, "/")
	if name == "copyright" && strings.HasSuffix(path.Dir(dir), "/share/doc") {
		return true // of a package of any name: dpkg, apt, info
	}
	parent := path.Base(dir)
	above := path.Base(path.Dir(dir))
	switch parent {
	case "dpkg", "opkg", "ipkg":
		return name == "status" || name == "diversions" || name == "statoverride" || name == "arch" || name == "dpkg.cfg"
	case "dpkg.cfg.d": // path-exclude
		return true
	case "alternatives": // of Debian, of openSUSE and of Red Hat
		return above == "dpkg" || above == "lib" || above == "rpm"
	case "status.d": // distroless: records, with digests beside them
		return true
	case "updates":
		return above == "dpkg"
	case "info":
		return (above == "dpkg" || above == "opkg" || above == "ipkg") &&
			(strings.HasSuffix(name, ".list") || strings.HasSuffix(name, ".md5sums") || name == "format" || above != "dpkg" && strings.HasSuffix(name, ".control"))
	case "packages": // of Slackware
		return above == "log" || above == "pkgtools"
	case "xbps":
		return strings.HasSuffix(name, ".plist")
	case "apt": // var/lib/apt, etc/apt
		return name == "extended_states" || name == "apt.conf"
	case "apt.conf.d":
		return true
	case "lists": // var/lib/apt/lists: package indexes and who signs them
		return above == "apt" && (strings.Contains(name, "Release") || strings.Contains(name, "Packages"))
	case "apk": // etc/apk, and indexes in var/cache/apk
		return name == "world" || name == "repositories" || name == "arch" || strings.HasPrefix(name, "APKINDEX.")
	case "sync": // var/lib/pacman/sync
		return above == "pacman"
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
	case "ld.so.conf.d": // search directories of shared libraries
		return strings.HasSuffix(name, ".conf")
	case "zypp":
		return name == "AutoInstalled"
	}
	switch {
	case strings.Contains(p, "/pacman/local/"):
		return true
	case parent == "etc" && (name == "passwd" || name == "group" || name == "pacman.conf"): // owners of files, and which are left out
		return true
	case parent == "etc" && name == "environment": // PYTHONPATH
		return true
	case strings.Contains(p, "/yum/yumdb/"), strings.Contains(p, "/dnf/yumdb/"):
		return true
	}
	switch name {
	case "CONTENTS", "world", "manifest.wall", "application-inventory.json", "cos-package-info.json", "local.sqlite", "local.sqlite-wal", "local.sqlite-journal":
		return true
	}
	return strings.Contains(name, "os-release") || strings.HasSuffix(name, "-release-cpe") ||
		strings.HasSuffix(name, "-release") || strings.HasSuffix(name, "_release") || strings.HasSuffix(name, "_version") || name == "slackware-version"
}
