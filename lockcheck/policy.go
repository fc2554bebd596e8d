package lockcheck

import "strings"

// Policy says which registries a lock may point to.
type Policy struct {
	// Registries are allowed besides the defaults of each ecosystem, as a
	// host ("npm.example.org", "npm.example.org:4873"), a host with a path
	// that limits it ("example.org/npm"), or the same with a scheme. Only
	// https is allowed unless the scheme is written out as http.
	Registries []string
}

// defaultRegistries are where each ecosystem's own tools go when nobody tells
// them otherwise.
//
//   - pypi: the index and the host of its files.
//   - npm: the registry, and the name under which yarn reaches the same one
//     (npm's own replace-registry-host setting treats it alike).
//   - golang: go.sum names no host; the proxy is given for completeness.
//   - cargo: the git index, the sparse index and the host of its files. Cargo
//     writes the first of them whichever is used.
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
	}
	return nil
}

// allows says whether an installer may take a package of that type from the
// URL.
func (p Policy) allows(typ, raw string) bool {
	l, ok := parseLocation(raw)
	if !ok {
		return false
	}
	l.scheme = l.scheme[strings.LastIndexByte(l.scheme, '+')+1:]
	for _, r := range defaultRegistries(typ) {
		if within(l, "https", r) {
			return true
		}
	}
	for _, r := range p.Registries {
		scheme, rest, found := strings.Cut(r, "://")
		if !found {
			scheme, rest = "https", r
		}
		if within(l, strings.ToLower(scheme), rest) {
			return true
		}
	}
	return false
}

// within says whether l is at host, or below its path.
func within(l location, scheme, allowed string) bool {
	allowed = strings.TrimSuffix(allowed, "/")
	host, dir, _ := strings.Cut(allowed, "/")
	host = strings.ToLower(host)
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
	if strings.Contains(l.path+"/", "/../") || strings.Contains(strings.ToLower(l.path), "%2e") {
		return false // climbs out of the folder that is allowed
	}
	return l.path == "/"+dir || strings.HasPrefix(l.path, "/"+dir+"/")
}

// isDefault says whether the URL is one of the ecosystem's own.
func isDefault(typ, raw string) bool { return Policy{}.allows(typ, raw) }

// registrySource is the source of an entry that comes from an index.
func registrySource(typ, raw string) Source {
	s := Source{Kind: KindRegistry, URL: scrub(raw)}
	if raw == "" || isDefault(typ, raw) {
		return s
	}
	s.Registry = s.URL // a local folder
	if l, ok := parseLocation(raw); ok {
		s.Registry = l.host
		if l.host == "" {
			s.Registry = l.scheme + ":" + l.path
		}
	}
	return s
}
