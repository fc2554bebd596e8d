package classify

import (
	"bytes"
	"errors"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
)

// TestTables checks that every class has a file to look for, a package and a
// version, and that its expressions compile.
func TestTables(t *testing.T) {
	for name, read := range map[string]func() ([]Class, error){"classifiers": Classes, "php": PHP} {
		classes, err := read()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range classes {
			if c.Glob == "" || !doublestar.ValidatePattern(c.Glob) {
				t.Errorf("%s: %s: glob %q", name, c.class, c.Glob)
			}
			if !c.complete(c.name != "" && strings.HasPrefix(c.purl, "pkg:")) {
				t.Errorf("%s: %s: no package or no version", name, c.class)
			}
		}
		t.Logf("%s: %d classes", name, len(classes))
	}
}

func (r *rule) complete(named bool) bool {
	var has func(c *condition) bool
	has = func(c *condition) bool {
		switch c.op {
		case "content":
			return named && regexp.MustCompile(c.arg).SubexpIndex("version") > 0
		case "named", "library":
			regexp.MustCompile(c.arg)
		}
		ok := false
		for _, b := range c.below {
			ok = has(b) || ok
		}
		for _, k := range c.classes {
			ok = k.complete(k.name != "" && strings.HasPrefix(k.purl, "pkg:")) || ok
		}
		return ok
	}
	return has(r.condition)
}

// memory is an environment of files.
type memory map[string]string

type open struct{ *bytes.Reader }

func (open) Close() error { return nil }

func (m memory) Open(name string) (Content, error) {
	data, ok := m[name]
	if !ok {
		return nil, errors.New("no such file")
	}
	return open{bytes.NewReader([]byte(data))}, nil
}

func (m memory) Glob(pattern string) ([]string, error) {
	var out []string
	for name := range m {
		if ok, err := doublestar.Match(pattern, name); err != nil {
			return nil, err
		} else if ok {
			out = append(out, name)
		}
	}
	return out, nil
}

func TestMatch(t *testing.T) {
	classes, err := Classes()
	if err != nil {
		t.Fatal(err)
	}
	far := strings.Repeat("x", window+window/2-8) // the version is in two windows
	// At the ends of what is read at once, a version is found wherever it is.
	for _, end := range []int{beginning, window} {
		for _, size := range []int{end - 1, end, end + 1, end + 6, end + 12} {
			version := "curl/8.5.0\x00"
			checkMatch(t, classes, "/usr/bin/curl", memory{"/usr/bin/curl": strings.Repeat("x", size-len(version)) + version}, "curl 8.5.0")
		}
		checkMatch(t, classes, "/usr/bin/curl", memory{"/usr/bin/curl": strings.Repeat("x", end)}, "")
	}
	for file, c := range map[string]struct {
		files memory
		want  string
	}{
		"/usr/bin/curl":         {memory{"/usr/bin/curl": far + "curl/8.5.0\x00"}, "curl 8.5.0"},
		"/usr/bin/python3.11":   {memory{"/usr/bin/python3.11": "\x003.12.1\x00\x003.11.2\x00"}, "python 3.11.2"},
		"/usr/local/go/bin/go":  {memory{"/usr/local/go/bin/go": "nothing", "/usr/local/go/VERSION": "go1.26.8\n"}, "go 1.26.8"},
		"/usr/bin/redis-server": {memory{"/usr/bin/redis-server": "Redis version 2.8.23"}, "redis 2.8.23"},
		"/usr/bin/gzip":         {memory{"/usr/bin/gzip": "\x001.12\x00"}, ""},
	} {
		checkMatch(t, classes, file, c.files, c.want)
	}
}

func checkMatch(t *testing.T, classes []Class, file string, files memory, want string) {
	t.Helper()
	got := ""
	for i := range classes {
		if ok, _ := doublestar.Match(classes[i].Glob, file); !ok {
			continue
		}
		m, err := classes[i].Match(files, file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if m != nil {
			got = m.Name + " " + m.Version
		}
	}
	if got != want {
		t.Errorf("%s of %d bytes is %q, want %q", path.Base(file), len(files[file]), got, want)
	}
}

func TestMalformedTables(t *testing.T) {
	for _, text := range []string{"x\n", "class a\n", "class a\n\tcontent x\n\tcontent y\n", "class a\n\tany\n", "class a\n\teach\n\t\tpath x\n", "class a\n\tbeside x\n", "\tcontent x\n", "class a\n\tnothing x\n"} {
		if got, err := parse(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
