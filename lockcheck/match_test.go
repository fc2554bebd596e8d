package lockcheck

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNPMInstalled matches npm's record of the installed packages with each
// layout of its lock (testdata/npm/make.sh).
func TestNPMInstalled(t *testing.T) {
	data, err := os.ReadFile("testdata/npm/installed.json")
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		Packages map[string]struct{ Name, Version, Resolved, Integrity string }
	}
	if err := json.Unmarshal(data, &record); err != nil {
		t.Fatal(err)
	}
	if len(record.Packages) != 6 {
		t.Fatalf("%d packages installed, want 6", len(record.Packages))
	}
	for _, layout := range []string{"v1", "v2", "v3"} {
		l, err := Open(t.Context(), "testdata/npm/"+layout+"/package-lock.json")
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Entries) != len(record.Packages) {
			t.Errorf("%s: %d entries, want %d", layout, len(l.Entries), len(record.Packages))
		}
		s := NewSet([]*Lock{l}, Policy{})
		for key, p := range record.Packages {
			name := p.Name
			if name == "" {
				name = key[strings.LastIndex(key, "node_modules/")+len("node_modules/"):]
			}
			raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.Integrity, "sha512-"))
			if err != nil {
				t.Fatal(err)
			}
			r := s.Match(Package{Type: "npm", Name: name, Version: p.Version, Paths: []string{"/srv/stage/" + key},
				Install: Install{Kind: KindRegistry, URL: p.Resolved}, Digests: []Hash{{Algorithm: "sha512", Value: hex.EncodeToString(raw)}}})
			if r.Evidence != HashClaimed || r.Entry == nil || r.Entry.Install != key {
				t.Errorf("%s: %s: %s: %s", layout, key, outcome(r), r.Detail)
				continue
			}
			if text := line(t, r.Entry); !strings.Contains(text, name) && !strings.Contains(text, "left") {
				t.Errorf("%s: %s points to %s, which reads %q", layout, name, place(r.Entry), text)
			}
		}
	}
}

// line returns the text of an entry's line.
func line(t testing.TB, e *Entry) string {
	t.Helper()
	data, err := os.ReadFile(e.File)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	if e.Line < 1 || e.Line > len(lines) {
		t.Fatalf("%s has %d lines", place(e), len(lines))
	}
	return lines[e.Line-1]
}

// TestGoBinary matches the modules of a real binary with the repository's go.sum,
// whose hashes the linker writes into the binary.
func TestGoBinary(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "binary")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "./testdata/gobinary").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) != 2 {
		t.Fatalf("%d modules in the binary, want 2", len(info.Deps))
	}
	l, err := Open(t.Context(), "../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	s := NewSet([]*Lock{l}, Policy{})
	for _, m := range info.Deps {
		digest := Hash{Algorithm: "h1", Value: strings.TrimPrefix(m.Sum, "h1:")}
		r := s.Match(Package{Type: "golang", Name: m.Path, Version: m.Version, Digests: []Hash{digest}})
		if r.Evidence != HashClaimed {
			t.Errorf("%s %s: %s: %s", m.Path, m.Version, outcome(r), r.Detail)
			continue
		}
		if text := line(t, r.Entry); text != m.Path+" "+m.Version+" "+m.Sum {
			t.Errorf("%s points to %q", place(r.Entry), text)
		}
		// Edited build information has another hash.
		digest.Value = "AAAA" + digest.Value[4:]
		if r := s.Match(Package{Type: "golang", Name: m.Path, Version: m.Version, Digests: []Hash{digest}}); r.Reason != HashMismatch {
			t.Errorf("%s with a forged hash: %s", m.Path, outcome(r))
		}
	}
}

// TestLookAlikeNames checks that a name outside ASCII is locked by no entry of
// a name that it looks like, and locks no package itself. Unicode case folding
// equates the first two with ASCII letters.
func TestLookAlikeNames(t *testing.T) {
	hash := Hash{Algorithm: "sha256", Value: shaA}
	for _, typ := range []string{"pypi", "npm", "golang", "cargo"} {
		for _, look := range []string{"\u212aiwi", "\u017fix", "k\u0131w\u0131", "\uff4biwi", "\u043aiwi", "K\u0130W\u0130"} {
			for _, plain := range []string{"kiwi", "six", "KIWI"} {
				for _, names := range [][2]string{{look, plain}, {plain, look}} {
					l := &Lock{Path: "lock", Entries: []Entry{{Type: typ, Name: names[1], Version: "1.0", Hashes: []Hash{hash}, Source: Source{Kind: KindRegistry}, File: "lock", Line: 1}}}
					r := NewSet([]*Lock{l}, Policy{}).Match(Package{Type: typ, Name: names[0], Version: "1.0", Digests: []Hash{hash}})
					if want := map[bool]Reason{true: NonASCII, false: NotInAnyLock}[names[0] == look]; r.Pinned || r.Reason != want {
						t.Errorf("%s: %+q installed, %+q locked: %s: %s", typ, names[0], names[1], outcome(r), r.Detail)
					}
				}
			}
		}
	}
}

func TestEvidence(t *testing.T) {
	lock := open(t, "requirements.txt", "Foo.Bar[extra] == 1.0 ; python_version > '3' --hash=sha256:"+shaA+" --hash=sha256:"+shaB+"\nplain==2\n")
	another := Hash{Algorithm: "sha256", Value: shaA}
	claimed := Hash{Algorithm: "sha256", Value: shaB}
	other := Hash{Algorithm: "sha512", Value: hex512}
	for _, tt := range []struct {
		name string
		p    Package
		want string
	}{
		{"nothing to compare", py("foo-bar", "1.0"), "hash-locked"},
		{"another algorithm is nothing to compare", py("foo-bar", "1.0", other), "hash-locked"},
		{"a claim", py("foo-bar", "1.0", claimed), "hash-claimed"},
		{"another claim", py("foo-bar", "1.0", another), "hash-claimed"},
		{"two wheels of one release", py("foo-bar", "1.0", claimed, another), "hash-claimed"},
		{"a claim, and one of something else", py("foo-bar", "1.0", another, Hash{Algorithm: "sha256", Value: strings.Repeat("c", 64)}), "hash-mismatch"},
		{"names by PEP 503, versions by PEP 440", py("FOO_._bar", "1.0.0"), "hash-locked"},
		{"no hash in the lock", py("plain", "2.0", claimed), "version-locked no-hash"},
		{"another version", py("plain", "2.1"), "locked-at-another-version"},
		{"not there", py("absent", "1"), "not-in-any-lock"},
		{"another ecosystem", Package{Type: "cargo", Name: "plain", Version: "2"}, "not-in-any-lock"},
	} {
		if r := match([]*Lock{lock}, tt.p); outcome(r) != tt.want {
			t.Errorf("%s: got %s, want %s: %s", tt.name, outcome(r), tt.want, r.Detail)
		}
	}
}

func TestStrongestLockWins(t *testing.T) {
	version := open(t, "requirements.txt", "foo==1.0\n")
	hashed := open(t, "requirements.txt", "foo==1.0 --hash=sha256:"+shaA+"\n")
	other := open(t, "requirements.txt", "foo==2.0\n")
	untrusted := open(t, "requirements.txt", "-i https://evil.example/\nfoo==1.0 --hash=sha256:"+shaA+"\n")
	for _, tt := range []struct {
		name  string
		locks []*Lock
		p     Package
		want  string
	}{
		{"hash over version", []*Lock{version, hashed, other}, py("foo", "1.0"), "hash-locked"},
		{"pinned over untrusted", []*Lock{untrusted, version}, py("foo", "1.0"), "version-locked no-hash"},
		{"untrusted over another version", []*Lock{other, untrusted}, py("foo", "1.0"), "other-registry"},
		{"another version over nothing", []*Lock{other}, py("foo", "1.0"), "locked-at-another-version"},
		{"a mismatch is not excused by a lock without a hash", []*Lock{version, hashed}, py("foo", "1.0", Hash{Algorithm: "sha256", Value: shaB}), "hash-mismatch"},
	} {
		var first Result
		for i := range tt.locks {
			locks := append(slices.Clone(tt.locks[i:]), tt.locks[:i]...)
			r := match(locks, tt.p)
			if outcome(r) != tt.want {
				t.Errorf("%s: got %s, want %s: %s", tt.name, outcome(r), tt.want, r.Detail)
			}
			if i == 0 {
				first = r
			} else if r.Detail != first.Detail {
				t.Errorf("%s: the order of the locks matters: %q, %q", tt.name, first.Detail, r.Detail)
			}
		}
	}
}

func TestNearMissShowsVersions(t *testing.T) {
	dir := files(t, "requirements.txt", "foo==1.0\nfoo==1.1; platform_machine=='a'\nfoo==1.2; platform_machine=='b'\nfoo==1.2; platform_machine=='c'\nfoo==1.3; platform_machine=='d'\nfoo==1.4; platform_machine=='e'\n")
	l, err := Open(t.Context(), dir+"/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	r := match([]*Lock{l}, py("foo", "9"))
	want := fmt.Sprintf(`"foo" is installed at "9" and locked at "1.0" (%[1]s:1), "1.1" (%[1]s:2), "1.2" (%[1]s:3) and 2 more`, dir+"/requirements.txt")
	if r.Reason != OtherVersion || r.Detail != want {
		t.Errorf("got %s %s\nwant %s", r.Reason, r.Detail, want)
	}
}

func TestVCSInstall(t *testing.T) {
	lock := open(t, "requirements.txt", "foo @ git+https://user:hunter2@github.com/o/foo.git@"+commit+"\nbar @ git+https://github.com/o/bar@main\n")
	install := func(name, url, commit string) Package {
		return Package{Type: "pypi", Name: name, Version: "1.0", Install: Install{Kind: KindVCS, URL: url, Commit: commit}}
	}
	for _, tt := range []struct {
		name string
		p    Package
		want string
	}{
		{"same commit", install("foo", "https://github.com/o/foo", commit), "version-locked vcs-install"},
		{"same commit, by ssh", install("foo", "ssh://git@github.com/o/foo.git", commit), "version-locked vcs-install"},
		{"another repository", install("foo", "https://github.com/evil/foo", commit), "vcs-install"},
		{"another host", install("foo", "https://evil.example/o/foo", commit), "vcs-install"},
		{"another commit", install("foo", "https://github.com/o/foo", strings.Repeat("0", 40)), "vcs-install"},
		{"a branch instead of a commit", install("bar", "https://github.com/o/bar", "main"), "vcs-install"},
		{"not recorded as VCS", py("foo", "1.0"), "vcs-install"},
		{"in no lock", install("baz", "https://tok:x@github.com/o/baz?token=hunter2", commit), "vcs-install"},
	} {
		r := match([]*Lock{lock}, tt.p)
		if outcome(r) != tt.want {
			t.Errorf("%s: got %s, want %s: %s", tt.name, outcome(r), tt.want, r.Detail)
		}
		if strings.Contains(r.Detail, "hunter2") {
			t.Errorf("%s: a secret in %q", tt.name, r.Detail)
		}
	}
}

func TestURLInstallOfTheLockedArtifact(t *testing.T) {
	const url = "https://files.pythonhosted.org/packages/x/foo-1.0-py3-none-any.whl"
	lock := open(t, "requirements.txt", "foo @ "+url+"#sha256="+shaA)
	p := py("foo", "1.0", Hash{Algorithm: "sha256", Value: shaA})
	p.Install = Install{Kind: KindURL, URL: url}
	if r := match([]*Lock{lock}, p); outcome(r) != "hash-claimed" {
		t.Errorf("%s: %s", outcome(r), r.Detail)
	}
	// The same bytes from another place are the locked ones; without the
	// installer's record of them it is another artifact.
	p.Install.URL = "file:///tmp/foo-1.0-py3-none-any.whl"
	if r := match([]*Lock{lock}, p); outcome(r) != "hash-claimed" {
		t.Errorf("%s: %s", outcome(r), r.Detail)
	}
	p.Digests = nil
	if r := match([]*Lock{lock}, p); outcome(r) != "url-install" {
		t.Errorf("%s: %s", outcome(r), r.Detail)
	}
	p.Digests = []Hash{{Algorithm: "sha256", Value: shaB}}
	if r := match([]*Lock{lock}, p); outcome(r) != "hash-mismatch" {
		t.Errorf("%s: %s", outcome(r), r.Detail)
	}
}

// TestEqualBytes checks that the locked bytes are pinned wherever the installer
// took them from: prefetchers of hermetic builds write local files into the
// lock, and mirrors are in the installer's record.
func TestEqualBytes(t *testing.T) {
	d512 := Hash{Algorithm: "sha512", Value: hex512}
	const sum = `"version":"1.0.0","integrity":"` + sri512 + `"`
	from := func(kind, url string) Package {
		p := js("a", "1.0.0", "/app/node_modules/a", d512)
		p.Install = Install{Kind: kind, URL: url}
		return p
	}
	sdist := py("foo", "1.0", Hash{Algorithm: "sha256", Value: shaA})
	sdist.Install = Install{Kind: KindURL, URL: "file:///src/foo-1.0.tar.gz"}
	for _, tt := range []struct {
		name, file, lock string
		p                Package
	}{
		{"a file URL in the lock", "package-lock.json", npmLock("node_modules/a", sum+`,"resolved":"file:///deps/a-1.0.0.tgz"`), from(KindURL, "file:///deps/a-1.0.0.tgz")},
		{"a relative file in the lock", "package-lock.json", npmLock("node_modules/a", sum+`,"resolved":"file:deps/a-1.0.0.tgz"`), from(KindURL, "file:deps/a-1.0.0.tgz")},
		{"a file in the lock, a registry in the record", "package-lock.json", npmLock("node_modules/a", sum+`,"resolved":"file:deps/a-1.0.0.tgz"`), from(KindRegistry, "https://registry.npmjs.org/a/-/a-1.0.0.tgz")},
		{"a registry in the lock, a file in the record", "package-lock.json", npmLock("node_modules/a", sum+`,"resolved":"https://registry.npmjs.org/a/-/a-1.0.0.tgz"`), from(KindURL, "file:///deps/a-1.0.0.tgz")},
		{"a registry in the lock, a mirror in the record", "package-lock.json", npmLock("node_modules/a", sum+`,"resolved":"https://registry.npmjs.org/a/-/a-1.0.0.tgz"`), from(KindRegistry, "http://localhost:4873/a/-/a-1.0.0.tgz")},
		{"no origin in the lock", "package-lock.json", npmLock("node_modules/a", sum), from(KindURL, "file:///deps/a-1.0.0.tgz")},
		{"no origin in the record", "package-lock.json", npmLock("node_modules/a", sum+`,"resolved":"file:deps/a-1.0.0.tgz"`), js("a", "1.0.0", "/app/node_modules/a", d512)},
		{"version 1 with a file in the version's place", "package-lock.json", `{"lockfileVersion":1,"dependencies":{"a":{"version":"file:deps/a-1.0.0.tgz","integrity":"` + sri512 + `"}}}`, from(KindURL, "file:deps/a-1.0.0.tgz")},
		{"a local archive of pip", "requirements.txt", "foo @ file:///wheels/foo-1.0.tar.gz --hash=sha256:" + shaA, sdist},
		{"a release of pip from a local archive", "requirements.txt", "foo==1.0 --hash=sha256:" + shaA, sdist},
	} {
		if r := match([]*Lock{open(t, tt.file, tt.lock)}, tt.p); outcome(r) != "hash-claimed" {
			t.Errorf("%s: %s: %s", tt.name, outcome(r), r.Detail)
		}
	}
}

// TestSpecifiers checks versions as PEP 440 compares them with "==" and "===".
// In formats that have versions and no specifiers, a local version is another
// version.
func TestSpecifiers(t *testing.T) {
	for _, tt := range []struct{ locked, installed, want string }{
		{"==1.0", "1.0+cpu", "hash-locked local-version"}, {"==1.0.0", "1.0+cu121.a", "hash-locked local-version"}, {"==1.0+cpu", "1.0+CPU", "hash-locked"}, {"==1.0+cpu", "1.0", "locked-at-another-version"},
		{"==1.0+cpu-1", "1.0+cpu.1", "hash-locked"}, {"==1.0,!=1.0+bad", "1.0+bad", "locked-at-another-version"}, {"==1.0", "1.0.post1", "locked-at-another-version"}, {"==1.0", "1.0.post1+cpu", "locked-at-another-version"},
		{"===1.0", "1.0+cpu", "locked-at-another-version"}, {"===1.0RC1", "1.0rc1", "hash-locked"}, {"==1!2.0", "1!2.0", "hash-locked"}, {"==1!2.0", "2.0", "locked-at-another-version"}, {"==2.0", "1!2.0", "locked-at-another-version"},
		{"==0!2.0", "2.0", "hash-locked"}, {"==1!2", "1!2.0+x", "hash-locked local-version"}, {"==v1.0", "1.0", "hash-locked"}, {"==1.0-1", "1.0.post1", "hash-locked"}, {"==1.0-RC.1", "1.0rc1", "hash-locked"}, {"==1.0alpha", "1.0a0", "hash-locked"}, {"==1.0.dev", "1.0.dev0", "hash-locked"},
	} {
		requirements := open(t, "requirements.txt", "foo"+tt.locked+" --hash=sha256:"+shaA)
		pipfile := open(t, "Pipfile.lock", `{"default":{"foo":{"version":"`+tt.locked+`","hashes":["sha256:`+shaA+`"]}}}`)
		for _, l := range []*Lock{requirements, pipfile} {
			if r := match([]*Lock{l}, py("foo", tt.installed)); outcome(r) != tt.want {
				t.Errorf("%s: foo%s, installed %s: %s, want %s: %s", l.Format, tt.locked, tt.installed, outcome(r), tt.want, r.Detail)
			}
		}
	}
	for name, text := range map[string]string{
		"pylock.toml": "lock-version = '1.0'\n[[packages]]\nname = 'foo'\nversion = '1.0'\n", "uv.lock": "version = 1\n[[package]]\nname = \"foo\"\nversion = \"1.0\"\n",
		"poetry.lock": "[[package]]\nname = \"foo\"\nversion = \"1.0\"\n",
	} {
		if r := match([]*Lock{open(t, name, text)}, py("foo", "1.0+cpu")); r.Reason != OtherVersion {
			t.Errorf("%s: %s", name, outcome(r))
		}
	}
	for file, release := range map[string]string{"foo-1!2.0-py3-none-any.whl": "1!2.0", "foo-1_2.0-py3-none-any.whl": "1!2.0", "foo-1.0_cpu-py3-none-any.whl": "1.0+cpu", "foo-1.0+cpu.tar.gz": "1.0+cpu"} {
		if !archiveOf(file, "foo", release) {
			t.Errorf("%s is not an archive of foo %s", file, release)
		}
	}
}

func TestPolicyAllows(t *testing.T) {
	for _, tt := range []struct {
		registries []string
		url        string
		want       bool
	}{
		{nil, "https://registry.npmjs.org/a/-/a-1.0.0.tgz", true},
		{nil, "https://registry.yarnpkg.com/a/-/a-1.0.0.tgz", true},
		{nil, "https://REGISTRY.npmjs.org:443/a", true},
		{nil, "https://registry.npmjs.org:8443/a", false},
		{nil, "https://registry.npmjs.org./a", false},
		{nil, "http://registry.npmjs.org/a", false},
		{nil, "https://npm.example.org/a", false},
		{nil, "registry.npmjs.org/a", false},
		{nil, "https:///a", false},
		{nil, `https://registry.npmjs.org\.evil.example/a`, false},
		{nil, `https://registry.npmjs.org\@evil.example/a`, false},
		{[]string{"npm.example.org"}, "https://npm.example.org/a", true},
		{[]string{"npm.example.org"}, "http://npm.example.org/a", false},
		{[]string{"http://npm.example.org:4873"}, "http://npm.example.org:4873/a", true},
		{[]string{"https://example.org/npm/"}, "https://example.org/npm/a", true},
		{[]string{"example.org/npm"}, "https://example.org/npmevil/a", false},
		{[]string{"example.org/npm"}, "https://example.org/npm/../evil/a", false},
		{[]string{"example.org/npm"}, "https://example.org/npm/%2e%2e/evil/a", false},
		{[]string{"kiwi.example.org"}, "https://kiwi.example.org/a", true},
		{[]string{"kiwi.example.org"}, "https://\u212aiwi.example.org/a", false},
		{[]string{"kiwi.example.org"}, "https://\uff4biwi.example.org/a", false},
		{[]string{"example.org/six"}, "https://example.org/\u017fix/a", false},
	} {
		if got := (Policy{Registries: tt.registries}).Allows("npm", tt.url); got != tt.want {
			t.Errorf("%v allows %s: %v", tt.registries, tt.url, got)
		}
	}
}

func TestNPMKeys(t *testing.T) {
	for dir, want := range map[string][]string{
		"/srv/app/node_modules/a":                    {"srv/app/node_modules/a", "app/node_modules/a", "node_modules/a"},
		"node_modules/a/package.json":                {"node_modules/a"},
		"/x/node_modules/a/node_modules/@s/b":        {"x/node_modules/a/node_modules/@s/b", "node_modules/a/node_modules/@s/b"},
		"/usr/lib/python3/dist-packages/left_behind": nil,
	} {
		if got := npmKeys(dir); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
}

// TestWeakestDirectoryCounts matches one package in two directories, for one of
// which the lock has another version.
func TestWeakestDirectoryCounts(t *testing.T) {
	lock := open(t, "package-lock.json", `{"lockfileVersion":3,"packages":{
"node_modules/b":{"version":"1.0.0","integrity":"`+sri512+`"},
"node_modules/a/node_modules/b":{"version":"2.0.0","integrity":"`+sri512+`"},
"packages/w/node_modules/b":{"version":"1.0.0","integrity":"`+sri512+`"}}}`)
	p := Package{Type: "npm", Name: "b", Version: "1.0.0", Paths: []string{"/app/node_modules/b", "/app/packages/w/node_modules/b"}}
	if r := match([]*Lock{lock}, p); outcome(r) != "hash-locked" {
		t.Errorf("%s: %s", outcome(r), r.Detail)
	}
	p.Paths = append(p.Paths, "/app/node_modules/a/node_modules/b")
	if r := match([]*Lock{lock}, p); r.Reason != OtherVersion || r.Entry == nil || r.Entry.Line != 3 {
		t.Errorf("%s: %s", outcome(r), r.Detail)
	}
}

func TestAllowedRegistry(t *testing.T) {
	lock := open(t, "package-lock.json", npmLock("node_modules/a", `"version":"1.0.0","resolved":"https://npm.example.org/repo/a/-/a-1.0.0.tgz","integrity":"`+sri512+`"`))
	p := js("a", "1.0.0", "/app/node_modules/a", Hash{Algorithm: "sha512", Value: hex512})
	for registry, want := range map[string]string{"npm.example.org": "hash-claimed", "npm.example.org/repo": "hash-claimed", "npm.example.org/other": "other-registry"} {
		if r := NewSet([]*Lock{lock}, Policy{Registries: []string{registry}}).Match(p); outcome(r) != want {
			t.Errorf("%s: %s: %s", registry, outcome(r), r.Detail)
		}
	}
}

func TestGoWork(t *testing.T) {
	h1 := "qJmnOUb4YB+FsEuM3HcWucdZASCPGhsX6uljO6pog0c="
	l := open(t, "go.work.sum", "example.org/a v1.0.0 h1:"+h1+"\nexample.org/b v1.0.0 h1:"+h1+"\n",
		"go.work", "go 1.26\n\nuse ./m\n\nreplace example.org/b v1.0.0 => ../b\n")
	for path, want := range map[string]string{"example.org/a": "hash-locked", "example.org/b": "replaced"} {
		if r := match([]*Lock{l}, Package{Type: "golang", Namespace: "example.org", Name: path[len("example.org/"):], Version: "v1.0.0"}); outcome(r) != want {
			t.Errorf("%s: %s: %s", path, outcome(r), r.Detail)
		}
	}
}

// TestInstalledFromElsewhere matches a valid lock with a package that npm recorded
// from another host.
func TestInstalledFromElsewhere(t *testing.T) {
	fields := `"version":"1.0.0","resolved":"https://registry.npmjs.org/a/-/a-1.0.0.tgz"`
	plain := open(t, "package-lock.json", npmLock("node_modules/a", fields))
	hashed := open(t, "package-lock.json", npmLock("node_modules/a", fields+`,"integrity":"`+sri512+`"`))
	p := js("a", "1.0.0", "/app/node_modules/a", Hash{Algorithm: "sha512", Value: hex512})
	p.Install = Install{Kind: KindRegistry, URL: "https://mirror.example/a/-/a-1.0.0.tgz"}
	if r := match([]*Lock{plain}, p); outcome(r) != "other-registry" {
		t.Errorf("%s: %s", outcome(r), r.Detail)
	}
	if r := match([]*Lock{hashed}, p); outcome(r) != "hash-claimed" {
		t.Errorf("the same bytes from a mirror: %s: %s", outcome(r), r.Detail)
	}
}
