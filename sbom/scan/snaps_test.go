package scan

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

// TestSnaps checks mounted snaps, with the packages of a base, and files of snaps.
func TestSnaps(t *testing.T) {
	const base, hello = "/snap/core22/1612", "/snap/hello/42"
	yaml := func(name, more string) string {
		return "name: " + name + "\nversion: \"2.10\" # of the project\n" + more
	}
	f := files{
		base + "/meta/snap.yaml":                       yaml("core22", "type: base\n"),
		base + "/usr/share/snappy/dpkg.yaml":           "packages:\n- base-files=12ubuntu4.7\n- libc6=2.35-0ubuntu3.8\n",
		base + "/usr/bin/bash":                         "x:" + program(t),
		base + "/etc/os-release":                       "ID=ubuntu-core\n",
		hello + "/meta/snap.yaml":                      yaml("hello", "base: core22\ntype: app\n"),
		hello + "/bin/hello":                           "x:" + program(t),
		"/snap/hello/current":                          "-> 42",
		"/snap/bin/hello":                              "-> /usr/bin/snap",
		"/var/lib/snapd/snaps/hello_42.snap":           "hsqs of hello",
		"/var/lib/snapd/snaps/core22_1612.snap":        "hsqs of core22",
		"/var/lib/snapd/snaps/vim_editor_x1.snap":      "hsqs of vim",
		"/var/lib/snapd/seed/snaps/vim_editor_x1.snap": "hsqs of vim",
		"/var/lib/snapd/seed/snaps/snapd_9.snap":       "hsqs of snapd",
		"/var/lib/snapd/snaps/odd.snap":                "",
		"/var/lib/snapd/snaps/partial":                 "",
		"/srv/snap/evil/1/meta/snap.yaml":              yaml("evil", ""),
		"/srv/snap/evil/1/bin/evil":                    "x:" + program(t),
		"/var/lib/extensions/debug.raw":                "hsqs",
	}.with(dist(hello+"/lib/python3.10/site-packages", "six", "1.16.0"))
	d := f.scan(t)
	checkSummary(t, d,
		"counts snap/core22@1612", "counts snap/hello@42", "counts snap/vim_editor@x1", "counts snap/snapd@9",
		"counts snap/odd.snap", "notice system /var/lib/snapd/snaps/odd.snap",
		"inside deb/ubuntu/base-files@12ubuntu4.7 in snap/core22@1612", "inside deb/ubuntu/libc6@2.35-0ubuntu3.8 in snap/core22@1612",
		"inside pypi/six@1.16.0 in snap/hello@42",
		"notice system /var/lib/snapd/snaps/vim_editor_x1.snap", "notice system /var/lib/snapd/seed/snaps/snapd_9.snap",
		"counts "+unaccounted("/srv/snap/evil/1/bin/evil"),
		"gap unreported /var/lib/extensions/debug.raw",
	)
	if c := d.Component("snap/core22@1612"); c.Detail != `version "2.10", type "base"` {
		t.Errorf("%+v", c)
	}
	sum := sha256.Sum256([]byte("hsqs of vim"))
	if c := d.Component("snap/vim_editor@x1"); len(c.Digests) != 1 || c.Digests[0].Value != hex.EncodeToString(sum[:]) || !strings.Contains(c.Detail, "not mounted") {
		t.Errorf("%+v", c)
	}
	found := false
	for _, r := range d.Relations {
		found = found || r.From == "snap/hello@42" && r.To == "snap/core22@1612" && r.Kind == sbom.RelDepends
	}
	if !found {
		t.Errorf("hello does not need its base: %+v", d.Relations)
	}
}
