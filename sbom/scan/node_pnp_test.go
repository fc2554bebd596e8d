package scan

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

// pnpList is the list of an installation like those of Yarn 4.18, with a package
// of each kind.
const pnpList = `{
  "dependencyTreeRoots": [{"name": "app", "reference": "workspace:."}],
  "packageRegistryData": [
    [null, [[null, {"packageLocation": "./", "packageDependencies": [["app", "workspace:."], ["debug3", ["debug", "virtual:00ff#npm:3.2.7"]]], "linkType": "SOFT"}]]],
    ["@types/it's", [["npm:1.0.0", {"packageLocation": "../root/.yarn/berry/cache/@types-its-npm-1.0.0-ab-10c0.zip/node_modules/@types/it's/", "packageDependencies": [["@types/it's", "npm:1.0.0"]], "linkType": "HARD"}]]],
    ["a", [["workspace:packages/a", {"packageLocation": "./packages/a/", "packageDependencies": [["a", "workspace:packages/a"], ["git", "https://github.com/x/git.git#commit=0123abc"]], "linkType": "SOFT"}]]],
    ["app", [["workspace:.", {"packageLocation": "./", "packageDependencies": [["debug3", ["debug", "virtual:00ff#npm:3.2.7"]]], "linkType": "SOFT"}]]],
    ["debug", [
      ["npm:3.2.7", {"packageLocation": "./.yarn/cache/debug-npm-3.2.7-ab-cd.zip/node_modules/debug/", "packageDependencies": [["debug", "npm:3.2.7"]], "linkType": "SOFT"}],
      ["virtual:00ff#npm:3.2.7", {"packageLocation": "./.yarn/__virtual__/debug-virtual-00ff/0/cache/debug-npm-3.2.7-ab-cd.zip/node_modules/debug/", "packageDependencies": [["debug", "virtual:00ff#npm:3.2.7"], ["ms", "npm:2.1.3"], ["supports-color", null]], "linkType": "HARD"}]]],
    ["git", [["https://github.com/x/git.git#commit=0123abc", {"packageLocation": "./.yarn/cache/git-https-ab-cd.zip/node_modules/git/", "packageDependencies": [], "linkType": "HARD"}]]],
    ["linked", [["link:../lib::locator=app%40workspace%3A.", {"packageLocation": "../lib/", "packageDependencies": [], "linkType": "SOFT"}]]],
    ["ms", [["npm:2.1.3", {"packageLocation": "./.yarn/cache/ms-npm-2.1.3-ab-cd.zip/node_modules/ms/", "packageDependencies": [["ms", "npm:2.1.3"]], "linkType": "HARD"}]]],
    ["native", [["npm:1.0.0", {"packageLocation": "./.yarn/unplugged/native-npm-1.0.0-ab/node_modules/native/", "packageDependencies": [["ms", "npm:2.1.3"]], "linkType": "HARD"}]]],
    ["other-platform", [["npm:1.0.0", {"packageLocation": "./.yarn/unplugged/other-npm-1.0.0-ab/node_modules/other-platform/", "packageDependencies": [], "linkType": "HARD"}]]]
  ]}`

// pnpZip is a package in an archive of Yarn's cache, with more entries.
func pnpZip(name, version string, more ...string) string {
	at := "node_modules/" + name + "/"
	return zipped(append([]string{at + "package.json", fmt.Sprintf(`{"name": %q, "version": %q}`, name, version), at + "index.js", "module.exports = 1\n"}, more...)...)
}

// pnpText is a list as a JavaScript string, as Yarn writes it.
func pnpText(list string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", "\\\n").Replace(list)
}

const pnpHead = "#!/usr/bin/env node\n/* eslint-disable */\n\"use strict\";\n\n"

// pnpFiles is the project of pnpList, with the list in .pnp.cjs.
func pnpFiles(cjs string) files {
	const app = "/opt/app"
	return npm("/opt/lib", "linked", "1.0.0").with(npm(app+"/packages/a", "a", "1.0.0")).with(npm(app+"/.yarn/unplugged/native-npm-1.0.0-ab/node_modules/native", "native", "1.0.0")).with(files{
		app + "/.pnp.cjs":                                              cjs,
		app + "/package.json":                                          `{"name": "app"}`,
		app + "/.yarn/cache/debug-npm-3.2.7-ab-cd.zip":                 pnpZip("debug", "3.2.7"),
		app + "/.yarn/cache/ms-npm-2.1.3-ab-cd.zip":                    pnpZip("ms", "2.1.3", "node_modules/ms/node_modules/in/package.json", `{"name": "in", "version": "1.0.0"}`, "node_modules/ms/test/package.json", `{"name": "fixture"}`),
		app + "/.yarn/cache/git-https-ab-cd.zip":                       pnpZip("git", "1.0.0"),
		app + "/.yarn/cache/old-npm-1.0.0-ab-cd.zip":                   pnpZip("old", "1.0.0"),
		"/opt/root/.yarn/berry/cache/@types-its-npm-1.0.0-ab-10c0.zip": pnpZip("@types/it's", "1.0.0"),
	})
}

// TestPnP lists the packages of one installation in each form of its list.
func TestPnP(t *testing.T) {
	inline := pnpHead + "const RAW_RUNTIME_STATE =\n'" + pnpText(pnpList) + "';\n\nfunction $$SETUP_STATE(hydrateRuntimeState, basePath) {\n  return hydrateRuntimeState(JSON.parse(RAW_RUNTIME_STATE), {basePath: basePath || __dirname});\n}\n"
	want := []string{
		"counts npm/@types/it's@1.0.0", "counts npm/debug@3.2.7", "counts npm/git@1.0.0", "counts npm/linked@1.0.0", "counts npm/ms@2.1.3", "counts npm/native@1.0.0",
		"excluded cache /opt/app/.yarn/cache", "excluded declared /opt/app/package.json", "excluded declared /opt/app/packages/a/package.json",
		"excluded not-installed /opt/app/.pnp.cjs", "inside npm/in@1.0.0 in npm/ms@2.1.3",
	}
	runCases(t, []scanCase{
		{"Yarn 4", pnpFiles(inline), want},
		{"Yarn 3", pnpFiles(pnpHead + "function $$SETUP_STATE(hydrateRuntimeState, basePath) {\n  return hydrateRuntimeState(JSON.parse('" + pnpText(pnpList) + "'), {basePath: basePath || __dirname});\n}\nfunction hydrateRuntimeState(data, { basePath }) {\n"), want},
		{"Yarn 2", pnpFiles(pnpHead + "function $$SETUP_STATE(hydrateRuntimeState, basePath) {\n  return hydrateRuntimeState(" + pnpList + ", {\n    basePath: basePath || __dirname,\n  });\n}\n"), want},
		{"in a file of its own", pnpFiles(pnpHead + "// loads ./.pnp.data.json\n").with(files{"/opt/app/.pnp.data.json": pnpList}), replaced(want, "/.pnp.cjs", "/.pnp.data.json")},
		{"no list", pnpFiles(pnpHead), []string{"counts npm/native@1.0.0", "excluded cache /opt/app/.yarn/cache", "excluded cache /opt/root/.yarn/berry/cache",
			"excluded declared /opt/app/package.json", "excluded declared /opt/app/packages/a/package.json", "excluded declared /opt/lib/package.json", "gap malformed /opt/app/.pnp.cjs"}},
		{"a fixture", npm(modules+"/resolve", "resolve", "1.0.0").with(files{modules + "/resolve/test/.pnp.cjs": inline}), []string{"counts npm/resolve@1.0.0"}},
		{"a cache without an installation", files{"/opt/app/.yarn/cache/ms-npm-2.1.3-ab-cd.zip": pnpZip("ms", "2.1.3")}, []string{"excluded cache /opt/app/.yarn/cache"}},
	})
	for name, text := range map[string]string{
		"two lists":           inline + inline,
		"another escape":      strings.Replace(inline, `it\'s`, `it\x27s`, 1),
		"cut off":             inline[:len(inline)/2],
		"no JSON":             strings.Replace(inline, `"packageRegistryData"`, `packageRegistryData`, 1),
		"a name without more": strings.Replace(inline, `"linkType": "SOFT"}]]],`, `"linkType": "SOFT"}]], 1],`, 1),
	} {
		found := false
		for _, g := range pnpFiles(text).scan(t).Gaps {
			found = found || g.Kind == sbom.GapMalformed && g.Path == "/opt/app/.pnp.cjs"
		}
		if !found {
			t.Errorf("%s: no gap", name)
		}
	}

	d := pnpFiles(inline).scan(t)
	type facts struct {
		Path, Detail string
		Reason       sbom.InstallReason
		Install      *sbom.Install
	}
	for id, want := range map[string]facts{
		"npm/debug@3.2.7":  {"/opt/app/.yarn/cache/debug-npm-3.2.7-ab-cd.zip", "", sbom.ReasonExplicit, nil},
		"npm/ms@2.1.3":     {"/opt/app/.yarn/cache/ms-npm-2.1.3-ab-cd.zip", "", sbom.ReasonDependency, nil},
		"npm/git@1.0.0":    {"/opt/app/.yarn/cache/git-https-ab-cd.zip", "", sbom.ReasonExplicit, &sbom.Install{Kind: sbom.InstallVCS, URL: "https://github.com/x/git.git", Commit: "0123abc", File: "/opt/app/.pnp.cjs"}},
		"npm/linked@1.0.0": {"/opt/app/.pnp.cjs", "", sbom.ReasonDependency, &sbom.Install{Kind: sbom.InstallLink, URL: "/opt/lib", File: "/opt/app/.pnp.cjs"}},
	} {
		c := d.Component(id)
		got := facts{c.Paths[0], c.Detail, c.InstallReason, c.Install}
		a, _ := json.Marshal(got)
		if b, _ := json.Marshal(want); string(a) != string(b) {
			t.Errorf("%s: %s, want %s", id, a, b)
		}
	}
	for _, want := range []sbom.Relation{{From: "npm/debug@3.2.7", To: "npm/ms@2.1.3", Kind: sbom.RelDepends}, {From: "npm/native@1.0.0", To: "npm/ms@2.1.3", Kind: sbom.RelDepends}} {
		found := false
		for _, r := range d.Relations {
			found = found || r.From == want.From && r.To == want.To && r.Kind == want.Kind
		}
		if !found {
			t.Errorf("no relation %+v", want)
		}
	}
}

func replaced(lines []string, from, to string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.ReplaceAll(l, from, to)
	}
	return out
}

// TestPnPArchives has archives that cannot be listed, or that two readers would
// read differently.
func TestPnPArchives(t *testing.T) {
	const zip = "/opt/app/.yarn/cache/ms-npm-2.1.3-ab-cd.zip"
	list := func(location string) string {
		return pnpHead + "const RAW_RUNTIME_STATE =\n'" + pnpText(fmt.Sprintf(`{"packageRegistryData": [["ms", [["npm:2.1.3", {"packageLocation": %q, "packageDependencies": [], "linkType": "HARD"}]]]]}`, location)) + "';\n"
	}
	cjs := files{"/opt/app/.pnp.cjs": list("./.yarn/cache/" + path.Base(zip) + "/node_modules/ms/")}
	manifest := "node_modules/ms/package.json"
	runCases(t, []scanCase{
		{"as it should be", cjs.with(files{zip: pnpZip("ms", "2.1.3")}), []string{"counts npm/ms@2.1.3"}},
		{"other bytes", cjs.with(files{zip: pnpZip("ms", "6.6.6")}), []string{"counts npm/ms@6.6.6", "gap malformed " + zip}},
		{"another name", cjs.with(files{zip: zipped(manifest, `{"name": "evil", "version": "2.1.3"}`)}), []string{"counts npm/evil@2.1.3"}},
		{"not there", cjs, []string{"gap unreported /opt/app/.pnp.cjs"}},
		{"out of the environment", files{"/opt/app/.pnp.cjs": list("../../../../../home/me/.yarn/berry/cache/x.zip/node_modules/ms/")}, []string{"gap unreported /opt/app/.pnp.cjs"}},
		{"not an archive", cjs.with(files{zip: "PK\x03\x04"}), []string{"gap malformed " + zip}},
		{"a FIFO", cjs.with(files{zip: "fifo"}), []string{"gap unreported /opt/app/.pnp.cjs"}},
		{"no manifest", cjs.with(files{zip: zipped("node_modules/other/package.json", `{}`)}), []string{"gap malformed " + zip}},
		{"two manifests", cjs.with(files{zip: zipped(manifest, `{"name": "ms", "version": "2.1.3"}`, manifest, `{"name": "evil"}`)}), []string{"gap malformed " + zip}},
		{"no name", cjs.with(files{zip: zipped(manifest, `{"version": "2.1.3"}`)}), []string{"gap malformed " + zip}},
		{"a key twice", cjs.with(files{zip: zipped(manifest, `{"name": "ms", "name": "evil"}`)}), []string{"gap malformed " + zip}},
		{"too large", cjs.with(files{zip: zipped(manifest, `{"name": "ms"}`+strings.Repeat(" ", maxPackageJSON))}), []string{"gap malformed " + zip}},
		{"a link to it", cjs.with(files{zip: "-> /srv/x.zip", "/srv/x.zip": pnpZip("ms", "2.1.3")}), []string{"counts npm/ms@2.1.3"}},
		{"that runs", cjs.with(files{zip: "x:" + pnpZip("ms", "2.1.3", "__main__.py", "")}), []string{"counts npm/ms@2.1.3"}},
	})
}

// TestPnPOfYarn1 has a list in the form of Yarn 1.22, with packages in its
// cache: only those of the list are in use.
func TestPnPOfYarn1(t *testing.T) {
	const cache = "/usr/local/share/.cache/yarn"
	ms := "/v6/npm-ms-2.1.3-574c-integrity/node_modules/ms"
	list := "#!/usr/bin/env node\n\nlet packageInformationStores = new Map([\n" +
		"  [\"a\", new Map([\n    [\"1.0.0\", {\n      packageLocation: path.resolve(__dirname, \"./packages/a/\"),\n      packageDependencies: new Map([\n        [\"ms\", \"2.1.3\"],\n      ]),\n    }],\n  ])],\n" +
		"  [\"ms\", new Map([\n    [\"2.1.3\", {\n      packageLocation: path.resolve(__dirname, \"../.." + cache + ms + "/\"),\n      packageDependencies: new Map([\n        [\"ms\", \"2.1.3\"],\n      ]),\n    }],\n  ])],\n" +
		"  [null, new Map([\n    [null, {\n      packageLocation: path.resolve(__dirname, \"./\"),\n      packageDependencies: new Map([\n        [\"ms\", \"2.1.3\"],\n      ]),\n    }],\n  ])],\n]);\n"
	f := npm(cache+ms, "ms", "2.1.3").with(npm(cache+"/v6/npm-old-1.0.0-574c-integrity/node_modules/old", "old", "1.0.0")).with(npm("/opt/app/packages/a", "a", "1.0.0"))
	runCases(t, []scanCase{
		{"with an installation", f.with(files{"/opt/app/.pnp.js": list}), []string{"counts npm/ms@2.1.3", "excluded cache " + cache, "excluded declared /opt/app/packages/a/package.json"}},
		{"without", f, []string{"excluded cache " + cache, "excluded declared /opt/app/packages/a/package.json"}},
		{"above the root", files{"/.pnp.js": list}, []string{"gap unreported /.pnp.js"}},
		{"a namesake below the root", files{"/.pnp.js": strings.ReplaceAll(list, "../..", "..")}.with(npm(cache+ms, "ms", "2.1.3")), []string{"excluded cache " + cache, "gap unreported /.pnp.js"}},
		{"in no cache", files{"/srv/a/app/.pnp.js": list}, []string{"gap unreported /srv/a/app/.pnp.js"}},
		{"cut off", f.with(files{"/opt/app/.pnp.js": strings.TrimSuffix(list, "]);\n")}), []string{"excluded cache " + cache, "excluded declared /opt/app/packages/a/package.json", "gap malformed /opt/app/.pnp.js"}},
	})
	if c := f.with(files{"/opt/app/.pnp.js": list}).scan(t).Component("npm/ms@2.1.3"); c == nil || c.InstallReason != sbom.ReasonExplicit {
		t.Errorf("%+v", c)
	}
}

func FuzzPnP(f *testing.F) {
	f.Add([]byte(pnpHead + "const RAW_RUNTIME_STATE =\n'" + pnpText(pnpList) + "';\n"))
	f.Add([]byte("return hydrateRuntimeState({}"))
	f.Add([]byte("let packageInformationStores = new Map([\n  [null, new Map([\n    [null, {\n]);\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		packages, err := parsePnP(data)
		if err != nil && packages != nil {
			t.Error("a list with an error")
		}
		for _, p := range packages {
			if full := pnpPath(pnpPlace("/opt/app", p.location)); full != "" && (!path.IsAbs(full) || path.Clean(full) != full) {
				t.Errorf("%q is at %q", p.location, full)
			}
		}
	})
}
