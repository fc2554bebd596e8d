package scan

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
)

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// denoModules are modules in the form of Deno 2.9: pairs of a URL and a text.
func denoModules(dir string, pairs ...string) files {
	f := files{}
	for i := 0; i < len(pairs); i += 2 {
		u, err := url.Parse(pairs[i])
		if err != nil {
			panic(err)
		}
		at := dir + "/" + u.Scheme + "/" + strings.Replace(u.Host, ":", "_PORT", 1) + "/" + sum(u.RequestURI())
		f[at] = pairs[i+1] + "\n// denoCacheMetadata=" + `{"headers":{"content-type":"application/typescript"},"url":"` + pairs[i] + `","time":1795900568}`
	}
	return f
}

// TestDeno has the directory of Deno 2.9 after "deno cache".
func TestDeno(t *testing.T) {
	const dir = "/root/.cache/deno"
	at := dir + "/npm/registry.npmjs.org"
	module := strings.Repeat("0a", 32)
	f := npm(at+"/ms/2.1.3", "ms", "2.1.3").with(npm(at+"/ms/2.0.0", "ms", "2.0.0")).with(npm(at+"/@x/y/1.0.0", "@x/y", "1.0.0")).with(files{
		at + "/ms/registry.json": "{}", at + "/@x/y/registry.json": "{}", at + "/ms/2.1.3/run": "x:#!/bin/sh\n",
	})
	jsr := denoModules(dir+"/remote", "https://jsr.io/@std/a/meta.json", "{}", "https://jsr.io/@std/a/1.0.0_meta.json",
		`{"manifest": {"/mod.ts": {"size": 5, "checksum": "sha256-`+sum("let a")+`"}, "/sub/b.ts": {"checksum": "sha256-`+sum("let b")+`"}}}`,
		"https://jsr.io/@std/a/1.0.0/mod.ts", "let a", "https://jsr.io/@std/a/1.0.0/sub/b.ts", "let b")
	counts := []string{"counts npm/@x/y@1.0.0", "counts npm/ms@2.0.0", "counts npm/ms@2.1.3"}
	runCases(t, []scanCase{
		{"packages", f, counts},
		{"a bundled one, and another", f.with(files{at + "/pk/registry.json": "{}", at + "/pk/1.0.0/package.json": `{"name": "pk", "version": "1.0.0", "bundleDependencies": ["in"]}`}).
			with(npm(at+"/pk/1.0.0/node_modules/in", "in", "1.0.0")).with(npm(at+"/pk/1.0.0/node_modules/evil", "evil", "6.6.6")),
			append([]string{"counts npm/evil@6.6.6", "counts npm/pk@1.0.0", "inside npm/in@1.0.0 in npm/pk@1.0.0"}, counts...)},
		{"modules without a record", files{dir + "/remote/https/jsr.io/" + module: "export default 1\n"}, []string{"gap unreported " + dir + "/remote/https/jsr.io"}},
		{"of Deno 1, without a record", files{dir + "/deps/https/deno.land/" + module: "", dir + "/deps/https/deno.land/" + module + ".metadata.json": "{}"}, []string{"gap unreported " + dir + "/deps/https/deno.land"}},
		{"modules", denoModules(dir+"/remote", "https://deno.land/x/a@1.0.0/mod.ts", "export {}", "http://localhost:8080/b.ts?x=1", "let b"), []string{
			"counts generic/http://localhost:8080/b.ts?x=1@sha256:" + sum("let b"), "counts generic/https://deno.land/x/a@1.0.0/mod.ts@sha256:" + sum("export {}")}},
		{"of Deno 1", files{dir + "/deps/https/deno.land/" + sum("/a.ts"): "let a", dir + "/deps/https/deno.land/" + sum("/a.ts") + ".metadata.json": `{"headers": {}, "url": "https://deno.land/a.ts"}`},
			[]string{"counts generic/https://deno.land/a.ts@sha256:" + sum("let a")}},
		{"a redirect", files{dir + "/remote/https/deno.land/" + sum("/a"): "\n// denoCacheMetadata=" + `{"headers": {"location": "/b"}, "url": "https://deno.land/a"}`}, nil},
		// Deno would load it for the URL of its name.
		{"the record of another URL", files{dir + "/remote/https/deno.land/" + sum("/evil.ts"): "evil\n// denoCacheMetadata=" + `{"headers": {}, "url": "https://deno.land/a.ts"}`}, []string{"gap unreported " + dir + "/remote/https/deno.land"}},
		{"the record of another host", files{dir + "/remote/https/evil.example/" + sum("/a.ts"): "evil\n// denoCacheMetadata=" + `{"headers": {}, "url": "https://deno.land/a.ts"}`}, []string{"gap unreported " + dir + "/remote/https/evil.example"}},
		{"of JSR", jsr, []string{"counts jsr/@std/a@1.0.0"}},
		{"of JSR, a file changed", jsr.with(denoModules(dir+"/remote", "https://jsr.io/@std/a/1.0.0/sub/b.ts", "evil")), []string{
			"counts generic/https://jsr.io/@std/a/1.0.0/sub/b.ts@sha256:" + sum("evil"), "counts jsr/@std/a@1.0.0"}},
		{"of JSR, a file more", jsr.with(denoModules(dir+"/remote", "https://jsr.io/@std/a/1.0.0/evil.ts", "evil")), []string{
			"counts generic/https://jsr.io/@std/a/1.0.0/evil.ts@sha256:" + sum("evil"), "counts jsr/@std/a@1.0.0"}},
		{"directories of these names", files{"/srv/remote/https/x/readme": "", "/srv/npm/x/y/registry.json": "{}", "/srv/npm/x/y/1.0.0/readme": ""}, nil},
	})
}

// TestDenoDigests checks the digests that a lock is compared with.
func TestDenoDigests(t *testing.T) {
	const at = "/root/.cache/deno/npm/registry.npmjs.org"
	manifest := `{"manifest": {"/mod.ts": {"checksum": "sha256-` + sum("let a") + `"}}}`
	d := npm(at+"/ms/2.1.3", "ms", "2.1.3").with(files{
		at + "/ms/registry.json": `{"name": "ms", "versions": {"2.1.3": {"dist": {"tarball": "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz", "integrity": "sha512-AQI="}}}}`,
	}).with(denoModules("/root/.cache/deno/remote", "https://jsr.io/@std/a/1.0.0_meta.json", manifest, "https://jsr.io/@std/a/1.0.0/mod.ts", "let a", "https://deno.land/x.ts", "let x")).scan(t)
	want := map[string]string{"ms": "sha512 0102", "@std/a": "sha256 " + sum(manifest), "https://deno.land/x.ts": "sha256 " + sum("let x")}
	for _, c := range d.Components {
		if len(c.Digests) != 1 || c.Digests[0].Algorithm+" "+c.Digests[0].Value != want[c.Name] {
			t.Errorf("%s: %+v", c.Name, c.Digests)
		}
		delete(want, c.Name)
	}
	if len(want) > 0 {
		t.Errorf("not found: %q", want)
	}
}

// TestDenoKept checks that images retain the files that are read here.
func TestDenoKept(t *testing.T) {
	keep := keepRule().Content
	module := sum("/a.ts")
	for p, want := range map[string]bool{
		"/d/remote/https/jsr.io/" + module: true, "/d/deps/https/x.y/" + module: true, "/d/deps/https/x.y/" + module + ".metadata.json": true,
		"/d/npm/registry.npmjs.org/@s/a/registry.json": true, "/d/gen/https/x.y/" + module: false, "/d/remote/https/jsr.io/a": false,
	} {
		if got := keep(p, 10, magicNone); got != want {
			t.Errorf("%s: %v", p, got)
		}
	}
}
