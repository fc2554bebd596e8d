package catalogers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// maxBitnami is the size of an SBOM in a Bitnami image. Real ones have some
// hundred kilobytes.
const maxBitnami = 16 << 20

// newBitnami reads the SBOMs of Bitnami's images, which name what was built
// into /opt/bitnami (https://github.com/bitnami/vulndb). The others in a
// document are part of the package that it is about, which claims all files.
func newBitnami() *reader {
	r := &reader{name: "bitnami-cataloger"}
	r.find = func(_ context.Context, f *finder) {
		f.each(f.glob("/opt/bitnami/**/.spdx-*.spdx"), func(at file.Location, c rootfs.Content) error {
			data, err := readAll(c, maxBitnami)
			if err != nil {
				return err
			}
			if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
				return nil // Bitnami writes JSON only
			}
			packages, err := bitnamiPackages(at.RealPath, data, func() []string {
				var files []string
				for _, l := range f.glob(path.Dir(at.RealPath) + "/**") {
					files = append(files, l.RealPath)
				}
				return files
			})
			for _, p := range packages {
				f.add(r.name, at, p)
			}
			return err
		})
		f.each(f.glob("/opt/bitnami/.bitnami_components.json"), func(at file.Location, c rootfs.Content) error {
			data, err := readAll(c, maxBitnami)
			if err != nil {
				return err
			}
			packages, err := bitnamiComponents(data)
			for _, p := range packages {
				f.add(r.name, at, p)
			}
			return err
		})
	}
	return r
}

// bitnamiPackages returns the packages of Bitnami in an SPDX document.
func bitnamiPackages(at string, data []byte, below func() []string) ([]pkg.Package, error) {
	var doc struct {
		Version  string `json:"spdxVersion"`
		Packages []struct {
			ID           string `json:"SPDXID"`
			Name         string `json:"name"`
			Version      string `json:"versionInfo"`
			ExternalRefs []struct {
				Type    string `json:"referenceType"`
				Locator string `json:"referenceLocator"`
			} `json:"externalRefs"`
		} `json:"packages"`
		Files []struct {
			ID   string `json:"SPDXID"`
			Name string `json:"fileName"`
		} `json:"files"`
		Relationships []struct {
			From string `json:"spdxElementId"`
			Type string `json:"relationshipType"`
			To   string `json:"relatedSpdxElement"`
		} `json:"relationships"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("SPDX document: %w", err)
	}
	if doc.Version == "" {
		return nil, nil
	}
	files := make(map[string]string)
	for _, f := range doc.Files {
		files[f.ID] = path.Join(path.Dir(at), f.Name)
	}
	contains := make(map[string][]string)
	contained := make(map[string]bool)
	for _, r := range doc.Relationships {
		if r.Type == "CONTAINS" {
			contains[r.From] = append(contains[r.From], r.To)
			contained[r.To] = true
		}
	}
	var owned func(id string, seen map[string]bool) []string
	owned = func(id string, seen map[string]bool) []string {
		if seen[id] {
			return nil
		}
		seen[id] = true
		var out []string
		for _, to := range contains[id] {
			if name, ok := files[to]; ok {
				out = append(out, name)
			} else {
				out = append(out, owned(to, seen)...)
			}
		}
		return out
	}
	var out []pkg.Package
	main, mainID := -1, ""
	for _, p := range doc.Packages {
		purl := ""
		for _, r := range p.ExternalRefs {
			if r.Type == "purl" && purl == "" {
				purl = r.Locator
			}
		}
		if !strings.HasPrefix(purl, "pkg:bitnami") {
			continue
		}
		entry := &pkg.BitnamiSBOMEntry{Name: p.Name, Version: p.Version, Path: path.Dir(at)}
		if mainID == "" && !contained[p.ID] && (len(contains[p.ID]) > 0 || len(doc.Relationships) == 0) {
			main, mainID = len(out), p.ID
		} else {
			entry.Files = owned(p.ID, make(map[string]bool))
		}
		out = append(out, pkg.Package{Name: p.Name, Version: p.Version, PURL: purl, Type: pkg.BitnamiPkg, Metadata: entry})
	}
	if main < 0 && len(out) == 1 {
		main = 0
	}
	if main >= 0 {
		out[main].Metadata.(*pkg.BitnamiSBOMEntry).Files = slices.DeleteFunc(below(), func(f string) bool { return f == at })
		for i := range out {
			if i != main {
				out[i].Metadata = part{out[i].Metadata}
			}
		}
	}
	return out, nil
}

// bitnamiComponents parses the list of images of before 2023.
func bitnamiComponents(data []byte) ([]pkg.Package, error) {
	var list map[string]struct {
		Arch    string `json:"arch"`
		Distro  string `json:"distro"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("list of Bitnami's components: %w", err)
	}
	var out []pkg.Package
	for _, name := range slices.Sorted(maps.Keys(list)) {
		c := list[name]
		var qualifiers packageurl.Qualifiers
		if c.Arch != "" {
			qualifiers = append(qualifiers, packageurl.Qualifier{Key: "arch", Value: c.Arch})
		}
		if c.Distro != "" {
			qualifiers = append(qualifiers, packageurl.Qualifier{Key: "distro", Value: c.Distro})
		}
		out = append(out, pkg.Package{Name: name, Version: c.Version, Type: pkg.BitnamiPkg,
			PURL: packageurl.NewPackageURL("bitnami", "", name, c.Version, qualifiers, "").String()})
	}
	return out, nil
}
