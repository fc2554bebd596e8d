package ecosystem

import (
	"path"
	"strings"
)

// LockFile is a kind of file that fixes which packages are to be installed. It
// installs none itself.
type LockFile struct {
	// Format is the name of the format, which is that of its best-known file.
	Format string
	// Tool is the name of the program that writes it.
	Tool string
	// Names are patterns of path.Match for the base names of its files.
	Names []string
}

// LockFiles returns all lock files that are recognised by their name. Package
// lockcheck reads some of them.
func LockFiles() []LockFile {
	file := func(tool, format string, more ...string) LockFile {
		return LockFile{Format: format, Tool: tool, Names: append([]string{format}, more...)}
	}
	return []LockFile{
		{Format: "requirements.txt", Tool: "pip", Names: []string{"requirements*.txt", "requirements*.lock"}},
		file("PEP 751 (pip, uv, PDM)", "pylock.toml", "pylock.*.toml"),
		file("uv", "uv.lock"),
		file("Poetry", "poetry.lock"),
		file("Pipenv", "Pipfile.lock"),
		file("PDM", "pdm.lock"),
		file("npm", "package-lock.json", "npm-shrinkwrap.json"),
		file("Yarn", "yarn.lock"),
		file("pnpm", "pnpm-lock.yaml"),
		file("Bun", "bun.lock", "bun.lockb"),
		file("Deno", "deno.lock"),
		file("Go", "go.sum", "go.work.sum"),
		file("Cargo", "Cargo.lock"),
		file("Bundler", "Gemfile.lock", "gems.locked"),
		file("Composer", "composer.lock"),
		file("NuGet", "packages.lock.json"),
		file("Gradle", "gradle.lockfile", "buildscript-gradle.lockfile", "settings-gradle.lockfile"),
		file("Conan", "conan.lock"),
		file("Dart", "pubspec.lock"),
		file("Mix", "mix.lock"),
		file("Rebar3", "rebar.lock"),
		file("Stack", "stack.yaml.lock", "stack-*.yaml.lock"),
		file("Cabal", "cabal.project.freeze"),
		file("CocoaPods", "Podfile.lock"),
		file("Swift Package Manager", "Package.resolved"),
		file("Terraform", ".terraform.lock.hcl"),
		file("Nix", "flake.lock"),
		file("pixi", "pixi.lock"),
		file("conda-lock", "conda-lock.yml", "conda-lock.yaml", "*.conda-lock.yml"),
		file("renv", "renv.lock"),
		file("Bazel", "MODULE.bazel.lock"),
		file("Gradle", "verification-metadata.xml"),
		file("vcpkg", "vcpkg-lock.json"),
		file("opam", "opam.locked", "*.opam.locked"),
		file("Julia", "Manifest.toml", "JuliaManifest.toml", "Manifest-v*.toml", "JuliaManifest-v*.toml"),
		file("apko", "apko.lock.json", "*.apko.lock.json"),
		file("rpm-lockfile-prototype", "rpms.lock.yaml"),
		file("mise", "mise.lock", "mise.*.lock"),
	}
}

// byName has the kinds of lock files by those of their names that are not
// patterns. A scan looks up the name of every file.
var byName = lockFilesByName()

// patterns has those whose names are patterns.
var patterns = lockFilePatterns()

type lockFilePattern struct {
	pattern string
	file    LockFile
}

func lockFilePatterns() []lockFilePattern {
	var out []lockFilePattern
	for _, l := range LockFiles() {
		for _, name := range l.Names {
			if strings.Contains(name, "*") {
				out = append(out, lockFilePattern{name, l})
			}
		}
	}
	return out
}

func lockFilesByName() map[string]LockFile {
	out := map[string]LockFile{}
	for _, l := range LockFiles() {
		for _, name := range l.Names {
			if !strings.Contains(name, "*") {
				out[name] = l
			}
		}
	}
	return out
}

// FindLockFile returns the kind of lock file that has a base name.
func FindLockFile(base string) (LockFile, bool) {
	if l, ok := byName[base]; ok {
		return l, true
	}
	for _, p := range patterns {
		if ok, _ := path.Match(p.pattern, base); ok {
			return p.file, true
		}
	}
	return LockFile{}, false
}

// IsLockFile reports whether a base name is that of a lock file.
func IsLockFile(base string) bool {
	_, ok := FindLockFile(base)
	return ok
}
