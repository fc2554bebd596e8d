package lockcheck

import (
	"slices"
	"strings"
	"testing"
)

// TestDirectAlias checks entries that are not the package which the project
// requires under their name.
func TestDirectAlias(t *testing.T) {
	entry := `"node_modules/a":{"version":"1.0.0","resolved":"https://registry.npmjs.org/a/-/a-1.0.0.tgz","integrity":"` + sri512 + `"}`
	lock := func(spec, entry string) string {
		return `{"lockfileVersion":3,"packages":{"":{"dependencies":{"a":"` + spec + `"}},` + entry + `}}`
	}
	aliased := strings.Replace(entry, `{"version"`, `{"name":"b","version"`, 1)
	for _, test := range []struct {
		name, text string
		want       Reason
	}{
		{"plain", lock("^1.0.0", entry), ""},
		{"an alias of itself", lock("npm:a@^1.0.0", entry), ""},
		{"an alias of another", lock("npm:b@1.0.0", entry), OtherPackage},
		{"an alias with a scope", lock("npm:@s/a@1.0.0", entry), OtherPackage},
		{"an alias that the lock has", lock("npm:b@1.0.0", aliased), Alias},
	} {
		l := open(t, "package-lock.json", test.text)
		p := Package{Type: "npm", Name: "a", Version: "1.0.0", Paths: []string{"/srv/node_modules/a/package.json"}}
		r := NewSet([]*Lock{l}, Policy{}).Match(p)
		if r.Reason != test.want {
			t.Errorf("%s: %q (%s), want %q", test.name, r.Reason, r.Detail, test.want)
		}
	}
}

// TestRequiredAlias checks that an alias which a package of the lock requires is
// told as one, and one that nothing requires as a suspicious one.
func TestRequiredAlias(t *testing.T) {
	for name, tt := range map[string]struct{ lock, want string }{
		"required by a package": {`{"lockfileVersion":3,"packages":{"":{},"node_modules/ui":{"version":"1.0.0","integrity":"` + sri512 + `","dependencies":{"wrap-cjs":"npm:wrap@^7.0.0"}},
"node_modules/wrap-cjs":{"name":"wrap","version":"7.0.0","integrity":"` + sri512 + `"}}}`, "alias:2"},
		"required of another package": {`{"lockfileVersion":3,"packages":{"":{},"node_modules/ui":{"version":"1.0.0","integrity":"` + sri512 + `","dependencies":{"wrap-cjs":"npm:wrap@^7.0.0"}},
"node_modules/wrap-cjs":{"name":"evil","version":"7.0.0","integrity":"` + sri512 + `"}}}`, "other-package:2"},
		"version 1": {`{"lockfileVersion":1,"dependencies":{"ui":{"version":"1.0.0","integrity":"` + sri512 + `","requires":{"wrap-cjs":"npm:@s/wrap@^7.0.0"}},
"wrap-cjs":{"version":"npm:@s/wrap@7.0.0","integrity":"` + sri512 + `"}}}`, "alias:2"},
	} {
		if got := notes(open(t, "package-lock.json", tt.lock)); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
}
