package lockcheck

import (
	"path/filepath"
	"strings"
	"testing"
)

// npmLock is a version 3 lock with one entry.
func npmLock(key, fields string) string {
	return `{"name":"x","lockfileVersion":3,"packages":{"":{"name":"x"},
"` + key + `":{` + fields + `}}}`
}

// TestLooksPinned checks packages that appear to be pinned and are not, or with
// weaker evidence. Other scanners accept most of them.
func TestLooksPinned(t *testing.T) {
	lodash := "https://registry.npmjs.org/lodash/-/lodash-4.17.21.tgz"
	inst := "/app/node_modules/lodash"
	d512 := Hash{Algorithm: "sha512", Value: hex512}
	tests := []struct {
		name, file, lock string
		p                Package
		want             string
	}{
		{"npm control: everything in order", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"`+lodash+`","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "hash-claimed"},
		{"npm resolved on another host", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"https://evil.example/lodash/-/lodash-4.17.21.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "other-registry"},
		{"npm host after user information", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"https://registry.npmjs.org@evil.example/lodash/-/lodash-4.17.21.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "other-registry"},
		{"npm host with a backslash", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"https://evil.example\\@registry.npmjs.org/lodash/-/lodash-4.17.21.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "other-registry"},
		{"npm host with the same beginning", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"https://registry.npmjs.org.evil.example/lodash/-/lodash-4.17.21.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "other-registry"},
		{"npm tarball of another package", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"https://registry.npmjs.org/evil/-/evil-4.17.21.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "other-package"},
		{"npm tarball of a scoped package of that name", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"https://registry.npmjs.org/@evil/lodash/-/lodash-4.17.21.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "other-package"},
		{"npm tarball of another version", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"https://registry.npmjs.org/lodash/-/lodash-4.17.20.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "other-package"},
		{"npm http", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"http://registry.npmjs.org/lodash/-/lodash-4.17.21.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "other-registry"},
		{"npm git+ssh", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"git+ssh://git@github.com/lodash/lodash.git#`+commit+`"`), js("lodash", "4.17.21", inst), "vcs-install"},
		{"npm file", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"file:../lodash.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst), "local-path"},
		{"npm file with other bytes", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"file:../lodash.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, Hash{Algorithm: "sha512", Value: strings.Repeat("0", 128)}), "hash-mismatch"},
		{"npm file without integrity", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"file:../lodash.tgz"`), js("lodash", "4.17.21", inst, d512), "local-path"},
		{"npm file with sha1 only", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"file:../lodash.tgz","integrity":"`+sri1+`"`), js("lodash", "4.17.21", inst, Hash{Algorithm: "sha1", Value: hex1}), "local-path"},
		{"npm file of another version", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.20","resolved":"file:../lodash.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "locked-at-another-version"},
		{"npm without integrity", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"`+lodash+`"`), js("lodash", "4.17.21", inst, d512), "version-locked no-hash"},
		{"npm with sha1 only", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"`+lodash+`","integrity":"`+sri1+`"`), js("lodash", "4.17.21", inst, Hash{Algorithm: "sha1", Value: hex1}), "version-locked weak-hash"},
		{"npm with sha1 and sha512: the strong one is needed", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"`+lodash+`","integrity":"`+sri1+" "+sri512+`"`), js("lodash", "4.17.21", inst, Hash{Algorithm: "sha1", Value: hex1}), "hash-locked"},
		{"npm with an integrity without a digest", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"`+lodash+`","integrity":"sha512-AAAA"`), js("lodash", "4.17.21", inst, d512), "version-locked no-hash"},
		{"npm link", "package-lock.json",
			npmLock("node_modules/lodash", `"resolved":"packages/lodash","link":true,"version":"4.17.21"`), js("lodash", "4.17.21", inst), "link"},
		{"npm alias: evil in the directory of lodash", "package-lock.json",
			npmLock("node_modules/lodash", `"name":"evil","version":"4.17.21","resolved":"https://registry.npmjs.org/evil/-/evil-4.17.21.tgz","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "aliased"},
		{"npm alias: its real name is what is locked", "package-lock.json",
			npmLock("node_modules/lodash", `"name":"evil","version":"4.17.21","resolved":"https://registry.npmjs.org/evil/-/evil-4.17.21.tgz","integrity":"`+sri512+`"`), js("evil", "4.17.21", inst, d512), "hash-claimed"},
		{"npm: the directory of another version", "package-lock.json",
			`{"lockfileVersion":3,"packages":{"node_modules/lodash":{"version":"4.17.20","integrity":"` + sri512 + `"},"node_modules/a/node_modules/lodash":{"version":"4.17.21","integrity":"` + sri512 + `"}}}`,
			js("lodash", "4.17.21", inst, d512), "locked-at-another-version"},
		{"npm: same version with other bytes", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"`+lodash+`","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, Hash{Algorithm: "sha512", Value: strings.Repeat("0", 128)}), "hash-mismatch"},
		{"npm: two copies, one with other bytes", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"`+lodash+`","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512, Hash{Algorithm: "sha512", Value: strings.Repeat("0", 128)}), "hash-mismatch"},
		{"npm: two copies that differ, and no hash to compare", "package-lock.json",
			npmLock("node_modules/lodash", `"version":"4.17.21","resolved":"`+lodash+`"`), js("lodash", "4.17.21", inst, d512, Hash{Algorithm: "sha512", Value: strings.Repeat("0", 128)}), "hash-mismatch"},
		{"npm v1: a git URL in the version's place", "package-lock.json",
			`{"lockfileVersion":1,"dependencies":{"lodash":{"version":"git+https://github.com/lodash/lodash.git#` + commit + `","from":"lodash"}}}`, js("lodash", "4.17.21", inst), "vcs-install"},
		{"npm v1: a tarball URL in the version's place", "package-lock.json",
			`{"lockfileVersion":1,"dependencies":{"lodash":{"version":"https://evil.example/lodash.tgz","integrity":"` + sri512 + `"}}}`, js("lodash", "4.17.21", inst), "other-registry"},
		{"npm: the key with another case", "package-lock.json",
			npmLock("node_modules/lodash", `"Version":"4.17.21","version":"4.17.20"`), js("lodash", "4.17.21", inst), "locked-at-another-version"},
		{"npm: Cyrillic о in the installed name", "package-lock.json",
			npmLock("node_modules/lоdash", `"version":"4.17.21","integrity":"`+sri512+`"`), js("lоdash", "4.17.21", "/app/node_modules/lоdash", d512), "look-alike-name"},
		{"npm: Cyrillic о in the lock", "package-lock.json",
			npmLock("node_modules/lоdash", `"version":"4.17.21","integrity":"`+sri512+`"`), js("lodash", "4.17.21", inst, d512), "not-in-any-lock"},

		{"pip control: name and version with a hash", "requirements.txt", "foo==1.0 --hash=sha256:" + shaA, py("foo", "1.0"), "hash-locked"},
		{"pip: name @ https", "requirements.txt", "foo @ https://evil.example/foo-1.0-py3-none-any.whl --hash=sha256:" + shaA, py("foo", "1.0"), "other-registry"},
		{"pip: name @ https, installed from that URL", "requirements.txt", "foo @ https://evil.example/foo-1.0-py3-none-any.whl --hash=sha256:" + shaA,
			Package{Type: "pypi", Name: "foo", Version: "1.0", Install: Install{Kind: KindURL, URL: "https://evil.example/foo-1.0-py3-none-any.whl"}}, "other-registry"},
		{"pip: pinned by name, installed from a URL", "requirements.txt", "foo==1.0 --hash=sha256:" + shaA,
			Package{Type: "pypi", Name: "foo", Version: "1.0", Install: Install{Kind: KindURL, URL: "https://evil.example/foo-1.0-py3-none-any.whl"}}, "url-install"},
		{"pip: pinned by name, installed from git", "requirements.txt", "foo==1.0 --hash=sha256:" + shaA,
			Package{Type: "pypi", Name: "foo", Version: "1.0", Install: Install{Kind: KindVCS, URL: "https://github.com/o/foo", Commit: commit}}, "vcs-install"},
		{"pip: pinned by name, installed editable", "requirements.txt", "foo==1.0 --hash=sha256:" + shaA,
			Package{Type: "pypi", Name: "foo", Version: "1.0", Install: Install{Kind: KindEditable}}, "editable-install"},
		{"pip: -e git", "requirements.txt", "-e git+https://github.com/o/foo@" + commit + "#egg=foo", py("foo", "1.0"), "editable-install"},
		{"pip: -e of a directory without a name", "requirements.txt", "-e ./foo", py("foo", "1.0"), "not-in-any-lock"},
		{"pip: another index", "requirements.txt", "--index-url https://evil.example/simple\nfoo==1.0 --hash=sha256:" + shaA, py("foo", "1.0"), "other-registry"},
		{"pip: an extra index after the requirement", "requirements.txt", "foo==1.0 --hash=sha256:" + shaA + "\n--extra-index-url https://evil.example/simple", py("foo", "1.0"), "other-registry"},
		{"pip: an extra index, the option shortened", "requirements.txt", "--extra https://evil.example/simple\nfoo==1.0 --hash=sha256:" + shaA, py("foo", "1.0"), "other-registry"},
		{"pip: a short option with its value attached", "requirements.txt", "-ihttps://evil.example/simple\nfoo==1.0 --hash=sha256:" + shaA, py("foo", "1.0"), "other-registry"},
		{"pip: find-links on another host", "requirements.txt", "-f https://evil.example/\nfoo==1.0 --hash=sha256:" + shaA, py("foo", "1.0"), "other-registry"},
		{"pip: a continued line", "requirements.txt", "foo==1.0 \\\n    --hash=sha256:" + shaA + " \\\n    --hash=sha256:" + shaB, py("foo", "1.0", Hash{Algorithm: "sha256", Value: shaB}), "hash-claimed"},
		{"pip: hashes of other artifacts", "requirements.txt", "foo==1.0 --hash=sha256:" + shaA, py("foo", "1.0", Hash{Algorithm: "sha256", Value: shaB}), "hash-mismatch"},
		{"pip: === compares text", "requirements.txt", "foo===1.0", py("foo", "1.0.0"), "locked-at-another-version"},
		{"pip: === of the same text", "requirements.txt", "foo===1.0", py("foo", "1.0"), "version-locked no-hash"},
		{"pip: a lower bound is not its version", "requirements.txt", "foo>=1.0", py("foo", "1.0"), "not-exact"},
		{"pip: a compatible release is not its version", "requirements.txt", "foo~=1.0", py("foo", "1.0"), "not-exact"},
		{"pip: == with a wildcard", "requirements.txt", "foo==1.*", py("foo", "1.0"), "not-exact"},
		{"pip: a name alone", "requirements.txt", "foo", py("foo", "1.0"), "not-exact"},
		{"pip: the version from an environment variable", "requirements.txt", "foo==${FOO_VERSION}", py("foo", "1.0"), "not-exact"},
		{"pip: a comment that includes the next line", "requirements.txt", "bar==2.0 # keep \\\nfoo==1.0", py("foo", "1.0"), "not-in-any-lock"},
		{"pip: another local version", "requirements.txt", "foo==1.0+cpu --hash=sha256:" + shaA, py("foo", "1.0+evil"), "locked-at-another-version"},
		{"pip: a local version in other bytes", "requirements.txt", "foo==1.0 --hash=sha256:" + shaA, py("foo", "1.0+evil", Hash{Algorithm: "sha256", Value: shaB}), "hash-mismatch"},
		{"pip: md5 only", "requirements.txt", "foo==1.0 --hash=md5:" + shaA[:32], py("foo", "1.0"), "version-locked weak-hash"},
		{"pip: Cyrillic а in the installed name", "requirements.txt", "pandas==1.0 --hash=sha256:" + shaA, py("pаndas", "1.0"), "look-alike-name"},
		{"pip: no version installed", "requirements.txt", "foo==1.0 --hash=sha256:" + shaA, py("foo", ""), "no-version"},
		{"pip: the version UNKNOWN of syft", "requirements.txt", "foo==1.0 --hash=sha256:" + shaA, py("foo", "UNKNOWN"), "no-version"},

		{"uv: another index", "uv.lock", uvLock(`{ registry = "https://evil.example/simple" }`, "https://evil.example/foo-1.0-py3-none-any.whl"), py("foo", "1.0"), "other-registry"},
		{"uv: the right index and a wheel from elsewhere", "uv.lock", uvLock(`{ registry = "https://pypi.org/simple" }`, "https://evil.example/foo-1.0-py3-none-any.whl"), py("foo", "1.0"), "other-registry"},
		{"uv: the wheel of another project", "uv.lock", uvLock(`{ registry = "https://pypi.org/simple" }`, "https://files.pythonhosted.org/packages/x/evil-1.0-py3-none-any.whl"), py("foo", "1.0"), "other-package"},
		{"uv: git", "uv.lock", uvLock(`{ git = "https://github.com/o/foo?rev=main#`+commit+`" }`, ""), py("foo", "1.0"), "vcs-install"},
		{"uv control", "uv.lock", uvLock(`{ registry = "https://pypi.org/simple" }`, "https://files.pythonhosted.org/packages/x/foo-1.0-py3-none-any.whl"), py("foo", "1.0"), "hash-locked"},
		{"poetry: git source", "poetry.lock", poetryLock("git", "https://github.com/o/foo.git", `resolved_reference = "`+commit+`"`), py("foo", "1.0"), "vcs-install"},
		{"poetry: another index", "poetry.lock", poetryLock("legacy", "https://evil.example/simple", `reference = "evil"`), py("foo", "1.0"), "other-registry"},
		{"poetry: a directory", "poetry.lock", poetryLock("directory", "../foo", ""), py("foo", "1.0"), "local-path"},
		{"pipenv: an undeclared index", "Pipfile.lock",
			`{"_meta":{"pipfile-spec":6,"sources":[{"name":"pypi","url":"https://pypi.org/simple","verify_ssl":true}]},"default":{"foo":{"version":"==1.0","index":"evil","hashes":["sha256:` + shaA + `"]}}}`, py("foo", "1.0"), "other-registry"},
		{"pipenv: git", "Pipfile.lock",
			`{"_meta":{"pipfile-spec":6,"sources":[]},"default":{"foo":{"git":"https://github.com/o/foo","ref":"` + commit + `"}}}`, py("foo", "1.0"), "vcs-install"},
		{"cargo: another registry below the same host", "Cargo.lock", cargoLock("registry+https://github.com/evil/crates.io-index"),
			Package{Type: "cargo", Name: "foo", Version: "1.0.0"}, "other-registry"},
		{"cargo control", "Cargo.lock", cargoLock("registry+https://github.com/rust-lang/crates.io-index"), Package{Type: "cargo", Name: "foo", Version: "1.0.0"}, "hash-locked"},
		{"cargo: the sparse index", "Cargo.lock", cargoLock("sparse+https://index.crates.io/"), Package{Type: "cargo", Name: "foo", Version: "1.0.0"}, "hash-locked"},
		{"cargo: git", "Cargo.lock", cargoLock("git+https://github.com/o/foo?branch=main#" + commit), Package{Type: "cargo", Name: "foo", Version: "1.0.0"}, "vcs-install"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := match([]*Lock{open(t, tt.file, tt.lock)}, tt.p)
			if got := outcome(r); got != tt.want {
				t.Errorf("got %s, want %s\n%s", got, tt.want, r.Detail)
			}
			if r.Detail == "" {
				t.Error("no sentence for people")
			}
		})
	}
}

func uvLock(source, wheel string) string {
	s := "version = 1\n\n[[package]]\nname = \"foo\"\nversion = \"1.0\"\nsource = " + source + "\n"
	if wheel != "" {
		s += "wheels = [\n    { url = \"" + wheel + "\", hash = \"sha256:" + shaA + "\" },\n]\n"
	}
	return s
}

func poetryLock(kind, url, more string) string {
	return "[[package]]\nname = \"foo\"\nversion = \"1.0\"\nfiles = [{file = \"foo-1.0.tar.gz\", hash = \"sha256:" + shaA + "\"}]\n\n[package.source]\ntype = \"" + kind + "\"\nurl = \"" + url + "\"\n" + more + "\n"
}

func cargoLock(source string) string {
	return "version = 4\n\n[[package]]\nname = \"foo\"\nversion = \"1.0.0\"\nsource = \"" + source + "\"\nchecksum = \"" + shaA + "\"\n"
}

// TestReplacedModule checks modules that go.mod replaces.
func TestReplacedModule(t *testing.T) {
	h1 := "qJmnOUb4YB+FsEuM3HcWucdZASCPGhsX6uljO6pog0c="
	mod := "module example.org/m\n\ngo 1.26\n\nrequire (\n\texample.org/a v1.0.0\n\texample.org/b v1.0.0\n\texample.org/c v1.0.0 // indirect\n)\n\nreplace example.org/a => example.org/fork v1.1.0\n\nreplace example.org/b => ../b\n"
	sum := "example.org/a v1.0.0 h1:" + h1 + "\nexample.org/fork v1.1.0 h1:" + h1 + "\nexample.org/fork v1.1.0/go.mod h1:" + h1 + "\nexample.org/c v1.0.0/go.mod h1:" + h1 + "\n"
	proof := []Hash{{Algorithm: "h1", Value: h1}}
	for _, file := range []string{"go.sum", "go.mod"} {
		l, err := Open(t.Context(), filepath.Join(files(t, "go.sum", sum, "go.mod", mod), file))
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct{ path, version, want string }{
			{"example.org/fork", "v1.1.0", "hash-claimed"},
			{"example.org/a", "v1.0.0", "replaced"},
			{"example.org/b", "v1.0.0", "local-path"},
			{"example.org/c", "v1.0.0", "version-locked no-hash"}, // /go.mod is not the module
			{"example.org/fork", "v1.1.0+incompatible", "locked-at-another-version"},
		} {
			r := match([]*Lock{l}, Package{Type: "golang", Name: tt.path, Version: tt.version, Digests: proof})
			if got := outcome(r); got != tt.want {
				t.Errorf("%s: %s@%s: got %s, want %s: %s", file, tt.path, tt.version, got, tt.want, r.Detail)
			}
		}
	}
}
