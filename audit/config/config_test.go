package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom"
)

const fullConfig = `# yaml-language-server: $schema=https://raw.githubusercontent.com/depaudit/depaudit/main/docs/depaudit.schema.json
pipeline: cpython-release
baseline: ci/depaudit.baseline.json
registries: [pypi.example.org]
indexes: [i.zip]
artifacts: [/a]
trust: [k.asc]
exceptions:
  - purl: pkg:generic/go
    path: /usr/local/go
    reason: built by the image
    owner: release team
    expires: 2027-01-31
stages:
  - name: build-source
    environment: dir:roots/source
    critical: true
    locks: [requirements.txt, "locks/**/*.txt"]
    limit: 170
    growth: 2
    minimum: 88
    message: |
      ask the release team
    first-party:
      - name: release-tools
      - purl: pkg:pypi/blurb
      - path: /src/**
    registries: [npm.example.org:8443]
    base: registry:debian:12
    base-limit: 118
    platform: linux/arm64/v8
    verify: sealed
    require: {os: archive-signed, lock: hash-claimed}
    indexes: [i.zip, j]
    artifacts: [b]
    trust: [B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8]
    accept: [ownership, unaccounted]
    waive:
      - path: /root/**
        kind: unreadable
        reason: runs without root
        owner: release team
        expires: 2027-01-31
      - {kind: mount, reason: r, owner: o, expires: 2027-01-31}
  - name: build-docs
    environment: dir:roots/docs
    enforce: true
    distroless: false
`

func TestParseConfig(t *testing.T) {
	c, err := Parse("ci/depaudit.yaml", []byte("\ufeff"+strings.ReplaceAll(fullConfig, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	limit, minimum, baseLimit := 170, 88, 118
	want := &Config{
		File: "ci/depaudit.yaml", Digest: audit.TextDigest([]byte(fullConfig)), Pipeline: "cpython-release", Baseline: "ci/depaudit.baseline.json", Registries: []string{"pypi.example.org"},
		Sources:    Sources{Indexes: []string{"i.zip"}, Artifacts: []string{"/a"}, Trust: []string{"k.asc"}},
		Exceptions: []Exception{{PURL: "pkg:generic/go", Path: "/usr/local/go", Reason: "built by the image", Owner: "release team", Expires: "2027-01-31", File: "ci/depaudit.yaml", Line: 9, Ends: Place{13, 14}}},
		Stages: []Stage{{
			Name: "build-source", Line: 15, Environment: "dir:roots/source", Critical: true, Locks: []Lock{{Path: "requirements.txt"}, {Path: "locks/**/*.txt"}},
			Limit: &limit, Growth: 2, Minimum: &minimum, Message: "ask the release team\n",
			FirstParty: []FirstParty{{Name: "release-tools", Line: 25}, {PURL: "pkg:pypi/blurb", Line: 26}, {Path: "/src/**", Line: 27}}, Registries: []string{"npm.example.org:8443"},
			Base: "registry:debian:12", BaseLimit: &baseLimit, Platform: "linux/arm64/v8", Accept: []sbom.LimitationName{sbom.LimitOwnership, sbom.LimitUnaccounted},
			Waive: []Waiver{
				{Path: "/root/**", Kind: "unreadable", Reason: "runs without root", Owner: "release team", Expires: "2027-01-31", Line: 39},
				{Kind: "mount", Reason: "r", Owner: "o", Expires: "2027-01-31", Line: 44},
			},
			Verify: VerifySealed, Require: Require{OS: "archive-signed", Lock: "hash-claimed"},
			Sources: Sources{Indexes: []string{"i.zip", "j"}, Artifacts: []string{"b"}, Trust: []string{"B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8"}},
		}, {Name: "build-docs", Line: 45, Environment: "dir:roots/docs", Enforce: true}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	sources := Sources{
		Indexes: []string{"ci/i.zip", "ci/j"}, Artifacts: []string{"/a", "ci/b"}, Trust: []string{"ci/k.asc", "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8"},
	}
	if diff := cmp.Diff(sources, c.SourcesOf(&c.Stages[0])); diff != "" {
		t.Errorf("sources (-want +got)\n%s", diff)
	}
	if got := c.BaselinePath(); got != filepath.FromSlash("ci/ci/depaudit.baseline.json") {
		t.Errorf("baseline at %s", got)
	}
}

func TestConfigErrors(t *testing.T) {
	const stages = "stages:\n- name: a\n  environment: 'dir:x'\n"
	deep := strings.Repeat("[", 40)
	tests := []struct{ name, doc, want string }{
		{"empty", "", "f: the file is empty; expected a pipeline with at least one stage"},
		{"comment only", "# nothing\n", "f: the file is empty; expected a pipeline with at least one stage"},
		{"no mapping", "hello", `f:1:1: expected the configuration (a mapping of keys to values), got the string "hello"`},
		{"typo", "pipeline: p\nstages:\n- name: a\n  enviroment: x\n", `f:3:3: a stage has no "environment"; add ` + "`environment:`\n" +
			`f:4:3: unknown key "enviroment" in a stage; did you mean "environment"?`},
		{"swap", "pipeline: p\nstages:\n- name: a\n  environment: x\n  lcoks: [y]\n", `f:5:3: unknown key "lcoks" in a stage; did you mean "locks"?`},
		{"case", "Pipeline: p\npipeline: p\n" + stages, `f:1:1: unknown key "Pipeline" in the configuration; did you mean "pipeline"?`},
		{"far off", "pipeline: p\nxyzzy: 1\n" + stages, `f:2:1: unknown key "xyzzy" in the configuration; expected one of pipeline, baseline, registries, exceptions, exception-days, exception-notice, stages, indexes, artifacts, trust`},
		{"terminal escape", "pipeline: p\n\"a\\e[31m\": 1\n" + stages, `f:2:1: unknown key "a\x1b[31m" in the configuration; expected one of pipeline, baseline, registries, exceptions, exception-days, exception-notice, stages, indexes, artifacts, trust`},
		{"duplicate key", "pipeline: p\npipeline: q\n" + stages, `f:2:1: key "pipeline" is already given at 1:1; remove one of them`},
		{"duplicate in quotes", "pipeline: p\n\"\\u0070ipeline\": q\n" + stages, `f:2:1: key "pipeline" is already given at 1:1; remove one of them`},
		{"carriage returns", "pipeline: p\rstages: []\r", "f:1:12: a line ends in a carriage return alone; save the file with Unix or Windows line ends"},
		{"many keys", strings.Repeat("a: b\n", 10_000), "f:6667:4: the file has more than 20000 YAML tokens; split the pipeline"},
		{"duplicate stage", "pipeline: p\n" + stages + "- name: a\n  environment: y\n", `f:5:9: stage "a" is already defined at 3:9; give each stage a different name`},
		{"no environment", "pipeline: p\nstages:\n- name: a\n", `f:3:3: a stage has no "environment"; add ` + "`environment:`"},
		{"null environment", "pipeline: p\nstages:\n- name: a\n  environment:\n", `f:4:16: expected an environment such as "dir:PATH" or "host:", got nothing`},
		{"no stages", "pipeline: p\nstages: []\n", "f:2:9: the pipeline has no stages"},
		{"null stages", "pipeline: p\nstages:\n", "f:2:9: expected a list of stages, got nothing"},
		{"yes", "pipeline: p\n" + stages + "  critical: yes\n", `f:5:13: expected true or false for critical, got "yes", which is a string in YAML 1.2; write true`},
		{"Off", "pipeline: p\n" + stages + "  critical: Off\n", `f:5:13: expected true or false for critical, got "Off", which is a string in YAML 1.2; write false`},
		{"number for a name", "pipeline: 3.12\n" + stages, `f:1:11: expected the name of the pipeline, got the number 3.12; put it in quotes: "3.12"`},
		{"octal", "pipeline: p\n" + stages + "  limit: 010\n", `f:5:10: expected a whole number from 0 for limit, got "010"`},
		{"huge", "pipeline: p\n" + stages + "  limit: 99999999999999999999\n", `f:5:10: expected a whole number from 0 for limit, got the string "99999999999999999999"`},
		{"text limit", "pipeline: p\n" + stages + "  limit: lots\n", `f:5:10: expected a whole number from 0 for limit, got the string "lots"`},
		{"tab", "pipeline: p\nstages:\n\t- name: a\n", "f:3:1: YAML does not allow a tab in indentation; use spaces"},
		{"two documents", "pipeline: p\n" + stages + "---\npipeline: q\n", "f:5:1: a second YAML document begins here; keep one pipeline in a file"},
		{"anchor", "pipeline: &a p\n" + stages, "f:1:11: anchors, aliases and merge keys are not supported; write the value out, or put it in quotes if it begins with & or *"},
		{"alias", "pipeline: *a\n" + stages, "f:1:11: anchors, aliases and merge keys are not supported; write the value out, or put it in quotes if it begins with & or *"},
		{"alias bomb", "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "f:1:4: anchors, aliases and merge keys are not supported; write the value out, or put it in quotes if it begins with & or *"},
		{"tag", "pipeline: !!binary aGk=\n" + stages, "f:1:11: YAML tags are not supported; remove it, or put the value in quotes if it begins with !"},
		{"complex key", "? [a]\n: b\n", "f:1:1: keys introduced by ? are not supported; write `key: value`"},
		{"deep", "a: " + deep, "f:1:36: nested more than 32 deep"},
		{"dashes", strings.Repeat("- ", 40) + "a", "f:1:65: nested more than 32 deep"},
		{"not UTF-8", "pipeline: p\nx: \xff\n", "f:2:4: byte 0xff is not UTF-8; save the file as UTF-8"},
		{"control", "pipeline: \x00p\n", "f:1:11: control character U+0000"},
		{"unterminated", "pipeline: \"p\n", "f:1:11: not valid YAML: could not find end character of double-quoted text"},
		{"too large", strings.Repeat("#", maxSize+1), "f: the file has 1048577 bytes, and at most 1048576 are read"},
		{"long value", "pipeline: p\nbaseline: {" + strings.Repeat("x", 200) + ": 1}\n" + stages, "f:2:11: expected the path of the baseline, got a mapping"},
		{"bad purl", "pipeline: p\n" + stages + "  first-party:\n  - purl: six\n", `f:6:11: invalid package URL "six"; write pkg:TYPE/NAMESPACE/NAME@VERSION, with or without namespace and version`},
		{"relative own path", "pipeline: p\n" + stages + "  first-party:\n  - path: src/**\n", `f:6:11: "src/**" is not an absolute path within the environment; write "/src/**"`},
		{"everything is own, encoded", "pipeline: p\n" + stages + "  first-party:\n  - purl: 'pkg:npm/%2A'\n", `f:6:11: "pkg:npm/%2A" has an encoded wildcard; write it as *, or name the package`},
		{"everything is own", "pipeline: p\n" + stages + "  first-party:\n  - path: /**\n", `f:6:11: "/**" matches all of the environment; name a directory`},
		{"two at once", "pipeline: p\n" + stages + "  first-party:\n  - {name: a, path: /b}\n", "f:6:5: one of name, purl and path is expected, got 2 keys; make a list entry of each"},
		{"bad pattern", "pipeline: p\n" + stages + "  locks: ['a[']\n", `f:5:11: invalid pattern "a["; see https://github.com/bmatcuk/doublestar for the syntax`},
		{"registry with password", "pipeline: p\nregistries: ['https://u:p@e.org']\n" + stages, `f:2:14: invalid registry "https://u:p@e.org"; write a host in lower case, such as "npm.example.org", with or without a path; without a user name or a query`},
		{"no date", "pipeline: p\nexceptions: [{purl: 'pkg:a/b', reason: r, owner: o, expires: 31.12.2026}]\n" + stages,
			`f:2:62: invalid date "31.12.2026"; write the last day on which it holds as YYYY-MM-DD`},
		{"platform", "pipeline: p\n" + stages + "  platform: amd64\n", `f:5:13: invalid platform "amd64"; write os/arch or os/arch/variant in lower case, such as linux/amd64 or linux/arm/v7`},
		{"limitation", "pipeline: p\n" + stages + "  accept: [unacounted, files]\n", `f:5:12: unknown limitation "unacounted"; did you mean "unaccounted"? known are ownership, paths, unaccounted, relations, install-reason, installed, incomplete` +
			"\n" + `f:5:24: unknown limitation "files"; known are ownership, paths, unaccounted, relations, install-reason, installed, incomplete`},
		{"limitation twice", "pipeline: p\n" + stages + "  accept: [paths, paths]\n", `f:5:19: the limitation "paths" is already accepted; remove one of them`},
		{"waiver for all", "pipeline: p\n" + stages + "  waive: [{reason: r, owner: o, expires: 2026-12-31}]\n", "f:5:11: a waiver without path and kind would waive everything; add `path:` or `kind:`, or both"},
		{"waiver for a lost scan", "pipeline: p\n" + stages + "  waive: [{kind: lost-scan, reason: r, owner: o, expires: 2026-12-31}]\n",
			`f:5:18: a gap of the kind "lost-scan" cannot be waived; without the result there is nothing to judge`},
		{"waiver for a typo", "pipeline: p\n" + stages + "  waive: [{kind: unreadble, reason: r, owner: o, expires: 2026-12-31}]\n",
			`f:5:18: unknown kind of a gap "unreadble"; did you mean "unreadable"? known are unreadable, permission, mount, cataloger, malformed, unreported, limit, system, base, definition`},
		{"exception for nothing", "pipeline: p\nexceptions: [{reason: r, owner: o, expires: 2026-12-31}]\n" + stages,
			"f:2:14: an exception without purl and path excuses nothing; add `purl:` (or `path:`, for files that no package accounts for)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.doc))
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			var one *textfile.Error
			if !errors.As(err, &one) || one.File != "f" {
				t.Errorf("no *ConfigError in %T", err)
			}
		})
	}
}

func TestConfigErrorsAreSortedAndFew(t *testing.T) {
	var b strings.Builder
	b.WriteString("pipeline: p\nstages:\n- name: a\n")
	for range 30 {
		b.WriteString("- {critical: maybe}\n")
	}
	_, err := Parse("f", []byte(b.String()))
	var errs textfile.Errors
	if !errors.As(err, &errs) || len(errs) != textfile.MaxErrors {
		t.Fatalf("%d errors, want %d: %v", len(errs), textfile.MaxErrors, err)
	}
	for i := 1; i < len(errs); i++ {
		if errs[i].Line < errs[i-1].Line {
			t.Errorf("error %d is not in order: %v", i, err)
		}
	}
}

func TestLoadConfigLocks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.txt", "a.txt", "locks/x/c.txt", "up.txt", "[odd]/conf/d.txt"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	load := func(sub, locks string) (*Config, error) {
		path := filepath.Join(dir, sub, "depaudit.yaml")
		doc := "pipeline: p\nstages:\n- name: a\n  environment: 'dir:x'\n  locks: " + locks + "\n"
		if err := os.WriteFile(path, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		if err != nil {
			return nil, errors.New(strings.ReplaceAll(err.Error(), dir, "DIR"))
		}
		return c, nil
	}
	// Wildcard characters in the name of a directory have no meaning.
	for _, tt := range []struct{ sub, locks, want string }{
		{"", "['*.txt', a.txt]", "a.txt b.txt up.txt"},
		{"", "['locks/**/*.txt']", "locks/x/c.txt"},
		{"[odd]", "['conf/*.txt']", "[odd]/conf/d.txt"},
		{"[odd]/conf", "['../../u*.txt', ../../a.txt]", "a.txt up.txt"},
		{"", "[{path: a.txt, for: /opt/venv}, b.txt]", "a.txt:/opt/venv b.txt"},
		{"", "['*.txt', {path: a.txt, for: [/opt/venv, '/srv/*/venv']}, {for: /opt/venv, path: a.txt}]", "a.txt:/opt/venv:/srv/*/venv b.txt up.txt"},
	} {
		c, err := load(tt.sub, tt.locks)
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, f := range c.Stages[0].LockFiles {
			rel, err := filepath.Rel(dir, f.Path)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, strings.Join(append([]string{filepath.ToSlash(rel)}, f.For...), ":"))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s %s: %v, want %s", tt.sub, tt.locks, got, tt.want)
		}
	}
	for locks, want := range map[string]string{
		"[none.txt]":                      `DIR/depaudit.yaml:5:11: lock "none.txt" matches no file; paths are relative to the directory of this file`,
		"[a.txt, '*.lock']":               `DIR/depaudit.yaml:5:18: lock "*.lock" matches no file; paths are relative to the directory of this file`,
		"[locks]":                         `DIR/depaudit.yaml:5:11: lock "locks": is a directory; name the file in it`,
		"['nowhere/*.lock']":              `DIR/depaudit.yaml:5:11: lock "nowhere/*.lock" matches no file; paths are relative to the directory of this file`,
		"[a.txt, {path: a.txt, for: /x}]": "DIR/depaudit.yaml:5:11: lock \"a.txt\" is named with `for:` and without; remove one of the two entries",
		"[{path: a.txt}]":                 "DIR/depaudit.yaml:5:11: a lock file has no \"for\"; add `for:`",
		"[{path: a.txt, for: opt/venv}]":  `DIR/depaudit.yaml:5:30: "opt/venv" is not an absolute path within the environment; write "/opt/venv"`,
		"[{path: a.txt, for: /}]":         `DIR/depaudit.yaml:5:30: "/" matches all of the environment; name a directory`,
		"[{path: a.txt, for: []}]":        `DIR/depaudit.yaml:5:30: the list is empty; name a directory, or write the path alone`,
		"[{path: a.txt, four: /x}]":       "DIR/depaudit.yaml:5:11: a lock file has no \"for\"; add `for:`\n" + `DIR/depaudit.yaml:5:25: unknown key "four" in a lock file; did you mean "for"?`,
		"[{path: a.txt, for: {at: /x}}]":  `DIR/depaudit.yaml:5:30: expected a path within the environment, or a pattern, got a mapping`,
	} {
		if _, err := load("", locks); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", locks, err, want)
		}
	}
}

func TestLoadConfigRefuses(t *testing.T) {
	dir := t.TempDir()
	unread := filepath.Join(dir, "depaudit.yaml")
	doc := "pipeline: p\ntrust: [k.asc, " + strings.Repeat("0f", 20) + "]\nstages: [{name: s, environment: 'dir:x', indexes: [none]}]\n"
	if err := os.WriteFile(unread, []byte(doc), 0o644); err != nil {
		t.Fatal(err)
	}
	const want = `2:9: trust: "k.asc" does not exist; paths are relative to the directory of this file`
	const also = `3:52: indexes: "none" does not exist; paths are relative to the directory of this file`
	if _, err := Load(unread); err == nil || err.Error() != unread+":"+want+"\n"+unread+":"+also {
		t.Errorf("missing sources: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("directory: %v", err)
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, maxSize+1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(big); !errors.Is(err, textfile.ErrTooLarge) {
		t.Errorf("large file: %v", err)
	}
	if _, err := Load(os.DevNull); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("device: %v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(fullConfig))
	f.Add([]byte("pipeline: p\nstages:\n- {name: a, environment: b}\n"))
	f.Add([]byte("a: &a [x]\nb: [*a]\n"))
	f.Add([]byte("a: \"\n? - {\n"))
	f.Add([]byte("a: b\rc: d\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f", data)
		if err != nil {
			var errs textfile.Errors
			if !errors.As(err, &errs) || len(errs) == 0 || len(errs) > textfile.MaxErrors {
				t.Fatalf("%T: %v", err, err)
			}
			lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1
			for _, e := range errs {
				if e.Line < 0 || e.Line > lines || e.Msg == "" {
					t.Fatalf("error outside of the %d lines: %v", lines, e)
				}
			}
			return
		}
		if list, err := ParseExceptions("f", data, c.Stages); err == nil && len(list) != len(c.Exceptions) {
			t.Fatalf("%d exceptions in a file of their own, %d here", len(list), len(c.Exceptions))
		}
		// What is accepted keeps the promises that everything else relies on.
		if c.Pipeline == "" || c.Baseline == "" || len(c.Stages) == 0 {
			t.Fatalf("accepted: %+v", c)
		}
		names := map[string]bool{}
		for _, s := range c.Stages {
			if !stageName.MatchString(s.Name) || names[s.Name] || s.Environment == "" || s.Growth < 0 {
				t.Fatalf("accepted: %+v", s)
			}
			names[s.Name] = true
		}
		for _, x := range c.Exceptions {
			if !IsDate(x.Expires) || x.Reason == "" || x.Owner == "" || x.PURL+x.Path == "" {
				t.Fatalf("accepted: %+v", x)
			}
		}
	})
}
