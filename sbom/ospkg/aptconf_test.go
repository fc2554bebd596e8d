package ospkg

import (
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

// TestAptSettings checks which files apt reads, in which order, and that a file
// that cannot be read is told.
func TestAptSettings(t *testing.T) {
	const off, on = "APT::AutoRemove::SuggestsImportant \"false\";\n", "APT::AutoRemove::SuggestsImportant \"true\";\n"
	for _, tt := range []struct {
		name   string
		files  files
		want   sbom.Apt
		notice string
	}{
		{"none", nil, sbom.Apt{}, ""},
		{"a part", files{"/etc/apt/apt.conf.d/docker-autoremove-suggests": off}, sbom.Apt{TakeSuggested: true}, ""},
		{"the main file is last", files{"/etc/apt/apt.conf.d/z": off, "/etc/apt/apt.conf": on}, sbom.Apt{}, ""},
		{"the parts are sorted", files{"/etc/apt/apt.conf.d/10a": on, "/etc/apt/apt.conf.d/9b": off}, sbom.Apt{TakeSuggested: true}, ""},
		{"names that apt leaves out", files{"/etc/apt/apt.conf.d/a.dpkg-old": off, "/etc/apt/apt.conf.d/.b": off, "/etc/apt/apt.conf.d/c~": off}, sbom.Apt{}, ""},
		{"a link", files{"/etc/apt/apt.conf.d/a.conf": "-> ../../x", "/etc/x": off}, sbom.Apt{TakeSuggested: true}, ""},
		{"too large", files{"/etc/apt/apt.conf": off + strings.Repeat("#", maxAptConf)}, sbom.Apt{}, "/etc/apt/apt.conf"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := files{"/var/lib/dpkg/status": "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n", "/var/lib/dpkg/info/a.list": "/.\n"}
			for name, text := range tt.files {
				f[name] = text
			}
			tree, err := openTree(t, f.plant(t))
			if err != nil {
				t.Fatal(err)
			}
			db, err := Open(t.Context(), tree, sbom.OS{ID: "debian"})
			if err != nil {
				t.Fatal(err)
			}
			notice := ""
			for _, n := range db.Notices {
				notice += n.Path
			}
			if db.Apt != tt.want || notice != tt.notice {
				t.Errorf("%+v with notices about %q, want %+v and %q", db.Apt, notice, tt.want, tt.notice)
			}
		})
	}
}

func TestAptConfig(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       string // names of the settings that are off
	}{
		{"nothing", "", ""},
		{"docker-autoremove-suggests", "# Since Docker users are looking for the smallest possible final images, the\n# following emerges as a very common pattern:\n\nApt::AutoRemove::SuggestsImportant \"false\";\n", "suggests"},
		{"nested", "APT { AutoRemove { SuggestsImportant \"0\"; RecommendsImportant no; }; Install-Recommends \"off\"; };", "suggests recommends install"},
		{"case", `apt::AUTOREMOVE::suggestsimportant "FALSE";`, "suggests"},
		{"the last one counts", `APT::AutoRemove::SuggestsImportant "false"; APT::AutoRemove::SuggestsImportant "true";`, ""},
		{"cleared", `APT::AutoRemove::SuggestsImportant "false"; #clear APT::AutoRemove;`, ""},
		{"comments", "// APT::Install-Recommends \"false\";\n/* APT::Install-Recommends \"false\"; */ # APT::Install-Recommends \"false\";\n", ""},
		{"lists", "DPkg::Pre-Install-Pkgs {\"/usr/sbin/x --y || true // no comment\";};\nAPT::NeverAutoRemove { \"^firmware-linux.*\"; };\nAPT::Install-Recommends \"false\";", "install"},
		{"other words", `APT::Install-Recommends "perhaps"; APT::AutoRemove::SuggestsImportant "";`, ""},
		{"an open string", `APT::Install-Recommends "false"; X "y`, "install"},
		{"after an error", `APT::Install-Recommends "false"; }; APT::AutoRemove::SuggestsImportant "false";`, "install"},
	} {
		c := aptConfig{}
		c.parse(tt.text)
		got := ""
		for _, s := range []struct{ word, name string }{
			{"suggests", "APT::AutoRemove::SuggestsImportant"}, {"recommends", "APT::AutoRemove::RecommendsImportant"}, {"install", "APT::Install-Recommends"},
		} {
			if !c.bool(s.name) {
				if got != "" {
					got += " "
				}
				got += s.word
			}
		}
		if got != tt.want {
			t.Errorf("%s: off are %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzAptConfig(f *testing.F) {
	f.Add("APT { AutoRemove { SuggestsImportant \"0\"; }; }; #clear x; /* \" */ // y\n")
	f.Fuzz(func(_ *testing.T, text string) {
		aptConfig{}.parse(text)
	})
}
