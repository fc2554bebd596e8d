package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/sbom"
)

// TestEachSaved walks a directory as it grows over years: releases, reports of
// nights, files of other programs, and a report that was cut short.
func TestEachSaved(t *testing.T) {
	report, err := json.Marshal(audit.Report{Schema: audit.ReportSchema, Verdict: audit.Incomplete, Rules: sbom.Rules, Tool: tool(), Stages: []audit.Stage{}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	manifest := fmt.Sprintf(`{"release": 1, "tool": "v1.0.0", "date": "2026-11-28T00:00:00Z", "files": [{"name": "report.json", "sha256": "%x"}]}`, sha256.Sum256(report))
	write("v1/release.json", manifest)
	write("v1/report.json", string(report))
	write("v1/build.cdx.json", `{"bomFormat": "CycloneDX"}`)
	write("v2/release.json", `{"release": 7}`)
	write("v2/report.json", string(report))
	write("v3/release.json", manifest)
	write("v3/report.json", string(report)+"\n") // changed since
	write("v4/report.json", string(report))
	write("v4/release.json/file", "")        // a manifest that cannot be read
	write("semantic/release.json", manifest) // no report beside it
	write("nights/2026-11-27/a.json", string(report))
	write("nights/2026-11-27/cut.json", string(report[:len(report)-9]))
	write("nights/2026-11-27/empty.json", "")
	write("nights/2026-11-27/error.json", "404 page not found\n")
	write("nights/2026-11-27/package.json", `{"name": "x"}`)
	write("nights/2026-11-27/notes.txt", "x")
	if err := os.Symlink(filepath.Join(dir, "v1", "report.json"), filepath.Join(dir, "nights", "link.json")); err != nil {
		t.Fatal(err)
	}

	closed := os.Geteuid() != 0 // root opens every directory
	if closed {
		write("closed/report.json", string(report))
		if err := os.Chmod(filepath.Join(dir, "closed"), 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "closed"), 0o700) }) // so that it can be removed
	}

	var stderr bytes.Buffer
	c := &command{stderr: &stderr}
	var got []string
	err = c.eachSaved(context.Background(), []string{dir, filepath.Join(dir, "v1", "report.json")}, func(s saved) error {
		line, _ := filepath.Rel(dir, s.name)
		if s.release != nil {
			line += " of " + s.release.Date.Format("2006-01-02")
		}
		if _, err := s.read(context.Background()); err != nil {
			line += ": bad"
		}
		got = append(got, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"nights/2026-11-27/a.json", "nights/2026-11-27/cut.json: bad", "nights/2026-11-27/empty.json: bad", "nights/2026-11-27/error.json: bad",
		"v1/report.json of 2026-11-28", "v2/report.json: bad", "v3/report.json of 2026-11-28: bad", "v4/report.json: bad",
	}
	if closed {
		want = slices.Insert(want, 0, "closed: bad")
	}
	if !slices.Equal(got, want) {
		t.Errorf("reports:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !strings.HasSuffix(stderr.String(), ": 2 files that are not reports are left out: nights/2026-11-27/package.json, semantic/release.json\n") {
		t.Errorf("stderr: %q", stderr.String())
	}

	stop := errors.New("stop")
	calls := 0
	if err := c.eachSaved(context.Background(), []string{dir}, func(saved) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("after an error of f: %v, %d calls", err, calls)
	}
	for _, arg := range []string{filepath.Join(dir, "nope"), filepath.Join(dir, "semantic"), filepath.Join(dir, "nights", "*.json")} {
		err := c.eachSaved(context.Background(), []string{arg}, func(saved) error { return nil })
		if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUsage {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

// TestSavedWords gives the same words to every command that reads reports: each finds
// the report, or has the same words for what is wrong with it.
func TestSavedWords(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) (string, int) {
		t.Helper()
		stdout, stderr, code := inProcess(t, dir, args, nil)
		return stdout + stderr, code
	}
	must := func(args ...string) {
		t.Helper()
		if out, code := run(args...); code != exitPass {
			t.Fatalf("%v: exit code %d: %s", args, code, out)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{
		"root/etc/os-release": "ID=debian\nVERSION_ID=\"12\"\n", "root/usr/bin/base": "#!/bin/sh\n", "root/var/lib/dpkg/info/base.list": "/.\n/usr\n/usr/bin\n/usr/bin/base\n",
		"root/var/lib/dpkg/status": "Package: base\nStatus: install ok installed\nMaintainer: A <a@example.org>\nArchitecture: amd64\nVersion: 1.0-1\nDescription: for a test\n\n",
	} {
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, at(name), text)
	}
	writeFile(t, at("depaudit.yaml"), "pipeline: p\nstages:\n  - {name: one, environment: \"dir:root\", minimum: 1}\n")
	must("baseline", "update", "-q")
	must("audit", "-q", "-o", "json=good.json", "-o", "cyclonedx-json=sbom.json")
	must("release", "good.json", "-q", "-o", "release", "--date", "2026-11-28")
	data, err := os.ReadFile(at("good.json"))
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for name, text := range map[string]string{
		"other.name": good, "dir/report.json": good, "deep/job/a/b/x.txt": good, "deep/.git/cut.json": "{",
		"cut.json": good[:len(good)/2], "empty.json": "", "space.json": " \n", "text.json": "404 page not found\n", "array.json": "[]",
		"verdict.json": strings.Replace(good, `"verdict": "pass"`, `"verdict": "fail"`, 1),
		"newer.json":   strings.Replace(good, `"schema": 1`, `"schema": 99`, 1),
		"gzip.json":    "\x1f\x8b\x08\x00", "cuts/cut.json": good[:len(good)/2], "cuts/good.json": good, "gone/empty.json": "",
		"none/package.json": `{"name": "x"}`, "links/good.json": good,
	} {
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, at(name), text)
	}
	for link, target := range map[string]string{"link.json": "good.json", "to-dir": "dir", "dangling.json": "nowhere", "links/link.json": "../good.json", "links/same.json": "good.json"} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(at("changed"), os.DirFS(at("release"))); err != nil {
		t.Fatal(err)
	}
	writeFile(t, at("changed/report.json"), good+"\n")

	n := 0
	commands := map[string]func(word string) (string, int){
		"report":    func(w string) (string, int) { return run("report", w) },
		"diff":      func(w string) (string, int) { return run("diff", w, "good.json") },
		"top":       func(w string) (string, int) { return run("top", w) },
		"find":      func(w string) (string, int) { return run("find", "*", w) },
		"find --in": func(w string) (string, int) { return run("find", "*", "--in", w) },
		"history":   func(w string) (string, int) { return run("history", w) },
		"export":    func(w string) (string, int) { return run("export", w, "--date", "2026-11-28", "-o", "ndjson=fleet") },
		"release": func(w string) (string, int) {
			n++
			return run("release", w, "-o", fmt.Sprintf("made/%d", n), "--date", "2026-11-28")
		},
		"update": func(w string) (string, int) { return run("baseline", "update", "--from", w) },
		"except": func(w string) (string, int) { return run("except", "list", "--report", w) },
	}
	environments := []string{"diff", "top", "find"} // which a word can be there, too
	for _, test := range []struct {
		word, want string // "" for a report that is read
		except     []string
	}{
		{word: "good.json"}, {word: "other.name"}, {word: "link.json"}, {word: "dir"}, {word: "to-dir"}, {word: "deep"},
		{word: "release"}, {word: "release/report.json"}, {word: "./dir/../good.json"},
		{word: "cut.json", want: "the document is truncated"},
		{word: "cuts", want: "cut.json:", except: []string{"find", "find --in"}}, // which found it in the other
		{word: "gone", want: "it is empty"},
		{word: "verdict.json", want: `the verdict is "fail", and "pass" follows from the findings`},
		{word: "newer.json", want: "it has schema version 99, and this depaudit reads up to 1"},
		{word: "changed", want: "was changed since the release was made"},
		{word: "changed/report.json", want: "was changed since the release was made"},
		{word: "links", want: "is a symbolic link, which is not read in a directory", except: []string{"find", "find --in"}},
		{word: os.DevNull, want: "it is empty"},
		{word: "empty.json", want: "not a report of depaudit audit -o json: it is empty", except: environments},
		{word: "space.json", want: "not a report of depaudit audit -o json: it is empty", except: environments},
		{word: "text.json", want: "not a report of depaudit audit -o json: not JSON: invalid character 'p' after top-level value", except: environments},
		{word: "array.json", want: "not a report of depaudit audit -o json: it is JSON of another kind", except: environments},
		{word: "gzip.json", want: "not a report of depaudit audit -o json: it is compressed, or an archive", except: environments},
		{word: "sbom.json", want: "not a report of depaudit audit -o json: it is an SBOM or a statement", except: environments},
		{word: "depaudit.baseline.json", want: "not a report of depaudit audit -o json: it is a baseline", except: environments},
		{word: "none", want: "none: no report in the directory or below", except: environments},
		{word: "dangling.json", want: "dangling.json: no such file or directory", except: environments},
		{word: "nowhere/*.json", want: "the pattern matches no file: there is no report", except: environments},
	} {
		for name, command := range commands {
			if slices.Contains(test.except, name) {
				continue
			}
			out, code := command(test.word)
			text := strings.Join(strings.Fields(out), " ") // lines are wrapped
			if test.want == "" && code != exitPass || test.want != "" && (code != exitUsage && code != exitIncomplete || !strings.Contains(text, test.want)) {
				t.Errorf("%s %s: exit code %d: %.300s", name, test.word, code, out)
			}
		}
	}
}

func TestReadManifest(t *testing.T) {
	for _, text := range []string{"", "null", "[]", `{"release": 2}`, `{"release": 1, "x": 1}`, `{"release": 1} {}`,
		`{"release": 1}`, `{"release": 1, "date": "9999-12-31T23:00:00-10:00"}`, `{"release": 1, "date": "0000-01-01T00:00:00Z"}`, `{"release": 1, "date": "1969-12-31T23:59:59Z"}`} {
		if m, err := bundle.ReadManifest([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, m)
		}
	}
}

// TestIsJSON tells whole texts of JSON from those that were cut short, which could have
// been reports.
func TestIsJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	for text, want := range map[string]bool{
		`{"a": [1, "b"]}`: true, `[]`: true, `"a"`: true, `{} {}`: true,
		"": false, " ": false, `{`: false, `{"a": 1`: false, `{"a": 1,`: false, `[[`: false, `[1]]`: false,
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth):     true,
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1): false,
	} {
		writeFile(t, path, text)
		if got := isJSON(path); got != want {
			t.Errorf("%.20q: %v", text, got)
		}
	}
	if err := os.Truncate(path, audit.MaxSize+1); err != nil {
		t.Fatal(err)
	}
	if isJSON(path) {
		t.Error("a file that is larger than any report")
	}
}
