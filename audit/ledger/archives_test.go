package ledger

import (
	"testing"

	"github.com/depaudit/depaudit/lockcheck/index"
)

func TestArchiveURL(t *testing.T) {
	for want, x := range map[string]index.Index{
		"http://deb.debian.org/debian":               {File: "/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages", Origin: "Other"},
		"http://ppa.example.org/a_b/ubuntu":          {File: "ppa.example.org_a%5fb_ubuntu_dists_jammy_main_binary-amd64_Packages.lz4"},
		"http://security.debian.org/debian-security": {File: "/mirror/dists/bookworm-security/main/binary-amd64/Packages.xz", Origin: "Debian", Label: "Debian-Security"},
		"http://archive.ubuntu.com/ubuntu":           {File: "lists.index", Origin: "Ubuntu", Path: "main/binary-amd64/Packages"},
		"http://ports.ubuntu.com/ubuntu-ports":       {File: "lists.index", Origin: "Ubuntu", Path: "main/binary-arm64/Packages"},
		"":                                           {File: "_mnt_dists_x_Packages", Origin: "Somebody's"},
	} {
		if got := archiveURL(x); got != want {
			t.Errorf("%+v: %q, want %q", x, got, want)
		}
	}
}
