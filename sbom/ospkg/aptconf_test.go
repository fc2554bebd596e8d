package ospkg

import "testing"

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
