package scan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

// kegReceiptOf is a receipt with the keys that Homebrew writes
// (Library/Homebrew/tab.rb).
func kegReceiptOf(asked bool, tap string, needs ...string) string {
	for i, n := range needs {
		name, version, _ := strings.Cut(n, " ")
		version, direct := strings.CutSuffix(version, " direct")
		base, revision, _ := strings.Cut(version, "_")
		needs[i] = fmt.Sprintf(`{"full_name": %q, "version": %q, "revision": %s, "pkg_version": %q, "declared_directly": %t}`, name, base, revision+strings.Repeat("0", 1-min(1, len(revision))), version, direct)
	}
	return fmt.Sprintf(`{
  "homebrew_version": "4.6.15", "used_options": [], "unused_options": [], "built_as_bottle": true, "poured_from_bottle": true,
  "loaded_from_api": true, "installed_as_dependency": %t, "installed_on_request": %t, "changed_files": ["bin/x"], "time": 1757000000,
  "source_modified_time": 1756000000, "compiler": "gcc-12", "aliases": [], "runtime_dependencies": [%s],
  "source": {"spec": "stable", "versions": {"stable": "1.8.1", "head": null, "version_scheme": 0}, "path": "/x.rb", "tap_git_head": null, "tap": %q},
  "arch": "x86_64", "built_on": {"os": "Linux"}}`, !asked, asked, strings.Join(needs, ", "), tap)
}

const brewed = "/home/linuxbrew/.linuxbrew"

// TestKegs has two kegs with a program each, of which one carries a Python
// and a Node package, and the links that Homebrew makes to them.
func TestKegs(t *testing.T) {
	jq, onig := brewed+"/Cellar/jq/1.8.1", brewed+"/Cellar/oniguruma/6.9.10_1"
	d := files{
		jq + "/INSTALL_RECEIPT.json":                              kegReceiptOf(true, "homebrew/core", "oniguruma 6.9.10_1 direct", "glibc 2.35 direct"),
		jq + "/.brew/jq.rb":                                       "class Jq < Formula\n  desc \"JSON\"\n  version \"1.8\"\nend\n",
		jq + "/bin/jq":                                            "x:" + program(t),
		jq + "/lib/node_modules/left-pad/package.json":            `{"name": "left-pad", "version": "1.3.0"}`,
		onig + "/INSTALL_RECEIPT.json":                            kegReceiptOf(false, "someone/tools"),
		onig + "/lib/libonig.so.5":                                program(t),
		brewed + "/bin/jq":                                        "-> ../Cellar/jq/1.8.1/bin/jq",
		brewed + "/opt/jq":                                        "-> ../Cellar/jq/1.8.1",
		brewed + "/Library/Taps/someone/tools/Formula/other.rb":   "class Other < Formula\n  version \"9\"\nend\n",
		brewed + "/Cellar/empty/1.0/":                             "",
		brewed + "/Cellar/loose/1.0/bin/loose":                    "x:" + program(t),
		jq + "/lib/python3.13/site-packages/vendored/__init__.py": "",
	}.with(dist(jq+"/lib/python3.13/site-packages", "six", "1.17.0")).scan(t)
	checkSummary(t, d,
		"counts brew/jq@1.8.1", "counts brew/oniguruma@6.9.10_1",
		"inside npm/left-pad@1.3.0 in brew/jq@1.8.1", "inside pypi/six@1.17.0 in brew/jq@1.8.1",
		"counts generic/loose@1.0?path="+brewed+"/Cellar/loose/1.0",
		"excluded declared "+brewed+"/Library/Taps/someone/tools/Formula/other.rb",
	)
	if c := d.Component("brew/jq@1.8.1"); c.InstallReason != sbom.ReasonExplicit || c.PURL != "pkg:brew/jq@1.8.1" || !slices.Equal(c.Paths, []string{jq + "/INSTALL_RECEIPT.json"}) {
		t.Errorf("%+v", c)
	}
	if c := d.Component("brew/oniguruma@6.9.10_1"); c.InstallReason != sbom.ReasonDependency || c.Detail != `from the tap "someone/tools"` {
		t.Errorf("%+v", c)
	}
	if diff := cmp.Diff([]sbom.Relation{{From: "brew/jq@1.8.1", To: "brew/oniguruma@6.9.10_1", Kind: sbom.RelDepends}}, d.Relations); diff != "" {
		t.Error(diff)
	}
}

func TestBrokenReceipt(t *testing.T) {
	d := files{brewed + "/Cellar/jq/1.8.1/INSTALL_RECEIPT.json": "{", brewed + "/Cellar/jq/1.8.1/bin/jq": "x:" + program(t)}.scan(t)
	checkSummary(t, d, "counts brew/jq@1.8.1", "gap malformed "+brewed+"/Cellar/jq/1.8.1/INSTALL_RECEIPT.json")
}

// Receipts of before 2016 do not say why a keg is there.
func TestOldReceipt(t *testing.T) {
	d := files{"/usr/local/Cellar/foo/1.0/INSTALL_RECEIPT.json": `{"used_options": [], "poured_from_bottle": true, "tapped_from": "Homebrew/homebrew", "time": 1403827774}`}.scan(t)
	checkSummary(t, d, "counts brew/foo@1.0")
	if c := d.Component("brew/foo@1.0"); c.InstallReason != sbom.ReasonUnknown {
		t.Errorf("%+v", c)
	}
}

func TestNixStore(t *testing.T) {
	at := func(letter, name string) string { return "/nix/store/" + strings.Repeat(letter, nixHash) + "-" + name }
	hello, glibc, profile := at("a", "hello-2.12.1"), at("b", "glibc-2.40-66"), at("c", "profile")
	for version, elements := range map[string]string{"2": "[{%s}]", "3": `{"hello": {%s}}`} {
		element := fmt.Sprintf(`"active": true, "attrPath": "legacyPackages.x86_64-linux.hello", "originalUrl": "flake:nixpkgs", "storePaths": [%q], "url": "github:NixOS/nixpkgs/13d0c311"`, hello)
		d := files{
			hello + "/bin/hello":                        "x:" + program(t),
			hello + "/lib/node_modules/ms/package.json": `{"name": "ms", "version": "2.1.3"}`,
			glibc + "/lib/libc.so.6":                    program(t),
			at("d", "wrapper") + "/bin/w":               "x:#!/bin/sh\n",
			at("f", "etc") + "/fstab":                   "",
			at("g", "hello-2.12.1.drv"):                 `Derive([("out","` + hello + `","","")],[],[],"x86_64-linux","/bin/sh",[],[("name","hello-2.12.1"),("out","` + hello + `"),("system","x86_64-linux")])`,
			profile + "/manifest.json":                  fmt.Sprintf(`{"version": `+version+`, "elements": `+elements+`}`, element),
			profile + "/bin":                            "-> " + hello + "/bin",
			"/nix/var/nix/profiles/default":             "-> default-1-link",
			"/nix/var/nix/profiles/default-1-link":      "-> " + profile,
			"/nix/store/.links/x":                       "",
		}.scan(t)
		checkSummary(t, d, "counts nix/hello@2.12.1", "counts nix/glibc@2.40-66", "counts nix/wrapper", "inside npm/ms@2.1.3 in nix/hello@2.12.1")
		if c := d.Component("nix/hello@2.12.1"); c.InstallReason != sbom.ReasonExplicit || !strings.HasPrefix(c.PURL, "pkg:nix/hello@2.12.1?") {
			t.Errorf("%+v", c)
		}
	}
}
