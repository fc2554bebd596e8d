package main

// denoProjects are those of Deno with its node_modules directory. The records of the
// registry are in Deno's own directory, which is not scanned, so that the tarballs
// are the proof.
func denoProjects() []lockProject {
	const bytes = "node_modules/.deno/bytes@3.1.2/node_modules/bytes"
	return []lockProject{{
		name: "deno", tools: []string{"deno@2.9.6"},
		install: "deno install", lock: "deno.lock",
		// The list has packages for other platforms, and an alias after its package.
		list: `deno list --depth 1000 | sed -E 's/^.*npm:([^ ]+)( \([^)]*\))? /\1@/' | sort -u` + otherPlatforms, parse: treeList,
		evidence: "hash-locked",
		victim:   "bytes@3.1.2",
		hash:     lockEdit{`("bytes@3\.1\.2": \{\s*"integrity": "sha512-)....`, "${1}AAAA"},
		source:   lockEdit{`("bytes@3\.1\.2": \{)`, `$1 "tarball": "https://npm.example.net/bytes-3.1.2.tgz",`},
		code:     "other-registry",
		replace:  `npm pack --silent bytes@3.1.1 && rm -r ` + bytes + `/* && tar -xzf bytes-3.1.1.tgz --strip-components=1 -C ` + bytes + ` && rm bytes-3.1.1.tgz`,
		replaced: "bytes@3.1.1",
	}}
}
