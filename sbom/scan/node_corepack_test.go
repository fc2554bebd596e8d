package scan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

// TestCorepack has package managers as Corepack unpacks them.
func TestCorepack(t *testing.T) {
	const home = "/root/.cache/node/corepack/v1"
	hash := strings.Repeat("0a", 64)
	record := func(name, version string) string {
		return `{"locator":{"name":"` + name + `","reference":"` + version + `"},"bin":{"` + name + `":"./bin/x.cjs"},"hash":"sha512.` + hash + `"}`
	}
	pnpm := npm(home+"/pnpm/9.8.0", "pnpm", "9.8.0").with(npm(home+"/pnpm/9.8.0/dist/node_modules/ms", "ms", "2.1.3")).with(files{
		home + "/pnpm/9.8.0/.corepack":                record("pnpm", "9.8.0"),
		home + "/pnpm/9.8.0/bin/pnpm.cjs":             "x:#!/usr/bin/env node\n",
		home + "/pnpm/9.8.0/dist/node_modules/x.node": program(t),
	})
	inside := []string{"counts npm/pnpm@9.8.0", "inside npm/ms@2.1.3 in npm/pnpm@9.8.0"}
	runCases(t, []scanCase{
		{"pnpm", pnpm, inside},
		{"with the hash of packageManager", pnpm.with(files{home + "/pnpm/9.8.0/.corepack": record("pnpm", "9.8.0+sha512."+hash)}), inside},
		{"npm, which bundles", files{home + "/npm/10.8.2/.corepack": record("npm", "10.8.2"), home + "/npm/10.8.2/package.json": `{"name": "npm", "version": "10.8.2", "bundleDependencies": ["in"]}`}.
			with(npm(home+"/npm/10.8.2/node_modules/in", "in", "1.0.0")), []string{"counts npm/npm@10.8.2", "inside npm/in@1.0.0 in npm/npm@10.8.2"}},
		{"Yarn, one script", files{home + "/yarn/4.5.0/.corepack": record("yarn", "4.5.0"), home + "/yarn/4.5.0/yarn.js": "x:#!/usr/bin/env node\n"}, []string{"counts npm/yarn@4.5.0"}},
		{"elsewhere, with COREPACK_HOME", files{"/opt/cp/v1/yarn/4.5.0/.corepack": record("yarn", "4.5.0"), "/opt/cp/v1/yarn/4.5.0/yarn.js": "x:#!/usr/bin/env node\n"}, []string{"counts npm/yarn@4.5.0"}},
		{"a package beside it", pnpm.with(npm(home+"/pnpm/9.8.0/node_modules/evil", "evil", "6.6.6")), append([]string{"counts npm/evil@6.6.6"}, inside...)},
		{"a record in a project", npm(modules+"/ms", "ms", "2.1.3").with(files{"/opt/app/.corepack": record("app", "1.0.0")}), []string{"counts npm/ms@2.1.3"}},
		{"of another directory", files{home + "/pnpm/9.8.0/.corepack": record("pnpm", "9.8.1")}.with(npm(home+"/pnpm/9.8.0/node_modules/ms", "ms", "2.1.3")), []string{"counts npm/ms@2.1.3", "gap malformed " + home + "/pnpm/9.8.0/.corepack"}},
		{"of another package", files{home + "/pnpm/9.8.0/.corepack": record("pnpm", "9.8.0")}.with(npm(home+"/pnpm/9.8.0", "evil", "9.8.0")),
			[]string{"excluded declared " + home + "/pnpm/9.8.0/package.json", "gap malformed " + home + "/pnpm/9.8.0/.corepack"}},
		{"no JSON", files{home + "/pnpm/9.8.0/.corepack": "{"}, []string{"gap malformed " + home + "/pnpm/9.8.0/.corepack"}},
		{"a key twice", files{home + "/pnpm/9.8.0/.corepack": `{"hash": "sha512.00", "hash": "sha512.01"}`}, []string{"gap malformed " + home + "/pnpm/9.8.0/.corepack"}},
	})
	want := []sbom.Digest{{Algorithm: "sha512", Value: hash, File: home + "/pnpm/9.8.0/.corepack"}}
	if diff := cmp.Diff(want, pnpm.scan(t).Component("npm/pnpm@9.8.0").Digests); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReplaced has packages that pnpm moved out of its way, and what only looks
// like them.
func TestReplaced(t *testing.T) {
	linked := npm(modules+"/.pnpm/ms@2.1.3/node_modules/ms", "ms", "2.1.3").with(npm(modules+"/.pnpm/@x+y@1.0.0/node_modules/@x/y", "@x/y", "1.0.0")).with(files{
		modules + "/ms":            "-> .pnpm/ms@2.1.3/node_modules/ms",
		modules + "/@x/y":          "-> ../.pnpm/@x+y@1.0.0/node_modules/@x/y",
		modules + "/.modules.yaml": "{}",
	})
	ignored := modules + "/.ignored"
	counts := []string{"counts npm/@x/y@1.0.0", "counts npm/ms@2.1.3"}
	without := func(f files, path string) files {
		f = f.with(nil)
		delete(f, path)
		return f
	}
	runCases(t, []scanCase{
		{"pnpm 7 and later", linked.with(npm(ignored+"/ms", "ms", "2.0.0")).with(npm(ignored+"/@x/y", "@x/y", "0.9.0")),
			append(slices.Clone(counts), "excluded cache "+ignored+"/@x/y", "excluded cache "+ignored+"/ms")},
		{"before", linked.with(npm(modules+"/.ignored_ms", "ms", "2.0.0")).with(npm(modules+"/@x/.ignored_y", "@x/y", "0.9.0")),
			append(slices.Clone(counts), "excluded cache "+modules+"/.ignored_ms", "excluded cache "+modules+"/@x/.ignored_y")},
		{"nothing replaced it", linked.with(npm(ignored+"/evil", "evil", "6.6.6")), append([]string{"counts " + unaccounted(ignored), "excluded fixture " + ignored + "/evil/package.json"}, counts...)},
		{"one of both", linked.with(npm(ignored+"/ms", "ms", "2.0.0")).with(npm(ignored+"/evil", "evil", "6.6.6")),
			append([]string{"counts " + unaccounted(ignored), "excluded cache " + ignored + "/ms", "excluded fixture " + ignored + "/evil/package.json"}, counts...)},
		{"without pnpm", without(linked, modules+"/.modules.yaml").with(npm(ignored+"/ms", "ms", "2.0.0")), append([]string{"counts " + unaccounted(ignored), "excluded fixture " + ignored + "/ms/package.json"}, counts...)},
		{"a program in it", linked.with(npm(ignored+"/ms", "ms", "2.0.0")).with(files{ignored + "/ms/run": "x:" + program(t)}),
			append([]string{"counts " + unaccounted(ignored+"/ms"), "excluded cache " + ignored + "/ms"}, counts...)},
	})
}

func FuzzCorepackRecord(f *testing.F) {
	f.Add([]byte(`{"locator":{"name":"pnpm","reference":"9.8.0"},"hash":"sha512.00"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := parseCorepackRecord(data); err != nil && r != (corepackInfo{}) {
			t.Errorf("%+v with %v", r, err)
		}
	})
}
