package pnpmkey

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		major int
		key   string
		want  Key
	}{
		{5, "/foo/1.0.0", Key{ID: "/foo/1.0.0", Name: "foo", Version: "1.0.0"}},
		{5, "/@s/foo/1.0.0_bar@2.0.0+@b+c@1.0.0", Key{ID: "/@s/foo/1.0.0", Name: "@s/foo", Version: "1.0.0"}},
		{5, "/foo/1.0.0-rc.1_oa7vrox26yllxmhaf6tjluktqq", Key{ID: "/foo/1.0.0-rc.1", Name: "foo", Version: "1.0.0-rc.1"}},
		{5, "registry.example/foo/1.0.0", Key{ID: "registry.example/foo/1.0.0", Host: "registry.example", Name: "foo", Version: "1.0.0"}},
		{5, "localhost+4873/@s/foo/1.0.0_x", Key{ID: "localhost+4873/@s/foo/1.0.0", Host: "localhost+4873", Name: "@s/foo", Version: "1.0.0"}},
		{5, "@127.0.0.1+8765/lp.tgz", Key{ID: "@127.0.0.1+8765/lp.tgz"}},
		{5, "github.com/o/r/825dc9674e4642686cc3a9fbea4323964f7a9bcd", Key{ID: "github.com/o/r/825dc9674e4642686cc3a9fbea4323964f7a9bcd"}},
		{5, "/o/r/1.0.0", Key{ID: "/o/r/1.0.0"}},
		{5, "file:vendor/a_b/1.0.0_x", Key{ID: "file:vendor/a_b/1.0.0_x"}},
		{6, "/foo@1.0.0", Key{ID: "/foo@1.0.0", Name: "foo", Version: "1.0.0"}},
		{6, "/@s/foo@1.0.0(@b/c@1.0.0)(d@2.0.0(e@3.0.0))", Key{ID: "/@s/foo@1.0.0", Name: "@s/foo", Version: "1.0.0"}},
		{6, "/foo@1.0.0(patch_hash=abc)(d@1.0.0)", Key{ID: "/foo@1.0.0", Name: "foo", Version: "1.0.0", Patch: "abc"}},
		{6, "registry.example/foo@1.0.0", Key{ID: "registry.example/foo@1.0.0", Host: "registry.example", Name: "foo", Version: "1.0.0"}},
		{6, "@codeload.github.com/o/r/tar.gz/825d", Key{ID: "@codeload.github.com/o/r/tar.gz/825d"}},
		{6, "file:packages/b(react@17.0.2)", Key{ID: "file:packages/b"}},
		{9, "foo@1.0.0", Key{ID: "foo@1.0.0", Name: "foo", Version: "1.0.0"}},
		{9, "@s/foo@1.0.0+build(@b/c@1.0.0)", Key{ID: "@s/foo@1.0.0+build", Name: "@s/foo", Version: "1.0.0+build"}},
		{9, "foo@1.0.0(patch_hash=abc)(d@1.0.0)", Key{ID: "foo@1.0.0", Name: "foo", Version: "1.0.0", Patch: "abc"}},
		{9, "foo@file:../a(b)/x(c@1.0.0)", Key{ID: "foo@file:../a(b)/x", Name: "foo", Place: "file:../a(b)/x"}},
		{9, "foo@git+ssh://git@host/r.git#825d", Key{ID: "foo@git+ssh://git@host/r.git#825d", Name: "foo", Place: "git+ssh://git@host/r.git#825d"}},
		{9, "node@runtime:22.0.0", Key{ID: "node@runtime:22.0.0", Name: "node", Place: "runtime:22.0.0"}},
		{9, "foo", Key{ID: "foo", Name: "foo"}},
		{9, "", Key{}},
		{9, "(a)", Key{ID: "(a)", Name: "(a)"}},
	} {
		if got := Parse(tt.major, tt.key); got != tt.want {
			t.Errorf("%d %q: %+v, want %+v", tt.major, tt.key, got, tt.want)
		}
	}
}

func TestReference(t *testing.T) {
	for _, tt := range []struct {
		major           int
		name, ref, want string
	}{
		{5, "foo", "1.0.0_@b+c@1.0.0", "/foo/1.0.0_@b+c@1.0.0"},
		{5, "foo", "/bar/1.0.0", "/bar/1.0.0"},
		{5, "foo", "file:a", "file:a"},
		{5, "foo", "link:../a", ""},
		{6, "foo", "1.0.0(@b/c@1.0.0)", "/foo@1.0.0(@b/c@1.0.0)"},
		{6, "foo", "/bar@1.0.0(@b/c@1.0.0)", "/bar@1.0.0(@b/c@1.0.0)"},
		{6, "foo", "github.com/o/r/825d", "github.com/o/r/825d"},
		{9, "foo", "1.0.0(@b/c@1.0.0)", "foo@1.0.0(@b/c@1.0.0)"},
		{9, "foo", "bar@1.0.0", "bar@1.0.0"},
		{9, "foo", "@s/bar@1.0.0", "@s/bar@1.0.0"},
		{9, "foo", "bar@file:a.tgz", "bar@file:a.tgz"},
		{9, "foo", "git+ssh://git@host/r#1", "foo@git+ssh://git@host/r#1"},
		{9, "foo", "file:a@b", "foo@file:a@b"},
	} {
		if got := Reference(tt.major, tt.name, tt.ref); got != tt.want {
			t.Errorf("%d %s %q: %q, want %q", tt.major, tt.name, tt.ref, got, tt.want)
		}
	}
}

func TestMajor(t *testing.T) {
	for text, want := range map[string]int{"5.4": 5, "5": 5, "5.1": 5, "5.4-inlineSpecifiers": 5, "6.0": 6, "6.1": 6, "9.0": 9, "4": 0, "3.9": 0, "10.0": 0, "": 0, "9.x": 0, "90": 0} {
		if got, ok := Major(text); got != want || ok != (want != 0) {
			t.Errorf("%q: %d %v", text, got, ok)
		}
	}
}

func TestGitHosted(t *testing.T) {
	for url, want := range map[string]string{
		"https://codeload.github.com/o/r/tar.gz/825d":                                           "https://github.com/o/r 825d",
		"https://bitbucket.org/o/r/get/825d.tar.gz":                                             "https://bitbucket.org/o/r 825d",
		"https://gitlab.com/api/v4/projects/o%2Fr/repository/archive.tar.gz?ref=825d":           "https://gitlab.com/o/r 825d",
		"https://gitlab.com/o/g/r/-/archive/825d/r-825d.tar.gz":                                 "https://gitlab.com/o/g/r 825d",
		"https://gitlab.com/o/r/repository/archive.tar.gz?ref=825d":                             "https://gitlab.com/o/r 825d",
		"https://codeload.github.com.evil.example/o/r/tar.gz/825d":                              "",
		"https://registry.npmjs.org/a/-/a-1.0.0.tgz?x=https://codeload.github.com/o/r/tar.gz/1": "",
		"http://codeload.github.com/o/r/tar.gz/825d":                                            "",
	} {
		repository, commit, _ := GitHosted(url)
		if got := strings.TrimSpace(repository + " " + commit); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(9, "foo@1.0.0(patch_hash=a)(b@1(c@2))")
	f.Add(5, "a/@s/b/1.0.0_x")
	f.Add(6, "a/@s/b@1.0.0(x)")
	f.Fuzz(func(t *testing.T, major int, key string) {
		if k := Parse(major, key); !strings.HasPrefix(key, k.ID) || !strings.Contains(k.ID, k.Name) || !strings.Contains(k.ID, k.Version) {
			t.Errorf("%q: %+v", key, k)
		}
		Reference(major, key, key)
	})
}
