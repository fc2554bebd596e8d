package scan

import (
	"strings"
	"testing"
)

// TestDeno has the directory of Deno 2.9 after "deno cache".
func TestDeno(t *testing.T) {
	const dir = "/root/.cache/deno"
	at := dir + "/npm/registry.npmjs.org"
	module := strings.Repeat("0a", 32)
	f := npm(at+"/ms/2.1.3", "ms", "2.1.3").with(npm(at+"/ms/2.0.0", "ms", "2.0.0")).with(npm(at+"/@x/y/1.0.0", "@x/y", "1.0.0")).with(files{
		at + "/ms/registry.json": "{}", at + "/@x/y/registry.json": "{}", at + "/ms/2.1.3/run": "x:#!/bin/sh\n",
	})
	counts := []string{"counts npm/@x/y@1.0.0", "counts npm/ms@2.0.0", "counts npm/ms@2.1.3"}
	runCases(t, []scanCase{
		{"packages", f, counts},
		{"a bundled one, and another", f.with(files{at + "/pk/registry.json": "{}", at + "/pk/1.0.0/package.json": `{"name": "pk", "version": "1.0.0", "bundleDependencies": ["in"]}`}).
			with(npm(at+"/pk/1.0.0/node_modules/in", "in", "1.0.0")).with(npm(at+"/pk/1.0.0/node_modules/evil", "evil", "6.6.6")),
			append([]string{"counts npm/evil@6.6.6", "counts npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0"}, counts...)},
		{"modules by URL", files{dir + "/remote/https/jsr.io/" + module: "export default 1\n"}, []string{"gap unreported " + dir + "/remote/https/jsr.io"}},
		{"of Deno 1", files{dir + "/deps/https/deno.land/" + module: "", dir + "/deps/https/deno.land/" + module + ".metadata.json": "{}"}, []string{"gap unreported " + dir + "/deps/https/deno.land"}},
		{"directories of these names", files{"/srv/remote/https/x/readme": "", "/srv/npm/x/y/registry.json": "{}", "/srv/npm/x/y/1.0.0/readme": ""}, nil},
	})
}
