package draft

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

func document(t *testing.T, d *Draft) *sbom.Document {
	t.Helper()
	doc, err := d.Document(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		e    Element
		id   string
		kind sbom.Kind
		gap  string
	}{
		{Element{PURL: "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64&distro=debian-12", Name: "libc6", Version: "2.36-9+deb12u13"}, "deb/debian/libc6@2.36-9+deb12u13?arch=amd64", sbom.KindOS, ""},
		{Element{PURL: "pkg:rpm/fedora/bash@5.2-1?arch=x86_64&epoch=1", Name: "bash", Version: "1:5.2-1"}, "rpm/fedora/bash@1:5.2-1?arch=x86_64", sbom.KindOS, ""},
		{Element{PURL: "pkg:rpm/fedora/bash@5.2-1?arch=x86_64&epoch=0", Name: "bash", Version: "0:5.2-1"}, "rpm/fedora/bash@5.2-1?arch=x86_64", sbom.KindOS, ""},
		{Element{PURL: "pkg:rpm/centos/bash@4.2.46-31.el7?arch=x86_64", Name: "bash", Version: "4.2.46"}, "rpm/centos/bash@4.2.46-31.el7?arch=x86_64", sbom.KindOS, ""},
		{Element{PURL: "pkg:rpm/fedora/bash@5.2-1?epoch=1", Name: "bash", Version: "2:5.2-1"}, "rpm/fedora/bash@1:5.2-1", sbom.KindOS, "name different versions"},
		{Element{PURL: "pkg:apk/alpine/busybox@1.36.1-r5?arch=x86_64", Name: "busybox", Version: "1.36.1-r5"}, "apk/alpine/busybox@1.36.1-r5?arch=x86_64", sbom.KindOS, ""},
		{Element{PURL: "pkg:pypi/typing-extensions@4.0", Name: "typing_extensions", Version: "4.0"}, "pypi/typing-extensions@4.0", sbom.KindPackage, ""},
		{Element{PURL: "pkg:pypi/zope.interface@5.0", Name: "Zope.Interface", Version: "5.0"}, "pypi/zope-interface@5.0", sbom.KindPackage, ""},
		{Element{PURL: "pkg:npm/%40babel/core@7.26.0", Name: "@babel/core", Version: "7.26.0"}, "npm/@babel/core@7.26.0", sbom.KindPackage, ""},
		{Element{PURL: "pkg:npm/%40babel/core@7.26.0", Group: "@babel", Name: "core", Version: "7.26.0"}, "npm/@babel/core@7.26.0", sbom.KindPackage, ""},
		{Element{PURL: "pkg:npm/JSONStream@1.0", Name: "JSONStream"}, "npm/JSONStream@1.0", sbom.KindPackage, ""},
		{Element{PURL: "pkg:maven/org.apache/log4j@2.0", Name: "org.apache:log4j", Version: "2.0"}, "maven/org.apache/log4j@2.0", sbom.KindPackage, ""},
		{Element{PURL: "pkg:maven/org.apache/log4j@2.0", Name: "Log4J", Version: "2.0"}, "maven/org.apache/log4j@2.0", sbom.KindPackage, "name different packages"},
		{Element{PURL: "pkg:golang/github.com/BurntSushi/toml@v1.0.0", Name: "github.com/BurntSushi/toml", Version: "1.0.0"}, "golang/github.com/BurntSushi/toml@v1.0.0", sbom.KindPackage, ""},
		{Element{PURL: "pkg:golang/k8s.io/api@0.1", Name: "go:k8s.io/api", Version: "0.1"}, "golang/k8s.io/api@0.1", sbom.KindPackage, ""},
		{Element{PURL: "pkg:golang/stdlib@1.26.8", Name: "stdlib", Version: "go1.26.8"}, "golang/stdlib@1.26.8", sbom.KindPackage, ""},
		{Element{PURL: "pkg:npm/evil@1.0", Name: "lodash", Version: "1.0"}, "npm/evil@1.0", sbom.KindPackage, "name different packages"},
		{Element{PURL: "pkg:npm/lodash@6.6.6", Name: "lodash", Version: "4.17.21"}, "npm/lodash@6.6.6", sbom.KindPackage, "name different versions"},
		{Element{PURL: "pkg:npm/lodash", Name: "lodash", Version: "4.17.21"}, "npm/lodash@4.17.21", sbom.KindPackage, ""},
		{Element{PURL: "pkg:npm/lodash"}, "npm/lodash", sbom.KindPackage, ""},
		{Element{PURL: "no purl", Name: "lodash", Version: "1"}, "generic/lodash@1", sbom.KindPackage, "does not parse"},
		{Element{Name: "curl", Version: "8.0"}, "generic/curl@8.0", sbom.KindPackage, ""},
		{Element{Name: "curl", Version: "NOASSERTION"}, "generic/curl", sbom.KindPackage, ""},
		{Element{Group: "org", Name: "curl", Version: "UNKNOWN"}, "generic/org/curl", sbom.KindPackage, ""},
		{Element{Type: "deb", Name: "curl", Version: "8.0", Arch: "amd64"}, "deb/curl@8.0?arch=amd64", sbom.KindOS, ""},
		{Element{Name: "a\ufffdb"}, "generic/a\ufffdb", sbom.KindPackage, "U+FFFD"},
	} {
		doc := document(t, &Draft{Elements: []Element{c.e}})
		if len(doc.Components) != 1 {
			t.Errorf("%+v: %d components", c.e, len(doc.Components))
			continue
		}
		got := doc.Components[0]
		if got.ID != c.id || got.Kind != c.kind {
			t.Errorf("%+v: %s, %s; want %s, %s", c.e, got.ID, got.Kind, c.id, c.kind)
		}
		switch {
		case c.gap == "" && len(doc.Gaps) > 0:
			t.Errorf("%+v: %v", c.e, doc.Gaps)
		case c.gap != "" && (len(doc.Gaps) != 1 || !strings.Contains(doc.Gaps[0].Detail, c.gap)):
			t.Errorf("%+v: gaps %v, want %q", c.e, doc.Gaps, c.gap)
		}
	}
}

func TestLookAlike(t *testing.T) {
	doc := document(t, &Draft{Elements: []Element{{Name: "p\u0430ypal", Version: "1"}, {PURL: "pkg:npm/l%D0%BEdash@1", Name: "l\u043edash"}, {Name: "a\nb"}}})
	if len(doc.Notices) != 3 || len(doc.Gaps) != 0 {
		t.Errorf("notices %v, gaps %v", doc.Notices, doc.Gaps)
	}
	for _, n := range doc.Notices {
		if n.Kind != sbom.NoticeNonASCII || strings.ContainsFunc(n.Detail, func(r rune) bool { return r > 0x7e || r < ' ' }) {
			t.Errorf("%+v", n)
		}
	}
}

func TestSecretsInPURL(t *testing.T) {
	doc := document(t, &Draft{Elements: []Element{
		{PURL: "pkg:npm/a@1?repository_url=https://user:token@npm.example/x%3Fk=secret", Name: "a"},
		{Role: Subject, PURL: "pkg:npm/b@1?vcs_url=git%2Bhttps://token@example.org/b", Name: "b"},
	}})
	text := fmt.Sprint(doc)
	for _, secret := range []string{"token", "secret"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s: %s", secret, text)
		}
	}
}

func TestRoles(t *testing.T) {
	d := &Draft{Elements: []Element{
		{Ref: "s", Role: Subject, Name: "app"},
		{Ref: "g", Role: Group, Name: "package-lock.json", BundledIn: "s"},
		{Ref: "os", Role: System, Name: "Debian", Version: "12"},
		{Ref: "f", Role: File, Name: "/etc/passwd"},
		{Ref: "f2", Role: File, Name: "/etc/group"},
		{Ref: "k", Role: NotSoftware, Name: "rsa", Why: "a key"},
		{Ref: "x", Role: NotInstalled, Name: "left-pad", PURL: "pkg:npm/left-pad@1"},
		{Ref: "c", Role: Archive, Name: "bash", PURL: "pkg:deb/debian/bash@5", Paths: []string{"var/cache/apt/archives/bash.deb"}},
		{Ref: "src", Role: Source, Name: "glibc"},
		// A type does not hide a package.
		{Ref: "h1", Role: File, Name: "evil", PURL: "pkg:npm/evil@1"},
		{Ref: "h2", Role: System, Name: "evil", PURL: "pkg:pypi/evil@1"},
		{Ref: "h3", Role: Group, Name: "evil", PURL: "pkg:gem/evil@1"},
		{Ref: "h4", Role: NotSoftware, Name: "evil", PURL: "pkg:"},
		{Ref: "img", Role: Group, Name: "base", PURL: "pkg:oci/base@sha256", Image: true},
	}}
	doc := document(t, d)
	var ids []string
	for _, c := range doc.Components {
		ids = append(ids, c.ID)
	}
	if diff := cmp.Diff([]string{"gem/evil@1", "generic/evil", "npm/evil@1", "pypi/evil@1"}, ids); diff != "" {
		t.Error(diff)
	}
	reasons := map[sbom.ExclusionReason]int{}
	for _, x := range doc.Excluded {
		reasons[x.Reason] += x.Count
	}
	want := map[sbom.ExclusionReason]int{
		sbom.ExcludedDescribed: 4, sbom.ExcludedFile: 2, sbom.ExcludedNotSoftware: 1, sbom.ExcludedNotInstall: 1, sbom.ExcludedArchive: 1, sbom.ExcludedDeclared: 1,
	}
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Error(diff)
	}
	if doc.Environment.OS.ID != "debian" || doc.Environment.OS.VersionID != "12" {
		t.Errorf("OS %+v", doc.Environment.OS)
	}
	if !limited(doc, sbom.LimitIncomplete) {
		t.Error("the image's contents are not listed, and the document is complete")
	}
}

func limited(doc *sbom.Document, name sbom.LimitationName) bool {
	return slices.ContainsFunc(doc.Limitations, func(l sbom.Limitation) bool { return l.Name == name })
}

func TestBundled(t *testing.T) {
	d := &Draft{Elements: []Element{
		{Ref: "jar", Name: "outer", PURL: "pkg:maven/g/outer@1"},
		{Ref: "file", Role: File, Name: "lib", BundledIn: "jar"},
		{Ref: "mid", Name: "mid", PURL: "pkg:maven/g/mid@1", BundledIn: "file"},
		{Ref: "in", Name: "in", PURL: "pkg:maven/g/in@1", BundledIn: "mid"},
		{Ref: "in2", Name: "in", PURL: "pkg:maven/g/in@1", BundledIn: "nowhere"}, // a copy of its own counts
		{Ref: "self", Name: "self", BundledIn: "self"},
		{Ref: "c1", Name: "c1", BundledIn: "c2"},
		{Ref: "c2", Name: "c2", BundledIn: "c3"},
		{Ref: "c3", Name: "c3", BundledIn: "c1"},
		{Ref: "tail", Name: "tail", BundledIn: "c1"},
		{Ref: "copy", Name: "outer", PURL: "pkg:maven/g/outer@1", BundledIn: "jar"},
	}}
	doc := document(t, d)
	got := map[string]string{}
	for _, c := range doc.Components {
		got[c.Name] = c.Owner
	}
	want := map[string]string{"outer": "", "mid": "maven/g/outer@1", "in": "", "self": "", "c1": "", "c2": "", "c3": "", "tail": "generic/c1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var gaps []string
	for _, g := range doc.Gaps {
		gaps = append(gaps, g.Detail)
	}
	if len(gaps) != 3 || !strings.Contains(gaps[0], "nowhere") || !strings.Contains(gaps[2], "in itself") {
		t.Errorf("%q", gaps)
	}
}

// TestLongChain checks that a chain of 100,000 entries takes linear time.
func TestLongChain(t *testing.T) {
	d := &Draft{}
	for i := range 100_000 {
		d.Elements = append(d.Elements, Element{Ref: fmt.Sprint(i), Name: fmt.Sprint("n", i), BundledIn: fmt.Sprint(i + 1)})
	}
	d.Elements = append(d.Elements, Element{Ref: "100000", Name: "top"})
	doc := document(t, d)
	for _, c := range doc.Components {
		if c.Name != "top" && c.Owner != "generic/top" {
			t.Fatalf("%+v", c)
		}
	}
}

func TestRelations(t *testing.T) {
	d := &Draft{
		Known: func(ref string) bool { return ref == "file" },
		Elements: []Element{
			{Ref: "s", Role: Subject, Name: "app"}, {Ref: "a", Name: "a"}, {Ref: "b", Name: "b"}, {Ref: "b2", Name: "b"},
			{Ref: "a", Name: "other"}, {Ref: "b", Name: "b"},
		},
		Edges: []Edge{
			{"s", "a", sbom.RelDepends}, {"a", "b", sbom.RelDepends}, {"a", "b2", sbom.RelDepends}, {"b", "b2", sbom.RelDepends},
			{"a", "file", sbom.RelDepends}, {"a", "gone", sbom.RelDepends},
		},
	}
	doc := document(t, d)
	if diff := cmp.Diff([]sbom.Relation{{From: "generic/a", To: "generic/b", Kind: sbom.RelDepends}}, doc.Relations); diff != "" {
		t.Error(diff)
	}
	if len(doc.Gaps) != 2 || !strings.Contains(doc.Gaps[0].Detail, "gone") || !strings.Contains(doc.Gaps[1].Detail, "used twice") {
		t.Errorf("%v", doc.Gaps)
	}
	if limited(doc, sbom.LimitRelations) {
		t.Error("relations are known")
	}
}

func TestFaultsAreBounded(t *testing.T) {
	d := &Draft{}
	for i := range 1000 {
		d.Elements = append(d.Elements, Element{Label: fmt.Sprint("components[", i, "]")})
	}
	doc := document(t, d)
	if len(doc.Gaps) != maxSame+1 || !slices.ContainsFunc(doc.Gaps, func(g sbom.Gap) bool { return strings.HasSuffix(g.Detail, ": 950 more") }) {
		t.Errorf("%d gaps: %v", len(doc.Gaps), doc.Gaps)
	}
}

func TestSystem(t *testing.T) {
	for _, c := range []struct {
		elements []Element
		want     sbom.OS
		gap      bool
	}{
		{[]Element{{Name: "a", PURL: "pkg:deb/debian/a@1?distro=debian-12"}, {Name: "b", PURL: "pkg:deb/debian/b@1?distro=debian-12"}}, sbom.OS{ID: "debian", VersionID: "12"}, false},
		{[]Element{{Name: "a", PURL: "pkg:rpm/opensuse/a@1?distro=opensuse-leap-15.6"}}, sbom.OS{ID: "opensuse-leap", VersionID: "15.6"}, false},
		{[]Element{{Name: "a", PURL: "pkg:alpm/arch/a@1?distro=arch"}}, sbom.OS{ID: "arch"}, false},
		{[]Element{{Name: "a", PURL: "pkg:deb/debian/a@1?distro=debian-12"}, {Name: "b", PURL: "pkg:deb/debian/b@1?distro=debian-11"}}, sbom.OS{}, true},
		{[]Element{{Role: System, Name: "debian", Version: "12"}, {Role: System, Name: "alpine", Version: "3"}}, sbom.OS{}, true},
		{[]Element{{Role: System, Name: "debian", Version: "12"}, {Role: System, Name: "debian", Version: "12"}}, sbom.OS{ID: "debian", VersionID: "12"}, false},
		{[]Element{{Name: "a", PURL: "pkg:npm/a@1?distro=debian-12"}}, sbom.OS{}, false},
	} {
		doc := document(t, &Draft{Elements: c.elements})
		if diff := cmp.Diff(c.want, doc.Environment.OS); diff != "" || len(doc.Gaps) > 0 != c.gap {
			t.Errorf("%+v: %s%v", c.elements, diff, doc.Gaps)
		}
	}
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	for _, d := range []*Draft{
		{Elements: []Element{{Name: long}}},
		{Elements: []Element{{Name: "a", PURL: "pkg:npm/" + long}}},
		{Elements: []Element{{Name: "a", Paths: []string{long}}}},
		{Elements: []Element{{Name: "a", Paths: make([]string, maxPaths+1)}}},
		{Elements: make([]Element, MaxElements+1)},
		{Edges: make([]Edge, MaxEdges+1)},
	} {
		if _, err := d.Document(context.Background()); err == nil || !strings.Contains(err.Error(), "limit") || len(err.Error()) > 1000 {
			t.Errorf("got %.200v", err)
		}
	}
}

func TestOrigin(t *testing.T) {
	for in, want := range map[string]string{
		"https://user:token@registry.npmjs.org/a/-/a-1.tgz?x=secret": "https://registry.npmjs.org/a/-/a-1.tgz",
		"https://github.com/a/b":                                     "",
		"git+https://github.com/a/b.tar.gz":                          "",
		"NOASSERTION":                                                "",
		"":                                                           "",
		"https://files.example.org/a-1.whl":                          "https://files.example.org/a-1.whl",
		"https://files.example.org/?a=b.whl":                         "",
	} {
		got := ""
		if o := Origin(in, "d"); o != nil {
			got = o.URL
		}
		if got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
