package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// yarnProjects are those of Yarn 1, 3 and 4 with each of their linkers. None records a
// digest beside what it installs. The proof are the tarballs for Yarn 1 and, made into
// zip files again, for Yarn 4; the zip files of packages with patches, and those that
// Yarn 3 compresses, are in Yarn's cache. Yarn 2 cannot read today's registry.
func yarnProjects() []lockProject {
	classic := lockProject{
		name: "yarn 1", tools: []string{"yarn@1.22.22"},
		install: "yarn install --ignore-scripts --non-interactive --silent", lock: "yarn.lock",
		list: "yarn list --json --silent", parse: yarnTree,
		evidence: "hash-locked",
		victim:   "bytes@3.1.2",
		hash:     lockEdit{`(bytes-3\.1\.2\.tgz#\w+"\n  integrity sha512-)....`, "${1}AAAA"},
		source:   lockEdit{`https://registry\.yarnpkg\.com(/bytes/-/bytes-3\.1\.2\.tgz)`, "https://npm.example.net$1"},
		code:     "other-registry",
		replace:  "yarn add --ignore-scripts --non-interactive --silent bytes@3.1.1",
		replaced: "bytes@3.1.1",
	}
	list := []lockProject{classic}
	for _, v := range []struct {
		name, tool, linker string
		rare               bool
	}{
		{"yarn 4", "4.18.1", "node-modules", false},
		{"yarn 4 pnpm", "4.18.1", "pnpm", false},
		{"yarn 4 pnp", "4.18.1", "pnp", false},
		{"yarn 3", "3.8.7", "node-modules", true},
		{"yarn 3 pnp", "3.8.7", "pnp", true},
	} {
		p := classic
		p.name, p.tools, p.rare = v.name, []string{"@yarnpkg/cli-dist@" + v.tool}, v.rare
		p.files = map[string]string{
			"yarn.lock":   "",
			".yarnrc.yml": "nodeLinker: " + v.linker + "\nenableScripts: false\nenableTelemetry: false\nenableGlobalCache: " + map[bool]string{true: "false", false: "true"}[v.linker == "pnp"] + "\n",
		}
		cached := "*-patch-*.zip"
		if v.tool[0] != '4' {
			cached = "*.zip"
		}
		p.install = `yarn install --no-immutable >/dev/null; mkdir -p "$HOME/../artifacts/yarn"; if [ -d "$HOME/.yarn/berry/cache" ]; then find "$HOME/.yarn/berry/cache" -name '` + cached + `' -exec cp {} "$HOME/../artifacts/yarn" \;; fi`
		p.list, p.parse = "yarn info -A -R --json", yarnInfo
		switch v.linker {
		case "node-modules":
			// What a package for another platform requires is not installed.
			p.list, p.parse = `sed -n 's/^"\(.*\)":$/\1/p' node_modules/.yarn-state.yml`, yarnState
		case "pnp":
			p.config = "    first-party: [{path: /.pnp.cjs}]\n" // the loader that Yarn generates
		}
		// Yarn records no checksum of a package with a platform.
		p.weaker = map[string]string{"@esbuild/linux-x64@0.24.0": "version-locked"}
		p.hash = lockEdit{`(resolution: "bytes@npm:3\.1\.2"\n  checksum: (?:\w+/)?)....`, "${1}0000"}
		p.source = lockEdit{`resolution: "bytes@npm:3\.1\.2"`, `resolution: "bytes@npm:3.1.2::__archiveUrl=https%3A%2F%2Fnpm.example.net%2Fbytes%2F-%2Fbytes-3.1.2.tgz"`}
		p.patched = `dir=$(yarn patch --json bytes | sed 's/.*"path":"\([^"]*\)".*/\1/'); echo '// patched' >>"$dir/index.js"; yarn patch-commit -s "$dir" >/dev/null; yarn install --no-immutable >/dev/null`
		p.replace = "yarn add bytes@3.1.1 >/dev/null"
		list = append(list, p)
	}
	return list
}

// yarnTree parses the list of Yarn 1: a tree in which what a
// package requires and is elsewhere is a shadow. It has the packages for all platforms.
func yarnTree(t *testing.T, output string) []string {
	type tree struct {
		Name     string
		Shadow   bool
		Children []tree
	}
	var list struct{ Data struct{ Trees []tree } }
	if err := json.Unmarshal([]byte(output), &list); err != nil {
		t.Fatal(err)
	}
	var out []string
	var visit func([]tree)
	visit = func(trees []tree) {
		for _, n := range trees {
			if !n.Shadow && !yarnElsewhere.MatchString(n.Name) {
				out = append(out, yarnAliases.Replace(n.Name))
			}
			visit(n.Children)
		}
	}
	visit(list.Data.Trees)
	return out
}

// yarnAliases has the packages of the aliases of the project, and of one of its
// packages.
var yarnAliases = strings.NewReplacer("same-number@", "is-number@", "string-width-cjs@", "string-width@", "strip-ansi-cjs@", "strip-ansi@", "wrap-ansi-cjs@", "wrap-ansi@")

// yarnElsewhere matches the packages of the project for other platforms than Linux
// on amd64.
var yarnElsewhere = regexp.MustCompile(`^(@esbuild/(.*-(arm|arm64|ia32|loong64|mips64el|ppc64|riscv64|s390x)|[^l].*)|fsevents)@`)

// yarnInfo parses the list of Yarn 2 and later, which has the packages for all
// platforms, and what is only there to be patched.
func yarnInfo(t *testing.T, output string) []string {
	return jsonLines(t, output, func(p struct {
		Value    string
		Children struct{ Version string }
	}) string {
		at := strings.Index(p.Value[1:], "@") + 1
		if strings.HasPrefix(p.Value[at:], "@workspace:") || yarnElsewhere.MatchString(p.Value) {
			return ""
		}
		return p.Value[:at] + "@" + p.Children.Version
	})
}

// yarnState parses the locators of Yarn's record of node_modules.
func yarnState(_ *testing.T, output string) []string {
	var out []string
	for locator := range strings.Lines(output) {
		locator = strings.TrimSpace(locator)
		at := strings.Index(locator[1:], "@") + 1
		if strings.HasPrefix(locator[at:], "@workspace:") {
			continue
		}
		reference := locator[at+1:]
		if _, rest, ok := strings.Cut(reference, "#"); ok && strings.HasPrefix(reference, "virtual:") {
			reference = rest
		}
		version := strings.TrimPrefix(reference, "npm:")
		if _, params, ok := strings.Cut(locator, "::version="); ok {
			version, _, _ = strings.Cut(params, "&")
		}
		out = append(out, locator[:at]+"@"+version)
	}
	return out
}
