package scan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/strictjson"
	"github.com/depaudit/depaudit/sbom/wording"
)

const (
	// maxDenoModule is the size of a module. The largest are bundles of some
	// megabytes.
	maxDenoModule = 32 << 20
	// maxDenoRegistry is the size of the registry's record of a package, with all
	// of its versions.
	maxDenoRegistry = 64 << 20
	// denoTrailer begins the last line of a cached module, which is not part of it
	// (libs/cache_dir/global/cache_file.rs of github.com/denoland/deno).
	denoTrailer = "\n// denoCacheMetadata="
)

// denoRegistry returns the places and digests of the versions of a package in the
// registry's record, with which Deno compared what it unpacked. A record that
// cannot be read is no digest.
func (s *scanner) denoRegistry(record rootfs.Node) map[string]hiddenEntry {
	data, err := s.tree.ReadFile(record, maxDenoRegistry)
	if err != nil {
		return nil
	}
	fields, err := strictjson.Members(data)
	if err != nil {
		return nil
	}
	versions, err := strictjson.Members(fields["versions"])
	if err != nil {
		return nil
	}
	out := make(map[string]hiddenEntry, len(versions))
	for version, raw := range versions {
		var v struct {
			Dist struct{ Tarball, Integrity string }
		}
		if json.Unmarshal(raw, &v) == nil && v.Dist.Integrity != "" {
			out[version] = hiddenEntry{Version: version, Resolved: v.Dist.Tarball, Integrity: v.Dist.Integrity}
		}
	}
	return out
}

// denoFile is a module in Deno's directory.
type denoFile struct {
	node rootfs.Node
	url  *url.URL
	sum  string // SHA-256 of the module, in hexadecimal
	text []byte // of a manifest of JSR
}

// readDenoModules adds the modules that Deno loaded by URL from one host. The name
// of a file is the SHA-256 of the URL's path and query, and its record, a last line
// in Deno 2 and a file beside it in Deno 1, has the URL. Both must agree: Deno loads
// a file by its name, whatever its record says.
//
// The files of a version of a package on JSR are one package, whose digest is that of
// the version's manifest (https://jsr.io/docs/api#package-version-metadata), if each
// of them has the digest that the manifest has of it. Any other module is a component
// by itself, with the URL as its name and the digest of the content as its version.
// Redirects have no code.
func (s *scanner) readDenoModules(scheme string, host rootfs.Node) {
	var files []denoFile
	unknown := 0
	for n := range s.tree.Children(host) {
		if s.tree.Kind(n) != rootfs.File || !denoModule.MatchString(s.tree.Name(n)) || s.claims[n] != 0 {
			continue
		}
		f, redirect, err := s.denoModuleFile(n, scheme)
		switch {
		case err != nil:
			unknown++
		case !redirect:
			files = append(files, f)
		}
	}
	if unknown > 0 {
		s.gap(sbom.GapUnreported, s.tree.Path(host), fmt.Sprintf("%s that Deno loads by URL cannot be listed: the record of the URL is missing or not theirs (remove Deno's directory and install again)",
			wording.Count(unknown, "module", "modules")))
	}
	slices.SortFunc(files, func(a, b denoFile) int { return strings.Compare(a.url.String(), b.url.String()) })
	for _, f := range s.addJSR(files) {
		s.claim(f.node, s.add(unit{node: f.node, inside: -1, own: true, Component: sbom.Component{
			Kind: sbom.KindPackage, Type: "generic", Name: f.url.String(), Version: "sha256:" + f.sum, Paths: []string{s.tree.Path(f.node)}, FoundBy: "deno-reader",
			Digests: []sbom.Digest{{Algorithm: "sha256", Value: f.sum, Proved: true, File: s.tree.Path(f.node)}},
		}}))
	}
}

// denoModuleFile reads a cached module. redirect is true for the record of one.
func (s *scanner) denoModuleFile(n rootfs.Node, scheme string) (f denoFile, redirect bool, err error) {
	t := s.tree
	text, err := t.ReadFile(n, maxDenoModule)
	if err != nil {
		return f, false, err
	}
	var record []byte
	if beside := t.Child(t.Parent(n), t.Name(n)+".metadata.json"); beside != rootfs.None {
		if record, err = t.ReadFile(beside, maxPackageJSON); err != nil {
			return f, false, err
		}
	} else if at := bytes.LastIndex(text, []byte(denoTrailer)); at >= 0 {
		text, record = text[:at], text[at+len(denoTrailer):]
	}
	fields, err := strictjson.Members(record)
	if err != nil {
		return f, false, err
	}
	var address string
	var headers map[string]string
	if err := json.Unmarshal(fields["url"], &address); err != nil {
		return f, false, err
	}
	_ = json.Unmarshal(fields["headers"], &headers) // of another form: no redirect
	u, err := url.Parse(address)
	if err != nil {
		return f, false, err
	}
	key := u.EscapedPath()
	if u.RawQuery != "" {
		key += "?" + u.RawQuery
	}
	host := u.Hostname()
	if port := u.Port(); port != "" {
		host += "_PORT" + port
	}
	if name := sha256.Sum256([]byte(key)); hex.EncodeToString(name[:]) != t.Name(n) || u.Scheme != scheme || host != t.Name(t.Parent(n)) {
		return f, false, fmt.Errorf("it is not the module of %q", address)
	}
	sum := sha256.Sum256(text)
	f = denoFile{node: n, url: u, sum: hex.EncodeToString(sum[:])}
	if strings.HasSuffix(u.Path, "meta.json") {
		f.text = text
	}
	return f, headers["location"] != "", nil
}

// jsrPath matches the path of a file on jsr.io: of a package, of a version's manifest,
// or of a file in a version.
var jsrPath = lazyregexp.New(`^/(@[a-z0-9-]+/[a-z0-9-]+)/(?:meta\.json|([0-9][^/]*)_meta\.json|([0-9][^/]*)(/.+))$`)

// addJSR adds the packages of JSR, and returns the modules that are none of theirs.
func (s *scanner) addJSR(files []denoFile) (others []denoFile) {
	type version struct {
		manifest *denoFile
		nodes    []denoFile
	}
	packages := map[[2]string]*version{}
	var order [][2]string
	sums := map[[2]string]map[string]string{}
	for i := range files {
		f := &files[i]
		m := jsrPath.FindStringSubmatch(f.url.Path)
		if f.url.Scheme != "https" || f.url.Host != "jsr.io" || m == nil || f.url.RawQuery != "" {
			others = append(others, *f)
			continue
		}
		key := [2]string{m[1], m[2] + m[3]}
		if key[1] == "" {
			continue // the versions of a package: no code
		}
		p := packages[key]
		if p == nil {
			p = new(version)
			packages[key] = p
			order = append(order, key)
		}
		if m[2] != "" {
			p.manifest = f
			sums[key] = jsrManifest(f.text)
		} else {
			p.nodes = append(p.nodes, *f)
		}
	}
	for _, key := range order {
		p := packages[key]
		if len(p.nodes) == 0 {
			continue // only its manifest was read
		}
		u := unit{node: p.nodes[0].node, inside: -1, own: true, Component: sbom.Component{Kind: sbom.KindPackage, Type: "jsr", Name: key[0], Version: key[1], FoundBy: "deno-reader"}}
		var claimed []rootfs.Node
		for _, f := range p.nodes {
			_, path, _ := strings.Cut(f.url.Path, "/"+key[1]+"/")
			if p.manifest != nil && sums[key]["/"+path] != f.sum {
				others = append(others, f) // not the version's file
				continue
			}
			u.Paths = append(u.Paths, s.tree.Path(f.node))
			claimed = append(claimed, f.node)
		}
		if len(claimed) == 0 {
			continue
		}
		u.node = claimed[0]
		if p.manifest != nil {
			u.Digests = []sbom.Digest{{Algorithm: "sha256", Value: p.manifest.sum, Proved: true, File: s.tree.Path(p.manifest.node)}}
		}
		i := s.add(u)
		for _, n := range claimed {
			s.claim(n, i)
		}
	}
	return others
}

// jsrManifest returns the digests of the files in a version's manifest, nil for one
// that cannot be read.
func jsrManifest(text []byte) map[string]string {
	fields, err := strictjson.Members(text)
	if err != nil {
		return nil
	}
	files, err := strictjson.Members(fields["manifest"])
	if err != nil {
		return nil
	}
	out := make(map[string]string, len(files))
	for path, raw := range files {
		var f struct{ Checksum string }
		if json.Unmarshal(raw, &f) == nil {
			out[path] = strings.TrimPrefix(f.Checksum, "sha256-")
		}
	}
	return out
}
