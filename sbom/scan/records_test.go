package scan

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// composer is what Composer installs into a project: the record, and a
// directory for each package.
func composer(project string, names ...string) files {
	f := files{}
	var list []string
	for _, name := range names {
		list = append(list, fmt.Sprintf(`{"name": %q, "version": "1.2.3", "type": "library", "install-path": "../%s"}`, name, name))
		f[project+"/vendor/"+name+"/a.php"] = "<?php\n"
		f[project+"/vendor/"+name+"/bin/tool"] = "x:#!/usr/bin/env php\n"
	}
	f[project+"/vendor/composer/installed.json"] = `{"packages": [` + strings.Join(list, ",") + `], "dev": true, "dev-package-names": []}`
	return f
}

// TestRecords has files that list several packages.
func TestRecords(t *testing.T) {
	const bitnami = `{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "packages": [
		{"SPDXID": "SPDXRef-a", "name": "aux", "versionInfo": "2", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:bitnami/aux@2"}]},
		{"SPDXID": "SPDXRef-r", "name": "redis", "versionInfo": "7", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:bitnami/redis@7"}]}],
		"relationships": [{"spdxElementId": "SPDXRef-r", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-a"}]}`
	const deps = `{"targets": {"net8.0": {"App/1.0.0": {"dependencies": {"Zed": "2.0.0", "Alpha": "1.0.0"}, "runtime": {"App.dll": {}}},
		"Alpha/1.0.0": {"runtime": {"lib/net8.0/Alpha.dll": {}}}, "Zed/2.0.0": {"runtime": {"lib/net8.0/Zed.dll": {}}}}},
		"libraries": {"App/1.0.0": {"type": "project"}, "Alpha/1.0.0": {"type": "package", "sha512": "x"}, "Zed/2.0.0": {"type": "package", "sha512": "y"}}}`
	runCases(t, []scanCase{
		{"Composer", composer("/srv/app", "acme/log", "acme/yaml", "acme/http"),
			[]string{"counts composer/acme/http@1.2.3", "counts composer/acme/log@1.2.3", "counts composer/acme/yaml@1.2.3"}},
		{"Composer's list in a package that Node loads", composer("/srv/node_modules/theme", "acme/log", "acme/yaml").with(files{"/srv/node_modules/theme/package.json": `{"name": "theme", "version": "1.0.0"}`}),
			[]string{"counts npm/theme@1.0.0", "inside composer/acme/log@1.2.3 in npm/theme@1.0.0", "inside composer/acme/yaml@1.2.3 in npm/theme@1.0.0"}},
		{"Composer's list in a package of the system", debs(map[string][]string{"web": {"/usr/share/web/vendor/composer/installed.json"}}).with(composer("/usr/share/web", "acme/log", "acme/yaml")).
			with(files{"/usr/share/web/vendor/acme/yaml/bin/tool": "", "/usr/share/web/vendor/acme/log/bin/tool": ""}),
			[]string{"inside composer/acme/log@1.2.3 in deb/debian/web@1?arch=amd64", "inside composer/acme/yaml@1.2.3 in deb/debian/web@1?arch=amd64"}},
		{"packages of .NET", files{"/app/App.deps.json": deps},
			[]string{"counts nuget/Alpha@1.0.0", "counts nuget/App@1.0.0", "counts nuget/Zed@2.0.0"}},
		{"an SBOM of Bitnami", files{"/opt/bitnami/redis/.spdx-redis.spdx": bitnami, "/opt/bitnami/redis/bin/run": "x:#!/bin/sh\n"},
			[]string{"counts bitnami/redis@7", "inside bitnami/aux@2 in bitnami/redis@7"}},
		{"Bitnami's list of components", files{"/opt/bitnami/.bitnami_components.json": `{"redis": {"version": "7.0.5-1"}, "gosu": {"version": "1.14.0"}}`},
			[]string{"counts bitnami/gosu@1.14.0", "counts bitnami/redis@7.0.5-1"}},
		{"what a package of Conan was built against", files{"/root/.conan/data/zlib/1.2.13/acme/stable/package/abc/conaninfo.txt": "[full_requires]\n    a-lib/3.0.8@user/stable:5ab8\n"},
			[]string{"counts conan/acme/zlib@1.2.13", "inside conan/user/a-lib@3.0.8 in conan/acme/zlib@1.2.13"}},
		{"the list of a base snap", files{"/x/usr/share/snappy/dpkg.yaml": "packages:\n- base-files=12\n- libc6=2.35\n"},
			[]string{"counts deb/ubuntu/base-files@12", "counts deb/ubuntu/libc6@2.35"}},
	})
}

// TestCargo has the records of "cargo install".
func TestCargo(t *testing.T) {
	x := "x:" + program(t)
	const v1 = "[v1]\n\"one 1.0.0 (registry+https://github.com/rust-lang/crates.io-index)\" = [\"one\"]\n" +
		"\"two-tools 0.4.2 (path+file:///src/two)\" = [\n    \"alpha\",\n    \"beta\",\n    \"gamma\",\n]\n"
	const v2 = `{"installs": {"one 1.0.0 (git+https://u:secret@example.org/one?branch=x#0123456789012345678901234567890123456789)": {"version_req": null, "bins": ["one"]},
		"gone 2.0.0 (registry+https://github.com/rust-lang/crates.io-index)": {"bins": ["gone"]}}}`
	home := "/root/.cargo"
	runCases(t, []scanCase{
		{"several programs", files{home + "/.crates.toml": v1, home + "/.crates2.json": v2, home + "/bin/one": x, home + "/bin/alpha": x, home + "/bin/beta": x, home + "/bin/gamma": x, home + "/bin/other": x},
			[]string{"counts cargo/one@1.0.0", "counts cargo/two-tools@0.4.2", "counts " + unaccounted(home+"/bin/other")}},
		{"the second record only, at another root", files{"/opt/rust/.crates2.json": v2, "/opt/rust/bin/one": x},
			[]string{"counts cargo/one@1.0.0", "excluded declared /opt/rust/.crates2.json"}},
		{"programs elsewhere", files{home + "/.crates.toml": "[v1]\n\"a 1.0.0 (path+file:///a)\" = [\"../../../usr/bin/evil\", \"a\"]\n", home + "/bin/a": x, "/usr/bin/evil": x},
			[]string{"counts cargo/a@1.0.0", "counts " + unaccounted("/usr/bin/evil")}},
		{"malformed", files{home + "/.crates.toml": "[v1", "/opt/a/.crates.toml": "[v1]\n\"nameless\" = [\"a\"]\n", "/opt/a/bin/a": x},
			[]string{"gap malformed /root/.cargo/.crates.toml", "gap malformed /opt/a/.crates.toml", "counts " + unaccounted("/opt/a")}},
	})
}

// TestDotnetTools has tools of .NET, each with libraries and a program.
func TestDotnetTools(t *testing.T) {
	const tools = "/root/.dotnet/tools"
	at := tools + "/.store/dotnet-ef/8.0.1/dotnet-ef/8.0.1"
	const deps = `{"targets": {"net8.0": {"dotnet-ef/8.0.1": {"dependencies": {"A": "1.0.0"}, "runtime": {"dotnet-ef.dll": {}}}, "A/1.0.0": {"runtime": {"lib/net8.0/A.dll": {}}}, "B/1.0.0": {"runtime": {"lib/net8.0/B.dll": {}}}}},
		"libraries": {"dotnet-ef/8.0.1": {"type": "project"}, "A/1.0.0": {"type": "package", "sha512": "x"}, "B/1.0.0": {"type": "package", "sha512": "y"}}}`
	tool := files{at + "/dotnet-ef.nuspec": "<package/>", at + "/tools/net8.0/any/dotnet-ef.deps.json": deps,
		at + "/tools/net8.0/any/DotnetToolSettings.xml": "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<DotNetCliTool Version=\"1\"><Commands><Command Name=\"dotnet-ef\" EntryPoint=\"dotnet-ef.dll\" Runner=\"dotnet\" /><Command Name=\"../../evil\"/></Commands></DotNetCliTool>",
		tools + "/dotnet-ef":                            "x:" + program(t)}
	inside := []string{"inside nuget/A@1.0.0 in nuget/dotnet-ef@8.0.1", "inside nuget/B@1.0.0 in nuget/dotnet-ef@8.0.1"}
	runCases(t, []scanCase{
		{"a tool", tool, append([]string{"counts nuget/dotnet-ef@8.0.1"}, inside...)},
		{"a program beside it", tool.with(files{tools + "/other": "x:" + program(t), "/root/evil": "x:#!/bin/sh\n"}),
			append([]string{"counts nuget/dotnet-ef@8.0.1", "counts " + unaccounted(tools+"/other"), "counts " + unaccounted("/root/evil")}, inside...)},
		{"a name alone", files{tools + "/.store/x/1.0/readme": "", tools + "/x": "x:#!/bin/sh\n"}, []string{"counts " + unaccounted(tools+"/x")}},
	})
}

// TestNuGetPackages has packages in NuGet's directory, with the record of each.
func TestNuGetPackages(t *testing.T) {
	const dir = "/root/.nuget/packages"
	sum := base64.StdEncoding.EncodeToString(make([]byte, 64))
	at := dir + "/newtonsoft.json/13.0.3"
	one := files{
		at + "/newtonsoft.json.nuspec":         "\ufeff<?xml version=\"1.0\"?><package xmlns=\"http://schemas.microsoft.com/packaging/2013/01/nuspec.xsd\"><metadata><id>Newtonsoft.Json</id><version>13.0.3</version></metadata></package>",
		at + "/.nupkg.metadata":                `{"version": 2, "contentHash": "` + sum + `", "source": "https://user:secret@api.nuget.org/v3/index.json?x=secret"}`,
		at + "/newtonsoft.json.13.0.3.nupkg":   "PK",
		at + "/lib/net6.0/Newtonsoft.Json.xml": "<doc/>",
	}
	runCases(t, []scanCase{
		{"a package", one, []string{"counts nuget/Newtonsoft.Json@13.0.3"}},
		{"of another name", one.with(files{at + "/newtonsoft.json.nuspec": "<package><metadata><id>Evil</id></metadata></package>"}),
			[]string{"counts nuget/newtonsoft.json@13.0.3", "notice duplicate-identity " + at + "/newtonsoft.json.nuspec of nuget/newtonsoft.json@13.0.3"}},
		{"malformed", one.with(files{at + "/.nupkg.metadata": "{", at + "/newtonsoft.json.nuspec": "<package>"}),
			[]string{"counts nuget/newtonsoft.json@13.0.3", "gap malformed " + at + "/.nupkg.metadata", "gap malformed " + at + "/newtonsoft.json.nuspec"}},
		{"a record alone", files{"/opt/a/1.0/.nupkg.metadata": "{}", "/opt/a/1.0/run": "x:#!/bin/sh\n"}, []string{"counts generic/a@1.0?path=/opt/a/1.0"}},
	})
	d := one.scan(t)
	c := d.Components[0]
	if len(c.Digests) != 1 || c.Digests[0].Algorithm != "nuget-sha512" || len(c.Digests[0].Value) != 128 || c.Install == nil || c.Install.URL != "https://api.nuget.org/v3/index.json" {
		t.Errorf("%+v, %+v", c, c.Install)
	}
}

// TestOwnPackagesOfR has an R without an owner, with its own packages and others.
func TestOwnPackagesOfR(t *testing.T) {
	home := "/opt/R/4.3.1/lib/R"
	pkg := func(name string) files {
		return files{home + "/library/" + name + "/DESCRIPTION": "Package: " + name + "\nVersion: 4.3.1\nPriority: base\n", home + "/library/" + name + "/R/" + name + ".rdb": ""}
	}
	r := files{"/opt/R/4.3.1/bin/R": "x:#!/bin/sh\n", home + "/bin/exec/R": "x:" + program(t), home + "/lib/libR.so": program(t)}.with(pkg("base")).with(pkg("stats4"))
	runCases(t, []scanCase{
		{"its own", r.with(pkg("evil")), []string{"counts generic/R@4.3.1?path=/opt/R/4.3.1", "counts cran/evil@4.3.1",
			"inside cran/base@4.3.1 in generic/R@4.3.1?path=/opt/R/4.3.1", "inside cran/stats4@4.3.1 in generic/R@4.3.1?path=/opt/R/4.3.1"}},
		{"without an R", pkg("stats4"), []string{"counts cran/stats4@4.3.1"}},
	})
}

// TestBundler has gems without a specification in their gem home.
func TestBundler(t *testing.T) {
	spec := func(name, version string) string {
		return "# -*- encoding: utf-8 -*-\n# stub: " + name + " " + version + " ruby lib\n\nGem::Specification.new do |s|\n  s.name = \"" + name + "\".freeze\n  s.version = \"" + version + "\"\nend\n"
	}
	const source = "Gem::Specification.new { |s| s.name = 'other'; s.version = Other::VERSION }\n"
	home := "/srv/app/vendor/bundle/ruby/3.1.0"
	at := home + "/bundler/gems/rails-0123456789ab"
	runCases(t, []scanCase{
		{"one gem", files{at + "/rails.gemspec": spec("rails", "7.1.0"), at + "/lib/rails.rb": "", at + "/bin/rails": "x:#!/usr/bin/ruby\n", home + "/extensions/x86_64-linux/3.1.0/rails-0123456789ab/rails.so": program(t)},
			[]string{"counts gem/rails@7.1.0"}},
		{"several gems of one repository", files{at + "/rails.gemspec": spec("rails", "7.1.0"), at + "/activesupport/activesupport.gemspec": spec("activesupport", "7.1.0"), at + "/tools/release": "x:#!/bin/sh\n",
			at + "/activesupport/bin/test": "x:#!/bin/sh\n", at + "/guides/a/b/deep.gemspec": spec("deep", "1.0"), at + "/fixtures/other.gemspec": source},
			[]string{"counts gem/activesupport@7.1.0", "counts gem/deep@1.0", "counts gem/rails@7.1.0"}},
		{"not evaluated", files{at + "/other.gemspec": source, at + "/x/y/fixture.gemspec": source}, []string{"counts gem/other"}},
		{"no gemspec", files{at + "/lib/rails.rb": "", at + "/run": "x:#!/bin/sh\n"},
			[]string{"gap unreported " + at, "counts " + unaccounted(at)}},
		{"of bundle cache", files{"/srv/app/vendor/cache/local/.bundlecache": "", "/srv/app/vendor/cache/local/local.gemspec": spec("local", "0.1.0"), "/srv/app/vendor/cache/local/exe/run": "x:#!/usr/bin/ruby\n"},
			[]string{"counts gem/local@0.1.0"}},
		{"in a package of the system", debs(map[string][]string{"app": {at + "/rails.gemspec", at + "/lib/rails.rb"}}).with(files{at + "/rails.gemspec": spec("rails", "7.1.0"), at + "/lib/rails.rb": ""}),
			[]string{"inside gem/rails@7.1.0 in deb/debian/app@1?arch=amd64"}},
		{"a directory of a gem home that no specification describes", files{home + "/specifications/rake-13.0.gemspec": spec("rake", "13.0"), home + "/gems/rake-13.0/lib/rake.rb": "", home + "/gems/evil-6.6.6/lib/evil.rb": ""},
			[]string{"counts gem/rake@13.0", "counts " + unaccounted(home+"/gems/evil-6.6.6")}},
	})
}

// TestOwnLists has packages whose list of files is beside them, with files in the
// directories that an interpreter searches.
func TestOwnLists(t *testing.T) {
	rock := "/usr/local/lib/luarocks/rocks-5.1/foo/1.0-1"
	lua := files{
		rock + "/foo-1.0-1.rockspec": "package = \"foo\"\nversion = \"1.0-1\"\nsource = { url = \"file:///x\" }\n",
		rock + "/rock_manifest": "rock_manifest = {\n   bin = {\n      footool = \"91ac\"\n   },\n   [\"foo-1.0-1.rockspec\"] = \"d58b\",\n   lib = {\n      [\"fast.so\"] = \"00\"\n   },\n" +
			"   lua = {\n      [\"bar.lua\"] = \"6cf5\",\n      [\"../../../../bin/other\"] = \"00\",\n      foo = {\n         [\"init.lua\"] = \"f084\"\n      }\n   }\n}\n",
		rock + "/bin/footool": "x:#!/usr/bin/env lua\n", "/usr/local/bin/footool": "x:#!/bin/sh\n", "/usr/local/share/lua/5.1/bar.lua": "", "/usr/local/share/lua/5.1/foo/init.lua": "",
		"/usr/local/lib/lua/5.1/fast.so": program(t),
	}
	array := func(pairs ...string) string {
		return fmt.Sprintf("a:%d:{%s}", len(pairs)/2, strings.Join(pairs, ""))
	}
	text := func(s string) string { return fmt.Sprintf("s:%d:%q;", len(s), s) }
	reg := func(name string, installed ...string) string {
		var list []string
		for _, p := range installed {
			list = append(list, text(filepath.Base(p)), array(text("role"), text("php"), text("installed_as"), text(p)))
		}
		return array(text("name"), text(name), text("channel"), text("pear.php.net"), text("version"), array(text("release"), text("1.2.0")), text("filelist"), array(list...))
	}
	runCases(t, []scanCase{
		{"LuaRocks", lua.with(files{"/usr/local/share/lua/5.1/foo/extra.lua": "", "/usr/local/bin/other": "x:#!/bin/sh\n"}),
			[]string{"counts luarocks/foo@1.0-1", "counts " + unaccounted("/usr/local/share/lua/5.1/foo/extra.lua"), "counts " + unaccounted("/usr/local/bin/other")}},
		{"a list of LuaRocks that is cut off", lua.with(files{rock + "/rock_manifest": "rock_manifest = {\n   lua = {", "/usr/local/lib/lua/5.1/fast.so": "", "/usr/local/bin/footool": "", "/usr/local/share/lua/5.1/foo/init.lua": "x"}),
			[]string{"counts luarocks/foo@1.0-1", "gap malformed " + rock + "/rock_manifest", "counts " + unaccounted("/usr/local/share/lua/5.1/foo"), "counts " + unaccounted("/usr/local/share/lua/5.1/bar.lua")}},
		{"PEAR", files{"/usr/local/lib/php/.registry/mail.reg": reg("Mail", "/usr/local/lib/php/Mail.php", "/usr/local/bin/mailer"), "/usr/local/lib/php/Mail.php": "", "/usr/local/lib/php/Evil.php": "", "/usr/local/bin/mailer": "x:#!/bin/sh\n"},
			[]string{"counts pear/pear.php.net/Mail@1.2.0", "counts " + unaccounted("/usr/local/lib/php/Evil.php")}},
		{"PEAR in the system's prefix", files{"/usr/share/php/.registry/mail.reg": reg("Mail", "/usr/share/php/Mail.php", "/usr/bin/evil"), "/usr/share/php/Mail.php": "", "/usr/bin/evil": "x:#!/bin/sh\n"},
			[]string{"counts pear/pear.php.net/Mail@1.2.0", "counts " + unaccounted("/usr/bin/evil"), "notice claimed-files /usr/share/php/.registry/mail.reg"}},
	})
}

// TestComposerProxies has the scripts that Composer 2.5.5 wrote into vendor/bin
// for two programs of acme/tool.
func TestComposerProxies(t *testing.T) {
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("testdata/composer", name))
		if err != nil {
			t.Fatal(err)
		}
		return "x:" + string(data)
	}
	at := "/srv/app/vendor/bin"
	f := composer("/srv/app", "acme/tool").with(files{at + "/tool": read("php"), "/srv/app/vendor/acme/tool/bin/shtool": "x:#!/bin/sh\n", at + "/shtool": read("shell")})
	runCases(t, []scanCase{
		{"of programs", f, []string{"counts composer/acme/tool@1.2.3"}},
		{"of another name", f.with(files{at + "/other": read("php"), at + "/more": read("shell")}),
			[]string{"counts composer/acme/tool@1.2.3", "counts " + unaccounted(at+"/other"), "counts " + unaccounted(at+"/more")}},
		{"with more at the end", f.with(files{at + "/shtool": read("shell") + "evil\n"}), []string{"counts composer/acme/tool@1.2.3", "counts " + unaccounted(at+"/shtool")}},
		{"of a program that is not there", composer("/srv/app", "acme/log").with(files{at + "/tool": read("php")}), []string{"counts composer/acme/log@1.2.3", "counts " + unaccounted(at+"/tool")}},
	})
}

// TestRecordsSince adds a package to a record that a snapshot has.
func TestRecordsSince(t *testing.T) {
	root := composer("/srv/app", "acme/http").plant(t)
	ref := rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}
	before, err := Snapshot(t.Context(), ref, Options{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	more := composer("/srv/app", "acme/http", "acme/log")
	more.plantIn(t, root, sortedKeys(more))
	after, err := Run(t.Context(), ref, Options{Since: before})
	if err != nil {
		t.Fatal(err)
	}
	full := scanFolder(t, root)
	checkSummary(t, after, "counts composer/acme/http@1.2.3", "counts composer/acme/log@1.2.3")
	if diff := cmp.Diff(summary(full), summary(after)); diff != "" {
		t.Errorf("(-full scan +since the snapshot):\n%s", diff)
	}
}
