package lockcheck

import (
	"cmp"
	"strings"
	"testing"
)

func FuzzConan(f *testing.F) {
	fuzzFormat(f, "conan.lock", conanSample, `{"graph_lock": {"nodes": {"1": {"ref": "a/1@b/c#d", "path": "x"}, "2": {"pref": "a/1:e#f"}}}, "version": "0.4"}`)
}
func FuzzPub(f *testing.F)       { fuzzFormat(f, "pubspec.lock", pubSample) }
func FuzzMix(f *testing.F)       { fuzzFormat(f, "mix.lock", mixSample, "%{a: 1, \"b\" => {:path, 'x'}}") }
func FuzzRebar(f *testing.F)     { fuzzFormat(f, "rebar.lock", rebarSample, "[{<<\"a\">>,{pkg,<<>>},0}].") }
func FuzzStack(f *testing.F)     { fuzzFormat(f, "stack.yaml.lock", stackSample) }
func FuzzCabal(f *testing.F)     { fuzzFormat(f, "cabal.project.freeze", cabalSample) }
func FuzzPods(f *testing.F)      { fuzzFormat(f, "Podfile.lock", podsSample) }
func FuzzSwift(f *testing.F)     { fuzzFormat(f, "Package.resolved", swiftSample) }
func FuzzTerraform(f *testing.F) { fuzzFormat(f, formatTerraform, terraformSample) }
func FuzzFlake(f *testing.F)     { fuzzFormat(f, "flake.lock", flakeSample) }
func FuzzRenv(f *testing.F)      { fuzzFormat(f, "renv.lock", renvSample) }
func FuzzBazel(f *testing.F)     { fuzzFormat(f, "MODULE.bazel.lock", bazelSample, bazelOld) }
func FuzzVcpkgLock(f *testing.F) {
	fuzzFormat(f, "vcpkg-lock.json", `{"https://a/b": {"HEAD": "`+commit+`"}}`)
}
func FuzzVcpkgConfig(f *testing.F) { fuzzFormat(f, "vcpkg-configuration.json", vcpkgSample) }
func FuzzOpam(f *testing.F)        { fuzzFormat(f, "opam.locked", opamSample) }
func FuzzJulia(f *testing.F)       { fuzzFormat(f, "Manifest.toml", juliaSample, juliaOld) }
func FuzzApko(f *testing.F)        { fuzzFormat(f, "apko.lock.json", apkoSample) }
func FuzzRPMs(f *testing.F)        { fuzzFormat(f, "rpms.lock.yaml", rpmsSample) }
func FuzzMise(f *testing.F)        { fuzzFormat(f, "mise.lock", miseSample) }

const bazelOld = `{"lockFileVersion": 3, "moduleDepGraph": {"<root>": {"name": "me", "version": "1"},
"a@1.0": {"name": "a", "version": "1.0", "repoSpec": {"attributes": {"integrity": "sha256-` + b64A + `", "urls": ["https://x/a.zip"]}}},
"b@2.0": {"name": "b", "version": "2.0", "repoSpec": {"attributes": {"remote": "https://x/b.git", "commit": "` + commit + `"}}}}}`

const juliaOld = "[[JSON]]\ngit-tree-sha1 = \"" + hex1 + "\"\nuuid = \"682c06a0\"\nversion = \"0.21.4\"\n\n[[Dates]]\nuuid = \"x\"\n"

// TestTailErrors checks that what the tool would not write is an error with its
// place, and never a shorter list.
func TestTailErrors(t *testing.T) {
	deep := strings.Repeat("{", 10_000)
	for _, tt := range []struct{ file, text, want string }{
		{"mix.lock", `%{"a": {:hex, :a}}`, `mix.lock:1:8: the entry of "a" is no {:hex, ...} or {:git, ...}`},
		{"mix.lock", `%{"a": {:svn, "x"}}`, `mix.lock:1:8: the entry of "a"`},
		{"mix.lock", "%{\n\"a\": {:hex, :a, \"1\"},\n\"a\": {:hex, :a, \"2\"}}", `mix.lock:3:1: the key "a" is there twice`},
		{"mix.lock", `%{"a": ` + deep, "mix.lock:1:208: nested deeper than 200 levels"},
		{"mix.lock", `%{"a": {:hex, :a, "1"}`, "mix.lock:1:23: \",\" or \"}\" is expected here, not the end of the file"},
		{"mix.lock", `%{"a": "x`, "mix.lock:1:8: a string does not end"},
		{"mix.lock", `[1]`, "mix.lock:1:1: a mix.lock is a map, not an array"},
		{"rebar.lock", `{"2.0.0",[]}.`, `rebar.lock:1:2: rebar.lock version "2.0.0" is not supported`},
		{"rebar.lock", `[{<<"a">>}].`, "rebar.lock:1:2: an entry is no {NAME, SOURCE, LEVEL}"},
		{"rebar.lock", `[{<<"a">>,{svn,<<"b">>},0}].`, `rebar.lock:1:11: the source "svn" of "a" is not known`},
		{"rebar.lock", `[]`, `rebar.lock:1:3: "." is expected here, not the end of the file`},
		{"pubspec.lock", "packages:\n  a: {source: cvs, version: '1'}\n", `pubspec.lock:2:6: the source "cvs" of "a" is not known`},
		{"pubspec.lock", "packages:\n  a: 1\n", `pubspec.lock:2:6: the entry of "a" must be an object, not a number`},
		{"pubspec.lock", "packages:\n  a: {source: sdk}\n  a: {source: sdk}\n", "pubspec.lock:3:"},
		{"Podfile.lock", "PODS:\n  - Texture\n", `Podfile.lock:2:5: a pod is NAME (VERSION), not "Texture"`},
		{"Package.resolved", `{"pins": [], "version": 4}`, "Package.resolved:1:1: a Package.resolved of a version that is not supported"},
		{"Package.resolved", `{"pins": [{"state": {}}], "version": 2}`, "Package.resolved:1:11: a pin without a repository"},
		{"renv.lock", `{"Packages": {"a": 1}}`, `renv.lock:1:20: "a" must be an object, not a number`},
		{"stack.yaml.lock", "packages:\n- completed: {hackage: 'a b'}\n", `stack.yaml.lock:2:24: "a b" is no package of Hackage`},
		{"conan.lock", `[]`, "conan.lock:1:1: a conan.lock is an object, not an array"},
		{"conan.lock", `{"requires": ["/1.0"]}`, `conan.lock:1:15: "/1.0" is no reference of a package`},
		{"flake.lock", `{"nodes": {}, "root": "root", "version": 8}`, "flake.lock:1:1: a flake.lock of a version that is not supported"},
		{".terraform.lock.hcl", "module \"x\" {}", `.terraform.lock.hcl:1:1: a provider block is expected here, not "module"`},
		{".terraform.lock.hcl", "provider \"aws\" {}", ".terraform.lock.hcl:1:10: the address of a provider"},
		{".terraform.lock.hcl", "provider \"a/b/c\" {\n  version = \"1\"\n  version = \"2\"\n}", `.terraform.lock.hcl:3:3: the argument "version" is there twice`},
		{".terraform.lock.hcl", "provider \"a/b/c\" {}\nprovider \"a/b/c\" {}", `.terraform.lock.hcl:2:10: "a/b/c" has two blocks, the first on line 1`},
		{".terraform.lock.hcl", "provider \"a/b/c\" { version = var.x }", `.terraform.lock.hcl:1:30: a string is expected here, not "var"`},
		{".terraform.lock.hcl", "/* never", ".terraform.lock.hcl:1:1: a comment does not end"},
		{"MODULE.bazel.lock", `{}`, "MODULE.bazel.lock:1:1: a MODULE.bazel.lock without lockFileVersion"},
		{"vcpkg-lock.json", `{"x": {"HEAD": 1}}`, `vcpkg-lock.json:1:16: "HEAD" must be a string, not a number`},
		{"opam.locked", `depends: [ dune ]`, `opam.locked:1:12: the name of a package is expected here, not "dune"`},
		{"opam.locked", `depends: [ "dune" {= "1"`, `opam.locked:1:25: "}" is expected here, not the end of the file`},
		{"opam.locked", `x: ` + strings.Repeat("[", 10_000), "opam.locked:1:205: nested deeper than 200 levels"},
		{"Manifest.toml", "manifest_format = \"3.0\"\n", `Manifest.toml:1:19: manifest_format "3.0" is not supported`},
		{"apko.lock.json", `{"version": "v2"}`, `apko.lock.json:1:1: apko.lock.json version "v2" is not supported`},
		{"apko.lock.json", `{"version": "v1", "contents": {"packages": [{"name": "a"}]}}`, "apko.lock.json:1:45: a package without a name or a version"},
		{"rpms.lock.yaml", "lockfileVersion: 2\n", `rpms.lock.yaml:1:1: rpms.lock.yaml version "2" is not supported`},
		{"rpms.lock.yaml", "lockfileVersion: 1\narches:\n- packages:\n  - url: https://x/a.rpm\n", "rpms.lock.yaml:4:5: a package without a name or a version"},
		{"mise.lock", "[tools]\nnode = 1\n", `mise.lock:2:8: the versions of "node" must be tables`},
	} {
		if got := openErr(t, tt.file, tt.text); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%.60q: %s, want %s", tt.text, got, tt.want)
		}
	}
}

// TestTailInjection checks entries that take a package from somewhere else, and
// versions of the formats that are not those of the samples.
func TestTailInjection(t *testing.T) {
	samples := furtherSamples()
	for _, tt := range []struct{ file, text, typ, name, version, want string }{
		{"pubspec.lock", "", "pub", "elsewhere", "2.10", "other-registry"},
		{"pubspec.lock", "", "pub", "swapped", "1.0.0", "other-package"},
		{"pubspec.lock", "", "pub", "gitted", "0.1.0", "vcs-install"},
		{"pubspec.lock", "", "pub", "local", "0.1.0", "local-path"},
		{"pubspec.lock", "", "pub", "flutter", "0.0.0", "version-locked no-hash"},
		{"mix.lock", "", "hex", "private", "1.0.0", "other-registry"},
		{"mix.lock", "", "hex", "org", "1.0.0", "hash-locked"},
		{"mix.lock", "", "hex", "cowlib", "2.11.0", "hash-locked"},
		{"mix.lock", "", "hex", "alias", "2.11.0", "not-in-any-lock"},
		{"mix.lock", "", "hex", "old", "1.0.0", "version-locked no-hash"},
		{"rebar.lock", "", "hex", "package", "1.0.0", "hash-locked"},
		{"stack.yaml.lock", "", "hackage", "archived", "1.0", "other-registry"},
		{"Podfile.lock", "", "cocoapods", "Texture/Core", "3.1.0", "version-locked weak-hash"},
		{"Podfile.lock", "", "cocoapods", "Own", "2.0", "other-registry"},
		{"Podfile.lock", "", "cocoapods", "Local", "0.1.0", "local-path"},
		{"Package.resolved", "", "swift", "github.com/Apple/swift-NIO", "2.65.0", "version-locked no-hash"},
		{"Package.resolved", "", "swift", "github.com/o/Branch", "1.0.0", "vcs-install"},
		{"Package.resolved", `{"object": {"pins": [{"package": "A", "repositoryURL": "https://github.com/o/A.git", "state": {"branch": null, "revision": "` + commit + `", "version": "1.0.0"}}]}, "version": 1}`, "swift", "github.com/o/A", "1.0.0", "version-locked no-hash"},
		{formatTerraform, "", "terraform", "team/own", "1.0.0", "other-registry"},
		{"renv.lock", "", "cran", "markdown", "1.0", "version-locked weak-hash"},
		{"renv.lock", "", "cran", "inhouse", "2.0", "other-registry"},
		{"renv.lock", "", "cran", "mime", "0.12.1", "vcs-install"},
		{"MODULE.bazel.lock", "", "bazel", "own", "1.0", "other-registry"},
		{"MODULE.bazel.lock", bazelOld, "bazel", "a", "1.0", "hash-locked"},
		{"opam.locked", "", "opam", "loose", "1.0", "not-exact"},
		{"opam.locked", "", "opam", "either", "1.0", "not-exact"},
		{"Manifest.toml", juliaOld, "julia", "JSON", "0.21.4", "version-locked weak-hash"},
		{"apko.lock.json", "", "apk", "swapped", "1.0-r0", "other-package"},
		{"apko.lock.json", "", "apk", "elsewhere", "1.0-r0", "other-registry"},
		{"rpms.lock.yaml", "", "rpm", "swapped", "1.0-1.el9", "other-package"},
		{"rpms.lock.yaml", "", "rpm", "shadow-utils", "2:4.9-7.el9", "other-registry"},
		{"conan.lock", "", "conan", "team/own", "1.0", "version-locked no-hash"},
	} {
		l := open(t, tt.file, cmp.Or(tt.text, samples[tt.file].text))
		if r := match([]*Lock{l}, Package{Type: tt.typ, Name: tt.name, Version: tt.version}); outcome(r) != tt.want {
			t.Errorf("%s: %s %s: got %s, want %s: %s", tt.file, tt.name, tt.version, outcome(r), tt.want, r.Detail)
		}
	}
}
