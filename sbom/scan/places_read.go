package scan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Readers of the files at places. None of them evaluates anything: they find the
// statements that have an effect, by the grammar of each format as far as that
// needs. A statement that is written in an unusual way is found as long as its
// program reads it; one that no program would read may be found too.

// settingLines yields the lines of a file without comments and blank lines. In some
// formats a backslash at the end continues a line, in others (passwd, resolv.conf,
// npmrc) it is text: a line after one is yielded by itself as well, so that none is
// hidden in the one before.
func settingLines(data []byte, comments string, yield func(string)) {
	pending := ""
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) {
		text := strings.TrimSpace(string(line))
		if pending == "" && (text == "" || strings.IndexByte(comments, text[0]) >= 0) {
			continue
		}
		if pending != "" && text != "" && strings.IndexByte(comments, text[0]) < 0 {
			yield(strings.TrimSpace(strings.TrimSuffix(text, `\`)))
		}
		if strings.HasSuffix(text, `\`) {
			pending += strings.TrimSuffix(text, `\`) + " "
			continue
		}
		if text = strings.TrimSpace(pending + text); text != "" {
			yield(text)
		}
		pending = ""
	}
	if pending = strings.TrimSpace(pending); pending != "" {
		yield(pending)
	}
}

// readCommented takes a file as a whole without its comments.
func readCommented(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var lines []string
	settingLines(data, "#;", func(line string) { lines = append(lines, line) })
	if len(lines) == 0 {
		return nil
	}
	return []statement{{text: strings.Join(lines, "\n")}}
}

// readCommentedSudo is readCommented for sudoers(5), where "#include" is no
// comment, and neither is "#" with a user ID.
func readCommentedSudo(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var lines []string
	settingLines(data, "", func(line string) {
		if line[0] != '#' || strings.HasPrefix(line, "#include") || len(line) > 1 && line[1] >= '0' && line[1] <= '9' {
			lines = append(lines, line)
		}
	})
	if len(lines) == 0 {
		return nil
	}
	return []statement{{text: strings.Join(lines, "\n")}}
}

// readPreload reads ld.so.preload: libraries, separated by blanks and colons.
func readPreload(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	settingLines(data, "#", func(line string) {
		for _, lib := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ':' }) {
			out = append(out, statement{text: lib, file: lib})
		}
	})
	return out
}

// assignment matches a variable as shells and pam_env take it. Exported functions
// of bash have "%%" or "()" in their names.
var assignment = lazyregexp.New(`^(?:export\s+|setenv\s+|set\s+-gx\s+|declare\s+-x\s+)?([A-Za-z_][A-Za-z0-9_%().:-]*?)\s*=\s*(.*)$`)

func assignmentOf(line string) (name, value string, ok bool) {
	m := assignment.FindStringSubmatch(line)
	if m == nil {
		return "", "", false
	}
	return m[1], strings.Trim(m[2], `"'`), true
}

// readEnvironment reads files of NAME=VALUE.
func readEnvironment(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	settingLines(data, "#", func(line string) {
		if name, value, ok := assignmentOf(line); ok {
			out = append(out, assigned(name, value, true)...)
		}
	})
	return out
}

// readPamEnv reads pam_env.conf(5): VARIABLE [DEFAULT=[value]] [OVERRIDE=[value]].
func readPamEnv(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	settingLines(data, "#", func(line string) {
		if name, value, ok := strings.Cut(strings.ReplaceAll(line, "\t", " "), " "); ok {
			value = strings.TrimSpace(value)
			value = strings.TrimPrefix(strings.TrimPrefix(value, "DEFAULT="), "OVERRIDE=")
			out = append(out, assigned(name, strings.Trim(value, `"`), true)...)
		}
	})
	return out
}

// readVariables reads the assignments with a known effect of a shell file, and
// the search paths of login.defs(5).
func readVariables(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	settingLines(data, "#", func(line string) {
		if f := strings.Fields(line); len(f) == 2 && (f[0] == "ENV_PATH" || f[0] == "ENV_SUPATH") {
			out = append(out, assigned("PATH", strings.TrimPrefix(f[1], "PATH="), false)...)
			return
		}
		if name, value, ok := assignmentOf(line); ok {
			if v, known := effect(name); name == "PATH" || known && v.source != "by its name" {
				out = append(out, assigned(name, value, false)...)
			}
		}
	})
	return out
}

// readShell takes a shell script as a whole, and names the variables with an
// effect that it sets.
func readShell(s *scanner, n rootfs.Node, data []byte) []statement {
	out := readCommented(s, n, data)
	if out == nil {
		return nil
	}
	settingLines(data, "#", func(line string) {
		for part := range strings.SplitSeq(line, ";") {
			if name, value, ok := assignmentOf(strings.TrimSpace(part)); ok {
				for _, st := range assigned(name, value, false) {
					st.kind = "" // one notice for one script
					if st.words != "" && (name != "PATH" || !strings.Contains(value, "$")) && !strings.HasPrefix(name, "PS") {
						out = append(out, st)
					}
				}
			}
		}
	})
	return out
}

// readJob takes what atd keeps, without the number of its last job.
func readJob(_ *scanner, _ rootfs.Node, data []byte) []statement {
	if !bytes.ContainsAny(data, "\n ") {
		return nil
	}
	return []statement{{text: string(data)}}
}

// containing returns a reader of the lines that match an expression.
func containing(comments, expression string) reader {
	match := lazyregexp.New(expression)
	return func(_ *scanner, _ rootfs.Node, data []byte) []statement {
		var out []statement
		settingLines(data, comments, func(line string) {
			if match.MatchString(line) {
				out = append(out, statement{text: line})
			}
		})
		return out
	}
}

// Readers of files in which single lines have an effect.
func readSSHConfig(s *scanner, n rootfs.Node, data []byte) []statement {
	return containing("#", `(?i)^(proxycommand|localcommand|permitlocalcommand|knownhostscommand|match\s.*exec|include|pkcs11provider|securitykeyprovider|proxyjump|hostname|stricthostkeychecking|userknownhostsfile|globalknownhostsfile|setenv|remotecommand)\b`)(s, n, data)
}

func readLogrotate(s *scanner, n rootfs.Node, data []byte) []statement {
	if containing("#", `^(prerotate|postrotate|firstaction|lastaction|preremove|compresscmd|uncompresscmd|include|mail)\b`)(s, n, data) == nil {
		return nil
	}
	return readCommented(s, n, data)
}

func readSystemdConf(s *scanner, n rootfs.Node, data []byte) []statement {
	return containing("#;", `^(DefaultEnvironment|ManagerEnvironment|CrashShell|CtrlAltDelBurstAction|NAutoVTs|ReserveVT|ForwardTo\w+)\s*=\s*\S`)(s, n, data)
}

func readModprobe(s *scanner, n rootfs.Node, data []byte) []statement {
	return containing("#", `^(install|remove)\s`)(s, n, data)
}

func readSysctl(s *scanner, n rootfs.Node, data []byte) []statement {
	return containing("#;", `^-?\s*(kernel[./](core_pattern|modprobe|hotplug|poweroff_cmd|kexec\w*|randomize_va_space|yama[./]ptrace_scope)|fs[./](suid_dumpable|protected_\w+|binfmt_misc))`)(s, n, data)
}

func readInetd(s *scanner, n rootfs.Node, data []byte) []statement {
	if strings.HasPrefix(s.tree.Name(n), "hosts.") {
		return containing("#", `(?i)\b(spawn|twist|aclexec)\b`)(s, n, data)
	}
	return readCommented(s, n, data)
}

func readInterfaces(s *scanner, n rootfs.Node, data []byte) []statement {
	return containing("#", `^\s*(up|down|pre-up|post-up|pre-down|post-down|script|command|wpa-action|wpa-roam)\s`)(s, n, data)
}

func readServiceCommands(s *scanner, n rootfs.Node, data []byte) []statement {
	return containing("#", `\||:include:|omprog|mmexternal|improg|^\s*\S+\s*\^|\bargv=`)(s, n, data)
}

// readPHP reads php.ini. An extension by its mere name is in the directory of
// extensions, where it is found as a library.
func readPHP(s *scanner, n rootfs.Node, data []byte) []statement {
	return containing(";#", `(?i)^(auto_(pre|ap)pend_file|extension_dir|include_path|sendmail_path|opcache\.preload|opcache\.file_cache|openssl\.ca\w+|curl\.cainfo)\s*=[\s"']*[^\s"']|^(zend_)?extension\s*=.*/|^allow_url_include\s*=\s*(1|on|true|yes)`)(s, n, data)
}

func readDpkg(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	settingLines(data, "#", func(line string) {
		key := strings.TrimPrefix(line, "--")
		if i := strings.IndexAny(key, " =\t"); i >= 0 {
			key = key[:i]
		}
		switch {
		case slices.Contains([]string{"pre-invoke", "post-invoke", "status-logger", "pager"}, key):
			out = append(out, statement{words: "dpkg runs a command (" + key + ")", text: line})
		case slices.Contains([]string{"admindir", "instdir", "root", "no-debsig", "force-all", "force-bad-verify", "force-downgrade", "force-overwrite"}, key):
			out = append(out, statement{kind: sbom.NoticeRedirect, words: "dpkg checks less, or works elsewhere (" + key + ")", text: line})
		}
	})
	return out
}

var (
	aptHook     = lazyregexp.New(`(?i)invoke|pre-install-pkgs|proxy-?auto-?detect|dir::bin|solver|planner|dpkg::(tools|options)|compressor::.*::binary|::method|periodic::|gpgv`)
	aptRedirect = lazyregexp.New(`(?i)^acquire::.*(proxy|verify-|cainfo|capath|sslcert|allow(insecure|weak|downgrade)|check-(valid-until|date)|mirror)|allow-?unauthenticated|force-?yes|allow-?downgrades|^dir::(etc|state)|^rootdir|^dir |default-release|sandbox|^apt::(key|hashes|authentication|trustcdrom)|::trusted`)
)

// readApt reads apt.conf(5): names in braces, names with "::", values in quotes.
func readApt(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	for _, setting := range aptSettings(data) {
		key, _, _ := strings.Cut(setting, " ")
		switch {
		case aptHook.MatchString(key):
			out = append(out, statement{words: "apt runs a command (" + quoted(key) + ")", text: setting})
		case aptRedirect.MatchString(setting):
			out = append(out, statement{kind: sbom.NoticeRedirect, words: "apt takes packages from elsewhere, or checks less (" + quoted(key) + ")", text: setting})
		}
	}
	return out
}

var aptToken = lazyregexp.New(`(?s)//[^\n]*|/\*.*?\*/|#(?:clear|include)[^;]*;|#[^\n]*|"(?:\\.|[^"\\])*"|[{};]|[^\s{};"]+`)

// aptSettings returns the settings of an apt.conf as "NAME::NAME VALUE".
func aptSettings(data []byte) []string {
	var out, scope, words []string
	for _, token := range aptToken.FindAllString(string(data), -1) {
		switch {
		case strings.HasPrefix(token, "//"), strings.HasPrefix(token, "/*"):
		case token[0] == '#':
			if strings.HasPrefix(token, "#include") || strings.HasPrefix(token, "#clear") {
				out = append(out, token)
			}
		case token == "{":
			scope = append(scope, strings.Join(words, " "))
			words = nil
		case token == ";" || token == "}":
			if len(words) > 0 {
				name := words[0]
				if name[0] == '"' { // a value of a list
					name = ""
				} else {
					words = words[1:]
				}
				full := strings.Join(append(slices.Clone(scope), name), "::")
				out = append(out, strings.TrimPrefix(full, "::")+" "+strings.Join(words, " "))
				words = nil
			}
			if token == "}" && len(scope) > 0 {
				scope = scope[:len(scope)-1]
			}
		default:
			words = append(words, token)
		}
	}
	return out
}

// gitHooks are the hooks that git runs (githooks(5)).
func isGitHook(name string) bool {
	switch name {
	case "applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg", "commit-msg", "post-commit",
		"pre-rebase", "post-checkout", "post-merge", "pre-push", "pre-receive", "update", "proc-receive", "post-receive", "post-update",
		"reference-transaction", "push-to-checkout", "pre-auto-gc", "post-rewrite", "sendemail-validate", "fsmonitor-watchman", "post-index-change",
		"p4-changelist", "p4-prepare-changelist", "p4-post-changelist", "p4-pre-submit":
		return true
	}
	return false
}

func readGitHook(s *scanner, n rootfs.Node, data []byte) []statement {
	if !isGitHook(s.tree.Name(n)) || len(data) == 0 {
		return nil
	}
	return []statement{{text: string(data)}}
}

// iniLines yields the settings of sections: "section.key" in lower case, with
// the subsection of git between, and the value.
func iniLines(data []byte, comments string, yield func(section, sub, key, value string)) {
	section, sub := "", ""
	settingLines(data, comments, func(line string) {
		if line[0] == '[' {
			end := strings.LastIndexByte(line, ']')
			if end < 0 {
				return
			}
			name, quote, _ := strings.Cut(line[1:end], " ")
			section, sub = strings.ToLower(name), strings.Trim(strings.TrimSpace(quote), `"`)
			if before, after, ok := strings.Cut(section, "."); ok && sub == "" && strings.IndexByte(comments, ';') >= 0 {
				section, sub = before, after
			}
			if line = strings.TrimSpace(line[end+1:]); line == "" {
				return
			}
		}
		key, value, _ := strings.Cut(line, "=")
		yield(section, sub, strings.TrimSpace(key), strings.TrimSpace(value))
	})
}

var (
	gitRuns = lazyregexp.New(`^(core\.(hookspath|fsmonitor|sshcommand|editor|pager|askpass|gitproxy|alternaterefscommand|worktree)|credential(\.[^.]*)*\.helper|filter\..*\.(clean|smudge|process)|diff\.(external|.*\.(command|textconv))|merge\..*\.driver|gpg(\..*)?\.(program|defaultkeycommand)|init\.templatedir|include\.path|includeif\..*\.path|sequence\.editor|uploadpack\.packobjectshook|remote\..*\.(uploadpack|receivepack|vcs)|(difftool|mergetool|guitool|browser|man)\..*\.(cmd|path)|interactive\.difffilter|pager\..*|web\.browser|tar\..*\.command|trailer\..*\.(command|cmd)|lfs\..*|sendemail\..*cmd|sendemail\.smtpserver|hook\..*\.command|imap\.tunnel|instaweb\..*|ssh\.variant|extensions\..*path|commit\.cleanup_command)$`)
	gitFrom = lazyregexp.New(`^(url\..*\.(insteadof|pushinsteadof)|http(\..*)?\.(proxy|sslverify|sslcainfo|sslcapath|extraheader|curloptresolve|proxysslcainfo)|remote\..*\.proxy|protocol\..*allow|safe\.(directory|barerepository)|transfer\.fsckobjects|receive\.fsckobjects|fetch\.fsckobjects)$`)
)

// readGitConfig reads git-config(1). The values of aliases run commands when they
// start with "!", and those of submodules when they are such an update.
func readGitConfig(s *scanner, n rootfs.Node, data []byte) []statement {
	var out []statement
	iniLines(data, "#;", func(section, sub, key, value string) {
		name := section + "." + strings.ToLower(key)
		if sub != "" {
			name = section + "." + sub + "." + strings.ToLower(key)
		}
		value = strings.Trim(value, `"`)
		st := statement{text: name + "=" + value}
		switch {
		case name == "core.worktree" && strings.HasPrefix(value, "../") && strings.Contains(s.tree.Path(n), "/.git/modules/"):
			return // git writes it for a submodule
		case gitRuns.MatchString(name):
			if section == "pager" && (value == "true" || value == "false" || value == "cat" || value == "less") {
				return
			}
			if section == "core" && strings.EqualFold(key, "fsmonitor") && (value == "true" || value == "false") {
				return
			}
			if section == "lfs" && !strings.Contains(name, "customtransfer") && !strings.Contains(name, "extension") {
				return
			}
			st.words = "git runs or loads what " + quoted(name) + " names"
			if strings.HasPrefix(value, "/") {
				st.file, _, _ = strings.Cut(value, " ")
			}
		case (section == "alias" || section == "submodule" && strings.EqualFold(key, "update")) && strings.HasPrefix(value, "!"):
			st.words = "git runs the command of " + quoted(name)
		case name == "safe.directory" && value != "*" && !strings.HasSuffix(value, "/*"):
			// Every CI system names the checkout. What git runs in there is looked at
			// in each repository.
			return
		case gitFrom.MatchString(name):
			st.kind, st.words = sbom.NoticeRedirect, "git takes sources from elsewhere, or checks less, by "+quoted(name)
			st.text = section + "." + key + "=" + redact(sub) + " " + redact(value)
		default:
			return
		}
		out = append(out, st)
	})
	return out
}

// redact removes what precedes the host of an address: a user and a password.
func redact(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	if at := strings.LastIndexByte(strings.SplitN(rest, "/", 2)[0], '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return scheme + "://" + rest
}

// readHgrc reads hgrc(5): hooks, extensions and programs.
func readHgrc(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	iniLines(data, "#;", func(section, _, key, value string) {
		switch section {
		case "hooks", "extensions", "merge-tools", "extdiff", "encode", "decode", "web":
		case "ui":
			if !slices.Contains([]string{"ssh", "editor", "merge", "pager", "remotecmd"}, key) {
				return
			}
		case "alias":
			if !strings.Contains(value, "!") && !strings.Contains(value, "--config") {
				return
			}
		case "paths", "hostsecurity", "http_proxy", "auth":
			out = append(out, statement{kind: sbom.NoticeRedirect, words: "Mercurial takes sources from elsewhere by " + quoted(section+"."+key), text: section + "." + key + "=" + redact(value)})
			return
		default:
			if !strings.HasPrefix(key, "%include") {
				return
			}
		}
		out = append(out, statement{words: "Mercurial runs or loads what " + quoted(section+"."+key) + " names", text: section + "." + key + "=" + value})
	})
	return out
}

// keyed returns the statements of "key = value" lines by two tables of keys: those
// that run code and those that redirect.
func keyed(program string, data []byte, separators, comments string, runs, from func(key, value string) bool) []statement {
	var out []statement
	section := ""
	settingLines(data, comments, func(line string) {
		if line[0] == '[' {
			section = strings.Trim(line, "[] ") + "."
			return
		}
		i := strings.IndexAny(line, separators)
		if i < 0 {
			return
		}
		key, value := strings.Trim(strings.TrimSpace(line[:i]), `"'`), strings.Trim(strings.TrimSpace(line[i+1:]), `"' `)
		name := section + key
		switch {
		case runs(name, value):
			st := statement{words: program + " runs or loads what " + quoted(name) + " names", text: name + "=" + value}
			if strings.HasPrefix(value, "/") {
				st.file = value
			}
			out = append(out, st)
		case from(name, value):
			out = append(out, statement{kind: sbom.NoticeRedirect, words: program + " takes packages from elsewhere, or checks less, by " + quoted(name), text: name + "=" + redact(value)})
		}
	})
	return out
}

// oneOf returns a predicate of keys.
func oneOf(expression string) func(key, value string) bool {
	match := lazyregexp.New(`(?i)^(?:` + expression + `)$`)
	return func(key, _ string) bool { return match.MatchString(key) }
}

func readNpmrc(_ *scanner, _ rootfs.Node, data []byte) []statement {
	return keyed("npm", data, "=", "#;",
		oneOf(`script-shell|shell|node-options|git|editor|viewer|onload-script|init-module|init\.module|prefix|globalconfig|userconfig|cache|node-gyp|scripts-prepend-node-path|globalignorefile|global-pnpmfile|pnpmfile|shell-emulator|use-node-version|node-version|enable-pre-post-scripts|dangerously-allow-all-builds`),
		oneOf(`registry|@[^:]+:registry|proxy|https?-proxy|noproxy|ca|cafile|cert|strict-ssl|replace-registry-host|local-address|node-mirror:.*|disturl|dist-url|.*_binary_(host|mirror).*|before|allow-git|trust-policy.*`))
}

func readYarnrc(_ *scanner, _ rootfs.Node, data []byte) []statement {
	return keyed("Yarn", data, ": ", "#",
		oneOf(`yarn-?path|plugins|-?\s*path|.*spec|script-?shell|injectEnvironmentFiles|nodeLinker_|.*ignore-scripts|preload|pnpEnableInlining|constraintsPath|enableConstraintsChecks|child-concurrency-script`),
		oneOf(`registry|npmRegistryServer|npmPublishRegistry|npmScopes|npmRegistries|https?-?proxy|unsafeHttpWhitelist|enableStrictSsl|strict-ssl|caFilePath|httpsCaFilePath|cafile|networkSettings|checksumBehavior|enableImmutableInstalls|.*mirror.*|--.*registry`))
}

func readBunfig(_ *scanner, _ rootfs.Node, data []byte) []statement {
	return keyed("Bun", data, "=", "#", oneOf(`(.*\.)?(preload|shell|plugins|bun|define|loader)`), oneOf(`install(\..*)?\.(registry|scopes|ca|cafile|.*)|install\.(registry|ca|cafile)`))
}

func readCargoConfig(_ *scanner, _ rootfs.Node, data []byte) []statement {
	return keyed("Cargo", data, "=", "#",
		oneOf(`(.*\.)?(rustc|rustc-wrapper|rustc-workspace-wrapper|rustdoc|linker|runner|rustflags|rustdocflags|credential-provider|global-credential-providers|include|target-dir|paths)|paths|include|alias\..*|env\..*|doc\.browser|host\..*`),
		oneOf(`source\..*|registries\..*|registry\..*|http\.(proxy|cainfo|check-revoke|multiplexing|ssl-version)|patch\..*|net\.(offline|git-fetch-with-cli)`))
}

// readGoEnv reads the file of "go env -w", without what the distribution of Go
// sets itself.
func readGoEnv(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	settingLines(data, "#", func(line string) {
		switch line {
		case "GOPROXY=https://proxy.golang.org,direct", "GOSUMDB=sum.golang.org", "GOTOOLCHAIN=auto", "GOTOOLCHAIN=local":
			return
		}
		name, value, ok := strings.Cut(line, "=")
		if ok {
			out = append(out, assigned(strings.TrimSpace(name), redact(strings.TrimSpace(value)), false)...)
		}
	})
	return out
}

// readContainers takes a file of settings without the credentials of
// registries in it.
func readContainers(s *scanner, n rootfs.Node, data []byte) []statement {
	if s.tree.Parent(n) != rootfs.None && strings.HasSuffix(path.Dir(path.Dir(s.tree.Path(n))), "certs.d") {
		return []statement{{text: string(data)}}
	}
	var settings map[string]json.RawMessage
	if err := json.Unmarshal(data, &settings); err != nil {
		return readCommented(s, n, data)
	}
	var out []statement
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if key != "auths" && key != "HttpHeaders" && key != "currentContext" {
			out = append(out, statement{words: "decides where images come from, or runs a program, by " + quoted(key), text: key + "=" + string(settings[key])})
		}
	}
	return out
}

// readMachines takes the names of hosts of netrc(5) and apt_auth.conf(5), and no
// password.
func readMachines(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	words := strings.Fields(string(data))
	for i, w := range words {
		if (w == "machine" || w == "macdef" || w == "default") && i+1 < len(words) {
			out = append(out, statement{text: w + " " + words[i+1]})
		}
	}
	return out
}

// readHosts reads hosts(5). Container engines write the file at every start:
// with the names of the machine, of its host and of local networks, which say
// nothing. Every other name with a dot is redirected.
func readHosts(s *scanner, _ rootfs.Node, data []byte) []statement {
	own := ""
	if n := s.tree.Resolve("/etc/hostname"); n != rootfs.None && s.tree.Kind(n) == rootfs.File {
		if name, err := s.tree.ReadFile(n, maxPlace); err == nil {
			own, _, _ = strings.Cut(strings.TrimSpace(string(name)), ".")
		}
	}
	var out []statement
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		for _, name := range fields[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			if first, _, dotted := strings.Cut(name, "."); !dotted || own != "" && first == strings.ToLower(own) || isLocalName(name) {
				continue
			}
			out = append(out, statement{words: fmt.Sprintf("%s is at %s", quoted(name), quoted(fields[0])), text: fields[0] + " " + name})
		}
	}
	return out
}

// isLocalName recognises names that no public name server has (RFC 6761, RFC
// 6762, ICANN's "internal").
func isLocalName(name string) bool {
	for _, end := range []string{".internal", ".local", ".localhost", ".localdomain", ".localdomain4", ".localdomain6", ".lan", ".home.arpa", ".test", ".invalid", ".cluster.local"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// readResolv reads resolv.conf(5). The file is written anew by engines and
// networks, so that only a server of neither counts: one at a public address that
// is none of the well-known resolvers.
func readResolv(_ *scanner, _ rootfs.Node, data []byte) []statement {
	known := []string{"8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844", "1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "2606:4700:4700::1001",
		"9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9", "168.63.129.16"}
	var out []statement
	settingLines(data, "#;", func(line string) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			return
		}
		addr, err := netip.ParseAddr(f[1])
		if err == nil && (addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || slices.Contains(known, addr.WithZone("").String())) {
			return
		}
		if err == nil && addr.Is4() && addr.As4()[0] == 100 && addr.As4()[1]&0xc0 == 64 {
			return // RFC 6598: networks of providers and clouds
		}
		out = append(out, statement{words: "names are looked up at " + quoted(f[1]), text: line})
	})
	return out
}

// readPasswd finds further users with the ID 0, and users without a password.
func readPasswd(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	seen := false
	settingLines(data, "#", func(line string) {
		f := strings.Split(line, ":")
		if len(f) < 7 {
			return
		}
		if strings.TrimLeft(f[2], "0+ ") == "" && f[2] != "" {
			if f[0] != "root" || seen {
				out = append(out, statement{words: fmt.Sprintf("user %s has the user ID 0", quoted(f[0])), text: line})
			}
			seen = true
		}
		if f[1] == "" {
			out = append(out, statement{words: fmt.Sprintf("user %s has no password", quoted(f[0])), text: line})
		}
		if shell := path.Base(f[6]); f[6] != "" && !isShell(shell) {
			out = append(out, statement{words: fmt.Sprintf("a login of user %s runs %s", quoted(f[0]), quoted(f[6])), text: "shell of " + f[0] + ":" + f[6], file: f[6]})
		}
	})
	return out
}

// isShell reports whether a program by this name is a shell, or ends a login at once.
func isShell(name string) bool {
	switch strings.TrimPrefix(name, "r") {
	case "sh", "bash", "dash", "ash", "zsh", "fish", "ksh", "ksh93", "mksh", "lksh", "csh", "tcsh", "yash", "pwsh", "nu", "elvish", "xonsh",
		"git-shell", "scponly", "nologin", "false", "true", "sync", "halt", "shutdown", "tmux", "screen":
		return true
	}
	return false
}

func readShadow(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	settingLines(data, "#", func(line string) {
		switch f := strings.Split(line, ":"); {
		case len(f) < 3:
		case f[1] == "":
			out = append(out, statement{words: fmt.Sprintf("user %s has no password", quoted(f[0])), text: f[0]})
		case len(f[1]) > 2 && f[1][0] != '!' && f[1][0] != '*':
			// Not the digest: it has a random part.
			out = append(out, statement{words: fmt.Sprintf("user %s logs in with a password", quoted(f[0])), text: "password of " + f[0]})
		}
	})
	return out
}

// readGroup finds members of the groups whose rights lead to those of root.
func readGroup(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	settingLines(data, "#", func(line string) {
		f := strings.Split(line, ":")
		if len(f) < 4 {
			return
		}
		zero := f[2] == "0"
		switch f[0] {
		case "root", "sudo", "wheel", "admin", "docker", "podman", "lxd", "incus", "libvirt", "kvm", "disk", "shadow", "kmem", "mem", "adm", "staff", "lpadmin", "systemd-journal", "sys", "utmp", "google-sudoers", "vboxusers", "wireshark", "input", "tape":
		default:
			if !zero {
				return
			}
		}
		// Alpine's base makes root a member of root, adm and the like.
		members := slices.DeleteFunc(strings.Split(f[3], ","), func(m string) bool {
			return m == "" || m == "root" || m == "bin" || m == "daemon" || m == "sys" || m == "adm" || m == "lp"
		})
		switch {
		case zero && f[0] != "root":
			out = append(out, statement{words: fmt.Sprintf("group %s has the group ID 0", quoted(f[0])), text: line})
		case len(members) > 0:
			out = append(out, statement{words: fmt.Sprintf("user %s is in the group %s", quoted(members[0]), quoted(f[0])), text: f[0] + ":" + strings.Join(members, ",")})
		}
	})
	return out
}

// readSubIDs finds ranges that contain IDs of the system.
func readSubIDs(_ *scanner, _ rootfs.Node, data []byte) []statement {
	var out []statement
	settingLines(data, "#", func(line string) {
		if f := strings.Split(line, ":"); len(f) == 3 && len(strings.TrimLeft(f[1], "0")) < 4 {
			out = append(out, statement{words: fmt.Sprintf("%s may become the users from %s", quoted(f[0]), quoted(f[1])), text: line})
		}
	})
	return out
}

// readPyvenv reads pyvenv.cfg. An ordinary environment has a home with an
// interpreter that something accounts for, and no packages of the system.
func readPyvenv(s *scanner, n rootfs.Node, data []byte) []statement {
	t := s.tree
	home := ""
	var out []statement
	settingLines(data, "#", func(line string) {
		key, value, _ := strings.Cut(line, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		switch key {
		case "home":
			home = value
		case "include-system-site-packages":
			if strings.EqualFold(value, "true") {
				out = append(out, statement{words: "the virtual environment imports the packages of the system too", text: key + "=true"})
			}
		}
	})
	// A directory of the search path is no other home, also when the environment
	// was copied without its Python.
	accounted := slices.Contains(SearchPath(), path.Clean(home))
	if dir := t.Resolve(home); strings.HasPrefix(home, "/") && dir != rootfs.None && t.Kind(dir) == rootfs.Dir {
		for c := range t.Children(dir) {
			if name := t.Name(c); !strings.HasPrefix(name, "python") && !strings.HasPrefix(name, "pypy") && !strings.HasPrefix(name, "graalpy") {
				continue
			}
			file := t.ResolveNode(c)
			if file != rootfs.None && t.Kind(file) == rootfs.File && (s.owned(file) || s.accountedBy(file) >= 0) {
				accounted = true
			}
		}
	}
	if !accounted {
		out = append(out, statement{words: fmt.Sprintf("the virtual environment's home %s has no Python that anything accounts for", quoted(home)), text: "home=" + home})
	}
	return out
}
