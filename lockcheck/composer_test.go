package lockcheck

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// The lock in testdata/composer was written by Composer 2.5.5 (Debian 12) for a
// project with a server of packages, a repository, a directory of the project and a
// metapackage.
func TestComposerFixture(t *testing.T) {
	l, err := Open(t.Context(), "testdata/composer/2.5/composer.lock")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range l.Entries {
		got = append(got, show(&l.Entries[i]))
	}
	want := []string{
		"10 acme/gitted dev-main [vcs /tmp/rubyphp-php/git/tool] @9f52",
		"27 acme/http 3.1.0 [registry http://127.0.0.1:18978/acme-http-3.1.0.zip 127.0.0.1:18978] @8f03 sha1:64de",
		"48 acme/local 1.0.0 [path packages/local] @fe92 own",
		"66 acme/log 1.2.3 [registry http://127.0.0.1:18978/acme-log-1.2.3.zip 127.0.0.1:18978] @e273",
		"87 acme/meta 1.0.0 [registry]",
		"95 acme/yaml v2.0.1 [registry http://127.0.0.1:18978/acme-yaml-v2.0.1.zip 127.0.0.1:18978] @176f",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const (
	symfonyDist   = "https://api.github.com/repos/symfony/console/zipball/" + commit
	symfonySource = "https://github.com/symfony/console.git"
	otherCommit   = "1111111111111111111111111111111111111111"
)

// composerLock is a lock with one package.
func composerLock(version, source, dist string) string {
	place := func(s, key string) string {
		if s == "" {
			return ""
		}
		kind := "zip"
		if key == "source" {
			kind = "git"
		}
		if strings.HasPrefix(s, "{") {
			return `, "` + key + `": ` + s
		}
		return `, "` + key + `": {"type": "` + kind + `", "url": "` + s + `", "reference": "` + commit + `"}`
	}
	return `{"_readme": [], "content-hash": "0", "packages": [` + "\n" + `{"name": "symfony/console", "version": "` + version + `"` + place(source, "source") + place(dist, "dist") + `}` + "\n" +
		`], "packages-dev": [], "aliases": [], "plugin-api-version": "2.6.0"}`
}

func TestComposerMatch(t *testing.T) {
	installed := func(kind, url, commit string, digests ...Hash) Package {
		return Package{Type: "composer", Namespace: "symfony", Name: "console", Version: "v7.1.0", Digests: digests, Paths: []string{"/app/vendor/composer/installed.json"},
			Install: Install{Kind: kind, URL: url, Commit: commit}}
	}
	honest := installed(KindRegistry, symfonyDist, commit)
	lock := composerLock("v7.1.0", symfonySource, symfonyDist)
	sha1 := `{"type": "zip", "url": "` + symfonyDist + `", "reference": "` + commit + `", "shasum": "` + hex1 + `"}`
	with := func(p Package, change func(*Package)) Package { change(&p); return p }
	for _, tt := range []struct {
		name, lock string
		p          Package
		want       string
	}{
		{"an archive", lock, honest, "version-locked weak-hash"},
		{"a checkout of the same commit", lock, installed(KindVCS, symfonySource, commit), "version-locked weak-hash"},
		{"no record", lock, installed("", "", ""), "version-locked no-hash"},
		{"another case", strings.Replace(lock, "symfony/console", "Symfony/Console", 1), honest, "version-locked weak-hash"},
		{"another version", lock, with(honest, func(p *Package) { p.Version = "v7.1.1" }), "locked-at-another-version"},
		{"another commit", lock, installed(KindRegistry, strings.Replace(symfonyDist, commit, otherCommit, 1), otherCommit), "hash-mismatch"},
		{"another place", lock, installed(KindRegistry, "https://api.github.com/repos/evil/console/zipball/"+commit, commit), "url-install"},
		{"another host", lock, installed(KindRegistry, "https://x.example/console.zip", commit), "url-install"},
		{"a patch", lock, with(honest, func(p *Package) { p.Install.Patch = "patches/a.patch" }), "patched"},
		{"a link", lock, with(honest, func(p *Package) {
			p.Install = Install{Kind: KindLink, URL: "/src/console", File: "/app/vendor/symfony/console"}
		}), "link"},
		{"a copy of a directory", lock, installed(KindURL, "file:///src/console", ""), "url-install"},
		{"the same digest", composerLock("v7.1.0", symfonySource, sha1), installed(KindRegistry, symfonyDist, commit, Hash{"sha1", hex1}), "version-locked weak-hash"},
		{"another digest", composerLock("v7.1.0", symfonySource, sha1), installed(KindRegistry, symfonyDist, commit, Hash{"sha1", strings.Repeat("0", 40)}), "hash-mismatch"},
		{"a lock of another host", composerLock("v7.1.0", symfonySource, "https://x.example/console.zip"), honest, "other-registry"},
		{"a lock without TLS", composerLock("v7.1.0", symfonySource, strings.Replace(symfonyDist, "https", "http", 1)), honest, "other-registry"},
		{"a lock with another archive", composerLock("v7.1.0", symfonySource, "https://api.github.com/repos/evil/console/zipball/"+commit), honest, "other-package"},
		{"by the other interface", composerLock("v7.1.0", symfonySource, "https://codeload.github.com/evil/console/legacy.zip/"+commit), honest, "other-package"},
		{"an archive of a release of another", composerLock("v7.1.0", symfonySource, "https://github.com/evil/console/releases/download/1/a.zip"), honest, "other-package"},
		{"an archive of another commit", composerLock("v7.1.0", symfonySource, strings.Replace(symfonyDist, commit, otherCommit, 1)), honest, "other-package"},
		{"a source of another commit", composerLock("v7.1.0", `{"type": "git", "url": "`+symfonySource+`", "reference": "`+otherCommit+`"}`, symfonyDist), honest, "other-package"},
		{"a source of another host", composerLock("v7.1.0", "https://git.x.example/symfony/console.git", symfonyDist), honest, "other-registry"},
		{"a source by ssh", composerLock("v7.1.0", "git@github.com:symfony/console.git", symfonyDist), honest, "version-locked weak-hash"},
		{"a mirror", composerLock("v7.1.0", symfonySource, strings.Replace(sha1, `"shasum"`, `"mirrors": [{"url": "https://x.example/%package%/%reference%.zip", "preferred": true}], "shasum"`, 1)), honest, "other-registry"},
		{"GitLab", composerLock("v7.1.0", "https://gitlab.com/symfony/console.git", "https://gitlab.com/api/v4/projects/symfony%2Fconsole/repository/archive.zip?sha="+commit),
			installed(KindRegistry, "https://gitlab.com/api/v4/projects/symfony%2Fconsole/repository/archive.zip", commit), "version-locked weak-hash"},
		{"another project of GitLab", composerLock("v7.1.0", "https://gitlab.com/symfony/console.git", "https://gitlab.com/api/v4/projects/evil%2Fconsole/repository/archive.zip?sha="+commit), honest, "other-package"},
		{"Bitbucket", composerLock("v7.1.0", "https://bitbucket.org/symfony/console.git", "https://bitbucket.org/symfony/console/get/"+commit+".zip"),
			installed(KindVCS, "https://bitbucket.org/symfony/console.git", commit), "version-locked weak-hash"},
		{"a checkout only", composerLock("v7.1.0", symfonySource, ""), installed(KindVCS, symfonySource, commit), "version-locked weak-hash"},
		{"a checkout of another repository", composerLock("v7.1.0", symfonySource, ""), installed(KindVCS, "https://github.com/evil/console", commit), "url-install"},
		{"an archive in place of a checkout", composerLock("v7.1.0", symfonySource, ""), honest, "vcs-install"},
		{"a file", composerLock("v7.1.0", "", "artifacts/console.zip"), honest, "local-path"},
		{"a directory outside of the project", composerLock("v7.1.0", "", `{"type": "path", "url": "../console", "reference": "`+commit+`"}`), installed("", "", commit), "local-path"},
		{"a metapackage", composerLock("v7.1.0", "", ""), installed("", "", ""), "version-locked no-hash"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := match([]*Lock{open(t, "composer.lock", tt.lock)}, tt.p); outcome(r) != tt.want {
				t.Errorf("%s, want %s: %s", outcome(r), tt.want, r.Detail)
			}
		})
	}

	branch := with(honest, func(p *Package) { p.Version = "dev-main" })
	for reference, want := range map[string]string{commit: "version-locked weak-hash", "main": "not-exact"} {
		text := strings.ReplaceAll(composerLock("dev-main", symfonySource, symfonyDist), `"reference": "`+commit, `"reference": "`+reference)
		if reference != commit {
			text = strings.ReplaceAll(text, "zipball/"+commit, "zipball/main")
		}
		if got := outcome(match([]*Lock{open(t, "composer.lock", text)}, branch)); got != want {
			t.Errorf("a branch with the reference %s: %s, want %s", reference, got, want)
		}
	}
	l := open(t, "composer.lock", lock, "patches.lock.json", `{"_hash": "0", "patches": {"Symfony/console": [{"package": "symfony/console", "url": "https://u:p@x.example/a.patch", "sha256": ""}]}}`)
	if r := match([]*Lock{l}, honest); r.Reason != Patched || !strings.Contains(r.Detail, `"https://x.example/a.patch"`) {
		t.Errorf("a patch of composer-patches 2: %s", r.Detail)
	}
}

func TestComposerFirstParty(t *testing.T) {
	text := composerLock("1.0.0", "", `{"type": "path", "url": "packages/console", "reference": "x"}`)
	set := NewSet([]*Lock{open(t, "composer.lock", text)}, Policy{})
	for _, tt := range []struct {
		kind, url, file string
		want            bool
	}{
		{KindLink, "/app/packages/console", "/app/vendor/symfony/console", true},
		{KindURL, "file:///app/packages/console", "/app/vendor/composer/installed.json", true},
		{KindLink, "/other/packages/console", "/app/vendor/symfony/console", false},
		{KindLink, "/app/evil/console", "/app/vendor/symfony/console", false},
		{KindURL, "https://x.example/packages/console", "/app/vendor/composer/installed.json", false},
		{KindRegistry, "/app/packages/console", "/app/vendor/symfony/console", false},
	} {
		p := Package{Type: "composer", Namespace: "symfony", Name: "console", Version: "1.0.0", Install: Install{Kind: tt.kind, URL: tt.url, File: tt.file}}
		if got := set.FirstParty(p) != nil; got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestComposerErrors(t *testing.T) {
	lock := composerLock("v7.1.0", symfonySource, symfonyDist)
	for _, tt := range []struct{ from, to, want string }{
		{`"packages":`, `"package":`, `composer.lock:1:1: no list "packages"`},
		{`[` + "\n" + `{"name"`, `[` + "\n" + `{"name": "Symfony/Console", "version": "v7.0"},` + "\n" + `{"name"`, `composer.lock:3:1: "symfony/console" has two entries, the first on line 2`},
		{`"version": "v7.1.0"`, `"version": 7`, `composer.lock:2:40: "version" must be a string, not a number`},
		{`"version": "v7.1.0", `, ``, `composer.lock:2:1: a package without a name or a version`},
		{`"type": "zip"`, `"types": "zip"`, `composer.lock:2:191: "dist" without a type or a URL`},
		{`"version": "v7.1.0"`, `"version": "v7.1.0", "version": "v7.1.1"`, `composer.lock:2:50: `},
	} {
		text := strings.Replace(lock, tt.from, tt.to, 1)
		if got := openErr(t, "composer.lock", text); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s\nwant %s", got, tt.want)
		}
	}
}

// TestComposerCorpus reads the locks of Composer in the test data of syft.
func TestComposerCorpus(t *testing.T) {
	name := regexp.MustCompile(`(?m)^            "name": "[^"]+/`)
	read := 0
	err := filepath.WalkDir(moduletest.Dir(t, "github.com/anchore/syft"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "composer.lock" || strings.Contains(path, "glob-paths") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		l, err := parseAs(t, formatComposer, path, data)
		if err != nil {
			t.Error(err)
			return nil
		}
		read++
		if want := len(name.FindAll(data, -1)); len(l.Entries) != want {
			t.Errorf("%s: %d entries, counted %d", path, len(l.Entries), want)
		}
		for i := range l.Entries {
			if e := &l.Entries[i]; e.flaw.reason != "" {
				t.Errorf("%s: %s", path, e.flaw.detail)
			}
		}
		checkEntries(t, l, map[string][]byte{path: data})
		return nil
	})
	if err != nil || read == 0 {
		t.Errorf("%d locks, %v", read, err)
	}
}

func FuzzComposer(f *testing.F) {
	fuzzFormat(f, formatComposer, append(corpusSeeds(f, "testdata/composer/*/composer.lock"), composerLock("dev-main", symfonySource, symfonyDist),
		composerLock("1", "git@github.com:a/b", `{"type": "path", "url": "packages/a"}`))...)
}
