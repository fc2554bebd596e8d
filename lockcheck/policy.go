package lockcheck

import (
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/ecosystem"
)

// Policy is the set of registries that a lock may refer to.
type Policy struct {
	// Registries are allowed in addition to the defaults of each ecosystem.
	// Each is a host ("npm.example.org", "npm.example.org:4873"), a host with
	// a path that limits it ("example.org/npm"), or one of these with a
	// scheme. Without a scheme only https is allowed.
	Registries []string
}

// defaultRegistries returns the registries that an ecosystem's own tools use
// without configuration.
//
//   - pypi: the index and the host of its files.
//   - npm: the registry, and the name under which yarn reaches the same one
//     (npm's replace-registry-host setting treats them as one).
//   - golang: the module proxy. go.sum has no hosts, so it is never compared.
//   - gem: the index, and the host of the compact index that Bundler reads it from.
//   - composer: Packagist, and the hosts of archives and repositories of the packages
//     that it lists: it has no files of its own.
//   - pub, hex, cocoapods, terraform, bazel: the public registries; pub has an
//     old name too, and OpenTofu writes its own.
//   - cran: the mirrors that R and RStudio use, the repositories that renv
//     replaces them by, and Bioconductor.
//   - rpm: Red Hat's, for which rpms.lock.yaml is made.
//   - deb, apk: the archives of Debian, Ubuntu and Alpine. Their tools use plain
//     http: a signed index has the digest of each package.
//   - conda: the channels "defaults" and "conda-forge", one of which each of
//     conda's tools uses; any other channel of anaconda.org is its owner's.
//   - nuget: nuget.org, and the host of its older interface.
//   - maven: Maven Central, by its two names, and Gradle's plugin portal.
//   - cargo: the git index, the sparse index and the host of its files. Cargo
//     writes the first of them even if it uses another one.
func defaultRegistries(typ string) []string {
	switch typ {
	case "pypi":
		return []string{"pypi.org", "files.pythonhosted.org"}
	case "npm":
		return []string{"registry.npmjs.org", "registry.yarnpkg.com"}
	case "golang":
		return []string{"proxy.golang.org"}
	case "cargo":
		return []string{"github.com/rust-lang/crates.io-index", "index.crates.io", "static.crates.io"}
	case "gem":
		return []string{"rubygems.org", "index.rubygems.org"}
	case "composer":
		return []string{"repo.packagist.org", "packagist.org", "api.github.com", "codeload.github.com", "github.com", "gitlab.com/api/v4/projects", "bitbucket.org"}
	case "conda":
		return []string{"conda.anaconda.org/conda-forge", "repo.anaconda.com/pkgs"}
	case "nuget":
		return []string{"api.nuget.org", "www.nuget.org"}
	case "maven":
		return []string{"repo.maven.apache.org/maven2", "repo1.maven.org/maven2", "plugins.gradle.org/m2"}
	case "pub":
		return []string{"pub.dev", "pub.dartlang.org"}
	case "hex":
		return []string{"repo.hex.pm"}
	case "cran":
		return []string{"cloud.r-project.org", "cran.r-project.org", "cran.rstudio.com", "packagemanager.posit.co", "packagemanager.rstudio.com", "p3m.dev", "bioconductor.org"}
	case "cocoapods":
		return []string{"cdn.cocoapods.org", "github.com/CocoaPods/Specs", "github.com/CocoaPods/Specs.git"}
	case "terraform":
		return []string{"registry.terraform.io", "registry.opentofu.org"}
	case "bazel":
		return []string{"bcr.bazel.build"}
	case "rpm":
		return []string{"cdn.redhat.com", "cdn-ubi.redhat.com"}
	case "deb":
		var all []string
		for _, host := range []string{"deb.debian.org", "security.debian.org", "snapshot.debian.org", "archive.ubuntu.com", "security.ubuntu.com", "ports.ubuntu.com"} {
			all = append(all, host, "http://"+host)
		}
		return all
	case "apk":
		return []string{"dl-cdn.alpinelinux.org", "http://dl-cdn.alpinelinux.org"}
	}
	return nil
}

// Names reports whether the registries that are allowed in addition have a host,
// with its port if the host has one.
func (p Policy) Names(host string) bool {
	for _, r := range p.Registries {
		if _, rest, found := strings.Cut(r, "://"); found {
			r = rest
		}
		r, _, _ = strings.Cut(r, "/")
		name, _, _ := strings.Cut(r, ":")
		if h := ecosystem.Lower(host); h != "" && (h == ecosystem.Lower(r) || h == ecosystem.Lower(name)) {
			return true
		}
	}
	return false
}

// Allows reports whether an installer may take a package of that type from the
// URL.
func (p Policy) Allows(typ, raw string) bool {
	l, ok := parseLocation(raw)
	if !ok {
		return false
	}
	l.scheme = l.scheme[strings.LastIndexByte(l.scheme, '+')+1:]
	for _, r := range slices.Concat(defaultRegistries(typ), p.Registries) {
		scheme, rest, found := strings.Cut(r, "://")
		if !found {
			scheme, rest = "https", r
		}
		if within(l, ecosystem.Lower(scheme), rest) {
			return true
		}
	}
	return false
}

// within reports whether l is at an allowed host and below its path.
func within(l location, scheme, allowed string) bool {
	allowed = strings.TrimSuffix(allowed, "/")
	host, dir, _ := strings.Cut(allowed, "/")
	host = ecosystem.Lower(host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	if l.scheme != scheme || l.host != host {
		return false
	}
	if dir == "" {
		return true
	}
	if strings.Contains(l.path+"/", "/../") || strings.Contains(ecosystem.Lower(l.path), "%2e") {
		return false // leaves the allowed directory
	}
	return l.path == "/"+dir || strings.HasPrefix(l.path, "/"+dir+"/")
}

// isDefault reports whether a URL is at one of the ecosystem's default registries.
func isDefault(typ, raw string) bool { return Policy{}.Allows(typ, raw) }

// registrySource returns the source of an entry from an index.
func registrySource(typ, raw string) Source {
	s := Source{Kind: KindRegistry, URL: scrub(raw)}
	if raw == "" || isDefault(typ, raw) {
		return s
	}
	s.Registry = s.URL // a local directory
	if l, ok := parseLocation(raw); ok {
		s.Registry = l.host
		if l.host == "" {
			s.Registry = l.scheme + ":" + l.path
		}
	}
	return s
}
