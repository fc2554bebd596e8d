package scan

import "testing"

// TestPlacedPrograms checks the files that are programs by their place alone.
func TestPlacedPrograms(t *testing.T) {
	loose := func(paths ...string) (out []string) {
		for _, p := range paths {
			out = append(out, "counts "+unaccounted(p))
		}
		return out
	}
	bash := debs(map[string][]string{"bash": {"/usr/bin/bash", "/usr/bin/sh"}})
	runCases(t, []scanCase{
		{"no header", files{"/usr/local/bin/tool": "x:EVIL\n"}, loose("/usr/local/bin/tool")},
		{"a byte order mark", files{"/usr/bin/tool": "x:\ufeff#!/bin/sh\nid\n"}, loose("/usr/bin/tool")},
		{"empty", files{"/sbin/tool": "x:"}, loose("/sbin/tool")},
		{"no execute bit", files{"/usr/local/bin/README": "text\n"}, nil},
		{"elsewhere", files{"/usr/local/share/tool": "x:text\n"}, nil},
		{"in a home", files{"/root/.local/bin/tool": "x:id\n", "/home/me/bin/tool": "x:id\n"}, loose("/root/.local/bin/tool", "/home/me/bin/tool")},
		{"in a virtual environment", files{"/opt/venv/pyvenv.cfg": "home = /usr/bin\n", "/opt/venv/bin/tool": "x:id\n", "/opt/venv/bin/activate": "id\n"}, loose("/opt/venv")},
		{"behind a link", files{"/usr/local/bin/git": "-> /var/lib/misc/x", "/var/lib/misc/x": "x:id\n"}, loose("/var/lib/misc/x")},
		{"behind a link of a package", bash.with(files{"/usr/bin/sh": "-> /var/lib/misc/x", "/usr/bin/bash": "x:" + program(t), "/var/lib/misc/x": "x:id\n"}), loose("/var/lib/misc/x")},
		{"behind a link, a file of a package", bash.with(files{"/usr/bin/bash": "x:" + program(t), "/usr/bin/sh": "-> bash"}), nil},
		{"in .bin", files{modules + "/.bin/evil": "#!/usr/bin/env node\n"}, loose(modules + "/.bin/evil")},
		{"in .bin, a link to no package", files{modules + "/.bin/evil": "-> /var/lib/misc/x", "/var/lib/misc/x": "x:id\n"}, append(loose("/var/lib/misc/x"), "notice program-name "+modules+"/.bin/evil")},
		{"classes without a manifest", files{"/opt/lib/c.bin": zipOf(t, "org/evil/Evil.class", "")}, loose("/opt/lib")},
		{"an archive of texts", files{"/opt/lib/c.bin": zipOf(t, "org/evil/Evil.txt", "")}, nil},
	})
}

// TestCacheStrays checks that a directory that looks like a cache hides nothing but
// what its manager puts there.
func TestCacheStrays(t *testing.T) {
	loose := func(p string) string { return "counts " + unaccounted(p) }
	cached := func(p string) string { return "excluded cache " + p }
	const sh = "x:#!/bin/sh\n"
	runCases(t, []scanCase{
		{"conda's", files{"/opt/pkgs/urls.txt": "", "/opt/pkgs/evil": sh}, []string{loose("/opt/pkgs"), cached("/opt/pkgs")}},
		{"conda's, a directory", files{"/opt/pkgs/urls.txt": "", "/opt/pkgs/evil-1-0/bin/evil": sh}, []string{loose("/opt/pkgs"), cached("/opt/pkgs")}},
		{"Go's", files{"/opt/go-build/trim.txt": "", "/opt/go-build/00/evil": sh}, []string{loose("/opt/go-build"), cached("/opt/go-build")}},
		{"Go's modules", files{"/root/go/pkg/mod/cache/download/x": "", "/root/go/pkg/mod/example.org/evil": sh}, []string{loose("/root/go/pkg/mod/example.org/evil"), cached("/root/go/pkg/mod")}},
		{"npm's", files{"/root/.npm/_cacache/index-v5/aa/bb/x": sh, "/root/.npm/_cacache/evil": sh}, []string{loose("/root/.npm/_cacache/index-v5/aa/bb/x"), loose("/root/.npm/_cacache/evil"), cached("/root/.npm/_cacache")}},
		{"pip's", files{"/root/.cache/pip/selfcheck/x": sh}, []string{loose("/root/.cache/pip/selfcheck/x"), cached("/root/.cache/pip")}},
		{"Maven's", files{"/root/.m2/repository/a/b/1/_remote.repositories": "", "/root/.m2/repository/c/d/1/run": sh}, []string{loose("/root/.m2/repository/c/d/1/run"), cached("/root/.m2/repository")}},
		{"Gradle's", files{"/root/.gradle/caches/modules-2/x": "", "/root/.gradle/caches/evil": sh}, []string{loose("/root/.gradle/caches/evil"), cached("/root/.gradle/caches")}},
	})
}

// TestCodeOfOtherInterpreters checks the code that is found by its first bytes or
// by its place in a home directory.
func TestCodeOfOtherInterpreters(t *testing.T) {
	class := "\xca\xfe\xba\xbe\x00\x00\x00\x41"
	loose := func(p string) []string { return []string{"counts " + unaccounted(p)} }
	runCases(t, []scanCase{
		{"a class", files{"/opt/lib/org/evil/Evil.class": class}, loose("/opt/lib/org/evil")},
		{"a class under another name", files{"/var/lib/misc/x.bin": class}, loose("/var/lib/misc")},
		{"classes of a package", dist(site, "six", "1.16.0", "six/x.class").with(files{site + "/six/x.class": class}), []string{"counts pypi/six@1.16.0"}},
		{"Node, in a home", files{"/root/.node_modules/evil/index.js": ""}, loose("/root/.node_modules/evil")},
		{"Node, in another home", files{"/home/me/.node_libraries/evil.js": ""}, loose("/home/me/.node_libraries/evil.js")},
		{"Perl, in a home", files{"/root/perl5/lib/perl5/Evil.pm": ""}, loose("/root/perl5/lib/perl5/Evil.pm")},
		{"Lua, in a home", files{"/root/.luarocks/share/lua/5.4/evil.lua": ""}, loose("/root/.luarocks/share/lua/5.4/evil.lua")},
		{"text in a home", files{"/root/notes/evil.pm": ""}, nil},
	})
}
