// Package dotnet reads the packages of .NET applications: from the deps.json
// file that the SDK writes beside an application, or into it, and from the
// version resources of assemblies that no such file lists.
//
// The rules by which these make packages are those of syft's .NET cataloger,
// which the scan is compared with; so is the choice among version resources.
package dotnet

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// Package is a package of an application.
type Package struct {
	NPM           bool // of libman.json; else of NuGet
	Name, Version string
	Path          string   // where it is recorded
	Beside        []string // its assemblies
	Contained     bool     // in the program at Path
	// SHA512 is the hash of the package's content that the file has, as
	// "sha512-" and base64; empty for none.
	SHA512 string
	// Logical is the runtime itself, which no package is recorded for.
	Logical bool
}

// Deps is a parsed deps.json file
// (https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md).
type Deps struct {
	Path string
	// Libman are the packages of the libman.json file beside it.
	Libman []Package

	libraries map[string]*library
	order     []string // the keys of libraries, sorted
	bundler   bool
}

type library struct {
	kind             string // "package", "project", "referenceassembly"
	recorded         bool   // with a digest or a path
	sha512           string
	needs            []string
	files            map[string]bool // relative to the file's directory
	assemblies       []string        // that are on disk
	claims, reaching bool            // itself, or what it needs, has files
}

// bundlers are the packages of tools that merge assemblies into one: what they
// merged has no file of its own.
var bundlers = map[string]bool{
	"ILRepack.Lib.MSBuild.Task": true, "ILRepack.Lib": true, "ILRepack.Lib.MSBuild": true, "ILRepack.Lib.NET": true,
	"ILRepack.NETStandard": true, "ILRepack.FullAuto": true, "ILMerge": true, "JetBrains.Build.ILRepack": true,
	"PostSharp.Community.Packer": true, "Brokenevent.ILStrip": true, "Brokenevent.ILStrip.CLI": true, "Costura.Fody": true, "Fody": true,
}

// libPath is the part of an assembly's path that the SDK drops when it copies
// the assembly beside the application.
var libPath = lazyregexp.New(`^(?:runtimes/[^/]+/)?lib/net[^/]+/(.+)`)

// ParseDeps parses a deps.json file.
func ParseDeps(file string, data []byte) (*Deps, error) {
	type assets map[string]json.RawMessage
	var doc struct {
		Targets map[string]map[string]struct {
			Dependencies map[string]string `json:"dependencies"`
			Runtime      assets            `json:"runtime"`
			Resources    assets            `json:"resources"`
			Compile      assets            `json:"compile"`
			Native       assets            `json:"native"`
		} `json:"targets"`
		Libraries map[string]struct {
			Type   string `json:"type"`
			Path   string `json:"path"`
			SHA512 string `json:"sha512"`
		} `json:"libraries"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("deps.json: %w", err)
	}
	d := &Deps{Path: file, libraries: make(map[string]*library)}
	for _, target := range doc.Targets {
		for key, t := range target {
			l := d.libraries[key]
			if l == nil {
				meta := doc.Libraries[key]
				l = &library{kind: meta.Type, recorded: meta.SHA512 != "" || meta.Path != "", sha512: meta.SHA512, files: make(map[string]bool)}
				d.libraries[key] = l
				name, _, _ := strings.Cut(key, "/")
				d.bundler = d.bundler || bundlers[name]
			}
			for name, version := range t.Dependencies {
				l.needs = append(l.needs, name+"/"+version)
			}
			for _, a := range []assets{t.Runtime, t.Resources, t.Compile} {
				for p := range a {
					if m := libPath.FindStringSubmatch(p); m != nil {
						p = m[1]
					}
					l.files[p] = true
				}
			}
			for p := range t.Native {
				l.files[p] = true
			}
		}
	}
	d.order = slices.Sorted(maps.Keys(d.libraries))
	for _, l := range d.libraries {
		l.claims = len(l.files) > 0
	}
	for _, key := range d.order {
		d.libraries[key].reaching = d.reaches(key, make(map[string]bool))
	}
	return d, nil
}

// reaches reports whether a library or one that it needs has files.
func (d *Deps) reaches(key string, seen map[string]bool) bool {
	l := d.libraries[key]
	if l == nil || seen[key] {
		return false
	}
	seen[key] = true
	return l.claims || slices.ContainsFunc(l.needs, func(n string) bool { return d.reaches(n, seen) })
}

// ParseLibman parses a libman.json file
// (https://learn.microsoft.com/en-us/aspnet/core/client-side/libman/).
func ParseLibman(file string, data []byte) ([]Package, error) {
	var doc struct {
		DefaultProvider string `json:"defaultProvider"`
		Libraries       []struct {
			Library  string `json:"library"`
			Provider string `json:"provider"`
		} `json:"libraries"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("libman.json: %w", err)
	}
	var out []Package
	for _, l := range doc.Libraries {
		fields := strings.Split(l.Library, "@")
		if len(fields) == 2 && cmp.Or(l.Provider, doc.DefaultProvider) != "filesystem" {
			out = append(out, Package{NPM: true, Name: fields[0], Version: fields[1], Path: file})
		}
	}
	return out, nil
}

// Packages returns the packages of an environment from its deps.json files and
// its .NET assemblies. An assembly that a file lists is part of the package.
func Packages(docs []*Deps, files []*File) []Package {
	files = slices.SortedFunc(slices.Values(files), func(a, b *File) int { return strings.Compare(b.Path, a.Path) })
	embedded := make(map[string]bool)
	for _, f := range files {
		if d, err := ParseDeps(f.Path, f.Deps); err == nil { // other content is no list
			docs = append(docs, d)
			embedded[f.Path] = true
		}
	}
	docs = slices.SortedFunc(slices.Values(docs), func(a, b *Deps) int { return strings.Compare(b.Path, a.Path) })
	var rest []*File
	for _, f := range files {
		listed := embedded[f.Path]
		for _, d := range docs {
			listed = d.attach(f.Path) || listed
		}
		if !listed {
			rest = append(rest, f)
		}
	}
	var out []Package
	for _, d := range docs {
		out = append(out, d.packages()...)
	}
	return append(out, assemblies(rest, out)...)
}

// attach adds an assembly to the libraries that list it, and reports whether
// there are any.
func (d *Deps) attach(file string) bool {
	dir := path.Dir(d.Path)
	if !strings.HasPrefix(path.Dir(file), dir) {
		return false
	}
	relative := strings.TrimPrefix(strings.TrimPrefix(file, dir), "/")
	found := false
	for _, l := range d.libraries {
		if l.files[relative] {
			l.assemblies = append(l.assemblies, file)
			found = true
		}
	}
	return found
}

// packages returns the packages of one file. Left out are other projects of
// the same solution, reference assemblies, which the SDK has, and packages
// without files, such as analysers.
func (d *Deps) packages() []Package {
	root := d.root()
	var out []Package
	for _, key := range d.order {
		l := d.libraries[key]
		switch {
		case key == root:
		case l.kind == "referenceassembly" && !l.recorded, l.kind == "project":
			continue
		case !l.reaching && !d.bundler:
			continue
		}
		name, version := split(key)
		if r, v := split(root); key != root && root != "" && name == r && version == v {
			continue
		}
		contained := key != root && !strings.HasSuffix(d.Path, ".deps.json")
		out = append(out, Package{Name: name, Version: version, Path: d.Path, Beside: l.assemblies, Contained: contained, SHA512: l.sha512})
	}
	return append(out, d.Libman...)
}

// root is the application itself: the project with the name of the file.
func (d *Deps) root() string {
	base := path.Base(d.Path)
	name := ""
	switch {
	case strings.HasSuffix(base, ".deps.json"):
		name = strings.TrimSuffix(base, ".deps.json")
	case strings.HasSuffix(base, ".exe"):
		name = strings.TrimSuffix(base, ".exe")
	case !strings.Contains(base, "."):
		name = base
	}
	for _, key := range d.order {
		if n, _ := split(key); name != "" && n == name && d.libraries[key].kind == "project" {
			return key
		}
	}
	return ""
}

func split(key string) (name, version string) {
	fields := strings.Split(key, "/")
	if len(fields) > 1 {
		version = fields[1]
	}
	return fields[0], version
}

// runtimePath is where the files of the shared runtime are.
var runtimePath = lazyregexp.New(`/Microsoft\.NETCore\.App/(\d+\.\d+\.\d+)/[^/]+\.dll`)

// assemblies returns the packages of assemblies that no file lists: one for
// each version of the runtime that is not among the listed packages, and one
// for each other assembly.
func assemblies(files []*File, listed []Package) []Package {
	known := make(map[string]bool)
	for _, p := range listed {
		if !p.NPM && isRuntime(p.Name) {
			known[p.Version] = true
		}
	}
	runtimes := make(map[string][]string)
	var out []Package
	for _, f := range files {
		if m := runtimePath.FindStringSubmatch(f.Path); m != nil {
			runtimes[m[1]] = append(runtimes[m[1]], f.Path)
			continue
		}
		name, version := f.managedName()
		out = append(out, Package{Name: name, Version: version, Path: f.Path})
	}
	for _, v := range slices.Sorted(maps.Keys(runtimes)) {
		if !known[v] {
			out = append(out, Package{Name: "Microsoft.NETCore.App", Version: v, Beside: runtimes[v], Logical: true})
		}
	}
	return out
}

func isRuntime(name string) bool {
	name = strings.ToLower(name)
	for _, family := range []string{"microsoft.aspnetcore.app", "microsoft.netcore.app"} {
		if name == family || strings.HasPrefix(name, "runtimepack."+family+".runtime") || strings.HasPrefix(name, family+".runtime") ||
			strings.HasPrefix(name, "runtime") && strings.HasSuffix(name, family) {
			return true
		}
	}
	return false
}
