package lockcheck

import (
	"strings"
	"testing"
)

// TestDifferingTwins adds an entry to locks that have one version of each package
// and one file of each version: another entry of the same package, with other
// bytes. A reader would have to choose, and would see one of them only.
func TestDifferingTwins(t *testing.T) {
	before := func(text, at, add string) string { return strings.Replace(text, at, add+at, 1) }
	after := func(text, at, add string) string { return strings.Replace(text, at, at+add, 1) }
	zeros := strings.Repeat("0", 40)
	for _, tt := range []struct{ format, text, want string }{
		{"mix.lock", after(mixSample, "%{\n", `  "again": {:hex, :castore, "0.1.17", "`+shaB+`", [:mix], [], "hexpm", "`+shaB+"\"},\n"), "different hashes"},
		{"rebar.lock", after(rebarSample, "{pkg_hash,[\n", ` {<<"certifi">>, <<"`+strings.ToUpper(shaB)+"\">>},\n"), `"certifi" has two hashes in "pkg_hash"`},
		{"rebar.lock", strings.Replace(rebarSample, "[{<<", "[{<<\"certifi\">>,{pkg,<<\"certifi\">>,<<\"2.9.1\">>},0},\n{<<", 1), "two entries that differ"},
		{"stack.yaml.lock", after(stackSample, "packages:\n", "- completed: {hackage: 'HTTP-4000.3.16@sha256:"+shaB+",5947'}\n"), "different hashes"},
		{"stack.yaml.lock", before(stackSample, "    pantry-tree:\n", "    url: https://x.example/a.tar.gz\n"), `from "hackage" and from "url"`},
		{"cabal.project.freeze", "constraints: any.Diff ==0.4.1,\n             any.Diff ==0.4.2\n", "two versions"},
		{"Podfile.lock", after(podsSample, "PODS:\n", "  - Texture/Core (3.1.1)\n"), "two entries that differ"},
		{"renv.lock", after(renvSample, `"Packages": {`, `"a": {"Package": "markdown", "Version": "1.0", "Source": "Repository", "Repository": "own"},`), "two entries that differ"},
		{"opam.locked", after(opamSample, "depends: [\n", "  \"astring\" {= \"0.8.6\"}\n"), "two entries that differ"},
		{"Manifest.toml", juliaSample + "[[deps.JSON]]\ngit-tree-sha1 = \"" + zeros + "\"\nversion = \"0.21.4\"\n", "different hashes"},
		{"apko.lock.json", after(apkoSample, `"packages": [`, `{"name": "busybox", "url": "https://dl-cdn.alpinelinux.org/alpine/v3.18/main/x86_64/busybox-1.36.1-r2.apk", "version": "1.36.1-r2", "architecture": "x86_64", "checksum": "Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA="},`), "different hashes"},
		{"rpms.lock.yaml", after(rpmsSample, "    packages:\n", "      - {url: 'https://cdn-ubi.redhat.com/content/public/ubi/dist/ubi9/9/x86_64/baseos/os/Packages/b/bash-5.1.8-6.el9.x86_64.rpm', checksum: 'sha256:"+shaB+"', name: bash, evr: 5.1.8-6.el9}\n"), "different hashes"},
		{"Package.resolved", after(swiftSample, `"pins" : [`, `{"identity": "swift-nio", "kind": "remoteSourceControl", "location": "https://github.com/apple/swift-nio", "state": {"revision": "`+zeros+`", "version": "2.65.0"}},`), "two entries that differ"},
	} {
		if _, err := openAs(t, tt.format, tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.format, err, tt.want)
		}
	}
	if got := openErr(t, "Gemfile.lock", gemfileLock+strings.Repeat("A\n", 20)); !strings.Contains(got, "more than 16 sections") {
		t.Error(got)
	}
	text := strings.Replace(gemfileLock, "sha256="+shaA, "sha256="+shaA+",sha256="+shaB, 1)
	if r := match([]*Lock{open(t, "Gemfile.lock", text)}, gem("rake", "13.0.6", "", Hash{Algorithm: "sha256", Value: shaB})); r.Reason != HashMismatch {
		t.Errorf("two checksums: %s", outcome(r))
	}
}

// TestMovingReferences changes the commit of a package with a version to a name that
// can be another commit tomorrow.
func TestMovingReferences(t *testing.T) {
	nio := Package{Type: "swift", Namespace: "github.com/apple", Name: "swift-nio", Version: "2.65.0"}
	if r := match([]*Lock{open(t, "Package.resolved", strings.Replace(swiftSample, commit, "main", 1))}, nio); r.Reason != NotExact {
		t.Errorf("Package.resolved: %s", outcome(r))
	}
	snapshot := Package{Type: "maven", Namespace: "a", Name: "b", Version: "1.0-SNAPSHOT"}
	gradle := open(t, "gradle.lockfile", "a:b:1.0-SNAPSHOT=runtimeClasspath\n")
	hashes := open(t, "verification-metadata.xml", strings.NewReplacer("com.google.guava", "a", `"guava"`, `"b"`, "31.1-jre", "1.0-SNAPSHOT").Replace(gradleHashesSample))
	if r := match([]*Lock{gradle}, snapshot); r.Reason != NotExact {
		t.Errorf("gradle.lockfile: %s", outcome(r))
	}
	if r := match([]*Lock{gradle, hashes}, snapshot); outcome(r) != "hash-locked" {
		t.Errorf("a snapshot with a hash: %s", outcome(r))
	}
	console := Package{Type: "composer", Namespace: "symfony", Name: "console", Version: "v7.1.0"}
	dist := func(reference string) string {
		return `{"type": "zip", "url": "https://api.github.com/repos/symfony/console/zipball/` + reference + `", "reference": "` + reference + `"}`
	}
	for _, tt := range []struct{ source, dist, want string }{
		{"", dist("main"), "not-exact"},
		{"", dist("refs/heads/v7.1.0"), "not-exact"},
		{"", dist("17.1.0"), "not-exact"},
		{"", dist("refs/tags/v7.1.0"), "version-locked no-hash"},
		{"", dist("release-7.1.0"), "version-locked no-hash"},
		{"", dist("7.1.0"), "version-locked no-hash"},
		{`{"type": "git", "url": "` + symfonySource + `", "reference": "main"}`, "", "not-exact"},
		{`{"type": "git", "url": "` + symfonySource + `", "reference": "` + commit[:12] + `"}`, "", "not-exact"},
		{`{"type": "svn", "url": "https://github.com/symfony/console", "reference": "/trunk/@123"}`, "", "version-locked no-hash"},
	} {
		if r := match([]*Lock{open(t, "composer.lock", composerLock("v7.1.0", tt.source, tt.dist))}, console); outcome(r) != tt.want {
			t.Errorf("composer.lock, %s %s: %s, want %s", tt.source, tt.dist, outcome(r), tt.want)
		}
	}
}

// TestEpochZero compares versions of rpm with and without the epoch 0, which is no
// epoch.
func TestEpochZero(t *testing.T) {
	l := open(t, "rpms.lock.yaml", rpmsSample)
	for installed, want := range map[string]string{"5.1.8-6.el9": "hash-locked", "0:5.1.8-6.el9": "hash-locked", "1:5.1.8-6.el9": "locked-at-another-version"} {
		p := Package{Type: "rpm", Name: "bash", Version: installed, Platform: Platform{OS: "linux", CPU: "x64"}}
		if r := match([]*Lock{l}, p); outcome(r) != want {
			t.Errorf("%s: %s, want %s", installed, outcome(r), want)
		}
	}
}

// TestRenvSources spells the source of a package as renv reads it, in any case, and
// with a repository beside it.
func TestRenvSources(t *testing.T) {
	p := Package{Type: "cran", Name: "a", Version: "1.0"}
	for source, want := range map[string]string{
		"Repository": "version-locked no-hash", "CRAN": "version-locked no-hash", "github": "vcs-install", "GITHUB": "vcs-install", "gitlab": "vcs-install",
		"bitbucket": "vcs-install", "git2r": "vcs-install", "local": "local-path", "url": "other-registry", "xyz": "other-registry",
	} {
		text := `{"R": {"Version": "4.3.1", "Repositories": []}, "Packages": {"a": {"Package": "a", "Version": "1.0", "Source": "` + source +
			`", "Repository": "CRAN", "RemoteUsername": "evil", "RemoteRepo": "a", "RemoteUrl": "https://x.example/a", "RemoteSha": "` + commit + `"}}}`
		if r := match([]*Lock{open(t, "renv.lock", text)}, p); outcome(r) != want {
			t.Errorf("%s: %s, want %s", source, outcome(r), want)
		}
	}
}

// TestOtherWheel names a wheel of another package by its URL.
func TestOtherWheel(t *testing.T) {
	for file, want := range map[string]string{
		"foo_bar-1.0-py3-none-any.whl": "hash-locked", "Foo.Bar-1.0-py3-none-any.whl": "hash-locked", "bar-1.0-py3-none-any.whl": "other-package",
	} {
		for _, line := range []string{"foo-bar @ https://files.pythonhosted.org/" + file + "#sha256=" + shaA, "https://files.pythonhosted.org/" + file + "#egg=foo-bar&sha256=" + shaA} {
			if r := match([]*Lock{open(t, "requirements.txt", line+"\n")}, py("foo-bar", "1.0")); outcome(r) != want {
				t.Errorf("%s: %s, want %s", line, outcome(r), want)
			}
		}
	}
}

// TestVcpkgRegistries has a registry without a place, and one of a kind that has no
// baseline.
func TestVcpkgRegistries(t *testing.T) {
	if got := openErr(t, "vcpkg-configuration.json", `{"registries": [{"kind": "git", "baseline": "`+commit+`", "packages": ["x"]}]}`); !strings.Contains(got, ":1:17: a registry of the kind git without a repository") {
		t.Error(got)
	}
	l := open(t, "vcpkg-configuration.json", `{"registries": [{"kind": "artifact", "name": "a", "location": "https://x.example/a.zip"}]}`)
	if len(l.Notes) != 1 || l.Notes[0].Kind != ProblemFloating {
		t.Errorf("%+v", l.Notes)
	}
}
