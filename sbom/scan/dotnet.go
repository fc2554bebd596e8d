package scan

import (
	"encoding/json"
	"encoding/xml"
	"net/url"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/ecosystem"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// toolSettings is the file of a .NET tool that names its commands
// (https://learn.microsoft.com/en-us/dotnet/core/tools/global-tools-how-to-create).
const toolSettings = "DotnetToolSettings.xml"

// maxToolSettings is the size of that file. Real ones have 200 bytes.
const maxToolSettings = 1 << 20

// readDotnetTools adds the tools that "dotnet tool install" installed: packages
// of NuGet that are unpacked into DIR/.store/NAME/VERSION, each with the
// libraries that it needs, and with a program for each command in DIR.
func (s *scanner) readDotnetTools() {
	t := s.tree
	for store := range t.Named(".store") {
		for name := range t.Children(store) {
			for version := range t.Children(name) {
				if spec := s.nuspecOf(version); spec != rootfs.None && !s.caches.contain(spec) {
					s.addDotnetTool(t.Parent(store), t.Name(name), version, spec)
				}
			}
		}
	}
}

// nuspecOf returns the manifest of the package below NAME/VERSION/NAME/VERSION,
// None if there is none.
func (s *inventory) nuspecOf(dir rootfs.Node) rootfs.Node {
	t := s.tree
	for name := range t.Children(dir) {
		for version := range t.Children(name) {
			for n := range t.Children(version) {
				if t.Kind(n) == rootfs.File && strings.HasSuffix(t.Name(n), ".nuspec") {
					return n
				}
			}
		}
	}
	return rootfs.None
}

func (s *scanner) addDotnetTool(bin rootfs.Node, name string, dir, spec rootfs.Node) {
	t := s.tree
	i := s.add(unit{node: spec, inside: -1, Component: sbom.Component{
		Kind: sbom.KindPackage, Type: "nuget", Name: name, Version: t.Name(dir), Paths: []string{t.Path(spec)},
		FoundBy: "dotnet-tool-reader", InstallReason: sbom.ReasonExplicit,
	}})
	s.claimTree(dir, i, nil)
	s.nugetRecord(i, t.Parent(spec))
	from, to := t.Subtree(dir)
	for n := range t.Named(toolSettings) {
		if n < from || n >= to || t.Kind(n) != rootfs.File {
			continue
		}
		var settings struct {
			Commands []struct {
				Name string `xml:"Name,attr"`
			} `xml:"Commands>Command"`
		}
		data, err := t.ReadFile(n, maxToolSettings)
		if err == nil {
			err = xml.Unmarshal([]byte(strings.TrimPrefix(string(data), "\ufeff")), &settings)
		}
		if err != nil {
			s.gap(sbom.GapMalformed, t.Path(n), "the commands of a .NET tool cannot be read: "+reason(err))
			continue
		}
		for _, c := range settings.Commands {
			if c.Name != path.Base(c.Name) {
				continue
			}
			for _, file := range []string{c.Name, c.Name + ".exe"} {
				if program := t.Child(bin, file); t.Kind(program) == rootfs.File {
					s.claim(program, i)
				}
			}
		}
	}
}

// nugetMetadata is the file in which NuGet records the hash and the source of a
// package that it installed (https://github.com/NuGet/Home/wiki/Nupkg-Metadata-File).
const nugetMetadata = ".nupkg.metadata"

// maxNuspec is the size of a .nuspec and of a .nupkg.metadata. The largest of the
// former have 100 KB of release notes.
const maxNuspec = 4 << 20

// nugetRecord sets the digest and the origin of a package of NuGet by the record
// beside its manifest, if there is one.
func (s *scanner) nugetRecord(i int, dir rootfs.Node) {
	t := s.tree
	n := t.Child(dir, nugetMetadata)
	if t.Kind(n) != rootfs.File {
		return
	}
	var record struct{ ContentHash, Source string }
	data, err := t.ReadFile(n, maxNuspec)
	if err == nil {
		err = json.Unmarshal([]byte(strings.TrimPrefix(string(data), "\ufeff")), &record)
	}
	if err != nil {
		s.gap(sbom.GapMalformed, t.Path(n), "NuGet's record of a package cannot be read: "+reason(err))
		return
	}
	if d, ok := catalogers.ContentHashDigest(record.ContentHash, t.Path(n)); ok {
		s.units[i].Digests = append(s.units[i].Digests, d)
	}
	if u, err := url.Parse(record.Source); err == nil && u.Host != "" {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		s.units[i].Install = &sbom.Install{Kind: sbom.InstallRegistry, URL: u.String(), File: t.Path(n)}
	}
}

// readNuGetPackages adds the packages in NuGet's directories, DIR/ID/VERSION with
// ID.nuspec in it, which builds use in place
// (https://learn.microsoft.com/nuget/consume-packages/managing-the-global-packages-and-cache-folders).
// The names of the directories are in lower case.
func (s *scanner) readNuGetPackages() {
	t := s.tree
	for n := range t.Named(nugetMetadata) {
		dir := t.Parent(n)
		if t.Kind(n) != rootfs.File || dir == rootfs.None || t.Parent(dir) == rootfs.None || s.claims[n] != 0 || s.caches.contain(n) {
			continue
		}
		name, version := t.Name(t.Parent(dir)), t.Name(dir)
		spec := t.Child(dir, name+".nuspec")
		if t.Kind(spec) != rootfs.File || s.owned(spec) {
			continue
		}
		i := s.add(unit{node: spec, inside: -1, Component: sbom.Component{
			Kind: sbom.KindPackage, Type: "nuget", Name: name, Version: version, Paths: []string{t.Path(spec)}, FoundBy: "nuget-reader",
		}})
		s.claimTree(dir, i, nil)
		s.nugetID(i, spec)
		s.nugetRecord(i, dir)
	}
}

// nugetID sets the name of a package as its manifest spells it. A manifest of
// another name contradicts the directory, whose name counts.
func (s *scanner) nugetID(i int, spec rootfs.Node) {
	var manifest struct {
		ID string `xml:"metadata>id"`
	}
	data, err := s.tree.ReadFile(spec, maxNuspec)
	if err == nil {
		err = xml.Unmarshal([]byte(strings.TrimPrefix(string(data), "\ufeff")), &manifest)
	}
	switch u := &s.units[i]; {
	case err != nil:
		s.gap(sbom.GapMalformed, s.tree.Path(spec), "the manifest of a package of NuGet cannot be read: "+reason(err))
	case ecosystem.EqualFold(manifest.ID, u.Name):
		u.Name = manifest.ID
	default:
		s.misname(i, spec, "its directory is %+q, and it describes %+q", u.Name, manifest.ID)
	}
}
