package catalogers

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// maxConaninfo is the size of a conaninfo.txt file. Real ones have 2 KB.
const maxConaninfo = 4 << 20

// conanPath is where Conan 1 keeps the description of an installed package
// (https://docs.conan.io/1/reference/conaninfo.html).
var conanPath = lazyregexp.New(`.*[/\\](?P<name>[^/\\]+)[/\\](?P<version>[^/\\]+)[/\\](?P<user>[^/\\]+)[/\\](?P<channel>[^/\\]+)[/\\]package[/\\](?P<id>[^/\\]+)[/\\]conaninfo\.txt`)

// newConan reads the descriptions of the packages that Conan installed.
func newConan() *reader {
	r := &reader{name: "conan-info-cataloger"}
	r.find = func(_ context.Context, f *finder) {
		f.each(f.glob("**/conaninfo.txt"), func(at file.Location, c rootfs.Content) error {
			data, err := readAll(c, maxConaninfo)
			if err != nil {
				return err
			}
			m := conanPath.FindStringSubmatch(at.RealPath)
			if m == nil {
				return errors.New("conaninfo.txt is not in the directory of a Conan package")
			}
			for _, ref := range conanRequires(data) {
				if p, ok := conanPackage(ref); ok {
					// It was built against this one. Where that is installed, it has
					// a description of its own.
					p.Metadata = part{}
					f.add(r.name, at, p)
				}
			}
			if p, ok := conanPackage(m[1] + "/" + m[2] + "@" + m[3] + "/" + m[4]); ok {
				f.add(r.name, at, p)
			}
			return nil
		})
	}
	return r
}

// conanRequires returns the references in the section full_requires.
func conanRequires(data []byte) []string {
	var out []string
	open := false
	for raw := range bytes.Lines(data) {
		line := strings.TrimSpace(string(raw))
		switch {
		case strings.Contains(line, "[full_requires]"):
			open = true
		case strings.ContainsAny(line, "[]") || strings.HasPrefix(line, "#"):
			open = false
		case open && line != "":
			out = append(out, line)
		}
	}
	return out
}

// conanPackage parses a reference, name/version@user/channel#revision:id%time.
func conanPackage(ref string) (pkg.Package, bool) {
	for _, sep := range []string{"%", ":", "#"} {
		ref, _, _ = strings.Cut(ref, sep)
	}
	full, origin, _ := strings.Cut(ref, "@")
	parts := strings.Split(full, "/")
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return pkg.Package{}, false
	}
	var qualifiers packageurl.Qualifiers
	user, channel, ok := strings.Cut(origin, "/")
	if !ok {
		user, channel = "", ""
	}
	if channel != "" {
		qualifiers = packageurl.Qualifiers{{Key: "channel", Value: channel}}
	}
	return pkg.Package{Name: parts[0], Version: parts[1], Type: pkg.ConanPkg,
		PURL: packageurl.NewPackageURL(packageurl.TypeConan, user, parts[0], parts[1], qualifiers, "").ToString()}, true
}
