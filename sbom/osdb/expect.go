package osdb

import "github.com/depaudit/depaudit/sbom"

// Expect names the kind of database that a system of that name has: "dpkg",
// "apk", "rpm", "alpm" or "opkg"; "" when it is not known. ID is looked at first,
// then ID_LIKE in its order, as os-release(5) says.
func Expect(release sbom.OS) string {
	for _, id := range append([]string{release.ID}, release.IDLike...) {
		if kind := databaseOf(id); kind != "" {
			return kind
		}
	}
	return ""
}

// expected says whether a system of that name has that kind of database.
func expected(release sbom.OS, kind string) bool { return Expect(release) == kind }

// databaseOf knows the heads of the families, and those members that are
// seen without an ID_LIKE.
func databaseOf(id string) string {
	switch id {
	case "debian", "ubuntu", "devuan", "raspbian", "kali", "linuxmint", "pop", "deepin", "pureos", "trisquel":
		return "dpkg"
	case "alpine", "wolfi", "chainguard", "postmarketos":
		return "apk"
	case "fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn", "suse", "sles", "opensuse",
		"opensuse-leap", "opensuse-tumbleweed", "mageia", "openeuler", "mariner", "azurelinux", "photon":
		return "rpm"
	case "arch", "archarm", "manjaro", "endeavouros", "cachyos":
		return "alpm"
	}
	return ""
}
