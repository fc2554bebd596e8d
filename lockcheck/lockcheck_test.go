package lockcheck

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	shaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	// sri512 is the Subresource Integrity of sha512 over the empty string.
	sri512 = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
	hex512 = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
	sri1   = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="
	hex1   = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
	commit = "84748be16341b76e073d117329f7f5f4ee2941ad"
)

// files writes pairs of name and content into a new directory and returns it.
func files(t testing.TB, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// open opens the first of the pairs.
func open(t testing.TB, pairs ...string) *Lock {
	t.Helper()
	l, err := Open(context.Background(), filepath.Join(files(t, pairs...), pairs[0]))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// openError opens the first of the pairs and returns the error without the directory.
// It fails when there is no error.
func openErr(t testing.TB, pairs ...string) string {
	t.Helper()
	dir := files(t, pairs...)
	l, err := Open(context.Background(), filepath.Join(dir, pairs[0]))
	if err == nil {
		t.Fatalf("%s was read without an error: %d entries", pairs[0], len(l.Entries))
	}
	if l != nil {
		t.Errorf("an error and a lock")
	}
	return strings.ReplaceAll(err.Error(), dir+"/", "")
}

// python311 is the environment that the packages of py are installed in.
func python311() []map[string]string {
	return []map[string]string{{
		"python_version": "3.11", "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix",
		"implementation_name": "cpython", "platform_python_implementation": "CPython",
	}}
}

func py(name, version string, digests ...Hash) Package {
	return Package{Type: "pypi", Name: name, Version: version, Digests: digests, Markers: python311()}
}

func js(name, version, path string, digests ...Hash) Package {
	return Package{Type: "npm", Name: name, Version: version, Paths: []string{path}, Digests: digests}
}

// outcome returns the evidence of a pinned package, or the reason.
func outcome(r Result) string {
	s := string(r.Reason)
	if r.Pinned {
		s = strings.TrimSuffix(string(r.Evidence)+" "+string(r.Reason), " ")
	}
	return s
}

func match(locks []*Lock, p Package) Result { return NewSet(locks, Policy{}).Match(p) }

// notes returns the kinds and lines of a lock's notes, in their order.
func notes(l *Lock) []string {
	var out []string
	for _, n := range l.Notes {
		out = append(out, string(n.Kind)+":"+itoa(n.Line))
	}
	return out
}
