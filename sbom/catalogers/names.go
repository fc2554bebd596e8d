package catalogers

import (
	"path"
	"strings"
)

// globs are the patterns that the catalogers look for, each once.
// TestCatalogersGlobs runs the catalogers on an empty environment and compares
// this list with their queries.
const globs = `
**/*.BPL **/*.DLL **/*.EXE **/*.app/Contents/Info.plist **/*.bpl **/*.deps.json **/*.dll **/*.ear **/*.egg-info **/*.exe **/*.far **/*.gguf
**/*.hpi **/*.jar **/*.jpi **/*.kar **/*.lpkg **/*.nar **/*.par **/*.rar **/*.safetensors **/*.sar **/*.war **/*.zap **/*.zip **/*.rockspec
**/*DIST-INFO/METADATA **/*EGG-INFO/PKG-INFO **/*dist-info/METADATA **/*egg-info/PKG-INFO **/pyvenv.cfg
**/.meta/*/install.json **/auto/**/.packlist **/Cellar/*/*/.brew/*.rb **/Library/Taps/*/*/Formula/*.rb **/DESCRIPTION
**/apache*/**/libphp*.so **/php* **/php*/**/*.so **/php-fpm* **/php/.registry/**/*.reg **/installed.json **/wp-content/plugins/*/*.php
**/bzImage **/bzImage-* **/kernel **/kernel-* **/vmlinux **/vmlinux-* **/vmlinuz **/vmlinuz-* **/zImage **/zImage-*
**/lib/modules/**/*.ko **/lib/modules/**/*.ko.gz **/lib/modules/**/*.ko.xz **/lib/modules/**/*.ko.zst
**/conaninfo.txt **/conda-meta/*.json **/nix/store/*.drv **/nix/var/nix/db/db.sqlite **/package.json **/release
**/specifications/**/*.gemspec **/var/db/pkg/*/*/CONTENTS /opt/bitnami/**/.spdx-*.spdx /opt/bitnami/.bitnami_components.json
**/doc/linux-modules-*/changelog.Debian.gz **/snap/manifest.yaml **/snap/snapcraft.yaml **/usr/share/snappy/dpkg.yaml
**/arangosh **/auditbeat **/bash **/beam.smp **/bun **/busybox **/cabal **/chrome **/composer* **/consul **/curl **/dart **/deno
**/elastic-agent **/elixir **/elixir/ebin/elixir.app **/envoy **/erlexec **/ffmpeg **/filebeat **/fluent-bit **/gcc **/getopt **/ghc*
**/grafana **/grafana-server **/gzip **/haproxy **/heartbeat **/helm **/httpd **/java **/jdb **/jq **/julia **/ldapsearch
**/libQt*Core.so* **/libav* **/liberts_internal.a **/libjulia-internal.so **/libkrb5.so* **/libpypy*.so* **/libpython*.so*
**/libstd-????????????????.dylib **/libstd-????????????????.so **/libswresample* **/lighttpd **/memcached **/metricbeat **/mongod
**/mysql **/mysqld **/ndb_mgmd **/ndbd **/ndbmtd **/nginx **/nginx-ingress-controller **/node **/openssl **/packetbeat **/perl
**/pilot-agent **/pilot-discovery **/postgres **/proftpd **/python* **/redis-server **/ruby **/sqlcipher **/stack **/swipl **/traefik
**/valkey-server **/vault **/wp **/xtrabackup **/xz **/zstd **/{firefox,firefox.exe} **/{go,go.exe} **/{mariadb,mysql}
`

// beside are the files that the catalogers look up beside a file that they
// found, from their sources: Python's records, CPAN's metadata and modules,
// Portage's sizes and licences, .NET's libman, the configuration of models, the
// schema of Nix's database, versions of programs that do not contain them.
const beside = `
**/RECORD **/installed-files.txt **/top_level.txt **/direct_url.json
**/MYMETA.json **/perllocal.pod **/*.pm **/var/db/pkg/*/*/SIZE **/libman.json **/config.json **/README.md **/nix/var/nix/db/schema **/VERSION* **/application.ini **/var/db/pkg/*/*/LICENSE /etc/portage/license_groups
/etc/os-release /usr/lib/os-release /etc/redhat-release /etc/system-release-cpe
`

// Names matches the files that a cataloger may open for their name. It may
// match more than the catalogers open, since it compares the text of a path and
// has no tree, and never less. Executables are opened for their type.
type Names struct {
	exact  map[string][]nameRule // by base name
	suffix map[string][]nameRule // by what follows the last dot, for "*.jar"
	other  []nameRule
}

// nameRule is one glob. Only the literal parts of its directories are compared.
type nameRule struct {
	base   string   // a pattern of path.Match
	prefix string   // the literal start of base
	dirs   []string // "/conda-meta/", "dist-info/"
}

// NewNames compiles the patterns.
func NewNames() *Names {
	n := &Names{exact: make(map[string][]nameRule), suffix: make(map[string][]nameRule)}
	for glob := range strings.FieldsSeq(globs + beside) {
		n.add(glob)
	}
	return n
}

func (n *Names) add(glob string) {
	segments := strings.Split(strings.TrimPrefix(glob, "/"), "/")
	base := segments[len(segments)-1]
	if strings.HasPrefix(base, "{") { // "{go,go.exe}", and nothing around it
		for name := range strings.SplitSeq(strings.Trim(base, "{}"), ",") {
			n.exact[name] = append(n.exact[name], nameRule{base: name})
		}
		return
	}
	r := nameRule{base: base}
	run := ""
	for _, s := range segments[:len(segments)-1] {
		if !strings.ContainsAny(s, "*?[{") {
			run += "/" + s
			continue
		}
		if run != "" {
			r.dirs = append(r.dirs, run+"/")
		}
		run = ""
		if i := strings.IndexAny(s, "*?[{"); i > 0 {
			r.dirs = append(r.dirs, "/"+s[:i])
		}
		if i := strings.LastIndexAny(s, "*?]}"); i < len(s)-1 {
			r.dirs = append(r.dirs, s[i+1:]+"/")
		}
	}
	if run != "" {
		r.dirs = append(r.dirs, run+"/")
	}
	wild := strings.IndexAny(base, "*?[")
	rest, isSuffix := strings.CutPrefix(base, "*.")
	switch {
	case wild < 0:
		n.exact[base] = append(n.exact[base], r)
	case isSuffix && !strings.ContainsAny(rest, "*?[."):
		n.suffix[rest] = append(n.suffix[rest], r)
	default:
		r.prefix = base[:wild]
		n.other = append(n.other, r)
	}
}

// Match reports whether a cataloger may open the file at an absolute path.
func (n *Names) Match(p string) bool {
	name := p[strings.LastIndexByte(p, '/')+1:]
	for _, r := range n.exact[name] {
		if r.within(p) {
			return true
		}
	}
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		for _, r := range n.suffix[name[dot+1:]] {
			if r.within(p) {
				return true
			}
		}
	}
	for _, r := range n.other {
		if strings.HasPrefix(name, r.prefix) && r.within(p) {
			if ok, _ := path.Match(r.base, name); ok {
				return true
			}
		}
	}
	return false
}

// within reports whether the literal directories of the glob are in the path.
func (r *nameRule) within(p string) bool {
	for _, f := range r.dirs {
		if !strings.Contains(p, f) {
			return false
		}
	}
	return true
}
