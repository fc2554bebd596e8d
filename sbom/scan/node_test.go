package scan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

// npm is a package as npm installs it.
func npm(at, name, version string) files {
	return files{
		at + "/package.json": `{"name": "` + name + `", "version": "` + version + `"}`,
		at + "/index.js":     "module.exports = 1\n",
	}
}

const modules = "/opt/app/node_modules"

// TestHiddenNode has the rows of the table "Hiding a package" that are about
// Node, and more of their kind: each comes out as something.
func TestHiddenNode(t *testing.T) {
	evil := modules + "/evil"
	lodash := npm(modules+"/lodash", "lodash", "4.17.21")
	gap := "gap malformed " + evil + "/package.json"
	runCases(t, []scanCase{
		{"as it should be", lodash, []string{"counts npm/lodash@4.17.21"}},
		{"a scope", npm(modules+"/@types/node", "@types/node", "20.0.0"), []string{"counts npm/@types/node@20.0.0"}},
		{"an alias", npm(modules+"/lodash", "evil", "6.6.6"), []string{"counts npm/evil@6.6.6", "notice duplicate-identity " + modules + "/lodash of npm/evil@6.6.6"}},
		{"without package.json", files{evil + "/index.js": ""}, []string{"counts " + unaccounted(evil)}},
		{"a scoped one without package.json", files{modules + "/@x/evil/index.js": ""}, []string{"counts " + unaccounted(modules+"/@x/evil")}},
		{"an empty folder", files{evil + "/": ""}, nil},
		{"without a name", files{evil + "/package.json": `{"version": "1.0.0"}`}, []string{"counts generic/evil@1.0.0?path=" + evil}},
		{"keys that differ in case", files{evil + "/package.json": `{"name": "evil", "NAME": "lodash", "version": "6.6.6"}`},
			[]string{"counts npm/evil@6.6.6", gap}},
		{"a key twice", files{evil + "/package.json": `{"name": "lodash", "name": "evil", "version": "6.6.6"}`}, []string{gap}},
		{"a key twice, once escaped", files{evil + "/package.json": `{"name": "lodash", "n\u0061me": "evil", "version": "6.6.6"}`}, []string{gap}},
		{"a byte order mark", files{evil + "/package.json": "\ufeff" + `{"name": "evil", "version": "6.6.6"}`}, []string{"counts npm/evil@6.6.6"}},
		{"a version that is a number", files{evil + "/package.json": `{"name": "evil", "version": 6}`}, []string{gap}},
		{"not JSON", files{evil + "/package.json": `{`}, []string{gap}},
		{"two JSON values", files{evil + "/package.json": `{"name": "evil", "version": "6.6.6"}{"name": "lodash"}`}, []string{gap}},
		{"an array", files{evil + "/package.json": `[]`}, []string{gap}},
		{"without a version", files{evil + "/package.json": `{"name": "evil"}`}, []string{"counts npm/evil"}},
		{"package.json that is a link", files{evil + "/package.json": "-> /opt/p", "/opt/p": `{"name": "evil", "version": "6.6.6"}`}, []string{"counts npm/evil@6.6.6"}},
		{"package.json that leads nowhere", files{evil + "/package.json": "-> /none", evil + "/index.js": ""}, []string{"counts " + unaccounted(evil)}},
		{"package.json that is a FIFO", files{evil + "/package.json": "fifo", evil + "/index.js": ""}, []string{gap}},
		{"a name outside ASCII", files{evil + "/package.json": `{"name": "l\u043edash", "version": "1.0.0"}`},
			[]string{"counts npm/l\u043edash@1.0.0", "notice duplicate-identity " + evil + " of npm/l\u043edash@1.0.0", "notice non-ascii-name " + evil + "/package.json"}},

		// require("evil") also finds a file of that name.
		{"a file in node_modules", lodash.with(files{modules + "/evil.js": ""}), []string{"counts npm/lodash@4.17.21", "counts " + unaccounted(modules+"/evil.js")}},
		{"a file without an extension", files{modules + "/@x/evil": ""}, []string{"counts " + unaccounted(modules+"/@x")}},
		{"a link to a file", files{modules + "/evil.js": "-> /opt/e", "/opt/e": ""}, []string{"counts " + unaccounted(modules+"/evil.js")}},
		{"a folder with a dot", files{modules + "/.evil/index.js": ""}, []string{"counts " + unaccounted(modules+"/.evil")}},
		{"what npm and its like keep there", lodash.with(files{modules + "/.bin/lodash": "-> ../lodash/index.js", modules + "/lodash/package.json": `{"name": "lodash", "version": "4.17.21", "bin": "index.js"}`, modules + "/.package-lock.json": `{"packages": {"node_modules/lodash": {"version": "4.17.21"}}}`, modules + "/.yarn-integrity": "", modules + "/.modules.yaml": "", modules + "/.cache/x/y.json": ""}),
			[]string{"counts npm/lodash@4.17.21"}},

		{"nested", lodash.with(npm(modules+"/lodash/node_modules/evil", "evil", "6.6.6")), []string{"counts npm/lodash@4.17.21", "counts npm/evil@6.6.6"}},
		{"bundled in nothing", npm(evil, "evil", "6.6.6").with(files{modules + "/.package-lock.json": `{"packages": {"node_modules/evil": {"version": "6.6.6", "inBundle": true}}}`, "/opt/app/package.json": `{"name": "app", "bundleDependencies": true}`}),
			[]string{"counts npm/evil@6.6.6", "excluded declared /opt/app/package.json"}},

		// The package "resolve" ships such things.
		{"fixtures", lodash.with(npm(modules+"/lodash/test/a/node_modules/fix", "fix", "1.0.0")).with(files{
			modules + "/lodash/test/shadowed/node_modules/util/index.js": "",
			modules + "/lodash/test/malformed/package.json":              "{",
			modules + "/lodash/test/project/package.json":                `{"name": "project", "version": "1.0.0"}`,
			modules + "/lodash/test/b/node_modules/bad/package.json":     "{",
		}), []string{"counts npm/lodash@4.17.21", "inside npm/fix@1.0.0 in npm/lodash@4.17.21",
			"excluded fixture " + modules + "/lodash/test/malformed/package.json",
			"excluded fixture " + modules + "/lodash/test/b/node_modules/bad/package.json",
			"excluded fixture " + modules + "/lodash/test/project/package.json"}},
		{"a project", files{"/srv/app/package.json": `{"name": "app", "version": "1.0.0"}`, "/srv/broken/package.json": `{`},
			[]string{"excluded declared /srv/app/package.json", "excluded declared /srv/broken/package.json"}},

		{"pnpm", npm(modules+"/.pnpm/lodash@4.17.21/node_modules/lodash", "lodash", "4.17.21").with(files{
			modules + "/lodash":                    "-> .pnpm/lodash@4.17.21/node_modules/lodash",
			modules + "/.pnpm/node_modules/lodash": "-> ../lodash@4.17.21/node_modules/lodash",
		}), []string{"counts npm/lodash@4.17.21"}},
		{"a workspace", npm("/opt/app/packages/mine", "mine", "1.0.0").with(files{modules + "/mine": "-> ../packages/mine"}), []string{"counts npm/mine@1.0.0"}},
		{"a link to a folder without package.json", files{modules + "/evil": "-> /opt/e", "/opt/e/index.js": ""}, []string{"counts " + unaccounted(evil)}},
		{"a link to nothing", files{modules + "/evil": "-> /none"}, []string{"gap unreported " + evil}},
		{"a link into a cache", npm("/root/.cache/pip/http/node_modules/evil", "evil", "6.6.6").with(files{modules + "/evil": "-> /root/.cache/pip/http/node_modules/evil"}),
			[]string{"counts npm/evil@6.6.6", "excluded cache /root/.cache/pip"}},

		{"npm's record is no JSON", lodash.with(files{modules + "/.package-lock.json": "{"}), []string{"counts npm/lodash@4.17.21", "gap malformed " + modules + "/.package-lock.json"}},
		{"npm's record is of another version", lodash.with(files{modules + "/.package-lock.json": `{"packages": {"node_modules/lodash": {"version": "4.17.20", "integrity": "sha512-AA=="}}}`}),
			[]string{"counts npm/lodash@4.17.21", "gap malformed " + modules + "/lodash/package.json"}},
		{"inside a package of the system", debs(map[string][]string{"npm": {"/usr/share/nodejs/x/package.json", "/usr/share/nodejs/x/node_modules/y/package.json", "/usr/share/nodejs/x/node_modules/z/package.json"}}).with(files{
			"/usr/share/nodejs/x/package.json":                `{"name": "x", "version": "1.0.0"}`,
			"/usr/share/nodejs/x/node_modules/y/package.json": `{"name": "y", "version": "1.0.0"}`,
			"/usr/share/nodejs/x/node_modules/z/package.json": `{"name": 1}`,
		}), []string{"inside npm/x@1.0.0 in deb/debian/npm@1?arch=amd64", "inside npm/y@1.0.0 in deb/debian/npm@1?arch=amd64"}},
	})
}

func TestHiddenLockClaims(t *testing.T) {
	d := npm(modules+"/lodash", "lodash", "4.17.21").with(npm(modules+"/aliased", "ms", "2.1.3")).with(npm(modules+"/git", "git", "1.0.0")).with(npm(modules+"/none", "none", "1.0.0")).with(files{
		"/opt/app/package.json": `{"name": "app", "dependencies": {"lodash": "4"}, "devDependencies": {"aliased": "npm:ms@2"}}`,
		modules + "/.package-lock.json": `{"name": "app", "lockfileVersion": 3, "packages": {
			"node_modules/lodash": {"version": "4.17.21", "resolved": "https://u:p@registry.npmjs.org/lodash/-/lodash-4.17.21.tgz?x=1", "integrity": "sha512-AQI= sha1-Aw==?opt"},
			"node_modules/aliased": {"name": "ms", "version": "2.1.3", "resolved": "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz"},
			"node_modules/none": {"version": "1.0.0"},
			"node_modules/git": {"version": "1.0.0", "resolved": "git+ssh://git@github.com/x/git.git#0123abc"}}}`,
	}).scan(t)
	record := modules + "/.package-lock.json"
	type claims struct {
		Digests []sbom.Digest
		Install *sbom.Install
		Asked   sbom.InstallReason
	}
	want := map[string]claims{
		"npm/lodash@4.17.21": {[]sbom.Digest{{Algorithm: "sha1", Value: "03", File: record}, {Algorithm: "sha512", Value: "0102", File: record}},
			&sbom.Install{Kind: sbom.InstallRegistry, URL: "https://registry.npmjs.org/lodash/-/lodash-4.17.21.tgz", File: record}, sbom.ReasonExplicit},
		"npm/ms@2.1.3":   {nil, &sbom.Install{Kind: sbom.InstallRegistry, URL: "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz", File: record}, sbom.ReasonExplicit},
		"npm/git@1.0.0":  {nil, &sbom.Install{Kind: sbom.InstallVCS, URL: "git+ssh://git@github.com/x/git.git", Commit: "0123abc", File: record}, sbom.ReasonDependency},
		"npm/none@1.0.0": {nil, nil, sbom.ReasonDependency},
	}
	got := map[string]claims{}
	for _, c := range d.Components {
		got[c.ID] = claims{slices.Clip(c.Digests), c.Install, c.InstallReason}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
