package lockcheck

import (
	"strings"
	"testing"
)

// cargoWorkspace is a workspace of three members with one crate of each kind, as
// Cargo 1.95 writes the lock: a path has no source, whatever it is.
func cargoWorkspace() []string {
	crate := func(name, source string) string {
		s := "[[package]]\nname = \"" + name + "\"\nversion = \"1.0.0\"\n"
		if source != "" {
			s += "source = \"" + source + "\"\n"
		}
		if strings.HasPrefix(source, "registry") || strings.HasPrefix(source, "sparse") {
			s += "checksum = \"" + shaA + "\"\n"
		}
		return s + "\n"
	}
	return []string{
		"Cargo.lock", "version = 4\n\n" + crate("app", "") + crate("core", "") + crate("util", "") + crate("outside", "") + crate("patched", "") +
			crate("patched-git", "git+https://github.com/o/fork?branch=x#"+commit) + crate("gitted", "git+https://github.com/o/gitted.git#"+commit) +
			crate("short", "git+https://github.com/o/short#84741ab") + crate("plain", "registry+https://github.com/rust-lang/crates.io-index") +
			crate("sparse", "sparse+https://index.crates.io/") + crate("private", "sparse+https://cargo.example/index/") +
			strings.Replace(crate("old", "registry+https://github.com/rust-lang/crates.io-index"), "checksum", "replace = \"old 1.0.0 (path+file:///x)\"\nchecksum", 1) +
			"[[patch.unused]]\nname = \"stale\"\nversion = \"2.0.0\"\n",
		"Cargo.toml", "[package]\nname = \"app\"\nversion = \"1.0.0\"\n[workspace]\nmembers = [\"crates/*\", \"../*\"]\n[dependencies]\nutil = { path = \"util\" }\noutside = { path = \"../outside\" }\n" +
			"[patch.crates-io]\npatched = { path = \"fork/patched\" }\nalias = { package = \"patched-git\", git = \"https://u:p@github.com/o/fork\" }\n",
		"crates/core/Cargo.toml", "[package]\nname = \"core\"\nversion.workspace = true\n",
		"util/Cargo.toml", "[package]\nname = \"util\"\n",
		"fork/patched/Cargo.toml", "[package]\nname = \"patched\"\n",
	}
}

func TestCargoWorkspace(t *testing.T) {
	l := open(t, cargoWorkspace()...)
	crate := func(name, from string) Package {
		return Package{Type: "cargo", Name: name, Version: "1.0.0", Install: Install{Kind: from}}
	}
	for _, tt := range []struct{ name, from, want string }{
		{"plain", "", "hash-locked"},
		{"sparse", "", "hash-locked"},
		{"private", "", "other-registry"},
		{"plain", KindRegistry, "other-registry"}, // built from another one than crates.io
		{"plain", KindPath, "local-path"},         // "paths" of .cargo/config.toml, or a patch that the lock does not have
		{"plain", KindVCS, "vcs-install"},
		{"gitted", "", "vcs-install"},
		{"gitted", KindVCS, "vcs-install"}, // the repository is not an allowed one
		{"short", KindVCS, "vcs-install"},
		{"patched", KindPath, "local-path"},
		{"patched", "", "replaced"},
		{"patched-git", KindVCS, "replaced"},
		{"old", "", "replaced"},
		{"absent", "", "not-in-any-lock"},
	} {
		if r := match([]*Lock{l}, crate(tt.name, tt.from)); outcome(r) != tt.want {
			t.Errorf("%s %s: got %s, want %s: %s", tt.name, tt.from, outcome(r), tt.want, r.Detail)
		} else if strings.Contains(r.Detail, "u:p@") {
			t.Errorf("%s: %s", tt.name, r.Detail)
		}
	}
	allowed := NewSet([]*Lock{l}, Policy{Registries: []string{"github.com/o"}})
	private := NewSet([]*Lock{l}, Policy{Registries: []string{"cargo.example"}})
	for name, want := range map[string]string{"private": "hash-locked", "plain": "other-registry"} {
		if r := private.Match(crate(name, KindRegistry)); outcome(r) != want {
			t.Errorf("%s of an allowed registry: got %s, want %s: %s", name, outcome(r), want, r.Detail)
		}
	}
	for name, want := range map[string]string{"gitted": "version-locked no-hash", "patched-git": "replaced", "short": "vcs-install"} {
		if r := allowed.Match(crate(name, KindVCS)); outcome(r) != want {
			t.Errorf("%s of an allowed repository: got %s, want %s: %s", name, outcome(r), want, r.Detail)
		}
	}
	set := NewSet([]*Lock{l}, Policy{})
	for name, want := range map[string]bool{"app": true, "core": true, "util": true, "outside": false, "patched": false, "plain": false} {
		if got := set.FirstParty(crate(name, KindPath)) != nil; got != want {
			t.Errorf("%s is first-party: %v", name, got)
		}
		if set.FirstParty(crate(name, "")) != nil || set.FirstParty(crate(name, KindVCS)) != nil {
			t.Errorf("%s is first-party by its name alone", name)
		}
	}
	var stale bool
	for _, n := range l.Notes {
		stale = stale || n.Kind == ProblemIgnored && n.Name == "stale"
	}
	if !stale {
		t.Errorf("the unused patch is not noted: %+v", l.Notes)
	}
	// A lock alone does not show which crates are the project's.
	alone := NewSet([]*Lock{open(t, cargoWorkspace()[:2]...)}, Policy{})
	if e := alone.FirstParty(crate("patched", KindPath)); e != nil {
		t.Errorf("%+v", e)
	}
}

// TestCargoManifests checks patches in Cargo's configuration, and manifests that
// cannot be read.
func TestCargoManifests(t *testing.T) {
	files := cargoWorkspace()
	l := open(t, append(files[:2:2], "Cargo.toml", "[workspace]\n", ".cargo/config.toml", "[patch.crates-io]\npatched.path = \"x\"\n")...)
	if r := match([]*Lock{l}, Package{Type: "cargo", Name: "patched", Version: "1.0.0"}); outcome(r) != "replaced" || !strings.Contains(r.Detail, "config.toml:2") {
		t.Errorf("%s: %s", outcome(r), r.Detail)
	}
	l = open(t, append(files[:2:2], "Cargo.toml", "[workspace]\n[replace]\n\"patched:1.0.0\" = { path = \"x\" }\n")...)
	if r := match([]*Lock{l}, Package{Type: "cargo", Name: "patched", Version: "1.0.0"}); outcome(r) != "replaced" {
		t.Errorf("%s: %s", outcome(r), r.Detail)
	}
	for text, want := range map[string]string{
		"[workspace]\nmembers = 1\n": `Cargo.toml:2:11: "members" must be an array, not a number`,
		"[workspace\n":               "Cargo.toml:1:",
		"patch = 1\n":                `Cargo.toml:1:9: "patch" must be an object, not a number`,
	} {
		if got := openErr(t, append(files[:2:2], "Cargo.toml", text)...); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestElsewhere checks which names a lock takes from somewhere else than a directory
// of the project: what was built from a directory in their place is not the
// project's.
func TestElsewhere(t *testing.T) {
	h1 := "qJmnOUb4YB+FsEuM3HcWucdZASCPGhsX6uljO6pog0c="
	set := NewSet([]*Lock{open(t, cargoWorkspace()...), open(t, "go.sum", "example.org/a v1.0.0 h1:"+h1+"\nexample.org/b v1.0.0 h1:"+h1+"\n",
		"go.mod", "module m\n\nrequire (\n\texample.org/a v1.0.0\n\texample.org/b v1.0.0\n)\n\nreplace example.org/b => ./b\n")}, Policy{})
	for name, want := range map[string]bool{
		"cargo plain": true, "cargo gitted": true, "cargo patched": true, "cargo app": false, "cargo util": false, "cargo outside": false, "cargo absent": false,
		"golang example.org/a": true, "golang example.org/b": false, "golang example.org/c": false,
	} {
		typ, name, _ := strings.Cut(name, " ")
		if got := set.Elsewhere(Package{Type: typ, Name: name}) != nil; got != want {
			t.Errorf("%s %s: %v", typ, name, got)
		}
	}
}
