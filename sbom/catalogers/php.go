package catalogers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom"
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
				f.add(r.name, at, pkg.Package{Name: p.Name, Version: p.Version, PURL: composerPURL(p.Name, p.Version), Type: pkg.PhpComposerPkg, Metadata: p})
			}
			return nil
		})
	}
	return r
}

// composerPackage is what Composer records of a package
// (src/Composer/Repository/FilesystemRepository.php and Package/Dumper/ArrayDumper.php).
type composerPackage struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Dist    composerPlace `json:"dist"`
	Source  composerPlace `json:"source"`
	// From is "dist" or "source", which of both was installed.
	From string `json:"installation-source"`
	// Path is the directory of the package, relative to that of the record. It is
	// empty for a metapackage, and before Composer 2.
	Path string `json:"install-path"`
	// Extra is an object, or an empty array.
	Extra json.RawMessage `json:"extra"`
}

type composerPlace struct {
	Type      string `json:"type"`
	URL       string `json:"url"`
	Reference string `json:"reference"`
	Shasum    string `json:"shasum"`
}

// InstallDir is the scheme of the URL of a package that Composer installed from a
// directory. The rest is the path as composer.json has it, which can be relative to
// the project.
const InstallDir = "dir:"

// origin returns the digest of the archive and the origin of a package.
func (p *composerPackage) origin(record string) (digests []sbom.Digest, in *sbom.Install) {
	in = &sbom.Install{File: record, Patch: p.patch()}
	switch {
	case p.From == "source" && p.Source.Type != "":
		in.Kind, in.URL, in.Commit = sbom.InstallVCS, sbom.ScrubURL(p.Source.URL), p.Source.Reference
	case p.Dist.Type == "path":
		in.Kind, in.URL, in.Commit = sbom.InstallURL, InstallDir+p.Dist.URL, p.Dist.Reference
	case p.Dist.Type != "" && p.From != "source":
		in.Kind, in.URL, in.Commit = sbom.InstallRegistry, sbom.ScrubURL(p.Dist.URL), p.Dist.Reference
		if v, ok := hexDigest(p.Dist.Shasum); ok && len(v) == 40 {
			digests = append(digests, sbom.Digest{Algorithm: "sha1", Value: v, File: record})
		}
	case in.Patch == "":
		return nil, nil
	default:
		in.Kind = sbom.InstallRegistry
	}
	return digests, in
}

// patch returns the first patch of the package by its description:
// cweagans/composer-patches 1 and vaimo/composer-patches record them in "extra".
func (p *composerPackage) patch() string {
	var extra struct {
		Applied json.RawMessage `json:"patches_applied"`
	}
	if json.Unmarshal(p.Extra, &extra) != nil || len(extra.Applied) == 0 {
		return ""
	}
	var byText map[string]any
	if err := json.Unmarshal(extra.Applied, &byText); err == nil {
		if len(byText) == 0 {
			return ""
		}
		text := slices.Sorted(maps.Keys(byText))[0]
		url, _ := byText[text].(string)
		return cmp.Or(sbom.ScrubURL(url), text, "of "+p.Name)
	}
	var list []any
	if json.Unmarshal(extra.Applied, &list) == nil && len(list) == 0 {
		return ""
	}
	return "of " + p.Name
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
