package main

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// compiledRun is a project whose program has the list of what is linked into it.
func compiledRun(t *testing.T, programs ...string) *lockRun {
	t.Helper()
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	return &lockRun{dir: filepath.Join(dir, "project"), stage: filepath.Join(dir, "stage"), env: os.Environ()}
}

func (r *lockRun) checkCompiled(t *testing.T, want []string, evidence string) {
	t.Helper()
	stage := r.audit(t)
	got := counted(stage)
	same(t, "dependencies", slices.Collect(maps.Keys(got)), want)
	for name, d := range got {
		if d.Provenance != audit.FromLock || d.Evidence != evidence {
			t.Errorf("%s: %s %s %+v", name, d.Provenance, d.Evidence, d.Why)
		}
	}
	if stage.Verdict != audit.Pass {
		t.Errorf("verdict %s: %+v", stage.Verdict, stage.Findings)
	}
	t.Logf("%d dependencies, %s", len(got), evidence)
}

// TestGoProject builds this program with the modules that it requires, and variants
// of it with one other module. The oracle is "go version -m".
func TestGoProject(t *testing.T) {
	r := compiledRun(t, "go")
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		writeFile(t, filepath.Join(r.stage, name), readFile(t, filepath.Join(repository, name)))
	}
	writeFile(t, filepath.Join(r.stage, "depaudit.yaml"), "pipeline: go\nstages:\n  - name: build\n    environment: dir:"+r.dir+
		"\n    locks: [go.sum]\n    first-party:\n      - path: /usr/local/bin/depaudit\n")
	bin := filepath.Join(r.dir, "usr/local/bin/depaudit")
	build := func(t *testing.T, edits ...string) {
		t.Helper()
		mod := filepath.Join(t.TempDir(), "go.mod")
		for _, name := range []string{"go.mod", "go.sum"} {
			writeFile(t, filepath.Join(filepath.Dir(mod), name), readFile(t, filepath.Join(repository, name)))
		}
		for _, edit := range edits {
			r.run(t, repository, `go mod edit "$1" "$2"`, edit, mod)
		}
		r.run(t, repository, `go build -mod=mod -modfile "$1" -o "$2" ./cmd/depaudit`, mod, bin)
	}
	build(t)
	var modules []string
	for line := range strings.Lines(r.run(t, r.dir, `go version -m "$1"`, bin)) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "dep" {
			modules = append(modules, f[1]+"@"+f[2])
		}
	}
	if len(modules) < 80 {
		t.Fatalf("only %d modules", len(modules))
	}
	t.Run("pinned", func(t *testing.T) {
		r.checkCompiled(t, append(modules, goStandardLibrary(t, r, bin)...), "hash-claimed")
	})

	const victim = "github.com/mattn/go-isatty"
	at := slices.IndexFunc(modules, func(m string) bool { return strings.HasPrefix(m, victim+"@") })
	if at < 0 {
		t.Fatalf("%s is not linked", victim)
	}
	name, version := modules[at], modules[at][len(victim)+1:]
	r.lock = "go.sum"
	line := regexp.QuoteMeta(victim + " " + version + " ")
	t.Run("hash changed in the lock", func(t *testing.T) {
		r.edited(t, lockEdit{`(?m)^(` + line + `h1:)....`, "${1}AAAA"}, func() { r.only(t, r.audit(t), name, "hash-mismatch") })
	})
	t.Run("off the lock", func(t *testing.T) {
		r.edited(t, lockEdit{`(?m)^` + line, victim + " v0.0.1 "}, func() {
			r.lock = "go.mod"
			defer func() { r.lock = "go.sum" }()
			r.edited(t, lockEdit{line, victim + " v0.0.1 "}, func() { r.only(t, r.audit(t), name, "locked-at-another-version") })
		})
	})
	t.Run("replaced in go.mod", func(t *testing.T) {
		r.lock = "go.mod"
		defer func() { r.lock = "go.sum" }()
		r.edited(t, lockEdit{`\z`, "\nreplace " + victim + " => example.org/evil v1.0.0\n"}, func() { r.only(t, r.audit(t), name, "replaced") })
	})
	t.Run("another version linked", func(t *testing.T) {
		build(t, "-replace="+victim+"="+victim+"@v0.0.20")
		stage := r.audit(t)
		r.only(t, stage, victim+"@v0.0.20", "locked-at-another-version", "not-in-any-lock")
	})
	t.Run("a directory linked", func(t *testing.T) {
		fork := filepath.Join(t.TempDir(), "fork")
		r.run(t, repository, `cp -r "$(go list -mod=readonly -m -f '{{.Dir}}' "$1")" "$2" && chmod -R u+w "$2" && echo >> "$2/isatty_others.go"`, victim, fork)
		build(t, "-replace="+victim+"="+fork)
		r.only(t, r.audit(t), victim+"@", "local-path")
	})
}

// goStandardLibrary returns the standard library, if it counts.
func goStandardLibrary(t *testing.T, r *lockRun, _ string) []string {
	t.Helper()
	for id := range counted(r.audit(t)) {
		if strings.HasPrefix(id, "stdlib@") {
			return []string{id}
		}
	}
	return nil
}

// TestRustProject has a workspace with the crates of Debian's packages of Cargo and
// reqwest as its dependencies, which Cargo takes from a directory instead of
// crates.io. Debian has no cargo-auditable, so that its list is written here, from
// "cargo metadata" and by the description of its format, into a program that rustc
// compiled. The oracle is "cargo tree".
func TestRustProject(t *testing.T) {
	r := compiledRun(t, "cargo", "rustc", "objcopy", "apt-get", "dpkg-deb")
	if runtime.GOARCH != "amd64" {
		t.Skip("the oracle is asked for x86_64")
	}
	r.debianCrates(t)
	r.run(t, r.dir, "cargo generate-lockfile --offline")
	r.lock = "Cargo.lock"
	bin := filepath.Join(r.dir, "root/usr/local/bin/rustproject")
	r.run(t, r.dir, `mkdir -p "$(dirname "$1")" && rustc -o plain src/main.rs`, bin)
	link := func(t *testing.T, change func(*auditedCrate)) {
		t.Helper()
		section := filepath.Join(t.TempDir(), "dep-v0")
		writeFile(t, section, auditList(t, r.run(t, r.dir, "cargo metadata --format-version 1 --offline --filter-platform x86_64-unknown-linux-gnu"), change))
		r.run(t, r.dir, `objcopy --add-section .dep-v0="$2" plain "$1"`, bin, section)
	}
	link(t, nil)
	r.run(t, r.dir, `rm -rf "$1" && mkdir -p "$1/member" && cp Cargo.lock Cargo.toml "$1" && cp member/Cargo.toml "$1/member"`, r.stage)
	writeFile(t, filepath.Join(r.stage, "depaudit.yaml"), "pipeline: rust\nstages:\n  - name: build\n    environment: dir:"+filepath.Join(r.dir, "root")+"\n    locks: [Cargo.lock]\n")

	var crates []string
	for line := range strings.Lines(r.run(t, r.dir, "cargo tree --offline --workspace --edges normal,build --prefix none --format '{p}' --target x86_64-unknown-linux-gnu")) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] != "rustproject" && f[0] != "member" {
			crates = append(crates, f[0]+"@"+strings.TrimPrefix(f[1], "v"))
		}
	}
	slices.Sort(crates)
	crates = slices.Compact(crates)
	if len(crates) < 100 {
		t.Fatalf("only %d crates", len(crates))
	}
	t.Run("pinned", func(t *testing.T) { r.checkCompiled(t, crates, "hash-locked") })

	at := slices.IndexFunc(crates, func(c string) bool { return strings.HasPrefix(c, "itoa@") })
	if at < 0 {
		t.Fatal("itoa is not linked")
	}
	victim := crates[at]
	entry := `(name = "itoa"\nversion = ")`
	t.Run("off the lock", func(t *testing.T) {
		r.edited(t, lockEdit{entry + `[^"]*`, "${1}0.0.1"}, func() { r.only(t, r.audit(t), victim, "locked-at-another-version") })
	})
	t.Run("source changed in the lock", func(t *testing.T) {
		r.edited(t, lockEdit{entry + `([^"]*"\nsource = ")registry\+https://github.com/rust-lang/crates.io-index`, "${1}${2}sparse+https://cargo.example.net/index/"},
			func() { r.only(t, r.audit(t), victim, "other-registry") })
		r.edited(t, lockEdit{entry + `([^"]*"\nsource = ")[^"]*`, "${1}${2}git+https://github.com/evil/itoa#8474aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
			func() { r.only(t, r.audit(t), victim, "vcs-install") })
	})
	// No program has a digest of its crates. That the lock has another one than
	// it had is seen by the baseline.
	t.Run("hash changed in the lock", func(t *testing.T) {
		if _, stderr, code := program(t, r.stage, "baseline", "update", "--reason", "first"); code != exitPass {
			t.Fatalf("baseline update: %d\n%s", code, stderr)
		}
		r.edited(t, lockEdit{entry + `([^"]*"\nsource = "[^"]*"\nchecksum = ")....`, "${1}${2}aaaa"}, func() {
			for _, f := range r.audit(t).Findings {
				if f.Rule == audit.RuleLockChanged.ID {
					t.Log(f.Message)
					return
				}
			}
			t.Error("not found")
		})
	})
	t.Run("patched", func(t *testing.T) {
		r.lock = "Cargo.toml"
		defer func() { r.lock = "Cargo.lock" }()
		patch := lockEdit{`\z`, "\n[patch.crates-io]\nitoa = { path = \"fork\" }\n"}
		r.edited(t, patch, func() {
			r.lock = "Cargo.lock"
			r.edited(t, lockEdit{entry + `([^"]*")\nsource = .*\nchecksum = .*`, "${1}${2}"}, func() {
				r.only(t, r.audit(t), victim, "replaced")
				link(t, func(c *auditedCrate) {
					if c.Name == "itoa" {
						c.Source = "local"
					}
				})
				r.only(t, r.audit(t), victim, "local-path")
			})
			r.lock = "Cargo.toml"
		})
	})
	t.Run("a directory linked", func(t *testing.T) { // by "paths" of Cargo's configuration
		r.only(t, r.audit(t), victim, "local-path")
	})
	t.Run("another version linked", func(t *testing.T) {
		link(t, func(c *auditedCrate) {
			if c.Name == "itoa" {
				c.Version = "1.99.0"
			}
		})
		r.only(t, r.audit(t), "itoa@1.99.0", "locked-at-another-version")
	})
}

// debianCrates makes the workspace, and the directory of its crates from Debian's
// packages. Half of those packages have no checksum of the crate
// ("Could not get crate checksum"), which is written here.
func (r *lockRun) debianCrates(t *testing.T) {
	t.Helper()
	writeFile(t, filepath.Join(r.dir, "src/main.rs"), "fn main() {}\n")
	writeFile(t, filepath.Join(r.dir, "member/src/lib.rs"), "")
	writeFile(t, filepath.Join(r.dir, "Cargo.toml"), "[package]\nname = \"rustproject\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[workspace]\nmembers = [\"member\"]\n\n"+
		"[dependencies]\nmember = { path = \"member\" }\nreqwest = { version = \"*\", features = [\"json\", \"blocking\"] }\n")
	writeFile(t, filepath.Join(r.dir, "member/Cargo.toml"), "[package]\nname = \"member\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\ncargo = \"*\"\n")
	registry := filepath.Join(t.TempDir(), "registry")
	writeFile(t, filepath.Join(r.dir, ".cargo/config.toml"), "[source.crates-io]\nreplace-with = \"debian\"\n[source.debian]\ndirectory = \""+registry+"\"\n")
	debs := t.TempDir()
	r.run(t, debs, `
apt-get -qq --no-install-recommends --print-uris install librust-reqwest-dev librust-cargo-dev |
	sed -n "s#.*/\(librust-[^_]*\)_.*#\1#p" | sed 's/%2b/+/g' | sort -u >names
apt-get -qq -o APT::Sandbox::User=root download $(cat names)
mkdir root
for deb in *.deb; do
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C root --exclude '*/tests/*' --exclude './usr/share/doc'
	rm "$deb"
done
mv root/usr/share/cargo/registry "$1"`, registry)
	sums, err := filepath.Glob(filepath.Join(registry, "*/.cargo-checksum.json"))
	if err != nil || len(sums) < 100 {
		t.Fatalf("%d crates: %v", len(sums), err)
	}
	for _, file := range sums {
		if text := readFile(t, file); strings.Contains(text, "Could not get crate checksum") {
			if err := os.Chmod(file, 0o644); err != nil {
				t.Fatal(err)
			}
			writeFile(t, file, strings.Replace(text, "Could not get crate checksum", strings.Repeat("ab", 32), 1))
		}
	}
}

// auditedCrate is an entry of the list that cargo-auditable writes
// (https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md).
type auditedCrate struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Source       string `json:"source"`
	Kind         string `json:"kind,omitempty"`
	Dependencies []int  `json:"dependencies,omitempty"`
	Root         bool   `json:"root,omitempty"`
}

// auditList returns the section of a program: the crates that normal and build
// dependencies lead to from the root of "cargo metadata".
func auditList(t *testing.T, output string, change func(*auditedCrate)) string {
	t.Helper()
	var metadata struct {
		Packages []struct{ ID, Name, Version, Source string }
		Resolve  struct {
			Root  string
			Nodes []struct {
				ID   string
				Deps []struct {
					Pkg      string
					DepKinds []struct{ Kind string } `json:"dep_kinds"`
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(output), &metadata); err != nil {
		t.Fatal(err)
	}
	next := map[string][]string{}
	for _, n := range metadata.Resolve.Nodes {
		for _, d := range n.Deps {
			for _, k := range d.DepKinds {
				if k.Kind != "dev" {
					next[n.ID] = append(next[n.ID], d.Pkg)
				}
			}
		}
	}
	reached := map[string]bool{metadata.Resolve.Root: true}
	for todo := []string{metadata.Resolve.Root}; len(todo) > 0; todo = todo[1:] {
		for _, id := range next[todo[0]] {
			if !reached[id] {
				reached[id] = true
				todo = append(todo, id)
			}
		}
	}
	var list struct {
		Packages []auditedCrate `json:"packages"`
	}
	for _, p := range metadata.Packages {
		if !reached[p.ID] {
			continue
		}
		kind, _, _ := strings.Cut(cmp.Or(p.Source, "local"), "+")
		c := auditedCrate{Name: p.Name, Version: p.Version, Source: map[string]string{"registry": "crates.io", "git": "git", "local": "local"}[kind], Root: p.ID == metadata.Resolve.Root}
		if change != nil {
			change(&c)
		}
		list.Packages = append(list.Packages, c)
	}
	data, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
