package lockcheck

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// lockSample is a lock, and a package that it pins with the strongest evidence
// that a lock of the format gives.
type lockSample struct {
	text string
	p    Package
}

// furtherSamples are the samples of TestStrongest for the formats whose tests
// are in files of their own.
func furtherSamples() map[string]lockSample {
	digest := Hash{Algorithm: "sha256", Value: shaA}
	vcpkgRegistry := Package{Type: "vcpkg", Name: "vcpkg", Version: commit, Install: Install{Kind: KindVCS, URL: "https://github.com/microsoft/vcpkg", Commit: commit}}
	return map[string]lockSample{
		formatPDM:  {pdmSample, py("foo", "1.0", digest)},
		formatDeno: {`{"version": "5", "npm": {"a@1.0.0": {"integrity": "` + sri512 + `"}}}`, js("a", "1.0.0", "/app/node_modules/.deno/a@1.0.0/node_modules/a", Hash{Algorithm: "sha512", Value: hex512})},
		formatBun:  {bunOf(`"a": ["a@1.0.0", "", {}, "` + sri512 + `"]`), js("a", "1.0.0", "/app/node_modules/a")},

		"conan.lock":               {conanSample, Package{Type: "conan", Name: "zlib", Version: "1.3.1"}},
		"pubspec.lock":             {pubSample, Package{Type: "pub", Name: "shelf", Version: "1.4.1"}},
		"mix.lock":                 {mixSample, Package{Type: "hex", Name: "castore", Version: "0.1.17"}},
		"rebar.lock":               {rebarSample, Package{Type: "hex", Name: "certifi", Version: "2.9.0"}},
		"stack.yaml.lock":          {stackSample, Package{Type: "hackage", Name: "HTTP", Version: "4000.3.16"}},
		"cabal.project.freeze":     {cabalSample, Package{Type: "hackage", Name: "Diff", Version: "0.4.1"}},
		"Podfile.lock":             {podsSample, Package{Type: "cocoapods", Name: "Texture/Core", Version: "3.1.0"}},
		"Package.resolved":         {swiftSample, Package{Type: "swift", Namespace: "github.com/apple", Name: "swift-nio", Version: "2.65.0"}},
		formatTerraform:            {terraformSample, Package{Type: "terraform", Namespace: "hashicorp", Name: "aws", Version: "5.72.1"}},
		"flake.lock":               {flakeSample, Package{Type: "generic", Name: "nixpkgs", Version: commit, Install: Install{Kind: KindVCS, URL: "https://github.com/NixOS/nixpkgs", Commit: commit}}},
		"renv.lock":                {renvSample, Package{Type: "cran", Name: "markdown", Version: "1.0"}},
		"MODULE.bazel.lock":        {bazelSample, Package{Type: "bazel", Name: "rules_cc", Version: "0.0.9"}},
		"vcpkg-lock.json":          {`{"https://github.com/microsoft/vcpkg": {"HEAD": "` + commit + `"}}`, vcpkgRegistry},
		"vcpkg-configuration.json": {vcpkgSample, vcpkgRegistry},
		"opam.locked":              {opamSample, Package{Type: "opam", Name: "astring", Version: "0.8.5"}},
		"Manifest.toml":            {juliaSample, Package{Type: "julia", Name: "JSON", Version: "0.21.4"}},
		"apko.lock.json":           {apkoSample, Package{Type: "apk", Name: "busybox", Version: "1.36.1-r2", Platform: Platform{OS: "linux", CPU: "x64"}}},
		"rpms.lock.yaml":           {rpmsSample, Package{Type: "rpm", Name: "bash", Version: "5.1.8-6.el9", Platform: Platform{OS: "linux", CPU: "x64"}}},
		"mise.lock":                {miseSample, Package{Type: "mise", Name: "node", Version: "20.11.0"}},
	}
}

// published has the files of a format in the test data of two published modules,
// with a regular expression that matches once for each entry.
type published struct{ module, pattern, format, count string }

// TestPublishedLocks reads the locks in the test data of syft and osv-scalibr, and
// compares the number of entries with a count without this package's parsers.
func TestPublishedLocks(t *testing.T) {
	const syft, scalibr = "github.com/anchore/syft", moduletest.Scalibr
	// Files that are broken on purpose, or that no version of the tool wrote.
	broken := regexp.MustCompile(`/(glob-paths|corrupt)/|not-(toml|json|yaml)|/invalid|/pnpm-v9/|pnpmlock/testdata/(exotic|scoped-path-no-version)\.yaml|packageresolved/testdata/(empty|Docker)`)
	for _, p := range []published{
		{syft, "syft/pkg/cataloger/python/testdata/*/pdm.lock", formatPDM, `(?m)^\[\[package\]\]\n(name.*\n)(version.*\n)(requires.*\n|summary.*\n|groups.*\n|git.*\n|marker.*\n|files.*\n|dependencies.*\n|\n|\z)`},
		{syft, "syft/pkg/cataloger/javascript/testdata/pnpm*/pnpm-lock.yaml", formatPnpm, pnpmEntries},
		{scalibr, "extractor/filesystem/language/javascript/pnpmlock/testdata/*.yaml", formatPnpm, pnpmEntries},
		{scalibr, "extractor/filesystem/language/python/pdmlock/testdata/*.toml", formatPDM, `(?m)^\[\[package\]\]`},
		{syft, "syft/pkg/cataloger/dart/testdata/*/pubspec.lock", "pubspec.lock", `(?m)^    dependency:`},
		{scalibr, "extractor/filesystem/language/dart/pubspec/testdata/*", "pubspec.lock", `(?m)^    dependency:`},
		{syft, "syft/pkg/cataloger/elixir/testdata/*mix.lock", "mix.lock", `(?m)^  "`},
		{scalibr, "extractor/filesystem/language/elixir/mixlock/testdata/*", "mix.lock", `(?m)^  "`},
		{scalibr, "extractor/filesystem/language/erlang/mixlock/testdata/*", "mix.lock", `(?m)^  "`},
		{syft, "syft/pkg/cataloger/erlang/testdata/*rebar.lock", "rebar.lock", `,0\}`},
		{syft, "syft/pkg/cataloger/swift/testdata/Package.resolved", "Package.resolved", `"revision"`},
		{scalibr, "extractor/filesystem/language/swift/packageresolved/testdata/[a-z]*", "Package.resolved", `"revision"`},
		{syft, "syft/pkg/cataloger/swift/testdata/Podfile.lock", "Podfile.lock", `(?m)^  - .* \(\d[^=~>\n]*\):?$`},
		{scalibr, "extractor/filesystem/language/swift/podfilelock/testdata/*", "Podfile.lock", `(?m)^  - .* \(\d[^=~>\n]*\):?$`},
		{scalibr, "extractor/filesystem/language/r/renvlock/testdata/*", "renv.lock", `"Package":`},
		{syft, "syft/pkg/cataloger/haskell/testdata/stack.yaml.lock", "stack.yaml.lock", `    pantry-tree:`},
		{scalibr, "extractor/filesystem/language/haskell/stacklock/testdata/*", "stack.yaml.lock", `    pantry-tree:`},
		{syft, "syft/pkg/cataloger/haskell/testdata/cabal.project.freeze", "cabal.project.freeze", ` ==`},
		{scalibr, "extractor/filesystem/language/haskell/cabal/testdata/*", "cabal.project.freeze", ` ==`},
		{syft, "syft/pkg/cataloger/cpp/testdata/*conan.lock", "conan.lock", `"ref":`},
		{syft, "syft/pkg/cataloger/cpp/testdata/*/conan.lock", "conan.lock", `/[^"]*#`},
		{scalibr, "extractor/filesystem/language/cpp/conanlock/testdata/*.json", "conan.lock", `(?m)^\s+("p?ref": )?"[a-z0-9]+/[^"]*",?$`},
		{syft, "syft/pkg/cataloger/cpp/testdata/vcpkg/helloworld/vcpkg-configuration.json", "vcpkg-configuration.json", `"baseline"`},
		{"chainguard.dev/apko@v0.30.0", "internal/cli/testdata/*apko.lock.json", "apko.lock.json", `"control":`},
		{"github.com/spf13/viper@v1.21.0", "flake.lock", "flake.lock", `"locked":`},
		{syft, "syft/pkg/cataloger/terraform/testdata/*/.terraform.lock.hcl", formatTerraform, `(?m)^provider`},
	} {
		t.Run(p.module+"/"+p.pattern, func(t *testing.T) { readPublished(t, p, broken) })
	}
}

func readPublished(t *testing.T, p published, broken *regexp.Regexp) {
	root := moduletest.Dir(t, p.module)
	paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(p.pattern)))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", p.pattern, len(paths), err)
	}
	read := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		rel := strings.TrimPrefix(path, root)
		l, err := parseAs(t, p.format, path, data)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok || !broken.MatchString(rel) {
				t.Errorf("%s: %v", rel, err)
			}
			continue
		}
		read++
		if want := len(regexp.MustCompile(p.count).FindAll(data, -1)); len(l.Entries) != want {
			t.Errorf("%s: %d entries, counted %d", rel, len(l.Entries), want)
		}
		checkEntries(t, l, map[string][]byte{path: data})
	}
	if read == 0 {
		t.Errorf("%s: no file is read", p.pattern)
	}
}

// TestRyeLock reads what Rye writes: the requirements of the project and of its
// development, without hashes, and the project itself as a working copy.
func TestRyeLock(t *testing.T) {
	l := open(t, "requirements-dev.lock", "# generated by rye\n# last locked with the following flags:\n#   pre: false\n\n-e file:.\nfoo==1.0\n    # via bar\nbar==2.0 ; python_version < '3'\n")
	if len(l.Entries) != 2 || l.Format != formatRequirements {
		t.Fatalf("%s: %+v", l.Format, l.Entries)
	}
	for _, tt := range []struct{ name, version, want string }{{"foo", "1.0", "version-locked no-hash"}, {"bar", "2.0", "other-platform"}} {
		if got := outcome(match([]*Lock{l}, py(tt.name, tt.version))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
