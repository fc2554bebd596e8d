package scan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// composer is what Composer installs into a project: the record, and a
// directory for each package.
func composer(project string, names ...string) files {
	f := files{}
	var list []string
	for _, name := range names {
		list = append(list, fmt.Sprintf(`{"name": %q, "version": "1.2.3", "type": "library", "install-path": "../%s"}`, name, name))
		f[project+"/vendor/"+name+"/a.php"] = "<?php\n"
		f[project+"/vendor/"+name+"/bin/tool"] = "x:#!/usr/bin/env php\n"
	}
	f[project+"/vendor/composer/installed.json"] = `{"packages": [` + strings.Join(list, ",") + `], "dev": true, "dev-package-names": []}`
	return f
}

// TestRecords has files that list several packages.
func TestRecords(t *testing.T) {
	const bitnami = `{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "packages": [
		{"SPDXID": "SPDXRef-a", "name": "aux", "versionInfo": "2", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:bitnami/aux@2"}]},
		{"SPDXID": "SPDXRef-r", "name": "redis", "versionInfo": "7", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:bitnami/redis@7"}]}],
		"relationships": [{"spdxElementId": "SPDXRef-r", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-a"}]}`
	const deps = `{"targets": {"net8.0": {"App/1.0.0": {"dependencies": {"Zed": "2.0.0", "Alpha": "1.0.0"}, "runtime": {"App.dll": {}}},
		"Alpha/1.0.0": {"runtime": {"lib/net8.0/Alpha.dll": {}}}, "Zed/2.0.0": {"runtime": {"lib/net8.0/Zed.dll": {}}}}},
		"libraries": {"App/1.0.0": {"type": "project"}, "Alpha/1.0.0": {"type": "package", "sha512": "x"}, "Zed/2.0.0": {"type": "package", "sha512": "y"}}}`
	runCases(t, []scanCase{
		{"Composer", composer("/srv/app", "acme/log", "acme/yaml", "acme/http"),
			[]string{"counts composer/acme/http@1.2.3", "counts composer/acme/log@1.2.3", "counts composer/acme/yaml@1.2.3"}},
		{"Composer's list in a package that Node loads", composer("/srv/node_modules/theme", "acme/log", "acme/yaml").with(files{"/srv/node_modules/theme/package.json": `{"name": "theme", "version": "1.0.0"}`}),
			[]string{"counts npm/theme@1.0.0", "inside composer/acme/log@1.2.3 in npm/theme@1.0.0", "inside composer/acme/yaml@1.2.3 in npm/theme@1.0.0"}},
		{"Composer's list in a package of the system", debs(map[string][]string{"web": {"/usr/share/web/vendor/composer/installed.json"}}).with(composer("/usr/share/web", "acme/log", "acme/yaml")).
			with(files{"/usr/share/web/vendor/acme/yaml/bin/tool": "", "/usr/share/web/vendor/acme/log/bin/tool": ""}),
			[]string{"inside composer/acme/log@1.2.3 in deb/debian/web@1?arch=amd64", "inside composer/acme/yaml@1.2.3 in deb/debian/web@1?arch=amd64"}},
		{"packages of .NET", files{"/app/App.deps.json": deps},
			[]string{"counts nuget/Alpha@1.0.0", "counts nuget/App@1.0.0", "counts nuget/Zed@2.0.0"}},
		{"an SBOM of Bitnami", files{"/opt/bitnami/redis/.spdx-redis.spdx": bitnami, "/opt/bitnami/redis/bin/run": "x:#!/bin/sh\n"},
			[]string{"counts bitnami/redis@7", "inside bitnami/aux@2 in bitnami/redis@7"}},
		{"Bitnami's list of components", files{"/opt/bitnami/.bitnami_components.json": `{"redis": {"version": "7.0.5-1"}, "gosu": {"version": "1.14.0"}}`},
			[]string{"counts bitnami/gosu@1.14.0", "counts bitnami/redis@7.0.5-1"}},
		{"what a package of Conan was built against", files{"/root/.conan/data/zlib/1.2.13/acme/stable/package/abc/conaninfo.txt": "[full_requires]\n    a-lib/3.0.8@user/stable:5ab8\n"},
			[]string{"counts conan/acme/zlib@1.2.13", "inside conan/user/a-lib@3.0.8 in conan/acme/zlib@1.2.13"}},
		{"the list of a base snap", files{"/x/usr/share/snappy/dpkg.yaml": "packages:\n- base-files=12\n- libc6=2.35\n"},
			[]string{"counts deb/ubuntu/base-files@12", "counts deb/ubuntu/libc6@2.35"}},
	})
}

// TestRecordsSince adds a package to a record that a snapshot has.
func TestRecordsSince(t *testing.T) {
	root := composer("/srv/app", "acme/http").plant(t)
	ref := rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}
	before, err := Snapshot(t.Context(), ref, Options{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	more := composer("/srv/app", "acme/http", "acme/log")
	more.plantIn(t, root, sortedKeys(more))
	after, err := Run(t.Context(), ref, Options{Since: before})
	if err != nil {
		t.Fatal(err)
	}
	full := scanFolder(t, root)
	checkSummary(t, after, "counts composer/acme/http@1.2.3", "counts composer/acme/log@1.2.3")
	if diff := cmp.Diff(summary(full), summary(after)); diff != "" {
		t.Errorf("(-full scan +since the snapshot):\n%s", diff)
	}
}
