package scan

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/google/go-cmp/cmp"
)

func certificate(t *testing.T, name string, ca bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: ca, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// conffiles adds a package with configuration files as they are.
func (f files) conffiles(list files) files {
	status := "\nPackage: settings\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nMaintainer: x\nDescription: x\nConffiles:\n"
	names := ""
	for _, p := range sortedKeys(list) {
		sum := md5.Sum([]byte(strings.TrimPrefix(list[p], "x:")))
		status += " " + p + " " + hex.EncodeToString(sum[:]) + "\n"
		names += p + "\n"
	}
	return f.with(list).with(files{"/var/lib/dpkg/status": f["/var/lib/dpkg/status"] + status, "/var/lib/dpkg/info/settings.list": names})
}

// honestPlaces is a system as its installer leaves it.
func honestPlaces(t *testing.T) files {
	mozilla, kit := certificate(t, "Honest Root", true), certificate(t, "Honest Root of SUSE", true)
	der, _ := pem.Decode([]byte(kit))
	trusted := string(pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: append(der.Bytes, 0x30, 0)}))
	return debianPython(map[string][]string{
		"base-scripts":    {"/usr/share/base-files/profile", "/usr/share/base-files/dot.bashrc"},
		"systemd":         {"/usr/lib/systemd/system/cron.service", "/usr/lib/systemd/system-generators/fstab"},
		"ca-certificates": {"/usr/share/ca-certificates/mozilla/Honest.crt", "/usr/share/pki/trust/ca-bundle.trust.p11-kit"},
		"git":             {"/usr/share/git-core/templates/hooks/pre-commit.sample"},
	}).with(files{
		"/usr/share/base-files/profile": "PATH=/bin\n", "/etc/profile": "PATH=/bin\n",
		"/usr/share/base-files/dot.bashrc": "umask 022\n", "/root/.bashrc": "umask 022\n",
		"/usr/lib/systemd/system/cron.service": "[Service]\n", "/usr/lib/systemd/system-generators/fstab": "x:",
		"/etc/systemd/system/multi-user.target.wants/cron.service": "-> /usr/lib/systemd/system/cron.service",
		"/etc/systemd/system/masked.service":                       "-> /dev/null",
		"/usr/share/ca-certificates/mozilla/Honest.crt":            mozilla,
		"/usr/share/pki/trust/ca-bundle.trust.p11-kit":             "[p11-kit-object-v1]\nlabel: \"x\"\ntrusted: true\n" + kit,
		"/var/lib/ca-certificates/ca-bundle.pem":                   "# made of the above\n" + kit,
		"/var/lib/ca-certificates/openssl/Honest.pem":              trusted,
		"/etc/ssl/certs/Honest.pem":                                "-> /usr/share/ca-certificates/mozilla/Honest.crt",
		"/etc/ssl/certs/0123abcd.0":                                "-> Honest.pem",
		"/etc/ssl/certs/ca-certificates.crt":                       mozilla,
		"/etc/ssl/certs/ssl-cert-snakeoil.pem":                     certificate(t, "builder", false),
		"/etc/hostname":                                            "builder\n",
		"/etc/hosts":                                               "127.0.0.1 localhost localhost.localdomain\n127.0.1.1 builder.example.com builder\n172.17.0.2 0123456789ab\n10.0.2.2 host.docker.internal # gateway\n",
		"/etc/resolv.conf":                                         "# by the engine\nnameserver 10.255.255.53\nnameserver 8.8.8.8\nsearch example.com\n",
		"/etc/environment":                                         "PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games:/snap/bin\"\nLANG=C.UTF-8\n",
		"/etc/passwd":                                              "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nme:x:1000:1000::/home/me:/bin/sh\n",
		"/etc/shadow":                                              "root:*:19000:0:99999:7:::\n",
		"/etc/group":                                               "root:x:0:\nsudo:x:27:\nme:x:1000:me\n",
		"/etc/subuid":                                              "me:100000:65536\n",
		"/home/me/.bashrc":                                         "alias ls='ls -l'\n",
		"/opt/venv/pyvenv.cfg":                                     "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n",
		"/srv/app/.git/config":                                     "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = false\n[remote \"origin\"]\n\turl = https://github.com/a/b\n[branch \"main\"]\n\tremote = origin\n",
		"/srv/app/.git/modules/lib/config":                         "[core]\n\tworktree = ../../../lib\n",
		"/home/me/.gitconfig":                                      "[user]\n\tname = Me\n[safe]\n\tdirectory = /srv/app\n[http]\n\tpostBuffer = 524288000\n",
		"/srv/app/.git/hooks/pre-commit.sample":                    "x:#!/bin/sh\n",
		"/srv/app/.npmrc":                                          "# nothing\nfund=false\n//registry.npmjs.org/:_authToken=secret\n",
		"/srv/app/node_modules/ms/package.json":                    `{"name": "ms", "version": "1.0.0"}`,
		"/srv/app/node_modules/ms/.npmrc":                          "registry=https://example.org\n",
		"/usr/local/go/go.env":                                     "GOPROXY=https://proxy.golang.org,direct\nGOSUMDB=sum.golang.org\nGOTOOLCHAIN=auto\n",
		"/etc/cron.d/empty":                                        "",
		"/etc/pam.d/common-auth.pam-old":                           "auth required pam_unix.so\n",
	}).conffiles(files{
		"/etc/cron.daily/dpkg": "x:#!/bin/sh\n", "/etc/pam.d/common-auth": "auth required pam_unix.so\n", "/etc/skel/.bashrc": "alias ls='ls -l'\n", "/etc/sudoers": "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
		"/etc/apt/apt.conf.d/70debconf": "DPkg::Pre-Install-Pkgs {\"/usr/sbin/dpkg-preconfigure --apt || true\";};\n",
	})
}

// placeCase is one file that is read unasked, with what the notice says.
type placeCase struct {
	path, content string
	kind          sbom.NoticeKind
	says          string // an expression
}

func placeCases(t *testing.T) []placeCase {
	const run, from, right = sbom.NoticeStartup, sbom.NoticeRedirect, sbom.NoticePrivilege
	return []placeCase{
		{"/etc/ld.so.preload", "/usr/lib/x.so\n", run, "dynamic loader"},
		{"/etc/ld.so.conf.d/zz.conf", "/var/lib/misc\n", run, "dynamic loader"},
		{"/etc/environment", "LANG=C\nBASH_ENV=/var/lib/misc/x\n", run, "BASH_ENV"},
		{"/etc/environment.d/50-x.conf", "QT_PLUGIN_PATH=/x\n", run, "QT_PLUGIN_PATH"},
		{"/etc/security/pam_env.conf", "PERL5OPT DEFAULT=-Mevil\n", run, "PERL5OPT"},
		{"/home/me/.pam_environment", "NODE_OPTIONS=--require=/x\n", run, "NODE_OPTIONS"},
		{"/etc/default/cron", "READ_ENV=yes\nexport LD_PRELOAD=/x.so\n", run, "LD_PRELOAD"},
		{"/etc/profile.d/x.sh", "export PYTHONPATH=/usr/share/data\n", run, "PYTHONPATH"},
		{"/etc/profile.d/y.sh", "zcat /var/lib/misc/blob >/tmp/x; /tmp/x\n", run, "shells"},
		{"/etc/bash.bashrc", "id\n", run, "shells"},
		{"/home/me/.bash_aliases", "alias git=evil\n", run, "bash"},
		{"/root/.zshenv", "id\n", run, "zsh"},
		{"/root/.config/fish/conf.d/a.fish", "id\n", run, "fish"},
		{"/etc/csh.cshrc", "id\n", run, "csh"},
		{"/etc/pam.d/evil.pam-old", "auth optional pam_exec.so /x\n", run, "PAM"},
		{"/etc/pam.d/sudo", "auth optional pam_exec.so /x\n", run, "PAM"},
		{"/root/.ssh/rc", "id\n", run, "sshd"},
		{"/root/.ssh/config", "Host *\n  ProxyCommand /x %h\n", run, "ProxyCommand"},
		{"/etc/update-motd.d/99-x", "x:#!/bin/sh\n", run, "login"},
		{"/etc/crontab", "* * * * * root id\n", run, "cron"},
		{"/etc/cron.d/evil", "* * * * * root id\n", run, "cron"},
		{"/var/spool/cron/crontabs/root", "* * * * * id\n", run, "cron"},
		{"/etc/periodic/daily/x", "x:id\n", run, "cron"},
		{"/etc/logrotate.d/x", "/var/log/x {\n postrotate\n id\n endscript\n}\n", run, "logrotate"},
		{"/etc/systemd/system/evil.service", "[Service]\nExecStart=/bin/sh -c id\n", run, "systemd"},
		{"/etc/systemd/system/cron.service.d/x.conf", "[Service]\nExecStartPre=/x\n", run, "systemd"},
		{"/usr/lib/systemd/system-generators/evil", "x:#!/bin/sh\n", run, "systemd"},
		{"/etc/systemd/system.conf.d/x.conf", "[Manager]\nDefaultEnvironment=LD_PRELOAD=/x\n", run, "systemd"},
		{"/usr/lib/binfmt.d/x.conf", ":x:M::EVIL::/bin/sh:\n", run, "kernel"},
		{"/etc/modprobe.d/x.conf", "install dummy /x\n", run, "modprobe"},
		{"/etc/sysctl.d/99-x.conf", "kernel.core_pattern=|/x\n", run, "kernel"},
		{"/etc/udev/rules.d/99.rules", "RUN+=\"/x\"\n", run, "udev"},
		{"/etc/init.d/evil", "x:#!/bin/sh\n", run, "init"},
		{"/etc/rc.local", "x:#!/bin/sh\n", run, "init"},
		{"/etc/tmpfiles.d/x.conf", "w /etc/x - - - - y\n", run, "tmpfiles"},
		{"/etc/NetworkManager/dispatcher.d/99x", "x:#!/bin/sh\n", run, "interface"},
		{"/etc/network/interfaces", "auto lo\niface lo inet loopback\n  up /x\n", run, "ifupdown"},
		{"/etc/dhcp/dhclient-exit-hooks.d/x", "id\n", run, "DHCP"},
		{"/etc/kernel/postinst.d/x", "x:id\n", run, "kernel"},
		{"/etc/apt/apt.conf.d/99x", "APT { Update { Pre-Invoke { \"id\"; }; }; };\n", run, "Pre-Invoke"},
		{"/etc/apt/apt.conf.d/98y", "// DPkg::Post-Invoke {\"no\";};\nAcquire::http::Proxy \"http://proxy.example.org\";\n", from, "Acquire::http::Proxy"},
		{"/etc/dpkg/dpkg.cfg.d/x", "post-invoke=id\n", run, "dpkg runs a command"},
		{"/etc/pacman.d/hooks/x.hook", "[Action]\n", run, "pacman"},
		{"/etc/dnf/plugins/x.conf", "[main]\nenabled=1\n", run, "dnf"},
		{"/srv/app/.git/hooks/post-checkout", "id\n", run, "hook"},
		{"/srv/other/.git/config", "[core]\n\thooksPath = /x\n", run, "core.hookspath"},
		{"/etc/gitconfig", "[alias]\n\tst = !id\n[url \"https://evil.example.org/\"]\n\tinsteadOf = https://github.com/\n", run, "alias.st"},
		{"/home/me/.config/git/config", "[safe]\n\tdirectory = *\n", from, "safe.directory"},
		{"/srv/sub/.git/modules/lib/config", "[core]\n\tworktree = /x\n", run, "core.worktree"},
		{"/home/me/.gitconfig", "[filter \"x\"]\n\tsmudge = /x\n", run, "filter.x.smudge"},
		{"/root/.hgrc", "[hooks]\nupdate = id\n", run, "hooks.update"},
		{"/root/.vimrc", "!id\n", run, "editor"},
		{"/root/.gdbinit", "shell id\n", run, "debugger"},
		{"/srv/venv/pyvenv.cfg", "home = /var/lib/misc\ninclude-system-site-packages = true\n", run, "home.*/var/lib/misc"},
		{"/usr/local/lib/site_ruby/rubygems_plugin.rb", "system 'id'\n", run, "RubyGems"},
		{"/usr/local/etc/php/conf.d/x.ini", "auto_prepend_file = /x.php\n", run, "PHP"},
		{"/srv/app/.Rprofile", "system('id')\n", run, "R runs"},
		{"/root/.julia/config/startup.jl", "run(`id`)\n", run, "Julia"},
		{"/srv/app2/.npmrc", "script-shell=/x.txt\n", run, "script-shell"},
		{"/root/.npmrc", "registry=https://user:secret@npm.example.org/\n", from, "registry"},
		{"/srv/app/.yarnrc.yml", "yarnPath: /x.cjs\n", run, "yarnPath"},
		{"/srv/app/.pnpmfile.cjs", "module.exports = {}\n", run, "pnpm"},
		{"/srv/app/bunfig.toml", "preload = [\"./x.ts\"]\n", run, "preload"},
		{"/root/.cargo/config.toml", "[build]\nrustc-wrapper = \"/x\"\n", run, "rustc-wrapper"},
		{"/root/.gradle/init.d/x.gradle", "allprojects {}\n", run, "Gradle"},
		{"/etc/bazel.bazelrc", "build --action_env=X\n", run, "Bazel"},
		{"/root/.config/ccache/ccache.conf", "prefix_command = /x\n", run, "compilers"},
		{"/root/.gnupg/gpg-agent.conf", "pinentry-program /x\n", run, "GnuPG"},
		{"/usr/share/gdb/auto-load/usr/x-gdb.py", "import os\n", run, "debugger"},
		{"/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.d/x.conf", "module X// INTERNAL x 1\n", run, "iconv"},

		{"/etc/nginx/modules-enabled/x.conf", "load_module /opt/x.so;\n", run, "web server"},
		{"/etc/apache2/mods-enabled/x.load", "LoadModule x /opt/x.so\n", run, "web server"},
		{"/etc/mysql/conf.d/x.cnf", "[mysqld]\nplugin-load-add=x.so\n", run, "database"},
		{"/var/lib/postgresql/15/main/postgresql.conf", "port = 5432\nshared_preload_libraries = 'x'\n", run, "database"},
		{"/etc/snmp/snmpd.conf", "extend x /bin/sh -c id\n", run, "monitor"},
		{"/etc/openvpn/client/x.conf", "script-security 2\nup /x\n", run, "network"},
		{"/etc/ipsec.conf", "conn x\n leftupdown=/x\n", run, "network"},
		{"/etc/wireguard/wg0.conf", "[Interface]\nPostUp = id\n", run, "network"},
		{"/etc/postfix/main.cf", "myhostname = x\nmailbox_command = /x\n", run, "service"},
		{"/etc/samba/smb.conf", "[x]\n root preexec = id\n", run, "service"},
		{"/etc/odbcinst.ini", "[x]\nDriver = /x.so\n", run, "load"},
		{"/usr/share/p11-kit/modules/x.module", "module: /x.so\n", run, "load"},
		{"/etc/manpath.config", "DEFINE pager /x\n", run, "names"},
		{"/etc/crypttab", "x /dev/x none luks,keyscript=/x\n", run, "names"},
		{"/etc/OpenCL/vendors/x.icd", "libx.so\n", run, "event"},
		{"/etc/cloud/cloud.cfg.d/x.cfg", "#cloud-config\nruncmd: [id]\n", run, "event"},
		{"/opt/tomcat/bin/setenv.sh", "id\n", run, "event"},
		{"/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n/srv/x /usr/bin none bind 0 0\n", run, "other files"},
		{"/root/.inputrc", "\"\\C-m\": \"id\\n\"\n", run, "key"},
		{"/root/.ssh/known_hosts", "github.com ssh-ed25519 AAAA\n", from, "ssh and git"},
		{"/root/.gnupg/pubring.kbx", "key", from, "signatures"},

		{"/etc/apt/sources.list.d/x.list", "deb [trusted=yes] http://example.org/ x main\n", from, "archives"},
		{"/etc/apt/trusted.gpg.d/evil.gpg", "\x99\x01key", from, "keys"},
		{"/etc/apt/preferences.d/x", "Package: *\nPin: origin example.org\nPin-Priority: 1001\n", from, "prefers"},
		{"/etc/yum.repos.d/x.repo", "[x]\nbaseurl=http://example.org\n", from, "repositories"},
		{"/etc/apk/repositories", "http://example.org/main\n", from, "apk"},
		{"/etc/pip.conf", "[global]\nindex-url = https://example.org/simple\n", from, "pip"},
		{"/opt/venv/pip.conf", "[global]\nextra-index-url = https://example.org/simple\n", from, "pip"},
		{"/root/.config/uv/uv.toml", "index-url = \"https://example.org\"\n", from, "Python"},
		{"/root/.config/go/env", "GOPROXY=https://example.org\nGONOSUMDB=*\n", from, "GOPROXY"},
		{"/root/.gemrc", ":sources:\n- http://example.org\n", from, "gems"},
		{"/root/.m2/settings.xml", "<settings/>\n", from, "artifacts"},
		{"/root/.docker/config.json", `{"auths": {"x": {"auth": "secret"}}, "proxies": {"default": {"httpProxy": "http://example.org"}}}`, from, "proxies"},
		{"/etc/containers/registries.conf.d/x.conf", "[[registry]]\nlocation=\"docker.io\"\n", from, "images"},
		{"/root/.curlrc", "proxy = proxy.example.org:3128\ninsecure\n", from, "downloads"},
		{"/home/me/.wgetrc", "check_certificate = off\n", from, "downloads"},
		{"/etc/hosts", "203.0.113.9 registry.example.org\n", from, "registry.example.org is at 203.0.113.9"},
		{"/etc/resolv.conf", "nameserver 203.0.113.53\n", from, "203.0.113.53"},
		{"/etc/nsswitch.conf", "hosts: evil dns\n", from, "hosts"},
		{"/usr/local/share/ca-certificates/evil.crt", certificate(t, "Evil Root", true), from, "Evil Root"},
		{"/etc/ssl/certs/pypi.pem", certificate(t, "pypi.org", false), from, "pypi.org"},

		{"/etc/sudoers.d/x", "ALL ALL=(ALL) NOPASSWD: ALL\n", right, "sudo"},
		{"/etc/doas.conf", "permit nopass :wheel\n", right, "doas"},
		{"/etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor::0:0::/:/bin/sh\ngames:x:5:60::/:/opt/x\n", right, "toor has the user ID 0.*toor has no password.*games runs /opt/x"},
		{"/etc/shadow", "daemon:*:1::::::\nme::19000:0:99999:7:::\nyou:$6$a$b:1::::::\nthey:!:1::::::\n", right, "me has no password; user you logs in with a password"},
		{"/etc/group", "root:x:0:\ndocker:x:999:me\n", right, "me is in the group docker"},
		{"/etc/polkit-1/rules.d/x.rules", "polkit.addRule()\n", right, "polkit"},
		{"/root/.ssh/authorized_keys", "ssh-ed25519 AAAA\n", right, "keys"},
	}
}

// TestPlaces adds each file to an honest system, which has no notice itself, in a
// directory and in an image.
func TestPlaces(t *testing.T) {
	honest := honestPlaces(t)
	for _, n := range placeNotices(honest.scan(t)) {
		t.Errorf("the honest system: %+v", n)
	}
	// One scan for as many cases as have different paths.
	all := honest
	var cases []placeCase
	for _, c := range placeCases(t) {
		if slices.ContainsFunc(cases, func(x placeCase) bool { return x.path == c.path }) {
			t.Fatalf("%s: twice", c.path)
		}
		all = all.with(files{c.path: c.content})
		cases = append(cases, c)
	}
	root := all.plant(t)
	doc := scanFolder(t, root)
	for _, c := range cases {
		i := slices.IndexFunc(doc.Notices, func(n sbom.Notice) bool { return n.Path == c.path && n.Kind == c.kind })
		switch {
		case i < 0:
			t.Errorf("%s: no notice of the kind %s", c.path, c.kind)
		case !regexp.MustCompile(c.says).MatchString(doc.Notices[i].Detail):
			t.Errorf("%s: %q does not match %q", c.path, doc.Notices[i].Detail, c.says)
		case !strings.HasPrefix(doc.Notices[i].Digest, "sha256:"):
			t.Errorf("%s: no digest", c.path)
		case strings.Contains(doc.Notices[i].Detail, "secret"):
			t.Errorf("%s: %q has a secret", c.path, doc.Notices[i].Detail)
		}
	}
	for _, n := range placeNotices(doc) {
		if !slices.ContainsFunc(cases, func(c placeCase) bool { return c.path == n.Path }) && n.Path != "/etc/ssl/certs/ca-certificates.crt" {
			t.Errorf("not expected: %+v", n)
		}
	}
	image, err := Run(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeOCIDir, Path: imageOf(t, root, 1)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(placeNotices(doc), placeNotices(image)); diff != "" {
		t.Errorf("an image of it (-directory +image):\n%s", diff)
	}
	if len(image.Gaps) > 0 {
		t.Errorf("gaps of the image: %+v", image.Gaps)
	}
	if again := scanFolder(t, root); !cmp.Equal(doc.Notices, again.Notices) {
		t.Error("a second scan has other notices")
	}
}

func placeNotices(d *sbom.Document) []sbom.Notice {
	var out []sbom.Notice
	for _, n := range d.Notices {
		if n.Kind == sbom.NoticeStartup || n.Kind == sbom.NoticeRedirect || n.Kind == sbom.NoticePrivilege {
			out = append(out, n)
		}
	}
	return out
}

func noticesOf(d *sbom.Document) []string {
	var out []string
	for _, n := range placeNotices(d) {
		out = append(out, string(n.Kind)+" "+n.Path)
	}
	return out
}

// TestPlaceChanges checks which changes change the digest of a notice.
func TestPlaceChanges(t *testing.T) {
	honest := honestPlaces(t)
	digest := func(more files) string {
		t.Helper()
		got := placeNotices(honest.with(more).scan(t))
		if len(got) != 1 {
			t.Fatalf("%v: %+v", sortedKeys(more), got)
		}
		return got[0].Digest
	}
	same := func(want bool, a, b files) {
		t.Helper()
		if got := digest(a) == digest(b); got != want {
			t.Errorf("%v: the same digest: %t, want %t", sortedKeys(a), got, want)
		}
	}
	same(false, files{"/etc/cron.d/x": "a\n"}, files{"/etc/cron.d/x": "b\n"})
	same(true, files{"/etc/hosts": "203.0.113.9 pypi.org\n172.17.0.2 0123\n"}, files{"/etc/hosts": "203.0.113.9 pypi.org\n172.17.0.3 4567\n"})
	same(false, files{"/etc/hosts": "203.0.113.9 pypi.org\n"}, files{"/etc/hosts": "203.0.113.8 pypi.org\n"})
	same(true, files{"/etc/apt/sources.list": "deb http://deb.debian.org/debian bookworm main\n"}, files{"/etc/apt/sources.list": "# by the installer\ndeb http://deb.debian.org/debian bookworm main\n"})
	same(true, files{"/etc/passwd": "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n"}, files{"/etc/passwd": "root:x:0:0::/root:/bin/sh\nyou:x:7:7::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n"})
	same(false, files{"/etc/profile.d/x.sh": "-> /var/lib/a", "/var/lib/a": "1\n"}, files{"/etc/profile.d/x.sh": "-> /var/lib/a", "/var/lib/a": "2\n"})
	keybox := func(time, key string) string {
		head := "\x00\x00\x00\x20\x01\x01\x00\x02KBXf" + time + strings.Repeat("\x00", 16)
		return head + "\x00\x00\x00\x28\x02\x01\x00\x00\x00\x00\x00\x10\x00\x00\x00\x08" + key + time + time + strings.Repeat("\x00", 8)
	}
	same(true, files{"/root/.gnupg/pubring.kbx": keybox("1234", "evil key")}, files{"/root/.gnupg/pubring.kbx": keybox("5678", "evil key")})
	same(false, files{"/root/.gnupg/pubring.kbx": keybox("1234", "evil key")}, files{"/root/.gnupg/pubring.kbx": keybox("1234", "good key")})
	same(false, files{"/etc/cron.daily/dpkg": "#!/bin/sh\nid\n"}, files{"/etc/cron.daily/dpkg": "#!/bin/sh\nls\n"})
}

// TestPlaceLinks has places behind links, and links at places.
func TestPlaceLinks(t *testing.T) {
	honest := honestPlaces(t)
	for _, c := range []scanCase{
		{"a directory elsewhere", honest.with(files{"/etc/profile.d": "-> /var/lib/profile", "/var/lib/profile/x.sh": "id\n"}), []string{"startup-code /var/lib/profile/x.sh"}},
		{"a unit elsewhere is enabled", honest.with(files{"/etc/systemd/system/multi-user.target.wants/x.service": "-> /opt/x.service", "/opt/x.service": "[Service]\n"}),
			[]string{"startup-code /etc/systemd/system/multi-user.target.wants/x.service"}},
		{"a file of a package runs at login", honest.with(files{"/etc/profile.d/x.sh": "-> /usr/lib/python3.11/os.py"}), []string{"startup-code /etc/profile.d/x.sh"}},
		{"a link that leads nowhere yet", honest.with(files{"/etc/cron.daily/x": "-> /var/tmp/x", "/etc/profile.d/y.sh": "-> /var/tmp/y", "/etc/profile.d/z.sh": "-> /run/z"}), []string{"startup-code /etc/profile.d/y.sh"}},
		{"what a variable names", honest.with(files{"/etc/environment": "BASH_ENV=/var/lib/misc/x\nLD_PRELOAD=/usr/lib/python3.11/os.py\n", "/var/lib/misc/x": "id\n"}),
			[]string{"startup-code /etc/environment", "startup-code /var/lib/misc/x"}},
		{"another home", honest.with(files{"/etc/passwd": "root:x:0:0::/root:/bin/sh\npg:x:1:1::/var/lib/pg:/bin/sh\n", "/var/lib/pg/.profile": "id\n"}), []string{"startup-code /var/lib/pg/.profile"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, noticesOf(c.files.scan(t))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPlaceFaults checks that a file that cannot be read is a gap.
func TestPlaceFaults(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	root := honestPlaces(t).with(files{"/etc/cron.d/x": "a\n", "/etc/hosts": "203.0.113.9 pypi.org\n"}).plant(t)
	for _, p := range []string{"/etc/cron.d/x", "/etc/hosts"} {
		if err := os.Chmod(filepath.Join(root, p), 0); err != nil {
			t.Fatal(err)
		}
	}
	d := scanFolder(t, root)
	if len(d.Gaps) != 2 {
		t.Errorf("%+v", d.Gaps)
	}
}

// TestRights has programs with the rights of others.
func TestRights(t *testing.T) {
	root := honestPlaces(t).with(files{"/opt/tool": "x:#!/bin/sh\n", "/opt/other": "x:#!/bin/sh\n", "/usr/local/bin/": ""}).plant(t)
	for p, mode := range map[string]os.FileMode{"opt/tool": 0o755 | os.ModeSetuid, "usr/local/bin": 0o777, "usr/bin/python3.11": 0o757, "etc/cron.daily/dpkg": 0o757, "etc/apt": 0o777} {
		if err := os.Chmod(filepath.Join(root, p), mode); err != nil {
			t.Fatal(err)
		}
	}
	got := noticesOf(scanFolder(t, root))
	if diff := cmp.Diff([]string{"privilege /etc/apt", "privilege /etc/cron.daily/dpkg", "privilege /opt/tool", "privilege /usr/bin/python3.11", "privilege /usr/local/bin"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestImageVariables has an image whose configuration sets variables.
func TestImageVariables(t *testing.T) {
	root := honestPlaces(t).with(files{"/var/lib/misc/x": "id\n"}).plant(t)
	ref := rootfs.Ref{Scheme: rootfs.SchemeOCIDir, Path: imageOf(t, root, 1, "PATH=/var/lib/misc:/usr/bin:/bin", "LD_PRELOAD=/x.so", "NODE_OPTIONS=--require=/var/lib/misc/x",
		"PYTHONSTARTUP=/var/lib/misc/x", "LANG=C", "PYTHON_VERSION=3.12", "GPG_KEY=00", "npm_config_registry=http://example.org", "https_proxy=http://example.org", "DEBIAN_FRONTEND=noninteractive")}
	d, err := Run(t.Context(), ref, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := noticesOf(d)
	want := []string{"config-redirect Env:https_proxy", "config-redirect Env:npm_config_registry",
		"startup-code /var/lib/misc/x", "startup-code Env:LD_PRELOAD", "startup-code Env:NODE_OPTIONS", "startup-code Env:PATH", "startup-code Env:PYTHONSTARTUP"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPlaceTables checks the form of the tables.
func TestPlaceTables(t *testing.T) {
	names := newPlaceNames()
	seen := map[string]bool{}
	for _, p := range places() {
		if p.source == "" || p.words == "" || p.at == "" {
			t.Errorf("%+v: has no source, words or place", p)
		}
		for _, pattern := range strings.Fields(p.at) {
			for _, a := range alternatives(pattern) {
				if seen[a] {
					t.Errorf("%s: in two places", a)
				}
				seen[a] = true
				if _, err := path.Match(a, "x"); err != nil || strings.ContainsAny(a, "{}[]?\\") || !strings.HasPrefix(a, "/") && !strings.HasPrefix(a, "~/") && !strings.HasPrefix(a, "**/") {
					t.Errorf("%s: not a pattern", a)
				}
				example := strings.ReplaceAll(strings.NewReplacer("**", "/srv/app", "~", "/home/me").Replace(a), "*", "x1")
				if !names.match(example) {
					t.Errorf("%s: the content of %s is not kept", a, example)
				}
			}
		}
	}
	for _, v := range variables() {
		if v.words == "" || v.source == "" || v.names == "" {
			t.Errorf("%+v: has no source, words or names", v)
		}
	}
}

var updatePlaces = flag.Bool("update-places", false, "write docs/places.md")

// TestPlacesPage compares the page with the tables that it is made of.
func TestPlacesPage(t *testing.T) {
	const page = "../../docs/places.md"
	want := placesPage()
	if *updatePlaces {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), want); diff != "" {
		t.Errorf("docs/places.md is out of date: run\n\tgo test ./sbom/scan -run TestPlacesPage -update-places\n%s", diff)
	}
}

func servicesOf(kind sbom.NoticeKind) []place {
	return slices.DeleteFunc(servicePlaces(), func(p place) bool { return p.kind != kind })
}

func placesPage() string {
	var b strings.Builder
	b.WriteString(`# Files and variables that are read unasked

<!-- Made of the tables in sbom/scan/places_*.go and variables.go: go test ./sbom/scan -run TestPlacesPage -update-places -->

Systems, shells, interpreters and tools read these files because of their place. A file there that no package accounts for, and a configuration file of a package that was edited, is a notice with the digest of its content. In a critical stage it is an error unless the baseline has the same path with the same digest.

* In patterns, ` + "`*`" + ` is any part of a name, ` + "`{a,b}`" + ` are alternatives, ` + "`~`" + ` is a home directory (of root, of /home, of /etc/passwd, and /etc/skel), and ` + "`**`" + ` is any directory outside of packages and caches.
* Files marked "statements" count only if they contain a statement with such an effect, and only these statements are in the digest: comments, and what engines and installers write anew each time, are not.
* An unchanged file of a package is compared with the package ([evidence.md](evidence.md)), and an unchanged copy of a package's template (/etc/profile of Debian) is explained by it. Neither is a notice.
`)
	for _, table := range []struct {
		title  string
		places []place
	}{{"Code that runs (startup-code)", slices.Concat(startupPlaces(), servicesOf(sbom.NoticeStartup))}, {"Downloads and trust (config-redirect)", slices.Concat(redirectPlaces(), servicesOf(sbom.NoticeRedirect))}, {"Rights (privilege)", privilegePlaces()}} {
		fmt.Fprintf(&b, "\n## %s\n\n| effect | files | source |\n| --- | --- | --- |\n", table.title)
		for _, p := range table.places {
			words := p.words
			if p.read != nil {
				words += " (statements)"
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", words, strings.Join(strings.Fields(p.at), "` `"), p.source)
		}
	}
	b.WriteString(`
Also: the files of Python in sbom/scan/startup.go (sitecustomize, usercustomize, .pth, .egg-link: https://docs.python.org/3/library/site.html); programs outside of packages that are set-id or have capabilities; programs of packages, files of these tables and directories of /etc, /usr and the search path that others than root may write to.

## Variables

In the configuration of an image, and in the files above that set variables. A variable that names a file makes that file a notice too. In ` + "`/etc/environment`" + ` and its like every variable counts but those of the locale. ` + "`PATH`" + ` counts if it has other directories than those of an ordinary system.

| effect | variables | source |
| --- | --- | --- |
`)
	for _, v := range variables() {
		fmt.Fprintf(&b, "| %s (%s) | `%s` | %s |\n", v.words, v.kind, strings.Join(strings.Fields(v.names), "` `"), v.source)
	}
	return b.String()
}

// FuzzPlaces feeds every reader.
func FuzzPlaces(f *testing.F) {
	for _, seed := range []string{"a = b\n", "[x \"y\"]\nk = !v\n", "A::B { \"c\"; };\n#include \"x\";\n", "root:x:0:0::/:\n", "203.0.113.9 a.b\n", "\\\n", "[", "VAR DEFAULT=x\n"} {
		f.Add([]byte(seed))
	}
	tree, err := rootfs.Open(f.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: files{"/etc/x": "", "/.git/hooks/update": ""}.plant(f)}, rootfs.Options{})
	if err != nil {
		f.Fatal(err)
	}
	defer tree.Close()
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &scanner{inventory: inventory{tree: tree}}
		for _, p := range places() {
			if p.read != nil {
				for _, st := range p.read(s, tree.Resolve("/.git/hooks/update"), data) {
					if p.kind == "" || st.text == "" && st.words == "" {
						t.Fatalf("%s: an empty statement", p.at)
					}
				}
			}
		}
	})
}
