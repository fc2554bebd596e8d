package lockcheck

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/version"
)

// fuzzFormat checks the properties of every parser: it does not panic, an error
// has a position in the file, the entries have the properties of checkEntries,
// parsing twice gives the same result, and every entry can be matched.
func fuzzFormat(f *testing.F, format string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// The directory does not exist, so that includes and go.mod are not
		// found and only the content counts.
		path := "/nonexistent/lock/requirements/" + map[string]string{formatGo: "go.sum"}[format]
		read := func() (*Lock, error) {
			l, err := parseAs(t, format, path, data)
			if err == nil {
				l.finish()
			}
			return l, err
		}
		l, err := read()
		again, errAgain := read()
		if !reflect.DeepEqual(l, again) || (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Fatal("parsing twice gives two results")
		}
		if err != nil {
			e, ok := errors.AsType[*SyntaxError](err)
			if !ok || e.Line < 1 || e.Line > 1+strings.Count(string(data), "\n") || e.Msg == "" {
				t.Fatalf("an error without a position in the file: %v", err)
			}
			return
		}
		if invalidUTF8(data) < 0 {
			checkEntries(t, l, map[string][]byte{path: data})
		}
		s := NewSet([]*Lock{l}, Policy{})
		for i := range l.Entries {
			e := &l.Entries[i]
			p := Package{Type: e.Type, Namespace: e.Namespace, Name: e.Name, Version: e.Version}
			if e.Install != "" {
				p.Paths = []string{"/app/" + e.Install}
			}
			r := s.Match(p)
			if r.Detail == "" || r.Pinned != (r.Evidence != "") || r.Pinned && r.Entry == nil || !r.Pinned && r.Reason == "" {
				t.Fatalf("%+v", r)
			}
			if r.Pinned && !ecosystem.ASCII(e.fullName()) {
				t.Fatalf("a look-alike is pinned: %q", e.fullName())
			}
		}
	})
}

// corpusSeeds returns this repository's fixtures of a format.
func corpusSeeds(f *testing.F, pattern string) []string {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		f.Fatalf("no seeds at %s: %v", pattern, err)
	}
	var out []string
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, string(data))
	}
	return out
}

func FuzzRequirements(f *testing.F) {
	fuzzFormat(f, formatRequirements, "a==1 \\\n --hash=sha256:"+shaA+"\n", "-e git+https://x/y@z#egg=a", "a[b] @ https://x/a.zip ; os_name == 'c'", "-i 'x' # c\na===1\n", "./a-1-py3-none-any.whl", "\ufeffa (==1)\\\n\\\n# x\nb")
}

func FuzzPylock(f *testing.F) {
	fuzzFormat(f, formatPylock, pylockSample)
}

func FuzzUV(f *testing.F) {
	fuzzFormat(f, formatUV, uvLock(`{ registry = "https://pypi.org/simple" }`, "https://files.pythonhosted.org/foo-1.0-py3-none-any.whl"), uvLock(`{ git = "https://x/y#z" }`, ""),
		"version = 1\nrequires-python = '>=3.8'\n[manifest]\nmembers = ['p']\n[[package]]\nname = 'p'\nsource = { editable = '.' }\ndependencies = [{ name = 'foo', marker = \"os_name == 'nt'\" }]\n[[package]]\nname = 'foo'\nversion = '1'\nresolution-markers = [\"extra == 'x'\"]\n")
}

func FuzzPoetry(f *testing.F) {
	fuzzFormat(f, formatPoetry, poetryLock("git", "https://x/y", ""), poetryOld)
}

func FuzzPipfile(f *testing.F) {
	fuzzFormat(f, formatPipfile, pipfileSample)
}

func FuzzNPM(f *testing.F) {
	fuzzFormat(f, formatNPM, append(corpusSeeds(f, "testdata/npm/*/package-lock.json"),
		npmLock("node_modules/@a/b", `"name":"c","link":true,"resolved":"x"`), npmLock("packages/a", ""), `{"dependencies":{"a":{"version":"npm:b@1","dependencies":{}}}}`)...)
}

func FuzzCorepack(f *testing.F) {
	fuzzFormat(f, formatCorepack, `{"packageManager": "pnpm@9.8.0+sha512.`+hex512+`", "devEngines": {"packageManager": {"name": "npm", "version": "10.0.0"}}}`, `{"packageManager": "yarn@https://x.example/y.js+sha224.00"}`)
}

func FuzzYarn(f *testing.F) {
	fuzzFormat(f, formatYarn, append(corpusSeeds(f, "testdata/yarn/*/yarn.lock"), yarnLock, yarnClassic, "# yarn lockfile v1\n",
		berryEntry("a@patch:b@npm%3A1#~/x&./y", "1.0.0", "a@patch:b@npm%3A1#~/x::version=1", "  conditions: (os=!a | os=b) & cpu=c", "  checksum: 1/2"))...)
}

func FuzzGoSum(f *testing.F) {
	fuzzFormat(f, formatGo, "example.org/a v1.0.0 h1:qJmnOUb4YB+FsEuM3HcWucdZASCPGhsX6uljO6pog0c=\nexample.org/a v1.0.0/go.mod h1:qJmnOUb4YB+FsEuM3HcWucdZASCPGhsX6uljO6pog0c=\n")
}

// FuzzGoMod parses go.mod with replacements and without a go.sum.
func FuzzGoMod(f *testing.F) {
	f.Add([]byte("module m\n\ngo 1.26\n\nrequire (\n\texample.org/a v1.0.0\n)\n\nreplace example.org/a => ../a\n\nreplace example.org/b v1.0.0 => example.org/c v1.0.0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := "/nonexistent/lock/go.mod"
		l, err := parseAs(t, formatGo, path, data)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("an error without a position: %v", err)
			}
			return
		}
		lines := 1 + strings.Count(string(data), "\n")
		for i := range l.Entries {
			if e := &l.Entries[i]; e.Name == "" || e.Line < 1 || e.Line > lines || len(e.Hashes) > 0 {
				t.Fatalf("%+v", *e)
			}
		}
	})
}

func FuzzCargo(f *testing.F) {
	fuzzFormat(f, formatCargo, cargoLock("registry+https://github.com/rust-lang/crates.io-index"), cargoOld, cargoLock("git+https://x/y#z"))
}

// FuzzVersion checks that equality is symmetric and that each version equals
// itself.
func FuzzVersion(f *testing.F) {
	f.Add("1.0", "1.0.0")
	f.Add("1.0+a.1", "1.0+a-1")
	f.Add("1!2.post3.dev4", "v1!2-3.dev4")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !version.Same("pypi", a, a) || version.Same("pypi", a, b) != version.Same("pypi", b, a) {
			t.Errorf("%q, %q", a, b)
		}
	})
}

// FuzzScrub checks that no user information, query or fragment of a URL is left.
func FuzzScrub(f *testing.F) {
	f.Add("https", "user:hunter2", "example.org", "/simple")
	f.Add("git+ssh", "git", "github.com:22", "/a/b.git")
	f.Add("https", "${USER}:${PASS}", "[::1]", "")
	f.Fuzz(func(t *testing.T, scheme, secret, host, path string) {
		const needle = "hunter2needle"
		for _, raw := range []string{
			scheme + "://" + secret + needle + "@" + host + "/" + path,
			scheme + "://" + host + "/" + path + "?" + secret + needle,
			scheme + "://" + host + "/" + path + "#" + needle,
		} {
			if strings.ContainsAny(scheme+secret+host, "/\\?#@:") || strings.Contains(scheme+secret+host+path, needle) {
				continue
			}
			if got := scrub(raw); strings.Contains(got, needle) {
				t.Errorf("%q became %q", raw, got)
			}
			if got := repository(raw); strings.Contains(got, needle) {
				t.Errorf("repository of %q is %q", raw, got)
			}
		}
	})
}
