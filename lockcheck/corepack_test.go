package lockcheck

import (
	"strings"
	"testing"
)

// TestPackageManager checks the pin that Corepack writes, against the record in
// the directory that it unpacks the package manager to.
func TestPackageManager(t *testing.T) {
	pnpm := js("pnpm", "9.8.0", "/root/.cache/node/corepack/v1/pnpm/9.8.0/package.json", Hash{Algorithm: "sha512", Value: hex512})
	yarn := js("yarn", "3.2.3", "/root/.cache/node/corepack/v1/yarn/3.2.3/package.json", Hash{Algorithm: "sha224", Value: strings.Repeat("a", 56)})
	for _, tt := range []struct {
		name, text string
		p          Package
		want       string
	}{
		{"with a hash", `{"packageManager": "pnpm@9.8.0+sha512.` + hex512 + `"}`, pnpm, "hash-claimed"},
		{"sha224", `{"packageManager": "yarn@3.2.3+sha224.` + strings.Repeat("a", 56) + `"}`, yarn, "hash-claimed"},
		{"of devEngines", `{"devEngines": {"packageManager": {"name": "pnpm", "version": "9.8.0+sha512.` + hex512 + `"}}}`, pnpm, "hash-claimed"},
		{"of a list", `{"devEngines": {"packageManager": [{"name": "npm", "version": "^10"}, {"name": "pnpm", "version": "9.8.0+sha512.` + hex512 + `"}]}}`, pnpm, "hash-claimed"},
		{"no record", `{"packageManager": "pnpm@9.8.0+sha512.` + hex512 + `"}`, js("pnpm", "9.8.0", "/x/pnpm/9.8.0"), "hash-locked"},
		{"without a hash", `{"packageManager": "pnpm@9.8.0"}`, pnpm, "version-locked no-hash"},
		{"a malformed hash", `{"packageManager": "pnpm@9.8.0+sha512.00"}`, pnpm, "version-locked no-hash"},
		{"sha1", `{"packageManager": "pnpm@9.8.0+sha1.` + hex1 + `"}`, pnpm, "version-locked weak-hash"},
		{"other bytes", `{"packageManager": "pnpm@9.8.0+sha512.` + strings.Repeat("0", 128) + `"}`, pnpm, "hash-mismatch"},
		{"another version", `{"packageManager": "pnpm@9.9.0+sha512.` + hex512 + `"}`, pnpm, "locked-at-another-version"},
		{"another package manager", `{"packageManager": "yarn@9.8.0+sha512.` + hex512 + `"}`, pnpm, "not-in-any-lock"},
		{"a range", `{"packageManager": "pnpm@9"}`, pnpm, "not-exact"},
		{"a URL", `{"packageManager": "pnpm@https://evil.example/pnpm.tgz+sha512.` + hex512 + `"}`, pnpm, "other-registry"},
		{"only dependencies", `{"dependencies": {"pnpm": "9.8.0"}}`, pnpm, "not-in-any-lock"},
	} {
		if r := match([]*Lock{open(t, "package.json", tt.text)}, tt.p); outcome(r) != tt.want {
			t.Errorf("%s: %s, want %s: %s", tt.name, outcome(r), tt.want, r.Detail)
		}
	}
	for text, want := range map[string]string{
		`{"packageManager": "pnpm"}`: "package.json:1:20: packageManager has no version", `{"packageManager": 1}`: "must be a string", `[]`: "a package.json is",
	} {
		if got := openErr(t, "package.json", text); !strings.Contains(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}
