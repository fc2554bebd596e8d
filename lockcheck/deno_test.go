package lockcheck

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDenoFixtures reads locks that Deno wrote: of version 3 by 1.46.3, of 4 by
// 2.0.6 and of 5 by 2.9.6.
func TestDenoFixtures(t *testing.T) {
	urls := []string{"jsr @s/p 1.0.0 [61ba7f7b]", "generic http://127.0.0.1:8765/a.ts sha256:8b0a9ce0 [8b0a9ce0]", "generic http://127.0.0.1:8765/lib/b.ts sha256:6f3df0b9 [6f3df0b9]"}
	npm := []string{"npm abbrev 1.1.1 [9e77bdfc]", "npm is-number 6.0.0 [5aed551d]", "npm is-odd 3.0.1 [090a6758]", "npm react-dom 18.3.1 [e66e2740]"}
	for version, want := range map[string][]string{"1.46.3": urls, "2.0.6": urls, "2.9.6": slices.Concat(npm, urls)} {
		text, err := os.ReadFile(filepath.Join("testdata/deno", version, "deno.lock"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range open(t, "deno.lock", string(text)).Entries {
			kind, sum, _ := strings.Cut(e.Version, ":")
			if sum != "" {
				kind += ":" + sum[:8]
			}
			hashes := ""
			if len(e.Hashes) == 1 {
				hashes = e.Hashes[0].Value[:8]
			}
			got = append(got, e.Type+" "+e.fullName()+" "+kind+" ["+hashes+"]")
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: no %s in %q", version, w, got)
			}
		}
	}
}

// TestDenoEntries checks what entries pin.
func TestDenoEntries(t *testing.T) {
	sum := `"integrity": "` + sri512 + `"`
	digest, sha := Hash{Algorithm: "sha512", Value: hex512}, Hash{Algorithm: "sha256", Value: shaA}
	const at = "/p/node_modules/.deno/a@1.0.0/node_modules/a"
	module := func(url, sum string) Package {
		return Package{Type: typeModule, Name: url, Version: "sha256:" + sum, Digests: []Hash{{Algorithm: "sha256", Value: sum}}}
	}
	for _, c := range []struct {
		name, text string
		p          Package
		want       string
	}{
		{"npm", `{"version": "5", "npm": {"a@1.0.0": {` + sum + `}}}`, js("a", "1.0.0", at), "hash-locked"},
		{"npm, with the registry's record", `{"version": "5", "npm": {"a@1.0.0": {` + sum + `}}}`, js("a", "1.0.0", at, digest), "hash-claimed"},
		{"npm, other bytes", `{"version": "5", "npm": {"a@1.0.0": {` + sum + `}}}`, js("a", "1.0.0", at, Hash{Algorithm: "sha512", Value: strings.Repeat("0", 128)}), "hash-mismatch"},
		{"npm, scope and peers", `{"version": "5", "npm": {"@s/a@1.0.0-rc.1_b@2.0.0__c@1.0.0": {` + sum + `}}}`, js("@s/a", "1.0.0-rc.1", "/p/node_modules/.deno/@s+a@1.0.0-rc.1_1/node_modules/@s/a"), "hash-locked"},
		{"npm, for two peers", `{"version": "5", "npm": {"a@1.0.0_b@1.0.0": {` + sum + `}, "a@1.0.0_b@2.0.0": {` + sum + `}}}`, js("a", "1.0.0", at), "hash-locked"},
		{"npm of version 4", `{"version": "4", "npm": {"a@1.0.0": {` + sum + `, "dependencies": ["b", "c@npm:d@1.0.0"]}}}`, js("a", "1.0.0", at), "hash-locked"},
		{"npm of version 3", `{"version": "3", "packages": {"specifiers": {"npm:a@1": "npm:a@1.0.0"}, "npm": {"a@1.0.0": {` + sum + `, "dependencies": {"b": "b@1.0.0"}}}}}`, js("a", "1.0.0", at), "hash-locked"},
		{"other version", `{"version": "5", "npm": {"a@1.0.0": {` + sum + `}}}`, js("a", "1.0.1", at), "locked-at-another-version"},
		{"not locked", `{"version": "5", "npm": {"a@1.0.0": {` + sum + `}}}`, js("b", "1.0.0", at), "not-in-any-lock"},
		{"no hash", `{"version": "5", "npm": {"a@1.0.0": {}}}`, js("a", "1.0.0", at), "version-locked no-hash"},
		{"tarball elsewhere", `{"version": "5", "npm": {"a@1.0.0": {` + sum + `, "tarball": "https://npm.example.net/a.tgz"}}}`, js("a", "1.0.0", at, digest), "other-registry"},
		{"tarball of another package", `{"version": "5", "npm": {"a@1.0.0": {` + sum + `, "tarball": "https://registry.npmjs.org/b/-/b-1.0.0.tgz"}}}`, js("a", "1.0.0", at, digest), "other-package"},
		{"tarball by git", `{"version": "5", "npm": {"a@1.0.0": {` + sum + `, "tarball": "git+https://registry.npmjs.org/a.git"}}}`, js("a", "1.0.0", at, digest), "vcs-install"},
		{"linked", `{"version": "5", "npm": {"a@1.0.0": {}}, "workspace": {"links": {"npm:a@1.0.0": {}}}}`, js("a", "1.0.0", at), "link"},
		{"linked, of old", `{"version": "4", "npm": {"a@1.0.0": {}}, "workspace": {"patches": {"npm:a@1.0.0": {}}}}`, js("a", "1.0.0", at), "link"},
		{"other platform", `{"version": "5", "npm": {"a@1.0.0": {` + sum + `, "os": ["win32"]}}}`, Package{Type: "npm", Name: "a", Version: "1.0.0", Paths: []string{at}, Platform: Platform{OS: "linux", CPU: "x64"}}, "other-platform"},
		{"jsr", `{"version": "5", "jsr": {"@s/a@1.0.0": {"integrity": "` + shaA + `"}}}`, Package{Type: "jsr", Name: "@s/a", Version: "1.0.0", Digests: []Hash{sha}}, "hash-claimed"},
		{"jsr, other manifest", `{"version": "5", "jsr": {"@s/a@1.0.0": {"integrity": "` + strings.Repeat("0", 64) + `"}}}`, Package{Type: "jsr", Name: "@s/a", Version: "1.0.0", Digests: []Hash{sha}}, "hash-mismatch"},
		{"npm is not jsr", `{"version": "5", "jsr": {"@s/a@1.0.0": {"integrity": "` + shaA + `"}}}`, js("@s/a", "1.0.0", at), "not-in-any-lock"},
		{"module", `{"version": "5", "remote": {"https://deno.land/std@0.1.0/a.ts": "` + shaA + `"}}`, module("https://deno.land/std@0.1.0/a.ts", shaA), "hash-claimed"},
		{"module, changed", `{"version": "5", "remote": {"https://deno.land/std@0.1.0/a.ts": "` + shaA + `"}}`, module("https://deno.land/std@0.1.0/a.ts", strings.Repeat("0", 64)), "locked-at-another-version"},
		{"module of another host", `{"version": "5", "remote": {"https://deno.land/std@0.1.0/a.ts": "` + shaA + `"}}`, module("https://evil.example/std@0.1.0/a.ts", shaA), "not-in-any-lock"},
		{"module, malformed", `{"version": "5", "remote": {"https://deno.land/a.ts": "abc"}}`, module("https://deno.land/a.ts", shaA), "not-exact"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outcome(match([]*Lock{open(t, "deno.lock", c.text)}, c.p)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestDenoErrors(t *testing.T) {
	other := `"integrity": "sha512-` + strings.Repeat("A", 86) + `=="`
	for text, want := range map[string]string{
		`[]`:                                    "deno.lock:1:1: a deno.lock is an object, not an array",
		`{}`:                                    "a deno.lock of version 1 or 2 is not supported; write the lock again with Deno 2",
		`{"version": "2", "remote": {}}`:        "of version 1 or 2 is not supported",
		`{"version": "6"}`:                      `version "6" is not supported; use a version from 3 to 5`,
		`{"version": 5}`:                        `"version" must be a string, not a number`,
		`{"version": "5", "npm": []}`:           `"npm" must be an object, not an array`,
		`{"version": "5", "npm": {"a": {}}}`:    `deno.lock:1:26: "a" is not a name with a version`,
		`{"version": "5", "npm": {"a@^1": {}}}`: `"a@^1" is not a name with a version`,
		`{"version": "5", "npm": {"a@1.0.0": "x"}}`:                                                                 `the entry of "a@1.0.0" must be an object, not a string`,
		`{"version": "5", "npm": {"a@1.0.0": {"integrity": 1}}}`:                                                    `"integrity" must be a string, not a number`,
		`{"version": "5", "remote": {"a.ts": "x"}}`:                                                                 `"a.ts" is not the URL of a module`,
		`{"version": "5", "remote": {"file:///a.ts": "x"}}`:                                                         `"file:///a.ts" is not the URL of a module`,
		`{"version": "5", "remote": {"https://x.y/a.ts": {}}}`:                                                      `the digest of "https://x.y/a.ts" must be a string, not an object`,
		`{"version": "5", "remote": {}, "remote": {}}`:                                                              `"remote"`,
		`{"version": "5", "npm": {"a@1.0.0_b@1.0.0": {"integrity": "` + sri512 + `"}, "a@1.0.0": {` + other + `}}}`: "has another integrity in an entry before",
	} {
		if got := openErr(t, "deno.lock", text); !strings.Contains(got, want) {
			t.Errorf("%s\n%s, want %s", text, got, want)
		}
	}
}

func FuzzDeno(f *testing.F) {
	fuzzFormat(f, formatDeno, append(corpusSeeds(f, "testdata/deno/*/deno.lock"), `{"version": "5", "npm": {"a@1.0.0": {"integrity": "`+sri512+`", "os": ["linux"]}}, "workspace": {"links": {"npm:b@1": {}}}}`)...)
}
