package judge

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/sbom"
)

// TestPlatform checks the values of markers that a document shows, and that one
// which it does not show is left out.
func TestPlatform(t *testing.T) {
	debian := sbom.Environment{Kind: "dir", OS: sbom.OS{ID: "debian"}}
	site := func(path string) sbom.Component {
		return sbom.Component{Kind: sbom.KindPackage, Type: "pypi", Name: "six", Version: "1.16.0", Paths: []string{path}}
	}
	dpkg := func(name, version, arch string) sbom.Component {
		return sbom.Component{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: name, Version: version, Arch: arch}
	}
	for _, tt := range []struct {
		name       string
		env        sbom.Environment
		components []sbom.Component // the first is the package
		via        string           // of the relation to the second
		want       string           // python_version python_full_version implementation machine system
		npm        lockcheck.Platform
	}{
		{"a virtual environment alone", sbom.Environment{Kind: "dir"}, []sbom.Component{site("/v/lib/python3.11/site-packages/six.dist-info/METADATA")}, "",
			"3.11 - cpython - linux", lockcheck.Platform{OS: "linux"}},
		{"PyPy", sbom.Environment{Kind: "dir"}, []sbom.Component{site("/v/lib/pypy3.10/site-packages/six.dist-info/METADATA")}, "", "3.10 - pypy - linux", lockcheck.Platform{OS: "linux"}},
		{"Debian's Python", debian, []sbom.Component{site("/usr/local/lib/python3.11/dist-packages/six.dist-info/METADATA"), dpkg("python3.11-minimal", "3.11.2-6+deb12u3", "amd64"), dpkg("libc6", "2.36", "amd64")},
			"/usr/bin/python3.11", "3.11 3.11.2 cpython x86_64 linux", lockcheck.Platform{OS: "linux", CPU: "x64", Libc: "glibc"}},
		{"pip install --target", debian, []sbom.Component{site("/srv/deps/six.dist-info/METADATA"), dpkg("python3.12-minimal", "3.12.3-1", "arm64")},
			"/usr/bin/python3.12", "3.12 3.12.3 cpython aarch64 linux", lockcheck.Platform{OS: "linux", CPU: "arm64"}},
		{"no interpreter", debian, []sbom.Component{site("/srv/deps/six.dist-info/METADATA"), dpkg("libc6", "1", "amd64")}, "", "- - - x86_64 linux", lockcheck.Platform{OS: "linux", CPU: "x64", Libc: "glibc"}},
		{"the only Python", debian, []sbom.Component{site("/srv/deps/six.dist-info/METADATA"), dpkg("libpython3.12-stdlib", "3.12.3-1", "all")}, "", "3.12 3.12.3 cpython - linux", lockcheck.Platform{OS: "linux"}},
		{"one of two Pythons", debian, []sbom.Component{site("/srv/deps/six.dist-info/METADATA"), dpkg("python3.12", "3.12.3-1", "all"), dpkg("python3.11", "3.11.2-1", "all")}, "", "- - - - linux", lockcheck.Platform{OS: "linux"}},
		{"two architectures", debian, []sbom.Component{site("/v/lib/python3.11/site-packages/six.dist-info/METADATA"), dpkg("a", "1", "amd64"), dpkg("b", "1", "i386")}, "", "3.11 - cpython - linux", lockcheck.Platform{OS: "linux"}},
		{"32 bits on an unknown kernel", debian, []sbom.Component{site("/v/lib/python3.11/site-packages/six.dist-info/METADATA"), dpkg("a", "1", "i386")}, "", "3.11 - cpython - linux", lockcheck.Platform{OS: "linux", CPU: "ia32"}},
		{"an image", sbom.Environment{Kind: "oci-dir", Image: sbom.Image{Platform: "linux/arm64/v8"}}, []sbom.Component{site("/usr/lib/python3.11/site-packages/six.dist-info/METADATA")}, "",
			"3.11 - cpython aarch64 linux", lockcheck.Platform{OS: "linux", CPU: "arm64"}},
		{"a Windows image", sbom.Environment{Kind: "oci-dir", Image: sbom.Image{Platform: "windows/amd64"}}, []sbom.Component{site("/x/six")}, "", "- - - AMD64 win32", lockcheck.Platform{OS: "win32", CPU: "x64"}},
		{"a document", sbom.Environment{Kind: "sbom"}, []sbom.Component{site("")}, "", "- - - - -", lockcheck.Platform{}},
	} {
		d := sbom.Document{Environment: tt.env, Components: tt.components}
		for i := range d.Components {
			d.Components[i].ID = sbom.Identity(&d.Components[i])
		}
		if tt.components[0].Paths[0] == "" {
			d.Components[0].Paths = nil
		}
		if tt.via != "" {
			d.Relations = []sbom.Relation{{From: d.Components[0].ID, To: d.Components[1].ID, Kind: sbom.RelInterpreter, Via: tt.via}}
		}
		id := d.Components[0].ID
		doc, err := sbom.New(d)
		if err != nil {
			t.Fatal(err)
		}
		p := newPlatform(doc)
		got := ""
		for _, env := range p.python(doc.Component(id)) {
			for _, name := range []string{"python_version", "python_full_version", "implementation_name", "platform_machine", "sys_platform"} {
				value := env[name]
				if value == "" {
					value = "-"
				}
				got += " " + value
			}
		}
		if diff := cmp.Diff(" "+tt.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.npm, p.npm); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
	}
}
