package propose

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/lockcheck/definition"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/wording"
)

// installer is a tool or an action that installs what a lock file pins.
type installer struct {
	// command matches the start of a command that installs, action the name of an
	// action that does.
	command, action *lazyregexp.Regexp
	// formats are those of lockcheck.Known.
	formats []string
}

// installers is the table of what installs from a lock file without naming it. A
// tool that is in several lines takes the first format that is in sight.
func installers() []installer {
	cmd := func(s string) *lazyregexp.Regexp {
		return lazyregexp.New(`(?m)(^|[\s;&|(` + "`" + `"'=])(sudo\s+)?(` + s + `)(\s|$|;|&)`)
	}
	act := func(s string) *lazyregexp.Regexp { return lazyregexp.New(`^(` + s + `)(/|$)`) }
	return []installer{
		{cmd(`npm (ci|install|i|clean-install)|npx`), act(`bahmutov/npm-install`), []string{"package-lock.json"}},
		{cmd(`pnpm|pnpx`), act(`pnpm/action-setup`), []string{"pnpm-lock.yaml"}},
		{cmd(`yarn|yarnpkg`), nil, []string{"yarn.lock"}},
		{cmd(`bun (ci|install|i|run|x)|bunx`), act(`oven-sh/setup-bun`), []string{"bun.lock"}},
		{cmd(`deno (install|run|task|ci|compile)`), act(`denoland/setup-deno`), []string{"deno.lock"}},
		{cmd(`uv (sync|run|build|export)|uvx`), act(`astral-sh/setup-uv`), []string{"uv.lock"}},
		{cmd(`poetry`), nil, []string{"poetry.lock"}},
		{cmd(`pipenv`), nil, []string{"Pipfile.lock"}},
		{cmd(`pdm`), act(`pdm-project/setup-pdm`), []string{"pdm.lock"}},
		{cmd(`hatch`), nil, []string{"pylock.toml"}},
		{cmd(`pixi`), act(`prefix-dev/setup-pixi`), []string{"pixi.lock"}},
		{cmd(`conda-lock|micromamba|mamba|conda`), act(`mamba-org/setup-micromamba|conda-incubator/setup-miniconda`), []string{"conda-lock.yml", "@EXPLICIT"}},
		{cmd(`go (build|install|run|test|generate|mod|vet|get)|goreleaser|ko|gox`), act(`goreleaser/goreleaser-action|actions/setup-go|ko-build/setup-ko|golang/govulncheck-action`), []string{"go.sum"}},
		{cmd(`cargo|cross|maturin|wasm-pack|trunk`), act(`pyo3/maturin-action|messense/maturin-action|actions-rs/cargo|taiki-e/upload-rust-binary-action|dtolnay/rust-toolchain|swatinem/rust-cache`), []string{"Cargo.lock"}},
		{cmd(`bundle|bundler|rake`), act(`ruby/setup-ruby|rubygems/release-gem`), []string{"Gemfile.lock"}},
		{cmd(`composer (install|update|i)`), act(`ramsey/composer-install`), []string{"composer.lock"}},
		{cmd(`dotnet (restore|build|publish|pack|test|msbuild)|nuget restore|msbuild`), nil, []string{"packages.lock.json"}},
		{cmd(`(\./)?gradlew?`), act(`gradle/gradle-build-action|gradle/actions`), []string{"gradle.lockfile", "verification-metadata.xml"}},
		{cmd(`(\./)?mvnw?`), nil, []string{"lockfile.json"}},
		{cmd(`terraform|tofu`), nil, []string{".terraform.lock.hcl"}},
		{cmd(`mix (deps\.get|compile|release|hex)`), nil, []string{"mix.lock"}},
		{cmd(`rebar3`), nil, []string{"rebar.lock"}},
		{cmd(`(dart|flutter) (pub|build)`), act(`subosito/flutter-action`), []string{"pubspec.lock"}},
		{cmd(`pod install`), nil, []string{"Podfile.lock"}},
		{cmd(`swift (build|package|run)`), nil, []string{"Package.resolved"}},
		{cmd(`stack`), nil, []string{"stack.yaml.lock"}},
		{cmd(`cabal`), nil, []string{"cabal.project.freeze"}},
		{cmd(`conan`), nil, []string{"conan.lock"}},
		{cmd(`mise`), act(`jdx/mise-action`), []string{"mise.lock"}},
		{cmd(`bazel|bazelisk`), nil, []string{"MODULE.bazel.lock"}},
		{cmd(`nix`), nil, []string{"flake.lock"}},
	}
}

// setups are the actions that set up a language, with the formats of its locks. A
// job that has one and whose commands show no installation (a script, make) is
// taken to use the locks in its directory.
func setups() map[string][]string {
	return map[string][]string{
		"actions/setup-python":   {"requirements.txt", "pylock.toml", "uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock"},
		"actions/setup-node":     {"package-lock.json", "pnpm-lock.yaml", "yarn.lock"},
		"actions/setup-java":     {"gradle.lockfile", "verification-metadata.xml", "lockfile.json"},
		"actions/setup-dotnet":   {"packages.lock.json"},
		"shivammathur/setup-php": {"composer.lock"},
	}
}

var (
	// named matches a file that an installer is given: pip's -r and -c, a pylock.
	named = lazyregexp.New(`(?:^|\s)(?:-r|-c|--requirement|--constraint|--requirements|--file|--lockfile)[= ]?\s*["']?([^\s"';&|]+)`)
	// changes matches a change of directory.
	changes = lazyregexp.New(`(?m)(?:^|[\s;&|(])(?:cd|pushd|--prefix|--cwd|--directory|--project|--working-dir|-C)[= ]\s*["']?([^\s"';&|)]+)`)
	// manifest matches a file beside which a lock is.
	manifest = lazyregexp.New(`--(?:manifest-path|build-file|project-file)[= ]\s*["']?([^\s"';&|]+)`)
	// forOthers matches the names of locks for other purposes than a release.
	forOthers  = lazyregexp.New(`(?i)dev|test|doc|lint|mypy|typing|bench|example|ci\b`)
	continued  = lazyregexp.New(`\\\r?\n\s*`)
	pipInstall = lazyregexp.New(`\b(pip3?|pipx|uv pip|pip-sync|python[0-9.]* -m pip)\b`)
)

// locks returns the locks that a job uses: those that its commands name, those
// from which its tools install in the directories of its steps, else those beside
// them. Those that cannot be read, or pin nothing, become remarks.
func (p *proposer) locks(job *definition.Job, root string, s *Stage) []string {
	var found []string
	use := func(l *Lock, explicit bool) {
		switch {
		case slices.Contains(found, l.Path):
		case l.Problem != "":
			s.Remarks = append(s.Remarks, fmt.Sprintf("not in locks: %s", oneLine(l.Problem)))
			found = append(found, l.Path)
		case !printable(l.Path):
		case explicit || l.Pins:
			found = append(found, l.Path)
		}
	}
	table, languages := installers(), setups()
	tooled := false
	for _, step := range job.Steps {
		text := continued.ReplaceAllString(step.Run, " ")
		dirs := directories(root, step, text)
		for i := range dirs {
			dirs[i] = inRepository(job, dirs[i])
		}
		if pipInstall.MatchString(text) {
			tooled = true
		}
		if named.MatchString(text) {
			for _, m := range named.FindAllStringSubmatch(text, -1) {
				for _, dir := range dirs {
					if l := p.lockAt(path.Join(dir, m[1])); l != nil {
						use(l, true)
						tooled = true
						break
					}
				}
			}
		}
		if at := step.With["cache-dependency-path"]; at != "" {
			for _, line := range strings.Fields(at) {
				if l := p.lockAt(inRepository(job, path.Join(root, strings.Trim(line, `"'`)))); l != nil {
					use(l, false)
					tooled = true
				}
			}
		}
		action := actionOf(step.Uses)
		for _, tool := range table {
			if !tool.command.MatchString(text) && (tool.action == nil || !tool.action.MatchString(action)) {
				continue
			}
			tooled = tooled || tool.command.MatchString(text)
			for _, dir := range dirs {
				for _, l := range p.nearest(dir, root, tool.formats) {
					use(l, false)
					tooled = true
				}
			}
		}
	}
	if !tooled {
		// Its commands do not show what they install: a script, make.
		for _, step := range job.Steps {
			for _, l := range p.nearest(root, root, languages[actionOf(step.Uses)]) {
				if !forOthers.MatchString(path.Base(l.Path)) {
					use(l, false)
				}
			}
		}
	}
	found = slices.DeleteFunc(found, func(path string) bool {
		l := p.lockAt(path)
		return l == nil || l.Problem != ""
	})
	slices.Sort(found)
	if len(found) > maxLocks {
		s.Remarks = append(s.Remarks, fmt.Sprintf("and %s of it are in the repository", wording.Count(len(found)-maxLocks, "more lock", "more locks")))
		found = found[:maxLocks]
	}
	return found
}

// suggest adds a remark with the locks that a critical job may install from, where its
// commands do not show one: a script that is called can.
func (p *proposer) suggest(s *Stage, job *definition.Job) {
	var formats []string
	for _, step := range job.Steps {
		formats = append(formats, setups()[actionOf(step.Uses)]...)
	}
	var found []string
	for i := range p.in.Locks {
		l := &p.in.Locks[i]
		if l.Pins && l.Problem == "" && slices.Contains(formats, l.Format) && !forOthers.MatchString(l.Path) {
			found = append(found, oneLine(l.Path))
		}
	}
	if s.Critical && len(found) > 0 && len(found) <= maxSuggested {
		s.Remarks = append(s.Remarks, "in sight, if a script installs from it: "+strings.Join(found, ", "))
	}
}

// maxSuggested is the largest number of locks that are worth a remark.
const maxSuggested = 3

// maxLocks is the largest number of locks that are named one by one.
const maxLocks = 12

// directories returns the directories in which a step installs: its own, and those
// that its command changes to.
func directories(root string, step definition.Step, text string) []string {
	own := path.Join(root, step.Directory)
	if strings.Contains(step.Directory, "${{") || strings.HasPrefix(own, "..") {
		own = root
	}
	dirs := []string{own}
	if dir := step.With["working-directory"]; dir != "" {
		dirs = append(dirs, path.Join(root, dir))
	}
	for _, m := range changes.FindAllStringSubmatch(text, -1) {
		dirs = append(dirs, path.Join(own, m[1]))
	}
	for _, m := range manifest.FindAllStringSubmatch(text, -1) {
		dirs = append(dirs, path.Dir(path.Join(own, m[1])))
	}
	return dirs
}

// lockAt returns the lock at a path, nil if there is none.
func (p *proposer) lockAt(file string) *Lock {
	file = path.Clean(file)
	i := slices.IndexFunc(p.in.Locks, func(l Lock) bool { return l.Path == file })
	if i < 0 {
		return nil
	}
	return &p.in.Locks[i]
}

// nearest returns the locks of some formats in a directory, or in the nearest one
// above it, since workspaces have one lock at their root.
func (p *proposer) nearest(dir, root string, formats []string) []*Lock {
	if len(formats) == 0 {
		return nil
	}
	for {
		var out []*Lock
		for i := range p.in.Locks {
			l := &p.in.Locks[i]
			if path.Dir(l.Path) == path.Clean(dir) && slices.Contains(formats, l.Format) && (l.Pins || l.Problem != "") {
				out = append(out, l)
			}
		}
		if len(out) > 0 || path.Clean(dir) == "." || path.Clean(dir) == path.Clean(root) || dir == "/" || strings.HasPrefix(dir, "..") {
			return out
		}
		dir = path.Dir(dir)
	}
}
