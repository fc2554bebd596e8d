package rootfs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// Systems from before os-release(5), of 2012, and small ones after it name
// themselves in a file of /etc. Its name or its text has the name of the
// distribution, in one of four forms:
//
//   - lsb-release and OpenWrt's openwrt_release have assignments.
//   - NAME-release has "CentOS release 6.10 (Final)". Derivatives have a file of
//     this form under the name of the original too (redhat-release), so that
//     the text and not the name of the file decides.
//   - SuSE-release has "openSUSE 11.4 (x86_64)" and a line "VERSION = 11.4".
//   - alpine-release, debian_version and arch-release have a version or nothing.

// releaseFiles are the known files, the most specific first: a derivative has
// those of its original beside its own.
var releaseFiles = []struct {
	name string
	id   string // for a file whose text has no name
}{
	{"lsb-release", ""}, {"openwrt_release", "openwrt"}, {"openwrt_version", "openwrt"},
	{"centos-release", "centos"}, {"oracle-release", "ol"}, {"enterprise-release", "ol"}, {"rocky-release", "rocky"},
	{"almalinux-release", "almalinux"}, {"sl-release", "scientific"}, {"cloudlinux-release", "cloudlinux"},
	{"fedora-release", "fedora"}, {"photon-release", "photon"}, {"mageia-release", "mageia"}, {"altlinux-release", "altlinux"},
	{"SuSE-release", "suse"}, {"novell-release", "suse"}, {"sles-release", "sles"},
	{"manjaro-release", "manjaro"}, {"devuan_version", "devuan"},
	{"system-release", ""}, {"redhat-release", ""},
	{"slackware-version", "slackware"}, {"gentoo-release", "gentoo"}, {"alpine-release", "alpine"}, {"arch-release", "arch"},
}

// lastReleaseFile is read after those of unknown distributions, most of which
// are made of Debian.
const lastReleaseFile = "debian_version"

// legacyRelease returns the system by its older files, and the path of the one
// that names it.
func legacyRelease(t *Tree) (sbom.OS, string, error) {
	var failed error
	read := func(name, id string) (sbom.OS, string) {
		for _, dir := range []string{"/etc/", "/usr/lib/"} {
			n := t.Resolve(dir + name)
			if t.Kind(n) != File {
				continue
			}
			data, err := t.ReadFile(n, maxRelease)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("operating system: %w", err))
				continue
			}
			if release := parseLegacy(name, id, string(data)); release.ID != "" {
				return release, dir + name
			}
		}
		return sbom.OS{}, ""
	}
	for _, f := range releaseFiles {
		if release, path := read(f.name, f.id); release.ID != "" {
			return release, path, nil
		}
	}
	// The children of a node are sorted by name.
	for n := range t.Children(t.Resolve("/etc")) {
		name := t.Name(n)
		if !strings.HasSuffix(name, "-release") && !strings.HasSuffix(name, "_release") || name == "os-release" ||
			slices.ContainsFunc(releaseFiles, func(f struct{ name, id string }) bool { return f.name == name }) {
			continue
		}
		// Other programs have files of such names as well.
		if release, path := read(name, ""); release.ID != "" && release.VersionID != "" {
			return release, path, nil
		}
	}
	if release := freeBSD(t); release.ID != "" {
		return release, freeBSDVersion, nil
	}
	if release, path := read(lastReleaseFile, "debian"); release.ID != "" {
		return release, path, nil
	}
	return sbom.OS{}, "", failed
}

// freeBSDVersion is a script of FreeBSD's base system. Its os-release is made
// when the system starts, so that images and jails have none.
const freeBSDVersion = "/bin/freebsd-version"

func freeBSD(t *Tree) sbom.OS {
	n := t.Resolve(freeBSDVersion)
	if t.Kind(n) != File {
		return sbom.OS{}
	}
	release := sbom.OS{ID: "freebsd"}
	if data, err := t.ReadFile(n, maxRelease); err == nil {
		eachAssignment(string(data), func(key, value string) {
			if key == "USERLAND_VERSION" && release.VersionID == "" {
				release.VersionID, _, _ = strings.Cut(firstWord(value), "-")
			}
		})
	}
	return release
}

// parseLegacy parses an older file. id is the distribution of a file without a
// name in its text; an empty result is a file that names none.
func parseLegacy(name, id, text string) sbom.OS {
	if name == "lsb-release" || strings.HasSuffix(name, "_release") {
		var release sbom.OS
		eachAssignment(text, func(key, value string) {
			switch key {
			case "DISTRIB_ID":
				release.ID = nameID(value)
			case "DISTRIB_RELEASE":
				release.VersionID = firstWord(value)
			case "DISTRIB_DESCRIPTION":
				release.Pretty = value
			}
		})
		if release.ID != "" || name == "lsb-release" {
			return release
		}
	}
	first := ""
	version := ""
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if first == "" && !strings.HasPrefix(line, "#") {
			first = line
		}
		key, value, ok := strings.Cut(line, "=")
		switch {
		case !ok:
		case strings.TrimSpace(key) == "VERSION":
			version = firstWord(value)
		case strings.TrimSpace(key) == "PATCHLEVEL" && version != "" && !strings.Contains(version, "."):
			if level := firstWord(value); level != "0" {
				version += "." + level
			}
		}
	}
	release := namedRelease(first)
	switch {
	case id == "" && !strings.Contains(first, " release ") && !strings.HasPrefix(name, "system-"):
		return sbom.OS{}
	case release.ID == "" || !startsWithLetter(first) || strings.HasSuffix(name, "_version"):
		// A version alone: "3.22.0", or Debian's "trixie/sid".
		release = sbom.OS{ID: id, VersionID: versionIn(first), Pretty: strings.TrimSpace(id + " " + first)}
	}
	if version != "" {
		release.VersionID = version
	}
	return release
}

// namedRelease returns the system of a text like "CentOS release 6.10 (Final)".
func namedRelease(text string) sbom.OS {
	return sbom.OS{ID: nameID(text), VersionID: versionIn(text), Pretty: text}
}

// releaseNames are the beginnings of names whose ID is not their first word, in
// lower case. The first one that fits is taken.
var releaseNames = []struct{ name, id string }{
	{"red hat", "rhel"}, {"rocky", "rocky"}, {"alma", "almalinux"}, {"oracle", "ol"}, {"enterprise linux", "ol"},
	{"scientific", "scientific"}, {"amazon", "amzn"}, {"cloudlinux", "cloudlinux"}, {"suse linux enterprise server", "sles"},
	{"suse linux enterprise desktop", "sled"}, {"sles", "sles"}, {"sled", "sled"}, {"suse", "suse"}, {"vmware photon", "photon"},
	{"alt ", "altlinux"}, {"alt linux", "altlinux"}, {"linuxmint", "linuxmint"}, {"linux mint", "linuxmint"}, {"arch", "arch"},
	{"manjaro", "manjaro"}, {"endeavouros", "endeavouros"}, {"elementary", "elementary"}, {"openeuler", "openeuler"},
}

// nameID returns the ID of a distribution by its name for people: the ones that
// os-release has today, or the first word.
func nameID(name string) string {
	name = strings.TrimSpace(ecosystem.Lower(name))
	for _, r := range releaseNames {
		if strings.HasPrefix(name, r.name) {
			return r.id
		}
	}
	return identifier(firstWord(name))
}

// identifier keeps the characters that os-release(5) allows in an ID.
func identifier(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return -1
	}, ecosystem.Lower(s)), ".-_")
}

func startsWithLetter(s string) bool {
	return s != "" && ecosystem.Lower(s[:1]) >= "a" && ecosystem.Lower(s[:1]) <= "z"
}

// versionIn returns the first word that begins with a digit.
func versionIn(text string) string {
	for word := range strings.FieldsSeq(text) {
		if word[0] >= '0' && word[0] <= '9' {
			return identifier(word)
		}
	}
	return ""
}
