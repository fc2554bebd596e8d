package ospkg

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/klauspost/compress/zstd"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// chiselManifest is the list of the packages that Chisel cut a root from. Its
// lines are JSON objects, sorted, after a header with their number
// (https://documentation.ubuntu.com/chisel/en/latest/reference/manifest/), as
// one zstd stream.
const chiselManifest = "/var/lib/chisel/manifest.wall"

// maxZstd is the memory of the decompressor.
const maxZstd = 64 << 20

// wallEntry is a line of the manifest.
type wallEntry struct {
	Wall  string `json:"jsonwall"`
	Count int    `json:"count"`

	Kind    string   `json:"kind"` // "package", "path", "slice", "content"
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Arch    string   `json:"arch"`
	SHA256  string   `json:"sha256"`
	Path    string   `json:"path"`
	Slices  []string `json:"slices"` // "openssl_bins" of the package openssl
}

// openChisel reads Chisel's manifest; nil when there is none. Its packages are
// Debian packages, of which only some files were installed.
func openChisel(ctx context.Context, s system) (*DB, error) {
	n, err := s.file(chiselManifest, rootfs.File)
	if n == rootfs.None || err != nil {
		return nil, err
	}
	s.at = s.tree.Path(n)
	var packages []*listedPackage
	err = s.open(n, func(r io.Reader, file string) error {
		plain, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxZstd))
		if err != nil {
			return &parseError{File: file, Msg: err.Error()}
		}
		defer plain.Close()
		packages, err = readWall(newLines(ctx, plain, file))
		return err
	})
	if err != nil {
		if ctx.Err() == nil && gapKind(err, "") == "" {
			err = &parseError{File: s.at, Msg: err.Error(), Hint: "cut the root again"}
		}
		return nil, err
	}
	db, err := s.openListed(ctx, packages, nil)
	if err == nil && len(packages) > 0 {
		db.own(n, 0)
	}
	return db, err
}

// readWall reads the lines of a manifest.
func readWall(l *lines) ([]*listedPackage, error) {
	var packages []*listedPackage
	byName := map[string]*listedPackage{}
	files := map[string][]string{}
	total := 0
	for {
		line, ok := l.next()
		if !ok {
			break
		}
		var e wallEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return nil, l.fail("not a JSON object: %v", err)
		}
		switch {
		case l.number == 1 && !strings.HasPrefix(e.Wall, "1."):
			return nil, l.fail("not a manifest of Chisel: the format is %s, and only 1.x is known", excerpt(e.Wall))
		case l.number == 1:
			total = e.Count
		case e.Kind == "package":
			p, err := e.pkg(l.file)
			if err != nil {
				return nil, l.fail("%v", err)
			}
			packages = append(packages, p)
			byName[p.name] = p
		case e.Kind == "path":
			path := e.Path
			if path != "/" {
				path = strings.TrimSuffix(path, "/")
			}
			for _, slice := range e.Slices {
				name, _, _ := strings.Cut(slice, "_")
				files[name] = append(files[name], strings.Clone(path))
			}
		}
	}
	switch {
	case l.err != nil:
		return nil, l.err
	case l.number != total:
		return nil, l.fail("%d lines, and the header states %d: the file is truncated", l.number, total)
	}
	for _, name := range sortedKeys(files) {
		p := byName[name]
		if p == nil {
			return nil, &parseError{File: l.file, Msg: fmt.Sprintf("files of a package %s that is not listed", excerpt(name)), Hint: "cut the root again"}
		}
		p.files = files[name]
	}
	return packages, nil
}

func (e *wallEntry) pkg(file string) (*listedPackage, error) {
	switch {
	case !validPackageName(e.Name):
		return nil, fmt.Errorf("%s is not a package name", excerpt(e.Name))
	case e.Arch != "" && !validArch(e.Arch):
		return nil, fmt.Errorf("%s is not an architecture", excerpt(e.Arch))
	}
	if err := checkVersion(e.Version); err != nil {
		return nil, fmt.Errorf("%v of package %s", err, e.Name)
	}
	p := &listedPackage{purlType: packageurl.TypeDebian, name: e.Name, version: e.Version, arch: e.Arch, file: file, own: rootfs.None}
	const hexLength = 64
	if len(e.SHA256) == hexLength && strings.Trim(e.SHA256, "0123456789abcdef") == "" {
		p.digests = []sbom.Digest{{Algorithm: "sha256", Value: e.SHA256, File: file}}
	}
	return p, nil
}
