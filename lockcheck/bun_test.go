package lockcheck

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// bunOf returns a bun.lock with packages, after other members of the document.
func bunOf(packages string, members ...string) string {
	head := append([]string{`"lockfileVersion": 1`, `"workspaces": {"": {"dependencies": {"a": "^1.0.0", "alias": "npm:a@1", "url": "https://registry.npmjs.org/a/-/a-1.0.0.tgz"}}, "packages/m": {"name": "@s/m", "version": "2.0.0"}}`}, members...)
	return "{\n" + strings.Join(head, ",\n") + ",\n\"packages\": {\n" + packages + ",\n},\n}\n"
}

// TestBunFixtures reads locks that Bun wrote: of version 0 by 1.1.42, and of
// version 2 by 1.4.5, with a workspace, catalogs, an override, an alias, a patch, a
// directory and archives.
func TestBunFixtures(t *testing.T) {
	for version, want := range map[string][]string{
		"1.1.42": {
			"@x/lib packages/lib", "debug@2.6.9 node_modules/debug", "fsevents@2.3.3 node_modules/fsevents", "ms@2.1.3 node_modules/ms",
			"is-number@6.0.0 node_modules/same-number", "abbrev@1.1.1 node_modules/tar-one", "ms@2.0.0 packages/lib/node_modules/ms", "ms@2.0.0 node_modules/debug/node_modules/ms",
		},
		"1.4.5": {
			"app packages/app", "@x/lib packages/lib", "abbrev@1.1.1 node_modules/abbrev", "debug@2.6.9 node_modules/debug", "fsevents@2.3.3 node_modules/fsevents",
			"is-number@6.0.0 node_modules/is-number", "is-odd@3.0.1 node_modules/is-odd", "left-pad ../../left.tgz", "local local", "ms@2.1.3 node_modules/ms",
			"is-number@6.0.0 node_modules/same-number", "semver@7.6.3 node_modules/semver patched", "abbrev@1.1.1 node_modules/tar-one", "wrappy@1.0.2 node_modules/wrappy",
			"ms@2.0.0 packages/lib/node_modules/ms", "ms@2.0.0 node_modules/debug/node_modules/ms",
		},
	} {
		text, err := os.ReadFile(filepath.Join("testdata/bun", version, "bun.lock"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range open(t, "bun.lock", string(text)).Entries {
			s := e.fullName()
			if e.Source.Kind == KindPath {
				s += " " + e.Source.URL
			} else {
				s += "@" + e.Version + " " + e.Install
			}
			got = append(got, strings.TrimSuffix(s+" "+string(e.flaw.reason), " "))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%q, want\n%q", version, got, want)
		}
	}
}

// TestBunEntries checks what single rows pin: of the package a, or of the one that
// is named, in the directory of the key.
func TestBunEntries(t *testing.T) {
	sum := `"` + sri512 + `"`
	digest := Hash{Algorithm: "sha512", Value: hex512}
	for _, c := range []struct {
		name, row string
		p         Package
		want      string
	}{
		{"registry", `"a": ["a@1.0.0", "", {}, ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/a"), "hash-locked"},
		{"isolated", `"a": ["a@1.0.0", "", {}, ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/.bun/a@1.0.0+759ce506b1ed1a42/node_modules/a"), "hash-locked"},
		{"isolated, other version", `"a": ["a@1.0.0", "", {}, ` + sum + `]`, js("a", "1.0.1", "/p/node_modules/.bun/a@1.0.0/node_modules/a"), "locked-at-another-version"},
		{"no hash", `"a": ["a@1.0.0", "", {}, ""]`, js("a", "1.0.0", "/p/node_modules/a"), "version-locked no-hash"},
		{"sha1", `"a": ["a@1.0.0", "", {}, "` + sri1 + `"]`, js("a", "1.0.0", "/p/node_modules/a"), "version-locked weak-hash"},
		{"nested", `"a": ["a@1.0.0", "", {}, ` + sum + `], "b/a": ["a@2.0.0", "", {}, ` + sum + `]`, js("a", "2.0.0", "/p/node_modules/a"), "locked-at-another-version"},
		{"nested in its place", `"a": ["a@1.0.0", "", {}, ` + sum + `], "@s/b/@s/c/a": ["a@2.0.0", "", {}, ` + sum + `]`, js("a", "2.0.0", "/p/node_modules/@s/b/node_modules/@s/c/node_modules/a"), "hash-locked"},
		{"of a member", `"@s/m": ["@s/m@workspace:packages/m"], "a": ["a@1.0.0", "", {}, ` + sum + `], "@s/m/a": ["a@2.0.0", "", {}, ` + sum + `]`, js("a", "2.0.0", "/p/packages/m/node_modules/a"), "hash-locked"},
		{"of a member, exchanged", `"@s/m": ["@s/m@workspace:packages/m"], "a": ["a@1.0.0", "", {}, ` + sum + `], "@s/m/a": ["a@2.0.0", "", {}, ` + sum + `]`, js("a", "1.0.0", "/p/packages/m/node_modules/a"), "locked-at-another-version"},
		{"alias", `"alias": ["a@1.0.0", "", {}, ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/alias"), "hash-locked"},
		{"alias of another", `"alias": ["b@1.0.0", "", {}, ` + sum + `]`, js("b", "1.0.0", "/p/node_modules/alias"), "other-package"},
		{"alias that nothing requires", `"a": ["b@1.0.0", "", {}, ` + sum + `]`, js("b", "1.0.0", "/p/node_modules/a"), "other-package"},
		{"alias below", `"c": ["c@1.0.0", "", {"dependencies": {"d": "npm:@s/e@^1"}}, ` + sum + `], "d": ["@s/e@1.0.0", "", {}, ` + sum + `]`, js("@s/e", "1.0.0", "/p/node_modules/d"), "hash-locked"},
		{"other registry", `"a": ["a@1.0.0", "https://npm.example.net/a/-/a-1.0.0.tgz", {}, ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/a", digest), "other-registry"},
		{"default registry by URL", `"a": ["a@1.0.0", "https://registry.npmjs.org/a/-/a-1.0.0.tgz", {}, ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/a"), "hash-locked"},
		{"http", `"a": ["a@1.0.0", "http://registry.npmjs.org/a/-/a-1.0.0.tgz", {}, ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/a"), "other-registry"},
		{"tarball of another package", `"a": ["a@1.0.0", "https://registry.npmjs.org/b/-/b-1.0.0.tgz", {}, ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/a"), "other-package"},
		{"tarball of the registry", `"url": ["a@https://registry.npmjs.org/a/-/a-1.0.0.tgz", {}, ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/url"), "hash-locked"},
		{"tarball under another name", `"a": ["b@https://registry.npmjs.org/b/-/b-1.0.0.tgz", {}, ` + sum + `]`, js("b", "1.0.0", "/p/node_modules/a"), "other-package"},
		{"tarball elsewhere", `"url": ["url@https://npm.example.net/a/-/a-1.0.0.tgz", {}, ` + sum + `]`, js("url", "1.0.0", "/p/node_modules/url"), "other-registry"},
		{"tarball in place of a version", `"a": ["a@https://registry.npmjs.org/evil/-/evil-1.0.0.tgz", {}, ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/a", digest), "other-package"},
		{"local tarball in place of a version", `"a": ["a@../evil.tgz", {}, ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/a", digest), "other-package"},
		{"required local tarball", `"c": ["c@1.0.0", "", {"dependencies": {"d": "d.tgz"}}, ` + sum + `], "d": ["d@d.tgz", {}, ` + sum + `]`, js("d", "1.0.0", "/p/node_modules/d", digest), "hash-claimed"},
		{"local tarball", `"url": ["url@vendor/a.tgz", {}, ` + sum + `]`, js("url", "1.0.0", "/p/node_modules/url"), "local-path"},
		{"directory", `"a": ["a@file:a", {}]`, js("a", "1.0.0", "/p/node_modules/a"), "local-path"},
		{"link", `"a": ["a@link:a", {}]`, js("a", "1.0.0", "/p/node_modules/a"), "link"},
		{"git", `"a": ["a@git+https://git.example.net/a.git#` + shaA[:40] + `", {}, "` + shaA[:40] + `"]`, js("a", "1.0.0", "/p/node_modules/a"), "vcs-install"},
		{"github", `"a": ["a@github:o/a#abcdef0", {}, "o-a-abcdef0", ` + sum + `]`, js("a", "1.0.0", "/p/node_modules/a"), "vcs-install"},
		{"other platform", `"a": ["a@1.0.0", "", {"os": "win32", "cpu": ["x64"]}, ` + sum + `]`, Package{Type: "npm", Name: "a", Version: "1.0.0", Paths: []string{"/p/node_modules/a"}, Platform: Platform{OS: "linux", CPU: "x64"}}, "other-platform"},
		{"look-alike", `"а": ["а@1.0.0", "", {}, ` + sum + `]`, js("а", "1.0.0", "/p/node_modules/а"), "look-alike-name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outcome(match([]*Lock{open(t, "bun.lock", bunOf(c.row))}, c.p)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	// A patch, in both layouts.
	l := open(t, "bun.lock", bunOf(`"a": ["a@1.0.0", "", {}, `+sum+`]`, `"patchedDependencies": {"a@1.0.0": "patches/a.patch"}`))
	for _, dir := range []string{"/p/node_modules/a", "/p/node_modules/.bun/a@1.0.0/node_modules/a"} {
		if got := outcome(match([]*Lock{l}, js("a", "1.0.0", dir, digest))); got != "patched" {
			t.Errorf("%s: %s", dir, got)
		}
	}
	// An override gives a package another one's name.
	l = open(t, "bun.lock", bunOf(`"x": ["a@1.0.0", "", {}, `+sum+`]`, `"overrides": {"b": {".": "1", "x@^2": "npm:a@1.0.0"}}`))
	if got := outcome(match([]*Lock{l}, js("a", "1.0.0", "/p/node_modules/x"))); got != "hash-locked" {
		t.Error(got)
	}
}

// TestBunMembers checks that a member of the workspace is first-party where the
// link leads to its directory.
func TestBunMembers(t *testing.T) {
	s := NewSet([]*Lock{open(t, "bun.lock", bunOf(`"@s/m": ["@s/m@workspace:packages/m"]`))}, Policy{})
	link := Package{Type: "npm", Name: "@s/m", Version: "2.0.0", Paths: []string{"/p/node_modules/@s/m", "/p/packages/m/package.json"}, Install: Install{Kind: KindLink, URL: "/p/packages/m", File: "/p/node_modules/@s/m"}}
	if s.FirstParty(link) == nil {
		t.Error("a member is not first-party")
	}
	link.Install.URL = "/p/evil"
	if s.FirstParty(link) != nil {
		t.Error("another directory is first-party")
	}
}

func TestBunErrors(t *testing.T) {
	sum := `"` + sri512 + `"`
	for text, want := range map[string]string{
		`[]`: "bun.lock:1:1: a bun.lock is an object, not an array",
		`{}`: `"lockfileVersion" is missing`,
		`{"lockfileVersion": 4, "workspaces": {}}`:                                    "lockfileVersion \"4\" is not supported; use a version from 0 to 3",
		`{"lockfileVersion": "1"}`:                                                    `"lockfileVersion" must be a number, not a string`,
		`{"lockfileVersion": 1}`:                                                      `"workspaces" is missing`,
		`{"lockfileVersion": 1, "workspaces": {"m": {}}}`:                             `the workspace "m" has no name`,
		`{"lockfileVersion": 1, "workspaces": {"m": {"name":"a"}, "n":{"name":"a"}}}`: `the workspaces "m" and "n" have the name "a"`,
		bunOf(`"a": "a@1.0.0"`):                                                       "bun.lock:5:6: the package \"a\" must be a list",
		bunOf(`"a": ["a@1.0.0"]`):                                                     "has no element with its registry",
		bunOf(`"a": ["a@1.0.0", {}, ` + sum + `]`):                                    "needs its registry here: a string, not an object",
		bunOf(`"a": ["a@1.0.0", "", {}, ` + sum + `, 1]`):                             "has more elements than are known",
		bunOf(`"a": ["a@^1.0.0", "", {}, ` + sum + `]`):                               "has no exact version",
		bunOf(`"a": ["a", "", {}, ` + sum + `]`):                                      "is not a name with a version",
		bunOf(`"../a": ["a@1.0.0", "", {}, ` + sum + `]`):                             "is not a path of names",
		bunOf(`"a/": ["a@1.0.0", "", {}, ` + sum + `]`):                               "is not a path of names",
		bunOf(`"@a": ["a@1.0.0", "", {}, ` + sum + `]`):                               "is not a path of names",
		bunOf(`"b/@a": ["a@1.0.0", "", {}, ` + sum + `]`):                             "is not a path of names",
		bunOf(`"@/a": ["a@1.0.0", "", {}, ` + sum + `]`):                              "is not a path of names",
		bunOf(`"a": ["a@workspace:evil"]`):                                            "is not in the workspaces of the lock",
		bunOf(`"a": ["a@1.0.0", "github:a/b#1", {}, ` + sum + `]`):                    "is not the URL of a registry",
		bunOf(`"a": ["a@1.0.0", "", {}, ""], "a": ["a@1.0.0", "", {}, ""]`):           `"a"`,
		bunOf(`"a": ["a@1.0.0", "", {"os": 1}, ""]`):                                  `"os" must be an array, not a number`,
	} {
		if got := openErr(t, "bun.lock", text); !strings.Contains(got, want) {
			t.Errorf("%s\n%s, want %s", text, got, want)
		}
	}
	if got := openErr(t, "bun.lockb", "#!/usr/bin/env bun\nbun-lockfile-format-v0\n\x00"); !strings.Contains(got, "bun install --save-text-lockfile") {
		t.Error(got)
	}
}

// TestBunPublished compares the number of entries of the locks in osv-scalibr's test
// data with the rows in them.
func TestBunPublished(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(moduletest.Dir(t, moduletest.Scalibr), "extractor/filesystem/language/javascript/bunlock/testdata/*.json5"))
	if err != nil || len(files) < 15 {
		t.Fatal(len(files), err)
	}
	row := regexp.MustCompile(`(?m)^ {4}"[^"]+": \["[^"]+@`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		l, err := parseAs(t, formatBun, name, text)
		switch {
		case name == "bad-tuple.json5" || name == "empty.json5":
			if err == nil {
				t.Errorf("%s is read", name)
			}
		case err != nil:
			t.Error(err)
		default:
			if want := len(row.FindAllString(string(text), -1)); len(l.Entries) != want {
				t.Errorf("%s: %d entries, counted %d", name, len(l.Entries), want)
			}
		}
	}
}

func FuzzBun(f *testing.F) {
	fuzzFormat(f, formatBun, append(corpusSeeds(f, "testdata/bun/*/bun.lock"), bunOf(`"a": ["a@1.0.0", "", {}, "`+sri512+`"]`))...)
}
