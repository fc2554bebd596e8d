package sbom_test

import (
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

func TestNames(t *testing.T) {
	for _, test := range []struct {
		c           sbom.Component
		name, label string
	}{
		{sbom.Component{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: "libc6", Version: "2:2.36-9", Arch: "amd64"}, "libc6", "libc6 2:2.36-9"},
		{sbom.Component{Kind: sbom.KindPackage, Type: "npm", Namespace: "@types", Name: "node", Version: "20.1.0"}, "@types/node", "@types/node 20.1.0"},
		{sbom.Component{Kind: sbom.KindPackage, Type: "npm", Namespace: "@types", Name: "node"}, "@types/node", "@types/node"},
		{sbom.Component{Kind: sbom.KindPackage, Type: "golang", Namespace: "github.com/spf13", Name: "cobra", Version: "v1.9.1"}, "github.com/spf13/cobra", "github.com/spf13/cobra v1.9.1"},
		{sbom.Component{Kind: sbom.KindPackage, Type: "maven", Namespace: "org.slf4j", Name: "slf4j-api", Version: "2.0"}, "org.slf4j/slf4j-api", "org.slf4j/slf4j-api 2.0"},
		{sbom.Component{Kind: sbom.KindPackage, Type: "pypi", Name: "six"}, "six", "six"},
		{sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: "x", Version: "1", Paths: []string{"/opt/a b@1/x"}}, "/opt/a b@1/x", "/opt/a b@1/x"},
	} {
		if got := test.c.FullName(); got != test.name {
			t.Errorf("name %q, want %q", got, test.name)
		}
		if got := test.c.Label(); got != test.label {
			t.Errorf("label %q, want %q", got, test.label)
		}
		name, version := sbom.SplitIdentity(sbom.Identity(&test.c))
		if want := test.c.Version; name != test.name || test.c.Kind != sbom.KindFiles && version != want {
			t.Errorf("%s: %q %q, want %q %q", sbom.Identity(&test.c), name, version, test.name, want)
		}
	}
}
