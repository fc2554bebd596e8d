package lockcheck

import (
	"strings"
	"testing"
)

// TestNPMInjection checks places and hashes that an attacker writes into a
// package-lock.json, for a package whose installed bytes are the locked ones.
func TestNPMInjection(t *testing.T) {
	digest := Hash{Algorithm: "sha512", Value: hex512}
	for _, c := range []struct{ name, resolved, want string }{
		{"registry", "https://registry.npmjs.org/a/-/a-1.0.0.tgz", "hash-claimed"},
		{"registry under Yarn's name", "https://registry.yarnpkg.com/a/-/a-1.0.0.tgz", "hash-claimed"},
		{"other host", "https://npm.example.net/a/-/a-1.0.0.tgz", "other-registry"},
		{"http", "http://registry.npmjs.org/a/-/a-1.0.0.tgz", "other-registry"},
		{"a host that begins so", "https://registry.npmjs.org.example.net/a/-/a-1.0.0.tgz", "other-registry"},
		{"user information", "https://registry.npmjs.org@npm.example.net/a/-/a-1.0.0.tgz", "other-registry"},
		{"a backslash", `https://npm.example.net\\@registry.npmjs.org/a/-/a-1.0.0.tgz`, "other-registry"},
		{"another port", "https://registry.npmjs.org:8443/a/-/a-1.0.0.tgz", "other-registry"},
		{"look-alike host", "https://registry.npmjs.оrg/a/-/a-1.0.0.tgz", "other-registry"},
		{"git by ssh", "git+ssh://git@github.com/o/a.git#" + shaA[:40], "vcs-install"},
		{"git at the registry", "git+https://registry.npmjs.org/a.git#" + shaA[:40], "vcs-install"},
		{"short form of a repository", "github:o/a#" + shaA[:40], "vcs-install"},
		{"repository by scp", "git@github.com:o/a.git", "vcs-install"},
		{"tarball of a repository", "https://codeload.github.com/o/a/tar.gz/" + shaA[:40], "other-registry"},
		{"data", "data:application/gzip;base64,AAAA", "other-registry"},
		{"another package", "https://registry.npmjs.org/b/-/b-1.0.0.tgz", "other-package"},
		{"another version", "https://registry.npmjs.org/a/-/a-1.0.1.tgz", "other-package"},
		{"a scope", "https://registry.npmjs.org/@evil/a/-/a-1.0.0.tgz", "other-package"},
		{"a scope, escaped", "https://registry.npmjs.org/@evil%2fa/-/a-1.0.0.tgz", "other-package"},
		{"a directory before", "https://registry.npmjs.org/evil/a/-/a-1.0.0.tgz", "other-package"},
		{"upwards", "https://registry.npmjs.org/a/-/../../evil/-/a-1.0.0.tgz", "other-package"},
		{"upwards, escaped", "https://registry.npmjs.org/a/-/%2e%2e/%2e%2e/evil/-/a-1.0.0.tgz", "other-package"},
		{"twice the mark", "https://registry.npmjs.org/a/-/evil/-/a-1.0.0.tgz", "other-package"},
		{"no tarball", "https://registry.npmjs.org/evil.tgz", "other-package"},
	} {
		lock := npmLock("node_modules/a", `"version":"1.0.0","resolved":"`+c.resolved+`","integrity":"`+sri512+`"`)
		if got := outcome(match([]*Lock{open(t, "package-lock.json", lock)}, js("a", "1.0.0", "/p/node_modules/a", digest))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// A package that the project requires under its own name is that package.
	lock := func(spec string) string {
		return `{"lockfileVersion":3,"packages":{"":{"dependencies":{"a":"` + spec + `"}},"node_modules/a":{"name":"evil","version":"1.0.0","resolved":"https://registry.npmjs.org/evil/-/evil-1.0.0.tgz","integrity":"` + sri512 + `"}}}`
	}
	for spec, want := range map[string]string{
		"^1.0.0": "other-package", "latest": "other-package", "": "other-package", "npm:b@1": "other-package",
		"npm:evil@1": "hash-claimed", "https://registry.npmjs.org/evil/-/evil-1.0.0.tgz": "hash-claimed",
	} {
		if got := outcome(match([]*Lock{open(t, "package-lock.json", lock(spec))}, js("evil", "1.0.0", "/p/node_modules/a", digest))); got != want {
			t.Errorf("%q: %s, want %s", spec, got, want)
		}
	}
	// A second hash would admit a second tarball.
	second := "sha512-" + strings.Repeat("A", 86) + "=="
	for file, text := range map[string]string{
		"package-lock.json": npmLock("node_modules/a", `"version":"1.0.0","integrity":"`+sri512+" "+second+`"`),
		"bun.lock":          bunOf(`"a": ["a@1.0.0", "", {}, "` + sri512 + " " + second + `"]`),
		"deno.lock":         `{"version": "5", "npm": {"a@1.0.0": {"integrity": "` + sri512 + " " + second + `"}}}`,
	} {
		if got := openErr(t, file, text); !strings.Contains(got, `"a" has two hashes of sha512, and a tarball has one`) {
			t.Errorf("%s: %s", file, got)
		}
	}
}
