package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depaudit/depaudit/audit/bundle"
)

const (
	verifyKey = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIOceqHhzEOrgn5sxxABYFUQHLYnaVESesG8y40Gd0HaI\n-----END PRIVATE KEY-----\n"
	verifyPub = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEANhoO+YmzHc4/iprcSVn2js6+NFxZ/OJvxHxJu2xFaB8=\n-----END PUBLIC KEY-----\n"
	otherPub  = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEL88IcJ/w+xLX9YBdWQH+wOWdIrP\nLPzrRUzg9jLLnrCLl/1QwYUe3cUQzg+rrztQvBhxxHk4iKcwMzhKxfeQmg==\n-----END PUBLIC KEY-----\n"
)

// TestVerificationJSON wants each answer of release verify as JSON, which is valid by the
// published schema, the same at each try, and has the exit code that the command has.
func TestVerificationJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "build-source"), os.DirFS("../../testdata/cpython/example/build-source")); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, map[string]string{
		"depaudit.yaml": "pipeline: p\nstages:\n  - {name: build-source, environment: dir:build-source, enforce: false}\n",
		"dist/app.whl":  "an artifact", "more/app.whl": "an artifact", "more/other.whl": "x", "changed/app.whl": "another one",
		"key.pem": verifyKey, "key.pub": verifyPub, "other.pub": otherPub,
	})
	run := func(want int, args ...string) string {
		t.Helper()
		stdout, stderr, code := program(t, dir, args...)
		if code != want {
			t.Fatalf("%q: exit code %d, not %d\n%s%s", args, code, want, stdout, stderr)
		}
		return stdout
	}
	run(exitPass, "audit", "-q", "-o", "json=r.json")
	run(exitPass, "release", "-q", "r.json", "--subject", "dist", "-o", "stages", "--date", "2026-11-28", "--key", "key.pem")
	run(exitPass, "release", "-q", "r.json", "-o", "plain", "--date", "2026-11-28")
	// One that fails, one with a changed page and without a signature, one with a link.
	writeFiles(t, dir, map[string]string{"depaudit.yaml": "pipeline: p\nstages:\n  - {name: build-source, environment: dir:build-source, limit: 1, enforce: true}\n"})
	run(exitFail, "audit", "-q", "-o", "json=bad.json")
	run(exitFail, "release", "-q", "bad.json", "-o", "bad", "--date", "2026-11-28", "--key", "key.pem")
	for _, name := range []string{"edited", "linked"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(dir, "stages"))); err != nil {
			t.Fatal(err)
		}
	}
	writeFiles(t, dir, map[string]string{"edited/report.html": "x"})
	if err := os.Remove(filepath.Join(dir, "edited/svr.dsse.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "linked/link")); err != nil {
		t.Fatal(err)
	}

	documents := filepath.Join(t.TempDir(), "documents")
	var all strings.Builder
	for _, test := range []struct {
		args    string
		code    int
		holds   string // bytes, signatures, artifacts, image, date
		verdict string
		has     []string
	}{
		{"stages --key key.pub --subjects dist --newer-than 2026-11-27", 0, "yes yes yes unchecked yes", "pass", []string{`"signedStatements": 4`, `"compared": "yes"`}},
		{"stages --key key.pub", 0, "yes yes unchecked unchecked unchecked", "pass", []string{`"compared": "unchecked"`, `"date": "2026-11-28T00:00:00Z"`, `"dependencies": 159`}},
		{"stages --unsigned", 0, "yes unchecked unchecked unchecked unchecked", "pass", nil},
		{"stages", 3, "yes unchecked unchecked unchecked unchecked", "pass", []string{`"reason": "no signature was checked"`, `"hint": "name the key with --key FILE, or write --unsigned"`}},
		{"stages --key other.pub", 1, "yes no unchecked unchecked unchecked", "unknown", []string{`"check": "signatures"`}},
		{"stages --key key.pub --subjects more", 3, "yes yes partly unchecked unchecked", "pass", []string{"\"unnamed\": [\n    \"other.whl\"\n  ]"}},
		{"stages --key key.pub --subjects changed", 1, "yes yes no unchecked unchecked", "unknown", []string{`"file": "app.whl"`, `"check": "artifacts"`}},
		{"stages --key key.pub --newer-than 2026-11-28", 1, "yes yes unchecked unchecked no", "unknown", []string{`"check": "date"`}},
		{"plain --key key.pub", 1, "yes no unchecked unchecked unchecked", "unknown", []string{`"reason": "has no signature"`}},
		{"plain --unsigned --subjects dist", 3, "yes unchecked unchecked unchecked unchecked", "pass", []string{`"reason": "the release does not name 1 file in dist"`}},
		{"bad --key key.pub", 1, "yes yes unchecked unchecked unchecked", "fail", []string{`"signedStatements": 3`}},
		{"bad --key key.pub --any-verdict", 0, "yes yes unchecked unchecked unchecked", "fail", nil},
		{"edited --key key.pub", 1, "no no unchecked unchecked unchecked", "unknown", []string{"\"file\": \"report.html\",\n      \"check\": \"bytes\",\n      \"reason\": \"is not what the report says\""}},
		{"linked --key key.pub", 1, "no no unchecked unchecked unchecked", "unknown", []string{`"reason": "is a symbolic link: a release has files alone"`}},
	} {
		args := append([]string{"release", "verify", "-o", "json"}, strings.Fields(test.args)...)
		text := run(test.code, args...)
		if again := run(test.code, args...); again != text {
			t.Errorf("%s: two answers\n%s%s", test.args, text, again)
		}
		all.WriteString(text)
		var got verification
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%s: %v", test.args, err)
		}
		h := got.Holds
		if words := []string{string(h.Bytes), string(h.Signatures), string(h.Artifacts), string(h.Image), string(h.Date)}; strings.Join(words, " ") != test.holds || got.Verdict != test.verdict || got.ExitCode != test.code {
			t.Errorf("%s: %s, %s, %d\n%s", test.args, words, got.Verdict, got.ExitCode, text)
		}
		for _, want := range test.has {
			if !strings.Contains(text, want) {
				t.Errorf("%s has no %s:\n%s", test.args, want, text)
			}
		}
	}
	// Both formats at once, and a directory that is no release.
	if text := run(exitPass, "release", "verify", "stages", "--unsigned", "-o", "table,json=v.json"); !strings.HasPrefix(text, "stages: the verdict is pass") {
		t.Errorf("the table is %s", text)
	}
	run(exitUsage, "release", "verify", "dist", "--unsigned", "-o", "json=none.json")
	if _, err := os.Stat(filepath.Join(dir, "none.json")); err == nil {
		t.Error("a document of nothing was written")
	}

	// Every field, so that one that the schema does not have is seen.
	full, err := json.Marshal(&verification{verificationSchema, "r", holds{holdsYes, holdsNo, holdsPartly, notChecked, notChecked}, "incomplete", 3, "v1", "2026-11-28T00:00:00Z", "k", 1,
		[]verifiedStage{{"s", 1, "pass"}}, []verifiedSubject{{"n", strings.Repeat("0", 64), notChecked, ""}}, []string{"u"}, "sha256:00",
		&otherVersion{"v2", 1, []string{"a"}, []string{"b"}, false}, []verifiedProblem{{"f", bundle.CheckDate, "r"}}, &notComplete{"r", "h"}, time.Time{}, releaseVerifyFlags{}, nil, nil})
	if err != nil {
		t.Fatal(err)
	}
	all.Write(full)
	if err := os.WriteFile(documents, []byte(all.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	schema, err := filepath.Abs("../../docs/verification.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	newSchemaValidator(t).check(t, documents, "-formats", schema)
}
