package draft

import (
	"encoding/hex"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
)

// Digest is a digest that a document states, for an algorithm and a value as
// SPDX and CycloneDX write them. It is a claim of the document, and of no
// file of the environment. It is false for algorithms that no lock file has.
func Digest(algorithm, value, document string) (sbom.Digest, bool) {
	algorithm = strings.ToLower(strings.ReplaceAll(algorithm, "-", ""))
	lengths := map[string]int{"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
	value = strings.ToLower(strings.TrimSpace(value))
	if _, err := hex.DecodeString(value); err != nil || len(value) == 0 || lengths[algorithm] != len(value) {
		return sbom.Digest{}, false
	}
	return sbom.Digest{Algorithm: algorithm, Value: value, File: document}, true
}

// Origin is where an artifact came from, by the location that a document
// states. Many tools state the home page or the repository of the sources
// there, which says nothing about how a package came into the stage; only the
// address of an archive does.
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

// IsLock says whether a file of that name declares packages and installs
// none.
func IsLock(base string) bool {
	switch base {
	case "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "deno.lock",
		"requirements.txt", "Pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock", "pylock.toml", "setup.py",
		"go.mod", "go.sum", "Cargo.lock", "Gemfile.lock", "composer.lock", "packages.lock.json", "packages.config",
		"pom.xml", "gradle.lockfile", "buildscript-gradle.lockfile", "conan.lock", "conanfile.txt", "pubspec.lock", "mix.lock", "rebar.lock",
		"stack.yaml.lock", "cabal.project.freeze", "Podfile.lock", "Package.resolved", ".terraform.lock.hcl", "flake.lock":
		return true
	}
	return false
}

// IsArchiveCataloger says whether that reader of syft's finds packages that
// lie in a cache, as archives, and are not installed.
func IsArchiveCataloger(name string) bool {
	return name == "deb-archive-cataloger" || name == "rpm-archive-cataloger"
}
