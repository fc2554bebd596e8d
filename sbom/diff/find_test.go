package diff

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

func stage(t testing.TB) *sbom.Document {
	t.Helper()
	with := func(c sbom.Component, paths ...string) sbom.Component {
		c.Paths = paths
		return c
	}
	pkg := func(typ, namespace, name, version string) sbom.Component {
		return sbom.Component{Kind: sbom.KindPackage, Type: typ, Namespace: namespace, Name: name, Version: version}
	}
	lzma := deb("liblzma5", "5.6.1-1")
	lzma.PURL = "pkg:deb/debian/liblzma5@5.6.1-1?arch=amd64&distro=debian-12"
	pip := deb("python3-pip", "23.0-1")
	inside := pypi("pip", "23.0")
	inside.Owner = sbom.Identity(&pip)
	return document(t, with(lzma, "/var/lib/dpkg/status"), deb("liblzma-dev", "5.4.1-1"), deb("git", "1:2.39.5-0+deb12u2"), pip, inside,
		with(pypi("typing-extensions", "4.9.0"), "/opt/venv/lib/python3.11/site-packages/typing_extensions-4.9.0.dist-info/METADATA"),
		pkg("npm", "@types", "node", "20.1.0-beta.2"), pkg("npm", "", "JSONStream", "1.3.5"), pkg("npm", "", "nothing", ""),
		pkg("golang", "github.com/spf13", "cobra", "v1.8.0"), pkg("maven", "org.slf4j", "slf4j-api", "1.7.36"),
		sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: "go", Paths: []string{"/usr/local/go"}})
}

// TestFind has patterns with the names and versions that they find. A ? is a
// doubt, a ~ means that case did not matter.
func TestFind(t *testing.T) {
	doc := stage(t)
	for pattern, want := range map[string]string{
		"liblzma5":                                   "liblzma5",
		"LIBLZMA5":                                   "~liblzma5",
		"lzma":                                       "",
		"liblzma*":                                   "liblzma-dev liblzma5",
		"liblzma*@5.6*":                              "liblzma5",
		"LibLZMA*@5.6*":                              "~liblzma5",
		"lib{lzma5,x}":                               "liblzma5",
		"liblzma[5]":                                 "liblzma5",
		"deb/liblzma5":                               "liblzma5",
		"debian/liblzma5":                            "liblzma5",
		"deb/debian/liblzma5":                        "liblzma5",
		"deb/debian/liblzma5@5.6.1-1?arch=amd64":     "liblzma5", // an ID
		"rpm/liblzma5":                               "",
		"liblzma5@5.6.1":                             "liblzma5",
		"liblzma5@5.6.1-1":                           "liblzma5",
		"liblzma5@5.6.1-2":                           "",
		"liblzma5@=5.6.1":                            "liblzma5",
		"liblzma5@==5.6.1":                           "liblzma5",
		"liblzma5@!=5.6.1":                           "",
		"liblzma5@5.6":                               "",
		"liblzma5@>=5.6,<5.6.2":                      "liblzma5",
		"liblzma5@ >= 5.6 , < 5.6.2":                 "liblzma5",
		"liblzma5@<=5.6.1":                           "liblzma5",
		"liblzma5@>5.6.1":                            "",
		"liblzma5@<=5.6.1-0":                         "",
		"liblzma5@>=5.6,!=5.6.1":                     "",
		"liblzma5@vers:deb/>=5.6|<5.6.2":             "liblzma5",
		"liblzma5@vers:deb/<=5.6.1":                  "", // to the letter
		"vers:deb/>=5.6|<5.6.2":                      "liblzma5",
		"vers:deb/<5|>=5.6|<5.6.2|>=9":               "git liblzma5 python3-pip",
		"vers:deb/5.4.1-1|5.6.1-1":                   "liblzma-dev liblzma5",
		"vers:npm/*":                                 "JSONStream node nothing",
		"liblzma5?arch=arm64":                        "",
		"liblzma5?arch=amd64&distro=debian-12":       "liblzma5",
		"pkg:deb/debian/liblzma5":                    "liblzma5",
		"pkg:deb/liblzma5":                           "liblzma5",
		"pkg:deb/ubuntu/liblzma5":                    "",
		"pkg:DEB/Debian/LibLZMA5@5.6.1-1?arch=amd64": "liblzma5",
		"pkg:deb/debian/liblzma5@5.6.1-1?arch=amd64&distro=debian-12": "liblzma5",
		"pkg:deb/debian/liblzma5@%3E%3D5.6":                           "liblzma5",
		"pkg:deb/*/liblzma*@>=5.6":                                    "liblzma5",
		"git@2.39.5":                                                  "git",
		"git@2.39*":                                                   "git",
		"git@1:2.39*":                                                 "git",
		"git@<2.40":                                                   "?git", // by dpkg's order 1:2.39 is later
		"git@<1:2.40":                                                 "git",
		"git@>=1:2.40":                                                "",
		"pip":                                                         "pip",
		"Typing_Extensions":                                           "typing-extensions",
		"pkg:pypi/typing.extensions@4.9":                              "typing-extensions",
		"typing-extensions@<4.10":                                     "typing-extensions",
		"typing-extensions@>=4.9rc1,<4.10.dev0":                       "typing-extensions",
		"@types/node":                                                 "node",
		"npm/@types/node@<20.1.0":                                     "node",
		"pkg:npm/%40types/node@20.1.0-beta.2":                         "node",
		"pkg:npm/@types/node":                                         "node",
		"@types/*":                                                    "node",
		"node@<20.1.0":                                                "node",
		"node@>=20.1.0":                                               "",
		"jsonstream":                                                  "~JSONStream",
		"nothing@1":                                                   "?nothing",
		"cobra@<1.9":                                                  "cobra",
		"github.com/spf13/cobra@v1.8.0":                               "cobra",
		"github.com/**":                                               "cobra",
		"slf4j-api@1.7.36":                                            "slf4j-api",
		"slf4j-api@1.7.*":                                             "slf4j-api",
		"slf4j-api@<2":                                                "?slf4j-api",
		"slf4j-api@=1.7.35":                                           "",
		"/usr/local/go":                                               "go",
		"/usr/local/go/":                                              "go",
		"/usr/local/go/bin/go":                                        "?go",
		"/usr/local":                                                  "",
		"/opt/**":                                                     "typing-extensions",
		"/opt/*":                                                      "",
		"generic/go?path=/usr/local/go":                               "go",
	} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		if got := short(p.Find(doc)); got != want {
			t.Errorf("%s finds %q, want %q", pattern, got, want)
		}
	}
}

func short(f Found) string {
	var out []string
	for _, h := range f.Hits {
		out = append(out, h.Name)
	}
	for _, d := range f.Doubts {
		out = append(out, "?"+d.Name)
	}
	slices.Sort(out)
	s := strings.Join(out, " ")
	if f.AnyCase {
		s = "~" + s
	}
	return s
}

func TestPatternErrors(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                        `:1: the pattern is empty`,
		"a@":                      `:3: a version is missing`,
		"a@>=":                    `:5: a version is missing`,
		"a@>=1,":                  `:7: a version is missing`,
		"a@>=1.*":                 `:7: >= takes a version, and this is a glob`,
		"a@1 2":                   `:4: unexpected text in a version`,
		"a ~ 1":                   `:3: ~ is not an operator`,
		"a < ":                    `:4: a version is missing`,
		"< 1":                     `:1: the name is missing`,
		"a[b":                     `:2: [ without its ]`,
		"a{b":                     `:2: { without its }`,
		`ab\`:                     `:3: a \ at the end`,
		"a b":                     `:2: a blank in a name`,
		"./a":                     `:1: a path that is not absolute`,
		"/a/../b":                 `:1: a path with . or .. or // in it`,
		"pkg:deb":                 `:5: a package URL without a type and a name`,
		"pkg:deb/a#b":             `:10: a subpath, which no component has`,
		"pkg:d_b/a":               `:5: invalid package URL type "d_b"`,
		"pkg:pypi/a@>=x.y":        `:12: "x.y" is not a version of "pypi"`,
		"pkg:deb/a%zz":            `:10: a percent sign that begins no escape`,
		"vers:deb":                `:6: a vers: range without a type and a constraint`,
		"vers:deb/>=1|1.*":        `:14: a vers: range has no globs`,
		"vers:deb/1|1":            `:12: version "1" twice`,
		"vers:npm/>=x":            `:10: "x" is not a version of "npm"`,
		"pkg:deb/a@vers:rpm/>=1":  `:16: a range of rpm for a package of deb`,
		"a?arch=":                 "",
		"a\x1b[31m":               `:2: a control character, or a byte that is not UTF-8`,
		strings.Repeat("a", 5000): `:4097: longer than 4096 bytes`,
		"@1":                      "",
	} {
		_, err := ParsePattern(pattern)
		var p *PatternError
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", pattern, err)
		case want == "":
		case !errors.As(err, &p) || !strings.Contains(err.Error(), want):
			t.Errorf("%.40q: %v, want %s", pattern, err, want)
		}
	}
}

// TestBlind holds that what cannot be seen is told where it could have been
// seen, and only there.
func TestBlind(t *testing.T) {
	limited := func(names ...sbom.LimitationName) sbom.Document {
		d := sbom.Document{}
		for _, n := range names {
			d.Limitations = append(d.Limitations, sbom.Limitation{Name: n, Detail: "not there"})
		}
		return d
	}
	gap := sbom.Document{Gaps: []sbom.Gap{{Kind: sbom.GapUnreadable, Path: "/opt", Detail: "permission denied"}}}
	for _, test := range []struct {
		pattern string
		doc     sbom.Document
		want    string
	}{
		{"x", sbom.Document{}, ""},
		{"x", gap, "gap"},
		{"a", gap, ""}, // it is there
		{"x", limited(sbom.LimitIncomplete), "limitation"},
		{"x", limited(sbom.LimitOwnership, sbom.LimitRelations, sbom.LimitInstallReason, sbom.LimitInstalled, sbom.LimitPaths), ""},
		{"x", limited(sbom.LimitUnaccounted), "limitation"},
		{"x@1", limited(sbom.LimitUnaccounted), ""},
		{"pkg:deb/debian/x", limited(sbom.LimitUnaccounted), ""},
		{"/x", limited(sbom.LimitUnaccounted, sbom.LimitPaths), "limitation limitation files"},
		{"/x", sbom.Document{}, "files"},
	} {
		test.doc.Environment.Kind = "dir"
		test.doc.Components = []sbom.Component{deb("a", "1")}
		doc, err := sbom.New(test.doc)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParsePattern(test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range p.Find(doc).Unseen {
			got = append(got, b.What)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: blind by %q, want %q", test.pattern, got, test.want)
		}
	}
}

func TestFindPlace(t *testing.T) {
	doc := stage(t)
	p, err := ParsePattern("/usr/bin/xz")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		place Place
		want  string
		blind int
	}{
		{Place{}, "", 0},
		{Place{Path: "/usr/bin/xz", ID: "deb/debian/liblzma5@5.6.1-1?arch=amd64"}, "liblzma5", 0},
		{Place{Path: "/usr/bin/xz"}, "/usr/bin/xz", 0},
	} {
		if f := p.FindPlace(doc, test.place); short(f) != test.want || len(f.Unseen) != test.blind {
			t.Errorf("%+v: %q, blind by %v", test.place, short(f), f.Unseen)
		}
	}
}

// FuzzPattern holds that whatever is typed is a pattern or an error with a
// place in it, and that an exact identity finds its component.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{"liblzma*@5.6*", "pkg:npm/%40a/b@>=1,<2?arch=x", "vers:deb/>=1|<2", "/opt/**", "a@!={1,2}", "@a/b@1"} {
		f.Add(s, "n", "1.0")
	}
	doc := stage(f)
	f.Fuzz(func(t *testing.T, s, name, version string) {
		p, err := ParsePattern(s)
		var bad *PatternError
		switch {
		case err == nil:
			found := p.Find(doc)
			if sql, err := p.SQL(); err == nil && !balanced(sql) {
				t.Errorf("%q: not one condition: %s", s, sql)
			}
			for _, h := range found.Hits {
				if h.ID == "" {
					t.Errorf("%q finds nothing: %+v", s, h)
				}
			}
		case !errors.As(err, &bad) || bad.Column < 1 || bad.Column > len(s)+1:
			t.Errorf("%q: %v", s, err)
		}
		if name == "" || strings.Trim(name+version, "abcdefghijklmnopqrstuvwxyz0123456789.-+") != "" || version == "" {
			return
		}
		c := deb(name, version)
		p, err = ParsePattern(sbom.Identity(&c))
		if err != nil {
			t.Fatalf("%q: %v", sbom.Identity(&c), err)
		}
		if f := p.Find(document(t, c)); len(f.Hits) != 1 {
			t.Errorf("%q does not find itself", sbom.Identity(&c))
		}
	})
}
