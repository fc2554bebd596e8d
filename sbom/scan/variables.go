package scan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// variable is an effect of environment variables.
type variable struct {
	kind sbom.NoticeKind
	// names are separated by blanks; "*" is any part of a name.
	names string
	words string // what reads it and what for, after "sets NAME: "
	// files is set when the value is a list of files that are run or loaded,
	// separated by colons or blanks.
	files bool
	// source is the document that states it.
	source string
}

// variables are those that make programs run code, find other programs or
// libraries, or take packages from elsewhere. The first that matches counts.
func variables() []variable {
	const run, from = sbom.NoticeStartup, sbom.NoticeRedirect
	return []variable{
		{run, "LD_PRELOAD LD_AUDIT LD_PRELOAD_32 LD_PRELOAD_64", "the dynamic loader loads it into every program", true, "ld.so(8)"},
		{run, "LD_LIBRARY_PATH LD_RUN_PATH LD_ORIGIN_PATH LIBRARY_PATH LD_CONFIG LD_DEBUG_OUTPUT GLIBC_TUNABLES", "the dynamic loader searches other directories or behaves otherwise", false, "ld.so(8)"},
		{run, "GCONV_PATH LOCPATH NLSPATH HOSTALIASES RES_OPTIONS LOCALDOMAIN MALLOC_TRACE GETCONF_DIR NSS_WRAPPER_*", "the C library loads modules or data from elsewhere", false, "ld.so(8)"},
		{run, "BASH_ENV ENV PYTHONSTARTUP ZDOTDIR INPUTRC", "a shell or an interpreter runs it when it starts", true, "bash(1), python(1)"},
		{run, "SHELLOPTS BASHOPTS PROMPT_COMMAND PS0 PS1 PS2 PS4 IFS CDPATH FPATH FIGNORE SHELL BASH_LOADABLES_PATH HISTFILE", "shells run it, or parse commands otherwise", false, "bash(1)"},
		{run, "BASH_FUNC_*", "every bash has this function in place of a command", false, "bash(1)"},
		{run, "PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONEXECUTABLE PYTHONPLATLIBDIR PYTHONPYCACHEPREFIX PYTHONBREAKPOINT PYTHONWARNINGS PYTHONINSPECT PYTHON_PRESITE VIRTUAL_ENV PYTHONCASEOK", "Python imports or runs code from elsewhere", false, "https://docs.python.org/3/using/cmdline.html#environment-variables"},
		{run, "PERL5OPT PERL5LIB PERLLIB PERL5DB PERL5SHELL PERL_MB_OPT PERL_MM_OPT PERL_LOCAL_LIB_ROOT PERL_HASH_SEED_DEBUG", "perl loads modules or options from it", false, "perlrun(1)"},
		{run, "RUBYOPT RUBYLIB RUBYSHELL RUBYPATH GEM_HOME GEM_PATH BUNDLE_GEMFILE BUNDLE_PATH BUNDLE_BIN_PATH IRBRC RUBYGEMS_GEMDEPS", "Ruby loads code from it", false, "ruby(1)"},
		{run, "NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE NODE_ICU_DATA NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED NODE_REDIRECT_WARNINGS OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES", "Node.js or OpenSSL loads code or settings from it", false, "https://nodejs.org/api/cli.html#environment-variables"},
		{run, "JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS JDK_JAVAC_OPTIONS JAVA_OPTS CLASSPATH IBM_JAVA_OPTIONS OPENJ9_JAVA_OPTIONS CATALINA_OPTS MAVEN_OPTS MAVEN_ARGS GRADLE_OPTS ANT_OPTS ANT_ARGS SBT_OPTS SCALA_OPTS KOTLIN_OPTS GROOVY_OPTS JRUBY_OPTS JAVA_HOME JDK_HOME JRE_HOME", "every Java program loads code or options from it", false, "https://docs.oracle.com/en/java/javase/21/docs/specs/jvmti.html#tooloptions"},
		{run, "DOTNET_STARTUP_HOOKS DOTNET_ADDITIONAL_DEPS DOTNET_SHARED_STORE CORECLR_PROFILER* CORECLR_ENABLE_PROFILING DOTNET_ROOT DOTNET_gc* COR_PROFILER* MSBUILD*", ".NET loads code from it", false, "https://learn.microsoft.com/dotnet/core/runtime-config/"},
		{run, "PHPRC PHP_INI_SCAN_DIR PHP_PEAR_*", "PHP takes its settings from it", false, "https://www.php.net/manual/en/configuration.file.php"},
		{run, "LUA_INIT* LUA_PATH* LUA_CPATH* R_PROFILE* R_ENVIRON* R_HOME R_LIBS* R_DEFAULT_PACKAGES JULIA_LOAD_PATH JULIA_DEPOT_PATH JULIA_PROJECT OCTAVE_* GUILE_LOAD_PATH GUILE_LOAD_COMPILED_PATH GUILE_EXTENSIONS_PATH TCLLIBPATH TCL_LIBRARY AWKPATH AWKLIBPATH ERL_LIBS ERL_FLAGS ERL_AFLAGS ERL_ZFLAGS ELIXIR_ERL_OPTIONS OCAMLPATH CAML_LD_LIBRARY_PATH GHC_PACKAGE_PATH GHC_ENVIRONMENT GHCRTS SBCL_HOME SBCL_CORE EMACSLOADPATH EMACSDATA VIMINIT EXINIT MYVIMRC VIM VIMRUNTIME GVIMINIT NVIM_* TEXMF* TEXINPUTS BIBINPUTS GI_TYPELIB_PATH GIO_EXTRA_MODULES GIO_MODULE_DIR GTK_MODULES GTK_PATH GTK3_MODULES QT_PLUGIN_PATH QML2_IMPORT_PATH",
			"an interpreter or a library loads code from it", false, "the manual pages of each"},
		{run, "GIT_SSH GIT_SSH_COMMAND GIT_EXTERNAL_DIFF GIT_ASKPASS GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER GIT_PROXY_COMMAND GIT_TEMPLATE_DIR GIT_EXEC_PATH GIT_CONFIG* GIT_DIR GIT_WORK_TREE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_ATTR_SOURCE GIT_ALLOW_PROTOCOL", "git runs it, or takes its configuration from it", false, "git(1)"},
		{from, "GIT_SSL_NO_VERIFY GIT_SSL_CAINFO GIT_SSL_CAPATH GIT_HTTP_PROXY*", "git believes other hosts", false, "git(1)"},
		{run, "SSH_ASKPASS SUDO_ASKPASS SSH_AUTH_SOCK CVS_RSH SVN_SSH HGRCPATH HGEDITOR RSYNC_RSH RSYNC_CONNECT_PROG BORG_RSH", "a program runs it", false, "ssh(1), svn(1), rsync(1)"},
		{run, "EDITOR VISUAL PAGER MANPAGER SYSTEMD_PAGER SYSTEMD_EDITOR SUDO_EDITOR FCEDIT BROWSER LESSOPEN LESSCLOSE LESS LESSKEY* MAILCAPS DEBEMAIL TERMINFO TERMINFO_DIRS TERMCAP", "programs run it", false, "environ(7), less(1)"},
		{run, "MAKEFLAGS MAKEFILES GNUMAKEFLAGS MFLAGS MAKE NINJA_STATUS CMAKE_*_LAUNCHER CMAKE_TOOLCHAIN_FILE CMAKE_PREFIX_PATH CMAKE_MODULE_PATH CMAKE_GENERATOR CMAKE_PROJECT_* CONFIG_SITE PKG_CONFIG PKG_CONFIG_PATH PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR ACLOCAL_PATH AUTOM4TE AUTOCONF AUTOMAKE M4 M4PATH LIBTOOL LDEMULATION MESON_*", "builds run it or take code from it", false, "make(1), cmake-env-variables(7)"},
		{run, "CC CXX CPP LD AR AS NM RANLIB STRIP OBJCOPY FC F77 OBJC CC_FOR_BUILD HOSTCC CFLAGS CXXFLAGS CPPFLAGS LDFLAGS FFLAGS LDLIBS GCC_EXEC_PREFIX GCC_SPECS COMPILER_PATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH OBJC_INCLUDE_PATH CPATH CCACHE_* CCC_* DISTCC_* SCCACHE_* ICECC_* CLANG_CONFIG_FILE_* LD_AS_NEEDED COLLECT_*", "builds compile with it", false, "gcc(1), ccache(1)"},
		{run, "RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTC RUSTDOC RUSTFLAGS RUSTDOCFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_* CARGO_TARGET_* CARGO_ALIAS_* CARGO_HOME RUSTUP_HOME RUSTUP_TOOLCHAIN CARGO_REGISTRY* CARGO_SOURCE_* CARGO_NET_*", "Cargo runs it or takes its settings from it", false, "https://doc.rust-lang.org/cargo/reference/environment-variables.html"},
		{from, "RUSTUP_DIST_SERVER RUSTUP_UPDATE_ROOT CARGO_HTTP_*", "rustup or Cargo downloads from it", false, "https://rust-lang.github.io/rustup/environment-variables.html"},
		{run, "GOFLAGS GOROOT GOPATH GOBIN GOTOOLDIR GOEXPERIMENT CGO_* GOENV GOWORK GOCACHEPROG GOAUTH GODEBUG GO_EXTLINK_ENABLED GOMODCACHE GOCACHE", "the go command runs it or takes code from it", false, "https://pkg.go.dev/cmd/go#hdr-Environment_variables"},
		{from, "GOPROXY GOSUMDB GONOSUMDB GONOSUMCHECK GONOPROXY GOPRIVATE GOINSECURE GOVCS GOTOOLCHAIN", "the go command takes modules, and whether to check them, from it", false, "https://go.dev/ref/mod#environment-variables"},
		{from, "PIP_* UV_* PDM_* POETRY_REPOSITORIES_* POETRY_HTTP_* PIPENV_PYPI_MIRROR PIPENV_INDEX CONDA_CHANNEL* CONDA_CUSTOM_* CONDA_SSL_VERIFY CONDARC TWINE_* HATCH_INDEX_*", "an installer of Python packages takes its indexes and options from it", false, "https://pip.pypa.io/en/stable/topics/configuration/#environment-variables"},
		{run, "NPM_CONFIG_SCRIPT_SHELL NPM_CONFIG_NODE_OPTIONS NPM_CONFIG_SHELL NPM_CONFIG_GIT NPM_CONFIG_EDITOR NPM_CONFIG_USERCONFIG NPM_CONFIG_GLOBALCONFIG NPM_CONFIG_PREFIX YARN_RC_FILENAME YARN_YARN_PATH YARN_PLUGINS YARN_IGNORE_PATH PNPM_HOME PNPM_SCRIPT_SHELL BUN_CONFIG_FILE BUN_INSTALL COREPACK_HOME", "npm, Yarn, pnpm or Bun runs it", false, "https://docs.npmjs.com/cli/v11/using-npm/config"},
		{from, "NPM_CONFIG_* YARN_NPM_* YARN_REGISTRY YARN_HTTP* YARN_ENABLE_STRICT_SSL BUN_CONFIG_REGISTRY COREPACK_NPM_REGISTRY COREPACK_INTEGRITY_KEYS NVM_NODEJS_ORG_MIRROR ELECTRON_MIRROR *_BINARY_HOST *_BINARY_MIRROR PLAYWRIGHT_DOWNLOAD_HOST PUPPETEER_DOWNLOAD*", "npm or a package downloads from it", false, "https://docs.npmjs.com/cli/v11/using-npm/config"},
		{from, "GEM_SOURCE RUBYGEMS_HOST BUNDLE_MIRROR* BUNDLE_*__* COMPOSER_* CPANM_* PERL_CPANM_OPT PERL_CARTON_MIRROR HEX_MIRROR HEX_CDN HEX_UNSAFE_* HEX_TRUSTED_MIRROR PUB_HOSTED_URL NUGET_* CONAN_* HOMEBREW_* NIX_* VCPKG_* OPAMROOT CABAL_CONFIG STACK_* JULIA_PKG_SERVER R_REPOS", "a package manager takes packages or settings from it", false, "the manuals of each"},
		{from, "HTTP_PROXY HTTPS_PROXY ALL_PROXY FTP_PROXY NO_PROXY SOCKS_PROXY RSYNC_PROXY *_PROXY", "downloads go through another host", false, "curl(1)"},
		{from, "SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE AWS_CA_BUNDLE GRPC_DEFAULT_SSL_ROOTS_FILE_PATH DENO_CERT DENO_TLS_CA_STORE PYTHONHTTPSVERIFY HTTPLIB2_CA_CERTS PERL_LWP_SSL_* CURL_HOME WGETRC SYSTEM_WGETRC NETRC CURL_SSL_BACKEND SSLKEYLOGFILE", "programs believe other authorities, or take options of downloads from it", false, "openssl-env(7), curl(1)"},
		{from, "APT_CONFIG APT_LISTCHANGES_FRONTEND DPKG_ROOT DPKG_ADMINDIR DPKG_FORCE RPM_CONFIGDIR RPM_ETCCONFIGDIR", "the package manager takes its settings from it", false, "apt.conf(5), dpkg(1)"},
		{from, "DOCKER_HOST DOCKER_CONFIG DOCKER_CONTENT_TRUST_SERVER CONTAINER_HOST CONTAINERS_* REGISTRY_AUTH_FILE STORAGE_OPTS KUBECONFIG HELM_* BUILDKIT_HOST", "images and clusters come from it", false, "docker(1), containers.conf(5)"},
		{run, "GNUPGHOME GPG_AGENT_INFO PINENTRY_* GPG_TTY_PROGRAM MALLOC_CONF DBUS_*_BUS_ADDRESS XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_DATA_DIRS XDG_DATA_HOME XDG_RUNTIME_CONFIG HOME TMPDIR POSIXLY_CORRECT FAKEROOTKEY FAKECHROOT*", "programs take their settings from elsewhere", false, "https://specifications.freedesktop.org/basedir-spec/latest/"},
		{run, "*_PRELOAD *_STARTUP *_STARTUP_HOOKS *_WRAPPER *_LAUNCHER *_HOOK *_HOOKS *_PLUGIN *_PLUGINS *_INIT *_RC *RCFILE *_ASKPASS *_PAGER *_EDITOR *_COMMAND *_OPTS *_OPTIONS *PATH *_HOME *_LOAD *_MODULES *_AGENT",
			"a program may run or load it", false, "by its name"},
		{from, "*_MIRROR *_REGISTRY *_INDEX_URL *_PROXY_URL *_REPOSITORY_URL *_CA_BUNDLE *_CA_CERT *_CAFILE *_CERT_FILE *_INSECURE *_NO_VERIFY", "a program may download from it", false, "by its name"},
	}
}

// effect returns what a variable does by the table. npm and pip read their
// variables in any case.
func effect(name string) (variable, bool) {
	if name == "PATH" || name == "MANPATH" || name == "INFOPATH" || name == "XDG_RUNTIME_DIR" {
		return variable{}, false
	}
	upper := name
	if strings.HasPrefix(strings.ToLower(name), "npm_config_") || strings.HasSuffix(strings.ToLower(name), "_proxy") {
		upper = strings.ToUpper(name)
	}
	for _, v := range variables() {
		for _, pattern := range strings.Fields(v.names) {
			if ok, _ := path.Match(pattern, upper); ok {
				return v, true
			}
		}
	}
	return variable{}, false
}

// usualPath are the directories that the search path of an ordinary system has.
func usualPath() []string {
	return append(SearchPath(), "/usr/games", "/usr/local/games", "/snap/bin")
}

// assigned returns the statements of one assignment. With all, a variable of no
// known effect counts too, except for those of the locale.
func assigned(name, value string, all bool) []statement {
	text := name + "=" + value
	switch {
	case name == "" || value == "":
		return nil
	case name == "PATH":
		var other []string
		for dir := range strings.SplitSeq(value, ":") {
			if dir != "" && dir[0] == '$' || slices.Contains(usualPath(), strings.TrimSuffix(dir, "/")) {
				continue
			}
			other = append(other, dir)
		}
		if len(other) == 0 {
			return nil
		}
		return []statement{{kind: sbom.NoticeStartup, words: fmt.Sprintf("sets PATH: programs are searched for in %+q", other[0]), text: text}}
	case name == "TZ" || name == "LANG" || name == "LANGUAGE" || strings.HasPrefix(name, "LC_"):
		return nil
	}
	v, ok := effect(name)
	if !ok {
		if !all {
			return nil
		}
		return []statement{{words: "sets " + quoted(name), text: text}}
	}
	st := statement{kind: v.kind, words: fmt.Sprintf("sets %s: %s", quoted(name), v.words), text: text}
	out := []statement{st}
	if v.files {
		for _, file := range strings.FieldsFunc(value, func(r rune) bool { return r == ':' || r == ' ' }) {
			if strings.HasPrefix(file, "/") {
				out = append(out, statement{kind: v.kind, words: st.words, text: text, file: file})
			}
		}
		if len(out) > 1 {
			out = out[1:]
		}
	}
	return out
}

// quoted returns a name as it is when it is an ordinary one.
func quoted(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' }) < 0 && len(name) < 80 {
		return name
	}
	return fmt.Sprintf("%+.80q", name)
}

// imageVariables adds a notice for each variable of the image's configuration
// that is in the table: the stage runs with it. The notice has no file; its path
// is "Env:" and the name.
func (s *scanner) imageVariables() {
	for _, v := range s.tree.Env() {
		name, value, _ := strings.Cut(v, "=")
		for i, st := range assigned(name, value, false) {
			if i == 0 {
				s.tell(sbom.Notice{Kind: st.kind, Path: "Env:" + name, Detail: "the configuration of the image " + st.words, Digest: digestOf(st.text)})
			}
			s.namedFile(st.kind, st.file, rootfs.None)
		}
	}
}
