package definition

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// fetch reads a download: what it is executed or unpacked by, and whether something
// checks it. One that is only data has no use here.
func (t *toolReader) fetch(c *command, name string) {
	urls, file := downloadOf(c, name)
	if len(urls) == 0 {
		return
	}
	how := ""
	raw := t.commands[t.present]
	for _, other := range t.index.readers[raw] {
		if runsInput(other) {
			how = "is piped into " + quote(other.name())
			break
		}
	}
	for _, other := range t.index.around[raw] {
		if interprets(other.name()) {
			how = "is the input of " + quote(other.name())
			break
		}
	}
	checked := ""
	if how == "" && file != "" {
		how, checked = t.later(file)
	}
	if how == "" {
		return
	}
	for _, url := range urls {
		u := download(url.text)
		switch literal := t.digest(url); {
		case checked == "digest":
			u.Pin = ByDigest
		case !url.known && (isVariable(host(url.text)) || wholeVariable.MatchString(path.Base(url.text))):
			u.Pin, u.Detail = Variable, "what it is is decided when it runs, and it "+how
		case literal != "":
			u.Version, u.Pin = literal, ByCommit
		case checked == "signature":
			u.Pin, u.Detail = ByVersion, "it "+how+"; a signature is checked and no digest"
		case versionInURL.MatchString(url.text):
			u.Pin, u.Detail = ByVersion, "it "+how+" without a digest"
		case !url.known && isVariable(url.text) && !strings.Contains(url.text, "/latest/"):
			u.Pin, u.Detail = Variable, "what it is is decided when it runs, and it "+how
		default:
			u.Pin, u.Detail = Floating, "it "+how+" as it comes"
		}
		if !u.Pin.Fixed() {
			u.Fix = "download it to a file, and check it before: echo \"DIGEST  FILE\" | sha256sum --check"
		}
		t.use(url.at, u)
	}
}

// wholeVariable matches a name of which nothing is known.
var wholeVariable = lazyregexp.New(`^(?:\$\{\{[^}]*\}\}|\$\{?[A-Za-z_][A-Za-z0-9_]*\}?)$`)

// versionInURL matches a URL with a version, or with the tag of a release that has the
// digits of a version or of a day.
var versionInURL = lazyregexp.New(`://[^/]+/.*(?:[0-9]+\.[0-9]+\.[0-9]+|[/_v-][0-9]+\.[0-9]+|/releases/download/[^/]*[0-9]{3}[^/]*/)`)

func host(url string) string {
	u, ok := splitURL(url)
	if !ok {
		return url
	}
	return u.host
}

// digest returns the commit in a URL of a file of a repository.
func (t *toolReader) digest(url argWord) string {
	u, _ := splitURL(url.text)
	for part := range strings.SplitSeq(u.path, "/") {
		for _, suffix := range []string{".zip", ".tar.gz", ".tgz", ".tar.bz2"} {
			part = strings.TrimSuffix(part, suffix)
		}
		if commitID.MatchString(part) && strings.Contains(u.host, "git") {
			return lower(part)
		}
	}
	return ""
}

// scriptIndex finds the commands of a script that have to do with another one.
type scriptIndex struct {
	readers, around map[*command][]*command // unwrapped
	runs            map[string][]execution  // by the base name of the file
	checks          []int                   // those that check a digest or a signature
	unwrapped       []*command
	literal, looked bool // whether the script has a digest, once it is known
}

// execution is a command that executes or unpacks a file.
type execution struct {
	command int
	how     string
}

// executes returns how a command executes or unpacks the files among its words.
func executes(c *command) string {
	switch name := c.name(); {
	case interprets(name):
		return "is executed by " + quote(name)
	case slices.Contains(unpackers, name), name == "install", name == "cp" && installs(c), name == "mv" && installs(c), name == "chmod" && makesExecutable(c),
		pip.MatchString(name), name == "start-process", name == "npm", name == "java", name == "gem", name == "hdiutil":
		return "is unpacked or installed by " + quote(name)
	}
	return ""
}

func indexOf(commands []*command) scriptIndex {
	x := scriptIndex{readers: map[*command][]*command{}, around: map[*command][]*command{}, runs: map[string][]execution{}}
	for i, c := range commands {
		u := unwrap(c)
		x.unwrapped = append(x.unwrapped, u)
		for _, f := range c.from {
			if len(x.readers[f]) < maxPiped {
				x.readers[f] = append(x.readers[f], u)
			}
		}
		for _, f := range c.within {
			x.around[f] = append(x.around[f], u)
		}
		how := executes(u)
		for k, w := range u.words {
			if k > 0 && how == "" {
				break
			}
			base, by := baseOf(w.text), how
			if k == 0 {
				by = "is executed"
			}
			x.runs[base] = append(x.runs[base], execution{i, by})
		}
		if checks(u) != "" {
			x.checks = append(x.checks, i)
		}
	}
	return x
}

// baseOf returns the last element of a path of any system.
func baseOf(file string) string { return path.Base(strings.ReplaceAll(file, `\`, "/")) }

// checks returns what a command checks: "digest", "signature" or nothing.
func checks(c *command) string {
	switch name := c.name(); name {
	case "sha256sum", "sha384sum", "sha512sum", "shasum", "sha256", "b2sum", "get-filehash", "certutil":
		return "digest"
	case "openssl":
		if c.has("-verify") {
			return "signature"
		}
		return "digest"
	case "gpg", "gpg2":
		if c.has("--verify") {
			return "signature"
		}
	case "cosign":
		if c.has("verify-blob", "verify") {
			return "signature"
		}
	case "minisign", "signify":
		if c.has("-V", "-Vm") {
			return "signature"
		}
	case "gh":
		if c.has("attestation") {
			return "signature"
		}
	case "gpgv", "slsa-verifier":
		return "signature"
	}
	return ""
}

// literalDigest reports whether the script or a variable has a digest.
func (t *toolReader) literalDigest() bool {
	if x := &t.index; !x.looked {
		x.looked = true
		x.literal = literalDigest.MatchString(t.script.text)
		for _, v := range t.env {
			x.literal = x.literal || len(v) >= 64 && len(v) <= 256 && literalDigest.MatchString(v)
		}
	}
	return t.index.literal
}

// unpackers extract or install what they read.
var unpackers = []string{"tar", "bsdtar", "unzip", "gunzip", "zcat", "xz", "bunzip2", "zstd", "cpio", "dpkg", "apt", "apt-get", "rpm", "dnf", "yum", "msiexec", "7z", "expand-archive", "installer", "docker", "patch"}

// runsInput reports whether a command executes or unpacks what it reads by a pipe.
func runsInput(c *command) bool {
	name := c.name()
	if name == "apt-key" {
		return false
	}
	if slices.Contains([]string{"python", "perl", "ruby", "node", "php"}, strings.TrimRight(name, "0123456789.")) {
		// A program in the words reads data.
		return !c.has("-c", "-e", "-m", "-ne", "-pe", "-p", "-r", "-lne", "-nle") && !slices.ContainsFunc(c.words[1:], func(w argWord) bool { return strings.Contains(w.text, ".") })
	}
	if slices.Contains([]string{"sh", "bash", "dash", "ash", "zsh", "ksh"}, name) {
		return !c.has("-c")
	}
	return interprets(name) || slices.Contains(unpackers, name)
}

// downloadOf returns the URLs that a command downloads, and the file that has them.
// An upload downloads nothing.
func downloadOf(c *command, name string) (urls []argWord, file string) {
	for i, w := range c.words {
		if i == 0 {
			continue
		}
		previous := c.words[i-1].text
		if strings.Contains(w.text, "://") && !strings.HasPrefix(w.text, "-") && previous != "-H" && previous != "--header" && previous != "-e" && previous != "--proxy" && previous != "-x" && previous != "-d" && previous != "--data" && (!strings.ContainsAny(w.text, " {") || !w.known && beginsURL.MatchString(w.text)) {
			urls = append(urls, w)
		} else if !w.known && len(urls) == 0 && name != "fetch" && (i == len(c.words)-1 || i == 1 || plainOption.MatchString(previous)) {
			urls = append(urls, w)
		}
		switch {
		case name == "wget" && (previous == "-O" || previous == "--output-document"), name == "curl" && (previous == "-o" || previous == "--output"),
			lower(previous) == "-outfile", lower(previous) == "-destination", name == "aria2c" && previous == "-o":
			file = w.text
		case name == "curl" && len(previous) > 1 && previous[0] == '-' && previous[1] != '-' && strings.HasSuffix(previous, "o"):
			file = w.text
		case name == "wget" && len(previous) > 2 && previous[0] == '-' && previous[1] != '-' && strings.HasSuffix(previous, "O"):
			file = w.text
		}
		for _, option := range []string{"--output=", "--output-document=", "-O", "-o"} {
			if v, ok := strings.CutPrefix(w.text, option); ok && v != "" && (strings.HasPrefix(option, "--") || name == "wget" && option == "-O" && !strings.HasPrefix(v, "-") || name == "curl" && option == "-o") && !strings.HasPrefix(v, "L") {
				file = v
			}
		}
	}
	if c.has("-T", "--upload-file", "-F", "--form", "--data", "-d", "--data-binary", "--data-raw", "--post-file", "--post-data") {
		return nil, ""
	}
	if c.output != "" {
		file = c.output
	}
	if file == "" && len(urls) > 0 && (name == "wget" || name == "curl" && remoteName(c) || name == "aria2c") {
		u, _ := splitURL(urls[0].text)
		file = path.Base(u.path)
	}
	if file == "-" || file == "/dev/null" || file == "/dev/stdout" {
		file = ""
	}
	return urls, file
}

var (
	beginsURL = lazyregexp.New(`^(?i:https?|ftp)://`)
	// plainOption matches the options of curl and wget that have no value.
	plainOption = lazyregexp.New(`^(?:-[LsSfkgGiIjNq46O#]+|-nv|--(?:location|silent|show-error|fail|fail-with-body|insecure|remote-name|quiet|no-verbose|compressed|no-check-certificate))$`)
)

// remoteName reports whether curl writes a file of the name in the URL.
func remoteName(c *command) bool {
	return slices.ContainsFunc(c.words, func(w argWord) bool {
		return w.text == "--remote-name" || w.text == "--remote-name-all" || len(w.text) > 1 && w.text[0] == '-' && w.text[1] != '-' && strings.Contains(w.text, "O")
	})
}

var literalDigest = lazyregexp.New(`\b(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})\b`)

// later returns how a later command of the script executes or unpacks a file that was
// downloaded, and whether a digest that the script has ("digest"), or a signature
// ("signature"), is checked before.
func (t *toolReader) later(file string) (how, checked string) {
	base := baseOf(file)
	names := func(w argWord) bool {
		return w.text == file || base != "." && base != "/" && baseOf(w.text) == base
	}
	executed := len(t.commands)
	runs := t.index.runs[base]
	if i := sort.Search(len(runs), func(i int) bool { return runs[i].command > t.present }); i < len(runs) && base != "." && base != "/" {
		executed, how = runs[i].command, runs[i].how
	}
	if how == "" && installed.MatchString(file) {
		how = "is a program in a directory of programs"
	}
	for _, i := range t.index.checks {
		if i <= t.present || i >= executed {
			continue
		}
		switch kind := checks(t.index.unwrapped[i]); {
		case kind == "digest" && t.literalDigest() && t.compares(t.index.unwrapped[i], names):
			return how, "digest"
		case kind == "signature":
			checked = "signature"
		}
	}
	return how, checked
}

// compares reports whether a command compares digests: with a list, or with what the
// script compares its output with.
func (t *toolReader) compares(c *command, names func(argWord) bool) bool {
	name := c.name()
	return c.has("-c", "--check", "-C") || name == "get-filehash" || name == "openssl" || len(c.from) > 0 || slices.ContainsFunc(c.words, names)
}

var installed = lazyregexp.New(`(?:^|/)s?bin/[^/]+$`)

// installs reports whether a file is put into a directory of programs.
func installs(c *command) bool {
	last := c.words[len(c.words)-1].text
	return strings.Contains(last+"/", "/bin/") || strings.Contains(last+"/", "/sbin/")
}

func makesExecutable(c *command) bool {
	mode := c.arg(1)
	return strings.Contains(mode, "x") || strings.ContainsAny(mode, "1357") && strings.Trim(mode, "01234567") == ""
}
