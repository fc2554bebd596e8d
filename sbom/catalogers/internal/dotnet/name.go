package dotnet

import (
	"path"
	"strings"
	"unicode"

	"github.com/anchore/go-version"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// NativeName returns the name and the version that a file without a .NET
// header gives itself.
func (f *File) NativeName() (name, version string) {
	name = f.title()
	if name == "" {
		name = fileName(f.Path)
	}
	version = leadingVersion(f.Fields["ProductVersion"])
	if version == "" {
		version = leadingVersion(f.Fields["FileVersion"])
	}
	return name, version
}

// managedName returns the name and the version of an assembly, without the
// framework that it was built for: "Azure.Core (net6.0)".
func (f *File) managedName() (name, ver string) {
	name = f.title()
	if m := framework.FindStringIndex(name); m != nil {
		name = strings.TrimSpace(name[:m[0]])
	}
	if name == "" {
		name = fileName(f.Path)
	}
	return name, f.managedVersion()
}

func fileName(p string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path.Base(p), ".exe"), ".dll")
}

var framework = lazyregexp.New(`\s*\((net[^)]*[0-9]+(\.[0-9]+)?)\)$`)

// title is the field that names a file. Microsoft's files have the product in
// ProductName ("Microsoft .NET Framework"), others themselves.
func (f *File) title() string {
	fields := []string{"ProductName", "FileDescription", "InternalName", "OriginalFilename"}
	if f.isMicrosoft() {
		fields = []string{"FileDescription", "InternalName", "OriginalFilename", "ProductName"}
	}
	for _, name := range fields {
		if v := printable(f.Fields[name]); v != "" {
			return v
		}
	}
	return ""
}

func (f *File) isMicrosoft() bool {
	return strings.Contains(strings.ToLower(f.Fields["CompanyName"]), "microsoft") ||
		strings.Contains(strings.ToLower(f.Fields["ProductName"]), "microsoft")
}

// printable joins words with one space and drops control characters.
func printable(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	s = strings.Map(func(r rune) rune {
		if r < 0x20 {
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// managedVersion chooses between the product's and the file's version.
func (f *File) managedVersion() string {
	product, file := leadingVersion(f.Fields["ProductVersion"]), leadingVersion(f.Fields["FileVersion"])
	p, perr := version.NewVersion(product)
	v, verr := version.NewVersion(file)
	if perr == nil && verr == nil && f.isMicrosoft() {
		// The file version of Microsoft's builds ends in the day and the number
		// of the build.
		ps, vs := p.Segments(), v.Segments()
		if len(ps) >= 2 && len(vs) > len(ps) && ps[0] == vs[0] && ps[1] == vs[1] {
			short, _, _ := strings.Cut(product, "+")
			return short
		}
	}
	switch {
	case perr == nil && verr != nil:
		return product
	case perr == nil && v.GreaterThan(p):
		return file
	case perr == nil && !p.Equal(v):
		return product
	}
	return moreDetailed(product, file)
}

// moreDetailed returns the version with more parts.
func moreDetailed(product, file string) string {
	p, v := strings.Count(collapse(product), "."), strings.Count(collapse(file), ".")
	switch {
	case hasDigit(product) && p >= v:
		return product
	case hasDigit(file) && v > 0:
		return file
	case hasDigit(product):
		return product
	case hasDigit(file):
		return file
	}
	return product
}

var separators = lazyregexp.New(`[.,]+`)

func collapse(s string) string { return separators.ReplaceAllString(s, ".") }

// leadingVersion cuts what follows a version: "1.2.3 (release)", "4.8 built by: X".
func leadingVersion(s string) string {
	out := ""
	for i, word := range strings.Fields(s) {
		if hasDigit(out) && !hasDigit(word) {
			return out
		}
		if i > 0 {
			out += " "
		}
		out += word
	}
	return out
}

func hasDigit(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x80 && unicode.IsDigit(r) })
}

// Product returns the product that a file belongs to.
func (f *File) Product() string {
	if p := printable(f.Fields["ProductName"]); p != "" {
		return p
	}
	return printable(f.Fields["FileDescription"])
}
