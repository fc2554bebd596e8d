package scan

import (
	"slices"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

// TestPackageStores has packages that links of an installation lead to. They are
// packages like all others, and not working copies.
func TestPackageStores(t *testing.T) {
	const store = "/root/.local/share/pnpm/store/v10"
	slot := func(scope, name, version string) string {
		return store + "/links/" + scope + "/" + name + "/" + version + "/0a1b/node_modules"
	}
	content := files{store + "/files/0a/1b2c3d": "module.exports = 1\n", store + "/index/0a/1b.json": "{}"}
	express, ms := slot("@", "express", "4.21.2"), slot("@", "ms", "2.0.0")
	global := content.with(npm(express+"/express", "express", "4.21.2")).with(npm(ms+"/ms", "ms", "2.0.0")).
		with(npm(slot("@types", "node", "20.0.0")+"/@types/node", "@types/node", "20.0.0")).
		with(npm(slot("@", "other", "1.0.0")+"/other", "other", "1.0.0")).with(files{
		modules + "/express":     "-> " + express + "/express",
		modules + "/@types/node": "-> " + slot("@types", "node", "20.0.0") + "/@types/node",
		express + "/ms":          "-> " + ms + "/ms",
		ms + "/express":          "-> " + express + "/express",
	})
	berry := modules + "/.store"
	x := "x:" + program(t)
	runCases(t, []scanCase{
		{"pnpm's global virtual store", global, []string{"counts npm/@types/node@20.0.0", "counts npm/express@4.21.2", "counts npm/ms@2.0.0", "excluded cache " + store}},
		{"a program of a package there", global.with(files{ms + "/ms/bin/ms": x}), []string{"counts npm/@types/node@20.0.0", "counts npm/express@4.21.2", "counts npm/ms@2.0.0", "excluded cache " + store}},
		{"nothing leads there", content.with(npm(ms+"/ms", "ms", "2.0.0")), []string{"excluded cache " + store}},
		{"with storeDir, in a project", files{"/srv/.pnpm-store/v3/files/00/1b2c3d": "", "/srv/.pnpm-store/v3/files/ff/1b2c3d": ""}, []string{"excluded cache /srv/.pnpm-store/v3"}},
		{"only the names", npm("/srv/v3/files/node_modules/evil", "evil", "6.6.6"), []string{"counts npm/evil@6.6.6"}},
		{"packages in it that are not pnpm's", npm("/srv/v3/lib/node_modules/evil", "evil", "6.6.6").with(files{"/srv/v3/files/00/1b": ""}), []string{"counts npm/evil@6.6.6"}},
		{"something beside the content", npm("/srv/v3/files/00/node_modules/evil", "evil", "6.6.6").with(files{"/srv/v3/files/run.js": ""}), []string{"counts npm/evil@6.6.6"}},
		{"Yarn's pnpm linker", npm(berry+"/express-npm-4.21.2-9b3bd32250/package", "express", "4.21.2").with(npm(berry+"/ms-npm-2.0.0-9e1101a471/package", "ms", "2.0.0")).with(files{
			modules + "/express": "-> .store/express-npm-4.21.2-9b3bd32250/package",
			berry + "/express-npm-4.21.2-9b3bd32250/node_modules/ms": "-> ../../ms-npm-2.0.0-9e1101a471/package",
		}), []string{"counts npm/express@4.21.2", "counts npm/ms@2.0.0"}},
		{"Yarn's placeholder for another platform", files{berry + "/@esbuild-aix-ppc64-npm-0.20.2-6758338455/package/package.json": `{"name": "@esbuild/aix-ppc64", "mocked": true}`,
			modules + "/@esbuild/aix-ppc64": "-> ../.store/@esbuild-aix-ppc64-npm-0.20.2-6758338455/package"}, []string{"excluded not-installed " + berry + "/@esbuild-aix-ppc64-npm-0.20.2-6758338455/package/package.json"}},
		{"code beside a placeholder", files{modules + "/evil/package.json": `{"name": "evil", "mocked": true}`, modules + "/evil/index.js": ""}, []string{"counts npm/evil"}},
		{"a placeholder that leads to code", files{modules + "/evil/package.json": `{"name": "evil", "mocked": true, "main": "../../evil.js"}`}, []string{"counts npm/evil"}},
		{"a placeholder with a version", files{modules + "/evil/package.json": `{"name": "evil", "version": "6.6.6", "mocked": true}`}, []string{"counts npm/evil@6.6.6"}},
		{"npm's linked strategy", npm(berry+"/ms@2.0.0-abc/node_modules/ms", "ms", "2.0.0").with(files{modules + "/ms": "-> .store/ms@2.0.0-abc/node_modules/ms",
			modules + "/.package-lock.json": `{"packages": {"node_modules/.store/ms@2.0.0-abc/node_modules/ms": {"version": "2.0.0"}, "node_modules/ms": {"resolved": "node_modules/.store/ms@2.0.0-abc/node_modules/ms", "link": true}}}`}),
			[]string{"counts npm/ms@2.0.0"}},
		{"bun's isolated linker", npm(modules+"/.bun/ms@2.0.0/node_modules/ms", "ms", "2.0.0").with(files{modules + "/ms": "-> .bun/ms@2.0.0/node_modules/ms"}), []string{"counts npm/ms@2.0.0"}},
	})
	for _, c := range global.scan(t).Components {
		if c.Install != nil || c.Detail != "" {
			t.Errorf("%s is from %+v, %q", c.ID, c.Install, c.Detail)
		}
	}
	d := npm("/opt/lib", "lib", "1.0.0").with(files{modules + "/lib": "-> ../../lib"}).scan(t)
	if c := d.Component("npm/lib@1.0.0"); c == nil || c.Install == nil || *c.Install != (sbom.Install{Kind: sbom.InstallLink, URL: "/opt/lib", File: modules + "/lib"}) {
		t.Errorf("a working copy: %+v", c)
	}
	i := slices.IndexFunc(global.scan(t).Excluded, func(e sbom.Exclusion) bool { return e.Reason == sbom.ExcludedCache })
	if e := global.scan(t).Excluded[i]; e.Detail != "4 files" { // 2 of the content, 2 of other
		t.Errorf("the rest of the store: %+v", e)
	}
}
