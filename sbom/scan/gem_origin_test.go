package scan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

func TestGemDigest(t *testing.T) {
	const home = "/usr/local/bundle"
	doc := scanFolder(t, files{
		home + "/specifications/rake-13.0.6.gemspec":             gemspec("rake", "13.0.6"),
		home + "/gems/rake-13.0.6/lib/rake.rb":                   "",
		home + "/cache/rake-13.0.6.gem":                          "the archive\n",
		home + "/cache/rake-13.0.5.gem":                          "another\n",
		home + "/specifications/native-1.0-x86_64-linux.gemspec": gemspec("native", "1.0"),
		home + "/gems/native-1.0-x86_64-linux/lib/native.rb":     "",
		home + "/cache/native-1.0.gem":                           "of another platform\n",
	}.plant(t))
	want := []sbom.Digest{{Algorithm: "sha256", Value: "65f4209335494c311ba8fb48b8cd23d4c5bf9269968ef3c018d5ccc3559b17f5", File: home + "/cache/rake-13.0.6.gem"}}
	if diff := cmp.Diff(want, doc.Component("gem/rake@13.0.6").Digests); diff != "" {
		t.Error(diff)
	}
	if d := doc.Component("gem/native@1.0").Digests; len(d) > 0 {
		t.Errorf("the digest of another platform's archive: %v", d)
	}
}

// TestCheckoutOrigin has the files of git that Bundler 2.3.15 leaves of a checkout
// and of the copy of its repository.
func TestCheckoutOrigin(t *testing.T) {
	const (
		home   = "/srv/app/vendor/bundle/ruby/3.1.0"
		dir    = home + "/bundler/gems/gitgem-bdcee3e0d404"
		commit = "bdcee3e0d404fac64bdfc3f578a3a3e5bdfdb958"
		other  = "1111111111111111111111111111111111111111"
		copied = "gitgem-82c3488c6183090ebc37b41e972960f094569a6d"
	)
	full := files{
		dir + "/gitgem.gemspec":                           "# stub: gitgem 0.4.0 ruby lib\n\nGem::Specification.new do |s|\n  s.name = \"gitgem\".freeze\n  s.version = \"0.4.0\"\nend\n",
		dir + "/lib/gitgem.rb":                            "",
		dir + "/.git/HEAD":                                "ref: refs/heads/master\n",
		dir + "/.git/refs/heads/master":                   commit + "\n",
		dir + "/.git/config":                              "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n[remote \"origin\"]\n\turl = /build" + home + "/cache/bundler/git/" + copied + "\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
		home + "/cache/bundler/git/" + copied + "/config": "[core]\n\tbare = true\n[remote \"origin\"]\n\turl = https://u:p@github.com/acme/gitgem.git\n\ttagOpt = --no-tags\n",
		home + "/cache/bundler/git/" + copied + "/HEAD":   "ref: refs/heads/master\n",
	}
	without := func(f files, names ...string) files {
		out := f.with(files{})
		for _, n := range names {
			delete(out, n)
		}
		return out
	}
	for _, tt := range []struct {
		name        string
		f           files
		url, commit string
	}{
		{"all", full, "https://github.com/acme/gitgem.git", commit},
		{"a commit in place of a branch", full.with(files{dir + "/.git/HEAD": commit + "\n"}), "https://github.com/acme/gitgem.git", commit},
		{"another commit was checked out", full.with(files{dir + "/.git/refs/heads/master": other + "\n"}), "https://github.com/acme/gitgem.git", other},
		{"no copy of the repository", without(full, home+"/cache/bundler/git/"+copied+"/config"), "", commit},
		{"no repository", without(full, dir+"/.git/HEAD", dir+"/.git/config", dir+"/.git/refs/heads/master"), "", commit[:12]},
		{"a branch that is packed", without(full, dir+"/.git/refs/heads/master"), "https://github.com/acme/gitgem.git", commit[:12]},
		{"a branch that leads elsewhere", full.with(files{dir + "/.git/HEAD": "ref: refs/heads/../../../../evil\n"}), "https://github.com/acme/gitgem.git", commit[:12]},
	} {
		want := &sbom.Install{Kind: sbom.InstallVCS, URL: tt.url, Commit: tt.commit, File: dir}
		if diff := cmp.Diff(want, scanFolder(t, tt.f.plant(t)).Component("gem/gitgem@0.4.0").Install); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}
