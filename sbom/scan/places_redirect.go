package scan

import "github.com/depaudit/depaudit/sbom"

// redirectPlaces are the files that decide where packages and tools come from, and
// whom to believe about them.
func redirectPlaces() []place {
	const kind = sbom.NoticeRedirect
	return []place{
		// The system's packages.
		{kind: kind, at: "/etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources", words: "apt takes packages from the archives in it", source: "sources.list(5)", read: readCommented},
		{kind: kind, at: "/etc/apt/trusted.gpg /etc/apt/trusted.gpg.d/*.{gpg,asc} /etc/apt/keyrings/* /usr/share/keyrings/*", words: "apt believes the archives that these keys sign", source: "apt-secure(8)"},
		{kind: kind, at: "/etc/apt/preferences /etc/apt/preferences.d/*", words: "apt prefers other versions or archives by it", source: "apt_preferences(5)", read: readCommented},
		{kind: kind, at: "/etc/apt/auth.conf /etc/apt/auth.conf.d/* /etc/apt/mirrors/* /etc/apt/mirrors.txt", words: "apt takes packages from the mirrors in it", source: "apt_auth.conf(5), apt-transport-mirror(1)", read: readMachines},
		{kind: kind, at: "/etc/yum.repos.d/*.repo /etc/yum.conf /etc/dnf/dnf.conf /etc/dnf/vars/* /etc/yum/vars/* /etc/zypp/repos.d/*.repo /etc/zypp/services.d/* /etc/distro.repos.d/* /etc/dnf/repos.override.d/*", words: "dnf or zypper takes packages from the repositories in it", source: "dnf.conf(5)", read: readCommented},
		{kind: kind, at: "/etc/pki/rpm-gpg/*", words: "rpm believes packages that this key signs", source: "rpmkeys(8)"},
		{kind: kind, at: "/etc/apk/repositories /etc/apk/repositories.d/*", words: "apk takes packages from the repositories in it", source: "apk-repositories(5)", read: readCommented},
		{kind: kind, at: "/etc/apk/keys/*", words: "apk believes indexes that this key signs", source: "apk-keyring(5)"},
		{kind: kind, at: "/etc/pacman.conf /etc/pacman.d/mirrorlist /etc/pacman.d/*.conf", words: "pacman takes packages from the servers in it", source: "pacman.conf(5)", read: readCommented},
		{kind: kind, at: "/etc/portage/repos.conf /etc/portage/repos.conf/* /etc/xbps.d/* /etc/opkg/*feeds.conf /usr/local/etc/pkg/repos/* /etc/guix/channels.scm ~/.config/guix/channels.scm /etc/nix/nix.conf ~/.config/nix/nix.conf ~/.config/nix/registry.json /etc/nix/registry.json ~/.nix-channels /etc/flatpak/remotes.d/* /var/lib/flatpak/repo/config", words: "a package manager takes packages from the places in it", source: "portage(5), nix.conf(5)", read: readCommented},
		{kind: kind, at: "/etc/debuginfod/*", words: "debuggers take sources and symbols from the servers in it", source: "debuginfod(8)", read: readCommented},

		// The packages of languages.
		{kind: kind, at: "/etc/pip.conf /etc/xdg/pip/pip.conf ~/.pip/pip.conf ~/.config/pip/pip.conf **/pip.conf", words: "pip takes packages from the indexes in it", source: "https://pip.pypa.io/en/stable/topics/configuration/", read: readCommented},
		{kind: kind, at: "/etc/uv/uv.toml ~/.config/uv/uv.toml /etc/xdg/uv/uv.toml **/uv.toml ~/.config/pypoetry/config.toml **/poetry.toml ~/.config/pdm/config.toml **/pdm.toml **/.pdm.toml ~/.config/hatch/config.toml ~/.condarc /etc/conda/.condarc /etc/conda/condarc /etc/conda/condarc.d/* /opt/conda/.condarc /opt/conda/condarc **/.condarc ~/.mambarc ~/.config/pixi/config.toml **/.pixi/config.toml /etc/pixi/config.toml ~/.config/conda/condarc **/easy_install.cfg",
			words: "an installer of Python packages takes them from the indexes in it", source: "https://docs.astral.sh/uv/concepts/configuration-files/", read: readCommented},
		{kind: kind, at: "~/.config/go/env /usr/local/go/go.env /usr/lib/go*/go.env ~/go/env", words: "the go command takes modules, and whether to check them, from it", source: "https://go.dev/ref/mod#environment-variables", read: readGoEnv},
		{kind: kind, at: "~/.bundle/config **/.bundle/config /etc/bundle/config /usr/local/bundle/config", words: "Bundler takes gems from the mirrors in it", source: "https://bundler.io/man/bundle-config.1.html", read: readCommented},
		{kind: kind, at: "/etc/gemrc ~/.gemrc ~/.config/gem/gemrc /usr/local/etc/gemrc", words: "RubyGems takes gems from the sources in it", source: "https://guides.rubygems.org/command-reference/#gem-environment", read: readCommented},
		{kind: kind, at: "~/.m2/settings.xml /etc/maven/settings.xml /usr/share/maven/conf/settings.xml ~/.m2/toolchains.xml ~/.m2/settings-security.xml **/.mvn/settings.xml ~/.ivy2/ivysettings.xml ~/.sbt/repositories ~/.config/coursier/mirror.properties **/.mvn/wrapper/maven-wrapper.properties **/gradle/wrapper/gradle-wrapper.properties", words: "a build tool of Java takes artifacts from the repositories in it", source: "https://maven.apache.org/settings.html"},
		{kind: kind, at: "**/nuget.config **/NuGet.config **/NuGet.Config /etc/opt/NuGet/Config/*", words: "NuGet takes packages from the sources in it", source: "https://learn.microsoft.com/nuget/consume-packages/configuring-nuget-behavior"},
		{kind: kind, at: "~/.conan/remotes.json ~/.conan2/remotes.json ~/.config/helm/repositories.yaml ~/.config/helm/registry/config.json ~/.cpanm/* ~/.cpanrc ~/.cocoapods/config.yaml ~/.swiftpm/configuration/* ~/.config/swiftpm/configuration/*", words: "a package manager takes packages from the places in it", source: "https://docs.conan.io/2/reference/commands/remote.html", read: readCommented},
		{kind: kind, at: "~/.docker/config.json /etc/docker/daemon.json /etc/containers/registries.conf /etc/containers/registries.conf.d/* /etc/containers/policy.json ~/.config/containers/registries.conf ~/.config/containers/policy.json ~/.config/containers/auth.json /etc/containers/certs.d/*/* /etc/docker/certs.d/*/* /etc/containerd/config.toml /etc/containerd/certs.d/*/*", words: "decides which registries images come from, and whom to believe", source: "containers-registries.conf(5)", read: readContainers},

		// Downloads of all kinds.
		{kind: kind, at: "~/.curlrc ~/.config/curlrc ~/.config/.curlrc /etc/curlrc ~/.wgetrc /etc/wgetrc /usr/local/etc/wgetrc ~/.config/wget/wgetrc ~/.wget2rc /etc/wget2rc ~/.aria2/aria2.conf ~/.config/aria2/aria2.conf ~/.lftprc /etc/lftp.conf ~/.config/lftp/rc ~/.axelrc /etc/axelrc ~/.httpie/config.json ~/.config/httpie/config.json ~/.xhrc", words: "sets the proxy and the checks of downloads", source: "curl(1), wget(1)", read: readCommented},
		{kind: kind, at: "~/.netrc /etc/netrc ~/.authinfo", words: "names hosts that programs log in to", source: "netrc(5)", read: readMachines},
		{kind: kind, at: "/etc/hosts", words: "redirects hosts", source: "hosts(5)", read: readHosts},
		{kind: kind, at: "/etc/resolv.conf /etc/resolvconf/resolv.conf.d/*", words: "names are looked up at other servers", source: "resolv.conf(5)", read: readResolv},
		{kind: kind, at: "/etc/systemd/resolved.conf /etc/systemd/resolved.conf.d/* /etc/dnsmasq.conf /etc/dnsmasq.d/* /etc/unbound/unbound.conf /etc/unbound/unbound.conf.d/* /etc/host.conf /etc/gai.conf", words: "decides how names of hosts are looked up", source: "resolved.conf(5)", read: readCommented},
		{kind: kind, at: "/etc/nsswitch.conf", words: "decides which modules look up hosts and users", source: "nsswitch.conf(5)", read: readCommented, templates: "/usr/share/libc-bin/nsswitch.conf /usr/share/base-files/nsswitch.conf /usr/etc/nsswitch.conf"},
		{kind: kind, at: "/etc/proxychains.conf /etc/proxychains4.conf /etc/tsocks.conf /etc/torsocks.conf /etc/sysproxy /etc/tinyproxy/tinyproxy.conf", words: "sends connections through other hosts", source: "proxychains(1)"},

		// Authorities.
		{kind: kind, at: "/usr/local/share/ca-certificates/* /usr/local/share/ca-certificates/*/* /usr/share/ca-certificates/* /usr/share/ca-certificates/*/* /etc/pki/ca-trust/source/anchors/* /etc/pki/ca-trust/source/* /usr/share/pki/ca-trust-source/* /usr/share/pki/ca-trust-source/anchors/* /usr/share/pki/trust/* /usr/share/pki/trust/anchors/* /etc/pki/trust/anchors/* /etc/ca-certificates/trust-source/* /etc/ca-certificates/trust-source/anchors/* /usr/share/ca-certificates/trust-source/* /usr/share/ca-certificates/trust-source/anchors/*",
			words: "programs believe the hosts that this authority certifies", source: "update-ca-certificates(8), update-ca-trust(8)", read: readAnchor},
		{kind: kind, at: "/etc/ssl/certs/* /etc/ssl/cert.pem /etc/ssl/ca-bundle.pem /etc/pki/tls/cert.pem /etc/pki/tls/certs/* /usr/lib/ssl/cert.pem /usr/local/ssl/cert.pem /usr/local/ssl/certs/* /etc/pki/ca-trust/extracted/*/* /var/lib/ca-certificates/*.pem /var/lib/ca-certificates/*/* /etc/ca-certificates/extracted/*",
			words: "programs believe the hosts that these authorities certify", source: "update-ca-certificates(8)", read: readAuthorities},
	}
}
