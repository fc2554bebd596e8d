package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var six = Exception{PURL: "pkg:pypi/six", Stages: []string{"build"}, Rules: []string{"not-pinned", "lock-without-hash"}, Introduces: &Introduces{Most: 2},
	Reason: "it's needed: #12", Owner: "team@example.org", Added: "2026-11-23", Expires: "2027-01-01"}

const sixBlock = `  - purl: pkg:pypi/six
    stage: build
    rule: [not-pinned, lock-without-hash]
    introduces: 2
    reason: 'it''s needed: #12'
    owner: team@example.org
    added: 2026-11-23
    expires: 2027-01-01
`

// edited writes a configuration, changes it and returns the file.
func edited(t *testing.T, doc string, change func(*Editor) error) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "depaudit.yaml")
	if err := os.WriteFile(path, []byte(doc), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	e, err := NewEditor(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := change(e); err != nil {
		return "", err
	}
	if err := e.Write(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	return string(got), nil
}

const editStages = "stages:\n- {name: build, environment: 'dir:x'}\n"

func TestAddException(t *testing.T) {
	const one = "{purl: 'pkg:pypi/a', reason: r, owner: o, expires: 2027-01-01}"
	for name, tt := range map[string]struct{ doc, want string }{
		"no list": {"# top\npipeline: p # name\n\n# the stages\n" + editStages,
			"# top\npipeline: p # name\n\nexceptions:\n" + sixBlock + "\n# the stages\n" + editStages},
		"stages first": {editStages + "pipeline: p", "exceptions:\n" + sixBlock + "\n" + editStages + "pipeline: p\n"},
		"empty list":   {"pipeline: p\nexceptions: [] # none\n" + editStages, "pipeline: p\nexceptions: # none\n" + sixBlock + editStages},
		"block": {"pipeline: p\nexceptions:\n  # why\n  - " + one + " # a\n  # after\n\n# stages\n" + editStages,
			"pipeline: p\nexceptions:\n  # why\n  - " + one + " # a\n" + sixBlock + "  # after\n\n# stages\n" + editStages},
		"quoted key": {"pipeline: p\n'exceptions':\n- " + one + "\n\"stages\":\n" + editStages[8:],
			"pipeline: p\n'exceptions':\n- " + one + "\n" + outdent(sixBlock) + "\"stages\":\n" + editStages[8:]},
		"dashes at the key": {"pipeline: p\n" + editStages + "exceptions:\n- " + one + "\n# end\n",
			"pipeline: p\n" + editStages + "exceptions:\n- " + one + "\n" + outdent(sixBlock) + "# end\n"},
		"text at the end": {"pipeline: p\n" + editStages + "exceptions:\n- purl: 'pkg:pypi/a'\n  owner: o\n  expires: 2027-01-01\n  reason: |\n    two\n\n    # no comment",
			"pipeline: p\n" + editStages + "exceptions:\n- purl: 'pkg:pypi/a'\n  owner: o\n  expires: 2027-01-01\n  reason: |\n    two\n\n    # no comment\n" + outdent(sixBlock)},
		"brackets": {"pipeline: p\nexceptions: [" + one + "] # a\n" + editStages,
			"pipeline: p\nexceptions: [" + one + ", {purl: 'pkg:pypi/six', stage: build, rule: [not-pinned, lock-without-hash], introduces: 2, reason: 'it''s needed: #12', owner: team@example.org, added: 2026-11-23, expires: 2027-01-01}] # a\n" + editStages},
		"windows": {"\ufeffpipeline: p\r\nexceptions:\r\n    - " + one + "\r\n" + strings.ReplaceAll(editStages, "\n", "\r\n"),
			"\ufeffpipeline: p\r\nexceptions:\r\n    - " + one + "\r\n" + strings.ReplaceAll(indent(sixBlock), "\n", "\r\n") + strings.ReplaceAll(editStages, "\n", "\r\n")},
	} {
		got, err := edited(t, tt.doc, func(e *Editor) error {
			_, _, err := e.Add(six)
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	_, err := edited(t, "{pipeline: p, stages: [{name: build, environment: 'dir:x'}]}\n", func(e *Editor) error {
		_, _, err := e.Add(six)
		return err
	})
	var hand *ByHandError
	if !errors.As(err, &hand) {
		t.Error(err)
	}
}

// indent and outdent move a block by two columns.
func indent(block string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(block, "\n"), "\n", "\n  ") + "\n"
}

func outdent(block string) string { return strings.ReplaceAll(block[2:], "\n  ", "\n") }

func TestRemoveExceptions(t *testing.T) {
	x := func(name string) string {
		return "purl: 'pkg:pypi/" + name + "', reason: r, owner: o, expires: 2027-01-01"
	}
	block := "pipeline: p\n# excused\nexceptions: # list\n  # of a\n  - {" + x("a") + "} # a\n\n  # of b\n  # and more\n  - purl: pkg:pypi/b\n    reason: |\n      text\n\n    owner: o # who\n    # when\n    expires: 2027-01-01\n  - {" + x("c") + "}\n\n# end\n" + editStages
	flow := "pipeline: p\nexceptions: [{" + x("a") + "}, {" + x("b") + "},\n  {" + x("c") + "}]\n" + editStages
	for _, tt := range []struct {
		doc  string
		drop []int
		want string
	}{
		{block, []int{0}, "pipeline: p\n# excused\nexceptions: # list\n\n  # of b\n  # and more\n  - purl: pkg:pypi/b\n    reason: |\n      text\n\n    owner: o # who\n    # when\n    expires: 2027-01-01\n  - {" + x("c") + "}\n\n# end\n" + editStages},
		{block, []int{1}, "pipeline: p\n# excused\nexceptions: # list\n  # of a\n  - {" + x("a") + "} # a\n\n  - {" + x("c") + "}\n\n# end\n" + editStages},
		{block, []int{2, 1}, "pipeline: p\n# excused\nexceptions: # list\n  # of a\n  - {" + x("a") + "} # a\n\n# end\n" + editStages},
		{block, []int{0, 1, 2}, "pipeline: p\n# excused\nexceptions: [] # list\n\n# end\n" + editStages},
		{flow, []int{0}, "pipeline: p\nexceptions: [{" + x("b") + "},\n  {" + x("c") + "}]\n" + editStages},
		{flow, []int{2}, "pipeline: p\nexceptions: [{" + x("a") + "}, {" + x("b") + "}]\n" + editStages},
		{flow, []int{0, 1, 2}, "pipeline: p\nexceptions: []\n" + editStages},
		{"pipeline: p\n" + editStages + "exceptions:\n-\n  purl: pkg:pypi/a\n  reason: r\n  owner: o\n  expires: 2027-01-01", []int{0}, "pipeline: p\n" + editStages + "exceptions: []\n"},
	} {
		got, err := edited(t, tt.doc, func(e *Editor) error { return e.Remove(tt.drop) })
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v (-want +got)\n%s", tt.drop, diff)
		}
	}
}

// TestEditFile edits a file of exceptions, by way of a link and in a race.
func TestEditFile(t *testing.T) {
	dir := t.TempDir()
	config, file := filepath.Join(dir, "depaudit.yaml"), filepath.Join(dir, "except.yaml")
	if err := os.WriteFile(config, []byte("pipeline: p\nexceptions: except.yaml\n"+editStages), 0o644); err != nil {
		t.Fatal(err)
	}
	e, err := NewEditor(config)
	if err != nil {
		t.Fatal(err)
	}
	text, line, err := e.Add(six)
	if err != nil || line != 3 || "  "+strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ")+"\n" != sixBlock {
		t.Fatal(line, text, err)
	}
	if err := e.Write(); err != nil {
		t.Fatal(err)
	}
	// The configuration stays, and a link too.
	if err := os.Rename(file, filepath.Join(dir, "real.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.yaml", file); err != nil {
		t.Fatal(err)
	}
	first, err := NewEditor(config)
	if err != nil {
		t.Fatal(err)
	}
	second, err := NewEditor(config)
	if err != nil {
		t.Fatal(err)
	}
	other := six
	other.PURL = "pkg:pypi/other"
	if _, _, err := first.Add(other); err != nil {
		t.Fatal(err)
	}
	if err := second.Remove([]int{0}); err != nil {
		t.Fatal(err)
	}
	if err := first.Write(); err != nil {
		t.Fatal(err)
	}
	if err := second.Write(); err == nil || !strings.Contains(err.Error(), "meanwhile") {
		t.Error("a lost change:", err)
	}
	c, err := Load(config)
	if err != nil || len(c.Exceptions) != 2 || c.Exceptions[1].PURL != other.PURL {
		t.Error(c, err)
	}
	if info, err := os.Lstat(file); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link is gone", err)
	}
}

func TestParseExceptionFlags(t *testing.T) {
	c, err := Parse("f", []byte("pipeline: p\nexception-days: 90\n"+editStages))
	if err != nil {
		t.Fatal(err)
	}
	good := Exception{PURL: "pkg:pypi/a", Reason: "r", Owner: "o", Expires: "2027-01-01"}
	for want, change := range map[string]func(*Exception){
		"":                      func(*Exception) {},
		"--stage: the except":   func(x *Exception) { x.Stages = []string{"biuld"} },
		"--rule: no exceptio":   func(x *Exception) { x.Rules = []string{"growth"} },
		"--purl: invalid pac":   func(x *Exception) { x.PURL = "six" },
		"--path: \"opt\" is no": func(x *Exception) { x.Path = "opt" },
		"--expires: invalid ":   func(x *Exception) { x.Expires = "soon" },
		"--expires: the exce":   func(x *Exception) { x.Expires = "2027-06-01" },
		"--reason: expected ":   func(x *Exception) { x.Reason = "TODO" },
		"--owner: expected w":   func(x *Exception) { x.Owner = " " },
		"an exception withou":   func(x *Exception) { x.PURL = "" },
	} {
		x := good
		change(&x)
		got := ""
		if parsed, err := c.ParseException(x, "2026-11-23"); err != nil {
			got = err.Error()
		} else if parsed.PURL != x.PURL || parsed.Expires != x.Expires {
			t.Errorf("%+v", parsed)
		}
		if !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// FuzzEdit adds an exception to a configuration and removes it: the file has every
// line that it had, in the same order.
func FuzzEdit(f *testing.F) {
	f.Add(fullConfig, "a reason", "pkg:npm/@types/*")
	f.Add("pipeline: p\nexceptions: []\n"+editStages, "it's: #1", "pkg:pypi/six")
	f.Add("pipeline: p\n"+editStages+"exceptions:\n- purl: 'pkg:pypi/a'\n  owner: o\n  expires: 2027-01-01\n  reason: |\n    two\n\n    # no comment\n\n# end", "two\nlines", "pkg:a/b")
	f.Add("pipeline: p\nexceptions: [{purl: 'pkg:pypi/a', reason: é, owner: o, expires: 2027-01-01}, # c\n ]\n"+editStages, "no", "pkg:pypi/six")
	f.Fuzz(func(t *testing.T, doc, reason, purl string) {
		c, err := Parse("f", []byte(doc))
		if err != nil || c.ExceptionsFile != "" {
			t.Skip()
		}
		x, err := c.ParseException(Exception{PURL: purl, Reason: reason, Owner: "o", Expires: "2027-01-01"}, "2026-11-23")
		if err != nil {
			t.Skip()
		}
		e := &Editor{Config: c, File: "f", data: []byte(doc)}
		before := len(c.Exceptions)
		if _, _, err := e.Add(*x); err != nil {
			var hand *ByHandError
			if !errors.As(err, &hand) {
				t.Fatal(err)
			}
			return
		}
		if got := e.Config.Exceptions[before]; got.Reason != x.Reason || got.PURL != x.PURL {
			t.Fatalf("added %+v", got)
		}
		if !strings.Contains(doc, "[") && !isSubsequence(strings.Split(strings.TrimRight(doc, "\r\n"), "\n"), strings.Split(string(e.data), "\n")) {
			t.Fatalf("lines were changed:\n%q\n%q", doc, e.data)
		}
		if err := e.Remove([]int{before}); err != nil {
			t.Fatal(err)
		}
		if len(e.Config.Exceptions) != before {
			t.Fatal("not removed")
		}
	})
}

func isSubsequence(some, all []string) bool {
	for _, l := range some {
		i := slices.IndexFunc(all, func(a string) bool { return strings.TrimSuffix(a, "\r") == strings.TrimSuffix(l, "\r") })
		if i < 0 {
			return false
		}
		all = all[i+1:]
	}
	return true
}
