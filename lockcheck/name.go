package lockcheck

import (
	"strings"
	"unicode/utf8"

	pep440 "github.com/aquasecurity/go-pep440-version"
)

// fullName joins namespace and name as the ecosystem writes it, and copes
// with a name that already carries its namespace.
func fullName(namespace, name string) string {
	if namespace == "" || strings.HasPrefix(name, namespace+"/") {
		return name
	}
	return namespace + "/" + name
}

// splitName is the reverse, by the package URL's rule for that type.
func splitName(typ, full string) (namespace, name string) {
	if typ != "npm" && typ != "golang" {
		return "", full
	}
	i := strings.LastIndexByte(full, '/')
	if i <= 0 || i == len(full)-1 {
		return "", full
	}
	return full[:i], full[i+1:]
}

// canonical is the name under which two spellings of one package meet.
func canonical(typ, full string) string {
	if typ == "pypi" {
		return pep503(full)
	}
	return full
}

// pep503 normalises a Python project's name: runs of "-", "_" and "." are one
// "-", letters are lower case (https://peps.python.org/pep-0503/). Only ASCII
// letters are touched, so that no look-alike folds into an ASCII name.
func pep503(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	run := false
	for i := range len(name) {
		c := name[i]
		if c == '-' || c == '_' || c == '.' {
			run = true
			continue
		}
		if run {
			b.WriteByte('-')
			run = false
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	if run {
		b.WriteByte('-')
	}
	return b.String()
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// validPythonName is the name rule of PEP 508.
func validPythonName(s string) bool {
	if s == "" || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

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
	want := pep503(name)
	for i := 0; i < len(base); i++ {
		if base[i] != '-' || pep503(base[:i]) != want {
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
