package scan

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// TestOwners checks the owners of paths of every kind, and that the document
// equals that of a scan without paths.
func TestOwners(t *testing.T) {
	elf := "x:" + program(t)
	f := debs(map[string][]string{
		"coreutils": {"/usr", "/usr/bin", "/usr/bin/ls", "/usr/bin/link"},
		"mawk":      {"/usr", "/usr/bin", "/usr/bin/mawk"},
	}).with(dist(site, "evil", "6.6.6")).with(files{
		"/usr/bin/ls": elf, "/usr/bin/mawk": elf, "/usr/bin/link": "-> nowhere",
		"/usr/bin/awk": "-> /etc/alternatives/awk", "/etc/alternatives/awk": "-> /usr/bin/mawk", "/bin": "-> usr/bin",
		"/usr/bin/loop": "-> loop", "/usr/bin/up": "-> ../../../../../../usr/bin/ls",
		"/opt/tool/bin/tool": elf, "/etc/motd": "hello",
	})
	root := f.plant(t)
	ref := rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}
	want := []Owner{
		{Path: "/usr/bin/ls", Real: "/usr/bin/ls", ID: "deb/debian/coreutils@1?arch=amd64"},
		{Path: "/bin/ls", Real: "/usr/bin/ls", ID: "deb/debian/coreutils@1?arch=amd64"},
		{Path: "/usr/bin/../bin//ls", Real: "/usr/bin/ls", ID: "deb/debian/coreutils@1?arch=amd64"},
		{Path: "/usr/bin/up", Real: "/usr/bin/ls", ID: "deb/debian/coreutils@1?arch=amd64"},
		{Path: "/usr/bin/link", Real: "/usr/bin/link", ID: "deb/debian/coreutils@1?arch=amd64"}, // owned, wherever it leads
		{Path: "/bin/awk", Real: "/usr/bin/mawk", ID: "deb/debian/mawk@1?arch=amd64"},
		{Path: site + "/evil/__init__.py", Real: site + "/evil/__init__.py", ID: "pypi/evil@6.6.6"},
		{Path: "/opt/tool/bin/tool", Real: "/opt/tool/bin/tool", ID: "generic//opt/tool"},
		{Path: "/etc/motd", Real: "/etc/motd"},
		{Path: "/usr/bin", Real: "/usr/bin", Dir: true},
		{Path: "/opt/tool/bin", Real: "/opt/tool/bin", ID: "generic//opt/tool", Dir: true},
		{Path: "/", Real: "/", Dir: true},
		{Path: "/usr/bin/loop", Real: "/usr/bin/loop"},
		{Path: "/usr/bin/none"},
		{Path: "/../../etc/passwd"}, // not this machine's
	}
	var paths []string
	for _, o := range want {
		paths = append(paths, o.Path)
	}
	doc, got, err := Owners(context.Background(), ref, Options{Fingerprints: true}, paths)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if want[i].Path == "/opt/tool/bin/tool" || want[i].Path == "/opt/tool/bin" {
			want[i].ID = unaccounted("/opt/tool")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, o := range got {
		if o.ID != "" && doc.Component(o.ID) == nil {
			t.Errorf("%s belongs to %s, which is not there", o.Path, o.ID)
		}
	}
	plain, err := Run(context.Background(), ref, Options{Fingerprints: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, doc); diff != "" {
		t.Errorf("another document (-plain +with owners)\n%s", diff)
	}
}
