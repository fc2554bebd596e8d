package scan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

// pnpmInstalled is an installation of pnpm with a record of the version 9 of the
// format. more is further text of "packages:" and "snapshots:" of the record.
func pnpmInstalled(packages, snapshots string) files {
	return npm(modules+"/.pnpm/ms@2.1.3/node_modules/ms", "ms", "2.1.3").with(npm(modules+"/.pnpm/@x+y@1.0.0_ms@2.1.3/node_modules/@x/y", "@x/y", "1.0.0")).with(files{
		modules + "/ms":            "-> .pnpm/ms@2.1.3/node_modules/ms",
		modules + "/@x/y":          "-> ../.pnpm/@x+y@1.0.0_ms@2.1.3/node_modules/@x/y",
		modules + "/.modules.yaml": `{"virtualStoreDir": ".pnpm", "layoutVersion": 5}`,
		modules + "/.pnpm/lock.yaml": "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      '@x/y': {specifier: 1.0.0, version: 1.0.0(ms@2.1.3)}\n" +
			"packages:\n  ms@2.1.3:\n    resolution: {integrity: sha512-AQI=}\n  '@x/y@1.0.0':\n    resolution: {integrity: sha512-AwQ=}\n" + packages +
			"snapshots:\n  ms@2.1.3: {}\n  '@x/y@1.0.0(ms@2.1.3)':\n    dependencies: {ms: 2.1.3}\n" + snapshots,
	})
}

// origins returns what the scan has of the records of all npm packages.
func origins(d *sbom.Document) []string {
	var out []string
	for _, c := range d.Components {
		if c.Type != "npm" {
			continue
		}
		s := c.ID + " " + string(c.InstallReason)
		for _, d := range c.Digests {
			s += fmt.Sprintf(" %s:%s by %s", d.Algorithm, d.Value, d.File)
		}
		if i := c.Install; i != nil {
			s += strings.TrimRight(fmt.Sprintf(" %s %s %s %s", i.Kind, i.URL, i.Commit, i.Patch), " ")
		}
		if c.Detail != "" {
			s += " (" + c.Detail + ")"
		}
		out = append(out, s)
	}
	for _, g := range d.Gaps {
		out = append(out, "gap "+g.Path+": "+g.Detail)
	}
	return out
}

// TestPnpmRecord compares packages with pnpm's record of their installation.
func TestPnpmRecord(t *testing.T) {
	const record = modules + "/.pnpm/lock.yaml"
	ms, y := "npm/ms@2.1.3 dependency sha512:0102 by "+record, "npm/@x/y@1.0.0 explicit sha512:0304 by "+record
	store := func(dir, name, version string) files {
		return npm(modules+"/.pnpm/"+dir+"/node_modules/"+name, name, version)
	}
	old := func(version, packages string) files {
		return files{modules + "/.modules.yaml": "virtualStoreDir: .pnpm\n", record: "lockfileVersion: " + version + "\npackages:\n" + packages}
	}
	without := pnpmInstalled("", "")
	delete(without, modules+"/.modules.yaml")
	for _, tt := range []struct {
		name  string
		files files
		want  []string
	}{
		{"as installed", pnpmInstalled("", ""), []string{y, ms}},
		{"peers of two versions", pnpmInstalled("", "  '@x/y@1.0.0(ms@2.0.0)': {}\n").with(store("@x+y@1.0.0_ms@2.0.0", "@x/y", "1.0.0")), []string{y, ms}},
		{"a package that is not in it", pnpmInstalled("", "").with(store("evil@1.0.0", "evil", "1.0.0")), []string{y, "npm/evil@1.0.0  (not in pnpm's record of the installation)", ms}},
		{"another version in a directory of it", pnpmInstalled("", "").with(npm(modules+"/.pnpm/ms@2.1.3/node_modules/ms", "ms", "2.0.0")),
			[]string{y, "npm/ms@2.0.0 ", "gap " + modules + `/.pnpm/ms@2.1.3/node_modules/ms/package.json: is ms "2.0.0", and pnpm's record of this installation has ms "2.1.3" there`}},
		{"another package in a directory of it", pnpmInstalled("", "").with(npm(modules+"/.pnpm/@x+y@1.0.0_ms@2.1.3/node_modules/@x/y", "evil", "1.0.0")),
			[]string{"npm/evil@1.0.0  (installed as @x/y)", ms, "gap " + modules + `/.pnpm/@x+y@1.0.0_ms@2.1.3/node_modules/@x/y/package.json: is evil "1.0.0", and pnpm's record of this installation has @x/y "1.0.0" there`}},
		{"a directory with a hash in place of the end", pnpmInstalled("  long@1.0.0:\n    resolution: {integrity: sha512-BQY=}\n", "  long@1.0.0: {}\n").with(store("lo_990646f6b27369856212bae8f4ae1da8", "long", "1.0.0")),
			[]string{y, "npm/long@1.0.0 dependency sha512:0506 by " + record, ms}},
		{"one version from two places", pnpmInstalled("  a@1.0.0:\n    resolution: {integrity: sha512-BQY=}\n  a@file:a.tgz:\n    resolution: {integrity: sha512-Bwg=, tarball: file:a.tgz}\n    version: 1.0.0\n", "").
			with(store("a@file+a.tgz", "a", "1.0.0")), []string{y, "npm/a@1.0.0 dependency sha512:0708 by " + record + " url file:a.tgz", ms}},
		{"and it is not known which", pnpmInstalled("  a@1.0.0:\n    resolution: {integrity: sha512-BQY=}\n  a@file:a.tgz:\n    resolution: {integrity: sha512-Bwg=, tarball: file:a.tgz}\n    version: 1.0.0\n", "").
			with(store("a_990646f6b27369856212bae8f4ae1da8", "a", "1.0.0")), []string{y, "npm/a@1.0.0 ", ms}},
		{"a patch", pnpmInstalled("  a@1.0.0:\n    resolution: {integrity: sha512-BQY=}\n", "  a@1.0.0(patch_hash=abc): {}\n").with(store("a@1.0.0_patch_hash=abc", "a", "1.0.0")),
			[]string{y, "npm/a@1.0.0 dependency registry   abc", ms}},
		{"origins", pnpmInstalled("  a@https://codeload.github.com/o/a/tar.gz/12ab:\n    resolution: {tarball: 'https://codeload.github.com/o/a/tar.gz/12ab'}\n    version: 1.0.0\n"+
			"  b@git+ssh://git@host/b.git#34cd:\n    resolution: {type: git, repo: 'ssh://git@host/b.git', commit: 34cd}\n    version: 1.0.0\n"+
			"  c@file:packages/c:\n    resolution: {type: directory, directory: packages/c}\n  d@1.0.0:\n    resolution: {integrity: sha512-BQY=, tarball: 'https://mirror.example/d/-/d-1.0.0.tgz'}\n", "").
			with(store("a@https+++codeload.github.com+o+a+tar.gz+12ab", "a", "1.0.0")).with(store("b@git+ssh+++git@host+b.git+34cd", "b", "1.0.0")).
			with(store("c@file+packages+c", "c", "1.0.0")).with(store("d@1.0.0", "d", "1.0.0")), []string{
			y, "npm/a@1.0.0 dependency vcs https://github.com/o/a 12ab", "npm/b@1.0.0 dependency vcs ssh://git@host/b.git 34cd",
			"npm/c@1.0.0 dependency url file:///opt/app/packages/c", "npm/d@1.0.0 dependency sha512:0506 by " + record + " registry https://mirror.example/d/-/d-1.0.0.tgz", ms}},
		{"version 5", old("5.4", "  /a/1.0.0_b@1.0.0:\n    resolution: {integrity: sha512-BQY=}\n  /c/1.0.0_x:\n    resolution: {integrity: sha512-BQY=}\n    patched: true\n").
			with(store("a@1.0.0_b@1.0.0", "a", "1.0.0")).with(store("c@1.0.0_x", "c", "1.0.0")), []string{"npm/a@1.0.0 dependency sha512:0506 by " + record, "npm/c@1.0.0 dependency registry   /c/1.0.0"}},
		{"version 6", old("'6.0'", "  /a@1.0.0(b@1.0.0):\n    resolution: {integrity: sha512-BQY=}\n  file:x.tgz:\n    resolution: {integrity: sha512-BQY=, tarball: file:x.tgz}\n    name: '@x/z'\n    version: 1.0.0\n").
			with(store("a@1.0.0_b@1.0.0", "a", "1.0.0")).with(store("file+x.tgz", "@x/z", "1.0.0")), []string{"npm/@x/z@1.0.0 dependency sha512:0506 by " + record + " url file:x.tgz", "npm/a@1.0.0 dependency sha512:0506 by " + record}},
		{"hoisted, of pnpm 8", files{modules + "/.modules.yaml": "hoistedLocations:\n  /a/1.0.0(b@1.0.0):\n  - node_modules/same-a\n  /c/1.0.0:\n  - packages/p/node_modules/c\n",
			record: "lockfileVersion: '6.0'\npackages:\n  /a@1.0.0(b@1.0.0):\n    resolution: {integrity: sha512-BQY=}\n  /c@1.0.0:\n    resolution: {integrity: sha512-Bwg=}\n"}.
			with(npm(modules+"/same-a", "a", "1.0.0")).with(npm("/opt/app/packages/p/node_modules/c", "c", "1.0.0")).with(npm(modules+"/past", "past", "1.0.0")).
			with(files{"/opt/app/package.json": `{"name": "p", "dependencies": {"same-a": "npm:a@1.0.0"}}`}),
			[]string{"npm/a@1.0.0 dependency sha512:0506 by " + record + " (installed as same-a)", "npm/c@1.0.0 dependency sha512:0708 by " + record, "npm/past@1.0.0 dependency"}},
		{"hoisted, another package there", files{modules + "/.modules.yaml": `{"hoistedLocations": {"a@1.0.0": ["node_modules/a"]}}`,
			record: "lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {integrity: sha512-BQY=}\n"}.with(npm(modules+"/a", "a", "2.0.0")),
			[]string{"npm/a@2.0.0 ", "gap " + modules + `/a/package.json: is a "2.0.0", and pnpm's record of this installation has "a@1.0.0" there`}},
		{"another virtual store", npm("/opt/app/.store/ms@2.1.3/node_modules/ms", "ms", "2.1.3").with(files{modules + "/.modules.yaml": `{"virtualStoreDir": "../.store"}`, modules + "/ms": "-> ../.store/ms@2.1.3/node_modules/ms",
			"/opt/app/.store/lock.yaml": "lockfileVersion: '6.0'\npackages:\n  /ms@2.1.3:\n    resolution: {integrity: sha512-AQI=}\n"}), []string{"npm/ms@2.1.3 dependency sha512:0102 by /opt/app/.store/lock.yaml"}},
		{"without pnpm's state", without, []string{"npm/@x/y@1.0.0 ", "npm/ms@2.1.3 "}},
		{"not YAML", pnpmInstalled("\t\n", ""), []string{"npm/@x/y@1.0.0 ", "npm/ms@2.1.3 ", "gap " + record + ": pnpm's record of this installation cannot be read: yaml: line 11: found character that cannot start any token"}},
		{"a key twice", pnpmInstalled("  ms@2.1.3: {}\n", ""), []string{"npm/@x/y@1.0.0 ", "npm/ms@2.1.3 ", "gap " + record + `: pnpm's record of this installation cannot be read: line 11: mapping key "ms@2.1.3" already defined at line 7`}},
		{"an unknown version", old("'10.0'", "  {}\n").with(store("a@1.0.0", "a", "1.0.0")), []string{"npm/a@1.0.0 ", "gap " + record + `: pnpm's record of this installation has the unknown version "10.0"`}},
	} {
		got := origins(tt.files.scan(t))
		for i := range got {
			got[i] = strings.TrimSpace(got[i])
		}
		for i := range tt.want {
			tt.want[i] = strings.TrimSpace(tt.want[i])
		}
		slices.Sort(got)
		slices.Sort(tt.want)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, strings.Join(got, "\n     "), strings.Join(tt.want, "\n     "))
		}
	}
}

// TestPnpmShared has a global virtual store that two installations use.
func TestPnpmShared(t *testing.T) {
	const links = "/root/.local/share/pnpm/store/v11/links"
	slot := func(name, version, hash string) string {
		return links + "/@/" + name + "/" + version + "/" + hash + "/node_modules/" + name
	}
	project := func(dir, integrity string) files {
		return files{
			dir + "/node_modules/ms":              "-> " + slot("ms", "2.1.3", "0a"),
			dir + "/node_modules/.modules.yaml":   `{"virtualStoreDir": "` + links + `"}`,
			dir + "/node_modules/.pnpm/lock.yaml": "lockfileVersion: '9.0'\npackages:\n  ms@2.1.3:\n    resolution: {integrity: " + integrity + "}\n",
		}
	}
	store := npm(slot("ms", "2.1.3", "0a"), "ms", "2.1.3").with(files{"/root/.local/share/pnpm/store/v11/files/0a/1b2c3d": ""})
	for _, tt := range []struct {
		name  string
		files files
		want  string
	}{
		{"one", store.with(project("/opt/a", "sha512-AQI=")), "sha512:0102"},
		{"two", store.with(project("/opt/a", "sha512-AQI=")).with(project("/opt/b", "sha512-AQI=")), "sha512:0102"},
		{"two that differ", store.with(project("/opt/a", "sha512-AQI=")).with(project("/opt/b", "sha512-AwQ=")), ""},
		{"configuration", store.with(npm(slot("conf", "1.0.0", "0b"), "conf", "1.0.0")).with(project("/opt/a", "sha512-AQI=")).
			with(files{"/opt/a/node_modules/.pnpm-config/conf": "-> " + slot("conf", "1.0.0", "0b")}), "conf"},
	} {
		got := strings.Join(origins(tt.files.scan(t)), " ")
		if !strings.Contains(got, tt.want) || tt.want == "" && strings.Contains(got, "sha512") {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
	// pnpm 10 has its own dependencies there.
	checkSummary(t, npm(modules+"/.pnpm-config/@x/conf", "@x/conf", "1.0.0").scan(t), "counts npm/@x/conf@1.0.0")
}

// TestPnPOfPnpm12 has a list in the form of pnpm 12.
func TestPnPOfPnpm12(t *testing.T) {
	list := "'use strict'\n\nconst registry = {\"packages\":" // pnpm 12.21.0
	list = strings.TrimSuffix(list, "{\"packages\":") + `{"packages":{".":{"url":"..","dependencies":{"@x/y":"@x/y@1.0.0(ms@2.1.3)","p":"."}},"ms@2.1.3":{"url":"./.pnpm/ms@2.1.3/node_modules/ms","dependencies":{"ms":"ms@2.1.3"}},` +
		`"@x/y@1.0.0(ms@2.1.3)":{"url":"./.pnpm/@x+y@1.0.0_ms@2.1.3/node_modules/@x/y","dependencies":{"ms":"ms@2.1.3"}}}}.packages` + "\nconst modulesDir = path.resolve(__dirname, \"node_modules\")\n"
	f := pnpmInstalled("", "")
	delete(f, modules+"/ms")
	delete(f, modules+"/@x/y")
	d := f.with(files{"/opt/app/.pnp.cjs": list}).scan(t)
	checkSummary(t, d, "counts npm/@x/y@1.0.0", "counts npm/ms@2.1.3")
	if len(d.Relations) != 1 || d.Relations[0].From != "npm/@x/y@1.0.0" || d.Relations[0].To != "npm/ms@2.1.3" {
		t.Errorf("%+v", d.Relations)
	}
	checkSummary(t, files{"/opt/app/.pnp.cjs": list}.scan(t), "excluded not-installed /opt/app/.pnp.cjs")
}
