package scan

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom"
)

// TestComposerOrigin has the record that Composer 2.5.5 (Debian 12) wrote for a
// project with a server of packages, a repository, a directory of the project and a
// metapackage.
func TestComposerOrigin(t *testing.T) {
	data, err := os.ReadFile("testdata/composer/installed.json")
	if err != nil {
		t.Fatal(err)
	}
	const record = "/srv/app/vendor/composer/installed.json"
	project := files{
		record:                          string(data),
		"/srv/app/vendor/acme/local":    "-> ../../packages/local",
		"/srv/app/packages/local/L.php": "<?php\n",
	}
	for _, name := range []string{"gitted", "http", "log", "yaml"} {
		project["/srv/app/vendor/acme/"+name+"/a.php"] = "<?php\n"
	}
	want := map[string]*sbom.Install{
		"composer/acme/gitted@dev-main": {Kind: sbom.InstallVCS, URL: "/tmp/rubyphp-php/git/tool", Commit: "9f52256fad215eb566c84e0325698f2a51fdb245", File: record},
		"composer/acme/http@3.1.0":      {Kind: sbom.InstallRegistry, URL: "http://127.0.0.1:18978/acme-http-3.1.0.zip", Commit: "8f03e104135de8bc5536ed9250876132c7fd8eac", File: record},
		"composer/acme/local@1.0.0":     {Kind: sbom.InstallLink, URL: "/srv/app/packages/local", Commit: "fe920a20df00243f657216ae407d84229e19ccc6", File: "/srv/app/vendor/acme/local"},
		"composer/acme/log@1.2.3":       {Kind: sbom.InstallVCS, URL: "file:///tmp/rubyphp-php/src/acme-log", Commit: "e273dad9e882792e22a8f90638a131b66977744d", File: record},
		"composer/acme/meta@1.0.0":      nil,
		"composer/acme/yaml@v2.0.1":     {Kind: sbom.InstallRegistry, URL: "http://127.0.0.1:18978/acme-yaml-v2.0.1.zip", Commit: "176f2a089180be2e022d41dd9d0d5a23b0dedf4a", File: record},
	}
	origins := func(doc *sbom.Document) map[string]*sbom.Install {
		out := map[string]*sbom.Install{}
		for i := range doc.Components {
			out[doc.Components[i].ID] = doc.Components[i].Install
		}
		return out
	}
	doc := scanFolder(t, project.plant(t))
	if diff := cmp.Diff(want, origins(doc)); diff != "" {
		t.Error(diff)
	}
	if c := doc.Component("composer/acme/http@3.1.0"); len(c.Digests) != 1 || c.Digests[0].Value != "64dea43ca59a47e43a9c6ad30b1c253518fd73a1" {
		t.Errorf("digests %v", c.Digests)
	}

	patched := project.with(files{record: strings.Replace(string(data), `"version": "3.1.0",`, `"version": "3.1.0", "extra": {"patches_applied": {"a fix": "https://u:p@x.example/fix.patch?t=1"}},`, 1)})
	want["composer/acme/http@3.1.0"].Patch = "https://x.example/fix.patch"
	// A copy in place of the link: the option "symlink": false.
	delete(patched, "/srv/app/vendor/acme/local")
	patched["/srv/app/vendor/acme/local/L.php"] = "<?php\n"
	delete(patched, "/srv/app/packages/local/L.php")
	local := want["composer/acme/local@1.0.0"]
	local.Kind, local.URL, local.File = sbom.InstallURL, "file:///srv/app/packages/local", record
	if diff := cmp.Diff(want, origins(scanFolder(t, patched.plant(t)))); diff != "" {
		t.Errorf("patched: %s", diff)
	}
}

// TestComposerDirectory has packages that an installer put outside of vendor, as
// composer/installers does, and records that claim too much.
func TestComposerDirectory(t *testing.T) {
	record := func(dir string) string {
		return `{"packages": [{"name": "drupal/core", "version": "10.0.0", "install-path": "` + dir + `"}]}`
	}
	const script = "x:#!/bin/sh\n"
	runCases(t, []scanCase{
		{"an installer's directory", files{"/srv/app/vendor/composer/installed.json": record("../../web/core"), "/srv/app/web/core/scripts/run.sh": script, "/srv/app/web/core/tool": script},
			[]string{"counts composer/drupal/core@10.0.0"}},
		{"a project by itself", files{"/vendor/composer/installed.json": record("../../web/core"), "/web/core/tool": script},
			[]string{"counts composer/drupal/core@10.0.0"}},
		{"a directory of the system", files{"/vendor/composer/installed.json": record("../../usr/core"), "/usr/core/tool": script},
			[]string{"counts composer/drupal/core@10.0.0", "counts " + unaccounted("/usr/core/tool")}},
		{"the project", files{"/srv/core/vendor/composer/installed.json": record("../.."), "/srv/core/tool": script},
			[]string{"counts composer/drupal/core@10.0.0", "counts " + unaccounted("/srv/core/tool")}},
		{"another project", files{"/srv/app/vendor/composer/installed.json": record("../../../other/core"), "/srv/other/core/tool": script},
			[]string{"counts composer/drupal/core@10.0.0", "counts " + unaccounted("/srv/other/core/tool")}},
		{"a directory of another name", files{"/srv/app/vendor/composer/installed.json": record("../../web"), "/srv/app/web/tool": script},
			[]string{"counts composer/drupal/core@10.0.0", "counts " + unaccounted("/srv/app/web/tool")}},
	})
}
