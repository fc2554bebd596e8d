package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/query"
)

// The tests in this file install real projects with real package managers, which
// they get from npm's registry or from Debian. For each project the dependencies
// are those of the tool's own list, each is pinned by the tool's lock, and an
// attack on the installation or on the lock is found and named.

// sharedManifest has the requirements of a project of more than 500 packages: with
// scopes, several versions of one name, peer dependencies, packages for other
// platforms, bundled ones and an alias.
const sharedManifest = `{
  "name": "lockproject",
  "version": "1.0.0",
  "private": true,
  "dependencies": {
    "@babel/preset-env": "7.26.0",
    "esbuild": "0.24.0",
    "eslint": "8.57.1",
    "express": "4.21.2",
    "glob": "10.4.5",
    "jest": "29.7.0",
    "react": "18.3.1",
    "react-dom": "18.3.1",
    "same-number": "npm:is-number@6.0.0",
    "typescript": "5.7.2",
    "webpack": "5.97.1"
  }
}
`

// otherPlatforms removes the packages for other platforms from the list of a tool
// that has what it locks.
const otherPlatforms = ` | grep -vE '@esbuild/(.*-(arm|arm64|ia32|loong64|mips64el|ppc64|riscv64|s390x)|[^l].*)@|fsevents@'`

// lockProject is a project that a package manager installs.
type lockProject struct {
	name string
	// tools are the packages of npm's registry that have the package manager, as
	// "bun@1.4.5". Their commands come first in PATH.
	tools []string
	// programs must be in PATH; the test is skipped without one of them.
	programs []string
	// rare is set for versions that are tested with DEPAUDIT_E2E=all only.
	rare bool

	// files are the files of the project by path. "package.json" is
	// sharedManifest if it is not here.
	files map[string]string
	// install is a script of sh, which runs in the directory of the project and
	// installs it, offline if it can after the first run.
	install string
	// lock is the path of the lock file in the project, and more those of other
	// files that the stage names with it.
	lock string
	more []string
	// config are further lines of the stage.
	config string
	// root is the directory of the project that is scanned, "." if it is empty.
	root string

	// list is a script that prints the tool's own list, and parse finds in it
	// what is installed, as "name@version"; nil for the words of each line.
	list  string
	parse func(t *testing.T, output string) []string
	// without has what the list contains and depaudit does not count, and besides
	// what it counts beside the list, each with the reason.
	without, besides map[string]string

	// evidence is that of every dependency in a plain audit: "hash-claimed" or
	// "hash-locked". In the latter case the tarballs are downloaded by "depaudit
	// fetch", and every dependency is proved to the byte with them.
	evidence string
	// weaker has the dependencies of which the tool records less, with their
	// evidence. No artifact proves them.
	weaker map[string]string

	// victim is the dependency "name@version" that the attacks are on.
	victim string
	// replace is a script that installs another version of the victim past the
	// lock, which is then the dependency replaced.
	replace, replaced string
	// hash changes the hash of the victim in the lock, and source the place that
	// it comes from; what is changed is the text that the pattern matches.
	hash, source lockEdit
	// code is the reason of a dependency whose source was changed.
	code string
	// patched is a script that changes the victim by the tool's own mechanism of
	// patches; empty if the tool has none.
	patched string
}

// lockEdit replaces all matches of a pattern, which must match: a lock can repeat
// what it has of a package.
type lockEdit struct{ pattern, with string }

func (e lockEdit) apply(t *testing.T, lock string) string {
	t.Helper()
	re := regexp.MustCompile(e.pattern)
	if !re.MatchString(lock) {
		t.Fatalf("the lock has no match of %s", e.pattern)
	}
	return re.ReplaceAllString(lock, e.with)
}

// lockProjects returns the projects. A tool adds its own in a file of its name.
func lockProjects() []lockProject {
	return slices.Concat(npmProjects(), bunProjects(), pnpmProjects(), denoProjects(), yarnProjects())
}

func TestLockProjects(t *testing.T) {
	e2e := os.Getenv("DEPAUDIT_E2E")
	if e2e == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	cache := os.Getenv("DEPAUDIT_E2E_CACHE")
	if cache == "" {
		cache = t.TempDir()
	}
	for _, p := range lockProjects() {
		t.Run(p.name, func(t *testing.T) {
			if p.rare && e2e != "all" {
				t.Skip("set DEPAUDIT_E2E=all for it")
			}
			run := newLockRun(t, p, cache)
			t.Run("pinned", run.checkPinned)
			t.Run("hash changed in the lock", run.checkHashChanged)
			t.Run("source changed in the lock", run.checkSourceChanged)
			t.Run("patched", run.checkPatched)
			t.Run("another version installed", run.checkReplaced)
		})
	}
}

// lockRun is an installed project and the configuration of its stage.
type lockRun struct {
	lockProject
	dir   string // of the project
	stage string // of the configuration and the lock
	env   []string
	cache string // of artifacts
}

func newLockRun(t *testing.T, p lockProject, cache string) *lockRun {
	t.Helper()
	r := &lockRun{lockProject: p, dir: filepath.Join(t.TempDir(), "project"), stage: t.TempDir(), cache: filepath.Join(cache, "artifacts")}
	if len(p.tools) > 0 {
		p.programs = append([]string{"node", "npm"}, p.programs...)
	}
	for _, program := range p.programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
	// A home for each version of a tool: they share no cache, and depaudit finds no
	// artifacts in that of this machine.
	home := filepath.Join(cache, "home", strings.ReplaceAll(strings.Join(p.tools, " "), "/", "+"))
	if err := os.MkdirAll(home, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
	bin := []string{}
	r.env = append(os.Environ(), "npm_config_cache="+filepath.Join(cache, "npm"), "npm_config_update_notifier=false", "CI=1", "NO_COLOR=1")
	for _, tool := range p.tools {
		prefix := filepath.Join(cache, "tools", strings.ReplaceAll(tool, "/", "+"))
		if _, err := os.Stat(filepath.Join(prefix, "node_modules")); err != nil {
			r.run(t, cache, `npm install --silent --no-audit --no-fund --prefix "$1" "$2"`, prefix, tool)
		}
		bin = append(bin, filepath.Join(prefix, "node_modules/.bin"))
	}
	r.env = append(r.env, "PATH="+strings.Join(append(bin, os.Getenv("PATH")), string(os.PathListSeparator)))

	files := map[string]string{"package.json": sharedManifest}
	maps.Copy(files, p.files)
	for name, content := range files {
		writeFile(t, filepath.Join(r.dir, name), content)
	}
	r.run(t, r.dir, p.install)
	config := "pipeline: lockprojects\nstages:\n  - name: build\n    environment: dir:" + filepath.Join(r.dir, p.root) + "\n    locks:\n"
	for _, lock := range append([]string{p.lock}, p.more...) {
		config += "      - " + lock + "\n"
		writeFile(t, filepath.Join(r.stage, lock), readFile(t, filepath.Join(r.dir, lock)))
	}
	writeFile(t, filepath.Join(r.stage, "depaudit.yaml"), config+p.config)
	return r
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// run runs a script and returns its standard output.
func (r *lockRun) run(t *testing.T, dir, script string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-euc", script, "sh"}, args...)...)
	cmd.Dir, cmd.Env = dir, r.env
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, errs.String())
	}
	return string(out)
}

// audit audits the stage.
func (r *lockRun) audit(t *testing.T) audit.Stage {
	t.Helper()
	out, stderr, code := program(t, r.stage, "audit", "-o", "json")
	if code != exitPass && code != exitFail {
		t.Fatalf("audit: exit %d\n%s", code, stderr)
	}
	report, err := audit.Read(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	stage := report.Stages[0]
	for _, g := range stage.Gaps {
		t.Errorf("a gap: %+v", g)
	}
	return stage
}

// counted returns the dependencies that count as "name@version".
func counted(stage audit.Stage) map[string]audit.Dependency {
	out := map[string]audit.Dependency{}
	for _, d := range stage.Dependencies {
		if d.Provenance != audit.FromBundled {
			out[fullName(d)] = d
		}
	}
	return out
}

func fullName(d audit.Dependency) string {
	name := d.Name + "@" + d.Version
	if d.Namespace != "" {
		name = d.Namespace + "/" + name
	}
	return name
}

// checkPinned checks that the count is that of the tool's own list and that the lock
// pins everything.
func (r *lockRun) checkPinned(t *testing.T) {
	stage := r.audit(t)
	got := counted(stage)
	parse := r.parse
	if parse == nil {
		parse = func(_ *testing.T, out string) []string { return strings.Fields(out) }
	}
	want := map[string]bool{}
	for _, name := range parse(t, r.run(t, r.dir, r.list)) {
		want[name] = true
	}
	for name, why := range r.without {
		if !want[name] {
			t.Errorf("the tool's list does not have %s: %s", name, why)
		}
		delete(want, name)
	}
	for name := range r.besides {
		want[name] = true
	}
	same(t, "dependencies", slices.Collect(maps.Keys(got)), slices.Collect(maps.Keys(want)))
	for name, d := range got {
		if d.Provenance != audit.FromLock || d.Evidence != cmp.Or(r.weaker[name], r.evidence) {
			t.Errorf("%s: %s %s %+v", name, d.Provenance, d.Evidence, d.Why)
		}
	}
	if stage.Verdict != audit.Pass {
		t.Errorf("verdict %s: %+v", stage.Verdict, stage.Findings)
	}
	t.Logf("%d dependencies, %s", len(got), r.evidence)
	if r.evidence != "hash-claimed" {
		r.fetch(t)
		if v := r.verify(t); v.Dependencies.Locked != len(got)-len(r.weaker) || len(v.Proof.Absent) > 0 {
			t.Errorf("%d of %d are proved to the byte: %+v", v.Dependencies.Locked, len(got), v.Proof.Absent)
		}
	}
}

func (r *lockRun) verifyArgs(command string) []string {
	args := []string{command, "dir:" + filepath.Join(r.dir, r.root), "--artifacts", r.cache}
	for _, lock := range append([]string{r.lock}, r.more...) {
		args = append(args, "--locks", lock)
	}
	return args
}

// fetch downloads the artifacts of the lock.
func (r *lockRun) fetch(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll(r.cache, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, stderr, code := program(t, r.stage, append(r.verifyArgs("fetch"), "--to", r.cache)...); code != exitPass {
		t.Fatalf("fetch: exit %d\n%s%s", code, out, stderr)
	}
}

// verify compares the files with the artifacts.
func (r *lockRun) verify(t *testing.T) *query.Verify {
	t.Helper()
	out, stderr, code := program(t, r.stage, append(r.verifyArgs("verify"), "-o", "json")...)
	v := new(query.Verify)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("verify: exit %d: %v\n%s", code, err, stderr)
	}
	return v
}

// edited runs a function while the lock is changed.
func (r *lockRun) edited(t *testing.T, edit lockEdit, f func()) {
	t.Helper()
	file := filepath.Join(r.stage, r.lock)
	lock := readFile(t, file)
	writeFile(t, file, edit.apply(t, lock))
	defer writeFile(t, file, lock)
	f()
}

// only checks that one dependency is not pinned, with a reason.
func (r *lockRun) only(t *testing.T, stage audit.Stage, name string, codes ...string) {
	t.Helper()
	for id, d := range counted(stage) {
		switch {
		case id != name && d.Provenance != audit.FromLock:
			t.Errorf("%s is not pinned: %+v", id, d.Why)
		case id != name:
		case d.Why == nil:
			t.Errorf("%s is %s, %s", id, d.Provenance, d.Evidence)
		case !slices.Contains(codes, d.Why.Code):
			t.Errorf("%s: %s: %s, want %q", id, d.Why.Code, d.Why.Detail, codes)
		default:
			t.Logf("%s: %s: %s", id, d.Why.Code, d.Why.Detail)
		}
	}
	if _, ok := counted(stage)[name]; !ok {
		t.Errorf("%s is not counted", name)
	}
}

func (r *lockRun) checkHashChanged(t *testing.T) {
	r.edited(t, r.hash, func() {
		if r.evidence == "hash-claimed" {
			r.only(t, r.audit(t), r.victim, "hash-mismatch")
			return
		}
		absent := map[string]bool{}
		for _, a := range r.verify(t).Proof.Absent {
			absent[a.Component] = true
		}
		if want := "npm/" + r.victim; len(absent) != 1 || !absent[want] {
			t.Errorf("%v have no artifact, want %s", slices.Sorted(maps.Keys(absent)), want)
		}
	})
}

func (r *lockRun) checkSourceChanged(t *testing.T) {
	if r.source.pattern == "" {
		t.Skip("the lock has no sources")
	}
	r.edited(t, r.source, func() { r.only(t, r.audit(t), r.victim, r.code) })
}

// checkPatched checks that a patched package is not the locked bytes: it is proved by
// no artifact, or is not pinned.
func (r *lockRun) checkPatched(t *testing.T) {
	if r.patched == "" {
		t.Skip("no patches")
	}
	r.run(t, r.dir, r.patched)
	file := filepath.Join(r.stage, r.lock)
	before := readFile(t, file)
	defer writeFile(t, file, before)
	writeFile(t, file, readFile(t, filepath.Join(r.dir, r.lock)))
	r.only(t, r.audit(t), r.victim, "patched")
}

// checkReplaced checks that a package that was installed past the lock is found. It is
// the last test of a project.
func (r *lockRun) checkReplaced(t *testing.T) {
	r.run(t, r.dir, r.replace)
	r.only(t, r.audit(t), r.replaced, "locked-at-another-version", "not-in-any-lock")
}

// treeList parses lists in which each line ends in "name@version", after the
// branches of a tree.
func treeList(_ *testing.T, output string) []string {
	var out []string
	for line := range strings.Lines(output) {
		if name := strings.TrimLeft(line, "│├└─┬ \t"); strings.LastIndexByte(name, '@') > 0 {
			name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
			out = append(out, name)
		}
	}
	return out
}

// jsonLines parses lists with one JSON value in each line.
func jsonLines[T any](t *testing.T, output string, name func(T) string) []string {
	t.Helper()
	var out []string
	lines := bufio.NewScanner(strings.NewReader(output))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		if s := name(v); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// npmProjects are those of npm itself.
func npmProjects() []lockProject {
	hoisted := lockProject{
		name: "npm", tools: []string{"npm@11.19.1"},
		install: "npm install --ignore-scripts --no-audit --no-fund --prefer-offline", lock: "package-lock.json",
		// Every package that is installed, also those that came in the tarball
		// of another one.
		list: "npm query '*'",
		parse: func(t *testing.T, output string) []string {
			var list []struct{ Name, Version string }
			if err := json.Unmarshal([]byte(output), &list); err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, p := range list {
				if p.Name != "" { // a directory of the linked layout
					out = append(out, p.Name+"@"+p.Version)
				}
			}
			return out
		},
		without:  map[string]string{"lockproject@1.0.0": "the project itself"},
		evidence: "hash-claimed",
		victim:   "bytes@3.1.2",
		hash:     lockEdit{`(/bytes-3\.1\.2\.tgz",\s+"integrity": "sha512-)....`, "${1}AAAA"},
		source:   lockEdit{`https://registry\.npmjs\.org(/bytes/-/bytes-3\.1\.2\.tgz)`, "https://npm.example.net$1"},
		code:     "other-registry",
		replace:  "npm install --no-save --ignore-scripts --no-audit --no-fund --prefer-offline bytes@3.1.1",
		replaced: "bytes@3.1.1",
	}
	list := []lockProject{hoisted}
	for _, v := range []string{"7.24.2", "8.19.4", "9.9.4", "10.9.4", "12.2.2"} {
		p := hoisted
		p.name, p.tools, p.rare = "npm "+v, []string{"npm@" + v}, true
		if v == "7.24.2" { // which has no "query"
			p.list, p.parse = "npm ls --all --parseable --long", npmParseable
		}
		list = append(list, p)
	}
	linked := hoisted
	linked.name = "npm linked"
	linked.install += " --install-strategy=linked"
	linked.replace += " --install-strategy=linked"
	// Before version 11.7 npm wrote no record of this layout.
	unrecorded := linked
	unrecorded.besides = map[string]string{"@esbuild/linux-x64@0.24.0": "optional, not in npm's list", "@pkgjs/parseargs@0.11.0": "optional, not in npm's list"}
	unrecorded.name, unrecorded.tools, unrecorded.rare, unrecorded.evidence = "npm 11.6.2 linked", []string{"npm@11.6.2"}, true, "hash-locked"
	return append(list, linked, unrecorded)
}

// npmParseable parses the lines PATH:NAME@VERSION of "npm ls"; an alias has
// NAME@npm:PACKAGE@VERSION.
func npmParseable(_ *testing.T, output string) []string {
	var out []string
	for line := range strings.Lines(output) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), ":")
		if before, alias, ok := strings.Cut(name, "@npm:"); ok && before != "" {
			name = alias
		}
		name, _, _ = strings.Cut(name, ":")
		out = append(out, name)
	}
	return out
}
