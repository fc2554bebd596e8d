package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compileSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(abs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestConfigSchemaKeys compares the keys of the schema with the parser's.
func TestConfigSchemaKeys(t *testing.T) {
	data, err := os.ReadFile("../../docs/depaudit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties map[string]struct {
			Description string
		}
	}
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	add := func(name string, o object) {
		for key, p := range o.Properties {
			got[name] = append(got[name], key)
			if p.Description == "" {
				t.Errorf("%s.%s has no description for editors", name, key)
			}
		}
		slices.Sort(got[name])
	}
	add("pipeline", schema.object)
	for name, o := range schema.Defs {
		if len(o.Properties) > 0 {
			add(name, o)
		}
	}
	if diff := cmp.Diff(configKeys(), got); diff != "" {
		t.Errorf("(-parser +schema)\n%s", diff)
	}
}

// TestConfigSchemaAgrees gives documents to both: what one refuses, the other
// must refuse.
func TestConfigSchemaAgrees(t *testing.T) {
	schema := compileSchema(t, "depaudit.schema.json")
	check := func(doc string, good bool) {
		t.Helper()
		_, perr := Parse("depaudit.yaml", []byte(doc))
		var v any
		if err := yaml.Unmarshal([]byte(doc), &v); err != nil {
			t.Fatalf("%s\n%v", doc, err)
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		v, err = jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		serr := schema.Validate(v)
		if (perr == nil) != good || (serr == nil) != good {
			t.Errorf("good should be %t\n%s\nparser: %v\nschema: %v", good, doc, perr, serr)
		}
	}
	const head = "pipeline: p\nstages:\n- {name: a, environment: 'dir:x'}\n"
	stage := func(more string) string {
		return "pipeline: p\nstages:\n- name: a\n  environment: 'dir:x'\n  " + more + "\n"
	}
	for _, doc := range []string{
		head, fullConfig, head + "baseline: b.json\n", head + "registries: [npm.example.org, 'https://e.org/npm', 'e.org:8080']\n",
		head + "exceptions: []\n", stage("limit: 0"), stage("locks: ['a*.txt', b/**/c]"), stage("message: |\n    two\n    lines"),
		stage("first-party: [{name: x}, {purl: 'pkg:pypi/x'}, {path: /src/**}]"),
		head + "exceptions: [{purl: 'pkg:npm/%40a/b@1.0', reason: r, owner: o, expires: 2026-12-31}]",
		head + "exceptions: [{path: /opt/x, reason: r, owner: o, expires: '2028-02-29'}]", head + "exceptions: except.yaml\nexception-days: 400\nexception-notice: 0\n",
		head + "exceptions: [{purl: 'pkg:pypi/*', stage: a, rule: not-pinned, introduces: 3, added: 2026-01-01, reason: r, owner: o, expires: 2026-12-31}]",
		head + "exceptions: [{purl: 'pkg:golang/e.org/**@1.*', stage: [a], rule: [not-pinned, unsealed], introduces: ['pkg:golang/**'], reason: r, owner: o, expires: 2026-12-31}]",
		stage("base: 'registry:debian:12'"), stage("platform: linux/arm/v7"), stage("platform: linux/amd64"), stage("base-limit: 0"),
		stage("definition: '.github/workflows/release.yml#build-source'"), stage("definition: [Dockerfile, '../compose.yaml#db']"), stage("definition: .devcontainer/devcontainer.json"),
		stage("verify: true"), stage("verify: false"), stage("verify: sealed"), stage("require: {os: archive-signed}"), stage("require: {lock: bytes-proved, os: db-owned}"),
		stage("indexes: [a]\n  artifacts: [b]\n  trust: [c]"), head + "indexes: [a]\nartifacts: [b]\ntrust: [c]\n",
		stage("accept: []"), stage("accept: [ownership, paths, unaccounted, relations, install-reason, installed, incomplete]"),
		stage("waive: [{path: /x, reason: r, owner: o, expires: 2026-12-31}, {kind: mount, reason: r, owner: o, expires: 2026-12-31}]"),
	} {
		check(doc, true)
	}
	for _, doc := range []string{
		"[]", "a", "pipeline: p\nstages: []", "pipeline: p", "stages:\n- {name: a, environment: b}\n",
		"pipeline: p\nstages: {name: a}", "pipeline: p\nstages: [a]", "pipeline: p\nstages:\n- name: a\n",
		"pipeline: p\nstages:\n- environment: a\n", head + "extra: 1\n", head + "baseline: 1\n", head + "baseline: ''\n",
		"pipeline: 3.12\nstages:\n- {name: a, environment: b}\n", "pipeline: ' '\nstages:\n- {name: a, environment: b}\n",
		"pipeline: \"a\\tb\"\nstages:\n- {name: a, environment: b}\n",
		"pipeline: p\nstages:\n- {name: 'a b', environment: b}\n", "pipeline: p\nstages:\n- {name: -a, environment: b}\n",
		stage("critical: yes"), stage("critical: 'true'"), stage("critical: 1"), stage("limit: -1"), stage("limit: '1'"), stage("limit: 1.5"),
		stage("limit: 1000001"), stage("growth: many"), stage("locks: a"), stage("locks: [1]"), stage("locks: [[a]]"), stage("first-party: [x]"),
		stage("first-party: [{name: x, path: /y}]"), stage("first-party: [{}]"), stage("first-party: [{path: x}]"), stage("first-party: [{path: /**}]"), stage("first-party: [{purl: six}]"),
		stage("first-party: [{nam: x}]"), stage("message: 1"), stage("registries: ['https://user:pw@e.org']"), stage("registries: [E.org]"), stage("registries: ['e.org?x']"),
		stage("base: ''"), stage("base: 1"), stage("base: ~"), stage("platform: linux"), stage("platform: Linux/amd64"), stage("platform: a/b/c/d"), stage("platform: a/b/"),
		stage("base-limit: -1"), stage("accept: ownership"), stage("accept: [Ownership]"), stage("accept: [all]"), stage("accept: [install-reason, install-reason]"), stage("accept: [1]"),
		stage("waive: [{reason: r, owner: o, expires: 2026-12-31}]"), stage("waive: [{path: x, reason: r, owner: o, expires: 2026-12-31}]"),
		stage("waive: [{kind: lost-scan, reason: r, owner: o, expires: 2026-12-31}]"), stage("waive: [{kind: package-database, reason: r, owner: o, expires: 2026-12-31}]"),
		stage("waive: [{kind: any, reason: r, owner: o, expires: 2026-12-31}]"), stage("waive: [{path: /**, reason: r, owner: o, expires: 2026-12-31}]"),
		stage("waive: [{path: /x, owner: o, expires: 2026-12-31}]"), stage("waive: [{path: /x, reason: r, owner: o, expires: soon}]"),
		stage("waive: [{path: /x, purl: 'pkg:a/b', reason: r, owner: o, expires: 2026-12-31}]"), stage("waive: {path: /x}"),
		stage("verify: yes"), stage("verify: sealing"), stage("verify: 1"), stage("verify: [true]"), stage("require: {}"), stage("require: {os: hash-locked}"),
		stage("require: {lock: db-owned}"), stage("require: archive-signed"), stage("indexes: a"), stage("trust: [1]"), head + "artifacts: ['']\n",
		stage("definition: ''"), stage("definition: []"), stage("definition: '/etc/x.yml#a'"), stage("definition: '#job'"), stage("definition: 'a#b#c'"), stage("definition: 'a#'"), stage("definition: {file: a}"),
		stage("definition: ['a#b', 'a#b']"), stage("definition: \"a\\tb\""), stage("definition: 'a\\b'"),
		stage("environment2: x"), stage("distroless: no"), stage("minimum: ~"), head + "exceptions: [{purl: 'pkg:pypi/x'}]",
		head + "exceptions: [{reason: r, owner: o, expires: 2026-12-31}]", head + "exceptions: [{purl: 'pkg:*/x', reason: r, owner: o, expires: 2026-12-31}]", stage("first-party: [{purl: 'pkg:pypi/*'}]"),
		head + "exceptions: [{purl: 'pkg:pypi/x?a=*', reason: r, owner: o, expires: 2026-12-31}]", head + "exceptions: [{purl: 'pkg:pypi/x', reason: TODO, owner: o, expires: 2026-12-31}]",
		head + "exceptions: [{purl: 'pkg:pypi/x', rule: gaps, reason: r, owner: o, expires: 2026-12-31}]", head + "exceptions: [{purl: 'pkg:pypi/x', stage: [], reason: r, owner: o, expires: 2026-12-31}]",
		head + "exceptions: [{purl: 'pkg:pypi/x', rule: [not-pinned, not-pinned], reason: r, owner: o, expires: 2026-12-31}]", head + "exceptions: [{purl: 'pkg:pypi/x', introduces: some, reason: r, owner: o, expires: 2026-12-31}]",
		head + "exceptions: [{purl: 'pkg:pypi/x', introduces: [], reason: r, owner: o, expires: 2026-12-31}]", head + "exceptions: 1\n", head + "exceptions: ''\n", head + "exception-days: 0\n", head + "exception-notice: -1\n",
		head + "exceptions: [{purl: 'pkg:pypi/x', reason: r, owner: o, expires: 2026-02-30}]",
		head + "exceptions: [{purl: 'pkg:pypi/x', reason: r, owner: o, expires: never}]",
		head + "exceptions: [{purl: 'pkg:pypi/x', reason: '', owner: o, expires: 2026-12-31}]",
	} {
		check(doc, false)
	}
}
