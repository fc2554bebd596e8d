package lockcheck

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// Sections of Gemfile.lock that are not sources.
const (
	bundlerPlatforms    = "PLATFORMS"
	bundlerDependencies = "DEPENDENCIES"
	bundlerChecksums    = "CHECKSUMS"
	bundlerRuby         = "RUBY VERSION"
	bundlerVersion      = "BUNDLED WITH"
)

// unknownSection is any other section.
const unknownSection = "?"

// bundlerSources has the options that Bundler writes into each kind of source
// (to_lock in bundler/source/*.rb). Plugins write any.
var bundlerSources = map[string][]string{
	"GEM":           {"remote"},
	"GIT":           {"remote", "revision", "ref", "branch", "tag", "submodules", "glob"},
	"PATH":          {"remote", "glob"},
	"PLUGIN SOURCE": nil,
}

var (
	// bundlerOption and bundlerLine are OPTIONS and NAME_VERSION of Bundler.
	bundlerOption = lazyregexp.New(`^  ([A-Za-z_]+): (.*)$`)
	bundlerLine   = lazyregexp.New(`^((?:  ){1,3})([^ ()!]+)(?: \(([^()-]*)(?:-([^()]*))?\))?(!)?(?: ([^ ]+))?$`)
	// gemRelease is a version of a gem (Gem::Version::VERSION_PATTERN).
	gemRelease = lazyregexp.New(`^[0-9]+(\.[0-9A-Za-z]+)*$`)
)

// rubyPlatform is the platform of a gem without compiled code.
const rubyPlatform = "ruby"

// maxUnknownSections bounds the notes of a file that is no lock of Bundler.
const maxUnknownSections = 16

// parseBundler parses Gemfile.lock and gems.locked of Bundler 1 to 4. The grammar
// is that of bundler/lockfile_parser.rb, and what Bundler itself never writes
// (lockfile_generator.rb) is an error: an option that it does not know, and two
// entries for one gem, of which it takes the last. A section that is not known is
// skipped, as Bundler does, with a note.
//
// # Sources
//
// A GEM section has the index, or several, of which each may serve any of its
// gems. The revision of a GIT section pins its gems. The gems of a PATH section
// in the project are first-party. A plugin's source is one by URL.
//
// # Hashes
//
// CHECKSUMS has the SHA-256 of the .gem files, for each version and platform.
// Bundler writes the section since 2.6 into new locks, and into older ones after
// "bundle lock --add-checksums". Gems from git and from paths are listed there
// without a hash.
//
// # Bundler
//
// BUNDLED WITH is the version that Bundler installs of itself, from rubygems.org,
// before it reads the rest (bundler/self_manager.rb).
func (l *Lock) parseBundler(ctx context.Context, src *source) error {
	p := &bundlerParser{Lock: l, source: src, byName: map[string]*gemEntries{}, sections: map[string]bool{}}
	err := src.eachLine(ctx, func(start int, line string) error {
		if start == 0 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if strings.TrimSpace(line) == "" {
			return nil
		}
		return p.line(start, line)
	})
	if err != nil {
		return err
	}
	if err := p.endSource(); err != nil {
		return err
	}
	return p.end()
}

const bundlerHint = "write the lock again with `bundle lock`"

// bundlerParser is the state of parsing a lock of Bundler.
type bundlerParser struct {
	*Lock
	*source

	section  string
	sections map[string]bool // those that were seen
	unknown  int             // the number of sections that Bundler does not have
	start    int             // of the section
	options  map[string][]string
	inSpecs  bool
	from     Source
	own      bool // the source is in the project

	entries   []Entry
	byName    map[string]*gemEntries
	direct    []string
	platforms []string
	checksums []gemChecksums
	// bundled is the entry of Bundler itself, nil without one.
	bundled *Entry
}

// gemEntries are the entries of one gem.
type gemEntries struct {
	version string
	entries []int          // one for each platform
	on      map[string]int // by their platform
	like    map[string]int // how many, by gemSystem of their platform
}

func (g *gemEntries) add(entry int, platform string) {
	if g.on == nil {
		g.on, g.like = map[string]int{}, map[string]int{}
	}
	g.entries = append(g.entries, entry)
	g.on[platform] = entry
	g.like[gemSystem(platform)]++
}

// gemChecksums is a line of CHECKSUMS.
type gemChecksums struct {
	start                   int
	name, version, platform string
	hashes                  string
}

func (p *bundlerParser) line(start int, line string) error {
	if line[0] == '\t' {
		return p.errorf(start, bundlerHint, "a line that begins with a tab")
	}
	if line[0] != ' ' {
		return p.begin(start, line)
	}
	switch p.section {
	case "":
		return p.errorf(start, bundlerHint, "a line before the first section")
	case bundlerPlatforms:
		return p.platform(start, line)
	case bundlerDependencies:
		return p.dependency(start, line)
	case bundlerChecksums:
		return p.checksum(start, line)
	case bundlerRuby, unknownSection:
		return nil
	case bundlerVersion:
		return p.bundler(start, strings.TrimSpace(line))
	}
	return p.sourceLine(start, line)
}

// begin begins a section.
func (p *bundlerParser) begin(start int, name string) error {
	if err := p.endSource(); err != nil {
		return err
	}
	_, isSource := bundlerSources[name]
	switch name {
	case bundlerPlatforms, bundlerDependencies, bundlerChecksums, bundlerRuby, bundlerVersion:
	default:
		if !isSource {
			if p.unknown++; p.unknown > maxUnknownSections {
				return p.errorf(start, bundlerHint, "more than %d sections that no version of Bundler has", maxUnknownSections)
			}
			p.problem(ProblemPartlyRead, p.file, p.source.line(start), "", quote(name)+" is no section of Bundler 4 or an older one: it pins nothing")
			name = unknownSection
		}
	}
	if p.sections[name] && !isSource && name != unknownSection {
		return p.errorf(start, bundlerHint, "a second section %s", name)
	}
	p.sections[name] = true
	p.section, p.start, p.options, p.inSpecs = name, start, map[string][]string{}, false
	return nil
}

// endSource ends a source, which has at least its specs.
func (p *bundlerParser) endSource() error {
	if _, ok := bundlerSources[p.section]; ok && !p.inSpecs {
		return p.errorf(p.start, bundlerHint, "the section %s has no line \"specs:\"", p.section)
	}
	return nil
}

// sourceLine parses a line of a source: an option, the line "specs:", a gem, or a
// requirement of a gem, which pins nothing.
func (p *bundlerParser) sourceLine(start int, line string) error {
	if !p.inSpecs {
		if line == "  specs:" {
			p.inSpecs = true
			return p.openSource()
		}
		m := bundlerOption.FindStringSubmatch(line)
		if m == nil {
			return p.errorf(start, bundlerHint, "not an option of the section %s", p.section)
		}
		if known := bundlerSources[p.section]; known != nil && !slices.Contains(known, m[1]) {
			return p.errorf(start, bundlerHint, "%s is no option of the section %s", quote(m[1]), p.section)
		}
		if p.options[m[1]] != nil && (m[1] != "remote" || p.section != "GEM") {
			return p.errorf(start, bundlerHint, "a second %q in the section %s", m[1], p.section)
		}
		p.options[m[1]] = append(p.options[m[1]], m[2])
		return nil
	}
	m := bundlerLine.FindStringSubmatch(line)
	if m == nil || len(m[1]) == 2 || m[6] != "" {
		return p.errorf(start, bundlerHint, "not a gem")
	}
	if len(m[1]) == 6 {
		return nil
	}
	if !gemRelease.MatchString(m[3]) || m[5] != "" {
		return p.errorf(start, bundlerHint, "%s has no version", quote(m[2]))
	}
	return p.gem(start, m[2], m[3], m[4])
}

// openSource turns the options of a section into the source of its gems.
func (p *bundlerParser) openSource() error {
	remotes := p.options["remote"]
	remote := ""
	if len(remotes) > 0 {
		remote = remotes[0]
	}
	p.own = false
	switch p.section {
	case "GEM":
		p.from = registrySource("gem", remote)
		for _, r := range remotes[min(1, len(remotes)):] {
			p.from.Also = append(p.from.Also, scrub(r))
		}
		return nil
	case "GIT":
		p.from = Source{Kind: KindVCS, URL: scrub(remote)}
		if r := p.options["revision"]; r != nil {
			p.from.Commit = ecosystem.Lower(r[0])
		}
	case "PATH":
		p.from = Source{Kind: KindPath, URL: remote}
		p.own = remote == "." || remote != "" && inProject(remote)
	default:
		p.from = Source{Kind: KindURL, URL: scrub(remote)}
	}
	if remote == "" {
		return p.errorf(p.start, bundlerHint, "the section %s has no remote", p.section)
	}
	return nil
}

func (p *bundlerParser) gem(start int, name, version, platform string) error {
	if platform == "" {
		platform = rubyPlatform
	}
	known := p.byName[name]
	if known == nil {
		known = &gemEntries{version: version}
		p.byName[name] = known
	}
	if known.version != version {
		return p.errorf(start, "resolve a merge, or "+bundlerHint, "%s has entries of two versions, %s on line %d", quote(name), quote(known.version), p.entries[known.entries[0]].Line)
	}
	if i, twice := known.on[platform]; twice {
		return p.errorf(start, "resolve a merge, or "+bundlerHint, "%s has two entries, the first on line %d", quote(name), p.entries[i].Line)
	}
	known.add(len(p.entries), platform)
	p.entries = append(p.entries, Entry{
		Type: "gem", Name: name, Version: version, Platform: platform, FirstParty: p.own, Source: p.from, File: p.file, Line: p.source.line(start),
	})
	return nil
}

func (p *bundlerParser) platform(start int, line string) error {
	name, ok := strings.CutPrefix(line, "  ")
	if !ok || name == "" || strings.ContainsRune(name, ' ') {
		return p.errorf(start, bundlerHint, "not a platform")
	}
	p.platforms = append(p.platforms, name)
	return nil
}

func (p *bundlerParser) dependency(start int, line string) error {
	m := bundlerLine.FindStringSubmatch(line)
	if m == nil || len(m[1]) != 2 || m[6] != "" {
		return p.errorf(start, bundlerHint, "not a dependency")
	}
	p.direct = append(p.direct, m[2])
	return nil
}

func (p *bundlerParser) checksum(start int, line string) error {
	m := bundlerLine.FindStringSubmatch(line)
	if m == nil || len(m[1]) != 2 || m[5] != "" || !gemRelease.MatchString(m[3]) {
		return p.errorf(start, bundlerHint, "not a line of name, version and checksums")
	}
	platform := m[4]
	if platform == "" {
		platform = rubyPlatform
	}
	p.checksums = append(p.checksums, gemChecksums{start, m[2], m[3], platform, m[6]})
	return nil
}

func (p *bundlerParser) bundler(start int, version string) error {
	if p.bundled != nil || !gemRelease.MatchString(version) {
		return p.errorf(start, bundlerHint, "%s is not the version of Bundler", quote(version))
	}
	p.bundled = &Entry{
		Type: "gem", Name: "bundler", Version: version, Platform: rubyPlatform, File: p.file, Line: p.source.line(start),
		Source: registrySource("gem", "https://rubygems.org/"),
	}
	return nil
}

// end combines the sections: which gems are direct, the platforms of the lock, and
// the checksums.
func (p *bundlerParser) end() error {
	if p.bundled != nil {
		if known := p.byName["bundler"]; known != nil {
			p.bundled = nil // a gem as any other
		}
	}
	if p.bundled != nil {
		p.byName["bundler"] = &gemEntries{version: p.bundled.Version}
		p.byName["bundler"].add(len(p.entries), rubyPlatform)
		p.entries = append(p.entries, *p.bundled)
	}
	slices.Sort(p.direct)
	for _, name := range slices.Compact(p.direct) {
		if known := p.byName[name]; known != nil {
			for _, i := range known.entries {
				p.entries[i].Direct = true
			}
		}
	}
	seen := map[string]int{}
	for _, c := range p.checksums {
		key := c.name + " " + c.version + "-" + c.platform
		if first, twice := seen[key]; twice {
			return p.errorf(c.start, bundlerHint, "a second line of checksums for %s, the first is on line %d", quote(c.name), first)
		}
		seen[key] = p.source.line(c.start)
		known := p.byName[c.name]
		if known == nil || known.version != c.version || c.hashes == "" {
			continue // of a gem that the lock no longer has, which Bundler skips
		}
		if i, ok := known.on[c.platform]; ok {
			p.addGemHashes(&p.entries[i], c)
		}
	}
	for i := range p.entries {
		e := &p.entries[i]
		e.platforms = p.platforms
		e.twin = p.byName[e.Name].like[gemSystem(e.Platform)] > 1
		p.add(*e)
	}
	return nil
}

// addGemHashes adds the checksums of a line: ALGORITHM=DIGEST, separated by
// commas. SHA-256 can be in base64, also in that for URLs (bundler/checksum.rb).
func (p *bundlerParser) addGemHashes(e *Entry, c gemChecksums) {
	for sum := range strings.SplitSeq(c.hashes, ",") {
		algorithm, value, _ := strings.Cut(sum, "=")
		if raw := strings.TrimRight(value, "="); algorithm == "sha256" && len(raw) == 43 {
			if data, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(raw)); err == nil {
				value = hex.EncodeToString(data)
			}
		}
		if h, ok := hexHash(algorithm, value); ok {
			if slices.ContainsFunc(e.Hashes, func(o Hash) bool { return o.Algorithm == h.Algorithm && o.Value != h.Value }) {
				e.flaw = flaw{HashMismatch, quote(e.Name) + " has two checksums of " + h.Algorithm + " that differ"}
			}
			e.Hashes = append(e.Hashes, h)
		} else {
			p.problem(ProblemBadHash, p.file, p.source.line(c.start), e.Name, quote(e.Name)+" has a checksum of the wrong form")
		}
	}
}

// shortCommit is the number of digits of a commit in the name of a checkout
// (shortref_for_path in bundler/source/git.rb).
const shortCommit = 12

// checkoutName returns the first part of the name of a checkout of a repository:
// base_name in bundler/source/git.rb.
func checkoutName(url string) string {
	url = strings.TrimSuffix(url, "/")
	return strings.TrimSuffix(url[strings.LastIndexAny(url, "/:")+1:], ".git")
}

// checkoutOf returns the same of the directory of a checkout, NAME-COMMIT.
func checkoutOf(dir string) string {
	base := path.Base(dir)
	if n := len(base) - shortCommit - 1; n > 0 && base[n] == '-' {
		return base[:n]
	}
	return ""
}

// gemArchive returns the path of the archive of an installed gem, which RubyGems
// leaves in GEM_HOME/cache, by that of its specification.
func gemArchive(spec string) string {
	return path.Join(path.Dir(path.Dir(spec)), "cache", strings.TrimSuffix(path.Base(spec), ".gemspec")+".gem")
}

// GemPlatform returns the platform of an installed gem by the path of its
// specification, GEM_HOME/specifications/NAME-VERSION[-PLATFORM].gemspec
// (Gem::Specification#spec_file): "ruby" for one of every platform. It returns
// false for another path.
func GemPlatform(file, name, version string) (platform string, ok bool) {
	dir, base := path.Split(file)
	base, isSpec := strings.CutSuffix(base, ".gemspec")
	rest, isGem := strings.CutPrefix(base, name+"-"+version)
	if in := path.Base(dir); !isSpec || !isGem || in != "specifications" && in != "default" {
		return "", false
	}
	if rest == "" {
		return rubyPlatform, true
	}
	return strings.CutPrefix(rest, "-")
}

// gemSystem returns the platform as RubyGems before 3.3.22 writes it: "x86_64-linux"
// for "x86_64-linux-gnu".
func gemSystem(platform string) string { return strings.TrimSuffix(platform, "-gnu") }

// sameGemPlatform reports whether two platforms are one.
func sameGemPlatform(a, b string) bool { return gemSystem(a) == gemSystem(b) }

// likeGemPlatform reports whether a platform of a lock is that of an installed
// gem, or one of another version of the same system: "arm64-darwin-22" and
// "arm64-darwin".
func likeGemPlatform(locked, installed string) bool {
	first := func(s string) string {
		cpu, rest, _ := strings.Cut(s, "-")
		system, _, _ := strings.Cut(rest, "-")
		return cpu + "-" + strings.TrimRight(system, "0123456789.")
	}
	return locked != rubyPlatform && first(locked) == first(installed)
}

// gemVariant compares the platform of an entry with that of the installed gem. The
// result is empty where it is the same one.
//
// A lock for the platform "ruby" only, as Bundler before 2.2 writes it, fixes the
// version, and Bundler installs the gem for the machine if there is one
// (most_specific_locked_platform in bundler/lazy_specification.rb): the hashes of
// the entry are those of another file then. A lock for the platform of the machine
// fixes the file.
func gemVariant(q string, e *Entry, installed string) (r Result, other bool) {
	switch {
	case installed == "" || e.Platform == "" || e.Platform == installed || sameGemPlatform(e.Platform, installed) && !e.twin:
		return Result{}, false
	case e.Platform == rubyPlatform && !slices.ContainsFunc(e.platforms, func(p string) bool { return likeGemPlatform(p, installed) }):
		return Result{Pinned: true, Entry: e, Evidence: VersionLocked, Reason: NoHash, Detail: fmt.Sprintf(
			"%s pins %s by version, for the platform %q; the gem for %s is installed, of which the lock has no hash (bundle lock --add-platform %s)",
			place(e), q, rubyPlatform, quote(installed), oneLine(installed))}, true
	}
	return Result{Entry: e, Reason: OtherPlatform, Detail: q + " is installed for the platform " + quote(installed) + " and locked for " + quote(e.Platform) + " (" + place(e) + ")"}, true
}
