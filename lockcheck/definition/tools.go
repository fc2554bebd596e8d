package definition

import (
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// tool adds what a command installs without a lock. Packages of the operating
// system are not among them: the environment has them, with their evidence.
func (t *toolReader) tool(c *command, name string, module bool) {
	two, rest := c.sub(2)
	sub, next := two[0], two[1]
	_, rest1 := c.sub(1)
	switch {
	case pip.MatchString(name):
		if sub == "install" || sub == "download" || sub == "wheel" {
			t.pip(c, rest1)
		}
		return
	case module && name == "build", name == "pyproject-build":
		if !c.has("--no-isolation", "-n") {
			u := t.install(c, c.at, "generic", "build-backend", "")
			u.Detail, u.Fix = "the build backend is installed without a lock, and is gone before the environment is scanned", "write --no-isolation, and install the backend from a lock"
		}
		return
	}
	switch name {
	case "uv":
		t.uv(c, sub, next, rest1, rest)
	case "uvx":
		t.packages(c, 1, "pypi", "--from --with -p --python --index-url", true)
	case "pipx":
		if sub == "install" || sub == "run" || sub == "inject" || sub == "upgrade" {
			t.packages(c, rest1, "pypi", "--spec --python --pip-args --index-url -i --suffix", sub == "run")
		}
	case "npm", "pnpm", "yarn", "bun", "npx", "bunx", "pnpx":
		t.node(c, name, sub, next, rest1, rest)
	case "go":
		if sub == "install" || sub == "run" || sub == "get" {
			t.golang(c, sub, rest1)
		}
	case "cargo":
		if sub == "install" || sub == "binstall" {
			t.cargo(c, sub, rest1)
		}
	case "rustup":
		t.rustup(c, sub, next, rest1, rest)
	case "docker", "podman", "nerdctl":
		t.container(c, sub, next, rest1, rest)
	case "git":
		if sub == "clone" || sub == "submodule" && next == "add" {
			t.clone(c, rest1)
		}
	case "gh":
		if sub == "extension" && next == "install" {
			t.extension(c, rest)
		}
	case "curl", "wget", "iwr", "irm", "invoke-webrequest", "invoke-restmethod", "start-bitstransfer", "aria2c", "fetch":
		t.fetch(c, name)
	case "iex", "invoke-expression":
		t.expression(c)
	case "rscript", "r":
		for _, m := range rInstall.FindAllStringSubmatch(c.String(), maxShown) {
			t.install(c, c.at, "cran", m[1], "")
		}
	case "deno":
		if sub == "run" || sub == "install" || sub == "x" {
			if words, _ := c.operands(rest1, "-n --name --config -c"); len(words) > 0 && strings.Contains(words[0].text, ":") {
				t.deno(c, words[0])
			}
		}
	case "nix":
		if sub == "run" || sub == "shell" || sub == "build" {
			if words, _ := c.operands(rest1, "--extra-experimental-features"); len(words) > 0 && strings.Contains(words[0].text, ":") {
				t.install(c, words[0].at, "generic", words[0].text, "")
			}
		}
	}
	for _, i := range installers {
		if i.program == name && (i.sub == "" || i.sub == sub) && (i.sub2 == "" || i.sub2 == next) {
			from := rest
			if i.sub2 == "" {
				from = rest1
			}
			if i.sub == "" {
				from = 1
			}
			t.installer(c, i, from)
			return
		}
	}
}

var (
	pip      = lazyregexp.New(`^pip[0-9.]*$`)
	rInstall = lazyregexp.New(`install(?:\.packages|_github|_cran|_version)?\(\s*["']([A-Za-z0-9._/-]+)["']`)
)

// installer is a command that installs packages by their names.
type installer struct {
	program, sub, sub2, typ string
	// version is the option with the version, at the mark between name and version.
	version, at string
	valued      string
}

// installers are the commands that need no rule of their own.
var installers = []installer{
	{"gem", "install", "", "gem", "-v --version", ":", "-v --version -i --source -n -P"},
	{"brew", "install", "", "brew", "", "@", ""},
	{"brew", "upgrade", "", "brew", "", "@", ""},
	{"choco", "install", "", "chocolatey", "--version", "", "--version -s --source --params -y"},
	{"cinst", "", "", "chocolatey", "--version", "", "--version"},
	{"winget", "install", "", "winget", "--version -v", "", "--version -v --id --source -s"},
	{"scoop", "install", "", "scoop", "", "@", ""},
	{"dotnet", "tool", "install", "nuget", "--version", "@", "--version --tool-path --add-source --framework --configfile"},
	{"dotnet", "tool", "update", "nuget", "--version", "@", "--version --tool-path"},
	{"dotnet", "workload", "install", "generic", "", "", ""},
	{"nuget", "install", "", "nuget", "-version", "", "-version -outputdirectory -source"},
	{"composer", "global", "require", "composer", "", ":", ""},
	{"composer", "require", "", "composer", "", ":", ""},
	{"phive", "install", "", "generic", "", "@", ""},
	{"pecl", "install", "", "pecl", "", "-", ""},
	{"conda", "install", "", "conda", "", "=", "-n -c -p --name --channel --prefix --file"},
	{"mamba", "install", "", "conda", "", "=", "-n -c -p --name --channel --prefix --file"},
	{"micromamba", "install", "", "conda", "", "=", "-n -c -p --name --channel --prefix -f --file"},
	{"cpanm", "", "", "cpan", "", "@", "-l --mirror --installdeps -L"},
	{"cpan", "", "", "cpan", "", "@", ""},
	{"luarocks", "install", "", "luarocks", "", "", "--server"},
	{"opam", "install", "", "opam", "", ".", "--switch"},
	{"cabal", "install", "", "hackage", "", "", ""},
	{"stack", "install", "", "hackage", "", "", "--resolver"},
	{"mix", "archive.install", "", "hex", "", "", ""},
	{"mix", "escript.install", "", "hex", "", "", ""},
	{"nimble", "install", "", "generic", "", "@", ""},
	{"asdf", "install", "", "asdf", "", "", ""},
	{"mise", "use", "", "generic", "", "@", ""},
	{"mise", "exec", "", "generic", "", "@", ""},
	{"sdk", "install", "", "generic", "", "", ""},
	{"nvm", "install", "", "generic", "", "", ""},
	{"pyenv", "install", "", "generic", "", "", ""},
	{"rbenv", "install", "", "generic", "", "", ""},
	{"ansible-galaxy", "install", "", "generic", "", ",", "-r -p"},
	{"vcpkg", "install", "", "vcpkg", "", "", "--triplet"},
	{"install-module", "", "", "powershell", "-requiredversion", "", "-requiredversion -scope -repository -minimumversion"},
	{"install-psresource", "", "", "powershell", "-version", "", "-version -scope"},
	{"corepack", "prepare", "", "npm", "", "@", ""},
	{"helm", "plugin", "install", "generic", "--version", "", "--version"},
	{"kubectl", "krew", "install", "generic", "", "", ""},
	{"poetry", "self", "add", "pypi", "", "==", ""},
	{"poetry", "add", "", "pypi", "", "==", ""},
	{"easy_install", "", "", "pypi", "", "==", ""},
	{"snap", "install", "", "snap", "--channel --revision", "", "--channel --revision"},
}

// installer adds the packages of a command of the table. A word that is a file or an
// option names none.
func (t *toolReader) installer(c *command, i installer, from int) {
	words, options := c.operands(from, i.valued)
	version := ""
	for option := range strings.FieldsSeq(i.version) {
		if v := options[option]; v != "" {
			version = v
		}
	}
	// asdf install TOOL VERSION, and others of that form.
	if (i.program == "asdf" || i.program == "sdk" || i.program == "luarocks") && len(words) == 2 {
		version, words = words[1].text, words[:1]
	}
	if i.program == "nvm" || i.program == "pyenv" || i.program == "rbenv" {
		tool := map[string]string{"nvm": "node", "pyenv": "python", "rbenv": "ruby"}[i.program]
		for _, w := range words {
			t.install(c, w.at, i.typ, tool, w.text)
		}
		return
	}
	for _, w := range words {
		if isFile(w.text) || i.program == "mix" && (w.text == "hex" || w.text == "github") {
			continue
		}
		name, spec := w.text, version
		if at := i.at; at != "" {
			if k := strings.LastIndex(name, at); k > 0 {
				name, spec = name[:k], name[k+len(at):]
			}
		}
		t.install(c, w.at, i.typ, name, strings.TrimLeft(spec, "="))
	}
}

// isFile reports whether a word is a file or a directory and not the name of a
// package.
func isFile(s string) bool {
	return s == "." || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "~") ||
		strings.HasPrefix(s, ".[") || strings.ContainsAny(s, "*")
}

// pip reads `pip install`. What `-r` names is pinned only by hashes.
func (t *toolReader) pip(c *command, from int) {
	words, options := c.operands(from, pipOptions)
	if options["--no-index"] != "" {
		return
	}
	if c.has("--require-hashes") {
		// Every requirement has a hash, or pip refuses. The backends of source
		// distributions have none.
		if !c.has("--no-build-isolation", "--only-binary") {
			u := t.install(c, c.at, "generic", "build-backend", "")
			u.Detail, u.Fix = "pip installs the build backend of a source distribution without a hash", "write --only-binary :all:, or --no-build-isolation with the backend in the lock"
		}
		return
	}
	for _, option := range []string{"-r", "--requirement"} {
		for file := range strings.SplitSeq(options[option], "\n") {
			if file != "" {
				t.requirements(c, file)
			}
		}
	}
	for _, option := range []string{"-e", "--editable"} {
		for v := range strings.SplitSeq(options[option], "\n") {
			if v != "" {
				words = append(words, argWord{text: v, known: true, at: c.at})
			}
		}
	}
	for _, w := range words {
		t.requirement(c, w)
	}
}

const pipOptions = "-r --requirement -c --constraint -e --editable -t --target -i --index-url --extra-index-url -f --find-links --prefix --root --src --python --python-version --platform --abi --implementation --only-binary --no-binary --upgrade-strategy --cache-dir --log --proxy --retries --timeout --trusted-host --config-settings -C --progress-bar -d --dest -w --wheel-dir --report --global-option --use-feature --group --extra -p"

// requirements adds a file of requirements. Whether it has hashes is seen when the
// file is followed.
func (t *toolReader) requirements(c *command, file string) {
	u := t.install(c, c.at, "generic", path.Base(file), "")
	u.Spec = "-r " + file
	u.Pin, u.Detail = Floating, "a file of requirements without hashes pins no bytes"
	u.Fix = "write --require-hashes, and lock the file with hashes (`pip-compile --generate-hashes`, `uv pip compile --generate-hashes`)"
	if isVariable(file) {
		u.Pin = Variable
		return
	}
	u.look = lookup{lookRequirements, t.inDirectory(file)}
}

// inDirectory returns the path of a file of a command, from the root of the checkout.
func (t *toolReader) inDirectory(file string) string {
	if path.IsAbs(file) || isVariable(t.step.Directory) {
		return file
	}
	return path.Join(t.step.Directory, file)
}

var requirementName = lazyregexp.New(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)$`)

// requirement adds a requirement of PEP 508, a URL, or a project of the checkout.
func (t *toolReader) requirement(c *command, w argWord) {
	text := w.text
	url := text
	if _, after, ok := strings.Cut(text, "@ "); ok {
		url = strings.TrimSpace(after)
	}
	switch {
	case !w.known:
		t.install(c, w.at, "pypi", text, "")
	case strings.Contains(url, "://"):
		parts, _ := splitURL(url)
		u := download(url)
		if strings.HasPrefix(parts.scheme, "git+") {
			u = repositoryUse(url)
		}
		u.Kind = UseTool
		ref := parts.path[strings.LastIndexByte(parts.path, '@')+1:]
		switch {
		case strings.HasPrefix(parts.scheme, "git+") && commitID.MatchString(ref):
			u.Version, u.Pin = lower(ref), ByCommit
		case hexDigest.MatchString(parts.fragment):
			u.Version, u.Pin = "sha256:"+hexDigest.FindStringSubmatch(parts.fragment)[1], ByDigest
		default:
			u.Pin, u.Detail, u.Fix = Floating, "it is installed from a URL without a commit or a digest", "write a full commit after \"@\", or \"#sha256=...\""
		}
		t.use(w.at, u)
	case isFile(text) || strings.HasSuffix(text, ".whl") || strings.HasSuffix(text, ".tar.gz") || strings.HasSuffix(text, "/"):
		if c.has("--no-deps") && (c.has("--no-build-isolation") || strings.HasSuffix(text, ".whl")) {
			return
		}
		u := t.install(c, w.at, "generic", "build-backend", "")
		u.Detail, u.Fix = "the dependencies and the build backend of "+quote(text)+" are installed without a lock", "write --no-deps --no-build-isolation, and install both from a lock"
	default:
		m := requirementName.FindStringSubmatch(text)
		if m == nil {
			t.install(c, w.at, "pypi", text, "")
			return
		}
		spec, _, _ := strings.Cut(m[2], ";")
		spec = strings.TrimSpace(spec)
		exact, is := strings.CutPrefix(spec, "==")
		u := t.install(c, w.at, "pypi", lower(m[1]), spec)
		if is && !strings.ContainsAny(exact, "*,") && !isVariable(exact) {
			u.Spec, u.Pin, u.Detail = strings.TrimPrefix(exact, "="), ByVersion, "a version has no digest, and its dependencies float"
		}
		u.Fix = "install it from a file with hashes: pip install --require-hashes -r FILE"
	}
}

var hexDigest = lazyregexp.New(`(?i)(?:^|sha256[:=])([0-9a-f]{64})(?:$|[^0-9a-f])`)

func (t *toolReader) uv(c *command, sub, next string, rest1, rest int) {
	switch {
	case sub == "pip" && (next == "install" || next == "sync"):
		t.pip(c, rest)
		if words, _ := c.operands(rest, pipOptions); next == "sync" && !c.has("--require-hashes") {
			for _, w := range words {
				t.requirements(c, w.text)
			}
		}
	case sub == "tool" && (next == "install" || next == "run" || next == "upgrade"):
		t.packages(c, rest, "pypi", "--from --with -p --python --index-url", next == "run")
	case sub == "run":
		_, options := c.operands(rest1, "--with --from -p --python --extra --group")
		for with := range strings.SplitSeq(options["--with"], "\n") {
			if with != "" {
				t.requirement(c, argWord{text: with, known: !isVariable(with), at: c.at})
			}
		}
	case sub == "python" && next == "install":
		words, _ := c.operands(rest, "-i --install-dir")
		for _, w := range words {
			u := t.install(c, w.at, "generic", "python", w.text)
			if managedPython.MatchString(w.text) {
				u.fixedVersion()
			}
		}
	case sub == "build":
		if !c.has("--no-build-isolation", "--require-hashes") {
			u := t.install(c, c.at, "generic", "build-backend", "")
			u.Detail, u.Fix = "the build backend is installed without a lock, and is gone before the environment is scanned", "write --no-build-isolation, or --build-constraints with --require-hashes"
		}
	}
}

// managedPython matches the names of interpreters that have a full version
// (https://docs.astral.sh/uv/concepts/python-versions/#requesting-a-version).
var managedPython = lazyregexp.New(`^[a-z]+[-@]?[0-9]+\.[0-9]+\.[0-9]+(?:[a-z0-9+]*)?(?:-[a-z0-9_]+)*$`)

// packages adds the packages of a command. Of one that runs a tool, the first word
// is the tool and the others are its arguments.
func (t *toolReader) packages(c *command, from int, typ, valued string, runs bool) {
	var words []argWord
	options := map[string]string{}
	with := strings.Fields(valued)
	for i := from; i < len(c.words); i++ {
		w := c.words[i]
		if slices.Contains(with, w.text) && i+1 < len(c.words) {
			i++
			options[w.text] = c.words[i].text
			continue
		}
		if strings.HasPrefix(w.text, "-") {
			continue
		}
		if words = append(words, w); runs {
			break
		}
	}
	for _, key := range []string{"--spec", "--from"} {
		if v := options[key]; v != "" && len(words) > 0 {
			words = []argWord{{text: v, known: !isVariable(v), at: words[0].at}}
		}
	}
	for _, w := range words {
		if typ == "pypi" {
			w.text = strings.Replace(w.text, "@", "==", 1)
			w.text = strings.TrimSuffix(w.text, "==latest")
			if strings.Contains(w.text, "://") {
				w.text = strings.Replace(w.text, "==", "@", 1)
			}
			t.requirement(c, w)
		}
	}
}

// node reads the package managers of JavaScript.
func (t *toolReader) node(c *command, name, sub, next string, rest1, rest int) {
	const valued = "--prefix -C --registry --tag -w --workspace --cache --loglevel --userconfig"
	add := func(w argWord) {
		if isFile(w.text) || strings.HasSuffix(w.text, ".tgz") {
			return
		}
		pkg, spec := w.text, ""
		if i := strings.LastIndexByte(pkg, '@'); i > 0 {
			pkg, spec = pkg[:i], pkg[i+1:]
		}
		u := t.install(c, w.at, "npm", pkg, spec)
		u.Fix = "add it to package.json, and install by the lock: npm ci"
		if u.Pin == ByVersion {
			u.Detail = "a version has no digest here, and its dependencies float"
		}
	}
	all := func(from int) {
		words, _ := c.operands(from, valued)
		for _, w := range words {
			add(w)
		}
	}
	first := func(from int) {
		if c.has("--no-install", "--no", "--offline") {
			return
		}
		words, options := c.operands(from, valued+" -p --package -c --call")
		if pkg := options["-p"] + options["--package"]; pkg != "" {
			for p := range strings.SplitSeq(pkg, "\n") {
				add(argWord{text: p, at: c.at})
			}
		} else if len(words) > 0 {
			add(words[0])
			u := &t.job.Uses[len(t.job.Uses)-1]
			if u.Kind == UseTool && u.Pin == Floating && u.At == words[0].at {
				u.Detail += ", unless the project has it"
				u.look = lookup{lookProject, t.inDirectory("package.json")}
			}
		}
	}
	switch {
	case name == "npx" || name == "bunx" || name == "pnpx":
		first(1)
	case sub == "dlx" || sub == "exec" && name == "npm" || sub == "x" && (name == "bun" || name == "npm") || sub == "create" || sub == "init" && next != "":
		if sub == "create" || sub == "init" {
			return
		}
		first(rest1)
	case name == "yarn" && sub == "global" && next == "add":
		all(rest)
	case sub == "add" || (sub == "install" || sub == "i") && name != "yarn":
		words, _ := c.operands(rest1, valued)
		if len(words) == 0 && name == "npm" && !c.has("-g", "--global") {
			u := t.install(c, c.at, "generic", "package.json", "")
			u.Detail, u.Fix = "npm install takes versions that the lock does not have, and writes them into it", "write npm ci"
		}
		all(rest1)
	}
}

// golang reads `go install PACKAGE@VERSION`. The bytes of a version, and of those
// that its go.mod names, are fixed by the checksum database, an append-only log
// (https://go.dev/ref/mod#checksum-database): that is a lock, unless it is off.
func (t *toolReader) golang(c *command, sub string, from int) {
	words, _ := c.operands(from, "-o -C -p -tags -ldflags -gcflags -asmflags -mod -modfile -exec -overlay -pgo -toolexec")
	for _, w := range words {
		pkg, version, ok := strings.Cut(w.text, "@")
		if sub == "run" && !ok {
			return
		}
		if !ok || isFile(pkg) || !strings.Contains(pkg, ".") {
			continue
		}
		u := t.install(c, w.at, "golang", pkg, version)
		if u.Pin == ByVersion {
			if t.env["GOSUMDB"] == "off" || t.env["GONOSUMDB"] != "" || t.env["GOFLAGS"] == "-insecure" || t.env["GOPRIVATE"] != "" {
				u.Detail = "the checksum database is off, which would fix the bytes of a version"
			} else {
				u.Pin, u.Detail = ByLock, ""
			}
		}
		if sub == "run" {
			return
		}
	}
}

// cargo reads `cargo install`. With --locked and a full version the crate has its
// lock file, and the index of the registry its digest.
func (t *toolReader) cargo(c *command, sub string, from int) {
	words, options := c.operands(from, "--version --vers --git --branch --tag --rev --path --root --features -F --bin --registry --index --profile -j --target --target-dir")
	locked := options["--locked"] != "" && sub == "install"
	if options["--path"] != "" || len(words) > 0 && isFile(words[0].text) {
		if !locked {
			u := t.install(c, c.at, "generic", "Cargo.lock", "")
			u.Detail, u.Fix = "cargo install does not use the lock of the project", "write --locked"
		}
		return
	}
	if git := options["--git"]; git != "" {
		u := repositoryUse(git)
		if rev := options["--rev"]; commitID.MatchString(rev) {
			u.Version, u.Pin = lower(rev), ByCommit
		} else {
			u.Pin, u.Detail, u.Fix = Floating, "it is installed from a repository without a commit", "write --rev with a full commit, and --locked"
		}
		t.use(c.at, u)
		return
	}
	for _, w := range words {
		name, version, _ := strings.Cut(w.text, "@")
		if version == "" {
			version = options["--version"] + options["--vers"]
		}
		u := t.install(c, w.at, "cargo", name, strings.TrimPrefix(version, "="))
		switch {
		case u.Pin == ByVersion && locked:
			u.Pin, u.Detail = ByLock, ""
		case u.Pin == ByVersion:
			u.Detail, u.Fix = "its dependencies float", "write --locked"
		default:
			u.Fix = "write --locked, and a full version"
		}
	}
}

func (t *toolReader) rustup(c *command, sub, next string, rest1, rest int) {
	from := rest1
	switch {
	case (sub == "toolchain" || sub == "component" || sub == "target") && (next == "install" || next == "add"):
		if sub != "toolchain" {
			return
		}
		from = rest
	case sub == "default" || sub == "install" || sub == "override" && next == "set":
		if sub == "override" {
			from = rest
		}
	case sub == "update":
		words, _ := c.operands(rest1, "")
		if len(words) == 0 {
			t.install(c, c.at, "generic", "rust", "")
			return
		}
	default:
		return
	}
	words, _ := c.operands(from, "--profile -c --component -t --target --path")
	for _, w := range words {
		u := t.install(c, w.at, "generic", "rust", w.text)
		if toolchain.MatchString(w.text) {
			u.fixedVersion()
		}
	}
}

// toolchain matches the names of toolchains that rustup never installs another one of:
// of a day, or of a full version, each with or without the host
// (https://rust-lang.github.io/rustup/concepts/toolchains.html).
var toolchain = lazyregexp.New(`^(?:(?:stable|beta|nightly)-[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]+\.[0-9]+\.[0-9]+)(?:-[a-z0-9_-]+)?$`)

var anyURL = lazyregexp.New(`https?://[^\s"'()]+`)

// expression reads the evaluation of a text of PowerShell that is downloaded.
func (t *toolReader) expression(c *command) {
	for _, w := range c.words[1:] {
		if url := anyURL.FindString(w.text); url != "" {
			u := download(url)
			u.Pin, u.Detail = Floating, "it is the input of "+quote(c.arg(0))+" as it comes"
			u.Fix = "download it to a file, and check Get-FileHash before"
			t.use(w.at, u)
		}
	}
}

func (t *toolReader) deno(c *command, w argWord) {
	switch scheme, name, _ := strings.Cut(w.text, ":"); scheme {
	case "npm", "jsr":
		pkg, spec := name, ""
		if i := strings.LastIndexByte(name, '@'); i > 0 {
			pkg, spec = name[:i], name[i+1:]
		}
		t.install(c, w.at, scheme, pkg, spec)
	case "http", "https":
		u := download(w.text)
		u.Pin, u.Detail, u.Fix = Floating, "it is executed as it comes", "write --frozen with a lock"
		if t.used(u) {
			return
		}
		t.use(w.at, u)
	}
}

func (t *toolReader) used(u Use) bool {
	return slices.ContainsFunc(t.job.Uses, func(o Use) bool { return o.Kind == u.Kind && o.Text == u.Text && o.Name == u.Name })
}

// containerOptions are the options of `docker run` that have a value.
const containerOptions = "-v --volume -e --env --env-file -w --workdir -u --user --name --network --net -p --publish --entrypoint --mount --platform -h --hostname --add-host --cap-add --cap-drop --cpus --device --dns --label -l --log-driver -m --memory --pid --restart --security-opt --shm-size --tmpfs --ulimit --volumes-from --cidfile --pull --runtime --gpus --ipc --userns --group-add --cgroupns --expose --link --ip --stop-signal --health-cmd --annotation --sysctl"

// container reads `docker run`, `docker pull` and their like.
func (t *toolReader) container(c *command, sub, next string, rest1, rest int) {
	from := rest1
	if (sub == "image" || sub == "container") && next != "" {
		sub, from = next, rest
	}
	t.built(c)
	if sub != "run" && sub != "pull" && sub != "create" {
		return
	}
	for i := from; i < len(c.words); i++ {
		w := c.words[i]
		if w.text == "--pull=never" || w.text == "--pull" && i+1 < len(c.words) && c.words[i+1].text == "never" {
			return // what the machine has
		}
		if slices.Contains(strings.Fields(containerOptions), w.text) {
			i++
			continue
		}
		if strings.HasPrefix(w.text, "-") && w.text != "-" {
			continue
		}
		if sub != "pull" && t.tags[tagged(w.text)] {
			return
		}
		if u, ok := image(strings.TrimPrefix(w.text, "docker://"), RoleStep); ok {
			if !w.known {
				u.Pin = Variable
			}
			t.use(w.at, u)
		}
		return
	}
}

// built keeps the names that `docker build` and `docker tag` give to images. A later
// command of the job runs those, and looks in no registry.
func (t *toolReader) built(c *command) {
	if t.tags == nil {
		t.tags = map[string]bool{}
	}
	words, _ := c.sub(3)
	if i := slices.Index(words, "build"); i < 0 || i == 1 && words[0] != "buildx" && words[0] != "image" && words[0] != "builder" || i > 1 {
		if words[0] == "tag" && words[1] != "" && t.tags[tagged(words[1])] {
			t.tags[tagged(words[2])] = true
		}
		return
	}
	for i, w := range c.words {
		tag := ""
		switch {
		case (w.text == "-t" || w.text == "--tag") && i+1 < len(c.words):
			tag = c.words[i+1].text
		case strings.HasPrefix(w.text, "--tag="):
			tag = strings.TrimPrefix(w.text, "--tag=")
		}
		if tag != "" && len(t.tags) < maxUses {
			t.tags[tagged(tag)] = true
		}
	}
}

// tagged returns the name of an image with its tag.
func tagged(ref string) string {
	if _, name := lastElement(ref); !strings.Contains(name, ":") {
		return ref + ":latest"
	}
	return ref
}

// clone reads `git clone`. A later `git checkout` of a full commit pins it.
func (t *toolReader) clone(c *command, from int) {
	words, options := c.operands(from, "-b --branch --depth -c --config --revision -o --origin --reference --filter -j --jobs --template -u --separate-git-dir")
	if len(words) > 0 && words[0].text == "add" {
		words = words[1:]
	}
	if len(words) == 0 || isFile(words[0].text) || strings.HasPrefix(words[0].text, "file:") {
		return
	}
	u := repositoryUse(words[0].text)
	commit := options["--revision"]
	for i := t.present + 1; i < len(t.commands) && commit == ""; i++ {
		later := unwrap(t.commands[i])
		if later.name() != "git" {
			continue
		}
		if later.has("clone") {
			break
		}
		if later.has("checkout", "reset", "fetch", "switch") {
			for _, w := range later.words {
				if commitID.MatchString(w.text) {
					commit = w.text
				}
			}
		}
	}
	switch {
	case commitID.MatchString(commit):
		u.Version, u.Pin = lower(commit), ByCommit
	case !words[0].known:
		u.Pin, u.Detail, u.Fix = Variable, "what is cloned is decided when it runs", "check out a full commit"
	default:
		u.Spec = options["-b"] + options["--branch"]
		u.Pin, u.Detail, u.Fix = Floating, "another repository without a commit", "check out a full commit after it"
	}
	t.use(words[0].at, u)
}

func (t *toolReader) extension(c *command, from int) {
	words, options := c.operands(from, "--pin")
	if len(words) == 0 || isFile(words[0].text) {
		return
	}
	pin := options["--pin"]
	u := action(strings.TrimPrefix(words[0].text, "https://github.com/")+"@"+pin, UseTool)
	u.Kind, u.Text = UseTool, c.String()
	if u.Pin == Floating {
		u.Fix = "write --pin with a full commit"
	}
	t.use(words[0].at, u)
}
