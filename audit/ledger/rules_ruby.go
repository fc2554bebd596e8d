package ledger

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/lockcheck/artifact"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// gemWants completes the wish for the archive of a gem: one for each platform that
// the gem is installed for, by the hashes that a lock has for it. Archives are
// looked for wherever the environment has a file of that name: GEM_HOME/cache, and
// vendor/cache of "bundle cache".
func (e *engine) gemWants(w want, c *sbom.Component, entries []lockedEntry) []want {
	var out []want
	for _, file := range c.Paths {
		platform, ok := lockcheck.GemPlatform(file, c.Name, c.Version)
		if !ok || slices.ContainsFunc(out, func(w want) bool { return w.platform == platform }) {
			continue
		}
		one := w
		one.platform, one.Arch = platform, platform
		for _, l := range entries {
			if l.Platform != platform {
				continue
			}
			for _, h := range l.Hashes {
				one.Digests = append(one.Digests, h.Algorithm+":"+h.Value)
			}
			if one.url == "" && l.Source.URL != "" {
				one.url = strings.TrimSuffix(l.Source.URL, "/") + "/gems/" + gemFile(c, platform)
			}
		}
		slices.Sort(one.Digests)
		one.Digests = slices.Compact(one.Digests)
		one.File = gemFile(c, platform)
		for n := range e.tree.Named(one.File) {
			if e.tree.Kind(n) == rootfs.File {
				one.Near = append(one.Near, strings.TrimPrefix(e.tree.Path(n), "/"))
			}
		}
		if len(one.Digests) > 0 {
			out = append(out, one)
		}
	}
	return out
}

// gemFile returns the name of the archive of a gem.
func gemFile(c *sbom.Component, platform string) string {
	if platform == "ruby" {
		return c.Name + "-" + c.Version + ".gem"
	}
	return c.Name + "-" + c.Version + "-" + platform + ".gem"
}

// placeGem places the files of a gem in each of its gem homes, and finds the
// commands that RubyGems made for its programs.
func (p *placer) placeGem(w *want, m *artifact.Manifest, out *found) {
	t := p.tree
	c := &p.doc.Components[w.component]
	out.built = m.Record["extensions"] != ""
	for _, file := range c.Paths {
		if platform, ok := lockcheck.GemPlatform(file, c.Name, c.Version); !ok || platform != w.platform {
			continue
		}
		spec := t.Lookup(sbom.Unescape(file))
		if spec == rootfs.None || p.nodes[spec].component != w.component+1 {
			continue
		}
		home := t.Parent(t.Parent(spec))
		if t.Name(t.Parent(spec)) == "default" {
			home = t.Parent(home)
		}
		dir := path.Join(t.Path(home), "gems", strings.TrimSuffix(t.Name(spec), ".gemspec"))
		for i := range m.Files {
			p.placeFile(w, &m.Files[i], path.Join(dir, m.Files[i].Path), out)
		}
		if p.isGemspec(spec, c) {
			out.scripts = append(out.scripts, spec)
		}
	}
	for _, n := range p.state[w.component].files {
		for _, program := range m.Programs {
			if t.Name(n) == program.Name && p.isGemCommand(n, c.Name, program.Name) {
				out.scripts = append(out.scripts, n)
			}
		}
	}
}

// isBuiltByGem reports whether a file is of those that the build of a native
// extension leaves: GEM_HOME/extensions, and what "make install" copies into the
// gem (lib/rubygems/ext/builder.rb). No artifact has them. A build makes no Ruby:
// the directory of extensions comes first where Ruby looks for code.
func (e *engine) isBuiltByGem(n rootfs.Node) bool {
	switch name := e.tree.Name(n); path.Ext(name) {
	case ".so", ".bundle", ".o", ".a", ".dll", ".log":
		return true
	case ".rb":
		return false
	default:
		if name == "Makefile" || name == "gem_make.out" {
			return true
		}
	}
	for d := e.tree.Parent(n); d != rootfs.None; d = e.tree.Parent(d) {
		if name := e.tree.Name(d); name == "extensions" || name == "ext" {
			return true
		} else if name == "gems" {
			return false
		}
	}
	return false
}

// Values in a specification, as ruby_code in lib/rubygems/specification.rb writes
// them. String#dump escapes what would be evaluated in a string.
const (
	rubyString = `"(?:[^"\\#\n]|\\[^\n]|#+(?:[^"\\#{$@\n]|\\[^\n]))*#*"`
	rubyFrozen = rubyString + `(?:\.freeze)?`
	rubyList   = `\[(?:` + rubyFrozen + `(?:, ` + rubyFrozen + `)*)?\]`
	rubyHash   = `\{ ` + rubyString + ` => ` + rubyString + `(?:, ` + rubyString + ` => ` + rubyString + `)* \}`
	rubyValue  = `(?:` + rubyFrozen + `|` + rubyList + `|` + rubyHash + `|-?[0-9]+|true|false|nil|Gem::Requirement\.new\((?:` + rubyFrozen + `|` + rubyList + `)\)|Gem::Platform\.new\(` + rubyList + `\))`
)

// gemAttributes are those that to_ruby writes. Others of the class have effects:
// "full_gem_path" is where the code is loaded from.
const gemAttributes = `name|version|platform|required_rubygems_version|metadata|require_paths|authors|autorequire|bindir|cert_chain|date|default_executable|` +
	`description|email|executables|extensions|extra_rdoc_files|files|has_rdoc|homepage|licenses|post_install_message|rdoc_options|required_ruby_version|` +
	`requirements|rubyforge_project|rubygems_version|signing_key|specification_version|summary|test_files|installed_by_version`

var (
	gemspecLine = lazyregexp.New(`^(?:` + strings.Join([]string{
		``, `# -\*- encoding: utf-8 -\*-`, `# stub: [^\r\n]*`, `Gem::Specification\.new do \|s\|`,
		` *s\.(?:` + gemAttributes + `) = ` + rubyValue + `(?: if s\.respond_to\? :[a-z_]+=?)?`,
		` *s\.add_(?:runtime_|development_)?dependency\(%q<[A-Za-z0-9._-]+>(?:\.freeze)?, ` + rubyList + `\)`,
		` *if s\.respond_to\? :[a-z_]+ then`, ` *if Gem::Version\.new\(Gem::VERSION\) >= Gem::Version\.new\('1\.2\.0'\) then`, ` *else`, ` *end`,
	}, `|`) + `)$`)
	gemspecField = lazyregexp.New(`(?m)^ *s\.(name|version|require_paths|bindir|executables) = (.*)$`)
	gemspecText  = lazyregexp.New(rubyString)
)

// isGemspec reports whether a specification in a gem home is what RubyGems writes
// (Gem::Specification#to_ruby), and so has no code of its own: it is a program that
// RubyGems runs. It must be of the gem, and its code and programs are loaded from
// directories of the gem, of which each file is compared.
func (e *engine) isGemspec(n rootfs.Node, c *sbom.Component) bool {
	data, err := e.tree.ReadFile(n, maxSmall) // the second line can have NUL bytes
	if err != nil || !e.inertText(n) {
		return false
	}
	text := string(data)
	for line := range strings.SplitSeq(text, "\n") {
		if !gemspecLine.MatchString(strings.TrimSuffix(line, "\r")) {
			return false
		}
	}
	fields := map[string]string{}
	for _, m := range gemspecField.FindAllStringSubmatch(text, -1) {
		if _, twice := fields[m[1]]; twice {
			return false
		}
		fields[m[1]] = m[2]
	}
	is := func(field, want string) bool {
		return strings.TrimSuffix(strings.TrimSpace(fields[field]), ".freeze") == `"`+want+`"`
	}
	for _, dir := range gemspecText.FindAllString(fields["require_paths"]+fields["bindir"]+fields["executables"], -1) {
		if dir = strings.Trim(dir, `"`); strings.ContainsRune(dir, '\\') || path.IsAbs(dir) || strings.Contains("/"+dir+"/", "/../") {
			return false
		}
	}
	return is("name", c.Name) && is("version", c.Version)
}

// inertText reports whether a file has no execute bit and no header of a program.
func (e *engine) inertText(n rootfs.Node) bool {
	f, err := e.tree.Meta(n)
	return err == nil && f.Mode&(execute|setID) == 0
}

// The script that RubyGems writes for a program (app_script_text in
// lib/rubygems/installer.rb): version 3.0 to 3.6, and 3.7 and later. %[1]s is the
// gem and %[2]s the program.
const (
	gemCommandHead = `#
# This file was generated by RubyGems.
#
# The application '%[1]s' is installed as part of a gem, and
# this file is here to facilitate running it.
#

require 'rubygems'
{deps}
version = ">= 0{a}"

str = ARGV.first
if str
  str = str.b[/\A_(.*)_\z/, 1]
  if str and Gem::Version.correct?(str)
    version = str
    ARGV.shift
  end
end

`
	gemCommandOld = `if Gem.respond_to?(:activate_bin_path)
load Gem.activate_bin_path('%[1]s', '%[2]s', version)
else
gem "%[1]s", version
load Gem.bin_path("%[1]s", "%[2]s", version)
end
`
	gemCommandNew = `if Gem.respond_to?(:activate_and_load_bin_path)
  Gem.activate_and_load_bin_path('%[1]s', '%[2]s', version)
else
  load Gem.activate_bin_path('%[1]s', '%[2]s', version)
end
`
)

// isGemCommand reports whether a file is the script that RubyGems writes for a
// program of a gem, with nothing else in it.
func (e *engine) isGemCommand(n rootfs.Node, gem, program string) bool {
	text, ok := e.text(n)
	if !ok {
		return false
	}
	line, rest, _ := strings.Cut(text, "\n")
	if !e.isRubyLine(line) {
		return false
	}
	for _, deps := range []string{"", "\nGem.use_gemdeps\n"} {
		for _, a := range []string{".a", ""} {
			for _, tail := range []string{gemCommandOld, gemCommandNew} {
				head := strings.NewReplacer("{deps}", deps, "{a}", a).Replace(gemCommandHead)
				if rest == fmt.Sprintf(head, gem)+fmt.Sprintf(tail, gem, program) {
					return true
				}
			}
		}
	}
	return false
}

var rubyProgram = lazyregexp.New(`^ruby[0-9.]*$`)

// isRubyLine reports whether the first line of a script names a Ruby: by env, in a
// usual directory, or one that something in the environment accounts for.
func (e *engine) isRubyLine(line string) bool {
	program, ok := strings.CutPrefix(strings.TrimRight(line, "\r"), "#!")
	program = strings.TrimSpace(program)
	if env, byEnv := strings.CutPrefix(program, "/usr/bin/env "); byEnv {
		return ok && rubyProgram.MatchString(strings.TrimSpace(env))
	}
	if !ok || !rubyProgram.MatchString(path.Base(program)) {
		return false
	}
	if dir := path.Dir(program); dir == "/usr/bin" || dir == "/usr/local/bin" || dir == "/bin" {
		return true
	}
	to := e.tree.Resolve(program)
	return to != rootfs.None && e.nodes[to].component > 0 && e.doc.Components[e.nodes[to].component-1].Kind != sbom.KindFiles
}

// gemRecord explains the files of a gem home that no gem has: archives that RubyGems
// retains, copies of repositories that Bundler makes checkouts from, documentation
// and notes about builds.
func (e *engine) gemRecord(n rootfs.Node) bool {
	p := e.tree.Path(n)
	for d := e.tree.Parent(n); d != rootfs.None; d = e.tree.Parent(d) {
		switch e.tree.Name(d) {
		case "cache", "doc", "build_info":
			if home := e.tree.Parent(d); e.tree.Kind(e.tree.Child(home, "specifications")) == rootfs.Dir && e.tree.Kind(e.tree.Child(home, "gems")) == rootfs.Dir {
				return e.inert(n)
			}
			if e.tree.Name(d) == "cache" && e.tree.Name(e.tree.Parent(d)) == "vendor" { // of "bundle cache"
				return strings.HasSuffix(p, ".gem") && e.inert(n)
			}
		}
	}
	return false
}
