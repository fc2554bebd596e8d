package sbom_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

func document(components ...sbom.Component) sbom.Document {
	return sbom.Document{Environment: sbom.Environment{Ref: "dir:x", Kind: "dir"}, Components: components}
}

func pkg(name, version string, paths ...string) sbom.Component {
	return sbom.Component{Kind: sbom.KindPackage, Type: "pypi", Name: name, Version: version, PURL: "pkg:pypi/" + name + "@" + version, Paths: paths}
}

func bundled(owner string, c sbom.Component) sbom.Component {
	c.Owner = owner
	return c
}

func ids(d *sbom.Document) []string {
	var out []string
	for _, c := range d.Components {
		line := c.ID
		if c.Owner != "" {
			line += " in " + c.Owner
		}
		out = append(out, line+" "+strings.Join(c.Paths, ","))
	}
	return out
}

func TestOneForEachIdentity(t *testing.T) {
	deb := func(arch string) sbom.Component {
		return sbom.Component{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: "libc6", Version: "2.36", Arch: arch}
	}
	files := func(path string) sbom.Component {
		return sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: "go", Version: "1.26", Paths: []string{path}}
	}
	d, err := sbom.New(document(
		pkg("six", "1.16.0", "/b"), pkg("six", "1.16.0", "/a"), pkg("six", "1.15.0", "/c"),
		deb("amd64"), deb("i386"),
		files("/usr/local/go"), files("/opt/go"),
		// A bundled copy does not make the counted one bundled.
		bundled("pypi/pip@23", pkg("idna", "3.7", "/pip/_vendor/idna")), pkg("idna", "3.7", "/idna"), pkg("pip", "23", "/pip"),
	))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"deb/debian/libc6@2.36?arch=amd64 ", "deb/debian/libc6@2.36?arch=i386 ",
		"generic/go@1.26?path=/opt/go /opt/go", "generic/go@1.26?path=/usr/local/go /usr/local/go",
		"pypi/idna@3.7 /idna,/pip/_vendor/idna", "pypi/pip@23 /pip", "pypi/six@1.15.0 /c", "pypi/six@1.16.0 /a,/b",
	}
	if diff := cmp.Diff(want, ids(d)); diff != "" {
		t.Error(diff)
	}
}

// TestDigestsOfCopies checks that the installer's record of one copy does not apply
// to another, and that a digest that is bound to the bytes is never lost.
func TestDigestsOfCopies(t *testing.T) {
	counted, copied := pkg("x", "1", "/x"), bundled("pypi/y@1", pkg("x", "1", "/y/x"))
	counted.Digests = []sbom.Digest{{Algorithm: "h1", Value: "one", Proved: true, File: "/bin/a"}}
	copied.Digests = []sbom.Digest{
		{Algorithm: "h1", Value: "two", Proved: true, File: "/bin/b"},
		{Algorithm: "sha512", Value: "claimed", File: "/y/record"},
	}
	d, err := sbom.New(document(copied, counted, pkg("y", "1", "/y")))
	if err != nil {
		t.Fatal(err)
	}
	want := []sbom.Digest{{Algorithm: "h1", Value: "one", Proved: true, File: "/bin/a"}, {Algorithm: "h1", Value: "two", Proved: true, File: "/bin/b"}}
	if diff := cmp.Diff(want, d.Component("pypi/x@1").Digests); diff != "" {
		t.Error(diff)
	}
}

func TestWeakerOriginWins(t *testing.T) {
	index, tree := pkg("x", "1", "/a"), pkg("x", "1", "/b")
	index.Install = &sbom.Install{Kind: sbom.InstallRegistry}
	tree.Install = &sbom.Install{Kind: sbom.InstallEditable}
	for _, order := range [][]sbom.Component{{index, tree}, {tree, index}} {
		d, err := sbom.New(document(order...))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Component("pypi/x@1").Install; got == nil || got.Kind != sbom.InstallEditable {
			t.Errorf("one copy is editable, but the origin is %v", got)
		}
	}
}

// TestTwoCommits checks that the commit of one copy is not taken for that of another,
// and that the patch of one is not lost.
func TestTwoCommits(t *testing.T) {
	a, b, c := pkg("x", "1", "/a"), pkg("x", "1", "/b"), pkg("x", "1", "/c")
	a.Install = &sbom.Install{Kind: sbom.InstallRegistry, Commit: "22", File: "/a"}
	b.Install = &sbom.Install{Kind: sbom.InstallVCS, Commit: "11", File: "/b"}
	c.Install = &sbom.Install{Kind: sbom.InstallRegistry, Commit: "22", Patch: "fix.patch"}
	want := &sbom.Install{Kind: sbom.InstallVCS, Commit: "11 and 22", File: "/b", Patch: "fix.patch"}
	for _, order := range [][]sbom.Component{{a, b, c}, {c, b, a}, {b, a, c}} {
		d, err := sbom.New(document(order...))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, d.Component("pypi/x@1").Install); diff != "" {
			t.Error(diff)
		}
	}
}

// TestCanonical checks that the order of findings does not change a byte.
func TestCanonical(t *testing.T) {
	base := document(
		pkg("a", "1", "/1"), pkg("a", "1", "/2"), pkg("b", "2", "/3"), bundled("pypi/a@1", pkg("c", "3", "/1/c")),
		bundled("pypi/b@2", pkg("c", "3", "/3/c")),
	)
	base.Relations = []sbom.Relation{{From: "pypi/a@1", To: "pypi/b@2", Kind: sbom.RelDepends}, {From: "pypi/b@2", To: "pypi/a@1", Kind: sbom.RelRecommends, Via: "a | z"}}
	base.Gaps = []sbom.Gap{{Kind: sbom.GapUnreadable, Path: "/z"}, {Kind: sbom.GapLimit, Path: "/a"}, {Kind: sbom.GapUnreadable, Path: "/z"}}
	base.Notices = []sbom.Notice{{Kind: sbom.NoticeStartup, Path: "/2"}, {Kind: sbom.NoticeStartup, Path: "/1"}}
	base.Excluded = []sbom.Exclusion{{Path: "/d", Reason: sbom.ExcludedCache, Count: 1}, {Path: "/d", Reason: sbom.ExcludedLock, Count: 1}}
	first := ""
	for range 50 {
		d := base
		d.Components, d.Relations, d.Gaps = slices.Clone(base.Components), slices.Clone(base.Relations), slices.Clone(base.Gaps)
		d.Notices, d.Excluded = slices.Clone(base.Notices), slices.Clone(base.Excluded)
		rand.Shuffle(len(d.Components), func(i, j int) { d.Components[i], d.Components[j] = d.Components[j], d.Components[i] })
		rand.Shuffle(len(d.Relations), func(i, j int) { d.Relations[i], d.Relations[j] = d.Relations[j], d.Relations[i] })
		rand.Shuffle(len(d.Gaps), func(i, j int) { d.Gaps[i], d.Gaps[j] = d.Gaps[j], d.Gaps[i] })
		rand.Shuffle(len(d.Excluded), func(i, j int) { d.Excluded[i], d.Excluded[j] = d.Excluded[j], d.Excluded[i] })
		doc, err := sbom.New(d)
		if err != nil {
			t.Fatal(err)
		}
		if len(doc.Gaps) != 2 {
			t.Fatalf("gaps %v", doc.Gaps)
		}
		again, err := sbom.Restore(*doc)
		if err != nil {
			t.Fatal(err)
		}
		one, two := marshal(t, doc), marshal(t, again)
		if one != two {
			t.Fatal("a restored document differs")
		}
		if first == "" {
			first = one
		}
		if one != first {
			t.Fatalf("the order of findings changes the document:\n%s\n%s", first, one)
		}
	}
}

func marshal(t *testing.T, d *sbom.Document) string {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		doc  sbom.Document
		want string
	}{
		"no environment":      {sbom.Document{}, "without an environment"},
		"no name":             {document(sbom.Component{Type: "deb"}), "no name"},
		"no type":             {document(sbom.Component{Name: "x"}), "no type"},
		"owner missing":       {document(bundled("pypi/none@1", pkg("a", "1"))), "is not a component"},
		"bundled in itself":   {document(bundled("pypi/a@1", pkg("a", "1"))), "in itself"},
		"bundled in a cycle":  {document(bundled("pypi/b@1", pkg("a", "1")), bundled("pypi/a@1", pkg("b", "1"))), "in itself"},
		"relation to nothing": {withRelation(document(pkg("a", "1")), sbom.Relation{From: "pypi/a@1", To: "pypi/b@1"}), "not a component"},
	} {
		_, err := sbom.New(test.doc)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

func withRelation(d sbom.Document, r sbom.Relation) sbom.Document {
	d.Relations = append(d.Relations, r)
	return d
}

func TestScrubURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://user:token@host/x.whl?sig=1#sha256=2": "https://host/x.whl",
		"git+ssh://git:pw@host/r.git#deadbeef":         "git+ssh://git@host/r.git",
		"https://host/%zz?token=1":                     "https://host/%zz",
		"https://u:p@host/%zz":                         "host/%zz",
		"file:../x":                                    "file:../x",
		"":                                             "",
	} {
		if got := sbom.ScrubURL(in); got != want {
			t.Errorf("ScrubURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzScrubURL(f *testing.F) {
	f.Add("https://user:secret@host/x?y=secret#secret")
	f.Fuzz(func(t *testing.T, s string) {
		got := sbom.ScrubURL("https://user:s3cr3t@" + s)
		if strings.Contains(got, "s3cr3t@") {
			t.Errorf("the password is still there: %q", got)
		}
	})
}

// TestComplete checks the answers about a document as a whole.
func TestComplete(t *testing.T) {
	d := document(pkg("a", "1", "/a"), bundled("pypi/a@1", pkg("b", "1", "/a/b")))
	d.Excluded = []sbom.Exclusion{{Path: "/c", Reason: sbom.ExcludedCache, Count: 40}, {Path: "/l", Reason: sbom.ExcludedLock}}
	doc, err := sbom.New(d)
	if err != nil {
		t.Fatal(err)
	}
	if !doc.Complete() || doc.ExcludedCount() != 41 {
		t.Errorf("complete %v, excluded %d, want true and 41", doc.Complete(), doc.ExcludedCount())
	}
	counted := 0
	for i := range doc.Components {
		if doc.Components[i].Counts() {
			counted++
		}
	}
	if counted != 1 {
		t.Errorf("%d components count, and one of the two is bundled in the other", counted)
	}
	d.Gaps = []sbom.Gap{{Kind: sbom.GapUnreadable, Path: "/r"}}
	if doc, err = sbom.New(d); err != nil || doc.Complete() {
		t.Errorf("complete with a gap (%v)", err)
	}
}

// TestKey checks that an update has the key of its predecessor, and nothing else has.
func TestKey(t *testing.T) {
	os := sbom.Component{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: "a", Version: "1", Arch: "amd64"}
	files := sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: "go", Version: "1", Paths: []string{"/usr/local/go"}}
	change := func(c sbom.Component, f func(*sbom.Component)) *sbom.Component { f(&c); return &c }
	for _, c := range []sbom.Component{os, files, pkg("a", "1", "/a")} {
		if a, b := sbom.Key(&c), sbom.Key(change(c, func(c *sbom.Component) { c.Version = "2" })); a != b {
			t.Errorf("an update changes the key from %s to %s", a, b)
		}
		if sbom.Identity(&c) == sbom.Identity(change(c, func(c *sbom.Component) { c.Version = "2" })) {
			t.Errorf("%s: an update does not change the identity", c.Name)
		}
	}
	different := []*sbom.Component{
		&os, change(os, func(c *sbom.Component) { c.Arch = "i386" }), change(os, func(c *sbom.Component) { c.Namespace = "ubuntu" }),
		change(os, func(c *sbom.Component) { c.Name = "b" }), &files, change(files, func(c *sbom.Component) { c.Paths = []string{"/opt/go"} }),
	}
	seen := map[string]bool{}
	for _, c := range different {
		if key := sbom.Key(c); seen[key] {
			t.Errorf("%s is the key of two things", key)
		} else {
			seen[key] = true
		}
	}
}
