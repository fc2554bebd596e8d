package ledger

import (
	"bytes"
	"path"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/scan"
)

// text reads a small file that is text, without zero bytes.
func (e *engine) text(n rootfs.Node) (string, bool) {
	if e.tree.Kind(n) != rootfs.File {
		return "", false
	}
	data, err := e.tree.ReadFile(n, maxSmall)
	if err != nil || bytes.IndexByte(data, 0) >= 0 {
		return "", false
	}
	return string(data), true
}

// inert reports whether a file is no program: it has no execute bit and does not
// begin as one, or it is a link or a directory.
func (e *engine) inert(n rootfs.Node) bool {
	return e.tree.Kind(n) == rootfs.File && e.nodes[n].mode&(execute|setID) == 0 && e.files.Code(n) == scan.CodeNone
}

// vouched reports whether a package of the system has a file, and the file is not
// known to differ from it.
func (e *engine) vouched(n rootfs.Node) bool {
	if n == rootfs.None {
		return false
	}
	f := &e.nodes[n]
	switch f.status {
	case proved, consistent:
		return true
	case unchecked:
		return f.component > 0 && e.doc.Components[f.component-1].Kind == sbom.KindOS
	}
	return false
}

// matches reports whether a path matches one of some patterns: those of
// path.Match, with "/**" at the end for everything below.
func matches(p string, patterns []string) bool {
	for _, pattern := range patterns {
		if prefix, ok := strings.CutSuffix(pattern, "/**"); ok {
			if !strings.ContainsRune(prefix, '*') {
				if strings.HasPrefix(p, prefix+"/") {
					return true
				}
				continue
			}
			parts := strings.Count(prefix, "/")
			at := 0
			for i := range len(p) {
				if p[i] == '/' {
					if at++; at == parts+1 {
						if ok, _ := path.Match(prefix, p[:i]); ok {
							return true
						}
					}
				}
			}
			continue
		}
		if ok, _ := path.Match(pattern, p); ok {
			return true
		}
	}
	return false
}

// inertAt is a rule for files at some places that are no programs.
func inertAt(patterns ...string) func(*engine, rootfs.Node) bool {
	return func(e *engine, n rootfs.Node) bool {
		return matches(e.tree.Path(n), patterns) && (e.inert(n) || e.innerLink(n))
	}
}

// innerLink reports whether a link leads to a file of the same directory.
func (e *engine) innerLink(n rootfs.Node) bool {
	target := e.tree.Target(n)
	return target != "" && !strings.ContainsRune(target, '/') && target != ".."
}

// device reports whether a node is a device of /dev, or one of the links that
// systems have there.
func (e *engine) device(n rootfs.Node) bool {
	p := e.tree.Path(n)
	if !strings.HasPrefix(p, "/dev/") {
		return false
	}
	return e.tree.Kind(n) == rootfs.Other || e.tree.Kind(n) == rootfs.Symlink && strings.HasPrefix(e.tree.Target(n), "/proc/")
}

// empty reports whether a file has no content and cannot be run.
func (e *engine) empty(n rootfs.Node) bool {
	return e.tree.Kind(n) == rootfs.File && e.nodes[n].size == 0 && e.nodes[n].mode&(execute|setID) == 0 && !strings.HasSuffix(e.tree.Name(n), ".py")
}

// comments reports whether a file in /etc has nothing but comments.
func (e *engine) comments(n rootfs.Node) bool {
	if !strings.HasPrefix(e.tree.Path(n), "/etc/") || !e.inert(n) {
		return false
	}
	text, ok := e.text(n)
	if !ok {
		return false
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' || strings.HasPrefix(line, "#include") {
			return false
		}
	}
	return true
}

// copies are files that a package's scripts copy once from its own.
var copies = map[string][]string{
	"/etc/profile":               {"/usr/share/base-files/profile"},
	"/etc/motd":                  {"/usr/share/base-files/motd"},
	"/etc/nsswitch.conf":         {"/usr/share/libc-bin/nsswitch.conf", "/usr/share/base-files/nsswitch.conf"},
	"/etc/inputrc":               {"/usr/share/readline/inputrc"},
	"/etc/python3/debian_config": {"/usr/share/python3/debian_config"},
	"/root/.bashrc":              {"/usr/share/base-files/dot.bashrc", "/etc/skel/.bashrc"},
	"/root/.profile":             {"/usr/share/base-files/dot.profile", "/etc/skel/.profile"},
	"/etc/os-release":            {"/usr/lib/os-release"},
}

// copied reports whether a file is equal to the package's file that it is made
// from: one of the table, or that of /etc/skel in a home directory.
func (e *engine) copied(n rootfs.Node) bool {
	if !e.nodes[n].summed {
		return false
	}
	p := e.tree.Path(n)
	from := copies[p]
	if rest, ok := strings.CutPrefix(p, "/home/"); ok {
		if _, name, ok := strings.Cut(rest, "/"); ok {
			from = []string{"/etc/skel/" + name}
		}
	}
	for _, f := range from {
		m := e.tree.Resolve(f)
		if m != rootfs.None && e.vouched(m) && e.nodes[m].sum == e.nodes[n].sum && e.nodes[m].size == e.nodes[n].size {
			return true
		}
	}
	return false
}

// linkDirs are directories of links by which the system switches files of
// packages on.
var linkDirs = []string{"/etc/systemd/system/**", "/etc/systemd/user/**", "/etc/fonts/conf.d/*", "/etc/rc[0-6S].d/*", "/etc/dpkg/origins/default", "/etc/apache2/*-enabled/*",
	"/etc/lighttpd/conf-enabled/*", "/etc/php/*/*/conf.d/*", "/etc/ssl/certs/*", "/var/lib/systemd/deb-systemd-helper-enabled/**", "/etc/localtime", "/usr/share/man/**"}

// ownedLink reports whether a link switches on a file of a package: it leads to
// one of the same name.
func (e *engine) ownedLink(n rootfs.Node) bool {
	if e.tree.Kind(n) != rootfs.Symlink {
		return false
	}
	p := e.tree.Path(n)
	if !matches(p, linkDirs) {
		return false
	}
	to := e.tree.ResolveNode(n)
	if to == rootfs.None || !e.vouched(to) {
		return false
	}
	name, target := e.tree.Name(n), e.tree.Name(to)
	switch {
	case name == target:
		return true
	case strings.HasPrefix(p, "/etc/rc") && len(name) > 3:
		return name[3:] == target && e.tree.Path(e.tree.Parent(to)) == "/etc/init.d"
	case strings.HasPrefix(p, "/etc/ssl/certs/"):
		return strings.HasPrefix(e.tree.Path(to), "/usr/share/ca-certificates/")
	case p == "/etc/dpkg/origins/default":
		return strings.HasPrefix(e.tree.Path(to), "/etc/dpkg/origins/")
	case p == "/etc/localtime":
		return strings.HasPrefix(e.tree.Path(to), "/usr/share/zoneinfo/")
	case strings.Contains(name, "@"): // an instance of a template
		template, _, _ := strings.Cut(name, "@")
		return target == template+"@"+path.Ext(name)
	}
	return false
}

// directoryLinks are links to directories that base packages make.
var directoryLinks = map[string]string{
	"/usr/local/man": "share/man", "/var/spool/mail": "../mail", "/var/run": "/run", "/var/lock": "/run/lock", "/etc/mtab": "/proc/mounts",
	"/usr/tmp": "../var/tmp", "/var/mail": "spool/mail", "/etc/rmt": "/usr/sbin/rmt",
}

func (e *engine) baseLink(n rootfs.Node) bool {
	want, ok := directoryLinks[e.tree.Path(n)]
	got := e.tree.Target(n)
	return ok && (got == want || got == "../proc/self/mounts" && want == "/proc/mounts" || strings.TrimPrefix(got, "../") == strings.TrimPrefix(want, "/"))
}

// loaderCache reports whether the cache of the dynamic loader names no library
// but those of packages.
func (e *engine) loaderCache(n rootfs.Node) bool {
	p := e.tree.Path(n)
	if p != "/etc/ld.so.cache" && !matches(p, loaderFiles) {
		return false
	}
	data, err := e.tree.ReadFile(n, maxSmall)
	if err != nil || e.nodes[n].mode&(execute|setID) != 0 {
		return false
	}
	if p == "/etc/ld.so.cache" && !bytes.HasPrefix(data, []byte("glibc-ld.so.cache1.1")) && !bytes.HasPrefix(data, []byte("ld.so-1.7.0")) {
		return false
	}
	found := false
	for word := range bytes.FieldsFuncSeq(data, func(r rune) bool { return r < 0x20 || r == '"' || r == ' ' || r == 0xfffd }) {
		if len(word) < 2 || word[0] != '/' {
			continue
		}
		to := e.tree.Resolve(string(word))
		if to == rootfs.None {
			continue // a library that was removed is not loaded
		}
		if e.tree.Kind(to) == rootfs.File && !e.vouched(to) && (e.nodes[to].component == 0 || e.nodes[to].status == unexplained) {
			return false
		}
		found = true
	}
	return found
}

// loaderFiles are registers of modules that a library loads.
var loaderFiles = []string{"/usr/lib/*/gdk-pixbuf-2.0/*/loaders.cache", "/usr/lib/gdk-pixbuf-2.0/*/loaders.cache", "/usr/lib/*/gtk-*/*/immodules.cache", "/usr/lib/*/gconv/gconv-modules.cache", "/usr/lib/gconv/gconv-modules.cache"}

// machine reports whether a file states nothing but what the machine is called
// and where it is.
func (e *engine) machine(n rootfs.Node) bool {
	p := e.tree.Path(n)
	var valid func(fields []string) bool
	switch p {
	case "/etc/hostname", "/etc/mailname", "/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/timezone":
		valid = func(f []string) bool { return len(f) == 1 && len(f[0]) < 256 }
	case "/etc/resolv.conf":
		valid = func(f []string) bool {
			switch f[0] {
			case "nameserver", "search", "domain", "options", "sortlist":
				return true
			}
			return false
		}
	case "/etc/hosts":
		valid = func(f []string) bool {
			for _, name := range f[1:] {
				if strings.Contains(name, ".") && !strings.HasPrefix(name, "localhost.") && !strings.HasSuffix(name, ".localdomain") && !strings.HasSuffix(name, ".localdomain4") && !strings.HasSuffix(name, ".localdomain6") {
					return false
				}
			}
			return true
		}
	case "/etc/papersize":
		valid = func(f []string) bool { return len(f) == 1 && len(f[0]) < 32 }
	case "/etc/adjtime":
		valid = func(f []string) bool { return len(f) <= 3 }
	default:
		return false
	}
	text, ok := e.text(n)
	if !ok || e.nodes[n].mode&setID != 0 || e.files.Code(n) != scan.CodeNone && strings.HasPrefix(text, "#!") {
		return false
	}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 0 && !valid(f) {
			return false
		}
	}
	return true
}

// shells reports whether /etc/shells has nothing but shells of packages.
func (e *engine) shells(n rootfs.Node) bool {
	p := e.tree.Path(n)
	if p != "/etc/shells" && p != "/var/lib/shells.state" {
		return false
	}
	text, ok := e.text(n)
	if !ok || !e.inert(n) {
		return false
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && !e.vouched(e.tree.Resolve(line)) {
			return false
		}
	}
	return true
}

// account reports whether a list of users or groups has those of base-passwd, and
// those that packages add: with a number of the system's and without a way to log
// in.
func (e *engine) accountList(n rootfs.Node) bool {
	p := strings.TrimSuffix(e.tree.Path(n), "-")
	var valid func(f []string) bool
	switch p {
	case "/etc/passwd":
		master := e.master("/usr/share/base-passwd/passwd.master")
		if master == nil {
			return false
		}
		valid = func(f []string) bool {
			if len(f) != 7 {
				return false
			}
			if want, ok := master[f[0]]; ok {
				// "*" for the password becomes "x" with shadow passwords.
				return len(want) == 7 && (f[1] == "x" || f[1] == "*") && want[2] == f[2] && want[3] == f[3] && want[5] == f[5] && want[6] == f[6]
			}
			return f[1] != "" && systemID(f[2]) && (strings.HasSuffix(f[6], "/nologin") || strings.HasSuffix(f[6], "/false"))
		}
	case "/etc/group":
		master := e.master("/usr/share/base-passwd/group.master")
		if master == nil {
			return false
		}
		valid = func(f []string) bool {
			if len(f) != 4 || f[3] != "" {
				return false
			}
			if want, ok := master[f[0]]; ok {
				return want[2] == f[2]
			}
			return systemID(f[2])
		}
	case "/etc/shadow", "/etc/gshadow":
		valid = func(f []string) bool {
			if len(f) < 4 || p == "/etc/gshadow" && (f[2] != "" || f[3] != "") {
				return false
			}
			return f[1] == "*" || strings.HasPrefix(f[1], "!")
		}
	case "/etc/subuid", "/etc/subgid":
		valid = func(f []string) bool { return len(f) == 3 && len(f[1]) >= 5 }
	default:
		return false
	}
	text, ok := e.text(n)
	if !ok || !e.inert(n) {
		return false
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); line != "" && !valid(strings.Split(line, ":")) {
			return false
		}
	}
	return true
}

// systemID reports whether a number is one that packages of the system get:
// Debian's policy, 9.2.2.
func systemID(s string) bool {
	id, err := strconv.Atoi(s)
	return err == nil && (id >= 100 && id < 1000 || id >= 60000 && id < 65535)
}

// master reads a list of base-passwd, nil without one that is vouched for.
func (e *engine) master(file string) map[string][]string {
	n := e.tree.Resolve(file)
	if !e.vouched(n) {
		return nil
	}
	text, ok := e.text(n)
	if !ok {
		return nil
	}
	out := map[string][]string{}
	for line := range strings.Lines(text) {
		if f := strings.Split(strings.TrimRight(line, "\n"), ":"); len(f) > 3 {
			out[f[0]] = f
		}
	}
	return out
}

// pamCommon reports whether a file that pam-auth-update writes is its template,
// with lines of the profiles of packages where the template has a variable.
func (e *engine) pamCommon(n rootfs.Node) bool {
	name, ok := strings.CutPrefix(e.tree.Path(n), "/etc/pam.d/")
	if !ok || !strings.HasPrefix(name, "common-") {
		return false
	}
	template := e.tree.Resolve("/usr/share/pam/" + name)
	text, ok := e.text(n)
	if !ok || !e.inert(n) || !e.vouched(template) {
		return false
	}
	profiles := map[string]bool{}
	for c := range e.tree.Children(e.tree.Resolve("/usr/share/pam-configs")) {
		if e.vouched(c) {
			text, _ := e.text(c)
			for _, f := range pamLines(text) {
				profiles[pamLine(f)] = true
			}
		}
	}
	want, _ := e.text(template)
	rest := pamLines(text)
	for _, f := range pamLines(want) {
		if !strings.HasPrefix(f[0], "$") {
			if len(rest) == 0 || strings.Join(rest[0], " ") != strings.Join(f, " ") {
				return false
			}
			rest = rest[1:]
			continue
		}
		added := 0
		for len(rest) > 0 && len(rest[0]) > 1 {
			line := pamLine(rest[0][1:])
			// What pam-auth-update writes for a type of which no profile is primary.
			none := rest[0][0] == "session" && strings.Join(rest[0][1:], " ") == "[default=1] pam_permit.so"
			if !profiles[line] && !none {
				break
			}
			rest = rest[1:]
			added++
		}
		if added == 0 && strings.HasSuffix(f[0], "_primary") {
			return false
		}
	}
	return len(rest) == 0
}

// pamLines are the fields of each line that is no comment.
func pamLines(text string) [][]string {
	var out [][]string
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 0 && !strings.HasPrefix(f[0], "#") {
			out = append(out, f)
		}
	}
	return out
}

// pamLine normalises a line: the number of lines to skip is "end" in a profile.
func pamLine(f []string) string {
	f = append([]string(nil), f...)
	for i := range f {
		for _, key := range [...]string{"success=", "new_authtok_reqd=", "user_unknown="} {
			if at := strings.Index(f[i], key); at >= 0 {
				rest := f[i][at+len(key):]
				end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
				if end < 0 {
					end = len(rest)
				}
				if end > 0 {
					f[i] = f[i][:at+len(key)] + "end" + rest[end:]
				}
			}
		}
	}
	return strings.Join(f, " ")
}
