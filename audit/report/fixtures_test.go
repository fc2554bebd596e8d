package report

import (
	"fmt"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/sbom"
)

// The reports that the tests render, as audit makes them.

func deb(name, version string) audit.Dependency {
	return audit.Dependency{
		Component: sbom.Component{
			ID: "deb/debian/" + name + "@" + version + "?arch=amd64", PURL: "pkg:deb/debian/" + name + "@" + version + "?arch=amd64",
			Kind: "os", Type: "deb", Namespace: "debian", Name: name, Version: version, Arch: "amd64", Paths: []string{"/var/lib/dpkg/status"},
		},
		Key: "deb/debian/" + name + "?arch=amd64", Provenance: audit.FromOS, Evidence: "db-owned",
	}
}

func wheel(name, version string, line int) audit.Dependency {
	return audit.Dependency{
		Component: sbom.Component{
			ID: "pypi/" + name + "@" + version, PURL: "pkg:pypi/" + name + "@" + version, Type: "pypi", Name: name, Version: version,
			Paths: []string{"/opt/venv/lib/python3.11/site-packages/" + name + "-" + version + ".dist-info/METADATA"},
		},
		Key: "pypi/" + name, Provenance: audit.FromLock, Evidence: "hash-locked",
		Lock: &audit.LockRef{File: "requirements.txt", Line: line},
	}
}

func unlocked(name, version, code, detail string) audit.Dependency {
	d := wheel(name, version, 0)
	d.Provenance, d.Evidence, d.Lock = audit.FromNowhere, "none", nil
	d.Why = &audit.Reason{Code: code, Detail: detail}
	return d
}

func files(name, path, detail string, n int) audit.Dependency {
	return audit.Dependency{
		Component: sbom.Component{
			ID: "generic/" + name + "?path=" + path, Type: "generic", Name: name, Paths: []string{path}, Files: n, Detail: detail,
		},
		Key: "generic/" + name + "?path=" + path, Provenance: audit.FromNowhere, Evidence: "none",
		Why: &audit.Reason{Code: "no-package", Detail: detail + ", which no package accounts for"},
	}
}

func newReport(pipeline string, verdict audit.Verdict, stages ...audit.Stage) *audit.Report {
	return &audit.Report{
		Schema: 1, Verdict: verdict, Pipeline: pipeline, Rules: 1, Stages: stages,
		Tool: audit.Tool{Name: "depaudit", Version: "0.1.0", Catalogers: "syft v1.54.1"},
	}
}

// buildSource is the critical stage of the CPython pipeline, as accepted.
func buildSource() audit.Stage {
	s := audit.Stage{
		Name: "build-source", Critical: true, Environment: "dir:build/source", OS: "Debian GNU/Linux 12 (bookworm)",
		Verdict:    audit.Pass,
		Counts:     audit.Counts{Total: 159, OS: 118, Lock: 41, Bundled: 7, Excluded: 612},
		Ecosystems: []audit.EcosystemCount{{Type: "deb", Count: 118}, {Type: "pypi", Count: 41}},
		Growth:     audit.Growth{Known: true, Baseline: 159},
		Locks:      []audit.LockFile{{Path: "requirements.txt", Format: "requirements.txt", Entries: 41}},
	}
	for i := range 118 {
		s.Dependencies = append(s.Dependencies, deb(fmt.Sprintf("libsomething%d", i), "1.0-1"))
	}
	for i := range 41 {
		s.Dependencies = append(s.Dependencies, wheel(fmt.Sprintf("package-%d", i), "2.4.1", 3*i+1))
	}
	pip := wheel("pip", "23.0.1", 0)
	pip.Provenance, pip.Evidence, pip.Lock, pip.Owner = audit.FromBundled, "", nil, "deb/debian/libsomething0@1.0-1?arch=amd64"
	s.Dependencies = append(s.Dependencies, pip)
	s.Excluded = []sbom.Exclusion{{Path: "/var/cache/apt/archives", Reason: "archive", Detail: "612 archives", Count: 612}}
	return s
}

func buildDocs() audit.Stage {
	s := audit.Stage{
		Name: "build-docs", Environment: "dir:build/docs", OS: "Debian GNU/Linux 12 (bookworm)", Verdict: audit.Pass,
		Counts:  audit.Counts{Total: 678, OS: 619, Lock: 41, Unaccounted: 18, Bundled: 106, Excluded: 620},
		Growth:  audit.Growth{Known: true, Baseline: 678},
		Message: "Docs packages are being locked, see the tracker.\nAsk #release before you add one.",
	}
	names := []string{"alabaster", "babel", "blurb", "docutils", "furo", "imagesize", "jinja2", "markupsafe", "pygments",
		"python-docs-theme", "snowballstemmer", "sphinx", "sphinxcontrib-applehelp", "sphinxcontrib-devhelp",
		"sphinxcontrib-htmlhelp", "sphinxcontrib-jsmath", "sphinxcontrib-qthelp", "sphinxcontrib-serializinghtml"}
	f := audit.Finding{Rule: "unpinned", Severity: audit.Warning, Message: "18 dependencies are neither from the OS nor pinned by a lock file",
		Fix: "add them with hashes to a lock file of the stage, for example with `uv pip compile --generate-hashes requirements.in`, or except them under `exceptions:`"}
	for i, n := range names {
		d := unlocked(n, fmt.Sprintf("%d.%d.0", i%7, i), "not-in-any-lock", "not in requirements.txt")
		if n == "jinja2" {
			d.Why = &audit.Reason{Code: "locked-at-another-version", Detail: "locked at 3.1.2, installed 6.6.0", Lock: &audit.LockRef{File: "requirements.txt", Line: 88}}
		}
		s.Dependencies = append(s.Dependencies, d)
		f.Dependencies = append(f.Dependencies, d.ID)
	}
	s.Findings = []audit.Finding{f}
	return s
}

func testSource() audit.Stage {
	return audit.Stage{
		Name: "test-source", Critical: true, Environment: "dir:build/test", OS: "Debian GNU/Linux 12 (bookworm)", Verdict: audit.Incomplete,
		Counts: audit.Counts{Total: 265, OS: 265},
		Growth: audit.Growth{Known: true, Baseline: 265},
		Gaps: []audit.Gap{
			{Gap: gap("unreadable", "/root/.cache/venv", "permission denied: run the scan as a user who may read it")},
			{Gap: gap("malformed", "/usr/local/lib/python3.11/dist-packages/a-package-with-a-long-name-1.0.dist-info/METADATA", "no Name header")},
			{Gap: gap("lost-scan", "", "the scan was ended after 10m0s")},
		},
		Findings: []audit.Finding{{Rule: "gap", Severity: audit.SeverityIncomplete, Message: "3 places could not be examined, so nothing can be said about them"}},
	}
}

// grownBuildSource is build-source after gdb was installed.
func grownBuildSource() audit.Stage {
	s := buildSource()
	added := []audit.Dependency{deb("gdb", "13.1-3"), deb("libbabeltrace1", "1.5.11-1"), deb("libipt2", "2.0.5-1")}
	s.Dependencies = append(s.Dependencies, added...)
	s.Verdict = audit.Fail
	s.Counts.Total, s.Counts.OS = 162, 121
	s.Growth.Added = []audit.GrowthGroup{{ID: added[0].ID, Because: "explicit", Introduces: []string{added[2].ID, added[1].ID}}}
	s.Findings = []audit.Finding{{
		Rule: "growth", Severity: audit.Error, Message: "3 dependencies are not in the baseline, 0 are allowed",
		Dependencies: []string{added[0].ID, added[1].ID, added[2].ID},
		Fix:          "remove gdb from the stage, or install it in a stage that is not critical",
		Accept:       `depaudit baseline update --stage build-source --reason "..."`,
	}}
	s.Message = "The source stage signs releases. Talk to the release manager before it grows."
	return s
}

func manyAdded() audit.Stage {
	s := buildSource()
	s.Name = "build-source"
	s.Verdict = audit.Fail
	f := audit.Finding{Rule: "growth", Severity: audit.Error, Message: "600 dependencies are not in the baseline, 0 are allowed",
		Fix: "install texlive-full in a stage that is not critical", Accept: `depaudit baseline update --stage build-source --reason "..."`}
	var group *audit.GrowthGroup
	for i := range 600 {
		d := deb(fmt.Sprintf("texlive-part-%d", i), "2022.20230122-3")
		s.Dependencies = append(s.Dependencies, d)
		f.Dependencies = append(f.Dependencies, d.ID)
		if i%20 == 0 {
			s.Growth.Added = append(s.Growth.Added, audit.GrowthGroup{ID: d.ID, Because: []string{"explicit", "dependency", ""}[i/20%3]})
			group = &s.Growth.Added[len(s.Growth.Added)-1]
			if i == 20 {
				group.NeededBy = []string{"deb/debian/libsomething0@1.0-1?arch=amd64", "deb/debian/libsomething1@1.0-1?arch=amd64"}
			}
			continue
		}
		group.Introduces = append(group.Introduces, d.ID)
	}
	// Seven of one each for the same two heads, and one of thirteen for many.
	last := len(s.Growth.Added) - 1
	common := s.Growth.Added[last]
	s.Growth.Added = s.Growth.Added[:last]
	common.Because, common.SharedBy = "", nil
	for i := range audit.MaxSharedBy {
		common.SharedBy = append(common.SharedBy, s.Growth.Added[i].ID)
	}
	for _, id := range common.Introduces[12:] {
		s.Growth.Added = append(s.Growth.Added, audit.GrowthGroup{ID: id, SharedBy: []string{s.Growth.Added[0].ID, s.Growth.Added[1].ID}})
	}
	common.Introduces = common.Introduces[:12]
	s.Growth.Added = append(s.Growth.Added, common)
	s.Growth.Removed = []audit.Accepted{{Key: "pypi/wheel", Version: "0.38.4", ID: "pypi/wheel@0.38.4", Provenance: audit.FromLock, Evidence: "hash-locked"}}
	s.Growth.Changed = []audit.VersionChange{{Key: "pypi/sphinx", From: "7.2.6", To: "7.3.0"}, {Key: "pypi/idna", From: "3.6", To: "3.7"}}
	s.Growth.Weaker = []audit.Weaker{{ID: "pypi/package-0@2.4.1", From: audit.Strength{Provenance: audit.FromLock, Evidence: "hash-locked"},
		To: audit.Strength{Provenance: audit.FromLock, Evidence: "version-locked"}}}
	s.Counts.Total, s.Counts.OS = 759, 718
	s.Findings = []audit.Finding{f}
	return s
}

// hostile is what an attacker would like to print, in every place that takes
// a string from outside.
func hostileStage(s string) audit.Stage {
	d := audit.Dependency{
		Component: sbom.Component{ID: s, PURL: s, Name: s, Namespace: s, Version: s, Arch: s, Type: s,
			Paths: []string{s, s}, InstallReason: sbom.InstallReason(s), Files: 1, Detail: s},
		Key: s, Provenance: audit.FromNowhere, Evidence: s, Why: &audit.Reason{Code: s, Detail: s, Lock: &audit.LockRef{File: s, Line: 3}}}
	locked := d
	locked.ID, locked.Provenance, locked.Lock, locked.Owner, locked.Why = s+"2", audit.FromLock, &audit.LockRef{File: s, Line: 1}, s, nil
	excepted := d
	excepted.ID, excepted.Provenance, excepted.Exception = s+"3", audit.FromException, &audit.ExceptionRef{Reason: s, Owner: s, Expires: s}
	other := d
	other.ID, other.Provenance, other.Why = s+"4", audit.Provenance(s), nil
	other.Layer, other.Replaces, other.OSEvidence = 2, s, s
	d.Layer = 1
	excuse := &audit.ExceptionRef{Reason: s, Owner: s, Expires: s}
	return audit.Stage{
		Image: sbom.Image{Digest: s, Platform: s, BaseName: s, BaseDigest: s,
			Layers: []sbom.Layer{{Digest: s, DiffID: s, CreatedBy: s}, {CreatedBy: "/bin/sh -c " + s + " # buildkit"}, {CreatedBy: "/bin/sh -c #(nop)" + s}}},
		Base:        &audit.StageBase{Ref: s, Kind: s, Digest: s, Known: true, Layers: 1, Dependencies: 4, Present: 1, Gone: 2, Added: 3, Claimed: true},
		Limitations: []audit.Limitation{{Limitation: limitation(s, s)}, {Limitation: limitation(s+"2", s), Accepted: true}, {Limitation: limitation(s, "")}},
		Verified:    true, Sealed: true, Indexes: []audit.Index{{File: s, Origin: s, Label: s, Suite: s, Codename: s, Date: s, Key: s, KeyName: s, Problem: s, Packages: 1}},
		Files: []audit.AcceptedFile{{Rule: s, Path: s, Digest: s, Mode: s, Reason: s}},
		Ledger: &audit.Ledger{Counts: []audit.FileCount{{Status: audit.FileProved, Files: 1234567}, {Status: audit.FileStatus(s), Files: 1}},
			Lines: []audit.FileLine{{Path: s, Status: audit.FileChanged, How: []string{s}, Component: s, Rule: s, Detail: s, Digest: s, Mode: s, Runs: s},
				{Path: s, Status: audit.FileUnexplained, Detail: s}}},
		Name: s, Critical: true, Environment: s, OS: s, Verdict: audit.Fail, Message: s,
		Method: audit.Method{Rules: 1, Catalogers: s},
		Counts: audit.Counts{Total: 4, OS: 1, Lock: 1, Image: 1, Exception: 1, Unaccounted: 1, Bundled: 1, Excluded: 1},
		Limit:  new(int), Dependencies: []audit.Dependency{d, locked, excepted, other},
		Relations: []sbom.Relation{{From: s, To: s, Kind: sbom.RelationKind(s), Via: s, Group: 1, File: s}},
		Excluded:  []sbom.Exclusion{{Path: s, Name: s, Version: s, PURL: s, Reason: sbom.ExclusionReason(s), Detail: s, Count: 1}},
		Growth: audit.Growth{Known: true, Baseline: 1, Method: &audit.Method{Rules: 1, Catalogers: s},
			Added: []audit.GrowthGroup{
				{ID: s, Because: s, Introduces: []string{s + "2", s + "3", "unknown " + s}},
				{ID: s + "5", Introduces: []string{s + "6"}, SharedBy: []string{s, s + "4"}},
				{ID: s + "4", NeededBy: []string{s}},
			},
			Removed: []audit.Accepted{{Key: s, Version: s, ID: s, PURL: s, Provenance: audit.Provenance(s), Evidence: s, Reason: s}, {ID: s}},
			Changed: []audit.VersionChange{{Key: s, From: s, To: s}},
			Weaker:  []audit.Weaker{{ID: s, From: audit.Strength{Provenance: audit.Provenance(s), Evidence: s}, To: audit.Strength{Evidence: s}}},
			Base: &audit.BaseGrowth{Baseline: 1, Added: []string{s, s + "4"}, Removed: []audit.Accepted{{Key: s, Version: s}}, Changed: []audit.VersionChange{{Key: s, From: s, To: s}},
				ToStage: []string{s}, ToBase: []string{s + "2", s}}},
		Findings: []audit.Finding{
			{Rule: s, Severity: audit.Error, Message: s, Dependencies: []string{s, s + "2"}, Paths: []string{s, s + "2"}, Fix: s, Accept: s},
			{Rule: s, Severity: audit.Error, Message: s, Dependencies: []string{s}, Paths: []string{s}, Place: &audit.Place{File: s, Line: 1, Entry: s}},
			{Rule: s, Severity: audit.Severity(s), Message: s, Fix: "run `" + s + "` again: " + s},
			{Rule: s, Severity: audit.Error, Message: s, Uses: []string{s, "unknown " + s}},
		},
		Definition: &audit.Definition{
			Refs: []string{s, s}, Files: []string{s}, Counts: audit.UseCounts{Total: 1, Kinds: []audit.UseCount{{Kind: s, Count: 1}}, Floating: 1},
			Uses: []audit.Use{{ID: s, Key: s, Kind: s, Name: s, PURL: s, Version: s, Pin: s, Text: s, Places: []audit.UsePlace{{File: s, Line: 1, Column: 2}, {File: s, Line: 2}},
				Via: s, Detail: s, Fix: s, Dependency: s}},
			Undecided: []audit.UndecidedPlace{{UsePlace: audit.UsePlace{File: s, Line: 1}, Detail: s}},
			Known:     true, Added: []string{s}, Removed: []audit.AcceptedUse{{Key: s, Version: s, Pin: s, Reason: s}}, Changed: []audit.VersionChange{{Key: s, From: s, To: s}}, Weaker: []audit.WeakerPin{{ID: s, From: s, To: s}},
		},
		Gaps:    []audit.Gap{{Gap: gap(s, s, s), Waived: excuse}, {Gap: gap(s, "", s), Waived: excuse}, {Gap: gap(s, s, s)}, {Gap: gap(s, "", s)}},
		Notices: []sbom.Notice{{Kind: sbom.NoticeKind(s), Path: s, Component: s, Detail: s}},
		Locks:   []audit.LockFile{{Path: s, Format: s, Entries: 1}},
		Exceptions: []audit.ExceptionUse{
			{ConfiguredException: audit.ConfiguredException{PURL: s, Path: s, Stages: []string{s}, Rules: []string{s}, Reason: s, Owner: s, Added: s, Expires: s, File: s, Line: 1}, Since: s, Age: 1, Left: 1, Excuses: []string{s}, Dependencies: []string{s}, Paths: []string{s}},
			{ConfiguredException: audit.ConfiguredException{Path: s, Owner: s, Reason: s, Expires: s}, Expired: true, Left: -1, Paths: []string{s, s}},
		},
	}
}

// excepted is a stage that passes with exceptions, and one of which one has ended.
func excepted() (pass, fail audit.Stage) {
	uses := []audit.ExceptionUse{
		{ConfiguredException: audit.ConfiguredException{PURL: "pkg:npm/@types/*", Stages: []string{"build-source"}, Reason: "types have no code", Owner: "release team", Added: "2026-11-03", Expires: "2027-06-01",
			File: "depaudit.exceptions.yaml", Line: 2}, Since: "2026-11-03", Age: 20, Left: 190, Excuses: []string{"not-pinned"}, Dependencies: []string{"npm/@types/node@20", "npm/@types/react@18"}},
		{ConfiguredException: audit.ConfiguredException{Path: "/opt/vendor", Reason: "comes with the signing hardware,\nwhich has no package", Owner: "security@example.org", Expires: "2026-11-23",
			File: "depaudit.exceptions.yaml", Line: 9}, Since: "2026-11-23", Excuses: []string{"startup-code", "unaccounted-files"}, Dependencies: []string{"generic/hsm?path=/opt/vendor"}, Paths: []string{"/opt/vendor/a.pth"}},
	}
	pass, fail = buildSource(), buildSource()
	pass.Exceptions = uses
	fail.Name, fail.Verdict = "publish", audit.Fail
	fail.Findings = []audit.Finding{{Rule: "expired-exception", Severity: audit.Error, Message: "the exception for /opt/vendor (security@example.org) ended on 2026-11-01", Paths: []string{"/opt/vendor/a.pth"}}}
	gone := uses[1]
	gone.Expires, gone.Left, gone.Expired, gone.Age, gone.Dependencies = "2026-11-01", -22, true, 1, nil
	fail.Exceptions = []audit.ExceptionUse{gone}
	return pass, fail
}

// exceptedReport has both.
func exceptedReport() *audit.Report {
	pass, fail := excepted()
	return newReport("cpython-release", audit.Fail, pass, fail)
}

func hostile(s string) *audit.Report {
	other := buildSource()
	other.Dependencies = other.Dependencies[116:120]
	r := newReport(s, audit.Fail, hostileStage(s), other)
	r.Tool = audit.Tool{Name: s, Version: s, Catalogers: s}
	r.Baseline = s
	r.Findings = []audit.Finding{{Rule: s, Severity: audit.Info, Message: s, Fix: s, Accept: s}}
	return r
}

func hostileScan(s string) *audit.Report {
	r := newReport("", audit.Fail, hostileStage(s))
	r.Stages[0].Findings = nil
	r.Stages[0].Growth = audit.Growth{}
	r.Stages[0].Environment = "sbom:" + s // so that the document's tool is told
	return r
}

// verified is a stage of which files were changed.
func verified() audit.Stage {
	s := buildSource()
	s.Verdict, s.Verified = audit.Fail, true
	for i := range s.Dependencies {
		if d := &s.Dependencies[i]; d.Provenance != audit.FromBundled {
			d.Evidence = audit.EvidenceBytes
		}
	}
	bash := s.Dependencies[0].ID
	s.Ledger = &audit.Ledger{
		Counts: []audit.FileCount{{Status: audit.FileProved, Files: 5308, Bytes: 1 << 27}, {Status: audit.FileDerived, Files: 581, Bytes: 1 << 20},
			{Status: audit.FileChanged, Files: 1, Bytes: 1 << 20}, {Status: audit.FileMissing, Files: 1}, {Status: audit.FileUnexplained, Files: 66, Bytes: 4096}},
		Lines: []audit.FileLine{
			{Path: "/etc/profile.d/proxy.sh", Status: audit.FileUnexplained, Digest: "blake3:00", Size: 10, Mode: "644", Runs: "startup"},
			{Path: "/usr/bin/bash", Status: audit.FileChanged, How: []string{"content", "mode"}, Component: bash, Digest: "blake3:11", Size: 10, Mode: "4755", Runs: "set-id"},
			{Path: "/usr/bin/bashbug", Status: audit.FileMissing, Component: bash},
		},
	}
	s.Indexes = []audit.Index{{File: "indexes.zip", Origin: "Debian", Label: "Debian", Suite: "stable", Codename: "bookworm", Date: "2026-01-10",
		Key: "4D64FEC119C2029067D6E791F8D2585B8783D481", KeyName: "Debian 12 bookworm stable", Packages: 118}}
	s.Findings = []audit.Finding{
		audit.RuleModified.Finding(audit.Facts{Severity: audit.Error, Count: 2, Detail: "content, mode", Paths: []string{"/usr/bin/bash", "/usr/bin/bashbug"},
			Dependencies: []string{bash}, Accept: `depaudit baseline update --stage build-source --reason "..."`}),
		audit.RuleStartup.Finding(audit.Facts{Severity: audit.Error, Count: 1, Paths: []string{"/etc/profile.d/proxy.sh"},
			Accept: `depaudit baseline update --stage build-source --reason "..."`}),
	}
	return s
}

// image is a stage on a base, after pip installed a package.
func image() audit.Stage {
	s := grownBuildSource()
	s.Name, s.Environment = "build-image", "registry:registry.example.org/release/build:1.2"
	s.Image = sbom.Image{Digest: "sha256:4c2d", Platform: "linux/amd64", Layers: []sbom.Layer{
		{Digest: "sha256:aaaa", CreatedBy: "/bin/sh -c #(nop) ADD file:7f2d in / "},
		{Digest: "sha256:bbbb", CreatedBy: `/bin/sh -c #(nop)  CMD ["bash"]`},
		{Digest: "sha256:cccc", CreatedBy: "RUN /bin/sh -c pip install --require-hashes -r requirements.txt # buildkit"},
		{Digest: "sha256:dddd", CreatedBy: "RUN /bin/sh -c apt-get update && apt-get install --yes --no-install-recommends gdb && rm -rf /var/lib/apt/lists/* # buildkit"},
	}}
	s.Base = &audit.StageBase{Ref: "registry:debian:12@sha256:0d84", Kind: "registry", Pinned: true, Known: true, Layers: 2, Dependencies: 120, Present: 118, Gone: 1, Added: 44}
	base, limit := 0, 52
	s.Limit = &limit
	for i := range s.Dependencies {
		d := &s.Dependencies[i]
		switch {
		case strings.HasPrefix(d.Name, "libsomething"):
			d.Provenance, d.Evidence, d.Layer, d.OSEvidence = audit.FromImage, "digest", 1, "db-owned"
			base++
		case d.Provenance == audit.FromLock:
			d.Layer = 3
		default:
			d.Layer = 4
		}
	}
	s.Counts.Image, s.Counts.OS = base, 3
	s.Growth.Base = &audit.BaseGrowth{Baseline: 118, Added: []string{s.Dependencies[0].ID}, Removed: []audit.Accepted{{Key: "deb/debian/libold?arch=amd64", Version: "1"}}}
	s.Findings = append(s.Findings, audit.Finding{Rule: "base-growth", Severity: audit.Warning, Message: "the base has 1 new dependency",
		Dependencies: []string{s.Dependencies[0].ID}, Fix: "see what the base changed, and record it", Accept: "depaudit baseline update --stage build-image"})
	return s
}

// fromSBOM is a critical stage of which there is only an SBOM.
func fromSBOM() audit.Stage {
	s := buildSource()
	s.Name, s.Environment, s.Method = "sign", "sbom:sign.spdx.json", audit.Method{Rules: 1, Catalogers: "Tool: other-scanner-2.1"}
	s.Limitations = []audit.Limitation{
		{Limitation: limitation("ownership", "which package owns which path is not in the document"), Accepted: true},
		{Limitation: limitation("unaccounted", "files that no package accounts for are not in the document")},
	}
	s.Verdict = audit.Incomplete
	s.Findings = []audit.Finding{{Rule: "limitation", Severity: audit.SeverityIncomplete, Message: "the environment cannot show: unaccounted",
		Fix: "audit the environment itself, or accept a count without it: `accept: [unaccounted]` in the stage"}}
	return s
}

// withWaiver has a gap that is waived and one that is not.
func withWaiver() audit.Stage {
	s := testSource()
	s.Gaps[0].Waived = &audit.ExceptionRef{Reason: "the scan runs without root", Owner: "release team", Expires: "2027-03-31"}
	return s
}

// sbomScan is a look at an SBOM.
func sbomScan() *audit.Report {
	s := fromSBOM()
	s.Name, s.Critical, s.Growth, s.Findings, s.Verdict = "", false, audit.Growth{}, nil, audit.Pass
	return newReport("", audit.Pass, s)
}

func scan() *audit.Report {
	s := testSource()
	s.Name, s.Critical, s.Environment = "", false, "host:"
	s.Growth = audit.Growth{}
	s.Findings = nil
	s.Gaps = s.Gaps[:1]
	s.Dependencies = []audit.Dependency{
		deb("bash", "5.2.15-2+b7"), wheel("requests", "2.31.0", 12),
		files("go", "/usr/local/go", "go 1.26.8, 13,214 files", 13214),
		files("rustup-init", "/root/rustup-init", "ELF executable", 1),
		unlocked("blurb", "1.1.0", "not-in-any-lock", "no lock file was given"),
	}
	s.Counts = audit.Counts{Total: 5, OS: 1, Lock: 1, Unaccounted: 3, Bundled: 4, Excluded: 12}
	return newReport("", audit.Incomplete, s)
}

// wide has characters of two cells and of none.
func wide() *audit.Report {
	s := grownBuildSource()
	s.Name = "源码构建"
	s.Dependencies[len(s.Dependencies)-3].Name = "数据库调试工具" + strings.Repeat("很长的名字", 6)
	s.Dependencies[len(s.Dependencies)-1].Name = "cafe\u0301-lib"
	return newReport("发布流水线", audit.Fail, s, buildDocs())
}

func withFindings(r *audit.Report) *audit.Report {
	r.Findings = []audit.Finding{{Rule: "unused-exception", Severity: audit.Warning,
		Message: "the exception for pkg:generic/rustup excuses nothing any more", Paths: []string{"depaudit.yaml:41"}, Fix: "remove it from depaudit.yaml"}}
	return r
}

func pipeline() *audit.Report {
	return withFindings(newReport("cpython-release", audit.Fail, grownBuildSource(), buildDocs(), testSource()))
}

func gap(kind, path, detail string) sbom.Gap {
	return sbom.Gap{Kind: sbom.GapKind(kind), Path: path, Detail: detail}
}

func limitation(name, detail string) sbom.Limitation {
	return sbom.Limitation{Name: sbom.LimitationName(name), Detail: detail}
}
