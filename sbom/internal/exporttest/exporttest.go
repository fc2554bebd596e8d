// Package exporttest has the documents and checks that the tests of the exchange
// formats share: a small document that a person can check, a hostile one, large
// ones for benchmarks, and arbitrary ones for fuzzing.
package exporttest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/depaudit/depaudit/sbom"
)

// Small returns an environment with one of everything: a component of each kind,
// one bundled in another, one bundled in that one, each kind of relation, digests
// that are bound, claimed and disputed, exclusions, a gap and a notice.
func Small() (*sbom.Document, sbom.Meta) {
	const python, setuptools, vendored = "deb/debian/python3-setuptools@66.1.1-1?arch=all", "pypi/setuptools@66.1.1", "pypi/packaging@21.3"
	d := must(sbom.Document{
		Environment: sbom.Environment{
			Ref: "dir:build", Kind: "dir", PackageDB: "dpkg", Files: 3021,
			OS:  sbom.OS{ID: "debian", VersionID: "12", Pretty: "Debian GNU/Linux 12 (bookworm)"},
			Apt: sbom.Apt{TakeSuggested: true},
		},
		Catalogers: "syft v1.54.1",
		Components: []sbom.Component{
			{
				PURL: "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64&distro=debian-12", Kind: sbom.KindOS,
				Type: "deb", Namespace: "debian", Name: "libc6", Version: "2.36-9+deb12u13", Arch: "amd64",
				Paths: []string{"/var/lib/dpkg/status"}, Evidence: "db-owned", FoundBy: "dpkg",
				InstallReason: sbom.ReasonDependency, Source: "glibc", InstalledSize: 13_000_000,
				Supplier: "GNU Libc Maintainers <debian-glibc@lists.debian.org>", Licenses: []string{"LGPL-2.1-or-later", "GPLv2+"},
			},
			{
				PURL: "pkg:deb/debian/bash@5.2.15-2?arch=amd64&distro=debian-12", Kind: sbom.KindOS,
				Type: "deb", Namespace: "debian", Name: "bash", Version: "5.2.15-2", Arch: "amd64",
				Paths: []string{"/var/lib/dpkg/status"}, Evidence: "db-owned", FoundBy: "dpkg", InstallReason: sbom.ReasonEssential,
			},
			{
				PURL: "pkg:deb/debian/python3-setuptools@66.1.1-1?arch=all&distro=debian-12", Kind: sbom.KindOS,
				Type: "deb", Namespace: "debian", Name: "python3-setuptools", Version: "66.1.1-1", Arch: "all",
				Paths: []string{"/var/lib/dpkg/status"}, Evidence: "db-owned", FoundBy: "dpkg", InstallReason: sbom.ReasonExplicit,
			},
			{
				PURL: "pkg:pypi/setuptools@66.1.1", Kind: sbom.KindPackage, Type: "pypi", Name: "setuptools", Version: "66.1.1",
				Paths: []string{"/usr/lib/python3/dist-packages/setuptools-66.1.1.egg-info/PKG-INFO"}, Owner: python,
				Supplier: "Python Packaging Authority", Licenses: []string{"MIT"},
			},
			{
				PURL: "pkg:pypi/packaging@21.3", Kind: sbom.KindPackage, Type: "pypi", Name: "packaging", Version: "21.3",
				Paths: []string{"/usr/lib/python3/dist-packages/setuptools/_vendor/packaging"}, Owner: setuptools,
			},
			{
				PURL: "pkg:npm/%40babel/core@7.26.0", Kind: sbom.KindPackage, Type: "npm", Namespace: "@babel", Name: "core", Version: "7.26.0",
				Paths: []string{"/app/node_modules/@babel/core/package.json"},
				Digests: []sbom.Digest{
					{Algorithm: "sha512", Value: strings.Repeat("ab", 64), File: "/app/node_modules/.package-lock.json"},
					{Algorithm: "sha1", Value: strings.Repeat("01", 20), File: "/app/node_modules/.package-lock.json"},
					{Algorithm: "sha1", Value: strings.Repeat("02", 20), File: "/srv/node_modules/.package-lock.json"},
				},
				Install: &sbom.Install{Kind: sbom.InstallRegistry, URL: "https://registry.npmjs.org/@babel/core/-/core-7.26.0.tgz", File: "/app/node_modules/.package-lock.json"},
			},
			{
				PURL: "pkg:golang/golang.org/x/mod@v0.41.0", Kind: sbom.KindPackage, Type: "golang", Namespace: "golang.org/x", Name: "mod", Version: "v0.41.0",
				Paths:   []string{"/usr/bin/tool"},
				Digests: []sbom.Digest{{Algorithm: "h1", Value: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", Proved: true, File: "/usr/bin/tool"}},
			},
			{
				PURL: "pkg:generic/go@1.26.8", Kind: sbom.KindFiles, Type: "generic", Name: "go", Version: "1.26.8",
				Paths: []string{"/usr/local/go"}, Files: 13214, Detail: "go 1.26.8, 13,214 files",
			},
			{
				PURL: "pkg:generic/tool", Kind: sbom.KindFiles, Type: "generic", Name: "tool",
				Paths: []string{"/opt/tool"}, Files: 1,
			},
		},
		Relations: []sbom.Relation{
			{From: "deb/debian/bash@5.2.15-2?arch=amd64", To: "deb/debian/libc6@2.36-9+deb12u13?arch=amd64", Kind: sbom.RelPreDepends, Via: "libc6 (>= 2.36)"},
			{From: python, To: "deb/debian/libc6@2.36-9+deb12u13?arch=amd64", Kind: sbom.RelDepends},
			{From: python, To: "deb/debian/bash@5.2.15-2?arch=amd64", Kind: sbom.RelRecommends, Via: "bash | zsh", Group: 1},
			{From: python, To: "deb/debian/bash@5.2.15-2?arch=amd64", Kind: sbom.RelSuggests},
			{From: python, To: "deb/debian/bash@5.2.15-2?arch=amd64", Kind: sbom.RelDepends, Group: 2, File: "/usr/bin/python3.11"},
			{From: python, To: python, Kind: sbom.RelDepends, Group: 2},
			{From: setuptools, To: vendored, Kind: sbom.RelDepends},
		},
		Excluded: []sbom.Exclusion{
			{Path: "/var/cache/apt/archives", Reason: sbom.ExcludedArchive, Detail: "612 archives", Count: 612},
			{Path: "/src/yarn.lock", Reason: sbom.ExcludedLock, Count: 1},
		},
		Gaps:    []sbom.Gap{{Kind: sbom.GapUnreadable, Path: "/root/.venv", Detail: "permission denied"}},
		Notices: []sbom.Notice{{Kind: sbom.NoticeStartup, Path: "/usr/lib/python3/dist-packages/distutils-precedence.pth", Component: setuptools, Detail: "line 1 imports", Digest: "sha256:7ea7ffef3fe2a117ee12c68ed6553617f0d7fd2f0590257c25c484959a3b7373"}},
	})
	decided := map[string]sbom.Annotation{
		"deb/debian/bash@5.2.15-2?arch=amd64":         {Provenance: "os", Evidence: "db-owned"},
		"deb/debian/libc6@2.36-9+deb12u13?arch=amd64": {Provenance: "os", Evidence: "db-owned"},
		python:                                 {Provenance: "os", Evidence: "db-owned"},
		setuptools:                             {Provenance: "bundled"},
		vendored:                               {Provenance: "bundled"},
		"npm/@babel/core@7.26.0":               {Provenance: "lock", Evidence: "hash-claimed", LockFile: "app/package-lock.json", LockLine: 17},
		"golang/golang.org/x/mod@v0.41.0":      {Provenance: "lock", Evidence: "hash-claimed", LockFile: "go.sum", LockLine: 3},
		"generic/go@1.26.8?path=/usr/local/go": {Provenance: "unaccounted", Evidence: "none", Why: "no package owns these files"},
		"generic/tool?path=/opt/tool":          {Provenance: "unaccounted", Evidence: "none", Why: "no package owns these files"},
	}
	return d, sbom.Meta{
		Name:        "build-source",
		ToolVersion: "0.1.0",
		Author:      "Release Team <release@example.org>",
		Created:     time.Date(2024, 4, 29, 12, 0, 0, 0, time.UTC),
		Provenance:  func(id string) sbom.Annotation { return decided[id] },
	}
}

// hostileStrings returns strings that the metadata of a package may have.
func hostileStrings() []string {
	return []string{
		"evil\x1b[31m", "abc\u202egnp.exe", "a\nPackageName: injected", "a\r\n::error::b", `"quoted"`, `"half`, `back\slash\x1b`,
		"latin-1 \xe9", "\xff\xfe\x00", "\ufffd", "\ufeffbom", "a\u0000b", "nb\u00a0sp", "line\u2028sep", "<script>&amp;</script>",
		"=cmd|' /C calc'!A0", "pаypal", "e\u0301", "\U0001f4a9", " lead", "trail ", "-", "/", "..", "a=b", "depaudit:kind=os",
		"depaudit:environment", "depaudit:os", "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#x", "SPDXRef-DOCUMENT", "NOASSERTION", "NONE",
		strings.Repeat("long", 2500), strings.Repeat("é", 1024), strings.Repeat("v", 1024), strings.Repeat("v", 1025), "{}", "null", `x "documentNamespace": "" y`, `x "serialNumber": "urn:uuid:" y`, "\xed\xa0\x80",
	}
}

// Hostile returns an environment of hostile strings.
func Hostile() (*sbom.Document, sbom.Meta) {
	s := hostileStrings()
	at := func(i int) string { return s[i%len(s)] }
	d := sbom.Document{
		Environment: sbom.Environment{
			Ref: "dir:" + at(0), Kind: "dir", PackageDB: at(3),
			OS: sbom.OS{ID: at(1), IDLike: []string{at(7), at(4)}, VersionID: strings.Repeat("9\n", 600), Pretty: at(2)},
		},
		Catalogers: at(7),
	}
	for i := range s {
		c := sbom.Component{
			PURL: "pkg:generic/" + at(i) + "?x=" + at(i+1), Kind: []sbom.Kind{sbom.KindOS, sbom.KindPackage, sbom.KindFiles, "new kind"}[i%4],
			Type: at(i + 2), Namespace: at(i + 3), Name: at(i), Version: at(i + 5), Arch: at(i + 6),
			Paths: []string{at(i), "/" + at(i+1)}, Evidence: at(i + 2), FoundBy: at(i + 3), InstallReason: sbom.InstallReason(at(i + 4)), Installers: []string{at(i + 5)},
			Digests: []sbom.Digest{{Algorithm: at(i), Value: at(i + 1), File: at(i + 2)}, {Algorithm: "sha256", Value: at(i)}},
			Install: &sbom.Install{Kind: sbom.InstallKind(at(i)), URL: at(i + 1), Commit: at(i + 2), File: at(i + 3)},
			Detail:  at(i + 8), Source: at(i + 9), Files: -i, InstalledSize: int64(i) << 40, Supplier: at(i + 10), Licenses: []string{at(i + 11), at(i + 12)},
		}
		if i%3 == 0 {
			c.Version, c.PURL = "", at(i)
		}
		d.Components = append(d.Components, c, sbom.Component{ID: at(i), PURL: "", Type: "t", Name: "n"})
		d.Gaps = append(d.Gaps, sbom.Gap{Kind: sbom.GapKind(at(i)), Path: at(i + 1), Detail: at(i + 2)})
		d.Notices = append(d.Notices, sbom.Notice{Kind: sbom.NoticeKind(at(i)), Path: at(i + 1), Component: at(i + 2), Detail: at(i + 3)})
		d.Excluded = append(d.Excluded, sbom.Exclusion{Path: at(i), PURL: at(i + 1), Name: at(i + 2), Reason: sbom.ExclusionReason(at(i + 3)), Count: i})
		d.Relations = append(d.Relations, sbom.Relation{From: at(i), To: at(i + 1), Kind: sbom.RelationKind(at(i + 2)), Via: at(i + 3), Group: i, File: at(i + 4)},
			sbom.Relation{From: at(i), To: at(i + 1), Kind: sbom.RelDepends}, sbom.Relation{From: at(i), To: at(i + 2), Kind: sbom.RelDepends})
	}
	return must(d), sbom.Meta{
		Name: at(1), ToolVersion: at(0), Created: time.Unix(0, 0),
		Provenance: func(id string) sbom.Annotation {
			i := len(id)
			return sbom.Annotation{Provenance: at(i), Evidence: at(i + 1), LockFile: at(i + 2), LockLine: i, Why: at(i + 3), Artifact: at(i + 4)}
		},
	}
}

// Large returns an environment of n components with three relations each, some of
// them bundled.
func Large(n int) (*sbom.Document, sbom.Meta) {
	d := sbom.Document{
		Environment: sbom.Environment{Ref: "dir:large", Kind: "dir", PackageDB: "dpkg", OS: sbom.OS{ID: "debian", VersionID: "12"}},
		Catalogers:  "syft v1.54.1",
	}
	id := func(i int) string { return fmt.Sprintf("deb/debian/package-%05d@1.%d?arch=amd64", i, i) }
	for i := range n {
		c := sbom.Component{
			PURL: fmt.Sprintf("pkg:deb/debian/package-%05d@1.%d?arch=amd64", i, i), Kind: sbom.KindOS,
			Type: "deb", Namespace: "debian", Name: fmt.Sprintf("package-%05d", i), Version: fmt.Sprintf("1.%d", i), Arch: "amd64",
			Paths: []string{"/var/lib/dpkg/status"}, Evidence: "db-owned", FoundBy: "dpkg", InstallReason: sbom.ReasonDependency, InstalledSize: 4096,
		}
		if i%10 == 9 {
			c.Owner = id(i - 1)
		}
		d.Components = append(d.Components, c)
		for k := 1; k <= 3; k++ {
			d.Relations = append(d.Relations, sbom.Relation{From: id(i), To: id((i * (k + 1)) % n), Kind: sbom.RelDepends})
		}
	}
	return must(d), sbom.Meta{
		Name: "large", ToolVersion: "0.1.0", Created: time.Unix(0, 0),
		Provenance: func(string) sbom.Annotation { return sbom.Annotation{Provenance: "os", Evidence: "db-owned"} },
	}
}

// Arbitrary returns a document made of data: its strings are pieces of data (cut
// at line feeds) and hostile strings, its shape follows from data's hash.
func Arbitrary(data []byte) (*sbom.Document, sbom.Meta) {
	sum := sha256.Sum256(data)
	rnd := rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])))
	words := []string{""}
	for _, s := range hostileStrings() {
		if len(s) < 100 || rnd.IntN(16) == 0 { // long ones take most of the time
			words = append(words, s)
		}
	}
	for _, piece := range bytes.Split(data, []byte("\n")) {
		words = append(words, string(piece), string(piece))
	}
	word := func() string { return words[rnd.IntN(len(words))] }
	some := func() string { return cmp.Or(word(), "some") }
	d := sbom.Document{
		Environment: sbom.Environment{Ref: word(), Kind: some(), PackageDB: word(), Files: rnd.IntN(3),
			OS: sbom.OS{ID: word(), VersionID: word(), Pretty: word(), IDLike: []string{word()}}},
		Catalogers: word(),
	}
	ids := map[string]bool{}
	for range rnd.IntN(12) {
		c := sbom.Component{
			PURL: word(), Kind: []sbom.Kind{sbom.KindOS, sbom.KindPackage, sbom.KindFiles, sbom.Kind(word())}[rnd.IntN(4)],
			Type: some(), Namespace: word(), Name: some(), Version: word(), Arch: word(),
			Evidence: word(), FoundBy: word(), InstallReason: sbom.InstallReason(word()), Installers: []string{"pip", "uv"}, Files: rnd.IntN(3), Detail: word(), Source: word(), InstalledSize: rnd.Int64(), Supplier: word(), Licenses: []string{word()},
		}
		for range rnd.IntN(3) {
			c.Paths = append(c.Paths, word())
			c.Digests = append(c.Digests, sbom.Digest{Algorithm: word(), Value: word(), File: word(), Proved: rnd.IntN(2) == 0})
		}
		if rnd.IntN(3) == 0 {
			c.Install = &sbom.Install{Kind: sbom.InstallKind(word()), URL: word(), Commit: word(), File: word()}
		}
		if rnd.IntN(4) == 0 {
			c.ID = word()
		}
		if c.ID == "" {
			c.ID = sbom.Identity(&c)
		}
		// An owner that exists already cannot close a cycle.
		if n := len(d.Components); n > 0 && rnd.IntN(3) == 0 && !ids[c.ID] {
			c.Owner = d.Components[rnd.IntN(n)].ID
		}
		if ids[c.ID] {
			continue
		}
		ids[c.ID] = true
		d.Components = append(d.Components, c)
	}
	for range rnd.IntN(4) {
		d.Gaps = append(d.Gaps, sbom.Gap{Kind: sbom.GapKind(word()), Path: word(), Detail: word()})
		d.Notices = append(d.Notices, sbom.Notice{Kind: sbom.NoticeKind(word()), Path: word(), Component: word(), Detail: word()})
		d.Excluded = append(d.Excluded, sbom.Exclusion{Path: word(), PURL: word(), Name: word(), Version: word(), Reason: sbom.ExclusionReason(word()), Detail: word(), Count: rnd.IntN(3)})
		if n := len(d.Components); n > 0 {
			kind := []sbom.RelationKind{sbom.RelDepends, sbom.RelPreDepends, sbom.RelRecommends, sbom.RelSuggests, sbom.RelationKind(word())}[rnd.IntN(5)]
			d.Relations = append(d.Relations, sbom.Relation{From: d.Components[rnd.IntN(n)].ID, To: d.Components[rnd.IntN(n)].ID, Kind: kind, Via: word(), Group: rnd.IntN(3), File: word()})
		}
	}
	m := sbom.Meta{Name: word(), ToolVersion: word(), Author: word(), Created: time.Unix(rnd.Int64N(1<<36), 0)}
	if rnd.IntN(4) == 0 {
		m.Created = time.Time{}
	}
	m.CreatedFrom = word()
	if rnd.IntN(2) == 0 {
		decided := map[string]sbom.Annotation{}
		for id := range ids {
			decided[id] = sbom.Annotation{Provenance: id, Evidence: id, LockFile: id, LockLine: len(id), Why: id, Artifact: id}
		}
		m.Provenance = func(id string) sbom.Annotation { return decided[id] }
	}
	return must(d), m
}

func must(d sbom.Document) *sbom.Document {
	out, err := sbom.New(d)
	if err != nil {
		panic(err) // a mistake in this file
	}
	return out
}
