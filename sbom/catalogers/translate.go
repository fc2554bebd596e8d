package catalogers

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/license"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom"
)

// translate returns the plain data of a package of syft.
func translate(cataloger string, p pkg.Package) Found {
	f := Found{Cataloger: cataloger, PURL: p.PURL, Name: p.Name, Version: p.Version}
	if f.Version == "UNKNOWN" { // syft's stub for a missing version
		f.Version = ""
	}
	f.Type = typeOf(p)
	if u, err := packageurl.FromString(p.PURL); err == nil {
		// The parts of the purl are canonical: a Maven group, an npm scope and a
		// Go path are its namespace, and part of the name in syft.
		f.Type, f.Namespace, f.Name = u.Type, u.Namespace, u.Name
		if u.Type == packageurl.TypeGolang {
			// The purl type lowers the case of module paths. For Go and go.sum
			// paths of different case are different modules.
			f.Namespace, f.Name = path.Split(p.Name)
			f.Namespace = strings.TrimSuffix(f.Namespace, "/")
		}
		if u.Version != "" {
			f.Version = u.Version
		}
	} else {
		f.PURL = packageurl.NewPackageURL(f.Type, "", f.Name, f.Version, nil, "").ToString()
	}
	primary(&f, p)
	details(&f, p)
	f.Supplier, f.Licenses = supplier(p.Metadata), licenses(p)
	return f
}

// supplier returns the author that the metadata of a package names.
func supplier(metadata any) string {
	switch m := metadata.(type) {
	case part:
		return supplier(m.metadata)
	case local:
		return supplier(m.metadata)
	case pkg.PythonPackage:
		if m.Author != "" && m.AuthorEmail != "" && !strings.Contains(m.AuthorEmail, "<") {
			return sbom.Statement(m.Author + " <" + m.AuthorEmail + ">")
		}
		return sbom.Statement(cmp.Or(m.AuthorEmail, m.Author))
	case pkg.NpmPackage:
		return sbom.Statement(m.Author)
	case pkg.RDescription:
		return sbom.Statement(cmp.Or(m.Maintainer, m.Author))
	case pkg.RubyGemspec:
		return sbom.Statement(strings.Join(m.Authors, ", "))
	}
	return ""
}

// licenses returns what the metadata of a package states. What syft recognised in
// files beside it is not the package's statement.
func licenses(p pkg.Package) []string {
	var out []string
	for _, l := range p.Licenses.ToSlice() {
		if l.Type == license.Declared {
			out = append(out, sbom.Statements(cmp.Or(l.Value, l.SPDXExpression))...)
		}
	}
	slices.Sort(out)
	if p.Type == pkg.PhpComposerPkg || p.Type == pkg.Rpkg {
		return sbom.Choice(out) // syft splits the field of R at "|"
	}
	return slices.Compact(out)
}

// primary sets the evidence. syft annotates it; a location without an
// annotation is primary too.
func primary(f *Found, p pkg.Package) {
	for _, l := range p.Locations.ToSlice() {
		f.Paths = append(f.Paths, l.RealPath)
		mark := l.Annotations[pkg.EvidenceAnnotationKey]
		if mark != "" && mark != pkg.PrimaryEvidenceAnnotation {
			continue
		}
		if f.Path == "" || l.RealPath < f.Path {
			f.Path = l.RealPath
		}
	}
	slices.Sort(f.Paths)
	f.Paths = slices.Compact(f.Paths)
	if f.Path == "" && len(f.Paths) > 0 {
		f.Path = f.Paths[0]
	}
}

// details sets the fields that depend on the ecosystem.
func details(f *Found, p pkg.Package) {
	switch m := p.Metadata.(type) {
	case part:
		p.Metadata = m.metadata
		details(f, p)
		f.Carried = true
		return
	case local:
		p.Metadata = m.metadata
		details(f, p)
		f.Install = &sbom.Install{Kind: sbom.InstallPath, File: f.Path}
		return
	case pkg.PythonPackage:
		for _, r := range m.Files {
			f.Files = append(f.Files, path.Join(m.SitePackagesRootPath, r.Path))
		}
		return
	case composerPackage:
		f.Digests, f.Install = m.origin(f.Path)
		if m.Path != "" {
			f.Dir = path.Join(path.Dir(f.Path), m.Path)
		}
		return
	case pkg.GolangBinaryBuildinfoEntry:
		f.Carried = !isMainModule(p, m)
		if sum, ok := strings.CutPrefix(m.H1Digest, "h1:"); ok {
			f.Digests = append(f.Digests, sbom.Digest{Algorithm: "h1", Value: sum, Proved: true, File: f.Path})
		}
	case pkg.RustBinaryAuditEntry:
		// The list does not mark the crate of the program. A crate without a
		// registry was built from a working tree.
		f.Carried = m.Source == "crates.io" || m.Source == "registry" || m.Source == "git"
		// The list has the kind of source only: neither the repository nor the
		// commit, and not which registry.
		switch m.Source {
		case "git":
			f.Install = &sbom.Install{Kind: sbom.InstallVCS, File: f.Path}
		case "registry": // another one than crates.io
			f.Install = &sbom.Install{Kind: sbom.InstallRegistry, File: f.Path}
		case "local":
			f.Install = &sbom.Install{Kind: sbom.InstallPath, File: f.Path}
		}
	case pkg.JavaArchive:
		if rest, ok := strings.CutPrefix(m.VirtualPath, f.Path); ok && rest != "" {
			f.Within = strings.TrimPrefix(rest, ":")
			f.Carried = true
		}
		for _, d := range m.ArchiveDigests {
			if v, ok := hexDigest(d.Value); ok && !f.Carried {
				f.Digests = append(f.Digests, sbom.Digest{Algorithm: strings.ReplaceAll(d.Algorithm, "-", ""), Value: v, Proved: true, File: f.Path})
			}
		}
	case pkg.CondaMetaPackage:
		condaRecord(f, m)
	case pkg.DotnetDepsEntry:
		if value, ok := strings.CutPrefix(m.Sha512, "sha512-"); ok {
			f.Digests = appendContentHash(f.Digests, value, f.Path)
		}
	case pkg.BinarySignature:
		f.Classifier = true
	case pkg.ELFBinaryPackageNoteJSONPayload:
		// A note names the distribution's package that a file was built for. In
		// a file that the package does not own it only names the file.
		switch f.Type {
		case packageurl.TypeDebian, packageurl.TypeRPM, packageurl.TypeApk, packageurl.TypeAlpm:
			f.Classifier, f.Described = true, true
		}
	case pkg.PEBinary:
		f.Classifier, f.Described = true, true
	}
	if owner, ok := p.Metadata.(pkg.FileOwner); ok {
		f.Files = append(f.Files, owner.OwnedFiles()...)
	}
}

// part is the metadata of a package that a reader of ours found to be contained
// in another one of the same record.
type part struct{ metadata any }

// local is the metadata of a package that was built from a local directory.
type local struct{ metadata any }

// fileList is the metadata of a package that lists its files.
type fileList []string

func (l fileList) OwnedFiles() []string { return l }

func isMainModule(p pkg.Package, m pkg.GolangBinaryBuildinfoEntry) bool {
	return m.MainModule != "" && p.Name == m.MainModule
}

// typeOf returns the purl type of a package without a package URL.
func typeOf(p pkg.Package) string {
	if t := p.Type.PackageURLType(); t != "" {
		return t
	}
	return packageurl.TypeGeneric
}

// hexDigest accepts hexadecimal and base64 spellings of a digest.
func hexDigest(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if _, err := hex.DecodeString(s); err == nil && s != "" {
		return strings.ToLower(s), true
	}
	if b, err := base64.StdEncoding.DecodeString(s); err == nil && len(b) > 0 {
		return hex.EncodeToString(b), true
	}
	return "", false
}
