package ledger

import (
	"context"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Rule explains files that are in no artifact.
type Rule struct {
	// Name is the name in the ledger.
	Name string
	// Files are the files that it is about, and Checked is what is checked of them.
	Files, Checked string
	// Source is the document that describes them.
	Source string

	explain func(*engine, rootfs.Node) bool
}

// Numbers of rules that are not found by a look at the file: what is known of its
// component explains it.
const (
	rulePackage = iota + 1
	ruleCommand
	ruleMerged
	ruleApt
)

// ruleDocumentation is the name of the rule for missing files.
const ruleDocumentation = "documentation"

// Rules returns the table of rules. The first that explains a file counts.
func Rules() []Rule {
	return []Rule{
		rulePackage - 1: {Name: "package-owned", Files: "files that a package owns and whose content it does not state (%ghost and %verify of rpm)", Checked: "nothing",
			Source: "https://rpm-software-management.github.io/rpm/manual/spec.html"},
		ruleCommand - 1: {Name: "console-script", Files: "commands that Python's installers make for entry points and RubyGems for programs; specifications that RubyGems writes", Checked: "the whole file: it is the template of an installer with an entry point of the wheel, or a program of the gem; a specification has values only, and is the gem's",
			Source: "https://packaging.python.org/en/latest/specifications/entry-points/, https://github.com/ruby/rubygems/blob/master/lib/rubygems/installer.rb"},
		ruleMerged - 1: {Name: "merged-usr", Files: "/bin, /sbin and /lib* as links into /usr, where packages have directories", Checked: "the target",
			Source: "https://wiki.debian.org/UsrMerge", explain: (*engine).mergedUsr},
		ruleApt - 1: {Name: "apt-partial", Files: "directories that apt gives to its own user when it downloads", Checked: "that they are two of apt's",
			Source: "https://manpages.debian.org/apt.conf.5 (APT::Sandbox::User)"},
		{Name: "dpkg-records", Files: "the status, the lists and the other records of dpkg", Checked: "the name; that it is text, has no execute bit and does not begin as a program",
			Source: "https://manpages.debian.org/dpkg.1 (FILES)", explain: (*engine).dpkgRecord},
		{Name: "dpkg-scripts", Files: "maintainer scripts of installed packages", Checked: "the name; the content of its package has the script, so that a baseline remembers it",
			Source: "https://manpages.debian.org/deb-postinst.5", explain: (*engine).dpkgScript},
		{Name: "alternatives", Files: "links of update-alternatives and their records", Checked: "that the record has the choice, in automatic mode the one of the highest priority, and that a package has the target",
			Source: "https://manpages.debian.org/update-alternatives.1", explain: (*engine).alternatives},
		{Name: "apt-records", Files: "lists, caches and states of apt", Checked: "that it is no program",
			Source: "https://manpages.debian.org/apt-get.8 (FILES)", explain: inertAt("/var/lib/apt/extended_states", "/var/lib/apt/cdroms.list", "/var/lib/apt/listchanges*", "/var/lib/apt/periodic/*", "/var/lib/apt/daily_lock", "/var/lib/apt/lists/**", "/var/cache/apt/*.bin", "/var/cache/apt/archives/*.deb", "/var/cache/apt/archives/lock", "/var/cache/apt/archives/partial/*")},
		{Name: "rpm-records", Files: "the databases of rpm, dnf, apk and pacman", Checked: "that it is no program",
			Source: "https://rpm-software-management.github.io/rpm/manual/", explain: inertAt("/var/lib/rpm/**", "/usr/lib/sysimage/rpm/**", "/var/lib/dnf/**", "/usr/lib/sysimage/libdnf5/**", "/var/cache/dnf/**", "/var/cache/libdnf5/**", "/lib/apk/db/*", "/usr/lib/apk/db/*", "/etc/apk/world", "/etc/apk/arch", "/var/cache/apk/*", "/var/lib/pacman/**", "/var/cache/pacman/**", "/var/lib/yum/**", "/var/cache/yum/**", "/var/cache/ldconfig/aux-cache")},
		{Name: "debconf", Files: "answers of debconf, states of ucf, of pam-auth-update and of deb-systemd-helper", Checked: "that it is no program",
			Source: "https://manpages.debian.org/debconf.7, pam-auth-update(8), deb-systemd-helper(1p)", explain: inertAt("/var/cache/debconf/*", "/var/lib/ucf/**", "/var/lib/pam/*", "/var/lib/systemd/deb-systemd-helper-*/**", "/var/lib/systemd/deb-systemd-user-helper-*/**", "/var/lib/dictionaries-common/**", "/var/lib/python/**", "/var/lib/sgml-base/**", "/var/lib/xml-core/**", "/var/lib/libxml-sax-perl/**")},
		{Name: "device", Files: "devices in /dev, and links to /proc there", Checked: "the type", Source: "https://www.kernel.org/doc/html/latest/admin-guide/devices.html", explain: (*engine).device},
		{Name: "accounts", Files: "/etc/passwd, group, shadow, gshadow, subuid, subgid and their backups", Checked: "that the users and groups of base-passwd are as its lists have them, that others are the system's, and that none has a password, a shell or members",
			Source: "https://manpages.debian.org/passwd.5, https://www.debian.org/doc/debian-policy/ch-opersys.html#users-and-groups", explain: (*engine).accountList},
		{Name: "copy", Files: "files that a package's scripts copy from its own, and /etc/skel in home directories", Checked: "that the content is equal to the package's file",
			Source: "https://www.debian.org/doc/debian-policy/ch-files.html#configuration-files", explain: (*engine).copied},
		{Name: "git-sample", Files: "sample hooks in repositories of git", Checked: "the name, and that the content is that of a release of git or of the installed package",
			Source: "https://github.com/git/git/tree/master/templates", explain: (*engine).gitSample},
		{Name: "enabled", Files: "links in directories that switch on files of packages: systemd units, init scripts, configuration of fonts, certificates", Checked: "that the link leads to a package's file of the same name",
			Source: "https://manpages.debian.org/systemctl.1, update-rc.d(8), update-ca-certificates(8)", explain: (*engine).ownedLink},
		{Name: "base-link", Files: "links to directories that base-files and others make", Checked: "the target", Source: "https://refspecs.linuxfoundation.org/FHS_3.0/fhs/index.html", explain: (*engine).baseLink},
		{Name: "busybox", Files: "links to busybox that its package's scripts make", Checked: "that the list of the package has the path, and that it leads to the package's program",
			Source: "https://git.alpinelinux.org/aports/tree/main/busybox", explain: (*engine).busyboxLink},
		{Name: "loader-cache", Files: "ld.so.cache, gconv-modules.cache and the registers of loadable modules", Checked: "that each file in it is a package's",
			Source: "https://man7.org/linux/man-pages/man8/ldconfig.8.html", explain: (*engine).loaderCache},
		{Name: "certificates", Files: "/etc/ssl/certs/ca-certificates.crt", Checked: "that each certificate is in a file of a package in /usr/share/ca-certificates",
			Source: "https://manpages.debian.org/update-ca-certificates.8", explain: (*engine).certificates},
		{Name: "pam-auth-update", Files: "/etc/pam.d/common-*", Checked: "that it is the template with lines of profiles of packages",
			Source: "https://manpages.debian.org/pam-auth-update.8", explain: (*engine).pamCommon},
		{Name: "shells", Files: "/etc/shells", Checked: "that each shell is a package's", Source: "https://manpages.debian.org/update-shells.8", explain: (*engine).shells},
		{Name: "machine", Files: "/etc/hostname, resolv.conf, hosts, machine-id, timezone", Checked: "the form of each line; hosts names no other machine",
			Source: "https://man7.org/linux/man-pages/man5/resolv.conf.5.html, hosts(5), machine-id(5)", explain: (*engine).machine},
		{Name: "bytecode", Files: "byte code of Python in __pycache__", Checked: "that its header makes Python compare it with its source; the code is not compared",
			Source: "https://peps.python.org/pep-0552/", explain: (*engine).bytecode},
		{Name: "python-records", Files: "RECORD, INSTALLER, REQUESTED and direct_url.json of distributions", Checked: "that it is no program",
			Source: "https://packaging.python.org/en/latest/specifications/recording-installed-packages/", explain: (*engine).pythonRecords},
		{Name: "conda-records", Files: "the records in conda-meta of a prefix of conda", Checked: "that it is no program",
			Source: "https://docs.conda.io/projects/conda/en/stable/dev-guide/deep-dives/install.html", explain: (*engine).condaRecord},
		{Name: "venv", Files: "pyvenv.cfg, links to the interpreter and the activate scripts of virtual environments", Checked: "that the interpreter is accounted for, that packages of the system are not used, that a script is the template of that interpreter",
			Source: "https://docs.python.org/3/library/venv.html", explain: (*engine).venv},
		{Name: "npm", Files: "node_modules/.package-lock.json, links in node_modules/.bin, links to packages in stores of node_modules", Checked: "that a link leads to a file of a package beside it, or to the package of its name in the same installation",
			Source: "https://docs.npmjs.com/cli/configuring-npm/folders", explain: (*engine).npm},
		{Name: "pnpm", Files: "pnpm's records of an installation in node_modules, and its launchers in node_modules/.bin", Checked: "that a record is no program; the whole text of a launcher: it is that of pnpm, and starts a program of a package with Node",
			Source: "https://github.com/pnpm/spec/tree/master/node-modules-layout, https://github.com/pnpm/cmd-shim", explain: (*engine).pnpm},
		{Name: ruleNPMProgram, Files: "native programs that the install script of an npm package copies into it", Checked: "that the content is that of a proved file in a package that its package.json names as an optional dependency",
			Source: "https://github.com/evanw/esbuild/blob/main/lib/npm/node-install.ts"},
		{Name: "gem-records", Files: "archives, documentation and notes about builds in gem homes, copies of repositories there, and vendor/cache", Checked: "that it is no program",
			Source: "https://guides.rubygems.org/command-reference/#gem-environment", explain: (*engine).gemRecord},
		{Name: "register", Files: "indexes that triggers of packages make: MIME types, icons, menus, schemas, manual pages, info, TeX, catalogs of SGML and XML, locales", Checked: "that it is no program",
			Source: "https://manpages.debian.org/deb-triggers.5", explain: inertAt("/usr/share/mime/**", "/usr/share/icons/*/icon-theme.cache", "/usr/share/icons/*/.icon-theme.cache", "/usr/share/applications/mimeinfo.cache", "/usr/share/applications/mimeapps.list", "/usr/share/glib-2.0/schemas/gschemas.compiled", "/usr/lib/*/gio/modules/giomodule.cache", "/usr/share/info/dir", "/usr/share/info/dir.old", "/var/cache/man/**", "/var/cache/fontconfig/**", "/var/lib/texmf/**", "/var/lib/tex-common/**", "/usr/local/share/texmf/ls-R", "/usr/share/texmf/ls-R", "/usr/share/texlive/texmf-dist/ls-R", "/etc/sgml/*", "/etc/xml/*", "/usr/lib/locale/locale-archive", "/usr/lib/locale/*/**", "/var/lib/systemd/catalog/database", "/etc/udev/hwdb.bin", "/usr/lib/udev/hwdb.bin", "/var/lib/ghostscript/fonts/**", "/var/lib/misc/*", "/usr/share/fonts/**/fonts.*", "/var/lib/aspell/**", "/var/cache/dictionaries-common/*", "/usr/share/fonts-*/**", "/etc/fonts/**", "/usr/share/emacs/site-lisp/**/*.elc")},
		{Name: "log", Files: "/var/log", Checked: "that it is no program", Source: "https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch05s10.html", explain: inertAt("/var/log/**")},
		{Name: "package-cache", Files: "caches of package managers, from which nothing is run", Checked: "the layout of the cache; that it is no program",
			Source: "docs/environments.md", explain: func(e *engine, n rootfs.Node) bool {
				return e.files.Cached(n) && (e.tree.Kind(n) == rootfs.Symlink || e.inert(n))
			}},
		{Name: "empty", Files: "files without content", Checked: "that it is empty and has no execute bit", Source: "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/touch.html", explain: (*engine).empty},
		{Name: "comments", Files: "files in /etc that have nothing but comments", Checked: "each line", Source: "https://man7.org/linux/man-pages/man5/fstab.5.html", explain: (*engine).comments},
	}
}

// ruleState has what several calls of rules need.
type ruleState struct {
	controls     map[rootfs.Node]bool
	alternatives map[string]*alternative
	links        map[string]string // of alternatives, to their names
	busybox      map[string]string // path -> program; nil before the first use
}

// explain applies the rules to all files that nothing accounts for.
func (e *engine) explain(ctx context.Context) error {
	// What a rule looks at may be explained by a rule itself: an alternative that
	// leads to an alternative. So the order of files must not matter, and a rule
	// looks only at what records and artifacts vouch for, with that exception.
	for n := range e.nodes {
		f := &e.nodes[n]
		if f.status != unexplained && f.status != unchecked || f.detail != 0 && f.detail != detailExtra && f.detail != detailSpecial {
			continue
		}
		was := f.detail
		f.detail = 0
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range e.rules {
			if r := &e.rules[i]; r.explain != nil && r.explain(e, rootfs.Node(n)) {
				if f.detail == 0 {
					f.status, f.rule = derived, uint8(i)+1
				}
				break
			}
		}
		switch {
		case f.status == derived:
		case f.detail == 0:
			f.detail = was
		default:
			f.status = unexplained
		}
	}
	e.npmPrograms()
	return ctx.Err()
}

func (e *engine) mergedUsr(n rootfs.Node) bool {
	name := e.tree.Name(n)
	return e.tree.Parent(n) == 0 && (name == "bin" || name == "sbin" || strings.HasPrefix(name, "lib")) && strings.TrimPrefix(e.tree.Target(n), "/") == "usr/"+name
}

// aptPartial reports whether apt changes owner and mode of a directory.
func aptPartial(p string) bool {
	return p == "/var/lib/apt/lists/partial" || p == "/var/cache/apt/archives/partial"
}
