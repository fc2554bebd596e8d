package scan

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// recorded is an installation as npm leaves it: a record, and a workspace member
// with a package of its own.
func recorded() files {
	return npm(modules+"/ms", "ms", "2.1.3").with(npm(modules+"/@x/y", "@x/y", "1.0.0")).with(npm(modules+"/ms/node_modules/deep", "deep", "1.0.0")).
		with(npm("/opt/app/packages/a", "a", "1.0.0")).with(npm("/opt/app/packages/a/node_modules/ms", "ms", "1.0.0")).with(files{
		modules + "/a":       "-> ../packages/a",
		modules + "/.bin/ms": "-> ../ms/index.js",
		modules + "/.package-lock.json": `{"packages": {
			"node_modules/ms": {"version": "2.1.3", "resolved": "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz", "integrity": "sha512-AQI="},
			"node_modules/@x/y": {"version": "1.0.0", "integrity": "sha512-AQI="},
			"node_modules/ms/node_modules/deep": {"version": "1.0.0", "integrity": "sha512-AQI="},
			"node_modules/a": {"resolved": "packages/a", "link": true},
			"packages/a": {"version": "1.0.0"},
			"packages/a/node_modules/ms": {"version": "1.0.0", "integrity": "sha512-AQI="}}}`,
	})
}

// TestRecordOutOfDate changes an installation in the ways that make npm ignore
// its record, and in some that do not. With DEPAUDIT_E2E npm itself is asked as
// well.
func TestRecordOutOfDate(t *testing.T) {
	record := modules + "/.package-lock.json"
	later := func(path string) func(t *testing.T, root string) {
		return func(t *testing.T, root string) {
			at := time.Now().Add(time.Minute)
			if err := os.Chtimes(filepath.Join(root, path), at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, root string)
		reason string // empty when the record is used
	}{
		{"as installed", func(*testing.T, string) {}, ""},
		{"a package replaced", later(modules + "/ms"), "node_modules/ms was changed"},
		{"a nested package replaced", later(modules + "/ms/node_modules/deep"), "node_modules/ms/node_modules/deep was changed"},
		{"a scope changed", later(modules + "/@x"), "node_modules/@x was changed"},
		{"something added to or removed from the top", later(modules), "node_modules was changed"},
		{"a member's package replaced", later("/opt/app/packages/a/node_modules/ms"), "packages/a/node_modules/ms was changed"},
		{"a member changed", later("/opt/app/packages/a"), "packages/a was changed"},
		{"a file changed in a directory of a package", later(modules + "/ms/index.js"), ""},
		{"the directory of a member's packages", later("/opt/app/packages/a/node_modules"), ""},
		{"launchers changed", later(modules + "/.bin"), ""},
		{"the project changed", later("/opt/app"), ""},
		{"one time for all, as a reproducible archive has", func(t *testing.T, root string) {
			at := time.Unix(1, 0)
			err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
				if err != nil || d.Type()&os.ModeSymlink != 0 {
					return err
				}
				return os.Chtimes(path, at, at)
			})
			if err != nil {
				t.Fatal(err)
			}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := recorded().plant(t)
			c.change(t, root)
			askNPM(t, root, c.reason)
			checkRecord(t, scanFolder(t, root), record, c.reason)
		})
	}
	for _, c := range []struct {
		name   string
		more   files
		reason string
	}{
		{"a package that npm did not install", npm(modules+"/evil", "evil", "1.0.0"), "node_modules/evil is not in it"},
		{"a nested one", npm(modules+"/ms/node_modules/evil", "evil", "1.0.0"), "node_modules/ms/node_modules/evil is not in it"},
		{"a linked working copy", npm("/opt/lib", "lib", "1.0.0").with(files{modules + "/lib": "-> ../../lib"}), "../lib is not in it"},
		{"a member's package that npm did not install", npm("/opt/app/packages/a/node_modules/evil", "evil", "1.0.0"), "packages/a/node_modules/evil is not in it"},
		{"an empty directory", files{modules + "/empty/": ""}, "node_modules/empty is not in it"},
		{"a link to a file", files{modules + "/x.js": "-> ms/index.js"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := recorded().with(c.more).plant(t)
			askNPM(t, root, c.reason)
			checkRecord(t, scanFolder(t, root), record, c.reason)
		})
	}
	t.Run("a package removed", func(t *testing.T) {
		f := recorded()
		delete(f, modules+"/@x/y/package.json")
		delete(f, modules+"/@x/y/index.js")
		root := f.plant(t)
		askNPM(t, root, "not installed")
		checkRecord(t, scanFolder(t, root), record, "node_modules/@x/y is in it and not installed")
	})
}

// askNPM checks that npm ignores the record exactly when there is a reason.
func askNPM(t *testing.T, root, reason string) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		return
	}
	const load = `const {execSync} = require("child_process")
const {Shrinkwrap} = require(execSync("npm root -g").toString().trim() + "/npm/node_modules/@npmcli/arborist")
Shrinkwrap.load({path: process.argv[1], hiddenLockfile: true}).then(s => console.log(s.loadingError ? s.loadingError.message : "used"))`
	out, err := exec.CommandContext(t.Context(), "node", "-e", load, filepath.Join(root, "/opt/app")).Output()
	if err != nil {
		t.Fatal(err)
	}
	if used := string(out) == "used\n"; used != (reason == "") {
		t.Errorf("npm: %s, want %q", out, reason)
	}
}

// checkRecord checks the notice about a record, and that each package or none of
// it has a digest.
func checkRecord(t *testing.T, d *sbom.Document, record, reason string) {
	t.Helper()
	i := slices.IndexFunc(d.Notices, func(n sbom.Notice) bool { return n.Kind == sbom.NoticeStale })
	switch {
	case i < 0 && reason != "":
		t.Errorf("no notice, want %q", reason)
	case i >= 0 && (reason == "" || d.Notices[i].Path != record || !strings.HasPrefix(d.Notices[i].Detail, reason)):
		t.Errorf("notice %+v, want %q", d.Notices[i], reason)
	}
	for _, c := range d.Components {
		want := reason == "" && c.Name != "a"
		if got := len(c.Digests) > 0; got != want && c.Name != "evil" && c.Name != "lib" {
			t.Errorf("%s has digests: %v, want %v", c.ID, got, want)
		}
	}
	if len(d.Gaps) > 0 {
		t.Errorf("gaps: %+v", d.Gaps)
	}
}

// TestRecordAgainst holds that a record out of date still shows which package
// is not from the registry.
func TestRecordAgainst(t *testing.T) {
	d := npm(modules+"/git", "git", "1.0.0").with(npm(modules+"/ms", "ms", "2.1.3")).with(npm(modules+"/new", "new", "1.0.0")).with(files{
		modules + "/.package-lock.json": `{"packages": {
			"node_modules/git": {"version": "1.0.0", "resolved": "git+ssh://git@github.com/x/git.git#0123abc"},
			"node_modules/ms": {"version": "2.1.2", "resolved": "git+ssh://git@github.com/x/ms.git#0123abc"}}}`,
	}).scan(t)
	for id, want := range map[string]bool{"npm/git@1.0.0": true, "npm/ms@2.1.3": false} {
		if in := d.Component(id).Install; (in != nil && in.Kind == sbom.InstallVCS) != want {
			t.Errorf("%s is from %+v", id, in)
		}
	}
	if len(d.Gaps) > 0 {
		t.Errorf("the record is known to be out of date: %+v", d.Gaps)
	}
}

// TestRecordTimesAreCompared holds that a later scan notices a changed time of a
// directory, of which no other fact changed.
func TestRecordTimesAreCompared(t *testing.T) {
	root := recorded().plant(t)
	ref := rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}
	s, err := Snapshot(t.Context(), ref, Options{Now: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(time.Minute)
	if err := os.Chtimes(filepath.Join(root, modules, "ms"), at, at); err != nil {
		t.Fatal(err)
	}
	d, err := Run(t.Context(), ref, Options{Since: s})
	if err != nil {
		t.Fatal(err)
	}
	checkRecord(t, d, modules+"/.package-lock.json", "node_modules/ms was changed")
}

// TestBundled has packages that came in the tarball of another one, and such
// that npm fetched. The results are those of "npm ls --all" for a global
// installation.
func TestBundled(t *testing.T) {
	pk := modules + "/pk"
	manifest := func(more string) files {
		return files{pk + "/package.json": `{"name": "pk", "version": "1.0.0", "dependencies": {"in": "1", "out": "1"}, ` + more + `}`}
	}
	in := npm(pk+"/node_modules/in", "in", "1.0.0")
	out := npm(pk+"/node_modules/out", "out", "1.0.0")
	one := `"bundleDependencies": ["in"]`
	needs := func(dir, name, deps string) files {
		return files{dir + "/package.json": `{"name": "` + name + `", "version": "1.0.0", ` + deps + `}`}
	}
	runCases(t, []scanCase{
		{"one of two", manifest(one).with(in).with(out), []string{"counts npm/out@1.0.0", "counts npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0"}},
		{"by the other spelling", manifest(`"bundledDependencies": ["in"]`).with(in).with(out), []string{"counts npm/out@1.0.0", "counts npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0"}},
		{"an object", manifest(`"bundleDependencies": {"in": "1"}`).with(in).with(out), []string{"counts npm/out@1.0.0", "counts npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0"}},
		{"all dependencies", manifest(`"bundleDependencies": true`).with(in).with(out).with(npm(pk+"/node_modules/evil", "evil", "6.6.6")),
			[]string{"counts npm/evil@6.6.6", "counts npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0", "inside npm/out@1.0.0 in npm/pk@1.0.0"}},
		{"none", manifest(`"bundleDependencies": false`).with(in), []string{"counts npm/in@1.0.0", "counts npm/pk@1.0.0"}},
		{"below what is fetched", manifest(one).with(in).with(out).with(npm(pk+"/node_modules/out/node_modules/in", "in", "2.0.0")),
			[]string{"counts npm/in@2.0.0", "counts npm/out@1.0.0", "counts npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0"}},
		{"what a bundled one loads from there", manifest(one).with(needs(pk+"/node_modules/in", "in", `"dependencies": {"@x/next": "1"}`)).with(needs(pk+"/node_modules/@x/next", "@x/next", `"peerDependencies": {"last": "1"}`)).with(npm(pk+"/node_modules/last", "last", "1.0.0")).with(out),
			[]string{"counts npm/out@1.0.0", "counts npm/pk@1.0.0", "inside npm/@x/next@1.0.0 in npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0", "inside npm/last@1.0.0 in npm/pk@1.0.0"}},
		{"what a bundled one loads from itself", manifest(one).with(needs(pk+"/node_modules/in", "in", `"dependencies": {"out": "2"}`)).with(npm(pk+"/node_modules/in/node_modules/out", "out", "2.0.0")).with(out),
			[]string{"counts npm/out@1.0.0", "counts npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0", "inside npm/out@2.0.0 in npm/pk@1.0.0"}},
		{"what a nested bundled one loads from there", manifest(one).with(in).with(needs(pk+"/node_modules/in/node_modules/deep", "deep", `"optionalDependencies": {"out": "1"}`)).with(out),
			[]string{"counts npm/pk@1.0.0", "inside npm/deep@1.0.0 in npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0", "inside npm/out@1.0.0 in npm/pk@1.0.0"}},
		{"a name that climbs", manifest(`"bundleDependencies": ["../evil", "../../evil"]`).with(npm(modules+"/evil", "evil", "6.6.6")), []string{"counts npm/evil@6.6.6", "counts npm/pk@1.0.0"}},
		{"a record that npm uses says no", manifest(one).with(in).with(files{modules + "/.package-lock.json": `{"packages": {"node_modules/pk": {"version": "1.0.0"}, "node_modules/pk/node_modules/in": {"version": "1.0.0"}}}`}),
			[]string{"counts npm/in@1.0.0", "counts npm/pk@1.0.0"}},
		{"a record that npm uses says yes", manifest(one).with(in).with(files{modules + "/.package-lock.json": `{"packages": {"node_modules/pk": {"version": "1.0.0"}, "node_modules/pk/node_modules/in": {"version": "1.0.0", "inBundle": true}}}`}),
			[]string{"counts npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0"}},
		{"only a record says yes", npm(pk, "pk", "1.0.0").with(in).with(files{modules + "/.package-lock.json": `{"packages": {"node_modules/pk": {"version": "1.0.0"}, "node_modules/pk/node_modules/in": {"version": "1.0.0", "inBundle": true}}}`}),
			[]string{"counts npm/in@1.0.0", "counts npm/pk@1.0.0"}},
		{"a working copy bundles nothing", files{"/opt/lib/package.json": `{"name": "lib", "version": "1.0.0", "dependencies": {"in": "1"}, "bundleDependencies": true}`, modules + "/lib": "-> /opt/lib"}.with(npm("/opt/lib/node_modules/in", "in", "1.0.0")),
			[]string{"counts npm/in@1.0.0", "counts npm/lib@1.0.0"}},
	})
}
