package scan

import "testing"

// TestIdentity checks the notices about places that contradict the metadata in
// them, and that what installers really write gives none.
func TestIdentity(t *testing.T) {
	info := func(dir, name, version string) files {
		return files{site + "/" + dir + "/METADATA": "Name: " + name + "\nVersion: " + version + "\n", site + "/" + dir + "/RECORD": ""}
	}
	legacy := func(dir, name, version string) files {
		return files{site + "/" + dir + "/PKG-INFO": "Name: " + name + "\nVersion: " + version + "\n"}
	}
	notice := func(path, id string) string { return "notice duplicate-identity " + path + " of " + id }
	manifest := func(text string) files { return files{"/opt/app/package.json": text} }
	six, lodash := "pypi/six@1.16.0", "npm/lodash@4.17.21"
	alias := npm(modules+"/old", "lodash", "4.17.21")
	spec := "/var/lib/gems/3.1.0/specifications/"
	gem := func(name string) files {
		return files{spec + name: "Gem::Specification.new do |s|\n  s.name = \"rake\".freeze\n  s.version = \"13.0.0\"\nend\n"}
	}
	runCases(t, []scanCase{
		{"another name", info("evil-6.6.6.dist-info", "six", "1.16.0"), []string{"counts " + six, notice(site+"/evil-6.6.6.dist-info", six)}},
		{"another version", info("six-1.15.0.dist-info", "six", "1.16.0"), []string{"counts " + six, notice(site+"/six-1.15.0.dist-info", six)}},
		{"another name, egg-info", legacy("evil.egg-info", "six", "1.16.0"), []string{"counts " + six, notice(site+"/evil.egg-info", six)}},
		{"a file of metadata", files{site + "/evil-6.6.6.egg-info": "Name: six\nVersion: 1.16.0\n"}, []string{"counts " + six, notice(site+"/evil-6.6.6.egg-info", six)}},
		{"what an interrupted pip leaves", info("~ix-1.16.0.dist-info", "six", "1.16.0"), []string{"counts " + six, notice(site+"/~ix-1.16.0.dist-info", six)}},
		{"a second distribution of the name", info("six-1.16.0.dist-info", "six", "1.16.0").with(legacy("six-1.16.0-py3.11.egg-info", "six", "1.16.0")),
			[]string{"counts " + six, notice(site+"/six-1.16.0.dist-info", six)}},

		{"the same", info("six-1.16.0.dist-info", "six", "1.16.0"), []string{"counts " + six}},
		{"no version in the name", info("six.dist-info", "six", "1.16.0"), []string{"counts " + six}},
		{"characters that installers replace", info("zope.interface-5.0.dist-info", "zope-interface", "5.0"), []string{"counts pypi/zope-interface@5.0"}},
		{"underscores", info("a_b_c-1.0_1.dist-info", "A.b-C", "1.0-1"), []string{"counts pypi/a-b-c@1.0-1"}},
		{"a dash in the name", info("a-b-1.0.dist-info", "a-b", "1.0"), []string{"counts pypi/a-b@1.0"}},
		{"zeros", info("certifi-2021.5.30.dist-info", "certifi", "2021.05.30"), []string{"counts pypi/certifi@2021.05.30"}},
		{"a local version", info("torch-2.1.0+cu121.dist-info", "torch", "2.1.0+cu121"), []string{"counts pypi/torch@2.1.0+cu121"}},
		{"a local version with an underscore", info("torch-2.1.0+cu121_x.dist-info", "torch", "2.1.0+cu121.x"), []string{"counts pypi/torch@2.1.0+cu121.x"}},
		{"egg-info with a Python", legacy("PyYAML-5.3-py3.11-linux-x86_64.egg-info", "PyYAML", "5.3"), []string{"counts pypi/pyyaml@5.3"}},
		{"egg-info without a version", legacy("foo_bar.egg-info", "foo-bar", "1.0"), []string{"counts pypi/foo-bar@1.0"}},
		{"a name with a space", legacy("foo_bar-1.0-py3.11.egg-info", "foo bar", "1.0"), []string{"counts pypi/foo bar@1.0"}},

		{"a directory that nothing requires", alias, []string{"counts " + lodash, notice(modules+"/old", lodash)}},
		{"a directory that it requires itself", alias.with(files{modules + "/old/package.json": `{"name":"lodash","version":"4.17.21","dependencies":{"old":"npm:lodash@4"}}`}),
			[]string{"counts " + lodash, notice(modules+"/old", lodash)}},
		{"an alias of another package", alias.with(manifest(`{"dependencies": {"old": "npm:other@1"}}`)), []string{"counts " + lodash, notice(modules+"/old", lodash)}},
		{"an alias", alias.with(manifest(`{"dependencies": {"old": "npm:lodash@^4"}}`)), []string{"counts " + lodash}},
		{"an alias of a scoped one", npm(modules+"/@std/path", "@jsr/std__path", "1.0.0").with(manifest(`{"devDependencies": {"@std/path": "npm:@jsr/std__path@^1"}}`)),
			[]string{"counts npm/@jsr/std__path@1.0.0"}},
		{"an alias that a package requires", alias.with(files{modules + "/cliui/package.json": `{"name":"cliui","version":"1.0.0","dependencies":{"old":"npm:lodash@4"}}`}),
			[]string{"counts npm/cliui@1.0.0", "counts " + lodash}},
		{"an override", alias.with(manifest(`{"overrides": {"x": {"y>old@1": "npm:lodash@4"}}}`)), []string{"counts " + lodash}},
		{"from a repository", alias.with(manifest(`{"dependencies": {"old": "github:lodash/lodash"}}`)), []string{"counts " + lodash}},
		{"an alias in npm's record", alias.with(files{modules + "/.package-lock.json": `{"lockfileVersion": 3, "packages": {"node_modules/old": {"name": "lodash", "version": "4.17.21"}}}`}),
			[]string{"counts " + lodash}},

		{"a gem", gem("rake-13.0.0.gemspec"), []string{"counts gem/rake@13.0.0"}},
		{"a gem of a platform", gem("rake-13.0.0-x86_64-linux.gemspec"), []string{"counts gem/rake@13.0.0"}},
		{"a gem under another name", gem("evil-6.6.6.gemspec"), []string{"counts gem/rake@13.0.0", notice(spec+"evil-6.6.6.gemspec", "gem/rake@13.0.0")}},
		{"an R package under another name", files{"/usr/local/lib/R/site-library/evil/DESCRIPTION": "Package: ggplot2\nVersion: 3.0.0\n"},
			[]string{"counts cran/ggplot2@3.0.0", notice("/usr/local/lib/R/site-library/evil/DESCRIPTION", "cran/ggplot2@3.0.0")}},
	})
}
