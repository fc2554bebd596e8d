package lockcheck

import (
	"testing"
)

// TestFirstParty checks that a package is the project's own only where the
// installer's record leads to the directory that the lock has for it. Its name
// decides nothing.
func TestFirstParty(t *testing.T) {
	npm := open(t, "package-lock.json", `{"lockfileVersion": 3, "packages": {
"": {"workspaces": ["packages/*", "!packages/vendored", "tools/**"]},
"node_modules/a": {"resolved": "packages/a", "link": true},
"node_modules/@me/b": {"resolved": "packages/b", "link": true},
"node_modules/deep": {"resolved": "tools/x/deep", "link": true},
"node_modules/vendored": {"resolved": "packages/vendored", "link": true},
"node_modules/aside": {"resolved": "aside", "link": true},
"node_modules/out": {"resolved": "../out", "link": true},
"node_modules/ms": {"version": "2.1.3", "integrity": "`+sri512+`"},
"packages/a": {"version": "1.0.0"},
"packages/b": {"name": "@me/b", "version": "1.0.0"},
"tools/x/deep": {"version": "1.0.0"},
"packages/vendored": {"version": "1.0.0"},
"aside": {"version": "1.0.0"},
"../out": {"version": "1.0.0"}
}}`)
	object := open(t, "package-lock.json", `{"lockfileVersion": 2, "packages": {"": {"workspaces": {"packages": ["./libs/*"]}}, "node_modules/c": {"resolved": "libs/c", "link": true}, "libs/c": {"version": "1.0.0"}}}`)
	const project = "version = 1\n\n[manifest]\nmembers = [\"p\", \"q\"]\n\n[[package]]\nname = \"p\"\nversion = \"0.1\"\nsource = { editable = \".\" }\n\n" +
		"[[package]]\nname = \"q\"\nversion = \"0.1\"\nsource = { editable = \"packages/q\" }\n\n[[package]]\nname = \"aside\"\nversion = \"0.1\"\nsource = { editable = \"vendor/aside\" }\n\n" +
		"[[package]]\nname = \"six\"\nversion = \"1.16.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n"
	uv := open(t, "uv.lock", project)
	single := open(t, "uv.lock", "version = 1\n\n[[package]]\nname = \"p\"\nversion = \"0.1\"\nsource = { virtual = \".\" }\n\n[[package]]\nname = \"aside\"\nversion = \"0.1\"\nsource = { editable = \"aside\" }\n")
	link := func(name, version, file, url string, paths ...string) Package {
		return Package{Type: "npm", Name: name, Version: version, Paths: append(paths, file), Install: Install{Kind: KindLink, URL: url, File: file}}
	}
	from := func(kind, name, version, url string) Package {
		return Package{Type: "pypi", Name: name, Version: version, Install: Install{Kind: kind, URL: url}, Paths: []string{"/v/lib/python3.11/site-packages/x.dist-info/METADATA"}}
	}
	for _, tt := range []struct {
		name string
		lock *Lock
		p    Package
		line int // 0 for none
	}{
		{"a member", npm, link("a", "1.0.0", "/node_modules/a", "/packages/a", "/packages/a/package.json"), 10},
		{"a member of a project elsewhere", npm, link("a", "1.0.0", "/srv/app/node_modules/a", "/srv/app/packages/a", "/srv/app/packages/a/package.json"), 10},
		{"a scoped member", npm, link("@me/b", "1.0.0", "/node_modules/@me/b", "/packages/b"), 11},
		{"a member by **", npm, link("deep", "1.0.0", "/node_modules/deep", "/tools/x/deep"), 12},
		{"workspaces as an object", object, link("c", "1.0.0", "/node_modules/c", "/libs/c"), 1},
		{"a member that the patterns exclude", npm, link("vendored", "1.0.0", "/node_modules/vendored", "/packages/vendored"), 0},
		{"a directory that is no member", npm, link("aside", "1.0.0", "/node_modules/aside", "/aside"), 0},
		{"a directory outside of the project", npm, link("out", "1.0.0", "/app/node_modules/out", "/out"), 0},
		{"a member's link to another place", npm, link("a", "1.0.0", "/node_modules/a", "/tmp/a"), 0},
		{"to a place with the same end", npm, link("a", "1.0.0", "/srv/node_modules/a", "/evil/packages/a"), 0},
		{"another package that links to a member", npm, link("evil", "1.0.0", "/node_modules/evil", "/packages/a"), 0},
		{"another version", npm, link("a", "6.6.6", "/node_modules/a", "/packages/a"), 0},
		{"a copy elsewhere", npm, link("a", "1.0.0", "/node_modules/a", "/packages/a", "/other/node_modules/a/package.json"), 0},
		{"installed, not linked", npm, js("a", "1.0.0", "/node_modules/a"), 0},
		{"a registry's package", npm, link("ms", "2.1.3", "/node_modules/ms", "/packages/ms"), 0},

		{"uv: the project", uv, from(KindEditable, "p", "0.1", "file:///srv/app"), 7},
		{"uv: a member", uv, from(KindEditable, "q", "0.1", "file:///srv/app/packages/q"), 12},
		{"uv: a member as a copy", uv, from(KindURL, "Q", "0.1", "file:///srv/app/packages/q"), 12},
		{"uv: the project without a workspace", single, from(KindURL, "p", "0.1", "file:///srv/app"), 4},
		{"uv: a directory that is no member", uv, from(KindEditable, "aside", "0.1", "file:///srv/app/vendor/aside"), 0},
		{"uv: a directory beside a single project", single, from(KindEditable, "aside", "0.1", "file:///srv/app/aside"), 0},
		{"uv: a member at another place", uv, from(KindEditable, "q", "0.1", "file:///tmp/q"), 0},
		{"uv: the project's name from a registry", uv, from("", "p", "0.1", ""), 0},
		{"uv: the project's name from a URL", uv, from(KindURL, "p", "0.1", "https://evil.example/p-0.1.tar.gz"), 0},
		{"uv: the project's name from an archive", uv, from(KindURL, "p", "0.1", "file:///tmp/p-0.1-py3-none-any.whl"), 0},
	} {
		e := NewSet([]*Lock{tt.lock}, Policy{}).FirstParty(tt.p)
		switch {
		case e == nil && tt.line > 0:
			t.Errorf("%s: not first-party", tt.name)
		case e != nil && e.Line != tt.line:
			t.Errorf("%s: first-party by line %d, want %d", tt.name, e.Line, tt.line)
		}
	}
}
