package catalogers

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"
	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

func locations(in []file.Location) []string {
	var out []string
	for _, l := range in {
		s := l.RealPath
		if l.AccessPath != "" && l.AccessPath != l.RealPath {
			s += " by " + l.AccessPath
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

func TestGlobs(t *testing.T) {
	tree := plant(t, map[string]string{
		"usr/lib/x/METADATA": "one",
		"usr/lib/METADATA":   "-> x/METADATA",      // a second name of the same file
		"srv/METADATA":       "-> /usr/lib/y.data", // a name for a file of another name
		"usr/lib/y.data":     "two",
		"srv/away/METADATA":  "-> ../../../../../../etc/passwd", // stays within the root
		"srv/loop/METADATA":  "-> METADATA",
		"srv/dir/METADATA":   "-> /usr/lib",
		"hidden/METADATA":    "three",
		"link-to-hidden":     "-> hidden/METADATA",
	})
	hidden := tree.Lookup("/hidden/METADATA")
	r := newResolver(View{Tree: tree, Visible: func(n rootfs.Node) bool { return n != hidden }}, "any", t.Context().Err)
	for _, c := range []struct {
		patterns []string
		want     []string
	}{
		{[]string{"**/METADATA"}, []string{"/usr/lib/x/METADATA", "/usr/lib/y.data by /srv/METADATA"}},
		{[]string{"**/METADATA", "**/*.data", "**/METADATA"}, []string{"/usr/lib/x/METADATA", "/usr/lib/y.data"}},
		{[]string{"**/link-to-hidden"}, nil},
		{[]string{"**/passwd"}, nil},
		{[]string{"**/none"}, nil},
		// The search for licences: everything in a literal directory.
		{[]string{"/usr/lib/x/*"}, nil},
		{[]string{"**/x/*"}, []string{"/usr/lib/x/METADATA"}},
	} {
		got, err := r.FilesByGlob(c.patterns...)
		if err != nil {
			t.Errorf("%q: %v", c.patterns, err)
		}
		if diff := cmp.Diff(c.want, locations(got)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.patterns, diff)
		}
	}
	if len(r.problems()) > 0 {
		t.Errorf("problems: %+v", r.problems())
	}
	if _, err := r.FilesByGlob("**/[x"); err == nil || len(r.problems()) != 1 {
		t.Errorf("a malformed pattern: %v, %+v", err, r.problems())
	}
}

func TestContents(t *testing.T) {
	tree := plant(t, map[string]string{"a": "text", "b": "-> a", "d/e": "", "hidden": "secret"})
	hidden := tree.Lookup("/hidden")
	r := newResolver(View{Tree: tree, Visible: func(n rootfs.Node) bool { return n != hidden }}, "any", t.Context().Err)
	f, err := r.FileContentsByLocation(file.NewLocation("/a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if data, err := io.ReadAll(f); string(data) != "text" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	for _, path := range []string{"/hidden", "/none", "/d", "/b", "", "/../etc/passwd"} {
		if f, err := r.FileContentsByLocation(file.NewLocation(path)); err == nil {
			f.Close()
			t.Errorf("%q could be read", path)
		}
	}
	m, err := r.FileMetadataByLocation(file.NewLocation("/a"))
	if err != nil || m.Path != "/a" || m.FileInfo.Size() != 4 {
		t.Errorf("metadata %+v, %v", m, err)
	}
	if _, err := r.FileMetadataByLocation(file.NewLocation("/none")); err == nil {
		t.Error("metadata of nothing")
	}
	if !r.HasPath("/b") || r.HasPath("/none") {
		t.Error("HasPath is wrong")
	}
}

// TestPathsFindNoLicences checks that no licence is looked up, and that the
// catalogers that find metadata by path find it.
func TestPathsFindNoLicences(t *testing.T) {
	tree := plant(t, map[string]string{"p/LICENSE": "MIT", "p/link": "-> LICENSE"})
	for cataloger, want := range map[string][]string{
		"python-installed-package-cataloger": nil,
		"perl-cpan-installed-cataloger":      {"/p/LICENSE", "/p/LICENSE by /p/link"},
	} {
		r := newResolver(View{Tree: tree, Visible: everything}, cataloger, t.Context().Err)
		got, err := r.FilesByPath("/p/LICENSE", "p/link", "/none")
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, locations(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", cataloger, diff)
		}
	}
	for _, name := range []string{"perl-cpan-installed-cataloger", "gguf-cataloger", "safetensors-cataloger"} {
		if !slices.ContainsFunc(catalogers(), func(c pkg.Cataloger) bool { return c.Name() == name }) {
			t.Errorf("there is no cataloger %q", name)
		}
	}
}

func TestMIMETypes(t *testing.T) {
	tree := plant(t, map[string]string{"elf": "", "object": "", "mach": "", "pe": ""})
	view := View{Tree: tree, Visible: everything}
	for path, kind := range map[string]ExecutableType{"/elf": ELF, "/object": ELFObject, "/mach": MachO, "/pe": PE} {
		view.Executables = append(view.Executables, Executable{tree.Lookup(path), kind})
	}
	r := newResolver(view, "any", t.Context().Err)
	for _, c := range []struct {
		types    []string
		want     []string
		problems int
	}{
		{[]string{"application/x-executable", "application/x-sharedlib"}, []string{"/elf"}, 0},
		{[]string{"application/x-mach-binary", "application/vnd.microsoft.portable-executable"}, []string{"/mach", "/pe"}, 0},
		{[]string{"application/java-archive", "application/x-elf"}, []string{"/elf"}, 1},
	} {
		got, err := r.FilesByMIMEType(c.types...)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(c.want, locations(got)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.types, diff)
		}
		if len(r.problems()) != c.problems {
			t.Errorf("%q: problems %+v", c.types, r.problems())
		}
	}
	if !strings.Contains(r.problems()[0].Detail, "application/java-archive") {
		t.Errorf("the problem does not name the type: %+v", r.problems())
	}
}

func TestAllLocations(t *testing.T) {
	tree := plant(t, map[string]string{"a": "", "hidden": ""})
	hidden := tree.Lookup("/hidden")
	r := newResolver(View{Tree: tree, Visible: func(n rootfs.Node) bool { return n != hidden }}, "any", t.Context().Err)
	var got []string
	for l := range r.AllLocations(t.Context()) {
		got = append(got, l.RealPath)
	}
	if diff := cmp.Diff([]string{"/", "/a"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
