package lockcheck

import (
	"slices"
	"testing"
)

// TestScope checks which locks pin a package by its place.
func TestScope(t *testing.T) {
	lock := func(path, typ, version string, dirs ...string) *Lock {
		format := map[string]string{"pypi": formatRequirements, "npm": formatNPM}[typ]
		return (&Lock{Path: path, Format: format, Entries: []Entry{{
			Type: typ, Name: "six", Version: version, File: path, Line: 1, Hashes: []Hash{{"sha256", hex512[:64]}}, Source: Source{Kind: KindRegistry},
		}}}).Governing(dirs)
	}
	all := []*Lock{
		lock("all.txt", "pypi", "1.0"),
		lock("a.txt", "pypi", "2.0", "/srv/a/venv"),
		lock("any.txt", "pypi", "3.0", "/srv/*/venv"),
		lock("inner.txt", "pypi", "4.0", "/srv/a/venv/inner/"),
		lock("star.txt", "pypi", "5.0", "/opt/**"),
		lock("st.txt", "pypi", "6.0", "/o*"),
		lock("js.json", "npm", "7.0", "/srv/js"),
		lock("js2.json", "npm", "8.0"),
	}
	at := func(dir string) string { return dir + "/lib/python3.11/site-packages/six-1.dist-info/METADATA" }
	tests := []struct {
		typ     string
		paths   []string
		version string
		want    string // the file that pins, or the detail
	}{
		{"pypi", []string{at("/usr")}, "1.0", "all.txt"},
		{"pypi", nil, "1.0", "all.txt"},
		{"pypi", nil, "2.0", `"six" is installed at "2.0" and locked at "1.0" (all.txt:1)`},
		{"pypi", []string{at("/srv/a/venv")}, "2.0", "a.txt"},
		{"pypi", []string{at("/srv/a/venv2")}, "2.0", `"six" is installed at "2.0" and locked at "1.0" (all.txt:1)`},
		{"pypi", []string{at("/srv/a/venv")}, "1.0", `"six" is installed at "1.0" and locked at "2.0" (a.txt:1)`},
		{"pypi", []string{at("/srv/a/venv")}, "3.0", `"six" is installed at "3.0" and locked at "2.0" (a.txt:1)`},
		{"pypi", []string{at("/srv/b/venv")}, "3.0", "any.txt"},
		{"pypi", []string{at("/srv/a/venv/inner")}, "4.0", "inner.txt"},
		{"pypi", []string{at("/opt/x")}, "5.0", "star.txt"},
		{"pypi", []string{at("/opt")}, "6.0", `"six" is installed at "6.0" and locked at "5.0" (star.txt:1)`},
		{"pypi", []string{at("/srv/js")}, "1.0", "all.txt"},
		{"npm", []string{"/srv/js/node_modules/six"}, "7.0", "js.json"},
		{"npm", []string{"/srv/a/venv/lib/node_modules/six"}, "8.0", "js2.json"},
		// In two places it must be pinned in both.
		{"pypi", []string{at("/srv/a/venv"), at("/usr")}, "1.0", `"six" is installed at "1.0" and locked at "2.0" (a.txt:1)`},
		{"pypi", []string{at("/srv/a/venv"), at("/usr")}, "2.0", `"six" is installed at "2.0" and locked at "1.0" (all.txt:1)`},
	}
	for range 2 {
		s := NewSet(all, Policy{})
		for _, tt := range tests {
			r := s.Match(Package{Type: tt.typ, Name: "six", Version: tt.version, Paths: tt.paths})
			got := r.Detail
			if r.Pinned {
				got = r.Entry.File
			}
			if got != tt.want {
				t.Errorf("%v %s: %s, want %s", tt.paths, tt.version, got, tt.want)
			}
		}
		slices.Reverse(all)
	}

	// What no lock at its place has: the place where one has it.
	s := NewSet([]*Lock{lock("a.txt", "pypi", "2.0", "/srv/a"), lock("all.json", "npm", "1.0"), {Path: "b.txt", Format: formatRequirements, For: []string{"/srv/b"}}}, Policy{})
	for path, want := range map[string]string{
		at("/srv/b"): `"six" "2.0" is in no lock file for "/srv/b"; a.txt:1 has it, for "/srv/a"`,
		at("/usr"):   `"six" "2.0" is in no lock file; a.txt:1 has it, for "/srv/a"`,
	} {
		if r := s.Match(Package{Type: "pypi", Name: "six", Version: "2.0", Paths: []string{path}}); r.Pinned || r.Detail != want {
			t.Errorf("%s: %s, want %s", path, r.Detail, want)
		}
	}
	if got := s.Split("pypi", []string{"/srv/b/x", "/usr/y", "/srv/a/z", "/srv/b/a"}); len(got) != 3 || !slices.Equal(got[1], []string{"/srv/b/a", "/srv/b/x"}) {
		t.Errorf("split: %v", got)
	}
}
