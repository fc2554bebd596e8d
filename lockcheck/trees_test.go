package lockcheck

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestAssignTrees checks that a package is not pinned by the lock of another
// project where its own can be told, and that nothing else changes.
func TestAssignTrees(t *testing.T) {
	lock := func(dir string, packages ...string) *Lock {
		var b strings.Builder
		b.WriteString(`{"name":"x","lockfileVersion":3,"packages":{"":{"name":"x"}`)
		for _, p := range packages {
			name, version, _ := strings.Cut(p, "@")
			fmt.Fprintf(&b, `,"node_modules/%s":{"version":"%s","integrity":"%s"}`, name, version, sri512)
		}
		l := open(t, "package-lock.json", b.String()+"}}")
		for i := range l.Entries {
			l.Entries[i].File = dir + "/package-lock.json"
		}
		l.Path = dir + "/package-lock.json"
		return l
	}
	at := func(dir string, packages ...string) (out []Package) {
		for _, p := range packages {
			name, version, _ := strings.Cut(p, "@")
			out = append(out, js(name, version, dir+"/node_modules/"+name))
		}
		return out
	}
	a := lock("a", "one@1", "two@1", "three@1", "old@1")
	b := lock("b", "four@1", "five@1", "old@2")
	corepack := open(t, "package.json", `{"packageManager": "pnpm@9.8.0+sha512.`+hex512+`"}`)
	more := "a/package-lock.json has 3 of the locked packages there, and a directory has one lock (name both with `for:` if it has two)"
	tests := []struct {
		name      string
		locks     []*Lock
		installed []Package
		want      []string // the details of those that are not pinned
	}{
		{"each its own", []*Lock{a, b}, slices.Concat(at("/srv/a", "one@1", "two@1", "old@1"), at("/srv/b", "four@1", "five@1", "old@2")), nil},
		{"one of another project", []*Lock{a, b, corepack}, slices.Concat(at("/srv/a", "one@1", "two@1", "three@1", "four@1", "pnpm@9.8.0"), at("/srv/b", "four@1")),
			[]string{`"four" "1" is in no lock file for "/srv/a/node_modules"; b/package-lock.json:1 has it, but ` + more}},
		{"another version", []*Lock{a, b}, at("", "one@1", "two@1", "three@1", "old@2"),
			[]string{`"old" is installed at "2" and locked at "1" (a/package-lock.json:1); b/package-lock.json:1 has it, but ` + more}},
		{"equally many", []*Lock{a, b}, at("/srv", "one@1", "two@1", "four@1", "five@1"), nil},
		{"global", []*Lock{a, b}, at("/usr/lib", "one@1", "two@1", "three@1", "four@1"), nil},
		{"told", []*Lock{a.Governing([]string{"/srv"}), b.Governing([]string{"/srv"})}, at("/srv", "one@1", "two@1", "three@1", "four@1"), nil},
		{"one told", []*Lock{a.Governing([]string{"/opt"}), b}, at("/srv", "one@1", "four@1"), []string{`"one" "1" is in no lock file; a/package-lock.json:1 has it, for "/opt"`}},
		{"one lock", []*Lock{a, corepack}, at("/srv", "one@1", "pnpm@9.8.0"), nil},
	}
	for _, tt := range tests {
		for range 2 {
			s := NewSet(tt.locks, Policy{})
			s.AssignTrees(tt.installed)
			var got []string
			for _, p := range tt.installed {
				if r := s.Match(p); !r.Pinned {
					got = append(got, r.Detail)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s: %q\nwant %q", tt.name, got, tt.want)
			}
			slices.Reverse(tt.locks)
		}
	}
}
