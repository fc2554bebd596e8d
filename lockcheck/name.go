package lockcheck

import (
	"strings"

	pep440 "github.com/aquasecurity/go-pep440-version"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// maxVersion bounds what is compared as a version: the longest in use are
// Go's pseudo-versions, around 60 bytes.
const maxVersion = 256

// sameVersion compares as the ecosystem does: by PEP 440 for Python, where
// 1.0 is 1.0.0 and a local version is another version; exactly elsewhere.
func sameVersion(typ, a, b string) bool {
	if a == b {
		return true
	}
	if typ != "pypi" || len(a) > maxVersion || len(b) > maxVersion {
		return false
	}
	va, oka := parsePEP440(a)
	vb, okb := parsePEP440(b)
	return oka && okb && va.Equal(vb)
}

func parsePEP440(s string) (pep440.Version, bool) {
	s = strings.TrimSpace(s)
	if public, local, ok := strings.Cut(s, "+"); ok {
		// The separators of a local version are equal (PEP 440, "Local
		// version segments"); the library compares them as text.
		s = public + "+" + strings.NewReplacer("-", ".", "_", ".").Replace(local)
	}
	v, err := pep440.Parse(s)
	return v, err == nil
}

// isPEP440 says whether s is one exact version.
func isPEP440(s string) bool {
	if len(s) > maxVersion {
		return false
	}
	_, ok := parsePEP440(s)
	return ok
}

// maxFileName is longer than any file system's names.
const maxFileName = 512

// archiveOf says whether a file name is that of a distribution of the named
// Python project at that version. An empty version fits any.
func archiveOf(file, name, version string) bool {
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
		if version == "" || sameVersion("pypi", rest, version) {
			return true
		}
		if first, _, ok := strings.Cut(rest, "-"); ok && sameVersion("pypi", strings.ReplaceAll(first, "_", "-"), version) {
			return true
		}
		if first, _, ok := strings.Cut(rest, "-"); ok && sameVersion("pypi", first, version) {
			return true
		}
	}
	return false
}

// pythonArchives are the endings of files that pip takes for a distribution.
func pythonArchives() []string {
	return []string{".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar", ".egg"}
}
