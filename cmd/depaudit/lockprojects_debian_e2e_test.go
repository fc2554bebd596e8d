package main

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
)

// The registries of Ruby and PHP are replaced by servers of this test, with gems and
// archives that are made of packages of Debian: the code of published packages, their
// versions, and of the gems their requirements too.

// debianPackages downloads the packages that others need and whose names match, and
// unpacks each into a directory of its own.
func debianPackages(t *testing.T, cache, names string, of ...string) string {
	t.Helper()
	for _, program := range []string{"apt-cache", "apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(cache, "debian", of[0])
	if _, err := os.Stat(filepath.Join(dir, "done")); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Join(dir, "deb"), 0o755); err != nil {
		t.Fatal(err)
	}
	const script = `names=$1; shift
apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$@" | grep -E "^($names)" | sort -u > list
cd deb
apt-get download -qq $(cat ../list)
for f in *.deb; do mkdir -p "../unpacked/${f%%_*}"; dpkg-deb -x "$f" "../unpacked/${f%%_*}"; done
touch ../done`
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-euc", script, "sh", names}, of...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("packages of Debian: %v\n%s", err, out)
	}
	return dir
}

// newDebianRun installs a project whose registry is a directory.
func newDebianRun(t *testing.T, p lockProject, cache, registry string) *lockRun {
	t.Helper()
	r := newLockRun(t, p, cache)
	if err := os.MkdirAll(r.cache, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(r.stage, "depaudit.yaml")
	writeFile(t, file, readFile(t, file)+"registries:\n  - "+registry+"\n")
	return r
}

func e2eCache(t *testing.T) string {
	t.Helper()
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("DEPAUDIT_E2E is not set")
	}
	if cache := os.Getenv("DEPAUDIT_E2E_CACHE"); cache != "" {
		return cache
	}
	return t.TempDir()
}

// TestLockProjectRuby has a project with the gems of Rails and Jekyll, installed by
// Debian's Bundler. It is older than the section CHECKSUMS, which is added to its lock
// as Bundler 2.6 and later write it.
func TestLockProjectRuby(t *testing.T) {
	cache := e2eCache(t)
	for _, program := range []string{"ruby", "gem", "bundle"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
	debs := debianPackages(t, cache, "ruby-", "rails", "jekyll")
	script, err := filepath.Abs("testdata/debian/gems.rb")
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	files := filepath.Join(work, "server")
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", `ruby "$1" "$2" "$3" && gem generate_index -d "$3"`, "sh", script, filepath.Join(debs, "unpacked"), files)
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(files)))
	defer server.Close()

	p := lockProject{
		name: "Bundler", lock: "Gemfile.lock",
		files:   map[string]string{"package.json": "{}", "Gemfile": "source '" + server.URL + "/'\n" + readFile(t, filepath.Join(files, "Gemfile"))},
		install: "bundle config set --local path vendor/bundle && bundle install --quiet",
		list:    "bundle list",
		parse: func(_ *testing.T, output string) []string {
			var out []string
			for _, m := range regexp.MustCompile(`(?m)^  \* (\S+) \(([^ )]+)`).FindAllStringSubmatch(output, -1) {
				out = append(out, m[1]+"@"+m[2])
			}
			return out
		},
		evidence: "hash-claimed",
		replaced: "thor@9.9.9",
	}
	version := regexp.MustCompile(`(?m)^gem 'thor', '([^']+)'`).FindStringSubmatch(p.files["Gemfile"])
	if version == nil {
		t.Fatal("no thor among the gems")
	}
	p.victim = "thor@" + version[1]
	p.hash.with = "${1}00000000"
	p.hash.pattern = `(  thor \(` + regexp.QuoteMeta(version[1]) + `\) sha256=)........`
	p.replace = `gem build --quiet -o other.gem thor.gemspec >/dev/null 2>&1 && rm thor.gemspec && gem install --quiet --local --no-document --install-dir "$(echo vendor/bundle/ruby/*)" other.gem`
	r := newDebianRun(t, p, cache, server.URL)
	file := filepath.Join(r.stage, r.lock)
	lock := readFile(t, file)
	sums := "CHECKSUMS\n"
	for _, m := range regexp.MustCompile(`(?m)^    (\S+) \((\S+)\)$`).FindAllStringSubmatch(lock, -1) {
		data := readFile(t, filepath.Join(files, "gems", m[1]+"-"+m[2]+".gem"))
		sums += fmt.Sprintf("  %s (%s) sha256=%x\n", m[1], m[2], sha256.Sum256([]byte(data)))
	}
	lock = strings.Replace(lock, "BUNDLED WITH\n", sums+"\nBUNDLED WITH\n", 1)
	writeFile(t, file, lock)

	t.Run("pinned", func(t *testing.T) {
		r.checkPinned(t)
		if n := len(counted(r.audit(t))); n < 100 {
			t.Errorf("only %d gems", n)
		}
	})
	t.Run("proved", func(t *testing.T) {
		got := map[string]bool{}
		for _, c := range r.verify(t).Proof.Components {
			if !c.Proved {
				t.Errorf("%s is not proved", c.ID)
			}
			got[c.ID] = true
		}
		if len(got) < 100 {
			t.Errorf("only %d gems", len(got))
		}
	})
	t.Run("hash changed in the lock", r.checkHashChanged)
	t.Run("source changed in the lock", func(t *testing.T) {
		r.edited(t, lockEdit{`(?m)^  remote: .*$`, "  remote: https://gems.example.net/"}, func() {
			for id, d := range counted(r.audit(t)) {
				if d.Why == nil || d.Why.Code != "other-registry" {
					t.Errorf("%s: %s %+v", id, d.Provenance, d.Why)
				}
			}
		})
	})
	t.Run("no checksums", func(t *testing.T) {
		r.edited(t, lockEdit{`(?s)CHECKSUMS\n.*\nBUNDLED`, "BUNDLED"}, func() {
			for id, d := range counted(r.audit(t)) {
				if d.Evidence != "version-locked" {
					t.Errorf("%s: %s %s", id, d.Provenance, d.Evidence)
				}
			}
		})
	})
	t.Run("a file changed", func(t *testing.T) {
		found, err := filepath.Glob(filepath.Join(r.dir, "vendor/bundle/ruby/*/gems", strings.Replace(p.victim, "@", "-", 1), "lib/thor.rb"))
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		before := readFile(t, found[0])
		defer writeFile(t, found[0], before)
		writeFile(t, found[0], before+"system('id')\n")
		for _, c := range r.verify(t).Proof.Components {
			if want := c.ID != "gem/"+p.victim; c.Proved != want {
				t.Errorf("%s: proved %v", c.ID, c.Proved)
			}
		}
	})
	t.Run("another version installed", func(t *testing.T) {
		writeFile(t, filepath.Join(r.dir, "thor.gemspec"), "Gem::Specification.new { |s| s.name = 'thor'; s.version = '9.9.9'; s.summary = 'x'; s.authors = ['x']; s.files = [] }\n")
		r.checkReplaced(t)
	})
}

// TestLockProjectPHP has a project with the components of Symfony, installed by
// Debian's Composer from archives of repositories of git.
func TestLockProjectPHP(t *testing.T) {
	cache := e2eCache(t)
	for _, program := range []string{"php", "composer", "git"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
	debs := debianPackages(t, cache, "php-[a-z]", "php-symfony")
	packages, err := filepath.Glob(filepath.Join(debs, "unpacked/php-*/usr/share/php"))
	if err != nil || len(packages) < 30 {
		t.Fatal(len(packages), err)
	}
	files := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(files)))
	defer server.Close()
	type place struct {
		Type      string `json:"type"`
		URL       string `json:"url"`
		Reference string `json:"reference"`
		Shasum    string `json:"shasum"`
	}
	type pkg struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Dist    place  `json:"dist"`
	}
	list, require := map[string]map[string]pkg{}, map[string]string{}
	want := map[string]bool{}
	for i, dir := range packages {
		vendor, name := "debian", strings.TrimPrefix(filepath.Base(filepath.Dir(filepath.Dir(filepath.Dir(dir)))), "php-")
		if rest, ok := strings.CutPrefix(name, "symfony-"); ok {
			vendor, name = "symfony", rest
		}
		p := pkg{Name: vendor + "/" + name, Version: fmt.Sprintf("v5.4.%d", i)}
		zip := filepath.Join(files, vendor+"-"+name+".zip")
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", `cp -rL "$1" "$2" && cd "$2" && printf '{"name": "%s"}' "$3" > composer.json && git init -q . && git add -A -f && git -c user.name=x -c user.email=x commit -q -m x &&
git archive --prefix=x/ -o "$4" HEAD && git rev-parse HEAD`, "sh", dir, filepath.Join(t.TempDir(), "x"), p.Name, zip)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p.Dist = place{Type: "zip", URL: server.URL + "/" + filepath.Base(zip), Reference: strings.TrimSpace(string(out))}
		if i%2 == 0 {
			p.Dist.Shasum = fmt.Sprintf("%x", sha1.Sum([]byte(readFile(t, zip))))
		}
		list[p.Name], require[p.Name] = map[string]pkg{p.Version: p}, p.Version
		want[p.Name+"@"+p.Version] = true
	}
	index, err := json.Marshal(map[string]any{"packages": list})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(files, "packages.json"), string(index))
	manifest, err := json.Marshal(map[string]any{
		"name": "depaudit/project", "require": require, "config": map[string]any{"secure-http": false},
		"repositories": []any{map[string]any{"type": "composer", "url": server.URL}, map[string]any{"packagist.org": false}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := lockProject{
		name: "Composer", lock: "composer.lock",
		files:   map[string]string{"package.json": "{}", "composer.json": string(manifest)},
		install: "COMPOSER_ALLOW_SUPERUSER=1 composer install --quiet --no-interaction --no-scripts --no-plugins",
		list:    "COMPOSER_ALLOW_SUPERUSER=1 composer show --format=json",
	}
	r := newDebianRun(t, p, cache, server.URL)
	var shown struct {
		Installed []struct{ Name, Version string }
	}
	if err := json.Unmarshal([]byte(r.run(t, r.dir, r.list)), &shown); err != nil {
		t.Fatal(err)
	}
	var oracle []string
	for _, p := range shown.Installed {
		oracle = append(oracle, p.Name+"@"+p.Version)
	}
	victim := oracle[0]
	name, version, _ := strings.Cut(victim, "@")
	others := func(t *testing.T, stage audit.Stage) {
		t.Helper()
		for id, d := range counted(stage) {
			if id != victim && (d.Provenance != audit.FromLock || d.Evidence != "version-locked") {
				t.Errorf("%s: %s %s %+v", id, d.Provenance, d.Evidence, d.Why)
			}
		}
	}
	t.Run("pinned", func(t *testing.T) {
		stage := r.audit(t)
		same(t, "dependencies", slices.Collect(maps.Keys(counted(stage))), oracle)
		same(t, "dependencies", oracle, slices.Collect(maps.Keys(want)))
		others(t, stage)
		t.Logf("%d packages", len(oracle))
	})
	entry := `(?s)("name": "` + regexp.QuoteMeta(name) + `",\s+"version": "` + regexp.QuoteMeta(version) + `",\s+"dist": \{\s+"type": "zip",\s+"url": "[^"]*",\s+"reference": ")....`
	for _, tt := range []struct {
		name, code string
		edit       lockEdit
	}{
		{"commit changed in the lock", "hash-mismatch", lockEdit{entry, "${1}0000"}},
		{"hash changed in the lock", "hash-mismatch", lockEdit{strings.Replace(entry, `"reference": ")....`, `"reference": "[0-9a-f]+",\s+"shasum": ")....`, 1), "${1}0000"}},
		{"source changed in the lock", "other-registry", lockEdit{strings.Replace(entry, `("name"`, `("name"`, 1)[:strings.Index(entry, `[^"]*",\s+"reference"`)] + `)http://127`, "${1}http://evil.example:127"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.edited(t, tt.edit, func() {
				stage := r.audit(t)
				others(t, stage)
				if d := counted(stage)[victim]; d.Why == nil || d.Why.Code != tt.code || d.Provenance == audit.FromLock {
					t.Errorf("%s %+v", d.Provenance, d.Why)
				}
			})
		})
	}
	t.Run("another version installed", func(t *testing.T) {
		file := filepath.Join(r.dir, "vendor/composer/installed.json")
		before := readFile(t, file)
		writeFile(t, file, strings.Replace(before, `"version": "`+version+`"`, `"version": "v9.9.9"`, 1))
		defer writeFile(t, file, before)
		stage := r.audit(t)
		d := counted(stage)[name+"@v9.9.9"]
		if d.Why == nil || d.Why.Code != "locked-at-another-version" {
			t.Errorf("%+v", d.Why)
		}
	})
}
