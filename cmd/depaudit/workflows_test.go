package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/depaudit/depaudit/lockcheck"
)

// TestWorkflows checks the workflows of this project: that GitHub accepts them
// (by actionlint), that they give no job a permission unasked, and that all that
// they use is pinned by a commit.
func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		problems, err := linter.Lint(file, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Error(p)
		}
		w, errs := actionlint.Parse(text)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		if w.Permissions == nil || w.Permissions.All != nil || len(w.Permissions.Scopes) > 0 {
			t.Errorf("%s: permissions are not {} at the top", file)
		}
		for name, job := range w.Jobs {
			if job.Permissions == nil || job.Permissions.All != nil {
				t.Errorf("%s: job %s does not name its permissions", file, name)
			}
			if job.TimeoutMinutes == nil {
				t.Errorf("%s: job %s has no timeout", file, name)
			}
		}
		lock, err := lockcheck.Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		for _, note := range lock.Notes {
			t.Errorf("%s:%d: %s", note.File, note.Line, note.Detail)
		}
		if len(lock.Entries) == 0 {
			t.Errorf("%s uses nothing", file)
		}
	}
}
