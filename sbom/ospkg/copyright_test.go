package ospkg

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const copyrightFormat = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"

func TestCopyrightLicenses(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"the example of the specification": {copyrightFormat + "Source: https://www.example.com/software/project\n\nFiles:\n *\nCopyright: 1975-2010 Ulla Upstream\nLicense: GPL-2+\n\n" +
			"Files: debian/*\nCopyright: 2010 Daniela Debianizer\nLicense: GPL-2+\n\nFiles: debian/patches/x\nCopyright: x\nLicense: GPL-3+\n\nLicense: GPL-2+\n text\n", []string{"GPL-2+", "GPL-3+"}},
		"all files come first":        {copyrightFormat + "\nFiles: a\nLicense: ISC\n\nFiles: *\nLicense: GPL-1+ or Artistic\n", []string{"GPL-1+ or Artistic", "ISC"}},
		"the whole package":           {copyrightFormat + "License: GPL-3\n\nFiles: *\nLicense: Expat\n", []string{"GPL-3", "Expat"}},
		"the format is not the first": {"Upstream-Name: x\n" + copyrightFormat + "\nFiles: *\nLicense: Expat\n", []string{"Expat"}},
		"the old address":             {strings.Replace(copyrightFormat, "https", "http", 1) + "\nFiles: *\nLicense: Expat\n", []string{"Expat"}},
		"carriage returns, a byte order mark, no last newline": {"\ufeff" + strings.ReplaceAll(copyrightFormat+"\nfiles: *\nLICENSE:\tExpat  or   ISC", "\n", "\r\n"), []string{"Expat or ISC"}},
		"a blank line in a text":                               {copyrightFormat + "\nFiles: *\nLicense: Expat\n text\n\n more text\n License: in the text\n\nFiles: b\nLicense: ISC\n", []string{"Expat", "ISC"}},
		"a text alone is no statement":                         {copyrightFormat + "\nFiles: *\nLicense: Expat\n\nLicense: GPL-2\n text\n", []string{"Expat"}},
		"a statement without a name":                           {copyrightFormat + "\nFiles: *\nLicense:\n Permission is granted\n", nil},
		"another version":                                      {strings.Replace(copyrightFormat, "1.0", "2.0", 1) + "\nFiles: *\nLicense: Expat\n", nil},
		"no format":                                            {"Files: *\nLicense: Expat\n\n" + copyrightFormat, nil},
		"text":                                                 {"This is Debian GNU/Linux's prepackaged version of bash.\n\nLicense: GPL-2\n", nil},
		"nothing":                                              {"", nil},
		"not text":                                             {"\x00\xff\n\n\x00", nil},
		"long":                                                 {copyrightFormat + "\nFiles: *\nLicense: " + strings.Repeat("x", 1000) + "\n", nil},
	} {
		if diff := cmp.Diff(test.want, copyrightLicenses([]byte(test.text))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	many := strings.Builder{}
	many.WriteString(copyrightFormat)
	for i := range 2 * maxLicenses {
		many.WriteString("\nFiles: *\nLicense: " + strings.Repeat("x", i+1) + "\n")
	}
	if got := copyrightLicenses([]byte(many.String())); len(got) != maxLicenses {
		t.Errorf("%d statements", len(got))
	}
}

func FuzzCopyrightLicenses(f *testing.F) {
	f.Add([]byte(copyrightFormat + "\nFiles: *\nLicense: Expat\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, s := range copyrightLicenses(data) {
			if s == "" || strings.ContainsAny(s, "\n\r") {
				t.Errorf("statement %q", s)
			}
		}
	})
}

// TestLicensesOfPackages checks that a statement is taken of a file that a package owns,
// and of no other.
func TestLicensesOfPackages(t *testing.T) {
	text := func(license string) string { return copyrightFormat + "\nFiles: *\nLicense: " + license + "\n" }
	list := func(paths ...string) string {
		return "/.\n/usr\n/usr/share\n/usr/share/doc\n" + strings.Join(paths, "\n") + "\n"
	}
	_, db := files{
		dpkgStatus: strings.Join([]string{record("own"), record("linked"), record("linked-file"), record("not-listed"), record("foreign"), record("placed"), record("dangling"), record("both", "Multi-Arch: same"),
			strings.Replace(record("both", "Multi-Arch: same"), "amd64", "i386", 1)}, "\n"),
		"/var/lib/dpkg/info/format":            "1\n",
		"/var/lib/dpkg/info/own.list":          list("/usr/share/doc/own", "/usr/share/doc/own/copyright"),
		"/usr/share/doc/own/copyright":         text("Expat"),
		"/var/lib/dpkg/info/linked.list":       list("/usr/share/doc/linked"),
		"/usr/share/doc/linked":                "-> own",
		"/var/lib/dpkg/info/linked-file.list":  list("/usr/share/doc/linked-file", "/usr/share/doc/linked-file/copyright"),
		"/usr/share/doc/linked-file/copyright": "-> ../own/copyright",
		"/var/lib/dpkg/info/not-listed.list":   list(),
		"/usr/share/doc/not-listed/copyright":  text("ISC"),
		"/var/lib/dpkg/info/foreign.list":      list("/usr/share/doc/placed/copyright"),
		"/usr/share/doc/placed/copyright":      text("Zlib"),
		"/var/lib/dpkg/info/placed.list":       list("/usr/share/doc/placed"),
		"/var/lib/dpkg/info/dangling.list":     list("/usr/share/doc/dangling"),
		"/usr/share/doc/dangling":              "-> nowhere",
		"/var/lib/dpkg/info/both:amd64.list":   list("/usr/share/doc/both", "/usr/share/doc/both/copyright"),
		"/var/lib/dpkg/info/both:i386.list":    list("/usr/share/doc/both", "/usr/share/doc/both/copyright"),
		"/usr/share/doc/both/copyright":        text("Apache-2.0"),
	}.mustOpen(t)
	got := map[string]string{}
	for _, c := range db.Components {
		got[c.Name+":"+c.Arch] = strings.Join(c.Licenses, "; ")
	}
	want := map[string]string{
		"own:amd64": "Expat", "linked:amd64": "Expat", "linked-file:amd64": "Expat", "not-listed:amd64": "", "foreign:amd64": "", "placed:amd64": "",
		"dangling:amd64": "", "both:amd64": "Apache-2.0", "both:i386": "Apache-2.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("licences (-want +got):\n%s", diff)
	}
	if slices.ContainsFunc(gapDetails(db), func(s string) bool { return strings.Contains(s, "copyright") }) {
		t.Errorf("gaps: %q", gapDetails(db))
	}
}
