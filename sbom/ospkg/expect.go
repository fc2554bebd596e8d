package ospkg

import (
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// Expect returns the kind of database of a distribution: "dpkg", "apk", "rpm"
// or another one that this package reads; or "eopkg" or "swupd",
// which it does not, so that the database of such a system is reported as
// missing; or "" when the distribution is
// unknown. It uses ID first, then ID_LIKE in its order, as os-release(5)
// defines.
func Expect(release sbom.OS) string {
	if kind := required(release); kind != "" {
		return kind
	}
	for _, id := range release.IDLike {
		if kind := kindOf(id, release.VersionID); kind != "" {
			return kind
		}
	}
	return ""
}

// required returns the kind of database that a distribution has by its ID, ""
// when the list here does not have it. Another kind contradicts the ID. A
// distribution that the list does not have uses the kind that is there: its
// ID_LIKE states similarity, and vendors choose another package manager all the
// same (Yocto's builders choose one of three).
func required(release sbom.OS) string { return kindOf(release.ID, release.VersionID) }

// fits reports whether a database is of the kind that a distribution requires.
// Chisel installs parts of Debian packages, without dpkg.
func fits(database, required string) bool {
	return database == required || database == "chisel" && required == "dpkg"
}

func kindOf(id, version string) string {
	if id == "openwrt" || id == "lede" {
		return openWrt(version)
	}
	return databaseOf(id)
}

// openWrt returns the kind of database of a release of OpenWrt, which changed
// from opkg to apk with release 25.12. A version that is not a number,
// "snapshot", is later than that.
func openWrt(version string) string {
	year, rest, _ := strings.Cut(version, ".")
	month, _, _ := strings.Cut(rest, ".")
	y, err := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	if err == nil && (y < 25 || y == 25 && m < 12) {
		return "opkg"
	}
	return "apk"
}

// databaseOf has the heads of the families, and the members that are seen
// without an ID_LIKE.
func databaseOf(id string) string {
	switch id {
	case "debian", "ubuntu", "astra", "deepin", "devuan", "elementary", "kali", "linuxmint", "neon", "parrot", "pop",
		"pureos", "raspbian", "trisquel", "uos", "vyos", "zorin":
		return "dpkg"
	case "alpine", "adelie", "chainguard", "chimera", "minimos", "postmarketos", "wolfi":
		return "apk"
	case "fedora", "rhel", "centos", "suse", "alinux", "almalinux", "altlinux", "amzn", "anolis", "azurelinux",
		"cloudlinux", "eurolinux", "mageia", "mariner", "miraclelinux", "nobara", "ol", "opencloudos", "openeuler",
		"openmandriva", "opensuse", "opensuse-leap", "opensuse-leap-micro", "opensuse-microos", "opensuse-slowroll",
		"opensuse-tumbleweed", "photon", "redos", "rhcos", "rocky", "rosa", "scientific", "sl-micro", "sle-micro",
		"sled", "sles", "tencentos", "ultramarine", "virtuozzo":
		return "rpm"
	case "arch", "arcolinux", "archarm", "artix", "blackarch", "cachyos", "endeavouros", "garuda", "manjaro",
		"manjaro-arm", "msys2", "parabola", "steamos":
		return "alpm"
	case "angstrom", "nilrt", "turrisos":
		return "opkg"
	case "freebsd", "dragonfly", "ghostbsd", "hardenedbsd":
		return "pkg"
	case "bottlerocket":
		return "bottlerocket"
	case "cos":
		return "cos"
	case "gentoo":
		return "portage"
	case "void":
		return "xbps"
	case "slackware":
		return "pkgtools"
	case "solus":
		return "eopkg"
	case "clear-linux-os":
		return "swupd"
	}
	return ""
}
