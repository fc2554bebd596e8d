package ecosystem

import (
	"regexp"
	"strings"
	"testing"
)

// lookAlikes has names that a person, or Unicode case folding, takes for the
// plain name.
var lookAlikes = []struct{ name, plain string }{
	{"\u212aiwi", "kiwi"},                           // KELVIN SIGN
	{"reque\u017fts", "requests"},                   // LATIN SMALL LETTER LONG S
	{"p\u0131llow", "pillow"},                       // LATIN SMALL LETTER DOTLESS I
	{"P\u0130LLOW", "pillow"},                       // LATIN CAPITAL LETTER I WITH DOT ABOVE
	{"\uff4b\uff49\uff57\uff49", "kiwi"},            // fullwidth letters
	{"\uff2b\uff29\uff37\uff29", "kiwi"},            // fullwidth capital letters
	{"l\u043edash", "lodash"},                       // CYRILLIC SMALL LETTER O
	{"\u0421argo", "cargo"},                         // CYRILLIC CAPITAL LETTER ES
	{"a\u2010b", "a-b"},                             // HYPHEN
	{"a\u2024b", "a.b"},                             // ONE DOT LEADER
	{"a\uff3fb", "a_b"},                             // FULLWIDTH LOW LINE
	{"ki\u200bwi", "kiwi"},                          // ZERO WIDTH SPACE
	{"ﬁle", "file"},                                 // LATIN SMALL LIGATURE FI
	{"kiwi\u0301", "kiwi"},                          // COMBINING ACUTE ACCENT
	{"github.com/\u212aiwi/x", "github.com/kiwi/x"}, // in a namespace
}

// types has the purl types that any reader of this module makes, and one that
// none does.
const types = "pypi npm golang cargo gem deb rpm apk alpm opkg nuget composer maven hex generic github nosuchtype"

func TestLookAlikes(t *testing.T) {
	for typ := range strings.FieldsSeq(types) {
		for _, l := range lookAlikes {
			for _, plain := range []string{l.plain, strings.ToUpper(l.plain)} {
				if Canonical(typ, l.name) == Canonical(typ, plain) {
					t.Errorf("%s: %+q is taken for %q", typ, l.name, plain)
				}
				if FitsURL(typ, l.name, plain) {
					t.Errorf("%s: %+q fits a package URL of %q", typ, l.name, plain)
				}
			}
			if ASCII(l.name) || !ASCII(l.plain) || ValidPython(l.name) {
				t.Errorf("%+q is ASCII, or a valid name", l.name)
			}
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, test := range []struct {
		typ, a, b string
		same      bool
	}{
		{"pypi", "Foo.Bar", "foo-bar", true},
		{"pypi", "FOO_._bar", "foo-bar", true},
		{"pypi", "foobar", "foo-bar", false},
		{"pypi", "foo-", "foo", false},
		{"nuget", "Newtonsoft.Json", "newtonsoft.json", true},
		{"nuget", "Newtonsoft.Json", "newtonsoft-json", false},
		{"composer", "Symfony/Console", "symfony/console", true},
		{"npm", "JSONStream", "jsonstream", false},
		{"npm", "@types/node", "@types/node", true},
		{"npm", "a.b", "a-b", false},
		{"golang", "github.com/BurntSushi/toml", "github.com/burntsushi/toml", false},
		{"cargo", "serde_json", "serde-json", false},
		{"gem", "RedCloth", "redcloth", false},
		{"deb", "libc6", "LIBC6", false},
		{"rpm", "ModemManager", "modemmanager", false},
		{"maven", "Foo", "foo", false},
	} {
		if got := Canonical(test.typ, test.a) == Canonical(test.typ, test.b); got != test.same {
			t.Errorf("%s: %q and %q are one name: %v", test.typ, test.a, test.b, got)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, test := range []struct{ typ, full, namespace, name string }{
		{"npm", "@types/node", "@types", "node"},
		{"npm", "lodash", "", "lodash"},
		{"npm", "@types/", "", "@types/"},
		{"golang", "github.com/a/b", "github.com/a", "b"},
		{"golang", "/b", "", "/b"},
		{"pypi", "a/b", "", "a/b"},
	} {
		namespace, name := Split(test.typ, test.full)
		if namespace != test.namespace || name != test.name || Join(namespace, name) != test.full || Join(namespace, test.full) != test.full {
			t.Errorf("%s: %q is split into %q and %q", test.typ, test.full, namespace, name)
		}
	}
}

// pep503 is the regular expression of the PEP.
var pep503 = regexp.MustCompile(`[-_.]+`)

// FuzzPython checks the normalisation against the PEP's own expression for
// names in ASCII, and that a name outside ASCII never becomes one within.
func FuzzPython(f *testing.F) {
	for _, l := range lookAlikes {
		f.Add(l.name)
		f.Add(l.plain)
	}
	f.Add("A.-_.B")
	f.Add("--")
	f.Fuzz(func(t *testing.T, name string) {
		got := Python(name)
		if Python(got) != got {
			t.Errorf("%+q becomes %+q, which becomes another name", name, got)
		}
		if ASCII(name) != ASCII(got) {
			t.Errorf("%+q becomes %+q", name, got)
		}
		if want := strings.ToLower(pep503.ReplaceAllString(name, "-")); ASCII(name) && got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
		if ValidPython(name) && !ValidPython(got) {
			t.Errorf("%q is a name, and %q is not", name, got)
		}
	})
}

func TestFindLockFile(t *testing.T) {
	for _, l := range LockFiles() {
		for _, pattern := range l.Names {
			for _, name := range []string{strings.ReplaceAll(pattern, "*", ""), strings.ReplaceAll(pattern, "*", "-dev")} {
				if got, ok := FindLockFile(name); !ok || got.Format != l.Format {
					t.Errorf("%s is %q, want %q", name, got.Format, l.Format)
				}
			}
		}
		if l.Tool == "" || l.Format == "" {
			t.Errorf("%+v has no tool or format", l)
		}
	}
	for _, name := range []string{"", "go.mod", "package.json", ".package-lock.json", "requirements", "requirements.in", "pylock.json", "Yarn.lock", "constraints.txt"} {
		if l, ok := FindLockFile(name); ok {
			t.Errorf("%s is a lock file: %+v", name, l)
		}
	}
}

func BenchmarkFindLockFile(b *testing.B) {
	for b.Loop() {
		FindLockFile("libpython3.11.so.1.0")
	}
}
