package catalogers

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/catalogers/internal/pear"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

const (
	// maxInstalled is the size of Composer's list. One with 500 packages has 2 MB.
	maxInstalled = 16 << 20
	// maxRegistry is the size of a registry file of PEAR. That of a package with
	// 1,000 files has 200 KB.
	maxRegistry = 16 << 20
)

// newComposer reads Composer's list of installed packages
// (https://getcomposer.org/doc/07-runtime.md).
func newComposer() *reader {
	r := &reader{name: "php-composer-installed-cataloger"}
	r.find = func(_ context.Context, f *finder) {
		f.each(f.glob("**/installed.json"), func(at file.Location, c rootfs.Content) error {
			data, err := readAll(c, maxInstalled)
			if err != nil {
				return err
			}
			list, err := parseInstalled(data)
			if err != nil {
				return err
			}
			for _, p := range list {
				f.add(r.name, at, pkg.Package{Name: p.Name, Version: p.Version, PURL: composerPURL(p.Name, p.Version), Type: pkg.PhpComposerPkg})
			}
			return nil
		})
	}
	return r
}

type composerPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// parseInstalled parses the list: an object since Composer 2, an array before.
func parseInstalled(data []byte) ([]composerPackage, error) {
	var list struct {
		Packages []composerPackage `json:"packages"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		if json.Unmarshal(data, &list.Packages) != nil {
			return nil, err
		}
	}
	if len(list.Packages) == 0 {
		return nil, errors.New("no packages in installed.json")
	}
	return list.Packages, nil
}

func composerPURL(name, version string) string {
	vendor, rest, ok := strings.Cut(name, "/")
	if !ok {
		vendor, rest = "", name
	}
	return packageurl.NewPackageURL(packageurl.TypeComposer, vendor, strings.ReplaceAll(rest, "/", "-"), version, nil, "").ToString()
}

// newPear reads the registry of PEAR and PECL.
func newPear() *reader {
	r := &reader{name: "php-pear-serialized-cataloger"}
	r.find = func(_ context.Context, f *finder) {
		f.each(f.glob("**/php/.registry/**/*.reg"), func(at file.Location, c rootfs.Content) error {
			data, err := readAll(c, maxRegistry)
			if err != nil {
				return err
			}
			p, err := pear.Parse(string(data))
			if err != nil {
				return err
			}
			channel := p.Channel
			if channel == "" {
				channel = "pecl.php.net"
			}
			f.add(r.name, at, pkg.Package{Name: p.Name, Version: p.Version, Type: pkg.PhpPearPkg, Metadata: fileList(p.Files),
				PURL: packageurl.NewPackageURL("pear", channel, p.Name, p.Version, nil, "").ToString()})
			return nil
		})
	}
	return r
}
