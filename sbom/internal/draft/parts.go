package draft

import (
	"encoding/hex"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// Digest returns a digest that a document states, from an algorithm and a value
// as SPDX and CycloneDX write them. It is a claim of the document, not of a file
// of the environment. It returns false for an algorithm that no lock file has.
func Digest(algorithm, value, document string) (sbom.Digest, bool) {
	algorithm = strings.ToLower(strings.ReplaceAll(algorithm, "-", ""))
	lengths := map[string]int{"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
	value = strings.ToLower(strings.TrimSpace(value))
	if _, err := hex.DecodeString(value); err != nil || len(value) == 0 || lengths[algorithm] != len(value) {
		return sbom.Digest{}, false
	}
	return sbom.Digest{Algorithm: algorithm, Value: value, File: document}, true
}

// Origin returns the origin of an artifact from the location that a document
// states. Many tools write the home page or the source repository there, which
// does not show how a package was installed; only the address of an archive
// does.
func Origin(location, document string) *sbom.Install {
	if !strings.HasPrefix(location, "https://") && !strings.HasPrefix(location, "http://") || len(location) > maxText {
		return nil
	}
	url := sbom.ScrubURL(location)
	switch path.Ext(url) {
	case ".tgz", ".gz", ".whl", ".zip", ".crate", ".gem", ".jar", ".nupkg", ".xz", ".bz2":
		return &sbom.Install{Kind: sbom.InstallRegistry, URL: url, File: document}
	}
	return nil
}

// IsLock reports whether a file of that name declares packages and installs
// none: a lock file, or a manifest that some tools read like one.
func IsLock(base string) bool {
	switch base {
	case "setup.py", "go.mod", "packages.config", "pom.xml", "conanfile.txt":
		return true
	}
	return ecosystem.IsLockFile(base)
}

// IsArchiveCataloger reports whether that cataloger of syft finds packages in
// archives, in a cache, that are not installed.
func IsArchiveCataloger(name string) bool {
	return name == "deb-archive-cataloger" || name == "rpm-archive-cataloger"
}
