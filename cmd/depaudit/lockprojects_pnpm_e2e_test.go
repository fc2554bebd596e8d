package main

import "strings"

// pnpmPatch makes a patch of the victim, and pnpm installs it. The configuration is in
// pnpm-workspace.yaml since pnpm 10.
const pnpmPatch = `mkdir -p patches && printf 'diff --git a/patched.js b/patched.js\nnew file mode 100644\n--- /dev/null\n+++ b/patched.js\n@@ -0,0 +1 @@\n+// patched\n' >patches/bytes.patch
`

// pnpmList prints the names and versions in pnpm's own list. It has the packages for
// other platforms, too, and the paths in it are not always those of the layout.
const pnpmList = `pnpm list --depth Infinity --json >list.json && node -e '
const out = new Set(), walk = (p) => {
	for (const deps of [p.dependencies, p.devDependencies, p.optionalDependencies])
		for (const d of Object.values(deps || {})) {
			out.add((d.from || d.name) + "@" + d.version)
			walk(d)
		}
}
JSON.parse(require("fs").readFileSync("list.json")).forEach(walk)
console.log([...out].filter((name) => !/^@esbuild[/](?!linux-x64@)|^fsevents@/.test(name)).join("\n"))' && rm list.json`

// pnpmProjects are those of pnpm with its layouts, of versions 5 to 9 of its lock.
func pnpmProjects() []lockProject {
	isolated := lockProject{
		name: "pnpm", tools: []string{"pnpm@12.21.0"},
		files:   map[string]string{"pnpm-workspace.yaml": "autoInstallPeers: true\n"},
		install: "pnpm install --ignore-scripts", lock: "pnpm-lock.yaml",
		list:     pnpmList,
		evidence: "hash-claimed",
		victim:   "bytes@3.1.2",
		hash:     lockEdit{`(bytes@3\.1\.2:\s+resolution: \{integrity: sha512-)....`, "${1}AAAA"},
		source:   lockEdit{`(bytes@3\.1\.2:\s+resolution: \{integrity: [^,}]*)`, "$1, tarball: https://npm.example.net/bytes/-/bytes-3.1.2.tgz"},
		code:     "other-registry",
		patched:  pnpmPatch + `printf 'patchedDependencies:\n  bytes@3.1.2: patches/bytes.patch\n' >>pnpm-workspace.yaml && pnpm install --ignore-scripts --no-frozen-lockfile`,
		replace:  "sed -i '/^patchedDependencies/,$d' pnpm-workspace.yaml && pnpm add --ignore-scripts bytes@3.1.1",
		replaced: "bytes@3.1.1",
	}
	variant := func(name, tool, config string) lockProject {
		p := isolated
		p.name, p.tools = name, []string{"pnpm@" + tool}
		p.files = map[string]string{"pnpm-workspace.yaml": config}
		return p
	}
	const hoisted, plugnplay = "nodeLinker: hoisted\n", "nodeLinker: pnp\nsymlink: false\n"
	// The store is within what is scanned.
	const global = "enableGlobalVirtualStore: true\nstoreDir: store\n"
	list := []lockProject{
		isolated, variant("pnpm hoisted", "12.21.0", hoisted), variant("pnpm global virtual store", "12.21.0", global), variant("pnpm pnp", "12.21.0", plugnplay),
		variant("pnpm 10", "10.34.9", "autoInstallPeers: true\n"), variant("pnpm 10 hoisted", "10.34.9", hoisted),
		variant("pnpm 10 global virtual store", "10.34.9", global), variant("pnpm 10 pnp", "10.34.9", plugnplay),
	}
	// Source changes are of the git kind here: a repository in place of a version.
	git := variant("pnpm 10 with a repository", "10.34.9", "autoInstallPeers: true\n")
	git.source = lockEdit{`(bytes@3\.1\.2:\s+resolution: )\{[^}]*\}`, "$1{type: git, repo: https://example.net/bytes.git, commit: 84748be16341b76e073d117329f7f5f4ee2941ad}"}
	git.code, git.rare, git.patched = "other-package", true, ""
	list = append(list, git)
	for _, v := range []string{"7.33.7", "8.15.9", "9.15.9"} {
		for _, linker := range []string{"isolated", "hoisted"} {
			p := variant("pnpm "+v+" "+linker, v, "")
			p.files = map[string]string{".npmrc": "node-linker=" + linker + "\nauto-install-peers=true\n"}
			p.rare = v == "7.33.7" || linker == "hoisted"
			p.patched = pnpmPatch + `node -e 'const fs = require("fs"), p = JSON.parse(fs.readFileSync("package.json")); p.pnpm = {patchedDependencies: {"bytes@3.1.2": "patches/bytes.patch"}}; fs.writeFileSync("package.json", JSON.stringify(p))' && pnpm install --ignore-scripts --no-frozen-lockfile`
			p.replace = `node -e 'const fs = require("fs"), p = JSON.parse(fs.readFileSync("package.json")); delete p.pnpm; fs.writeFileSync("package.json", JSON.stringify(p))' && pnpm add --ignore-scripts bytes@3.1.1`
			if v == "7.33.7" {
				p.hash.pattern, p.source.pattern = strings.Replace(p.hash.pattern, "bytes@", "bytes/", 1), strings.Replace(p.source.pattern, "bytes@", "bytes/", 1)
			}
			list = append(list, p)
		}
	}
	return list
}
