package scan

import "github.com/depaudit/depaudit/sbom"

// startupPlaces are the files that a system, a shell, an interpreter or a tool
// runs, or takes commands or code from, unasked. Python's own are in startup.go.
func startupPlaces() []place {
	const kind = sbom.NoticeStartup
	return []place{
		// The dynamic loader.
		{kind: kind, at: "/etc/ld.so.preload", words: "the dynamic loader loads the libraries in it into every program", source: "ld.so(8)", read: readPreload},
		{kind: kind, at: "/etc/ld.so.conf /etc/ld.so.conf.d/* /etc/ld-musl-*.path", words: "the dynamic loader searches the directories in it for libraries", source: "ldconfig(8)"},
		{kind: kind, at: "/usr/lib/gconv/gconv-modules /usr/lib/gconv/gconv-modules.d/* /usr/lib/*/gconv/gconv-modules /usr/lib/*/gconv/gconv-modules.d/* /usr/lib64/gconv/gconv-modules.d/*",
			words: "iconv loads the modules in it", source: "iconvconfig(8)"},
		{kind: kind, at: "/etc/ssl/openssl.cnf /usr/lib/ssl/openssl.cnf /etc/pki/tls/openssl.cnf /etc/pki/tls/openssl.d/* /etc/crypto-policies/local.d/*", words: "OpenSSL loads the engines and providers in it", source: "config(5ssl)"},

		// Variables of all processes.
		{kind: kind, at: "/etc/environment /etc/environment.d/* /usr/lib/environment.d/* ~/.config/environment.d/* ~/.pam_environment ~/.ssh/environment",
			words: "sets environment variables of all processes of a user", source: "pam_env(8), environment.d(5), sshd(8)", read: readEnvironment},
		{kind: kind, at: "/etc/security/pam_env.conf", words: "sets environment variables of all processes", source: "pam_env.conf(5)", read: readPamEnv},
		{kind: kind, at: "/etc/default/* /etc/sysconfig/* /etc/conf.d/* /etc/rc.conf /etc/login.defs", words: "sets environment variables of services", source: "systemd.exec(5), login.defs(5)", read: readVariables},
		{kind: kind, at: "/etc/login.conf ~/.login_conf", words: "sets environment variables at login", source: "login.conf(5)"},

		// Shells.
		{kind: kind, at: "/etc/profile /etc/profile.d/* /etc/bash.bashrc /etc/bash.bash_logout /etc/bashrc /etc/bash/bashrc /etc/bash/bashrc.d/* /etc/bashrc.d/*",
			words: "shells run it when they start", source: "bash(1)", shell: true, templates: "/etc/profile=/usr/share/base-files/profile"},
		{kind: kind, at: "~/.bashrc ~/.bash_profile ~/.bash_login ~/.bash_logout ~/.profile ~/.bash_aliases ~/.bashrc.d/* ~/.bash_completion ~/.config/bash_completion ~/.local/share/bash-completion/completions/*",
			words: "bash runs it when it starts", source: "bash(1)", shell: true,
			templates: "/root/.bashrc=/usr/share/base-files/dot.bashrc /root/.profile=/usr/share/base-files/dot.profile"},
		{kind: kind, at: "/etc/bash_completion /etc/bash_completion.d/* /usr/share/bash-completion/completions/*", words: "bash runs it when it completes a command", source: "bash(1)"},
		{kind: kind, at: "/etc/zsh/{zshenv,zprofile,zshrc,zlogin,zlogout} /etc/{zshenv,zprofile,zshrc,zlogin,zlogout} ~/.zshenv ~/.zprofile ~/.zshrc ~/.zlogin ~/.zlogout ~/.config/zsh/.zshrc ~/.config/zsh/.zshenv",
			words: "zsh runs it when it starts", source: "zsh(1)", shell: true},
		{kind: kind, at: "/etc/fish/config.fish /etc/fish/conf.d/* /etc/fish/functions/* /usr/share/fish/vendor_conf.d/* ~/.config/fish/config.fish ~/.config/fish/conf.d/* ~/.config/fish/functions/*",
			words: "fish runs it when it starts", source: "fish(1)"},
		{kind: kind, at: "/etc/csh.cshrc /etc/csh.login /etc/csh.logout /etc/csh/login.d/* /etc/csh/cshrc.d/* ~/.cshrc ~/.tcshrc ~/.login ~/.logout", words: "csh runs it when it starts", source: "csh(1)"},
		{kind: kind, at: "/etc/mkshrc /etc/ksh.kshrc /etc/kshrc /etc/suid_profile ~/.mkshrc ~/.kshrc ~/.shrc ~/.shinit ~/.ashrc", words: "a shell runs it when it starts", source: "mksh(1), ksh(1)"},
		{kind: kind, at: "~/.config/powershell/*.ps1 /opt/microsoft/powershell/*/profile.ps1", words: "PowerShell runs it when it starts", source: "https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_profiles"},
		{kind: kind, at: "~/.config/nushell/*.nu ~/.xonshrc ~/.config/xonsh/rc.xsh ~/.elvish/rc.elv ~/.config/elvish/rc.elv", words: "a shell runs it when it starts", source: "https://www.nushell.sh/book/configuration.html"},
		{kind: kind, at: "**/.envrc ~/.config/direnv/direnvrc ~/.direnvrc ~/.config/direnv/lib/*", words: "direnv runs it when a shell enters the directory", source: "direnv(1)"},

		// Logins.
		{kind: kind, at: "/etc/pam.d/* /etc/pam.conf /usr/lib/pam.d/*", words: "PAM loads the modules in it and runs their commands at every login, su and cron job", source: "pam.d(5), pam_exec(8)"},
		{kind: kind, at: "/etc/ssh/sshrc ~/.ssh/rc", words: "sshd runs it at every login", source: "sshd(8)"},
		{kind: kind, at: "/etc/ssh/sshd_config /etc/ssh/sshd_config.d/*", words: "sets the commands and the rights of logins over SSH", source: "sshd_config(5)", templates: "/etc/ssh/sshd_config=/usr/share/openssh/sshd_config"},
		{kind: kind, at: "/etc/ssh/ssh_config /etc/ssh/ssh_config.d/* ~/.ssh/config", words: "ssh runs its ProxyCommand, LocalCommand and Match exec", source: "ssh_config(5)", read: readSSHConfig},
		{kind: kind, at: "/etc/update-motd.d/*", words: "runs as root at every login", source: "update-motd(5)"},
		{kind: kind, at: "/etc/X11/Xsession.d/* /etc/X11/xinit/xinitrc /etc/X11/xinit/xinitrc.d/* /etc/X11/Xsession /etc/X11/Xreset.d/* ~/.xinitrc ~/.xsession ~/.xsessionrc ~/.xprofile ~/.xserverrc", words: "runs when a graphical session starts", source: "Xsession(5)"},
		{kind: kind, at: "/etc/xdg/autostart/* ~/.config/autostart/* ~/.config/autostart-scripts/* /usr/share/autostart/*", words: "runs when a graphical session starts", source: "https://specifications.freedesktop.org/autostart-spec/latest/", enables: true},

		// Jobs by time.
		{kind: kind, at: "/etc/crontab /etc/cron.d/* /etc/cron.{hourly,daily,weekly,monthly,yearly}/* /etc/anacrontab /var/spool/cron/* /var/spool/cron/crontabs/* /var/spool/cron/tabs/* /etc/crontabs/* /etc/periodic/*/*",
			words: "cron runs it", source: "cron(8), crontab(5)", enables: true},
		{kind: kind, at: "/var/spool/at/* /var/spool/cron/atjobs/* /var/spool/atjobs/*", words: "atd runs it", source: "at(1)", read: readJob},
		{kind: kind, at: "/etc/incron.d/* /var/spool/incron/* /etc/fcron.* /var/spool/fcron/*", words: "incron runs it when a file changes", source: "incrontab(5)"},
		{kind: kind, at: "/etc/logrotate.conf /etc/logrotate.d/*", words: "logrotate runs the scripts in it", source: "logrotate(8)", read: readLogrotate},

		// The system's start, and services.
		{kind: kind, at: "{/etc,/usr/lib,/lib,/usr/local/lib}/systemd/{system,user}/* {/etc,/usr/lib,/lib,/usr/local/lib}/systemd/{system,user}/*/* ~/.config/systemd/user/* ~/.config/systemd/user/*/* ~/.local/share/systemd/user/* /etc/systemd/system.control/* /etc/containers/systemd/* /usr/share/containers/systemd/* ~/.config/containers/systemd/*",
			words: "systemd runs the commands of this unit", source: "systemd.unit(5), systemd.service(5)", enables: true},
		{kind: kind, at: "{/etc,/usr/lib,/lib,/usr/local/lib}/systemd/{system-generators,user-generators,system-environment-generators,user-environment-generators,system-shutdown,system-sleep}/*",
			words: "systemd runs it at every start, stop or sleep", source: "systemd.generator(7), systemd-sleep(8)"},
		{kind: kind, at: "/etc/systemd/{system,user,networkd,logind,journald}.conf /etc/systemd/{system,user}.conf.d/*", words: "sets what systemd gives to every service", source: "systemd-system.conf(5)", read: readSystemdConf},
		{kind: kind, at: "{/etc,/usr/lib,/lib,/usr/local/lib}/tmpfiles.d/*", words: "systemd-tmpfiles writes the files and links in it at every start", source: "tmpfiles.d(5)", enables: true},
		{kind: kind, at: "{/etc,/usr/lib,/lib,/usr/local/lib}/binfmt.d/*", words: "the kernel runs programs of these formats with the interpreters in it", source: "binfmt.d(5)", enables: true},
		{kind: kind, at: "/var/lib/binfmts/* /usr/share/binfmts/*", words: "update-binfmts makes the kernel run programs of this format with its interpreter", source: "update-binfmts(8)", enables: true},
		{kind: kind, at: "{/etc,/usr/lib,/lib,/usr/local/lib}/modules-load.d/* /etc/modules", words: "the kernel modules in it are loaded at every start", source: "modules-load.d(5)", read: readCommented, enables: true},
		{kind: kind, at: "{/etc,/usr/lib,/lib,/usr/local/lib}/modprobe.d/* /etc/modprobe.conf", words: "modprobe runs its install and remove commands", source: "modprobe.d(5)", read: readModprobe},
		{kind: kind, at: "/etc/sysctl.conf {/etc,/usr/lib,/lib,/usr/local/lib}/sysctl.d/*", words: "sets a program that the kernel runs", source: "core(5), sysctl.d(5)", read: readSysctl},
		{kind: kind, at: "{/etc,/usr/lib,/lib,/usr/local/lib}/udev/rules.d/* /etc/udev/hwdb.d/*", words: "udev runs the programs in it when a device appears", source: "udev(7)", enables: true},
		{kind: kind, at: "/etc/init.d/* /etc/rc.local /etc/rc.d/* /etc/rc.d/*/* /etc/rc{S,0,1,2,3,4,5,6}.d/* /etc/inittab /etc/rc.boot/* /etc/init/*.conf /etc/local.d/* /etc/boot.d/* /etc/rcS /usr/local/etc/rc.d/*",
			words: "init runs it when the system starts or stops", source: "init(8), inittab(5)", enables: true},
		{kind: kind, at: "/etc/runlevels/*/*", words: "OpenRC runs it when the system starts", source: "openrc(8)", enables: true},
		{kind: kind, at: "/etc/{sv,service,runit/runsvdir/default}/*/{run,finish} /etc/runit/{1,2,3} /service/*/run /etc/services.d/*/{run,finish} /etc/cont-init.d/* /etc/cont-finish.d/* /etc/s6-overlay/s6-rc.d/*/{run,up,finish} /etc/s6/*/run",
			words: "a supervisor of services runs it", source: "runsv(8), https://skarnet.org/software/s6/s6-supervise.html"},
		{kind: kind, at: "/etc/supervisord.conf /etc/supervisor/supervisord.conf /etc/supervisor/conf.d/* /etc/supervisord.d/* /etc/monit/monitrc /etc/monit/conf.d/* /etc/monitrc /etc/circus/*.ini", words: "a supervisor of services runs the commands in it", source: "https://supervisord.org/configuration.html"},
		{kind: kind, at: "/etc/inetd.conf /etc/xinetd.conf /etc/xinetd.d/* /etc/hosts.allow /etc/hosts.deny", words: "a server of other servers runs the commands in it", source: "inetd.conf(5), hosts_options(5)", read: readInetd},
		{kind: kind, at: "/usr/share/dbus-1/{system-services,services}/* /usr/local/share/dbus-1/{system-services,services}/* ~/.local/share/dbus-1/services/* /etc/dbus-1/{system-services,services}/*", words: "D-Bus runs the program in it when a message is sent to it", source: "dbus-daemon(1)", enables: true},
		{kind: kind, at: "/etc/acpi/events/* /etc/acpi/actions/* /etc/acpi/*.sh /etc/pm/sleep.d/* /etc/pm/power.d/* /etc/pm/config.d/*", words: "runs at an event of the power management", source: "acpid(8)"},
		{kind: kind, at: "/etc/kernel/*.d/* /etc/kernel/install.d/* /usr/lib/kernel/install.d/* /etc/initramfs-tools/hooks/* /etc/initramfs-tools/scripts/*/* /etc/initramfs/post-update.d/* /etc/dracut.conf.d/* /usr/lib/dracut/modules.d/*/* /etc/grub.d/* /etc/default/grub.d/*",
			words: "runs when a kernel is installed", source: "kernel-install(8), initramfs-tools(7)"},

		// The network.
		{kind: kind, at: "/etc/network/if-{up,down,pre-up,post-down}.d/*", words: "ifupdown runs it when an interface changes", source: "interfaces(5)", enables: true},
		{kind: kind, at: "/etc/network/interfaces /etc/network/interfaces.d/*", words: "ifupdown runs its commands", source: "interfaces(5)", read: readInterfaces},
		{kind: kind, at: "/etc/NetworkManager/dispatcher.d/* /etc/NetworkManager/dispatcher.d/*/* /usr/lib/NetworkManager/dispatcher.d/* /usr/lib/NetworkManager/dispatcher.d/*/* /etc/networkd-dispatcher/*/* /usr/lib/networkd-dispatcher/*/* /etc/connman/*.d/*", words: "runs when an interface changes", source: "NetworkManager-dispatcher(8)", enables: true},
		{kind: kind, at: "/etc/dhcp/dhclient-{enter,exit}-hooks.d/* /etc/dhcp/dhclient-{enter,exit}-hooks /etc/dhcp/dhclient.d/* /etc/dhcpcd.{enter,exit}-hook /usr/lib/dhcpcd/dhcpcd-hooks/* /etc/udhcpc/* /usr/share/udhcpc/*", words: "a DHCP client runs it", source: "dhclient-script(8)"},
		{kind: kind, at: "/etc/ppp/ip-{up,down,pre-up}.d/* /etc/ppp/ip-{up,down} /etc/resolvconf/update.d/* /etc/resolvconf/update-libc.d/* /etc/wpa_supplicant/functions.sh", words: "runs when a connection changes", source: "pppd(8), resolvconf(8)"},

		// Package managers.
		{kind: kind, at: "/etc/apt/apt.conf /etc/apt/apt.conf.d/* ~/.aptrc", words: "apt runs its hooks", source: "apt.conf(5)", read: readApt},
		{kind: kind, at: "/etc/dpkg/dpkg.cfg /etc/dpkg/dpkg.cfg.d/* ~/.dpkg.cfg", words: "dpkg runs its hooks", source: "dpkg(1)", read: readDpkg},
		{kind: kind, at: "/etc/devscripts.conf ~/.devscripts ~/.dput.cf ~/.sbuildrc ~/.pbuilderrc /etc/pbuilderrc ~/.debuild ~/.gbp.conf ~/.quiltrc ~/.rpmmacros /etc/rpm/macros /etc/rpm/macros.* ~/.rpmrc ~/.abuild/abuild.conf ~/.makepkg.conf /etc/makepkg.conf /etc/makepkg.conf.d/*", words: "a tool that builds packages runs or expands it", source: "rpm-macros(7), makepkg.conf(5)"},
		{kind: kind, at: "/etc/dnf/plugins/* /etc/yum/pluginconf.d/* /usr/lib/yum-plugins/* /etc/dnf/libdnf5-plugins/* /etc/dnf/actions.d/* /etc/dnf/plugins/post-transaction-actions.d/* /etc/dnf/libdnf5-plugins/actions.d/*", words: "dnf loads the plugin or runs its actions", source: "dnf.conf(5), libdnf5-actions(8)"},
		{kind: kind, at: "/usr/lib/zypp/plugins/*/* /etc/zypp/zypp.conf /etc/zypp/pluginsettings/*", words: "zypper runs it", source: "https://doc.opensuse.org/projects/libzypp/HEAD/zypp-plugins.html"},
		{kind: kind, at: "/etc/pacman.d/hooks/* /usr/share/libalpm/hooks/* /usr/share/libalpm/scripts/*", words: "pacman runs it", source: "alpm-hooks(5)", enables: true},
		{kind: kind, at: "/etc/apk/commit_hooks.d/* /lib/apk/commit_hooks.d/* /etc/apk/interactive", words: "apk runs it", source: "apk(8)"},
		{kind: kind, at: "/etc/portage/bashrc /etc/portage/bashrc.d/* /etc/portage/env/* /etc/portage/make.conf /etc/portage/repo.postsync.d/*", words: "emerge runs it", source: "portage(5)"},
		{kind: kind, at: "/etc/opkg/*.conf /etc/xbps.d/*.conf /etc/pkg/*.conf", words: "sets where packages come from, and how", source: "opkg(1), xbps.d(5)"},
		{kind: kind, at: "/usr/share/debconf/confmodule /etc/debconf.conf ~/.debconfrc /etc/needrestart/conf.d/* /etc/needrestart/hook.d/* /etc/needrestart/notify.d/* /etc/unattended-upgrades/*", words: "runs when packages are installed", source: "debconf.conf(5)"},

		// Version control.
		{kind: kind, at: "**/.git/hooks/* ~/.config/git/hooks/* ~/.git-templates/hooks/* ~/.git-template/hooks/* ~/.config/git/template/hooks/* /usr/share/git-core/templates/hooks/* /usr/local/share/git-core/templates/hooks/* **/.git/modules/*/hooks/* **/.git/worktrees/*/hooks/* **/.githooks/* **/.husky/* **/.husky/_/*",
			words: "git runs this hook", source: "githooks(5)", read: readGitHook},
		{kind: kind, at: "/etc/gitconfig /usr/local/etc/gitconfig ~/.gitconfig ~/.config/git/config **/.git/config **/.git/config.worktree **/.git/modules/*/config **/.gitmodules", words: "git runs the commands in it", source: "git-config(1)", read: readGitConfig},
		{kind: kind, at: "**/.hg/hgrc /etc/mercurial/hgrc /etc/mercurial/hgrc.d/* /etc/mercurial/*.rc ~/.hgrc ~/.config/hg/hgrc", words: "Mercurial runs its hooks and loads its extensions", source: "hgrc(5)", read: readHgrc},
		{kind: kind, at: "~/.subversion/config /etc/subversion/config /etc/subversion/servers", words: "Subversion runs the programs in it", source: "https://svnbook.red-bean.com/en/1.7/svn.advanced.confarea.html", read: readCommented},
		{kind: kind, at: "~/.config/jj/config.toml ~/.jjconfig.toml **/.jj/repo/config.toml ~/.config/breezy/* ~/.bazaar/*", words: "a version control program runs the commands in it", source: "https://jj-vcs.github.io/jj/latest/config/"},

		// Editors, pagers, debuggers: builds start them, or people within the stage.
		{kind: kind, at: "/etc/vim/vimrc /etc/vim/vimrc.local /etc/vimrc /etc/virc ~/.vimrc ~/.exrc ~/.gvimrc ~/.vim/vimrc ~/.vim/plugin/* ~/.vim/autoload/* ~/.config/nvim/init.vim ~/.config/nvim/init.lua ~/.config/nvim/plugin/* /etc/xdg/nvim/* **/.exrc **/.nvimrc **/.nvim.lua",
			words: "an editor runs it when it starts", source: "https://vimhelp.org/starting.txt.html", enables: true},
		{kind: kind, at: "/etc/emacs/site-start.el /etc/emacs/site-start.d/* /etc/emacs/default.el ~/.emacs ~/.emacs.el ~/.emacs.d/init.el ~/.emacs.d/early-init.el ~/.config/emacs/init.el ~/.config/emacs/early-init.el **/.dir-locals.el", words: "Emacs runs it when it starts", source: "https://www.gnu.org/software/emacs/manual/html_node/emacs/Init-File.html", enables: true},
		{kind: kind, at: "/etc/nanorc ~/.nanorc ~/.config/nano/nanorc ~/.config/micro/init.lua ~/.config/micro/settings.json ~/.config/helix/config.toml ~/.joerc /etc/joe/*rc", words: "an editor takes commands from it", source: "nanorc(5)", read: readCommented},
		{kind: kind, at: "/etc/gdb/gdbinit /etc/gdbinit /etc/gdb/gdbinit.d/* /etc/gdbinit.d/* ~/.gdbinit ~/.gdbearlyinit ~/.config/gdb/gdbinit ~/.config/gdb/gdbearlyinit **/.gdbinit ~/.lldbinit **/.lldbinit /usr/share/gdb/auto-load/*/*",
			words: "a debugger runs it when it starts", source: "https://sourceware.org/gdb/current/onlinedocs/gdb.html/Initialization-Files.html"},
		{kind: kind, at: "~/.lesskey ~/.config/lesskey ~/.lessfilter /etc/sysless ~/.less /usr/local/etc/syslesskey ~/.mailcap /etc/mailcap.order ~/.muttrc ~/.config/mutt/muttrc ~/.mailrc /etc/mail.rc ~/.forward ~/.procmailrc /etc/procmailrc ~/.qmail ~/.screenrc /etc/screenrc ~/.tmux.conf ~/.config/tmux/tmux.conf /etc/tmux.conf",
			words: "a program takes commands from it when it starts", source: "less(1), mailcap(5), tmux(1)"},

		// Interpreters. Python's sitecustomize and .pth files are in startup.go.
		{kind: kind, at: "**/pyvenv.cfg", words: "decides which Python a virtual environment runs, and where that imports from", source: "https://docs.python.org/3/library/site.html", read: readPyvenv},
		{kind: kind, at: "~/.pythonrc ~/.pythonrc.py ~/.ipython/profile_default/startup/* ~/.ipython/profile_default/*config*.py ~/.jupyter/*.py /etc/ipython/*.py /etc/ipython/startup/* /etc/jupyter/*.py /usr/local/etc/jupyter/*.py ~/.config/ptpython/config.py ~/.pdbrc **/.pdbrc ~/.pystartup ~/.pyrc",
			words: "Python runs it in interactive sessions", source: "https://ipython.readthedocs.io/en/stable/interactive/tutorial.html"},
		{kind: kind, at: "**/python*._pth", words: "replaces the directories that this Python imports from", source: "https://docs.python.org/3/using/windows.html#finding-modules"},
		{kind: kind, at: "~/.pydistutils.cfg /usr/lib/python*/distutils/distutils.cfg", words: "sets commands and options of every Python build", source: "https://setuptools.pypa.io/en/latest/deprecated/distutils/configfile.html"},
		{kind: kind, at: "/etc/perl/sitecustomize.pl /usr/{lib,share}/perl/*/sitecustomize.pl /usr/local/{lib,share}/perl/*/sitecustomize.pl /usr/local/lib/*/perl/*/sitecustomize.pl /usr/lib/perl*/sitecustomize.pl /usr/local/lib/perl5/sitecustomize.pl /usr/local/lib/perl5/site_perl/sitecustomize.pl ~/.perldb **/.perldb ~/.perltidyrc ~/.perlcriticrc ~/.proverc ~/.re.pl/*",
			words: "perl runs it when it starts", source: "perlrun(1)"},
		{kind: kind, at: "~/.perl-cpm/* ~/.cpan/CPAN/MyConfig.pm /etc/perl/CPAN/Config.pm /usr/share/perl/*/CPAN/Config.pm", words: "cpan runs it, and takes its mirrors from it", source: "https://perldoc.perl.org/CPAN"},
		{kind: kind, at: "~/.irbrc ~/.config/irb/irbrc **/.irbrc /etc/irbrc ~/.pryrc ~/.config/pry/pryrc **/.pryrc ~/.rdbgrc **/.rspec ~/.rspec **/.rubyopt ~/.rdebugrc ~/.railsrc", words: "Ruby runs it when it starts", source: "https://docs.ruby-lang.org/en/master/IRB.html"},
		{kind: kind, at: "**/rubygems/defaults/operating_system.rb **/rubygems/defaults/ruby.rb **/site_ruby/rubygems_plugin.rb **/vendor_ruby/rubygems_plugin.rb **/site_ruby/*/rubygems_plugin.rb ~/.bundle/plugin/index **/.bundle/plugin/index", words: "RubyGems loads it when it starts", source: "https://guides.rubygems.org/plugins/"},
		{kind: kind, at: "/etc/php/*/*/php.ini /etc/php/*/*/conf.d/* /etc/php.ini /etc/php.d/* /usr/local/etc/php/php.ini /usr/local/etc/php/conf.d/* /usr/local/lib/php.ini /etc/php*/php.ini /etc/php*/conf.d/* **/.user.ini", words: "PHP loads the files and extensions in it", source: "https://www.php.net/manual/en/ini.core.php", read: readPHP},
		{kind: kind, at: "~/.Rprofile ~/.Renviron **/.Rprofile **/.Renviron **/.First.R /etc/R/Rprofile.site /etc/R/Renviron.site /etc/R/Makeconf /usr/lib/R/etc/{Rprofile.site,Renviron,Renviron.site} /usr/local/lib/R/etc/{Rprofile.site,Renviron.site} ~/.R/Makevars",
			words: "R runs it when it starts", source: "https://stat.ethz.ch/R-manual/R-devel/library/base/html/Startup.html", enables: true},
		{kind: kind, at: "/etc/julia/startup.jl ~/.julia/config/startup.jl /usr/share/julia/etc/julia/startup.jl /usr/local/etc/julia/startup.jl", words: "Julia runs it when it starts", source: "https://docs.julialang.org/en/v1/manual/command-line-interface/#Startup-file"},
		{kind: kind, at: "~/.ghci ~/.ghc/ghci.conf **/.ghci ~/.config/ghc/ghci.conf ~/.ocamlinit **/.ocamlinit ~/.config/ocaml/init.ml ~/.utoprc ~/.iex.exs **/.iex.exs ~/.erlang **/.erlang ~/.config/erlang/.erlang ~/.sbclrc /etc/sbclrc ~/.clisprc ~/.clisprc.lisp ~/.eclrc ~/.ccl-init.lisp /etc/lisp-config.lisp ~/.guile ~/.racketrc ~/.config/racket/racketrc.rktl ~/.schemerc ~/.scheme.init ~/.tclshrc ~/.wishrc ~/.expect.rc ~/.octaverc **/.octaverc /usr/share/octave/site/m/startup/octaverc ~/.maxima/maxima-init.mac ~/.gprc ~/.plrc ~/.swiplrc ~/.config/swi-prolog/init.pl ~/.groovy/groovysh.rc ~/.jshell ~/.config/lein/profiles.clj ~/.lein/profiles.clj ~/.clojure/deps.edn ~/.boot/profile.boot ~/.scala-repl ~/.ammonite/predef.sc",
			words: "an interpreter runs it when it starts", source: "https://downloads.haskell.org/ghc/latest/docs/users_guide/ghci.html#the-ghci-files"},
		{kind: kind, at: "~/.gnuplot /etc/gnuplotrc ~/.config/gnuplot/gnuplotrc ~/.sqliterc ~/.config/sqlite3/sqliterc ~/.psqlrc /etc/psqlrc /etc/postgresql-common/psqlrc ~/.my.cnf ~/.mylogin.cnf ~/.mongorc.js ~/.mongoshrc.js ~/.bcrc ~/.dcrc ~/.inputrc.d/* ~/.latexmkrc **/.latexmkrc **/latexmkrc /etc/latexmkrc /etc/LatexMk",
			words: "a program runs the commands in it when it starts", source: "gnuplot(1), sqlite3(1), psql(1), latexmk(1)"},

		// Build tools, for all projects.
		{kind: kind, at: "**/.npmrc /etc/npmrc /usr/etc/npmrc /usr/local/etc/npmrc /usr/lib/node_modules/npm/npmrc /usr/local/lib/node_modules/npm/npmrc ~/.config/npm/npmrc ~/.config/pnpm/rc", words: "npm runs or loads it", source: "https://docs.npmjs.com/cli/v11/using-npm/config", read: readNpmrc},
		{kind: kind, at: "**/.yarnrc **/.yarnrc.yml /usr/local/share/.yarnrc /usr/local/share/.config/yarn/*rc", words: "Yarn runs it", source: "https://yarnpkg.com/configuration/yarnrc", read: readYarnrc},
		{kind: kind, at: "**/.pnpmfile.cjs **/.pnpmfile.mjs **/pnpmfile.js", words: "pnpm runs it at every installation", source: "https://pnpm.io/pnpmfile"},
		{kind: kind, at: "**/bunfig.toml **/.bunfig.toml", words: "Bun runs or loads it", source: "https://bun.sh/docs/runtime/bunfig", read: readBunfig},
		{kind: kind, at: "**/node.config.json ~/.noderc", words: "Node.js loads it", source: "https://nodejs.org/api/cli.html", read: readCommented},
		{kind: kind, at: "~/.cargo/config ~/.cargo/config.toml /usr/local/cargo/config /usr/local/cargo/config.toml **/.cargo/config **/.cargo/config.toml", words: "Cargo runs or loads it", source: "https://doc.rust-lang.org/cargo/reference/config.html", read: readCargoConfig},
		{kind: kind, at: "~/.gradle/init.gradle ~/.gradle/init.gradle.kts ~/.gradle/init.d/* ~/.gradle/gradle.properties /opt/gradle/init.d/* /usr/share/gradle/init.d/* /opt/gradle/*/init.d/*", words: "Gradle runs it in every build", source: "https://docs.gradle.org/current/userguide/init_scripts.html"},
		{kind: kind, at: "~/.mavenrc /etc/mavenrc **/.mvn/extensions.xml **/.mvn/jvm.config **/.mvn/maven.config ~/.m2/extensions.xml /usr/share/maven/conf/extensions.xml /usr/share/maven/lib/ext/* /usr/share/ant/etc/* ~/.ant/lib/* ~/.antrc /etc/ant.conf ~/.ant/ant.conf ~/.ant.properties", words: "Maven or Ant loads it in every build", source: "https://maven.apache.org/configure.html"},
		{kind: kind, at: "~/.sbt/*/plugins/* ~/.sbt/*/*.sbt ~/.sbtopts /etc/sbt/sbtopts **/.sbtopts **/.jvmopts ~/.mill/* ~/.config/coursier/*", words: "sbt runs it in every build", source: "https://www.scala-sbt.org/1.x/docs/Using-Plugins.html"},
		{kind: kind, at: "/etc/bazel.bazelrc ~/.bazelrc **/.bazelrc **/user.bazelrc ~/.bazeliskrc **/.bazeliskrc **/tools/bazel ~/.buckconfig /etc/buckconfig /etc/buckconfig.d/*", words: "Bazel takes commands and options from it in every build", source: "https://bazel.build/run/bazelrc"},
		{kind: kind, at: "/usr/lib/jvm/*/conf/net.properties /usr/lib/jvm/*/conf/security/java.security /etc/java-*-openjdk/security/java.security /etc/java-*-openjdk/jvm-*.cfg /etc/java-*-openjdk/net.properties ~/.java/.userPrefs/prefs.xml ~/.java.policy ~/.hotspotrc **/.hotspotrc /usr/share/java/conf/*",
			words: "Java takes providers and options from it", source: "https://docs.oracle.com/en/java/javase/21/security/", enables: true},
		{kind: kind, at: "~/.msbuild/* **/Directory.Build.rsp ~/.config/NuGet/plugins/* ~/.nuget/plugins/*/* /usr/share/dotnet/sdk/*/Current/Microsoft.Common.targets/ImportBefore/* /usr/lib/dotnet/sdk/*/Current/Microsoft.Common.targets/ImportBefore/*", words: "MSBuild loads it in every build", source: "https://learn.microsoft.com/visualstudio/msbuild/customize-your-build"},
		{kind: kind, at: "~/.ccache/ccache.conf ~/.config/ccache/ccache.conf /etc/ccache.conf ~/.distcc/hosts /etc/distcc/hosts ~/.config/sccache/config ~/.icecc/* /etc/default/distcc", words: "a wrapper of compilers takes its compiler or its results from it", source: "https://ccache.dev/manual/latest.html"},
		{kind: kind, at: "**/gcc/*/*/specs **/gcc-cross/*/*/specs ~/.config/clang/*.cfg /etc/clang/*.cfg ~/.clang.cfg /usr/lib/llvm-*/bin/*.cfg /usr/bin/clang*.cfg", words: "a compiler takes commands and options from it", source: "https://gcc.gnu.org/onlinedocs/gcc/Spec-Files.html", enables: true},
		{kind: kind, at: "~/.config/meson/native/* ~/.local/share/meson/*/* /usr/share/meson/*/* /etc/config.site /usr/share/config.site /usr/local/share/config.site /usr/local/etc/config.site /usr/etc/config.site ~/.config/config.site", words: "configure scripts run it", source: "https://www.gnu.org/software/autoconf/manual/autoconf.html#Site-Defaults"},
		{kind: kind, at: "~/.conan/profiles/* ~/.conan2/profiles/* ~/.conan2/extensions/*/* ~/.conan2/global.conf ~/.conan/hooks/* ~/.conan/conan.conf ~/.config/xmake/* ~/.vcpkg/*", words: "a package manager of C runs or loads it", source: "https://docs.conan.io/2/reference/extensions/hooks.html"},
		{kind: kind, at: "~/.config/rebar3/rebar.config ~/.mix/config.exs ~/.hex/hex.config ~/.config/cabal/config ~/.cabal/config ~/.stack/config.yaml /etc/stack/config.yaml ~/.opam/config ~/.opam/hooks/* ~/.opamrc /etc/opamrc ~/.dub/settings.json ~/.luarocks/config*.lua /etc/luarocks/config*.lua ~/.config/composer/config.json ~/.composer/config.json ~/.nimble/nimble.ini ~/.config/nim/nim.cfg /etc/nim/nim.cfg ~/.shards.yml ~/.config/mise/config.toml ~/.asdfrc",
			words: "a package manager takes commands and sources from it", source: "https://cabal.readthedocs.io/en/stable/config.html"},
		{kind: kind, at: "~/.docker/cli-plugins/* /usr/local/lib/docker/cli-plugins/* /usr/local/libexec/docker/cli-plugins/* /usr/lib/docker/cli-plugins/* /usr/share/containers/oci/hooks.d/* /etc/containers/oci/hooks.d/* /etc/cdi/* /var/run/cdi/* ~/.kube/config ~/.aws/config ~/.config/gcloud/*.json ~/.ansible.cfg /etc/ansible/ansible.cfg **/ansible.cfg ~/.ansible/plugins/*/* ~/.terraformrc ~/.terraform.d/plugins/*/* ~/.vagrant.d/Vagrantfile ~/.puppet/puppet.conf ~/.chef/*.rb ~/.fabricrc",
			words: "a tool runs the plugins and commands in it", source: "oci-hooks(5), https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html"},
		{kind: kind, at: "~/.gnupg/gpg.conf ~/.gnupg/gpg-agent.conf ~/.gnupg/dirmngr.conf ~/.gnupg/scdaemon.conf ~/.gnupg/common.conf /etc/gnupg/*.conf", words: "GnuPG runs the programs in it", source: "gpg-agent(1)", read: readCommented},
		{kind: kind, at: "/etc/rsyslog.conf /etc/rsyslog.d/* /etc/aliases /etc/mail/aliases /etc/postfix/master.cf", words: "a service runs the programs in it", source: "rsyslog.conf(5), aliases(5)", read: readServiceCommands},
	}
}
