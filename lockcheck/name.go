package lockcheck

import (
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/version"
)

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// maxFileName is longer than the names of any file system.
const maxFileName = 512

// archiveOf reports whether a file name is that of a distribution of the named
// Python project at that release. An empty release fits any.
func archiveOf(file, name, release string) bool {
	if len(file) > maxFileName {
		return false
	}
	base := file
	for _, suffix := range pythonArchives() {
		if b, ok := strings.CutSuffix(file, suffix); ok {
			base = b
			break
		}
	}
	want := ecosystem.Python(name)
	for i := 0; i < len(base); i++ {
		if base[i] != '-' || ecosystem.Python(base[:i]) != want {
			continue
		}
		rest := base[i+1:]
		if release == "" || version.Same("pypi", rest, release) {
			return true
		}
		if first, _, ok := strings.Cut(rest, "-"); ok && version.Same("pypi", strings.ReplaceAll(first, "_", "-"), release) {
			return true
		}
		if first, _, ok := strings.Cut(rest, "-"); ok && (version.Same("pypi", first, release) || first == escapedVersion(release)) {
			return true
		}
	}
	return false
}

// escapedVersion returns a version as PEP 427 first had it in the names of
// wheels: without the "!" of an epoch and the "+" of a local version.
func escapedVersion(release string) string {
	return strings.NewReplacer("!", "_", "+", "_").Replace(release)
}

// pythonArchives returns the suffixes of files that pip takes for a
// distribution.
func pythonArchives() []string {
	return []string{".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar", ".egg"}
}
