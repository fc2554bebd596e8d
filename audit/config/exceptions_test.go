package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/depaudit/depaudit/audit"
)

const oneStage = "pipeline: p\nstages: [{name: build, environment: 'dir:x'}, {name: test, environment: 'dir:y'}]\n"

// exceptionOf parses an exception with more keys than the required ones.
func exceptionOf(t *testing.T, keys string) (*Exception, error) {
	t.Helper()
	c, err := Parse("f", []byte(oneStage+"exceptions:\n- {"+keys+", reason: r, owner: o, expires: 2027-01-01}\n"))
	if err != nil {
		return nil, err
	}
	return &c.Exceptions[0], nil
}

func TestExceptionKeys(t *testing.T) {
	x, err := exceptionOf(t, "purl: 'pkg:npm/@types/*', path: /srv/**, stage: build, rule: [not-pinned, changed-conffile], introduces: ['pkg:npm/**'], added: 2026-01-01")
	if err != nil {
		t.Fatal(err)
	}
	want := &Exception{PURL: "pkg:npm/@types/*", Path: "/srv/**", Stages: []string{"build"}, Rules: []string{"not-pinned", "changed-conffile"},
		Introduces: &Introduces{PURLs: []string{"pkg:npm/**"}}, Reason: "r", Owner: "o", Added: "2026-01-01", Expires: "2027-01-01", File: "f", Line: 4, Ends: Place{4, 174}}
	if diff := cmp.Diff(want, x); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, keys := range []string{
		"purl: 'pkg:pypi/*'", "purl: 'pkg:npm/**'", "purl: 'pkg:npm/a@1.*'", "purl: 'pkg:golang/github.com/*/x'", "purl: 'pkg:golang/**/x'", "purl: 'pkg:deb/debian/lib*?arch=amd64'",
		"path: /opt/", "path: /opt/x, stage: [build, test]", "path: '/**/[0-9]*'", "path: '/**/*.pyc'", "path: '/{usr,opt}/**'", "purl: 'pkg:pypi/a', introduces: 0", "purl: 'pkg:pypi/a', rule: changed-content",
	} {
		if _, err := exceptionOf(t, keys); err != nil {
			t.Errorf("%s: %v", keys, err)
		}
	}
	for keys, want := range map[string]string{
		"purl: 'pkg:*/six'":                                     `f:4:10: invalid package URL "pkg:*/six"; write pkg:TYPE/NAMESPACE/NAME@VERSION, with or without namespace and version`,
		"purl: 'pkg:pypi/a?x=*'":                                `f:4:10: "pkg:pypi/a?x=*" has a wildcard after the version; without qualifiers it matches all of them`,
		"purl: 'pkg:pypi/a**'":                                  `f:4:10: "pkg:pypi/a**" has a wildcard that matches nothing; write * for a part of a name, or ** between slashes for any number of parts, such as pkg:golang/github.com/example/**`,
		"purl: 'pkg:pypi/a', stage: biuld":                      `f:4:31: the exception is for the stage "biuld", which is not configured; did you mean "build"?`,
		"purl: 'pkg:pypi/a', stage: []":                         `f:4:31: expected the name of a stage, or a list, got an empty list; remove the key, or name one`,
		"purl: 'pkg:pypi/a', stage: [test, test]":               `f:4:38: "test" is named twice; remove one of them`,
		"purl: 'pkg:pypi/a', rule: not-pined":                   `f:4:30: unknown rule "not-pined"; did you mean "not-pinned"? known are ` + strings.Join(audit.ExcusableRules(), ", "),
		"purl: 'pkg:pypi/a', rule: gaps":                        `f:4:30: no exception excuses the rule "gaps"; ` + audit.RuleGaps.Accept,
		"purl: 'pkg:pypi/a', rule: growth":                      `f:4:30: no exception excuses the rule "growth"; ` + audit.RuleGrowth.Accept,
		"purl: 'pkg:pypi/*', rule: [not-pinned, downgraded]":    "f:4:3: a wildcard cannot excuse downgraded: it would cover every later change; name one package, or accept the change: depaudit baseline update",
		"purl: 'pkg:pypi/a', introduces: few":                   `f:4:36: expected a whole number for introduces, or a list of package URLs, got the string "few"`,
		"purl: 'pkg:pypi/a', added: 2027-01-02":                 "f:4:73: the exception ends on 2027-01-01, before it was added; write the last day on which it holds",
		"purl: 'pkg:pypi/a', added: tomorrow":                   `f:4:31: invalid date "tomorrow"; write the day on which it was added as YYYY-MM-DD`,
		"purl: 'pkg:pypi/a', stages: [build]":                   `f:4:24: unknown key "stages" in an exception; did you mean "stage"?`,
		"purl: 'pkg:pypi/a', path: /**":                         `f:4:30: "/**" matches all of the environment; name a directory`,
		"path: '/{**,usr}'":                                     `f:4:10: "/{**,usr}" matches all of the environment; name a directory`,
		"path: '/?*'":                                           `f:4:10: "/?*" matches all of the environment; name a directory`,
		"path: /opt/../usr/":                                    `f:4:10: "/opt/../usr/" matches nothing: paths have no empty parts, "." and ".."; write "/usr"`,
		"purl: 'pkg:npm/%2A'":                                   `f:4:10: "pkg:npm/%2A" has an encoded wildcard; write it as *, or name the package`,
		"purl: 'pkg:npm/*/%2a'":                                 `f:4:10: "pkg:npm/*/%2a" has an encoded wildcard; write it as *, or name the package`,
		"purl: 'pkg:pypi/a', introduces: ['pkg:pypi/b', six]":   `f:4:51: invalid package URL "six"; write pkg:TYPE/NAMESPACE/NAME@VERSION, with or without namespace and version`,
		"purl: 'pkg:pypi/a', rule: [stage-gone, not-judged, x]": "",
	} {
		if _, err := exceptionOf(t, keys); err == nil || want != "" && err.Error() != want {
			t.Errorf("%s: %v\nwant %s", keys, err, want)
		}
	}
	// What depaudit proposes is refused until a person has filled it in.
	_, err = Parse("f", []byte(oneStage+"exceptions:\n- {purl: 'pkg:pypi/a', reason: 'todo', owner: 'TODO: a team', expires: 2027-01-01}\n"))
	if err == nil || err.Error() != "f:4:32: expected the reason for the exception, got \"todo\"; fill it in\nf:4:47: expected who answers for the exception, got \"TODO: a team\"; fill it in" {
		t.Error(err)
	}
}

// TestExceptionsFile reads exceptions from a file of their own.
func TestExceptionsFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	load := func() (*Config, error) { return Load(filepath.Join(dir, "depaudit.yaml")) }
	write("depaudit.yaml", oneStage+"exceptions: sec/except.yaml\n")
	refuse := func(want string) {
		t.Helper()
		if _, err := load(); err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	refuse("DIR/depaudit.yaml:3:13: exceptions: \"sec/except.yaml\" does not exist; create it with depaudit except add, or write `exceptions: []` in it; paths are relative to the directory of this file")
	write("sec/except.yaml", "# guarded\n")
	refuse("DIR/sec/except.yaml: the file is empty; expected `exceptions: []`")
	write("sec/except.yaml", "- {purl: 'pkg:pypi/a'}\n")
	refuse("DIR/sec/except.yaml:1:1: expected the file of exceptions (a mapping of keys to values), got a list")
	write("sec/except.yaml", "exceptions:\n- {purl: 'pkg:pypi/a', reason: r, owner: o, expires: 2027-01-01, stage: none}\n")
	refuse(`DIR/sec/except.yaml:2:73: the exception is for the stage "none", which is not configured; there are build, test`)
	write("sec/except.yaml", "exceptions: other.yaml\n")
	refuse(`DIR/sec/except.yaml:1:13: expected a list of exceptions, got the string "other.yaml"`)
	write("sec/except.yaml", "exceptions: []\n")
	if c, err := load(); err != nil || len(c.Exceptions) != 0 {
		t.Error(c, err)
	}
	write("sec/except.yaml", "exceptions:\n\n- {purl: 'pkg:pypi/a', reason: r, owner: o, expires: 2027-01-01}\n")
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	x := c.Exceptions[0]
	if x.File != filepath.ToSlash(filepath.Join(dir, "sec/except.yaml")) || x.Line != 3 || c.ExceptionsPath() != x.File {
		t.Errorf("%+v", x)
	}
	// Both at once is one key with two values.
	write("depaudit.yaml", oneStage+"exceptions: sec/except.yaml\nexceptions: []\n")
	refuse(`DIR/depaudit.yaml:4:1: key "exceptions" is already given at 3:1; remove one of them`)
}

func TestExceptionSpan(t *testing.T) {
	check := func(more, keys, today, want string) {
		t.Helper()
		c, err := Parse("f", []byte(oneStage+more+"exceptions:\n- purl: 'pkg:pypi/a'\n  reason: r\n  owner: o\n  "+keys+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := c.CheckExceptions(today); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s %s: %s\nwant %s", more, keys, got, want)
		}
	}
	check("", "expires: 2099-12-31", "2026-11-23", "")
	check("exception-days: 90\n", "expires: 2027-02-21", "2026-11-23", "")
	check("exception-days: 90\n", "expires: 2027-02-22", "2026-11-23",
		`f:8:12: the exception for "pkg:pypi/a" ends on 2027-02-22, and exception-days: 90 allows 2027-02-21 at the latest; write 2027-02-21 or an earlier day`)
	// It begins on the day on which it was added: waiting does not lengthen it.
	check("exception-days: 90\n", "expires: 2027-01-31\n  added: 2026-11-02", "2026-11-23", "")
	check("exception-days: 90\n", "expires: 2027-02-01\n  added: 2026-11-02", "2026-11-23",
		`f:8:12: the exception for "pkg:pypi/a" ends on 2027-02-01, and exception-days: 90 allows 2027-01-31 at the latest; write 2027-01-31 or an earlier day`)
	check("", "expires: 2027-02-01\n  added: 2026-11-24", "2026-11-23",
		`f:7:12: the exception for "pkg:pypi/a" was added on 2026-11-24, which is yet to come; write the day on which it was added`)
}

// TestExceptionsSchema gives files of exceptions to the parser and to the schema.
func TestExceptionsSchema(t *testing.T) {
	c := jsonschema.NewCompiler()
	for _, name := range []string{"depaudit.schema.json", "exceptions.schema.json"} {
		data, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(doc.(map[string]any)["$id"].(string), doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("https://raw.githubusercontent.com/depaudit/depaudit/main/docs/exceptions.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for doc, good := range map[string]bool{
		"exceptions: []": true,
		"exceptions: [{purl: 'pkg:npm/@a/*', stage: build, reason: r, owner: o, expires: 2027-01-01}]": true,
		"exceptions: [{purl: 'pkg:npm/@a/*', owner: o, expires: 2027-01-01}]":                          false,
		"exceptions: other.yaml":               false,
		"exception: []":                        false,
		"exceptions: []\nexception-days: 10\n": false,
		"[]":                                   false,
	} {
		var v any
		if err := yaml.Unmarshal([]byte(doc), &v); err != nil {
			t.Fatal(err)
		}
		_, perr := ParseExceptions("f", []byte(doc), []Stage{{Name: "build"}})
		if serr := schema.Validate(v); (perr == nil) != good || (serr == nil) != good {
			t.Errorf("good should be %t: %s\nparser: %v\nschema: %v", good, doc, perr, serr)
		}
	}
}

// TestExcusableSchema compares the rules that exceptions can name with those of
// the schema.
func TestExcusableSchema(t *testing.T) {
	data, err := os.ReadFile("../../docs/depaudit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Excusable struct{ Enum []string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(audit.ExcusableRules(), schema.Defs.Excusable.Enum); diff != "" {
		t.Errorf("(-rules +schema)\n%s", diff)
	}
}

// TestSameScope compares exceptions in different spellings.
func TestSameScope(t *testing.T) {
	for _, tt := range []struct {
		a, b Exception
		want bool
	}{
		{Exception{PURL: "pkg:npm/@types/node@1"}, Exception{PURL: "pkg:npm/%40types/node@1", Rules: []string{"not-pinned"}}, true},
		{Exception{PURL: "pkg:pypi/Six"}, Exception{PURL: "pkg:pypi/six"}, true},
		{Exception{PURL: "pkg:npm/Six"}, Exception{PURL: "pkg:npm/six@1"}, false},
		{Exception{Path: "/opt/x/"}, Exception{Path: "/opt/x"}, true},
		{Exception{Path: "/opt/x", Stages: []string{"a"}}, Exception{Path: "/opt/x", Stages: []string{"b"}}, false},
	} {
		if got := tt.a.SameScope(&tt.b); got != tt.want {
			t.Errorf("%v and %v: %t", tt.a, tt.b, got)
		}
	}
}
