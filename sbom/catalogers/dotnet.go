package catalogers

import (
	"context"
	"path"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/catalogers/internal/dotnet"
	"github.com/depaudit/depaudit/sbom/catalogers/internal/exe"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

const (
	byDotnet = "dotnet-deps-binary-cataloger"
	byPE     = "pe-binary-package-cataloger"
)

// maxDeps is the size of a deps.json file. The .NET SDK's own have 500 KB.
const maxDeps = 16 << 20

// newDotnet reads the packages of .NET applications, and what other portable
// executables call themselves.
func newDotnet() *reader {
	return &reader{name: "dotnet-reader", replaces: []string{byDotnet, byPE}, find: func(_ context.Context, f *finder) {
		docs := f.depsFiles()
		files := f.portableExecutables()
		for _, p := range dotnet.Packages(docs, files) {
			q := pkg.Package{Name: p.Name, Version: p.Version, Type: pkg.DotnetPkg, FoundBy: byDotnet}
			kind := packageurl.TypeNuget
			if p.NPM {
				q.Type, kind = pkg.NpmPkg, packageurl.TypeNPM
			}
			if p.SHA512 != "" {
				q.Metadata = pkg.DotnetDepsEntry{Sha512: p.SHA512}
			}
			if p.Contained {
				q.Metadata = part{q.Metadata}
			}
			if p.Logical {
				for _, path := range p.Beside {
					q.Locations.Add(file.NewLocation(path))
				}
			} else {
				q.PURL = packageurl.NewPackageURL(kind, "", p.Name, p.Version, nil, "").ToString()
				q.Locations.Add(file.NewLocation(p.Path).WithAnnotation(pkg.EvidenceAnnotationKey, pkg.PrimaryEvidenceAnnotation))
				addBeside(&q, p.Beside)
			}
			f.packages = append(f.packages, q)
		}
	}}
}

// depsFiles returns the deps.json files, and those in single-file programs.
func (f *finder) depsFiles() []*dotnet.Deps {
	var docs []*dotnet.Deps
	f.by = byDotnet
	f.each(f.glob("**/*.deps.json"), func(at file.Location, c rootfs.Content) error {
		data, err := readAll(c, maxDeps)
		if err != nil {
			return err
		}
		d, err := dotnet.ParseDeps(at.RealPath, data)
		if err != nil {
			return err
		}
		docs = append(docs, d)
		if libman := f.files.RelativeFileByPath(at, path.Join(path.Dir(at.RealPath), "libman.json")); libman != nil {
			return f.open(*libman, func(at file.Location, c rootfs.Content) error {
				data, err := readAll(c, maxDeps)
				if err == nil {
					d.Libman, err = dotnet.ParseLibman(at.RealPath, data)
				}
				return err
			})
		}
		return nil
	})
	f.each(f.executables("application/x-executable", "application/x-sharedlib"), func(at file.Location, c rootfs.Content) error {
		data, err := exe.BundledDeps(c)
		if err != nil || data == nil {
			return err
		}
		if d, err := dotnet.ParseDeps(at.RealPath, data); err == nil { // else the marker was there by chance
			docs = append(docs, d)
		}
		return nil
	})
	return docs
}

// portableExecutables returns the .NET assemblies, and adds a package for each
// other portable executable.
func (f *finder) portableExecutables() []*dotnet.File {
	var managed []*dotnet.File
	f.by = byPE
	f.each(f.glob("**/*.dll", "**/*.exe", "**/*.bpl", "**/*.DLL", "**/*.EXE", "**/*.BPL"), func(at file.Location, c rootfs.Content) error {
		pe, err := dotnet.ReadPE(c)
		if err != nil {
			return err
		}
		pe.Path = at.RealPath
		if pe.Managed {
			managed = append(managed, pe)
			return pe.Partial
		}
		name, version := pe.NativeName()
		p := pkg.Package{Name: name, Version: version, Type: pkg.BinaryPkg, Metadata: pkg.PEBinary{}}
		if version != "" && strings.Contains(strings.ToLower(pe.Product()), "ghostscript") {
			p.PURL = packageurl.NewPackageURL(packageurl.TypeGeneric, "", "ghostscript", version, nil, "").ToString()
		}
		f.add(byPE, at, p)
		return pe.Partial
	})
	return managed
}
