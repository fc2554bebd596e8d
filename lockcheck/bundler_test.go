package lockcheck

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// The locks in testdata/bundler were written by Bundler 2.3.15 (Debian 12), 2.7.2
// and 4.0.0.dev, for one project: gems of a server of the machine with one that
// has compiled variants, a repository, and a gem in the project.
func TestBundlerFixtures(t *testing.T) {
	const server = "[registry http://127.0.0.1:18977/ 127.0.0.1:18977]"
	for version, want := range map[string][]string{
		"2.3": {
			"6 gitgem 0.4.0 [vcs file:///tmp/rubyphp-p/gitgem.git] @bdce direct", "12 eng 0.0.1 [path engines/eng] direct,own",
			"17 alpha 1.2.0 " + server, "19 beta 2.1.3 " + server, "20 gamma 0.9.0.beta1 " + server + " direct",
			"23 native 3.0.0 " + server + " on x86_64-linux", "24 old_name.dot 1.0 " + server + " direct", "39 bundler 2.3.15 [registry https://rubygems.org/]",
		},
		"2.7": {
			"6 gitgem 0.4.0 [vcs file:///tmp/rubyphp-p/gitgem.git] @bdce direct", "12 eng 0.0.1 [path engines/eng] direct,own",
			"17 alpha 1.2.0 " + server, "19 beta 2.1.3 " + server, "20 gamma 0.9.0.beta1 " + server + " direct",
			"23 native 3.0.0 " + server, "24 native 3.0.0 " + server + " on arm64-darwin", "25 native 3.0.0 " + server + " on x86_64-linux",
			"26 old_name.dot 1.0 " + server + " direct", "43 bundler 2.7.2 [registry https://rubygems.org/]",
		},
		"4.0": {
			"6 gitgem 0.4.0 [vcs file:///tmp/rubyphp-p/gitgem.git] @bdce direct", "12 eng 0.0.1 [path engines/eng] direct,own",
			"17 alpha 1.2.0 " + server + " sha256:4709", "19 beta 2.1.3 " + server + " sha256:a9e5", "20 gamma 0.9.0.beta1 " + server + " sha256:150c direct",
			"23 native 3.0.0 " + server, "24 native 3.0.0 " + server + " on arm64-darwin", "25 native 3.0.0 " + server + " sha256:6e5d on x86_64-linux",
			"26 old_name.dot 1.0 " + server + " sha256:62b7 direct", "54 bundler 4.0.0.dev [registry https://rubygems.org/]",
		},
	} {
		file := filepath.Join("testdata/bundler", version, "Gemfile.lock")
		l, err := Open(t.Context(), file)
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for i := range l.Entries {
			got = append(got, showGem(&l.Entries[i]))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", file, diff)
		}
	}
}

// showGem returns an entry as [show] does, with its platform.
func showGem(e *Entry) string {
	s := show(e)
	if e.Platform == rubyPlatform || e.Platform == "" {
		return s
	}
	if rest, ok := strings.CutSuffix(s, " direct"); ok {
		return rest + " on " + e.Platform + " direct"
	}
	return s + " on " + e.Platform
}

const gemfileLock = `GEM
  remote: https://rubygems.org/
  specs:
    nokogiri (1.15.0)
      mini_portile2 (~> 2.8.2)
      racc (~> 1.4)
    nokogiri (1.15.0-x86_64-linux)
      racc (~> 1.4)
    rake (13.0.6)

PLATFORMS
  ruby
  x86_64-linux

DEPENDENCIES
  nokogiri (>= 1.15, != 1.15.1)!
  rake

CHECKSUMS
  nokogiri (1.15.0) sha256=` + shaA + `
  nokogiri (1.15.0-x86_64-linux) sha256=` + shaB + `
  rake (13.0.6) sha256=` + shaA + `,sha512=` + hex512 + `
  gone (1.0) sha256=` + shaA + `

RUBY VERSION
   ruby 3.3.0p0

BUNDLED WITH
   2.6.2
`

// gem returns an installed gem with the path of its specification.
func gem(name, version, platform string, digests ...Hash) Package {
	full := name + "-" + version
	if platform != "" {
		full += "-" + platform
	}
	return Package{Type: "gem", Name: name, Version: version, Digests: digests, Paths: []string{"/usr/local/bundle/specifications/" + full + ".gemspec"}}
}

func TestBundlerMatch(t *testing.T) {
	git := func(revision string) string {
		return "GIT\n  remote: https://github.com/rails/rails.git\n  revision: " + revision + "\n  branch: main\n  specs:\n    rails (8.0.0)\n    activesupport (8.0.0)\n\nPLATFORMS\n  ruby\n"
	}
	checkout := func(url, commit string) Package {
		p := gem("activesupport", "8.0.0", "")
		p.Paths = []string{"/usr/local/bundle/bundler/gems/rails-" + commit[:12] + "/activesupport/activesupport.gemspec"}
		p.Install = Install{Kind: KindVCS, URL: url, Commit: commit, File: "/usr/local/bundle/bundler/gems/rails-" + commit[:12]}
		return p
	}
	plain := func(platforms string, specs ...string) string {
		return "GEM\n  remote: https://rubygems.org/\n  specs:\n    " + strings.Join(specs, "\n    ") + "\n\nPLATFORMS\n  " + strings.ReplaceAll(platforms, " ", "\n  ") + "\n\nDEPENDENCIES\n"
	}
	two := gem("nokogiri", "1.15.0", "x86_64-linux")
	two.Paths = append(two.Paths, "/opt/gems/specifications/nokogiri-1.15.0-java.gemspec")
	// both is installed for the machine, and for every platform elsewhere.
	both := func(linux, ruby string) Package {
		p := gem("nokogiri", "1.15.0", "x86_64-linux")
		p.Paths = append(p.Paths, "/opt/gems/specifications/nokogiri-1.15.0.gemspec")
		p.Copies = map[string][]Hash{"/usr/local/bundle/cache/nokogiri-1.15.0-x86_64-linux.gem": {{"sha256", linux}}}
		if ruby != "" {
			p.Copies["/opt/gems/cache/nokogiri-1.15.0.gem"] = []Hash{{"sha256", ruby}}
		}
		return p
	}
	for _, tt := range []struct {
		name, lock string
		p          Package
		want       string
	}{
		{"a hash", gemfileLock, gem("rake", "13.0.6", ""), "hash-locked"},
		{"the hash of the archive", gemfileLock, gem("rake", "13.0.6", "", Hash{"sha256", shaA}), "hash-claimed"},
		{"another hash", gemfileLock, gem("rake", "13.0.6", "", Hash{"sha256", shaB}), "hash-mismatch"},
		{"a variant", gemfileLock, gem("nokogiri", "1.15.0", "x86_64-linux", Hash{"sha256", shaB}), "hash-claimed"},
		{"the hash of another variant", gemfileLock, gem("nokogiri", "1.15.0", "x86_64-linux", Hash{"sha256", shaA}), "hash-mismatch"},
		{"the variant that is compiled", gemfileLock, gem("nokogiri", "1.15.0", "", Hash{"sha256", shaA}), "hash-claimed"},
		{"a variant that is not locked", gemfileLock, gem("nokogiri", "1.15.0", "x86_64-linux-musl"), "other-platform"},
		{"a variant in the spelling of another RubyGems", gemfileLock, gem("nokogiri", "1.15.0", "x86_64-linux-gnu"), "hash-locked"},
		{"two variants, one not locked", gemfileLock, two, "version-locked no-hash"},
		{"two variants, both locked", gemfileLock, both(shaB, shaA), "hash-claimed"},
		{"two variants, one changed", gemfileLock, both(shaB, strings.Repeat("c", 64)), "hash-mismatch"},
		{"two variants with the archive of the other", gemfileLock, both(shaA, shaB), "hash-mismatch"},
		{"two variants, one without its archive", gemfileLock, both(shaB, ""), "hash-locked"},
		{"no path", gemfileLock, Package{Type: "gem", Name: "nokogiri", Version: "1.15.0"}, "hash-locked"},
		{"another version", gemfileLock, gem("rake", "13.0.7", ""), "locked-at-another-version"},
		{"not locked", gemfileLock, gem("evil", "1.0", ""), "not-in-any-lock"},
		{"a checksum without a gem", gemfileLock, gem("gone", "1.0", ""), "not-in-any-lock"},
		{"a requirement", gemfileLock, gem("racc", "1.4", ""), "not-in-any-lock"},
		{"another case", gemfileLock, gem("Rake", "13.0.6", ""), "not-in-any-lock"},
		{"Bundler", gemfileLock, gem("bundler", "2.6.2", ""), "version-locked no-hash"},
		{"another Bundler", gemfileLock, gem("bundler", "2.6.3", ""), "locked-at-another-version"},
		{"Bundler with a checksum", strings.ReplaceAll(gemfileLock, "CHECKSUMS\n", "CHECKSUMS\n  bundler (2.6.2) sha256="+shaA+"\n"), gem("bundler", "2.6.2", ""), "hash-locked"},
		{"base64", strings.ReplaceAll(gemfileLock, "rake (13.0.6) sha256="+shaA+",", "rake (13.0.6) sha256=qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=,"), gem("rake", "13.0.6", "", Hash{"sha256", shaA}), "hash-claimed"},
		{"a short hash", strings.ReplaceAll(gemfileLock, shaA, shaA[:10]), gem("nokogiri", "1.15.0", ""), "version-locked no-hash"},
		{"a lock for ruby", plain("ruby java", "nokogiri (1.15.0)"), gem("nokogiri", "1.15.0", "x86_64-linux"), "version-locked no-hash"},
		{"a lock for the machine", plain("ruby x86_64-linux", "nokogiri (1.15.0)"), gem("nokogiri", "1.15.0", "x86_64-linux"), "other-platform"},
		{"a lock for another version of the machine", plain("ruby arm64-darwin-22", "nokogiri (1.15.0)"), gem("nokogiri", "1.15.0", "arm64-darwin"), "other-platform"},
		{"a lock for another machine", plain("arm64-darwin", "nokogiri (1.15.0-arm64-darwin)"), gem("nokogiri", "1.15.0", "x86_64-linux"), "other-platform"},
		{"both spellings", plain("x86_64-linux", "nokogiri (1.15.0-x86_64-linux)", "nokogiri (1.15.0-x86_64-linux-gnu)"), gem("nokogiri", "1.15.0", "x86_64-linux-gnu"), "version-locked no-hash"},
		{"CRLF", strings.ReplaceAll(gemfileLock, "\n", "\r\n"), gem("rake", "13.0.6", ""), "hash-locked"},
		{"a mirror", strings.ReplaceAll(gemfileLock, "rubygems.org", "gems.example.org"), gem("rake", "13.0.6", ""), "other-registry"},
		{"http", strings.ReplaceAll(gemfileLock, "https://rubygems.org", "http://rubygems.org"), gem("rake", "13.0.6", ""), "other-registry"},
		{"a look-alike of the index", strings.ReplaceAll(gemfileLock, "rubygems.org", "rubygems.org.example.org"), gem("rake", "13.0.6", ""), "other-registry"},
		{"a second index", strings.ReplaceAll(gemfileLock, "  specs:", "  remote: https://gems.example.org/\n  specs:"), gem("rake", "13.0.6", ""), "other-registry"},
		{"a plugin", strings.ReplaceAll(gemfileLock, "GEM\n  remote: https://rubygems.org/", "PLUGIN SOURCE\n  remote: https://x.example/\n  type: s3\n  more: 1"), gem("rake", "13.0.6", ""), "other-registry"},
		{"a path outside of the project", strings.ReplaceAll(gemfileLock, "GEM\n  remote: https://rubygems.org/", "PATH\n  remote: ../shared"), gem("rake", "13.0.6", ""), "local-path"},
		{"a release in place of a path", strings.ReplaceAll(gemfileLock, "GEM\n  remote: https://rubygems.org/", "PATH\n  remote: ."), gem("rake", "13.0.6", ""), "local-path"},
		{"a release in place of a checkout", git(commit), gem("activesupport", "8.0.0", ""), "vcs-install"},
		{"a checkout in place of a release", plain("ruby", "activesupport (8.0.0)"), checkout("", commit), "vcs-install"},
		{"a checkout", git(commit), checkout("https://github.com/rails/rails.git", commit), "version-locked vcs-install"},
		{"a checkout of the same repository", git(commit), checkout("git@github.com:rails/rails", commit), "version-locked vcs-install"},
		{"a checkout of another repository", git(commit), checkout("https://github.com/evil/rails.git", commit), "vcs-install"},
		{"a checkout without more than its name", git(commit), checkout("", commit), "version-locked vcs-install"},
		{"another commit", git(strings.Repeat("1", 40)), checkout("", commit), "vcs-install"},
		{"a short commit in the lock", git(commit[:12]), checkout("", commit), "vcs-install"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := outcome(match([]*Lock{open(t, "Gemfile.lock", tt.lock)}, tt.p)); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	short := checkout("", commit)
	short.Install.Commit = commit[:12]
	if r := match([]*Lock{open(t, "gems.locked", git(commit))}, short); !r.Pinned {
		t.Errorf("a checkout with 12 digits: %s", r.Detail)
	}
	short.Install.File = "/usr/local/bundle/bundler/gems/other-" + commit[:12]
	if r := match([]*Lock{open(t, "gems.locked", git(commit))}, short); r.Pinned {
		t.Errorf("a checkout of another name: %s", r.Detail)
	}
}

func TestBundlerErrors(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"a merge", "    rake (13.0.6)", "    rake (13.0.6)\n    rake (13.0.7)", `Gemfile.lock:10:1: "rake" has entries of two versions, "13.0.6" on line 9`},
		{"twins", "    rake (13.0.6)", "    rake (13.0.6)\n    rake (13.0.6)", `Gemfile.lock:10:1: "rake" has two entries, the first on line 9`},
		{"twins of two indexes", "\nPLATFORMS", "\nGEM\n  remote: https://x.example/\n  specs:\n    rake (13.0.6)\n\nPLATFORMS", `Gemfile.lock:14:1: "rake" has two entries, the first on line 9`},
		{"marks of git", "    rake (13.0.6)", "<<<<<<< HEAD\n    rake (13.0.6)", `Gemfile.lock:9:1: a merge conflict is in the file`},
		{"a second section", "RUBY VERSION", "PLATFORMS\n  java\n\nRUBY VERSION", `Gemfile.lock:25:1: a second section PLATFORMS`},
		{"no specs", "  specs:\n", "", `Gemfile.lock:3:1: not an option of the section GEM`},
		{"nothing after the options", "\nPLATFORMS", "\nGIT\n  remote: https://x.example/y\n\nPLATFORMS", `Gemfile.lock:11:1: the section GIT has no line "specs:"`},
		{"no remote", "GEM\n  remote: https://rubygems.org/", "GIT", `Gemfile.lock:1:1: the section GIT has no remote`},
		{"two revisions", "\nPLATFORMS", "\nGIT\n  remote: https://x.example/y\n  revision: 1\n  revision: 2\n  specs:\n\nPLATFORMS", `Gemfile.lock:14:1: a second "revision" in the section GIT`},
		{"an option of the future", "  remote: https", "  patch: x\n  remote: https", `Gemfile.lock:2:1: "patch" is no option of the section GEM`},
		{"no version", "    rake (13.0.6)", "    rake", `Gemfile.lock:9:1: "rake" has no version`},
		{"a range", "    rake (13.0.6)", "    rake (>= 1)", `Gemfile.lock:9:1: "rake" has no version`},
		{"tabs", "    rake (13.0.6)", "\trake (13.0.6)", `Gemfile.lock:9:1: a line that begins with a tab`},
		{"odd spaces", "    rake (13.0.6)", "     rake (13.0.6)", `Gemfile.lock:9:1: not a gem`},
		{"two checksums", "  gone (1.0)", "  rake (13.0.6)", `Gemfile.lock:23:1: a second line of checksums for "rake", the first is on line 22`},
		{"a version of Bundler", "   2.6.2", "   latest", `Gemfile.lock:29:1: "latest" is not the version of Bundler`},
		{"text before", "GEM\n", "  specs:\nGEM\n", `Gemfile.lock:1:1: a line before the first section`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(gemfileLock, tt.from, tt.to, 1)
			if text == gemfileLock {
				t.Fatal("nothing was replaced")
			}
			if got := openErr(t, "Gemfile.lock", text); !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestBundlerNames checks that a lock of Appraisal, and one of another Gemfile, is
// recognised by its content.
func TestBundlerNames(t *testing.T) {
	for _, name := range []string{"Gemfile.next.lock", "gemfiles/rails_7.gemfile.lock", "gems.locked"} {
		if l := open(t, name, gemfileLock); l.Format != formatBundler || len(l.Entries) != 4 {
			t.Errorf("%s: %s, %d entries", name, l.Format, len(l.Entries))
		}
	}
	l := open(t, "Gemfile.lock", strings.ReplaceAll(gemfileLock, "rake", "r\u0430ke")) // CYRILLIC SMALL LETTER A
	if got := strings.Join(notes(l), " "); !strings.Contains(got, "non-ascii-name:9") {
		t.Errorf("notes %s", got)
	}
	l = open(t, "Gemfile.lock", strings.ReplaceAll(gemfileLock, "RUBY VERSION", "PATCHES\n  rake (13.0.6)\n    evil (1.0)\n\nRUBY VERSION"))
	if got := strings.Join(notes(l), " "); !strings.Contains(got, "partly-read:25") || len(l.Entries) != 4 {
		t.Errorf("a section of the future: notes %s, %d entries", got, len(l.Entries))
	}
}

// TestBundlerCorpus reads the locks of Bundler in the test data of syft, and
// compares the number of entries with that of the lines that have a version.
func TestBundlerCorpus(t *testing.T) {
	spec := regexp.MustCompile(`(?m)^    [^ ]+ \([0-9][^ )]*\)\r?$`)
	read := 0
	root := moduletest.Dir(t, "github.com/anchore/syft")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), "Gemfile") || !strings.HasSuffix(d.Name(), ".lock") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		l, err := parseAs(t, formatBundler, path, data)
		if err != nil {
			if !strings.Contains(path, "glob-paths") { // no lock at all
				t.Error(err)
			}
			return nil
		}
		read++
		want := len(spec.FindAll(data, -1)) + strings.Count(string(data), "\nBUNDLED WITH\n") - strings.Count(string(data), "    bad-entry ")
		if len(l.Entries) != want {
			t.Errorf("%s: %d entries, counted %d", path, len(l.Entries), want)
		}
		checkEntries(t, l, map[string][]byte{path: data})
		return nil
	})
	if err != nil || read < 2 {
		t.Errorf("%d locks, %v", read, err)
	}
}

func FuzzBundler(f *testing.F) {
	fuzzFormat(f, formatBundler, append(corpusSeeds(f, "testdata/bundler/*/Gemfile.lock"), gemfileLock, strings.ReplaceAll(gemfileLock, "\n", "\r\n"))...)
}
