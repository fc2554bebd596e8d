package catalogers

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/cpe"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/catalogers/internal/exe"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

const (
	byGo     = "go-module-binary-cataloger"
	byRust   = "cargo-auditable-binary-cataloger"
	byNote   = "elf-binary-package-cataloger"
	byNative = "graalvm-native-image-cataloger"
)

// newExecutables reads what programs and libraries record about their own
// content. Each file is opened once for all of it.
func newExecutables() *reader {
	return &reader{name: "executable-reader", replaces: []string{byGo, byRust, byNote, byNative}, find: func(_ context.Context, f *finder) {
		notes := make(map[exe.PackageNote]int)
		all := f.executables("application/x-executable", "application/x-sharedlib", "application/x-mach-binary", "application/vnd.microsoft.portable-executable")
		f.each(all, func(at file.Location, c rootfs.Content) error {
			f.goModules(at, c)
			f.crates(at, c)
			f.note(at, c, notes)
			f.nativeImage(at, c)
			return nil
		})
	}}
}

func (f *finder) goModules(at file.Location, c rootfs.Content) {
	builds, err := exe.GoBuilds(c)
	f.fail(byGo, at.RealPath, err)
	stdlib := false
	for _, b := range builds {
		add := func(m exe.GoModule) {
			p := pkg.Package{Name: m.Path, Version: m.Version, PURL: goPURL(m.Path, m.Version), Type: pkg.GoModulePkg,
				Metadata: pkg.GolangBinaryBuildinfoEntry{H1Digest: m.Sum, MainModule: b.Main.Path}}
			if m.Local {
				p.Metadata = local{p.Metadata}
			}
			f.add(byGo, at, p)
		}
		count := len(b.Deps)
		if b.Main.Path != "" {
			add(b.Main)
			count++
		}
		for _, m := range b.Deps {
			if m.Path != "" {
				add(m)
			}
		}
		// The compiler counts once for a file, and not for a development version
		// without a number.
		version := strings.TrimPrefix(b.Compiler, "go")
		if count > 0 && !stdlib && strings.ContainsAny(version, "0123456789") {
			stdlib = true
			f.add(byGo, at, pkg.Package{Name: "stdlib", Version: b.Compiler, PURL: goPURL("stdlib", version), Type: pkg.GoModulePkg,
				Metadata: pkg.GolangBinaryBuildinfoEntry{}})
		}
	}
}

func goPURL(name, version string) string {
	dir, base := path.Split(name)
	return packageurl.NewPackageURL(packageurl.TypeGolang, strings.TrimSuffix(dir, "/"), base, version, nil, "").ToString()
}

func (f *finder) crates(at file.Location, c rootfs.Content) {
	crates, err := exe.Crates(c)
	f.fail(byRust, at.RealPath, err)
	marked := slices.ContainsFunc(crates, func(k exe.Crate) bool { return k.Root })
	for _, k := range crates {
		p := pkg.Package{Name: k.Name, Version: k.Version, Type: pkg.RustPkg,
			PURL:     packageurl.NewPackageURL(packageurl.TypeCargo, "", k.Name, k.Version, nil, "").ToString(),
			Metadata: pkg.RustBinaryAuditEntry{Name: k.Name, Version: k.Version, Source: k.Source}}
		if marked && !k.Root { // also another crate of the same workspace
			p.Metadata = part{p.Metadata}
		}
		f.add(byRust, at, p)
	}
}

// note adds a package note. The files of one package have the same one, and
// make one package.
func (f *finder) note(at file.Location, c rootfs.Content, known map[exe.PackageNote]int) {
	n, err := exe.ReadPackageNote(c)
	f.fail(byNote, at.RealPath, err)
	if n == nil {
		return
	}
	if i, ok := known[*n]; ok {
		f.packages[i].Locations.Add(at.WithAnnotation(pkg.EvidenceAnnotationKey, pkg.PrimaryEvidenceAnnotation))
		return
	}
	known[*n] = len(f.packages)
	f.add(byNote, at, pkg.Package{Name: n.Name, Version: n.Version, PURL: notePURL(n), Type: pkg.BinaryPkg, Metadata: pkg.ELFBinaryPackageNoteJSONPayload{}})
}

func notePURL(n *exe.PackageNote) string {
	os, version := n.OS, n.OSVersion
	if os == "" || version == "" {
		version = ""
		if attributes, err := cpe.NewAttributes(n.OSCPE); n.OSCPE != "" && err == nil {
			os, version = attributes.Product, attributes.Version
		} else if n.OSCPE != "" {
			os = ""
		}
	}
	kind := packageurl.TypeGeneric
	switch n.Type {
	case "rpm":
		kind = packageurl.TypeRPM
	case "deb":
		kind = packageurl.TypeDebian
	case "apk":
		kind = packageurl.TypeAlpine
	case "alpm":
		kind = packageurl.TypeAlpm
	}
	namespace := os
	if kind == packageurl.TypeGeneric || os == "" {
		namespace = n.System
	}
	var qualifiers packageurl.Qualifiers
	if os != "" {
		distro := os
		if version != "" {
			distro += "-" + version
		}
		qualifiers = packageurl.Qualifiers{{Key: "distro", Value: distro}}
	}
	return packageurl.NewPackageURL(kind, namespace, n.Name, n.Version, qualifiers, "").ToString()
}

func (f *finder) nativeImage(at file.Location, c rootfs.Content) {
	components, err := exe.NativeImage(c)
	f.fail(byNative, at.RealPath, err)
	for _, k := range components {
		name := k.Name
		if k.Group != "" && k.PURL == "" {
			name = k.Group + "/" + k.Name
		}
		p := pkg.Package{Name: name, Version: k.Version, PURL: k.PURL, Type: pkg.TypeFromPURL(k.PURL), FoundBy: byNative, Metadata: part{}}
		p.Locations.Add(at)
		f.packages = append(f.packages, p)
	}
}
