package lockcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/timetest"
)

const pnpmSample = "lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {integrity: " + sri512 + "}\nsnapshots:\n  a@1.0.0: {}\n"

// pnpmEntries matches the keys of "packages" in the published test data.
const pnpmEntries = `(?m)^  \S.*:\n(    # .*\n)*    resolution:`

func FuzzPnpm(f *testing.F) {
	fuzzFormat(f, formatPnpm, append(corpusSeeds(f, "testdata/pnpm/*/pnpm-lock.yaml"), pnpmLock, pnpmSample,
		"lockfileVersion: 5.4\nspecifiers: {a: npm:b@1}\ndependencies: {a: /b/1.0.0_x}\npackages:\n  /b/1.0.0_x: {resolution: {registry: 'https://x/', integrity: x}, patched: true}\n",
		pnpm9("node@runtime:22.0.0", "{type: variations, variants: [{resolution: {type: binary, url: https://x/y, integrity: "+sri512+"}, targets: [{os: linux}]}]}"),
		pnpm9("a@https://x/y", "{tarball: https://x/y, gitHosted: true}"), pnpm9("a@file:x", "{type: directory, directory: x}"))...)
}

// pnpm9 returns a lock of version 9 with one package.
func pnpm9(key, resolution string) string {
	return "lockfileVersion: '9.0'\npackages:\n  '" + key + "':\n    resolution: " + resolution + "\nsnapshots:\n  '" + key + "': {}\n"
}

// TestPnpm compares the entries of one project in the locks that pnpm 7.33.7
// (5.4), 8.15.9 (6.0), 10.34.9 (9.0) and 12.21.0 (9.0, with a document for pnpm's
// own dependencies) wrote for it. It has an alias, an override, a patch, peers of
// two versions, a local directory, a local tarball, a package for another platform
// and a member that is copied.
func TestPnpm(t *testing.T) {
	registry := []string{
		"fsevents 2.3.2 [registry] sha512:c62a optional,direct", "is-number 6.0.0 [registry] sha512:5aed",
		"is-odd 3.0.1 [registry] sha512:090a direct patched", "js-tokens 4.0.0 [registry] sha512:45d2", "left-pad 1.3.0 [registry] sha512:5c8e direct",
		"lodash 4.17.20 [registry] sha512:3e58 direct", "lodash 4.17.21 [registry] sha512:bf69 direct", "loose-envify 1.4.0 [registry] sha512:972b",
		"ms 2.1.2 [registry] sha512:b069", "object-assign 4.1.1 [registry] sha512:ac98",
		"react 17.0.2 [registry] sha512:8278 direct", "react 18.2.0 [registry] sha512:ff72 direct", "use-sync-external-store 1.2.0 [registry] sha512:7848 direct",
	}
	dir, tarball := "dirdep  [path vendor/dir] direct", "ms 2.1.3 [path file:vendor/ms-2.1.3.tgz] sha512:e859 direct"
	copied, members := "@w/b  [path packages/b] direct", []string{"packages/a  [path packages/a] direct,own", "packages/b  [path packages/b] direct,own"}
	with := func(lists ...[]string) []string {
		var out []string
		for _, l := range lists {
			out = append(out, l...)
		}
		return out
	}
	for version, want := range map[string][]string{
		"5.4":     with(members, registry, []string{"@w/b 0.1.0 [path packages/b] direct", "dirdep 0.0.1 [path vendor/dir] direct", tarball}),
		"6.0":     with(members, registry, []string{copied, dir, tarball}),
		"9.0":     with(members, []string{dir}, registry[:9], []string{tarball}, registry[9:]),
		"9.0-two": with([]string{"is-number 7.0.0 [registry] sha512:e350 direct"}, members, []string{dir}, registry[:9], []string{tarball}, registry[9:]),
	} {
		file := filepath.Join("testdata/pnpm", version, "pnpm-lock.yaml")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		l, err := parseAs(t, formatPnpm, file, data)
		if err != nil {
			t.Fatal(err)
		}
		checkEntries(t, l, map[string][]byte{file: data})
		var got []string
		for i := range l.Entries {
			_, s, _ := strings.Cut(show(&l.Entries[i]), " ")
			if r := l.Entries[i].flaw.reason; r != "" {
				s += " " + string(r)
			}
			got = append(got, s)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", version, diff)
		}
		r := match([]*Lock{l}, js("is-odd", "3.0.1", "/app/node_modules/.pnpm/x/node_modules/is-odd"))
		if file := "patches/is-odd@3.0.1.patch"; r.Reason != Patched || strings.Contains(r.Detail, file) != (version != "9.0-two") {
			t.Errorf("%s: %+v", version, r)
		}
	}
}

// TestPnpmInjection checks locks in which a package is not what it seems to be.
func TestPnpmInjection(t *testing.T) {
	const lodash = "https://registry.npmjs.org/lodash/-/lodash-4.17.21.tgz"
	hash := "integrity: " + sri512
	importer := func(spec, version, key, resolution string) string {
		return strings.Replace(pnpm9(key, resolution), "packages:", "importers:\n  .:\n    dependencies:\n      lodash: {specifier: '"+spec+"', version: '"+version+"'}\npackages:", 1)
	}
	old := func(key, fields string) string {
		return "lockfileVersion: 5.4\nspecifiers: {lodash: ^4.17.21}\ndependencies: {lodash: 4.17.21}\npackages:\n  " + key + ":\n    " + fields + "\n"
	}
	vcs := Install{Kind: KindVCS, URL: "https://github.com/lodash/lodash", Commit: commit}
	for _, tt := range []struct {
		name, lock string
		install    Install
		want       string
	}{
		{"a registry's", pnpm9("lodash@4.17.21", "{"+hash+"}"), Install{}, "hash-claimed"},
		{"with its tarball", pnpm9("lodash@4.17.21", "{"+hash+", tarball: "+lodash+"}"), Install{}, "hash-claimed"},
		{"with a relative tarball", pnpm9("lodash@4.17.21", "{"+hash+", tarball: lodash/-/lodash-4.17.21.tgz}"), Install{}, "hash-claimed"},
		{"another host", pnpm9("lodash@4.17.21", "{"+hash+", tarball: https://evil.example/lodash/-/lodash-4.17.21.tgz}"), Install{}, "other-registry"},
		{"http", pnpm9("lodash@4.17.21", "{"+hash+", tarball: http://registry.npmjs.org/lodash/-/lodash-4.17.21.tgz}"), Install{}, "other-registry"},
		{"another host without a scheme", pnpm9("lodash@4.17.21", "{"+hash+", tarball: //evil.example/lodash/-/lodash-4.17.21.tgz}"), Install{}, "other-registry"},
		{"another host with backslashes", pnpm9("lodash@4.17.21", `{`+hash+`, tarball: '\\evil.example\lodash-4.17.21.tgz'}`), Install{}, "other-registry"},
		{"another host, one slash", pnpm9("lodash@4.17.21", `{`+hash+`, tarball: 'https:/evil.example/lodash-4.17.21.tgz'}`), Install{}, "other-registry"},
		{"another package's tarball", pnpm9("lodash@4.17.21", "{"+hash+", tarball: https://registry.npmjs.org/evil/-/evil-4.17.21.tgz}"), Install{}, "other-package"},
		{"another package's relative tarball", pnpm9("lodash@4.17.21", "{"+hash+", tarball: evil/-/evil-4.17.21.tgz}"), Install{}, "other-package"},
		{"another version's tarball", pnpm9("lodash@4.17.21", "{"+hash+", tarball: https://registry.npmjs.org/lodash/-/lodash-4.17.20.tgz}"), Install{}, "other-package"},
		{"a repository in place of a version", pnpm9("lodash@4.17.21", "{type: git, repo: https://github.com/lodash/lodash, commit: "+commit+"}"), vcs, "vcs-install"},
		{"a repository in place of a version, and no record", pnpm9("lodash@4.17.21", "{type: git, repo: https://github.com/lodash/lodash, commit: "+commit+"}"), Install{}, "other-package"},
		{"a repository's archive in place of a version", pnpm9("lodash@4.17.21", "{"+hash+", tarball: https://codeload.github.com/evil/lodash/tar.gz/"+commit+"}"), Install{}, "other-package"},
		{"a directory in place of a version", pnpm9("lodash@4.17.21", "{type: directory, directory: evil}"), Install{}, "other-package"},
		{"a file in place of a version", pnpm9("lodash@4.17.21", "{"+hash+", tarball: file:evil.tgz}"), Install{}, "other-package"},
		{"a binary in place of a version", pnpm9("lodash@4.17.21", "{"+hash+", type: binary, url: https://registry.npmjs.org/x}"), Install{}, "other-package"},
		{"a key with another version in it", strings.Replace(pnpm9("lodash@4.17.20", "{"+hash+"}"), "    resolution", "    version: 4.17.21\n    resolution", 1), Install{}, "other-package"},
		{"a repository where a version is required", importer("^4.17.21", "https://codeload.github.com/lodash/lodash/tar.gz/"+commit, "lodash@https://codeload.github.com/lodash/lodash/tar.gz/"+commit,
			"{tarball: https://codeload.github.com/lodash/lodash/tar.gz/"+commit+"}\n    version: 4.17.21"), vcs, "other-package"},
		{"a repository where it is required", importer("github:lodash/lodash", "https://codeload.github.com/lodash/lodash/tar.gz/"+commit, "lodash@https://codeload.github.com/lodash/lodash/tar.gz/"+commit,
			"{tarball: https://codeload.github.com/lodash/lodash/tar.gz/"+commit+"}\n    version: 4.17.21"), vcs, "version-locked vcs-install"},
		{"a repository, installed from the registry", importer("github:lodash/lodash", "https://codeload.github.com/lodash/lodash/tar.gz/"+commit, "lodash@https://codeload.github.com/lodash/lodash/tar.gz/"+commit,
			"{tarball: https://codeload.github.com/lodash/lodash/tar.gz/"+commit+"}\n    version: 4.17.21"), Install{}, "vcs-install"},
		{"a tarball by URL", pnpm9("lodash@https://evil.example/l.tgz", "{"+hash+", tarball: https://evil.example/l.tgz}\n    version: 4.17.21"), Install{}, "other-registry"},
		{"a local tarball", pnpm9("lodash@file:l.tgz", "{"+hash+", tarball: file:l.tgz}\n    version: 4.17.21"), Install{}, "hash-claimed"},
		{"a local directory", pnpm9("lodash@file:l", "{directory: l, type: directory}"), Install{}, "local-path"},
		{"sha1 only", pnpm9("lodash@4.17.21", "{integrity: "+sri1+"}"), Install{}, "version-locked weak-hash"},
		{"no integrity", pnpm9("lodash@4.17.21", "{}"), Install{}, "version-locked no-hash"},
		{"custom", pnpm9("lodash@custom:1", "{type: 'custom:cdn', url: https://registry.npmjs.org/x}\n    version: 4.17.21"), Install{}, "other-registry"},
		{"a patch by name", "patchedDependencies: {lodash: {hash: x, path: p.patch}}\n" + pnpm9("lodash@4.17.21", "{"+hash+"}"), Install{}, "patched"},
		{"a patch of another version", "patchedDependencies: {lodash@4.17.20: {hash: x, path: p.patch}}\n" + pnpm9("lodash@4.17.21", "{"+hash+"}"), Install{}, "hash-claimed"},
		{"a patch that the lock does not have", pnpm9("lodash@4.17.21", "{"+hash+"}"), Install{Kind: KindRegistry, Patch: "abc"}, "patched"},
		{"for another platform", pnpm9("lodash@4.17.21", "{}\n    os: [darwin]"), Install{}, "other-platform"},
		{"5.4", old("/lodash/4.17.21", "resolution: {"+hash+"}"), Install{}, "hash-claimed"},
		{"5.4 with peers", old("/lodash/4.17.21_react@18.2.0", "resolution: {"+hash+"}"), Install{}, "hash-claimed"},
		{"5.4 of another registry", old("evil.example/lodash/4.17.21", "resolution: {"+hash+"}"), Install{}, "other-registry"},
		{"5.4 with a registry", old("/lodash/4.17.21", "resolution: {"+hash+", registry: 'https://evil.example/'}"), Install{}, "other-registry"},
		{"5.4 with another name", old("/lodash/4.17.21", "resolution: {"+hash+"}\n    name: evil\n    version: 4.17.21"), Install{}, "other-package"},
		{"5.4 patched", old("/lodash/4.17.21_abc", "resolution: {"+hash+"}\n    patched: true"), Install{}, "patched"},
	} {
		l := open(t, "pnpm-lock.yaml", tt.lock)
		p := js("lodash", "4.17.21", "/app/node_modules/.pnpm/lodash@4.17.21/node_modules/lodash", Hash{Algorithm: "sha512", Value: hex512})
		if p.Install = tt.install; tt.install.Kind != "" {
			p.Digests = nil
		}
		p.Platform = Platform{OS: "linux", CPU: "x64", Libc: "glibc"}
		if got := outcome(match([]*Lock{l}, p)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	alias := importer("^4.17.21", "evil@1.0.0", "evil@1.0.0", "{"+hash+"}")
	for spec, want := range map[string]string{"^4.17.21": "other-package", "npm:evil@1.0.0": "hash-locked", "npm:other@1.0.0": "other-package", "latest": "other-package", "catalog:": "hash-locked"} {
		text := "catalogs: {default: {lodash: {specifier: 'npm:evil@^1.0.0', version: 1.0.0}}}\n" + strings.Replace(alias, "^4.17.21", spec, 1)
		if got := outcome(match([]*Lock{open(t, "pnpm-lock.yaml", text)}, js("evil", "1.0.0", "/app/node_modules/.pnpm/evil@1.0.0/node_modules/evil"))); got != want {
			t.Errorf("required as %s: %s, want %s", spec, got, want)
		}
	}
}

// TestPnpmRuntime reads a runtime, which has an archive for each platform
// (https://pnpm.io/package_json#devenginesruntime).
func TestPnpmRuntime(t *testing.T) {
	variant := func(url, sri string) string {
		return "{resolution: {archive: tarball, bin: bin/node, integrity: " + sri + ", type: binary, url: " + url + "}, targets: [{cpu: x64, os: linux}]}"
	}
	other := "sha256-" + strings.Repeat("A", 43) + "="
	lock := func(second string) *Lock {
		return open(t, "pnpm-lock.yaml", pnpm9("node@runtime:22.0.0", "{type: variations, variants: ["+variant("https://nodejs.org/download/release/v22.0.0/node-v22.0.0-linux-x64.tar.gz", sri512)+", "+variant(second, other)+"]}"))
	}
	p := js("node", "22.0.0", "/app/node_modules/.pnpm/node@runtime+22.0.0/node_modules/node")
	for second, want := range map[string]string{"https://nodejs.org/download/release/v22.0.0/node-v22.0.0-darwin-arm64.tar.gz": "hash-locked", "https://evil.example/node.tar.gz": "other-registry"} {
		if got := outcome(NewSet([]*Lock{lock(second)}, Policy{Registries: []string{"nodejs.org"}}).Match(p)); got != want {
			t.Errorf("%s: %s, want %s", second, got, want)
		}
	}
}

func TestPnpmErrors(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "pnpm-lock.yaml:1:1: a pnpm-lock.yaml is an object, not null"},
		{"- a\n", "is an object, not an array"},
		{"packages: {}\n", "1:1: no lockfileVersion"},
		{"lockfileVersion: 4\n", `1:18: lockfileVersion "4" is not supported; use pnpm 3 to 12`},
		{"lockfileVersion: '10.0'\n", "is not supported"},
		{"lockfileVersion: '9.0'\npackages: []\n", `2:11: "packages" must be an object`},
		{"lockfileVersion: '9.0'\npackages:\n  a@1.0.0: x\nsnapshots: {}\n", `3:12: the entry of "a@1.0.0" must be an object`},
		{"lockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\n", `3:3: "a@1.0.0" has no resolution`},
		{"lockfileVersion: '9.0'\npackages: {}\nsnapshots:\n  a@1.0.0: {}\n", `4:3: "a@1.0.0" is in "snapshots" and not in "packages"`},
		{"lockfileVersion: '9.0'\nimporters:\n  .: {dependencies: {a: {specifier: 1}}}\n", `3:22: "a" has no version`},
		{"lockfileVersion: '9.0'\nimporters:\n  .: {dependencies: {a: [x]}}\n", `3:25: the version of "a" must be a string`},
		{pnpm9("a@1.0.0", "{type: other}"), "unknown type of resolution"},
		{pnpm9("a@https://x/y", "{integrity: x}"), "has no tarball"},
		{pnpm9("a@1.0.0", "{integrity: "+sri512+" sha512-"+strings.Repeat("A", 86)+"==}"), `4:29: "a" has two hashes of sha512, and a tarball has one`},
		{strings.Replace(pnpmSample, "snapshots:", "  a@1.0.0: {}\nsnapshots:", 1), `"a@1.0.0" is there twice`},
		{pnpmSample + "---\n" + pnpmSample, "8:1: a further YAML document"},
		{"lockfileVersion: '6.0'\npackages:\n  /a@1.0.0(b@1.0.0): {resolution: {integrity: " + sri512 + "}}\n  /a@1.0.0(b@2.0.0): {resolution: {integrity: " + sri1 + "}}\n", `4:3: "/a@1.0.0" has another resolution here than on line 3`},
		{"lockfileVersion: '6.0'\npackages:\n<<<<<<< HEAD\n", "merge conflict"},
	} {
		if got := openErr(t, "pnpm-lock.yaml", tt.text); !strings.Contains(got, tt.want) {
			t.Errorf("%q: %s, want %s", tt.text, got, tt.want)
		}
	}
}

// TestPnpmLarge reads locks of 3 MB in the form that pnpm writes and on one line.
func TestPnpmLarge(t *testing.T) {
	var block, flow, snapshots strings.Builder
	for i := range 15000 {
		fmt.Fprintf(&block, "\n  package-%d@1.0.0:\n    resolution: {integrity: %s}\n    engines: {node: '>=4'}\n", i, sri512)
		fmt.Fprintf(&flow, "'package-%d@1.0.0': {resolution: {integrity: %s}}, ", i, sri512)
		fmt.Fprintf(&snapshots, "'package-%d@1.0.0': {}, ", i)
	}
	end := "\nsnapshots: {" + snapshots.String() + "}\n"
	for name, text := range map[string]string{"block": "lockfileVersion: '9.0'\npackages:" + block.String() + end, "flow": "lockfileVersion: '9.0'\npackages: {" + flow.String() + "}" + end} {
		var l *Lock
		took := timetest.Work(t, 20*time.Second, func() { l = open(t, "pnpm-lock.yaml", text) })
		t.Logf("%s: %d bytes, %v", name, len(text), took)
		if len(l.Entries) != 15000 {
			t.Errorf("%s: %d entries", name, len(l.Entries))
		}
	}
}
