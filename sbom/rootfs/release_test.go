package rootfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
	"github.com/google/go-cmp/cmp"
)

const debian = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
`

func TestRelease(t *testing.T) {
	bookworm := sbom.OS{ID: "debian", VersionID: "12", Pretty: "Debian GNU/Linux 12 (bookworm)"}
	for name, test := range map[string]struct {
		files map[string]string
		link  string
		want  sbom.OS
		found bool
		err   string
	}{
		"etc":         {files: map[string]string{"etc/os-release": debian, "usr/lib/os-release": "ID=other\n"}, want: bookworm, found: true},
		"usr":         {files: map[string]string{"usr/lib/os-release": debian}, want: bookworm, found: true},
		"link":        {files: map[string]string{"usr/lib/os-release": debian}, link: "/usr/lib/os-release", want: bookworm, found: true},
		"dangling":    {files: map[string]string{"usr/lib/os-release": debian}, link: "/nowhere", want: bookworm, found: true},
		"none":        {files: map[string]string{"etc/hostname": "x"}},
		"empty":       {files: map[string]string{"etc/os-release": ""}, found: true},
		"no prose":    {files: map[string]string{"etc/os-release": "ID=a\nthis is Linux\n"}, err: "/etc/os-release:2: not an assignment"},
		"too large":   {files: map[string]string{"etc/os-release": strings.Repeat("#\n", maxRelease)}, err: "larger than the limit"},
		"a directory": {files: map[string]string{"etc/os-release/x": ""}, err: "not a regular file"},
		// A broken first file is not covered up by the second one.
		"broken": {files: map[string]string{"etc/os-release": "ID='a\n", "usr/lib/os-release": debian}, err: "quote is not closed"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "etc/")
			for path, text := range test.files {
				write(t, root, filepath.Dir(path)+"/")
				if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if test.link != "" {
				write(t, root, "etc/os-release -> "+test.link)
			}
			got, found, err := Release(openDir(t, root))
			switch {
			case test.err == "" && err != nil, test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("error %v, want %q", err, test.err)
			case found != test.found:
				t.Errorf("found: %v", found)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRelease(t *testing.T) {
	for in, want := range map[string]string{
		`PRETTY_NAME=plain`:                            "plain",
		`PRETTY_NAME='single $x "q" \n'`:               `single $x "q" \n`,
		`PRETTY_NAME="a \"b\" \$c \\ \` + "`" + `d\x"`: "a \"b\" $c \\ `d\\x",
		`PRETTY_NAME=a\ b\"c`:                          `a b"c`,
		`PRETTY_NAME="a"'b'c`:                          "abc",
		`PRETTY_NAME=Buildroot 2014.02  `:              "Buildroot 2014.02",
		"  PRETTY_NAME=indented\r":                     "indented",
		"PRETTY_NAME=first\nPRETTY_NAME=two":           "two",
		"# PRETTY_NAME=no\n;x\n\n":                     "",
		"PRETTY_NAME=":                                 "",
		`PRETTY_NAME="a=b#c"`:                          "a=b#c",
	} {
		got, err := parseRelease(in)
		if err != nil || got.Pretty != want {
			t.Errorf("%q: %q, %v, want %q", in, got.Pretty, err, want)
		}
	}
	got, err := parseRelease("ID=rocky\nID_LIKE=\"rhel  centos fedora\"\nVERSION_ID='9.3'\n")
	if diff := cmp.Diff(sbom.OS{ID: "rocky", IDLike: []string{"rhel", "centos", "fedora"}, VersionID: "9.3"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for in, want := range map[string]string{
		`ID="a`:       "1: ID: the double quote is not closed",
		"A=1\nID='a":  "2: ID: the single quote is not closed",
		`ID=a\`:       "1: ID: nothing follows",
		"ID=a\x00b":   "1: ID: the value contains a zero byte",
		"export ID=a": "1: not an assignment",
		"=a":          "1: not an assignment",
		"1A=a":        "1: not an assignment",
		"\x7fELF":     "1: not an assignment",
	} {
		if got, err := parseRelease(in); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want %q", in, got, err, want)
		}
	}
}

func FuzzParseRelease(f *testing.F) {
	f.Add(debian)
	f.Add("ID='a'\"b\"\\c\nID_LIKE=x y\n")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := parseRelease(text)
		if err != nil {
			if diff := cmp.Diff(sbom.OS{}, first); diff != "" {
				t.Errorf("both a result and an error:\n%s", diff)
			}
			return
		}
		// What was read, quoted again, reads the same.
		quote := func(s string) string {
			return `"` + strings.NewReplacer(`"`, `\"`, `$`, `\$`, "`", "\\`", `\`, `\\`).Replace(s) + `"`
		}
		printed := "ID=" + quote(first.ID) + "\nID_LIKE=" + quote(strings.Join(first.IDLike, " ")) +
			"\nVERSION_ID=" + quote(first.VersionID) + "\nPRETTY_NAME=" + quote(first.Pretty) + "\n"
		second, err := parseRelease(printed)
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, printed, err)
		}
		if len(first.IDLike) == 0 {
			first.IDLike, second.IDLike = nil, nil
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("%q prints as %q:\n%s", text, printed, diff)
		}
	})
}
