package main

import "strings"

// bunProjects are those of Bun with both of its linkers. It records no digest beside
// what it installs, so that the tarballs are the proof.
func bunProjects() []lockProject {
	hoisted := lockProject{
		name: "bun", tools: []string{"bun@1.4.5"},
		install: "bun install --ignore-scripts --linker hoisted", lock: "bun.lock",
		// The list has an alias under its own name.
		list: `bun pm ls --all | sed -E 's/ same-number@/ is-number@/; s/ ([a-z-]+)-cjs@/ \1@/'`, parse: treeList,
		evidence: "hash-locked",
		victim:   "bytes@3.1.2",
		hash:     lockEdit{`("bytes@3\.1\.2", "", \{[^}]*\}, "sha512-)....`, "${1}AAAA"},
		source:   lockEdit{`("bytes@3\.1\.2", )""`, `$1"https://npm.example.net/bytes/-/bytes-3.1.2.tgz"`},
		code:     "other-registry",
		patched:  `bun patch bytes >/dev/null && echo '// patched' >>node_modules/bytes/index.js && bun patch --commit node_modules/bytes`,
		replace:  `npm pack --silent bytes@3.1.1 && rm -r node_modules/bytes/* && tar -xzf bytes-3.1.1.tgz --strip-components=1 -C node_modules/bytes && rm bytes-3.1.1.tgz`,
		replaced: "bytes@3.1.1",
	}
	isolated := hoisted
	isolated.name, isolated.install = "bun isolated", "bun install --ignore-scripts --linker isolated"
	isolated.replace = strings.ReplaceAll(hoisted.replace, "node_modules/bytes", "node_modules/.bun/bytes@3.1.2*/node_modules/bytes")
	isolated.patched = strings.ReplaceAll(hoisted.patched, "node_modules/bytes", "node_modules/.bun/bytes@3.1.2/node_modules/bytes")
	list := []lockProject{hoisted, isolated}
	for _, v := range []string{"1.1.42", "1.2.23", "1.3.0"} { // versions 0 and 1 of the format
		p := hoisted
		p.name, p.tools, p.rare = "bun "+v, []string{"bun@" + v}, true
		p.patched = ""
		// They make commands writable for all users, which is a finding, and list
		// packages for other platforms.
		p.install = "bun install --ignore-scripts --save-text-lockfile && chmod -R go-w node_modules"
		p.list += otherPlatforms
		list = append(list, p)
	}
	return list
}
