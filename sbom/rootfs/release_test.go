package rootfs

import (
	"os"
	"path/filepath"
	"slices"
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
		files   map[string]string
		link    string
		want    sbom.OS
		file    string
		notices []string
		err     string
	}{
		"etc":      {files: map[string]string{"etc/os-release": debian, "usr/lib/os-release": "ID=other\n"}, want: bookworm, file: "/etc/os-release"},
		"usr":      {files: map[string]string{"usr/lib/os-release": debian}, want: bookworm, file: "/usr/lib/os-release"},
		"link":     {files: map[string]string{"usr/lib/os-release": debian}, link: "/usr/lib/os-release", want: bookworm, file: "/etc/os-release"},
		"dangling": {files: map[string]string{"usr/lib/os-release": debian}, link: "/nowhere", want: bookworm, file: "/usr/lib/os-release"},
		"none":     {files: map[string]string{"etc/hostname": "x"}},
		"empty":    {files: map[string]string{"etc/os-release": ""}, file: "/etc/os-release"},
		"prose": {files: map[string]string{"etc/os-release": "ID=a\nthis is Linux\nand more\n"}, want: sbom.OS{ID: "a"}, file: "/etc/os-release",
			notices: []string{`line 2: not an assignment of the form NAME=value: "this is Linux"; 2 lines like this are ignored`}},
		"too large":   {files: map[string]string{"etc/os-release": strings.Repeat("#\n", maxRelease)}, err: "larger than the limit"},
		"a directory": {files: map[string]string{"etc/os-release/x": ""}, err: "not a regular file"},
		// A first file that cannot be read stays an error when the second one can.
		"broken": {files: map[string]string{"etc/os-release/x": "", "usr/lib/os-release": debian}, want: bookworm, file: "/usr/lib/os-release", err: "not a regular file"},

		"centos 6": {files: map[string]string{"etc/centos-release": "CentOS release 6.10 (Final)\n", "etc/redhat-release": "CentOS release 6.10 (Final)\n"},
			want: sbom.OS{ID: "centos", VersionID: "6.10", Pretty: "CentOS release 6.10 (Final)"}, file: "/etc/centos-release"},
		"redhat-release of a derivative": {files: map[string]string{"etc/redhat-release": "Scientific Linux release 6.10 (Carbon)\n"},
			want: sbom.OS{ID: "scientific", VersionID: "6.10", Pretty: "Scientific Linux release 6.10 (Carbon)"}, file: "/etc/redhat-release"},
		"rhel 5": {files: map[string]string{"etc/redhat-release": "Red Hat Enterprise Linux Server release 5.11 (Tikanga)\n"},
			want: sbom.OS{ID: "rhel", VersionID: "5.11", Pretty: "Red Hat Enterprise Linux Server release 5.11 (Tikanga)"}, file: "/etc/redhat-release"},
		"oracle beside redhat": {files: map[string]string{"etc/redhat-release": "Red Hat Enterprise Linux Server release 6.9 (Santiago)\n", "etc/oracle-release": "Oracle Linux Server release 6.9\n"},
			want: sbom.OS{ID: "ol", VersionID: "6.9", Pretty: "Oracle Linux Server release 6.9"}, file: "/etc/oracle-release"},
		"amazon": {files: map[string]string{"etc/system-release": "Amazon Linux AMI release 2014.03\n"},
			want: sbom.OS{ID: "amzn", VersionID: "2014.03", Pretty: "Amazon Linux AMI release 2014.03"}, file: "/etc/system-release"},
		"ubuntu beside debian_version": {files: map[string]string{"etc/lsb-release": "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\nDISTRIB_DESCRIPTION=\"Ubuntu 10.04 LTS\"\n", "etc/debian_version": "squeeze/sid\n"},
			want: sbom.OS{ID: "ubuntu", VersionID: "10.04", Pretty: "Ubuntu 10.04 LTS"}, file: "/etc/lsb-release"},
		"an lsb-release without a name": {files: map[string]string{"etc/lsb-release": "LSB_VERSION=base-4.0-amd64\n", "etc/fedora-release": "Fedora release 14 (Laughlin)\n"},
			want: sbom.OS{ID: "fedora", VersionID: "14", Pretty: "Fedora release 14 (Laughlin)"}, file: "/etc/fedora-release"},
		"debian":       {files: map[string]string{"etc/debian_version": "7.11\n"}, want: sbom.OS{ID: "debian", VersionID: "7.11", Pretty: "debian 7.11"}, file: "/etc/debian_version"},
		"debian sid":   {files: map[string]string{"etc/debian_version": "jessie/sid\n"}, want: sbom.OS{ID: "debian", Pretty: "debian jessie/sid"}, file: "/etc/debian_version"},
		"alpine":       {files: map[string]string{"etc/alpine-release": "2.7.9\n"}, want: sbom.OS{ID: "alpine", VersionID: "2.7.9", Pretty: "alpine 2.7.9"}, file: "/etc/alpine-release"},
		"arch":         {files: map[string]string{"etc/arch-release": ""}, want: sbom.OS{ID: "arch", Pretty: "arch"}, file: "/etc/arch-release"},
		"gentoo":       {files: map[string]string{"etc/gentoo-release": "Gentoo Base System release 2.2\n"}, want: sbom.OS{ID: "gentoo", VersionID: "2.2", Pretty: "Gentoo Base System release 2.2"}, file: "/etc/gentoo-release"},
		"slackware":    {files: map[string]string{"etc/slackware-version": "Slackware 14.0\n"}, want: sbom.OS{ID: "slackware", VersionID: "14.0", Pretty: "Slackware 14.0"}, file: "/etc/slackware-version"},
		"suse":         {files: map[string]string{"etc/SuSE-release": "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n"}, want: sbom.OS{ID: "sles", VersionID: "11.4", Pretty: "SUSE Linux Enterprise Server 11 (x86_64)"}, file: "/etc/SuSE-release"},
		"opensuse":     {files: map[string]string{"etc/SuSE-release": "openSUSE 11.4 (x86_64)\nVERSION = 11.4\nCODENAME = Celadon\n"}, want: sbom.OS{ID: "opensuse", VersionID: "11.4", Pretty: "openSUSE 11.4 (x86_64)"}, file: "/etc/SuSE-release"},
		"openwrt":      {files: map[string]string{"etc/openwrt_release": "DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='15.05'\n"}, want: sbom.OS{ID: "openwrt", VersionID: "15.05"}, file: "/etc/openwrt_release"},
		"in no list":   {files: map[string]string{"etc/xen-release": "XenServer release 6.5.0 (xenenterprise)\n", "etc/dgx-release": "DGX_NAME=\"DGX\"\nDGX_VERSION=1\n"}, want: sbom.OS{ID: "xenserver", VersionID: "6.5.0", Pretty: "XenServer release 6.5.0 (xenenterprise)"}, file: "/etc/xen-release"},
		"of a program": {files: map[string]string{"etc/tool-release": "Tool 5\n", "etc/debian_version": "12.1\n"}, want: sbom.OS{ID: "debian", VersionID: "12.1", Pretty: "debian 12.1"}, file: "/etc/debian_version"},
		"usr/lib":      {files: map[string]string{"usr/lib/fedora-release": "Fedora release 20 (Heisenbug)\n"}, want: sbom.OS{ID: "fedora", VersionID: "20", Pretty: "Fedora release 20 (Heisenbug)"}, file: "/usr/lib/fedora-release"},
		"without an ID": {files: map[string]string{"etc/os-release": "PRETTY_NAME=\"Rocky Linux 9.3 (Blue Onyx)\"\nVERSION_ID=9.3\n"},
			want: sbom.OS{ID: "rocky", VersionID: "9.3", Pretty: "Rocky Linux 9.3 (Blue Onyx)"}, file: "/etc/os-release"},
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
			got, err := Release(openDir(t, root))
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			var notices []string
			for _, n := range got.Notices {
				notices = append(notices, n.Detail)
			}
			if got.File != test.file || !slices.Equal(notices, test.notices) {
				t.Errorf("named by %q, notices %q", got.File, notices)
			}
			if diff := cmp.Diff(test.want, got.OS); diff != "" {
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
		"NAME=only":                                    "only",
	} {
		got, faults := parseRelease(in)
		if len(faults) > 0 || got.Pretty != want {
			t.Errorf("%q: %q, %v, want %q", in, got.Pretty, faults, want)
		}
	}
	rocky := sbom.OS{ID: "rocky", IDLike: []string{"rhel", "centos", "fedora"}, VersionID: "9.3"}
	for _, in := range []string{
		"ID=rocky\nID_LIKE=\"rhel  centos fedora\"\nVERSION_ID='9.3'\n",
		"\ufeffID=Rocky\r\nID_LIKE=\"RHEL CentOS Fedora\"\r\nVERSION_ID=\"9.3\"\r\n",
		"export ID=\"rocky\"\nexport\tID_LIKE='rhel centos fedora'\nexport VERSION_ID=9.3\n",
		"ID = rocky # the name\n ID_LIKE = \"rhel,centos,fedora\"\nVERSION_ID=\" 9.3 \"",
	} {
		got, faults := parseRelease(in)
		if diff := cmp.Diff(rocky, got); diff != "" || len(faults) > 0 {
			t.Errorf("%q: %v\n%s", in, faults, diff)
		}
	}
	for in, want := range map[string]string{"ID=\"Amazon Linux\"": "amzn", "ID='Red Hat Enterprise Linux'": "rhel", "ID=openSUSE Leap": "opensuse", "ID=debian\t# x": "debian"} {
		if got, faults := parseRelease(in); got.ID != want || len(faults) > 0 {
			t.Errorf("%q: %+v, %v, want %q", in, got, faults, want)
		}
	}
	for in, want := range map[string][]string{
		`ID="a`:        {"a", "line 1: ID: the quote is not closed"},
		"A=1\nID='a":   {"a", "line 2: ID: the quote is not closed"},
		`ID=a\`:        {"", "line 1: ID: nothing follows"},
		"ID=a\x00b":    {"", "line 1: ID: the value contains a zero byte"},
		"exportID=a b": {""},
		"=a":           {"", "line 1: not an assignment"},
		"1A=a\nID=b":   {"b", "line 1: not an assignment"},
		"\x7fELF":      {"", "line 1: not an assignment"},
	} {
		got, faults := parseRelease(in)
		ok := got.ID == want[0] && len(faults) == len(want)-1
		for i := range faults {
			ok = ok && strings.HasPrefix(faults[i], want[i+1])
		}
		if !ok {
			t.Errorf("%q: %+v, %v, want %q", in, got, faults, want)
		}
	}
}

func FuzzParseRelease(f *testing.F) {
	f.Add(debian)
	f.Add("ID='a'\"b\"\\c\nID_LIKE=x y\n")
	f.Fuzz(func(t *testing.T, text string) {
		first, _ := parseRelease(text)
		// What was read, quoted again, reads the same.
		quote := func(s string) string {
			return `"` + strings.NewReplacer(`"`, `\"`, `$`, `\$`, "`", "\\`", `\`, `\\`).Replace(s) + `"`
		}
		printed := "ID=" + quote(first.ID) + "\nID_LIKE=" + quote(strings.Join(first.IDLike, " ")) +
			"\nVERSION_ID=" + quote(first.VersionID) + "\nPRETTY_NAME=" + quote(first.Pretty) + "\n"
		second, faults := parseRelease(printed)
		if len(faults) > 0 {
			t.Fatalf("%q prints as %q: %v", text, printed, faults)
		}
		if len(first.IDLike) == 0 {
			first.IDLike, second.IDLike = nil, nil
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("%q prints as %q:\n%s", text, printed, diff)
		}
	})
}
