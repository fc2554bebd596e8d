package scan

import (
	"encoding/xml"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
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
