package baseline

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom"
)

// stageOf makes a critical stage called "s" of lines:
//
//	os NAME VERSION [EVIDENCE]
//	pkg pypi/NAME@VERSION
//	files PATH NAME VERSION
//	gap, empty, limitation
func stageOf(t *testing.T, lines string) audit.Stage {
	t.Helper()
	s := audit.Stage{Name: "s", Critical: true, Method: audit.Method{Rules: 1, Catalogers: "syft v1.54.1"}}
	for line := range strings.Lines(lines) {
		w := append(strings.Fields(line), "", "", "")
		var c sbom.Component
		d := audit.Dependency{Provenance: audit.FromNowhere, Evidence: audit.EvidenceNone}
		switch w[0] {
		case "os":
			c = osPackage(w[1], w[2])
			d.Provenance, d.Evidence = audit.FromOS, cmp.Or(w[3], "db-owned")
		case "pkg":
			name, version, _ := strings.Cut(strings.TrimPrefix(w[1], "pypi/"), "@")
			c = sbom.Component{Kind: sbom.KindPackage, Type: "pypi", Name: name, Version: version, PURL: "pkg:" + w[1]}
		case "files":
			c = sbom.Component{Kind: sbom.KindFiles, Type: "generic", Name: w[2], Version: w[3], Paths: []string{w[1]}}
		case "gap":
			s.Gaps = append(s.Gaps, audit.Gap{Gap: sbom.Gap{Kind: sbom.GapUnreadable, Path: "/root", Detail: "denied"}})
			continue
		case "empty":
			s.Findings = append(s.Findings, audit.Finding{Rule: audit.RuleEmpty.ID, Severity: audit.SeverityIncomplete})
			continue
		case "limitation":
			s.Limitations = append(s.Limitations, audit.Limitation{Limitation: sbom.Limitation{Name: sbom.LimitPaths}})
			continue
		default:
			t.Fatalf("unknown line %q", line)
		}
		d.ID, d.Key, d.PURL, d.Version = sbom.Identity(&c), sbom.Key(&c), c.PURL, c.Version
		s.Dependencies = append(s.Dependencies, d)
	}
	return s
}

func osPackage(name, version string) sbom.Component {
	return sbom.Component{Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: name, Version: version, Arch: "amd64",
		PURL: "pkg:deb/debian/" + name + "@" + version + "?arch=amd64"}
}

func accept(t *testing.T, base *Baseline, inventory, reason string) *Baseline {
	t.Helper()
	b, err := base.With(stageOf(t, inventory), reason)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBaselineFile shows the file, and that the diff of a pull request is what
// was accepted: one line a dependency, with its reason.
func TestBaselineFile(t *testing.T) {
	first := accept(t, nil, "os libc6 2.36\npkg pypi/\u0455ix@1.16.0\nfiles /opt/tool tool 3", "the first stage\nof “all”\u202e")
	const want = `{
  "baseline": 1,
  "stages": {
    "s": {
      "rules": 1,
      "catalogers": "syft v1.54.1",
      "reason": "the first stage\nof “all”\u202e",
      "critical": true,
      "dependencies": [
        {"key": "deb/debian/libc6?arch=amd64", "version": "2.36", "provenance": "os", "evidence": "db-owned"},
        {"key": "generic/tool?path=/opt/tool", "version": "3", "provenance": "unaccounted", "evidence": "none"},
        {"key": "pypi/\u0455ix", "version": "1.16.0", "provenance": "unaccounted", "evidence": "none"}
      ],
      "files": []
    }
  }
}
`
	if diff := gocmp.Diff(want, string(first.Encode())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	validate(t, first.Encode())

	second := accept(t, first, "os libc6 2.37\nos gdb 13.1-3\nfiles /opt/tool tool 3", "core dumps of the tests")
	var lines []string
	for _, l := range strings.Split(string(second.Encode()), "\n") {
		if !strings.Contains(want, strings.TrimSuffix(l, ",")) {
			lines = append(lines, strings.TrimSpace(l))
		}
	}
	added := []string{
		`{"key": "deb/debian/gdb?arch=amd64", "version": "13.1-3", "provenance": "os", "evidence": "db-owned", "reason": "core dumps of the tests"},`,
		`{"key": "deb/debian/libc6?arch=amd64", "version": "2.37", "provenance": "os", "evidence": "db-owned"},`,
	}
	if diff := gocmp.Diff(added, lines); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// A bump keeps the reason.
	third := accept(t, second, "os libc6 2.37\nos gdb 14\nfiles /opt/tool tool 3", "")
	if got := third.Stages["s"].Dependencies[0]; got.Version != "14" || got.Reason != "core dumps of the tests" {
		t.Errorf("after a bump: %+v", got)
	}
	// Neither of the earlier ones was changed.
	if diff := gocmp.Diff(want, string(first.Encode())); diff != "" {
		t.Errorf("the first baseline changed\n%s", diff)
	}
}

func validate(t *testing.T, data []byte) {
	t.Helper()
	path, err := filepath.Abs("../../docs/baseline.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("not valid by the published schema: %v", err)
	}
}

func TestBaselineWithRefuses(t *testing.T) {
	base := accept(t, nil, "os a 1\npkg pypi/x@1", "")
	for _, tt := range []struct{ name, inventory, reason, want string }{
		{"gaps", "os a 1\ngap", "r", `stage "s" has 1 gap: a baseline would accept dependencies that were not examined (repair the gaps first)`},
		{"empty", "empty", "r", `stage "s" looks empty: no baseline is made (see depaudit explain empty-environment)`},
		{"limited", "os a 1\nlimitation", "r", `stage "s" has limitations that a critical stage must accept first: no baseline is made (see depaudit explain limitation)`},
		{"growth", "os a 1\nos b 1", "", `stage "s": a critical stage grows: a reason is needed`},
		{"weaker", "os a 1 foreign", "", `stage "s": a critical stage grows: a reason is needed`},
	} {
		if _, err := base.With(stageOf(t, tt.inventory), tt.reason); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
		}
	}
	if _, err := base.With(stageOf(t, "os a 1\nos b 1"), ""); !errors.Is(err, ErrReason) {
		t.Errorf("growth without a reason is %v", err)
	}
}

func TestBaselineErrors(t *testing.T) {
	dep := func(s string) string {
		return "{\"baseline\": 1, \"stages\": {\"s\": {\"rules\": 1, \"catalogers\": \"c\", \"dependencies\": [\n" + s + "\n]}}}"
	}
	const good = `{"key": "k", "version": "1", "provenance": "os", "evidence": "db-owned"}`
	const repair = "; restore the file from version control, or delete it and make it anew with `depaudit baseline update`"
	for _, tt := range []struct{ name, doc, want string }{
		{"empty", "", "f:1:1: the file ends in the middle" + repair},
		{"truncated", dep(good)[:100], "f:2:19: the file ends in the middle" + repair},
		{"newer", "{\n \"baseline\": 2, \"new\": 3}", "f:2:14: the baseline has format version 2, and this depaudit reads up to 1; use a newer depaudit, or delete the baseline and make it anew with `depaudit baseline update`"},
		{"version 0", `{"baseline": 0}`, "f:1:14: there is no baseline format version 0" + repair},
		{"no version", `{"stages": {}}`, `f:1:14: the baseline has no "baseline"` + repair},
		{"list", `[]`, "f:1:1: expected the baseline (an object)" + repair},
		{"binary", "\x7fELF", "f:1:1: not valid JSON: invalid character '\\x7f' looking for beginning of value" + repair},
		{"not UTF-8", "{\"\xff", "f:1:3: the file is not UTF-8"},
		{"half of a surrogate pair", `{"baseline": 1, "stages": {"\ud800": {"rules": 1, "catalogers": "1", "dependencies": []}}}`, "f:1:29: half of a surrogate pair; restore the file from version control, or delete it and make it anew with `depaudit baseline update`"},
		{"after the end", dep(good) + "\n{}", "f:4:1: there is text after the end of the baseline" + repair},
		{"merge conflict", dep("<<<<<<< HEAD\n" + good), "f:2:1: not valid JSON: invalid character '<' looking for beginning of value" + repair},
		{"twice", dep(good + ",\n" + good), `f:3:72: dependency "k" at version "1" is listed twice; keep one of the lines`},
		{"base", dep(strings.Replace(good, "}", `, "base": "yes"}`, 1)), `f:2:82: expected true or false for "base"`},
		{"key twice", dep(`{"key": "k", "key": "l"}`), `f:2:14: key "key" is given twice; keep one of them`},
		{"case", dep(`{"Key": "k"}`), `f:2:2: unknown key "Key" in a dependency; did you mean "key"?`},
		{"missing", dep(`{"key": "k", "version": "1", "provenance": "os"}`), `f:2:48: a dependency has no "evidence"` + repair},
		{"provenance", dep(strings.Replace(good, "os", "trust-me", 1)), `f:2:44: there is no provenance "trust-me"`},
		{"bundled", dep(strings.Replace(good, "os", "bundled", 1)), `f:2:44: there is no provenance "bundled"`},
		{"number", dep(`{"key": 1}`), `f:2:9: expected a string for "key"`},
		{"stage twice", `{"baseline": 1, "stages": {"s": {"rules": 1, "catalogers": "", "dependencies": []}, "s": {}}}`, `f:1:85: key "s" is given twice; keep one of them`},
		{"content", dep(strings.Replace(good, "}", `, "content": "xyz"}`, 1)), `f:2:85: "content" is not a digest of 32 hexadecimal digits` + repair},
		{"file twice", `{"baseline": 1, "stages": {"s": {"files": [{"path": "/a", "rule": "growth"}, {"path": "/a", "rule": "growth", "reason": "r"}]}}}`, `f:1:124: file "/a" is listed twice; keep one of the lines`},
		{"file rule", `{"baseline": 1, "stages": {"s": {"files": [{"path": "/a", "rule": "none"}]}}}`, `f:1:67: there is no rule "none"`},
		{"file key", `{"baseline": 1, "stages": {"s": {"files": [{"paht": "/a"}]}}}`, `f:1:45: unknown key "paht" in a file; did you mean "path"?`},
		{"file without a rule", `{"baseline": 1, "stages": {"s": {"files": [{"path": "/a"}]}}}`, `f:1:57: a file has no "rule"` + repair},
		{"rules", `{"baseline": 1, "stages": {"s": {"rules": 1.5}}}`, `f:1:43: expected a whole number for "rules"`},
	} {
		_, err := Parse("f", []byte(tt.doc))
		var one *textfile.Error
		if !errors.As(err, &one) || err.Error() != tt.want {
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestBaselineOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.json")
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := Load(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("directory: %v", err)
	}
	b := accept(t, nil, "os a 1", "")
	if err := b.Write(path); err != nil {
		t.Fatal(err)
	}
	back, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(b, back); diff != "" {
		t.Error(diff)
	}
	// What Git does to the file on some machines does not matter.
	data, _ := os.ReadFile(path)
	data = append([]byte("\ufeff"), bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))...)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if back, err = Load(path); err != nil || !gocmp.Equal(b, back) {
		t.Errorf("with CR LF: %v", err)
	}
}

func TestBaselineDiff(t *testing.T) {
	old := accept(t, nil, "os a 1\nos b 1\nos c 1", "")
	next := accept(t, old, "os a 2\nos c 1 foreign\nos d 1", "r")
	next.Stages["t"] = next.Stages["s"]
	got := old.Diff(next)
	if len(got) != 2 || got[0].Name != "s" || !got[1].New || got[1].After != 3 {
		t.Fatalf("%+v", got)
	}
	d := got[0]
	if len(d.Added) != 1 || d.Added[0].ID != "deb/debian/d@1?arch=amd64" || d.Added[0].Reason != "r" ||
		len(d.Removed) != 1 || d.Removed[0].PURL != "pkg:deb/debian/b@1?arch=amd64" ||
		len(d.Changed) != 1 || d.Changed[0] != (audit.VersionChange{Key: "deb/debian/a?arch=amd64", From: "1", To: "2"}) ||
		len(d.Weaker) != 1 || d.Weaker[0].To.Evidence != "foreign" {
		t.Errorf("%+v", d)
	}
	if d := next.Diff(next.Without("t")); len(d) != 1 || !d[0].Gone {
		t.Errorf("%+v", d)
	}
	if d := next.Diff(next); len(d) != 0 {
		t.Errorf("a baseline differs from itself: %+v", d)
	}
	if d := (*Baseline)(nil).Diff(old); len(d) != 1 || !d[0].New {
		t.Errorf("%+v", d)
	}
}

// TestAcceptedDerivesID compares the ID that is derived from a line of the file
// with that of package sbom.
func TestAcceptedDerivesID(t *testing.T) {
	for _, c := range []sbom.Component{
		osPackage("libc6", "2.36-9"), {Kind: sbom.KindPackage, Type: "pypi", Name: "six", Version: "1.16.0", PURL: "pkg:pypi/six@1.16.0"},
		{Kind: sbom.KindPackage, Type: "npm", Namespace: "@babel", Name: "core", Version: "7.0.0", PURL: "pkg:npm/%40babel/core@7.0.0"},
		{Kind: sbom.KindPackage, Type: "golang", Namespace: "github.com/google", Name: "go-cmp", Version: "v0.7.0", PURL: "pkg:golang/github.com/google/go-cmp@v0.7.0"},
		{Kind: sbom.KindFiles, Type: "generic", Name: "go", Version: "1.26.8", Paths: []string{"/usr/local/go"}, PURL: "pkg:generic/go@1.26.8"},
		{Kind: sbom.KindFiles, Type: "generic", Name: "tool", Paths: []string{"/opt/tool"}, PURL: "pkg:generic/tool"},
	} {
		e := newAccepted(sbom.Key(&c), c.Version, audit.FromOS, "", "")
		if e.ID != sbom.Identity(&c) || e.PURL != c.PURL {
			t.Errorf("%s %s, want %s %s", e.ID, e.PURL, sbom.Identity(&c), c.PURL)
		}
	}
}

func FuzzBaseline(f *testing.F) {
	f.Add([]byte(`{"baseline": 1, "stages": {"s": {"rules": 1, "catalogers": "c", "reason": "r", "dependencies": [{"key": "k", "version": "1", "provenance": "os", "evidence": "db-owned", "base": true, "reason": "\ud83d\ude00\u202e"}]}}}`))
	f.Add([]byte(`{"baseline": 1, "stages": {}}`))
	f.Add([]byte(`{"baseline": 2`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Parse("f", data)
		if err != nil {
			var one *textfile.Error
			if !errors.As(err, &one) || one.Line < 1 || one.Column < 1 || one.Line > bytes.Count(data, []byte("\n"))+1 {
				t.Fatalf("no place in %d bytes: %v", len(data), err)
			}
			return
		}
		out := b.Encode()
		back, err := Parse("f", out)
		if err != nil {
			t.Fatalf("cannot read what was written: %v\n%s", err, out)
		}
		if diff := gocmp.Diff(b, back); diff != "" {
			t.Fatalf("another baseline after writing and reading\n%s", diff)
		}
		if again := back.Encode(); !bytes.Equal(out, again) {
			t.Fatalf("written differently\n%s\n%s", out, again)
		}
		for _, s := range b.Stages {
			for _, e := range s.Dependencies {
				if n := bytes.Count(out, []byte(`{"key": `+asciiJSON(e.Key)+`, "version": `+asciiJSON(e.Version)+`,`)); n == 0 {
					t.Fatalf("%q has no line of its own\n%s", e.Key, out)
				}
			}
		}
	})
}
