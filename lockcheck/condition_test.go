package lockcheck

import (
	"strings"
	"testing"
)

// TestConditions checks in every format with conditions that the entry which
// applies in the environment pins, that one for another environment does not,
// and that one which cannot be decided does not either. Each says why.
func TestConditions(t *testing.T) {
	files := `{file = "foo-1.0-py3-none-any.whl", hash = "sha256:` + shaA + `"}`
	wheel := `wheels = [{ url = "https://files.pythonhosted.org/foo-1.0-py3-none-any.whl", hash = "sha256:` + shaA + `" }]`
	registry := `source = { registry = "https://pypi.org/simple" }`
	root := func(edges string) string {
		return "version = 1\n\n[[package]]\nname = \"p\"\nversion = \"0\"\nsource = { virtual = \".\" }\n" + edges +
			"\n\n[[package]]\nname = \"foo\"\nversion = \"1.0\"\n" + registry + "\n" + wheel + "\n"
	}
	for _, tt := range []struct{ name, format, text, want, detail string }{
		{"another Python", "requirements.txt", "foo==1.0 ; python_version < '3.8' --hash=sha256:" + shaA, "other-platform", "/requirements.txt:1), and this environment has python_version 3.11"},
		{"this Python", "requirements.txt", "foo==1.0 ; python_version >= '3.8' and sys_platform != 'win32' --hash=sha256:" + shaA, "hash-locked", ""},
		{"the other one applies", "requirements.txt", "foo==1.0 ; python_version < '3.8'\nfoo==3.0 ; python_version >= '3.8'", "other-platform", `"foo" is installed at "1.0" and locked at "3.0"`},
		{"not decided", "requirements.txt", "foo==1.0 ; platform_machine == 'arm64' --hash=sha256:" + shaA, "unknown-platform", "and this environment does not show platform_machine"},
		{"decided by a part", "requirements.txt", "foo==1.0 ; platform_machine == 'arm64' or sys_platform == 'linux'", "version-locked no-hash", ""},
		{"another entry decides", "requirements.txt", "foo==1.0 ; platform_machine == 'arm64'\nfoo==1.0 ; os_name == 'posix' --hash=sha256:" + shaA, "hash-locked", ""},
		{"the last number is not known", "requirements.txt", "foo==1.0 ; python_full_version < '3.11.3'", "unknown-platform", "has python_version 3.11"},
		{"an extra", "requirements.txt", "foo==1.0 ; extra == 'test' and os_name == 'posix'", "version-locked no-hash", ""},
		{"a URL", "requirements.txt", "https://files.pythonhosted.org/foo-1.0-py3-none-any.whl ; sys_platform == 'win32'", "other-platform", "this environment has sys_platform linux"},
		{"pylock", "pylock.toml", "lock-version = '1.0'\n[[packages]]\nname = 'foo'\nversion = '1.0'\nmarker = \"python_version < '3.8'\"\n", "other-platform", ""},
		{"a group of pylock", "pylock.toml", "lock-version = '1.0'\n[[packages]]\nname = 'foo'\nversion = '1.0'\nmarker = \"'dev' in dependency_groups\"\n", "version-locked no-hash", ""},
		{"pylock's Python", "pylock.toml", "lock-version = '1.0'\n[[packages]]\nname = 'foo'\nversion = '1.0'\nrequires-python = '<3.9'\n", "other-platform", "locked for Python <3.9 ("},
		{"pylock's Python of all", "pylock.toml", "lock-version = '1.0'\nrequires-python = '>=3.12'\n[[packages]]\nname = 'foo'\nversion = '1.0'\n", "other-platform", ""},
		{"Pipenv", "Pipfile.lock", `{"default": {"foo": {"version": "==1.0", "markers": "sys_platform == 'win32'"}}}`, "other-platform", ""},
		{"Poetry 2", "poetry.lock", "[[package]]\nname = \"foo\"\nversion = \"1.0\"\ngroups = [\"main\"]\nmarkers = \"python_version < '3.8'\"\nfiles = [" + files + "]\n", "other-platform", ""},
		{"all groups of Poetry", "poetry.lock", "[[package]]\nname = \"foo\"\nversion = \"1.0\"\ngroups = [\"main\", \"dev\"]\nmarkers = {main = \"python_version < '3.8'\", dev = \"sys_platform == 'win32'\"}\nfiles = [" + files + "]\n", "other-platform", "python_version < '3.8' or sys_platform == 'win32'"},
		{"a group of Poetry", "poetry.lock", "[[package]]\nname = \"foo\"\nversion = \"1.0\"\ngroups = [\"main\", \"dev\"]\nmarkers = {main = \"python_version < '3.8'\"}\nfiles = [" + files + "]\n", "hash-locked", ""},
		{"another Python of Poetry", "poetry.lock", "[[package]]\nname = \"foo\"\nversion = \"1.0\"\npython-versions = \"<3.9,>=3.6\"\nfiles = [" + files + "]\n", "other-platform", ""},
		{"this Python of Poetry", "poetry.lock", "[[package]]\nname = \"foo\"\nversion = \"1.0\"\npython-versions = \">=3.6\"\nfiles = [" + files + "]\n", "hash-locked", ""},
		{"Poetry's own ranges", "poetry.lock", "[[package]]\nname = \"foo\"\nversion = \"1.0\"\npython-versions = \"^2.7 || <3\"\nfiles = [" + files + "]\n", "hash-locked", ""},
		{"Poetry before 1.0", "poetry.lock", "[[package]]\nname = \"foo\"\nversion = \"1.0\"\nmarker = \"sys_platform == 'win32'\"\n", "other-platform", ""},
		{"a fork of uv", "uv.lock", "version = 1\n[[package]]\nname = \"foo\"\nversion = \"1.0\"\n" + registry + "\nresolution-markers = [\"python_full_version < '3.10'\", \"sys_platform == 'win32'\"]\n" + wheel, "other-platform", ""},
		{"this fork of uv", "uv.lock", "version = 1\n[[package]]\nname = \"foo\"\nversion = \"1.0\"\n" + registry + "\nresolution-markers = [\"python_full_version < '3.10'\", \"sys_platform == 'linux'\"]\n" + wheel, "hash-locked", ""},
		{"an edge of uv", "uv.lock", root(`dependencies = [{ name = "foo", marker = "sys_platform == 'win32'" }]`), "other-platform", "required for sys_platform == 'win32' ("},
		{"an open edge of uv", "uv.lock", root(`dependencies = [{ name = "foo", marker = "sys_platform == 'linux'" }]`), "hash-locked", ""},
		{"an undecided edge of uv", "uv.lock", root(`dependencies = [{ name = "foo", marker = "platform_machine == 'arm64'" }]`), "unknown-platform", "does not show platform_machine"},
		{"an edge of a group", "uv.lock", root("[package.dev-dependencies]\ndev = [{ name = \"foo\" }]"), "hash-locked", ""},
		{"an edge of an extra", "uv.lock", root("[package.optional-dependencies]\nx = [{ name = \"foo\", marker = \"python_full_version < '3.9'\" }]"), "other-platform", ""},
		{"no edge", "uv.lock", root(""), "hash-locked", ""},
		{"two steps", "uv.lock", root("dependencies = [{ name = \"bar\", marker = \"os_name == 'nt'\" }]\n\n[[package]]\nname = \"bar\"\nversion = \"1\"\n" + registry + "\ndependencies = [{ name = \"foo\" }]"), "other-platform", "what requires it is for other environments ("},
		{"the manifest", "uv.lock", "version = 1\n[manifest]\nrequirements = [{ name = \"foo\", marker = \"os_name == 'nt'\" }]\n" + root(""), "other-platform", ""},
		{"pylock's environments", "pylock.toml", "lock-version = '1.0'\nenvironments = [\"sys_platform == 'win32'\", \"sys_platform == 'darwin'\"]\n[[packages]]\nname = 'foo'\nversion = '1.0'\n", "other-platform", "locked for the environments of the lock ("},
		{"one of pylock's environments", "pylock.toml", "lock-version = '1.0'\nenvironments = [\"sys_platform == 'win32'\", \"sys_platform == 'linux'\"]\n[[packages]]\nname = 'foo'\nversion = '1.0'\n", "version-locked no-hash", ""},
		{"uv's environments", "uv.lock", "supported-markers = [\"sys_platform == 'darwin'\"]\n" + root(""), "other-platform", "this environment has sys_platform linux"},
		{"uv's Python of all", "uv.lock", "requires-python = \">=3.12\"\n" + root(""), "other-platform", ""},
	} {
		text := tt.text
		if tt.name == "the manifest" {
			text = strings.Replace(text, "version = 1\n", "", 2)
			text = "version = 1\n" + text
		}
		r := match([]*Lock{open(t, tt.format, text)}, py("foo", "1.0"))
		if outcome(r) != tt.want || !strings.Contains(r.Detail, tt.detail) {
			t.Errorf("%s: %s, want %s: %s", tt.name, outcome(r), tt.want, r.Detail)
		}
	}
}

// TestSeveralEnvironments checks that an entry must apply in every environment
// that a package is installed in.
func TestSeveralEnvironments(t *testing.T) {
	l := open(t, "requirements.txt", "foo==1.0 ; python_version < '3.10'\n")
	p := py("foo", "1.0")
	for _, short := range []string{"3.9", "3.8"} {
		p.Markers = []map[string]string{{"python_version": short}}
		if r := match([]*Lock{l}, p); !r.Pinned {
			t.Errorf("%s: %s", short, r.Detail)
		}
	}
	p.Markers = []map[string]string{{"python_version": "3.9"}, {"python_version": "3.11"}}
	if r := match([]*Lock{l}, p); r.Reason != OtherPlatform {
		t.Errorf("two environments: %s: %s", outcome(r), r.Detail)
	}
}

// TestMalformedMarkers checks that a marker which is none is an error with its
// place.
func TestMalformedMarkers(t *testing.T) {
	for name, text := range map[string]string{
		"pylock.toml":      "lock-version = '1.0'\n[[packages]]\nname = 'foo'\nmarker = \"x\"\n",
		"poetry.lock":      "[[package]]\nname = \"foo\"\nversion = \"1\"\n\nmarkers = {main = \"os_name ==\"}\n",
		"Pipfile.lock":     "{\"default\": {\"foo\":\n{\"version\": \"==1.0\",\n\"markers\": \"m\"}}}",
		"uv.lock":          "version = 1\n[[package]]\nname = \"foo\"\nversion = \"1\"\nresolution-markers = [\"m\"]\n",
		"requirements.txt": "a==1\n\n\n./x.whl ; m\n",
	} {
		if err := openErr(t, name, text); !strings.Contains(err, name+":") || !strings.Contains(err, "marker") {
			t.Errorf("%s: %s", name, err)
		}
	}
}

// TestPlatforms checks npm's conditions as npm-install-checks has them.
func TestPlatforms(t *testing.T) {
	linux := Platform{OS: "linux", CPU: "x64", Libc: "glibc"}
	sum := `"version":"1.0.0","integrity":"` + sri512 + `",`
	claimed := Hash{Algorithm: "sha512", Value: hex512}
	for _, tt := range []struct {
		fields  string
		on      Platform
		digests []Hash
		want    string
	}{
		{`"os":["darwin"]`, linux, nil, "other-platform"},
		{`"os":["linux","darwin"]`, linux, nil, "hash-locked"},
		{`"os":["!win32"]`, linux, nil, "hash-locked"},
		{`"os":["!linux","darwin"]`, linux, nil, "other-platform"},
		{`"os":"any"`, linux, nil, "hash-locked"},
		{`"cpu":["arm64"]`, linux, nil, "other-platform"},
		{`"cpu":["arm64"]`, Platform{OS: "linux"}, nil, "hash-locked"},
		{`"libc":["musl"]`, linux, nil, "other-platform"},
		{`"libc":["glibc"]`, linux, nil, "hash-locked"},
		{`"libc":["glibc"]`, Platform{OS: "win32"}, nil, "other-platform"},
		{`"os":["darwin"]`, linux, []Hash{claimed}, "hash-claimed"}, // npm install --os=darwin
	} {
		l := open(t, "package-lock.json", npmLock("node_modules/a", sum+tt.fields))
		p := js("a", "1.0.0", "/app/node_modules/a", tt.digests...)
		p.Platform = tt.on
		if r := match([]*Lock{l}, p); outcome(r) != tt.want {
			t.Errorf("%s: %s, want %s: %s", tt.fields, outcome(r), tt.want, r.Detail)
		}
	}
}
